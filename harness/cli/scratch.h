/* A folder for the moment, which is gone when its owner is, however that ends. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_SCRATCH_H
#define SOCKSPEC_CLI_SCRATCH_H

#include <sys/types.h>

#include "base/status.h"

enum { CLI_SCRATCH_MAX = 256 };

/* Zero-initialised it is none. */
struct cli_scratch {
    char path[CLI_SCRATCH_MAX]; /* empty: none */
    pid_t keeper;               /* removes it once `held` is closed everywhere */
    int held;
};

/* Makes a folder in TMPDIR, or /tmp, and starts the process that removes it with all that lies in
 * it: at cli_scratch_done(), or when this process has ended by a signal and all that it forked.
 * STATUS_ENVIRONMENT, with `scratch` empty, when it cannot. */
enum status cli_scratch_make(struct cli_scratch *scratch,
                             struct status_detail *detail) STATUS_MUST_USE;

/* Returns when the folder is gone; harmless on one that is none. */
void cli_scratch_done(struct cli_scratch *scratch);

/* Removes a folder and all that lies in it, but nothing of another file system. */
void cli_scratch_remove(const char *path);

#endif
