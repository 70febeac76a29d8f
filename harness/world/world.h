/* The world: what a scenario is played on. The model kernel and the live kernel each implement this
 * one struct of operations; nothing outside an implementation asks which one it has.
 *
 * Order: reset, then any number of run (a restart is a second run), scripted sockets at any time
 * after reset. One world belongs to one thread. Operations that model a call return what the kernel
 * returned, with -errno for an error. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_WORLD_WORLD_H
#define SOCKSPEC_WORLD_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "scenario/scenario.h"
#include "tcp/state.h"
#include "trace/trace.h"

struct world;

/* What the engine tells the world when nothing else can happen. */
enum world_next {
    WORLD_GO,  /* something was done, or time shall pass: look again */
    WORLD_STOP /* the scenario is over: end the target */
};

/* How the world calls back. The engine fills it in; the world reads `armed` at every call of the
 * target. */
struct world_hooks {
    void *context;
    /* The target sleeps, nothing that may be delivered is in flight and no goal of `advance` is
     * open. */
    enum world_next (*on_idle)(void *context);
    /* At the entry of a call whose family is armed. The hook may play steps (scripted sockets,
     * wire, faults) but not advance time. */
    void (*on_call)(void *context, enum scenario_call family);
    uint32_t armed; /* bit (1 << enum scenario_call) of each family that on_call wants */
    /* From here on only real time passes: the target sleeps, and the scenario waits, or the target
     * was asked to stop and has not ended; and `rests` false: there is work again. NULL: nobody
     * asks. */
    void (*on_rest)(void *context, bool rests);
};

/* What to run. Strings live as long as the run. */
struct world_target {
    const char *name;     /* for messages and the trace */
    enum trace_role role; /* SERVER: on the target's host; CLIENT likewise; PAIR: see peer_* */
    int argc;
    char **argv;   /* argv[argc] is NULL */
    void *program; /* the world's own handle of the program (linked: struct redirect_program *) */
    int peer_argc; /* pair mode: the client program on the peer's host */
    char **peer_argv;
    void *peer_program;
    uint16_t port;      /* where a server listens or a client connects */
    int stop_signal;    /* SIGTERM unless the manifest says otherwise */
    uint64_t calls_max; /* calls at one instant without any change that count as spinning */
    uint32_t runs;      /* clients: started again while steps are left, up to so often; 0: once */
};

enum world_direction { WORLD_TO_TARGET, WORLD_TO_PEER, WORLD_DIRECTION_COUNT };

/* One fault, armed until it struck `times` times or was cleared. */
struct world_fault {
    enum scenario_call family; /* which calls of the target */
    int error;                 /* errno to answer, 0 for a short transfer */
    uint32_t limit;            /* short transfer: at most this many bytes, >= 1 */
    uint32_t times;            /* how often, >= 1 */
    bool interrupt;            /* EINTR through a handled signal */
    uint16_t step;             /* index of the step that armed it, for its NOOP */
};

/* Options of scripted sockets. */
enum world_option {
    WORLD_OPTION_RCVBUF, /* bytes, the value that the kernel then reports is not doubled: the room
                            there is */
    WORLD_OPTION_SNDBUF,
    WORLD_OPTION_LINGER, /* seconds; -1 off; 0 makes close() an abort */
    WORLD_OPTION_NODELAY,
    WORLD_OPTION_KEEPALIVE,
    WORLD_OPTION_REUSEADDR,
    WORLD_OPTION_ERROR, /* read only: SO_ERROR, cleared by reading */
    WORLD_OPTION_COUNT
};

/* Their level and name for setsockopt(2). */
struct world_option_name {
    int level;
    int name;
};
extern const struct world_option_name world_option_names[WORLD_OPTION_COUNT];

/* A name of a socket: getsockname(2), getpeername(2). */
enum world_place {
    WORLD_PLACE_ANY,      /* the unspecified address */
    WORLD_PLACE_LOOPBACK, /* one of loopback */
    WORLD_PLACE_TARGET,   /* the target's host's */
    WORLD_PLACE_PEER,     /* the peer's host's */
    WORLD_PLACE_COUNT
};
struct world_name {
    enum world_place place;
    uint16_t port; /* 0: none */
};

/* A call that waits: on a descriptor without O_NONBLOCK, and without MSG_NOSIGNAL. The wire goes on
 * meanwhile. It ends when it is done, when the time limit of the socket (SO_RCVTIMEO, SO_SNDTIMEO,
 * SO_LINGER) is over, or when a handled signal comes. */
struct world_blocking {
    enum scenario_call family; /* RECV, SEND or CLOSE */
    void *data;                /* to receive into, or to send; as long as a zero-copy send's */
    size_t size;
    bool interrupt;       /* a handled signal comes as soon as it waits */
    bool ret_interrupted; /* out: it came */
    bool ret_piped;       /* out: the call raised SIGPIPE */
};

/* What epoll_wait(2) reports of one registration. */
struct world_ready {
    int s; /* as it was registered, also when that number is closed by now */
    uint32_t asked;
    uint32_t got;
};

