/* Running a campaign: start the processes, look after them, keep what they found. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/campaign.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/words.h"
#include "fuzz/campaign_internal.h"
#include "fuzz/finding.h"
#include "fuzz/process.h"
#include "scenario/code.h"

enum {
    TICK_MS = 100,         /* how often processes are looked at */
    SCAN_MS = 500,         /* how often their folders are */
    SUMMARY_MS = 10000,    /* how often campaign.json is written */
    STOP_LIMIT_MS = 10000, /* to end by themselves */
    BARREN_STARTS_MAX = 3, /* starts of a process without a run in between */
    MESSAGE_MAX = 512
};

/* ---- Telling ---- */

void campaign_tell(struct campaign *campaign, enum fuzz_news news, const char *text)
{
    const struct fuzz_campaign_options *options = campaign->options;
    struct fuzz_campaign_result *result = campaign->result;
    if (options->tell == NULL) {
        return;
    }
    int64_t now = job_now_ms();
    struct fuzz_progress progress = {.elapsed_ms = now - campaign->start_ms,
                                     .total = &result->total,
                                     .findings = result->found_count,
                                     .restarts = result->restarts};
    for (unsigned i = 0; i < options->jobs; i++) {
        progress.jobs += campaign->jobs[i].pid != 0;
    }
    if (news == FUZZ_NEWS_PROGRESS) {
        int64_t passed = now - campaign->progress_ms;
        uint64_t runs = result->total.runs - campaign->progress_runs;
        progress.runs_per_s = passed > 0 ? (double)runs * 1000.0 / (double)passed : 0.0;
        campaign->progress_ms = now;
        campaign->progress_runs = result->total.runs;
    }
    options->tell(options->context, news, &progress, text);
}

static bool was_found(const struct fuzz_found *found, uint32_t count, const char *name)
{
    uint32_t low = 0;
    while (low < count) {
        uint32_t middle = low + (count - low) / 2;
        int order = strcmp(found[middle].name, name);
        if (order == 0) {
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        count = order < 0 ? count : middle;
    }
    return false;
}

/* Takes what stands in the folder now; new findings are told, unless they stood before the start.
 */
static enum status scan(struct campaign *campaign, bool quiet, struct status_detail *detail)
{
    struct fuzz_campaign_result *result = campaign->result;
    struct fuzz_found *found = NULL;
    uint32_t count = 0;
    char findings[PATH_MAX];
    place_counts(&campaign->place, &result->total);
    if (place_path(&campaign->place, findings, NULL, "findings") == STATUS_OK) {
        (void)finding_take_pending(findings);
    }
    enum status status = place_findings(&campaign->place, &found, &count, detail);
    if (status != STATUS_OK) {
        return status;
    }
    struct fuzz_found *before = result->found;
    uint32_t before_count = result->found_count;
    result->found = found;
    result->found_count = count;
    for (uint32_t i = 0; i < count && !quiet; i++) {
        if (!was_found(before, before_count, found[i].name)) {
            campaign_tell(campaign, FUZZ_NEWS_FINDING, found[i].line);
        }
    }
    free(before);
    return STATUS_OK;
}

/* ---- Before the start ---- */

static enum status check_options(const struct fuzz_campaign_options *options,
                                 struct status_detail *detail)
{
    if (options->jobs == 0 || options->jobs > FUZZ_JOBS_MAX) {
        return status_fail(detail, STATUS_USAGE, "1 to %d processes can fuzz side by side",
                           FUZZ_JOBS_MAX);
    }
    if (strchr(options->target, '/') != NULL) {
        return status_fail(detail, STATUS_USAGE, "'%s' is no name of a target", options->target);
    }
    return STATUS_OK;
}

/* The command that plays a scenario again, from wherever it is called. */
static enum status describe_replay(struct campaign *campaign, const char *folder,
                                   struct status_detail *detail)
{
    const struct fuzz_campaign_options *options = campaign->options;
    char *text = campaign->replay;
    size_t size = sizeof(campaign->replay);
    const char *words[] = {options->command != NULL ? options->command : "sockspec",
                           "replay",
                           "{scenario}",
                           "--target",
                           options->target,
                           "--targets",
                           folder};
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, size - used, "%s", i == 0 ? "" : " ");
        words_quote(text, size, words[i]);
    }
    return strlen(text) + 1 < size
               ? STATUS_OK
               : status_fail(detail, STATUS_LIMIT, "%s: the name is too long", folder);
}

