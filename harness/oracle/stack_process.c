/* Rules for stacks: what a process meets. Calls that wait, signals, addresses that are filled in,
 * descriptors that are none, its death; and what the network says by ICMP. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include "oracle/stack.h"

/* ---- Calls ---- */

/* Calls of scripted sockets do not wait and ask for no SIGPIPE, but for those of `app blocking`. */
static bool is_blocking(const struct trace_event *event)
{
    return (event->flags & TRACE_NONBLOCK) == 0;
}

/* Whether a signal came in the call at `index`: it stands right before it. */
static bool had_signal(const struct oracle *oracle, uint32_t index, bool broken_pipe)
{
    const struct trace_event *before = index > 0 ? &oracle->trace->events[index - 1] : NULL;
    return before != NULL && before->kind == TRACE_SIGNAL &&
           (before->what == SIGPIPE) == broken_pipe;
}

/* How long the step took that made the call. */
static int64_t waited_us(const struct oracle *oracle, const struct trace_event *event)
{
    uint32_t step = oracle->stack->step;
    return step != 0 ? event->time_us - oracle->trace->events[step - 1].time_us : 0;
}

static bool see(struct oracle *oracle, const struct trace_event *event, struct stack_view *view)
{
    return facts_stack_see(oracle->stack, event, view) && view->file != NULL && view->own != NULL;
}

ORACLE_STACK_RULE(acc_13)
{
    enum { WHOLE = sizeof(struct sockaddr_in) };
    if (event->err == EFAULT) {
        oracle_break(oracle, rule, "accept wants an address that was not asked for",
                     EVIDENCE(event->conn, index + 1));
    } else if (event->err == 0 && event->b != 0) {
        int32_t room = (int32_t)event->b; /* -1: no address was asked for */
        int32_t told = (int32_t)(event->b >> 32);
        bool cut = room > 0 && room < WHOLE;
        bool good = room < 0 || told == WHOLE || (cut && told == room && !stack_is_linux(oracle));
        oracle_stack_verdict(oracle, rule, good,
                             "accept told another length than that of the name, or wrote other "
                             "bytes than there was room for",
                             event->conn, index + 1, 0);
    }
}

/* EINTR where nothing had moved; the count where a part had. */
ORACLE_STACK_RULE(dat_06)
{
    struct stack_view view;
    if (!is_blocking(event) || !see(oracle, event, &view)) {
        return;
    }
    bool came = had_signal(oracle, index, false);
    if (event->err == EINTR) {
        bool sends = event->what == TRACE_CALL_SEND;
        bool moved = sends ? view.other->highest > view.own->sent
                           : stack_is_sure(view.conn, view.own) && stack_unread(view.own) > 0;
        oracle_stack_verdict(oracle, rule, came && !moved,
                             "a transfer failed with EINTR although a part had moved, or no signal "
                             "had come",
                             event->conn, index + 1, 0);
    } else if (came && event->err == 0 && event->result > 0) {
        oracle_keep(oracle, rule, EVIDENCE(event->conn, index + 1));
    } else if (came) {
        oracle_break(oracle, rule, "an interrupted transfer gave neither EINTR nor a count",
                     EVIDENCE(event->conn, index + 1));
    }
}

ORACLE_STACK_RULE(dat_16)
{
    struct stack_view view;
    if (!is_blocking(event) || !see(oracle, event, &view) || event->err == EINTR ||
        view.own->pending != 0 || had_signal(oracle, index, false) || view.conn->at_forged != 0 ||
        view.own->at_rst_came != 0 || view.own->at_rst_sent != 0 ||
        !stack_been(view.own, TCP_ESTABLISHED)) {
        return; /* what a reset has to tell comes first */
    }
    bool sends = event->what == TRACE_CALL_SEND;
    int64_t limit_ms =
        facts_stack_option(view.file, SOL_SOCKET, sends ? SO_SNDTIMEO : SO_RCVTIMEO, 0);
    bool done = event->err == 0 && (!sends || event->result >= event->a);
    bool over = event->err == EPIPE || event->err == ENOTCONN;
    if (limit_ms <= 0 || done || over) {
        return;
    }
    bool open = view.own->state == stack_state_before(oracle->stack, view.own);
    bool none = sends || stack_unread(view.own) == 0 || !stack_is_sure(view.conn, view.own);
    bool good = event->err == 0 || (event->err == EAGAIN && none);
    oracle_stack_verdict(oracle, rule, good && open && waited_us(oracle, event) >= limit_ms * 1000,
                         "a call whose time limit was set did not end by EAGAIN, or with what it "
                         "had, when the time was over",
                         event->conn, index + 1, 0);
}

