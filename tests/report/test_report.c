/* Every form of the report: what it shows, that any bytes stay well-formed, that failures are told.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "report/report.h"

typedef enum status (*new_sink)(const struct report_place *place, struct report_sink **ret_sink,
                                struct status_detail *detail);

static enum status new_text(const struct report_place *place, struct report_sink **ret_sink,
                            struct status_detail *detail)
{
    return report_text_new(place, &(struct report_text_options){0}, ret_sink, detail);
}

static enum status new_verbose(const struct report_place *place, struct report_sink **ret_sink,
                               struct status_detail *detail)
{
    return report_text_new(place, &(struct report_text_options){.verbose = true}, ret_sink, detail);
}

static enum status new_coloured(const struct report_place *place, struct report_sink **ret_sink,
                                struct status_detail *detail)
{
    return report_text_new(place, &(struct report_text_options){.colour = true}, ret_sink, detail);
}

/* A report into memory. */
struct paper {
    struct report report;
    char *data;
    size_t size;
    FILE *stream;
};

static const struct report_target target = {
    .name = "echo", .world = "model", .role = "server", .profile = "echo", .version = "0.1.0"};

static void paper_begin(struct paper *paper, new_sink make)
{
    struct status_detail detail = {{0}};
    *paper = (struct paper){0};
    paper->stream = open_memstream(&paper->data, &paper->size);
    assert_non_null(paper->stream);
    struct report_sink *sink = NULL;
    assert_ok(make(&(struct report_place){.stream = paper->stream}, &sink, &detail), &detail);
    assert_int_equal(report_add(&paper->report, sink), STATUS_OK);
    report_begin(&paper->report, &target);
}

/* Ends the report; `data` holds what was written. */
static void paper_end(struct paper *paper)
{
    struct status_detail detail = {{0}};
    assert_ok(report_end(&paper->report, 1500000, &detail), &detail);
    (void)fclose(paper->stream);
}

static void paper_done(struct paper *paper)
{
    report_done(&paper->report);
    free(paper->data);
}

static struct report_verdict verdict(enum grade grade, const char *rule, const char *text)
{
    return (struct report_verdict){.rule = rule,
                                   .title = "a rule",
                                   .grade = grade,
                                   .detail = text,
                                   .replay = "sockspec replay x.scn --target echo",
                                   .duration_us = 1250};
}

static void put(struct paper *paper, enum grade grade, const char *rule, const char *text)
{
    struct report_verdict one = verdict(grade, rule, text);
    report_verdict(&paper->report, &one);
}

/* One case with a verdict of every grade, one that passes, and a notice. */
static void tell_all_grades(struct paper *paper)
{
    report_case_begin(&paper->report, &(struct report_case){"close/plain", "closes"});
    for (unsigned i = 0; i < GRADE_COUNT; i++) {
        char rule[16];
        (void)snprintf(rule, sizeof rule, "RUL-%02u", i);
        struct report_verdict one = verdict((enum grade)i, rule, "because it is so");
        const struct report_event events[] = {{7, "close(5) = 0"}};
        one.events = events;
        one.event_count = 1;
        one.ladder = i == GRADE_FAIL ? "  time s\n! 0.0  close(5) = 0\n" : NULL;
        report_verdict(&paper->report, &one);
    }
    report_case_end(&paper->report);
    report_case_begin(&paper->report, &(struct report_case){"open/plain", NULL});
    put(paper, GRADE_PASS, "RUL-00", NULL);
    put(paper, GRADE_SKIP, "RUL-04", "because it is so");
    report_case_end(&paper->report);
    report_notice(&paper->report, "RUL-05 in close/plain passes now: remove it");
}

static void assert_holds(const struct paper *paper, const char *part)
{
    if (strstr(paper->data, part) == NULL) {
        print_error("no \"%s\" in:\n", part);
        printf("%s\n", paper->data);
        fail();
    }
}

static void assert_lacks(const struct paper *paper, const char *part)
{
    if (strstr(paper->data, part) != NULL) {
        print_error("\"%s\" stands in:\n", part);
        printf("%s\n", paper->data);
        fail();
    }
}

