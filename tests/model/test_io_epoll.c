/* epoll and poll: the model against the real kernel, and what only the model shows. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"
#include "model/kernel.h"
#include "model/twin.h"

/* ---- The same on the model and on Linux --------------------------------------------------------
 */

static void level_script(struct twin *twin)
{
    int fds[2];
    char data[8];
    int epfd = twin_epoll(twin);
    twin_note(twin, "pipe", twin_pipe(twin, fds, O_NONBLOCK));
    twin_note(twin, "add", twin_ctl(twin, epfd, EPOLL_CTL_ADD, fds[0], EPOLLIN, 1));
    twin_wait(twin, epfd, 8);
    twin_note(twin, "write", twin_write(twin, fds[1], "abcd", 4));
    twin_wait(twin, epfd, 8);
    twin_note(twin, "read", twin_read(twin, fds[0], data, 2));
    twin_wait(twin, epfd, 8);
    twin_note(twin, "read", twin_read(twin, fds[0], data, 2));
    twin_wait(twin, epfd, 8);
    twin_note(twin, "close", twin_close(twin, fds[1]));
    twin_wait(twin, epfd, 8);
    twin_wait(twin, epfd, 8);
    twin_close(twin, fds[0]);
    twin_wait(twin, epfd, 8);
    twin_close(twin, epfd);
}

static void edge_script(struct twin *twin)
{
    int fds[2];
    char data[8];
    int epfd = twin_epoll(twin);
    twin_pipe(twin, fds, O_NONBLOCK);
    twin_write(twin, fds[1], "ab", 2);
    twin_note(twin, "add", twin_ctl(twin, epfd, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLET, 1));
    twin_wait(twin, epfd, 8);
    twin_wait(twin, epfd, 8);
    twin_read(twin, fds[0], data, 1);
    twin_wait(twin, epfd, 8);
    twin_write(twin, fds[1], "c", 1);
    twin_wait(twin, epfd, 8);
    twin_wait(twin, epfd, 8);
    twin_note(twin, "mod", twin_ctl(twin, epfd, EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLET, 2));
    twin_wait(twin, epfd, 8);
    twin_wait(twin, epfd, 8);
    twin_close(twin, fds[1]);
    twin_wait(twin, epfd, 8);
    twin_wait(twin, epfd, 8);
    twin_close(twin, fds[0]);
    twin_close(twin, epfd);
}

static void oneshot_script(struct twin *twin)
{
    int fds[2];
    int epfd = twin_epoll(twin);
    twin_pipe(twin, fds, O_NONBLOCK);
    twin_note(twin, "add", twin_ctl(twin, epfd, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLONESHOT, 1));
    twin_write(twin, fds[1], "ab", 2);
    twin_wait(twin, epfd, 8);
    twin_write(twin, fds[1], "ab", 2);
    twin_wait(twin, epfd, 8);
    twin_close(twin, fds[1]);
    twin_wait(twin, epfd, 8);
    twin_note(twin, "mod", twin_ctl(twin, epfd, EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLONESHOT, 3));
    twin_wait(twin, epfd, 8);
    twin_wait(twin, epfd, 8);
    twin_close(twin, fds[0]);
    twin_close(twin, epfd);
}

static void fairness_script(struct twin *twin)
{
    int events[4];
    int epfd = twin_epoll(twin);
    for (uint32_t i = 0; i < 4; i++) {
        events[i] = twin_eventfd(twin, i != 2, EFD_NONBLOCK);
        twin_ctl(twin, epfd, EPOLL_CTL_ADD, events[i], EPOLLIN, i);
    }
    for (int round = 0; round < 5; round++) {
        twin_wait(twin, epfd, 2);
    }
    uint64_t one = 1;
    twin_write(twin, events[2], &one, sizeof one);
    twin_wait(twin, epfd, 1);
    twin_wait(twin, epfd, 8);
    for (int i = 0; i < 4; i++) {
        twin_close(twin, events[i]);
    }
    twin_close(twin, epfd);
}

