/* Opening and shutting: what the calls of programs and of scripted sockets have in common. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/congestion.h"
#include "model/net.h"

#include <assert.h>
#include <errno.h>

int socket_bind(struct model *model, struct model_socket *socket, struct net_name name)
{
    if (socket->tcp.state == TCP_TIME_WAIT) {
        socket_time_wait_detach(model, socket);
    }
    if (socket->tcp.state != TCP_CLOSED || socket->bound.port != 0) {
        return -EINVAL;
    }
    bool chosen = name.port != 0;
    int result = net_bind(model, socket, name);
    if (result < 0) {
        socket->local.address = socket->v6 ? NET_ANY6 : NET_ANY4; /* __inet_bind of Linux */
        return result;
    }
    socket->local = socket->bound;
    socket->bound_by_user = chosen;
    socket->bound_address_by_user = model->net->addresses[name.address].scope != NET_SCOPE_ANY;
    return 0;
}

int socket_listen(struct model *model, struct model_socket *socket, int backlog)
{
    struct model_net *net = model->net;
    enum tcp_state state = socket_state(socket);
    if (socket->open != NET_UNCONNECTED || (state != TCP_CLOSED && state != TCP_LISTEN)) {
        return -EINVAL;
    }
    uint32_t limit = (uint32_t)backlog;
    socket->backlog = limit < NET_SOMAXCONN ? limit : NET_SOMAXCONN;
    if (state == TCP_LISTEN) {
        return 0;
    }
    if (socket->bound.port == 0) {
        struct net_name any = {.address = socket->v6 ? NET_ANY6 : NET_ANY4};
        int result = net_bind(model, socket, any);
        if (result < 0) {
            return result;
        }
        socket->local = socket->bound;
    } else if (net_bind_conflicts(net, socket, socket->bound)) {
        return -EADDRINUSE;
    }
    socket->tcp = (struct tcp_endpoint){.state = TCP_CLOSED};
    socket->file.conn = 0;
    socket->file.ops = &listener_ops;
    net_listen_add(net, socket);
    socket_event(model, socket, TCP_EVENT_PASSIVE_OPEN);
    return 0;
}

/* Which way a connection goes: loopback reaches the other host, unless only the own host listens
 * there, or a socket connects to itself (RFC 9293 3.5, figure 7, with one end) and the other host
 * has nothing on that port. */
static uint8_t choose_lane(struct model *model, const struct model_socket *socket,
                           struct net_name from, struct net_name to)
{
    struct model_net *net = model->net;
    enum trace_host here = socket_host(socket);
    enum trace_host there = (enum trace_host)(TRACE_HOST_COUNT - 1 - here);
    const struct net_address *address = &net->addresses[to.address];
    bool local = address->scope == NET_SCOPE_HOST && address->host == here;
    if (address->scope == NET_SCOPE_LOOPBACK) {
        bool itself = from.address == to.address && from.port == to.port;
        local = net_listener_find(net, there, to, 0) == NULL &&
                (net_listener_find(net, here, to, 0) != NULL ||
                 (itself && net->bound[there][to.port] == 0));
    }
    return local ? NET_LANE_LOCAL : (uint8_t)there;
}

static uint8_t choose_source(const struct model_net *net, const struct model_socket *socket,
                             uint8_t to)
{
    const struct net_address *address = &net->addresses[to];
    if (address->scope == NET_SCOPE_LOOPBACK) {
        return address->v6 ? NET_LOOPBACK6 : NET_LOOPBACK4;
    }
    return (uint8_t)((address->v6 ? NET_HOST6 : NET_HOST4) + socket->file.host);
}

/* Two ends that connect to one another at once have one connection (RFC 9293 3.5, figure 7). */
static uint32_t connection_of(struct model *model, struct model_socket *socket, uint64_t key)
{
    enum trace_host there = (enum trace_host)(TRACE_HOST_COUNT - 1 - socket_host(socket));
    const struct model_socket *other = net_table_find(model->net, net_key_reverse(key, there));
    bool at_once = other != NULL && other->tcp.state == TCP_SYN_SENT && !other->conn_shared;
    socket->conn_shared = at_once;
    return at_once ? other->file.conn : ++model->net->conns;
}

