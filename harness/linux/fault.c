/* Faults: armed by the scenario, struck where the table's precondition holds, counted down, traced.
 * An error is put in by leaving the call out; a transfer is cut short by asking for less; a sleep
 * is interrupted by a signal that the program handles. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "linux/tracer_internal.h"

enum { NOTSENT_LOWAT = 25 }; /* TCP_NOTSENT_LOWAT: <netinet/tcp.h> names TCP states as well */

/* ---- Arming ---- */

static void armed_refresh(struct linux_tracer *tracer)
{
    tracer->faults_armed = 0;
    for (uint32_t i = 0; i < tracer->fault_count; i++) {
        if (tracer->faults[i].spec.times > 0) {
            tracer->faults_armed |= 1U << tracer->faults[i].spec.family;
        }
    }
}

/* A place for one more: a used one that struck has nothing left to tell. */
static struct tracer_fault *slot_find(struct linux_tracer *tracer)
{
    if (tracer->fault_count < TRACER_FAULTS_MAX) {
        return &tracer->faults[tracer->fault_count++];
    }
    for (uint32_t i = 0; i < TRACER_FAULTS_MAX; i++) {
        if (tracer->faults[i].spec.times == 0 && tracer->faults[i].struck) {
            return &tracer->faults[i];
        }
    }
    return NULL;
}

int linux_tracer_fault_arm(struct linux_tracer *tracer, const struct world_fault *fault)
{
    int error = fault->interrupt ? EINTR : fault->error;
    const struct fault_row *row = world_fault_row(fault->family, error);
    if (row == NULL || fault->times == 0 || tracer->refused) {
        return -EINVAL;
    }
    struct tracer_fault *slot = slot_find(tracer);
    if (slot == NULL) {
        return -ENOSPC;
    }
    *slot = (struct tracer_fault){.spec = *fault, .row = row};
    slot->spec.error = error;
    armed_refresh(tracer);
    return 0;
}

void linux_tracer_fault_clear(struct linux_tracer *tracer,
                              void (*unused)(void *context, uint16_t step, enum trace_noop reason),
                              void *context)
{
    for (uint32_t i = 0; i < tracer->fault_count; i++) {
        const struct tracer_fault *fault = &tracer->faults[i];
        if (!fault->struck && unused != NULL) {
            unused(context, fault->spec.step,
                   fault->came ? TRACE_NOOP_NOT_ALLOWED : TRACE_NOOP_CALL_NEVER_CAME);
        }
    }
    for (struct tracer_thread *thread = tracer->threads; thread != NULL; thread = thread->hh.next) {
        thread->call.fault = NULL;
    }
    tracer->fault_count = 0;
    tracer->faults_armed = 0;
}

/* ---- Striking ---- */

static void strike(struct linux_tracer *tracer, const struct tracer_thread *thread,
                   struct tracer_fault *fault)
{
    const struct tracer_call *call = &thread->call;
    struct trace_event *event = tracer_event(tracer, TRACE_FAULT);
    event->what = (uint8_t)call->what;
    event->fd = call->fd < 0 ? -1 : tracer_number(thread->process, call->fd);
    event->conn = call->conn;
    event->err = fault->row->error;
    event->a = fault->row->error == 0 ? fault->spec.limit : 0;
    event->b = fault->row->posix_only;
    fault->struck = true;
}

static void take_one(struct linux_tracer *tracer, struct tracer_fault *fault)
{
    assert(fault->spec.times > 0);
    fault->spec.times--;
    armed_refresh(tracer);
}

static void give_back(struct linux_tracer *tracer, struct tracer_fault *fault)
{
    fault->spec.times++;
    armed_refresh(tracer);
}

static bool applies(const struct tracer_fault *fault, const struct tracer_call *call)
{
    return fault->spec.times > 0 && fault->spec.family == trace_call_family(call->what) &&
           (fault->row->calls == 0 || (fault->row->calls >> call->what & 1U) != 0);
}

/* Only transfers that a TCP socket makes fail or fall short: the rest is not TCP's matter.
 * epoll_ctl takes memory for a new watch alone. */
static bool concerns(struct linux_tracer *tracer, const struct tracer_thread *thread)
{
    const struct tracer_call *call = &thread->call;
    enum scenario_call family = trace_call_family(call->what);
    if (call->what == TRACE_CALL_EPOLL_CTL) {
        return tracer_epoll_adds(tracer, thread, call);
    }
    return (family != SCENARIO_CALL_RECV && family != SCENARIO_CALL_SEND) ||
           (call->file != NULL && call->file->tcp);
}

