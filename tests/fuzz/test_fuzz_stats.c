/* Counts of a fuzzing process in a file. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/stats.h"

static char path[] = "/tmp/sockspec-stats-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

static void stats_opened_again_goes_on(void **state)
{
    (void)state;
    struct fuzz_stats *stats = NULL;
    struct status_detail detail;
    assert_ok(fuzz_stats_open(path, &stats, &detail), &detail);
    stats->runs = 41;
    stats->kept[3] = 7;
    assert_ok(fuzz_stats_open(path, &stats, &detail), &detail);
    assert_int_equal(stats->runs, 41);
    assert_int_equal(stats->kept[3], 7);
}

static void stats_read_gives_what_was_counted(void **state)
{
    (void)state;
    struct fuzz_stats *stats = NULL;
    struct fuzz_stats read;
    struct status_detail detail;
    assert_ok(fuzz_stats_open(path, &stats, &detail), &detail);
    stats->runs = 5;
    assert_ok(fuzz_stats_read(path, &read, &detail), &detail);
    assert_int_equal(read.runs, 5);
    assert_int_equal(read.version, FUZZ_STATS_VERSION);
}

static void stats_of_another_file_are_refused(void **state)
{
    (void)state;
    struct fuzz_stats read = {.runs = 99};
    struct status_detail detail;
    assert_int_equal(truncate(path, 10), 0);
    assert_int_equal(fuzz_stats_read(path, &read, &detail), STATUS_SYNTAX);
    assert_int_equal(read.runs, 99);
}

static void stats_in_no_folder_fail_with_its_name(void **state)
{
    (void)state;
    struct fuzz_stats *stats = NULL;
    struct status_detail detail;
    assert_int_equal(fuzz_stats_open("/proc/none/stats", &stats, &detail), STATUS_IO);
    assert_non_null(strstr(detail.text, "/proc/none/stats"));
}

static void stats_add_sums_and_joins(void **state)
{
    (void)state;
    struct fuzz_stats sum = {0};
    struct fuzz_stats a = {.runs = 10, .established = 4, .kept = {1}, .first_broken = {8, 0, 3}};
    struct fuzz_stats b = {.runs = 5, .established = 2, .kept = {2}, .first_broken = {2, 0, 9}};
    a.seen[0] = 0xFF;
    b.seen[0] = 0xFF;
    b.seen[7] = 0xFF;
    fuzz_stats_add(&sum, &a);
    fuzz_stats_add(&sum, &b);
    assert_int_equal(sum.runs, 15);
    assert_int_equal(sum.established, 6);
    assert_int_equal(sum.kept[0], 3);
    assert_int_equal(sum.pairs, 2);
    assert_int_equal(sum.first_broken[0], 2);
    assert_int_equal(sum.first_broken[1], 0);
    assert_int_equal(sum.first_broken[2], 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stats_opened_again_goes_on, make_file, remove_file),
        cmocka_unit_test_setup_teardown(stats_read_gives_what_was_counted, make_file, remove_file),
        cmocka_unit_test_setup_teardown(stats_of_another_file_are_refused, make_file, remove_file),
        cmocka_unit_test(stats_in_no_folder_fail_with_its_name),
        cmocka_unit_test(stats_add_sums_and_joins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
