/* Tests of a linked echo server that a scripted peer talks to, run after run. The same for every
 * server. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "redirect/program.h"

#include "test.h"

enum { PORT = 7000, EVENTS_MAX = 4096, RUNS = 3 };

static struct {
    struct redirect *redirect;
    struct model *model;
    struct trace trace;
    int step;
    int s;
    char answer[64];
    int64_t answered;
    bool ended; /* the server closed after the peer did */
} serving;

static int setup(void **state)
{
    struct status_detail detail = {{0}};
    (void)state;
    assert_ok(redirect_new(&sockspec_target_program, &serving.redirect, &detail), &detail);
    assert_ok(model_new(redirect_runner(serving.redirect), &serving.model, &detail), &detail);
    redirect_bind(serving.redirect, serving.model);
    return trace_init(&serving.trace, EVENTS_MAX) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct world *world = model_world(serving.model);
    (void)state;
    world->ops->free(world);
    redirect_free(serving.redirect);
    trace_done(&serving.trace);
    return 0;
}

/* Connect, send, read the answer, half-close, read the end. */
static enum world_next talk(void *context)
{
    struct world *world = context;
    const struct world_ops *ops = world->ops;
    switch (serving.step++) {
    case 0:
        serving.s = ops->socket(world, TRACE_HOST_PEER);
        assert_int_equal(ops->connect(world, serving.s, PORT), -EINPROGRESS);
        return WORLD_GO;
    case 1:
        assert_int_equal(ops->send(world, serving.s, "hello\n", 6, 0), 6);
        return WORLD_GO;
    case 2:
        serving.answered = ops->recv(world, serving.s, serving.answer, sizeof serving.answer, 0);
        (void)ops->shutdown(world, serving.s, SHUT_WR);
        return WORLD_GO;
    case 3:
        serving.ended = ops->recv(world, serving.s, serving.answer + 32, 1, 0) == 0;
        (void)ops->close(world, serving.s);
        return WORLD_GO;
    default:
        return WORLD_STOP;
    }
}

static void run(void)
{
    static char name[] = "server", option[] = "--port", port[8];
    (void)snprintf(port, sizeof port, "%d", PORT);
    char *argv[] = {name, option, port, NULL};
    struct world *world = model_world(serving.model);
    struct world_target target = {.name = "server",
                                  .role = TRACE_ROLE_SERVER,
                                  .argc = 3,
                                  .argv = argv,
                                  .port = PORT,
                                  .stop_signal = SIGTERM};
    struct world_hooks hooks = {.context = world, .on_idle = talk};
    struct status_detail detail = {{0}};
    serving.step = 0;
    serving.answered = -1;
    serving.ended = false;
    trace_clear(&serving.trace);
    world->ops->reset(world, &serving.trace, 1);
    assert_ok(world->ops->run(world, &target, &hooks, &detail), &detail);
}

static void server_linked_answers_in_every_run(void **state)
{
    (void)state;
    for (int i = 0; i < RUNS; i++) {
        run();
        assert_int_equal(serving.answered, 6);
        assert_memory_equal(serving.answer, "hello\n", 6);
        assert_true(serving.ended);
    }
}

static void server_linked_traces_the_same_in_every_run(void **state)
{
    static struct trace_event events[EVENTS_MAX];
    (void)state;
    run();
    uint32_t count = serving.trace.count;
    memcpy(events, serving.trace.events, count * sizeof events[0]);
    for (int i = 0; i < RUNS; i++) {
        run();
        assert_int_equal(serving.trace.count, count);
        assert_memory_equal(serving.trace.events, events, count * sizeof events[0]);
    }
}

static void server_linked_ends_by_its_own_handler(void **state)
{
    (void)state;
    run();
    const struct trace_event *last = NULL;
    for (uint32_t i = 0; i < serving.trace.count; i++) {
        last = serving.trace.events[i].kind == TRACE_EXIT ? &serving.trace.events[i] : last;
    }
    assert_non_null(last);
    assert_int_equal(last->what, TRACE_EXIT_STOPPED_BY_HANDLER);
    assert_int_equal(last->b, 0); /* heap blocks that it leaves */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_linked_answers_in_every_run),
        cmocka_unit_test(server_linked_traces_the_same_in_every_run),
        cmocka_unit_test(server_linked_ends_by_its_own_handler),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
