/* Sleeping: the loop in which everything else happens while a program blocks. The wire delivers,
 * the other program runs, time passes as far as the scenario lets it, the engine plays its next
 * step, the run is brought to its end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>

#include "model/io.h"

enum {
    IDLE_ROUNDS_MAX =
        100000, /* on_idle said "go" so often and nothing changed: take it for the end */
    BEGIN_LIMIT_US = 10000000, /* naps of a program that begins */
    LOOKS_MAX = 10 /* take time at one instant: 1, 2, 4, … us, a thousandth of a second in all */
};

/* ---- The end of a run --------------------------------------------------------------------------
 */

void io_stop_fail(struct model *model, struct io_task *task)
{
    task->stop = IO_STOP_ERRORS;
    task->stop_calls = 0;
    model->io->process[task - model->io->tasks].failing = true;
    model_changed(model);
    model->readiness++;
}

/* The target first, then the other program. */
static struct io_task *task_to_stop(struct model_io *io)
{
    struct io_task *target = &io->tasks[TRACE_HOST_TARGET];
    return target->life == IO_RUNNING ? target : &io->tasks[TRACE_HOST_PEER];
}

/* The next degree of asking, when the one before has led nowhere. */
static void stop_escalate(struct model *model)
{
    struct io_task *task = task_to_stop(model->io);
    if (task->life == IO_WAITING) {
        return;
    }
    if (task->stop == IO_STOP_NONE) {
        task->stop = IO_STOP_ASKED;
        task->stop_calls = 0;
        task->stop_deadline_us = model->now_us + IO_STOP_LIMIT_US;
        model->io->attention |= IO_ATTENTION_STOPPING;
        io_signal_send(model, task, model->target->stop_signal, false);
    } else if (task->stop == IO_STOP_ASKED) {
        io_stop_fail(model, task);
    }
}

/* ---- Idle --------------------------------------------------------------------------------------
 */

/* How far time may run on by itself now; INT64_MIN: not at all. */
static int64_t time_limit(const struct model_io *io)
{
    int64_t limit = io->goal_open ? io->goal_at_us : INT64_MIN;
    if ((io->attention & IO_ATTENTION_STOPPING) == 0) {
        return limit;
    }
    for (int host = 0; host < TRACE_HOST_COUNT; host++) {
        const struct io_task *task = &io->tasks[host];
        if (task->life == IO_RUNNING && task->stop == IO_STOP_ASKED &&
            task->stop_deadline_us > limit) {
            limit = task->stop_deadline_us;
        }
    }
    return limit;
}

bool io_time_step_open(struct model *model)
{
    struct model_io *io = model->io;
    int64_t limit = time_limit(io);
    int64_t next = model_timer_next(model);
    if (io->goal_open && next > io->goal_at_us) {
        io->goal_open = false;
        model_timer_run(model, io->goal_at_us);
        return true;
    }
    if (limit == INT64_MIN || next > limit) {
        return false;
    }
    model_timer_run(model, next);
    return true;
}

/* A leak per dialogue shows when no connection is open: tell what the heap holds once after each
 * batch. */
static void heap_note(struct model *model)
{
    struct model_io *io = model->io;
    if (io->dialogues == io->dialogues_heap || model->runner->heap == NULL ||
        model->world.ops->connections(&model->world) != 0) {
        return;
    }
    io->dialogues_heap = io->dialogues;
    struct trace_event *event = trace_add(model->trace, TRACE_HEAP, TRACE_HOST_TARGET);
    event->result = (int64_t)io->dialogues;
    model->runner->heap(model->runner->context, &event->a, &event->b);
}

/* Asks the engine what is next. Once it said stop it is not asked again. */
static enum world_next ask(struct model *model)
{
    struct model_io *io = model->io;
    heap_note(model);
    enum world_next next = model->hooks->on_idle(model->hooks->context);
    io->idle_rounds = model->changes == io->idle_changes ? io->idle_rounds + 1 : 0;
    io->idle_changes = model->changes;
    io->over = next == WORLD_STOP || io->idle_rounds > IDLE_ROUNDS_MAX;
    return io->over ? WORLD_STOP : WORLD_GO;
}

/* A program whose first thread naps is not ready yet: time goes on until it has woken, not for
 * ever.
 */
static bool still_begins(const struct model *model)
{
    const struct io_task *task = &model->io->tasks[TRACE_HOST_TARGET];
    const struct io_thread *thread = &task->threads[0];
    if (model->io->asked || task->life != IO_RUNNING || thread->depth == 0) {
        return false;
    }
    const struct io_sleeper *sleeper = &thread->sleepers[thread->depth - 1];
    return sleeper->condition == NULL && sleeper->deadline.index != 0 &&
           sleeper->deadline.at_us <= model->io->begun_us + BEGIN_LIMIT_US;
}

