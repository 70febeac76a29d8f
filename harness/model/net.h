/* Inside the network side of the model kernel: sockets, the wire between the two hosts, and the
 * pools that both live from. Not for use outside net*.c, socket*.c, option*.c, wire*.c, scripted.c.
 * A segment in a receive queue is the node that came over the wire: data is copied once when it is
 * sent and once when it is read. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_MODEL_NET_H
#define SOCKSPEC_MODEL_NET_H

#include <assert.h>

#include "model/kernel.h"
#include "tcp/endpoint.h"

enum {
    NET_CHUNK_DATA = 4096, /* bytes of one chunk: the most that a segment carries */
    NET_CHUNKS_MAX = MODEL_BYTES_MAX / 1536, /* chunks of all queues: many are not full */
    NET_WINDOW_STEP = 1512,                  /* room that is worth telling the other end of */
    NET_ETHERNET = 1460,                     /* of a scripted program's segment, as on Linux */
    NET_MSS_DEFAULT = 536, /* likewise, where the handshake tells none (RFC 9293 3.7.1 SHLD-5) */
    NET_SEGMENTS_MAX = 1 << 16,            /* segments in flight and in receive queues */
    NET_HASH_SIZE = 2 * MODEL_SOCKETS_MAX, /* heads of the 4-tuple table; a power of two */
    NET_ADDRESSES_MAX = 255,               /* different addresses of one run */
    NET_PORTS = 65536,
    NET_PORT_FIRST = 32768, /* ip_local_port_range */
    NET_PORT_LAST = 60999,
    NET_LANE_LOCAL = TRACE_HOST_COUNT, /* a host talking to itself: never held or lost */
    NET_LANE_COUNT,
    NET_INLINE_DEPTH_MAX = 4, /* acknowledgments that answer one another at once */
    NET_SNDBUF = 16384,       /* room of a send queue unless set */
    NET_RCVBUF = 16384,       /* room of a receive queue unless set */
    NET_APP_ROOM = 65536,     /* of a send queue of scripted programs, as the live world has it */
    NET_APP_WINDOW = 64240,   /* likewise of a receive queue: full segments of Ethernet */
    NET_SNDBUF_REPORTED = 16384, /* what Linux reports of a new socket */
    NET_RCVBUF_REPORTED = 131072,
    NET_BUF_MAX = 4194304, /* net.core.{r,w}mem_max */
    NET_SNDBUF_MIN = 4608,
    NET_SKB = 832,       /* what Linux counts in a send buffer for a buffer, besides its bytes */
    NET_GSO_MAX = 65215, /* bytes of such a buffer, at most (sk_gso_max_size) */
    NET_RCVBUF_MIN = 2304,
    NET_SOMAXCONN = 4096,
    NET_TIME_WAIT_US = 60000000,
    NET_FIN_WAIT_2_US = 60000000, /* tcp_fin_timeout of an orphan */
    NET_ISS_FIRST = 1 << 30,      /* far from 0, the number of what is forged for nobody */
    NET_REFUSE_US = 500000,       /* tcp_invalid_ratelimit */
    NET_SYN_RETRIES = 6,          /* tcp_syn_retries, besides the linear ones */
    NET_SYN_LINEAR = 4,           /* tcp_syn_linear_timeouts */
    NET_SYN_ACK_RETRIES = 5,
    NET_BACKOFF_MAX = 16, /* doublings that are counted */
    NET_RETRIES = 15,     /* tcp_retries2: window probes */
    NET_ORPHAN_RETRIES = 8,
    NET_RTO_MAX_US = 120000000
};

/* Addresses are numbered as they come up; these are there from the start. */
enum net_address_id {
    NET_NONE,
    NET_ANY4,
    NET_ANY6,
    NET_LOOPBACK4,
    NET_LOOPBACK6,
    NET_HOST4, /* 192.0.2.1 the target's host, 192.0.2.2 the peer's */
    NET_HOST4_PEER,
    NET_HOST6, /* 2001:db8::1, 2001:db8::2 */
    NET_HOST6_PEER,
    NET_ADDRESS_FIXED
};

enum net_scope {
    NET_SCOPE_ANY,
    NET_SCOPE_LOOPBACK, /* both hosts answer to it: the other host unless only the own one listens
                         */
    NET_SCOPE_HOST,     /* one host's own address */
    NET_SCOPE_NOWHERE   /* on the link, but nobody's: what is sent there is lost */
};

struct net_address {
    uint8_t v6;
    uint8_t scope;     /* enum net_scope */
    uint8_t host;      /* NET_SCOPE_HOST: whose */
    uint8_t bytes[16]; /* network order; IPv4: the first four */
};

/* An address and a port. */
struct net_name {
    uint8_t address;
    uint16_t port;
};

/* Bytes that someone sent. Append-only while it is the last of a send queue; parts of it are in
 * segments, in flight or in a receive queue. */
