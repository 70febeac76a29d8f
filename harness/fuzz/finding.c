/* Which broken rules are new: keys, and shrinking before a folder is written. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/finding.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "scenario/shrink.h"
#include "suite/run.h"

enum { KEY_SLOTS = 4 * FINDING_KEYS_MAX, KEY_DIGITS = 16 };

/* A set of keys: open addressing, 0 is an empty slot. */
struct key_set {
    uint32_t count;
    uint64_t slots[KEY_SLOTS];
};

struct finding_keys {
    struct key_set found; /* of findings, after shrinking */
    struct key_set seen;  /* of what was found before shrinking, so that it is shrunk once */
    uint16_t tries[FINDING_RULE_COUNT]; /* shrunk so far */
};

/* ---- Keys
 * --------------------------------------------------------------------------------------- */

const char *finding_rule_id(unsigned rule)
{
    assert(rule < FINDING_RULE_COUNT);
    if (rule == FINDING_RULE_CRASH) {
        return SUITE_RULE_CRASH;
    }
    return rule == FINDING_RULE_HANG ? SUITE_RULE_HANG : oracle_rules[rule].id;
}

uint64_t finding_key(const struct trace *trace, unsigned rule, uint32_t conn, unsigned host,
                     uint32_t last)
{
    uint8_t parts[5] = {0};
    for (uint32_t i = 0; i < trace->count && i <= last; i++) {
        const struct trace_event *event = &trace->events[i];
        if (conn != 0 && event->conn != conn) {
            continue;
        }
        if (event->kind == TRACE_STATE && conn != 0) {
            parts[event->host == TRACE_HOST_PEER] = event->what;
        } else if (event->kind == TRACE_CALL && event->host == host) {
            parts[2] = event->what;
            parts[3] = (uint8_t)event->err;
            parts[4] = (uint8_t)(event->err >> 8);
        }
    }
    /* The ID, not the index: keys outlive a change of the table. */
    const char *id = finding_rule_id(rule);
    return XXH3_64bits_withSeed(parts, sizeof(parts), XXH3_64bits(id, strlen(id)));
}

void finding_name(unsigned rule, uint64_t key, char name[FINDING_NAME_MAX])
{
    (void)snprintf(name, FINDING_NAME_MAX, "%s-%016llx", finding_rule_id(rule),
                   (unsigned long long)key);
}

/* Whether the key was there; it is from now on. */
static bool set_add(struct key_set *set, uint64_t key)
{
    key = key == 0 ? 1 : key;
    uint32_t at = (uint32_t)(key >> 32) % KEY_SLOTS;
    while (set->slots[at] != 0) {
        if (set->slots[at] == key) {
            return true;
        }
        at = (at + 1) % KEY_SLOTS;
    }
    if (set->count == FINDING_KEYS_MAX) {
        return true;
    }
    set->count++;
    set->slots[at] = key;
    return false;
}

bool finding_keys_add(struct finding_keys *keys, uint64_t key)
{
    return set_add(&keys->found, key);
}

/* What an earlier process found is not found again. */
static void learn(struct finding_keys *keys, const char *folder)
{
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        return;
    }
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        const char *dash = strrchr(entry->d_name, '-');
        if (entry->d_name[0] != '.' && dash != NULL && strlen(dash + 1) == KEY_DIGITS) {
            char *end = NULL;
            uint64_t key = strtoull(dash + 1, &end, 16);
            if (*end == '\0') {
                (void)finding_keys_add(keys, key);
            }
        }
    }
    (void)closedir(directory);
}

enum status finding_keys_new(const char *folder, struct finding_keys **ret_keys,
                             struct status_detail *detail)
{
    if (folder != NULL && mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return status_fail(detail, STATUS_IO, "%s: %s", folder, strerror(errno));
    }
    if (folder != NULL && access(folder, W_OK | X_OK) != 0) {
        return status_fail(detail, STATUS_IO, "%s: %s", folder, strerror(errno));
    }
    struct finding_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "no memory for the findings");
    }
    if (folder != NULL) {
        learn(keys, folder);
    }
    *ret_keys = keys;
    return STATUS_OK;
}

void finding_keys_free(struct finding_keys *keys)
{
    free(keys);
}

/* ---- From verdicts
 * ------------------------------------------------------------------------------ */

static uint64_t verdict_key(const struct trace *trace, const struct oracle_verdict *verdict)
{
    uint32_t last = verdict->count > 0 ? verdict->events[verdict->count - 1] : trace->count;
    return finding_key(trace, verdict->rule, verdict->conn, verdict->host, last);
}

void finding_of_verdict(const struct trace *trace, const struct oracle_verdict *verdict,
                        struct finding *ret_finding)
{
    assert(verdict->outcome == ORACLE_BROKEN);
    ret_finding->rule = verdict->rule;
    ret_finding->grade = (enum grade)verdict->grade;
    ret_finding->key = verdict_key(trace, verdict);
    ret_finding->count = verdict->count;
    memcpy(ret_finding->events, verdict->events, sizeof(ret_finding->events));
    ret_finding->output = NULL;
    (void)oracle_detail(verdict, trace, ret_finding->detail, sizeof(ret_finding->detail));
}

