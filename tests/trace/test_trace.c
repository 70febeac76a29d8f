/* Storage, names, JSON Lines, texts and comparison of traces. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/random.h"
#include "trace/compare.h"
#include "trace/describe.h"
#include "trace/form.h"
#include "trace/jsonl.h"

#define HEADER                                                                                     \
    "{\"sockspec_trace\":1,\"target\":\"t\",\"scenario\":\"\",\"role\":\"server\","                \
    "\"rules\":\"linux\",\"observers\":[],\"promises\":[],\"idle_limit_us\":0,"                    \
    "\"connect_limit_us\":0,\"seed\":\"0\"}\n"

static struct trace new_trace(uint32_t capacity)
{
    struct trace trace;
    assert_int_equal(trace_init(&trace, capacity), STATUS_OK);
    return trace;
}

static struct trace_text written(const struct trace *trace)
{
    struct trace_text text = {0};
    struct trace_output output = trace_output_text(&text);
    struct status_detail detail = {{0}};
    assert_ok(trace_jsonl_write(trace, &output, &detail), &detail);
    return text;
}

/* Any event at all, sensible or not. */
static void random_event(struct random *random, struct trace_event *event)
{
    static const int64_t numbers[] = {0, 0, 1, -1, 4096, INT64_MAX, INT64_MIN, 0x4000, 1LL << 31};
    enum { NUMBERS = sizeof numbers / sizeof *numbers };
    bool wild = random_below(random, 4) == 0;
    event->time_us = (int64_t)(random_next(random) >> random_below(random, 64));
    event->kind = (uint8_t)random_below(random, wild ? 256 : TRACE_KIND_COUNT);
    event->host = (uint8_t)random_below(random, wild ? 256 : TRACE_HOST_COUNT);
    event->what = (uint8_t)random_below(random, wild ? 256 : 12);
    event->flags = (uint8_t)random_below(random, wild ? 256 : 32);
    event->fd = (int32_t)random_below(random, 9) - 1;
    event->conn = random_below(random, 3);
    event->err = (int32_t)random_below(random, 140) - 3;
    event->result = numbers[random_below(random, NUMBERS)];
    event->a = numbers[random_below(random, NUMBERS)];
    event->b = numbers[random_below(random, NUMBERS)];
}

static void random_trace(struct random *random, struct trace *trace)
{
    trace_clear(trace);
    trace->header = (struct trace_header){.role = (enum trace_role)random_below(random, 4),
                                          .rules = (enum trace_rules)random_below(random, 2),
                                          .observers = (uint32_t)random_next(random),
                                          .promises = (uint32_t)random_below(random, 128),
                                          .idle_limit_us = 120000000,
                                          .connect_limit_us = -1,
                                          .seed = random_next(random)};
    for (unsigned i = 0; i < 20; i++) {
        trace->header.target[i] = (char)(1 + random_below(random, 127));
    }
    uint32_t count = random_below(random, 40);
    for (uint32_t i = 0; i < count; i++) {
        random_event(random, trace_add(trace, TRACE_NONE, TRACE_HOST_TARGET));
    }
}

static void trace_init_beyond_the_maximum_is_a_limit(void **state)
{
    (void)state;
    struct trace trace;
    assert_int_equal(trace_init(&trace, TRACE_EVENTS_MAX + 1), STATUS_LIMIT);
    assert_int_equal(trace_init(&trace, 1), STATUS_LIMIT);
}

static void trace_add_sets_time_kind_host_and_no_descriptor(void **state)
{
    (void)state;
    struct trace trace = new_trace(8);
    trace.now_us = 77;
    const struct trace_event *event = trace_add(&trace, TRACE_PEER, TRACE_HOST_PEER);
    assert_int_equal(event->time_us, 77);
    assert_int_equal(event->kind, TRACE_PEER);
    assert_int_equal(event->host, TRACE_HOST_PEER);
    assert_int_equal(event->fd, -1);
    trace_done(&trace);
}

