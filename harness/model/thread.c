/* Threads of programs: which of them runs, waits that only another thread ends, deadlock. A program
 * with one thread comes here only when it begins and ends. pthreads(7) */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>

#include "model/io.h"

/* ---- Who can run -------------------------------------------------------------------------------
 */

static struct model_process *process_of(struct model *model, const struct io_thread *thread)
{
    return &model->io->process[thread->task - model->io->tasks];
}

static bool condition_holds(struct model *model, struct io_thread *thread,
                            struct io_sleeper *sleeper)
{
    if (sleeper->condition == NULL ||
        (sleeper->seen == model->changes && sleeper->inside == TRACE_WAIT_NONE)) {
        return false;
    }
    uint64_t seen = model->changes;
    struct model_process *current = model->current;
    model->current = process_of(model, thread);
    bool holds = sleeper->condition(model, sleeper->argument);
    model->current = current;
    sleeper->seen = holds ? seen - 1 : seen;
    return holds;
}

static bool runnable(struct model *model, struct io_thread *thread)
{
    if (thread->life != IO_RUNNING) {
        return thread->life == IO_WAITING && thread->task->life != IO_GONE;
    }
    if (thread->preempted || thread->depth == 0 || io_thread_signals(thread) != 0) {
        return true;
    }
    struct io_sleeper *sleeper = &thread->sleepers[thread->depth - 1];
    bool failing = process_of(model, thread)->failing && sleeper->inside == TRACE_WAIT_NONE;
    return failing || sleeper->timed_out || condition_holds(model, thread, sleeper);
}

/* Looks through the threads of both programs but `self`, from one on that is chosen where there are
 * several. */
static struct io_thread *pick(struct model *model, const struct io_thread *self,
                              bool second_may_begin)
{
    struct model_io *io = model->io;
    uint32_t first = io->tasks[0].threads_used;
    uint32_t count = first + io->tasks[1].threads_used;
    uint32_t start = count > 2 ? random_below(&io->schedule, count) : 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = (start + i) % count;
        struct io_thread *thread =
            at < first ? &io->tasks[0].threads[at] : &io->tasks[1].threads[at - first];
        bool begins = thread->life == IO_WAITING && thread == thread->task->threads;
        if (thread != self && (second_may_begin || !begins) && runnable(model, thread)) {
            return thread;
        }
    }
    return NULL;
}

struct io_thread *io_thread_pick(struct model *model)
{
    return pick(model, io_thread(model), true);
}

static struct trace_event *note(struct model *model, const struct io_thread *thread,
                                enum trace_thread what)
{
    const struct io_task *task = thread->task;
    struct trace_event *event =
        trace_add(model->trace, TRACE_THREAD, (enum trace_host)(task - model->io->tasks));
    event->what = (uint8_t)what;
    event->a = thread - task->threads;
    return event;
}

/* The baton goes to a thread: it is the one that runs. A program that has not begun is put in place
 * by model_task_begin. */
static void appoint(struct model *model, struct io_thread *thread)
{
    if (thread->life == IO_WAITING && thread == thread->task->threads) {
        return;
    }
    if (thread->task->threads_used > 1) {
        (void)note(model, thread, TRACE_THREAD_RUNS);
    }
    thread->task->thread = thread;
    thread->life = IO_RUNNING;
    model->current = process_of(model, thread);
}

void io_thread_hand_over(struct model *model, struct io_thread *thread)
{
    struct model_process *mine = model->current;
    struct io_thread *self = io_thread(model);
    appoint(model, thread);
    model->runner->switch_to(model->runner->context, (unsigned)(thread->task - model->io->tasks),
                             (unsigned)(thread - thread->task->threads));
    model->current = mine;
    assert(self->task->thread == self);
}

/* The second program of a pair begins when the first first sleeps, so that a server listens before
 * its client connects, whatever the seed; a thread may begin at any time. */
COLD_CALL void io_thread_maybe_switch(struct model *model)
{
    struct io_thread *self = io_thread(model);
    if (random_below(&model->io->schedule, IO_SWITCH_ODDS) != 0) {
        return;
    }
    struct io_thread *other = pick(model, self, false);
    if (other != NULL) {
        self->preempted = true;
        io_thread_hand_over(model, other);
        self->preempted = false;
    }
}

void model_thread_point(struct model *model)
{
    if ((model->io->attention & IO_ATTENTION_TASKS) != 0 && io_task(model)->life == IO_RUNNING) {
        io_thread_maybe_switch(model);
    }
}

void model_sys_yield(struct model *model)
{
    io_call_enter(model, TRACE_CALL_NONE, -1);
    struct io_thread *self = io_thread(model);
    struct io_thread *other =
        (model->io->attention & IO_ATTENTION_TASKS) != 0 ? pick(model, self, false) : NULL;
    if (other != NULL) {
        self->preempted = true;
        io_thread_hand_over(model, other);
        self->preempted = false;
    }
    if (io_task(model)->life == IO_RUNNING) {
        io_look_again(model);
    }
}

uint32_t model_thread_choose(struct model *model, uint32_t count)
{
    return count > 1 ? random_below(&model->io->schedule, count) : 0;
}

bool model_thread_spurious(struct model *model)
{
    return (model->io->attention & IO_ATTENTION_TASKS) != 0 &&
           random_below(&model->io->schedule, IO_SPURIOUS_ODDS) == 0;
}

/* ---- Life --------------------------------------------------------------------------------------
 */

