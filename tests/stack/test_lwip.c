/* The world of stacks over a real one: lwIP. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "stack_fixture.h"

#ifndef LWIP_STACK
#error "the build says where lwip_stack lies"
#endif

/* A listener on the target's host and an open connection to it. */
struct pair {
    int listener;
    int client; /* on the peer's host */
    int server;
};

static struct pair open_pair(struct fixture *f)
{
    struct pair pair = {.listener = f->ops->app_socket(f->world, TRACE_HOST_TARGET)};
    assert_int_equal(pair.listener, 0);
    assert_int_equal(f->ops->bind(f->world, pair.listener, FIXTURE_PORT), 0);
    assert_int_equal(f->ops->listen(f->world, pair.listener, 5), 0);
    pair.client = f->ops->app_socket(f->world, TRACE_HOST_PEER);
    assert_int_equal(f->ops->app_connect(f->world, pair.client, TRACE_HOST_TARGET, FIXTURE_PORT),
                     -EINPROGRESS);
    f->ops->settle(f->world);
    pair.server = f->ops->accept(f->world, pair.listener);
    assert_true(pair.server >= 0);
    return pair;
}

static int count(const struct fixture *f, enum trace_kind kind, unsigned what)
{
    int found = 0;
    for (uint32_t i = 0; i < f->trace.count; i++) {
        found += f->trace.events[i].kind == kind && f->trace.events[i].what == what;
    }
    return found;
}

static void connect_listener_established(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, LWIP_STACK);
    struct pair pair = open_pair(&f);
    assert_int_equal(f.ops->state(f.world, pair.client), TCP_ESTABLISHED);
    assert_int_equal(f.ops->state(f.world, pair.server), TCP_ESTABLISHED);
    assert_int_equal(f.ops->conn(f.world, pair.client), 1);
    assert_int_equal(f.ops->conn(f.world, pair.server), 1);
    assert_int_equal(count(&f, TRACE_SEGMENT, SCENARIO_SEGMENT_SYN), 1);
    assert_int_equal(count(&f, TRACE_SEGMENT, SCENARIO_SEGMENT_SYN_ACK), 1);
    fixture_close(&f);
}

static void send_both_ways_arrives(void **state)
{
    struct fixture f;
    char bytes[16];
    (void)state;
    fixture_open(&f, LWIP_STACK);
    struct pair pair = open_pair(&f);
    assert_int_equal(f.ops->send(f.world, pair.client, "hello", 5, 0), 5);
    f.ops->settle(f.world);
    assert_true((f.ops->poll(f.world, pair.server) & POLLIN) != 0);
    assert_int_equal(f.ops->recv(f.world, pair.server, bytes, sizeof(bytes), 0), 5);
    assert_memory_equal(bytes, "hello", 5);
    assert_int_equal(f.ops->recv(f.world, pair.server, bytes, sizeof(bytes), 0), -EAGAIN);
    assert_int_equal(f.ops->send(f.world, pair.server, "world!", 6, 0), 6);
    f.ops->settle(f.world);
    assert_int_equal(f.ops->recv(f.world, pair.client, bytes, sizeof(bytes), 0), 6);
    assert_memory_equal(bytes, "world!", 6);
    fixture_close(&f);
}

static void close_both_ends_in_time_wait(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, LWIP_STACK);
    struct pair pair = open_pair(&f);
    uint32_t conn = f.ops->conn(f.world, pair.client);
    assert_int_equal(conn, 1);
    assert_int_equal(f.ops->close(f.world, pair.client), 0);
    f.ops->settle(f.world);
    assert_int_equal(f.ops->state(f.world, pair.server), TCP_CLOSE_WAIT);
    assert_int_equal(f.ops->close(f.world, pair.server), 0);
    f.ops->settle(f.world);
    assert_int_equal(count(&f, TRACE_STATE, TCP_TIME_WAIT), 1);
    assert_int_equal(count(&f, TRACE_STATE, TCP_LAST_ACK), 1);
    int closed = count(&f, TRACE_STATE, TCP_CLOSED);
    assert_true(f.ops->advance(f.world, 119000000, 100));
    f.ops->settle(f.world);
    assert_int_equal(count(&f, TRACE_STATE, TCP_CLOSED), closed);
    assert_true(f.ops->advance(f.world, 3000000, 100));
    f.ops->settle(f.world);
    assert_int_equal(count(&f, TRACE_STATE, TCP_CLOSED), closed + 1);
    fixture_close(&f);
}

static void lose_data_sent_again_in_time(void **state)
{
    struct fixture f;
    char bytes[16];
    (void)state;
    fixture_open(&f, LWIP_STACK);
    struct pair pair = open_pair(&f);
    f.ops->wire_lose(f.world, SCENARIO_SEGMENT_DATA, 1);
    assert_int_equal(f.ops->send(f.world, pair.client, "hello", 5, 0), 5);
    f.ops->settle(f.world);
    assert_int_equal(f.ops->recv(f.world, pair.server, bytes, sizeof(bytes), 0), -EAGAIN);
    assert_true(f.ops->advance(f.world, 10000000, 100));
    f.ops->settle(f.world);
    assert_int_equal(f.ops->recv(f.world, pair.server, bytes, sizeof(bytes), 0), 5);
    fixture_close(&f);
}

static void reset_again_same_trace(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, LWIP_STACK);
    (void)open_pair(&f);
    uint32_t events = f.trace.count;
    struct trace_event *first = malloc(sizeof(*first) * events);
    memcpy(first, f.trace.events, sizeof(*first) * events);
    trace_clear(&f.trace);
    f.ops->reset(f.world, &f.trace, 1);
    (void)open_pair(&f);
    assert_int_equal(f.trace.count, events);
    assert_memory_equal(f.trace.events, first, sizeof(*first) * events);
    free(first);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect_listener_established), cmocka_unit_test(send_both_ways_arrives),
        cmocka_unit_test(close_both_ends_in_time_wait),
        cmocka_unit_test(lose_data_sent_again_in_time), cmocka_unit_test(reset_again_same_trace)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
