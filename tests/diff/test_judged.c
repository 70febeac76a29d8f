/* The rules that bind stacks, on made-up scenarios: whatever is forged, lost or disconnected there,
 * a stack that does nothing wrong breaks none of them. The file that is linked in says on which
 * world they are played.
 *
 * test_judged_WORLD COUNT SEED         the test
 * test_judged_WORLD COUNT SEED count   how often each rule was kept and broken
 * test_judged_WORLD COUNT SEED RULE    the first scenario that breaks RULE, made small */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "diff/generate.h"
#include "oracle/stack_play.h"
#include "scenario/shrink.h"
#include "scenario/text.h"

enum {
    EVENTS = 1 << 14,
    DETAIL = 1024,
    STEPS_MIN = 25, /* of a scenario, as `sockspec diff` makes them */
    STEPS_MAX = 45
};

/* Which scenarios are made up. */
struct wanted {
    uint64_t count;
    uint64_t seed;
    const char *rule; /* only of interest if broken; NULL: all */
};

struct judged {
    struct world *world;
    struct engine *engine;
    struct oracle *oracle;
    struct trace trace;                       /* of the newest play */
    struct oracle_verdict broken;             /* of the newest play, if it broke a rule */
    uint64_t keeps[ORACLE_RULE_COUNT];        /* plays that kept it */
    uint64_t breaks[ORACLE_RULE_COUNT];       /* plays that broke it, under either rule set */
    uint64_t breaks_posix[ORACLE_RULE_COUNT]; /* of these under the rule set posix */
    uint64_t first_number[ORACLE_RULE_COUNT]; /* of a scenario that broke it */
    char detail[ORACLE_RULE_COUNT][DETAIL];   /* of that verdict */
};

static struct wanted wanted;
static struct judged judged;

static void open_judged(void)
{
    struct status_detail detail = {""};
    judged.world = stack_play_world();
    assert_ok(engine_new(judged.world, &judged.engine, &detail), &detail);
    assert_ok(oracle_new(&judged.oracle, &detail), &detail);
    assert_ok(trace_init(&judged.trace, EVENTS), &detail);
}

static void close_judged(void)
{
    engine_free(judged.engine);
    judged.world->ops->free(judged.world);
    oracle_free(judged.oracle);
    trace_done(&judged.trace);
}

/* Scenario `number` of the seed. */
static void make_up(struct scenario *ret_scenario, uint64_t number)
{
    const struct diff_shape shape = {.steps_min = STEPS_MIN, .steps_max = STEPS_MAX};
    struct random random = {.state = wanted.seed + number * 0xD1342543DE82EF95U};
    random.state = random_next(&random);
    diff_generate(ret_scenario, &random, &shape);
}

static void play(const struct scenario *scenario)
{
    struct status_detail detail = {""};
    struct engine_result result;
    const struct engine_play what = {.trace = &judged.trace, .seed = 1};
    judged.trace.header.role = TRACE_ROLE_STACK;
    judged.trace.header.observers = judged.world->ops->observers;
    assert_ok(engine_run(judged.engine, &what, scenario, &result, &detail), &detail);
}

static const struct oracle_judgement *judge(enum trace_rules rules)
{
    struct status_detail detail = {""};
    const struct oracle_judgement *judgement = NULL;
    judged.trace.header.rules = (uint8_t)rules;
    assert_ok(oracle_judge(judged.oracle, &judged.trace, &judgement, &detail), &detail);
    return judgement;
}

/* Whether the play broke a rule that is of interest, under either rule set. */
static bool breaks_one(void)
{
    for (unsigned rules = 0; rules < TRACE_RULES_COUNT; rules++) {
        const struct oracle_judgement *judgement = judge((enum trace_rules)rules);
        for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
            if (oracle_has(judgement->broken, rule) &&
                (wanted.rule == NULL || strcmp(wanted.rule, oracle_rules[rule].id) == 0)) {
                judged.broken = judgement->verdicts[rule];
                return true;
            }
        }
    }
    return false;
}

/* Prints the scenario, made small, with what it breaks. */
static void show(const struct scenario *scenario)
{
    static struct scenario_shrinker shrinker;
    static struct scenario candidate;
    static char text[SCENARIO_PRINT_MAX];
    struct status_detail status = {""};
    char detail[DETAIL];
    size_t length = 0;
    wanted.rule = oracle_rules[judged.broken.rule].id;
    scenario_shrink_init(&shrinker, scenario);
    while (scenario_shrink_next(&shrinker, &candidate)) {
        play(&candidate);
        if (breaks_one()) {
            scenario_shrink_accept(&shrinker);
        }
    }
    play(&shrinker.best);
    assert_true(breaks_one());
    assert_ok(scenario_print(&shrinker.best, text, sizeof text, &length), &status);
    print_error("%s is broken under the rule set %s: %s\n%s\n", wanted.rule,
                judged.trace.header.rules == TRACE_RULES_LINUX ? "linux" : "posix",
                oracle_detail(&judged.broken, &judged.trace, detail, sizeof detail), text);
}

static void made_up_scenarios_break_no_rule(void **state)
{
    static struct scenario scenario;
    (void)state;
    open_judged();
    for (uint64_t number = 0; number < wanted.count; number++) {
        make_up(&scenario, number);
        play(&scenario);
        if (breaks_one()) {
            print_error("scenario %llu of seed %llu:\n", (unsigned long long)number,
                        (unsigned long long)wanted.seed);
            show(&scenario);
            fail();
        }
    }
    close_judged();
}

/* ---- By hand ---- */

static void add(uint64_t number, enum trace_rules rules)
{
    const struct oracle_judgement *judgement = judge(rules);
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        judged.keeps[rule] += oracle_has(judgement->kept, rule);
        if (!oracle_has(judgement->broken, rule)) {
            continue;
        }
        if (judged.breaks[rule]++ == 0) {
            judged.first_number[rule] = number;
            (void)oracle_detail(&judgement->verdicts[rule], &judged.trace, judged.detail[rule],
                                DETAIL);
        }
        judged.breaks_posix[rule] += rules == TRACE_RULES_POSIX;
    }
}

static int count(void)
{
    static struct scenario scenario;
    uint64_t verdicts = 0;
    open_judged();
    for (uint64_t number = 0; number < wanted.count; number++) {
        make_up(&scenario, number);
        play(&scenario);
        add(number, TRACE_RULES_LINUX);
        add(number, TRACE_RULES_POSIX);
    }
    print_message("rule     kept     broken  posix  first\n");
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        verdicts += judged.breaks[rule];
        if (judged.keeps[rule] + judged.breaks[rule] > 0) {
            print_message("%s %8llu %8llu %6llu %6llu  %s\n", oracle_rules[rule].id,
                          (unsigned long long)judged.keeps[rule],
                          (unsigned long long)judged.breaks[rule],
                          (unsigned long long)judged.breaks_posix[rule],
                          (unsigned long long)judged.first_number[rule], judged.detail[rule]);
        }
    }
    print_message("broken: %llu\n", (unsigned long long)verdicts);
    close_judged();
    return verdicts != 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(made_up_scenarios_break_no_rule)};
    if (argc < 3) {
        return 2;
    }
    wanted.count = strtoull(argv[1], NULL, 10);
    wanted.seed = strtoull(argv[2], NULL, 10);
    if (argc > 3 && strcmp(argv[3], "count") == 0) {
        return count();
    }
    wanted.rule = argc > 3 ? argv[3] : NULL;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