struct net_chunk {
    struct net_chunk *next; /* in its send queue, or in the free list */
    const uint8_t *bytes;   /* `used` of them: `data`, or storage that outlives the run */
    uint32_t refs;          /* the send queue and each segment */
    uint32_t seq;           /* sequence number of the first byte */
    uint16_t used;
    bool begins;     /* of scripted programs: the first of a buffer as Linux would have it */
    int64_t sent_us; /* of scripted programs: when, or NET_SENT_AGAIN */
    uint8_t data[NET_CHUNK_DATA];
};

#define NET_SENT_AGAIN INT64_C(-1)

/* The round trip as a scripted program's connection measured it (struct tcp_sock of Linux), in µs.
 */
struct net_round_trip {
    int64_t srtt_8; /* smoothed, times 8; 0: none was measured */
    int64_t mdev_4; /* its deviation, times 4 */
    int64_t mdev_max;
    int64_t rttvar;
    uint32_t seq; /* when this is acknowledged, another round trip begins */
};

/* A segment on the wire, waiting out of order, or in a receive queue. */
struct net_segment {
    struct net_segment *next;
    struct tcp_segment tcp;
    struct net_chunk *chunk; /* its bytes, NULL when it has none */
    uint16_t offset;         /* where they start in the chunk */
    uint8_t kind;            /* enum scenario_segment */
    bool held;               /* was traced as held */
    uint32_t conn;
    struct model_socket *from; /* that sent it; NULL: none */
    struct model_socket *to;   /* the other end then, if its key still says so; NULL: unknown */
    uint32_t from_life;        /* of `from` when it sent */
    uint64_t key;              /* 4-tuple as its receiver sees it */
    uint64_t order;            /* of sending, over all lanes */
    uint32_t trace_seq;        /* sequence number from the sender's ISN */
};

struct net_lane {
    struct net_segment *first;
    struct net_segment *last;
    uint32_t count;
    bool held;
    bool cut;
};

/* sock->state of Linux: what connect() goes by. */
enum net_open { NET_UNCONNECTED, NET_CONNECTING, NET_CONNECTED, NET_DISCONNECTING };

enum net_timer {
    NET_TIMER_NONE,
    NET_TIMER_RETRANSMIT, /* data, SYN, SYN+ACK or FIN */
    NET_TIMER_PERSIST,    /* zero window */
    NET_TIMER_FIN_WAIT_2, /* orphan */
    NET_TIMER_DEFER       /* a SYN+ACK would go again, but for TCP_DEFER_ACCEPT */
};

enum net_urgent { NET_URGENT_NONE, NET_URGENT_COMING, NET_URGENT_THERE, NET_URGENT_READ };

enum { NET_SHUT_RECV = 1, NET_SHUT_SEND = 2, NET_SHUT_BOTH = 3 };

/* Options that are kept; those with an effect are read where they act. */
struct net_options {
    uint32_t sndbuf; /* as reported */
    uint32_t rcvbuf;
    int64_t rcvtimeo_us; /* 0: none */
    int64_t sndtimeo_us;
    int32_t linger_s;
    uint32_t user_timeout_ms;
    int32_t keepidle_s;
    int32_t keepintvl_s;
    int32_t rcvlowat;
    int32_t linger2_s;
    int32_t priority;
    int32_t mark;
    int32_t busy_poll;
    int32_t notsent_lowat;
    int32_t window_clamp;
    uint32_t defer_s; /* TCP_DEFER_ACCEPT as the sum of its retransmissions */
    uint16_t maxseg;
    uint8_t keepcnt;
    uint8_t syncnt;
    bool syncnt_set; /* not the kernel's choice */
    uint8_t tos;
    uint8_t ttl;
    uint8_t tclass;
    uint8_t fastopen;
    bool linger;
    bool reuseaddr;
    bool reuseport;
    bool keepalive;
    bool broadcast;
    bool dontroute;
    bool oobinline;
    bool timestamp;
    bool nodelay;
    bool cork;
    bool quickack;
    bool v6only;
    char congestion[16];
};

