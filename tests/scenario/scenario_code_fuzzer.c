/* libFuzzer: every byte string decodes, and the laws hold for what it decodes to. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/code.h"
#include "scenario/mutate.h"
#include "scenario/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): a fuzzer checks in every kind of build. */
static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void require_laws(const struct scenario *scenario)
{
    static uint8_t code[SCENARIO_CODE_MAX];
    static uint8_t again[SCENARIO_CODE_MAX];
    static char text[SCENARIO_PRINT_MAX];
    static struct scenario decoded;
    static struct scenario_text parsed;
    size_t length = 0;
    require(scenario_valid(scenario));
    size_t code_size = scenario_encode(scenario, code, sizeof(code));
    scenario_decode(code, code_size, &decoded);
    require(scenario_equal(scenario, &decoded));
    require(scenario_encode(&decoded, again, sizeof(again)) == code_size);
    require(memcmp(code, again, code_size) == 0);
    require(scenario_print(scenario, text, sizeof(text), &length) == STATUS_OK);
    require(scenario_parse("printed", text, length, &parsed, NULL) == STATUS_OK);
    require(scenario_equal(scenario, &parsed.scenario));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scenario scenario;
    scenario_decode(data, size, &scenario);
    require_laws(&scenario);
    struct random random = {size};
    const struct scenario_shape shape = {(enum scenario_role)(size % SCENARIO_ROLE_COUNT), 64};
    scenario_mutate(&scenario, &random, &shape);
    require_laws(&scenario);
    return 0;
}
