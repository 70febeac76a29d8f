/* The trace: what happened in a run, in order, as fixed-size events. Worlds and the engine write
 * it, the oracle and the reports read it. Appending allocates nothing; one writer at a time. JSON
 * Lines form: jsonl.h; the ladder in text: ladder.h; comparison: compare.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TRACE_TRACE_H
#define SOCKSPEC_TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cold.h"
#include "base/status.h"
#include "scenario/scenario.h"
#include "tcp/state.h"

enum {
    TRACE_EVENTS_MAX = 1 << 18, /* events of one trace; the run ends in TRACE_OVERFLOW beyond */
    TRACE_NAME_MAX = 64,
    TRACE_PROCESS_STRIDE = 512, /* with TRACE_SEES_PROCESSES: descriptor F of process P (0: the
                                  first) is number P * this + F */
    TRACE_PROCESSES_MAX = 8     /* numbers of processes; the last is shared by all further ones */
};

enum trace_role {
    TRACE_ROLE_SERVER,
    TRACE_ROLE_CLIENT,
    TRACE_ROLE_PAIR,
    TRACE_ROLE_STACK,
    TRACE_ROLE_COUNT
};
enum trace_rules { TRACE_RULES_LINUX, TRACE_RULES_POSIX, TRACE_RULES_COUNT };

/* Whose socket or process an event is about. In pair mode the client program is on PEER. */
enum trace_host { TRACE_HOST_TARGET, TRACE_HOST_PEER, TRACE_HOST_COUNT };

/* Observers that were present. A rule that needs an absent one is SKIP. */
enum trace_observer {
    TRACE_SEES_CALLS = 1 << 0,       /* calls, results, errno */
    TRACE_SEES_STATES = 1 << 1,      /* endpoint states (see TRACE_SAMPLED) */
    TRACE_SEES_WIRE = 1 << 2,        /* segments */
    TRACE_SEES_DESCRIPTORS = 1 << 3, /* descriptors that the target holds */
    TRACE_SEES_HEAP = 1 << 4,        /* heap that the target holds */
    TRACE_SEES_BYTES = 1 << 5,       /* bytes at the peer */
    TRACE_SEES_EXIT = 1 << 6,        /* exit status and signals */
    TRACE_SEES_CPU = 1 << 7,         /* CPU time */
    TRACE_SEES_PROCESSES = 1 << 8,   /* children */
    TRACE_SEES_THREADS = 1 << 9      /* threads: b of BLOCK, and closes while others sleep */
};

/* What the profile promises about the target, as far as the oracle needs it. */
enum trace_promise {
    TRACE_PERSISTENT = 1 << 0,          /* several requests per connection */
    TRACE_HALF_CLOSE_ANSWERED = 1 << 1, /* a request whose FIN came with it is answered */
    TRACE_TARGET_SPEAKS_FIRST = 1 << 2, /* banner */
    TRACE_CONCURRENT = 1 << 3,          /* serves several connections at once */
    TRACE_IDLE_TIMEOUT = 1 << 4,        /* a silent connection must be ended within idle_limit_us */
    TRACE_CLOSES_AFTER_EOF = 1 << 5, /* ends a connection after the peer's FIN and its last byte */
    TRACE_FIXED_PORT = 1 << 6        /* a server that restarts on its port */
};

