/* Scripted sockets: descriptors of an instance, under numbers that both hosts share as those of one
 * process would be. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "stack/world_internal.h"

enum {
    READY_BITS = POLLIN | POLLPRI | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM |
                 POLLRDBAND | POLLWRBAND | POLLRDHUP
};

static struct stack_socket *at(struct stack_world *stack, int s)
{
    return s >= 0 && s < STACK_SOCKETS_MAX && stack->sockets[s].open ? &stack->sockets[s] : NULL;
}

static enum trace_host host_of(const struct stack_socket *socket)
{
    return (enum trace_host)socket->host;
}

/* Asks about a socket; the answer is 0 or an -errno. */
static int ask_simple(struct stack_world *stack, const struct stack_socket *socket,
                      enum stack_request_kind kind, int64_t a, int64_t b)
{
    int64_t result = stack_ask_plain(stack, host_of(socket), kind, socket->fd, a, b);
    return (int)stack_within(stack, host_of(socket), kind, result, 0);
}

/* ---- Numbers ---- */

/* Whether an instance has this descriptor open, as far as it told us. */
static bool is_open(const struct stack_world *stack, enum trace_host host, int64_t fd)
{
    for (unsigned s = 0; s < STACK_SOCKETS_MAX; s++) {
        if (stack->sockets[s].open && stack->sockets[s].host == (uint8_t)host &&
            stack->sockets[s].fd == fd) {
            return true;
        }
    }
    return false;
}

/* A descriptor that the instance gave gets the lowest free number, and one that is as much higher
 * as the descriptor is above the lowest that the instance has free. */
static int number_take(struct stack_world *stack, enum trace_host host,
                       enum stack_request_kind kind, int64_t fd, bool app)
{
    fd = stack_within(stack, host, kind, fd, SOCKSPEC_STACK_DESCRIPTORS - 1);
    if (fd < 0) {
        return (int)fd;
    }
    if (is_open(stack, host, fd)) {
        stack_nonsense(stack, host, stack_request_word(kind),
                       "it answered descriptor %d, which is open already", (int)fd);
        return -EIO;
    }
    unsigned skipped = 0;
    for (int64_t lower = 0; lower < fd; lower++) {
        skipped += !is_open(stack, host, lower);
    }
    unsigned number = 0;
    while (number < STACK_SOCKETS_MAX && (stack->sockets[number].open || skipped > 0)) {
        skipped -= !stack->sockets[number].open;
        number++;
    }
    if (number == STACK_SOCKETS_MAX) {
        return -EMFILE;
    }
    stack->sockets[number] = (struct stack_socket){
        .open = true, .app = app, .host = (uint8_t)host, .fd = (int)fd, .last_ready = -1};
    return (int)number;
}

void stack_sockets_reset(struct stack_world *stack)
{
    memset(stack->sockets, 0, sizeof(stack->sockets));
}

/* The ports of a socket; false where the adapter cannot say. */
static bool ports_of(struct stack_world *stack, const struct stack_socket *socket,
                     uint16_t *ret_local, uint16_t *ret_remote)
{
    int64_t both = stack_ask_plain(stack, host_of(socket), STACK_PORTS, socket->fd, 0, 0);
    if (stack_within(stack, host_of(socket), STACK_PORTS, both, UINT32_MAX) < 0) {
        return false;
    }
    *ret_local = (uint16_t)(both >> 16);
    *ret_remote = (uint16_t)both;
    return true;
}

static void find_conn(struct stack_world *stack, struct stack_socket *socket)
{
    uint16_t local = 0;
    uint16_t remote = 0;
    (void)packet_wire_collect(&stack->wire);
    if (ports_of(stack, socket, &local, &remote) && remote != 0) {
        socket->conn = packet_wire_conn(&stack->wire, host_of(socket), local, remote);
    }
}

/* ---- Listeners ---- */

