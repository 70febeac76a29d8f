/* The laws of the two forms and of mutation, over a million random scenarios in all. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "scenario/code.h"
#include "scenario/mutate.h"
#include "scenario/shrink.h"
#include "support.h"

enum {
    APPENDED = 250000,
    DECODED = 250000,
    GENERATED = 150000,
    MUTATED = 200000,
    SPLICED = 100000,
    SHRUNK = 50000
};

static void laws_of_appended_steps_hold(void **state)
{
    (void)state;
    static struct scenario scenario;
    struct random random = {1};
    for (unsigned i = 0; i < APPENDED; i++) {
        support_random(&scenario, &random);
        assert_true(support_laws_hold(&scenario));
    }
}

static void decode_of_any_bytes_is_valid_and_encoding_it_is_canonical(void **state)
{
    (void)state;
    static struct scenario scenario;
    static struct scenario again;
    static uint8_t code[SCENARIO_CODE_MAX];
    static uint8_t code_again[SCENARIO_CODE_MAX];
    uint8_t bytes[40];
    struct random random = {2};
    for (unsigned i = 0; i < DECODED; i++) {
        size_t size = random_below(&random, sizeof(bytes) + 1);
        for (size_t at = 0; at < size; at++) {
            bytes[at] = (uint8_t)random_next(&random);
        }
        scenario_decode(bytes, size, &scenario);
        assert_true(support_laws_hold(&scenario));
        size_t length = scenario_encode(&scenario, code, sizeof(code));
        scenario_decode(code, length, &again);
        assert_int_equal(scenario_encode(&again, code_again, sizeof(code_again)), length);
        assert_memory_equal(code, code_again, length);
    }
}

static struct scenario_shape any_shape(struct random *random)
{
    return (struct scenario_shape){
        .role = (enum scenario_role)random_below(random, SCENARIO_ROLE_COUNT),
        .steps_max = 1 + random_below(random, 40)};
}

static void generate_in_any_shape_keeps_the_laws_and_the_shape(void **state)
{
    (void)state;
    static struct scenario scenario;
    struct random random = {3};
    for (unsigned i = 0; i < GENERATED; i++) {
        struct scenario_shape shape = any_shape(&random);
        scenario_generate(&scenario, &random, &shape);
        assert_in_range(scenario.count, 1, shape.steps_max);
        assert_true(support_laws_hold(&scenario));
    }
}

static void mutate_of_anything_keeps_the_laws_and_the_shape(void **state)
{
    (void)state;
    static struct scenario scenario;
    struct random random = {4};
    struct scenario_shape shape = any_shape(&random);
    for (unsigned i = 0; i < MUTATED; i++) {
        if (i % 32 == 0) {
            support_random(&scenario, &random);
            shape = any_shape(&random);
        }
        scenario_mutate(&scenario, &random, &shape);
        assert_in_range(scenario.count, 1, shape.steps_max);
        assert_true(support_laws_hold(&scenario));
    }
}

static void splice_of_anything_keeps_the_laws(void **state)
{
    (void)state;
    static struct scenario scenarios[2];
    static struct scenario spliced;
    struct random random = {5};
    for (unsigned i = 0; i < SPLICED; i++) {
        support_random(&scenarios[i % 2], &random);
        scenario_splice(&scenarios[0], &scenarios[1], &spliced, &random);
        assert_true(support_laws_hold(&spliced));
    }
}

static void shrink_candidates_keep_the_laws_and_end(void **state)
{
    (void)state;
    static struct scenario scenario;
    static struct scenario_shrinker shrinker;
    struct random random = {6};
    unsigned tried = 0;
    while (tried < SHRUNK) {
        support_random(&scenario, &random);
        scenario_shrink_init(&shrinker, &scenario);
        unsigned of_this = 0;
        while (scenario_shrink_next(&shrinker, &scenario)) {
            assert_true(support_laws_hold(&scenario));
            assert_false(scenario_equal(&scenario, &shrinker.best));
            if (random_below(&random, 3) == 0) {
                scenario_shrink_accept(&shrinker);
            }
            of_this++;
            assert_true(of_this < 100000);
        }
        tried += of_this + 1;
    }
}

static void mutate_with_the_same_seed_gives_the_same(void **state)
{
    (void)state;
    static struct scenario scenarios[2];
    const struct scenario_shape shape = {SCENARIO_ROLE_SERVER, 30};
    for (unsigned which = 0; which < 2; which++) {
        struct random random = {7};
        scenario_generate(&scenarios[which], &random, &shape);
        for (unsigned i = 0; i < 1000; i++) {
            scenario_mutate(&scenarios[which], &random, &shape);
        }
    }
    assert_true(scenario_equal(&scenarios[0], &scenarios[1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(laws_of_appended_steps_hold),
        cmocka_unit_test(decode_of_any_bytes_is_valid_and_encoding_it_is_canonical),
        cmocka_unit_test(generate_in_any_shape_keeps_the_laws_and_the_shape),
        cmocka_unit_test(mutate_of_anything_keeps_the_laws_and_the_shape),
        cmocka_unit_test(splice_of_anything_keeps_the_laws),
        cmocka_unit_test(shrink_candidates_keep_the_laws_and_end),
        cmocka_unit_test(mutate_with_the_same_seed_gives_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
