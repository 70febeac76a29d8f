/* What the live kernels know of connections, by sock_diag: states, listeners, timers, unread bytes.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "linux/net_internal.h"

/* The C library's netinet/tcp.h names states as ours are named. */
enum { OPTION_USER_TIMEOUT = 18 };

static const uint8_t loopback_v6[PACKET_ADDRESS] = {[15] = 1};
static const uint8_t any_v6[PACKET_ADDRESS];

/* ---- Loopback ---- */

/* Decides where a SYN arrives that goes to the target. A server may listen on a loopback address
 * alone, as many do unless told otherwise; the wire then leads there. */
static void aim(struct linux_net *net, uint32_t number)
{
    const struct packet_wire_conn *conn = &net->wire.conns[number];
    const struct net_listener *local = NULL;
    for (uint32_t i = 0; i < net->listener_count[TRACE_HOST_TARGET]; i++) {
        const struct net_listener *listener = &net->listeners[TRACE_HOST_TARGET][i];
        if (listener->tuple.local_port != conn->ports[TRACE_HOST_TARGET]) {
            continue;
        }
        bool is_local = !listener->tuple.v6 && listener->tuple.local[0] == NET_LOOPBACK;
        bool is_local6 =
            listener->tuple.v6 && memcmp(listener->tuple.local, loopback_v6, PACKET_ADDRESS) == 0;
        if (!is_local && !is_local6) {
            return; /* reached as it is */
        }
        local = is_local ? listener : local;
    }
    if (local != NULL && !conn->v6) {
        net->ends[number].local_only = true;
        memcpy(net->ends[number].loopback, local->tuple.local, 4);
    }
}

void linux_conn_leaves(void *context, enum trace_host host, struct packet *packet, uint8_t *bytes)
{
    uint8_t address[PACKET_ADDRESS];
    (void)context;
    if (!packet->v6 && packet->source[0] == NET_LOOPBACK) {
        linux_link_address(host, false, address);
        packet_readdress(packet, true, address, bytes);
    }
}

void linux_conn_enters(void *context, enum trace_host host, uint32_t number, uint8_t kind,
                       struct packet *packet, uint8_t *bytes)
{
    struct linux_net *net = context;
    if (host != TRACE_HOST_TARGET) {
        return;
    }
    if (kind == SCENARIO_SEGMENT_SYN && net->wire.conns[number].state[host] == TCP_CLOSED) {
        aim(net, number);
    }
    if (net->ends[number].local_only) {
        packet_readdress(packet, false, net->ends[number].loopback, bytes);
    }
}

/* ---- States ---- */

/* How the host's kernel names its end. */
static void tuple_of(const struct linux_net *net, uint32_t number, enum trace_host host,
                     struct linux_tuple *ret_tuple)
{
    const struct packet_wire_conn *conn = &net->wire.conns[number];
    const struct net_ends *ends = &net->ends[number];
    *ret_tuple = (struct linux_tuple){.v6 = conn->v6,
                                      .local_port = conn->ports[host],
                                      .remote_port = conn->ports[packet_wire_other(host)]};
    memcpy(ret_tuple->local, conn->addresses[host], PACKET_ADDRESS);
    if (ends->local_only && host == TRACE_HOST_TARGET) {
        memcpy(ret_tuple->local, ends->loopback, sizeof ends->loopback);
    }
    memcpy(ret_tuple->remote, conn->addresses[packet_wire_other(host)], PACKET_ADDRESS);
}

/* Whether time alone may end it. */
static bool waits(uint8_t state)
{
    return state == TCP_TIME_WAIT || state == TCP_FIN_WAIT_2;
}

void linux_conn_moved(void *context, enum trace_host host, uint32_t number)
{
    struct linux_net *net = context;
    if (!net->kernel_timers && waits(net->wire.conns[number].state[host])) {
        int64_t ends_us = net->wire.trace->now_us + NET_WAIT_US;
        net->ends[number].ends_us[host] = ends_us;
        net->expiry_us = ends_us < net->expiry_us ? ends_us : net->expiry_us;
    }
}

static bool query(struct linux_net *net, uint32_t number, enum trace_host host,
                  struct linux_diag_row *ret_row)
{
    struct linux_tuple tuple;
    tuple_of(net, number, host, &tuple);
    return linux_diag_query(&net->diag, host, &tuple, ret_row);
}

enum tcp_state linux_conn_state(void *context, enum trace_host host, uint32_t number)
{
    struct linux_net *net = context;
    struct linux_diag_row row;
    if (!query(net, number, host, &row)) {
        return TCP_CLOSED;
    }
    net->ends[number].cookie[host] = (uint64_t)row.cookie[1] << 32 | row.cookie[0];
    return row.state;
}

uint64_t linux_conn_identity(void *context, enum trace_host host, uint32_t number)
{
    const struct linux_net *net = context;
    return net->ends[number].cookie[host];
}

