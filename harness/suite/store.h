/* Bytes of a client target that the peer must give back: a ring per connection of the run.
 * Kept beside the dialogue's state, which is too small for them. One play at a time in a
 * process: whichever thread the engine runs on.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_STORE_H
#define SOCKSPEC_SUITE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_SIZE = 1 << 16 }; /* bytes that one connection may have unanswered */

struct store {
    uint32_t owner; /* ordinal of the connection */
    uint32_t head;  /* bytes put in since the start, modulo 2^32 */
    uint32_t tail;  /* bytes given back */
    uint8_t bytes[STORE_SIZE];
};

/* Empties the store of a new connection. A scenario with more connections than there are stores
 * takes that of the oldest one. */
void store_begin(uint32_t ordinal);
/* The store of a connection; NULL when a later one has taken it. */
struct store *store_of(uint32_t ordinal);
/* Puts bytes in; false when they do not fit. */
bool store_put(struct store *store, const uint8_t *data, size_t size);
/* Contiguous bytes at `offset` from the tail, which are in the store. */
const uint8_t *store_at(const struct store *store, uint32_t offset, size_t *ret_size);
static inline uint32_t store_used(const struct store *store)
{
    return store->head - store->tail;
}

#endif