/* Calls, one by one. X(NAME, "text", FAMILY). */
/* clang-format off */
#define TRACE_CALL_TABLE(X)                                                                       \
    X(NONE, "none", NONE) X(SOCKET, "socket", SOCKET)                                             \
    X(SOCKETPAIR, "socketpair", SOCKET) X(PIPE, "pipe", SOCKET)                                   \
    X(EVENTFD, "eventfd", SOCKET) X(TIMERFD_CREATE, "timerfd_create", SOCKET)                     \
    X(SIGNALFD, "signalfd", SOCKET) X(EPOLL_CREATE, "epoll_create", SOCKET)                       \
    X(BIND, "bind", BIND) X(LISTEN, "listen", LISTEN) X(ACCEPT, "accept", ACCEPT)                 \
    X(ACCEPT4, "accept4", ACCEPT) X(CONNECT, "connect", CONNECT)                                  \
    X(RECV, "recv", RECV) X(RECVFROM, "recvfrom", RECV) X(RECVMSG, "recvmsg", RECV)               \
    X(READ, "read", RECV) X(READV, "readv", RECV) X(SEND, "send", SEND)                           \
    X(SENDTO, "sendto", SEND) X(SENDMSG, "sendmsg", SEND) X(WRITE, "write", SEND)                 \
    X(WRITEV, "writev", SEND) X(SENDFILE, "sendfile", SEND) X(POLL, "poll", WAIT)                 \
    X(PPOLL, "ppoll", WAIT) X(SELECT, "select", WAIT) X(PSELECT, "pselect", WAIT)                 \
    X(EPOLL_WAIT, "epoll_wait", WAIT) X(EPOLL_PWAIT, "epoll_pwait", WAIT)                         \
    X(SLEEP, "sleep", SLEEP) X(PAUSE, "pause", SLEEP)                                             \
    X(SHUTDOWN, "shutdown", SHUTDOWN) X(CLOSE, "close", CLOSE)                                    \
    X(SETSOCKOPT, "setsockopt", OPTION) X(GETSOCKOPT, "getsockopt", OPTION)                       \
    X(GETSOCKNAME, "getsockname", NONE) X(GETPEERNAME, "getpeername", NONE)                       \
    X(FCNTL, "fcntl", CONTROL) X(IOCTL, "ioctl", CONTROL)                                         \
    X(EPOLL_CTL, "epoll_ctl", CONTROL) X(DUP, "dup", CONTROL)                                     \
    X(DUP2, "dup2", CONTROL) X(DUP3, "dup3", CONTROL)                                             \
    X(TIMERFD_SETTIME, "timerfd_settime", NONE) X(OPEN, "open", OPEN)                             \
    X(FSTAT, "fstat", NONE) X(LSEEK, "lseek", NONE) X(SIGACTION, "sigaction", NONE)               \
    X(SIGPROCMASK, "sigprocmask", NONE) X(ALARM, "alarm", NONE)                                   \
    X(KILL, "kill", NONE) X(GETADDRINFO, "getaddrinfo", NONE)                                     \
    X(CLOCK, "clock_gettime", NONE) X(SOCKATMARK, "sockatmark", NONE)                             \
    X(EXIT, "exit", NONE) X(ABORT, "abort", NONE) X(MALLOC, "malloc", NONE)                       \
    X(FORK, "fork", NONE) X(EXEC, "exec", NONE) X(THREAD, "pthread_create", NONE) \
    X(SYSCALL, "syscall", NONE)
/* clang-format on */

#define TRACE_CALL_ENUM(name, text, family) TRACE_CALL_##name,
enum trace_call { TRACE_CALL_TABLE(TRACE_CALL_ENUM) TRACE_CALL_COUNT };
#undef TRACE_CALL_ENUM

/* Kinds of events. Fields not named are 0 (fd: -1). `conn` is the connection, numbered from 1 in
 * the order of its SYN or connect(); both ends share it; 0: none. X(NAME, "text") */