/* poll(2) bits that are true of its descriptor now. */
static unsigned ready_bits(const struct tracer_thread *thread, int fd)
{
    struct pollfd look = {.fd = tracer_files_borrow(thread->process, fd),
                          .events = POLLIN | POLLOUT | POLLRDHUP};
    if (look.fd < 0) {
        return 0;
    }
    (void)poll(&look, 1, 0);
    (void)close(look.fd);
    return (unsigned short)look.revents;
}

static bool has_send_timeout(const struct tracer_thread *thread, int fd)
{
    struct timeval limit = {0};
    socklen_t size = sizeof limit;
    int borrowed = tracer_files_borrow(thread->process, fd);
    if (borrowed >= 0) {
        (void)getsockopt(borrowed, SOL_SOCKET, SO_SNDTIMEO, &limit, &size);
        (void)close(borrowed);
    }
    return limit.tv_sec != 0 || limit.tv_usec != 0;
}

/* An edge that was reported is not reported again where the queue of a listener stays as it is. */
static bool is_edge_listener(const struct tracer_file *file)
{
    for (const struct tracer_item *item = file->items; item != NULL; item = item->file_next) {
        if ((item->events & EPOLLET) != 0 && file->kind == TRACE_FILE_LISTENER) {
            return true;
        }
    }
    return false;
}

static bool holds(const struct linux_tracer *tracer, const struct tracer_thread *thread,
                  const struct tracer_fault *fault)
{
    const struct tracer_call *call = &thread->call;
    bool open = call->file != NULL;
    switch (fault->row->when) {
    case FAULT_ALWAYS:
        return true;
    case FAULT_HANDLED:
        return tracer_signal_choose(tracer, thread, false) != 0;
    case FAULT_SHORT:
        return open && (call->nonblock || has_send_timeout(thread, call->fd));
    case FAULT_BLOCKING:
        return open && !call->nonblock;
    case FAULT_READABLE:
        return open && (ready_bits(thread, call->fd) & POLLIN) != 0;
    case FAULT_READABLE_OPEN:
        /* That it was a short one is seen when it is over. */
        return open && (!call->nonblock || (ready_bits(thread, call->fd) & POLLRDHUP) == 0);
    case FAULT_READABLE_NONBLOCK:
        return open && call->nonblock && !is_edge_listener(call->file) &&
               (ready_bits(thread, call->fd) & POLLIN) != 0;
    case FAULT_WRITABLE_NONBLOCK:
        return open && call->nonblock && (ready_bits(thread, call->fd) & POLLOUT) != 0;
    default:
        return false;
    }
}

/* ---- Short transfers ---- */

/* Which argument says how much; -1: an array of buffers does. */
static int length_argument(int nr)
{
    switch (nr) {
    case SYS_readv:
    case SYS_writev:
    case SYS_recvmsg:
    case SYS_sendmsg:
        return -1;
    case SYS_sendfile:
        return 3;
    case SYS_splice:
        return 4;
    case SYS_preadv2:
    case SYS_pwritev2:
        return -1;
    default:
        return 2;
    }
}

/* Shortens the array of buffers to `limit` bytes: how many of them are used then, 0: none can be.
 */
static uint64_t buffers_shorten(struct linux_tracer *tracer, struct tracer_thread *thread,
                                uint64_t address, uint64_t count, uint64_t limit)
{
    struct tracer_call *call = &thread->call;
    count = count < TRACER_IOVECS_MAX ? count : TRACER_IOVECS_MAX;
    if (count == 0 || !tracer_peek(thread, address, tracer->iovecs, count * 16)) {
        return 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        uint64_t length = tracer->iovecs[i * 2 + 1];
        if (length >= limit) {
            uint64_t word = address + i * 16 + 8;
            if (!tracer_poke_word(thread, word, limit)) {
                return 0;
            }
            call->saved_address = word;
            call->saved_word = length;
            return i + 1;
        }
        limit -= length;
    }
    return 0;
}

static bool message_shorten(struct linux_tracer *tracer, struct tracer_thread *thread,
                            uint64_t limit)
{
    struct tracer_call *call = &thread->call;
    struct msghdr message;
    if (!tracer_peek(thread, call->args[1], &message, sizeof message)) {
        return false;
    }
    uint64_t count =
        buffers_shorten(tracer, thread, (uintptr_t)message.msg_iov, message.msg_iovlen, limit);
    if (count == 0) {
        return false;
    }
    call->saved_count_address = call->args[1] + offsetof(struct msghdr, msg_iovlen);
    call->saved_count = message.msg_iovlen;
    return tracer_poke_word(thread, call->saved_count_address, count);
}

