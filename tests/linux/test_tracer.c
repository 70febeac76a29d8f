/* The tracer of the live world on real processes: what it writes of their calls, when it takes them
 * for asleep, what they leave behind. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/tracer_fixture.h"

/* ---- Starting ---- */

static void start_unknown_program_is_not_found(void **state)
{
    struct play *play = *state;
    struct status_detail detail = {.text = ""};
    char *argv[] = {(char *)(uintptr_t) "no-such-program-anywhere", NULL};
    struct linux_tracer_start begin = {
        .argv = argv, .namespace_fd = -1, .input = -1, .output = -1, .stop_signal = SIGTERM};
    need_ptrace(play);
    assert_int_equal(linux_tracer_start(play->tracer, &begin, &play->trace, &detail),
                     STATUS_NOT_FOUND);
    assert_non_null(strstr(detail.text, "No such file"));
    assert_int_equal(play->trace.count, 0);
}

static void start_traces_the_standard_descriptors(void **state)
{
    struct play *play = *state;
    start(play, "status");
    assert_int_equal(play->trace.count, 3);
    for (unsigned fd = 0; fd < 3; fd++) {
        const struct trace_event *event = need(play, TRACE_FD_OPEN, TRACE_FILE_CONSOLE, fd);
        assert_int_equal(event->fd, fd);
        assert_int_equal(event->flags, TRACE_INHERITED);
    }
}

/* ---- Calls ---- */

static void calls_of_pipes_are_traced(void **state)
{
    struct play *play = *state;
    play_to_end(play, "pipe", 0);
    assert_int_equal(call_of(play, TRACE_CALL_PIPE, 0)->a, O_CLOEXEC);
    const struct trace_event *reads = call_of(play, TRACE_CALL_READ, 0);
    assert_int_equal(reads->fd, 3);
    assert_int_equal(reads->result, 5);
    assert_int_equal(reads->a, 16);
    assert_int_equal(count_of(play, TRACE_FD_CLOSE, TRACE_FILE_PIPE), 2);
}

static void write_to_stdout_is_output_and_no_call(void **state)
{
    struct play *play = *state;
    play_to_end(play, "pipe", 0);
    assert_int_equal(need(play, TRACE_OUTPUT, 0, 0)->a, 4);
    assert_int_equal(count_of(play, TRACE_CALL, TRACE_CALL_WRITE), 1);
}

static void close_of_what_is_not_open_is_traced(void **state)
{
    struct play *play = *state;
    play_to_end(play, "pipe", 0);
    const struct trace_event *event = call_of(play, TRACE_CALL_CLOSE, 2);
    assert_int_equal(event->fd, 200);
    assert_int_equal(event->result, -1);
    assert_int_equal(event->err, EBADF);
}

static void expect_socket_calls(const struct play *play)
{
    const struct trace_event *accepted = call_of(play, TRACE_CALL_ACCEPT4, 0);
    assert_int_equal(call_of(play, TRACE_CALL_LISTEN, 0)->a, 7);
    assert_int_equal(call_of(play, TRACE_CALL_BIND, 0)->b, AF_INET);
    assert_int_equal(call_of(play, TRACE_CALL_CONNECT, 0)->a,
                     call_of(play, TRACE_CALL_GETSOCKNAME, 0)->a);
    assert_int_equal(accepted->fd, 3);
    assert_int_equal(accepted->result, 5);
    assert_int_equal(accepted->a, SOCK_NONBLOCK);
    assert_int_equal(accepted->conn, 1);
    assert_int_equal(call_of(play, TRACE_CALL_RECV, 0)->err, EAGAIN);
    assert_int_equal(call_of(play, TRACE_CALL_RECV, 0)->flags, TRACE_NONBLOCK);
    assert_int_equal(call_of(play, TRACE_CALL_RECV, 1)->result, 5);
    assert_int_equal(call_of(play, TRACE_CALL_RECV, 1)->conn, 1);
    assert_int_equal(call_of(play, TRACE_CALL_SEND, 0)->b, MSG_NOSIGNAL);
    assert_int_equal(call_of(play, TRACE_CALL_SHUTDOWN, 0)->a, SHUT_WR);
    assert_int_equal(call_of(play, TRACE_CALL_CLOSE, 1)->a, 1);
    assert_int_equal(count_of(play, TRACE_FD_CLOSE, TRACE_FILE_LISTENER), 1);
}

