/* Rules for stacks: data transmission, half-close. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "oracle/stack.h"

/* A call on a socket with a connection of two hosts. */
static bool see(struct oracle *oracle, const struct trace_event *event, struct stack_view *view)
{
    return facts_stack_see(oracle->stack, event, view) && view->file != NULL && view->own != NULL;
}

static bool is_plain(const struct trace_event *event)
{
    return event->b == 0 && event->a > 0;
}

ORACLE_STACK_RULE(dat_01)
{
    struct stack_view view;
    if (event == NULL) {
        oracle_stack_judge_missing(oracle, rule,
                                   1U << SCENARIO_SEGMENT_DATA | 1U << SCENARIO_SEGMENT_URGENT,
                                   "bytes that were lost did not come again in a minute");
    } else if (event->what != TRACE_BYTES_UNKNOWN && facts_stack_see(oracle->stack, event, &view) &&
               view.conn != NULL && view.conn->end[event->host].at_fed == 0) {
        oracle_stack_verdict(oracle, rule, event->what == TRACE_BYTES_AS_SENT,
                             "bytes came that were not sent at this place of the stream",
                             event->conn, index + 1, 0);
    }
}

ORACLE_STACK_RULE(dat_04)
{
    struct stack_view view;
    if (!see(oracle, event, &view) || event->a <= 0 || event->b != 0 ||
        view.file->at_shut_write != 0 ||
        (view.own->state != TCP_ESTABLISHED && view.own->state != TCP_CLOSE_WAIT)) {
        return;
    }
    bool idle = view.other->received == view.own->sent && view.conn->at_lost == 0 &&
                !oracle->stack->holds && !oracle->stack->cut;
    if (event->err == EAGAIN) {
        oracle_stack_verdict(oracle, rule, !idle, "a send found no room while nothing was queued",
                             event->conn, index + 1, 0);
    } else if (event->err == 0) {
        bool good = event->result > 0 && event->result <= event->a;
        if (!good || event->result < event->a) {
            oracle_stack_verdict(oracle, rule, good,
                                 "a send took nothing, or more than it was given", event->conn,
                                 index + 1, 0);
        }
    }
}

/* Whether recv may say that the stream has ended. */
static bool has_ended(const struct stack_view *view)
{
    return view->own->fin_arrived || view->file->at_shut_early != 0 ||
           view->file->at_shut_read != 0 || view->own->state == TCP_CLOSED ||
           view->own->state == TCP_TIME_WAIT;
}

ORACLE_STACK_RULE(dat_07)
{
    struct stack_view view;
    if (!see(oracle, event, &view) || !is_plain(event)) {
        return;
    }
    if (event->err == 0 && event->result == 0) {
        oracle_stack_verdict(oracle, rule, has_ended(&view),
                             "recv said 0, and the stream had not ended", event->conn,
                             view.own->at_fin_arrived, index + 1);
    } else if (view.file->at_eof != 0 && view.conn->at_forged == 0 &&
               view.own->at_data_arrived < view.file->at_eof && view.own->pending == 0 &&
               view.own->at_reset < view.file->at_eof) {
        oracle_break(oracle, rule, "recv gave something else after it had said 0",
                     EVIDENCE(event->conn, view.file->at_eof, index + 1));
    }
}

ORACLE_STACK_RULE(dat_09)
{
    struct stack_view view;
    if (event->a != 0 || event->b != 0 || !see(oracle, event, &view) ||
        view.own->state != TCP_ESTABLISHED) {
        return;
    }
    bool silent = view.own->at_segment < oracle->stack->step;
    bool sends = event->what == TRACE_CALL_SEND;
    bool good =
        sends ? event->err == 0 && event->result == 0
              : (event->err == 0 && event->result == 0) ||
                    (event->err == EAGAIN && (stack_unread(view.own) == 0 || view.conn->urgent));
    oracle_stack_verdict(oracle, rule, good && silent,
                         "a transfer of no bytes was an error, or sent a segment", event->conn,
                         index + 1, 0);
}

