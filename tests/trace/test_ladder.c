/* The ladder: what it shows, what it leaves out, and that it stays within its width. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/random.h"
#include "scenario/text.h"
#include "trace/ladder.h"

static struct trace trace;

static int setup(void **state)
{
    (void)state;
    return trace_init(&trace, 8192) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    trace_done(&trace);
    return 0;
}

static void add(struct trace_event event)
{
    event.time_us = trace.now_us;
    event.fd = event.fd == 0 ? -1 : event.fd;
    *trace_add(&trace, TRACE_NONE, TRACE_HOST_TARGET) = event;
}

static void add_call(enum trace_call call, int fd, uint32_t conn, int64_t asked, int64_t result,
                     int error)
{
    add((struct trace_event){.kind = TRACE_CALL,
                             .what = (uint8_t)call,
                             .fd = fd,
                             .conn = conn,
                             .a = asked,
                             .b = call == TRACE_CALL_POLL ? -1 : 0,
                             .result = result,
                             .err = error});
}

static void add_state(enum trace_host host, uint32_t conn, enum tcp_state from, enum tcp_state to)
{
    add((struct trace_event){
        .kind = TRACE_STATE, .host = (uint8_t)host, .conn = conn, .what = (uint8_t)to, .a = from});
}

static void add_segment(enum trace_host host, uint32_t conn, enum scenario_segment kind,
                        enum trace_fate fate, int64_t bytes)
{
    add((struct trace_event){.kind = TRACE_SEGMENT,
                             .host = (uint8_t)host,
                             .conn = conn,
                             .what = (uint8_t)kind,
                             .result = fate,
                             .a = bytes > 0 ? 1 : 0,
                             .b = bytes});
}

static void add_peer(uint32_t conn, enum trace_peer what, int64_t bytes)
{
    add((struct trace_event){.kind = TRACE_PEER,
                             .host = TRACE_HOST_PEER,
                             .conn = conn,
                             .what = (uint8_t)what,
                             .a = bytes});
}

static void add_step(enum scenario_verb verb, int64_t index)
{
    add((struct trace_event){
        .kind = TRACE_STEP, .host = TRACE_HOST_PEER, .what = (uint8_t)verb, .a = index});
}

static void add_handshake(uint32_t conn)
{
    add_segment(TRACE_HOST_PEER, conn, SCENARIO_SEGMENT_SYN, TRACE_FATE_SENT, 0);
    add_state(TRACE_HOST_PEER, conn, TCP_CLOSED, TCP_SYN_SENT);
    add_state(TRACE_HOST_TARGET, conn, TCP_LISTEN, TCP_SYN_RECEIVED);
    add_segment(TRACE_HOST_TARGET, conn, SCENARIO_SEGMENT_SYN_ACK, TRACE_FATE_SENT, 0);
    add_state(TRACE_HOST_PEER, conn, TCP_SYN_SENT, TCP_ESTABLISHED);
    add_peer(conn, TRACE_PEER_CONNECTED, 0);
    add_segment(TRACE_HOST_PEER, conn, SCENARIO_SEGMENT_ACK, TRACE_FATE_SENT, 0);
    add_state(TRACE_HOST_TARGET, conn, TCP_SYN_RECEIVED, TCP_ESTABLISHED);
}

static void add_poll(uint32_t conn, int fd, int64_t got)
{
    add_call(TRACE_CALL_POLL, 0, 0, 2, 1, 0);
    add((struct trace_event){.kind = TRACE_READY, .fd = fd, .conn = conn, .a = POLLIN, .b = got});
}

/* An echo server that ends a half-closed connection without an answer and leaks the descriptor. */
static void add_story(uint32_t conn, int fd)
{
    add_step(SCENARIO_PEER_CONNECT, 0);
    add_handshake(conn);
    add_poll(0, 3, POLLIN);
    add_call(TRACE_CALL_ACCEPT4, 3, conn, SOCK_NONBLOCK, fd, 0);
    add_step(SCENARIO_PEER_SEND, 1);
    add_segment(TRACE_HOST_PEER, conn, SCENARIO_SEGMENT_DATA, TRACE_FATE_SENT, 12);
    add_peer(conn, TRACE_PEER_SENT, 12);
    add((struct trace_event){.kind = TRACE_DIALOGUE,
                             .host = TRACE_HOST_PEER,
                             .what = TRACE_DIALOGUE_REQUEST_SENT,
                             .conn = conn,
                             .a = 1});
    add_poll(conn, fd, POLLIN);
    add_call(TRACE_CALL_RECV, fd, conn, 4096, 12, 0);
    add((struct trace_event){
        .kind = TRACE_FAULT, .what = TRACE_CALL_SEND, .fd = fd, .conn = conn, .a = 5});
    add_segment(TRACE_HOST_TARGET, conn, SCENARIO_SEGMENT_DATA, TRACE_FATE_SENT, 5);
    add_call(TRACE_CALL_SEND, fd, conn, 12, 5, 0);
    add_peer(conn, TRACE_PEER_READ, 5);
    trace.now_us += 250000;
    add((struct trace_event){.kind = TRACE_TIME, .a = 250000});
    add_step(SCENARIO_PEER_SHUTDOWN, 2);
    add_segment(TRACE_HOST_PEER, conn, SCENARIO_SEGMENT_FIN, TRACE_FATE_SENT, 0);
    add_state(TRACE_HOST_PEER, conn, TCP_ESTABLISHED, TCP_FIN_WAIT_1);
    add_state(TRACE_HOST_TARGET, conn, TCP_ESTABLISHED, TCP_CLOSE_WAIT);
    add_segment(TRACE_HOST_TARGET, conn, SCENARIO_SEGMENT_ACK, TRACE_FATE_SENT, 0);
    add_state(TRACE_HOST_PEER, conn, TCP_FIN_WAIT_1, TCP_FIN_WAIT_2);
    add_call(TRACE_CALL_RECV, fd, conn, 4096, 0, 0);
    add_segment(TRACE_HOST_TARGET, conn, SCENARIO_SEGMENT_FIN, TRACE_FATE_SENT, 0);
    add_state(TRACE_HOST_TARGET, conn, TCP_CLOSE_WAIT, TCP_LAST_ACK);
    add_state(TRACE_HOST_PEER, conn, TCP_FIN_WAIT_2, TCP_TIME_WAIT);
    add_call(TRACE_CALL_CLOSE, fd, conn, 1, 0, 0);
    add_peer(conn, TRACE_PEER_SAW_FIN, 0);
}

