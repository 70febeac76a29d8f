/* A scenario: an ordered list of steps that some world will play. It knows neither the world nor
 * the target. Plain data, no pointers inside: copied by assignment, compared field by field
 * (scenario_equal). Text form: text.h; byte form: code.h; mutation: mutate.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SCENARIO_SCENARIO_H
#define SOCKSPEC_SCENARIO_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum {
    SCENARIO_STEPS_MAX = 256,       /* steps of one scenario */
    SCENARIO_SOCKETS_MAX = 32,      /* peers (and app sockets) that can be named: 0 … 31 */
    SCENARIO_LITERAL_MAX = 4096,    /* literal bytes of all steps together */
    SCENARIO_AMOUNT_MAX = 1 << 20,  /* bytes that one step may send or read */
    SCENARIO_REPEAT_MAX = 64,       /* `x N` of a send */
    SCENARIO_CALL_MAX = 255,        /* N of `before call N` and of fault repetitions */
    SCENARIO_TIME_MS_MAX = 86400000 /* one step advances time by a day at most */
};

/* `from` of `peer recv all` and `kernel descriptors free`, `to` of a slice without an end. */
#define SCENARIO_ALL UINT32_MAX

/* Who acts. X(NAME, "text") */
#define SCENARIO_ACTOR_TABLE(X)                                                                    \
    X(PEER, "peer")                                                                                \
    X(WIRE, "wire")                                                                                \
    X(KERNEL, "kernel")                                                                            \
    X(TIME, "time")                                                                                \
    X(TARGET, "target")                                                                            \
    X(APP, "app")

#define SCENARIO_ACTOR_ENUM(name, text) SCENARIO_ACTOR_##name,
enum scenario_actor { SCENARIO_ACTOR_TABLE(SCENARIO_ACTOR_ENUM) SCENARIO_ACTOR_COUNT };
#undef SCENARIO_ACTOR_ENUM

/* Kinds of calls, by family: a scenario names what a program does, not which of the interchangeable
 * functions it chose (recv, read, readv, recvmsg … are all `recv`). X(NAME, "text") */
#define SCENARIO_CALL_TABLE(X)                                                                     \
    X(NONE, "none")                                                                                \
    X(SOCKET, "socket") /* socket, socketpair, pipe, eventfd, … : new descriptors */             \
    X(BIND, "bind")                                                                                \
    X(LISTEN, "listen")                                                                            \
    X(ACCEPT, "accept")                                                                            \
    X(CONNECT, "connect")                                                                          \
    X(RECV, "recv")                                                                                \
    X(SEND, "send")                                                                                \
    X(WAIT, "wait") /* poll, select, epoll_wait and their p-forms */                               \
    X(SLEEP, "sleep")                                                                              \
    X(SHUTDOWN, "shutdown")                                                                        \
    X(CLOSE, "close")                                                                              \
    X(OPTION, "option")   /* setsockopt, getsockopt */                                             \
    X(CONTROL, "control") /* fcntl, ioctl, epoll_ctl, dup */                                       \
    X(OPEN, "open")       /* open, fopen, … : files */

#define SCENARIO_CALL_ENUM(name, text) SCENARIO_CALL_##name,
enum scenario_call { SCENARIO_CALL_TABLE(SCENARIO_CALL_ENUM) SCENARIO_CALL_COUNT };
#undef SCENARIO_CALL_ENUM

/* What a send carries. Symbolic payloads are expanded by the profile when the step is played.
 * `target` below is the program under test: towards a server the peer sends requests, towards a
 * client it sends responses; `message` stands for whichever of the two the peer sends. */
