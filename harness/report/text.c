/* Verdicts for people: grouped by case, only what matters. Where a rule is broken for the first
 * time the whole evidence is shown; the same again in other cases is named or counted, so that one
 * mistake of a program does not fill a hundred screens. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/sink.h"

enum {
    REASONS_MAX = 64, /* different reasons of SKIP that are told apart */
    BROKEN_MAX = 256, /* pairs of a rule and a grade that are told apart */
    TEXT_INDENT = 12, /* column of what belongs to a verdict */
    TEXT_COLUMNS = 100
};

struct skip_reason {
    char *text;
    uint32_t count;
};

/* A rule that was broken, or whose judging failed, with one grade. */
struct broken_rule {
    char *rule;
    char *first_case; /* where its evidence is shown */
    enum grade grade;
    uint32_t count; /* of verdicts */
};

struct text_sink {
    struct report_sink sink;
    struct report_output output;
    struct report_text_options options;
    struct trace_text text; /* scratch, empty between calls */
    bool case_shown;        /* the open case's heading stands */
    struct skip_reason reasons[REASONS_MAX];
    uint32_t reason_count;
    uint32_t other_skips; /* verdicts whose reason found no room */
    struct broken_rule broken[BROKEN_MAX];
    uint32_t broken_count;
};

static const char *const grade_colours[GRADE_COUNT] = {
    [GRADE_PASS] = "32", [GRADE_FAIL] = "1;31",   [GRADE_WARN] = "33",   [GRADE_INFO] = "36",
    [GRADE_SKIP] = "2",  [GRADE_EXPECTED] = "35", [GRADE_ERROR] = "1;31"};

static enum status flush_text(struct text_sink *to, struct status_detail *detail)
{
    enum status status = report_output_write(&to->output, &to->text, detail);
    if (to->text.failed == STATUS_OK) {
        to->text.size = 0;
    }
    return status;
}

/* Adds a grade in a column of `width`; 0: as wide as it is. */
static void add_grade(struct text_sink *to, enum grade grade, int width)
{
    if (to->options.colour) {
        trace_text_print(&to->text, "\033[%sm%-*s\033[0m", grade_colours[grade], width,
                         grade_name(grade));
    } else {
        trace_text_print(&to->text, "%-*s", width, grade_name(grade));
    }
}

/* Adds a line, cleaned, and in bold where the terminal has it. */
static void add_bold(struct text_sink *to, const char *text)
{
    trace_text_print(&to->text, "%s", to->options.colour ? "\033[1m" : "");
    report_add_clean(&to->text, text, REPORT_CLEAN_LINE);
    trace_text_print(&to->text, "%s", to->options.colour ? "\033[0m" : "");
}

/* Breaks one line of text at spaces so that it fits behind the indentation. */
static void add_wrapped_line(struct trace_text *out, const char *line, size_t size)
{
    const size_t room = TEXT_COLUMNS - TEXT_INDENT;
    do {
        size_t length = size;
        if (size > room) {
            length = room;
            while (length > 0 && line[length] != ' ') {
                length--;
            }
            /* A word without an end is not broken: it may be a command or a path. */
            length = length > 0 ? length : strcspn(line, " \n");
            length = length < size ? length : size;
        }
        trace_text_print(out, "%*s%.*s\n", TEXT_INDENT, "", (int)length, line);
        while (length < size && line[length] == ' ') {
            length++;
        }
        line += length;
        size -= length;
    } while (size > 0);
}

static void add_wrapped(struct trace_text *out, const char *text)
{
    struct trace_text clean = {0};
    report_add_clean(&clean, text, REPORT_CLEAN_LINES);
    for (size_t at = 0; at < clean.size;) {
        size_t length = strcspn(clean.data + at, "\n");
        add_wrapped_line(out, clean.data + at, length);
        at += length + 1;
    }
    out->failed = out->failed == STATUS_OK ? clean.failed : out->failed;
    trace_text_free(&clean);
}

static enum status text_begin(struct report_sink *sink, const struct report_target *target,
                              struct status_detail *detail)
{
    struct text_sink *to = (struct text_sink *)sink;
    add_bold(to, target->name);
    if (strcmp(target->world, target->name) != 0) { /* a stack is a world of its own */
        trace_text_print(&to->text, " on ");
        report_add_clean(&to->text, target->world, REPORT_CLEAN_LINE);
    }
    if (target->role != NULL) {
        trace_text_print(&to->text, ", a ");
        report_add_clean(&to->text, target->role, REPORT_CLEAN_LINE);
    }
    if (target->profile != NULL) {
        trace_text_print(&to->text, " that speaks ");
        report_add_clean(&to->text, target->profile, REPORT_CLEAN_LINE);
    }
    trace_text_print(&to->text, "\n");
    return flush_text(to, detail);
}

