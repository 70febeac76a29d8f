/* The endpoint machine against RFC 9293 section 3.10.7 and RFC 5961. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp/endpoint.h"
#include "test.h"

enum { ISS = 0xFFFFFFF0, IRS = 5000, WINDOW = 1000 }; /* ours wraps soon */

static struct tcp_endpoint established(void)
{
    struct tcp_endpoint e;
    struct tcp_actions a;
    tcp_open_active(&e, ISS, WINDOW);
    struct tcp_segment s = {
        .seq = IRS, .ack = ISS + 1, .window = WINDOW, .flags = TCP_CTL_SYN | TCP_CTL_ACK};
    tcp_endpoint_receive(&e, &s, &a);
    assert_int_equal(TCP_ESTABLISHED, e.state);
    return e;
}

/* In `state`, with our FIN sent where the state has one. */
static struct tcp_endpoint in_state(enum tcp_state state)
{
    struct tcp_endpoint e = established();
    bool received = state == TCP_CLOSE_WAIT || state == TCP_CLOSING || state == TCP_LAST_ACK ||
                    state == TCP_TIME_WAIT;
    bool sent = state == TCP_FIN_WAIT_1 || state == TCP_FIN_WAIT_2 || state == TCP_CLOSING ||
                state == TCP_LAST_ACK || state == TCP_TIME_WAIT;
    e.state = (uint8_t)state;
    e.rcv_nxt += received;
    e.fin_received = received;
    e.snd_nxt += sent;
    e.fin_sent = sent;
    if (state == TCP_FIN_WAIT_2 || state == TCP_TIME_WAIT) {
        e.snd_una = e.snd_nxt;
    }
    return e;
}

static struct tcp_segment plain(const struct tcp_endpoint *e, uint8_t flags, uint16_t length)
{
    return (struct tcp_segment){.seq = e->rcv_nxt,
                                .ack = e->snd_una,
                                .window = WINDOW,
                                .length = length,
                                .flags = (uint8_t)(flags | TCP_CTL_ACK)};
}

static uint32_t receive(struct tcp_endpoint *e, const struct tcp_segment *s, struct tcp_actions *a)
{
    tcp_endpoint_receive(e, s, a);
    return a->bits;
}

/* ---- 3.10.7.1 to 3.10.7.3 ---- */

static void closed_answers_with_an_acceptable_reset(void **state)
{
    struct tcp_endpoint e = {.state = TCP_CLOSED};
    struct tcp_segment s = {.seq = 10, .length = 4, .flags = TCP_CTL_SYN};
    struct tcp_segment reset;
    struct tcp_actions a;
    (void)state;
    assert_int_equal(TCP_SEND_RST, receive(&e, &s, &a));
    tcp_reset_for(&s, &reset);
    assert_int_equal(0, reset.seq);
    assert_int_equal(15, reset.ack);
    assert_int_equal(TCP_CTL_RST | TCP_CTL_ACK, reset.flags);
    s.flags = TCP_CTL_ACK;
    s.ack = 77;
    tcp_reset_for(&s, &reset);
    assert_int_equal(77, reset.seq);
    assert_int_equal(TCP_CTL_RST, reset.flags);
    s.flags = TCP_CTL_RST;
    assert_int_equal(0, receive(&e, &s, &a));
}

static void listen_takes_syn_and_resets_ack(void **state)
{
    struct tcp_endpoint e = {.state = TCP_LISTEN};
    struct tcp_segment s = {.seq = IRS, .flags = TCP_CTL_SYN};
    struct tcp_actions a;
    (void)state;
    assert_int_equal(TCP_SYN_ARRIVED, receive(&e, &s, &a));
    s.flags = TCP_CTL_ACK;
    assert_int_equal(TCP_SEND_RST, receive(&e, &s, &a));
    s.flags = TCP_CTL_SYN | TCP_CTL_ACK;
    assert_int_equal(TCP_SEND_RST, receive(&e, &s, &a));
    s.flags = TCP_CTL_RST;
    assert_int_equal(0, receive(&e, &s, &a));
}

static void syn_sent_syn_ack_opens(void **state)
{
    struct tcp_endpoint e = established();
    (void)state;
    assert_int_equal(ISS + 1, e.snd_una);
    assert_int_equal(IRS + 1, e.rcv_nxt);
    assert_int_equal(WINDOW, e.snd_wnd);
}

