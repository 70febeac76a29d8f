/* Sleeping, time, signals, the end of runs, two programs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>

#include "model/fake_program.h"
#include "model/io.h"

static void advance_1s(struct fake *fake, struct world *world)
{
    (void)fake;
    (void)world->ops->advance(world, 1000000, 100);
}

/* Naps of a program that begins come before the first step: these are later ones. */
static void has_begun(struct model *model)
{
    model->io->asked = true;
}

/* ---- Time --------------------------------------------------------------------------------------
 */

FAKE_MAIN(sleep_ends_within_the_goal_main)
{
    has_begun(model);
    fake_then(fake, advance_1s);
    fake_then(fake, advance_1s);
    int64_t start = model_sys_clock_us(model, CLOCK_MONOTONIC);
    assert_int_equal(0, model_sys_sleep(model, 1500000, NULL));
    assert_int_equal(start + 1500000, model_sys_clock_us(model, CLOCK_MONOTONIC));
    assert_int_equal(2, fake->step_next);
    assert_int_equal(2, fake_count(fake, TRACE_TIME, -1));
    return 0;
}
RUNS(sleep_ends_within_the_goal)

static void advance_5_wakeups(struct fake *fake, struct world *world)
{
    (void)fake;
    (void)world->ops->advance(world, 100000000, 5);
}

static int ticking_main(struct fake *fake, struct model *model)
{
    has_begun(model);
    fake_then(fake, advance_5_wakeups);
    while (model_sys_sleep(model, 1000000, NULL) == 0) {
        fake->values[0]++;
    }
    return 0;
}

static void advance_stops_after_its_wakeups(void **state)
{
    struct fake *fake = *state;
    fake->dispositions[SIGTERM] = 2;
    struct trace_event end = fake_play(fake, ticking_main);
    assert_int_equal(TRACE_EXIT_STOPPED_BY_HANDLER, end.what);
    assert_int_equal(5, fake->values[0]);
    assert_int_equal(5000000, fake->world->ops->now_us(fake->world));
}

FAKE_MAIN(clock_jump_moves_only_the_wall_clock_main)
{
    int64_t wall = model_sys_clock_us(model, CLOCK_REALTIME);
    int64_t monotonic = model_sys_clock_us(model, CLOCK_MONOTONIC);
    (void)fake->world->ops->clock_jump(fake->world, -5000000);
    assert_int_equal(wall - 5000000, model_sys_clock_us(model, CLOCK_REALTIME));
    assert_int_equal(monotonic, model_sys_clock_us(model, CLOCK_MONOTONIC));
    return 0;
}
RUNS(clock_jump_moves_only_the_wall_clock)

enum { HEAP_TIMERS = 500 };

struct heap_test {
    struct model_timer timers[HEAP_TIMERS];
    int fired;
    int64_t last_at;
    uint64_t last_order;
};
static struct heap_test heap_test;

static void heap_fire(struct model *model, struct model_timer *timer)
{
    assert_int_equal(model->now_us, timer->at_us);
    assert_true(timer->at_us > heap_test.last_at ||
                (timer->at_us == heap_test.last_at && timer->order > heap_test.last_order));
    heap_test.last_at = timer->at_us;
    heap_test.last_order = timer->order;
    heap_test.fired++;
}

static void timers_fire_in_order_of_time_and_setting(void **state)
{
    struct fake *fake = *state;
    struct random random = {.state = 7};
    int cancelled = 0;
    heap_test = (struct heap_test){.last_at = -1};
    for (int i = 0; i < HEAP_TIMERS; i++) {
        heap_test.timers[i].fire = heap_fire;
        model_timer_set(fake->model, &heap_test.timers[i], random_below(&random, 100));
    }
    for (int i = 0; i < HEAP_TIMERS; i += 3) {
        if (i % 2 == 0) {
            model_timer_cancel(fake->model, &heap_test.timers[i]);
            cancelled++;
        } else {
            model_timer_set(fake->model, &heap_test.timers[i], random_below(&random, 100));
        }
    }
    model_timer_run(fake->model, 200);
    assert_int_equal(HEAP_TIMERS - cancelled, heap_test.fired);
    assert_int_equal(INT64_MAX, model_timer_next(fake->model));
    assert_int_equal(200, fake->model->now_us);
}