#define SCENARIO_PAYLOAD_TABLE(X)                                                                  \
    X(NONE, "none")                                                                                \
    X(REQUEST, "request")   /* one whole request; [a:b] cuts a slice */                            \
    X(RESPONSE, "response") /* the right answer to the oldest unanswered request; [a:b] */         \
    X(LARGE, "large")       /* a request whose answer is large; [a:b] (client: a large answer) */  \
    X(NEXT, "next")         /* the next N bytes of the message in progress, else of a new one */   \
    X(REST, "rest")         /* the rest of the message in progress, else a whole one */            \
    X(LAST, "last")         /* a request after which the target must close (HTTP: close) */        \
    X(FILL, "fill")         /* N bytes of filling that belong to no message */                     \
    X(LITERAL, "literal")   /* the bytes of the step, "text with \r\n\x00 escapes" */

#define SCENARIO_PAYLOAD_ENUM(name, text) SCENARIO_PAYLOAD_##name,
enum scenario_payload { SCENARIO_PAYLOAD_TABLE(SCENARIO_PAYLOAD_ENUM) SCENARIO_PAYLOAD_COUNT };
#undef SCENARIO_PAYLOAD_ENUM

/* Every verb. X(NAME, ACTOR, "word").
 * Fields used (see struct scenario_step): `id` is the peer or app socket that acts. In text its
 * number stands behind the actor and is left out when it is 0: `peer connect`, `peer 2 send
 * request`.
 *
 * peer      connect [rcvbuf N] [from N] | accept [rcvbuf N] | send PAYLOAD [x N] [push] |
 *           urgent | recv N|all | stall | resume | shutdown write|read|both | close | reset |
 *           linger N | listen [backlog N] | unlisten
 *   A peer reads whatever arrives, at once, unless it is stalled; `recv` makes a stalled peer read
 *   N bytes. `reset` is close with SO_LINGER {1,0}. `listen`/`unlisten` open and close the port
 *   that a client target connects to (it listens before the target starts unless the scenario's
 *   first step is `peer unlisten`); `accept` takes the first connection of its queue as `id`,
 *   and lets up to a second pass until there is one.
 * wire      hold DIR | release DIR | deliver N | drop N | duplicate N | lose KIND N | cut DIR |
 *           mend DIR | inject KIND id DIR
 *   DIR: to-target, to-peer, both. deliver/drop/duplicate name segments in flight by index (0 is
 * the oldest). `lose KIND N`: the next N segments of KIND vanish. `cut`: all vanish until `mend`.
 * kernel    fail CALL ERRNO [x N] | short CALL N [x N] | interrupt CALL | descriptors N |
 *           descriptors free | order N | clear
 *   Faults apply to the target's next calls of that kind that may fail so. `descriptors N`: leaves
 * N descriptors free (RLIMIT_NOFILE); `descriptors free` lifts it. `order N`: which permutation of
 *   ready descriptors the next waits report. `clear`: pending faults and limits are withdrawn.
 * time      advance N (milliseconds) | clock N (the wall clock jumps by N ms; monotonic stays)
 * target    signal NAME | restart
 * app       socket [peer] | bind N | listen N | accept N | connect N [own] | send PAYLOAD |
 *           recv N [peek] [waitall] [oob] | shutdown HOW | close | reset | linger N | dup N | poll
 * | option NAME N|off | get NAME | names | urgent | disconnect | flags | watch [edge] [oneshot]
 * [again] [off] | wait [peer] | blocking CALL [size N] [interrupted] | misuse CALL [file] | die
 * [peer] | unreachable N | cookies [peer] Scripted sockets on either host, for stack cases: calls
 * of a program that never wait, but for `blocking`. N of accept and dup is the new app socket, of
 * bind and connect the port; `connect` goes to the other host unless `own` stands there. `watch`
 * and `wait` are epoll: one instance on each host. `misuse` is a call on a descriptor that was
 * closed, or that is no socket; `die` ends the process that holds all app sockets of its host;
 * `unreachable` is an ICMP message; `cookies` makes a host answer SYNs by SYN cookies. */
