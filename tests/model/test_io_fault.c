/* Faults: which may be armed, when they strike, what becomes of those that never do. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>

#include "model/fake_program.h"
#include "model/kernel.h"

static int arm(struct fake *fake, enum scenario_call family, int error, uint32_t times)
{
    struct world_fault fault = {.family = family, .error = error, .times = times, .step = 7};
    fault.limit = error == 0 ? 2 : 0;
    return fake->world->ops->fault_arm(fake->world, &fault);
}

static int arm_interrupt(struct fake *fake, enum scenario_call family)
{
    struct world_fault fault = {.family = family, .interrupt = true, .times = 1, .step = 7};
    return fake->world->ops->fault_arm(fake->world, &fault);
}

static void note_unused(void *context, uint16_t step, enum trace_noop reason)
{
    struct fake *fake = context;
    fake->values[14] += step;
    fake->values[15] = reason;
}

static void clear(struct fake *fake)
{
    fake->values[14] = 0;
    fake->values[15] = -1;
    fake->world->ops->fault_clear(fake->world, note_unused, fake);
}

/* A socket of a few bytes: reads what `bytes` says is there, takes all that is written. */
struct fake_socket {
    struct model_file file;
    size_t bytes;
    bool may_be_short;
    bool ended; /* a FIN came behind the bytes */
};

static struct fake_socket *fake_socket(struct model_file *file)
{
    return (struct fake_socket *)(void *)file;
}

static uint32_t socket_poll(struct model *model, struct model_file *file)
{
    (void)model;
    const struct fake_socket *socket = fake_socket(file);
    return POLLOUT | (socket->bytes > 0 || socket->ended ? POLLIN : 0U) |
           (socket->ended ? POLLRDHUP : 0U);
}

static bool has_bytes(struct model *model, void *argument)
{
    (void)model;
    return ((struct fake_socket *)argument)->bytes > 0;
}

static int64_t socket_read(struct model *model, struct model_file *file, enum trace_call call,
                           int fd, struct msghdr *message, int flags)
{
    struct fake_socket *socket = fake_socket(file);
    size_t limit = message->msg_iov[0].iov_len;
    bool waits = (file->status_flags & O_NONBLOCK) == 0 && (flags & MSG_DONTWAIT) == 0;
    if (socket->bytes == 0) {
        int slept =
            waits ? model_sleep(model, call, fd, 0, has_bytes, socket, -1, MODEL_SLEEP_RESTARTS)
                  : -EAGAIN;
        if (slept < 0) {
            return slept;
        }
    }
    int error = model_fault_take(model, call, fd, 0, true, &limit);
    if (error < 0) {
        return error;
    }
    limit = limit < socket->bytes ? limit : socket->bytes;
    socket->bytes -= limit;
    return (int64_t)limit;
}

static int64_t socket_write(struct model *model, struct model_file *file, enum trace_call call,
                            int fd, const struct msghdr *message, int flags)
{
    size_t limit = message->msg_iov[0].iov_len;
    (void)flags;
    int error = model_fault_take(model, call, fd, 0, fake_socket(file)->may_be_short, &limit);
    return error < 0 ? error : (int64_t)limit;
}

static void socket_gone(struct model *model, struct model_file *file)
{
    (void)model, (void)file;
}

static const struct model_file_ops socket_ops = {.kind = TRACE_FILE_SOCKET,
                                                 .socket = true,
                                                 .poll = socket_poll,
                                                 .recv = socket_read,
                                                 .send = socket_write,
                                                 .release = socket_gone};

static int socket_open(struct model *model, struct fake_socket *socket, uint32_t flags)
{
    socket->file = (struct model_file){.ops = &socket_ops, .status_flags = O_RDWR | flags};
    return model_fd_install(model, &socket->file, 0, 0);
}

/* ---- The table ---------------------------------------------------------------------------------
 */

