/* Pipes, as programs use them to wake their own event loop. pipe(7) */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "model/io.h"

enum { READ_END, WRITE_END };

struct io_pipe {
    struct model_file ends[2];
    bool open[2];
    struct io_pipe *next; /* free list */
    struct io_ring ring;
};

enum status io_pipes_new(struct model_io *io)
{
    io->pipes = calloc(IO_PIPES_MAX, sizeof *io->pipes);
    return io->pipes != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

void io_pipes_free(struct model_io *io)
{
    free(io->pipes);
}

void io_pipes_reset(struct model *model)
{
    model->io->pipes_free = NULL;
    model->io->pipes_used = 0;
}

static struct io_pipe *pipe_of(struct model_file *file, int end)
{
    return (struct io_pipe *)(void *)((char *)(file - end) - offsetof(struct io_pipe, ends));
}

/* pipe(7): a write of at most PIPE_BUF bytes is atomic, so there is room only when that much fits.
 */
static bool writable(const struct io_pipe *pipe)
{
    return io_ring_room(&pipe->ring) >= PIPE_BUF;
}

static uint32_t read_poll(struct model *model, struct model_file *file)
{
    const struct io_pipe *pipe = pipe_of(file, READ_END);
    (void)model;
    return (pipe->ring.used > 0 ? POLLIN | POLLRDNORM : 0U) |
           (pipe->open[WRITE_END] ? 0U : POLLHUP);
}

static uint32_t write_poll(struct model *model, struct model_file *file)
{
    const struct io_pipe *pipe = pipe_of(file, WRITE_END);
    (void)model;
    return (writable(pipe) ? POLLOUT | POLLWRNORM : 0U) | (pipe->open[READ_END] ? 0U : POLLERR);
}

static bool has_data(struct model *model, void *argument)
{
    const struct io_pipe *pipe = argument;
    (void)model;
    return pipe->ring.used > 0 || !pipe->open[WRITE_END];
}

static int64_t pipe_read(struct model *model, struct model_file *file, enum trace_call call, int fd,
                         struct msghdr *message, int flags)
{
    struct io_pipe *pipe = pipe_of(file, READ_END);
    size_t size = model_message_size(message);
    (void)flags;
    if (size == 0) {
        return 0;
    }
    if (!has_data(model, pipe)) {
        if ((file->status_flags & O_NONBLOCK) != 0) {
            return -EAGAIN;
        }
        int error = model_sleep(model, call, fd, 0, has_data, pipe, -1, MODEL_SLEEP_RESTARTS);
        if (error != 0) {
            return error;
        }
    }
    size_t count = size < pipe->ring.used ? size : pipe->ring.used;
    bool was_writable = writable(pipe);
    io_ring_look(&pipe->ring, message, 0, count);
    io_ring_drop(&pipe->ring, count);
    if (!was_writable && writable(pipe) && pipe->open[WRITE_END]) {
        model_file_notify(model, &pipe->ends[WRITE_END], POLLOUT | POLLWRNORM);
    }
    return (int64_t)count;
}

struct room_wait {
    struct io_pipe *pipe;
    size_t needed;
};

static bool has_room(struct model *model, void *argument)
{
    const struct room_wait *wait = argument;
    (void)model;
    return io_ring_room(&wait->pipe->ring) >= wait->needed || !wait->pipe->open[READ_END];
}

static int64_t pipe_write(struct model *model, struct model_file *file, enum trace_call call,
                          int fd, const struct msghdr *message, int flags)
{
    struct io_pipe *pipe = pipe_of(file, WRITE_END);
    size_t size = model_message_size(message);
    size_t done = 0;
    (void)flags;
    while (done < size || size == 0) {
        if (!pipe->open[READ_END]) {
            model_raise_sigpipe(model);
            return done > 0 ? (int64_t)done : -EPIPE;
        }
        struct room_wait wait = {.pipe = pipe, .needed = size <= PIPE_BUF ? size : 1};
        uint32_t room = io_ring_room(&pipe->ring);
        if (room < wait.needed) {
            if ((file->status_flags & O_NONBLOCK) != 0) {
                return done > 0 ? (int64_t)done : -EAGAIN;
            }
            int error = model_sleep(model, call, fd, 0, has_room, &wait, -1, MODEL_SLEEP_RESTARTS);
            if (error != 0) {
                return done > 0 ? (int64_t)done : error;
            }
            continue;
        }
        size_t count = size - done < room ? size - done : room;
        if (count == 0) {
            break;
        }
        io_ring_put(&pipe->ring, message, done, count);
        model_file_notify(model, &pipe->ends[READ_END], POLLIN | POLLRDNORM);
        done += count;
    }
    return (int64_t)done;
}

static int pipe_ioctl(struct model *model, struct model_file *file, unsigned long request,
                      void *argument);

static void end_release(struct model *model, struct io_pipe *pipe, int end)
{
    pipe->open[end] = false;
    if (pipe->open[!end]) {
        model_file_notify(model, &pipe->ends[!end],
                          end == WRITE_END ? POLLHUP : POLLERR | POLLOUT | POLLWRNORM);
        return;
    }
    pipe->next = model->io->pipes_free;
    model->io->pipes_free = pipe;
}

static void read_release(struct model *model, struct model_file *file)
{
    end_release(model, pipe_of(file, READ_END), READ_END);
}

static void write_release(struct model *model, struct model_file *file)
{
    end_release(model, pipe_of(file, WRITE_END), WRITE_END);
}

static const struct model_file_ops read_ops = {.kind = TRACE_FILE_PIPE,
                                               .poll = read_poll,
                                               .recv = pipe_read,
                                               .ioctl = pipe_ioctl,
                                               .release = read_release};
static const struct model_file_ops write_ops = {.kind = TRACE_FILE_PIPE,
                                                .poll = write_poll,
                                                .send = pipe_write,
                                                .ioctl = pipe_ioctl,
                                                .release = write_release};

static int pipe_ioctl(struct model *model, struct model_file *file, unsigned long request,
                      void *argument)
{
    (void)model;
    if (request != FIONREAD) {
        return -ENOTTY;
    }
    *(int *)argument = (int)pipe_of(file, file->ops == &write_ops)->ring.used;
    return 0;
}

static struct io_pipe *pipe_new(struct model_io *io, uint32_t status_flags)
{
    struct io_pipe *pipe = io->pipes_free;
    if (pipe != NULL) {
        io->pipes_free = pipe->next;
    } else if (io->pipes_used < IO_PIPES_MAX) {
        pipe = &io->pipes[io->pipes_used++];
    } else {
        return NULL;
    }
    pipe->ends[READ_END] =
        (struct model_file){.ops = &read_ops, .status_flags = O_RDONLY | status_flags};
    pipe->ends[WRITE_END] =
        (struct model_file){.ops = &write_ops, .status_flags = O_WRONLY | status_flags};
    pipe->open[READ_END] = true;
    pipe->open[WRITE_END] = true;
    pipe->ring.at = 0;
    pipe->ring.used = 0;
    return pipe;
}

static int pipe_open(struct model *model, int fds[2], int flags)
{
    int error = model_fault_take(model, TRACE_CALL_PIPE, -1, 0, false, NULL);
    if (error != 0) {
        return error;
    }
    struct io_pipe *pipe = pipe_new(model->io, (uint32_t)flags & O_NONBLOCK);
    if (pipe == NULL) {
        return -ENFILE;
    }
    uint32_t descriptor_flags = (flags & O_CLOEXEC) != 0 ? FD_CLOEXEC : 0;
    int in = model_fd_install(model, &pipe->ends[READ_END], descriptor_flags, 0);
    int out = in < 0 ? in : model_fd_install(model, &pipe->ends[WRITE_END], descriptor_flags, 0);
    if (out < 0) {
        pipe->open[WRITE_END] = false;
        if (in >= 0) {
            (void)io_slot_close(model, model->current, in, true);
        } else {
            end_release(model, pipe, READ_END);
        }
        return out;
    }
    fds[READ_END] = in;
    fds[WRITE_END] = out;
    return 0;
}

int model_sys_pipe(struct model *model, int fds[2], int flags)
{
    model_call_enter(model, TRACE_CALL_PIPE, -1);
    int64_t result = (flags & ~(O_NONBLOCK | O_CLOEXEC | O_DIRECT)) != 0
                         ? -EINVAL
                         : pipe_open(model, fds, flags);
    return (int)model_call_leave(model, TRACE_CALL_PIPE, -1, 0, result, flags, 0);
}
