/* The life of a connection: changes of state, readiness, sending, closing. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/congestion.h"
#include "model/net.h"

#include <assert.h>
#include <errno.h>

/* ---- State and readiness ---- */

/* States of a connection that is there and not only waited out. */
static const bool alive[TCP_STATE_COUNT] = {
    [TCP_SYN_SENT] = true,   [TCP_SYN_RECEIVED] = true, [TCP_ESTABLISHED] = true,
    [TCP_FIN_WAIT_1] = true, [TCP_FIN_WAIT_2] = true,   [TCP_CLOSE_WAIT] = true,
    [TCP_CLOSING] = true,    [TCP_LAST_ACK] = true,
};

void socket_moved(struct model *model, const struct model_socket *socket, enum tcp_state from,
                  enum tcp_state to, enum tcp_event event)
{
    assert(tcp_state_may_follow(from, to));
    enum trace_host host = socket_host(socket);
    struct trace_event *traced = trace_add(model->trace, TRACE_STATE, host);
    traced->conn = socket->file.conn;
    traced->what = (uint8_t)to;
    traced->a = from;
    traced->b = event;
    model->net->alive[host] += (uint32_t)alive[to] - (uint32_t)alive[from];
    if (model->counters != NULL) {
        unsigned other = socket->peer != NULL ? socket->peer->tcp.state : TCP_CLOSED;
        model->counters[((unsigned)to * TCP_STATE_COUNT + other) * TCP_EVENT_COUNT + event]++;
    }
    model_changed(model);
}

void socket_event(struct model *model, struct model_socket *socket, enum tcp_event event)
{
    enum tcp_state from = (enum tcp_state)socket->tcp.state;
    enum tcp_state to = tcp_state_next(from, event);
    assert(to != TCP_STATE_COUNT);
    socket->tcp.state = (uint8_t)to;
    socket_moved(model, socket, from, to, event);
}

int socket_take_error(struct model_socket *socket)
{
    int error = socket->error;
    socket->error = 0;
    return error;
}

/* tcp_poll of Linux. */
uint32_t socket_poll(struct model *model, struct model_file *file)
{
    (void)model;
    struct model_socket *socket = socket_of(file);
    if (socket->tcp.state == TCP_ESTABLISHED && socket->shut == 0 && socket->error == 0 &&
        socket->urgent == NET_URGENT_NONE && socket->options.rcvlowat == 1) {
        uint32_t open = socket->recv_used > 0 ? POLLIN | POLLRDNORM : 0;
        if (socket->send_first == NULL || socket_writable(socket)) {
            return open | POLLOUT | POLLWRNORM;
        }
        socket->no_space = true;
        return open;
    }
    enum tcp_state state = socket_state(socket);
    if (state == TCP_LISTEN) {
        return socket->accept_count > 0 ? POLLIN | POLLRDNORM : 0;
    }
    uint32_t bits = 0;
    if (socket->shut == NET_SHUT_BOTH || state == TCP_CLOSED) {
        bits |= POLLHUP;
    }
    if ((socket->shut & NET_SHUT_RECV) != 0) {
        bits |= POLLIN | POLLRDNORM | POLLRDHUP;
    }
    if (state != TCP_SYN_SENT && state != TCP_SYN_RECEIVED) {
        uint32_t target = (uint32_t)socket->options.rcvlowat;
        if (socket->urgent != NET_URGENT_NONE && socket_at_mark(socket) &&
            !socket->options.oobinline) {
            target++;
        }
        if (socket->recv_used >= target || (socket->recv_used > 0 && socket->tcp.rcv_wnd == 0)) {
            bits |= POLLIN | POLLRDNORM;
        }
        if ((socket->shut & NET_SHUT_SEND) != 0 || socket_writable(socket)) {
            bits |= POLLOUT | POLLWRNORM;
        } else {
            socket->no_space = true;
        }
        if (socket->urgent == NET_URGENT_THERE) {
            bits |= POLLPRI;
        }
    }
    return socket->error != 0 ? bits | POLLERR : bits;
}

/* ---- Sending ---- */

