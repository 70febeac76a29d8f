/* Inside the model kernel: what its parts share. Not for use outside model/.
 * Ownership: everything belongs to the model and is given back to its pools; `reset` costs what the
 * run used, not what the limits allow. Nothing here allocates during a run. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_MODEL_KERNEL_H
#define SOCKSPEC_MODEL_KERNEL_H

#include "base/random.h"
#include "model/calls.h"
#include "model/model.h"

struct epoll_item;

/* ---- Open file descriptions (file.c) ---- */

struct model_file;

/* What a kind of file can do; NULL members answer as Linux does for a file without that operation.
 * `recv` and `send` run between model_call_enter and model_call_leave: model_sys_recv and
 * model_sys_send (data.c) look the descriptor up, call them and trace the result. They take their
 * own faults. */
struct model_file_ops {
    enum trace_file kind;
    bool socket; /* send, recv and their like are for it */
    /* poll(2) bits that hold now, asked for or not. */
    uint32_t (*poll)(struct model *model, struct model_file *file);
    int64_t (*recv)(struct model *model, struct model_file *file, enum trace_call call, int fd,
                    struct msghdr *message, int flags);
    int64_t (*send)(struct model *model, struct model_file *file, enum trace_call call, int fd,
                    const struct msghdr *message, int flags);
    int (*ioctl)(struct model *model, struct model_file *file, unsigned long request,
                 void *argument);
    /* The last reference is gone: give it back. For sockets this is close(2) on the connection and
     * may block (SO_LINGER). */
    void (*release)(struct model *model, struct model_file *file);
};

struct model_file {
    const struct model_file_ops *ops;
    struct epoll_item *items; /* registrations of this file in epoll instances */
    uint32_t refs; /* descriptors (of any process) that share it; 0 before model_fd_install */
    uint32_t status_flags; /* O_NONBLOCK and access mode */
    uint32_t conn;         /* connection number, 0 none: a socket keeps it up to date */
    uint8_t host;          /* enum trace_host: whose process opened it (model_fd_install sets it) */
};

struct model_slot {
    struct model_file *file;   /* NULL: free */
    uint32_t descriptor_flags; /* FD_CLOEXEC */
};

/* One program's side of the kernel. */
struct model_process {
    struct model_slot slots[MODEL_DESCRIPTORS_MAX];
    uint64_t free_map[MODEL_DESCRIPTORS_MAX /
                      64]; /* bit set: free; lowest free in O(64) words at worst */
    int free_hint;         /* no word of free_map below this one has a bit set */
    int slots_high;        /* one past the highest number ever used since reset */
    int open_count;        /* descriptors open now */
    int limit;             /* RLIMIT_NOFILE: numbers >= limit are not given out */
    bool running;
    bool failing; /* the program is being ended: every call fails (model_fd_file finds nothing) */
    enum trace_host host;
};

/* Gives a new description (refs 0) the lowest free number. Returns it, or -EMFILE and leaves the
 * file to the caller. Traces FD_OPEN with the connection `conn`. */
int model_fd_install(struct model *model, struct model_file *file, uint32_t descriptor_flags,
                     uint32_t conn);
/* Whether a further descriptor can be had (accept must know before it takes a connection). */
bool model_fd_available(const struct model *model);
/* Takes the lowest free number for what the call that is under way will get: nobody else gets it
 * while the call sleeps, but for a handler that interrupts it (get_unused_fd_flags of Linux before
 * accept() waits). The next model_fd_install gives it out, whatever the limit is then. False: there
 * is none. */
bool model_fd_reserve(struct model *model);
/* Whether the call has one to give out. After a sleep it may not: a handler took the last one, or
 * the program is being ended. */
bool model_fd_reserved(const struct model *model);
/* The call gets nothing: others may have the number. */
void model_fd_unreserve(struct model *model);
/* The file behind `fd` of the running process, NULL when it is not open. */
static inline struct model_file *model_fd_file(const struct model *model, int fd);
/* Every change of a file's readiness ends here: epoll items are queued, sleeping waits look again.
 * `bits` are those that became true (an edge for EPOLLET). */
