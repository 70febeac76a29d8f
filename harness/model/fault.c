/* Faults: armed by the scenario, struck where the table's precondition holds, counted down, traced.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>

#include "model/io.h"

static struct model *of(struct world *world)
{
    return (struct model *)(void *)world;
}

static uint32_t family_bit(enum scenario_call family)
{
    return 1U << family;
}

static void armed_refresh(struct model *model)
{
    struct model_io *io = model->io;
    model->faults_armed = 0;
    for (uint32_t i = 0; i < io->fault_count; i++) {
        if (io->faults[i].spec.times > 0) {
            model->faults_armed |= family_bit(io->faults[i].spec.family);
        }
    }
}

/* Drops the faults that are used up, so that a long scenario can arm more than fit at once. */
static void compact(struct model_io *io)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < io->fault_count; i++) {
        if (io->faults[i].spec.times > 0) {
            io->faults[kept++] = io->faults[i];
        }
    }
    io->fault_count = kept;
}

int model_world_fault_arm(struct world *world, const struct world_fault *fault)
{
    struct model *model = of(world);
    struct model_io *io = model->io;
    int error = fault->interrupt ? EINTR : fault->error;
    const struct fault_row *row = world_fault_row(fault->family, error);
    if (row == NULL || fault->times == 0) {
        return -EINVAL;
    }
    if (io->fault_count == IO_FAULTS_MAX) {
        compact(io);
    }
    if (io->fault_count == IO_FAULTS_MAX) {
        return -ENOSPC;
    }
    struct io_fault *slot = &io->faults[io->fault_count++];
    *slot = (struct io_fault){.spec = *fault, .row = row};
    slot->spec.error = error;
    model->faults_armed |= family_bit(fault->family);
    return 0;
}

void model_world_fault_clear(struct world *world,
                             void (*unused)(void *context, uint16_t step, enum trace_noop reason),
                             void *context)
{
    struct model *model = of(world);
    struct model_io *io = model->io;
    for (uint32_t i = 0; i < io->fault_count; i++) {
        const struct io_fault *fault = &io->faults[i];
        if (!fault->struck && unused != NULL) {
            unused(context, fault->spec.step,
                   fault->came ? TRACE_NOOP_NOT_ALLOWED : TRACE_NOOP_CALL_NEVER_CAME);
        }
    }
    io_fault_reset(model);
}

void io_fault_reset(struct model *model)
{
    model->io->fault_count = 0;
    model->io->call.shortened = NULL;
    model->faults_armed = 0;
}

void io_fault_came(struct model *model, enum scenario_call family)
{
    struct model_io *io = model->io;
    if (model->current->host != TRACE_HOST_TARGET) {
        return;
    }
    for (uint32_t i = 0; i < io->fault_count; i++) {
        io->faults[i].came |= io->faults[i].spec.family == family;
    }
}

void io_fault_struck(struct model *model, struct io_fault *fault, enum trace_call call, int fd,
                     uint32_t conn)
{
    assert(fault->spec.times > 0);
    struct trace_event *event = trace_add(model->trace, TRACE_FAULT, model->current->host);
    event->what = (uint8_t)call;
    event->fd = fd;
    event->conn = conn;
    event->err = fault->row->error;
    event->a = fault->row->error == 0 ? fault->spec.limit : 0;
    event->b = fault->row->posix_only;
    fault->struck = true;
    model->io->call.faulted = true;
    if (--fault->spec.times == 0) {
        armed_refresh(model);
    }
}

static bool applies(const struct io_fault *fault, enum trace_call call)
{
    return fault->spec.times > 0 &&
           fault->spec.family == (enum scenario_call)io_call_families[call] &&
           (fault->row->calls == 0 || (fault->row->calls >> call & 1U) != 0);
}

static bool nonblocking(const struct model *model, const struct model_file *file)
{
    return (file->status_flags & O_NONBLOCK) != 0 || (model->io->call.flags & MSG_DONTWAIT) != 0;
}

