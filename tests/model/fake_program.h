/* A program for tests of the model: a C function that makes model_sys_ calls, run by a small
 * runner. What would be the program's signal dispositions are fields here. One fake at a time per
 * model. In pair mode `peer_main` runs as the second task, on a thread of its own. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_MODEL_FAKE_PROGRAM_H
#define SOCKSPEC_TESTS_MODEL_FAKE_PROGRAM_H

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "model/calls.h"
#include "model/model.h"
#include "test.h"
#include "trace/trace.h"
#include "world/world.h"

enum { FAKE_SIGNALS = 65, FAKE_STEPS_MAX = 64 };

struct fake;
typedef int (*fake_main)(struct fake *fake, struct model *model);
typedef void (*fake_handler)(struct fake *fake, int number);
typedef void (*fake_step)(struct fake *fake, struct world *world);

struct fake_task {
    sigjmp_buf out;
    struct model_exit exit;
    sem_t baton;
};

struct fake {
    struct model *model;
    struct world *world;
    struct trace trace;
    struct model_runner runner;
    struct world_hooks hooks;
    struct world_target target;

    fake_main main;
    fake_main peer_main;                 /* pair mode */
    unsigned dispositions[FAKE_SIGNALS]; /* as model_runner.disposition */
    fake_handler handlers[FAKE_SIGNALS];
    fake_step steps[FAKE_STEPS_MAX]; /* played one by one when idle, then WORLD_STOP */
    int step_count;
    int step_next;
    fake_step on_call;         /* at each call of an armed family */
    int handled[FAKE_SIGNALS]; /* how often each handler ran */
    int64_t values[16];        /* for the test's own use */
    void *context;             /* likewise */
    int64_t heap_blocks;

    struct fake_task tasks[2];
    unsigned running; /* which task has the baton */
    bool peer_begun;
    bool peer_ended;
    bool target_ended;
    pthread_t thread;
};

static inline void fake_program_run(struct fake *fake, unsigned task)
{
    fake_main main = task == 0 ? fake->main : fake->peer_main;
    model_task_begin(fake->model, task == 0 ? TRACE_HOST_TARGET : TRACE_HOST_PEER);
    if (sigsetjmp(fake->tasks[task].out, 0) == 0) {
        int status = main(fake, fake->model);
        fake->tasks[task].exit = (struct model_exit){.how = TRACE_EXIT_RETURNED, .status = status};
    }
    model_task_end(fake->model, fake->tasks[task].exit);
}

static inline void *fake_peer_thread(void *argument)
{
    struct fake *fake = argument;
    while (sem_wait(&fake->tasks[1].baton) != 0) {
    }
    fake_program_run(fake, 1);
    fake->peer_ended = true;
    fake->running = 0;
    (void)sem_post(&fake->tasks[0].baton);
    return NULL;
}

static inline void fake_pass(struct fake *fake, unsigned from, unsigned to)
{
    fake->running = to;
    if (to == 1 && !fake->peer_begun) {
        fake->peer_begun = true;
        assert_int_equal(0, pthread_create(&fake->thread, NULL, fake_peer_thread, fake));
    }
    (void)sem_post(&fake->tasks[to].baton);
    while (sem_wait(&fake->tasks[from].baton) != 0) {
    }
}

static inline enum status fake_run(void *context, const struct world_target *target,
                                   struct model_exit *ret_exit, struct status_detail *detail)
{
    struct fake *fake = context;
    (void)target, (void)detail;
    fake->running = 0;
    fake->peer_begun = false;
    fake->peer_ended = false;
    fake_program_run(fake, 0);
    if (fake->peer_begun && !fake->peer_ended) {
        fake_pass(fake, 0, 1);
    }
    if (fake->peer_begun) {
        (void)pthread_join(fake->thread, NULL);
    }
    *ret_exit = fake->tasks[0].exit;
    return STATUS_OK;
}

static inline unsigned fake_disposition(void *context, int number)
{
    return ((struct fake *)context)->dispositions[number];
}

static inline void fake_deliver(void *context, int number)
{
    struct fake *fake = context;
    fake->handled[number]++;
    if (fake->handlers[number] != NULL) {
        fake->handlers[number](fake, number);
    }
}

static inline void fake_leave(void *context, struct model_exit exit) __attribute__((noreturn));
static inline void fake_leave(void *context, struct model_exit exit)
{
    struct fake *fake = context;
    fake->tasks[fake->running].exit = exit;
    siglongjmp(fake->tasks[fake->running].out, 1);
}

static inline void fake_switch_to(void *context, unsigned task, unsigned thread)
{
    struct fake *fake = context;
    assert_int_equal(thread, 0);
    if (task != fake->running) {
        fake_pass(fake, fake->running, task);
    }
}

static inline void fake_heap(void *context, int64_t *ret_blocks, int64_t *ret_bytes)
{
    *ret_blocks = ((struct fake *)context)->heap_blocks;
    *ret_bytes = 0;
}

