/* Reading and writing IPv4 and IPv6 packets that carry TCP. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/packet.h"

#include <assert.h>
#include <string.h>

enum {
    IPV4_HEADER = 20,
    IPV6_HEADER = 40,
    TCP_HEADER = 20,
    PROTOCOL_TCP = 6,
    PROTOCOL_ICMP = 1,
    ICMP_HEADER = 8,
    ICMP_UNREACHABLE = 3,
    TTL = 64,
    FLAG_BITS = 0x3F /* FIN to URG */
};

static uint16_t read16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read32(const uint8_t *at)
{
    return (uint32_t)read16(at) << 16 | read16(at + 2);
}

static void write16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void write32(uint8_t *at, uint32_t value)
{
    write16(at, (uint16_t)(value >> 16));
    write16(at + 2, (uint16_t)value);
}

/* ---- The IP header ---- */

/* Where the TCP segment lies in a packet. */
struct segment_place {
    size_t at;
    size_t size;
};

static bool find_in_ipv4(const uint8_t *bytes, size_t size, struct packet *packet,
                         struct segment_place *place)
{
    if (size < IPV4_HEADER) {
        return false;
    }
    size_t header = (size_t)(bytes[0] & 0xF) * 4;
    size_t total = read16(bytes + 2);
    bool fragment = (read16(bytes + 6) & 0x3FFF) != 0; /* more to come, or not the first */
    if (header < IPV4_HEADER || total < header || total > size || fragment ||
        bytes[9] != PROTOCOL_TCP) {
        return false;
    }
    packet->v6 = false;
    memcpy(packet->source, bytes + 12, 4);
    memcpy(packet->destination, bytes + 16, 4);
    *place = (struct segment_place){.at = header, .size = total - header};
    return true;
}

/* Linux puts no extension header in front of TCP unless a program asks for one. */
static bool find_in_ipv6(const uint8_t *bytes, size_t size, struct packet *packet,
                         struct segment_place *place)
{
    if (size < IPV6_HEADER || bytes[6] != PROTOCOL_TCP) {
        return false;
    }
    size_t payload = read16(bytes + 4);
    if (payload > size - IPV6_HEADER) {
        return false;
    }
    packet->v6 = true;
    memcpy(packet->source, bytes + 8, PACKET_ADDRESS);
    memcpy(packet->destination, bytes + 24, PACKET_ADDRESS);
    *place = (struct segment_place){.at = IPV6_HEADER, .size = payload};
    return true;
}

static bool find_segment(const uint8_t *bytes, size_t size, struct packet *packet,
                         struct segment_place *place)
{
    if (size == 0 || size > UINT16_MAX) {
        return false;
    }
    switch (bytes[0] >> 4) {
    case 4:
        return find_in_ipv4(bytes, size, packet, place);
    case 6:
        return find_in_ipv6(bytes, size, packet, place);
    default:
        return false;
    }
}

bool packet_parse(const uint8_t *bytes, size_t size, struct packet *ret_packet)
{
    struct packet packet = {0};
    struct segment_place place;
    if (!find_segment(bytes, size, &packet, &place) || place.size < TCP_HEADER) {
        return false;
    }
    const uint8_t *tcp = bytes + place.at;
    size_t header = (size_t)(tcp[12] >> 4) * 4;
    if (header < TCP_HEADER || header > place.size) {
        return false;
    }
    packet.source_port = read16(tcp);
    packet.destination_port = read16(tcp + 2);
    packet.seq = read32(tcp + 4);
    packet.ack = read32(tcp + 8);
    packet.flags = tcp[13] & FLAG_BITS;
    packet.window = read16(tcp + 14);
    packet.urgent = read16(tcp + 18);
    packet.length = (uint16_t)(place.size - header);
    packet.data = (uint16_t)(place.at + header);
    assert((size_t)packet.data + packet.length <= size);
    *ret_packet = packet;
    return true;
}

/* ---- Checksums ---- */

static uint32_t sum(uint32_t total, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i + 1 < size; i += 2) {
        total += read16(bytes + i);
    }
    return size % 2 != 0 ? total + (uint32_t)(bytes[size - 1] << 8) : total;
}

static uint16_t fold(uint32_t total)
{
    while (total >> 16 != 0) {
        total = (total & 0xFFFF) + (total >> 16);
    }
    return (uint16_t)total;
}

/* Over the pseudo header and the segment; 0xFFFF when a checksum that stands in it is right. */
static uint16_t segment_sum(const struct packet *packet, const uint8_t *tcp, size_t size)
{
    size_t address = packet->v6 ? PACKET_ADDRESS : 4;
    uint32_t total = sum(0, packet->source, address);
    total = sum(total, packet->destination, address);
    total += PROTOCOL_TCP + (uint32_t)size;
    return fold(sum(total, tcp, size));
}

bool packet_is_intact(const uint8_t *bytes, size_t size)
{
    struct packet packet = {0};
    struct segment_place place;
    if (!find_segment(bytes, size, &packet, &place)) {
        return false;
    }
    if (!packet.v6 && fold(sum(0, bytes, place.at)) != 0xFFFF) {
        return false;
    }
    return segment_sum(&packet, bytes + place.at, place.size) == 0xFFFF;
}

/* ---- Building ---- */

