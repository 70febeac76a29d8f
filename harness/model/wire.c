/* The wire between the two hosts: segments in flight, and what a scenario does to them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/congestion.h"
#include "model/net.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static void trace_segment(struct model *model, enum trace_host from,
                          const struct net_segment *segment, enum trace_fate fate)
{
    struct trace_event *event = trace_add(model->trace, TRACE_SEGMENT, from);
    event->conn = segment->conn;
    event->what = segment->kind;
    event->result = fate;
    event->a = segment->trace_seq;
    event->b = segment->tcp.length;
}

/* Which host sends on a lane; a host that talks to itself is the segment's own. */
static enum trace_host lane_sender(const struct net_segment *segment, unsigned lane)
{
    enum trace_host to = net_key_host(segment->key);
    return lane == NET_LANE_LOCAL ? to : (enum trace_host)(TRACE_HOST_COUNT - 1 - to);
}

static void update_rough(struct model_net *net)
{
    for (unsigned lane = 0; lane < NET_LANE_LOCAL; lane++) {
        net->rough[lane] = net->lanes[lane].held || net->lanes[lane].cut || net->lose_total > 0;
    }
}

/* ---- Lanes: FIFOs ---- */

/* What a held lane holds is not to be delivered. */
static inline void lane_update(struct model *model, unsigned lane_index)
{
    const struct net_lane *lane = &model->net->lanes[lane_index];
    uint32_t bit = 1U << lane_index;
    model->deliverable =
        lane->first != NULL && !lane->held ? model->deliverable | bit : model->deliverable & ~bit;
}

static inline void lane_append(struct model *model, unsigned lane_index,
                               struct net_segment *segment)
{
    struct model_net *net = model->net;
    struct net_lane *lane = &net->lanes[lane_index];
    segment->order = net->order++;
    segment->next = NULL;
    lane->count++;
    if (lane->first != NULL) {
        lane->last->next = segment;
        lane->last = segment;
        return;
    }
    lane->first = segment;
    lane->last = segment;
    lane_update(model, lane_index);
}

static inline void lane_remove(struct model *model, unsigned lane_index,
                               struct net_segment *segment)
{
    struct net_lane *lane = &model->net->lanes[lane_index];
    lane->count--;
    if (__builtin_expect(lane->first == segment, 1)) {
        lane->first = segment->next;
        lane_update(model, lane_index);
        return;
    }
    struct net_segment *before = lane->first;
    while (before->next != segment) {
        before = before->next;
    }
    before->next = segment->next;
    if (lane->last == segment) {
        lane->last = before;
    }
}

static inline void leaves_wire(struct model *model, unsigned lane_index,
                               struct net_segment *segment)
{
    lane_remove(model, lane_index, segment);
    struct model_socket *from = net_socket_alive(segment->from, segment->from_life);
    if (from != NULL) {
        assert(from->in_flight > 0);
        from->in_flight--;
    }
}

void wire_reset(struct model *model)
{
    struct model_net *net = model->net;
    memset(net->lanes, 0, sizeof net->lanes);
    memset(net->lose, 0, sizeof net->lose);
    memset(net->rough, 0, sizeof net->rough);
    model->deliverable = 0;
    net->lose_total = 0;
    net->disturbed = false;
}

/* ---- Sending ---- */

/* By the control bits but PSH; an ACK with data is DATA. */
#define KIND_OF(bits)                                                                              \
    (uint8_t)(((bits)&TCP_CTL_RST) != 0 ? SCENARIO_SEGMENT_RST                                     \
              : ((bits)&TCP_CTL_SYN) != 0                                                          \
                  ? (((bits)&TCP_CTL_ACK) != 0 ? SCENARIO_SEGMENT_SYN_ACK : SCENARIO_SEGMENT_SYN)  \
              : ((bits)&TCP_CTL_FIN) != 0 ? SCENARIO_SEGMENT_FIN                                   \
              : ((bits)&TCP_CTL_URG) != 0 ? SCENARIO_SEGMENT_URGENT                                \
                                          : SCENARIO_SEGMENT_ACK)