static void exit_code_of_grades_follows_the_table(void **state)
{
    (void)state;
    struct grade_counts counts = {{0}};
    assert_int_equal(grade_exit_code(&counts), 77);
    counts.of[GRADE_SKIP] = 4;
    assert_int_equal(grade_exit_code(&counts), 77);
    counts.of[GRADE_INFO] = 1;
    counts.of[GRADE_WARN] = 1;
    counts.of[GRADE_EXPECTED] = 1;
    assert_int_equal(grade_exit_code(&counts), 0);
    counts.of[GRADE_ERROR] = 1;
    assert_int_equal(grade_exit_code(&counts), 3);
    counts.of[GRADE_FAIL] = 1;
    assert_int_equal(grade_exit_code(&counts), 1);
    assert_string_equal(grade_name(GRADE_COUNT), "?");
}

static void text_shows_what_matters_with_its_evidence(void **state)
{
    (void)state;
    struct paper paper;
    paper_begin(&paper, new_text);
    tell_all_grades(&paper);
    paper_end(&paper);
    assert_holds(&paper, "echo on model, a server that speaks echo\n");
    assert_holds(&paper, "\nclose/plain  closes\n  FAIL      RUL-01  a rule\n");
    assert_holds(&paper, "            because it is so\n\n  time s\n! 0.0  close(5) = 0\n\n"
                         "            replay: sockspec replay x.scn --target echo\n");
    assert_holds(&paper, "  EXPECTED  RUL-05");
    assert_lacks(&paper, "RUL-00");
    assert_lacks(&paper, "RUL-03");
    assert_lacks(&paper, "open/plain");
    assert_holds(&paper, "     2  because it is so\n");
    assert_holds(&paper, "note: RUL-05 in close/plain passes now: remove it\n");
    assert_holds(&paper, "2 cases, 9 verdicts: 2 PASS, 1 FAIL, 1 WARN, 1 INFO, 2 SKIP, "
                         "1 EXPECTED, 1 ERROR in 1.50 s\n");
    assert_int_equal(report_exit_code(&paper.report), 1);
    paper_done(&paper);
}

/* One rule broken in three cases, with a ladder each time, and two steps that were too slow. */
static void tell_repeatedly(struct paper *paper, enum grade grade)
{
    static const char *const names[] = {"case/one", "case/two", "case/three"};
    for (unsigned i = 0; i < 3; i++) {
        report_case_begin(&paper->report, &(struct report_case){names[i], NULL});
        struct report_verdict one = verdict(grade, "RUL-07", "words of the evidence");
        one.ladder = "the ladder\n";
        report_verdict(&paper->report, &one);
        put(paper, GRADE_SKIP, "RUL-08", i == 0 ? "'time advance 2s': slow" : "'wire cut': slow");
        report_case_end(&paper->report);
    }
}

static unsigned times(const struct paper *paper, const char *part)
{
    unsigned count = 0;
    for (const char *at = paper->data; (at = strstr(at, part)) != NULL; at++) {
        count++;
    }
    return count;
}

static void text_shows_a_ladder_once_and_names_each_failure(void **state)
{
    (void)state;
    struct paper paper;
    paper_begin(&paper, new_text);
    tell_repeatedly(&paper, GRADE_FAIL);
    paper_end(&paper);
    assert_int_equal(times(&paper, "the ladder"), 1);
    assert_int_equal(times(&paper, "words of the evidence"), 3);
    assert_int_equal(times(&paper, "replay: "), 3);
    assert_holds(&paper, "\n  FAIL      RUL-07     3  case/one\n");
    assert_holds(&paper, "\n     3  slow\n");
    paper_done(&paper);
}

