/* Rules for stacks: graceful close, TIME-WAIT. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "oracle/stack.h"

/* Whether its program aborts it in this step, by a disconnect, with unread input or SO_LINGER
 * {1,0}: then a state may be left for CLOSED at once. `event`: that change. */
static bool is_aborted(const struct oracle *oracle, const struct stack_end *end,
                       const struct trace_event *event)
{
    const struct stack_file *file = &oracle->stack->file[end->last_file];
    return (end->last_file != 0 && facts_stack_option(file, SOL_SOCKET, SO_LINGER, 0) == 1) ||
           (trace_state_sampled(event)
                ? oracle->stack->verb == SCENARIO_APP_DISCONNECT || stack_unread(end) > 0
                : event->b == TCP_EVENT_ABORT);
}

static bool see(struct oracle *oracle, const struct trace_event *event, struct stack_view *view)
{
    return facts_stack_see(oracle->stack, event, view) && view->own != NULL;
}

/* A state of an end that closed first: FIN-WAIT-1, then FIN-WAIT-2, CLOSING or TIME-WAIT. */
ORACLE_STACK_RULE(clo_01)
{
    struct stack_view view;
    if (!see(oracle, event, &view)) {
        return;
    }
    const struct stack_end *own = view.own;
    if (event->kind == TRACE_SEGMENT) {
        if (event->what == SCENARIO_SEGMENT_FIN && event->result != TRACE_FATE_INJECTED &&
            own->fin >= 0 && own->fin != event->a - 1 + event->b && view.conn->at_forged == 0) {
            oracle_break(oracle, rule, "a second FIN has another sequence number",
                         EVIDENCE(event->conn, own->at_fin_sent, index + 1));
        }
        return;
    }
    uint32_t active = own->at_state[TCP_FIN_WAIT_1];
    if (active == 0 && trace_state_sampled(event)) {
        return; /* it may have passed it between two looks */
    }
    if (event->what == TCP_TIME_WAIT) {
        oracle_stack_verdict(oracle, rule, active != 0, "TIME-WAIT without FIN-WAIT-1 before it",
                             event->conn, active, index + 1);
    } else if (event->what == TCP_FIN_WAIT_2 && active == 0) {
        oracle_break(oracle, rule, "FIN-WAIT-2 without FIN-WAIT-1 before it",
                     EVIDENCE(event->conn, index + 1));
    } else if (event->what == TCP_CLOSED && active != 0 && own->fin_arrived &&
               event->a != TCP_TIME_WAIT && own->at_rst_came == 0 && own->at_rst_sent == 0 &&
               !oracle->stack->is_time && !is_aborted(oracle, own, event)) {
        oracle_break(oracle, rule, "the end that closed first left out TIME-WAIT",
                     EVIDENCE(event->conn, active, index + 1));
    }
}

ORACLE_STACK_RULE(clo_02)
{
    struct stack_view view;
    if (!see(oracle, event, &view) || view.own->at_state[TCP_CLOSE_WAIT] == 0) {
        return;
    }
    uint32_t passive = view.own->at_state[TCP_CLOSE_WAIT];
    if (event->what == TCP_TIME_WAIT || event->what == TCP_FIN_WAIT_1) {
        oracle_break(oracle, rule, "an end that closed second went the way of the first",
                     EVIDENCE(event->conn, passive, index + 1));
    } else if (event->what == TCP_CLOSED && event->a == TCP_LAST_ACK) {
        oracle_keep(oracle, rule, EVIDENCE(event->conn, passive, index + 1));
    }
}

/* A FIN crossed ours: CLOSING, then TIME-WAIT. */
ORACLE_STACK_RULE(clo_03)
{
    struct stack_view view;
    if (!see(oracle, event, &view)) {
        return;
    }
    if (event->what == TCP_TIME_WAIT && event->a == TCP_CLOSING) {
        oracle_keep(oracle, rule,
                    EVIDENCE(event->conn, view.own->at_state[TCP_CLOSING], index + 1));
    } else if (event->a == TCP_CLOSING && event->what == TCP_CLOSED && view.own->at_rst_came == 0 &&
               view.own->at_rst_sent == 0 && !oracle->stack->is_time &&
               !is_aborted(oracle, view.own, event)) {
        oracle_break(oracle, rule, "CLOSING did not lead to TIME-WAIT",
                     EVIDENCE(event->conn, view.own->at_state[TCP_CLOSING], index + 1));
    }
}