static void syn_sent_wrong_ack_is_reset(void **state)
{
    struct tcp_endpoint e;
    struct tcp_actions a;
    (void)state;
    tcp_open_active(&e, ISS, WINDOW);
    struct tcp_segment s = {.seq = IRS, .ack = ISS + 2, .flags = TCP_CTL_SYN | TCP_CTL_ACK};
    assert_int_equal(TCP_SEND_RST | TCP_RETRY_SYN, receive(&e, &s, &a));
    assert_int_equal(TCP_SYN_SENT, e.state);
    s.ack = ISS;
    assert_int_equal(TCP_SEND_RST | TCP_RETRY_SYN, receive(&e, &s, &a));
    s.flags = TCP_CTL_RST | TCP_CTL_ACK;
    assert_int_equal(TCP_RETRY_SYN, receive(&e, &s, &a));
    s.ack = ISS + 1;
    assert_true((receive(&e, &s, &a) & TCP_WAS_RESET) != 0);
    assert_int_equal(TCP_CLOSED, e.state);
}

static void syn_sent_bare_rst_is_ignored(void **state)
{
    struct tcp_endpoint e;
    struct tcp_actions a;
    struct tcp_segment s = {.seq = IRS, .flags = TCP_CTL_RST};
    (void)state;
    tcp_open_active(&e, ISS, WINDOW);
    assert_int_equal(0, receive(&e, &s, &a));
    assert_int_equal(TCP_SYN_SENT, e.state);
}

static void simultaneous_open_opens_both(void **state)
{
    struct tcp_endpoint a_end;
    struct tcp_endpoint b_end;
    struct tcp_actions a;
    (void)state;
    tcp_open_active(&a_end, 100, WINDOW);
    tcp_open_active(&b_end, 300, WINDOW);
    struct tcp_segment a_syn = {.seq = 100, .window = WINDOW, .flags = TCP_CTL_SYN};
    struct tcp_segment b_syn = {.seq = 300, .window = WINDOW, .flags = TCP_CTL_SYN};
    assert_true((receive(&a_end, &b_syn, &a) & TCP_SEND_SYN_ACK) != 0);
    assert_true((receive(&b_end, &a_syn, &a) & TCP_SEND_SYN_ACK) != 0);
    assert_int_equal(TCP_SYN_RECEIVED, a_end.state);
    struct tcp_segment a_syn_ack = {
        .seq = 100, .ack = 301, .window = WINDOW, .flags = TCP_CTL_SYN | TCP_CTL_ACK};
    struct tcp_segment b_syn_ack = {
        .seq = 300, .ack = 101, .window = WINDOW, .flags = TCP_CTL_SYN | TCP_CTL_ACK};
    assert_true((receive(&a_end, &b_syn_ack, &a) & TCP_NOW_OPEN) != 0);
    assert_true((receive(&b_end, &a_syn_ack, &a) & TCP_NOW_OPEN) != 0);
    assert_int_equal(TCP_ESTABLISHED, a_end.state);
    assert_int_equal(TCP_ESTABLISHED, b_end.state);
    assert_int_equal(301, a_end.rcv_nxt);
}

static void syn_received_syn_again_is_answered_again(void **state)
{
    struct tcp_endpoint e;
    struct tcp_actions a;
    struct tcp_segment syn = {.seq = IRS, .window = WINDOW, .flags = TCP_CTL_SYN};
    (void)state;
    tcp_open_passive(&e, ISS, WINDOW, &syn);
    assert_int_equal(TCP_SEND_SYN_ACK, receive(&e, &syn, &a));
    assert_int_equal(TCP_SYN_RECEIVED, e.state);
}

static void syn_received_wrong_ack_is_reset(void **state)
{
    struct tcp_endpoint e;
    struct tcp_actions a;
    struct tcp_segment syn = {.seq = IRS, .window = WINDOW, .flags = TCP_CTL_SYN};
    (void)state;
    tcp_open_passive(&e, ISS, WINDOW, &syn);
    struct tcp_segment s = {.seq = IRS + 1, .ack = ISS + 5, .flags = TCP_CTL_ACK};
    assert_int_equal(TCP_SEND_RST, receive(&e, &s, &a));
    assert_int_equal(TCP_SYN_RECEIVED, e.state);
}

