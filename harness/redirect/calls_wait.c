/* Redirected calls: waiting for descriptors and for time. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/calls.h"
#include "redirect/task.h"

enum { US_PER_S = 1000000, US_PER_MS = 1000, NS_PER_US = 1000 };

static int invalid(void)
{
    errno = EINVAL;
    return -1;
}

int sockspec_call_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    int64_t us = timeout < 0 ? -1 : (int64_t)timeout * US_PER_MS;
    return (int)REDIRECT_SYS(model_sys_poll, TRACE_CALL_POLL, fds, count, us, NULL);
}

int sockspec_call_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                        const sigset_t *mask)
{
    int64_t us = redirect_timespec_us(timeout);
    if (us == -EINVAL) {
        return invalid();
    }
    return (int)REDIRECT_SYS(model_sys_poll, TRACE_CALL_PPOLL, fds, count, us, mask);
}

int sockspec_call___poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
    if (room / sizeof *fds < count && redirect_task != NULL) {
        redirect_abort(redirect_task);
    }
    return sockspec_call_poll(fds, count, timeout);
}

int sockspec_call___ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                              const sigset_t *mask, size_t room)
{
    if (room / sizeof *fds < count && redirect_task != NULL) {
        redirect_abort(redirect_task);
    }
    return sockspec_call_ppoll(fds, count, timeout, mask);
}

/* Without a call of the program's: the world's own view of its clock. */
static int64_t now_us(void)
{
    if (redirect_task == NULL) {
        return 0;
    }
    struct world *world = model_world(redirect_task->model);
    return world->ops->now_us(world);
}

/* Linux writes back what is left of the timeout. */
int sockspec_call_select(int count, fd_set *in, fd_set *out, fd_set *except,
                         struct timeval *timeout)
{
    if (timeout == NULL) {
        return (int)REDIRECT_SYS(model_sys_select, TRACE_CALL_SELECT, count, in, out, except, -1,
                                 NULL);
    }
    if (timeout->tv_sec < 0 || timeout->tv_usec < 0) {
        return invalid();
    }
    int64_t us =
        timeout->tv_sec > INT32_MAX ? -1 : timeout->tv_sec * (int64_t)US_PER_S + timeout->tv_usec;
    if (us <= 0) {
        return (int)REDIRECT_SYS(model_sys_select, TRACE_CALL_SELECT, count, in, out, except, us,
                                 NULL);
    }
    int64_t begin = now_us();
    int result =
        (int)REDIRECT_SYS(model_sys_select, TRACE_CALL_SELECT, count, in, out, except, us, NULL);
    int64_t left = us - (now_us() - begin);
    left = left < 0 ? 0 : left;
    *timeout = (struct timeval){.tv_sec = left / US_PER_S, .tv_usec = left % US_PER_S};
    return result;
}

int sockspec_call_pselect(int count, fd_set *in, fd_set *out, fd_set *except,
                          const struct timespec *timeout, const sigset_t *mask)
{
    int64_t us = redirect_timespec_us(timeout);
    if (us == -EINVAL) {
        return invalid();
    }
    return (int)REDIRECT_SYS(model_sys_select, TRACE_CALL_PSELECT, count, in, out, except, us,
                             mask);
}

int sockspec_call_epoll_create(int size)
{
    return size <= 0 ? invalid() : (int)REDIRECT_SYS(model_sys_epoll_create, 0);
}

int sockspec_call_epoll_create1(int flags)
{
    return (int)REDIRECT_SYS(model_sys_epoll_create, flags);
}

int sockspec_call_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    return (int)REDIRECT_SYS(model_sys_epoll_ctl, epfd, op, fd, event);
}

int sockspec_call_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
    int64_t us = timeout < 0 ? -1 : (int64_t)timeout * US_PER_MS;
    return (int)REDIRECT_SYS(model_sys_epoll_wait, TRACE_CALL_EPOLL_WAIT, epfd, events, max, us,
                             NULL);
}

static int epoll_wait_masked(int epfd, struct epoll_event *events, int max, int64_t us,
                             const sigset_t *mask)
{
    return (int)REDIRECT_SYS(model_sys_epoll_wait, TRACE_CALL_EPOLL_PWAIT, epfd, events, max, us,
                             mask);
}

