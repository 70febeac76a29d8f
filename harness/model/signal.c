/* Signals: pending ones, their delivery at calls and sleeps, raise, alarm. signal(7) */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>

#include "model/io.h"

enum {
    HOW_DEFAULT = 0,
    HOW_IGNORED = 1,
    HOW_HANDLER = 2,
    HOW_MASK = 0xff,
    HOW_RESTART = 0x100,
    HOW_BLOCKED = 0x200
};

static uint64_t signal_bit(int number)
{
    return UINT64_C(1) << (number - 1);
}

bool io_signal_fatal(int number)
{
    return number != SIGCHLD && number != SIGURG && number != SIGWINCH && number != SIGCONT;
}

static void attention_refresh(struct model_io *io)
{
    io->attention &= ~(uint32_t)IO_ATTENTION_SIGNAL;
    for (int host = 0; host < TRACE_HOST_COUNT; host++) {
        struct io_task *task = &io->tasks[host];
        for (uint32_t i = 0; i < task->threads_used; i++) {
            enum io_life life = task->threads[i].life;
            bool waits = (life == IO_RUNNING || life == IO_WAITING) &&
                         io_thread_signals(&task->threads[i]) != 0;
            io->attention |= waits ? IO_ATTENTION_SIGNAL : 0;
        }
    }
}

/* Every thread of the program looks at its signals again. */
static void look_again(struct io_task *task, uint64_t bits)
{
    for (uint32_t i = 0; i < task->threads_used; i++) {
        task->threads[i].pending_blocked &= ~bits;
    }
}

static void trace_signal(struct model *model, enum trace_host host, int number,
                         enum trace_disposition how, bool by_kernel)
{
    struct trace_event *event = trace_add(model->trace, TRACE_SIGNAL, host);
    event->what = (uint8_t)number;
    event->a = how;
    event->b = by_kernel;
}

unsigned io_signal_disposition(struct model *model, int number)
{
    unsigned how = model->runner->disposition(model->runner->context, number);
    const sigset_t *mask = io_thread(model)->mask;
    if (mask != NULL) {
        how = sigismember(mask, number) == 1 ? how | HOW_BLOCKED : how & ~(unsigned)HOW_BLOCKED;
    }
    return how;
}

/* One more signal waits, in `pending` of the task or of a thread of it. */
static void send_to(struct model *model, struct io_task *task, uint64_t *pending, int number,
                    bool by_kernel)
{
    assert(number > 0 && number < IO_SIGNALS);
    *pending |= signal_bit(number);
    look_again(task, signal_bit(number));
    task->blocked_traced &= ~signal_bit(number);
    if (by_kernel) {
        task->kernel_raised |= signal_bit(number);
    } else {
        task->kernel_raised &= ~signal_bit(number);
    }
    model->io->attention |= IO_ATTENTION_SIGNAL;
    model_changed(model);
}

void io_signal_send(struct model *model, struct io_task *task, int number, bool by_kernel)
{
    send_to(model, task, &task->pending, number, by_kernel);
}

void io_signal_send_thread(struct model *model, struct io_thread *thread, int number,
                           bool by_kernel)
{
    struct io_task *task = thread->task;
    /* Of a single thread both are the same, and signalfd looks at the program's. */
    send_to(model, task, task->threads_live > 1 ? &thread->pending : &task->pending, number,
            by_kernel);
}

void io_signal_run(struct model *model, int number, bool by_kernel)
{
    struct model_process *process = model->current;
    struct io_call saved = model->io->call;
    struct io_thread *thread = io_thread(model);
    const sigset_t *mask = thread->mask;
    int *reserved = thread->depth > 0 ? &thread->sleepers[thread->depth - 1].reserved : NULL;
    bool lends = reserved != NULL && *reserved != 0;
    if (lends) { /* Linux has left the call, and begins it anew where it goes on */
        io_number_return(process, reserved);
    }
    trace_signal(model, process->host, number, TRACE_SIGNAL_HANDLED, by_kernel);
    io_task(model)->stop_handled |= number == model->target->stop_signal;
    model_changed(model);
    model->runner->deliver(model->runner->context, number);
    model->current = process;
    model->io->call = saved;
    thread->mask = mask;
    if (lends) {
        io_number_reserve(process, reserved);
    }
    /* What was held back while the handler ran may come now. */
    thread->pending_blocked = 0;
}

static void __attribute__((noreturn)) killed(struct model *model, int number, bool by_kernel)
{
    trace_signal(model, model->current->host, number, TRACE_SIGNAL_KILLED, by_kernel);
    io_leave(model, number == SIGABRT ? TRACE_EXIT_ABORTED : TRACE_EXIT_SIGNALLED, number);
}

