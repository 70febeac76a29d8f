/* What a run of a stack has shown: states and segments. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "oracle/stack_facts.h"

/* ---- States ---- */

/* The listener that a connection came to: the one on that host and port, or the only one whose port
 * is not known. */
static uint16_t listener_of(struct stack *stack, unsigned host, int64_t port)
{
    uint16_t found = 0;
    unsigned unknown = 0;
    for (uint32_t i = 1; i <= stack->files_used; i++) {
        const struct stack_file *file = &stack->file[i];
        if (file->role != STACK_LISTENER || file->at_closed != 0 || file->host != host) {
            continue;
        }
        if (file->port == port) {
            return (uint16_t)i;
        }
        if (file->port <= 0) {
            found = (uint16_t)i;
            unknown++;
        }
    }
    if (unknown > 1) {
        stack_facts_mix(stack, host, port);
    }
    return unknown == 1 ? found : 0;
}

static void take_end_of_conn(struct stack *stack, const struct trace_event *event,
                             struct stack_end *end, enum tcp_state from, uint32_t at)
{
    bool sampled = trace_state_sampled(event);
    /* In LAST-ACK what came beside the RST may have been the last acknowledgment. */
    bool alone = from != TCP_LAST_ACK || end->at_heard == end->at_rst_came;
    bool reset =
        sampled ? alone && end->at_rst_came > end->at_state[from] : event->b == TCP_EVENT_RECV_RST;
    bool late = sampled ? stack->is_time && !reset : event->b == TCP_EVENT_TIMEOUT;
    if (reset) {
        stack_facts_stir(stack, end, at);
        end->at_reset = at;
        end->reset_from = (uint8_t)from;
        end->pending = from == TCP_TIME_WAIT    ? 0 /* it is nobody's any more */
                       : from == TCP_SYN_SENT   ? ECONNREFUSED
                       : from == TCP_CLOSE_WAIT ? EPIPE
                                                : ECONNRESET;
    } else if (sampled && end->at_rst_came != 0 && end->at_rst_came >= stack->step) {
        end->pending = STACK_NOT_KNOWN; /* the RST came, before or after it was in that state */
    } else if ((end->at_new_closed != 0 || end->missed) && end->file != 0) {
        end->pending = ECONNRESET; /* it reset itself: data came for an end that was shut */
    } else if (late && from != TCP_TIME_WAIT && from != TCP_FIN_WAIT_2) {
        end->timed_out = true;
        end->pending = ETIMEDOUT;
    } else if (sampled && end->file != 0 && from != TCP_TIME_WAIT && from != TCP_LAST_ACK) {
        end->pending = STACK_NOT_KNOWN; /* by an RST that another connection of these ports got */
    }
}

/* A connection gets the options that its listener has. */
static void inherit(struct stack_conn *conn, const struct stack_file *listener)
{
    conn->inherited = listener->options;
    memcpy(conn->option, listener->option, listener->options * sizeof listener->option[0]);
    for (unsigned i = 0; i < conn->inherited; i++) {
        conn->option[i].inherited = true;
    }
}

/* Whether the last segment of a handshake may have come to this end from the one that connects. */
static bool may_have_acknowledged(const struct stack_conn *conn, unsigned host)
{
    unsigned begun = 1U << TCP_CLOSED | 1U << TCP_SYN_SENT;
    return conn->at_forged != 0 || (conn->end[TRACE_HOST_COUNT - 1 - host].visited & ~begun) != 0;
}

/* What proves a cookie again, behind the end of the connection, opens another one, whose stream
 * begins anew at one end alone: nothing is said of it. */
static void reopen(struct stack_conn *conn, uint32_t at)
{
    conn->own = true;
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        conn->end[host].at_fed = at;
    }
}

void stack_facts_state(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_conn *conn = stack_facts_conn(stack, event->conn);
    if (conn == NULL || event->what >= TCP_STATE_COUNT || event->a < 0 ||
        event->a >= TCP_STATE_COUNT) {
        return;
    }
    struct stack_end *end = &conn->end[event->host];
    enum tcp_state from = (enum tcp_state)event->a;
    conn->own |= from == TCP_LISTEN && stack_been(end, TCP_SYN_SENT);
    if (from == TCP_LISTEN && end->at_cookie != 0 && stack_been(end, TCP_CLOSED)) {
        reopen(conn, at);
    }
    conn->own |= from == TCP_SYN_SENT && event->what == TCP_SYN_RECEIVED &&
                 conn->end[TRACE_HOST_COUNT - 1 - event->host].visited == 0;
    if (conn->own) {
        stack_facts_mix(stack, event->host, conn->port);
    }
    if (end->step != stack->step) {
        end->step = stack->step;
        end->step_state = (uint8_t)from;
    }
    if (event->what == TCP_CLOSED) {
        take_end_of_conn(stack, event, end, from, at);
    }
    end->state = event->what;
    end->state_us = event->time_us;
    end->visited |= (uint16_t)(1U << event->what);
    end->at_state[event->what] = at;
    bool passive = !stack_been(end, TCP_SYN_SENT);
    /* Where states are looked at now and then, ESTABLISHED may be over by then. */
    bool complete = tcp_states[event->what].synchronized && passive;
    if ((from == TCP_LISTEN || complete) && conn->listener == 0) {
        conn->listener = listener_of(stack, event->host, conn->port);
    }
    if (event->what == TCP_ESTABLISHED) {
        stack_facts_stir(stack, end, at);
    }
    if (complete && conn->listener != 0 && conn->at_established == 0) {
        conn->at_established = at;
        stack->file[conn->listener].at_stir = at;
        inherit(conn, &stack->file[conn->listener]);
    } else if (trace_state_sampled(event) && event->what == TCP_CLOSED && passive &&
               conn->listener != 0 && conn->at_established == 0 &&
               may_have_acknowledged(conn, event->host)) {
        stack->file[conn->listener].mixed = true; /* it may have been complete in between */
    }
    stack->sampled |= trace_state_sampled(event);
}