/* The operations. `host` is where a scripted socket lives; `s` is a scripted socket: a small number
 * >= 0 that the world chose, valid until `close` (or `abort`) of it and until reset. All are
 * non-blocking. */
struct world_ops {
    const char *name;   /* "model", "linux" */
    uint32_t observers; /* enum trace_observer: what this world sees */

    /* Empties the world: no socket, no fault, time 0. `trace` receives all events from here on.
     * Kernel choices and initial sequence numbers follow `seed`. */
    void (*reset)(struct world *world, struct trace *trace, uint64_t seed);
    /* Runs the target until it ended, calling the hooks; traces EXIT. Errors: STATUS_ENVIRONMENT,
     * STATUS_UNSUPPORTED. A target that crashes is no error: see EXIT. */
    enum status (*run)(struct world *world, const struct world_target *target,
                       struct world_hooks *hooks, struct status_detail *detail);
    /* Without a running target: delivers what is in flight and not held and lets open goals of
     * `advance` pass, until nothing happens. */
    void (*settle)(struct world *world);
    /* Delivers what is in flight and not held, at this instant: for steps placed before a call. */
    void (*deliver)(struct world *world);
    void (*free)(struct world *world);

    /* Whether peers' sockets speak IPv6, from here on (reset leaves it). NULL: the world was told
     * when it was made. */
    void (*speak_v6)(struct world *world, bool v6);
    int (*socket)(struct world *world, enum trace_host host);
    int (*bind)(struct world *world, int s, uint16_t port); /* 0: any */
    int (*listen)(struct world *world, int s, int backlog);
    int (*accept)(struct world *world, int s); /* a new scripted socket */
    int (*connect)(struct world *world, int s,
                   uint16_t port); /* to the other host; -EINPROGRESS is usual */
    /* With MSG_ZEROCOPY the bytes stay as they are until reset: they need not be copied. */
    int64_t (*send)(struct world *world, int s, const void *data, size_t size, int flags);
    int64_t (*recv)(struct world *world, int s, void *data, size_t size, int flags);
    int (*shutdown)(struct world *world, int s, int how); /* SHUT_RD, SHUT_WR, SHUT_RDWR */
    int (*close)(struct world *world, int s);
    int (*abort)(struct world *world, int s); /* linger {1,0} and close */
    int (*setsockopt)(struct world *world, int s, enum world_option option, int value);
    int (*getsockopt)(struct world *world, int s, enum world_option option, int *ret_value);
    int (*poll)(struct world *world, int s); /* poll(2) bits that are true now */
    int (*dup)(struct world *world, int s);

    /* Sockets as a program gets them, for scenarios that script both hosts. What they report is
     * what a program would be told: numbers are the lowest free ones of one process, nothing is set
     * on them but O_NONBLOCK and FD_CLOEXEC, which `app_socket` asks for; accept and dup of such a
     * socket are plain accept(2) and dup(2), and no call waits all the same. next_ready never names
     * them. */
    int (*app_socket)(struct world *world, enum trace_host host);
    int (*app_connect)(struct world *world, int s, enum trace_host to, uint16_t port);
    int (*app_disconnect)(struct world *world, int s); /* connect() to AF_UNSPEC */
    int (*app_name)(struct world *world, int s, bool peer, struct world_name *ret_name);
    /* fcntl F_GETFL: O_NONBLOCK or 0; `descriptor`: F_GETFD */
    int (*app_flags)(struct world *world, int s, bool descriptor);
    /* setsockopt(2), getsockopt(2) with the kernel's own numbers. */
    int (*option_set)(struct world *world, int s, int level, int name, const void *value,
                      uint32_t size);
    int (*option_get)(struct world *world, int s, int level, int name, void *value, uint32_t *size);
    /* epoll_ctl(2) and epoll_wait(2), which does not wait, on the one instance of the host. */
    int (*app_watch)(struct world *world, int s, int op, uint32_t events);
    int (*app_wait)(struct world *world, enum trace_host host, struct world_ready *ready, int max);
    /* Whether accept of such sockets finds no free descriptor (EMFILE). NULL: the world has no such
     * limit. */
    void (*app_full)(struct world *world, bool full);
    /* accept with room for so many bytes of an address, -1: with none asked for. `ret_told`: the
     * size that it told; -1: the bytes were not those of the name, or more than there was room for.
     * NULL: `accept` must do, and tells nothing. */
    int (*app_accept)(struct world *world, int s, int room, int *ret_told);
    /* Whether the latest `send` on such a socket raised SIGPIPE. NULL: nobody sees it. */
    bool (*app_piped)(struct world *world);
    /* The rest is left NULL by worlds whose sockets belong to no process that waits, is signalled
     * or dies. */
    int64_t (*app_blocking)(struct world *world, int s, struct world_blocking *call);
    /* Such a call on a descriptor that has just been closed, or (`file`) on one of a file that is
     * no socket; `ret_fd` is its number. */
    int (*app_misuse)(struct world *world, enum scenario_call family, bool file, int *ret_fd);
    /* The process that holds all such sockets of a host is killed. */
    void (*app_die)(struct world *world, enum trace_host host);
    /* From here on until reset the host answers every SYN by a SYN cookie. */
    void (*app_cookies)(struct world *world, enum trace_host host);
    /* An ICMP message (destination unreachable, with this code) about the last segment of the
     * socket's connection comes to its host; -ENOTCONN unless the connection is synchronized. NULL:
     * there is no wire. */
    int (*app_unreachable)(struct world *world, int s, uint8_t code);
    /* What another kernel chose and this one shall choose too, from the next reset to the one after
     * it: what each `send` on such sockets returned, in order (bytes or -errno). Borrowed. May be
     * left out. */
    void (*choose_sends)(struct world *world, const int64_t *results, uint32_t count);
    /* From here on timers of the host's connections run out late, by so many thousandths of their
     * time. NULL: they do as they do. */
    void (*delay_timers)(struct world *world, enum trace_host host, unsigned per_mille);

