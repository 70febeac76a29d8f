/* The table of RFC 9293 connection states and their transitions. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp/state.h"

#include <stddef.h>

#define BIT(name) (uint16_t)(1U << TCP_##name)

/* A reset, an abort and a timeout lead to CLOSED from everywhere but CLOSED itself. */
const struct tcp_state_row tcp_states[TCP_STATE_COUNT] = {
    [TCP_CLOSED] = {"CLOSED", false, false, false, BIT(LISTEN) | BIT(SYN_SENT)},
    [TCP_LISTEN] = {"LISTEN", false, false, false, BIT(SYN_RECEIVED) | BIT(SYN_SENT) | BIT(CLOSED)},
    [TCP_SYN_SENT] = {"SYN-SENT", false, false, false,
                      BIT(SYN_RECEIVED) | BIT(ESTABLISHED) | BIT(CLOSED)},
    [TCP_SYN_RECEIVED] = {"SYN-RECEIVED", false, false, false,
                          BIT(ESTABLISHED) | BIT(FIN_WAIT_1) | BIT(CLOSE_WAIT) | BIT(LISTEN) |
                              BIT(CLOSED)},
    [TCP_ESTABLISHED] = {"ESTABLISHED", true, true, true,
                         BIT(FIN_WAIT_1) | BIT(CLOSE_WAIT) | BIT(CLOSED)},
    [TCP_FIN_WAIT_1] = {"FIN-WAIT-1", false, true, true,
                        BIT(FIN_WAIT_2) | BIT(CLOSING) | BIT(TIME_WAIT) | BIT(CLOSED)},
    [TCP_FIN_WAIT_2] = {"FIN-WAIT-2", false, true, true, BIT(TIME_WAIT) | BIT(CLOSED)},
    [TCP_CLOSE_WAIT] = {"CLOSE-WAIT", true, false, true, BIT(LAST_ACK) | BIT(CLOSED)},
    [TCP_CLOSING] = {"CLOSING", false, false, true, BIT(TIME_WAIT) | BIT(CLOSED)},
    [TCP_LAST_ACK] = {"LAST-ACK", false, false, true, BIT(CLOSED)},
    [TCP_TIME_WAIT] = {"TIME-WAIT", false, false, true, BIT(CLOSED)},
};

/* Destinations plus one, so that an empty entry means "cannot occur or changes nothing". */
#define TO(name) (uint8_t)(TCP_##name + 1)