static void text_shows_a_warning_once_and_counts_it(void **state)
{
    (void)state;
    struct paper paper;
    paper_begin(&paper, new_text);
    tell_repeatedly(&paper, GRADE_WARN);
    paper_end(&paper);
    assert_int_equal(times(&paper, "the ladder"), 1);
    assert_int_equal(times(&paper, "words of the evidence"), 1);
    assert_lacks(&paper, "case/two");
    assert_holds(&paper, "\n  WARN      RUL-07     3  case/one\n");
    paper_done(&paper);
}

static void text_when_verbose_shows_each_ladder(void **state)
{
    (void)state;
    struct paper paper;
    paper_begin(&paper, new_verbose);
    tell_repeatedly(&paper, GRADE_WARN);
    paper_end(&paper);
    assert_int_equal(times(&paper, "the ladder"), 3);
    assert_holds(&paper, "'time advance 2s': slow");
    paper_done(&paper);
}

static void text_when_verbose_shows_all_grades(void **state)
{
    (void)state;
    struct paper paper;
    paper_begin(&paper, new_verbose);
    tell_all_grades(&paper);
    paper_end(&paper);
    assert_holds(&paper, "  PASS      RUL-00");
    assert_holds(&paper, "  INFO      RUL-03");
    assert_holds(&paper, "  SKIP      RUL-04");
    assert_holds(&paper, "open/plain");
    paper_done(&paper);
}

static void text_is_coloured_only_when_asked(void **state)
{
    (void)state;
    struct paper paper;
    paper_begin(&paper, new_text);
    tell_all_grades(&paper);
    paper_end(&paper);
    assert_null(strchr(paper.data, '\033'));
    paper_done(&paper);
    paper_begin(&paper, new_coloured);
    tell_all_grades(&paper);
    paper_end(&paper);
    assert_holds(&paper, "\033[1;31mFAIL");
    paper_done(&paper);
}

static void text_never_passes_terminal_sequences_on(void **state)
{
    (void)state;
    struct paper paper;
    paper_begin(&paper, new_text);
    report_case_begin(&paper.report, &(struct report_case){"a\033[2Jb", NULL});
    put(&paper, GRADE_FAIL, "RUL-01", "x\033]0;title\007y\xC2\x9Bz");
    report_case_end(&paper.report);
    paper_end(&paper);
    assert_null(strchr(paper.data, '\033'));
    assert_holds(&paper, "a\\x1b[2Jb");
    assert_holds(&paper, "x\\x1b]0;title\\x07y\\xc2\\x9bz");
    paper_done(&paper);
}

