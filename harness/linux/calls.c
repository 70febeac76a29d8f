/* System calls: which are followed, what their arguments mean in the trace, what they change. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "linux/tracer_internal.h"

enum { MESSAGES_MAX = 1024 }; /* UIO_MAXIOV: more messages the kernel does not take in one call */

#define ENTER(name)                                                                                \
    static void enter_##name(struct linux_tracer *tracer, struct tracer_thread *thread,            \
                             struct tracer_call *call)
#define LEAVE(name)                                                                                \
    static void leave_##name(struct linux_tracer *tracer, struct tracer_thread *thread,            \
                             struct tracer_call *call, int64_t *result)

/* The descriptor that a call is about. A number that is not open is traced, as the program's
 * mistake, but where it last was a file: which ones of those are open is not TCP's matter. */
static void about(struct linux_tracer *tracer, struct tracer_thread *thread,
                  struct tracer_call *call, uint64_t fd)
{
    call->fd = (int)fd;
    call->file = tracer_files_get(tracer, thread->process, call->fd);
    const struct tracer_slot *slot = tracer_files_slot(thread->process, call->fd);
    call->traced = call->file != NULL ? call->file->watched : slot == NULL || !slot->was_other;
}

/* A new descriptor: opened in the table, its traced number is the result. */
static void opened(struct linux_tracer *tracer, struct tracer_thread *thread, int64_t *result,
                   struct tracer_file *file, bool cloexec)
{
    int fd = (int)*result;
    if (file != NULL) {
        tracer_files_open(tracer, thread->process, fd, file, cloexec, 0);
    }
    *result = tracer_number(thread->process, fd);
}

/* ---- New descriptors ---- */

static bool means_tcp(const struct tracer_call *call)
{
    int kind = (int)call->args[1] & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    int protocol = (int)call->args[2];
    return ((int)call->args[0] == AF_INET || (int)call->args[0] == AF_INET6) &&
           kind == SOCK_STREAM &&
           (protocol == 0 || protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
}

ENTER(socket)
{
    (void)tracer, (void)thread;
    call->traced = means_tcp(call);
    call->a = (int)call->args[1];
    call->b = (int)call->args[0];
}

LEAVE(socket)
{
    int type = (int)call->args[1];
    if (*result >= 0) {
        opened(tracer, thread, result,
               tracer_file_new(means_tcp(call) ? TRACE_FILE_SOCKET : TRACE_FILE_OTHER,
                               (type & SOCK_NONBLOCK) != 0),
               (type & SOCK_CLOEXEC) != 0);
        call->fd = (int)*result;
        call->nonblock = (type & SOCK_NONBLOCK) != 0;
    }
}

/* Two numbers at `address`. */
static void opened_pair(struct linux_tracer *tracer, struct tracer_thread *thread, uint64_t address,
                        enum trace_file kind, int flags)
{
    int fds[2];
    for (int i = 0; tracer_peek(thread, address, fds, sizeof fds) && i < 2; i++) {
        tracer_files_open(tracer, thread->process, fds[i],
                          tracer_file_new(kind, (flags & O_NONBLOCK) != 0),
                          (flags & O_CLOEXEC) != 0, 0);
    }
}

ENTER(socketpair)
{
    (void)tracer, (void)thread;
    call->a = (int)call->args[1];
    call->b = (int)call->args[0];
}

LEAVE(socketpair)
{
    if (*result == 0) {
        opened_pair(tracer, thread, call->args[3], TRACE_FILE_OTHER, (int)call->args[1]);
    }
}

ENTER(pipe)
{
    (void)tracer, (void)thread;
    call->traced = true;
    call->a = call->row->nr == SYS_pipe2 ? (int)call->args[1] : 0;
}

LEAVE(pipe)
{
    if (*result == 0) {
        opened_pair(tracer, thread, call->args[0], TRACE_FILE_PIPE, (int)call->a);
    }
}

ENTER(eventfd)
{
    (void)tracer, (void)thread;
    call->traced = true;
    call->a = (uint32_t)call->args[0];
    call->b = call->row->nr == SYS_eventfd2 ? (int)call->args[1] : 0;
}

ENTER(timerfd_create)
{
    (void)tracer, (void)thread;
    call->traced = true;
    call->a = (int)call->args[0];
    call->b = (int)call->args[1];
}

ENTER(epoll_create)
{
    (void)tracer, (void)thread;
    call->traced = true;
    call->a = call->row->nr == SYS_epoll_create1 ? (int)call->args[0] : 0;
}

ENTER(signalfd)
{
    (void)tracer, (void)thread;
    call->traced = true;
    call->fd = (int)call->args[0];
    call->a = call->row->nr == SYS_signalfd4 ? (int)call->args[3] : 0;
}

/* eventfd, timerfd, signalfd, epoll: their flags are O_CLOEXEC and O_NONBLOCK. */
LEAVE(object)
{
    static const struct {
        enum trace_call what;
        enum trace_file kind;
    } kinds[] = {{TRACE_CALL_EVENTFD, TRACE_FILE_EVENTFD},
                 {TRACE_CALL_TIMERFD_CREATE, TRACE_FILE_TIMERFD},
                 {TRACE_CALL_SIGNALFD, TRACE_FILE_SIGNALFD},
                 {TRACE_CALL_EPOLL_CREATE, TRACE_FILE_EPOLL}};
    if (*result < 0 || (call->what == TRACE_CALL_SIGNALFD && call->fd >= 0)) {
        return;
    }
    bool flags_second = call->what == TRACE_CALL_EVENTFD || call->what == TRACE_CALL_TIMERFD_CREATE;
    int flags = (int)(flags_second ? call->b : call->a);
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].what == call->what) {
            opened(tracer, thread, result,
                   tracer_file_new(kinds[i].kind, (flags & O_NONBLOCK) != 0),
                   (flags & O_CLOEXEC) != 0);
        }
    }
}

