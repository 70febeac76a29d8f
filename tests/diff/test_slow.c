/* Scenarios that need time: which of them are played, how they are compared, and what the model's
 * timers do for scripted programs, as measured on Linux without SACK. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "diff/diff.h"
#include "diff/slow.h"
#include "model/model.h"
#include "scenario/text.h"

#define CONNECTION                                                                                 \
    "app socket peer\n"                                                                            \
    "app bind 7100\n"                                                                              \
    "app listen 8\n"                                                                               \
    "app 1 socket\n"                                                                               \
    "app 1 option TCP_NODELAY 1\n"                                                                 \
    "app 1 connect 7100\n"                                                                         \
    "app accept 2\n"

static struct world *worlds[DIFF_WORLDS];
static struct diff *diff;
static struct scenario_text text;

static int open_worlds(void **state)
{
    struct status_detail detail = {""};
    (void)state;
    for (unsigned i = 0; i < DIFF_WORLDS; i++) {
        struct model *model = NULL;
        assert_ok(model_new(NULL, &model, &detail), &detail);
        worlds[i] = model_world(model);
    }
    assert_ok(diff_new(worlds[DIFF_TOLD], worlds[DIFF_CHOOSES], &diff, &detail), &detail);
    diff_with_time(diff);
    return 0;
}

static int close_worlds(void **state)
{
    (void)state;
    diff_free(diff);
    for (unsigned i = 0; i < DIFF_WORLDS; i++) {
        worlds[i]->ops->free(worlds[i]);
    }
    return 0;
}

static void parse(const char *steps)
{
    struct status_detail detail = {""};
    assert_ok(scenario_parse("steps", steps, strlen(steps), &text, &detail), &detail);
}

static bool is_steady(const char *steps)
{
    struct status_detail detail = {""};
    bool steady = false;
    parse(steps);
    assert_ok(diff_is_steady(diff, &text.scenario, 1, &steady, &detail), &detail);
    return steady;
}

static const struct trace *play(const char *steps)
{
    struct status_detail detail = {""};
    struct diff_result result;
    parse(steps);
    assert_ok(diff_play(diff, &text.scenario, 1, &result, &detail), &detail);
    assert_true(result.same);
    return diff_trace(diff, DIFF_TOLD);
}

/* When the segments of this kind were put on the wire after time 0, in milliseconds; ended by -1.
 */
static void times_of(const struct trace *trace, enum scenario_segment kind, int64_t ret_ms[16])
{
    unsigned count = 0;
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        bool sent = event->result == TRACE_FATE_DROPPED || event->result == TRACE_FATE_SENT ||
                    event->result == TRACE_FATE_RETRANSMITTED;
        if (event->kind == TRACE_SEGMENT && event->what == kind && sent && event->time_us > 0) {
            assert_true(count < 15);
            ret_ms[count++] = event->time_us / 1000;
        }
    }
    ret_ms[count] = -1;
}

static void expect_times(const struct trace *trace, enum scenario_segment kind,
                         const int64_t *expected)
{
    int64_t found[16];
    unsigned i = 0;
    times_of(trace, kind, found);
    do {
        assert_int_equal(found[i], expected[i]);
    } while (expected[i++] >= 0);
}

static void scenario_between_two_timers_is_steady(void **state)
{
    (void)state;
    assert_true(is_steady(CONNECTION "wire cut both\napp 1 send fill 10\ntime advance 520ms\n"));
}

static void scenario_that_ends_with_a_timer_is_not_steady(void **state)
{
    (void)state;
    assert_false(is_steady(CONNECTION "wire cut both\napp 1 send fill 10\ntime advance 620ms\n"));
}

/* The timer of TCP_CORK sends for the first time what the timeout of another connection sends
 * again: both are held, and which of them is the next to be delivered nobody knows. */
static void scenario_in_which_two_timers_are_due_at_once_is_not_steady(void **state)
{
    (void)state;
#define TWO_ENDS                                                                                   \
    CONNECTION "app 3 socket\napp 3 option TCP_NODELAY 1\napp 3 connect 7100\napp accept 4\n"      \
               "app 3 option TCP_CORK 1\nwire hold to-peer\n"
    assert_true(is_steady(TWO_ENDS "app 1 send fill 10\ntime advance 1200ms\n"));
    assert_true(is_steady(TWO_ENDS "app 3 send fill 10\ntime advance 1200ms\n"));
    assert_false(
        is_steady(TWO_ENDS "app 1 send fill 10\napp 3 send fill 10\ntime advance 1200ms\n"));
}

static void scenario_in_whose_time_nothing_happens_is_not_steady(void **state)
{
    (void)state;
    assert_false(is_steady(CONNECTION "app 1 send fill 10\ntime advance 2s\n"));
}