#define SCENARIO_VERB_TABLE(X)                                                                     \
    X(PEER_CONNECT, PEER, "connect")                                                               \
    X(PEER_ACCEPT, PEER, "accept")                                                                 \
    X(PEER_SEND, PEER, "send")                                                                     \
    X(PEER_URGENT, PEER, "urgent")                                                                 \
    X(PEER_RECV, PEER, "recv")                                                                     \
    X(PEER_STALL, PEER, "stall")                                                                   \
    X(PEER_RESUME, PEER, "resume")                                                                 \
    X(PEER_SHUTDOWN, PEER, "shutdown")                                                             \
    X(PEER_CLOSE, PEER, "close")                                                                   \
    X(PEER_RESET, PEER, "reset")                                                                   \
    X(PEER_LINGER, PEER, "linger")                                                                 \
    X(PEER_LISTEN, PEER, "listen")                                                                 \
    X(PEER_UNLISTEN, PEER, "unlisten")                                                             \
    X(WIRE_HOLD, WIRE, "hold")                                                                     \
    X(WIRE_RELEASE, WIRE, "release")                                                               \
    X(WIRE_DELIVER, WIRE, "deliver")                                                               \
    X(WIRE_DROP, WIRE, "drop")                                                                     \
    X(WIRE_DUPLICATE, WIRE, "duplicate")                                                           \
    X(WIRE_LOSE, WIRE, "lose")                                                                     \
    X(WIRE_CUT, WIRE, "cut")                                                                       \
    X(WIRE_MEND, WIRE, "mend")                                                                     \
    X(WIRE_INJECT, WIRE, "inject")                                                                 \
    X(KERNEL_FAIL, KERNEL, "fail")                                                                 \
    X(KERNEL_SHORT, KERNEL, "short")                                                               \
    X(KERNEL_INTERRUPT, KERNEL, "interrupt")                                                       \
    X(KERNEL_DESCRIPTORS, KERNEL, "descriptors")                                                   \
    X(KERNEL_ORDER, KERNEL, "order")                                                               \
    X(KERNEL_CLEAR, KERNEL, "clear")                                                               \
    X(TIME_ADVANCE, TIME, "advance")                                                               \
    X(TIME_CLOCK, TIME, "clock")                                                                   \
    X(TARGET_SIGNAL, TARGET, "signal")                                                             \
    X(TARGET_RESTART, TARGET, "restart")                                                           \
    X(APP_SOCKET, APP, "socket")                                                                   \
    X(APP_BIND, APP, "bind")                                                                       \
    X(APP_LISTEN, APP, "listen")                                                                   \
    X(APP_ACCEPT, APP, "accept")                                                                   \
    X(APP_CONNECT, APP, "connect")                                                                 \
    X(APP_SEND, APP, "send")                                                                       \
    X(APP_RECV, APP, "recv")                                                                       \
    X(APP_SHUTDOWN, APP, "shutdown")                                                               \
    X(APP_CLOSE, APP, "close")                                                                     \
    X(APP_RESET, APP, "reset")                                                                     \
    X(APP_LINGER, APP, "linger")                                                                   \
    X(APP_DUP, APP, "dup")                                                                         \
    X(APP_POLL, APP, "poll")                                                                       \
    X(APP_OPTION, APP, "option")                                                                   \
    X(APP_GET, APP, "get")                                                                         \
    X(APP_NAMES, APP, "names")                                                                     \
    X(APP_URGENT, APP, "urgent")                                                                   \
    X(APP_DISCONNECT, APP, "disconnect")                                                           \
    X(APP_FLAGS, APP, "flags")                                                                     \
    X(APP_WATCH, APP, "watch")                                                                     \
    X(APP_WAIT, APP, "wait")                                                                       \
    X(APP_BLOCKING, APP, "blocking")                                                               \
    X(APP_MISUSE, APP, "misuse")                                                                   \
    X(APP_DIE, APP, "die")                                                                         \
    X(APP_UNREACHABLE, APP, "unreachable")                                                         \
    X(APP_COOKIES, APP, "cookies")

#define SCENARIO_VERB_ENUM(name, actor, text) SCENARIO_##name,
enum scenario_verb { SCENARIO_VERB_TABLE(SCENARIO_VERB_ENUM) SCENARIO_VERB_COUNT };
#undef SCENARIO_VERB_ENUM

