/* The live kernels as hosts of the wire: packets through their TUN devices. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>

#include "linux/net_internal.h"

/* A lane is named by whom it leads to. */
_Static_assert((int)WORLD_TO_TARGET == (int)TRACE_HOST_TARGET &&
                   (int)WORLD_TO_PEER == (int)TRACE_HOST_PEER,
               "a direction is the host that it leads to");

static int64_t take(void *context, enum trace_host host, uint8_t *bytes, size_t size)
{
    const struct linux_net *net = context;
    return read(net->tuns[host], bytes, size);
}

static void give(void *context, enum trace_host host, const uint8_t *bytes, size_t size)
{
    const struct linux_net *net = context;
    ssize_t written;
    do {
        written = write(net->tuns[host], bytes, size);
    } while (written < 0 && errno == EINTR);
}

enum status linux_wire_init(struct linux_net *net, struct status_detail *detail)
{
    const struct packet_wire_hosts hosts = {.context = net,
                                            .take = take,
                                            .give = give,
                                            .state = linux_conn_state,
                                            .identity = linux_conn_identity,
                                            .leaves = linux_conn_leaves,
                                            .enters = linux_conn_enters,
                                            .moved = linux_conn_moved,
                                            .resends = !net->kernel_timers};
    return packet_wire_init(&net->wire, &hosts, detail);
}

void linux_wire_drain(struct linux_net *net)
{
    uint8_t bytes[WIRE_MTU];
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        while (read(net->tuns[host], bytes, sizeof bytes) > 0) {
        }
    }
}

/* The wire as it is at this time of the trace. */
static struct packet_wire *now(struct linux_net *net)
{
    if (net->wire.trace->now_us >= net->expiry_us) {
        linux_conn_expire(net);
    }
    return &net->wire;
}

bool linux_net_collect(struct linux_net *net)
{
    struct packet_wire *wire = now(net);
    return linux_net_is_shared() ? linux_shared_collect(net) : packet_wire_collect(wire);
}

/* In a shared network the kernel has delivered what came; it may have woken the target. */
bool linux_net_deliver(struct linux_net *net)
{
    bool came = net->came;
    net->came = false;
    return linux_net_is_shared() ? came : packet_wire_deliver_all(&net->wire);
}

bool linux_net_in_flight(const struct linux_net *net)
{
    return linux_net_is_shared() ? net->came : packet_wire_in_flight(&net->wire);
}

int64_t linux_net_due_us(struct linux_net *net)
{
    int64_t resend_us = packet_wire_due_us(&net->wire);
    if (net->expiry_us == INT64_MAX) {
        return resend_us;
    }
    int64_t end_us = net->expiry_us - net->wire.trace->now_us;
    end_us = end_us > 0 ? end_us : 0;
    return resend_us >= 0 && resend_us < end_us ? resend_us : end_us;
}

void linux_net_hold(struct linux_net *net, enum world_direction direction, bool hold)
{
    packet_wire_hold(now(net), direction, hold);
}

uint32_t linux_net_count(const struct linux_net *net, enum world_direction direction)
{
    return packet_wire_count(&net->wire, direction);
}

int linux_net_wire_deliver(struct linux_net *net, enum world_direction direction, uint32_t index)
{
    return packet_wire_deliver(now(net), direction, index);
}

int linux_net_wire_drop(struct linux_net *net, enum world_direction direction, uint32_t index)
{
    return packet_wire_drop(now(net), direction, index);
}

int linux_net_wire_duplicate(struct linux_net *net, enum world_direction direction, uint32_t index)
{
    return packet_wire_duplicate(now(net), direction, index);
}

void linux_net_lose(struct linux_net *net, enum scenario_segment kind, uint32_t count)
{
    packet_wire_lose(now(net), kind, count);
}

void linux_net_cut(struct linux_net *net, enum world_direction direction, bool cut)
{
    packet_wire_cut(now(net), direction, cut);
}

int linux_net_inject(struct linux_net *net, int s, enum scenario_segment kind,
                     enum world_direction direction)
{
    return packet_wire_inject(now(net), linux_net_conn_of(net, s), kind, direction);
}
