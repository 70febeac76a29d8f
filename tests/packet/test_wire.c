/* The wire between two hosts that do nothing by themselves: what they put out is what a test says.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "packet/wire.h"
#include "test.h"

enum { EVENTS = 1024, PACKETS = 16, CLIENT_PORT = 40000, SERVER_PORT = 7000, ISN = 1000 };

struct packets {
    uint8_t bytes[PACKETS][WIRE_MTU];
    size_t sizes[PACKETS];
    unsigned first;
    unsigned count;
};

struct fixture {
    struct packet_wire wire;
    struct trace trace;
    struct packets out[TRACE_HOST_COUNT];   /* that a host has put out */
    struct packets given[TRACE_HOST_COUNT]; /* that arrived at it */
    enum tcp_state state[TRACE_HOST_COUNT];
    uint64_t identity; /* of every socket */
    bool refuses;      /* both hosts answer what arrives by an RST */
};

static int64_t take(void *context, enum trace_host host, uint8_t *bytes, size_t size)
{
    struct packets *out = &((struct fixture *)context)->out[host];
    if (out->first == out->count) {
        return 0;
    }
    assert_true(out->sizes[out->first] <= size);
    memcpy(bytes, out->bytes[out->first], out->sizes[out->first]);
    return (int64_t)out->sizes[out->first++];
}

/* The host puts out a segment; the peer's host is the client. */
static void put(struct fixture *f, enum trace_host from, uint8_t flags, uint32_t seq, uint32_t ack,
                const char *data)
{
    struct packets *out = &f->out[from];
    bool client = from == TRACE_HOST_PEER;
    struct packet packet = {.source = {10, 0, 0, client ? 2 : 1},
                            .destination = {10, 0, 0, client ? 1 : 2},
                            .source_port = client ? CLIENT_PORT : SERVER_PORT,
                            .destination_port = client ? SERVER_PORT : CLIENT_PORT,
                            .seq = seq,
                            .ack = ack,
                            .window = 1000,
                            .flags = flags,
                            .length = (uint16_t)strlen(data)};
    assert_true(out->count < PACKETS);
    out->sizes[out->count] =
        packet_build(&packet, (const uint8_t *)data, out->bytes[out->count], WIRE_MTU);
    out->count++;
}

static void give(void *context, enum trace_host host, const uint8_t *bytes, size_t size)
{
    struct fixture *f = context;
    struct packets *given = &f->given[host];
    assert_true(given->count < PACKETS);
    memcpy(given->bytes[given->count], bytes, size);
    given->sizes[given->count++] = size;
    struct packet packet;
    if (f->refuses && packet_parse(bytes, size, &packet) && (packet.flags & TCP_CTL_RST) == 0) {
        put(f, host, TCP_CTL_RST | TCP_CTL_ACK, 0, packet.seq + packet_space(&packet), "");
    }
}

static enum tcp_state state_of(void *context, enum trace_host host, uint32_t conn)
{
    (void)conn;
    return ((struct fixture *)context)->state[host];
}

static uint64_t identity_of(void *context, enum trace_host host, uint32_t conn)
{
    (void)host;
    (void)conn;
    return ((struct fixture *)context)->identity;
}

static void fixture_open(struct fixture *f, bool resends)
{
    struct status_detail detail = {""};
    memset(f, 0, sizeof(*f));
    const struct packet_wire_hosts hosts = {.context = f,
                                            .take = take,
                                            .give = give,
                                            .state = state_of,
                                            .identity = identity_of,
                                            .resends = resends};
    assert_ok(trace_init(&f->trace, EVENTS), &detail);
    assert_ok(packet_wire_init(&f->wire, &hosts, &detail), &detail);
    trace_clear(&f->trace);
    packet_wire_reset(&f->wire, &f->trace);
}

static void fixture_close(struct fixture *f)
{
    packet_wire_done(&f->wire);
    trace_done(&f->trace);
}

static void handshake(struct fixture *f)
{
    f->state[TRACE_HOST_PEER] = TCP_SYN_SENT;
    put(f, TRACE_HOST_PEER, TCP_CTL_SYN, ISN, 0, "");
    (void)packet_wire_collect(&f->wire);
    f->state[TRACE_HOST_TARGET] = TCP_ESTABLISHED;
    (void)packet_wire_deliver_all(&f->wire);
    f->state[TRACE_HOST_PEER] = TCP_ESTABLISHED;
    put(f, TRACE_HOST_TARGET, TCP_CTL_SYN | TCP_CTL_ACK, ISN, ISN + 1, "");
    (void)packet_wire_collect(&f->wire);
    (void)packet_wire_deliver_all(&f->wire);
    put(f, TRACE_HOST_PEER, TCP_CTL_ACK, ISN + 1, ISN + 1, "");
    (void)packet_wire_collect(&f->wire);
    (void)packet_wire_deliver_all(&f->wire);
}

