/* Lanes: what both hosts put out, one per direction, and what a scenario does to it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packet/wire_internal.h"

/* A lane is named by whom it leads to. */
_Static_assert((int)WORLD_TO_TARGET == (int)TRACE_HOST_TARGET &&
                   (int)WORLD_TO_PEER == (int)TRACE_HOST_PEER,
               "a direction is the host that it leads to");

/* ---- Segments and lists ---- */

static struct packet_wire_segment *segment_new(struct packet_wire *wire)
{
    struct packet_wire_segment *segment = wire->free;
    if (segment != NULL) {
        wire->free = segment->next;
        return segment;
    }
    if (wire->used == WIRE_SEGMENTS_MAX) {
        return NULL;
    }
    segment = malloc(sizeof *segment);
    wire->used += segment != NULL;
    return segment;
}

static void segment_free(struct packet_wire *wire, struct packet_wire_segment *segment)
{
    segment->next = wire->free;
    wire->free = segment;
}

/* Puts it behind `before`; NULL: at the end. */
static void list_insert(struct packet_wire_list *list, struct packet_wire_segment *before,
                        struct packet_wire_segment *segment)
{
    segment->prev = before != NULL ? before : list->last;
    segment->next = before != NULL ? before->next : NULL;
    if (segment->prev != NULL) {
        segment->prev->next = segment;
    } else {
        list->first = segment;
    }
    if (segment->next != NULL) {
        segment->next->prev = segment;
    } else {
        list->last = segment;
    }
    list->count++;
}

static void list_remove(struct packet_wire_list *list, struct packet_wire_segment *segment)
{
    assert(list->count > 0);
    if (segment->prev != NULL) {
        segment->prev->next = segment->next;
    } else {
        list->first = segment->next;
    }
    if (segment->next != NULL) {
        segment->next->prev = segment->prev;
    } else {
        list->last = segment->prev;
    }
    list->count--;
}

static void list_empty(struct packet_wire *wire, struct packet_wire_list *list)
{
    while (list->first != NULL) {
        struct packet_wire_segment *segment = list->first;
        list_remove(list, segment);
        segment_free(wire, segment);
    }
}

enum status packet_wire_init(struct packet_wire *wire, const struct packet_wire_hosts *hosts,
                             struct status_detail *detail)
{
    assert(hosts->take != NULL && hosts->give != NULL && hosts->state != NULL);
    wire->hosts = *hosts;
    wire->conns = malloc(sizeof *wire->conns * (WIRE_CONNS_MAX + 1));
    return wire->conns != NULL ? STATUS_OK
                               : status_fail(detail, STATUS_NO_MEMORY, "no memory for connections");
}

static void empty_lanes(struct packet_wire *wire)
{
    for (unsigned lane = 0; lane < WORLD_DIRECTION_COUNT; lane++) {
        list_empty(wire, &wire->lanes[lane].list);
        wire->lanes[lane].held = false;
        wire->lanes[lane].cut = false;
    }
    list_empty(wire, &wire->lost);
}

void packet_wire_reset(struct packet_wire *wire, struct trace *trace)
{
    empty_lanes(wire);
    memset(wire->lose, 0, sizeof wire->lose);
    wire->pending.conn = 0;
    wire->arriving = 0;
    wire->collecting = false;
    wire->order = 0;
    wire->trace = trace;
    packet_wire_conn_forget(wire);
}

void packet_wire_done(struct packet_wire *wire)
{
    empty_lanes(wire);
    while (wire->free != NULL) {
        struct packet_wire_segment *segment = wire->free;
        wire->free = segment->next;
        free(segment);
    }
    free(wire->conns);
    wire->conns = NULL;
}

/* ---- What happens to a segment ---- */

static void trace_segment(struct packet_wire *wire, const struct packet_wire_segment *segment,
                          enum trace_fate fate)
{
    struct trace_event *event =
        trace_add(wire->trace, TRACE_SEGMENT, (enum trace_host)segment->sender);
    event->conn = segment->conn;
    event->what = segment->kind;
    event->result = fate;
    event->a = segment->trace_seq;
    event->b = segment->packet.length;
}

