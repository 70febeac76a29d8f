/* Scripted sockets as a program has them: the calls that only scenarios without a target make. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>

#include "model/net.h"

static struct model *model_of(struct world *world)
{
    return (struct model *)(void *)world;
}

static struct model_socket *at(struct world *world, int s)
{
    return scripted_at(model_of(world)->net, s);
}

static int app_socket(struct world *world, enum trace_host host)
{
    struct model *model = model_of(world);
    struct model_socket *socket = net_socket_new(model, host, false);
    if (socket == NULL) {
        return -ENFILE;
    }
    socket->scripted = true;
    socket->app = true;
    model->net->strict = true;
    socket->send_room = NET_APP_ROOM;
    socket->recv_room = NET_APP_WINDOW;
    socket->file.status_flags = O_RDWR | O_NONBLOCK;
    int number = scripted_number_take(model->net, socket);
    if (number < 0) {
        net_socket_free(model, socket);
    } else {
        model->net->numbers_cloexec[number / 64] |= 1ULL << (number & 63);
    }
    return number;
}

static int app_connect(struct world *world, int s, enum trace_host to, uint16_t port)
{
    struct model_socket *socket = at(world, s);
    struct net_name name = {.address = (uint8_t)(NET_HOST4 + to), .port = port};
    return socket == NULL ? -EBADF : scripted_connect_to(model_of(world), socket, name);
}

static int app_disconnect(struct world *world, int s)
{
    struct model_socket *socket = at(world, s);
    if (socket == NULL) {
        return -EBADF;
    }
    socket_disconnect(model_of(world), socket);
    socket->open = NET_UNCONNECTED;
    return 0;
}

static enum world_place place_of(const struct model_net *net, uint8_t address)
{
    const struct net_address *row = &net->addresses[address];
    switch ((enum net_scope)row->scope) {
    case NET_SCOPE_LOOPBACK:
        return WORLD_PLACE_LOOPBACK;
    case NET_SCOPE_HOST:
        return row->host == TRACE_HOST_TARGET ? WORLD_PLACE_TARGET : WORLD_PLACE_PEER;
    case NET_SCOPE_ANY:
    case NET_SCOPE_NOWHERE:
        break;
    }
    return WORLD_PLACE_ANY;
}

static int app_name(struct world *world, int s, bool peer, struct world_name *ret_name)
{
    const struct model_socket *socket = at(world, s);
    if (socket == NULL) {
        return -EBADF;
    }
    enum tcp_state state = socket_state(socket);
    if (peer && (state == TCP_CLOSED || state == TCP_SYN_SENT || state == TCP_LISTEN)) {
        return -ENOTCONN;
    }
    struct net_name name = peer ? socket->remote : socket->local;
    *ret_name = (struct world_name){place_of(model_of(world)->net, name.address), name.port};
    return 0;
}

static int app_flags(struct world *world, int s, bool descriptor)
{
    const struct model_net *net = model_of(world)->net;
    const struct model_socket *socket = at(world, s);
    if (socket == NULL) {
        return -EBADF;
    }
    return descriptor ? (int)(net->numbers_cloexec[s / 64] >> (s & 63) & 1)
                      : (int)(socket->file.status_flags & O_NONBLOCK);
}

static int app_option_set(struct world *world, int s, int level, int name, const void *value,
                          uint32_t size)
{
    struct model_socket *socket = at(world, s);
    return socket == NULL ? -EBADF : option_set(model_of(world), socket, level, name, value, size);
}

static int app_option_get(struct world *world, int s, int level, int name, void *value,
                          uint32_t *size)
{
    struct model_socket *socket = at(world, s);
    return socket == NULL ? -EBADF : option_get(model_of(world), socket, level, name, value, size);
}

static struct io_object *epoll_of(struct model *model, enum trace_host host)
{
    struct io_object **epoll = &model->net->epolls[host];
    if (*epoll == NULL) {
        *epoll = io_epoll_make(model);
    }
    return *epoll;
}

static int app_watch(struct world *world, int s, int op, uint32_t events)
{
    struct model *model = model_of(world);
    struct model_socket *socket = at(world, s);
    struct io_object *epoll =
        socket == NULL ? NULL : epoll_of(model, (enum trace_host)socket->file.host);
    return epoll == NULL ? -EBADF : io_epoll_control(model, epoll, op, &socket->file, s, events);
}

static int app_wait(struct world *world, enum trace_host host, struct world_ready *ready, int max)
{
    struct model *model = model_of(world);
    struct model_ready got[64];
    struct io_object *epoll = epoll_of(model, host);
    if (epoll == NULL) {
        return -EBADF;
    }
    int count = io_epoll_take(model, epoll, got, max < 64 ? max : 64);
    for (int i = 0; i < count; i++) {
        ready[i] = (struct world_ready){.s = got[i].fd, .asked = got[i].asked, .got = got[i].got};
    }
    return count;
}

static void app_full(struct world *world, bool full)
{
    model_of(world)->net->app_full = full;
}

static void app_choose_sends(struct world *world, const int64_t *results, uint32_t count)
{
    struct model_net *net = model_of(world)->net;
    net->sends = results;
    net->sends_count = count;
    net->sends_next = 0;
}

static void app_delay_timers(struct world *world, enum trace_host host, unsigned per_mille)
{
    model_of(world)->net->late[host] = (uint16_t)per_mille;
}

void scripted_app_ops(struct world_ops *ops)
{
    ops->app_socket = app_socket;
    ops->app_connect = app_connect;
    ops->app_disconnect = app_disconnect;
    ops->app_name = app_name;
    ops->app_flags = app_flags;
    ops->option_set = app_option_set;
    ops->option_get = app_option_get;
    ops->app_watch = app_watch;
    ops->app_wait = app_wait;
    ops->app_full = app_full;
    ops->choose_sends = app_choose_sends;
    ops->delay_timers = app_delay_timers;
    scripted_process_ops(ops);
}