static void syn_received_ack_with_data_and_fin_moves_twice(void **state)
{
    struct tcp_endpoint e;
    struct tcp_actions a;
    struct tcp_segment syn = {.seq = IRS, .window = WINDOW, .flags = TCP_CTL_SYN};
    (void)state;
    tcp_open_passive(&e, ISS, WINDOW, &syn);
    struct tcp_segment s = {.seq = IRS + 1,
                            .ack = ISS + 1,
                            .window = WINDOW,
                            .length = 3,
                            .flags = TCP_CTL_ACK | TCP_CTL_FIN};
    uint32_t bits = receive(&e, &s, &a);
    assert_int_equal(TCP_CLOSE_WAIT, e.state);
    assert_int_equal(2, a.move_count);
    assert_int_equal(TCP_ESTABLISHED, a.moves[0].to);
    assert_true((bits & TCP_TAKE_DATA) != 0 && (bits & TCP_FIN_ARRIVED) != 0);
    assert_int_equal(3, a.take_length);
    assert_int_equal(IRS + 5, e.rcv_nxt);
}

/* ---- 3.10.7.4, first: sequence numbers ---- */

static void data_in_order_is_taken_and_acknowledged(void **state)
{
    struct tcp_endpoint e = established();
    struct tcp_actions a;
    struct tcp_segment s = plain(&e, 0, 10);
    (void)state;
    assert_int_equal(TCP_TAKE_DATA | TCP_SEND_ACK, receive(&e, &s, &a));
    assert_int_equal(0, a.take_offset);
    assert_int_equal(10, a.take_length);
    assert_int_equal(IRS + 11, e.rcv_nxt);
    assert_int_equal(WINDOW - 10, e.rcv_wnd);
}

static void data_partly_old_only_the_new_part_is_taken(void **state)
{
    struct tcp_endpoint e = established();
    struct tcp_actions a;
    struct tcp_segment s = plain(&e, 0, 10);
    (void)state;
    s.seq -= 4;
    receive(&e, &s, &a);
    assert_int_equal(4, a.take_offset);
    assert_int_equal(6, a.take_length);
}

static void data_beyond_the_window_is_cut_and_its_fin_left(void **state)
{
    struct tcp_endpoint e = established();
    struct tcp_actions a;
    struct tcp_segment s = plain(&e, TCP_CTL_FIN, WINDOW + 5);
    (void)state;
    uint32_t bits = receive(&e, &s, &a);
    assert_int_equal(WINDOW, a.take_length);
    assert_int_equal(0, bits & TCP_FIN_ARRIVED);
    assert_int_equal(TCP_ESTABLISHED, e.state);
    assert_int_equal(0, e.rcv_wnd);
}

static void old_duplicate_is_acknowledged_again(void **state)
{
    struct tcp_endpoint e = established();
    struct tcp_actions a;
    struct tcp_segment s = plain(&e, 0, 10);
    (void)state;
    receive(&e, &s, &a);
    assert_int_equal(TCP_SEND_ACK, receive(&e, &s, &a));
    assert_int_equal(IRS + 11, e.rcv_nxt);
}

static void out_of_window_is_acknowledged_and_dropped(void **state)
{
    struct tcp_endpoint e = established();
    struct tcp_actions a;
    struct tcp_segment s = plain(&e, 0, 10);
    (void)state;
    s.seq += WINDOW;
    assert_int_equal(TCP_SEND_ACK, receive(&e, &s, &a));
    assert_int_equal(IRS + 1, e.rcv_nxt);
}

static void closed_window_takes_acknowledgments_only(void **state)
{
    struct tcp_endpoint e = established();
    struct tcp_actions a;
    (void)state;
    e.rcv_wnd = 0;
    e.snd_nxt += 5;
    struct tcp_segment s = plain(&e, 0, 1);
    s.ack = e.snd_nxt;
    uint32_t bits = receive(&e, &s, &a);
    assert_int_equal(0, bits & TCP_TAKE_DATA);
    assert_true((bits & TCP_SEND_ACK) != 0);
    assert_int_equal(e.snd_nxt, e.snd_una);
}

