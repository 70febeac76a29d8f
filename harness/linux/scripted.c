/* Scripted sockets: real ones in either namespace, named by small numbers, never blocking. What an
 * operation puts on the wire is collected, and what it changed is sampled, before it returns. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "linux/net_internal.h"

/* The C library's netinet/tcp.h names states as ours are named. */
/* Many small segments in flight take far more room than their bytes. */
enum { SEND_ROOM = 4 << 20 };
enum { OPTION_NODELAY = 1, OPTION_INFO = 11, KERNEL_LISTEN = 10 };

enum { EVENTS = 64 };
enum { NUMBERS_LEAST = 64 }; /* that must be free above ours */

struct net_scripted *linux_scripted_at(struct linux_net *net, int s)
{
    return s >= 0 && (uint32_t)s < net->scripted_used && net->scripted[s].fd >= 0
               ? &net->scripted[s]
               : NULL;
}

/* ---- Numbers ---- */

/* Numbers are descriptors, counted from the first that is not ours: so they show which one the
 * kernel chose. A hole among ours, where something was closed since reset, is not for sockets. */
int linux_scripted_take(struct linux_net *net, int fd, enum trace_host host, uint32_t group)
{
    if (fd < net->base) {
        bool cloexec = (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
        int above = fcntl(fd, cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, net->base);
        close(fd);
        fd = above;
    }
    uint32_t number = (uint32_t)(fd - net->base);
    if (fd < 0 || number >= LINUX_NET_SOCKETS_MAX) {
        close(fd);
        return -EMFILE;
    }
    for (; net->scripted_used <= number; net->scripted_used++) {
        net->scripted[net->scripted_used].fd = -1;
        net->scripted[net->scripted_used].queued = false;
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
    if (!socket->watched && !socket->app) {
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

bool linux_scripted_forget(struct linux_net *net, int s)
{
    bool last = duplicate_of(net, s) < 0;
    net->scripted[s].fd = -1;
    net->scripted[s].watched = false;
    while (net->scripted_used > 0 && net->scripted[net->scripted_used - 1].fd < 0 &&
           !net->scripted[net->scripted_used - 1].queued) {
        net->scripted_used--;
    }
    return last;
}

/* Closes the descriptor; true when it was the last of its description. A duplicate that stays
 * names the socket from now on. */
static bool number_give(struct linux_net *net, int s)
{
    const struct net_scripted *socket = &net->scripted[s];
    int other = duplicate_of(net, s);
    bool watched = socket->watched;
    if (watched) {
        (void)epoll_ctl(net->epolls[socket->host], EPOLL_CTL_DEL, socket->fd, NULL);
    }
    close(socket->fd);
    bool last = linux_scripted_forget(net, s);
    if (watched && other >= 0) {
        watch(net, other);
    }
    return last;
}

static int set_linger(int fd, bool on, int seconds)
{
    struct linger linger = {.l_onoff = on, .l_linger = seconds};
    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) < 0 ? -errno : 0;
}

/* ---- Life ---- */

/* Fills the holes among our descriptors, so that the lowest free number is the first of the
 * scripted sockets'. */
static void fill_holes(struct linux_net *net)
{
    int fd = net->base;
    do {
        fd = fcntl(net->null, F_DUPFD_CLOEXEC, 0);
    } while (fd >= 0 && fd < net->base);
    if (fd >= 0) {
        net->base = fd;
        close(fd);
    }
}

/* The first number above all descriptors that are open now. */
static void find_base(struct linux_net *net)
{
    DIR *folder = opendir("/proc/self/fd");
    int highest = net->null;
    if (folder != NULL) {
        for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            int fd = (int)strtol(entry->d_name, NULL, 10);
            highest = fd > highest && fd != dirfd(folder) ? fd : highest;
        }
        (void)closedir(folder);
    }
    net->base = highest + 1;
    fill_holes(net);
}

enum status linux_scripted_init(struct linux_net *net, struct status_detail *detail)
{
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        net->epolls[host] = epoll_create1(EPOLL_CLOEXEC);
        net->app_epolls[host] = epoll_create1(EPOLL_CLOEXEC);
        if (net->epolls[host] < 0 || net->app_epolls[host] < 0) {
            return status_fail(detail, STATUS_ENVIRONMENT, "epoll_create1: %s", strerror(errno));
        }
    }
    net->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (net->null < 0) {
        return status_fail(detail, STATUS_ENVIRONMENT, "/dev/null: %s", strerror(errno));
    }
    find_base(net);
    struct rlimit limit = {0};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
        limit.rlim_cur < (rlim_t)net->base + NUMBERS_LEAST) {
        return status_fail(detail, STATUS_ENVIRONMENT,
                           "the limit of open descriptors (ulimit -n) is %d: with %d in use that "
                           "leaves too few",
                           (int)limit.rlim_cur, net->base);
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
    linux_scripted_end_apps(net);
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        net->ready[host].count = 0;
    }
    if (net->null >= 0) {
        fill_holes(net);
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
        if (net->app_epolls[host] >= 0) {
            close(net->app_epolls[host]);
            net->app_epolls[host] = -1;
        }
    }
    if (net->null >= 0) {
        close(net->null);
        net->null = -1;
    }
}

