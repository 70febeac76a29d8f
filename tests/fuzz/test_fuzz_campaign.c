/* Campaigns, end to end, on servers with planted mistakes. What a campaign does is bounded by runs,
 * never by time. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/a_campaign.h"
#include "fuzz/place.h"

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

/* What a finding says can be pasted as it stands, whatever the folders are called. */
static void campaign_replay_command_is_quoted(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-leak");
    char link[128];
    char command[1024];
    (void)snprintf(link, sizeof(link), "%s/the command's link", out);
    assert_int_equal(symlink(SOCKSPEC_TEST_COMMAND, link), 0);
    options.command = link;
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    (void)snprintf(command, sizeof(command),
                   "cd / && eval \"$(sed -n 's/^replay *//p' %s/findings/%s/report.txt)\" > "
                   "%s/replayed 2>&1; test $? -eq 1 && grep -q 'FAIL.*FDH-01' %s/replayed",
                   out, find("FAIL FDH-01")->name, out, out);
    assert_int_equal(system(command), 0);
}

/* The fault is one that Linux never produces, and nothing of the leak's. */
static void campaign_shrinks_a_warning_to_the_failure_that_it_is(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-leak");
    char cases[80];
    char path[96];
    (void)snprintf(cases, sizeof(cases), "%s/cases", out);
    (void)snprintf(path, sizeof(path), "%s/fault.scenario", cases);
    assert_int_equal(mkdir(cases, 0777), 0);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs("title \"a leak, and a fault beside it\"\nrole server\n"
                      "rules FDH-01\n\n"
                      "kernel fail option ENOBUFS\npeer connect\npeer send request\npeer reset\n",
                      file) >= 0);
    assert_int_equal(fclose(file), 0);
    options.seeds = true;
    options.corpus = cases;
    options.runs = 1;
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    assert_non_null(find("FAIL FDH-01"));
    assert_null(find("WARN FDH-01"));
}