/* The other end's FIN arrived; that end learns of it. */
ORACLE_STACK_RULE(clo_04)
{
    struct stack_view view;
    if (event == NULL) {
        struct stack *stack = oracle->stack;
        for (uint32_t i = 1; i <= stack->conns_used; i++) {
            for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
                const struct stack_end *end = &stack->conn[i].end[host];
                const struct stack_end *other = &stack->conn[i].end[1 - host];
                bool waits = end->state == TCP_FIN_WAIT_1 || end->state == TCP_LAST_ACK ||
                             end->state == TCP_CLOSING;
                bool known = other->fin_arrived && !stack->conn[i].own &&
                             stack->conn[i].at_forged == 0 && other->at_rst_sent == 0 &&
                             other->state != TCP_SYN_RECEIVED; /* which a full queue keeps there */
                if (waits && known && !stack->holds && !stack->cut &&
                    end->at_fin_sent < stack->last_step && !stack->conn[i].lossy) {
                    oracle_break(oracle, rule, "a FIN that arrived was not acknowledged",
                                 EVIDENCE(i, end->at_fin_sent, other->at_fin_arrived));
                }
            }
        }
        return;
    }
    if (!see(oracle, event, &view)) {
        return;
    }
    if (event->kind == TRACE_STATE) {
        enum tcp_state from = (enum tcp_state)event->a;
        bool acknowledged =
            (from == TCP_FIN_WAIT_1 && event->what == TCP_FIN_WAIT_2) ||
            (from == TCP_CLOSING && event->what == TCP_TIME_WAIT) ||
            (from == TCP_LAST_ACK && event->what == TCP_CLOSED && view.own->at_rst_came == 0 &&
             !oracle->stack->is_time && !is_aborted(oracle, view.own, event));
        if (acknowledged) {
            oracle_stack_verdict(oracle, rule,
                                 view.other->other_fin >= 0 || view.conn->at_forged != 0,
                                 "a FIN was acknowledged that had not arrived", event->conn,
                                 view.own->at_fin_sent, index + 1);
        }
    } else if (event->what == SCENARIO_SEGMENT_ACK && view.own->at_fin_again != 0) {
        oracle_keep(oracle, rule, EVIDENCE(event->conn, view.own->at_fin_again, index + 1));
    }
}

/* A descriptor was closed: a FIN or RST goes out with the last one only. */
ORACLE_STACK_RULE(clo_05)
{
    struct stack_view view;
    if (!see(oracle, event, &view) || view.file == NULL || event->err != 0) {
        return;
    }
    bool silent = view.own->at_segment < oracle->stack->step;
    enum tcp_state before = stack_state_before(oracle->stack, view.own);
    if (event->a == 0 && before != TCP_CLOSED) {
        oracle_stack_verdict(oracle, rule, silent && view.own->state != TCP_CLOSED,
                             "close of one of several descriptors ended the connection",
                             event->conn, view.file->at_opened, index + 1);
    } else if (event->a != 0 && before == TCP_ESTABLISHED &&
               view.own->sent == view.other->arrived && !oracle->stack->holds &&
               stack_is_sure(view.conn, view.other)) {
        oracle_stack_verdict(oracle, rule, !silent, "close of the last descriptor sent nothing",
                             event->conn, view.file->at_opened, index + 1);
    }
}

/* The end of the stream: all that the other end was given to send came ahead of it. */
ORACLE_STACK_RULE(clo_08)
{
    struct stack_view view;
    if (event == NULL) {
        oracle_stack_judge_missing(oracle, rule, 1U << SCENARIO_SEGMENT_FIN,
                                   "a FIN that was lost did not come again in a minute");
        return;
    }
    if (!see(oracle, event, &view) || view.file == NULL || event->err != 0 || event->result != 0 ||
        event->a <= 0 || event->b != 0 || !view.own->fin_arrived || view.file->at_shut_read != 0 ||
        view.conn->urgent || view.conn->at_forged != 0 || view.own->at_reset != 0 ||
        view.other->at_reset != 0) {
        return;
    }
    oracle_stack_verdict(oracle, rule, view.own->received == view.other->sent,
                         "the stream ended before all that was sent had come", event->conn,
                         view.own->at_fin_arrived, index + 1);
}

