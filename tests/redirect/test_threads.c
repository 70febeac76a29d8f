/* Tests of linked programs with threads (threaded.c): what they see, in which order they run, and
 * that each run is put back after every kind of end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/program.h"

#include <sched.h>
#include <signal.h>
#include <string.h>

#include "test.h"

enum {
    OUTPUT_MAX = 16384,
    EVENTS_MAX = 16384,
    IDLE_MAX = 20,
    ADVANCE_US = 1000000,
    WAKEUPS = 1000
};

static struct {
    struct redirect *redirect;
    struct model *model;
    struct trace trace;
    char output[OUTPUT_MAX];
    size_t used;
    int idle;
    int processors_before;
    int processors; /* on which whoever slept last could go on */
    uint64_t seed;
} fixture;

static int processors(void)
{
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    return CPU_COUNT(&set);
}

static void keep_output(void *context, int fd, const void *data, size_t size)
{
    (void)context, (void)fd;
    assert_true(size < sizeof fixture.output - fixture.used);
    memcpy(fixture.output + fixture.used, data, size);
    fixture.used += size;
    fixture.output[fixture.used] = '\0';
}

static int setup(void **state)
{
    struct status_detail detail = {{0}};
    (void)state;
    fixture.processors_before = processors();
    assert_ok(redirect_new(&sockspec_target_program, &fixture.redirect, &detail), &detail);
    assert_ok(model_new(redirect_runner(fixture.redirect), &fixture.model, &detail), &detail);
    redirect_bind(fixture.redirect, fixture.model);
    model_set_console(fixture.model, keep_output, NULL);
    return trace_init(&fixture.trace, EVENTS_MAX) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct world *world = model_world(fixture.model);
    (void)state;
    world->ops->free(world);
    redirect_free(fixture.redirect);
    trace_done(&fixture.trace);
    return 0;
}

static enum world_next pass_time(void *context)
{
    struct world *world = context;
    fixture.processors = processors();
    if (++fixture.idle > IDLE_MAX) {
        return WORLD_STOP;
    }
    (void)world->ops->advance(world, ADVANCE_US, WAKEUPS);
    return WORLD_GO;
}

/* One run that ends as its argument says; the EXIT event. */
static const struct trace_event *run(const char *ending, uint64_t seed)
{
    static char name[] = "threaded";
    static char argument[32];
    (void)snprintf(argument, sizeof argument, "%s", ending);
    char *argv[] = {name, argument, NULL};
    struct world *world = model_world(fixture.model);
    struct world_target target = {.name = "threaded",
                                  .role = TRACE_ROLE_SERVER,
                                  .argc = 2,
                                  .argv = argv,
                                  .stop_signal = SIGTERM};
    struct world_hooks hooks = {.context = world, .on_idle = pass_time};
    struct status_detail detail = {{0}};
    fixture.used = 0;
    fixture.idle = 0;
    fixture.output[0] = '\0';
    trace_clear(&fixture.trace);
    world->ops->reset(world, &fixture.trace, seed);
    assert_ok(world->ops->run(world, &target, &hooks, &detail), &detail);
    for (uint32_t i = fixture.trace.count; i-- > 0;) {
        if (fixture.trace.events[i].kind == TRACE_EXIT) {
            return &fixture.trace.events[i];
        }
    }
    fail_msg("no EXIT in the trace");
    return NULL;
}

static void assert_printed(const char *line)
{
    if (strstr(fixture.output, line) == NULL) {
        fail_msg("missing: %sin: %s", line, fixture.output);
    }
}

static void threads_see_what_pthreads_promise(void **state)
{
    static const char *const lines[] = {
        "worker 0: tls 7 1\nworker 1: tls 8 1\nworker 2: tls 9 1\nworker 3: tls 10 1\n",
        "counter 200 once 1 destroyed 5 joined 5\n",
        "join again No such process\n",
        "main tls 7 0 specific 0\n",
        "recursive 0 0 then Operation not permitted\n",
        "checked Resource deadlock avoided\ntried Device or resource busy\n",
        "destroyed Device or resource busy\ndestroyed 0 0\n",
        "timedlock Connection timed out\ntimedrdlock Connection timed out\n",
        "timedwait -1 Connection timed out\n",
        "condition Connection timed out after 300 ms\ntryjoin Device or resource busy\n",
        "meeting readers 3 serial 1 counter 3\n",
        "cleanup inner\ncleanup outer\nleft with 1\n",
        "detached No such process\nself 1 deadlock Resource deadlock avoided\n",
        "processors 2 2 2 here 0 none: Invalid argument\n",
        "waited for signal 12\n",
        "handled by the other thread 1\n",
        "shared by another thread 0\n",
        "c11 42 timed out 1 busy 1\n",
    };
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        const struct trace_event *exit = run("everything", seed);
        for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
            assert_printed(lines[i]);
        }
        assert_int_equal(exit->what, TRACE_EXIT_RETURNED);
        assert_int_equal(exit->result, 0);
    }
}

