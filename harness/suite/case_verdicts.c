/* What is told of a case: verdicts with their evidence, and the suite's own rules. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/text.h"
#include "suite/case_run.h"
#include "suite/glance.h"
#include "trace/describe.h"
#include "trace/ladder.h"
#include "trace/output.h"

/* ---- Evidence ---- */

static const char *scenario_text(struct case_run *run)
{
    size_t length = 0;
    if (run->scenario == NULL) {
        run->scenario = malloc(SCENARIO_PRINT_MAX);
        if (run->scenario != NULL && scenario_print(&run->the_case->scenario, run->scenario,
                                                    SCENARIO_PRINT_MAX, &length) != STATUS_OK) {
            run->scenario[0] = '\0';
        }
    }
    return run->scenario;
}

/* Draws the ladder into `text`; an empty one when memory fails, for a verdict stands without it. */
static void ladder_draw(struct case_run *run, const uint32_t *events, uint32_t count,
                        struct trace_text *text)
{
    struct ladder_options options = {
        .highlights = events, .highlight_count = count, .scenario = &run->the_case->scenario};
    struct trace_output output = trace_output_text(text);
    struct status_detail detail;
    if (ladder_print(run->trace, &options, &output, &detail) != STATUS_OK) {
        text->size = 0;
    }
}

/* ---- Verdicts ---- */

static bool is_wanted(const struct case_run *run, const char *rule)
{
    return run->setup->rule == NULL || strcmp(run->setup->rule, rule) == 0 ||
           strcmp(rule, SUITE_RULE_CASE) == 0;
}

/* A known failure is EXPECTED, and its reason is said. */
static enum grade known_grade(struct case_run *run, const char *rule, enum grade grade)
{
    const struct manifest *manifest = &run->setup->subject->manifest;
    const struct manifest_known *known = manifest_known(manifest, run->the_case->name, rule);
    if (known == NULL) {
        return grade;
    }
    size_t index = (size_t)(known - manifest->known);
    if (grade == GRADE_FAIL || grade == GRADE_WARN) {
        run->result->known_failed[index] = true;
        size_t used = strlen(run->detail);
        (void)snprintf(run->detail + used, sizeof(run->detail) - used, "\nknown: %s",
                       known->reason);
        return GRADE_EXPECTED;
    }
    run->result->known_kept[index] = run->result->known_kept[index] || grade == GRADE_PASS;
    return grade;
}

void case_run_tell(struct case_run *run, const char *rule, const char *title, enum grade grade,
                   const uint32_t *events, uint32_t count)
{
    if (!is_wanted(run, rule)) {
        return;
    }
    assert(count == 0 || run->trace != NULL); /* evidence is events of a trace */
    bool shows = run->trace != NULL && !run->unplayable &&
                 (grade == GRADE_FAIL || grade == GRADE_WARN || grade == GRADE_ERROR);
    struct report_event report_events[ORACLE_EVIDENCE_MAX];
    char texts[ORACLE_EVIDENCE_MAX][TRACE_DESCRIBE_MAX];
    for (uint32_t i = 0; i < count; i++) {
        report_events[i] = (struct report_event){
            events[i], trace_describe(&run->trace->events[events[i]], texts[i], sizeof(texts[i]))};
    }
    struct trace_text ladder = {0};
    if (shows) {
        ladder_draw(run, events, count, &ladder);
    }
    struct report_verdict verdict = {
        .rule = rule,
        .title = title,
        .grade = known_grade(run, rule, grade),
        .replay = run->replay,
        .ladder = ladder.size > 0 ? ladder.data : NULL,
        .scenario = shows ? scenario_text(run) : NULL,
        .events = report_events,
        .event_count = count,
        .duration_us = -1,
    };
    verdict.detail = run->detail[0] != '\0' ? run->detail : NULL;
    report_verdict(run->setup->report, &verdict);
    trace_text_free(&ladder);
}

void case_run_skip(struct case_run *run, const char *reason)
{
    bool said = false;
    (void)snprintf(run->detail, sizeof(run->detail), "%s", reason);
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        if (oracle_has(run->the_case->rules, rule)) {
            case_run_tell(run, oracle_rules[rule].id, oracle_rules[rule].title, GRADE_SKIP, NULL,
                          0);
            said = true;
        }
    }
    if (!said) {
        case_run_tell(run, SUITE_RULE_CASE, "the case applies", GRADE_SKIP, NULL, 0);
    }
}

