/* Inside redirect/: one program that is running, its threads, and what the redirected calls share.
 * Not for use outside. Exactly one thread holds the baton; `redirect_task` is its program, NULL
 * while none runs (then calls answer ENOSYS and memory comes from the C library untracked). */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_REDIRECT_TASK_H
#define SOCKSPEC_REDIRECT_TASK_H

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/random.h"
#include "model/calls.h"
#include "redirect/heap.h"
#include "redirect/program.h"
#include "redirect/stream.h"

enum {
    REDIRECT_TASKS_MAX = 2,
    REDIRECT_EXIT_HANDLERS_MAX = 256,
    REDIRECT_ARGUMENTS_MAX = 64,
    REDIRECT_ARGUMENT_BYTES_MAX = 4096,
    REDIRECT_SIGNALS = 65,
    REDIRECT_KEYS_MAX = 128,       /* pthread_key_create: as many as POSIX promises */
    REDIRECT_STACK_SIZE = 2 << 20, /* bytes; of all threads but the first */
    REDIRECT_STACK_USED = 8 << 10, /* bytes that a thread's stack counts as held memory */
    REDIRECT_PID = 1000,           /* what getpid answers: the same in every process */
    REDIRECT_REAL_MIN = MODEL_DESCRIPTORS_MAX /* our own descriptors live from here on */
};

enum redirect_exit_kind { REDIRECT_EXIT_PLAIN, REDIRECT_EXIT_WITH_STATUS, REDIRECT_EXIT_QUICK };

struct redirect_exit_handler {
    enum redirect_exit_kind kind;
    void (*plain)(void);
    void (*with_status)(int status, void *argument);
    void *argument;
};

/* Process-wide state of the C library that the program may have changed; put back only where it
 * did. */
enum redirect_dirty {
    REDIRECT_DIRTY_ENVIRONMENT = 1 << 0,
    REDIRECT_DIRTY_LOCALE = 1 << 1,
    REDIRECT_DIRTY_FOLDER = 1 << 2,
    REDIRECT_DIRTY_UMASK = 1 << 3
};

struct redirect_task;

enum redirect_thread_state {
    REDIRECT_THREAD_FREE,
    REDIRECT_THREAD_MADE, /* has not begun */
    REDIRECT_THREAD_RUNS,
    REDIRECT_THREAD_ENDED /* nobody has joined it yet */
};

/* A thread of a program. The first has the stack that the runner was called on; the others have
 * real threads of their own, which stay from run to run and sleep while they have not the baton. */
struct redirect_thread {
    struct redirect_task *task;
    unsigned number; /* in the model; 0: runs main */
    enum redirect_thread_state state;

    pthread_t real;
    pid_t real_process; /* where `real` lives: a fork leaves it behind; 0: never made */
    int real_processor; /* the one that it is bound to; -1: to none */
    bool real_used;     /* it has run a program: its thread-local storage is to be put back */
    sem_t baton;
    void *jump[8];                /* __builtin_setjmp buffer where it began */
    char *stack_top;              /* frame that the jump lands in */
    struct redirect_thread *next; /* of one that has ended: who has the baton then */

    pthread_t id; /* what the program calls it by */
    void *(*start)(void *argument);
    void *argument;
    void *result;
    bool detached;
    bool joined;                     /* another thread waits for its end */
    __pthread_unwind_buf_t *cleanup; /* the innermost pthread_cleanup_push */
    void *values[REDIRECT_KEYS_MAX];
    const pthread_cond_t *condition; /* it waits for this one */
    bool woken;

    /* Signals. */
    uint64_t mask;         /* bit (number - 1): blocked */
    uint64_t handler_mask; /* the mask when the innermost handler began */
    unsigned handler_depth;
    uint64_t held_back;  /* signals that the model found blocked while a handler ran */
    uint64_t deliveries; /* handlers that ran */
};

struct redirect_key {
    bool used;
    void (*destructor)(void *value);
};

struct redirect_task {
    struct model *model;
    const struct sockspec_program *program;
    struct redirect *redirect;
    unsigned slot;
    bool running;           /* between model_task_begin and model_task_end */
    bool exiting;           /* exit handlers run */
    bool ending;            /* threads that wake up leave by a jump */
    struct model_exit exit; /* how it ended */

    struct redirect_thread *thread; /* the one that runs, or did when it last had the baton */
    struct redirect_thread threads[MODEL_THREADS_MAX]; /* by number */
    unsigned threads_used; /* numbers from here on have not been used in this run */
    uint64_t threads_made; /* in this run */
    struct redirect_key keys[REDIRECT_KEYS_MAX];
    unsigned keys_used; /* keys from here on have not been used in this run */

    /* Signals. */
    struct sigaction actions[REDIRECT_SIGNALS];
    uint64_t actions_set; /* bit (number - 1): of those that are not as at the start */
    int64_t timer_interval_us;

    struct redirect_exit_handler exit_handlers[REDIRECT_EXIT_HANDLERS_MAX];
    unsigned exit_handler_count;

    struct redirect_heap heap;
    struct redirect_streams streams;

    /* What the C library keeps for the program in variables that we serve ourselves. */
    uint64_t rand_state;
    uint64_t rand48_state;
    struct random entropy;
    char *strtok_next;
    bool getopt_begun; /* the program called getopt in this run */
    struct rlimit descriptors_limit;
    unsigned dirty; /* enum redirect_dirty */
    int log_mask;

