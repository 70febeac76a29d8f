/* Inside the network of the live world. Not for use outside the files of net.cmake. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_LINUX_NET_INTERNAL_H
#define SOCKSPEC_LINUX_NET_INTERNAL_H

#include <libmnl/libmnl.h>
#include <signal.h>

#include "linux/net.h"
#include "packet/wire.h"

enum {
    NET_LOOPBACK = 127,        /* first byte of IPv4's loopback addresses */
    NET_QUEUE = 16384,         /* packets that a device keeps until they are read */
    NET_LISTENERS_MAX = 64,    /* of one host that are told apart */
    NET_DUMP_MAX = 1024,       /* rows of one look at all sockets of a host */
    NET_RESET_ROUNDS = 16,     /* looks at what is left, at reset */
    NET_RTO_MIN_MS = 16000,    /* of the kernels: they send nothing again during a play */
    NET_WAIT_US = 60000000,    /* TIME-WAIT, and FIN-WAIT-2 of an orphan (tcp_fin_timeout) */
    NET_ORPHAN_US = 102000000, /* tcp_orphan_retries likewise */
    NET_DEATH_US = 900000000   /* tcp_retries2 with tcp_rto_min_us as it is by default */
};

/* ---- link.c: the device of one host, from inside its namespace ---- */

/* Brings up loopback and the TUN device with its addresses and routes, sets the sysctls, and
 * returns the device's descriptor. `kernel_timers`: timers stay as kernels have them. */
enum status linux_link_up(enum trace_host host, bool kernel_timers, int *ret_tun,
                          struct status_detail *detail) STATUS_MUST_USE;
/* The address in network order; IPv4 takes the first four bytes. */
void linux_link_address(enum trace_host host, bool v6, uint8_t ret_bytes[PACKET_ADDRESS]);
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
    uint8_t local[PACKET_ADDRESS];
    uint8_t remote[PACKET_ADDRESS];
    uint16_t local_port;
    uint16_t remote_port;
};