/* ---- Sockets ---- */

static void read_name(const struct tracer_thread *thread, uint64_t address, int64_t *ret_port,
                      int64_t *ret_domain)
{
    struct sockaddr_in name; /* the port of sockaddr_in6 stands at the same place */
    size_t size = offsetof(struct sockaddr_in, sin_addr);
    if (!tracer_peek(thread, address, &name, size) ||
        (name.sin_family != AF_INET && name.sin_family != AF_INET6)) {
        return;
    }
    *ret_port = ntohs(name.sin_port);
    *ret_domain = name.sin_family;
}

ENTER(name)
{
    about(tracer, thread, call, call->args[0]);
    if ((uint32_t)call->args[2] >= offsetof(struct sockaddr_in, sin_addr)) {
        read_name(thread, call->args[1], &call->a, &call->b);
    }
}

LEAVE(connect)
{
    if ((*result == 0 || *result == -EINPROGRESS || *result == -EINTR) && call->file != NULL) {
        tracer_files_connect(tracer, thread->process, call->fd, call->file);
        call->conn = call->file->conn;
    }
}

ENTER(listen)
{
    about(tracer, thread, call, call->args[0]);
    call->a = (int)call->args[1];
}

LEAVE(listen)
{
    (void)tracer, (void)thread;
    if (*result == 0 && call->file != NULL && call->file->kind == TRACE_FILE_SOCKET) {
        call->file->kind = TRACE_FILE_LISTENER;
    }
}

ENTER(accept)
{
    about(tracer, thread, call, call->args[0]);
    call->a = call->row->nr == SYS_accept4 ? (int)call->args[3] : 0;
    call->timeout_us = INT64_MIN;
}

LEAVE(accept)
{
    if (*result < 0) {
        tracer->full |= *result == -EMFILE || *result == -ENFILE;
        return;
    }
    bool tcp = call->file != NULL && call->file->tcp;
    struct tracer_file *file =
        tracer_file_new(tcp ? TRACE_FILE_SOCKET : TRACE_FILE_OTHER, (call->a & SOCK_NONBLOCK) != 0);
    if (file != NULL) {
        tracer_files_connect(tracer, thread->process, (int)*result, file);
        call->conn = file->conn;
        opened(tracer, thread, result, file, (call->a & SOCK_CLOEXEC) != 0);
    }
}

ENTER(shutdown)
{
    about(tracer, thread, call, call->args[0]);
    call->a = (int)call->args[1];
}

