/* Findings: keys, what is known, and the folders. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/finding.h"
#include "fuzz/triage.h"
#include "scenario/text.h"
#include "trace/jsonl.h"
#include "trace/output.h"

static struct trace trace;
static char folder[64];

static void add_call(enum trace_call call, uint32_t conn, int err)
{
    struct trace_event *event = trace_add(&trace, TRACE_CALL, TRACE_HOST_TARGET);
    event->what = (uint8_t)call;
    event->conn = conn;
    event->fd = 4;
    event->err = err;
    event->result = err == 0 ? 1 : -1;
}

static void add_state(enum trace_host host, enum tcp_state now, uint32_t conn)
{
    struct trace_event *event = trace_add(&trace, TRACE_STATE, host);
    event->what = (uint8_t)now;
    event->conn = conn;
}

static void remove_tree(const char *path)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

static int begin(void **state)
{
    (void)state;
    if (trace_init(&trace, 256) != STATUS_OK) {
        return -1;
    }
    trace.header.observers = TRACE_SEES_CALLS;
    (void)snprintf(trace.header.target, sizeof(trace.header.target), "some-target");
    (void)snprintf(folder, sizeof(folder), "/tmp/sockspec-findings-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    trace_done(&trace);
    remove_tree(folder);
    return 0;
}

static uint64_t key_of(unsigned rule, uint32_t conn)
{
    return finding_key(&trace, rule, GRADE_FAIL, conn, TRACE_HOST_TARGET, trace.count - 1);
}

/* ---- Keys ---- */

static void key_of_the_same_trace_is_the_same_for_ever(void **state)
{
    (void)state;
    add_state(TRACE_HOST_TARGET, TCP_ESTABLISHED, 1);
    add_state(TRACE_HOST_PEER, TCP_FIN_WAIT_1, 1);
    add_call(TRACE_CALL_RECV, 1, ECONNRESET);
    /* Folders of findings outlive this program: a change here loses what people know as known. */
    char name[FINDING_NAME_MAX];
    finding_name(ORACLE_FDH_01, key_of(ORACLE_FDH_01, 1), name);
    assert_string_equal(name, "FDH-01-9538de0d7ec1a437");
}

static void key_tells_rules_states_calls_and_errors_apart(void **state)
{
    (void)state;
    add_state(TRACE_HOST_TARGET, TCP_ESTABLISHED, 1);
    add_call(TRACE_CALL_RECV, 1, 0);
    uint64_t first = key_of(ORACLE_FDH_01, 1);
    assert_int_not_equal(first, key_of(ORACLE_FDH_02, 1));
    add_call(TRACE_CALL_RECV, 1, ECONNRESET);
    uint64_t second = key_of(ORACLE_FDH_01, 1);
    assert_int_not_equal(first, second);
    add_call(TRACE_CALL_SEND, 1, ECONNRESET);
    uint64_t third = key_of(ORACLE_FDH_01, 1);
    assert_int_not_equal(second, third);
    add_state(TRACE_HOST_PEER, TCP_FIN_WAIT_1, 1);
    uint64_t fourth = key_of(ORACLE_FDH_01, 1);
    assert_int_not_equal(third, fourth);
    assert_int_not_equal(
        fourth, finding_key(&trace, ORACLE_FDH_01, GRADE_WARN, 1, TRACE_HOST_TARGET, trace.count));
}

static void key_ignores_other_connections_and_what_follows(void **state)
{
    (void)state;
    add_state(TRACE_HOST_TARGET, TCP_ESTABLISHED, 1);
    add_call(TRACE_CALL_RECV, 1, 0);
    uint64_t key = key_of(ORACLE_FDH_01, 1);
    uint32_t last = trace.count - 1;
    add_call(TRACE_CALL_SEND, 2, 0);
    assert_int_equal(key, key_of(ORACLE_FDH_01, 1));
    add_call(TRACE_CALL_CLOSE, 1, 0);
    assert_int_equal(key,
                     finding_key(&trace, ORACLE_FDH_01, GRADE_FAIL, 1, TRACE_HOST_TARGET, last));
}

static const char report[] = "==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602 "
                             "at pc 0x55 bp 0x7f sp 0x7f\n"
                             "WRITE of size 1 at 0x602 thread T0\n"
                             "    #0 0x55aa in __asan_memcpy (x+0x1)\n"
                             "    #1 0x55bb in serve server.c:10:3\n"
                             "    #2 0x55cc in main server.c:20:3\n"
                             "\n";

