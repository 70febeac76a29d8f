/* The same scripts on the model and on the live network: what either traces of states and segments
 * must be the same, event by event. (A live state has no cause and is marked as sampled.) */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/socket.h>

#include "model/model.h"
#include "net_fixture.h"

enum { LINE_MAX_SIZE = 128 };

/* The live network behind the operations that scripts use. */
struct net_world {
    struct world base; /* first: cast back */
    struct linux_net *net;
};

static struct linux_net *net_of(struct world *world)
{
    return ((struct net_world *)(void *)world)->net;
}

static int live_socket(struct world *world, enum trace_host host)
{
    return linux_net_socket(net_of(world), host);
}
static int live_bind(struct world *world, int s, uint16_t port)
{
    return linux_net_bind(net_of(world), s, port);
}
static int live_listen(struct world *world, int s, int backlog)
{
    return linux_net_listen(net_of(world), s, backlog);
}
static int live_accept(struct world *world, int s)
{
    return linux_net_accept(net_of(world), s);
}
static int live_connect(struct world *world, int s, uint16_t port)
{
    return linux_net_connect(net_of(world), s, port);
}
static int64_t live_send(struct world *world, int s, const void *data, size_t size, int flags)
{
    return linux_net_send(net_of(world), s, data, size, flags);
}
static int64_t live_recv(struct world *world, int s, void *data, size_t size, int flags)
{
    return linux_net_recv(net_of(world), s, data, size, flags);
}
static int live_shutdown(struct world *world, int s, int how)
{
    return linux_net_shutdown(net_of(world), s, how);
}
static int live_close(struct world *world, int s)
{
    return linux_net_close(net_of(world), s);
}
static int live_abort(struct world *world, int s)
{
    return linux_net_abort(net_of(world), s);
}
static int live_setsockopt(struct world *world, int s, enum world_option option, int value)
{
    return linux_net_setsockopt(net_of(world), s, option, value);
}
static int live_poll(struct world *world, int s)
{
    return linux_net_poll(net_of(world), s);
}
static int live_next_ready(struct world *world, enum trace_host host)
{
    return linux_net_next_ready(net_of(world), host);
}
static void live_deliver(struct world *world)
{
    settle(net_of(world));
}
static void live_hold(struct world *world, enum world_direction direction, bool hold)
{
    linux_net_hold(net_of(world), direction, hold);
}
static uint32_t live_count(struct world *world, enum world_direction direction)
{
    return linux_net_count(net_of(world), direction);
}
static int live_wire_deliver(struct world *world, enum world_direction direction, uint32_t index)
{
    return linux_net_wire_deliver(net_of(world), direction, index);
}
static int live_wire_drop(struct world *world, enum world_direction direction, uint32_t index)
{
    return linux_net_wire_drop(net_of(world), direction, index);
}
static int live_duplicate(struct world *world, enum world_direction direction, uint32_t index)
{
    return linux_net_wire_duplicate(net_of(world), direction, index);
}
static int live_inject(struct world *world, int s, enum scenario_segment kind,
                       enum world_direction direction)
{
    return linux_net_inject(net_of(world), s, kind, direction);
}

static const struct world_ops live_ops = {
    .name = "live",
    .socket = live_socket,
    .bind = live_bind,
    .listen = live_listen,
    .accept = live_accept,
    .connect = live_connect,
    .send = live_send,
    .recv = live_recv,
    .shutdown = live_shutdown,
    .close = live_close,
    .abort = live_abort,
    .setsockopt = live_setsockopt,
    .poll = live_poll,
    .next_ready = live_next_ready,
    .deliver = live_deliver,
    .wire_hold = live_hold,
    .wire_count = live_count,
    .wire_deliver = live_wire_deliver,
    .wire_drop = live_wire_drop,
    .wire_duplicate = live_duplicate,
    .wire_inject = live_inject,
};

/* ---- Comparison ---- */

static bool is_compared(const struct trace_event *event)
{
    return event->kind == TRACE_STATE || event->kind == TRACE_SEGMENT;
}

static const struct trace_event *next(const struct trace *trace, uint32_t *at)
{
    while (*at < trace->count && !is_compared(&trace->events[*at])) {
        ++*at;
    }
    return *at < trace->count ? &trace->events[(*at)++] : NULL;
}

