/* Rules for stacks: abrupt close, errors, timeouts. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "oracle/stack.h"

enum { SECOND_US = 1000000 };

#define SOCKET_OPTION(name) ((int64_t)SOL_SOCKET << 16 | (name))
#define TCP_OPTION(name) ((int64_t)IPPROTO_TCP << 16 | (name))

static bool see(struct oracle *oracle, const struct trace_event *event, struct stack_view *view)
{
    return facts_stack_see(oracle->stack, event, view) && view->own != NULL;
}

/* States in which an abort needs an RST. */
static bool needs_reset(enum tcp_state state)
{
    return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT || state == TCP_FIN_WAIT_1 ||
           state == TCP_FIN_WAIT_2;
}

/* Whether a close of the file aborts: 1 yes, 0 no, -1 not known, for only Linux says that a
 * connection has the option from its listener. */
static int lingers_not(const struct oracle *oracle, const struct stack_file *file)
{
    const struct facts_stack_option *option = facts_stack_find_option(file, SOL_SOCKET, SO_LINGER);
    return option == NULL                                 ? 0
           : option->inherited && !stack_is_linux(oracle) ? -1
                                                          : option->value == 1; /* on, no seconds */
}

/* The close of the last descriptor in a state from which an abort needs an RST. */
static bool see_close(struct oracle *oracle, const struct trace_event *event,
                      struct stack_view *view)
{
    return see(oracle, event, view) && view->file != NULL && event->err == 0 && event->a != 0 &&
           needs_reset(stack_state_before(oracle->stack, view->own));
}

/* Whether this step sent an RST. */
static bool has_reset(const struct oracle *oracle, const struct stack_end *end)
{
    return end->at_rst_sent >= oracle->stack->step;
}

ORACLE_STACK_RULE(rst_01)
{
    struct stack_view view;
    if (see_close(oracle, event, &view) && lingers_not(oracle, view.file) == 1) {
        oracle_stack_verdict(
            oracle, rule,
            has_reset(oracle, view.own) && view.own->state == TCP_CLOSED &&
                view.own->at_fin_sent < oracle->stack->step,
            "close with SO_LINGER {1,0} did not send an RST and forget the connection", event->conn,
            view.own->at_rst_sent, index + 1);
    }
}

ORACLE_STACK_RULE(rst_02)
{
    struct stack_view view;
    if (see_close(oracle, event, &view) && lingers_not(oracle, view.file) == 0 &&
        stack_is_sure(view.conn, view.own) && stack_unread(view.own) > 0) {
        oracle_stack_verdict(oracle, rule, has_reset(oracle, view.own),
                             "close with unread input did not send an RST", event->conn,
                             view.own->at_data_arrived, index + 1);
    }
}

ORACLE_STACK_RULE(rst_03)
{
    struct stack_view view;
    if (!see_close(oracle, event, &view) || lingers_not(oracle, view.file) != 0 ||
        /* a negative time for FIN-WAIT-2 is none: what is closed there is reset */
        facts_stack_option(view.file, IPPROTO_TCP, TCP_LINGER2, 0) < 0 ||
        !stack_is_sure(view.conn, view.own) || stack_unread(view.own) != 0 || view.own->gaps != 0) {
        return;
    }
    if (view.own->at_old_data != 0 || has_reset(oracle, view.own)) {
        oracle_stack_verdict(oracle, rule, !has_reset(oracle, view.own),
                             "close with everything read sent an RST", event->conn,
                             view.own->at_old_data, index + 1);
    }
}

/* Data for which nobody is left. */
ORACLE_STACK_RULE(rst_04)
{
    struct stack_view view;
    if (event != NULL) {
        if (see(oracle, event, &view) && event->what == SCENARIO_SEGMENT_RST &&
            view.own->at_new_closed > view.own->at_rst_sent) {
            oracle_keep(oracle, rule, EVIDENCE(event->conn, view.own->at_new_closed, index + 1));
        }
        return;
    }
    const struct stack *stack = oracle->stack;
    for (uint32_t i = 1; i <= stack->conns_used; i++) {
        for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
            const struct stack_end *end = &stack->conn[i].end[host];
            if (end->at_new_closed > end->at_rst_sent &&
                (end->file == 0 || stack_is_linux(oracle)) && !stack->conn[i].own &&
                stack->conn[i].at_forged == 0) {
                oracle_break(oracle, rule, "data after a full close was not answered by an RST",
                             EVIDENCE(i, end->at_new_closed));
            }
        }
    }
}

