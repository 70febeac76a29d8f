/* The bytes of /large/N, which the server makes and the client checks. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_PATTERN_H
#define COMMON_PATTERN_H

#include <stdint.h>

/* The byte at a place, a small letter. The period is a prime, so that no usual buffer size is a
 * multiple of it: a piece left out, sent twice or exchanged shows. */
static inline char pattern_byte(uint64_t place)
{
    return (char)('a' + place % 251 % 26);
}

#endif