/* The segment from `seq` on, of a piece that goes from `piece` on. Each segment of a piece has its
 * header, so that the urgent pointer of Linux is too far in all but the first (tcp_gso_segment). */
static void send_piece(struct model *model, struct model_socket *socket, struct net_emit *emit,
                       uint32_t piece)
{
    emit->offset = (uint16_t)(emit->seq - emit->chunk->seq);
    emit->flags |= (uint8_t)(TCP_CTL_ACK | TCP_CTL_PSH | socket_urgent_flag(socket, piece));
    emit->urgent_beyond = emit->seq - piece;
    wire_send(model, socket, emit);
}

/* Bytes that the peer's window still takes. */
static uint32_t usable_window(const struct model_socket *socket)
{
    uint32_t edge = socket->tcp.snd_una + socket->tcp.snd_wnd;
    return tcp_after(edge, socket->tcp.snd_nxt) ? edge - socket->tcp.snd_nxt : 0;
}

/* Whether a segment that is less than full waits for more (tcp_nagle_test of Linux). */
static bool waits_for_more(const struct model_socket *socket, uint32_t seq, uint32_t length)
{
    const struct tcp_endpoint *tcp = &socket->tcp;
    if (!socket->app || length >= socket->mss || seq + length != socket->send_end ||
        socket->fin_wanted || socket->push || socket_is_urgent(socket)) {
        return false;
    }
    bool small_out = tcp->snd_una != tcp->snd_nxt && tcp_after(socket->send_small, tcp->snd_una) &&
                     !tcp_after(socket->send_small, tcp->snd_nxt);
    return socket->options.cork || (!socket->options.nodelay && small_out);
}

/* Linux cuts a buffer in two where it sends but a part of it (tso_fragment). */
static void cut_buffer(struct model_socket *socket, struct net_chunk *chunk)
{
    if (socket->app && socket->tcp.snd_nxt == chunk->seq && !chunk->begins) {
        chunk->begins = true;
        socket->send_extra += NET_SKB;
    }
}

void socket_cut_at(struct model_socket *socket, uint32_t seq)
{
    struct net_chunk *chunk = socket->send_first;
    while (chunk != NULL && chunk->seq != seq) {
        chunk = chunk->next;
    }
    if (socket->app && chunk != NULL && !chunk->begins) {
        chunk->begins = true;
        socket->send_extra += NET_SKB;
    }
}

static void output(struct model *model, struct model_socket *socket)
{
    struct tcp_endpoint *tcp = &socket->tcp;
    uint32_t window = usable_window(socket);
    uint32_t piece = 0; /* segments that are left of one, where there is a congestion window */
    while (window > 0 && tcp_before(tcp->snd_nxt, socket->send_end) &&
           socket_congestion_room(socket)) {
        struct net_chunk *chunk = socket->send_at;
        if (tcp->snd_nxt - chunk->seq == chunk->used) {
            chunk = chunk->next;
            socket->send_at = chunk;
        }
        uint32_t length = chunk->used - (tcp->snd_nxt - chunk->seq);
        length = length < window ? length : window;
        uint32_t seq = tcp->snd_nxt;
        if (waits_for_more(socket, seq, length)) {
            cut_buffer(socket, chunk);
            break;
        }
        struct net_emit emit = {.seq = seq, .length = (uint16_t)length, .chunk = chunk};
        tcp->snd_nxt += length;
        window -= length;
        if (length < socket->mss) {
            socket->send_small = tcp->snd_nxt;
        }
        if (socket->app && socket->fin_wanted && tcp->snd_nxt == socket->send_end && window > 0) {
            tcp->fin_sent = true;
            tcp->snd_nxt++;
            socket->fin_joined = true;
            emit.flags = TCP_CTL_FIN;
        }
        if (socket->cwnd != 0 && (piece == 0 || (chunk->begins && seq == chunk->seq))) {
            piece = socket_congestion_piece(socket, seq);
        }
        send_piece(model, socket, &emit, seq);
        if (tcp->fin_sent) {
            break;
        }
        if (socket->app && chunk->next != NULL &&
            (socket_is_urgent(socket) || (socket->cwnd != 0 && --piece == 0))) {
            cut_buffer(socket, chunk->next); /* what is urgent goes segment by segment */
        }
    }
    if (socket->fin_wanted && !tcp->fin_sent && tcp->snd_nxt == socket->send_end && window > 0 &&
        socket_congestion_room(socket)) {
        tcp->fin_sent = true;
        tcp->snd_nxt++;
        socket->fin_joined = false;
        wire_send(model, socket,
                  &(struct net_emit){.seq = tcp->snd_nxt - 1, .flags = TCP_CTL_FIN | TCP_CTL_ACK});
    }
    socket_timer_persist(model, socket);
}

