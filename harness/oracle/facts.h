/* Inside the oracle: what the common pass has learnt of a run so far, and how predicates report.
 * A predicate's on_event runs before the facts take the event in: it sees the world as it was. A
 * field named at_… is an event's index plus one, 0: it has not happened. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_ORACLE_FACTS_H
#define SOCKSPEC_ORACLE_FACTS_H

#include "oracle/oracle.h"

enum {
    FACTS_RECEIVES = 16,         /* latest receives of a connection that are remembered */
    FACTS_MESSAGES = 8,          /* latest messages of the peer likewise */
    FACTS_READY = 64,            /* descriptors of one wait's answer */
    FACTS_HEAP = 8,              /* latest heap samples */
    FACTS_FLOOD = 100,           /* complaints about one want in a second that are a flood */
    FACTS_CHILDREN = 64,         /* first children whose ends are remembered */
    FACTS_PATIENCE_US = 1000000, /* shorter than any sensible limit of a program */
    FACTS_PATIENCE_PART =
        12 /* a program may give up on a peer that is silent for this part of idle_limit */
};

/* What happened to a connection, as far as it excuses or accuses. */
enum facts_conn_flag {
    FACTS_PEER_SEEN = 1 << 0,  /* a scripted peer holds the other end */
    FACTS_PEER_GONE = 1 << 1,  /* the peer closed before the drain */
    FACTS_PEER_RESET = 1 << 2, /* the peer aborted, or an RST was injected towards the target */
    FACTS_PEER_SHUT = 1 << 3,  /* the peer half-closed before the drain */
    FACTS_STALLED = 1 << 4,    /* the peer does not read now */
    FACTS_EVER_STALLED = 1 << 5,
    FACTS_OFF_PROTOCOL = 1 << 6, /* no answer is owed any more */
    FACTS_LOSSY = 1 << 7,        /* a segment of it was lost, forged or came too late */
    FACTS_URGENT = 1 << 8,
    FACTS_SILENT = 1 << 9,         /* the peer was silent, or let nothing be sent, for too long */
    FACTS_OLD = 1 << 10,           /* it belonged to a program that was restarted since */
    FACTS_ACCEPTED = 1 << 11,      /* accept gave it to the program */
    FACTS_LINGER_0 = 1 << 12,      /* SO_LINGER {1,0} is set */
    FACTS_LAST = 1 << 13,          /* the program must close after the answer */
    FACTS_SEND_STUCK = 1 << 14,    /* the last send did not take everything */
    FACTS_EOF = 1 << 15,           /* the program read 0 */
    FACTS_ERROR = 1 << 16,         /* a call told the program of an error */
    FACTS_HALF_SHUT = 1 << 17,     /* the program called shutdown(SHUT_WR) */
    FACTS_ESTABLISHED = 1 << 18,   /* the program's end was ESTABLISHED */
    FACTS_RESOURCE = 1 << 19,      /* a call on it failed for want of descriptors or memory, or one
                                      did since it was last heard, and it was closed */
    FACTS_READY_SEEN = 1 << 20,    /* a wait reported it */
    FACTS_PEER_ACCEPTED = 1 << 21, /* clients: the peer accepted it */
    FACTS_CUT_MESSAGE = 1 << 22,   /* the program ended it inside a message that was on its way */
    FACTS_RST_CAME = 1 << 23,      /* an RST from the peer's end was on the wire, not held */
    FACTS_STRUCK = 1 << 24,        /* a call on it was made to fail */
    FACTS_PEER_CLOSED = 1 << 25,   /* the peer closed, before the drain or in it */
    FACTS_SENDING = 1 << 26,       /* a thread sleeps in a send on it: it waits for the peer */
    FACTS_TOOK_LEAVE = 1 << 27     /* the program's answer said that none would follow */
};

/* What may concern a rule at an event: a rule that says when (its row's `when`) is called only
 * while one of its bits is set. A bit may stay set for longer than what it stands for, never the
 * reverse. Of the whole run: */
