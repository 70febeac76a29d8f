/* Reading target.ini: a table of keys, each with the kind of value that it takes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/manifest_internal.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/words.h"
#include "oracle/oracle.h"

/* The kinds of values. */
enum value_kind {
    VALUE_TEXT, /* `size` bytes at `offset` */
    VALUE_ROLE,
    VALUE_RULES,
    VALUE_SERVES,
    VALUE_INPUT,
    VALUE_ADDRESS,
    VALUE_FLAG, /* bool */
    VALUE_RUNS,
    VALUE_TIME, /* int64_t microseconds */
    VALUE_SIGNAL,
    VALUE_PORT,
    VALUE_SEED,
    VALUE_RULE, /* ID of a rule, as text */
    VALUE_ENVIRONMENT,
    VALUE_PROMISE, /* `size` is the bit */
    VALUE_BYTES,   /* struct framed_text, with escapes */
    VALUE_COUNT,   /* uint32_t, up to FRAMED_FILLING_MAX */
    VALUE_ANSWER,  /* struct framed_answer; `size` is enum answer_part */
    VALUE_PATH,    /* of a URL */
    VALUE_FILE     /* name of a file, whose bytes are kept; `size` is enum manifest_file */
};

enum manifest_file { FILE_REQUEST, FILE_RESPONSE };

enum answer_part { ANSWER_EXACT, ANSWER_PREFIX, ANSWER_END, ANSWER_SIZE, ANSWER_FRAME };

struct manifest_key {
    const char *section;
    const char *name;
    enum value_kind kind;
    size_t offset;
    size_t size;
};

#define AT(member) offsetof(struct manifest, member)
#define FIELD(member) AT(member), sizeof(((struct manifest *)NULL)->member)
#define ANSWER_KEYS(prefix, member)                                                                \
    {"profile", prefix, VALUE_ANSWER, AT(member), ANSWER_EXACT},                                   \
        {"profile", prefix "_prefix", VALUE_ANSWER, AT(member), ANSWER_PREFIX},                    \
        {"profile", prefix "_end", VALUE_ANSWER, AT(member), ANSWER_END},                          \
        {"profile", prefix "_size", VALUE_ANSWER, AT(member), ANSWER_SIZE},                        \
    {                                                                                              \
        "profile", prefix "_frame", VALUE_ANSWER, AT(member), ANSWER_FRAME                         \
    }