static enum status find_executables(struct campaign *campaign, struct status_detail *detail)
{
    const struct fuzz_campaign_options *options = campaign->options;
    char folder[PATH_MAX];
    if (realpath(options->targets, folder) == NULL) {
        return status_fail(detail, STATUS_NOT_FOUND, "%s: %s", options->targets, strerror(errno));
    }
    int length = snprintf(campaign->executable, PATH_MAX, "%s/%s%s", folder, options->target,
                          campaign_engine_suffix(options->engine));
    if (length >= PATH_MAX || access(campaign->executable, X_OK) != 0) {
        return status_fail(detail, STATUS_NOT_FOUND, "there is no %s: was it built with %s?",
                           campaign->executable, fuzz_engine_word(options->engine));
    }
    /* The one with a sanitizer says more about a crash. */
    (void)snprintf(campaign->triage_executable, PATH_MAX, "%.*s/%s%s", PATH_MAX - 300, folder,
                   options->target, campaign_engine_suffix(FUZZ_ENGINE_LIBFUZZER));
    if (access(campaign->triage_executable, X_OK) != 0) {
        memcpy(campaign->triage_executable, campaign->executable, PATH_MAX);
    }
    return describe_replay(campaign, folder, detail);
}

static enum status check_place(struct campaign *campaign, struct status_detail *detail)
{
    char name[TRACE_NAME_MAX];
    enum status status = place_target(&campaign->place, name, detail);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    if (status == STATUS_OK && strcmp(name, campaign->options->target) != 0) {
        status = status_fail(detail, STATUS_USAGE, "%s holds a campaign on %s, not on %s",
                             campaign->place.folder, name, campaign->options->target);
    }
    return status;
}

static enum status save_seed(const struct place *place, const struct suite_case *the_case,
                             struct status_detail *detail)
{
    uint8_t data[SCENARIO_CODE_MAX];
    char name[CASES_NAME_MAX + 16];
    size_t size = scenario_encode(&the_case->scenario, data, sizeof(data));
    if (size > CAMPAIGN_UNIT_SIZE_MAX) {
        return STATUS_OK;
    }
    (void)snprintf(name, sizeof(name), "seeds/%s", the_case->name);
    for (char *at = name + strlen("seeds/"); *at != '\0'; at++) {
        *at = *at == '/' ? '_' : *at;
    }
    return place_save(place, name, data, size, detail);
}

/* The cases of the suite that are for this target; without any, one that means nothing: AFL++ does
 * not start from an empty folder. */
static enum status make_seeds(struct campaign *campaign, struct status_detail *detail)
{
    static const uint8_t nothing[] = {SCENARIO_CODE_VERSION};
    uint32_t made = 0;
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < campaign->cases.count && status == STATUS_OK; i++) {
        const struct suite_case *the_case = &campaign->cases.cases[i];
        if (cases_unfit(the_case, &campaign->info.manifest, campaign->info.profile) == NULL) {
            status = save_seed(&campaign->place, the_case, detail);
            made++;
        }
    }
    if (status == STATUS_OK && made == 0) {
        status = place_save(&campaign->place, "seeds/nothing", nothing, sizeof(nothing), detail);
    }
    return status;
}

/* ---- Processes ---- */

int64_t campaign_time_left_ms(const struct campaign *campaign)
{
    int64_t limit = campaign->options->time_ms;
    return limit == 0 ? INT64_MAX : campaign->start_ms + limit - job_now_ms();
}