/* The value of an option as a CALL event shows it. */
static int64_t option_value(const struct tracer_thread *thread, int level, int name,
                            uint64_t address, uint32_t size)
{
    int64_t pair[2] = {0};
    int first[2] = {0};
    bool time = level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO);
    uint32_t most = time ? sizeof pair : sizeof first;
    size = size < most ? size : most;
    if (!tracer_peek(thread, address, time ? (void *)pair : (void *)first, size)) {
        return 0;
    }
    if (time) {
        return pair[0] * 1000000 + pair[1];
    }
    if (level == SOL_SOCKET && name == SO_LINGER) {
        return (int64_t)(first[0] != 0) | (int64_t)first[1] << 32;
    }
    return first[0];
}

ENTER(option)
{
    about(tracer, thread, call, call->args[0]);
    call->a = (int64_t)(int)call->args[1] << 16 | (int)call->args[2];
    if (call->what == TRACE_CALL_SETSOCKOPT) {
        call->b = option_value(thread, (int)call->args[1], (int)call->args[2], call->args[3],
                               (uint32_t)call->args[4]);
    }
}

LEAVE(getsockopt)
{
    uint32_t size = 0;
    (void)tracer;
    if (*result == 0 && tracer_peek(thread, call->args[4], &size, sizeof size)) {
        call->b = option_value(thread, (int)call->args[1], (int)call->args[2], call->args[3], size);
    }
}

ENTER(getname)
{
    about(tracer, thread, call, call->args[0]);
}

LEAVE(getname)
{
    int64_t domain = 0;
    (void)tracer;
    if (*result == 0) {
        read_name(thread, call->args[1], &call->a, &domain);
    }
}

/* ---- Transfers ---- */

static int64_t iovec_size(struct linux_tracer *tracer, const struct tracer_thread *thread,
                          uint64_t address, uint64_t count)
{
    int64_t size = 0;
    count = count < TRACER_IOVECS_MAX ? count : TRACER_IOVECS_MAX;
    if (count == 0 || !tracer_peek(thread, address, tracer->iovecs, count * 16)) {
        return 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        size += (int64_t)tracer->iovecs[i * 2 + 1];
    }
    return size;
}

ENTER(transfer)
{
    about(tracer, thread, call, call->args[0]);
    call->timeout_us = INT64_MIN;
    if (!call->traced) {
        return;
    }
    struct msghdr message;
    switch (call->row->nr) {
    case SYS_readv:
    case SYS_writev:
        call->a = iovec_size(tracer, thread, call->args[1], call->args[2]);
        break;
    case SYS_recvmsg:
    case SYS_sendmsg:
        if (tracer_peek(thread, call->args[1], &message, sizeof message)) {
            call->a = iovec_size(tracer, thread, (uintptr_t)message.msg_iov, message.msg_iovlen);
        }
        call->flags = (int)call->args[2];
        break;
    case SYS_recvfrom:
    case SYS_sendto:
        /* libc's recv() and send() are these without an address. */
        if (call->args[4] == 0) {
            call->what = call->row->nr == SYS_recvfrom ? TRACE_CALL_RECV : TRACE_CALL_SEND;
        }
        call->a = (int64_t)call->args[2];
        call->flags = (int)call->args[3];
        break;
    case SYS_sendfile:
        call->a = (int64_t)call->args[3];
        break;
    default:
        call->a = (int64_t)call->args[2];
        break;
    }
    call->b = call->flags;
}

/* preadv2(2), pwritev2(2): on a socket only without a place, as readv and writev. */
ENTER(vector)
{
    enter_transfer(tracer, thread, call);
    call->a = call->traced ? iovec_size(tracer, thread, call->args[1], call->args[2]) : 0;
    call->flags = ((unsigned)call->args[5] & RWF_NOWAIT) != 0 ? MSG_DONTWAIT : 0;
    call->b = call->flags;
}

/* recvmmsg(2), sendmmsg(2): as one call that moves the bytes of all its messages. */
ENTER(messages)
{
    struct mmsghdr message;
    enter_transfer(tracer, thread, call);
    call->a = 0;
    for (uint64_t i = 0; call->traced && i < (uint32_t)call->args[2] && i < MESSAGES_MAX; i++) {
        if (tracer_peek(thread, call->args[1] + i * sizeof message, &message, sizeof message)) {
            call->a += iovec_size(tracer, thread, (uintptr_t)message.msg_hdr.msg_iov,
                                  message.msg_hdr.msg_iovlen);
        }
    }
    call->flags = (int)call->args[3];
    call->b = call->flags;
}

