/* The frame around every redirected call: steps before it, spinning, its CALL event, the end of
 * programs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>

#include "model/io.h"

#define CALL_FAMILY(name, text, family) [TRACE_CALL_##name] = SCENARIO_CALL_##family,
const uint8_t io_call_families[TRACE_CALL_COUNT] = {TRACE_CALL_TABLE(CALL_FAMILY)};
#undef CALL_FAMILY

void io_leave(struct model *model, enum trace_exit how, int status)
{
    model->runner->leave(model->runner->context, (struct model_exit){.how = how, .status = status});
    __builtin_unreachable();
}

/* The call that says most about a spin: the last one that was not a wait; of a pure loop of waits,
 * the wait and what it reported. */
static void spin_describe(const struct trace *trace, uint32_t instant_at,
                          struct trace_event *ret_spin)
{
    enum { LOOK_BACK = 256 };
    uint32_t lowest = trace->count > LOOK_BACK ? trace->count - LOOK_BACK : 0;
    lowest = lowest > instant_at ? lowest : instant_at;
    for (uint32_t i = trace->count; i-- > lowest;) {
        const struct trace_event *event = &trace->events[i];
        bool ready = event->kind == TRACE_READY;
        if (ready && ret_spin->conn == 0) {
            ret_spin->fd = event->fd;
            ret_spin->conn = event->conn;
        }
        if (event->kind == TRACE_CALL && io_call_families[event->what] != SCENARIO_CALL_WAIT &&
            io_call_families[event->what] != SCENARIO_CALL_NONE) {
            ret_spin->what = event->what;
            ret_spin->fd = event->fd;
            ret_spin->conn = event->conn;
            return;
        }
    }
}

static void __attribute__((noinline)) spin_check(struct model *model, enum trace_call call, int fd)
{
    /* A program may look at everything that it holds without finding anything to do. */
    uint64_t looks = (uint64_t)model->current->open_count * IO_SPIN_LOOKS;
    if (model->calls_at_instant <= model->io->calls_max + looks) {
        return;
    }
    struct trace_event spin = {.what = (uint8_t)call, .fd = fd};
    spin_describe(model->trace, model->io->instant_at, &spin);
    struct trace_event *event = trace_add(model->trace, TRACE_SPIN, model->current->host);
    event->what = spin.what;
    event->fd = spin.fd;
    event->conn = spin.conn;
    event->a = (int64_t)model->calls_at_instant;
    io_leave(model, TRACE_EXIT_JUMPED, 0);
}

/* After the stop signal: a program that goes on calling gets errors, then it is left. */
static void stopping_enter(struct model *model, enum trace_call call)
{
    struct io_task *task = io_task(model);
    if (task->stop == IO_STOP_NONE || call == TRACE_CALL_CLOSE) {
        return;
    }
    task->stop_calls++;
    if (task->stop == IO_STOP_ASKED && task->stop_calls > IO_STOP_CALLS) {
        io_stop_fail(model, task);
    }
    if (task->stop == IO_STOP_ERRORS) {
        model->io->call.faulted = true;
        if (task->stop_calls > IO_ERROR_CALLS) {
            io_leave(model, TRACE_EXIT_JUMPED, 0);
        }
    }
}

static void __attribute__((noinline)) attend(struct model *model, enum trace_call call)
{
    uint32_t attention = model->io->attention;
    if ((attention & IO_ATTENTION_STOPPING) != 0) {
        stopping_enter(model, call);
    }
    if ((attention & IO_ATTENTION_SIGNAL) != 0) {
        struct io_call saved = model->io->call;
        (void)io_signal_deliver(model, true);
        model->io->call = saved;
    }
}

static void __attribute__((noinline)) family_armed(struct model *model, enum scenario_call family)
{
    if ((model->hooks->armed >> family & 1U) != 0 && model->current->host == TRACE_HOST_TARGET) {
        model->hooks->on_call(model->hooks->context, family);
    }
    if ((model->faults_armed >> family & 1U) != 0) {
        io_fault_came(model, family);
    }
}

COLD_CALL void io_call_attend(struct model *model, enum trace_call call, int fd)
{
    struct model_io *io = model->io;
    if (model->calls_at_instant > io->calls_max) {
        spin_check(model, call, fd);
    }
    enum scenario_call family = io_call_families[call];
    if (((model->hooks->armed | model->faults_armed) >> family & 1U) != 0) {
        family_armed(model, family);
    }
    if ((io->attention & ~(uint32_t)IO_ATTENTION_TASKS) != 0) {
        attend(model, call);
    }
}

void model_call_enter(struct model *model, enum trace_call call, int fd)
{
    io_call_enter(model, call, fd);
}

/* What a program can repeat for ever without the world moving (waits, EAGAIN, end of file, options,
 * clocks, output) is no progress. A connect() that begins moves its socket's state: that counts. */
const uint8_t io_call_progress[TRACE_CALL_COUNT] = {
    [TRACE_CALL_ACCEPT] = IO_PROGRESS_DONE,      [TRACE_CALL_ACCEPT4] = IO_PROGRESS_DONE,
    [TRACE_CALL_CONNECT] = IO_PROGRESS_DONE,     [TRACE_CALL_CLOSE] = IO_PROGRESS_DONE,
    [TRACE_CALL_RECV] = IO_PROGRESS_RECEIVED,    [TRACE_CALL_RECVFROM] = IO_PROGRESS_RECEIVED,
    [TRACE_CALL_RECVMSG] = IO_PROGRESS_RECEIVED, [TRACE_CALL_READ] = IO_PROGRESS_RECEIVED,
    [TRACE_CALL_READV] = IO_PROGRESS_RECEIVED,   [TRACE_CALL_SEND] = IO_PROGRESS_SENT,
    [TRACE_CALL_SENDTO] = IO_PROGRESS_SENT,      [TRACE_CALL_SENDMSG] = IO_PROGRESS_SENT,
    [TRACE_CALL_WRITE] = IO_PROGRESS_SENT,       [TRACE_CALL_WRITEV] = IO_PROGRESS_SENT,
    [TRACE_CALL_SENDFILE] = IO_PROGRESS_SENT,
};

COLD_CALL void io_call_settle(struct model *model)
{
    if (trace_full(model->trace)) {
        io_leave(model, TRACE_EXIT_JUMPED, 0);
    }
    if ((model->io->attention & IO_ATTENTION_SIGNAL) != 0) {
        (void)io_signal_deliver(model, true);
    }
}

int64_t model_call_leave(struct model *model, enum trace_call call, int fd, uint32_t conn,
                         int64_t result, int64_t a, int64_t b)
{
    return io_call_leave(model, call, fd, conn, result, a, b);
}

void model_call_hold(struct model *model, struct model_file *file)
{
    file->refs++;
    model->io->call.held = file;
}

int model_call_flags(const struct model *model)
{
    return model->io->call.flags;
}

void model_sys_unsupported(struct model *model, enum trace_call call, int64_t a, int64_t b,
                           bool fatal)
{
    struct trace_event *event = trace_add(model->trace, TRACE_UNSUPPORTED, model->current->host);
    event->what = (uint8_t)call;
    event->a = a;
    event->b = b;
    event->result = fatal;
    if (fatal) {
        io_leave(model, TRACE_EXIT_UNSUPPORTED, 0);
    }
}