static void errors_script(struct twin *twin)
{
    int fds[2];
    int epfd = twin_epoll(twin);
    int other = twin_epoll(twin);
    twin_pipe(twin, fds, 0);
    twin_note(twin, "mod absent", twin_ctl(twin, epfd, EPOLL_CTL_MOD, fds[0], EPOLLIN, 1));
    twin_note(twin, "del absent", twin_ctl(twin, epfd, EPOLL_CTL_DEL, fds[0], 0, 1));
    twin_note(twin, "add", twin_ctl(twin, epfd, EPOLL_CTL_ADD, fds[0], EPOLLIN, 1));
    twin_note(twin, "add again", twin_ctl(twin, epfd, EPOLL_CTL_ADD, fds[0], EPOLLIN, 1));
    twin_note(twin, "add itself", twin_ctl(twin, epfd, EPOLL_CTL_ADD, epfd, EPOLLIN, 1));
    twin_note(twin, "add closed", twin_ctl(twin, epfd, EPOLL_CTL_ADD, 1000, EPOLLIN, 1));
    twin_note(twin, "not an epoll", twin_ctl(twin, fds[0], EPOLL_CTL_ADD, fds[1], EPOLLIN, 1));
    twin_note(twin, "bad op", twin_ctl(twin, epfd, 7, fds[0], EPOLLIN, 1));
    twin_note(twin, "nest", twin_ctl(twin, other, EPOLL_CTL_ADD, epfd, EPOLLIN, 9));
    twin_note(twin, "loop", twin_ctl(twin, epfd, EPOLL_CTL_ADD, other, EPOLLIN, 9));
    twin_note(twin, "exclusive",
              twin_ctl(twin, epfd, EPOLL_CTL_ADD, fds[1], EPOLLOUT | EPOLLEXCLUSIVE, 2));
    twin_note(twin, "exclusive mod", twin_ctl(twin, epfd, EPOLL_CTL_MOD, fds[1], EPOLLOUT, 2));
    twin_note(twin, "mod exclusive",
              twin_ctl(twin, epfd, EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLEXCLUSIVE, 2));
    twin_wait(twin, epfd, 0);
    twin_wait(twin, other, 8);
    twin_close(twin, fds[0]);
    twin_close(twin, fds[1]);
    twin_close(twin, epfd);
    twin_close(twin, other);
}

static void dup_script(struct twin *twin)
{
    int fds[2];
    int epfd = twin_epoll(twin);
    twin_pipe(twin, fds, O_NONBLOCK);
    int copy = twin_dup(twin, fds[0]);
    twin_note(twin, "add", twin_ctl(twin, epfd, EPOLL_CTL_ADD, fds[0], EPOLLIN, 1));
    twin_note(twin, "add copy", twin_ctl(twin, epfd, EPOLL_CTL_ADD, copy, EPOLLIN | EPOLLET, 2));
    twin_write(twin, fds[1], "x", 1);
    twin_wait(twin, epfd, 8);
    twin_close(twin, fds[0]);
    twin_wait(twin, epfd, 8);
    twin_note(twin, "del closed", twin_ctl(twin, epfd, EPOLL_CTL_DEL, fds[0], 0, 0));
    twin_close(twin, copy);
    twin_wait(twin, epfd, 8);
    twin_close(twin, fds[1]);
    twin_close(twin, epfd);
}

static void nested_edge_script(struct twin *twin)
{
    int fds[2];
    int inner = twin_epoll(twin);
    int outer = twin_epoll(twin);
    twin_pipe(twin, fds, O_NONBLOCK);
    twin_ctl(twin, inner, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLET, 1);
    twin_ctl(twin, outer, EPOLL_CTL_ADD, inner, EPOLLIN | EPOLLET, 2);
    twin_wait(twin, outer, 8);
    twin_write(twin, fds[1], "x", 1);
    twin_poll(twin, inner, POLLIN);
    twin_wait(twin, outer, 8);
    twin_wait(twin, outer, 8);
    twin_write(twin, fds[1], "x", 1);
    twin_wait(twin, outer, 8);
    twin_wait(twin, inner, 8);
    twin_wait(twin, inner, 8);
    twin_wait(twin, outer, 8);
    twin_close(twin, fds[0]);
    twin_close(twin, fds[1]);
    twin_close(twin, inner);
    twin_close(twin, outer);
}

