/* Redirected calls: sockets and their options. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/calls.h"
#include "redirect/task.h"

int sockspec_call_socket(int domain, int type, int protocol)
{
    return (int)REDIRECT_SYS(model_sys_socket, domain, type, protocol);
}

int sockspec_call_socketpair(int domain, int type, int protocol, int fds[2])
{
    return (int)REDIRECT_SYS(model_sys_socketpair, domain, type, protocol, fds);
}

int sockspec_call_bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
    return (int)REDIRECT_SYS(model_sys_bind, fd, address.__sockaddr__, size);
}

int sockspec_call_listen(int fd, int backlog)
{
    return (int)REDIRECT_SYS(model_sys_listen, fd, backlog);
}

int sockspec_call_accept(int fd, __SOCKADDR_ARG address, socklen_t *size)
{
    return (int)REDIRECT_SYS(model_sys_accept, TRACE_CALL_ACCEPT, fd, address.__sockaddr__, size,
                             0);
}

int sockspec_call_accept4(int fd, __SOCKADDR_ARG address, socklen_t *size, int flags)
{
    return (int)REDIRECT_SYS(model_sys_accept, TRACE_CALL_ACCEPT4, fd, address.__sockaddr__, size,
                             flags);
}

int sockspec_call_connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
    return (int)REDIRECT_SYS(model_sys_connect, fd, address.__sockaddr__, size);
}

int sockspec_call_shutdown(int fd, int how)
{
    return (int)REDIRECT_SYS(model_sys_shutdown, fd, how);
}

int sockspec_call_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    return (int)REDIRECT_SYS(model_sys_setsockopt, fd, level, name, value, size);
}

int sockspec_call_getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
    return (int)REDIRECT_SYS(model_sys_getsockopt, fd, level, name, value, size);
}

int sockspec_call_getsockname(int fd, __SOCKADDR_ARG address, socklen_t *size)
{
    return (int)REDIRECT_SYS(model_sys_getsockname, fd, address.__sockaddr__, size);
}

int sockspec_call_getpeername(int fd, __SOCKADDR_ARG address, socklen_t *size)
{
    return (int)REDIRECT_SYS(model_sys_getpeername, fd, address.__sockaddr__, size);
}

int sockspec_call_sockatmark(int fd)
{
    return (int)REDIRECT_SYS(model_sys_sockatmark, fd);
}
