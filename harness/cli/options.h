/* The options of all commands: one table says their names, what they take, and which command has
 * them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_OPTIONS_H
#define SOCKSPEC_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "trace/trace.h"

/* X(NAME, "word", "arguments", "summary") */
#define CLI_COMMAND_TABLE(X)                                                                       \
    X(CHECK, "check", "TARGET… | -- COMMAND… | --stack NAME|all",                                  \
      "judge targets, or a TCP stack, with the conformance suite")                                 \
    X(FUZZ, "fuzz", "TARGET",                                                                      \
      "play made-up scenarios against a target and keep what breaks a rule")                       \
    X(REPLAY, "replay", "SCENARIO --target TARGET | SCENARIO -- COMMAND… | SCENARIO --stack NAME", \
      "play one scenario: a case's name, a file, or - for stdin")                                  \
    X(SHRINK, "shrink", "SCENARIO --target TARGET | SCENARIO -- COMMAND…",                         \
      "make a failing scenario as small as it can be")                                             \
    X(DIFF, "diff", "--worlds model,linux", "play the same scenarios in two worlds and compare")   \
    X(LIST, "list", "targets|stacks|cases|rules|profiles",                                         \
      "list what there is, one a line, the name first")                                            \
    X(NEW_TARGET, "new-target", "NAME", "write a commented manifest for a command")                \
    X(EXPLAIN, "explain", "RULE", "say what a rule demands, why, and how it is seen")

#define CLI_COMMAND_ENUM(name, word, arguments, summary) CLI_##name,
enum cli_command { CLI_COMMAND_TABLE(CLI_COMMAND_ENUM) CLI_COMMAND_COUNT };
#undef CLI_COMMAND_ENUM

enum { CLI_SETTINGS_MAX = 64 };

struct cli_options {
    const char *program; /* in messages: "sockspec" or "NAME_check" */
    enum cli_command command;
    const char *world; /* "model" or "linux"; NULL: not said */
    const char *cases; /* glob; NULL: all */
    const char *rule;
    const char *json;
    const char *junit;
    const char *trace;
    const char *pcapng;
    const char *corpus;
    const char *targets;
    const char *rules; /* "linux" or "posix"; NULL: the manifest's */
    const char *seed;
    const char *jobs;
    const char *target;
    const char *output;
    const char *profile;
    const char *role;
    const char *port;
    const char *name;
    const char *stack;
    const char *worlds;
    const char *from;
    const char *count;
    const char *states;
    const char *engine;
    const char *time;
    const char *runs;
    const char *out;
    const char *settings[CLI_SETTINGS_MAX]; /* --set, once each */
    unsigned setting_count;
    bool slow;
    bool ipv6;
    bool no_seeds;
    bool tap;
    bool verbose;
    bool help;
    bool version;
    uint64_t seed_number;
    uint64_t runs_number;
    uint64_t from_number;
    uint64_t count_number;
    unsigned jobs_number;
    int operand_count;
    char **operands;
    bool has_command; /* there was a `--` */
    int given_count;  /* what stands behind it */
    char **given;
};

/* Reads the arguments behind the command. Returns false after one message on stderr. `operands`
 * points into argv, which is reordered. */
bool cli_options_parse(struct cli_options *options, const char *program, enum cli_command command,
                       int argc, char **argv);

/* "90s", "10m", "8h", "500ms", or a number of seconds; false where it is none of these. */
bool cli_read_time(const char *text, int64_t *ret_ms);

/* The command of this name; CLI_COMMAND_COUNT when there is none. */
enum cli_command cli_command_find(const char *word);
const char *cli_command_word(enum cli_command command);

/* `sockspec --help`, or the help of one command. */
void cli_help(FILE *out);
void cli_command_help(FILE *out, enum cli_command command);

/* Appends the given options that `command` takes to a list of arguments of `room` places; those in
 * `without` (words, ended by NULL) are left out. Returns the new count, -1 when it does not fit. */
int cli_options_forward(const struct cli_options *options, enum cli_command command,
                        const char *const *without, const char **argv, int argc, int room);

/* Appends a blank and `word` to a command line in `text`, quoted where a shell would read it
 * otherwise. */
void cli_quote(char *text, size_t size, const char *word);

/* Prints "PROGRAM: message" and a line feed to stderr. Returns SOCKSPEC_EXIT_USAGE. */
int cli_usage(const struct cli_options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same, and returns SOCKSPEC_EXIT_ERROR. */
int cli_error(const struct cli_options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The exit code that a failed status asks for, after its message: 2 for what the user gave, else 3.
 */
int cli_status(const struct cli_options *options, enum status status,
               const struct status_detail *detail);

#endif