int socket_connect_start(struct model *model, struct model_socket *socket, struct net_name to)
{
    struct model_net *net = model->net;
    assert(socket->tcp.state == TCP_CLOSED);
    if (net->addresses[to.address].scope == NET_SCOPE_ANY) {
        to.address = to.address == NET_ANY6 ? NET_LOOPBACK6 : NET_LOOPBACK4;
    }
    struct net_name from = {.address = choose_source(net, socket, to.address)};
    if (socket->bound_address_by_user) {
        if (net->addresses[socket->bound.address].v6 != net->addresses[to.address].v6) {
            return -ENETUNREACH;
        }
        from.address = socket->bound.address;
    }
    if (socket->bound.port == 0) {
        int result = net_bind(model, socket, (struct net_name){.address = from.address});
        if (result < 0) {
            return result;
        }
    }
    from.port = socket->bound.port;
    uint64_t key = net_key(socket_host(socket), from, to);
    if (net_table_find(net, key) != NULL) {
        return -EADDRNOTAVAIL;
    }
    socket->bound.address = from.address;
    socket->local = from;
    socket->remote = to;
    socket->lane = choose_lane(model, socket, from, to);
    socket->error = 0;
    socket->mss = NET_ETHERNET;
    socket->file.conn = connection_of(model, socket, key);
    net_table_add(net, socket, key);
    tcp_open_active(&socket->tcp, net_iss(model), socket->recv_room);
    socket->send_end = socket->tcp.snd_nxt;
    socket->heard_us = model->now_us;
    socket_moved(model, socket, TCP_CLOSED, TCP_SYN_SENT, TCP_EVENT_ACTIVE_OPEN);
    socket_round_trip_forget(socket);
    socket->syn_again = 0;
    socket->syn_timed = false;
    wire_send(model, socket, &(struct net_emit){.seq = socket->tcp.iss, .flags = TCP_CTL_SYN});
    return 0;
}

int socket_shutdown(struct model *model, struct model_socket *socket, int how)
{
    if (how < SHUT_RD || how > SHUT_RDWR) {
        return -EINVAL;
    }
    uint8_t bits = how == SHUT_RD ? NET_SHUT_RECV : how == SHUT_WR ? NET_SHUT_SEND : NET_SHUT_BOTH;
    enum tcp_state state = socket_state(socket);
    if (state == TCP_LISTEN && (bits & NET_SHUT_RECV) == 0) {
        /* inet_shutdown of Linux wakes whoever watches, whatever it did. */
        socket_notify(model, socket, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
        return 0;
    }
    if (state == TCP_LISTEN || state == TCP_SYN_SENT) {
        socket_disconnect(model, socket);
        socket->open = NET_UNCONNECTED;
        return 0;
    }
    if (socket->open == NET_CONNECTING) {
        socket->open =
            state == TCP_CLOSED || state == TCP_SYN_RECEIVED ? NET_DISCONNECTING : NET_CONNECTED;
    }
    socket->shut |= bits;
    if ((bits & NET_SHUT_SEND) != 0 && (state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT)) {
        socket->fin_wanted = true;
        socket_event(model, socket, TCP_EVENT_CLOSE);
        socket_output(model, socket);
        wire_deliver_own(model); /* an end on the same host hears of it first */
    }
    socket_notify(model, socket,
                  POLLOUT | ((bits & NET_SHUT_RECV) != 0 ? POLLIN | POLLRDHUP : 0U) |
                      (socket->shut == NET_SHUT_BOTH ? POLLHUP : 0U));
    return state == TCP_CLOSED ? -ENOTCONN : 0;
}

struct model_socket *socket_accept_take(struct model *model, struct model_socket *listener)
{
    struct model_socket *child = listener->accept_first;
    if (child == NULL) {
        return NULL;
    }
    listener->accept_first = child->link_next;
    if (child->link_next == NULL) {
        listener->accept_last = NULL;
    } else {
        child->link_next->link_prev = NULL;
    }
    listener->accept_count--;
    child->link_next = NULL;
    child->link_prev = NULL;
    child->listener = NULL;
    child->queued = false;
    model_changed(model);
    return child;
}

/* inet_csk_listen_stop of Linux. */
void socket_unlisten(struct model *model, struct model_socket *socket)
{
    assert(socket->tcp.state == TCP_LISTEN);
    net_listen_remove(model->net, socket);
    for (struct model_socket *child; (child = socket_accept_take(model, socket)) != NULL;) {
        child->orphan = true;
        if (child->tcp.state == TCP_CLOSED) {
            net_socket_free(model, child);
        } else {
            socket_abort(model, child, TCP_EVENT_ABORT, 0, socket_needs_reset(child));
        }
    }
    while (socket->syn_first != NULL) {
        socket_leave_listener(model, socket->syn_first);
    }
    socket->file.ops = &socket_ops;
    socket_event(model, socket, TCP_EVENT_CLOSE);
    socket_closed(model, socket);
}