ORACLE_STACK_RULE(dat_10)
{
    struct stack_view view;
    if (!see(oracle, event, &view) || !is_plain(event) || view.file->peeked == 0) {
        return;
    }
    int64_t least = event->a < view.file->peeked ? event->a : view.file->peeked;
    oracle_stack_verdict(oracle, rule, event->err == 0 && event->result >= least,
                         "what MSG_PEEK showed was not there for the next recv", event->conn,
                         view.file->at_peek, index + 1);
}

ORACLE_STACK_RULE(dat_11)
{
    struct stack_view view;
    if (event->b != MSG_WAITALL || !see(oracle, event, &view) || event->a <= 0 ||
        !stack_is_sure(view.conn, view.own) || stack_unread(view.own) < event->a) {
        return;
    }
    oracle_stack_verdict(oracle, rule, event->err == 0 && event->result == event->a,
                         "MSG_WAITALL gave less than was there and asked for", event->conn,
                         view.own->at_data_arrived, index + 1);
}

/* What arrived before the end is given before the end is told. */
ORACLE_STACK_RULE(dat_12)
{
    struct stack_view view;
    if (!see(oracle, event, &view) || !is_plain(event) || !stack_is_sure(view.conn, view.own) ||
        stack_unread(view.own) <= 0 || view.file->at_shut_read != 0 ||
        (!view.own->fin_arrived && view.own->at_reset == 0)) {
        return;
    }
    bool flushed = !stack_is_linux(oracle) && view.own->at_reset != 0;
    oracle_stack_verdict(oracle, rule, (event->err == 0 && event->result > 0) || flushed,
                         "the end was told before the bytes that came ahead of it", event->conn,
                         view.own->at_data_arrived, index + 1);
}

/* Urgent data: POLLPRI, the byte beside the stream, the mark. */
ORACLE_STACK_RULE(dat_13)
{
    struct stack_view view;
    if (!see(oracle, event, &view) || view.own->gaps != 0 || view.conn->at_forged != 0 ||
        view.own->urgent_unsure) {
        return;
    }
    const struct stack_end *own = view.own;
    bool inlined = facts_stack_option(view.file, SOL_SOCKET, SO_OOBINLINE, 0) != 0;
    bool there = own->at_urgent != 0 && !own->urgent_read;
    int64_t before = own->urgent - 1 - own->received; /* bytes ahead of the mark */
    bool passed = before < 0;
    if (event->kind == TRACE_READY) {
        if (there && !passed) {
            oracle_stack_verdict(oracle, rule, (event->b & POLLPRI) != 0,
                                 "urgent data waited without POLLPRI", event->conn, own->at_urgent,
                                 index + 1);
        }
    } else if ((event->b & MSG_OOB) != 0) {
        if (event->a <= 0 || own->state == TCP_CLOSED) {
            return; /* it asks for nothing, or there is no connection any more */
        }
        bool good = there && !inlined && !passed ? event->err == 0 && event->result == 1
                                                 : event->err == EINVAL || passed;
        oracle_stack_verdict(oracle, rule, good, "recv with MSG_OOB gave another answer",
                             event->conn, own->at_urgent, index + 1);
    } else if (is_plain(event) && own->at_urgent != 0 && before > own->left_out &&
               event->err == 0) {
        oracle_stack_verdict(oracle, rule, event->result <= before,
                             "a read went past the urgent mark", event->conn, own->at_urgent,
                             index + 1);
    }
}

