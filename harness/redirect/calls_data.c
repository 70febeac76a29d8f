/* Redirected calls: bytes in and out of descriptors. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>

#include "redirect/calls.h"
#include "redirect/task.h"

/* Asks the sanitizer about the parts of `message` that `result` bytes reached. */
static void check_parts(const struct msghdr *message, int64_t result, bool written)
{
    for (size_t i = 0; i < message->msg_iovlen && result > 0; i++) {
        struct iovec *part = &message->msg_iov[i];
        int64_t size = (int64_t)part->iov_len < result ? (int64_t)part->iov_len : result;
        if (written) {
            redirect_check_write(part->iov_base, size);
        } else {
            redirect_check_read(part->iov_base, size);
        }
        result -= size;
    }
}

static ssize_t take(enum trace_call call, int fd, struct msghdr *message, int flags)
{
    int64_t result = REDIRECT_SYS(model_sys_recv, call, fd, message, flags);
    check_parts(message, result, true);
    return result;
}

static ssize_t give(enum trace_call call, int fd, const struct msghdr *message, int flags)
{
    int64_t result = REDIRECT_SYS(model_sys_send, call, fd, message, flags);
    check_parts(message, result, false);
    return result;
}

static ssize_t take_one(enum trace_call call, int fd, void *data, size_t size, int flags)
{
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return take(call, fd, &message, flags);
}

static ssize_t give_one(enum trace_call call, int fd, const void *data, size_t size, int flags)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return give(call, fd, &message, flags);
}

ssize_t sockspec_call_read(int fd, void *data, size_t size)
{
    return take_one(TRACE_CALL_READ, fd, data, size, 0);
}

ssize_t sockspec_call_recv(int fd, void *data, size_t size, int flags)
{
    return take_one(TRACE_CALL_RECV, fd, data, size, flags);
}

ssize_t sockspec_call_recvfrom(int fd, void *data, size_t size, int flags, __SOCKADDR_ARG address,
                               socklen_t *address_size)
{
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (address.__sockaddr__ != NULL && address_size != NULL) {
        message.msg_name = address.__sockaddr__;
        message.msg_namelen = *address_size;
    }
    ssize_t result = take(TRACE_CALL_RECVFROM, fd, &message, flags);
    if (result >= 0 && message.msg_name != NULL) {
        *address_size = message.msg_namelen;
    }
    return result;
}

ssize_t sockspec_call_recvmsg(int fd, struct msghdr *message, int flags)
{
    if (message == NULL) {
        return redirect_fault();
    }
    return take(TRACE_CALL_RECVMSG, fd, message, flags);
}

ssize_t sockspec_call_readv(int fd, const struct iovec *parts, int count)
{
    if (count < 0 || count > IOV_MAX) {
        errno = EINVAL;
        return -1;
    }
    if (parts == NULL && count > 0) {
        return redirect_fault();
    }
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts,
                             .msg_iovlen = (size_t)count};
    return take(TRACE_CALL_READV, fd, &message, 0);
}

/* One message at a time, as if no more had come: a stream has no message boundaries anyway. */
int sockspec_call_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                           struct timespec *timeout)
{
    (void)timeout;
    if (count == 0) {
        return 0;
    }
    ssize_t result = sockspec_call_recvmsg(fd, &messages[0].msg_hdr, flags & ~MSG_WAITFORONE);
    if (result < 0) {
        return -1;
    }
    messages[0].msg_len = (unsigned)result;
    return 1;
}

ssize_t sockspec_call_write(int fd, const void *data, size_t size)
{
    return give_one(TRACE_CALL_WRITE, fd, data, size, 0);
}

ssize_t sockspec_call_send(int fd, const void *data, size_t size, int flags)
{
    return give_one(TRACE_CALL_SEND, fd, data, size, flags);
}

ssize_t sockspec_call_sendto(int fd, const void *data, size_t size, int flags,
                             __CONST_SOCKADDR_ARG address, socklen_t address_size)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_name = (void *)(uintptr_t)address.__sockaddr__,
                             .msg_namelen = address_size};
    return give(TRACE_CALL_SENDTO, fd, &message, flags);
}

ssize_t sockspec_call_sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (message == NULL) {
        return redirect_fault();
    }
    return give(TRACE_CALL_SENDMSG, fd, message, flags);
}

ssize_t sockspec_call_writev(int fd, const struct iovec *parts, int count)
{
    if (count < 0 || count > IOV_MAX) {
        errno = EINVAL;
        return -1;
    }
    if (parts == NULL && count > 0) {
        return redirect_fault();
    }
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts,
                             .msg_iovlen = (size_t)count};
    return give(TRACE_CALL_WRITEV, fd, &message, 0);
}

int sockspec_call_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    for (unsigned i = 0; i < count; i++) {
        ssize_t result = sockspec_call_sendmsg(fd, &messages[i].msg_hdr, flags);
        if (result < 0) {
            return i > 0 ? (int)i : -1;
        }
        messages[i].msg_len = (unsigned)result;
    }
    return (int)count;
}

ssize_t sockspec_call_sendfile(int out, int in, off_t *offset, size_t count)
{
    return REDIRECT_SYS(model_sys_sendfile, out, in, offset, count);
}

ssize_t sockspec_call_splice(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t size,
                             unsigned flags)
{
    (void)in_offset, (void)out, (void)out_offset, (void)size, (void)flags;
    return redirect_unsupported(TRACE_CALL_NONE, in);
}

ssize_t sockspec_call_vmsplice(int fd, const struct iovec *parts, size_t count, unsigned flags)
{
    (void)parts, (void)count, (void)flags;
    return redirect_unsupported(TRACE_CALL_NONE, fd);
}

ssize_t sockspec_call_tee(int in, int out, size_t size, unsigned flags)
{
    (void)out, (void)size, (void)flags;
    return redirect_unsupported(TRACE_CALL_NONE, in);
}

/* The fortified forms end a program that lies about its buffer, as the C library's do. */
static void check_room(size_t size, size_t room)
{
    if (size > room && redirect_task != NULL) {
        redirect_abort(redirect_task);
    }
}

ssize_t sockspec_call___read_chk(int fd, void *data, size_t size, size_t room)
{
    check_room(size, room);
    return sockspec_call_read(fd, data, size);
}

ssize_t sockspec_call___recv_chk(int fd, void *data, size_t size, size_t room, int flags)
{
    check_room(size, room);
    return sockspec_call_recv(fd, data, size, flags);
}

ssize_t sockspec_call___recvfrom_chk(int fd, void *data, size_t size, size_t room, int flags,
                                     __SOCKADDR_ARG address, socklen_t *address_size)
{
    check_room(size, room);
    return sockspec_call_recvfrom(fd, data, size, flags, address, address_size);
}
