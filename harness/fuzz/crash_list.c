/* Crashes that a process survives. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/crash_list.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool crash_list_survive(struct crash_list *list, int64_t place)
{
    uint32_t at = 0;
    while (at < list->count && list->places[at] != place) {
        at++;
    }
    if (at == CRASH_LIST_MAX) {
        return false;
    }
    list->places[at] = place;
    list->count = at < list->count ? list->count : at + 1;
    list->survived++;
    return true;
}

static enum status keep(const struct crash_list *list, int64_t place, const uint8_t *data,
                        size_t size, struct status_detail *detail)
{
    char path[PATH_MAX];
    char hidden[PATH_MAX];
    const char *slash = strrchr(list->prefix, '/');
    int folder = slash == NULL ? 0 : (int)(slash - list->prefix) + 1;
    if (snprintf(path, sizeof(path), "%splace-%016" PRIx64, list->prefix, (uint64_t)place) >=
            (int)sizeof(path) - 1 ||
        snprintf(hidden, sizeof(hidden), "%.*s.%s", folder, path, path + folder) >=
            (int)sizeof(hidden)) {
        return status_fail(detail, STATUS_IO, "%s: the name is too long", list->prefix);
    }
    int fd = open(hidden, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool written = fd >= 0 && write(fd, data, size) == (ssize_t)size;
    int error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (written && rename(hidden, path) != 0) {
        written = false;
        error = errno;
    }
    return written ? STATUS_OK : status_fail(detail, STATUS_IO, "%s: %s", path, strerror(error));
}

enum status crash_list_keep(const struct crash_list *list, uint32_t count, const uint8_t *data,
                            size_t size, struct status_detail *detail)
{
    enum status status = STATUS_OK;
    for (uint32_t i = count; i < list->count && status == STATUS_OK; i++) {
        status = keep(list, list->places[i], data, size, detail);
    }
    return status;
}