static enum status text_case_begin(struct report_sink *sink, const struct report_case *test_case,
                                   struct status_detail *detail)
{
    (void)test_case;
    (void)detail;
    ((struct text_sink *)sink)->case_shown = false;
    return STATUS_OK;
}

static void show_case(struct text_sink *to, const struct report_case *test_case)
{
    if (to->case_shown) {
        return;
    }
    to->case_shown = true;
    trace_text_print(&to->text, "\n");
    add_bold(to, test_case->name);
    if (test_case->title != NULL) {
        trace_text_print(&to->text, "  ");
        report_add_clean(&to->text, test_case->title, REPORT_CLEAN_LINE);
    }
    trace_text_print(&to->text, "\n");
}

/* The reason without the step that it is about, "'time advance 3s': ": many steps share one. */
static const char *general_reason(const char *reason)
{
    const char *step_end = reason[0] == '\'' ? strstr(reason, "': ") : NULL;
    return step_end != NULL ? step_end + 3 : reason;
}

static void count_skip(struct text_sink *to, const char *reason)
{
    const char *text = reason != NULL ? general_reason(reason) : "no reason given";
    for (uint32_t i = 0; i < to->reason_count; i++) {
        if (strcmp(to->reasons[i].text, text) == 0) {
            to->reasons[i].count++;
            return;
        }
    }
    char *copy = to->reason_count < REASONS_MAX ? strdup(text) : NULL;
    if (copy == NULL) {
        to->other_skips++;
        return;
    }
    to->reasons[to->reason_count++] = (struct skip_reason){.text = copy, .count = 1};
}

static bool matters(enum grade grade)
{
    return grade == GRADE_FAIL || grade == GRADE_WARN || grade == GRADE_ERROR ||
           grade == GRADE_EXPECTED;
}

/* Counts a verdict that matters. False: its rule had this grade before. */
static bool count_broken(struct text_sink *to, const char *rule, enum grade grade,
                         const char *case_name)
{
    for (uint32_t i = 0; i < to->broken_count; i++) {
        if (to->broken[i].grade == grade && strcmp(to->broken[i].rule, rule) == 0) {
            to->broken[i].count++;
            return false;
        }
    }
    if (to->broken_count == BROKEN_MAX) {
        return true;
    }
    struct broken_rule row = {strdup(rule), strdup(case_name), grade, 1};
    if (row.rule == NULL || row.first_case == NULL) {
        free(row.rule);
        free(row.first_case);
        return true;
    }
    to->broken[to->broken_count++] = row;
    return true;
}

static void add_evidence(struct text_sink *to, const struct report_verdict *verdict, bool ladder)
{
    if (ladder && verdict->ladder != NULL && verdict->ladder[0] != '\0') {
        /* The ladder has its own margin and needs the whole width. */
        trace_text_print(&to->text, "\n");
        report_add_clean(&to->text, verdict->ladder, REPORT_CLEAN_LINES);
        trace_text_print(&to->text, "\n");
    }
    if (verdict->replay != NULL && verdict->replay[0] != '\0') {
        /* Never wrapped: it is there to be copied. */
        trace_text_print(&to->text, "%*sreplay: ", TEXT_INDENT, "");
        report_add_clean(&to->text, verdict->replay, REPORT_CLEAN_LINE);
        trace_text_print(&to->text, "\n");
    }
}

static enum status text_verdict(struct report_sink *sink, const struct report_case *test_case,
                                const struct report_verdict *verdict, struct status_detail *detail)
{
    struct text_sink *to = (struct text_sink *)sink;
    if (verdict->grade == GRADE_SKIP) {
        count_skip(to, verdict->detail);
    }
    bool whole = to->options.verbose;
    if (matters(verdict->grade)) {
        whole |= count_broken(to, verdict->rule, verdict->grade, test_case->name);
    }
    /* What fails is named each time, with the command that shows its ladder. */
    if (!whole && (!matters(verdict->grade) || verdict->grade == GRADE_WARN)) {
        return STATUS_OK;
    }
    show_case(to, test_case);
    trace_text_print(&to->text, "  ");
    add_grade(to, verdict->grade, TEXT_INDENT - 2 - 1);
    trace_text_print(&to->text, " ");
    add_bold(to, verdict->rule);
    if (verdict->title != NULL) {
        trace_text_print(&to->text, "  ");
        report_add_clean(&to->text, verdict->title, REPORT_CLEAN_LINE);
    }
    trace_text_print(&to->text, "\n");
    if (verdict->grade != GRADE_PASS) {
        add_wrapped(&to->text, verdict->detail);
    }
    if (verdict->grade != GRADE_PASS && verdict->grade != GRADE_SKIP) {
        add_evidence(to, verdict, whole);
    }
    return flush_text(to, detail);
}

static enum status text_case_end(struct report_sink *sink, const struct report_case *test_case,
                                 struct status_detail *detail)
{
    (void)sink;
    (void)test_case;
    (void)detail;
    return STATUS_OK;
}