/* A recv or send on a connection that an RST ended. A send that may wait began before what happened
 * beside it. */
static bool see_after_reset(struct oracle *oracle, const struct trace_event *event,
                            struct stack_view *view)
{
    const struct stack *stack = oracle->stack;
    return see(oracle, event, view) && view->file != NULL && view->own->at_reset != 0 &&
           event->a > 0 && event->b == 0 &&
           (event->what == TRACE_CALL_SEND
                ? stack->verb != SCENARIO_APP_BLOCKING || view->own->at_reset < stack->step
                : stack_unread(view->own) <= 0);
}

ORACLE_STACK_RULE(rst_06)
{
    struct stack_view view;
    if (!see_after_reset(oracle, event, &view) ||
        (view.own->reset_from != TCP_ESTABLISHED && view.own->reset_from != TCP_FIN_WAIT_1 &&
         view.own->reset_from != TCP_FIN_WAIT_2)) {
        return;
    }
    bool first = view.own->pending == ECONNRESET;
    bool good = first                            ? event->err == ECONNRESET
                : !stack_is_linux(oracle)        ? event->err != EAGAIN
                : event->what == TRACE_CALL_SEND ? event->err == EPIPE
                                                 : event->err == 0 && event->result == 0;
    oracle_stack_verdict(oracle, rule, good,
                         first ? "the first call after an RST did not tell of it"
                               : "a later call after an RST gave another answer",
                         event->conn, view.own->at_reset, index + 1);
}

ORACLE_STACK_RULE(rst_07)
{
    struct stack_view view;
    bool asks = event->what == TRACE_CALL_GETSOCKOPT;
    if (asks ? !see(oracle, event, &view) || view.file == NULL || view.own->at_reset == 0 ||
                   event->a != SOCKET_OPTION(SO_ERROR) || view.own->pending == 0
             : !see_after_reset(oracle, event, &view)) {
        return;
    }
    if (view.own->reset_from != TCP_CLOSE_WAIT || view.file->at_shut_write != 0) {
        return;
    }
    bool linux_answer = asks                             ? event->b == EPIPE
                        : event->what == TRACE_CALL_SEND ? event->err == EPIPE
                                                         : event->err == 0 && event->result == 0;
    bool posix_answer = asks ? event->b == ECONNRESET : event->err == ECONNRESET;
    oracle_stack_verdict(oracle, rule, linux_answer || (!stack_is_linux(oracle) && posix_answer),
                         "a call after an RST in CLOSE-WAIT gave another answer", event->conn,
                         view.own->at_reset, index + 1);
}

ORACLE_STACK_RULE(rst_08)
{
    struct stack_view view;
    if (!see_after_reset(oracle, event, &view) || view.file->at_told == 0 ||
        event->what != TRACE_CALL_RECV || view.own->reset_from == TCP_SYN_SENT) {
        return;
    }
    const struct trace_event *told = oracle_event(oracle, view.file->at_told);
    if (told->kind == TRACE_CALL && told->what == TRACE_CALL_GETSOCKOPT) {
        oracle_stack_verdict(oracle, rule, event->err == 0 && event->result == 0,
                             "the error was told again after SO_ERROR", event->conn,
                             view.file->at_told, index + 1);
    }
}

int oracle_stack_rst_place(const struct oracle *oracle, const struct stack_end *end)
{
    const struct trace_event *rst = oracle_event(oracle, end->at_rst_came);
    bool moved = end->at_data_arrived > end->at_rst_came || end->at_fin_arrived > end->at_rst_came;
    if (rst->a == 0 || moved || end->gaps != 0) {
        return 0;
    }
    return rst->a == end->arrived + 1 + (end->fin_arrived ? 1 : 0) ? 1 : -1;
}