static size_t write_ip(const struct packet *packet, size_t segment, uint8_t *bytes)
{
    if (packet->v6) {
        memset(bytes, 0, IPV6_HEADER);
        bytes[0] = 6 << 4;
        write16(bytes + 4, (uint16_t)segment);
        bytes[6] = PROTOCOL_TCP;
        bytes[7] = TTL;
        memcpy(bytes + 8, packet->source, PACKET_ADDRESS);
        memcpy(bytes + 24, packet->destination, PACKET_ADDRESS);
        return IPV6_HEADER;
    }
    memset(bytes, 0, IPV4_HEADER);
    bytes[0] = 4 << 4 | IPV4_HEADER / 4;
    write16(bytes + 2, (uint16_t)(IPV4_HEADER + segment));
    write16(bytes + 6, 0x4000); /* do not fragment */
    bytes[8] = TTL;
    bytes[9] = PROTOCOL_TCP;
    memcpy(bytes + 12, packet->source, 4);
    memcpy(bytes + 16, packet->destination, 4);
    return IPV4_HEADER;
}

/* Writes both checksums; `at` and `size` are those of the segment. */
static void write_sums(const struct packet *packet, uint8_t *bytes, size_t at, size_t size)
{
    uint8_t *tcp = bytes + at;
    if (!packet->v6) {
        write16(bytes + 10, 0);
        write16(bytes + 10, (uint16_t)~fold(sum(0, bytes, at)));
    }
    write16(tcp + 16, 0);
    write16(tcp + 16, (uint16_t)~segment_sum(packet, tcp, size));
}

void packet_readdress(struct packet *packet, bool source, const uint8_t address[4], uint8_t *bytes)
{
    assert(!packet->v6 && bytes[0] >> 4 == 4);
    size_t at = (size_t)(bytes[0] & 0xF) * 4;
    assert(packet->data >= at + TCP_HEADER);
    memcpy(source ? packet->source : packet->destination, address, 4);
    memcpy(bytes + (source ? 12 : 16), address, 4);
    write_sums(packet, bytes, at, (size_t)packet->data + packet->length - at);
}

void packet_acknowledge(struct packet *packet, uint32_t ack, uint16_t window, uint8_t *bytes)
{
    struct packet found = {0};
    struct segment_place place;
    bool is_segment = find_segment(bytes, (size_t)packet->data + packet->length, &found, &place);
    assert(is_segment && place.size >= TCP_HEADER);
    (void)is_segment;
    packet->ack = ack;
    packet->window = window;
    write32(bytes + place.at + 8, ack);
    write16(bytes + place.at + 14, window);
    write_sums(packet, bytes, place.at, place.size);
}

size_t packet_build(const struct packet *packet, const uint8_t *data, uint8_t *bytes, size_t size)
{
    size_t segment = TCP_HEADER + (size_t)packet->length;
    size_t total = (packet->v6 ? IPV6_HEADER : IPV4_HEADER) + segment;
    if (total > size || total > UINT16_MAX) {
        return 0;
    }
    size_t at = write_ip(packet, segment, bytes);
    uint8_t *tcp = bytes + at;
    memset(tcp, 0, TCP_HEADER);
    write16(tcp, packet->source_port);
    write16(tcp + 2, packet->destination_port);
    write32(tcp + 4, packet->seq);
    write32(tcp + 8, packet->ack);
    tcp[12] = TCP_HEADER / 4 << 4;
    tcp[13] = packet->flags;
    write16(tcp + 14, packet->window);
    write16(tcp + 18, packet->urgent);
    if (packet->length > 0) {
        memcpy(tcp + TCP_HEADER, data, packet->length);
    }
    write_sums(packet, bytes, at, segment);
    return total;
}

size_t packet_build_unreachable(const struct packet *packet, uint8_t code, uint8_t *bytes,
                                size_t size)
{
    struct packet about = *packet;
    about.length = 0; /* the message holds no more than the headers */
    size_t before = (size_t)IPV4_HEADER + ICMP_HEADER;
    size_t held =
        packet->v6 || size < before ? 0 : packet_build(&about, NULL, bytes + before, size - before);
    if (held == 0) {
        return 0;
    }
    const struct packet outer = {0};
    (void)write_ip(&outer, ICMP_HEADER + held, bytes);
    bytes[9] = PROTOCOL_ICMP;
    memcpy(bytes + 12, packet->destination, 4);
    memcpy(bytes + 16, packet->source, 4);
    write16(bytes + 10, (uint16_t)~fold(sum(0, bytes, IPV4_HEADER)));
    uint8_t *icmp = bytes + IPV4_HEADER;
    memset(icmp, 0, ICMP_HEADER);
    icmp[0] = ICMP_UNREACHABLE;
    icmp[1] = code;
    write16(icmp + 2, (uint16_t)~fold(sum(0, icmp, ICMP_HEADER + held)));
    return before + held;
}

enum scenario_segment packet_kind(const struct packet *packet)
{
    if ((packet->flags & TCP_CTL_RST) != 0) {
        return SCENARIO_SEGMENT_RST;
    }
    if ((packet->flags & TCP_CTL_SYN) != 0) {
        return (packet->flags & TCP_CTL_ACK) != 0 ? SCENARIO_SEGMENT_SYN_ACK : SCENARIO_SEGMENT_SYN;
    }
    if ((packet->flags & TCP_CTL_FIN) != 0) {
        return SCENARIO_SEGMENT_FIN;
    }
    if ((packet->flags & TCP_CTL_URG) != 0) {
        return SCENARIO_SEGMENT_URGENT;
    }
    return packet->length > 0 ? SCENARIO_SEGMENT_DATA : SCENARIO_SEGMENT_ACK;
}