static void text_wraps_long_details_and_never_the_replay(void **state)
{
    (void)state;
    struct paper paper;
    char words[600] = "";
    for (int i = 0; i < 50; i++) {
        strcat(words, "sentence ");
    }
    paper_begin(&paper, new_text);
    report_case_begin(&paper.report, &(struct report_case){"c", NULL});
    struct report_verdict one = verdict(GRADE_FAIL, "RUL-01", words);
    one.replay = words;
    report_verdict(&paper.report, &one);
    report_case_end(&paper.report);
    paper_end(&paper);
    for (char *line = strtok(paper.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        assert_true(strlen(line) <= 100 || strstr(line, "replay: ") != NULL);
    }
    paper_done(&paper);
}

/* What a terminal shows in the end of what is written to it, in one line. */
static void as_shown(const char *written, char *shown, size_t size)
{
    size_t used = 0;
    for (; *written != '\0' && used + 1 < size; written++) {
        if (strncmp(written, "\r\033[K", 4) == 0) {
            used = 0;
            written += 3;
        } else {
            shown[used++] = *written;
        }
    }
    shown[used] = '\0';
}

static void progress_is_a_line_that_goes_away_for_others(void **state)
{
    (void)state;
    struct report report = {0};
    struct report_sink *sink = NULL;
    struct status_detail detail = {{0}};
    char *written = NULL;
    size_t size = 0;
    char shown[256];
    FILE *terminal = open_memstream(&written, &size);
    assert_ok(report_progress_new(terminal, &sink, &detail), &detail);
    assert_ok(report_add(&report, sink), &detail);
    report_begin(&report, &(struct report_target){.name = "echo", .world = "model", .cases = 3});
    for (unsigned i = 0; i < 2; i++) {
        report_case_begin(&report, &(struct report_case){"a/case", NULL});
        as_shown(written, shown, sizeof shown);
        assert_string_equal(shown, ""); /* here another sink may write */
        report_case_end(&report);
    }
    as_shown(written, shown, sizeof shown);
    assert_string_equal(shown, "2 of 3 cases");
    report_notice(&report, "a notice");
    as_shown(written, shown, sizeof shown);
    assert_string_equal(shown, "");
    report_case_begin(&report, &(struct report_case){"a/case", NULL});
    report_case_end(&report);
    assert_ok(report_end(&report, -1, &detail), &detail);
    as_shown(written, shown, sizeof shown);
    assert_string_equal(shown, "");
    report_done(&report);
    (void)fclose(terminal);
    free(written);
}

static void tap_has_a_subtest_per_case_and_a_plan(void **state)
{
    (void)state;
    struct paper paper;
    paper_begin(&paper, report_tap_new);
    tell_all_grades(&paper);
    paper_end(&paper);
    assert_int_equal(strncmp(paper.data, "TAP version 14\n", 15), 0);
    assert_holds(&paper, "# Subtest: close/plain\n    ok 1 - RUL-00: a rule\n"
                         "    not ok 2 - RUL-01: a rule\n      ---\n      grade: \"FAIL\"\n"
                         "      detail: \"because it is so\"\n");
    assert_holds(&paper, "      ladder: |2-\n          time s\n        ! 0.0  close(5) = 0\n");
    assert_holds(&paper, "    ok 5 - RUL-04: a rule # SKIP because it is so\n");
    assert_holds(&paper, "    not ok 6 - RUL-05: a rule # TODO because it is so\n");
    assert_holds(&paper, "    1..7\nnot ok 1 - close/plain\n");
    assert_holds(&paper, "    1..2\nok 2 - open/plain\n");
    assert_holds(&paper, "# RUL-05 in close/plain passes now: remove it\n1..2\n");
    paper_done(&paper);
}

static void tap_of_no_case_is_skipped_as_a_whole(void **state)
{
    (void)state;
    struct paper paper;
    paper_begin(&paper, report_tap_new);
    paper_end(&paper);
    assert_holds(&paper, "\n1..0 # SKIP no case applies\n");
    assert_int_equal(report_exit_code(&paper.report), 77);
    paper_done(&paper);
}

static void tap_message_cannot_forge_a_directive_or_a_point(void **state)
{
    (void)state;
    struct paper paper;
    paper_begin(&paper, report_tap_new);
    report_case_begin(&paper.report, &(struct report_case){"a # TODO\nok 9", NULL});
    put(&paper, GRADE_FAIL, "R # SKIP", "x\nBail out!\n\\ \" ...");
    report_case_end(&paper.report);
    paper_end(&paper);
    assert_holds(&paper, "# Subtest: a \\# TODO ok 9\n");
    assert_holds(&paper, "    not ok 1 - R \\# SKIP: a rule\n");
    assert_holds(&paper, "      detail: \"x\\nBail out!\\n\\\\ \\\" ...\"\n");
    assert_lacks(&paper, "\nBail");
    paper_done(&paper);
}

static void junit_has_right_counts_and_unique_names(void **state)
{
    (void)state;
    struct paper paper;
    paper_begin(&paper, report_junit_new);
    tell_all_grades(&paper);
    report_case_begin(&paper.report, &(struct report_case){"open/plain", NULL});
    put(&paper, GRADE_PASS, "RUL-00", NULL);
    put(&paper, GRADE_PASS, "RUL-00", NULL);
    put(&paper, GRADE_PASS, "RUL-00 (2)", NULL);
    report_case_end(&paper.report);
    paper_end(&paper);
    assert_holds(&paper, " <testsuite name=\"echo.model\" tests=\"12\" failures=\"1\" errors=\"1\" "
                         "skipped=\"3\" time=\"1.500000\">");
    assert_holds(&paper, "classname=\"echo.model\" name=\"close/plain: RUL-01\" time=\"0.001250\"");
    assert_holds(&paper, "<failure type=\"RUL-01\" message=\"because it is so\">");
    assert_holds(&paper, "<skipped message=\"known failure: because it is so\"/>");
    assert_holds(&paper, "name=\"open/plain: RUL-00\"");
    assert_holds(&paper, "name=\"open/plain: RUL-00 (2)\"");
    assert_holds(&paper, "name=\"open/plain: RUL-00 (3)\"");
    assert_holds(&paper, "name=\"open/plain: RUL-00 (2) (2)\"");
    assert_holds(&paper, "<system-out>RUL-05 in close/plain passes now: remove it\n");
    paper_done(&paper);
}

static void json_holds_every_field_that_users_rely_on(void **state)
{
    (void)state;
    struct paper paper;
    paper_begin(&paper, report_json_new);
    tell_all_grades(&paper);
    paper_end(&paper);
    json_t *root = json_loads(paper.data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "target")), "echo");
    assert_string_equal(json_string_value(json_object_get(root, "world")), "model");
    json_t *verdicts = json_object_get(root, "verdicts");
    assert_int_equal(json_array_size(verdicts), 9);
    json_t *one = json_array_get(verdicts, 1);
    static const char *const keys[] = {"case", "rule", "grade", "detail", "replay", "title"};
    static const char *const values[] = {
        "close/plain", "RUL-01", "FAIL", "because it is so", "sockspec replay x.scn --target echo",
        "a rule"};
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(json_string_value(json_object_get(one, keys[i])), values[i]);
    }
    json_t *event = json_array_get(json_object_get(one, "events"), 0);
    assert_int_equal(json_integer_value(json_object_get(event, "index")), 7);
    assert_string_equal(json_string_value(json_object_get(event, "text")), "close(5) = 0");
    json_t *summary = json_object_get(root, "summary");
    assert_int_equal(json_integer_value(json_object_get(summary, "SKIP")), 2);
    assert_int_equal(json_integer_value(json_object_get(summary, "exit")), 1);
    assert_int_equal(json_array_size(json_object_get(root, "notices")), 1);
    json_decref(root);
    paper_done(&paper);
}