enum facts_live {
    FACTS_OUT_OF_BAND = 1 << 0, /* taken from the event: b has the bit of MSG_OOB */
    FACTS_ALWAYS = 1 << 1,
    FACTS_NO_FD = 1 << 2,         /* taken from the event: it has no descriptor */
    FACTS_LATE = 1 << 3,          /* some silence may be too long */
    FACTS_GIVEN_UP = 1 << 4,      /* bind, listen or connect failed */
    FACTS_CONNECT_INTR = 1 << 5,  /* connect was interrupted */
    FACTS_SOFT_ACCEPT = 1 << 6,   /* accept failed for a passing reason */
    FACTS_FULL = 1 << 7,          /* accept lacked a descriptor */
    FACTS_STOP_HANDLED = 1 << 8,  /* the program took a stop signal */
    FACTS_BATCH_CLOSED = 1 << 9,  /* a descriptor was closed since the latest wait */
    FACTS_WAIT_INTR = 1 << 10,    /* a wait was interrupted */
    FACTS_CONN_ERROR = 1 << 11,   /* a call told of a connection's error */
    FACTS_CLOCK_JUMPED = 1 << 12, /* the wall clock */
    FACTS_SEND_AGAIN = 1 << 13,   /* a send answered EAGAIN */
    FACTS_ANY_STALLED = 1 << 14,  /* a peer stalled */
    FACTS_SLEPT_ON_ONE = 1 << 15, /* it slept in a transfer */
    FACTS_ANY_SHUT = 1 << 16,     /* it called shutdown(SHUT_WR) */
    FACTS_ANY_EDGE = 1 << 17,     /* something is waited for edge-triggered */
    /* Of the event's descriptor: */
    FACTS_FD_FAILED = 1 << 18,     /* bind, listen or connect failed on it */
    FACTS_FD_PROGRESS = 1 << 19,   /* EINPROGRESS, and the outcome was not asked for yet */
    FACTS_FD_INTR = 1 << 20,       /* EINTR, not yet followed up */
    FACTS_FD_AGAIN = 1 << 21,      /* EAGAIN, not yet followed up */
    FACTS_FD_IN_HUP = 1 << 22,     /* input and its end were reported together */
    FACTS_FD_HUP = 1 << 23,        /* HUP or ERR was reported */
    FACTS_FD_READY = 1 << 24,      /* it was reported */
    FACTS_FD_OPTION = 1 << 25,     /* an option failed on it */
    FACTS_FD_CLOSE_INTR = 1 << 26, /* close answered EINTR */
    FACTS_FD_CLOSED = 1 << 27,     /* it was closed and not opened again */
    FACTS_FD_BLOCKING = 1 << 28,   /* accepted, and nobody asked for O_NONBLOCK */
    FACTS_FD_CHANCE = 1 << 29,     /* accepted from an O_NONBLOCK listener, flags left alone */
    FACTS_FD_INHERITED = 1 << 30   /* accepted, without FD_CLOEXEC */
};
#define FACTS_NEVER (1U << 31) /* a bit that is never set */

struct facts_receive {
    uint32_t from; /* offset in the peer's stream */
    uint32_t at;
};