/* Traces whether the port is listened on, where that changed. */
static void sample_listener(struct stack_world *stack, struct stack_socket *socket, bool before)
{
    enum trace_host host = host_of(socket);
    int64_t state = stack_ask_plain(stack, host, STACK_STATE, -1, socket->port, 0);
    if (stack_has_ended(stack)) {
        return;
    }
    if (state != TCP_LISTEN && state != TCP_CLOSED) {
        stack_nonsense(stack, host, "state", "it answered %lld for a port that is listened on",
                       (long long)state);
        return;
    }
    bool now = state == TCP_LISTEN;
    if (now != before) {
        packet_wire_trace_state(&stack->wire, host, 0, before ? TCP_LISTEN : TCP_CLOSED,
                                now ? TCP_LISTEN : TCP_CLOSED);
    }
    socket->listening = now;
}

/* ---- Opening ---- */

static int open_socket(struct world *world, enum trace_host host, bool app)
{
    struct stack_world *stack = stack_of(world);
    int64_t fd = stack_ask_plain(stack, host, STACK_SOCKET, -1, 0, 0);
    return number_take(stack, host, STACK_SOCKET, fd, app);
}
static int stack_socket(struct world *world, enum trace_host host)
{
    return open_socket(world, host, false);
}
static int stack_app_socket(struct world *world, enum trace_host host)
{
    return open_socket(world, host, true);
}

static int stack_bind(struct world *world, int s, uint16_t port)
{
    struct stack_world *stack = stack_of(world);
    const struct stack_socket *socket = at(stack, s);
    return socket == NULL ? -EBADF : ask_simple(stack, socket, STACK_BIND, port, 0);
}

static int stack_listen(struct world *world, int s, int backlog)
{
    struct stack_world *stack = stack_of(world);
    struct stack_socket *socket = at(stack, s);
    if (socket == NULL) {
        return -EBADF;
    }
    int result = ask_simple(stack, socket, STACK_LISTEN, backlog, 0);
    uint16_t remote = 0;
    if (result == 0 && ports_of(stack, socket, &socket->port, &remote)) {
        sample_listener(stack, socket, socket->listening);
    }
    return result;
}

static int stack_accept(struct world *world, int s)
{
    struct stack_world *stack = stack_of(world);
    const struct stack_socket *listener = at(stack, s);
    if (listener == NULL) {
        return -EBADF;
    }
    enum trace_host host = host_of(listener);
    int64_t fd = stack_ask_plain(stack, host, STACK_ACCEPT, listener->fd, 0, 0);
    int number = number_take(stack, host, STACK_ACCEPT, fd, listener->app);
    if (number >= 0) {
        find_conn(stack, &stack->sockets[number]);
    }
    return number;
}

static int connect_to(struct stack_world *stack, int s, uint16_t port, bool own)
{
    struct stack_socket *socket = at(stack, s);
    if (socket == NULL) {
        return -EBADF;
    }
    int result = ask_simple(stack, socket, STACK_CONNECT, port, own);
    if (result == -EINPROGRESS || result == 0) {
        find_conn(stack, socket);
    }
    (void)packet_wire_collect(&stack->wire);
    return result;
}
static int stack_connect(struct world *world, int s, uint16_t port)
{
    return connect_to(stack_of(world), s, port, false);
}
static int stack_app_connect(struct world *world, int s, enum trace_host to, uint16_t port)
{
    const struct stack_socket *socket = at(stack_of(world), s);
    return connect_to(stack_of(world), s, port, socket != NULL && socket->host == (uint8_t)to);
}

/* What a call did shows on the wire, where the state goes with the segment, or in the state alone.
 */
static void changed(struct stack_world *stack, const struct stack_socket *socket)
{
    (void)packet_wire_collect(&stack->wire);
    if (socket->conn != 0) {
        packet_wire_sample_end(&stack->wire, socket->conn, host_of(socket));
    }
}

static int stack_app_disconnect(struct world *world, int s)
{
    struct stack_world *stack = stack_of(world);
    struct stack_socket *socket = at(stack, s);
    if (socket == NULL) {
        return -EBADF;
    }
    int result = ask_simple(stack, socket, STACK_DISCONNECT, 0, 0);
    changed(stack, socket);
    socket->conn = result == 0 ? 0 : socket->conn;
    return result;
}