#define TWIN(name)                                                                                 \
    static void name##_model_and_linux_agree(void **state)                                         \
    {                                                                                              \
        twin_assert_same(*state, name##_script, 1);                                                \
    }
TWIN(level)
TWIN(edge)
TWIN(oneshot)
TWIN(fairness)
TWIN(errors)
TWIN(dup)
TWIN(nested_edge)

/* ---- Random scripts ----------------------------------------------------------------------------
 */

enum { PIPES = 3, EVENTS = 2, NAMES = 2 * PIPES + EVENTS, EPOLLS = 2, OPERATIONS = 120 };

struct random_script {
    struct twin *twin;
    struct random random;
    int fds[NAMES]; /* pipe ends, then eventfds; -1 closed */
    int epolls[EPOLLS];
    char data[4096];
};

static uint32_t random_events(struct random *random)
{
    static const uint32_t choices[] = {EPOLLIN,
                                       EPOLLOUT,
                                       EPOLLIN | EPOLLOUT,
                                       EPOLLIN | EPOLLET,
                                       EPOLLOUT | EPOLLET,
                                       EPOLLIN | EPOLLOUT | EPOLLET,
                                       EPOLLIN | EPOLLONESHOT,
                                       EPOLLIN | EPOLLET | EPOLLONESHOT,
                                       EPOLLIN | EPOLLRDHUP,
                                       0};
    return choices[random_below(random, sizeof choices / sizeof choices[0])];
}

static void random_transfer(struct random_script *script, uint32_t name)
{
    int fd = script->fds[name];
    bool counter = name >= 2 * PIPES;
    bool writes = counter ? random_below(&script->random, 2) == 0 : name % 2 == 1;
    size_t size = counter ? 8 : 1 + random_below(&script->random, 300);
    uint64_t value = random_below(&script->random, 3);
    if (writes) {
        const void *data = counter ? (const void *)&value : script->data;
        twin_note(script->twin, "write", twin_write(script->twin, fd, data, size));
    } else {
        twin_note(script->twin, "read", twin_read(script->twin, fd, script->data, size));
    }
}

static void random_operation(struct random_script *script)
{
    struct twin *twin = script->twin;
    struct random *random = &script->random;
    uint32_t name = random_below(random, NAMES);
    int fd = script->fds[name];
    int epfd = script->epolls[random_below(random, EPOLLS)];
    switch (random_below(random, 12)) {
    case 0:
    case 1:
        twin_note(twin, "add",
                  twin_ctl(twin, epfd, EPOLL_CTL_ADD, fd, random_events(random), name));
        break;
    case 2:
        twin_note(twin, "mod",
                  twin_ctl(twin, epfd, EPOLL_CTL_MOD, fd, random_events(random), name + 100));
        break;
    case 3:
        if (random_below(random, 2) == 0) {
            twin_note(twin, "del", twin_ctl(twin, epfd, EPOLL_CTL_DEL, fd, 0, 0));
        }
        break;
    case 4:
        twin_poll(twin, fd, (short)(POLLIN | POLLOUT));
        break;
    case 5:
        if (random_below(random, 8) == 0 && fd >= 0) {
            twin_note(twin, "close", twin_close(twin, fd));
            script->fds[name] = -1;
        }
        break;
    case 6:
    case 7:
        twin_wait(twin, epfd, 1 + (int)random_below(random, 8));
        break;
    default:
        random_transfer(script, name);
        break;
    }
}

static void random_script_run(struct twin *twin)
{
    struct random_script script = {.twin = twin, .random = {.state = twin->seed}};
    for (int i = 0; i < PIPES; i++) {
        twin_pipe(twin, &script.fds[2 * i], O_NONBLOCK);
    }
    for (int i = 0; i < EVENTS; i++) {
        script.fds[2 * PIPES + i] =
            twin_eventfd(twin, 0, EFD_NONBLOCK | (i == 0 ? EFD_SEMAPHORE : 0));
    }
    for (int i = 0; i < EPOLLS; i++) {
        script.epolls[i] = twin_epoll(twin);
    }
    if (random_below(&script.random, 3) == 0) {
        twin_ctl(twin, script.epolls[0], EPOLL_CTL_ADD, script.epolls[1],
                 random_events(&script.random), 77);
    }
    for (int i = 0; i < OPERATIONS; i++) {
        random_operation(&script);
    }
    for (int i = 0; i < NAMES; i++) {
        if (script.fds[i] >= 0) {
            twin_close(twin, script.fds[i]);
        }
    }
    for (int i = 0; i < EPOLLS; i++) {
        twin_close(twin, script.epolls[i]);
    }
}

static void random_scripts_model_and_linux_agree(void **state)
{
    struct fake *fake = *state;
    fake->dispositions[SIGPIPE] = 1;
    (void)signal(SIGPIPE, SIG_IGN);
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        twin_assert_same(fake, random_script_run, seed);
    }
}

/* ---- The model alone ---------------------------------------------------------------------------
 */

static int order_main(struct fake *fake, struct model *model)
{
    struct epoll_event events[4];
    int epfd = model_sys_epoll_create(model, 0);
    for (uint32_t i = 0; i < 4; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        assert_int_equal(0, model_sys_epoll_ctl(model, epfd, EPOLL_CTL_ADD,
                                                model_sys_eventfd(model, 1, 0), &event));
    }
    assert_int_equal(4,
                     model_sys_epoll_wait(model, TRACE_CALL_EPOLL_WAIT, epfd, events, 4, 0, NULL));
    for (int i = 0; i < 4; i++) {
        fake->values[i] = events[i].data.u32;
    }
    return 0;
}

