/* Reading and writing of packets. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/random.h"
#include "packet/packet.h"
#include "test.h"

enum { PACKET_ROOM = 128, NOISE_ROUNDS = 20000 };

/* A SYN of 10.0.0.1:80 to 10.0.0.2:1024 with an MSS option; without a TCP checksum. */
static const uint8_t syn4[] = {0x45, 0x00, 0x00, 0x2C, 0x00, 0x01, 0x00, 0x00, 0x40, 0x06, 0x66,
                               0xC9, 0x0A, 0x00, 0x00, 0x01, 0x0A, 0x00, 0x00, 0x02, 0x00, 0x50,
                               0x04, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x60,
                               0x02, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0x02, 0x04, 0x05, 0xB4};

static struct packet sample(bool v6)
{
    struct packet packet = {.v6 = v6,
                            .source = {10, 83, 0, 1},
                            .destination = {10, 83, 0, 2},
                            .source_port = 7000,
                            .destination_port = 40000,
                            .seq = 0xFFFFFFFE,
                            .ack = 0x01020304,
                            .window = 512,
                            .urgent = 1,
                            .flags = TCP_CTL_ACK | TCP_CTL_PSH | TCP_CTL_URG,
                            .length = 5};
    return packet;
}

static size_t build(bool v6, uint8_t bytes[PACKET_ROOM])
{
    struct packet packet = sample(v6);
    return packet_build(&packet, (const uint8_t *)"hello", bytes, PACKET_ROOM);
}

static void assert_round_trip(bool v6)
{
    uint8_t bytes[PACKET_ROOM];
    struct packet want = sample(v6);
    struct packet got;
    size_t size = build(v6, bytes);
    assert_int_equal(size, v6 ? 65 : 45);
    assert_true(packet_parse(bytes, size, &got));
    assert_int_equal(got.v6, v6);
    assert_memory_equal(got.source, want.source, sizeof got.source);
    assert_memory_equal(got.destination, want.destination, sizeof got.destination);
    assert_int_equal(got.source_port, want.source_port);
    assert_int_equal(got.destination_port, want.destination_port);
    assert_int_equal(got.seq, want.seq);
    assert_int_equal(got.ack, want.ack);
    assert_int_equal(got.window, want.window);
    assert_int_equal(got.urgent, want.urgent);
    assert_int_equal(got.flags, want.flags);
    assert_int_equal(got.length, 5);
    assert_memory_equal(bytes + got.data, "hello", 5);
    assert_true(packet_is_intact(bytes, size));
}

static void ipv4_built_is_read_back(void **state)
{
    (void)state;
    assert_round_trip(false);
}

static void ipv6_built_is_read_back(void **state)
{
    (void)state;
    assert_round_trip(true);
}

static void options_are_no_data(void **state)
{
    (void)state;
    struct packet packet;
    assert_true(packet_parse(syn4, sizeof syn4, &packet));
    assert_int_equal(packet.length, 0);
    assert_int_equal(packet.source_port, 80);
    assert_int_equal(packet.destination_port, 1024);
    assert_int_equal(packet_kind(&packet), SCENARIO_SEGMENT_SYN);
    assert_int_equal(packet_space(&packet), 1);
}

static void checksum_of_a_known_header_is_right(void **state)
{
    (void)state;
    const struct packet known = {
        .source = {192, 168, 0, 1}, .destination = {192, 168, 0, 199}, .length = 0};
    uint8_t bytes[PACKET_ROOM];
    assert_int_equal(packet_build(&known, NULL, bytes, sizeof bytes), 40);
    /* The header that textbooks print, 4500 0073 0000 4000 4011 B861 C0A8 0001 C0A8 00C7, has UDP
     * (17, not 6) and 0x73 bytes (not 0x28): B861 + 0B + 4B. */
    assert_int_equal(bytes[10] << 8 | bytes[11], 0xB8B7);
    /* The complement of C0A8 + 0001 + C0A8 + 00C7 + 0006 + 0014 + 5000, carries added. */
    assert_int_equal(bytes[36] << 8 | bytes[37], 0x2DCC);
}

static void bit_turned_anywhere_in_the_segment_is_noticed(void **state)
{
    (void)state;
    uint8_t bytes[PACKET_ROOM];
    size_t size = build(false, bytes);
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(packet_is_intact(bytes, size));
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_true(packet_is_intact(bytes, size));
}

