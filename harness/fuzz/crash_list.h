/* Places in the target's code where a run of this process crashed and the process went on. The
 * input of the first crash at each place is kept for the campaign, which plays it apart. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_FUZZ_CRASH_LIST_H
#define SOCKSPEC_FUZZ_CRASH_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { CRASH_LIST_MAX = 64 /* places; a crash at a further one ends the process */ };

struct crash_list {
    const char *prefix; /* of the files that take inputs; borrowed */
    uint32_t survived;  /* crashes so far */
    uint32_t count;
    int64_t places[CRASH_LIST_MAX];
};

/* Whether the process goes on after a crash here. May be called in a signal handler. */
bool crash_list_survive(struct crash_list *list, int64_t place);

/* Keeps the input of the run that just ended, where places were added to the first `count` by it.
 * The file appears complete. Errors: STATUS_IO. */
enum status crash_list_keep(const struct crash_list *list, uint32_t count, const uint8_t *data,
                            size_t size, struct status_detail *detail) STATUS_MUST_USE;

#endif