/* ---- Signals -----------------------------------------------------------------------------------
 */

FAKE_MAIN(signal_handled_interrupts_a_sleep_main)
{
    int64_t left = 0;
    has_begun(model);
    fake->dispositions[SIGUSR1] = 2 | 0x100;
    fake_then(fake, send_usr1);
    assert_int_equal(-EINTR, model_sys_sleep(model, 3000000, &left));
    assert_int_equal(3000000, left);
    assert_int_equal(1, fake->handled[SIGUSR1]);
    return 0;
}
RUNS(signal_handled_interrupts_a_sleep)

static void write_pipe(struct fake *fake, int number)
{
    (void)number;
    assert_int_equal(1, fake_write(fake->model, (int)fake->values[0], "x", 1));
}

FAKE_MAIN(signal_with_sa_restart_resumes_a_read_main)
{
    int fds[2];
    char data;
    assert_int_equal(0, model_sys_pipe(model, fds, 0));
    fake->values[0] = fds[1];
    fake->dispositions[SIGUSR1] = 2 | 0x100;
    fake->handlers[SIGUSR1] = write_pipe;
    fake_then(fake, send_usr1);
    assert_int_equal(1, fake_read(model, fds[0], &data, 1));
    assert_int_equal('x', data);
    return 0;
}
RUNS(signal_with_sa_restart_resumes_a_read)

FAKE_MAIN(signal_without_sa_restart_ends_a_read_main)
{
    int fds[2];
    char data;
    assert_int_equal(0, model_sys_pipe(model, fds, 0));
    fake->dispositions[SIGUSR1] = 2;
    fake_then(fake, send_usr1);
    assert_int_equal(-EINTR, fake_read(model, fds[0], &data, 1));
    return 0;
}
RUNS(signal_without_sa_restart_ends_a_read)

FAKE_MAIN(ppoll_mask_lets_a_blocked_signal_in_main)
{
    sigset_t empty;
    sigemptyset(&empty);
    fake->dispositions[SIGUSR1] = 2 | 0x200;
    assert_int_equal(0, model_sys_raise(model, SIGUSR1));
    assert_int_equal(0, fake->handled[SIGUSR1]);
    assert_int_equal(-EINTR, model_sys_poll(model, TRACE_CALL_PPOLL, NULL, 0, -1, &empty));
    assert_int_equal(1, fake->handled[SIGUSR1]);
    return 0;
}
RUNS(ppoll_mask_lets_a_blocked_signal_in)

FAKE_MAIN(sigmask_unblocking_delivers_what_is_pending_main)
{
    fake->dispositions[SIGUSR1] = 2 | 0x200;
    assert_int_equal(0, model_sys_raise(model, SIGUSR1));
    assert_int_equal(0, fake->handled[SIGUSR1]);
    fake->dispositions[SIGUSR1] = 2;
    model_sys_sigmask_changed(model);
    assert_int_equal(1, fake->handled[SIGUSR1]);
    return 0;
}
RUNS(sigmask_unblocking_delivers_what_is_pending)

FAKE_MAIN(alarm_repeats_main)
{
    fake->dispositions[SIGALRM] = 2;
    fake_then(fake, advance_1s);
    assert_int_equal(0, model_sys_alarm(model, 300000, 200000));
    assert_int_equal(-EINTR, model_sys_sleep(model, -1, NULL));
    assert_int_equal(-EINTR, model_sys_sleep(model, -1, NULL));
    assert_int_equal(500000, fake->world->ops->now_us(fake->world));
    assert_int_equal(200000, model_sys_alarm(model, 0, 0));
    assert_int_equal(2, fake->handled[SIGALRM]);
    return 0;
}
RUNS(alarm_repeats)

static void ignored_by_default(struct fake *fake, struct world *world)
{
    (void)fake;
    assert_int_equal(0, world->ops->signal(world, SIGCHLD, false));
}