static void trace_add_when_full_ends_in_overflow_and_keeps_what_was_there(void **state)
{
    (void)state;
    struct trace trace = new_trace(4);
    for (int i = 0; i < 10; i++) {
        trace_add(&trace, TRACE_STEP, TRACE_HOST_PEER)->a = i;
    }
    assert_int_equal(trace.count, 4);
    assert_true(trace_full(&trace));
    assert_int_equal(trace.events[2].a, 2);
    assert_int_equal(trace.events[3].kind, TRACE_OVERFLOW);
    assert_int_equal(trace.events[3].a, 0);
    trace_done(&trace);
}

static void trace_clear_after_overflow_records_again(void **state)
{
    (void)state;
    struct trace trace = new_trace(2);
    (void)trace_add(&trace, TRACE_STEP, TRACE_HOST_PEER);
    (void)trace_add(&trace, TRACE_STEP, TRACE_HOST_PEER);
    trace_clear(&trace);
    assert_int_equal(trace.count, 0);
    assert_int_equal(trace_add(&trace, TRACE_STEP, TRACE_HOST_PEER)->kind, TRACE_STEP);
    assert_int_equal(trace.count, 1);
    trace_done(&trace);
}

static void assert_names_find_themselves(const struct trace_names *names)
{
    for (unsigned i = 0; i < names->count; i++) {
        if (names->texts[i] == NULL) {
            continue;
        }
        int64_t value = -1;
        assert_true(trace_names_find(names, names->texts[i], &value));
        assert_string_equal(trace_names_text(names, value), names->texts[i]);
        assert_true(names->bits != NULL || value == (int64_t)i);
    }
}

static void names_of_every_table_are_unique(void **state)
{
    (void)state;
    const struct trace_names *const tables[] = {
        &trace_names_kind,        &trace_names_host,     &trace_names_call,    &trace_names_role,
        &trace_names_rules,       &trace_names_signal,   &trace_names_verb,    &trace_names_noop,
        &trace_names_disposition, &trace_names_observer, &trace_names_promise, &trace_names_flag,
        &trace_names_poll,        &trace_names_message,  &trace_names_open};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        assert_names_find_themselves(tables[i]);
    }
    for (unsigned kind = 0; kind < TRACE_KIND_COUNT; kind++) {
        struct trace_form form = trace_form_of((enum trace_kind)kind, 1);
        const struct trace_field *fields[] = {&form.what, &form.result, &form.a, &form.b};
        for (size_t i = 0; i < 4; i++) {
            if (fields[i]->names != NULL) {
                assert_names_find_themselves(fields[i]->names);
            }
        }
    }
}

static void form_keys_of_an_event_never_collide(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < TRACE_KIND_COUNT; kind++) {
        for (unsigned what = 0; what < TRACE_CALL_COUNT; what++) {
            struct trace_form form = trace_form_of((enum trace_kind)kind, what);
            const char *keys[] = {form.what.key, form.fd.key, form.result.key, form.a.key,
                                  form.b.key,    "at",        "kind",          "host",
                                  "conn",        "err",       "flags"};
            for (size_t i = 0; i < 11; i++) {
                for (size_t j = 0; j < i; j++) {
                    assert_string_not_equal(keys[i], keys[j]);
                }
            }
        }
    }
}

static void names_out_of_range_are_a_question_mark(void **state)
{
    (void)state;
    assert_string_equal(trace_kind_name(TRACE_KIND_COUNT), "?");
    assert_string_equal(trace_call_name((enum trace_call)(-1)), "?");
    assert_string_equal(trace_noop_name(TRACE_NOOP_COUNT), "?");
    assert_string_equal(trace_errno_name(0), "E?");
    assert_string_equal(trace_errno_name(9999), "E?");
    assert_string_equal(trace_errno_name(ECONNRESET), "ECONNRESET");
    assert_int_equal(trace_call_family(TRACE_CALL_READV), SCENARIO_CALL_RECV);
}

