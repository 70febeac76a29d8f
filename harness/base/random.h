/* Seeded random numbers (splitmix64): the same seed gives the same numbers on every machine.
 * One generator per owner; not safe between threads. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_BASE_RANDOM_H
#define SOCKSPEC_BASE_RANDOM_H

#include <assert.h>
#include <stdint.h>

struct random {
    uint64_t state; /* any value is a valid seed */
};

static inline uint64_t random_next(struct random *random)
{
    uint64_t z = (random->state += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

/* A number in [0, bound); bound > 0. */
static inline uint32_t random_below(struct random *random, uint32_t bound)
{
    assert(bound > 0);
    return (uint32_t)(((random_next(random) >> 32) * (uint64_t)bound) >> 32);
}

#endif