/* What a process counted so far. */
static uint64_t runs_of(const struct campaign *campaign, unsigned index)
{
    char path[PATH_MAX];
    struct fuzz_stats stats = {.runs = 0};
    if (place_path(&campaign->place, path, NULL, "stats/job-%u", index + 1) != STATUS_OK ||
        fuzz_stats_read(path, &stats, NULL) != STATUS_OK) {
        return 0;
    }
    return stats.runs;
}

/* Of the runs that a process may make, those that are left; a crash costs the run that it came in.
 */
uint64_t campaign_runs_left(const struct campaign *campaign, unsigned index)
{
    const struct campaign_job *job = &campaign->jobs[index];
    uint64_t used = runs_of(campaign, index) - job->base + job->starts;
    return used >= campaign->options->runs ? 0 : campaign->options->runs - used;
}

static enum status start_job(struct campaign *campaign, unsigned index,
                             struct status_detail *detail)
{
    struct campaign_job *job = &campaign->jobs[index];
    char log[PATH_MAX];
    struct job_command *command = calloc(1, sizeof(*command));
    if (command == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "no memory for a process");
    }
    enum status status = place_path(&campaign->place, log, detail, "logs/job-%u.log", index + 1);
    if (status == STATUS_OK) {
        campaign_command(campaign, index, job->starts, command);
        status = job_start(command, log, &job->pid, detail);
    }
    job->starts++;
    job->runs = campaign->result->total.runs;
    free(command);
    return status;
}

/* The last message of ours in a process's log. */
static void last_message(const struct campaign *campaign, unsigned index, char message[MESSAGE_MAX])
{
    char path[PATH_MAX];
    char line[MESSAGE_MAX];
    static const char prefix[] = "sockspec: ";
    message[0] = '\0';
    FILE *file = NULL;
    if (place_path(&campaign->place, path, NULL, "logs/job-%u.log", index + 1) == STATUS_OK) {
        file = fopen(path, "re");
    }
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, prefix, strlen(prefix)) == 0) {
            line[strcspn(line, "\n")] = '\0';
            (void)snprintf(message, MESSAGE_MAX, "%s", line + strlen(prefix));
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static enum status own_failure(const struct campaign *campaign, unsigned index, int code,
                               struct status_detail *detail)
{
    char message[MESSAGE_MAX];
    last_message(campaign, index, message);
    enum status status = code == FUZZ_EXIT_IO      ? STATUS_IO
                         : code == FUZZ_EXIT_USAGE ? STATUS_USAGE
                                                   : STATUS_ENVIRONMENT;
    return status_fail(detail, status, "%s",
                       message[0] != '\0' ? message : "a fuzzing process failed; see logs/");
}

/* A process ended by itself: done, broken, or taken along by a crash of the target. */
static enum status take_end(struct campaign *campaign, unsigned index, int wait_status,
                            struct status_detail *detail)
{
    struct campaign_job *job = &campaign->jobs[index];
    int code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
    job->pid = 0;
    if (code == FUZZ_EXIT_IO || code == FUZZ_EXIT_ENVIRONMENT || code == FUZZ_EXIT_USAGE) {
        return own_failure(campaign, index, code, detail);
    }
    if (code == 0) {
        return STATUS_OK;
    }
    struct fuzz_stats *total = &campaign->result->total;
    place_counts(&campaign->place, total);
    job->barren = total->runs == job->runs ? job->barren + 1 : 0;
    if (job->barren >= BARREN_STARTS_MAX || campaign->options->engine == FUZZ_ENGINE_AFL) {
        return status_fail(detail, STATUS_ENVIRONMENT,
                           "a fuzzing process ended at once; %s/logs/job-%u.log says why",
                           campaign->place.folder, index + 1);
    }
    campaign->result->restarts++;
    bool more = campaign_time_left_ms(campaign) > 0 &&
                (campaign->options->runs == 0 || campaign_runs_left(campaign, index) > 0);
    return more ? start_job(campaign, index, detail) : STATUS_OK;
}

/* ---- The campaign ---- */

static bool is_stopped(const struct campaign *campaign)
{
    return campaign->options->stop != NULL && *campaign->options->stop != 0;
}

static unsigned running(const struct campaign *campaign)
{
    unsigned count = 0;
    for (unsigned i = 0; i < campaign->options->jobs; i++) {
        count += campaign->jobs[i].pid != 0;
    }
    return count;
}

static enum status look_at_jobs(struct campaign *campaign, struct status_detail *detail)
{
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < campaign->options->jobs && status == STATUS_OK; i++) {
        int wait_status = 0;
        if (campaign->jobs[i].pid != 0 && job_ended(campaign->jobs[i].pid, &wait_status)) {
            status = take_end(campaign, i, wait_status, detail);
        }
    }
    return status;
}