/* A connection. Offsets and sums are bytes. */
struct facts_conn {
    uint32_t flags;    /* enum facts_conn_flag */
    int32_t fd;        /* of the program judged, -1 */
    uint8_t state;     /* enum tcp_state of the program's end */
    uint8_t receives;  /* in the ring, counted without end */
    uint32_t requests; /* whole messages that the peer sent to a server */
    uint32_t owed;     /* those that were sent before the peer left the protocol */
    uint32_t answers;  /* whole messages that the program sent (responses; requests of a client) */
    uint32_t replies;  /* clients: whole responses that the peer sent */
    uint32_t messages; /* entries ever put into message_end */
    int64_t sent;      /* by the program */
    int64_t received;  /* by the program */
    int64_t peer_sent;
    int64_t peer_read;
    int64_t arrived;    /* of the peer's stream at the program's kernel, where segments were seen */
    int64_t reply_from; /* clients: peer_sent when the newest response was complete */
    int64_t message_us; /* when the peer began the message in progress, or the newest one */
    int64_t peer_us;    /* when the peer last did something */
    int64_t moved_us; /* when a transfer of the program last moved bytes, or the connection began */
    int64_t send_us;  /* when a send of the program last took something */
    int64_t reader_us; /* when it last read */
    int64_t room_us;   /* while it is stalled: when the program could last send, as far as shows */
    int64_t room_from; /* peer_read from which on the program certainly can send again */
    int64_t opened_us;
    uint32_t at_open; /* accept or connect */
    uint32_t at_established;
    uint32_t at_peer_fin; /* the program's end learnt of the peer's FIN (CLOSE-WAIT and the like) */
    uint32_t at_request;  /* the newest whole message of the peer */
    uint32_t at_begun;    /* the newest RESPONSE_BEGUN or REQUEST_BEGUN */
    uint32_t at_answer;   /* the newest whole message of the program */
    uint32_t at_wrong;
    uint32_t at_partial;       /* a send took less than asked */
    uint32_t at_again;         /* EAGAIN, not yet followed up */
    uint32_t at_denied;        /* a fault answered a receive that nothing is there */
    uint32_t at_dropped;       /* it was closed behind EAGAIN, after an answer */
    uint32_t at_dropped_again; /* that EAGAIN */
    uint32_t at_rst;           /* RST from the peer */
    uint32_t at_rst_went;      /* the first RST from the program's end that was on the wire */
    uint32_t at_saw_rst;       /* the peer saw one */
    uint32_t at_saw_fin;
    uint32_t at_send;      /* the newest send that took something */
    uint32_t at_receive;   /* the newest receive that brought something */
    uint32_t at_linger;    /* SO_LINGER {1,0} was set */
    uint32_t at_abort;     /* the program's end aborted */
    int64_t request_us;    /* when that message was whole */
    bool overdue_at_close; /* it closed after a silence: a limit of its own may have passed */
    bool crossed_at_close; /* so it did, and the newest message came in that very instant */
    bool unread_at_close;  /* with an answer on its way it closed over input that it had not read */
    uint32_t at_close;     /* the program closed its last descriptor, or it was shut for both */
    uint32_t at_shut;      /* shutdown(SHUT_WR) by the program */
    uint32_t at_eof;       /* it read 0 */
    uint32_t at_half;      /* the peer half-closed */
    uint32_t at_stall;     /* the newest stall of the peer */
    uint32_t at_connect;   /* the connect call */
    uint32_t at_child;     /* a child moved bytes on it that another process had accepted */
    uint32_t requests_at_half;
    uint32_t at_edge; /* edge-triggered input was reported and not yet read to the end */
    struct facts_receive
        receive[FACTS_RECEIVES];         /* rings, not cleared: the counts say what is valid */
    int64_t message_end[FACTS_MESSAGES]; /* offset after its last byte */
};

/* A descriptor number; generations are told apart by at_opened. */
struct facts_fd {
    uint32_t live; /* enum facts_live */
    bool open;
    bool accepted; /* by accept */
    bool listener;
    bool nonblock; /* asked for explicitly on this descriptor */
    bool inherits; /* its listener was O_NONBLOCK */
    bool cloexec;
    bool explicit_flags; /* accept4, F_SETFL or FIONBIO said what it shall be */
    bool edge;           /* in an epoll set, edge-triggered */
    bool checked;        /* SO_ERROR read (or connect called again) since EINPROGRESS */
    bool used;           /* bytes moved on it since the failed option */
    uint8_t kind;        /* enum trace_file, as its opening said; OTHER where it was not told */
    bool oob_inline : 1;
    bool reuseaddr : 1;
    bool reuseaddr_refused : 1; /* it was asked for, in vain */
    bool baseline : 1;          /* open at READY */
    bool inherited : 1;         /* 0, 1, 2 as the program found them */
    bool listens : 1;           /* a listener, or a child's copy of one */
    bool execed : 1;            /* another program was started with it, and has not touched it */
    bool
        slept_on : 1; /* a thread sleeps in accept, connect or a transfer on it; there are others */
    uint32_t conn;
    uint32_t at_opened;
    uint32_t at_closed;     /* of the previous generation while open */
    uint32_t at_failed;     /* bind, listen or connect failed and was not made good */
    uint32_t at_progress;   /* EINPROGRESS */
    uint32_t at_intr;       /* EINTR, not yet followed up */
    uint32_t at_again;      /* EAGAIN, not yet followed up */
    uint32_t at_option;     /* setsockopt, fcntl or ioctl failed on it */
    uint32_t at_hup;        /* HUP or ERR was reported */
    uint32_t at_close_intr; /* close answered EINTR */
    uint32_t at_ready;      /* reported by the latest wait */
    uint32_t at_in_hup;     /* that report said input and the end of input together */
};