static void jsonl_event_has_readable_names_and_no_defaults(void **state)
{
    (void)state;
    struct trace trace = new_trace(8);
    strcpy(trace.header.target, "t");
    trace.now_us = 120;
    struct trace_event *event = trace_add(&trace, TRACE_CALL, TRACE_HOST_TARGET);
    event->what = TRACE_CALL_RECV;
    event->fd = 5;
    event->conn = 1;
    event->result = -1;
    event->err = ECONNRESET;
    event->a = 4096;
    event->b = MSG_PEEK;
    event->flags = TRACE_NONBLOCK;
    event = trace_add(&trace, TRACE_STATE, TRACE_HOST_PEER);
    event->conn = 1;
    event->what = TCP_FIN_WAIT_1;
    event->a = TCP_ESTABLISHED;
    event->b = TCP_EVENT_CLOSE;
    struct trace_text text = written(&trace);
    assert_string_equal(
        text.data,
        HEADER "{\"at\":120,\"kind\":\"call\",\"call\":\"recv\",\"fd\":5,\"conn\":1,\"result\":-1,"
               "\"err\":\"ECONNRESET\",\"length\":4096,\"msg_flags\":[\"MSG_PEEK\"],"
               "\"flags\":[\"nonblock\"]}\n"
               "{\"at\":120,\"kind\":\"state\",\"host\":\"peer\",\"state\":\"FIN-WAIT-1\","
               "\"conn\":1,\"from\":\"ESTABLISHED\",\"by\":\"close\"}\n");
    trace_text_free(&text);
    trace_done(&trace);
}

static void jsonl_random_traces_come_back_equal_and_byte_for_byte(void **state)
{
    (void)state;
    struct random random = {7};
    struct trace trace = new_trace(64);
    struct trace back = new_trace(64);
    for (int round = 0; round < 3000; round++) {
        random_trace(&random, &trace);
        struct trace_text first = written(&trace);
        struct status_detail detail = {{0}};
        assert_ok(trace_jsonl_read(&back, first.data, first.size, &detail), &detail);
        struct trace_difference difference;
        if (!trace_compare(&trace, &back, &difference)) {
            print_error("%s\n%s\n", difference.text, first.data);
            fail();
        }
        struct trace_text second = written(&back);
        assert_string_equal(first.data, second.data);
        trace_text_free(&first);
        trace_text_free(&second);
    }
    trace_done(&back);
    trace_done(&trace);
}

static void jsonl_long_trace_comes_back_whole(void **state)
{
    (void)state;
    struct trace trace = new_trace(6000);
    for (int i = 0; i < 5000; i++) {
        trace_add(&trace, TRACE_TIME, TRACE_HOST_TARGET)->a = i;
    }
    struct trace_text text = written(&trace);
    struct trace back = new_trace(5000);
    struct status_detail detail = {{0}};
    assert_ok(trace_jsonl_read(&back, text.data, text.size, &detail), &detail);
    assert_int_equal(back.count, 5000);
    assert_int_equal(back.events[4999].a, 4999);
    trace_text_free(&text);
    trace_done(&back);
    trace_done(&trace);
}

static void jsonl_name_that_is_no_utf8_stays_readable(void **state)
{
    (void)state;
    struct trace trace = new_trace(4);
    strcpy(trace.header.target, "a\xFF\xC3\xA9\xED\xA0\x80z");
    struct trace_text text = written(&trace);
    struct trace back = new_trace(4);
    struct status_detail detail = {{0}};
    assert_ok(trace_jsonl_read(&back, text.data, text.size, &detail), &detail);
    assert_string_equal(back.header.target,
                        "a\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz");
    trace_text_free(&text);
    trace_done(&back);
    trace_done(&trace);
}

struct bad_text {
    const char *text;
    const char *message;
};

