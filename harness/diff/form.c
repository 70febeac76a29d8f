/* Bringing a trace to the form in which it is compared. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/form.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "trace/describe.h"

enum { PORT_GIVEN_FIRST = 32768 }; /* ip_local_port_range */

static uint32_t socket_of(const struct diff_form *form, int64_t fd)
{
    return fd >= 0 && fd < DIFF_FDS_MAX ? form->made[fd] : 0;
}

/* Whether this is the port that was given then, and not by chance the same number: both belong to
 * one connection, or to one socket before and after it connects. */
static bool is_given(const struct diff_port *given, const struct diff_port *port)
{
    bool same_conn = given->conn == port->conn && port->conn != 0;
    bool same_socket =
        given->socket == port->socket && (given->conn == 0 || port->conn == 0 || same_conn);
    return given->port == port->port && (same_conn || same_socket);
}

static int64_t port_form(struct diff_form *form, const struct trace_event *event)
{
    const struct diff_port port = {
        .port = (uint16_t)event->a,
        .conn = event->conn < DIFF_CONNS_MAX ? form->numbers[event->conn] : 0,
        .socket = socket_of(form, event->fd),
    };
    uint32_t i = 0;
    while (i < form->port_count && !is_given(&form->ports[i], &port)) {
        i++;
    }
    if (i == form->port_count && i < DIFF_PORTS_MAX) {
        form->ports[form->port_count++] = port;
    }
    return PORT_GIVEN_FIRST + (int64_t)i;
}

static int64_t socket_option(int name)
{
    return (int64_t)SOL_SOCKET << 16 | name;
}

static uint64_t descriptor_bit(int64_t fd)
{
    return fd >= 0 && fd < 64 ? UINT64_C(1) << fd : 0;
}

/* A new descriptor has what its listener, or what it is a copy of, has. */
static void inherit(uint64_t *set, uint64_t from, uint64_t to)
{
    *set = (*set & from) != 0 ? *set | to : *set & ~to;
}

/* Which socket a new descriptor stands for. */
static void note_made(struct diff_form *form, const struct trace_event *event)
{
    bool makes = event->what == TRACE_CALL_SOCKET || event->what == TRACE_CALL_ACCEPT ||
                 event->what == TRACE_CALL_DUP;
    if (!makes || event->result < 0 || event->result >= DIFF_FDS_MAX) {
        return;
    }
    form->made[event->result] =
        event->what == TRACE_CALL_SOCKET ? ++form->sockets : socket_of(form, event->fd);
}

/* Where the options as they were when a connection began are kept; 0: of no connection that both
 * worlds number. */
static uint32_t begun(const struct diff_form *form, const struct trace_event *event)
{
    return event->conn < DIFF_CONNS_MAX ? form->numbers[event->conn] : 0;
}

static void note_buffers(struct diff_form *form, const struct trace_event *event)
{
    uint64_t bit = descriptor_bit(event->fd);
    uint64_t made = descriptor_bit(event->result);
    uint32_t at = begun(form, event);
    switch (event->what) {
    case TRACE_CALL_SETSOCKOPT:
        form->set_sndbuf |= event->a == socket_option(SO_SNDBUF) ? bit : 0;
        form->set_rcvbuf |= event->a == socket_option(SO_RCVBUF) ? bit : 0;
        break;
    case TRACE_CALL_SOCKET:
        form->set_sndbuf &= ~made;
        form->set_rcvbuf &= ~made;
        break;
    case TRACE_CALL_CONNECT:
        if (event->err == EINPROGRESS && at != 0) {
            form->sndbuf_begun[at] = form->set_sndbuf;
            form->rcvbuf_begun[at] = form->set_rcvbuf;
        }
        break;
    case TRACE_CALL_ACCEPT:
        /* What the listener is told after the handshake is not the connection's. */
        inherit(&form->set_sndbuf, bit & form->sndbuf_begun[at], made);
        inherit(&form->set_rcvbuf, bit & form->rcvbuf_begun[at], made);
        break;
    case TRACE_CALL_DUP:
        inherit(&form->set_sndbuf, bit, made);
        inherit(&form->set_rcvbuf, bit, made);
        break;
    default:
        break;
    }
}