struct model_socket {
    struct model_file file; /* first: a file is cast to its socket */
    struct tcp_endpoint tcp;
    uint64_t key;              /* 4-tuple while in the table, else 0 */
    uint64_t there;            /* the same as the other end sees it */
    struct model_socket *peer; /* the other end while both are open */
    uint32_t life;             /* counts the lives of this slot: stale references show */
    uint16_t self;             /* index in the pool plus 1 */
    uint16_t hash_next;
    uint8_t lane;       /* of what it sends */
    uint8_t open;       /* enum net_open */
    uint8_t shut;       /* NET_SHUT_… */
    bool v6;            /* AF_INET6 */
    bool scripted;      /* no program's: driven through the world's operations */
    bool app;           /* scripted, as a program would have it */
    bool orphan;        /* no descriptor is left */
    bool done;          /* the peer's FIN was taken (SOCK_DONE) */
    uint8_t ends;       /* FINs that nobody read yet: more than one where they disagreed */
    bool no_space;      /* someone waits for room to send */
    bool fin_wanted;    /* close or shutdown: FIN after the data */
    bool fin_joined;    /* it went with the last bytes, and goes with them again */
    bool passive;       /* made by a listener */
    bool waits_whole;   /* FIN-WAIT-2 came with a FIN: Linux keeps the whole socket after close() */
    bool conn_shared;   /* its connection was opened from both ends, first from the other */
    uint8_t timer_kind; /* enum net_timer */
    uint8_t retries;
    int32_t error;      /* SO_ERROR */
    int32_t soft_error; /* of the network, told only where nothing else is (sk_err_soft of Linux) */
    uint32_t in_flight; /* its segments on the wire */

    struct net_chunk *send_first;
    struct net_chunk *send_last;
    struct net_chunk *send_at; /* holds SND.NXT, or the one before */
    uint32_t send_end;         /* sequence number after the last queued byte */
    uint32_t send_room;
    uint16_t mss;        /* bytes of a full segment, where `strict` */
    uint32_t send_extra; /* of scripted programs: NET_SKB for each buffer, which fills the room */
    uint32_t send_kept;  /* of scripted programs: sequence number from which the bytes of the first
                            buffer fill it, acknowledged or not */
    struct net_segment *recv_first;
    struct net_segment *recv_last;
    struct net_segment *early; /* ahead of a gap, by sequence number */
    uint32_t recv_used;
    uint32_t recv_room;
    uint32_t early_used;

    uint32_t urgent_seq;  /* of the urgent byte */
    uint32_t recv_seq;    /* of the next byte to read */
    uint32_t send_urgent; /* sequence number of our urgent byte */
    uint32_t send_small;  /* end of the last segment that was less than full */
    uint8_t urgent;       /* enum net_urgent */
    uint8_t urgent_byte;
    bool urgent_to_send;
    bool push; /* nothing waits for more until the next bytes are queued (TCP_NAGLE_PUSH) */

    struct net_name local; /* what getsockname tells; port 0: none */
    struct net_name remote;
    struct net_name bound; /* of bind(); port 0: not bound now */
    bool bound_by_user;    /* the port outlives the connection */
    bool bound_address_by_user;
    uint16_t bound_next; /* others on the port */
    uint16_t bound_prev;
    uint16_t listen_next; /* other listeners on the port */

    struct model_socket *link_next; /* listener's queues; TIME-WAIT by age */
    struct model_socket *link_prev;
    struct model_socket *listener; /* whose queue it is in */
    struct model_socket *parent;   /* that counts it after it was shut, and its life then */
    uint32_t parent_life;
    struct model_socket *accept_first;
    struct model_socket *accept_last;
    struct model_socket *syn_first;
    uint32_t accept_count;
    uint32_t syn_count; /* in syn_first, and handshakes from before it was shut */
    uint32_t backlog;
    bool queued;  /* in accept_first of its listener */
    bool cookied; /* a listener: answered by a SYN cookie; else: its handshake was one's */

    struct model_socket *ready_next; /* scripted: readiness changed */
    struct model_socket *ready_prev;
    bool ready;
    int32_t number; /* scripted: its number, -1 none */

    struct model_timer timer;
    struct model_timer keepalive;
    int64_t heard_us; /* when the other end was last heard */
    int64_t sent_us;  /* when what is unacknowledged was first sent; with scripted programs:
                         since when it is sent again, as Linux counts */
    int64_t rto_us;   /* with scripted programs: the retransmission timeout where it is not the
                         least one */
    struct net_round_trip trip;
    int64_t control_us; /* with scripted programs: when its SYN, or a FIN without data, was sent, or
                           NET_SENT_AGAIN */
    uint32_t control_seq; /* the number of that */
    bool control_out;     /* it is not acknowledged yet */
    int64_t time_wait_us; /* when TIME-WAIT ends */
    bool reuseaddr_then;  /* SO_REUSEADDR and SO_REUSEPORT when it began: its own from there on, */
    bool reuseport_then;  /* whatever a descriptor is still told */
    int64_t refused_us;   /* last challenge ACK; -1 none */
    uint32_t recover;     /* SND.NXT when retransmission began */
    uint32_t resent;      /* with scripted programs: sequence number up to which it went again, */
    uint8_t syn_again;    /* how often its SYN or SYN+ACK went again, */
    bool syn_timed;       /* since nothing came for too long, once at least */
    uint32_t cwnd;        /* segments that may be under way; 0: nothing was ever lost, */
    uint32_t cwnd_part;   /* acknowledged ones that count for the next, */
    uint32_t ssthresh;    /* up to which each counts */
    uint32_t cwnd_out;  /* with scripted programs: the most segments that were under way at once */
    uint32_t cwnd_seq;  /* before this sequence number was acknowledged */
    bool cwnd_limited;  /* the congestion window held back more */
    uint32_t cwnd_dups; /* duplicate acknowledgments: as many segments arrived (sacked_out) */
    bool cwnd_loss;     /* a timeout came, and nothing was acknowledged since beyond: */
    uint32_t cwnd_high; /* SND.NXT then (high_seq) */
    uint32_t probes;    /* keepalive or window probes without an answer */
    uint8_t
        defer_rounds; /* retransmissions for which TCP_DEFER_ACCEPT waits; 0: it did not begin */
    /* What a new socket has not as zeros begins on a line of its own. */
    struct net_options options __attribute__((aligned(64)));
};