/* Whether the precondition holds now. */
static bool holds(struct model *model, const struct io_fault *fault, struct model_file *file,
                  bool may_be_short)
{
    uint32_t ready;
    switch (fault->row->when) {
    case FAULT_ALWAYS:
        return true;
    case FAULT_SLEEPS:
        return false;
    case FAULT_HANDLED:
        return io_signal_choose(model, false) != 0;
    case FAULT_SHORT:
        return may_be_short;
    case FAULT_BLOCKING:
        return file != NULL && (file->status_flags & O_NONBLOCK) == 0;
    case FAULT_READABLE:
        return file != NULL && (io_file_poll(model, file) & POLLIN) != 0;
    case FAULT_READABLE_OPEN:
        ready = file != NULL ? io_file_poll(model, file) & (POLLIN | POLLRDHUP) : 0;
        return ready == POLLIN || (ready != 0 && !nonblocking(model, file));
    case FAULT_READABLE_NONBLOCK:
        return file != NULL && nonblocking(model, file) &&
               (io_file_poll(model, file) & POLLIN) != 0;
    case FAULT_WRITABLE_NONBLOCK:
        return file != NULL && nonblocking(model, file) &&
               (io_file_poll(model, file) & POLLOUT) != 0;
    default:
        return false;
    }
}

/* Only transfers that a socket or pipe makes fail or fall short; files and the console are not
 * TCP's matter. */
static bool concerns(const struct model_file *file, enum scenario_call family)
{
    if (family != SCENARIO_CALL_RECV && family != SCENARIO_CALL_SEND) {
        return true;
    }
    return file != NULL &&
           (file->ops->kind == TRACE_FILE_SOCKET || file->ops->kind == TRACE_FILE_LISTENER);
}

/* An edge-triggered watch hears of what is still there, as the kernel that had answered so would
 * tell it. epoll(7), questions and answers: a transfer of less than was asked means that the
 * descriptor was drained. */
static void tell_again(struct model *model, struct model_file *file)
{
    if (file != NULL) {
        model_file_notify(model, file, io_file_poll(model, file));
    }
}

/* The fault answers the call with its error. */
static int answer(struct model *model, struct io_fault *fault, enum trace_call call, int fd,
                  uint32_t conn)
{
    int error = fault->row->error;
    io_fault_struck(model, fault, call, fd, conn);
    if (error == EINTR) {
        io_signal_run(model, io_signal_choose(model, false), false);
    }
    if (error == EAGAIN) {
        tell_again(model, model_fd_file(model, fd));
    }
    return -error;
}

static int __attribute__((noinline)) take(struct model *model, enum trace_call call, int fd,
                                          uint32_t conn, bool may_be_short, size_t *ret_limit)
{
    struct model_io *io = model->io;
    struct model_file *file = model_fd_file(model, fd);
    if (model->current->host != TRACE_HOST_TARGET || !concerns(file, io_call_families[call])) {
        return 0;
    }
    for (uint32_t i = 0; i < io->fault_count; i++) {
        struct io_fault *fault = &io->faults[i];
        if (!applies(fault, call) || !holds(model, fault, file, may_be_short)) {
            continue;
        }
        if (fault->row->error != 0) {
            return answer(model, fault, call, fd, conn);
        }
        bool waits_for_all =
            (io->call.flags & MSG_WAITALL) != 0 && io_call_families[call] == SCENARIO_CALL_RECV;
        if (ret_limit != NULL && *ret_limit > fault->spec.limit && !waits_for_all) {
            *ret_limit = fault->spec.limit;
            io->call.shortened = fault;
            return 0;
        }
    }
    return 0;
}

int model_fault_take_armed(struct model *model, enum trace_call call, int fd, uint32_t conn,
                           bool may_be_short, size_t *ret_limit)
{
    if ((model->faults_armed & family_bit(io_call_families[call])) == 0) {
        return 0;
    }
    return take(model, call, fd, conn, may_be_short, ret_limit);
}

COLD_CALL void io_fault_confirm(struct model *model, enum trace_call call, int fd, uint32_t conn,
                                int64_t result, int64_t asked)
{
    struct io_fault *fault = model->io->call.shortened;
    model->io->call.shortened = NULL;
    if (result != (int64_t)fault->spec.limit || result >= asked || fault->spec.times == 0) {
        return;
    }
    struct model_file *file = model_fd_file(model, fd);
    bool receives = io_call_families[call] == SCENARIO_CALL_RECV;
    /* A receive that emptied the queue was as long as it could be. */
    if (receives && file != NULL && (io_file_poll(model, file) & POLLIN) == 0) {
        return;
    }
    io_fault_struck(model, fault, call, fd, conn);
    tell_again(model, file);
}

struct io_fault *io_fault_interrupt(struct model *model, enum trace_call call)
{
    struct model_io *io = model->io;
    if ((model->faults_armed & family_bit(io_call_families[call])) == 0 ||
        model->current->host != TRACE_HOST_TARGET) {
        return NULL;
    }
    for (uint32_t i = 0; i < io->fault_count; i++) {
        if (applies(&io->faults[i], call) && io->faults[i].row->when == FAULT_SLEEPS) {
            return &io->faults[i];
        }
    }
    return NULL;
}