/* The client sends these three letters as its first data. */
static void put_data(struct fixture *f)
{
    put(f, TRACE_HOST_PEER, TCP_CTL_ACK | TCP_CTL_PSH, ISN + 1, ISN + 1, "abc");
    (void)packet_wire_collect(&f->wire);
}

static int fates(const struct fixture *f, enum scenario_segment kind, enum trace_fate fate)
{
    int count = 0;
    for (uint32_t i = 0; i < f->trace.count; i++) {
        const struct trace_event *event = &f->trace.events[i];
        count += event->kind == TRACE_SEGMENT && event->what == kind && event->result == fate;
    }
    return count;
}

static void syn_numbers_connection(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, false);
    handshake(&f);
    assert_int_equal(packet_wire_conn(&f.wire, TRACE_HOST_TARGET, SERVER_PORT, CLIENT_PORT), 1);
    assert_int_equal(packet_wire_conn(&f.wire, TRACE_HOST_PEER, CLIENT_PORT, SERVER_PORT), 1);
    assert_int_equal(packet_wire_conn(&f.wire, TRACE_HOST_PEER, CLIENT_PORT, 1), 0);
    assert_int_equal(packet_wire_connections(&f.wire, TRACE_HOST_TARGET), 1);
    fixture_close(&f);
}

static void new_syn_on_the_same_ports_is_another_connection(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, false);
    handshake(&f);
    put(&f, TRACE_HOST_PEER, TCP_CTL_SYN, ISN, 0, ""); /* the first one again */
    (void)packet_wire_collect(&f.wire);
    assert_int_equal(packet_wire_conn(&f.wire, TRACE_HOST_PEER, CLIENT_PORT, SERVER_PORT), 1);
    assert_int_equal(fates(&f, SCENARIO_SEGMENT_SYN, TRACE_FATE_RETRANSMITTED), 1);
    put(&f, TRACE_HOST_PEER, TCP_CTL_SYN, ISN + 5000, 0, "");
    (void)packet_wire_collect(&f.wire);
    assert_int_equal(packet_wire_conn(&f.wire, TRACE_HOST_PEER, CLIENT_PORT, SERVER_PORT), 2);
    fixture_close(&f);
}

/* A SYN is held until the other end has made a connection of its own between the two ports, and
 * ended it: what refuses the SYN is not of that one. */
static void refusal_belongs_to_what_it_refuses(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, false);
    f.state[TRACE_HOST_PEER] = TCP_SYN_SENT;
    packet_wire_hold(&f.wire, WORLD_TO_TARGET, true);
    packet_wire_hold(&f.wire, WORLD_TO_PEER, true);
    put(&f, TRACE_HOST_PEER, TCP_CTL_SYN, ISN, 0, "");
    (void)packet_wire_collect(&f.wire);
    f.state[TRACE_HOST_PEER] = TCP_CLOSED;
    packet_wire_sample_end(&f.wire, 1, TRACE_HOST_PEER);
    f.state[TRACE_HOST_TARGET] = TCP_SYN_SENT;
    put(&f, TRACE_HOST_TARGET, TCP_CTL_SYN, ISN + 5000, 0, "");
    (void)packet_wire_collect(&f.wire);
    f.state[TRACE_HOST_TARGET] = TCP_CLOSED;
    packet_wire_sample_end(&f.wire, 2, TRACE_HOST_TARGET);
    f.refuses = true;
    assert_int_equal(packet_wire_deliver(&f.wire, WORLD_TO_TARGET, 0), 0);
    const struct trace_event *last = &f.trace.events[f.trace.count - 1];
    assert_int_equal(last->what, SCENARIO_SEGMENT_RST);
    assert_int_equal(last->conn, 1);
    assert_int_equal(packet_wire_deliver(&f.wire, WORLD_TO_PEER, 0), 0);
    last = &f.trace.events[f.trace.count - 1];
    assert_int_equal(last->what, SCENARIO_SEGMENT_RST);
    assert_int_equal(last->conn, 2);
    fixture_close(&f);
}

