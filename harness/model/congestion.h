/* Round trips and the congestion window of Linux, which decide what the ends of scripted programs
 * send and send again, and when. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_MODEL_CONGESTION_H
#define SOCKSPEC_MODEL_CONGESTION_H

#include "model/net.h"

/* ---- round_trip.c: with scripted programs ---- */
/* The segment is about to be sent. */
void socket_round_trip_sent(const struct model *model, struct model_socket *socket,
                            const struct net_emit *emit);
/* SND.UNA moved: measures, and sets the timeout by it. Before what is acknowledged is released.
 * False: the round trip cannot be known, and the timeout stays. */
bool socket_round_trip_acked(const struct model *model, struct model_socket *socket);
/* A connection begins anew. */
void socket_round_trip_forget(struct model_socket *socket);

/* ---- congestion.c: with scripted programs ---- */

/* The retransmission timer ran out: all that is under way counts as lost. Before it is counted in
 * socket->retries. */
void socket_congestion_lost(struct model_socket *socket);
/* The handshake is complete. Where its SYN or SYN+ACK went again more than once, the network may be
 * full (tcp_init_transfer of Linux). */
void socket_congestion_opened(struct model_socket *socket);
/* Something was sent, or (`sent` is false) would have been (tcp_cwnd_validate of Linux). */
void socket_congestion_sent(struct model_socket *socket, bool sent);
/* An acknowledgment that says nothing new: a segment arrived behind one that did not, so that one
 * more may go (RFC 3042; tcp_add_reno_sack of Linux). */
void socket_congestion_duplicate(struct model *model, struct model_socket *socket);
/* SND.UNA moved on; what was acknowledged is still in the send queue. */
void socket_congestion_acked(struct model_socket *socket);
/* Whether something goes again once all before `ack` is acknowledged. */
bool socket_congestion_resends(const struct model_socket *socket, uint32_t ack);
/* Whether one more new segment may go out. */
bool socket_congestion_room(const struct model_socket *socket);
/* Segments from `seq`, the next to be sent, that go as one piece: at most half the window, where
 * Linux cuts a buffer in two (tcp_cwnd_test). */
uint32_t socket_congestion_piece(const struct model_socket *socket, uint32_t seq);
/* Sends again what the congestion window lets of what counts as lost. */
void socket_congestion_resend(struct model *model, struct model_socket *socket);

#endif
