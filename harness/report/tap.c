/* Verdicts as TAP version 14: a subtest per case, a point per verdict, diagnostics in YAML. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/sink.h"

struct tap_sink {
    struct report_sink sink;
    struct report_output output;
    struct trace_text text; /* scratch, empty between calls */
    uint32_t points;        /* of the open case */
    uint32_t bad;           /* of those: FAIL or ERROR */
    uint32_t skipped;       /* of those: SKIP */
    uint32_t cases;
};

/* Hands out what has gathered. */
static enum status flush_text(struct tap_sink *tap, struct status_detail *detail)
{
    enum status status = report_output_write(&tap->output, &tap->text, detail);
    if (tap->text.failed == STATUS_OK) {
        tap->text.size = 0;
    }
    return status;
}

/* A description or a directive's reason: '#' and '\' are escaped (TAP 14, "Escaping"). */
static void add_description(struct trace_text *out, const char *text)
{
    struct trace_text clean = {0};
    report_add_clean(&clean, text, REPORT_CLEAN_LINE);
    for (size_t i = 0; i < clean.size; i++) {
        if (clean.data[i] == '#' || clean.data[i] == '\\') {
            trace_text_add(out, "\\", 1);
        }
        trace_text_add(out, clean.data + i, 1);
    }
    out->failed = out->failed == STATUS_OK ? clean.failed : out->failed;
    trace_text_free(&clean);
}

/* A double-quoted YAML scalar on one line (YAML 1.2 section 7.3.1). */
static void add_yaml(struct trace_text *out, const char *key, const char *value)
{
    if (value == NULL || value[0] == '\0') {
        return;
    }
    struct trace_text clean = {0};
    report_add_clean(&clean, value, REPORT_CLEAN_LINES);
    trace_text_print(out, "      %s: \"", key);
    for (size_t i = 0; i < clean.size; i++) {
        switch (clean.data[i]) {
        case '\n':
            trace_text_add(out, "\\n", 2);
            break;
        case '\t':
            trace_text_add(out, "\\t", 2);
            break;
        case '"':
        case '\\':
            trace_text_add(out, "\\", 1);
            trace_text_add(out, clean.data + i, 1);
            break;
        default:
            trace_text_add(out, clean.data + i, 1);
            break;
        }
    }
    trace_text_add(out, "\"\n", 2);
    out->failed = out->failed == STATUS_OK ? clean.failed : out->failed;
    trace_text_free(&clean);
}

/* A literal YAML block, so that the ladder can be read where it stands (YAML 1.2 section 8.1.2). */
static void add_block(struct trace_text *out, const char *key, const char *value)
{
    if (value == NULL || value[0] == '\0') {
        return;
    }
    struct trace_text clean = {0};
    report_add_clean(&clean, value, REPORT_CLEAN_LINES);
    /* The indentation is given: the first line may begin with spaces of its own. */
    trace_text_print(out, "      %s: |2-\n", key);
    for (size_t at = 0; at < clean.size;) {
        size_t length = strcspn(clean.data + at, "\n");
        trace_text_print(out, "        %.*s\n", (int)length, clean.data + at);
        at += length + 1;
    }
    out->failed = out->failed == STATUS_OK ? clean.failed : out->failed;
    trace_text_free(&clean);
}

static enum status tap_begin(struct report_sink *sink, const struct report_target *target,
                             struct status_detail *detail)
{
    struct tap_sink *tap = (struct tap_sink *)sink;
    trace_text_print(&tap->text, "TAP version 14\n# ");
    report_add_clean(&tap->text, target->name, REPORT_CLEAN_LINE);
    trace_text_print(&tap->text, " on ");
    report_add_clean(&tap->text, target->world, REPORT_CLEAN_LINE);
    trace_text_print(&tap->text, "\n");
    return flush_text(tap, detail);
}

static enum status tap_case_begin(struct report_sink *sink, const struct report_case *test_case,
                                  struct status_detail *detail)
{
    struct tap_sink *tap = (struct tap_sink *)sink;
    tap->points = 0;
    tap->bad = 0;
    tap->skipped = 0;
    tap->cases++;
    trace_text_print(&tap->text, "# Subtest: ");
    add_description(&tap->text, test_case->name);
    trace_text_print(&tap->text, "\n");
    return flush_text(tap, detail);
}

