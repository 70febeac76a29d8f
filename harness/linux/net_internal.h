/* Inside the network of the live world. Not for use outside the files of net.cmake. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_LINUX_NET_INTERNAL_H
#define SOCKSPEC_LINUX_NET_INTERNAL_H

#include <libmnl/libmnl.h>

#include "linux/net.h"
#include "linux/packet.h"

enum {
    NET_MTU = 1500,
    NET_LOOPBACK = 127,         /* first byte of IPv4's loopback addresses */
    NET_QUEUE = 16384,          /* packets that a device keeps until they are read */
    NET_SEGMENTS_MAX = 16384,   /* on the wire, and lost ones that come again */
    NET_LISTENERS_MAX = 64,     /* of one host that are told apart */
    NET_CONN_HEADS = 1024,      /* of the table of ports; a power of two */
    NET_DUMP_MAX = 1024,        /* rows of one look at all sockets of a host */
    NET_RESET_ROUNDS = 16,      /* looks at what is left, at reset */
    NET_RTO_MIN_MS = 16000,     /* of the kernels: they send nothing again during a play */
    NET_RTO_US = 200000,        /* after which the wire sends again what was lost */
    NET_WAIT_US = 60000000,     /* TIME-WAIT, and FIN-WAIT-2 of an orphan (tcp_fin_timeout) */
    NET_RTO_MAX_US = 120000000, /* the most that doubling makes of it */
    NET_DEATH_US = 900000000    /* tcp_retries2 with tcp_rto_min_us as it is by default */
};

static inline enum trace_host net_other(enum trace_host host)
{
    return (enum trace_host)(TRACE_HOST_COUNT - 1 - host);
}

/* ---- link.c: the device of one host, from inside its namespace ---- */

/* Brings up loopback and the TUN device with its addresses and routes, sets the sysctls, and
 * returns the device's descriptor. */
enum status linux_link_up(enum trace_host host, int *ret_tun,
                          struct status_detail *detail) STATUS_MUST_USE;
/* The address in network order; IPv4 takes the first four bytes. */
void linux_link_address(enum trace_host host, bool v6, uint8_t ret_bytes[LINUX_PACKET_ADDRESS]);
/* Writes a sysctl of the namespace that the thread is in; false when that is refused. */
bool linux_link_sysctl(const char *path, const char *value);

/* ---- namespace.c ---- */

struct linux_namespaces {
    int fds[TRACE_HOST_COUNT];
    int home; /* where the thread is between calls; one of fds where it cannot go back */
};

/* Makes both and leaves the thread at home. */
enum status linux_namespaces_new(struct linux_namespaces *spaces,
                                 struct status_detail *detail) STATUS_MUST_USE;
void linux_namespaces_done(struct linux_namespaces *spaces);
/* The thread goes into a host's namespace, and back. Neither can fail once the namespaces are
 * made. */
void linux_namespace_enter(const struct linux_namespaces *spaces, enum trace_host host);
void linux_namespace_leave(const struct linux_namespaces *spaces);

/* ---- diag.c: sock_diag ---- */

/* One end of a connection as its kernel names it. Addresses in network order. */
struct linux_tuple {
    bool v6;
    uint8_t local[LINUX_PACKET_ADDRESS];
    uint8_t remote[LINUX_PACKET_ADDRESS];
    uint16_t local_port;
    uint16_t remote_port;
};

/* What a kernel says of one socket. */
struct linux_diag_row {
    enum tcp_state state;
    struct linux_tuple tuple;
    uint32_t cookie[2];
    uint32_t inode; /* 0: no descriptor */
    uint32_t unread;
    uint8_t timer;      /* enum linux_diag_timer */
    int64_t expires_us; /* of the timer, from now on */
};

enum linux_diag_timer {
    LINUX_DIAG_TIMER_NONE,
    LINUX_DIAG_TIMER_RETRANSMIT,
    LINUX_DIAG_TIMER_SOCKET, /* keepalive; FIN-WAIT-2 of an orphan; SYN+ACK */
    LINUX_DIAG_TIMER_TIME_WAIT,
    LINUX_DIAG_TIMER_PROBE
};

