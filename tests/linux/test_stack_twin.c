/* Scenarios whose two hosts are scripted, played on the model and on the live world: every call
 * with its result, every readiness answer and every byte must be the same. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "linux/linux.h"
#include "model/model.h"
#include "scenario/text.h"
#include "trace/describe.h"
#include "world/engine.h"

enum { EVENTS = 4096, LINE = 160, TEXT = 1 << 16 };

static struct world *live;
static struct world *model;

static void open_worlds(void)
{
    struct status_detail detail = {""};
    const struct linux_setup setup = {.slow = false};
    struct model *made = NULL;
    if (linux_world_new(&setup, &live, &detail) != STATUS_OK) {
        print_message("%s\n", detail.text);
        exit(77);
    }
    assert_ok(model_new(NULL, &made, &detail), &detail);
    model = model_world(made);
}

/* What the two must have in common, a line each. */
static void tell(const struct trace *trace, char *text)
{
    size_t used = 0;
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        char line[LINE];
        if (event->kind != TRACE_CALL && event->kind != TRACE_READY && event->kind != TRACE_BYTES &&
            event->kind != TRACE_NOOP) {
            continue;
        }
        (void)trace_describe(event, line, sizeof line);
        used += (size_t)snprintf(text + used, TEXT - used, "%s %s conn %u a %lld b %lld\n",
                                 event->host == TRACE_HOST_PEER ? "peer" : "target", line,
                                 event->conn, (long long)event->a, (long long)event->b);
        assert_true(used < TEXT);
    }
}

static void play(struct world *world, const char *scenario, char *text)
{
    struct status_detail detail = {""};
    static struct scenario_text parsed;
    struct engine *engine = NULL;
    struct engine_result result;
    struct trace trace = {0};
    assert_ok(scenario_parse("scenario", scenario, strlen(scenario), &parsed, &detail), &detail);
    assert_ok(trace_init(&trace, EVENTS), &detail);
    assert_ok(engine_new(world, &engine, &detail), &detail);
    const struct engine_play what = {.trace = &trace, .seed = 1};
    trace.header.role = TRACE_ROLE_STACK;
    assert_ok(engine_run(engine, &what, &parsed.scenario, &result, &detail), &detail);
    tell(&trace, text);
    engine_free(engine);
    trace_done(&trace);
}

/* Plays on both; `expected` are pieces of what both must say, each ended by '\n'. */
static void twins(const char *scenario, const char *expected)
{
    static char of_model[TEXT];
    static char of_linux[TEXT];
    play(model, scenario, of_model);
    play(live, scenario, of_linux);
    assert_string_equal(of_model, of_linux);
    for (const char *at = expected; *at != '\0';) {
        char piece[LINE];
        size_t size = strcspn(at, "\n");
        (void)snprintf(piece, sizeof piece, "%.*s", (int)size, at);
        if (strstr(of_linux, piece) == NULL) {
            print_error("%s\nlacks: %s\n", of_linux, piece);
            fail();
        }
        at += size + 1;
    }
}

#define OPEN                                                                                       \
    "app socket\napp bind 7000\napp listen 8\napp 1 socket peer\napp 1 connect 7000\n"             \
    "app accept 2\n"

static void numbers_are_the_lowest_free_ones(void **state)
{
    (void)state;
    twins(OPEN
          "app 2 dup 3\napp 1 close\napp 4 socket\napp 2 dup 5\napp 2 close\napp 6 socket peer\n"
          "app accept 7\n",
          "target accept(0) = 2\ntarget dup(2) = 3\ntarget socket() = 1\ntarget dup(2) = 4\n"
          "peer socket() = 2\ntarget accept(0) = -1 EAGAIN\n");
}

static void flags_are_what_was_asked_for(void **state)
{
    (void)state;
    twins(OPEN "app 1 flags\napp 2 flags\napp 1 dup 3\napp 3 flags\n",
          "peer fcntl(1, F_GETFL) = 2048\npeer fcntl(1, F_GETFD) = 1\n"
          "target fcntl(2, F_GETFL) = 0\ntarget fcntl(2, F_GETFD) = 0\n"
          "peer fcntl(3, F_GETFL) = 2048\npeer fcntl(3, F_GETFD) = 0\n");
}

static void bytes_are_known_by_their_place(void **state)
{
    (void)state;
    twins(OPEN "app 1 send fill 100\napp 1 send \"hello\"\napp 2 recv 50 peek\napp 2 recv 103\n"
               "app 2 recv 9 waitall\napp 2 send fill 7 x 3\napp 1 recv 30\n",
          "descriptor 2: 50 bytes from offset 0, as sent\n"
          "descriptor 2: 103 bytes from offset 0, as sent\n"
          "descriptor 2: 2 bytes from offset 103, as sent\n"
          "descriptor 1: 21 bytes from offset 0, as sent\n");
}

