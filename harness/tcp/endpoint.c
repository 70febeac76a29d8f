/* The processing of arriving segments, RFC 9293 section 3.10.7, in the order of its text. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp/endpoint.h"

#include <assert.h>

void tcp_open_active(struct tcp_endpoint *endpoint, uint32_t iss, uint32_t window)
{
    *endpoint = (struct tcp_endpoint){
        .state = TCP_SYN_SENT, .iss = iss, .snd_una = iss, .snd_nxt = iss + 1, .rcv_wnd = window};
}

void tcp_open_passive(struct tcp_endpoint *endpoint, uint32_t iss, uint32_t window,
                      const struct tcp_segment *syn)
{
    assert((syn->flags & TCP_CTL_SYN) != 0);
    *endpoint = (struct tcp_endpoint){.state = TCP_SYN_RECEIVED,
                                      .passive = true,
                                      .iss = iss,
                                      .snd_una = iss,
                                      .snd_nxt = iss + 1,
                                      .snd_wnd = syn->window,
                                      .snd_wnd_max = syn->window,
                                      .snd_wl1 = syn->seq,
                                      .irs = syn->seq,
                                      .rcv_nxt = syn->seq + 1,
                                      .rcv_wnd = window};
}

void tcp_reset_for(const struct tcp_segment *segment, struct tcp_segment *ret_reset)
{
    assert((segment->flags & TCP_CTL_RST) == 0);
    if ((segment->flags & TCP_CTL_ACK) != 0) {
        *ret_reset = (struct tcp_segment){.seq = segment->ack, .flags = TCP_CTL_RST};
    } else {
        *ret_reset = (struct tcp_segment){.ack = segment->seq + tcp_segment_space(segment),
                                          .flags = TCP_CTL_RST | TCP_CTL_ACK};
    }
}

static void move(struct tcp_endpoint *endpoint, struct tcp_actions *actions, enum tcp_event event)
{
    enum tcp_state from = (enum tcp_state)endpoint->state;
    enum tcp_state to = tcp_state_next(from, event);
    assert(to != TCP_STATE_COUNT && actions->move_count < TCP_MOVES_MAX);
    actions->moves[actions->move_count++] =
        (struct tcp_move){(uint8_t)event, (uint8_t)from, (uint8_t)to};
    actions->bits |= TCP_MOVED;
    endpoint->state = (uint8_t)to;
}

static void set_window(struct tcp_endpoint *endpoint, const struct tcp_segment *segment,
                       struct tcp_actions *actions)
{
    if (endpoint->snd_wnd != segment->window) {
        actions->bits |= TCP_WINDOW;
    }
    endpoint->snd_wnd = segment->window;
    endpoint->snd_wl1 = segment->seq;
    endpoint->snd_wl2 = segment->ack;
    if (segment->window > endpoint->snd_wnd_max) {
        endpoint->snd_wnd_max = segment->window;
    }
}

/* 3.10.7.4, sixth. Linux looks at it before the text, ahead of a gap and behind a FIN as well
 * (tcp_check_urg). */
static void receive_urgent(struct tcp_endpoint *endpoint, const struct tcp_segment *segment,
                           struct tcp_actions *actions)
{
    if ((segment->flags & TCP_CTL_URG) != 0 && !tcp_before(segment->urgent, endpoint->rcv_nxt) &&
        (!endpoint->urgent || tcp_after(segment->urgent, endpoint->rcv_up))) {
        endpoint->urgent = true;
        endpoint->rcv_up = segment->urgent;
        actions->bits |= TCP_URGENT;
    }
}

/* Behind a FIN nothing is expected. Linux takes a second one nevertheless that stands where the
 * next byte would, in a segment that begins before the first (tcp_data_queue): both ends disagree
 * about where the stream ended, and now the other one hears that its FIN arrived. */
static void receive_fin_again(struct tcp_endpoint *endpoint, const struct tcp_segment *segment,
                              struct tcp_actions *actions)
{
    if (segment->length > 0 && (segment->flags & TCP_CTL_FIN) != 0 &&
        segment->seq + segment->length == endpoint->rcv_nxt) {
        endpoint->rcv_nxt++;
        actions->bits |= TCP_FIN_ARRIVED | TCP_SEND_ACK;
    }
}

