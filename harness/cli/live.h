/* Checks, replays and shrinks of programs that run as processes, in the live world. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_LIVE_H
#define SOCKSPEC_CLI_LIVE_H

#include "cli/options.h"
#include "cli/targets.h"

/* Judges the command behind `--`. Returns an exit code. */
int cli_live_command(const struct cli_options *options);

/* Judges the target that the word `name` means, as cli_targets_find found it. Returns an exit code.
 */
int cli_live_target(const struct cli_options *options, const char *name, enum cli_target_kind kind,
                    const char *path);

#endif
