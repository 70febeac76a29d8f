/* How much a sender of a scripted program has under way after a loss: slow start and congestion
 * avoidance (RFC 5681 3.1) with Linux's first window, which is large here, and retransmission in
 * order after a timeout. Linked programs have it simpler: one lost segment after the other. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/congestion.h"
#include "model/net.h"

enum { WINDOW_FIRST = 1000, THRESHOLD_LEAST = 2 };

/* Segments, as they were cut, of what lies in [from, to); a SYN is one, and a FIN where it went
 * alone. */
static uint32_t segments(const struct model_socket *socket, uint32_t from, uint32_t to)
{
    const struct tcp_endpoint *tcp = &socket->tcp;
    uint32_t count = 0;
    for (const struct net_chunk *chunk = socket->send_first; chunk != NULL; chunk = chunk->next) {
        count += tcp_before(chunk->seq, to) && tcp_after(chunk->seq + chunk->used, from);
    }
    uint32_t fin = tcp->snd_nxt - 1;
    count += !tcp_before(tcp->iss, from) && tcp_before(tcp->iss, to);
    return count +
           (tcp->fin_sent && !socket->fin_joined && !tcp_before(fin, from) && tcp_before(fin, to));
}

/* Whether something that counts as lost did not go again yet. */
static bool resends(const struct model_socket *socket)
{
    return socket->timer_kind == NET_TIMER_RETRANSMIT && socket->retries > 0 &&
           tcp_before(socket->resent, socket->recover);
}

/* Segments that are neither acknowledged nor lost, nor known to have arrived out of order. */
static uint32_t under_way(const struct model_socket *socket)
{
    const struct tcp_endpoint *tcp = &socket->tcp;
    uint32_t until = resends(socket) ? socket->resent : tcp->snd_nxt;
    uint32_t out = segments(socket, tcp->snd_una, until);
    return out > socket->cwnd_dups ? out - socket->cwnd_dups : 0;
}

void socket_congestion_duplicate(struct model *model, struct model_socket *socket)
{
    const struct tcp_endpoint *tcp = &socket->tcp;
    if (socket->cwnd_loss && (!tcp_before(tcp->snd_una, socket->cwnd_high) ||
                              !tcp_after(tcp->snd_nxt, socket->cwnd_high))) {
        return; /* it may tell of what went before the loss (tcp_process_loss) */
    }
    if (socket->cwnd_dups + 1 < segments(socket, tcp->snd_una, tcp->snd_nxt)) {
        socket->cwnd_dups++;
        if (socket->cwnd != 0) {
            socket_output(model, socket);
        }
    }
}

void socket_congestion_sent(struct model_socket *socket, bool sent)
{
    const struct tcp_endpoint *tcp = &socket->tcp;
    uint32_t out = segments(socket, tcp->snd_una, tcp->snd_nxt);
    uint32_t flight = under_way(socket);
    bool limited = socket->cwnd != 0 && flight >= socket->cwnd;
    if ((sent || limited) && (!tcp_before(tcp->snd_una, socket->cwnd_seq) || limited ||
                              (!socket->cwnd_limited && out > socket->cwnd_out))) {
        socket->cwnd_limited = limited;
        socket->cwnd_out = out;
        socket->cwnd_seq = tcp->snd_nxt;
    }
}

void socket_congestion_opened(struct model_socket *socket)
{
    if (socket->syn_again > 1 && socket->syn_timed) {
        socket->cwnd = 1;
        socket->ssthresh = UINT32_MAX;
    }
}

void socket_congestion_lost(struct model_socket *socket)
{
    uint32_t window = socket->cwnd != 0 ? socket->cwnd : WINDOW_FIRST;
    if (socket->retries == 0) {
        socket->ssthresh = window / 2 > THRESHOLD_LEAST ? window / 2 : THRESHOLD_LEAST;
    }
    socket->cwnd = 1;
    socket->cwnd_part = 0;
    socket->cwnd_dups = 0;
    socket->cwnd_loss = true;
    socket->cwnd_high = socket->tcp.snd_nxt;
    socket->recover = socket->tcp.snd_nxt;
    socket->resent = socket->tcp.snd_una;
}

void socket_congestion_acked(struct model_socket *socket)
{
    socket->cwnd_dups = 0;
    socket->cwnd_loss = socket->cwnd_loss && !tcp_after(socket->tcp.snd_una, socket->cwnd_high);
    if (socket->cwnd == 0) {
        return; /* nothing was ever lost */
    }
    const struct net_chunk *first = socket->send_first;
    uint32_t before = first != NULL ? first->seq : socket->tcp.snd_una - 1;
    uint32_t acked = segments(socket, before, socket->tcp.snd_una);
    bool starts = socket->cwnd < socket->ssthresh;
    if (!socket->cwnd_limited && !(starts && socket->cwnd < 2 * socket->cwnd_out)) {
        return; /* more would not have gone (tcp_is_cwnd_limited of Linux) */
    }
    if (starts) {
        uint32_t room = socket->ssthresh - socket->cwnd;
        uint32_t grows = acked < room ? acked : room;
        socket->cwnd += grows;
        acked -= grows;
    }
    if (acked > 0) { /* tcp_cong_avoid_ai */
        uint32_t window = socket->cwnd;
        if (socket->cwnd_part >= window) {
            socket->cwnd_part = 0;
            socket->cwnd++;
        }
        socket->cwnd_part += acked;
        if (socket->cwnd_part >= window) {
            socket->cwnd += socket->cwnd_part / window;
            socket->cwnd_part %= window;
        }
    }
}

bool socket_congestion_resends(const struct model_socket *socket, uint32_t ack)
{
    return resends(socket) && tcp_before(ack, socket->recover);
}

bool socket_congestion_room(const struct model_socket *socket)
{
    return socket->cwnd == 0 || (!resends(socket) && under_way(socket) < socket->cwnd);
}

uint32_t socket_congestion_piece(const struct model_socket *socket, uint32_t seq)
{
    uint32_t out = segments(socket, socket->tcp.snd_una, seq);
    uint32_t flight = out > socket->cwnd_dups ? out - socket->cwnd_dups : 0;
    uint32_t half = socket->cwnd / 2 > 1 ? socket->cwnd / 2 : 1;
    uint32_t room = socket->cwnd > flight ? socket->cwnd - flight : 1;
    return room < half ? room : half;
}

void socket_congestion_resend(struct model *model, struct model_socket *socket)
{
    struct tcp_endpoint *tcp = &socket->tcp;
    if (tcp_before(socket->resent, tcp->snd_una)) {
        socket->resent = tcp->snd_una;
    }
    uint32_t piece = socket->resent;
    while (tcp_before(socket->resent, socket->recover) &&
           segments(socket, tcp->snd_una, socket->resent) < socket->cwnd) {
        socket->resent = socket_resend(model, socket, socket->resent, &piece);
    }
    if (tcp_before(socket->resent, socket->recover)) {
        socket_cut_at(socket, socket->resent);
    }
}