static struct trace_text drawn(const struct ladder_options *options)
{
    struct trace_text text = {0};
    struct trace_output output = trace_output_text(&text);
    struct status_detail detail = {{0}};
    assert_ok(ladder_print(&trace, options, &output, &detail), &detail);
    if (getenv("LADDER_SHOW") != NULL) {
        printf("\n%s", text.data);
    }
    return text;
}

/* The line that holds `part`, as a copy; fails when there is none. */
static char *line_with(const struct trace_text *text, const char *part)
{
    const char *at = strstr(text->data, part);
    if (at == NULL) {
        print_error("no \"%s\" in\n%s", part, text->data);
        fail();
    }
    const char *start = at;
    while (start > text->data && start[-1] != '\n') {
        start--;
    }
    return strndup(start, strcspn(start, "\n"));
}

static void assert_line(const struct trace_text *text, const char *part, const char *expected)
{
    char *line = line_with(text, part);
    assert_string_equal(line, expected);
    free(line);
}

static void ladder_of_one_connection_ties_causes_and_effects(void **state)
{
    (void)state;
    trace.header.role = TRACE_ROLE_SERVER;
    add_story(1, 5);
    add_call(TRACE_CALL_SETSOCKOPT, 3, 1, SOL_SOCKET << 16 | SO_REUSEADDR, 0, 0);
    struct trace_text text = drawn(&(struct ladder_options){0});
    assert_line(&text, "close(5)",
                "             close(5) = 0                 LAST-ACK     ------ FIN ------> "
                "TIME-WAIT    saw FIN");
    assert_line(&text, "-- SYN --",
                "             "
                "                             SYN-RECEIVED <----- SYN ------- SYN-SENT");
    assert_line(&text, "send(5, 12)",
                "             send(5, 12) = 5                  |        --- data 5 @1 ---> "
                "    |        read 5");
    trace_text_free(&text);
}

