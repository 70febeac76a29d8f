/* Finding linked targets. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/targets.h"

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/words.h"
#include "sockspec/sockspec.h"
#include "suite/manifest.h"

#define CHECK_SUFFIX "_check"

bool cli_targets_folder(const struct cli_options *options, char folder[CLI_PATH_MAX])
{
    if (options->targets != NULL) {
        return (size_t)snprintf(folder, CLI_PATH_MAX, "%s", options->targets) < CLI_PATH_MAX;
    }
    char self[CLI_PATH_MAX - 32];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length <= 0) {
        return false;
    }
    self[length] = '\0';
    for (unsigned up = 0; up < 2; up++) {
        char *slash = strrchr(self, '/');
        if (slash == NULL) {
            return false;
        }
        *slash = '\0';
    }
    (void)snprintf(folder, CLI_PATH_MAX, "%s/targets", self);
    return true;
}

/* A line of NAME.target.ini, which the build wrote. */
static int on_line(void *context, const char *section, const char *name, const char *value)
{
    (void)section;
    struct cli_target *target = context;
    if (strcmp(name, "role") == 0) {
        (void)snprintf(target->role, sizeof(target->role), "%s", value);
    } else if (strcmp(name, "profile") == 0) {
        (void)snprintf(target->profile, sizeof(target->profile), "%s", value);
    } else if (strcmp(name, "broken") == 0) {
        target->broken = strcmp(value, "yes") == 0;
    } else if (strcmp(name, "manifest") == 0 && value[0] != '\0') {
        struct manifest *manifest = malloc(sizeof(*manifest));
        struct status_detail detail;
        if (manifest == NULL) {
            return 1; /* the target goes without its description */
        }
        manifest_begin(manifest);
        if (manifest_load(manifest, value, &detail) == STATUS_OK) {
            (void)snprintf(target->description, sizeof(target->description), "%.159s",
                           manifest->description);
            (void)snprintf(target->breaks, sizeof(target->breaks), "%s", manifest->breaks);
            if (target->profile[0] == '\0') {
                (void)snprintf(target->profile, sizeof(target->profile), "%.31s",
                               manifest->profile_name);
            }
        }
        free(manifest);
    }
    return 1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct cli_target *)a)->name, ((const struct cli_target *)b)->name);
}

int cli_targets_scan(const char *folder, struct cli_target *ret_targets)
{
    DIR *listing = opendir(folder);
    if (listing == NULL) {
        return -1;
    }
    int count = 0;
    const struct dirent *entry = NULL;
    while ((entry = readdir(listing)) != NULL && count < CLI_TARGETS_MAX) {
        size_t size = strlen(entry->d_name);
        size_t suffix = strlen(CHECK_SUFFIX);
        if (size <= suffix || size - suffix >= CLI_TARGET_NAME_MAX ||
            strcmp(entry->d_name + size - suffix, CHECK_SUFFIX) != 0) {
            continue;
        }
        struct cli_target *target = &ret_targets[count++];
        memset(target, 0, sizeof(*target));
        memcpy(target->name, entry->d_name, size - suffix);
        char path[CLI_PATH_MAX];
        if ((size_t)snprintf(path, sizeof(path), "%s/%s.target.ini", folder, target->name) <
            sizeof(path)) {
            (void)ini_parse(path, on_line, target); /* without it only the name is known */
        }
    }
    (void)closedir(listing);
    qsort(ret_targets, (size_t)count, sizeof(*ret_targets), by_name);
    return count;
}

int cli_targets_find(const struct cli_options *options, const char *name, char path[CLI_PATH_MAX])
{
    char folder[CLI_PATH_MAX];
    if (!cli_targets_folder(options, folder)) {
        return cli_error(options, "where the targets lie cannot be told: give --targets DIR");
    }
    if (strchr(name, '/') != NULL) {
        return cli_usage(options, "'%s' is no name of a target; its folder goes into --targets DIR",
                         name);
    }
    bool fits =
        (size_t)snprintf(path, CLI_PATH_MAX, "%s/%s" CHECK_SUFFIX, folder, name) < CLI_PATH_MAX;
    if (fits && access(path, X_OK) == 0) {
        return 0;
    }
    struct cli_target *targets = calloc(CLI_TARGETS_MAX, sizeof(*targets));
    int count = targets != NULL ? cli_targets_scan(folder, targets) : 0;
    int code = 0;
    if (count < 0) {
        code =
            cli_usage(options, "no target '%s': the folder %s: %s", name, folder, strerror(errno));
    } else {
        struct words_guess guess = {.word = name};
        for (int i = 0; i < count; i++) {
            words_guess_offer(&guess, targets[i].name);
        }
        char hint[CLI_TARGET_NAME_MAX + 32];
        code = cli_usage(options, "no target '%s' in %s%s", name, folder,
                         words_guess_hint(&guess, hint, sizeof(hint)));
    }
    free(targets);
    return code;
}
