/* Timers of connections: retransmission, window probes, keepalive, TIME-WAIT and FIN-WAIT-2. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/congestion.h"
#include "model/net.h"

#include <assert.h>
#include <errno.h>

#define SECOND_US INT64_C(1000000)
#define RTO_MIN_US INT64_C(201000)      /* with a round trip that takes no time */
#define RTO_LEAST_US INT64_C(8000)      /* TCP_TIMEOUT_MIN: two ticks of 4 ms */
#define RTO_FALLBACK_US (3 * SECOND_US) /* TCP_TIMEOUT_FALLBACK */

/* What a connection of linked programs and one of scripted programs have in common with Linux are
 * the counts. The times of the first are those measured with Linux as it is, whose tail loss probe
 * sends the first of them; the second are compared with a kernel without SACK, thus without that
 * probe, segment by segment: there the timeout is kept as RFC 6298 and Linux keep it. */
static bool keeps_rto(const struct model *model)
{
    return model->net->strict;
}

/* The handshake: a SYN is sent again after 1 s four times linearly and then with doubling
 * (tcp_syn_linear_timeouts), a SYN+ACK with doubling from 1 s. */
static int64_t handshake_after_us(const struct model_socket *socket)
{
    unsigned linear = socket->tcp.state == TCP_SYN_SENT ? NET_SYN_LINEAR : 0;
    return socket->retries <= linear ? SECOND_US : SECOND_US << (socket->retries - linear);
}

/* As measured on Linux: 201, 405, 833 and 1665 ms after the first sending, then with doubling. */
static int64_t measured_after_us(const struct model_socket *socket)
{
    static const int64_t first[] = {201000, 204000, 428000, 832000};
    unsigned retries = socket->retries;
    return retries < sizeof first / sizeof first[0] ? first[retries]
                                                    : INT64_C(832000) << (retries - 3);
}

static int64_t rto_us(const struct model_socket *socket)
{
    return socket->rto_us != 0 ? socket->rto_us : RTO_MIN_US;
}

/* TCP_LINGER2, but no less than what 3.5 retransmission timeouts take (tcp_fin_time of Linux). */
int64_t socket_timer_fin_wait_2_us(const struct model *model, const struct model_socket *socket)
{
    int64_t wait_us = socket->options.linger2_s * SECOND_US;
    int64_t least_us = keeps_rto(model) ? rto_us(socket) * 7 / 2 : 0;
    return wait_us > least_us ? wait_us : least_us;
}

/* Time to the next retransmission after socket->retries of them, or to the next window probe. */
static int64_t retransmit_after_us(const struct model *model, const struct model_socket *socket)
{
    enum tcp_state state = (enum tcp_state)socket->tcp.state;
    int64_t wait;
    if (state == TCP_SYN_SENT || state == TCP_SYN_RECEIVED) {
        wait = handshake_after_us(socket);
    } else if (keeps_rto(model)) {
        wait = rto_us(socket);
    } else {
        wait = measured_after_us(socket);
    }
    return wait < NET_RTO_MAX_US ? wait : NET_RTO_MAX_US;
}

static int64_t probe_after_us(const struct model *model, const struct model_socket *socket)
{
    int64_t wait =
        keeps_rto(model) ? rto_us(socket) << socket->retries : retransmit_after_us(model, socket);
    return wait < NET_RTO_MAX_US ? wait : NET_RTO_MAX_US;
}

/* What was sent again and is acknowledged tells no round trip (RFC 6298 3): the timeout stays as
 * long as doubling made it, after a handshake the 3 s of RFC 6298 5.7. */
void socket_timer_measured(struct model *model, struct model_socket *socket)
{
    if (keeps_rto(model) && !socket_round_trip_acked(model, socket) && socket->rto_us == 0) {
        socket->rto_us = RTO_FALLBACK_US;
    }
}

static bool is_handshake(const struct model_socket *socket)
{
    return socket->tcp.state == TCP_SYN_SENT || socket->tcp.state == TCP_SYN_RECEIVED;
}

/* A handshake that a listener answered goes by the listener's options, and by no user timeout:
 * Linux has no socket of its own for it. */
static bool is_request(const struct model_socket *socket)
{
    return socket->listener != NULL && socket->tcp.state == TCP_SYN_RECEIVED;
}

/* TCP_USER_TIMEOUT; 0: none. */
static int64_t user_timeout_us(const struct model_socket *socket)
{
    return is_request(socket) ? 0 : socket->options.user_timeout_ms * INT64_C(1000);
}

/* Whether a SYN was sent often enough: by count, or by the time that so many retries with doubling
 * would take (retransmits_timed_out of Linux, where TCP_USER_TIMEOUT does not say another one). */
