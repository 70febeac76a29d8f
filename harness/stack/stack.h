/* The world of stacks: a TCP stack behind an adapter (sockspec/stack.h), one instance per host,
 * each in a process of its own, joined by the wire of packet/. Time is virtual. Only scenarios that
 * script both hosts can be played: there are no programs here. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_STACK_STACK_H
#define SOCKSPEC_STACK_STACK_H

#include "base/status.h"
#include "world/world.h"

enum { STACK_NAME_MAX = 64, STACK_VERSION_MAX = 128 };

/* What an adapter says of itself. */
struct stack_about {
    char name[STACK_NAME_MAX];
    char version[STACK_VERSION_MAX];
    uint64_t emulated; /* bits (1 << enum sockspec_stack_operation) */
    uint64_t absent;
};

/* Asks the executable that sockspec_add_stack made. Errors: STATUS_ENVIRONMENT when it cannot be
 * run or answers nonsense. */
enum status stack_about_read(const char *path, struct stack_about *ret_about,
                             struct status_detail *detail) STATUS_MUST_USE;

/* Makes the world. `path` is borrowed. Errors: STATUS_NO_MEMORY. */
enum status stack_world_new(const char *path, struct world **ret_world,
                            struct status_detail *detail) STATUS_MUST_USE;

#endif