/* RFC 9293 figure 5, with 3.10.4 (CLOSE), 3.10.5 (ABORT), 3.10.7.4 (RST) and 3.10.8 (timeouts). */
const uint8_t tcp_transitions[TCP_STATE_COUNT][TCP_EVENT_COUNT] = {
    [TCP_CLOSED] = {[TCP_EVENT_ACTIVE_OPEN] = TO(SYN_SENT), [TCP_EVENT_PASSIVE_OPEN] = TO(LISTEN)},
    [TCP_LISTEN] = {[TCP_EVENT_ACTIVE_OPEN] = TO(SYN_SENT),
                    [TCP_EVENT_RECV_SYN] = TO(SYN_RECEIVED),
                    [TCP_EVENT_CLOSE] = TO(CLOSED),
                    [TCP_EVENT_ABORT] = TO(CLOSED)},
    [TCP_SYN_SENT] = {[TCP_EVENT_RECV_SYN] = TO(SYN_RECEIVED),
                      [TCP_EVENT_RECV_SYN_ACK] = TO(ESTABLISHED),
                      [TCP_EVENT_CLOSE] = TO(CLOSED),
                      [TCP_EVENT_ABORT] = TO(CLOSED),
                      [TCP_EVENT_RECV_RST] = TO(CLOSED),
                      [TCP_EVENT_TIMEOUT] = TO(CLOSED)},
    [TCP_SYN_RECEIVED] = {[TCP_EVENT_RECV_ACK] = TO(ESTABLISHED),
                          [TCP_EVENT_CLOSE] = TO(FIN_WAIT_1),
                          [TCP_EVENT_RECV_FIN] = TO(CLOSE_WAIT),
                          [TCP_EVENT_ABORT] = TO(CLOSED),
                          [TCP_EVENT_RECV_RST] = TO(CLOSED),
                          [TCP_EVENT_TIMEOUT] = TO(CLOSED)},
    [TCP_ESTABLISHED] = {[TCP_EVENT_CLOSE] = TO(FIN_WAIT_1),
                         [TCP_EVENT_RECV_FIN] = TO(CLOSE_WAIT),
                         [TCP_EVENT_ABORT] = TO(CLOSED),
                         [TCP_EVENT_RECV_RST] = TO(CLOSED),
                         [TCP_EVENT_TIMEOUT] = TO(CLOSED)},
    [TCP_FIN_WAIT_1] = {[TCP_EVENT_RECV_ACK_OF_FIN] = TO(FIN_WAIT_2),
                        [TCP_EVENT_RECV_FIN] = TO(CLOSING),
                        [TCP_EVENT_RECV_FIN_ACK] = TO(TIME_WAIT),
                        [TCP_EVENT_ABORT] = TO(CLOSED),
                        [TCP_EVENT_RECV_RST] = TO(CLOSED),
                        [TCP_EVENT_TIMEOUT] = TO(CLOSED)},
    [TCP_FIN_WAIT_2] = {[TCP_EVENT_RECV_FIN] = TO(TIME_WAIT),
                        [TCP_EVENT_ABORT] = TO(CLOSED),
                        [TCP_EVENT_RECV_RST] = TO(CLOSED),
                        [TCP_EVENT_TIMEOUT] = TO(CLOSED)},
    [TCP_CLOSE_WAIT] = {[TCP_EVENT_CLOSE] = TO(LAST_ACK),
                        [TCP_EVENT_ABORT] = TO(CLOSED),
                        [TCP_EVENT_RECV_RST] = TO(CLOSED),
                        [TCP_EVENT_TIMEOUT] = TO(CLOSED)},
    [TCP_CLOSING] = {[TCP_EVENT_RECV_ACK_OF_FIN] = TO(TIME_WAIT),
                     [TCP_EVENT_ABORT] = TO(CLOSED),
                     [TCP_EVENT_RECV_RST] = TO(CLOSED),
                     [TCP_EVENT_TIMEOUT] = TO(CLOSED)},
    [TCP_LAST_ACK] = {[TCP_EVENT_RECV_ACK_OF_FIN] = TO(CLOSED),
                      [TCP_EVENT_ABORT] = TO(CLOSED),
                      [TCP_EVENT_RECV_RST] = TO(CLOSED),
                      [TCP_EVENT_TIMEOUT] = TO(CLOSED)},
    [TCP_TIME_WAIT] = {[TCP_EVENT_ABORT] = TO(CLOSED),
                       [TCP_EVENT_RECV_RST] = TO(CLOSED),
                       [TCP_EVENT_TIMEOUT] = TO(CLOSED)},
};

_Static_assert(sizeof(tcp_states) / sizeof(tcp_states[0]) == TCP_STATE_COUNT, "a row per state");
_Static_assert(TCP_STATE_COUNT <= 16, "successors are a 16-bit set");

const char *tcp_state_name(enum tcp_state state)
{
    return (unsigned)state < TCP_STATE_COUNT ? tcp_states[state].name : "?";
}

#define TCP_EVENT_TEXT(name, text) [TCP_EVENT_##name] = (text),
static const char *const event_names[TCP_EVENT_COUNT] = {TCP_EVENT_TABLE(TCP_EVENT_TEXT)};
#undef TCP_EVENT_TEXT

const char *tcp_event_name(enum tcp_event event)
{
    return (unsigned)event < TCP_EVENT_COUNT ? event_names[event] : "?";
}
