/* One host's device: a TUN with point-to-point addresses, routes whose metrics make the kernel
 * prompt, and sysctls. All of it by netlink and /proc/sys, from inside the namespace. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "linux/net_internal.h"

#define DEVICE "wire0"

enum { LOOPBACK_INDEX = 1, BUFFER = 1024, INITIAL_WINDOW = 1000 /* segments */ };

/* Set where the kernel has them; a kernel without one has no such behaviour, or the route's metrics
 * say the same. */
static const struct sysctl {
    const char *path;
    const char *value;
} sysctls[] = {
    {"ipv6/conf/all/accept_ra", "0"},
    {"ipv6/conf/default/accept_ra", "0"},
    {"ipv6/conf/default/addr_gen_mode", "1"}, /* no link-local address */
    {"ipv6/conf/default/router_solicitations", "0"},
    {"ipv6/conf/" DEVICE "/accept_ra", "0"},
    {"ipv6/conf/" DEVICE "/addr_gen_mode", "1"},
    {"ipv6/conf/" DEVICE "/router_solicitations", "0"},
    {"ipv4/conf/" DEVICE "/route_localnet", "1"}, /* see linux_conn_aim */
    {"ipv4/ip_unprivileged_port_start", "0"},
    {"ipv4/tcp_congestion_control", "reno"}, /* no pacing, and the same everywhere */
    {"ipv4/tcp_timestamps", "0"},            /* so that a forged segment needs none */
    {"ipv4/tcp_sack", "0"},
    {"ipv4/tcp_ecn", "0"},
    {"ipv4/tcp_fastopen", "0"},
    {"ipv4/tcp_no_metrics_save", "1"}, /* no connection learns from those before it */
    {"ipv4/tcp_slow_start_after_idle", "0"},
    {"ipv4/tcp_autocorking", "0"},
    /* Of a window's last third nothing is sent, but not by a sender that was slow for 1 ms. */
    {"ipv4/tcp_tso_win_divisor", "255"},
    /* How much goes out as one piece follows the round trip's time, and how much room a piece takes
     * in the send buffer follows its size: more than ever is one piece, so all of it is. */
    {"ipv4/tcp_min_tso_segs", "64"},
    {"ipv4/tcp_moderate_rcvbuf", "0"}, /* follows the round trip's time */
    {"ipv4/tcp_early_retrans", "0"},   /* no tail loss probe */
    {"ipv4/tcp_recovery", "0"},
    {"ipv4/tcp_frto", "0"},
    {"ipv4/tcp_retrans_collapse", "0"}, /* what is sent again is cut as it was */
    {"ipv4/tcp_max_reordering", "10000"},
    {"ipv4/tcp_reordering", "10000"}, /* what is held must not count as lost */
    {"ipv4/tcp_fin_timeout", "60"},
    {"ipv4/tcp_tw_reuse", "0"},
    {"ipv4/tcp_rfc1337", "0"},
    {"ipv4/tcp_challenge_ack_limit", "2147483647"},
    /* 0 lets two ends that disagree acknowledge for ever; the usual half a second may pass unseen
     * on a busy machine. */
    {"ipv4/tcp_invalid_ratelimit", "60000"},
    {"ipv4/tcp_syncookies", "0"},
    {"ipv4/tcp_wmem", "4096 16384 65536"}, /* an answer that is large cannot be sent at once */
    {"ipv4/tcp_rmem", "4096 131072 131072"},
};

