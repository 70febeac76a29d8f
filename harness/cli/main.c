/* The sockspec command: reads the command line and hands over. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/words.h"
#include "cli/diff.h"
#include "cli/fuzz.h"
#include "cli/list.h"
#include "cli/live.h"
#include "cli/many.h"
#include "cli/new_target.h"
#include "cli/options.h"
#include "cli/stack.h"
#include "cli/targets.h"
#include "sockspec/sockspec.h"

/* Whether nothing says what only a command has to be told. */
static bool says_nothing_of_command(const struct cli_options *options)
{
    return options->profile == NULL && options->role == NULL && options->port == NULL &&
           options->name == NULL && options->setting_count == 0;
}

static int refuse_command_options(const struct cli_options *options)
{
    return cli_usage(options,
                     "--%s is about a COMMAND, behind --; a target's manifest says it for a TARGET",
                     options->profile != NULL ? "profile"
                     : options->role != NULL  ? "role"
                     : options->port != NULL  ? "port"
                     : options->name != NULL  ? "name"
                                              : "set");
}

/* One target, in the world that is asked for or the only one that it can live in. `operand` is the
 * scenario of replay and shrink. */
static int run_target(const struct cli_options *options, const char *name, const char *operand)
{
    enum cli_target_kind kind = CLI_TARGET_LINKED;
    char path[CLI_PATH_MAX];
    if (!says_nothing_of_command(options)) {
        return refuse_command_options(options);
    }
    int code = cli_targets_find(options, name, &kind, path);
    if (code != 0) {
        return code;
    }
    bool model = options->world == NULL || strcmp(options->world, "model") == 0;
    return kind == CLI_TARGET_LINKED && model ? cli_one(options, options->command, path, operand)
                                              : cli_live_target(options, name, kind, path);
}

static int run_check(const struct cli_options *options)
{
    if (options->stack != NULL) {
        return says_nothing_of_command(options) ? cli_stack(options)
                                                : refuse_command_options(options);
    }
    if (options->has_command && options->operand_count > 0) {
        return cli_usage(options, "check takes a TARGET or a COMMAND behind --, not both ('%s')",
                         options->operands[0]);
    }
    if (options->has_command) {
        return cli_live_command(options);
    }
    if (options->operand_count == 0) {
        return cli_usage(
            options, "check needs a TARGET (see `sockspec list targets`), or a COMMAND behind --");
    }
    if (options->operand_count > 1) {
        return says_nothing_of_command(options) ? cli_many(options)
                                                : refuse_command_options(options);
    }
    return run_target(options, options->operands[0], NULL);
}

static int run_played(const struct cli_options *options)
{
    const char *word = cli_command_word(options->command);
    if (options->operand_count != 1) {
        return cli_usage(options, "%s needs one SCENARIO: a case's name, a file, or - for stdin",
                         word);
    }
    if (options->has_command && options->target != NULL) {
        return cli_usage(options, "%s takes --target or a COMMAND behind --, not both", word);
    }
    if (options->has_command) {
        return cli_live_command(options);
    }
    if (options->stack != NULL && options->target != NULL) {
        return cli_usage(options, "%s takes --target or --stack, not both", word);
    }
    if (options->stack != NULL || (options->target == NULL && options->command == CLI_REPLAY)) {
        return cli_stack(options);
    }
    if (options->target == NULL) {
        return cli_usage(options, "%s needs --target TARGET (see `sockspec list targets`)", word);
    }
    return run_target(options, options->target, options->operands[0]);
}

static int (*const runs[CLI_COMMAND_COUNT])(const struct cli_options *options) = {
    [CLI_CHECK] = run_check,    [CLI_REPLAY] = run_played, [CLI_SHRINK] = run_played,
    [CLI_DIFF] = cli_diff,      [CLI_LIST] = cli_list,     [CLI_NEW_TARGET] = cli_new_target,
    [CLI_EXPLAIN] = cli_explain};

static int unknown_command(const char *word)
{
    struct words_guess guess = {.word = word};
    for (unsigned i = 0; i < CLI_COMMAND_COUNT; i++) {
        words_guess_offer(&guess, cli_command_word((enum cli_command)i));
    }
    char hint[64];
    (void)fprintf(stderr, "sockspec: unknown command '%s'%s (see sockspec --help)\n", word,
                  words_guess_hint(&guess, hint, sizeof(hint)));
    return SOCKSPEC_EXIT_USAGE;
}

/* `help`, or `help COMMAND`. */
static int help(const char *word)
{
    if (word == NULL) {
        cli_help(stdout);
        return SOCKSPEC_EXIT_OK;
    }
    enum cli_command command = cli_command_find(word);
    if (command == CLI_COMMAND_COUNT) {
        return unknown_command(word);
    }
    cli_command_help(stdout, command);
    return SOCKSPEC_EXIT_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        cli_help(stderr);
        return SOCKSPEC_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        return help(NULL);
    }
    if (strcmp(argv[1], "help") == 0) {
        return help(argv[2]);
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("sockspec " SOCKSPEC_VERSION "\n");
        return SOCKSPEC_EXIT_OK;
    }
    enum cli_command command = cli_command_find(argv[1]);
    if (command == CLI_COMMAND_COUNT) {
        return unknown_command(argv[1]);
    }
    if (command == CLI_FUZZ) {
        return cli_fuzz(argc - 1, argv + 1);
    }
    struct cli_options options;
    if (!cli_options_parse(&options, "sockspec", command, argc - 1, argv + 1)) {
        return SOCKSPEC_EXIT_USAGE;
    }
    if (options.help) {
        cli_command_help(stdout, command);
        return SOCKSPEC_EXIT_OK;
    }
    int code = runs[command](&options);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fprintf(stderr, "sockspec: stdout: %s\n", strerror(errno));
        return SOCKSPEC_EXIT_ERROR;
    }
    return code;
}