static const struct manifest_key manifest_keys[] = {
    {"target", "name", VALUE_TEXT, FIELD(name)},
    {"target", "role", VALUE_ROLE, 0, 0},
    {"target", "profile", VALUE_TEXT, FIELD(profile_name)},
    {"target", "args", VALUE_TEXT, FIELD(args)},
    {"target", "description", VALUE_TEXT, FIELD(description)},
    {"target", "base", VALUE_TEXT, FIELD(base)},
    {"target", "breaks", VALUE_RULE, FIELD(breaks)},
    {"target", "idle_limit", VALUE_TIME, AT(idle_limit_us), 0},
    {"target", "connect_limit", VALUE_TIME, AT(connect_limit_us), 0},
    {"target", "stop_signal", VALUE_SIGNAL, 0, 0},
    {"target", "port", VALUE_PORT, 0, 0},
    {"target", "rules", VALUE_RULES, 0, 0},
    {"target", "seed", VALUE_SEED, 0, 0},
    {"target", "serves", VALUE_SERVES, 0, 0},
    {"target", "command", VALUE_TEXT, FIELD(command)},
    {"target", "folder", VALUE_TEXT, FIELD(folder)},
    {"target", "env", VALUE_ENVIRONMENT, 0, 0},
    {"target", "input", VALUE_INPUT, 0, 0},
    {"target", "address", VALUE_ADDRESS, 0, 0},
    {"target", "start_limit", VALUE_TIME, AT(start_limit_us), 0},
    {"target", "stop_limit", VALUE_TIME, AT(stop_limit_us), 0},
    {"target", "runs", VALUE_RUNS, AT(runs), 0},
    {"target", "fresh", VALUE_FLAG, AT(fresh), 0},
    {"promises", "persistent", VALUE_PROMISE, 0, TRACE_PERSISTENT},
    {"promises", "half_close_answered", VALUE_PROMISE, 0, TRACE_HALF_CLOSE_ANSWERED},
    {"promises", "speaks_first", VALUE_PROMISE, 0, TRACE_TARGET_SPEAKS_FIRST},
    {"promises", "concurrent", VALUE_PROMISE, 0, TRACE_CONCURRENT},
    {"promises", "idle_timeout", VALUE_PROMISE, 0, TRACE_IDLE_TIMEOUT},
    {"promises", "closes_after_eof", VALUE_PROMISE, 0, TRACE_CLOSES_AFTER_EOF},
    {"promises", "fixed_port", VALUE_PROMISE, 0, TRACE_FIXED_PORT},
    {"profile", "path", VALUE_PATH, FIELD(path_ordinary)},
    {"profile", "large_path", VALUE_PATH, FIELD(path_large)},
    {"profile", "request_file", VALUE_FILE, AT(request_file), FILE_REQUEST},
    {"profile", "response_file", VALUE_FILE, AT(response_file), FILE_RESPONSE},
    {"profile", "speaks_first", VALUE_FLAG, AT(framed.greets), 0},
    {"profile", "request", VALUE_BYTES, AT(framed.request[0].head), 0},
    {"profile", "large", VALUE_BYTES, AT(framed.request[1].head), 0},
    {"profile", "large_filling", VALUE_COUNT, AT(framed.request[1].filling), 0},
    {"profile", "large_tail", VALUE_BYTES, AT(framed.request[1].tail), 0},
    {"profile", "last", VALUE_BYTES, AT(framed.request[2].head), 0},
    ANSWER_KEYS("response", framed.answer[0]),
    ANSWER_KEYS("large_response", framed.answer[1]),
    ANSWER_KEYS("last_response", framed.answer[2]),
    ANSWER_KEYS("greeting", framed.greeting),
    {"profile", "opening", VALUE_BYTES, AT(framed.opening), 0},
    ANSWER_KEYS("opening_response", framed.opened),
    {"profile", "request_end", VALUE_ANSWER, AT(framed.question), ANSWER_END},
    {"profile", "request_size", VALUE_ANSWER, AT(framed.question), ANSWER_SIZE},
    {"profile", "reply", VALUE_BYTES, AT(framed.reply[0].head), 0},
    {"profile", "large_reply", VALUE_BYTES, AT(framed.reply[1].head), 0},
    {"profile", "large_reply_filling", VALUE_COUNT, AT(framed.reply[1].filling), 0},
    {"profile", "large_reply_tail", VALUE_BYTES, AT(framed.reply[1].tail), 0},
    {"profile", "last_reply", VALUE_BYTES, AT(framed.reply[2].head), 0},
    {"profile", "hello", VALUE_BYTES, AT(framed.hello.head), 0},
};
enum { MANIFEST_KEY_COUNT = sizeof(manifest_keys) / sizeof(manifest_keys[0]) };

static const char *const manifest_sections[] = {"target", "promises", "profile", "known-failures"};
enum { MANIFEST_SECTION_COUNT = sizeof(manifest_sections) / sizeof(manifest_sections[0]) };

/* One reading of one file. */
struct reading {
    struct manifest *manifest;
    const char *path;
    const char *at;
    const char *end;
    uint32_t line;
    uint32_t seen_line[MANIFEST_KEY_COUNT]; /* where a key stands; 0: nowhere */
    enum status status;
    struct status_detail *detail;
};

/* ---- Values ---- */

