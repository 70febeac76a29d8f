/* The pcapng form of a trace: blocks whose lengths agree, packets that say what the segments were,
 * comments where they belong. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "report/pcapng.h"

enum { EVENTS = 32, PACKETS = 8, HEADERS = 40 };

struct packet {
    uint32_t captured;
    uint32_t length;
    uint8_t bytes[HEADERS];
    char comments[512]; /* each ended by a line feed */
};

struct capture {
    struct packet packets[PACKETS];
    unsigned count;
    unsigned sections;
    unsigned interfaces;
};

static struct trace_event events[EVENTS];
static struct trace trace;

static uint32_t segment(enum trace_host from, enum scenario_segment kind, enum trace_fate fate,
                        int64_t seq, int64_t bytes)
{
    struct trace_event *event = trace_add(&trace, TRACE_SEGMENT, from);
    event->what = (uint8_t)kind;
    event->conn = 1;
    event->result = fate;
    event->a = seq;
    event->b = bytes;
    return trace.count - 1;
}

static uint32_t read_u32(const char *at)
{
    uint32_t value = 0;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t big_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void read_packet(const char *block, uint32_t length, struct packet *packet)
{
    packet->captured = read_u32(block + 20);
    packet->length = read_u32(block + 24);
    assert_int_equal(packet->captured, HEADERS);
    memcpy(packet->bytes, block + 28, HEADERS);
    packet->comments[0] = '\0';
    for (uint32_t at = 28 + HEADERS; at < length - 4;) {
        uint16_t code = (uint16_t)read_u32(block + at);
        uint16_t size = (uint16_t)(read_u32(block + at) >> 16);
        if (code == 0) {
            break;
        }
        if (code == 1) {
            (void)strncat(packet->comments, block + at + 4, size);
            (void)strcat(packet->comments, "\n");
        }
        at += 4 + (size + 3U) / 4 * 4;
    }
}

/* Walks the blocks; each must say its length at both ends, and they must fill the file. */
static struct capture read_back(const struct trace_text *text)
{
    struct capture capture = {0};
    size_t at = 0;
    while (at < text->size) {
        uint32_t type = read_u32(text->data + at);
        uint32_t length = read_u32(text->data + at + 4);
        assert_in_range(length, 12, text->size - at);
        assert_int_equal(length % 4, 0);
        assert_int_equal(read_u32(text->data + at + length - 4), length);
        capture.sections += type == 0x0A0D0D0A;
        capture.interfaces += type == 1;
        if (type == 6) {
            assert_in_range(capture.count, 0, PACKETS - 1);
            read_packet(text->data + at, length, &capture.packets[capture.count++]);
        }
        at += length;
    }
    assert_int_equal(at, text->size);
    return capture;
}

static struct capture written(const struct pcapng_note *notes, uint32_t count)
{
    struct status_detail detail = {{0}};
    struct trace_text text = {0};
    struct trace_output output = trace_output_text(&text);
    assert_ok(pcapng_write(&trace, notes, count, &output, &detail), &detail);
    struct capture capture = read_back(&text);
    trace_text_free(&text);
    return capture;
}

static int fresh(void **state)
{
    (void)state;
    memset(events, 0, sizeof events);
    trace = (struct trace){.events = events, .capacity = EVENTS};
    return 0;
}

static void write_empty_trace_has_section_and_interface(void **state)
{
    (void)state;
    struct capture capture = written(NULL, 0);
    assert_int_equal(capture.sections, 1);
    assert_int_equal(capture.interfaces, 1);
    assert_int_equal(capture.count, 0);
}

static void write_segment_keeps_place_and_length(void **state)
{
    (void)state;
    (void)segment(TRACE_HOST_PEER, SCENARIO_SEGMENT_DATA, TRACE_FATE_SENT, 77, 100);
    struct capture capture = written(NULL, 0);
    assert_int_equal(capture.count, 1);
    const struct packet *packet = &capture.packets[0];
    assert_int_equal(packet->length, HEADERS + 100);
    assert_int_equal(big_u32(packet->bytes + 24), 77);
    assert_int_equal(packet->bytes[33], 0x18);  /* PSH, ACK */
    assert_int_equal(packet->bytes[12 + 3], 2); /* from the peer */
    assert_int_equal(packet->bytes[16 + 3], 1);
}

static void write_acknowledges_what_was_heard(void **state)
{
    (void)state;
    (void)segment(TRACE_HOST_PEER, SCENARIO_SEGMENT_SYN, TRACE_FATE_SENT, 0, 0);
    (void)segment(TRACE_HOST_TARGET, SCENARIO_SEGMENT_SYN_ACK, TRACE_FATE_SENT, 0, 0);
    (void)segment(TRACE_HOST_PEER, SCENARIO_SEGMENT_DATA, TRACE_FATE_SENT, 1, 10);
    (void)segment(TRACE_HOST_TARGET, SCENARIO_SEGMENT_FIN, TRACE_FATE_SENT, 1, 0);
    (void)segment(TRACE_HOST_PEER, SCENARIO_SEGMENT_ACK, TRACE_FATE_SENT, 11, 0);
    struct capture capture = written(NULL, 0);
    assert_int_equal(capture.count, 5);
    assert_int_equal(big_u32(capture.packets[0].bytes + 28), 0); /* SYN acknowledges nothing */
    assert_int_equal(big_u32(capture.packets[1].bytes + 28), 1);
    assert_int_equal(big_u32(capture.packets[3].bytes + 28), 11);
    assert_int_equal(big_u32(capture.packets[4].bytes + 28), 2);
}

static void write_dropped_is_not_acknowledged(void **state)
{
    (void)state;
    (void)segment(TRACE_HOST_PEER, SCENARIO_SEGMENT_SYN, TRACE_FATE_SENT, 0, 0);
    (void)segment(TRACE_HOST_PEER, SCENARIO_SEGMENT_DATA, TRACE_FATE_SENT, 1, 10);
    (void)segment(TRACE_HOST_PEER, SCENARIO_SEGMENT_DATA, TRACE_FATE_DROPPED, 1, 10);
    (void)segment(TRACE_HOST_TARGET, SCENARIO_SEGMENT_ACK, TRACE_FATE_SENT, 1, 0);
    struct capture capture = written(NULL, 0);
    assert_int_equal(capture.count, 3);
    assert_string_equal(capture.packets[1].comments, "dropped\n");
    assert_int_equal(big_u32(capture.packets[2].bytes + 28), 1);
}

static void write_held_is_a_packet_and_heard_when_delivered(void **state)
{
    (void)state;
    (void)segment(TRACE_HOST_PEER, SCENARIO_SEGMENT_SYN, TRACE_FATE_SENT, 0, 0);
    (void)segment(TRACE_HOST_PEER, SCENARIO_SEGMENT_DATA, TRACE_FATE_HELD, 1, 10);
    (void)segment(TRACE_HOST_TARGET, SCENARIO_SEGMENT_ACK, TRACE_FATE_SENT, 1, 0);
    (void)segment(TRACE_HOST_PEER, SCENARIO_SEGMENT_DATA, TRACE_FATE_DELIVERED, 1, 10);
    (void)segment(TRACE_HOST_TARGET, SCENARIO_SEGMENT_FIN, TRACE_FATE_SENT, 1, 0);
    struct capture capture = written(NULL, 0);
    assert_int_equal(capture.count, 4);
    assert_string_equal(capture.packets[1].comments, "held\ndelivered\n");
    assert_int_equal(big_u32(capture.packets[2].bytes + 28), 1);
    assert_int_equal(big_u32(capture.packets[3].bytes + 28), 11);
}

static void write_lost_as_it_was_sent_is_a_packet(void **state)
{
    (void)state;
    (void)segment(TRACE_HOST_PEER, SCENARIO_SEGMENT_SYN, TRACE_FATE_DROPPED, 0, 0);
    (void)segment(TRACE_HOST_PEER, SCENARIO_SEGMENT_SYN, TRACE_FATE_RETRANSMITTED, 0, 0);
    struct capture capture = written(NULL, 0);
    assert_int_equal(capture.count, 2);
    assert_string_equal(capture.packets[0].comments, "dropped\n");
}

static void write_note_stands_on_packet_before_its_event(void **state)
{
    (void)state;
    (void)segment(TRACE_HOST_PEER, SCENARIO_SEGMENT_FIN, TRACE_FATE_SENT, 1, 0);
    struct trace_event *call = trace_add(&trace, TRACE_CALL, TRACE_HOST_TARGET);
    call->conn = 1;
    uint32_t index = trace.count - 1;
    (void)segment(TRACE_HOST_TARGET, SCENARIO_SEGMENT_FIN, TRACE_FATE_SENT, 1, 0);
    struct pcapng_note note = {.event = index, .text = "never closed"};
    struct capture capture = written(&note, 1);
    assert_string_equal(capture.packets[0].comments, "never closed\n");
    assert_string_equal(capture.packets[1].comments, "");
}

static void write_injected_says_so(void **state)
{
    (void)state;
    (void)segment(TRACE_HOST_PEER, SCENARIO_SEGMENT_RST, TRACE_FATE_INJECTED, 5, 0);
    struct capture capture = written(NULL, 0);
    assert_string_equal(capture.packets[0].comments, "injected\n");
    assert_int_equal(capture.packets[0].bytes[33], 0x14); /* RST, ACK */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(write_empty_trace_has_section_and_interface, fresh),
        cmocka_unit_test_setup(write_segment_keeps_place_and_length, fresh),
        cmocka_unit_test_setup(write_acknowledges_what_was_heard, fresh),
        cmocka_unit_test_setup(write_dropped_is_not_acknowledged, fresh),
        cmocka_unit_test_setup(write_held_is_a_packet_and_heard_when_delivered, fresh),
        cmocka_unit_test_setup(write_lost_as_it_was_sent_is_a_packet, fresh),
        cmocka_unit_test_setup(write_note_stands_on_packet_before_its_event, fresh),
        cmocka_unit_test_setup(write_injected_says_so, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
