/* Pairs of UNIX sockets: random scripts say the same on the model and on the real kernel. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/ioctl.h>

#include "base/random.h"
#include "model/twin.h"

enum { STEPS = 40, SEEDS = 500, PIECE_MAX = 16 };

struct walk {
    struct twin *twin;
    struct random random;
    int fds[2];
    bool open[2];
    int epfd;
};

static int64_t transfer(struct walk *walk, int fd, bool sends, size_t size, int flags)
{
    char data[PIECE_MAX] = "0123456789abcde";
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct model *model = walk->twin->model;
    if (model != NULL) {
        return sends ? model_sys_send(model, TRACE_CALL_SENDMSG, fd, &message, flags)
                     : model_sys_recv(model, TRACE_CALL_RECVMSG, fd, &message, flags);
    }
    return twin_result(sends ? sendmsg(fd, &message, flags) : recvmsg(fd, &message, flags));
}

static int shut_down(struct walk *walk, int fd, int how)
{
    struct model *model = walk->twin->model;
    return model != NULL ? model_sys_shutdown(model, fd, how) : (int)twin_result(shutdown(fd, how));
}

static int option(struct walk *walk, int fd, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    struct model *model = walk->twin->model;
    int result = model != NULL ? model_sys_getsockopt(model, fd, SOL_SOCKET, name, &value, &size)
                               : (int)twin_result(getsockopt(fd, SOL_SOCKET, name, &value, &size));
    return result < 0 ? result : value;
}

static int unread(struct walk *walk, int fd)
{
    int count = -1;
    struct model *model = walk->twin->model;
    int result = model != NULL ? model_sys_ioctl(model, fd, FIONREAD, &count)
                               : (int)twin_result(ioctl(fd, FIONREAD, &count));
    return result < 0 ? result : count;
}

static void step(struct walk *walk)
{
    static const int options[] = {SO_ERROR, SO_TYPE, SO_DOMAIN, SO_ACCEPTCONN};
    struct twin *twin = walk->twin;
    unsigned end = random_below(&walk->random, 2);
    unsigned kind = random_below(&walk->random, 16);
    size_t size = random_below(&walk->random, PIECE_MAX);
    int fd = walk->fds[end];
    if (!walk->open[end]) {
        return;
    }
    twin_note(twin, "end", end);
    if (kind < 5) {
        int flags = kind == 0 ? MSG_DONTWAIT : MSG_NOSIGNAL;
        twin_note(twin, "send", transfer(walk, fd, true, size, flags));
    } else if (kind < 10) {
        int flags = kind == 5 ? MSG_PEEK : kind == 6 ? MSG_WAITALL : 0;
        twin_note(twin, "recv", transfer(walk, fd, false, size, flags));
    } else if (kind == 10) {
        int how = (int)random_below(&walk->random, 4);
        twin_note(twin, "shutdown", shut_down(walk, fd, how));
    } else if (kind == 11) {
        twin_note(twin, "option", option(walk, fd, options[size % 4]));
    } else if (kind == 12) {
        twin_note(twin, "unread", unread(walk, fd));
    } else if (kind == 13 && size < 3) {
        twin_note(twin, "close", twin_close(twin, fd));
        walk->open[end] = false;
    } else {
        twin_poll(twin, fd, POLLIN | POLLOUT | POLLRDHUP);
    }
    twin_wait(twin, walk->epfd, 4);
}

static void random_script(struct twin *twin)
{
    struct walk walk = {.twin = twin, .open = {true, true}};
    struct model *model = twin->model;
    int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    walk.random = (struct random){.state = twin->seed};
    int made = model != NULL ? model_sys_socketpair(model, AF_UNIX, type, 0, walk.fds)
                             : (int)twin_result(socketpair(AF_UNIX, type, 0, walk.fds));
    twin_note(twin, "socketpair", made);
    walk.epfd = twin_epoll(twin);
    uint32_t bits = EPOLLIN | EPOLLOUT | EPOLLRDHUP | (twin->seed % 2 == 0 ? EPOLLET : 0U);
    for (unsigned end = 0; end < 2; end++) {
        (void)twin_ctl(twin, walk.epfd, EPOLL_CTL_ADD, walk.fds[end], bits, end);
    }
    for (int i = 0; i < STEPS; i++) {
        step(&walk);
    }
    for (int end = 0; end < 2; end++) {
        (void)(walk.open[end] ? twin_close(twin, walk.fds[end]) : 0);
    }
    (void)twin_close(twin, walk.epfd);
}

static void pair_answers_as_linux_does(void **state)
{
    (void)signal(SIGPIPE, SIG_IGN);
    ((struct fake *)*state)->dispositions[SIGPIPE] = 1;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        twin_assert_same(*state, random_script, seed);
    }
}

FAKE_MAIN(pair_without_reader_raises_sigpipe_main)
{
    int fds[2];
    fake->dispositions[SIGPIPE] = 2;
    assert_int_equal(0, model_sys_socketpair(model, AF_UNIX, SOCK_STREAM, 0, fds));
    assert_int_equal(0, model_sys_close(model, fds[0]));
    assert_int_equal(-EPIPE, fake_write(model, fds[1], "x", 1));
    assert_int_equal(1, fake->handled[SIGPIPE]);
    return 0;
}
RUNS(pair_without_reader_raises_sigpipe)

FAKE_MAIN(pair_other_kinds_are_refused_main)
{
    int fds[2];
    assert_int_equal(-EOPNOTSUPP, model_sys_socketpair(model, AF_INET, SOCK_STREAM, 0, fds));
    assert_null(fake_event(fake, TRACE_UNSUPPORTED, TRACE_CALL_SOCKETPAIR, 0));
    assert_int_equal(-EAFNOSUPPORT, model_sys_socketpair(model, AF_UNIX, SOCK_DGRAM, 0, fds));
    assert_non_null(fake_event(fake, TRACE_UNSUPPORTED, TRACE_CALL_SOCKETPAIR, 0));
    return 0;
}
RUNS(pair_other_kinds_are_refused)

FAKE_MAIN(pair_fills_in_both_directions_main)
{
    static char data[70000];
    int fds[2];
    (void)fake;
    memset(data, 'x', sizeof data);
    assert_int_equal(0, model_sys_socketpair(model, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
    for (int end = 0; end < 2; end++) {
        assert_int_equal(65536, fake_write(model, fds[end], data, sizeof data));
        assert_int_equal(-EAGAIN, fake_write(model, fds[end], data, 1));
    }
    for (int end = 0; end < 2; end++) {
        assert_int_equal(65536, fake_read(model, fds[end], data, sizeof data));
        assert_int_equal(-EAGAIN, fake_read(model, fds[end], data, 1));
    }
    return 0;
}
RUNS(pair_fills_in_both_directions)

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(pair_answers_as_linux_does),
        TEST(pair_without_reader_raises_sigpipe),
        TEST(pair_other_kinds_are_refused),
        TEST(pair_fills_in_both_directions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
