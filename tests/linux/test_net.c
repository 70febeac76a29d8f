/* Connections through the live network: opening, data, readiness, and what a scenario does to the
 * wire. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "net_fixture.h"

/* ---- Opening ---- */

static void connect_accepted_passes_every_state_of_opening(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    assert_int_equal(pair.conn, 1);
    assert_int_equal(linux_net_conn_of(net, pair.peer), 1);
    ASSERT_STATES(TRACE_HOST_TARGET, 0, TCP_CLOSED, TCP_LISTEN);
    ASSERT_STATES(TRACE_HOST_PEER, 1, TCP_CLOSED, TCP_SYN_SENT, TCP_ESTABLISHED);
    ASSERT_STATES(TRACE_HOST_TARGET, 1, TCP_LISTEN, TCP_SYN_RECEIVED, TCP_ESTABLISHED);
}

static void connect_traces_syn_and_synack_with_numbers_from_the_isn(void **state)
{
    struct linux_net *net = fresh(state);
    (void)open_pair(net);
    assert_int_equal(segments(TRACE_HOST_PEER, SCENARIO_SEGMENT_SYN, TRACE_FATE_SENT), 1);
    assert_int_equal(segments(TRACE_HOST_TARGET, SCENARIO_SEGMENT_SYN_ACK, TRACE_FATE_SENT), 1);
    assert_int_equal(traced(&fixture()->trace, (struct like){TRACE_SEGMENT, -1, -1, -1, -1}), 2);
}

static void connect_before_delivery_has_its_number(void **state)
{
    struct linux_net *net = fresh(state);
    (void)listener_on(net, TRACE_HOST_TARGET, FIXTURE_PORT, 8);
    int s = connecting(net, TRACE_HOST_PEER, FIXTURE_PORT);
    assert_int_equal(linux_net_conn_of(net, s), 1);
    assert_state(net, s, TCP_SYN_SENT);
    assert_true(linux_net_in_flight(net));
}

static void connect_without_listener_is_refused(void **state)
{
    struct linux_net *net = fresh(state);
    int s = connecting(net, TRACE_HOST_PEER, FIXTURE_PORT);
    settle(net);
    int error = 0;
    assert_int_equal(linux_net_getsockopt(net, s, WORLD_OPTION_ERROR, &error), 0);
    assert_int_equal(error, ECONNREFUSED);
    assert_int_equal(segments(TRACE_HOST_TARGET, SCENARIO_SEGMENT_RST, TRACE_FATE_SENT), 1);
    ASSERT_STATES(TRACE_HOST_PEER, 1, TCP_CLOSED, TCP_SYN_SENT, TCP_CLOSED);
    ASSERT_STATES(TRACE_HOST_TARGET, 1, TCP_CLOSED);
}

static void connect_by_the_target_is_numbered_too(void **state)
{
    struct linux_net *net = fresh(state);
    int listener = listener_on(net, TRACE_HOST_PEER, FIXTURE_PORT, 8);
    int s = connecting(net, TRACE_HOST_TARGET, FIXTURE_PORT);
    settle(net);
    int accepted = linux_net_accept(net, listener);
    assert_true(accepted >= 0);
    assert_int_equal(linux_net_conn_of(net, accepted), linux_net_conn_of(net, s));
    ASSERT_STATES(TRACE_HOST_TARGET, 1, TCP_CLOSED, TCP_SYN_SENT, TCP_ESTABLISHED);
}

static void syn_lost_leaves_the_listener_untouched(void **state)
{
    struct linux_net *net = fresh(state);
    (void)listener_on(net, TRACE_HOST_TARGET, FIXTURE_PORT, 8);
    linux_net_lose(net, SCENARIO_SEGMENT_SYN, 1);
    int s = connecting(net, TRACE_HOST_PEER, FIXTURE_PORT);
    settle(net);
    assert_state(net, s, TCP_SYN_SENT);
    assert_int_equal(segments(TRACE_HOST_PEER, SCENARIO_SEGMENT_SYN, TRACE_FATE_DROPPED), 1);
    ASSERT_STATES(TRACE_HOST_TARGET, 1, TCP_CLOSED);
    int64_t timer_us = linux_net_timer_us(net);
    assert_true(timer_us > 0 && timer_us <= 1100000);
}

