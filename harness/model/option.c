/* Socket options: values kept and given back as Linux does, and those with an effect. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/net.h"

#include <errno.h>
#include <limits.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>

const struct net_options net_options_default = {
    .sndbuf = NET_SNDBUF_REPORTED,
    .rcvbuf = NET_RCVBUF_REPORTED,
    .keepidle_s = 7200,
    .keepintvl_s = 75,
    .keepcnt = 9,
    .syncnt = NET_SYN_RETRIES,
    .rcvlowat = 1,
    .linger2_s = NET_FIN_WAIT_2_US / 1000000,
    .maxseg = 536,
    .ttl = 64,
    .quickack = true,
    .congestion = "cubic",
};

/* ---- Options that are one number ---- */

enum option_type { OPTION_BOOL, OPTION_U8, OPTION_U16, OPTION_I32, OPTION_U32 };

struct option_row {
    int level;
    int name;
    enum option_type type;
    uint16_t offset; /* in struct net_options */
    int min;         /* values outside give EINVAL; of OPTION_BOOL any value will do */
    int max;
};

#define AT(member) (uint16_t) offsetof(struct net_options, member)

static const struct option_row rows[] = {
    {SOL_SOCKET, SO_REUSEADDR, OPTION_BOOL, AT(reuseaddr), 0, 0},
    {SOL_SOCKET, SO_REUSEPORT, OPTION_BOOL, AT(reuseport), 0, 0},
    {SOL_SOCKET, SO_KEEPALIVE, OPTION_BOOL, AT(keepalive), 0, 0},
    {SOL_SOCKET, SO_BROADCAST, OPTION_BOOL, AT(broadcast), 0, 0},
    {SOL_SOCKET, SO_DONTROUTE, OPTION_BOOL, AT(dontroute), 0, 0},
    {SOL_SOCKET, SO_OOBINLINE, OPTION_BOOL, AT(oobinline), 0, 0},
    {SOL_SOCKET, SO_TIMESTAMP, OPTION_BOOL, AT(timestamp), 0, 0},
    {SOL_SOCKET, SO_PRIORITY, OPTION_I32, AT(priority), 0, 6},
    {SOL_SOCKET, SO_MARK, OPTION_I32, AT(mark), INT_MIN, INT_MAX},
    {SOL_SOCKET, SO_BUSY_POLL, OPTION_I32, AT(busy_poll), 0, INT_MAX},
    {SOL_SOCKET, SO_RCVLOWAT, OPTION_I32, AT(rcvlowat), INT_MIN, INT_MAX},
    {IPPROTO_TCP, TCP_NODELAY, OPTION_BOOL, AT(nodelay), 0, 0},
    {IPPROTO_TCP, TCP_CORK, OPTION_BOOL, AT(cork), 0, 0},
    {IPPROTO_TCP, TCP_QUICKACK, OPTION_BOOL, AT(quickack), 0, 0},
    {IPPROTO_TCP, TCP_KEEPIDLE, OPTION_I32, AT(keepidle_s), 1, 32767},
    {IPPROTO_TCP, TCP_KEEPINTVL, OPTION_I32, AT(keepintvl_s), 1, 32767},
    {IPPROTO_TCP, TCP_KEEPCNT, OPTION_U8, AT(keepcnt), 1, 127},
    {IPPROTO_TCP, TCP_SYNCNT, OPTION_U8, AT(syncnt), 1, 127},
    {IPPROTO_TCP, TCP_MAXSEG, OPTION_U16, AT(maxseg), 88, 32767},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, OPTION_U32, AT(user_timeout_ms), 0, INT_MAX},
    {IPPROTO_TCP, TCP_LINGER2, OPTION_I32, AT(linger2_s), INT_MIN, INT_MAX},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP, OPTION_I32, AT(window_clamp), 0, INT_MAX},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, OPTION_I32, AT(notsent_lowat), INT_MIN, INT_MAX},
    {IPPROTO_TCP, TCP_FASTOPEN, OPTION_U8, AT(fastopen), 0, 255},
    {IPPROTO_IP, IP_TOS, OPTION_U8, AT(tos), INT_MIN, INT_MAX},
    {IPPROTO_IP, IP_TTL, OPTION_U8, AT(ttl), -1, 255},
    {IPPROTO_IPV6, IPV6_TCLASS, OPTION_U8, AT(tclass), -1, 255},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, OPTION_U8, AT(ttl), -1, 255},
    {IPPROTO_IPV6, IPV6_V6ONLY, OPTION_BOOL, AT(v6only), 0, 0},
};

static const struct option_row *row_find(int level, int name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].level == level && rows[i].name == name) {
            return &rows[i];
        }
    }
    return NULL;
}

