/* Scripted sockets: real ones in either namespace, named by small numbers, never blocking. What an
 * operation puts on the wire is collected, and what it changed is sampled, before it returns. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "linux/net_internal.h"

/* The C library's netinet/tcp.h names states as ours are named. */
/* Many small segments in flight take far more room than their bytes. */
enum { SEND_ROOM = 1 << 20 };
enum { OPTION_NODELAY = 1, OPTION_INFO = 11, KERNEL_LISTEN = 10 };

enum { EVENTS = 64 };

static struct net_scripted *at(struct linux_net *net, int s)
{
    return s >= 0 && (uint32_t)s < net->scripted_used && net->scripted[s].fd >= 0
               ? &net->scripted[s]
               : NULL;
}

/* ---- Numbers ---- */

/* The lowest free number for the descriptor; takes it, also when there is none. */
static int number_take(struct linux_net *net, int fd, enum trace_host host, uint32_t group)
{
    uint32_t number = 0;
    while (number < net->scripted_used && net->scripted[number].fd >= 0) {
        number++;
    }
    if (number == LINUX_NET_SOCKETS_MAX) {
        close(fd);
        return -EMFILE;
    }
    if (number == net->scripted_used) {
        net->scripted_used++;
        net->scripted[number].queued = false;
    }
    struct net_scripted *socket = &net->scripted[number];
    bool queued = socket->queued; /* the queue may still hold the number */
    *socket =
        (struct net_scripted){.fd = fd, .host = (uint8_t)host, .group = group, .queued = queued};
    return (int)number;
}

/* From here on changes of its readiness are told, the present one included. */
static void watch(struct linux_net *net, int s)
{
    struct net_scripted *socket = &net->scripted[s];
    if (!socket->watched) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET,
                                    .data.u32 = (uint32_t)s};
        socket->watched =
            epoll_ctl(net->epolls[socket->host], EPOLL_CTL_ADD, socket->fd, &event) == 0;
    }
}

static int duplicate_of(const struct linux_net *net, int s)
{
    for (uint32_t other = 0; other < net->scripted_used; other++) {
        if ((int)other != s && net->scripted[other].fd >= 0 &&
            net->scripted[other].group == net->scripted[s].group) {
            return (int)other;
        }
    }
    return -1;
}

/* Closes the descriptor; true when it was the last of its description. A duplicate that stays
 * names the socket from now on. */
static bool number_give(struct linux_net *net, int s)
{
    struct net_scripted *socket = &net->scripted[s];
    int other = duplicate_of(net, s);
    bool watched = socket->watched;
    if (watched) {
        (void)epoll_ctl(net->epolls[socket->host], EPOLL_CTL_DEL, socket->fd, NULL);
    }
    close(socket->fd);
    socket->fd = -1;
    socket->watched = false;
    if (watched && other >= 0) {
        watch(net, other);
    }
    while (net->scripted_used > 0 && net->scripted[net->scripted_used - 1].fd < 0 &&
           !net->scripted[net->scripted_used - 1].queued) {
        net->scripted_used--;
    }
    return other < 0;
}

static int set_linger(int fd, bool on, int seconds)
{
    struct linger linger = {.l_onoff = on, .l_linger = seconds};
    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) < 0 ? -errno : 0;
}

/* ---- Life ---- */

enum status linux_scripted_init(struct linux_net *net, struct status_detail *detail)
{
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        net->epolls[host] = epoll_create1(EPOLL_CLOEXEC);
        if (net->epolls[host] < 0) {
            return status_fail(detail, STATUS_ENVIRONMENT, "epoll_create1: %s", strerror(errno));
        }
    }
    return STATUS_OK;
}

void linux_scripted_close_all(struct linux_net *net)
{
    for (uint32_t s = 0; s < net->scripted_used; s++) {
        if (net->scripted[s].fd >= 0) {
            (void)set_linger(net->scripted[s].fd, true, 0);
            close(net->scripted[s].fd);
        }
    }
    net->scripted_used = 0;
    net->groups = 0;
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        net->ready[host].count = 0;
    }
}

void linux_scripted_done(struct linux_net *net)
{
    linux_scripted_close_all(net);
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        if (net->epolls[host] >= 0) {
            close(net->epolls[host]);
            net->epolls[host] = -1;
        }
    }
}

/* ---- Opening ---- */

