/* Implementations of the sockets API: cases whose two hosts are scripted, played on one of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_STACK_H
#define SOCKSPEC_CLI_STACK_H

#include "cli/options.h"
#include "world/world.h"

/* Opens the built-in stack of that name: "model" or "linux". Errors: STATUS_USAGE for another name,
 * and those of the world. */
enum status cli_stack_open(const char *name, bool slow, struct world **ret_world,
                           struct status_detail *detail) STATUS_MUST_USE;

/* Whether it opens one of that name. */
bool cli_stack_is_built_in(const char *name);

/* Checks, replays or shrinks on the stack that --stack (or --world; default: model) names; `check
 * --stack all` on all of them. Returns an exit code. */
int cli_stack(const struct cli_options *options);

#endif