static void accept_of_nothing_is_eagain(void **state)
{
    struct linux_net *net = fresh(state);
    int listener = listener_on(net, TRACE_HOST_TARGET, FIXTURE_PORT, 8);
    assert_int_equal(linux_net_accept(net, listener), -EAGAIN);
}

/* ---- Data ---- */

static void data_arrives_both_ways(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    send_text(net, pair.peer, "request");
    assert_recv(net, pair.target, -EAGAIN);
    settle(net);
    assert_int_equal(linux_net_unread(net, pair.conn), 7);
    assert_received(net, pair.target, "request");
    send_text(net, pair.target, "answer");
    settle(net);
    assert_received(net, pair.peer, "answer");
}

static void data_held_arrives_when_delivered_by_index(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    linux_net_hold(net, WORLD_TO_TARGET, true);
    send_text(net, pair.peer, "held");
    settle(net);
    assert_recv(net, pair.target, -EAGAIN);
    assert_false(linux_net_in_flight(net));
    assert_int_equal(linux_net_count(net, WORLD_TO_TARGET), 1);
    assert_int_equal(linux_net_wire_deliver(net, WORLD_TO_TARGET, 0), 0);
    assert_received(net, pair.target, "held");
    assert_int_equal(segments(TRACE_HOST_PEER, SCENARIO_SEGMENT_DATA, TRACE_FATE_HELD), 1);
    assert_int_equal(segments(TRACE_HOST_PEER, SCENARIO_SEGMENT_DATA, TRACE_FATE_DELIVERED), 1);
    assert_int_equal(segments(TRACE_HOST_PEER, SCENARIO_SEGMENT_DATA, TRACE_FATE_SENT), 0);
}

static void hold_takes_what_is_in_flight(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    send_text(net, pair.peer, "late");
    linux_net_hold(net, WORLD_TO_TARGET, true);
    settle(net);
    assert_recv(net, pair.target, -EAGAIN);
    linux_net_hold(net, WORLD_TO_TARGET, false);
    settle(net);
    assert_received(net, pair.target, "late");
    assert_int_equal(segments(TRACE_HOST_PEER, SCENARIO_SEGMENT_DATA, TRACE_FATE_HELD), 1);
}

static void data_out_of_order_is_put_in_order(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    assert_int_equal(linux_net_setsockopt(net, pair.peer, WORLD_OPTION_NODELAY, 1), 0);
    linux_net_hold(net, WORLD_TO_TARGET, true);
    send_text(net, pair.peer, "one ");
    send_text(net, pair.peer, "two ");
    send_text(net, pair.peer, "three");
    assert_int_equal(linux_net_wire_deliver(net, WORLD_TO_TARGET, 2), 0);
    assert_int_equal(linux_net_wire_deliver(net, WORLD_TO_TARGET, 1), 0);
    assert_recv(net, pair.target, -EAGAIN);
    assert_int_equal(linux_net_wire_deliver(net, WORLD_TO_TARGET, 0), 0);
    assert_received(net, pair.target, "one two three");
}

static void data_duplicated_is_read_once(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    send_text(net, pair.peer, "once");
    assert_int_equal(linux_net_wire_duplicate(net, WORLD_TO_TARGET, 0), 0);
    assert_int_equal(linux_net_count(net, WORLD_TO_TARGET), 2);
    settle(net);
    assert_received(net, pair.target, "once");
    assert_recv(net, pair.target, -EAGAIN);
}