static void calls_of_sockets_are_traced(void **state)
{
    struct play *play = *state;
    play_to_end(play, "socket", 0);
    expect_socket_calls(play);
}

static void calls_of_a_static_program_are_traced(void **state)
{
    struct play *play = *state;
    start_with(play, ACTOR_STATIC, "socket", 0, 0);
    assert_int_equal(go(play), ENDED);
    expect_exit(play, TRACE_EXIT_RETURNED, 0);
    expect_socket_calls(play);
}

static void epoll_reports_name_the_descriptor(void **state)
{
    struct play *play = *state;
    play_to_end(play, "epoll", 0);
    const struct trace_event *event = need(play, TRACE_READY, 0, 0);
    assert_int_equal(event->fd, 4);
    assert_int_equal(event->a, POLLIN);
    assert_int_equal(event->b, POLLIN);
    assert_int_equal(event->flags, TRACE_EDGE);
}

static void select_reports_name_the_descriptor(void **state)
{
    struct play *play = *state;
    play_to_end(play, "select", 0);
    assert_int_equal(call_of(play, TRACE_CALL_SELECT, 0)->b, 5000000);
    assert_int_equal(need(play, TRACE_READY, 0, 0)->fd, 3);
}

static void armed_family_is_told_at_entry(void **state)
{
    struct play *play = *state;
    start(play, "socket");
    linux_tracer_arm(play->tracer, 1U << SCENARIO_CALL_LISTEN);
    assert_int_equal(go(play), ENDED);
    assert_int_equal(play->entered, 1U << SCENARIO_CALL_LISTEN);
}

static void calls_are_not_seen_where_sockets_are_read_asynchronously(void **state)
{
    struct play *play = *state;
    play->trace.header.observers = TRACE_SEES_CALLS | TRACE_SEES_EXIT;
    play_to_end(play, "aio-file", 0);
    assert_int_equal(linux_tracer_asked(play->tracer), 0);
    assert_int_equal(play->trace.header.observers, TRACE_SEES_CALLS | TRACE_SEES_EXIT);
    play->trace.count = 0;
    play_to_end(play, "aio", 0);
    assert_int_equal(linux_tracer_asked(play->tracer), LINUX_ASKED_AIO);
    assert_int_equal(play->trace.header.observers, TRACE_SEES_EXIT);
}

/* ---- Threads, children, programs ---- */

static void threads_are_followed(void **state)
{
    struct play *play = *state;
    play_to_end(play, "threads", 0);
    assert_int_equal(count_of(play, TRACE_CALL, TRACE_CALL_WRITE), 4);
    assert_int_equal(count_of(play, TRACE_CALL, TRACE_CALL_THREAD), 4);
}

/* Once the one that computes has come to its first call, each waits for the other's turn. */
static void threads_take_turns_whatever_they_do_between_calls(void **state)
{
    enum { COMPUTER = 200, TALKER = 100, TURNS = 16 };
    struct play *play = *state;
    int last = -1;
    unsigned turns = 0;
    play_to_end(play, "turns", 0);
    for (uint32_t i = 0; i < play->trace.count; i++) {
        const struct trace_event *event = &play->trace.events[i];
        bool called = event->kind == TRACE_CALL && event->what == TRACE_CALL_CLOSE;
        if (called && (event->fd == COMPUTER || event->fd == TALKER)) {
            turns += last != -1 && event->fd != last;
            last = event->fd;
        }
    }
    assert_in_range(turns, 2 * TURNS - 4, 2 * TURNS - 1);
}

static void thread_that_looks_without_a_call_holds_nobody_up(void **state)
{
    struct play *play = *state;
    play_to_end(play, "looks", 0);
    assert_int_equal(count_of(play, TRACE_CALL, TRACE_CALL_CLOSE), 16);
}

