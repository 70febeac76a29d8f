/* One end of a TCP connection as RFC 9293 section 3.10 describes it: sequence numbers, windows and
 * what an arriving segment asks for. Pure functions on plain data: no buffers, no timers, no I/O;
 * the caller sends, stores and counts time. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TCP_ENDPOINT_H
#define SOCKSPEC_TCP_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "tcp/state.h"

/* Control bits as they stand in the header (RFC 9293 3.1). */
enum tcp_flag {
    TCP_CTL_FIN = 1 << 0,
    TCP_CTL_SYN = 1 << 1,
    TCP_CTL_RST = 1 << 2,
    TCP_CTL_PSH = 1 << 3,
    TCP_CTL_ACK = 1 << 4,
    TCP_CTL_URG = 1 << 5
};

struct tcp_segment {
    uint32_t seq;    /* of the first byte, or of the SYN or FIN */
    uint32_t ack;    /* valid with TCP_CTL_ACK */
    uint32_t window; /* bytes, unscaled */
    uint32_t urgent; /* valid with TCP_CTL_URG: sequence number of the urgent byte itself */
    uint16_t length; /* bytes of data, without SYN and FIN */
    uint8_t flags;   /* enum tcp_flag */
};

/* Names are those of RFC 9293 3.3.1. */
struct tcp_endpoint {
    uint8_t state;     /* enum tcp_state */
    bool fin_sent;     /* our FIN has a sequence number: SND.NXT - 1 */
    bool fin_received; /* the peer's FIN was taken: RCV.NXT - 1 */
    bool urgent;       /* rcv_up is valid */
    bool passive;      /* made by tcp_open_passive */
    uint32_t iss;
    uint32_t snd_una;
    uint32_t snd_nxt;
    uint32_t snd_wnd;
    uint32_t snd_wl1;
    uint32_t snd_wl2;
    uint32_t snd_wnd_max; /* greatest window that the peer ever offered (RFC 5961 5.2) */
    uint32_t irs;
    uint32_t rcv_nxt;
    uint32_t rcv_wnd; /* room that the peer may still use; the caller raises it as it frees room */
    uint32_t rcv_up;  /* sequence number of the latest urgent byte */
};

/* What a segment asks of the caller. Several bits may be set. */
enum tcp_action {
    TCP_SEND_ACK = 1 << 0,       /* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> */
    TCP_SEND_CHALLENGE = 1 << 1, /* the same, but may be rate-limited: the segment was refused */
    TCP_SEND_RST = 1 << 2,       /* the reset that tcp_reset_for makes of the segment */
    TCP_SEND_SYN_ACK = 1 << 3,   /* <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> */
    TCP_SYN_ARRIVED = 1 << 4,    /* LISTEN: make an endpoint with tcp_open_passive */
    TCP_TAKE_DATA = 1 << 5,      /* take_length bytes of the segment from take_offset on are next */
    TCP_HOLD = 1 << 6,        /* ahead of a gap: keep it, present it again when RCV.NXT got there */
    TCP_FIN_ARRIVED = 1 << 7, /* the peer sends no more */
    TCP_WAS_RESET = 1 << 8,   /* the peer reset the connection: CLOSED now */
    TCP_NOW_OPEN = 1 << 9,    /* ESTABLISHED was reached */
    TCP_ACKED = 1 << 10,      /* SND.UNA went on by `acked`, SYN and FIN included */
    TCP_FIN_ACKED = 1 << 11,  /* our FIN was acknowledged */
    TCP_WINDOW = 1 << 12,     /* SND.WND changed */
    TCP_URGENT = 1 << 13,     /* rcv_up moved on */
    TCP_MOVED = 1 << 14,      /* `moves` says how */
    TCP_RESTART_2MSL = 1 << 15, /* TIME-WAIT: the FIN came again */
    TCP_RETRY_SYN = 1 << 16 /* SYN-SENT: what was acknowledged is not our SYN; its answer may have
                               been ignored by an end of an earlier connection */
};

enum { TCP_MOVES_MAX = 2 };

struct tcp_move {
    uint8_t event; /* enum tcp_event */
    uint8_t from;  /* enum tcp_state */
    uint8_t to;
};