static void call_form(struct diff_form *form, struct trace_event *event,
                      uint64_t uses[DIFF_CHOICE_COUNT])
{
    bool names = event->what == TRACE_CALL_GETSOCKNAME || event->what == TRACE_CALL_GETPEERNAME;
    if (names && event->a >= PORT_GIVEN_FIRST) {
        event->a = port_form(form, event);
        uses[DIFF_CHOICE_PORT]++;
    }
    if (event->what == TRACE_CALL_SEND && event->result < event->a && event->result != -1) {
        uses[DIFF_CHOICE_SEND]++;
    }
    note_made(form, event);
    note_buffers(form, event);
    uint64_t bit = descriptor_bit(event->fd);
    if (event->what == TRACE_CALL_GETSOCKOPT &&
        ((event->a == socket_option(SO_SNDBUF) && (form->set_sndbuf & bit) == 0) ||
         (event->a == socket_option(SO_RCVBUF) && (form->set_rcvbuf & bit) == 0))) {
        event->b = 0;
        uses[DIFF_CHOICE_BUFFER]++;
    }
}

/* Whether a segment only goes on where the one before it ended, so that both are one stretch. */
static bool goes_on(const struct diff_form *form, const struct trace_event *event)
{
    if (form->count == 0 || event->what != SCENARIO_SEGMENT_DATA) {
        return false;
    }
    const struct trace_event *last = &form->events[form->count - 1];
    return last->kind == TRACE_SEGMENT && last->what == SCENARIO_SEGMENT_DATA &&
           last->host == event->host && last->conn == event->conn &&
           last->result == event->result && last->a + last->b == event->a;
}

/* States that one segment or call leads through: who samples sees the last one. */
static bool passes_through(const struct diff_form *form, const struct trace_event *event)
{
    if (form->count == 0 || event->kind != TRACE_STATE) {
        return false;
    }
    const struct trace_event *last = &form->events[form->count - 1];
    return last->kind == TRACE_STATE && last->host == event->host && last->conn == event->conn &&
           last->what == event->a;
}

/* Whether `event` is a segment of this kind from the end that changes its state. */
static bool is_of(const struct trace_event *event, enum scenario_segment kind,
                  const struct trace_event *state)
{
    return event->kind == TRACE_SEGMENT && event->what == kind && event->host == state->host &&
           event->conn == state->conn;
}

/* A FIN that shutdown() asked for in the handshake goes out in the middle of the segment that
 * completes it, and an RST behind it where there was data in that: who samples sees the state after
 * that segment before the FIN. The change of state that the FIN's was joined to; NULL: none. */
static struct trace_event *closes_in_handshake(struct diff_form *form,
                                               const struct trace_event *event)
{
    uint32_t at = form->count;
    if (event->kind != TRACE_STATE || event->a != TCP_FIN_WAIT_1) {
        return NULL;
    }
    if (at > 0 && is_of(&form->events[at - 1], SCENARIO_SEGMENT_RST, event)) {
        at--;
    }
    if (at < 2 || !is_of(&form->events[at - 1], SCENARIO_SEGMENT_FIN, event)) {
        return NULL;
    }
    struct trace_event *state = &form->events[at - 2];
    bool opens = state->kind == TRACE_STATE && state->host == event->host &&
                 state->conn == event->conn && state->a == TCP_SYN_RECEIVED &&
                 state->what == TCP_FIN_WAIT_1;
    return opens ? state : NULL;
}

/* A close that waited ends FIN-WAIT-2 itself where TCP_LINGER2 is below 0, with an RST. Who samples
 * sees that state or not, as whoever waits comes to run. Whether that was done: the end went to
 * CLOSED then, behind its RST. */