LEAVE(messages)
{
    struct mmsghdr message;
    int64_t bytes = 0;
    (void)tracer;
    for (int64_t i = 0; call->traced && i < *result && i < MESSAGES_MAX; i++) {
        if (tracer_peek(thread, call->args[1] + (uint64_t)i * sizeof message, &message,
                        sizeof message)) {
            bytes += message.msg_len;
        }
    }
    *result = *result > 0 && call->traced ? bytes : *result;
}

/* splice(2) between a pipe and a socket: as the read or write of the socket. */
ENTER(splice)
{
    const struct tracer_file *in = tracer_files_get(tracer, thread->process, (int)call->args[0]);
    bool receives = in != NULL && in->tcp;
    about(tracer, thread, call, call->args[receives ? 0 : 2]);
    call->what = receives ? TRACE_CALL_READ : TRACE_CALL_WRITE;
    call->traced = call->file != NULL && call->file->tcp;
    call->timeout_us = INT64_MIN;
    call->a = (int64_t)call->args[4];
    call->flags = ((unsigned)call->args[5] & SPLICE_F_NONBLOCK) != 0 ? MSG_DONTWAIT : 0;
}

LEAVE(write)
{
    (void)thread;
    if (*result > 0 && call->file != NULL && call->file->kind == TRACE_FILE_CONSOLE) {
        struct trace_event *event = tracer_event(tracer, TRACE_OUTPUT);
        event->fd = call->fd;
        event->a = *result;
    }
}

/* ---- Descriptors ---- */

ENTER(close)
{
    about(tracer, thread, call, call->args[0]);
}

LEAVE(close)
{
    const struct tracer_slot *slot = tracer_files_slot(thread->process, call->fd);
    if (*result == -EBADF) {
        return;
    }
    /* close(2): whatever it answers, the number is free afterwards. Another thread may have it
     * already: that call's end was seen first. */
    if (call->file != NULL && slot != NULL && slot->file != NULL && slot->file != call->file) {
        call->a = call->file->slots == 0;
        return;
    }
    call->a = tracer_files_close(tracer, thread->process, call->fd);
}

ENTER(close_range)
{
    (void)tracer, (void)thread, (void)call;
}

LEAVE(close_range)
{
    struct tracer_process *process = thread->process;
    uint64_t last = (uint32_t)call->args[1];
    if (*result != 0) {
        return;
    }
    for (uint64_t fd = (uint32_t)call->args[0]; fd <= last && fd < (uint64_t)process->slots_size;
         fd++) {
        struct tracer_slot *slot = &process->slots[fd];
        if (slot->file == NULL) {
            continue;
        }
        if ((call->args[2] & 4) != 0) { /* CLOSE_RANGE_CLOEXEC */
            slot->cloexec = true;
            continue;
        }
        bool watched = slot->file->watched;
        uint32_t conn = slot->file->conn;
        bool last_one = tracer_files_close(tracer, process, (int)fd);
        if (watched) {
            struct trace_event *event = tracer_event(tracer, TRACE_CALL);
            event->what = TRACE_CALL_CLOSE;
            event->fd = tracer_number(process, (int)fd);
            event->conn = conn;
            event->a = last_one;
        }
    }
}

ENTER(dup)
{
    about(tracer, thread, call, call->args[0]);
    call->a = call->what == TRACE_CALL_DUP ? 0 : tracer_number(thread->process, (int)call->args[1]);
}

LEAVE(dup)
{
    bool same = call->what != TRACE_CALL_DUP && call->args[0] == call->args[1];
    if (*result < 0) {
        return;
    }
    if (!same && call->file != NULL) {
        bool cloexec = call->what == TRACE_CALL_DUP3 && ((int)call->args[2] & O_CLOEXEC) != 0;
        tracer_files_open(tracer, thread->process, (int)*result, call->file, cloexec, 0);
    }
    *result = tracer_number(thread->process, (int)*result);
}