static enum status tap_verdict(struct report_sink *sink, const struct report_case *test_case,
                               const struct report_verdict *verdict, struct status_detail *detail)
{
    struct tap_sink *tap = (struct tap_sink *)sink;
    struct trace_text *text = &tap->text;
    enum grade grade = verdict->grade;
    bool bad = grade == GRADE_FAIL || grade == GRADE_ERROR;
    (void)test_case;
    tap->points++;
    tap->bad += bad ? 1 : 0;
    tap->skipped += grade == GRADE_SKIP ? 1 : 0;
    trace_text_print(text, "    %s %" PRIu32 " - ",
                     bad || grade == GRADE_EXPECTED ? "not ok" : "ok", tap->points);
    add_description(text, verdict->rule);
    if (verdict->title != NULL) {
        trace_text_print(text, ": ");
        add_description(text, verdict->title);
    }
    if (grade == GRADE_SKIP || grade == GRADE_EXPECTED) {
        trace_text_print(text, grade == GRADE_SKIP ? " # SKIP " : " # TODO ");
        add_description(text, verdict->detail);
    }
    trace_text_print(text, "\n");
    if (grade != GRADE_PASS && grade != GRADE_SKIP) {
        trace_text_print(text, "      ---\n");
        add_yaml(text, "grade", grade_name(grade));
        add_yaml(text, "detail", verdict->detail);
        add_yaml(text, "replay", verdict->replay);
        add_block(text, "ladder", verdict->ladder);
        trace_text_print(text, "      ...\n");
    }
    return flush_text(tap, detail);
}

static enum status tap_case_end(struct report_sink *sink, const struct report_case *test_case,
                                struct status_detail *detail)
{
    struct tap_sink *tap = (struct tap_sink *)sink;
    bool skipped = tap->skipped == tap->points;
    trace_text_print(&tap->text, "    1..%" PRIu32 "%s\n%s %" PRIu32 " - ", tap->points,
                     tap->points == 0 ? " # SKIP no verdict" : "", tap->bad > 0 ? "not ok" : "ok",
                     tap->cases);
    add_description(&tap->text, test_case->name);
    trace_text_print(&tap->text, skipped ? " # SKIP nothing was judged\n" : "\n");
    return flush_text(tap, detail);
}

static enum status tap_notice(struct report_sink *sink, const char *text,
                              struct status_detail *detail)
{
    struct tap_sink *tap = (struct tap_sink *)sink;
    trace_text_print(&tap->text, "# ");
    report_add_clean(&tap->text, text, REPORT_CLEAN_LINE);
    trace_text_print(&tap->text, "\n");
    return flush_text(tap, detail);
}

static enum status tap_end(struct report_sink *sink, const struct report_summary *summary,
                           struct status_detail *detail)
{
    struct tap_sink *tap = (struct tap_sink *)sink;
    (void)summary;
    trace_text_print(&tap->text, "1..%" PRIu32 "%s\n", tap->cases,
                     tap->cases == 0 ? " # SKIP no case applies" : "");
    enum status status = flush_text(tap, detail);
    return status == STATUS_OK ? report_output_commit(&tap->output, detail) : status;
}

static void tap_free(struct report_sink *sink)
{
    struct tap_sink *tap = (struct tap_sink *)sink;
    report_output_abandon(&tap->output);
    trace_text_free(&tap->text);
    free(tap);
}

static const struct report_sink_operations tap_operations = {.begin = tap_begin,
                                                             .case_begin = tap_case_begin,
                                                             .verdict = tap_verdict,
                                                             .case_end = tap_case_end,
                                                             .notice = tap_notice,
                                                             .end = tap_end,
                                                             .free = tap_free};

enum status report_tap_new(const struct report_place *place, struct report_sink **ret_sink,
                           struct status_detail *detail)
{
    struct tap_sink *tap = calloc(1, sizeof *tap);
    if (tap == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "out of memory for TAP");
    }
    tap->sink.operations = &tap_operations;
    enum status status = report_output_open(&tap->output, place, detail);
    if (status != STATUS_OK) {
        tap_free(&tap->sink);
        return status;
    }
    *ret_sink = &tap->sink;
    return STATUS_OK;
}
