/* The frame around every call: its entry, where steps are played and faults put in; its exit, where
 * its events are written; calls that a signal breaks off. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/tracer_internal.h"

/* Calls whose success is progress, so that they end a spin: what a program can repeat for ever
 * without the world moving (waits, EAGAIN, end of file, options, output) is not among them. */
static bool is_progress(const struct tracer_call *call, int64_t result)
{
    enum scenario_call family = trace_call_family(call->what);
    bool receives = family == SCENARIO_CALL_RECV;
    bool sends = family == SCENARIO_CALL_SEND;
    if (result < 0) {
        return call->what == TRACE_CALL_CONNECT && result == -EINPROGRESS;
    }
    if (receives) {
        return result > 0;
    }
    if (sends || family == SCENARIO_CALL_CLOSE) {
        return (result > 0 || !sends) && call->file != NULL && call->file->watched;
    }
    return family == SCENARIO_CALL_ACCEPT || call->what == TRACE_CALL_CONNECT;
}

void tracer_call_drop(struct linux_tracer *tracer, struct tracer_call *call)
{
    (void)tracer;
    if (call->file != NULL) {
        tracer_file_drop(call->file);
    }
    free(call->sets);
    *call = (struct tracer_call){.fd = -1, .saved_argument = -1};
}

/* Time went by in it: what does so does not spin. */
static bool is_rest(const struct tracer_call *call, int64_t result)
{
    enum scenario_call family = trace_call_family(call->what);
    return result == 0 && call->timeout_us > 0 &&
           (family == SCENARIO_CALL_SLEEP || family == SCENARIO_CALL_WAIT);
}

/* ---- Entry ---- */

/* The same call again after it was broken off without a handler: nothing is new. */
static bool goes_on(struct tracer_call *call, int nr, const uint64_t args[TRACER_ARGUMENTS])
{
    if (!call->broken_off || call->row == NULL) {
        return false;
    }
    if (nr != SYS_restart_syscall &&
        (nr != call->row->nr || memcmp(args, call->args, sizeof call->args) != 0)) {
        return false;
    }
    call->broken_off = false;
    return true;
}

static void faults_look(struct linux_tracer *tracer, struct tracer_thread *thread)
{
    const struct tracer_call *call = &thread->call;
    bool concerns = call->traced || call->what == TRACE_CALL_OPEN;
    if (concerns && call->fault == NULL &&
        (tracer->faults_armed >> trace_call_family(call->what) & 1U) != 0) {
        tracer_fault_enter(tracer, thread);
    }
}

void tracer_call_enter(struct linux_tracer *tracer, struct tracer_thread *thread, int nr,
                       const uint64_t args[TRACER_ARGUMENTS])
{
    struct tracer_call *call = &thread->call;
    const struct tracer_row *row = tracer_row_find(nr);
    if (goes_on(call, nr, args)) {
        faults_look(tracer, thread);
        return;
    }
    if (call->broken_off) {
        tracer_call_settle(tracer, thread, false, false);
    }
    tracer_call_drop(tracer, call);
    if (row == NULL || row->enter == NULL) {
        return;
    }
    call->row = row;
    call->what = row->what;
    memcpy(call->args, args, sizeof call->args);
    row->enter(tracer, thread, call);
    if (call->file != NULL) {
        call->file->refs++;
        call->conn = call->what == TRACE_CALL_ACCEPT || call->what == TRACE_CALL_ACCEPT4
                         ? 0
                         : call->file->conn;
        call->nonblock = call->file->nonblock;
    }
    call->nonblock |= (call->flags & MSG_DONTWAIT) != 0;
    enum scenario_call family = trace_call_family(call->what);
    bool concerns = call->traced || call->what == TRACE_CALL_OPEN;
    /* The loader of the program needs descriptors too: a limit that was asked for before the start
     * comes with the first call that could matter. */
    if (tracer->files_wanted_now >= 0 && family == SCENARIO_CALL_SOCKET) {
        linux_tracer_descriptors_free(tracer, tracer->files_wanted_now);
    }
    if (concerns && (tracer->armed >> family & 1U) != 0 && tracer->hooks.on_enter != NULL) {
        tracer->hooks.on_enter(tracer->hooks.context, family);
    }
    faults_look(tracer, thread);
}

/* ---- Exit ---- */

static void trace_call(struct linux_tracer *tracer, struct tracer_thread *thread,
                       const struct tracer_call *call, int64_t result)
{
    /* A new socket's event names it by the number that it got. */
    bool fresh = call->what == TRACE_CALL_SOCKET && result >= 0;
    struct trace_event *event = tracer_event(tracer, TRACE_CALL);
    event->what = (uint8_t)call->what;
    event->fd = fresh           ? (int32_t)result
                : call->fd < -1 ? -1
                                : tracer_number(thread->process, call->fd);
    event->conn = call->conn;
    event->result = result >= 0 ? result : -1;
    event->err = result >= 0 ? 0 : (int32_t)-result;
    event->a = call->a;
    event->b = call->b;
    event->flags =
        (uint8_t)((call->nonblock ? TRACE_NONBLOCK : 0) | (call->faulted ? TRACE_FAULTED : 0));
}

/* A call on a number that is not open. */
static bool finds_nothing(const struct tracer_call *call, int64_t result)
{
    return call->fd >= 0 && call->file == NULL && result == -EBADF;
}

/* One of the calls of a program that goes through every number there may be, open or not: to close
 * it, or before an exec. */