static void fault_arm_takes_only_what_a_kernel_may_answer(void **state)
{
    struct fake *fake = *state;
    assert_int_equal(0, arm(fake, SCENARIO_CALL_ACCEPT, EMFILE, 1));
    assert_int_equal(0, arm(fake, SCENARIO_CALL_ACCEPT, ECONNABORTED, 1));
    assert_int_equal(-EINVAL, arm(fake, SCENARIO_CALL_ACCEPT, EADDRINUSE, 1));
    assert_int_equal(-EINVAL, arm(fake, SCENARIO_CALL_RECV, EMFILE, 1));
    assert_int_equal(-EINVAL, arm(fake, SCENARIO_CALL_SOCKET, 0, 1));
    assert_int_equal(-EINVAL, arm(fake, SCENARIO_CALL_LISTEN, EINTR, 1));
    assert_int_equal(-EINVAL, arm(fake, SCENARIO_CALL_ACCEPT, EMFILE, 0));
}

static void fault_arm_has_a_limit(void **state)
{
    struct fake *fake = *state;
    for (int i = 0; i < 64; i++) {
        assert_int_equal(0, arm(fake, SCENARIO_CALL_ACCEPT, EMFILE, 1));
    }
    assert_int_equal(-ENOSPC, arm(fake, SCENARIO_CALL_ACCEPT, EMFILE, 1));
}

/* ---- Errors ------------------------------------------------------------------------------------
 */

FAKE_MAIN(error_strikes_so_often_main)
{
    assert_int_equal(0, arm(fake, SCENARIO_CALL_SOCKET, EMFILE, 2));
    assert_int_equal(-EMFILE, model_sys_eventfd(model, 0, 0));
    assert_int_equal(-EMFILE, model_sys_eventfd(model, 0, 0));
    assert_int_equal(3, model_sys_eventfd(model, 0, 0));
    assert_int_equal(2, fake_count(fake, TRACE_FAULT, TRACE_CALL_EVENTFD));
    const struct trace_event *call = fake_event(fake, TRACE_CALL, TRACE_CALL_EVENTFD, 0);
    assert_int_equal(TRACE_FAULTED, call->flags);
    assert_int_equal(EMFILE, call->err);
    assert_int_equal(0, fake_event(fake, TRACE_CALL, TRACE_CALL_EVENTFD, 2)->flags);
    clear(fake);
    assert_int_equal(-1, fake->values[15]);
    return 0;
}
RUNS(error_strikes_so_often)

FAKE_MAIN(error_of_another_call_waits_main)
{
    assert_int_equal(0, arm(fake, SCENARIO_CALL_CONTROL, ENOMEM, 1));
    assert_int_equal(3, model_sys_dup(model, TRACE_CALL_DUP, 1, -1, 0));
    clear(fake);
    assert_int_equal(7, fake->values[14]);
    assert_int_equal(TRACE_NOOP_NOT_ALLOWED, fake->values[15]);
    return 0;
}
RUNS(error_of_another_call_waits)

FAKE_MAIN(unused_fault_says_that_no_call_came_main)
{
    (void)model;
    assert_int_equal(0, arm(fake, SCENARIO_CALL_ACCEPT, EMFILE, 1));
    clear(fake);
    assert_int_equal(TRACE_NOOP_CALL_NEVER_CAME, fake->values[15]);
    return 0;
}
RUNS(unused_fault_says_that_no_call_came)

FAKE_MAIN(close_error_closes_all_the_same_main)
{
    assert_int_equal(0, arm(fake, SCENARIO_CALL_CLOSE, EIO, 1));
    assert_int_equal(3, model_sys_eventfd(model, 0, 0));
    assert_int_equal(-EIO, model_sys_close(model, 3));
    assert_int_equal(-1, model_kind(model, 3));
    return 0;
}
RUNS(close_error_closes_all_the_same)

FAKE_MAIN(eagain_needs_a_nonblocking_descriptor_main)
{
    static struct fake_socket socket;
    char data[8];
    socket = (struct fake_socket){.bytes = 20};
    int fd = socket_open(model, &socket, 0);
    assert_int_equal(0, arm(fake, SCENARIO_CALL_RECV, EAGAIN, 1));
    assert_int_equal(8, fake_read(model, fd, data, 8));
    assert_int_equal(0, model_sys_fcntl(model, fd, F_SETFL, O_NONBLOCK));
    assert_int_equal(-EAGAIN, fake_read(model, fd, data, 8));
    assert_int_equal(8, fake_read(model, fd, data, 8));
    return 0;
}
RUNS(eagain_needs_a_nonblocking_descriptor)