#define KINDS_8(bits)                                                                              \
    KIND_OF(bits), KIND_OF((bits) + 1), KIND_OF((bits) + 2), KIND_OF((bits) + 3),                  \
        KIND_OF((bits) + 4), KIND_OF((bits) + 5), KIND_OF((bits) + 6), KIND_OF((bits) + 7)

static inline uint8_t segment_kind(uint8_t flags, uint16_t length)
{
    static const uint8_t kinds[64] = {KINDS_8(0),  KINDS_8(8),  KINDS_8(16), KINDS_8(24),
                                      KINDS_8(32), KINDS_8(40), KINDS_8(48), KINDS_8(56)};
    uint8_t kind = kinds[flags & 63U];
    return kind == SCENARIO_SEGMENT_ACK && length > 0 ? SCENARIO_SEGMENT_DATA : kind;
}

static bool loses_next(struct model_net *net, unsigned lane, uint8_t kind)
{
    if (net->lanes[lane].cut) {
        return true;
    }
    if (net->lose_total == 0) {
        return false;
    }
    uint32_t *count = net->lose[kind] > 0 ? &net->lose[kind] : &net->lose[SCENARIO_SEGMENT_ANY];
    if (*count == 0) {
        return false;
    }
    --*count;
    net->lose_total--;
    update_rough(net);
    return true;
}

void wire_arm(struct model *model, struct model_socket *socket)
{
    if (socket == NULL) {
        return;
    }
    socket_timer_arm(model, socket);
    if (socket->peer != NULL) {
        socket_timer_arm(model, socket->peer);
    }
}

/* Where probes did not matter so far they begin to: some window update may be lost. */
static void disturb(struct model *model)
{
    struct model_net *net = model->net;
    if (net->disturbed) {
        return;
    }
    net->disturbed = true;
    for (uint32_t i = 0; i < net->sockets_used; i++) {
        if (net->sockets[i].key != 0) {
            socket_timer_persist(model, &net->sockets[i]);
        }
    }
}

/* Where the wire is held, cut or loses something: true when it took this one away. */
static __attribute__((noinline)) bool put_rough(struct model *model, struct net_segment *segment,
                                                unsigned lane_index, enum trace_host sender,
                                                bool again)
{
    struct model_net *net = model->net;
    /* An answer of a port where nothing is belongs to nobody, but somebody waits for it. */
    struct model_socket *from = segment->from != NULL ? segment->from : segment->to;
    bool held = net->lanes[lane_index].held;
    if (loses_next(net, lane_index, segment->kind)) {
        trace_segment(model, sender, segment, TRACE_FATE_DROPPED);
        net_segment_free(net, segment);
        wire_arm(model, from);
        return true;
    }
    segment->held = held;
    if (again || held) {
        trace_segment(model, sender, segment, again ? TRACE_FATE_RETRANSMITTED : TRACE_FATE_HELD);
    } else if (segment->kind != SCENARIO_SEGMENT_ACK) {
        trace_segment(model, sender, segment, TRACE_FATE_SENT);
    }
    if (held) {
        wire_arm(model, from);
    }
    return false;
}

/* Puts a filled-in segment on its lane, or loses it. Takes the segment. */
static inline __attribute__((always_inline)) void put(struct model *model,
                                                      struct net_segment *segment,
                                                      unsigned lane_index, enum trace_host sender,
                                                      bool again)
{
    struct model_net *net = model->net;
    if (__builtin_expect(net->rough[lane_index], 0)) {
        if (put_rough(model, segment, lane_index, sender, again)) {
            return;
        }
    } else if (again || segment->kind != SCENARIO_SEGMENT_ACK) {
        trace_segment(model, sender, segment, again ? TRACE_FATE_RETRANSMITTED : TRACE_FATE_SENT);
    }
    lane_append(model, lane_index, segment);
    if (segment->from != NULL) {
        segment->from->in_flight++;
    }
}

