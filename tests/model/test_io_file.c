/* Descriptors: numbers, sharing, flags, limits, and the small kinds of files. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "model/io.h"
#include "model/kernel.h"
#include "model/twin.h"

FAKE_MAIN(descriptors_lowest_free_number_first_main)
{
    int fds[2];
    (void)fake;
    assert_int_equal(3, model_sys_eventfd(model, 0, 0));
    assert_int_equal(4, model_sys_eventfd(model, 0, 0));
    assert_int_equal(0, model_sys_pipe(model, fds, 0));
    assert_int_equal(5, fds[0]);
    assert_int_equal(0, model_sys_close(model, 4));
    assert_int_equal(0, model_sys_close(model, 0));
    assert_int_equal(0, model_sys_eventfd(model, 0, 0));
    assert_int_equal(4, model_sys_eventfd(model, 0, 0));
    assert_int_equal(7, model_sys_eventfd(model, 0, 0));
    return 0;
}
RUNS(descriptors_lowest_free_number_first)

FAKE_MAIN(descriptors_all_in_use_is_emfile_main)
{
    (void)fake;
    for (int fd = 3; fd < MODEL_DESCRIPTORS_MAX; fd++) {
        assert_int_equal(fd, model_sys_dup(model, TRACE_CALL_DUP, 1, -1, 0));
    }
    assert_int_equal(-EMFILE, model_sys_dup(model, TRACE_CALL_DUP, 1, -1, 0));
    assert_int_equal(0, model_sys_close(model, 2000));
    assert_int_equal(2000, model_sys_dup(model, TRACE_CALL_DUP, 1, -1, 0));
    return 0;
}
RUNS(descriptors_all_in_use_is_emfile)

FAKE_MAIN(descriptors_free_leaves_so_many_main)
{
    fake->world->ops->descriptors_free(fake->world, 2);
    assert_int_equal(3, model_sys_eventfd(model, 0, 0));
    assert_true(model_fd_available(model));
    assert_int_equal(4, model_sys_eventfd(model, 0, 0));
    assert_false(model_fd_available(model));
    assert_int_equal(-EMFILE, model_sys_eventfd(model, 0, 0));
    assert_int_equal(0, model_sys_close(model, 3));
    assert_int_equal(3, model_sys_eventfd(model, 0, 0));
    fake->world->ops->descriptors_free(fake->world, -1);
    assert_int_equal(5, model_sys_eventfd(model, 0, 0));
    assert_int_equal(6, fake->world->ops->descriptors(fake->world));
    return 0;
}
RUNS(descriptors_free_leaves_so_many)

FAKE_MAIN(close_closed_number_is_ebadf_main)
{
    assert_int_equal(-EBADF, model_sys_close(model, 7));
    const struct trace_event *call = fake_event(fake, TRACE_CALL, TRACE_CALL_CLOSE, 0);
    assert_int_equal(7, call->fd);
    assert_int_equal(-1, call->result);
    assert_int_equal(EBADF, call->err);
    return 0;
}
RUNS(close_closed_number_is_ebadf)

FAKE_MAIN(dup_shares_the_description_main)
{
    int fds[2];
    (void)fake;
    assert_int_equal(0, model_sys_pipe(model, fds, 0));
    int copy = model_sys_dup(model, TRACE_CALL_DUP, fds[0], -1, 0);
    assert_int_equal(0, model_sys_fcntl(model, copy, F_SETFL, O_NONBLOCK));
    assert_int_equal(O_NONBLOCK, model_sys_fcntl(model, fds[0], F_GETFL, 0) & O_NONBLOCK);
    assert_int_equal(0, model_sys_fcntl(model, copy, F_SETFD, FD_CLOEXEC));
    assert_int_equal(0, model_sys_fcntl(model, fds[0], F_GETFD, 0));
    assert_int_equal(0, model_sys_close(model, fds[0]));
    assert_int_equal(0, fake_event(fake, TRACE_FD_CLOSE, -1, 0)->a);
    assert_int_equal(2, fake_write(model, fds[1], "ab", 2));
    assert_int_equal(0, model_sys_close(model, copy));
    assert_int_equal(1, fake_event(fake, TRACE_FD_CLOSE, -1, 1)->a);
    return 0;
}
RUNS(dup_shares_the_description)

FAKE_MAIN(dup2_replaces_what_was_there_main)
{
    int fds[2];
    char data;
    assert_int_equal(0, model_sys_pipe(model, fds, 0));
    assert_int_equal(1, model_sys_dup(model, TRACE_CALL_DUP2, fds[1], 1, 0));
    assert_int_equal(1, fake_write(model, 1, "x", 1));
    assert_int_equal(1, fake_read(model, fds[0], &data, 1));
    assert_int_equal(TRACE_FILE_CONSOLE, fake_event(fake, TRACE_FD_CLOSE, -1, 0)->what);
    assert_int_equal(1, model_sys_dup(model, TRACE_CALL_DUP2, 1, 1, 0));
    assert_int_equal(-EINVAL, model_sys_dup(model, TRACE_CALL_DUP3, 1, 1, O_CLOEXEC));
    assert_int_equal(-EBADF, model_sys_dup(model, TRACE_CALL_DUP2, 1, MODEL_DESCRIPTORS_MAX, 0));
    assert_int_equal(50, model_sys_fcntl(model, 1, F_DUPFD_CLOEXEC, 50));
    assert_int_equal(FD_CLOEXEC, model_sys_fcntl(model, 50, F_GETFD, 0));
    return 0;
}
RUNS(dup2_replaces_what_was_there)

FAKE_MAIN(ioctl_fionbio_sets_the_flag_main)
{
    int fds[2], on = 1, count = 0;
    char data[8];
    (void)fake;
    assert_int_equal(0, model_sys_pipe(model, fds, 0));
    assert_int_equal(0, model_sys_ioctl(model, fds[0], FIONBIO, &on));
    assert_int_equal(-EAGAIN, fake_read(model, fds[0], data, 1));
    assert_int_equal(TRACE_NONBLOCK, fake_event(fake, TRACE_CALL, TRACE_CALL_READ, 0)->flags);
    assert_int_equal(3, fake_write(model, fds[1], "abc", 3));
    assert_int_equal(0, model_sys_ioctl(model, fds[0], FIONREAD, &count));
    assert_int_equal(3, count);
    return 0;
}
RUNS(ioctl_fionbio_sets_the_flag)

FAKE_MAIN(adopt_real_file_reads_it_main)
{
    char data[16] = {0};
    struct stat stat;
    char path[] = "/tmp/sockspec-test-XXXXXX";
    int made = mkstemp(path);
    int real = fcntl(made, F_DUPFD, MODEL_DESCRIPTORS_MAX);
    (void)fake;
    /* A low limit on descriptors of this process: the number does not matter to the test. */
    real = real >= 0 ? real : dup(made);
    assert_int_equal(4, write(made, "text", 4));
    (void)close(made);
    (void)unlink(path);
    assert_int_equal(3, model_sys_adopt(model, real, O_RDWR));
    assert_int_equal(real, model_real(model, 3));
    assert_int_equal(-EINVAL, model_real(model, 1));
    assert_int_equal(-EBADF, model_real(model, 9));
    assert_int_equal(0, lseek(real, 0, SEEK_SET));
    assert_int_equal(4, fake_read(model, 3, data, sizeof data));
    assert_string_equal("text", data);
    assert_int_equal(0, model_sys_fstat(model, 3, &stat));
    assert_true(S_ISREG(stat.st_mode));
    int fds[2];
    off_t at = 1;
    assert_int_equal(0, model_sys_pipe(model, fds, 0));
    assert_int_equal(3, model_sys_sendfile(model, fds[1], 3, &at, 100));
    assert_int_equal(4, at);
    assert_int_equal(3, fake_read(model, fds[0], data, sizeof data));
    assert_memory_equal("ext", data, 3);
    assert_int_equal(0, model_sys_close(model, 3));
    assert_int_equal(-1, fcntl(real, F_GETFD));
    return 0;
}
RUNS(adopt_real_file_reads_it)

