/* Inside the adapter of lwIP. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TARGETS_LWIP_INTERNAL_H
#define SOCKSPEC_TARGETS_LWIP_INTERNAL_H

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <lwip/ip.h>
#include <lwip/pbuf.h>
#include <lwip/tcp.h>

#include "sockspec/stack.h"

/* The C library's header of these names has a TCP_MSS of its own. */
enum {
    OPTION_NODELAY = 1,
    OPTION_KEEPIDLE = 4,
    OPTION_KEEPINTVL = 5,
    OPTION_KEEPCNT = 6,
    OPTION_INFO = 11
};

enum phase { FRESH, LISTENING, CONNECTING, CONNECTED, ENDED };

/* An open file description. */
struct description {
    struct tcp_pcb *pcb; /* NULL: lwIP has freed it */
    enum phase phase;
    int refs;
    int error; /* that the next call tells */
    bool told; /* the success of connect was told */
    bool fin;  /* the other end sends no more */
    bool read_shut;
    bool write_shut;
    bool abortive; /* SO_LINGER {1, 0} */
    struct linger linger;
    uint16_t local;
    uint16_t remote;
    struct pbuf *queue;           /* received and not read */
    struct description *accepted; /* LISTENING: connections that wait, oldest first */
    struct description *next;
};

/* That of an open descriptor. */
struct description *lwip_at(int s);
/* Its control block; NULL where lwIP has freed it. */
struct tcp_pcb *lwip_pcb_of(struct description *description);
/* What went wrong, which is told once; 0: nothing. */
int lwip_take_error(struct description *description);

/* options.c */
int lwip_setsockopt(int s, int level, int name, const void *value, size_t size);
int lwip_getsockopt(int s, int level, int name, void *value, size_t *size);

#endif