_Static_assert(sizeof(struct facts_fd) == 64, "found by a shift");

struct facts_ready {
    int32_t fd;
    uint32_t conn;
    uint32_t at;
    uint32_t got;
};

struct facts_heap {
    uint32_t at;
    int64_t dialogues;
    int64_t blocks;
    int64_t bytes;
    bool sampled; /* by pages: blocks says nothing */
};

/* A descriptor of which the kernel said that it is closed, while the call has not been told yet. */
struct facts_closing {
    int32_t fd;
    bool last;     /* of its open file description */
    uint32_t conn; /* 0: the one that the number stands for */
    int64_t time_us;
    uint32_t at; /* mark; 0: none */
};

struct facts {
    uint32_t live;   /* enum facts_live */
    bool past_limit; /* a number was too large for a table */
    struct facts_closing closing;
    enum trace_role role;          /* as which the program is judged */
    enum trace_host host;          /* where it runs */
    const struct trace_event *end; /* of the trace */
    uint32_t promises;
    uint32_t observers;
    int64_t patience_us; /* a program may give up on a peer that is silent for longer */
    bool in_service;     /* it listened or connected with success, ever */
    bool stopping;       /* asked to stop, or its stop signal came */
    bool ended;
    bool played;                     /* no step is left */
    bool wire_touched;               /* hold, cut, lose, drop, duplicate or inject */
    bool wire_lossy;                 /* cut or lose: anything may be missing */
    uint32_t held[TRACE_HOST_COUNT]; /* segments of each sender that are held now */
    bool has_threads;                /* it made one, or slept with other threads beside it, ever */
    bool busy_at_quiet;              /* it slept in a call on one connection when all was quiet */
    bool cut_short;                  /* the run ended early: a spin, or a full trace */
    bool backing_off; /* it slept for a limited time after an error when the last step was played */
    bool waits_on_listener; /* a wait reported the listener */
    bool waits_on_connections;
    uint32_t conns_used;         /* connections are 1 … conns_used */
    uint32_t fds_used;           /* numbers below this were seen */
    uint32_t held_at_ready;      /* facts_held when it was ready */
    uint32_t processes_at_ready; /* bit of each that was there then, by its number */
    int32_t listener;            /* -1 none */
    int64_t backlog;             /* of the latest listen */
    uint32_t waiting;            /* connections begun by peers and not accepted yet */
    uint32_t waiting_max;
    uint32_t turn; /* index of the latest wait or sleep: what came since belongs together */
    uint32_t turns[TRACE_PROCESSES_MAX]; /* the same of each process, by its number, as far as the
                                            wait tells whose it is */
    uint32_t at_phase[TRACE_PHASE_COUNT];
    uint32_t at_exit;
    uint32_t at_spin;
    uint32_t at_posix_fault;
    uint32_t at_soft_accept;  /* accept failed for a passing reason */
    uint32_t at_full;         /* EMFILE or ENFILE from accept */
    uint32_t at_no_number;    /* EMFILE or ENFILE from any other call */
    uint32_t at_memory;       /* ENOBUFS or ENOMEM from any call */
    uint32_t at_wait_intr;    /* EINTR from a wait, not yet followed up */
    uint32_t at_error;        /* the latest error of a connection that a call told */
    uint32_t at_rst;          /* the latest RST from a peer that arrived */
    uint32_t at_no_port;      /* EADDRNOTAVAIL */
    uint32_t at_no_fd;        /* the latest socket, accept or connect that failed */
    uint32_t at_said;         /* the latest message on standard error */
    uint32_t at_clock;        /* the wall clock jumped */
    uint32_t at_sleep;        /* the latest sleep in a wait */
    int64_t block_us;         /* its limit, -1 none */
    uint8_t block_family;     /* enum scenario_call */
    uint32_t at_block;        /* the call that the program sleeps in, 0 when it runs */
    uint32_t at_stop_signal;  /* before the last step was played */
    uint32_t at_stop_handled; /* a handler of the program took it */
    uint32_t at_stop_told;    /* and a call that it interrupted told the program */
    uint32_t at_stop_ignored; /* asked to stop, it ignores that signal */
    uint32_t at_died;         /* it ended by itself, in service and not asked to */
    uint32_t block_at_death;  /* its latest sleep before that */
    uint32_t at_lock_wait;    /* a thread went to wait for a mutex and has not run since; 0 none */
    uint32_t lock_waiter;     /* its number */
    uint32_t at_last_block;
    uint32_t at_connect_intr; /* connect was interrupted and has not succeeded since */
    uint32_t at_close_intr;
    uint32_t at_cloexec;   /* it made a socket with SOCK_CLOEXEC: it cares */
    uint32_t at_io;        /* the latest transfer */
    int32_t io_fd;         /* and its descriptor */
    int32_t edge_listener; /* a listener registered edge-triggered, -1 */
    int32_t failed_fd;     /* of the latest failed bind, listen or connect, -1 */
    int32_t intr_fd;       /* of the latest EINTR, -1 */
    int32_t again_fd;      /* of the latest EAGAIN, -1 */
    uint32_t console;      /* bits 0 to 2: the program found this number open */
    uint32_t at_alarm;     /* SIGALRM came */
    uint32_t at_call;      /* the latest call of the program */
    uint32_t at_flood; /* the first of the latest failures of accept for want of descriptors that it
                          wrote about */
    uint32_t at_flooded;      /* there were FACTS_FLOOD of them within a second */
    uint32_t flood_full;      /* at_full of the latest */
    uint32_t floods;          /* how many since at_flood */
    int64_t flood_us;         /* time of the first */
    uint32_t at_fork;         /* the latest fork */
    uint32_t at_exec;         /* the latest exec that left sockets open */
    uint32_t at_child_failed; /* a child ended by a signal, or with a status not 0 */
    uint32_t at_user_signal;  /* SIGUSR1 or SIGUSR2, whatever it means, was handled */
    uint32_t at_first_user;   /* the first of them came: until the next step, */
    uint32_t held_at_user;    /* facts_held then, */
    uint32_t kept_for_user;   /* and how many more there were when that step came */
    uint32_t at_low;          /* a socket got a number that belongs to standard streams */
    uint32_t at_low_closed;   /* what had it was closed */
    uint32_t low_conn;
    bool user_is_over; /* that step has come */
    bool hands_low;    /* another program was started with a connection for a standard stream */
    uint32_t at_ended[FACTS_CHILDREN]; /* ends of children, by which one they were */
    uint32_t at_waiting_max;
    uint32_t batch; /* index of the latest wait's CALL */
    uint32_t ready_count;
    struct facts_ready ready[FACTS_READY];
    uint32_t heaps;
    struct facts_heap heap[FACTS_HEAP];
    struct facts_conn *conns; /* ORACLE_CONNECTIONS_MAX + 1; 0 is never used */
    struct facts_fd *fds;     /* ORACLE_DESCRIPTORS_MAX */
};