FAKE_MAIN(eagain_is_followed_by_a_new_edge_main)
{
    static struct fake_socket socket;
    char data[8];
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    socket = (struct fake_socket){.bytes = 20};
    int fd = socket_open(model, &socket, O_NONBLOCK);
    int epfd = model_sys_epoll_create(model, 0);
    assert_int_equal(0, model_sys_epoll_ctl(model, epfd, EPOLL_CTL_ADD, fd, &event));
    assert_int_equal(1,
                     model_sys_epoll_wait(model, TRACE_CALL_EPOLL_WAIT, epfd, &event, 1, 0, NULL));
    assert_int_equal(0, arm(fake, SCENARIO_CALL_RECV, EAGAIN, 1));
    assert_int_equal(-EAGAIN, fake_read(model, fd, data, 8));
    assert_int_equal(1,
                     model_sys_epoll_wait(model, TRACE_CALL_EPOLL_WAIT, epfd, &event, 1, 0, NULL));
    return 0;
}
RUNS(eagain_is_followed_by_a_new_edge)

FAKE_MAIN(epoll_ctl_lacks_memory_for_a_new_watch_alone_main)
{
    static struct fake_socket near, far;
    struct epoll_event event = {.events = EPOLLIN};
    int epfd = model_sys_epoll_create(model, 0);
    int one = socket_open(model, &near, 0);
    int other = socket_open(model, &far, 0);
    assert_int_equal(0, model_sys_epoll_ctl(model, epfd, EPOLL_CTL_ADD, one, &event));
    assert_int_equal(0, arm(fake, SCENARIO_CALL_CONTROL, ENOMEM, 1));
    assert_int_equal(0, model_sys_epoll_ctl(model, epfd, EPOLL_CTL_MOD, one, &event));
    assert_int_equal(-EEXIST, model_sys_epoll_ctl(model, epfd, EPOLL_CTL_ADD, one, &event));
    assert_int_equal(0, model_sys_epoll_ctl(model, epfd, EPOLL_CTL_DEL, one, NULL));
    assert_int_equal(-ENOMEM, model_sys_epoll_ctl(model, epfd, EPOLL_CTL_ADD, other, &event));
    assert_int_equal(0, model_sys_epoll_ctl(model, epfd, EPOLL_CTL_ADD, other, &event));
    return 0;
}
RUNS(epoll_ctl_lacks_memory_for_a_new_watch_alone)

/* ---- Short transfers ---------------------------------------------------------------------------
 */

FAKE_MAIN(short_read_takes_the_limit_main)
{
    static struct fake_socket socket;
    char data[8];
    socket = (struct fake_socket){.bytes = 5};
    int fd = socket_open(model, &socket, 0);
    assert_int_equal(0, arm(fake, SCENARIO_CALL_RECV, 0, 3));
    assert_int_equal(2, fake_read(model, fd, data, 8));
    assert_int_equal(1, fake_count(fake, TRACE_FAULT, TRACE_CALL_READ));
    assert_int_equal(2, fake_event(fake, TRACE_FAULT, -1, 0)->a);
    /* Neither a call that asks for no more nor one that empties the queue is made shorter. */
    assert_int_equal(2, fake_read(model, fd, data, 2));
    assert_int_equal(1, fake_read(model, fd, data, 8));
    assert_int_equal(1, fake_count(fake, TRACE_FAULT, TRACE_CALL_READ));
    return 0;
}
RUNS(short_read_takes_the_limit)

/* What poll and epoll told of the end says that all is there; a call that blocks was told nothing.
 */
FAKE_MAIN(short_read_only_where_more_may_come_main)
{
    static struct fake_socket socket;
    char data[8];
    socket = (struct fake_socket){.bytes = 8, .ended = true};
    int fd = socket_open(model, &socket, O_NONBLOCK);
    assert_int_equal(0, arm(fake, SCENARIO_CALL_RECV, 0, 9));
    assert_int_equal(4, fake_read(model, fd, data, 4));
    assert_int_equal(0, fake_count(fake, TRACE_FAULT, -1));
    socket.ended = false;
    assert_int_equal(2, fake_read(model, fd, data, 4));
    socket.ended = true;
    socket.file.status_flags &= ~(uint32_t)O_NONBLOCK;
    socket.bytes = 8;
    assert_int_equal(2, fake_read(model, fd, data, 4));
    assert_int_equal(2, fake_count(fake, TRACE_FAULT, TRACE_CALL_READ));
    return 0;
}
RUNS(short_read_only_where_more_may_come)

