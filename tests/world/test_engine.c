/* The engine on a world of recorded answers: the order of steps, places, the drain, restarts. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "fake_world.h"
#include "scenario/text.h"
#include "world/engine.h"

static struct fake_world fake;
static struct engine_result result;
static char story[FAKE_TEXT_MAX]; /* phases, steps and no-ops of the last play, in order */
static char said[FAKE_TEXT_MAX];  /* what the profile was told that the peers sent */
static enum trace_role judged;    /* the role of the target */

/* ---- A profile that only listens ---- */

static void profile_begin(const struct profile *profile, struct profile_state *state,
                          enum trace_role role, uint32_t ordinal)
{
    (void)profile;
    (void)state;
    (void)role;
    (void)ordinal;
}

static void profile_sent(const struct profile *profile, struct profile_state *state,
                         const uint8_t *data, size_t size, struct profile_sink *sink)
{
    (void)profile;
    (void)state;
    (void)sink;
    size_t used = strlen(said);
    (void)snprintf(said + used, sizeof(said) - used, "%.*s|", (int)size, (const char *)data);
}

static const struct profile listening = {
    .name = "listening", .begin = profile_begin, .sent = profile_sent};

/* ---- Playing ---- */

static void tell(const struct trace_event *event)
{
    size_t used = strlen(story);
    char *end = story + used;
    size_t room = sizeof(story) - used;
    switch (event->kind) {
    case TRACE_PHASE:
        (void)snprintf(end, room, "%s ", trace_phase_name((enum trace_phase)event->what));
        break;
    case TRACE_STEP:
        (void)snprintf(end, room, "step-%d ", (int)event->a);
        break;
    case TRACE_NOOP:
        (void)snprintf(end, room, "noop-%d-%d ", (int)event->a, (int)event->b);
        break;
    default:
        break;
    }
}

static void play_again_and_again(const char *text, uint32_t repeats)
{
    static struct scenario_text parsed;
    struct status_detail detail = {""};
    struct world_target target = {.name = "fake", .role = judged, .port = 7000};
    struct trace trace = {0};
    struct engine *engine = NULL;
    assert_ok(scenario_parse("steps", text, strlen(text), &parsed, &detail), &detail);
    assert_ok(trace_init(&trace, 1024), &detail);
    trace.header.role = judged;
    trace.header.idle_limit_us = 120000000;
    trace.header.repeats = repeats;
    assert_ok(engine_new(&fake.world, &engine, &detail), &detail);
    struct engine_play play = {.target = &target, .profile = &listening, .trace = &trace};
    assert_ok(engine_run(engine, &play, &parsed.scenario, &result, &detail), &detail);
    for (uint32_t i = 0; i < trace.count; i++) {
        tell(&trace.events[i]);
    }
    engine_free(engine);
    trace_done(&trace);
}

static void play(const char *text)
{
    play_again_and_again(text, 0);
}

/* Where a word stands in the log of operations; fails the test when it does not. */
static size_t place_of(const char *word)
{
    const char *at = strstr(fake.log, word);
    if (at == NULL) {
        fail_msg("'%s' is not in: %s", word, fake.log);
    }
    return (size_t)(at - fake.log);
}

static int setup(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof(fake));
    memset(story, 0, sizeof(story));
    memset(said, 0, sizeof(said));
    judged = TRACE_ROLE_SERVER;
    fake_world_init(&fake);
    return 0;
}

static void lay_down(unsigned run, const uint8_t *actions, size_t count)
{
    assert_true(run < FAKE_RUNS_MAX && count < FAKE_ACTIONS_MAX);
    memcpy(fake.actions[run], actions, count);
}