static void clear(struct io_task *task, struct io_thread *thread)
{
    thread->task = task;
    thread->life = IO_WAITING;
    thread->preempted = false;
    thread->depth = 0;
    thread->pending = 0;
    thread->pending_blocked = 0;
    thread->mask = NULL;
}

void io_threads_begin(struct io_task *task)
{
    clear(task, &task->threads[0]);
    task->threads[0].life = task->life;
    task->thread = &task->threads[0];
    task->threads_used = 1;
    task->threads_live = 1;
}

void io_threads_end(struct model *model, struct io_task *task)
{
    for (uint32_t i = 0; i < task->threads_used; i++) {
        io_thread_abandon(model, &task->threads[i], 0);
        task->threads[i].life = IO_GONE;
    }
    task->threads_used = 1;
    task->threads_live = 1;
    task->thread = &task->threads[0];
}

/* The lowest number that is free: those of threads that ended and were forgotten come again. */
static struct io_thread *number_new(struct io_task *task)
{
    for (uint32_t i = 1; i < task->threads_used; i++) {
        if (task->threads[i].life == IO_ABSENT) {
            return &task->threads[i];
        }
    }
    return task->threads_used < MODEL_THREADS_MAX ? &task->threads[task->threads_used++] : NULL;
}

int model_sys_thread_create(struct model *model)
{
    model_call_enter(model, TRACE_CALL_THREAD, -1);
    struct io_task *task = io_task(model);
    struct io_thread *thread = number_new(task);
    if (thread == NULL) {
        return (int)model_call_leave(model, TRACE_CALL_THREAD, -1, 0, -EAGAIN, 0, 0);
    }
    int number = (int)(thread - task->threads);
    clear(task, thread);
    task->threads_live++;
    model->io->attention |= IO_ATTENTION_TASKS;
    (void)model_call_leave(model, TRACE_CALL_THREAD, -1, 0, 0, number, 0);
    return number;
}

void model_sys_thread_end(struct model *model, bool forgotten, unsigned *ret_task,
                          unsigned *ret_thread)
{
    struct io_task *task = io_task(model);
    struct io_thread *self = task->thread;
    assert(self != task->threads && self->life == IO_RUNNING);
    io_thread_abandon(model, self, 0);
    (void)note(model, self, TRACE_THREAD_ENDED);
    self->life = forgotten ? IO_ABSENT : IO_GONE;
    task->threads_live--;
    io_thread_check_deadlock(model);
    struct io_thread *next = io_thread_pick(model);
    if (next == NULL || next->task->life == IO_WAITING) {
        next = task->threads; /* it sleeps, and does what is to be done meanwhile */
    }
    *ret_task = (unsigned)(next->task - model->io->tasks);
    *ret_thread = (unsigned)(next - next->task->threads);
    appoint(model, next);
}

unsigned model_thread_go_on(struct model *model, enum trace_host host)
{
    struct io_task *task = &model->io->tasks[host];
    struct io_thread *next = pick(model, NULL, true);
    if (next == NULL) {
        next = task->threads;
    }
    assert(next->task == task);
    appoint(model, next);
    return (unsigned)(next - task->threads);
}

void model_thread_forget(struct model *model, unsigned thread)
{
    struct io_task *task = io_task(model);
    assert(thread > 0 && thread < task->threads_used && task->threads[thread].life == IO_GONE);
    task->threads[thread].life = IO_ABSENT;
}

/* ---- Waiting for one another -------------------------------------------------------------------
 */

/* A handler may post a semaphore, and nothing else that threads wait for. */
static bool is_stuck(struct model *model, struct io_thread *thread)
{
    if (thread->depth == 0) {
        return false;
    }
    const struct io_sleeper *sleeper = &thread->sleepers[thread->depth - 1];
    return sleeper->inside != TRACE_WAIT_NONE && sleeper->inside != TRACE_WAIT_SEMAPHORE &&
           sleeper->deadline.index == 0 && !runnable(model, thread);
}

void io_thread_check_deadlock(struct model *model)
{
    struct io_task *task = io_task(model);
    for (uint32_t i = 0; i < task->threads_used; i++) {
        enum io_life life = task->threads[i].life;
        if (life == IO_WAITING || (life == IO_RUNNING && !is_stuck(model, &task->threads[i]))) {
            return;
        }
    }
    /* While every call fails, threads may well end without giving back what others wait for. */
    io_leave(model, model->current->failing ? TRACE_EXIT_JUMPED : TRACE_EXIT_DEADLOCKED,
             model->current->failing ? 0 : (int)task->threads_live);
}

int model_thread_wait(struct model *model, struct model_wait wait, model_thread_condition condition,
                      void *argument, int64_t timeout_us)
{
    enum trace_wait what = wait.what;
    assert(what != TRACE_WAIT_NONE);
    if (condition(model, argument)) {
        return 0;
    }
    if (timeout_us == 0 || io_task(model)->life != IO_RUNNING) {
        return -ETIMEDOUT;
    }
    model->io->call = (struct io_call){0}; /* what the last call held, it holds no more */
    struct trace_event *event = note(model, io_thread(model), TRACE_THREAD_WAITS);
    event->b = (int64_t)what;
    event->result = wait.holder;
    int64_t end_us = model->now_us + timeout_us;
    int result;
    do {
        int64_t left_us = timeout_us < 0 ? -1 : end_us - model->now_us;
        result =
            left_us == 0 ? -ETIMEDOUT : io_sleep(model, condition, argument, left_us, true, what);
    } while (result == -EINTR && what != TRACE_WAIT_SEMAPHORE);
    return result;
}
