/* The model kernel: two hosts, one wire, virtual time, in process and deterministic. It implements
 * the world's operations (model_world) and, for a program whose calls are redirected, the sockets
 * API as model_sys_… in calls.h. One model belongs to one thread at a time; in pair mode the thread
 * that holds the baton. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_MODEL_MODEL_H
#define SOCKSPEC_MODEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "trace/trace.h"
#include "world/world.h"

enum {
    MODEL_DESCRIPTORS_MAX = 4096, /* numbers 0 … 4095 of each program */
    MODEL_SOCKETS_MAX = 8192,     /* sockets of both hosts */
    MODEL_BYTES_MAX = 16 << 20, /* bytes in send queues, receive queues and on the wire together */
    MODEL_TASKS_MAX = 2,        /* pair mode: a program per host */
    MODEL_THREADS_MAX = 128     /* threads that a program has at once */
};

struct model;

/* How a program ended. */
struct model_exit {
    enum trace_exit how;
    int status; /* exit status or signal number */
};

/* What the model asks of whoever runs programs (redirect/). Called on the program's own stack. */
struct model_runner {
    void *context;
    /* Runs the target's main (and in pair mode the peer's, as a second task) from a fresh image to
     * its end, and tells how the target ended. Calls model_task_begin/model_task_end around each
     * program. */
    enum status (*run)(void *context, const struct world_target *target,
                       struct model_exit *ret_exit, struct status_detail *detail);
    /* The disposition of a signal in the running thread: 0 default, 1 ignored, 2 handler, | 0x100
     * SA_RESTART, | 0x200 blocked by the mask. */
    unsigned (*disposition)(void *context, int number);
    /* Runs the program's handler for `number` now. */
    void (*deliver)(void *context, int number);
    /* The program ends here with `how`: does not return (siglongjmp). */
    void (*leave)(void *context, struct model_exit exit) __attribute__((noreturn));
    /* Hands the baton from the running thread to this one of this program, which may have to begin;
     * returns when it comes back. */
    void (*switch_to)(void *context, unsigned task, unsigned thread);
    /* Heap that the running target holds. */
    void (*heap)(void *context, int64_t *ret_blocks, int64_t *ret_bytes);
};

/* Errors: STATUS_NO_MEMORY. `runner` may be NULL for scripted sockets only. */
enum status model_new(const struct model_runner *runner, struct model **ret_model,
                      struct status_detail *detail) STATUS_MUST_USE;
/* The model as a world; freed by its `free` operation. */
struct world *model_world(struct model *model);

/* A program begins on `host` (0, 1, 2 become console descriptors) or has ended (its descriptors are
 * closed, as exit does). Between the two it is the running task. */
void model_task_begin(struct model *model, enum trace_host host);
void model_task_end(struct model *model, struct model_exit exit);

/* Bytes that the target wrote to stdout (1) or stderr (2) are passed here; NULL drops them. */
void model_set_console(struct model *model,
                       void (*write)(void *context, int fd, const void *data, size_t size),
                       void *context);

/* State coverage for fuzzers: counters over (state of one end, state of the other, event), bumped
 * at every change of state. Size: TCP_STATE_COUNT * TCP_STATE_COUNT * TCP_EVENT_COUNT. NULL
 * switches it off. */
void model_set_counters(struct model *model, uint8_t *counters);

#endif
