/* The network's pools and tables: sockets, segments, chunks, addresses, 4-tuples, ports. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/net.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bytes.h"

/* ---- Memory: address space is reserved once, pages are touched as they are used ---- */

static void *reserve(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* Every array of the network with its size, so that making and freeing them cannot differ. */
#define NET_ARRAYS(X)                                                                              \
    X(sockets, sizeof(struct model_socket) * MODEL_SOCKETS_MAX)                                    \
    X(chunks, sizeof(struct net_chunk) * NET_CHUNKS_MAX)                                           \
    X(segments, sizeof(struct net_segment) * NET_SEGMENTS_MAX)                                     \
    X(table, sizeof(uint16_t) * NET_HASH_SIZE)                                                     \
    X(bound, sizeof(uint16_t) * NET_PORTS * TRACE_HOST_COUNT)                                      \
    X(listening, sizeof(uint16_t) * NET_PORTS * TRACE_HOST_COUNT)                                  \
    X(numbers, sizeof(uint16_t) * MODEL_SOCKETS_MAX)

_Static_assert(offsetof(struct model_socket, options) % 64 == 0, "it is cleared line by line");
_Static_assert(MODEL_SOCKETS_MAX < UINT16_MAX, "sockets are numbered in 16 bits");
_Static_assert((NET_HASH_SIZE & (NET_HASH_SIZE - 1)) == 0, "the table's size is a power of two");

void model_net_free(struct model_net *net)
{
    if (net == NULL) {
        return;
    }
#define NET_UNMAP(member, size)                                                                    \
    if (net->member != NULL) {                                                                     \
        munmap(net->member, size);                                                                 \
    }
    NET_ARRAYS(NET_UNMAP)
#undef NET_UNMAP
    free(net);
}

static void addresses_reset(struct model_net *net)
{
    net->addresses[NET_ANY4] = (struct net_address){.scope = NET_SCOPE_ANY};
    net->addresses[NET_ANY6] = (struct net_address){.v6 = 1, .scope = NET_SCOPE_ANY};
    net->addresses[NET_LOOPBACK4] =
        (struct net_address){.scope = NET_SCOPE_LOOPBACK, .bytes = {127, 0, 0, 1}};
    net->addresses[NET_LOOPBACK6] =
        (struct net_address){.v6 = 1, .scope = NET_SCOPE_LOOPBACK, .bytes = {[15] = 1}};
    for (uint8_t host = 0; host < TRACE_HOST_COUNT; host++) {
        uint8_t last = (uint8_t)(host + 1);
        net->addresses[NET_HOST4 + host] =
            (struct net_address){.scope = NET_SCOPE_HOST, .host = host, .bytes = {192, 0, 2, last}};
        net->addresses[NET_HOST6 + host] =
            (struct net_address){.v6 = 1,
                                 .scope = NET_SCOPE_HOST,
                                 .host = host,
                                 .bytes = {0x20, 0x01, 0x0D, 0xB8, [15] = last}};
    }
    net->address_count = NET_ADDRESS_FIXED;
}

enum status model_net_new(struct model *model, struct model_net **ret_net)
{
    struct model_net *net = calloc(1, sizeof *net);
    if (net == NULL) {
        return STATUS_NO_MEMORY;
    }
    bool complete = true;
#define NET_MAP(member, size)                                                                      \
    net->member = reserve(size);                                                                   \
    complete = complete && net->member != NULL;
    NET_ARRAYS(NET_MAP)
#undef NET_MAP
    if (!complete) {
        model_net_free(net);
        return STATUS_NO_MEMORY;
    }
    net->model = model;
    socket_timers_init_net(net);
    addresses_reset(net);
    *ret_net = net;
    return STATUS_OK;
}

/* Empties what the run touched; `life` of each slot goes on so that nothing stale is mistaken. */
void model_net_reset(struct model *model)
{
    struct model_net *net = model->net;
    for (uint32_t i = 0; i < net->sockets_used; i++) {
        struct model_socket *socket = &net->sockets[i];
        if (socket->key != 0) {
            net_table_remove(net, socket);
        }
        if (socket->bound.port != 0) {
            net->bound[socket->file.host][socket->bound.port] = 0;
            net->listening[socket->file.host][socket->bound.port] = 0;
        }
        socket->life++;
    }
    net->sockets_free = 0;
    net->sockets_used = 0;
    net->sockets_open = 0;
    net->chunks_free = NULL;
    net->chunks_used = 0;
    net->segments_free = NULL;
    net->segments_used = 0;
    wire_reset(model);
    net->order = 0;
    net->inline_depth = 0;
    net->conns = 0;
    memset(net->alive, 0, sizeof net->alive);
    net->app_full = false;
    memset(net->cookies, 0, sizeof net->cookies);
    net->time_wait_first = NULL;
    net->time_wait_last = NULL;
    net->time_wait_timer.index = 0;
    net->strict = false;
    net->iss = NET_ISS_FIRST + (uint32_t)(model->random.state >> 40);
    scripted_reset(net);
    net->address_count = NET_ADDRESS_FIXED;
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        net->next_port[host] =
            (uint16_t)(NET_PORT_FIRST +
                       random_below(&model->random, NET_PORT_LAST - NET_PORT_FIRST + 1));
    }
}