enum scenario_direction {
    SCENARIO_BOTH,
    SCENARIO_TO_TARGET,
    SCENARIO_TO_PEER,
    SCENARIO_DIRECTION_COUNT
};
enum scenario_how { SCENARIO_HOW_WRITE, SCENARIO_HOW_READ, SCENARIO_HOW_BOTH, SCENARIO_HOW_COUNT };

/* Kinds of segments, for `lose` and `inject` and in traces. X(NAME, "text") */
#define SCENARIO_SEGMENT_TABLE(X)                                                                  \
    X(ANY, "any")                                                                                  \
    X(SYN, "syn")                                                                                  \
    X(SYN_ACK, "synack")                                                                           \
    X(ACK, "ack")                                                                                  \
    X(DATA, "data")                                                                                \
    X(FIN, "fin")                                                                                  \
    X(RST, "rst")                                                                                  \
    X(URGENT, "urgent")
#define SCENARIO_SEGMENT_ENUM(name, text) SCENARIO_SEGMENT_##name,
enum scenario_segment { SCENARIO_SEGMENT_TABLE(SCENARIO_SEGMENT_ENUM) SCENARIO_SEGMENT_COUNT };
#undef SCENARIO_SEGMENT_ENUM

/* Socket options that `app option` and `app get` may name. X(NAME) */
/* clang-format off */
#define SCENARIO_OPTION_TABLE(X) \
    X(SO_ERROR) X(SO_RCVBUF) X(SO_SNDBUF) X(SO_LINGER) X(SO_KEEPALIVE) X(SO_REUSEADDR) \
    X(SO_REUSEPORT) X(SO_OOBINLINE) X(SO_RCVLOWAT) X(SO_ACCEPTCONN) X(TCP_NODELAY) X(TCP_CORK) \
    X(TCP_KEEPIDLE) X(TCP_KEEPINTVL) X(TCP_KEEPCNT) X(TCP_USER_TIMEOUT) X(TCP_DEFER_ACCEPT) \
    X(TCP_LINGER2) X(TCP_SYNCNT) X(TCP_INFO) X(SO_RCVTIMEO) X(SO_SNDTIMEO)
/* clang-format on */
#define SCENARIO_OPTION_ENUM(name) SCENARIO_OPTION_##name,
enum scenario_option { SCENARIO_OPTION_TABLE(SCENARIO_OPTION_ENUM) SCENARIO_OPTION_COUNT };
#undef SCENARIO_OPTION_ENUM

/* Words behind a step of `app`, as bits of `kind`: their places in the row of the verb. */
enum {
    SCENARIO_ON_PEER = 1 << 0,     /* socket, wait: on the peer's host */
    SCENARIO_OWN = 1 << 0,         /* connect: to the own host */
    SCENARIO_NULL = 1 << 0,        /* accept: asks for no address */
    SCENARIO_CUT = 1 << 1,         /* accept: has room for a part of it */
    SCENARIO_INTERRUPTED = 1 << 0, /* blocking: a handled signal comes while it waits */
    SCENARIO_FILE = 1 << 0,        /* misuse: of a file that is no socket */
    SCENARIO_PEEK = 1 << 0,        /* recv */
    SCENARIO_WAITALL = 1 << 1,
    SCENARIO_OOB = 1 << 2,
    SCENARIO_EDGE = 1 << 0, /* watch */
    SCENARIO_ONESHOT = 1 << 1,
    SCENARIO_AGAIN = 1 << 2, /* EPOLL_CTL_MOD */
    SCENARIO_OFF = 1 << 3    /* EPOLL_CTL_DEL */
};

