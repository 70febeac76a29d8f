/* Calls on sockets by a program that sleeps in them: the numbers that accept takes, what a peek
 * waits for, when the heap is told. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>

#include "model/fake_program.h"
#include "model/io.h"

enum { PORT = 7000 };

static void peer_connects(struct fake *fake, struct world *world)
{
    fake->values[0] = world->ops->socket(world, TRACE_HOST_PEER);
    assert_int_equal(-EINPROGRESS, world->ops->connect(world, (int)fake->values[0], PORT));
}

static void peer_closes(struct fake *fake, struct world *world)
{
    assert_int_equal(0, world->ops->close(world, (int)fake->values[0]));
}

static int listen_at_port(struct model *model)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int listener = model_sys_socket(model, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(0, model_sys_bind(model, listener, (void *)&address, sizeof address));
    assert_int_equal(0, model_sys_listen(model, listener, 8));
    return listener;
}

static int serving_main(struct fake *fake, struct model *model)
{
    int listener = listen_at_port(model);
    while (fake != NULL) {
        struct pollfd one = {.fd = listener, .events = POLLIN};
        (void)model_sys_poll(model, TRACE_CALL_POLL, &one, 1, -1, NULL);
        int fd = model_sys_accept(model, TRACE_CALL_ACCEPT, listener, NULL, NULL, 0);
        fake->heap_blocks++;
        assert_int_equal(0, model_sys_close(model, fd));
    }
    return 0;
}

static void heap_is_told_after_each_batch_of_dialogues(void **state)
{
    struct fake *fake = *state;
    for (int i = 0; i < 2; i++) {
        fake_then(fake, peer_connects);
        fake_then(fake, peer_closes);
    }
    (void)fake_play(fake, serving_main);
    assert_int_equal(2, fake_count(fake, TRACE_HEAP, -1));
    assert_int_equal(1, fake_event(fake, TRACE_HEAP, -1, 0)->a);
    assert_int_equal(1, fake_event(fake, TRACE_HEAP, -1, 0)->result);
    assert_int_equal(2, fake_event(fake, TRACE_HEAP, -1, 1)->a);
    const struct trace_event *ready = fake_event(fake, TRACE_READY, -1, 0);
    assert_int_equal(POLLIN, ready->b);
}

static int accept_one(struct model *model, int listener)
{
    return model_sys_accept(model, TRACE_CALL_ACCEPT, listener, NULL, NULL, 0);
}

static void descriptors_run_out(struct fake *fake, struct world *world)
{
    (void)fake;
    world->ops->descriptors_free(world, 0);
}

/* __sys_accept4_file of Linux takes the number before it waits. */
FAKE_MAIN(accept_that_sleeps_has_its_number_main)
{
    int listener = listen_at_port(model);
    fake_then(fake, descriptors_run_out);
    fake_then(fake, peer_connects);
    assert_int_equal(listener + 1, accept_one(model, listener));
    assert_int_equal(-EMFILE, accept_one(model, listener));
    model->current->limit = listener + 3;
    assert_int_equal(listener + 2, model_sys_eventfd(model, 0, 0));
    assert_int_equal(0, model_sys_close(model, listener + 1));
    assert_int_equal(listener + 1, model_sys_eventfd(model, 0, 0));
    return 0;
}
RUNS(accept_that_sleeps_has_its_number)

static void open_eventfd(struct fake *fake, int number)
{
    (void)number;
    fake->values[1] = model_sys_eventfd(fake->model, 0, 0);
}

/* Linux has left the call while the handler runs, and begins it anew. */
FAKE_MAIN(accept_that_is_restarted_takes_another_number_main)
{
    int listener = listen_at_port(model);
    fake->dispositions[SIGUSR1] = 2 | 0x100;
    fake->handlers[SIGUSR1] = open_eventfd;
    fake_then(fake, send_usr1);
    fake_then(fake, peer_connects);
    assert_int_equal(listener + 2, accept_one(model, listener));
    assert_int_equal(listener + 1, fake->values[1]);
    return 0;
}
RUNS(accept_that_is_restarted_takes_another_number)