static void ahead_of_a_gap_is_held_until_the_gap_is_filled(void **state)
{
    struct tcp_endpoint e = established();
    struct tcp_actions a;
    struct tcp_segment first = plain(&e, 0, 10);
    struct tcp_segment second = plain(&e, TCP_CTL_FIN, 5);
    (void)state;
    second.seq += 10;
    assert_int_equal(TCP_HOLD | TCP_SEND_ACK, receive(&e, &second, &a));
    assert_int_equal(TCP_ESTABLISHED, e.state);
    receive(&e, &first, &a);
    uint32_t bits = receive(&e, &second, &a);
    assert_true((bits & TCP_TAKE_DATA) != 0 && (bits & TCP_FIN_ARRIVED) != 0);
    assert_int_equal(TCP_CLOSE_WAIT, e.state);
}

/* ---- second and fourth: RST and SYN, RFC 5961 ---- */

static void rst_exactly_next_resets_in_every_state(void **state)
{
    (void)state;
    for (unsigned i = TCP_ESTABLISHED; i < TCP_STATE_COUNT; i++) {
        struct tcp_endpoint e = in_state((enum tcp_state)i);
        struct tcp_actions a;
        struct tcp_segment s = plain(&e, TCP_CTL_RST, 0);
        assert_true((receive(&e, &s, &a) & TCP_WAS_RESET) != 0);
        assert_int_equal(TCP_CLOSED, e.state);
        assert_int_equal(TCP_EVENT_RECV_RST, a.moves[0].event);
    }
}

static void rst_from_before_the_fin_is_taken(void **state)
{
    static const enum tcp_state behind[] = {TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_CLOSING};
    (void)state;
    for (unsigned i = 0; i < sizeof behind / sizeof behind[0]; i++) {
        struct tcp_endpoint e = in_state(behind[i]);
        struct tcp_actions a;
        struct tcp_segment s = plain(&e, TCP_CTL_RST, 0);
        s.seq -= 1;
        assert_true((receive(&e, &s, &a) & TCP_WAS_RESET) != 0);
        assert_int_equal(TCP_CLOSED, e.state);
    }
}

/* A segment that lies before the window altogether acknowledges nothing. */
static void old_segment_acknowledges_nothing(void **state)
{
    struct tcp_endpoint e = in_state(TCP_LAST_ACK);
    struct tcp_actions a;
    struct tcp_segment s = plain(&e, TCP_CTL_ACK, 0);
    (void)state;
    s.ack = e.snd_nxt;
    s.seq -= 1;
    assert_int_equal(TCP_SEND_CHALLENGE, receive(&e, &s, &a));
    assert_int_equal(TCP_LAST_ACK, e.state);
}

static void time_wait_answers_all_but_the_expected(void **state)
{
    struct tcp_endpoint e = in_state(TCP_TIME_WAIT);
    struct tcp_actions a;
    struct tcp_segment s = plain(&e, TCP_CTL_ACK, 0);
    (void)state;
    assert_int_equal(TCP_RESTART_2MSL, receive(&e, &s, &a));
    s.length = 1;
    assert_int_equal(TCP_RESTART_2MSL | TCP_SEND_ACK, receive(&e, &s, &a));
    s = plain(&e, TCP_CTL_RST, 0);
    s.seq += 1;
    assert_int_equal(0, receive(&e, &s, &a));
    s.seq -= 1;
    assert_true((receive(&e, &s, &a) & TCP_WAS_RESET) != 0);
}

static void rst_elsewhere_in_the_window_is_challenged(void **state)
{
    struct tcp_endpoint e = established();
    struct tcp_actions a;
    struct tcp_segment s = plain(&e, TCP_CTL_RST, 0);
    (void)state;
    s.seq += 1;
    assert_int_equal(TCP_SEND_CHALLENGE, receive(&e, &s, &a));
    assert_int_equal(TCP_ESTABLISHED, e.state);
    s.seq += WINDOW;
    assert_int_equal(0, receive(&e, &s, &a));
}

