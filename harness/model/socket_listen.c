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

void socket_listener_arrive(struct model *model, struct model_socket *listener, uint64_t key,
                            const struct tcp_segment *segment, struct net_segment *node,
                            uint32_t conn)
{
    struct model_net *net = model->net;
    struct model_socket *from = net_segment_sender(node);
    struct tcp_actions actions;
    tcp_endpoint_receive(&listener->tcp, segment, &actions);
    if ((actions.bits & TCP_SEND_RST) != 0) {
        wire_reply_reset(model, key, conn, segment, from);
    }
    if ((actions.bits & TCP_SYN_ARRIVED) == 0) {
        return;
    }
    struct model_socket *child = NULL;
    if (!accept_queue_full(listener) && !syn_queue_full(listener)) {
        child = net_socket_new(model, socket_host(listener), listener->v6);
    }
    if (child == NULL) {
        wire_arm(model, from); /* dropped: the SYN comes again */
        return;
    }
    child_inherit(child, listener, key, conn, from);
    net_table_add(net, child, key);
    net_bind_child(net, child, child->local);
    tcp_open_passive(&child->tcp, net_iss(model), child->recv_room, segment);
    child->send_end = child->tcp.snd_nxt;
    child->recv_seq = child->tcp.rcv_nxt;
    child->heard_us = model->now_us;
    if (from != NULL) {
        child->peer = from;
        from->peer = child;
    }
    syn_queue_add(listener, child);
    socket_moved(model, child, TCP_LISTEN, TCP_SYN_RECEIVED, TCP_EVENT_RECV_SYN);
    wire_send(model, child,
              &(struct net_emit){.seq = child->tcp.iss, .flags = TCP_CTL_SYN | TCP_CTL_ACK});
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
    if (defer_s == 0 || segment->seq + tcp_segment_space(segment) != child->tcp.rcv_nxt) {
        return false; /* there is data, or there was some that was lost */
    }
    if (child->defer_until == 0) {
        child->defer_until = 1;
        socket_timer_set(model, child, NET_TIMER_DEFER, defer_s * INT64_C(1000000));
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