static bool ends_wait(struct diff_form *form, const struct trace_event *event)
{
    uint32_t at = form->count;
    if (!form->waits || event->kind != TRACE_STATE || event->a != TCP_FIN_WAIT_2 ||
        event->what != TCP_CLOSED || at < 2 ||
        !is_of(&form->events[at - 1], SCENARIO_SEGMENT_RST, event)) {
        return false;
    }
    struct trace_event *reset = &form->events[at - 1];
    struct trace_event *state = &form->events[at - 2];
    if (state->kind != TRACE_STATE || state->host != event->host || state->conn != event->conn ||
        state->what != TCP_FIN_WAIT_2) {
        return false;
    }
    const struct trace_event joined = *state;
    *state = *reset;
    *reset = joined;
    reset->what = event->what;
    return true;
}

/* Whether an end sends bytes that it sent before. */
static bool is_again(struct diff_form *form, const struct trace_event *event)
{
    bool bytes = event->what == SCENARIO_SEGMENT_DATA || event->what == SCENARIO_SEGMENT_FIN ||
                 event->what == SCENARIO_SEGMENT_URGENT;
    bool leaves = event->result == TRACE_FATE_SENT || event->result == TRACE_FATE_HELD ||
                  event->result == TRACE_FATE_DROPPED || event->result == TRACE_FATE_RETRANSMITTED;
    if (event->result == TRACE_FATE_DROPPED && form->takes > 0) {
        form->takes--;
        return false;
    }
    if (!bytes || !leaves) {
        return false;
    }
    int64_t *sent = &form->sent[event->conn % DIFF_ENDS_MAX][event->host];
    int64_t end = event->a + event->b + (event->what == SCENARIO_SEGMENT_FIN);
    bool again = event->a < *sent;
    *sent = end > *sent ? end : *sent;
    return again;
}

static void add(struct diff_form *form, uint32_t index, struct trace_event event,
                uint64_t uses[DIFF_CHOICE_COUNT])
{
    bool refuses = false;
    if (event.kind == TRACE_SEGMENT) {
        bool urgent = event.what == SCENARIO_SEGMENT_URGENT;
        if (event.what == SCENARIO_SEGMENT_ACK || (urgent && event.b == 0)) {
            uses[DIFF_CHOICE_ACKNOWLEDGE]++;
            return;
        }
        if (goes_on(form, &event)) {
            form->events[form->count - 1].b += event.b;
            uses[DIFF_CHOICE_CUT]++;
            return;
        }
        if (event.result == TRACE_FATE_INJECTED) {
            event.a = 0; /* of our own making, whatever the end expected */
        }
        bool again = is_again(form, &event);
        if (again && form->recovers == UINT32_MAX) {
            /* Where it comes right behind a change of state, the other world may go on from that
             * to the next one, which is joined to it (passes_through). */
            bool moved = form->count > 0 && form->events[form->count - 1].kind == TRACE_STATE;
            form->recovers = form->count - (moved ? 1 : 0);
            uses[DIFF_CHOICE_RECOVER]++;
        }
        refuses = event.what == SCENARIO_SEGMENT_RST && form->reads;
        uses[DIFF_CHOICE_REFUSE] += refuses;
        uses[DIFF_CHOICE_SEQUENCE] += event.what == SCENARIO_SEGMENT_SYN;
    }
    struct trace_event *opened = closes_in_handshake(form, &event);
    if (opened != NULL) {
        opened->what = event.what;
        return;
    }
    if (ends_wait(form, &event)) {
        uses[DIFF_CHOICE_LOOK]++;
        return;
    }
    if (passes_through(form, &event)) {
        form->events[form->count - 1].what = event.what;
        return;
    }
    if (form->count < DIFF_EVENTS_MAX) {
        form->sources[form->count] = index;
        form->refuses[form->count] = refuses;
        form->events[form->count++] = event;
    }
}

/* What a step takes from the wire was counted when it was held; what is lost behind that was sent.
 */
