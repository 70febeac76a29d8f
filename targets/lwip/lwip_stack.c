/* lwIP behind the contract of stacks: its raw API, in one thread, without its own timers' thread.
 *
 * lwIP does the TCP: states, segments, windows, retransmission, TIME-WAIT, keepalive. What a
 * program sees of a socket beyond that is made here, and declared emulated: descriptors, the queues
 * of accepted connections, readiness, and which errno is told when. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/ip4.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/sys.h>
#include <lwip/tcp.h>

#include "lwip_internal.h"

static struct lwip_host {
    struct sockspec_stack_host host;
    struct netif netif;
    struct description *descriptors[SOCKSPEC_STACK_DESCRIPTORS];
    uint64_t now_ms;
    uint64_t tick_ms; /* when lwIP's timer runs next */
    bool ticking;
    bool in_timer; /* what ends now ends because lwIP gave it up */
} lwip;

/* ---- Time ---- */

/* In place of the library's: its clock is ours. */
u32_t sys_now(void)
{
    return (u32_t)lwip.now_ms;
}

/* lwIP's timer runs while a connection exists (tcp_timer_needed in its timeouts.c). */
static void tick_if_needed(void)
{
    if (!lwip.ticking && (tcp_active_pcbs != NULL || tcp_tw_pcbs != NULL)) {
        lwip.ticking = true;
        lwip.tick_ms = lwip.now_ms + TCP_TMR_INTERVAL;
    }
}

/* How long nothing but lwIP's ticks can happen to a connection: what is idle may wait for hours. */
static uint64_t idle_ms(const struct tcp_pcb *pcb)
{
    uint64_t passed_ms = (uint64_t)(tcp_ticks - pcb->tmr) * TCP_SLOW_INTERVAL;
    uint64_t end_ms = UINT64_MAX;
    if (pcb->state == TIME_WAIT) {
        end_ms = 2 * TCP_MSL;
    } else if ((pcb->state != ESTABLISHED && pcb->state != CLOSE_WAIT) || pcb->unsent != NULL ||
               pcb->unacked != NULL || pcb->refused_data != NULL || pcb->persist_backoff != 0 ||
               (pcb->flags & (TF_ACK_DELAY | TF_ACK_NOW | TF_CLOSEPEND)) != 0) {
        return 0;
    } else if (ip_get_option(pcb, SOF_KEEPALIVE)) {
        end_ms = pcb->keep_idle;
    }
    return end_ms > passed_ms ? end_ms - passed_ms : 0;
}

/* When something may happen, at the end of one tick and a whole number of them. */
static int64_t next_event_ms(void)
{
    struct tcp_pcb *lists[] = {tcp_active_pcbs, tcp_tw_pcbs};
    uint64_t idle = UINT32_MAX / 2;
    for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (const struct tcp_pcb *pcb = lists[i]; pcb != NULL; pcb = pcb->next) {
            uint64_t own = idle_ms(pcb);
            idle = own < idle ? own : idle;
        }
    }
    return (int64_t)(lwip.tick_ms - lwip.now_ms + idle / TCP_TMR_INTERVAL * TCP_TMR_INTERVAL);
}

static int64_t lwip_advance(uint32_t ms)
{
    uint64_t end_ms = lwip.now_ms + ms;
    tick_if_needed();
    while (lwip.ticking && lwip.tick_ms <= end_ms) {
        lwip.now_ms = lwip.tick_ms;
        lwip.in_timer = true;
        tcp_tmr();
        lwip.in_timer = false;
        lwip.ticking = false;
        tick_if_needed();
    }
    lwip.now_ms = end_ms;
    tick_if_needed();
    return lwip.ticking ? next_event_ms() : -1;
}

/* ---- Packets ---- */

static err_t output(struct netif *netif, struct pbuf *packet, const ip4_addr_t *to)
{
    static uint8_t bytes[UINT16_MAX];
    (void)netif;
    (void)to;
    lwip.host.on_output(bytes, pbuf_copy_partial(packet, bytes, packet->tot_len, 0));
    return ERR_OK;
}

static err_t begin_netif(struct netif *netif)
{
    netif->name[0] = 's';
    netif->name[1] = 's';
    netif->mtu = SOCKSPEC_STACK_PACKET_MAX;
    netif->output = output;
    return ERR_OK;
}

