/* Stacks by their names: the two that are built in, and NAME_stack of a folder of targets. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_STACKS_H
#define SOCKSPEC_CLI_STACKS_H

#include "cli/options.h"
#include "cli/targets.h"
#include "stack/stack.h"

enum { CLI_STACKS_MAX = 64 };

struct cli_stack {
    char name[STACK_NAME_MAX];
    char path[CLI_PATH_MAX];     /* of NAME_stack; empty: built in */
    char manifest[CLI_PATH_MAX]; /* of an adapter, as its build said; empty: none */
    struct stack_about about;    /* of an adapter: what it says; else only the version */
    char problem[256];           /* why an adapter cannot be asked; empty: it was */
};

/* All stacks that the options let find: built-in ones first, then adapters by name. `stacks` has
 * room for CLI_STACKS_MAX. Returns how many; -1 after a message. */
int cli_stacks_all(const struct cli_options *options, struct cli_stack *stacks);

/* Finds the stack of this name. Returns 0, or an exit code after its message. */
int cli_stacks_find(const struct cli_options *options, const char *name,
                    struct cli_stack *ret_stack);

#endif