static int row_get(const struct option_row *row, const struct net_options *options)
{
    const char *at = (const char *)options + row->offset;
    switch (row->type) {
    case OPTION_BOOL:
        return *(const bool *)at ? 1 : 0;
    case OPTION_U8:
        return *(const uint8_t *)at;
    case OPTION_U16:
        return *(const uint16_t *)(const void *)at;
    case OPTION_I32:
    case OPTION_U32:
        break;
    }
    return *(const int32_t *)(const void *)at;
}

static void row_set(const struct option_row *row, struct net_options *options, int value)
{
    char *at = (char *)options + row->offset;
    switch (row->type) {
    case OPTION_BOOL:
        *(bool *)at = value != 0;
        break;
    case OPTION_U8:
        *(uint8_t *)at = (uint8_t)value;
        break;
    case OPTION_U16:
        *(uint16_t *)(void *)at = (uint16_t)value;
        break;
    case OPTION_I32:
    case OPTION_U32:
        *(int32_t *)(void *)at = value;
        break;
    }
}

/* ---- Buffers
 * -------------------------------------------------------------------------------------------------
 */

static uint32_t doubled(int value, uint32_t least)
{
    uint32_t wanted = (uint32_t)value < NET_BUF_MAX ? (uint32_t)value : NET_BUF_MAX;
    return wanted * 2 > least ? wanted * 2 : least;
}

void option_set_rcvbuf_exactly(struct model *model, struct model_socket *socket, uint32_t bytes)
{
    socket->options.rcvbuf = bytes;
    if (socket->app && socket->key != 0) {
        return; /* Linux keeps to the window of the handshake (window_clamp) */
    }
    socket->recv_room = bytes;
    if (socket->key != 0) {
        socket_room(model, socket);
    }
}

void option_set_sndbuf_exactly(struct model *model, struct model_socket *socket, uint32_t bytes)
{
    socket->options.sndbuf = bytes;
    socket->send_room = bytes;
    if (socket_writable(
            socket)) { /* whatever there was room for before (sk_write_space of Linux) */
        socket->no_space = false;
        socket_notify(model, socket, POLLOUT);
    }
}

static void set_buffer(struct model *model, struct model_socket *socket, bool send, int value)
{
    uint32_t reported = doubled(value, send ? NET_SNDBUF_MIN : NET_RCVBUF_MIN);
    if (send) {
        option_set_sndbuf_exactly(model, socket, socket->app ? reported : reported / 2);
        socket->options.sndbuf = reported;
    } else {
        option_set_rcvbuf_exactly(model, socket, reported / 2);
        socket->options.rcvbuf = reported;
    }
}

/* ---- Options with structs ---- */

static int set_linger(struct model_socket *socket, const void *value, socklen_t size)
{
    struct linger linger;
    if (size < sizeof linger) {
        return -EINVAL;
    }
    memcpy(&linger, value, sizeof linger);
    socket->options.linger = linger.l_onoff != 0;
    if (linger.l_onoff != 0) {
        socket->options.linger_s = linger.l_linger;
    }
    return 0;
}

static int set_timeout(int64_t *timeout_us, const void *value, socklen_t size)
{
    struct timeval time;
    if (size < sizeof time) {
        return -EINVAL;
    }
    memcpy(&time, value, sizeof time);
    if (time.tv_usec < 0 || time.tv_usec >= 1000000) {
        return -EDOM;
    }
    if (time.tv_sec < 0) {
        *timeout_us = 0; /* sock_set_timeout of Linux: as good as none */
    } else {
        *timeout_us = time.tv_sec < INT32_MAX ? time.tv_sec * INT64_C(1000000) + time.tv_usec : 0;
    }
    return 0;
}

static int give(void *value, socklen_t *size, const void *data, size_t length)
{
    if ((int)*size < 0) {
        return -EINVAL;
    }
    if (*size > length) {
        *size = (socklen_t)length;
    }
    memcpy(value, data, *size);
    return 0;
}

static int give_int(void *value, socklen_t *size, int number)
{
    return give(value, size, &number, sizeof number);
}

/* Also what the network told softly. */
static int take_any_error(struct model_socket *socket)
{
    int error = socket_take_error(socket);
    if (error == 0) {
        error = socket->soft_error;
        socket->soft_error = 0;
    }
    return error;
}

