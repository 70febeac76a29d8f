/* Redirected calls: syscall(2), by which some libraries go around the C library. What the model has
 * is answered by the call of that name. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "redirect/calls.h"
#include "redirect/task.h"

enum { ARGUMENTS = 6 };

/* Arguments as the register that each comes in. */
#define INT(i) (int)arguments[i]
#define SIZE(i) (size_t) arguments[i]
#define POINTER(i) (void *)(uintptr_t)arguments[i]

static long on_descriptor(long number, const long *arguments)
{
    switch (number) {
    case SYS_read:
        return sockspec_call_read(INT(0), POINTER(1), SIZE(2));
    case SYS_write:
        return sockspec_call_write(INT(0), POINTER(1), SIZE(2));
    case SYS_readv:
        return sockspec_call_readv(INT(0), POINTER(1), INT(2));
    case SYS_writev:
        return sockspec_call_writev(INT(0), POINTER(1), INT(2));
    case SYS_close:
        return sockspec_call_close(INT(0));
    case SYS_dup3:
        return sockspec_call_dup3(INT(0), INT(1), INT(2));
    case SYS_pipe2:
        return sockspec_call_pipe2(POINTER(0), INT(1));
    case SYS_eventfd2:
        return sockspec_call_eventfd((unsigned)arguments[0], INT(1));
    case SYS_epoll_create1:
        return sockspec_call_epoll_create1(INT(0));
    case SYS_epoll_ctl:
        return sockspec_call_epoll_ctl(INT(0), INT(1), INT(2), POINTER(3));
    case SYS_epoll_wait:
        return sockspec_call_epoll_wait(INT(0), POINTER(1), INT(2), INT(3));
    default:
        return redirect_unsupported(TRACE_CALL_SYSCALL, number);
    }
}

long sockspec_call_syscall(long number, ...)
{
    long arguments[ARGUMENTS];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < ARGUMENTS; i++) {
        arguments[i] = va_arg(list, long);
    }
    va_end(list);
    switch (number) {
    case SYS_socket:
        return sockspec_call_socket(INT(0), INT(1), INT(2));
    case SYS_accept4:
        return sockspec_call_accept4(INT(0), POINTER(1), POINTER(2), INT(3));
    case SYS_shutdown:
        return sockspec_call_shutdown(INT(0), INT(1));
    case SYS_sendmsg:
        return sockspec_call_sendmsg(INT(0), POINTER(1), INT(2));
    case SYS_recvmsg:
        return sockspec_call_recvmsg(INT(0), POINTER(1), INT(2));
    case SYS_getpid:
        return sockspec_call_getpid();
    case SYS_gettid:
        return sockspec_call_gettid();
    case SYS_getrandom:
        return sockspec_call_getrandom(POINTER(0), SIZE(1), (unsigned)arguments[2]);
    case SYS_io_uring_setup:
        errno = ENOSYS; /* as on a kernel without it: programs fall back to epoll */
        return -1;
    default:
        return on_descriptor(number, arguments);
    }
}