ORACLE_STACK_RULE(clo_10)
{
    struct stack_view view;
    if (!see(oracle, event, &view) || view.file == NULL || event->a <= 0 || event->b != 0 ||
        view.file->at_shut_read != 0 || stack_unread(view.own) > 0 ||
        (view.conn->at_forged != 0 && view.conn->at_forged < view.own->at_fin_arrived)) {
        return;
    }
    const struct stack_end *own = view.own;
    bool normal = own->fin_arrived && own->at_reset == 0 && !own->timed_out &&
                  own->pending != STACK_NOT_KNOWN;
    bool aborted = own->pending == ECONNRESET && own->at_reset != 0 && !own->fin_arrived;
    /* Where segments were lost, that of a later connection of the ports may have done it. */
    bool unasked = own->at_rst_came == 0 && own->at_rst_sent == 0 && view.conn->at_forged == 0 &&
                   !view.conn->lossy;
    if (event->err == ECONNRESET && unasked) {
        oracle_break(oracle, rule, "an abort was told, and none had come",
                     EVIDENCE(event->conn, index + 1));
    } else if (normal) {
        oracle_stack_verdict(oracle, rule, event->err == 0 && event->result == 0,
                             "a normal close was told as an error", event->conn,
                             own->at_fin_arrived, index + 1);
    } else if (aborted) {
        oracle_stack_verdict(oracle, rule, event->err == ECONNRESET,
                             "an abort was told as a normal close", event->conn, own->at_reset,
                             index + 1);
    }
}

/* A FIN that had to wait for room. */
ORACLE_STACK_RULE(clo_11)
{
    struct stack_view view;
    if (event != NULL) {
        if (see(oracle, event, &view) && event->what == SCENARIO_SEGMENT_FIN &&
            event->result != TRACE_FATE_INJECTED && view.own->window_full && view.own->fin < 0 &&
            view.conn->at_forged == 0) {
            oracle_stack_verdict(oracle, rule, event->a - 1 + event->b == view.own->sent,
                                 "the FIN overtook data that waited for room", event->conn,
                                 index + 1, 0);
        }
        return;
    }
    const struct stack *stack = oracle->stack;
    for (uint32_t i = 1; i <= stack->files_used; i++) {
        const struct stack_file *file = &stack->file[i];
        const struct stack_conn *conn = &stack->conn[file->conn];
        const struct stack_end *end = &conn->end[file->host];
        const struct stack_end *other = &conn->end[TRACE_HOST_COUNT - 1 - file->host];
        uint32_t at = file->at_shut_write != 0 ? file->at_shut_write : file->at_closed;
        if (file->conn != 0 && !conn->own && at != 0 && end->window_full && end->fin < 0 &&
            end->at_rst_sent == 0 && end->at_reset == 0 && other->received == end->sent &&
            other->file != 0 && !end->timed_out && !conn->lossy) {
            oracle_break(oracle, rule, "the FIN was lost behind a full window",
                         EVIDENCE(file->conn, at));
        }
    }
}

/* An end in FIN-WAIT-2 that nobody holds. */
ORACLE_STACK_RULE(clo_13)
{
    enum { SECOND = 1000000 };
    struct stack_view view;
    if (event->kind == TRACE_TIME) {
        const struct stack *stack = oracle->stack;
        for (uint32_t i = 1; i <= stack->conns_used; i++) {
            for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
                const struct stack_end *end = &stack->conn[i].end[host];
                const struct stack_file *file = &stack->file[end->last_file];
                if (end->state != TCP_FIN_WAIT_2 || file->at_closed == 0 || end->file != 0 ||
                    facts_stack_option(file, IPPROTO_TCP, TCP_LINGER2, 0) != 0) {
                    continue;
                }
                int64_t closed_us = oracle->trace->events[file->at_closed - 1].time_us;
                int64_t from = closed_us > end->state_us ? closed_us : end->state_us;
                if (event->time_us - from > STACK_WAITING_US + STACK_WAITING_LATE_US + 2 * SECOND) {
                    oracle_break(oracle, rule, "an orphan stayed in FIN-WAIT-2",
                                 EVIDENCE(i, end->at_state[TCP_FIN_WAIT_2], index + 1));
                }
            }
        }
        return;
    }
    if (see(oracle, event, &view) && event->a == TCP_FIN_WAIT_2 && event->what == TCP_CLOSED &&
        view.own->file == 0 && view.own->last_file != 0 && view.own->at_rst_came == 0 &&
        view.own->at_rst_sent < view.own->at_state[TCP_FIN_WAIT_2]) {
        const struct stack_file *file = &oracle->stack->file[view.own->last_file];
        if (facts_stack_option(file, IPPROTO_TCP, TCP_LINGER2, 0) == 0 && oracle->stack->is_time) {
            int64_t took = event->time_us - view.own->state_us;
            oracle_stack_verdict(oracle, rule, took >= STACK_WAITING_US - SECOND,
                                 "an orphan left FIN-WAIT-2 too early", event->conn,
                                 view.own->at_state[TCP_FIN_WAIT_2], index + 1);
        }
    }
}