ORACLE_STACK_RULE(clo_09)
{
    struct stack_view view;
    if (!is_blocking(event) || event->a == 0 || !see(oracle, event, &view) ||
        view.own->at_fin_sent <= oracle->stack->step) {
        return; /* a close that sent no FIN has nothing to wait for */
    }
    int64_t linger = facts_stack_option(view.file, SOL_SOCKET, SO_LINGER, 0);
    int64_t limit_s = linger >> 32;
    if ((linger & 1) == 0 || limit_s <= 0) {
        return;
    }
    enum tcp_state state = (enum tcp_state)view.own->state;
    bool acknowledged = state != TCP_FIN_WAIT_1 && state != TCP_CLOSING && state != TCP_LAST_ACK;
    bool in_time = waited_us(oracle, event) >= limit_s * 1000000;
    oracle_stack_verdict(oracle, rule, event->err == 0 && (acknowledged || in_time),
                         "close returned before its data was acknowledged and before its time was "
                         "over",
                         event->conn, view.own->at_fin_sent, index + 1);
}

ORACLE_STACK_RULE(err_02)
{
    bool piped = had_signal(oracle, index, true);
    if (event->err == EPIPE) {
        oracle_stack_verdict(oracle, rule, piped == is_blocking(event),
                             is_blocking(event) ? "EPIPE came without SIGPIPE"
                                                : "MSG_NOSIGNAL did not suppress SIGPIPE",
                             event->conn, index + 1, 0);
    } else if (piped) {
        oracle_break(oracle, rule, "SIGPIPE came without EPIPE",
                     EVIDENCE(event->conn, index, index + 1));
    }
}

ORACLE_STACK_RULE(err_08)
{
    uint32_t step = oracle->stack->step;
    if (step == 0 || oracle->trace->events[step - 1].what != SCENARIO_APP_MISUSE) {
        return;
    }
    oracle_stack_verdict(oracle, rule, event->err == (event->a != 0 ? ENOTSOCK : EBADF),
                         "a call on a descriptor that is no socket gave another answer", 0,
                         index + 1, 0);
}

/* ---- Death ---- */

/* The last descriptor of an open connection went with its process. */
ORACLE_STACK_RULE(rst_12)
{
    const struct stack *stack = oracle->stack;
    struct stack_view view;
    if (event->a == 0 || !see(oracle, event, &view) || view.file->at_shut_write != 0 ||
        !stack_is_sure(view.conn, view.own)) {
        return;
    }
    enum tcp_state before = stack_state_before(stack, view.own);
    int64_t linger = facts_stack_option(view.file, SOL_SOCKET, SO_LINGER, 0);
    if ((before != TCP_ESTABLISHED && before != TCP_CLOSE_WAIT) || linger == 1 ||
        view.own->at_rst_came != 0) {
        return;
    }
    bool reset = view.own->at_rst_sent > stack->step;
    bool fin = view.own->at_fin_sent > stack->step && !reset;
    if (stack_unread(view.own) > 0) {
        oracle_stack_verdict(oracle, rule, reset || (fin && !stack_is_linux(oracle)),
                             "its process died with unread input, and no RST was sent", event->conn,
                             view.own->at_data_arrived, index + 1);
    } else if (!view.conn->lossy && view.other->arrived == view.own->sent) {
        oracle_stack_verdict(oracle, rule, fin, "its process died, and no FIN was sent",
                             event->conn, index + 1, 0);
    }
}

/* ---- ICMP ---- */

/* RFC 9293 3.9.2.2: network and host unreachable and a source route that failed are soft. */
ORACLE_STACK_RULE(err_05)
{
    const struct stack *stack = oracle->stack;
    struct stack_view view;
    if (!facts_stack_see(oracle->stack, event, &view) || view.own == NULL) {
        return;
    }
    const struct stack_end *own = view.own;
    if (event->kind == TRACE_FAULT) {
        bool soft =
            event->what == TRACE_CALL_NONE && (event->a == 0 || event->a == 1 || event->a == 5);
        if (soft) {
            oracle_stack_verdict(oracle, rule, own->state == stack_state_before(stack, own),
                                 "a soft ICMP error ended a connection", event->conn, index + 1, 0);
        }
        return;
    }
    bool open = event->a == TCP_ESTABLISHED || event->a == TCP_CLOSE_WAIT;
    if (event->what == TCP_CLOSED && open && own->at_soft != 0 && own->at_rst_came == 0 &&
        own->at_rst_sent == 0 && !stack->is_time) {
        oracle_break(oracle, rule, "a soft ICMP error ended a connection",
                     EVIDENCE(event->conn, own->at_soft, index + 1));
    }
}
