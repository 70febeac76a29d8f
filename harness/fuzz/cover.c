/* Features and costs of inputs, and leaving out what costs and adds nothing. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/cover.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/process.h"
#include "scenario/code.h"
#include "scenario/shrink.h"

enum {
    INPUT_MAX = 1 << 16,
    ERRNO_MAX = 256,
    PLAYS_MAX = 4000, /* of one input that is trimmed */
    /* Inputs are compared by what so many steps cost: mutation takes more away than it adds, and
     * runs with twenty steps are what speed is measured on. */
    STEPS_WANTED = 22
};

/* The target's edges, as clang counts them in executables that have any. */
extern uint8_t __start___sancov_cntrs[] __attribute__((weak));
extern uint8_t __stop___sancov_cntrs[] __attribute__((weak));

struct play {
    uint32_t steps; /* that had an effect */
    uint32_t events;
    uint64_t *features; /* a bit for each */
};

struct cover {
    uint8_t *counters;
    size_t edges;
    size_t words; /* of a set of features */
    struct play now;
    struct play best;
    struct scenario_shrinker shrinker;
    struct scenario candidate;
    uint8_t input[INPUT_MAX];
};

static __attribute__((noreturn)) void fail(const char *path)
{
    (void)fprintf(stderr, "sockspec: %s: %s\n", path, strerror(errno));
    (void)fflush(stderr);
    _exit(FUZZ_EXIT_IO);
}

static void add_feature(struct play *play, size_t feature)
{
    play->features[feature / 64] |= 1ULL << (feature % 64);
}

static void add_features(const struct cover *cover, struct play *play,
                         const struct fuzz_stats *before)
{
    const struct fuzz_stats *after = fuzz_process_counts();
    const struct trace *trace = fuzz_process_trace();
    size_t base = cover->edges;
    for (size_t i = 0; i < cover->edges; i++) {
        if (__start___sancov_cntrs[i] != 0) {
            add_feature(play, i);
        }
    }
    for (unsigned i = 0; i < FUZZ_COUNTERS; i++) {
        if (cover->counters[i] != 0) {
            add_feature(play, base + i);
        }
    }
    base += FUZZ_COUNTERS;
    for (unsigned rule = 0; rule < FUZZ_STATS_RULES; rule++) {
        if (after->kept[rule] != before->kept[rule]) {
            add_feature(play, base + rule);
        }
    }
    base += FUZZ_STATS_RULES;
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        if (event->kind == TRACE_CALL && event->err >= 0 && event->err < ERRNO_MAX) {
            add_feature(play, base + (size_t)event->what * ERRNO_MAX + (size_t)event->err);
        }
    }
}

static void play_input(const struct cover *cover, const uint8_t *data, size_t size,
                       struct play *ret_play)
{
    static struct fuzz_stats before;
    before = *fuzz_process_counts();
    memset(cover->counters, 0, FUZZ_COUNTERS);
    if (cover->edges > 0) {
        memset(__start___sancov_cntrs, 0, cover->edges);
    }
    fuzz_process_run(data, size);
    memset(ret_play->features, 0, cover->words * sizeof(uint64_t));
    ret_play->steps = (uint32_t)(fuzz_process_counts()->effective - before.effective);
    ret_play->events = fuzz_process_trace()->count;
    add_features(cover, ret_play, &before);
}

/* What an input costs, in events; one that is too short as if it went on in the same way. */
static double price(const struct play *play)
{
    double steps = play->steps > 0 ? play->steps : 0.5;
    return play->events * (steps < STEPS_WANTED ? STEPS_WANTED / steps : 1.0);
}

static bool has_all(const struct cover *cover, const struct play *play, const struct play *wanted)
{
    for (size_t i = 0; i < cover->words; i++) {
        if ((wanted->features[i] & ~play->features[i]) != 0) {
            return false;
        }
    }
    return true;
}

static void swap(struct play *a, struct play *b)
{
    struct play other = *a;
    *a = *b;
    *b = other;
}

/* Leaves the smallest that was found in `input`; returns its size. */
static size_t trim(struct cover *cover, size_t size)
{
    struct scenario_shrinker *shrinker = &cover->shrinker;
    unsigned plays = 0;
    scenario_decode(cover->input, size, &cover->candidate);
    scenario_shrink_init(shrinker, &cover->candidate);
    while (plays++ < PLAYS_MAX && scenario_shrink_next(shrinker, &cover->candidate)) {
        size_t length = scenario_encode(&cover->candidate, cover->input, INPUT_MAX);
        play_input(cover, cover->input, length, &cover->now);
        if (price(&cover->now) < price(&cover->best) && has_all(cover, &cover->now, &cover->best)) {
            scenario_shrink_accept(shrinker);
            swap(&cover->now, &cover->best);
        }
    }
    return scenario_encode(&shrinker->best, cover->input, INPUT_MAX);
}

static void save(const char *folder, const char *name, const uint8_t *data, size_t size)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wbe");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        fail(path);
    }
}

static size_t load(const char *folder, const char *name, uint8_t data[INPUT_MAX])
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        fail(path);
    }
    size_t size = fread(data, 1, INPUT_MAX, file);
    (void)fclose(file);
    return size;
}

static void print_line(const struct cover *cover, const struct play *play, const char *name)
{
    (void)printf("%u %u %s", play->steps, play->events, name);
    for (size_t i = 0; i < cover->words * 64; i++) {
        if ((play->features[i / 64] >> (i % 64) & 1U) != 0) {
            (void)printf(" %zu", i);
        }
    }
    (void)printf("\n");
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

void fuzz_cover_folder(const char *folder, const char *trimmed, uint8_t *counters)
{
    static struct cover cover;
    struct dirent **entries = NULL;
    cover.counters = counters;
    cover.edges = (size_t)((uintptr_t)__stop___sancov_cntrs - (uintptr_t)__start___sancov_cntrs);
    size_t features =
        cover.edges + FUZZ_COUNTERS + FUZZ_STATS_RULES + (size_t)TRACE_CALL_COUNT * ERRNO_MAX;
    cover.words = (features + 63) / 64;
    cover.now.features = calloc(cover.words, sizeof(uint64_t));
    cover.best.features = calloc(cover.words, sizeof(uint64_t));
    int count = scandir(folder, &entries, is_input, alphasort);
    if (count < 0 || cover.now.features == NULL || cover.best.features == NULL) {
        fail(folder);
    }
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        size_t size = load(folder, name, cover.input);
        play_input(&cover, cover.input, size, &cover.best);
        if (trimmed != NULL) {
            size = trim(&cover, size);
            save(trimmed, name, cover.input, size);
        }
        print_line(&cover, &cover.best, name);
        free(entries[i]);
    }
    free(entries);
    free(cover.now.features);
    free(cover.best.features);
    if (fflush(stdout) != 0) {
        fail("stdout");
    }
}