static bool argument_change(struct tracer_thread *thread, int argument, uint64_t value)
{
    struct tracer_call *call = &thread->call;
    if (!tracer_argument_set(thread, argument, value)) {
        return false;
    }
    call->saved_argument = argument;
    call->saved_value = call->args[argument];
    call->args[argument] = value;
    return true;
}

static bool shorten(struct linux_tracer *tracer, struct tracer_thread *thread, uint32_t limit)
{
    struct tracer_call *call = &thread->call;
    bool receives = trace_call_family(call->what) == SCENARIO_CALL_RECV;
    if (call->a <= (int64_t)limit || (receives && (call->flags & MSG_WAITALL) != 0)) {
        return false;
    }
    if (call->row->nr == SYS_recvmmsg || call->row->nr == SYS_sendmmsg) {
        return false; /* short by messages, not by bytes */
    }
    int argument = length_argument(call->row->nr);
    if (argument >= 0) {
        return argument_change(thread, argument, limit);
    }
    if (call->row->nr == SYS_recvmsg || call->row->nr == SYS_sendmsg) {
        return message_shorten(tracer, thread, limit);
    }
    uint64_t count = buffers_shorten(tracer, thread, call->args[1], call->args[2], limit);
    return count != 0 && argument_change(thread, 2, count);
}

static void put_back(struct tracer_thread *thread)
{
    struct tracer_call *call = &thread->call;
    if (call->saved_argument >= 0) {
        (void)tracer_argument_set(thread, call->saved_argument, call->saved_value);
        call->args[call->saved_argument] = call->saved_value;
        call->saved_argument = -1;
    }
    if (call->saved_address != 0) {
        (void)tracer_poke_word(thread, call->saved_address, call->saved_word);
        call->saved_address = 0;
    }
    if (call->saved_count_address != 0) {
        (void)tracer_poke_word(thread, call->saved_count_address, call->saved_count);
        call->saved_count_address = 0;
    }
}

/* ---- At entry and exit ---- */

static bool begin(struct linux_tracer *tracer, struct tracer_thread *thread,
                  struct tracer_fault *fault)
{
    struct tracer_call *call = &thread->call;
    if (fault->row->error == 0) {
        return shorten(tracer, thread, fault->spec.limit);
    }
    call->answer = -fault->row->error;
    if (call->what == TRACE_CALL_CLOSE) {
        return true; /* done all the same: the number is free afterwards */
    }
    call->skipped = tracer_call_skip(thread, call->answer);
    return call->skipped;
}

/* An error that comes with something to read or to accept strikes a blocking call once that is
 * there: until then it waits in poll. */
static bool begin_wait(struct tracer_thread *thread, const struct tracer_fault *fault)
{
    struct tracer_call *call = &thread->call;
    if (fault->row->when != FAULT_READABLE || call->file == NULL || call->nonblock ||
        !call->file->tcp) {
        return false;
    }
    int64_t timeout_us = tracer_call_timeout_us(thread, call);
    int timeout_ms = timeout_us < 0 ? -1 : (int)((timeout_us + 999) / 1000);
    call->waits =
        tracer_call_wait(thread, call->fd, timeout_ms, &call->saved_address, &call->saved_word);
    call->answer = -fault->row->error;
    return call->waits;
}

void tracer_fault_enter(struct linux_tracer *tracer, struct tracer_thread *thread)
{
    struct tracer_call *call = &thread->call;
    if (!concerns(tracer, thread)) {
        return;
    }
    for (uint32_t i = 0; i < tracer->fault_count; i++) {
        tracer->faults[i].came |= tracer->faults[i].spec.family == trace_call_family(call->what);
    }
    for (uint32_t i = 0; i < tracer->fault_count; i++) {
        struct tracer_fault *fault = &tracer->faults[i];
        if (applies(fault, call) && (holds(tracer, thread, fault) ? begin(tracer, thread, fault)
                                                                  : begin_wait(thread, fault))) {
            take_one(tracer, fault);
            call->fault = fault;
            return;
        }
    }
}

/* An answer of EAGAIN where something was ready, or a transfer that was cut short: an
 * edge-triggered watch hears of the rest, as the kernel that had answered so would tell it.
 * epoll(7), questions and answers: less than was asked means that the descriptor was drained.
 * Setting these options to what they are looks at the readiness anew. */
