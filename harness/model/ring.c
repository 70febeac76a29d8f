/* Bytes on their way through a pipe or a pair of sockets. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/io.h"

void io_ring_put(struct io_ring *ring, const struct msghdr *message, size_t offset, size_t count)
{
    size_t to = (ring->at + ring->used) % IO_RING_SIZE;
    size_t first = IO_RING_SIZE - to < count ? IO_RING_SIZE - to : count;
    assert(count <= io_ring_room(ring));
    (void)io_gather(message, offset, ring->data + to, first);
    (void)io_gather(message, offset + first, ring->data, count - first);
    ring->used += (uint32_t)count;
}

void io_ring_look(const struct io_ring *ring, struct msghdr *message, size_t offset, size_t count)
{
    size_t first = IO_RING_SIZE - ring->at < count ? IO_RING_SIZE - ring->at : count;
    assert(count <= ring->used);
    (void)io_scatter(message, offset, ring->data + ring->at, first);
    (void)io_scatter(message, offset + first, ring->data, count - first);
}

void io_ring_drop(struct io_ring *ring, size_t count)
{
    assert(count <= ring->used);
    ring->at = (uint32_t)((ring->at + count) % IO_RING_SIZE);
    ring->used -= (uint32_t)count;
}
