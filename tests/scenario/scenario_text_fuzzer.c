/* libFuzzer: any text parses or is refused with a place; what parses prints and reads back the
 * same. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): a fuzzer checks in every kind of build. */
static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scenario_text parsed;
    static struct scenario_text again;
    static char text[SCENARIO_PRINT_TEXT_MAX];
    struct status_detail detail = {""};
    if (scenario_parse("input", (const char *)data, size, &parsed, &detail) != STATUS_OK) {
        require(strncmp(detail.text, "input:", 6) == 0);
        return 0;
    }
    require(scenario_valid(&parsed.scenario));
    size_t length = 0;
    require(scenario_print_text(&parsed, text, sizeof(text), &length) == STATUS_OK);
    require(scenario_parse("printed", text, length, &again, &detail) == STATUS_OK);
    require(scenario_equal(&parsed.scenario, &again.scenario));
    require(parsed.header_count == again.header_count);
    for (unsigned i = 0; i < parsed.header_count; i++) {
        require(strcmp(parsed.headers[i].key, again.headers[i].key) == 0);
        require(strcmp(parsed.headers[i].value, again.headers[i].value) == 0);
    }
    return 0;
}