static void data_dropped_comes_again_in_its_time(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    send_text(net, pair.peer, "again");
    assert_int_equal(linux_net_wire_drop(net, WORLD_TO_TARGET, 0), 0);
    settle(net);
    assert_recv(net, pair.target, -EAGAIN);
    int64_t us = linux_net_due_us(net);
    assert_int_equal(us, 200000);
    fixture()->trace.now_us += us;
    settle(net);
    assert_received(net, pair.target, "again");
    assert_int_equal(segments(TRACE_HOST_PEER, SCENARIO_SEGMENT_DATA, TRACE_FATE_RETRANSMITTED), 1);
    assert_int_equal(linux_net_due_us(net), -1);
}

/* Reads so many bytes, letting time pass where nothing else helps. */
static void read_all(struct linux_net *net, int s, size_t want)
{
    static char bytes[1 << 16];
    size_t got = 0;
    for (unsigned turns = 0; got < want; turns++) {
        assert_true(turns < 10000);
        int64_t size = linux_net_recv(net, s, bytes, sizeof bytes, 0);
        got += size > 0 ? (size_t)size : 0;
        settle(net);
        int64_t us = size <= 0 ? linux_net_due_us(net) : -1;
        fixture()->trace.now_us += us > 0 ? us : 0;
    }
    assert_int_equal(got, want);
}

/* Its acknowledgment would be older than the largest window that its sender ever had: a kernel
 * takes nothing from such a segment. */
static void data_sent_again_acknowledges_what_came_meanwhile(void **state)
{
    static const char piece[4096];
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    send_text(net, pair.peer, "late");
    assert_int_equal(linux_net_wire_drop(net, WORLD_TO_TARGET, 0), 0);
    for (unsigned i = 0; i < 64; i++) {
        assert_int_equal(linux_net_send(net, pair.target, piece, sizeof piece, 0), sizeof piece);
        settle(net);
        read_all(net, pair.peer, sizeof piece);
    }
    fixture()->trace.now_us += 200000;
    settle(net);
    assert_received(net, pair.target, "late");
}

static void wire_cut_loses_until_it_is_mended(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    linux_net_cut(net, WORLD_TO_TARGET, true);
    send_text(net, pair.peer, "lost");
    settle(net);
    fixture()->trace.now_us += 200000;
    settle(net);
    assert_int_equal(segments(TRACE_HOST_PEER, SCENARIO_SEGMENT_DATA, TRACE_FATE_DROPPED), 2);
    assert_int_equal(linux_net_due_us(net), 400000);
    linux_net_cut(net, WORLD_TO_TARGET, false);
    fixture()->trace.now_us += 400000;
    settle(net);
    assert_received(net, pair.target, "lost");
}

/* Sends as much as the socket takes; how much that is. */
static size_t fill(struct linux_net *net, int s)
{
    static const char bytes[1 << 16];
    size_t sent = 0;
    for (int64_t size; (size = linux_net_send(net, s, bytes, sizeof bytes, 0)) > 0;) {
        sent += (size_t)size;
        settle(net);
    }
    return sent;
}

static void window_closed_stops_the_sender_until_it_opens(void **state)
{
    struct linux_net *net = fresh(state);
    int listener = listener_on(net, TRACE_HOST_TARGET, FIXTURE_PORT, 8);
    int peer = linux_net_socket(net, TRACE_HOST_PEER);
    assert_int_equal(linux_net_setsockopt(net, peer, WORLD_OPTION_RCVBUF, 2048), 0);
    assert_int_equal(linux_net_connect(net, peer, FIXTURE_PORT), -EINPROGRESS);
    settle(net);
    int target = linux_net_accept(net, listener);
    size_t sent = fill(net, target);
    assert_int_equal(linux_net_poll(net, target) & POLLOUT, 0);
    read_all(net, peer, sent);
    assert_true((linux_net_poll(net, target) & POLLOUT) != 0);
}

/* The window was offered before the buffer shrank: the kernel throws away what it has no room for,
 * and its sender would wait for long. */
static void data_without_room_comes_again(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    assert_int_equal(linux_net_setsockopt(net, pair.peer, WORLD_OPTION_RCVBUF, 1), 0);
    size_t sent = fill(net, pair.target);
    assert_true(linux_net_due_us(net) > 0);
    read_all(net, pair.peer, sent);
}