/* Every value's failure reads alike. Returns false, as value functions do. */
static bool value_fail(struct reading *reading, const struct manifest_key *key, const char *found,
                       const char *expected)
{
    reading->status =
        status_fail(reading->detail, STATUS_SYNTAX, "%s:%u: [%s] %s: found '%.80s', expected %s",
                    reading->path, reading->line, key->section, key->name, found, expected);
    return false;
}

static bool value_text(struct reading *reading, const struct manifest_key *key, const char *value)
{
    size_t size = strlen(value);
    if (size == 0 || size >= key->size) {
        char expected[64];
        (void)snprintf(expected, sizeof(expected), "1 to %zu bytes", key->size - 1);
        return value_fail(reading, key, value, expected);
    }
    memcpy((char *)reading->manifest + key->offset, value, size + 1);
    return true;
}

/* The index of `value` in a list of words ended by NULL; fails with the list. */
static bool value_word(struct reading *reading, const struct manifest_key *key, const char *value,
                       const char *const *words, unsigned *ret_index)
{
    char expected[160] = "";
    struct words_guess guess = {.word = value};
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], value) == 0) {
            *ret_index = i;
            return true;
        }
        words_guess_offer(&guess, words[i]);
        (void)snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "%s%s",
                       i == 0                 ? ""
                       : words[i + 1] == NULL ? " or "
                                              : ", ",
                       words[i]);
    }
    char hint[64];
    (void)snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "%s",
                   words_guess_hint(&guess, hint, sizeof(hint)));
    return value_fail(reading, key, value, expected);
}

static bool value_flag(struct reading *reading, const struct manifest_key *key, const char *value,
                       bool *ret_flag)
{
    static const char *const words[] = {"no", "yes", NULL};
    unsigned index = 0;
    if (!value_word(reading, key, value, words, &index)) {
        return false;
    }
    *ret_flag = index == 1;
    return true;
}

static bool number_read(const char *value, uint64_t max, uint64_t *ret_number,
                        const char **ret_rest)
{
    char *rest = NULL;
    errno = 0;
    unsigned long long number = strtoull(value, &rest, 10);
    if (rest == value || !isdigit((unsigned char)value[0]) || errno != 0 || number > max) {
        return false;
    }
    *ret_number = number;
    *ret_rest = rest;
    return true;
}

static bool value_number(struct reading *reading, const struct manifest_key *key, const char *value,
                         uint64_t min, uint64_t max, uint64_t *ret_number)
{
    const char *rest = NULL;
    uint64_t number = 0;
    if (!number_read(value, max, &number, &rest) || *rest != '\0' || number < min) {
        char expected[80];
        (void)snprintf(expected, sizeof(expected), "a number from %llu to %llu",
                       (unsigned long long)min, (unsigned long long)max);
        return value_fail(reading, key, value, expected);
    }
    *ret_number = number;
    return true;
}

static bool value_time(struct reading *reading, const struct manifest_key *key, const char *value)
{
    static const struct {
        const char *unit;
        int64_t us;
    } units[] = {{"", 1000000}, {"s", 1000000}, {"ms", 1000}, {"m", 60000000}, {"h", 3600000000}};
    const char *rest = NULL;
    uint64_t number = 0;
    if (number_read(value, 86400000, &number, &rest)) {
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
            if (strcmp(rest, units[i].unit) == 0 && (int64_t)number <= 86400000000 / units[i].us) {
                int64_t us = (int64_t)number * units[i].us;
                memcpy((char *)reading->manifest + key->offset, &us, sizeof(us));
                return true;
            }
        }
    }
    return value_fail(reading, key, value,
                      "a time up to a day: 120 (seconds), 500ms, 30s, 2m or 1h");
}

static bool value_signal(struct reading *reading, const struct manifest_key *key, const char *value)
{
    const char *name = strncmp(value, "SIG", 3) == 0 ? value + 3 : value;
    const char *words[SCENARIO_SIGNAL_COUNT + 1] = {NULL};
    for (unsigned i = 0; i < SCENARIO_SIGNAL_COUNT; i++) {
        words[i] = scenario_signal_name((enum scenario_signal)i);
    }
    unsigned index = 0;
    if (!value_word(reading, key, name, words, &index)) {
        return false;
    }
    reading->manifest->stop_signal = scenario_signal_number((enum scenario_signal)index);
    return true;
}

