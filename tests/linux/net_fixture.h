/* What the tests of the live network share: one network per process, made once, reset before every
 * test; skipped where the environment refuses it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_LINUX_NET_FIXTURE_H
#define SOCKSPEC_TESTS_LINUX_NET_FIXTURE_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "linux/net.h"
#include "test.h"

enum { FIXTURE_EVENTS = 1 << 16, FIXTURE_PORT = 7000 };

struct fixture {
    struct linux_net *net; /* NULL: refused */
    struct trace trace;
};

static inline struct fixture *fixture(void)
{
    static struct fixture only;
    return &only;
}

static inline int fixture_open(void **state)
{
    struct fixture *f = fixture();
    struct status_detail detail = {""};
    *state = f;
    if (trace_init(&f->trace, FIXTURE_EVENTS) != STATUS_OK) {
        return -1;
    }
    if (linux_net_new(false, &f->net, &detail) != STATUS_OK) {
        print_message("skipped: %s\n", detail.text);
        f->net = NULL;
    }
    return 0;
}

static inline int fixture_close(void **state)
{
    struct fixture *f = *state;
    linux_net_free(f->net);
    trace_done(&f->trace);
    return 0;
}

/* The network, empty. */
static inline struct linux_net *fresh(void **state)
{
    struct fixture *f = *state;
    if (f->net == NULL) {
        skip();
    }
    trace_clear(&f->trace);
    linux_net_reset(f->net, &f->trace);
    return f->net;
}

/* Lets everything that is not held arrive. */
static inline void settle(struct linux_net *net)
{
    do {
        (void)linux_net_collect(net);
    } while (linux_net_deliver(net));
}

static inline int listener_on(struct linux_net *net, enum trace_host host, uint16_t port,
                              int backlog)
{
    int s = linux_net_socket(net, host);
    assert_true(s >= 0);
    assert_int_equal(linux_net_setsockopt(net, s, WORLD_OPTION_REUSEADDR, 1), 0);
    assert_int_equal(linux_net_bind(net, s, port), 0);
    assert_int_equal(linux_net_listen(net, s, backlog), 0);
    return s;
}

static inline int connecting(struct linux_net *net, enum trace_host host, uint16_t port)
{
    int s = linux_net_socket(net, host);
    assert_true(s >= 0);
    assert_int_equal(linux_net_connect(net, s, port), -EINPROGRESS);
    return s;
}

/* Both ends of an open connection and the listener that it came from. */
struct pair {
    int listener;
    int target;
    int peer;
    uint32_t conn;
};

static inline struct pair open_pair(struct linux_net *net)
{
    struct pair pair;
    pair.listener = listener_on(net, TRACE_HOST_TARGET, FIXTURE_PORT, 8);
    pair.peer = connecting(net, TRACE_HOST_PEER, FIXTURE_PORT);
    settle(net);
    pair.target = linux_net_accept(net, pair.listener);
    assert_true(pair.target >= 0);
    pair.conn = linux_net_conn_of(net, pair.target);
    return pair;
}

/* How often an event like this was traced; fields below 0 match anything. */
struct like {
    int kind;
    int host;
    int what;
    int64_t result;
    int64_t conn;
};

static inline unsigned traced(const struct trace *trace, struct like like)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        count += event->kind == like.kind && (like.host < 0 || event->host == like.host) &&
                 (like.what < 0 || event->what == like.what) &&
                 (like.result < 0 || event->result == like.result) &&
                 (like.conn < 0 || event->conn == like.conn);
    }
    return count;
}

static inline unsigned segments(enum trace_host host, enum scenario_segment what,
                                enum trace_fate fate)
{
    return traced(&fixture()->trace, (struct like){TRACE_SEGMENT, (int)host, (int)what, fate, -1});
}

/* Fails unless the states of this end were traced in this order, from -> to without gaps. */
static inline void assert_states(enum trace_host host, uint32_t conn, const enum tcp_state *states,
                                 size_t count)
{
    const struct trace *trace = &fixture()->trace;
    size_t at = 0;
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        if (event->kind != TRACE_STATE || event->host != host || event->conn != conn) {
            continue;
        }
        assert_true(at + 1 < count);
        assert_string_equal(tcp_state_name((enum tcp_state)event->a), tcp_state_name(states[at]));
        assert_string_equal(tcp_state_name((enum tcp_state)event->what),
                            tcp_state_name(states[at + 1]));
        assert_int_equal(event->flags, TRACE_SAMPLED);
        at++;
    }
    assert_int_equal(at + 1, count);
}
#define ASSERT_STATES(host, conn, ...)                                                             \
    assert_states(host, conn, (const enum tcp_state[]){__VA_ARGS__},                               \
                  sizeof((const enum tcp_state[]){__VA_ARGS__}) / sizeof(enum tcp_state))

static inline void assert_state(struct linux_net *net, int s, enum tcp_state state)
{
    assert_string_equal(tcp_state_name(linux_net_state(net, s)), tcp_state_name(state));
}

static inline void send_text(struct linux_net *net, int s, const char *text)
{
    assert_int_equal(linux_net_send(net, s, text, strlen(text), 0), strlen(text));
}

static inline void assert_received(struct linux_net *net, int s, const char *text)
{
    char buffer[256];
    assert_int_equal(linux_net_recv(net, s, buffer, sizeof buffer, 0), strlen(text));
    assert_memory_equal(buffer, text, strlen(text));
}

static inline void assert_recv(struct linux_net *net, int s, int64_t result)
{
    char buffer[256];
    assert_int_equal(linux_net_recv(net, s, buffer, sizeof buffer, 0), result);
}

#endif