/* A timer of a host runs out between two looks: the RST that it sent is older than what is seen. */
static void state_is_told_behind_what_led_to_it(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, false);
    handshake(&f);
    put(&f, TRACE_HOST_PEER, TCP_CTL_RST | TCP_CTL_ACK, ISN + 1, ISN + 1, "");
    f.state[TRACE_HOST_PEER] = TCP_CLOSED;
    packet_wire_sample_live(&f.wire);
    const struct trace_event *last = &f.trace.events[f.trace.count - 1];
    assert_int_equal(last->kind, TRACE_STATE);
    assert_int_equal(last->what, TCP_CLOSED);
    assert_int_equal(last[-1].kind, TRACE_SEGMENT);
    assert_int_equal(last[-1].what, SCENARIO_SEGMENT_RST);
    fixture_close(&f);
}

/* How many states the target's end went through since event `from`, and which. */
static unsigned states_since(const struct fixture *f, uint32_t from, uint8_t states[2])
{
    unsigned count = 0;
    for (uint32_t i = from; i < f->trace.count; i++) {
        const struct trace_event *event = &f->trace.events[i];
        if (event->kind == TRACE_STATE && event->host == TRACE_HOST_TARGET && count < 2) {
            states[count++] = event->what;
        }
    }
    return count;
}

static void another_socket_in_the_same_state_is_told(void **state)
{
    struct fixture f;
    uint8_t states[2] = {0};
    (void)state;
    fixture_open(&f, false);
    f.identity = 1;
    f.state[TRACE_HOST_TARGET] = TCP_SYN_RECEIVED;
    put(&f, TRACE_HOST_PEER, TCP_CTL_SYN, ISN, 0, "");
    (void)packet_wire_collect(&f.wire);
    (void)packet_wire_deliver_all(&f.wire);
    uint32_t from = f.trace.count;
    packet_wire_sample_live(&f.wire);
    assert_int_equal(f.trace.count, from); /* it is the same socket */
    f.identity = 2;
    packet_wire_sample_live(&f.wire);
    assert_int_equal(states_since(&f, from, states), 2);
    assert_int_equal(states[0], TCP_CLOSED);
    assert_int_equal(states[1], TCP_SYN_RECEIVED);
    fixture_close(&f);
}

static void cookie_that_is_proved_later_begins_there(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, false);
    handshake(&f);
    f.state[TRACE_HOST_TARGET] = TCP_CLOSED;
    packet_wire_sample_live(&f.wire);
    f.state[TRACE_HOST_TARGET] = TCP_ESTABLISHED;
    put(&f, TRACE_HOST_PEER, TCP_CTL_ACK, ISN + 2, ISN + 2, "");
    (void)packet_wire_collect(&f.wire);
    (void)packet_wire_deliver_all(&f.wire);
    put(&f, TRACE_HOST_TARGET, TCP_CTL_ACK | TCP_CTL_FIN, ISN + 2, ISN + 2, "");
    (void)packet_wire_collect(&f.wire);
    const struct trace_event *fin = &f.trace.events[f.trace.count - 1];
    assert_int_equal(fin->what, SCENARIO_SEGMENT_FIN);
    assert_int_equal(fin->a, 1); /* its first, not the second of the connection before it */
    fixture_close(&f);
}

static void hold_keeps_until_released(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, false);
    handshake(&f);
    unsigned before = f.given[TRACE_HOST_TARGET].count;
    packet_wire_hold(&f.wire, WORLD_TO_TARGET, true);
    put_data(&f);
    assert_false(packet_wire_deliver_all(&f.wire));
    assert_int_equal(packet_wire_count(&f.wire, WORLD_TO_TARGET), 1);
    assert_int_equal(fates(&f, SCENARIO_SEGMENT_DATA, TRACE_FATE_HELD), 1);
    packet_wire_hold(&f.wire, WORLD_TO_TARGET, false);
    assert_true(packet_wire_deliver_all(&f.wire));
    assert_int_equal(f.given[TRACE_HOST_TARGET].count, before + 1);
    assert_int_equal(fates(&f, SCENARIO_SEGMENT_DATA, TRACE_FATE_DELIVERED), 1);
    fixture_close(&f);
}

static void deliver_takes_what_is_named(void **state)
{
    struct fixture f;
    struct packet packet;
    (void)state;
    fixture_open(&f, false);
    handshake(&f);
    packet_wire_hold(&f.wire, WORLD_TO_TARGET, true);
    put_data(&f);
    put(&f, TRACE_HOST_PEER, TCP_CTL_ACK | TCP_CTL_PSH, ISN + 4, ISN + 1, "de");
    assert_int_equal(packet_wire_deliver(&f.wire, WORLD_TO_TARGET, 1), 0);
    const struct packets *given = &f.given[TRACE_HOST_TARGET];
    assert_true(
        packet_parse(given->bytes[given->count - 1], given->sizes[given->count - 1], &packet));
    assert_int_equal(packet.seq, ISN + 4);
    assert_int_equal(packet_wire_deliver(&f.wire, WORLD_TO_TARGET, 1), -ENOENT);
    fixture_close(&f);
}