static bool tried_syn_enough(const struct model *model, const struct model_socket *socket)
{
    int64_t doubling_us = ((INT64_C(2) << socket->options.syncnt) - 1) * SECOND_US;
    unsigned linear = socket->tcp.state == TCP_SYN_SENT ? NET_SYN_LINEAR : 0;
    return socket->retries >= socket->options.syncnt + linear ||
           (socket->options.user_timeout_ms == 0 && socket->retries > 0 &&
            model->now_us - socket->sent_us >= doubling_us);
}

/* reqsk_timer_handler of Linux. */
static bool tried_syn_ack_enough(const struct model_socket *child)
{
    const struct net_options *options = &child->listener->options;
    return child->retries >= (options->syncnt_set ? options->syncnt : NET_SYN_ACK_RETRIES);
}

/* Whether it was tried often enough: a handshake by count, anything else by the time that so many
 * retries with doubling from 200 ms would take: 924.6 s, an orphan 102.2 s. */
static bool tried_enough(const struct model *model, const struct model_socket *socket)
{
    static const int64_t data_us = INT64_C(924600000);
    static const int64_t orphan_us = INT64_C(102200000);
    switch ((enum tcp_state)socket->tcp.state) {
    case TCP_SYN_SENT:
    case TCP_SYN_RECEIVED:
        return is_request(socket) ? tried_syn_ack_enough(socket) : tried_syn_enough(model, socket);
    default:
        return socket->retries > 0 &&
               model->now_us - socket->sent_us >= (socket->orphan ? orphan_us : data_us);
    }
}

void socket_timer_set(struct model *model, struct model_socket *socket, enum net_timer kind,
                      int64_t in_us)
{
    socket->timer_kind = (uint8_t)kind;
    model_timer_set(model, &socket->timer, socket_due_us(model, socket, in_us));
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
    int64_t limit = user_timeout_us(socket);
    if (limit == 0 || (keeps_rto(model) && socket->retries == 0)) {
        return wait; /* Linux looks at it when something was sent again */
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
                     within_user_timeout(model, socket, retransmit_after_us(model, socket)));
}

void socket_timer_retry_syn(struct model *model, struct model_socket *socket)
{
    socket_timer_arm(model, socket);
    if (socket->retries == 0) {
        socket_timer_set(model, socket, NET_TIMER_RETRANSMIT, RTO_LEAST_US);
    }
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
                         within_user_timeout(model, socket, probe_after_us(model, socket)));
    }
}

static bool user_timeout_passed(const struct model *model, const struct model_socket *socket)
{
    int64_t limit = user_timeout_us(socket);
    return limit != 0 && (socket->retries > 0 || !keeps_rto(model)) &&
           model->now_us - socket->sent_us >= limit;
}

/* One more retransmission, or probe, is about to go out. */
static void count_retry(struct model *model, struct model_socket *socket)
{
    if (keeps_rto(model) && socket->retries == 0 && !is_handshake(socket)) {
        socket->sent_us = model->now_us;
    }
    socket->retries =
        socket->retries < NET_BACKOFF_MAX ? (uint8_t)(socket->retries + 1) : NET_BACKOFF_MAX;
}

/* tcp_write_err of Linux. */
static int write_error(const struct model_socket *socket)
{
    return socket->soft_error != 0 ? socket->soft_error : ETIMEDOUT;
}

/* Whether the listener of this handshake is gone, which ends it at its next timeout. */
static bool left_alone(const struct model_socket *socket)
{
    return socket->orphan && socket->tcp.passive && socket->tcp.state == TCP_SYN_RECEIVED;
}

static void fire_retransmit(struct model *model, struct model_socket *socket)
{
    if (left_alone(socket)) {
        socket_abort(model, socket, TCP_EVENT_ABORT, 0, false);
        return;
    }
    if (tried_enough(model, socket) || user_timeout_passed(model, socket)) {
        socket_abort(model, socket, TCP_EVENT_TIMEOUT, write_error(socket), false);
        return;
    }
    bool keeps = keeps_rto(model) && !is_handshake(socket);
    if (keeps) {
        socket_congestion_lost(socket);
    }
    count_retry(model, socket);
    if (keeps) {
        socket->rto_us = rto_us(socket) * 2 < NET_RTO_MAX_US ? rto_us(socket) * 2 : NET_RTO_MAX_US;
    }
    socket_timer_set(model, socket, NET_TIMER_RETRANSMIT,
                     within_user_timeout(model, socket, retransmit_after_us(model, socket)));
    if (keeps) {
        socket_congestion_resend(model, socket);
    } else {
        socket_retransmit(model, socket);
    }
}

void socket_timer_defer(struct model *model, struct model_socket *child)
{
    if (child->timer_kind != NET_TIMER_RETRANSMIT) {
        child->retries = 0;
        child->sent_us = model->now_us;
        socket_timer_set(model, child, NET_TIMER_DEFER, retransmit_after_us(model, child));
    } else if (child->retries < child->defer_rounds) {
        child->timer_kind = NET_TIMER_DEFER; /* when the SYN+ACK would go again */
    }
}

