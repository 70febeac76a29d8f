/* The description of a program that was linked into one of our executables, generated for each
 * target by sockspec_add_target. Constant data: safe from any thread. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_PROGRAM_H
#define SOCKSPEC_PROGRAM_H

#include <stdbool.h>

/* Thread-local storage of the program, as the calling thread sees it. */
struct sockspec_program_tls {
    char *data; /* initialised part */
    char *data_end;
    char *zero; /* zero-filled part */
    char *zero_end;
};

struct sockspec_program {
    const char *name;
    const char *role;     /* "server" or "client" */
    const char *profile;  /* name of the profile, NULL when the manifest says it */
    const char *manifest; /* path of target.ini, NULL without one */
    bool broken;          /* breaks a rule on purpose */
    int argc;             /* arguments after the program's name, with {port} and {host} unfilled */
    const char *const *argv;
    unsigned slot; /* 0: on the target's host; 1: on the peer's, in pair mode */
    int (*main)(int argc, char **argv, char **environment);
    const char *text; /* its code; NULL: not known */
    const char *text_end;
    char *data; /* everything writable and initialised */
    char *data_end;
    char *zero; /* everything writable and zero-filled */
    char *zero_end;
    void (*tls)(struct sockspec_program_tls *ret_bounds);
    const struct sockspec_program *peer; /* pair mode: the client program, else NULL */
};

/* The one target of an executable that sockspec_add_target made. The number counts layouts of the
 * struct: an object that another version compiled is not linked. */
#define sockspec_target_program sockspec_target_program_2
extern const struct sockspec_program sockspec_target_program;

#endif
