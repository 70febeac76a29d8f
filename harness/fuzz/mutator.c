/* Mutation of byte forms: decode, change steps, encode. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "fuzz/fuzz.h"
#include "scenario/code.h"

enum {
    STEPS_MAX = 48,     /* of a mutated scenario: longer ones cost speed and find nothing more */
    FRESH_ONE_IN = 64,  /* how often a scenario is made anew instead of changed */
    BURST_ONE_IN = 1024 /* of those for servers: each costs as much as a handful of others */
};

size_t fuzz_mutate(uint8_t *data, size_t size, size_t size_max, uint64_t seed,
                   enum scenario_role role)
{
    assert(size_max > 0);
    struct random random = {.state = seed};
    struct scenario_shape shape = {.role = role, .steps_max = STEPS_MAX};
    struct scenario scenario;
    scenario_decode(data, size, &scenario);
    if (role == SCENARIO_ROLE_SERVER && random_below(&random, BURST_ONE_IN) == 0) {
        scenario_burst(&scenario, &random);
    } else if (scenario.count == 0 || random_below(&random, FRESH_ONE_IN) == 0) {
        scenario_generate(&scenario, &random, &shape);
    } else {
        scenario_mutate(&scenario, &random, &shape);
    }
    return scenario_encode(&scenario, data, size_max);
}

size_t fuzz_splice(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
                   size_t size_max, uint64_t seed, enum scenario_role role)
{
    assert(size_max > 0);
    struct random random = {.state = seed};
    struct scenario first;
    struct scenario second;
    struct scenario spliced;
    scenario_decode(a, a_size, &first);
    scenario_decode(b, b_size, &second);
    scenario_splice(&first, &second, &spliced, &random);
    if (spliced.count > STEPS_MAX) {
        struct scenario_shape shape = {.role = role, .steps_max = STEPS_MAX};
        scenario_mutate(&spliced, &random, &shape);
    } else {
        scenario_limit_large(&spliced, role);
    }
    return scenario_encode(&spliced, out, size_max);
}

enum scenario_role fuzz_role(enum trace_role role)
{
    static const enum scenario_role roles[TRACE_ROLE_COUNT] = {
        [TRACE_ROLE_SERVER] = SCENARIO_ROLE_SERVER,
        [TRACE_ROLE_CLIENT] = SCENARIO_ROLE_CLIENT,
        [TRACE_ROLE_PAIR] = SCENARIO_ROLE_PAIR,
        [TRACE_ROLE_STACK] = SCENARIO_ROLE_STACK,
    };
    return (unsigned)role < TRACE_ROLE_COUNT ? roles[role] : SCENARIO_ROLE_SERVER;
}