/* The SYN+ACK goes again in the last round alone: the client shall answer once more, and is taken
 * then (reqsk_timer_handler of Linux). */
static void fire_defer(struct model *model, struct model_socket *child)
{
    if (left_alone(child)) {
        socket_abort(model, child, TCP_EVENT_ABORT, 0, false);
        return;
    }
    bool last = ++child->retries >= child->defer_rounds;
    socket_timer_set(model, child, last ? NET_TIMER_RETRANSMIT : NET_TIMER_DEFER,
                     retransmit_after_us(model, child));
    if (last) {
        socket_retransmit(model, child);
    }
}

/* A segment that the other end must refuse, and so answers with its window; where an urgent byte is
 * to come, one that it takes goes first and tells of it (tcp_write_wakeup of Linux). */
static void probe(struct model *model, struct model_socket *socket)
{
    socket->probes++;
    if (socket_is_urgent(socket)) {
        socket_acknowledge(model, socket, socket->tcp.snd_una);
    }
    socket_acknowledge(model, socket, socket->tcp.snd_una - 1);
}

static void fire_persist(struct model *model, struct model_socket *socket)
{
    unsigned limit = socket->orphan ? NET_ORPHAN_RETRIES : NET_RETRIES;
    if (socket->probes > limit || user_timeout_passed(model, socket)) {
        socket_abort(model, socket, TCP_EVENT_TIMEOUT, write_error(socket), false);
        return;
    }
    count_retry(model, socket);
    socket_timer_set(model, socket, NET_TIMER_PERSIST,
                     within_user_timeout(model, socket, probe_after_us(model, socket)));
    const struct tcp_endpoint *tcp = &socket->tcp;
    if (keeps_rto(model) && tcp_before(tcp->snd_nxt, socket->send_end) && tcp->snd_wnd > 0) {
        socket_send_waiting(model, socket); /* tcp_write_wakeup: TCP_CORK holds back for 200 ms */
    } else {
        probe(model, socket);
    }
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
        fire_defer(model, socket);
        break;
    case NET_TIMER_NONE:
        assert(false);
    }
}

/* ---- Keepalive (tcp_keepalive_timer of Linux) ---- */

/* An orphan in FIN-WAIT-2 waits for its own end alone: Linux keeps it as a kind of TIME-WAIT, or
 * uses this timer for that (tcp_time_wait, tcp_keepalive_timer). */
static bool keeps_alive(const struct model_socket *socket)
{
    enum tcp_state state = (enum tcp_state)socket->tcp.state;
    return !(socket->orphan && state == TCP_FIN_WAIT_2) && socket->options.keepalive &&
           socket->key != 0 && state != TCP_TIME_WAIT;
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
    if (!keeps_alive(socket) || socket->tcp.state == TCP_SYN_SENT) {
        return;
    }
    int64_t idle_us = socket->options.keepidle_s * SECOND_US;
    int64_t silent_us = model->now_us - socket->heard_us;
    bool busy = socket->tcp.snd_una != socket->tcp.snd_nxt ||
                tcp_before(socket->tcp.snd_nxt, socket->send_end);
    if (busy || silent_us < idle_us) {
        int64_t in_us = busy ? idle_us : idle_us - silent_us;
        model_timer_set(model, timer, socket_due_us(model, socket, in_us));
        return;
    }
    if (keepalive_is_over(socket, silent_us)) {
        socket_abort(model, socket, TCP_EVENT_TIMEOUT, write_error(socket), true);
        return;
    }
    int64_t in_us = socket->options.keepintvl_s * SECOND_US;
    model_timer_set(model, timer, socket_due_us(model, socket, in_us));
    probe(model, socket);
}

static void keepalive_set(struct model *model, struct model_socket *socket, int64_t since_us)
{
    if (!keeps_alive(socket)) {
        if (socket->keepalive.index != 0) {
            model_timer_cancel(model, &socket->keepalive);
        }
        return;
    }
    int64_t in_us = since_us + socket->options.keepidle_s * SECOND_US - model->now_us;
    int64_t due_us = socket_due_us(model, socket, in_us > 0 ? in_us : 0);
    model_timer_set(model, &socket->keepalive, due_us);
}

void socket_keepalive_start(struct model *model, struct model_socket *socket)
{
    keepalive_set(model, socket, model->now_us);
}

void socket_keepalive_update(struct model *model, struct model_socket *socket)
{
    keepalive_set(model, socket, socket->heard_us);
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

void model_net_time_passes(struct model *model)
{
    struct model_net *net = model->net;
    for (uint32_t i = 0; net->strict && i < net->sockets_used; i++) {
        if (net->sockets[i].key != 0) {
            socket_timer_arm(model, &net->sockets[i]);
            socket_timer_persist_update(model, &net->sockets[i]);
        }
    }
}
