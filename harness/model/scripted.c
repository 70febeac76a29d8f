/* Scripted sockets: the world's operations on sockets of either host that no program holds. They
 * are named by small numbers and never block. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/net.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>

static struct model *model_of(struct world *world)
{
    return (struct model *)(void *)world;
}

struct model_socket *scripted_at(const struct model_net *net, int s)
{
    return s >= 0 && (uint32_t)s < net->numbers_used ? net_socket_at(net, net->numbers[s]) : NULL;
}

/* ---- Numbers and readiness ---- */

/* The lowest free number (POSIX.1-2017, XSH 2.14). */
int scripted_number_take(struct model_net *net, struct model_socket *socket)
{
    uint32_t word = net->numbers_words;
    while (word < MODEL_SOCKETS_MAX / 64 && net->numbers_taken[word] == UINT64_MAX) {
        word++;
    }
    net->numbers_words = word;
    if (word == MODEL_SOCKETS_MAX / 64) {
        return -EMFILE;
    }
    int number = (int)word * 64 + __builtin_ctzll(~net->numbers_taken[word]);
    net->numbers_taken[word] |= 1ULL << (number & 63);
    net->numbers_cloexec[word] &= ~(1ULL << (number & 63));
    if ((uint32_t)number >= net->numbers_used) {
        net->numbers_used = (uint32_t)number + 1;
    }
    net->numbers[number] = socket->self;
    socket->file.refs++;
    if (socket->number < 0) {
        socket->number = number;
    }
    return number;
}

void scripted_ready(struct model_net *net, struct model_socket *socket)
{
    if (socket->ready || socket->number < 0 || socket->app) {
        return;
    }
    struct net_ready *list = &net->ready[socket->file.host];
    socket->ready = true;
    socket->ready_next = NULL;
    socket->ready_prev = list->last;
    if (list->last != NULL) {
        list->last->ready_next = socket;
    } else {
        list->first = socket;
    }
    list->last = socket;
}

static void ready_remove(struct model_net *net, struct model_socket *socket)
{
    struct net_ready *list = &net->ready[socket->file.host];
    if (!socket->ready) {
        return;
    }
    if (socket->ready_prev != NULL) {
        socket->ready_prev->ready_next = socket->ready_next;
    } else {
        list->first = socket->ready_next;
    }
    if (socket->ready_next != NULL) {
        socket->ready_next->ready_prev = socket->ready_prev;
    } else {
        list->last = socket->ready_prev;
    }
    socket->ready = false;
}

void scripted_forget(struct model_net *net, struct model_socket *socket)
{
    ready_remove(net, socket);
    socket->number = -1;
}

void scripted_reset(struct model_net *net)
{
    for (uint32_t word = 0; word < (net->numbers_used + 63) / 64; word++) {
        net->numbers_taken[word] = 0;
    }
    net->numbers_used = 0;
    net->numbers_words = 0;
    net->epolls[TRACE_HOST_TARGET] = NULL;
    net->epolls[TRACE_HOST_PEER] = NULL;
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        net->ready[host] = (struct net_ready){0};
    }
}

/* Gives a number up; true when it was the socket's last. */
static bool number_give(struct model_net *net, struct model_socket *socket, int number)
{
    net->numbers[number] = 0;
    net->numbers_taken[number / 64] &= ~(1ULL << (number & 63));
    if ((uint32_t)number / 64 < net->numbers_words) {
        net->numbers_words = (uint32_t)number / 64;
    }
    if (--socket->file.refs == 0) {
        return true;
    }
    if (socket->number == number) {
        /* A duplicate stays and names the socket from now on. */
        uint32_t other = 0;
        while (net->numbers[other] != socket->self) {
            other++;
            assert(other < net->numbers_used);
        }
        socket->number = (int32_t)other;
    }
    return false;
}

/* ---- Operations
 * ------------------------------------------------------------------------------------------------
 */

static void scripted_speak_v6(struct world *world, bool v6)
{
    model_of(world)->net->peers_v6 = v6;
}

static int scripted_socket(struct world *world, enum trace_host host)
{
    struct model *model = model_of(world);
    struct model_socket *socket = net_socket_new(model, host, model->net->peers_v6);
    if (socket == NULL) {
        return -ENFILE;
    }
    socket->scripted = true;
    int number = scripted_number_take(model->net, socket);
    if (number < 0) {
        net_socket_free(model, socket);
    }
    return number;
}