void socket_output(struct model *model, struct model_socket *socket)
{
    uint32_t sent = socket->tcp.snd_nxt;
    output(model, socket);
    if (model->net->strict) {
        socket_congestion_sent(socket, socket->tcp.snd_nxt != sent);
    }
}

void socket_send_waiting(struct model *model, struct model_socket *socket)
{
    struct net_options options = socket->options;
    socket->options.cork = false;
    socket->options.nodelay = true;
    output(model, socket); /* a probe to Linux: it counts for no window */
    socket->options.cork = options.cork;
    socket->options.nodelay = options.nodelay;
}

void socket_push(struct model *model, struct model_socket *socket)
{
    bool waits = socket->key != 0 && tcp_before(socket->tcp.snd_nxt, socket->send_end) &&
                 tcp_states[socket->tcp.state].synchronized;
    if (waits) {
        socket_output(model, socket);
    }
}

uint32_t socket_resend(struct model *model, struct model_socket *socket, uint32_t seq,
                       uint32_t *piece)
{
    struct tcp_endpoint *tcp = &socket->tcp;
    assert(tcp_before(seq, tcp->snd_nxt));
    if (seq == tcp->iss) {
        uint8_t flags = tcp->state == TCP_SYN_SENT ? TCP_CTL_SYN : TCP_CTL_SYN | TCP_CTL_ACK;
        socket->syn_again = (uint8_t)(socket->syn_again + (socket->syn_again < UINT8_MAX));
        socket->syn_timed = true;
        wire_send(model, socket,
                  &(struct net_emit){.seq = tcp->iss, .flags = flags, .again = true});
        return seq + 1;
    }
    struct net_chunk *chunk = socket->send_first;
    while (chunk != NULL && !tcp_after(chunk->seq + chunk->used, seq)) {
        chunk = chunk->next;
    }
    if (chunk == NULL || !tcp_before(seq, socket->send_end)) {
        assert(tcp->fin_sent);
        wire_send(model, socket,
                  &(struct net_emit){
                      .seq = tcp->snd_nxt - 1, .flags = TCP_CTL_FIN | TCP_CTL_ACK, .again = true});
        return tcp->snd_nxt;
    }
    uint32_t sent = (tcp->fin_sent ? tcp->snd_nxt - 1 : tcp->snd_nxt) - seq;
    uint32_t length = chunk->used - (seq - chunk->seq);
    length = length < sent ? length : sent;
    if (chunk == socket->send_first && tcp_before(socket->send_kept, seq)) {
        socket->send_kept = seq; /* what goes again is cut off from what is acknowledged */
    }
    struct net_emit emit = {.seq = seq, .length = (uint16_t)length, .chunk = chunk, .again = true};
    *piece = chunk->begins && seq == chunk->seq ? seq : *piece;
    if (tcp->fin_sent && socket->fin_joined && seq + length == socket->send_end) {
        emit.flags = TCP_CTL_FIN;
        length++;
    }
    send_piece(model, socket, &emit, *piece);
    return seq + length;
}

void socket_retransmit(struct model *model, struct model_socket *socket)
{
    uint32_t piece = socket->tcp.snd_una;
    (void)socket_resend(model, socket, piece, &piece);
}

