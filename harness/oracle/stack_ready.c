/* Rules for stacks: readiness. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "oracle/stack.h"

enum { BITS = POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLHUP | POLLERR };

/* The file that a report is about, whether of poll or epoll; NULL for none. */
static struct stack_file *reported(struct oracle *oracle, const struct trace_event *event)
{
    struct stack_view view;
    return facts_stack_see(oracle->stack, event, &view) ? view.file : NULL;
}

static const struct stack_end *end_of(const struct stack *stack, const struct stack_file *file)
{
    return file->conn != 0 && file->role != STACK_UNKNOWN && !stack->conn[file->conn].own
               ? &stack->conn[file->conn].end[file->host]
               : NULL;
}

/* Whether what was reported is what must be, as far as that is known. */
static void compare(struct oracle *oracle, unsigned rule, const struct stack_file *file,
                    const struct trace_event *event, uint32_t index, const char *note)
{
    uint32_t must = 0;
    uint32_t open = 0;
    facts_stack_readiness(oracle->stack, file, &must, &open);
    if (!stack_is_linux(oracle)) {
        open |= POLLRDHUP | ((must & POLLHUP) != 0 ? POLLOUT : 0U);
    }
    uint32_t wrong = ((uint32_t)event->b ^ must) & ~open & BITS;
    const struct stack_end *end = end_of(oracle->stack, file);
    oracle_stack_verdict(oracle, rule, wrong == 0, note, event->conn,
                         end != NULL ? end->at_heard : 0, index + 1);
}

static bool is_over(const struct stack_file *file, const struct stack_end *end)
{
    bool closed = end->state == TCP_CLOSED || end->state == TCP_TIME_WAIT;
    bool read_shut = file->at_shut_read != 0 || end->fin_arrived;
    return closed || (read_shut && file->at_shut_write != 0);
}

ORACLE_STACK_RULE(rdy_01)
{
    const struct stack_file *file = reported(oracle, event);
    const struct stack_end *end = file != NULL ? end_of(oracle->stack, file) : NULL;
    if (end != NULL && !is_over(file, end) && end->state != TCP_SYN_SENT) {
        compare(oracle, rule, file, event, index,
                "an open connection was reported with other bits");
    }
}

ORACLE_STACK_RULE(rdy_02)
{
    const struct stack_file *file = reported(oracle, event);
    const struct stack_end *end = file != NULL ? end_of(oracle->stack, file) : NULL;
    if (end != NULL && is_over(file, end)) {
        compare(oracle, rule, file, event, index,
                "a connection that is over was reported with other bits");
    }
}

/* A report, or a poll that reported nothing (of which only the listener without a queue is told).
 */
ORACLE_STACK_RULE(rdy_03)
{
    const struct stack_file *file = reported(oracle, event);
    if (file != NULL && (file->role == STACK_FRESH || file->role == STACK_LISTENER ||
                         file->at_shut_listener != 0)) {
        compare(oracle, rule, file, event, index,
                "a socket without a connection was reported with other bits");
    }
}

ORACLE_STACK_RULE(rdy_04)
{
    struct stack_view view;
    if (facts_stack_see(oracle->stack, event, &view) && view.file != NULL &&
        view.file->at_ready != 0 &&
        (event->what == TRACE_CALL_ACCEPT || (event->a > 0 && (event->b & MSG_OOB) == 0))) {
        oracle_stack_verdict(oracle, rule, event->err != EAGAIN,
                             "a descriptor was reported readable, and the call would have blocked",
                             event->conn, view.file->at_ready, index + 1);
    }
}

ORACLE_STACK_RULE(rdy_05)
{
    const struct stack *stack = oracle->stack;
    const struct stack_file *file = reported(oracle, event);
    const struct stack_end *end = file != NULL ? end_of(stack, file) : NULL;
    if (end == NULL || !end->window_full || is_over(file, end) || file->at_shut_write != 0 ||
        (end->state != TCP_ESTABLISHED && end->state != TCP_CLOSE_WAIT)) {
        return;
    }
    const struct stack_end *other = &stack->conn[file->conn].end[TRACE_HOST_COUNT - 1 - file->host];
    bool writable = (event->b & POLLOUT) != 0;
    /* Nothing is on its way whose acknowledgment could have made room since. */
    bool quiet = end->at_segment < stack->last_step && end->at_segment < file->at_full;
    if (quiet && file->at_full >= stack->last_step && file->at_full != 0 &&
        oracle_event(oracle, file->at_full)->err == EAGAIN) {
        oracle_stack_verdict(oracle, rule, !writable, "a socket without room was reported writable",
                             event->conn, file->at_full, index + 1);
    } else if (other->received == end->sent &&
               stack_is_acknowledged(stack, &stack->conn[file->conn], file)) {
        oracle_stack_verdict(oracle, rule, writable, "a socket with room was not reported writable",
                             event->conn, index + 1, 0);
    }
}

