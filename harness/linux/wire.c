/* The wire: what both kernels put out, in a lane per direction, and what a scenario does to it.
 * The kernels' own retransmission is put off far beyond a play; the wire sends again what was
 * lost, in the time of the trace. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "linux/net_internal.h"

/* A lane is named by whom it leads to. */
_Static_assert((int)WORLD_TO_TARGET == (int)TRACE_HOST_TARGET &&
                   (int)WORLD_TO_PEER == (int)TRACE_HOST_PEER,
               "a direction is the host that it leads to");

/* ---- Segments and lists ---- */

static struct net_segment *segment_new(struct net_wire *wire)
{
    struct net_segment *segment = wire->free;
    if (segment != NULL) {
        wire->free = segment->next;
        return segment;
    }
    if (wire->used == NET_SEGMENTS_MAX) {
        return NULL;
    }
    segment = malloc(sizeof *segment);
    wire->used += segment != NULL;
    return segment;
}

static void segment_free(struct net_wire *wire, struct net_segment *segment)
{
    segment->next = wire->free;
    wire->free = segment;
}

/* Puts it behind `before`; NULL: at the end. */
static void list_insert(struct net_list *list, struct net_segment *before,
                        struct net_segment *segment)
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

static void list_remove(struct net_list *list, struct net_segment *segment)
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

static void list_empty(struct net_wire *wire, struct net_list *list)
{
    while (list->first != NULL) {
        struct net_segment *segment = list->first;
        list_remove(list, segment);
        segment_free(wire, segment);
    }
}

void linux_wire_reset(struct linux_net *net)
{
    struct net_wire *wire = &net->wire;
    for (unsigned lane = 0; lane < WORLD_DIRECTION_COUNT; lane++) {
        list_empty(wire, &wire->lanes[lane].list);
        wire->lanes[lane].held = false;
        wire->lanes[lane].cut = false;
    }
    list_empty(wire, &wire->lost);
    memset(wire->lose, 0, sizeof wire->lose);
    wire->order = 0;
}

void linux_wire_done(struct linux_net *net)
{
    linux_wire_reset(net);
    while (net->wire.free != NULL) {
        struct net_segment *segment = net->wire.free;
        net->wire.free = segment->next;
        free(segment);
    }
}

/* ---- What happens to a segment ---- */

static void trace_segment(struct linux_net *net, const struct net_segment *segment,
                          enum trace_fate fate)
{
    const struct net_conn *conn = net_conn_at(net, segment->conn);
    struct trace_event *event =
        trace_add(net->trace, TRACE_SEGMENT, (enum trace_host)segment->sender);
    event->conn = segment->conn;
    event->what = segment->kind;
    event->result = fate;
    /* An RST that belongs to no connection any more has the number that was asked for; the model
     * gives it none. */
    bool stray =
        segment->kind == SCENARIO_SEGMENT_RST && (segment->packet.flags & TCP_CTL_ACK) == 0;
    if (conn != NULL && conn->isn_known[segment->sender] && !stray) {
        event->a = (uint32_t)(segment->packet.seq - conn->isn[segment->sender]);
    }
    event->b = segment->packet.length;
}

static bool loses_next(struct net_wire *wire, const struct net_lane *lane, uint8_t kind)
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

/* The kernels themselves send a SYN again, after a second; nobody sends an RST again. */
static bool comes_again(const struct net_segment *segment)
{
    return segment->conn != 0 && segment->kind != SCENARIO_SEGMENT_SYN &&
           segment->kind != SCENARIO_SEGMENT_SYN_ACK && segment->kind != SCENARIO_SEGMENT_RST;
}

/* It did not arrive: to be sent again, or forgotten. Takes the segment. */
static void miss(struct linux_net *net, struct net_segment *segment)
{
    if (!comes_again(segment)) {
        segment_free(&net->wire, segment);
        return;
    }
    int64_t doubled = segment->rto_us < NET_RTO_MAX_US / 2 ? segment->rto_us * 2 : NET_RTO_MAX_US;
    segment->rto_us = segment->rto_us == 0 ? NET_RTO_US : doubled;
    segment->due_us = net->trace->now_us + segment->rto_us;
    list_insert(&net->wire.lost, NULL, segment);
}

static void drop(struct linux_net *net, struct net_segment *segment)
{
    trace_segment(net, segment, TRACE_FATE_DROPPED);
    miss(net, segment);
}

