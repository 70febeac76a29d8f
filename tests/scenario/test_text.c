/* The text form: what it reads, how it prints, and what it says about mistakes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "scenario/text.h"
#include "support.h"

static struct scenario_text parsed;
static struct status_detail detail;

static enum status parse(const char *text)
{
    detail.text[0] = '\0';
    return scenario_parse("case", text, strlen(text), &parsed, &detail);
}

/* ---- printing what was read ---- */

static void print_of_each_form_is_canonical(void **state)
{
    (void)state;
    static const struct {
        const char *written;
        const char *printed;
    } rows[] = {
        {"peer connect", "peer connect"},
        {"peer 0 connect", "peer connect"},
        {"  peer\t3   connect  ", "peer 3 connect"},
        {"peer connect\r", "peer connect"},
        {"peer connect # why", "peer connect"},
        {"peer connect rcvbuf 2K", "peer connect rcvbuf 2048"},
        {"peer connect from 4000 rcvbuf 1M", "peer connect rcvbuf 1048576 from 4000"},
        {"peer accept rcvbuf 1", "peer accept rcvbuf 1"},
        {"peer listen backlog 4", "peer listen backlog 4"},
        {"peer send request", "peer send request"},
        {"peer send request[:7]", "peer send request[0:7]"},
        {"peer send request[0:]", "peer send request"},
        {"peer send request[ 4 : ]", "peer send request[4:]"},
        {"peer send large[1:2] x 2 push", "peer send large[1:2] x 2 push"},
        {"peer send response x 1", "peer send response"},
        {"peer send next 5", "peer send next 5"},
        {"peer send fill 4K", "peer send fill 4096"},
        {"peer send rest", "peer send rest"},
        {"peer send last push", "peer send last push"},
        {"peer send \"\"", "peer send \"\""},
        {"peer send \"# \\\"\\\\\\x00\\0\\x7F\\r\\n\\t\xC3\"",
         "peer send \"# \\\"\\\\\\x00\\x00\\x7f\\r\\n\\t\\xc3\""},
        {"peer recv all", "peer recv all"},
        {"peer recv 10", "peer recv 10"},
        {"peer shutdown both", "peer shutdown both"},
        {"peer linger 0", "peer linger 0"},
        {"before recv: peer reset", "before recv 1: peer reset"},
        {"before recv 2 : peer reset", "before recv 2: peer reset"},
        {"wire hold to-target", "wire hold to-target"},
        {"wire lose fin 1", "wire lose fin 1"},
        {"wire inject rst 0 to-target", "wire inject rst 0 to-target"},
        {"wire inject synack 7 to-peer", "wire inject synack 7 to-peer"},
        {"kernel fail accept EMFILE x 3", "kernel fail accept EMFILE x 3"},
        {"kernel short recv 1", "kernel short recv 1"},
        {"kernel descriptors free", "kernel descriptors free"},
        {"kernel descriptors 0", "kernel descriptors 0"},
        {"kernel clear", "kernel clear"},
        {"time advance 5000", "time advance 5s"},
        {"time advance 1500ms", "time advance 1500ms"},
        {"time advance 90s", "time advance 90s"},
        {"time advance 120s", "time advance 2m"},
        {"time advance 24h", "time advance 24h"},
        {"time clock 60m", "time clock 1h"},
        {"target signal HUP", "target signal HUP"},
        {"target restart", "target restart"},
        {"app 1 accept 2", "app 1 accept 2"},
        {"app dup 3", "app dup 3"},
    };
    static char printed[SCENARIO_PRINT_TEXT_MAX];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_ok(parse(rows[i].written), &detail);
        size_t length = 0;
        assert_int_equal(scenario_print_text(&parsed, printed, sizeof(printed), &length),
                         STATUS_OK);
        assert_int_equal(length, strlen(printed));
        assert_int_equal(printed[length - 1], '\n');
        printed[length - 1] = '\0';
        assert_string_equal(printed, rows[i].printed);
    }
}

static void print_step_cuts_to_fit(void **state)
{
    (void)state;
    assert_ok(parse("peer connect\npeer 2 send \"abcdef\""), &detail);
    char text[16];
    assert_int_equal(scenario_print_step(&parsed.scenario, 1, text, sizeof(text)), 15);
    assert_string_equal(text, "peer 2 send \"ab");
    assert_int_equal(scenario_print_step(&parsed.scenario, 0, text, sizeof(text)), 12);
    assert_string_equal(text, "peer connect");
}