static void kill_would_be_fatal(struct fake *fake, struct world *world)
{
    (void)fake;
    assert_int_equal(-EPERM, world->ops->signal(world, SIGUSR1, false));
    assert_int_equal(0, world->ops->signal(world, SIGUSR1, true));
}

static int forever_main(struct fake *fake, struct model *model)
{
    while (fake != NULL) {
        (void)model_sys_sleep(model, -1, NULL);
    }
    return 0;
}

static void signal_without_handler_kills_only_when_allowed(void **state)
{
    struct fake *fake = *state;
    assert_int_equal(-ESRCH, fake->world->ops->signal(fake->world, SIGUSR1, true));
    fake_then(fake, ignored_by_default);
    fake_then(fake, kill_would_be_fatal);
    struct trace_event end = fake_play(fake, forever_main);
    assert_int_equal(TRACE_EXIT_SIGNALLED, end.what);
    assert_int_equal(SIGUSR1, end.result);
    assert_int_equal(TRACE_SIGNAL_KILLED, fake_event(fake, TRACE_SIGNAL, SIGUSR1, 0)->a);
    assert_int_equal(TRACE_SIGNAL_IGNORED, fake_event(fake, TRACE_SIGNAL, SIGCHLD, 0)->a);
}

FAKE_MAIN(handler_that_jumps_leaves_its_sleep_main)
{
    has_begun(model);
    fake->dispositions[SIGUSR1] = 2;
    fake->handlers[SIGUSR1] = jump;
    for (volatile int i = 0; i < 20; i++) {
        fake_then(fake, send_usr1);
        if (sigsetjmp(jumped, 0) == 0) {
            (void)model_sys_sleep(model, 5000000, NULL);
            return 1;
        }
    }
    fake_then(fake, advance_1s);
    return model_sys_sleep(model, 1000, NULL);
}
RUNS(handler_that_jumps_leaves_its_sleep)

/* ---- The end of a run --------------------------------------------------------------------------
 */

static void stop_default_disposition_kills(void **state)
{
    struct trace_event end = fake_play(*state, forever_main);
    assert_int_equal(TRACE_EXIT_SIGNALLED, end.what);
    assert_int_equal(SIGTERM, end.result);
}

static int until_interrupted_main(struct fake *fake, struct model *model)
{
    (void)fake;
    assert_int_equal(-EINTR, model_sys_sleep(model, -1, NULL));
    return 5;
}

static void stop_handler_ends_the_program(void **state)
{
    struct fake *fake = *state;
    fake->dispositions[SIGTERM] = 2;
    struct trace_event end = fake_play(fake, until_interrupted_main);
    assert_int_equal(TRACE_EXIT_STOPPED_BY_HANDLER, end.what);
    assert_int_equal(5, end.result);
}

static int lingering_main(struct fake *fake, struct model *model)
{
    assert_int_equal(-EINTR, model_sys_sleep(model, -1, NULL));
    fake->values[0] = model_sys_sleep(model, 3000000, NULL);
    return 6;
}

static void stop_time_runs_on_to_the_programs_timers(void **state)
{
    struct fake *fake = *state;
    fake->dispositions[SIGTERM] = 2;
    struct trace_event end = fake_play(fake, lingering_main);
    assert_int_equal(TRACE_EXIT_STOPPED_BY_HANDLER, end.what);
    assert_int_equal(0, fake->values[0]);
    assert_int_equal(3000000, fake->world->ops->now_us(fake->world));
}

static int until_error_main(struct fake *fake, struct model *model)
{
    struct pollfd one = {.fd = model_sys_eventfd(model, 0, 0), .events = POLLIN};
    uint64_t value;
    (void)fake;
    while (model_sys_poll(model, TRACE_CALL_POLL, &one, 1, -1, NULL) != -EBADF) {
    }
    assert_int_equal(-EBADF, fake_read(model, one.fd, &value, sizeof value));
    assert_int_equal(-EMFILE, model_sys_eventfd(model, 0, 0));
    assert_int_equal(0, model_sys_close(model, one.fd));
    return 7;
}

