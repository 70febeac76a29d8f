/* The command new-target. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_NEW_TARGET_H
#define SOCKSPEC_CLI_NEW_TARGET_H

#include "cli/options.h"

/* Writes NAME/target.ini and says what to do next. Returns an exit code. */
int cli_new_target(const struct cli_options *options);

#endif