/* ---- Opening ---- */

/* An address with its port, of either family; both have the port at the same place. */
struct name {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } of;
    socklen_t size;
};

static bool speaks_v6(int fd)
{
    int domain = 0;
    socklen_t size = sizeof domain;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_INET6;
}

/* The address of a host as the socket speaks, or (`any`) of all its own. */
static struct name name_for(int fd, enum trace_host host, bool any, uint16_t port)
{
    struct name name = {.size = sizeof name.of.v4};
    uint8_t address[PACKET_ADDRESS] = {0};
    bool v6 = speaks_v6(fd);
    if (!any || linux_net_is_shared()) {
        linux_link_address(host, v6, address);
    }
    if (v6) {
        name.size = sizeof name.of.v6;
        name.of.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
        memcpy(&name.of.v6.sin6_addr, address, sizeof name.of.v6.sin6_addr);
    } else {
        name.of.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&name.of.v4.sin_addr, address, sizeof name.of.v4.sin_addr);
    }
    return name;
}

int linux_net_socket(struct linux_net *net, enum trace_host host)
{
    linux_namespace_enter(&net->spaces, host);
    int fd = socket(net->v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = errno;
    linux_namespace_leave(&net->spaces);
    /* What a scenario sends goes out at once, whatever is unacknowledged. */
    int on = 1;
    int room = SEND_ROOM;
    (void)setsockopt(fd, IPPROTO_TCP, OPTION_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    return fd < 0 ? -error : linux_scripted_take(net, fd, host, ++net->groups);
}

int linux_net_bind(struct linux_net *net, int s, uint16_t port)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    struct name name = name_for(socket->fd, (enum trace_host)socket->host, true, port);
    return bind(socket->fd, &name.of.any, name.size) < 0 ? -errno : 0;
}

int linux_net_listen(struct linux_net *net, int s, int backlog)
{
    struct net_scripted *socket = linux_scripted_at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    if (listen(socket->fd, backlog) < 0) {
        return -errno;
    }
    for (uint32_t i = 0; i < net->scripted_used; i++) {
        if (net->scripted[i].fd >= 0 && net->scripted[i].group == socket->group) {
            net->scripted[i].listening = true;
            net->scripted[i].conn = 0;
        }
    }
    watch(net, s);
    linux_conn_sample_listeners(net, (enum trace_host)socket->host);
    return 0;
}

static uint16_t local_port(int fd)
{
    struct name name = {.size = sizeof name.of};
    return getsockname(fd, &name.of.any, &name.size) == 0 ? ntohs(name.of.v4.sin_port) : 0;
}

static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

/* Whether the name is of the host itself. */
static bool is_own(const struct name *name, enum trace_host host)
{
    uint8_t own[PACKET_ADDRESS];
    linux_link_address(host, name->of.any.sa_family == AF_INET6, own);
    return name->of.any.sa_family == AF_INET6 ? memcmp(&name->of.v6.sin6_addr, own, sizeof own) == 0
                                              : memcmp(&name->of.v4.sin_addr, own, 4) == 0;
}

/* What accept wrote where there was less room than the name takes. */
struct part {
    uint8_t bytes[sizeof(struct sockaddr_in)];
    socklen_t size; /* that it told */
};

enum { UNTOUCHED = 0xA5 };

/* The size that it told; -1 where it wrote other bytes than those of the name, or too many. */
static int told_size(const struct part *part, const struct name *name, int room)
{
    bool good = true;
    for (int i = 0; i < (int)sizeof part->bytes; i++) {
        uint8_t want = i < room ? ((const uint8_t *)&name->of)[i] : (uint8_t)UNTOUCHED;
        good = good && part->bytes[i] == want;
    }
    return good ? (int)part->size : -1;
}

/* accept4(2) with room for so many bytes (-1: NULL); the whole name all the same. */
static int accept_with_room(int listener, int flags, int room, struct name *ret_name, int *ret_told)
{
    struct part part;
    if (room >= (int)sizeof ret_name->of.v4) {
        int fd = accept4(listener, &ret_name->of.any, &ret_name->size, flags);
        *ret_told = fd >= 0 ? (int)ret_name->size : 0;
        return fd;
    }
    memset(part.bytes, UNTOUCHED, sizeof part.bytes);
    part.size = room > 0 ? (socklen_t)room : 0;
    int fd = room < 0 ? accept4(listener, NULL, NULL, flags)
                      : accept4(listener, (struct sockaddr *)part.bytes, &part.size, flags);
    if (fd >= 0) {
        /* As accept itself asks, for getpeername knows none of what was reset in the queue. */
        ret_name->size = speaks_v6(fd) ? sizeof ret_name->of.v6 : sizeof ret_name->of.v4;
        (void)getsockopt(fd, SOL_SOCKET, SO_PEERNAME, &ret_name->of, &ret_name->size);
        *ret_told = room < 0 ? 0 : told_size(&part, ret_name, room);
    }
    return fd;
}

int linux_net_accept(struct linux_net *net, int s)
{
    int told = 0;
    return linux_net_app_accept(net, s, (int)sizeof(struct sockaddr_in6), &told);
}

int linux_net_app_accept(struct linux_net *net, int s, int room, int *ret_told)
{
    const struct net_scripted *listener = linux_scripted_at(net, s);
    struct name name = {.size = sizeof name.of};
    if (listener == NULL) {
        return -EBADF;
    }
    enum trace_host host = (enum trace_host)listener->host;
    bool app = listener->app;
    struct rlimit limit = {0};
    bool full = app && net->app_full && getrlimit(RLIMIT_NOFILE, &limit) == 0;
    if (full) {
        /* The kernel itself shall say so. */
        (void)setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max});
    }
    linux_scripted_unblock(listener, true);
    int fd = accept_with_room(listener->fd, app ? 0 : SOCK_NONBLOCK | SOCK_CLOEXEC, room, &name,
                              ret_told);
    int error = errno;
    linux_scripted_unblock(listener, false);
    if (full) {
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (fd < 0) {
        return -error;
    }
    uint32_t conn = is_own(&name, host)
                        ? 0
                        : linux_net_conn(net, host, local_port(fd), ntohs(name.of.v4.sin_port));
    /* It may have ended while it was queued, and its ports be another's by now. */
    conn = linux_conn_of_cookie(net, host, conn, cookie_of(fd));
    int number = linux_scripted_take(net, fd, host, ++net->groups);
    if (number >= 0) {
        net->scripted[number].conn = conn;
        net->scripted[number].app = app;
        net->scripted[number].blocking = app;
        watch(net, number);
    }
    return number;
}