/* What a kernel says of one socket. */
struct linux_diag_row {
    enum tcp_state state;
    struct linux_tuple tuple;
    bool v6_only; /* a listener that takes no IPv4 */
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
/* The same of one local port, of which the kernel tells alone; 0: of all. */
size_t linux_diag_dump_port(struct linux_diag *diag, enum trace_host host, uint32_t states,
                            uint16_t port, struct linux_diag_row *rows, size_t max);
/* Ends a socket as an abort does. 0, or -errno (-EOPNOTSUPP: this kernel cannot). */
int linux_diag_destroy(struct linux_diag *diag, enum trace_host host,
                       const struct linux_diag_row *row);

/* ---- connections.c ---- */

/* What these kernels add to a connection of the wire. */
struct net_ends {
    int64_t ends_us[TRACE_HOST_COUNT]; /* TIME-WAIT, FIN-WAIT-2: trace time when it ends */
    uint64_t cookie[TRACE_HOST_COUNT]; /* of the socket that was seen last; 0: none was */
    bool local_only;                   /* the target's end is on a loopback address: */
    uint8_t loopback[4];               /* this one */
    bool reset_told;                   /* shared: its RST is traced */
};

/* Functions of struct packet_wire_hosts; the context is the network. On the wire everything has the
 * hosts' own addresses, also where the target's end is on a loopback address. */
enum tcp_state linux_conn_state(void *context, enum trace_host host, uint32_t number);
uint64_t linux_conn_identity(void *context, enum trace_host host, uint32_t number);
void linux_conn_leaves(void *context, enum trace_host host, struct packet *packet, uint8_t *bytes);
void linux_conn_enters(void *context, enum trace_host host, uint32_t number, uint8_t kind,
                       struct packet *packet, uint8_t *bytes);
void linux_conn_moved(void *context, enum trace_host host, uint32_t number);
/* Which connection the socket of this cookie (SO_COOKIE) is an end of, where several had its ports:
 * of `newest` and those before it. `newest` where the kernel was never seen to have it. */
uint32_t linux_conn_of_cookie(const struct linux_net *net, enum trace_host host, uint32_t newest,
                              uint64_t cookie);
/* Ends what has waited long enough in TIME-WAIT, or in FIN-WAIT-2 without a descriptor. */
void linux_conn_expire(struct linux_net *net);
void linux_conn_sample_listeners(struct linux_net *net, enum trace_host host);

/* ---- shared.c: both hosts are the machine itself ---- */

/* Before a connect: gives a socket that has no port one that it shares with no other. */
void linux_shared_own_port(const struct linux_net *net, int fd);
/* The connection of these ports, which is not known yet, where it is one of the target's with us;
 * 0: it is not. */
uint32_t linux_shared_conn(struct linux_net *net, enum trace_host host, uint16_t local_port,
                           uint16_t remote_port);
/* Keeps those of the listeners in net->rows that are the host's: of the peer what is scripted, of
 * the target what stands on the port that it serves. Returns how many. */
size_t linux_shared_listeners(struct linux_net *net, enum trace_host host, size_t count);
/* Before a connection's states are sampled (0: those of all): an RST that ended it is traced, as
 * far as what our ends say proves one. */
void linux_shared_resets(struct linux_net *net, uint32_t number);
/* Samples what came to or went from our sockets since it was called last. True when anything did.
 */
bool linux_shared_collect(struct linux_net *net);

/* ---- wire.c ---- */

enum status linux_wire_init(struct linux_net *net, struct status_detail *detail) STATUS_MUST_USE;
/* Reads both devices and forgets what comes. */
void linux_wire_drain(struct linux_net *net);

/* ---- scripted.c ---- */

struct net_scripted {
    int fd; /* -1: free */
    uint8_t host;
    bool listening;
    bool app;       /* as a program has it */
    bool blocking;  /* its description is not O_NONBLOCK */
    bool watched;   /* it stands for its description in the host's epoll */
    bool queued;    /* in the queue of ready ones */
    uint32_t group; /* of its description: duplicates share it */
    uint32_t conn;
};

/* What was known of a scripted socket when it was looked at last. */
struct net_counted {
    uint32_t conn;
    uint64_t traffic; /* segments that it sent and got */
};

struct net_ready {
    uint16_t numbers[LINUX_NET_SOCKETS_MAX]; /* a ring */
    uint32_t first;
    uint32_t count;
};

enum status linux_scripted_init(struct linux_net *net,
                                struct status_detail *detail) STATUS_MUST_USE;
/* NULL: there is no such socket. */
struct net_scripted *linux_scripted_at(struct linux_net *net, int s);
/* The number of a new descriptor; takes the descriptor, also when there is none left (-EMFILE). */
int linux_scripted_take(struct linux_net *net, int fd, enum trace_host host, uint32_t group);
/* Forgets the number of a descriptor that is closed; true when it was the last of its description.
 */
bool linux_scripted_forget(struct linux_net *net, int s);
/* What the last close of an app socket changed. */
void linux_scripted_closed(struct linux_net *net, const struct net_scripted *before);
/* Both hosts are scripted from here on (until the next reset): the signals of a program's calls are
 * kept, not delivered. */
void linux_scripted_begin_apps(struct linux_net *net);
void linux_scripted_end_apps(struct linux_net *net);
/* A call that would wait where the description is not O_NONBLOCK is made as if it were. */
void linux_scripted_unblock(const struct net_scripted *socket, bool begin);
/* What an operation changed on this end: on the wire, where the state goes with the segment, or in
 * the state alone. */
void linux_scripted_changed(struct linux_net *net, const struct net_scripted *socket);
/* As connect() with O_NONBLOCK to a port of this host. */
int linux_scripted_connect(struct linux_net *net, int s, enum trace_host to, uint16_t port);
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
    struct packet_wire wire;
    struct net_ends *ends; /* by number of the connection; [0] is unused */
    bool v6;               /* scripted sockets speak IPv6 */
    uint16_t port;         /* linux_net_serve */
    enum trace_host serves;
    bool target_closes; /* linux_net_target_closes */
    bool came;          /* shared: linux_shared_collect found something since linux_net_deliver */
    bool kernel_timers; /* as in struct linux_setup */
    bool apps;          /* both hosts are scripted in this play */
    sigset_t mask;      /* of signals, before `apps` */
    bool cookies[TRACE_HOST_COUNT]; /* every SYN is answered by a SYN cookie */
    int64_t expiry_us; /* no end of a connection ends before this; INT64_MAX: none waits */

    struct net_listener listeners[TRACE_HOST_COUNT][NET_LISTENERS_MAX];
    uint32_t listener_count[TRACE_HOST_COUNT];

    int epolls[TRACE_HOST_COUNT];
    bool app_full;                    /* accept of a scripted program finds no free descriptor */
    int app_epolls[TRACE_HOST_COUNT]; /* of scripted programs */
    int null;                         /* /dev/null, to fill holes among our descriptors with */
    int base;                         /* descriptors from here on are given to scripted sockets */
    struct net_ready ready[TRACE_HOST_COUNT];
    struct net_scripted scripted[LINUX_NET_SOCKETS_MAX];
    uint32_t scripted_used; /* numbers from here on are free */
    uint32_t groups;        /* descriptions so far */
    struct net_counted
        counted[LINUX_NET_SOCKETS_MAX]; /* shared: by number of the scripted socket */
    uint32_t counted_used;
    struct linux_diag_row rows[NET_DUMP_MAX];
};

#endif