static bool waits_for_last_ack(unsigned state)
{
    return state == TCP_FIN_WAIT_1 || state == TCP_CLOSING || state == TCP_LAST_ACK;
}

/* An end without a descriptor whose FIN nobody acknowledges gives up: on Linux after 102 s. */
ORACLE_STACK_RULE(clo_14)
{
    enum { SECOND = 1000000, LIMIT = 180 * SECOND };
    struct stack *stack = oracle->stack;
    struct stack_view view;
    if (event->kind == TRACE_TIME) {
        for (uint32_t i = 1; i <= stack->conns_used; i++) {
            for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
                const struct stack_end *end = &stack->conn[i].end[host];
                const struct stack_file *file = &stack->file[end->last_file];
                if (!waits_for_last_ack(end->state) || file->at_closed == 0 || end->file != 0) {
                    continue;
                }
                int64_t closed_us = oracle->trace->events[file->at_closed - 1].time_us;
                int64_t from = closed_us > end->state_us ? closed_us : end->state_us;
                if (end->heard_us <= from && event->time_us - from > LIMIT) {
                    oracle_break(oracle, rule, "an orphan still waits for the ACK of its FIN",
                                 EVIDENCE(i, end->at_fin_sent, index + 1));
                }
            }
        }
        return;
    }
    if (see(oracle, event, &view) && waits_for_last_ack((unsigned)event->a) &&
        event->what == TCP_CLOSED && view.own->file == 0 && view.own->last_file != 0 &&
        view.own->at_rst_came == 0 && stack->is_time && view.own->heard_us <= view.own->state_us) {
        oracle_keep(oracle, rule, EVIDENCE(event->conn, view.own->at_fin_sent, index + 1));
    }
}

/* ---- TIME-WAIT ---- */

ORACLE_STACK_RULE(twt_01)
{
    enum { SECOND = 1000000 };
    struct stack_view view;
    if (!see(oracle, event, &view) || event->a != TCP_TIME_WAIT || event->what != TCP_CLOSED ||
        view.own->at_rst_came > view.own->at_state[TCP_TIME_WAIT] ||
        view.own->at_fin_again > view.own->at_state[TCP_TIME_WAIT] || !oracle->stack->is_time) {
        return;
    }
    int64_t took = event->time_us - view.own->state_us;
    bool good = stack_is_linux(oracle)
                    ? took >= STACK_WAITING_US - SECOND &&
                          took <= STACK_WAITING_US + STACK_WAITING_LATE_US + SECOND
                    : took > 0;
    oracle_stack_verdict(oracle, rule, good, "TIME-WAIT lasted too short or too long", event->conn,
                         view.own->at_state[TCP_TIME_WAIT], index + 1);
}

/* The FIN came again in TIME-WAIT: it is acknowledged again. */
ORACLE_STACK_RULE(twt_02)
{
    struct stack_view view;
    if (event != NULL && event->kind == TRACE_SEGMENT) {
        if (see(oracle, event, &view) && event->what == SCENARIO_SEGMENT_ACK &&
            event->result == TRACE_FATE_HELD && view.own->state == TCP_TIME_WAIT &&
            view.own->at_fin_again > view.own->at_state[TCP_TIME_WAIT]) {
            oracle_keep(oracle, rule, EVIDENCE(event->conn, view.own->at_fin_again, index + 1));
        }
        return;
    }
    if (event != NULL) {
        /* The end that waits for the acknowledgment gets it. */
        if (see(oracle, event, &view) && view.other->at_fin_again > 0 &&
            view.other->at_fin_again > view.other->at_state[TCP_TIME_WAIT] &&
            view.other->state == TCP_TIME_WAIT && event->a == TCP_LAST_ACK &&
            event->what == TCP_CLOSED && (view.own->at_rst_came == 0 || !view.conn->injected)) {
            oracle_stack_verdict(oracle, rule, view.own->at_rst_came == 0,
                                 "a FIN that came again in TIME-WAIT was answered by an RST",
                                 event->conn, view.other->at_fin_again, index + 1);
        }
        return;
    }
    const struct stack *stack = oracle->stack;
    for (uint32_t i = 1; i <= stack->conns_used; i++) {
        for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
            const struct stack_end *end = &stack->conn[i].end[host];
            if (end->state == TCP_TIME_WAIT && end->at_fin_again > end->at_state[TCP_TIME_WAIT] &&
                !stack->holds && stack->conn[i].at_lost < end->at_fin_again &&
                stack->conn[i].at_forged == 0 &&
                stack->conn[i].end[1 - host].state == TCP_LAST_ACK) {
                oracle_break(oracle, rule, "a FIN that came again in TIME-WAIT got no answer",
                             EVIDENCE(i, end->at_fin_again));
            }
        }
    }
}

