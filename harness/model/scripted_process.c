/* Scripted sockets as those of a process: calls that wait, signals, descriptors that are none,
 * death, and what the network says of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>

#include "model/net.h"

enum { SLICE_US = 10000 /* of time, between two looks while a call waits */ };

static struct model *model_of(struct world *world)
{
    return (struct model *)(void *)world;
}

static struct model_socket *at(struct world *world, int s)
{
    return scripted_at(model_of(world)->net, s);
}

static int app_accept(struct world *world, int s, int room, int *ret_told)
{
    int number = world->ops->accept(world, s);
    if (number >= 0) {
        *ret_told = room < 0 ? 0 : (int)sizeof(struct sockaddr_in);
    }
    return number;
}

/* Linux raises it with each EPIPE (sk_stream_error), and scripted sends ask it not to. */
static bool app_piped(struct world *world)
{
    (void)world;
    return false;
}

/* ---- Calls that wait ---- */

/* Lets what is in flight arrive and time go on; false when the limit is over. */
static bool wait_on(struct world *world, int64_t *left_us)
{
    int64_t slice_us = *left_us < SLICE_US ? *left_us : SLICE_US;
    if (slice_us <= 0) {
        return false;
    }
    (void)world->ops->advance(world, slice_us, UINT32_MAX);
    world->ops->settle(world);
    *left_us -= slice_us;
    return true;
}

static int64_t try_receive(struct world *world, int s, const struct world_blocking *call)
{
    return world->ops->recv(world, s, call->data, call->size, MSG_DONTWAIT);
}

/* All that finds room, as it comes free. */
static int64_t try_send(struct world *world, int s, const struct world_blocking *call, size_t done)
{
    size_t sent = 0;
    int64_t result = 0;
    while (done + sent < call->size && result >= 0) {
        result = world->ops->send(world, s, (const uint8_t *)call->data + done + sent,
                                  call->size - done - sent, MSG_DONTWAIT | MSG_ZEROCOPY);
        sent += result > 0 ? (size_t)result : 0;
        world->ops->settle(world);
    }
    return sent > 0 ? (int64_t)sent : result;
}

static int64_t transfer(struct world *world, int s, struct world_blocking *call, int64_t left_us)
{
    bool sends = call->family == SCENARIO_CALL_SEND;
    size_t done = 0;
    world->ops->settle(world);
    for (;;) {
        int64_t result = sends ? try_send(world, s, call, done) : try_receive(world, s, call);
        if (result >= 0 && !sends) {
            return result;
        }
        done += result > 0 ? (size_t)result : 0;
        if (done == call->size || (result < 0 && result != -EAGAIN)) {
            return done > 0 ? (int64_t)done : result;
        }
        if (call->interrupt) {
            call->ret_interrupted = true;
            return done > 0 ? (int64_t)done : -EINTR;
        }
        if (!wait_on(world, &left_us)) {
            return done > 0 ? (int64_t)done : -EAGAIN;
        }
    }
}

static bool lingers(const struct model_socket *socket)
{
    enum tcp_state state = (enum tcp_state)socket->tcp.state;
    return state == TCP_FIN_WAIT_1 || state == TCP_CLOSING || state == TCP_LAST_ACK;
}

static int64_t close_slowly(struct world *world, struct model_socket *socket, int s)
{
    struct model *model = model_of(world);
    if (!socket->options.linger) { /* it waits for nothing, and what comes finds it orphaned */
        return world->ops->close(world, s);
    }
    if (!scripted_close_begin(model, socket, s)) {
        return 0;
    }
    int64_t left_us = socket->options.linger_s * INT64_C(1000000);
    world->ops->settle(world);
    while (lingers(socket) && wait_on(world, &left_us)) {
    }
    socket_close_end(model, socket);
    return 0;
}

