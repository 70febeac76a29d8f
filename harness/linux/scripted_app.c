/* Scripted sockets as a program has them: the calls that only scenarios without a target make. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "linux/net_internal.h"

enum { WAIT_MAX = 64 };

int linux_net_app_socket(struct linux_net *net, enum trace_host host)
{
    linux_scripted_begin_apps(net);
    linux_namespace_enter(&net->spaces, host);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = errno;
    linux_namespace_leave(&net->spaces);
    int number = fd < 0 ? -error : linux_scripted_take(net, fd, host, ++net->groups);
    if (number >= 0) {
        net->scripted[number].app = true;
    }
    return number;
}

void linux_net_app_full(struct linux_net *net, bool full)
{
    net->app_full = full;
}

int linux_net_app_connect(struct linux_net *net, int s, enum trace_host to, uint16_t port)
{
    return linux_scripted_at(net, s) == NULL ? -EBADF : linux_scripted_connect(net, s, to, port);
}

int linux_net_app_disconnect(struct linux_net *net, int s)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    if (socket == NULL) {
        return -EBADF;
    }
    int result = connect(socket->fd, &nowhere, sizeof nowhere) < 0 ? -errno : 0;
    linux_scripted_changed(net, socket);
    return result;
}

static enum world_place place_of(const struct in_addr *address)
{
    uint8_t known[PACKET_ADDRESS];
    for (enum trace_host host = 0; host < TRACE_HOST_COUNT; host++) {
        linux_link_address(host, false, known);
        if (memcmp(known, address, sizeof *address) == 0) {
            return host == TRACE_HOST_TARGET ? WORLD_PLACE_TARGET : WORLD_PLACE_PEER;
        }
    }
    return address->s_addr == INADDR_ANY ? WORLD_PLACE_ANY : WORLD_PLACE_LOOPBACK;
}

int linux_net_app_name(struct linux_net *net, int s, bool peer, struct world_name *ret_name)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
    struct sockaddr_in name = {0};
    socklen_t size = sizeof name;
    if (socket == NULL) {
        return -EBADF;
    }
    int result = peer ? getpeername(socket->fd, (struct sockaddr *)&name, &size)
                      : getsockname(socket->fd, (struct sockaddr *)&name, &size);
    if (result < 0) {
        return -errno;
    }
    *ret_name = (struct world_name){place_of(&name.sin_addr), ntohs(name.sin_port)};
    return 0;
}

int linux_net_app_flags(struct linux_net *net, int s, bool descriptor)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    int flags = fcntl(socket->fd, descriptor ? F_GETFD : F_GETFL);
    return flags < 0 ? -errno : flags & (descriptor ? FD_CLOEXEC : O_NONBLOCK);
}

int linux_net_option_set(struct linux_net *net, int s, int level, int name, const void *value,
                         uint32_t size)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    int result = setsockopt(socket->fd, level, name, value, size) < 0 ? -errno : 0;
    (void)linux_net_collect(net); /* TCP_NODELAY and an end of TCP_CORK send what waited */
    return result;
}

int linux_net_option_get(struct linux_net *net, int s, int level, int name, void *value,
                         uint32_t *size)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    return getsockopt(socket->fd, level, name, value, size) < 0 ? -errno : 0;
}

/* What is asked comes back with the report, beside the number that was registered. */
int linux_net_app_watch(struct linux_net *net, int s, int op, uint32_t events)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)events << 32 | (uint32_t)s};
    return epoll_ctl(net->app_epolls[socket->host], op, socket->fd, &event) < 0 ? -errno : 0;
}

int linux_net_app_wait(struct linux_net *net, enum trace_host host, struct world_ready *ready,
                       int max)
{
    struct epoll_event events[WAIT_MAX];
    int count = epoll_wait(net->app_epolls[host], events, max < WAIT_MAX ? max : WAIT_MAX, 0);
    for (int i = 0; i < count; i++) {
        ready[i] = (struct world_ready){.s = (int)(uint32_t)events[i].data.u64,
                                        .asked = (uint32_t)(events[i].data.u64 >> 32),
                                        .got = events[i].events};
    }
    return count < 0 ? -errno : count;
}
