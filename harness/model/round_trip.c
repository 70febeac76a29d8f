/* What a scripted program's connection measures of its round trips, and the retransmission timeout
 * that follows (RFC 6298 2, tcp_rtt_estimator of Linux). Nothing takes time but what is held, or
 * lost and found, while time passes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/congestion.h"
#include "model/net.h"

enum { LEAST_US = 200000, /* tcp_rto_min_us */ TICK_US = 1000 };

void socket_round_trip_sent(const struct model *model, struct model_socket *socket,
                            const struct net_emit *emit)
{
    int64_t sent_us = emit->again ? NET_SENT_AGAIN : model->now_us;
    if (emit->chunk != NULL) {
        emit->chunk->sent_us = sent_us;
    } else if ((emit->flags & (TCP_CTL_SYN | TCP_CTL_FIN)) != 0) {
        socket->control_seq = emit->seq;
        socket->control_us = sent_us;
        socket->control_out = true;
    }
}

/* Takes in one segment that is acknowledged: the round trip is that of the first of them, and none
 * where one of them was sent again. */
static void take(int64_t sent_us, int64_t *first_us)
{
    if (*first_us == INT64_MAX || sent_us == NET_SENT_AGAIN) {
        *first_us = sent_us;
    }
}

/* How long what is now acknowledged was under way; -1: nobody knows (RFC 6298 3). */
static int64_t measure(const struct model *model, struct model_socket *socket)
{
    uint32_t una = socket->tcp.snd_una;
    int64_t first_us = INT64_MAX;
    for (const struct net_chunk *chunk = socket->send_first;
         chunk != NULL && tcp_before(chunk->seq, una); chunk = chunk->next) {
        if (!tcp_after(chunk->seq + chunk->used, una)) {
            take(chunk->sent_us, &first_us);
        }
    }
    if (socket->control_out && tcp_after(una, socket->control_seq)) {
        take(socket->control_us, &first_us);
        socket->control_out = false;
    }
    return first_us == INT64_MAX || first_us == NET_SENT_AGAIN ? -1 : model->now_us - first_us;
}

static void estimate(struct model_socket *socket, int64_t rtt_us)
{
    struct net_round_trip *trip = &socket->trip;
    if (trip->srtt_8 == 0) {
        trip->srtt_8 = rtt_us * 8 > 0 ? rtt_us * 8 : 1;
        trip->mdev_4 = rtt_us * 2;
        trip->rttvar = trip->mdev_4 > LEAST_US ? trip->mdev_4 : LEAST_US;
        trip->mdev_max = trip->rttvar;
        trip->seq = socket->tcp.snd_nxt;
        return;
    }
    int64_t error = rtt_us - trip->srtt_8 / 8;
    trip->srtt_8 += error;
    trip->srtt_8 = trip->srtt_8 > 0 ? trip->srtt_8 : 1;
    bool shorter = error < 0;
    error = (shorter ? -error : error) - trip->mdev_4 / 4;
    trip->mdev_4 += shorter && error > 0 ? error / 8 : error;
    if (trip->mdev_4 > trip->mdev_max) {
        trip->mdev_max = trip->mdev_4;
        trip->rttvar = trip->mdev_max > trip->rttvar ? trip->mdev_max : trip->rttvar;
    }
    if (tcp_after(socket->tcp.snd_una, trip->seq)) {
        if (trip->mdev_max < trip->rttvar) {
            trip->rttvar -= (trip->rttvar - trip->mdev_max) / 4;
        }
        trip->seq = socket->tcp.snd_nxt;
        trip->mdev_max = LEAST_US;
    }
}

bool socket_round_trip_acked(const struct model *model, struct model_socket *socket)
{
    int64_t rtt_us = measure(model, socket);
    if (rtt_us >= 0) {
        estimate(socket, rtt_us);
        socket->rto_us = socket->trip.srtt_8 / 8 + socket->trip.rttvar + TICK_US;
    }
    return rtt_us >= 0;
}

void socket_round_trip_forget(struct model_socket *socket)
{
    socket->trip = (struct net_round_trip){0};
    socket->rto_us = 0;
}
