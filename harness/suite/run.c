/* The suite: several cases at once, told in their order. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/run.h"

#include <fnmatch.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "suite/case_run.h"

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
    struct trace_header header = case_run_header(setup, turn->the_case);
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
                case_run_report(setup, turn->the_case, turn->unfit, &turn->played, result, detail);
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

/* Few cases want no connection. */
static void tell_unconnected(const struct suite_setup *setup, const struct suite_result *result)
{
    enum { CASES_MIN = 8 };
    static const char *const why[TRACE_ROLE_COUNT] = {
        [TRACE_ROLE_SERVER] = "nobody could connect to the port that the server listens on",
        [TRACE_ROLE_CLIENT] = "the client has to connect to the host and port that it is given",
    };
    const char *reason = why[setup->subject->manifest.role];
    if (reason != NULL && result->connected == 0 && result->played >= CASES_MIN) {
        report_notice(setup->report, "in no case was there a connection: %s", reason);
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
            turn->unfit = case_run_unfit(setup, turn->the_case);
        }
    }
    enum status last = run_turns(setup, turns, result.cases, &result, detail);
    if (result.played + result.unfit + result.failures < result.cases) {
        report_notice(setup->report, "%s%u further cases were not tried",
                      is_stopped(setup) ? "interrupted: " : "",
                      result.cases - result.played - result.unfit - result.failures);
    }
    tell_unconnected(setup, &result);
    tell_misunderstood(setup, &result);
    tell_known(setup, &result);
    free(turns);
    *ret_result = result;
    /* Errors of single cases are verdicts; when nothing could be played it is the environment. */
    return result.played == 0 ? last : STATUS_OK;
}