/* Whether the last third of a window is used depends on no clock: a kernel left to itself keeps it
 * back from a sender that wrote less than a millisecond ago. */
static void sender_uses_the_whole_window(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    static const char piece[4096];
    int64_t in_flight = 0;
    for (int i = 0; i < 16; i++) {
        assert_int_equal(linux_net_send(net, pair.target, piece, sizeof piece, 0), sizeof piece);
    }
    for (uint32_t i = 0; i < fixture()->trace.count; i++) {
        const struct trace_event *event = &fixture()->trace.events[i];
        in_flight +=
            event->kind == TRACE_SEGMENT && event->host == TRACE_HOST_TARGET ? event->b : 0;
    }
    assert_in_range(in_flight, 60000, 65536);
}

static void unread_does_not_count_the_fin(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    send_text(net, pair.peer, "last");
    assert_int_equal(linux_net_shutdown(net, pair.peer, SHUT_WR), 0);
    settle(net);
    assert_int_equal(linux_net_unread(net, pair.conn), 4);
    assert_received(net, pair.target, "last");
    assert_int_equal(linux_net_unread(net, pair.conn), 0);
    assert_int_equal(linux_net_unread(net, pair.conn + 1), -1);
}

static void bytes_with_random_delivery_survive_in_order(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    struct random random = {.state = 7};
    assert_int_equal(linux_net_setsockopt(net, pair.peer, WORLD_OPTION_NODELAY, 1), 0);
    enum { SIZE = 60000 };
    static uint8_t out[SIZE];
    static uint8_t in[SIZE + 1];
    for (size_t i = 0; i < SIZE; i++) {
        out[i] = (uint8_t)random_below(&random, 256);
    }
    size_t sent = 0;
    size_t got = 0;
    linux_net_hold(net, WORLD_TO_TARGET, true);
    for (unsigned turns = 0; got < SIZE; turns++) {
        assert_true(turns < 100000);
        size_t want = 1 + random_below(&random, 3000);
        int64_t size = sent < SIZE ? linux_net_send(net, pair.peer, out + sent,
                                                    want < SIZE - sent ? want : SIZE - sent, 0)
                                   : 0;
        sent += size > 0 ? (size_t)size : 0;
        uint32_t count = linux_net_count(net, WORLD_TO_TARGET);
        uint32_t index = count > 0 ? random_below(&random, count) : 0;
        switch (random_below(&random, 8)) {
        case 0:
            (void)linux_net_wire_duplicate(net, WORLD_TO_TARGET, index);
            break;
        case 1:
            (void)linux_net_wire_drop(net, WORLD_TO_TARGET, index);
            break;
        default:
            (void)linux_net_wire_deliver(net, WORLD_TO_TARGET, index);
            break;
        }
        settle(net);
        fixture()->trace.now_us += 50000;
        size = linux_net_recv(net, pair.target, in + got, sizeof in - got, 0);
        got += size > 0 ? (size_t)size : 0;
    }
    assert_int_equal(got, SIZE);
    assert_memory_equal(in, out, SIZE);
}

/* ---- Readiness ---- */

static void next_ready_tells_each_change_once(void **state)
{
    struct linux_net *net = fresh(state);
    int listener = listener_on(net, TRACE_HOST_TARGET, FIXTURE_PORT, 8);
    int peer = connecting(net, TRACE_HOST_PEER, FIXTURE_PORT);
    assert_int_equal(linux_net_next_ready(net, TRACE_HOST_PEER), -1);
    assert_int_equal(linux_net_next_ready(net, TRACE_HOST_TARGET), -1);
    settle(net);
    assert_int_equal(linux_net_next_ready(net, TRACE_HOST_PEER), peer);
    assert_int_equal(linux_net_next_ready(net, TRACE_HOST_PEER), -1);
    assert_int_equal(linux_net_next_ready(net, TRACE_HOST_TARGET), listener);
    int target = linux_net_accept(net, listener);
    assert_int_equal(linux_net_next_ready(net, TRACE_HOST_TARGET), target);
    send_text(net, target, "data");
    settle(net);
    assert_int_equal(linux_net_next_ready(net, TRACE_HOST_PEER), peer);
    assert_received(net, peer, "data");
    assert_int_equal(linux_net_shutdown(net, target, SHUT_WR), 0);
    settle(net);
    assert_int_equal(linux_net_next_ready(net, TRACE_HOST_PEER), peer);
    assert_int_equal(linux_net_next_ready(net, TRACE_HOST_PEER), -1);
    assert_int_equal(linux_net_abort(net, target), 0);
    settle(net);
    assert_int_equal(linux_net_next_ready(net, TRACE_HOST_PEER), peer);
}

