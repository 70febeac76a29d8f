/* The tester tested: for each rule that binds stacks, a recorded run of a case with one event
 * changed as a stack with that mistake would show it. The run as it was breaks nothing; the changed
 * one must break the rule. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>

#include "oracle/stack_play.h"

/* How the event is changed. */
enum change {
    RESULT, /* the call succeeds with this value */
    ERROR,  /* the call fails with this errno */
    A,
    B,
    WHAT,
    TIME, /* microseconds */
    CONN,
    FD,
    LOST,     /* it never happened */
    ALL_LOST, /* nor did others like it (in that step, where one is given) */
    STATE,    /* in its place the end moves, to this state from ESTABLISHED */
    RST       /* in its place its host sends an RST */
};

#define ANYWHERE (-1)
enum { ANYTHING = 255, SECOND = 1000000 };

struct mutant {
    uint8_t rule; /* enum oracle_rule_index */
    const char *name;
    int step; /* from 0 */
    uint8_t kind;
    uint8_t what; /* of the event */
    uint8_t nth;  /* such event of the step, from 0 */
    uint8_t change;
    int64_t value;
};

#define CALL(call) TRACE_CALL, TRACE_CALL_##call
#define STATE_OF(state) TRACE_STATE, TCP_##state
#define SEGMENT(kind) TRACE_SEGMENT, SCENARIO_SEGMENT_##kind
#define READY TRACE_READY, 0
/* Of an accept: the size that it told, and the room that there was. */
#define ADDRESS(told, room) (int64_t)((uint64_t)(told) << 32 | (room))
#define ROW(area, number, ...)                                                                     \
    {                                                                                              \
        ORACLE_##area##_##number, __VA_ARGS__                                                      \
    }