/* One thing happens while the running thread sleeps. */
static void idle_step(struct model *model)
{
    struct model_io *io = model->io;
    if (model->deliverable != 0) {
        model_net_deliver(model);
        return;
    }
    struct io_thread *other =
        (io->attention & IO_ATTENTION_TASKS) != 0 ? io_thread_pick(model) : NULL;
    if (other != NULL) {
        io_thread_hand_over(model, other);
        return;
    }

    if (io_time_step(model)) {
        return;
    }
    if (still_begins(model)) {
        model_timer_run(model, model_timer_next(model));
        return;
    }
    io->asked = true;
    if (io->over || ask(model) == WORLD_STOP) {
        stop_escalate(model);
    }
}

/* ---- Sleeping ----------------------------------------------------------------------------------
 */

static void deadline_fire(struct model *model, struct model_timer *timer)
{
    struct io_sleeper *sleeper =
        (struct io_sleeper *)(void *)((char *)timer - offsetof(struct io_sleeper, deadline));
    (void)model;
    sleeper->timed_out = true;
}

static void pop(struct model *model, struct io_thread *thread)
{
    model_timer_cancel(model, &thread->sleepers[--thread->depth].deadline);
}

void io_thread_abandon(struct model *model, struct io_thread *thread, int depth)
{
    while (thread->depth > depth) {
        pop(model, thread);
        struct model_file *held = thread->sleepers[thread->depth].held;
        if (held != NULL) {
            io_file_drop(model, held);
        }
        io_number_return(&model->io->process[thread->task - model->io->tasks],
                         &thread->sleepers[thread->depth].reserved);
    }
}

static struct io_sleeper *push(struct model *model, struct io_thread *thread, uintptr_t frame)
{
    /* The stack grows down: a sleep whose frame lies below this one was left by a handler that
     * jumped. */
    while (thread->depth > 0 && thread->sleepers[thread->depth - 1].frame <= frame) {
        io_thread_abandon(model, thread, thread->depth - 1);
    }
    if (thread->depth == IO_SLEEP_DEPTH_MAX) {
        io_leave(model, TRACE_EXIT_JUMPED, 0);
    }
    struct io_sleeper *sleeper = &thread->sleepers[thread->depth++];
    sleeper->frame = frame;
    sleeper->timed_out = false;
    sleeper->deadline.fire = deadline_fire;
    return sleeper;
}

/* A fault may interrupt the call now that it would sleep. */
static bool interrupted_by_fault(struct model *model, enum trace_call call, int fd, uint32_t conn,
                                 bool restarts)
{
    struct io_fault *fault = io_fault_interrupt(model, call);
    int number = fault != NULL ? io_signal_choose(model, restarts) : 0;
    if (number == 0) {
        return false;
    }
    io_fault_struck(model, fault, call, fd, conn);
    model_fd_unreserve(model);
    io_signal_run(model, number, false);
    return true;
}

/* The program is being ended. Nobody else can free what another thread holds: others go first, and
 * when none can, the program is left. */
static void __attribute__((noinline)) wait_while_failing(struct model *model)
{
    struct io_thread *other = io_thread_pick(model);
    if (other == NULL) {
        io_leave(model, TRACE_EXIT_JUMPED, 0);
    }
    io_thread_hand_over(model, other);
}

static int sleep_loop(struct model *model, struct io_thread *thread, struct io_sleeper *sleeper,
                      bool restarts)
{
    for (;;) {
        /* As condition_holds of thread.c, for the thread that runs: its process is the current
         * one. */
        uint64_t changes = model->changes;
        if ((sleeper->seen != changes || sleeper->inside != TRACE_WAIT_NONE) &&
            sleeper->condition != NULL) {
            if (sleeper->condition(model, sleeper->argument)) {
                return 0;
            }
            sleeper->seen = changes;
        }
        if (io_thread_signals(thread) != 0) {
            if (io_signal_deliver(model, restarts)) {
                return -EINTR;
            }
            continue; /* the handler may have done what is waited for */
        }
        if (model->current->failing && sleeper->inside == TRACE_WAIT_NONE) {
            return -EBADF;
        }
        if (sleeper->timed_out) {
            return -ETIMEDOUT;
        }
        if (trace_full(model->trace)) {
            io_leave(model, TRACE_EXIT_JUMPED, 0);
        }
        if (model->current->failing) {
            wait_while_failing(model);
        } else {
            idle_step(model);
        }
    }
}

static void trace_block(struct model *model, enum trace_call call, int fd, uint32_t conn,
                        int64_t timeout_us)
{
    struct trace_event *event = trace_add(model->trace, TRACE_BLOCK, model->current->host);
    event->what = (uint8_t)call;
    event->fd = fd;
    event->conn = conn;
    event->a = timeout_us;
    event->b = io_task(model)->threads_live - 1;
}

