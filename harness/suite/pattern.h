/* Bytes whose place can be told: the filling of long messages, and the body of HTTP's /large/N.
 * Pure data; any thread. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_PATTERN_H
#define SOCKSPEC_SUITE_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* The byte at place i is the letter number i mod 251 mod 26. The period is a prime, so that no
 * usual buffer size is a multiple of it: a piece sent twice, left out or exchanged shows. */
enum { PATTERN_PERIOD = 251, PATTERN_STORED = PATTERN_PERIOD * 16 };

extern const uint8_t pattern_bytes[4096];

/* The pattern from place `at`: a pointer to *ret_size contiguous bytes of it, at least one. */
static inline const uint8_t *pattern_at(uint64_t at, size_t *ret_size)
{
    size_t place = (size_t)(at % PATTERN_PERIOD);
    *ret_size = PATTERN_STORED - place;
    return &pattern_bytes[place];
}

#endif
