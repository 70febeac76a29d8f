/* The tables, the canonical form, and the byte form step by step. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "scenario/code.h"
#include "support.h"

static struct scenario scenario;

static void verbs_all_have_a_word_and_a_help(void **state)
{
    (void)state;
    for (unsigned verb = 0; verb < SCENARIO_VERB_COUNT; verb++) {
        assert_non_null(scenario_verbs[verb].word);
        assert_non_null(scenario_verbs[verb].help);
        assert_true(scenario_verbs[verb].number_min <= scenario_verbs[verb].number_max);
    }
}

/* The text form looks up the verbs of an actor as one run of the table. */
static void verbs_of_an_actor_stand_together(void **state)
{
    (void)state;
    for (unsigned verb = 1; verb < SCENARIO_VERB_COUNT; verb++) {
        assert_true(scenario_verbs[verb].actor >= scenario_verbs[verb - 1].actor);
    }
}

static void names_out_of_range_are_question_marks(void **state)
{
    (void)state;
    assert_string_equal(scenario_call_name(SCENARIO_CALL_COUNT), "?");
    assert_string_equal(scenario_segment_name(SCENARIO_SEGMENT_COUNT), "?");
    assert_string_equal(scenario_payload_name(SCENARIO_PAYLOAD_COUNT), "?");
    assert_string_equal(scenario_errno_name(SCENARIO_ERRNO_COUNT), "?");
    assert_string_equal(scenario_signal_name(SCENARIO_SIGNAL_COUNT), "?");
    assert_string_equal(scenario_errno_name(SCENARIO_EMFILE), "EMFILE");
}

static void numbers_are_the_hosts(void **state)
{
    (void)state;
    assert_int_equal(scenario_errno_number(SCENARIO_EMFILE), EMFILE);
    assert_int_equal(scenario_errno_number(SCENARIO_ECONNRESET), ECONNRESET);
    assert_int_equal(scenario_signal_number(SCENARIO_SIGHUP), SIGHUP);
    assert_int_equal(scenario_signal_number(SCENARIO_SIGWINCH), SIGWINCH);
}

static struct scenario_step appended(struct scenario_step step)
{
    scenario_clear(&scenario);
    assert_int_equal(scenario_append(&scenario, &step, NULL), STATUS_OK);
    return scenario.steps[0];
}

static void append_zeroes_unused_fields(void **state)
{
    (void)state;
    struct scenario_step all;
    memset(&all, 0xFF, sizeof(all));
    all.verb = SCENARIO_KERNEL_CLEAR;
    all.place_call = SCENARIO_CALL_NONE;
    struct scenario_step stored = appended(all);
    const struct scenario_step expected = {.verb = SCENARIO_KERNEL_CLEAR};
    assert_memory_equal(&stored, &expected, sizeof(stored));
}

static void append_brings_numbers_into_range(void **state)
{
    (void)state;
    struct scenario_step stored =
        appended((struct scenario_step){.verb = SCENARIO_TIME_ADVANCE, .from = 4000000000U});
    assert_int_equal(stored.from, SCENARIO_TIME_MS_MAX);
    stored = appended((struct scenario_step){.verb = SCENARIO_TIME_ADVANCE});
    assert_int_equal(stored.from, 1);
    stored = appended((struct scenario_step){.verb = SCENARIO_PEER_SEND, .repeat = 1000});
    assert_int_equal(stored.repeat, SCENARIO_REPEAT_MAX);
    stored = appended((struct scenario_step){.verb = SCENARIO_PEER_RECV, .from = SCENARIO_ALL});
    assert_int_equal(stored.from, SCENARIO_ALL);
    stored = appended((struct scenario_step){.verb = SCENARIO_APP_RECV, .from = SCENARIO_ALL});
    assert_int_equal(stored.from, SCENARIO_AMOUNT_MAX);
}

static void append_turns_an_empty_slice_into_the_whole(void **state)
{
    (void)state;
    struct scenario_step stored = appended((struct scenario_step){
        .verb = SCENARIO_PEER_SEND, .what = SCENARIO_PAYLOAD_REQUEST, .from = 5, .to = 5});
    assert_int_equal(stored.from, 5);
    assert_int_equal(stored.to, SCENARIO_ALL);
    stored =
        appended((struct scenario_step){.verb = SCENARIO_PEER_SEND, .what = SCENARIO_PAYLOAD_NONE});
    assert_int_equal(stored.what, SCENARIO_PAYLOAD_REQUEST);
}

static void append_limits_calls_to_those_of_the_verb(void **state)
{
    (void)state;
    struct scenario_step stored =
        appended((struct scenario_step){.verb = SCENARIO_KERNEL_SHORT, .what = SCENARIO_CALL_SEND});
    assert_int_equal(stored.what, SCENARIO_CALL_SEND);
    for (unsigned what = 0; what < 256; what++) {
        stored =
            appended((struct scenario_step){.verb = SCENARIO_KERNEL_SHORT, .what = (uint8_t)what});
        assert_true(stored.what == SCENARIO_CALL_SEND || stored.what == SCENARIO_CALL_RECV);
    }
}