static void lwip_inject(const void *packet, size_t size)
{
    struct pbuf *buffer = pbuf_alloc(PBUF_RAW, (u16_t)size, PBUF_RAM);
    if (buffer != NULL && pbuf_take(buffer, packet, (u16_t)size) == ERR_OK &&
        lwip.netif.input(buffer, &lwip.netif) == ERR_OK) {
        return;
    }
    if (buffer != NULL) {
        pbuf_free(buffer);
    }
}

static int lwip_reset(const struct sockspec_stack_host *host)
{
    ip4_addr_t address;
    ip4_addr_t mask;
    ip4_addr_t gateway;
    lwip.host = *host;
    srand(host->seed);
    lwip_init();
    memcpy(&address.addr, host->address, sizeof(host->address));
    memcpy(&gateway.addr, host->other, sizeof(host->other));
    mask.addr = PP_HTONL(UINT32_MAX << (32 - host->prefix));
    if (netif_add(&lwip.netif, &address, &mask, &gateway, NULL, begin_netif, ip4_input) == NULL) {
        return -ENOMEM;
    }
    netif_set_default(&lwip.netif);
    netif_set_link_up(&lwip.netif);
    netif_set_up(&lwip.netif);
    return 0;
}

/* ---- Descriptions ---- */

struct description *lwip_at(int s)
{
    return lwip.descriptors[s];
}

static int number_take(struct description *description)
{
    for (int s = 0; s < SOCKSPEC_STACK_DESCRIPTORS; s++) {
        if (lwip.descriptors[s] == NULL) {
            lwip.descriptors[s] = description;
            description->refs++;
            return s;
        }
    }
    return -EMFILE;
}

static bool is_in(struct tcp_pcb *list, const struct description *description)
{
    for (struct tcp_pcb *pcb = list; pcb != NULL; pcb = pcb->next) {
        if (pcb == description->pcb && pcb->local_port == description->local &&
            pcb->remote_port == description->remote) {
            return true;
        }
    }
    return false;
}

/* lwIP says nothing when TIME-WAIT ends: the block is gone then. */
struct tcp_pcb *lwip_pcb_of(struct description *description)
{
    if ((description->phase == CONNECTING || description->phase == CONNECTED) &&
        description->pcb != NULL && !is_in(tcp_active_pcbs, description) &&
        !is_in(tcp_tw_pcbs, description)) {
        description->pcb = NULL;
        description->phase = ENDED;
    }
    return description->pcb;
}

/* As lwIP's own sockets translate it, but for what it gave up: that is no local abort. */
static int errno_of(err_t error)
{
    return error == ERR_ABRT && lwip.in_timer ? ETIMEDOUT : err_to_errno(error);
}

static void forget(struct description *description)
{
    if (description->queue != NULL) {
        pbuf_free(description->queue);
    }
    free(description);
}

