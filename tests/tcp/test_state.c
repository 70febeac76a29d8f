/* The table of states against RFC 9293: figure 5 with its notes, and
 * sections 3.10.4, 3.10.5, 3.10.7.4 and 3.10.8 for what the figure leaves out. The rows below were
 * written from the text. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp/state.h"
#include "test.h"

struct row {
    enum tcp_state from;
    enum tcp_event event;
    enum tcp_state to;
};

static const struct row rows[] = {
    /* figure 5 */
    {TCP_CLOSED, TCP_EVENT_PASSIVE_OPEN, TCP_LISTEN},
    {TCP_CLOSED, TCP_EVENT_ACTIVE_OPEN, TCP_SYN_SENT},
    {TCP_LISTEN, TCP_EVENT_CLOSE, TCP_CLOSED},
    {TCP_LISTEN, TCP_EVENT_RECV_SYN, TCP_SYN_RECEIVED},
    {TCP_LISTEN, TCP_EVENT_ACTIVE_OPEN, TCP_SYN_SENT}, /* SEND; 3.10.1 OPEN */
    {TCP_SYN_SENT, TCP_EVENT_CLOSE, TCP_CLOSED},
    {TCP_SYN_SENT, TCP_EVENT_RECV_SYN, TCP_SYN_RECEIVED},
    {TCP_SYN_SENT, TCP_EVENT_RECV_SYN_ACK, TCP_ESTABLISHED},
    {TCP_SYN_RECEIVED, TCP_EVENT_RECV_ACK, TCP_ESTABLISHED},
    {TCP_SYN_RECEIVED, TCP_EVENT_CLOSE, TCP_FIN_WAIT_1},
    {TCP_ESTABLISHED, TCP_EVENT_CLOSE, TCP_FIN_WAIT_1},
    {TCP_ESTABLISHED, TCP_EVENT_RECV_FIN, TCP_CLOSE_WAIT},
    {TCP_FIN_WAIT_1, TCP_EVENT_RECV_ACK_OF_FIN, TCP_FIN_WAIT_2},
    {TCP_FIN_WAIT_1, TCP_EVENT_RECV_FIN, TCP_CLOSING},
    {TCP_FIN_WAIT_2, TCP_EVENT_RECV_FIN, TCP_TIME_WAIT},
    {TCP_CLOSE_WAIT, TCP_EVENT_CLOSE, TCP_LAST_ACK},
    {TCP_CLOSING, TCP_EVENT_RECV_ACK_OF_FIN, TCP_TIME_WAIT},
    {TCP_LAST_ACK, TCP_EVENT_RECV_ACK_OF_FIN, TCP_CLOSED},
    {TCP_TIME_WAIT, TCP_EVENT_TIMEOUT, TCP_CLOSED},
    /* note 2 */
    {TCP_FIN_WAIT_1, TCP_EVENT_RECV_FIN_ACK, TCP_TIME_WAIT},
    /* 3.10.7.4, eighth: a FIN in SYN-RECEIVED */
    {TCP_SYN_RECEIVED, TCP_EVENT_RECV_FIN, TCP_CLOSE_WAIT},
    /* 3.10.7.3 and 3.10.7.4, second: RST. Every connection of a listener is an endpoint of its own,
     * so that "return to LISTEN" is the end of this one. */
    {TCP_SYN_SENT, TCP_EVENT_RECV_RST, TCP_CLOSED},
    {TCP_SYN_RECEIVED, TCP_EVENT_RECV_RST, TCP_CLOSED},
    {TCP_ESTABLISHED, TCP_EVENT_RECV_RST, TCP_CLOSED},
    {TCP_FIN_WAIT_1, TCP_EVENT_RECV_RST, TCP_CLOSED},
    {TCP_FIN_WAIT_2, TCP_EVENT_RECV_RST, TCP_CLOSED},
    {TCP_CLOSE_WAIT, TCP_EVENT_RECV_RST, TCP_CLOSED},
    {TCP_CLOSING, TCP_EVENT_RECV_RST, TCP_CLOSED},
    {TCP_LAST_ACK, TCP_EVENT_RECV_RST, TCP_CLOSED},
    {TCP_TIME_WAIT, TCP_EVENT_RECV_RST, TCP_CLOSED},
    /* 3.10.5: ABORT */
    {TCP_LISTEN, TCP_EVENT_ABORT, TCP_CLOSED},
    {TCP_SYN_SENT, TCP_EVENT_ABORT, TCP_CLOSED},
    {TCP_SYN_RECEIVED, TCP_EVENT_ABORT, TCP_CLOSED},
    {TCP_ESTABLISHED, TCP_EVENT_ABORT, TCP_CLOSED},
    {TCP_FIN_WAIT_1, TCP_EVENT_ABORT, TCP_CLOSED},
    {TCP_FIN_WAIT_2, TCP_EVENT_ABORT, TCP_CLOSED},
    {TCP_CLOSE_WAIT, TCP_EVENT_ABORT, TCP_CLOSED},
    {TCP_CLOSING, TCP_EVENT_ABORT, TCP_CLOSED},
    {TCP_LAST_ACK, TCP_EVENT_ABORT, TCP_CLOSED},
    {TCP_TIME_WAIT, TCP_EVENT_ABORT, TCP_CLOSED},
    /* 3.10.8: user timeout, in any state with a connection */
    {TCP_SYN_SENT, TCP_EVENT_TIMEOUT, TCP_CLOSED},
    {TCP_SYN_RECEIVED, TCP_EVENT_TIMEOUT, TCP_CLOSED},
    {TCP_ESTABLISHED, TCP_EVENT_TIMEOUT, TCP_CLOSED},
    {TCP_FIN_WAIT_1, TCP_EVENT_TIMEOUT, TCP_CLOSED},
    {TCP_FIN_WAIT_2, TCP_EVENT_TIMEOUT, TCP_CLOSED},
    {TCP_CLOSE_WAIT, TCP_EVENT_TIMEOUT, TCP_CLOSED},
    {TCP_CLOSING, TCP_EVENT_TIMEOUT, TCP_CLOSED},
    {TCP_LAST_ACK, TCP_EVENT_TIMEOUT, TCP_CLOSED},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static enum tcp_state expected(enum tcp_state from, enum tcp_event event)
{
    for (unsigned i = 0; i < ROWS; i++) {
        if (rows[i].from == from && rows[i].event == event) {
            return rows[i].to;
        }
    }
    return TCP_STATE_COUNT;
}