/* States as TCP_INFO counts them (net/tcp_states.h). */
static const uint8_t info_states[TCP_STATE_COUNT] = {
    [TCP_ESTABLISHED] = 1, [TCP_SYN_SENT] = 2,  [TCP_SYN_RECEIVED] = 3, [TCP_FIN_WAIT_1] = 4,
    [TCP_FIN_WAIT_2] = 5,  [TCP_TIME_WAIT] = 6, [TCP_CLOSED] = 7,       [TCP_CLOSE_WAIT] = 8,
    [TCP_LAST_ACK] = 9,    [TCP_LISTEN] = 10,   [TCP_CLOSING] = 11,
};

static int give_info(const struct model *model, const struct model_socket *socket, void *value,
                     socklen_t *size)
{
    struct tcp_info info = {0};
    enum tcp_state state = socket_state(socket);
    info.tcpi_state = info_states[state];
    info.tcpi_retransmits = socket->timer_kind == NET_TIMER_RETRANSMIT ? socket->retries : 0;
    info.tcpi_probes = (uint8_t)socket->probes;
    info.tcpi_rto = 200000;
    info.tcpi_snd_mss = NET_CHUNK_DATA;
    info.tcpi_rcv_mss = 536;
    info.tcpi_rtt = 1;
    info.tcpi_snd_cwnd = 10;
    if (state == TCP_LISTEN) {
        info.tcpi_unacked = socket->accept_count;
        info.tcpi_sacked = socket->backlog;
    } else {
        uint32_t outstanding = socket->tcp.snd_nxt - socket->tcp.snd_una;
        info.tcpi_unacked = (outstanding + NET_CHUNK_DATA - 1) / NET_CHUNK_DATA;
        info.tcpi_rcv_space = socket->recv_room;
        info.tcpi_last_data_recv = (uint32_t)((model->now_us - socket->heard_us) / 1000);
        info.tcpi_notsent_bytes = tcp_before(socket->tcp.snd_nxt, socket->send_end)
                                      ? socket->send_end - socket->tcp.snd_nxt
                                      : 0;
    }
    return give(value, size, &info, sizeof info);
}

/* TCP_DEFER_ACCEPT counts in retransmissions of a SYN+ACK: 1, 3, 7, 15 … seconds. */
static uint32_t defer_seconds(int value)
{
    uint32_t period = value > 0 ? 1 : 0;
    uint32_t step = 1;
    while (value > 0 && (uint32_t)value > period && period < 3600) {
        step = step * 2 < 120 ? step * 2 : 120;
        period += step;
    }
    return period;
}

/* ---- setsockopt, getsockopt ---- */

static int set_row(struct model *model, struct model_socket *socket, const struct option_row *row,
                   int value)
{
    if (row->level == IPPROTO_IPV6 && !socket->v6) {
        return -ENOPROTOOPT;
    }
    if (row->level == IPPROTO_IPV6 && row->name == IPV6_V6ONLY && socket->local.port != 0) {
        return -EINVAL;
    }
    if (row->type != OPTION_BOOL && (value < row->min || value > row->max)) {
        return -EINVAL;
    }
    if (row->offset == AT(ttl) && value <= 0) {
        if (value == 0) {
            return -EINVAL;
        }
        value = 64;
    }
    if (row->offset == AT(rcvlowat)) {
        value = value < 0 ? INT_MAX : value == 0 ? 1 : value;
    }
    if (row->offset == AT(linger2_s)) {
        value = value < 0     ? -1
                : value == 0  ? NET_FIN_WAIT_2_US / 1000000
                : value > 120 ? 120
                              : value;
    }
    bool kept = socket->options.keepalive;
    row_set(row, &socket->options, value);
    socket->options.syncnt_set |= row->offset == AT(syncnt);
    if (row->offset == AT(rcvlowat)) {
        /* tcp_set_rcvlowat of Linux: what is there may be enough now; after a FIN (SOCK_DONE) it
         * always is. */
        if (socket->done || (socket->recv_used > 0 && socket->recv_used >= (uint32_t)value)) {
            socket_notify(model, socket, POLLIN | POLLPRI);
        }
    }
    if ((row->offset == AT(nodelay) && value != 0) || (row->offset == AT(cork) && value == 0)) {
        socket->push |= socket->options.nodelay;
        socket_push(model, socket);
    }
    if (row->offset == AT(keepalive) && socket->options.keepalive != kept) {
        socket_keepalive_start(model, socket);
    } else if (row->offset == AT(keepidle_s)) {
        socket_keepalive_update(model, socket);
    }
    return 0;
}

