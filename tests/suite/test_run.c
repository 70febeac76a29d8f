/* Running cases: on a world that is the model's in most things and, for the rest, what the test
 * wants. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "model/model.h"
#include "suite/glance.h"
#include "suite/run.h"
#include "world/world.h"

enum {
    CASES = 12,
    TOLD_MAX = 1 << 16,
    PLAYERS = 3,
    RESTS = 2 /* at its second rest a server that stops listening does so */
};

/* What the target of the fake world does. */
enum behaviour {
    SERVES,
    STOPS_LISTENING,
    ENDS_AT_ONCE,
    CANNOT_BE_RUN,
    SLEEPS,
    FLOODS_FIRST,
    NEEDS_MORE,
    FLOODS_LAST,
    ENDS_WITH_THE_NEXT /* once asked to stop, it sleeps until another one has begun */
};

/* ---- A world ---- */

static enum behaviour behaviour;
static const char *role = "server";
static bool observers_lack;
static bool drains_in_vain;
static const struct world_ops *model_ops;
static struct world_ops fake_ops;

static bool never_advance(struct world *world, int64_t us, uint32_t wakeups_max)
{
    (void)world;
    (void)us;
    (void)wakeups_max;
    return false;
}

static bool ran_on(struct world *world)
{
    (void)world;
    return !drains_in_vain;
}

static const char *absent(struct world *world)
{
    (void)world;
    return observers_lack ? "calls are not seen: ptrace was refused" : NULL;
}

static struct trace *fake_trace;

/* ENDS_WITH_THE_NEXT: which run this is, in memory that all players share, and what tells the first
 * that there is a second. */
enum { NEXT_LIMIT_MS = 10000 };
static struct meeting {
    atomic_int runs;
    atomic_bool met;
} * meeting;
static int meeting_place[2];

static void meet_the_next(const struct world_hooks *hooks)
{
    struct pollfd news = {.fd = meeting_place[0], .events = POLLIN};
    if (atomic_fetch_add(&meeting->runs, 1) > 0) {
        assert_true(write(meeting_place[1], "", 1) == 1);
        return;
    }
    hooks->on_rest(hooks->context, true);
    atomic_store(&meeting->met, poll(&news, 1, NEXT_LIMIT_MS) == 1);
}

static void fake_reset(struct world *world, struct trace *trace, uint64_t seed)
{
    fake_trace = trace;
    model_ops->reset(world, trace, seed);
}

/* What a server does that fills its log when it is out of descriptors: ACC-12. */
static void flood(void)
{
    for (int i = 0; i < 200; i++) {
        struct trace_event *event = trace_add(fake_trace, TRACE_CALL, TRACE_HOST_TARGET);
        event->what = TRACE_CALL_ACCEPT4;
        event->fd = 4;
        event->result = -1;
        event->err = EMFILE;
        event = trace_add(fake_trace, TRACE_OUTPUT, TRACE_HOST_TARGET);
        event->fd = 2;
        event->a = 20;
    }
}

/* A server made of a scripted socket. */
static enum status fake_run(struct world *world, const struct world_target *target,
                            struct world_hooks *hooks, struct status_detail *detail)
{
    if (behaviour == CANNOT_BE_RUN) {
        return status_fail(detail, STATUS_ENVIRONMENT, "no such luck");
    }
    if (behaviour == SLEEPS) {
        (void)usleep(1000000);
    }
    struct trace_event *event = NULL;
    int rests = 0;
    if (behaviour != ENDS_AT_ONCE) {
        int listener = model_ops->socket(world, TRACE_HOST_TARGET);
        assert_int_equal(model_ops->bind(world, listener, target->port), 0);
        assert_int_equal(model_ops->listen(world, listener, 8), 0);
        if (behaviour == FLOODS_FIRST) {
            flood();
        }
        while (hooks->on_idle(hooks->context) == WORLD_GO) {
            model_ops->settle(world);
            if (behaviour == STOPS_LISTENING && ++rests == RESTS) {
                (void)model_ops->close(world, listener);
                model_ops->settle(world);
            }
        }
        if (behaviour == ENDS_WITH_THE_NEXT) {
            meet_the_next(hooks);
        }
        if (behaviour == NEEDS_MORE) {
            event = trace_add(fake_trace, TRACE_UNSUPPORTED, TRACE_HOST_TARGET);
            event->what = TRACE_CALL_SYSCALL;
            event->result = 1;
        }
        if (behaviour == FLOODS_LAST || behaviour == NEEDS_MORE) {
            flood();
        }
    } else {
        static const char complaint[] = "cannot bind: no luck\n";
        assert_true(write(STDOUT_FILENO, complaint, sizeof(complaint) - 1) > 0);
    }
    event = trace_add(fake_trace, TRACE_EXIT, TRACE_HOST_TARGET);
    event->what = TRACE_EXIT_RETURNED;
    event->result = behaviour == ENDS_AT_ONCE ? 3 : 0;
    return STATUS_OK;
}

