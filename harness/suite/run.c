/* One case after the other: play, judge, grade, report. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/run.h"

#include <assert.h>
#include <fnmatch.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/text.h"
#include "suite/glance.h"
#include "suite/stack_case.h"
#include "trace/describe.h"
#include "trace/ladder.h"
#include "trace/output.h"

enum { RUN_DETAIL_MAX = ORACLE_DETAIL_MAX + PLAYER_OUTPUT_MAX + 512, RUN_REPLAY_MAX = 8192 };

/* One case in work: what its verdicts have in common. */
struct run {
    const struct suite_setup *setup;
    const struct suite_case *the_case;
    struct suite_result *result;
    const struct trace *trace;
    const struct oracle_judgement *judgement;
    struct player_outcome outcome;
    bool unplayable; /* the target never came to where it can be judged */
    char replay[RUN_REPLAY_MAX];
    char detail[RUN_DETAIL_MAX];
    char *scenario; /* text form, made when a verdict wants it */
};

/* ---- Evidence ---- */

static const char *scenario_text(struct run *run)
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
static void ladder_draw(struct run *run, const uint32_t *events, uint32_t count,
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

static bool is_wanted(const struct run *run, const char *rule)
{
    return run->setup->rule == NULL || strcmp(run->setup->rule, rule) == 0 ||
           strcmp(rule, SUITE_RULE_CASE) == 0;
}

/* A known failure is EXPECTED, and its reason is said. */
static enum grade known_grade(struct run *run, const char *rule, enum grade grade)
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

static void verdict_tell(struct run *run, const char *rule, const char *title, enum grade grade,
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

/* The case as a whole is skipped: every rule that it is about says so. */
static void case_skip(struct run *run, const char *reason)
{
    bool said = false;
    (void)snprintf(run->detail, sizeof(run->detail), "%s", reason);
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        if (oracle_has(run->the_case->rules, rule)) {
            verdict_tell(run, oracle_rules[rule].id, oracle_rules[rule].title, GRADE_SKIP, NULL, 0);
            said = true;
        }
    }
    if (!said) {
        verdict_tell(run, SUITE_RULE_CASE, "the case applies", GRADE_SKIP, NULL, 0);
    }
}

/* Adds what the target wrote to what is told. */
static void output_tell(struct run *run)
{
    size_t used = strlen(run->detail);
    if (run->outcome.output[0] != '\0') {
        (void)snprintf(run->detail + used, sizeof(run->detail) - used, "\nit wrote:\n%s",
                       run->outcome.output);
    }
}

static void case_error(struct run *run, const char *reason)
{
    (void)snprintf(run->detail, sizeof(run->detail), "%s", reason);
    output_tell(run);
    verdict_tell(run, SUITE_RULE_CASE, "the case can be judged", GRADE_ERROR, NULL, 0);
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
static bool oracle_said_it(const struct run *run, uint32_t index)
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

static void end_detail(struct run *run, enum own_rule_index rule, const struct trace_event *event)
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

/* A crash, a hang or an end, with what the process wrote. */
static void end_verdict(struct run *run)
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
    verdict_tell(run, own_rules[rule].id, own_rules[rule].title, GRADE_FAIL, &index, 1);
}

/* ---- One case ---- */

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

/* A step without effect: the case did not do what it says. Not so where the target itself had gone
 * astray, nor with a command: nobody knows how one goes about it, and a call that never comes is no
 * fault of ours. */
static enum case_fate noop_fate(struct run *run, const struct trace_event *event, char *reason,
                                size_t size)
{
    const struct scenario *scenario = &run->the_case->scenario;
    char step[SCENARIO_STEP_TEXT_MAX] = "?";
    if (event->a >= 0 && event->a < scenario->count) {
        (void)scenario_print_step(scenario, (unsigned)event->a, step, sizeof(step));
    }
    const char *noop = trace_noop_name((enum trace_noop)event->b);
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

static enum case_fate unplayed_fate(struct run *run, const struct trace_event *event, char *reason,
                                    size_t size)
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

static enum case_fate case_fate(struct run *run, char *reason, size_t size)
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
static bool needs_more(struct run *run, unsigned rule)
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

static void case_judge(struct run *run)
{
    char reason[512] = "";
    enum case_fate fate = case_fate(run, reason, sizeof(reason));
    if (fate != CASE_JUDGED) {
        (fate == CASE_SKIPPED ? case_skip : case_error)(run, reason);
        return;
    }
    end_verdict(run);
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
            verdict_tell(run, oracle_rules[rule].id, oracle_rules[rule].title, GRADE_SKIP, NULL, 0);
            continue;
        }
        if (verdict->outcome != ORACLE_NOT_APPLICABLE || !needs_more(run, rule)) {
            (void)oracle_detail(verdict, run->trace, run->detail, sizeof(run->detail));
        }
        verdict_tell(run, oracle_rules[rule].id, oracle_rules[rule].title,
                     (enum grade)verdict->grade, verdict->events, verdict->count);
    }
}

