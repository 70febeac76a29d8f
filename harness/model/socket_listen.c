/* Listeners and the handshakes that they answer. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/net.h"

static bool accept_queue_full(const struct model_socket *listener)
{
    return listener->accept_count > listener->backlog;
}

/* inet_csk_reqsk_queue_is_full of Linux, without cookies. */
static bool syn_queue_full(const struct model_socket *listener)
{
    return listener->syn_count > listener->backlog;
}

void socket_child_follow(struct model_socket *child, const struct model_socket *listener)
{
    child->options = listener->options;
    child->options.defer_s = 0; /* its own queue is a new one */
    child->send_room = listener->send_room;
    child->shut = listener->shut;
}

static void child_inherit(struct model_socket *child, const struct model_socket *listener,
                          uint64_t key, uint32_t conn, const struct model_socket *from)
{
    socket_child_follow(child, listener);
    child->recv_room = listener->recv_room;
    child->passive = true;
    child->app = listener->app;
    child->open = NET_CONNECTED;
    child->file.conn = conn;
    child->local = net_key_local(key);
    child->remote = net_key_remote(key);
    bool local = from != NULL && socket_host(from) == socket_host(listener);
    child->lane = local ? NET_LANE_LOCAL : (uint8_t)(TRACE_HOST_COUNT - 1 - listener->file.host);
}

static void syn_queue_add(struct model_socket *listener, struct model_socket *child)
{
    child->listener = listener;
    listener->syn_count++;
    child->link_prev = NULL;
    child->link_next = listener->syn_first;
    if (listener->syn_first != NULL) {
        listener->syn_first->link_prev = child;
    }
    listener->syn_first = child;
}

/* The socket of a handshake that a SYN began. */
static void child_open(struct model *model, struct model_socket *listener,
                       struct model_socket *child, uint32_t iss, const struct tcp_segment *syn,
                       struct model_socket *from)
{
    tcp_open_passive(&child->tcp, iss, child->recv_room, syn);
    child->send_end = child->tcp.snd_nxt;
    child->recv_seq = child->tcp.rcv_nxt;
    child->heard_us = model->now_us;
    if (from != NULL) {
        child->peer = from;
        from->peer = child;
    }
    syn_queue_add(listener, child);
    socket_moved(model, child, TCP_LISTEN, TCP_SYN_RECEIVED, TCP_EVENT_RECV_SYN);
}

static struct model_socket *child_new(struct model *model, const struct model_socket *listener,
                                      uint64_t key, uint32_t conn, const struct model_socket *from)
{
    struct model_socket *child = net_socket_new(model, socket_host(listener), listener->v6);
    if (child != NULL) {
        child_inherit(child, listener, key, conn, from);
        net_table_add(model->net, child, key);
        net_bind_child(model->net, child, child->local);
    }
    return child;
}

/* ---- SYN cookies ---- */

/* What a cookie can tell of the largest segment (msstab of Linux). */
static const uint16_t cookie_sizes[] = {536, 1300, 1440, NET_ETHERNET};
enum { COOKIE_SIZES = sizeof cookie_sizes / sizeof cookie_sizes[0] };

/* An initial sequence number that the names of a connection and the other end's number give again
 * at any time. */
static uint32_t cookie_of(uint64_t key, uint32_t isn)
{
    return (uint32_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> 32) + isn;
}

/* What acknowledges a cookie proves the handshake, with whatever else it says (cookie_v4_check of
 * Linux). True: `node` was kept. */
static bool cookie_open(struct model *model, struct model_socket *listener, uint64_t key,
                        const struct tcp_segment *segment, struct net_segment *node, uint32_t conn)
{
    const struct tcp_segment syn = {
        .seq = segment->seq - 1, .window = segment->window, .flags = TCP_CTL_SYN};
    struct model_socket *from = net_segment_sender(node);
    struct model_socket *child =
        accept_queue_full(listener) ? NULL : child_new(model, listener, key, conn, from);
    if (child == NULL) {
        wire_arm(model, tcp_segment_space(segment) > 0 ? from : NULL);
        return false;
    }
    child_open(model, listener, child, segment->ack - 1, &syn, from);
    child->cookied = true;
    child->mss = cookie_sizes[segment->ack - 1 - cookie_of(key, segment->seq - 1)];
    return socket_arrive(model, key, child, segment, node, conn);
}

