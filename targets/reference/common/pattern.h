/* The body of /large/N, which the server makes and the client checks. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_PATTERN_H
#define COMMON_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* The byte at place i is the letter number i mod 251 mod 26: the period is a prime, so that no
 * usual buffer size is a multiple of it and a piece left out, sent twice or exchanged shows. What
 * is stored is longer, so that it can be copied in large pieces. */
enum { PATTERN_PERIOD = 251, PATTERN_STORED = PATTERN_PERIOD * 16 };

extern const char pattern_bytes[4096];

/* The pattern from place `at`: a pointer to *ret_size bytes of it, at least one. */
static inline const char *pattern_at(uint64_t at, size_t *ret_size)
{
    size_t place = (size_t)(at % PATTERN_PERIOD);
    *ret_size = PATTERN_STORED - place;
    return pattern_bytes + place;
}

#endif
