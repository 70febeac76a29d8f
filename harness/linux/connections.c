/* Connections: their numbers, their sequence numbers, and the states of both ends as the kernels
 * tell them when asked. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "linux/net_internal.h"

_Static_assert(LINUX_NET_CONNS_MAX < UINT16_MAX, "connections are linked by 16-bit numbers");
_Static_assert((NET_CONN_HEADS & (NET_CONN_HEADS - 1)) == 0, "the table is indexed by a mask");

/* ---- The table of ports; the newest connection of two ports stands first ---- */

static uint16_t *head_of(const struct linux_net *net, const uint16_t ports[TRACE_HOST_COUNT])
{
    uint32_t key = (uint32_t)ports[TRACE_HOST_TARGET] << 16 | ports[TRACE_HOST_PEER];
    uint32_t slot = key * 0x9E3779B1U >> 16 & (NET_CONN_HEADS - 1);
    return (uint16_t *)(uintptr_t)&net->conn_heads[slot];
}

static uint32_t find(const struct linux_net *net, const uint16_t ports[TRACE_HOST_COUNT],
                     uint32_t from)
{
    uint32_t number = from;
    while (number != 0 &&
           memcmp(net->conns[number].ports, ports, sizeof net->conns[number].ports) != 0) {
        number = net->conns[number].chain;
    }
    return number;
}

uint32_t linux_net_conn(const struct linux_net *net, enum trace_host host, uint16_t local_port,
                        uint16_t remote_port)
{
    uint16_t ports[TRACE_HOST_COUNT];
    ports[host] = local_port;
    ports[net_other(host)] = remote_port;
    return find(net, ports, *head_of(net, ports));
}

/* The connection that these ports had before. */
static uint32_t older(const struct linux_net *net, uint32_t number)
{
    const struct net_conn *conn = &net->conns[number];
    return find(net, conn->ports, conn->chain);
}

/* ---- The list of those that may still change ---- */

static void live_add(struct linux_net *net, uint32_t number)
{
    struct net_conn *conn = &net->conns[number];
    assert(!conn->live);
    conn->live = true;
    conn->live_next = 0;
    conn->live_prev = net->live_last;
    if (net->live_last != 0) {
        net->conns[net->live_last].live_next = (uint16_t)number;
    } else {
        net->live_first = (uint16_t)number;
    }
    net->live_last = (uint16_t)number;
}

static void live_remove(struct linux_net *net, uint32_t number)
{
    struct net_conn *conn = &net->conns[number];
    assert(conn->live);
    conn->live = false;
    if (conn->live_prev != 0) {
        net->conns[conn->live_prev].live_next = conn->live_next;
    } else {
        net->live_first = conn->live_next;
    }
    if (conn->live_next != 0) {
        net->conns[conn->live_next].live_prev = conn->live_prev;
    } else {
        net->live_last = conn->live_prev;
    }
}

void linux_conn_forget(struct linux_net *net)
{
    net->conn_count = 0;
    net->live_first = 0;
    net->live_last = 0;
    net->expiry_us = INT64_MAX;
    memset(net->conn_heads, 0, sizeof net->conn_heads);
    memset(net->listener_count, 0, sizeof net->listener_count);
}

/* ---- Numbers ---- */

static uint32_t add(struct linux_net *net, enum trace_host sender,
                    const struct linux_packet *packet)
{
    if (net->conn_count == LINUX_NET_CONNS_MAX) {
        return 0;
    }
    uint32_t number = ++net->conn_count;
    struct net_conn *conn = &net->conns[number];
    enum trace_host receiver = net_other(sender);
    *conn = (struct net_conn){.v6 = packet->v6};
    memcpy(conn->addresses[sender], packet->source, LINUX_PACKET_ADDRESS);
    memcpy(conn->addresses[receiver], packet->destination, LINUX_PACKET_ADDRESS);
    conn->ports[sender] = packet->source_port;
    conn->ports[receiver] = packet->destination_port;
    uint16_t *head = head_of(net, conn->ports);
    conn->chain = *head;
    *head = (uint16_t)number;
    return number;
}

static bool is_opening(uint8_t state)
{
    return state == TCP_SYN_SENT || state == TCP_SYN_RECEIVED;
}

/* Whether a SYN begins a connection, or belongs to the one that its ports have: as the first SYN
 * sent again, or as the other half of a simultaneous open. */
static bool is_new(const struct net_conn *conn, enum trace_host sender,
                   const struct linux_packet *packet)
{
    if (conn->isn_known[sender]) {
        return conn->isn[sender] != packet->seq;
    }
    return !is_opening(conn->state[net_other(sender)]);
}