/* 3.10.7.4, sixth to eighth: urgent pointer, text, FIN. `offset` bytes of the segment are old. */
static void receive_text(struct tcp_endpoint *endpoint, const struct tcp_segment *segment,
                         struct tcp_actions *actions, bool fin_of_ours_acked)
{
    enum tcp_state state = (enum tcp_state)endpoint->state;
    receive_urgent(endpoint, segment, actions);
    if (state != TCP_ESTABLISHED && state != TCP_FIN_WAIT_1 && state != TCP_FIN_WAIT_2) {
        receive_fin_again(endpoint, segment, actions);
        return;
    }
    uint32_t seq = segment->seq + ((segment->flags & TCP_CTL_SYN) != 0);
    if (tcp_after(seq, endpoint->rcv_nxt)) {
        if (segment->length > 0 || (segment->flags & TCP_CTL_FIN) != 0) {
            actions->bits |= TCP_HOLD | TCP_SEND_ACK;
        }
        return;
    }
    uint32_t old = endpoint->rcv_nxt - seq;
    uint32_t fresh = old < segment->length ? segment->length - old : 0;
    if (fresh > endpoint->rcv_wnd) {
        fresh = endpoint->rcv_wnd;
    }
    if (fresh > 0) {
        actions->heard = true;
        actions->bits |= TCP_TAKE_DATA | TCP_SEND_ACK;
        actions->take_offset = (uint16_t)old;
        actions->take_length = (uint16_t)fresh;
        endpoint->rcv_nxt += fresh;
        endpoint->rcv_wnd -= fresh;
    }
    if ((segment->flags & TCP_CTL_FIN) == 0 || endpoint->rcv_nxt != seq + segment->length) {
        if (segment->length > fresh) {
            actions->bits |= TCP_SEND_ACK;
        }
        return;
    }
    endpoint->rcv_nxt++;
    endpoint->fin_received = true;
    actions->bits |= TCP_FIN_ARRIVED | TCP_SEND_ACK;
    move(endpoint, actions,
         state == TCP_FIN_WAIT_1 && fin_of_ours_acked ? TCP_EVENT_RECV_FIN_ACK
                                                      : TCP_EVENT_RECV_FIN);
}

/* 3.10.7.3. */
static void receive_in_syn_sent(struct tcp_endpoint *endpoint, const struct tcp_segment *segment,
                                struct tcp_actions *actions)
{
    bool ack = (segment->flags & TCP_CTL_ACK) != 0;
    if (ack &&
        (!tcp_after(segment->ack, endpoint->iss) || tcp_after(segment->ack, endpoint->snd_nxt))) {
        actions->bits |= TCP_RETRY_SYN;
        if ((segment->flags & TCP_CTL_RST) == 0) {
            actions->bits |= TCP_SEND_RST;
        }
        return;
    }
    if ((segment->flags & TCP_CTL_RST) != 0) {
        if (ack) {
            actions->bits |= TCP_WAS_RESET;
            move(endpoint, actions, TCP_EVENT_RECV_RST);
        }
        return;
    }
    if ((segment->flags & TCP_CTL_SYN) == 0) {
        return;
    }
    endpoint->irs = segment->seq;
    endpoint->rcv_nxt = segment->seq + 1;
    set_window(endpoint, segment, actions);
    if (!ack) {
        move(endpoint, actions, TCP_EVENT_RECV_SYN);
        actions->bits |= TCP_SEND_SYN_ACK;
        return;
    }
    actions->heard = true;
    actions->bits |= TCP_ACKED | TCP_NOW_OPEN | TCP_SEND_ACK;
    actions->acked = segment->ack - endpoint->snd_una;
    endpoint->snd_una = segment->ack;
    move(endpoint, actions, TCP_EVENT_RECV_SYN_ACK);
    receive_text(endpoint, segment, actions, false);
}

/* 3.10.7.4, first. A segment without length is also accepted at the right edge of the window: it
 * follows data that filled the window and carries a valid acknowledgment. */
static bool acceptable(const struct tcp_endpoint *endpoint, const struct tcp_segment *segment)
{
    uint32_t edge = endpoint->rcv_nxt + endpoint->rcv_wnd;
    uint32_t space = tcp_segment_space(segment);
    if (space == 0) {
        return !tcp_before(segment->seq, endpoint->rcv_nxt) && !tcp_after(segment->seq, edge);
    }
    if (endpoint->rcv_wnd == 0) {
        /* A lone FIN takes no room: it is taken in a closed window as well (as Linux does). */
        return segment->seq == endpoint->rcv_nxt && segment->length == 0;
    }
    return tcp_before(segment->seq, edge) && tcp_after(segment->seq + space, endpoint->rcv_nxt);
}

/* RFC 5961 3.2, extended as Linux does (tcp_reset_check): an RST that answers what was sent before
 * the FIN was taken. */
static bool resets_behind_fin(const struct tcp_endpoint *endpoint,
                              const struct tcp_segment *segment)
{
    return segment->seq == endpoint->rcv_nxt - 1 &&
           (endpoint->state == TCP_CLOSE_WAIT || endpoint->state == TCP_LAST_ACK ||
            endpoint->state == TCP_CLOSING);
}