uint32_t linux_conn_of_cookie(const struct linux_net *net, enum trace_host host, uint32_t newest,
                              uint64_t cookie)
{
    uint32_t found = newest;
    /* The oldest: what the ports had before may be seen under a newer number as well, until that
     * has a socket of its own. */
    for (uint32_t at = newest; at != 0; at = packet_wire_conn_older(&net->wire, at)) {
        found = net->ends[at].cookie[host] == cookie ? at : found;
    }
    return found;
}

static void expire_end(struct linux_net *net, uint32_t number, enum trace_host host)
{
    struct linux_diag_row row;
    packet_wire_sample_end(&net->wire, number, host);
    if (!waits(net->wire.conns[number].state[host]) || !query(net, number, host, &row)) {
        return;
    }
    if (row.inode != 0) {
        /* Whoever has a descriptor may stay for ever. */
        net->ends[number].ends_us[host] = INT64_MAX;
        return;
    }
    linux_net_end_socket(net, host, &row);
    packet_wire_sample_end(&net->wire, number, host);
}

void linux_conn_expire(struct linux_net *net)
{
    int64_t now_us = net->wire.trace->now_us;
    int64_t first_us = INT64_MAX;
    for (uint32_t at = net->wire.live_first; at != 0;) {
        const struct packet_wire_conn *conn = &net->wire.conns[at];
        const struct net_ends *ends = &net->ends[at];
        uint32_t next = conn->live_next;
        for (enum trace_host host = 0; host < TRACE_HOST_COUNT; host++) {
            if (waits(conn->state[host]) && ends->ends_us[host] <= now_us) {
                expire_end(net, at, host);
            }
            if (waits(conn->state[host]) && ends->ends_us[host] < first_us) {
                first_us = ends->ends_us[host];
            }
        }
        at = next;
    }
    /* What could not be ended now waits for the kernel's own clock. */
    net->expiry_us = first_us > now_us ? first_us : INT64_MAX;
}

/* ---- Listeners ---- */

static bool is_same(const struct net_listener *listener, const struct linux_diag_row *row)
{
    return listener->inode == row->inode && listener->tuple.v6 == row->tuple.v6 &&
           listener->tuple.local_port == row->tuple.local_port;
}

void linux_conn_sample_listeners(struct linux_net *net, enum trace_host host)
{
    struct net_listener *known = net->listeners[host];
    size_t count = linux_diag_dump(&net->diag, host, 1U << TCP_LISTEN, net->rows, NET_DUMP_MAX);
    count = linux_net_is_shared() ? linux_shared_listeners(net, host, count) : count;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < net->listener_count[host]; i++) {
        size_t j = 0;
        while (j < count && !is_same(&known[i], &net->rows[j])) {
            j++;
        }
        if (j == count) {
            packet_wire_trace_state(&net->wire, host, 0, TCP_LISTEN, TCP_CLOSED);
            continue;
        }
        known[kept++] = known[i];
        net->rows[j] = net->rows[--count];
    }
    for (size_t j = 0; j < count && kept < NET_LISTENERS_MAX; j++) {
        packet_wire_trace_state(&net->wire, host, 0, TCP_CLOSED, TCP_LISTEN);
        known[kept++] =
            (struct net_listener){.tuple = net->rows[j].tuple, .inode = net->rows[j].inode};
    }
    net->listener_count[host] = kept;
}

/* ---- What net.h offers ---- */

uint32_t linux_net_conn(struct linux_net *net, enum trace_host host, uint16_t local_port,
                        uint16_t remote_port)
{
    uint32_t conn = packet_wire_conn(&net->wire, host, local_port, remote_port);
    return conn == 0 && linux_net_is_shared()
               ? linux_shared_conn(net, host, local_port, remote_port)
               : conn;
}

void linux_net_sample(struct linux_net *net, uint32_t number)
{
    if (linux_net_is_shared()) {
        linux_shared_resets(net, number);
    }
    if (number == 0) {
        packet_wire_sample_live(&net->wire);
        linux_conn_sample_listeners(net, TRACE_HOST_TARGET);
    } else if (packet_wire_conn_at(&net->wire, number) != NULL) {
        packet_wire_sample_end(&net->wire, number, TRACE_HOST_TARGET);
        packet_wire_sample_end(&net->wire, number, TRACE_HOST_PEER);
    }
}

uint32_t linux_net_connections(struct linux_net *net)
{
    return packet_wire_connections(&net->wire, TRACE_HOST_TARGET);
}

uint32_t linux_net_dialogues(const struct linux_net *net)
{
    return net->wire.conn_count;
}

bool linux_net_rests(const struct linux_net *net)
{
    for (uint32_t at = net->wire.live_first; at != 0; at = net->wire.conns[at].live_next) {
        uint8_t state = net->wire.conns[at].state[TRACE_HOST_TARGET];
        if (state != TCP_CLOSED && state != TCP_TIME_WAIT) {
            return false;
        }
    }
    return true;
}