ENTER(fcntl)
{
    about(tracer, thread, call, call->args[0]);
    call->a = (int)call->args[1];
    call->b = (int64_t)call->args[2];
}

LEAVE(fcntl)
{
    struct tracer_slot *slot = tracer_files_slot(thread->process, call->fd);
    int command = (int)call->args[1];
    if (*result < 0 || call->file == NULL || slot == NULL || slot->file == NULL) {
        return;
    }
    if (command == F_SETFL) {
        call->file->nonblock = (call->args[2] & O_NONBLOCK) != 0;
    } else if (command == F_SETFD) {
        slot->cloexec = (call->args[2] & FD_CLOEXEC) != 0;
    } else if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) {
        tracer_files_open(tracer, thread->process, (int)*result, call->file,
                          command == F_DUPFD_CLOEXEC, 0);
        *result = tracer_number(thread->process, (int)*result);
    }
}

ENTER(ioctl)
{
    int value = 0;
    about(tracer, thread, call, call->args[0]);
    call->a = (int64_t)call->args[1];
    if (call->args[1] == FIONBIO && tracer_peek(thread, call->args[2], &value, sizeof value)) {
        call->b = value;
    }
}

LEAVE(ioctl)
{
    struct tracer_slot *slot = tracer_files_slot(thread->process, call->fd);
    int value = 0;
    (void)tracer;
    if (*result < 0 || call->file == NULL || slot == NULL) {
        return;
    }
    if (call->args[1] == FIONBIO) {
        call->file->nonblock = call->b != 0;
    } else if (call->args[1] == FIOCLEX || call->args[1] == FIONCLEX) {
        slot->cloexec = call->args[1] == FIOCLEX;
    } else if (call->args[1] == FIONREAD &&
               tracer_peek(thread, call->args[2], &value, sizeof value)) {
        call->b = value;
    }
}

ENTER(open)
{
    (void)tracer;
    call->a = call->row->nr == SYS_open     ? (int64_t)call->args[1]
              : call->row->nr == SYS_openat ? (int64_t)call->args[2]
                                            : O_WRONLY | O_CREAT | O_TRUNC;
    if (call->row->nr == SYS_openat2) {
        (void)tracer_peek(thread, call->args[2], &call->a, sizeof call->a);
    }
}

LEAVE(open)
{
    /* Files are not TCP's matter, running out of descriptors is. */
    call->traced = *result == -EMFILE || *result == -ENFILE || call->faulted;
    if (*result >= 0) {
        opened(tracer, thread, result,
               tracer_file_new(TRACE_FILE_FILE, (call->a & O_NONBLOCK) != 0),
               (call->a & O_CLOEXEC) != 0);
    }
}

/* ---- Time and signals ---- */

ENTER(timerfd_settime)
{
    struct itimerspec value = {0};
    about(tracer, thread, call, call->args[0]);
    call->a = (int)call->args[1];
    if (tracer_peek(thread, call->args[2], &value, sizeof value)) {
        call->b = value.it_value.tv_sec * 1000000 + (value.it_value.tv_nsec + 999) / 1000;
    }
}

ENTER(sleep)
{
    bool clock = call->row->nr == SYS_clock_nanosleep;
    (void)tracer;
    call->traced = true;
    call->a = tracer_timespec_us(thread, call->args[clock ? 2 : 0]);
    if (clock && ((int)call->args[1] & TIMER_ABSTIME) != 0) {
        struct timespec now = {0};
        (void)clock_gettime((clockid_t)call->args[0], &now);
        call->a -= now.tv_sec * 1000000 + now.tv_nsec / 1000;
        call->a = call->a > 0 ? call->a : 0;
    }
    call->timeout_us = call->a;
}

ENTER(pause)
{
    (void)tracer, (void)thread;
    call->traced = true;
    call->a = -1;
    call->timeout_us = -1;
}

ENTER(sigaction)
{
    uint64_t action[2] = {0}; /* the kernel's: handler, flags, … */
    int number = (int)call->args[0];
    (void)tracer;
    call->traced = call->args[1] != 0 && number > 0 && number < 32 &&
                   tracer_peek(thread, call->args[1], action, sizeof action);
    call->a = number;
    if (call->traced) {
        call->b = action[0] == 0 ? 0 : action[0] == 1 ? 1 : 2;
        call->b |= call->b == 2 && (action[1] & SA_RESTART) != 0 ? 0x100 : 0;
    }
}

