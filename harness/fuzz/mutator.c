/* Mutation of byte forms: decode, change steps, encode. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "scenario/code.h"

enum {
    STEPS_MAX = 48,     /* of a mutated scenario: longer ones cost speed and find nothing more */
    FRESH_ONE_IN = 64,  /* how often a scenario is made anew instead of changed */
    LATEST_MAX = 1024,  /* bytes of what was written that are kept */
    BURST_ONE_IN = 1024 /* of those for servers: each costs as much as a handful of others */
};

/* What was written last, with its bytes: an engine plays it next, and then changes it further. */
static _Thread_local struct {
    struct scenario scenario;
    size_t size; /* of the bytes; 0: none */
    uint8_t code[LATEST_MAX];
} latest;

static bool is_latest(const uint8_t *data, size_t size)
{
    return size > 0 && size == latest.size && bytes_match(data, latest.code, size) == size;
}

/* Encodes latest.scenario. */
static size_t write_latest(uint8_t *data, size_t size_max)
{
    const struct scenario *scenario = &latest.scenario;
    size_t size = scenario_encode(scenario, data, size_max);
    /* Where steps may have been left out, the bytes say less than the scenario. */
    bool whole = size + SCENARIO_CODE_STEP_MAX + scenario->literal_used <= size_max;
    latest.size = whole && size <= LATEST_MAX ? size : 0;
    memcpy(latest.code, data, latest.size);
    return size;
}

void fuzz_decode(const uint8_t *data, size_t size, struct scenario *ret_scenario)
{
    if (is_latest(data, size)) {
        scenario_copy(ret_scenario, &latest.scenario);
    } else {
        scenario_decode(data, size, ret_scenario);
    }
}

size_t fuzz_mutate(uint8_t *data, size_t size, size_t size_max, uint64_t seed,
                   enum scenario_role role)
{
    assert(size_max > 0);
    struct random random = {.state = seed};
    struct scenario_shape shape = {.role = role, .steps_max = STEPS_MAX};
    struct scenario *scenario = &latest.scenario;
    if (!is_latest(data, size)) {
        scenario_decode(data, size, scenario);
    }
    if (role == SCENARIO_ROLE_SERVER && random_below(&random, BURST_ONE_IN) == 0) {
        scenario_burst(scenario, &random);
    } else if (scenario->count == 0 || random_below(&random, FRESH_ONE_IN) == 0) {
        scenario_generate(scenario, &random, &shape);
    } else {
        scenario_mutate(scenario, &random, &shape);
    }
    return write_latest(data, size_max);
}

size_t fuzz_splice(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
                   size_t size_max, uint64_t seed, enum scenario_role role)
{
    assert(size_max > 0);
    struct random random = {.state = seed};
    struct scenario first;
    struct scenario second;
    struct scenario *spliced = &latest.scenario;
    fuzz_decode(a, a_size, &first);
    fuzz_decode(b, b_size, &second);
    scenario_splice(&first, &second, spliced, &random);
    if (spliced->count > STEPS_MAX) {
        struct scenario_shape shape = {.role = role, .steps_max = STEPS_MAX};
        scenario_mutate(spliced, &random, &shape);
    } else {
        scenario_limit_large(spliced, role);
    }
    return write_latest(out, size_max);
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