/* Its number, counted from the initial one as that is known now. */
static void number(struct packet_wire *wire, struct packet_wire_segment *segment)
{
    const struct packet_wire_conn *conn = packet_wire_conn_at(wire, segment->conn);
    /* An RST that belongs to no connection any more has the number that was asked for; the model
     * gives it none. */
    bool stray =
        (segment->kind == SCENARIO_SEGMENT_RST && (segment->packet.flags & TCP_CTL_ACK) == 0) ||
        segment->packet.seq == 0; /* forged for an end that expects nothing, likewise */
    bool known = conn != NULL && conn->isn_known[segment->sender] && !stray;
    segment->trace_seq = known ? segment->packet.seq - conn->isn[segment->sender] : 0;
}

static bool loses_next(struct packet_wire *wire, const struct packet_wire_lane *lane, uint8_t kind)
{
    uint32_t *count = wire->lose[kind] > 0 ? &wire->lose[kind] : &wire->lose[SCENARIO_SEGMENT_ANY];
    if (lane->cut) {
        return true;
    }
    if (*count == 0) {
        return false;
    }
    --*count;
    return true;
}

/* Kernels themselves send a SYN again, after a second; nobody sends an RST again. */
static bool comes_again(const struct packet_wire *wire, const struct packet_wire_segment *segment)
{
    return wire->hosts.resends && segment->conn != 0 && segment->kind != SCENARIO_SEGMENT_SYN &&
           segment->kind != SCENARIO_SEGMENT_SYN_ACK && segment->kind != SCENARIO_SEGMENT_RST;
}

/* It did not arrive: to be sent again, or forgotten. Takes the segment. */
static void miss(struct packet_wire *wire, struct packet_wire_segment *segment)
{
    if (!comes_again(wire, segment)) {
        segment_free(wire, segment);
        return;
    }
    int64_t doubled = segment->rto_us < WIRE_RTO_MAX_US / 2 ? segment->rto_us * 2 : WIRE_RTO_MAX_US;
    segment->rto_us = segment->rto_us == 0 ? WIRE_RTO_US : doubled;
    segment->due_us = wire->trace->now_us + segment->rto_us;
    list_insert(&wire->lost, NULL, segment);
}

static void drop(struct packet_wire *wire, struct packet_wire_segment *segment)
{
    trace_segment(wire, segment, TRACE_FATE_DROPPED);
    miss(wire, segment);
}

/* Puts a filled-in segment on its lane, or loses it. Takes the segment. */
static void put(struct packet_wire *wire, struct packet_wire_segment *segment, bool again)
{
    struct packet_wire_lane *lane =
        &wire->lanes[packet_wire_other((enum trace_host)segment->sender)];
    if (loses_next(wire, lane, segment->kind)) {
        drop(wire, segment);
        return;
    }
    segment->order = wire->order++;
    segment->held = lane->held;
    list_insert(&lane->list, NULL, segment);
    if (again || segment->kind != SCENARIO_SEGMENT_ACK || lane->held) {
        trace_segment(wire, segment,
                      again        ? TRACE_FATE_RETRANSMITTED
                      : lane->held ? TRACE_FATE_HELD
                                   : TRACE_FATE_SENT);
    }
}

/* ---- Collecting ---- */

/* An end that a segment reached changed before it answered; but it sends an RST and is CLOSED then.
 */
static void sample_pending(struct packet_wire *wire, const struct packet_wire_segment *answer)
{
    struct packet_wire_pending *pending = &wire->pending;
    if (pending->conn != 0 &&
        (answer == NULL || (answer->conn == pending->conn && answer->sender == pending->host &&
                            answer->kind != SCENARIO_SEGMENT_RST))) {
        uint32_t conn = pending->conn;
        pending->conn = 0;
        packet_wire_sample_end(wire, conn, (enum trace_host)pending->host);
    }
}