/* Errnos that a fault may name, as a closed list so that bytes stay portable. X(NAME) */
/* clang-format off */
#define SCENARIO_ERRNO_TABLE(X) \
    X(EAGAIN) X(EINTR) X(EMFILE) X(ENFILE) X(ENOBUFS) X(ENOMEM) X(ECONNABORTED) X(EPROTO) \
    X(ENETDOWN) X(ENETUNREACH) X(EHOSTUNREACH) X(EPERM) X(ETIMEDOUT) X(ECONNREFUSED) \
    X(EADDRINUSE) X(EADDRNOTAVAIL) X(EACCES) X(EINVAL) X(EIO) X(ECONNRESET)
/* clang-format on */
#define SCENARIO_ERRNO_ENUM(name) SCENARIO_##name,
enum scenario_errno { SCENARIO_ERRNO_TABLE(SCENARIO_ERRNO_ENUM) SCENARIO_ERRNO_COUNT };
#undef SCENARIO_ERRNO_ENUM

/* Signals that `target signal` may name. X(NAME) */
#define SCENARIO_SIGNAL_TABLE(X) X(HUP) X(INT) X(USR1) X(USR2) X(ALRM) X(TERM) X(CHLD) X(WINCH)
#define SCENARIO_SIGNAL_ENUM(name) SCENARIO_SIG##name,
enum scenario_signal { SCENARIO_SIGNAL_TABLE(SCENARIO_SIGNAL_ENUM) SCENARIO_SIGNAL_COUNT };
#undef SCENARIO_SIGNAL_ENUM

/* One step. Fields that a verb does not use are 0, always (so that equality is by field). */
struct scenario_step {
    uint8_t verb;       /* enum scenario_verb */
    uint8_t id;         /* peer or app socket that acts or is meant, < SCENARIO_SOCKETS_MAX */
    uint8_t place_call; /* enum scenario_call: played before such a call; NONE: when idle */
    uint8_t place_nth; /* 1 … 255: before the Nth such call since the previous step; 0 when idle */
    uint8_t what;      /* payload, direction, how, call, signal or option: see the verb */
    uint8_t kind;      /* segment kind (lose, inject), errno (fail), push flag (send: 1), words */
    uint16_t repeat; /* x N: 1 … SCENARIO_REPEAT_MAX (send) or SCENARIO_CALL_MAX (fail, short) */
    uint32_t from;   /* slice start; first number of the verb */
    uint32_t to;     /* slice end (exclusive), UINT32_MAX: to the end; second number */
    uint16_t literal_at; /* where a literal starts in scenario.literal */
    uint16_t literal_size;
};

struct scenario {
    uint16_t count;        /* steps in use */
    uint16_t literal_used; /* bytes of `literal` in use */
    struct scenario_step steps[SCENARIO_STEPS_MAX];
    uint8_t literal[SCENARIO_LITERAL_MAX]; /* literal payloads, in the order of the steps */
};

/* Which fields a verb uses, by column; the text form, the byte form, the mutator and the documents
 * are all driven by this table. */
enum scenario_field {
    SCENARIO_USES_ID = 1 << 0,
    SCENARIO_USES_PAYLOAD = 1 << 1,   /* what = payload, from/to by payload, repeat, kind = push */
    SCENARIO_USES_DIRECTION = 1 << 2, /* what = direction */
    SCENARIO_USES_HOW = 1 << 3,       /* what = how */
    SCENARIO_USES_CALL = 1 << 4,      /* what = call family */
    SCENARIO_USES_SIGNAL = 1 << 5,    /* what = signal */
    SCENARIO_USES_SEGMENT = 1 << 6,   /* kind = segment kind */
    SCENARIO_USES_ERRNO = 1 << 7,     /* kind = errno */
    SCENARIO_USES_REPEAT = 1 << 8,    /* repeat */
    SCENARIO_USES_NUMBER = 1 << 9,    /* from = the verb's number, 0 … number_max */
    SCENARIO_USES_OPTION = 1 << 10,   /* from = optional number with a keyword, 0 when absent */
    SCENARIO_USES_OPTION2 = 1 << 11,  /* to = second optional number, 0 when absent */
    SCENARIO_USES_TIME = 1 << 12,     /* the number is a time in milliseconds: 500ms, 5s, 2m, 1h */
    SCENARIO_USES_SOCKOPT = 1 << 13,  /* what = enum scenario_option */
    SCENARIO_USES_WORDS = 1 << 14     /* kind = bits of the row's words that stand there */
};

