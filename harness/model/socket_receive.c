/* What an arriving segment does to a socket. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/congestion.h"
#include "model/net.h"

#include <assert.h>
#include <errno.h>

/* ---- Data
 * ---------------------------------------------------------------------------------------------------
 */

/* tcp_check_urg of Linux: a second urgent byte takes the place of an unread first one. */
static void urgent_arrived(struct model_socket *socket, uint32_t seq)
{
    if (socket->urgent != NET_URGENT_NONE && seq == socket->urgent_seq) {
        return;
    }
    socket->urgent_seq = seq;
    socket->urgent = NET_URGENT_COMING;
}

static void skip_old_mark(struct model *model, struct model_socket *socket)
{
    if (socket->urgent != NET_URGENT_NONE && socket->urgent_seq == socket->recv_seq &&
        !socket->options.oobinline && socket->recv_first != NULL) {
        struct net_segment *first = socket->recv_first;
        socket->recv_seq++;
        socket->recv_used--;
        first->offset++;
        if (--first->tcp.length == 0) {
            socket->recv_first = first->next;
            if (first->next == NULL) {
                socket->recv_last = NULL;
            }
            net_segment_free(model->net, first);
        }
    }
}

/* Appends the fresh part of a segment to the receive queue. True: the node was kept. */
static bool take_data(struct model *model, struct model_socket *socket, struct net_segment *node,
                      const struct tcp_actions *actions)
{
    assert(node != NULL && node->chunk != NULL);
    uint32_t seq = socket->tcp.rcv_nxt - actions->take_length;
    if ((actions->bits & TCP_FIN_ARRIVED) != 0) {
        seq--;
    }
    node->offset = (uint16_t)(node->offset + actions->take_offset);
    node->tcp.length = actions->take_length;
    if (socket->urgent == NET_URGENT_COMING && socket->urgent_seq - seq < actions->take_length) {
        socket->urgent = NET_URGENT_THERE;
        socket->urgent_byte = node->chunk->bytes[node->offset + (socket->urgent_seq - seq)];
    }
    socket->recv_used += actions->take_length;
    struct net_segment *last = socket->recv_last;
    (void)model;
    if (last != NULL && last->chunk == node->chunk &&
        last->offset + last->tcp.length == node->offset) {
        last->tcp.length = (uint16_t)(last->tcp.length + node->tcp.length);
        return false;
    }
    node->next = NULL;
    if (last != NULL) {
        last->next = node;
    } else {
        socket->recv_first = node;
    }
    socket->recv_last = node;
    return true;
}

/* Keeps a segment that is ahead of a gap, in order. True: the node was kept. */
static bool hold_early(struct model_socket *socket, struct net_segment *node)
{
    struct net_segment **link = &socket->early;
    while (*link != NULL && tcp_before((*link)->tcp.seq, node->tcp.seq)) {
        link = &(*link)->next;
    }
    if (*link != NULL && (*link)->tcp.seq == node->tcp.seq &&
        (*link)->tcp.length >= node->tcp.length) {
        return false;
    }
    node->next = *link;
    *link = node;
    return true;
}

/* ---- Acknowledgments
 * ------------------------------------------------------------------------------------------ */

static void release_acked(struct model *model, struct model_socket *socket)
{
    struct model_net *net = model->net;
    struct net_chunk *chunk = socket->send_first;
    while (chunk != NULL && !tcp_after(chunk->seq + chunk->used, socket->tcp.snd_una)) {
        struct net_chunk *next = chunk->next;
        if (chunk == socket->send_at) {
            socket->send_at = next;
        }
        if (socket->app && (next == NULL || next->begins)) {
            assert(socket->send_extra >= NET_SKB);
            socket->send_extra -= NET_SKB;
        }
        net_chunk_release(net, chunk);
        chunk = next;
    }
    socket->send_first = chunk;
    if (chunk == NULL) {
        socket->send_last = NULL;
        socket->send_at = NULL;
    }
}

/* A buffer that was acknowledged in part fills the room with all of its bytes where it went as one
 * segment (tcp_clean_rtx_queue of Linux cuts off what comes before that alone). */
