/* Seeded random numbers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/random.h"

/* The published values of splitmix64: the same on every machine. */
static void next_gives_the_published_numbers(void **state)
{
    (void)state;
    struct random random = {1234567};
    assert_true(random_next(&random) == 6457827717110365317ULL);
    assert_true(random_next(&random) == 3203168211198807973ULL);
    assert_true(random_next(&random) == 9817491932198370423ULL);
}

static void below_stays_below_and_reaches_all(void **state)
{
    (void)state;
    struct random random = {1};
    unsigned seen[7] = {0};
    for (unsigned i = 0; i < 7000; i++) {
        uint32_t number = random_below(&random, 7);
        assert_in_range(number, 0, 6);
        seen[number]++;
    }
    for (unsigned i = 0; i < 7; i++) {
        assert_in_range(seen[i], 800, 1200);
    }
}

static void below_one_is_zero(void **state)
{
    (void)state;
    struct random random = {2};
    assert_int_equal(random_below(&random, 1), 0);
    assert_in_range(random_below(&random, UINT32_MAX), 0, UINT32_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_gives_the_published_numbers),
        cmocka_unit_test(below_stays_below_and_reaches_all),
        cmocka_unit_test(below_one_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
