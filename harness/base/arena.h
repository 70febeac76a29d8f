/* A bump allocator for everything that lives as long as one run.
 * One owner; not safe between threads. `arena_reset` keeps the memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_BASE_ARENA_H
#define SOCKSPEC_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct arena {
    uint8_t *base; /* storage, NULL before arena_init */
    size_t used;   /* bytes handed out since the last reset */
    size_t size;   /* bytes of storage: the maximum */
};

/* Reserves `size` bytes (address space; pages are touched as they are used).
 * Errors: STATUS_NO_MEMORY. */
enum status arena_init(struct arena *arena, size_t size) STATUS_MUST_USE;
void arena_done(struct arena *arena);

/* `size` bytes, aligned to 16, uninitialised; NULL when the arena is full. */
static inline void *arena_alloc(struct arena *arena, size_t size)
{
    size_t rounded = (size + 15U) & ~(size_t)15U;
    if (rounded < size || rounded > arena->size - arena->used) {
        return NULL;
    }
    void *ret = arena->base + arena->used;
    arena->used += rounded;
    return ret;
}

/* Forgets everything handed out. */
static inline void arena_reset(struct arena *arena)
{
    arena->used = 0;
}

#endif