static void stop_ignored_signal_turns_calls_into_errors(void **state)
{
    struct fake *fake = *state;
    fake->dispositions[SIGTERM] = 1;
    struct trace_event end = fake_play(fake, until_error_main);
    assert_int_equal(TRACE_EXIT_JUMPED, end.what);
    assert_int_equal(7, end.result);
    assert_true((fake_event(fake, TRACE_CALL, TRACE_CALL_READ, 0)->flags & TRACE_FAULTED) != 0);
}

static int aborts_at_error_main(struct fake *fake, struct model *model)
{
    (void)until_error_main(fake, model);
    fake->runner.leave(fake, (struct model_exit){.how = TRACE_EXIT_ABORTED, .status = SIGABRT});
    return 0;
}

static void stop_program_that_aborts_at_errors_did_not_stop(void **state)
{
    struct fake *fake = *state;
    fake->dispositions[SIGTERM] = 1;
    assert_int_equal(TRACE_EXIT_JUMPED, fake_play(fake, aborts_at_error_main).what);
}

static void stop_program_that_goes_on_is_left(void **state)
{
    struct fake *fake = *state;
    fake->dispositions[SIGTERM] = 2;
    assert_int_equal(TRACE_EXIT_JUMPED, fake_play(fake, forever_main).what);
    assert_null(fake_event(fake, TRACE_SPIN, -1, 0));
    assert_int_equal(1, fake->handled[SIGTERM]);
}

/* ---- Beginning ----------------------------------------------------------------------------------
 */

static void note_time(struct fake *fake, struct world *world)
{
    fake->values[0] = world->ops->now_us(world);
}

static int naps_first_main(struct fake *fake, struct model *model)
{
    fake_then(fake, note_time);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(0, model_sys_sleep(model, fake->values[1], NULL));
    }
    return -ETIMEDOUT == model_sys_poll(model, TRACE_CALL_POLL, NULL, 0, -1, NULL);
}

static void begin_naps_come_before_the_first_step(void **state)
{
    struct fake *fake = *state;
    fake->values[1] = 2000000;
    (void)fake_play(fake, naps_first_main);
    assert_int_equal(6000000, fake->values[0]);
}

static void begin_naps_without_end_keep_no_step_waiting(void **state)
{
    struct fake *fake = *state;
    fake->values[1] = 4000000;
    (void)fake_play(fake, naps_first_main);
    assert_int_equal(8000000, fake->values[0]);
}

/* ---- Spinning ----------------------------------------------------------------------------------
 */

static int spinning_main(struct fake *fake, struct model *model)
{
    struct pollfd one = {.fd = model_sys_eventfd(model, 1, 0), .events = POLLIN};
    while (fake != NULL) {
        (void)model_sys_poll(model, TRACE_CALL_POLL, &one, 1, -1, NULL);
    }
    return 0;
}

static void spin_unchanged_world_ends_the_run(void **state)
{
    struct fake *fake = *state;
    fake->target.calls_max = 50;
    struct trace_event end = fake_play(fake, spinning_main);
    const struct trace_event *spin = fake_event(fake, TRACE_SPIN, -1, 0);
    assert_int_equal(TRACE_EXIT_JUMPED, end.what);
    assert_int_equal(TRACE_CALL_POLL, spin->what);
    assert_int_equal(3, spin->fd);
    assert_int_equal(50 + 4 * 4 + 1, spin->a);
}

static int spinning_read_main(struct fake *fake, struct model *model)
{
    int fds[2];
    char data;
    (void)model_sys_pipe(model, fds, 0);
    (void)model_sys_close(model, fds[1]);
    struct pollfd one = {.fd = fds[0], .events = POLLIN};
    while (fake != NULL) {
        (void)model_sys_poll(model, TRACE_CALL_POLL, &one, 1, -1, NULL);
        (void)fake_read(model, fds[0], &data, 1);
    }
    return 0;
}

static void spin_names_the_call_that_made_no_progress(void **state)
{
    struct fake *fake = *state;
    (void)fake_play(fake, spinning_read_main);
    const struct trace_event *spin = fake_event(fake, TRACE_SPIN, -1, 0);
    assert_int_equal(TRACE_CALL_READ, spin->what);
    assert_int_equal(1000 + 4 * 4 + 1, spin->a);
}