static void take(struct packet_wire *wire, enum trace_host sender,
                 struct packet_wire_segment *segment)
{
    bool again;
    segment->sender = (uint8_t)sender;
    segment->kind = (uint8_t)packet_kind(&segment->packet);
    segment->rto_us = 0;
    segment->conn = packet_wire_conn_of_segment(wire, sender, &segment->packet, &again);
    number(wire, segment);
    uint32_t conn = segment->conn;
    bool reset = segment->kind == SCENARIO_SEGMENT_RST;
    sample_pending(wire, segment);
    if (conn != 0 && !reset && (segment->packet.flags & (TCP_CTL_SYN | TCP_CTL_FIN)) != 0) {
        packet_wire_sample_end(wire, conn, sender);
    }
    put(wire, segment, again);
    if (conn != 0 && reset) {
        packet_wire_sample_end(wire, conn, sender);
    }
}

static bool collect_from(struct packet_wire *wire, enum trace_host host)
{
    const struct packet_wire_hosts *hosts = &wire->hosts;
    bool any = false;
    bool nested = wire->collecting;
    wire->collecting = true;
    for (struct packet_wire_segment *segment; (segment = segment_new(wire)) != NULL;) {
        int64_t size = hosts->take(hosts->context, host, segment->bytes, sizeof segment->bytes);
        if (size <= 0) {
            segment_free(wire, segment);
            break;
        }
        segment->size = (uint16_t)size;
        if (!packet_parse(segment->bytes, (size_t)size, &segment->packet)) {
            segment_free(wire, segment);
            continue;
        }
        if (hosts->leaves != NULL) {
            hosts->leaves(hosts->context, host, &segment->packet, segment->bytes);
        }
        take(wire, host, segment);
        any = true;
    }
    wire->collecting = nested;
    return any;
}

bool packet_wire_catch_up(struct packet_wire *wire, enum trace_host host)
{
    return !wire->hosts.resends && !wire->collecting && collect_from(wire, host);
}

/* Data that is sent again acknowledges what its sender has by now: a kernel throws away a segment
 * whose acknowledgment is older than the largest window (RFC 5961 5.2). */
static void refresh(struct packet_wire *wire, struct packet_wire_segment *segment)
{
    const struct packet_wire_conn *conn = packet_wire_conn_at(wire, segment->conn);
    if ((segment->packet.flags & TCP_CTL_ACK) != 0 && packet_space(&segment->packet) > 0 &&
        tcp_after(conn->expects[segment->sender], segment->packet.ack)) {
        packet_acknowledge(&segment->packet, conn->expects[segment->sender],
                           conn->window[segment->sender], segment->bytes);
    }
}

/* Puts in what was lost long enough ago and still matters. */
static bool resend(struct packet_wire *wire)
{
    bool any = false;
    struct packet_wire_segment *segment = wire->lost.first;
    for (uint32_t left = wire->lost.count; left > 0; left--) {
        struct packet_wire_segment *next = segment->next;
        if (segment->due_us <= wire->trace->now_us) {
            list_remove(&wire->lost, segment);
            if (packet_wire_conn_needs(wire, segment->conn, (enum trace_host)segment->sender,
                                       &segment->packet)) {
                refresh(wire, segment);
                put(wire, segment, true);
                any = true;
            } else {
                segment_free(wire, segment);
            }
        }
        segment = next;
    }
    return any;
}

bool packet_wire_collect(struct packet_wire *wire)
{
    bool any = wire->lost.first != NULL && resend(wire);
    for (enum trace_host host = 0; host < TRACE_HOST_COUNT; host++) {
        any = collect_from(wire, host) || any;
    }
    return any;
}

int64_t packet_wire_due_us(struct packet_wire *wire)
{
    int64_t first = -1;
    for (const struct packet_wire_segment *segment = wire->lost.first; segment != NULL;
         segment = segment->next) {
        int64_t us = segment->due_us - wire->trace->now_us;
        us = us > 0 ? us : 0;
        if ((first < 0 || us < first) &&
            packet_wire_conn_needs(wire, segment->conn, (enum trace_host)segment->sender,
                                   &segment->packet)) {
            first = us;
        }
    }
    return first;
}

