/* The network where namespaces are refused: both hosts are the machine itself, over loopback. There
 * is no wire: what the kernel does shows in our own sockets and by sock_diag alone. It delivers at
 * once, in the call that sends, so that nothing is in flight but what waits for an acknowledgment
 * that our ends may delay: they are told not to. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "linux/net_internal.h"

enum { CLEAR_ROUNDS = 1000 }; /* looks at a port for what is to end there, a millisecond apart */

/* ---- Ports ---- */

/* Binds to a port of loopback, that of a TIME-WAIT also; 0: to one that no other socket has. */
static bool bind_to(int fd, bool v6, uint16_t port)
{
    struct sockaddr_in v4_name = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6_name = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           (v6 ? bind(fd, (const struct sockaddr *)&v6_name, sizeof v6_name)
               : bind(fd, (const struct sockaddr *)&v4_name, sizeof v4_name)) == 0;
}

/* A socket at a port of loopback; the file descriptor, or -1. */
static int socket_at(bool v6, uint16_t port)
{
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && bind_to(fd, v6, port);
    if (fd >= 0 && !bound) {
        (void)close(fd);
    }
    return bound ? fd : -1;
}

/* 0: it has none. */
static uint16_t port_of(int fd)
{
    struct sockaddr_in6 name = {.sin6_port = 0}; /* sockaddr_in has the port at the same place */
    socklen_t size = sizeof name;
    return getsockname(fd, (struct sockaddr *)&name, &size) == 0 ? ntohs(name.sin6_port) : 0;
}

/* connect() alone would take a port that connections to elsewhere may share, and that could not be
 * bound again to end a TIME-WAIT. */
void linux_shared_own_port(const struct linux_net *net, int fd)
{
    if (linux_net_is_shared() && port_of(fd) == 0) {
        (void)bind_to(fd, net->v6, 0);
    }
}

uint16_t linux_net_free_port(bool v6)
{
    int fd = socket_at(v6, 0);
    uint16_t port = fd >= 0 ? port_of(fd) : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return port;
}

/* Without privileges a TIME-WAIT is ended by opening the same connection again: where nobody
 * listens it answers the SYN with an acknowledgment, our end refuses that with an RST, and the RST
 * ends it. */
static void end_time_wait(const struct linux_diag_row *row)
{
    struct linger abort = {.l_onoff = 1};
    int fd = socket_at(row->tuple.v6, row->tuple.remote_port);
    struct sockaddr_in v4_name = {.sin_family = AF_INET, .sin_port = htons(row->tuple.local_port)};
    struct sockaddr_in6 v6_name = {.sin6_family = AF_INET6,
                                   .sin6_port = htons(row->tuple.local_port)};
    memcpy(&v4_name.sin_addr, row->tuple.local, sizeof v4_name.sin_addr);
    memcpy(&v6_name.sin6_addr, row->tuple.local, sizeof v6_name.sin6_addr);
    if (fd >= 0) {
        (void)(row->tuple.v6 ? connect(fd, (const struct sockaddr *)&v6_name, sizeof v6_name)
                             : connect(fd, (const struct sockaddr *)&v4_name, sizeof v4_name));
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
        (void)close(fd);
    }
}

static bool is_loopback(const uint8_t address[PACKET_ADDRESS], bool v6)
{
    static const uint8_t loopback_v6[PACKET_ADDRESS] = {[PACKET_ADDRESS - 1] = 1};
    return v6 ? memcmp(address, loopback_v6, sizeof loopback_v6) == 0 : address[0] == NET_LOOPBACK;
}

/* What is left at the port; a TIME-WAIT of loopback is asked to end. Returns how many of those
 * there were; `ret_listens`: whether anything listens. */
static size_t clear_port(struct linux_net *net, bool *ret_listens)
{
    uint32_t states = 1U << TCP_TIME_WAIT | 1U << TCP_LISTEN;
    size_t waiting = 0;
    size_t count =
        linux_diag_dump_port(&net->diag, net->serves, states, net->port, net->rows, NET_DUMP_MAX);
    *ret_listens = false;
    for (size_t i = 0; i < count; i++) {
        const struct linux_diag_row *row = &net->rows[i];
        if (row->state == TCP_LISTEN) {
            *ret_listens = true;
        } else if (is_loopback(row->tuple.local, row->tuple.v6) &&
                   is_loopback(row->tuple.remote, row->tuple.v6)) {
            end_time_wait(row);
            waiting++;
        }
    }
    return waiting;
}

enum status linux_net_serve(struct linux_net *net, enum trace_host serves, uint16_t port,
                            bool afresh, struct status_detail *detail)
{
    bool listens = false;
    net->serves = serves;
    net->port = port;
    if (!linux_net_is_shared() || !afresh) {
        return STATUS_OK;
    }
    /* A busy kernel may take its time over the segments. */
    for (int round = 0; clear_port(net, &listens) > 0 && round < CLEAR_ROUNDS; round++) {
        (void)poll(NULL, 0, 1);
    }
    if (listens && serves == TRACE_HOST_TARGET) {
        return status_fail(
            detail, STATUS_ENVIRONMENT,
            "port %d is another program's: in the machine's own network each port is "
            "there once",
            port);
    }
    return STATUS_OK;
}

/* ---- Listeners ---- */

static bool is_scripted(const struct linux_net *net, uint16_t port)
{
    for (uint32_t s = 0; s < net->scripted_used; s++) {
        if (net->scripted[s].fd >= 0 && net->scripted[s].listening &&
            port_of(net->scripted[s].fd) == port) {
            return true;
        }
    }
    return false;
}

