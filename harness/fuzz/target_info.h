/* Inside fuzz/: what a campaign must know of a target before its executables run: NAME.target.ini,
 * which the build wrote beside them, and the manifest that it names. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_FUZZ_TARGET_INFO_H
#define SOCKSPEC_FUZZ_TARGET_INFO_H

#include <limits.h>

#include "suite/manifest.h"

struct target_info {
    enum trace_role role;
    char manifest_path[PATH_MAX];
    struct manifest manifest;
    const struct profile *profile; /* borrowed from the manifest or built in */
};

/* Fills `info`, which must not move afterwards. Errors: STATUS_NOT_FOUND, those of the manifest. */
enum status target_info_load(struct target_info *info, const char *targets, const char *name,
                             struct status_detail *detail) STATUS_MUST_USE;

#endif