static bool sweeps(const struct linux_tracer *tracer, const struct tracer_thread *thread,
                   int64_t result)
{
    return finds_nothing(&thread->call, result) && tracer->last_call == thread->call.what &&
           tracer->last_fd + 1 == tracer_number(thread->process, thread->call.fd);
}

/* The call is over, with the kernel's result or a fault's. */
static void finish(struct linux_tracer *tracer, struct tracer_thread *thread, int64_t result)
{
    struct tracer_call *call = &thread->call;
    assert(call->row != NULL);
    enum scenario_call family = trace_call_family(call->what);
    if (call->traced && family != SCENARIO_CALL_NONE && tracer->hooks.before_events != NULL) {
        tracer->hooks.before_events(tracer->hooks.context, family, call->conn);
    }
    int64_t answer = tracer_fault_leave(tracer, thread, result);
    int64_t shown = answer;
    if (call->row->leave != NULL) {
        /* A fault that lets the call be done (close) changes its answer only. */
        int64_t done = call->skipped ? answer : result;
        call->row->leave(tracer, thread, call, &done);
        shown = answer == result ? done : answer;
    }
    tracer->wakeups += call->blocked;
    if (is_progress(call, result)) {
        tracer_progress_made(tracer);
    } else if (!is_rest(call, result)) {
        if (!sweeps(tracer, thread, result)) {
            tracer_spin_count(tracer, call, result);
        }
        tracer->last_call = call->what;
        tracer->last_fd = tracer_number(thread->process, call->fd);
    }
    /* A high number stands for another process's: it is told of only where it was open. */
    if (call->traced && !(finds_nothing(call, result) && call->fd >= LINUX_PROCESS_STRIDE)) {
        trace_call(tracer, thread, call, shown);
        if (call->row->report != NULL) {
            call->row->report(tracer, thread, call, shown);
        }
    }
    tracer_call_drop(tracer, call);
}

/* Not a result: the kernel will begin the call again, or tell the program EINTR. */
static bool is_restart(int64_t result)
{
    return result == -TRACER_ERESTARTSYS || result == -TRACER_ERESTARTNOINTR ||
           result == -TRACER_ERESTARTNOHAND || result == -TRACER_ERESTART_RESTARTBLOCK;
}

void tracer_call_leave(struct linux_tracer *tracer, struct tracer_thread *thread, int64_t result)
{
    struct tracer_call *call = &thread->call;
    if (call->row == NULL) {
        return;
    }
    /* The signal's own stop comes next and says which signal it was; its event comes first. */
    if (!call->skipped && (is_restart(result) || result == -EINTR)) {
        call->broken_off = true;
        call->broken_result = call->waits ? -TRACER_ERESTARTSYS : result;
        tracer_fault_broken_off(tracer, thread);
        return;
    }
    finish(tracer, thread, result);
}

void tracer_call_settle(struct linux_tracer *tracer, struct tracer_thread *thread, bool handled,
                        bool restarts)
{
    struct tracer_call *call = &thread->call;
    if (!call->broken_off) {
        return;
    }
    int64_t result = call->broken_result;
    bool told = result == -EINTR;
    if (handled) {
        told |= result == -TRACER_ERESTARTNOHAND || result == -TRACER_ERESTART_RESTARTBLOCK ||
                (result == -TRACER_ERESTARTSYS && !restarts);
    }
    if (told) {
        call->broken_off = false;
        finish(tracer, thread, -EINTR);
    } else if (handled) {
        /* It begins again after the handler, as a new call. */
        (void)tracer_fault_leave(tracer, thread, result);
        tracer_call_drop(tracer, call);
    }
}

/* ---- Asleep ---- */

int64_t tracer_call_timeout_us(const struct tracer_thread *thread, const struct tracer_call *call)
{
    struct timeval limit = {0};
    socklen_t size = sizeof limit;
    bool sends = trace_call_family(call->what) == SCENARIO_CALL_SEND;
    int borrowed =
        call->file != NULL && call->file->tcp ? tracer_files_borrow(thread->process, call->fd) : -1;
    if (borrowed < 0) {
        return -1;
    }
    (void)getsockopt(borrowed, SOL_SOCKET, sends ? SO_SNDTIMEO : SO_RCVTIMEO, &limit, &size);
    (void)close(borrowed);
    int64_t us = limit.tv_sec * INT64_C(1000000) + limit.tv_usec;
    return us > 0 ? us : -1;
}

void tracer_call_block(struct linux_tracer *tracer, struct tracer_thread *thread)
{
    struct tracer_call *call = &thread->call;
    if (call->row == NULL || call->broken_off || call->blocked) {
        return;
    }
    call->blocked = true;
    if (!call->traced) {
        return;
    }
    if (call->timeout_us == INT64_MIN) {
        call->timeout_us = tracer_call_timeout_us(thread, call);
    }
    if (call->what == TRACE_CALL_CONNECT) {
        call->timeout_us = -1;
        if (call->file != NULL) {
            tracer_files_connect(tracer, thread->process, call->fd, call->file);
            call->conn = call->file->conn;
        }
    }
    struct trace_event *event = tracer_event(tracer, TRACE_BLOCK);
    event->what = (uint8_t)call->what;
    event->fd = call->fd < 0 ? -1 : tracer_number(thread->process, call->fd);
    event->conn = call->conn;
    event->a = call->timeout_us;
    event->b = (int64_t)HASH_COUNT(tracer->threads) - 1;
}