uint32_t net_iss(struct model *model)
{
    enum { STEP = 2048 }; /* as Linux goes on between two connections that follow one another */
    uint64_t drawn = random_next(&model->random);
    model->net->iss += STEP + (uint32_t)(drawn & 0x3FF);
    return model->net->iss;
}

/* ---- Sockets ---- */

/* An orphan in TIME-WAIT makes room, the oldest first (as tcp_max_tw_buckets does). */
static bool recycle_time_wait(struct model *model)
{
    for (struct model_socket *socket = model->net->time_wait_first; socket != NULL;
         socket = socket->link_next) {
        if (socket->orphan) {
            socket_event(model, socket, TCP_EVENT_TIMEOUT);
            socket_closed(model, socket);
            return true;
        }
    }
    return false;
}

struct model_socket *net_socket_new(struct model *model, enum trace_host host, bool v6)
{
    struct model_net *net = model->net;
    if (net->sockets_free == 0 && net->sockets_used == MODEL_SOCKETS_MAX &&
        !recycle_time_wait(model)) {
        return NULL;
    }
    struct model_socket *socket;
    if (net->sockets_free != 0) {
        socket = &net->sockets[net->sockets_free - 1];
        net->sockets_free = socket->hash_next;
    } else {
        socket = &net->sockets[net->sockets_used++];
    }
    uint32_t life = socket->life;
    bytes_clear(socket, offsetof(struct model_socket, options));
    socket->options = net_options_default;
    socket->life = life + 1;
    socket->self = (uint16_t)(socket - net->sockets + 1);
    socket->file.ops = &socket_ops;
    socket->file.host = (uint8_t)host;
    socket->v6 = v6;
    socket->number = -1;
    socket->refused_us = -1;
    socket->local.address = v6 ? NET_ANY6 : NET_ANY4;
    socket->mss = NET_ETHERNET;
    socket->send_room = NET_SNDBUF;
    socket->recv_room = NET_RCVBUF;
    socket_timers_init(socket);
    net->sockets_open++;
    return socket;
}

void net_socket_free(struct model *model, struct model_socket *socket)
{
    struct model_net *net = model->net;
    assert(socket->tcp.state == TCP_CLOSED && socket->listener == NULL);
    assert(socket->timer.index == 0 && socket->keepalive.index == 0);
    socket_drop_queues(model, socket);
    if (socket->peer != NULL) {
        socket->peer->peer = NULL;
        socket->peer = NULL;
    }
    if (socket->key != 0) {
        net_table_remove(net, socket);
    }
    if (socket->bound.port != 0) {
        net_unbind(net, socket);
    }
    scripted_forget(net, socket);
    socket->life++;
    socket->hash_next = net->sockets_free;
    net->sockets_free = socket->self;
    net->sockets_open--;
}

/* ---- Segments and chunks ---- */

struct net_chunk *net_chunk_new(struct model_net *net)
{
    struct net_chunk *chunk = net->chunks_free;
    if (chunk != NULL) {
        net->chunks_free = chunk->next;
    } else if (net->chunks_used < NET_CHUNKS_MAX) {
        chunk = &net->chunks[net->chunks_used++];
    } else {
        return NULL;
    }
    chunk->next = NULL;
    chunk->bytes = chunk->data;
    chunk->refs = 1;
    chunk->used = 0;
    return chunk;
}

/* ---- Addresses ---- */

