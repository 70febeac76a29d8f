/* From the segments of a trace to packets, and from packets to blocks of a pcapng file. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "report/pcapng.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_SECTION = 0x0A0D0D0A,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6,
    BYTE_ORDER_MAGIC = 0x1A2B3C4D,
    LINKTYPE_RAW = 101, /* packets begin with their IP header */
    OPTION_COMMENT = 1,
    OPTION_PACKET_FLAGS = 2, /* of a packet: bits 0 and 1 are its direction */
    OPTION_INTERFACE_NAME = 2,
    OPTION_APPLICATION = 4, /* of the section */
    INBOUND = 1,
    OUTBOUND = 2,
    IP_HEADER = 20,
    TCP_HEADER = 20,
    SNAPLEN = 65535,
    SERVER_PORT = 7000,  /* where no call said which */
    CLIENT_PORT = 40000, /* and the connection's number */
    TEXT_MAX = 4096      /* bytes of one packet's comment */
};

enum tcp_flag { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

/* A segment that was put on the wire. */
struct packet {
    uint32_t event;
    uint32_t ack; /* next byte that its sender waits for, from the other end's ISN */
    const char *fate;
    char *comment;
};

/* What one end of a connection has received, counted from the other end's ISN. */
struct end {
    int64_t next;
    bool heard;
};

struct capture {
    const struct trace *trace;
    struct packet *packets;
    uint32_t count;
    struct end (*ends)[TRACE_HOST_COUNT]; /* by connection */
    uint32_t conns;
    uint16_t port;
    struct trace_text out;
};

/* ---- Packets ---- */

static bool is_same(const struct trace_event *one, const struct trace_event *other)
{
    return one->host == other->host && one->conn == other->conn && one->what == other->what &&
           one->a == other->a;
}

/* What is held or lost as it is sent is told of by that alone; a segment that is in flight already
 * is held or dropped later. */
static bool is_put_on_wire(const struct capture *capture, const struct trace_event *event)
{
    if (event->kind != TRACE_SEGMENT || event->result == TRACE_FATE_DELIVERED) {
        return false;
    }
    if (event->result != TRACE_FATE_HELD && event->result != TRACE_FATE_DROPPED) {
        return true;
    }
    for (uint32_t i = capture->count; i-- > 0;) {
        if (is_same(&capture->trace->events[capture->packets[i].event], event)) {
            return false;
        }
    }
    return true;
}

static uint8_t flags_of(const struct trace_event *event)
{
    static const uint8_t flags[SCENARIO_SEGMENT_COUNT] = {[SCENARIO_SEGMENT_SYN] = SYN,
                                                          [SCENARIO_SEGMENT_SYN_ACK] = SYN | ACK,
                                                          [SCENARIO_SEGMENT_ACK] = ACK,
                                                          [SCENARIO_SEGMENT_DATA] = PSH | ACK,
                                                          [SCENARIO_SEGMENT_FIN] = FIN | ACK,
                                                          [SCENARIO_SEGMENT_RST] = RST | ACK,
                                                          [SCENARIO_SEGMENT_URGENT] =
                                                              URG | PSH | ACK};
    return event->what < SCENARIO_SEGMENT_COUNT ? flags[event->what] : ACK;
}

/* Sequence numbers that a segment uses up. */
static int64_t length_of(const struct trace_event *event)
{
    return event->b + ((flags_of(event) & (SYN | FIN)) != 0 ? 1 : 0);
}

/* Both ends count from the ISN. What was lost on the way is not acknowledged: a segment counts as
 * heard when it continues the stream and no later event says that it was dropped or held. */
static void hear(struct capture *capture, uint32_t index)
{
    const struct trace *trace = capture->trace;
    const struct trace_event *event = &trace->events[index];
    if (event->result == TRACE_FATE_HELD || event->result == TRACE_FATE_DROPPED) {
        return;
    }
    if (index + 1 < trace->count) {
        const struct trace_event *next = &trace->events[index + 1];
        bool same = next->kind == TRACE_SEGMENT && next->conn == event->conn &&
                    next->host == event->host && next->a == event->a;
        if (same && event->result != TRACE_FATE_DELIVERED &&
            (next->result == TRACE_FATE_DROPPED || next->result == TRACE_FATE_HELD)) {
            return;
        }
    }
    struct end *to = &capture->ends[event->conn][TRACE_HOST_COUNT - 1 - event->host];
    if (!to->heard || event->a <= to->next) {
        int64_t next = event->a + length_of(event);
        to->next = next > to->next || !to->heard ? next : to->next;
        to->heard = true;
    }
}

static void add_packet(struct capture *capture, uint32_t index)
{
    const struct trace_event *event = &capture->trace->events[index];
    struct end *own = &capture->ends[event->conn][event->host];
    struct packet *packet = &capture->packets[capture->count++];
    *packet = (struct packet){.event = index, .ack = (uint32_t)own->next};
    packet->fate =
        event->result == TRACE_FATE_SENT ? NULL : trace_fate_name((enum trace_fate)event->result);
    hear(capture, index);
}

/* The packet that an event is about, or the last one of its connection before it; NULL: none. */
static struct packet *packet_at(struct capture *capture, uint32_t index)
{
    const struct trace_event *event = &capture->trace->events[index];
    struct packet *before = NULL;
    for (uint32_t i = capture->count; i-- > 0;) {
        struct packet *packet = &capture->packets[i];
        const struct trace_event *sent = &capture->trace->events[packet->event];
        if (packet->event > index || (event->conn != 0 && sent->conn != event->conn)) {
            continue;
        }
        if (event->kind != TRACE_SEGMENT || packet->event == index || is_same(sent, event)) {
            return packet;
        }
        before = before != NULL ? before : packet;
    }
    return before;
}

static enum status comment(struct packet *packet, const char *text)
{
    if (packet == NULL) {
        return STATUS_OK;
    }
    size_t old = packet->comment != NULL ? strlen(packet->comment) : 0;
    size_t more = strlen(text);
    if (old + more + 2 > TEXT_MAX) {
        return STATUS_OK;
    }
    char *joined = realloc(packet->comment, old + more + 2);
    if (joined == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (old > 0) {
        joined[old++] = '\n';
    }
    memcpy(joined + old, text, more + 1);
    packet->comment = joined;
    return STATUS_OK;
}

static enum status collect(struct capture *capture)
{
    const struct trace *trace = capture->trace;
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        if (event->kind == TRACE_CALL && event->a > 0 && event->a < 65536 && event->result >= 0 &&
            (event->what == TRACE_CALL_BIND || event->what == TRACE_CALL_CONNECT)) {
            capture->port = (uint16_t)event->a;
        }
        if (is_put_on_wire(capture, event)) {
            add_packet(capture, i);
        } else if (event->kind == TRACE_SEGMENT) {
            if (event->result == TRACE_FATE_DELIVERED) {
                hear(capture, i);
            }
            enum status status =
                comment(packet_at(capture, i), trace_fate_name((enum trace_fate)event->result));
            if (status != STATUS_OK) {
                return status;
            }
        }
    }
    return STATUS_OK;
}

/* ---- Blocks ---- */

static void put(struct capture *capture, const void *data, size_t size)
{
    trace_text_add(&capture->out, data, size);
}

static void put_u32(struct capture *capture, uint32_t value)
{
    put(capture, &value, sizeof value);
}

static void pad(struct capture *capture, size_t size)
{
    put(capture, "\0\0\0", (4 - size % 4) % 4);
}

static void option(struct capture *capture, uint16_t code, const void *value, size_t size)
{
    uint16_t head[2] = {code, (uint16_t)size};
    put(capture, head, sizeof head);
    put(capture, value, size);
    pad(capture, size);
}

/* Options end with one of code 0; the length of a block stands at both of its ends. */
static void block_end(struct capture *capture, size_t start)
{
    put_u32(capture, 0);
    uint32_t length = (uint32_t)(capture->out.size - start + sizeof length);
    put_u32(capture, length);
    if (capture->out.failed == STATUS_OK) {
        memcpy(capture->out.data + start + 4, &length, sizeof length);
    }
}

static size_t block_begin(struct capture *capture, uint32_t type)
{
    size_t start = capture->out.size;
    put_u32(capture, type);
    put_u32(capture, 0);
    return start;
}

static void head_blocks(struct capture *capture)
{
    size_t start = block_begin(capture, BLOCK_SECTION);
    uint16_t version[2] = {1, 0};
    int64_t length = -1; /* of the section: not told */
    put_u32(capture, BYTE_ORDER_MAGIC);
    put(capture, version, sizeof version);
    put(capture, &length, sizeof length);
    option(capture, OPTION_APPLICATION, "sockspec", 8);
    block_end(capture, start);
    start = block_begin(capture, BLOCK_INTERFACE);
    uint16_t link[2] = {LINKTYPE_RAW, 0};
    put(capture, link, sizeof link);
    put_u32(capture, SNAPLEN);
    option(capture, OPTION_INTERFACE_NAME, "wire", 4);
    block_end(capture, start);
}

static void store_u16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void store_u32(uint8_t *at, uint32_t value)
{
    store_u16(at, value >> 16);
    store_u16(at + 2, value & 0xffff);
}

/* RFC 791 3.1, header checksum. */
static uint16_t checksum(const uint8_t *data, size_t size)
{
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < size; i += 2) {
        sum += (uint32_t)data[i] << 8 | data[i + 1];
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static uint32_t total_length(const struct trace_event *event)
{
    return IP_HEADER + TCP_HEADER + (uint32_t)event->b;
}

/* The checksum of TCP covers bytes that the trace does not have; it stays 0. */
static void build(const struct capture *capture, const struct packet *packet, uint8_t *bytes)
{
    static const uint8_t address[TRACE_HOST_COUNT][4] = {
        [TRACE_HOST_TARGET] = {10, 83, 0, 1}, [TRACE_HOST_PEER] = {10, 83, 0, 2}};
    const struct trace_event *event = &capture->trace->events[packet->event];
    bool target_serves = capture->trace->header.role != TRACE_ROLE_CLIENT;
    bool from_server = (event->host == TRACE_HOST_TARGET) == target_serves;
    uint16_t client = (uint16_t)(CLIENT_PORT + event->conn % (65536 - CLIENT_PORT));
    uint32_t length = total_length(event);
    uint8_t *tcp = bytes + IP_HEADER;
    memset(bytes, 0, IP_HEADER + TCP_HEADER);
    bytes[0] = 0x45;
    store_u16(bytes + 2, length > 65535 ? 65535 : length);
    store_u16(bytes + 4, packet->event & 0xffff);
    bytes[6] = 0x40; /* do not fragment */
    bytes[8] = 64;
    bytes[9] = 6;
    memcpy(bytes + 12, address[event->host], 4);
    memcpy(bytes + 16, address[TRACE_HOST_COUNT - 1 - event->host], 4);
    store_u16(bytes + 10, checksum(bytes, IP_HEADER));
    store_u16(tcp, from_server ? capture->port : client);
    store_u16(tcp + 2, from_server ? client : capture->port);
    store_u32(tcp + 4, (uint32_t)event->a);
    uint8_t flags = flags_of(event);
    store_u32(tcp + 8, (flags & ACK) != 0 ? packet->ack : 0);
    tcp[12] = TCP_HEADER / 4 << 4;
    tcp[13] = flags;
    store_u16(tcp + 14, 65535);
    store_u16(tcp + 18, (flags & URG) != 0 ? (uint32_t)event->b : 0);
}

static void packet_block(struct capture *capture, const struct packet *packet)
{
    const struct trace_event *event = &capture->trace->events[packet->event];
    uint8_t bytes[IP_HEADER + TCP_HEADER];
    uint64_t time = (uint64_t)event->time_us;
    uint32_t direction = event->host == TRACE_HOST_TARGET ? OUTBOUND : INBOUND;
    build(capture, packet, bytes);
    size_t start = block_begin(capture, BLOCK_PACKET);
    put_u32(capture, 0);
    put_u32(capture, (uint32_t)(time >> 32));
    put_u32(capture, (uint32_t)time);
    put_u32(capture, sizeof bytes);
    put_u32(capture, total_length(event));
    put(capture, bytes, sizeof bytes);
    option(capture, OPTION_PACKET_FLAGS, &direction, sizeof direction);
    if (packet->fate != NULL) {
        option(capture, OPTION_COMMENT, packet->fate, strlen(packet->fate));
    }
    if (packet->comment != NULL) {
        option(capture, OPTION_COMMENT, packet->comment, strlen(packet->comment));
    }
    block_end(capture, start);
}

static enum status write_all(struct capture *capture, const struct pcapng_note *notes,
                             uint32_t note_count, const struct trace_output *output,
                             struct status_detail *detail)
{
    enum status status = collect(capture);
    for (uint32_t i = 0; i < note_count && status == STATUS_OK; i++) {
        if (notes[i].event < capture->trace->count) {
            status = comment(packet_at(capture, notes[i].event), notes[i].text);
        }
    }
    head_blocks(capture);
    for (uint32_t i = 0; i < capture->count; i++) {
        packet_block(capture, &capture->packets[i]);
    }
    status = status != STATUS_OK ? status : capture->out.failed;
    if (status != STATUS_OK) {
        return status_fail(detail, status, "no memory for the packets of a trace");
    }
    return output->write(output->context, capture->out.data, capture->out.size, detail);
}

enum status pcapng_write(const struct trace *trace, const struct pcapng_note *notes,
                         uint32_t note_count, const struct trace_output *output,
                         struct status_detail *detail)
{
    struct capture capture = {.trace = trace, .port = SERVER_PORT};
    uint32_t segments = 0;
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        segments += event->kind == TRACE_SEGMENT;
        capture.conns = event->conn > capture.conns ? event->conn : capture.conns;
    }
    capture.packets = calloc((size_t)segments + 1, sizeof *capture.packets);
    capture.ends = calloc((size_t)capture.conns + 1, sizeof *capture.ends);
    enum status status = STATUS_NO_MEMORY;
    if (capture.packets != NULL && capture.ends != NULL) {
        status = write_all(&capture, notes, note_count, output, detail);
    } else {
        status = status_fail(detail, status, "no memory for the packets of a trace");
    }
    for (uint32_t i = 0; i < capture.count; i++) {
        free(capture.packets[i].comment);
    }
    free(capture.packets);
    free(capture.ends);
    trace_text_free(&capture.out);
    return status;
}