/* The ends of two calls are seen in any order: a number is closed once for each time that it was
 * opened, and not while it is another's. */
static void number_that_another_thread_has_at_once_is_its_own(void **state)
{
    enum { EACH = 400, THREADS = 2, PIPE = 2 };
    struct play *play = *state;
    play_to_end(play, "reuse", 0);
    assert_int_equal(count_of(play, TRACE_CALL, TRACE_CALL_CLOSE), THREADS * EACH);
    assert_int_equal(count_of(play, TRACE_FD_CLOSE, TRACE_FILE_PIPE), THREADS * EACH);
    assert_int_equal(count_of(play, TRACE_FD_OPEN, TRACE_FILE_PIPE), THREADS * EACH + PIPE);
}

static void children_are_followed(void **state)
{
    struct play *play = *state;
    play_to_end(play, "fork", 5);
    const struct trace_event *event = call_of(play, TRACE_CALL_WRITE, 0);
    assert_int_equal(event->fd, LINUX_PROCESS_STRIDE + 4);
    assert_int_equal(event->result, 1);
}

static void only_children_of_the_living_are_unreaped(void **state)
{
    struct play *play = *state;
    start(play, "unreaped");
    assert_int_equal(go(play), ASLEEP);
    linux_tracer_unreaped(play->tracer);
    assert_int_equal(need(play, TRACE_PROCESS, TRACE_PROCESS_UNREAPED, 0)->a, 3);
    assert_null(find(play, TRACE_PROCESS, TRACE_PROCESS_UNREAPED, 1));
}

static void descriptors_of_a_child_close_with_it(void **state)
{
    struct play *play = *state;
    play_to_end(play, "fork", 5);
    const struct trace_event *event = need(play, TRACE_FD_CLOSE, TRACE_FILE_PIPE, 1);
    assert_int_equal(event->fd, LINUX_PROCESS_STRIDE + 4);
    assert_int_equal(event->a, 0); /* the parent has it still */
}

static void exec_closes_what_is_marked(void **state)
{
    struct play *play = *state;
    play_to_end(play, "exec", 7);
    (void)call_of(play, TRACE_CALL_EXEC, 0);
    assert_int_equal(need(play, TRACE_FD_CLOSE, TRACE_FILE_SOCKET, 0)->fd, 4);
    assert_int_equal(count_of(play, TRACE_FD_CLOSE, TRACE_FILE_SOCKET), 1);
}

