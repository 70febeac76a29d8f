/* Inside the oracle: what a run of a stack has shown so far. Both hosts are scripted, so the trace
 * says everything: what was sent, what arrived, what every call answered. A predicate runs before
 * its event is taken in. One process owns the descriptors of both hosts. A field at_… is an event's
 * index plus one, 0: it has not happened. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_ORACLE_STACK_H
#define SOCKSPEC_ORACLE_STACK_H

#include <sys/socket.h>

#include "oracle/facts.h"

enum {
    STACK_FDS = 512,             /* descriptor numbers */
    STACK_FILES = 512,           /* open file descriptions; 0 is none */
    STACK_CONNS = 512,           /* connections; 0 is none */
    STACK_GAPS = 16,             /* pieces of a stream that arrived behind a gap */
    STACK_NOT_KNOWN = -1,        /* in place of an errno */
    STACK_OPTIONS = 24,          /* options of one socket that are remembered */
    STACK_SURE = 4096,           /* so little unread input finds room in any buffer */
    STACK_WAITING_US = 60000000, /* TIME-WAIT and an orphan's FIN-WAIT-2 on Linux, */
    STACK_WAITING_LATE_US = STACK_WAITING_US / 8 /* whose timers may be so much later */
};

/* What became of an open file description. */
enum stack_role {
    STACK_FRESH,    /* never connected, does not listen */
    STACK_LISTENER, /* listens */
    STACK_ACTIVE,   /* connect was called */
    STACK_ACCEPTED, /* accept gave it */
    STACK_UNKNOWN   /* after shutdown of a listener, or when it left its connection */
};

struct facts_stack_option {
    int64_t name; /* level << 16 | name */
    int64_t value;
    uint32_t at;
    bool inherited; /* from its listener, which had it when the connection was complete */
};

/* An open file description; duplicates share it. */
struct stack_file {
    uint8_t host;
    uint8_t role; /* enum stack_role */
    uint8_t refs;
    uint8_t options; /* in use */
    bool nonblock;   /* asked for in its type */
    bool linked;     /* connect said 0, or accept gave it: the program knows that it is connected */
    bool error_read; /* SO_ERROR was read and nothing has failed since */
    bool mixed;      /* a listener whose queue is not known: its own host may have connected to it,
                        which the wire does not show, or another one has no known port either */
    bool renamed; /* bind was called when its connection was over, and may have changed its name */
    bool watch_unsure; /* which registration with epoll a report is about is not known */
    uint16_t fd;       /* the number it got first */
    uint16_t listener; /* file that accepted it */
    uint16_t shut_fd;  /* the number through which it was shut for writing */
    int64_t port;      /* bound to; 0 none */
    int64_t to_port;   /* connected to; 0 none */
    int64_t backlog;
    int64_t peeked; /* bytes that the last MSG_PEEK showed and nobody has read since */
    uint32_t conn;
    uint32_t left; /* the connection that it had before a disconnect: calls still name it */
    uint32_t at_opened;
    uint32_t at_listen;
    uint32_t at_connect; /* EINPROGRESS, or 0 */
    uint32_t at_shut_read;
    uint32_t at_shut_write;
    uint32_t at_shut_listener;
    uint32_t at_shut_early; /* a shutdown without a connection, or with one that is not open yet,
                               which is remembered: what calls say later is the stack's affair */
    uint32_t at_closed;     /* the last descriptor */
    uint32_t at_eof;        /* recv said 0 */
    uint32_t at_told;       /* a call told of the end of the connection by an error */
    uint32_t at_full;       /* the newest send found no room, or not for all */
    uint32_t at_emfile;     /* accept had no descriptor */
    uint32_t at_ready;      /* the newest poll that said IN; 0 after a receive or accept */
    uint32_t at_peek;
    uint32_t at_watch;         /* in the epoll set since */
    uint32_t watch;            /* events asked for there, EPOLLET and EPOLLONESHOT among them */
    uint32_t at_report;        /* the newest report of epoll_wait since at_watch, */
    uint32_t at_report_before; /* and the one before */
    uint32_t at_stir;          /* the newest event of which epoll tells edge-triggered */
    uint32_t at_touch;         /* the newest at which it may: an option, or anything of the
                                  connection but this file's own receiving and questions */
    uint16_t watch_fd;         /* the number that was registered */
    int32_t told;              /* that errno */
    struct facts_stack_option option[STACK_OPTIONS];
};

