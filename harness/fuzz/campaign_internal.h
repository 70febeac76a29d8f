/* Inside fuzz/: what the parts of a campaign share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_FUZZ_CAMPAIGN_INTERNAL_H
#define SOCKSPEC_FUZZ_CAMPAIGN_INTERNAL_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "fuzz/campaign.h"
#include "fuzz/job.h"
#include "fuzz/place.h"
#include "fuzz/target_info.h"
#include "suite/cases.h"

enum { CAMPAIGN_UNIT_SIZE_MAX = 4096 /* bytes of an input */ };

/* A fuzzing process. */
struct campaign_job {
    pid_t pid; /* 0: does not run */
    uint32_t starts;
    uint32_t barren; /* starts in a row in which it ran nothing */
    uint64_t runs;   /* counted when it was started */
    uint64_t base;   /* counted by it before this campaign */
};

struct campaign {
    const struct fuzz_campaign_options *options;
    struct fuzz_campaign_result *result;
    struct place place;
    struct target_info info;
    char executable[PATH_MAX];
    char triage_executable[PATH_MAX];
    char replay[4 * PATH_MAX];
    struct cases cases; /* that seeds are made of */
    struct campaign_job jobs[FUZZ_JOBS_MAX];
    int64_t start_ms;
    int64_t progress_ms; /* of the last progress */
    uint64_t progress_runs;
    int64_t scan_ms;
    int64_t summary_ms;
};

/* Tells whoever runs the campaign. */
void campaign_tell(struct campaign *campaign, enum fuzz_news news, const char *text);

/* The limits that are left of the campaign and of one process; INT64_MAX: no limit. */
int64_t campaign_time_left_ms(const struct campaign *campaign);
uint64_t campaign_runs_left(const struct campaign *campaign, unsigned index);

/* What follows the name of a target in the name of an engine's executable. */
const char *campaign_engine_suffix(enum fuzz_engine engine);
/* The command line of process `index`, which was started `start` times before. */
void campaign_command(const struct campaign *campaign, unsigned index, uint32_t start,
                      struct job_command *command);

/* Takes inputs that ended a process, a few at a time: each is played again in a process that
 * shrinks and records it. It stays only where that showed nothing. Errors: STATUS_IO,
 * STATUS_NO_MEMORY, those of starting a process. */
enum status campaign_take_crashes(struct campaign *campaign,
                                  struct status_detail *detail) STATUS_MUST_USE;

#endif
