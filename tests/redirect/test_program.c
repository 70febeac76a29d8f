/* Tests of running a linked program again and again: everything.c must see each run as the first.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/program.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

enum { OUTPUT_MAX = 16384 };

struct fixture {
    struct redirect *redirect;
    struct model *model;
    struct trace trace;
    char output[OUTPUT_MAX];
    size_t used;
};

static struct fixture fixture;

static void keep_output(void *context, int fd, const void *data, size_t size)
{
    struct fixture *at = context;
    (void)fd;
    assert_true(size <= sizeof at->output - at->used);
    memcpy(at->output + at->used, data, size);
    at->used += size;
}

static int setup(void **state)
{
    struct status_detail detail = {{0}};
    (void)state;
    assert_ok(redirect_new(&sockspec_target_program, &fixture.redirect, &detail), &detail);
    assert_ok(model_new(redirect_runner(fixture.redirect), &fixture.model, &detail), &detail);
    redirect_bind(fixture.redirect, fixture.model);
    model_set_console(fixture.model, keep_output, &fixture);
    return trace_init(&fixture.trace, 4096) == STATUS_OK ? 0 : -1;
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

static enum world_next stop(void *context)
{
    (void)context;
    return WORLD_STOP;
}

/* One run with `ending` as the last argument; the EXIT event. */
static const struct trace_event *run(const char *ending)
{
    static char name[] = "everything", a[] = "-a", b[] = "-b", value[] = "value";
    static char last[32];
    (void)snprintf(last, sizeof last, "%s", ending);
    char *argv[] = {name, a, b, value, last, NULL};
    struct world_target target = {.name = "everything",
                                  .role = TRACE_ROLE_SERVER,
                                  .argc = 5,
                                  .argv = argv,
                                  .stop_signal = SIGTERM};
    struct world_hooks hooks = {.on_idle = stop};
    struct world *world = model_world(fixture.model);
    struct status_detail detail = {{0}};
    fixture.used = 0;
    trace_clear(&fixture.trace);
    world->ops->reset(world, &fixture.trace, 1);
    assert_ok(world->ops->run(world, &target, &hooks, &detail), &detail);
    fixture.output[fixture.used] = '\0';
    for (uint32_t i = fixture.trace.count; i-- > 0;) {
        if (fixture.trace.events[i].kind == TRACE_EXIT) {
            return &fixture.trace.events[i];
        }
    }
    fail_msg("no EXIT in the trace");
    return NULL;
}

static void program_run_again_prints_and_does_the_same(void **state)
{
    static char first[OUTPUT_MAX];
    static struct trace_event events[4096];
    (void)state;
    (void)run("return");
    uint32_t count = fixture.trace.count;
    memcpy(first, fixture.output, sizeof first);
    memcpy(events, fixture.trace.events, count * sizeof events[0]);
    assert_true(count > 20);
    for (int i = 0; i < 3; i++) {
        (void)run("return");
        assert_string_equal(fixture.output, first);
        assert_int_equal(fixture.trace.count, count);
        assert_memory_equal(fixture.trace.events, events, count * sizeof events[0]);
    }
}

/* What a fresh process prints, line by line: the put-back state is the right one, not merely a
 * stable one. */
static void program_run_sees_a_fresh_process(void **state)
{
    static const char *const lines[] = {
        "data 5 5 bss 0 0 common 0 archived 10 constructed 3\n",
        "elsewhere 6\n",
        "tls 7 0 static 40 table first\n",
        "own error 402\n",
        "errno 0 optind 1 opterr 1\n",
        "option a -\noption b value\nrest return\n",
        "strtok one\n",
        "environment unset home\n",
        "locale C\n",
        "folder start pid 1000\n",
        "usr1 default pipe default blocked 0 alarm 0\n",
        "resolution 1000000 ns\n",
        "handled 10\n",
        "handled 11 then default\nhandled 211\n",
        "jumped with 0\n",
        "stream 3 byte 0\n",
        "line through a pipe\n",
        "unbuffered\n",
        "to stderr\n",
        "everything: a warning\n",
        "perror: No such file or directory\n---",
        "---long: No such file or directory\n",
        "end of input -1\n",
        "localhost 0 ::1 127.0.0.1\n",
        "nowhere Name or service not known\n",
        "heap never freed and 5\n",
        ("numbers put 1 got 1 x closed 0 0 again -1 bad ring -1 pid 1\n"),
        "atexit first\non_exit 6 argument\natexit 1\n"};
    (void)state;
    (void)run("exit");
    (void)run("return");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (strstr(fixture.output, lines[i]) == NULL) {
            fail_msg("missing: %sin: %s", lines[i], fixture.output);
        }
    }
}