FAKE_MAIN(short_read_spares_a_console_main)
{
    assert_int_equal(0, arm(fake, SCENARIO_CALL_SEND, 0, 1));
    assert_int_equal(5, fake_write(model, 1, "hello", 5));
    clear(fake);
    assert_int_equal(TRACE_NOOP_NOT_ALLOWED, fake->values[15]);
    return 0;
}
RUNS(short_read_spares_a_console)

FAKE_MAIN(short_send_only_where_linux_could_main)
{
    static struct fake_socket socket;
    socket = (struct fake_socket){0};
    int fd = socket_open(model, &socket, 0);
    assert_int_equal(0, arm(fake, SCENARIO_CALL_SEND, 0, 1));
    assert_int_equal(5, fake_write(model, fd, "hello", 5));
    socket.may_be_short = true;
    assert_int_equal(2, fake_write(model, fd, "hello", 5));
    assert_int_equal(5, fake_write(model, fd, "hello", 5));
    return 0;
}
RUNS(short_send_only_where_linux_could)

FAKE_MAIN(short_read_of_all_there_is_was_not_shortened_main)
{
    static struct fake_socket socket;
    char data[8];
    socket = (struct fake_socket){.bytes = 2};
    int fd = socket_open(model, &socket, 0);
    assert_int_equal(0, arm(fake, SCENARIO_CALL_RECV, 0, 1));
    assert_int_equal(2, fake_read(model, fd, data, 8));
    assert_int_equal(0, fake_count(fake, TRACE_FAULT, -1));
    return 0;
}
RUNS(short_read_of_all_there_is_was_not_shortened)

FAKE_MAIN(short_read_spares_msg_waitall_main)
{
    static struct fake_socket socket;
    char data[8];
    struct iovec part = {.iov_base = data, .iov_len = sizeof data};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    socket = (struct fake_socket){.bytes = 9};
    int fd = socket_open(model, &socket, 0);
    assert_int_equal(0, arm(fake, SCENARIO_CALL_RECV, 0, 1));
    assert_int_equal(8, model_sys_recv(model, TRACE_CALL_RECV, fd, &message, MSG_WAITALL));
    return 0;
}
RUNS(short_read_spares_msg_waitall)

/* ---- Interruptions -----------------------------------------------------------------------------
 */

static void fill(struct fake *fake, struct world *world)
{
    (void)world;
    ((struct fake_socket *)fake->context)->bytes = 4;
    model_changed(fake->model);
}

FAKE_MAIN(interrupt_strikes_when_the_call_would_sleep_main)
{
    static struct fake_socket socket;
    char data[8];
    socket = (struct fake_socket){.bytes = 4};
    fake->context = &socket;
    fake->dispositions[SIGHUP] = 2; /* many a program ends at this one, or starts again */
    fake->dispositions[SIGUSR1] = 2;
    fake_then(fake, fill);
    int fd = socket_open(model, &socket, 0);
    assert_int_equal(0, arm_interrupt(fake, SCENARIO_CALL_RECV));
    assert_int_equal(4, fake_read(model, fd, data, 8));
    assert_int_equal(-EINTR, fake_read(model, fd, data, 8));
    assert_int_equal(1, fake->handled[SIGUSR1]);
    assert_int_equal(0, fake->handled[SIGHUP]);
    assert_int_equal(4, fake_read(model, fd, data, 8));
    assert_int_equal(EINTR, fake_event(fake, TRACE_FAULT, -1, 0)->err);
    assert_int_equal(TRACE_FAULTED, fake_event(fake, TRACE_CALL, TRACE_CALL_READ, 1)->flags);
    return 0;
}
RUNS(interrupt_strikes_when_the_call_would_sleep)

