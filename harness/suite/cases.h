/* The cases of the conformance suite: scenarios with a name, a title, the rules that they are meant
 * to exercise and what they need of a target. The corpus is built into the program; a folder can
 * stand in for it. Immutable once loaded. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_CASES_H
#define SOCKSPEC_SUITE_CASES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "oracle/oracle.h"
#include "scenario/text.h"
#include "suite/manifest.h"

#define CASES_EXTENSION ".scenario"

enum {
    CASES_MAX = 1024,
    CASES_NAME_MAX = 64, /* as trace headers hold it, NUL included */
    CASES_TITLE_MAX = 160,
    CASES_REPEATS_MAX = 4096
};

/* What a case may need, in its header: `needs persistent large`.
 * X(NAME, "word", promise, "reason of the SKIP") */
#define CASES_NEED_TABLE(X)                                                                        \
    X(PERSISTENT, "persistent", TRACE_PERSISTENT, "the target answers one request per connection") \
    X(HALF_CLOSE, "half-close-answered", TRACE_HALF_CLOSE_ANSWERED,                                \
      "the target does not promise to answer a request whose FIN came with it")                    \
    X(SPEAKS_FIRST, "speaks-first", TRACE_TARGET_SPEAKS_FIRST, "the server does not speak first")  \
    X(CONCURRENT, "concurrent", TRACE_CONCURRENT, "the target serves one connection at a time")    \
    X(IDLE_TIMEOUT, "idle-timeout", TRACE_IDLE_TIMEOUT,                                            \
      "the target does not promise to end silent connections")                                     \
    X(CLOSES_AFTER_EOF, "closes-after-eof", TRACE_CLOSES_AFTER_EOF,                                \
      "the target does not promise to close after the peer's FIN")                                 \
    X(RESTART, "restart", TRACE_FIXED_PORT, "the target does not promise to restart on its port")  \
    X(LARGE, "large", 0, "the profile has no large message")                                       \
    X(LAST, "last", 0, "the profile has no message after which the target closes")                 \
    X(POSIX, "posix", 0, "Linux never answers so: run with --rules posix")                         \
    X(NONBLOCKING, "nonblocking", 0, "the target's calls block")                                   \
    X(BLOCKING, "blocking", 0, "the target's calls do not block")                                  \
    X(HANDLER, "handler", 0, "the target handles no such signal")                                  \
    X(CALLS, "calls", 0, "the target never makes the call that the case waits for")

#define CASES_NEED_ENUM(name, word, promise, reason) CASES_NEED_##name,
enum cases_need { CASES_NEED_TABLE(CASES_NEED_ENUM) CASES_NEED_COUNT };
#undef CASES_NEED_ENUM

/* Needs that only the run can show: a step that had no effect is then no error of the case. */
#define CASES_NEEDS_SHOWN_BY_RUN                                                                   \
    (1U << CASES_NEED_NONBLOCKING | 1U << CASES_NEED_BLOCKING | 1U << CASES_NEED_HANDLER |         \
     1U << CASES_NEED_CALLS)

struct suite_case {
    char name[CASES_NAME_MAX]; /* "server/half-close/answer-after-fin" */
    char title[CASES_TITLE_MAX];
    uint32_t roles; /* bit (1 << enum trace_role) */
    uint32_t needs; /* bit (1 << enum cases_need) */
    uint64_t
        rules[ORACLE_WORDS]; /* bit per enum oracle_rule_index: those it is meant to exercise */
    int64_t idle_limit_us;   /* 0: the manifest's */
    uint64_t seed;
    bool has_seed;
    uint32_t repeats; /* how often the steps are played; 0: once */
    struct scenario scenario;
};

struct cases {
    struct suite_case *cases; /* by name */
    uint32_t count;
};

/* The built-in corpus, or (folder not NULL) every *.scenario file below a folder.
 * Errors: STATUS_SYNTAX with place and reason, STATUS_NOT_FOUND, STATUS_LIMIT, STATUS_NO_MEMORY. */
enum status cases_load(const char *folder, struct cases *ret_cases,
                       struct status_detail *detail) STATUS_MUST_USE;
void cases_done(struct cases *cases);

/* One case from its text; `path` is its place in messages, `name` its name. */
enum status cases_parse(const char *path, const char *name, const char *text, size_t size,
                        struct suite_case *ret_case, struct status_detail *detail) STATUS_MUST_USE;

/* By exact name; NULL when there is none. */
const struct suite_case *cases_find(const struct cases *cases, const char *name);

/* Why a case is not for this target; NULL when it is. */
const char *cases_unfit(const struct suite_case *the_case, const struct manifest *manifest,
                        const struct profile *profile);

#endif