int linux_net_socket(struct linux_net *net, enum trace_host host)
{
    linux_namespace_enter(&net->spaces, host);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = errno;
    linux_namespace_leave(&net->spaces);
    /* What a scenario sends goes out at once, whatever is unacknowledged. */
    int on = 1;
    int room = SEND_ROOM;
    (void)setsockopt(fd, IPPROTO_TCP, OPTION_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    return fd < 0 ? -error : number_take(net, fd, host, ++net->groups);
}

int linux_net_bind(struct linux_net *net, int s, uint16_t port)
{
    const struct net_scripted *socket = at(net, s);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (socket == NULL) {
        return -EBADF;
    }
    return bind(socket->fd, (const struct sockaddr *)&name, sizeof name) < 0 ? -errno : 0;
}

int linux_net_listen(struct linux_net *net, int s, int backlog)
{
    struct net_scripted *socket = at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    if (listen(socket->fd, backlog) < 0) {
        return -errno;
    }
    socket->listening = true;
    watch(net, s);
    linux_conn_sample_listeners(net, (enum trace_host)socket->host);
    return 0;
}

static uint16_t local_port(int fd)
{
    struct sockaddr_in name = {0};
    socklen_t size = sizeof name;
    return getsockname(fd, (struct sockaddr *)&name, &size) == 0 ? ntohs(name.sin_port) : 0;
}

int linux_net_accept(struct linux_net *net, int s)
{
    const struct net_scripted *listener = at(net, s);
    struct sockaddr_in name = {0};
    socklen_t size = sizeof name;
    if (listener == NULL) {
        return -EBADF;
    }
    enum trace_host host = (enum trace_host)listener->host;
    int fd = accept4(listener->fd, (struct sockaddr *)&name, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    uint32_t conn = linux_net_conn(net, host, local_port(fd), ntohs(name.sin_port));
    int number = number_take(net, fd, host, ++net->groups);
    if (number >= 0) {
        net->scripted[number].conn = conn;
        watch(net, number);
    }
    return number;
}

int linux_net_connect(struct linux_net *net, int s, uint16_t port)
{
    struct net_scripted *socket = at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    enum trace_host host = (enum trace_host)socket->host;
    uint8_t address[PACKET_ADDRESS];
    linux_link_address(packet_wire_other(host), false, address);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    memcpy(&name.sin_addr, address, sizeof name.sin_addr);
    int result = connect(socket->fd, (const struct sockaddr *)&name, sizeof name) < 0 ? -errno : 0;
    (void)linux_net_collect(net);
    if (result == -EINPROGRESS) {
        socket->conn = linux_net_conn(net, host, local_port(socket->fd), port);
        watch(net, s);
    }
    return result;
}

/* ---- Data ---- */

int64_t linux_net_send(struct linux_net *net, int s, const void *data, size_t size, int flags)
{
    const struct net_scripted *socket = at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    /* The kernel takes a copy, whatever the caller promises. */
    ssize_t sent = send(socket->fd, data, size, (flags & ~MSG_ZEROCOPY) | MSG_NOSIGNAL);
    int64_t result = sent < 0 ? -errno : sent;
    (void)linux_net_collect(net);
    return result;
}

int64_t linux_net_recv(struct linux_net *net, int s, void *data, size_t size, int flags)
{
    const struct net_scripted *socket = at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    ssize_t got = recv(socket->fd, data, size, flags);
    int64_t result = got < 0 ? -errno : got;
    if (got > 0) {
        (void)linux_net_collect(net); /* the window may have opened */
    }
    return result;
}

/* ---- Ending ---- */

/* What this end did: it shows on the wire, where the state goes with the segment, or in the state
 * alone. */
static void changed(struct linux_net *net, const struct net_scripted *socket)
{
    (void)linux_net_collect(net);
    if (socket->conn != 0) {
        packet_wire_sample_end(&net->wire, socket->conn, (enum trace_host)socket->host);
    } else if (socket->listening) {
        linux_conn_sample_listeners(net, (enum trace_host)socket->host);
    }
}

int linux_net_shutdown(struct linux_net *net, int s, int how)
{
    const struct net_scripted *socket = at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    int result = shutdown(socket->fd, how) < 0 ? -errno : 0;
    changed(net, socket);
    return result;
}

int linux_net_close(struct linux_net *net, int s)
{
    const struct net_scripted *socket = at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    const struct net_scripted before = *socket;
    struct linger linger = {0};
    socklen_t size = sizeof linger;
    if (getsockopt(socket->fd, SOL_SOCKET, SO_LINGER, &linger, &size) == 0 && linger.l_onoff != 0 &&
        linger.l_linger > 0) {
        /* It would wait here for an acknowledgment that only we can deliver, and then go on in the
         * background as without the option. */
        (void)set_linger(socket->fd, false, 0);
    }
    if (number_give(net, s)) {
        changed(net, &before);
    }
    return 0;
}

int linux_net_abort(struct linux_net *net, int s)
{
    const struct net_scripted *socket = at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    (void)set_linger(socket->fd, true, 0);
    return linux_net_close(net, s);
}

/* ---- Options ---- */

static const struct {
    int level;
    int name;
} options[WORLD_OPTION_COUNT] = {
    [WORLD_OPTION_RCVBUF] = {SOL_SOCKET, SO_RCVBUF},
    [WORLD_OPTION_SNDBUF] = {SOL_SOCKET, SO_SNDBUF},
    [WORLD_OPTION_LINGER] = {SOL_SOCKET, SO_LINGER},
    [WORLD_OPTION_NODELAY] = {IPPROTO_TCP, OPTION_NODELAY},
    [WORLD_OPTION_KEEPALIVE] = {SOL_SOCKET, SO_KEEPALIVE},
    [WORLD_OPTION_REUSEADDR] = {SOL_SOCKET, SO_REUSEADDR},
    [WORLD_OPTION_ERROR] = {SOL_SOCKET, SO_ERROR},
};

int linux_net_setsockopt(struct linux_net *net, int s, enum world_option option, int value)
{
    const struct net_scripted *socket = at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    if (option >= WORLD_OPTION_ERROR) {
        return -ENOPROTOOPT;
    }
    if (option == WORLD_OPTION_LINGER) {
        return set_linger(socket->fd, value >= 0, value >= 0 ? value : 0);
    }
    if (setsockopt(socket->fd, options[option].level, options[option].name, &value, sizeof value) <
        0) {
        return -errno;
    }
    (void)linux_net_collect(net); /* TCP_NODELAY sends what waited */
    return 0;
}

int linux_net_getsockopt(struct linux_net *net, int s, enum world_option option, int *ret_value)
{
    const struct net_scripted *socket = at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    if (option >= WORLD_OPTION_COUNT) {
        return -ENOPROTOOPT;
    }
    if (option == WORLD_OPTION_LINGER) {
        struct linger linger = {0};
        socklen_t size = sizeof linger;
        if (getsockopt(socket->fd, SOL_SOCKET, SO_LINGER, &linger, &size) < 0) {
            return -errno;
        }
        *ret_value = linger.l_onoff != 0 ? linger.l_linger : -1;
        return 0;
    }
    int value = 0;
    socklen_t size = sizeof value;
    if (getsockopt(socket->fd, options[option].level, options[option].name, &value, &size) < 0) {
        return -errno;
    }
    bool buffer = option == WORLD_OPTION_RCVBUF || option == WORLD_OPTION_SNDBUF;
    *ret_value = buffer ? value / 2 : value;
    return 0;
}

int linux_net_poll(struct linux_net *net, int s)
{
    const struct net_scripted *socket = at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    struct pollfd look = {.fd = socket->fd,
                          .events =
                              POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLPRI | POLLRDHUP};
    return poll(&look, 1, 0) < 0 ? -errno : look.revents;
}

int linux_net_dup(struct linux_net *net, int s)
{
    const struct net_scripted *socket = at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    int fd = fcntl(socket->fd, F_DUPFD_CLOEXEC, 0);
    int number =
        fd < 0 ? -errno : number_take(net, fd, (enum trace_host)socket->host, socket->group);
    if (number >= 0) {
        net->scripted[number].conn = socket->conn;
        net->scripted[number].listening = socket->listening;
    }
    return number;
}

/* ---- Readiness ---- */

static void queue(struct linux_net *net, struct net_ready *ready, uint32_t number)
{
    if (!net->scripted[number].queued) {
        net->scripted[number].queued = true;
        ready->numbers[(ready->first + ready->count++) % LINUX_NET_SOCKETS_MAX] = (uint16_t)number;
    }
}

int linux_net_next_ready(struct linux_net *net, enum trace_host host)
{
    struct net_ready *ready = &net->ready[host];
    for (;;) {
        if (ready->count == 0) {
            struct epoll_event events[EVENTS];
            int count = epoll_wait(net->epolls[host], events, EVENTS, 0);
            for (int i = 0; i < count; i++) {
                queue(net, ready, events[i].data.u32);
            }
            if (count <= 0) {
                return -1;
            }
        }
        uint16_t number = ready->numbers[ready->first % LINUX_NET_SOCKETS_MAX];
        ready->first = (ready->first + 1) % LINUX_NET_SOCKETS_MAX;
        ready->count--;
        net->scripted[number].queued = false;
        if (at(net, number) != NULL && net->scripted[number].watched &&
            net->scripted[number].host == (uint8_t)host) {
            return number;
        }
    }
}

/* ---- Connection and state ---- */

uint32_t linux_net_conn_of(struct linux_net *net, int s)
{
    const struct net_scripted *socket = at(net, s);
    return socket == NULL ? 0 : socket->conn;
}

enum tcp_state linux_net_state(struct linux_net *net, int s)
{
    const struct net_scripted *socket = at(net, s);
    if (socket == NULL) {
        return TCP_CLOSED;
    }
    if (socket->conn != 0) {
        packet_wire_sample_end(&net->wire, socket->conn, (enum trace_host)socket->host);
        return (enum tcp_state)net->wire.conns[socket->conn].state[socket->host];
    }
    uint8_t state = 0; /* the first field of struct tcp_info */
    socklen_t size = sizeof state;
    bool known = getsockopt(socket->fd, IPPROTO_TCP, OPTION_INFO, &state, &size) == 0;
    return known && state == KERNEL_LISTEN ? TCP_LISTEN : TCP_CLOSED;
}
