/* sockspec for programs that embed it: the version, what exit codes mean, and the whole check of a
 * linked program as one call. The description of a linked program (program.h) is made by
 * sockspec_add_target. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SOCKSPEC_H
#define SOCKSPEC_SOCKSPEC_H

#include <sockspec/program.h>

#define SOCKSPEC_VERSION "0.1.0"

/* What `sockspec` and every NAME_check exit with. */
enum sockspec_exit {
    SOCKSPEC_EXIT_OK = 0,     /* nothing failed */
    SOCKSPEC_EXIT_FAILED = 1, /* a rule was broken */
    SOCKSPEC_EXIT_USAGE =
        2, /* wrong arguments, or an input that cannot be understood; nothing was written */
    SOCKSPEC_EXIT_ERROR = 3,   /* the harness or the environment failed */
    SOCKSPEC_EXIT_SKIPPED = 77 /* everything was skipped */
};

/* Checks a linked program as NAME_check does: argv[0] is only a name in messages, argv[1 … argc-1]
 * are the options of `sockspec check`, or `replay SCENARIO …` or `shrink SCENARIO …` as `sockspec`
 * takes them. Prints to stdout and stderr. Returns an enum sockspec_exit and never exits. The
 * program is run in child processes: call it from a process that may fork, with one thread. */
int sockspec_check_main(int argc, char **argv, const struct sockspec_program *program);

#endif
