/* Inside the wire: what its two parts, lanes and connections, tell each other. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_PACKET_WIRE_INTERNAL_H
#define SOCKSPEC_PACKET_WIRE_INTERNAL_H

#include "packet/wire.h"

/* Which connection a segment that `sender` put out belongs to; numbers it when it is a new SYN. 0:
 * none. Takes its sequence numbers in; `*ret_again` tells whether all of it was sent before. */
uint32_t packet_wire_conn_of_segment(struct packet_wire *wire, enum trace_host sender,
                                     const struct packet *packet, bool *ret_again);
/* Takes in that the segment reached `receiver`. */
void packet_wire_conn_delivered(struct packet_wire *wire, uint32_t number, enum trace_host receiver,
                                const struct packet *packet);
/* Whether a segment that was lost still matters to the one that it was for. */
bool packet_wire_conn_needs(struct packet_wire *wire, uint32_t number, enum trace_host sender,
                            const struct packet *packet);
void packet_wire_conn_forget(struct packet_wire *wire);
/* Takes what a host has put out by itself, by a timer, and nobody has asked for yet. True: there
 * was something. False also where hosts have no timers, or a segment is being taken. */
bool packet_wire_catch_up(struct packet_wire *wire, enum trace_host host);

#endif
