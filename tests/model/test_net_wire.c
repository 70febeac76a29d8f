/* The wire: holding, losing, doubling and forging segments, and what the two ends make of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"
#include "model/net_script.h"

static void hold_keeps_segments_until_released(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->wire_hold(ns->world, WORLD_TO_TARGET, true);
    assert_int_equal(5, ns_send(ns, ends.client, "hello"));
    ns_deliver(ns);
    assert_int_equal(1, ns->ops->wire_count(ns->world, WORLD_TO_TARGET));
    assert_string_equal("EAGAIN", ns_text(ns, ends.server));
    ns->ops->wire_hold(ns->world, WORLD_TO_TARGET, false);
    ns_deliver(ns);
    assert_string_equal("hello", ns_text(ns, ends.server));
}

static void deliver_by_index_reorders_and_the_stream_stays_in_order(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->wire_hold(ns->world, WORLD_TO_TARGET, true);
    ns_send(ns, ends.client, "a");
    ns_send(ns, ends.client, "b");
    ns_send(ns, ends.client, "c");
    assert_int_equal(0, ns->ops->wire_deliver(ns->world, WORLD_TO_TARGET, 2));
    assert_int_equal(0, ns->ops->wire_deliver(ns->world, WORLD_TO_TARGET, 1));
    assert_string_equal("EAGAIN", ns_text(ns, ends.server));
    assert_int_equal(0, ns->ops->wire_deliver(ns->world, WORLD_TO_TARGET, 0));
    assert_string_equal("abc", ns_text(ns, ends.server));
    assert_int_equal(-ENOENT, ns->ops->wire_deliver(ns->world, WORLD_TO_TARGET, 0));
}

static void fin_ahead_of_a_gap_is_kept(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->wire_hold(ns->world, WORLD_TO_TARGET, true);
    ns_send(ns, ends.client, "x");
    ns->ops->shutdown(ns->world, ends.client, SHUT_WR);
    assert_int_equal(0, ns->ops->wire_deliver(ns->world, WORLD_TO_TARGET, 1));
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, ends.server));
    assert_int_equal(0, ns->ops->wire_deliver(ns->world, WORLD_TO_TARGET, 0));
    assert_int_equal(TCP_CLOSE_WAIT, ns_state(ns, ends.server));
    assert_string_equal("x", ns_text(ns, ends.server));
    assert_string_equal("", ns_text(ns, ends.server));
}

static void dropped_data_comes_again(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns_send(ns, ends.client, "again");
    assert_int_equal(0, ns->ops->wire_drop(ns->world, WORLD_TO_TARGET, 0));
    ns_deliver(ns);
    assert_string_equal("EAGAIN", ns_text(ns, ends.server));
    ns_wait(ns, 250000);
    assert_string_equal("again", ns_text(ns, ends.server));
}

static void duplicate_is_read_once(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns_send(ns, ends.client, "once");
    assert_int_equal(0, ns->ops->wire_duplicate(ns->world, WORLD_TO_TARGET, 0));
    ns_deliver(ns);
    assert_string_equal("once", ns_text(ns, ends.server));
    assert_string_equal("EAGAIN", ns_text(ns, ends.server));
}

static void lost_acknowledgment_ends_in_a_retransmission(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->wire_lose(ns->world, SCENARIO_SEGMENT_ACK, 1);
    ns_send(ns, ends.client, "acked late");
    ns_deliver(ns);
    assert_string_equal("acked late", ns_text(ns, ends.server));
    ns_wait(ns, 250000);
    assert_int_equal(1,
                     ns_segments(ns, 0, SCENARIO_SEGMENT_DATA, TRACE_FATE_RETRANSMITTED, NULL, 0));
    assert_string_equal("EAGAIN", ns_text(ns, ends.server));
    ns_wait(ns, 5 * NS_SECOND);
    assert_int_equal(1,
                     ns_segments(ns, 0, SCENARIO_SEGMENT_DATA, TRACE_FATE_RETRANSMITTED, NULL, 0));
}

static void nothing_is_retransmitted_on_a_good_wire(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    for (int i = 0; i < 100; i++) {
        ns_send(ns, ends.client, "data");
        ns_deliver(ns);
        assert_string_equal("data", ns_text(ns, ends.server));
    }
    ns_wait(ns, 60 * NS_SECOND);
    assert_int_equal(0,
                     ns_segments(ns, 0, SCENARIO_SEGMENT_DATA, TRACE_FATE_RETRANSMITTED, NULL, 0));
}

static void cut_wire_loses_everything_until_mended(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->wire_cut(ns->world, WORLD_TO_PEER, true);
    ns_send(ns, ends.server, "late");
    ns_wait(ns, 3 * NS_SECOND);
    assert_string_equal("EAGAIN", ns_text(ns, ends.client));
    ns->ops->wire_cut(ns->world, WORLD_TO_PEER, false);
    ns_wait(ns, 5 * NS_SECOND);
    assert_string_equal("late", ns_text(ns, ends.client));
}

static void lost_syn_comes_again_after_a_second(void **state)
{
    struct ns *ns = *state;
    ns_listener(ns, 1);
    ns->ops->wire_lose(ns->world, SCENARIO_SEGMENT_SYN, 1);
    int client = ns_connect(ns);
    ns_wait(ns, 999000);
    assert_int_equal(TCP_SYN_SENT, ns_state(ns, client));
    ns_wait(ns, 1000);
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, client));
}

static void lost_syn_ack_comes_again(void **state)
{
    struct ns *ns = *state;
    int listener = ns_listener(ns, 1);
    ns->ops->wire_lose(ns->world, SCENARIO_SEGMENT_SYN_ACK, 1);
    int client = ns_connect(ns);
    ns_wait(ns, 1100000);
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, client));
    assert_true(ns->ops->accept(ns->world, listener) >= 0);
}

static void lost_final_ack_is_made_good_by_data(void **state)
{
    struct ns *ns = *state;
    int listener = ns_listener(ns, 1);
    ns->ops->wire_lose(ns->world, SCENARIO_SEGMENT_ACK, 1);
    int client = ns_connect(ns);
    ns_deliver(ns);
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, client));
    assert_int_equal(-EAGAIN, ns->ops->accept(ns->world, listener));
    ns_send(ns, client, "first");
    ns_deliver(ns);
    int server = ns->ops->accept(ns->world, listener);
    assert_true(server >= 0);
    assert_string_equal("first", ns_text(ns, server));
}

static void injected_rst_resets(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    assert_int_equal(
        0, ns->ops->wire_inject(ns->world, ends.client, SCENARIO_SEGMENT_RST, WORLD_TO_TARGET));
    assert_int_equal(TCP_CLOSED, ns_state(ns, ends.server));
    assert_string_equal("ECONNRESET", ns_text(ns, ends.server));
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, ends.client));
    assert_int_equal(4, ns_send(ns, ends.client, "dead"));
    ns_deliver(ns);
    assert_string_equal("ECONNRESET", ns_text(ns, ends.client));
}

static void injected_data_and_fin_are_taken(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->wire_inject(ns->world, ends.client, SCENARIO_SEGMENT_DATA, WORLD_TO_TARGET);
    assert_string_equal("!", ns_text(ns, ends.server));
    ns->ops->wire_inject(ns->world, ends.server, SCENARIO_SEGMENT_FIN, WORLD_TO_PEER);
    assert_int_equal(TCP_CLOSE_WAIT, ns_state(ns, ends.client));
}

static void injected_syn_is_challenged(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->wire_inject(ns->world, ends.client, SCENARIO_SEGMENT_SYN, WORLD_TO_TARGET);
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, ends.server));
    ns_send(ns, ends.client, "alive");
    ns_deliver(ns);
    assert_string_equal("alive", ns_text(ns, ends.server));
}

static void simultaneous_close_passes_closing_on_both_ends(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->shutdown(ns->world, ends.client, SHUT_WR);
    ns->ops->shutdown(ns->world, ends.server, SHUT_WR);
    ns_deliver(ns);
    for (enum trace_host host = TRACE_HOST_TARGET; host < TRACE_HOST_COUNT; host++) {
        assert_true(ns_moved(ns, host, TCP_FIN_WAIT_1, TCP_CLOSING));
        assert_true(ns_moved(ns, host, TCP_CLOSING, TCP_TIME_WAIT));
    }
}

static void simultaneous_open_ends_in_one_connection(void **state)
{
    struct ns *ns = *state;
    int a = ns_socket(ns, TRACE_HOST_TARGET);
    int b = ns_socket(ns, TRACE_HOST_PEER);
    assert_int_equal(0, ns->ops->bind(ns->world, a, 7001));
    assert_int_equal(0, ns->ops->bind(ns->world, b, 7002));
    assert_int_equal(-EINPROGRESS, ns->ops->connect(ns->world, a, 7002));
    assert_int_equal(-EINPROGRESS, ns->ops->connect(ns->world, b, 7001));
    ns_deliver(ns);
    for (enum trace_host host = TRACE_HOST_TARGET; host < TRACE_HOST_COUNT; host++) {
        assert_true(ns_moved(ns, host, TCP_SYN_SENT, TCP_SYN_RECEIVED));
        assert_true(ns_moved(ns, host, TCP_SYN_RECEIVED, TCP_ESTABLISHED));
    }
    assert_int_equal(5, ns_send(ns, a, "hello"));
    assert_int_equal(3, ns_send(ns, b, "you"));
    ns_deliver(ns);
    assert_string_equal("hello", ns_text(ns, b));
    assert_string_equal("you", ns_text(ns, a));
}

static void exact_receive_room_stops_the_sender(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = {.listener = ns_listener(ns, 1)};
    ends.client = ns_socket(ns, TRACE_HOST_PEER);
    ns->ops->setsockopt(ns->world, ends.client, WORLD_OPTION_RCVBUF, 10);
    ns->ops->connect(ns->world, ends.client, NS_PORT);
    ns_deliver(ns);
    ends.server = ns->ops->accept(ns->world, ends.listener);
    assert_int_equal(26, ns_send(ns, ends.server, "abcdefghijklmnopqrstuvwxyz"));
    ns_deliver(ns);
    assert_string_equal("abcdefghij", ns_text(ns, ends.client));
    ns_deliver(ns);
    assert_string_equal("klmnopqrst", ns_text(ns, ends.client));
    ns_deliver(ns);
    assert_string_equal("uvwxyz", ns_text(ns, ends.client));
}

static void fin_waits_behind_a_closed_window(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    struct ns_ends small = {.client = ns_socket(ns, TRACE_HOST_PEER)};
    ns->ops->setsockopt(ns->world, small.client, WORLD_OPTION_RCVBUF, 4);
    ns->ops->connect(ns->world, small.client, NS_PORT);
    ns_deliver(ns);
    small.server = ns->ops->accept(ns->world, ends.listener);
    ns_send(ns, small.server, "1234567");
    ns->ops->close(ns->world, small.server);
    ns_deliver(ns);
    ns_wait(ns, 10 * NS_SECOND);
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, small.client));
    assert_string_equal("1234", ns_text(ns, small.client));
    ns_deliver(ns);
    assert_string_equal("567", ns_text(ns, small.client));
    ns_deliver(ns);
    assert_int_equal(TCP_CLOSE_WAIT, ns_state(ns, small.client));
}

static void lost_window_update_is_made_good_by_a_probe(void **state)
{
    struct ns *ns = *state;
    ns_listener(ns, 1);
    int client = ns_socket(ns, TRACE_HOST_PEER);
    ns->ops->setsockopt(ns->world, client, WORLD_OPTION_RCVBUF, 4);
    ns->ops->connect(ns->world, client, NS_PORT);
    ns_deliver(ns);
    int server = ns->ops->accept(ns->world, 0);
    ns_send(ns, server, "12345678");
    ns_deliver(ns);
    ns->ops->wire_lose(ns->world, SCENARIO_SEGMENT_ACK, 1);
    assert_string_equal("1234", ns_text(ns, client));
    ns_deliver(ns);
    assert_string_equal("EAGAIN", ns_text(ns, client));
    ns_wait(ns, 10 * NS_SECOND);
    assert_string_equal("5678", ns_text(ns, client));
}

static void next_ready_names_each_changed_socket_once(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    while (ns->ops->next_ready(ns->world, TRACE_HOST_TARGET) >= 0) {
    }
    ns_send(ns, ends.client, "a");
    ns_send(ns, ends.client, "b");
    ns_deliver(ns);
    assert_int_equal(ends.server, ns->ops->next_ready(ns->world, TRACE_HOST_TARGET));
    assert_int_equal(-1, ns->ops->next_ready(ns->world, TRACE_HOST_TARGET));
}

static void dup_keeps_the_connection(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    int again = ns->ops->dup(ns->world, ends.client);
    assert_int_equal(0, ns->ops->close(ns->world, ends.client));
    assert_int_equal(-EBADF, ns->ops->close(ns->world, ends.client));
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, again));
    ns_send(ns, ends.server, "still");
    ns_deliver(ns);
    assert_string_equal("still", ns_text(ns, again));
    ns->ops->close(ns->world, again);
    ns_deliver(ns);
    assert_int_equal(TCP_CLOSE_WAIT, ns_state(ns, ends.server));
}

static void connections_count_what_lives(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    assert_int_equal(1, ns->ops->connections(ns->world));
    ns->ops->close(ns->world, ends.server);
    ns_deliver(ns);
    assert_int_equal(1, ns->ops->connections(ns->world));
    ns->ops->close(ns->world, ends.client);
    ns_deliver(ns);
    assert_int_equal(0, ns->ops->connections(ns->world));
}

/* ---- The stream survives whatever the wire does ---- */

