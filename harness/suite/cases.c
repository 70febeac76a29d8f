/* Loading cases: the header of a scenario file, checked, and its steps. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/cases.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "suite/corpus.h"
#include "suite/profiles.h"

static const struct {
    const char *word;
    uint32_t promise;
    const char *reason;
} needs[CASES_NEED_COUNT] = {
#define CASES_NEED_ROW(name, word, promise, reason) [CASES_NEED_##name] = {word, promise, reason},
    CASES_NEED_TABLE(CASES_NEED_ROW)
#undef CASES_NEED_ROW
};

/* ---- Header ---- */

/* One header line being read. */
struct line {
    const char *path;
    const struct scenario_header *header;
    struct suite_case *the_case;
    struct status_detail *detail;
};

static enum status line_fail(const struct line *line, const char *found, const char *expected)
{
    return status_fail(line->detail, STATUS_SYNTAX, "%s:%u: %s: found '%.60s', expected %s",
                       line->path, line->header->line, line->header->key, found, expected);
}

/* Calls `take` for every word of the value. */
static enum status each_word(const struct line *line,
                             enum status (*take)(const struct line *, const char *))
{
    char words[SCENARIO_HEADER_VALUE_MAX];
    memcpy(words, line->header->value, sizeof(words));
    char *rest = NULL;
    enum status status = STATUS_OK;
    for (char *word = strtok_r(words, " ,\t", &rest); word != NULL && status == STATUS_OK;
         word = strtok_r(NULL, " ,\t", &rest)) {
        status = take(line, word);
    }
    return status;
}

static enum status take_role(const struct line *line, const char *word)
{
    static const struct {
        const char *word;
        uint32_t roles;
    } roles[] = {{"server", 1U << TRACE_ROLE_SERVER},
                 {"client", 1U << TRACE_ROLE_CLIENT},
                 {"both", 1U << TRACE_ROLE_SERVER | 1U << TRACE_ROLE_CLIENT},
                 {"pair", 1U << TRACE_ROLE_PAIR},
                 {"stack", 1U << TRACE_ROLE_STACK}};
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strcmp(word, roles[i].word) == 0) {
            line->the_case->roles |= roles[i].roles;
            return STATUS_OK;
        }
    }
    return line_fail(line, word, "server, client, both, pair or stack");
}

static enum status take_rule(const struct line *line, const char *word)
{
    unsigned rule = oracle_find(word);
    if (rule < ORACLE_RULE_COUNT) {
        line->the_case->rules[rule / 64] |= 1ULL << (rule % 64);
        return STATUS_OK;
    }
    struct words_guess guess = {.word = word};
    for (unsigned i = 0; i < ORACLE_RULE_COUNT; i++) {
        words_guess_offer(&guess, oracle_rules[i].id);
    }
    char hint[64];
    char expected[160];
    (void)snprintf(expected, sizeof(expected),
                   "the ID of a rule, as `sockspec list rules` shows them%s",
                   words_guess_hint(&guess, hint, sizeof(hint)));
    return line_fail(line, word, expected);
}

static enum status take_need(const struct line *line, const char *word)
{
    struct words_guess guess = {.word = word};
    char expected[300] = "any of";
    for (unsigned i = 0; i < CASES_NEED_COUNT; i++) {
        if (strcmp(needs[i].word, word) == 0) {
            line->the_case->needs |= 1U << i;
            return STATUS_OK;
        }
        words_guess_offer(&guess, needs[i].word);
        (void)snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), " %s",
                       needs[i].word);
    }
    char hint[64];
    (void)snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "%s",
                   words_guess_hint(&guess, hint, sizeof(hint)));
    return line_fail(line, word, expected);
}

static enum status take_title(const struct line *line)
{
    size_t size = strlen(line->header->value);
    if (size == 0 || size >= CASES_TITLE_MAX) {
        return line_fail(line, line->header->value, "a title of one line, 1 to 159 bytes");
    }
    memcpy(line->the_case->title, line->header->value, size + 1);
    return STATUS_OK;
}

static enum status take_number(const struct line *line, uint64_t max, const char *expected,
                               uint64_t *ret_number)
{
    char *rest = NULL;
    errno = 0;
    unsigned long long number = strtoull(line->header->value, &rest, 0);
    if (errno != 0 || rest == line->header->value || line->header->value[0] == '-' ||
        number > max) {
        return line_fail(line, line->header->value, expected);
    }
    if (max != UINT64_MAX && strcmp(rest, "s") == 0) {
        rest++;
    }
    if (*rest != '\0') {
        return line_fail(line, line->header->value, expected);
    }
    *ret_number = number;
    return STATUS_OK;
}

static enum status take_seed(const struct line *line)
{
    line->the_case->has_seed = true;
    return take_number(line, UINT64_MAX, "a number", &line->the_case->seed);
}