struct stack_gap {
    int64_t from;
    int64_t to;
};

/* One end of a connection; offsets are bytes of a stream from 0. */
struct stack_end {
    uint8_t state;      /* enum tcp_state */
    uint8_t step_state; /* before the step that changed it */
    uint8_t reset_from; /* state in which an RST ended it */
    uint8_t gaps;
    uint16_t visited;   /* bits of enum tcp_state */
    uint16_t file;      /* 0: none, or closed */
    uint16_t last_file; /* the file it had */
    uint32_t step;      /* of step_state */
    int32_t pending;    /* errno that a call has to tell; 0 none, or STACK_NOT_KNOWN */
    int64_t sent;       /* taken by send */
    int64_t received;   /* given by recv */
    int64_t arrived;    /* of the other end's stream, without a gap */
    int64_t highest;    /* of the other end's stream, behind gaps too */
    int64_t fin;        /* offset of its own FIN, -1: none sent */
    int64_t other_fin;  /* offset of the other's FIN where that arrived, -1 */
    int64_t urgent;     /* offset behind the urgent byte that arrived last, -1 */
    int64_t sent_us;    /* when it last sent anything but an acknowledgment */
    int64_t heard_us;   /* when something of the other end last arrived */
    int64_t syn_us;     /* its newest SYN */
    int64_t syn_gap_us; /* between the last two */
    int64_t local_port; /* as getsockname said, 0 unknown */
    int64_t state_us;
    struct stack_gap gap[STACK_GAPS];
    bool fin_arrived; /* the other's FIN, in order */
    bool missed;      /* the other's FIN came behind data that did not, for an end that was shut */
    bool timed_out;
    uint8_t heard_state; /* when the newest arrived */
    bool urgent_read;
    bool urgent_passed; /* by a read, or by one that came later */
    bool urgent_unsure; /* whether a read has passed it is not known */
    uint8_t left_out;   /* urgent bytes that a stack may have left out of what recv counts */
    bool syn_uneven;    /* its SYNs came again sooner, not later */
    bool window_full;   /* a send found no room while the other end did not read */
    uint32_t syns;
    uint32_t at_state[TCP_STATE_COUNT];
    uint32_t at_syn_arrived;
    uint32_t at_fin_sent;
    uint32_t at_fin_arrived;
    uint32_t at_fin_again; /* the other's FIN arrived again */
    uint32_t at_data_arrived;
    uint32_t at_old_data;   /* what had arrived before arrived again */
    uint32_t at_new_closed; /* new data arrived after the full close */
    uint32_t at_rst_sent;
    uint32_t at_rst_lost; /* an RST of it never arrived */
    uint32_t at_rst_came;
    uint32_t at_heard;         /* the newest arrival, */
    uint32_t at_heard_before;  /* and the one before */
    uint32_t at_reset;         /* an RST ended it */
    uint32_t at_ack;           /* the newest pure acknowledgment of it that was seen (held wires) */
    uint32_t at_segment;       /* the newest segment of it */
    uint32_t at_fed;           /* forged bytes, or what numbers them, came to it */
    uint32_t at_urgent;        /* urgent byte arrived */
    uint32_t at_cookie;        /* it answered a SYN, and kept nothing of it */
    uint32_t at_soft;          /* the newest ICMP message about it */
    uint32_t at_missing;       /* the first segment of it that was lost, of those that take up
                                  sequence numbers, and it has sent none of that again */
    uint8_t missing;           /* which: enum scenario_segment */
    bool comes_again;          /* it has sent again what was lost */
    int64_t missing_from;      /* its sequence number, counted from the initial one, */
    int64_t missing_to;        /* and that behind it */
    uint32_t at_accepted_send; /* a send after the other end's full close that was taken */
};