static enum status tick(struct campaign *campaign, struct status_detail *detail)
{
    struct fuzz_campaign_result *result = campaign->result;
    int64_t now = job_now_ms();
    result->elapsed_ms = now - campaign->start_ms;
    enum status status = look_at_jobs(campaign, detail);
    if (status == STATUS_OK && now - campaign->scan_ms >= SCAN_MS) {
        campaign->scan_ms = now;
        status = campaign_take_crashes(campaign, detail);
        if (status == STATUS_OK) {
            status = scan(campaign, false, detail);
        }
        if (status == STATUS_OK) {
            status = place_check_full(&campaign->place, detail);
        }
    }
    int64_t every = campaign->options->progress_ms;
    if (status == STATUS_OK && every > 0 && now - campaign->progress_ms >= every) {
        campaign_tell(campaign, FUZZ_NEWS_PROGRESS, NULL);
    }
    if (status == STATUS_OK && now - campaign->summary_ms >= SUMMARY_MS) {
        campaign->summary_ms = now;
        status = place_summary(&campaign->place, campaign->options, result, detail);
    }
    return status;
}

/* Asks all of them first, so that they end side by side. */
static void stop_jobs(struct campaign *campaign)
{
    for (unsigned i = 0; i < campaign->options->jobs; i++) {
        if (campaign->jobs[i].pid != 0) {
            (void)kill(-campaign->jobs[i].pid, SIGTERM);
        }
    }
    for (unsigned i = 0; i < campaign->options->jobs; i++) {
        if (campaign->jobs[i].pid != 0) {
            (void)job_stop(campaign->jobs[i].pid, STOP_LIMIT_MS);
            campaign->jobs[i].pid = 0;
        }
    }
}

/* The processes of a campaign that was killed are ending: until they have, they hold their folders.
 */
static void await_afl(const struct campaign *campaign)
{
    for (unsigned i = 0; i < campaign->options->jobs; i++) {
        char path[PATH_MAX];
        int fd = place_path(&campaign->place, path, NULL, "afl/job-%u", i + 1) == STATUS_OK
                     ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                     : -1;
        for (int waited = 0; fd >= 0 && waited < STOP_LIMIT_MS && flock(fd, LOCK_EX | LOCK_NB) != 0;
             waited += TICK_MS) {
            (void)poll(NULL, 0, TICK_MS);
        }
        if (fd >= 0) {
            (void)close(fd);
        }
    }
}

/* Where afl-fuzz works. One that was killed while it chose its processor left a lock for which the
 * next ones would wait for ever; the folder is this campaign's alone. */
static enum status make_afl_folder(struct campaign *campaign, struct status_detail *detail)
{
    char lock[PATH_MAX];
    enum status status = place_folder(&campaign->place, "afl", detail);
    if (status == STATUS_OK) {
        status = place_path(&campaign->place, lock, detail, "afl/.affinity_lock");
    }
    if (status == STATUS_OK) {
        (void)unlink(lock);
        await_afl(campaign);
    }
    return status;
}

