/* Verdicts as JUnit XML, well-formed whatever bytes a message holds. One suite, a test case per
 * verdict. It gathers in memory: the counts stand at the front. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
/* Running out of memory is a status here, not the end of the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "report/sink.h"

/* How often a name was used, to make it unique. */
struct name_use {
    UT_hash_handle hh;
    uint32_t count;
    char name[];
};

struct junit_sink {
    struct report_sink sink;
    struct report_output output;
    struct trace_text name;  /* of the suite, cleaned */
    struct trace_text cases; /* the <testcase> elements so far */
    struct trace_text notices;
    struct name_use *names;
    bool failed; /* memory ran out */
};

/* Text for an element or a double-quoted attribute. Line feeds in attributes are written as
 * references, or a parser would make spaces of them (XML 1.0 section 3.3.3). */
static void add_xml(struct trace_text *out, const char *text, bool attribute)
{
    struct trace_text clean = {0};
    report_add_clean(&clean, text, REPORT_CLEAN_LINES);
    for (size_t i = 0; i < clean.size; i++) {
        switch (clean.data[i]) {
        case '&':
            trace_text_add(out, "&amp;", 5);
            break;
        case '<':
            trace_text_add(out, "&lt;", 4);
            break;
        case '>':
            trace_text_add(out, "&gt;", 4);
            break;
        case '"':
            trace_text_add(out, attribute ? "&quot;" : "\"", attribute ? 6 : 1);
            break;
        case '\n':
            trace_text_add(out, attribute ? "&#10;" : "\n", attribute ? 5 : 1);
            break;
        case '\t':
            trace_text_add(out, attribute ? "&#9;" : "\t", attribute ? 4 : 1);
            break;
        default:
            trace_text_add(out, clean.data + i, 1);
            break;
        }
    }
    out->failed = out->failed == STATUS_OK ? clean.failed : out->failed;
    trace_text_free(&clean);
}

static void add_attribute(struct trace_text *out, const char *key, const char *value)
{
    trace_text_print(out, " %s=\"", key);
    add_xml(out, value, true);
    trace_text_print(out, "\"");
}

static void add_time(struct trace_text *out, int64_t us)
{
    if (us >= 0) {
        trace_text_print(out, " time=\"%" PRId64 ".%06d\"", us / 1000000, (int)(us % 1000000));
    }
}

/* Which use of this name it is, from 1. */
static uint32_t use_name(struct junit_sink *junit, const char *name)
{
    struct name_use *use = NULL;
    HASH_FIND_STR(junit->names, name, use);
    if (use == NULL) {
        size_t size = strlen(name) + 1;
        use = calloc(1, sizeof *use + size);
        if (use == NULL) {
            junit->failed = true;
            return 1;
        }
        memcpy(use->name, name, size);
        HASH_ADD_STR(junit->names, name, use);
        if (use->hh.tbl == NULL) {
            free(use);
            junit->failed = true;
            return 1;
        }
    }
    return ++use->count;
}

/* "case: rule", and a number where that was there before. */
static void add_name(struct junit_sink *junit, const char *test_case, const char *rule)
{
    struct trace_text name = {0};
    report_add_clean(&name, test_case, REPORT_CLEAN_LINE);
    trace_text_print(&name, ": ");
    report_add_clean(&name, rule, REPORT_CLEAN_LINE);
    /* A numbered name may itself be in use already, so it is looked up like any other. */
    size_t plain = name.size;
    uint32_t use = name.failed == STATUS_OK ? use_name(junit, name.data) : 1;
    for (uint32_t number = use; use > 1 && name.failed == STATUS_OK && !junit->failed; number++) {
        name.size = plain;
        trace_text_print(&name, " (%" PRIu32 ")", number);
        use = name.failed == STATUS_OK ? use_name(junit, name.data) : 1;
    }
    junit->failed |= name.failed != STATUS_OK;
    add_attribute(&junit->cases, "name", name.data != NULL ? name.data : "");
    trace_text_free(&name);
}

static enum status junit_status(const struct junit_sink *junit, struct status_detail *detail)
{
    bool failed = junit->failed || junit->cases.failed != STATUS_OK ||
                  junit->name.failed != STATUS_OK || junit->notices.failed != STATUS_OK;
    return failed ? status_fail(detail, STATUS_NO_MEMORY, "out of memory for JUnit") : STATUS_OK;
}

static enum status junit_begin(struct report_sink *sink, const struct report_target *target,
                               struct status_detail *detail)
{
    struct junit_sink *junit = (struct junit_sink *)sink;
    report_add_clean(&junit->name, target->name, REPORT_CLEAN_LINE);
    trace_text_print(&junit->name, ".");
    report_add_clean(&junit->name, target->world, REPORT_CLEAN_LINE);
    return junit_status(junit, detail);
}

static enum status junit_case(struct report_sink *sink, const struct report_case *test_case,
                              struct status_detail *detail)
{
    (void)test_case;
    return junit_status((struct junit_sink *)sink, detail);
}

static void add_evidence(struct trace_text *out, const struct report_verdict *verdict)
{
    add_xml(out, verdict->detail, false);
    if (verdict->ladder != NULL) {
        trace_text_print(out, "\n\n");
        add_xml(out, verdict->ladder, false);
    }
    if (verdict->replay != NULL) {
        trace_text_print(out, "\nreplay: ");
        add_xml(out, verdict->replay, false);
    }
    trace_text_print(out, "\n");
}