static void syn_in_a_synchronized_state_is_challenged(void **state)
{
    (void)state;
    for (unsigned i = TCP_ESTABLISHED; i < TCP_STATE_COUNT; i++) {
        struct tcp_endpoint e = in_state((enum tcp_state)i);
        struct tcp_actions a;
        struct tcp_segment s = plain(&e, TCP_CTL_SYN, 0);
        assert_int_equal(TCP_SEND_CHALLENGE, receive(&e, &s, &a) & ~(unsigned)TCP_RESTART_2MSL);
        s.seq += 3 * WINDOW;
        assert_int_equal(TCP_SEND_CHALLENGE, receive(&e, &s, &a) & ~(unsigned)TCP_RESTART_2MSL);
        assert_int_equal(i, e.state);
    }
}

/* ---- fifth: ACK
 * ----------------------------------------------------------------------------------------------------
 */

static void segment_without_ack_is_dropped(void **state)
{
    struct tcp_endpoint e = established();
    struct tcp_actions a;
    struct tcp_segment s = plain(&e, 0, 5);
    (void)state;
    s.flags = TCP_CTL_PSH;
    assert_int_equal(0, receive(&e, &s, &a));
}

static void ack_of_new_data_moves_una(void **state)
{
    struct tcp_endpoint e = established();
    struct tcp_actions a;
    (void)state;
    e.snd_nxt += 40; /* past the wrap of sequence numbers */
    struct tcp_segment s = plain(&e, 0, 0);
    s.ack = e.snd_una + 30;
    s.window = 77;
    assert_int_equal(TCP_ACKED | TCP_WINDOW, receive(&e, &s, &a));
    assert_int_equal(30, a.acked);
    assert_int_equal(77, e.snd_wnd);
    assert_int_equal(0, receive(&e, &s, &a));
}

static void ack_of_what_was_never_sent_is_challenged(void **state)
{
    struct tcp_endpoint e = established();
    struct tcp_actions a;
    struct tcp_segment s = plain(&e, 0, 5);
    (void)state;
    s.ack = e.snd_nxt + 1;
    assert_int_equal(TCP_SEND_CHALLENGE, receive(&e, &s, &a));
    s.ack = e.iss - 1; /* from before the connection */
    assert_int_equal(TCP_SEND_CHALLENGE, receive(&e, &s, &a));
    e.snd_una += 2 * WINDOW;
    e.snd_nxt = e.snd_una;
    s.ack = e.snd_una - WINDOW - 1; /* RFC 5961 5.2 */
    assert_int_equal(TCP_SEND_CHALLENGE, receive(&e, &s, &a));
    s.ack = e.snd_una - WINDOW;
    assert_int_equal(TCP_TAKE_DATA | TCP_SEND_ACK, receive(&e, &s, &a));
}

static void old_segment_does_not_set_the_window(void **state)
{
    struct tcp_endpoint e = established();
    struct tcp_actions a;
    struct tcp_segment old = plain(&e, 0, 5);
    (void)state;
    old.window = 1;
    struct tcp_segment new = plain(&e, 0, 5);
    new.seq += 5;
    new.window = 500;
    receive(&e, &new, &a); /* ahead of a gap, but newer */
    assert_int_equal(500, e.snd_wnd);
    receive(&e, &old, &a);
    assert_int_equal(500, e.snd_wnd);
}

static void fin_wait_1_ack_of_fin_is_fin_wait_2(void **state)
{
    struct tcp_endpoint e = in_state(TCP_FIN_WAIT_1);
    struct tcp_actions a;
    struct tcp_segment s = plain(&e, 0, 0);
    (void)state;
    s.ack = e.snd_nxt;
    assert_int_equal(TCP_ACKED | TCP_FIN_ACKED | TCP_MOVED, receive(&e, &s, &a));
    assert_int_equal(TCP_FIN_WAIT_2, e.state);
}

static void fin_not_yet_sent_is_not_acknowledged(void **state)
{
    struct tcp_endpoint e = established();
    struct tcp_actions a;
    (void)state;
    e.state = TCP_FIN_WAIT_1; /* the FIN waits behind data */
    e.snd_nxt += 5;
    struct tcp_segment s = plain(&e, 0, 0);
    s.ack = e.snd_nxt;
    assert_int_equal(TCP_ACKED, receive(&e, &s, &a));
    assert_int_equal(TCP_FIN_WAIT_1, e.state);
}