static void end_kills_the_children_that_are_left(void **state)
{
    struct play *play = *state;
    play_to_end(play, "orphan", 0);
    linux_tracer_end(play->tracer, TRACE_EXIT_JUMPED);
    assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void daemon_takes_the_place_of_its_maker(void **state)
{
    struct play *play = *state;
    start_as(play, ACTOR, "daemon", (struct linux_tracer_start){.server = true});
    assert_int_equal(go(play), ASLEEP);
    assert_int_equal(count_of(play, TRACE_EXIT, TRACE_EXIT_RETURNED), 0);
    linux_tracer_in_service(play->tracer);
    linux_tracer_stopping(play->tracer);
    assert_int_equal(linux_tracer_signal(play->tracer, SIGTERM, false), 0);
    assert_int_equal(go(play), ENDED);
    expect_exit(play, TRACE_EXIT_STOPPED_BY_HANDLER, 3);
}

static void first_process_that_leaves_in_service_has_ended(void **state)
{
    struct play *play = *state;
    start_as(play, ACTOR, "orphan", (struct linux_tracer_start){.server = true});
    linux_tracer_in_service(play->tracer);
    assert_int_equal(go(play), ENDED);
    expect_exit(play, TRACE_EXIT_RETURNED, 0);
}

/* ---- Sleep ---- */

static void asleep_when_blocked_traces_block_once(void **state)
{
    struct play *play = *state;
    start(play, "sleep");
    assert_int_equal(go(play), ASLEEP);
    assert_true(linux_tracer_asleep(play->tracer));
    assert_int_equal(count_of(play, TRACE_BLOCK, TRACE_CALL_PAUSE), 1);
    assert_true(linux_tracer_sleeps_for_ever(play->tracer));
}

static void asleep_while_calls_go_on_is_false(void **state)
{
    struct play *play = *state;
    start(play, "calls");
    assert_int_equal(go(play), ENDED);
    expect_exit(play, TRACE_EXIT_RETURNED, 0);
}

static void sleep_with_a_timeout_is_not_for_ever(void **state)
{
    struct play *play = *state;
    start(play, "timeout");
    assert_int_equal(go(play), ASLEEP);
    assert_int_equal(need(play, TRACE_BLOCK, TRACE_CALL_POLL, 0)->a, INT64_C(1000000000));
    assert_int_equal(linux_tracer_sleeps_us(play->tracer), INT64_C(1000000000));
}

static void sleep_with_a_timerfd_is_not_for_ever(void **state)
{
    struct play *play = *state;
    start(play, "timer");
    assert_int_equal(go(play), ASLEEP);
    assert_int_equal(linux_tracer_sleeps_us(play->tracer), 0);
}

static void sleep_with_an_alarm_is_not_for_ever(void **state)
{
    struct play *play = *state;
    start(play, "alarm");
    assert_int_equal(go(play), ASLEEP);
    assert_int_equal(linux_tracer_sleeps_us(play->tracer), 0);
}

static void asleep_is_only_what_has_had_its_naps(void **state)
{
    struct play *play = *state;
    start(play, "nap");
    assert_int_equal(go(play), ASLEEP);
    assert_int_equal(count_of(play, TRACE_CALL, TRACE_CALL_WRITE), 1);
}

static void naps_without_an_end_are_sleep(void **state)
{
    struct play *play = *state;
    start(play, "naps");
    assert_int_equal(go(play), ASLEEP);
}

static void signal_is_heeded_only_behind_longer_naps(void **state)
{
    struct play *play = *state;
    start(play, "leaves");
    assert_int_equal(go(play), ASLEEP);
    assert_int_equal(linux_tracer_signal(play->tracer, SIGUSR2, false), 0);
    assert_int_equal(go(play), ENDED);
    assert_int_equal(count_of(play, TRACE_CALL, TRACE_CALL_SLEEP), 6);
}

/* ---- Memory ---- */

static void memory_grows_by_what_is_in_use(void **state)
{
    struct play *play = *state;
    start(play, "grow");
    assert_int_equal(go(play), ASLEEP);
    int64_t before = linux_tracer_memory(play->tracer);
    int64_t resident = linux_tracer_resident(play->tracer);
    assert_true(before > 0 && resident > 0);
    assert_int_equal(linux_tracer_memory(play->tracer), before);
    assert_int_equal(linux_tracer_signal(play->tracer, SIGUSR2, false), 0);
    assert_int_equal(go(play), ASLEEP);
    int64_t grown = linux_tracer_memory(play->tracer) - before;
    assert_in_range(grown, 1 << 20, (1 << 20) + (64 << 10));
    assert_in_range(linux_tracer_resident(play->tracer) - resident, 1 << 20,
                    (1 << 20) + (64 << 10));
}

static void memory_of_a_program_that_makes_code_tells_nothing(void **state)
{
    struct play *play = *state;
    start(play, "code");
    assert_int_equal(go(play), ASLEEP);
    assert_int_equal(linux_tracer_memory(play->tracer), -1);
}

/* ---- Spins ---- */

static void spin_of_many_calls_is_told(void **state)
{
    struct play *play = *state;
    start_with(play, ACTOR, "searches", 500, 0);
    assert_int_equal(go(play), SPINS);
    assert_true(need(play, TRACE_SPIN, TRACE_CALL_CLOSE, 0)->a > 500);
}

static void spin_whose_answers_are_known_is_told_soon(void **state)
{
    struct play *play = *state;
    start(play, "spin");
    assert_int_equal(go(play), SPINS);
    const struct trace_event *event = need(play, TRACE_SPIN, TRACE_CALL_POLL, 0);
    assert_int_equal(event->fd, 3);
    assert_in_range(event->a, 250, 350);
}

static void search_is_no_spin(void **state)
{
    struct play *play = *state;
    start(play, "searches");
    assert_int_equal(go(play), ENDED);
    expect_exit(play, TRACE_EXIT_RETURNED, 0);
}

static void spin_without_calls_is_told(void **state)
{
    struct play *play = *state;
    start_with(play, ACTOR, "busy", 0, 50000);
    assert_int_equal(go(play), SPINS);
    assert_true(linux_tracer_cpu_us(play->tracer) > 50000);
    linux_tracer_end(play->tracer, TRACE_EXIT_HUNG);
    expect_exit(play, TRACE_EXIT_HUNG, 0);
}

/* ---- Without ptrace ---- */

/* From here on this process may not trace. */
static bool ptrace_is_refused(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ptrace), 0) == 0 &&
           seccomp_load(filter) == 0;
}

