/* One case on its way from a play to its verdicts. For the suite's own use. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_CASE_RUN_H
#define SOCKSPEC_SUITE_CASE_RUN_H

#include "suite/run.h"

enum { RUN_DETAIL_MAX = ORACLE_DETAIL_MAX + PLAYER_OUTPUT_MAX + 512, RUN_REPLAY_MAX = 8192 };

/* One case in work: what its verdicts have in common. */
struct case_run {
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

/* What a play gave, from whichever player. */
struct played {
    enum status status;
    struct status_detail detail;
    const struct trace *trace; /* where the status is STATUS_OK */
    struct player_outcome outcome;
};

/* ---- The case (case_run.c) ---- */

/* Why the case does not fit the subject; NULL: it does. */
const char *case_run_unfit(const struct suite_setup *setup, const struct suite_case *the_case);
/* What a play of the case begins with. */
struct trace_header case_run_header(const struct suite_setup *setup,
                                    const struct suite_case *the_case);
/* Reports one case: why it does not fit, or what its play showed. Errors: the play's, and
 * STATUS_NO_MEMORY. */
enum status case_run_report(const struct suite_setup *setup, const struct suite_case *the_case,
                            const char *unfit, struct played *played, struct suite_result *result,
                            struct status_detail *detail) STATUS_MUST_USE;

/* ---- Its verdicts (case_verdicts.c); `run->detail` says what happened ---- */

/* Tells the report one verdict, with `count` events of the trace that prove it. */
void case_run_tell(struct case_run *run, const char *rule, const char *title, enum grade grade,
                   const uint32_t *events, uint32_t count);
/* The case as a whole is skipped: every rule that it is about says so. */
void case_run_skip(struct case_run *run, const char *reason);
/* The case, or the environment, is at fault. */
void case_run_error(struct case_run *run, const char *reason);
/* A crash, a hang or an end that nobody asked for, where the trace has one. */
void case_run_end(struct case_run *run);

#endif