static const struct mutant mutants[] = {
    ROW(CRE, 01, "open/lowest-descriptor", 4, CALL(SOCKET), 0, RESULT, 9),
    ROW(CRE, 02, "open/flags-of-a-socket", 1, CALL(FCNTL), 0, RESULT, 0),
    ROW(CRE, 05, "open/port-of-a-listener", 4, CALL(BIND), 0, RESULT, 0),
    ROW(CRE, 07, "open/bind-twice", 2, CALL(BIND), 0, RESULT, 0),
    ROW(CRE, 08, "open/listen-unbound", 1, CALL(LISTEN), 0, ERROR, EDESTADDRREQ),
    ROW(CRE, 09, "open/listen-on-a-connection", 7, CALL(LISTEN), 0, RESULT, 0),
    ROW(CRE, 10, "open/connect-again", 7, CALL(CONNECT), 0, RESULT, 0),
    ROW(CRE, 11, "open/connect-in-progress", 6, CALL(CONNECT), 0, ERROR, EINPROGRESS),
    ROW(CRE, 13, "open/error-read-once", 4, CALL(GETSOCKOPT), 0, B, ECONNREFUSED),
    ROW(CRE, 14, "open/connect-again-at-once", 5, CALL(CONNECT), 0, ERROR, EALREADY),
    ROW(CRE, 15, "open/refused-told-by-recv", 2, CALL(RECV), 0, ERROR, ECONNRESET),
    ROW(CRE, 17, "open/no-answer", ANYWHERE, STATE_OF(CLOSED), 0, TIME, 70 * SECOND),
    ROW(CRE, 17, "open/lost-syn-for-a-minute", 6, SEGMENT(SYN), 0, LOST, 0),
    ROW(CRE, 18, "open/simultaneous", ANYWHERE, STATE_OF(ESTABLISHED), 0, ALL_LOST, 0),
    ROW(CRE, 19, "open/close-in-syn-sent", 7, SEGMENT(RST), 0, WHAT, SCENARIO_SEGMENT_ACK),
    ROW(ACC, 01, "accept/new-descriptor", 5, CALL(ACCEPT), 0, RESULT, 9),
    ROW(ACC, 02, "accept/names-of-both-ends", 7, CALL(GETPEERNAME), 0, A, 1),
    ROW(ACC, 03, "accept/in-order", 9, CALL(ACCEPT), 0, CONN, 2),
    ROW(ACC, 04, "accept/in-order", 9, CALL(ACCEPT), 0, ERROR, EAGAIN),
    ROW(ACC, 05, "accept/not-inherited", 7, CALL(FCNTL), 0, RESULT, 2048),
    ROW(ACC, 07, "accept/not-a-listener", 7, CALL(ACCEPT), 0, ERROR, EAGAIN),
    ROW(ACC, 08, "accept/reset-in-queue", 7, CALL(ACCEPT), 0, ERROR, ECONNABORTED),
    ROW(ACC, 11, "accept/no-descriptor", 10, CALL(ACCEPT), 0, ERROR, EAGAIN),
    ROW(ACC, 13, "accept/address-cut", 7, CALL(ACCEPT), 0, B, ADDRESS(-1, 8)),
    ROW(ACC, 13, "accept/no-address-asked-for", 5, CALL(ACCEPT), 0, ERROR, EFAULT),
    ROW(ACC, 14, "accept/options-inherited", 11, CALL(GETSOCKOPT), 0, B, 0),
    ROW(ACC, 15, "accept/shut-listener", 5, CALL(ACCEPT), 0, ERROR, EAGAIN),
    ROW(DAT, 01, "data/both-ways", 8, TRACE_BYTES, TRACE_BYTES_AS_SENT, 0, WHAT, TRACE_BYTES_WRONG),
    ROW(DAT, 01, "data/lost-for-a-minute", 8, SEGMENT(DATA), 0, LOST, 0),
    ROW(DAT, 04, "data/both-ways", 6, CALL(SEND), 0, ERROR, EAGAIN),
    ROW(DAT, 06, "process/receive-interrupted", 6, CALL(RECV), 0, ERROR, EAGAIN),
    ROW(DAT, 06, "process/send-interrupted", 7, CALL(SEND), 0, ERROR, EINTR),
    ROW(DAT, 07, "data/eof-again-and-again", 8, CALL(RECV), 0, ERROR, EAGAIN),
    ROW(DAT, 09, "data/nothing", 6, CALL(SEND), 0, ERROR, EINVAL),
    ROW(DAT, 10, "data/peek", 9, CALL(RECV), 0, ERROR, EAGAIN),
    ROW(DAT, 11, "data/waitall", 8, CALL(RECV), 0, RESULT, 3),
    ROW(DAT, 12, "data/eof-after-half-read", 8, CALL(RECV), 0, RESULT, 0),
    ROW(DAT, 13, "urgent/beside-the-stream", 9, READY, 0, B, POLLIN | POLLOUT),
    ROW(DAT, 15, "data/closed-window-for-long", 8, CALL(SEND), 1, STATE, TCP_CLOSED),
    ROW(DAT, 16, "process/receive-times-out", 8, CALL(RECV), 0, ERROR, ETIMEDOUT),
    ROW(DAT, 16, "process/receive-times-out", 8, CALL(RECV), 0, TIME, 0),
    ROW(DAT, 16, "process/send-times-out", 9, CALL(SEND), 0, ERROR, ETIMEDOUT),
    ROW(DAT, 17, "data/never-connected", 1, CALL(RECV), 0, ERROR, EAGAIN),
    ROW(HCL, 01, "half-close/answer-after-fin", 7, SEGMENT(FIN), 0, A, 1),
    ROW(HCL, 02, "half-close/send-after", 7, CALL(SEND), 0, RESULT, 1),
    ROW(HCL, 03, "half-close/answer-after-fin", 10, CALL(SEND), 0, ERROR, EPIPE),
    ROW(HCL, 06, "half-close/reading", 11, CALL(RECV), 0, RESULT, 0),
    ROW(HCL, 07, "half-close/duplicates", 8, CALL(SEND), 0, RESULT, 1),
    ROW(HCL, 08, "half-close/unconnected", 1, CALL(SHUTDOWN), 0, RESULT, 0),
    ROW(CLO, 01, "close/four-way", 9, STATE_OF(TIME_WAIT), 0, WHAT, TCP_CLOSED),
    ROW(CLO, 02, "close/four-way", 9, STATE_OF(LAST_ACK), 0, WHAT, TCP_TIME_WAIT),
    ROW(CLO, 03, "close/simultaneous", 9, STATE_OF(TIME_WAIT), 0, WHAT, TCP_CLOSED),
    ROW(CLO, 04, "half-close/twice", ANYWHERE, STATE_OF(FIN_WAIT_2), 0, LOST, 0),
    ROW(CLO, 05, "close/last-duplicate", 7, CALL(CLOSE), 0, A, 1),
    ROW(CLO, 08, "close/all-data-then-fin", 9, CALL(RECV), 0, RESULT, 0),
    ROW(CLO, 08, "close/lost-fin-for-a-minute", 9, SEGMENT(FIN), 0, LOST, 0),
    ROW(CLO, 09, "close/linger-expires", 9, CALL(CLOSE), 0, TIME, 0),
    ROW(CLO, 10, "reset/linger-zero", 8, CALL(RECV), 0, RESULT, 0),
    ROW(CLO, 10, "data/byte-by-byte", 10, CALL(RECV), 0, ERROR, ECONNRESET),
    ROW(CLO, 11, "close/fin-behind-closed-window", ANYWHERE, SEGMENT(FIN), 0, A, 1),
    ROW(CLO, 13, "close/orphan-in-fin-wait-2", 8, STATE_OF(CLOSED), 0, TIME, 10 * SECOND),
    ROW(CLO, 14, "close/orphan-gives-up", ANYWHERE, STATE_OF(CLOSED), 0, LOST, 0),
    ROW(RST, 01, "reset/linger-zero", 6, SEGMENT(RST), 0, WHAT, SCENARIO_SEGMENT_FIN),
    ROW(RST, 02, "reset/unread-data", 7, SEGMENT(RST), 0, WHAT, SCENARIO_SEGMENT_FIN),
    ROW(RST, 03, "close/duplicate-data-read", 11, SEGMENT(FIN), 0, WHAT, SCENARIO_SEGMENT_RST),
    ROW(RST, 04, "close/orphan-gets-data", 8, SEGMENT(RST), 0, LOST, 0),
    ROW(RST, 06, "reset/linger-zero", 8, CALL(RECV), 0, RESULT, 0),
    ROW(RST, 07, "reset/received-in-close-wait", 11, CALL(SEND), 0, ERROR, ECONNRESET),
    ROW(RST, 08, "reset/so-error-first", 9, CALL(RECV), 0, ERROR, ECONNRESET),
    ROW(RST, 09, "reset/forged", 6, STATE_OF(CLOSED), 0, LOST, 0),
    ROW(RST, 10, "reset/linger-zero", 6, STATE_OF(CLOSED), 1, RST, 0),
    ROW(RST, 11, "backlog/listener-closes", 7, SEGMENT(RST), 0, LOST, 0),
    ROW(RST, 12, "process/dies-with-connections", 11, SEGMENT(RST), 0, LOST, 0),
    ROW(RST, 12, "process/dies-with-connections", 11, SEGMENT(FIN), 0, LOST, 0),
    ROW(RST, 15, "reset/disconnect", 6, SEGMENT(RST), 0, LOST, 0),
    ROW(TWT, 01, "time-wait/sixty-seconds", 9, STATE_OF(CLOSED), 0, TIME, 30 * SECOND),
    ROW(TWT, 02, "close/last-ack-lost", 10, STATE_OF(CLOSED), 0, LOST, 0),
    ROW(TWT, 03, "time-wait/reopened", 12, STATE_OF(ESTABLISHED), 0, ALL_LOST, 0),
    ROW(TWT, 04, "time-wait/reset", 9, STATE_OF(CLOSED), 0, LOST, 0),
    ROW(TWT, 05, "time-wait/old-data", 16, SEGMENT(ACK), 0, WHAT, SCENARIO_SEGMENT_RST),
    ROW(ERR, 02, "process/broken-pipe", 7, TRACE_SIGNAL, SIGPIPE, 0, LOST, 0),
    ROW(ERR, 02, "process/broken-pipe", 9, CALL(SEND), 0, ERROR, EAGAIN),
    ROW(ERR, 03, "close/orphan-gets-data", 8, CALL(SEND), 0, ERROR, EPIPE),
    ROW(ERR, 04, "timeouts/keepalive-unanswered", 13, CALL(RECV), 0, RESULT, 0),
    ROW(ERR, 05, "wire/unreachable", 9, CALL(SEND), 0, STATE, TCP_CLOSED),
    ROW(ERR, 08, "process/no-descriptor", 3, CALL(ACCEPT), 0, ERROR, EINVAL),
    ROW(ERR, 08, "process/no-socket", 6, CALL(SEND), 0, ERROR, EBADF),
    ROW(RDY, 01, "readiness/idle", 6, READY, 0, B, POLLIN | POLLOUT),
    ROW(RDY, 02, "readiness/both-closed", 8, READY, 0, B, POLLIN | POLLOUT),
    ROW(RDY, 03, "readiness/fresh", 1, READY, 0, B, POLLOUT),
    ROW(RDY, 04, "readiness/input", 8, CALL(RECV), 0, ERROR, EAGAIN),
    ROW(RDY, 05, "data/full-buffers", 15, READY, 0, B, POLLPRI),
    ROW(RDY, 06, "readiness/edge", 10, READY, 0, LOST, 0),
    ROW(RDY, 06, "readiness/level", 6, CALL(EPOLL_CTL), 0, B,
        EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET),
    ROW(RDY, 09, "readiness/watch-closed", 11, READY, 0, FD, 77),
    ROW(RDY, 12, "readiness/oneshot", 8, READY, 0, LOST, 0),
    ROW(TMO, 01, "timeouts/keepalive-off", 1, CALL(GETSOCKOPT), 0, B, 1),
    ROW(TMO, 02, "timeouts/keepalive-unanswered", 11, STATE_OF(CLOSED), 0, TIME, SECOND),
    ROW(TMO, 05, "timeouts/half-open", 10, STATE_OF(CLOSED), 0, LOST, 0),
    ROW(BKL, 01, "backlog/three-wait", 2, CALL(LISTEN), 0, A, 0),
    ROW(BKL, 02, "backlog/final-ack-ignored", 10, SEGMENT(SYN_ACK), 1, RST, 0),
    ROW(BKL, 05, "backlog/syn-cookie", 9, STATE_OF(ESTABLISHED), 0, RST, 0),
};
enum { MUTANT_COUNT = sizeof mutants / sizeof mutants[0] };

