/* libFuzzer: any text is a trace or is refused with its line; what was read writes and reads back
 * the same. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trace/compare.h"
#include "trace/jsonl.h"

enum { EVENTS_MAX = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): a fuzzer checks in every kind of build. */
static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static struct trace_text written(const struct trace *trace)
{
    struct trace_text text = {0};
    struct trace_output output = trace_output_text(&text);
    require(trace_jsonl_write(trace, &output, NULL) == STATUS_OK);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trace trace;
    static struct trace again;
    struct status_detail detail = {""};
    struct trace_difference difference;
    if (trace.events == NULL) {
        require(trace_init(&trace, EVENTS_MAX) == STATUS_OK);
        require(trace_init(&again, EVENTS_MAX) == STATUS_OK);
    }
    enum status status = trace_jsonl_read(&trace, (const char *)data, size, &detail);
    if (status != STATUS_OK) {
        require(status == STATUS_SYNTAX || status == STATUS_LIMIT);
        require(strncmp(detail.text, "line ", 5) == 0 && trace.count == 0);
        return 0;
    }
    struct trace_text first = written(&trace);
    require(trace_jsonl_read(&again, first.data, first.size, &detail) == STATUS_OK);
    require(trace_compare(&trace, &again, &difference));
    struct trace_text second = written(&again);
    require(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    trace_text_free(&first);
    trace_text_free(&second);
    return 0;
}
