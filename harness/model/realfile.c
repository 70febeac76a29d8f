/* Files that the target opens: real ones, under a number of the model's table. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "model/io.h"

static int64_t real_read(struct model *model, struct model_file *file, enum trace_call call, int fd,
                         struct msghdr *message, int flags)
{
    (void)model, (void)call, (void)fd, (void)flags;
    ssize_t count = readv(io_object(file)->real.real, message->msg_iov, (int)message->msg_iovlen);
    return count < 0 ? -errno : count;
}

static int64_t real_write(struct model *model, struct model_file *file, enum trace_call call,
                          int fd, const struct msghdr *message, int flags)
{
    (void)model, (void)call, (void)fd, (void)flags;
    ssize_t count = writev(io_object(file)->real.real, message->msg_iov, (int)message->msg_iovlen);
    return count < 0 ? -errno : count;
}

static int real_ioctl(struct model *model, struct model_file *file, unsigned long request,
                      void *argument)
{
    (void)model;
    return ioctl(io_object(file)->real.real, request, argument) < 0 ? -errno : 0;
}

static void real_release(struct model *model, struct model_file *file)
{
    (void)close(io_object(file)->real.real);
    io_object_free(model, io_object(file));
}

const struct model_file_ops io_real_ops = {.kind = TRACE_FILE_FILE,
                                           .recv = real_read,
                                           .send = real_write,
                                           .ioctl = real_ioctl,
                                           .release = real_release};

int model_sys_adopt(struct model *model, int real, int flags)
{
    assert(real >= 0);
    model_call_enter(model, TRACE_CALL_OPEN, -1);
    int64_t result = model_fault_take(model, TRACE_CALL_OPEN, -1, 0, false, NULL);
    if (result == 0 && !model_fd_available(model)) {
        result = -EMFILE;
    }
    if (result == 0) {
        struct io_object *object =
            io_object_new(model, &io_real_ops, (uint32_t)flags & ~(uint32_t)O_CLOEXEC);
        result = -ENFILE;
        if (object != NULL) {
            object->real.real = real;
            result = model_fd_install(model, &object->file,
                                      (flags & O_CLOEXEC) != 0 ? FD_CLOEXEC : 0, 0);
        }
        assert(object == NULL || result >= 0);
    }
    return (int)model_call_leave(model, TRACE_CALL_OPEN, -1, 0, result, flags, 0);
}

int model_real(const struct model *model, int fd)
{
    if ((unsigned)fd >= MODEL_DESCRIPTORS_MAX || model->current->slots[fd].file == NULL) {
        return -EBADF;
    }
    struct model_file *file = model->current->slots[fd].file;
    return file->ops == &io_real_ops ? io_object(file)->real.real : -EINVAL;
}