/* ---- Delivering ---- */

/* Nothing but SYN, FIN and RST changes an end that is ESTABLISHED, and what a FIN waited for. */
static bool may_change(const struct packet_wire_conn *conn, enum trace_host receiver,
                       const struct packet_wire_segment *segment)
{
    return conn->state[receiver] != TCP_ESTABLISHED || conn->fin_given[receiver] ||
           (segment->packet.flags & (TCP_CTL_SYN | TCP_CTL_FIN | TCP_CTL_RST)) != 0;
}

/* Whether the receiver did not take all of it: its buffer was full, or it lies ahead of a gap. */
static bool was_refused(const struct packet_wire *wire, enum trace_host receiver,
                        const struct packet_wire_segment *segment)
{
    uint32_t end = segment->packet.seq + packet_space(&segment->packet);
    return end != segment->packet.seq && comes_again(wire, segment) &&
           tcp_after(end, wire->conns[segment->conn].expects[receiver]);
}

static void enter(struct packet_wire *wire, enum trace_host host,
                  struct packet_wire_segment *segment)
{
    const struct packet_wire_hosts *hosts = &wire->hosts;
    if (hosts->enters != NULL && segment->conn != 0) {
        hosts->enters(hosts->context, host, segment->conn, segment->kind, &segment->packet,
                      segment->bytes);
    }
    hosts->give(hosts->context, host, segment->bytes, segment->size);
}

static void arrive(struct packet_wire *wire, struct packet_wire_segment *segment,
                   enum trace_host receiver)
{
    const struct packet_wire_conn *conn = packet_wire_conn_at(wire, segment->conn);
    enter(wire, receiver, segment);
    if (conn != NULL) {
        packet_wire_conn_delivered(wire, segment->conn, receiver, &segment->packet);
        if (may_change(conn, receiver, segment)) {
            wire->pending =
                (struct packet_wire_pending){.conn = segment->conn, .host = (uint8_t)receiver};
        }
    }
    wire->arriving = segment->conn;
    (void)collect_from(wire, receiver);
    wire->arriving = 0;
    sample_pending(wire, NULL);
}

static void deliver(struct packet_wire *wire, unsigned lane, struct packet_wire_segment *segment)
{
    enum trace_host receiver = (enum trace_host)lane;
    list_remove(&wire->lanes[lane].list, segment);
    if (segment->held) {
        trace_segment(wire, segment, TRACE_FATE_DELIVERED);
    }
    arrive(wire, segment, receiver);
    const struct packet_wire_conn *conn = packet_wire_conn_at(wire, segment->conn);
    if (conn != NULL && conn->state[receiver] != TCP_CLOSED &&
        was_refused(wire, receiver, segment)) {
        miss(wire, segment);
    } else {
        segment_free(wire, segment);
    }
}

static int oldest(const struct packet_wire *wire)
{
    int best = -1;
    for (int lane = 0; lane < WORLD_DIRECTION_COUNT; lane++) {
        const struct packet_wire_lane *candidate = &wire->lanes[lane];
        if (candidate->list.first != NULL && !candidate->held &&
            (best < 0 || candidate->list.first->order < wire->lanes[best].list.first->order)) {
            best = lane;
        }
    }
    return best;
}

bool packet_wire_in_flight(const struct packet_wire *wire)
{
    return oldest(wire) >= 0;
}

bool packet_wire_deliver_all(struct packet_wire *wire)
{
    bool any = false;
    uint64_t limit = wire->order;
    for (int lane; (lane = oldest(wire)) >= 0; any = true) {
        struct packet_wire_segment *segment = wire->lanes[lane].list.first;
        if (segment->order >= limit) {
            break;
        }
        deliver(wire, (unsigned)lane, segment);
    }
    return any;
}

/* ---- The world's operations ---- */