static void note_taking(struct diff_form *form, const struct trace_event *event)
{
    if (event->kind == TRACE_STEP) {
        form->reads = event->what == SCENARIO_APP_RECV;
        form->waits = event->what == SCENARIO_APP_BLOCKING;
        form->takes = event->what == SCENARIO_WIRE_DROP  ? 1
                      : event->what == SCENARIO_WIRE_CUT ? UINT32_MAX
                                                         : 0;
    } else if (event->kind != TRACE_SEGMENT || event->result != TRACE_FATE_DROPPED) {
        form->takes = 0;
    }
}

static bool connects_own(const struct scenario *scenario, const struct trace_event *step)
{
    const struct scenario_step *played =
        scenario != NULL && step->a >= 0 && step->a < scenario->count ? &scenario->steps[step->a]
                                                                      : NULL;
    return played != NULL && played->verb == SCENARIO_APP_CONNECT &&
           (played->kind & SCENARIO_OWN) != 0;
}

/* Which connections are those of a host with itself, which have a number in one world alone. */
static void find_own(struct diff_form *form, const struct trace *trace,
                     const struct scenario *scenario)
{
    bool own = false;
    uint16_t left = 0;
    memset(form->own, 0, sizeof form->own);
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        if (event->kind == TRACE_STEP) {
            own = connects_own(scenario, event);
        } else if (own && event->kind == TRACE_CALL && event->what == TRACE_CALL_CONNECT &&
                   event->err == EINPROGRESS && event->conn < DIFF_CONNS_MAX) {
            form->own[event->conn] = event->conn != 0;
        }
    }
    for (uint32_t conn = 0; conn < DIFF_CONNS_MAX; conn++) {
        form->numbers[conn] = form->own[conn] ? 0 : left++;
    }
}

/* Gives the event its number; false when nobody sees in one of the worlds what it tells. */
static bool number_form(const struct diff_form *form, struct trace_event *event)
{
    bool own = event->conn < DIFF_CONNS_MAX && form->own[event->conn];
    if (event->conn < DIFF_CONNS_MAX) {
        event->conn = form->numbers[event->conn];
    }
    if (event->kind == TRACE_BYTES) {
        return event->conn != 0; /* the numbers of both streams are what joins them */
    }
    return !own || event->kind == TRACE_CALL || event->kind == TRACE_READY;
}

/* Adds the event in the form in which it is compared, if it is compared at all. */
static void take_event(struct diff_form *form, const struct trace *trace, uint32_t index,
                       uint64_t uses[DIFF_CHOICE_COUNT])
{
    struct trace_event event = trace->events[index];
    note_taking(form, &event);
    event.time_us = 0;
    event.flags &= (uint8_t)~TRACE_SAMPLED;
    switch (event.kind) {
    case TRACE_TIME:
        form->timed = true; /* what is sent again then, the live world's wire may send */
        return;
    case TRACE_CALL:
        call_form(form, &event, uses);
        break;
    case TRACE_STATE:
        event.b = 0; /* a state that was sampled has no cause */
        break;
    case TRACE_STEP:
    case TRACE_NOOP:
    case TRACE_READY:
    case TRACE_BYTES:
    case TRACE_SIGNAL:
    case TRACE_SEGMENT:
        break;
    default:
        return;
    }
    if (number_form(form, &event)) {
        add(form, index, event, uses);
    }
}

/* Where the end of an event stands among those of all connections; a call that waits for them comes
 * behind. */
static uint64_t end_of(const struct trace_event *event)
{
    uint64_t call = event->kind == TRACE_CALL ? UINT64_C(1) << 40 : 0;
    return call + (uint64_t)event->conn * TRACE_HOST_COUNT + event->host;
}

/* The next event of events[from … until) in the order of ends, behind the one of end `*end`;
 * `until`: none is left. */