void linux_scripted_unblock(const struct net_scripted *socket, bool begin)
{
    if (socket->blocking) {
        (void)fcntl(socket->fd, F_SETFL, begin ? O_RDWR | O_NONBLOCK : O_RDWR);
    }
}

int linux_scripted_connect(struct linux_net *net, int s, enum trace_host to, uint16_t port)
{
    struct net_scripted *socket = &net->scripted[s];
    enum trace_host host = (enum trace_host)socket->host;
    struct name name = name_for(socket->fd, to, false, port);
    linux_shared_own_port(net, socket->fd);
    linux_scripted_unblock(socket, true);
    int result = connect(socket->fd, &name.of.any, name.size) < 0 ? -errno : 0;
    linux_scripted_unblock(socket, false);
    (void)linux_net_collect(net);
    if (result == -EINPROGRESS) {
        /* What a host sends to itself never comes to the wire, and has no number. */
        uint32_t conn = to == host ? 0 : linux_net_conn(net, host, local_port(socket->fd), port);
        for (uint32_t i = 0; i < net->scripted_used; i++) {
            if (net->scripted[i].fd >= 0 && net->scripted[i].group == socket->group) {
                net->scripted[i].conn = conn;
            }
        }
        watch(net, s);
    }
    return result;
}

int linux_net_connect(struct linux_net *net, int s, uint16_t port)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
    return socket == NULL ? -EBADF
                          : linux_scripted_connect(
                                net, s, packet_wire_other((enum trace_host)socket->host), port);
}