/* A loop that takes a limit for due only after its instant, as libev does. */
static int after_limit_main(struct fake *fake, struct model *model)
{
    int64_t end_us = model_sys_clock_us(model, CLOCK_MONOTONIC) + 500000;
    fake_then(fake, advance_1s);
    for (int64_t left_us = 500000; left_us >= 0; fake->values[0]++) {
        (void)model_sys_poll(model, TRACE_CALL_POLL, NULL, 0, left_us, NULL);
        left_us = end_us - model_sys_clock_us(model, CLOCK_MONOTONIC);
    }
    return 0;
}

static void spin_limit_that_is_due_after_its_instant_is_none(void **state)
{
    struct fake *fake = *state;
    struct trace_event end = fake_play(fake, after_limit_main);
    assert_int_equal(TRACE_EXIT_RETURNED, end.what);
    assert_int_equal(3, fake->values[0]); /* to the instant, at it, and a microsecond later */
    assert_null(fake_event(fake, TRACE_SPIN, -1, 0));
}

/* Looks around until the clock has gone on by 10 ms. */
static int waits_by_looking_main(struct fake *fake, struct model *model)
{
    int64_t end_us = model_sys_clock_us(model, CLOCK_MONOTONIC) + 10 * 1000;
    while (fake != NULL && model_sys_clock_us(model, CLOCK_MONOTONIC) < end_us) {
        (void)model_sys_poll(model, TRACE_CALL_POLL, NULL, 0, 0, NULL);
    }
    return 0;
}

static void spin_while_the_clock_is_looked_at_is_one(void **state)
{
    struct fake *fake = *state;
    (void)fake_play(fake, waits_by_looking_main);
    const struct trace_event *spin = fake_event(fake, TRACE_SPIN, -1, 0);
    assert_non_null(spin);
    assert_int_equal(1023, spin->time_us); /* 1 + 2 + 4 + … + 512 */
}

static int busy_main(struct fake *fake, struct model *model)
{
    int fds[2];
    char data;
    (void)fake;
    (void)model_sys_pipe(model, fds, O_NONBLOCK);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(1, fake_write(model, fds[1], "x", 1));
        assert_int_equal(1, fake_read(model, fds[0], &data, 1));
        assert_int_equal(-EAGAIN, fake_read(model, fds[0], &data, 1));
    }
    return 0;
}

static void spin_program_with_progress_is_none(void **state)
{
    struct fake *fake = *state;
    assert_int_equal(0, fake_play(fake, busy_main).result);
    assert_null(fake_event(fake, TRACE_SPIN, -1, 0));
}

static int logging_main(struct fake *fake, struct model *model)
{
    while (fake != NULL) {
        (void)fake_write(model, 2, "again\n", 6);
    }
    return 0;
}

static void spin_output_is_no_progress(void **state)
{
    struct fake *fake = *state;
    (void)fake_play(fake, logging_main);
    assert_non_null(fake_event(fake, TRACE_SPIN, -1, 0));
}

static int opening_main(struct fake *fake, struct model *model)
{
    while (fake != NULL) {
        (void)model_sys_close(model, model_sys_eventfd(model, 0, 0));
    }
    return 0;
}

static void trace_full_ends_the_run(void **state)
{
    struct fake *fake = *state;
    struct status_detail detail = {{0}};
    fake->main = opening_main;
    assert_ok(fake->world->ops->run(fake->world, &fake->target, &fake->hooks, &detail), &detail);
    assert_int_equal(TRACE_OVERFLOW, fake->trace.events[fake->trace.count - 1].kind);
}

/* ---- Two programs ------------------------------------------------------------------------------
 */

static void peer_handler(struct fake *fake, struct world *world)
{
    (void)world;
    fake->values[1]++;
}

static int pair_target_main(struct fake *fake, struct model *model)
{
    has_begun(model);
    for (int i = 0; i < 10; i++) {
        fake->values[0]++;
        assert_int_equal(0, model_sys_sleep(model, 1000, NULL));
    }
    return 3;
}

