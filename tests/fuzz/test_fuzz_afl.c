/* Campaigns of AFL++, end to end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>

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
    options.runs = 2 * RUNS;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(afl_campaign_on_a_leak_finds_it_and_goes_on),
        IN_FOLDER(afl_campaign_on_a_crash_finds_it_and_goes_on),
        IN_FOLDER(afl_campaign_outlives_the_lock_of_one_that_was_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