FAKE_MAIN(fstat_pipe_is_a_fifo_main)
{
    int fds[2];
    struct stat stat;
    (void)fake;
    assert_int_equal(0, model_sys_pipe(model, fds, 0));
    assert_int_equal(0, model_sys_fstat(model, fds[0], &stat));
    assert_true(S_ISFIFO(stat.st_mode));
    assert_int_equal(-EBADF, model_sys_fstat(model, 77, &stat));
    return 0;
}
RUNS(fstat_pipe_is_a_fifo)

FAKE_MAIN(console_output_is_traced_and_input_has_ended_main)
{
    char data[4];
    assert_int_equal(0, fake_read(model, 0, data, 4));
    assert_int_equal(5, fake_write(model, 2, "error", 5));
    const struct trace_event *output = fake_event(fake, TRACE_OUTPUT, -1, 0);
    assert_int_equal(2, output->fd);
    assert_int_equal(5, output->a);
    assert_int_equal(-EBADF, fake_write(model, 0, "x", 1));
    assert_int_equal(-ENOTSOCK, model_sys_recv(model, TRACE_CALL_RECV, 0, &(struct msghdr){0}, 0));
    return 0;
}
RUNS(console_output_is_traced_and_input_has_ended)

static void consoles_are_there_at_the_start(void **state)
{
    struct fake *fake = *state;
    (void)fake_play(fake, fstat_pipe_is_a_fifo_main);
    for (int fd = 0; fd < 3; fd++) {
        const struct trace_event *open = fake_event(fake, TRACE_FD_OPEN, TRACE_FILE_CONSOLE, fd);
        assert_int_equal(fd, open->fd);
        assert_int_equal(TRACE_INHERITED, open->flags);
    }
}

