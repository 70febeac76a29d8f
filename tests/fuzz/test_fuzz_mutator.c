/* Mutation for the engines: laws that hold for any bytes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/process.h"
#include "scenario/code.h"

enum { ROUNDS = 20000, ROOM = 1024 };

static size_t make_bytes(struct random *random, uint8_t *data)
{
    size_t size = random_below(random, 200);
    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)random_next(random);
    }
    return size;
}

/* Canonical: encoding what it decodes to gives it again. */
static void assert_canonical(const uint8_t *data, size_t size)
{
    static struct scenario scenario;
    uint8_t again[ROOM];
    scenario_decode(data, size, &scenario);
    size_t encoded = scenario_encode(&scenario, again, sizeof(again));
    assert_int_equal(encoded, size);
    assert_memory_equal(again, data, size);
}

static void mutate_of_any_bytes_fits_and_is_canonical(void **state)
{
    (void)state;
    struct random random = {.state = 1};
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint8_t data[ROOM];
        size_t room = 1 + random_below(&random, ROOM);
        size_t size = make_bytes(&random, data);
        size = size < room ? size : room;
        enum scenario_role role = (enum scenario_role)(i % SCENARIO_ROLE_COUNT);
        size_t mutated = fuzz_mutate(data, size, room, random_next(&random), role);
        assert_in_range(mutated, 1, room);
        assert_canonical(data, mutated);
    }
}

/* Also where the engine gives so little room that steps are left out, and of bytes that are like
 * the latest but for the end. */
static void decode_after_mutate_is_that_of_the_bytes(void **state)
{
    (void)state;
    static struct scenario scenario;
    static struct scenario expected;
    struct random random = {.state = 7};
    uint8_t data[ROOM];
    size_t size = make_bytes(&random, data);
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t room = i % 8 == 0 ? 1 + random_below(&random, 100) : ROOM;
        size = fuzz_mutate(data, size < room ? size : room, room, random_next(&random),
                           SCENARIO_ROLE_SERVER);
        size -= i % 5 == 0 && size > 1;
        fuzz_decode(data, size, &scenario);
        scenario_decode(data, size, &expected);
        assert_true(scenario_equal(&scenario, &expected));
    }
}

static void mutate_with_room_for_one_byte_writes_one(void **state)
{
    (void)state;
    uint8_t data[2] = {0, 0xAA};
    for (unsigned seed = 0; seed < 1000; seed++) {
        assert_int_equal(fuzz_mutate(data, 1, 1, seed, SCENARIO_ROLE_SERVER), 1);
        assert_int_equal(data[1], 0xAA);
    }
}

static void mutate_same_seed_gives_the_same(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 2000; seed++) {
        uint8_t a[ROOM] = {SCENARIO_CODE_VERSION};
        uint8_t b[ROOM] = {SCENARIO_CODE_VERSION};
        size_t a_size = fuzz_mutate(a, 1, ROOM, seed, SCENARIO_ROLE_CLIENT);
        size_t b_size = fuzz_mutate(b, 1, ROOM, seed, SCENARIO_ROLE_CLIENT);
        assert_int_equal(a_size, b_size);
        assert_memory_equal(a, b, a_size);
    }
}

static void mutate_of_nothing_makes_a_scenario(void **state)
{
    (void)state;
    static struct scenario scenario;
    for (unsigned seed = 0; seed < 2000; seed++) {
        uint8_t data[ROOM];
        size_t size = fuzz_mutate(data, 0, ROOM, seed, SCENARIO_ROLE_SERVER);
        scenario_decode(data, size, &scenario);
        assert_int_not_equal(scenario.count, 0);
    }
}

static unsigned count_bursts(enum scenario_role role)
{
    static uint8_t data[SCENARIO_CODE_MAX];
    static struct scenario scenario;
    unsigned bursts = 0;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        data[0] = SCENARIO_CODE_VERSION;
        scenario_decode(data, fuzz_mutate(data, 1, sizeof(data), seed, role), &scenario);
        bursts += scenario.count > 200;
    }
    return bursts;
}

static void mutate_for_a_server_bursts_now_and_then(void **state)
{
    (void)state;
    assert_in_range(count_bursts(SCENARIO_ROLE_SERVER), ROUNDS / 2048, ROUNDS / 512);
    assert_int_equal(count_bursts(SCENARIO_ROLE_CLIENT), 0);
}

static void flattened_counters_say_only_what_was_reached(void **state)
{
    (void)state;
    uint8_t counters[] = {0, 1, 2, 128, 255, 0};
    const uint8_t flat[] = {0, 1, 1, 1, 1, 0};
    fuzz_counters_flatten(counters, sizeof(counters));
    assert_memory_equal(counters, flat, sizeof(flat));
}

static void splice_of_any_bytes_fits_and_is_canonical(void **state)
{
    (void)state;
    struct random random = {.state = 2};
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint8_t a[ROOM];
        uint8_t b[ROOM];
        uint8_t out[ROOM];
        size_t a_size = make_bytes(&random, a);
        size_t b_size = make_bytes(&random, b);
        size_t room = 1 + random_below(&random, ROOM);
        enum scenario_role role = (enum scenario_role)(i % SCENARIO_ROLE_COUNT);
        size_t size = fuzz_splice(a, a_size, b, b_size, out, room, random_next(&random), role);
        assert_in_range(size, 1, room);
        assert_canonical(out, size);
    }
}

static void role_of_each_target_has_its_name(void **state)
{
    (void)state;
    assert_int_equal(fuzz_role(TRACE_ROLE_SERVER), SCENARIO_ROLE_SERVER);
    assert_int_equal(fuzz_role(TRACE_ROLE_CLIENT), SCENARIO_ROLE_CLIENT);
    assert_int_equal(fuzz_role(TRACE_ROLE_PAIR), SCENARIO_ROLE_PAIR);
    assert_int_equal(fuzz_role(TRACE_ROLE_STACK), SCENARIO_ROLE_STACK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutate_of_any_bytes_fits_and_is_canonical),
        cmocka_unit_test(decode_after_mutate_is_that_of_the_bytes),
        cmocka_unit_test(mutate_with_room_for_one_byte_writes_one),
        cmocka_unit_test(mutate_same_seed_gives_the_same),
        cmocka_unit_test(mutate_of_nothing_makes_a_scenario),
        cmocka_unit_test(mutate_for_a_server_bursts_now_and_then),
        cmocka_unit_test(flattened_counters_say_only_what_was_reached),
        cmocka_unit_test(splice_of_any_bytes_fits_and_is_canonical),
        cmocka_unit_test(role_of_each_target_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