static struct stack_play play;

static int open_play(void **state)
{
    (void)state;
    stack_play_open(&play);
    return 0;
}

static int close_play(void **state)
{
    (void)state;
    stack_play_close(&play);
    return 0;
}

static void change(const struct mutant *mutant, struct trace_event *event)
{
    struct trace_event old = *event;
    switch ((enum change)mutant->change) {
    case RESULT:
        event->result = mutant->value;
        event->err = 0;
        break;
    case ERROR:
        event->result = -1;
        event->err = (int32_t)mutant->value;
        break;
    case A:
        event->a = mutant->value;
        break;
    case B:
        event->b = mutant->value;
        break;
    case WHAT:
        event->what = (uint8_t)mutant->value;
        break;
    case TIME:
        event->time_us = mutant->value;
        break;
    case CONN:
        event->conn = (uint32_t)mutant->value;
        break;
    case FD:
        event->fd = (int32_t)mutant->value;
        break;
    case LOST:
    case ALL_LOST:
        event->kind = TRACE_NONE;
        break;
    case STATE:
        *event = (struct trace_event){.time_us = old.time_us,
                                      .kind = TRACE_STATE,
                                      .host = old.host,
                                      .what = (uint8_t)mutant->value,
                                      .fd = -1,
                                      .conn = old.conn,
                                      .a = TCP_ESTABLISHED,
                                      .b = TCP_EVENT_TIMEOUT};
        break;
    case RST:
        *event = (struct trace_event){.time_us = old.time_us,
                                      .kind = TRACE_SEGMENT,
                                      .host = old.host,
                                      .what = SCENARIO_SEGMENT_RST,
                                      .fd = -1,
                                      .conn = old.conn,
                                      .result = TRACE_FATE_SENT};
        break;
    }
}

