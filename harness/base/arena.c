/* Reserving and releasing an arena's address space. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <assert.h>
#include <sys/mman.h>

enum status arena_init(struct arena *arena, size_t size)
{
    assert(size > 0);
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        return STATUS_NO_MEMORY;
    }
    *arena = (struct arena){.base = base, .used = 0, .size = size};
    return STATUS_OK;
}

void arena_done(struct arena *arena)
{
    if (arena != NULL && arena->base != NULL) {
        (void)munmap(arena->base, arena->size);
        *arena = (struct arena){0};
    }
}