static void take_numbers(struct net_conn *conn, enum trace_host sender,
                         const struct linux_packet *packet, bool *ret_again)
{
    uint32_t end = packet->seq + linux_packet_space(packet);
    if ((packet->flags & TCP_CTL_RST) != 0) {
        *ret_again = false;
        return;
    }
    bool first = !conn->isn_known[sender];
    if (first && (packet->flags & TCP_CTL_SYN) != 0) {
        conn->isn_known[sender] = true;
        conn->isn[sender] = packet->seq;
        conn->una[sender] = packet->seq;
    }
    *ret_again = !first && end != packet->seq && !tcp_after(end, conn->sent_end[sender]);
    if (first || tcp_after(end, conn->sent_end[sender])) {
        conn->sent_end[sender] = end;
    }
    if ((packet->flags & TCP_CTL_ACK) != 0) {
        conn->expects[sender] = packet->ack;
    }
    conn->window[sender] = packet->window;
}

uint32_t linux_conn_of_segment(struct linux_net *net, enum trace_host sender,
                               const struct linux_packet *packet, bool *ret_again)
{
    uint32_t number = linux_net_conn(net, sender, packet->source_port, packet->destination_port);
    bool syn = (packet->flags & (TCP_CTL_SYN | TCP_CTL_ACK | TCP_CTL_RST)) == TCP_CTL_SYN;
    if (syn && (number == 0 || is_new(&net->conns[number], sender, packet))) {
        number = add(net, sender, packet);
    }
    *ret_again = false;
    if (number != 0) {
        take_numbers(&net->conns[number], sender, packet, ret_again);
    }
    return number;
}

void linux_conn_aim(struct linux_net *net, uint32_t number)
{
    struct net_conn *conn = &net->conns[number];
    static const uint8_t loopback6[LINUX_PACKET_ADDRESS] = {[15] = 1};
    const struct net_listener *local = NULL;
    for (uint32_t i = 0; i < net->listener_count[TRACE_HOST_TARGET]; i++) {
        const struct net_listener *listener = &net->listeners[TRACE_HOST_TARGET][i];
        if (listener->tuple.local_port != conn->ports[TRACE_HOST_TARGET]) {
            continue;
        }
        bool is_local = !listener->tuple.v6 && listener->tuple.local[0] == NET_LOOPBACK;
        bool is_local6 = listener->tuple.v6 && memcmp(listener->tuple.local, loopback6, 16) == 0;
        if (!is_local && !is_local6) {
            return; /* reached as it is */
        }
        local = is_local ? listener : local;
    }
    if (local != NULL && !conn->v6) {
        conn->local_only = true;
        memcpy(conn->loopback, local->tuple.local, sizeof conn->loopback);
    }
}

void linux_conn_delivered(struct linux_net *net, uint32_t number, enum trace_host receiver,
                          const struct linux_packet *packet)
{
    struct net_conn *conn = net_conn_at(net, number);
    if (conn != NULL && (packet->flags & (TCP_CTL_ACK | TCP_CTL_RST)) == TCP_CTL_ACK &&
        tcp_after(packet->ack, conn->una[receiver])) {
        conn->una[receiver] = packet->ack;
    }
}

bool linux_conn_needs(struct linux_net *net, uint32_t number, enum trace_host sender,
                      const struct linux_packet *packet)
{
    const struct net_conn *conn = net_conn_at(net, number);
    if (conn == NULL || conn->state[sender] == TCP_CLOSED) {
        return false;
    }
    if (linux_packet_space(packet) > 0) {
        return tcp_after(packet->seq + linux_packet_space(packet), conn->una[sender]);
    }
    /* What an acknowledgment says is needed until a later one was delivered. */
    return !tcp_before(packet->ack, conn->una[net_other(sender)]);
}

/* ---- States ---- */

void linux_conn_tuple(const struct net_conn *conn, enum trace_host host,
                      struct linux_tuple *ret_tuple)
{
    *ret_tuple = (struct linux_tuple){.v6 = conn->v6,
                                      .local_port = conn->ports[host],
                                      .remote_port = conn->ports[net_other(host)]};
    memcpy(ret_tuple->local, conn->addresses[host], LINUX_PACKET_ADDRESS);
    if (conn->local_only && host == TRACE_HOST_TARGET) {
        memcpy(ret_tuple->local, conn->loopback, sizeof conn->loopback);
    }
    memcpy(ret_tuple->remote, conn->addresses[net_other(host)], LINUX_PACKET_ADDRESS);
}