/* Changes the recorded run. Returns whether the event was there. */
static bool mutate(const struct mutant *mutant)
{
    unsigned met = 0;
    int64_t step = ANYWHERE;
    bool done = false;
    for (uint32_t i = 0; i < play.trace.count; i++) {
        struct trace_event *event = &play.trace.events[i];
        step = event->kind == TRACE_STEP ? event->a : step;
        if ((mutant->step != ANYWHERE && step != mutant->step) || event->kind != mutant->kind ||
            event->what != mutant->what) {
            continue;
        }
        if (met++ == mutant->nth || mutant->change == ALL_LOST) {
            change(mutant, event);
            done = true;
        }
    }
    return done;
}

static const struct suite_case *case_named(const char *name)
{
    const struct suite_case *found = cases_find(&play.cases, name);
    if (found == NULL) {
        fail_msg("there is no case %s", name);
    }
    return found;
}

static void changed_runs_break_their_rules(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (unsigned i = 0; i < MUTANT_COUNT; i++) {
        const struct mutant *mutant = &mutants[i];
        struct status_detail detail = {""};
        const struct oracle_judgement *judgement = stack_play_case(&play, case_named(mutant->name));
        bool kept = !oracle_has(judgement->broken, mutant->rule);
        bool changed = mutate(mutant);
        assert_ok(oracle_judge(play.oracle, &play.trace, &judgement, &detail), &detail);
        if (!kept || !changed || !oracle_has(judgement->broken, mutant->rule)) {
            print_error("%s in %s: %s\n", oracle_rules[mutant->rule].id, mutant->name,
                        !kept      ? "broken as it was played"
                        : !changed ? "no such event to change"
                                   : "the changed run does not break it");
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void every_rule_has_a_changed_run(void **state)
{
    (void)state;
    unsigned missing = 0;
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        bool has = oracle_rules[rule].on_stack == NULL;
        for (unsigned i = 0; i < MUTANT_COUNT && !has; i++) {
            has = mutants[i].rule == rule;
        }
        if (!has) {
            print_error("%s: no changed run\n", oracle_rules[rule].id);
            missing++;
        }
    }
    assert_int_equal(missing, 0);
}

/* Under the rule set posix, rules about Linux alone are not judged, and answers that the texts
 * allow are none of its business. */
static void other_answers_that_posix_allows_break_nothing_there(void **state)
{
    (void)state;
    static const struct mutant allowed[] = {
        ROW(CRE, 08, "open/listen-unbound", 1, CALL(LISTEN), 0, ERROR, EDESTADDRREQ),
        ROW(ACC, 05, "accept/not-inherited", 7, CALL(FCNTL), 0, RESULT, 2048),
        ROW(ACC, 08, "accept/reset-in-queue", 7, CALL(ACCEPT), 0, ERROR, ECONNABORTED),
        ROW(DAT, 17, "data/never-connected", 2, CALL(SEND), 0, ERROR, ENOTCONN),
        ROW(ACC, 13, "accept/address-cut", 7, CALL(ACCEPT), 0, B, ADDRESS(8, 8)),
        ROW(RST, 12, "process/dies-with-connections", 11, SEGMENT(RST), 0, WHAT,
            SCENARIO_SEGMENT_FIN),
        ROW(RST, 07, "reset/received-in-close-wait", 11, CALL(SEND), 0, ERROR, ECONNRESET),
        ROW(RDY, 03, "readiness/fresh", 1, READY, 0, B, POLLHUP),
        ROW(TWT, 01, "time-wait/sixty-seconds", 9, STATE_OF(CLOSED), 0, TIME, 30 * SECOND),
    };
    for (unsigned i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        struct status_detail detail = {""};
        const struct oracle_judgement *judgement =
            stack_play_case(&play, case_named(allowed[i].name));
        assert_true(mutate(&allowed[i]));
        for (enum trace_rules rules = 0; rules < TRACE_RULES_COUNT; rules++) {
            play.trace.header.rules = rules;
            assert_ok(oracle_judge(play.oracle, &play.trace, &judgement, &detail), &detail);
            assert_int_equal(oracle_has(judgement->broken, allowed[i].rule),
                             rules == TRACE_RULES_LINUX);
        }
        assert_int_equal(judgement->verdicts[ORACLE_RST_01].grade, GRADE_SKIP);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_runs_break_their_rules),
        cmocka_unit_test(every_rule_has_a_changed_run),
        cmocka_unit_test(other_answers_that_posix_allows_break_nothing_there),
    };
    return cmocka_run_group_tests(tests, open_play, close_play);
}
