/* The linked program, the model, and the environment's wishes, put together. Stands at the top of
 * an executable of its own, so it chooses the world, prints and exits. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fuzz/crash_list.h"
#include "fuzz/triage.h"
#include "model/model.h"
#include "redirect/program.h"
#include "suite/run.h"
#include "suite/subject.h"

static struct {
    struct subject subject;
    struct model *model;
    struct trace trace;
    struct fuzz *fuzz;
    unsigned until; /* rule that ends the process; FINDING_RULE_COUNT: none */
    uint8_t *counters;
    struct crash_list crashes;
} process;

/* _exit: neither the engine's exit handlers, which take any exit for a bug, nor leak checks. */
static __attribute__((noreturn)) void fail(enum status status, const struct status_detail *detail)
{
    (void)fprintf(stderr, "sockspec: %s: %s\n", sockspec_target_program.name,
                  detail->text[0] != '\0' ? detail->text : status_text(status));
    (void)fflush(stderr);
    _exit(status == STATUS_IO                                 ? FUZZ_EXIT_IO
          : status == STATUS_USAGE || status == STATUS_SYNTAX ? FUZZ_EXIT_USAGE
                                                              : FUZZ_EXIT_ENVIRONMENT);
}

/* An environment variable; NULL when it is empty. */
static const char *wish(const char *name)
{
    const char *value = getenv(name);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

static enum status open_model(void *context, struct world **ret_world, struct status_detail *detail)
{
    const struct sockspec_program *program = context;
    struct redirect *redirect = NULL;
    enum status status = redirect_new(program, &redirect, detail);
    if (status == STATUS_OK) {
        status = model_new(redirect_runner(redirect), &process.model, detail);
    }
    if (status == STATUS_OK) {
        redirect_bind(redirect, process.model);
        *ret_world = model_world(process.model);
    }
    return status;
}

/* Nothing is left behind when the campaign is killed. */
static void follow_parent(void)
{
    const char *parent = wish(FUZZ_ENV_PARENT);
    if (parent != NULL) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != (pid_t)strtol(parent, NULL, 10)) {
            _exit(FUZZ_EXIT_ENVIRONMENT);
        }
    }
}

static unsigned find_rule(const char *id)
{
    for (unsigned rule = 0; rule < FINDING_RULE_COUNT; rule++) {
        if (strcmp(finding_rule_id(rule), id) == 0) {
            return rule;
        }
    }
    struct status_detail detail;
    fail(status_fail(&detail, STATUS_USAGE, FUZZ_ENV_UNTIL ": there is no rule '%s'", id), &detail);
}

/* Known failures that the manifest lists for every case are none of a fuzzer's business. */
static void expect_known(uint64_t expected[3])
{
    for (unsigned rule = 0; rule < FINDING_RULE_COUNT; rule++) {
        if (manifest_known(&process.subject.manifest, "fuzz", finding_rule_id(rule)) != NULL) {
            expected[rule / 64] |= 1ULL << (rule % 64);
        }
    }
}

static void triage(const char *path)
{
    struct triage_setup setup = {
        .subject = &process.subject,
        .open = open_model,
        .context = (void *)process.subject.program,
        .place = {.folder = wish(FUZZ_ENV_FINDINGS), .replay = wish(FUZZ_ENV_REPLAY)}};
    struct status_detail detail = {""};
    enum triage_result result;
    enum status status = triage_input(&setup, path, &result, &detail);
    if (status != STATUS_OK) {
        fail(status, &detail);
    }
    _exit(result == TRIAGE_LOST ? FUZZ_EXIT_LOST : FUZZ_EXIT_TRIAGED);
}

static bool survive(void *context, int64_t place)
{
    return crash_list_survive(context, place);
}

void fuzz_process_open(void)
{
    struct status_detail detail = {""};
    const struct sockspec_program *program = &sockspec_target_program;
    follow_parent();
    enum status status = subject_open(&process.subject, program, &detail);
    if (status != STATUS_OK) {
        fail(status, &detail);
    }
    if (wish(FUZZ_ENV_TRIAGE) != NULL) {
        triage(wish(FUZZ_ENV_TRIAGE));
    }
    struct fuzz_setup setup = {
        .place = {.folder = wish(FUZZ_ENV_FINDINGS), .replay = wish(FUZZ_ENV_REPLAY)},
        .count_only = wish(FUZZ_ENV_UNTIL) != NULL || wish(FUZZ_ENV_COUNT) != NULL ||
                      wish(FUZZ_ENV_COVER) != NULL,
        .stats = wish(FUZZ_ENV_STATS),
    };
    process.until = wish(FUZZ_ENV_UNTIL) == NULL ? (unsigned)FINDING_RULE_COUNT
                                                 : find_rule(wish(FUZZ_ENV_UNTIL));
    expect_known(setup.expected);
    status = trace_init(&process.trace, TRACE_EVENTS_MAX);
    if (status == STATUS_OK) {
        status = open_model((void *)program, &setup.world, &detail);
    }
    process.crashes.prefix = wish(FUZZ_ENV_CRASHES);
    if (status == STATUS_OK && process.crashes.prefix != NULL) {
        redirect_survive(survive, &process.crashes);
        setup.crashes = &process.crashes;
    }
    if (status == STATUS_OK) {
        setup.world->ops->speak_v6(setup.world, process.subject.manifest.ipv6);
    }
    if (status == STATUS_OK) {
        process.trace.header = subject_header(&process.subject, setup.world->ops->observers);
        setup.play = (struct engine_play){.target = &process.subject.target,
                                          .profile = process.subject.profile,
                                          .trace = &process.trace,
                                          .seed = process.trace.header.seed};
        status = fuzz_new(&setup, &process.fuzz, &detail);
    }
    if (status != STATUS_OK) {
        fail(status, &detail);
    }
}

void fuzz_process_count(uint8_t *counters)
{
    if (process.counters != counters) {
        process.counters = counters;
        model_set_counters(process.model, counters);
    }
}

void fuzz_process_run(const uint8_t *data, size_t size)
{
    struct status_detail detail;
    enum status status = fuzz_run(process.fuzz, data, size, process.counters, &detail);
    if (__builtin_expect(status != STATUS_OK, 0)) {
        fail(status, &detail);
    }
    if (process.until < FINDING_RULE_COUNT &&
        fuzz_counts(process.fuzz)->broken[process.until] != 0) {
        _exit(FUZZ_EXIT_FOUND);
    }
}

const struct fuzz_stats *fuzz_process_counts(void)
{
    return fuzz_counts(process.fuzz);
}

const struct trace *fuzz_process_trace(void)
{
    return &process.trace;
}

enum scenario_role fuzz_process_role(void)
{
    return fuzz_role(process.subject.manifest.role);
}