#define TARGET_DOES(run, ...)                                                                      \
    lay_down(run, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

#define DRAINED "played quiet stopping ended "

/* ---- Steps and places ---- */

static void steps_at_idle_are_played_in_order(void **state)
{
    (void)state;
    play("peer connect\npeer send \"ab\"\npeer shutdown write\npeer close\n");
    assert_string_equal(story, "started ready step-0 step-1 step-2 step-3 " DRAINED);
    assert_int_equal(place_of("run connect-0 send-0 shutdown-0 close-0 "), 0);
    assert_int_equal(result.steps_effective, 4);
    assert_int_equal(result.steps_noop, 0);
}

static void steps_are_played_as_often_as_the_header_says(void **state)
{
    (void)state;
    play_again_and_again("peer connect\npeer close\n", 3);
    assert_string_equal(story, "started ready step-0 step-1 step-0 step-1 step-0 step-1 " DRAINED);
    assert_int_equal(result.steps_effective, 6);
}

static void step_on_a_missing_socket_has_no_effect(void **state)
{
    (void)state;
    play("peer close\npeer connect\n");
    assert_string_equal(story, "started ready noop-0-0 step-1 " DRAINED);
    assert_int_equal(result.steps_effective, 1);
    assert_int_equal(result.steps_noop, 1);
}

static void step_before_a_call_is_played_at_its_entry(void **state)
{
    (void)state;
    TARGET_DOES(0, FAKE_SLEEP, SCENARIO_CALL_RECV, SCENARIO_CALL_SEND, SCENARIO_CALL_RECV,
                SCENARIO_CALL_RECV);
    play("peer connect\nbefore recv 2: peer close\n");
    assert_string_equal(story, "started ready step-0 step-1 " DRAINED);
    (void)place_of("call-recv call-send call-recv close-0 deliver call-recv ");
}

static void step_whose_call_never_came_is_a_noop(void **state)
{
    (void)state;
    TARGET_DOES(0, FAKE_SLEEP, SCENARIO_CALL_RECV, SCENARIO_CALL_SEND, FAKE_SLEEP);
    play("peer connect\nbefore recv 2: peer close\n");
    assert_string_equal(story, "started ready step-0 noop-1-1 " DRAINED);
    assert_int_equal(TRACE_NOOP_CALL_NEVER_CAME, 1);
    assert_int_equal(result.steps_noop, 1);
}

static void step_whose_target_ended_is_a_noop_of_that_reason(void **state)
{
    (void)state;
    TARGET_DOES(0, FAKE_SLEEP, FAKE_EXIT);
    play("peer connect\nbefore recv 1: peer close\n");
    assert_string_equal(story, "started ready step-0 noop-1-3 played ended ");
    assert_int_equal(TRACE_NOOP_TARGET_GONE, 3);
}

static void steps_of_one_place_are_played_together(void **state)
{
    (void)state;
    TARGET_DOES(0, FAKE_SLEEP, FAKE_SLEEP, FAKE_SLEEP, SCENARIO_CALL_RECV, SCENARIO_CALL_RECV);
    play("peer connect\npeer 1 connect\nbefore recv 1: peer close\n"
         "before recv 1: peer 1 close\n");
    assert_string_equal(story, "started ready step-0 step-1 step-2 step-3 " DRAINED);
    (void)place_of("call-recv close-0 close-1 deliver call-recv ");
}

static void steps_of_two_places_are_played_apart(void **state)
{
    (void)state;
    TARGET_DOES(0, FAKE_SLEEP, FAKE_SLEEP, FAKE_SLEEP, SCENARIO_CALL_RECV, SCENARIO_CALL_RECV,
                SCENARIO_CALL_SEND);
    play("peer connect\npeer 1 connect\nbefore recv 1: peer close\n"
         "before send 1: peer 1 close\n");
    (void)place_of("call-recv close-0 deliver call-recv call-send close-1 deliver ");
}

/* ---- Clients ---- */

static void accept_lets_time_pass_until_the_client_connects(void **state)
{
    (void)state;
    judged = TRACE_ROLE_CLIENT;
    fake.connects_at_us = 250000;
    play("peer accept\n");
    assert_string_equal(story, "started ready step-0 " DRAINED);
    assert_int_equal(place_of("run advance-100000 advance-100000 advance-100000 accept clear "), 0);
}

static void accept_of_a_client_that_stays_away_ends_after_a_second(void **state)
{
    (void)state;
    judged = TRACE_ROLE_CLIENT;
    play("peer accept\npeer 1 accept\n");
    assert_string_equal(story, "started ready noop-0-0 noop-1-0 " DRAINED);
    assert_int_equal(fake.now_us, 2 * 1000000 + 120000000);
}

/* ---- The drain ---- */

static void drain_phases_come_in_order(void **state)
{
    (void)state;
    play("peer connect\n");
    assert_string_equal(story, "started ready step-0 played quiet stopping ended ");
}

static void drain_lifts_then_closes_then_lets_time_pass(void **state)
{
    (void)state;
    play("peer connect\nwire hold to-peer\n");
    size_t held = place_of("hold-1-1 ");
    size_t cleared = place_of("clear free--1 cut-0-0 hold-0-0 cut-1-0 hold-1-0 lose-0 ");
    size_t closed = place_of("close-0 ");
    size_t waited = place_of("advance-120000000 ");
    assert_true(held < cleared && cleared < closed && closed < waited);
}

static void drain_that_stops_short_is_not_called_quiet(void **state)
{
    (void)state;
    fake.stops_short = true;
    play("peer connect\n");
    assert_string_equal(story, "started ready step-0 played broken off stopping ended ");
}

/* ---- Sending ---- */

static void partial_send_is_finished_later_in_order(void **state)
{
    (void)state;
    static const int64_t answers[] = {3, 2, -EAGAIN, 3};
    memcpy(fake.sends, answers, sizeof(answers));
    TARGET_DOES(0, FAKE_SLEEP, FAKE_SLEEP, FAKE_SLEEP, FAKE_WRITABLE, FAKE_SLEEP, FAKE_WRITABLE,
                FAKE_SLEEP);
    play("peer connect\npeer send \"abcdefgh\"\npeer shutdown write\n");
    assert_string_equal(fake.taken, "abc|de|fgh|");
    assert_string_equal(said, "abc|de|fgh|");
    assert_string_equal(story, "started ready step-0 step-1 step-2 " DRAINED);
    assert_int_equal(fake.sends_used, 4);
}

static void send_behind_a_partial_one_has_no_effect(void **state)
{
    (void)state;
    fake.sends[0] = 3;
    TARGET_DOES(0, FAKE_SLEEP, FAKE_SLEEP, FAKE_SLEEP, FAKE_SLEEP, FAKE_WRITABLE, FAKE_SLEEP);
    play("peer connect\npeer send \"abcde\"\npeer send \"xyz\"\n");
    assert_string_equal(fake.taken, "abc|de|");
    assert_string_equal(story, "started ready step-0 step-1 noop-2-0 " DRAINED);
}

/* ---- Restarts and faults ---- */

static void restart_runs_the_target_again_with_the_remaining_steps(void **state)
{
    (void)state;
    TARGET_DOES(1, FAKE_SLEEP, SCENARIO_CALL_ACCEPT);
    play("peer connect\ntarget restart\npeer 1 connect\nbefore accept 1: peer 1 close\n");
    assert_int_equal(fake.runs, 2);
    assert_string_equal(story, "started ready step-0 step-1 stopping "
                               "started ready step-2 step-3 " DRAINED);
    (void)place_of("run connect-1 call-accept close-1 ");
}

static void unused_fault_becomes_a_noop(void **state)
{
    (void)state;
    play("peer connect\nkernel short recv 3\n");
    assert_string_equal(story, "started ready step-0 step-1 played noop-1-1 quiet stopping ended ");
    assert_int_equal(result.steps_effective, 1);
    assert_int_equal(result.steps_noop, 1);
}

static void fault_that_struck_stays_a_step(void **state)
{
    (void)state;
    fake.struck = 1U << 1;
    play("peer connect\nkernel short recv 3\n");
    assert_string_equal(story, "started ready step-0 step-1 " DRAINED);
    assert_int_equal(result.steps_effective, 2);
    assert_int_equal(result.steps_noop, 0);
}

static void fault_that_the_kernel_refuses_is_not_allowed(void **state)
{
    (void)state;
    fake.arm_answer = -EINVAL;
    play("kernel short recv 3\n");
    assert_string_equal(story, "started ready noop-0-2 " DRAINED);
    assert_int_equal(TRACE_NOOP_NOT_ALLOWED, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(steps_at_idle_are_played_in_order, setup),
        cmocka_unit_test_setup(steps_are_played_as_often_as_the_header_says, setup),
        cmocka_unit_test_setup(step_on_a_missing_socket_has_no_effect, setup),
        cmocka_unit_test_setup(step_before_a_call_is_played_at_its_entry, setup),
        cmocka_unit_test_setup(step_whose_call_never_came_is_a_noop, setup),
        cmocka_unit_test_setup(step_whose_target_ended_is_a_noop_of_that_reason, setup),
        cmocka_unit_test_setup(steps_of_one_place_are_played_together, setup),
        cmocka_unit_test_setup(steps_of_two_places_are_played_apart, setup),
        cmocka_unit_test_setup(accept_lets_time_pass_until_the_client_connects, setup),
        cmocka_unit_test_setup(accept_of_a_client_that_stays_away_ends_after_a_second, setup),
        cmocka_unit_test_setup(drain_phases_come_in_order, setup),
        cmocka_unit_test_setup(drain_lifts_then_closes_then_lets_time_pass, setup),
        cmocka_unit_test_setup(drain_that_stops_short_is_not_called_quiet, setup),
        cmocka_unit_test_setup(partial_send_is_finished_later_in_order, setup),
        cmocka_unit_test_setup(send_behind_a_partial_one_has_no_effect, setup),
        cmocka_unit_test_setup(restart_runs_the_target_again_with_the_remaining_steps, setup),
        cmocka_unit_test_setup(unused_fault_becomes_a_noop, setup),
        cmocka_unit_test_setup(fault_that_struck_stays_a_step, setup),
        cmocka_unit_test_setup(fault_that_the_kernel_refuses_is_not_allowed, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
