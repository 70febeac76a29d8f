/* Inside the descriptors' side of the model kernel: what file.c, call.c, fault.c, sleep.c, timer.c,
 * signal.c, poll.c, epoll.c and the kinds of files share. Nothing outside these files includes it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_MODEL_IO_H
#define SOCKSPEC_MODEL_IO_H

#include <assert.h>
#include <fcntl.h>

#include "model/kernel.h"
#include "model/world_io.h"
#include "world/fault_table.h"

enum {
    IO_TIMERS_MAX = 65536, /* timers set at once: those of all sockets and of the programs */
    IO_FAULTS_MAX = 64,    /* faults armed at once */
    IO_OBJECTS_MAX =
        2 * MODEL_DESCRIPTORS_MAX, /* eventfd, timerfd, signalfd, epoll and real files */
    IO_PIPES_MAX = 256,
    IO_PAIRS_MAX = 64,      /* of socketpair */
    IO_RING_SIZE = 65536,   /* bytes in a pipe, as pipe(7) has it, and in each way of a pair */
    IO_ITEMS_MAX = 16384,   /* epoll registrations */
    IO_SLEEP_DEPTH_MAX = 4, /* a signal handler may sleep while its program sleeps */
    IO_SIGNALS = 65,
    IO_SPIN_CALLS = 1000, /* calls at one instant when the target does not say */
    IO_SPIN_LOOKS = 4,    /* further ones for each open descriptor */
    IO_STOP_CALLS = 8192, /* calls after the stop signal before every call fails */
    IO_ERROR_CALLS = 256, /* calls that failed so before the program is left */
    IO_STOP_LIMIT_US =
        10000000, /* virtual time that a program has after the stop signal (ENGINE_STOP_LIMIT_US) */
    IO_EPOLL_NESTING_MAX = 5, /* epoll_ctl(2): ELOOP */
    IO_SWITCH_ODDS = 4,       /* with several threads, one call in so many hands the baton over */
    IO_SPURIOUS_ODDS = 16     /* one wait for a condition in so many ends without a reason */
};

/* Longer times are as good as this one, about 73,000 years. */
#define IO_TIME_MAX_US (INT64_MAX / 4)

/* 2024-01-01T00:00:00Z: CLOCK_REALTIME when the model's time is 0. */
/* CLOCK_MONOTONIC then: never 0 on a real machine, and programs use 0 for "not set". */
#define IO_MONOTONIC_US INT64_C(1000000000)
#define IO_REALTIME_US INT64_C(1704067200000000)

/* Why model_call_enter must look closer than usual. */
enum io_attention {
    IO_ATTENTION_STOPPING = 1 << 0,
    IO_ATTENTION_SIGNAL =
        1 << 1, /* some process has a pending signal that is not known to be blocked */
    IO_ATTENTION_TASKS = 1 << 2 /* more than one thread, of one program or of two */
};

/* How far the end of a run has come. */
enum io_stop {
    IO_STOP_NONE,
    IO_STOP_ASKED, /* the stop signal was sent: time runs on, calls answer as usual */
    IO_STOP_ERRORS /* every call fails */
};

/* One sleep of one thread. `frame` tells a sleep that a handler jumped out of from one that still
 * lasts. */
struct io_sleeper {
    model_condition condition; /* NULL: nothing but time or a signal ends it */
    void *argument;
    struct model_timer deadline;
    uintptr_t frame;
    struct model_file
        *held;     /* by the call that sleeps: given back when the call is jumped out of */
    uint64_t seen; /* model->changes when the condition was last false */
    int reserved;  /* as in io_call; likewise */
    bool timed_out;
    uint8_t inside; /* enum trace_wait: what another thread of the program must do; NONE: it waits
                       for the world */
};

enum io_life {
    IO_ABSENT,  /* not part of this run */
    IO_WAITING, /* pair mode: will begin when it first gets the baton */
    IO_RUNNING,
    IO_GONE
};

struct io_task;

/* A thread of a program: what it sleeps on, and the signals that are its alone. */
struct io_thread {
    struct io_task *task;
    enum io_life life;
    bool preempted; /* gave the baton away without sleeping: it can go on at any time */
    int depth;      /* sleepers in use */
    struct io_sleeper sleepers[IO_SLEEP_DEPTH_MAX];
    uint64_t pending;         /* as that of the program */
    uint64_t pending_blocked; /* of either: what its mask held back when last looked at */
    const sigset_t *mask;     /* signal mask of ppoll and its like while it sleeps, else NULL */
};

