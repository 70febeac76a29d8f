/* The tracer of the live world on real processes: how they end, the signals and the faults that it
 * puts in. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/tracer_fixture.h"

/* ---- Ends and signals ---- */

static void crash_is_told(void **state)
{
    struct play *play = *state;
    start(play, "crash");
    assert_int_equal(go(play), ENDED);
    expect_exit(play, TRACE_EXIT_CRASHED, SIGSEGV);
}

static void abort_is_told(void **state)
{
    struct play *play = *state;
    start(play, "abort");
    assert_int_equal(go(play), ENDED);
    expect_exit(play, TRACE_EXIT_ABORTED, SIGABRT);
}

static void sigpipe_is_told_as_the_kernels(void **state)
{
    struct play *play = *state;
    start(play, "sigpipe");
    assert_int_equal(go(play), ENDED);
    const struct trace_event *event = need(play, TRACE_SIGNAL, SIGPIPE, 0);
    assert_int_equal(event->a, TRACE_SIGNAL_KILLED);
    assert_int_equal(event->b, 1);
    expect_exit(play, TRACE_EXIT_SIGNALLED, SIGPIPE);
}

/* As Linux chooses; the other thread, stopped at its call, would take a signal to the process
 * first. */
static void signal_at_a_thread_s_call_goes_to_the_first_thread(void **state)
{
    struct play *play = *state;
    cpu_set_t all, one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one); /* As plays are: else it matters who runs first. */
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    start(play, "stop-beside-thread");
    assert_int_equal(go(play), ASLEEP);
    play->sent = SIGTERM;
    linux_tracer_arm(play->tracer, 1U << SCENARIO_CALL_SEND);
    linux_tracer_stopping(play->tracer);
    assert_int_equal(linux_tracer_signal(play->tracer, SIGUSR2, false), 0);
    enum end end = go(play);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    assert_int_equal(end, ENDED);
    assert_int_equal(play->entered, 1U << SCENARIO_CALL_SEND);
    expect_exit(play, TRACE_EXIT_STOPPED_BY_HANDLER, 3);
}

static void stop_by_a_handler_is_told(void **state)
{
    struct play *play = *state;
    start(play, "stop");
    assert_int_equal(go(play), ASLEEP);
    linux_tracer_stopping(play->tracer);
    assert_int_equal(linux_tracer_signal(play->tracer, SIGTERM, false), 0);
    assert_int_equal(go(play), ENDED);
    assert_int_equal(need(play, TRACE_SIGNAL, SIGTERM, 0)->a, TRACE_SIGNAL_HANDLED);
    assert_int_equal(call_of(play, TRACE_CALL_PAUSE, 0)->err, EINTR);
    expect_exit(play, TRACE_EXIT_STOPPED_BY_HANDLER, 3);
    assert_int_equal(linux_tracer_wakeups(play->tracer), 1);
}

static void signal_that_would_kill_is_refused(void **state)
{
    struct play *play = *state;
    start(play, "sleep");
    assert_int_equal(go(play), ASLEEP);
    assert_int_equal(linux_tracer_signal(play->tracer, SIGHUP, false), -EPERM);
    assert_int_equal(linux_tracer_signal(play->tracer, SIGHUP, true), 0);
    assert_int_equal(go(play), ENDED);
    expect_exit(play, TRACE_EXIT_SIGNALLED, SIGHUP);
}

static void signal_after_the_end_finds_nobody(void **state)
{
    struct play *play = *state;
    play_to_end(play, "status", 7);
    assert_int_equal(linux_tracer_signal(play->tracer, SIGTERM, true), -ESRCH);
}

/* ---- Faults ---- */

static int arm(struct play *play, enum scenario_call family, int error, uint32_t limit)
{
    struct world_fault fault = {
        .family = family, .error = error, .limit = limit, .times = 1, .interrupt = error == EINTR};
    return linux_tracer_fault_arm(play->tracer, &fault);
}

static void fault_without_a_row_is_refused(void **state)
{
    assert_int_equal(arm(*state, SCENARIO_CALL_RECV, EDOM, 0), -EINVAL);
}

