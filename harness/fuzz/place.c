/* The folder of a campaign: making it, and reading back what stands there. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char *const folders[] = {"corpus", "seeds", "findings", "crashes", "stats", "logs"};

enum status place_path(const struct place *place, char path[PATH_MAX], struct status_detail *detail,
                       const char *format, ...)
{
    int used = snprintf(path, PATH_MAX, "%s/", place->folder);
    va_list arguments;
    va_start(arguments, format);
    int more = used < PATH_MAX
                   ? vsnprintf(path + used, (size_t)(PATH_MAX - used), format, arguments)
                   : PATH_MAX;
    va_end(arguments);
    return used + more < PATH_MAX
               ? STATUS_OK
               : status_fail(detail, STATUS_IO, "%s: the name is too long", place->folder);
}

enum status place_folder(const struct place *place, const char *name, struct status_detail *detail)
{
    char path[PATH_MAX];
    enum status status = place_path(place, path, detail, "%s", name);
    if (status == STATUS_OK && mkdir(path, 0777) != 0 && errno != EEXIST) {
        status = status_fail(detail, STATUS_IO, "%s: %s", path, strerror(errno));
    }
    if (status == STATUS_OK && access(path, R_OK | W_OK | X_OK) != 0) {
        status = status_fail(detail, STATUS_IO, "%s: %s", path, strerror(errno));
    }
    return status;
}

/* Every folder on the way. */
static enum status make_folders(const char *folder, struct status_detail *detail)
{
    char path[PATH_MAX];
    if (folder[0] == '\0' || strlen(folder) >= sizeof(path)) {
        return status_fail(detail, STATUS_USAGE, "the folder's name is empty or too long");
    }
    memcpy(path, folder, strlen(folder) + 1);
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            (void)mkdir(path, 0777); /* what matters is the last one */
            *at = '/';
        }
    }
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        return status_fail(detail, STATUS_IO, "%s: %s", folder, strerror(errno));
    }
    return STATUS_OK;
}

static enum status free_room(const struct place *place, unsigned long long *ret_room,
                             struct status_detail *detail)
{
    struct statvfs info;
    if (statvfs(place->folder, &info) != 0) {
        return status_fail(detail, STATUS_IO, "%s: %s", place->folder, strerror(errno));
    }
    *ret_room = (unsigned long long)info.f_bavail * info.f_frsize;
    return STATUS_OK;
}

static enum status check_room(const struct place *place, struct status_detail *detail)
{
    unsigned long long room = 0;
    enum status status = free_room(place, &room, detail);
    if (status == STATUS_OK && room < FUZZ_CAMPAIGN_ROOM) {
        status = status_fail(detail, STATUS_IO,
                             "%s: only %llu MB are free on its disk, a campaign needs %d MB",
                             place->folder, room >> 20, FUZZ_CAMPAIGN_ROOM >> 20);
    }
    return status;
}

enum status place_check_full(const struct place *place, struct status_detail *detail)
{
    unsigned long long room = 0;
    enum status status = free_room(place, &room, detail);
    if (status == STATUS_OK && room < FUZZ_CAMPAIGN_ROOM_LEFT) {
        status = status_fail(detail, STATUS_IO,
                             "%s: its disk is full, only %llu KB are free: make room and start "
                             "again, the campaign goes on from here",
                             place->folder, room >> 10);
    }
    return status;
}

static enum status take_lock(struct place *place, struct status_detail *detail)
{
    char path[PATH_MAX];
    enum status status = place_path(place, path, detail, ".lock");
    if (status != STATUS_OK) {
        return status;
    }
    place->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (place->lock < 0) {
        return status_fail(detail, STATUS_IO, "%s: %s", path, strerror(errno));
    }
    if (flock(place->lock, LOCK_EX | LOCK_NB) != 0) {
        place_close(place);
        return status_fail(detail, STATUS_USAGE, "%s: a campaign runs in this folder",
                           place->folder);
    }
    return STATUS_OK;
}

