/* Inputs that ended a process: found, played again apart, recorded. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/campaign_internal.h"
#include "fuzz/process.h"

enum {
    TRIAGE_LIMIT_MS = 120000, /* of one input */
    AT_ONCE_MAX = 16          /* inputs between two looks at the processes */
};

static bool read_input(const char *path, uint8_t data[CAMPAIGN_UNIT_SIZE_MAX], size_t *ret_size)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return false;
    }
    *ret_size = fread(data, 1, CAMPAIGN_UNIT_SIZE_MAX, file);
    (void)fclose(file);
    return true;
}

/* Takes the input out of a folder that processes begin with: there it would end each of them before
 * they come to anything else. */
static void take_out(const struct campaign *campaign, const char *name, const uint8_t *data,
                     size_t size)
{
    static uint8_t other[CAMPAIGN_UNIT_SIZE_MAX];
    char folder[PATH_MAX];
    char path[PATH_MAX];
    size_t other_size = 0;
    DIR *directory = place_path(&campaign->place, folder, NULL, "%s", name) == STATUS_OK
                         ? opendir(folder)
                         : NULL;
    for (const struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] != '.' &&
            place_path(&campaign->place, path, NULL, "%s/%s", name, entry->d_name) == STATUS_OK &&
            read_input(path, other, &other_size) && other_size == size &&
            memcmp(other, data, size) == 0) {
            (void)unlink(path);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
}

static void forget_input(const struct campaign *campaign, const char *path)
{
    static uint8_t data[CAMPAIGN_UNIT_SIZE_MAX];
    size_t size = 0;
    if (read_input(path, data, &size)) {
        take_out(campaign, "seeds", data, size);
        take_out(campaign, "corpus", data, size);
    }
}

/* Plays one again in a process that shrinks and records it. It stays only where that showed
 * nothing. */
static enum status triage(struct campaign *campaign, const char *name, struct status_detail *detail)
{
    char path[PATH_MAX];
    char log[PATH_MAX];
    char lost[PATH_MAX];
    struct job_command *command = calloc(1, sizeof(*command));
    if (command == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "no memory for a process");
    }
    pid_t pid = 0;
    enum status status = place_path(&campaign->place, path, detail, "crashes/%s", name);
    if (status == STATUS_OK) {
        status = place_path(&campaign->place, lost, detail, "crashes/lost-%s", name);
    }
    if (status == STATUS_OK) {
        status = place_path(&campaign->place, log, detail, "logs/triage.log");
    }
    if (status == STATUS_OK) {
        job_argument(command, "%s", campaign->triage_executable);
        job_environment(command, FUZZ_ENV_TRIAGE "=%s", path);
        job_environment(command, FUZZ_ENV_FINDINGS "=%s/findings", campaign->place.folder);
        job_environment(command, FUZZ_ENV_REPLAY "=%s", campaign->replay);
        job_environment(command, FUZZ_ENV_PARENT "=%ld", (long)getpid());
        status = job_start(command, log, &pid, detail);
    }
    free(command);
    if (status != STATUS_OK) {
        return status;
    }
    int ended = job_wait(pid, TRIAGE_LIMIT_MS);
    forget_input(campaign, path);
    int code = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
    if (code == FUZZ_EXIT_TRIAGED) {
        (void)unlink(path);
        return STATUS_OK;
    }
    if (code == FUZZ_EXIT_IO) {
        return status_fail(detail, STATUS_IO, "a finding could not be written; %s says why", log);
    }
    char text[PATH_MAX + 128];
    (void)rename(path, lost);
    (void)snprintf(text, sizeof(text), "a process ended, but not again with the same input: %s",
                   lost);
    campaign_tell(campaign, FUZZ_NEWS_NOTICE, text);
    return STATUS_OK;
}

/* What AFL++ kept in folders of its own goes where libFuzzer's inputs lie. */
static void collect_afl(struct campaign *campaign)
{
    static const char *const kinds[] = {"crashes", "hangs"};
    for (unsigned i = 0; i < 2 * campaign->options->jobs; i++) {
        char folder[PATH_MAX];
        if (place_path(&campaign->place, folder, NULL, "afl/job-%u/%s", i / 2 + 1, kinds[i % 2]) !=
            STATUS_OK) {
            continue;
        }
        DIR *directory = opendir(folder);
        while (directory != NULL) {
            const struct dirent *entry = readdir(directory);
            char from[PATH_MAX];
            char to[PATH_MAX];
            if (entry == NULL) {
                break;
            }
            if (strncmp(entry->d_name, "id:", 3) == 0 &&
                place_path(&campaign->place, from, NULL, "afl/job-%u/%s/%s", i / 2 + 1,
                           kinds[i % 2], entry->d_name) == STATUS_OK &&
                place_path(&campaign->place, to, NULL, "crashes/job-%u-%s-%.9s", i / 2 + 1,
                           kinds[i % 2], entry->d_name) == STATUS_OK) {
                (void)rename(from, to);
            }
        }
        if (directory != NULL) {
            (void)closedir(directory);
        }
    }
}

enum status campaign_take_crashes(struct campaign *campaign, struct status_detail *detail)
{
    char folder[PATH_MAX];
    char names[AT_ONCE_MAX][NAME_MAX + 1];
    unsigned count = 0;
    if (campaign->options->engine == FUZZ_ENGINE_AFL) {
        collect_afl(campaign);
    }
    enum status status = place_path(&campaign->place, folder, detail, "crashes");
    DIR *directory = status == STATUS_OK ? opendir(folder) : NULL;
    if (directory == NULL) {
        return status_fail(detail, STATUS_IO, "%s/crashes: %s", campaign->place.folder,
                           strerror(errno));
    }
    /* A few at a time: between them the processes are looked after. */
    for (const struct dirent *entry; count < AT_ONCE_MAX && (entry = readdir(directory)) != NULL;) {
        if (strncmp(entry->d_name, "job-", 4) == 0) {
            memcpy(names[count++], entry->d_name, strlen(entry->d_name) + 1);
        }
    }
    (void)closedir(directory);
    for (unsigned i = 0; i < count && status == STATUS_OK; i++) {
        status = triage(campaign, names[i], detail);
    }
    return status;
}