struct stream {
    int from;
    int to;
    uint32_t sent;
    uint32_t read;
    uint32_t total;
    bool shut;
    bool ended;
};

static uint8_t byte_at(uint32_t position)
{
    return (uint8_t)(position * 7 + (position >> 8));
}

static void bytes_that_last_arrive_like_others(void **state)
{
    static uint8_t bytes[9000];
    uint8_t got[sizeof bytes + 10];
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    for (uint32_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = byte_at(i);
    }
    assert_int_equal(5, ns_send(ns, ends.client, "first"));
    assert_int_equal(sizeof bytes,
                     ns->ops->send(ns->world, ends.client, bytes, sizeof bytes, MSG_ZEROCOPY));
    assert_int_equal(5, ns_send(ns, ends.client, "third"));
    ns_deliver(ns);
    assert_int_equal(sizeof got, ns->ops->recv(ns->world, ends.server, got, sizeof got, 0));
    assert_memory_equal("first", got, 5);
    assert_memory_equal(bytes, got + 5, sizeof bytes);
    assert_memory_equal("third", got + 5 + sizeof bytes, 5);
}

static void stream_send(struct ns *ns, struct stream *stream, struct random *random)
{
    uint8_t data[4000];
    uint32_t left = stream->total - stream->sent;
    uint32_t size = left < sizeof data ? left : 1 + random_below(random, sizeof data);
    for (uint32_t i = 0; i < size; i++) {
        data[i] = byte_at(stream->sent + i);
    }
    int64_t sent = size > 0 ? ns->ops->send(ns->world, stream->from, data, size, 0) : 0;
    assert_true(sent >= 0 || sent == -EAGAIN);
    stream->sent += sent > 0 ? (uint32_t)sent : 0;
    if (stream->sent == stream->total && !stream->shut) {
        stream->shut = true;
        assert_int_equal(0, ns->ops->shutdown(ns->world, stream->from, SHUT_WR));
    }
}

