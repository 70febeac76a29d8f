/* TCP segments in IPv4 and IPv6 packets: read, built, checksummed. Pure functions on bytes; any
 * bytes may be given to the parser. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_PACKET_PACKET_H
#define SOCKSPEC_PACKET_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario/scenario.h"
#include "tcp/endpoint.h"

enum {
    PACKET_ADDRESS = 16, /* bytes of an address; IPv4 uses the first four */
    PACKET_HEADERS = 60  /* bytes of the headers that packet_build writes, at most */
};

/* One segment. */
struct packet {
    bool v6;
    uint8_t source[PACKET_ADDRESS]; /* network order, the rest 0 */
    uint8_t destination[PACKET_ADDRESS];
    uint16_t source_port;
    uint16_t destination_port;
    uint32_t seq;
    uint32_t ack;
    uint16_t window; /* as it stands in the header, not scaled */
    uint16_t urgent; /* urgent pointer */
    uint8_t flags;   /* enum tcp_flag */
    uint16_t length; /* bytes of data */
    uint16_t data;   /* where they start in the packet */
};

/* Reads an IP packet. False when it is no TCP, is cut off, is a fragment, or when its lengths
 * contradict each other; checksums are not looked at. */
bool packet_parse(const uint8_t *bytes, size_t size, struct packet *ret_packet);

/* Writes the packet without options, with its checksums, and `packet->length` bytes of `data`
 * behind it; returns its size, 0 when `size` is too small. `packet->data` is not read. */
size_t packet_build(const struct packet *packet, const uint8_t *data, uint8_t *bytes, size_t size);

/* Writes the ICMP message that a packet of this segment could not be delivered (RFC 792, type 3),
 * as if its destination had sent it; returns its size, 0 when `size` is too small. IPv4 only. */
size_t packet_build_unreachable(const struct packet *packet, uint8_t code, uint8_t *bytes,
                                size_t size);

/* Whether the checksums of IP and TCP are right (RFC 1071; RFC 9293 3.1). False also for what
 * packet_parse refuses. */
bool packet_is_intact(const uint8_t *bytes, size_t size);

/* Puts another IPv4 address in as source or destination, with the checksums that belong to it.
 * `packet` is what packet_parse made of the bytes, and is changed along; IPv4 only. */
void packet_readdress(struct packet *packet, bool source, const uint8_t address[4], uint8_t *bytes);

/* Puts another acknowledgment number and window in, with the checksum that belongs to them.
 * `packet` is what packet_parse made of the bytes, and is changed along. */
void packet_acknowledge(struct packet *packet, uint32_t ack, uint16_t window, uint8_t *bytes);

/* What a segment is, by its flags; RST goes before SYN, SYN before FIN, FIN before URG. */
enum scenario_segment packet_kind(const struct packet *packet);

/* Sequence space that it takes: SYN and FIN count one each. */
static inline uint32_t packet_space(const struct packet *packet)
{
    return (uint32_t)packet->length + ((packet->flags & TCP_CTL_SYN) != 0) +
           ((packet->flags & TCP_CTL_FIN) != 0);
}

#endif