static bool rule_exists(const char *id, char *hint, size_t size)
{
    /* Rules of the suite itself, run.h: how a program may end. */
    bool of_the_suite =
        strcmp(id, "CRASH") == 0 || strcmp(id, "HANG") == 0 || strcmp(id, "EXIT") == 0;
    if (of_the_suite || oracle_find(id) < ORACLE_RULE_COUNT) {
        return true;
    }
    struct words_guess guess = {.word = id};
    for (unsigned i = 0; i < ORACLE_RULE_COUNT; i++) {
        words_guess_offer(&guess, oracle_rules[i].id);
    }
    char buffer[64];
    (void)snprintf(hint, size, "the ID of a rule, as `sockspec list rules` shows them%s",
                   words_guess_hint(&guess, buffer, sizeof(buffer)));
    return false;
}

static bool value_rule(struct reading *reading, const struct manifest_key *key, const char *value)
{
    char hint[160];
    return rule_exists(value, hint, sizeof(hint)) ? value_text(reading, key, value)
                                                  : value_fail(reading, key, value, hint);
}

static bool value_environment(struct reading *reading, const struct manifest_key *key,
                              const char *value)
{
    struct manifest *manifest = reading->manifest;
    const char *equals = strchr(value, '=');
    if (equals == NULL || equals == value || strlen(value) >= MANIFEST_WORD_MAX ||
        manifest->environment_count >= MANIFEST_ENVIRONMENT_MAX) {
        return value_fail(reading, key, value, "NAME=value, at most 16 times");
    }
    memcpy(manifest->environment[manifest->environment_count++], value, strlen(value) + 1);
    return true;
}

static int hex_digit(char digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
           : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                          : -1;
}

/* Bytes as written in the file: in quotes or not, with \r \n \t \0 \\ \" and \xNN. */
static bool value_bytes(struct reading *reading, const struct manifest_key *key, const char *value,
                        struct framed_text *ret_text)
{
    size_t size = strlen(value);
    bool quoted = size >= 2 && value[0] == '"' && value[size - 1] == '"';
    const char *at = value + quoted;
    const char *end = value + size - quoted;
    struct framed_text text = {.size = 0};
    static const char escapes[] = "rntv0\\\"", bytes[] = "\r\n\t\v\0\\\"";
    while (at < end) {
        char byte = *at++;
        if (byte == '\\') {
            const char *escape = at < end ? memchr(escapes, *at, sizeof(escapes) - 1) : NULL;
            if (escape != NULL) {
                byte = bytes[escape - escapes];
                at++;
            } else if (end - at >= 3 && at[0] == 'x' && hex_digit(at[1]) >= 0 &&
                       hex_digit(at[2]) >= 0) {
                byte = (char)(hex_digit(at[1]) * 16 + hex_digit(at[2]));
                at += 3;
            } else {
                return value_fail(reading, key, at - 1,
                                  "an escape: \\r \\n \\t \\0 \\\\ \\\" or \\xNN");
            }
        }
        if (text.size >= FRAMED_TEXT_MAX) {
            return value_fail(reading, key, value, "at most 256 bytes");
        }
        text.bytes[text.size++] = byte;
    }
    if (text.size == 0) {
        return value_fail(reading, key, value, "at least one byte");
    }
    *ret_text = text;
    return true;
}

