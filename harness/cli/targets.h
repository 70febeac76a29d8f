/* The linked targets that a build left in a folder: NAME_check beside NAME.target.ini. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_TARGETS_H
#define SOCKSPEC_CLI_TARGETS_H

#include <stdbool.h>

#include "cli/options.h"

enum { CLI_PATH_MAX = 4096, CLI_TARGETS_MAX = 1024, CLI_TARGET_NAME_MAX = 128 };

/* One line about a target. */
struct cli_target {
    char name[CLI_TARGET_NAME_MAX];
    char role[16];
    char profile[32];
    char breaks[16];
    char description[160];
    bool broken;
};

/* The folder that the options name, or ../targets beside this executable. Returns false when the
 * latter cannot be told. */
bool cli_targets_folder(const struct cli_options *options, char folder[CLI_PATH_MAX]);

/* All targets of a folder, by name; `ret_targets` has room for CLI_TARGETS_MAX. Returns how many;
 * -1 when the folder cannot be read (errno). */
int cli_targets_scan(const char *folder, struct cli_target *ret_targets);

/* FOLDER/NAME_check, after a check that it is there. Returns 0, or an exit code after its message.
 */
int cli_targets_find(const struct cli_options *options, const char *name, char path[CLI_PATH_MAX]);

#endif
