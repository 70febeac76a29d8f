/* What a program finds at 0, 1 and 2: an input that has ended, and outputs that the harness
 * captures. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "model/io.h"

static uint32_t console_poll(struct model *model, struct model_file *file)
{
    (void)model;
    return io_object(file)->console == 0 ? POLLIN : POLLOUT;
}

static int64_t console_read(struct model *model, struct model_file *file, enum trace_call call,
                            int fd, struct msghdr *message, int flags)
{
    (void)model, (void)file, (void)call, (void)fd, (void)message, (void)flags;
    return 0;
}

static int64_t console_write(struct model *model, struct model_file *file, enum trace_call call,
                             int fd, const struct msghdr *message, int flags)
{
    struct model_io *io = model->io;
    size_t size = model_message_size(message);
    (void)call, (void)fd, (void)flags;
    struct trace_event *event = trace_add(model->trace, TRACE_OUTPUT, model->current->host);
    event->fd = io_object(file)->console;
    event->a = (int64_t)size;
    for (size_t i = 0; io->console_write != NULL && i < message->msg_iovlen; i++) {
        io->console_write(io->console_context, io_object(file)->console,
                          message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
    }
    return (int64_t)size;
}

static void console_release(struct model *model, struct model_file *file)
{
    (void)model, (void)file;
}

const struct model_file_ops io_console_ops = {.kind = TRACE_FILE_CONSOLE,
                                              .poll = console_poll,
                                              .recv = console_read,
                                              .send = console_write,
                                              .release = console_release};

void model_set_console(struct model *model,
                       void (*write)(void *context, int fd, const void *data, size_t size),
                       void *context)
{
    model->io->console_write = write;
    model->io->console_context = context;
}