static void closing_and_last_ack_end_with_the_ack(void **state)
{
    static const enum tcp_state from[] = {TCP_CLOSING, TCP_LAST_ACK};
    static const enum tcp_state to[] = {TCP_TIME_WAIT, TCP_CLOSED};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct tcp_endpoint e = in_state(from[i]);
        struct tcp_actions a;
        struct tcp_segment s = plain(&e, 0, 0);
        receive(&e, &s, &a);
        assert_int_equal(from[i], e.state);
        s.ack = e.snd_nxt;
        assert_true((receive(&e, &s, &a) & TCP_FIN_ACKED) != 0);
        assert_int_equal(to[i], e.state);
    }
}

/* ---- sixth to eighth: urgent data, text, FIN ---- */

static void urgent_pointer_is_signalled_once(void **state)
{
    struct tcp_endpoint e = established();
    struct tcp_actions a;
    struct tcp_segment s = plain(&e, TCP_CTL_URG, 3);
    (void)state;
    s.urgent = s.seq + 2;
    assert_true((receive(&e, &s, &a) & TCP_URGENT) != 0);
    assert_int_equal(IRS + 3, e.rcv_up);
    assert_int_equal(0, receive(&e, &s, &a) & TCP_URGENT);
}

static void text_after_the_fin_is_ignored(void **state)
{
    static const enum tcp_state states[] = {TCP_CLOSE_WAIT, TCP_CLOSING, TCP_LAST_ACK,
                                            TCP_TIME_WAIT};
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct tcp_endpoint e = in_state(states[i]);
        struct tcp_actions a;
        struct tcp_segment s = plain(&e, 0, 5);
        assert_int_equal(0, receive(&e, &s, &a) & (TCP_TAKE_DATA | TCP_HOLD));
        assert_int_equal(IRS + 2, e.rcv_nxt);
    }
}

static void fin_moves_as_the_state_says(void **state)
{
    static const struct {
        enum tcp_state from;
        bool acks_ours;
        enum tcp_state to;
        enum tcp_event event;
    } cases[] = {{TCP_ESTABLISHED, false, TCP_CLOSE_WAIT, TCP_EVENT_RECV_FIN},
                 {TCP_FIN_WAIT_1, false, TCP_CLOSING, TCP_EVENT_RECV_FIN},
                 {TCP_FIN_WAIT_1, true, TCP_TIME_WAIT, TCP_EVENT_RECV_FIN_ACK},
                 {TCP_FIN_WAIT_2, true, TCP_TIME_WAIT, TCP_EVENT_RECV_FIN}};
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tcp_endpoint e = in_state(cases[i].from);
        struct tcp_actions a;
        struct tcp_segment s = plain(&e, TCP_CTL_FIN, 2);
        s.ack = cases[i].acks_ours ? e.snd_nxt : e.snd_una;
        uint32_t bits = receive(&e, &s, &a);
        assert_true((bits & TCP_FIN_ARRIVED) != 0 && (bits & TCP_SEND_ACK) != 0);
        assert_int_equal(cases[i].to, e.state);
        assert_int_equal(1, a.move_count);
        assert_int_equal(cases[i].event, a.moves[0].event);
        assert_int_equal(IRS + 4, e.rcv_nxt);
    }
}

static void fin_again_is_acknowledged_in_every_later_state(void **state)
{
    static const enum tcp_state states[] = {TCP_CLOSE_WAIT, TCP_CLOSING, TCP_LAST_ACK,
                                            TCP_TIME_WAIT};
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct tcp_endpoint e = in_state(states[i]);
        struct tcp_actions a;
        struct tcp_segment s = plain(&e, TCP_CTL_FIN, 0);
        s.seq--;
        uint32_t bits = receive(&e, &s, &a);
        assert_true((bits & TCP_SEND_ACK) != 0);
        assert_int_equal(0, bits & TCP_FIN_ARRIVED);
        assert_int_equal(states[i] == TCP_TIME_WAIT, (bits & TCP_RESTART_2MSL) != 0);
        assert_int_equal(states[i], e.state);
    }
}

/* Every segment from a grid around what is expected, in every state: the short way takes it exactly
 * as the long way does, or not at all. */