static struct trace_header header_of(const struct suite_setup *setup,
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
    struct trace_header header = header_of(setup, the_case);
    enum status status =
        player_play(setup->player, &the_case->scenario, &header, ret_trace, ret_outcome, detail);
    if (status != STATUS_OK) {
        return status;
    }
    return judge(setup, *ret_trace, ret_judgement, detail);
}

/* What a play gave, from whichever player. */
struct played {
    enum status status;
    struct status_detail detail;
    const struct trace *trace; /* where the status is STATUS_OK */
    struct player_outcome outcome;
};

/* Names what the world cannot see, once. */
static void tell_absent(struct run *run)
{
    char *told = run->result->absent_told;
    if (strstr(told, run->outcome.absent) == NULL) {
        (void)snprintf(told, sizeof(run->result->absent_told), "%s", run->outcome.absent);
        report_notice(run->setup->report, "%s; what only that could show is SKIP", told);
    }
}

static void played_judge(struct run *run, struct played *played)
{
    run->outcome = played->outcome;
    tell_absent(run);
    if (played->status == STATUS_OK) {
        run->trace = played->trace;
        played->status = judge(run->setup, run->trace, &run->judgement, &played->detail);
    }
    if (played->status == STATUS_OK) {
        case_judge(run);
    } else {
        run->trace = NULL;
        run->unplayable = true;
        case_error(run, played->detail.text);
    }
    run->result->failures += run->unplayable;
    run->result->played += !run->unplayable;
    run->result->answered += run->trace != NULL && glance_answered(run->trace);
    run->result->wrong += run->trace != NULL && glance_answered_wrongly(run->trace);
    run->result->restless += !run->unplayable && glance_is_restless(run->trace);
}

/* Reports one case: why it does not fit, or what its play showed. */
static enum status case_report(const struct suite_setup *setup, const struct suite_case *the_case,
                               const char *unfit, struct played *played,
                               struct suite_result *result, struct status_detail *detail)
{
    struct run *run = calloc(1, sizeof(*run));
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
        case_skip(run, unfit);
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

static const char *unfit_for(const struct suite_setup *setup, const struct suite_case *the_case)
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
    const char *unfit = unfit_for(setup, the_case);
    if (unfit == NULL) {
        struct trace_header header = header_of(setup, the_case);
        played->status = player_play(setup->player, &the_case->scenario, &header, &played->trace,
                                     &played->outcome, &played->detail);
    }
    enum status status = case_report(setup, the_case, unfit, played, result, detail);
    free(played);
    return status;
}

static bool is_selected(const struct suite_setup *setup, const struct suite_case *the_case)
{
    return (setup->case_glob == NULL || fnmatch(setup->case_glob, the_case->name, 0) == 0) &&
           (the_case->roles >> setup->subject->manifest.role & 1U) != 0;
}

uint32_t suite_count(const struct suite_setup *setup, const struct cases *cases)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < cases->count; i++) {
        count += is_selected(setup, &cases->cases[i]);
    }
    return count;
}

static bool is_stopped(const struct suite_setup *setup)
{
    return setup->stopped != NULL && *setup->stopped != 0;
}

/* Whether no case got as far as its first step. */
static bool got_nowhere(const struct suite_result *result)
{
    return result->played == result->restless;
}

/* Whether the others need not be tried. */
static bool gives_up(const struct suite_result *result)
{
    return got_nowhere(result) && result->failures + result->restless >= SUITE_FAILURES_MAX;
}

/* ---- Several cases at once ---- */

/* A case that is played, or was and waits for its turn to be told. */
struct turn {
    const struct suite_case *the_case;
    const char *unfit;
    struct player *player; /* that plays it; NULL: none */
    bool over;
    struct played played;
    struct trace trace; /* of its own once the play is over */
};

/* Keeps the trace, so that the player can go on with another case. */
static enum status turn_keep(struct turn *turn)
{
    const struct trace *trace = turn->played.trace;
    turn->trace = *trace;
    turn->trace.events = malloc((trace->count + 1) * sizeof(*trace->events));
    if (turn->trace.events == NULL) {
        return status_fail(&turn->played.detail, STATUS_NO_MEMORY, "%s", turn->the_case->name);
    }
    memcpy(turn->trace.events, trace->events, trace->count * sizeof(*trace->events));
    turn->trace.capacity = trace->count + 1;
    turn->played.trace = &turn->trace;
    return STATUS_OK;
}

static void turn_end(struct turn *turn)
{
    struct played *played = &turn->played;
    played->status = player_end(turn->player, &played->trace, &played->outcome, &played->detail);
    if (played->status == STATUS_OK) {
        played->status = turn_keep(turn);
    }
    turn->player = NULL;
    turn->over = true;
}

static void turn_begin(const struct suite_setup *setup, struct turn *turn, struct player *player)
{
    struct trace_header header = header_of(setup, turn->the_case);
    turn->played.status =
        player_begin(player, &turn->the_case->scenario, &header, &turn->played.detail);
    turn->over = turn->played.status != STATUS_OK;
    turn->player = turn->over ? NULL : player;
}