FAKE_MAIN(accept_whose_number_a_handler_took_fails_main)
{
    int listener = listen_at_port(model);
    fake->dispositions[SIGUSR1] = 2 | 0x100;
    fake->handlers[SIGUSR1] = open_eventfd;
    model->current->limit = listener + 2;
    fake_then(fake, send_usr1);
    fake_then(fake, peer_connects);
    assert_int_equal(-EMFILE, accept_one(model, listener));
    assert_int_equal(listener + 1, fake->values[1]);
    return 0;
}
RUNS(accept_whose_number_a_handler_took_fails)

FAKE_MAIN(accept_that_is_interrupted_gives_its_number_back_main)
{
    int listener = listen_at_port(model);
    fake->dispositions[SIGUSR1] = 2;
    fake_then(fake, send_usr1);
    assert_int_equal(-EINTR, accept_one(model, listener));
    assert_int_equal(listener + 1, model_sys_eventfd(model, 0, 0));
    return 0;
}
RUNS(accept_that_is_interrupted_gives_its_number_back)

FAKE_MAIN(accept_that_a_handler_jumps_out_of_gives_its_number_back_main)
{
    int listener = listen_at_port(model);
    fake->dispositions[SIGUSR1] = 2;
    fake->handlers[SIGUSR1] = jump;
    fake_then(fake, send_usr1);
    if (sigsetjmp(jumped, 0) == 0) {
        (void)accept_one(model, listener);
        return 1;
    }
    assert_int_equal(listener + 1, model_sys_eventfd(model, 0, 0));
    return 0;
}
RUNS(accept_that_a_handler_jumps_out_of_gives_its_number_back)

/* ---- A peek that passes over an urgent byte ---- */

static int peeking_main(struct fake *fake, struct model *model)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(7000)};
    char byte = 0;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    int listener = model_sys_socket(model, AF_INET, SOCK_STREAM, 0);
    (void)fake;
    assert_int_equal(0,
                     model_sys_bind(model, listener, (struct sockaddr *)&address, sizeof(address)));
    assert_int_equal(0, model_sys_listen(model, listener, 1));
    int fd = model_sys_accept(model, TRACE_CALL_ACCEPT, listener, NULL, NULL, 0);
    assert_int_equal(1, model_sys_recv(model, TRACE_CALL_RECV, fd, &message, MSG_PEEK));
    return byte;
}

static void peek_peer_connects(struct fake *fake, struct world *world)
{
    fake->values[0] = world->ops->socket(world, TRACE_HOST_PEER);
    (void)world->ops->connect(world, (int)fake->values[0], 7000);
}

static void peek_peer_sends_urgently(struct fake *fake, struct world *world)
{
    assert_int_equal(1, world->ops->send(world, (int)fake->values[0], "u", 1, MSG_OOB));
}

static void peek_peer_sends(struct fake *fake, struct world *world)
{
    assert_int_equal(1, world->ops->send(world, (int)fake->values[0], "x", 1, 0));
}

/* It sleeps on: an urgent byte is nothing that it could report. */
static void peek_passes_over_an_urgent_byte(void **state)
{
    struct fake *fake = *state;
    fake_then(fake, peek_peer_connects);
    fake_then(fake, peek_peer_sends_urgently);
    fake_then(fake, peek_peer_sends);
    assert_int_equal('x', fake_play(fake, peeking_main).result);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(heap_is_told_after_each_batch_of_dialogues),
        TEST(accept_that_sleeps_has_its_number),
        TEST(accept_that_is_restarted_takes_another_number),
        TEST(accept_whose_number_a_handler_took_fails),
        TEST(accept_that_is_interrupted_gives_its_number_back),
        TEST(accept_that_a_handler_jumps_out_of_gives_its_number_back),
        TEST(peek_passes_over_an_urgent_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