/* A string of any bytes but NUL, often of those that formats treat as special. */
static char *random_string(struct random *random)
{
    static const char special[] = "<>&\"'\\#\n\r\t\x01\x1b\x7f]]>-->%s{}\xC2\x85\xEF\xBF\xBF\xED"
                                  "\xA0\x80\xF4\x90\x80\x80\xFE";
    size_t size = random_below(random, 40);
    char *text = calloc(1, size + 1);
    assert_non_null(text);
    for (size_t i = 0; i < size; i++) {
        text[i] = random_below(random, 2) == 0 ? special[random_below(random, sizeof special - 1)]
                                               : (char)(1 + random_below(random, 255));
    }
    return text;
}

static void tell_random(struct paper *paper, struct random *random, unsigned cases)
{
    for (unsigned i = 0; i < cases; i++) {
        char *texts[7];
        for (size_t j = 0; j < 7; j++) {
            texts[j] = random_string(random);
        }
        report_case_begin(&paper->report, &(struct report_case){texts[0], texts[1]});
        const struct report_event events[] = {{i, texts[6]}};
        for (unsigned j = random_below(random, 3); j > 0; j--) {
            struct report_verdict one = {.rule = texts[2],
                                         .title = texts[1],
                                         .grade = (enum grade)random_below(random, GRADE_COUNT),
                                         .detail = texts[3],
                                         .replay = texts[4],
                                         .ladder = texts[5],
                                         .scenario = texts[6],
                                         .events = events,
                                         .event_count = 1,
                                         .duration_us = -1};
            report_verdict(&paper->report, &one);
        }
        report_case_end(&paper->report);
        report_notice(&paper->report, "%s", texts[6]);
        for (size_t j = 0; j < 7; j++) {
            free(texts[j]);
        }
    }
}

