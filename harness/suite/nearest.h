/* The word of a list that someone probably meant. Pure. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_NEAREST_H
#define SOCKSPEC_SUITE_NEAREST_H

#include <stddef.h>

/* Keeps the nearest word so far. Start zero-initialised with `word` set; offer every candidate. */
struct nearest {
    const char *word;
    const char *best; /* NULL: none is near */
    unsigned distance;
};

void nearest_offer(struct nearest *nearest, const char *candidate);

/* "; did you mean 'X'?" or "" written into `buffer`, which is returned. */
const char *nearest_hint(const struct nearest *nearest, char *buffer, size_t size);

#endif