static void keep_partly_acked(struct model_socket *socket)
{
    const struct net_chunk *next = socket->send_first;
    if (next == NULL) {
        return;
    }
    if (next->begins && tcp_before(socket->send_kept, next->seq)) {
        socket->send_kept = next->seq; /* those before it are gone */
    }
    do {
        next = next->next;
    } while (next != NULL && !next->begins);
    uint32_t end = next != NULL ? next->seq : socket->send_end;
    if (end - socket->send_kept > socket->mss) {
        socket->send_kept = socket->tcp.snd_una;
    }
}

static void acked(struct model *model, struct model_socket *socket)
{
    socket_congestion_acked(socket);
    socket_timer_measured(model, socket);
    release_acked(model, socket);
    if (socket->app) {
        keep_partly_acked(socket);
    }
    if (socket->timer_kind == NET_TIMER_RETRANSMIT) {
        bool recovering = socket->retries > 0 && tcp_before(socket->tcp.snd_una, socket->recover);
        uint32_t recover = socket->recover;
        socket_timer_cancel(model, socket);
        if (socket->tcp.snd_una != socket->tcp.snd_nxt) {
            socket_timer_arm(model, socket);
            if (recovering) {
                socket->retries = 1; /* what follows the lost segment may be lost as well */
                socket->recover = recover;
                if (model->net->strict) {
                    socket_congestion_resend(model, socket);
                } else {
                    socket_retransmit(model, socket);
                }
            }
        }
    }
    if (socket->no_space && socket_writable(socket)) {
        socket->no_space = false;
        socket_notify(model, socket, POLLOUT);
    }
}

/* ---- Segments for a connection
 * ------------------------------------------------------------------------------------ */

static int reset_error(enum tcp_state before)
{
    switch (before) {
    case TCP_SYN_SENT:
        return ECONNREFUSED;
    case TCP_CLOSE_WAIT:
        return EPIPE;
    case TCP_TIME_WAIT:
        return 0;
    default:
        return ECONNRESET;
    }
}

/* Linux resets a connection whose reader is gone when data comes, and one that had its FIN when
 * bytes from before go on behind it (tcp_rcv_state_process). */
static bool nobody_reads(const struct model_socket *socket, const struct tcp_segment *segment)
{
    const struct tcp_endpoint *tcp = &socket->tcp;
    bool behind_fin =
        (tcp->state == TCP_CLOSE_WAIT || tcp->state == TCP_CLOSING || tcp->state == TCP_LAST_ACK) &&
        tcp_before(segment->seq, tcp->rcv_nxt);
    bool ends = (tcp->state == TCP_CLOSING || tcp->state == TCP_LAST_ACK) && tcp->fin_sent &&
                segment->ack == tcp->snd_nxt;
    return (socket->shut & NET_SHUT_RECV) != 0 && tcp_segment_space(segment) > 0 && !ends &&
           tcp_ack_acceptable(tcp, segment->ack) &&
           (tcp->state == TCP_FIN_WAIT_1 || tcp->state == TCP_FIN_WAIT_2 || behind_fin) &&
           (segment->flags & (TCP_CTL_RST | TCP_CTL_SYN)) == 0 &&
           tcp_after(segment->seq + segment->length, tcp->rcv_nxt) &&
           !tcp_after(segment->seq, tcp->rcv_nxt + tcp->rcv_wnd);
}

/* tcp_in_window of Linux. */
static bool in_window(const struct tcp_endpoint *tcp, const struct tcp_segment *segment)
{
    uint32_t end = segment->seq + tcp_segment_space(segment);
    uint32_t edge = tcp->rcv_nxt + tcp->rcv_wnd;
    return segment->seq == tcp->rcv_nxt ||
           (tcp_after(end, tcp->rcv_nxt) && tcp_before(segment->seq, edge)) ||
           (segment->seq == edge && segment->seq == end);
}

/* After close() Linux keeps but a small socket of FIN-WAIT-2, unless it is to last for longer than
 * TIME-WAIT would. */
static bool waits_small(const struct model_socket *socket)
{
    return socket->orphan && socket->tcp.state == TCP_FIN_WAIT_2 && !socket->waits_whole &&
           socket->options.linger2_s <= NET_TIME_WAIT_US / 1000000;
}