static void tell_again(const struct tracer_thread *thread)
{
    const struct tracer_call *call = &thread->call;
    bool receives = trace_call_family(call->what) == SCENARIO_CALL_RECV;
    int level = receives ? SOL_SOCKET : IPPROTO_TCP;
    int option = receives ? SO_RCVLOWAT : NOTSENT_LOWAT;
    int value = 0;
    socklen_t size = sizeof value;
    int borrowed = tracer_files_borrow(thread->process, call->fd);
    if (borrowed >= 0) {
        if (getsockopt(borrowed, level, option, &value, &size) == 0) {
            (void)setsockopt(borrowed, level, option, &value, size);
        }
        (void)close(borrowed);
    }
}

static void signal_send(const struct tracer_thread *thread, int number)
{
    (void)syscall(SYS_tgkill, thread->process->pid, thread->tid, number);
}

/* Whether the transfer was short because of the fault. */
static bool was_shortened(const struct tracer_thread *thread, const struct tracer_fault *fault,
                          int64_t result)
{
    const struct tracer_call *call = &thread->call;
    if (result != (int64_t)fault->spec.limit || result >= call->a) {
        return false;
    }
    /* A receive that emptied the queue was as long as it could be. */
    return trace_call_family(call->what) != SCENARIO_CALL_RECV ||
           (ready_bits(thread, call->fd) & POLLIN) != 0;
}

void tracer_fault_broken_off(struct linux_tracer *tracer, struct tracer_thread *thread)
{
    struct tracer_call *call = &thread->call;
    if (call->waits) {
        tracer_call_wait_end(thread, call, true);
        put_back(thread);
        call->waits = false;
        call->answer = 0;
        if (call->fault != NULL) {
            give_back(tracer, call->fault);
            call->fault = NULL;
        }
    }
}

/* The end of a wait in place of a call: whether there is something to strike at. */
static bool end_wait(struct tracer_thread *thread, int64_t result)
{
    struct tracer_call *call = &thread->call;
    if (!call->waits) {
        return true;
    }
    tracer_call_wait_end(thread, call, false);
    call->waits = false;
    call->skipped = true; /* it was never done */
    if (result <= 0) {
        call->answer = -EAGAIN; /* its time was up */
    }
    return result > 0;
}

int64_t tracer_fault_leave(struct linux_tracer *tracer, struct tracer_thread *thread,
                           int64_t result)
{
    struct tracer_call *call = &thread->call;
    struct tracer_fault *fault = call->fault;
    bool strikes = end_wait(thread, result);
    put_back(thread);
    call->fault = NULL;
    if (fault == NULL || !strikes) {
        if (fault != NULL) {
            give_back(tracer, fault);
        }
        if (call->answer != 0) {
            (void)tracer_result_set(thread, call->answer);
        }
        return call->answer != 0 ? call->answer : result;
    }
    if (fault->row->error == 0) {
        if (was_shortened(thread, fault, result)) {
            strike(tracer, thread, fault);
            call->faulted = true;
            tell_again(thread);
        } else {
            give_back(tracer, fault);
        }
        return result;
    }
    strike(tracer, thread, fault);
    call->faulted = true;
    (void)tracer_result_set(thread, call->answer);
    if (call->answer == -EAGAIN) {
        tell_again(thread);
    } else if (call->answer == -EINTR) {
        int number = tracer_signal_choose(tracer, thread, false);
        if (number != 0) {
            signal_send(thread, number);
        }
    }
    return call->answer;
}

/* signal(7): calls on sockets begin again after a handler with SA_RESTART, but under a timeout. */
static bool is_restarted(const struct tracer_call *call)
{
    enum scenario_call family = trace_call_family(call->what);
    bool socket_call = family == SCENARIO_CALL_RECV || family == SCENARIO_CALL_SEND ||
                       family == SCENARIO_CALL_ACCEPT || family == SCENARIO_CALL_CONNECT;
    return socket_call && call->timeout_us < 0;
}

bool tracer_fault_asleep(struct linux_tracer *tracer, struct tracer_thread *thread)
{
    struct tracer_call *call = &thread->call;
    if (call->row == NULL || call->broken_off || call->blocked || thread->interrupted ||
        !call->traced || !concerns(tracer, thread)) {
        return false;
    }
    for (uint32_t i = 0; i < tracer->fault_count; i++) {
        struct tracer_fault *fault = &tracer->faults[i];
        if (!applies(fault, call) || fault->row->when != FAULT_SLEEPS) {
            continue;
        }
        tracer_call_block(tracer, thread); /* also finds the call's limit of time */
        int number = tracer_signal_choose(tracer, thread, is_restarted(call));
        if (number == 0) {
            return false;
        }
        take_one(tracer, fault);
        strike(tracer, thread, fault);
        call->faulted = true;
        thread->interrupted = true;
        signal_send(thread, number);
        return true;
    }
    return false;
}