struct net_ready {
    struct model_socket *first;
    struct model_socket *last;
};

struct model_net {
    struct model_socket *sockets; /* MODEL_SOCKETS_MAX */
    uint16_t sockets_free;        /* list through hash_next */
    uint32_t sockets_used;        /* the rest was never touched since reset */
    uint32_t sockets_open;
    struct net_chunk *chunks;
    struct net_chunk *chunks_free;
    uint32_t chunks_used;
    struct net_segment *segments;
    struct net_segment *segments_free;
    uint32_t segments_used;

    uint16_t *table;                      /* 4-tuples: NET_HASH_SIZE heads */
    uint16_t (*bound)[NET_PORTS];         /* sockets by host and port */
    uint16_t (*listening)[NET_PORTS];     /* listeners likewise */
    uint16_t next_port[TRACE_HOST_COUNT]; /* where the search for a free port goes on */
    struct net_address addresses[NET_ADDRESSES_MAX + 1];
    uint32_t address_count;

    struct net_lane lanes[NET_LANE_COUNT];
    bool rough[NET_LANE_COUNT];     /* held, cut or lossy: nothing passes unseen */
    bool disturbed;                 /* the wire was touched in this run: probes matter */
    bool cookies[TRACE_HOST_COUNT]; /* a host answers every SYN by a SYN cookie */
    bool peers_v6;                  /* sockets of peers speak IPv6; reset leaves it */
    bool app_full;                  /* accept of a scripted program finds no free descriptor */
    bool presents_early;            /* what waited for a gap to be filled is being processed */
    bool strict;  /* programs are scripted: every segment goes over the wire, cut as Linux cuts */
    uint32_t iss; /* of the next connection: they go on, so that a later one is known as later */
    uint32_t lose[SCENARIO_SEGMENT_COUNT];
    uint32_t lose_total;
    uint64_t order;
    uint32_t inline_depth;
    uint32_t conns;                   /* connections so far */
    uint32_t alive[TRACE_HOST_COUNT]; /* neither CLOSED nor TIME-WAIT nor LISTEN */

    struct model_socket *time_wait_first;
    struct model_socket *time_wait_last;
    struct model_timer time_wait_timer;
    struct model *model; /* of the timers */

    struct net_ready ready[TRACE_HOST_COUNT];
    uint16_t *numbers;      /* scripted: socket of each number, 0 free */
    uint32_t numbers_used;  /* those from here on were never given out since reset */
    uint32_t numbers_words; /* no word of numbers_taken below this one has a free number */
    uint64_t numbers_taken[MODEL_SOCKETS_MAX / 64];
    uint64_t numbers_cloexec[MODEL_SOCKETS_MAX / 64]; /* FD_CLOEXEC */
    struct io_object *epolls[TRACE_HOST_COUNT];       /* of scripted programs; NULL: none yet */
    const int64_t *sends;                             /* what their sends shall take */
    uint32_t sends_count;
    uint32_t sends_next;
    uint16_t
        late[TRACE_HOST_COUNT]; /* by so many thousandths timers run out late; reset leaves it */
};

#define SOCKET_OF(timer_pointer, member)                                                           \
    ((struct model_socket *)(void *)((char *)(timer_pointer)-offsetof(struct model_socket, member)))

static inline struct model_socket *socket_of(struct model_file *file)
{
    return (struct model_socket *)(void *)file;
}
static inline enum trace_host socket_host(const struct model_socket *socket)
{
    return (enum trace_host)socket->file.host;
}

/* When a timer of the socket runs out that takes so long. */
static inline int64_t socket_due_us(const struct model *model, const struct model_socket *socket,
                                    int64_t in_us)
{
    return model->now_us + in_us + in_us * model->net->late[socket_host(socket)] / 1000;
}

extern const struct model_file_ops socket_ops;
extern const struct model_file_ops listener_ops;
extern const struct net_options net_options_default;

