/* Tests of two linked programs in one process, each on its own host and stack. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/program.h"

#include <signal.h>
#include <string.h>

#include "test.h"

enum { OUTPUT_MAX = 4096, IDLE_MAX = 20, ADVANCE_US = 500000, WAKEUPS = 100 };

static struct {
    struct redirect *redirect;
    struct model *model;
    struct trace trace;
    char output[OUTPUT_MAX];
    size_t used;
    int idle;
    uint64_t seed;
} pair = {.seed = 1};

static void keep_output(void *context, int fd, const void *data, size_t size)
{
    (void)context, (void)fd;
    assert_true(size < sizeof pair.output - pair.used);
    memcpy(pair.output + pair.used, data, size);
    pair.used += size;
    pair.output[pair.used] = '\0';
}

static int setup(void **state)
{
    struct status_detail detail = {{0}};
    (void)state;
    assert_ok(redirect_new(&sockspec_target_program, &pair.redirect, &detail), &detail);
    assert_ok(model_new(redirect_runner(pair.redirect), &pair.model, &detail), &detail);
    redirect_bind(pair.redirect, pair.model);
    model_set_console(pair.model, keep_output, NULL);
    return trace_init(&pair.trace, 4096) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct world *world = model_world(pair.model);
    (void)state;
    world->ops->free(world);
    redirect_free(pair.redirect);
    trace_done(&pair.trace);
    return 0;
}

/* Time passes in steps; after enough of them the programs are asked to stop. */
static enum world_next pass_time(void *context)
{
    struct world *world = context;
    if (++pair.idle > IDLE_MAX) {
        return WORLD_STOP;
    }
    (void)world->ops->advance(world, ADVANCE_US, WAKEUPS);
    return WORLD_GO;
}

static void run_with(const char *target_turns, const char *peer_turns, bool threads)
{
    static char left[] = "target", right[] = "peer", by_threads[] = "threads";
    static char left_turns[8], right_turns[8];
    (void)snprintf(left_turns, sizeof left_turns, "%s", target_turns);
    (void)snprintf(right_turns, sizeof right_turns, "%s", peer_turns);
    char *argv[] = {left, left_turns, by_threads, NULL};
    char *peer_argv[] = {right, right_turns, by_threads, NULL};
    struct world *world = model_world(pair.model);
    struct world_target target = {.name = "pair",
                                  .role = TRACE_ROLE_PAIR,
                                  .argc = threads ? 3 : 2,
                                  .argv = argv,
                                  .peer_argc = threads ? 3 : 2,
                                  .peer_argv = peer_argv,
                                  .stop_signal = SIGTERM};
    struct world_hooks hooks = {.context = world, .on_idle = pass_time};
    struct status_detail detail = {{0}};
    pair.used = 0;
    pair.idle = 0;
    trace_clear(&pair.trace);
    world->ops->reset(world, &pair.trace, pair.seed);
    assert_ok(world->ops->run(world, &target, &hooks, &detail), &detail);
}

static void run(const char *target_turns, const char *peer_turns)
{
    run_with(target_turns, peer_turns, false);
}

static int exits(enum trace_host host, enum trace_exit how, int64_t status)
{
    int count = 0;
    for (uint32_t i = 0; i < pair.trace.count; i++) {
        const struct trace_event *event = &pair.trace.events[i];
        count += event->kind == TRACE_EXIT && event->host == host && event->what == how &&
                 event->result == status;
    }
    return count;
}

static void assert_printed(const char *line)
{
    if (strstr(pair.output, line) == NULL) {
        fail_msg("missing: %sin: %s", line, pair.output);
    }
}

static void pair_programs_have_memory_of_their_own(void **state)
{
    (void)state;
    run("2", "3");
    assert_printed("target 100 200\n");
    assert_printed("target 101 201\n");
    assert_printed("peer 100 200\n");
    assert_printed("peer 102 202\n");
    assert_int_equal(exits(TRACE_HOST_TARGET, TRACE_EXIT_RETURNED, 2), 1);
    assert_int_equal(exits(TRACE_HOST_PEER, TRACE_EXIT_RETURNED, 3), 1);
}

static void pair_programs_take_turns(void **state)
{
    (void)state;
    run("2", "2");
    const char *peer = strstr(pair.output, "peer 100");
    const char *target = strstr(pair.output, "target 101");
    assert_non_null(peer);
    assert_non_null(target);
    assert_true(peer < target);
}

/* Whatever the seed: a client finds its server listening. */
static void pair_second_program_begins_when_the_first_sleeps(void **state)
{
    (void)state;
    for (pair.seed = 0; pair.seed < 50; pair.seed++) {
        run("2", "2");
        uint32_t slept = 0, began = 0;
        while (slept < pair.trace.count && pair.trace.events[slept].kind != TRACE_BLOCK) {
            slept++;
        }
        while (began < pair.trace.count && pair.trace.events[began].host != TRACE_HOST_PEER) {
            began++;
        }
        assert_int_equal(pair.trace.events[slept].host, TRACE_HOST_TARGET);
        assert_true(began < pair.trace.count && slept < began);
    }
    pair.seed = 1;
}

static void pair_run_again_does_the_same(void **state)
{
    static char first[OUTPUT_MAX];
    static struct trace_event events[4096];
    (void)state;
    run("3", "2");
    uint32_t count = pair.trace.count;
    memcpy(first, pair.output, sizeof first);
    memcpy(events, pair.trace.events, count * sizeof events[0]);
    for (int i = 0; i < 5; i++) {
        run("3", "2");
        assert_string_equal(pair.output, first);
        assert_int_equal(pair.trace.count, count);
        assert_memory_equal(pair.trace.events, events, count * sizeof events[0]);
    }
}

/* Whichever thread ran last when one program ends, the other goes on where it was. */
static void pair_with_threads_outlives_its_other_half(void **state)
{
    (void)state;
    for (pair.seed = 0; pair.seed < 50; pair.seed++) {
        bool target_first = pair.seed % 2 == 0;
        run_with(target_first ? "2" : "4", target_first ? "4" : "2", true);
        assert_printed(target_first ? "target 101 200\n" : "target 103 200\n");
        assert_printed(target_first ? "peer 103 200\n" : "peer 101 200\n");
        assert_int_equal(exits(TRACE_HOST_TARGET, TRACE_EXIT_RETURNED, target_first ? 2 : 4), 1);
        assert_int_equal(exits(TRACE_HOST_PEER, TRACE_EXIT_RETURNED, target_first ? 4 : 2), 1);
    }
    pair.seed = 1;
}

static void pair_that_never_ends_is_left(void **state)
{
    (void)state;
    run("1000", "1000");
    assert_int_equal(exits(TRACE_HOST_TARGET, TRACE_EXIT_SIGNALLED, SIGTERM), 1);
    run("1", "1");
    assert_int_equal(exits(TRACE_HOST_PEER, TRACE_EXIT_RETURNED, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pair_programs_have_memory_of_their_own),
        cmocka_unit_test(pair_programs_take_turns),
        cmocka_unit_test(pair_second_program_begins_when_the_first_sleeps),
        cmocka_unit_test(pair_run_again_does_the_same),
        cmocka_unit_test(pair_with_threads_outlives_its_other_half),
        cmocka_unit_test(pair_that_never_ends_is_left),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
