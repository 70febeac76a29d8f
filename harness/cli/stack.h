/* Implementations of the sockets API: scenarios whose two hosts are scripted, played on one of
 * them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_STACK_H
#define SOCKSPEC_CLI_STACK_H

#include "cli/options.h"
#include "world/world.h"

/* Opens the stack of that name: "model" or "linux". Errors: STATUS_USAGE for another name, and
 * those of the world. */
enum status cli_stack_open(const char *name, bool slow, struct world **ret_world,
                           struct status_detail *detail) STATUS_MUST_USE;

/* Plays the scenario of `replay` on the stack that --stack or --world names (default: model) and
 * draws what happened. Returns an exit code. */
int cli_stack_replay(const struct cli_options *options);

#endif