static void ladder_prints_time_only_where_it_changes(void **state)
{
    (void)state;
    add_story(1, 5);
    struct trace_text text = drawn(&(struct ladder_options){0});
    const char *first = strstr(text.data, "0.000000");
    assert_non_null(first);
    assert_null(strstr(first + 1, "0.000000"));
    assert_non_null(strstr(text.data, "0.250000  .. 250 ms pass"));
    trace_text_free(&text);
}

static void ladder_marks_the_last_proof_with_a_bang_and_others_with_an_arrow(void **state)
{
    (void)state;
    add_story(1, 5);
    const uint32_t proof[] = {trace.count - 3, 16};
    struct trace_text text =
        drawn(&(struct ladder_options){.highlights = proof, .highlight_count = 2});
    char *bang = line_with(&text, "TIME-WAIT");
    assert_int_equal(bang[0], '!');
    free(bang);
    unsigned arrows = 0;
    for (const char *at = text.data; (at = strstr(at, "\n>")) != NULL; at++) {
        arrows++;
    }
    assert_int_equal(arrows, 1);
    assert_non_null(strstr(text.data, "! here, > because of"));
    trace_text_free(&text);
}

static void ladder_of_a_spin_folds_the_cycle(void **state)
{
    (void)state;
    add_handshake(1);
    for (int i = 0; i < 500; i++) {
        add_poll(1, 5, POLLIN | POLLHUP);
        add_call(TRACE_CALL_RECV, 5, 1, 4096, 0, 0);
    }
    add((struct trace_event){.kind = TRACE_SPIN, .what = TRACE_CALL_POLL, .a = 1500});
    struct trace_text text = drawn(&(struct ladder_options){0});
    assert_non_null(strstr(text.data, "... these 3 again, 499 times more"));
    assert_non_null(strstr(text.data, "** spinning: 1500 calls of poll while nothing changes"));
    assert_non_null(strstr(text.data, "fd 5 is ready: IN|HUP"));
    trace_text_free(&text);
}

/* A program that looks about once a second, `count` times. */
static void add_ticks(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        trace.now_us += 1000000;
        add_call(TRACE_CALL_POLL, -1, 0, 1, 0, 0);
        add_call(TRACE_CALL_ACCEPT4, 3, 0, 0, -1, EAGAIN);
    }
}

static void ladder_of_a_timer_folds_what_comes_each_time(void **state)
{
    (void)state;
    add_handshake(1);
    add_ticks(60);
    trace.now_us += 500000;
    add_ticks(1);
    struct trace_text text = drawn(&(struct ladder_options){0});
    assert_non_null(strstr(text.data, "... these 2 again, 59 times more"));
    char *note = line_with(&text, "59 times more");
    assert_non_null(strstr(note, "60.0")); /* until when */
    free(note);
    assert_non_null(strstr(text.data, " 61.5")); /* not one second later */
    trace_text_free(&text);
}

static void ladder_of_a_timer_keeps_the_proof_in_its_place(void **state)
{
    (void)state;
    add_handshake(1);
    add_ticks(60);
    const uint32_t proof[] = {trace.count - 20}; /* a call of second 51 */
    struct trace_text text =
        drawn(&(struct ladder_options){.highlights = proof, .highlight_count = 1});
    assert_non_null(strstr(text.data, "\n! 51.0"));
    assert_non_null(strstr(text.data, "times more"));
    trace_text_free(&text);
}

static void ladder_narrows_to_the_connections_of_the_proof(void **state)
{
    (void)state;
    add_story(1, 5);
    add_story(2, 6);
    const uint32_t proof[] = {trace.count - 1};
    struct trace_text text =
        drawn(&(struct ladder_options){.rows_max = 200, .highlights = proof, .highlight_count = 1});
    assert_null(strstr(text.data, "recv(5"));
    assert_non_null(strstr(text.data, "recv(6"));
    trace_text_free(&text);
}

