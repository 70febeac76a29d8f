/* A campaign: fuzzing processes on one target, side by side, with everything they leave in one
 * folder, which a later campaign goes on from.
 *
 *   campaign.json   what was run, what was counted, what was found; also while it runs
 *   corpus/         libFuzzer's inputs, shared by its processes; afl/ with AFL++
 *   seeds/          the suite's cases that fit the target, in byte form
 *   findings/       one folder per finding (finding.h)
 *   crashes/        inputs that ended a process and could not be made to do so again
 *   stats/          counts, one file per process (stats.h)
 *   logs/           what each process wrote
 *
 * One campaign per folder at a time, one thread. It never prints: the caller is told. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_FUZZ_CAMPAIGN_H
#define SOCKSPEC_FUZZ_CAMPAIGN_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "fuzz/stats.h"
#include "trace/trace.h"

enum {
    FUZZ_JOBS_MAX = 64,
    FUZZ_CAMPAIGN_ROOM = 64 << 20,     /* bytes that must be free in the folder before the start */
    FUZZ_CAMPAIGN_ROOM_LEFT = 1 << 20, /* with less it stops */
    FUZZ_CAMPAIGN_FINDING_MAX = 4096
};

/* X(NAME, "word", suffix of the executable) */
#define FUZZ_ENGINE_TABLE(X)                                                                       \
    X(LIBFUZZER, "libfuzzer", "_fuzzer")                                                           \
    X(AFL, "afl++", "_afl")
#define FUZZ_ENGINE_ENUM(name, word, suffix) FUZZ_ENGINE_##name,
enum fuzz_engine { FUZZ_ENGINE_TABLE(FUZZ_ENGINE_ENUM) FUZZ_ENGINE_COUNT };
#undef FUZZ_ENGINE_ENUM

/* The engine of this name; FUZZ_ENGINE_COUNT when there is none. */
enum fuzz_engine fuzz_engine_find(const char *word);
const char *fuzz_engine_word(enum fuzz_engine engine);

/* A finding that stands in the folder. */
struct fuzz_found {
    char name[64];  /* of its folder: RULE-KEY */
    char line[256]; /* the first line of its report: grade, rule, title */
};

/* What the caller is shown. Valid during the call. */
struct fuzz_progress {
    int64_t elapsed_ms;             /* of this campaign */
    double runs_per_s;              /* since the last time */
    const struct fuzz_stats *total; /* of all processes, earlier campaigns in the folder included */
    uint32_t findings;              /* that stand in the folder */
    uint32_t jobs;                  /* processes that run */
    uint32_t restarts;              /* after a process ended by a crash of the target */
};

enum fuzz_news {
    FUZZ_NEWS_PROGRESS, /* every `progress_ms`; `text` is NULL */
    FUZZ_NEWS_FINDING,  /* a new folder stands; `text` is the first line of its report */
    FUZZ_NEWS_NOTICE    /* something to know; `text` says what */
};

struct fuzz_campaign_options {
    const char *target;  /* name */
    const char *targets; /* folder of its executables */
    enum fuzz_engine engine;
    int64_t time_ms;     /* 0: no limit */
    uint64_t runs;       /* per process; 0: no limit */
    unsigned jobs;       /* 1 … FUZZ_JOBS_MAX */
    const char *out;     /* the folder */
    bool seeds;          /* start from the suite's cases */
    const char *corpus;  /* folder of cases; NULL: the built-in ones */
    uint64_t seed;       /* of the engines; process n gets seed + n */
    const char *command; /* path of `sockspec`, for replay commands; NULL: "sockspec" */
    int64_t progress_ms; /* between two FUZZ_NEWS_PROGRESS */
    const volatile sig_atomic_t
        *stop; /* becomes nonzero when the campaign shall end; may be NULL */
    void (*tell)(void *context, enum fuzz_news news, const struct fuzz_progress *progress,
                 const char *text); /* may be NULL */
    void *context;
};

struct fuzz_campaign_result {
    struct fuzz_stats total; /* earlier campaigns in the folder included */
    int64_t elapsed_ms;      /* of this campaign */
    uint32_t restarts;
    bool interrupted;         /* by `stop` */
    uint32_t found_count;     /* findings that stand in the folder */
    struct fuzz_found *found; /* by name; owned, see fuzz_campaign_done */
    enum trace_role role;     /* of the target */
    uint32_t promises;        /* enum trace_promise: what it promises */
};

/* Runs the campaign to its end; everything it started has ended when it returns. Errors, before
 * anything was started: STATUS_USAGE (unknown target, a folder of another target, a campaign runs
 * in it), STATUS_NOT_FOUND (no fuzzer, no AFL++), STATUS_IO (the folder cannot be written or is
 * nearly full), those of the seeds. During it: STATUS_IO when a finding could not be written,
 * STATUS_ENVIRONMENT when the processes end at once. `ret_result` is filled in as far as it goes in
 * every case. */
enum status fuzz_campaign_run(const struct fuzz_campaign_options *options,
                              struct fuzz_campaign_result *ret_result,
                              struct status_detail *detail) STATUS_MUST_USE;
/* Whether runs of the campaign's target can keep or break a rule of the oracle: it binds the role,
 * a trace can decide it, and the target promises what it asks for. */
bool fuzz_campaign_applies(const struct fuzz_campaign_result *result, unsigned rule);
/* Frees what a result owns; the result may be zeroed. */
void fuzz_campaign_done(struct fuzz_campaign_result *result);

#endif