static void urgent_byte_is_beside_the_stream(void **state)
{
    (void)state;
    twins(OPEN "app 1 send \"ab\"\napp 1 urgent\napp 2 poll\napp 2 recv 9\napp 2 recv 9 oob\n"
               "app 2 recv 9 oob\n",
          "target recv(2, 9) = 2\ntarget recv(2, 9, MSG_OOB) = 1\n"
          "target recv(2, 9, MSG_OOB) = -1 EINVAL\nnot compared\n");
}

static void both_connect_at_once_is_one_connection(void **state)
{
    (void)state;
    twins("app socket\napp bind 7001\napp 1 socket peer\napp 1 bind 7002\nwire hold both\n"
          "app connect 7002\napp 1 connect 7001\nwire release both\napp poll\napp 1 send \"x\"\n"
          "app recv 5\napp 1 names\n",
          "target recv(0, 5) = 1 conn 1\npeer getpeername(1) = 0 conn 1 a 7001 b 2\n");
}

static void epoll_reports_level_edge_and_oneshot(void **state)
{
    (void)state;
    twins(OPEN
          "app 2 dup 3\napp 2 watch\napp 3 watch edge\napp 1 watch oneshot\napp wait\napp wait\n"
          "app wait peer\napp wait peer\napp 1 send \"x\"\napp wait\napp 2 close\napp wait\n"
          "app 1 watch again\napp wait peer\napp 1 watch\napp 1 watch off\napp 1 watch off\n",
          "target epoll_wait(32 fds, 0 s) = 2\ntarget epoll_wait(32 fds, 0 s) = 1\n"
          "peer epoll_wait(32 fds, 0 s) = 1\npeer epoll_wait(32 fds, 0 s) = 0\n"
          "peer epoll_ctl(0, ADD, 1, IN|PRI|OUT|RDHUP) = -1 EEXIST\n"
          "peer epoll_ctl(0, DEL, 1) = -1 ENOENT\n");
}

static void options_are_set_and_read(void **state)
{
    (void)state;
    twins("app socket\napp option SO_LINGER 5\napp get SO_LINGER\napp option SO_LINGER off\n"
          "app get SO_LINGER\napp option TCP_KEEPIDLE 0\napp option TCP_SYNCNT 3\n"
          "app get TCP_SYNCNT\napp option SO_ERROR 1\napp get SO_ERROR\napp get TCP_INFO\n"
          "app option TCP_LINGER2 off\napp get TCP_LINGER2\napp get TCP_NODELAY\n",
          "target setsockopt(0, TCP_KEEPIDLE, 0) = -1 EINVAL\n"
          "target setsockopt(0, SO_ERROR, 1) = -1 ENOPROTOOPT\n"
          "target getsockopt(0, TCP_SYNCNT, 3) = 0\ntarget getsockopt(0, TCP_INFO, 7) = 0\n");
}

static void disconnect_makes_it_a_fresh_socket(void **state)
{
    (void)state;
    twins(OPEN "app 1 disconnect\napp 1 poll\napp 2 recv 5\napp 1 connect 7000\napp accept 4\n"
               "app 4 send \"y\"\napp 1 recv 9\napp 2 reset\n",
          "target recv(2, 5) = -1 ECONNRESET\n"
          "peer recv(1, 9) = 1 conn 2\n");
}

/* A step is without effect only where its name is not there, or the new one is taken. */
static void failing_call_is_a_call(void **state)
{
    (void)state;
    twins("app socket\napp accept 1\napp recv 0\napp send \"x\"\napp shutdown both\napp 5 close\n"
          "app socket\napp connect 7000\napp poll\napp connect 7000\n",
          "target accept(0) = -1 EINVAL\ntarget recv(0, 0) = -1 ENOTCONN\n"
          "target send(0, 1) = -1 EPIPE\ntarget shutdown(0, SHUT_RDWR) = -1 ENOTCONN\n"
          "app 5 close had no effect\napp socket had no effect\n"
          "target connect(0, port 7000) = -1 ECONNREFUSED\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_the_lowest_free_ones),
        cmocka_unit_test(flags_are_what_was_asked_for),
        cmocka_unit_test(bytes_are_known_by_their_place),
        cmocka_unit_test(urgent_byte_is_beside_the_stream),
        cmocka_unit_test(both_connect_at_once_is_one_connection),
        cmocka_unit_test(epoll_reports_level_edge_and_oneshot),
        cmocka_unit_test(options_are_set_and_read),
        cmocka_unit_test(disconnect_makes_it_a_fresh_socket),
        cmocka_unit_test(failing_call_is_a_call),
    };
    open_worlds();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    live->ops->free(live);
    model->ops->free(model);
    return failed;
}
