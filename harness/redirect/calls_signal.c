/* Redirected calls: signals. Dispositions and the mask are a table of ours; nothing reaches the
 * real process. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "base/bytes.h"
#include "redirect/calls.h"
#include "redirect/task.h"

enum { US_PER_S = 1000000 };
enum { NUMBER_MAX = REDIRECT_SIGNALS - 1 };

static uint64_t bit(int number)
{
    return 1ULL << (number - 1);
}

uint64_t redirect_mask_bits(const sigset_t *set)
{
    uint64_t bits;
    memcpy(&bits, set, sizeof bits); /* the kernel's set is the first 64 bits of the C library's */
    return bits & ~(bit(SIGKILL) | bit(SIGSTOP));
}

void redirect_mask_set(sigset_t *set, uint64_t bits)
{
    (void)sigemptyset(set);
    memcpy(set, &bits, sizeof bits);
}

void redirect_signals_reset(struct redirect_task *task)
{
    for (uint64_t set = task->actions_set; set != 0; set &= set - 1) {
        task->actions[__builtin_ctzll(set) + 1] = (struct sigaction){0};
    }
    task->actions_set = 0;
    task->timer_interval_us = 0;
}

unsigned redirect_signal_disposition(struct redirect_task *task, int number)
{
    assert(number > 0 && number <= NUMBER_MAX);
    const struct sigaction *action = &task->actions[number];
    unsigned disposition = 2;
    if ((action->sa_flags & SA_SIGINFO) == 0) {
        disposition = action->sa_handler == SIG_DFL ? 0 : action->sa_handler == SIG_IGN ? 1 : 2;
    }
    struct redirect_thread *thread = task->thread;
    bool blocked = (thread->mask & bit(number)) != 0;
    thread->held_back |= blocked && thread->handler_depth > 0 ? bit(number) : 0;
    return disposition | ((action->sa_flags & SA_RESTART) != 0 ? 0x100 : 0) | (blocked ? 0x200 : 0);
}

void redirect_signal_deliver(struct redirect_task *task, int number)
{
    assert(number > 0 && number <= NUMBER_MAX);
    struct sigaction action = task->actions[number];
    if ((action.sa_flags & SA_SIGINFO) == 0 &&
        (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)) {
        return;
    }
    struct redirect_thread *thread = task->thread;
    uint64_t saved_mask = thread->mask;
    uint64_t saved_handler_mask = thread->handler_mask;
    if ((action.sa_flags & (int)SA_RESETHAND) != 0) {
        task->actions[number] = (struct sigaction){0};
    }
    thread->mask |= redirect_mask_bits(&action.sa_mask);
    thread->mask |= (action.sa_flags & SA_NODEFER) != 0 ? 0 : bit(number);
    thread->handler_mask = saved_mask;
    thread->handler_depth++;
    thread->deliveries++;
    if ((action.sa_flags & SA_SIGINFO) != 0) {
        siginfo_t info = {.si_signo = number, .si_code = SI_USER};
        ucontext_t context;
        memset(&context, 0, sizeof context);
        action.sa_sigaction(number, &info, &context);
    } else {
        action.sa_handler(number);
    }
    thread->handler_depth--;
    thread->handler_mask = saved_handler_mask;
    thread->mask = saved_mask;
    if ((thread->held_back & ~saved_mask) != 0) {
        /* What the handler held back comes now, as at the return from a real one. */
        thread->held_back &= saved_mask;
        model_sys_sigmask_changed(task->model);
    }
}

static int set_action(int number, const struct sigaction *action, struct sigaction *old)
{
    struct redirect_task *task = redirect_task;
    if (task == NULL || number <= 0 || number > NUMBER_MAX ||
        (action != NULL && (number == SIGKILL || number == SIGSTOP))) {
        errno = EINVAL;
        return -1;
    }
    struct sigaction *place = &task->actions[number];
    struct sigaction before; /* `old` may be `action` */
    if (old != NULL) {
        bytes_copy(&before, place, sizeof before);
    }
    if (action != NULL) {
        redirect_check_read(action, sizeof *action);
        bytes_copy(place, action, sizeof *place);
        task->actions_set |= bit(number);
        model_sys_sigaction(task->model, number, redirect_signal_disposition(task, number) & 0x1FF);
    }
    if (old != NULL) {
        redirect_check_write(old, sizeof *old);
        bytes_copy(old, &before, sizeof *old);
    }
    return 0;
}

int sockspec_call_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    return set_action(number, action, old);
}