static int set_special(struct model *model, struct model_socket *socket, int name,
                       const void *value, socklen_t size)
{
    int number = 0;
    if (size < sizeof number) {
        return -EINVAL;
    }
    memcpy(&number, value, sizeof number);
    switch (name) {
    case SO_LINGER:
        return set_linger(socket, value, size);
    case SO_RCVTIMEO:
        return set_timeout(&socket->options.rcvtimeo_us, value, size);
    case SO_SNDTIMEO:
        return set_timeout(&socket->options.sndtimeo_us, value, size);
    case SO_SNDBUF:
    case SO_SNDBUFFORCE:
        set_buffer(model, socket, true, number);
        return 0;
    case SO_RCVBUF:
    case SO_RCVBUFFORCE:
        set_buffer(model, socket, false, number);
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static int set_tcp(struct model_socket *socket, int name, const void *value, socklen_t size)
{
    int number = 0;
    if (name == TCP_CONGESTION) {
        size_t length = size < sizeof socket->options.congestion - 1
                            ? size
                            : sizeof socket->options.congestion - 1;
        if (size < 1) {
            return -EINVAL;
        }
        memset(socket->options.congestion, 0, sizeof socket->options.congestion);
        memcpy(socket->options.congestion, value, length);
        return 0;
    }
    if (name != TCP_DEFER_ACCEPT) {
        return -ENOPROTOOPT;
    }
    if (size < sizeof number) {
        return -EINVAL;
    }
    memcpy(&number, value, sizeof number);
    socket->options.defer_s = defer_seconds(number);
    return 0;
}

int option_set(struct model *model, struct model_socket *socket, int level, int name,
               const void *value, socklen_t size)
{
    const struct option_row *row = row_find(level, name);
    if (value == NULL) {
        return -EFAULT;
    }
    if (row == NULL) {
        return level == SOL_SOCKET    ? set_special(model, socket, name, value, size)
               : level == IPPROTO_TCP ? set_tcp(socket, name, value, size)
                                      : -ENOPROTOOPT;
    }
    int number = 0;
    if (size < sizeof number) {
        /* The IP level takes single bytes as well. */
        if (level != IPPROTO_IP || size < 1) {
            return -EINVAL;
        }
        number = *(const uint8_t *)value;
    } else {
        memcpy(&number, value, sizeof number);
    }
    return set_row(model, socket, row, number);
}

static int give_timeout(void *value, socklen_t *size, int64_t timeout_us)
{
    struct timeval time = {.tv_sec = timeout_us / 1000000, .tv_usec = timeout_us % 1000000};
    return give(value, size, &time, sizeof time);
}

static int get_special(struct model_socket *socket, int name, void *value, socklen_t *size)
{
    switch (name) {
    case SO_LINGER: {
        struct linger linger = {.l_onoff = socket->options.linger,
                                .l_linger = socket->options.linger_s};
        return give(value, size, &linger, sizeof linger);
    }
    case SO_RCVTIMEO:
        return give_timeout(value, size, socket->options.rcvtimeo_us);
    case SO_SNDTIMEO:
        return give_timeout(value, size, socket->options.sndtimeo_us);
    case SO_SNDBUF:
        return give_int(value, size, (int)socket->options.sndbuf);
    case SO_RCVBUF:
        return give_int(value, size, (int)socket->options.rcvbuf);
    case SO_ERROR:
        return give_int(value, size, take_any_error(socket));
    case SO_TYPE:
        return give_int(value, size, SOCK_STREAM);
    case SO_PROTOCOL:
        return give_int(value, size, IPPROTO_TCP);
    case SO_DOMAIN:
        return give_int(value, size, socket->v6 ? AF_INET6 : AF_INET);
    case SO_ACCEPTCONN:
        return give_int(value, size, socket->tcp.state == TCP_LISTEN);
    case SO_SNDLOWAT:
        return give_int(value, size, 1);
    case SO_INCOMING_CPU:
        return give_int(value, size, -1);
    default:
        return -ENOPROTOOPT;
    }
}

int option_get(struct model *model, struct model_socket *socket, int level, int name, void *value,
               socklen_t *size)
{
    const struct option_row *row = row_find(level, name);
    if (row != NULL && (row->level != IPPROTO_IPV6 || socket->v6)) {
        return give_int(value, size, row_get(row, &socket->options));
    }
    if (level == SOL_SOCKET) {
        return get_special(socket, name, value, size);
    }
    if (level == IPPROTO_TCP && name == TCP_INFO) {
        return give_info(model, socket, value, size);
    }
    if (level == IPPROTO_TCP && name == TCP_DEFER_ACCEPT) {
        return give_int(value, size, (int)socket->options.defer_s);
    }
    if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
        return give(value, size, socket->options.congestion, sizeof socket->options.congestion);
    }
    return level == IPPROTO_TCP || level == IPPROTO_IP || level == IPPROTO_IPV6 ? -ENOPROTOOPT
                                                                                : -EOPNOTSUPP;
}