static bool value_answer(struct reading *reading, const struct manifest_key *key, const char *value)
{
    struct framed_answer *answer =
        (struct framed_answer *)((char *)reading->manifest + key->offset);
    struct framed_text text;
    uint64_t number = 0;
    answer->named = true;
    switch ((enum answer_part)key->size) {
    case ANSWER_EXACT:
        answer->frame = FRAMED_EXACT;
        return value_bytes(reading, key, value, &answer->exact.head);
    case ANSWER_PREFIX:
        answer->frame = FRAMED_ENDS;
        return value_bytes(reading, key, value, &answer->exact.head);
    case ANSWER_END:
        if (!value_bytes(reading, key, value, &text)) {
            return false;
        }
        if (text.size > FRAMED_END_MAX) {
            return value_fail(reading, key, value, "at most 8 bytes");
        }
        answer->frame = FRAMED_ENDS;
        memcpy(answer->end, text.bytes, text.size);
        answer->end_size = (uint8_t)text.size;
        return true;
    case ANSWER_SIZE:
        answer->frame = FRAMED_SIZED;
        if (!value_number(reading, key, value, 1, FRAMED_FILLING_MAX, &number)) {
            return false;
        }
        answer->size = (uint32_t)number;
        return true;
    default: {
        static const char *const words[] = {"none", "coded", NULL};
        unsigned index = 0;
        if (!value_word(reading, key, value, words, &index)) {
            return false;
        }
        answer->frame = index == 0 ? FRAMED_NONE : FRAMED_CODED;
        return true;
    }
    }
}

static void promise(struct manifest *manifest, uint32_t bit, bool made)
{
    manifest->promises_named |= bit;
    manifest->promises_made = made ? manifest->promises_made | bit : manifest->promises_made & ~bit;
    manifest->promises_denied =
        made ? manifest->promises_denied & ~bit : manifest->promises_denied | bit;
}

/* A path that goes into a request line as it is. */
static bool value_path(struct reading *reading, const struct manifest_key *key, const char *value)
{
    bool good = value[0] == '/';
    for (const char *at = value; *at != '\0'; at++) {
        good = good && *at > ' ' && *at < 0x7F;
    }
    return good ? value_text(reading, key, value)
                : value_fail(reading, key, value, "a path that begins with / and has no blanks");
}

/* Where a file that a manifest names lies: beside it, unless its name says more. */
static void file_place(const struct reading *reading, const char *name, char *path, size_t size)
{
    char storage[MANIFEST_TEXT_MAX];
    if (name[0] == '/') {
        (void)snprintf(path, size, "%s", name);
    } else {
        (void)snprintf(path, size, "%s/%s", manifest_folder(reading->manifest, storage), name);
    }
}

/* Only regular files: whatever else there is might never end. */
static bool value_file(struct reading *reading, const struct manifest_key *key, const char *value)
{
    struct manifest *manifest = reading->manifest;
    char path[MANIFEST_TEXT_MAX * 2];
    struct stat about;
    file_place(reading, value, path, sizeof(path));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool good = fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0 &&
                about.st_size <= MANIFEST_FILE_MAX;
    uint8_t *bytes = (uint8_t *)manifest + key->offset;
    ssize_t size = good ? pread(fd, bytes, MANIFEST_FILE_MAX, 0) : -1;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (size <= 0) {
        return value_fail(reading, key, path, "a file of 1 to 16384 bytes");
    }
    if (key->size == FILE_REQUEST) {
        manifest->framed.request[0].raw_size = (uint32_t)size;
    } else {
        manifest->framed.answer[0].frame = FRAMED_EXACT;
        manifest->framed.answer[0].exact.raw_size = (uint32_t)size;
    }
    return true;
}