static void jsonl_malformed_input_names_line_and_expectation(void **state)
{
    (void)state;
    static const struct bad_text bad[] = {
        {"", "line 1: expected a JSON object"},
        {"\n", "line 1: expected a JSON object"},
        {"[]\n", "line 1: expected a JSON object"},
        {"{}\n", "line 1: expected \"sockspec_trace\""},
        {"{\"sockspec_trace\":2}\n", "line 1: \"sockspec_trace\": expected a number from 1 to 1"},
        {HEADER "{\"at\":1,\"kind\":\"time\"", "line 2: expected a JSON object"},
        {HEADER "{\"at\":1,\"kind\":\"time\"}", "line 2: expected a newline at the end"},
        {HEADER "\n", "line 2: expected a JSON object"},
        {HEADER "{\"kind\":\"time\"}\n", "line 2: expected \"at\""},
        {HEADER "{\"at\":1}\n", "line 2: expected \"kind\""},
        {HEADER "{\"at\":1.5,\"kind\":\"time\"}\n", "line 2: \"at\": expected a whole number"},
        {HEADER "{\"at\":1,\"kind\":\"tiem\"}\n", "line 2: \"kind\": expected one of \"none\""},
        {HEADER "{\"at\":1,\"kind\":\"time\",\"us\":1,\"us\":2}\n", "line 2: expected a JSON"},
        {HEADER "{\"at\":1,\"kind\":\"time\",\"color\":1}\n", "line 2: unknown field \"color\""},
        {HEADER "{\"at\":1,\"kind\":\"time\",\"a\":1}\n", "line 2: unknown field \"a\""},
        {HEADER "{\"at\":1,\"kind\":\"call\"}\n", "line 2: expected \"call\""},
        {HEADER "{\"at\":1,\"kind\":\"call\",\"call\":\"rcv\"}\n", "\"call\": expected one of"},
        {HEADER "{\"at\":1,\"kind\":\"call\",\"call\":true}\n", "\"call\": expected one of"},
        {HEADER "{\"at\":1,\"kind\":\"time\",\"err\":\"EFOO\"}\n", "the name of an errno"},
        {HEADER "{\"at\":1,\"kind\":\"time\",\"err\":true}\n", "name or the number of an errno"},
        {HEADER "{\"at\":1,\"kind\":\"time\",\"conn\":-1}\n", "from 0 to 4294967295, found -1"},
        {HEADER "{\"at\":1,\"kind\":\"time\",\"flags\":[\"x\"]}\n", "\"flags\": expected one of"},
        {HEADER "{\"at\":1,\"kind\":\"time\",\"flags\":\"edge\"}\n", "expected a list of names"},
        {HEADER "{\"at\":1,\"kind\":\"time\",\"host\":\"wire\"}\n", "\"host\": expected one of"},
        {HEADER "{\"at\":1,\"kind\":\"time\",\"us\":99999999999999999999}\n", "line 2: expected"},
        {HEADER HEADER, "line 2: expected \"at\""},
    };
    struct trace trace = new_trace(8);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct status_detail detail = {{0}};
        (void)trace_add(&trace, TRACE_STEP, TRACE_HOST_PEER);
        assert_int_equal(trace_jsonl_read(&trace, bad[i].text, strlen(bad[i].text), &detail),
                         STATUS_SYNTAX);
        if (strstr(detail.text, bad[i].message) == NULL) {
            print_error("input %zu: \"%s\" lacks \"%s\"\n", i, detail.text, bad[i].message);
            fail();
        }
        assert_int_equal(trace.count, 0);
    }
    trace_done(&trace);
}

static void jsonl_damaged_bytes_never_crash_and_always_say_where(void **state)
{
    (void)state;
    struct random random = {11};
    struct trace trace = new_trace(64);
    for (int round = 0; round < 4000; round++) {
        random_trace(&random, &trace);
        struct trace_text text = written(&trace);
        for (int i = 0; i < 3; i++) {
            text.data[random_below(&random, (uint32_t)text.size)] = (char)random_next(&random);
        }
        struct status_detail detail = {{0}};
        size_t size = random_below(&random, (uint32_t)text.size + 1);
        enum status status = trace_jsonl_read(&trace, text.data, size, &detail);
        assert_true(status == STATUS_OK || status == STATUS_SYNTAX);
        assert_true(status == STATUS_OK || strncmp(detail.text, "line ", 5) == 0);
        trace_text_free(&text);
    }
    trace_done(&trace);
}

static void jsonl_more_events_than_room_is_a_limit(void **state)
{
    (void)state;
    struct trace trace = new_trace(2);
    struct status_detail detail = {{0}};
    const char *text = HEADER "{\"at\":1,\"kind\":\"time\"}\n{\"at\":1,\"kind\":\"time\"}\n"
                              "{\"at\":1,\"kind\":\"time\"}\n";
    assert_int_equal(trace_jsonl_read(&trace, text, strlen(text), &detail), STATUS_LIMIT);
    assert_non_null(strstr(detail.text, "line 4: expected at most 2 events"));
    trace_done(&trace);
}