static void print_into_too_little_is_a_limit(void **state)
{
    (void)state;
    assert_ok(parse("peer connect"), &detail);
    char text[14];
    size_t length = 99;
    assert_int_equal(scenario_print(&parsed.scenario, text, sizeof(text) - 1, &length),
                     STATUS_LIMIT);
    assert_int_equal(length, 99);
    assert_int_equal(scenario_print(&parsed.scenario, text, sizeof(text), &length), STATUS_OK);
    assert_int_equal(length, 13);
}

/* ---- headers ---- */

static void headers_keep_key_value_and_line(void **state)
{
    (void)state;
    assert_ok(
        parse("# first\ntitle \"a # \\\"b\\\"\" # why\n\nrules FDH-01  RST-13 # those\nneeds\n"
              "set greeting \"a # b\"  \npeer connect\n\npeer reset\n"),
        &detail);
    assert_int_equal(parsed.header_count, 4);
    const struct scenario_header *title = scenario_header(&parsed, "title");
    assert_non_null(title);
    assert_string_equal(title->value, "a # \"b\"");
    assert_int_equal(title->line, 2);
    assert_true(title->quoted);
    assert_string_equal(scenario_header(&parsed, "rules")->value, "FDH-01  RST-13");
    assert_string_equal(scenario_header(&parsed, "needs")->value, "");
    assert_string_equal(scenario_header(&parsed, "set")->value, "greeting \"a # b\"");
    assert_null(scenario_header(&parsed, "role"));
    assert_int_equal(parsed.scenario.count, 2);
    assert_int_equal(parsed.step_lines[0], 7);
    assert_int_equal(parsed.step_lines[1], 9);
}

static void headers_print_and_read_back_the_same(void **state)
{
    (void)state;
    static const char text[] = "title \"\xC3\xA9t\xC3\xA9 \\\"\\\\\\x01\"\nrole server\nneeds\n"
                               "set k \"a # b\"\n\npeer connect\n";
    static char printed[SCENARIO_PRINT_TEXT_MAX];
    size_t length = 0;
    assert_ok(parse(text), &detail);
    assert_int_equal(scenario_print_text(&parsed, printed, sizeof(printed), &length), STATUS_OK);
    assert_string_equal(printed, text);
}

static void empty_text_has_no_steps(void **state)
{
    (void)state;
    assert_ok(parse(""), &detail);
    assert_int_equal(parsed.scenario.count, 0);
    assert_int_equal(parsed.header_count, 0);
    assert_ok(parse("\n\n# nothing"), &detail);
    assert_int_equal(parsed.scenario.count, 0);
}

/* ---- mistakes ---- */

#define PEER_VERBS                                                                                 \
    "connect, accept, send, urgent, recv, stall, resume, shutdown, close, reset, linger, listen, " \
    "unlisten"
#define ESCAPES "an escape: \\n, \\r, \\t, \\0, \\\", \\\\ or \\x and two hex digits"

