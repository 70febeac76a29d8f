/* The cases for stacks, played on a stack of ours and judged: none breaks a rule, each keeps those
 * that it is about, and every rule that a trace decides is kept by some case. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "oracle/stack_play.h"

static struct stack_play play;

static int open_play(void **state)
{
    (void)state;
    stack_play_open(&play);
    return 0;
}

static int close_play(void **state)
{
    (void)state;
    stack_play_close(&play);
    return 0;
}

/* Whether the world would take too long for a step of the case. */
static bool is_too_slow(const struct trace *trace)
{
    for (uint32_t i = 0; i < trace->count; i++) {
        if (trace->events[i].kind == TRACE_NOOP && trace->events[i].b == TRACE_NOOP_TOO_SLOW) {
            return true;
        }
    }
    return false;
}

/* Says what is wrong with a case that was played. Returns whether nothing is. */
static bool check(const struct suite_case *the_case, const struct oracle_judgement *judgement)
{
    char text[ORACLE_DETAIL_MAX];
    bool good = true;
    for (uint32_t i = 0; i < play.trace.count; i++) {
        const struct trace_event *event = &play.trace.events[i];
        if (event->kind == TRACE_NOOP) {
            print_error("%s: step %d has no effect\n", the_case->name, (int)event->a + 1);
            good = false;
        }
    }
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        bool meant = oracle_has(the_case->rules, rule);
        if (oracle_has(judgement->broken, rule) ||
            (meant && good && !oracle_has(judgement->kept, rule))) {
            print_error("%s: %s: %s\n", the_case->name, oracle_rules[rule].id,
                        oracle_detail(&judgement->verdicts[rule], &play.trace, text, sizeof text));
            good = false;
        }
    }
    return good;
}

static void cases_break_no_rule_and_keep_their_own(void **state)
{
    (void)state;
    uint64_t kept[ORACLE_WORDS] = {0};
    unsigned wrong = 0;
    unsigned slow = 0;
    for (uint32_t i = 0; i < play.cases.count; i++) {
        const struct oracle_judgement *judgement = stack_play_case(&play, &play.cases.cases[i]);
        if (is_too_slow(&play.trace)) {
            slow++;
            continue;
        }
        wrong += !check(&play.cases.cases[i], judgement);
        for (unsigned word = 0; word < ORACLE_WORDS; word++) {
            kept[word] |= judgement->kept[word];
        }
    }
    print_message("%u cases, %u of them too slow for this world\n", play.cases.count, slow);
    assert_int_equal(wrong, 0);
    for (unsigned rule = 0; slow == 0 && rule < ORACLE_RULE_COUNT; rule++) {
        if (oracle_rules[rule].on_stack != NULL && !oracle_has(kept, rule)) {
            print_error("%s: no case keeps it\n", oracle_rules[rule].id);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void there_are_at_least_150_cases_with_a_title_of_their_own(void **state)
{
    (void)state;
    assert_in_range(play.cases.count, 150, CASES_MAX);
    for (uint32_t i = 0; i < play.cases.count; i++) {
        const struct suite_case *mine = &play.cases.cases[i];
        assert_int_equal(mine->roles, 1U << TRACE_ROLE_STACK);
        assert_true((mine->rules[0] | mine->rules[1] | mine->rules[2]) != 0);
        for (uint32_t other = 0; other < i; other++) {
            assert_string_not_equal(mine->title, play.cases.cases[other].title);
            assert_false(scenario_equal(&mine->scenario, &play.cases.cases[other].scenario));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_break_no_rule_and_keep_their_own),
        cmocka_unit_test(there_are_at_least_150_cases_with_a_title_of_their_own),
    };
    return cmocka_run_group_tests(tests, open_play, close_play);
}