/* 3.10.7.4 in TIME-WAIT, as tcp_timewait_state_process of Linux: all but the expected is answered,
 * and what acknowledges starts the wait anew. */
static void receive_in_time_wait(struct tcp_endpoint *endpoint, const struct tcp_segment *segment,
                                 struct tcp_actions *actions)
{
    bool rst = (segment->flags & TCP_CTL_RST) != 0;
    bool expected = segment->seq == endpoint->rcv_nxt;
    if (rst) {
        if (expected) {
            actions->bits |= TCP_WAS_RESET;
            move(endpoint, actions, TCP_EVENT_RECV_RST);
        }
        return;
    }
    uint32_t space = tcp_segment_space(segment);
    actions->bits |= (segment->flags & TCP_CTL_ACK) != 0 ? TCP_RESTART_2MSL : 0;
    if (!expected || space > 0) {
        actions->bits |=
            space > 0 && (segment->flags & TCP_CTL_SYN) == 0 ? TCP_SEND_ACK : TCP_SEND_CHALLENGE;
    }
}

/* 3.10.7.4, first to fourth, for what is not simply taken; false when the segment is done with. */
static inline bool check_sequence(struct tcp_endpoint *endpoint, const struct tcp_segment *segment,
                                  struct tcp_actions *actions)
{
    bool rst = (segment->flags & TCP_CTL_RST) != 0;
    if (rst && resets_behind_fin(endpoint, segment)) {
        actions->bits |= TCP_WAS_RESET;
        move(endpoint, actions, TCP_EVENT_RECV_RST);
        return false;
    }
    if (!acceptable(endpoint, segment)) {
        if (rst) {
            return false;
        }
        actions->bits |= tcp_segment_space(segment) > 0 && (segment->flags & TCP_CTL_SYN) == 0
                             ? TCP_SEND_ACK
                             : TCP_SEND_CHALLENGE;
        /* The text drops it whole, and so is what lies before or behind the window altogether. Of
         * the rest the acknowledgment is good nevertheless; without it a retransmission into a
         * closed window would never end (tcp_sequence of Linux). */
        bool touches = !tcp_before(segment->seq + tcp_segment_space(segment), endpoint->rcv_nxt) &&
                       !tcp_after(segment->seq, endpoint->rcv_nxt + endpoint->rcv_wnd);
        return touches && (segment->flags & TCP_CTL_ACK) != 0 &&
               (segment->flags & TCP_CTL_SYN) == 0;
    }
    if (rst) {
        if (segment->seq != endpoint->rcv_nxt) {
            actions->bits |= TCP_SEND_CHALLENGE; /* RFC 5961 3.2 */
            return false;
        }
        actions->bits |= TCP_WAS_RESET;
        move(endpoint, actions, TCP_EVENT_RECV_RST);
        return false;
    }
    if ((segment->flags & TCP_CTL_SYN) != 0) {
        actions->bits |= TCP_SEND_CHALLENGE; /* RFC 5961 4.2 */
        return false;
    }
    return (segment->flags & TCP_CTL_ACK) != 0;
}

bool tcp_ack_acceptable(const struct tcp_endpoint *endpoint, uint32_t ack)
{
    uint32_t acked = endpoint->snd_una - endpoint->iss - (endpoint->passive ? 1 : 0);
    uint32_t behind = acked < endpoint->snd_wnd_max ? acked : endpoint->snd_wnd_max;
    return !tcp_after(ack, endpoint->snd_nxt) && !tcp_before(ack, endpoint->snd_una - behind);
}

/* 3.10.7.4, fifth: the acknowledgment. False when the segment is done with. */
static inline bool receive_ack(struct tcp_endpoint *endpoint, const struct tcp_segment *segment,
                               struct tcp_actions *actions)
{
    if (endpoint->state == TCP_SYN_RECEIVED) {
        if (!tcp_after(segment->ack, endpoint->snd_una) ||
            tcp_after(segment->ack, endpoint->snd_nxt)) {
            actions->bits |= TCP_SEND_RST;
            return false;
        }
        set_window(endpoint, segment, actions);
        actions->bits |= TCP_NOW_OPEN;
        move(endpoint, actions, TCP_EVENT_RECV_ACK);
    }
    if (!tcp_ack_acceptable(endpoint, segment->ack)) {
        actions->bits |= TCP_SEND_CHALLENGE;
        return false;
    }
    actions->heard = !tcp_before(segment->ack, endpoint->snd_una);
    if (tcp_after(segment->ack, endpoint->snd_una)) {
        actions->bits |= TCP_ACKED;
        actions->acked = segment->ack - endpoint->snd_una;
        endpoint->snd_una = segment->ack;
    }
    if (!tcp_before(segment->ack, endpoint->snd_una) &&
        (tcp_before(endpoint->snd_wl1, segment->seq) ||
         (endpoint->snd_wl1 == segment->seq && !tcp_after(endpoint->snd_wl2, segment->ack)))) {
        set_window(endpoint, segment, actions);
    }
    return true;
}

