/* Runs cases on a target: plays each, asks the oracle, grades, and tells a report. Sees worlds only
 * through the player. One runner per thread. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_RUN_H
#define SOCKSPEC_SUITE_RUN_H

#include <signal.h>

#include "oracle/oracle.h"
#include "report/report.h"
#include "suite/cases.h"
#include "suite/player.h"
#include "suite/subject.h"

/* Rules of the suite itself, for what ends a program before a rule of the oracle could speak. */
#define SUITE_RULE_CRASH "CRASH"
#define SUITE_RULE_HANG "HANG"
#define SUITE_RULE_EXIT "EXIT"
#define SUITE_RULE_CASE "CASE" /* ERROR: the case itself, or the environment, is at fault */

struct suite_setup {
    const struct subject *subject;
    struct player *player;
    struct player *const *players; /* for several cases at once, `player` among them */
    unsigned player_count;
    unsigned at_once; /* cases that are worked on at the same time; other players only wait for real
                         time to pass. 0: player_count */
    struct oracle *oracle;
    struct report *report;
    const char *case_glob;       /* NULL: all */
    const char *rule;            /* only verdicts on this rule; NULL: all */
    const char *replay_options;  /* behind `sockspec replay CASE`: " --target NAME", and more */
    const char *replay_scenario; /* of a scenario that is no case of the suite: how it is named;
                                    NULL: by name */
    /* After each play, with what the oracle said of it, which both are gone with the next. NULL:
     * nobody wants them. */
    void (*on_judged)(void *context, const struct trace *trace,
                      const struct oracle_judgement *judgement);
    void *judged_context;
    const volatile sig_atomic_t *stopped; /* set by a handler: no case is begun or told any more;
                                             NULL: never */
};

/* When so many cases in a row cannot be played, from the first on, or the target never comes to
 * rest in them, the others are not tried. */
enum { SUITE_FAILURES_MAX = 3, SUITE_PLAYERS_MAX = 64 };

/* What a run of many cases left. */
struct suite_result {
    uint32_t cases;     /* that were not filtered out */
    uint32_t played;    /* of these: that could be judged */
    uint32_t unfit;     /* of these: that are not for this target */
    uint32_t failures;  /* of these: that could not be played at all */
    uint32_t restless;  /* of those played: where the target span before the first step */
    uint32_t connected; /* of those played: where a peer and the program were connected */
    uint32_t answered;  /* of those played: where the program said something whole */
    uint32_t wrong; /* of those played: where it said something that the profile does not know */
    char absent_told[PLAYER_ABSENT_MAX];   /* observers that the world lacks, as they were named */
    bool known_failed[MANIFEST_KNOWN_MAX]; /* this known failure was seen */
    bool known_kept[MANIFEST_KNOWN_MAX];   /* its rule was kept in a case that it names */
};

/* How many cases suite_run would run. */
uint32_t suite_count(const struct suite_setup *setup, const struct cases *cases);

/* Runs the cases that the glob lets through and reports them; known failures that pass are noticed.
 * The caller begins and ends the report. Errors: those of the player, when nothing can be played at
 * all. */
enum status suite_run(const struct suite_setup *setup, const struct cases *cases,
                      struct suite_result *ret_result,
                      struct status_detail *detail) STATUS_MUST_USE;

/* Runs one case and reports it. */
enum status suite_run_case(const struct suite_setup *setup, const struct suite_case *the_case,
                           struct suite_result *result,
                           struct status_detail *detail) STATUS_MUST_USE;

/* Plays one scenario and gives the trace and what the oracle says; for replays and shrinking. */
enum status suite_play(const struct suite_setup *setup, const struct suite_case *the_case,
                       const struct trace **ret_trace,
                       const struct oracle_judgement **ret_judgement,
                       struct player_outcome *ret_outcome,
                       struct status_detail *detail) STATUS_MUST_USE;

/* The rule of the suite that this trace broke by how the program ended: SUITE_RULE_CRASH,
 * SUITE_RULE_HANG, SUITE_RULE_EXIT (a server that served ended although nothing asked it to) or
 * NULL. */
const char *suite_end_rule(const struct trace *trace);

/* Whether a word is one of the suite's rules that a target can break. */
bool suite_rule_is_own(const char *rule);

#endif