static uint32_t next_of_end(const struct trace *trace, uint32_t from, uint32_t until, uint64_t *end,
                            uint32_t after)
{
    for (uint32_t i = after; i < until; i++) {
        if (end_of(&trace->events[i]) == *end) {
            return i;
        }
    }
    uint64_t next = UINT64_MAX;
    uint32_t found = until;
    for (uint32_t i = from; i < until; i++) {
        uint64_t candidate = end_of(&trace->events[i]);
        if (candidate > *end && candidate < next) {
            next = candidate;
            found = i;
        }
    }
    *end = next;
    return found;
}

/* Takes events[from … until), what a step brought: that stands right before. */
static void take_passing(struct diff_form *form, const struct trace *trace, uint32_t from,
                         uint32_t until, uint64_t uses[DIFF_CHOICE_COUNT])
{
    uint64_t end = 0;
    uint32_t before = form->count;
    uint32_t last = from;
    bool turned = false;
    bool passes = trace->events[from - 1].what == SCENARIO_TIME_ADVANCE;
    for (uint32_t i = next_of_end(trace, from, until, &end, from); i < until;
         i = next_of_end(trace, from, until, &end, i + 1)) {
        turned |= i < last;
        last = i;
        take_event(form, trace, i, uses);
    }
    uses[DIFF_CHOICE_ORDER] += turned;
    if (passes && form->count > before && form->passed == UINT32_MAX) {
        form->passed = before;
    }
}

/* Whether what a step brings is put in order by connection and end: all ends that a process held
 * change at once, and the wire goes on beside a call that waits. */
static bool is_by_end(const struct diff_form *form, const struct trace_event *step)
{
    return step->what == SCENARIO_APP_DIE || step->what == SCENARIO_APP_BLOCKING ||
           (form->by_end && step->what == SCENARIO_TIME_ADVANCE);
}

void diff_form_take(struct diff_form *ret_form, const struct trace *trace,
                    const struct scenario *scenario, uint64_t uses[DIFF_CHOICE_COUNT])
{
    find_own(ret_form, trace, scenario);
    ret_form->count = 0;
    ret_form->passed = UINT32_MAX;
    ret_form->port_count = 0;
    ret_form->sockets = 0;
    memset(ret_form->made, 0, sizeof ret_form->made);
    ret_form->recovers = UINT32_MAX;
    ret_form->reads = false;
    ret_form->waits = false;
    memset(ret_form->sent, 0, sizeof ret_form->sent);
    ret_form->timed = false;
    ret_form->takes = 0;
    ret_form->set_sndbuf = 0;
    ret_form->set_rcvbuf = 0;
    memset(ret_form->sndbuf_begun, 0, sizeof ret_form->sndbuf_begun);
    memset(ret_form->rcvbuf_begun, 0, sizeof ret_form->rcvbuf_begun);
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        take_event(ret_form, trace, i, uses);
        if (event->kind == TRACE_STEP && is_by_end(ret_form, event)) {
            uint32_t until = i + 1;
            while (until < trace->count && trace->events[until].kind != TRACE_STEP) {
                until++;
            }
            take_passing(ret_form, trace, i + 1, until, uses);
            i = until - 1;
        }
    }
}

uint32_t diff_form_compare(const struct diff_form *a, const struct diff_form *b)
{
    uint32_t count = a->count < b->count ? a->count : b->count;
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(&a->events[i], &b->events[i], sizeof a->events[i]) != 0) {
            return i;
        }
    }
    return a->count == b->count ? UINT32_MAX : count;
}

const char *diff_form_describe(const struct diff_form *form, uint32_t at, char *buffer, size_t size)
{
    char text[TRACE_DESCRIBE_MAX];
    if (at >= form->count) {
        (void)snprintf(buffer, size, "nothing more");
        return buffer;
    }
    const struct trace_event *event = &form->events[at];
    (void)snprintf(buffer, size, "%s: %s (conn %u, a %lld, b %lld)",
                   event->host == TRACE_HOST_PEER ? "peer" : "target",
                   trace_describe(event, text, sizeof text), event->conn, (long long)event->a,
                   (long long)event->b);
    return buffer;
}
