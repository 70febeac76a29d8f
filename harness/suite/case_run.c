/* One case: whether it fits, whether its play was what it says, and what the oracle makes of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/case_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/text.h"
#include "suite/glance.h"
#include "suite/stack_case.h"
#include "trace/describe.h"

/* What the run says about the case itself, before any rule is looked at. */
enum case_fate { CASE_JUDGED, CASE_SKIPPED, CASE_FAULTY };

/* Why a case that needs something shows by a step without effect that the target lacks it; NULL. */
static const char *lacking(uint32_t needs)
{
    static const struct {
        enum cases_need need;
        const char *reason;
    } shown[] = {
#define NEED_REASON(name, word, promise, text) {CASES_NEED_##name, text},
        CASES_NEED_TABLE(NEED_REASON)
#undef NEED_REASON
    };
    needs &= CASES_NEEDS_SHOWN_BY_RUN;
    return needs != 0 ? shown[__builtin_ctz(needs)].reason : NULL;
}

/* Why a step had no effect. Where calls are not seen, none could come that it waits for, nor be
 * made to fail. */
static const char *noop_words(const struct trace *trace, const struct scenario_step *step,
                              enum trace_noop noop)
{
    bool fault = step != NULL &&
                 (step->verb == SCENARIO_KERNEL_FAIL || step->verb == SCENARIO_KERNEL_SHORT ||
                  step->verb == SCENARIO_KERNEL_INTERRUPT);
    bool blind = (trace->header.observers & TRACE_SEES_CALLS) == 0;
    bool wants_calls =
        noop == TRACE_NOOP_CALL_NEVER_CAME || (noop == TRACE_NOOP_NOT_ALLOWED && fault);
    return blind && wants_calls ? "calls are neither seen nor made to fail here"
                                : trace_noop_name(noop);
}

/* A step without effect: the case did not do what it says. Not so where the target itself had gone
 * astray, nor with a command: nobody knows how one goes about it, and a call that never comes is no
 * fault of ours. */
static enum case_fate noop_fate(struct case_run *run, const struct trace_event *event, char *reason,
                                size_t size)
{
    const struct scenario *scenario = &run->the_case->scenario;
    char step[SCENARIO_STEP_TEXT_MAX] = "?";
    const struct scenario_step *played = NULL;
    if (event->a >= 0 && event->a < scenario->count) {
        played = &scenario->steps[event->a];
        (void)scenario_print_step(scenario, (unsigned)event->a, step, sizeof(step));
    }
    const char *noop = noop_words(run->trace, played, (enum trace_noop)event->b);
    const char *excuse = NULL;
    bool is_ours = subject_is_stack(run->setup->subject) && !run->setup->subject->stack.adapter;
    if (event->b == TRACE_NOOP_NOT_ALLOWED || glance_is_cut(event) ||
        (run->setup->subject->program == NULL && !is_ours)) {
        excuse = noop;
    }
    uint32_t runs = run->setup->subject->target.runs;
    excuse = excuse != NULL ? excuse : glance_overtaken(run->trace, scenario, runs, event);
    excuse = excuse != NULL ? excuse : lacking(run->the_case->needs);
    if (excuse != NULL) {
        (void)snprintf(reason, size, "'%s': %s", step, excuse);
        return CASE_SKIPPED;
    }
    (void)snprintf(reason, size, "step %d '%s' had no effect: %s", (int)event->a, step, noop);
    return CASE_FAULTY;
}

static enum case_fate unplayed_fate(struct case_run *run, const struct trace_event *event,
                                    char *reason, size_t size)
{
    if (event->kind == TRACE_NOOP) {
        return noop_fate(run, event, reason, size);
    }
    char text[TRACE_DESCRIBE_MAX];
    (void)snprintf(reason, size,
                   "the target needs what the model does not have: %s: try --world linux",
                   trace_describe(event, text, sizeof(text)));
    return CASE_FAULTY;
}

/* Judges what happened while the run was what the case says. */
static enum status judge(const struct suite_setup *setup, const struct trace *trace,
                         const struct oracle_judgement **ret_judgement,
                         struct status_detail *detail)
{
    struct trace before = *trace;
    before.count = glance_first_unplayed(trace);
    return oracle_judge(setup->oracle, &before, ret_judgement, detail);
}

