/* eventfd(2): a counter that is readable while it is not zero. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>

#include "model/io.h"

static bool readable(struct model *model, void *argument)
{
    const struct io_object *object = argument;
    (void)model;
    return object->eventfd.count > 0;
}

static uint32_t eventfd_poll(struct model *model, struct model_file *file)
{
    uint64_t count = io_object(file)->eventfd.count;
    (void)model;
    return (count > 0 ? POLLIN : 0U) | (count < UINT64_MAX - 1 ? POLLOUT : 0U);
}

static int64_t counter_read(struct model *model, struct model_file *file, enum trace_call call,
                            int fd, struct msghdr *message, int flags)
{
    struct io_object *object = io_object(file);
    (void)flags;
    if (model_message_size(message) < sizeof object->eventfd.count) {
        return -EINVAL;
    }
    if (object->eventfd.count == 0) {
        if ((file->status_flags & O_NONBLOCK) != 0) {
            return -EAGAIN;
        }
        int error = model_sleep(model, call, fd, 0, readable, object, -1, MODEL_SLEEP_RESTARTS);
        if (error != 0) {
            return error;
        }
    }
    uint64_t value = object->eventfd.semaphore ? 1 : object->eventfd.count;
    object->eventfd.count -= value;
    model_file_notify(model, file, POLLOUT);
    return (int64_t)io_scatter(message, 0, &value, sizeof value);
}

struct write_wait {
    const struct io_object *object;
    uint64_t value;
};

static bool writable(struct model *model, void *argument)
{
    const struct write_wait *wait = argument;
    (void)model;
    return wait->value < UINT64_MAX - wait->object->eventfd.count;
}

static int64_t counter_write(struct model *model, struct model_file *file, enum trace_call call,
                             int fd, const struct msghdr *message, int flags)
{
    struct write_wait wait = {.object = io_object(file)};
    (void)flags;
    if (io_gather(message, 0, &wait.value, sizeof wait.value) < sizeof wait.value ||
        wait.value == UINT64_MAX) {
        return -EINVAL;
    }
    if (!writable(model, &wait)) {
        if ((file->status_flags & O_NONBLOCK) != 0) {
            return -EAGAIN;
        }
        int error = model_sleep(model, call, fd, 0, writable, &wait, -1, MODEL_SLEEP_RESTARTS);
        if (error != 0) {
            return error;
        }
    }
    io_object(file)->eventfd.count += wait.value;
    model_file_notify(model, file, POLLIN);
    return sizeof wait.value;
}

static void eventfd_release(struct model *model, struct model_file *file)
{
    io_object_free(model, io_object(file));
}

static const struct model_file_ops eventfd_ops = {.kind = TRACE_FILE_EVENTFD,
                                                  .poll = eventfd_poll,
                                                  .recv = counter_read,
                                                  .send = counter_write,
                                                  .release = eventfd_release};

int model_sys_eventfd(struct model *model, unsigned value, int flags)
{
    model_call_enter(model, TRACE_CALL_EVENTFD, -1);
    int64_t result = (flags & ~(EFD_NONBLOCK | EFD_CLOEXEC | EFD_SEMAPHORE)) != 0
                         ? -EINVAL
                         : model_fault_take(model, TRACE_CALL_EVENTFD, -1, 0, false, NULL);
    if (result == 0) {
        struct io_object *object =
            io_object_new(model, &eventfd_ops, O_RDWR | ((uint32_t)flags & O_NONBLOCK));
        if (object != NULL) {
            object->eventfd.count = value;
            object->eventfd.semaphore = (flags & EFD_SEMAPHORE) != 0;
        }
        result = object != NULL
                     ? io_object_install(model, object, (flags & EFD_CLOEXEC) != 0 ? FD_CLOEXEC : 0)
                     : -ENFILE;
    }
    return (int)model_call_leave(model, TRACE_CALL_EVENTFD, -1, 0, result, value, flags);
}