static void expected_segment_is_taken_as_the_long_way_takes_it(void **state)
{
    (void)state;
    unsigned taken = 0;
    for (unsigned i = 0; i < 200000; i++) {
        uint32_t dice = i * 2654435761U;
        struct tcp_endpoint e = in_state((enum tcp_state)(TCP_ESTABLISHED + dice % 7));
        e.snd_nxt += dice >> 3 & 31;
        e.snd_wl1 = e.rcv_nxt - (dice >> 8 & 1);
        e.snd_wl2 = e.snd_una + (dice >> 9 & 3) - 1;
        e.rcv_wnd = (dice >> 11 & 7) == 0 ? (dice >> 14 & 3) : WINDOW;
        struct tcp_segment s = plain(&e, (dice >> 16 & 3) == 0 ? dice >> 18 & 0x3F : TCP_CTL_PSH,
                                     (uint16_t)(dice >> 24 & 15));
        s.seq += (dice >> 28 & 3) == 0 ? (dice >> 30) - 1 : 0;
        s.ack += (dice >> 5 & 63) - 8;
        s.window += dice >> 13 & 1;
        struct tcp_endpoint quick = e;
        struct tcp_actions a;
        uint32_t bits = 0;
        if (!tcp_endpoint_expected(&quick, &s, &bits)) {
            assert_memory_equal(&quick, &e, sizeof(e));
            continue;
        }
        taken++;
        assert_int_equal(bits, receive(&e, &s, &a));
        assert_memory_equal(&quick, &e, sizeof(e));
        if ((bits & TCP_TAKE_DATA) != 0) {
            assert_int_equal(a.take_offset, 0);
            assert_int_equal(a.take_length, s.length);
        }
    }
    assert_in_range(taken, 1000, 190000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_answers_with_an_acceptable_reset),
        cmocka_unit_test(listen_takes_syn_and_resets_ack),
        cmocka_unit_test(syn_sent_syn_ack_opens),
        cmocka_unit_test(syn_sent_wrong_ack_is_reset),
        cmocka_unit_test(syn_sent_bare_rst_is_ignored),
        cmocka_unit_test(simultaneous_open_opens_both),
        cmocka_unit_test(syn_received_syn_again_is_answered_again),
        cmocka_unit_test(syn_received_wrong_ack_is_reset),
        cmocka_unit_test(syn_received_ack_with_data_and_fin_moves_twice),
        cmocka_unit_test(data_in_order_is_taken_and_acknowledged),
        cmocka_unit_test(data_partly_old_only_the_new_part_is_taken),
        cmocka_unit_test(data_beyond_the_window_is_cut_and_its_fin_left),
        cmocka_unit_test(old_duplicate_is_acknowledged_again),
        cmocka_unit_test(out_of_window_is_acknowledged_and_dropped),
        cmocka_unit_test(closed_window_takes_acknowledgments_only),
        cmocka_unit_test(ahead_of_a_gap_is_held_until_the_gap_is_filled),
        cmocka_unit_test(rst_exactly_next_resets_in_every_state),
        cmocka_unit_test(rst_from_before_the_fin_is_taken),
        cmocka_unit_test(old_segment_acknowledges_nothing),
        cmocka_unit_test(time_wait_answers_all_but_the_expected),
        cmocka_unit_test(rst_elsewhere_in_the_window_is_challenged),
        cmocka_unit_test(syn_in_a_synchronized_state_is_challenged),
        cmocka_unit_test(segment_without_ack_is_dropped),
        cmocka_unit_test(ack_of_new_data_moves_una),
        cmocka_unit_test(ack_of_what_was_never_sent_is_challenged),
        cmocka_unit_test(old_segment_does_not_set_the_window),
        cmocka_unit_test(fin_wait_1_ack_of_fin_is_fin_wait_2),
        cmocka_unit_test(fin_not_yet_sent_is_not_acknowledged),
        cmocka_unit_test(closing_and_last_ack_end_with_the_ack),
        cmocka_unit_test(urgent_pointer_is_signalled_once),
        cmocka_unit_test(text_after_the_fin_is_ignored),
        cmocka_unit_test(fin_moves_as_the_state_says),
        cmocka_unit_test(fin_again_is_acknowledged_in_every_later_state),
        cmocka_unit_test(expected_segment_is_taken_as_the_long_way_takes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
