/* The network of the live world: two namespaces, a TUN device in each, the wire between them held
 * segment by segment, scripted sockets on both hosts, and what the kernels say of every connection.
 * One thread, one network at a time. All of it vanishes with the process: namespaces live by
 * descriptors alone and are never given names. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_LINUX_NET_H
#define SOCKSPEC_LINUX_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "trace/trace.h"
#include "world/world.h"

enum {
    LINUX_NET_FDS_MAX = 2,       /* descriptors that tell of arrivals */
    LINUX_NET_SOCKETS_MAX = 1024 /* scripted sockets at a time */
};

struct linux_net;

/* Makes the namespaces and brings both devices up; `kernel_timers` as in struct linux_setup; as
 * root, or through a user namespace of its own (then the calling process is in it from here on, and
 * must have one thread). Errors: STATUS_ENVIRONMENT, saying which operation was refused. */
enum status linux_net_new(bool kernel_timers, struct linux_net **ret_net,
                          struct status_detail *detail) STATUS_MUST_USE;
void linux_net_free(struct linux_net *net);

/* For where namespaces or TUN devices are refused. From this call on, for the whole process and
 * those that it forks, both hosts are the machine itself, each at the other's loopback address, and
 * linux_net_new makes a network without a wire: no segments, nothing to hold. Connections are those
 * that have the port of linux_net_serve at one end; others of the machine are neither seen nor
 * touched. */
void linux_net_share(void);
bool linux_net_is_shared(void);
/* Before a run: the host that listens, and its port. `afresh`: nothing of this play needs what is
 * left at the port, so in a shared network its TIME-WAITs are ended. Errors there:
 * STATUS_ENVIRONMENT, another program listens on it. */
enum status linux_net_serve(struct linux_net *net, enum trace_host serves, uint16_t port,
                            bool afresh, struct status_detail *detail) STATUS_MUST_USE;
/* Whether what is sampled next was changed by a close() of the target: in a shared network, where
 * no segment tells, an end that is gone without a FIN was then aborted by that. */
void linux_net_target_closes(struct linux_net *net, bool closes);
/* A port of this machine that nothing uses now; 0: none could be had. */
uint16_t linux_net_free_port(bool v6);

/* Before every play: closes all scripted sockets, empties the wire, ends what the kernels still
 * hold (also TIME_WAIT, so that a fixed port is free again), forgets connections. Listeners of
 * living processes and connections of a host with itself that a process holds are left alone.
 * Events go to `trace` from here on. */
void linux_net_reset(struct linux_net *net, struct trace *trace);

/* Address of a host in text, IPv4 or (`v6`) IPv6. */
const char *linux_net_address(enum trace_host host, bool v6);
/* The namespace of a host, for setns(fd, CLONE_NEWNET) in a child. */
int linux_net_namespace(const struct linux_net *net, enum trace_host host);

/* ---- The wire ---- */

/* Reads all that either kernel put out so far: numbered, traced, queued. One event per segment, as
 * the model has it: DROPPED, else RETRANSMITTED, else HELD, else SENT; a pure acknowledgment only
 * where it is not simply SENT; DELIVERED follows where it was held. The state of the sender is
 * sampled before its SYN, FIN or RST. Lost segments whose time has come are put in again. True when
 * something came. Never blocks. A packet that is no TCP (ICMP, neighbour discovery) is dropped
 * silently. */
bool linux_net_collect(struct linux_net *net);
/* Delivers what is in flight and not held now (not what that causes: it is collected), the state of
 * the receiver sampled after each segment that could change it. True when something was delivered.
 */
bool linux_net_deliver(struct linux_net *net);
/* Whether something is in flight that is not held. */
bool linux_net_in_flight(const struct linux_net *net);
/* Descriptors that are readable while something waits to be collected. Returns how many. (A
 * scripted socket becomes ready by what is delivered to it; a connect that the kernel gave up shows
 * at linux_net_next_ready.) */
int linux_net_descriptors(const struct linux_net *net, int fds[LINUX_NET_FDS_MAX]);

/* ---- Connections ---- */

/* The connection between these two ports as `host` sees them; 0: none known. In a shared network it
 * is known from the first time that it is asked for. */
uint32_t linux_net_conn(struct linux_net *net, enum trace_host host, uint16_t local_port,
                        uint16_t remote_port);
/* Asks the kernels (sock_diag) for the states of one connection (7 us), or of all that may still
 * change and of the target's listeners (conn 0; 25 us and more), and traces what differs from what
 * was traced last: STATE with TRACE_SAMPLED. Scripted listeners are sampled as they change. */
void linux_net_sample(struct linux_net *net, uint32_t conn);
/* Connections of the target's host that are not CLOSED, TIME-WAIT or listening. */
uint32_t linux_net_connections(struct linux_net *net);
/* How many connections there were so far in this play, and whether none of the target's host is
 * open now as its states were sampled last. Cheap. */