static void stream_read(struct ns *ns, struct stream *stream, struct random *random)
{
    uint8_t data[4000];
    int64_t got = ns->ops->recv(ns->world, stream->to, data, 1 + random_below(random, 3999), 0);
    assert_true(got >= 0 || got == -EAGAIN);
    for (int64_t i = 0; i < got; i++) {
        assert_int_equal(byte_at(stream->read + (uint32_t)i), data[i]);
    }
    stream->read += got > 0 ? (uint32_t)got : 0;
    stream->ended = stream->ended || got == 0;
    assert_true(!stream->ended || stream->read == stream->total);
}

/* `losses` bounds what is lost later: without an end of it the ends would rightly give up. */
static void wire_choice(struct ns *ns, struct random *random, int *losses)
{
    enum world_direction direction = (enum world_direction)random_below(random, 2);
    uint32_t count = ns->ops->wire_count(ns->world, direction);
    uint32_t index = count > 0 ? random_below(random, count) : 0;
    switch (random_below(random, 8)) {
    case 0:
        ns->ops->wire_hold(ns->world, direction, true);
        break;
    case 1:
        ns->ops->wire_hold(ns->world, direction, false);
        break;
    case 2:
        (void)ns->ops->wire_drop(ns->world, direction, index);
        break;
    case 3:
        (void)ns->ops->wire_duplicate(ns->world, direction, index);
        break;
    case 4:
        if (--*losses < 0) {
            break;
        }
        ns->ops->wire_lose(ns->world,
                           (enum scenario_segment)random_below(random, SCENARIO_SEGMENT_COUNT), 1);
        break;
    case 5:
        ns_wait(ns, random_below(random, 700000));
        break;
    default:
        (void)ns->ops->wire_deliver(ns->world, direction, index);
        break;
    }
}

