/* Findings: a broken rule becomes one folder, once per key, shrunk to a minimal scenario.
 *
 * A folder holds found.scenario (text, replayable), trace.jsonl, report.txt (rule, what happened, ladder, replay
 * command) and input.bin (the byte form of what was found first). Folders appear complete or not at all. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_FUZZ_FINDING_H
#define SOCKSPEC_FUZZ_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "oracle/oracle.h"
#include "world/engine.h"

enum { FINDING_KEYS_MAX = 4096, FINDING_NAME_MAX = 64 };

struct finding_keys;

/* What a finding is judged and played again with. */
struct finding_source {
    struct engine *engine;
    struct oracle *oracle;
    const struct engine_play *play;
    const char *folder; /* of all findings; NULL: print the finding to stderr and abort */
    const char *replay;
};

/* Two findings are the same when rule, the states of both ends at the proving event and the target's last calls
 * before it are the same. */
uint64_t finding_key(const struct trace *trace, const struct oracle_verdict *verdict);
/* "FDH-01-3f2a90b1c4d5e6f7" */
void finding_name(const struct oracle_verdict *verdict, uint64_t key, char name[FINDING_NAME_MAX]);

/* The keys known so far; those of the folders in `folder` count as known. Errors: STATUS_IO when the folder cannot be
 * made or written, STATUS_NO_MEMORY. */
enum status finding_keys_new(const char *folder, struct finding_keys **ret_keys,
                             struct status_detail *detail) STATUS_MUST_USE;
void finding_keys_free(struct finding_keys *keys);

/* Records every broken rule of a judgement whose key is new; `*ret_added` counts them. The engine's trace and the
 * oracle's judgement are overwritten by the replays of the shrinker. Errors: STATUS_IO. */
enum status finding_record(struct finding_keys *keys, const struct finding_source *source,
                           const struct scenario *scenario, const struct oracle_judgement *judgement,
                           uint32_t *ret_added, struct status_detail *detail) STATUS_MUST_USE;

#endif