/* Whether no other thread is left that might take the signal. */
static bool all_block(const struct io_thread *thread, uint64_t bit)
{
    const struct io_task *task = thread->task;
    bool blocked = true;
    for (uint32_t i = 0; (thread->pending & bit) == 0 && i < task->threads_used; i++) {
        const struct io_thread *other = &task->threads[i];
        bool lives = other->life == IO_RUNNING || other->life == IO_WAITING;
        blocked = blocked && (!lives || (other->pending_blocked & bit) != 0);
    }
    return blocked;
}

/* One pending signal of the running thread. True when its handler interrupts the call. */
static bool deliver_one(struct model *model, struct io_thread *thread, int number, bool restarts)
{
    struct io_task *task = thread->task;
    uint64_t bit = signal_bit(number);
    bool by_kernel = (task->kernel_raised & bit) != 0;
    unsigned how = io_signal_disposition(model, number);
    if ((how & HOW_BLOCKED) != 0) {
        thread->pending_blocked |= bit;
        if ((task->blocked_traced & bit) == 0 && all_block(thread, bit)) {
            task->blocked_traced |= bit;
            trace_signal(model, model->current->host, number, TRACE_SIGNAL_BLOCKED, by_kernel);
            io_signalfd_notify(model, task, number);
        }
        return false;
    }
    if ((thread->pending & bit) != 0) {
        thread->pending &= ~bit;
    } else {
        task->pending &= ~bit;
    }
    task->blocked_traced &= ~bit;
    if ((how & HOW_MASK) == HOW_HANDLER) {
        io_signal_run(model, number, by_kernel);
        return !(restarts && (how & HOW_RESTART) != 0);
    }
    if ((how & HOW_MASK) == HOW_DEFAULT && io_signal_fatal(number)) {
        killed(model, number, by_kernel);
    }
    trace_signal(model, model->current->host, number, TRACE_SIGNAL_IGNORED, by_kernel);
    return false;
}

bool io_signal_deliver(struct model *model, bool restarts)
{
    struct io_thread *thread = io_thread(model);
    bool interrupted = false;
    for (uint64_t todo; (todo = io_thread_signals(thread)) != 0;) {
        interrupted |= deliver_one(model, thread, __builtin_ctzll(todo) + 1, restarts);
    }
    attention_refresh(model->io);
    return interrupted;
}

int io_signal_choose(struct model *model, bool restarts)
{
    static const int preferred[] = {SIGCHLD, SIGURG, SIGCONT, SIGIO, SIGUSR1};
    for (unsigned i = 0; i < sizeof preferred / sizeof preferred[0]; i++) {
        unsigned how = io_signal_disposition(model, preferred[i]);
        if (preferred[i] != model->target->stop_signal && (how & HOW_MASK) == HOW_HANDLER &&
            (how & HOW_BLOCKED) == 0 && !(restarts && (how & HOW_RESTART) != 0)) {
            return preferred[i];
        }
    }
    return 0;
}

void io_signal_task_reset(struct model *model, struct io_task *task)
{
    task->pending = 0;
    task->kernel_raised = 0;
    task->blocked_traced = 0;
    task->signalfds = NULL;
    for (int number = 0; number < IO_SIGNALS; number++) {
        task->dispositions[number] = HOW_DEFAULT;
    }
    model_timer_cancel(model, &task->alarm);
    attention_refresh(model->io);
}

void io_signal_mask_apply(struct model *model)
{
    io_thread(model)->pending_blocked = 0;
    attention_refresh(model->io);
}

/* ---- From outside and from the kernel ----------------------------------------------------------
 */

int model_world_signal(struct world *world, int number, bool even_if_fatal)
{
    struct model *model = (struct model *)(void *)world;
    struct io_task *task = &model->io->tasks[TRACE_HOST_TARGET];
    if (task->life != IO_RUNNING) {
        return -ESRCH;
    }
    /* Only the running thread can be asked; of a program we know what it last set. */
    bool here = model->current == &model->io->process[TRACE_HOST_TARGET] && task->threads_live == 1;
    unsigned how = here ? io_signal_disposition(model, number) : task->dispositions[number];
    bool fatal = (how & HOW_MASK) == HOW_DEFAULT && io_signal_fatal(number);
    if (fatal && (how & HOW_BLOCKED) == 0 && !even_if_fatal) {
        return -EPERM;
    }
    io_signal_send(model, task, number, false);
    return 0;
}

void model_raise_sigpipe(struct model *model)
{
    io_signal_send_thread(model, io_thread(model), SIGPIPE, true);
}

/* To one thread, or (NULL) to the program. */
static int kill_one(struct model *model, struct io_thread *thread, int number)
{
    model_call_enter(model, TRACE_CALL_KILL, -1);
    int64_t result = number < 0 || number >= IO_SIGNALS ? -EINVAL : 0;
    if (result == 0 && number > 0 && thread == NULL) {
        io_signal_send(model, io_task(model), number, false);
    } else if (result == 0 && number > 0) {
        io_signal_send_thread(model, thread, number, false);
    }
    return (int)model_call_leave(model, TRACE_CALL_KILL, -1, 0, result, number, 0);
}