ORACLE_STACK_RULE(rst_09)
{
    const struct stack *stack = oracle->stack;
    for (uint32_t i = 1; i <= stack->conns_used; i++) {
        for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
            const struct stack_end *end = &stack->conn[i].end[host];
            if (stack->conn[i].own || stack->conn[i].at_forged != 0 ||
                end->at_rst_came < stack->step || end->at_rst_came == 0 ||
                end->at_heard != end->at_rst_came || end->at_heard_before >= stack->step) {
                continue;
            }
            enum tcp_state from = (enum tcp_state)end->heard_state;
            int place = oracle_stack_rst_place(oracle, end);
            /* An RST may be ignored in TIME-WAIT (RFC 1337), also where a segment of the same step
             * led there: that is for TWT-04. */
            if (place == 0 || !tcp_states[from].synchronized || from == TCP_TIME_WAIT ||
                end->state == TCP_TIME_WAIT) {
                continue;
            }
            /* What is left of an orphan on Linux takes any RST in its window. */
            if (place < 0 && from == TCP_FIN_WAIT_2 && end->file == 0) {
                continue;
            }
            bool ended = end->state == TCP_CLOSED;
            bool good = ended == (place > 0) || (!stack_is_linux(oracle) && place < 0);
            oracle_stack_verdict(oracle, rule, good,
                                 ended ? "an RST at another sequence number ended a connection"
                                       : "an RST at the expected sequence number was ignored",
                                 i, end->at_rst_came, end->at_state[TCP_CLOSED]);
        }
    }
    (void)event;
    (void)index;
}

/* Whether all that came to this end in this step is the RST: what it sends then is its answer. An
 * acknowledgment of the other end may have come unseen, for a wire that is not held shows none. */
static bool heard_only_rst(const struct oracle *oracle, const struct stack_view *view)
{
    const struct stack *stack = oracle->stack;
    const struct stack_end *own = view->own;
    uint32_t since = stack->at_played > stack->step ? stack->at_played : stack->step;
    if (own->at_rst_came == 0 || own->at_rst_came < since || own->at_heard != own->at_rst_came ||
        own->at_heard_before >= since) {
        return false;
    }
    /* An RST that was not on its way is the other end's own doing, or answers all that it heard. */
    bool now = oracle_event(oracle, own->at_rst_came)->result == TRACE_FATE_SENT;
    return now && view->conn->at_forged == 0 ? view->other->at_heard_before < since
                                             : view->other->at_heard < since;
}

ORACLE_STACK_RULE(rst_10)
{
    struct stack *stack = oracle->stack;
    struct stack_view view;
    if (event != NULL && event->kind == TRACE_SEGMENT) {
        if (see(oracle, event, &view) && event->what == SCENARIO_SEGMENT_RST &&
            stack_is_sent(stack, event) && heard_only_rst(oracle, &view)) {
            oracle_break(oracle, rule, "an RST was answered by an RST",
                         EVIDENCE(event->conn, view.own->at_rst_came, index + 1));
        }
        return;
    }
    for (uint32_t i = 1; i <= stack->conns_used; i++) {
        for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
            const struct stack_end *end = &stack->conn[i].end[host];
            if (end->at_rst_came != 0 && end->at_rst_came >= stack->step &&
                end->at_rst_sent < end->at_rst_came) {
                oracle_keep(oracle, rule, EVIDENCE(i, end->at_rst_came));
            }
        }
    }
}