/* ---- net.c: pools, names, tables ---- */
/* A CLOSED socket with default options; NULL when there are too many. */
struct model_socket *net_socket_new(struct model *model, enum trace_host host, bool v6);
/* Gives it back: it is in no table, no queue, has no timer and no data afterwards. */
void net_socket_free(struct model *model, struct model_socket *socket);
struct net_chunk *net_chunk_new(struct model_net *net);

static inline struct net_segment *net_segment_new(struct model_net *net)
{
    struct net_segment *segment = net->segments_free;
    if (segment != NULL) {
        net->segments_free = segment->next;
        return segment;
    }
    return net->segments_used < NET_SEGMENTS_MAX ? &net->segments[net->segments_used++] : NULL;
}

static inline void net_chunk_release(struct model_net *net, struct net_chunk *chunk)
{
    assert(chunk->refs > 0);
    if (--chunk->refs == 0) {
        chunk->next = net->chunks_free;
        net->chunks_free = chunk;
    }
}

static inline void net_segment_free(struct model_net *net, struct net_segment *segment)
{
    if (segment->chunk != NULL) {
        net_chunk_release(net, segment->chunk);
    }
    segment->next = net->segments_free;
    net->segments_free = segment;
}

/* A socket that a segment remembers, unless its life is over. */
static inline struct model_socket *net_socket_alive(struct model_socket *socket, uint32_t life)
{
    return socket != NULL && socket->life == life ? socket : NULL;
}

/* Who sent it, if still there; NULL also for none. */
static inline struct model_socket *net_segment_sender(const struct net_segment *node)
{
    return node != NULL ? net_socket_alive(node->from, node->from_life) : NULL;
}

static inline struct model_socket *net_socket_at(const struct model_net *net, uint16_t index)
{
    return index == 0 ? NULL : &net->sockets[index - 1];
}

/* The initial sequence number of the next connection (RFC 9293 3.4.1: driven by a clock). */
uint32_t net_iss(struct model *model);
/* Number of an address; 0 when there are too many. */
uint8_t net_address_intern(struct model_net *net, bool v6, const uint8_t *bytes);
/* Whether the host answers to it. */
bool net_address_is_local(const struct model_net *net, uint8_t address, enum trace_host host);
/* Whether it is the host's own, and of no other host as well, as those of loopback are. */
bool net_address_is_own(const struct model_net *net, uint8_t address, enum trace_host host);

static inline uint64_t net_key(enum trace_host host, struct net_name local, struct net_name remote)
{
    return (uint64_t)local.port | (uint64_t)remote.port << 16 | (uint64_t)local.address << 32 |
           (uint64_t)remote.address << 40 | (uint64_t)host << 48;
}
static inline struct net_name net_key_local(uint64_t key)
{
    return (struct net_name){.address = (uint8_t)(key >> 32), .port = (uint16_t)key};
}
static inline struct net_name net_key_remote(uint64_t key)
{
    return (struct net_name){.address = (uint8_t)(key >> 40), .port = (uint16_t)(key >> 16)};
}
/* The key of the other end, which lives on `host`. */
static inline uint64_t net_key_reverse(uint64_t key, enum trace_host host)
{
    return (key >> 16 & 0xFFFF) | (key & 0xFFFF) << 16 | (key >> 40 & 0xFF) << 32 |
           (key >> 32 & 0xFF) << 40 | (uint64_t)host << 48;
}
static inline enum trace_host net_key_host(uint64_t key)
{
    return (enum trace_host)(key >> 48);
}

void net_table_add(struct model_net *net, struct model_socket *socket, uint64_t key);
void net_table_remove(struct model_net *net, struct model_socket *socket);
static inline uint32_t net_key_slot(uint64_t key)
{
    return (uint32_t)((key * 0x9E3779B97F4A7C15ULL) >> 40) & (NET_HASH_SIZE - 1);
}
static inline struct model_socket *net_table_find(const struct model_net *net, uint64_t key)
{
    struct model_socket *socket = net_socket_at(net, net->table[net_key_slot(key)]);
    while (socket != NULL && socket->key != key) {
        socket = net_socket_at(net, socket->hash_next);
    }
    return socket;
}

/* 0, -EADDRINUSE; port 0 chooses one. */
int net_bind(struct model *model, struct model_socket *socket, struct net_name name);
void net_unbind(struct model_net *net, struct model_socket *socket);
/* A child shares its listener's port. */
void net_bind_child(struct model_net *net, struct model_socket *child, struct net_name name);
bool net_bind_conflicts(const struct model_net *net, const struct model_socket *socket,
                        struct net_name name);
void net_listen_add(struct model_net *net, struct model_socket *socket);
void net_listen_remove(struct model_net *net, struct model_socket *socket);
struct model_socket *net_listener_find(const struct model_net *net, enum trace_host host,
                                       struct net_name name, uint64_t key);

/* ---- wire.c -------------------------------------------------------------------------------------
 */
/* Sends <seq, flags> with `length` bytes of `chunk` from `offset` on. ACK and window are filled in.
 */