static void abandon(struct tcp_pcb *pcb)
{
    tcp_arg(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_err(pcb, NULL);
    tcp_sent(pcb, NULL);
}

/* ---- What lwIP calls ---- */

static err_t on_received(void *context, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
    struct description *description = context;
    (void)pcb;
    (void)error;
    if (data == NULL) {
        description->fin = true;
    } else if (description->queue == NULL) {
        description->queue = data;
    } else if (description->queue->tot_len > UINT16_MAX - data->tot_len) {
        return ERR_MEM; /* lwIP keeps it and offers it again */
    } else {
        pbuf_cat(description->queue, data);
    }
    return ERR_OK;
}

static void on_error(void *context, err_t error)
{
    struct description *description = context;
    bool refused = description->phase == CONNECTING && error == ERR_RST;
    description->pcb = NULL;
    description->phase = ENDED;
    if (error != ERR_CLSD) { /* both ends are done: no error */
        description->error = refused ? ECONNREFUSED : errno_of(error);
    }
    description->fin = true;
}

static err_t on_connected(void *context, struct tcp_pcb *pcb, err_t error)
{
    struct description *description = context;
    (void)pcb;
    (void)error;
    description->phase = CONNECTED;
    return ERR_OK;
}

static void adopt(struct description *description, struct tcp_pcb *pcb)
{
    description->pcb = pcb;
    tcp_arg(pcb, description);
    tcp_recv(pcb, on_received);
    tcp_err(pcb, on_error);
}

static err_t on_accept(void *context, struct tcp_pcb *pcb, err_t error)
{
    struct description *listener = context;
    struct description *description = NULL;
    if (pcb != NULL && error == ERR_OK && listener != NULL) {
        description = calloc(1, sizeof(*description));
    }
    if (description == NULL) {
        return ERR_MEM;
    }
    description->phase = CONNECTED;
    description->told = true;
    description->local = pcb->local_port;
    description->remote = pcb->remote_port;
    adopt(description, pcb);
    struct description **end = &listener->accepted;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = description;
    return ERR_OK;
}

/* ---- Opening ---- */

static int lwip_open(void)
{
    struct description *description = calloc(1, sizeof(*description));
    struct tcp_pcb *pcb = description != NULL ? tcp_new_ip_type(IPADDR_TYPE_V4) : NULL;
    if (pcb == NULL) {
        free(description);
        return -ENOBUFS;
    }
    adopt(description, pcb);
    int s = number_take(description);
    if (s < 0) {
        (void)tcp_close(pcb);
        free(description);
    }
    return s;
}

static int lwip_bind(int s, uint16_t port)
{
    struct description *description = lwip_at(s);
    if (description->phase != FRESH || description->local != 0) {
        return -EINVAL;
    }
    err_t error = tcp_bind(description->pcb, IP4_ADDR_ANY, port);
    if (error == ERR_OK) {
        description->local = description->pcb->local_port;
    }
    return -errno_of(error);
}

static int lwip_listen(int s, int backlog)
{
    struct description *description = lwip_at(s);
    err_t error = ERR_OK;
    if (description->phase == LISTENING) {
        return 0;
    }
    if (description->phase != FRESH) {
        return -EINVAL;
    }
    int bound = description->local == 0 ? lwip_bind(s, 0) : 0;
    if (bound < 0) {
        return bound;
    }
    u8_t most = (u8_t)(backlog < 0 ? 0 : backlog > UINT8_MAX ? UINT8_MAX : backlog);
    struct tcp_pcb *listener = tcp_listen_with_backlog_and_err(description->pcb, most, &error);
    if (listener == NULL) {
        return -errno_of(error);
    }
    description->pcb = listener;
    description->phase = LISTENING;
    tcp_arg(listener, description);
    tcp_accept(listener, on_accept);
    return 0;
}

static int lwip_accept(int s)
{
    struct description *listener = lwip_at(s);
    struct description *first = listener->accepted;
    if (listener->phase != LISTENING) {
        return -EINVAL;
    }
    if (first == NULL) {
        return -EAGAIN;
    }
    int number = number_take(first);
    if (number >= 0) {
        listener->accepted = first->next;
        first->next = NULL;
    }
    return number;
}

int lwip_take_error(struct description *description)
{
    int error = description->error;
    description->error = 0;
    return error;
}

static int lwip_connect(int s, uint16_t port, bool own)
{
    struct description *description = lwip_at(s);
    ip_addr_t to = IPADDR4_INIT(0);
    (void)lwip_pcb_of(description);
    if (own) {
        return -ENOSYS;
    }
    switch (description->phase) {
    case CONNECTING:
        return -EALREADY;
    case LISTENING:
        return -EISCONN;
    case CONNECTED:
    case ENDED:
        if (description->error != 0) {
            return -lwip_take_error(description);
        }
        if (!description->told) {
            description->told = true;
            return 0;
        }
        return description->phase == CONNECTED ? -EISCONN : -ECONNABORTED;
    default:
        break;
    }
    memcpy(&ip_2_ip4(&to)->addr, lwip.host.other, sizeof(lwip.host.other));
    err_t error = tcp_connect(description->pcb, &to, port, on_connected);
    if (error != ERR_OK) {
        return -errno_of(error);
    }
    description->phase = CONNECTING;
    description->local = description->pcb->local_port;
    description->remote = port;
    return -EINPROGRESS;
}

/* ---- Data ---- */

static int64_t lwip_send(int s, const void *data, size_t size, int flags)
{
    struct description *description = lwip_at(s);
    struct tcp_pcb *pcb = lwip_pcb_of(description);
    if (flags != 0) {
        return -EOPNOTSUPP;
    }
    if (description->error != 0) {
        return -lwip_take_error(description);
    }
    if (description->phase == CONNECTING) {
        return -EAGAIN;
    }
    if (pcb == NULL || description->phase != CONNECTED || description->write_shut) {
        return -EPIPE;
    }
    size_t room = tcp_sndbuf(pcb);
    size_t length = size < room ? size : room;
    length = length < UINT16_MAX ? length : UINT16_MAX;
    if (length == 0 && size > 0) {
        return -EAGAIN;
    }
    err_t error = tcp_write(pcb, data, (u16_t)length, TCP_WRITE_FLAG_COPY);
    if (error == ERR_MEM) {
        return -EAGAIN; /* its queue of segments is full */
    }
    if (error != ERR_OK) {
        return -errno_of(error);
    }
    (void)tcp_output(pcb);
    return (int64_t)length;
}

static int64_t lwip_receive(int s, void *data, size_t size, int flags)
{
    struct description *description = lwip_at(s);
    struct tcp_pcb *pcb = lwip_pcb_of(description);
    if ((flags & ~(MSG_PEEK | MSG_WAITALL)) != 0) {
        return -EOPNOTSUPP;
    }
    if (description->phase == FRESH || description->phase == LISTENING) {
        return -ENOTCONN;
    }
    if (description->queue == NULL) {
        if (description->error != 0) {
            return -lwip_take_error(description);
        }
        return description->fin || description->read_shut || pcb == NULL ? 0 : -EAGAIN;
    }
    u16_t length = (u16_t)(size < UINT16_MAX ? size : UINT16_MAX);
    length = pbuf_copy_partial(description->queue, data, length, 0);
    if ((flags & MSG_PEEK) == 0 && length > 0) {
        description->queue = pbuf_free_header(description->queue, length);
        if (pcb != NULL) {
            tcp_recved(pcb, length);
        }
    }
    return length;
}

/* ---- Ending ---- */

static int lwip_shutdown(int s, int how)
{
    struct description *description = lwip_at(s);
    struct tcp_pcb *pcb = lwip_pcb_of(description);
    bool reads = how == SHUT_RD || how == SHUT_RDWR;
    bool writes = how == SHUT_WR || how == SHUT_RDWR;
    err_t error = ERR_OK;
    if (description->phase != CONNECTED || pcb == NULL) {
        return -ENOTCONN;
    }
    if (writes && !description->write_shut) {
        error = tcp_shutdown(pcb, 0, 1);
        description->write_shut = error == ERR_OK;
    }
    /* Both at once would let lwIP free the block: one after the other does not. */
    if (error == ERR_OK && reads && lwip_pcb_of(description) != NULL) {
        error = tcp_shutdown(description->pcb, 1, 0);
        description->read_shut = true;
    }
    return -errno_of(error);
}

static void end_pcb(struct description *description, bool abortive)
{
    struct tcp_pcb *pcb = lwip_pcb_of(description);
    if (pcb == NULL) {
        return;
    }
    description->pcb = NULL;
    if (description->phase == LISTENING) {
        tcp_arg(pcb, NULL);
        (void)tcp_close(pcb);
        return;
    }
    abandon(pcb);
    if (abortive && description->phase != FRESH && pcb->state != TIME_WAIT) {
        tcp_abort(pcb);
    } else if (tcp_close(pcb) != ERR_OK) {
        tcp_abort(pcb);
    }
}

static int end(int s, bool abortive)
{
    struct description *description = lwip_at(s);
    lwip.descriptors[s] = NULL;
    if (--description->refs > 0) {
        return 0;
    }
    end_pcb(description, abortive || description->abortive);
    while (description->accepted != NULL) {
        struct description *waiting = description->accepted;
        description->accepted = waiting->next;
        end_pcb(waiting, true);
        forget(waiting);
    }
    forget(description);
    return 0;
}
static int lwip_close(int s)
{
    return end(s, false);
}
static int lwip_abort(int s)
{
    return end(s, true);
}

/* ---- What is asked ---- */

static enum sockspec_stack_state lwip_state(uint16_t local, uint16_t remote)
{
    if (remote == 0) {
        for (struct tcp_pcb_listen *pcb = tcp_listen_pcbs.listen_pcbs; pcb != NULL;
             pcb = pcb->next) {
            if (pcb->local_port == local) {
                return SOCKSPEC_STACK_STATE_LISTEN;
            }
        }
        return SOCKSPEC_STACK_STATE_CLOSED;
    }
    struct tcp_pcb *lists[] = {tcp_active_pcbs, tcp_tw_pcbs};
    for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (struct tcp_pcb *pcb = lists[i]; pcb != NULL; pcb = pcb->next) {
            if (pcb->local_port == local && pcb->remote_port == remote) {
                return (enum sockspec_stack_state)pcb->state; /* lwIP's order is the RFC's */
            }
        }
    }
    return SOCKSPEC_STACK_STATE_CLOSED;
}
_Static_assert((int)TIME_WAIT == (int)SOCKSPEC_STACK_STATE_TIME_WAIT &&
                   (int)CLOSE_WAIT == (int)SOCKSPEC_STACK_STATE_CLOSE_WAIT &&
                   (int)SYN_RCVD == (int)SOCKSPEC_STACK_STATE_SYN_RECEIVED,
               "states are numbered alike");