static struct packet_wire_segment *segment_at(struct packet_wire *wire,
                                              enum world_direction direction, uint32_t index)
{
    struct packet_wire_segment *segment = wire->lanes[direction].list.first;
    while (segment != NULL && index-- > 0) {
        segment = segment->next;
    }
    return segment;
}

void packet_wire_hold(struct packet_wire *wire, enum world_direction direction, bool hold)
{
    struct packet_wire_lane *lane = &wire->lanes[direction];
    (void)packet_wire_collect(wire);
    lane->held = hold;
    for (struct packet_wire_segment *segment = lane->list.first; hold && segment != NULL;
         segment = segment->next) {
        if (!segment->held) {
            segment->held = true;
            trace_segment(wire, segment, TRACE_FATE_HELD);
        }
    }
}

uint32_t packet_wire_count(const struct packet_wire *wire, enum world_direction direction)
{
    return wire->lanes[direction].list.count;
}

int packet_wire_deliver(struct packet_wire *wire, enum world_direction direction, uint32_t index)
{
    (void)packet_wire_collect(wire);
    struct packet_wire_segment *segment = segment_at(wire, direction, index);
    if (segment == NULL) {
        return -ENOENT;
    }
    deliver(wire, direction, segment);
    return 0;
}

int packet_wire_drop(struct packet_wire *wire, enum world_direction direction, uint32_t index)
{
    (void)packet_wire_collect(wire);
    struct packet_wire_segment *segment = segment_at(wire, direction, index);
    if (segment == NULL) {
        return -ENOENT;
    }
    list_remove(&wire->lanes[direction].list, segment);
    drop(wire, segment);
    return 0;
}

/* The copy travels right behind the original. */
int packet_wire_duplicate(struct packet_wire *wire, enum world_direction direction, uint32_t index)
{
    (void)packet_wire_collect(wire);
    struct packet_wire_segment *segment = segment_at(wire, direction, index);
    struct packet_wire_segment *copy = segment != NULL ? segment_new(wire) : NULL;
    if (copy == NULL) {
        return -ENOENT;
    }
    *copy = *segment;
    list_insert(&wire->lanes[direction].list, segment, copy);
    trace_segment(wire, copy, TRACE_FATE_DUPLICATED);
    return 0;
}

void packet_wire_lose(struct packet_wire *wire, enum scenario_segment kind, uint32_t count)
{
    (void)packet_wire_collect(wire);
    wire->lose[kind] += count;
}

void packet_wire_cut(struct packet_wire *wire, enum world_direction direction, bool cut)
{
    (void)packet_wire_collect(wire);
    struct packet_wire_lane *lane = &wire->lanes[direction];
    lane->cut = cut;
    while (cut && lane->list.first != NULL) {
        struct packet_wire_segment *segment = lane->list.first;
        list_remove(&lane->list, segment);
        drop(wire, segment);
    }
}

/* ---- Forging ---- */