static bool value_choice(struct reading *reading, const struct manifest_key *key, const char *value)
{
    static const char *const roles[] = {"server", "client", "pair", "stack", NULL};
    static const char *const rules[] = {"linux", "posix", NULL};
    static const char *const serves[] = {"one", "many", NULL};
    static const char *const inputs[] = {"none", "empty", "open", NULL};
    static const char *const addresses[] = {"ipv4", "ipv6", NULL};
    struct manifest *manifest = reading->manifest;
    unsigned index = 0;
    const char *const *words = key->kind == VALUE_ROLE      ? roles
                               : key->kind == VALUE_RULES   ? rules
                               : key->kind == VALUE_INPUT   ? inputs
                               : key->kind == VALUE_ADDRESS ? addresses
                                                            : serves;
    if (!value_word(reading, key, value, words, &index)) {
        return false;
    }
    if (key->kind == VALUE_ROLE) {
        manifest->role = (enum trace_role)index;
        manifest->has_role = true;
    } else if (key->kind == VALUE_RULES) {
        manifest->rules = (enum trace_rules)index;
        manifest->has_rules = true;
    } else if (key->kind == VALUE_INPUT) {
        manifest->input = (enum manifest_input)index;
    } else if (key->kind == VALUE_ADDRESS) {
        manifest->ipv6 = index == 1;
    } else {
        promise(manifest, TRACE_CONCURRENT, index == 1);
    }
    return true;
}

static bool value_set(struct reading *reading, const struct manifest_key *key, const char *value)
{
    struct manifest *manifest = reading->manifest;
    uint64_t number = 0;
    bool flag = false;
    switch (key->kind) {
    case VALUE_TEXT:
        return value_text(reading, key, value);
    case VALUE_ROLE:
    case VALUE_RULES:
    case VALUE_SERVES:
    case VALUE_INPUT:
    case VALUE_ADDRESS:
        return value_choice(reading, key, value);
    case VALUE_TIME:
        manifest->has_idle_limit = manifest->has_idle_limit || key->offset == AT(idle_limit_us);
        return value_time(reading, key, value);
    case VALUE_SIGNAL:
        return value_signal(reading, key, value);
    case VALUE_PORT:
        if (!value_number(reading, key, value, 1, UINT16_MAX, &number)) {
            return false;
        }
        manifest->port = (uint16_t)number;
        manifest->has_port = true;
        return true;
    case VALUE_RUNS:
        if (!value_number(reading, key, value, 1, MANIFEST_RUNS_MAX, &number)) {
            return false;
        }
        manifest->runs = (uint32_t)number;
        return true;
    case VALUE_SEED:
        return value_number(reading, key, value, 0, UINT64_MAX, &manifest->seed);
    case VALUE_RULE:
        return value_rule(reading, key, value);
    case VALUE_ENVIRONMENT:
        return value_environment(reading, key, value);
    case VALUE_PROMISE:
        if (!value_flag(reading, key, value, &flag)) {
            return false;
        }
        promise(manifest, (uint32_t)key->size, flag);
        return true;
    case VALUE_FLAG:
        return value_flag(reading, key, value, (bool *)((char *)manifest + key->offset));
    case VALUE_PATH:
        return value_path(reading, key, value);
    case VALUE_FILE:
        return value_file(reading, key, value);
    case VALUE_BYTES:
        return value_bytes(reading, key, value,
                           (struct framed_text *)((char *)manifest + key->offset));
    case VALUE_COUNT:
        if (!value_number(reading, key, value, 1, FRAMED_FILLING_MAX, &number)) {
            return false;
        }
        *(uint32_t *)((char *)manifest + key->offset) = (uint32_t)number;
        return true;
    case VALUE_ANSWER:
        return value_answer(reading, key, value);
    }
    return false;
}

/* ---- Lines ---- */