/* A new SYN reopens a pair of ports from TIME-WAIT. */
ORACLE_STACK_RULE(twt_03)
{
    struct stack_view view;
    if (event == NULL) {
        const struct stack *stack = oracle->stack;
        for (uint32_t i = 2; i <= stack->conns_used; i++) {
            const struct stack_conn *conn = &stack->conn[i];
            if (conn->at_reused != 0 && conn->at_established == 0 && !conn->lossy &&
                conn->at_reused < stack->last_step && !stack->cut) {
                oracle_break(oracle, rule, "a new SYN found TIME-WAIT in its way",
                             EVIDENCE(i, conn->at_reused));
            }
        }
        return;
    }
    if (!see(oracle, event, &view)) {
        return;
    }
    if (event->kind == TRACE_CALL) {
        unsigned there = TRACE_HOST_COUNT - 1 - event->host;
        uint32_t first = 0;
        uint32_t alive = 0;
        const struct stack_file *listener = facts_stack_listener(oracle->stack, there, event->a);
        if (event->err == EINPROGRESS && view.file != NULL && view.file->port > 0 &&
            view.file->conn != event->conn && listener != NULL && !listener->mixed &&
            facts_stack_queue(oracle->stack, listener, &first, &alive) <= listener->backlog) {
            struct stack_conn probe = {.port = event->a, .from_port = view.file->port};
            for (uint32_t i = event->conn; i-- > 1;) {
                const struct stack_conn *old = &oracle->stack->conn[i];
                if (old->port == probe.port && old->from_port == probe.from_port &&
                    old->end[there].state == TCP_TIME_WAIT) {
                    view.conn->at_reused = index + 1;
                }
            }
        }
    } else if (event->what == TCP_ESTABLISHED && view.conn->at_reused != 0 &&
               !stack_been(view.own, TCP_SYN_SENT)) {
        oracle_keep(oracle, rule, EVIDENCE(event->conn, view.conn->at_reused, index + 1));
    }
}

ORACLE_STACK_RULE(twt_04)
{
    struct stack_view view;
    const struct stack *stack = oracle->stack;
    if (event != NULL && event->kind == TRACE_STATE) {
        if (see(oracle, event, &view) && event->a == TCP_TIME_WAIT && event->what == TCP_CLOSED &&
            view.own->at_rst_came > view.own->at_state[TCP_TIME_WAIT]) {
            oracle_keep(oracle, rule, EVIDENCE(event->conn, view.own->at_rst_came, index + 1));
        }
        return;
    }
    for (uint32_t i = 1; i <= stack->conns_used && stack_is_linux(oracle); i++) {
        for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
            const struct stack_end *end = &stack->conn[i].end[host];
            if (end->state == TCP_TIME_WAIT && end->at_rst_came > end->at_state[TCP_TIME_WAIT] &&
                end->at_rst_came < stack->step && stack->conn[i].at_forged == 0 &&
                oracle_stack_rst_place(oracle, end) > 0) {
                oracle_break(oracle, rule, "an RST did not end TIME-WAIT",
                             EVIDENCE(i, end->at_rst_came));
            }
        }
    }
}

/* An old segment reached TIME-WAIT: an acknowledgment answers, no RST, and nobody reads it. */
ORACLE_STACK_RULE(twt_05)
{
    struct stack_view view;
    if (!see(oracle, event, &view) || view.own->state != TCP_TIME_WAIT ||
        view.own->at_old_data < view.own->at_state[TCP_TIME_WAIT]) {
        return;
    }
    bool answer = stack_is_sent(oracle->stack, event);
    if (answer && view.own->at_segment < view.own->at_old_data) {
        oracle_stack_verdict(oracle, rule, event->what == SCENARIO_SEGMENT_ACK,
                             "an old segment in TIME-WAIT was not answered by an ACK", event->conn,
                             view.own->at_old_data, index + 1);
    }
}
