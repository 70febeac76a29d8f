/* What the findings on lwIP show, with lwIP's raw API alone: one host, whose packets are printed,
 * and segments that are made by hand.
 *
 *     cc -I/usr/include/lwip lwip-probe.c -llwip -o lwip-probe
 *     ./lwip-probe give-up|simultaneous|abort|unread
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include <lwip/inet_chksum.h>
#include <lwip/init.h>
#include <lwip/ip4.h>
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/prot/ip4.h>

static struct netif netif;
static ip4_addr_t own, other;
static int quarters;       /* of a second */
static u32_t sent_seq;     /* of the newest segment that lwIP sent */

static err_t output(struct netif *out, struct pbuf *packet, const ip4_addr_t *to)
{
    struct tcp_hdr tcp;
    (void)out;
    (void)to;
    pbuf_copy_partial(packet, &tcp, sizeof(tcp), IP_HLEN);
    u16_t flags = TCPH_FLAGS(&tcp);
    sent_seq = lwip_ntohl(tcp.seqno);
    printf("%6.2f s: lwIP sends%s%s%s%s\n", quarters / 4.0, flags & TCP_SYN ? " SYN" : "",
           flags & TCP_FIN ? " FIN" : "", flags & TCP_RST ? " RST" : "",
           flags & TCP_ACK ? " ACK" : "");
    return ERR_OK;
}

static err_t up(struct netif *made)
{
    made->output = output;
    made->mtu = 1500;
    return ERR_OK;
}

/* A segment of the other host, from port 7000 to port 7001, arrives. */
static void arrive(u8_t flags, u32_t seq, u32_t ack, const char *data)
{
    struct {
        struct ip_hdr ip;
        struct tcp_hdr tcp;
        char data[16];
    } packet = {0};
    u16_t size = (u16_t)(sizeof(packet.ip) + sizeof(packet.tcp) + strlen(data));
    IPH_VHL_SET(&packet.ip, 4, 5);
    IPH_LEN_SET(&packet.ip, lwip_htons(size));
    IPH_TTL_SET(&packet.ip, 64);
    IPH_PROTO_SET(&packet.ip, IP_PROTO_TCP);
    packet.ip.src.addr = other.addr;
    packet.ip.dest.addr = own.addr;
    IPH_CHKSUM_SET(&packet.ip, inet_chksum(&packet.ip, sizeof(packet.ip)));
    packet.tcp.src = lwip_htons(7000);
    packet.tcp.dest = lwip_htons(7001);
    packet.tcp.seqno = lwip_htonl(seq);
    packet.tcp.ackno = lwip_htonl(ack);
    packet.tcp.wnd = lwip_htons(8000);
    TCPH_HDRLEN_FLAGS_SET(&packet.tcp, 5, flags);
    memcpy(packet.data, data, strlen(data));
    struct pbuf *segment = pbuf_alloc(PBUF_RAW, (u16_t)(size - sizeof(packet.ip)), PBUF_RAM);
    pbuf_take(segment, &packet.tcp, segment->tot_len);
    packet.tcp.chksum =
        inet_chksum_pseudo(segment, IP_PROTO_TCP, segment->tot_len, &other, &own);
    pbuf_free(segment);
    struct pbuf *whole = pbuf_alloc(PBUF_RAW, size, PBUF_RAM);
    pbuf_take(whole, &packet, size);
    ip4_input(whole, &netif);
}

static void failed(void *context, err_t error)
{
    (void)context;
    printf("%6.2f s: lwIP gives up, err_t %d\n", quarters / 4.0, error);
}

/* Keeps what arrives unread: the window stays smaller. */
static err_t unread(void *context, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
    (void)context;
    (void)pcb;
    (void)error;
    printf("%6.2f s: %d bytes arrive\n", quarters / 4.0, data != NULL ? data->tot_len : 0);
    return ERR_OK;
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    ip4_addr_t mask;
    ip_addr_t to;
    IP4_ADDR(&own, 10, 83, 0, 1);
    IP4_ADDR(&other, 10, 83, 0, 2);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    IP_ADDR4(&to, 10, 83, 0, 2);
    lwip_init();
    netif_set_default(netif_add(&netif, &own, &mask, &other, NULL, up, ip4_input));
    netif_set_link_up(&netif);
    netif_set_up(&netif);
    struct tcp_pcb *pcb = tcp_new();
    tcp_err(pcb, failed);
    tcp_recv(pcb, unread);
    tcp_bind(pcb, IP4_ADDR_ANY, 7001);
    tcp_connect(pcb, &to, 7000, NULL);
    if (strcmp(what, "give-up") == 0) {
        for (; quarters < 4 * 300; quarters++) {
            tcp_tmr(); /* lwIP wants this every 250 ms */
        }
    } else if (strcmp(what, "simultaneous") == 0) {
        arrive(TCP_SYN, 1000, 0, "");
        printf("state %d (2: SYN-SENT, 3: SYN-RECEIVED)\n", pcb->state);
    } else if (strcmp(what, "abort") == 0) {
        tcp_abort(pcb);
    } else if (strcmp(what, "unread") == 0) {
        u32_t iss = sent_seq;
        arrive(TCP_SYN | TCP_ACK, 1000, iss + 1, "");
        tcp_shutdown(pcb, 0, 1);
        arrive(TCP_ACK, 1001, iss + 2, "");
        arrive(TCP_ACK | TCP_PSH, 1001, iss + 2, "unread");
        printf("state %d (6: FIN-WAIT-2), closing\n", pcb->state);
        tcp_close(pcb);
    }
    return 0;
}