/* Dispatch: one slot per kind, and one per value of what an event is about where rules tell these
 * apart. */
enum {
    ORACLE_WHATS = 32,                   /* values of `what` that a slot can be chosen by */
    ORACLE_SLOT_DONE = TRACE_KIND_COUNT, /* calls by name */
    ORACLE_SLOT_FAILED = ORACLE_SLOT_DONE + TRACE_CALL_COUNT,
    ORACLE_SLOT_PHASE = ORACLE_SLOT_FAILED + TRACE_CALL_COUNT,
    ORACLE_SLOT_SAYS = ORACLE_SLOT_PHASE + TRACE_PHASE_COUNT,
    ORACLE_SLOT_PEER = ORACLE_SLOT_SAYS + TRACE_DIALOGUE_COUNT,
    ORACLE_SLOTS = ORACLE_SLOT_PEER + TRACE_PEER_COUNT,
    ORACLE_CALLS_MAX = 1024 /* rules of all slots together */
};
_Static_assert((int)TRACE_DIALOGUE_COUNT <= (int)ORACLE_WHATS &&
                   (int)TRACE_PEER_COUNT <= (int)ORACLE_WHATS &&
                   (int)TRACE_PHASE_COUNT <= (int)ORACLE_WHATS && (int)TRACE_CALL_COUNT <= 64,
               "masks hold them");