/* Whether the segment belongs to a handshake that is answered by a cookie. */
static bool cookie_arrive(struct model *model, struct model_socket *listener, uint64_t key,
                          const struct tcp_segment *segment, struct net_segment *node,
                          uint32_t conn, bool *ret_kept)
{
    uint8_t flags = segment->flags & (TCP_CTL_SYN | TCP_CTL_ACK | TCP_CTL_RST);
    if (flags == TCP_CTL_SYN) {
        const struct tcp_segment reply = {.seq = cookie_of(key, segment->seq) + COOKIE_SIZES - 1,
                                          .ack = segment->seq + 1,
                                          .window = UINT16_MAX,
                                          .flags = TCP_CTL_SYN | TCP_CTL_ACK};
        if (!accept_queue_full(listener)) {
            listener->cookied = true;
            wire_reply(model, key, conn, &reply, SCENARIO_SEGMENT_SYN_ACK,
                       net_segment_sender(node));
        }
        return true;
    }
    bool proves = flags == TCP_CTL_ACK && listener->cookied &&
                  segment->ack - 1 - cookie_of(key, segment->seq - 1) < COOKIE_SIZES;
    if (proves) {
        *ret_kept = cookie_open(model, listener, key, segment, node, conn);
    }
    return proves;
}

bool socket_listener_arrive(struct model *model, struct model_socket *listener, uint64_t key,
                            const struct tcp_segment *segment, struct net_segment *node,
                            uint32_t conn)
{
    struct model_net *net = model->net;
    struct model_socket *from = net_segment_sender(node);
    struct tcp_actions actions;
    bool kept = false;
    if (net->cookies[socket_host(listener)] &&
        cookie_arrive(model, listener, key, segment, node, conn, &kept)) {
        return kept;
    }
    tcp_endpoint_receive(&listener->tcp, segment, &actions);
    if ((actions.bits & TCP_SEND_RST) != 0) {
        wire_reply_reset(model, key, conn, segment, from);
    }
    if ((actions.bits & TCP_SYN_ARRIVED) == 0) {
        return false;
    }
    struct model_socket *child = NULL;
    if (!accept_queue_full(listener) && !syn_queue_full(listener)) {
        child = child_new(model, listener, key, conn, from);
    }
    if (child == NULL) {
        wire_arm(model, from); /* dropped: the SYN comes again */
        return false;
    }
    child_open(model, listener, child, net_iss(model), segment, from);
    wire_send(model, child,
              &(struct net_emit){.seq = child->tcp.iss, .flags = TCP_CTL_SYN | TCP_CTL_ACK});
    return false;
}

/* TCP_DEFER_ACCEPT as the number of retransmissions of a SYN+ACK that take so long. */
static uint8_t rounds_of(uint32_t defer_s)
{
    uint8_t rounds = 1;
    for (uint32_t step_s = 1, passed_s = 1; passed_s < defer_s; passed_s += step_s) {
        step_s = step_s * 2 < 120 ? step_s * 2 : 120;
        rounds++;
    }
    return rounds;
}

bool socket_child_waits(struct model *model, struct model_socket *child,
                        const struct tcp_segment *segment)
{
    if (child->listener == NULL || (segment->flags & (TCP_CTL_SYN | TCP_CTL_RST)) != 0 ||
        (segment->flags & TCP_CTL_ACK) == 0) {
        return false;
    }
    if (accept_queue_full(child->listener)) {
        wire_arm(model, child);
        return true;
    }
    uint32_t defer_s = child->listener->options.defer_s;
    if (defer_s == 0 || child->cookied ||
        segment->seq + tcp_segment_space(segment) != child->tcp.rcv_nxt) {
        return false; /* there is data, or there was some that was lost */
    }
    if (child->defer_rounds == 0) {
        child->defer_rounds = rounds_of(defer_s);
        socket_timer_defer(model, child);
    }
    return child->timer_kind == NET_TIMER_DEFER;
}

void socket_child_opened(struct model *model, struct model_socket *child)
{
    struct model_socket *listener = child->listener;
    if (child->link_prev != NULL) {
        child->link_prev->link_next = child->link_next;
    } else {
        listener->syn_first = child->link_next;
    }
    if (child->link_next != NULL) {
        child->link_next->link_prev = child->link_prev;
    }
    listener->syn_count--;
    child->link_next = NULL;
    child->link_prev = listener->accept_last;
    if (listener->accept_last != NULL) {
        listener->accept_last->link_next = child;
    } else {
        listener->accept_first = child;
    }
    listener->accept_last = child;
    listener->accept_count++;
    child->queued = true;
    socket_notify(model, listener, POLLIN);
}

bool socket_child_listens_again(struct model_socket *child)
{
    struct model_socket *parent = net_socket_alive(child->parent, child->parent_life);
    if (parent == NULL || parent->tcp.state != TCP_LISTEN) {
        return false;
    }
    child->orphan = false;
    child->parent = NULL;
    parent->syn_count--; /* it was counted all the time */
    syn_queue_add(parent, child);
    return true;
}
