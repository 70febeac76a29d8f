/* Connections: their numbers, their sequence numbers, and the states of both ends as the hosts
 * tell them when asked. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "packet/wire_internal.h"

_Static_assert(WIRE_CONNS_MAX < UINT16_MAX, "connections are linked by 16-bit numbers");
_Static_assert((WIRE_CONN_HEADS & (WIRE_CONN_HEADS - 1)) == 0, "the table is indexed by a mask");

/* ---- The table of ports; the newest connection of two ports stands first ---- */

static uint16_t *head_of(const struct packet_wire *wire, const uint16_t ports[TRACE_HOST_COUNT])
{
    uint32_t key = (uint32_t)ports[TRACE_HOST_TARGET] << 16 | ports[TRACE_HOST_PEER];
    uint32_t slot = key * 0x9E3779B1U >> 16 & (WIRE_CONN_HEADS - 1);
    return (uint16_t *)(uintptr_t)&wire->conn_heads[slot];
}

static uint32_t find(const struct packet_wire *wire, const uint16_t ports[TRACE_HOST_COUNT],
                     uint32_t from)
{
    uint32_t number = from;
    while (number != 0 &&
           memcmp(wire->conns[number].ports, ports, sizeof wire->conns[number].ports) != 0) {
        number = wire->conns[number].chain;
    }
    return number;
}

uint32_t packet_wire_conn(const struct packet_wire *wire, enum trace_host host, uint16_t local_port,
                          uint16_t remote_port)
{
    uint16_t ports[TRACE_HOST_COUNT];
    ports[host] = local_port;
    ports[packet_wire_other(host)] = remote_port;
    return find(wire, ports, *head_of(wire, ports));
}

uint32_t packet_wire_conn_older(const struct packet_wire *wire, uint32_t number)
{
    const struct packet_wire_conn *conn = &wire->conns[number];
    return find(wire, conn->ports, conn->chain);
}

/* ---- The list of those that may still change ---- */

static void live_add(struct packet_wire *wire, uint32_t number)
{
    struct packet_wire_conn *conn = &wire->conns[number];
    assert(!conn->live);
    conn->live = true;
    conn->live_next = 0;
    conn->live_prev = wire->live_last;
    if (wire->live_last != 0) {
        wire->conns[wire->live_last].live_next = (uint16_t)number;
    } else {
        wire->live_first = (uint16_t)number;
    }
    wire->live_last = (uint16_t)number;
}

static void live_remove(struct packet_wire *wire, uint32_t number)
{
    struct packet_wire_conn *conn = &wire->conns[number];
    assert(conn->live);
    conn->live = false;
    if (conn->live_prev != 0) {
        wire->conns[conn->live_prev].live_next = conn->live_next;
    } else {
        wire->live_first = conn->live_next;
    }
    if (conn->live_next != 0) {
        wire->conns[conn->live_next].live_prev = conn->live_prev;
    } else {
        wire->live_last = conn->live_prev;
    }
}

void packet_wire_conn_forget(struct packet_wire *wire)
{
    wire->conn_count = 0;
    wire->live_first = 0;
    wire->live_last = 0;
    memset(wire->conn_heads, 0, sizeof wire->conn_heads);
}

/* ---- Numbers ---- */