static void describe(const struct trace_event *event, char line[LINE_MAX_SIZE])
{
    const char *host = event == NULL || event->host == TRACE_HOST_TARGET ? "target" : "peer";
    if (event == NULL) {
        (void)snprintf(line, LINE_MAX_SIZE, "(no more)");
    } else if (event->kind == TRACE_STATE) {
        (void)snprintf(line, LINE_MAX_SIZE, "%u %s %s -> %s", event->conn, host,
                       tcp_state_name((enum tcp_state)event->a),
                       tcp_state_name((enum tcp_state)event->what));
    } else {
        (void)snprintf(line, LINE_MAX_SIZE, "%u %s segment %u %s seq %lld bytes %lld", event->conn,
                       host, event->what, trace_fate_name((enum trace_fate)event->result),
                       (long long)event->a, (long long)event->b);
    }
}

static void print_both(const struct trace *model, const struct trace *live)
{
    uint32_t i = 0;
    uint32_t j = 0;
    for (;;) {
        char left[LINE_MAX_SIZE];
        char right[LINE_MAX_SIZE];
        const struct trace_event *a = next(model, &i);
        const struct trace_event *b = next(live, &j);
        if (a == NULL && b == NULL) {
            return;
        }
        describe(a, left);
        describe(b, right);
        print_error("%c %-52s | %s\n", strcmp(left, right) == 0 ? ' ' : '!', left, right);
    }
}

static void assert_twins(const struct trace *model, const struct trace *live)
{
    uint32_t i = 0;
    uint32_t j = 0;
    for (;;) {
        char left[LINE_MAX_SIZE];
        char right[LINE_MAX_SIZE];
        const struct trace_event *a = next(model, &i);
        const struct trace_event *b = next(live, &j);
        if (a == NULL && b == NULL) {
            return;
        }
        describe(a, left);
        describe(b, right);
        if (strcmp(left, right) != 0) {
            print_both(model, live);
            fail_msg("the traces differ");
        }
    }
}

/* ---- Scripts ---- */

struct play {
    struct world *world;
    const struct world_ops *ops;
    int listener;
    int target;
    int peer;
};

static void play_listen(struct play *p)
{
    p->listener = p->ops->socket(p->world, TRACE_HOST_TARGET);
    assert_int_equal(p->ops->bind(p->world, p->listener, FIXTURE_PORT), 0);
    assert_int_equal(p->ops->listen(p->world, p->listener, 8), 0);
}

static void play_connect(struct play *p)
{
    p->peer = p->ops->socket(p->world, TRACE_HOST_PEER);
    assert_int_equal(p->ops->setsockopt(p->world, p->peer, WORLD_OPTION_NODELAY, 1), 0);
    assert_int_equal(p->ops->connect(p->world, p->peer, FIXTURE_PORT), -EINPROGRESS);
}

static void play_open(struct play *p)
{
    play_listen(p);
    play_connect(p);
    p->ops->deliver(p->world);
    p->target = p->ops->accept(p->world, p->listener);
    assert_true(p->target >= 0);
}

static void play_send(struct play *p, int s, const char *text)
{
    assert_int_equal(p->ops->send(p->world, s, text, strlen(text), 0), strlen(text));
}

static void play_recv(struct play *p, int s, int64_t result)
{
    char buffer[64];
    assert_int_equal(p->ops->recv(p->world, s, buffer, sizeof buffer, 0), result);
}

static void script_dialogue(struct play *p)
{
    play_open(p);
    play_send(p, p->peer, "request");
    p->ops->deliver(p->world);
    play_recv(p, p->target, 7);
    play_send(p, p->target, "answer");
    p->ops->deliver(p->world);
    play_recv(p, p->peer, 6);
    assert_int_equal(p->ops->shutdown(p->world, p->peer, SHUT_WR), 0);
    p->ops->deliver(p->world);
    play_recv(p, p->target, 0);
    play_send(p, p->target, "more");
    assert_int_equal(p->ops->close(p->world, p->target), 0);
    p->ops->deliver(p->world);
    play_recv(p, p->peer, 4);
    play_recv(p, p->peer, 0);
    assert_int_equal(p->ops->close(p->world, p->peer), 0);
    p->ops->deliver(p->world);
    assert_int_equal(p->ops->close(p->world, p->listener), 0);
}

static void script_target_closes_first(struct play *p)
{
    play_open(p);
    assert_int_equal(p->ops->close(p->world, p->target), 0);
    p->ops->deliver(p->world);
    play_recv(p, p->peer, 0);
    assert_int_equal(p->ops->close(p->world, p->peer), 0);
    p->ops->deliver(p->world);
}