static enum status open_fake(void *context, struct world **ret_world, struct status_detail *detail)
{
    (void)context;
    struct model *model = NULL;
    enum status status = model_new(NULL, &model, detail);
    if (status != STATUS_OK) {
        return status;
    }
    struct world *world = model_world(model);
    model_ops = world->ops;
    fake_ops = *model_ops;
    fake_ops.run = fake_run;
    fake_ops.reset = fake_reset;
    fake_ops.advance = never_advance;
    fake_ops.ran_on = ran_on;
    fake_ops.absent = absent;
    world->ops = &fake_ops;
    *ret_world = world;
    return STATUS_OK;
}

/* ---- What is told ---- */

static char told[TOLD_MAX];
static volatile sig_atomic_t stopped;
static bool stops_after_one; /* the first case that is told is the last one */

static void tell(const char *first, const char *second, const char *third)
{
    size_t used = strlen(told);
    (void)snprintf(told + used, sizeof(told) - used, "%s %s %s\n", first, second, third);
}

static enum status on_begin(struct report_sink *sink, const struct report_target *target,
                            struct status_detail *detail)
{
    (void)sink;
    (void)target;
    (void)detail;
    return STATUS_OK;
}

static enum status on_case(struct report_sink *sink, const struct report_case *the_case,
                           struct status_detail *detail)
{
    (void)sink;
    (void)the_case;
    (void)detail;
    return STATUS_OK;
}

static enum status on_verdict(struct report_sink *sink, const struct report_case *the_case,
                              const struct report_verdict *verdict, struct status_detail *detail)
{
    (void)sink;
    (void)detail;
    if (strcmp(verdict->rule, "ACC-12") == 0 || strcmp(verdict->rule, SUITE_RULE_CASE) == 0 ||
        verdict->grade == GRADE_FAIL) {
        tell(the_case->name, grade_name(verdict->grade),
             verdict->detail != NULL ? verdict->detail : "");
    }
    return STATUS_OK;
}

static enum status on_case_end(struct report_sink *sink, const struct report_case *the_case,
                               struct status_detail *detail)
{
    tell(the_case->name, "is told", "");
    stopped = stops_after_one;
    return on_case(sink, the_case, detail);
}

static enum status on_notice(struct report_sink *sink, const char *text,
                             struct status_detail *detail)
{
    (void)sink;
    (void)detail;
    tell("note", text, "");
    return STATUS_OK;
}

static enum status on_end(struct report_sink *sink, const struct report_summary *summary,
                          struct status_detail *detail)
{
    (void)sink;
    (void)summary;
    (void)detail;
    return STATUS_OK;
}

static void on_free(struct report_sink *sink)
{
    (void)sink;
}

/* ---- A suite ---- */

static struct subject subject;
static struct suite_case all_cases[CASES];
static struct suite_result result;