/* ---- Data ---- */

int64_t linux_net_send(struct linux_net *net, int s, const void *data, size_t size, int flags)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
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
    const struct net_scripted *socket = linux_scripted_at(net, s);
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

void linux_scripted_changed(struct linux_net *net, const struct net_scripted *socket)
{
    (void)linux_net_collect(net);
    if (socket->conn != 0) {
        packet_wire_sample_end(&net->wire, socket->conn, (enum trace_host)socket->host);
    } else if (socket->listening) {
        linux_conn_sample_listeners(net, (enum trace_host)socket->host);
    }
}

void linux_scripted_closed(struct linux_net *net, const struct net_scripted *before)
{
    linux_scripted_changed(net, before);
    if (before->conn != 0 && before->app &&
        net->wire.conns[before->conn].state[before->host] == TCP_FIN_WAIT_2) {
        linux_conn_moved(net, (enum trace_host)before->host, before->conn); /* its minute begins */
    }
}

int linux_net_shutdown(struct linux_net *net, int s, int how)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    int result = shutdown(socket->fd, how) < 0 ? -errno : 0;
    linux_scripted_changed(net, socket);
    return result;
}

int linux_net_close(struct linux_net *net, int s)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    const struct net_scripted before = *socket;
    struct linger linger = {0};
    socklen_t size = sizeof linger;
    if (getsockopt(socket->fd, SOL_SOCKET, SO_LINGER, &linger, &size) == 0 && linger.l_onoff != 0 &&
        linger.l_linger > 0 && duplicate_of(net, s) < 0) {
        /* It would wait here for an acknowledgment that only we can deliver, and then go on in the
         * background as without the option. */
        (void)set_linger(socket->fd, false, 0);
    }
    if (number_give(net, s)) {
        linux_scripted_closed(net, &before);
    }
    return 0;
}

int linux_net_abort(struct linux_net *net, int s)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    (void)set_linger(socket->fd, true, 0);
    return linux_net_close(net, s);
}

/* ---- Options ---- */

int linux_net_setsockopt(struct linux_net *net, int s, enum world_option option, int value)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    if (option >= WORLD_OPTION_ERROR) {
        return -ENOPROTOOPT;
    }
    if (option == WORLD_OPTION_LINGER) {
        return set_linger(socket->fd, value >= 0, value >= 0 ? value : 0);
    }
    if (setsockopt(socket->fd, world_option_names[option].level, world_option_names[option].name,
                   &value, sizeof value) < 0) {
        return -errno;
    }
    (void)linux_net_collect(net); /* TCP_NODELAY sends what waited */
    return 0;
}

int linux_net_getsockopt(struct linux_net *net, int s, enum world_option option, int *ret_value)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
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
    if (getsockopt(socket->fd, world_option_names[option].level, world_option_names[option].name,
                   &value, &size) < 0) {
        return -errno;
    }
    bool buffer = option == WORLD_OPTION_RCVBUF || option == WORLD_OPTION_SNDBUF;
    *ret_value = buffer ? value / 2 : value;
    return 0;
}

int linux_net_poll(struct linux_net *net, int s)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
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
    const struct net_scripted *socket = linux_scripted_at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    const struct net_scripted of = *socket;
    int fd = of.app ? dup(of.fd) : fcntl(of.fd, F_DUPFD_CLOEXEC, 0);
    int number = fd < 0
                     ? -errno
                     : linux_scripted_take(net, fd, (enum trace_host)socket->host, socket->group);
    if (number >= 0) {
        net->scripted[number].conn = of.conn;
        net->scripted[number].listening = of.listening;
        net->scripted[number].app = of.app;
        net->scripted[number].blocking = of.blocking;
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
        if (linux_scripted_at(net, number) != NULL && net->scripted[number].watched &&
            net->scripted[number].host == (uint8_t)host) {
            return number;
        }
    }
}

/* ---- Connection and state ---- */

uint32_t linux_net_conn_of(struct linux_net *net, int s)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
    return socket == NULL ? 0 : socket->conn;
}

enum tcp_state linux_net_state(struct linux_net *net, int s)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
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