/* Adds what the target wrote to what is told. */
static void output_tell(struct case_run *run)
{
    size_t used = strlen(run->detail);
    if (run->outcome.output[0] != '\0') {
        (void)snprintf(run->detail + used, sizeof(run->detail) - used, "\nit wrote:\n%s",
                       run->outcome.output);
    }
}

void case_run_error(struct case_run *run, const char *reason)
{
    (void)snprintf(run->detail, sizeof(run->detail), "%s", reason);
    output_tell(run);
    case_run_tell(run, SUITE_RULE_CASE, "the case can be judged", GRADE_ERROR, NULL, 0);
}

static const struct own_rule {
    const char *id;
    const char *title;
} own_rules[] = {
    {SUITE_RULE_CRASH, "the program does not crash"},
    {SUITE_RULE_HANG, "the program goes on"},
    {SUITE_RULE_EXIT, "a server goes on until it is asked to stop"},
};
enum own_rule_index { OWN_CRASH, OWN_HANG, OWN_EXIT, OWN_COUNT };

bool suite_rule_is_own(const char *rule)
{
    for (unsigned i = 0; i < OWN_COUNT; i++) {
        if (strcmp(own_rules[i].id, rule) == 0) {
            return true;
        }
    }
    return false;
}

/* OWN_COUNT where the end was as it should be, or is for the oracle's rules to judge. */
static enum own_rule_index end_rule(const struct trace *trace)
{
    const struct trace_event *event = glance_exit(trace);
    if (event == NULL) {
        return OWN_COUNT;
    }
    switch (event->what) {
    case TRACE_EXIT_CRASHED:
    case TRACE_EXIT_ABORTED:
        return OWN_CRASH;
    case TRACE_EXIT_HUNG:
    case TRACE_EXIT_DEADLOCKED:
        return OWN_HANG;
    case TRACE_EXIT_RETURNED:
        return trace->header.role == TRACE_ROLE_SERVER && glance_ended_unasked(trace, event)
                   ? OWN_EXIT
                   : OWN_COUNT;
    default:
        return OWN_COUNT;
    }
}

const char *suite_end_rule(const struct trace *trace)
{
    enum own_rule_index rule = end_rule(trace);
    return rule == OWN_COUNT ? NULL : own_rules[rule].id;
}

/* Whether a rule of the oracle proves itself broken by this very event. */
static bool oracle_said_it(const struct case_run *run, uint32_t index)
{
    for (unsigned i = 0; i < ORACLE_RULE_COUNT; i++) {
        const struct oracle_verdict *verdict = &run->judgement->verdicts[i];
        for (unsigned e = 0; verdict->outcome == ORACLE_BROKEN && e < verdict->count; e++) {
            if (verdict->events[e] == index) {
                return true;
            }
        }
    }
    return false;
}

static void end_detail(struct case_run *run, enum own_rule_index rule,
                       const struct trace_event *event)
{
    char *text = run->detail;
    size_t size = sizeof(run->detail);
    int result = (int)event->result;
    const char *what = subject_is_stack(run->setup->subject) ? "stack" : "program";
    if (event->what == TRACE_EXIT_DEADLOCKED) {
        (void)snprintf(text, size, "deadlock: each of its %d threads waits for another one",
                       result);
    } else if (rule == OWN_HANG) {
        (void)snprintf(text, size,
                       "the %s used its CPU time without making a call, or slept where "
                       "nothing wakes it",
                       what);
    } else if (rule == OWN_EXIT) {
        (void)snprintf(text, size, "the server ended with status %d; nothing had asked it to",
                       result);
    } else if (event->what == TRACE_EXIT_ABORTED) {
        (void)snprintf(text, size, "the %s aborted", what);
    } else if (result < 0) {
        (void)snprintf(text, size, "the %s ended its process with status %d", what, -result);
    } else {
        (void)snprintf(text, size, "the %s crashed: signal %d (%s)", what, result,
                       strsignal(result));
    }
}

void case_run_end(struct case_run *run)
{
    enum own_rule_index rule = end_rule(run->trace);
    if (rule == OWN_COUNT) {
        return;
    }
    const struct trace_event *event = glance_exit(run->trace);
    uint32_t index = (uint32_t)(event - run->trace->events);
    if (rule != OWN_CRASH && oracle_said_it(run, index)) {
        return;
    }
    end_detail(run, rule, event);
    output_tell(run);
    case_run_tell(run, own_rules[rule].id, own_rules[rule].title, GRADE_FAIL, &index, 1);
}