static void script_both_close_at_once(struct play *p)
{
    play_open(p);
    p->ops->wire_hold(p->world, WORLD_TO_TARGET, true);
    p->ops->wire_hold(p->world, WORLD_TO_PEER, true);
    assert_int_equal(p->ops->close(p->world, p->peer), 0);
    assert_int_equal(p->ops->close(p->world, p->target), 0);
    for (unsigned i = 0; i < 2; i++) { /* the FINs, their acknowledgments */
        assert_int_equal(p->ops->wire_deliver(p->world, WORLD_TO_TARGET, 0), 0);
        assert_int_equal(p->ops->wire_deliver(p->world, WORLD_TO_PEER, 0), 0);
    }
}

static void script_refused(struct play *p)
{
    play_connect(p);
    p->ops->deliver(p->world);
    play_recv(p, p->peer, -ECONNREFUSED);
}

static void script_peer_aborts(struct play *p)
{
    play_open(p);
    play_send(p, p->peer, "last words");
    p->ops->deliver(p->world);
    assert_int_equal(p->ops->abort(p->world, p->peer), 0);
    p->ops->deliver(p->world);
    play_recv(p, p->target, 10);
    play_recv(p, p->target, -ECONNRESET);
    assert_int_equal(p->ops->close(p->world, p->target), 0);
}

static void script_close_with_unread_data(struct play *p)
{
    play_open(p);
    play_send(p, p->peer, "unread");
    p->ops->deliver(p->world);
    assert_int_equal(p->ops->close(p->world, p->target), 0);
    p->ops->deliver(p->world);
    play_recv(p, p->peer, -ECONNRESET);
}

static void script_send_to_closed(struct play *p)
{
    play_open(p);
    assert_int_equal(p->ops->close(p->world, p->target), 0);
    p->ops->deliver(p->world);
    play_send(p, p->peer, "too late");
    p->ops->deliver(p->world);
    assert_int_equal(p->ops->close(p->world, p->peer), 0);
    p->ops->deliver(p->world);
}

static void script_held_and_reordered(struct play *p)
{
    play_open(p);
    p->ops->wire_hold(p->world, WORLD_TO_TARGET, true);
    play_send(p, p->peer, "one");
    play_send(p, p->peer, "two");
    play_send(p, p->peer, "three");
    assert_int_equal(p->ops->wire_count(p->world, WORLD_TO_TARGET), 3);
    assert_int_equal(p->ops->wire_deliver(p->world, WORLD_TO_TARGET, 2), 0);
    assert_int_equal(p->ops->wire_deliver(p->world, WORLD_TO_TARGET, 1), 0);
    assert_int_equal(p->ops->wire_deliver(p->world, WORLD_TO_TARGET, 0), 0);
    play_recv(p, p->target, 11);
    p->ops->wire_hold(p->world, WORLD_TO_TARGET, false);
    p->ops->deliver(p->world);
}

static void script_duplicated(struct play *p)
{
    play_open(p);
    play_send(p, p->peer, "twice");
    assert_int_equal(p->ops->wire_duplicate(p->world, WORLD_TO_TARGET, 0), 0);
    p->ops->deliver(p->world);
    play_recv(p, p->target, 5);
    play_recv(p, p->target, -EAGAIN);
    p->ops->wire_hold(p->world, WORLD_TO_TARGET, true);
    play_send(p, p->peer, "first");
    play_send(p, p->peer, "second");
    assert_int_equal(p->ops->wire_duplicate(p->world, WORLD_TO_TARGET, 0), 0);
    assert_int_equal(p->ops->wire_deliver(p->world, WORLD_TO_TARGET, 1), 0);
    play_recv(p, p->target, 5);
}

static void script_dropped(struct play *p)
{
    play_open(p);
    play_send(p, p->peer, "lost");
    assert_int_equal(p->ops->wire_drop(p->world, WORLD_TO_TARGET, 0), 0);
    p->ops->deliver(p->world);
    play_recv(p, p->target, -EAGAIN);
}

static void script_reset_injected(struct play *p)
{
    play_open(p);
    assert_int_equal(p->ops->wire_inject(p->world, p->peer, SCENARIO_SEGMENT_RST, WORLD_TO_TARGET),
                     0);
    play_recv(p, p->target, -ECONNRESET);
    play_send(p, p->peer, "anyone?");
    p->ops->deliver(p->world);
    play_recv(p, p->peer, -ECONNRESET);
}