/* A program: its process and what it is doing. Index: enum trace_host. */
struct io_task {
    struct model *model;
    enum io_life life;
    struct io_thread *thread; /* the one that runs, or did when the program last had the baton */
    struct io_thread threads[MODEL_THREADS_MAX]; /* the first is the one that runs main */
    uint32_t threads_used;                       /* no number from here on was given out yet */
    uint32_t threads_live;
    uint64_t pending;        /* bit (1 << number - 1): signals not yet delivered */
    uint64_t blocked_traced; /* those of them whose blocking was traced */
    uint64_t kernel_raised;  /* those of them that the kernel itself raised (SIGPIPE, SIGALRM) */
    uint16_t dispositions[IO_SIGNALS]; /* as the program last set them, for signals from the other
                                          task's turn */
    struct model_timer alarm;
    int64_t alarm_interval_us;
    struct io_object *signalfds; /* those of this process, chained by `next` */
    bool stop_handled;           /* the handler of the stop signal ran */
    enum io_stop stop;
    int64_t stop_deadline_us;
    uint64_t stop_calls; /* calls since the stop signal, then since errors began */
};

struct io_fault {
    struct world_fault spec;
    const struct fault_row *row;
    bool came; /* a call of the family came */
    bool struck;
};

/* The small kinds of files share one pool. */
struct io_object {
    struct model_file file; /* first: a file is cast to its object */
    struct io_object *next; /* free list; signalfds of a task; epoll instances: unused */
    union {
        struct {
            uint64_t count;
            bool semaphore;
        } eventfd;
        struct {
            struct model_timer timer;
            int64_t interval_us;
            uint64_t expirations;
            struct model *model;
            bool realtime;
        } timerfd;
        struct {
            uint64_t mask; /* as struct io_task.pending */
        } signalfd;
        struct {
            struct epoll_item *items; /* all registrations */
            struct epoll_item *ready_first;
            struct epoll_item *ready_last;
            uint32_t ready_count;
            uint32_t waiters; /* tasks that sleep in epoll_wait on it */
        } epoll;
        struct {
            int real; /* descriptor of ours */
            uint8_t mode;
        } real;
        int console; /* 0, 1 or 2 */
    };
};

/* Bytes that were written and not yet read. */
struct io_ring {
    uint32_t at; /* of the oldest */
    uint32_t used;
    uint8_t data[IO_RING_SIZE];
};

struct io_pipe; /* pipe.c */
struct io_pair; /* pair.c */

/* A timer in the heap, with its key beside it so that sifting touches no timer but the moved ones.
 */
struct io_heap_entry {
    int64_t at_us;
    uint64_t order;
    struct model_timer *timer;
};

/* What lives as long as one call; a handler that runs inside the call starts with its own. */
struct io_call {
    int flags;                  /* MSG_ flags */
    bool faulted;               /* a fault changed this call's answer */
    struct model_file *held;    /* it has a reference of its own, as long as it lasts */
    int reserved;               /* number that it has taken for what it gets, plus 1; 0: none */
    struct io_fault *shortened; /* a short transfer that took effect when the result is its limit */
    size_t short_limit;
};

struct model_io {
    struct model_process process[TRACE_HOST_COUNT];
    struct io_task tasks[TRACE_HOST_COUNT];
    struct io_object consoles[TRACE_HOST_COUNT][3];

    struct io_call call;
    uint64_t changes_seen; /* model->changes when calls_at_instant was last reset */
    uint64_t calls_max;    /* of them, before a spin */
    uint32_t instant_at;   /* events when the first of them began */
    uint32_t attention;    /* enum io_attention */
    uint64_t looks_seen;   /* model->changes since which `looks` were repeated */
    unsigned looks;        /* that found nothing and took time */

    bool goal_open; /* world.advance: time shall pass */
    int64_t goal_at_us;
    uint32_t goal_wakeups; /* wake-ups of the target that are left */