static void trace_state(struct linux_net *net, enum trace_host host, uint32_t number,
                        enum tcp_state from, enum tcp_state to)
{
    struct trace_event *event = trace_add(net->trace, TRACE_STATE, host);
    event->conn = number;
    event->what = (uint8_t)to;
    event->a = from;
    event->flags = TRACE_SAMPLED;
}

/* Whether time alone may end it. */
static bool waits(uint8_t state)
{
    return state == TCP_TIME_WAIT || state == TCP_FIN_WAIT_2;
}

static void set_state(struct linux_net *net, uint32_t number, enum trace_host host,
                      enum tcp_state state)
{
    struct net_conn *conn = &net->conns[number];
    enum tcp_state from = (enum tcp_state)conn->state[host];
    if (from == state) {
        return;
    }
    /* The end of a connection that a SYN made comes from its listener. */
    bool passive = from == TCP_CLOSED && state == TCP_SYN_RECEIVED;
    trace_state(net, host, number, passive ? TCP_LISTEN : from, state);
    conn->state[host] = (uint8_t)state;
    if (waits((uint8_t)state)) {
        conn->ends_us[host] = net->trace->now_us + NET_WAIT_US;
        net->expiry_us =
            conn->ends_us[host] < net->expiry_us ? conn->ends_us[host] : net->expiry_us;
    }
    bool live = conn->state[0] != TCP_CLOSED || conn->state[1] != TCP_CLOSED;
    if (live && !conn->live) {
        live_add(net, number);
    } else if (!live && conn->live) {
        live_remove(net, number);
    }
}

static enum tcp_state ask(struct linux_net *net, const struct net_conn *conn, enum trace_host host)
{
    struct linux_tuple tuple;
    struct linux_diag_row row;
    linux_conn_tuple(conn, host, &tuple);
    return linux_diag_query(&net->diag, host, &tuple, &row) ? row.state : TCP_CLOSED;
}

void linux_conn_sample_end(struct linux_net *net, uint32_t number, enum trace_host host)
{
    const struct net_conn *conn = &net->conns[number];
    uint32_t newer = linux_net_conn(net, TRACE_HOST_TARGET, conn->ports[TRACE_HOST_TARGET],
                                    conn->ports[TRACE_HOST_PEER]);
    if (newer != number &&
        (conn->state[host] == TCP_CLOSED || net->conns[newer].state[host] != TCP_CLOSED)) {
        return; /* what the kernel has there now is another connection's */
    }
    number = newer;
    conn = &net->conns[number];
    enum tcp_state state = ask(net, conn, host);
    /* Ports that are used anew: until the new connection begins at this end, it is the old one
     * that is seen here. */
    uint32_t old = conn->chain != 0 ? older(net, number) : 0;
    if (old != 0 && net->conns[old].state[host] != TCP_CLOSED) {
        if (conn->state[host] == TCP_CLOSED && !is_opening((uint8_t)state)) {
            set_state(net, old, host, state);
            return;
        }
        set_state(net, old, host, TCP_CLOSED);
    }
    set_state(net, number, host, state);
}

static void expire_end(struct linux_net *net, uint32_t number, enum trace_host host)
{
    struct net_conn *conn = &net->conns[number];
    struct linux_tuple tuple;
    struct linux_diag_row row;
    linux_conn_sample_end(net, number, host);
    linux_conn_tuple(conn, host, &tuple);
    if (!waits(conn->state[host]) || !linux_diag_query(&net->diag, host, &tuple, &row)) {
        return;
    }
    if (row.inode != 0) {
        conn->ends_us[host] = INT64_MAX; /* whoever has a descriptor may stay for ever */
        return;
    }
    linux_net_end_socket(net, host, &row);
    linux_conn_sample_end(net, number, host);
}

