/* A wire between two hosts, held packet by packet: what either host puts out waits in a lane per
 * direction until it is delivered, dropped, duplicated or lost. It numbers connections, knows their
 * sequence numbers, and traces every segment and every change of a state. What the hosts are,
 * struct packet_wire_hosts says: kernels behind TUN devices, or stacks behind adapters.
 *
 * One thread. All of it works at the time of the trace (trace.now_us); nothing here waits. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_PACKET_WIRE_H
#define SOCKSPEC_PACKET_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/packet.h"
#include "tcp/state.h"
#include "trace/trace.h"
#include "world/world.h"

enum {
    WIRE_MTU = 1500,            /* bytes of a packet, at most */
    WIRE_SEGMENTS_MAX = 16384,  /* on the wire, and lost ones that come again */
    WIRE_CONNS_MAX = 4096,      /* connections of one play */
    WIRE_CONN_HEADS = 1024,     /* of the table of ports; a power of two */
    WIRE_RTO_US = 200000,       /* after which a wire that resends sends again what was lost */
    WIRE_RTO_MAX_US = 120000000 /* the most that doubling makes of it */
};

/* What stands at both ends. `conn` is a connection's number. */
struct packet_wire_hosts {
    void *context;
    /* The next packet that the host put out; its size, <= 0 when there is none. */
    int64_t (*take)(void *context, enum trace_host host, uint8_t *bytes, size_t size);
    /* The packet arrives at the host. */
    void (*give)(void *context, enum trace_host host, const uint8_t *bytes, size_t size);
    /* The state of the host's end now, CLOSED where it has none. */
    enum tcp_state (*state)(void *context, enum trace_host host, uint32_t conn);
    /* Names the socket that `state` found there last, the same for its whole life; 0: none. NULL:
     * the host's sockets have no names, so that one in place of another is seen by its state alone.
     */
    uint64_t (*identity)(void *context, enum trace_host host, uint32_t conn);
    /* A packet leaves the host, or is about to enter it: its addresses may be changed. `kind` is an
     * enum scenario_segment. NULL: they stay. */
    void (*leaves)(void *context, enum trace_host host, struct packet *packet, uint8_t *bytes);
    void (*enters)(void *context, enum trace_host host, uint32_t conn, uint8_t kind,
                   struct packet *packet, uint8_t *bytes);
    /* The end has a new state, which was traced. May be NULL. */
    void (*moved)(void *context, enum trace_host host, uint32_t conn);
    /* The hosts do not send again themselves: the wire does, 200 ms after a segment was lost or
     * refused, then after twice the time. */
    bool resends;
};

static inline enum trace_host packet_wire_other(enum trace_host host)
{
    return (enum trace_host)(TRACE_HOST_COUNT - 1 - host);
}

/* What is known of one connection. Arrays are by host. */
struct packet_wire_conn {
    bool v6;
    uint8_t addresses[TRACE_HOST_COUNT][PACKET_ADDRESS];
    uint16_t ports[TRACE_HOST_COUNT];
    uint8_t state[TRACE_HOST_COUNT];     /* enum tcp_state, as traced last */
    uint64_t identity[TRACE_HOST_COUNT]; /* of the socket that had this state; 0: unknown */
    bool isn_known[TRACE_HOST_COUNT];    /* its SYN was seen */
    bool fin_given[TRACE_HOST_COUNT];    /* a FIN was delivered to it */
    uint32_t isn[TRACE_HOST_COUNT];      /* its initial sequence number */
    uint32_t sent_end[TRACE_HOST_COUNT]; /* sequence number after the last that it sent */
    uint32_t expects[TRACE_HOST_COUNT];  /* its RCV.NXT, by what it acknowledged last */
    uint32_t una[TRACE_HOST_COUNT];      /* its SND.UNA, by what was delivered to it */
    uint32_t proved[TRACE_HOST_COUNT];   /* what was acknowledged to it last while it was CLOSED */
    uint16_t window[TRACE_HOST_COUNT];   /* what it offered last, as in the header */
    uint16_t syn_window[TRACE_HOST_COUNT]; /* as the newest SYN told it, which is not scaled */
    uint16_t chain;                        /* next in the table of ports, older; 0 none */
    uint16_t live_next;                    /* list of those that may still change */
    uint16_t live_prev;
    bool live;
};

struct packet_wire_segment {
    struct packet_wire_segment *next;
    struct packet_wire_segment *prev;
    struct packet packet;
    uint64_t order;     /* of sending, over both lanes */
    int64_t due_us;     /* lost: when it comes again */
    uint32_t trace_seq; /* from the initial sequence number */
    int64_t rto_us;     /* lost: how long that took */
    uint32_t conn;
    uint8_t kind; /* enum scenario_segment */
    uint8_t sender;
    bool held; /* was traced as held */
    uint16_t size;
    uint8_t bytes[WIRE_MTU];
};

struct packet_wire_list {
    struct packet_wire_segment *first;
    struct packet_wire_segment *last;
    uint32_t count;
};

/* Everything that travels towards one host. */
struct packet_wire_lane {
    struct packet_wire_list list;
    bool held;
    bool cut;
};

/* An end that has just been given a segment and is to be sampled. */
struct packet_wire_pending {
    uint32_t conn; /* 0: none */
    uint8_t host;
};