FAKE_MAIN(pipe_without_reader_raises_sigpipe_main)
{
    int fds[2];
    fake->dispositions[SIGPIPE] = 2;
    assert_int_equal(0, model_sys_pipe(model, fds, 0));
    assert_int_equal(0, model_sys_close(model, fds[0]));
    assert_int_equal(-EPIPE, fake_write(model, fds[1], "x", 1));
    assert_int_equal(1, fake->handled[SIGPIPE]);
    assert_int_equal(1, fake_event(fake, TRACE_SIGNAL, SIGPIPE, 0)->b);
    return 0;
}
RUNS(pipe_without_reader_raises_sigpipe)

FAKE_MAIN(sigpipe_default_main)
{
    int fds[2];
    (void)fake;
    assert_int_equal(0, model_sys_pipe(model, fds, 0));
    assert_int_equal(0, model_sys_close(model, fds[0]));
    (void)fake_write(model, fds[1], "x", 1);
    return 0;
}

static void sigpipe_by_default_kills(void **state)
{
    struct trace_event end = fake_play(*state, sigpipe_default_main);
    assert_int_equal(TRACE_EXIT_SIGNALLED, end.what);
    assert_int_equal(SIGPIPE, end.result);
}

FAKE_MAIN(pipe_full_takes_a_part_when_nonblocking_main)
{
    static char data[70000];
    int fds[2];
    (void)fake;
    memset(data, 'x', sizeof data);
    assert_int_equal(0, model_sys_pipe(model, fds, O_NONBLOCK));
    assert_int_equal(65536, fake_write(model, fds[1], data, sizeof data));
    assert_int_equal(-EAGAIN, fake_write(model, fds[1], data, 1));
    assert_int_equal(4095, fake_read(model, fds[0], data, 4095));
    assert_int_equal(-EAGAIN, fake_write(model, fds[1], data, 4096));
    assert_int_equal(4095, fake_write(model, fds[1], data, 4095));
    assert_int_equal(65536, fake_read(model, fds[0], data, sizeof data));
    return 0;
}
RUNS(pipe_full_takes_a_part_when_nonblocking)

static void advance_1s(struct fake *fake, struct world *world)
{
    (void)fake;
    (void)world->ops->advance(world, 1000000, 100);
}