/* clang-format off */
#define TRACE_KIND_TABLE(X)                                                                       \
    X(NONE, "none")                                                                               \
    X(PHASE, "phase") /* what: enum trace_phase; a: descriptors open, b: heap blocks held,        \
                         result: their bytes */                                                   \
    X(CALL, "call") /* what: enum trace_call, fd, conn, result, err; a, b: see below */           \
    X(BLOCK, "block") /* what: the call that goes to sleep, fd, conn; a: timeout in us, -1        \
                         none; b: threads of the target besides the one that sleeps */            \
    X(READY, "ready") /* after a wait's CALL, one per descriptor: fd, conn; a: asked, b: got      \
                         (poll bits); epoll: TRACE_EDGE in flags where the item is                \
                         edge-triggered */                                                        \
    X(FD_OPEN, "open") /* fd, conn; what: enum trace_file; a: O_* flags (CLOEXEC, NONBLOCK),      \
                          b: now open */                                                          \
    X(FD_CLOSE, "closed") /* fd, conn; what: enum trace_file; a: 1 when the last of its           \
                             description, b: now open */                                          \
    X(STATE, "state") /* host, conn; what: new tcp_state, a: old one, b: enum tcp_event */        \
    X(SEGMENT, "segment") /* host: sender, conn; what: scenario_segment; result: enum             \
                             trace_fate; a: sequence number from the ISN, b: bytes of data */     \
    X(DIALOGUE, "dialogue") /* conn; what: enum trace_dialogue; a: which message from 1, b:       \
                               byte offset */                                                     \
    X(PEER, "peer") /* conn; fd: peer id; what: enum trace_peer; a: bytes; err */                 \
    X(STEP, "step") /* what: scenario_verb, fd: id; a: index of the step */                       \
    X(NOOP, "noop") /* what: scenario_verb, fd: id; a: index of the step; b: enum trace_noop */   \
    X(FAULT, "fault") /* a fault that struck; what: trace_call, fd, conn, err; a: short           \
                         limit, b: 1 when only POSIX allows it; flags TRACE_EINTR by a            \
                         handled signal; what NONE: an ICMP message, a: its code */                                                        \
    X(TIME, "time") /* virtual time went on: a: microseconds */                                   \
    X(SIGNAL, "signal") /* what: number; a: enum trace_disposition; b: 1 raised by the kernel     \
                           model (SIGPIPE) */                                                     \
    X(HEAP, "heap") /* at idle with no connection open: a: blocks, b: bytes, result:              \
                       dialogues so far; TRACE_SAMPLED: b by pages, a says nothing */             \
    X(SPIN, "spin") /* the run ends: what: the call repeated, fd, conn; a: calls at this          \
                       instant */                                                                 \
    X(EXIT, "exit") /* what: enum trace_exit; result: status or signal; of a crash without a signal,    \
                       as sanitizers end a process, the status below 0; a: descriptors, b: heap   \
                       blocks held */                                                             \
    X(PROCESS, "process") /* of a child; what: enum trace_process; result: its number; a: which one   \
                             from 1, in the order of their FORKs; b: listeners it holds (LEFT) */    \
    X(THREAD, "thread") /* of a program with several threads; what: enum trace_thread; a: its         \
                           number, 0 the one that runs main; b: what it waits for (WAITS): enum       \
                           trace_wait; result: the thread that has it, -1 none */                                                              \
    X(OUTPUT, "output") /* the target wrote to stdout or stderr (fd); a: bytes */                 \
    X(UNSUPPORTED, "unsupported") /* what: trace_call; a, b: arguments; result: 1 when it         \
                                     ends the run */                                              \
    X(BYTES, "bytes") /* what a scripted socket of role stack received: fd, conn; what: enum        \
                         trace_bytes; result: how many; a: offset in the stream, b: a hash of them */ \
    X(OVERFLOW, "overflow") /* the trace is full; the run ends */
/* clang-format on */

#define TRACE_KIND_ENUM(name, text) TRACE_##name,
enum trace_kind { TRACE_KIND_TABLE(TRACE_KIND_ENUM) TRACE_KIND_COUNT };
#undef TRACE_KIND_ENUM

/* clang-format off */
/* a and b of CALL, by call:
 *   socket a type with flags, b domain     bind, connect a port, b domain    listen a backlog
 *   accept, accept4 a flags; result: the new descriptor; conn: the accepted connection
 *   recv… a length asked, b MSG_ flags     send… a length asked, b MSG_ flags
 *   shutdown a how                         close a 1 when it was the last of its description
 *   dup… a wanted number                   fcntl a command, b argument     ioctl a request, b value
 *   setsockopt, getsockopt a level << 16 | name, b value (the first int; linger: on | seconds << 32;
 *   times: us)                             poll, select, epoll_wait a descriptors or maxevents, b timeout
 *   in us or -1                            epoll_ctl fd: the registered one, a op | epfd << 8, b events
 *   sigaction a signal, b 0 default, 1 ignored, 2 handler (| 0x100 with SA_RESTART)
 *   pthread_create a number of the new thread, where threads are numbered
 *   fork result: the child's process number, a which child from 1     exec a process number
 *   sleep a us   exit a status   getsockname, getpeername a port, b of role stack: enum world_place
 * Calls of scripted sockets (role stack) are traced likewise by the engine. */
/* clang-format on */

enum trace_flag {
    TRACE_SAMPLED = 1 << 0, /* seen by sampling: "was in", never "passed through" */
    TRACE_FAULTED = 1 << 1, /* a fault changed this call's answer */
    TRACE_EDGE = 1 << 2,
    TRACE_INHERITED = 1 << 3, /* FD_OPEN: there when the program started (0, 1, 2) */
    TRACE_NONBLOCK = 1 << 4   /* CALL, BLOCK: the descriptor is O_NONBLOCK (or MSG_DONTWAIT) */
};

/* X(NAME, "text") */
/* clang-format off */
#define TRACE_PHASE_TABLE(X)                                                                      \
    X(STARTED, "started") /* the program starts (again, after a restart) */                       \
    X(READY, "ready") /* idle for the first time: the baseline for leaks */                       \
    X(PLAYED, "played") /* no step is left; faults, holds and stalls are lifted */                \
    X(QUIET, "quiet") /* peers have closed, the clock ran to idle_limit: what is held now is      \
                         kept for ever */                                                         \
    X(BROKEN_OFF, "broken off") /* in place of QUIET: the world could not let the clock run so far  \
                                   on; what is held now may yet be let go */                      \
    X(STOPPING, "stopping") /* the target is asked to stop */                                     \
    X(ENDED, "ended")