struct linux_diag {
    struct mnl_socket *sockets[TRACE_HOST_COUNT];
    uint32_t sequence;
};

/* Opens the netlink socket of a host, from inside its namespace. */
enum status linux_diag_open(struct linux_diag *diag, enum trace_host host,
                            struct status_detail *detail) STATUS_MUST_USE;
void linux_diag_done(struct linux_diag *diag);
/* The socket of this 4-tuple; false when there is none (it is CLOSED). A listener is never given
 * for a connection. */
bool linux_diag_query(struct linux_diag *diag, enum trace_host host,
                      const struct linux_tuple *tuple, struct linux_diag_row *ret_row);
/* All sockets of a host, both families, in the states of the mask (bits 1 << enum tcp_state); at
 * most `max` are written, returns how many. */
size_t linux_diag_dump(struct linux_diag *diag, enum trace_host host, uint32_t states,
                       struct linux_diag_row *rows, size_t max);
/* Ends a socket as an abort does. 0, or -errno (-EOPNOTSUPP: this kernel cannot). */
int linux_diag_destroy(struct linux_diag *diag, enum trace_host host,
                       const struct linux_diag_row *row);

/* ---- connections.c ---- */

/* What is known of one connection. Arrays are by host. */
struct net_conn {
    bool v6;
    uint8_t addresses[TRACE_HOST_COUNT][LINUX_PACKET_ADDRESS];
    uint16_t ports[TRACE_HOST_COUNT];
    uint8_t state[TRACE_HOST_COUNT];     /* enum tcp_state, as traced last */
    bool isn_known[TRACE_HOST_COUNT];    /* its SYN was seen */
    uint32_t isn[TRACE_HOST_COUNT];      /* its initial sequence number */
    uint32_t sent_end[TRACE_HOST_COUNT]; /* sequence number after the last that it sent */
    uint32_t expects[TRACE_HOST_COUNT];  /* its RCV.NXT, by what it acknowledged last */
    uint32_t una[TRACE_HOST_COUNT];      /* its SND.UNA, by what was delivered to it */
    int64_t ends_us[TRACE_HOST_COUNT];   /* TIME-WAIT, FIN-WAIT-2: trace time when it ends */
    uint16_t window[TRACE_HOST_COUNT];   /* what it offered last, as in the header */
    bool local_only;                     /* the target's end is on a loopback address: */
    uint8_t loopback[4];                 /* this one */
    uint16_t chain;                      /* next in the table of ports, older; 0 none */
    uint16_t live_next;                  /* list of those that may still change */
    uint16_t live_prev;
    bool live;
};

/* Which connection a segment that `sender` put out belongs to; numbers it when it is a new SYN. 0:
 * none. Takes its sequence numbers in; `*ret_again` tells whether all of it was sent before. */
uint32_t linux_conn_of_segment(struct linux_net *net, enum trace_host sender,
                               const struct linux_packet *packet, bool *ret_again);
/* Decides where a SYN arrives that goes to the target. A server may listen on a loopback address
 * alone, as many do unless told otherwise; the wire then leads there. */
void linux_conn_aim(struct linux_net *net, uint32_t number);
/* Takes in that the segment reached `receiver`. */
void linux_conn_delivered(struct linux_net *net, uint32_t number, enum trace_host receiver,
                          const struct linux_packet *packet);
/* Whether a segment that was lost still matters to the one that it was for. */
bool linux_conn_needs(struct linux_net *net, uint32_t number, enum trace_host sender,
                      const struct linux_packet *packet);
/* Asks for the state of one end and traces it when it changed. */
void linux_conn_sample_end(struct linux_net *net, uint32_t number, enum trace_host host);
/* Ends what has waited long enough in TIME-WAIT, or in FIN-WAIT-2 without a descriptor. */
void linux_conn_expire(struct linux_net *net);
void linux_conn_sample_listeners(struct linux_net *net, enum trace_host host);
void linux_conn_forget(struct linux_net *net);
void linux_conn_tuple(const struct net_conn *conn, enum trace_host host,
                      struct linux_tuple *ret_tuple);