/* A listener ends: what waits in its queue is reset. */
ORACLE_STACK_RULE(rst_11)
{
    struct stack *stack = oracle->stack;
    struct stack_view view;
    if (!facts_stack_see(stack, event, &view) || view.file == NULL ||
        view.file->role != STACK_LISTENER || event->err != 0 ||
        (event->what == TRACE_CALL_CLOSE ? event->a == 0 : event->a == SHUT_WR)) {
        return;
    }
    for (uint32_t i = 1; i <= stack->conns_used; i++) {
        const struct stack_conn *conn = &stack->conn[i];
        const struct stack_end *end = &conn->end[view.file->host];
        if (conn->listener != 0 && &stack->file[conn->listener] == view.file &&
            conn->at_established != 0 && end->last_file == 0 && !conn->own &&
            needs_reset(stack_state_before(stack, end))) {
            oracle_stack_verdict(oracle, rule, has_reset(oracle, end),
                                 "a connection in the queue was not reset with its listener", i,
                                 end->at_rst_sent, index + 1);
        }
    }
}

ORACLE_STACK_RULE(rst_15)
{
    struct stack_view view;
    if (event->b == AF_UNSPEC && event->err == 0 && see(oracle, event, &view) &&
        needs_reset(stack_state_before(oracle->stack, view.own))) {
        oracle_stack_verdict(
            oracle, rule, has_reset(oracle, view.own) && view.own->state == TCP_CLOSED,
            "a disconnect did not send an RST", event->conn, view.own->at_rst_sent, index + 1);
    }
}

/* ---- errors ---- */

ORACLE_STACK_RULE(err_03)
{
    struct stack_view view;
    if (!see(oracle, event, &view) || view.file == NULL || event->a <= 0 || event->b != 0 ||
        view.file->at_shut_write != 0) {
        return;
    }
    const struct stack_end *own = view.own;
    bool gone = view.other->last_file != 0 && view.other->file == 0;
    if (own->state == TCP_CLOSE_WAIT && gone && own->at_accepted_send == 0) {
        oracle_stack_verdict(oracle, rule, event->err == 0 || event->err == EAGAIN,
                             "the first send after the other end's close failed", event->conn,
                             own->at_fin_arrived, index + 1);
    } else if (own->at_reset != 0 && own->reset_from == TCP_CLOSE_WAIT &&
               own->at_accepted_send != 0) {
        oracle_stack_verdict(oracle, rule, event->err == EPIPE || event->err == ECONNRESET,
                             "a send after the RST of a closed end did not fail", event->conn,
                             own->at_reset, index + 1);
    }
}

ORACLE_STACK_RULE(err_04)
{
    enum { R2_US = 100 * SECOND_US };
    struct stack_view view;
    if (!see(oracle, event, &view)) {
        return;
    }
    if (event->kind == TRACE_STATE) {
        const struct stack_file *file = &oracle->stack->file[view.own->last_file];
        bool late = trace_state_sampled(event)
                        ? oracle->stack->is_time && view.own->at_rst_came == 0
                        : event->b == TCP_EVENT_TIMEOUT;
        bool limited = facts_stack_option(file, IPPROTO_TCP, TCP_USER_TIMEOUT, 0) != 0 ||
                       facts_stack_option(file, SOL_SOCKET, SO_KEEPALIVE, 0) != 0;
        if (event->what == TCP_CLOSED && event->a == TCP_ESTABLISHED && late && !limited &&
            event->time_us - view.own->heard_us < R2_US) {
            oracle_break(oracle, rule, "a connection was given up before 100 seconds",
                         EVIDENCE(event->conn, view.own->at_heard, index + 1));
        }
        return;
    }
    int64_t told = event->what == TRACE_CALL_GETSOCKOPT ? event->b : event->err;
    bool asks = event->what != TRACE_CALL_GETSOCKOPT || event->a == SOCKET_OPTION(SO_ERROR);
    if (view.own->timed_out && view.own->pending == ETIMEDOUT && asks &&
        /* Behind the other end's FIN recv says 0, whatever came later. */
        (event->what != TRACE_CALL_RECV ||
         (stack_unread(view.own) <= 0 && !view.own->fin_arrived))) {
        oracle_stack_verdict(oracle, rule, told == ETIMEDOUT,
                             "a connection that timed out was not told by ETIMEDOUT", event->conn,
                             view.own->at_state[TCP_CLOSED], index + 1);
    }
}

/* ---- timeouts ---- */