uint32_t linux_net_dialogues(const struct linux_net *net);
bool linux_net_rests(const struct linux_net *net);
/* Whether no connection is open at either host, as its states were sampled last. */
bool linux_net_all_over(const struct linux_net *net);
/* How what listens on a port of the target's host is reached: bits; 0: nothing listens there. */
enum linux_reach {
    LINUX_REACH_V4 = 1 << 0,
    LINUX_REACH_V6 = 1 << 1,
    LINUX_REACH_LOCAL = 1 << 2 /* not at all: on ::1 nothing from outside may arrive */
};
unsigned linux_net_reach(struct linux_net *net, uint16_t port);
/* Whether scripted sockets that are made from here on speak IPv6, and not IPv4. */
void linux_net_speak_v6(struct linux_net *net, bool v6);
/* A port that something on the target's host listens on; 0: none. */
uint16_t linux_net_listener(struct linux_net *net);
/* Real time until the first timer of either kernel runs out that could change a connection (a SYN
 * sent again, keepalive), by sock_diag's idiag_timer and idiag_expires; -1: none runs. The kernels'
 * retransmission of data and FIN and their zero-window probes stand far off (16 s) and change
 * nothing: for them it tells when the kernel would give up, where a program could notice. */
int64_t linux_net_timer_us(struct linux_net *net);
/* What the network does by the clock of the trace, at the first collect after its time: it sends
 * again what was lost, or what a full receive buffer refused (200 ms later, then doubling), and
 * ends TIME-WAIT and an orphan's FIN-WAIT-2 after 60 s. Time of the trace until the next of these;
 * -1: none. A clock that jumps should stop there. */
int64_t linux_net_due_us(struct linux_net *net);
/* Bytes that wait in the receive queue of the target's end; -1 where it has none. For deciding
 * whether a fault's precondition holds. */
int64_t linux_net_unread(struct linux_net *net, uint32_t conn);

/* ---- The operations of struct world_ops that concern sockets and wire. `s` as there. ---- */

int linux_net_socket(struct linux_net *net, enum trace_host host);
int linux_net_bind(struct linux_net *net, int s, uint16_t port);
int linux_net_listen(struct linux_net *net, int s, int backlog);
int linux_net_accept(struct linux_net *net, int s);
int linux_net_connect(struct linux_net *net, int s, uint16_t port);
int64_t linux_net_send(struct linux_net *net, int s, const void *data, size_t size, int flags);
int64_t linux_net_recv(struct linux_net *net, int s, void *data, size_t size, int flags);
int linux_net_shutdown(struct linux_net *net, int s, int how);
int linux_net_close(struct linux_net *net, int s);
int linux_net_abort(struct linux_net *net, int s);
int linux_net_setsockopt(struct linux_net *net, int s, enum world_option option, int value);
int linux_net_getsockopt(struct linux_net *net, int s, enum world_option option, int *ret_value);
int linux_net_poll(struct linux_net *net, int s);
int linux_net_dup(struct linux_net *net, int s);
int linux_net_app_socket(struct linux_net *net, enum trace_host host);
int linux_net_app_connect(struct linux_net *net, int s, enum trace_host to, uint16_t port);
int linux_net_app_disconnect(struct linux_net *net, int s);
int linux_net_app_name(struct linux_net *net, int s, bool peer, struct world_name *ret_name);
int linux_net_app_flags(struct linux_net *net, int s, bool descriptor);
int linux_net_option_set(struct linux_net *net, int s, int level, int name, const void *value,
                         uint32_t size);
int linux_net_option_get(struct linux_net *net, int s, int level, int name, void *value,
                         uint32_t *size);
int linux_net_app_watch(struct linux_net *net, int s, int op, uint32_t events);
void linux_net_app_full(struct linux_net *net, bool full); /* accept: EMFILE */
/* app_accept and the like of struct world_ops. The time of the trace goes along with a call that
 * waits. */
int linux_net_app_accept(struct linux_net *net, int s, int room, int *ret_told);
bool linux_net_app_piped(struct linux_net *net);
int64_t linux_net_app_blocking(struct linux_net *net, int s, struct world_blocking *call);
int linux_net_app_misuse(const struct linux_net *net, enum scenario_call family, bool file,
                         int *ret_fd);
void linux_net_app_die(struct linux_net *net, enum trace_host host);
void linux_net_app_cookies(struct linux_net *net, enum trace_host host);
int linux_net_app_unreachable(struct linux_net *net, int s, uint8_t code);
int linux_net_app_wait(struct linux_net *net, enum trace_host host, struct world_ready *ready,
                       int max);
int linux_net_next_ready(struct linux_net *net, enum trace_host host);
uint32_t linux_net_conn_of(struct linux_net *net, int s);
enum tcp_state linux_net_state(struct linux_net *net, int s);

void linux_net_hold(struct linux_net *net, enum world_direction direction, bool hold);
uint32_t linux_net_count(const struct linux_net *net, enum world_direction direction);
int linux_net_wire_deliver(struct linux_net *net, enum world_direction direction, uint32_t index);
int linux_net_wire_drop(struct linux_net *net, enum world_direction direction, uint32_t index);
int linux_net_wire_duplicate(struct linux_net *net, enum world_direction direction, uint32_t index);
void linux_net_lose(struct linux_net *net, enum scenario_segment kind, uint32_t count);
void linux_net_cut(struct linux_net *net, enum world_direction direction, bool cut);
int linux_net_inject(struct linux_net *net, int s, enum scenario_segment kind,
                     enum world_direction direction);

#endif