    int argc;
    char *argv[REDIRECT_ARGUMENTS_MAX + 1];
    char argument_bytes[REDIRECT_ARGUMENT_BYTES_MAX];
};

extern struct redirect_task *redirect_task;

/* What the program calls the thread that is made next under this number. Not the real thread's:
 * those differ from run to run, and a real one is used again and again. */
static inline pthread_t redirect_thread_id(const struct redirect_task *task, unsigned number)
{
    return (task->threads_made + 1) * MODEL_THREADS_MAX + number;
}

/* The folder's one runner, as far as threads need it (program.c, threads.c). */
struct redirect_image;
struct redirect_image *redirect_image_of(const struct redirect_task *task);
/* The program in this slot. */
struct redirect_task *redirect_task_of(const struct redirect_task *task, unsigned slot);
/* The second program of a pair, on its own thread: returns who has the baton when it has ended. */
struct redirect_thread *redirect_run_peer(struct redirect_task *task);

/* ---- threads.c ---- */

void redirect_threads_init(struct redirect_task *task);
/* The real threads end. */
void redirect_threads_done(struct redirect_task *task);
/* Before a run: the program has one thread, which has blocked nothing and knows no keys. */
void redirect_threads_reset(struct redirect_task *task);
/* After a run: the thread that calls may go to any processor again. */
void redirect_threads_part(void);
/* After main was left: every other thread that has begun leaves by a jump on its own stack. */
void redirect_threads_unwind(struct redirect_task *task);
/* A real thread stands behind the record, on the processor of the one that calls; false: there can
 * be no more. */
bool redirect_thread_make(struct redirect_thread *thread);
/* The thread that the program calls so; NULL: there is none, or none any more. */
struct redirect_thread *redirect_thread_find(pthread_t id);
/* Gives the baton away, and waits for it; where the program ends meanwhile, leaves by the jump. */
void redirect_thread_switch(struct redirect_thread *from, struct redirect_thread *to);
/* Gives the baton away and waits for it, whatever has become of the program. */
void redirect_thread_lend(struct redirect_thread *from, struct redirect_thread *to);
/* Jumps to where the thread began. */
void redirect_thread_jump(struct redirect_thread *thread) __attribute__((noreturn));
/* pthread_exit(3) */
void redirect_thread_exit(struct redirect_thread *thread, void *result) __attribute__((noreturn));
/* Threads besides the first that are not released. */
unsigned redirect_threads_held(const struct redirect_task *task);

/* Takes a mutex: 0 or an errno. `timeout_us` -1: none; 0: EBUSY instead of waiting. */
int redirect_mutex_lock(pthread_mutex_t *mutex, int64_t timeout_us);
int redirect_mutex_unlock(pthread_mutex_t *mutex);
/* Microseconds up to an absolute time of a clock: 0 when it has passed; -EINVAL malformed. */
int64_t redirect_left_us(clockid_t clock, const struct timespec *until);
/* Microseconds, rounded up; -1 for ever (NULL, or too long to tell); -EINVAL when malformed. */
int64_t redirect_timespec_us(const struct timespec *time);

/* The program ends here; does not return. */
void redirect_leave(struct redirect_task *task, struct model_exit exit) __attribute__((noreturn));
/* exit(3): handlers, streams, then the end. */
void redirect_exit(struct redirect_task *task, int status) __attribute__((noreturn));
/* abort(3). */
void redirect_abort(struct redirect_task *task) __attribute__((noreturn));
/* The model lacks this; ends the run. Returns -1 with ENOSYS outside of one. */
int redirect_unsupported(enum trace_call call, int64_t a);

/* Signals as the model asks for them (calls_signal.c). */
void redirect_signals_reset(struct redirect_task *task);
unsigned redirect_signal_disposition(struct redirect_task *task, int number);
void redirect_signal_deliver(struct redirect_task *task, int number);
uint64_t redirect_mask_bits(const sigset_t *set);
void redirect_mask_set(sigset_t *set, uint64_t bits);

/* Brings a freshly opened real descriptor into the model's table: the target's number, or -1 with
 * errno. */
int redirect_adopt(int real, int flags);
/* The real descriptor behind a file of the target; -1 with errno. */
int redirect_real(int fd);
/* Opens for the target, as open(2). */
int redirect_open(int folder, const char *path, int flags, mode_t mode);

/* Sanitizers do not see what uninstrumented code touches for the target: ask them. */
void redirect_check_read(const void *data, int64_t size);
void redirect_check_write(void *data, int64_t size);

/* A result of the model as the C library returns it; errno stays as it was on success. */
static inline int64_t redirect_result(int saved_errno, int64_t result)
{
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    errno = saved_errno;
    return result;
}

/* Calls model_sys_… for the running program: REDIRECT_SYS(model_sys_listen, fd, backlog). */
/* The answer where an argument points nowhere. */
static inline int redirect_fault(void)
{
    errno = EFAULT;
    return -1;
}

#define REDIRECT_SYS(function, ...)                                                                \
    __extension__({                                                                                \
        struct redirect_task *sys_task = redirect_task;                                            \
        int sys_errno = errno;                                                                     \
        int64_t sys_result =                                                                       \
            sys_task == NULL ? -ENOSYS : (int64_t)function(sys_task->model, __VA_ARGS__);          \
        redirect_result(sys_errno, sys_result);                                                    \
    })

#endif