static void lose_and_cut_and_drop_let_nothing_through(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, false);
    handshake(&f);
    unsigned before = f.given[TRACE_HOST_TARGET].count;
    packet_wire_lose(&f.wire, SCENARIO_SEGMENT_DATA, 1);
    put_data(&f);
    packet_wire_cut(&f.wire, WORLD_TO_TARGET, true);
    put_data(&f);
    packet_wire_cut(&f.wire, WORLD_TO_TARGET, false);
    packet_wire_hold(&f.wire, WORLD_TO_TARGET, true);
    put_data(&f);
    assert_int_equal(packet_wire_drop(&f.wire, WORLD_TO_TARGET, 0), 0);
    packet_wire_hold(&f.wire, WORLD_TO_TARGET, false);
    (void)packet_wire_deliver_all(&f.wire);
    assert_int_equal(f.given[TRACE_HOST_TARGET].count, before);
    assert_int_equal(fates(&f, SCENARIO_SEGMENT_DATA, TRACE_FATE_DROPPED), 3);
    assert_int_equal(packet_wire_due_us(&f.wire), -1); /* such hosts send again themselves */
    fixture_close(&f);
}

static void duplicate_arrives_twice(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, false);
    handshake(&f);
    unsigned before = f.given[TRACE_HOST_TARGET].count;
    put_data(&f);
    assert_int_equal(packet_wire_duplicate(&f.wire, WORLD_TO_TARGET, 0), 0);
    (void)packet_wire_deliver_all(&f.wire);
    assert_int_equal(f.given[TRACE_HOST_TARGET].count, before + 2);
    fixture_close(&f);
}

static void resending_wire_sends_lost_data_again(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, true);
    handshake(&f);
    unsigned before = f.given[TRACE_HOST_TARGET].count;
    packet_wire_lose(&f.wire, SCENARIO_SEGMENT_DATA, 1);
    put_data(&f);
    assert_int_equal(packet_wire_due_us(&f.wire), WIRE_RTO_US);
    f.trace.now_us += WIRE_RTO_US;
    assert_true(packet_wire_collect(&f.wire));
    (void)packet_wire_deliver_all(&f.wire);
    assert_int_equal(f.given[TRACE_HOST_TARGET].count, before + 1);
    assert_int_equal(fates(&f, SCENARIO_SEGMENT_DATA, TRACE_FATE_RETRANSMITTED), 1);
    fixture_close(&f);
}

static void inject_has_the_number_that_is_expected(void **state)
{
    struct fixture f;
    struct packet packet;
    (void)state;
    fixture_open(&f, false);
    handshake(&f);
    put(&f, TRACE_HOST_TARGET, TCP_CTL_ACK, ISN + 1, ISN + 1, "");
    (void)packet_wire_collect(&f.wire);
    assert_int_equal(packet_wire_inject(&f.wire, 1, SCENARIO_SEGMENT_RST, WORLD_TO_TARGET), 0);
    const struct packets *given = &f.given[TRACE_HOST_TARGET];
    const uint8_t *last = given->bytes[given->count - 1];
    assert_true(packet_is_intact(last, given->sizes[given->count - 1]));
    assert_true(packet_parse(last, given->sizes[given->count - 1], &packet));
    assert_int_equal(packet.seq, ISN + 1);
    assert_int_equal(packet.source_port, CLIENT_PORT);
    assert_true((packet.flags & TCP_CTL_RST) != 0);
    f.state[TRACE_HOST_TARGET] = TCP_CLOSED;
    assert_int_equal(packet_wire_inject(&f.wire, 1, SCENARIO_SEGMENT_RST, WORLD_TO_TARGET),
                     -ENOTCONN);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syn_numbers_connection),
        cmocka_unit_test(new_syn_on_the_same_ports_is_another_connection),
        cmocka_unit_test(refusal_belongs_to_what_it_refuses),
        cmocka_unit_test(state_is_told_behind_what_led_to_it),
        cmocka_unit_test(another_socket_in_the_same_state_is_told),
        cmocka_unit_test(cookie_that_is_proved_later_begins_there),
        cmocka_unit_test(hold_keeps_until_released),
        cmocka_unit_test(deliver_takes_what_is_named),
        cmocka_unit_test(lose_and_cut_and_drop_let_nothing_through),
        cmocka_unit_test(duplicate_arrives_twice),
        cmocka_unit_test(resending_wire_sends_lost_data_again),
        cmocka_unit_test(inject_has_the_number_that_is_expected)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