/* Puts a filled-in segment on its lane, or loses it. Takes the segment. */
static void put(struct linux_net *net, struct net_segment *segment, bool again)
{
    struct net_wire *wire = &net->wire;
    struct net_lane *lane = &wire->lanes[net_other((enum trace_host)segment->sender)];
    if (loses_next(wire, lane, segment->kind)) {
        drop(net, segment);
        return;
    }
    segment->order = wire->order++;
    segment->held = lane->held;
    list_insert(&lane->list, NULL, segment);
    if (again || segment->kind != SCENARIO_SEGMENT_ACK || lane->held) {
        trace_segment(net, segment,
                      again        ? TRACE_FATE_RETRANSMITTED
                      : lane->held ? TRACE_FATE_HELD
                                   : TRACE_FATE_SENT);
    }
}

/* ---- Collecting ---- */

/* An end that a segment reached changed before it answered; but it sends an RST and is CLOSED then.
 */
static void sample_pending(struct linux_net *net, const struct net_segment *answer)
{
    struct net_pending *pending = &net->wire.pending;
    if (pending->conn != 0 &&
        (answer == NULL || (answer->conn == pending->conn && answer->sender == pending->host &&
                            answer->kind != SCENARIO_SEGMENT_RST))) {
        uint32_t conn = pending->conn;
        pending->conn = 0;
        linux_conn_sample_end(net, conn, (enum trace_host)pending->host);
    }
}

static void take(struct linux_net *net, enum trace_host sender, struct net_segment *segment)
{
    bool again;
    segment->sender = (uint8_t)sender;
    segment->kind = (uint8_t)linux_packet_kind(&segment->packet);
    segment->rto_us = 0;
    segment->conn = linux_conn_of_segment(net, sender, &segment->packet, &again);
    uint32_t conn = segment->conn;
    bool reset = segment->kind == SCENARIO_SEGMENT_RST;
    sample_pending(net, segment);
    if (conn != 0 && !reset && (segment->packet.flags & (TCP_CTL_SYN | TCP_CTL_FIN)) != 0) {
        linux_conn_sample_end(net, conn, sender);
    }
    put(net, segment, again);
    if (conn != 0 && reset) {
        linux_conn_sample_end(net, conn, sender);
    }
}

/* On the wire everything has the hosts' own addresses (see linux_conn_aim). */
static void leave_loopback(struct net_segment *segment, enum trace_host host)
{
    uint8_t address[LINUX_PACKET_ADDRESS];
    if (!segment->packet.v6 && segment->packet.source[0] == NET_LOOPBACK) {
        linux_link_address(host, false, address);
        linux_packet_readdress(&segment->packet, true, address, segment->bytes);
    }
}

bool linux_wire_collect(struct linux_net *net, enum trace_host host)
{
    bool any = false;
    for (struct net_segment *segment; (segment = segment_new(&net->wire)) != NULL;) {
        ssize_t size = read(net->tuns[host], segment->bytes, sizeof segment->bytes);
        if (size <= 0) {
            segment_free(&net->wire, segment);
            break;
        }
        segment->size = (uint16_t)size;
        if (!linux_packet_parse(segment->bytes, (size_t)size, &segment->packet)) {
            segment_free(&net->wire, segment);
            continue;
        }
        leave_loopback(segment, host);
        take(net, host, segment);
        any = true;
    }
    return any;
}

void linux_wire_drain(struct linux_net *net)
{
    uint8_t bytes[NET_MTU];
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        while (read(net->tuns[host], bytes, sizeof bytes) > 0) {
        }
    }
}

/* Puts in what was lost long enough ago and still matters. */
static bool resend(struct linux_net *net)
{
    bool any = false;
    struct net_segment *segment = net->wire.lost.first;
    for (uint32_t left = net->wire.lost.count; left > 0; left--) {
        struct net_segment *next = segment->next;
        if (segment->due_us <= net->trace->now_us) {
            list_remove(&net->wire.lost, segment);
            if (linux_conn_needs(net, segment->conn, (enum trace_host)segment->sender,
                                 &segment->packet)) {
                put(net, segment, true);
                any = true;
            } else {
                segment_free(&net->wire, segment);
            }
        }
        segment = next;
    }
    return any;
}

bool linux_net_collect(struct linux_net *net)
{
    bool any = net->wire.lost.first != NULL && resend(net);
    if (net->trace->now_us >= net->expiry_us) {
        linux_conn_expire(net);
    }
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        any = linux_wire_collect(net, (enum trace_host)host) || any;
    }
    return any;
}

int64_t linux_net_due_us(struct linux_net *net)
{
    int64_t first = -1;
    if (net->expiry_us != INT64_MAX) {
        first = net->expiry_us > net->trace->now_us ? net->expiry_us - net->trace->now_us : 0;
    }
    for (const struct net_segment *segment = net->wire.lost.first; segment != NULL;
         segment = segment->next) {
        int64_t us = segment->due_us - net->trace->now_us;
        us = us > 0 ? us : 0;
        if ((first < 0 || us < first) &&
            linux_conn_needs(net, segment->conn, (enum trace_host)segment->sender,
                             &segment->packet)) {
            first = us;
        }
    }
    return first;
}

