/* Finding targets. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/targets.h"

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/words.h"
#include "sockspec/sockspec.h"

#define CHECK_SUFFIX "_check"
#define BUILT_SUFFIX ".target.ini"
#define MANIFEST_FILE "target.ini"
#define LOCAL_TARGETS "targets" /* where manifests of commands lie, from where one works */

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

/* ---- What a build says ---- */

static int on_line(void *context, const char *section, const char *name, const char *value)
{
    (void)section;
    struct cli_built *built = context;
    if (strcmp(name, "role") == 0) {
        (void)snprintf(built->role, sizeof(built->role), "%s", value);
    } else if (strcmp(name, "profile") == 0) {
        (void)snprintf(built->profile, sizeof(built->profile), "%s", value);
    } else if (strcmp(name, "broken") == 0) {
        built->broken = strcmp(value, "yes") == 0;
    } else if (strcmp(name, "manifest") == 0) {
        (void)snprintf(built->manifest, sizeof(built->manifest), "%s", value);
    } else if (strcmp(name, "argument") == 0 && built->argc < MANIFEST_ARGUMENTS_MAX) {
        built->argv[built->argc] = strdup(value);
        built->argc += built->argv[built->argc] != NULL;
    }
    return 1;
}

bool cli_built_read(const char *path, struct cli_built *ret_built)
{
    char beside[CLI_PATH_MAX + sizeof(BUILT_SUFFIX)];
    size_t size = strlen(path);
    size_t suffix = strlen(CHECK_SUFFIX);
    if (size > suffix && strcmp(path + size - suffix, CHECK_SUFFIX) == 0) {
        size -= suffix;
    }
    memset(ret_built, 0, sizeof(*ret_built));
    return size < CLI_PATH_MAX &&
           snprintf(beside, sizeof(beside), "%.*s" BUILT_SUFFIX, (int)size, path) > 0 &&
           ini_parse(beside, on_line, ret_built) == 0;
}

void cli_built_done(struct cli_built *built)
{
    for (int i = 0; i < built->argc; i++) {
        free(built->argv[i]);
    }
    built->argc = 0;
}

/* ---- Listing ---- */

/* What is shown of a manifest. Returns false when it names no command. */
static bool manifest_show(const char *path, struct cli_target *target, bool command_only)
{
    struct manifest *manifest = malloc(sizeof(*manifest));
    struct status_detail detail = {""};
    if (manifest == NULL) {
        return false; /* the target goes without its description */
    }
    manifest_begin(manifest);
    enum status status = manifest_load(manifest, path, &detail);
    bool shown = status == STATUS_OK && (!command_only || manifest->command[0] != '\0');
    if (shown) {
        (void)snprintf(target->description, sizeof(target->description), "%.159s",
                       manifest->description);
        (void)snprintf(target->breaks, sizeof(target->breaks), "%s", manifest->breaks);
        if (target->profile[0] == '\0') {
            (void)snprintf(target->profile, sizeof(target->profile), "%.31s",
                           manifest->has_profile ? "own" : manifest->profile_name);
        }
        if (target->role[0] == '\0') {
            (void)snprintf(target->role, sizeof(target->role), "%s",
                           manifest->role == TRACE_ROLE_CLIENT ? "client" : "server");
        }
    } else if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        (void)snprintf(target->description, sizeof(target->description), "%.159s", detail.text);
        shown = true; /* a manifest that cannot be read is better seen than missed */
    }
    free(manifest);
    return shown;
}

/* NAME from NAME_check or NAME.target.ini; false for another file. */
static bool built_name(const char *file, char name[CLI_TARGET_NAME_MAX])
{
    static const char *const suffixes[] = {CHECK_SUFFIX, BUILT_SUFFIX};
    size_t size = strlen(file);
    for (unsigned i = 0; i < 2; i++) {
        size_t suffix = strlen(suffixes[i]);
        if (size > suffix && size - suffix < CLI_TARGET_NAME_MAX &&
            strcmp(file + size - suffix, suffixes[i]) == 0) {
            memcpy(name, file, size - suffix);
            name[size - suffix] = '\0';
            return true;
        }
    }
    return false;
}

static bool is_listed(const struct cli_target *targets, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(targets[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* One entry of a folder, if it is a target. */
static bool entry_show(const char *folder, const char *file, struct cli_target *target)
{
    char path[CLI_PATH_MAX];
    memset(target, 0, sizeof(*target));
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, file) >= sizeof(path)) {
        return false;
    }
    if (built_name(file, target->name)) {
        struct cli_built built;
        (void)snprintf(path, sizeof(path), "%s/%s", folder, target->name);
        if (cli_built_read(path, &built)) { /* without it only the name is known */
            memcpy(target->role, built.role, sizeof(target->role));
            memcpy(target->profile, built.profile, sizeof(target->profile));
            target->broken = built.broken;
            (void)(built.manifest[0] != '\0' && manifest_show(built.manifest, target, false));
        }
        cli_built_done(&built);
        return true;
    }
    size_t used = strlen(path);
    if (strlen(file) >= CLI_TARGET_NAME_MAX || used + sizeof(MANIFEST_FILE) + 1 > sizeof(path) ||
        file[0] == '.') {
        return false;
    }
    (void)snprintf(path + used, sizeof(path) - used, "/" MANIFEST_FILE);
    (void)snprintf(target->name, sizeof(target->name), "%s", file);
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode) && manifest_show(path, target, true);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct cli_target *)a)->name, ((const struct cli_target *)b)->name);
}