    /* The next scripted socket of `host` whose readiness changed since it was last returned; -1
     * none. Costs the same however many sockets there are. */
    int (*next_ready)(struct world *world, enum trace_host host);
    /* Number of the connection (trace_event.conn); 0 while it has none. */
    uint32_t (*conn)(struct world *world, int s);
    enum tcp_state (*state)(struct world *world, int s);

    /* The wire. Index 0 is the oldest segment in flight in that direction. Held segments stay until
     * delivered by index or released; 0 or -ENOENT. */
    void (*wire_hold)(struct world *world, enum world_direction direction, bool hold);
    uint32_t (*wire_count)(struct world *world, enum world_direction direction);
    int (*wire_deliver)(struct world *world, enum world_direction direction, uint32_t index);
    int (*wire_drop)(struct world *world, enum world_direction direction, uint32_t index);
    int (*wire_duplicate)(struct world *world, enum world_direction direction, uint32_t index);
    /* The next `count` segments of this kind (either direction) vanish; each is traced DROPPED. */
    void (*wire_lose)(struct world *world, enum scenario_segment kind, uint32_t count);
    void (*wire_cut)(struct world *world, enum world_direction direction, bool cut);
    /* Puts a forged segment, with the sequence number that the receiver expects, in front of the
     * receiver of connection of `s`: as if the other end had sent it. 0, -ENOTCONN. */
    int (*wire_inject)(struct world *world, int s, enum scenario_segment kind,
                       enum world_direction direction);

    /* Faults at the target's calls. -EINVAL where no kernel answers so for this family. */
    int (*fault_arm)(struct world *world, const struct world_fault *fault);
    /* Withdraws what is still armed. For each fault that never struck, `unused` (may be NULL) is
     * called with its step and the reason (enum trace_noop). */
    void (*fault_clear)(struct world *world,
                        void (*unused)(void *context, uint16_t step, enum trace_noop reason),
                        void *context);
    void (*descriptors_free)(struct world *world,
                             int free_count); /* leave this many; -1: no limit */
    /* Of ready descriptors, from now on. False: the kernel of this world chooses it. */
    bool (*order)(struct world *world, uint32_t permutation);

    /* Time. `advance` opens a goal: before on_idle is called again the clock has run `us` on,
     * timers fired and the target ran whenever one woke it; after `wakeups_max` wake-ups of the
     * target the rest is left out. False: this world cannot let so much time pass here, and nothing
     * happens. */
    int64_t (*now_us)(struct world *world);
    bool (*advance)(struct world *world, int64_t us, uint32_t wakeups_max);
    /* The same for the drain: it may end as soon as the target holds nothing that time could still
     * take from it. */
    void (*run_on)(struct world *world, int64_t us, uint32_t wakeups_max);
    /* Whether the latest `run_on` came to its end. May be left out: it always does. */
    bool (*ran_on)(struct world *world);
    /* CLOCK_REALTIME only. False: this world's wall clock is not ours to set. */
    bool (*clock_jump)(struct world *world, int64_t us);

    /* A signal to the target's process. 0; -ESRCH when it is not running; -EPERM where it would
     * kill it (no handler) and `even_if_fatal` is false. */
    int (*signal)(struct world *world, int number, bool even_if_fatal);

    /* What the target holds now. */
    int (*descriptors)(struct world *world); /* open descriptors */
    void (*heap)(struct world *world, int64_t *ret_blocks, int64_t *ret_bytes);
    /* Connections of the target's host that are not CLOSED, TIME-WAIT or listening. */
    uint32_t (*connections)(struct world *world);
    /* True when nothing more can be played: because of an error, which *ret_status and `detail`
     * say, or for a reason that the trace tells (EXIT). May be left out: it always can. */
    bool (*ended)(struct world *world, enum status *ret_status, struct status_detail *detail);
    /* Which observers are absent here and why, in words; NULL: none. After a play it may be more:
     * what that target asked for. May be left out. */
    const char *(*absent)(struct world *world);
};

/* An implementation embeds this as its first member. */
struct world {
    const struct world_ops *ops;
};

#endif