static void dup_keeps_the_connection_open(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    int copy = linux_net_dup(net, pair.peer);
    assert_int_equal(linux_net_close(net, pair.peer), 0);
    settle(net);
    assert_state(net, pair.target, TCP_ESTABLISHED);
    while (linux_net_next_ready(net, TRACE_HOST_PEER) >= 0) {
    }
    send_text(net, pair.target, "still here");
    settle(net);
    assert_int_equal(linux_net_next_ready(net, TRACE_HOST_PEER), copy);
    assert_received(net, copy, "still here");
    assert_int_equal(linux_net_close(net, copy), 0);
    settle(net);
    assert_state(net, pair.target, TCP_CLOSE_WAIT);
}

/* ---- IPv6 ---- */

/* From inside a namespace: the least metric of a route to the other host over IPv6; 0: none. */
static unsigned least_metric(int namespace_fd)
{
    char line[256];
    unsigned least = 0;
    FILE *routes = setns(namespace_fd, CLONE_NEWNET) == 0
                       ? fopen("/proc/thread-self/net/ipv6_route", "re")
                       : NULL;
    while (routes != NULL && fgets(line, sizeof line, routes) != NULL) {
        unsigned metric = 0;
        bool found = strncmp(line, "fd830000000000000000000000000001 80", 35) == 0 &&
                     sscanf(line, "%*s %*s %*s %*s %*s %x", &metric) == 1 &&
                     strstr(line, "wire0") != NULL;
        least = found && (least == 0 || metric < least) ? metric : least;
    }
    if (routes != NULL) {
        (void)fclose(routes);
    }
    return least;
}

/* The kernel makes a route of its own, with its usual timers: under load it would send again. */
static void route_over_ipv6_is_the_one_with_our_timers(void **state)
{
    struct linux_net *net = fresh(state);
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(least_metric(linux_net_namespace(net, TRACE_HOST_PEER)) == 1 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void bytes_go_both_ways_over_ipv6(void **state)
{
    struct linux_net *net = fresh(state);
    linux_net_speak_v6(net, true);
    struct pair pair = open_pair(net);
    linux_net_speak_v6(net, false);
    assert_int_equal(linux_net_reach(net, FIXTURE_PORT), LINUX_REACH_V4 | LINUX_REACH_V6);
    ASSERT_STATES(TRACE_HOST_TARGET, 1, TCP_LISTEN, TCP_SYN_RECEIVED, TCP_ESTABLISHED);
    send_text(net, pair.peer, "request");
    settle(net);
    assert_received(net, pair.target, "request");
    send_text(net, pair.target, "answer");
    settle(net);
    assert_received(net, pair.peer, "answer");
}

/* ---- Servers on loopback alone ---- */

/* A socket of a process in the target's namespace, as a target has it. */
static int foreign_socket(struct linux_net *net, int family)
{
    int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_true(home >= 0);
    assert_int_equal(setns(linux_net_namespace(net, TRACE_HOST_TARGET), CLONE_NEWNET), 0);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setns(home, CLONE_NEWNET), 0);
    (void)close(home);
    return fd;
}

static int foreign_listener(struct linux_net *net, uint32_t address)
{
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons(FIXTURE_PORT), .sin_addr.s_addr = htonl(address)};
    int fd = foreign_socket(net, AF_INET);
    assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(fd, 8), 0);
    linux_net_sample(net, 0);
    return fd;
}

