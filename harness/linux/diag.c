/* What the kernels say of their sockets: NETLINK_SOCK_DIAG through libmnl, one netlink socket per
 * namespace. A request is answered inside its own sendto, so nothing here waits. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>

#include "linux/net_internal.h"

enum { BUFFER = 1 << 15, REQUEST = 128 };

/* The kernel's numbers of states (include/net/tcp_states.h; the C library's header of the same
 * names cannot stand beside ours). 12 is a SYN that a listener keeps. */
enum { KERNEL_STATES = 13 };
static const uint8_t from_kernel[KERNEL_STATES] = {
    [1] = TCP_ESTABLISHED, [2] = TCP_SYN_SENT,  [3] = TCP_SYN_RECEIVED, [4] = TCP_FIN_WAIT_1,
    [5] = TCP_FIN_WAIT_2,  [6] = TCP_TIME_WAIT, [7] = TCP_CLOSED,       [8] = TCP_CLOSE_WAIT,
    [9] = TCP_LAST_ACK,    [10] = TCP_LISTEN,   [11] = TCP_CLOSING,     [12] = TCP_SYN_RECEIVED,
};

enum status linux_diag_open(struct linux_diag *diag, enum trace_host host,
                            struct status_detail *detail)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
    if (socket == NULL || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
        enum status status =
            status_fail(detail, STATUS_ENVIRONMENT, "sock_diag: %s", strerror(errno));
        if (socket != NULL) {
            (void)mnl_socket_close(socket);
        }
        return status;
    }
    diag->sockets[host] = socket;
    return STATUS_OK;
}

void linux_diag_done(struct linux_diag *diag)
{
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        if (diag->sockets[host] != NULL) {
            (void)mnl_socket_close(diag->sockets[host]);
            diag->sockets[host] = NULL;
        }
    }
}

/* ---- Messages ---- */

static struct nlmsghdr *begin(char *buffer, struct linux_diag *diag, uint16_t type, uint16_t flags,
                              struct inet_diag_req_v2 **ret_request)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
    message->nlmsg_type = type;
    message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    message->nlmsg_seq = ++diag->sequence;
    struct inet_diag_req_v2 *request = mnl_nlmsg_put_extra_header(message, sizeof *request);
    request->sdiag_protocol = IPPROTO_TCP;
    *ret_request = request;
    return message;
}

static void put_tuple(const struct linux_tuple *tuple, struct inet_diag_req_v2 *request)
{
    request->sdiag_family = tuple->v6 ? AF_INET6 : AF_INET;
    request->id.idiag_sport = htons(tuple->local_port);
    request->id.idiag_dport = htons(tuple->remote_port);
    memcpy(request->id.idiag_src, tuple->local, PACKET_ADDRESS);
    memcpy(request->id.idiag_dst, tuple->remote, PACKET_ADDRESS);
}

/* A listener of IPv6 on an address of IPv4 (::ffff:127.0.0.1, as a JVM has them) takes IPv4 alone.
 */
static void listen_as_v4(struct linux_tuple *tuple)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (tuple->v6 && memcmp(tuple->local, mapped, sizeof mapped) == 0) {
        tuple->v6 = false;
        memmove(tuple->local, tuple->local + sizeof mapped, 4);
        memset(tuple->local + 4, 0, PACKET_ADDRESS - 4);
    }
}

static void take_row(const struct inet_diag_msg *message, struct linux_diag_row *row)
{
    *row = (struct linux_diag_row){
        .state =
            message->idiag_state < KERNEL_STATES ? from_kernel[message->idiag_state] : TCP_CLOSED,
        .tuple = {.v6 = message->idiag_family == AF_INET6,
                  .local_port = ntohs(message->id.idiag_sport),
                  .remote_port = ntohs(message->id.idiag_dport)},
        .cookie = {message->id.idiag_cookie[0], message->id.idiag_cookie[1]},
        .inode = message->idiag_inode,
        .unread = message->idiag_rqueue,
        .timer = message->idiag_timer,
        .expires_us = (int64_t)message->idiag_expires * 1000,
    };
    size_t size = row->tuple.v6 ? PACKET_ADDRESS : 4;
    memcpy(row->tuple.local, message->id.idiag_src, size);
    memcpy(row->tuple.remote, message->id.idiag_dst, size);
    if (row->state == TCP_LISTEN) {
        listen_as_v4(&row->tuple);
    }
}

/* ---- One socket ---- */

