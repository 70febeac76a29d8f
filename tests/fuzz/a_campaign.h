/* A campaign in a folder of its own, as tests run one: bounded by runs, never by time. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_FUZZ_A_CAMPAIGN_H
#define SOCKSPEC_TESTS_FUZZ_A_CAMPAIGN_H

#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/campaign.h"
#include "fuzz/finding.h"

/* A crash in the C library costs a process each time: fewer runs where there is one. */
enum { RUNS = 4000, CRASHING_RUNS = 300, MANY_RUNS = 2000000000 };

static char out[64];
static struct fuzz_campaign_result result;

static inline int begin(void **state)
{
    (void)state;
    (void)snprintf(out, sizeof(out), "/tmp/sockspec-campaign-XXXXXX");
    return mkdtemp(out) == NULL ? -1 : 0;
}

static inline int end(void **state)
{
    (void)state;
    char command[128];
    fuzz_campaign_done(&result);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", out);
    return system(command);
}

static inline struct fuzz_campaign_options options_for(const char *target)
{
    return (struct fuzz_campaign_options){.target = target,
                                          .targets = SOCKSPEC_TEST_TARGETS,
                                          .engine = FUZZ_ENGINE_LIBFUZZER,
                                          .runs = RUNS,
                                          .jobs = 1,
                                          .out = out,
                                          .seed = 1,
                                          .command = SOCKSPEC_TEST_COMMAND};
}

/* The first finding whose report begins so. */
static inline const struct fuzz_found *find(const char *line)
{
    for (uint32_t i = 0; i < result.found_count; i++) {
        if (strncmp(result.found[i].line, line, strlen(line)) == 0) {
            return &result.found[i];
        }
    }
    return NULL;
}

static inline bool stands(const char *name)
{
    char path[640];
    struct stat info;
    (void)snprintf(path, sizeof(path), "%s/%s", out, name);
    return stat(path, &info) == 0;
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, begin, end)

#endif