static void fault_answers_with_its_error(void **state)
{
    struct play *play = *state;
    start(play, "accept");
    assert_int_equal(arm(play, SCENARIO_CALL_ACCEPT, EMFILE, 0), 0);
    assert_int_equal(go(play), ENDED);
    assert_int_equal(need(play, TRACE_FAULT, TRACE_CALL_ACCEPT, 0)->err, EMFILE);
    assert_int_equal(call_of(play, TRACE_CALL_ACCEPT, 0)->err, EMFILE);
    assert_int_equal(call_of(play, TRACE_CALL_ACCEPT, 0)->flags, TRACE_FAULTED);
    assert_true(call_of(play, TRACE_CALL_ACCEPT, 1)->result > 0);
    expect_exit(play, TRACE_EXIT_RETURNED, EMFILE);
}

static void fault_waits_for_what_a_blocking_call_waits_for(void **state)
{
    struct play *play = *state;
    start(play, "accept-later");
    assert_int_equal(arm(play, SCENARIO_CALL_ACCEPT, ENOBUFS, 0), 0);
    assert_int_equal(go(play), ASLEEP);
    assert_int_equal(need(play, TRACE_BLOCK, TRACE_CALL_ACCEPT, 0)->b, 1); /* the other thread */
    assert_int_equal(linux_tracer_signal(play->tracer, SIGUSR2, false), 0);
    assert_int_equal(go(play), ENDED);
    expect_exit(play, TRACE_EXIT_RETURNED, ENOBUFS);
    assert_int_equal(count_of(play, TRACE_FAULT, TRACE_CALL_ACCEPT), 1);
}

static void short_transfers_are_cut_and_buffers_left_as_they_were(void **state)
{
    struct play *play = *state;
    struct world_fault fault = {.family = SCENARIO_CALL_RECV, .limit = 3, .times = 3};
    start(play, "short");
    assert_int_equal(linux_tracer_fault_arm(play->tracer, &fault), 0);
    assert_int_equal(go(play), ENDED);
    expect_exit(play, TRACE_EXIT_RETURNED, 3 * 16 + 3 * 4 + 3);
    assert_int_equal(call_of(play, TRACE_CALL_READV, 0)->result, 3);
    assert_int_equal(call_of(play, TRACE_CALL_READV, 0)->a, 20);
    assert_int_equal(call_of(play, TRACE_CALL_RECV, 0)->result, 3);
    assert_int_equal(call_of(play, TRACE_CALL_RECVMSG, 0)->result, 3);
    assert_int_equal(need(play, TRACE_FAULT, TRACE_CALL_RECVMSG, 0)->a, 3);
}

/* A FIN that was seen says that all is there: then epoll(7) lets programs take less than they asked
 * for as all. */
static void receive_is_cut_only_where_more_may_come(void **state)
{
    struct play *play = *state;
    start(play, "short-ended");
    assert_int_equal(arm(play, SCENARIO_CALL_RECV, 0, 3), 0);
    assert_int_equal(go(play), ENDED);
    expect_exit(play, TRACE_EXIT_RETURNED, 10 * 16 + 3);
    assert_int_equal(count_of(play, TRACE_FAULT, TRACE_CALL_RECV), 1);
}

static void epoll_ctl_lacks_memory_for_a_new_watch_alone(void **state)
{
    struct play *play = *state;
    start(play, "watches");
    assert_int_equal(go(play), ASLEEP);
    assert_int_equal(arm(play, SCENARIO_CALL_CONTROL, ENOMEM, 0), 0);
    assert_int_equal(linux_tracer_signal(play->tracer, SIGUSR1, false), 0);
    assert_int_equal(go(play), ENDED);
    expect_exit(play, TRACE_EXIT_RETURNED, ENOMEM);
}

static void partial_write_of_a_nonblocking_socket_is_cut(void **state)
{
    struct play *play = *state;
    start(play, "short");
    assert_int_equal(arm(play, SCENARIO_CALL_SEND, 0, 4), 0);
    assert_int_equal(go(play), ENDED);
    assert_int_equal(call_of(play, TRACE_CALL_SEND, 0)->result, 4);
    assert_int_equal(call_of(play, TRACE_CALL_SEND, 0)->flags, TRACE_FAULTED | TRACE_NONBLOCK);
}