void socket_room(struct model *model, struct model_socket *socket)
{
    struct tcp_endpoint *tcp = &socket->tcp;
    uint32_t room =
        socket->recv_room > socket->recv_used ? socket->recv_room - socket->recv_used : 0;
    uint32_t half = (socket->recv_room + 1) / 2;
    uint32_t step = half < NET_WINDOW_STEP ? half : NET_WINDOW_STEP;
    if (tcp->rcv_wnd < half && room >= tcp->rcv_wnd + step && tcp->state != TCP_LISTEN &&
        socket->key != 0 && tcp_states[tcp->state].can_receive) {
        socket_acknowledge(model, socket, tcp->snd_nxt);
    }
}

void socket_send_reset(struct model *model, struct model_socket *socket)
{
    wire_send(model, socket,
              &(struct net_emit){.seq = socket->tcp.snd_nxt, .flags = TCP_CTL_RST | TCP_CTL_ACK});
}

/* ---- The end ---- */

static void drop_segments(struct model_net *net, struct net_segment **first)
{
    while (*first != NULL) {
        struct net_segment *segment = *first;
        *first = segment->next;
        net_segment_free(net, segment);
    }
}

static void drop_send_queue(struct model_net *net, struct model_socket *socket)
{
    while (socket->send_first != NULL) {
        struct net_chunk *chunk = socket->send_first;
        socket->send_first = chunk->next;
        net_chunk_release(net, chunk);
    }
    socket->send_last = NULL;
    socket->send_at = NULL;
    socket->send_extra = 0;
    socket->send_end = socket->tcp.snd_una;
}

void socket_drop_queues(struct model *model, struct model_socket *socket)
{
    struct model_net *net = model->net;
    drop_send_queue(net, socket);
    drop_segments(net, &socket->recv_first);
    drop_segments(net, &socket->early);
    socket->recv_last = NULL;
    socket->recv_used = 0;
    socket->ends = 0;
    socket->early_used = 0;
}

static void unlink_peer(struct model_socket *socket)
{
    if (socket->peer != NULL) {
        socket->peer->peer = NULL;
        socket->peer = NULL;
    }
}

/* It still counts as one of the listener's handshakes. */
static void unlink_syn(struct model_socket *child)
{
    if (child->link_prev != NULL) {
        child->link_prev->link_next = child->link_next;
    } else {
        child->listener->syn_first = child->link_next;
    }
    if (child->link_next != NULL) {
        child->link_next->link_prev = child->link_prev;
    }
    child->listener = NULL;
}

static void leave_syn_queue(struct model_socket *child)
{
    child->listener->syn_count--;
    unlink_syn(child);
}

/* A handshake whose listener was shut is over. Linux counts it to the end, also where the socket
 * listens again meanwhile (reqsk_queue_alloc leaves the count as it is). */
static void leave_parent(struct model_socket *child)
{
    struct model_socket *parent = net_socket_alive(child->parent, child->parent_life);
    if (parent != NULL) {
        parent->syn_count--;
    }
    child->parent = NULL;
}

void socket_leave_listener(struct model *model, struct model_socket *child)
{
    child->parent = child->listener;
    child->parent_life = child->listener->life;
    unlink_syn(child);
    child->orphan = true;
    socket_timer_arm(model, child);
}

void socket_closed(struct model *model, struct model_socket *socket)
{
    struct model_net *net = model->net;
    assert(socket->tcp.state == TCP_CLOSED);
    socket_timer_cancel(model, socket);
    model_timer_cancel(model, &socket->keepalive);
    bool waited = socket->time_wait_us != 0; /* the descriptor had no part in it */
    if (waited) {
        socket_time_wait_leave(model, socket);
    }
    drop_send_queue(net, socket);
    drop_segments(net, &socket->early);
    unlink_peer(socket);
    if (socket->key != 0) {
        net_table_remove(net, socket);
    }
    if (socket->bound.port != 0 && !socket->bound_by_user) {
        net_unbind(net, socket);
    }
    socket->shut = NET_SHUT_BOTH;
    if (socket->listener != NULL && !socket->queued) {
        leave_syn_queue(socket);
        socket->orphan = true;
    } else if (socket->parent != NULL) {
        leave_parent(socket);
    }
    if (socket->orphan) {
        net_socket_free(model, socket);
        return;
    }
    if (!waited) {
        socket_notify(model, socket,
                      POLLIN | POLLOUT | POLLHUP | POLLRDHUP | (socket->error != 0 ? POLLERR : 0U));
    }
}