static uint8_t address_scope(bool v6, const uint8_t *bytes)
{
    static const uint8_t documentation6[8] = {0x20, 0x01, 0x0D, 0xB8};
    if (!v6 && bytes[0] == 127) {
        return NET_SCOPE_LOOPBACK;
    }
    bool on_link = v6 ? memcmp(bytes, documentation6, sizeof documentation6) == 0
                      : bytes[0] == 192 && bytes[1] == 0 && bytes[2] == 2;
    return on_link ? NET_SCOPE_NOWHERE : UINT8_MAX;
}

uint8_t net_address_intern(struct model_net *net, bool v6, const uint8_t *bytes)
{
    size_t size = v6 ? 16 : 4;
    for (uint32_t i = NET_ANY4; i < net->address_count; i++) {
        if (net->addresses[i].v6 == v6 && memcmp(net->addresses[i].bytes, bytes, size) == 0) {
            return (uint8_t)i;
        }
    }
    uint8_t scope = address_scope(v6, bytes);
    if (scope == UINT8_MAX || net->address_count > NET_ADDRESSES_MAX) {
        return NET_NONE;
    }
    struct net_address *address = &net->addresses[net->address_count];
    *address = (struct net_address){.v6 = v6, .scope = scope};
    memcpy(address->bytes, bytes, size);
    return (uint8_t)net->address_count++;
}

bool net_address_is_local(const struct model_net *net, uint8_t address, enum trace_host host)
{
    const struct net_address *row = &net->addresses[address];
    return row->scope == NET_SCOPE_LOOPBACK || row->scope == NET_SCOPE_ANY ||
           (row->scope == NET_SCOPE_HOST && row->host == host);
}

bool net_address_is_own(const struct model_net *net, uint8_t address, enum trace_host host)
{
    const struct net_address *row = &net->addresses[address];
    return row->scope == NET_SCOPE_HOST && row->host == host;
}

/* ---- The table of 4-tuples ---- */

void net_table_add(struct model_net *net, struct model_socket *socket, uint64_t key)
{
    assert(socket->key == 0 && key != 0);
    uint16_t *head = &net->table[net_key_slot(key)];
    socket->key = key;
    socket->there = net_key_reverse(
        key, socket->lane == NET_LANE_LOCAL ? socket_host(socket) : (enum trace_host)socket->lane);
    socket->hash_next = *head;
    *head = socket->self;
}

void net_table_remove(struct model_net *net, struct model_socket *socket)
{
    uint16_t *link = &net->table[net_key_slot(socket->key)];
    while (*link != 0 && *link != socket->self) {
        link = &net->sockets[*link - 1].hash_next;
    }
    assert(*link == socket->self);
    *link = socket->hash_next;
    socket->key = 0;
}

/* ---- Ports ---- */

/* Whether two bound addresses cover a common one (ipv6_rcv_saddr_equal of Linux). */
static bool addresses_overlap(const struct model_net *net, uint8_t a, bool a_v6only, uint8_t b,
                              bool b_v6only)
{
    if (a == b) {
        return true;
    }
    bool a6 = net->addresses[a].v6;
    bool b6 = net->addresses[b].v6;
    bool a_any = net->addresses[a].scope == NET_SCOPE_ANY;
    bool b_any = net->addresses[b].scope == NET_SCOPE_ANY;
    if (a6 == b6) {
        return a_any || b_any;
    }
    return a6 ? a_any && !a_v6only : b_any && !b_v6only;
}

/* A handshake that a listener began and nobody accepted: on Linux a request, which has no socket
 * and so no place among those bound to a port. */
static bool is_request(const struct model_socket *socket)
{
    return socket->tcp.state == TCP_SYN_RECEIVED && socket->file.refs == 0;
}

/* Whether who is bound lets others have its port, by SO_REUSEADDR or SO_REUSEPORT as they are and
 * as they were when its TIME-WAIT began. That has the port by itself (inet_twsk_alloc of Linux); a
 * descriptor has it as well where the program chose it. */
static bool lets(const struct model_socket *other, bool is, bool was)
{
    bool waits = other->tcp.state == TCP_TIME_WAIT;
    bool held = !waits || (other->bound_by_user && other->file.refs > 0);
    return (!waits || was) && (!held || is);
}

