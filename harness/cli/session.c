/* Setting up a check: manifest, profile, cases, player, oracle, report. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/words.h"
#include "cli/check.h"
#include "model/model.h"
#include "redirect/program.h"
#include "sockspec/sockspec.h"

/* Makes the model with the linked program in it; called in the child that plays. */
static enum status open_model(void *context, struct world **ret_world, struct status_detail *detail)
{
    const struct sockspec_program *program = context;
    struct redirect *redirect = NULL;
    struct model *model = NULL;
    enum status status = redirect_new(program, &redirect, detail);
    if (status != STATUS_OK) {
        return status;
    }
    status = model_new(redirect_runner(redirect), &model, detail);
    if (status != STATUS_OK) {
        redirect_free(redirect);
        return status;
    }
    redirect_bind(redirect, model);
    *ret_world = model_world(model);
    return STATUS_OK;
}

/* The subject, with what the command line says over its manifest. */
static int open_subject(struct cli_session *session, const struct sockspec_program *program)
{
    const struct cli_options *options = session->options;
    struct manifest *manifest = &session->subject.manifest;
    struct status_detail detail = {""};
    enum status status = subject_open(&session->subject, program, &detail);
    if (status != STATUS_OK) {
        return cli_status(options, status, &detail);
    }
    if (options->rules != NULL) {
        manifest->rules =
            strcmp(options->rules, "posix") == 0 ? TRACE_RULES_POSIX : TRACE_RULES_LINUX;
    }
    if (options->seed != NULL) {
        manifest->seed = options->seed_number;
    }
    return 0;
}

/* What a replay command needs to find this target and this case again. */
static void say_replay_options(struct cli_session *session)
{
    const struct cli_options *options = session->options;
    char *text = session->replay_options;
    size_t size = sizeof(session->replay_options);
    const char *given = getenv(CLI_REPLAY_VARIABLE);
    char self[512];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (given != NULL) {
        (void)snprintf(text, size, "%s", given);
    } else if (length > 0) {
        self[length] = '\0';
        char *slash = strrchr(self, '/');
        *slash = '\0';
        (void)snprintf(text, size, " --targets %s", slash == self ? "/" : self);
    }
    const struct {
        const char *name;
        const char *value;
    } more[] = {{"corpus", options->corpus}, {"rules", options->rules}, {"seed", options->seed}};
    for (unsigned i = 0; i < 3; i++) {
        if (more[i].value != NULL) {
            size_t used = strlen(text);
            (void)snprintf(text + used, size - used, " --%s %s", more[i].name, more[i].value);
        }
    }
}

static int check_rule(const struct cli_options *options)
{
    const char *rule = options->rule;
    if (rule == NULL || oracle_find(rule) < ORACLE_RULE_COUNT || suite_rule_is_own(rule)) {
        return 0;
    }
    struct words_guess guess = {.word = rule};
    for (unsigned i = 0; i < ORACLE_RULE_COUNT; i++) {
        words_guess_offer(&guess, oracle_rules[i].id);
    }
    char hint[64];
    return cli_usage(options, "--rule: there is no rule '%s'%s", rule,
                     words_guess_hint(&guess, hint, sizeof(hint)));
}

int cli_session_open(struct cli_session *session, const struct cli_options *options,
                     const struct sockspec_program *program)
{
    memset(session, 0, sizeof(*session));
    session->options = options;
    struct status_detail detail = {""};
    if (options->world != NULL && strcmp(options->world, "linux") == 0) {
        return cli_error(options,
                         "--world linux is not available in this build: it has no live world");
    }
    int failed = check_rule(options);
    failed = failed != 0 ? failed : open_subject(session, program);
    if (failed != 0) {
        return failed;
    }
    enum status status = cases_load(options->corpus, &session->cases, &detail);
    if (status == STATUS_OK) {
        status = oracle_new(&session->oracle, &detail);
    }
    if (status == STATUS_OK) {
        struct player_setup setup = {.target = &session->subject.target,
                                     .profile = session->subject.profile,
                                     .open = open_model,
                                     .context = (void *)program};
        status = player_new(&setup, &session->player, &detail);
    }
    if (status != STATUS_OK) {
        return cli_status(options, status, &detail);
    }
    say_replay_options(session);
    session->setup = (struct suite_setup){
        .subject = &session->subject,
        .player = session->player,
        .oracle = session->oracle,
        .report = &session->report,
        .case_glob = options->cases,
        .rule = options->rule,
        .replay_options = session->replay_options,
    };
    return 0;
}

static enum status add_sink(struct report *report, enum status made, struct report_sink *sink)
{
    return made != STATUS_OK ? made : report_add(report, sink);
}

/* A place on the command line: a file, or `-`. */
static struct report_place place_of(const char *path)
{
    bool is_stdout = strcmp(path, "-") == 0;
    return (struct report_place){.path = is_stdout ? NULL : path,
                                 .stream = is_stdout ? stdout : NULL};
}

int cli_session_report(struct cli_session *session)
{
    const struct cli_options *options = session->options;
    struct status_detail detail = {""};
    struct report_sink *sink = NULL;
    struct report_place out = {.stream = stdout};
    bool quiet = (options->json != NULL && strcmp(options->json, "-") == 0) ||
                 (options->junit != NULL && strcmp(options->junit, "-") == 0);
    enum status status = STATUS_OK;
    if (quiet && (options->tap || (options->json != NULL && options->junit != NULL &&
                                   strcmp(options->json, options->junit) == 0))) {
        return cli_usage(options, "only one form can go to stdout");
    }
    if (options->tap) {
        status = report_tap_new(&out, &sink, &detail);
        status = add_sink(&session->report, status, sink);
    } else if (!quiet) {
        struct report_text_options text = {.verbose = options->verbose,
                                           .colour =
                                               isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL};
        status = report_text_new(&out, &text, &sink, &detail);
        status = add_sink(&session->report, status, sink);
    }
    if (status == STATUS_OK && options->json != NULL) {
        struct report_place place = place_of(options->json);
        status = report_json_new(&place, &sink, &detail);
        status = add_sink(&session->report, status, sink);
    }
    if (status == STATUS_OK && options->junit != NULL) {
        struct report_place place = place_of(options->junit);
        status = report_junit_new(&place, &sink, &detail);
        status = add_sink(&session->report, status, sink);
    }
    if (status == STATUS_OK && options->trace != NULL) {
        status = trace_save_open(&session->trace, options->trace, &detail);
    }
    return status == STATUS_OK ? 0 : cli_status(options, status, &detail);
}

void cli_session_done(struct cli_session *session)
{
    trace_save_abandon(&session->trace);
    report_done(&session->report);
    player_free(session->player);
    oracle_free(session->oracle);
    cases_done(&session->cases);
}