static const struct {
    const char *text;
    enum status status;
    const char *message;
} mistakes[] = {
    {"peer", STATUS_SYNTAX, "1:5: found the end of the line, expected a verb of peer: " PEER_VERBS},
    {"peer conect", STATUS_SYNTAX,
     "1:6: found `conect`, expected a verb of peer (did you mean `connect`?): " PEER_VERBS},
    {"peer connect\n\n  per close", STATUS_SYNTAX,
     "3:3: found `per`, expected an actor, as on every line after the headers (did you mean "
     "`peer`?): peer, wire, kernel, time, target, app"},
    {"peer connect now", STATUS_SYNTAX, "1:14: found `now`, expected the end of the line"},
    {"peer 32 connect", STATUS_LIMIT, "1:6: found `32`, expected a socket id from 0 to 31"},
    {"peer 99999999999999999999 connect", STATUS_LIMIT,
     "1:6: found `99999999999999999999`, expected a socket id from 0 to 31"},
    {"peer 1x connect", STATUS_SYNTAX, "1:6: found `1x`, expected a socket id from 0 to 31"},
    {"wire 1 hold both", STATUS_SYNTAX,
     "1:6: found `1`, expected a verb of wire: hold, release, deliver, drop, duplicate, lose, "
     "cut, "
     "mend, inject"},
    {"wire hold", STATUS_SYNTAX,
     "1:10: found the end of the line, expected a direction: both, to-target, to-peer"},
    {"wire hold to-tarjet", STATUS_SYNTAX,
     "1:11: found `to-tarjet`, expected a direction (did you mean `to-target`?): both, "
     "to-target, "
     "to-peer"},
    {"wire lose fim 1", STATUS_SYNTAX,
     "1:11: found `fim`, expected a kind of segment (did you mean `fin`?): any, syn, synack, "
     "ack, "
     "data, fin, rst, urgent"},
    {"wire lose fin 0", STATUS_LIMIT, "1:15: found `0`, expected a number from 1 to 255"},
    {"kernel fail nothing EIO", STATUS_SYNTAX,
     "1:13: found `nothing`, expected a call: socket, bind, listen, accept, connect, recv, "
     "send, wait, "
     "sleep, shutdown, close, option, control, open"},
    {"kernel short accept 1", STATUS_SYNTAX, "1:14: found `accept`, expected a call: recv, send"},
    {"kernel short recv 1 x 256", STATUS_LIMIT,
     "1:23: found `256`, expected a number from 1 to 255"},
    {"kernel descriptors -1", STATUS_SYNTAX,
     "1:20: found `-1`, expected a number from 0 to 4096 or `free`"},
    {"peer recv", STATUS_SYNTAX,
     "1:10: found the end of the line, expected a number from 1 to 1048576 or `all`"},
    {"peer recv 2G", STATUS_SYNTAX,
     "1:11: found `2G`, expected a number from 1 to 1048576 or `all`"},
    {"peer connect rcvbuf", STATUS_SYNTAX,
     "1:20: found the end of the line, expected a number from 1 to 1048576"},
    {"peer connect rcvbuf 1 rcvbuf 2", STATUS_SYNTAX,
     "1:23: found `rcvbuf`, expected the end of the line"},
    {"peer connect from 65536", STATUS_LIMIT,
     "1:19: found `65536`, expected a number from 1 to 65535"},
    {"peer shutdown wirte", STATUS_SYNTAX,
     "1:15: found `wirte`, expected which direction to shut (did you mean `write`?): write, "
     "read, "
     "both"},
    {"target signal SIGHUP", STATUS_SYNTAX,
     "1:15: found `SIGHUP`, expected a signal: HUP, INT, USR1, USR2, ALRM, TERM, CHLD, WINCH"},
    {"time advance 2d", STATUS_SYNTAX,
     "1:14: found `2d`, expected a time from 1 to 86400000 ms, such as 500ms, 5s, 2m or 1h"},
    {"time advance 25h", STATUS_LIMIT,
     "1:14: found `25h`, expected a time from 1 to 86400000 ms, such as 500ms, 5s, 2m or 1h"},
    {"before recv 2 peer reset", STATUS_SYNTAX, "1:15: found `peer`, expected `:` after the place"},
    {"before recv 256: peer reset", STATUS_LIMIT,
     "1:13: found `256`, expected a number from 1 to 255"},
    {"before none: peer reset", STATUS_SYNTAX,
     "1:8: found `none`, expected a call: socket, bind, listen, accept, connect, recv, send, "
     "wait, "
     "sleep, shutdown, close, option, control, open"},
    {"peer send", STATUS_SYNTAX,
     "1:10: found the end of the line, expected a payload, or bytes in quotes: request, "
     "response, "
     "large, next, rest, last, fill"},
    {"peer send literal", STATUS_SYNTAX,
     "1:11: found `literal`, expected a payload, or bytes in quotes: request, response, large, "
     "next, "
     "rest, last, fill"},
    {"peer send request x 65", STATUS_LIMIT, "1:21: found `65`, expected a number from 1 to 64"},
    {"peer send request x", STATUS_SYNTAX,
     "1:20: found the end of the line, expected a number from 1 to 64"},
    {"peer send request[7:3]", STATUS_LIMIT,
     "1:21: found `3`, expected a number from 8 to 1048576"},
    {"peer send request[7]", STATUS_SYNTAX,
     "1:20: found `]`, expected `:` between the two ends of the slice"},
    {"peer send request[1:2", STATUS_SYNTAX,
     "1:22: found the end of the line, expected `]` after the slice"},
    {"peer send next[1:2]", STATUS_SYNTAX, "1:15: found `[`, expected a number from 1 to 1048576"},
    {"peer send \"abc", STATUS_SYNTAX,
     "1:11: found a string without an end, expected a closing quote on the same line"},
    {"peer send \"abc\\\n\"", STATUS_SYNTAX, "1:15: found `\\`, expected " ESCAPES},
    {"peer send \"\\q\"", STATUS_SYNTAX, "1:12: found `\\q`, expected " ESCAPES},
    {"peer send \"\\x0g\"", STATUS_SYNTAX, "1:12: found `\\x`, expected " ESCAPES},
    {"peer send \"\\x0", STATUS_SYNTAX, "1:12: found `\\x`, expected " ESCAPES},
    {"peer send \"a\tb\"", STATUS_SYNTAX,
     "1:13: found the byte 0x09, expected a printable byte or an escape"},
    {"peer connect\n\x01", STATUS_SYNTAX,
     "2:1: found the byte 0x01, expected an actor, as on every line after the headers: peer, "
     "wire, "
     "kernel, time, target, app"},
    {"title\"a\"", STATUS_SYNTAX, "1:6: found `\"`, expected a blank after the header's key"},
    {"title \"a\" b", STATUS_SYNTAX, "1:11: found `b`, expected the end of the line"},
    {"title \"a\\0\"", STATUS_SYNTAX, "1:7: found `\"`, expected a header without a NUL byte"},
    {"title a\x02", STATUS_SYNTAX, "1:8: found the byte 0x02, expected printable text"},
    {"\"title\"", STATUS_SYNTAX,
     "1:1: found `\"`, expected a header such as `title`, or an actor such as `peer`"},
    {"a-key-that-is-longer-than-any-key-may-be x", STATUS_LIMIT,
     "1:1: more than 31 bytes in a header's key (SCENARIO_HEADER_KEY_MAX)"},
    {"role server\npeer connect\nrole client", STATUS_SYNTAX,
     "3:1: found `role`, expected an actor, as on every line after the headers: peer, wire, "
     "kernel, "
     "time, target, app"},
};

