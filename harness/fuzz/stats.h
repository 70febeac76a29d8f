/* Counts of a fuzzing process, in a file that it shares with the campaign: what was counted
 * survives the process, whatever ends it. One writer; readers may look at any time. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_FUZZ_STATS_H
#define SOCKSPEC_FUZZ_STATS_H

#include <stdint.h>

#include "base/status.h"
#include "oracle/oracle.h"
#include "tcp/state.h"

enum {
    FUZZ_STATS_VERSION = 3,
    FUZZ_STATS_RULES = 160, /* those of the oracle, CRASH, HANG and EXIT */
    /* State coverage: a counter per state of one end, state of the other, and event; in whole
     * words. */
    FUZZ_COUNTERS = (TCP_STATE_COUNT * TCP_STATE_COUNT * TCP_EVENT_COUNT + 7) / 8 * 8
};

struct fuzz_stats {
    uint32_t version;     /* FUZZ_STATS_VERSION; 0: nothing was written yet */
    uint32_t pairs;       /* state pairs with an event that were seen: entries of `seen` */
    uint64_t runs;        /* scenarios played */
    uint64_t effective;   /* steps that had an effect, over all runs */
    uint64_t established; /* runs in which a connection became established */
    uint64_t findings;    /* folders of findings that were written */
    uint64_t broken_runs; /* runs with a broken rule that counts */
    uint64_t expected;    /* runs that broke a rule that the manifest knows as broken */
    uint64_t kept[FUZZ_STATS_RULES];         /* runs that kept the rule, by number of the rule */
    uint64_t broken[FUZZ_STATS_RULES];       /* runs that broke it: FAIL or WARN */
    uint64_t first_broken[FUZZ_STATS_RULES]; /* the run that broke it first, from 1; 0 never */
    uint8_t seen[FUZZ_COUNTERS];             /* 0xFF for each state pair with an event */
};
_Static_assert((int)ORACLE_RULE_COUNT + 3 <= (int)FUZZ_STATS_RULES, "every rule has a counter");

/* Maps the counts at `path` (made when it is not there; NULL: memory of this process only) and goes
 * on from what stands there. The mapping lives until the process ends. Errors: STATUS_IO,
 * STATUS_NO_MEMORY. */
enum status fuzz_stats_open(const char *path, struct fuzz_stats **ret_stats,
                            struct status_detail *detail) STATUS_MUST_USE;

/* A copy of the counts in a file. Errors: STATUS_IO, STATUS_SYNTAX when it is something else. */
enum status fuzz_stats_read(const char *path, struct fuzz_stats *ret_stats,
                            struct status_detail *detail) STATUS_MUST_USE;

/* Adds the counts of one process to a sum. */
void fuzz_stats_add(struct fuzz_stats *sum, const struct fuzz_stats *part);

#endif