FAKE_MAIN(timerfd_counts_expirations_main)
{
    uint64_t count = 0;
    struct itimerspec value = {.it_value.tv_nsec = 100000000, .it_interval.tv_nsec = 200000000};
    struct itimerspec old;
    fake_then(fake, advance_1s);
    int fd = model_sys_timerfd_create(model, CLOCK_MONOTONIC, TFD_NONBLOCK);
    assert_int_equal(-EAGAIN, fake_read(model, fd, &count, sizeof count));
    assert_int_equal(0, model_sys_timerfd_settime(model, fd, 0, &value, NULL));
    assert_int_equal(0, model_sys_sleep(model, 350000, NULL));
    assert_int_equal(8, fake_read(model, fd, &count, sizeof count));
    assert_int_equal(2, count);
    struct itimerspec none = {0};
    assert_int_equal(0, model_sys_timerfd_settime(model, fd, 0, &none, &old));
    assert_int_equal(150000000, old.it_value.tv_nsec);
    assert_int_equal(200000000, old.it_interval.tv_nsec);
    int64_t now = model_sys_clock_us(model, CLOCK_MONOTONIC) + 100000;
    struct itimerspec absolute = {
        .it_value = {.tv_sec = now / 1000000, .tv_nsec = now % 1000000 * 1000}};
    struct pollfd one = {.fd = fd, .events = POLLIN};
    assert_int_equal(0, model_sys_timerfd_settime(model, fd, TFD_TIMER_ABSTIME, &absolute, NULL));
    assert_int_equal(1, model_sys_poll(model, TRACE_CALL_POLL, &one, 1, 200000, NULL));
    assert_int_equal(now, model_sys_clock_us(model, CLOCK_MONOTONIC));
    return 0;
}
RUNS(timerfd_counts_expirations)

FAKE_MAIN(signalfd_reads_a_blocked_signal_main)
{
    sigset_t mask;
    struct signalfd_siginfo info;
    fake->dispositions[SIGUSR1] = 0x200;
    fake_then(fake, send_usr1);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    int fd = model_sys_signalfd(model, -1, &mask, SFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN};
    int epfd = model_sys_epoll_create(model, 0);
    assert_int_equal(0, model_sys_epoll_ctl(model, epfd, EPOLL_CTL_ADD, fd, &event));
    assert_int_equal(-EAGAIN, fake_read(model, fd, &info, sizeof info));
    assert_int_equal(1,
                     model_sys_epoll_wait(model, TRACE_CALL_EPOLL_WAIT, epfd, &event, 1, -1, NULL));
    assert_int_equal(sizeof info, fake_read(model, fd, &info, sizeof info));
    assert_int_equal(SIGUSR1, info.ssi_signo);
    assert_int_equal(-EAGAIN, fake_read(model, fd, &info, sizeof info));
    assert_int_equal(TRACE_SIGNAL_BLOCKED, fake_event(fake, TRACE_SIGNAL, SIGUSR1, 0)->a);
    return 0;
}
RUNS(signalfd_reads_a_blocked_signal)

/* accept() of another thread sleeps, and has its number already. */
FAKE_MAIN(number_that_a_sleeper_took_is_nobodys_main)
{
    int reserved = 0;
    (void)fake;
    io_number_reserve(model->current, &reserved);
    assert_int_equal(3 + 1, reserved);
    assert_int_equal(-EBADF, model_sys_close(model, 3));
    assert_int_equal(-EBUSY, model_sys_dup(model, TRACE_CALL_DUP2, 1, 3, 0));
    assert_int_equal(4, model_sys_dup(model, TRACE_CALL_DUP, 1, -1, 0));
    io_number_return(model->current, &reserved);
    assert_int_equal(3, model_sys_dup(model, TRACE_CALL_DUP2, 1, 3, 0));
    return 0;
}
RUNS(number_that_a_sleeper_took_is_nobodys)

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(descriptors_lowest_free_number_first),
        TEST(descriptors_all_in_use_is_emfile),
        TEST(descriptors_free_leaves_so_many),
        TEST(number_that_a_sleeper_took_is_nobodys),
        TEST(close_closed_number_is_ebadf),
        TEST(dup_shares_the_description),
        TEST(dup2_replaces_what_was_there),
        TEST(ioctl_fionbio_sets_the_flag),
        TEST(adopt_real_file_reads_it),
        TEST(fstat_pipe_is_a_fifo),
        TEST(console_output_is_traced_and_input_has_ended),
        TEST(consoles_are_there_at_the_start),
        TEST(pipe_without_reader_raises_sigpipe),
        TEST(sigpipe_by_default_kills),
        TEST(pipe_full_takes_a_part_when_nonblocking),
        TEST(timerfd_counts_expirations),
        TEST(signalfd_reads_a_blocked_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