static void append_beyond_the_steps_leaves_the_scenario(void **state)
{
    (void)state;
    const struct scenario_step step = {.verb = SCENARIO_PEER_CONNECT};
    scenario_clear(&scenario);
    for (unsigned i = 0; i < SCENARIO_STEPS_MAX; i++) {
        assert_int_equal(scenario_append(&scenario, &step, NULL), STATUS_OK);
    }
    assert_int_equal(scenario_append(&scenario, &step, NULL), STATUS_LIMIT);
    assert_int_equal(scenario.count, SCENARIO_STEPS_MAX);
}

static void append_beyond_the_literals_leaves_the_scenario(void **state)
{
    (void)state;
    static const uint8_t bytes[SCENARIO_LITERAL_MAX] = {1, 2, 3};
    struct scenario_step step = {.verb = SCENARIO_PEER_SEND,
                                 .what = SCENARIO_PAYLOAD_LITERAL,
                                 .literal_size = SCENARIO_LITERAL_MAX};
    scenario_clear(&scenario);
    assert_int_equal(scenario_append(&scenario, &step, bytes), STATUS_OK);
    step.literal_size = 1;
    assert_int_equal(scenario_append(&scenario, &step, bytes), STATUS_LIMIT);
    assert_int_equal(scenario.count, 1);
    assert_int_equal(scenario.literal_used, SCENARIO_LITERAL_MAX);
}

static void append_run_moves_literals(void **state)
{
    (void)state;
    static struct scenario source;
    support_parse("peer send \"ab\"\npeer send \"cde\"\npeer close", &source);
    scenario_clear(&scenario);
    assert_int_equal(scenario_append_run(&scenario, &source, 1, 3, SCENARIO_STEPS_MAX), 2);
    assert_int_equal(scenario_append_run(&scenario, &source, 0, 3, 3), 1);
    static struct scenario expected;
    support_parse("peer send \"cde\"\npeer close\npeer send \"ab\"", &expected);
    assert_true(scenario_equal(&scenario, &expected));
    assert_true(scenario_valid(&scenario));
}

static void equal_sees_every_field(void **state)
{
    (void)state;
    static struct scenario other;
    support_parse("peer connect\npeer send \"abc\"", &scenario);
    scenario_copy(&other, &scenario);
    assert_true(scenario_equal(&scenario, &other));
    other.literal[1] = 'x';
    assert_false(scenario_equal(&scenario, &other));
    scenario_copy(&other, &scenario);
    other.steps[0].to = 7;
    assert_false(scenario_equal(&scenario, &other));
    scenario_copy(&other, &scenario);
    other.count = 1;
    assert_false(scenario_equal(&scenario, &other));
}

static void valid_refuses_what_is_not_canonical(void **state)
{
    (void)state;
    support_parse("peer connect\npeer send \"abc\"", &scenario);
    assert_true(scenario_valid(&scenario));
    scenario.steps[0].kind = 1;
    assert_false(scenario_valid(&scenario));
    support_parse("peer connect\npeer send \"abc\"", &scenario);
    scenario.literal_used = 4;
    assert_false(scenario_valid(&scenario));
}

/* ---- the byte form ---- */

static void decode_of_nothing_has_no_steps(void **state)
{
    (void)state;
    scenario_decode(NULL, 0, &scenario);
    assert_int_equal(scenario.count, 0);
    const uint8_t version[] = {SCENARIO_CODE_VERSION};
    scenario_decode(version, sizeof(version), &scenario);
    assert_int_equal(scenario.count, 0);
}

static void decode_of_an_unknown_version_is_the_current_one(void **state)
{
    (void)state;
    const uint8_t code[] = {0xEE, SCENARIO_PEER_CLOSE};
    scenario_decode(code, sizeof(code), &scenario);
    assert_int_equal(scenario.count, 1);
    assert_int_equal(scenario.steps[0].verb, SCENARIO_PEER_CLOSE);
}

static void decode_ignores_steps_in_excess(void **state)
{
    (void)state;
    uint8_t code[1 + SCENARIO_STEPS_MAX + 50];
    memset(code, SCENARIO_PEER_CLOSE, sizeof(code));
    scenario_decode(code, sizeof(code), &scenario);
    assert_int_equal(scenario.count, SCENARIO_STEPS_MAX);
}