enum { SCENARIO_WORDS_MAX = 4 };

struct scenario_verb_row {
    const char *word; /* "connect" */
    enum scenario_actor actor;
    uint32_t fields;      /* enum scenario_field */
    uint32_t number_max;  /* greatest value of `from` where it is a number */
    const char *keyword;  /* of the option ("rcvbuf"), NULL */
    const char *help;     /* one line for the reference */
    uint32_t number_min;  /* least value of `from` where it is a number */
    const char *all_word; /* written for from = SCENARIO_ALL ("all", "free"), NULL: no such value */
    uint32_t calls;       /* SCENARIO_USES_CALL: 1 << enum scenario_call of those allowed */
    const char *keyword2; /* of the second option ("from"), NULL */
    uint32_t option2_max; /* greatest value of `to` where it is an option */
    const char *words[SCENARIO_WORDS_MAX]; /* SCENARIO_USES_WORDS; NULL: no further ones */
    const char *no_word; /* may be written where none of the words stands ("target"), NULL */
};

extern const struct scenario_verb_row scenario_verbs[SCENARIO_VERB_COUNT];

/* Fixed texts; "?" out of range. */
const char *scenario_actor_name(enum scenario_actor actor);
const char *scenario_direction_name(enum scenario_direction direction);
const char *scenario_how_name(enum scenario_how how);
const char *scenario_call_name(enum scenario_call call);
const char *scenario_segment_name(enum scenario_segment kind);
const char *scenario_payload_name(enum scenario_payload payload);
const char *scenario_errno_name(enum scenario_errno error);
const char *scenario_signal_name(enum scenario_signal signal);
const char *scenario_option_name(enum scenario_option option);
/* The host's number for a listed errno or signal. */
int scenario_errno_number(enum scenario_errno error);
int scenario_signal_number(enum scenario_signal signal);

/* Whether a slice [from:to] may follow this payload; whether it is a number of bytes (`next 5`). */
bool scenario_payload_slices(enum scenario_payload payload);
bool scenario_payload_counts(enum scenario_payload payload);

/* Brings a step into its canonical form: unused fields 0, every used one in its range (enums by
 * remainder, numbers by the nearest allowed value, an empty slice to the whole message). The
 * literal of a literal payload is left as it is. */
void scenario_step_reduce(struct scenario_step *step);

/* Forgets all steps. Costs nothing: what is not in use is never read. */
static inline void scenario_clear(struct scenario *scenario)
{
    scenario->count = 0;
    scenario->literal_used = 0;
}

/* Copies what is in use, which is far less than the struct. The two may not overlap. */
void scenario_copy(struct scenario *ret_copy, const struct scenario *scenario);

/* Every step canonical, literals without gaps in the order of the steps, all within the limits.
 * True of whatever the functions of this folder return; for assertions and tests. */
bool scenario_valid(const struct scenario *scenario);

bool scenario_equal(const struct scenario *a, const struct scenario *b);

/* Appends a step; `literal` may be NULL when the step has none. Unused fields are zeroed and
 * numbers brought into range, so what is stored is always canonical. Errors: STATUS_LIMIT (steps or
 * literal bytes), and the scenario is unchanged. */
enum status scenario_append(struct scenario *scenario, const struct scenario_step *step,
                            const uint8_t *literal) STATUS_MUST_USE;

/* Appends the steps [first, end) of `source`, another scenario, with their literals, as long as the
 * scenario has fewer than `steps_max` steps and the literals fit. Returns how many were appended.
 */
unsigned scenario_append_run(struct scenario *scenario, const struct scenario *source,
                             unsigned first, unsigned end, unsigned steps_max);

#endif
