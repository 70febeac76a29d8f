/* Playing and judging one input after the other. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct fuzz {
    struct fuzz_setup setup;
    struct engine *engine;
    struct oracle *oracle;
    struct fuzz_stats *stats;
    struct finding_keys *keys; /* of the findings written so far */
    struct scenario scenario;  /* of the run at hand */
};

enum status fuzz_new(const struct fuzz_setup *setup, struct fuzz **ret_fuzz,
                     struct status_detail *detail)
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
        status = finding_keys_new(setup->place.folder, &fuzz->keys, detail);
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

const struct fuzz_stats *fuzz_counts(const struct fuzz *fuzz)
{
    return fuzz->stats;
}

/* ---- Counting ---- */

static void count_kept(struct fuzz_stats *stats, const uint64_t kept[ORACLE_WORDS])
{
    for (unsigned word = 0; word < 2; word++) {
        for (uint64_t bits = kept[word]; bits != 0; bits &= bits - 1) {
            stats->kept[word * 64 + (unsigned)__builtin_ctzll(bits)]++;
        }
    }
}

static void note_pairs(struct fuzz_stats *stats, const uint8_t *counters)
{
    for (unsigned i = 0; i < FUZZ_COUNTERS; i++) {
        if (counters[i] != 0 && stats->seen[i] == 0) {
            stats->seen[i] = 0xFF;
            stats->pairs++;
        }
    }
}

/* Nearly every run sees nothing new, and finds that out in a few dozen wide instructions. */
static void count_pairs(struct fuzz_stats *stats, const uint8_t *counters)
{
    uint64_t fresh = 0;
    for (unsigned i = 0; i < FUZZ_COUNTERS; i += sizeof(uint64_t)) {
        uint64_t now;
        uint64_t seen;
        memcpy(&now, counters + i, sizeof(now));
        memcpy(&seen, stats->seen + i, sizeof(seen));
        fresh |= now & ~seen;
    }
    if (__builtin_expect(fresh != 0, 0)) {
        note_pairs(stats, counters);
    }
}

/* Whether some end became established. The engine counts connections of its own peers; between
 * two programs only the states tell. */
static bool was_established(const uint8_t *counters)
{
    enum { BLOCK = TCP_STATE_COUNT * TCP_EVENT_COUNT };
    const uint8_t *at = counters + (size_t)TCP_ESTABLISHED * BLOCK;
    unsigned sum = 0;
    for (unsigned i = 0; i < BLOCK; i++) {
        sum |= at[i];
    }
    return sum != 0;
}

/* ---- What was broken ---- */

static inline bool has_bit(const uint64_t set[3], unsigned rule)
{
    return (set[rule / 64] >> (rule % 64) & 1U) != 0;
}

static inline void set_bit(uint64_t set[3], unsigned rule)
{
    set[rule / 64] |= 1ULL << (rule % 64);
}

/* Whether a rule of the oracle proves itself broken by this very event: then it says more. */
static bool is_proof(const struct oracle_judgement *judgement, uint32_t index)
{
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        const struct oracle_verdict *verdict = &judgement->verdicts[rule];
        for (unsigned i = 0; verdict->outcome == ORACLE_BROKEN && i < verdict->count; i++) {
            if (verdict->events[i] == index) {
                return true;
            }
        }
    }
    return false;
}

/* The broken rules that count: FAIL and WARN, and how the program ended. */
static bool collect(const struct fuzz *fuzz, const struct oracle_judgement *judgement,
                    uint64_t broken[3])
{
    memset(broken, 0, 3 * sizeof(broken[0]));
    for (unsigned word = 0; word < 2; word++) {
        for (uint64_t bits = judgement->broken[word]; bits != 0; bits &= bits - 1) {
            unsigned rule = word * 64 + (unsigned)__builtin_ctzll(bits);
            unsigned grade = judgement->verdicts[rule].grade;
            if (grade == GRADE_FAIL || grade == GRADE_WARN) {
                set_bit(broken, rule);
            }
        }
    }
    struct finding end;
    if (finding_of_end(fuzz->setup.play.trace, &end) &&
        !(end.rule == FINDING_RULE_EXIT && is_proof(judgement, end.events[0]))) {
        set_bit(broken, end.rule);
    }
    return (broken[0] | broken[1] | broken[2]) != 0;
}

/* Whether the program ended of itself in a way that is a finding: its EXIT is among the last
 * events. */
