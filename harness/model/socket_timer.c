/* Timers of connections: retransmission, window probes, keepalive, TIME-WAIT and FIN-WAIT-2. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/net.h"

#include <assert.h>
#include <errno.h>

#define SECOND_US INT64_C(1000000)

/* Time to the next retransmission after `retries` of them, as measured on Linux: a SYN is sent
 * again after 1 s four times linearly and then with doubling (tcp_syn_linear_timeouts), a SYN+ACK
 * with doubling from 1 s; data and FIN at 201, 405, 833 and 1665 ms, then with doubling. */
static int64_t retransmit_after_us(const struct model_socket *socket)
{
    static const int64_t first[] = {201000, 204000, 428000, 832000};
    unsigned retries = socket->retries;
    int64_t wait;
    if (socket->tcp.state == TCP_SYN_SENT) {
        wait = retries <= NET_SYN_LINEAR ? SECOND_US : SECOND_US << (retries - NET_SYN_LINEAR);
    } else if (socket->tcp.state == TCP_SYN_RECEIVED) {
        wait = SECOND_US << retries;
    } else if (retries < sizeof first / sizeof first[0]) {
        wait = first[retries];
    } else {
        wait = INT64_C(832000) << (retries - 3);
    }
    return wait < NET_RTO_MAX_US ? wait : NET_RTO_MAX_US;
}

/* Whether it was tried often enough: a handshake by count, anything else by the time that so many
 * retries with doubling from 200 ms would take (retransmits_timed_out of Linux): 924.6 s, an orphan
 * 102.2 s. */
static bool tried_enough(const struct model *model, const struct model_socket *socket)
{
    static const int64_t data_us = INT64_C(924600000);
    static const int64_t orphan_us = INT64_C(102200000);
    switch ((enum tcp_state)socket->tcp.state) {
    case TCP_SYN_SENT:
        return socket->retries >= socket->options.syncnt + NET_SYN_LINEAR;
    case TCP_SYN_RECEIVED:
        return socket->retries >= NET_SYN_ACK_RETRIES;
    default:
        return model->now_us - socket->sent_us >= (socket->orphan ? orphan_us : data_us);
    }
}

void socket_timer_set(struct model *model, struct model_socket *socket, enum net_timer kind,
                      int64_t in_us)
{
    socket->timer_kind = (uint8_t)kind;
    model_timer_set(model, &socket->timer, model->now_us + in_us);
}

void socket_timer_cancel(struct model *model, struct model_socket *socket)
{
    socket->timer_kind = NET_TIMER_NONE;
    socket->retries = 0;
    model_timer_cancel(model, &socket->timer);
}

/* What is left of TCP_USER_TIMEOUT, at most `wait`. */
static int64_t within_user_timeout(const struct model *model, const struct model_socket *socket,
                                   int64_t wait)
{
    int64_t limit = socket->options.user_timeout_ms * INT64_C(1000);
    if (limit == 0) {
        return wait;
    }
    int64_t left = socket->sent_us + limit - model->now_us;
    return left < wait ? (left > 0 ? left : 1) : wait;
}

void socket_timer_arm(struct model *model, struct model_socket *socket)
{
    if (socket->timer_kind == NET_TIMER_RETRANSMIT || socket->timer_kind == NET_TIMER_DEFER ||
        socket->tcp.snd_una == socket->tcp.snd_nxt || socket->key == 0 ||
        socket->tcp.state == TCP_TIME_WAIT) {
        return;
    }
    socket->retries = 0;
    socket->recover = socket->tcp.snd_nxt;
    socket->sent_us = model->now_us;
    socket_timer_set(model, socket, NET_TIMER_RETRANSMIT,
                     within_user_timeout(model, socket, retransmit_after_us(socket)));
}

static bool waits_for_window(const struct model_socket *socket)
{
    const struct tcp_endpoint *tcp = &socket->tcp;
    return tcp->snd_una == tcp->snd_nxt && tcp->snd_una != tcp->iss &&
           (tcp_before(tcp->snd_nxt, socket->send_end) || (socket->fin_wanted && !tcp->fin_sent));
}

void socket_timer_persist_update(struct model *model, struct model_socket *socket)
{
    if (!waits_for_window(socket)) {
        if (socket->timer_kind == NET_TIMER_PERSIST) {
            socket_timer_cancel(model, socket);
        }
        return;
    }
    if (socket->timer_kind == NET_TIMER_NONE) {
        socket->retries = 0;
        socket->sent_us = model->now_us;
        socket_timer_set(model, socket, NET_TIMER_PERSIST,
                         within_user_timeout(model, socket, retransmit_after_us(socket)));
    }
}

static bool user_timeout_passed(const struct model *model, const struct model_socket *socket)
{
    int64_t limit = socket->options.user_timeout_ms * INT64_C(1000);
    return limit != 0 && model->now_us - socket->sent_us >= limit;
}

static void fire_retransmit(struct model *model, struct model_socket *socket)
{
    if (socket->orphan && socket->tcp.passive && socket->tcp.state == TCP_SYN_RECEIVED) {
        socket_abort(model, socket, TCP_EVENT_ABORT, 0, false);
        return;
    }
    if (tried_enough(model, socket) || user_timeout_passed(model, socket)) {
        socket_abort(model, socket, TCP_EVENT_TIMEOUT, ETIMEDOUT, false);
        return;
    }
    socket->retries =
        socket->retries < NET_BACKOFF_MAX ? (uint8_t)(socket->retries + 1) : NET_BACKOFF_MAX;
    socket_timer_set(model, socket, NET_TIMER_RETRANSMIT,
                     within_user_timeout(model, socket, retransmit_after_us(socket)));
    socket_retransmit(model, socket);
}