/* ---- Data ---- */

static int64_t stack_send(struct world *world, int s, const void *data, size_t size, int flags)
{
    struct stack_world *stack = stack_of(world);
    const struct stack_socket *socket = at(stack, s);
    if (socket == NULL) {
        return -EBADF;
    }
    struct stack_question question = {.kind = STACK_SEND,
                                      .s = socket->fd,
                                      .a = flags & MSG_OOB,
                                      .data = data,
                                      .size = size < STACK_DATA_MAX ? size : STACK_DATA_MAX};
    int64_t result = stack_ask(stack, host_of(socket), &question);
    result = stack_within(stack, host_of(socket), STACK_SEND, result, (int64_t)question.size);
    (void)packet_wire_collect(&stack->wire);
    return result;
}

static int64_t stack_recv(struct world *world, int s, void *data, size_t size, int flags)
{
    struct stack_world *stack = stack_of(world);
    const struct stack_socket *socket = at(stack, s);
    if (socket == NULL) {
        return -EBADF;
    }
    size_t room = size < STACK_DATA_MAX ? size : STACK_DATA_MAX;
    struct stack_question question = {.kind = STACK_RECV,
                                      .s = socket->fd,
                                      .a = flags & (MSG_OOB | MSG_PEEK | MSG_WAITALL),
                                      .b = (int64_t)room,
                                      .back = data,
                                      .back_room = room};
    int64_t result = stack_ask(stack, host_of(socket), &question);
    result = stack_within(stack, host_of(socket), STACK_RECV, result, (int64_t)room);
    (void)packet_wire_collect(&stack->wire); /* the window may have opened */
    return result;
}

/* ---- Ending ---- */

static int stack_shutdown(struct world *world, int s, int how)
{
    struct stack_world *stack = stack_of(world);
    struct stack_socket *socket = at(stack, s);
    if (socket == NULL) {
        return -EBADF;
    }
    int result = ask_simple(stack, socket, STACK_SHUTDOWN, how, 0);
    changed(stack, socket);
    if (socket->listening) {
        sample_listener(stack, socket, true);
    }
    return result;
}

static int end_socket(struct world *world, int s, enum stack_request_kind kind)
{
    struct stack_world *stack = stack_of(world);
    struct stack_socket *socket = at(stack, s);
    if (socket == NULL) {
        return -EBADF;
    }
    struct stack_socket before = *socket;
    int result = ask_simple(stack, socket, kind, 0, 0);
    socket->open = false;
    changed(stack, &before);
    if (before.listening) {
        sample_listener(stack, &before, true);
    }
    return result;
}
static int stack_close(struct world *world, int s)
{
    return end_socket(world, s, STACK_CLOSE);
}
static int stack_abort(struct world *world, int s)
{
    return end_socket(world, s, STACK_ABORT);
}

/* ---- Options ---- */

static int stack_option_set(struct world *world, int s, int level, int name, const void *value,
                            uint32_t size)
{
    struct stack_world *stack = stack_of(world);
    const struct stack_socket *socket = at(stack, s);
    if (socket == NULL) {
        return -EBADF;
    }
    struct stack_question question = {.kind = STACK_SETSOCKOPT,
                                      .s = socket->fd,
                                      .a = level,
                                      .b = name,
                                      .data = value,
                                      .size = size};
    int64_t result = stack_ask(stack, host_of(socket), &question);
    result = stack_within(stack, host_of(socket), STACK_SETSOCKOPT, result, 0);
    (void)packet_wire_collect(&stack->wire); /* TCP_NODELAY sends what waited */
    return (int)result;
}

static int stack_option_get(struct world *world, int s, int level, int name, void *value,
                            uint32_t *size)
{
    struct stack_world *stack = stack_of(world);
    const struct stack_socket *socket = at(stack, s);
    if (socket == NULL) {
        return -EBADF;
    }
    struct stack_question question = {.kind = STACK_GETSOCKOPT,
                                      .s = socket->fd,
                                      .a = level,
                                      .b = name,
                                      .data = value,
                                      .size = *size,
                                      .back = value,
                                      .back_room = *size};
    int64_t result = stack_ask(stack, host_of(socket), &question);
    *size = (uint32_t)question.back_size < *size ? (uint32_t)question.back_size : *size;
    return (int)stack_within(stack, host_of(socket), STACK_GETSOCKOPT, result, 0);
}

