/* Scenarios for the tests of this folder. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <string.h>

#include "test.h"

#include "scenario/code.h"
#include "scenario/text.h"

void support_parse(const char *text, struct scenario *ret_scenario)
{
    static struct scenario_text parsed;
    struct status_detail detail = {""};
    assert_ok(scenario_parse("test", text, strlen(text), &parsed, &detail), &detail);
    scenario_copy(ret_scenario, &parsed.scenario);
}

void support_random(struct scenario *ret_scenario, struct random *random)
{
    scenario_clear(ret_scenario);
    unsigned count = random_below(random, 12);
    for (unsigned i = 0; i < count; i++) {
        uint64_t a = random_next(random);
        uint64_t b = random_next(random);
        uint64_t literal[2] = {random_next(random), a ^ b};
        struct scenario_step step = {
            .verb = (uint8_t)a,
            .id = (uint8_t)(a >> 8),
            .place_call = (uint8_t)(random_below(random, 4) == 0 ? a >> 16 : 0),
            .place_nth = (uint8_t)(a >> 24),
            .what = (uint8_t)(a >> 32),
            .kind = (uint8_t)(a >> 40),
            .repeat = (uint16_t)(a >> 48),
            .from = (uint32_t)b >> random_below(random, 32),
            .to = (uint32_t)(b >> 32) >> random_below(random, 32),
            .literal_size = (uint16_t)random_below(random, sizeof(literal) + 1)};
        if (random_below(random, 8) == 0) {
            step.from = SCENARIO_ALL;
        }
        if (scenario_append(ret_scenario, &step, (const uint8_t *)literal) != STATUS_OK) {
            fail_msg("a short scenario reached a limit");
        }
    }
}

bool support_laws_hold(const struct scenario *scenario)
{
    static uint8_t code[SCENARIO_CODE_MAX];
    static char text[SCENARIO_PRINT_MAX];
    static struct scenario decoded;
    static struct scenario_text parsed;
    struct status_detail detail = {""};
    size_t length = 0;
    if (scenario_print(scenario, text, sizeof(text), &length) != STATUS_OK) {
        print_error("does not fit into SCENARIO_PRINT_MAX\n");
        return false;
    }
    if (!scenario_valid(scenario)) {
        print_error("not canonical:\n%s", text);
        return false;
    }
    scenario_decode(code, scenario_encode(scenario, code, sizeof(code)), &decoded);
    if (!scenario_equal(scenario, &decoded)) {
        print_error("decode(encode(s)) differs:\n%s", text);
        return false;
    }
    if (scenario_parse("printed", text, length, &parsed, &detail) != STATUS_OK) {
        print_error("does not parse: %s\n%s", detail.text, text);
        return false;
    }
    if (!scenario_equal(scenario, &parsed.scenario)) {
        print_error("parse(print(s)) differs:\n%s", text);
        return false;
    }
    return true;
}