static void interruption_runs_a_handler(void **state)
{
    struct play *play = *state;
    start(play, "interrupted");
    assert_int_equal(arm(play, SCENARIO_CALL_WAIT, EINTR, 0), 0);
    assert_int_equal(go(play), ENDED);
    expect_exit(play, TRACE_EXIT_RETURNED, 0);
    assert_int_equal(need(play, TRACE_FAULT, TRACE_CALL_POLL, 0)->err, EINTR);
    assert_int_equal(need(play, TRACE_SIGNAL, SIGUSR1, 0)->a, TRACE_SIGNAL_HANDLED);
    assert_int_equal(call_of(play, TRACE_CALL_POLL, 0)->err, EINTR);
    assert_int_equal(call_of(play, TRACE_CALL_POLL, 0)->flags, TRACE_FAULTED);
}

static void note_unused(void *context, uint16_t step, enum trace_noop reason)
{
    struct play *play = context;
    (void)step;
    play->unused++;
    play->reason = reason;
}

static void interruption_of_a_call_that_is_begun_again_is_not_allowed(void **state)
{
    struct play *play = *state;
    start(play, "restarted");
    assert_int_equal(arm(play, SCENARIO_CALL_RECV, EINTR, 0), 0);
    assert_int_equal(go(play), ASLEEP);
    linux_tracer_fault_clear(play->tracer, note_unused, play);
    assert_int_equal(play->unused, 1);
    assert_int_equal(play->reason, TRACE_NOOP_NOT_ALLOWED);
}

static void restarted_call_has_no_result(void **state)
{
    struct play *play = *state;
    start(play, "restarted");
    assert_int_equal(go(play), ASLEEP);
    assert_int_equal(linux_tracer_signal(play->tracer, SIGUSR1, false), 0);
    assert_int_equal(go(play), ASLEEP);
    assert_int_equal(need(play, TRACE_SIGNAL, SIGUSR1, 0)->a, TRACE_SIGNAL_HANDLED);
    assert_int_equal(count_of(play, TRACE_CALL, TRACE_CALL_RECV), 0);
}

static void fault_whose_call_never_came_is_told(void **state)
{
    struct play *play = *state;
    start(play, "pipe");
    assert_int_equal(arm(play, SCENARIO_CALL_ACCEPT, EMFILE, 0), 0);
    assert_int_equal(go(play), ENDED);
    linux_tracer_fault_clear(play->tracer, note_unused, play);
    assert_int_equal(play->unused, 1);
    assert_int_equal(play->reason, TRACE_NOOP_CALL_NEVER_CAME);
}

static void limit_of_descriptors_leaves_so_many(void **state)
{
    struct play *play = *state;
    start(play, "descriptors");
    assert_int_equal(go(play), ASLEEP);
    assert_int_equal(linux_tracer_descriptors(play->tracer), 3);
    linux_tracer_descriptors_free(play->tracer, 5);
    assert_int_equal(linux_tracer_signal(play->tracer, SIGUSR2, false), 0);
    assert_int_equal(go(play), ENDED);
    expect_exit(play, TRACE_EXIT_RETURNED, 5);
}

static void limit_before_the_start_spares_the_loader(void **state)
{
    struct play *play = *state;
    linux_tracer_descriptors_free(play->tracer, 3);
    play_to_end(play, "limited", 2); /* a socket took one of the three */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(crash_is_told),
        TEST(abort_is_told),
        TEST(sigpipe_is_told_as_the_kernels),
        TEST(stop_by_a_handler_is_told),
        TEST(signal_at_a_thread_s_call_goes_to_the_first_thread),
        TEST(signal_that_would_kill_is_refused),
        TEST(signal_after_the_end_finds_nobody),
        TEST(fault_without_a_row_is_refused),
        TEST(fault_answers_with_its_error),
        TEST(fault_waits_for_what_a_blocking_call_waits_for),
        TEST(short_transfers_are_cut_and_buffers_left_as_they_were),
        TEST(receive_is_cut_only_where_more_may_come),
        TEST(epoll_ctl_lacks_memory_for_a_new_watch_alone),
        TEST(partial_write_of_a_nonblocking_socket_is_cut),
        TEST(interruption_runs_a_handler),
        TEST(interruption_of_a_call_that_is_begun_again_is_not_allowed),
        TEST(restarted_call_has_no_result),
        TEST(fault_whose_call_never_came_is_told),
        TEST(limit_of_descriptors_leaves_so_many),
        TEST(limit_before_the_start_spares_the_loader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
