/* What of the process a program may change for real: environment, locale, working folder, umask.
 * Saved once, put back after a run that changed it. One at a time. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_REDIRECT_SURROUNDINGS_H
#define SOCKSPEC_REDIRECT_SURROUNDINGS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/status.h"

struct redirect_surroundings {
    char **environment;       /* where it stood */
    char **environment_saved; /* its pointers, ending in NULL */
    size_t environment_count; /* pointers, the NULL included */
    char *locale;
    int folder; /* descriptor, -1 none */
    mode_t mask;
};

/* Errors: STATUS_NO_MEMORY. */
enum status redirect_surroundings_save(struct redirect_surroundings *surroundings,
                                       struct status_detail *detail) STATUS_MUST_USE;
/* `dirty`: enum redirect_dirty. Without any change no system call is made. */
void redirect_surroundings_restore(const struct redirect_surroundings *surroundings,
                                   unsigned dirty);
void redirect_surroundings_done(struct redirect_surroundings *surroundings);

#endif