static bool is_busy(const struct turn *turns, uint32_t count, const struct player *player)
{
    for (uint32_t i = 0; i < count; i++) {
        if (turns[i].player == player) {
            return true;
        }
    }
    return false;
}

/* How many plays are worked on now. */
static unsigned at_work(const struct turn *turns, uint32_t count)
{
    unsigned working = 0;
    for (uint32_t i = 0; i < count; i++) {
        working += turns[i].player != NULL && !player_rests(turns[i].player);
    }
    return working;
}

/* How many may be. */
static unsigned most_at_once(const struct suite_setup *setup)
{
    return setup->at_once != 0 ? setup->at_once : setup->player_count;
}

/* Waits until at least one play may be over, and ends those that are. */
static void turns_wait(struct turn *turns, uint32_t count)
{
    struct pollfd channels[SUITE_PLAYERS_MAX];
    nfds_t polled = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (turns[i].player != NULL) {
            channels[polled++] =
                (struct pollfd){.fd = player_descriptor(turns[i].player), .events = POLLIN};
        }
    }
    if (polled > 0) {
        (void)poll(channels, polled, PLAYER_POLL_MS);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (turns[i].player != NULL && player_look(turns[i].player)) {
            turn_end(&turns[i]);
        }
    }
}

/* Until one case was judged, it may turn out that none can be: few are begun before the first are
 * told. */
static bool is_too_far(const struct suite_setup *setup, const struct suite_result *result,
                       uint32_t untold)
{
    return got_nowhere(result) && untold >= 2 * most_at_once(setup);
}

/* Plays by all players at once; what is told keeps the order. */
static enum status run_turns(const struct suite_setup *setup, struct turn *turns, uint32_t count,
                             struct suite_result *result, struct status_detail *detail)
{
    uint32_t begun = 0;
    uint32_t told = 0;
    enum status last = STATUS_OK;
    while (told < count && !is_stopped(setup)) {
        while (told < begun && turns[told].over && !is_stopped(setup)) {
            struct turn *turn = &turns[told++];
            enum status status =
                case_report(setup, turn->the_case, turn->unfit, &turn->played, result, detail);
            last = status != STATUS_OK ? status : last;
            free(turn->trace.events);
            turn->trace.events = NULL;
        }
        for (unsigned p = 0; p < setup->player_count && !gives_up(result); p++) {
            while (begun < count && turns[begun].unfit != NULL) {
                turns[begun++].over = true;
            }
            if (begun < count && at_work(turns, begun) < most_at_once(setup) &&
                !is_too_far(setup, result, begun - told) &&
                !is_busy(turns, begun, setup->players[p])) {
                turn_begin(setup, &turns[begun++], setup->players[p]);
            }
        }
        if (told == begun && gives_up(result)) {
            break;
        }
        turns_wait(turns, begun);
    }
    for (; told < begun; told++) { /* it was stopped: whoever owns the players ends them */
        free(turns[told].trace.events);
    }
    return last;
}

/* ---- The suite ---- */

static void tell_known(const struct suite_setup *setup, const struct suite_result *result)
{
    for (uint32_t i = 0; i < setup->subject->manifest.known_count; i++) {
        const struct manifest_known *known = &setup->subject->manifest.known[i];
        if (result->known_kept[i] && !result->known_failed[i]) {
            report_notice(setup->report, "%s:%u: the known failure '%s %s' passes now: remove it",
                          setup->subject->manifest.path, known->line, known->cases, known->rule);
        }
    }
}

/* No answer in any case was what the profile expects: more likely than a program that does nothing
 * right is one that speaks something else. */
static void tell_misunderstood(const struct suite_setup *setup, const struct suite_result *result)
{
    if (result->wrong > 0 && result->answered == 0 && setup->subject->profile != NULL) {
        report_notice(setup->report,
                      "in no case did it answer as the profile %s expects: if that is not the "
                      "protocol that it speaks, the verdicts mean little",
                      setup->subject->profile->name);
    }
}

enum status suite_run(const struct suite_setup *setup, const struct cases *cases,
                      struct suite_result *ret_result, struct status_detail *detail)
{
    struct suite_result result = {0};
    struct turn *turns = calloc(cases->count + 1, sizeof(*turns));
    if (turns == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "%u cases", cases->count);
    }
    for (uint32_t i = 0; i < cases->count; i++) {
        if (is_selected(setup, &cases->cases[i])) {
            struct turn *turn = &turns[result.cases++];
            turn->the_case = &cases->cases[i];
            turn->unfit = unfit_for(setup, turn->the_case);
        }
    }
    enum status last = run_turns(setup, turns, result.cases, &result, detail);
    if (result.played + result.unfit + result.failures < result.cases) {
        report_notice(setup->report, "%s%u further cases were not tried",
                      is_stopped(setup) ? "interrupted: " : "",
                      result.cases - result.played - result.unfit - result.failures);
    }
    tell_misunderstood(setup, &result);
    tell_known(setup, &result);
    free(turns);
    *ret_result = result;
    /* Errors of single cases are verdicts; when nothing could be played it is the environment. */
    return result.played == 0 ? last : STATUS_OK;
}