FAKE_MAIN(interrupt_without_a_handler_never_strikes_main)
{
    static struct fake_socket socket;
    char data[8];
    socket = (struct fake_socket){0};
    fake->context = &socket;
    fake->dispositions[SIGUSR1] = 2 | 0x100; /* SA_RESTART */
    fake->dispositions[SIGHUP] = 2 | 0x200;  /* blocked */
    fake->dispositions[SIGUSR2] = 2;         /* the stop signal */
    fake->target.stop_signal = SIGUSR2;
    fake_then(fake, fill);
    int fd = socket_open(model, &socket, 0);
    assert_int_equal(0, arm_interrupt(fake, SCENARIO_CALL_RECV));
    assert_int_equal(4, fake_read(model, fd, data, 8));
    clear(fake);
    assert_int_equal(TRACE_NOOP_NOT_ALLOWED, fake->values[15]);
    return 0;
}
RUNS(interrupt_without_a_handler_never_strikes)

FAKE_MAIN(interrupt_of_poll_ignores_sa_restart_main)
{
    fake->dispositions[SIGUSR1] = 2 | 0x100;
    assert_int_equal(0, arm_interrupt(fake, SCENARIO_CALL_WAIT));
    assert_int_equal(-EINTR, model_sys_poll(model, TRACE_CALL_POLL, NULL, 0, -1, NULL));
    assert_int_equal(1, fake->handled[SIGUSR1]);
    return 0;
}
RUNS(interrupt_of_poll_ignores_sa_restart)

FAKE_MAIN(interrupt_nonblocking_read_is_spared_main)
{
    static struct fake_socket socket;
    char data[8];
    socket = (struct fake_socket){0};
    fake->dispositions[SIGUSR1] = 2;
    int fd = socket_open(model, &socket, O_NONBLOCK);
    assert_int_equal(0, arm(fake, SCENARIO_CALL_RECV, EINTR, 1));
    assert_int_equal(-EAGAIN, fake_read(model, fd, data, 8));
    assert_int_equal(0, fake->handled[SIGUSR1]);
    return 0;
}
RUNS(interrupt_nonblocking_read_is_spared)

/* ---- Steps before calls ------------------------------------------------------------------------
 */

static void count_call(struct fake *fake, struct world *world)
{
    (void)world;
    if (++fake->values[0] == 2) {
        assert_int_equal(0, arm(fake, SCENARIO_CALL_SOCKET, ENFILE, 1));
        fake->hooks.armed = 0;
    }
}

FAKE_MAIN(on_call_comes_before_armed_calls_main)
{
    fake->on_call = count_call;
    fake->hooks.armed = 1U << SCENARIO_CALL_SOCKET;
    assert_int_equal(3, model_sys_eventfd(model, 0, 0));
    assert_int_equal(4, model_sys_dup(model, TRACE_CALL_DUP, 1, -1, 0));
    assert_int_equal(-ENFILE, model_sys_eventfd(model, 0, 0));
    assert_int_equal(5, model_sys_eventfd(model, 0, 0));
    assert_int_equal(2, fake->values[0]);
    return 0;
}
RUNS(on_call_comes_before_armed_calls)

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(fault_arm_takes_only_what_a_kernel_may_answer),
        TEST(fault_arm_has_a_limit),
        TEST(error_strikes_so_often),
        TEST(error_of_another_call_waits),
        TEST(unused_fault_says_that_no_call_came),
        TEST(close_error_closes_all_the_same),
        TEST(eagain_needs_a_nonblocking_descriptor),
        TEST(eagain_is_followed_by_a_new_edge),
        TEST(epoll_ctl_lacks_memory_for_a_new_watch_alone),
        TEST(short_read_takes_the_limit),
        TEST(short_read_only_where_more_may_come),
        TEST(short_read_spares_a_console),
        TEST(short_send_only_where_linux_could),
        TEST(short_read_of_all_there_is_was_not_shortened),
        TEST(short_read_spares_msg_waitall),
        TEST(interrupt_strikes_when_the_call_would_sleep),
        TEST(interrupt_without_a_handler_never_strikes),
        TEST(interrupt_of_poll_ignores_sa_restart),
        TEST(interrupt_nonblocking_read_is_spared),
        TEST(on_call_comes_before_armed_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