static enum status take_idle_limit(const struct line *line)
{
    uint64_t seconds = 0;
    enum status status = take_number(line, 86400, "seconds, up to a day", &seconds);
    line->the_case->idle_limit_us = (int64_t)seconds * 1000000;
    return status;
}

static enum status take_repeat(const struct line *line)
{
    uint64_t times = 0;
    enum status status = take_number(line, CASES_REPEATS_MAX, "times, up to 4096", &times);
    line->the_case->repeats = (uint32_t)times;
    return status;
}

static enum status take_roles(const struct line *line)
{
    return each_word(line, take_role);
}
static enum status take_rules(const struct line *line)
{
    return each_word(line, take_rule);
}
static enum status take_needs(const struct line *line)
{
    return each_word(line, take_need);
}

static const struct {
    const char *key;
    enum status (*take)(const struct line *line);
} header_keys[] = {{"title", take_title},  {"role", take_roles}, {"rules", take_rules},
                   {"needs", take_needs},  {"seed", take_seed},  {"idle_limit", take_idle_limit},
                   {"repeat", take_repeat}};
enum { HEADER_KEY_COUNT = sizeof(header_keys) / sizeof(header_keys[0]) };

static enum status take_header(const struct line *line, uint32_t *seen)
{
    struct words_guess guess = {.word = line->header->key};
    for (unsigned i = 0; i < HEADER_KEY_COUNT; i++) {
        if (strcmp(header_keys[i].key, line->header->key) != 0) {
            words_guess_offer(&guess, header_keys[i].key);
            continue;
        }
        if ((*seen >> i & 1U) != 0) {
            return line_fail(line, line->header->key, "it once");
        }
        *seen |= 1U << i;
        return header_keys[i].take(line);
    }
    char hint[64];
    return status_fail(line->detail, STATUS_SYNTAX, "%s:%u: no header is called '%s'%s", line->path,
                       line->header->line, line->header->key,
                       words_guess_hint(&guess, hint, sizeof(hint)));
}

/* A case says for whom it is through its header, or through the folder that it lies in. */
static void role_from_name(struct suite_case *the_case)
{
    static const struct {
        const char *folder;
        enum trace_role role;
    } folders[] = {{"server/", TRACE_ROLE_SERVER},
                   {"client/", TRACE_ROLE_CLIENT},
                   {"pair/", TRACE_ROLE_PAIR},
                   {"stack/", TRACE_ROLE_STACK}};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && the_case->roles == 0; i++) {
        if (strncmp(the_case->name, folders[i].folder, strlen(folders[i].folder)) == 0) {
            the_case->roles = 1U << folders[i].role;
        }
    }
    if (the_case->roles == 0) {
        the_case->roles = (1U << TRACE_ROLE_COUNT) - 1U;
    }
}

enum status cases_parse(const char *path, const char *name, const char *text, size_t size,
                        struct suite_case *ret_case, struct status_detail *detail)
{
    struct scenario_text *parsed = malloc(sizeof(*parsed));
    if (parsed == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "%s", path);
    }
    enum status status = scenario_parse(path, text, size, parsed, detail);
    if (status != STATUS_OK) {
        goto out;
    }
    if (strlen(name) >= CASES_NAME_MAX) {
        status = status_fail(detail, STATUS_LIMIT, "%s: a case's name has at most %d bytes", path,
                             CASES_NAME_MAX - 1);
        goto out;
    }
    memset(ret_case, 0, offsetof(struct suite_case, scenario));
    memcpy(ret_case->name, name, strlen(name) + 1);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < parsed->header_count && status == STATUS_OK; i++) {
        struct line line = {path, &parsed->headers[i], ret_case, detail};
        status = take_header(&line, &seen);
    }
    if (status == STATUS_OK) {
        role_from_name(ret_case);
        scenario_copy(&ret_case->scenario, &parsed->scenario);
    }
out:
    free(parsed);
    return status;
}

/* ---- Corpus ---- */

static enum status case_add(struct cases *cases, const char *path, const char *name,
                            const char *text, size_t size, struct status_detail *detail)
{
    if (cases->count >= CASES_MAX) {
        return status_fail(detail, STATUS_LIMIT, "%s: more than %d cases", path, CASES_MAX);
    }
    struct suite_case *grown = cases->cases;
    if ((cases->count & (cases->count - 1)) == 0) {
        size_t room = cases->count == 0 ? 1 : (size_t)cases->count * 2;
        grown = realloc(cases->cases, room * sizeof(*grown));
        if (grown == NULL) {
            return status_fail(detail, STATUS_NO_MEMORY, "%s", path);
        }
        cases->cases = grown;
    }
    struct suite_case *added = &grown[cases->count];
    enum status status = cases_parse(path, name, text, size, added, detail);
    if (status == STATUS_OK && added->title[0] == '\0') {
        status = status_fail(detail, STATUS_SYNTAX, "%s: a case needs a title", path);
    }
    if (status == STATUS_OK && added->scenario.count == 0) {
        status = status_fail(detail, STATUS_SYNTAX, "%s: a case needs steps", path);
    }
    cases->count += status == STATUS_OK;
    return status;
}