static enum case_fate case_fate(struct case_run *run, char *reason, size_t size)
{
    const struct trace *trace = run->trace;
    const uint64_t *broken = run->judgement->broken;
    if (broken[0] != 0 || broken[1] != 0 || broken[2] != 0 || suite_end_rule(trace) != NULL) {
        return CASE_JUDGED;
    }
    uint32_t unplayed = glance_first_unplayed(trace);
    if (unplayed < trace->count) {
        return unplayed_fate(run, &trace->events[unplayed], reason, size);
    }
    if (glance_never_listened(trace, reason, size)) {
        run->unplayable = true;
        return CASE_FAULTY;
    }
    enum case_fate fate = CASE_JUDGED;
    for (uint32_t i = 0; i < trace->count && fate != CASE_FAULTY; i++) {
        const struct trace_event *event = &trace->events[i];
        if (event->kind == TRACE_NOOP && run->setup->replay_scenario != NULL) {
            /* No case of the suite, so it claims nothing: the verdicts stand, but one should know.
             */
            (void)noop_fate(run, event, reason, size);
            report_notice(run->setup->report, "%s", reason);
        } else if (event->kind == TRACE_NOOP && fate == CASE_JUDGED) {
            fate = noop_fate(run, event, reason, size);
        } else if (event->kind == TRACE_OVERFLOW) {
            (void)snprintf(reason, size, "the trace is full: more than %d events",
                           TRACE_EVENTS_MAX);
            fate = CASE_FAULTY;
        }
    }
    return fate;
}

/* Puts into words why a rule that had no occasion might have had one, if only the world could have
 * gone on. */
static bool needs_more(struct case_run *run, unsigned rule)
{
    const struct trace *trace = run->trace;
    uint32_t unplayed = glance_first_unplayed(trace);
    if (unplayed < trace->count) {
        (void)unplayed_fate(run, &trace->events[unplayed], run->detail, sizeof(run->detail));
        return true;
    }
    bool asks_end = (oracle_rules[rule].phases >> TRACE_PHASE_QUIET & 1U) != 0 ||
                    oracle_rules[rule].on_end != NULL;
    for (uint32_t i = 0; asks_end && i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        if (event->kind == TRACE_PHASE && event->what == TRACE_PHASE_BROKEN_OFF) {
            (void)snprintf(run->detail, sizeof(run->detail),
                           "when the peers had closed it still held something: whether it lets go "
                           "takes up to %d s of real time to see: --slow",
                           (int)(trace->header.idle_limit_us / 1000000));
            return true;
        }
    }
    return false;
}

static void case_judge(struct case_run *run)
{
    char reason[512] = "";
    enum case_fate fate = case_fate(run, reason, sizeof(reason));
    if (fate != CASE_JUDGED) {
        (fate == CASE_SKIPPED ? case_run_skip : case_run_error)(run, reason);
        return;
    }
    case_run_end(run);
    if (subject_is_stack(run->setup->subject) && suite_end_rule(run->trace) != NULL) {
        return; /* nothing was played from there on: no rule is to be judged by what did not come */
    }
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        const struct oracle_verdict *verdict = &run->judgement->verdicts[rule];
        bool meant = oracle_has(run->the_case->rules, rule);
        if (verdict->outcome == ORACLE_NOT_APPLICABLE && !meant) {
            continue;
        }
        const char *unfit = subject_is_stack(run->setup->subject)
                                ? stack_case_rule_unfit(oracle_rules[rule].id, run->setup->subject)
                                : NULL;
        if (unfit != NULL) {
            (void)snprintf(run->detail, sizeof(run->detail), "%s", unfit);
            case_run_tell(run, oracle_rules[rule].id, oracle_rules[rule].title, GRADE_SKIP, NULL,
                          0);
            continue;
        }
        if (verdict->outcome != ORACLE_NOT_APPLICABLE || !needs_more(run, rule)) {
            (void)oracle_detail(verdict, run->trace, run->detail, sizeof(run->detail));
        }
        case_run_tell(run, oracle_rules[rule].id, oracle_rules[rule].title,
                      (enum grade)verdict->grade, verdict->events, verdict->count);
    }
}

