/* Handing verdicts to sinks, and keeping going when one of them fails. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "report/report.h"

#include <assert.h>
#include <stdarg.h>

void report_done(struct report *report)
{
    if (report == NULL) {
        return;
    }
    for (unsigned i = 0; i < report->sink_count; i++) {
        if (report->sinks[i] != NULL) {
            report->sinks[i]->operations->free(report->sinks[i]);
        }
    }
    *report = (struct report){0};
}

enum status report_add(struct report *report, struct report_sink *sink)
{
    assert(sink != NULL && !report->begun);
    if (report->sink_count == REPORT_SINKS_MAX) {
        sink->operations->free(sink);
        return STATUS_LIMIT;
    }
    report->sinks[report->sink_count++] = sink;
    return STATUS_OK;
}

/* Notes what a sink answered; one that failed is not asked again. */
static void sink_answered(struct report *report, unsigned index, enum status status,
                          const struct status_detail *detail)
{
    if (status == STATUS_OK) {
        return;
    }
    if (report->failed == STATUS_OK) {
        report->failed = status;
        report->detail = *detail;
    }
    report->sinks[index]->operations->free(report->sinks[index]);
    report->sinks[index] = NULL;
}

/* Calls one operation of every sink that is left. */
#define FOR_SINKS(report, operation, ...)                                                          \
    do {                                                                                           \
        for (unsigned sink_index = 0; sink_index < (report)->sink_count; sink_index++) {           \
            struct report_sink *sink = (report)->sinks[sink_index];                                \
            if (sink != NULL) {                                                                    \
                struct status_detail sink_detail = {{0}};                                          \
                enum status sink_status =                                                          \
                    sink->operations->operation(sink, __VA_ARGS__, &sink_detail);                  \
                sink_answered((report), sink_index, sink_status, &sink_detail);                    \
            }                                                                                      \
        }                                                                                          \
    } while (0)

void report_begin(struct report *report, const struct report_target *target)
{
    assert(!report->begun && target->name != NULL && target->world != NULL);
    report->begun = true;
    report->summary = (struct report_summary){.duration_us = -1};
    FOR_SINKS(report, begin, target);
}

void report_case_begin(struct report *report, const struct report_case *test_case)
{
    assert(report->begun && !report->in_case && test_case->name != NULL);
    report->open_case = *test_case;
    report->in_case = true;
    report->summary.cases++;
    FOR_SINKS(report, case_begin, &report->open_case);
}

void report_verdict(struct report *report, const struct report_verdict *verdict)
{
    assert(report->in_case && verdict->rule != NULL);
    assert((unsigned)verdict->grade < GRADE_COUNT);
    report->summary.counts.of[verdict->grade]++;
    FOR_SINKS(report, verdict, &report->open_case, verdict);
}

void report_case_end(struct report *report)
{
    assert(report->in_case);
    FOR_SINKS(report, case_end, &report->open_case);
    report->in_case = false;
}

void report_notice(struct report *report, const char *format, ...)
{
    assert(report->begun);
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    FOR_SINKS(report, notice, text);
}

enum status report_end(struct report *report, int64_t duration_us, struct status_detail *detail)
{
    assert(report->begun && !report->in_case);
    report->summary.duration_us = duration_us;
    FOR_SINKS(report, end, &report->summary);
    report->begun = false;
    if (report->failed != STATUS_OK && detail != NULL) {
        *detail = report->detail;
    }
    return report->failed;
}

enum grade_exit report_exit_code(const struct report *report)
{
    return grade_exit_code(&report->summary.counts);
}