static int scripted_bind(struct world *world, int s, uint16_t port)
{
    struct model *model = model_of(world);
    struct model_socket *socket = scripted_at(model->net, s);
    struct net_name name = {.port = port};
    if (socket == NULL) {
        return -EBADF;
    }
    name.address = socket->v6 ? NET_ANY6 : NET_ANY4;
    return socket_bind(model, socket, name);
}

static int scripted_listen(struct world *world, int s, int backlog)
{
    struct model *model = model_of(world);
    struct model_socket *socket = scripted_at(model->net, s);
    return socket == NULL ? -EBADF : socket_listen(model, socket, backlog);
}

static int scripted_accept(struct world *world, int s)
{
    struct model *model = model_of(world);
    struct model_socket *listener = scripted_at(model->net, s);
    if (listener == NULL) {
        return -EBADF;
    }
    if (model->net->app_full && listener->app) {
        return -EMFILE; /* before it looks at the socket, as Linux does */
    }
    if (listener->tcp.state != TCP_LISTEN) {
        return -EINVAL;
    }
    struct model_socket *child = socket_accept_take(model, listener);
    if (child == NULL) {
        return -EAGAIN;
    }
    child->scripted = true;
    child->app = listener->app;
    child->file.status_flags = O_RDWR;
    int number = scripted_number_take(model->net, child);
    assert(number >= 0); /* there are as many numbers as sockets */
    scripted_ready(model->net, child);
    return number;
}

/* Where the other host listens on this port; loopback when it does not. */
static struct net_name destination(const struct model_net *net, enum trace_host host, uint16_t port)
{
    struct net_name to = {.address = net->peers_v6 ? NET_LOOPBACK6 : NET_LOOPBACK4, .port = port};
    const struct model_socket *listener = net_socket_at(net, net->listening[host][port]);
    if (listener == NULL) {
        return to;
    }
    uint8_t address = listener->bound.address;
    if (net->addresses[address].scope != NET_SCOPE_ANY) {
        to.address = address;
    } else if (listener->v6 && listener->options.v6only) {
        to.address = NET_LOOPBACK6;
    }
    return to;
}

int scripted_connect_to(struct model *model, struct model_socket *socket, struct net_name name)
{
    enum tcp_state state = socket_state(socket);
    if (socket->open == NET_CONNECTED || socket->open == NET_DISCONNECTING) {
        return socket->open == NET_CONNECTED ? -EISCONN : -EINVAL;
    }
    if (socket->open == NET_CONNECTING) {
        if (state == TCP_SYN_SENT || state == TCP_SYN_RECEIVED) {
            return -EALREADY;
        }
        return socket_connect_end(model, socket);
    }
    if (state != TCP_CLOSED) {
        return -EISCONN;
    }
    int result = socket_connect_start(model, socket, name);
    if (result < 0) {
        return result;
    }
    socket->open = NET_CONNECTING;
    return -EINPROGRESS;
}