static void lwip_ports(int s, uint16_t *ret_local, uint16_t *ret_remote)
{
    *ret_local = lwip_at(s)->local;
    *ret_remote = lwip_at(s)->remote;
}

static int lwip_poll(int s)
{
    struct description *description = lwip_at(s);
    struct tcp_pcb *pcb = lwip_pcb_of(description);
    int bits = description->error != 0 ? POLLERR : 0;
    switch (description->phase) {
    case FRESH:
        return POLLOUT | POLLWRNORM | POLLHUP;
    case LISTENING:
        return description->accepted != NULL ? POLLIN | POLLRDNORM : 0;
    case CONNECTING:
        return 0;
    case ENDED:
        return bits | POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLRDHUP | POLLHUP;
    default:
        break;
    }
    if (description->queue != NULL || description->fin || description->read_shut) {
        bits |= POLLIN | POLLRDNORM;
    }
    if (description->fin || description->read_shut) {
        bits |= POLLRDHUP;
    }
    if (description->write_shut && (description->fin || description->read_shut)) {
        bits |= POLLHUP;
    }
    if (description->write_shut ||
        (tcp_sndbuf(pcb) > 0 && tcp_sndqueuelen(pcb) < TCP_SND_QUEUELEN)) {
        bits |= POLLOUT | POLLWRNORM;
    }
    return bits;
}

