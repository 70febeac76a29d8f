/* The operations of the live world that only scenarios without a target use, by the network's. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/world_internal.h"

static struct linux_world *of(struct world *world)
{
    return (struct linux_world *)(void *)world;
}

#define NET (of(world)->net)

static int world_app_socket(struct world *world, enum trace_host host)
{
    return linux_net_app_socket(NET, host);
}
static int world_app_connect(struct world *world, int s, enum trace_host to, uint16_t port)
{
    return linux_net_app_connect(NET, s, to, port);
}
static int world_app_disconnect(struct world *world, int s)
{
    return linux_net_app_disconnect(NET, s);
}
static int world_app_name(struct world *world, int s, bool peer, struct world_name *ret_name)
{
    return linux_net_app_name(NET, s, peer, ret_name);
}
static int world_app_flags(struct world *world, int s, bool descriptor)
{
    return linux_net_app_flags(NET, s, descriptor);
}
static int world_option_set(struct world *world, int s, int level, int name, const void *value,
                            uint32_t size)
{
    return linux_net_option_set(NET, s, level, name, value, size);
}
static int world_option_get(struct world *world, int s, int level, int name, void *value,
                            uint32_t *size)
{
    return linux_net_option_get(NET, s, level, name, value, size);
}
static int world_app_watch(struct world *world, int s, int op, uint32_t events)
{
    return linux_net_app_watch(NET, s, op, events);
}
static int world_app_wait(struct world *world, enum trace_host host, struct world_ready *ready,
                          int max)
{
    return linux_net_app_wait(NET, host, ready, max);
}
static void world_app_full(struct world *world, bool full)
{
    linux_net_app_full(NET, full);
}
static int world_app_accept(struct world *world, int s, int room, int *ret_told)
{
    return linux_net_app_accept(NET, s, room, ret_told);
}
static bool world_app_piped(struct world *world)
{
    return linux_net_app_piped(NET);
}
static int64_t world_app_blocking(struct world *world, int s, struct world_blocking *call)
{
    return linux_net_app_blocking(NET, s, call);
}
static int world_app_misuse(struct world *world, enum scenario_call family, bool file, int *ret_fd)
{
    return linux_net_app_misuse(NET, family, file, ret_fd);
}
static void world_app_die(struct world *world, enum trace_host host)
{
    linux_net_app_die(NET, host);
}
static void world_app_cookies(struct world *world, enum trace_host host)
{
    linux_net_app_cookies(NET, host);
}
static int world_app_unreachable(struct world *world, int s, uint8_t code)
{
    return linux_net_app_unreachable(NET, s, code);
}

void linux_world_app_operations(struct world_ops *ops)
{
    ops->app_socket = world_app_socket;
    ops->app_connect = world_app_connect;
    ops->app_disconnect = world_app_disconnect;
    ops->app_name = world_app_name;
    ops->app_flags = world_app_flags;
    ops->option_set = world_option_set;
    ops->option_get = world_option_get;
    ops->app_watch = world_app_watch;
    ops->app_wait = world_app_wait;
    ops->app_full = world_app_full;
    ops->app_accept = world_app_accept;
    ops->app_piped = world_app_piped;
    ops->app_blocking = world_app_blocking;
    ops->app_misuse = world_app_misuse;
    ops->app_die = world_app_die;
    ops->app_cookies = world_app_cookies;
    ops->app_unreachable = world_app_unreachable;
}