/* clang-format on */
#define TRACE_PHASE_ENUM(name, text) TRACE_PHASE_##name,
enum trace_phase { TRACE_PHASE_TABLE(TRACE_PHASE_ENUM) TRACE_PHASE_COUNT };
#undef TRACE_PHASE_ENUM

/* clang-format off */
#define TRACE_FILE_TABLE(X)                                                                       \
    X(OTHER, "other") X(SOCKET, "socket") X(LISTENER, "listener") X(EPOLL, "epoll")               \
    X(PIPE, "pipe") X(EVENTFD, "eventfd") X(TIMERFD, "timerfd")                                   \
    X(SIGNALFD, "signalfd") X(FILE, "file") X(CONSOLE, "console")
/* clang-format on */
#define TRACE_FILE_ENUM(name, text) TRACE_FILE_##name,
enum trace_file { TRACE_FILE_TABLE(TRACE_FILE_ENUM) TRACE_FILE_COUNT };
#undef TRACE_FILE_ENUM

/* clang-format off */
#define TRACE_FATE_TABLE(X)                                                                       \
    X(SENT, "sent") X(HELD, "held") X(DELIVERED, "delivered") X(DROPPED, "dropped")               \
    X(DUPLICATED, "duplicated") X(INJECTED, "injected")                                           \
    X(RETRANSMITTED, "retransmitted")
/* clang-format on */
#define TRACE_FATE_ENUM(name, text) TRACE_FATE_##name,
enum trace_fate { TRACE_FATE_TABLE(TRACE_FATE_ENUM) TRACE_FATE_COUNT };
#undef TRACE_FATE_ENUM

/* What the peer's decoder understood, by connection. Message numbers count from 1. */
/* clang-format off */
#define TRACE_DIALOGUE_TABLE(X)                                                                   \
    X(REQUEST_SENT, "request sent") /* server targets: a whole request left the peer */           \
    X(RESPONSE_BEGUN, "response begun") /* server targets: its first byte came */                 \
    X(RESPONSE_COMPLETE, "response complete")                                                     \
    X(RESPONSE_WRONG, "response wrong") /* b: offset of the first wrong byte; once per            \
                                           connection */                                          \
    X(GREETING, "greeting complete") /* banner */                                                 \
    X(REQUEST_BEGUN, "request begun") /* client targets: its first byte came */                   \
    X(REQUEST_COMPLETE, "request complete") /* client targets */                                  \
    X(REQUEST_WRONG, "request wrong")                                                             \
    X(RESPONSE_SENT, "response sent") /* client targets: the peer sent a whole response */        \
    X(LAST_SENT, "last request sent") /* the target must close after this one's answer */         \
    X(UNPREDICTABLE, "unpredictable") /* the peer left the protocol: no answer is owed from       \
                                         here on */                                               \
    X(LEAVE_TAKEN, "leave taken")     /* server targets: the answer that came said that it is the \
                                         last on this connection */
/* clang-format on */
#define TRACE_DIALOGUE_ENUM(name, text) TRACE_DIALOGUE_##name,
enum trace_dialogue { TRACE_DIALOGUE_TABLE(TRACE_DIALOGUE_ENUM) TRACE_DIALOGUE_COUNT };
#undef TRACE_DIALOGUE_ENUM

/* What a scripted peer did or saw. */
/* clang-format off */
#define TRACE_PEER_TABLE(X)                                                                       \
    X(CONNECTED, "connected") X(ACCEPTED, "accepted") X(REFUSED, "refused")                       \
    X(SENT, "sent") X(READ, "read") X(SAW_FIN, "saw FIN") X(SAW_RST, "saw RST")                   \
    X(TIMED_OUT, "timed out") X(STALLED, "stalled") X(RESUMED, "resumed")                         \
    X(SHUT_WRITE, "shut write") X(SHUT_READ, "shut read") X(CLOSED, "closed")                     \
    X(RESET, "reset")
/* clang-format on */
#define TRACE_PEER_ENUM(name, text) TRACE_PEER_##name,
enum trace_peer { TRACE_PEER_TABLE(TRACE_PEER_ENUM) TRACE_PEER_COUNT };
#undef TRACE_PEER_ENUM