/* ---- Segments ---- */

/* Bytes `from` … `to` of the other end's stream are there now. */
static void arrive_bytes(struct stack_end *end, int64_t from, int64_t to)
{
    if (from > end->arrived) {
        if (end->gaps < STACK_GAPS) {
            end->gap[end->gaps++] = (struct stack_gap){from, to};
        }
        return;
    }
    end->arrived = to > end->arrived ? to : end->arrived;
    for (unsigned i = 0; i < end->gaps;) {
        if (end->gap[i].from <= end->arrived) {
            end->arrived = end->gap[i].to > end->arrived ? end->gap[i].to : end->arrived;
            end->gap[i] = end->gap[--end->gaps];
            i = 0;
        } else {
            i++;
        }
    }
}

/* Whether all of these bytes of the other end's stream had come before. */
static bool has_arrived(const struct stack_end *end, int64_t from, int64_t to)
{
    bool has = to <= end->arrived;
    for (unsigned i = 0; i < end->gaps; i++) {
        has |= from >= end->gap[i].from && to <= end->gap[i].to;
    }
    return has;
}

static void arrive_stream(struct stack *stack, struct stack_end *end,
                          const struct trace_event *event, uint32_t at)
{
    int64_t from = event->a - 1;
    int64_t to = from + event->b;
    const struct stack_file *file = &stack->file[end->last_file];
    bool gone = end->last_file != 0 && end->state != TCP_TIME_WAIT &&
                (end->file == 0 || (file->at_shut_read != 0 && file->at_shut_write != 0));
    end->missed |= event->b == 0 && gone && to > end->arrived;
    if (event->b > 0) {
        bool old = has_arrived(end, from, to);
        end->at_old_data = old ? at : end->at_old_data;
        end->at_data_arrived = at;
        if (!old && gone) {
            end->at_new_closed = at;
        }
        end->highest = to > end->highest ? to : end->highest;
        int64_t before = end->arrived;
        arrive_bytes(end, from, to);
        if (end->arrived > before) {
            stack_facts_stir(stack, end, at);
        }
    }
    if (event->what == SCENARIO_SEGMENT_URGENT && to >= end->urgent) { /* an older one is no news */
        if (end->at_urgent != 0 && to != end->urgent) {
            stack_facts_pass_urgent(
                end); /* a stack may leave the one before out of the stream, if it is next */
            end->urgent_passed = false;
        }
        end->urgent = to;
        end->at_urgent = at;
        end->urgent_read = false;
    }
    if (event->what == SCENARIO_SEGMENT_FIN) {
        end->at_fin_again = end->other_fin >= 0 ? at : 0;
        end->other_fin = to;
    }
    if (end->other_fin >= 0 && end->arrived >= end->other_fin && !end->fin_arrived) {
        end->fin_arrived = true;
        end->at_fin_arrived = at;
        stack_facts_stir(stack, end, at);
    }
}

/* A segment reached the other end of its connection. */
static void arrive(struct stack *stack, struct stack_conn *conn, const struct trace_event *event,
                   uint32_t at)
{
    struct stack_end *end = &conn->end[TRACE_HOST_COUNT - 1 - event->host];
    end->heard_us = event->time_us;
    end->at_heard_before = end->at_heard;
    end->at_heard = at;
    end->heard_state = end->state;
    switch (event->what) {
    case SCENARIO_SEGMENT_RST:
        end->at_rst_came = at;
        break;
    case SCENARIO_SEGMENT_SYN:
        end->at_syn_arrived = at;
        break;
    case SCENARIO_SEGMENT_DATA:
    case SCENARIO_SEGMENT_URGENT:
    case SCENARIO_SEGMENT_FIN:
        if (end->state == TCP_CLOSED && end->at_cookie != 0 && conn->at_forged == 0) {
            conn->at_forged = at; /* it may prove the cookie, or may not */
        }
        if ((end->state != TCP_CLOSED || end->at_cookie != 0) && end->state != TCP_SYN_SENT) {
            arrive_stream(stack, end, event, at);
        } else if (event->b > 0 && end->last_file != 0 && end->file == 0) {
            end->at_new_closed = at;
        }
        break;
    default:
        break;
    }
}

