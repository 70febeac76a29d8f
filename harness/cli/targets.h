/* Targets: those that a build left in a folder (NAME beside NAME.target.ini, and NAME_check where
 * it is linked), and folders with a target.ini that names a command. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_TARGETS_H
#define SOCKSPEC_CLI_TARGETS_H

#include <stdbool.h>

#include "cli/options.h"
#include "suite/manifest.h"

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

/* What a word on the command line means. */
enum cli_target_kind {
    CLI_TARGET_LINKED,  /* a NAME_check; `path` is it */
    CLI_TARGET_PROGRAM, /* a program of the build without one; `path` is it */
    CLI_TARGET_FOLDER   /* a command; `path` is its target.ini */
};

/* What a build says of a target of its own, in NAME.target.ini. */
struct cli_built {
    char role[16];
    char profile[32];
    char manifest[CLI_PATH_MAX]; /* empty: none */
    bool broken;
    int argc;
    char *argv[MANIFEST_ARGUMENTS_MAX + 1]; /* arguments, unfilled */
};

/* The folder that the options name, or ../targets beside this executable. Returns false when the
 * latter cannot be told. */
bool cli_targets_folder(const struct cli_options *options, char folder[CLI_PATH_MAX]);

/* Adds the targets of a folder to the first `count` of `targets`, which has room for
 * CLI_TARGETS_MAX, and sorts all by name. Returns how many there are then; -1 when the folder
 * cannot be read (errno).
 */
int cli_targets_scan(const char *folder, struct cli_target *targets, int count);
/* All targets that the options let find. Returns how many; -1 after a message. */
int cli_targets_all(const struct cli_options *options, struct cli_target *targets);

/* Finds what a word means: with a slash a folder, or its target.ini; else a name in the folder of
 * --targets, or without that in ../targets beside this executable and in targets/ here. Returns 0,
 * or an exit code after its message. */
int cli_targets_find(const struct cli_options *options, const char *name,
                     enum cli_target_kind *ret_kind, char path[CLI_PATH_MAX]);

/* Reads the NAME.target.ini beside the program or NAME_check at `path`. False when there is none.
 */
bool cli_built_read(const char *path, struct cli_built *ret_built);
void cli_built_done(struct cli_built *built);

#endif