/* TCP_LINGER2 below 0: nobody waits for the other end's FIN after close(). */
static bool ends_without_wait(const struct model_socket *socket, const struct tcp_segment *segment)
{
    const struct tcp_endpoint *tcp = &socket->tcp;
    return socket->orphan && tcp->state == TCP_FIN_WAIT_1 && socket->options.linger2_s < 0 &&
           tcp->fin_sent &&
           (segment->flags & (TCP_CTL_ACK | TCP_CTL_RST | TCP_CTL_SYN)) == TCP_CTL_ACK &&
           segment->ack == tcp->snd_nxt &&
           !tcp_before(segment->seq + tcp_segment_space(segment), tcp->rcv_nxt) &&
           !tcp_after(segment->seq, tcp->rcv_nxt + tcp->rcv_wnd);
}

/* Segments that end a connection which no program holds: a SYN, or what is no lone FIN, in
 * FIN-WAIT-2 after close() (tcp_timewait_state_process of Linux); a second SYN in the handshake of
 * a listener's child (tcp_check_req). */
static bool ends_unheld(const struct model_socket *socket, const struct tcp_segment *segment)
{
    const struct tcp_endpoint *tcp = &socket->tcp;
    bool syn = (segment->flags & TCP_CTL_SYN) != 0;
    bool waits = waits_small(socket);
    bool embryo = socket->listener != NULL && tcp->state == TCP_SYN_RECEIVED;
    if ((!waits && !embryo) || !in_window(tcp, segment)) {
        return false;
    }
    if ((segment->flags & TCP_CTL_RST) != 0) {
        return waits; /* anywhere in the window */
    }
    if (syn) {
        return !tcp_before(segment->seq, tcp->rcv_nxt);
    }
    uint32_t end = segment->seq + tcp_segment_space(segment);
    bool lone_fin = (segment->flags & TCP_CTL_FIN) != 0 && end == tcp->rcv_nxt + 1;
    return waits && (segment->flags & TCP_CTL_ACK) != 0 && tcp_after(end, tcp->rcv_nxt) &&
           end != segment->seq && !lone_fin;
}

static void opened(struct model *model, struct model_socket *socket, enum tcp_state before)
{
    if (socket->tcp.rcv_nxt != socket->tcp.irs + 1 && socket->recv_used == 0) {
        socket->recv_seq = socket->tcp.irs + 1;
    }
    if (model->net->strict) {
        socket_congestion_opened(socket);
    }
    if (socket->listener != NULL) {
        socket->refused_us = -1;
        if (socket->timer_kind == NET_TIMER_DEFER) {
            socket_timer_cancel(model, socket);
        }
        socket_child_opened(model, socket);
    } else {
        socket_notify(model, socket, POLLOUT);
    }
    if (socket->options.keepalive && (before == TCP_SYN_SENT || socket->tcp.passive)) {
        socket_keepalive_start(model, socket); /* not by a simultaneous open (tcp_finish_connect) */
    }
    if (before == TCP_SYN_RECEIVED && (socket->shut & NET_SHUT_SEND) != 0 &&
        socket->tcp.state == TCP_ESTABLISHED) {
        /* shutdown() came before the connection: it is half-closed from its first moment. */
        socket->fin_wanted = true;
        socket_event(model, socket, TCP_EVENT_CLOSE);
        socket_output(model, socket);
    }
}

/* Two ends that disagree must not answer each other for ever (tcp_invalid_ratelimit of Linux). */
static bool may_refuse(struct model *model, struct model_socket *socket)
{
    if (socket->refused_us >= 0 && model->now_us - socket->refused_us < NET_REFUSE_US) {
        return false;
    }
    socket->refused_us = model->now_us;
    return true;
}

static void answer(struct model *model, struct model_socket *socket, uint64_t key,
                   const struct tcp_segment *segment, uint32_t bits)
{
    if ((bits & TCP_RETRY_SYN) != 0) {
        socket_timer_retry_syn(model, socket);
    }
    if ((bits & TCP_SEND_RST) != 0) {
        wire_reply_reset(model, key, socket->file.conn, segment, socket->peer);
    }
    if ((bits & TCP_SEND_SYN_ACK) != 0 && (!socket->tcp.passive || may_refuse(model, socket))) {
        socket->syn_again =
            (uint8_t)(socket->syn_again + (socket->tcp.passive && socket->syn_again < UINT8_MAX));
        wire_send(model, socket,
                  &(struct net_emit){.seq = socket->tcp.iss,
                                     .flags = TCP_CTL_SYN | TCP_CTL_ACK,
                                     .again = socket->tcp.passive});
    }
    if ((bits & TCP_SEND_ACK) != 0) {
        if (!model->net->presents_early) { /* one acknowledgment for all */
            socket_acknowledge(model, socket, socket->tcp.snd_nxt);
        }
    } else if ((bits & TCP_SEND_CHALLENGE) != 0 && may_refuse(model, socket)) {
        socket_acknowledge(model, socket, socket->tcp.snd_nxt);
    }
}

