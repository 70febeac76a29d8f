/* A fuzzing process: the linked program of this executable in a model, and what the environment
 * says about it. Shared by the entry points of the engines. One in a process; one thread.
 *
 * Environment, set by a campaign and useful by hand:
 *   SOCKSPEC_FINDINGS  folder that takes the findings; without it the first one aborts
 *   SOCKSPEC_STATS     file of the counts (stats.h)
 *   SOCKSPEC_REPLAY    the command that plays a scenario again, {scenario} where its path belongs
 *   SOCKSPEC_UNTIL     ID of a rule: findings are only counted, and the process ends with
 *                      FUZZ_EXIT_FOUND in the run that breaks this rule
 *   SOCKSPEC_COUNT     not empty: findings are only counted
 *   SOCKSPEC_CRASHES   a crash in the target's own code ends its run, not the process; the input
 *                      of the first one at each place goes to a file whose path begins so
 *   SOCKSPEC_TRIAGE    file with an input that ended a process: played in a child, shrunk, recorded
 *   SOCKSPEC_COVER     folder of inputs: prints what each reaches and costs (cover.h), and ends
 *   SOCKSPEC_TRIM      with SOCKSPEC_COVER: folder that takes the inputs without what only costs
 *   SOCKSPEC_PARENT    process without which this one shall not go on */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_FUZZ_PROCESS_H
#define SOCKSPEC_FUZZ_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "fuzz/fuzz.h"

#define FUZZ_ENV_FINDINGS "SOCKSPEC_FINDINGS"
#define FUZZ_ENV_STATS "SOCKSPEC_STATS"
#define FUZZ_ENV_REPLAY "SOCKSPEC_REPLAY"
#define FUZZ_ENV_UNTIL "SOCKSPEC_UNTIL"
#define FUZZ_ENV_COUNT "SOCKSPEC_COUNT"
#define FUZZ_ENV_CRASHES "SOCKSPEC_CRASHES"
#define FUZZ_ENV_TRIAGE "SOCKSPEC_TRIAGE"
#define FUZZ_ENV_COVER "SOCKSPEC_COVER"
#define FUZZ_ENV_TRIM "SOCKSPEC_TRIM"
#define FUZZ_ENV_PARENT "SOCKSPEC_PARENT"
#define FUZZ_ENV_ROLE "SOCKSPEC_ROLE" /* of the target, for AFL++'s mutator: "server", … */

/* How a fuzzing process ends by itself, beside what its engine exits with. */
enum fuzz_exit {
    FUZZ_EXIT_FOUND = 91,       /* the rule of SOCKSPEC_UNTIL was broken */
    FUZZ_EXIT_IO = 92,          /* findings or counts cannot be written */
    FUZZ_EXIT_ENVIRONMENT = 93, /* the world cannot run the target */
    FUZZ_EXIT_USAGE = 94,       /* the target's manifest is wrong */
    FUZZ_EXIT_LOST = 95,        /* triage: the input ends no process */
    FUZZ_EXIT_TRIAGED = 96      /* triage: recorded, or known already */
};

/* Sets up sockspec_target_program. What fails is said on stderr and ends the process. */
void fuzz_process_open(void);
/* Where the model counts states: FUZZ_COUNTERS bytes that are zero before each run. */
void fuzz_process_count(uint8_t *counters);
/* One input. What fails ends the process as above. */
void fuzz_process_run(const uint8_t *data, size_t size);
/* What was counted so far. */
const struct fuzz_stats *fuzz_process_counts(void);
/* Leaves of each count only whether it is 0. Engines take a higher count for something new, and
 * their corpus fills with runs that do the same more often: they cost more and reach nothing else.
 */
static inline void fuzz_counters_flatten(uint8_t *counters, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        counters[i] = counters[i] != 0;
    }
}
/* The trace of the last run. */
const struct trace *fuzz_process_trace(void);
/* The role of the target, for the mutator. */
enum scenario_role fuzz_process_role(void);

#endif