struct net_emit {
    uint32_t seq;
    uint16_t length;
    uint16_t offset;
    struct net_chunk *chunk;
    uint8_t flags;
    bool again;             /* a retransmission */
    uint32_t urgent_beyond; /* bytes that the urgent pointer points too far */
};
void wire_send(struct model *model, struct model_socket *socket, const struct net_emit *emit);
/* A segment that belongs to no socket answers one that arrived at `key`. */
void wire_reply(struct model *model, uint64_t key, uint32_t conn, const struct tcp_segment *answer,
                enum scenario_segment kind, struct model_socket *to);
/* The same: the reset that the segment asks for. */
void wire_reply_reset(struct model *model, uint64_t key, uint32_t conn,
                      const struct tcp_segment *segment, struct model_socket *to);
/* Takes every segment off the wire. */
void wire_reset(struct model *model);
/* What hosts sent to themselves arrives, as on Linux before the call returns. */
void wire_deliver_own(struct model *model);
/* Timers of both ends run when something of theirs may not arrive. */
void wire_arm(struct model *model, struct model_socket *socket);

/* ---- socket.c: life of a connection ---- */
/* The state changed: traces it and counts it. */
void socket_moved(struct model *model, const struct model_socket *socket, enum tcp_state from,
                  enum tcp_state to, enum tcp_event event);
/* A call or a timer moves the state; the table must know the way. */
void socket_event(struct model *model, struct model_socket *socket, enum tcp_event event);
static inline void socket_notify(struct model *model, struct model_socket *socket, uint32_t bits);
/* poll(2) bits (tcp_poll of Linux). */
uint32_t socket_poll(struct model *model, struct model_file *file);
void socket_output(struct model *model, struct model_socket *socket);
/* What waited to fill a segment goes out. */
void socket_push(struct model *model, struct model_socket *socket);
/* The connection is over: CLOSED, both directions shut. Frees an orphan. The state moved already.
 */
void socket_closed(struct model *model, struct model_socket *socket);
void socket_time_wait(struct model *model, struct model_socket *socket);
/* tcp_disconnect of Linux: RST where one is due, back to a fresh socket; `error` stays as SO_ERROR.
 */
void socket_disconnect(struct model *model, struct model_socket *socket);
/* The last descriptor goes away: the FIN goes out, or an RST (__tcp_close of Linux). */
void socket_close_begin(struct model *model, struct model_socket *socket);
/* It is gone: the socket is an orphan, or freed when nothing is left to do. */
void socket_close_end(struct model *model, struct model_socket *socket);
void socket_send_reset(struct model *model, struct model_socket *socket);
/* A descriptor outlives its connection: TIME-WAIT goes on without it, and it is a fresh socket
 * again. */
void socket_time_wait_detach(struct model *model, struct model_socket *socket);
void socket_time_wait_leave(struct model *model, struct model_socket *socket);
/* Ends it with an error, with an RST to the peer when `reset`. */
void socket_abort(struct model *model, struct model_socket *socket, enum tcp_event event, int error,
                  bool reset);
/* Whether an end that goes away must tell the other by an RST (tcp_need_reset of Linux). */
bool socket_needs_reset(const struct model_socket *socket);
/* The listener of a handshake that is not complete goes away: so does the handshake, at its next
 * segment or timeout. */
void socket_leave_listener(struct model *model, struct model_socket *child);
void socket_drop_queues(struct model *model, struct model_socket *socket);
int socket_take_error(struct model_socket *socket);
/* What connect() says of a handshake that is over: 0, or the error that ended it, after which the
 * socket can be used again. */
int socket_connect_end(struct model *model, struct model_socket *socket);
static inline uint32_t socket_send_used(const struct model_socket *socket)
{
    uint32_t first =
        socket->tcp.snd_una == socket->tcp.iss ? socket->tcp.iss + 1 : socket->tcp.snd_una;
    return tcp_before(first, socket->send_end) ? socket->send_end - first : 0;
}
/* tcp_urg_mode of Linux: the urgent byte is not acknowledged yet. */
static inline bool socket_is_urgent(const struct model_socket *socket)
{
    return socket->urgent_to_send && !tcp_before(socket->send_urgent, socket->tcp.snd_una);
}
/* URG where a segment from `seq` on tells of the urgent byte: it, what is ahead of it, and an
 * acknowledgment before it was sent. */