static void next_every_state_and_event_is_the_rfcs(void **state)
{
    (void)state;
    for (unsigned from = 0; from < TCP_STATE_COUNT; from++) {
        for (unsigned event = 0; event < TCP_EVENT_COUNT; event++) {
            enum tcp_state want = expected((enum tcp_state)from, (enum tcp_event)event);
            enum tcp_state got = tcp_state_next((enum tcp_state)from, (enum tcp_event)event);
            if (want != got) {
                print_error("%s, %s: %s\n", tcp_state_name((enum tcp_state)from),
                            tcp_event_name((enum tcp_event)event), tcp_state_name(got));
            }
            assert_int_equal(want, got);
        }
    }
}

static void successors_are_those_that_some_event_leads_to(void **state)
{
    (void)state;
    for (unsigned from = 0; from < TCP_STATE_COUNT; from++) {
        uint16_t want = 0;
        for (unsigned i = 0; i < ROWS; i++) {
            want |= rows[i].from == from ? (uint16_t)(1U << rows[i].to) : 0;
        }
        if (from == TCP_SYN_RECEIVED) {
            want |= 1U << TCP_LISTEN; /* note 1: an observer may see the RFC's own way */
        }
        assert_int_equal(want, tcp_states[from].successors);
        for (unsigned to = 0; to < TCP_STATE_COUNT; to++) {
            assert_int_equal(want >> to & 1U,
                             tcp_state_may_follow((enum tcp_state)from, (enum tcp_state)to));
        }
    }
}

static void flags_sending_and_receiving_follow_the_text(void **state)
{
    static const enum tcp_state send[] = {TCP_ESTABLISHED, TCP_CLOSE_WAIT}; /* 3.10.2 */
    static const enum tcp_state receive[] = {TCP_ESTABLISHED, TCP_FIN_WAIT_1, TCP_FIN_WAIT_2};
    unsigned sends = 0;
    unsigned receives = 0;
    (void)state;
    for (unsigned i = 0; i < TCP_STATE_COUNT; i++) {
        sends += tcp_states[i].can_send;
        receives += tcp_states[i].can_receive;
        assert_int_equal(i >= TCP_ESTABLISHED, tcp_states[i].synchronized); /* 3.5.2, group 3 */
    }
    assert_int_equal(sizeof send / sizeof send[0], sends);
    assert_int_equal(sizeof receive / sizeof receive[0], receives);
    for (unsigned i = 0; i < sends; i++) {
        assert_true(tcp_states[send[i]].can_send);
    }
    for (unsigned i = 0; i < receives; i++) {
        assert_true(tcp_states[receive[i]].can_receive);
    }
}

static void names_are_the_rfcs(void **state)
{
    (void)state;
    assert_string_equal("FIN-WAIT-1", tcp_state_name(TCP_FIN_WAIT_1));
    assert_string_equal("SYN-RECEIVED", tcp_state_name(TCP_SYN_RECEIVED));
    assert_string_equal("?", tcp_state_name(TCP_STATE_COUNT));
    assert_string_equal("receive FIN", tcp_event_name(TCP_EVENT_RECV_FIN));
    assert_string_equal("?", tcp_event_name(TCP_EVENT_COUNT));
    assert_int_equal(TCP_STATE_COUNT, tcp_state_next(TCP_STATE_COUNT, TCP_EVENT_CLOSE));
    assert_int_equal(TCP_STATE_COUNT, tcp_state_next(TCP_CLOSED, TCP_EVENT_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_every_state_and_event_is_the_rfcs),
        cmocka_unit_test(successors_are_those_that_some_event_leads_to),
        cmocka_unit_test(flags_sending_and_receiving_follow_the_text),
        cmocka_unit_test(names_are_the_rfcs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