static int stack_setsockopt(struct world *world, int s, enum world_option option, int value)
{
    struct linger linger = {.l_onoff = value >= 0, .l_linger = value >= 0 ? value : 0};
    bool lingers = option == WORLD_OPTION_LINGER;
    if (option >= WORLD_OPTION_ERROR) {
        return -ENOPROTOOPT;
    }
    return stack_option_set(
        world, s, world_option_names[option].level, world_option_names[option].name,
        lingers ? (const void *)&linger : &value, lingers ? sizeof(linger) : sizeof(value));
}

static int stack_getsockopt(struct world *world, int s, enum world_option option, int *ret_value)
{
    int value[2] = {0, 0};
    bool lingers = option == WORLD_OPTION_LINGER;
    uint32_t size = lingers ? sizeof(value) : sizeof(value[0]);
    if (option >= WORLD_OPTION_COUNT) {
        return -ENOPROTOOPT;
    }
    int result = stack_option_get(world, s, world_option_names[option].level,
                                  world_option_names[option].name, value, &size);
    if (result == 0) {
        *ret_value = !lingers ? value[0] : value[0] != 0 ? value[1] : -1;
    }
    return result;
}

/* ---- What is asked without changing anything ---- */

static int stack_poll(struct world *world, int s)
{
    struct stack_world *stack = stack_of(world);
    const struct stack_socket *socket = at(stack, s);
    if (socket == NULL) {
        return -EBADF;
    }
    int64_t bits = stack_ask_plain(stack, host_of(socket), STACK_POLL, socket->fd, 0, 0);
    if (bits >= 0 && (bits & ~(int64_t)READY_BITS) != 0) {
        stack_nonsense(stack, host_of(socket), "poll",
                       "it answered 0x%llx, which has bits that poll(2) has not",
                       (unsigned long long)bits);
        return -EIO;
    }
    return (int)stack_within(stack, host_of(socket), STACK_POLL, bits, READY_BITS);
}

static int stack_dup(struct world *world, int s)
{
    struct stack_world *stack = stack_of(world);
    const struct stack_socket *socket = at(stack, s);
    if (socket == NULL) {
        return -EBADF;
    }
    enum trace_host host = host_of(socket);
    int64_t fd = stack_ask_plain(stack, host, STACK_DUP, socket->fd, 0, 0);
    int number = number_take(stack, host, STACK_DUP, fd, socket->app);
    if (number >= 0) {
        stack->sockets[number].conn = socket->conn;
        stack->sockets[number].listening = socket->listening;
        stack->sockets[number].port = socket->port;
    }
    return number;
}

static int stack_app_name(struct world *world, int s, bool peer, struct world_name *ret_name)
{
    static const uint8_t nowhere[4] = {0};
    struct stack_world *stack = stack_of(world);
    const struct stack_socket *socket = at(stack, s);
    struct sockspec_stack_name name = {{0}, 0};
    if (socket == NULL) {
        return -EBADF;
    }
    struct stack_question question = {
        .kind = STACK_NAMES, .s = socket->fd, .a = peer, .back = &name, .back_room = sizeof(name)};
    int64_t result = stack_ask(stack, host_of(socket), &question);
    result = stack_within(stack, host_of(socket), STACK_NAMES, result, 0);
    if (result < 0) {
        return (int)result;
    }
    ret_name->port = name.port;
    if (memcmp(name.address, nowhere, sizeof(nowhere)) == 0) {
        ret_name->place = WORLD_PLACE_ANY;
    } else if (name.address[0] == IN_LOOPBACKNET) {
        ret_name->place = WORLD_PLACE_LOOPBACK;
    } else if (memcmp(name.address, stack_addresses[TRACE_HOST_TARGET], 4) == 0) {
        ret_name->place = WORLD_PLACE_TARGET;
    } else if (memcmp(name.address, stack_addresses[TRACE_HOST_PEER], 4) == 0) {
        ret_name->place = WORLD_PLACE_PEER;
    } else {
        stack_nonsense(stack, host_of(socket), "names", "%u.%u.%u.%u is no address of either host",
                       name.address[0], name.address[1], name.address[2], name.address[3]);
        return -EIO;
    }
    return 0;
}

