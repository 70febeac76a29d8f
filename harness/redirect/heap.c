/* The table of heap blocks: open addressing with backward-shift deletion. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/heap.h"

#include <assert.h>
#include <stdlib.h>

enum { HEAP_LOG2_INITIAL = 10 };

static size_t slot_count(const struct redirect_heap *heap)
{
    return (size_t)1 << (64 - heap->shift);
}

static size_t home(const struct redirect_heap *heap, uintptr_t address)
{
    return (size_t)(((uint64_t)(address >> 4) * 0x9E3779B97F4A7C15ULL) >> heap->shift);
}

static struct redirect_block *place(struct redirect_heap *heap, uintptr_t address)
{
    size_t mask = slot_count(heap) - 1;
    size_t i = home(heap, address);
    while (heap->slots[i].address != 0 && heap->slots[i].address != address) {
        i = (i + 1) & mask;
    }
    return &heap->slots[i];
}

static bool grow(struct redirect_heap *heap)
{
    struct redirect_heap larger = *heap;
    larger.shift = heap->slots == NULL ? 64 - HEAP_LOG2_INITIAL : heap->shift - 1;
    larger.slots = calloc(slot_count(&larger), sizeof larger.slots[0]);
    if (larger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; heap->slots != NULL && i < slot_count(heap); i++) {
        if (heap->slots[i].address != 0) {
            *place(&larger, heap->slots[i].address) = heap->slots[i];
        }
    }
    free(heap->slots);
    *heap = larger;
    return true;
}

bool redirect_heap_add(struct redirect_heap *heap, uintptr_t block, size_t size)
{
    assert(block != 0);
    if ((heap->slots == NULL || heap->count >= slot_count(heap) / 2) && !grow(heap)) {
        return false;
    }
    struct redirect_block *slot = place(heap, block);
    /* An address that is still there was given back by the C library itself: the block is a new
     * one. */
    heap->count += slot->address == 0 ? 1 : 0;
    heap->bytes += size - (slot->address == 0 ? 0 : slot->size);
    *slot = (struct redirect_block){.address = block, .size = size};
    return true;
}

bool redirect_heap_remove(struct redirect_heap *heap, uintptr_t block)
{
    if (heap->count == 0) {
        return false;
    }
    size_t mask = slot_count(heap) - 1;
    size_t hole = home(heap, block);
    while (heap->slots[hole].address != block) {
        if (heap->slots[hole].address == 0) {
            return false;
        }
        hole = (hole + 1) & mask;
    }
    heap->count--;
    heap->bytes -= heap->slots[hole].size;
    for (size_t i = (hole + 1) & mask; heap->slots[i].address != 0; i = (i + 1) & mask) {
        /* A block may move into the hole unless its home lies after the hole on the way to where it
         * is. */
        if (((i - home(heap, heap->slots[i].address)) & mask) >= ((i - hole) & mask)) {
            heap->slots[hole] = heap->slots[i];
            hole = i;
        }
    }
    heap->slots[hole].address = 0;
    return true;
}

void redirect_heap_clear(struct redirect_heap *heap)
{
    for (size_t i = 0; heap->count > 0; i++) {
        assert(i < slot_count(heap));
        if (heap->slots[i].address != 0) {
            /* The table is the only owner left: the pointer is the one that malloc gave. */
            free((void *)heap->slots[i].address); // NOLINT(performance-no-int-to-ptr)
            heap->slots[i].address = 0;
            heap->count--;
        }
    }
    heap->bytes = 0;
}

void redirect_heap_done(struct redirect_heap *heap)
{
    redirect_heap_clear(heap);
    free(heap->slots);
    *heap = (struct redirect_heap){0};
}