/* ---- Delivering ---- */

/* Nothing but SYN, FIN and RST changes an end that is ESTABLISHED. */
static bool may_change(const struct net_conn *conn, enum trace_host receiver,
                       const struct net_segment *segment)
{
    return conn->state[receiver] != TCP_ESTABLISHED ||
           (segment->packet.flags & (TCP_CTL_SYN | TCP_CTL_FIN | TCP_CTL_RST)) != 0;
}

/* Whether the receiver did not take all of it: its buffer was full, or it lies ahead of a gap. */
static bool was_refused(const struct net_conn *conn, enum trace_host receiver,
                        const struct net_segment *segment)
{
    uint32_t end = segment->packet.seq + linux_packet_space(&segment->packet);
    return end != segment->packet.seq && comes_again(segment) &&
           tcp_after(end, conn->expects[receiver]);
}

/* The target's end of the connection may be on a loopback address (see linux_conn_aim). */
static void enter_loopback(struct linux_net *net, struct net_segment *segment)
{
    struct net_conn *conn = &net->conns[segment->conn];
    if (segment->kind == SCENARIO_SEGMENT_SYN && conn->state[TRACE_HOST_TARGET] == TCP_CLOSED) {
        linux_conn_aim(net, segment->conn);
    }
    if (conn->local_only) {
        linux_packet_readdress(&segment->packet, false, conn->loopback, segment->bytes);
    }
}

static void arrive(struct linux_net *net, struct net_segment *segment, enum trace_host receiver)
{
    struct net_conn *conn = net_conn_at(net, segment->conn);
    ssize_t written;
    if (conn != NULL && receiver == TRACE_HOST_TARGET) {
        enter_loopback(net, segment);
    }
    do {
        written = write(net->tuns[receiver], segment->bytes, segment->size);
    } while (written < 0 && errno == EINTR);
    if (conn != NULL) {
        linux_conn_delivered(net, segment->conn, receiver, &segment->packet);
        if (may_change(conn, receiver, segment)) {
            net->wire.pending =
                (struct net_pending){.conn = segment->conn, .host = (uint8_t)receiver};
        }
    }
    (void)linux_wire_collect(net, receiver);
    sample_pending(net, NULL);
}

static void deliver(struct linux_net *net, unsigned lane, struct net_segment *segment)
{
    enum trace_host receiver = (enum trace_host)lane;
    list_remove(&net->wire.lanes[lane].list, segment);
    if (segment->held) {
        trace_segment(net, segment, TRACE_FATE_DELIVERED);
    }
    arrive(net, segment, receiver);
    const struct net_conn *conn = net_conn_at(net, segment->conn);
    if (conn != NULL && conn->state[receiver] != TCP_CLOSED &&
        was_refused(conn, receiver, segment)) {
        miss(net, segment);
    } else {
        segment_free(&net->wire, segment);
    }
}

static int oldest(const struct net_wire *wire)
{
    int best = -1;
    for (int lane = 0; lane < WORLD_DIRECTION_COUNT; lane++) {
        const struct net_lane *candidate = &wire->lanes[lane];
        if (candidate->list.first != NULL && !candidate->held &&
            (best < 0 || candidate->list.first->order < wire->lanes[best].list.first->order)) {
            best = lane;
        }
    }
    return best;
}

bool linux_net_in_flight(const struct linux_net *net)
{
    return oldest(&net->wire) >= 0;
}

bool linux_net_deliver(struct linux_net *net)
{
    bool any = false;
    uint64_t limit = net->wire.order;
    for (int lane; (lane = oldest(&net->wire)) >= 0; any = true) {
        struct net_segment *segment = net->wire.lanes[lane].list.first;
        if (segment->order >= limit) {
            break;
        }
        deliver(net, (unsigned)lane, segment);
    }
    return any;
}

/* ---- The world's operations ---- */

static struct net_segment *segment_at(struct linux_net *net, enum world_direction direction,
                                      uint32_t index)
{
    struct net_segment *segment = net->wire.lanes[direction].list.first;
    while (segment != NULL && index-- > 0) {
        segment = segment->next;
    }
    return segment;
}

void linux_net_hold(struct linux_net *net, enum world_direction direction, bool hold)
{
    struct net_lane *lane = &net->wire.lanes[direction];
    (void)linux_net_collect(net);
    lane->held = hold;
    for (struct net_segment *segment = lane->list.first; hold && segment != NULL;
         segment = segment->next) {
        if (!segment->held) {
            segment->held = true;
            trace_segment(net, segment, TRACE_FATE_HELD);
        }
    }
}

uint32_t linux_net_count(const struct linux_net *net, enum world_direction direction)
{
    return net->wire.lanes[direction].list.count;
}