struct stack_conn {
    struct stack_end end[TRACE_HOST_COUNT];
    uint16_t listener; /* file */
    int64_t port;      /* connected to; 0 unknown */
    int64_t from_port; /* the connecting socket was bound to */
    bool own;          /* to the own host: both ends are on it */
    bool lossy;        /* a segment of it was lost, held or copied */
    bool injected;     /* a forged segment came, of whatever kind */
    bool urgent;
    uint32_t at_connect;
    uint32_t at_forged; /* a forged segment that may have moved a window or a stream: no RST; or
                           text that may have proved a SYN cookie */
    uint32_t at_lost;   /* a segment of it was lost */
    uint32_t at_reused; /* its SYN came while TIME-WAIT held the same pair of ports */
    uint32_t at_established;                         /* at the listener's end */
    uint8_t inherited;                               /* options in use */
    struct facts_stack_option option[STACK_OPTIONS]; /* that the listener had then */
};

struct stack {
    uint16_t fds[STACK_FDS];    /* file of each number, 0 free */
    uint8_t cloexec[STACK_FDS]; /* asked for */
    uint32_t files_used;
    uint32_t conns_used;
    uint32_t step;      /* mark of the newest step, */
    uint32_t last_step; /* and of the one before */
    uint32_t at_played; /* no step is left, and what was held is delivered */
    uint32_t at_wait;   /* the newest poll or epoll_wait */
    bool wait_epoll;
    bool sampled;                     /* states are looked at now and then */
    uint8_t verb;                     /* of the step: enum scenario_verb */
    bool is_time;                     /* the step lets time pass */
    bool holds;                       /* a step held the wire, and none released it since */
    bool held;                        /* a step did so at any time */
    bool held_seen[TRACE_HOST_COUNT]; /* and a segment of this host waits */
    bool cut;                         /* a step cut the wire, and none mended it since */
    bool past_limit;
    int64_t now_us;
    struct stack_file file[STACK_FILES];
    struct stack_conn conn[STACK_CONNS];
};

/* What an event is about. */
struct stack_view {
    struct stack_file *file; /* NULL: none */
    struct stack_conn *conn; /* NULL: none */
    struct stack_end *own;   /* the end on the event's host; NULL without a connection */
    struct stack_end *other;
};

/* The open file that is registered with its host's epoll under that number; NULL where there is
 * none, or that is not known. */
struct stack_file *facts_stack_watched(struct stack *stack, unsigned host, int64_t fd);
void facts_stack_clear(struct stack *stack);
/* Takes an event in; `at` is its mark. */
void facts_stack_take(struct stack *stack, const struct trace_event *event, uint32_t at);
/* What the event is about; false when it has no file and no connection. */
bool facts_stack_see(struct stack *stack, const struct trace_event *event,
                     struct stack_view *ret_view);
/* The option as a setsockopt gave it to the file or to its listener; NULL where none did. */
const struct facts_stack_option *facts_stack_find_option(const struct stack_file *file, int level,
                                                         int name);
/* Its value, `fallback` where none was given. */
int64_t facts_stack_option(const struct stack_file *file, int level, int name, int64_t fallback);
/* The file that listens on that port for certain, NULL for none. */
const struct stack_file *facts_stack_listener(const struct stack *stack, unsigned host,
                                              int64_t port);
/* Connections that wait in the queue of a listener; the oldest in `ret_first`, 0 none. `ret_alive`:
 * how many of them were not reset. */
uint32_t facts_stack_queue(const struct stack *stack, const struct stack_file *listener,
                           uint32_t *ret_first, uint32_t *ret_alive);
/* What poll says of the file: bits that must stand there, and bits of which nothing is known. */
void facts_stack_readiness(const struct stack *stack, const struct stack_file *file,
                           uint32_t *ret_must, uint32_t *ret_open);

