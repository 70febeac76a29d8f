/* Time on the network: retransmission, TIME-WAIT, orphans, keepalive, user timeout, backlog,
 * deferred accept, and calls that wait. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/net_kernel.h"
#include "model/net_script.h"

static void assert_times(struct ns *ns, uint32_t from, enum scenario_segment kind, int64_t base_us,
                         const int64_t *expected, int count)
{
    int64_t times[16] = {0};
    assert_int_equal(count, ns_segments(ns, from, kind, TRACE_FATE_DROPPED, times, 16));
    for (int i = 0; i < count; i++) {
        assert_int_equal(expected[i], times[i] - base_us);
    }
}

static void fin_is_sent_again_as_on_linux(void **state)
{
    static const int64_t expected[] = {0, 201000, 405000, 833000, 1665000};
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->wire_cut(ns->world, WORLD_TO_TARGET, true);
    ns->ops->shutdown(ns->world, ends.client, SHUT_WR);
    ns_wait(ns, 2 * NS_SECOND);
    assert_times(ns, 0, SCENARIO_SEGMENT_FIN, 0, expected, 5);
}

static void syn_is_sent_again_as_on_linux_and_given_up(void **state)
{
    static const int64_t expected[] = {0,       1000000,  2000000,  3000000,  4000000, 5000000,
                                       7000000, 11000000, 19000000, 35000000, 67000000};
    struct ns *ns = *state;
    ns->ops->wire_cut(ns->world, WORLD_TO_TARGET, true);
    int client = ns_connect(ns);
    ns_wait(ns, 130 * NS_SECOND);
    assert_int_equal(TCP_SYN_SENT, ns_state(ns, client));
    ns_wait(ns, 2 * NS_SECOND);
    assert_times(ns, 0, SCENARIO_SEGMENT_SYN, 0, expected, 11);
    assert_int_equal(TCP_CLOSED, ns_state(ns, client));
    assert_int_equal(ETIMEDOUT, ns_error(ns, client));
}

static void data_unacknowledged_times_out(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->wire_cut(ns->world, WORLD_TO_TARGET, true);
    ns_send(ns, ends.client, "x");
    ns_wait(ns, 600 * INT64_C(1000000));
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, ends.client));
    ns_wait(ns, 600 * INT64_C(1000000));
    assert_int_equal(TCP_CLOSED, ns_state(ns, ends.client));
    assert_string_equal("ETIMEDOUT", ns_text(ns, ends.client));
    assert_string_equal("", ns_text(ns, ends.client));
}

static void time_wait_lasts_a_minute(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->shutdown(ns->world, ends.client, SHUT_WR);
    ns_deliver(ns);
    ns->ops->close(ns->world, ends.server);
    ns_deliver(ns);
    assert_int_equal(TCP_TIME_WAIT, ns_state(ns, ends.client));
    ns_wait(ns, 60 * NS_SECOND - 1);
    assert_int_equal(TCP_TIME_WAIT, ns_state(ns, ends.client));
    ns_wait(ns, 1);
    assert_int_equal(TCP_CLOSED, ns_state(ns, ends.client));
}

static void fin_again_in_time_wait_is_acknowledged_and_restarts_it(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->shutdown(ns->world, ends.client, SHUT_WR);
    ns_deliver(ns);
    ns->ops->wire_lose(ns->world, SCENARIO_SEGMENT_ACK, 1);
    ns->ops->close(ns->world, ends.server);
    ns_deliver(ns);
    assert_int_equal(TCP_TIME_WAIT, ns_state(ns, ends.client));
    assert_int_equal(1, ns->ops->connections(ns->world)); /* in LAST-ACK */
    ns_wait(ns, 300000);
    assert_int_equal(0, ns->ops->connections(ns->world));
    ns_wait(ns, 60 * NS_SECOND - 300000);
    assert_int_equal(TCP_TIME_WAIT, ns_state(ns, ends.client));
    ns_wait(ns, 300000);
    assert_int_equal(TCP_CLOSED, ns_state(ns, ends.client));
}

