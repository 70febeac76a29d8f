/* Counts of a fuzzing process, in a file that it shares with the campaign: what was counted survives
 * the process, whatever ends it. One writer; readers may look at any time. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_FUZZ_STATS_H
#define SOCKSPEC_FUZZ_STATS_H

#include <stdint.h>

#include "base/status.h"
#include "oracle/oracle.h"

enum { FUZZ_STATS_VERSION = 1, FUZZ_STATS_RULES = 128 };

struct fuzz_stats {
    uint32_t version;      /* FUZZ_STATS_VERSION; 0: nothing was written yet */
    uint32_t pairs;        /* state pairs with an event that were seen */
    uint64_t runs;         /* scenarios played */
    uint64_t effective;    /* steps that had an effect, over all runs */
    uint64_t established;  /* runs in which a connection became established */
    uint64_t findings;     /* different findings of this process */
    uint64_t broken_runs;  /* runs with a broken rule */
    uint64_t kept[FUZZ_STATS_RULES];   /* runs that kept the rule, by enum oracle_rule_index */
    uint64_t broken[FUZZ_STATS_RULES]; /* runs that broke it */
    uint64_t first_broken[FUZZ_STATS_RULES]; /* number of the run that broke it first, from 1; 0 never */
};
_Static_assert((int)ORACLE_RULE_COUNT <= (int)FUZZ_STATS_RULES, "every rule has a counter");

/* Maps the counts at `path` (made when it is not there; NULL: memory of this process only) and goes on from
 * what stands there. The mapping lives until the process ends. Errors: STATUS_IO, STATUS_NO_MEMORY. */
enum status fuzz_stats_open(const char *path, struct fuzz_stats **ret_stats,
                            struct status_detail *detail) STATUS_MUST_USE;

/* A copy of the counts in a file. Errors: STATUS_IO, STATUS_SYNTAX when it is something else. */
enum status fuzz_stats_read(const char *path, struct fuzz_stats *ret_stats,
                            struct status_detail *detail) STATUS_MUST_USE;

#endif