/* Runs so many cases `server/0` … with this scenario, on so many players. */
static enum status run_suite(const char *scenario, unsigned count, unsigned player_count,
                             struct player_limits limits)
{
    const struct sockspec_program program = {.name = "fake", .role = role, .profile = "echo"};
    static const struct report_sink_operations operations = {
        on_begin, on_case, on_verdict, on_case_end, on_notice, on_end, on_free};
    static struct report_sink sink = {&operations};
    struct status_detail detail = {""};
    struct player *players[PLAYERS] = {NULL};
    struct oracle *oracle = NULL;
    struct report report = {0};
    char text[512];
    told[0] = '\0';
    assert_ok(subject_open(&subject, &program, &detail), &detail);
    (void)snprintf(text, sizeof(text), "title \"one\"\nrules ACC-12\n\n%s", scenario);
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "server/%u", i);
        assert_ok(cases_parse("test", name, text, strlen(text), &all_cases[i], &detail), &detail);
        all_cases[i].roles = UINT32_MAX;
    }
    const struct cases cases = {.cases = all_cases, .count = count};
    const struct player_setup player = {
        .target = &subject.target, .profile = subject.profile, .open = open_fake, .limits = limits};
    for (unsigned i = 0; i < player_count; i++) {
        assert_ok(player_new(&player, &players[i], &detail), &detail);
    }
    assert_ok(oracle_new(&oracle, &detail), &detail);
    assert_ok(report_add(&report, &sink), &detail);
    const struct suite_setup setup = {.subject = &subject,
                                      .player = players[0],
                                      .players = players,
                                      .player_count = player_count,
                                      .at_once = behaviour == ENDS_WITH_THE_NEXT ? 1 : 0,
                                      .oracle = oracle,
                                      .report = &report,
                                      .replay_options = " --target fake",
                                      .stopped = &stopped};
    stopped = 0;
    report_begin(&report, &(struct report_target){.name = "fake", .world = "fake"});
    enum status status = suite_run(&setup, &cases, &result, &detail);
    assert_ok(report_end(&report, -1, &detail), &detail);
    report_done(&report);
    oracle_free(oracle);
    for (unsigned i = 0; i < player_count; i++) {
        player_free(players[i]);
    }
    return status;
}

static void assert_told(const char *part)
{
    if (strstr(told, part) == NULL) {
        print_error("'%s' is not in:\n%s\n", part, told);
        fail();
    }
}

static unsigned told_times(const char *part)
{
    unsigned count = 0;
    for (const char *at = told; (at = strstr(at, part)) != NULL; at++) {
        count++;
    }
    return count;
}

/* ---- The tests ---- */

static void step_that_the_world_refuses_as_too_slow_skips_the_case(void **state)
{
    (void)state;
    behaviour = SERVES;
    assert_int_equal(run_suite("time advance 60s\n", 1, 1, (struct player_limits){0}), STATUS_OK);
    assert_told("server/0 SKIP 'time advance 1m'");
    assert_told("--slow");
}

static void step_on_a_connection_that_was_not_taken_is_known(void **state)
{
    (void)state;
    behaviour = SERVES;
    assert_int_equal(run_suite("wire cut both\npeer connect\npeer send \"x\"\n", 1, 1,
                               (struct player_limits){0}),
                     STATUS_OK);
    assert_told("server/0 ERROR step 2 'peer send \"x\"' had no effect");
    struct trace_event events[] = {
        {.kind = TRACE_STEP, .what = SCENARIO_PEER_CONNECT, .fd = 1},
        {.kind = TRACE_PEER, .what = TRACE_PEER_CONNECTED, .fd = 2},
        {.kind = TRACE_NOOP, .what = SCENARIO_PEER_SEND, .fd = 1},
    };
    struct trace trace = {.events = events, .count = 3};
    trace.header.role = TRACE_ROLE_SERVER;
    assert_true(glance_was_not_taken(&trace, &events[2]));
    events[1].fd = 1;
    assert_false(glance_was_not_taken(&trace, &events[2]));
    events[1] = (struct trace_event){.kind = TRACE_STEP, .what = SCENARIO_WIRE_CUT};
    assert_false(glance_was_not_taken(&trace, &events[2]));
}