static enum status text_notice(struct report_sink *sink, const char *text,
                               struct status_detail *detail)
{
    struct text_sink *to = (struct text_sink *)sink;
    trace_text_print(&to->text, "note: ");
    report_add_clean(&to->text, text, REPORT_CLEAN_LINE);
    trace_text_print(&to->text, "\n");
    return flush_text(to, detail);
}

static void add_skips(struct text_sink *to, uint32_t skipped)
{
    if (skipped == 0) {
        return;
    }
    trace_text_print(&to->text, "\nskipped, by reason:\n");
    for (uint32_t i = 0; i < to->reason_count; i++) {
        trace_text_print(&to->text, "%6" PRIu32 "  ", to->reasons[i].count);
        report_add_clean(&to->text, to->reasons[i].text, REPORT_CLEAN_LINE);
        trace_text_print(&to->text, "\n");
    }
    if (to->other_skips > 0) {
        trace_text_print(&to->text, "%6" PRIu32 "  for other reasons\n", to->other_skips);
    }
}

/* The rules that were broken more than once, or several of them. */
static void add_broken(struct text_sink *to)
{
    static const enum grade order[] = {GRADE_FAIL, GRADE_ERROR, GRADE_WARN, GRADE_EXPECTED};
    if (to->broken_count == 0 || (to->broken_count == 1 && to->broken[0].count == 1)) {
        return;
    }
    trace_text_print(&to->text, "\nby rule%s:\n",
                     to->options.verbose ? ""
                                         : ", each shown in the first of its cases (-v: in all)");
    for (unsigned g = 0; g < sizeof order / sizeof order[0]; g++) {
        for (uint32_t i = 0; i < to->broken_count; i++) {
            const struct broken_rule *row = &to->broken[i];
            if (row->grade != order[g]) {
                continue;
            }
            trace_text_print(&to->text, "  ");
            add_grade(to, row->grade, TEXT_INDENT - 2 - 1);
            trace_text_print(&to->text, " ");
            add_bold(to, row->rule);
            trace_text_print(&to->text, "%6" PRIu32 "  ", row->count);
            report_add_clean(&to->text, row->first_case, REPORT_CLEAN_LINE);
            trace_text_print(&to->text, "\n");
        }
    }
}

static enum status text_end(struct report_sink *sink, const struct report_summary *summary,
                            struct status_detail *detail)
{
    struct text_sink *to = (struct text_sink *)sink;
    uint64_t verdicts = 0;
    for (unsigned i = 0; i < GRADE_COUNT; i++) {
        verdicts += summary->counts.of[i];
    }
    add_broken(to);
    add_skips(to, summary->counts.of[GRADE_SKIP]);
    trace_text_print(&to->text, "\n%" PRIu32 " case%s, %" PRIu64 " verdict%s", summary->cases,
                     summary->cases == 1 ? "" : "s", verdicts, verdicts == 1 ? "" : "s");
    const char *between = ": ";
    for (unsigned i = 0; i < GRADE_COUNT; i++) {
        if (summary->counts.of[i] > 0) {
            trace_text_print(&to->text, "%s%" PRIu32 " ", between, summary->counts.of[i]);
            add_grade(to, (enum grade)i, 0);
            between = ", ";
        }
    }
    if (summary->duration_us >= 0) {
        trace_text_print(&to->text, " in %.2f s", (double)summary->duration_us / 1e6);
    }
    trace_text_print(&to->text, "\n");
    enum status status = flush_text(to, detail);
    return status == STATUS_OK ? report_output_commit(&to->output, detail) : status;
}

static void text_free(struct report_sink *sink)
{
    struct text_sink *to = (struct text_sink *)sink;
    for (uint32_t i = 0; i < to->reason_count; i++) {
        free(to->reasons[i].text);
    }
    for (uint32_t i = 0; i < to->broken_count; i++) {
        free(to->broken[i].rule);
        free(to->broken[i].first_case);
    }
    report_output_abandon(&to->output);
    trace_text_free(&to->text);
    free(to);
}

static const struct report_sink_operations text_operations = {.begin = text_begin,
                                                              .case_begin = text_case_begin,
                                                              .verdict = text_verdict,
                                                              .case_end = text_case_end,
                                                              .notice = text_notice,
                                                              .end = text_end,
                                                              .free = text_free};

enum status report_text_new(const struct report_place *place,
                            const struct report_text_options *options,
                            struct report_sink **ret_sink, struct status_detail *detail)
{
    struct text_sink *to = calloc(1, sizeof *to);
    if (to == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "out of memory for the report");
    }
    to->sink.operations = &text_operations;
    to->options = *options;
    enum status status = report_output_open(&to->output, place, detail);
    if (status != STATUS_OK) {
        text_free(&to->sink);
        return status;
    }
    *ret_sink = &to->sink;
    return STATUS_OK;
}