/* What takes up sequence numbers must come again where it is lost. */
static void note_missing(struct stack_end *end, const struct trace_event *event, uint32_t at)
{
    bool syn = event->what == SCENARIO_SEGMENT_SYN;
    bool fin = event->what == SCENARIO_SEGMENT_FIN;
    bool numbered = syn || fin || event->what == SCENARIO_SEGMENT_SYN_ACK || event->b > 0;
    if (end->at_missing != 0 && numbered && event->a <= end->missing_from) {
        end->at_missing = 0;
        end->comes_again = true;
    } else if (event->result == TRACE_FATE_DROPPED && !end->comes_again && end->at_missing == 0 &&
               (syn || fin || event->b > 0)) {
        end->at_missing = at;
        end->missing = event->what;
        end->missing_from = event->a;
        end->missing_to = event->a + event->b + (syn || fin);
    }
}

/* A segment set out: what its sender shows by it. */
static void depart(struct stack *stack, struct stack_conn *conn, const struct trace_event *event,
                   uint32_t at)
{
    struct stack_end *end = &conn->end[event->host];
    end->at_segment = at;
    note_missing(end, event, at);
    switch (event->what) {
    case SCENARIO_SEGMENT_ACK:
        end->at_ack = at;
        return;
    case SCENARIO_SEGMENT_RST:
        end->at_rst_sent = at;
        end->at_rst_lost = event->result == TRACE_FATE_DROPPED ? at : end->at_rst_lost;
        break;
    case SCENARIO_SEGMENT_FIN:
        end->fin = end->fin < 0 ? event->a - 1 + event->b : end->fin;
        end->at_fin_sent = end->at_fin_sent == 0 ? at : end->at_fin_sent;
        break;
    case SCENARIO_SEGMENT_SYN: {
        int64_t gap = event->time_us - end->syn_us;
        /* Real clocks tremble. */
        end->syn_uneven |= end->syns > 1 && gap * 10 < end->syn_gap_us * 9;
        end->syn_gap_us = end->syns > 0 ? gap : 0;
        end->syn_us = event->time_us;
        end->syns += stack->holds ? 0 : 1; /* one that waits is seen twice */
        break;
    }
    case SCENARIO_SEGMENT_SYN_ACK:
        if (end->state == TCP_CLOSED || end->state == TCP_LISTEN) {
            end->at_cookie = at;
        }
        break;
    case SCENARIO_SEGMENT_URGENT:
        conn->urgent = true;
        break;
    default:
        break;
    }
    end->sent_us = event->time_us;
}

/* A segment that was held, and departed then, will never arrive. */
static void lose_waiting(struct stack_end *end, const struct trace_event *event, uint32_t at)
{
    if (event->what == SCENARIO_SEGMENT_RST) {
        end->at_rst_lost = at;
    }
}

/* A forged segment comes to an end. */
static void feed(struct stack_end *end, unsigned segment, uint32_t at)
{
    bool bytes = segment == SCENARIO_SEGMENT_DATA || segment == SCENARIO_SEGMENT_URGENT ||
                 segment == SCENARIO_SEGMENT_FIN;
    bool number = segment == SCENARIO_SEGMENT_SYN || segment == SCENARIO_SEGMENT_SYN_ACK;
    if (end->at_fed == 0 && (bytes || (number && !tcp_states[end->state].synchronized))) {
        end->at_fed = at;
    }
}

void stack_facts_segment(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_conn *conn = stack_facts_conn(stack, event->conn);
    if (conn == NULL) {
        return;
    }
    bool again = event->result == TRACE_FATE_RETRANSMITTED;
    bool waits = again && stack->holds && stack->held_seen[event->host];
    switch (event->result) {
    case TRACE_FATE_SENT:
    case TRACE_FATE_RETRANSMITTED:
        depart(stack, conn, event, at);
        conn->lossy |= again;
        if (!waits) {
            arrive(stack, conn, event, at);
        }
        break;
    case TRACE_FATE_HELD:
        stack->held_seen[event->host] = true;
        conn->lossy = true;
        depart(stack, conn, event, at);
        break;
    case TRACE_FATE_DELIVERED:
        arrive(stack, conn, event, at);
        break;
    case TRACE_FATE_DROPPED:
        conn->lossy = true;
        conn->at_lost = at;
        if (stack_is_sent(stack, event)) {
            depart(stack, conn, event, at);
        } else {
            lose_waiting(&conn->end[event->host], event, at);
        }
        break;
    case TRACE_FATE_INJECTED:
        if (conn->at_forged == 0 && event->what != SCENARIO_SEGMENT_RST) {
            conn->at_forged = at;
        }
        conn->injected = true;
        feed(&conn->end[TRACE_HOST_COUNT - 1 - event->host], event->what, at);
        arrive(stack, conn, event, at);
        break;
    default:
        conn->lossy = true;
        break;
    }
}