static void ladder_of_several_connections_numbers_their_rows(void **state)
{
    (void)state;
    add_story(1, 5);
    add_story(2, 6);
    struct trace_text text = drawn(&(struct ladder_options){.rows_max = 200});
    char *line = line_with(&text, "recv(6");
    assert_non_null(strstr(line, " #2 "));
    free(line);
    trace_text_free(&text);
}

static void ladder_keeps_a_proof_that_lies_far_back(void **state)
{
    (void)state;
    add_story(1, 5);
    for (int i = 0; i < 5000; i++) {
        trace.now_us += 1000;
        add_call(TRACE_CALL_SEND, 5, 1, i, i, 0);
    }
    const uint32_t proof[] = {11};
    struct trace_text text =
        drawn(&(struct ladder_options){.rows_max = 5, .highlights = proof, .highlight_count = 1});
    assert_non_null(strstr(text.data, "accept4(3) = 5"));
    assert_non_null(strstr(text.data, "rows left out"));
    assert_non_null(strstr(text.data, "send(5, 4999) = 4999"));
    trace_text_free(&text);
}

static void ladder_of_lost_and_held_segments_explains_its_arrows(void **state)
{
    (void)state;
    add_handshake(1);
    add_segment(TRACE_HOST_TARGET, 1, SCENARIO_SEGMENT_DATA, TRACE_FATE_DROPPED, 100);
    add_segment(TRACE_HOST_TARGET, 1, SCENARIO_SEGMENT_DATA, TRACE_FATE_RETRANSMITTED, 100);
    add_segment(TRACE_HOST_PEER, 1, SCENARIO_SEGMENT_FIN, TRACE_FATE_HELD, 0);
    add_segment(TRACE_HOST_PEER, 1, SCENARIO_SEGMENT_RST, TRACE_FATE_INJECTED, 0);
    struct trace_text text = drawn(&(struct ladder_options){0});
    assert_non_null(strstr(text.data, "-- data 100 @1 --x"));
    assert_non_null(strstr(text.data, "== data 100 @1 ==>"));
    assert_non_null(strstr(text.data, "|----- FIN -------"));
    assert_non_null(strstr(text.data, "<~~~~~ RST ~~~~~~~"));
    assert_non_null(strstr(text.data, "--| held   --x lost   ==> sent again   ~~> forged"));
    trace_text_free(&text);
}

static void ladder_uses_the_texts_of_the_steps(void **state)
{
    (void)state;
    add_story(1, 5);
    static struct scenario_text parsed;
    static const char steps[] = "peer connect\npeer send request[0:5]\n";
    struct status_detail detail = {""};
    assert_ok(scenario_parse("steps", steps, sizeof(steps) - 1, &parsed, &detail), &detail);
    struct trace_text text = drawn(&(struct ladder_options){.scenario = &parsed.scenario});
    assert_non_null(strstr(text.data, "-- step 1: peer send request[0:5] ---"));
    assert_non_null(strstr(text.data, "-- step 2: peer shutdown ---"));
    trace_text_free(&text);
}

static void ladder_of_a_pair_shows_the_calls_of_both_programs(void **state)
{
    (void)state;
    trace.header.role = TRACE_ROLE_PAIR;
    add_handshake(1);
    add((struct trace_event){.kind = TRACE_CALL,
                             .host = TRACE_HOST_PEER,
                             .what = TRACE_CALL_RECV,
                             .fd = 3,
                             .conn = 1,
                             .a = 100,
                             .result = 7});
    struct trace_text text = drawn(&(struct ladder_options){0});
    assert_non_null(strstr(text.data, "recv(3, 100) = 7"));
    assert_non_null(strstr(text.data, "server"));
    trace_text_free(&text);
}