/* A hand-over between processors waits until the other has come out of its idle state. */
static void threads_stay_on_one_processor_for_a_run(void **state)
{
    (void)state;
    (void)run("deaf", 1);
    assert_int_equal(fixture.processors, 1);
    assert_int_equal(processors(), fixture.processors_before);
}

static void threads_same_seed_runs_the_same(void **state)
{
    static struct trace_event events[EVENTS_MAX];
    static char output[OUTPUT_MAX];
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        (void)run("everything", seed);
        uint32_t count = fixture.trace.count;
        memcpy(events, fixture.trace.events, count * sizeof events[0]);
        memcpy(output, fixture.output, sizeof output);
        (void)run("deaf", seed + 100);
        (void)run("everything", seed);
        assert_string_equal(fixture.output, output);
        assert_int_equal(fixture.trace.count, count);
        assert_memory_equal(fixture.trace.events, events, count * sizeof events[0]);
    }
}

static void threads_seeds_choose_the_order(void **state)
{
    char first[OUTPUT_MAX];
    bool differs = false;
    (void)state;
    (void)run("everything", 0);
    memcpy(first, fixture.output, sizeof first);
    for (uint64_t seed = 1; seed < 10; seed++) {
        (void)run("everything", seed);
        differs |= strcmp(first, fixture.output) != 0;
    }
    assert_true(differs);
}

static void threads_each_waiting_for_another_deadlock(void **state)
{
    (void)state;
    const struct trace_event *exit = run("deadlock", 1);
    int waits = 0;
    assert_int_equal(exit->what, TRACE_EXIT_DEADLOCKED);
    assert_int_equal(exit->result, 2);
    for (uint32_t i = 0; i < fixture.trace.count; i++) {
        const struct trace_event *event = &fixture.trace.events[i];
        waits += event->kind == TRACE_THREAD && event->what == TRACE_THREAD_WAITS &&
                 event->b == TRACE_WAIT_MUTEX;
    }
    assert_int_equal(waits, 2);
    assert_int_equal(run("everything", 1)->what, TRACE_EXIT_RETURNED);
}

/* Threads that sleep when the program ends are left where they are, and their storage put back. */
static void threads_left_behind_end_with_the_program(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        const struct trace_event *exit = run("leave", seed);
        assert_int_equal(exit->what, TRACE_EXIT_RETURNED);
        assert_int_equal(exit->result, 0);
        exit = run("exit", seed);
        assert_int_equal(exit->what, TRACE_EXIT_RETURNED);
        assert_int_equal(exit->result, 5);
        (void)run("everything", seed);
        assert_printed("worker 0: tls 7 1\n");
    }
}

static void threads_outlive_main_that_exits_alone(void **state)
{
    (void)state;
    const struct trace_event *exit = run("main-exits", 1);
    assert_printed("the last thread speaks\n");
    assert_int_equal(exit->what, TRACE_EXIT_RETURNED);
    assert_int_equal(exit->result, 0);
}

static void threads_that_never_end_are_left(void **state)
{
    (void)state;
    assert_int_equal(run("deaf", 1)->what, TRACE_EXIT_JUMPED);
}

static void threads_cancelled_are_unsupported(void **state)
{
    (void)state;
    assert_int_equal(run("cancel", 1)->what, TRACE_EXIT_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_see_what_pthreads_promise),
        cmocka_unit_test(threads_stay_on_one_processor_for_a_run),
        cmocka_unit_test(threads_same_seed_runs_the_same),
        cmocka_unit_test(threads_seeds_choose_the_order),
        cmocka_unit_test(threads_each_waiting_for_another_deadlock),
        cmocka_unit_test(threads_left_behind_end_with_the_program),
        cmocka_unit_test(threads_outlive_main_that_exits_alone),
        cmocka_unit_test(threads_that_never_end_are_left),
        cmocka_unit_test(threads_cancelled_are_unsupported),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