void wire_send(struct model *model, struct model_socket *socket, const struct net_emit *emit)
{
    assert(socket->key != 0);
    struct model_net *net = model->net;
    struct net_segment *segment = net_segment_new(net);
    if (net->strict) {
        socket_round_trip_sent(model, socket, emit);
    }
    if (__builtin_expect(segment == NULL, 0)) {
        socket_timer_arm(model, socket); /* as if a full queue of the interface had dropped it */
        return;
    }
    socket_refresh_window(socket);
    segment->tcp.seq = emit->seq;
    segment->tcp.ack = (emit->flags & TCP_CTL_ACK) != 0 ? socket->tcp.rcv_nxt : 0;
    segment->tcp.window = socket->tcp.rcv_wnd;
    segment->tcp.urgent = socket->send_urgent + emit->urgent_beyond;
    segment->tcp.length = emit->length;
    segment->tcp.flags = emit->flags;
    segment->chunk = emit->chunk;
    segment->offset = emit->offset;
    if (emit->chunk != NULL) {
        emit->chunk->refs++;
    }
    segment->kind = segment_kind(emit->flags, emit->length);
    segment->held = false;
    segment->conn = socket->file.conn;
    segment->trace_seq = emit->seq - socket->tcp.iss;
    segment->key = socket->there;
    segment->to = socket->peer;
    segment->from = socket;
    segment->from_life = socket->life;
    put(model, segment, socket->lane, socket_host(socket), emit->again);
}

void wire_reply(struct model *model, uint64_t key, uint32_t conn, const struct tcp_segment *answer,
                enum scenario_segment kind, struct model_socket *to)
{
    struct model_net *net = model->net;
    struct net_segment *reply = net_segment_new(net);
    if (reply == NULL) {
        return;
    }
    /* Loopback traffic of one host stays on it. Where its sender is gone, the address says so. */
    enum trace_host here = net_key_host(key);
    bool local = to != NULL ? socket_host(to) == here
                            : net_address_is_own(net, net_key_remote(key).address, here);
    enum trace_host there = local ? here : (enum trace_host)(TRACE_HOST_COUNT - 1 - here);
    reply->tcp = *answer;
    reply->chunk = NULL;
    reply->kind = (uint8_t)kind;
    reply->held = false;
    reply->conn = conn;
    reply->trace_seq = 0;
    reply->key = net_key_reverse(key, there);
    reply->to = to;
    reply->from = NULL;
    put(model, reply, local ? NET_LANE_LOCAL : (unsigned)there, here, false);
}

void wire_reply_reset(struct model *model, uint64_t key, uint32_t conn,
                      const struct tcp_segment *segment, struct model_socket *to)
{
    struct tcp_segment reset;
    tcp_reset_for(segment, &reset);
    wire_reply(model, key, conn, &reset, SCENARIO_SEGMENT_RST, to);
}

/* ---- Delivering ---- */

static inline void deliver(struct model *model, unsigned lane_index, struct net_segment *segment)
{
    leaves_wire(model, lane_index, segment);
    if (__builtin_expect(segment->held, 0)) {
        trace_segment(model, lane_sender(segment, lane_index), segment, TRACE_FATE_DELIVERED);
    }
    model_changed(model);
    if (!socket_arrive(model, segment->key, segment->to, &segment->tcp, segment, segment->conn)) {
        net_segment_free(model->net, segment);
    }
}

/* The lane whose next segment is the oldest, of those with something to deliver. */
static inline unsigned lane_oldest(const struct model *model)
{
    const struct net_lane *lanes = model->net->lanes;
    unsigned best = (unsigned)__builtin_ctz(model->deliverable);
    for (uint32_t others = model->deliverable & (model->deliverable - 1); others != 0;
         others &= others - 1) {
        unsigned lane = (unsigned)__builtin_ctz(others);
        best = lanes[lane].first->order < lanes[best].first->order ? lane : best;
    }
    return best;
}

void model_net_deliver(struct model *model)
{
    while (model->deliverable != 0) {
        unsigned lane = lane_oldest(model);
        deliver(model, lane, model->net->lanes[lane].first);
    }
}