/* 3.10.7.4. */
static void receive_open(struct tcp_endpoint *endpoint, const struct tcp_segment *segment,
                         struct tcp_actions *actions)
{
    if (!check_sequence(endpoint, segment, actions)) {
        return;
    }
    bool refused = (actions->bits & (TCP_SEND_ACK | TCP_SEND_CHALLENGE)) != 0;
    bool fin_was_sent = endpoint->fin_sent;
    if (!receive_ack(endpoint, segment, actions)) {
        actions->bits &=
            (actions->bits & TCP_SEND_CHALLENGE) != 0 ? ~(uint32_t)TCP_SEND_ACK : UINT32_MAX;
        return;
    }
    bool fin_acked = fin_was_sent && endpoint->snd_una == endpoint->snd_nxt;
    if (fin_acked && (actions->bits & TCP_ACKED) != 0) {
        actions->bits |= TCP_FIN_ACKED;
        if (endpoint->state == TCP_CLOSING || endpoint->state == TCP_LAST_ACK) {
            /* Linux is done with the segment here, and does not answer what was old in it. */
            actions->bits &= ~(uint32_t)(TCP_SEND_ACK | TCP_SEND_CHALLENGE);
            move(endpoint, actions, TCP_EVENT_RECV_ACK_OF_FIN);
            return;
        }
    }
    if (refused) {
        receive_urgent(endpoint, segment, actions);
    } else {
        receive_text(endpoint, segment, actions, fin_acked);
    }
    if (endpoint->state == TCP_FIN_WAIT_1 && fin_acked) {
        move(endpoint, actions, TCP_EVENT_RECV_ACK_OF_FIN);
    }
}

/* The SYN that made the endpoint, once more. */
static __attribute__((noinline)) void receive_syn_again(struct tcp_endpoint *endpoint,
                                                        const struct tcp_segment *segment,
                                                        struct tcp_actions *actions)
{
    if ((segment->flags & TCP_CTL_ACK) == 0) {
        /* Our answer was lost. In a simultaneous open it is challenged. */
        actions->bits |= endpoint->passive ? TCP_SEND_SYN_ACK : TCP_SEND_CHALLENGE;
        return;
    }
    struct tcp_segment rest = *segment; /* simultaneous open, 3.5 figure 7 */
    rest.flags &= (uint8_t)~TCP_CTL_SYN;
    rest.seq++;
    receive_open(endpoint, &rest, actions);
    if ((actions->bits & TCP_NOW_OPEN) != 0) {
        actions->bits |= TCP_SEND_ACK; /* of the SYN, as Linux does */
    }
}

void tcp_endpoint_receive(struct tcp_endpoint *endpoint, const struct tcp_segment *segment,
                          struct tcp_actions *ret_actions)
{
    struct tcp_actions *actions = ret_actions;
    actions->bits = 0;
    actions->heard = false;
    actions->move_count = 0;
    bool rst = (segment->flags & TCP_CTL_RST) != 0;
    switch ((enum tcp_state)endpoint->state) {
    case TCP_CLOSED:
        actions->bits = rst ? 0 : TCP_SEND_RST;
        return;
    case TCP_LISTEN:
        if (rst) {
            return;
        }
        if ((segment->flags & TCP_CTL_ACK) != 0) {
            actions->bits = TCP_SEND_RST;
        } else if ((segment->flags & TCP_CTL_SYN) != 0) {
            actions->bits = TCP_SYN_ARRIVED;
        }
        return;
    case TCP_SYN_SENT:
        receive_in_syn_sent(endpoint, segment, actions);
        return;
    case TCP_SYN_RECEIVED:
        if ((segment->flags & (TCP_CTL_SYN | TCP_CTL_RST)) == TCP_CTL_SYN &&
            segment->seq == endpoint->irs &&
            ((segment->flags & TCP_CTL_ACK) == 0 || segment->ack == endpoint->snd_nxt)) {
            receive_syn_again(endpoint, segment, actions);
            return;
        }
        break;
    case TCP_TIME_WAIT:
        receive_in_time_wait(endpoint, segment, actions);
        return;
    default:
        break;
    }
    receive_open(endpoint, segment, actions);
}