static void mistakes_name_line_column_and_what_was_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        parsed.header_count = 77;
        enum status status = parse(mistakes[i].text);
        assert_int_equal(strncmp(detail.text, "case:", 5), 0);
        assert_string_equal(detail.text + 5, mistakes[i].message);
        assert_int_equal(status, mistakes[i].status);
        assert_int_equal(parsed.header_count, 77);
    }
}

/* A text of `count` lines. */
static char *repeat_line(const char *line, size_t count)
{
    size_t size = strlen(line);
    char *text = malloc(size * count + 1);
    assert_non_null(text);
    for (size_t i = 0; i < count; i++) {
        memcpy(text + i * size, line, size);
    }
    text[size * count] = '\0';
    return text;
}

static void expect_limit(char *text, const char *message)
{
    enum status status = parse(text);
    free(text);
    assert_string_equal(detail.text, message);
    assert_int_equal(status, STATUS_LIMIT);
}

static void steps_beyond_the_limit_are_named(void **state)
{
    (void)state;
    char *text = repeat_line("peer connect\n", SCENARIO_STEPS_MAX);
    enum status status = parse(text);
    free(text);
    assert_ok(status, &detail);
    expect_limit(repeat_line("peer connect\n", SCENARIO_STEPS_MAX + 1),
                 "case:257:1: more than 256 steps (SCENARIO_STEPS_MAX)");
}

static void headers_beyond_the_limit_are_named(void **state)
{
    (void)state;
    expect_limit(repeat_line("set a b\n", SCENARIO_HEADERS_MAX + 1),
                 "case:65:1: more than 64 headers (SCENARIO_HEADERS_MAX)");
}

static void literal_bytes_beyond_the_limit_are_named(void **state)
{
    (void)state;
    /* 128 bytes a line: 32 lines are full. */
    char line[128 + 16] = "peer send \"";
    memset(line + 11, 'a', 128);
    memcpy(line + 11 + 128, "\"\n", 3);
    char *text = repeat_line(line, 32);
    enum status status = parse(text);
    free(text);
    assert_ok(status, &detail);
    assert_int_equal(parsed.scenario.literal_used, SCENARIO_LITERAL_MAX);
    expect_limit(repeat_line(line, 33),
                 "case:33:12: more than 4096 literal bytes in all steps together "
                 "(SCENARIO_LITERAL_MAX)");
}

static void text_beyond_the_limit_is_named(void **state)
{
    (void)state;
    expect_limit(repeat_line("#", SCENARIO_TEXT_MAX + 1),
                 "case: more than 1048576 bytes (SCENARIO_TEXT_MAX)");
}