size_t linux_shared_listeners(struct linux_net *net, enum trace_host host, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint16_t port = net->rows[i].tuple.local_port;
        bool scripted = is_scripted(net, port);
        if (host == TRACE_HOST_PEER ? scripted : port == net->port && !scripted) {
            net->rows[kept++] = net->rows[i];
        }
    }
    return kept;
}

/* ---- Connections ---- */

uint32_t linux_shared_conn(struct linux_net *net, enum trace_host host, uint16_t local_port,
                           uint16_t remote_port)
{
    enum trace_host opener = packet_wire_other(net->serves);
    uint16_t service = host == net->serves ? local_port : remote_port;
    /* A server's connections are ours since our connect(); others that it has are not with us. */
    if (service != net->port || (host == TRACE_HOST_TARGET && net->serves == TRACE_HOST_TARGET)) {
        return 0;
    }
    struct packet names = {.v6 = net->v6,
                           .source_port = host == opener ? local_port : remote_port,
                           .destination_port = service};
    linux_link_address(opener, net->v6, names.source);
    linux_link_address(net->serves, net->v6, names.destination);
    return packet_wire_conn_open(&net->wire, opener, &names);
}

/* Our descriptor of a connection; -1: we have closed it, or not accepted it yet. */
static int descriptor_of(const struct linux_net *net, uint32_t number)
{
    for (uint32_t s = 0; s < net->scripted_used; s++) {
        if (net->scripted[s].fd >= 0 && net->scripted[s].conn == number) {
            return net->scripted[s].fd;
        }
    }
    return -1;
}

static bool has_error(int fd)
{
    struct pollfd look = {.fd = fd};
    return poll(&look, 1, 0) > 0 && (look.revents & POLLERR) != 0;
}

static bool in_dialogue(uint8_t state)
{
    return state == TCP_SYN_RECEIVED || state == TCP_ESTABLISHED || state == TCP_FIN_WAIT_1 ||
           state == TCP_FIN_WAIT_2 || state == TCP_CLOSE_WAIT;
}

/* Whose RST ended the connection; TRACE_HOST_COUNT: none did, as far as can be told. An error at
 * our end is the target's RST, and so is what its close() did to an end in the middle of the
 * dialogue, where a FIN would have left something. An end of ours that is CLOSED in the dialogue
 * was aborted. */
static enum trace_host resetter_of(struct linux_net *net, uint32_t number)
{
    const struct packet_wire_conn *conn = &net->wire.conns[number];
    int fd = descriptor_of(net, number);
    if (fd >= 0) {
        return has_error(fd) ? TRACE_HOST_TARGET : TRACE_HOST_COUNT;
    }
    if (!in_dialogue(conn->state[TRACE_HOST_TARGET]) ||
        linux_conn_state(net, TRACE_HOST_TARGET, number) != TCP_CLOSED ||
        linux_conn_state(net, TRACE_HOST_PEER, number) != TCP_CLOSED) {
        return TRACE_HOST_COUNT;
    }
    bool aborted = conn->state[TRACE_HOST_PEER] == TCP_CLOSED;
    return net->target_closes && !aborted ? TRACE_HOST_TARGET : TRACE_HOST_PEER;
}

static void tell_reset(struct linux_net *net, uint32_t number)
{
    enum trace_host host =
        net->ends[number].reset_told ? TRACE_HOST_COUNT : resetter_of(net, number);
    if (host == TRACE_HOST_COUNT) {
        return;
    }
    struct trace_event *event = trace_add(net->wire.trace, TRACE_SEGMENT, host);
    event->conn = number;
    event->what = SCENARIO_SEGMENT_RST;
    event->result = TRACE_FATE_SENT;
    net->ends[number].reset_told = true;
}

void linux_shared_resets(struct linux_net *net, uint32_t number)
{
    if (number != 0) {
        tell_reset(net, number);
        return;
    }
    for (uint32_t at = net->wire.live_first; at != 0; at = net->wire.conns[at].live_next) {
        tell_reset(net, at);
    }
}

void linux_net_target_closes(struct linux_net *net, bool closes)
{
    net->target_closes = closes;
}

/* ---- What came and went ---- */

/* What the kernel counts of a socket; 0: it is none of a connection. */
static uint64_t traffic_of(const struct net_scripted *socket)
{
    struct tcp_info info = {.tcpi_state = 0};
    socklen_t size = sizeof info;
    if (socket->fd < 0 || socket->listening ||
        getsockopt(socket->fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
        return 0;
    }
    return 1 + (uint64_t)info.tcpi_segs_in + info.tcpi_segs_out;
}

/* The kernel has delivered already what a call of ours sent: what that changed is sampled before
 * the target goes on. An acknowledgment that our end puts off is sent now, lest the target's next
 * bytes wait for it. */
bool linux_shared_collect(struct linux_net *net)
{
    bool any = false;
    int on = 1;
    for (uint32_t s = 0; s < net->scripted_used || s < net->counted_used; s++) {
        const struct net_scripted *socket = &net->scripted[s];
        struct net_counted *counted = &net->counted[s];
        struct net_counted now = {0};
        if (s < net->scripted_used) {
            now = (struct net_counted){.conn = socket->conn, .traffic = traffic_of(socket)};
        }
        if (s < net->counted_used && now.conn == counted->conn && now.traffic == counted->traffic) {
            continue;
        }
        uint32_t before = s < net->counted_used ? counted->conn : 0;
        if (now.traffic != 0) {
            (void)setsockopt(socket->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
            now.traffic = traffic_of(socket);
        }
        *counted = now;
        if (now.conn != 0) {
            linux_net_sample(net, now.conn);
        }
        if (before != 0 && before != now.conn) {
            linux_net_sample(net, before);
        }
        any = true;
    }
    net->counted_used = net->scripted_used;
    net->came = net->came || any;
    return any;
}
