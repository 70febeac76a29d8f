/* Inside fuzz/: the folder of a campaign. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_FUZZ_PLACE_H
#define SOCKSPEC_FUZZ_PLACE_H

#include <limits.h>

#include "base/status.h"
#include "fuzz/campaign.h"

struct place {
    char folder[PATH_MAX]; /* absolute */
    int lock;              /* held while the campaign runs; -1 none */
};

/* Writes "FOLDER/…" into `path`. Errors: STATUS_IO when it is too long. */
enum status place_path(const struct place *place, char path[PATH_MAX], struct status_detail *detail,
                       const char *format, ...) STATUS_PRINTF(4, 5) STATUS_MUST_USE;

/* Makes what is missing, and makes sure that it can be written, has room, and is this campaign's
 * alone. Errors: STATUS_IO, STATUS_USAGE. */
enum status place_open(struct place *place, const char *folder,
                       struct status_detail *detail) STATUS_MUST_USE;
void place_close(struct place *place);

/* Says STATUS_IO while there is still room for what the processes hold: an engine that cannot write
 * an input loses it without a word. */
enum status place_check_full(const struct place *place,
                             struct status_detail *detail) STATUS_MUST_USE;

/* Makes a folder below; one that stands is fine. */
enum status place_folder(const struct place *place, const char *name,
                         struct status_detail *detail) STATUS_MUST_USE;
/* Writes a small file below. */
enum status place_save(const struct place *place, const char *name, const void *data, size_t size,
                       struct status_detail *detail) STATUS_MUST_USE;

/* The findings that stand, by name; owned by the caller. Errors: STATUS_NO_MEMORY, STATUS_IO. */
enum status place_findings(const struct place *place, struct fuzz_found **ret_found,
                           uint32_t *ret_count, struct status_detail *detail) STATUS_MUST_USE;

/* The sum of all counts that stand in stats/. */
void place_counts(const struct place *place, struct fuzz_stats *ret_sum);

/* The target that the folder's campaign.json names; STATUS_NOT_FOUND when there is none. */
enum status place_target(const struct place *place, char name[TRACE_NAME_MAX],
                         struct status_detail *detail) STATUS_MUST_USE;
/* Writes campaign.json. */
enum status place_summary(const struct place *place, const struct fuzz_campaign_options *options,
                          const struct fuzz_campaign_result *result,
                          struct status_detail *detail) STATUS_MUST_USE;

#endif