static sighandler_t set_handler(int number, sighandler_t handler, int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    struct sigaction old;
    return set_action(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

sighandler_t sockspec_call_signal(int number, sighandler_t handler)
{
    return set_handler(number, handler, SA_RESTART);
}

sighandler_t sockspec_call___sysv_signal(int number, sighandler_t handler)
{
    return set_handler(number, handler, (int)SA_RESETHAND | SA_NODEFER);
}

int sockspec_call_siginterrupt(int number, int interrupt)
{
    struct sigaction action;
    if (set_action(number, NULL, &action) != 0) {
        return -1;
    }
    action.sa_flags = interrupt ? action.sa_flags & ~SA_RESTART : action.sa_flags | SA_RESTART;
    return set_action(number, &action, NULL);
}

int sockspec_call_sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    struct redirect_task *task = redirect_task;
    if (task == NULL ||
        (set != NULL && how != SIG_BLOCK && how != SIG_UNBLOCK && how != SIG_SETMASK)) {
        errno = EINVAL;
        return -1;
    }
    uint64_t before = task->thread->mask;
    if (set != NULL) {
        uint64_t bits = redirect_mask_bits(set);
        if (old != NULL) {
            redirect_mask_set(old, before);
        }
        task->thread->mask = how == SIG_BLOCK     ? before | bits
                             : how == SIG_UNBLOCK ? before & ~bits
                                                  : bits;
        model_sys_sigmask_changed(task->model);
    } else if (old != NULL) {
        redirect_mask_set(old, before);
    }
    return 0;
}

int sockspec_call_pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    int saved = errno;
    int result = sockspec_call_sigprocmask(how, set, old) == 0 ? 0 : errno;
    errno = saved;
    return result;
}

/* Which signals wait is the model's knowledge and of no use to a program that does not spin on it.
 */
int sockspec_call_sigpending(sigset_t *set)
{
    return sigemptyset(set);
}

int sockspec_call_raise(int number)
{
    return (int)REDIRECT_SYS(model_sys_raise, number);
}

int sockspec_call_kill(pid_t pid, int number)
{
    if (pid != REDIRECT_PID && pid != 0 && pid != -REDIRECT_PID) {
        errno = ESRCH;
        return -1;
    }
    return number == 0 ? 0 : (int)REDIRECT_SYS(model_sys_kill, number);
}

int sockspec_call_killpg(pid_t group, int number)
{
    return sockspec_call_kill(-group, number);
}

int sockspec_call_sigqueue(pid_t pid, int number, const union sigval value)
{
    (void)value;
    return sockspec_call_kill(pid, number);
}

/* Handlers run on the program's own stack: a second one would change nothing that it can see. */
int sockspec_call_sigaltstack(const stack_t *stack, stack_t *old)
{
    (void)stack;
    if (old != NULL) {
        *old = (stack_t){.ss_flags = SS_DISABLE};
    }
    return 0;
}

static int64_t set_alarm(int64_t first_us, int64_t interval_us)
{
    struct redirect_task *task = redirect_task;
    if (task == NULL) {
        return 0;
    }
    int saved = errno;
    int64_t left = model_sys_alarm(task->model, first_us, interval_us);
    errno = saved;
    task->timer_interval_us = interval_us;
    return left < 0 ? 0 : left;
}

unsigned sockspec_call_alarm(unsigned seconds)
{
    int64_t left = set_alarm((int64_t)seconds * US_PER_S, 0);
    return (unsigned)((left + US_PER_S - 1) / US_PER_S);
}

useconds_t sockspec_call_ualarm(useconds_t first, useconds_t interval)
{
    return (useconds_t)set_alarm(first, interval);
}

static int64_t timeval_us(const struct timeval *time)
{
    return time->tv_sec * (int64_t)US_PER_S + time->tv_usec;
}

static struct timeval us_timeval(int64_t us)
{
    return (struct timeval){.tv_sec = us / US_PER_S, .tv_usec = us % US_PER_S};
}

int sockspec_call_setitimer(__itimer_which_t which, const struct itimerval *value,
                            struct itimerval *old)
{
    if (which != ITIMER_REAL || redirect_task == NULL) {
        return redirect_unsupported(TRACE_CALL_ALARM, (int)which);
    }
    int64_t interval = redirect_task->timer_interval_us;
    int64_t left = value == NULL
                       ? set_alarm(0, 0)
                       : set_alarm(timeval_us(&value->it_value), timeval_us(&value->it_interval));
    if (old != NULL) {
        *old = (struct itimerval){.it_value = us_timeval(left),
                                  .it_interval = us_timeval(left == 0 ? 0 : interval)};
    }
    return 0;
}

/* Reading the timer is setting it to what is left. */
int sockspec_call_getitimer(__itimer_which_t which, struct itimerval *value)
{
    if (sockspec_call_setitimer(which, NULL, value) != 0) {
        return -1;
    }
    return timeval_us(&value->it_value) == 0 ? 0 : sockspec_call_setitimer(which, value, NULL);
}

/* A jump out of a handler puts the mask back where the jump buffer was made to save it. */
static void jump_out(const struct __jmp_buf_tag *environment)
{
    struct redirect_task *task = redirect_task;
    struct redirect_thread *thread = task != NULL ? task->thread : NULL;
    if (thread != NULL && thread->handler_depth > 0 && environment->__mask_was_saved) {
        thread->mask = thread->handler_mask;
        thread->handler_depth = 0;
    }
}

void sockspec_call_siglongjmp(sigjmp_buf environment, int value)
{
    jump_out(environment);
    siglongjmp(environment, value);
}

void sockspec_call_longjmp(struct __jmp_buf_tag environment[1], int value)
{
    jump_out(environment);
    longjmp(environment, value);
}

void sockspec_call___longjmp_chk(struct __jmp_buf_tag environment[1], int value)
{
    sockspec_call_longjmp(environment, value);
    __builtin_unreachable(); /* the C library's type does not say so */
}