static void orphan_in_fin_wait_2_is_dropped_after_a_minute(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->close(ns->world, ends.server);
    ns_deliver(ns);
    assert_int_equal(1, ns->ops->connections(ns->world));
    ns_wait(ns, 60 * NS_SECOND);
    assert_int_equal(0, ns->ops->connections(ns->world));
    ns_send(ns, ends.client, "x");
    ns_deliver(ns);
    assert_int_equal(EPIPE, ns_error(ns, ends.client));
}

static void half_closed_socket_stays_in_fin_wait_2(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->shutdown(ns->world, ends.server, SHUT_WR);
    ns_deliver(ns);
    ns_wait(ns, 600 * INT64_C(1000000));
    assert_int_equal(TCP_FIN_WAIT_2, ns_state(ns, ends.server));
}

static void orphan_gives_its_fin_up(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->wire_cut(ns->world, WORLD_TO_PEER, true);
    ns->ops->close(ns->world, ends.server);
    ns_wait(ns, 60 * NS_SECOND);
    assert_int_equal(1, ns->ops->connections(ns->world));
    ns_wait(ns, 100 * NS_SECOND);
    assert_int_equal(0, ns->ops->connections(ns->world));
}

static void silent_peer_keeps_the_connection_without_keepalive(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->wire_cut(ns->world, WORLD_TO_TARGET, true);
    ns_wait(ns, 86400 * INT64_C(1000000));
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, ends.server));
}

static void keepalive_ends_a_dead_connection(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->setsockopt(ns->world, ends.server, WORLD_OPTION_KEEPALIVE, 1);
    ns->ops->wire_cut(ns->world, WORLD_TO_PEER, true);
    ns_wait(ns, (7200 + 8 * 75) * INT64_C(1000000));
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, ends.server));
    ns_wait(ns, 75 * NS_SECOND);
    assert_int_equal(TCP_CLOSED, ns_state(ns, ends.server));
    assert_string_equal("ETIMEDOUT", ns_text(ns, ends.server));
}

static void keepalive_keeps_a_living_connection(void **state)
{
    struct ns *ns = *state;
    struct ns_ends ends = ns_pair(ns);
    ns->ops->setsockopt(ns->world, ends.server, WORLD_OPTION_KEEPALIVE, 1);
    ns_wait(ns, 86400 * INT64_C(1000000));
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, ends.server));
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, ends.client));
}

static void overflow_leaves_the_client_alone_until_there_is_room(void **state)
{
    struct ns *ns = *state;
    int listener = ns_listener(ns, 1);
    (void)ns_connect(ns);
    ns_deliver(ns);
    int clients[2] = {ns_connect(ns), ns_connect(ns)};
    ns_deliver(ns); /* both SYNs were answered before either was complete */
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, clients[0]));
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, clients[1]));
    assert_true(ns->ops->accept(ns->world, listener) >= 0);
    assert_true(ns->ops->accept(ns->world, listener) >= 0);
    assert_int_equal(-EAGAIN, ns->ops->accept(ns->world, listener));
    ns_wait(ns, 2 * NS_SECOND); /* the SYN+ACK comes again and is acknowledged */
    int second = ns->ops->accept(ns->world, listener);
    assert_true(second >= 0);
    ns_send(ns, clients[1], "late");
    ns_deliver(ns);
    assert_string_equal("late", ns_text(ns, second));
}

static void overflow_that_lasts_ends_in_a_reset(void **state)
{
    struct ns *ns = *state;
    ns_listener(ns, 1);
    (void)ns_connect(ns);
    ns_deliver(ns);
    int clients[2] = {ns_connect(ns), ns_connect(ns)};
    ns_deliver(ns);
    ns_wait(ns, 64 * NS_SECOND); /* five SYN+ACKs in vain */
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, clients[1]));
    ns_send(ns, clients[1], "x");
    ns_wait(ns, NS_SECOND);
    assert_string_equal("ECONNRESET", ns_text(ns, clients[1]));
}

