/* The body of /large/N, which the server makes and the client checks. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_PATTERN_H
#define COMMON_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* Length after which the pattern repeats: a prime, so that no usual buffer size is a multiple of it
 * and a piece left out, sent twice or exchanged shows. */
enum { PATTERN_PERIOD = 4093 };

extern const char pattern_bytes[PATTERN_PERIOD + 3];

/* The pattern from place `at`: a pointer to *ret_size bytes of it, at least one. */
static inline const char *pattern_at(uint64_t at, size_t *ret_size)
{
    size_t place = (size_t)(at % PATTERN_PERIOD);
    *ret_size = PATTERN_PERIOD - place;
    return pattern_bytes + place;
}

#endif
