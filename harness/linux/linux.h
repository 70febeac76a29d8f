/* The live world: the operations of world.h on the real kernel, for programs that run as
 * processes. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_LINUX_LINUX_H
#define SOCKSPEC_LINUX_LINUX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "world/world.h"

/* How a command is run; what world_target.program points to. Strings are borrowed. */
struct linux_command {
    char *const *environment; /* "NAME=value", ended by NULL, on top of ours; NULL: none */
    const char *folder;       /* working folder; NULL: ours */
    int input;                /* a descriptor for its stdin; -1: /dev/null */
    int output;               /* where its stdout and stderr go; -1: /dev/null */
    int64_t start_limit_us;   /* real time until it listens (server) or sleeps (client); 0: 30 s */
    int64_t stop_limit_us;    /* real time from the stop signal to its end; 0: 10 s */
};

struct linux_setup {
    bool v6;   /* peers speak IPv6; else IPv4, but where a server takes IPv6 alone */
    bool slow; /* `advance` takes as long as it says; otherwise what is longer than 1 s is refused
                  where the target has a timer that could run meanwhile */
    bool kernel_timers; /* the kernels send again themselves, and end TIME-WAIT when they do, in
                           place of the wire and the clock of the trace; for scripted programs with
                           `slow` */
};

/* Errors: STATUS_ENVIRONMENT (namespaces or the TUN device are refused, and
 * linux_world_choose_network was not asked: the detail says which). */
enum status linux_world_new(const struct linux_setup *setup, struct world **ret_world,
                            struct status_detail *detail) STATUS_MUST_USE;

/* Once, before targets are described and worlds are made: where namespaces or TUN devices are
 * refused, targets run in the machine's own network from now on, in this process and those that it
 * forks. Worlds then see no segments and have no wire to hold. True when it is so; `ret_port`, else
 * untouched, is then a port that is free now (0: none could be had). */
bool linux_world_choose_network(bool v6, uint16_t *ret_port);

/* The address that a target is to listen on, or to connect to, for {host}. */
const char *linux_world_host(enum trace_role role, bool v6);

#endif
