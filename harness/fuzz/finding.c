/* Recording findings: key, shrink, write one folder. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/finding.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "oracle/explain.h"
#include "scenario/code.h"
#include "scenario/shrink.h"
#include "scenario/text.h"
#include "trace/jsonl.h"
#include "trace/ladder.h"
#include "trace/output.h"

struct finding_keys {
    uint32_t count;
    uint64_t keys[FINDING_KEYS_MAX];
};

/* ---- Keys ---------------------------------------------------------------------------------------- */

uint64_t finding_key(const struct trace *trace, const struct oracle_verdict *verdict)
{
    uint8_t parts[8] = {verdict->rule};
    uint32_t last = verdict->count > 0 ? verdict->events[verdict->count - 1] : trace->count;
    for (uint32_t i = 0; i < trace->count && i <= last; i++) {
        const struct trace_event *event = &trace->events[i];
        if (verdict->conn != 0 && event->conn != verdict->conn) {
            continue;
        }
        if (event->kind == TRACE_STATE && verdict->conn != 0) {
            parts[1 + (event->host == TRACE_HOST_PEER)] = event->what;
        } else if (event->kind == TRACE_CALL && event->host == verdict->host) {
            parts[3] = event->what;
            parts[4] = (uint8_t)event->err;
        }
    }
    return XXH3_64bits(parts, sizeof parts);
}

void finding_name(const struct oracle_verdict *verdict, uint64_t key, char name[FINDING_NAME_MAX])
{
    (void)snprintf(name, FINDING_NAME_MAX, "%s-%016llx", oracle_rules[verdict->rule].id, (unsigned long long)key);
}

/* Whether `key` was known; it is from now on. A full table knows everything. */
static bool known(struct finding_keys *keys, uint64_t key)
{
    for (uint32_t i = 0; i < keys->count; i++) {
        if (keys->keys[i] == key) {
            return true;
        }
    }
    if (keys->count == FINDING_KEYS_MAX) {
        return true;
    }
    keys->keys[keys->count++] = key;
    return false;
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
        char *end = NULL;
        if (dash != NULL && dash != entry->d_name && strlen(dash + 1) == 16) {
            uint64_t key = strtoull(dash + 1, &end, 16);
            if (*end == '\0') {
                (void)known(keys, key);
            }
        }
    }
    (void)closedir(directory);
}

enum status finding_keys_new(const char *folder, struct finding_keys **ret_keys, struct status_detail *detail)
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

void finding_keys_free(struct finding_keys *keys) { free(keys); }

/* ---- Playing again ------------------------------------------------------------------------------- */

/* Plays `scenario`; the verdict on `rule` when it is broken, else NULL. */
static const struct oracle_verdict *broken_again(const struct finding_source *source,
                                                 const struct scenario *scenario, unsigned rule)
{
    const struct oracle_judgement *judgement;
    struct engine_result result;
    if (engine_run(source->engine, source->play, scenario, &result, NULL) != STATUS_OK ||
        oracle_judge(source->oracle, source->play->trace, &judgement, NULL) != STATUS_OK ||
        !oracle_has(judgement->broken, rule)) {
        return NULL;
    }
    return &judgement->verdicts[rule];
}

/* The smallest scenario that still breaks the rule. */
static void shrink(const struct finding_source *source, struct scenario *scenario, unsigned rule)
{
    struct scenario_shrinker *shrinker = malloc(sizeof *shrinker);
    struct scenario *candidate = malloc(sizeof *candidate);
    if (shrinker != NULL && candidate != NULL) {
        scenario_shrink_init(shrinker, scenario);
        while (scenario_shrink_next(shrinker, candidate)) {
            if (broken_again(source, candidate, rule) != NULL) {
                scenario_shrink_accept(shrinker);
            }
        }
        *scenario = shrinker->best;
    }
    free(shrinker);
    free(candidate);
}

/* ---- Writing ------------------------------------------------------------------------------------- */

static enum status save_bytes(const char *folder, const char *name, const void *data, size_t size,
                              struct status_detail *detail)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) {
        return status_fail(detail, STATUS_IO, "%s: the name is too long", folder);
    }
    FILE *file = fopen(path, "wbe");
    bool written = file != NULL && fwrite(data, 1, size, file) == size;
    int error = errno;
    if (file != NULL && fclose(file) != 0) {
        written = false;
        error = errno;
    }
    return written ? STATUS_OK : status_fail(detail, STATUS_IO, "%s: %s", path, strerror(error));
}

static void describe(const struct finding_source *source, const struct scenario *scenario, const char *steps,
                     const struct oracle_verdict *verdict, const char *name, struct trace_text *text)
{
    const struct trace *trace = source->play->trace;
    const struct oracle_rule *rule = &oracle_rules[verdict->rule];
    char what[ORACLE_DETAIL_MAX];
    trace_text_print(text, "%s %s  %s\n\n", grade_name(verdict->grade), rule->id, rule->title);
    trace_text_print(text, "target    %s\nhappened  %s\nclause    %s\n\nscenario (%u steps)\n%s\n", trace->header.target,
                     oracle_detail(verdict, trace, what, sizeof what), rule->cite, scenario->count, steps);
    struct ladder_options ladder = {.highlights = verdict->events, .highlight_count = verdict->count};
    struct trace_output output = trace_output_text(text);
    (void)ladder_print(trace, &ladder, &output, NULL);
    trace_text_print(text, "\nreplay    %s %s/%s/found.scenario --target %s\n",
                     source->replay != NULL ? source->replay : "sockspec replay",
                     source->folder != NULL ? source->folder : ".", name, trace->header.target);
}