static inline uint8_t socket_urgent_flag(const struct model_socket *socket, uint32_t seq)
{
    return socket_is_urgent(socket) && !tcp_before(socket->send_urgent, seq) ? TCP_CTL_URG : 0;
}
/* What fills the send buffer (sk_wmem_queued of Linux). */
static inline uint32_t socket_send_memory(const struct model_socket *socket)
{
    if (!socket->app) {
        return socket_send_used(socket);
    }
    return socket->send_first != NULL ? socket->send_end - socket->send_kept + socket->send_extra
                                      : 0;
}
static inline bool socket_writable(const struct model_socket *socket)
{
    uint32_t used = socket_send_memory(socket);
    return used < socket->send_room && socket->send_room - used >= used / 2;
}
/* The state as a descriptor shows it: TIME-WAIT reads CLOSED. */
static inline enum tcp_state socket_state(const struct model_socket *socket)
{
    return socket->tcp.state == TCP_TIME_WAIT ? TCP_CLOSED : (enum tcp_state)socket->tcp.state;
}
/* More room in the receive queue: tells the other end when it may be waiting. */
void socket_room(struct model *model, struct model_socket *socket);
/* The room to advertise never shrinks (RFC 9293 3.8.6.2.1). */
static inline void socket_refresh_window(struct model_socket *socket)
{
    uint32_t room =
        socket->recv_room > socket->recv_used ? socket->recv_room - socket->recv_used : 0;
    if (room > socket->tcp.rcv_wnd) {
        socket->tcp.rcv_wnd = room;
    }
}

/* ---- socket_receive.c ---- */
/* A segment for `key` arrives; `node` is its storage, NULL for one without data. True: `node` was
 * kept. */
bool socket_arrive(struct model *model, uint64_t key, struct model_socket *to,
                   const struct tcp_segment *segment, struct net_segment *node, uint32_t conn);
/* Sends a pure ACK with sequence number `seq`: at once when nothing holds, loses or precedes it. */
void socket_acknowledge(struct model *model, struct model_socket *socket, uint32_t seq);

/* ---- socket_timer.c ---- */
void socket_timer_set(struct model *model, struct model_socket *socket, enum net_timer kind,
                      int64_t in_us);
/* How long an orphan waits in FIN-WAIT-2. */
int64_t socket_timer_fin_wait_2_us(const struct model *model, const struct model_socket *socket);
void socket_timer_cancel(struct model *model, struct model_socket *socket);
/* The acknowledgment of a SYN+ACK came, and TCP_DEFER_ACCEPT waits for data for so many rounds. */
void socket_timer_defer(struct model *model, struct model_socket *child);
/* What the timer guards was acknowledged: it may tell the round trip. Before it is released. */
void socket_timer_measured(struct model *model, struct model_socket *socket);
/* Starts the retransmission timer when something is unacknowledged and no timer runs. */
void socket_timer_arm(struct model *model, struct model_socket *socket);
/* A SYN that was not sent again yet goes again after two ticks: what came instead of its answer
 * acknowledges something else (tcp_rcv_synsent_state_process of Linux). */
void socket_timer_retry_syn(struct model *model, struct model_socket *socket);
void socket_timer_persist_update(struct model *model, struct model_socket *socket);
/* Probes matter only where a window update can be lost, or where a user timeout counts. */
static inline void socket_timer_persist(struct model *model, struct model_socket *socket)
{
    if (model->net->disturbed || socket->options.user_timeout_ms != 0) {
        socket_timer_persist_update(model, socket);
    }
}
/* SO_KEEPALIVE begins: at the end of a handshake, or when it is set. It ends where it is not set.
 */
void socket_keepalive_start(struct model *model, struct model_socket *socket);
/* TCP_KEEPIDLE is another one: it counts since the other end was heard. */
void socket_keepalive_update(struct model *model, struct model_socket *socket);
void socket_time_wait_schedule(struct model *model);
void socket_retransmit(struct model *model, struct model_socket *socket);
/* Sends what the window takes, also what waits for more to come. */
void socket_send_waiting(struct model *model, struct model_socket *socket);
/* Linux cuts a buffer in two where it sends but the part before `seq` again (tcp_fragment). */
void socket_cut_at(struct model_socket *socket, uint32_t seq);
/* Sends the segment from `seq` on again, which was sent before and is not acknowledged; returns the
 * sequence number behind it. `piece`: where what Linux hands down as one piece begins; `seq` where
 * none is under way, and moved on where a buffer begins. */
uint32_t socket_resend(struct model *model, struct model_socket *socket, uint32_t seq,
                       uint32_t *piece);
void socket_timers_init(struct model_socket *socket);
void socket_timers_init_net(struct model_net *net);

/* ---- socket_listen.c ---- */
/* A segment for a listener (3.10.7.2), with the queue limits of Linux (tcp_conn_request). True:
 * `node` was kept. */
bool socket_listener_arrive(struct model *model, struct model_socket *listener, uint64_t key,
                            const struct tcp_segment *segment, struct net_segment *node,
                            uint32_t conn);
/* Whether a child may not finish its handshake now: no room (tcp_abort_on_overflow=0), or
 * TCP_DEFER_ACCEPT and no data yet (tcp_check_req of Linux). */
bool socket_child_waits(struct model *model, struct model_socket *child,
                        const struct tcp_segment *segment);