int sockspec_call_epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout,
                              const sigset_t *mask)
{
    return epoll_wait_masked(epfd, events, max, timeout < 0 ? -1 : (int64_t)timeout * US_PER_MS,
                             mask);
}

int sockspec_call_epoll_pwait2(int epfd, struct epoll_event *events, int max,
                               const struct timespec *timeout, const sigset_t *mask)
{
    int64_t us = redirect_timespec_us(timeout);
    return us == -EINVAL ? invalid() : epoll_wait_masked(epfd, events, max, us, mask);
}

/* Sleeps; `ret_left_us` says what an interruption left. 0 or -1 with errno. */
static int sleep_us(int64_t us, int64_t *ret_left_us)
{
    *ret_left_us = 0;
    return (int)REDIRECT_SYS(model_sys_sleep, us, ret_left_us);
}

unsigned sockspec_call_sleep(unsigned seconds)
{
    int64_t left_us;
    int saved = errno;
    if (sleep_us((int64_t)seconds * US_PER_S, &left_us) == 0) {
        return 0;
    }
    errno = saved;
    return (unsigned)((left_us + US_PER_S - 1) / US_PER_S);
}

int sockspec_call_usleep(useconds_t us)
{
    int64_t left_us;
    return sleep_us(us, &left_us);
}

int sockspec_call_nanosleep(const struct timespec *time, struct timespec *left)
{
    if (time == NULL) {
        return redirect_fault();
    }
    int64_t us = redirect_timespec_us(time);
    int64_t left_us;
    if (us < 0) {
        return invalid();
    }
    int result = sleep_us(us, &left_us);
    if (result < 0 && left != NULL) {
        *left = (struct timespec){.tv_sec = left_us / US_PER_S,
                                  .tv_nsec = left_us % US_PER_S * NS_PER_US};
    }
    return result;
}

int sockspec_call_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                                  struct timespec *left)
{
    int64_t us = redirect_timespec_us(time);
    int saved = errno;
    if (us < 0 || redirect_task == NULL) {
        return EINVAL;
    }
    struct timespec relative = *time;
    if ((flags & TIMER_ABSTIME) != 0) {
        us -= model_sys_clock_us(redirect_task->model, clock);
        us = us < 0 ? 0 : us;
        relative = (struct timespec){.tv_sec = us / US_PER_S, .tv_nsec = us % US_PER_S * NS_PER_US};
        left = NULL;
    }
    int result = sockspec_call_nanosleep(&relative, left) == 0 ? 0 : errno;
    errno = saved;
    return result;
}

int sockspec_call_pause(void)
{
    int64_t left_us;
    return sleep_us(-1, &left_us);
}

/* The mask is swapped around the sleep; a signal that waited for it ends the call before it sleeps.
 */
int sockspec_call_sigsuspend(const sigset_t *mask)
{
    struct redirect_task *task = redirect_task;
    if (task == NULL) {
        return invalid();
    }
    struct redirect_thread *thread = task->thread;
    uint64_t saved = thread->mask;
    uint64_t deliveries = thread->deliveries;
    thread->mask = redirect_mask_bits(mask);
    model_sys_sigmask_changed(task->model);
    if (thread->deliveries == deliveries) {
        (void)sockspec_call_pause();
    }
    thread->mask = saved;
    model_sys_sigmask_changed(task->model);
    errno = EINTR;
    return -1;
}

/* A handled stop signal counts as told when it is taken so. */
static int wait_signal(const sigset_t *set, siginfo_t *info, int64_t timeout_us)
{
    int number = (int)REDIRECT_SYS(model_sys_sigwait, set, timeout_us);
    if (number > 0 && info != NULL) {
        redirect_check_write(info, sizeof *info);
        *info = (siginfo_t){.si_signo = number, .si_code = SI_USER};
    }
    return number;
}

int sockspec_call_sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    return wait_signal(set, info, -1);
}

int sockspec_call_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    int64_t us = redirect_timespec_us(timeout);
    return us == -EINVAL ? invalid() : wait_signal(set, info, us);
}

/* sigwait(3): never interrupted. */
int sockspec_call_sigwait(const sigset_t *set, int *ret_number)
{
    int saved = errno;
    int number;
    do {
        number = wait_signal(set, NULL, -1);
    } while (number < 0 && errno == EINTR);
    int error = number < 0 ? errno : 0;
    errno = saved;
    if (error == 0) {
        *ret_number = number;
    }
    return error;
}