/* How the facts take an event in: it is number at - 1. What a table is too small for is left out:
 * past_limit. */
typedef void facts_take(struct facts *facts, const struct trace_event *event, uint32_t at);

/* What becomes of the events of a slot. */
struct oracle_slot {
    facts_take *take;
    bool own;       /* only events of the program judged come to it */
    uint16_t first; /* its rules are call[first] … */
    uint16_t end;   /* … up to call[end] */
    uint32_t force; /* all bits for events that are too rare to be guarded */
};

/* Which rules a kind of run needs; rebuilt when the header's masks change. */
struct oracle_plan {
    bool valid;
    enum trace_role role;
    uint32_t observers;
    uint32_t promises;
    uint32_t plain; /* kinds that no rule looks at: bits (1 << enum trace_kind) of FACTS_PLAIN */
    uint8_t ends;
    uint8_t end[ORACLE_RULE_COUNT];
    struct oracle_slot slot[ORACLE_SLOTS];
    uint8_t call[ORACLE_CALLS_MAX]; /* rules, slot by slot */
    uint32_t when[ORACLE_RULE_COUNT];
    uint32_t live[ORACLE_SLOTS]; /* what any rule of the slot needs */
    struct oracle_verdict initial[ORACLE_RULE_COUNT];
};

/* Makes the plan for runs with such a header, unless it is for such runs already. */
void oracle_plan_make(struct oracle_plan *plan, const struct trace_header *header,
                      enum trace_role role, enum trace_host host);

/* What of the plan wears off during a run: a rule that was kept may have nothing left to say. */
struct oracle_watch {
    uint32_t when[ORACLE_RULE_COUNT];
    uint32_t live[ORACLE_SLOTS];
};

struct oracle {
    struct facts facts;
    const struct trace *trace;
    struct oracle_judgement *judging; /* the one being filled */
    struct oracle_judgement judgement[2];
    struct oracle_watch watch;
    struct oracle_plan plan[TRACE_HOST_COUNT]; /* pair mode has one per host */
    struct stack *stack;                       /* for runs of stacks; NULL: there was none yet */
    bool whole[2]; /* of judgement: the verdicts on rules for stacks are those of a program */
};

/* ---- Reports of predicates ---- */

/* Evidence: up to four at_… marks (0 is left out), in any order, and the connection they are about.
 */
struct oracle_evidence {
    uint32_t conn;
    uint32_t at[ORACLE_EVIDENCE_MAX];
};
#define EVIDENCE(conn, ...) (&(const struct oracle_evidence){(conn), {__VA_ARGS__}})

void oracle_keep(struct oracle *oracle, unsigned rule, const struct oracle_evidence *evidence);
/* `note`: what the program did, in fixed words. The first report of a rule stands. */
void oracle_break(struct oracle *oracle, unsigned rule, const char *note,
                  const struct oracle_evidence *evidence);
/* Kept, but a choice that people want to know of: the grade is INFO. */
void oracle_inform(struct oracle *oracle, unsigned rule, const char *note,
                   const struct oracle_evidence *evidence);

/* ---- Facts ---- */

/* Forgets the last run, in O(what it used). */
void facts_clear(struct facts *facts);
/* Of kinds other than CALL. `ret_own`: only when it is the program's: what the one on the other
 * host calls and holds is none of its business. */
