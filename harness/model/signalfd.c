/* signalfd(2): blocked signals, read from a descriptor. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/signalfd.h>

#include "model/io.h"

static struct io_task *owner(struct model *model, const struct model_file *file)
{
    return &model->io->tasks[file->host];
}

static uint64_t waiting(struct model *model, struct model_file *file)
{
    return owner(model, file)->pending & io_object(file)->signalfd.mask;
}

static bool has_signal(struct model *model, void *argument)
{
    return waiting(model, argument) != 0;
}

static uint32_t signalfd_poll(struct model *model, struct model_file *file)
{
    return waiting(model, file) != 0 ? POLLIN : 0;
}

static int64_t signalfd_read(struct model *model, struct model_file *file, enum trace_call call,
                             int fd, struct msghdr *message, int flags)
{
    size_t room = model_message_size(message) / sizeof(struct signalfd_siginfo);
    size_t done = 0;
    (void)flags;
    if (room == 0) {
        return -EINVAL;
    }
    if (waiting(model, file) == 0) {
        if ((file->status_flags & O_NONBLOCK) != 0) {
            return -EAGAIN;
        }
        int error = model_sleep(model, call, fd, 0, has_signal, file, -1, MODEL_SLEEP_RESTARTS);
        if (error != 0) {
            return error;
        }
    }
    struct io_task *task = owner(model, file);
    for (uint64_t todo; done < room && (todo = waiting(model, file)) != 0; done++) {
        int number = __builtin_ctzll(todo) + 1;
        struct signalfd_siginfo info = {.ssi_signo = (uint32_t)number};
        uint64_t bit = UINT64_C(1) << (number - 1);
        (void)io_scatter(message, done * sizeof info, &info, sizeof info);
        task->pending &= ~bit;
    }
    return (int64_t)(done * sizeof(struct signalfd_siginfo));
}

static void signalfd_release(struct model *model, struct model_file *file)
{
    struct io_object **link = &owner(model, file)->signalfds;
    while (*link != NULL && *link != io_object(file)) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = io_object(file)->next;
    }
    io_object_free(model, io_object(file));
}

static const struct model_file_ops signalfd_ops = {.kind = TRACE_FILE_SIGNALFD,
                                                   .poll = signalfd_poll,
                                                   .recv = signalfd_read,
                                                   .release = signalfd_release};

void io_signalfd_notify(struct model *model, struct io_task *task, int number)
{
    for (struct io_object *object = task->signalfds; object != NULL; object = object->next) {
        if ((object->signalfd.mask >> (number - 1) & 1U) != 0) {
            model_file_notify(model, &object->file, POLLIN);
        }
    }
}

static uint64_t mask_bits(const sigset_t *mask)
{
    uint64_t bits = 0;
    for (int number = 1; number < IO_SIGNALS; number++) {
        bits |= sigismember(mask, number) == 1 ? UINT64_C(1) << (number - 1) : 0;
    }
    return bits;
}

static int signalfd_new(struct model *model, const sigset_t *mask, int flags)
{
    int error = model_fault_take(model, TRACE_CALL_SIGNALFD, -1, 0, false, NULL);
    if (error != 0) {
        return error;
    }
    struct io_object *object =
        io_object_new(model, &signalfd_ops, O_RDWR | ((uint32_t)flags & O_NONBLOCK));
    if (object == NULL) {
        return -ENFILE;
    }
    object->signalfd.mask = mask_bits(mask);
    object->file.host = (uint8_t)model->current->host;
    int fd = io_object_install(model, object, (flags & SFD_CLOEXEC) != 0 ? FD_CLOEXEC : 0);
    if (fd >= 0) {
        object->next = io_task(model)->signalfds;
        io_task(model)->signalfds = object;
    }
    return fd;
}

int model_sys_signalfd(struct model *model, int fd, const sigset_t *mask, int flags)
{
    model_call_enter(model, TRACE_CALL_SIGNALFD, fd);
    struct model_file *file = fd >= 0 ? model_fd_file(model, fd) : NULL;
    int64_t result = 0;
    if ((flags & ~(SFD_NONBLOCK | SFD_CLOEXEC)) != 0) {
        result = -EINVAL;
    } else if (mask == NULL) {
        result = -EFAULT;
    } else if (fd < 0) {
        result = signalfd_new(model, mask, flags);
    } else if (file == NULL) {
        result = -EBADF;
    } else if (file->ops != &signalfd_ops) {
        result = -EINVAL;
    } else {
        io_object(file)->signalfd.mask = mask_bits(mask);
        result = fd;
    }
    return (int)model_call_leave(model, TRACE_CALL_SIGNALFD, fd, 0, result, flags, 0);
}
