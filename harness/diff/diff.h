/* Two worlds against one another: a scenario whose two hosts are scripted is played on both, and
 * what they answered is compared. The second world chooses what a kernel may choose; the first is
 * told. One thread. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_DIFF_DIFF_H
#define SOCKSPEC_DIFF_DIFF_H

#include "base/status.h"
#include "diff/form.h"
#include "scenario/scenario.h"
#include "world/engine.h"

enum { DIFF_TOLD, DIFF_CHOOSES, DIFF_WORLDS };

struct diff;

/* What a play of both showed. */
struct diff_result {
    bool same;
    uint32_t at;              /* where not: index in both forms */
    uint32_t steps_effective; /* on the world that chooses */
    int64_t cpu_ns[DIFF_WORLDS];
};

/* The worlds are borrowed. Errors: STATUS_NO_MEMORY. */
enum status diff_new(struct world *told, struct world *chooses, struct diff **ret_diff,
                     struct status_detail *detail) STATUS_MUST_USE;
void diff_free(struct diff *diff);

/* How real time is told, in µs: a play that took longer than a kernel's first timer may show that.
 * By default CLOCK_MONOTONIC. */
void diff_set_clock(struct diff *diff, int64_t (*clock_us)(void));

/* From here on time is what is compared too: the kernels' own timers run on both worlds, so that
 * what is sent again counts as all else, in the order of each end. */
void diff_with_time(struct diff *diff);
/* Plays on the world that is told alone, again with each time that passes made longer and shorter,
 * singly and together. `*ret_steady`: something happened in that time, and it was the same each
 * time. So a play on a real clock, which is never on time, must show it too. Errors: those of
 * engine_run. */
enum status diff_is_steady(struct diff *diff, const struct scenario *scenario, uint64_t seed,
                           bool *ret_steady, struct status_detail *detail) STATUS_MUST_USE;

/* Plays on the world that is told alone. Errors: those of engine_run. */
enum status diff_play_told(struct diff *diff, const struct scenario *scenario, uint64_t seed,
                           struct status_detail *detail) STATUS_MUST_USE;
/* Plays on both; anew, and again, where chance shows: a stall of the machine, for a real kernel's
 * clock runs on while the process waits for its turn, or an initial sequence number near 0. Errors:
 * those of engine_run. */
enum status diff_play(struct diff *diff, const struct scenario *scenario, uint64_t seed,
                      struct diff_result *ret_result, struct status_detail *detail) STATUS_MUST_USE;
/* Makes a scenario smaller as long as the worlds still differ, in place. */
enum status diff_shrink(struct diff *diff, struct scenario *scenario, uint64_t seed,
                        struct status_detail *detail) STATUS_MUST_USE;

/* Of the last play. */
const struct trace *diff_trace(const struct diff *diff, unsigned which);
const struct diff_form *diff_form(const struct diff *diff, unsigned which);
/* How often each choice was met since diff_new, on the world that chooses. */
const uint64_t *diff_uses(const struct diff *diff);

#endif