/* The copy lies at the end of its own memory, so that a read beyond it shows under a sanitizer. */
static bool parses_cut(const uint8_t *bytes, size_t size)
{
    struct packet packet;
    uint8_t *copy = test_malloc(size > 0 ? size : 1);
    memcpy(copy, bytes, size);
    bool parsed = packet_parse(copy, size, &packet);
    (void)packet_is_intact(copy, size);
    test_free(copy);
    return parsed;
}

static void truncation_anywhere_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[PACKET_ROOM];
    for (int v6 = 0; v6 <= 1; v6++) {
        size_t size = build(v6 != 0, bytes);
        for (size_t cut = 0; cut < size; cut++) {
            assert_false(parses_cut(bytes, cut));
        }
        assert_true(parses_cut(bytes, size));
    }
    for (size_t cut = 0; cut < sizeof syn4; cut++) {
        assert_false(parses_cut(syn4, cut));
    }
}

static void padding_behind_the_packet_is_no_data(void **state)
{
    (void)state;
    uint8_t bytes[PACKET_ROOM] = {0};
    struct packet packet;
    size_t size = build(false, bytes);
    assert_true(packet_parse(bytes, size + 6, &packet));
    assert_int_equal(packet.length, 5);
}

static void refused_with(size_t at, uint8_t value)
{
    uint8_t bytes[sizeof syn4];
    struct packet packet;
    memcpy(bytes, syn4, sizeof bytes);
    bytes[at] = value;
    assert_false(packet_parse(bytes, sizeof bytes, &packet));
}

static void contradicting_headers_are_refused(void **state)
{
    (void)state;
    refused_with(0, 0x55);  /* version 5 */
    refused_with(0, 0x44);  /* an IP header of 16 bytes */
    refused_with(0, 0x4F);  /* one of 60, past the end */
    refused_with(2, 0x01);  /* more bytes than there are */
    refused_with(3, 0x13);  /* fewer than the IP header */
    refused_with(3, 0x27);  /* fewer than a TCP header */
    refused_with(6, 0x20);  /* a fragment, more follow */
    refused_with(7, 0x01);  /* a later fragment */
    refused_with(9, 0x11);  /* UDP */
    refused_with(32, 0x40); /* a TCP header of 16 bytes */
    refused_with(32, 0xF0); /* one of 60, past the end */
}

static void noise_never_reaches_beyond_the_packet(void **state)
{
    (void)state;
    struct random random = {.state = 1};
    uint8_t bytes[PACKET_ROOM];
    for (unsigned round = 0; round < NOISE_ROUNDS; round++) {
        size_t size = build(round % 2 != 0, bytes);
        for (unsigned turns = random_below(&random, 4); turns > 0; turns--) {
            bytes[random_below(&random, (uint32_t)size)] = (uint8_t)random_next(&random);
        }
        size_t cut = random_below(&random, 8) == 0 ? random_below(&random, (uint32_t)size) : size;
        struct packet packet = {0};
        if (packet_parse(bytes, cut, &packet)) {
            assert_true((size_t)packet.data + packet.length <= cut);
        }
        (void)parses_cut(bytes, cut);
    }
}

static void address_put_in_keeps_the_packet_intact(void **state)
{
    (void)state;
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    uint8_t bytes[PACKET_ROOM];
    struct packet packet;
    size_t size = build(false, bytes);
    assert_true(packet_parse(bytes, size, &packet));
    packet_readdress(&packet, false, loopback, bytes);
    packet_readdress(&packet, true, loopback, bytes);
    assert_true(packet_is_intact(bytes, size));
    assert_true(packet_parse(bytes, size, &packet));
    assert_memory_equal(packet.source, loopback, 4);
    assert_memory_equal(packet.destination, loopback, 4);
    assert_memory_equal(bytes + packet.data, "hello", 5);
}

static void acknowledgment_put_in_keeps_the_packet_intact(void **state)
{
    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        uint8_t bytes[PACKET_ROOM];
        struct packet packet;
        struct packet got;
        size_t size = build(v6 != 0, bytes);
        assert_true(packet_parse(bytes, size, &packet));
        packet_acknowledge(&packet, 0x0A0B0C0D, 7, bytes);
        assert_true(packet_is_intact(bytes, size));
        assert_true(packet_parse(bytes, size, &got));
        assert_int_equal(got.ack, 0x0A0B0C0D);
        assert_int_equal(got.window, 7);
        assert_int_equal(packet.ack, got.ack);
        assert_int_equal(packet.window, got.window);
        assert_memory_equal(bytes + got.data, "hello", 5);
    }
}