/* In a process that may not trace: what the tracer says there, as a status. */
static int act_without_ptrace(void)
{
    struct linux_tracer_hooks hooks = {.context = NULL};
    struct linux_tracer *tracer = NULL;
    struct status_detail detail = {.text = ""};
    struct trace trace;
    const char *reason = "";
    char *argv[] = {(char *)(uintptr_t)ACTOR, (char *)(uintptr_t) "stop", NULL};
    struct linux_tracer_start begin = {
        .argv = argv, .namespace_fd = -1, .input = -1, .output = -1, .stop_signal = SIGTERM};
    if (!ptrace_is_refused() || trace_init(&trace, EVENTS) != STATUS_OK ||
        linux_tracer_new(&hooks, &tracer, &detail) != STATUS_OK) {
        return 10;
    }
    if (linux_tracer_observers(tracer, &reason) != (TRACE_SEES_EXIT | TRACE_SEES_CPU) ||
        strstr(reason, "ptrace") == NULL) {
        return 11;
    }
    if (linux_tracer_start(tracer, &begin, &trace, &detail) != STATUS_OK) {
        return 12;
    }
    /* It may be seen asleep before its handler is there. */
    while (
        linux_tracer_turn(tracer) == LINUX_TURN_NOTHING &&
        (!linux_tracer_asleep(tracer) || linux_tracer_signal(tracer, SIGTERM, false) == -EPERM)) {
        (void)sched_yield();
    }
    linux_tracer_stopping(tracer);
    while (linux_tracer_turn(tracer) != LINUX_TURN_ENDED) {
        (void)sched_yield();
    }
    const struct trace_event *last = &trace.events[trace.count - 1];
    linux_tracer_free(tracer);
    return last->kind == TRACE_EXIT && last->what == TRACE_EXIT_STOPPED_BY_HANDLER ? 0 : 13;
}

static void target_runs_where_ptrace_is_refused(void **state)
{
    int status = 0;
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(act_without_ptrace());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* ---- Nothing is left behind ---- */

/* The first child of a process, once it has one. */
static pid_t child_of(pid_t pid)
{
    char path[64];
    pid_t child = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    while (child == 0) {
        FILE *children = fopen(path, "re");
        if (children != NULL) {
            (void)fscanf(children, "%d", &child);
            (void)fclose(children);
        }
        (void)sched_yield();
    }
    return child;
}

static __attribute__((noreturn)) void tell_and_wait(int channel, pid_t pid)
{
    (void)!write(channel, &pid, sizeof pid);
    for (;;) {
        (void)pause();
    }
}

/* Kills a tracer that has told of a process, which must end by that. */
static void expect_the_end_with(pid_t tracer, int channel)
{
    pid_t target = 0;
    assert_int_equal(read(channel, &target, sizeof target), sizeof target);
    struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, target, 0), .events = POLLIN};
    assert_true(end.fd >= 0);
    assert_int_equal(kill(tracer, SIGKILL), 0);
    assert_int_equal(waitpid(tracer, NULL, 0), tracer);
    int ended = poll(&end, 1, 20000);
    (void)kill(target, SIGKILL); /* one that outlived its tracer does not outlive the test */
    pid_t gone;
    do { /* All are inherited by us, this one when its parent has ended, too. */
        gone = waitpid(-1, NULL, 0);
    } while (gone > 0 && gone != target);
    assert_int_equal(gone, target);
    assert_int_equal(ended, 1);
    (void)close(end.fd);
}