static void decode_cuts_literals_to_what_is_there_and_fits(void **state)
{
    (void)state;
    const uint8_t cut[] = {SCENARIO_CODE_VERSION, SCENARIO_PEER_SEND, SCENARIO_PAYLOAD_LITERAL, 100,
                           'a'};
    scenario_decode(cut, sizeof(cut), &scenario);
    assert_int_equal(scenario.steps[0].literal_size, 1);
    static uint8_t large[8192];
    memcpy(large,
           (const uint8_t[]){SCENARIO_CODE_VERSION, SCENARIO_PEER_SEND, SCENARIO_PAYLOAD_LITERAL,
                             0x88, 0x27},
           5);
    scenario_decode(large, sizeof(large), &scenario);
    assert_int_equal(scenario.steps[0].literal_size, SCENARIO_LITERAL_MAX);
    assert_true(scenario_valid(&scenario));
}

static void encode_of_common_steps_is_short(void **state)
{
    (void)state;
    uint8_t code[SCENARIO_CODE_MAX];
    support_parse("peer connect\npeer send request\npeer close", &scenario);
    assert_in_range(scenario_encode(&scenario, code, sizeof(code)), 1, 1 + 7);
}

static void encode_into_little_keeps_whole_steps(void **state)
{
    (void)state;
    uint8_t code[SCENARIO_CODE_MAX];
    static struct scenario decoded;
    support_parse("peer close\npeer 2 send \"abcdef\"\npeer reset", &scenario);
    size_t whole = scenario_encode(&scenario, code, sizeof(code));
    unsigned count = 0;
    for (size_t size = 1; size <= whole; size++) {
        size_t length = scenario_encode(&scenario, code, size);
        assert_in_range(length, 1, size);
        scenario_decode(code, length, &decoded);
        assert_in_range(decoded.count, count, 3);
        count = decoded.count;
        for (unsigned i = 0; i < count; i++) {
            assert_memory_equal(&decoded.steps[i], &scenario.steps[i], sizeof(scenario.steps[i]));
        }
    }
    assert_int_equal(count, 3);
    assert_int_equal(scenario_encode(&scenario, code, 0), 0);
}

static void encode_of_the_largest_fits(void **state)
{
    (void)state;
    static uint8_t code[SCENARIO_CODE_MAX];
    static const uint8_t bytes[SCENARIO_LITERAL_MAX] = {0};
    struct scenario_step step = {.verb = SCENARIO_PEER_SEND,
                                 .id = 31,
                                 .place_call = SCENARIO_CALL_OPEN,
                                 .place_nth = 255,
                                 .what = SCENARIO_PAYLOAD_REQUEST,
                                 .kind = 1,
                                 .repeat = SCENARIO_REPEAT_MAX,
                                 .from = SCENARIO_AMOUNT_MAX - 1,
                                 .to = SCENARIO_AMOUNT_MAX};
    scenario_clear(&scenario);
    for (unsigned i = 0; i < SCENARIO_STEPS_MAX; i++) {
        bool literal = i == 0;
        step.what = literal ? SCENARIO_PAYLOAD_LITERAL : SCENARIO_PAYLOAD_REQUEST;
        step.literal_size = literal ? SCENARIO_LITERAL_MAX : 0;
        assert_int_equal(scenario_append(&scenario, &step, bytes), STATUS_OK);
    }
    size_t length = scenario_encode(&scenario, code, sizeof(code));
    static struct scenario decoded;
    scenario_decode(code, length, &decoded);
    assert_true(scenario_equal(&scenario, &decoded));
    assert_true(support_laws_hold(&scenario));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verbs_all_have_a_word_and_a_help),
        cmocka_unit_test(verbs_of_an_actor_stand_together),
        cmocka_unit_test(names_out_of_range_are_question_marks),
        cmocka_unit_test(numbers_are_the_hosts),
        cmocka_unit_test(append_zeroes_unused_fields),
        cmocka_unit_test(append_brings_numbers_into_range),
        cmocka_unit_test(append_turns_an_empty_slice_into_the_whole),
        cmocka_unit_test(append_limits_calls_to_those_of_the_verb),
        cmocka_unit_test(append_beyond_the_steps_leaves_the_scenario),
        cmocka_unit_test(append_beyond_the_literals_leaves_the_scenario),
        cmocka_unit_test(append_run_moves_literals),
        cmocka_unit_test(equal_sees_every_field),
        cmocka_unit_test(valid_refuses_what_is_not_canonical),
        cmocka_unit_test(decode_of_nothing_has_no_steps),
        cmocka_unit_test(decode_of_an_unknown_version_is_the_current_one),
        cmocka_unit_test(decode_ignores_steps_in_excess),
        cmocka_unit_test(decode_cuts_literals_to_what_is_there_and_fits),
        cmocka_unit_test(encode_of_common_steps_is_short),
        cmocka_unit_test(encode_into_little_keeps_whole_steps),
        cmocka_unit_test(encode_of_the_largest_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
