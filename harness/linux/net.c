/* The life of the network: made, emptied between plays, given back. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "linux/net_internal.h"

enum { ALL_BUT_LISTENERS = ((1 << TCP_STATE_COUNT) - 1) & ~(1 << TCP_LISTEN | 1 << TCP_CLOSED) };

static enum status bring_up(struct linux_net *net, struct status_detail *detail)
{
    bool own = !linux_net_is_shared();
    enum status status = own ? linux_namespaces_new(&net->spaces, detail) : STATUS_OK;
    for (enum trace_host host = 0; host < TRACE_HOST_COUNT && status == STATUS_OK; host++) {
        linux_namespace_enter(&net->spaces, host);
        status =
            own ? linux_link_up(host, net->kernel_timers, &net->tuns[host], detail) : STATUS_OK;
        if (status == STATUS_OK) {
            status = linux_diag_open(&net->diag, host, detail);
        }
        linux_namespace_leave(&net->spaces);
    }
    return status == STATUS_OK ? linux_scripted_init(net, detail) : status;
}

enum status linux_net_new(bool kernel_timers, struct linux_net **ret_net,
                          struct status_detail *detail)
{
    struct linux_net *net = calloc(1, sizeof *net);
    if (net == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "no memory for the network");
    }
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        net->spaces.fds[host] = -1;
        net->tuns[host] = -1;
        net->epolls[host] = -1;
        net->app_epolls[host] = -1;
    }
    net->null = -1;
    net->kernel_timers = kernel_timers;
    net->spaces.home = -1;
    net->ends = calloc(WIRE_CONNS_MAX + 1, sizeof *net->ends);
    enum status status = net->ends != NULL
                             ? linux_wire_init(net, detail)
                             : status_fail(detail, STATUS_NO_MEMORY, "no memory for connections");
    status = status == STATUS_OK ? bring_up(net, detail) : status;
    if (status != STATUS_OK) {
        linux_net_free(net);
        return status;
    }
    *ret_net = net;
    return STATUS_OK;
}

void linux_net_free(struct linux_net *net)
{
    if (net == NULL) {
        return;
    }
    linux_scripted_done(net);
    packet_wire_done(&net->wire);
    linux_diag_done(&net->diag);
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        if (net->tuns[host] >= 0) {
            close(net->tuns[host]);
        }
    }
    linux_namespaces_done(&net->spaces);
    free(net->ends);
    free(net);
}

int linux_net_namespace(const struct linux_net *net, enum trace_host host)
{
    assert(host < TRACE_HOST_COUNT);
    return net->spaces.fds[host];
}

int linux_net_descriptors(const struct linux_net *net, int fds[LINUX_NET_FDS_MAX])
{
    int count = 0;
    for (unsigned host = 0; host < TRACE_HOST_COUNT && !linux_net_is_shared(); host++) {
        fds[count++] = net->tuns[host];
    }
    return count;
}

/* ---- Reset ---- */

/* What a living process holds of a connection of its host with itself is not ours to end. */
static bool is_private(enum trace_host host, const struct linux_diag_row *row)
{
    uint8_t other4[PACKET_ADDRESS];
    uint8_t other6[PACKET_ADDRESS];
    uint8_t mapped[PACKET_ADDRESS] = {[10] = 0xFF, [11] = 0xFF};
    linux_link_address(packet_wire_other(host), false, other4);
    linux_link_address(packet_wire_other(host), true, other6);
    memcpy(mapped + 12, other4, 4);
    bool ours = row->tuple.v6 ? memcmp(row->tuple.remote, other6, sizeof other6) == 0 ||
                                    memcmp(row->tuple.remote, mapped, sizeof mapped) == 0
                              : memcmp(row->tuple.remote, other4, 4) == 0;
    return row->inode != 0 && !ours;
}

void linux_net_end_socket(struct linux_net *net, enum trace_host host,
                          const struct linux_diag_row *row)
{
    if (linux_diag_destroy(&net->diag, host, row) == 0) {
        return;
    }
    /* Older kernels do not end TIME-WAIT so, but at an RST. */
    uint32_t conn = linux_net_conn(net, host, row->tuple.local_port, row->tuple.remote_port);
    if (conn != 0) {
        packet_wire_reset_end(&net->wire, conn, host);
    }
}

/* Ends what is left on a host; false when there was nothing. */
static bool sweep(struct linux_net *net, enum trace_host host)
{
    bool any = false;
    size_t count = linux_diag_dump(&net->diag, host, ALL_BUT_LISTENERS, net->rows, NET_DUMP_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!is_private(host, &net->rows[i])) {
            linux_net_end_socket(net, host, &net->rows[i]);
            any = true;
        }
    }
    linux_wire_drain(net);
    return any;
}

void linux_net_reset(struct linux_net *net, struct trace *trace)
{
    linux_scripted_close_all(net);
    net->app_full = false;
    linux_wire_drain(net);
    for (enum trace_host host = 0; host < TRACE_HOST_COUNT && !linux_net_is_shared(); host++) {
        for (int round = 0; round < NET_RESET_ROUNDS && sweep(net, host); round++) {
        }
    }
    net->counted_used = 0;
    net->came = false;
    memset(net->ends, 0, sizeof *net->ends * (net->wire.conn_count + 1));
    memset(net->listener_count, 0, sizeof net->listener_count);
    net->expiry_us = INT64_MAX;
    packet_wire_reset(&net->wire, trace);
}
