/* The heap blocks that a program holds, in a table beside them: no headers, so that a sanitizer's
 * redzones stay where they are. Owned by one task. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_REDIRECT_HEAP_H
#define SOCKSPEC_REDIRECT_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { REDIRECT_HEAP_BYTES_MAX = 1 << 30 }; /* a program that wants more gets ENOMEM */

struct redirect_block {
    uintptr_t address; /* 0: empty slot */
    size_t size;
};

struct redirect_heap {
    struct redirect_block *slots; /* open addressing, linear probing; NULL before the first block */
    unsigned shift;               /* 64 - log2(number of slots) */
    size_t count;
    size_t bytes;
};

/* Remembers a block. False: the table cannot grow (the block is not remembered). */
bool redirect_heap_add(struct redirect_heap *heap, uintptr_t block, size_t size);
/* Forgets a block. False: it was not one of the program's. */
bool redirect_heap_remove(struct redirect_heap *heap, uintptr_t block);
/* Whether `size` more bytes are within the maximum. */
static inline bool redirect_heap_allows(const struct redirect_heap *heap, size_t size)
{
    return size <= REDIRECT_HEAP_BYTES_MAX - heap->bytes;
}
/* Frees every block that is left and forgets it. */
void redirect_heap_clear(struct redirect_heap *heap);
void redirect_heap_done(struct redirect_heap *heap);

#endif