/* The queue of handshakes is as long as that of connections (inet_csk_reqsk_queue_is_full). */
static void full_queue_of_handshakes_drops_the_syn(void **state)
{
    struct ns *ns = *state;
    ns_listener(ns, 0);
    int clients[2] = {ns_connect(ns), ns_connect(ns)};
    ns_deliver(ns);
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, clients[0]));
    assert_int_equal(TCP_SYN_SENT, ns_state(ns, clients[1]));
}

static void full_queue_drops_the_syn(void **state)
{
    struct ns *ns = *state;
    int listener = ns_listener(ns, 0);
    ns_connect(ns);
    ns_deliver(ns);
    int second = ns_connect(ns);
    ns_deliver(ns);
    assert_int_equal(TCP_SYN_SENT, ns_state(ns, second));
    assert_true(ns->ops->accept(ns->world, listener) >= 0);
    ns_wait(ns, NS_SECOND);
    assert_int_equal(TCP_ESTABLISHED, ns_state(ns, second));
}

static void many_connections_pass_through_time_wait(void **state)
{
    struct ns *ns = *state;
    int listener = ns_listener(ns, 16);
    for (int i = 0; i < 20000; i++) {
        int client = ns_connect(ns);
        ns_deliver(ns);
        int server = ns->ops->accept(ns->world, listener);
        assert_true(server >= 0);
        ns->ops->close(ns->world, client);
        ns_deliver(ns);
        ns->ops->close(ns->world, server);
        ns_deliver(ns);
        ns->trace.count = 0;
    }
    assert_int_equal(0, ns->ops->connections(ns->world));
}

/* ---- Calls of a program ---- */

static void user_timeout_ends_a_blocked_reader_main(struct nk *k)
{
    struct world *world = k->fake->world;
    struct nk_pair ends = nk_pair(k);
    (void)world;
    assert_int_equal(0, nk_set(k, ends.client, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000));
    assert_int_equal(3000, nk_get(k, ends.client, IPPROTO_TCP, TCP_USER_TIMEOUT));
}

static void user_timeout_is_kept(void **state)
{
    (void)state;
    nk_on_model(user_timeout_ends_a_blocked_reader_main, NULL);
}

/* The program's connection goes to a scripted listener on the peer's host. */
static int connect_to_peer(struct nk *k, int *ret_peer)
{
    struct world *world = k->fake->world;
    int listener = world->ops->socket(world, TRACE_HOST_PEER);
    assert_int_equal(0, world->ops->bind(world, listener, NS_PORT));
    assert_int_equal(0, world->ops->listen(world, listener, 5));
    int fd = nk_socket(k, AF_INET, 0);
    assert_int_equal(0, nk_connect(k, fd, NS_PORT));
    *ret_peer = world->ops->accept(world, listener);
    assert_true(*ret_peer >= 0);
    return fd;
}

static int64_t recv_waiting(struct nk *k, int fd, char *data, size_t size, int flags)
{
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return model_sys_recv(k->model, TRACE_CALL_RECV, fd, &message, flags);
}

static void user_timeout_ends_a_dead_connection_main(struct nk *k)
{
    struct world *world = k->fake->world;
    int peer;
    int fd = connect_to_peer(k, &peer);
    char data[8];
    nk_set(k, fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000);
    world->ops->wire_cut(world, WORLD_TO_PEER, true);
    assert_int_equal(1, nk_say(k, fd, "x"));
    int64_t begin = world->ops->now_us(world);
    assert_int_equal(-ETIMEDOUT, recv_waiting(k, fd, data, sizeof data, 0));
    assert_int_equal(3000000, world->ops->now_us(world) - begin);
}

static void keep_running(struct fake *fake, struct world *world)
{
    (void)fake;
    (void)world->ops->advance(world, 20 * NS_SECOND, 100);
}

/* Runs a script in a model whose clock runs on by 20 s at a time while the program waits. */
static void on_model_with_time(nk_script script)
{
    struct fake *fake = fake_new();
    struct nk_run run = {.script = script};
    fake->context = &run;
    for (int i = 0; i < 10; i++) {
        fake_then(fake, keep_running);
    }
    assert_int_equal(TRACE_EXIT_RETURNED, fake_play(fake, nk_main).what);
    fake_free(fake);
}