bool linux_diag_query(struct linux_diag *diag, enum trace_host host,
                      const struct linux_tuple *tuple, struct linux_diag_row *ret_row)
{
    _Alignas(struct nlmsghdr) char buffer[REQUEST * 4];
    struct inet_diag_req_v2 *request;
    struct nlmsghdr *message = begin(buffer, diag, SOCK_DIAG_BY_FAMILY, 0, &request);
    request->idiag_states = UINT32_MAX;
    put_tuple(tuple, request);
    request->id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    request->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    uint32_t sequence = message->nlmsg_seq;
    ssize_t size = -1;
    if (mnl_socket_sendto(diag->sockets[host], message, message->nlmsg_len) >= 0) {
        do {
            size = mnl_socket_recvfrom(diag->sockets[host], buffer, sizeof buffer);
        } while (size < 0 && errno == EINTR);
    }
    const struct nlmsghdr *answer = (const struct nlmsghdr *)(const void *)buffer;
    if (size < (ssize_t)NLMSG_HDRLEN || answer->nlmsg_seq != sequence ||
        answer->nlmsg_type != SOCK_DIAG_BY_FAMILY) {
        return false;
    }
    take_row(mnl_nlmsg_get_payload(answer), ret_row);
    /* Where no connection is, the kernel's lookup goes on to the listener of the port. */
    return ret_row->state != TCP_LISTEN && ret_row->state != TCP_CLOSED;
}

int linux_diag_destroy(struct linux_diag *diag, enum trace_host host,
                       const struct linux_diag_row *row)
{
    _Alignas(struct nlmsghdr) char buffer[REQUEST * 4];
    struct inet_diag_req_v2 *request;
    struct nlmsghdr *message = begin(buffer, diag, SOCK_DESTROY, NLM_F_ACK, &request);
    request->idiag_states = UINT32_MAX;
    put_tuple(&row->tuple, request);
    memcpy(request->id.idiag_cookie, row->cookie, sizeof row->cookie);
    uint32_t sequence = message->nlmsg_seq;
    if (mnl_socket_sendto(diag->sockets[host], message, message->nlmsg_len) < 0) {
        return -errno;
    }
    ssize_t size = mnl_socket_recvfrom(diag->sockets[host], buffer, sizeof buffer);
    if (size < 0 || mnl_cb_run(buffer, (size_t)size, sequence,
                               mnl_socket_get_portid(diag->sockets[host]), NULL, NULL) < 0) {
        return -errno;
    }
    return 0;
}

/* ---- All sockets ---- */

struct dump {
    struct linux_diag_row *rows;
    size_t max;
    size_t count;
};

/* What a row says beside its fixed part. */
static int on_attribute(const struct nlattr *attribute, void *context)
{
    struct linux_diag_row *row = context;
    row->v6_only |=
        mnl_attr_get_type(attribute) == INET_DIAG_SKV6ONLY && mnl_attr_get_u8(attribute) != 0;
    return MNL_CB_OK;
}

static int on_row(const struct nlmsghdr *message, void *context)
{
    struct dump *dump = context;
    if (dump->count < dump->max) {
        struct linux_diag_row *row = &dump->rows[dump->count++];
        take_row(mnl_nlmsg_get_payload(message), row);
        (void)mnl_attr_parse(message, sizeof(struct inet_diag_msg), on_attribute, row);
    }
    return MNL_CB_OK;
}

static uint32_t kernel_mask(uint32_t states)
{
    uint32_t mask = 0;
    for (unsigned i = 1; i < KERNEL_STATES; i++) {
        mask |= (states >> from_kernel[i] & 1U) << i;
    }
    return mask;
}

static void dump_family(struct linux_diag *diag, enum trace_host host, uint8_t family,
                        uint32_t states, uint16_t port, struct dump *dump)
{
    _Alignas(struct nlmsghdr) char buffer[BUFFER];
    struct inet_diag_req_v2 *request;
    struct nlmsghdr *message = begin(buffer, diag, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request);
    request->sdiag_family = family;
    request->idiag_states = kernel_mask(states);
    request->id.idiag_sport = htons(port);
    uint32_t sequence = message->nlmsg_seq;
    struct mnl_socket *socket = diag->sockets[host];
    if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0) {
        return;
    }
    int more = MNL_CB_OK;
    while (more > MNL_CB_STOP) {
        ssize_t size = mnl_socket_recvfrom(socket, buffer, sizeof buffer);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        more = size < 0 ? MNL_CB_ERROR
                        : mnl_cb_run(buffer, (size_t)size, sequence, mnl_socket_get_portid(socket),
                                     on_row, dump);
    }
}

size_t linux_diag_dump_port(struct linux_diag *diag, enum trace_host host, uint32_t states,
                            uint16_t port, struct linux_diag_row *rows, size_t max)
{
    struct dump dump = {.rows = rows, .max = max};
    dump_family(diag, host, AF_INET, states, port, &dump);
    dump_family(diag, host, AF_INET6, states, port, &dump);
    return dump.count;
}

size_t linux_diag_dump(struct linux_diag *diag, enum trace_host host, uint32_t states,
                       struct linux_diag_row *rows, size_t max)
{
    return linux_diag_dump_port(diag, host, states, 0, rows, max);
}
