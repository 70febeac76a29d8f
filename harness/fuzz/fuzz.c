/* Playing and judging one input after the other. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>

#include "fuzz/finding.h"
#include "scenario/code.h"

struct fuzz {
    struct fuzz_setup setup;
    struct engine *engine;
    struct oracle *oracle;
    struct fuzz_stats *stats;
    struct finding_keys *keys; /* of the findings written so far */
    struct scenario scenario;  /* of the run at hand */
};

enum status fuzz_new(const struct fuzz_setup *setup, struct fuzz **ret_fuzz, struct status_detail *detail)
{
    assert(setup->world != NULL && setup->play.trace != NULL);
    struct fuzz *fuzz = calloc(1, sizeof *fuzz);
    if (fuzz == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "no memory for the fuzzer");
    }
    fuzz->setup = *setup;
    enum status status = engine_new(setup->world, &fuzz->engine, detail);
    if (status == STATUS_OK) {
        status = oracle_new(&fuzz->oracle, detail);
    }
    if (status == STATUS_OK) {
        status = fuzz_stats_open(setup->stats, &fuzz->stats, detail);
    }
    if (status == STATUS_OK) {
        status = finding_keys_new(setup->findings, &fuzz->keys, detail);
    }
    if (status != STATUS_OK) {
        fuzz_free(fuzz);
        return status;
    }
    *ret_fuzz = fuzz;
    return STATUS_OK;
}

void fuzz_free(struct fuzz *fuzz)
{
    if (fuzz != NULL) {
        finding_keys_free(fuzz->keys);
        oracle_free(fuzz->oracle);
        engine_free(fuzz->engine);
        free(fuzz);
    }
}

const struct fuzz_stats *fuzz_counts(const struct fuzz *fuzz) { return fuzz->stats; }
struct fuzz_stats *fuzz_stats_of(struct fuzz *fuzz) { return fuzz->stats; }

static void count_rules(uint64_t counters[FUZZ_STATS_RULES], const uint64_t set[2])
{
    for (unsigned word = 0; word < 2; word++) {
        for (uint64_t bits = set[word]; bits != 0; bits &= bits - 1) {
            counters[word * 64 + (unsigned)__builtin_ctzll(bits)]++;
        }
    }
}

static void note_first(struct fuzz_stats *stats, const uint64_t set[2])
{
    for (unsigned word = 0; word < 2; word++) {
        for (uint64_t bits = set[word]; bits != 0; bits &= bits - 1) {
            unsigned rule = word * 64 + (unsigned)__builtin_ctzll(bits);
            if (stats->first_broken[rule] == 0) {
                stats->first_broken[rule] = stats->runs;
            }
        }
    }
}

enum status fuzz_run(struct fuzz *fuzz, const uint8_t *data, size_t size, struct status_detail *detail)
{
    const struct oracle_judgement *judgement;
    struct engine_result result;
    scenario_decode(data, size, &fuzz->scenario);
    enum status status = engine_run(fuzz->engine, &fuzz->setup.play, &fuzz->scenario, &result, detail);
    if (status == STATUS_OK) {
        status = oracle_judge(fuzz->oracle, fuzz->setup.play.trace, &judgement, detail);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct fuzz_stats *stats = fuzz->stats;
    stats->runs++;
    stats->effective += result.steps_effective;
    stats->established += result.connections > 0;
    count_rules(stats->kept, judgement->kept);
    if ((judgement->broken[0] | judgement->broken[1]) == 0) {
        return STATUS_OK;
    }
    stats->broken_runs++;
    count_rules(stats->broken, judgement->broken);
    note_first(stats, judgement->broken);
    struct finding_source source = {.engine = fuzz->engine,
                                    .oracle = fuzz->oracle,
                                    .play = &fuzz->setup.play,
                                    .folder = fuzz->setup.findings,
                                    .replay = fuzz->setup.replay};
    uint32_t added = 0;
    status = finding_record(fuzz->keys, &source, &fuzz->scenario, judgement, &added, detail);
    stats->findings += added;
    return status;
}
