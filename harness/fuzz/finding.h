/* Findings: a broken rule becomes one folder, once per key, shrunk to a minimal scenario.
 *
 * A folder is named RULE-KEY and holds found.scenario (text, replayable), trace.jsonl, report.txt
 * (rule, what happened, ladder, replay command), replay.sh (that command) and first.bin (the byte
 * form of what was found first). A program that crashed, hung, or ended unasked is a finding of the
 * rule CRASH, HANG or EXIT. Folders appear complete or not at all, so several processes may share
 * the folder of all findings. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_FUZZ_FINDING_H
#define SOCKSPEC_FUZZ_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "fuzz/crash_list.h"
#include "oracle/oracle.h"
#include "world/engine.h"

enum {
    FINDING_KEYS_MAX = 4096,      /* different findings of one process */
    FINDING_TRIES_PER_RULE = 256, /* what is shrunk per rule to see whether it is a new finding */
    FINDING_PLAYS_MAX = 4000,     /* of one shrinking */
    FINDING_NAME_MAX = 64
};

/* Rules beside the oracle's, where a number of a rule is wanted. */
enum {
    FINDING_RULE_CRASH = ORACLE_RULE_COUNT,
    FINDING_RULE_HANG,
    FINDING_RULE_EXIT,
    FINDING_RULE_COUNT
};

struct finding_keys;

/* A broken rule of one trace. */
struct finding {
    unsigned rule;                        /* enum oracle_rule_index or FINDING_RULE_… */
    enum grade grade;                     /* FAIL or WARN */
    uint64_t key;                         /* two findings with one key are the same */
    uint32_t events[ORACLE_EVIDENCE_MAX]; /* indexes into the trace that prove it */
    uint32_t count;                       /* of them */
    char detail[ORACLE_DETAIL_MAX];       /* what happened */
    const char *output;                   /* what the process wrote as it died; NULL: nothing */
};

/* Where findings go. Strings are borrowed. */
struct finding_place {
    const char *folder; /* of all findings; NULL: the report is printed and the process aborts */
    const char *replay; /* the command that plays a scenario again, with {scenario} where its path
                           belongs */
};

/* What a finding is judged and played again with. */
struct finding_source {
    struct engine *engine;
    struct oracle *oracle;
    const struct engine_play *play;
    struct finding_place place;
    const struct crash_list *crashes; /* as in struct fuzz_setup */
};

/* "FDH-01", "CRASH". */
const char *finding_rule_id(unsigned rule);

/* The key of what `trace` shows: the rule and its grade, the states of both ends of the connection
 * at the event `last`, and the target's last call before it with its errno. */
uint64_t finding_key(const struct trace *trace, unsigned rule, enum grade grade, uint32_t conn,
                     unsigned host, uint32_t last);
/* "FDH-01-3f2a90b1c4d5e6f7" */
void finding_name(unsigned rule, uint64_t key, char name[FINDING_NAME_MAX]);

/* A verdict with the outcome BROKEN as a finding. */
void finding_of_verdict(const struct trace *trace, const struct oracle_verdict *verdict,
                        struct finding *ret_finding);
/* The finding that the program crashed, aborted, hung or ended unasked (suite_end_rule); false when
 * it did not. */
bool finding_of_end(const struct trace *trace, struct finding *ret_finding);

/* The keys known so far; those of the folders in `folder` (made when it is not there) count as
 * known. Errors: STATUS_IO when the folder cannot be made or written, STATUS_NO_MEMORY. */
enum status finding_keys_new(const char *folder, struct finding_keys **ret_keys,
                             struct status_detail *detail) STATUS_MUST_USE;
void finding_keys_free(struct finding_keys *keys);
/* Whether the key was known; it is from now on. A full table knows everything. */
bool finding_keys_add(struct finding_keys *keys, uint64_t key);

/* Records every rule in `broken` (a bit per rule, FINDING_RULE_… included) that was not yet seen
 * broken in this way; `*ret_added` counts the new folders. The engine's trace and the oracle's
 * judgement are overwritten by the replays of the shrinker. Errors: STATUS_IO, STATUS_NO_MEMORY. */
enum status finding_record(struct finding_keys *keys, const struct finding_source *source,
                           const struct scenario *scenario,
                           const struct oracle_judgement *judgement, const uint64_t broken[3],
                           uint32_t *ret_added, struct status_detail *detail) STATUS_MUST_USE;

/* Writes the folder of one finding: `small` is the scenario that `trace` was recorded from, `first`
 * the one that it was shrunk from. `*ret_new` is false when another process had written it already.
 * Without a folder prints the report to stderr and aborts. Errors: STATUS_IO, STATUS_NO_MEMORY;
 * nothing is left of the folder then. */
enum status finding_write(const struct finding_place *place, const struct finding *finding,
                          const struct trace *trace, const struct scenario *small,
                          const struct scenario *first, bool *ret_new,
                          struct status_detail *detail) STATUS_MUST_USE;

/* What is written before shrinking, out of sight: should a smaller scenario end the process, the
 * finding stands nevertheless. Without a folder does nothing. Errors: as finding_write. */
enum status finding_write_pending(const struct finding_place *place, const struct finding *finding,
                                  const struct trace *trace, const struct scenario *scenario,
                                  struct status_detail *detail) STATUS_MUST_USE;
void finding_drop_pending(const struct finding_place *place, const struct finding *finding);
/* Makes findings of what processes that are gone left pending in `folder`. Returns how many. */
unsigned finding_take_pending(const char *folder);

/* The same as text, for a report elsewhere. */
struct trace_text;
void finding_describe(const struct finding_place *place, const struct finding *finding,
                      const struct trace *trace, const struct scenario *scenario,
                      struct trace_text *text);

#endif
