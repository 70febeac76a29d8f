/* timerfd_create(2): a timer that is readable once it expired. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#include "model/io.h"

enum { NSEC_PER_US = 1000, US_PER_S = 1000000 };

static bool expired(struct model *model, void *argument)
{
    const struct io_object *object = argument;
    (void)model;
    return object->timerfd.expirations > 0;
}

static uint32_t timerfd_poll(struct model *model, struct model_file *file)
{
    return expired(model, io_object(file)) ? POLLIN : 0;
}

static int64_t timerfd_read(struct model *model, struct model_file *file, enum trace_call call,
                            int fd, struct msghdr *message, int flags)
{
    struct io_object *object = io_object(file);
    (void)flags;
    if (model_message_size(message) < sizeof object->timerfd.expirations) {
        return -EINVAL;
    }
    if (!expired(model, object)) {
        if ((file->status_flags & O_NONBLOCK) != 0) {
            return -EAGAIN;
        }
        int error = model_sleep(model, call, fd, 0, expired, object, -1, MODEL_SLEEP_RESTARTS);
        if (error != 0) {
            return error;
        }
    }
    uint64_t value = object->timerfd.expirations;
    object->timerfd.expirations = 0;
    return (int64_t)io_scatter(message, 0, &value, sizeof value);
}

static void timerfd_release(struct model *model, struct model_file *file)
{
    model_timer_cancel(model, &io_object(file)->timerfd.timer);
    io_object_free(model, io_object(file));
}

static const struct model_file_ops timerfd_ops = {.kind = TRACE_FILE_TIMERFD,
                                                  .poll = timerfd_poll,
                                                  .recv = timerfd_read,
                                                  .release = timerfd_release};

static void timerfd_fire(struct model *model, struct model_timer *timer)
{
    struct io_object *object =
        (struct io_object *)(void *)((char *)timer - offsetof(struct io_object, timerfd.timer));
    object->timerfd.expirations++;
    if (object->timerfd.interval_us > 0) {
        model_timer_set(model, timer, timer->at_us + object->timerfd.interval_us);
    }
    model_file_notify(model, &object->file, POLLIN);
}

int model_sys_timerfd_create(struct model *model, int clock, int flags)
{
    model_call_enter(model, TRACE_CALL_TIMERFD_CREATE, -1);
    bool known = clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME || clock == CLOCK_BOOTTIME;
    int64_t result = !known || (flags & ~(TFD_NONBLOCK | TFD_CLOEXEC)) != 0
                         ? -EINVAL
                         : model_fault_take(model, TRACE_CALL_TIMERFD_CREATE, -1, 0, false, NULL);
    if (result == 0) {
        struct io_object *object =
            io_object_new(model, &timerfd_ops, O_RDWR | ((uint32_t)flags & O_NONBLOCK));
        if (object != NULL) {
            object->timerfd.timer = (struct model_timer){.fire = timerfd_fire};
            object->timerfd.interval_us = 0;
            object->timerfd.expirations = 0;
            object->timerfd.realtime = clock == CLOCK_REALTIME;
        }
        result = object != NULL
                     ? io_object_install(model, object, (flags & TFD_CLOEXEC) != 0 ? FD_CLOEXEC : 0)
                     : -ENFILE;
    }
    return (int)model_call_leave(model, TRACE_CALL_TIMERFD_CREATE, -1, 0, result, clock, flags);
}

/* Rounded up: a timer never expires early. */
static int64_t to_us(const struct timespec *time)
{
    if (time->tv_sec >= IO_TIME_MAX_US / US_PER_S) {
        return IO_TIME_MAX_US;
    }
    return (int64_t)time->tv_sec * US_PER_S + (time->tv_nsec + NSEC_PER_US - 1) / NSEC_PER_US;
}

static struct timespec from_us(int64_t us)
{
    return (struct timespec){.tv_sec = us / US_PER_S, .tv_nsec = us % US_PER_S * NSEC_PER_US};
}

static void settime(struct model *model, struct io_object *object, int flags,
                    const struct itimerspec *value)
{
    int64_t at_us = to_us(&value->it_value);
    model_timer_cancel(model, &object->timerfd.timer);
    object->timerfd.expirations = 0;
    object->timerfd.interval_us = to_us(&value->it_interval);
    if (at_us == 0) {
        return;
    }
    if ((flags & TFD_TIMER_ABSTIME) != 0) {
        at_us -= object->timerfd.realtime ? model->realtime_offset_us : IO_MONOTONIC_US;
        at_us = at_us > model->now_us ? at_us : model->now_us;
    } else {
        at_us += model->now_us;
    }
    model_timer_set(model, &object->timerfd.timer, at_us);
    if (at_us == model->now_us) {
        model_timer_run(model, at_us);
    }
}

int model_sys_timerfd_settime(struct model *model, int fd, int flags,
                              const struct itimerspec *value, struct itimerspec *old)
{
    model_call_enter(model, TRACE_CALL_TIMERFD_SETTIME, fd);
    struct model_file *file = model_fd_file(model, fd);
    int64_t result = 0;
    if (file == NULL) {
        result = -EBADF;
    } else if (file->ops != &timerfd_ops || value->it_value.tv_nsec < 0 ||
               value->it_value.tv_nsec > 999999999 || value->it_value.tv_sec < 0) {
        result = -EINVAL;
    } else {
        struct io_object *object = io_object(file);
        if (old != NULL) {
            bool set = object->timerfd.timer.index != 0;
            old->it_interval = from_us(object->timerfd.interval_us);
            old->it_value = from_us(set ? object->timerfd.timer.at_us - model->now_us : 0);
        }
        settime(model, object, flags, value);
    }
    return (int)model_call_leave(model, TRACE_CALL_TIMERFD_SETTIME, fd, 0, result, flags,
                                 to_us(&value->it_value));
}