static inline enum tcp_state stack_state_before(const struct stack *stack,
                                                const struct stack_end *end)
{
    return (enum tcp_state)(end->step == stack->step ? end->step_state : end->state);
}
/* Input that arrived and was not read. */
static inline int64_t stack_unread(const struct stack_end *end)
{
    return end->arrived - end->received;
}
/* Whether what arrived is known for certain: little, nothing forged, nothing urgent, and it still
 * is there: an end for which data comes when it is shut resets itself. */
static inline bool stack_is_sure(const struct stack_conn *conn, const struct stack_end *end)
{
    return conn->at_forged == 0 && !conn->urgent && end->at_new_closed == 0 &&
           stack_unread(end) <= STACK_SURE;
}
/* Whether a segment left its sender now: one that a step takes off the wire had left before. */
static inline bool stack_is_sent(const struct stack *stack, const struct trace_event *event)
{
    return event->result == TRACE_FATE_SENT || event->result == TRACE_FATE_HELD ||
           event->result == TRACE_FATE_RETRANSMITTED ||
           (event->result == TRACE_FATE_DROPPED && stack->verb != SCENARIO_WIRE_DROP &&
            stack->verb != SCENARIO_WIRE_CUT);
}
/* Whether what the other end read was acknowledged, as far as it matters: a small buffer may be
 * full of what is not. */
static inline bool stack_is_acknowledged(const struct stack *stack, const struct stack_conn *conn,
                                         const struct stack_file *file)
{
    return (!stack->holds && conn->at_lost == 0) ||
           facts_stack_find_option(file, SOL_SOCKET, SO_SNDBUF) == NULL;
}
/* Whether of two connections in a queue the first was complete before the other for certain: of
 * what happened within a step, samples tell no order. */
static inline bool stack_is_before(const struct stack *stack, const struct trace *trace,
                                   const struct stack_conn *first, const struct stack_conn *other)
{
    bool step_between = !stack->sampled;
    for (uint32_t i = first->at_established; i < other->at_established && !step_between; i++) {
        step_between = trace->events[i].kind == TRACE_STEP || trace->events[i].kind == TRACE_NOOP;
    }
    return first->at_established != 0 && other->at_established != 0 && step_between;
}
static inline bool stack_been(const struct stack_end *end, enum tcp_state state)
{
    return (end->visited >> state & 1U) != 0;
}
static inline bool stack_is_linux(const struct oracle *oracle)
{
    return oracle->trace->header.rules == TRACE_RULES_LINUX;
}

/* Kept where `good`, broken with the note where not; two marks prove it. */
void oracle_stack_verdict(struct oracle *oracle, unsigned rule, bool good, const char *note,
                          uint32_t conn, uint32_t at, uint32_t also);

/* The rule is broken where one of these segments (bits of enum scenario_segment) was lost and has
 * not come again in a minute. */
void oracle_stack_judge_missing(struct oracle *oracle, unsigned rule, uint32_t kinds,
                                const char *note);
/* Where the newest RST that came to this end stands: 1 at the expected number, -1 elsewhere, 0 not
 * known. */
int oracle_stack_rst_place(const struct oracle *oracle, const struct stack_end *end);

/* The predicates that the table names for stacks. */
#define ORACLE_STACK_RULE(name)                                                                    \
    void oracle_##name##_stack(struct oracle *oracle, unsigned rule,                               \
                               const struct trace_event *event, uint32_t index)