/* Before the end of its handshake Linux has but a request; the socket is a copy of what the
 * listener is then (tcp_create_openreq_child), but for the window that the handshake offered. */
void socket_child_follow(struct model_socket *child, const struct model_socket *listener);
/* The handshake of a child is complete: it can be accepted. */
void socket_child_opened(struct model *model, struct model_socket *child);
/* Where the listener of a handshake was shut and listens again, the handshake is its own once more:
 * true. */
bool socket_child_listens_again(struct model_socket *child);

/* ---- socket_open.c: what the calls of both sides share ---- */
int socket_bind(struct model *model, struct model_socket *socket, struct net_name name);
int socket_listen(struct model *model, struct model_socket *socket, int backlog);
/* Sends the SYN: 0, -EADDRNOTAVAIL, -ENETUNREACH, … */
int socket_connect_start(struct model *model, struct model_socket *socket, struct net_name to);
/* inet_shutdown of Linux. how: SHUT_RD, SHUT_WR, SHUT_RDWR */
int socket_shutdown(struct model *model, struct model_socket *socket, int how);
/* The oldest finished connection; NULL when there is none. */
struct model_socket *socket_accept_take(struct model *model, struct model_socket *listener);
/* Stops listening: queued connections are reset. */
void socket_unlisten(struct model *model, struct model_socket *socket);

/* ---- socket_data.c ---- */
struct socket_io {
    const struct iovec *iov;
    size_t count;
    size_t size; /* bytes wanted in all */
    int flags;   /* MSG_ */
    bool lasts;  /* send: the bytes stay as they are until reset */
};
/* Takes what is there, at most io->size bytes from `done` on; does not wait. Bytes taken. */
size_t socket_recv_some(struct model *model, struct model_socket *socket,
                        const struct socket_io *io, size_t done);
/* Queues what there is room for and sends it; bytes queued, or -ENOBUFS. */
int64_t socket_send_some(struct model *model, struct model_socket *socket,
                         const struct socket_io *io, size_t done, size_t limit);
/* recv with MSG_OOB (tcp_recv_urg). 1, 0 or -errno. */
int64_t socket_recv_urgent(struct model_socket *socket, const struct socket_io *io);
/* What a recv that found nothing answers when it may not wait: 0, -errno; 1: it would wait. Takes
 * the FIN that it tells of, unless `flags` have MSG_PEEK. */
int socket_recv_empty(struct model_socket *socket, int flags);
bool socket_at_mark(const struct model_socket *socket);
/* FIONREAD. */
uint32_t socket_readable_bytes(const struct model_socket *socket);
int64_t socket_recv(struct model *model, struct model_file *file, enum trace_call call, int fd,
                    struct msghdr *message, int flags);
int64_t socket_send(struct model *model, struct model_file *file, enum trace_call call, int fd,
                    const struct msghdr *message, int flags);

/* ---- option.c ---- */
int option_set(struct model *model, struct model_socket *socket, int level, int name,
               const void *value, socklen_t size);
int option_get(struct model *model, struct model_socket *socket, int level, int name, void *value,
               socklen_t *size);
void option_set_rcvbuf_exactly(struct model *model, struct model_socket *socket, uint32_t bytes);
void option_set_sndbuf_exactly(struct model *model, struct model_socket *socket, uint32_t bytes);

/* ---- scripted.c ---- */
void scripted_ready(struct model_net *net, struct model_socket *socket);
void scripted_forget(struct model_net *net, struct model_socket *socket);
void scripted_reset(struct model_net *net);
struct model_socket *scripted_at(const struct model_net *net, int s);
/* The lowest free number, or -EMFILE. */
int scripted_number_take(struct model_net *net, struct model_socket *socket);
/* close(2) up to where it may wait; true when it was the last descriptor, and socket_close_end is
 * to follow. */
bool scripted_close_begin(struct model *model, struct model_socket *socket, int s);
/* As connect() with O_NONBLOCK. */
int scripted_connect_to(struct model *model, struct model_socket *socket, struct net_name name);
/* scripted_process.c */
extern void scripted_process_ops(struct world_ops *ops);
/* scripted_app.c */
extern void scripted_app_ops(struct world_ops *ops);
int world_scripted_socket(struct world *world, enum trace_host host);
extern void scripted_ops(struct world_ops *ops);
extern void wire_ops(struct world_ops *ops);

static inline void socket_notify(struct model *model, struct model_socket *socket, uint32_t bits)
{
    if (socket->scripted) {
        if (!socket->ready) {
            scripted_ready(model->net, socket);
        }
        if (socket->file.items != NULL) {
            model_file_notify(model, &socket->file, bits);
        }
        model_changed(model);
    } else if (socket->file.refs > 0) {
        model_file_notify(model, &socket->file, bits);
    } else {
        model_changed(model);
    }
}

#endif