static enum status file_add(struct cases *cases, const char *folder, const char *path,
                            struct status_detail *detail)
{
    char *text = malloc(SCENARIO_TEXT_MAX + 1);
    FILE *stream = fopen(path, "re");
    enum status status = STATUS_OK;
    if (text == NULL || stream == NULL) {
        status = status_fail(detail, text == NULL ? STATUS_NO_MEMORY : STATUS_IO, "%s: %s", path,
                             strerror(errno));
        goto out;
    }
    size_t size = fread(text, 1, SCENARIO_TEXT_MAX + 1, stream);
    if (ferror(stream) || size > SCENARIO_TEXT_MAX) {
        status = status_fail(detail, STATUS_IO, "%s: cannot be read, or is too long", path);
        goto out;
    }
    char name[4096];
    const char *below = path + strlen(folder) + strspn(path + strlen(folder), "/");
    (void)snprintf(name, sizeof(name), "%.*s", (int)(strlen(below) - strlen(CASES_EXTENSION)),
                   below);
    status = case_add(cases, path, name, text, size, detail);
out:
    if (stream != NULL) {
        (void)fclose(stream);
    }
    free(text);
    return status;
}

static int by_path(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static enum status folder_load(struct cases *cases, const char *folder,
                               struct status_detail *detail)
{
    char *roots[] = {(char *)folder, NULL};
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_path);
    if (tree == NULL) {
        return status_fail(detail, STATUS_IO, "%s: %s", folder, strerror(errno));
    }
    enum status status = STATUS_OK;
    const FTSENT *entry = NULL;
    while (status == STATUS_OK && (entry = fts_read(tree)) != NULL) {
        size_t length = entry->fts_pathlen;
        size_t extension = strlen(CASES_EXTENSION);
        if (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR) {
            status = status_fail(detail, STATUS_NOT_FOUND, "%s: %s", entry->fts_path,
                                 strerror(entry->fts_errno));
        } else if (entry->fts_info == FTS_F && length > extension &&
                   strcmp(entry->fts_path + length - extension, CASES_EXTENSION) == 0) {
            status = file_add(cases, folder, entry->fts_path, detail);
        }
    }
    (void)fts_close(tree);
    if (status == STATUS_OK && cases->count == 0) {
        status = status_fail(detail, STATUS_NOT_FOUND, "%s: no *" CASES_EXTENSION " files below",
                             folder);
    }
    return status;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct suite_case *)a)->name, ((const struct suite_case *)b)->name);
}

enum status cases_load(const char *folder, struct cases *ret_cases, struct status_detail *detail)
{
    struct cases cases = {0};
    enum status status = STATUS_OK;
    if (folder != NULL) {
        status = folder_load(&cases, folder, detail);
    } else {
        for (size_t i = 0; i < corpus_file_count && status == STATUS_OK; i++) {
            const struct corpus_file *file = &corpus_files[i];
            status = case_add(&cases, file->name, file->name, file->text, file->size, detail);
        }
    }
    if (status != STATUS_OK) {
        cases_done(&cases);
        return status;
    }
    qsort(cases.cases, cases.count, sizeof(*cases.cases), by_name);
    *ret_cases = cases;
    return STATUS_OK;
}

void cases_done(struct cases *cases)
{
    free(cases->cases);
    *cases = (struct cases){0};
}

const struct suite_case *cases_find(const struct cases *cases, const char *name)
{
    for (uint32_t i = 0; i < cases->count; i++) {
        if (strcmp(cases->cases[i].name, name) == 0) {
            return &cases->cases[i];
        }
    }
    return NULL;
}

const char *cases_unfit(const struct suite_case *the_case, const struct manifest *manifest,
                        const struct profile *profile)
{
    uint32_t promises = manifest_promises(manifest, profile);
    if ((the_case->roles >> manifest->role & 1U) == 0) {
        return "the case is for targets of another role";
    }
    for (unsigned i = 0; i < CASES_NEED_COUNT; i++) {
        if ((the_case->needs >> i & 1U) == 0) {
            continue;
        }
        bool missing = (promises & needs[i].promise) != needs[i].promise;
        missing = missing || (i == CASES_NEED_LARGE &&
                              !profiles_can_say(profile, manifest->role, SCENARIO_PAYLOAD_LARGE));
        missing = missing || (i == CASES_NEED_LAST &&
                              !profiles_can_say(profile, manifest->role, SCENARIO_PAYLOAD_LAST));
        missing = missing || (i == CASES_NEED_POSIX && manifest->rules != TRACE_RULES_POSIX);
        if (missing) {
            return needs[i].reason;
        }
    }
    return NULL;
}
