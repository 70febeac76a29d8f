/* Campaigns of AFL++, end to end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "fuzz/a_campaign.h"

static struct fuzz_campaign_options afl_options_for(const char *target)
{
    struct fuzz_campaign_options options = options_for(target);
    options.engine = FUZZ_ENGINE_AFL;
    return options;
}

static void afl_campaign_on_a_leak_finds_it_and_goes_on(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = afl_options_for("planted-leak");
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    assert_non_null(find("FAIL FDH-01"));
    assert_true(result.total.runs >= RUNS);
    assert_true(result.total.broken[ORACLE_FDH_01] > 0);
    assert_true(result.total.pairs > 10);
    assert_int_equal(result.restarts, 0);
    assert_true(stands("campaign.json"));
    uint64_t runs = result.total.runs;
    fuzz_campaign_done(&result);
    options.runs = 2ULL * RUNS;
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    assert_true(result.total.runs > runs);
    assert_non_null(find("FAIL FDH-01"));
}

static void afl_campaign_outlives_the_lock_of_one_that_was_killed(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = afl_options_for("planted-leak");
    char path[128];
    options.runs = 200;
    (void)snprintf(path, sizeof(path), "%s/afl", out);
    assert_int_equal(mkdir(path, 0777), 0);
    (void)snprintf(path, sizeof(path), "%s/afl/.affinity_lock", out);
    int lock = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(lock >= 0);
    assert_int_equal(close(lock), 0);
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    assert_true(result.total.runs >= 200);
}

/* Seeds that crash, too: AFL++ passes over those, and tells nobody. */
static void afl_campaign_on_a_crash_finds_it_and_goes_on(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = afl_options_for("planted-null");
    options.seeds = true;
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    assert_non_null(find("FAIL CRASH"));
    assert_true(result.total.broken[FINDING_RULE_CRASH] > 20);
    assert_true(result.total.runs >= RUNS);
}

/* Nothing of it goes on, and the next one finds what it left. */
static void afl_campaign_that_is_killed_goes_on_when_it_is_started_again(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = afl_options_for("planted-leak");
    struct fuzz_stats before = {.runs = 0};
    char stats[128];
    int status = 0;
    (void)snprintf(stats, sizeof(stats), "%s/stats/job-1", out);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
        (void)execl(SOCKSPEC_TEST_COMMAND, "sockspec", "fuzz", "planted-leak", "--engine", "afl++",
                    "--targets", SOCKSPEC_TEST_TARGETS, "--out", out, (char *)NULL);
        _exit(127);
    }
    while (fuzz_stats_read(stats, &before, NULL) != STATUS_OK || before.runs < 200) {
        assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
        (void)sched_yield();
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    options.runs = 1000000;
    options.time_ms = 2000;
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    assert_true(result.total.runs > before.runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(afl_campaign_on_a_leak_finds_it_and_goes_on),
        IN_FOLDER(afl_campaign_on_a_crash_finds_it_and_goes_on),
        IN_FOLDER(afl_campaign_that_is_killed_goes_on_when_it_is_started_again),
        IN_FOLDER(afl_campaign_outlives_the_lock_of_one_that_was_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