/* clang-format off */
#define TRACE_NOOP_TABLE(X)                                                                       \
    X(NO_EFFECT, "the socket or segment that it names is not there or cannot do this")            \
    X(CALL_NEVER_CAME, "the call that it waits for never came")                                   \
    X(NOT_ALLOWED, "this kernel can never answer so here (precondition of the fault)")            \
    X(TARGET_GONE, "the target had ended")                                                        \
    X(TOO_SLOW, "it takes real time, since the target has a timer that could run: --slow")        \
    X(NO_WIRE, "it needs a wire of its own, which was refused here")
/* clang-format on */
#define TRACE_NOOP_ENUM(name, text) TRACE_NOOP_##name,
enum trace_noop { TRACE_NOOP_TABLE(TRACE_NOOP_ENUM) TRACE_NOOP_COUNT };
#undef TRACE_NOOP_ENUM

enum trace_disposition {
    TRACE_SIGNAL_IGNORED,
    TRACE_SIGNAL_HANDLED,
    TRACE_SIGNAL_KILLED,
    TRACE_SIGNAL_BLOCKED
};

/* clang-format off */
#define TRACE_EXIT_TABLE(X)                                                                       \
    X(RETURNED, "exited") /* main returned or exit(): result = status */                          \
    X(SIGNALLED, "killed by a signal") /* result = signal */                                      \
    X(ABORTED, "aborted") /* abort(), an assertion */                                             \
    X(CRASHED, "crashed") /* a fault in its code or a sanitizer's report */                       \
    X(STOPPED_BY_HANDLER, "stopped") /* ended after the stop signal by its own handler:           \
                                        result = status */                                        \
    X(JUMPED, "did not stop") /* had to be left by force after the stop signal */                 \
    X(HUNG, "hung") /* used CPU without a call until the watchdog came */                         \
    X(UNSUPPORTED, "needs what this world does not have")                                         \
    X(DEADLOCKED, "deadlocked") /* each of its threads waits for another one; result: how many */
/* clang-format on */
#define TRACE_EXIT_ENUM(name, text) TRACE_EXIT_##name,
enum trace_exit { TRACE_EXIT_TABLE(TRACE_EXIT_ENUM) TRACE_EXIT_COUNT };
#undef TRACE_EXIT_ENUM

/* clang-format off */
#define TRACE_PROCESS_TABLE(X)                                                                    \
    X(ENDED, "ended")                                                                             \
    X(UNREAPED, "not waited for") /* it ended, and the program, asked to stop now, has not        \
                                     called wait for it */                                        \
    X(LEFT, "left behind") /* it lives on when the first process has ended */                     \
    X(FAILED, "failed") /* it is about to end, by a signal or with a status that is not 0 */
/* clang-format on */
#define TRACE_PROCESS_ENUM(name, text) TRACE_PROCESS_##name,
enum trace_process { TRACE_PROCESS_TABLE(TRACE_PROCESS_ENUM) TRACE_PROCESS_COUNT };
#undef TRACE_PROCESS_ENUM

/* Received bytes, compared with what the other end sent at this place of its stream. */
/* clang-format off */
#define TRACE_BYTES_TABLE(X)                                                                      \
    X(AS_SENT, "as sent") X(WRONG, "not as sent")                                                 \
    X(UNKNOWN, "not compared") /* urgent data, a disconnect: offsets no longer match */
/* clang-format on */
#define TRACE_BYTES_ENUM(name, text) TRACE_BYTES_##name,
enum trace_bytes { TRACE_BYTES_TABLE(TRACE_BYTES_ENUM) TRACE_BYTES_COUNT };
#undef TRACE_BYTES_ENUM

/* clang-format off */
#define TRACE_THREAD_TABLE(X)                                                                     \
    X(RUNS, "runs") /* the calls that follow are its, up to the next RUNS of its host */          \
    X(WAITS, "waits") /* it sleeps until another thread acts */                                   \
    X(ENDED, "ended")
#define TRACE_WAIT_TABLE(X)                                                                       \
    X(NONE, "none") X(MUTEX, "mutex") X(RWLOCK, "rwlock") X(CONDITION, "condition")               \
    X(SEMAPHORE, "semaphore") X(BARRIER, "barrier") X(JOIN, "join") X(ONCE, "once")