/* Nobody reads, for long: the connection stays. */
ORACLE_STACK_RULE(dat_15)
{
    enum { LONG_US = 60000000 };
    struct stack *stack = oracle->stack;
    for (uint32_t i = 1; i <= stack->conns_used; i++) {
        for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
            const struct stack_end *end = &stack->conn[i].end[host];
            const struct stack_end *other = &stack->conn[i].end[1 - host];
            if (end->file == 0 || stack->file[end->file].at_full == 0 || stack->cut ||
                stack->holds || other->received != 0 || stack->conn[i].lossy) {
                continue;
            }
            uint32_t full = stack->file[end->file].at_full;
            int64_t since = oracle->trace->events[full - 1].time_us;
            bool user_limit =
                facts_stack_option(&stack->file[end->file], IPPROTO_TCP, TCP_USER_TIMEOUT, 0) != 0;
            if (!user_limit && event->time_us - since >= LONG_US && other->file != 0) {
                oracle_stack_verdict(
                    oracle, rule, end->state == TCP_ESTABLISHED && other->state == TCP_ESTABLISHED,
                    "a connection with a closed window was ended", i, full, index + 1);
            }
        }
    }
}

ORACLE_STACK_RULE(dat_17)
{
    struct stack_view view;
    if (!facts_stack_see(oracle->stack, event, &view) || view.file == NULL ||
        view.file->role != STACK_FRESH || view.file->at_shut_early != 0 ||
        (event->what == TRACE_CALL_RECV && (event->b & MSG_OOB) != 0)) {
        return;
    }
    bool good = event->what == TRACE_CALL_RECV ? event->err == ENOTCONN
                : stack_is_linux(oracle)       ? event->err == EPIPE
                                               : event->err == ENOTCONN || event->err == EPIPE;
    oracle_stack_verdict(oracle, rule, good,
                         "a transfer on a socket that never connected gave another answer", 0,
                         view.file->at_opened, index + 1);
}

/* ---- half-close ---- */

/* The FIN stands behind everything that was sent, and its ACK leads to FIN-WAIT-2. */
ORACLE_STACK_RULE(hcl_01)
{
    struct stack_view view;
    if (event == NULL) {
        struct stack *stack = oracle->stack;
        for (uint32_t i = 1; i <= stack->files_used; i++) {
            const struct stack_file *file = &stack->file[i];
            const struct stack_conn *conn = &stack->conn[file->conn];
            const struct stack_end *end = &conn->end[file->host];
            const struct stack_end *other = &conn->end[TRACE_HOST_COUNT - 1 - file->host];
            if (file->at_shut_write != 0 && !conn->own && !conn->lossy && end->fin < 0 &&
                stack_been(end, TCP_ESTABLISHED) && end->at_reset == 0 && !end->timed_out &&
                other->arrived == end->sent && end->at_rst_sent == 0 && end->state != TCP_CLOSED) {
                oracle_break(oracle, rule, "no FIN followed shutdown",
                             EVIDENCE(file->conn, file->at_shut_write));
            }
        }
        return;
    }
    if (!facts_stack_see(oracle->stack, event, &view) || view.own == NULL) {
        return;
    }
    if (event->kind == TRACE_STATE) {
        if (event->what == TCP_FIN_WAIT_2 && view.own->file != 0) {
            oracle_keep(oracle, rule, EVIDENCE(event->conn, view.own->at_fin_sent, index + 1));
        }
    } else if (event->what == SCENARIO_SEGMENT_FIN && event->result != TRACE_FATE_INJECTED &&
               view.conn->at_forged == 0) {
        /* The send of this very step is traced behind its segments: it cannot come with a FIN. */
        if (event->a - 1 + event->b != view.own->sent) {
            oracle_break(oracle, rule, "a FIN does not stand behind all that was sent",
                         EVIDENCE(event->conn, index + 1));
        }
    }
}

/* Whether a send may have something else to say first: a connection that is not open yet has it
 * wait, one that ended by what was forged may have an error to tell. */
static bool is_unsure(const struct stack_conn *conn, const struct stack_end *end)
{
    return end->state == TCP_SYN_SENT || end->state == TCP_SYN_RECEIVED ||
           (conn->at_forged != 0 && end->state == TCP_CLOSED);
}