static enum status save_trace(const char *folder, const struct trace *trace, struct status_detail *detail)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/trace.jsonl", folder);
    return trace_jsonl_save(trace, path, detail);
}

/* Everything goes into a folder beside its place, which is moved there when it is whole. */
static enum status save_folder(const struct finding_source *source, const char *name, const char *steps,
                               const struct trace_text *report, const uint8_t *input, size_t input_size,
                               struct status_detail *detail)
{
    char temporary[4096];
    char final[4096];
    if (snprintf(temporary, sizeof temporary, "%s/.%s.%ld", source->folder, name, (long)getpid()) >=
            (int)sizeof temporary ||
        snprintf(final, sizeof final, "%s/%s", source->folder, name) >= (int)sizeof final) {
        return status_fail(detail, STATUS_IO, "%s: the name is too long", source->folder);
    }
    if (mkdir(temporary, 0777) != 0 && errno != EEXIST) {
        return status_fail(detail, STATUS_IO, "%s: %s", temporary, strerror(errno));
    }
    enum status status = save_bytes(temporary, "found.scenario", steps, strlen(steps), detail);
    if (status == STATUS_OK) {
        status = save_bytes(temporary, "input.bin", input, input_size, detail);
    }
    if (status == STATUS_OK) {
        status = save_bytes(temporary, "report.txt", report->data, report->size, detail);
    }
    if (status == STATUS_OK) {
        status = save_trace(temporary, source->play->trace, detail);
    }
    /* Another process of the campaign may have been first: then its folder stands. */
    if (status == STATUS_OK && rename(temporary, final) != 0 && errno != EEXIST && errno != ENOTEMPTY) {
        status = status_fail(detail, STATUS_IO, "%s: %s", final, strerror(errno));
    }
    return status;
}

static void print_and_abort(const struct trace_text *report)
{
    (void)fputs("\n", stderr);
    (void)fwrite(report->data, 1, report->size, stderr);
    (void)fflush(stderr);
    abort();
}

/* Writes the finding that the trace of the engine shows now. */
static enum status save(const struct finding_source *source, const struct scenario *found,
                        const struct scenario *small, const struct oracle_verdict *verdict, uint64_t key,
                        struct status_detail *detail)
{
    char name[FINDING_NAME_MAX];
    struct trace_text report = {0};
    size_t length = 0;
    enum status status = STATUS_NO_MEMORY;
    char *steps = malloc(SCENARIO_PRINT_MAX);
    uint8_t *input = malloc(SCENARIO_CODE_MAX);
    if (steps == NULL || input == NULL) {
        goto out;
    }
    status = scenario_print(small, steps, SCENARIO_PRINT_MAX, &length);
    assert(status == STATUS_OK);
    finding_name(verdict, key, name);
    describe(source, small, steps, verdict, name, &report);
    if (source->folder == NULL) {
        print_and_abort(&report);
    }
    size_t input_size = scenario_encode(found, input, SCENARIO_CODE_MAX);
    status = save_folder(source, name, steps, &report, input, input_size, detail);
out:
    trace_text_free(&report);
    free(input);
    free(steps);
    return status;
}

/* Shrinks first: what differs in its first form is often the same in its smallest one. */
static enum status record_rule(struct finding_keys *keys, const struct finding_source *source,
                               const struct scenario *scenario, unsigned rule, uint32_t *added,
                               struct status_detail *detail)
{
    struct scenario *small = malloc(sizeof *small);
    if (small == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "no memory to shrink a finding");
    }
    *small = *scenario;
    shrink(source, small, rule);
    const struct oracle_verdict *verdict = broken_again(source, small, rule);
    enum status status = STATUS_OK;
    if (verdict != NULL) {
        uint64_t key = finding_key(source->play->trace, verdict);
        if (!known(keys, key)) {
            status = save(source, scenario, small, verdict, key, detail);
            *added += status == STATUS_OK;
        }
    }
    free(small);
    return status;
}

enum status finding_record(struct finding_keys *keys, const struct finding_source *source,
                           const struct scenario *scenario, const struct oracle_judgement *judgement,
                           uint32_t *ret_added, struct status_detail *detail)
{
    uint64_t fresh[2] = {0, 0};
    *ret_added = 0;
    for (unsigned word = 0; word < 2; word++) {
        for (uint64_t bits = judgement->broken[word]; bits != 0; bits &= bits - 1) {
            unsigned rule = word * 64 + (unsigned)__builtin_ctzll(bits);
            uint64_t raw = finding_key(source->play->trace, &judgement->verdicts[rule]) ^ 1;
            if (!known(keys, raw)) {
                fresh[word] |= 1ULL << (rule % 64);
            }
        }
    }
    enum status status = STATUS_OK;
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT && status == STATUS_OK; rule++) {
        if (oracle_has(fresh, rule)) {
            status = record_rule(keys, source, scenario, rule, ret_added, detail);
        }
    }
    return status;
}
