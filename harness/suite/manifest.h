/* The manifest of a target, target.ini: what it is, how to start it, how to talk to it, what it
 * promises and which failures are known. docs/reference/manifest.md describes every key. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_MANIFEST_H
#define SOCKSPEC_SUITE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "suite/framed.h"
#include "suite/profile_http.h"
#include "trace/trace.h"
#include "world/profile.h"

enum {
    MANIFEST_SIZE_MAX = 1 << 16, /* bytes of a file */
    MANIFEST_LINE_MAX = 2048,
    MANIFEST_WORD_MAX = 128,
    MANIFEST_TEXT_MAX = 512,
    MANIFEST_COMMAND_MAX = 1024,
    MANIFEST_ARGUMENTS_MAX = 64,
    MANIFEST_ENVIRONMENT_MAX = 16,
    MANIFEST_KNOWN_MAX = 64,
    MANIFEST_RUNS_MAX = 1000,
    MANIFEST_FILE_MAX = 1 << 14,        /* bytes of request_file and response_file */
    MANIFEST_IDLE_LIMIT_S = 120,        /* of a linked target, unless the manifest says otherwise */
    MANIFEST_COMMAND_IDLE_LIMIT_S = 10, /* of a command */
    MANIFEST_START_LIMIT_S = 30,
    MANIFEST_STOP_LIMIT_S = 10
};

/* What a command finds at its standard input. */
enum manifest_input {
    MANIFEST_INPUT_NONE,  /* /dev/null */
    MANIFEST_INPUT_EMPTY, /* a pipe at its end */
    MANIFEST_INPUT_OPEN,  /* a pipe through which nothing comes */
    MANIFEST_INPUT_COUNT
};

/* A failure that is known: its verdict is EXPECTED. */
struct manifest_known {
    char cases[MANIFEST_WORD_MAX]; /* glob over names of cases */
    char rule[16];
    char reason[MANIFEST_TEXT_MAX];
    uint32_t line;
};

struct manifest {
    char path[MANIFEST_TEXT_MAX]; /* for messages; empty when there is no file */
    char name[TRACE_NAME_MAX];
    char profile_name[MANIFEST_WORD_MAX];
    char args[MANIFEST_COMMAND_MAX]; /* as written; places are filled in at the start */
    char description[MANIFEST_TEXT_MAX];
    char base[MANIFEST_WORD_MAX]; /* the target that this one was made from */
    char breaks[16];              /* the rule that it breaks on purpose, or empty */
    enum trace_role role;
    bool has_role;
    enum trace_rules rules;
    bool has_rules;
    bool has_profile; /* [profile] describes one of its own */
    bool has_port;
    bool has_idle_limit;
    int64_t idle_limit_us;
    int64_t connect_limit_us; /* clients; 0: none */
    int stop_signal;
    uint16_t port;
    uint64_t seed;
    uint32_t promises_made; /* enum trace_promise, over the profile's */
    uint32_t promises_denied;
    uint32_t promises_named; /* those said in [promises] or by a key, either way */
    /* A command, for worlds that run processes. Places in it and in the environment are filled in
     * at the start. */
    char command[MANIFEST_COMMAND_MAX];
    char folder[MANIFEST_TEXT_MAX];                                /* working folder, as written */
    char environment[MANIFEST_ENVIRONMENT_MAX][MANIFEST_WORD_MAX]; /* NAME=value */
    uint32_t environment_count;
    enum manifest_input input;
    int64_t start_limit_us; /* real time until a server listens */
    int64_t stop_limit_us;  /* real time from the stop signal to the end */
    uint32_t runs;          /* clients: how often the command is run for a case */
    bool ipv6;              /* {host} is an IPv6 address, and peers speak IPv6 */
    bool fresh;             /* each case finds a new and empty working folder */
    struct manifest_known known[MANIFEST_KNOWN_MAX];
    uint32_t known_count;
    struct framed_config framed;           /* what [profile] says */
    char path_ordinary[MANIFEST_WORD_MAX]; /* HTTP profiles: what is asked for; empty: / */
    char path_large[MANIFEST_WORD_MAX];    /* and what has a large answer; empty: nothing */
    struct http_config http;               /* made from these */
    uint8_t request_file[MANIFEST_FILE_MAX];
    uint8_t response_file[MANIFEST_FILE_MAX];
    struct profile own; /* the profile of [profile] */
};

/* What holds without a file: a server on port 7000, Linux's rules, SIGTERM, and an idle limit of
 * 120 s (of a command: 10 s). */
void manifest_begin(struct manifest *manifest);

/* Reads `text`, whose name in messages is `path`, over what stands in `manifest`. Errors:
 * STATUS_SYNTAX with "path:line: [section] key: …, expected …"; STATUS_LIMIT. `manifest` is
 * unspecified then. */
enum status manifest_parse(struct manifest *manifest, const char *path, const char *text,
                           size_t size, struct status_detail *detail) STATUS_MUST_USE;
/* The same from settings of the command line, `KEY=VALUE` of [target] or `SECTION.KEY=VALUE`; in
 * messages the number of a setting stands for that of a line. */
#define MANIFEST_SET_PATH "--set"
enum status manifest_set(struct manifest *manifest, const char *const *settings, unsigned count,
                         struct status_detail *detail) STATUS_MUST_USE;
/* The same from a file. Further errors: STATUS_NOT_FOUND, STATUS_IO. */
enum status manifest_load(struct manifest *manifest, const char *path,
                          struct status_detail *detail) STATUS_MUST_USE;

/* The profile that the manifest names or defines. Errors: STATUS_USAGE (unknown, or none named).
 * Borrowed. */
enum status manifest_profile(const struct manifest *manifest, const struct profile **ret_profile,
                             struct status_detail *detail) STATUS_MUST_USE;
/* What the target promises: the profile's promises with the manifest's changes. */
uint32_t manifest_promises(const struct manifest *manifest, const struct profile *profile);

/* The known failure that covers this case and rule; NULL when none does. */
const struct manifest_known *manifest_known(const struct manifest *manifest, const char *name,
                                            const char *rule);

/* What holds for a command over manifest_begin: a shorter idle limit, and where that is not the
 * manifest's own, no promise to keep it. */
void manifest_is_command(struct manifest *manifest);

/* The folder that the manifest lies in; "." where there is no file. `storage` receives it. */
const char *manifest_folder(const struct manifest *manifest, char storage[MANIFEST_TEXT_MAX]);

/* What stands in the places of a line: {port}, {host}, {folder}. */
struct manifest_places {
    const char *host;
    const char *folder; /* NULL: {folder} is left as it is */
    uint16_t port;
};

/* Texts for a start. `storage` holds them; argv[argc] is NULL. */
struct manifest_arguments {
    char storage[MANIFEST_COMMAND_MAX * 4];
    size_t used;
    char *argv[MANIFEST_ARGUMENTS_MAX + 2];
    int argc;
};
/* Splits a line of arguments at blanks (double quotes keep them), fills in the places and appends.
 * `arguments` begins zeroed. Errors: STATUS_LIMIT, STATUS_SYNTAX (a quote without its end). */
enum status manifest_arguments_split(struct manifest_arguments *arguments, const char *line,
                                     const struct manifest_places *places,
                                     struct status_detail *detail) STATUS_MUST_USE;
/* The same from a list. */
enum status manifest_arguments_fill(struct manifest_arguments *arguments, int argc,
                                    const char *const *argv, const struct manifest_places *places,
                                    struct status_detail *detail) STATUS_MUST_USE;

#endif