static void add_outcome(struct trace_text *out, const struct report_verdict *verdict)
{
    enum grade grade = verdict->grade;
    if (grade == GRADE_FAIL || grade == GRADE_ERROR) {
        const char *element = grade == GRADE_FAIL ? "failure" : "error";
        trace_text_print(out, "   <%s", element);
        add_attribute(out, "type", verdict->rule);
        add_attribute(out, "message", verdict->detail);
        trace_text_print(out, ">");
        add_evidence(out, verdict);
        trace_text_print(out, "</%s>\n", element);
    } else if (grade == GRADE_SKIP || grade == GRADE_EXPECTED) {
        struct trace_text message = {0};
        trace_text_print(&message, "%s%s", grade == GRADE_EXPECTED ? "known failure: " : "",
                         verdict->detail != NULL ? verdict->detail : "");
        trace_text_print(out, "   <skipped");
        add_attribute(out, "message", message.data);
        trace_text_print(out, "/>\n");
        trace_text_free(&message);
    } else if (grade != GRADE_PASS) {
        trace_text_print(out, "   <system-out>%s: ", grade_name(grade));
        add_evidence(out, verdict);
        trace_text_print(out, "</system-out>\n");
    }
}

static enum status junit_verdict(struct report_sink *sink, const struct report_case *test_case,
                                 const struct report_verdict *verdict, struct status_detail *detail)
{
    struct junit_sink *junit = (struct junit_sink *)sink;
    trace_text_print(&junit->cases, "  <testcase");
    add_attribute(&junit->cases, "classname", junit->name.data);
    add_name(junit, test_case->name, verdict->rule);
    add_time(&junit->cases, verdict->duration_us);
    if (verdict->grade == GRADE_PASS) {
        trace_text_print(&junit->cases, "/>\n");
    } else {
        trace_text_print(&junit->cases, ">\n");
        add_outcome(&junit->cases, verdict);
        trace_text_print(&junit->cases, "  </testcase>\n");
    }
    return junit_status(junit, detail);
}

static enum status junit_notice(struct report_sink *sink, const char *text,
                                struct status_detail *detail)
{
    struct junit_sink *junit = (struct junit_sink *)sink;
    add_xml(&junit->notices, text, false);
    trace_text_print(&junit->notices, "\n");
    return junit_status(junit, detail);
}

static void add_counts(struct trace_text *out, const struct report_summary *summary)
{
    uint64_t tests = 0;
    for (unsigned i = 0; i < GRADE_COUNT; i++) {
        tests += summary->counts.of[i];
    }
    trace_text_print(out,
                     " tests=\"%" PRIu64 "\" failures=\"%" PRIu32 "\" errors=\"%" PRIu32
                     "\" skipped=\"%" PRIu32 "\"",
                     tests, summary->counts.of[GRADE_FAIL], summary->counts.of[GRADE_ERROR],
                     summary->counts.of[GRADE_SKIP] + summary->counts.of[GRADE_EXPECTED]);
    add_time(out, summary->duration_us);
}

static enum status junit_end(struct report_sink *sink, const struct report_summary *summary,
                             struct status_detail *detail)
{
    struct junit_sink *junit = (struct junit_sink *)sink;
    enum status status = junit_status(junit, detail);
    struct trace_text text = {0};
    trace_text_print(&text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    add_attribute(&text, "name", "sockspec");
    add_counts(&text, summary);
    trace_text_print(&text, ">\n <testsuite");
    add_attribute(&text, "name", junit->name.data);
    add_counts(&text, summary);
    trace_text_print(&text, ">\n");
    if (junit->cases.size > 0) {
        trace_text_add(&text, junit->cases.data, junit->cases.size);
    }
    if (junit->notices.size > 0) {
        trace_text_print(&text, "  <system-out>");
        trace_text_add(&text, junit->notices.data, junit->notices.size);
        trace_text_print(&text, "</system-out>\n");
    }
    trace_text_print(&text, " </testsuite>\n</testsuites>\n");
    if (status == STATUS_OK) {
        status = report_output_write(&junit->output, &text, detail);
    }
    if (status == STATUS_OK) {
        status = report_output_commit(&junit->output, detail);
    }
    trace_text_free(&text);
    return status;
}

static void junit_free(struct report_sink *sink)
{
    struct junit_sink *junit = (struct junit_sink *)sink;
    struct name_use *use = NULL;
    struct name_use *next = NULL;
    HASH_ITER(hh, junit->names, use, next)
    {
        HASH_DEL(junit->names, use);
        free(use);
    }
    report_output_abandon(&junit->output);
    trace_text_free(&junit->name);
    trace_text_free(&junit->cases);
    trace_text_free(&junit->notices);
    free(junit);
}

static const struct report_sink_operations junit_operations = {.begin = junit_begin,
                                                               .case_begin = junit_case,
                                                               .verdict = junit_verdict,
                                                               .case_end = junit_case,
                                                               .notice = junit_notice,
                                                               .end = junit_end,
                                                               .free = junit_free};

enum status report_junit_new(const struct report_place *place, struct report_sink **ret_sink,
                             struct status_detail *detail)
{
    struct junit_sink *junit = calloc(1, sizeof *junit);
    if (junit == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "out of memory for JUnit");
    }
    junit->sink.operations = &junit_operations;
    enum status status = report_output_open(&junit->output, place, detail);
    if (status != STATUS_OK) {
        junit_free(&junit->sink);
        return status;
    }
    *ret_sink = &junit->sink;
    return STATUS_OK;
}