/* Both directions of a connection carry their bytes under the choices of `seed`, and close. */
static void play_streams(struct ns *ns, uint64_t seed)
{
    struct random random = {.state = seed};
    ns->ops->reset(ns->world, &ns->trace, seed);
    struct ns_ends ends = ns_pair(ns);
    ns->ops->setsockopt(ns->world, ends.server, WORLD_OPTION_RCVBUF,
                        (int)(1 + random_below(&random, 20000)));
    struct stream streams[2] = {{.from = ends.client, .to = ends.server},
                                {.from = ends.server, .to = ends.client}};
    for (int i = 0; i < 2; i++) {
        streams[i].total = random_below(&random, 60000);
    }
    int rounds = 0;
    int losses = 8;
    while (!streams[0].ended || !streams[1].ended) {
        struct stream *stream = &streams[random_below(&random, 2)];
        stream_send(ns, stream, &random);
        if (rounds < 300) {
            wire_choice(ns, &random, &losses);
        } else {
            for (int d = 0; d < 2; d++) {
                ns->ops->wire_hold(ns->world, (enum world_direction)d, false);
            }
            ns_wait(ns, 30 * NS_SECOND);
        }
        stream_read(ns, &streams[random_below(&random, 2)], &random);
        assert_true(++rounds < 5000);
    }
    ns_wait(ns, 2000 * INT64_C(1000000));
    assert_int_equal(TCP_CLOSED, ns_state(ns, ends.client));
    assert_int_equal(TCP_CLOSED, ns_state(ns, ends.server));
    assert_false(trace_full(&ns->trace));
}