bool linux_link_sysctl(const char *path, const char *value)
{
    char name[128];
    (void)snprintf(name, sizeof name, "/proc/sys/net/%s", path);
    int fd = open(name, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool written = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
    close(fd);
    return written;
}

static bool shared; /* both hosts are the machine itself */

void linux_net_share(void)
{
    shared = true;
}

bool linux_net_is_shared(void)
{
    return shared;
}

void linux_link_address(enum trace_host host, bool v6, uint8_t ret_bytes[PACKET_ADDRESS])
{
    memset(ret_bytes, 0, PACKET_ADDRESS);
    if (shared) {
        ret_bytes[0] = v6 ? 0 : NET_LOOPBACK;
        ret_bytes[v6 ? PACKET_ADDRESS - 1 : 3] = 1;
    } else if (v6) {
        ret_bytes[0] = 0xFD;
        ret_bytes[1] = 0x83;
        ret_bytes[15] = (uint8_t)(host + 1);
    } else {
        ret_bytes[0] = 10;
        ret_bytes[1] = 83;
        ret_bytes[3] = (uint8_t)(host + 1);
    }
}

const char *linux_net_address(enum trace_host host, bool v6)
{
    static const char *const addresses[TRACE_HOST_COUNT][2] = {
        [TRACE_HOST_TARGET] = {"10.83.0.1", "fd83::1"},
        [TRACE_HOST_PEER] = {"10.83.0.2", "fd83::2"},
    };
    assert(host < TRACE_HOST_COUNT);
    if (shared) {
        return v6 ? "::1" : "127.0.0.1";
    }
    return addresses[host][v6];
}

/* ---- rtnetlink ---- */

/* A connection to rtnetlink and the message that is being written. */
struct route {
    struct mnl_socket *socket;
    struct nlmsghdr *message;
    uint32_t sequence;
    bool kernel_timers; /* nothing puts them off */
    alignas(struct nlmsghdr) char buffer[BUFFER];
};

static void *begin(struct route *route, uint16_t type, uint16_t flags, size_t header)
{
    route->message = mnl_nlmsg_put_header(route->buffer);
    route->message->nlmsg_type = type;
    route->message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    route->message->nlmsg_seq = ++route->sequence;
    return mnl_nlmsg_put_extra_header(route->message, header);
}

/* Sends the message and waits for its acknowledgment. */
static enum status commit(struct route *route, const char *what, struct status_detail *detail)
{
    alignas(struct nlmsghdr) char answer[BUFFER];
    ssize_t size = -1;
    if (mnl_socket_sendto(route->socket, route->message, route->message->nlmsg_len) >= 0) {
        size = mnl_socket_recvfrom(route->socket, answer, sizeof answer);
    }
    if (size < 0 || mnl_cb_run(answer, (size_t)size, route->sequence,
                               mnl_socket_get_portid(route->socket), NULL, NULL) < 0) {
        return status_fail(detail, STATUS_ENVIRONMENT, "%s: %s", what, strerror(errno));
    }
    return STATUS_OK;
}

static enum status set_up(struct route *route, unsigned index, struct status_detail *detail)
{
    struct ifinfomsg *link = begin(route, RTM_NEWLINK, 0, sizeof *link);
    link->ifi_family = AF_UNSPEC;
    link->ifi_index = (int)index;
    link->ifi_flags = IFF_UP;
    link->ifi_change = IFF_UP;
    if (index != LOOPBACK_INDEX) {
        mnl_attr_put_u32(route->message, IFLA_MTU, WIRE_MTU);
        mnl_attr_put_u32(route->message, IFLA_TXQLEN, NET_QUEUE);
    }
    return commit(route, "bringing a device up", detail);
}

static enum status add_address(struct route *route, unsigned index, enum trace_host host, bool v6,
                               struct status_detail *detail)
{
    size_t size = v6 ? PACKET_ADDRESS : 4;
    uint8_t own[PACKET_ADDRESS];
    uint8_t other[PACKET_ADDRESS];
    linux_link_address(host, v6, own);
    linux_link_address(packet_wire_other(host), v6, other);
    struct ifaddrmsg *address =
        begin(route, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof *address);
    address->ifa_family = v6 ? AF_INET6 : AF_INET;
    address->ifa_prefixlen = (uint8_t)(size * 8);
    address->ifa_flags = IFA_F_NODAD;
    address->ifa_index = index;
    mnl_attr_put(route->message, IFA_LOCAL, size, own);
    mnl_attr_put(route->message, IFA_ADDRESS, size, other);
    mnl_attr_put_u32(route->message, IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
    return commit(route, "adding an address", detail);
}

/* Acknowledgments go out at once, large answers need no slow start, and what is held is not sent
 * again meanwhile. */
static enum status add_route(struct route *route, unsigned index, enum trace_host host, bool v6,
                             struct status_detail *detail)
{
    size_t size = v6 ? PACKET_ADDRESS : 4;
    uint8_t own[PACKET_ADDRESS];
    uint8_t other[PACKET_ADDRESS];
    linux_link_address(host, v6, own);
    linux_link_address(packet_wire_other(host), v6, other);
    struct rtmsg *row = begin(route, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof *row);
    row->rtm_family = v6 ? AF_INET6 : AF_INET;
    row->rtm_dst_len = (uint8_t)(size * 8);
    row->rtm_table = RT_TABLE_MAIN;
    row->rtm_protocol = RTPROT_STATIC;
    row->rtm_scope = v6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    row->rtm_type = RTN_UNICAST;
    mnl_attr_put(route->message, RTA_DST, size, other);
    mnl_attr_put(route->message, RTA_PREFSRC, size, own);
    mnl_attr_put_u32(route->message, RTA_OIF, index);
    mnl_attr_put_u32(route->message, RTA_PRIORITY, 1); /* before what the address brings along */
    struct nlattr *metrics = mnl_attr_nest_start(route->message, RTA_METRICS);
    if (!route->kernel_timers) {
        mnl_attr_put_u32(route->message, RTAX_LOCK, 1U << RTAX_RTO_MIN);
        mnl_attr_put_u32(route->message, RTAX_RTO_MIN, NET_RTO_MIN_MS);
    }
    mnl_attr_put_u32(route->message, RTAX_QUICKACK, 1);
    mnl_attr_put_u32(route->message, RTAX_INITCWND, INITIAL_WINDOW);
    mnl_attr_nest_end(route->message, metrics);
    return commit(route, "adding a route", detail);
}

/* A local route with metrics of its own. Its segments are as large as those of the wire: one of
 * 64 KiB waits for a window that small buffers open only by a timer of the kernel's. A kernel that
 * refuses keeps its own. */
static void tune_local(struct route *route, unsigned index, const uint8_t *address, uint8_t bits,
                       const uint8_t *source, bool waits)
{
    struct status_detail ignored;
    struct rtmsg *row = begin(route, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof *row);
    row->rtm_family = AF_INET;
    row->rtm_dst_len = bits;
    row->rtm_table = RT_TABLE_LOCAL;
    row->rtm_protocol = RTPROT_KERNEL;
    row->rtm_scope = RT_SCOPE_HOST;
    row->rtm_type = RTN_LOCAL;
    mnl_attr_put(route->message, RTA_DST, 4, address);
    mnl_attr_put(route->message, RTA_PREFSRC, 4, source);
    mnl_attr_put_u32(route->message, RTA_OIF, index);
    struct nlattr *metrics = mnl_attr_nest_start(route->message, RTA_METRICS);
    mnl_attr_put_u32(route->message, RTAX_LOCK, (waits ? 1U << RTAX_RTO_MIN : 0) | 1U << RTAX_MTU);
    if (waits) {
        mnl_attr_put_u32(route->message, RTAX_RTO_MIN, NET_RTO_MIN_MS);
    }
    mnl_attr_put_u32(route->message, RTAX_MTU, WIRE_MTU);
    mnl_attr_put_u32(route->message, RTAX_QUICKACK, 1);
    mnl_attr_put_u32(route->message, RTAX_INITCWND, INITIAL_WINDOW);
    mnl_attr_nest_end(route->message, metrics);
    enum status status = commit(route, "tuning a host's own way", &ignored);
    (void)status;
}

/* What the host sends to itself goes the kernel's own way, of which nothing is seen here; but its
 * segments and acknowledgments are those of the wire, over its own address and over loopback. */
static void tune_own(struct route *route, unsigned index, enum trace_host host)
{
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    static const uint8_t loopback_net[4] = {127, 0, 0, 0};
    uint8_t own[PACKET_ADDRESS];
    linux_link_address(host, false, own);
    tune_local(route, index, own, 32, own, true);
    tune_local(route, LOOPBACK_INDEX, loopback, 32, loopback, false);
    tune_local(route, LOOPBACK_INDEX, loopback_net, 8, loopback, false);
}

static enum status configure(struct route *route, unsigned index, enum trace_host host,
                             struct status_detail *detail)
{
    enum status status = set_up(route, LOOPBACK_INDEX, detail);
    if (status == STATUS_OK) {
        status = set_up(route, index, detail);
    }
    for (int v6 = 0; v6 <= 1 && status == STATUS_OK; v6++) {
        status = add_address(route, index, host, v6, detail);
        if (status == STATUS_OK) {
            status = add_route(route, index, host, v6, detail);
        }
        if (status != STATUS_OK && v6 != 0) {
            status = STATUS_OK; /* a machine without IPv6 has IPv4 alone */
            break;
        }
    }
    if (status == STATUS_OK) {
        tune_own(route, index, host);
    }
    return status;
}

/* ---- The device ---- */

static enum status open_tun(int *ret_tun, struct status_detail *detail)
{
    int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0) {
        return status_fail(detail, STATUS_ENVIRONMENT, "/dev/net/tun: %s", strerror(errno));
    }
    struct ifreq request = {.ifr_name = DEVICE};
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (ioctl(tun, TUNSETIFF, &request) != 0) {
        enum status status =
            status_fail(detail, STATUS_ENVIRONMENT, "a TUN device is refused: %s", strerror(errno));
        close(tun);
        return status;
    }
    *ret_tun = tun;
    return STATUS_OK;
}

enum status linux_link_up(enum trace_host host, bool kernel_timers, int *ret_tun,
                          struct status_detail *detail)
{
    struct route route = {.socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC),
                          .kernel_timers = kernel_timers};
    int tun = -1;
    enum status status = STATUS_OK;
    if (route.socket == NULL || mnl_socket_bind(route.socket, 0, MNL_SOCKET_AUTOPID) < 0) {
        status = status_fail(detail, STATUS_ENVIRONMENT, "rtnetlink: %s", strerror(errno));
        goto out;
    }
    status = open_tun(&tun, detail);
    if (status != STATUS_OK) {
        goto out;
    }
    for (size_t i = 0; i < sizeof sysctls / sizeof *sysctls; i++) {
        (void)linux_link_sysctl(sysctls[i].path, sysctls[i].value);
    }
    if (kernel_timers) {
        (void)linux_link_sysctl("ipv4/tcp_invalid_ratelimit", "500"); /* time passes: as usual */
    }
    if (host == TRACE_HOST_PEER && geteuid() != 0) {
        /* Room for what scripted sockets send (scripted.c), which only root may give by itself. */
        (void)linux_link_sysctl("ipv4/tcp_wmem", "4096 8388608 8388608");
    }
    status = configure(&route, if_nametoindex(DEVICE), host, detail);
out:
    if (route.socket != NULL) {
        (void)mnl_socket_close(route.socket);
    }
    if (status != STATUS_OK) {
        if (tun >= 0) {
            close(tun);
        }
        return status;
    }
    *ret_tun = tun;
    return STATUS_OK;
}
