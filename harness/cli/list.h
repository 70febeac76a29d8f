/* The commands that only tell: list and explain. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_LIST_H
#define SOCKSPEC_CLI_LIST_H

#include "cli/options.h"

int cli_list(const struct cli_options *options);
int cli_explain(const struct cli_options *options);

#endif