int linux_net_wire_deliver(struct linux_net *net, enum world_direction direction, uint32_t index)
{
    (void)linux_net_collect(net);
    struct net_segment *segment = segment_at(net, direction, index);
    if (segment == NULL) {
        return -ENOENT;
    }
    deliver(net, direction, segment);
    return 0;
}

int linux_net_wire_drop(struct linux_net *net, enum world_direction direction, uint32_t index)
{
    (void)linux_net_collect(net);
    struct net_segment *segment = segment_at(net, direction, index);
    if (segment == NULL) {
        return -ENOENT;
    }
    list_remove(&net->wire.lanes[direction].list, segment);
    drop(net, segment);
    return 0;
}

/* The copy travels right behind the original. */
int linux_net_wire_duplicate(struct linux_net *net, enum world_direction direction, uint32_t index)
{
    (void)linux_net_collect(net);
    struct net_segment *segment = segment_at(net, direction, index);
    struct net_segment *copy = segment != NULL ? segment_new(&net->wire) : NULL;
    if (copy == NULL) {
        return -ENOENT;
    }
    *copy = *segment;
    list_insert(&net->wire.lanes[direction].list, segment, copy);
    trace_segment(net, copy, TRACE_FATE_DUPLICATED);
    return 0;
}

void linux_net_lose(struct linux_net *net, enum scenario_segment kind, uint32_t count)
{
    (void)linux_net_collect(net);
    net->wire.lose[kind] += count;
}

void linux_net_cut(struct linux_net *net, enum world_direction direction, bool cut)
{
    (void)linux_net_collect(net);
    struct net_lane *lane = &net->wire.lanes[direction];
    lane->cut = cut;
    while (cut && lane->list.first != NULL) {
        struct net_segment *segment = lane->list.first;
        list_remove(&lane->list, segment);
        drop(net, segment);
    }
}

/* ---- Forging ---- */

/* A segment from the other end of the connection, with the sequence number that `to` expects. */
static void forge(const struct net_conn *conn, enum trace_host to, enum scenario_segment kind,
                  struct net_segment *segment)
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
    enum trace_host from = net_other(to);
    bool urgent = kind == SCENARIO_SEGMENT_URGENT;
    struct linux_packet packet = {
        .v6 = conn->v6,
        .source_port = conn->ports[from],
        .destination_port = conn->ports[to],
        .seq = conn->expects[to],
        .ack = (flags[kind] & TCP_CTL_ACK) != 0 ? conn->sent_end[to] : 0,
        .window = conn->window[from],
        .urgent = urgent, /* Linux takes it to point behind the urgent byte */
        .flags = flags[kind],
        .length = urgent || kind == SCENARIO_SEGMENT_DATA,
    };
    memcpy(packet.source, conn->addresses[from], LINUX_PACKET_ADDRESS);
    memcpy(packet.destination, conn->addresses[to], LINUX_PACKET_ADDRESS);
    segment->size =
        (uint16_t)linux_packet_build(&packet, data, segment->bytes, sizeof segment->bytes);
    bool parsed = linux_packet_parse(segment->bytes, segment->size, &segment->packet);
    assert(parsed);
    segment->kind = (uint8_t)kind;
    segment->sender = (uint8_t)from;
    segment->held = false;
}

int linux_net_inject(struct linux_net *net, int s, enum scenario_segment kind,
                     enum world_direction direction)
{
    enum trace_host to = (enum trace_host)direction;
    (void)linux_net_collect(net);
    uint32_t number = linux_net_conn_of(net, s);
    if (number == 0) {
        return -ENOTCONN;
    }
    linux_conn_sample_end(net, number, to);
    const struct net_conn *conn = &net->conns[number];
    struct net_segment *segment = conn->state[to] != TCP_CLOSED ? segment_new(&net->wire) : NULL;
    if (segment == NULL) {
        return -ENOTCONN;
    }
    forge(conn, to, kind, segment);
    segment->conn = number;
    trace_segment(net, segment, TRACE_FATE_INJECTED);
    arrive(net, segment, to);
    segment_free(&net->wire, segment);
    return 0;
}

void linux_wire_reset_end(struct linux_net *net, uint32_t number, enum trace_host host)
{
    struct net_segment *segment = segment_new(&net->wire);
    if (segment != NULL) {
        forge(&net->conns[number], host, SCENARIO_SEGMENT_RST, segment);
        if (net->conns[number].local_only && host == TRACE_HOST_TARGET) {
            linux_packet_readdress(&segment->packet, false, net->conns[number].loopback,
                                   segment->bytes);
        }
        ssize_t written = write(net->tuns[host], segment->bytes, segment->size);
        (void)written; /* whether it helped shows at the next look */
        segment_free(&net->wire, segment);
    }
}