static void crash_key_ignores_addresses_and_own_frames(void **state)
{
    (void)state;
    char other[sizeof(report)];
    memcpy(other, report, sizeof(report));
    memcpy(strstr(other, "0x602"), "0x777", 5);
    memcpy(strstr(other, "0x55bb"), "0x66bb", 6);
    memcpy(strstr(other, "==7=="), "==8==", 5);
    assert_int_equal(triage_key(report, 6, 0, 1), triage_key(other, 0, 1, 2));
}

static void crash_key_tells_frames_and_kinds_apart(void **state)
{
    (void)state;
    char other[sizeof(report)];
    memcpy(other, report, sizeof(report));
    memcpy(strstr(other, "serve"), "other", 5);
    assert_int_not_equal(triage_key(report, 0, 1, 0), triage_key(other, 0, 1, 0));
    memcpy(other, report, sizeof(report));
    memcpy(strstr(other, "heap-"), "heal-", 5);
    assert_int_not_equal(triage_key(report, 0, 1, 0), triage_key(other, 0, 1, 0));
}

static void crash_key_of_the_end_of_a_report_is_by_its_summary(void **state)
{
    (void)state;
    static const char one[] = "frames\nSUMMARY: AddressSanitizer: SEGV a.c:1 in one\n==7==ABORTING";
    static const char two[] = "frames\nSUMMARY: AddressSanitizer: SEGV a.c:1 in two\n==7==ABORTING";
    static const char again[] = "f\nSUMMARY: AddressSanitizer: SEGV a.c:1 in one\n==9==ABORTING";
    assert_int_not_equal(triage_key(one, 0, 1, 0), triage_key(two, 0, 1, 0));
    assert_int_equal(triage_key(one, 0, 1, 0), triage_key(again, 0, 1, 0));
}

static void crash_key_without_a_report_is_by_signal(void **state)
{
    (void)state;
    assert_int_not_equal(triage_key("", 11, 0, 5), triage_key("", 8, 0, 5));
    assert_int_equal(triage_key("noise", 11, 0, 5), triage_key("", 11, 0, 5));
}

/* ---- Known keys ---- */

static void keys_added_twice_are_known(void **state)
{
    (void)state;
    struct finding_keys *keys = NULL;
    struct status_detail detail;
    assert_ok(finding_keys_new(NULL, &keys, &detail), &detail);
    assert_false(finding_keys_add(keys, 0));
    assert_false(finding_keys_add(keys, UINT64_MAX));
    assert_true(finding_keys_add(keys, 0));
    assert_true(finding_keys_add(keys, UINT64_MAX));
    finding_keys_free(keys);
}

static void keys_past_the_limit_are_known(void **state)
{
    (void)state;
    struct finding_keys *keys = NULL;
    struct status_detail detail;
    assert_ok(finding_keys_new(NULL, &keys, &detail), &detail);
    for (uint64_t i = 1; i <= FINDING_KEYS_MAX; i++) {
        assert_false(finding_keys_add(keys, i << 32));
    }
    assert_true(finding_keys_add(keys, 12345));
    finding_keys_free(keys);
}

static void keys_of_folders_that_stand_are_known(void **state)
{
    (void)state;
    struct finding_keys *keys = NULL;
    struct status_detail detail;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/FDH-01-00000000000000ab", folder);
    assert_int_equal(mkdir(path, 0777), 0);
    assert_ok(finding_keys_new(folder, &keys, &detail), &detail);
    assert_true(finding_keys_add(keys, 0xab));
    assert_false(finding_keys_add(keys, 0xac));
    finding_keys_free(keys);
}

static void keys_in_an_impossible_folder_fail_with_its_name(void **state)
{
    (void)state;
    struct finding_keys *keys = NULL;
    struct status_detail detail;
    assert_int_equal(finding_keys_new("/proc/none", &keys, &detail), STATUS_IO);
    assert_non_null(strstr(detail.text, "/proc/none"));
}

/* ---- Folders ---- */

static struct scenario *make_scenario(void)
{
    static struct scenario_text text;
    struct status_detail detail;
    static const char steps[] = "peer connect\npeer send request\npeer reset\n";
    assert_ok(scenario_parse("test", steps, strlen(steps), &text, &detail), &detail);
    return &text.scenario;
}

static enum status write_finding(const char *place, bool *ret_new, struct status_detail *detail)
{
    struct finding finding = {.rule = ORACLE_FDH_01,
                              .grade = GRADE_FAIL,
                              .key = 0xab,
                              .events = {0},
                              .count = 1,
                              .detail = "it happened"};
    struct finding_place where = {.folder = place, .replay = "replay {scenario} now"};
    const struct scenario *scenario = make_scenario();
    if (trace.count == 0) {
        add_call(TRACE_CALL_RECV, 1, ECONNRESET);
    }
    return finding_write(&where, &finding, &trace, scenario, scenario, ret_new, detail);
}