    bool asked;              /* the engine, in this run of the program */
    int64_t begun_us;        /* of it */
    int free_wanted;         /* world.descriptors_free before the program begins; -1 none */
    bool over;               /* the engine said stop */
    uint32_t idle_rounds;    /* on_idle in a row without any change */
    uint64_t idle_changes;   /* model->changes when on_idle was last asked */
    struct random schedule;  /* who runs next, where several can */
    uint64_t dialogues;      /* connections of the target that it closed */
    uint64_t dialogues_heap; /* `dialogues` at the last HEAP event */

    struct io_fault faults[IO_FAULTS_MAX]; /* in the order of arming */
    uint32_t fault_count;

    struct io_heap_entry *timers; /* heap: the earliest first */
    uint32_t timer_count;
    uint64_t timer_order;

    struct io_object *objects; /* IO_OBJECTS_MAX */
    struct io_object *objects_free;
    uint32_t objects_used; /* the rest was never touched since reset */
    struct epoll_item *items;
    struct epoll_item *items_free;
    uint32_t items_used;
    struct io_pipe *pipes;
    struct io_pipe *pipes_free;
    uint32_t pipes_used;
    struct io_pair *pairs;
    struct io_pair *pairs_free;
    uint32_t pairs_used;

    void (*console_write)(void *context, int fd, const void *data, size_t size);
    void *console_context;
    uint8_t *buffers[TRACE_HOST_COUNT]; /* IO_RING_SIZE bytes each, for sendfile */
};

static inline struct io_object *io_object(struct model_file *file)
{
    return (struct io_object *)(void *)file;
}

/* The running program's task; a program must be running. */
static inline struct io_task *io_task(const struct model *model)
{
    return &model->io->tasks[model->current->host];
}

/* The thread that runs. */
static inline struct io_thread *io_thread(const struct model *model)
{
    return io_task(model)->thread;
}

/* Signals that the thread may have to take. One to the program goes to its first thread, unless
 * that one blocks it. */
static inline uint64_t io_thread_signals(const struct io_thread *thread)
{
    const struct io_thread *first = thread->task->threads;
    uint64_t shared = thread->task->pending;
    if (thread != first && (first->life == IO_RUNNING || first->life == IO_WAITING)) {
        shared &= first->pending_blocked;
    }
    return (shared | thread->pending) & ~thread->pending_blocked;
}

/* ---- file.c ------------------------------------------------------------------------------------
 */
/* Objects come with everything but `file` uninitialised; NULL when the pool is empty. */
struct io_object *io_object_new(struct model *model, const struct model_file_ops *ops,
                                uint32_t status_flags);
void io_object_free(struct model *model, struct io_object *object);
/* Installs a new object's file, or gives it back. Returns the number or -errno. */
int io_object_install(struct model *model, struct io_object *object, uint32_t descriptor_flags);
/* Closes everything the process holds, as exit does: not traced. */
void io_files_close_all(struct model *model, struct model_process *process);
void io_files_open_consoles(struct model *model, struct model_process *process);
void io_files_reset(struct model *model);
void io_process_reset(struct model_process *process, enum trace_host host);
/* A number of the process is given up: FD_CLOSE, and the file's release when it was the last. */
bool io_slot_close(struct model *model, struct model_process *process, int fd, bool traced);

/* ---- call.c ------------------------------------------------------------------------------------
 */
/* Ends the running program. */
void io_leave(struct model *model, enum trace_exit how, int status) __attribute__((noreturn));

extern const uint8_t io_call_families[TRACE_CALL_COUNT];
/* When a call is progress, so that it ends a spin. */
enum io_progress {
    IO_PROGRESS_NEVER,
    IO_PROGRESS_DONE,     /* it succeeded */
    IO_PROGRESS_RECEIVED, /* it moved bytes */
    IO_PROGRESS_SENT      /* likewise, and not as output of the program */
};
extern const uint8_t io_call_progress[TRACE_CALL_COUNT];
/* What a call rarely has to do when it begins: the spin limit, steps and faults of its family, the
 * stop, signals. */
COLD_CALL void io_call_attend(struct model *model, enum trace_call call, int fd);
/* What a call rarely has to do when it ends: leave a full trace, deliver signals. */
COLD_CALL void io_call_settle(struct model *model);
/* ---- fault.c -----------------------------------------------------------------------------------
 */
/* An armed interruption of this family, NULL none. */
struct io_fault *io_fault_interrupt(struct model *model, enum trace_call call);
/* It struck: traced, counted down. */
void io_fault_struck(struct model *model, struct io_fault *fault, enum trace_call call, int fd,
                     uint32_t conn);