static int stack_app_flags(struct world *world, int s, bool descriptor)
{
    struct stack_world *stack = stack_of(world);
    const struct stack_socket *socket = at(stack, s);
    if (socket == NULL) {
        return -EBADF;
    }
    int64_t flags = stack_ask_plain(stack, host_of(socket), STACK_FLAGS, socket->fd, descriptor, 0);
    return (int)stack_within(stack, host_of(socket), STACK_FLAGS, flags, INT32_MAX);
}

static int stack_app_unreachable(struct world *world, int s, uint8_t code)
{
    struct stack_world *stack = stack_of(world);
    const struct stack_socket *socket = at(stack, s);
    return socket == NULL
               ? -EBADF
               : packet_wire_unreachable(&stack->wire, socket->conn, host_of(socket), code);
}

/* The contract has no epoll. */
static int stack_app_watch(struct world *world, int s, int op, uint32_t events)
{
    (void)world;
    (void)s;
    (void)op;
    (void)events;
    return -ENOSYS;
}
static int stack_app_wait(struct world *world, enum trace_host host, struct world_ready *ready,
                          int max)
{
    (void)world;
    (void)host;
    (void)ready;
    (void)max;
    return -ENOSYS;
}

/* Of peers only, which are few: they are asked one by one. */
static int stack_next_ready(struct world *world, enum trace_host host)
{
    struct stack_world *stack = stack_of(world);
    for (int s = 0; s < STACK_SOCKETS_MAX; s++) {
        struct stack_socket *socket = &stack->sockets[s];
        if (!socket->open || socket->app || socket->host != (uint8_t)host) {
            continue;
        }
        int bits = stack_poll(world, s);
        if (bits >= 0 && bits != socket->last_ready) {
            socket->last_ready = bits;
            return s;
        }
    }
    return -1;
}

static uint32_t stack_conn(struct world *world, int s)
{
    const struct stack_socket *socket = at(stack_of(world), s);
    return socket == NULL ? 0 : socket->conn;
}

static enum tcp_state stack_state(struct world *world, int s)
{
    struct stack_world *stack = stack_of(world);
    const struct stack_socket *socket = at(stack, s);
    if (socket == NULL || socket->conn == 0) {
        return socket != NULL && socket->listening ? TCP_LISTEN : TCP_CLOSED;
    }
    packet_wire_sample_end(&stack->wire, socket->conn, host_of(socket));
    return (enum tcp_state)stack->wire.conns[socket->conn].state[socket->host];
}

void stack_sockets_operations(struct world_ops *ops)
{
    ops->socket = stack_socket;
    ops->bind = stack_bind;
    ops->listen = stack_listen;
    ops->accept = stack_accept;
    ops->connect = stack_connect;
    ops->send = stack_send;
    ops->recv = stack_recv;
    ops->shutdown = stack_shutdown;
    ops->close = stack_close;
    ops->abort = stack_abort;
    ops->setsockopt = stack_setsockopt;
    ops->getsockopt = stack_getsockopt;
    ops->poll = stack_poll;
    ops->dup = stack_dup;
    ops->app_socket = stack_app_socket;
    ops->app_connect = stack_app_connect;
    ops->app_disconnect = stack_app_disconnect;
    ops->app_name = stack_app_name;
    ops->app_flags = stack_app_flags;
    ops->option_set = stack_option_set;
    ops->option_get = stack_option_get;
    ops->app_unreachable = stack_app_unreachable;
    ops->app_watch = stack_app_watch;
    ops->app_wait = stack_app_wait;
    ops->next_ready = stack_next_ready;
    ops->conn = stack_conn;
    ops->state = stack_state;
}
