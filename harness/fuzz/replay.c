/* main of NAME_replay: plays every file of the folders it is given, byte forms of scenarios, and
 * fails when one breaks a rule. Built with any compiler, without an engine. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/process.h"

enum { INPUT_MAX = 1 << 16 };

static uint8_t input[INPUT_MAX];
static uint8_t counters[FUZZ_COUNTERS];

/* What the last run broke, in words. */
static unsigned say_broken(const char *path, const uint64_t before[FUZZ_STATS_RULES])
{
    unsigned broken = 0;
    const struct fuzz_stats *counts = fuzz_process_counts();
    for (unsigned rule = 0; rule < FINDING_RULE_COUNT; rule++) {
        if (counts->broken[rule] != before[rule]) {
            (void)printf("%s breaks %s\n", path, finding_rule_id(rule));
            broken++;
        }
    }
    return broken;
}

/* Returns whether the file could be read and broke nothing. */
static bool play_file(const char *path)
{
    uint64_t before[FUZZ_STATS_RULES];
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        (void)fprintf(stderr, "sockspec: %s: %s\n", path, strerror(errno));
        return false;
    }
    size_t size = fread(input, 1, sizeof(input), file);
    (void)fclose(file);
    memcpy(before, fuzz_process_counts()->broken, sizeof(before));
    memset(counters, 0, sizeof(counters));
    fuzz_process_run(input, size);
    return say_broken(path, before) == 0;
}

static bool play_folder(const char *folder, unsigned *played)
{
    bool good = true;
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    if (count < 0) {
        (void)fprintf(stderr, "sockspec: %s: %s\n", folder, strerror(errno));
        return false;
    }
    for (int i = 0; i < count; i++) {
        char path[4096];
        if (entries[i]->d_name[0] != '.' &&
            snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name) < (int)sizeof(path)) {
            good = play_file(path) && good;
            ++*played;
        }
        free(entries[i]);
    }
    free(entries);
    return good;
}

int main(int argc, char **argv)
{
    bool good = true;
    unsigned played = 0;
    (void)setenv(FUZZ_ENV_COUNT, "1", 1);
    fuzz_process_open();
    fuzz_process_count(counters);
    for (int i = 1; i < argc; i++) {
        good = play_folder(argv[i], &played) && good;
    }
    const struct fuzz_stats *counts = fuzz_process_counts();
    (void)printf("%u inputs played, %u state pairs, %.1f steps had an effect in each\n", played,
                 counts->pairs, played > 0 ? (double)counts->effective / played : 0.0);
    return good && played > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