void io_fault_came(struct model *model, enum scenario_call family);
/* The result of a call whose transfer a fault shortened. */
COLD_CALL void io_fault_confirm(struct model *model, enum trace_call call, int fd, uint32_t conn,
                                int64_t result, int64_t asked);
void io_fault_reset(struct model *model);

/* ---- signal.c ----------------------------------------------------------------------------------
 */
/* To the program: any of its threads takes it. */
void io_signal_send(struct model *model, struct io_task *task, int number, bool by_kernel);
/* To this thread alone. */
void io_signal_send_thread(struct model *model, struct io_thread *thread, int number,
                           bool by_kernel);
/* Delivers what is pending and not blocked to the running program: handlers run, or it ends. True
 * when a handler ran that interrupts: without SA_RESTART or where the call is never restarted. */
bool io_signal_deliver(struct model *model, bool restarts);
/* Runs the handler of `number` and traces it. */
void io_signal_run(struct model *model, int number, bool by_kernel);
/* A handled, unblocked signal whose handler would interrupt; 0 none. */
int io_signal_choose(struct model *model, bool restarts);
/* signal(7): the default action ends the process. */
bool io_signal_fatal(int number);
/* 0 default, 1 ignored, 2 handler, flags as model_runner.disposition, with the mask of ppoll at
 * work. */
unsigned io_signal_disposition(struct model *model, int number);
void io_signal_task_reset(struct model *model, struct io_task *task);
/* The mask of ppoll and its like is in force, or (NULL) no longer. */
static inline void io_signal_mask_set(struct model *model, const sigset_t *mask);
/* Pending signals are looked at again. */
void io_signal_mask_apply(struct model *model);

/* ---- sleep.c -----------------------------------------------------------------------------------
 */
/* As model_sleep, without BLOCK and faults; `inside`: enum trace_wait. */
int io_sleep(struct model *model, model_condition condition, void *argument, int64_t timeout_us,
             bool restarts, enum trace_wait inside);
/* The running program looked without waiting and found nothing. Where it does so again at the same
 * instant, a little time passes. */
COLD_CALL void io_look_again(struct model *model);
/* Takes the lowest free number, if there is one, and gives it back (io_call.reserved). */
void io_number_reserve(struct model_process *process, int *reserved);
void io_number_return(struct model_process *process, int *reserved);
/* The stop signal did not help: every call of the program fails from here on. */
void io_stop_fail(struct model *model, struct io_task *task);
/* Time goes on to the next timer or to the goal, as far as it may; false: it may not. */
static inline bool io_time_step(struct model *model);
bool io_time_step_open(struct model *model);
/* Forgets sleeps deeper than `depth`, out of which the program jumped. */
void io_thread_abandon(struct model *model, struct io_thread *thread, int depth);

/* ---- thread.c ----------------------------------------------------------------------------------
 */
/* The program begins with one thread, or has ended with all of them. */
void io_threads_begin(struct io_task *task);
void io_threads_end(struct model *model, struct io_task *task);
/* Lets another thread run if one can and the choice falls on it. */
COLD_CALL void io_thread_maybe_switch(struct model *model);
/* Another thread that can go on, or begin; NULL none. */
struct io_thread *io_thread_pick(struct model *model);
/* Gives it the baton; returns when it has come back. */
void io_thread_hand_over(struct model *model, struct io_thread *thread);
/* Ends the run when each thread of the running program waits for another one. */
void io_thread_check_deadlock(struct model *model);

/* ---- timer.c -----------------------------------------------------------------------------------
 */
void io_timers_reset(struct model *model);

/* ---- ring.c ------------------------------------------------------------------------------------
 */
static inline uint32_t io_ring_room(const struct io_ring *ring)
{
    return IO_RING_SIZE - ring->used;
}
/* `count` bytes of the message, from `offset` on; there is room for them. */
void io_ring_put(struct io_ring *ring, const struct msghdr *message, size_t offset, size_t count);
/* The oldest `count` bytes, which there are, into the message; they stay. */
void io_ring_look(const struct io_ring *ring, struct msghdr *message, size_t offset, size_t count);
/* The oldest `count` bytes are gone. */
void io_ring_drop(struct io_ring *ring, size_t count);