bool finding_of_end(const struct trace *trace, struct finding *ret_finding)
{
    uint32_t index = trace->count;
    while (index > 0 && trace->events[index - 1].kind != TRACE_EXIT) {
        index--;
    }
    if (index == 0) {
        return false;
    }
    const struct trace_event *event = &trace->events[--index];
    unsigned rule = event->what == TRACE_EXIT_HUNG ? FINDING_RULE_HANG : FINDING_RULE_CRASH;
    if (event->what != TRACE_EXIT_CRASHED && event->what != TRACE_EXIT_ABORTED &&
        event->what != TRACE_EXIT_HUNG) {
        return false;
    }
    *ret_finding = (struct finding){.rule = rule,
                                    .grade = GRADE_FAIL,
                                    .key = finding_key(trace, rule, 0, event->host, index),
                                    .count = 1,
                                    .events = {index}};
    (void)snprintf(ret_finding->detail, sizeof(ret_finding->detail), "the program %s",
                   trace_exit_name((enum trace_exit)event->what));
    return true;
}

/* ---- Playing again
 * ------------------------------------------------------------------------------ */

/* Whether the trace at hand breaks `rule`, and how. Without `ret_finding` only whether. */
static bool shows(const struct finding_source *source, const struct oracle_judgement *judgement,
                  unsigned rule, struct finding *ret_finding)
{
    const struct trace *trace = source->play->trace;
    if (rule >= ORACLE_RULE_COUNT) {
        struct finding end;
        if (!finding_of_end(trace, &end) || end.rule != rule) {
            return false;
        }
        if (ret_finding != NULL) {
            *ret_finding = end;
        }
        return true;
    }
    if (!oracle_has(judgement->broken, rule)) {
        return false;
    }
    if (ret_finding != NULL) {
        finding_of_verdict(trace, &judgement->verdicts[rule], ret_finding);
    }
    return true;
}

static bool broken_again(const struct finding_source *source, const struct scenario *scenario,
                         unsigned rule, struct finding *ret_finding)
{
    const struct oracle_judgement *judgement;
    struct engine_result result;
    return engine_run(source->engine, source->play, scenario, &result, NULL) == STATUS_OK &&
           oracle_judge(source->oracle, source->play->trace, &judgement, NULL) == STATUS_OK &&
           shows(source, judgement, rule, ret_finding);
}

/* The smallest scenario that still breaks the rule. Without memory it stays as it is. */
static void shrink(const struct finding_source *source, struct scenario *scenario, unsigned rule)
{
    struct scenario_shrinker *shrinker = malloc(sizeof *shrinker);
    struct scenario *candidate = malloc(sizeof *candidate);
    if (shrinker != NULL && candidate != NULL) {
        scenario_shrink_init(shrinker, scenario);
        for (unsigned plays = 0;
             plays < FINDING_PLAYS_MAX && scenario_shrink_next(shrinker, candidate); plays++) {
            if (broken_again(source, candidate, rule, NULL)) {
                scenario_shrink_accept(shrinker);
            }
        }
        scenario_copy(scenario, &shrinker->best);
    }
    free(shrinker);
    free(candidate);
}

/* ---- Recording
 * ---------------------------------------------------------------------------------- */

/* Shrinks first: what differs in its first form is often the same in its smallest one. */
static enum status record_rule(struct finding_keys *keys, const struct finding_source *source,
                               const struct scenario *scenario, unsigned rule, uint32_t *added,
                               struct status_detail *detail)
{
    struct scenario *small = malloc(sizeof *small);
    struct finding *finding = malloc(sizeof *finding);
    enum status status = STATUS_OK;
    if (small == NULL || finding == NULL) {
        status = status_fail(detail, STATUS_NO_MEMORY, "no memory to shrink a finding");
        goto out;
    }
    scenario_copy(small, scenario);
    shrink(source, small, rule);
    if (broken_again(source, small, rule, finding) && !finding_keys_add(keys, finding->key)) {
        bool fresh = false;
        status = finding_write(&source->place, finding, source->play->trace, small, scenario,
                               &fresh, detail);
        *added += fresh;
    }
out:
    free(finding);
    free(small);
    return status;
}

/* The key before shrinking; cheap, for the same thing is found again and again. */
static bool seen_before(struct finding_keys *keys, const struct trace *trace,
                        const struct oracle_judgement *judgement, unsigned rule)
{
    if (keys->tries[rule] >= FINDING_TRIES_PER_RULE) {
        return true;
    }
    uint64_t key = 0;
    if (rule < ORACLE_RULE_COUNT) {
        key = verdict_key(trace, &judgement->verdicts[rule]);
    } else {
        struct finding end;
        (void)finding_of_end(trace, &end);
        key = end.key;
    }
    if (set_add(&keys->seen, key)) {
        return true;
    }
    keys->tries[rule]++;
    return false;
}

enum status finding_record(struct finding_keys *keys, const struct finding_source *source,
                           const struct scenario *scenario,
                           const struct oracle_judgement *judgement, const uint64_t broken[3],
                           uint32_t *ret_added, struct status_detail *detail)
{
    uint64_t fresh[3] = {0, 0, 0};
    uint32_t added = 0;
    *ret_added = 0;
    for (unsigned rule = 0; rule < FINDING_RULE_COUNT; rule++) {
        if ((broken[rule / 64] >> (rule % 64) & 1U) != 0 &&
            !seen_before(keys, source->play->trace, judgement, rule)) {
            fresh[rule / 64] |= 1ULL << (rule % 64);
        }
    }
    enum status status = STATUS_OK;
    for (unsigned rule = 0; rule < FINDING_RULE_COUNT && status == STATUS_OK; rule++) {
        if ((fresh[rule / 64] >> (rule % 64) & 1U) != 0) {
            status = record_rule(keys, source, scenario, rule, &added, detail);
        }
    }
    *ret_added = added;
    return status;
}