void wire_deliver_own(struct model *model)
{
    const struct net_lane *own = &model->net->lanes[NET_LANE_LOCAL];
    while (own->first != NULL) {
        deliver(model, NET_LANE_LOCAL, own->first);
    }
}

/* ---- The world's operations on the wire ---- */

static struct model *model_of(struct world *world)
{
    return (struct model *)(void *)world;
}

static struct net_segment *segment_at(struct model_net *net, enum world_direction direction,
                                      uint32_t index)
{
    struct net_segment *segment = net->lanes[direction].first;
    while (segment != NULL && index-- > 0) {
        segment = segment->next;
    }
    return segment;
}

/* The sender of everything in flight may have to send again. */
static void arm_lane(struct model *model, enum world_direction direction, bool trace_held)
{
    struct model_net *net = model->net;
    for (struct net_segment *segment = net->lanes[direction].first; segment != NULL;
         segment = segment->next) {
        if (trace_held && !segment->held) {
            segment->held = true;
            trace_segment(model, lane_sender(segment, direction), segment, TRACE_FATE_HELD);
        }
        wire_arm(model, net_socket_alive(segment->from, segment->from_life));
    }
}

static void world_wire_hold(struct world *world, enum world_direction direction, bool hold)
{
    struct model *model = model_of(world);
    disturb(model);
    model->net->lanes[direction].held = hold;
    lane_update(model, direction);
    update_rough(model->net);
    if (hold) {
        arm_lane(model, direction, true);
    }
    model_changed(model);
}

static uint32_t world_wire_count(struct world *world, enum world_direction direction)
{
    return model_of(world)->net->lanes[direction].count;
}

static int world_wire_deliver(struct world *world, enum world_direction direction, uint32_t index)
{
    struct model *model = model_of(world);
    struct net_segment *segment = segment_at(model->net, direction, index);
    if (segment == NULL) {
        return -ENOENT;
    }
    disturb(model);
    if (index > 0) {
        arm_lane(model, direction, false);
    }
    deliver(model, direction, segment);
    return 0;
}

static int world_wire_drop(struct world *world, enum world_direction direction, uint32_t index)
{
    struct model *model = model_of(world);
    struct net_segment *segment = segment_at(model->net, direction, index);
    if (segment == NULL) {
        return -ENOENT;
    }
    disturb(model);
    struct model_socket *from = net_socket_alive(segment->from, segment->from_life);
    leaves_wire(model, direction, segment);
    trace_segment(model, lane_sender(segment, direction), segment, TRACE_FATE_DROPPED);
    net_segment_free(model->net, segment);
    wire_arm(model, from);
    model_changed(model);
    return 0;
}

/* The copy travels right behind the original. */
static int world_wire_duplicate(struct world *world, enum world_direction direction, uint32_t index)
{
    struct model *model = model_of(world);
    struct model_net *net = model->net;
    struct net_segment *segment = segment_at(net, direction, index);
    struct net_segment *copy = segment != NULL ? net_segment_new(net) : NULL;
    if (copy == NULL) {
        return -ENOENT;
    }
    struct net_lane *lane = &net->lanes[direction];
    *copy = *segment;
    if (copy->chunk != NULL) {
        copy->chunk->refs++;
    }
    segment->next = copy;
    if (copy->next == NULL) {
        lane->last = copy;
    }
    lane->count++;
    struct model_socket *from = net_socket_alive(copy->from, copy->from_life);
    if (from != NULL) {
        from->in_flight++;
    }
    trace_segment(model, lane_sender(copy, direction), copy, TRACE_FATE_DUPLICATED);
    model_changed(model);
    return 0;
}

static void world_wire_lose(struct world *world, enum scenario_segment kind, uint32_t count)
{
    struct model *model = model_of(world);
    struct model_net *net = model->net;
    disturb(model);
    net->lose_total += count;
    net->lose[kind] += count;
    update_rough(net);
}

static void world_wire_cut(struct world *world, enum world_direction direction, bool cut)
{
    struct model *model = model_of(world);
    struct model_net *net = model->net;
    disturb(model);
    net->lanes[direction].cut = cut;
    update_rough(net);
    while (cut && net->lanes[direction].first != NULL) {
        world_wire_drop(world, direction, 0);
    }
    model_changed(model);
}