static void assert_exit(const char *ending, enum trace_exit how, int64_t status)
{
    const struct trace_event *event = run(ending);
    assert_int_equal(event->what, how);
    assert_int_equal(event->result, status);
}

static void program_return_is_an_exit_with_its_status(void **state)
{
    (void)state;
    assert_exit("return", TRACE_EXIT_RETURNED, 6);
}

static void program_exit_and_errx_give_their_status(void **state)
{
    (void)state;
    assert_exit("exit", TRACE_EXIT_RETURNED, 3);
    assert_exit("_exit", TRACE_EXIT_RETURNED, 4);
    assert_exit("errx", TRACE_EXIT_RETURNED, 5);
    assert_non_null(strstr(fixture.output, "everything: gives up\n"));
}

static void program_abort_and_failed_assertion_are_aborts(void **state)
{
    (void)state;
    assert_exit("abort", TRACE_EXIT_ABORTED, SIGABRT);
    assert_exit("assert", TRACE_EXIT_ABORTED, SIGABRT);
    assert_non_null(strstr(fixture.output, "Assertion `bss_counter == -1' failed."));
}

static void program_killed_by_itself_is_killed_by_the_signal(void **state)
{
    (void)state;
    assert_exit("kill", TRACE_EXIT_SIGNALLED, SIGKILL);
}

static void program_that_forks_needs_another_world(void **state)
{
    (void)state;
    assert_exit("fork", TRACE_EXIT_UNSUPPORTED, 0);
    assert_exit("syscall", TRACE_EXIT_UNSUPPORTED, 0);
}

static void program_leaves_its_buffer_unwritten_at__exit(void **state)
{
    (void)state;
    assert_exit("buffer", TRACE_EXIT_RETURNED, 0);
    assert_null(strstr(fixture.output, "lost"));
    (void)run("return");
    assert_null(strstr(fixture.output, "lost"));
}

/* strdup, three streams less the closed one, and the two answers of getaddrinfo. */
static void program_heap_that_is_left_is_counted(void **state)
{
    (void)state;
    assert_int_equal(run("return")->b, 1 + 2 + 2);
}

static void program_leaves_the_surroundings_as_they_were(void **state)
{
    char folder[4096];
    (void)state;
    assert_non_null(getcwd(folder, sizeof folder));
    (void)run("return");
    char after[4096];
    assert_string_equal(getcwd(after, sizeof after), folder);
    assert_null(getenv("SOCKSPEC_TEST"));
    assert_non_null(getenv("HOME"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(program_run_again_prints_and_does_the_same),
        cmocka_unit_test(program_run_sees_a_fresh_process),
        cmocka_unit_test(program_return_is_an_exit_with_its_status),
        cmocka_unit_test(program_exit_and_errx_give_their_status),
        cmocka_unit_test(program_abort_and_failed_assertion_are_aborts),
        cmocka_unit_test(program_killed_by_itself_is_killed_by_the_signal),
        cmocka_unit_test(program_that_forks_needs_another_world),
        cmocka_unit_test(program_leaves_its_buffer_unwritten_at__exit),
        cmocka_unit_test(program_heap_that_is_left_is_counted),
        cmocka_unit_test(program_leaves_the_surroundings_as_they_were),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
