/* What calls may answer besides success: call, effect, precondition, and whether Linux can or only
 * POSIX allows it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "world/fault_table.h"

#define CALL(name) (UINT64_C(1) << TRACE_CALL_##name)
_Static_assert(TRACE_CALL_COUNT <= 64, "a set of calls is one word");

#define NEW_DESCRIPTOR_CALLS                                                                       \
    (CALL(PIPE) | CALL(EVENTFD) | CALL(TIMERFD_CREATE) | CALL(SIGNALFD) | CALL(EPOLL_CREATE) |     \
     CALL(SOCKET) | CALL(SOCKETPAIR))

/* family, error, calls, when, POSIX only, source. Errors of one family stand once each. */
static const struct fault_row rows[] = {
    {SCENARIO_CALL_SOCKET, EMFILE, NEW_DESCRIPTOR_CALLS, FAULT_ALWAYS, false, "socket(2)"},
    {SCENARIO_CALL_SOCKET, ENFILE, NEW_DESCRIPTOR_CALLS, FAULT_ALWAYS, false, "socket(2)"},
    {SCENARIO_CALL_SOCKET, ENOMEM, NEW_DESCRIPTOR_CALLS & ~CALL(PIPE), FAULT_ALWAYS, false,
     "socket(2)"},
    {SCENARIO_CALL_SOCKET, ENOBUFS, CALL(SOCKET), FAULT_ALWAYS, false, "socket(2)"},
    {SCENARIO_CALL_SOCKET, EACCES, CALL(SOCKET), FAULT_ALWAYS, false, "socket(2)"},

    {SCENARIO_CALL_BIND, EADDRINUSE, 0, FAULT_ALWAYS, false, "bind(2)"},
    {SCENARIO_CALL_BIND, EADDRNOTAVAIL, 0, FAULT_ALWAYS, false, "bind(2)"},
    {SCENARIO_CALL_BIND, EACCES, 0, FAULT_ALWAYS, false, "bind(2)"},
    {SCENARIO_CALL_BIND, ENOMEM, 0, FAULT_ALWAYS, false, "bind(2)"},
    {SCENARIO_CALL_BIND, ENOBUFS, 0, FAULT_ALWAYS, true, "POSIX bind()"},

    {SCENARIO_CALL_LISTEN, EADDRINUSE, 0, FAULT_ALWAYS, false, "listen(2)"},
    {SCENARIO_CALL_LISTEN, EACCES, 0, FAULT_ALWAYS, true, "POSIX listen()"},
    {SCENARIO_CALL_LISTEN, ENOBUFS, 0, FAULT_ALWAYS, true, "POSIX listen()"},

    {SCENARIO_CALL_ACCEPT, EINTR, 0, FAULT_SLEEPS, false, "accept(2)"},
    {SCENARIO_CALL_ACCEPT, EAGAIN, 0, FAULT_READABLE_NONBLOCK, false, "accept(2) NOTES"},
    {SCENARIO_CALL_ACCEPT, EMFILE, 0, FAULT_READABLE, false, "accept(2)"},
    {SCENARIO_CALL_ACCEPT, ENFILE, 0, FAULT_READABLE, false, "accept(2)"},
    {SCENARIO_CALL_ACCEPT, ENOBUFS, 0, FAULT_READABLE, false, "accept(2)"},
    {SCENARIO_CALL_ACCEPT, ENOMEM, 0, FAULT_READABLE, false, "accept(2)"},
    {SCENARIO_CALL_ACCEPT, EPERM, 0, FAULT_READABLE, false, "accept(2)"},
    {SCENARIO_CALL_ACCEPT, EPROTO, 0, FAULT_READABLE, false, "accept(2)"},
    {SCENARIO_CALL_ACCEPT, ENETDOWN, 0, FAULT_READABLE, false, "accept(2) Error handling"},
    {SCENARIO_CALL_ACCEPT, ENETUNREACH, 0, FAULT_READABLE, false, "accept(2) Error handling"},
    {SCENARIO_CALL_ACCEPT, EHOSTUNREACH, 0, FAULT_READABLE, false, "accept(2) Error handling"},
    {SCENARIO_CALL_ACCEPT, ETIMEDOUT, 0, FAULT_READABLE, false, "accept(2) ERRORS, last paragraph"},
    {SCENARIO_CALL_ACCEPT, ECONNABORTED, 0, FAULT_READABLE, true, "POSIX accept()"},

    {SCENARIO_CALL_CONNECT, EINTR, 0, FAULT_SLEEPS, false, "connect(2)"},
    {SCENARIO_CALL_CONNECT, ECONNREFUSED, 0, FAULT_BLOCKING, false, "connect(2)"},
    {SCENARIO_CALL_CONNECT, ETIMEDOUT, 0, FAULT_BLOCKING, false, "connect(2)"},
    {SCENARIO_CALL_CONNECT, ENETUNREACH, 0, FAULT_ALWAYS, false, "connect(2)"},
    {SCENARIO_CALL_CONNECT, EHOSTUNREACH, 0, FAULT_ALWAYS, false, "ip(7)"},
    {SCENARIO_CALL_CONNECT, EADDRNOTAVAIL, 0, FAULT_ALWAYS, false, "connect(2)"},
    {SCENARIO_CALL_CONNECT, EADDRINUSE, 0, FAULT_ALWAYS, false, "connect(2)"},
    {SCENARIO_CALL_CONNECT, EACCES, 0, FAULT_ALWAYS, false, "connect(2)"},
    {SCENARIO_CALL_CONNECT, EPERM, 0, FAULT_ALWAYS, false, "connect(2)"},
    {SCENARIO_CALL_CONNECT, ENETDOWN, 0, FAULT_ALWAYS, true, "POSIX connect()"},
    {SCENARIO_CALL_CONNECT, ENOBUFS, 0, FAULT_ALWAYS, true, "POSIX connect()"},
    {SCENARIO_CALL_CONNECT, ECONNRESET, 0, FAULT_BLOCKING, true, "POSIX connect()"},

    {SCENARIO_CALL_RECV, 0, 0, FAULT_READABLE_OPEN, false, "recv(2)"},
    {SCENARIO_CALL_RECV, EINTR, 0, FAULT_SLEEPS, false, "recv(2)"},
    {SCENARIO_CALL_RECV, EAGAIN, 0, FAULT_READABLE_NONBLOCK, false, "select(2) BUGS"},
    {SCENARIO_CALL_RECV, ENOMEM, 0, FAULT_READABLE, true, "POSIX recv()"},
    {SCENARIO_CALL_RECV, ENOBUFS, 0, FAULT_READABLE, true, "POSIX recv()"},

    {SCENARIO_CALL_SEND, 0, 0, FAULT_SHORT, false, "send(2)"},
    {SCENARIO_CALL_SEND, EINTR, 0, FAULT_SLEEPS, false, "send(2)"},
    {SCENARIO_CALL_SEND, EAGAIN, 0, FAULT_WRITABLE_NONBLOCK, false, "send(2)"},
    {SCENARIO_CALL_SEND, ENOMEM, 0, FAULT_ALWAYS, false, "send(2)"},
    {SCENARIO_CALL_SEND, ENOBUFS, 0, FAULT_ALWAYS, true, "POSIX send(); send(2): not on Linux"},
    {SCENARIO_CALL_SEND, ENETDOWN, 0, FAULT_ALWAYS, true, "POSIX send()"},
    {SCENARIO_CALL_SEND, ENETUNREACH, 0, FAULT_ALWAYS, true, "POSIX send()"},

    {SCENARIO_CALL_WAIT, EINTR, 0, FAULT_SLEEPS, false, "poll(2), signal(7)"},
    {SCENARIO_CALL_WAIT, ENOMEM, CALL(POLL) | CALL(PPOLL) | CALL(SELECT) | CALL(PSELECT),
     FAULT_ALWAYS, false, "poll(2), select(2)"},
    {SCENARIO_CALL_WAIT, EAGAIN, CALL(POLL) | CALL(PPOLL), FAULT_ALWAYS, true, "POSIX poll()"},

    {SCENARIO_CALL_SLEEP, EINTR, 0, FAULT_SLEEPS, false, "nanosleep(2), signal(7)"},

    {SCENARIO_CALL_SHUTDOWN, ENOBUFS, 0, FAULT_ALWAYS, true, "POSIX shutdown()"},

    {SCENARIO_CALL_CLOSE, EIO, 0, FAULT_ALWAYS, false, "close(2)"},
    {SCENARIO_CALL_CLOSE, EINTR, 0, FAULT_HANDLED, true, "POSIX close()"},

    {SCENARIO_CALL_OPTION, ENOBUFS, 0, FAULT_ALWAYS, true, "POSIX setsockopt(), getsockopt()"},
    {SCENARIO_CALL_OPTION, ENOMEM, CALL(SETSOCKOPT), FAULT_ALWAYS, true, "POSIX setsockopt()"},
    {SCENARIO_CALL_OPTION, EINVAL, 0, FAULT_ALWAYS, true,
     "POSIX setsockopt(): the socket has been shut down"},

    {SCENARIO_CALL_CONTROL, ENOMEM, CALL(EPOLL_CTL), FAULT_ALWAYS, false, "epoll_ctl(2)"},
    {SCENARIO_CALL_CONTROL, ENOSPC, CALL(EPOLL_CTL), FAULT_ALWAYS, false, "epoll_ctl(2)"},
    {SCENARIO_CALL_CONTROL, EMFILE, CALL(DUP) | CALL(FCNTL), FAULT_ALWAYS, false,
     "dup(2), fcntl(2)"},

    {SCENARIO_CALL_OPEN, EMFILE, 0, FAULT_ALWAYS, false, "open(2)"},
    {SCENARIO_CALL_OPEN, ENFILE, 0, FAULT_ALWAYS, false, "open(2)"},
    {SCENARIO_CALL_OPEN, ENOMEM, 0, FAULT_ALWAYS, false, "open(2)"},
    {SCENARIO_CALL_OPEN, EACCES, 0, FAULT_ALWAYS, false, "open(2)"},
    {SCENARIO_CALL_OPEN, EPERM, 0, FAULT_ALWAYS, false, "open(2)"},
};

const struct fault_row *world_fault_row(enum scenario_call family, int error)
{
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].family == family && rows[i].error == error) {
            return &rows[i];
        }
    }
    return NULL;
}