/* A segment that the other end must refuse, and so answers with its window (tcp_xmit_probe_skb). */
static void probe(struct model *model, struct model_socket *socket)
{
    socket->probes++;
    socket_acknowledge(model, socket, socket->tcp.snd_una - 1);
}

static void fire_persist(struct model *model, struct model_socket *socket)
{
    unsigned limit = socket->orphan ? NET_ORPHAN_RETRIES : NET_RETRIES;
    if (socket->probes > limit || user_timeout_passed(model, socket)) {
        socket_abort(model, socket, TCP_EVENT_TIMEOUT, ETIMEDOUT, false);
        return;
    }
    socket->retries =
        socket->retries < NET_BACKOFF_MAX ? (uint8_t)(socket->retries + 1) : NET_BACKOFF_MAX;
    socket_timer_set(model, socket, NET_TIMER_PERSIST,
                     within_user_timeout(model, socket, retransmit_after_us(socket)));
    probe(model, socket);
}

static void timer_fire(struct model *model, struct model_timer *timer)
{
    struct model_socket *socket = SOCKET_OF(timer, timer);
    enum net_timer kind = (enum net_timer)socket->timer_kind;
    socket->timer_kind = NET_TIMER_NONE;
    switch (kind) {
    case NET_TIMER_RETRANSMIT:
        fire_retransmit(model, socket);
        break;
    case NET_TIMER_PERSIST:
        fire_persist(model, socket);
        break;
    case NET_TIMER_FIN_WAIT_2:
        socket_abort(model, socket, TCP_EVENT_TIMEOUT, 0, false);
        break;
    case NET_TIMER_DEFER:
        socket_timer_arm(model, socket); /* the client shall answer once more, and is taken then */
        socket_retransmit(model, socket);
        break;
    case NET_TIMER_NONE:
        assert(false);
    }
}

/* ---- Keepalive (tcp_keepalive_timer of Linux) ---- */

static bool keeps_alive(const struct model_socket *socket)
{
    enum tcp_state state = (enum tcp_state)socket->tcp.state;
    return socket->options.keepalive && socket->key != 0 && state != TCP_SYN_SENT &&
           state != TCP_SYN_RECEIVED && state != TCP_TIME_WAIT;
}

static bool keepalive_is_over(const struct model_socket *socket, int64_t silent_us)
{
    int64_t user_us = socket->options.user_timeout_ms * INT64_C(1000);
    return user_us != 0 ? silent_us >= user_us && socket->probes > 0
                        : socket->probes >= socket->options.keepcnt;
}

static void keepalive_fire(struct model *model, struct model_timer *timer)
{
    struct model_socket *socket = SOCKET_OF(timer, keepalive);
    if (!keeps_alive(socket)) {
        return;
    }
    int64_t idle_us = socket->options.keepidle_s * SECOND_US;
    int64_t silent_us = model->now_us - socket->heard_us;
    bool busy = socket->tcp.snd_una != socket->tcp.snd_nxt ||
                tcp_before(socket->tcp.snd_nxt, socket->send_end);
    if (busy || silent_us < idle_us) {
        model_timer_set(model, timer, model->now_us + (busy ? idle_us : idle_us - silent_us));
        return;
    }
    if (keepalive_is_over(socket, silent_us)) {
        socket_abort(model, socket, TCP_EVENT_TIMEOUT, ETIMEDOUT, true);
        return;
    }
    model_timer_set(model, timer, model->now_us + socket->options.keepintvl_s * SECOND_US);
    probe(model, socket);
}

void socket_keepalive_update(struct model *model, struct model_socket *socket)
{
    if (!keeps_alive(socket)) {
        if (socket->keepalive.index != 0) {
            model_timer_cancel(model, &socket->keepalive);
        }
        return;
    }
    int64_t at_us = socket->heard_us + socket->options.keepidle_s * SECOND_US;
    model_timer_set(model, &socket->keepalive, at_us > model->now_us ? at_us : model->now_us);
}

/* ---- TIME-WAIT ---- */

void socket_time_wait_schedule(struct model *model)
{
    struct model_net *net = model->net;
    if (net->time_wait_first != NULL) {
        model_timer_set(model, &net->time_wait_timer, net->time_wait_first->time_wait_us);
    }
}

static void time_wait_fire(struct model *model, struct model_timer *timer)
{
    struct model_net *net = model->net;
    (void)timer;
    while (net->time_wait_first != NULL && net->time_wait_first->time_wait_us <= model->now_us) {
        struct model_socket *socket = net->time_wait_first;
        socket_event(model, socket, TCP_EVENT_TIMEOUT);
        socket_closed(model, socket);
    }
    socket_time_wait_schedule(model);
}

void socket_timers_init(struct model_socket *socket)
{
    socket->timer.fire = timer_fire;
    socket->keepalive.fire = keepalive_fire;
}

void socket_timers_init_net(struct model_net *net)
{
    net->time_wait_timer.fire = time_wait_fire;
}