bool linux_net_all_over(const struct linux_net *net)
{
    for (uint32_t at = net->wire.live_first; at != 0; at = net->wire.conns[at].live_next) {
        for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
            uint8_t state = net->wire.conns[at].state[host];
            if (state != TCP_CLOSED && state != TCP_TIME_WAIT) {
                return false;
            }
        }
    }
    return true;
}

static size_t dump_listeners(struct linux_net *net)
{
    return linux_diag_dump(&net->diag, TRACE_HOST_TARGET, 1U << TCP_LISTEN, net->rows,
                           NET_DUMP_MAX);
}

static unsigned reach_of(const struct linux_diag_row *listener)
{
    const struct linux_tuple *tuple = &listener->tuple;
    if (!tuple->v6) {
        return LINUX_REACH_V4;
    }
    if (memcmp(tuple->local, loopback_v6, PACKET_ADDRESS) == 0) {
        return linux_net_is_shared() ? LINUX_REACH_V6 : LINUX_REACH_LOCAL;
    }
    bool any = memcmp(tuple->local, any_v6, PACKET_ADDRESS) == 0;
    return any && !listener->v6_only ? LINUX_REACH_V4 | LINUX_REACH_V6 : LINUX_REACH_V6;
}

unsigned linux_net_reach(struct linux_net *net, uint16_t port)
{
    size_t count = dump_listeners(net);
    unsigned reach = 0;
    for (size_t i = 0; i < count; i++) {
        reach |= net->rows[i].tuple.local_port == port ? reach_of(&net->rows[i]) : 0;
    }
    return reach;
}

void linux_net_speak_v6(struct linux_net *net, bool v6)
{
    net->v6 = v6;
}

uint16_t linux_net_listener(struct linux_net *net)
{
    /* In a shared network it could be anybody's. */
    return !linux_net_is_shared() && dump_listeners(net) > 0 ? net->rows[0].tuple.local_port : 0;
}

static bool took_fin(enum tcp_state state)
{
    return state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING ||
           state == TCP_TIME_WAIT;
}

int64_t linux_net_unread(struct linux_net *net, uint32_t number)
{
    struct linux_diag_row row;
    if (packet_wire_conn_at(&net->wire, number) == NULL ||
        !query(net, number, TRACE_HOST_TARGET, &row)) {
        return -1;
    }
    /* The kernel counts the FIN as one more. */
    return row.unread > 0 && took_fin(row.state) ? (int64_t)row.unread - 1 : (int64_t)row.unread;
}

/* In how much time this kernel gives an end up that waits for an acknowledgment, where anyone could
 * tell; -1: nobody could. */
static int64_t gives_up_us(const struct linux_net *net, uint32_t number, enum trace_host host,
                           const struct linux_diag_row *row)
{
    if (row->inode == 0) {
        return net->apps ? NET_ORPHAN_US : -1;
    }
    for (uint32_t s = 0; s < net->scripted_used; s++) {
        const struct net_scripted *socket = &net->scripted[s];
        unsigned limit_ms = 0;
        socklen_t size = sizeof limit_ms;
        if (socket->fd >= 0 && socket->app && socket->conn == number && socket->host == host &&
            getsockopt(socket->fd, IPPROTO_TCP, OPTION_USER_TIMEOUT, &limit_ms, &size) == 0 &&
            limit_ms > 0) {
            return (int64_t)limit_ms * 1000;
        }
    }
    return NET_DEATH_US;
}

/* When a timer of this end could change something. */
static int64_t end_timer_us(struct linux_net *net, uint32_t number, enum trace_host host)
{
    const struct packet_wire_conn *conn = &net->wire.conns[number];
    struct linux_diag_row row;
    if (conn->state[host] == TCP_CLOSED || !query(net, number, host, &row) ||
        row.timer == LINUX_DIAG_TIMER_NONE) {
        return -1;
    }
    if (net->kernel_timers) {
        return row.expires_us;
    }
    if (row.timer == LINUX_DIAG_TIMER_TIME_WAIT) {
        return -1; /* linux_conn_expire ends it */
    }
    bool resends = row.timer == LINUX_DIAG_TIMER_RETRANSMIT || row.timer == LINUX_DIAG_TIMER_PROBE;
    if (resends && row.state != TCP_SYN_SENT && row.state != TCP_SYN_RECEIVED) {
        /* What was lost comes again from our wire; what is held does so too early. What counts is
         * when the kernel gives up, and whether anyone could tell. */
        return gives_up_us(net, number, host, &row);
    }
    return row.expires_us;
}

int64_t linux_net_timer_us(struct linux_net *net)
{
    int64_t first = -1;
    for (uint32_t at = net->wire.live_first; at != 0; at = net->wire.conns[at].live_next) {
        for (enum trace_host host = 0; host < TRACE_HOST_COUNT; host++) {
            int64_t us = end_timer_us(net, at, host);
            first = us >= 0 && (first < 0 || us < first) ? us : first;
        }
    }
    return first;
}