/* After the first look at the condition, at which `seen` things had happened. */
static int sleep_on(struct model *model, model_condition condition, void *argument, uint64_t seen,
                    int64_t timeout_us, bool restarts, enum trace_wait inside)
{
    struct io_thread *thread = io_thread(model);
    struct io_sleeper *sleeper = push(model, thread, (uintptr_t)__builtin_frame_address(0));
    int depth = thread->depth;
    sleeper->condition = condition;
    sleeper->argument = argument;
    sleeper->seen = seen;
    sleeper->held = model->io->call.held;
    sleeper->reserved = model->io->call.reserved;
    sleeper->inside = (uint8_t)inside;
    if (timeout_us > 0) {
        int64_t bounded_us = timeout_us < IO_TIME_MAX_US ? timeout_us : IO_TIME_MAX_US;
        model_timer_set(model, &sleeper->deadline, model->now_us + bounded_us);
    }
    if (inside != TRACE_WAIT_NONE) {
        io_thread_check_deadlock(model);
    }
    struct io_call saved = model->io->call;
    int result = sleep_loop(model, thread, sleeper, restarts);
    model->io->call = saved;
    model->io->call.reserved = sleeper->reserved;
    model->io->call.faulted |= result == -EBADF;
    assert(thread->depth >= depth);
    io_thread_abandon(model, thread, depth);
    pop(model, thread);
    if (model->io->goal_open && inside == TRACE_WAIT_NONE &&
        thread->task == &model->io->tasks[TRACE_HOST_TARGET] && --model->io->goal_wakeups == 0) {
        model->io->goal_open = false;
    }
    return result;
}

int io_sleep(struct model *model, model_condition condition, void *argument, int64_t timeout_us,
             bool restarts, enum trace_wait inside)
{
    return sleep_on(model, condition, argument, model->changes - 1, timeout_us, restarts, inside);
}

/* Time stands still while a program runs, but a limit may be due only "after now": at the instant
 * of its end a loop then looks, without waiting, until the clock has gone on. So the second look
 * takes a microsecond, the next ones twice as long as the one before. The calls go on being
 * counted: what still looks around after a thousandth of a second spins. */
COLD_CALL void io_look_again(struct model *model)
{
    struct model_io *io = model->io;
    if (io->looks_seen != io->changes_seen) {
        io->looks_seen = io->changes_seen;
        io->looks = 0;
        return;
    }
    if (io->looks == LOOKS_MAX) {
        return;
    }
    int64_t until_us = model->now_us + (1 << io->looks++);
    int64_t next_us = model_timer_next(model);
    if (next_us <= until_us) {
        model_timer_run(model, next_us);
        return;
    }
    model_timer_run(model, until_us);
    io->changes_seen = io->looks_seen = model->changes;
}

int model_sleep(struct model *model, enum trace_call call, int fd, uint32_t conn,
                model_condition condition, void *argument, int64_t timeout_us, unsigned flags)
{
    uint64_t seen = model->changes;
    struct io_task *task = io_task(model);
    bool restarts = (flags & MODEL_SLEEP_RESTARTS) != 0;
    if (condition != NULL && condition(model, argument)) {
        return 0;
    }
    if (task->life != IO_RUNNING) {
        return -ETIMEDOUT;
    }
    if (timeout_us == 0) {
        io_look_again(model);
        return -ETIMEDOUT;
    }
    trace_block(model, call, fd, conn, timeout_us);
    if (model->faults_armed != 0 && interrupted_by_fault(model, call, fd, conn, restarts)) {
        return -EINTR;
    }
    return sleep_on(model, condition, argument, seen, timeout_us, restarts, TRACE_WAIT_NONE);
}

int model_sys_sleep(struct model *model, int64_t us, int64_t *ret_left_us)
{
    enum trace_call call = us < 0 ? TRACE_CALL_PAUSE : TRACE_CALL_SLEEP;
    model_call_enter(model, call, -1);
    us = us < IO_TIME_MAX_US ? us : IO_TIME_MAX_US;
    int64_t end_us = model->now_us + us;
    int result = model_sleep(model, call, -1, 0, NULL, NULL, us, 0);
    int64_t left_us = us < 0 ? 0 : end_us - model->now_us;
    if (ret_left_us != NULL) {
        *ret_left_us = result == -ETIMEDOUT ? 0 : left_us;
    }
    return (int)model_call_leave(model, call, -1, 0, result == -ETIMEDOUT ? 0 : -EINTR, us, 0);
}

/* Not traced: what a clock says changes nothing, and a real program asks without a system call. */
int64_t model_sys_clock_us(struct model *model, clockid_t clock)
{
    io_call_enter(model, TRACE_CALL_CLOCK, -1);
    return model_clock_us(model, clock);
}

int64_t model_clock_us(const struct model *model, clockid_t clock)
{
    bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
    return model->now_us + (wall ? model->realtime_offset_us : IO_MONOTONIC_US);
}
