/* Each kind of nonsense that an adapter can answer ends the play with an error that names the
 * operation; a crash or a loop ends it as the trace tells; and the next play is as good as new. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "sockspec/stack.h"
#include "stack_fixture.h"

/* Every operation once. */
static void play(struct fixture *f)
{
    char bytes[8];
    int value = 0;
    uint32_t size = sizeof(value);
    struct world_name name;
    const struct world_ops *ops = f->ops;
    int listener = ops->app_socket(f->world, TRACE_HOST_TARGET);
    (void)ops->bind(f->world, listener, FIXTURE_PORT);
    (void)ops->listen(f->world, listener, 5);
    (void)ops->accept(f->world, listener);
    int s = ops->app_socket(f->world, TRACE_HOST_TARGET);
    (void)ops->app_connect(f->world, s, TRACE_HOST_PEER, FIXTURE_PORT);
    (void)ops->state(f->world, s);
    (void)ops->state(f->world, s);
    (void)ops->send(f->world, s, "hello", 5, 0);
    (void)ops->recv(f->world, s, bytes, sizeof(bytes), 0);
    (void)ops->poll(f->world, s);
    (void)ops->dup(f->world, s);
    (void)ops->app_name(f->world, s, false, &name);
    (void)ops->option_get(f->world, s, SOL_SOCKET, SO_ERROR, &value, &size);
    (void)ops->advance(f->world, 1000000, 1);
    ops->settle(f->world);
    (void)ops->close(f->world, s);
}

static const struct trace_event *exit_of(const struct fixture *f)
{
    for (uint32_t i = 0; i < f->trace.count; i++) {
        if (f->trace.events[i].kind == TRACE_EXIT) {
            return &f->trace.events[i];
        }
    }
    return NULL;
}

static void begin(struct fixture *f, const char *kind)
{
    assert_int_equal(setenv("NONSENSE", kind, 1), 0);
    fixture_open(f, NONSENSE_STACK);
}