static void stream_survives_loss_doubling_and_reordering(void **state)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        play_streams(*state, seed);
    }
}

static void same_seed_gives_the_same_trace(void **state)
{
    struct ns *ns = *state;
    for (uint64_t seed = 900; seed < 910; seed++) {
        play_streams(ns, seed);
        uint32_t count = ns->trace.count;
        struct trace_event *first = malloc(count * sizeof *first);
        assert_non_null(first);
        memcpy(first, ns->trace.events, count * sizeof *first);
        play_streams(ns, seed);
        assert_int_equal(count, ns->trace.count);
        assert_memory_equal(first, ns->trace.events, count * sizeof *first);
        free(first);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ns_setup, ns_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hold_keeps_segments_until_released),
        TEST(deliver_by_index_reorders_and_the_stream_stays_in_order),
        TEST(fin_ahead_of_a_gap_is_kept),
        TEST(dropped_data_comes_again),
        TEST(duplicate_is_read_once),
        TEST(lost_acknowledgment_ends_in_a_retransmission),
        TEST(nothing_is_retransmitted_on_a_good_wire),
        TEST(cut_wire_loses_everything_until_mended),
        TEST(lost_syn_comes_again_after_a_second),
        TEST(lost_syn_ack_comes_again),
        TEST(lost_final_ack_is_made_good_by_data),
        TEST(injected_rst_resets),
        TEST(injected_data_and_fin_are_taken),
        TEST(injected_syn_is_challenged),
        TEST(simultaneous_close_passes_closing_on_both_ends),
        TEST(simultaneous_open_ends_in_one_connection),
        TEST(exact_receive_room_stops_the_sender),
        TEST(fin_waits_behind_a_closed_window),
        TEST(lost_window_update_is_made_good_by_a_probe),
        TEST(next_ready_names_each_changed_socket_once),
        TEST(dup_keeps_the_connection),
        TEST(connections_count_what_lives),
        TEST(bytes_that_last_arrive_like_others),
        TEST(stream_survives_loss_doubling_and_reordering),
        TEST(same_seed_gives_the_same_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
