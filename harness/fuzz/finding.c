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

/* ---- Keys ---- */

static const char *const end_rules[] = {SUITE_RULE_CRASH, SUITE_RULE_HANG, SUITE_RULE_EXIT};
_Static_assert(sizeof(end_rules) / sizeof(end_rules[0]) ==
                   (size_t)FINDING_RULE_COUNT - (size_t)FINDING_RULE_CRASH,
               "each has its name");

const char *finding_rule_id(unsigned rule)
{
    assert(rule < FINDING_RULE_COUNT);
    return rule < ORACLE_RULE_COUNT ? oracle_rules[rule].id : end_rules[rule - FINDING_RULE_CRASH];
}

uint64_t finding_key(const struct trace *trace, unsigned rule, enum grade grade, uint32_t conn,
                     unsigned host, uint32_t last)
{
    uint8_t parts[6] = {[5] = (uint8_t)grade};
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

/* Where the key is, or belongs. */
static uint64_t *set_slot(struct key_set *set, uint64_t key)
{
    uint32_t at = (uint32_t)(key >> 32) % KEY_SLOTS;
    while (set->slots[at] != 0 && set->slots[at] != key) {
        at = (at + 1) % KEY_SLOTS;
    }
    return &set->slots[at];
}

static bool set_has(struct key_set *set, uint64_t key)
{
    return *set_slot(set, key == 0 ? 1 : key) != 0;
}

/* Whether the key was there; it is from now on. */
static bool set_add(struct key_set *set, uint64_t key)
{
    key = key == 0 ? 1 : key;
    uint64_t *slot = set_slot(set, key);
    if (*slot != 0 || set->count == FINDING_KEYS_MAX) {
        return true;
    }
    set->count++;
    *slot = key;
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

/* ---- From verdicts ---- */

static uint64_t verdict_key(const struct trace *trace, const struct oracle_verdict *verdict)
{
    uint32_t last = verdict->count > 0 ? verdict->events[verdict->count - 1] : trace->count;
    return finding_key(trace, verdict->rule, (enum grade)verdict->grade, verdict->conn,
                       verdict->host, last);
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
    const char *id = suite_end_rule(trace);
    if (id == NULL) {
        return false;
    }
    uint32_t index = trace->count - 1;
    while (index > 0 && trace->events[index].kind != TRACE_EXIT) {
        index--;
    }
    unsigned rule = FINDING_RULE_CRASH;
    while (strcmp(finding_rule_id(rule), id) != 0) {
        rule++;
    }
    const struct trace_event *event = &trace->events[index];
    *ret_finding =
        (struct finding){.rule = rule,
                         .grade = GRADE_FAIL,
                         .key = finding_key(trace, rule, GRADE_FAIL, 0, event->host, index),
                         .count = 1,
                         .events = {index}};
    (void)snprintf(ret_finding->detail, sizeof(ret_finding->detail), "the program %s%s",
                   trace_exit_name((enum trace_exit)event->what),
                   rule == FINDING_RULE_EXIT ? " although nothing asked it to" : "");
    return true;
}

/* ---- Playing again ---- */

/* Whether the trace at hand breaks `rule` as gravely as `*grade`, and how. Without `ret_finding`
 * only whether. A FAIL does not become a WARN as it shrinks, but a WARN a FAIL, when a fault that
 * Linux never produces turns out not to be needed for it: `*grade` follows. */
static bool shows(const struct finding_source *source, const struct oracle_judgement *judgement,
                  unsigned rule, enum grade *grade, struct finding *ret_finding)
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
    enum grade now = (enum grade)judgement->verdicts[rule].grade;
    if (!oracle_has(judgement->broken, rule) || (now != *grade && now != GRADE_FAIL)) {
        return false;
    }
    *grade = now;
    if (ret_finding != NULL) {
        finding_of_verdict(trace, &judgement->verdicts[rule], ret_finding);
    }
    return true;
}

/* A run that a crash ended shows the crash, and nothing of the rule. */
static bool broken_again(const struct finding_source *source, const struct scenario *scenario,
                         unsigned rule, enum grade *grade, struct finding *ret_finding)
{
    const struct oracle_judgement *judgement;
    struct engine_result result;
    uint32_t before = source->crashes != NULL ? source->crashes->survived : 0;
    return engine_run(source->engine, source->play, scenario, &result, NULL) == STATUS_OK &&
           (source->crashes == NULL || source->crashes->survived == before) &&
           oracle_judge(source->oracle, source->play->trace, &judgement, NULL) == STATUS_OK &&
           shows(source, judgement, rule, grade, ret_finding);
}

/* The smallest scenario that still breaks the rule. Without memory it stays as it is. */
static void shrink(const struct finding_source *source, struct scenario *scenario, unsigned rule,
                   enum grade *grade)
{
    struct scenario_shrinker *shrinker = malloc(sizeof *shrinker);
    struct scenario *candidate = malloc(sizeof *candidate);
    if (shrinker != NULL && candidate != NULL) {
        scenario_shrink_init(shrinker, scenario);
        for (unsigned plays = 0;
             plays < FINDING_PLAYS_MAX && scenario_shrink_next(shrinker, candidate); plays++) {
            if (broken_again(source, candidate, rule, grade, NULL)) {
                scenario_shrink_accept(shrinker);
            }
        }
        scenario_copy(scenario, &shrinker->best);
    }
    free(shrinker);
    free(candidate);
}

/* ---- Recording ---- */

/* Shrinks first: what differs in its first form is often the same in its smallest one. */
static enum status shrink_and_write(struct finding_keys *keys, const struct finding_source *source,
                                    const struct scenario *scenario, struct scenario *small,
                                    struct finding *finding, uint32_t *added,
                                    struct status_detail *detail)
{
    unsigned rule = finding->rule;
    enum grade grade = finding->grade;
    scenario_copy(small, scenario);
    shrink(source, small, rule, &grade);
    if (!broken_again(source, small, rule, &grade, finding) ||
        finding_keys_add(keys, finding->key)) {
        return STATUS_OK;
    }
    bool fresh = false;
    enum status status = finding_write(&source->place, finding, source->play->trace, small,
                                       scenario, &fresh, detail);
    *added += fresh;
    return status;
}

static enum status record_rule(struct finding_keys *keys, const struct finding_source *source,
                               const struct scenario *scenario, unsigned rule, enum grade grade,
                               uint32_t *added, struct status_detail *detail)
{
    struct scenario *small = malloc(sizeof *small);
    struct finding *first = malloc(2 * sizeof *first);
    enum status status = STATUS_OK;
    if (small == NULL || first == NULL) {
        status = status_fail(detail, STATUS_NO_MEMORY, "no memory to shrink a finding");
        goto out;
    }
    if (!broken_again(source, scenario, rule, &grade, first)) {
        goto out; /* another run of the same scenario went another way: nothing to show */
    }
    status = finding_write_pending(&source->place, first, source->play->trace, scenario, detail);
    if (status == STATUS_OK) {
        first[1] = first[0];
        status = shrink_and_write(keys, source, scenario, small, &first[1], added, detail);
        finding_drop_pending(&source->place, first);
    }
out:
    free(first);
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
    if (set_has(&keys->found, key) || set_add(&keys->seen, key)) {
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
    uint8_t grades[FINDING_RULE_COUNT]; /* the judgement is overwritten by the first replay */
    uint32_t added = 0;
    *ret_added = 0;
    for (unsigned rule = 0; rule < FINDING_RULE_COUNT; rule++) {
        if ((broken[rule / 64] >> (rule % 64) & 1U) != 0 &&
            !seen_before(keys, source->play->trace, judgement, rule)) {
            fresh[rule / 64] |= 1ULL << (rule % 64);
            grades[rule] =
                rule < ORACLE_RULE_COUNT ? judgement->verdicts[rule].grade : (uint8_t)GRADE_FAIL;
        }
    }
    enum status status = STATUS_OK;
    for (unsigned rule = 0; rule < FINDING_RULE_COUNT && status == STATUS_OK; rule++) {
        if ((fresh[rule / 64] >> (rule % 64) & 1U) != 0) {
            status =
                record_rule(keys, source, scenario, rule, (enum grade)grades[rule], &added, detail);
        }
    }
    *ret_added = added;
    return status;
}
