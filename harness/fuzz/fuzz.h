/* One fuzzing process: bytes become a scenario, are played and judged; what was broken is kept once
 * per key. The engines' entry points (libFuzzer, AFL++) call fuzz_run for each input. One owner; a
 * run allocates nothing unless it finds something new. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_FUZZ_FUZZ_H
#define SOCKSPEC_FUZZ_FUZZ_H

#include <stdint.h>

#include "base/status.h"
#include "fuzz/crash_list.h"
#include "fuzz/finding.h"
#include "fuzz/stats.h"
#include "scenario/mutate.h"
#include "world/engine.h"

struct fuzz;

/* What to fuzz; borrowed for the life of the fuzz. */
struct fuzz_setup {
    struct world *world;        /* has the target ready to run */
    struct engine_play play;    /* target, profile, trace with its header filled in, seed */
    struct finding_place place; /* of findings; without a folder the first one aborts */
    bool count_only;            /* findings are counted, not recorded */
    struct crash_list *crashes; /* that end runs, not the process; NULL: each ends the process */
    uint64_t expected[3];       /* bit per rule that the target is known to break: no finding */
    const char *stats;          /* file of the counts; NULL: counts of this process only */
};

/* Errors: STATUS_NO_MEMORY, STATUS_IO (the folder or the counts). */
enum status fuzz_new(const struct fuzz_setup *setup, struct fuzz **ret_fuzz,
                     struct status_detail *detail) STATUS_MUST_USE;
void fuzz_free(struct fuzz *fuzz);

/* Plays and judges the scenario that `data` encodes. `counters` (FUZZ_COUNTERS bytes, NULL: none)
 * is what the world counts states in: empty before the run, read after it. With a folder for
 * findings, a broken rule whose key is new is shrunk and written there; without one it is printed
 * to stderr and the process aborts, as people expect of a fuzzer that they run by hand. Errors:
 * those of the world; STATUS_IO when a finding could not be written. */
enum status fuzz_run(struct fuzz *fuzz, const uint8_t *data, size_t size, const uint8_t *counters,
                     struct status_detail *detail) STATUS_MUST_USE;

/* The counts of this process; in shared memory when a file was given. */
const struct fuzz_stats *fuzz_counts(const struct fuzz *fuzz);

/* Mutation of byte forms at step level, for the engines: the result depends on the arguments alone.
 * Both return the new size, 1 <= size <= `size_max` (> 0). */
size_t fuzz_mutate(uint8_t *data, size_t size, size_t size_max, uint64_t seed,
                   enum scenario_role role);
size_t fuzz_splice(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
                   size_t size_max, uint64_t seed, enum scenario_role role);
/* scenario_decode, but cheap for what one of the two above has written last in this thread. */
void fuzz_decode(const uint8_t *data, size_t size, struct scenario *ret_scenario);
/* The mutator's name of a target's role; SCENARIO_ROLE_SERVER for what is none. */
enum scenario_role fuzz_role(enum trace_role role);

#endif