static void answers_nonsense_error_names_operation(void **state)
{
    static const struct {
        const char *kind;
        const char *operation; /* behind "the adapter, " */
        const char *found;
    } kinds[] = {
        {"reset-fails", "reset", "Cannot allocate memory"},
        {"socket-range", "socket", "5000"},
        {"socket-twice", "socket", "open already"},
        {"bind-positive", "bind", "answered 7"},
        {"errno-range", "listen", "-70000"},
        {"state-of-listener", "state", "listened on"},
        {"accept-range", "accept", "1024"},
        {"output-no-ip", "on_output", "no whole IPv4 packet"},
        {"output-long", "on_output", "3000 bytes"},
        {"output-checksum", "on_output", "checksum"},
        {"inject-answers", "inject", "answering each other"},
        {"output-flood", "connect", "4096 packets"},
        {"state-unknown", "state", "99"},
        {"state-backwards", "state", "SYN-SENT cannot follow FIN-WAIT-2"},
        {"send-longer", "send", "answered 6"},
        {"recv-longer", "recv", "answered 9"},
        {"accept-exits", "accept", "ended with status 0"},
        {"accept-closes-all", "accept", "ended with status 0"},
        {"poll-bits", "poll", "0x10000"},
        {"dup-open", "dup", "open already"},
        {"names-elsewhere", "names", "9.0.0.0"},
        {"getsockopt-positive", "getsockopt", "answered 1"},
        {"advance-zero", "advance", "answered 0"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct fixture f;
        struct status_detail detail = {""};
        enum status status = STATUS_OK;
        char operation[64];
        begin(&f, kinds[i].kind);
        play(&f);
        bool ended = f.ops->ended(f.world, &status, &detail);
        (void)snprintf(operation, sizeof(operation),
                       "the adapter, %s, on the target's host:", kinds[i].operation);
        if (!ended || status == STATUS_OK || strstr(detail.text, operation) == NULL ||
            strstr(detail.text, kinds[i].found) == NULL) {
            print_error("%s: '%s', expected '%s … %s'\n", kinds[i].kind, detail.text, operation,
                        kinds[i].found);
            fail();
        }
        assert_null(exit_of(&f));
        fixture_close(&f);
    }
}

static void answers_sense_no_error(void **state)
{
    struct fixture f;
    struct status_detail detail = {""};
    enum status status = STATUS_OK;
    (void)state;
    begin(&f, "none");
    play(&f);
    assert_false(f.ops->ended(f.world, &status, &detail));
    assert_int_equal(status, STATUS_OK);
    fixture_close(&f);
}

/* The trace tells how the instance ended, and the next play has a new one. */
static void assert_ends(const char *kind, enum trace_exit how, int64_t result)
{
    struct fixture f;
    struct status_detail detail = {""};
    enum status status = STATUS_OK;
    begin(&f, kind);
    play(&f);
    assert_true(f.ops->ended(f.world, &status, &detail));
    assert_int_equal(status, STATUS_OK);
    assert_non_null(exit_of(&f));
    assert_int_equal(exit_of(&f)->what, how);
    assert_int_equal(exit_of(&f)->result, result);
    trace_clear(&f.trace);
    f.ops->reset(f.world, &f.trace, 1);
    assert_false(f.ops->ended(f.world, &status, &detail));
    assert_int_equal(f.ops->app_socket(f.world, TRACE_HOST_TARGET), 0);
    fixture_close(&f);
}

static void crashes_exit_traced(void **state)
{
    (void)state;
    assert_ends("recv-crashes", TRACE_EXIT_CRASHED, SIGABRT);
}
static void loops_hang_traced(void **state)
{
    (void)state;
    assert_ends("poll-loops", TRACE_EXIT_HUNG, 0);
}
static void sleeps_hang_traced(void **state)
{
    (void)state;
    assert_ends("send-sleeps", TRACE_EXIT_HUNG, 0);
}

static void path_without_program_error(void **state)
{
    struct fixture f;
    struct status_detail detail = {""};
    struct stack_about about;
    enum status status = STATUS_OK;
    (void)state;
    fixture_open(&f, "/nowhere/at/all");
    assert_true(f.ops->ended(f.world, &status, &detail));
    assert_int_equal(status, STATUS_ENVIRONMENT);
    assert_non_null(strstr(detail.text, "/nowhere/at/all"));
    fixture_close(&f);
    assert_int_equal(stack_about_read("/nowhere/at/all", &about, &detail), STATUS_ENVIRONMENT);
}

static void declared_without_function_error_names_operation(void **state)
{
    struct stack_about about;
    struct status_detail detail = {""};
    (void)state;
    assert_int_equal(stack_about_read(PROMISES_STACK, &about, &detail), STATUS_ENVIRONMENT);
    assert_non_null(strstr(detail.text, "it has no function poll"));
}

static void about_tells_operations(void **state)
{
    struct stack_about about;
    struct status_detail detail = {""};
    (void)state;
    assert_ok(stack_about_read(NONSENSE_STACK, &about, &detail), &detail);
    assert_string_equal(about.name, "nonsense");
    assert_int_equal(about.emulated, 1ULL << SOCKSPEC_STACK_POLL);
    assert_int_equal(about.absent >> SOCKSPEC_STACK_POLL & 1, 0);
    assert_int_equal(about.absent >> SOCKSPEC_STACK_SEND & 1, 0);
    assert_int_equal(about.absent >> SOCKSPEC_STACK_WATCH & 1, 1);
    assert_int_equal(about.absent >> SOCKSPEC_STACK_TCP_INFO & 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_nonsense_error_names_operation),
        cmocka_unit_test(answers_sense_no_error),
        cmocka_unit_test(crashes_exit_traced),
        cmocka_unit_test(loops_hang_traced),
        cmocka_unit_test(sleeps_hang_traced),
        cmocka_unit_test(path_without_program_error),
        cmocka_unit_test(declared_without_function_error_names_operation),
        cmocka_unit_test(about_tells_operations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