static int pair_peer_main(struct fake *fake, struct model *model)
{
    for (int i = 0; i < 4; i++) {
        fake->values[2]++;
        assert_int_equal(0, model_sys_sleep(model, 1500, NULL));
    }
    return 4;
}

static void pair_both_programs_run_to_their_ends(void **state)
{
    struct fake *fake = *state;
    fake->target.role = TRACE_ROLE_PAIR;
    fake->peer_main = pair_peer_main;
    fake_then(fake, peer_handler);
    fake_then(fake, advance_1s);
    assert_int_equal(3, fake_play(fake, pair_target_main).result);
    assert_int_equal(10, fake->values[0]);
    assert_int_equal(4, fake->values[2]);
    assert_int_equal(1, fake->values[1]);
    assert_int_equal(2, fake_count(fake, TRACE_EXIT, -1));
    assert_int_equal(10000, fake->world->ops->now_us(fake->world));
}

static void pair_same_seed_gives_the_same_trace(void **state)
{
    struct fake *fake = *state;
    static struct trace_event first[1000];
    uint32_t count = 0;
    fake->target.role = TRACE_ROLE_PAIR;
    fake->peer_main = pair_peer_main;
    for (int round = 0; round < 2; round++) {
        fake->step_next = 0;
        fake->step_count = 0;
        fake_then(fake, advance_1s);
        trace_clear(&fake->trace);
        fake->world->ops->reset(fake->world, &fake->trace, 42);
        (void)fake_play(fake, pair_target_main);
        if (round == 0) {
            count = fake->trace.count;
            memcpy(first, fake->trace.events, count * sizeof first[0]);
        }
    }
    assert_int_equal(count, fake->trace.count);
    assert_memory_equal(first, fake->trace.events, count * sizeof first[0]);
}

static int stopped_peer_main(struct fake *fake, struct model *model)
{
    fake->values[3] = model_sys_sleep(model, -1, NULL);
    return 1;
}

static void pair_stop_ends_both(void **state)
{
    struct fake *fake = *state;
    fake->target.role = TRACE_ROLE_PAIR;
    fake->peer_main = stopped_peer_main;
    assert_int_equal(TRACE_EXIT_SIGNALLED, fake_play(fake, forever_main).what);
    assert_int_equal(2, fake_count(fake, TRACE_EXIT, TRACE_EXIT_SIGNALLED));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(sleep_ends_within_the_goal),
        TEST(advance_stops_after_its_wakeups),
        TEST(clock_jump_moves_only_the_wall_clock),
        TEST(timers_fire_in_order_of_time_and_setting),
        TEST(signal_handled_interrupts_a_sleep),
        TEST(signal_with_sa_restart_resumes_a_read),
        TEST(signal_without_sa_restart_ends_a_read),
        TEST(ppoll_mask_lets_a_blocked_signal_in),
        TEST(sigmask_unblocking_delivers_what_is_pending),
        TEST(alarm_repeats),
        TEST(signal_without_handler_kills_only_when_allowed),
        TEST(handler_that_jumps_leaves_its_sleep),
        TEST(stop_default_disposition_kills),
        TEST(stop_handler_ends_the_program),
        TEST(stop_time_runs_on_to_the_programs_timers),
        TEST(stop_ignored_signal_turns_calls_into_errors),
        TEST(stop_program_that_aborts_at_errors_did_not_stop),
        TEST(stop_program_that_goes_on_is_left),
        TEST(begin_naps_come_before_the_first_step),
        TEST(begin_naps_without_end_keep_no_step_waiting),
        TEST(spin_unchanged_world_ends_the_run),
        TEST(spin_names_the_call_that_made_no_progress),
        TEST(spin_limit_that_is_due_after_its_instant_is_none),
        TEST(spin_while_the_clock_is_looked_at_is_one),
        TEST(spin_program_with_progress_is_none),
        TEST(spin_output_is_no_progress),
        TEST(trace_full_ends_the_run),
        TEST(pair_both_programs_run_to_their_ends),
        TEST(pair_same_seed_gives_the_same_trace),
        TEST(pair_stop_ends_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
