/* Rings of bytes, one per connection, of the one play of a process: the engine runs on the stack of
 * whichever thread of the target sleeps, so they belong to no thread. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/store.h"

#include <assert.h>
#include <string.h>

#include "scenario/scenario.h"

static struct store stores[SCENARIO_SOCKETS_MAX];

void store_begin(uint32_t ordinal)
{
    struct store *store = &stores[ordinal % SCENARIO_SOCKETS_MAX];
    store->owner = ordinal;
    store->head = 0;
    store->tail = 0;
}

struct store *store_of(uint32_t ordinal)
{
    struct store *store = &stores[ordinal % SCENARIO_SOCKETS_MAX];
    return store->owner == ordinal ? store : NULL;
}

bool store_put(struct store *store, const uint8_t *data, size_t size)
{
    if (size > STORE_SIZE - store_used(store)) {
        return false;
    }
    size_t place = store->head % STORE_SIZE;
    size_t first = size < STORE_SIZE - place ? size : STORE_SIZE - place;
    memcpy(store->bytes + place, data, first);
    memcpy(store->bytes, data + first, size - first);
    store->head += (uint32_t)size;
    return true;
}

const uint8_t *store_at(const struct store *store, uint32_t offset, size_t *ret_size)
{
    uint32_t left = store_used(store) - offset;
    assert(offset < store_used(store));
    size_t place = (store->tail + offset) % STORE_SIZE;
    *ret_size = left < STORE_SIZE - place ? left : STORE_SIZE - place;
    return &store->bytes[place];
}