static inline enum world_next fake_on_idle(void *context)
{
    struct fake *fake = context;
    if (fake->step_next >= fake->step_count) {
        return WORLD_STOP;
    }
    fake->steps[fake->step_next++](fake, fake->world);
    return WORLD_GO;
}

static inline void fake_on_call(void *context, enum scenario_call family)
{
    struct fake *fake = context;
    (void)family;
    if (fake->on_call != NULL) {
        fake->on_call(fake, fake->world);
    }
}

/* A new model with a trace of 64 Ki events, reset. */
static inline struct fake *fake_new(void)
{
    struct fake *fake = calloc(1, sizeof *fake);
    struct status_detail detail = {{0}};
    assert_non_null(fake);
    fake->runner = (struct model_runner){.context = fake,
                                         .run = fake_run,
                                         .disposition = fake_disposition,
                                         .deliver = fake_deliver,
                                         .leave = fake_leave,
                                         .switch_to = fake_switch_to,
                                         .heap = fake_heap};
    fake->hooks =
        (struct world_hooks){.context = fake, .on_idle = fake_on_idle, .on_call = fake_on_call};
    fake->target =
        (struct world_target){.name = "fake", .role = TRACE_ROLE_SERVER, .stop_signal = SIGTERM};
    (void)sem_init(&fake->tasks[0].baton, 0, 0);
    (void)sem_init(&fake->tasks[1].baton, 0, 0);
    assert_ok(trace_init(&fake->trace, 65536), &detail);
    assert_ok(model_new(&fake->runner, &fake->model, &detail), &detail);
    fake->world = model_world(fake->model);
    fake->world->ops->reset(fake->world, &fake->trace, 1);
    return fake;
}

static inline void fake_free(struct fake *fake)
{
    fake->world->ops->free(fake->world);
    trace_done(&fake->trace);
    free(fake);
}

/* Plays `step` when the program is idle for the next time. */
static inline void fake_then(struct fake *fake, fake_step step)
{
    assert_true(fake->step_count < FAKE_STEPS_MAX);
    fake->steps[fake->step_count++] = step;
}

/* Runs `main` to its end and returns how it ended, from the EXIT event. */
static inline struct trace_event fake_play(struct fake *fake, fake_main main)
{
    struct status_detail detail = {{0}};
    fake->main = main;
    assert_ok(fake->world->ops->run(fake->world, &fake->target, &fake->hooks, &detail), &detail);
    for (uint32_t i = fake->trace.count; i-- > 0;) {
        if (fake->trace.events[i].kind == TRACE_EXIT &&
            fake->trace.events[i].host == TRACE_HOST_TARGET) {
            return fake->trace.events[i];
        }
    }
    fail_msg("no EXIT in the trace");
    return (struct trace_event){0};
}

/* The nth (from 0) event of a kind, whose `what` is `what` unless that is negative; NULL none. */
static inline const struct trace_event *fake_event(const struct fake *fake, enum trace_kind kind,
                                                   int what, int nth)
{
    for (uint32_t i = 0; i < fake->trace.count; i++) {
        const struct trace_event *event = &fake->trace.events[i];
        if (event->kind == kind && (what < 0 || event->what == what) && nth-- == 0) {
            return event;
        }
    }
    return NULL;
}

static inline int fake_count(const struct fake *fake, enum trace_kind kind, int what)
{
    int count = 0;
    while (fake_event(fake, kind, what, count) != NULL) {
        count++;
    }
    return count;
}

/* read and write on one flat buffer. */
static inline int64_t fake_read(struct model *model, int fd, void *data, size_t size)
{
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return model_sys_recv(model, TRACE_CALL_READ, fd, &message, 0);
}

static inline int64_t fake_write(struct model *model, int fd, const void *data, size_t size)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return model_sys_send(model, TRACE_CALL_WRITE, fd, &message, 0);
}

/* Group set-up and tear-down of cmocka: a fake as the state. */
static inline int fake_setup(void **state)
{
    *state = fake_new();
    return 0;
}

static inline int fake_teardown(void **state)
{
    fake_free(*state);
    return 0;
}

/* The main of a fake program, called name_main, and the test that it returns 0. */
#define FAKE_MAIN(name) static int name(struct fake *fake, struct model *model)
#define RUNS(name)                                                                                 \
    static void name(void **state)                                                                 \
    {                                                                                              \
        struct trace_event end = fake_play(*state, name##_main);                                   \
        assert_int_equal(TRACE_EXIT_RETURNED, end.what);                                           \
        assert_int_equal(0, end.result);                                                           \
    }

/* A step: the program is sent SIGUSR1. */
static inline void send_usr1(struct fake *fake, struct world *world)
{
    (void)fake;
    assert_int_equal(0, world->ops->signal(world, SIGUSR1, false));
}

/* A handler that leaves the call it interrupted by siglongjmp. */
static sigjmp_buf jumped;

static inline void jump(struct fake *fake, int number)
{
    (void)fake, (void)number;
    siglongjmp(jumped, 1);
}

#endif