static void header_value_beyond_the_limit_is_named(void **state)
{
    (void)state;
    char *raw = repeat_line("a", 600);
    memcpy(raw, "set ", 4);
    expect_limit(raw,
                 "case:1:5: more than 511 bytes in a header's value (SCENARIO_HEADER_VALUE_MAX)");
    char *quoted = repeat_line("a", 600);
    memcpy(quoted, "set \"", 5);
    expect_limit(quoted,
                 "case:1:517: more than 511 bytes in a header's value (SCENARIO_HEADER_VALUE_MAX)");
}

/* Takes valid files apart in every way that one byte can: nothing may read or write out of bounds,
 * and what is still accepted obeys the laws. */
static void parse_of_damaged_text_never_breaks(void **state)
{
    (void)state;
    static const char whole[] =
        "title \"a\\x41\"\nset k v # c\npeer 1 connect rcvbuf 2K from 9\n"
        "before recv 2: peer send request[1:2] x 3 push\n"
        "peer send \"\\r\\n\\x00\"\nkernel fail accept EMFILE x 3\n"
        "wire inject rst 0 to-peer\ntime advance 5s\nkernel descriptors free\n";
    struct random random = {1};
    for (unsigned i = 0; i < 20000; i++) {
        size_t size = 1 + random_below(&random, sizeof(whole) - 1);
        char *text = malloc(size); /* exact, so that a sanitizer sees a read past the end */
        assert_non_null(text);
        memcpy(text, whole, size);
        for (uint32_t changes = random_below(&random, 4); changes > 0; changes--) {
            text[random_below(&random, (uint32_t)size)] = (char)random_next(&random);
        }
        if (scenario_parse("damaged", text, size, &parsed, &detail) == STATUS_OK) {
            assert_true(support_laws_hold(&parsed.scenario));
        }
        free(text);
    }
}

/* ---- the reference ---- */

static void reference_holds_the_generated_tables(void **state)
{
    (void)state;
    static char tables[1 << 14];
    static char page[1 << 16];
    size_t length = 0;
    assert_int_equal(scenario_print_reference(tables, sizeof(tables), &length), STATUS_OK);
    FILE *file = fopen(SOCKSPEC_REFERENCE_PAGE, "rb");
    assert_non_null(file);
    size_t size = fread(page, 1, sizeof(page) - 1, file);
    (void)fclose(file);
    page[size] = '\0';
    if (strstr(page, tables) == NULL) {
        print_error("the tables of %s differ from those of the code, which are:\n%s\n",
                    SOCKSPEC_REFERENCE_PAGE, tables);
        fail();
    }
}

/* Every indented block of the page that is marked as a scenario must parse. */
static void reference_examples_parse(void **state)
{
    (void)state;
    static char page[1 << 16];
    FILE *file = fopen(SOCKSPEC_REFERENCE_PAGE, "rb");
    assert_non_null(file);
    size_t size = fread(page, 1, sizeof(page) - 1, file);
    (void)fclose(file);
    page[size] = '\0';
    unsigned examples = 0;
    for (char *at = strstr(page, "```scenario\n"); at != NULL; at = strstr(at, "```scenario\n")) {
        at += strlen("```scenario\n");
        char *end = strstr(at, "```");
        assert_non_null(end);
        assert_ok(scenario_parse("example", at, (size_t)(end - at), &parsed, &detail), &detail);
        at = end + 3;
        examples++;
    }
    assert_true(examples >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(print_of_each_form_is_canonical),
        cmocka_unit_test(print_step_cuts_to_fit),
        cmocka_unit_test(print_into_too_little_is_a_limit),
        cmocka_unit_test(headers_keep_key_value_and_line),
        cmocka_unit_test(headers_print_and_read_back_the_same),
        cmocka_unit_test(empty_text_has_no_steps),
        cmocka_unit_test(mistakes_name_line_column_and_what_was_expected),
        cmocka_unit_test(steps_beyond_the_limit_are_named),
        cmocka_unit_test(headers_beyond_the_limit_are_named),
        cmocka_unit_test(literal_bytes_beyond_the_limit_are_named),
        cmocka_unit_test(text_beyond_the_limit_is_named),
        cmocka_unit_test(header_value_beyond_the_limit_is_named),
        cmocka_unit_test(parse_of_damaged_text_never_breaks),
        cmocka_unit_test(reference_holds_the_generated_tables),
        cmocka_unit_test(reference_examples_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