/* A program and its helper talk over 127.0.0.1: what is under way there is seen by nobody, and so
 * it must not wait for a timer of the kernel's. */
static void bytes_within_the_target_wait_for_no_timer(void **state)
{
    struct linux_net *net = fresh(state);
    static char piece[16384];
    int listener = foreign_listener(net, INADDR_LOOPBACK);
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons(FIXTURE_PORT),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int from = foreign_socket(net, AF_INET);
    assert_int_equal(connect(from, (const struct sockaddr *)&name, sizeof name), 0);
    int to = accept(listener, NULL, NULL);
    bool all_there = true;
    for (int i = 0; i < 8 && all_there; i++) { /* a question in pieces, and an answer */
        for (int part = 0; part < 8; part++) {
            all_there = all_there && send(from, piece, 4096, MSG_DONTWAIT) == 4096;
        }
        for (ssize_t got = 0, in = 0; got < (ssize_t)8 * 4096 && all_there; got += in) {
            in = recv(to, piece, sizeof piece, MSG_DONTWAIT);
            all_there = in > 0;
        }
        all_there = all_there && send(to, piece, 1, MSG_DONTWAIT) == 1 &&
                    recv(from, piece, 1, MSG_DONTWAIT) == 1;
    }
    assert_int_equal(close(from), 0);
    assert_int_equal(close(to), 0);
    assert_int_equal(close(listener), 0);
    assert_true(all_there);
}

static bool anything_readable(struct linux_net *net)
{
    int fds[LINUX_NET_FDS_MAX];
    struct pollfd polls[LINUX_NET_FDS_MAX];
    int count = linux_net_descriptors(net, fds);
    for (int i = 0; i < count; i++) {
        polls[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    return poll(polls, (nfds_t)count, 0) > 0;
}

static void descriptors_are_readable_while_a_segment_waits(void **state)
{
    struct linux_net *net = fresh(state);
    int listener = foreign_listener(net, INADDR_ANY);
    (void)connecting(net, TRACE_HOST_PEER, FIXTURE_PORT);
    settle(net);
    assert_false(anything_readable(net));
    int fd = accept(listener, NULL, NULL);
    assert_int_equal(send(fd, "banner", 6, 0), 6);
    assert_true(anything_readable(net));
    assert_true(linux_net_collect(net));
    assert_false(anything_readable(net));
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(listener), 0);
}

static void server_on_loopback_is_reached_over_the_wire(void **state)
{
    struct linux_net *net = fresh(state);
    char buffer[16];
    int listener = foreign_listener(net, INADDR_LOOPBACK);
    int peer = connecting(net, TRACE_HOST_PEER, FIXTURE_PORT);
    settle(net);
    int fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    send_text(net, peer, "request");
    settle(net);
    assert_int_equal(linux_net_unread(net, 1), 7);
    assert_int_equal(recv(fd, buffer, sizeof buffer, 0), 7);
    assert_int_equal(send(fd, "answer", 6, 0), 6);
    settle(net);
    assert_received(net, peer, "answer");
    assert_int_equal(linux_net_close(net, peer), 0);
    settle(net);
    assert_int_equal(close(fd), 0);
    settle(net);
    ASSERT_STATES(TRACE_HOST_TARGET, 1, TCP_LISTEN, TCP_SYN_RECEIVED, TCP_ESTABLISHED,
                  TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_CLOSED);
    assert_int_equal(close(listener), 0);
}

/* A socket of IPv6 on an address of IPv4 is reached over IPv4, and on loopback as others are. */
static void server_on_a_mapped_address_is_reached_over_ipv4(void **state)
{
    static const char *const addresses[] = {"::ffff:127.0.0.1", "::ffff:10.83.0.1"};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct linux_net *net = fresh(state);
        struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(FIXTURE_PORT)};
        assert_int_equal(inet_pton(AF_INET6, addresses[i], &name.sin6_addr), 1);
        int listener = foreign_socket(net, AF_INET6);
        if (listener < 0) {
            skip(); /* a machine without IPv6 */
        }
        assert_int_equal(bind(listener, (const struct sockaddr *)&name, sizeof name), 0);
        assert_int_equal(listen(listener, 8), 0);
        linux_net_sample(net, 0);
        assert_int_equal(linux_net_reach(net, FIXTURE_PORT), LINUX_REACH_V4);
        int peer = connecting(net, TRACE_HOST_PEER, FIXTURE_PORT);
        settle(net);
        assert_int_equal(linux_net_poll(net, peer) & (POLLOUT | POLLERR), POLLOUT);
        assert_int_equal(linux_net_close(net, peer), 0);
        assert_int_equal(close(listener), 0);
    }
}