struct trace_header case_run_header(const struct suite_setup *setup,
                                    const struct suite_case *the_case)
{
    struct trace_header header = subject_header(setup->subject, 0); /* the player knows the world */
    if (the_case->idle_limit_us > 0) {
        header.idle_limit_us = the_case->idle_limit_us;
    }
    if (the_case->has_seed) {
        header.seed = the_case->seed;
    }
    header.repeats = the_case->repeats;
    (void)snprintf(header.scenario, sizeof(header.scenario), "%s", the_case->name);
    return header;
}

enum status suite_play(const struct suite_setup *setup, const struct suite_case *the_case,
                       const struct trace **ret_trace,
                       const struct oracle_judgement **ret_judgement,
                       struct player_outcome *ret_outcome, struct status_detail *detail)
{
    struct trace_header header = case_run_header(setup, the_case);
    enum status status =
        player_play(setup->player, &the_case->scenario, &header, ret_trace, ret_outcome, detail);
    if (status != STATUS_OK) {
        return status;
    }
    return judge(setup, *ret_trace, ret_judgement, detail);
}

/* Names what the world cannot see, once. */
static void tell_absent(struct case_run *run)
{
    char *told = run->result->absent_told;
    if (strstr(told, run->outcome.absent) == NULL) {
        (void)snprintf(told, sizeof(run->result->absent_told), "%s", run->outcome.absent);
        report_notice(run->setup->report, "%s; what only that could show is SKIP", told);
    }
}

static void played_judge(struct case_run *run, struct played *played)
{
    run->outcome = played->outcome;
    tell_absent(run);
    if (played->status == STATUS_OK) {
        run->trace = played->trace;
        played->status = judge(run->setup, run->trace, &run->judgement, &played->detail);
    }
    if (played->status == STATUS_OK) {
        case_judge(run);
        if (run->setup->on_judged != NULL) {
            run->setup->on_judged(run->setup->judged_context, run->trace, run->judgement);
        }
    } else {
        run->trace = NULL;
        run->unplayable = true;
        case_run_error(run, played->detail.text);
    }
    run->result->failures += run->unplayable;
    run->result->played += !run->unplayable;
    run->result->connected += run->trace != NULL && glance_connected(run->trace);
    run->result->answered += run->trace != NULL && glance_answered(run->trace);
    run->result->wrong += run->trace != NULL && glance_answered_wrongly(run->trace);
    run->result->restless += !run->unplayable && glance_is_restless(run->trace);
}

enum status case_run_report(const struct suite_setup *setup, const struct suite_case *the_case,
                            const char *unfit, struct played *played, struct suite_result *result,
                            struct status_detail *detail)
{
    struct case_run *run = calloc(1, sizeof(*run));
    if (run == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "%s", the_case->name);
    }
    run->setup = setup;
    run->the_case = the_case;
    run->result = result;
    const char *named = setup->replay_scenario != NULL ? setup->replay_scenario : the_case->name;
    (void)snprintf(run->replay, sizeof(run->replay), "sockspec replay %s%s", named,
                   setup->replay_options);
    struct report_case report_case = {.name = the_case->name,
                                      .title = the_case->title[0] != '\0' ? the_case->title : NULL};
    report_case_begin(setup->report, &report_case);
    enum status status = STATUS_OK;
    if (unfit != NULL) {
        case_run_skip(run, unfit);
        result->unfit++;
    } else {
        played_judge(run, played);
        status = played->status;
        if (status != STATUS_OK) {
            status = status_fail(detail, status, "%s", played->detail.text);
        }
    }
    report_case_end(setup->report);
    free(run->scenario);
    free(run);
    return status;
}

const char *case_run_unfit(const struct suite_setup *setup, const struct suite_case *the_case)
{
    if (subject_is_stack(setup->subject)) {
        return stack_case_unfit(the_case, setup->subject);
    }
    return cases_unfit(the_case, &setup->subject->manifest, setup->subject->profile);
}

enum status suite_run_case(const struct suite_setup *setup, const struct suite_case *the_case,
                           struct suite_result *result, struct status_detail *detail)
{
    struct played *played = calloc(1, sizeof(*played));
    if (played == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "%s", the_case->name);
    }
    const char *unfit = case_run_unfit(setup, the_case);
    if (unfit == NULL) {
        struct trace_header header = case_run_header(setup, the_case);
        played->status = player_play(setup->player, &the_case->scenario, &header, &played->trace,
                                     &played->outcome, &played->detail);
    }
    enum status status = case_run_report(setup, the_case, unfit, played, result, detail);
    free(played);
    return status;
}