/* clang-format on */
#define TRACE_THREAD_ENUM(name, text) TRACE_THREAD_##name,
enum trace_thread { TRACE_THREAD_TABLE(TRACE_THREAD_ENUM) TRACE_THREAD_COUNT };
#undef TRACE_THREAD_ENUM
#define TRACE_WAIT_ENUM(name, text) TRACE_WAIT_##name,
enum trace_wait { TRACE_WAIT_TABLE(TRACE_WAIT_ENUM) TRACE_WAIT_COUNT };
#undef TRACE_WAIT_ENUM

struct trace_event {
    int64_t time_us; /* virtual time since the world's reset */
    uint8_t kind;    /* enum trace_kind */
    uint8_t host;    /* enum trace_host */
    uint8_t what;    /* by kind */
    uint8_t flags;   /* enum trace_flag */
    int32_t fd;      /* descriptor, peer id, or -1 */
    uint32_t conn;   /* connection from 1; 0 none */
    int32_t err;     /* errno, 0 none */
    int64_t result;
    int64_t a;
    int64_t b;
};
_Static_assert(sizeof(struct trace_event) == 48, "an event is 48 bytes");

struct trace_header {
    char target[TRACE_NAME_MAX];   /* name of the target */
    char scenario[TRACE_NAME_MAX]; /* name of the case, or empty */
    enum trace_role role;
    enum trace_rules rules;
    uint32_t observers;       /* enum trace_observer */
    uint32_t promises;        /* enum trace_promise */
    int64_t idle_limit_us;    /* how long a silent connection may live; the drain runs to here */
    int64_t connect_limit_us; /* client: within this a connect must have been given up; 0 none */
    uint64_t seed;            /* of kernel choices and initial sequence numbers */
    uint32_t repeats;         /* how often the steps are played; 0: once */
};

struct trace {
    struct trace_header header;
    struct trace_event *events; /* `count` of them */
    uint32_t count;
    uint32_t capacity; /* <= TRACE_EVENTS_MAX */
    int64_t now_us;    /* stamped on every event; the world keeps it up to date */
};

/* Reserves room for `capacity` events. Errors: STATUS_NO_MEMORY, STATUS_LIMIT. */
enum status trace_init(struct trace *trace, uint32_t capacity) STATUS_MUST_USE;
void trace_done(struct trace *trace);
/* Forgets the events, keeps header and storage. */
static inline void trace_clear(struct trace *trace)
{
    trace->count = 0;
    trace->now_us = 0;
}

/* Rarely: the last slot of a trace that is full becomes TRACE_OVERFLOW. */
COLD_CALL void trace_overflow(struct trace *trace);
/* The next event, stamped, with kind and host set, fd -1 and all else 0. Never NULL: when the trace
 * is full the last slot is overwritten with TRACE_OVERFLOW and a scratch slot is returned; see
 * trace_full. */
static inline struct trace_event *trace_add(struct trace *trace, enum trace_kind kind,
                                            enum trace_host host)
{
    struct trace_event *event = &trace->events[trace->count];
    if (LIKELY(trace->count + 1 < trace->capacity)) {
        trace->count++;
    } else {
        trace_overflow(trace);
        event = &trace->events[trace->capacity];
    }
    *event = (struct trace_event){
        .time_us = trace->now_us, .kind = (uint8_t)kind, .host = (uint8_t)host, .fd = -1};
    return event;
}
/* Whether a state was seen by looking, so that nobody knows what it came by (b says nothing). */
static inline bool trace_state_sampled(const struct trace_event *event)
{
    return event->kind == TRACE_STATE && (event->flags & TRACE_SAMPLED) != 0;
}
static inline bool trace_full(const struct trace *trace)
{
    return trace->count + 1 >= trace->capacity;
}

/* Fixed texts of the tables above; "?" out of range. */
const char *trace_kind_name(enum trace_kind kind);
const char *trace_call_name(enum trace_call call);
enum scenario_call trace_call_family(enum trace_call call);
const char *trace_phase_name(enum trace_phase phase);
const char *trace_file_name(enum trace_file file);
const char *trace_fate_name(enum trace_fate fate);
const char *trace_dialogue_name(enum trace_dialogue what);
const char *trace_peer_name(enum trace_peer what);
const char *trace_noop_name(enum trace_noop reason);
const char *trace_exit_name(enum trace_exit how);
const char *trace_process_name(enum trace_process what);
const char *trace_bytes_name(enum trace_bytes what);
const char *trace_thread_name(enum trace_thread what);
const char *trace_wait_name(enum trace_wait what);
/* "ECONNRESET"; "errno 123" is never needed: unknown numbers give "E?". */
const char *trace_errno_name(int error);

#endif