enum status place_open(struct place *place, const char *folder, struct status_detail *detail)
{
    place->lock = -1;
    enum status status = make_folders(folder, detail);
    if (status != STATUS_OK) {
        return status;
    }
    if (realpath(folder, place->folder) == NULL) {
        return status_fail(detail, STATUS_IO, "%s: %s", folder, strerror(errno));
    }
    status = take_lock(place, detail);
    for (unsigned i = 0; i < sizeof(folders) / sizeof(folders[0]) && status == STATUS_OK; i++) {
        status = place_folder(place, folders[i], detail);
    }
    if (status == STATUS_OK) {
        status = check_room(place, detail);
    }
    if (status != STATUS_OK) {
        place_close(place);
    }
    return status;
}

void place_close(struct place *place)
{
    if (place->lock >= 0) {
        (void)close(place->lock);
        place->lock = -1;
    }
}

enum status place_save(const struct place *place, const char *name, const void *data, size_t size,
                       struct status_detail *detail)
{
    char path[PATH_MAX];
    enum status status = place_path(place, path, detail, "%s", name);
    if (status != STATUS_OK) {
        return status;
    }
    errno = 0;
    FILE *file = fopen(path, "wbe");
    bool written = file != NULL && fwrite(data, 1, size, file) == size && fflush(file) == 0;
    int error = errno;
    if (file != NULL && fclose(file) != 0 && written) {
        written = false;
        error = errno;
    }
    return written ? STATUS_OK : status_fail(detail, STATUS_IO, "%s: %s", path, strerror(error));
}

/* ---- Findings ---- */

static void read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");
    line[0] = '\0';
    if (file != NULL) {
        if (fgets(line, (int)size, file) == NULL) {
            line[0] = '\0';
        }
        line[strcspn(line, "\n")] = '\0';
        (void)fclose(file);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct fuzz_found *)a)->name, ((const struct fuzz_found *)b)->name);
}

enum status place_findings(const struct place *place, struct fuzz_found **ret_found,
                           uint32_t *ret_count, struct status_detail *detail)
{
    char path[PATH_MAX];
    enum status status = place_path(place, path, detail, "findings");
    DIR *directory = status == STATUS_OK ? opendir(path) : NULL;
    if (directory == NULL) {
        return status_fail(detail, STATUS_IO, "%s/findings: %s", place->folder, strerror(errno));
    }
    struct fuzz_found *found = NULL;
    uint32_t count = 0;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (entry->d_name[0] == '.' || length >= sizeof(found->name) ||
            count == FUZZ_CAMPAIGN_FINDING_MAX) {
            continue;
        }
        struct fuzz_found *grown = realloc(found, (count + 1U) * sizeof(*grown));
        if (grown == NULL) {
            free(found);
            (void)closedir(directory);
            return status_fail(detail, STATUS_NO_MEMORY, "no memory for the findings");
        }
        found = grown;
        memcpy(found[count].name, entry->d_name, length + 1);
        char report[PATH_MAX + 128];
        (void)snprintf(report, sizeof(report), "%s/%s/report.txt", path, entry->d_name);
        read_line(report, found[count].line, sizeof(found[count].line));
        count++;
    }
    (void)closedir(directory);
    if (count > 0) {
        qsort(found, count, sizeof(*found), by_name);
    }
    *ret_found = found;
    *ret_count = count;
    return STATUS_OK;
}

void place_counts(const struct place *place, struct fuzz_stats *ret_sum)
{
    *ret_sum = (struct fuzz_stats){0};
    char path[PATH_MAX];
    struct fuzz_stats *part = malloc(sizeof(*part));
    DIR *directory = place_path(place, path, NULL, "stats") == STATUS_OK ? opendir(path) : NULL;
    while (directory != NULL && part != NULL) {
        const struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            break;
        }
        if (entry->d_name[0] != '.' &&
            place_path(place, path, NULL, "stats/%s", entry->d_name) == STATUS_OK &&
            fuzz_stats_read(path, part, NULL) == STATUS_OK) {
            fuzz_stats_add(ret_sum, part);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    free(part);
}