facts_take *facts_take_kind(enum trace_kind kind, bool *ret_own);
/* Kinds that come often, from either host. */
enum {
    FACTS_PLAIN = 1U << TRACE_SEGMENT | 1U << TRACE_STATE | 1U << TRACE_TIME | 1U << TRACE_NOOP
};
/* Of a call of the program, by whether it failed. */
facts_take *facts_take_call(unsigned call, bool has_failed);

/* The kernel tells of a close before the call that asked for it is told: that call shall still find
 * the descriptor open. Every event of the program begins here. */
void facts_finish_closing(struct facts *facts) __attribute__((cold));
static inline void facts_begin_event(struct facts *facts)
{
    if (__builtin_expect(facts->closing.at != 0, 0)) {
        facts_finish_closing(facts);
    }
}

static inline enum scenario_call facts_family(unsigned call)
{
#define FACTS_FAMILY(name, text, family) [TRACE_CALL_##name] = SCENARIO_CALL_##family,
    static const uint8_t families[TRACE_CALL_COUNT] = {TRACE_CALL_TABLE(FACTS_FAMILY)};
#undef FACTS_FAMILY
    return call < TRACE_CALL_COUNT ? (enum scenario_call)families[call] : SCENARIO_CALL_NONE;
}

/* The process that a descriptor is of, where processes are seen; 0: the first. */
static inline uint32_t facts_process(int64_t fd)
{
    return fd >= 0 ? (uint32_t)(fd / TRACE_PROCESS_STRIDE) : 0;
}

/* The latest wait of the process that the descriptor is of; where there is one process, of any. */
static inline uint32_t facts_turn(const struct facts *facts, int64_t fd)
{
    uint32_t process = facts_process(fd);
    bool several = facts->at_fork != 0 && process < TRACE_PROCESSES_MAX;
    return several ? facts->turns[process] : facts->turn;
}

/* Whether the descriptor is open, and neither a connection's nor a listener, nor what a run time
 * opens for itself (devices, folders), nor of a process that came after the program was ready. */
bool facts_counts(const struct facts *facts, uint32_t fd);
/* How many such there are. */
uint32_t facts_held(const struct facts *facts);

/* The descriptor's record, NULL for numbers that cannot be one. */
static inline struct facts_fd *facts_fd(struct facts *facts, int64_t fd)
{
    return fd >= 0 && fd < ORACLE_DESCRIPTORS_MAX ? &facts->fds[fd] : NULL;
}

/* The connection's record, NULL for none. */
static inline struct facts_conn *facts_conn(struct facts *facts, uint32_t conn)
{
    return conn > 0 && conn <= ORACLE_CONNECTIONS_MAX ? &facts->conns[conn] : NULL;
}

static inline const struct trace_event *oracle_event(const struct oracle *oracle, uint32_t at)
{
    return &oracle->trace->events[at - 1];
}

/* Whether anything excuses that an answer did not come: the peer's doing, the wire's, or the
 * clock's. */
bool facts_excused(const struct facts *facts, const struct facts_conn *conn);
/* Server: a request that left the peer was not answered and nothing excuses it. */
bool facts_unserved(const struct facts *facts, const struct facts_conn *conn);
/* Server: the handshake was complete, and accept never gave the connection to the program, to the
 * end. */
bool facts_never_accepted(const struct facts *facts, const struct facts_conn *conn);
/* Whether one thread alone waits and acts. Where several do, whose wait a report was, and who takes
 * it up, is not known, and chance decides what is reported at all: rules that what was reported
 * keeps are not kept by it then. */
static inline bool facts_one_waits(const struct facts *facts)
{
    return facts->at_fork == 0 && !facts->has_threads;
}
/* The mark of the program's death when nothing but its own reaction lies between `at` and its end;
 * else 0. */
static inline uint32_t facts_died_of(const struct facts *facts, uint32_t at)
{
    bool other = facts->at_memory > at || facts->at_full > at; /* a want that came later */
    return at != 0 && !other && facts->at_died > at && facts->block_at_death <= at ? facts->at_died
                                                                                   : 0;
}

#endif