/* stack_open.c */
ORACLE_STACK_RULE(cre_01);
ORACLE_STACK_RULE(cre_02);
ORACLE_STACK_RULE(cre_05);
ORACLE_STACK_RULE(cre_07);
ORACLE_STACK_RULE(cre_08);
ORACLE_STACK_RULE(cre_09);
ORACLE_STACK_RULE(cre_10);
ORACLE_STACK_RULE(cre_11);
ORACLE_STACK_RULE(cre_13);
ORACLE_STACK_RULE(cre_14);
ORACLE_STACK_RULE(cre_15);
ORACLE_STACK_RULE(cre_17);
ORACLE_STACK_RULE(cre_18);
ORACLE_STACK_RULE(cre_19);
ORACLE_STACK_RULE(acc_01);
ORACLE_STACK_RULE(acc_02);
ORACLE_STACK_RULE(acc_03);
ORACLE_STACK_RULE(acc_04);
ORACLE_STACK_RULE(acc_05);
ORACLE_STACK_RULE(acc_07);
ORACLE_STACK_RULE(acc_08);
ORACLE_STACK_RULE(acc_11);
ORACLE_STACK_RULE(acc_14);
ORACLE_STACK_RULE(acc_15);
ORACLE_STACK_RULE(bkl_01);
ORACLE_STACK_RULE(bkl_02);
ORACLE_STACK_RULE(bkl_05);
/* stack_data.c */
ORACLE_STACK_RULE(dat_01);
ORACLE_STACK_RULE(dat_04);
ORACLE_STACK_RULE(dat_07);
ORACLE_STACK_RULE(dat_09);
ORACLE_STACK_RULE(dat_10);
ORACLE_STACK_RULE(dat_11);
ORACLE_STACK_RULE(dat_12);
ORACLE_STACK_RULE(dat_13);
ORACLE_STACK_RULE(dat_15);
ORACLE_STACK_RULE(dat_17);
ORACLE_STACK_RULE(hcl_01);
ORACLE_STACK_RULE(hcl_02);
ORACLE_STACK_RULE(hcl_03);
ORACLE_STACK_RULE(hcl_06);
ORACLE_STACK_RULE(hcl_07);
ORACLE_STACK_RULE(hcl_08);
/* stack_close.c */
ORACLE_STACK_RULE(clo_01);
ORACLE_STACK_RULE(clo_02);
ORACLE_STACK_RULE(clo_03);
ORACLE_STACK_RULE(clo_04);
ORACLE_STACK_RULE(clo_05);
ORACLE_STACK_RULE(clo_08);
ORACLE_STACK_RULE(clo_10);
ORACLE_STACK_RULE(clo_11);
ORACLE_STACK_RULE(clo_13);
ORACLE_STACK_RULE(clo_14);
ORACLE_STACK_RULE(twt_01);
ORACLE_STACK_RULE(twt_02);
ORACLE_STACK_RULE(twt_03);
ORACLE_STACK_RULE(twt_04);
ORACLE_STACK_RULE(twt_05);
/* stack_reset.c */
ORACLE_STACK_RULE(rst_01);
ORACLE_STACK_RULE(rst_02);
ORACLE_STACK_RULE(rst_03);
ORACLE_STACK_RULE(rst_04);
ORACLE_STACK_RULE(rst_06);
ORACLE_STACK_RULE(rst_07);
ORACLE_STACK_RULE(rst_08);
ORACLE_STACK_RULE(rst_09);
ORACLE_STACK_RULE(rst_10);
ORACLE_STACK_RULE(rst_11);
ORACLE_STACK_RULE(rst_15);
ORACLE_STACK_RULE(err_03);
ORACLE_STACK_RULE(err_04);
ORACLE_STACK_RULE(tmo_01);
ORACLE_STACK_RULE(tmo_02);
ORACLE_STACK_RULE(tmo_05);
/* stack_ready.c */
ORACLE_STACK_RULE(rdy_01);
ORACLE_STACK_RULE(rdy_02);
ORACLE_STACK_RULE(rdy_03);
ORACLE_STACK_RULE(rdy_04);
ORACLE_STACK_RULE(rdy_05);
ORACLE_STACK_RULE(rdy_06);
ORACLE_STACK_RULE(rdy_12);
ORACLE_STACK_RULE(rdy_09);

/* stack_process.c */
ORACLE_STACK_RULE(acc_13);
ORACLE_STACK_RULE(dat_06);
ORACLE_STACK_RULE(dat_16);
ORACLE_STACK_RULE(clo_09);
ORACLE_STACK_RULE(rst_12);
ORACLE_STACK_RULE(err_02);
ORACLE_STACK_RULE(err_05);
ORACLE_STACK_RULE(err_08);

/* Judges a trace of role stack. */
enum status oracle_stack_judge(struct oracle *oracle, struct status_detail *detail) STATUS_MUST_USE;

#endif
