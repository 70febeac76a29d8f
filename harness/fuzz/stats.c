/* The shared counts of a fuzzing process. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static enum status map(int fd, struct fuzz_stats **ret_stats, struct status_detail *detail)
{
    int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    void *memory = mmap(NULL, sizeof **ret_stats, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (memory == MAP_FAILED) {
        return status_fail(detail, STATUS_NO_MEMORY, "no memory for the counts");
    }
    struct fuzz_stats *stats = memory;
    if (stats->version != FUZZ_STATS_VERSION) {
        *stats = (struct fuzz_stats){.version = FUZZ_STATS_VERSION};
    }
    *ret_stats = stats;
    return STATUS_OK;
}

enum status fuzz_stats_open(const char *path, struct fuzz_stats **ret_stats,
                            struct status_detail *detail)
{
    if (path == NULL) {
        return map(-1, ret_stats, detail);
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        return status_fail(detail, STATUS_IO, "%s: %s", path, strerror(errno));
    }
    /* A full disk must say so here: a store into a hole of the mapping would be a SIGBUS later. */
    int error = posix_fallocate(fd, 0, (off_t)sizeof **ret_stats);
    enum status status = error != 0
                             ? status_fail(detail, STATUS_IO, "%s: %s", path, strerror(error))
                             : map(fd, ret_stats, detail);
    (void)close(fd);
    return status;
}

enum status fuzz_stats_read(const char *path, struct fuzz_stats *ret_stats,
                            struct status_detail *detail)
{
    struct fuzz_stats stats;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return status_fail(detail, STATUS_IO, "%s: %s", path, strerror(errno));
    }
    ssize_t size = read(fd, &stats, sizeof stats);
    (void)close(fd);
    if (size != (ssize_t)sizeof stats || stats.version != FUZZ_STATS_VERSION) {
        return status_fail(detail, STATUS_SYNTAX, "%s: not the counts of a fuzzing process", path);
    }
    *ret_stats = stats;
    return STATUS_OK;
}

void fuzz_stats_add(struct fuzz_stats *sum, const struct fuzz_stats *part)
{
    sum->version = FUZZ_STATS_VERSION;
    sum->runs += part->runs;
    sum->effective += part->effective;
    sum->established += part->established;
    sum->findings += part->findings;
    sum->broken_runs += part->broken_runs;
    sum->expected += part->expected;
    for (unsigned rule = 0; rule < FUZZ_STATS_RULES; rule++) {
        uint64_t first = part->first_broken[rule];
        sum->kept[rule] += part->kept[rule];
        sum->broken[rule] += part->broken[rule];
        if (first != 0 && (sum->first_broken[rule] == 0 || first < sum->first_broken[rule])) {
            sum->first_broken[rule] = first;
        }
    }
    sum->pairs = 0;
    for (unsigned i = 0; i < FUZZ_COUNTERS; i++) {
        sum->seen[i] |= part->seen[i];
        sum->pairs += sum->seen[i] != 0;
    }
}