static void jsonl_save_and_load_return_the_trace(void **state)
{
    (void)state;
    struct random random = {3};
    struct trace trace = new_trace(64);
    random_trace(&random, &trace);
    char path[] = "/tmp/sockspec-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    struct status_detail detail = {{0}};
    assert_ok(trace_jsonl_save(&trace, path, &detail), &detail);
    struct trace back;
    assert_ok(trace_jsonl_load(&back, path, &detail), &detail);
    assert_true(trace_compare(&trace, &back, NULL));
    (void)unlink(path);
    trace_done(&back);
    trace_done(&trace);
}

static void jsonl_save_into_a_full_disk_names_the_file(void **state)
{
    (void)state;
    struct trace trace = new_trace(4);
    struct status_detail detail = {{0}};
    assert_int_equal(trace_jsonl_save(&trace, "/dev/full", &detail), STATUS_IO);
    assert_non_null(strstr(detail.text, "/dev/full"));
    assert_int_equal(trace_jsonl_save(&trace, "/nowhere/x", &detail), STATUS_IO);
    assert_non_null(strstr(detail.text, "/nowhere/x"));
    trace_done(&trace);
}

static void jsonl_load_of_a_missing_file_names_it(void **state)
{
    (void)state;
    struct trace trace;
    struct status_detail detail = {{0}};
    assert_int_equal(trace_jsonl_load(&trace, "/nowhere/x", &detail), STATUS_IO);
    assert_non_null(strstr(detail.text, "/nowhere/x"));
}

static void compare_tells_the_first_event_that_differs(void **state)
{
    (void)state;
    struct trace first = new_trace(8);
    struct trace second = new_trace(8);
    for (int i = 0; i < 3; i++) {
        trace_add(&first, TRACE_TIME, TRACE_HOST_TARGET)->a = 1000;
        trace_add(&second, TRACE_TIME, TRACE_HOST_TARGET)->a = i == 1 ? 2000 : 1000;
    }
    struct trace_difference difference;
    assert_false(trace_compare(&first, &second, &difference));
    assert_int_equal(difference.event, 1);
    assert_non_null(strstr(difference.text, "event 1 differs in a"));
    assert_non_null(strstr(difference.text, "1 ms pass"));
    assert_non_null(strstr(difference.text, "2 ms pass"));
    trace_done(&second);
    trace_done(&first);
}

static void compare_tells_when_one_ends_sooner(void **state)
{
    (void)state;
    struct trace first = new_trace(8);
    struct trace second = new_trace(8);
    (void)trace_add(&first, TRACE_OVERFLOW, TRACE_HOST_TARGET);
    struct trace_difference difference;
    assert_false(trace_compare(&first, &second, &difference));
    assert_non_null(strstr(difference.text, "second: no event: the trace has ended"));
    trace_done(&second);
    trace_done(&first);
}

static void compare_tells_the_header_field(void **state)
{
    (void)state;
    struct trace first = new_trace(8);
    struct trace second = new_trace(8);
    second.header.seed = 1;
    struct trace_difference difference;
    assert_false(trace_compare(&first, &second, &difference));
    assert_true(difference.in_header);
    assert_non_null(strstr(difference.text, "seed"));
    trace_done(&second);
    trace_done(&first);
}

static void assert_described(const struct trace_event *event, const char *expected)
{
    char text[TRACE_DESCRIBE_MAX];
    assert_string_equal(trace_describe(event, text, sizeof text), expected);
}