enum { INJECT_WINDOW = 65535 }; /* offered where the other end offered none yet */

static uint8_t inject_flags(enum scenario_segment kind)
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
    return flags[kind];
}

static int inject(struct model *model, struct model_socket *to, enum scenario_segment kind)
{
    struct model_net *net = model->net;
    struct net_segment *segment = net_segment_new(net);
    struct net_chunk *chunk = net_chunk_new(net);
    bool data = kind == SCENARIO_SEGMENT_DATA || kind == SCENARIO_SEGMENT_URGENT;
    if (segment == NULL || chunk == NULL) {
        return -ENOTCONN;
    }
    chunk->data[0] = '!';
    chunk->used = 1;
    const struct model_socket *other = to->there != 0 ? net_table_find(net, to->there) : NULL;
    memset(segment, 0, sizeof *segment);
    segment->chunk = chunk;
    segment->tcp = (struct tcp_segment){.seq = to->tcp.rcv_nxt,
                                        .ack = to->tcp.snd_nxt,
                                        .window = other != NULL         ? other->tcp.rcv_wnd
                                                  : to->tcp.snd_wnd > 0 ? to->tcp.snd_wnd
                                                                        : INJECT_WINDOW,
                                        .urgent = to->tcp.rcv_nxt,
                                        .length = data ? 1 : 0,
                                        .flags = inject_flags(kind)};
    segment->kind = (uint8_t)kind;
    segment->conn = to->file.conn;
    segment->key = to->key;
    segment->trace_seq = to->tcp.rcv_nxt - to->tcp.irs;
    trace_segment(model, (enum trace_host)(TRACE_HOST_COUNT - 1 - to->file.host), segment,
                  TRACE_FATE_INJECTED);
    if (to->tcp.state == TCP_SYN_SENT && (segment->tcp.flags & TCP_CTL_SYN) != 0) {
        to->mss = NET_MSS_DEFAULT; /* what is forged has no options */
    }
    model_changed(model);
    if (!socket_arrive(model, segment->key, to, &segment->tcp, segment, segment->conn)) {
        net_segment_free(net, segment);
    }
    return 0;
}

/* The end that the direction leads to, of the connection that a scripted socket has or had last: it
 * may live on without the socket (TIME-WAIT). NULL: it is CLOSED. */
static struct model_socket *end_of(struct model_net *net, struct model_socket *socket,
                                   enum world_direction direction)
{
    if (socket->file.host == (uint8_t)direction && socket->key != 0) {
        return socket;
    }
    for (uint32_t i = 0; socket->file.conn != 0 && i < net->sockets_used; i++) {
        struct model_socket *other = &net->sockets[i];
        if (other != socket && other->key != 0 && other->file.conn == socket->file.conn &&
            other->file.host == (uint8_t)direction) {
            return other;
        }
    }
    return NULL;
}

static int world_wire_inject(struct world *world, int s, enum scenario_segment kind,
                             enum world_direction direction)
{
    struct model *model = model_of(world);
    struct model_net *net = model->net;
    if (s < 0 || (uint32_t)s >= net->numbers_used || net->numbers[s] == 0) {
        return -ENOTCONN;
    }
    struct model_socket *socket = end_of(net, net_socket_at(net, net->numbers[s]), direction);
    if (socket == NULL || socket->lane == NET_LANE_LOCAL) {
        return -ENOTCONN; /* what a host sends to itself is not on the wire */
    }
    disturb(model);
    return inject(model, socket, kind);
}

void wire_ops(struct world_ops *ops)
{
    ops->wire_hold = world_wire_hold;
    ops->wire_count = world_wire_count;
    ops->wire_deliver = world_wire_deliver;
    ops->wire_drop = world_wire_drop;
    ops->wire_duplicate = world_wire_duplicate;
    ops->wire_lose = world_wire_lose;
    ops->wire_cut = world_wire_cut;
    ops->wire_inject = world_wire_inject;
}