int model_sys_raise(struct model *model, int number)
{
    return kill_one(model, io_thread(model), number);
}

int model_sys_kill(struct model *model, int number)
{
    return kill_one(model, NULL, number);
}

int model_sys_thread_kill(struct model *model, unsigned thread, int number)
{
    assert(thread < io_task(model)->threads_used);
    return kill_one(model, &io_task(model)->threads[thread], number);
}

struct signal_wait {
    struct io_thread *thread;
    uint64_t mask;
};

static bool has_waited_for(struct model *model, void *argument)
{
    const struct signal_wait *wait = argument;
    (void)model;
    return ((wait->thread->task->pending | wait->thread->pending) & wait->mask) != 0;
}

int model_sys_sigwait(struct model *model, const sigset_t *mask, int64_t timeout_us)
{
    model_call_enter(model, TRACE_CALL_PAUSE, -1);
    struct signal_wait wait = {.thread = io_thread(model)};
    for (int number = 1; number < IO_SIGNALS; number++) {
        wait.mask |= sigismember(mask, number) == 1 ? signal_bit(number) : 0;
    }
    int64_t result =
        model_sleep(model, TRACE_CALL_PAUSE, -1, 0, has_waited_for, &wait, timeout_us, 0);
    if (result == 0) {
        struct io_task *task = wait.thread->task;
        int number = __builtin_ctzll((task->pending | wait.thread->pending) & wait.mask) + 1;
        bool by_kernel = (task->kernel_raised & signal_bit(number)) != 0;
        task->pending &=
            (wait.thread->pending & signal_bit(number)) != 0 ? ~UINT64_C(0) : ~signal_bit(number);
        wait.thread->pending &= ~signal_bit(number);
        trace_signal(model, model->current->host, number, TRACE_SIGNAL_HANDLED, by_kernel);
        task->stop_handled |= number == model->target->stop_signal;
        result = number;
    }
    result = result == -ETIMEDOUT ? -EAGAIN : result;
    return (int)model_call_leave(model, TRACE_CALL_PAUSE, -1, 0, result, timeout_us, 0);
}

static void alarm_fire(struct model *model, struct model_timer *timer)
{
    struct io_task *task =
        (struct io_task *)(void *)((char *)timer - offsetof(struct io_task, alarm));
    io_signal_send(model, task, SIGALRM, true);
    if (task->alarm_interval_us > 0) {
        model_timer_set(model, timer, model->now_us + task->alarm_interval_us);
    }
}

int64_t model_sys_alarm(struct model *model, int64_t first_us, int64_t interval_us)
{
    model_call_enter(model, TRACE_CALL_ALARM, -1);
    struct io_task *task = io_task(model);
    int64_t left = task->alarm.index != 0 ? task->alarm.at_us - model->now_us : 0;
    task->alarm.fire = alarm_fire;
    task->alarm_interval_us = interval_us;
    model_timer_cancel(model, &task->alarm);
    if (first_us > 0) {
        first_us = first_us < IO_TIME_MAX_US ? first_us : IO_TIME_MAX_US;
        model_timer_set(model, &task->alarm, model->now_us + first_us);
    }
    return model_call_leave(model, TRACE_CALL_ALARM, -1, 0, left, first_us, interval_us);
}

/* sigaction(2), POSIX 2.4.1: setting a pending signal to be ignored discards it. */
static void discard(struct model *model, struct io_task *task, uint64_t bit)
{
    task->pending &= ~bit;
    for (uint32_t i = 0; i < task->threads_used; i++) {
        task->threads[i].pending &= ~bit;
    }
    attention_refresh(model->io);
}

void model_sys_sigaction(struct model *model, int number, unsigned disposition)
{
    model_call_enter(model, TRACE_CALL_SIGACTION, -1);
    struct io_task *task = io_task(model);
    if (number > 0 && number < IO_SIGNALS) {
        task->dispositions[number] = (uint16_t)disposition;
        if ((disposition & HOW_MASK) == HOW_IGNORED) {
            discard(model, task, signal_bit(number));
        }
    }
    (void)model_call_leave(model, TRACE_CALL_SIGACTION, -1, 0, 0, number, (int64_t)disposition);
}

void model_sys_sigmask_changed(struct model *model)
{
    model_call_enter(model, TRACE_CALL_SIGPROCMASK, -1);
    io_thread(model)->pending_blocked = 0;
    attention_refresh(model->io);
    (void)model_call_leave(model, TRACE_CALL_SIGPROCMASK, -1, 0, 0, 0, 0);
}