/* ---- the kinds of files ---- */
extern const struct model_file_ops io_console_ops;
extern const struct model_file_ops io_real_ops;
enum status io_pipes_new(struct model_io *io) STATUS_MUST_USE;
void io_pipes_free(struct model_io *io);
void io_pipes_reset(struct model *model);
enum status io_pairs_new(struct model_io *io) STATUS_MUST_USE;
void io_pairs_free(struct model_io *io);
void io_pairs_reset(struct model *model);
enum status io_epoll_new(struct model_io *io) STATUS_MUST_USE;
void io_epoll_free(struct model_io *io);
void io_epoll_reset(struct model *model);
/* signalfds of the task look again. */
void io_signalfd_notify(struct model *model, struct io_task *task, int number);

/* Copies between an iovec list and a flat buffer; bytes copied. */
size_t io_scatter(const struct msghdr *message, size_t offset, const void *data, size_t size);
size_t io_gather(const struct msghdr *message, size_t offset, void *data, size_t size);

/* poll(2) bits of a file. */
static inline uint32_t io_file_poll(struct model *model, struct model_file *file)
{
    return file->ops->poll != NULL ? file->ops->poll(model, file) : POLLIN | POLLOUT;
}

static inline void io_signal_mask_set(struct model *model, const sigset_t *mask)
{
    struct io_thread *thread = io_thread(model);
    thread->mask = mask;
    if ((thread->task->pending | thread->pending) != 0) {
        io_signal_mask_apply(model);
    }
}

/* Time passes by itself only towards a goal, and while a program is asked to stop. */
static inline bool io_time_step(struct model *model)
{
    const struct model_io *io = model->io;
    return (io->goal_open || (io->attention & IO_ATTENTION_STOPPING) != 0) &&
           io_time_step_open(model);
}

/* ---- The frame around every call, in place where it is hot --------------------------------------
 */

/* model_call_enter. */
static inline void io_call_enter(struct model *model, enum trace_call call, int fd)
{
    struct model_io *io = model->io;
    assert(model->current != NULL);
    if (__builtin_expect((io->attention & IO_ATTENTION_TASKS) != 0, 0)) {
        io_thread_maybe_switch(model);
    }
    io->call = (struct io_call){0};
    if (model->changes != io->changes_seen) {
        io->changes_seen = model->changes;
        io->instant_at = model->trace->count;
        model->calls_at_instant = 0;
    }
    uint32_t armed = model->hooks->armed | model->faults_armed;
    if (__builtin_expect((++model->calls_at_instant > io->calls_max) | (armed != 0) |
                             ((io->attention & ~(uint32_t)IO_ATTENTION_TASKS) != 0),
                         0)) {
        io_call_attend(model, call, fd);
    }
}

/* model_call_leave. */
static inline int64_t io_call_leave(struct model *model, enum trace_call call, int fd,
                                    uint32_t conn, int64_t result, int64_t a, int64_t b)
{
    struct model_io *io = model->io;
    const struct model_file *file = model_fd_file(model, fd);
    if (__builtin_expect(io->call.shortened != NULL, 0)) {
        io_fault_confirm(model, call, fd, conn, result, a);
    }
    bool nonblock = (file != NULL && (file->status_flags & O_NONBLOCK) != 0) ||
                    (io->call.flags & MSG_DONTWAIT) != 0;
    struct trace_event *event = trace_add(model->trace, TRACE_CALL, model->current->host);
    event->what = (uint8_t)call;
    event->fd = fd < -1 ? -1 : fd;
    event->conn = conn;
    event->result = result >= 0 ? result : -1;
    event->err = result >= 0 ? 0 : (int32_t)-result;
    event->a = a;
    event->b = b;
    event->flags =
        (uint8_t)((nonblock ? TRACE_NONBLOCK : 0) | (io->call.faulted ? TRACE_FAULTED : 0));
    enum io_progress progress = (enum io_progress)io_call_progress[call];
    if (progress != IO_PROGRESS_NEVER && result >= (progress >= IO_PROGRESS_RECEIVED) &&
        !(progress == IO_PROGRESS_SENT && file != NULL &&
          (file->ops == &io_console_ops || file->ops == &io_real_ops))) {
        model_changed(model);
    }
    if (__builtin_expect(trace_full(model->trace) | ((io->attention & IO_ATTENTION_SIGNAL) != 0),
                         0)) {
        io_call_settle(model);
    }
    return result;
}

#endif