bool net_bind_conflicts(const struct model_net *net, const struct model_socket *socket,
                        struct net_name name)
{
    const struct model_socket *other = net_socket_at(net, net->bound[socket->file.host][name.port]);
    for (; other != NULL; other = net_socket_at(net, other->bound_next)) {
        if (other == socket || is_request(other)) {
            continue;
        }
        bool both_reuse = socket->options.reuseaddr && other->tcp.state != TCP_LISTEN &&
                          lets(other, other->options.reuseaddr, other->reuseaddr_then);
        bool both_share = socket->options.reuseport &&
                          lets(other, other->options.reuseport, other->reuseport_then);
        if (!both_reuse && !both_share &&
            addresses_overlap(net, name.address, socket->options.v6only, other->bound.address,
                              other->options.v6only)) {
            return true;
        }
    }
    return false;
}

static void bound_add(struct model_net *net, struct model_socket *socket, struct net_name name)
{
    uint16_t *head = &net->bound[socket->file.host][name.port];
    socket->bound = name;
    socket->bound_prev = 0;
    socket->bound_next = *head;
    if (*head != 0) {
        net->sockets[*head - 1].bound_prev = socket->self;
    }
    *head = socket->self;
}

void net_unbind(struct model_net *net, struct model_socket *socket)
{
    assert(socket->bound.port != 0);
    struct model_socket *next = net_socket_at(net, socket->bound_next);
    struct model_socket *prev = net_socket_at(net, socket->bound_prev);
    if (next != NULL) {
        next->bound_prev = socket->bound_prev;
    }
    if (prev != NULL) {
        prev->bound_next = socket->bound_next;
    } else {
        net->bound[socket->file.host][socket->bound.port] = socket->bound_next;
    }
    socket->bound.port = 0;
}

int net_bind(struct model *model, struct model_socket *socket, struct net_name name)
{
    struct model_net *net = model->net;
    unsigned host = socket->file.host;
    assert(socket->bound.port == 0);
    if (name.port != 0) {
        if (net_bind_conflicts(net, socket, name)) {
            return -EADDRINUSE;
        }
        bound_add(net, socket, name);
        return 0;
    }
    /* There are more ports than sockets: the search ends. */
    do {
        name.port = net->next_port[host];
        net->next_port[host] =
            name.port == NET_PORT_LAST ? NET_PORT_FIRST : (uint16_t)(name.port + 1);
    } while (net->bound[host][name.port] != 0);
    bound_add(net, socket, name);
    return 0;
}

void net_bind_child(struct model_net *net, struct model_socket *child, struct net_name name)
{
    bound_add(net, child, name);
}

void net_listen_add(struct model_net *net, struct model_socket *socket)
{
    uint16_t *head = &net->listening[socket->file.host][socket->bound.port];
    socket->listen_next = *head;
    *head = socket->self;
}

void net_listen_remove(struct model_net *net, struct model_socket *socket)
{
    uint16_t *link = &net->listening[socket->file.host][socket->bound.port];
    while (*link != 0 && *link != socket->self) {
        link = &net->sockets[*link - 1].listen_next;
    }
    assert(*link == socket->self);
    *link = socket->listen_next;
}

/* How well a listener fits a destination: 0 not at all; an exact address beats a wildcard, a
 * wildcard of the same family one that takes both (compute_score of Linux). */
static unsigned listener_score(const struct model_net *net, const struct model_socket *listener,
                               uint8_t address)
{
    if (listener->bound.address == address) {
        return 3;
    }
    if (net->addresses[listener->bound.address].scope != NET_SCOPE_ANY) {
        return 0;
    }
    if (net->addresses[listener->bound.address].v6 == net->addresses[address].v6) {
        return 2;
    }
    return listener->v6 && !listener->options.v6only ? 1 : 0;
}

struct model_socket *net_listener_find(const struct model_net *net, enum trace_host host,
                                       struct net_name name, uint64_t key)
{
    struct model_socket *best = NULL;
    unsigned best_score = 0;
    uint32_t sharing = 0;
    struct model_socket *listener = net_socket_at(net, net->listening[host][name.port]);
    for (; listener != NULL; listener = net_socket_at(net, listener->listen_next)) {
        unsigned score = listener_score(net, listener, name.address);
        if (score > best_score) {
            best = listener;
            best_score = score;
            sharing = 1;
        } else if (score == best_score && score > 0) {
            /* SO_REUSEPORT: each connection falls to one of them, the same one every time. */
            sharing++;
            if ((uint32_t)((key * 0xD6E8FEB86659FD93ULL) >> 33) % sharing == 0) {
                best = listener;
            }
        }
    }
    return best;
}