struct tcp_actions {
    uint32_t bits; /* enum tcp_action; everything below is valid only as they say */
    uint16_t take_offset;
    uint16_t take_length;
    uint32_t acked;
    bool heard; /* whatever `bits` say: the other end is there, by an acknowledgment that is not old
                 */
    uint8_t move_count;
    struct tcp_move moves[TCP_MOVES_MAX];
};

/* Comparison of sequence numbers modulo 2^32 (RFC 9293 3.4). */
static inline bool tcp_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}
static inline bool tcp_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

/* Sequence space of a segment: SYN and FIN count one each. */
static inline uint32_t tcp_segment_space(const struct tcp_segment *segment)
{
    return (uint32_t)segment->length + ((segment->flags & TCP_CTL_SYN) != 0) +
           ((segment->flags & TCP_CTL_FIN) != 0);
}

/* SYN-SENT with SND.NXT past the SYN (3.10.1 OPEN). `window` is the room for received data. */
void tcp_open_active(struct tcp_endpoint *endpoint, uint32_t iss, uint32_t window);
/* SYN-RECEIVED for a SYN that a listener got (3.10.7.2). */
void tcp_open_passive(struct tcp_endpoint *endpoint, uint32_t iss, uint32_t window,
                      const struct tcp_segment *syn);

/* Processes an arriving segment (3.10.7, with RFC 5961) and says what it asks for. Changes the
 * endpoint's state and variables; `ret_actions` is overwritten. In CLOSED the segment meets no
 * connection (3.10.7.1); of a LISTEN endpoint nothing but `state` is read. */
void tcp_endpoint_receive(struct tcp_endpoint *endpoint, const struct tcp_segment *segment,
                          struct tcp_actions *ret_actions);

/* Whether an acknowledgment is one of what was sent, or not older than it may be: RFC 5961 5.2,
 * with MAX.SND.WND never above what was acknowledged so far (tcp_ack of Linux). */
bool tcp_ack_acceptable(const struct tcp_endpoint *endpoint, uint32_t ack);

/* What nearly every segment of an open connection is: the next data, an acknowledgment of something
 * that was sent, or both, and nothing else. Takes such a segment as tcp_endpoint_receive would and
 * sets the action bits (TCP_ACKED, TCP_WINDOW, and TCP_TAKE_DATA with TCP_SEND_ACK for all of its
 * data); false, and nothing is changed, for any other. */
static inline bool tcp_endpoint_expected(struct tcp_endpoint *endpoint,
                                         const struct tcp_segment *segment, uint32_t *ret_bits)
{
    uint32_t acked = segment->ack - endpoint->snd_una;
    if (endpoint->state != TCP_ESTABLISHED || segment->seq != endpoint->rcv_nxt ||
        (segment->flags & ~(unsigned)TCP_CTL_PSH) != TCP_CTL_ACK ||
        segment->length > endpoint->rcv_wnd || acked > endpoint->snd_nxt - endpoint->snd_una) {
        return false;
    }
    uint32_t bits = acked != 0 ? TCP_ACKED : 0;
    endpoint->snd_una = segment->ack;
    if (tcp_before(endpoint->snd_wl1, segment->seq) ||
        (endpoint->snd_wl1 == segment->seq && !tcp_after(endpoint->snd_wl2, segment->ack))) {
        bits |= endpoint->snd_wnd != segment->window ? TCP_WINDOW : 0;
        endpoint->snd_wnd = segment->window;
        endpoint->snd_wl1 = segment->seq;
        endpoint->snd_wl2 = segment->ack;
        if (segment->window > endpoint->snd_wnd_max) {
            endpoint->snd_wnd_max = segment->window;
        }
    }
    if (segment->length > 0) {
        bits |= TCP_TAKE_DATA | TCP_SEND_ACK;
        endpoint->rcv_nxt += segment->length;
        endpoint->rcv_wnd -= segment->length;
    }
    *ret_bits = bits;
    return true;
}

/* The reset that answers a segment (3.10.7.1): acceptable to whoever sent it. */
void tcp_reset_for(const struct tcp_segment *segment, struct tcp_segment *ret_reset);

#endif