static void user_timeout_ends_a_dead_connection(void **state)
{
    (void)state;
    on_model_with_time(user_timeout_ends_a_dead_connection_main);
}

static void receive_timeout_main(struct nk *k)
{
    struct world *world = k->fake->world;
    int peer;
    int fd = connect_to_peer(k, &peer);
    struct timeval time = {.tv_usec = 50000};
    char data[8];
    nk_set_raw(k, fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    int64_t begin = world->ops->now_us(world);
    assert_int_equal(-EAGAIN, recv_waiting(k, fd, data, sizeof data, 0));
    assert_int_equal(50000, world->ops->now_us(world) - begin);
    assert_int_equal(2, world->ops->send(world, peer, "ab", 2, 0));
    assert_int_equal(2, recv_waiting(k, fd, data, 5, MSG_WAITALL));
    nk_set_raw(k, fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    static char block[1 << 18];
    struct iovec part = {.iov_base = block, .iov_len = sizeof block};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    int64_t sent = model_sys_send(k->model, TRACE_CALL_SEND, fd, &message, 0);
    assert_true(sent > 0 && sent < (int64_t)sizeof block);
    assert_int_equal(-EAGAIN, model_sys_send(k->model, TRACE_CALL_SEND, fd, &message, 0));
}

static void receive_timeout_is_eagain(void **state)
{
    (void)state;
    on_model_with_time(receive_timeout_main);
}

static void connect_timeout_main(struct nk *k)
{
    struct world *world = k->fake->world;
    struct timeval time = {.tv_usec = 100000};
    int fd = nk_socket(k, AF_INET, 0);
    nk_set_raw(k, fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    world->ops->wire_cut(world, WORLD_TO_PEER, true);
    assert_int_equal(-EINPROGRESS, nk_connect(k, fd, NS_PORT));
    assert_int_equal(-EALREADY, nk_connect(k, fd, NS_PORT));
}

static void connect_timeout_is_einprogress(void **state)
{
    (void)state;
    on_model_with_time(connect_timeout_main);
}

static void linger_main(struct nk *k)
{
    struct world *world = k->fake->world;
    int peer;
    int fd = connect_to_peer(k, &peer);
    nk_linger(k, fd, 1, 1);
    nk_nonblock(k, fd);
    world->ops->wire_cut(world, WORLD_TO_PEER, true);
    nk_say(k, fd, "x");
    int64_t begin = world->ops->now_us(world);
    assert_int_equal(0, nk_close(k, fd));
    assert_int_equal(1000000, world->ops->now_us(world) - begin);
    world->ops->wire_cut(world, WORLD_TO_PEER, false);
    assert_int_equal(1, world->ops->connections(world));
}

static void close_lingers_until_acknowledged_or_late(void **state)
{
    (void)state;
    on_model_with_time(linger_main);
}

static void defer_main(struct nk *k)
{
    struct world *world = k->fake->world;
    int l = nk_socket(k, AF_INET, SOCK_NONBLOCK);
    assert_int_equal(0, nk_bind_host(k, l, INADDR_ANY, NS_PORT));
    assert_int_equal(0, nk_listen(k, l, 5));
    nk_set(k, l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 3);
    int talks = world->ops->socket(world, TRACE_HOST_PEER);
    int silent = world->ops->socket(world, TRACE_HOST_PEER);
    world->ops->connect(world, talks, NS_PORT);
    world->ops->connect(world, silent, NS_PORT);
    nk_settle(k);
    assert_int_equal(TCP_ESTABLISHED, world->ops->state(world, talks));
    assert_int_equal(-EAGAIN, nk_accept(k, l));
    world->ops->send(world, talks, "now", 3, 0);
    nk_settle(k);
    int s = nk_accept(k, l);
    assert_true(s >= 0);
    assert_string_equal("now", nk_text(k, s, 0));
    assert_int_equal(-EAGAIN, nk_accept(k, l));
    assert_int_equal(0, model_sys_sleep(k->model, 5000000, NULL));
    assert_true(nk_accept(k, l) >= 0);
}

static void deferred_accept_waits_for_data(void **state)
{
    (void)state;
    on_model_with_time(defer_main);
}

static void black_hole_main(struct nk *k)
{
    struct sockaddr_in hole = nk_address(0xC0000263, 80); /* 192.0.2.99: on the link, nobody's */
    struct sockaddr_in far = nk_address(0x08080808, 80);
    int fd = nk_socket(k, AF_INET, 0);
    assert_int_equal(-ENETUNREACH, nk_connect_raw(k, fd, &far, sizeof far));
    assert_int_equal(-ETIMEDOUT, nk_connect_raw(k, fd, &hole, sizeof hole));
}

static void black_hole_times_out(void **state)
{
    (void)state;
    on_model_with_time(black_hole_main);
}

static void blocked_calls_main(struct nk *k)
{
    char data[8] = "";
    int l = nk_socket(k, AF_INET, 0);
    assert_int_equal(0, nk_bind_host(k, l, INADDR_ANY, NS_PORT));
    assert_int_equal(0, nk_listen(k, l, 5));
    int s = nk_accept(k, l);
    assert_true(s >= 0);
    assert_int_equal(5, recv_waiting(k, s, data, 5, MSG_WAITALL));
    assert_memory_equal("hello", data, 5);
    assert_int_equal(0, recv_waiting(k, s, data, 5, 0));
}

static int peer_socket;
static void step_connect(struct fake *fake, struct world *world)
{
    (void)fake;
    peer_socket = world->ops->socket(world, TRACE_HOST_PEER);
    (void)world->ops->connect(world, peer_socket, NS_PORT);
}
static void step_half(struct fake *fake, struct world *world)
{
    (void)fake;
    assert_int_equal(2, world->ops->send(world, peer_socket, "he", 2, 0));
}
static void step_rest(struct fake *fake, struct world *world)
{
    (void)fake;
    assert_int_equal(3, world->ops->send(world, peer_socket, "llo", 3, 0));
    assert_int_equal(0, world->ops->close(world, peer_socket));
}

static void blocked_calls_end_when_the_peer_acts(void **state)
{
    struct fake *fake = fake_new();
    struct nk_run run = {.script = blocked_calls_main};
    (void)state;
    fake->context = &run;
    fake_then(fake, step_connect);
    fake_then(fake, step_half);
    fake_then(fake, step_rest);
    assert_int_equal(TRACE_EXIT_RETURNED, fake_play(fake, nk_main).what);
    fake_free(fake);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ns_setup, ns_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fin_is_sent_again_as_on_linux),
        TEST(syn_is_sent_again_as_on_linux_and_given_up),
        TEST(data_unacknowledged_times_out),
        TEST(time_wait_lasts_a_minute),
        TEST(fin_again_in_time_wait_is_acknowledged_and_restarts_it),
        TEST(orphan_in_fin_wait_2_is_dropped_after_a_minute),
        TEST(half_closed_socket_stays_in_fin_wait_2),
        TEST(orphan_gives_its_fin_up),
        TEST(silent_peer_keeps_the_connection_without_keepalive),
        TEST(keepalive_ends_a_dead_connection),
        TEST(keepalive_keeps_a_living_connection),
        TEST(overflow_leaves_the_client_alone_until_there_is_room),
        TEST(overflow_that_lasts_ends_in_a_reset),
        TEST(full_queue_of_handshakes_drops_the_syn),
        TEST(full_queue_drops_the_syn),
        TEST(many_connections_pass_through_time_wait),
        cmocka_unit_test(user_timeout_is_kept),
        cmocka_unit_test(user_timeout_ends_a_dead_connection),
        cmocka_unit_test(receive_timeout_is_eagain),
        cmocka_unit_test(connect_timeout_is_einprogress),
        cmocka_unit_test(close_lingers_until_acknowledged_or_late),
        cmocka_unit_test(deferred_accept_waits_for_data),
        cmocka_unit_test(black_hole_times_out),
        cmocka_unit_test(blocked_calls_end_when_the_peer_acts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