static void build_without_room_writes_nothing(void **state)
{
    (void)state;
    uint8_t bytes[PACKET_ROOM] = {0};
    const uint8_t zeros[PACKET_ROOM] = {0};
    struct packet packet = sample(false);
    assert_int_equal(packet_build(&packet, (const uint8_t *)"hello", bytes, 44), 0);
    assert_memory_equal(bytes, zeros, sizeof bytes);
}

static void kind_goes_by_the_strongest_flag(void **state)
{
    (void)state;
    static const struct {
        uint8_t flags;
        uint16_t length;
        enum scenario_segment kind;
    } rows[] = {
        {TCP_CTL_SYN, 0, SCENARIO_SEGMENT_SYN},
        {TCP_CTL_SYN | TCP_CTL_ACK, 0, SCENARIO_SEGMENT_SYN_ACK},
        {TCP_CTL_ACK, 0, SCENARIO_SEGMENT_ACK},
        {TCP_CTL_ACK | TCP_CTL_PSH, 3, SCENARIO_SEGMENT_DATA},
        {TCP_CTL_ACK | TCP_CTL_URG, 1, SCENARIO_SEGMENT_URGENT},
        {TCP_CTL_ACK | TCP_CTL_FIN | TCP_CTL_PSH, 3, SCENARIO_SEGMENT_FIN},
        {TCP_CTL_RST, 0, SCENARIO_SEGMENT_RST},
        {TCP_CTL_RST | TCP_CTL_ACK | TCP_CTL_FIN, 0, SCENARIO_SEGMENT_RST},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct packet packet = {.flags = rows[i].flags, .length = rows[i].length};
        assert_int_equal(packet_kind(&packet), rows[i].kind);
    }
}

/* RFC 792: the message goes back to the sender, with the headers of what could not be delivered. */
static void unreachable_goes_back_with_the_headers(void **state)
{
    (void)state;
    uint8_t bytes[PACKET_ROOM];
    struct packet about = sample(false);
    struct packet held;
    size_t size = packet_build_unreachable(&about, 1, bytes, sizeof bytes);
    assert_int_equal(size, 20 + 8 + 40);
    assert_int_equal(bytes[9], 1); /* ICMP */
    assert_memory_equal(bytes + 12, about.destination, 4);
    assert_memory_equal(bytes + 16, about.source, 4);
    assert_int_equal(bytes[20], 3);
    assert_int_equal(bytes[21], 1);
    uint32_t total = 0;
    for (size_t i = 20; i < size; i += 2) {
        total += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
    }
    assert_int_equal((total & 0xFFFF) + (total >> 16), 0xFFFF);
    assert_true(packet_parse(bytes + 28, size - 28, &held));
    assert_int_equal(held.source_port, about.source_port);
    assert_int_equal(held.seq, about.seq);
    assert_int_equal(packet_build_unreachable(&about, 1, bytes, size - 1), 0);
    about.v6 = true;
    assert_int_equal(packet_build_unreachable(&about, 1, bytes, sizeof bytes), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unreachable_goes_back_with_the_headers),
        cmocka_unit_test(ipv4_built_is_read_back),
        cmocka_unit_test(ipv6_built_is_read_back),
        cmocka_unit_test(options_are_no_data),
        cmocka_unit_test(checksum_of_a_known_header_is_right),
        cmocka_unit_test(bit_turned_anywhere_in_the_segment_is_noticed),
        cmocka_unit_test(truncation_anywhere_is_refused),
        cmocka_unit_test(padding_behind_the_packet_is_no_data),
        cmocka_unit_test(contradicting_headers_are_refused),
        cmocka_unit_test(noise_never_reaches_beyond_the_packet),
        cmocka_unit_test(address_put_in_keeps_the_packet_intact),
        cmocka_unit_test(acknowledgment_put_in_keeps_the_packet_intact),
        cmocka_unit_test(build_without_room_writes_nothing),
        cmocka_unit_test(kind_goes_by_the_strongest_flag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