static enum status prepare(struct campaign *campaign, struct status_detail *detail)
{
    enum status status = check_options(campaign->options, detail);
    if (status == STATUS_OK) {
        status = target_info_load(&campaign->info, campaign->options->targets,
                                  campaign->options->target, detail);
    }
    if (status == STATUS_OK) {
        campaign->result->role = campaign->info.role;
        campaign->result->promises =
            manifest_promises(&campaign->info.manifest, campaign->info.profile);
        status = find_executables(campaign, detail);
    }
    if (status == STATUS_OK && campaign->options->seeds) {
        status = cases_load(campaign->options->corpus, &campaign->cases, detail);
    }
    /* Whatever was asked for wrongly is known by now: nothing has been written yet. */
    if (status == STATUS_OK) {
        status = place_open(&campaign->place, campaign->options->out, detail);
    }
    if (status == STATUS_OK) {
        status = check_place(campaign, detail);
    }
    if (status == STATUS_OK && campaign->options->engine == FUZZ_ENGINE_AFL) {
        status = make_afl_folder(campaign, detail);
    }
    if (status == STATUS_OK) {
        status = make_seeds(campaign, detail);
    }
    if (status == STATUS_OK) {
        status = scan(campaign, true, detail);
    }
    /* From here on the folder says whose it is. */
    if (status == STATUS_OK) {
        status = place_summary(&campaign->place, campaign->options, campaign->result, detail);
    }
    return status;
}

static enum status run(struct campaign *campaign, struct status_detail *detail)
{
    enum status status = STATUS_OK;
    int64_t now = job_now_ms();
    campaign->start_ms = campaign->progress_ms = campaign->scan_ms = campaign->summary_ms = now;
    campaign->progress_runs = campaign->result->total.runs;
    for (unsigned i = 0; i < campaign->options->jobs && status == STATUS_OK; i++) {
        campaign->jobs[i].base = runs_of(campaign, i);
        status = start_job(campaign, i, detail);
    }
    while (status == STATUS_OK && running(campaign) > 0 && campaign_time_left_ms(campaign) > 0 &&
           !is_stopped(campaign)) {
        int64_t left = campaign_time_left_ms(campaign);
        (void)poll(NULL, 0, left < TICK_MS ? (int)left : TICK_MS);
        status = tick(campaign, detail);
    }
    campaign->result->interrupted = is_stopped(campaign);
    stop_jobs(campaign);
    return status;
}

/* What the processes left last is taken whatever went wrong; the first failure is the one told. */
static enum status finish(struct campaign *campaign, enum status status,
                          struct status_detail *detail)
{
    struct status_detail second = {""};
    enum status last = campaign_take_crashes(campaign, &second);
    if (last == STATUS_OK) {
        last = scan(campaign, false, &second);
    }
    campaign->result->elapsed_ms = job_now_ms() - campaign->start_ms;
    if (last == STATUS_OK) {
        last = place_summary(&campaign->place, campaign->options, campaign->result, &second);
    }
    if (status == STATUS_OK && last != STATUS_OK) {
        status = status_fail(detail, last, "%s", second.text);
    }
    return status;
}

enum status fuzz_campaign_run(const struct fuzz_campaign_options *options,
                              struct fuzz_campaign_result *ret_result, struct status_detail *detail)
{
    assert(options->target != NULL && options->targets != NULL && options->out != NULL);
    memset(ret_result, 0, sizeof(*ret_result));
    struct campaign *campaign = calloc(1, sizeof(*campaign));
    if (campaign == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "no memory for a campaign");
    }
    campaign->options = options;
    campaign->result = ret_result;
    campaign->place.lock = -1;
    enum status status = prepare(campaign, detail);
    if (status == STATUS_OK) {
        status = run(campaign, detail);
        status = finish(campaign, status, detail);
    }
    place_close(&campaign->place);
    cases_done(&campaign->cases);
    free(campaign);
    return status;
}

bool fuzz_campaign_applies(const struct fuzz_campaign_result *result, unsigned rule)
{
    assert(rule < ORACLE_RULE_COUNT);
    const struct oracle_rule *row = &oracle_rules[rule];
    bool binds = result->role == TRACE_ROLE_PAIR ? (row->binds & ORACLE_BOTH) != 0
                                                 : (row->binds >> result->role & 1U) != 0;
    return binds && row->decidable && (row->promises & ~result->promises) == 0;
}

void fuzz_campaign_done(struct fuzz_campaign_result *result)
{
    free(result->found);
    result->found = NULL;
    result->found_count = 0;
}