ORACLE_STACK_RULE(hcl_02)
{
    struct stack_view view;
    if (!see(oracle, event, &view) || view.file->at_shut_write == 0 || view.own->pending != 0 ||
        event->a <= 0 || is_unsure(view.conn, view.own)) {
        return;
    }
    oracle_stack_verdict(oracle, rule, event->err == EPIPE,
                         "send after shutdown did not fail with EPIPE", event->conn,
                         view.file->at_shut_write, index + 1);
}

/* In CLOSE-WAIT the program may send, and the other end, half-closed, gets it. */
ORACLE_STACK_RULE(hcl_03)
{
    struct stack_view view;
    if (!see(oracle, event, &view) || event->a <= 0 || event->b != 0) {
        return;
    }
    if (event->what == TRACE_CALL_SEND) {
        if (view.own->state == TCP_CLOSE_WAIT && view.file->at_shut_write == 0 && event->err != 0 &&
            event->err != EAGAIN) {
            oracle_break(oracle, rule, "send in CLOSE-WAIT failed",
                         EVIDENCE(event->conn, view.own->at_fin_arrived, index + 1));
        }
    } else if (view.file->at_shut_write != 0 && view.own->fin >= 0 && !has_ended(&view) &&
               stack_is_sure(view.conn, view.own) && stack_unread(view.own) > 0) {
        oracle_stack_verdict(oracle, rule, event->err == 0 && event->result > 0,
                             "data towards a half-closed end was not given", event->conn,
                             view.own->at_data_arrived, index + 1);
    }
}

ORACLE_STACK_RULE(hcl_06)
{
    struct stack_view view;
    if (!see(oracle, event, &view)) {
        return;
    }
    if (event->what == TRACE_CALL_SHUTDOWN) {
        if (event->a == SHUT_RD && event->err == 0) {
            oracle_stack_verdict(oracle, rule, view.own->at_segment < oracle->stack->step,
                                 "shutdown for reading sent a segment", event->conn, index + 1, 0);
        }
    } else if (is_plain(event) && view.file->at_shut_read != 0 && !view.own->fin_arrived &&
               view.own->state == TCP_ESTABLISHED && stack_is_sure(view.conn, view.own)) {
        bool data = stack_unread(view.own) > 0;
        bool good = event->err == 0 && (!data || event->result > 0 || !stack_is_linux(oracle));
        oracle_stack_verdict(oracle, rule, good,
                             "recv after shutdown for reading gave another answer", event->conn,
                             view.file->at_shut_read, index + 1);
    }
}

ORACLE_STACK_RULE(hcl_07)
{
    struct stack_view view;
    if (see(oracle, event, &view) && event->a > 0 && view.file->at_shut_write != 0 &&
        event->fd != view.file->shut_fd && view.own->pending == 0 &&
        !is_unsure(view.conn, view.own)) {
        oracle_stack_verdict(oracle, rule, event->err == EPIPE,
                             "a duplicate can still send after shutdown", event->conn,
                             view.file->at_shut_write, index + 1);
    }
}

ORACLE_STACK_RULE(hcl_08)
{
    struct stack_view view;
    if (!facts_stack_see(oracle->stack, event, &view) || view.file == NULL) {
        return;
    }
    if (view.file->role == STACK_FRESH) {
        oracle_stack_verdict(oracle, rule, event->err == ENOTCONN,
                             "shutdown of an unconnected socket did not fail with ENOTCONN", 0,
                             view.file->at_opened, index + 1);
    } else if (stack_is_linux(oracle) && view.own != NULL && view.file->at_shut_write != 0 &&
               event->a == SHUT_WR && view.own->pending == 0) {
        bool over = view.own->state == TCP_CLOSED || view.own->state == TCP_TIME_WAIT;
        oracle_stack_verdict(oracle, rule, event->err == (over ? ENOTCONN : 0),
                             "shutdown twice gave another answer", event->conn,
                             view.file->at_shut_write, index + 1);
    }
}
