/* Every call that transfers, accepts, connects or waits, in a foreign program, with every fault of
 * the table that it may meet. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/tracer_fixture.h"

#include "world/fault_table.h"

enum { SIZE = 40, SHORT = 3 }; /* bytes that the caller moves; of a transfer that is cut short */

static const struct call {
    const char *name;
    enum trace_call what;
    bool whole; /* it counts messages: it is not cut short */
} calls[] = {
    {"read", TRACE_CALL_READ, false},
    {"readv", TRACE_CALL_READV, false},
    {"preadv2", TRACE_CALL_READV, false},
    {"recv", TRACE_CALL_RECV, false},
    {"recvfrom", TRACE_CALL_RECVFROM, false},
    {"recvmsg", TRACE_CALL_RECVMSG, false},
    {"recvmmsg", TRACE_CALL_RECVMSG, true},
    {"splice-in", TRACE_CALL_READ, false},
    {"write", TRACE_CALL_WRITE, false},
    {"writev", TRACE_CALL_WRITEV, false},
    {"pwritev2", TRACE_CALL_WRITEV, false},
    {"send", TRACE_CALL_SEND, false},
    {"sendto", TRACE_CALL_SENDTO, false},
    {"sendmsg", TRACE_CALL_SENDMSG, false},
    {"sendmmsg", TRACE_CALL_SENDMSG, true},
    {"sendfile", TRACE_CALL_SENDFILE, false},
    {"splice-out", TRACE_CALL_WRITE, false},
    {"accept", TRACE_CALL_ACCEPT, false},
    {"accept4", TRACE_CALL_ACCEPT4, false},
    {"connect", TRACE_CALL_CONNECT, false},
    {"poll", TRACE_CALL_POLL, false},
    {"ppoll", TRACE_CALL_PPOLL, false},
    {"select", TRACE_CALL_SELECT, false},
    {"pselect", TRACE_CALL_PSELECT, false},
    {"epoll_wait", TRACE_CALL_EPOLL_WAIT, false},
    {"epoll_pwait", TRACE_CALL_EPOLL_PWAIT, false},
    {"epoll_pwait2", TRACE_CALL_EPOLL_PWAIT, false},
};

/* Errnos of faults; a short transfer is 0. */
static const int errors[] = {0,         EINTR,        EAGAIN,       EMFILE,        ENFILE,
                             ENOBUFS,   ENOMEM,       EPERM,        EPROTO,        ENETDOWN,
                             EACCES,    ENETUNREACH,  EHOSTUNREACH, EADDRNOTAVAIL, EADDRINUSE,
                             ETIMEDOUT, ECONNREFUSED, ECONNRESET,   ECONNABORTED};

static bool meets(const struct call *call, const struct fault_row *row)
{
    return row != NULL && (row->calls == 0 || (row->calls >> call->what & 1U) != 0) &&
           !(call->whole && row->error == 0);
}

/* Runs the caller until it pauses, arms the fault, and lets it end. */
static void play_call(struct play *play, const struct call *call, const char *state, int error)
{
    char name[64];
    struct world_fault fault = {.family = trace_call_family(call->what),
                                .error = error,
                                .limit = SHORT,
                                .times = 1,
                                .interrupt = error == EINTR};
    (void)snprintf(name, sizeof name, "%s:%s", call->name, state);
    play->trace.count = 0;
    start_with(play, CALLER, name, 0, 0);
    assert_int_equal(go(play), ASLEEP);
    if (error >= 0) {
        assert_int_equal(linux_tracer_fault_arm(play->tracer, &fault), 0);
    }
    assert_int_equal(linux_tracer_signal(play->tracer, SIGUSR1, false), 0);
    assert_int_equal(go(play), ENDED);
    linux_tracer_fault_clear(play->tracer, NULL, NULL);
}

static void expect_fault(struct play *play, const struct call *call, const char *state, int error)
{
    play_call(play, call, state, error);
    print_message("%s:%s %s\n", call->name, state, error == 0 ? "short" : strerror(error));
    const struct trace_event *fault = need(play, TRACE_FAULT, (int)call->what, 0);
    assert_int_equal(fault->err, error);
    assert_int_equal(count_of(play, TRACE_FAULT, (int)call->what), 1);
    const struct trace_event *last = NULL;
    for (unsigned n = 0; find(play, TRACE_CALL, (int)call->what, n) != NULL; n++) {
        last = find(play, TRACE_CALL, (int)call->what, n);
    }
    assert_non_null(last);
    assert_true((last->flags & TRACE_FAULTED) != 0);
    assert_int_equal(last->err, error);
    expect_exit(play, TRACE_EXIT_RETURNED, error == 0 ? SHORT : error);
}

static void call_of_each_kind_answers_every_fault_of_the_table(void **state)
{
    struct play *play = *state;
    unsigned played = 0;
    for (unsigned c = 0; c < sizeof calls / sizeof calls[0]; c++) {
        for (unsigned e = 0; e < sizeof errors / sizeof errors[0]; e++) {
            const struct fault_row *row =
                world_fault_row(trace_call_family(calls[c].what), errors[e]);
            if (!meets(&calls[c], row)) {
                continue;
            }
            bool at_once = row->when != FAULT_SLEEPS;
            bool blocking = row->when == FAULT_ALWAYS || row->when == FAULT_READABLE ||
                            row->when == FAULT_READABLE_OPEN || row->when == FAULT_BLOCKING;
            if (at_once && row->when != FAULT_BLOCKING) {
                expect_fault(play, &calls[c], "ready", errors[e]);
            }
            if (blocking) {
                expect_fault(play, &calls[c], "blocking", errors[e]);
            }
            if (!at_once) {
                expect_fault(play, &calls[c], "waits", errors[e]);
            }
            played++;
        }
    }
    assert_in_range(played, 150, 1000);
}

static void call_of_each_kind_is_traced_with_what_it_moved(void **state)
{
    struct play *play = *state;
    for (unsigned c = 0; c < sizeof calls / sizeof calls[0]; c++) {
        enum scenario_call family = trace_call_family(calls[c].what);
        bool moves = family == SCENARIO_CALL_RECV || family == SCENARIO_CALL_SEND;
        play_call(play, &calls[c], "blocking", -1);
        print_message("%s\n", calls[c].name);
        expect_exit(play, TRACE_EXIT_RETURNED, moves ? SIZE : 1);
        bool found = false;
        for (unsigned n = 0; find(play, TRACE_CALL, (int)calls[c].what, n) != NULL; n++) {
            const struct trace_event *event = find(play, TRACE_CALL, (int)calls[c].what, n);
            found = !moves || (event->result == SIZE && event->a == SIZE);
        }
        assert_true(found);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(call_of_each_kind_is_traced_with_what_it_moved),
        TEST(call_of_each_kind_answers_every_fault_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