static void scenario_in_which_one_ends_timer_must_not_be_late_is_not_steady(void **state)
{
    (void)state;
    /* A probe is due after 2 s, and the data of whom it asks is given up 1 ms later. */
    assert_false(is_steady(CONNECTION "app 1 option SO_KEEPALIVE 1\n"
                                      "app 1 option TCP_KEEPINTVL 1\n"
                                      "app 1 option TCP_KEEPIDLE 1\n"
                                      "app 1 option TCP_KEEPCNT 3\n"
                                      "app 2 option TCP_USER_TIMEOUT 1800\n"
                                      "wire cut to-target\n"
                                      "app 2 send fill 10\n"
                                      "time advance 7s\n"));
}

static void ends_are_compared_one_by_one_while_time_passes(void **state)
{
    const struct trace *trace = play(CONNECTION "wire cut both\n"
                                                "app 2 send fill 10\n"
                                                "app 1 send fill 20\n"
                                                "time advance 1200ms\n");
    const struct diff_form *form = diff_form(diff, DIFF_TOLD);
    unsigned changes = 0;
    int64_t times[16];
    (void)state;
    times_of(trace, SCENARIO_SEGMENT_DATA, times);
    assert_true(times[3] > 0 && times[4] < 0); /* each twice, in turns */
    assert_true(form->passed < form->count);
    for (uint32_t i = form->passed + 1; i < form->count; i++) {
        changes += form->events[i].host != form->events[i - 1].host;
    }
    assert_int_equal(changes, 1);
}

static void what_is_lost_goes_again_with_doubling(void **state)
{
    (void)state;
    expect_times(play(CONNECTION "wire cut both\napp 1 send fill 10\ntime advance 4s\n"),
                 SCENARIO_SEGMENT_DATA, (int64_t[]){201, 603, 1407, 3015, -1});
}

static void acknowledged_retransmission_leaves_the_timeout_doubled(void **state)
{
    (void)state;
    expect_times(play(CONNECTION "wire lose data 2\n"
                                 "app 1 send fill 10\n"
                                 "time advance 1s\n" /* 201 lost, 603 arrives: 804 from here on */
                                 "wire lose data 1\n"
                                 "app 1 send fill 10\n"
                                 "time advance 1s\n"),
                 SCENARIO_SEGMENT_DATA, (int64_t[]){201, 603, 1000, 1804, -1});
}

static void data_behind_a_syn_that_was_lost_waits_three_seconds(void **state)
{
    (void)state;
    expect_times(play("app socket peer\napp bind 7100\napp listen 8\napp 1 socket\n"
                      "wire lose syn 1\n"
                      "app 1 connect 7100\n"
                      "time advance 2s\n"
                      "wire lose data 1\n"
                      "app 1 send fill 10\n"
                      "time advance 4s\n"),
                 SCENARIO_SEGMENT_DATA, (int64_t[]){2000, 5000, -1});
}

static void round_trip_without_a_loss_ends_the_three_seconds(void **state)
{
    (void)state;
    expect_times(play("app socket peer\napp bind 7100\napp listen 8\napp 1 socket\n"
                      "wire lose syn 1\n"
                      "app 1 connect 7100\n"
                      "time advance 2s\n"
                      "app 1 send fill 10\n"
                      "wire lose data 1\n"
                      "app 1 send fill 10\n"
                      "time advance 520ms\n"),
                 SCENARIO_SEGMENT_DATA, (int64_t[]){2000, 2000, 2201, -1});
}

/* As measured on Linux: EAGAIN, for a byte is to come, where nothing told of it: EINVAL. */
static void window_probe_tells_of_an_urgent_byte(void **state)
{
    const struct trace *trace = play("app socket\napp option SO_RCVBUF 4096\napp bind 7100\n"
                                     "app listen 8\napp 1 socket peer\napp 1 connect 7100\n"
                                     "app accept 2\napp 1 send fill 20000\napp 1 urgent\n"
                                     "time advance 1s\napp 2 recv 1 oob\n");
    const struct trace_event *last = NULL;
    (void)state;
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        last = event->kind == TRACE_CALL && event->what == TRACE_CALL_RECV ? event : last;
    }
    assert_non_null(last);
    assert_int_equal(last->err, EAGAIN);
}

static void syn_count_limits_the_time_as_well(void **state)
{
    (void)state;
    const struct trace *trace = play("app 1 socket\n"
                                     "app 1 option TCP_SYNCNT 1\n"
                                     "wire cut both\n"
                                     "app 1 connect 7100\n"
                                     "time advance 10s\n");
    expect_times(trace, SCENARIO_SEGMENT_SYN, (int64_t[]){1000, 2000, -1});
}