static uint32_t add(struct packet_wire *wire, enum trace_host sender, const struct packet *packet)
{
    if (wire->conn_count == WIRE_CONNS_MAX) {
        return 0;
    }
    uint32_t number = ++wire->conn_count;
    struct packet_wire_conn *conn = &wire->conns[number];
    enum trace_host receiver = packet_wire_other(sender);
    *conn = (struct packet_wire_conn){.v6 = packet->v6};
    memcpy(conn->addresses[sender], packet->source, PACKET_ADDRESS);
    memcpy(conn->addresses[receiver], packet->destination, PACKET_ADDRESS);
    conn->ports[sender] = packet->source_port;
    conn->ports[receiver] = packet->destination_port;
    uint16_t *head = head_of(wire, conn->ports);
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
static bool is_new(const struct packet_wire_conn *conn, enum trace_host sender,
                   const struct packet *packet)
{
    if (conn->isn_known[sender]) {
        return conn->isn[sender] != packet->seq;
    }
    return !is_opening(conn->state[packet_wire_other(sender)]);
}

static void take_numbers(struct packet_wire_conn *conn, enum trace_host sender,
                         const struct packet *packet, bool *ret_again)
{
    uint32_t end = packet->seq + packet_space(packet);
    if ((packet->flags & TCP_CTL_RST) != 0) {
        *ret_again = false;
        return;
    }
    /* Another socket may answer for the one that sent the first SYN. */
    bool first = !conn->isn_known[sender] ||
                 ((packet->flags & TCP_CTL_SYN) != 0 && conn->isn[sender] != packet->seq);
    if (first && (packet->flags & TCP_CTL_SYN) != 0) {
        conn->isn_known[sender] = true;
        conn->isn[sender] = packet->seq;
        conn->una[sender] = packet->seq;
    }
    /* In a simultaneous open the SYN+ACK has the SYN's number, and says something new. */
    bool syn_ack = (packet->flags & TCP_CTL_SYN) != 0 && (packet->flags & TCP_CTL_ACK) != 0;
    bool answers = syn_ack && conn->expects[sender] == 0;
    /* A SYN cookie has the same number each time, and its sender knows of none before. */
    answers |= syn_ack && conn->state[sender] == TCP_CLOSED;
    *ret_again =
        !first && !answers && end != packet->seq && !tcp_after(end, conn->sent_end[sender]);
    if (first || tcp_after(end, conn->sent_end[sender])) {
        conn->sent_end[sender] = end;
    }
    if ((packet->flags & TCP_CTL_ACK) != 0) {
        conn->expects[sender] = packet->ack;
    }
    conn->window[sender] = packet->window;
    if ((packet->flags & TCP_CTL_SYN) != 0) {
        conn->syn_window[sender] = packet->window;
    }
}

/* Whether a segment is of an earlier connection of these ports: its numbers are from before this
 * one's. */
static bool is_before(const struct packet_wire_conn *conn, enum trace_host sender,
                      const struct packet *packet)
{
    enum trace_host receiver = packet_wire_other(sender);
    if ((packet->flags & TCP_CTL_ACK) != 0) {
        return conn->isn_known[receiver] && !tcp_after(packet->ack, conn->isn[receiver]);
    }
    return false;
}

/* Whether a segment is an RST that refuses the one that arrives now, which is of an earlier
 * connection of these ports: its sender has no end of the newest one that could say it. */
static bool is_refusal(const struct packet_wire *wire, uint32_t newest, enum trace_host sender,
                       const struct packet *packet)
{
    return wire->arriving != 0 && wire->arriving != newest && (packet->flags & TCP_CTL_RST) != 0 &&
           wire->conns[newest].state[sender] == TCP_CLOSED &&
           memcmp(wire->conns[wire->arriving].ports, wire->conns[newest].ports,
                  sizeof wire->conns[newest].ports) == 0;
}

uint32_t packet_wire_conn_of_segment(struct packet_wire *wire, enum trace_host sender,
                                     const struct packet *packet, bool *ret_again)
{
    uint32_t number = packet_wire_conn(wire, sender, packet->source_port, packet->destination_port);
    bool syn = (packet->flags & (TCP_CTL_SYN | TCP_CTL_ACK | TCP_CTL_RST)) == TCP_CTL_SYN;
    if (syn && (number == 0 || is_new(&wire->conns[number], sender, packet))) {
        number = add(wire, sender, packet);
    }
    *ret_again = false;
    if (number != 0 && is_refusal(wire, number, sender, packet)) {
        return wire->arriving;
    }
    while (number != 0 && !syn && is_before(&wire->conns[number], sender, packet) &&
           packet_wire_conn_older(wire, number) != 0) {
        number = packet_wire_conn_older(wire, number);
    }
    if (number != 0) {
        take_numbers(&wire->conns[number], sender, packet, ret_again);
    }
    return number;
}

void packet_wire_conn_delivered(struct packet_wire *wire, uint32_t number, enum trace_host receiver,
                                const struct packet *packet)
{
    struct packet_wire_conn *conn = packet_wire_conn_at(wire, number);
    if (conn != NULL && (packet->flags & TCP_CTL_FIN) != 0) {
        conn->fin_given[receiver] = true;
    }
    if (conn == NULL || (packet->flags & (TCP_CTL_ACK | TCP_CTL_RST)) != TCP_CTL_ACK) {
        return;
    }
    if (tcp_after(packet->ack, conn->una[receiver])) {
        conn->una[receiver] = packet->ack;
    }
    if (conn->state[receiver] == TCP_CLOSED) {
        conn->proved[receiver] = packet->ack;
    }
}

bool packet_wire_conn_needs(struct packet_wire *wire, uint32_t number, enum trace_host sender,
                            const struct packet *packet)
{
    const struct packet_wire_conn *conn = packet_wire_conn_at(wire, number);
    if (conn == NULL || conn->state[sender] == TCP_CLOSED) {
        return false;
    }
    if (packet_space(packet) > 0) {
        return tcp_after(packet->seq + packet_space(packet), conn->una[sender]);
    }
    /* What an acknowledgment says is needed until a later one was delivered. */
    return !tcp_before(packet->ack, conn->una[packet_wire_other(sender)]);
}

/* ---- States ---- */

void packet_wire_trace_state(struct packet_wire *wire, enum trace_host host, uint32_t conn,
                             enum tcp_state from, enum tcp_state to)
{
    struct trace_event *event = trace_add(wire->trace, TRACE_STATE, host);
    event->conn = conn;
    event->what = (uint8_t)to;
    event->a = from;
    event->flags = TRACE_SAMPLED;
}

static void set_state(struct packet_wire *wire, uint32_t number, enum trace_host host,
                      enum tcp_state state)
{
    struct packet_wire_conn *conn = &wire->conns[number];
    enum tcp_state from = (enum tcp_state)conn->state[host];
    if (from == state) {
        return;
    }
    /* The end of a connection that did not send the SYN comes from its listener; where that
     * answered by a SYN cookie, as late as the handshake ends. */
    bool passive = from == TCP_CLOSED && state != TCP_SYN_SENT;
    packet_wire_trace_state(wire, host, number, passive ? TCP_LISTEN : from, state);
    conn->state[host] = (uint8_t)state;
    if (passive && state != TCP_SYN_RECEIVED && conn->isn_known[host]) {
        /* A SYN cookie was proved, which may be by what comes later than the handshake: it begins
         * where that says. */
        conn->isn[host] = conn->proved[host] - 1;
    }
    if (wire->hosts.moved != NULL) {
        wire->hosts.moved(wire->hosts.context, host, number);
    }
    bool live = conn->state[0] != TCP_CLOSED || conn->state[1] != TCP_CLOSED;
    if (live && !conn->live) {
        live_add(wire, number);
    } else if (!live && conn->live) {
        live_remove(wire, number);
    }
}

/* Another socket may take the place of the one that was there, without a look between: a SYN ends
 * the handshake whose listener is gone, and begins one with the listener that is there now. */
static void take_place(struct packet_wire *wire, uint32_t number, enum trace_host host)
{
    struct packet_wire_conn *conn = &wire->conns[number];
    uint64_t identity =
        wire->hosts.identity != NULL ? wire->hosts.identity(wire->hosts.context, host, number) : 0;
    if (conn->identity[host] != 0 && identity != 0 && identity != conn->identity[host]) {
        set_state(wire, number, host, TCP_CLOSED);
    }
    conn->identity[host] = identity;
}

uint32_t packet_wire_conn_open(struct packet_wire *wire, enum trace_host opener,
                               const struct packet *names)
{
    uint32_t number = add(wire, opener, names);
    if (number != 0) {
        set_state(wire, number, opener, TCP_SYN_SENT);
    }
    return number;
}

void packet_wire_sample_end(struct packet_wire *wire, uint32_t number, enum trace_host host)
{
    const struct packet_wire_conn *conn = &wire->conns[number];
    uint32_t newer = packet_wire_conn(wire, TRACE_HOST_TARGET, conn->ports[TRACE_HOST_TARGET],
                                      conn->ports[TRACE_HOST_PEER]);
    if (newer != number &&
        (conn->state[host] == TCP_CLOSED || wire->conns[newer].state[host] != TCP_CLOSED)) {
        return; /* what the kernel has there now is another connection's */
    }
    number = newer;
    conn = &wire->conns[number];
    enum tcp_state state = wire->hosts.state(wire->hosts.context, host, number);
    /* A timer that has just run out shows in the state; what it sent comes before that. */
    if (state != conn->state[host] && packet_wire_catch_up(wire, host)) {
        packet_wire_sample_end(wire, number, host);
        return;
    }
    /* Ports that are used anew: until the new connection begins at this end, it is the old one
     * that is seen here. */
    uint32_t old = conn->chain != 0 ? packet_wire_conn_older(wire, number) : 0;
    if (old != 0 && wire->conns[old].state[host] != TCP_CLOSED) {
        if (conn->state[host] == TCP_CLOSED && !is_opening((uint8_t)state)) {
            set_state(wire, old, host, state);
            return;
        }
        set_state(wire, old, host, TCP_CLOSED);
    }
    if (state != TCP_CLOSED) {
        take_place(wire, number, host);
    }
    set_state(wire, number, host, state);
}

void packet_wire_sample_live(struct packet_wire *wire)
{
    for (uint32_t at = wire->live_first; at != 0;) {
        uint32_t next = wire->conns[at].live_next;
        packet_wire_sample_end(wire, at, TRACE_HOST_TARGET);
        packet_wire_sample_end(wire, at, TRACE_HOST_PEER);
        at = next;
    }
}

uint32_t packet_wire_connections(struct packet_wire *wire, enum trace_host host)
{
    uint32_t count = 0;
    for (uint32_t at = wire->live_first; at != 0;) {
        uint32_t next = wire->conns[at].live_next;
        packet_wire_sample_end(wire, at, host);
        uint8_t state = wire->conns[at].state[host];
        count += state != TCP_CLOSED && state != TCP_TIME_WAIT;
        at = next;
    }
    return count;
}