struct packet_wire {
    struct packet_wire_hosts hosts;
    struct trace *trace;
    struct packet_wire_lane lanes[WORLD_DIRECTION_COUNT];
    struct packet_wire_list lost; /* what comes again */
    uint32_t lose[SCENARIO_SEGMENT_COUNT];
    struct packet_wire_pending pending;
    bool collecting;   /* a segment is being taken: the next ones wait */
    uint32_t arriving; /* connection of the segment that a host is given now; 0: none */
    uint64_t order;
    struct packet_wire_segment *free;
    uint32_t used; /* segments made, free ones included */

    struct packet_wire_conn *conns; /* [0] is unused */
    uint32_t conn_count;
    uint16_t conn_heads[WIRE_CONN_HEADS];
    uint16_t live_first;
    uint16_t live_last;
};

static inline struct packet_wire_conn *packet_wire_conn_at(struct packet_wire *wire,
                                                           uint32_t number)
{
    return number != 0 && number <= wire->conn_count ? &wire->conns[number] : NULL;
}

/* ---- Life ---- */

/* A zeroed struct becomes an empty wire. Errors: STATUS_NO_MEMORY. */
enum status packet_wire_init(struct packet_wire *wire, const struct packet_wire_hosts *hosts,
                             struct status_detail *detail) STATUS_MUST_USE;
void packet_wire_done(struct packet_wire *wire);
/* Forgets segments and connections; events go to `trace` from here on. */
void packet_wire_reset(struct packet_wire *wire, struct trace *trace);

/* ---- Moving packets ---- */

/* Takes all that the hosts put out so far: numbered, traced, queued. One event per segment, as the
 * model has it: DROPPED, else RETRANSMITTED, else HELD, else SENT; a pure acknowledgment only where
 * it is not simply SENT; DELIVERED follows where it was held. The state of the sender is sampled
 * before its SYN, FIN or RST. Lost segments whose time has come are put in again. A packet that is
 * no TCP is dropped silently. True when something came. */
bool packet_wire_collect(struct packet_wire *wire);
/* Delivers what is in flight and not held now (not what that causes: it is collected), the state of
 * the receiver sampled after each segment that could change it. True when something was delivered.
 */
bool packet_wire_deliver_all(struct packet_wire *wire);
/* Whether something is in flight that is not held. */
bool packet_wire_in_flight(const struct packet_wire *wire);
/* Time of the trace until the wire sends something again; -1: it does not. */
int64_t packet_wire_due_us(struct packet_wire *wire);

/* ---- What a scenario does (the operations of struct world_ops) ---- */

void packet_wire_hold(struct packet_wire *wire, enum world_direction direction, bool hold);
uint32_t packet_wire_count(const struct packet_wire *wire, enum world_direction direction);
int packet_wire_deliver(struct packet_wire *wire, enum world_direction direction, uint32_t index);
int packet_wire_drop(struct packet_wire *wire, enum world_direction direction, uint32_t index);
int packet_wire_duplicate(struct packet_wire *wire, enum world_direction direction, uint32_t index);
void packet_wire_lose(struct packet_wire *wire, enum scenario_segment kind, uint32_t count);
void packet_wire_cut(struct packet_wire *wire, enum world_direction direction, bool cut);
/* Into the connection `number`; -ENOTCONN where it is 0 or that end is CLOSED. */
int packet_wire_inject(struct packet_wire *wire, uint32_t number, enum scenario_segment kind,
                       enum world_direction direction);
/* An ICMP message comes to `host`: what it sent last in that connection found its destination
 * unreachable, with this code. 0; -ENOTCONN unless its end is synchronized and not in TIME-WAIT, or
 * where the connection speaks IPv6. */
int packet_wire_unreachable(struct packet_wire *wire, uint32_t number, enum trace_host host,
                            uint8_t code);
/* Puts an RST in front of one end of a connection, untraced. */
void packet_wire_reset_end(struct packet_wire *wire, uint32_t number, enum trace_host host);

/* ---- Connections (connections.c) ---- */

/* The connection between these two ports as `host` sees them; 0: none known. */
uint32_t packet_wire_conn(const struct packet_wire *wire, enum trace_host host, uint16_t local_port,
                          uint16_t remote_port);
/* A connection whose segments do not come by here: `opener` began it, and `names` has its addresses
 * and ports as in a packet of the opener's. Traced as SYN-SENT. Its number; 0: too many. */
uint32_t packet_wire_conn_open(struct packet_wire *wire, enum trace_host opener,
                               const struct packet *names);
/* The one that its ports had before; 0: none. */
uint32_t packet_wire_conn_older(const struct packet_wire *wire, uint32_t number);
/* Asks for the state of one end and traces it when it changed: STATE with TRACE_SAMPLED. */
void packet_wire_sample_end(struct packet_wire *wire, uint32_t number, enum trace_host host);
/* Traces a change of state. `conn` 0: of a listener. */
void packet_wire_trace_state(struct packet_wire *wire, enum trace_host host, uint32_t conn,
                             enum tcp_state from, enum tcp_state to);
/* Both ends of all connections that may still change. */
void packet_wire_sample_live(struct packet_wire *wire);
/* Connections of a host that are not CLOSED or TIME-WAIT. */
uint32_t packet_wire_connections(struct packet_wire *wire, enum trace_host host);

#endif