static void syn_whose_refusal_was_lost_goes_again(void **state)
{
    (void)state;
    expect_times(play("app 1 socket\nwire lose rst 1\napp 1 connect 7100\ntime advance 1500ms\n"),
                 SCENARIO_SEGMENT_SYN, (int64_t[]){1000, -1});
}

static void cork_holds_back_for_200_ms(void **state)
{
    (void)state;
    expect_times(play(CONNECTION "app 1 option TCP_CORK 1\napp 1 option TCP_NODELAY 0\n"
                                 "app 1 send fill 10\n"
                                 "time advance 520ms\n"),
                 SCENARIO_SEGMENT_DATA, (int64_t[]){201, -1});
}

static void all_that_was_under_way_goes_again_after_a_timeout(void **state)
{
    (void)state;
    expect_times(play(CONNECTION "wire lose data 2\napp 1 send fill 1728\ntime advance 520ms\n"),
                 SCENARIO_SEGMENT_DATA, (int64_t[]){201, 201, -1});
}

static void after_a_loss_two_segments_go_before_an_acknowledgment(void **state)
{
    (void)state;
    const struct trace *trace = play(CONNECTION "wire lose data 1\n"
                                                "app 1 send fill 10\n"
                                                "time advance 520ms\n"
                                                "wire hold both\n"
                                                "app 1 send fill 3000\n");
    unsigned held = 0;
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        held += event->kind == TRACE_SEGMENT && event->what == SCENARIO_SEGMENT_DATA &&
                event->result == TRACE_FATE_HELD;
    }
    assert_int_equal(held, 2);
}

static void user_timeout_runs_from_the_first_retransmission(void **state)
{
    int64_t closed_us = 0;
    (void)state;
    const struct trace *trace = play(CONNECTION "app 1 option TCP_USER_TIMEOUT 1800\n"
                                                "wire cut both\n"
                                                "app 1 send fill 10\n"
                                                "time advance 4s\n");
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        closed_us =
            event->kind == TRACE_STATE && event->what == TCP_CLOSED ? event->time_us : closed_us;
    }
    assert_int_equal(closed_us / 1000, 2001);
    expect_times(trace, SCENARIO_SEGMENT_DATA, (int64_t[]){201, 603, 1407, -1});
}

static void orphan_in_fin_wait_2_sends_no_keepalive(void **state)
{
    (void)state;
    const struct trace *trace = play(CONNECTION "app 1 option SO_KEEPALIVE 1\n"
                                                "app 1 option TCP_KEEPINTVL 1\n"
                                                "app 1 option TCP_KEEPCNT 1\n"
                                                "app 1 option TCP_KEEPIDLE 1\n"
                                                "wire cut both\n"
                                                "time advance 1500ms\n"
                                                "wire mend both\n"
                                                "app 1 close\n"
                                                "wire cut both\n"
                                                "time advance 8s\n");
    expect_times(trace, SCENARIO_SEGMENT_ACK, (int64_t[]){1000, -1});
    expect_times(trace, SCENARIO_SEGMENT_RST, (int64_t[]){-1});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenario_between_two_timers_is_steady),
        cmocka_unit_test(scenario_that_ends_with_a_timer_is_not_steady),
        cmocka_unit_test(scenario_in_which_two_timers_are_due_at_once_is_not_steady),
        cmocka_unit_test(scenario_in_whose_time_nothing_happens_is_not_steady),
        cmocka_unit_test(scenario_in_which_one_ends_timer_must_not_be_late_is_not_steady),
        cmocka_unit_test(ends_are_compared_one_by_one_while_time_passes),
        cmocka_unit_test(what_is_lost_goes_again_with_doubling),
        cmocka_unit_test(acknowledged_retransmission_leaves_the_timeout_doubled),
        cmocka_unit_test(data_behind_a_syn_that_was_lost_waits_three_seconds),
        cmocka_unit_test(round_trip_without_a_loss_ends_the_three_seconds),
        cmocka_unit_test(window_probe_tells_of_an_urgent_byte),
        cmocka_unit_test(syn_count_limits_the_time_as_well),
        cmocka_unit_test(syn_whose_refusal_was_lost_goes_again),
        cmocka_unit_test(cork_holds_back_for_200_ms),
        cmocka_unit_test(all_that_was_under_way_goes_again_after_a_timeout),
        cmocka_unit_test(after_a_loss_two_segments_go_before_an_acknowledgment),
        cmocka_unit_test(user_timeout_runs_from_the_first_retransmission),
        cmocka_unit_test(orphan_in_fin_wait_2_sends_no_keepalive),
    };
    return cmocka_run_group_tests(tests, open_worlds, close_worlds);
}