static void ladder_of_an_empty_trace_is_only_its_head(void **state)
{
    (void)state;
    struct trace_text text = drawn(&(struct ladder_options){0});
    assert_non_null(strstr(text.data, "target"));
    assert_ptr_equal(strchr(text.data, '\n'), text.data + text.size - 1);
    trace_text_free(&text);
}

static void random_events(struct random *random, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        trace.now_us += random_below(random, 4) == 0 ? 1000 : 0;
        struct trace_event *event = trace_add(&trace, TRACE_NONE, TRACE_HOST_TARGET);
        bool wild = random_below(random, 8) == 0;
        event->kind = (uint8_t)random_below(random, wild ? 256 : TRACE_KIND_COUNT);
        event->host = (uint8_t)random_below(random, wild ? 256 : 2);
        event->what = (uint8_t)random_below(random, wild ? 256 : 11);
        event->conn = random_below(random, wild ? UINT32_MAX : 4);
        event->fd = (int32_t)random_below(random, 9) - 1;
        event->err = (int32_t)random_below(random, 120);
        event->a = (int64_t)(random_next(random) >> random_below(random, 64));
        event->b = (int64_t)(random_next(random) >> random_below(random, 64));
        event->result = (int64_t)random_below(random, wild ? 4000000000U : 7);
    }
}

static void ladder_of_any_events_is_ascii_of_a_hundred_columns(void **state)
{
    (void)state;
    struct random random = {9};
    for (int round = 0; round < 500; round++) {
        trace_clear(&trace);
        trace.header.role = (enum trace_role)random_below(&random, TRACE_ROLE_COUNT);
        random_events(&random, 60);
        const uint32_t proof[] = {random_below(&random, 70), random_below(&random, 70)};
        struct trace_text text = drawn(&(struct ladder_options){
            .rows_max = 30, .highlights = proof, .highlight_count = random_below(&random, 3)});
        size_t column = 0;
        for (size_t i = 0; i < text.size; i++) {
            column = text.data[i] == '\n' ? 0 : column + 1;
            assert_true(column <= LADDER_WIDTH);
            assert_true(text.data[i] == '\n' || (text.data[i] >= 0x20 && text.data[i] < 0x7F));
        }
        trace_text_free(&text);
    }
}

static enum status refuse(void *context, const char *data, size_t size,
                          struct status_detail *detail)
{
    (void)context;
    (void)data;
    (void)size;
    return status_fail(detail, STATUS_IO, "refused");
}

static void ladder_into_a_broken_destination_returns_its_status(void **state)
{
    (void)state;
    add_story(1, 5);
    struct trace_output output = {.write = refuse};
    struct status_detail detail = {{0}};
    assert_int_equal(ladder_print(&trace, &(struct ladder_options){0}, &output, &detail),
                     STATUS_IO);
    assert_string_equal(detail.text, "refused");
}

#define LADDER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LADDER_TEST(ladder_of_one_connection_ties_causes_and_effects),
        LADDER_TEST(ladder_prints_time_only_where_it_changes),
        LADDER_TEST(ladder_marks_the_last_proof_with_a_bang_and_others_with_an_arrow),
        LADDER_TEST(ladder_of_a_spin_folds_the_cycle),
        LADDER_TEST(ladder_of_a_timer_folds_what_comes_each_time),
        LADDER_TEST(ladder_of_a_timer_keeps_the_proof_in_its_place),
        LADDER_TEST(ladder_narrows_to_the_connections_of_the_proof),
        LADDER_TEST(ladder_of_several_connections_numbers_their_rows),
        LADDER_TEST(ladder_keeps_a_proof_that_lies_far_back),
        LADDER_TEST(ladder_of_lost_and_held_segments_explains_its_arrows),
        LADDER_TEST(ladder_uses_the_texts_of_the_steps),
        LADDER_TEST(ladder_of_a_pair_shows_the_calls_of_both_programs),
        LADDER_TEST(ladder_of_an_empty_trace_is_only_its_head),
        LADDER_TEST(ladder_of_any_events_is_ascii_of_a_hundred_columns),
        LADDER_TEST(ladder_into_a_broken_destination_returns_its_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
