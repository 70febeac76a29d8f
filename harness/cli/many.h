/* Checks of several targets: one process each, their reports made one. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_MANY_H
#define SOCKSPEC_CLI_MANY_H

#include "cli/options.h"

/* Starts the NAME_check at `path` with the options given and becomes it. Returns only on failure,
 * with an exit code. */
int cli_one(const struct cli_options *options, enum cli_command command, const char *path,
            const char *operand);

/* Runs every operand's check, `jobs` at a time, and prints their outputs in order. JSON: an object
 * with all verdicts, each with its target, and the single objects under `targets`. JUnit: one
 * <testsuites>. TAP: a subtest per target. */
int cli_many(const struct cli_options *options);

/* The same for stacks. What is printed is the matrix rule × stack; of a stack that could not be
 * judged also what its check said, and with --verbose of every one. */
int cli_many_stacks(const struct cli_options *options, const char *const *names, int count);

#endif