static void step_at_a_call_that_came_before_it_is_known(void **state)
{
    (void)state;
    behaviour = SERVES;
    assert_int_equal(
        run_suite("peer connect\nbefore close: peer reset\n", 1, 1, (struct player_limits){0}),
        STATUS_OK);
    assert_told("server/0 ERROR step 1 'before close 1: peer reset' had no effect");
    struct trace_event events[] = {
        {.kind = TRACE_PEER, .what = TRACE_PEER_CONNECTED, .fd = 1, .conn = 7},
        {.kind = TRACE_STATE, .what = TCP_FIN_WAIT_1, .host = TRACE_HOST_TARGET, .conn = 7},
        {.kind = TRACE_NOOP, .what = SCENARIO_PEER_RESET, .fd = 1, .b = TRACE_NOOP_CALL_NEVER_CAME},
    };
    struct trace trace = {.events = events, .count = 3};
    assert_true(glance_had_closed_first(&trace, &events[2]));
    events[1].what = TCP_CLOSE_WAIT;
    assert_false(glance_had_closed_first(&trace, &events[2]));
    events[1] = (struct trace_event){
        .kind = TRACE_STATE, .what = TCP_FIN_WAIT_1, .host = TRACE_HOST_PEER, .conn = 7};
    assert_false(glance_had_closed_first(&trace, &events[2]));
}

static void step_after_a_client_has_ended_skips_the_case(void **state)
{
    (void)state;
    behaviour = ENDS_AT_ONCE;
    assert_int_equal(run_suite("peer accept\n", 1, 1, (struct player_limits){0}), STATUS_OK);
    assert_told("server/0 ERROR the server ended with status 3 before it listened");
    role = "client";
    assert_int_equal(run_suite("peer accept\n", 1, 1, (struct player_limits){0}), STATUS_OK);
    role = "server";
    assert_told(
        "server/0 SKIP 'peer accept': the client had ended by then; 'runs' in its manifest");
}

static void step_on_a_connection_that_the_target_reset_skips_the_case(void **state)
{
    static const char scenario[] = "peer connect\npeer stall\npeer send \"x\"\n";
    (void)state;
    behaviour = STOPS_LISTENING;
    assert_int_equal(run_suite(scenario, 1, 1, (struct player_limits){0}), STATUS_OK);
    assert_told("server/0 SKIP 'peer send \"x\"': the target had reset the connection by then");
    behaviour = SERVES;
    assert_int_equal(
        run_suite("peer connect\npeer reset\npeer send \"x\"\n", 1, 1, (struct player_limits){0}),
        STATUS_OK);
    assert_told("server/0 ERROR step 2 'peer send \"x\"' had no effect");
}

static void what_was_broken_before_a_step_that_is_too_slow_stands(void **state)
{
    (void)state;
    behaviour = FLOODS_FIRST;
    assert_int_equal(run_suite("time advance 60s\n", 1, 1, (struct player_limits){0}), STATUS_OK);
    assert_told("server/0 FAIL");
    behaviour = FLOODS_LAST;
    assert_int_equal(run_suite("time advance 60s\n", 1, 1, (struct player_limits){0}), STATUS_OK);
    assert_told("server/0 SKIP 'time advance 1m'");
    assert_int_equal(told_times("FAIL"), 0);
}

static void nothing_is_judged_from_a_call_on_that_the_world_lacks(void **state)
{
    (void)state;
    behaviour = NEEDS_MORE;
    assert_int_equal(run_suite("peer connect\n", 1, 1, (struct player_limits){0}), STATUS_OK);
    assert_told("server/0 ERROR the target needs what the model does not have: "
                "syscall is not supported here (0, 0); the run ends: try --world linux");
    assert_int_equal(told_times("FAIL"), 0);
}

static void drain_without_end_skips_what_asks_for_it(void **state)
{
    (void)state;
    behaviour = SERVES;
    drains_in_vain = true;
    assert_int_equal(run_suite("peer connect\n", 1, 1, (struct player_limits){0}), STATUS_OK);
    drains_in_vain = false;
    assert_told("server/0 SKIP when the peers had closed it still held something");
    assert_told("120 s of real time to see: --slow");
}