/* ---- wire.c ---- */

struct net_segment {
    struct net_segment *next;
    struct net_segment *prev;
    struct linux_packet packet;
    uint64_t order; /* of sending, over both lanes */
    int64_t due_us; /* lost: when it comes again */
    int64_t rto_us; /* lost: how long that took */
    uint32_t conn;
    uint8_t kind; /* enum scenario_segment */
    uint8_t sender;
    bool held; /* was traced as held */
    uint16_t size;
    uint8_t bytes[NET_MTU];
};

struct net_list {
    struct net_segment *first;
    struct net_segment *last;
    uint32_t count;
};

/* Everything that travels towards one host. */
struct net_lane {
    struct net_list list;
    bool held;
    bool cut;
};

/* An end that has just been given a segment and is to be sampled. */
struct net_pending {
    uint32_t conn; /* 0: none */
    uint8_t host;
};

struct net_wire {
    struct net_lane lanes[WORLD_DIRECTION_COUNT];
    struct net_list lost; /* what comes again */
    uint32_t lose[SCENARIO_SEGMENT_COUNT];
    struct net_pending pending;
    uint64_t order;
    struct net_segment *free;
    uint32_t used; /* segments made, free ones included */
};

/* Reads one host's device until it is empty. */
bool linux_wire_collect(struct linux_net *net, enum trace_host host);
void linux_wire_reset(struct linux_net *net);
void linux_wire_done(struct linux_net *net);
/* Reads both devices and forgets what comes. */
void linux_wire_drain(struct linux_net *net);
/* Puts an RST in front of one end of a connection, untraced: the way to end TIME-WAIT where
 * sock_diag cannot. */
void linux_wire_reset_end(struct linux_net *net, uint32_t number, enum trace_host host);

/* ---- scripted.c ---- */

struct net_scripted {
    int fd; /* -1: free */
    uint8_t host;
    bool listening;
    bool watched;   /* it stands for its description in the host's epoll */
    bool queued;    /* in the queue of ready ones */
    uint32_t group; /* of its description: duplicates share it */
    uint32_t conn;
};

struct net_ready {
    uint16_t numbers[LINUX_NET_SOCKETS_MAX]; /* a ring */
    uint32_t first;
    uint32_t count;
};

enum status linux_scripted_init(struct linux_net *net,
                                struct status_detail *detail) STATUS_MUST_USE;
void linux_scripted_close_all(struct linux_net *net);
void linux_scripted_done(struct linux_net *net);

/* ---- net.c ---- */

/* Ends a socket, whatever its state. */
void linux_net_end_socket(struct linux_net *net, enum trace_host host,
                          const struct linux_diag_row *row);

struct net_listener {
    struct linux_tuple tuple;
    uint32_t inode;
};

struct linux_net {
    struct linux_namespaces spaces;
    int tuns[TRACE_HOST_COUNT];
    struct linux_diag diag;
    struct trace *trace;
    struct net_wire wire;

    struct net_conn *conns; /* [0] is unused */
    uint32_t conn_count;
    uint16_t conn_heads[NET_CONN_HEADS];
    uint16_t live_first;
    uint16_t live_last;
    int64_t expiry_us; /* no end of a connection ends before this; INT64_MAX: none waits */
    struct net_listener listeners[TRACE_HOST_COUNT][NET_LISTENERS_MAX];
    uint32_t listener_count[TRACE_HOST_COUNT];

    int epolls[TRACE_HOST_COUNT];
    struct net_ready ready[TRACE_HOST_COUNT];
    struct net_scripted scripted[LINUX_NET_SOCKETS_MAX];
    uint32_t scripted_used; /* numbers from here on are free */
    uint32_t groups;        /* descriptions so far */
    struct linux_diag_row rows[NET_DUMP_MAX];
};

static inline struct net_conn *net_conn_at(struct linux_net *net, uint32_t number)
{
    return number != 0 && number <= net->conn_count ? &net->conns[number] : NULL;
}

#endif