static int scripted_connect(struct world *world, int s, uint16_t port)
{
    struct model *model = model_of(world);
    struct model_socket *socket = scripted_at(model->net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    enum trace_host there = (enum trace_host)(TRACE_HOST_COUNT - 1 - socket->file.host);
    return scripted_connect_to(model, socket, destination(model->net, there, port));
}

/* Bytes of one buffer: full segments, in at most half of the largest window that the other end ever
 * offered (tcp_xmit_size_goal of Linux). */
static size_t size_goal(const struct model_socket *socket)
{
    uint32_t half = socket->tcp.snd_wnd_max / 2;
    uint32_t whole = (half < NET_GSO_MAX ? half : NET_GSO_MAX) / socket->mss;
    return (whole > 0 ? whole : 1) * (size_t)socket->mss;
}

/* Bytes that still fit into the last buffer, of which nothing was sent; 0: there is none. */
static size_t tail_room(const struct model_socket *socket, size_t goal)
{
    uint32_t from = socket->tcp.snd_nxt;
    for (const struct net_chunk *chunk = socket->send_first; chunk != NULL; chunk = chunk->next) {
        from = chunk->begins && tcp_after(chunk->seq, from) ? chunk->seq : from;
    }
    size_t tail = tcp_before(from, socket->send_end) ? socket->send_end - from : 0;
    return tail > 0 && tail < goal ? goal - tail : 0;
}

/* tcp_sendmsg_locked of Linux: the room is looked at when a buffer begins, which is then filled.
 * What a kernel took, of which this is a model, is taken as well (`chosen`; < 0: an errno, or -1:
 * nothing is told), where it could choose so: whether anything is taken is not its choice. */
static int64_t send_buffers(struct model *model, struct model_socket *socket,
                            const struct socket_io *io, int64_t chosen)
{
    size_t goal = (io->flags & MSG_OOB) != 0 ? socket->mss : size_goal(socket);
    size_t room = tail_room(socket, goal);
    bool takes = room > 0 || socket_send_memory(socket) < socket->send_room;
    if (!takes && io->size > 0) {
        return -EAGAIN;
    }
    bool told = chosen > 0;
    size_t most = told && (size_t)chosen < io->size ? (size_t)chosen : io->size;
    size_t done = 0;
    while (done < most && (told || room > 0 || socket_send_memory(socket) < socket->send_room)) {
        size_t fits = room > 0 ? room : goal;
        size_t piece = most - done < fits ? most - done : fits;
        int64_t sent = socket_send_some(model, socket, io, done, piece);
        if (sent < 0) {
            return done > 0 ? (int64_t)done : sent;
        }
        done += (size_t)sent;
        room = 0;
    }
    return (int64_t)done;
}

static int64_t scripted_send(struct world *world, int s, const void *data, size_t size, int flags)
{
    struct model *model = model_of(world);
    struct model_socket *socket = scripted_at(model->net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    /* What the kernel chose, of which this is a model. */
    struct model_net *net = model->net;
    int64_t chosen = net->sends_next < net->sends_count ? net->sends[net->sends_next++] : -1;
    enum tcp_state state = (enum tcp_state)socket->tcp.state;
    bool open = state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT;
    /* sk_stream_wait_connect of Linux comes before a look at what was shut. */
    bool opening = state == TCP_SYN_SENT || state == TCP_SYN_RECEIVED;
    if (socket->error != 0 || (!opening && (!open || (socket->shut & NET_SHUT_SEND) != 0))) {
        int error = socket_take_error(socket);
        return error != 0 ? -error : -EPIPE;
    }
    if (opening) {
        return -EAGAIN;
    }
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    struct socket_io io = {.iov = &part,
                           .count = 1,
                           .size = size,
                           .flags = flags,
                           .lasts = (flags & MSG_ZEROCOPY) != 0};
    int64_t sent = socket->app ? send_buffers(model, socket, &io, chosen)
                   : socket_send_used(socket) < socket->send_room || size == 0
                       ? socket_send_some(model, socket, &io, 0, size)
                       : -EAGAIN;
    if (sent == -EAGAIN || (sent >= 0 && (size_t)sent < size)) {
        socket->no_space = true;
    }
    if (socket->app) {
        wire_deliver_own(model); /* another send may follow in the same step */
    }
    return sent;
}

static int64_t scripted_recv(struct world *world, int s, void *data, size_t size, int flags)
{
    struct model *model = model_of(world);
    struct model_socket *socket = scripted_at(model->net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    if (socket->tcp.state == TCP_LISTEN) {
        return -ENOTCONN;
    }
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct socket_io io = {.iov = &part, .count = 1, .size = size, .flags = flags};
    if ((flags & MSG_OOB) != 0) {
        return socket_recv_urgent(socket, &io);
    }
    size_t got = socket->recv_used > 0 ? socket_recv_some(model, socket, &io, 0) : 0;
    if (got > 0 || (size == 0 && socket->recv_used > 0)) {
        return (int64_t)got;
    }
    int empty = socket_recv_empty(socket, flags);
    return empty > 0 ? -EAGAIN : empty;
}

static int scripted_shutdown(struct world *world, int s, int how)
{
    struct model *model = model_of(world);
    struct model_socket *socket = scripted_at(model->net, s);
    return socket == NULL ? -EBADF : socket_shutdown(model, socket, how);
}

bool scripted_close_begin(struct model *model, struct model_socket *socket, int s)
{
    if (!number_give(model->net, socket, s)) {
        return false;
    }
    io_epoll_forget(model, &socket->file);
    scripted_forget(model->net, socket);
    socket_close_begin(model, socket);
    return true;
}

static int scripted_close(struct world *world, int s)
{
    struct model *model = model_of(world);
    struct model_socket *socket = scripted_at(model->net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    if (scripted_close_begin(model, socket, s)) {
        socket_close_end(model, socket);
    }
    return 0;
}

static int scripted_abort(struct world *world, int s)
{
    struct model *model = model_of(world);
    struct model_socket *socket = scripted_at(model->net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    socket->options.linger = true;
    socket->options.linger_s = 0;
    return scripted_close(world, s);
}

static int scripted_setsockopt(struct world *world, int s, enum world_option option, int value)
{
    struct model *model = model_of(world);
    struct model_socket *socket = scripted_at(model->net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    switch (option) {
    case WORLD_OPTION_RCVBUF:
        option_set_rcvbuf_exactly(model, socket, value > 0 ? (uint32_t)value : 1);
        return 0;
    case WORLD_OPTION_SNDBUF:
        option_set_sndbuf_exactly(model, socket, value > 0 ? (uint32_t)value : 1);
        return 0;
    case WORLD_OPTION_LINGER:
        socket->options.linger = value >= 0;
        socket->options.linger_s = value >= 0 ? value : 0;
        return 0;
    case WORLD_OPTION_NODELAY:
        socket->options.nodelay = value != 0;
        return 0;
    case WORLD_OPTION_KEEPALIVE:
        socket->options.keepalive = value != 0;
        socket_keepalive_start(model, socket);
        return 0;
    case WORLD_OPTION_REUSEADDR:
        socket->options.reuseaddr = value != 0;
        return 0;
    case WORLD_OPTION_ERROR:
    case WORLD_OPTION_COUNT:
        break;
    }
    return -ENOPROTOOPT;
}

static int scripted_getsockopt(struct world *world, int s, enum world_option option, int *ret_value)
{
    struct model_socket *socket = scripted_at(model_of(world)->net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    switch (option) {
    case WORLD_OPTION_RCVBUF:
        *ret_value = (int)socket->recv_room;
        return 0;
    case WORLD_OPTION_SNDBUF:
        *ret_value = (int)socket->send_room;
        return 0;
    case WORLD_OPTION_LINGER:
        *ret_value = socket->options.linger ? socket->options.linger_s : -1;
        return 0;
    case WORLD_OPTION_NODELAY:
        *ret_value = socket->options.nodelay;
        return 0;
    case WORLD_OPTION_KEEPALIVE:
        *ret_value = socket->options.keepalive;
        return 0;
    case WORLD_OPTION_REUSEADDR:
        *ret_value = socket->options.reuseaddr;
        return 0;
    case WORLD_OPTION_ERROR:
        *ret_value = socket_take_error(socket);
        return 0;
    case WORLD_OPTION_COUNT:
        break;
    }
    return -ENOPROTOOPT;
}

static int scripted_poll(struct world *world, int s)
{
    struct model *model = model_of(world);
    struct model_socket *socket = scripted_at(model->net, s);
    return socket == NULL ? -EBADF : (int)socket_poll(model, &socket->file);
}

static int scripted_dup(struct world *world, int s)
{
    struct model *model = model_of(world);
    struct model_socket *socket = scripted_at(model->net, s);
    return socket == NULL ? -EBADF : scripted_number_take(model->net, socket);
}

static int scripted_next_ready(struct world *world, enum trace_host host)
{
    struct model_net *net = model_of(world)->net;
    struct model_socket *socket = net->ready[host].first;
    if (socket == NULL) {
        return -1;
    }
    ready_remove(net, socket);
    return socket->number;
}

static uint32_t scripted_conn(struct world *world, int s)
{
    struct model_socket *socket = scripted_at(model_of(world)->net, s);
    return socket == NULL ? 0 : socket->file.conn;
}

static enum tcp_state scripted_state(struct world *world, int s)
{
    struct model_socket *socket = scripted_at(model_of(world)->net, s);
    return socket == NULL ? TCP_CLOSED : (enum tcp_state)socket->tcp.state;
}

static uint32_t target_connections(struct world *world)
{
    return model_of(world)->net->alive[TRACE_HOST_TARGET];
}

void scripted_ops(struct world_ops *ops)
{
    ops->socket = scripted_socket;
    ops->speak_v6 = scripted_speak_v6;
    ops->bind = scripted_bind;
    ops->listen = scripted_listen;
    ops->accept = scripted_accept;
    ops->connect = scripted_connect;
    ops->send = scripted_send;
    ops->recv = scripted_recv;
    ops->shutdown = scripted_shutdown;
    ops->close = scripted_close;
    ops->abort = scripted_abort;
    ops->setsockopt = scripted_setsockopt;
    ops->getsockopt = scripted_getsockopt;
    ops->poll = scripted_poll;
    ops->dup = scripted_dup;
    ops->next_ready = scripted_next_ready;
    ops->conn = scripted_conn;
    ops->state = scripted_state;
    ops->connections = target_connections;
    scripted_app_ops(ops);
}