/* Whether the newest epoll_wait had to report the file: 1 yes, -1 no, 0 not known. */
static int due(const struct stack *stack, const struct stack_file *file, uint32_t before)
{
    uint32_t must = 0;
    uint32_t open = 0;
    facts_stack_readiness(stack, file, &must, &open);
    must &= file->watch | POLLERR | POLLHUP;
    if (must == 0 || file->at_stir > stack->at_wait) {
        return must == 0 && (open & file->watch) == 0 && file->at_stir < stack->at_wait ? -1 : 0;
    }
    if ((file->watch & EPOLLONESHOT) != 0) {
        return before == 0 ? 1 : -1;
    }
    if ((file->watch & EPOLLET) != 0) {
        return before == 0 || file->at_stir > before ? 1 : file->at_touch > before ? 0 : -1;
    }
    return 1;
}

/* What the newest epoll_wait said of every registration, judged when the next step begins. */
static void judge_wait(struct oracle *oracle, unsigned rule, bool oneshot)
{
    struct stack *stack = oracle->stack;
    if (stack->at_wait < stack->step || !stack->wait_epoll || stack->at_wait == 0) {
        return;
    }
    unsigned host = oracle_event(oracle, stack->at_wait)->host;
    for (uint32_t i = 1; i <= stack->files_used; i++) {
        const struct stack_file *file = &stack->file[i];
        if (file->at_watch == 0 || file->watch_unsure || file->at_closed != 0 ||
            file->host != host || ((file->watch & EPOLLONESHOT) != 0) != oneshot) {
            continue;
        }
        bool was = file->at_report > stack->at_wait;
        uint32_t before = was ? file->at_report_before : file->at_report;
        int wanted = due(stack, file, before);
        if (wanted != 0) {
            oracle_stack_verdict(oracle, rule, was == (wanted > 0),
                                 was ? "epoll_wait reported what it had to keep to itself"
                                     : "epoll_wait did not report what is ready",
                                 file->conn, stack->at_wait, was ? file->at_report : file->at_stir);
        }
    }
}

ORACLE_STACK_RULE(rdy_06)
{
    judge_wait(oracle, rule, false);
    (void)event;
    (void)index;
}

ORACLE_STACK_RULE(rdy_12)
{
    judge_wait(oracle, rule, true);
    (void)event;
    (void)index;
}

/* Whether a report may be about a registration that is not known. */
static bool has_unsure_watch(const struct stack *stack, unsigned host)
{
    for (uint32_t i = 1; i <= stack->files_used; i++) {
        const struct stack_file *file = &stack->file[i];
        if (file->watch_unsure && file->host == host && file->at_closed == 0) {
            return true;
        }
    }
    return false;
}

/* A report names a registration: one whose number is closed only while a duplicate lives. */
ORACLE_STACK_RULE(rdy_09)
{
    struct stack *stack = oracle->stack;
    if (event != NULL && event->kind == TRACE_READY) {
        const struct stack_file *file = facts_stack_watched(stack, event->host, event->fd);
        if (!stack->wait_epoll) {
            return;
        }
        if (file == NULL && !has_unsure_watch(stack, event->host)) {
            oracle_break(oracle, rule, "epoll_wait reported a socket that is closed",
                         EVIDENCE(event->conn, index + 1));
        } else if (file != NULL && event->fd < STACK_FDS &&
                   &stack->file[stack->fds[event->fd]] != file) {
            oracle_keep(oracle, rule, EVIDENCE(event->conn, file->at_watch, index + 1));
        }
        return;
    }
    for (uint32_t i = 1; i <= stack->files_used; i++) {
        const struct stack_file *file = &stack->file[i];
        bool alone = file->refs == 1 && !file->watch_unsure && file->at_closed == 0 &&
                     file->at_watch != 0 && stack->fds[file->watch_fd] != i;
        if (alone && stack->wait_epoll && stack->at_wait >= stack->step &&
            oracle_event(oracle, stack->at_wait)->host == file->host &&
            (file->watch & (EPOLLONESHOT | EPOLLET)) == 0 && file->at_report < stack->at_wait &&
            due(stack, file, file->at_report) > 0) {
            oracle_break(oracle, rule, "epoll_wait forgot a socket that a duplicate holds open",
                         EVIDENCE(file->conn, file->at_watch, stack->at_wait));
        }
    }
}