/* `CASE-GLOB RULE = reason`. */
static bool known_add(struct reading *reading, const char *name, const char *value)
{
    struct manifest *manifest = reading->manifest;
    const struct manifest_key key = {.section = "known-failures", .name = name};
    const char *blank = strpbrk(name, " \t");
    const char *rule = blank == NULL ? "" : blank + strspn(blank, " \t");
    char hint[160];
    if (blank == NULL || (size_t)(blank - name) >= MANIFEST_WORD_MAX || strlen(rule) >= 16) {
        return value_fail(reading, &key, name, "CASE-GLOB RULE = reason");
    }
    if (!rule_exists(rule, hint, sizeof(hint))) {
        return value_fail(reading, &key, rule, hint);
    }
    if (value[0] == '\0' || strlen(value) >= MANIFEST_TEXT_MAX) {
        return value_fail(reading, &key, value, "the reason why this failure is known");
    }
    if (manifest->known_count >= MANIFEST_KNOWN_MAX) {
        return value_fail(reading, &key, name, "at most 64 known failures");
    }
    struct manifest_known *known = &manifest->known[manifest->known_count++];
    memcpy(known->cases, name, (size_t)(blank - name));
    known->cases[blank - name] = '\0';
    memcpy(known->rule, rule, strlen(rule) + 1);
    memcpy(known->reason, value, strlen(value) + 1);
    known->line = reading->line;
    return true;
}

static bool section_is_known(struct reading *reading, const char *section)
{
    struct words_guess guess = {.word = section};
    for (unsigned i = 0; i < MANIFEST_SECTION_COUNT; i++) {
        if (strcmp(manifest_sections[i], section) == 0) {
            return true;
        }
        words_guess_offer(&guess, manifest_sections[i]);
    }
    char hint[64];
    reading->status = status_fail(reading->detail, STATUS_SYNTAX,
                                  "%s:%u: unknown section [%.40s], expected [target], [promises], "
                                  "[profile] or [known-failures]%s",
                                  reading->path, reading->line, section,
                                  words_guess_hint(&guess, hint, sizeof(hint)));
    return false;
}

static bool key_add(struct reading *reading, const char *section, const char *name,
                    const char *value)
{
    struct words_guess guess = {.word = name};
    for (unsigned i = 0; i < MANIFEST_KEY_COUNT; i++) {
        const struct manifest_key *key = &manifest_keys[i];
        if (strcmp(key->section, section) != 0) {
            continue;
        }
        words_guess_offer(&guess, key->name);
        if (strcmp(key->name, name) != 0) {
            continue;
        }
        if (reading->seen_line[i] != 0 && key->kind != VALUE_ENVIRONMENT) {
            reading->status = status_fail(reading->detail, STATUS_SYNTAX,
                                          "%s:%u: [%s] %s: already said on line %u", reading->path,
                                          reading->line, section, name, reading->seen_line[i]);
            return false;
        }
        reading->seen_line[i] = reading->line;
        reading->manifest->has_profile =
            reading->manifest->has_profile ||
            (strcmp(section, "profile") == 0 && key->kind != VALUE_PATH);
        return value_set(reading, key, value);
    }
    char hint[64];
    reading->status = status_fail(reading->detail, STATUS_SYNTAX,
                                  "%s:%u: [%s] has no key '%.40s'%s", reading->path, reading->line,
                                  section, name, words_guess_hint(&guess, hint, sizeof(hint)));
    return false;
}

static int on_value(void *context, const char *section, const char *name, const char *value)
{
    struct reading *reading = context;
    if (reading->status != STATUS_OK) {
        return 0;
    }
    if (section[0] == '\0') {
        reading->status = status_fail(reading->detail, STATUS_SYNTAX,
                                      "%s:%u: found '%.40s' before any section, expected [target]",
                                      reading->path, reading->line, name);
        return 0;
    }
    if (!section_is_known(reading, section)) {
        return 0;
    }
    return strcmp(section, "known-failures") == 0 ? known_add(reading, name, value)
                                                  : key_add(reading, section, name, value);
}