static void describe_calls_read_like_strace(void **state)
{
    (void)state;
    assert_described(&(struct trace_event){.kind = TRACE_CALL,
                                           .what = TRACE_CALL_SETSOCKOPT,
                                           .fd = 3,
                                           .a = SOL_SOCKET << 16 | SO_REUSEADDR,
                                           .b = 1},
                     "setsockopt(3, SO_REUSEADDR, 1) = 0");
    assert_described(&(struct trace_event){.kind = TRACE_CALL,
                                           .what = TRACE_CALL_EPOLL_CTL,
                                           .fd = 7,
                                           .a = 1 | 4 << 8,
                                           .b = POLLIN | POLLRDHUP},
                     "epoll_ctl(4, ADD, 7, IN|RDHUP) = 0");
    assert_described(&(struct trace_event){.kind = TRACE_CALL,
                                           .what = TRACE_CALL_POLL,
                                           .fd = -1,
                                           .a = 2,
                                           .b = 1500000,
                                           .result = 1},
                     "poll(2 fds, 1500 ms) = 1");
    assert_described(
        &(struct trace_event){.kind = TRACE_CALL, .what = TRACE_CALL_SOCKET, .fd = 3, .result = 3},
        "socket() = 3");
    assert_described(
        &(struct trace_event){
            .kind = TRACE_CALL, .what = TRACE_CALL_FCNTL, .fd = 5, .a = F_SETFL, .b = O_NONBLOCK},
        "fcntl(5, F_SETFL, O_NONBLOCK) = 0");
}

static void describe_crash_tells_signal_from_status(void **state)
{
    (void)state;
    assert_described(
        &(struct trace_event){.kind = TRACE_EXIT, .what = TRACE_EXIT_CRASHED, .result = SIGSEGV},
        "the target crashed (SIGSEGV), holding 0 descriptors and 0 heap blocks");
    assert_described(
        &(struct trace_event){.kind = TRACE_EXIT, .what = TRACE_EXIT_CRASHED, .result = -1},
        "the target crashed with status 1, holding 0 descriptors and 0 heap blocks");
}

static void describe_any_event_fits_and_is_ascii(void **state)
{
    (void)state;
    struct random random = {5};
    for (int round = 0; round < 20000; round++) {
        struct trace_event event = {0};
        random_event(&random, &event);
        char text[TRACE_DESCRIBE_MAX];
        memset(text, 'x', sizeof text);
        (void)trace_describe(&event, text, sizeof text);
        size_t length = strnlen(text, sizeof text);
        assert_in_range(length, 1, sizeof text - 1);
        for (size_t i = 0; i < length; i++) {
            assert_in_range(text[i], 0x20, 0x7E);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trace_init_beyond_the_maximum_is_a_limit),
        cmocka_unit_test(trace_add_sets_time_kind_host_and_no_descriptor),
        cmocka_unit_test(trace_add_when_full_ends_in_overflow_and_keeps_what_was_there),
        cmocka_unit_test(trace_clear_after_overflow_records_again),
        cmocka_unit_test(names_of_every_table_are_unique),
        cmocka_unit_test(form_keys_of_an_event_never_collide),
        cmocka_unit_test(names_out_of_range_are_a_question_mark),
        cmocka_unit_test(jsonl_event_has_readable_names_and_no_defaults),
        cmocka_unit_test(jsonl_random_traces_come_back_equal_and_byte_for_byte),
        cmocka_unit_test(jsonl_long_trace_comes_back_whole),
        cmocka_unit_test(jsonl_name_that_is_no_utf8_stays_readable),
        cmocka_unit_test(jsonl_malformed_input_names_line_and_expectation),
        cmocka_unit_test(jsonl_damaged_bytes_never_crash_and_always_say_where),
        cmocka_unit_test(jsonl_more_events_than_room_is_a_limit),
        cmocka_unit_test(jsonl_save_and_load_return_the_trace),
        cmocka_unit_test(jsonl_save_into_a_full_disk_names_the_file),
        cmocka_unit_test(jsonl_load_of_a_missing_file_names_it),
        cmocka_unit_test(compare_tells_the_first_event_that_differs),
        cmocka_unit_test(compare_tells_when_one_ends_sooner),
        cmocka_unit_test(compare_tells_the_header_field),
        cmocka_unit_test(describe_calls_read_like_strace),
        cmocka_unit_test(describe_crash_tells_signal_from_status),
        cmocka_unit_test(describe_any_event_fits_and_is_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