static bool ended_badly(const struct trace *trace)
{
    enum { LAST_EVENTS = 16 };
    uint32_t low = trace->count > LAST_EVENTS ? trace->count - LAST_EVENTS : 0;
    for (uint32_t i = trace->count; i-- > low;) {
        const struct trace_event *event = &trace->events[i];
        if (event->kind == TRACE_EXIT) {
            return event->what == TRACE_EXIT_ABORTED || event->what == TRACE_EXIT_HUNG ||
                   event->what == TRACE_EXIT_DEADLOCKED || event->what == TRACE_EXIT_RETURNED;
        }
    }
    return false;
}

static void count_broken(struct fuzz_stats *stats, unsigned rule)
{
    stats->broken[rule]++;
    if (stats->first_broken[rule] == 0) {
        stats->first_broken[rule] = stats->runs;
    }
}

static enum status take_broken(struct fuzz *fuzz, const struct oracle_judgement *judgement,
                               struct status_detail *detail)
{
    struct fuzz_stats *stats = fuzz->stats;
    uint64_t broken[3];
    if (!collect(fuzz, judgement, broken)) {
        return STATUS_OK;
    }
    for (unsigned rule = 0; rule < FINDING_RULE_COUNT; rule++) {
        if (has_bit(broken, rule)) {
            count_broken(stats, rule);
        }
    }
    for (unsigned word = 0; word < 3; word++) {
        broken[word] &= ~fuzz->setup.expected[word];
    }
    if ((broken[0] | broken[1] | broken[2]) == 0) {
        stats->expected++;
        return STATUS_OK;
    }
    stats->broken_runs++;
    if (fuzz->setup.count_only) {
        return STATUS_OK;
    }
    struct finding_source source = {.engine = fuzz->engine,
                                    .oracle = fuzz->oracle,
                                    .play = &fuzz->setup.play,
                                    .place = fuzz->setup.place,
                                    .crashes = fuzz->setup.crashes};
    uint32_t added = 0;
    enum status status =
        finding_record(fuzz->keys, &source, &fuzz->scenario, judgement, broken, &added, detail);
    stats->findings += added;
    return status;
}

/* The process is still there. The crash is a finding when the campaign has played the input apart.
 * What the run says of rules is left aside, as it is where the process ends. */
static void count_crash(struct fuzz *fuzz)
{
    bool expected = has_bit(fuzz->setup.expected, FINDING_RULE_CRASH);
    count_broken(fuzz->stats, FINDING_RULE_CRASH);
    fuzz->stats->expected += expected;
    fuzz->stats->broken_runs += !expected;
}

static enum status judge_run(struct fuzz *fuzz, const struct oracle_judgement *judgement,
                             struct status_detail *detail)
{
    count_kept(fuzz->stats, judgement->kept);
    return (judgement->broken[0] | judgement->broken[1]) != 0 || ended_badly(fuzz->setup.play.trace)
               ? take_broken(fuzz, judgement, detail)
               : STATUS_OK;
}

enum status fuzz_run(struct fuzz *fuzz, const uint8_t *data, size_t size, const uint8_t *counters,
                     struct status_detail *detail)
{
    const struct oracle_judgement *judgement;
    struct engine_result result;
    const struct engine_play *play = &fuzz->setup.play;
    struct crash_list *crashes = fuzz->setup.crashes;
    uint32_t survived = crashes != NULL ? crashes->survived : 0;
    uint32_t places = crashes != NULL ? crashes->count : 0;
    fuzz_decode(data, size, &fuzz->scenario);
    enum status status = engine_run(fuzz->engine, play, &fuzz->scenario, &result, detail);
    if (status == STATUS_OK) {
        status = oracle_judge(fuzz->oracle, play->trace, &judgement, detail);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct fuzz_stats *stats = fuzz->stats;
    stats->runs++;
    stats->effective += result.steps_effective;
    stats->established += result.connections > 0 || (counters != NULL && was_established(counters));
    if (counters != NULL) {
        count_pairs(stats, counters);
    }
    if (crashes == NULL) {
        return judge_run(fuzz, judgement, detail);
    }
    if (__builtin_expect(crashes->survived != survived, 0)) {
        count_crash(fuzz);
        return crash_list_keep(crashes, places, data, size, detail);
    }
    status = judge_run(fuzz, judgement, detail);
    crashes->count = places; /* what smaller scenarios came upon, nobody has kept */
    return status;
}