int cli_targets_scan(const char *folder, struct cli_target *targets, int count)
{
    DIR *listing = opendir(folder);
    if (listing == NULL) {
        return -1;
    }
    const struct dirent *entry = NULL;
    while ((entry = readdir(listing)) != NULL && count < CLI_TARGETS_MAX) {
        char name[CLI_TARGET_NAME_MAX];
        bool again =
            is_listed(targets, count, built_name(entry->d_name, name) ? name : entry->d_name);
        count += !again && entry_show(folder, entry->d_name, &targets[count]);
    }
    (void)closedir(listing);
    qsort(targets, (size_t)count, sizeof(*targets), by_name);
    return count;
}

int cli_targets_all(const struct cli_options *options, struct cli_target *targets)
{
    char folder[CLI_PATH_MAX];
    if (!cli_targets_folder(options, folder)) {
        return cli_error(options, "where the targets lie cannot be told: give --targets DIR"), -1;
    }
    int count = cli_targets_scan(folder, targets, 0);
    int local = options->targets == NULL
                    ? cli_targets_scan(LOCAL_TARGETS, targets, count > 0 ? count : 0)
                    : -1;
    if (count < 0 && local < 0) {
        (void)cli_usage(options, "%s: %s", folder, strerror(errno));
        return -1;
    }
    return local >= 0 ? local : count;
}

/* ---- Finding ---- */

/* A folder with a target.ini, or that file itself. */
static bool find_manifest(const char *place, char path[CLI_PATH_MAX])
{
    struct stat about;
    if (stat(place, &about) != 0) {
        return false;
    }
    const char *more = S_ISDIR(about.st_mode) ? "/" MANIFEST_FILE : "";
    return (size_t)snprintf(path, CLI_PATH_MAX, "%s%s", place, more) < CLI_PATH_MAX &&
           access(path, R_OK) == 0 && stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

/* FOLDER/NAME in its forms. */
static bool find_in(const char *folder, const char *name, enum cli_target_kind *ret_kind,
                    char path[CLI_PATH_MAX])
{
    char place[CLI_PATH_MAX];
    if ((size_t)snprintf(path, CLI_PATH_MAX, "%s/%s" CHECK_SUFFIX, folder, name) >= CLI_PATH_MAX) {
        return false;
    }
    *ret_kind = CLI_TARGET_LINKED;
    if (access(path, X_OK) == 0) {
        return true;
    }
    if ((size_t)snprintf(place, sizeof(place), "%s/%s" BUILT_SUFFIX, folder, name) <
            sizeof(place) &&
        access(place, R_OK) == 0) {
        *ret_kind = CLI_TARGET_PROGRAM;
        (void)snprintf(path, CLI_PATH_MAX, "%s/%s", folder, name);
        return true;
    }
    *ret_kind = CLI_TARGET_FOLDER;
    return (size_t)snprintf(place, sizeof(place), "%s/%s", folder, name) < sizeof(place) &&
           find_manifest(place, path);
}

static int no_target(const struct cli_options *options, const char *folder, const char *name)
{
    struct cli_target *targets = calloc(CLI_TARGETS_MAX, sizeof(*targets));
    int count = targets != NULL ? cli_targets_scan(folder, targets, 0) : 0;
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
        char path[CLI_PATH_MAX];
        (void)words_guess_hint(&guess, hint, sizeof(hint));
        if (find_manifest(name, path)) {
            (void)snprintf(hint, sizeof(hint), "; did you mean './%.80s'?", name);
        }
        code = cli_usage(options, "no target '%s' in %s%s", name, folder, hint);
    }
    free(targets);
    return code;
}

int cli_targets_find(const struct cli_options *options, const char *name,
                     enum cli_target_kind *ret_kind, char path[CLI_PATH_MAX])
{
    char folder[CLI_PATH_MAX];
    if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        *ret_kind = CLI_TARGET_FOLDER;
        return find_manifest(name, path)
                   ? 0
                   : cli_usage(options,
                               "%s: there is no " MANIFEST_FILE " (see sockspec new-target)", name);
    }
    if (!cli_targets_folder(options, folder)) {
        return cli_error(options, "where the targets lie cannot be told: give --targets DIR");
    }
    if (find_in(folder, name, ret_kind, path) ||
        (options->targets == NULL && find_in(LOCAL_TARGETS, name, ret_kind, path))) {
        return 0;
    }
    return no_target(options, folder, name);
}