void model_file_notify(struct model *model, struct model_file *file, uint32_t bits);

/* ---- Pairs of UNIX sockets (pair.c), for calls that are about sockets ----
 * -ENOTSOCK when `fd` is no end of a pair. */

int io_pair_shutdown(struct model *model, int fd, int how);
int io_pair_option_set(struct model *model, int fd, int level, int name);
int io_pair_option_get(struct model *model, int fd, int level, int name, void *value,
                       socklen_t *size);
int io_pair_name(struct model *model, int fd, struct sockaddr *address, socklen_t *size);

/* ---- epoll of scripted programs (epoll.c): without numbers and events ---- */

struct io_object;
struct model_ready {
    int fd; /* the number that was registered */
    uint32_t asked;
    uint32_t got;
};
/* An instance; NULL when there are too many. It lives until reset. */
struct io_object *io_epoll_make(struct model *model);
int io_epoll_control(struct model *model, struct io_object *epoll, int op, struct model_file *file,
                     int fd, uint32_t events);
/* Takes what is ready, as epoll_wait(2) that does not wait. */
int io_epoll_take(struct model *model, struct io_object *epoll, struct model_ready *ready, int max);
/* The file goes away: its registrations too. */
void io_epoll_forget(struct model *model, struct model_file *file);

/* A reference to keep the file while the call sleeps, given back with io_file_drop, or by the model
 * where the program leaves the call by a jump. One at a time. */
void model_call_hold(struct model *model, struct model_file *file);
/* Gives back a reference that a call took to keep the file while it sleeps. */
static inline void io_file_drop(struct model *model, struct model_file *file);
/* The last reference went with it. */
void io_file_dropped(struct model *model, struct model_file *file);

/* ---- Calls, faults, sleeping (call.c, fault.c, sleep.c) ---- */

/* Every redirected call begins here: counts it for the spin limit, plays steps placed before it,
 * delivers pending signals, and ends the program when it must end (then it does not return). */
void model_call_enter(struct model *model, enum trace_call call, int fd);
/* Traces the CALL (result < 0 is -errno) and returns the result unchanged. Signals that became
 * pending in the call (SIGPIPE) are delivered after it. */
int64_t model_call_leave(struct model *model, enum trace_call call, int fd, uint32_t conn,
                         int64_t result, int64_t a, int64_t b);
/* A fault of this call's family that may strike now under its precondition: 0 none, -errno to
 * answer. Short transfers: *ret_limit is lowered (recv: any time; send: `may_be_short` says whether
 * Linux could). Counts it down and traces FAULT. Call it where the call would succeed now (recv:
 * data is there, accept: a connection is queued, before taking it), after any sleep. EINTR is not
 * its matter: model_sleep strikes with it. `ret_limit` may be NULL where nothing is transferred.
 * After EAGAIN the file is notified again, as if its data had come once more. */
static inline int model_fault_take(struct model *model, enum trace_call call, int fd, uint32_t conn,
                                   bool may_be_short, size_t *ret_limit);
/* The same where some fault is armed. */
int model_fault_take_armed(struct model *model, enum trace_call call, int fd, uint32_t conn,
                           bool may_be_short, size_t *ret_limit);

typedef bool (*model_condition)(struct model *model, void *argument);
enum {
    MODEL_SLEEP_RESTARTS = 1 /* a handler with SA_RESTART resumes this call */
};
/* Puts the running program to sleep until the condition holds: 0; the timeout passed: -ETIMEDOUT; a
 * handler ran: -EINTR; the program must end and gets errors from every call: -EBADF. Virtual time
 * and the scenario go on meanwhile. timeout_us -1: none. The condition is tested first, and again
 * whenever something changed; it may be called on another task's stack (with `current` set to the
 * sleeper's process), so its argument must not be thread-local. */
int model_sleep(struct model *model, enum trace_call call, int fd, uint32_t conn,
                model_condition condition, void *argument, int64_t timeout_us, unsigned flags);

/* A write to a connection or pipe that nobody reads: the caller answers -EPIPE, the signal follows
 * the CALL. */
