/* Data on any descriptor: one mechanism for read, recv, write, send and their relatives. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "model/io.h"

/* Copies `size` bytes between the iovecs, from `offset` on, and a flat buffer: `in` towards the
 * iovecs. */
static size_t copy(const struct msghdr *message, size_t offset, uint8_t *flat, size_t size, bool in)
{
    size_t done = 0;
    for (size_t i = 0; i < message->msg_iovlen && done < size; i++) {
        const struct iovec *part = &message->msg_iov[i];
        if (offset >= part->iov_len) {
            offset -= part->iov_len;
            continue;
        }
        size_t room = part->iov_len - offset;
        size_t now = room < size - done ? room : size - done;
        uint8_t *at = (uint8_t *)part->iov_base + offset;
        if (in) {
            memcpy(at, flat + done, now);
        } else {
            memcpy(flat + done, at, now);
        }
        done += now;
        offset = 0;
    }
    return done;
}

size_t io_scatter(const struct msghdr *message, size_t offset, const void *data, size_t size)
{
    /* Only read from in this direction. */
    return copy(message, offset, (uint8_t *)(uintptr_t)data, size, true);
}

size_t io_gather(const struct msghdr *message, size_t offset, void *data, size_t size)
{
    return copy(message, offset, data, size, false);
}

static bool is_read(enum trace_call call)
{
    return call == TRACE_CALL_READ || call == TRACE_CALL_READV;
}
static bool is_write(enum trace_call call)
{
    return call == TRACE_CALL_WRITE || call == TRACE_CALL_WRITEV;
}

/* A part that is nowhere. Other addresses that are not the program's show where they are used. */
static bool is_nowhere(const struct msghdr *message)
{
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        if (message->msg_iov[i].iov_base == NULL && message->msg_iov[i].iov_len > 0) {
            return true;
        }
    }
    return false;
}

int64_t model_sys_recv(struct model *model, enum trace_call call, int fd, struct msghdr *message,
                       int flags)
{
    io_call_enter(model, call, fd);
    size_t asked = model_message_size(message);
    struct model_file *file = model_fd_file(model, fd);
    int64_t result = -EBADF;
    uint32_t conn = 0;
    if (file != NULL) {
        conn = file->conn;
        model->io->call.flags = flags;
        if (!is_read(call) && !file->ops->socket) {
            result = -ENOTSOCK;
        } else if (is_nowhere(message)) {
            result = -EFAULT;
        } else if (file->ops->recv == NULL) {
            result = -EINVAL;
        } else if (!file->ops->socket && (file->status_flags & O_ACCMODE) == O_WRONLY) {
            result = -EBADF;
        } else {
            file->refs++;
            model->io->call.held = file;
            result = file->ops->recv(model, file, call, fd, message, flags);
            io_file_drop(model, file);
        }
    }
    return io_call_leave(model, call, fd, conn, result, (int64_t)asked, flags);
}

int64_t model_sys_send(struct model *model, enum trace_call call, int fd,
                       const struct msghdr *message, int flags)
{
    io_call_enter(model, call, fd);
    size_t asked = model_message_size(message);
    struct model_file *file = model_fd_file(model, fd);
    int64_t result = -EBADF;
    uint32_t conn = 0;
    if (file != NULL) {
        conn = file->conn;
        model->io->call.flags = flags;
        if (!is_write(call) && !file->ops->socket) {
            result = -ENOTSOCK;
        } else if (is_nowhere(message)) {
            result = -EFAULT;
        } else if (file->ops->send == NULL) {
            result = -EINVAL;
        } else if (!file->ops->socket && (file->status_flags & O_ACCMODE) == O_RDONLY) {
            result = -EBADF;
        } else {
            file->refs++;
            model->io->call.held = file;
            result = file->ops->send(model, file, call, fd, message, flags);
            io_file_drop(model, file);
        }
    }
    return io_call_leave(model, call, fd, conn, result, (int64_t)asked, flags);
}

struct sendfile_buffer {
    uint8_t *data;
    size_t size;
};

/* Reads a piece of the file and sends it; what was not sent is read again. `*ret_whole`: all of it
 * was sent. */
static int64_t sendfile_piece(struct model *model, struct model_file *to, int out, int real,
                              off_t at, struct sendfile_buffer piece, bool *ret_whole)
{
    uint8_t *buffer = piece.data;
    ssize_t got = pread(real, buffer, piece.size, at);
    *ret_whole = false;
    if (got <= 0) {
        return got < 0 ? -errno : 0;
    }
    struct iovec part = {.iov_base = buffer, .iov_len = (size_t)got};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    int64_t sent = to->ops->send(model, to, TRACE_CALL_SENDFILE, out, &message, 0);
    *ret_whole = sent == got;
    return sent;
}

/* Sends until the file ends, `count` is reached or the other side takes no more. Bytes sent or
 * -errno. */
static int64_t sendfile_loop(struct model *model, struct model_file *to, int out, int real,
                             off_t at, size_t count)
{
    int64_t done = 0;
    bool whole = true;
    uint8_t own[4096]; /* of a thread: others may send, too, while it sleeps */
    bool alone = io_task(model)->threads_live == 1;
    uint8_t *data = alone ? model->io->buffers[model->current->host] : own;
    size_t room = alone ? IO_RING_SIZE : sizeof own;
    while (whole && (size_t)done < count) {
        size_t left = count - (size_t)done;
        struct sendfile_buffer piece = {.data = data, .size = left < room ? left : room};
        int64_t sent = sendfile_piece(model, to, out, real, at + done, piece, &whole);
        if (sent < 0 && done == 0) {
            return sent;
        }
        done += sent > 0 ? sent : 0;
    }
    return done;
}

int64_t model_sys_sendfile(struct model *model, int out, int in, off_t *offset, size_t count)
{
    model_call_enter(model, TRACE_CALL_SENDFILE, out);
    struct model_file *to = model_fd_file(model, out);
    struct model_file *from = model_fd_file(model, in);
    uint32_t conn = to != NULL ? to->conn : 0;
    int64_t result = 0;
    if (to == NULL || from == NULL) {
        result = -EBADF;
    } else if (from->ops != &io_real_ops || to->ops->send == NULL) {
        result = -EINVAL;
    } else {
        int real = io_object(from)->real.real;
        off_t at = offset != NULL ? *offset : lseek(real, 0, SEEK_CUR);
        model_call_hold(model, to);
        result = sendfile_loop(model, to, out, real, at, count);
        io_file_drop(model, to);
        if (result > 0 && offset != NULL) {
            *offset = at + result;
        } else if (result > 0) {
            (void)lseek(real, at + result, SEEK_SET);
        }
    }
    return model_call_leave(model, TRACE_CALL_SENDFILE, out, conn, result, (int64_t)count, 0);
}
