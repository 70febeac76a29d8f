/* Smaller variants of a scenario, for a shrinker that plays each and keeps those that still fail:
 *
 *     scenario_shrink_init(&shrinker, &failing);
 *     while (scenario_shrink_next(&shrinker, &candidate)) {
 *         if (still_fails(&candidate)) {
 *             scenario_shrink_accept(&shrinker);
 *         }
 *     }
 *     … shrinker.best is the smallest found …
 *
 * First runs of steps are left out, long ones before short ones, then single fields are made
 * simpler. Every candidate is simpler than the best so far, so the loop ends; it ends when one
 * whole pass over the best found nothing. Deterministic; one owner. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SCENARIO_SHRINK_H
#define SOCKSPEC_SCENARIO_SHRINK_H

#include <stdbool.h>

#include "scenario/scenario.h"

struct scenario_shrinker {
    struct scenario best;      /* the smallest accepted so far */
    struct scenario candidate; /* the one given out last */
    unsigned run;              /* steps that are left out together; 0: fields are simplified */
    unsigned step;             /* the next place to try */
    unsigned rule;             /* the next simplification of that step */
    bool pending;              /* a candidate is out and can be accepted */
    bool progress;             /* this pass accepted something */
};

/* Starts from a scenario, which is copied. */
void scenario_shrink_init(struct scenario_shrinker *shrinker, const struct scenario *scenario);

/* The next variant to try, valid and simpler than `best`; false when there is none left. Without a
 * call of scenario_shrink_accept in between, the one before counts as refused. */
bool scenario_shrink_next(struct scenario_shrinker *shrinker, struct scenario *ret_candidate);

/* The candidate given out last still shows what is being looked for: it becomes the best. */
void scenario_shrink_accept(struct scenario_shrinker *shrinker);

#endif