static int64_t app_blocking(struct world *world, int s, struct world_blocking *call)
{
    struct model_socket *socket = at(world, s);
    if (socket == NULL) {
        return -EBADF;
    }
    if (call->family == SCENARIO_CALL_CLOSE) {
        return close_slowly(world, socket, s);
    }
    bool sends = call->family == SCENARIO_CALL_SEND;
    struct model_net *net = model_of(world)->net;
    uint32_t told = net->sends_count;
    uint32_t next = net->sends_next;
    net->sends_count = sends ? 0 : told; /* it takes all in the end, however often it tries */
    int64_t result =
        transfer(world, s, call, sends ? socket->options.sndtimeo_us : socket->options.rcvtimeo_us);
    net->sends_count = told;
    net->sends_next = sends && next < told ? next + 1 : next;
    call->ret_piped = sends && result == -EPIPE;
    return result;
}

/* ---- Descriptors that are none ---- */

/* The numbers of scripted sockets are those of one process, which has no other files. */
static int app_misuse(struct world *world, enum scenario_call family, bool file, int *ret_fd)
{
    const struct world_ops *ops = world->ops;
    struct model_net *net = model_of(world)->net;
    int number = 0;
    if (family == SCENARIO_CALL_SEND && net->sends_next < net->sends_count) {
        net->sends_next++; /* what the other kernel answered to this one */
    }
    while (scripted_at(net, number) != NULL) {
        number++;
    }
    *ret_fd = number;
    if (file) {
        return -ENOTSOCK;
    }
    int value = 0;
    switch (family) {
    case SCENARIO_CALL_BIND:
        return ops->bind(world, number, 0);
    case SCENARIO_CALL_LISTEN:
        return ops->listen(world, number, 1);
    case SCENARIO_CALL_ACCEPT:
        return ops->accept(world, number);
    case SCENARIO_CALL_CONNECT:
        return ops->connect(world, number, 1);
    case SCENARIO_CALL_RECV:
        return (int)ops->recv(world, number, &value, 1, 0);
    case SCENARIO_CALL_SEND:
        return (int)ops->send(world, number, &value, 1, 0);
    case SCENARIO_CALL_SHUTDOWN:
        return ops->shutdown(world, number, SHUT_WR);
    case SCENARIO_CALL_OPTION:
        return ops->getsockopt(world, number, WORLD_OPTION_ERROR, &value);
    default:
        return ops->close(world, number);
    }
}

/* ---- Death ---- */

/* What the end of a process closes waits for nothing (inet_release of Linux). It is put off until
 * all of it is known, and what was given up last is closed first (task_work_run): by its highest
 * number. */
static void app_die(struct world *world, enum trace_host host)
{
    struct model_net *net = model_of(world)->net;
    for (uint32_t s = net->numbers_used; s-- > 0;) {
        const struct model_socket *socket = scripted_at(net, (int)s);
        if (socket == NULL || !socket->app || socket->file.host != (uint8_t)host) {
            continue;
        }
        for (uint32_t copy = 0; copy <= s; copy++) {
            if (scripted_at(net, (int)copy) == socket) {
                (void)world->ops->close(world, (int)copy);
            }
        }
    }
}

static void app_cookies(struct world *world, enum trace_host host)
{
    model_of(world)->net->cookies[host] = true;
}

/* ---- ICMP ---- */

/* tcp_v4_err of Linux: of a connection that is open the error is kept for later. */
static int app_unreachable(struct world *world, int s, uint8_t code)
{
    static const uint8_t errors[] = {ENETUNREACH,  EHOSTUNREACH, ENOPROTOOPT,  ECONNREFUSED,
                                     EMSGSIZE,     EOPNOTSUPP,   ENETUNREACH,  EHOSTDOWN,
                                     ENONET,       ENETUNREACH,  EHOSTUNREACH, ENETUNREACH,
                                     EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH};
    struct model_socket *socket = at(world, s);
    if (socket == NULL || socket->lane == NET_LANE_LOCAL ||
        !tcp_states[socket_state(socket)].synchronized || socket_state(socket) == TCP_TIME_WAIT) {
        return -ENOTCONN;
    }
    socket->soft_error = errors[code % sizeof errors];
    return 0;
}

void scripted_process_ops(struct world_ops *ops)
{
    ops->app_accept = app_accept;
    ops->app_piped = app_piped;
    ops->app_blocking = app_blocking;
    ops->app_misuse = app_misuse;
    ops->app_die = app_die;
    ops->app_cookies = app_cookies;
    ops->app_unreachable = app_unreachable;
}