static int lwip_dup(int s)
{
    return number_take(lwip_at(s));
}

static int lwip_names(int s, bool peer, struct sockspec_stack_name *ret_name)
{
    struct description *description = lwip_at(s);
    (void)lwip_pcb_of(description);
    if (!peer) {
        bool connects = description->remote != 0; /* also when the connection is over */
        memcpy(ret_name->address, lwip.host.address, connects ? sizeof(ret_name->address) : 0);
        ret_name->port = description->local;
        return 0;
    }
    if (description->phase != CONNECTED) {
        return -ENOTCONN;
    }
    memcpy(ret_name->address, lwip.host.other, sizeof(ret_name->address));
    ret_name->port = description->remote;
    return 0;
}

const struct sockspec_stack sockspec_stack = {
    .name = "lwip",
    .version = "lwIP " LWIP_VERSION_STRING ", raw API",
    .operations =
        {
#define NATIVE(name) [SOCKSPEC_STACK_##name] = SOCKSPEC_STACK_NATIVE
#define EMULATED(name) [SOCKSPEC_STACK_##name] = SOCKSPEC_STACK_EMULATED
            NATIVE(SOCKET),          NATIVE(BIND),          NATIVE(LISTEN),
            NATIVE(CONNECT),         NATIVE(SEND),          NATIVE(RECV),
            NATIVE(SHUTDOWN),        NATIVE(SHUTDOWN_READ), NATIVE(CLOSE),
            NATIVE(ABORT),           NATIVE(NAMES),         NATIVE(BACKLOG),
            NATIVE(SO_KEEPALIVE),    NATIVE(SO_REUSEADDR),  NATIVE(TCP_NODELAY),
            NATIVE(TCP_KEEPIDLE),    NATIVE(TCP_KEEPINTVL), NATIVE(TCP_KEEPCNT),
            EMULATED(ACCEPT),        EMULATED(PEEK),        EMULATED(WAITALL),
            EMULATED(POLL),          EMULATED(DUP),         EMULATED(NUMBERS),
            EMULATED(ERRORS),        EMULATED(SO_ERROR),    EMULATED(SO_LINGER),
            EMULATED(SO_ACCEPTCONN),
#undef NATIVE
#undef EMULATED
        },
    .reset = lwip_reset,
    .resets = false, /* lwIP cannot be put back: a new process each time */
    .inject = lwip_inject,
    .advance = lwip_advance,
    .state = lwip_state,
    .ports = lwip_ports,
    .socket = lwip_open,
    .bind = lwip_bind,
    .listen = lwip_listen,
    .accept = lwip_accept,
    .connect = lwip_connect,
    .send = lwip_send,
    .recv = lwip_receive,
    .shutdown = lwip_shutdown,
    .close = lwip_close,
    .abort = lwip_abort,
    .poll = lwip_poll,
    .dup = lwip_dup,
    .names = lwip_names,
    .setsockopt = lwip_setsockopt,
    .getsockopt = lwip_getsockopt,
};