static void several_players_tell_in_the_order_of_the_cases(void **state)
{
    (void)state;
    behaviour = SERVES;
    assert_int_equal(
        run_suite("peer connect\npeer close\n", CASES, PLAYERS, (struct player_limits){0}),
        STATUS_OK);
    static char several[TOLD_MAX];
    memcpy(several, told, sizeof(several));
    assert_int_equal(result.played, CASES);
    assert_int_equal(run_suite("peer connect\npeer close\n", CASES, 1, (struct player_limits){0}),
                     STATUS_OK);
    assert_string_equal(told, several);
    assert_told("server/5");
}

static void case_that_waits_for_an_end_lets_another_play(void **state)
{
    (void)state;
    behaviour = ENDS_WITH_THE_NEXT;
    meeting =
        mmap(NULL, sizeof(*meeting), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(meeting, MAP_FAILED);
    assert_int_equal(pipe(meeting_place), 0);
    assert_int_equal(run_suite("peer connect\npeer close\n", 2, PLAYERS, (struct player_limits){0}),
                     STATUS_OK);
    assert_int_equal(result.played, 2);
    assert_true(atomic_load(&meeting->met));
    (void)close(meeting_place[0]);
    (void)close(meeting_place[1]);
    (void)munmap(meeting, sizeof(*meeting));
}

static void server_that_ends_before_it_listens_is_an_error_with_its_words(void **state)
{
    (void)state;
    behaviour = ENDS_AT_ONCE;
    for (unsigned players = 1; players <= PLAYERS; players += PLAYERS - 1) {
        assert_int_equal(
            run_suite("peer connect\npeer close\n", CASES, players, (struct player_limits){0}),
            STATUS_OK);
        assert_told("server/0 ERROR the server ended with status 3 before it listened\nit wrote:\n"
                    "cannot bind: no luck");
        assert_told("further cases were not tried");
        assert_int_equal(result.played, 0);
        assert_true(result.failures >= SUITE_FAILURES_MAX && result.failures < CASES);
    }
}

static void world_that_cannot_play_is_given_up(void **state)
{
    (void)state;
    behaviour = CANNOT_BE_RUN;
    assert_int_equal(run_suite("peer connect\n", CASES, 1, (struct player_limits){0}),
                     STATUS_ENVIRONMENT);
    assert_int_equal(told_times("ERROR no such luck"), SUITE_FAILURES_MAX);
    assert_told("note 9 further cases were not tried");
}

static void observers_that_are_absent_are_named_once(void **state)
{
    (void)state;
    behaviour = SERVES;
    observers_lack = true;
    assert_int_equal(run_suite("peer connect\npeer close\n", CASES, 1, (struct player_limits){0}),
                     STATUS_OK);
    observers_lack = false;
    assert_int_equal(told_times("note calls are not seen: ptrace was refused"), 1);
}

static void interrupted_suite_tells_what_was_played(void **state)
{
    (void)state;
    behaviour = SERVES;
    stops_after_one = true;
    for (unsigned player_count = 1; player_count <= PLAYERS; player_count++) {
        enum status status =
            run_suite("peer connect\n", CASES, player_count, (struct player_limits){0});
        char notice[64];
        (void)snprintf(notice, sizeof(notice), "note interrupted: %d further cases were not tried",
                       CASES - 1);
        assert_int_equal(status, STATUS_OK);
        assert_int_equal(told_times("is told"), 1);
        assert_told("server/0 is told");
        assert_told(notice);
    }
    stops_after_one = false;
}

static void play_asleep_beyond_its_limit_hangs(void **state)
{
    (void)state;
    behaviour = SLEEPS;
    assert_int_equal(run_suite("peer connect\n", 1, 1, (struct player_limits){.asleep_ms = 200}),
                     STATUS_OK);
    assert_int_equal(result.played, 1);
    assert_told("server/0 FAIL ");
    assert_told("hung");
}

static void play_in_real_time_may_sleep_through_the_idle_limit(void **state)
{
    (void)state;
    behaviour = SLEEPS;
    const struct player_limits limits = {.asleep_ms = 200, .real_time = true};
    assert_int_equal(run_suite("peer connect\npeer close\n", 1, 1, limits), STATUS_OK);
    assert_int_equal(result.played, 1);
    assert_int_equal(told_times("FAIL"), 0);
}

/* What a server did in one life after the other, a letter each: S it is started, L listens, E wants
 * a descriptor in vain, R is ready, K is sent a signal, A is asked to stop; then it exits. */
static const char *end_rule_after(const char *deeds)
{
    struct trace trace;
    assert_int_equal(trace_init(&trace, 32), STATUS_OK);
    trace.header.role = TRACE_ROLE_SERVER;
    for (; *deeds != '\0'; deeds++) {
        struct trace_event event = {.host = TRACE_HOST_TARGET, .kind = TRACE_PHASE};
        switch (*deeds) {
        case 'S':
            event.what = TRACE_PHASE_STARTED;
            break;
        case 'R':
            event.what = TRACE_PHASE_READY;
            break;
        case 'A':
            event.what = TRACE_PHASE_STOPPING;
            break;
        case 'L':
            event.kind = TRACE_STATE;
            event.what = TCP_LISTEN;
            break;
        case 'E':
            event.kind = TRACE_CALL;
            event.what = TRACE_CALL_SOCKET;
            event.err = EMFILE;
            break;
        default:
            event.kind = TRACE_SIGNAL;
        }
        trace.events[trace.count++] = event;
    }
    trace_add(&trace, TRACE_EXIT, TRACE_HOST_TARGET)->what = TRACE_EXIT_RETURNED;
    const char *rule = suite_end_rule(&trace);
    trace_done(&trace);
    return rule;
}

static void server_ends_unasked_only_where_nothing_made_it(void **state)
{
    static const char *const unasked[] = {"SLR", "SL", "SLRE", "SLRASLR", "SLRKSLR", "SESLR"};
    static const char *const excused[] = {"S",    "SE",   "SLE",   "SLRA",
                                          "SLRK", "SLRS", "SLRSE", "SLRSLE"};
    (void)state;
    for (size_t i = 0; i < sizeof(unasked) / sizeof(unasked[0]); i++) {
        const char *rule = end_rule_after(unasked[i]);
        if (rule == NULL || strcmp(rule, SUITE_RULE_EXIT) != 0) {
            fail_msg("%s: %s", unasked[i], rule == NULL ? "nothing" : rule);
        }
    }
    for (size_t i = 0; i < sizeof(excused) / sizeof(excused[0]); i++) {
        if (end_rule_after(excused[i]) != NULL) {
            fail_msg("%s: unasked", excused[i]);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(step_that_the_world_refuses_as_too_slow_skips_the_case),
        cmocka_unit_test(step_on_a_connection_that_was_not_taken_is_known),
        cmocka_unit_test(step_at_a_call_that_came_before_it_is_known),
        cmocka_unit_test(step_after_a_client_has_ended_skips_the_case),
        cmocka_unit_test(step_on_a_connection_that_the_target_reset_skips_the_case),
        cmocka_unit_test(server_ends_unasked_only_where_nothing_made_it),
        cmocka_unit_test(what_was_broken_before_a_step_that_is_too_slow_stands),
        cmocka_unit_test(nothing_is_judged_from_a_call_on_that_the_world_lacks),
        cmocka_unit_test(drain_without_end_skips_what_asks_for_it),
        cmocka_unit_test(several_players_tell_in_the_order_of_the_cases),
        cmocka_unit_test(case_that_waits_for_an_end_lets_another_play),
        cmocka_unit_test(server_that_ends_before_it_listens_is_an_error_with_its_words),
        cmocka_unit_test(world_that_cannot_play_is_given_up),
        cmocka_unit_test(observers_that_are_absent_are_named_once),
        cmocka_unit_test(interrupted_suite_tells_what_was_played),
        cmocka_unit_test(play_asleep_beyond_its_limit_hangs),
        cmocka_unit_test(play_in_real_time_may_sleep_through_the_idle_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