void model_raise_sigpipe(struct model *model);
/* The call at hand: MSG_ flags of a recv or send (model_sys_recv sets them), 0 for others. */
int model_call_flags(const struct model *model);

/* Something changed that may wake a sleeper or ends a spin. */
static inline void model_changed(struct model *model);

/* ---- Timers (timer.c): a binary heap by time, then by the order of setting ---- */

struct model_timer {
    int64_t at_us;
    uint64_t order;
    uint32_t index; /* place in the heap plus 1; 0: not set */
    void (*fire)(struct model *model, struct model_timer *timer);
};
void model_timer_set(struct model *model, struct model_timer *timer, int64_t at_us);
static inline void model_timer_cancel(struct model *model, struct model_timer *timer);
void model_timer_unset(struct model *model, struct model_timer *timer); /* one that is set */
/* Time of the next timer, INT64_MAX when none. */
int64_t model_timer_next(const struct model *model);
/* Runs the clock to `at_us` (tracing TIME) and fires what is due. */
void model_timer_run(struct model *model, int64_t at_us);

/* ---- Network (net.h, owned by the sockets' side) ---- */

struct model_net;
enum status model_net_new(struct model *model, struct model_net **ret_net);
void model_net_free(struct model_net *net);
void model_net_reset(struct model *model);
/* Delivers everything in flight that is not held, answers included. */
void model_net_deliver(struct model *model);
/* Before time passes: what was sent to scripted programs and is not acknowledged may be sent again,
 * also where nothing was lost and somebody forged an answer. */
void model_net_time_passes(struct model *model);

struct model_io; /* epoll items, pipes and the like: the descriptors' side */

struct model {
    struct world world; /* first: model_world() */
    struct trace *trace;
    const struct model_runner *runner;
    struct world_hooks *hooks;         /* while a target runs, else NULL */
    const struct world_target *target; /* likewise */
    struct model_process *processes[TRACE_HOST_COUNT];
    struct model_process *current; /* the running program's; NULL when none runs */
    struct model_net *net;
    struct model_io *io;
    struct random random;       /* kernel choices */
    int64_t now_us;             /* virtual time since reset */
    int64_t realtime_offset_us; /* CLOCK_REALTIME - now */
    uint64_t changes;   /* counts everything that happened: a sleeper looks again when it moved */
    uint64_t readiness; /* counts what may make a file ready, and what comes and goes in a table */
    uint64_t calls_at_instant; /* calls of the target since `changes` last moved */
    uint32_t deliverable;      /* a bit for each lane of the wire with something to deliver */
    uint32_t order;            /* permutation of ready descriptors */
    uint32_t faults_armed;     /* bit (1 << enum scenario_call) of each family with a fault armed */
    uint8_t *counters;         /* state coverage, or NULL */
};

static inline void model_changed(struct model *model)
{
    model->changes++;
}

static inline void model_timer_cancel(struct model *model, struct model_timer *timer)
{
    if (timer->index != 0) {
        model_timer_unset(model, timer);
    }
}

static inline struct model_file *model_fd_file(const struct model *model, int fd)
{
    const struct model_process *process = model->current;
    if ((unsigned)fd >= MODEL_DESCRIPTORS_MAX || process->failing) {
        return NULL;
    }
    return process->slots[fd].file;
}

static inline int model_fault_take(struct model *model, enum trace_call call, int fd, uint32_t conn,
                                   bool may_be_short, size_t *ret_limit)
{
    return __builtin_expect(model->faults_armed == 0, 1)
               ? 0
               : model_fault_take_armed(model, call, fd, conn, may_be_short, ret_limit);
}

/* Bytes that a message holds or has room for. */
static inline size_t model_message_size(const struct msghdr *message)
{
    if (__builtin_expect(message->msg_iovlen == 1, 1)) {
        return message->msg_iov[0].iov_len;
    }
    size_t size = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        size += message->msg_iov[i].iov_len;
    }
    return size;
}

static inline void io_file_drop(struct model *model, struct model_file *file)
{
    if (--file->refs == 0) {
        io_file_dropped(model, file);
    }
}

#endif