void socket_abort(struct model *model, struct model_socket *socket, enum tcp_event event, int error,
                  bool reset)
{
    if (reset) {
        socket_send_reset(model, socket);
    }
    socket->error = error;
    socket_event(model, socket, event);
    socket_closed(model, socket);
}

bool socket_needs_reset(const struct model_socket *socket)
{
    switch ((enum tcp_state)socket->tcp.state) {
    case TCP_ESTABLISHED:
    case TCP_CLOSE_WAIT:
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
    case TCP_SYN_RECEIVED:
        return true;
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        return !socket->tcp.fin_sent;
    default:
        return false;
    }
}

void socket_disconnect(struct model *model, struct model_socket *socket)
{
    if (socket->tcp.state == TCP_TIME_WAIT) {
        socket_time_wait_detach(model, socket);
    }
    enum tcp_state state = (enum tcp_state)socket->tcp.state;
    if (state == TCP_LISTEN) {
        socket_unlisten(model, socket);
    } else if (state != TCP_CLOSED) {
        bool reset = socket_needs_reset(socket);
        bool lost = reset || state == TCP_SYN_SENT;
        socket_abort(model, socket, TCP_EVENT_ABORT, lost ? ECONNRESET : socket->error, reset);
    }
    socket_drop_queues(model, socket);
    socket->shut = 0;
    socket->done = false;
    socket->fin_wanted = false;
    socket->urgent = NET_URGENT_NONE;
    socket->urgent_to_send = false;
    socket->remote = (struct net_name){0};
    if (!socket->bound_address_by_user) {
        socket->local.address = socket->v6 ? NET_ANY6 : NET_ANY4;
        if (socket->bound.port != 0) {
            socket->bound.address = socket->local.address;
        }
    }
    socket_notify(model, socket, POLLOUT | POLLHUP);
}

void socket_close_begin(struct model *model, struct model_socket *socket)
{
    enum tcp_state state = (enum tcp_state)socket->tcp.state;
    socket->shut = NET_SHUT_BOTH;
    switch (state) {
    case TCP_CLOSED:
    case TCP_TIME_WAIT:
        return;
    case TCP_LISTEN:
        socket_unlisten(model, socket);
        return;
    case TCP_SYN_SENT:
        socket_abort(model, socket, TCP_EVENT_CLOSE, 0, false);
        return;
    default:
        break;
    }
    if (socket->recv_used > 0 || socket->ends > 1) {
        socket_abort(model, socket, TCP_EVENT_ABORT, 0, true); /* RFC 2525 2.17 */
    } else if (socket->options.linger && socket->options.linger_s == 0) {
        socket_abort(model, socket, TCP_EVENT_ABORT, 0, socket_needs_reset(socket));
    } else if (tcp_state_next(state, TCP_EVENT_CLOSE) != TCP_STATE_COUNT) {
        socket->fin_wanted = true;
        socket_event(model, socket, TCP_EVENT_CLOSE);
        socket_output(model, socket);
    }
}

void socket_close_end(struct model *model, struct model_socket *socket)
{
    scripted_forget(model->net, socket);
    socket->scripted = false;
    if (socket->tcp.state == TCP_CLOSED) {
        net_socket_free(model, socket);
        return;
    }
    socket->orphan = true;
    if (socket->keepalive.index != 0 && socket->tcp.state == TCP_TIME_WAIT) {
        model_timer_cancel(model, &socket->keepalive);
    }
    if (socket->tcp.state == TCP_FIN_WAIT_2) {
        if (socket->options.linger2_s <= NET_TIME_WAIT_US / 1000000) {
            socket->refused_us = -1; /* Linux goes on with a small socket from here */
        }
        socket->waits_whole = false;
        if (socket->options.linger2_s < 0) {
            socket_abort(model, socket, TCP_EVENT_ABORT, 0, true);
            return;
        }
        socket_timer_set(model, socket, NET_TIMER_FIN_WAIT_2,
                         socket_timer_fin_wait_2_us(model, socket));
    }
}