void linux_conn_expire(struct linux_net *net)
{
    int64_t now_us = net->trace->now_us;
    int64_t first_us = INT64_MAX;
    for (uint32_t at = net->live_first; at != 0;) {
        const struct net_conn *conn = &net->conns[at];
        uint32_t next = conn->live_next;
        for (enum trace_host host = 0; host < TRACE_HOST_COUNT; host++) {
            if (waits(conn->state[host]) && conn->ends_us[host] <= now_us) {
                expire_end(net, at, host);
            }
            if (waits(conn->state[host]) && conn->ends_us[host] < first_us) {
                first_us = conn->ends_us[host];
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
    size_t count =
        linux_diag_dump(&net->diag, host, 1U << TCP_LISTEN, net->rows, NET_LISTENERS_MAX);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < net->listener_count[host]; i++) {
        size_t j = 0;
        while (j < count && !is_same(&known[i], &net->rows[j])) {
            j++;
        }
        if (j == count) {
            trace_state(net, host, 0, TCP_LISTEN, TCP_CLOSED);
            continue;
        }
        known[kept++] = known[i];
        net->rows[j] = net->rows[--count];
    }
    for (size_t j = 0; j < count && kept < NET_LISTENERS_MAX; j++) {
        trace_state(net, host, 0, TCP_CLOSED, TCP_LISTEN);
        known[kept++] =
            (struct net_listener){.tuple = net->rows[j].tuple, .inode = net->rows[j].inode};
    }
    net->listener_count[host] = kept;
}

/* ---- What net.h offers ---- */

void linux_net_sample(struct linux_net *net, uint32_t number)
{
    if (number != 0) {
        if (net_conn_at(net, number) != NULL) {
            linux_conn_sample_end(net, number, TRACE_HOST_TARGET);
            linux_conn_sample_end(net, number, TRACE_HOST_PEER);
        }
        return;
    }
    for (uint32_t at = net->live_first; at != 0;) {
        uint32_t next = net->conns[at].live_next;
        linux_conn_sample_end(net, at, TRACE_HOST_TARGET);
        linux_conn_sample_end(net, at, TRACE_HOST_PEER);
        at = next;
    }
    linux_conn_sample_listeners(net, TRACE_HOST_TARGET);
}

uint32_t linux_net_connections(struct linux_net *net)
{
    uint32_t count = 0;
    for (uint32_t at = net->live_first; at != 0;) {
        uint32_t next = net->conns[at].live_next;
        linux_conn_sample_end(net, at, TRACE_HOST_TARGET);
        uint8_t state = net->conns[at].state[TRACE_HOST_TARGET];
        count += state != TCP_CLOSED && state != TCP_TIME_WAIT;
        at = next;
    }
    return count;
}

bool linux_net_listening(struct linux_net *net, uint16_t port)
{
    size_t count =
        linux_diag_dump(&net->diag, TRACE_HOST_TARGET, 1U << TCP_LISTEN, net->rows, NET_DUMP_MAX);
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        found = found || net->rows[i].tuple.local_port == port;
    }
    return found;
}

static bool took_fin(enum tcp_state state)
{
    return state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING ||
           state == TCP_TIME_WAIT;
}

int64_t linux_net_unread(struct linux_net *net, uint32_t number)
{
    const struct net_conn *conn = net_conn_at(net, number);
    struct linux_tuple tuple;
    struct linux_diag_row row;
    if (conn == NULL) {
        return -1;
    }
    linux_conn_tuple(conn, TRACE_HOST_TARGET, &tuple);
    if (!linux_diag_query(&net->diag, TRACE_HOST_TARGET, &tuple, &row)) {
        return -1;
    }
    /* The kernel counts the FIN as one more. */
    return row.unread > 0 && took_fin(row.state) ? (int64_t)row.unread - 1 : (int64_t)row.unread;
}

/* When a timer of this end could change something. */
static int64_t end_timer_us(struct linux_net *net, const struct net_conn *conn,
                            enum trace_host host)
{
    struct linux_tuple tuple;
    struct linux_diag_row row;
    linux_conn_tuple(conn, host, &tuple);
    if (conn->state[host] == TCP_CLOSED || conn->state[host] == TCP_TIME_WAIT ||
        !linux_diag_query(&net->diag, host, &tuple, &row) || row.timer == LINUX_DIAG_TIMER_NONE ||
        row.timer == LINUX_DIAG_TIMER_TIME_WAIT) {
        return -1;
    }
    bool resends = row.timer == LINUX_DIAG_TIMER_RETRANSMIT || row.timer == LINUX_DIAG_TIMER_PROBE;
    if (resends && !is_opening((uint8_t)row.state)) {
        /* What was lost comes again from our wire; what is held does so too early. What counts is
         * when the kernel gives up, and whether anyone could tell. */
        return row.inode != 0 ? NET_DEATH_US : -1;
    }
    return row.expires_us;
}

int64_t linux_net_timer_us(struct linux_net *net)
{
    int64_t first = -1;
    for (uint32_t at = net->live_first; at != 0; at = net->conns[at].live_next) {
        for (enum trace_host host = 0; host < TRACE_HOST_COUNT; host++) {
            int64_t us = end_timer_us(net, &net->conns[at], host);
            first = us >= 0 && (first < 0 || us < first) ? us : first;
        }
    }
    return first;
}