/* A segment from the other end of the connection, with the sequence number that `to` expects. */
static void forge(const struct packet_wire_conn *conn, enum trace_host to,
                  enum scenario_segment kind, struct packet_wire_segment *segment)
{
    static const uint8_t flags[SCENARIO_SEGMENT_COUNT] = {
        [SCENARIO_SEGMENT_ANY] = TCP_CTL_ACK,
        [SCENARIO_SEGMENT_SYN] = TCP_CTL_SYN,
        [SCENARIO_SEGMENT_SYN_ACK] = TCP_CTL_SYN | TCP_CTL_ACK,
        [SCENARIO_SEGMENT_ACK] = TCP_CTL_ACK,
        [SCENARIO_SEGMENT_DATA] = TCP_CTL_ACK | TCP_CTL_PSH,
        [SCENARIO_SEGMENT_FIN] = TCP_CTL_ACK | TCP_CTL_FIN,
        [SCENARIO_SEGMENT_RST] = TCP_CTL_ACK | TCP_CTL_RST,
        [SCENARIO_SEGMENT_URGENT] = TCP_CTL_ACK | TCP_CTL_URG,
    };
    static const uint8_t data[1] = {'!'};
    enum trace_host from = packet_wire_other(to);
    bool urgent = kind == SCENARIO_SEGMENT_URGENT;
    bool opens = (flags[kind] & TCP_CTL_SYN) != 0; /* its window is not scaled */
    uint16_t window = opens ? conn->syn_window[from] : conn->window[from];
    struct packet packet = {
        .v6 = conn->v6,
        .source_port = conn->ports[from],
        .destination_port = conn->ports[to],
        .seq = conn->expects[to],
        .ack = (flags[kind] & TCP_CTL_ACK) != 0 ? conn->sent_end[to] : 0,
        .window = window != 0 ? window : UINT16_MAX,
        .urgent = urgent, /* Linux takes it to point behind the urgent byte */
        .flags = flags[kind],
        .length = urgent || kind == SCENARIO_SEGMENT_DATA,
    };
    memcpy(packet.source, conn->addresses[from], PACKET_ADDRESS);
    memcpy(packet.destination, conn->addresses[to], PACKET_ADDRESS);
    segment->size = (uint16_t)packet_build(&packet, data, segment->bytes, sizeof segment->bytes);
    bool parsed = packet_parse(segment->bytes, segment->size, &segment->packet);
    assert(parsed);
    segment->kind = (uint8_t)kind;
    segment->sender = (uint8_t)from;
    segment->held = false;
}

int packet_wire_inject(struct packet_wire *wire, uint32_t conn_number, enum scenario_segment kind,
                       enum world_direction direction)
{
    enum trace_host to = (enum trace_host)direction;
    (void)packet_wire_collect(wire);
    if (conn_number == 0) {
        return -ENOTCONN;
    }
    packet_wire_sample_end(wire, conn_number, to);
    const struct packet_wire_conn *conn = &wire->conns[conn_number];
    struct packet_wire_segment *segment = conn->state[to] != TCP_CLOSED ? segment_new(wire) : NULL;
    if (segment == NULL) {
        return -ENOTCONN;
    }
    forge(conn, to, kind, segment);
    segment->conn = conn_number;
    number(wire, segment);
    trace_segment(wire, segment, TRACE_FATE_INJECTED);
    arrive(wire, segment, to);
    segment_free(wire, segment);
    return 0;
}

int packet_wire_unreachable(struct packet_wire *wire, uint32_t number, enum trace_host host,
                            uint8_t code)
{
    uint8_t bytes[WIRE_MTU];
    (void)packet_wire_collect(wire);
    if (number == 0) {
        return -ENOTCONN;
    }
    packet_wire_sample_end(wire, number, host);
    const struct packet_wire_conn *conn = &wire->conns[number];
    enum tcp_state state = (enum tcp_state)conn->state[host];
    if (conn->v6 || !tcp_states[state].synchronized || state == TCP_TIME_WAIT) {
        return -ENOTCONN;
    }
    /* An acknowledgment, as it may have sent at any time: its number is never out of the window. */
    struct packet about = {.source_port = conn->ports[host],
                           .destination_port = conn->ports[packet_wire_other(host)],
                           .seq = conn->sent_end[host],
                           .ack = conn->expects[host],
                           .flags = TCP_CTL_ACK};
    memcpy(about.source, conn->addresses[host], PACKET_ADDRESS);
    memcpy(about.destination, conn->addresses[packet_wire_other(host)], PACKET_ADDRESS);
    size_t size = packet_build_unreachable(&about, code, bytes, sizeof bytes);
    wire->hosts.give(wire->hosts.context, host, bytes, size);
    (void)collect_from(wire, host);
    packet_wire_sample_end(wire, number, host);
    return 0;
}

void packet_wire_reset_end(struct packet_wire *wire, uint32_t number, enum trace_host host)
{
    struct packet_wire_segment *segment = segment_new(wire);
    if (segment != NULL) {
        forge(&wire->conns[number], host, SCENARIO_SEGMENT_RST, segment);
        segment->conn = number;
        enter(wire, host, segment);
        segment_free(wire, segment);
    }
}