/* ---- TIME-WAIT: oldest first, so that one timer serves all ---- */

void socket_time_wait_leave(struct model *model, struct model_socket *socket)
{
    struct model_net *net = model->net;
    if (socket->link_prev != NULL) {
        socket->link_prev->link_next = socket->link_next;
    } else {
        net->time_wait_first = socket->link_next;
    }
    if (socket->link_next != NULL) {
        socket->link_next->link_prev = socket->link_prev;
    } else {
        net->time_wait_last = socket->link_prev;
    }
    socket->link_next = NULL;
    socket->link_prev = NULL;
    socket->time_wait_us = 0;
}

static void time_wait_append(struct model *model, struct model_socket *socket)
{
    struct model_net *net = model->net;
    socket->time_wait_us = model->now_us + NET_TIME_WAIT_US;
    socket->link_prev = net->time_wait_last;
    socket->link_next = NULL;
    if (net->time_wait_last != NULL) {
        net->time_wait_last->link_next = socket;
    } else {
        net->time_wait_first = socket;
    }
    net->time_wait_last = socket;
    if (net->time_wait_timer.index == 0) {
        socket_time_wait_schedule(model);
    }
}

/* The holder stands in TIME-WAIT's order where the socket stood. */
static void time_wait_replace(struct model_net *net, struct model_socket *socket,
                              struct model_socket *holder)
{
    holder->time_wait_us = socket->time_wait_us;
    holder->link_prev = socket->link_prev;
    holder->link_next = socket->link_next;
    *(socket->link_prev != NULL ? &socket->link_prev->link_next : &net->time_wait_first) = holder;
    *(socket->link_next != NULL ? &socket->link_next->link_prev : &net->time_wait_last) = holder;
    socket->link_prev = NULL;
    socket->link_next = NULL;
    socket->time_wait_us = 0;
}

void socket_time_wait_detach(struct model *model, struct model_socket *socket)
{
    struct model_net *net = model->net;
    assert(socket->tcp.state == TCP_TIME_WAIT && !socket->orphan);
    struct model_socket *holder = net_socket_new(model, socket_host(socket), socket->v6);
    if (holder == NULL) {
        socket_event(model, socket, TCP_EVENT_ABORT);
        socket_closed(model, socket);
        return;
    }
    uint64_t key = socket->key;
    struct net_name bound = socket->bound;
    holder->tcp = socket->tcp;
    holder->options = socket->options;
    holder->reuseaddr_then = socket->reuseaddr_then;
    holder->reuseport_then = socket->reuseport_then;
    holder->file.conn = socket->file.conn;
    holder->lane = socket->lane;
    holder->local = socket->local;
    holder->remote = socket->remote;
    holder->shut = NET_SHUT_BOTH;
    holder->refused_us = socket->refused_us;
    holder->orphan = true;
    net_table_remove(net, socket);
    net_table_add(net, holder, key);
    if (!socket->bound_by_user) {
        net_unbind(net, socket);
    }
    net_bind_child(net, holder, bound);
    time_wait_replace(net, socket, holder);
    unlink_peer(socket);
    socket->tcp.state = TCP_CLOSED; /* the connection lives on in its holder: not traced */
}

void socket_time_wait(struct model *model, struct model_socket *socket)
{
    assert(socket->tcp.state == TCP_TIME_WAIT);
    if (socket->time_wait_us != 0) {
        socket_time_wait_leave(model, socket);
        time_wait_append(model, socket);
        return;
    }
    socket_timer_cancel(model, socket);
    model_timer_cancel(model, &socket->keepalive);
    time_wait_append(model, socket);
    socket->reuseaddr_then = socket->options.reuseaddr;
    socket->reuseport_then = socket->options.reuseport;
    socket->shut = NET_SHUT_BOTH;
    if (!socket->orphan) {
        socket_notify(model, socket, POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
    }
}