static void server_on_loopback_takes_an_injected_rst(void **state)
{
    struct linux_net *net = fresh(state);
    char buffer[16];
    int listener = foreign_listener(net, INADDR_LOOPBACK + 1);
    int peer = connecting(net, TRACE_HOST_PEER, FIXTURE_PORT);
    settle(net);
    int fd = accept(listener, NULL, NULL);
    assert_int_equal(linux_net_inject(net, peer, SCENARIO_SEGMENT_RST, WORLD_TO_TARGET), 0);
    assert_int_equal(recv(fd, buffer, sizeof buffer, MSG_DONTWAIT), -1);
    assert_int_equal(errno, ECONNRESET);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(listener), 0);
}

/* A living process keeps its listener over a reset. */
static void reset_leaves_the_listener_of_a_process(void **state)
{
    struct linux_net *net = fresh(state);
    int listener = foreign_listener(net, INADDR_ANY);
    net = fresh(state);
    assert_int_equal(linux_net_reach(net, FIXTURE_PORT), LINUX_REACH_V4);
    assert_int_equal(close(listener), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect_accepted_passes_every_state_of_opening),
        cmocka_unit_test(connect_traces_syn_and_synack_with_numbers_from_the_isn),
        cmocka_unit_test(connect_before_delivery_has_its_number),
        cmocka_unit_test(connect_without_listener_is_refused),
        cmocka_unit_test(connect_by_the_target_is_numbered_too),
        cmocka_unit_test(syn_lost_leaves_the_listener_untouched),
        cmocka_unit_test(accept_of_nothing_is_eagain),
        cmocka_unit_test(data_arrives_both_ways),
        cmocka_unit_test(data_held_arrives_when_delivered_by_index),
        cmocka_unit_test(hold_takes_what_is_in_flight),
        cmocka_unit_test(data_out_of_order_is_put_in_order),
        cmocka_unit_test(data_duplicated_is_read_once),
        cmocka_unit_test(data_dropped_comes_again_in_its_time),
        cmocka_unit_test(data_sent_again_acknowledges_what_came_meanwhile),
        cmocka_unit_test(wire_cut_loses_until_it_is_mended),
        cmocka_unit_test(window_closed_stops_the_sender_until_it_opens),
        cmocka_unit_test(data_without_room_comes_again),
        cmocka_unit_test(sender_uses_the_whole_window),
        cmocka_unit_test(unread_does_not_count_the_fin),
        cmocka_unit_test(bytes_with_random_delivery_survive_in_order),
        cmocka_unit_test(next_ready_tells_each_change_once),
        cmocka_unit_test(dup_keeps_the_connection_open),
        cmocka_unit_test(route_over_ipv6_is_the_one_with_our_timers),
        cmocka_unit_test(bytes_go_both_ways_over_ipv6),
        cmocka_unit_test(descriptors_are_readable_while_a_segment_waits),
        cmocka_unit_test(server_on_loopback_is_reached_over_the_wire),
        cmocka_unit_test(bytes_within_the_target_wait_for_no_timer),
        cmocka_unit_test(server_on_a_mapped_address_is_reached_over_ipv4),
        cmocka_unit_test(server_on_loopback_takes_an_injected_rst),
        cmocka_unit_test(reset_leaves_the_listener_of_a_process),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