LEAVE(sigaction)
{
    (void)tracer;
    if (*result == 0 && call->traced) {
        thread->process->handlers[call->a] = (uint16_t)call->b;
    }
}

ENTER(kill)
{
    (void)tracer, (void)thread;
    call->traced = true;
    call->a = (int)call->args[call->row->nr == SYS_tgkill ? 2 : 1];
}

ENTER(alarm)
{
    int64_t value[4] = {0}; /* interval and first, each seconds and microseconds */
    (void)tracer;
    if (call->row->nr == SYS_alarm) {
        call->a = (int64_t)(uint32_t)call->args[0] * 1000000;
        call->traced = true;
    } else if ((int)call->args[0] == ITIMER_REAL &&
               tracer_peek(thread, call->args[1], value, sizeof value)) {
        call->a = value[2] * 1000000 + value[3];
        call->b = value[0] * 1000000 + value[1];
        call->traced = true;
    }
}

LEAVE(alarm)
{
    struct timespec now;
    (void)tracer;
    if (*result < 0 || !call->traced) {
        return;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    thread->process->alarm_at_ns =
        call->a == 0 ? 0 : now.tv_sec * INT64_C(1000000000) + now.tv_nsec + call->a * 1000;
    thread->process->alarm_repeats = call->b != 0;
    *result *= 1000000; /* alarm(2): seconds that were left */
}

/* ---- The table ---- */

#define ROW(nr, what, enter, leave, report)                                                        \
    {                                                                                              \
        SYS_##nr, TRACE_CALL_##what, enter, leave, report                                          \
    }
static const struct tracer_row rows[] = {
    ROW(socket, SOCKET, enter_socket, leave_socket, NULL),
    ROW(socketpair, SOCKETPAIR, enter_socketpair, leave_socketpair, NULL),
    ROW(pipe, PIPE, enter_pipe, leave_pipe, NULL),
    ROW(pipe2, PIPE, enter_pipe, leave_pipe, NULL),
    ROW(eventfd, EVENTFD, enter_eventfd, leave_object, NULL),
    ROW(eventfd2, EVENTFD, enter_eventfd, leave_object, NULL),
    ROW(timerfd_create, TIMERFD_CREATE, enter_timerfd_create, leave_object, NULL),
    ROW(signalfd, SIGNALFD, enter_signalfd, leave_object, NULL),
    ROW(signalfd4, SIGNALFD, enter_signalfd, leave_object, NULL),
    ROW(epoll_create, EPOLL_CREATE, enter_epoll_create, leave_object, NULL),
    ROW(epoll_create1, EPOLL_CREATE, enter_epoll_create, leave_object, NULL),
    ROW(bind, BIND, enter_name, NULL, NULL),
    ROW(listen, LISTEN, enter_listen, leave_listen, NULL),
    ROW(accept, ACCEPT, enter_accept, leave_accept, NULL),
    ROW(accept4, ACCEPT4, enter_accept, leave_accept, NULL),
    ROW(connect, CONNECT, enter_name, leave_connect, NULL),
    ROW(read, READ, enter_transfer, NULL, NULL),
    ROW(readv, READV, enter_transfer, NULL, NULL),
    ROW(recvfrom, RECVFROM, enter_transfer, NULL, NULL),
    ROW(recvmsg, RECVMSG, enter_transfer, NULL, NULL),
    ROW(write, WRITE, enter_transfer, leave_write, NULL),
    ROW(writev, WRITEV, enter_transfer, leave_write, NULL),
    ROW(sendto, SENDTO, enter_transfer, NULL, NULL),
    ROW(sendmsg, SENDMSG, enter_transfer, NULL, NULL),
    ROW(preadv2, READV, enter_vector, NULL, NULL),
    ROW(pwritev2, WRITEV, enter_vector, leave_write, NULL),
    ROW(recvmmsg, RECVMSG, enter_messages, leave_messages, NULL),
    ROW(sendmmsg, SENDMSG, enter_messages, leave_messages, NULL),
    ROW(io_uring_setup, NONE, tracer_enter_io_uring, NULL, NULL),
    ROW(io_submit, NONE, tracer_enter_io_submit, NULL, NULL),
    ROW(sendfile, SENDFILE, enter_transfer, NULL, NULL),
    ROW(splice, WRITE, enter_splice, NULL, NULL),
    ROW(poll, POLL, tracer_enter_poll, NULL, tracer_report_poll),
    ROW(ppoll, PPOLL, tracer_enter_poll, NULL, tracer_report_poll),
    ROW(select, SELECT, tracer_enter_select, NULL, tracer_report_select),
    ROW(pselect6, PSELECT, tracer_enter_select, NULL, tracer_report_select),
    ROW(epoll_wait, EPOLL_WAIT, tracer_enter_epoll_wait, NULL, tracer_report_epoll),
    ROW(epoll_pwait, EPOLL_PWAIT, tracer_enter_epoll_wait, NULL, tracer_report_epoll),
    ROW(epoll_pwait2, EPOLL_PWAIT, tracer_enter_epoll_wait, NULL, tracer_report_epoll),
    ROW(epoll_ctl, EPOLL_CTL, tracer_enter_epoll_ctl, tracer_leave_epoll_ctl, NULL),
    ROW(nanosleep, SLEEP, enter_sleep, NULL, NULL),
    ROW(clock_nanosleep, SLEEP, enter_sleep, NULL, NULL),
    ROW(pause, PAUSE, enter_pause, NULL, NULL),
    ROW(shutdown, SHUTDOWN, enter_shutdown, NULL, NULL),
    ROW(close, CLOSE, enter_close, leave_close, NULL),
    ROW(close_range, CLOSE, enter_close_range, leave_close_range, NULL),
    ROW(setsockopt, SETSOCKOPT, enter_option, NULL, NULL),
    ROW(getsockopt, GETSOCKOPT, enter_option, leave_getsockopt, NULL),
    ROW(getsockname, GETSOCKNAME, enter_getname, leave_getname, NULL),
    ROW(getpeername, GETPEERNAME, enter_getname, leave_getname, NULL),
    ROW(fcntl, FCNTL, enter_fcntl, leave_fcntl, NULL),
    ROW(ioctl, IOCTL, enter_ioctl, leave_ioctl, NULL),
    ROW(dup, DUP, enter_dup, leave_dup, NULL),
    ROW(dup2, DUP2, enter_dup, leave_dup, NULL),
    ROW(dup3, DUP3, enter_dup, leave_dup, NULL),
    ROW(timerfd_settime, TIMERFD_SETTIME, enter_timerfd_settime, NULL, NULL),
    ROW(open, OPEN, enter_open, leave_open, NULL),
    ROW(openat, OPEN, enter_open, leave_open, NULL),
    ROW(openat2, OPEN, enter_open, leave_open, NULL),
    ROW(creat, OPEN, enter_open, leave_open, NULL),
    ROW(rt_sigaction, SIGACTION, enter_sigaction, leave_sigaction, NULL),
    ROW(kill, KILL, enter_kill, NULL, NULL),
    ROW(tgkill, KILL, enter_kill, NULL, NULL),
    ROW(alarm, ALARM, enter_alarm, leave_alarm, NULL),
    ROW(setitimer, ALARM, enter_alarm, leave_alarm, NULL),
    ROW(restart_syscall, NONE, NULL, NULL, NULL), /* goes on with what was broken off */
};
#undef ROW

enum { ROWS = sizeof rows / sizeof rows[0], NUMBERS = 512 };

unsigned tracer_rows(void)
{
    return ROWS;
}

int tracer_row_number(unsigned index)
{
    assert(index < ROWS);
    return rows[index].nr;
}

const struct tracer_row *tracer_row_find(int nr)
{
    static uint8_t index[NUMBERS]; /* one more than the row; filled once */
    if (index[SYS_restart_syscall] == 0) {
        for (unsigned i = 0; i < ROWS; i++) {
            index[rows[i].nr] = (uint8_t)(i + 1);
        }
    }
    return nr >= 0 && nr < NUMBERS && index[nr] != 0 ? &rows[index[nr] - 1] : NULL;
}