/* Hands inih one line at a time, so that the number of the line is known where a value is read. */
static char *on_line(char *buffer, int size, void *context)
{
    struct reading *reading = context;
    if (reading->at >= reading->end || reading->status != STATUS_OK) {
        return NULL;
    }
    const char *newline = memchr(reading->at, '\n', (size_t)(reading->end - reading->at));
    size_t length = (size_t)((newline == NULL ? reading->end : newline) - reading->at);
    reading->line++;
    if (length + 2 > (size_t)size || memchr(reading->at, '\0', length) != NULL) {
        reading->status = status_fail(reading->detail, STATUS_SYNTAX,
                                      "%s:%u: expected a line of text of at most %d bytes",
                                      reading->path, reading->line, size - 2);
        return NULL;
    }
    memcpy(buffer, reading->at, length);
    buffer[length] = '\n';
    buffer[length + 1] = '\0';
    reading->at += length + (newline != NULL);
    return buffer;
}

/* ---- The whole ---- */

enum status manifest_parse(struct manifest *manifest, const char *path, const char *text,
                           size_t size, struct status_detail *detail)
{
    struct reading reading = {
        .manifest = manifest, .path = path, .at = text, .end = text + size, .detail = detail};
    (void)snprintf(manifest->path, sizeof(manifest->path), "%s", path);
    if (size > MANIFEST_SIZE_MAX) {
        return status_fail(detail, STATUS_LIMIT, "%s: longer than %d bytes", path,
                           MANIFEST_SIZE_MAX);
    }
    int line = ini_parse_stream(on_line, &reading, on_value, &reading);
    if (reading.status != STATUS_OK) {
        return reading.status;
    }
    if (line != 0) {
        return status_fail(detail, STATUS_SYNTAX, "%s:%d: expected [section] or key = value", path,
                           line);
    }
    return manifest_check(manifest, detail);
}

/* `KEY=VALUE`, of [target], or `SECTION.KEY=VALUE`. */
static void set_one(struct reading *reading, const char *setting)
{
    char line[MANIFEST_COMMAND_MAX];
    const char *section = "target";
    char *name = line;
    char *value = NULL;
    if ((size_t)snprintf(line, sizeof(line), "%s", setting) >= sizeof(line) ||
        (value = strchr(line, '=')) == NULL) {
        reading->status = status_fail(reading->detail, STATUS_SYNTAX,
                                      "%s: found '%.80s', expected KEY=VALUE, a key of [target], "
                                      "or SECTION.KEY=VALUE",
                                      reading->path, setting);
        return;
    }
    for (char *end = value; end > line && end[-1] == ' '; end--) {
        end[-1] = '\0'; /* as a line of a file is read */
    }
    *value++ = '\0';
    for (unsigned i = 0; i < MANIFEST_SECTION_COUNT; i++) {
        size_t size = strlen(manifest_sections[i]);
        if (strncmp(line, manifest_sections[i], size) == 0 && line[size] == '.') {
            section = manifest_sections[i];
            name = line + size + 1;
        }
    }
    (void)on_value(reading, section, name, value + strspn(value, " "));
}

enum status manifest_set(struct manifest *manifest, const char *const *settings, unsigned count,
                         struct status_detail *detail)
{
    struct reading reading = {.manifest = manifest, .path = MANIFEST_SET_PATH, .detail = detail};
    (void)snprintf(manifest->path, sizeof(manifest->path), "%s", MANIFEST_SET_PATH);
    for (unsigned i = 0; i < count && reading.status == STATUS_OK; i++) {
        reading.line = i + 1;
        set_one(&reading, settings[i]);
    }
    return reading.status == STATUS_OK ? manifest_check(manifest, detail) : reading.status;
}

enum status manifest_load(struct manifest *manifest, const char *path, struct status_detail *detail)
{
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        return status_fail(detail, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO, "%s: %s", path,
                           strerror(errno));
    }
    char *text = malloc(MANIFEST_SIZE_MAX + 1);
    enum status status = STATUS_NO_MEMORY;
    if (text != NULL) {
        size_t size = fread(text, 1, MANIFEST_SIZE_MAX + 1, stream);
        status = ferror(stream) ? status_fail(detail, STATUS_IO, "%s: cannot be read", path)
                                : manifest_parse(manifest, path, text, size, detail);
    }
    free(text);
    (void)fclose(stream);
    return status;
}