static void epoll_wait_order_permutes_the_reports(void **state)
{
    struct fake *fake = *state;
    int orders = 0; /* bit: which report came first and second */
    for (uint32_t order = 0; order < 64; order++) {
        (void)fake->world->ops->order(fake->world, order);
        (void)fake_play(fake, order_main);
        bool same = true;
        int seen = 0;
        for (int i = 0; i < 4; i++) {
            same = same && fake->values[i] == i;
            seen |= 1 << fake->values[i];
        }
        assert_int_equal(15, seen);
        assert_true(order != 0 || same);
        orders |= 1 << (fake->values[0] * 4 + fake->values[1]);
    }
    /* Every pair of different descriptors; rotations alone would give four. */
    assert_int_equal(12, __builtin_popcount((unsigned)orders));
}

static int ready_main(struct fake *fake, struct model *model)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    (void)fake;
    int epfd = model_sys_epoll_create(model, 0);
    int fd = model_sys_eventfd(model, 1, 0);
    assert_int_equal(0, model_sys_epoll_ctl(model, epfd, EPOLL_CTL_ADD, fd, &event));
    assert_int_equal(1,
                     model_sys_epoll_wait(model, TRACE_CALL_EPOLL_WAIT, epfd, &event, 1, -1, NULL));
    return fd;
}

static void epoll_wait_edge_item_is_traced_as_such(void **state)
{
    struct fake *fake = *state;
    struct trace_event end = fake_play(fake, ready_main);
    const struct trace_event *ready = fake_event(fake, TRACE_READY, -1, 0);
    assert_non_null(ready);
    assert_int_equal(end.result, ready->fd);
    assert_int_equal(TRACE_EDGE, ready->flags);
    assert_int_equal(EPOLLIN, ready->a);
    assert_int_equal(EPOLLIN, ready->b);
}

static int select_main(struct fake *fake, struct model *model)
{
    int fds[2];
    fd_set in, out;
    (void)fake;
    assert_int_equal(0, model_sys_pipe(model, fds, 0));
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(fds[0], &in);
    FD_SET(fds[1], &out);
    assert_int_equal(
        1, model_sys_select(model, TRACE_CALL_SELECT, fds[1] + 1, &in, &out, NULL, -1, NULL));
    assert_false(FD_ISSET(fds[0], &in));
    assert_true(FD_ISSET(fds[1], &out));
    FD_SET(fds[0], &in);
    assert_int_equal(1, fake_write(model, fds[1], "x", 1));
    assert_int_equal(
        2, model_sys_select(model, TRACE_CALL_SELECT, fds[1] + 1, &in, &out, NULL, -1, NULL));
    FD_SET(900, &in);
    assert_int_equal(-EBADF,
                     model_sys_select(model, TRACE_CALL_SELECT, 901, &in, NULL, NULL, -1, NULL));
    assert_true(FD_ISSET(900, &in));
    assert_int_equal(
        1, model_sys_select(model, TRACE_CALL_SELECT, fds[0] + 1, &in, NULL, NULL, -1, NULL));
    return 0;
}

static void select_answers_for_the_sets(void **state)
{
    assert_int_equal(0, fake_play(*state, select_main).result);
}

static int poll_main(struct fake *fake, struct model *model)
{
    struct pollfd fds[3] = {
        {.fd = -1, .events = POLLIN, .revents = 7}, {.fd = 99, .events = POLLIN}, {.fd = 1}};
    (void)fake;
    assert_int_equal(1, model_sys_poll(model, TRACE_CALL_POLL, fds, 3, -1, NULL));
    assert_int_equal(0, fds[0].revents);
    assert_int_equal(POLLNVAL, fds[1].revents);
    assert_int_equal(0, fds[2].revents);
    return 0;
}

static void poll_closed_descriptor_is_invalid(void **state)
{
    assert_int_equal(0, fake_play(*state, poll_main).result);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(level_model_and_linux_agree),           TEST(edge_model_and_linux_agree),
        TEST(oneshot_model_and_linux_agree),         TEST(fairness_model_and_linux_agree),
        TEST(errors_model_and_linux_agree),          TEST(dup_model_and_linux_agree),
        TEST(nested_edge_model_and_linux_agree),     TEST(random_scripts_model_and_linux_agree),
        TEST(epoll_wait_order_permutes_the_reports), TEST(epoll_wait_edge_item_is_traced_as_such),
        TEST(select_answers_for_the_sets),           TEST(poll_closed_descriptor_is_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
