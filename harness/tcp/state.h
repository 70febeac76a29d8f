/* The RFC 9293 connection states and which may follow which: one table for the model, for the
 * live world's checks, for the oracle and for the documents. Pure data and pure functions. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TCP_STATE_H
#define SOCKSPEC_TCP_STATE_H

#include <stdbool.h>
#include <stdint.h>

/* X(NAME, "text") in the order of RFC 9293 section 3.3.2; the spelling is the RFC's. */
#define TCP_STATE_TABLE(X)                                                                         \
    X(CLOSED, "CLOSED")                                                                            \
    X(LISTEN, "LISTEN")                                                                            \
    X(SYN_SENT, "SYN-SENT")                                                                        \
    X(SYN_RECEIVED, "SYN-RECEIVED")                                                                \
    X(ESTABLISHED, "ESTABLISHED")                                                                  \
    X(FIN_WAIT_1, "FIN-WAIT-1")                                                                    \
    X(FIN_WAIT_2, "FIN-WAIT-2")                                                                    \
    X(CLOSE_WAIT, "CLOSE-WAIT")                                                                    \
    X(CLOSING, "CLOSING")                                                                          \
    X(LAST_ACK, "LAST-ACK")                                                                        \
    X(TIME_WAIT, "TIME-WAIT")

#define TCP_STATE_ENUM(name, text) TCP_##name,
enum tcp_state { TCP_STATE_TABLE(TCP_STATE_ENUM) TCP_STATE_COUNT };
#undef TCP_STATE_ENUM

/* X(NAME, "text"): what moves an endpoint (RFC 9293 figure 5, with the calls' names). */
#define TCP_EVENT_TABLE(X)                                                                         \
    X(ACTIVE_OPEN, "connect")                                                                      \
    X(PASSIVE_OPEN, "listen")                                                                      \
    X(CLOSE, "close")                                                                              \
    X(ABORT, "abort")                                                                              \
    X(RECV_SYN, "receive SYN")                                                                     \
    X(RECV_SYN_ACK, "receive SYN+ACK")                                                             \
    X(RECV_ACK, "receive ACK of SYN")                                                              \
    X(RECV_ACK_OF_FIN, "receive ACK of FIN")                                                       \
    X(RECV_FIN, "receive FIN")                                                                     \
    X(RECV_FIN_ACK, "receive FIN with ACK of FIN")                                                 \
    X(RECV_RST, "receive RST")                                                                     \
    X(TIMEOUT, "timeout")

#define TCP_EVENT_ENUM(name, text) TCP_EVENT_##name,
enum tcp_event { TCP_EVENT_TABLE(TCP_EVENT_ENUM) TCP_EVENT_COUNT };
#undef TCP_EVENT_ENUM

struct tcp_state_row {
    const char *name;    /* as RFC 9293 spells it */
    bool can_send;       /* the user may still send */
    bool can_receive;    /* the peer may still send */
    bool synchronized;   /* RFC 9293 3.5.2: group 3 */
    uint16_t successors; /* bit (1 << enum tcp_state) of each state that may follow */
};

extern const struct tcp_state_row tcp_states[TCP_STATE_COUNT];

/* Destinations plus one, so that an empty entry means "cannot occur or changes nothing". */
extern const uint8_t tcp_transitions[TCP_STATE_COUNT][TCP_EVENT_COUNT];

/* The state after `event` in `from`; TCP_STATE_COUNT where the event cannot occur or changes
 * nothing. RFC 9293 figure 5 and sections 3.10.1 to 3.10.8. */
static inline enum tcp_state tcp_state_next(enum tcp_state from, enum tcp_event event)
{
    if ((unsigned)from >= TCP_STATE_COUNT || (unsigned)event >= TCP_EVENT_COUNT) {
        return TCP_STATE_COUNT;
    }
    uint8_t to = tcp_transitions[from][event];
    return to == 0 ? TCP_STATE_COUNT : (enum tcp_state)(to - 1);
}

/* Whether `to` may directly follow `from`. */
static inline bool tcp_state_may_follow(enum tcp_state from, enum tcp_state to)
{
    return (tcp_states[from].successors >> to & 1U) != 0;
}

/* Fixed texts; never NULL. */
const char *tcp_state_name(enum tcp_state state);
const char *tcp_event_name(enum tcp_event event);

#endif