static void campaign_on_a_crash_keeps_it(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-overflow");
    char path[512];
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
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

/* It is one finding, and ends no process. */
static void assert_one_crash(const char *target)
{
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for(target);
    unsigned crashes = 0;
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    for (uint32_t i = 0; i < result.found_count; i++) {
        crashes += strncmp(result.found[i].name, "CRASH", 5) == 0;
    }
    assert_int_equal(crashes, 1);
    assert_int_equal(result.restarts, 0);
    assert_true(result.total.broken[FINDING_RULE_CRASH] > 20);
    assert_in_range(result.total.runs, RUNS, RUNS + 10);
}

static void campaign_survives_a_write_out_of_bounds(void **state)
{
    (void)state;
    assert_one_crash("planted-overflow");
}

static void campaign_survives_an_access_to_no_memory(void **state)
{
    (void)state;
    assert_one_crash("planted-null");
}

static void campaign_survives_a_full_stack(void **state)
{
    (void)state;
    assert_one_crash("planted-recurse");
}

static void campaign_starts_again_after_a_crash_in_the_c_library(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-fill");
    options.runs = CRASHING_RUNS;
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    assert_true(result.restarts > 0);
    assert_true(result.total.runs > 10);
    assert_non_null(find("FAIL CRASH"));
}

/* A seed that ends every process is taken out: each would come to nothing else. */
static void campaign_takes_out_a_seed_that_crashes(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-null");
    char cases[80];
    char path[96];
    (void)snprintf(cases, sizeof(cases), "%s/cases", out);
    (void)snprintf(path, sizeof(path), "%s/crash.scenario", cases);
    assert_int_equal(mkdir(cases, 0777), 0);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs("title \"three requests\"\nrole server\nrules FDH-01\n\npeer connect\n"
                      "peer send request\npeer send request\npeer send request\npeer close\n",
                      file) >= 0);
    assert_int_equal(fclose(file), 0);
    options.seeds = true;
    options.corpus = cases;
    options.runs = 1;
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    assert_non_null(find("FAIL CRASH"));
    assert_false(stands("seeds/crash"));
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

static void campaign_with_a_wrong_case_writes_nothing(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-leak");
    char path[128];
    char place[128];
    (void)snprintf(path, sizeof(path), "%s/wrong.scenario", out);
    (void)snprintf(place, sizeof(place), "%s/new", out);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs("peer conect\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    options.seeds = true;
    options.corpus = out;
    options.out = place;
    assert_int_equal(fuzz_campaign_run(&options, &result, &detail), STATUS_SYNTAX);
    assert_non_null(strstr(detail.text, "wrong.scenario:1:6"));
    assert_false(stands("new"));
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

/* ---- A disk of its own, where the machine lets a test have one ---- */

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0) {
        (void)close(fd);
    }
    return written;
}

/* Mounts are seen by this process and its children alone. */
static bool leave_mounts(void)
{
    char map[64];
    if (unshare(CLONE_NEWNS) != 0) {
        (void)snprintf(map, sizeof(map), "0 %u 1", (unsigned)getuid());
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 ||
            !write_text("/proc/self/setgroups", "deny") || !write_text("/proc/self/uid_map", map)) {
            return false;
        }
    }
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static bool has_mounts;

static int begin_disk(void **state)
{
    if (begin(state) != 0) {
        return -1;
    }
    return has_mounts && mount("tmpfs", out, "tmpfs", 0, "size=96m") != 0 ? -1 : 0;
}

static int end_disk(void **state)
{
    if (has_mounts) {
        (void)umount2(out, MNT_DETACH);
    }
    return end(state);
}

static void fill_disk(void)
{
    static const char block[1 << 16];
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/filler", out);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    while (fd >= 0 && write(fd, block, sizeof(block)) > 0) {
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void fill_at_first_finding(void *context, enum fuzz_news news,
                                  const struct fuzz_progress *progress, const char *text)
{
    (void)progress;
    (void)text;
    bool *filled = context;
    if (news == FUZZ_NEWS_FINDING && !*filled) {
        fill_disk();
        *filled = true;
    }
}

/* A report is written whole, and last but one: its first line says that the finding is there. */
static void assert_findings_whole(void)
{
    for (uint32_t i = 0; i < result.found_count; i++) {
        char path[512];
        assert_true(strncmp(result.found[i].line, "FAIL", 4) == 0 ||
                    strncmp(result.found[i].line, "WARN", 4) == 0);
        (void)snprintf(path, sizeof(path), "findings/%s/replay.sh", result.found[i].name);
        assert_true(stands(path));
    }
}

static void campaign_whose_disk_fills_says_so_and_loses_no_finding(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-leak");
    char path[128];
    bool filled = false;
    if (!has_mounts) {
        skip();
    }
    options.runs = MANY_RUNS;
    options.tell = fill_at_first_finding;
    options.context = &filled;
    assert_int_equal(fuzz_campaign_run(&options, &result, &detail), STATUS_IO);
    assert_non_null(strstr(detail.text, out));
    assert_true(result.found_count > 0);
    assert_findings_whole();
    uint32_t before = result.found_count;
    uint64_t runs = result.total.runs;
    fuzz_campaign_done(&result);
    (void)snprintf(path, sizeof(path), "%s/filler", out);
    assert_int_equal(unlink(path), 0);
    options = options_for("planted-leak");
    options.runs = 200;
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    assert_true(result.found_count >= before);
    assert_true(result.total.runs > runs);
    assert_findings_whole();
}

static void campaign_on_a_disk_that_cannot_be_written_says_so_before_it_starts(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-leak");
    if (!has_mounts) {
        skip();
    }
    assert_int_equal(mount("tmpfs", out, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_int_equal(fuzz_campaign_run(&options, &result, &detail), STATUS_IO);
    assert_non_null(strstr(detail.text, out));
    assert_int_equal(result.total.runs, 0);
}

/* ---- The command, ended from outside ---- */

/* Starts `sockspec fuzz` and waits until it has a finding. */
static pid_t start_command(void)
{
    char findings[128];
    (void)snprintf(findings, sizeof(findings), "%s/findings", out);
    pid_t pid = fork();
    if (pid == 0) {
        char log[128];
        (void)snprintf(log, sizeof(log), "%s.log", out);
        int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        (void)dup2(fd, STDOUT_FILENO);
        (void)dup2(fd, STDERR_FILENO);
        (void)execl(SOCKSPEC_TEST_COMMAND, "sockspec", "fuzz", "planted-leak", "--targets",
                    SOCKSPEC_TEST_TARGETS, "--out", out, (char *)NULL);
        _exit(127);
    }
    for (bool found = false; !found;) {
        DIR *directory = opendir(findings);
        for (const struct dirent *entry;
             directory != NULL && (entry = readdir(directory)) != NULL;) {
            found = found || entry->d_name[0] != '.';
        }
        if (directory != NULL) {
            (void)closedir(directory);
        }
        assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
        (void)sched_yield();
    }
    return pid;
}

static bool log_says(const char *text)
{
    char command[256];
    (void)snprintf(command, sizeof(command), "grep -q '%s' %s.log", text, out);
    return system(command) == 0;
}

static int end_command(void **state)
{
    char log[128];
    (void)snprintf(log, sizeof(log), "%s.log", out);
    (void)unlink(log);
    return end(state);
}

static void campaign_that_is_interrupted_says_what_it_found(void **state)
{
    (void)state;
    int status = 0;
    pid_t pid = start_command();
    assert_int_equal(kill(pid, SIGINT), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_true(log_says("(interrupted)"));
    assert_true(log_says("/findings:"));
    assert_true(stands("campaign.json"));
}

static void campaign_that_is_killed_goes_on_when_it_is_started_again(void **state)
{
    (void)state;
    struct status_detail detail = {""};
    struct fuzz_campaign_options options = options_for("planted-leak");
    struct fuzz_stats before = {.runs = 0};
    char path[128];
    int status = 0;
    pid_t pid = start_command();
    (void)snprintf(path, sizeof(path), "%s/stats/job-1", out);
    assert_ok(fuzz_stats_read(path, &before, &detail), &detail);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    options.runs = 200;
    assert_ok(fuzz_campaign_run(&options, &result, &detail), &detail);
    assert_true(result.total.runs > before.runs);
    assert_non_null(find("FAIL FDH-01"));
    assert_findings_whole();
}

static void campaign_without_a_folder_for_its_results_ends_with_an_error(void **state)
{
    (void)state;
    int status = system(SOCKSPEC_TEST_COMMAND " fuzz planted-leak --targets " SOCKSPEC_TEST_TARGETS
                                              " --out /proc/none/out >/dev/null 2>&1");
    assert_int_equal(WEXITSTATUS(status), 3);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, begin_disk, end_disk)
#define BY_COMMAND(test) cmocka_unit_test_setup_teardown(test, begin, end_command)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(campaign_on_a_leak_finds_it_and_goes_on),
        IN_FOLDER(campaign_in_a_folder_that_stands_goes_on),
        IN_FOLDER(campaign_finding_replays_by_its_command),
        IN_FOLDER(campaign_replay_command_is_quoted),
        IN_FOLDER(campaign_shrinks_a_warning_to_the_failure_that_it_is),
        IN_FOLDER(campaign_on_a_crash_keeps_it),
        IN_FOLDER(campaign_survives_a_write_out_of_bounds),
        IN_FOLDER(campaign_survives_an_access_to_no_memory),
        IN_FOLDER(campaign_survives_a_full_stack),
        IN_FOLDER(campaign_starts_again_after_a_crash_in_the_c_library),
        IN_FOLDER(campaign_takes_out_a_seed_that_crashes),
        IN_FOLDER(campaign_that_is_stopped_ends_and_keeps_its_counts),
        IN_FOLDER(campaign_on_an_unknown_target_starts_nothing),
        IN_FOLDER(campaign_with_a_wrong_case_writes_nothing),
        IN_FOLDER(campaign_in_an_impossible_folder_says_so),
        IN_FOLDER(campaign_in_the_folder_of_another_target_is_refused),
        IN_FOLDER(campaign_beside_another_in_one_folder_is_refused),
        IN_FOLDER(campaign_that_cannot_keep_findings_fails_before_it_starts),
        ON_DISK(campaign_whose_disk_fills_says_so_and_loses_no_finding),
        ON_DISK(campaign_on_a_disk_that_cannot_be_written_says_so_before_it_starts),
        BY_COMMAND(campaign_that_is_interrupted_says_what_it_found),
        BY_COMMAND(campaign_that_is_killed_goes_on_when_it_is_started_again),
        cmocka_unit_test(campaign_without_a_folder_for_its_results_ends_with_an_error),
    };
    has_mounts = leave_mounts();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