static void junit_of_any_bytes_is_well_formed(void **state)
{
    (void)state;
    if (system("command -v xmllint >/dev/null") != 0) {
        skip();
    }
    /* A parser that refuses the text early must show as a failure, not end the test. */
    (void)signal(SIGPIPE, SIG_IGN);
    struct random random = {21};
    for (int round = 0; round < 10; round++) {
        struct paper paper;
        paper_begin(&paper, report_junit_new);
        tell_random(&paper, &random, 400);
        paper_end(&paper);
        FILE *lint = popen("xmllint --noout -", "w");
        assert_non_null(lint);
        (void)fwrite(paper.data, 1, paper.size, lint);
        assert_int_equal(pclose(lint), 0);
        paper_done(&paper);
    }
}

static void json_of_any_bytes_parses(void **state)
{
    (void)state;
    struct random random = {22};
    for (int round = 0; round < 20; round++) {
        struct paper paper;
        paper_begin(&paper, report_json_new);
        tell_random(&paper, &random, 100);
        paper_end(&paper);
        json_t *root = json_loads(paper.data, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(root);
        json_decref(root);
        paper_done(&paper);
    }
}

static void tap_of_any_bytes_keeps_its_points_and_lines(void **state)
{
    (void)state;
    struct random random = {23};
    for (int round = 0; round < 20; round++) {
        struct paper paper;
        paper_begin(&paper, report_tap_new);
        tell_random(&paper, &random, 100);
        paper_end(&paper);
        unsigned points = 0;
        for (char *line = strtok(paper.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
            points += strncmp(line, "ok ", 3) == 0 || strncmp(line, "not ok ", 7) == 0 ? 1U : 0U;
            for (const char *at = line; *at != '\0'; at++) {
                assert_true((unsigned char)*at >= 0x20 || *at == '\t');
            }
            bool known = line[0] == '#' || strncmp(line, "    ", 4) == 0 ||
                         strncmp(line, "ok ", 3) == 0 || strncmp(line, "not ok ", 7) == 0 ||
                         strncmp(line, "1..", 3) == 0 || strncmp(line, "TAP ", 4) == 0;
            assert_true(known);
        }
        assert_int_equal(points, 100);
        paper_done(&paper);
    }
}

static void every_sink_on_a_full_disk_returns_io(void **state)
{
    (void)state;
    const new_sink makers[] = {new_text, report_tap_new, report_junit_new, report_json_new};
    for (size_t i = 0; i < 4; i++) {
        struct status_detail detail = {{0}};
        struct report report = {0};
        struct report_sink *sink = NULL;
        assert_ok(makers[i](&(struct report_place){.path = "/dev/full"}, &sink, &detail), &detail);
        assert_int_equal(report_add(&report, sink), STATUS_OK);
        report_begin(&report, &target);
        assert_int_equal(report_end(&report, -1, &detail), STATUS_IO);
        assert_non_null(strstr(detail.text, "/dev/full"));
        report_done(&report);
    }
}

static void every_sink_in_an_unwritable_place_fails_before_it_begins(void **state)
{
    (void)state;
    const new_sink makers[] = {new_text, report_tap_new, report_junit_new, report_json_new};
    for (size_t i = 0; i < 4; i++) {
        struct status_detail detail = {{0}};
        struct report_sink *sink = NULL;
        assert_int_equal(makers[i](&(struct report_place){.path = "/nowhere/r"}, &sink, &detail),
                         STATUS_IO);
        assert_non_null(strstr(detail.text, "/nowhere/r"));
        assert_null(sink);
    }
}

static void report_goes_on_with_the_others_when_one_sink_fails(void **state)
{
    (void)state;
    struct paper paper;
    struct status_detail detail = {{0}};
    struct report_sink *full = NULL;
    struct report_sink *good = NULL;
    paper = (struct paper){0};
    paper.stream = open_memstream(&paper.data, &paper.size);
    FILE *device = fopen("/dev/full", "w");
    assert_non_null(device);
    (void)setvbuf(device, NULL, _IONBF, 0);
    assert_ok(report_tap_new(&(struct report_place){.stream = device}, &full, &detail), &detail);
    assert_ok(report_tap_new(&(struct report_place){.stream = paper.stream}, &good, &detail),
              &detail);
    assert_int_equal(report_add(&paper.report, full), STATUS_OK);
    assert_int_equal(report_add(&paper.report, good), STATUS_OK);
    report_begin(&paper.report, &target);
    tell_all_grades(&paper);
    assert_int_equal(report_end(&paper.report, -1, &detail), STATUS_IO);
    (void)fclose(paper.stream);
    (void)fclose(device);
    assert_holds(&paper, "not ok 1 - close/plain");
    paper_done(&paper);
}

static void file_appears_only_when_the_report_ends(void **state)
{
    (void)state;
    char folder[] = "/tmp/sockspec-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    (void)snprintf(path, sizeof path, "%s/r.json", folder);
    struct status_detail detail = {{0}};
    for (int finish = 0; finish < 2; finish++) {
        struct report report = {0};
        struct report_sink *sink = NULL;
        assert_ok(report_json_new(&(struct report_place){.path = path}, &sink, &detail), &detail);
        assert_int_equal(report_add(&report, sink), STATUS_OK);
        report_begin(&report, &target);
        assert_int_not_equal(access(path, F_OK), 0);
        if (finish == 1) {
            assert_ok(report_end(&report, -1, &detail), &detail);
        }
        report_done(&report);
    }
    assert_int_equal(access(path, R_OK), 0);
    (void)unlink(path);
    /* The folder is empty again: no temporary file was left behind. */
    assert_int_equal(rmdir(folder), 0);
}

static void report_add_beyond_the_maximum_is_a_limit(void **state)
{
    (void)state;
    struct report report = {0};
    struct status_detail detail = {{0}};
    for (int i = 0; i <= REPORT_SINKS_MAX; i++) {
        struct report_sink *sink = NULL;
        assert_ok(report_tap_new(&(struct report_place){.stream = stdout}, &sink, &detail),
                  &detail);
        assert_int_equal(report_add(&report, sink),
                         i < REPORT_SINKS_MAX ? STATUS_OK : STATUS_LIMIT);
    }
    report_done(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_code_of_grades_follows_the_table),
        cmocka_unit_test(text_shows_what_matters_with_its_evidence),
        cmocka_unit_test(text_shows_a_ladder_once_and_names_each_failure),
        cmocka_unit_test(text_shows_a_warning_once_and_counts_it),
        cmocka_unit_test(text_when_verbose_shows_each_ladder),
        cmocka_unit_test(text_when_verbose_shows_all_grades),
        cmocka_unit_test(text_is_coloured_only_when_asked),
        cmocka_unit_test(text_never_passes_terminal_sequences_on),
        cmocka_unit_test(text_wraps_long_details_and_never_the_replay),
        cmocka_unit_test(progress_is_a_line_that_goes_away_for_others),
        cmocka_unit_test(tap_has_a_subtest_per_case_and_a_plan),
        cmocka_unit_test(tap_of_no_case_is_skipped_as_a_whole),
        cmocka_unit_test(tap_message_cannot_forge_a_directive_or_a_point),
        cmocka_unit_test(junit_has_right_counts_and_unique_names),
        cmocka_unit_test(json_holds_every_field_that_users_rely_on),
        cmocka_unit_test(junit_of_any_bytes_is_well_formed),
        cmocka_unit_test(json_of_any_bytes_parses),
        cmocka_unit_test(tap_of_any_bytes_keeps_its_points_and_lines),
        cmocka_unit_test(every_sink_on_a_full_disk_returns_io),
        cmocka_unit_test(every_sink_in_an_unwritable_place_fails_before_it_begins),
        cmocka_unit_test(report_goes_on_with_the_others_when_one_sink_fails),
        cmocka_unit_test(file_appears_only_when_the_report_ends),
        cmocka_unit_test(report_add_beyond_the_maximum_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
