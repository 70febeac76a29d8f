/* Setting up a check: manifest, profile, cases, players, oracle, report. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/words.h"
#include "cli/check.h"
#include "sockspec/sockspec.h"

/* The subject, with what the command line says over its manifest. */
static int open_subject(struct cli_session *session)
{
    const struct cli_options *options = session->options;
    struct manifest *manifest = &session->subject.manifest;
    struct status_detail detail = {""};
    enum status status =
        session->judged->subject(session->judged->context, &session->subject, &detail);
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

static void say(struct cli_session *session, const char *option, const char *value)
{
    char *text = session->replay_options;
    size_t size = sizeof(session->replay_options);
    if (value != NULL) {
        cli_quote(text, size, option);
        cli_quote(text, size, value);
    }
}

/* What a replay command needs to find this target and this case again. */
static void say_replay_options(struct cli_session *session)
{
    const struct cli_options *options = session->options;
    const struct cli_judged *judged = session->judged;
    say(session, "--target", judged->target);
    say(session, "--stack", judged->stack);
    say(session, "--targets", judged->targets);
    say(session, "--world", options->world);
    say(session, "--corpus", options->corpus);
    say(session, "--rules", options->rules);
    say(session, "--seed", options->seed);
    say(session, "--profile", options->profile);
    say(session, "--role", options->role);
    say(session, "--port", options->port);
    say(session, "--name", options->name);
    for (unsigned i = 0; i < options->setting_count; i++) {
        say(session, "--set", options->settings[i]);
    }
    if (options->ipv6) {
        cli_quote(session->replay_options, sizeof(session->replay_options), "--ipv6");
    }
    if (options->slow) {
        cli_quote(session->replay_options, sizeof(session->replay_options), "--slow");
    }
    if (judged->command != NULL) {
        cli_quote(session->replay_options, sizeof(session->replay_options), "--");
    }
    for (int i = 0; judged->command != NULL && i < judged->command_count; i++) {
        cli_quote(session->replay_options, sizeof(session->replay_options), judged->command[i]);
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

static enum status open_players(struct cli_session *session, struct status_detail *detail)
{
    const struct cli_judged *judged = session->judged;
    enum status status = STATUS_OK;
    assert(judged->players >= 1 && judged->players <= SUITE_PLAYERS_MAX);
    for (unsigned i = 0; i < judged->players && status == STATUS_OK; i++) {
        struct player_setup setup = {.target = &session->subject.target,
                                     .profile = session->subject.profile,
                                     .v6 = session->subject.manifest.ipv6};
        status = judged->player(judged->context, &session->subject, i, &setup, detail);
        if (status == STATUS_OK) {
            status = player_new(&setup, &session->players[i], detail);
        }
    }
    return status;
}

int cli_session_open(struct cli_session *session, const struct cli_options *options,
                     const struct cli_judged *judged)
{
    memset(session, 0, sizeof(*session));
    session->options = options;
    session->judged = judged;
    struct status_detail detail = {""};
    int failed = check_rule(options);
    failed = failed != 0 ? failed : open_subject(session);
    if (failed != 0) {
        return failed;
    }
    enum status status = cases_load(options->corpus, &session->cases, &detail);
    if (status == STATUS_OK) {
        status = oracle_new(&session->oracle, &detail);
    }
    if (status == STATUS_OK) {
        status = open_players(session, &detail);
    }
    if (status != STATUS_OK) {
        return cli_status(options, status, &detail);
    }
    say_replay_options(session);
    session->setup = (struct suite_setup){
        .subject = &session->subject,
        .player = session->players[0],
        .players = session->players,
        .player_count = judged->players,
        .at_once = judged->at_once,
        .oracle = session->oracle,
        .report = &session->report,
        .case_glob = options->cases,
        .rule = options->rule,
        .replay_options = session->replay_options,
    };
    return 0;
}

int cli_session_run(const struct cli_options *options, const struct cli_judged *judged)
{
    struct cli_session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        return cli_error(options, "out of memory");
    }
    int code = cli_session_open(session, options, judged);
    if (code == 0) {
        code = options->command == CLI_CHECK    ? cli_check(session)
               : options->command == CLI_REPLAY ? cli_replay(session)
                                                : cli_shrink(session);
    }
    cli_session_done(session);
    free(session);
    return code;
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

/* On a terminal, unless what is printed goes on to a program that may use it, too. */
static bool has_line_for_progress(void)
{
    struct stat out;
    return isatty(STDERR_FILENO) && fstat(STDOUT_FILENO, &out) == 0 && !S_ISFIFO(out.st_mode);
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
    if (options->command == CLI_CHECK && has_line_for_progress()) {
        status = report_progress_new(stderr, &sink, &detail);
        status = add_sink(&session->report, status, sink);
    }
    if (status != STATUS_OK) {
        return cli_status(options, status, &detail);
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
    if (status == STATUS_OK && options->pcapng != NULL) {
        status = trace_save_open(&session->pcapng, options->pcapng, &detail);
    }
    return status == STATUS_OK ? 0 : cli_status(options, status, &detail);
}

void cli_session_done(struct cli_session *session)
{
    trace_save_abandon(&session->trace);
    trace_save_abandon(&session->pcapng);
    report_done(&session->report);
    for (unsigned i = 0; i < SUITE_PLAYERS_MAX; i++) {
        player_free(session->players[i]);
    }
    oracle_free(session->oracle);
    cases_done(&session->cases);
}
