/* The engines: their names, and the command lines of their processes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/campaign_internal.h"
#include "fuzz/process.h"

enum {
    UNIT_TIMEOUT_S = 20, /* of one run: beyond it the process is ended */
    AFL_UNIT_TIMEOUT_MS = 20000
};

static const struct {
    const char *word;
    const char *suffix;
} engines[FUZZ_ENGINE_COUNT] = {
#define FUZZ_ENGINE_ROW(name, word, suffix) [FUZZ_ENGINE_##name] = {word, suffix},
    FUZZ_ENGINE_TABLE(FUZZ_ENGINE_ROW)
#undef FUZZ_ENGINE_ROW
};

enum fuzz_engine fuzz_engine_find(const char *word)
{
    unsigned engine = 0;
    while (engine < FUZZ_ENGINE_COUNT && strcmp(engines[engine].word, word) != 0) {
        engine++;
    }
    return (enum fuzz_engine)engine;
}

const char *fuzz_engine_word(enum fuzz_engine engine)
{
    return (unsigned)engine < FUZZ_ENGINE_COUNT ? engines[engine].word : "?";
}

const char *campaign_engine_suffix(enum fuzz_engine engine)
{
    return engines[engine].suffix;
}

static void describe_environment(const struct campaign *campaign, unsigned index,
                                 struct job_command *command)
{
    const char *folder = campaign->place.folder;
    job_environment(command, FUZZ_ENV_FINDINGS "=%s/findings", folder);
    job_environment(command, FUZZ_ENV_STATS "=%s/stats/job-%u", folder, index + 1);
    job_environment(command, FUZZ_ENV_REPLAY "=%s", campaign->replay);
    job_environment(command, FUZZ_ENV_CRASHES "=%s/crashes/job-%u-", folder, index + 1);
}

static void describe_libfuzzer(const struct campaign *campaign, unsigned index, uint32_t start,
                               struct job_command *command)
{
    const struct fuzz_campaign_options *options = campaign->options;
    const char *folder = campaign->place.folder;
    /* The seed of a process that crashed would only lead to the same crash again. libFuzzer takes 0
     * for a random one. */
    unsigned seed = (unsigned)((options->seed + index + 1000003ULL * start) & 0x7FFFFFFF);
    job_argument(command, "%s", campaign->executable);
    job_argument(command, "-seed=%u", seed == 0 ? 1 : seed);
    job_argument(command, "-max_len=%d", CAMPAIGN_UNIT_SIZE_MAX);
    job_argument(command, "-timeout=%d", UNIT_TIMEOUT_S);
    job_argument(command, "-verbosity=0");
    job_argument(command, "-artifact_prefix=%s/crashes/job-%u-", folder, index + 1);
    if (options->runs > 0) {
        job_argument(command, "-runs=%llu",
                     (unsigned long long)campaign_runs_left(campaign, index));
    }
    job_argument(command, "%s/corpus", folder);
    if (options->seeds) {
        job_argument(command, "%s/seeds", folder);
    }
    describe_environment(campaign, index, command);
    job_environment(command, FUZZ_ENV_PARENT "=%ld", (long)getpid());
    /* Names for the frames of a crash are looked up in triage, once. */
    const char *asan = getenv("ASAN_OPTIONS");
    job_environment(command, "ASAN_OPTIONS=symbolize=0%s%s", asan != NULL ? ":" : "",
                    asan != NULL ? asan : "");
}

static void describe_afl(const struct campaign *campaign, unsigned index, uint32_t start,
                         struct job_command *command)
{
    static const char *const roles[TRACE_ROLE_COUNT] = {"server", "client", "pair", "stack"};
    const struct fuzz_campaign_options *options = campaign->options;
    const char *folder = campaign->place.folder;
    int64_t left = campaign_time_left_ms(campaign);
    /* afl-fuzz knows nothing of us: it is to end when we are killed. */
    job_argument(command, "setpriv");
    job_argument(command, "--pdeathsig");
    job_argument(command, "TERM");
    job_argument(command, "afl-fuzz");
    job_argument(command, "-i");
    job_argument(command, "%s/seeds", folder);
    job_argument(command, "-o");
    job_argument(command, "%s/afl", folder);
    job_argument(command, index == 0 ? "-M" : "-S");
    job_argument(command, "job-%u", index + 1);
    job_argument(command, "-m");
    job_argument(command, "none");
    job_argument(command, "-t");
    job_argument(command, "%d", AFL_UNIT_TIMEOUT_MS);
    job_argument(command, "-s");
    job_argument(command, "%u",
                 (unsigned)((options->seed + index + 1000003ULL * start) & 0x7FFFFFFF));
    job_argument(command, "-G");
    job_argument(command, "%d", CAMPAIGN_UNIT_SIZE_MAX);
    if (left != INT64_MAX) {
        job_argument(command, "-V");
        job_argument(command, "%lld", (long long)left / 1000 + 1);
    }
    if (options->runs > 0) {
        job_argument(command, "-E");
        job_argument(command, "%llu", (unsigned long long)options->runs);
    }
    job_argument(command, "--");
    job_argument(command, "%s", campaign->executable);
    describe_environment(campaign, index, command);
    job_environment(command, FUZZ_ENV_ROLE "=%s", roles[campaign->info.role]);
    job_environment(command, "AFL_CUSTOM_MUTATOR_LIBRARY=%.*s/libsockspec_afl_mutator.so",
                    (int)(strrchr(campaign->executable, '/') - campaign->executable),
                    campaign->executable);
    job_environment(command, "AFL_CUSTOM_MUTATOR_ONLY=1");
    job_environment(command, "AFL_AUTORESUME=1");
    job_environment(command, "AFL_NO_UI=1");
    job_environment(command, "AFL_SKIP_CPUFREQ=1");
    /* On one processor afl-fuzz and its process take turns; on two each wakes a sleeping one. */
    job_environment(command, "AFL_TRY_AFFINITY=1");
    job_environment(command, "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1");
    job_environment(command, "AFL_SKIP_CRASHES=1");
    job_environment(command, "AFL_FORKSRV_INIT_TMOUT=60000");
}

void campaign_command(const struct campaign *campaign, unsigned index, uint32_t start,
                      struct job_command *command)
{
    if (campaign->options->engine == FUZZ_ENGINE_AFL) {
        describe_afl(campaign, index, start, command);
    } else {
        describe_libfuzzer(campaign, index, start, command);
    }
}
