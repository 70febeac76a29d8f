/* Redirected calls: descriptors and what is not a socket but waited on with them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/calls.h"
#include "redirect/task.h"

int sockspec_call_close(int fd)
{
    return (int)REDIRECT_SYS(model_sys_close, fd);
}

int sockspec_call_close_range(unsigned first, unsigned last, int flags)
{
    struct redirect_task *task = redirect_task;
    if (task == NULL || first > last) {
        errno = EINVAL;
        return -1;
    }
    for (unsigned fd = first; fd <= last && fd < MODEL_DESCRIPTORS_MAX; fd++) {
        if (model_kind(task->model, (int)fd) < 0) {
            continue;
        }
        if ((flags & (int)CLOSE_RANGE_CLOEXEC) != 0) {
            (void)model_sys_fcntl(task->model, (int)fd, F_SETFD, FD_CLOEXEC);
        } else {
            (void)model_sys_close(task->model, (int)fd);
        }
    }
    return 0;
}

void sockspec_call_closefrom(int first)
{
    (void)sockspec_call_close_range(first < 0 ? 0 : (unsigned)first, ~0U, 0);
}

int sockspec_call_dup(int fd)
{
    return (int)REDIRECT_SYS(model_sys_dup, TRACE_CALL_DUP, fd, -1, 0);
}

int sockspec_call_dup2(int fd, int wanted)
{
    return (int)REDIRECT_SYS(model_sys_dup, TRACE_CALL_DUP2, fd, wanted, 0);
}

int sockspec_call_dup3(int fd, int wanted, int flags)
{
    return (int)REDIRECT_SYS(model_sys_dup, TRACE_CALL_DUP3, fd, wanted, flags);
}

int sockspec_call_fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    long argument = va_arg(arguments, long);
    va_end(arguments);
    return (int)REDIRECT_SYS(model_sys_fcntl, fd, command, argument);
}

int sockspec_call_ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (argument == NULL && (request == FIONREAD || request == FIONBIO)) {
        return redirect_fault();
    }
    return (int)REDIRECT_SYS(model_sys_ioctl, fd, request, argument);
}

int sockspec_call_pipe(int fds[2])
{
    return sockspec_call_pipe2(fds, 0);
}

int sockspec_call_pipe2(int fds[2], int flags)
{
    return fds == NULL ? redirect_fault() : (int)REDIRECT_SYS(model_sys_pipe, fds, flags);
}

int sockspec_call_eventfd(unsigned value, int flags)
{
    return (int)REDIRECT_SYS(model_sys_eventfd, value, flags);
}

int sockspec_call_eventfd_read(int fd, eventfd_t *value)
{
    return sockspec_call_read(fd, value, sizeof *value) == (ssize_t)sizeof *value ? 0 : -1;
}

int sockspec_call_eventfd_write(int fd, eventfd_t value)
{
    return sockspec_call_write(fd, &value, sizeof value) == (ssize_t)sizeof value ? 0 : -1;
}

int sockspec_call_timerfd_create(clockid_t clock, int flags)
{
    return (int)REDIRECT_SYS(model_sys_timerfd_create, clock, flags);
}

int sockspec_call_timerfd_settime(int fd, int flags, const struct itimerspec *value,
                                  struct itimerspec *old)
{
    return value == NULL ? redirect_fault()
                         : (int)REDIRECT_SYS(model_sys_timerfd_settime, fd, flags, value, old);
}

/* Reading a timer is setting it to what it was. */
int sockspec_call_timerfd_gettime(int fd, struct itimerspec *value)
{
    struct itimerspec stopped = {0};
    struct itimerspec dropped;
    if (REDIRECT_SYS(model_sys_timerfd_settime, fd, 0, &stopped, value) < 0) {
        return -1;
    }
    return (int)REDIRECT_SYS(model_sys_timerfd_settime, fd, 0, value, &dropped);
}

int sockspec_call_signalfd(int fd, const sigset_t *mask, int flags)
{
    return (int)REDIRECT_SYS(model_sys_signalfd, fd, mask, flags);
}

int sockspec_call_inotify_init(void)
{
    return redirect_unsupported(TRACE_CALL_NONE, 0);
}

int sockspec_call_inotify_init1(int flags)
{
    return redirect_unsupported(TRACE_CALL_NONE, flags);
}