static char *read_whole(const char *name)
{
    static char text[1 << 16];
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/FDH-01-00000000000000ab/%s", folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

static unsigned count_entries(const char *path)
{
    unsigned count = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    (void)closedir(directory);
    return count - 2;
}

static void write_makes_a_whole_folder(void **state)
{
    (void)state;
    static struct scenario_text text;
    struct status_detail detail;
    bool fresh = false;
    assert_ok(write_finding(folder, &fresh, &detail), &detail);
    assert_true(fresh);
    assert_int_equal(count_entries(folder), 1);
    assert_non_null(strstr(read_whole("report.txt"), "FAIL FDH-01"));
    assert_non_null(strstr(read_whole("report.txt"), "it happened"));
    char *scenario = read_whole("found.scenario");
    assert_ok(scenario_parse("found", scenario, strlen(scenario), &text, &detail), &detail);
    assert_true(scenario_equal(&text.scenario, make_scenario()));
    char wanted[256];
    (void)snprintf(wanted, sizeof(wanted),
                   "#!/bin/sh\nreplay %s/FDH-01-00000000000000ab/found.scenario now\n", folder);
    assert_string_equal(read_whole("replay.sh"), wanted);
}

static void write_makes_a_trace_that_reads_back(void **state)
{
    (void)state;
    struct status_detail detail;
    struct trace read;
    char path[256];
    bool fresh = false;
    assert_ok(write_finding(folder, &fresh, &detail), &detail);
    (void)snprintf(path, sizeof(path), "%s/FDH-01-00000000000000ab/trace.jsonl", folder);
    assert_ok(trace_jsonl_load(&read, path, &detail), &detail);
    assert_int_equal(read.count, trace.count);
    trace_done(&read);
}

static void write_over_one_that_stands_leaves_it(void **state)
{
    (void)state;
    struct status_detail detail;
    bool fresh = false;
    assert_ok(write_finding(folder, &fresh, &detail), &detail);
    add_call(TRACE_CALL_CLOSE, 1, 0);
    assert_ok(write_finding(folder, &fresh, &detail), &detail);
    assert_false(fresh);
    assert_int_equal(count_entries(folder), 1);
}

static void write_into_no_folder_fails_with_its_name(void **state)
{
    (void)state;
    struct status_detail detail;
    bool fresh = true;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/gone", folder);
    assert_int_equal(write_finding(path, &fresh, &detail), STATUS_IO);
    assert_non_null(strstr(detail.text, path));
    assert_int_equal(count_entries(folder), 0);
}

static void end_by_a_crash_is_a_finding(void **state)
{
    (void)state;
    struct finding finding;
    assert_false(finding_of_end(&trace, &finding));
    struct trace_event *event = trace_add(&trace, TRACE_EXIT, TRACE_HOST_TARGET);
    event->what = TRACE_EXIT_STOPPED_BY_HANDLER;
    assert_false(finding_of_end(&trace, &finding));
    event->what = TRACE_EXIT_HUNG;
    assert_true(finding_of_end(&trace, &finding));
    assert_int_equal(finding.rule, FINDING_RULE_HANG);
    event->what = TRACE_EXIT_ABORTED;
    assert_true(finding_of_end(&trace, &finding));
    assert_int_equal(finding.rule, FINDING_RULE_CRASH);
}

#define WITH_TRACE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TRACE(key_of_the_same_trace_is_the_same_for_ever),
        WITH_TRACE(key_tells_rules_states_calls_and_errors_apart),
        WITH_TRACE(key_ignores_other_connections_and_what_follows),
        cmocka_unit_test(crash_key_ignores_addresses_and_own_frames),
        cmocka_unit_test(crash_key_tells_frames_and_kinds_apart),
        cmocka_unit_test(crash_key_of_the_end_of_a_report_is_by_its_summary),
        cmocka_unit_test(crash_key_without_a_report_is_by_signal),
        cmocka_unit_test(keys_added_twice_are_known),
        cmocka_unit_test(keys_past_the_limit_are_known),
        WITH_TRACE(keys_of_folders_that_stand_are_known),
        cmocka_unit_test(keys_in_an_impossible_folder_fail_with_its_name),
        WITH_TRACE(write_makes_a_whole_folder),
        WITH_TRACE(write_makes_a_trace_that_reads_back),
        WITH_TRACE(write_over_one_that_stands_leaves_it),
        WITH_TRACE(write_into_no_folder_fails_with_its_name),
        WITH_TRACE(end_by_a_crash_is_a_finding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
