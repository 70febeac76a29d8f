/* Inside redirect/: one program that is running, and what the redirected calls share. Not for use
 * outside. Exactly one task holds the baton; `redirect_task` is that one, NULL while no program
 * runs (then calls answer ENOSYS and memory comes from the C library untracked). */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_REDIRECT_TASK_H
#define SOCKSPEC_REDIRECT_TASK_H

#include <errno.h>
#include <netdb.h>
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
    REDIRECT_PID = 1000,                      /* what getpid answers: the same in every process */
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

struct redirect_task {
    struct model *model;
    const struct sockspec_program *program;
    struct redirect *redirect;
    unsigned slot;
    bool running;           /* between model_task_begin and model_task_end */
    bool exiting;           /* exit handlers run */
    struct model_exit exit; /* how it ended */
    void *jump[8];          /* __builtin_setjmp buffer at the start of main */
    char *stack_top;        /* frame that the jump lands in */
    char *stack_low;        /* frame that left */

    /* Signals. */
    struct sigaction actions[REDIRECT_SIGNALS];
    uint64_t actions_set;  /* bit (number - 1): of those that are not as at the start */
    uint64_t mask;         /* bit (number - 1): blocked */
    uint64_t handler_mask; /* the mask when the innermost handler began */
    unsigned handler_depth;
    uint64_t held_back;  /* signals that the model found blocked while a handler ran */
    uint64_t deliveries; /* handlers that ran */
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
#define REDIRECT_SYS(function, ...)                                                                \
    __extension__({                                                                                \
        struct redirect_task *sys_task = redirect_task;                                            \
        int sys_errno = errno;                                                                     \
        int64_t sys_result =                                                                       \
            sys_task == NULL ? -ENOSYS : (int64_t)function(sys_task->model, __VA_ARGS__);          \
        redirect_result(sys_errno, sys_result);                                                    \
    })

#endif