static void entered(struct model *model, struct model_socket *socket)
{
    if (socket->tcp.state == TCP_TIME_WAIT) {
        socket_time_wait(model, socket);
    } else if (socket->tcp.state == TCP_FIN_WAIT_2 && socket->orphan) {
        if (waits_small(socket)) {
            socket->refused_us = -1; /* Linux goes on with a small socket from here */
        }
        socket_timer_set(model, socket, NET_TIMER_FIN_WAIT_2,
                         socket_timer_fin_wait_2_us(model, socket));
    }
}

/* What a new state brings with it, once the segment is answered. */
static void process_state(struct model *model, struct model_socket *socket, enum tcp_state before,
                          const struct tcp_segment *segment, uint32_t bits)
{
    if (socket->tcp.state == TCP_FIN_WAIT_2 && before == TCP_FIN_WAIT_1) {
        socket->waits_whole = (segment->flags & TCP_CTL_FIN) != 0; /* which was not taken */
        if (!socket->orphan) { /* sk_state_change of Linux wakes whoever watches, for whatever */
            socket_notify(model, socket, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
        }
    }
    if ((bits & (TCP_MOVED | TCP_RESTART_2MSL)) != 0) {
        bool small = socket->orphan && before == TCP_FIN_WAIT_2 &&
                     socket->options.linger2_s <= NET_TIME_WAIT_US / 1000000;
        if (socket->tcp.state == TCP_TIME_WAIT && before != TCP_TIME_WAIT && !small) {
            socket->refused_us = -1; /* Linux goes on with a small socket from here */
        }
        entered(model, socket);
    }
}

static inline void heard(const struct model *model, struct model_socket *socket)
{
    socket->heard_us = model->now_us;
    socket->probes = 0;
    socket->soft_error = 0;
}

static bool process(struct model *model, struct model_socket *socket, uint64_t key,
                    const struct tcp_segment *segment, struct net_segment *node);

/* What waited for the gap to be filled is next. */
static void present_early(struct model *model, struct model_socket *socket, uint64_t key)
{
    uint32_t life = socket->life;
    bool nested = model->net->presents_early;
    model->net->presents_early = true;
    while (socket->life == life && socket->early != NULL &&
           !tcp_after(socket->early->tcp.seq, socket->tcp.rcv_nxt)) {
        struct net_segment *node = socket->early;
        socket->early = node->next;
        struct tcp_segment segment = node->tcp;
        if (!process(model, socket, key, &segment, node)) {
            net_segment_free(model->net, node);
        }
    }
    model->net->presents_early = nested;
}

/* Whether data that was taken wakes who waits: not below the low-water mark (tcp_data_ready of
 * Linux). */
static inline bool data_wakes(const struct model_socket *socket)
{
    return socket->recv_used >= (uint32_t)socket->options.rcvlowat || socket->done ||
           socket->tcp.rcv_wnd == 0;
}

/* Data, urgent data and FIN of a segment that the endpoint took. True: the node was kept. */
static bool process_text(struct model *model, struct model_socket *socket, struct net_segment *node,
                         const struct tcp_actions *actions)
{
    uint32_t bits = actions->bits;
    bool kept = false;
    uint32_t ready = 0;
    if ((bits & TCP_URGENT) != 0) {
        if (socket->urgent_seq != socket->tcp.rcv_up) {
            skip_old_mark(model, socket);
        }
        urgent_arrived(socket, socket->tcp.rcv_up); /* wakes nobody before it is there */
    }
    if (socket->urgent == NET_URGENT_COMING && node != NULL && node->chunk != NULL &&
        socket->urgent_seq - node->tcp.seq < node->tcp.length) {
        socket->urgent = NET_URGENT_THERE;
        socket->urgent_byte =
            node->chunk->bytes[node->offset + (socket->urgent_seq - node->tcp.seq)];
        ready |= POLLPRI | POLLIN; /* whatever the low-water mark (tcp_urg) */
    }
    if ((bits & TCP_TAKE_DATA) != 0) {
        kept = take_data(model, socket, node, actions);
        ready |= data_wakes(socket) ? POLLIN : 0U;
    } else if ((bits & TCP_HOLD) != 0 && node != NULL) {
        kept = hold_early(socket, node);
    }
    if ((bits & TCP_FIN_ARRIVED) != 0) {
        socket->shut |= NET_SHUT_RECV;
        socket->done = true;
        socket->ends = socket->ends < UINT8_MAX ? (uint8_t)(socket->ends + 1) : UINT8_MAX;
        ready |= POLLIN | POLLRDHUP | (socket->shut == NET_SHUT_BOTH ? POLLHUP : 0U);
    }
    if (ready != 0 && !socket->orphan) {
        socket_notify(model, socket, ready);
    }
    return kept;
}

static bool process(struct model *model, struct model_socket *socket, uint64_t key,
                    const struct tcp_segment *segment, struct net_segment *node)
{
    struct tcp_actions actions;
    enum tcp_state before = (enum tcp_state)socket->tcp.state;
    tcp_endpoint_receive(&socket->tcp, segment, &actions);
    uint32_t bits = actions.bits;
    if (actions.heard) { /* not by what was refused, such as a probe of the other end (tcp_ack) */
        heard(model, socket);
    }
    if (before == TCP_FIN_WAIT_1 && waits_small(socket) && (segment->flags & TCP_CTL_FIN) == 0) {
        bits &= ~(uint32_t)(TCP_SEND_ACK | TCP_SEND_CHALLENGE); /* likewise: tcp_time_wait() */
    }
    if ((bits & TCP_MOVED) != 0) {
        if (before == TCP_SYN_SENT && (bits & TCP_WAS_RESET) == 0) {
            socket->recv_seq = socket->tcp.irs + 1;
        }
        for (unsigned i = 0; i < actions.move_count; i++) {
            const struct tcp_move *move = &actions.moves[i];
            socket_moved(model, socket, (enum tcp_state)move->from, (enum tcp_state)move->to,
                         (enum tcp_event)move->event);
        }
    }
    if (socket->tcp.state == TCP_CLOSED) {
        if ((bits & TCP_WAS_RESET) != 0) {
            socket->error = reset_error(before);
        }
        socket_closed(model, socket);
        return false;
    }
    if ((bits & TCP_ACKED) != 0) {
        acked(model, socket);
    }
    if ((bits & TCP_NOW_OPEN) != 0) {
        opened(model, socket, before);
    }
    bool kept = false;
    if ((bits & (TCP_TAKE_DATA | TCP_HOLD | TCP_FIN_ARRIVED | TCP_URGENT)) != 0) {
        kept = process_text(model, socket, node, &actions);
    }
    uint32_t life = socket->life;
    if ((bits & TCP_TAKE_DATA) != 0 && socket->early != NULL) {
        present_early(model, socket, key);
        if (socket->life != life || socket->tcp.state == TCP_CLOSED) {
            return kept;
        }
    }
    if (UNLIKELY(model->net->strict) && bits == 0 && segment->ack == socket->tcp.snd_una &&
        (segment->flags & ~(unsigned)TCP_CTL_PSH) == TCP_CTL_ACK && segment->length == 0) {
        socket_congestion_duplicate(model, socket);
    }
    uint32_t sent = socket->tcp.snd_nxt;
    if ((bits & (TCP_ACKED | TCP_WINDOW)) != 0 &&
        (tcp_before(socket->tcp.snd_nxt, socket->send_end) ||
         (socket->fin_wanted && !socket->tcp.fin_sent))) {
        socket_output(model, socket);
    }
    if (model->net->strict && socket->tcp.snd_nxt != sent) {
        bits &= ~(uint32_t)TCP_SEND_ACK; /* what was sent acknowledges */
    }
    if ((bits & (TCP_SEND_ACK | TCP_SEND_CHALLENGE | TCP_SEND_RST | TCP_SEND_SYN_ACK |
                 TCP_RETRY_SYN)) != 0) {
        answer(model, socket, key, segment, bits);
    }
    if (socket->life != life) {
        return kept;
    }
    process_state(model, socket, before, segment, bits);
    return kept;
}

/* The window or what is acknowledged moved on: more may go out. */
static inline void output_more(struct model *model, struct model_socket *socket, uint32_t bits)
{
    if ((bits & (TCP_ACKED | TCP_WINDOW)) != 0 &&
        (tcp_before(socket->tcp.snd_nxt, socket->send_end) || socket->fin_wanted)) {
        socket_output(model, socket);
    }
}

/* The other end takes an acknowledgment in place: nearly always an expected one. */
static inline void acknowledge(struct model *model, struct model_socket *socket, uint32_t seq)
{
    struct model_net *net = model->net;
    if (socket->in_flight > 0 || net->rough[socket->lane] || net->strict ||
        net->inline_depth >= NET_INLINE_DEPTH_MAX) {
        uint8_t flags = TCP_CTL_ACK | socket_urgent_flag(socket, seq);
        wire_send(model, socket, &(struct net_emit){.seq = seq, .flags = flags});
        return;
    }
    socket_refresh_window(socket);
    struct tcp_segment segment = {.seq = seq,
                                  .ack = socket->tcp.rcv_nxt,
                                  .window = socket->tcp.rcv_wnd,
                                  .flags = TCP_CTL_ACK};
    struct model_socket *peer = socket->peer;
    uint32_t bits;
    net->inline_depth++;
    if (peer != NULL && peer->key == socket->there &&
        tcp_endpoint_expected(&peer->tcp, &segment, &bits)) {
        heard(model, peer);
        if ((bits & TCP_ACKED) != 0) {
            acked(model, peer);
        }
        output_more(model, peer, bits);
    } else {
        (void)socket_arrive(model, socket->there, peer, &segment, NULL, socket->file.conn);
    }
    net->inline_depth--;
}

void socket_acknowledge(struct model *model, struct model_socket *socket, uint32_t seq)
{
    acknowledge(model, socket, seq);
}

/* The rest of an expected segment: `process` where nothing but data and acknowledgments happens.
 * True: the node was kept. */
static __attribute__((noinline)) bool process_expected(struct model *model,
                                                       struct model_socket *socket, uint64_t key,
                                                       struct net_segment *node, uint32_t bits)
{
    heard(model, socket);
    bool kept = false;
    if ((bits & TCP_ACKED) != 0) {
        acked(model, socket);
    }
    if ((bits & TCP_TAKE_DATA) != 0) {
        struct tcp_actions actions = {.bits = bits, .take_length = node->tcp.length};
        uint8_t urgent = socket->urgent;
        kept = take_data(model, socket, node, &actions);
        if (!socket->orphan && (data_wakes(socket) || socket->urgent != urgent)) {
            socket_notify(model, socket, POLLIN);
        }
        if (socket->early != NULL) {
            uint32_t life = socket->life;
            present_early(model, socket, key);
            if (socket->life != life || socket->tcp.state == TCP_CLOSED) {
                return kept;
            }
        }
    }
    if (UNLIKELY(model->net->strict) && bits == 0) {
        socket_congestion_duplicate(model, socket);
    }
    uint32_t sent = socket->tcp.snd_nxt;
    output_more(model, socket, bits);
    bool told = model->net->strict && socket->tcp.snd_nxt != sent;
    if ((bits & TCP_SEND_ACK) != 0 && !told) {
        acknowledge(model, socket, socket->tcp.snd_nxt);
    }
    return kept;
}

/* A new incarnation may take the place of one in TIME-WAIT (RFC 9293 3.6.1 MAY-2). */
static bool reopens(const struct model_socket *socket, const struct tcp_segment *segment)
{
    return socket->tcp.state == TCP_TIME_WAIT &&
           (segment->flags & (TCP_CTL_SYN | TCP_CTL_ACK | TCP_CTL_RST)) == TCP_CTL_SYN &&
           tcp_after(segment->seq, socket->tcp.rcv_nxt);
}

static __attribute__((noinline)) bool nobody_arrive(struct model *model, uint64_t key,
                                                    const struct tcp_segment *segment,
                                                    struct net_segment *node, uint32_t conn)
{
    struct model_net *net = model->net;
    enum trace_host host = net_key_host(key);
    struct net_name local = net_key_local(key);
    if (!net_address_is_local(net, local.address, host)) {
        wire_arm(model, net_segment_sender(node)); /* nobody has this address: lost */
        return false;
    }
    struct model_socket *listener = net_listener_find(net, host, local, key);
    if (listener != NULL) {
        return socket_listener_arrive(model, listener, key, segment, node, conn);
    }
    if ((segment->flags & TCP_CTL_RST) == 0) {
        wire_reply_reset(model, key, conn, segment, net_segment_sender(node));
    }
    return false;
}

/* A handshake whose listener is gone ends at its next segment, which is nobody's then. Where that
 * opens a handshake with another listener, this one has made room for it; else who looks sees the
 * answer before the end. */
static bool embryo_alone_arrive(struct model *model, struct model_socket *socket,
                                const struct tcp_segment *segment, struct net_segment *node,
                                uint32_t conn)
{
    uint64_t key = socket->key;
    bool opens = (segment->flags & (TCP_CTL_SYN | TCP_CTL_ACK | TCP_CTL_RST)) == TCP_CTL_SYN &&
                 net_listener_find(model->net, net_key_host(key), net_key_local(key), key) != NULL;
    bool kept = !opens && nobody_arrive(model, key, segment, node, conn);
    socket_abort(model, socket, TCP_EVENT_ABORT, 0, false);
    return opens ? nobody_arrive(model, key, segment, node, conn) : kept;
}

/* Whether more than the connection itself decides about a segment. */
static inline bool arrives_apart(const struct model_socket *socket,
                                 const struct tcp_segment *segment)
{
    enum { APART = 1 << TCP_TIME_WAIT | 1 << TCP_SYN_RECEIVED };
    return ((unsigned)APART >> socket->tcp.state & 1U) != 0 ||
           (socket->tcp.state == TCP_SYN_SENT && socket->peer == NULL) ||
           (socket->orphan &&
            (socket->tcp.state == TCP_FIN_WAIT_1 || socket->tcp.state == TCP_FIN_WAIT_2)) ||
           nobody_reads(socket, segment);
}

/* What shutdown() asked for in a handshake comes between the acknowledgment that ends it and the
 * text of the same segment. */
static void open_before_text(struct model *model, struct model_socket *socket, uint64_t key,
                             const struct tcp_segment *segment)
{
    if (socket->tcp.state == TCP_SYN_RECEIVED && (socket->shut & NET_SHUT_SEND) != 0 &&
        tcp_segment_space(segment) > 0 && (segment->flags & (TCP_CTL_SYN | TCP_CTL_RST)) == 0 &&
        segment->ack == socket->tcp.snd_nxt) {
        struct tcp_segment opens = *segment;
        opens.length = 0;
        opens.flags = TCP_CTL_ACK;
        (void)process(model, socket, key, &opens, NULL);
    }
}

/* Urgent data of a segment that resets is seen before that. */
static void take_last_urgent(struct model *model, struct model_socket *socket,
                             const struct tcp_segment *segment, const struct net_segment *node)
{
    if ((segment->flags & TCP_CTL_URG) == 0 || node == NULL) {
        return;
    }
    uint32_t at = segment->urgent - segment->seq;
    skip_old_mark(model, socket);
    socket->urgent_seq = segment->urgent;
    socket->urgent = NET_URGENT_COMING;
    if (at < segment->length) {
        socket->urgent = NET_URGENT_THERE;
        socket->urgent_byte = node->chunk->bytes[node->offset + at];
    }
}

/* Data that nobody reads ends the connection. Linux looks at the acknowledgment before that, which
 * may send again what is lost (tcp_rcv_state_process); who samples the state then sees the end of
 * it first, and behind the RST where that goes alone. */
static void reset_unread(struct model *model, uint64_t key, struct model_socket *socket,
                         const struct tcp_segment *segment, const struct net_segment *node,
                         uint32_t conn)
{
    bool acks = tcp_after(segment->ack, socket->tcp.snd_una);
    bool again = acks && socket_congestion_resends(socket, segment->ack);
    take_last_urgent(model, socket, segment, node);
    socket->error = reset_error((enum tcp_state)socket->tcp.state);
    if (again) {
        socket_event(model, socket, TCP_EVENT_ABORT);
    }
    if (acks) {
        socket->tcp.snd_una = segment->ack;
        acked(model, socket);
    }
    wire_reply_reset(model, key, conn, segment, socket->peer);
    if (!again) {
        socket_event(model, socket, TCP_EVENT_ABORT);
    }
    socket_closed(model, socket);
}

static __attribute__((noinline)) bool arrive_apart(struct model *model, uint64_t key,
                                                   struct model_socket *socket,
                                                   const struct tcp_segment *segment,
                                                   struct net_segment *node, uint32_t conn)
{
    if (UNLIKELY(reopens(socket, segment))) {
        socket_event(model, socket, TCP_EVENT_TIMEOUT);
        socket_closed(model, socket);
        /* Its number is chosen beyond those of the old connection, and no cookie (tcp_conn_request
         * of Linux). */
        bool *cookies = &model->net->cookies[net_key_host(key)];
        bool answers_by_cookies = *cookies;
        *cookies = false;
        bool kept = nobody_arrive(model, key, segment, node, conn);
        *cookies = answers_by_cookies;
        return kept;
    }
    if (socket->peer == NULL && socket->tcp.state == TCP_SYN_SENT) {
        struct model_socket *from = net_segment_sender(node);
        if (from != NULL && from->peer == NULL) {
            socket->peer = from; /* simultaneous open */
            from->peer = socket;
        }
    }
    if (socket->orphan && socket->tcp.passive && socket->tcp.state == TCP_SYN_RECEIVED &&
        !socket_child_listens_again(socket)) {
        return embryo_alone_arrive(model, socket, segment, node, conn);
    }
    if (socket->listener != NULL && socket->tcp.state == TCP_SYN_RECEIVED) {
        socket_child_follow(socket, socket->listener);
    }
    if (waits_small(socket) && (segment->flags & TCP_CTL_RST) != 0 &&
        !in_window(&socket->tcp, segment)) {
        if (may_refuse(model, socket)) {
            socket_acknowledge(model, socket, socket->tcp.snd_nxt);
        }
        return false;
    }
    open_before_text(model, socket, key, segment);
    if (socket->listener != NULL && socket->tcp.state == TCP_SYN_RECEIVED &&
        (segment->flags & (TCP_CTL_ACK | TCP_CTL_RST)) == TCP_CTL_ACK &&
        segment->ack != socket->tcp.snd_nxt) {
        /* 3.10.7.4, fifth, before all else in the handshake of a child (tcp_check_req of Linux). */
        wire_reply_reset(model, key, conn, segment, socket->peer);
        return false;
    }
    if (socket->tcp.state == TCP_SYN_RECEIVED && socket_child_waits(model, socket, segment)) {
        return false;
    }
    if (ends_unheld(socket, segment) || ends_without_wait(socket, segment)) {
        if ((segment->flags & TCP_CTL_RST) == 0) {
            wire_reply_reset(model, key, conn, segment, socket->peer);
        }
        socket_abort(model, socket, TCP_EVENT_ABORT, 0, false);
        return false;
    }
    if (nobody_reads(socket, segment)) {
        reset_unread(model, key, socket, segment, node, conn);
        return false;
    }
    struct tcp_segment taken = *segment;
    if (waits_small(socket)) {
        taken.ack = socket->tcp.snd_nxt; /* it no longer minds what is acknowledged */
    }
    return process(model, socket, key, &taken, node);
}

bool socket_arrive(struct model *model, uint64_t key, struct model_socket *to,
                   const struct tcp_segment *segment, struct net_segment *node, uint32_t conn)
{
    struct model_socket *socket =
        to != NULL && to->key == key ? to : net_table_find(model->net, key);
    uint32_t bits = 0;
    if (socket == NULL) {
        return nobody_arrive(model, key, segment, node, conn);
    }
    if (tcp_endpoint_expected(&socket->tcp, segment, &bits)) {
        return process_expected(model, socket, key, node, bits);
    }
    if (UNLIKELY(arrives_apart(socket, segment))) {
        return arrive_apart(model, key, socket, segment, node, conn);
    }
    return process(model, socket, key, segment, node);
}