ORACLE_STACK_RULE(tmo_01)
{
    enum { TWO_HOURS_S = 7200 };
    struct stack_view view;
    if (event->err != 0 || !facts_stack_see(oracle->stack, event, &view) || view.file == NULL ||
        view.file->role == STACK_ACCEPTED || view.file->listener != 0) {
        return;
    }
    bool is_set =
        facts_stack_find_option(view.file, (int)(event->a >> 16), (int)(event->a & 0xFFFF)) != NULL;
    if (event->a == SOCKET_OPTION(SO_KEEPALIVE) && !is_set) {
        oracle_stack_verdict(oracle, rule, event->b == 0, "keepalive is on by default", 0,
                             view.file->at_opened, index + 1);
    } else if (event->a == TCP_OPTION(TCP_KEEPIDLE) && !is_set) {
        oracle_stack_verdict(oracle, rule, event->b >= TWO_HOURS_S,
                             "the first keepalive probe comes before two hours", 0,
                             view.file->at_opened, index + 1);
    }
}

/* An idle connection with keepalive ends after so many probes. */
ORACLE_STACK_RULE(tmo_02)
{
    struct stack_view view;
    if (event->what != TCP_CLOSED || event->a != TCP_ESTABLISHED || !see(oracle, event, &view) ||
        view.own->last_file == 0 || !oracle->stack->is_time ||
        view.own->at_rst_came > view.own->at_state[TCP_ESTABLISHED]) {
        return;
    }
    const struct stack_file *file = &oracle->stack->file[view.own->last_file];
    if (facts_stack_option(file, SOL_SOCKET, SO_KEEPALIVE, 0) == 0 ||
        facts_stack_option(file, IPPROTO_TCP, TCP_USER_TIMEOUT, 0) != 0 ||
        view.own->sent != view.other->arrived) {
        return;
    }
    int64_t idle = facts_stack_option(file, IPPROTO_TCP, TCP_KEEPIDLE, 7200);
    int64_t between = facts_stack_option(file, IPPROTO_TCP, TCP_KEEPINTVL, 75);
    int64_t count = facts_stack_option(file, IPPROTO_TCP, TCP_KEEPCNT, 9);
    int64_t took = event->time_us - view.own->heard_us;
    int64_t due = (idle + between * count) * SECOND_US;
    bool in_time =
        took <= due + INT64_C(2) * SECOND_US || trace_state_sampled(event); /* seen later */
    oracle_stack_verdict(oracle, rule, took >= due - SECOND_US && in_time,
                         "keepalive ended a connection after another number of probes", event->conn,
                         view.own->at_heard, index + 1);
}

/* One end forgot the connection and its RST was lost: the next segment of the other is answered. */
ORACLE_STACK_RULE(tmo_05)
{
    struct stack_view view;
    if (event != NULL) {
        if (see(oracle, event, &view) && event->what == TCP_CLOSED &&
            view.other->at_rst_lost != 0 && view.other->state == TCP_CLOSED &&
            view.own->at_rst_came > view.other->at_rst_lost) {
            oracle_keep(
                oracle, rule,
                EVIDENCE(event->conn, view.other->at_rst_lost, view.own->at_rst_came, index + 1));
        }
        return;
    }
    const struct stack *stack = oracle->stack;
    for (uint32_t i = 1; i <= stack->conns_used; i++) {
        for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
            const struct stack_end *end = &stack->conn[i].end[host];
            const struct stack_end *other = &stack->conn[i].end[1 - host];
            /* What was on its way in either direction leads to an RST that is an old one. */
            bool fresh = other->at_heard > other->at_rst_lost &&
                         oracle_event(oracle, other->at_heard)->result == TRACE_FATE_SENT &&
                         end->at_data_arrived < other->at_rst_lost;
            if (other->state == TCP_CLOSED && other->at_rst_lost != 0 && !stack->cut && fresh &&
                end->state == TCP_ESTABLISHED && stack->conn[i].at_forged == 0) {
                oracle_break(oracle, rule, "a half-open connection was not detected",
                             EVIDENCE(i, other->at_rst_lost, other->at_heard));
            }
        }
    }
}