static void tracer_that_is_killed_leaves_no_process(void **state)
{
    struct play *play = *state;
    int ends[2];
    need_ptrace(play);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        start(play, "sleep");
        tell_and_wait(ends[1], go(play) == ASLEEP ? child_of(getpid()) : 0);
    }
    expect_the_end_with(pid, ends[0]);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void killed_where_ptrace_is_refused_it_leaves_no_child_of_the_target(void **state)
{
    struct status_detail detail = {.text = ""};
    struct linux_tracer_hooks hooks = {.context = NULL};
    struct linux_tracer *tracer = NULL;
    struct trace trace;
    char *argv[] = {(char *)(uintptr_t)ACTOR, (char *)(uintptr_t) "family", NULL};
    struct linux_tracer_start begin = {
        .argv = argv, .namespace_fd = -1, .input = -1, .output = -1, .stop_signal = SIGTERM};
    int ends[2];
    (void)state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        bool runs = ptrace_is_refused() && trace_init(&trace, EVENTS) == STATUS_OK &&
                    linux_tracer_new(&hooks, &tracer, &detail) == STATUS_OK &&
                    linux_tracer_start(tracer, &begin, &trace, &detail) == STATUS_OK;
        tell_and_wait(ends[1], runs ? child_of(child_of(getpid())) : 0);
    }
    expect_the_end_with(pid, ends[0]);
    while (waitpid(-1, NULL, 0) > 0) { /* the guard, and the target */
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(start_unknown_program_is_not_found),
        TEST(start_traces_the_standard_descriptors),
        TEST(calls_of_pipes_are_traced),
        TEST(write_to_stdout_is_output_and_no_call),
        TEST(close_of_what_is_not_open_is_traced),
        TEST(calls_of_sockets_are_traced),
        TEST(calls_of_a_static_program_are_traced),
        TEST(epoll_reports_name_the_descriptor),
        TEST(select_reports_name_the_descriptor),
        TEST(armed_family_is_told_at_entry),
        TEST(calls_are_not_seen_where_sockets_are_read_asynchronously),
        TEST(threads_are_followed),
        TEST(threads_take_turns_whatever_they_do_between_calls),
        TEST(thread_that_looks_without_a_call_holds_nobody_up),
        TEST(number_that_another_thread_has_at_once_is_its_own),
        TEST(children_are_followed),
        TEST(only_children_of_the_living_are_unreaped),
        TEST(descriptors_of_a_child_close_with_it),
        TEST(exec_closes_what_is_marked),
        TEST(end_kills_the_children_that_are_left),
        TEST(daemon_takes_the_place_of_its_maker),
        TEST(first_process_that_leaves_in_service_has_ended),
        TEST(asleep_when_blocked_traces_block_once),
        TEST(asleep_while_calls_go_on_is_false),
        TEST(sleep_with_a_timeout_is_not_for_ever),
        TEST(sleep_with_a_timerfd_is_not_for_ever),
        TEST(sleep_with_an_alarm_is_not_for_ever),
        TEST(asleep_is_only_what_has_had_its_naps),
        TEST(naps_without_an_end_are_sleep),
        TEST(signal_is_heeded_only_behind_longer_naps),
        TEST(memory_grows_by_what_is_in_use),
        TEST(memory_of_a_program_that_makes_code_tells_nothing),
        TEST(spin_of_many_calls_is_told),
        TEST(spin_whose_answers_are_known_is_told_soon),
        TEST(search_is_no_spin),
        TEST(spin_without_calls_is_told),
        TEST(target_runs_where_ptrace_is_refused),
        TEST(tracer_that_is_killed_leaves_no_process),
        TEST(killed_where_ptrace_is_refused_it_leaves_no_child_of_the_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