static void script_listener_closed_over_waiting(struct play *p)
{
    play_listen(p);
    play_connect(p);
    p->ops->deliver(p->world);
    assert_int_equal(p->ops->close(p->world, p->listener), 0);
    p->ops->deliver(p->world);
    play_recv(p, p->peer, -ECONNRESET);
}

static void script_reset_before_accept(struct play *p)
{
    play_listen(p);
    play_connect(p);
    p->ops->deliver(p->world);
    assert_int_equal(p->ops->abort(p->world, p->peer), 0);
    p->ops->deliver(p->world);
    p->target = p->ops->accept(p->world, p->listener);
    play_recv(p, p->target, -ECONNRESET);
}

static void script_connect_given_up(struct play *p)
{
    play_listen(p);
    p->ops->wire_hold(p->world, WORLD_TO_PEER, true);
    play_connect(p);
    p->ops->deliver(p->world);
    assert_int_equal(p->ops->close(p->world, p->peer), 0);
    p->ops->wire_hold(p->world, WORLD_TO_PEER, false);
    p->ops->deliver(p->world);
}

static void script_urgent(struct play *p)
{
    play_open(p);
    assert_int_equal(p->ops->send(p->world, p->peer, "!", 1, MSG_OOB), 1);
    p->ops->deliver(p->world);
}

/* Both read readiness as the engine does. */
static void script_ready(struct play *p)
{
    play_listen(p);
    play_connect(p);
    p->ops->deliver(p->world);
    assert_int_equal(p->ops->next_ready(p->world, TRACE_HOST_TARGET), p->listener);
    assert_int_equal(p->ops->next_ready(p->world, TRACE_HOST_PEER), p->peer);
    p->target = p->ops->accept(p->world, p->listener);
    assert_int_equal(p->ops->next_ready(p->world, TRACE_HOST_TARGET), p->target);
    play_send(p, p->peer, "x");
    assert_int_equal(p->ops->shutdown(p->world, p->peer, SHUT_WR), 0);
    p->ops->deliver(p->world);
    assert_int_equal(p->ops->next_ready(p->world, TRACE_HOST_TARGET), p->target);
    assert_int_equal(p->ops->poll(p->world, p->target) & 0xFF, 0x45); /* IN, OUT, RDNORM */
    assert_int_equal(p->ops->next_ready(p->world, TRACE_HOST_TARGET), -1);
}

static void run_twins(void **state, void (*script)(struct play *play))
{
    struct net_world live = {.base = {.ops = &live_ops}, .net = fresh(state)};
    struct play play = {.world = &live.base, .ops = &live_ops};
    script(&play);

    struct status_detail detail = {""};
    struct trace trace;
    struct model *model;
    assert_ok(trace_init(&trace, FIXTURE_EVENTS), &detail);
    assert_ok(model_new(NULL, &model, &detail), &detail);
    struct world *world = model_world(model);
    world->ops->reset(world, &trace, 1);
    play = (struct play){.world = world, .ops = world->ops};
    script(&play);
    assert_twins(&trace, &fixture()->trace);
    world->ops->free(world);
    trace_done(&trace);
}

#define SCRIPTS(X)                                                                                 \
    X(dialogue)                                                                                    \
    X(target_closes_first)                                                                         \
    X(both_close_at_once)                                                                          \
    X(refused)                                                                                     \
    X(peer_aborts)                                                                                 \
    X(close_with_unread_data)                                                                      \
    X(send_to_closed)                                                                              \
    X(held_and_reordered)                                                                          \
    X(duplicated)                                                                                  \
    X(dropped)                                                                                     \
    X(reset_injected)                                                                              \
    X(listener_closed_over_waiting)                                                                \
    X(reset_before_accept)                                                                         \
    X(connect_given_up)                                                                            \
    X(urgent)                                                                                      \
    X(ready)

#define TWIN(name)                                                                                 \
    static void name##_is_traced_alike(void **state)                                               \
    {                                                                                              \
        run_twins(state, script_##name);                                                           \
    }
SCRIPTS(TWIN)

int main(void)
{
#define ENTRY(name) cmocka_unit_test(name##_is_traced_alike),
    const struct CMUnitTest tests[] = {SCRIPTS(ENTRY)};
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
