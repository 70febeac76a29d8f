/* Campaigns, end to end, on servers with planted mistakes. What a campaign does is bounded by runs,
 * never by time. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/campaign.h"
#include "fuzz/finding.h"
#include "fuzz/place.h"

/* Each crash costs a process: fewer runs where there is one. */
enum { RUNS = 4000, CRASHING_RUNS = 500, MANY_RUNS = 2000000000 };

static char out[64];
static struct fuzz_campaign_result result;

static int begin(void **state)
{
    (void)state;
    (void)snprintf(out, sizeof(out), "/tmp/sockspec-campaign-XXXXXX");
    return mkdtemp(out) == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    char command[128];
    fuzz_campaign_done(&result);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", out);
    return system(command);
}

static struct fuzz_campaign_options options_for(const char *target)
{
    return (struct fuzz_campaign_options){.target = target,
                                          .targets = SOCKSPEC_TEST_TARGETS,
                                          .engine = FUZZ_ENGINE_LIBFUZZER,
                                          .runs = RUNS,
                                          .jobs = 1,
                                          .out = out,
                                          .seed = 1,
                                          .command = SOCKSPEC_TEST_COMMAND};
}

/* The first finding whose report begins so. */
static const struct fuzz_found *find(const char *line)
{
    for (uint32_t i = 0; i < result.found_count; i++) {
        if (strncmp(result.found[i].line, line, strlen(line)) == 0) {
            return &result.found[i];
        }
    }
    return NULL;
}

static bool stands(const char *name)
{
    char path[640];
    struct stat info;
    (void)snprintf(path, sizeof(path), "%s/%s", out, name);
    return stat(path, &info) == 0;
}

static void campaign_on_a_leak_finds_it_and_goes_on(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-leak");
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    assert_non_null(find("FAIL FDH-01"));
    assert_in_range(result.total.runs, RUNS, RUNS + 10);
    assert_true(result.total.broken[ORACLE_FDH_01] > 0);
    assert_true(result.total.established * 10 > result.total.runs * 7);
    assert_true(result.total.pairs > 10);
    assert_int_equal(result.restarts, 0);
    assert_true(stands("campaign.json"));
}

static void campaign_in_a_folder_that_stands_goes_on(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-leak");
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    uint64_t runs = result.total.runs;
    assert_non_null(find("FAIL FDH-01"));
    fuzz_campaign_done(&result);
    options.runs = 200;
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    assert_true(result.total.runs > runs);
    assert_non_null(find("FAIL FDH-01"));
}

static void campaign_finding_replays_by_its_command(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-leak");
    char command[512];
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    (void)snprintf(command, sizeof(command),
                   "sh %s/findings/%s/replay.sh > %s/replayed 2>&1; test $? -eq 1 && grep -q "
                   "'FAIL.*FDH-01' %s/replayed",
                   out, find("FAIL FDH-01")->name, out, out);
    assert_int_equal(system(command), 0);
}

static void campaign_on_a_crash_keeps_it_and_starts_again(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-overflow");
    options.runs = CRASHING_RUNS;
    char path[512];
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    assert_true(result.restarts > 0);
    const struct fuzz_found *found = find("FAIL CRASH");
    assert_non_null(found);
    (void)snprintf(path, sizeof(path), "findings/%s/found.scenario", found->name);
    assert_true(stands(path));
    (void)snprintf(path, sizeof(path),
                   "grep -q 'heap-buffer-overflow' %s/findings/%s/report.txt && grep -q "
                   "note_reads %s/findings/%s/report.txt",
                   out, found->name, out, found->name);
    assert_int_equal(system(path), 0);
}

static void campaign_finds_one_crash_once(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-overflow");
    options.runs = CRASHING_RUNS;
    unsigned crashes = 0;
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    for (uint32_t i = 0; i < result.found_count; i++) {
        crashes += strncmp(result.found[i].name, "CRASH", 5) == 0;
    }
    assert_int_equal(crashes, 1);
}

static void stop_at_first(void *context, enum fuzz_news news, const struct fuzz_progress *progress,
                          const char *text)
{
    (void)text;
    volatile sig_atomic_t *stop = context;
    if (news == FUZZ_NEWS_PROGRESS && progress->total->runs > 0) {
        *stop = 1;
    }
}

static void campaign_that_is_stopped_ends_and_keeps_its_counts(void **state)
{
    (void)state;
    volatile sig_atomic_t stop = 0;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-leak");
    options.runs = MANY_RUNS;
    options.jobs = 2;
    options.stop = &stop;
    options.tell = stop_at_first;
    options.context = (void *)&stop;
    options.progress_ms = 1;
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    assert_true(result.interrupted);
    assert_true(result.total.runs > 0);
    assert_true(stands("stats/job-2"));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no process is left */
}

static void campaign_on_an_unknown_target_starts_nothing(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("no-such-target");
    assert_int_equal(fuzz_campaign_run(&options, &result, &detail), STATUS_NOT_FOUND);
    assert_non_null(strstr(detail.text, "no-such-target"));
    assert_false(stands("corpus"));
}

static void campaign_in_an_impossible_folder_says_so(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-leak");
    options.out = "/proc/none/out";
    assert_int_equal(fuzz_campaign_run(&options, &result, &detail), STATUS_IO);
    assert_non_null(strstr(detail.text, "/proc/none/out"));
}

static void campaign_in_the_folder_of_another_target_is_refused(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-leak");
    options.runs = 10;
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    fuzz_campaign_done(&result);
    options.target = "planted-overflow";
    assert_int_equal(fuzz_campaign_run(&options, &result, &detail), STATUS_USAGE);
    assert_non_null(strstr(detail.text, "planted-leak"));
}

static void campaign_beside_another_in_one_folder_is_refused(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct place place;
    struct fuzz_campaign_options options = options_for("planted-leak");
    assert_ok(place_open(&place, out, &detail), &detail);
    assert_int_equal(fuzz_campaign_run(&options, &result, &detail), STATUS_USAGE);
    place_close(&place);
}

/* A file where the folder of findings belongs: the processes cannot write, the campaign says why.
 */
static void campaign_that_cannot_keep_findings_fails_before_it_starts(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-leak");
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/findings", out);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(fuzz_campaign_run(&options, &result, &detail), STATUS_IO);
    assert_non_null(strstr(detail.text, "findings"));
    assert_int_equal(result.total.runs, 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(campaign_on_a_leak_finds_it_and_goes_on),
        IN_FOLDER(campaign_in_a_folder_that_stands_goes_on),
        IN_FOLDER(campaign_finding_replays_by_its_command),
        IN_FOLDER(campaign_on_a_crash_keeps_it_and_starts_again),
        IN_FOLDER(campaign_finds_one_crash_once),
        IN_FOLDER(campaign_that_is_stopped_ends_and_keeps_its_counts),
        IN_FOLDER(campaign_on_an_unknown_target_starts_nothing),
        IN_FOLDER(campaign_in_an_impossible_folder_says_so),
        IN_FOLDER(campaign_in_the_folder_of_another_target_is_refused),
        IN_FOLDER(campaign_beside_another_in_one_folder_is_refused),
        IN_FOLDER(campaign_that_cannot_keep_findings_fails_before_it_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
