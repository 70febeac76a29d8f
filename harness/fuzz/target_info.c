/* Reading NAME.target.ini. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/target_info.h"

#include <stdio.h>
#include <string.h>

#include <ini.h>

/* What is read before the manifest. */
struct lines {
    char role[16];
    char profile[MANIFEST_WORD_MAX];
    char manifest[PATH_MAX];
};

static int on_line(void *context, const char *section, const char *name, const char *value)
{
    (void)section;
    struct lines *lines = context;
    if (strcmp(name, "role") == 0) {
        (void)snprintf(lines->role, sizeof(lines->role), "%s", value);
    } else if (strcmp(name, "profile") == 0) {
        (void)snprintf(lines->profile, sizeof(lines->profile), "%s", value);
    } else if (strcmp(name, "manifest") == 0) {
        (void)snprintf(lines->manifest, sizeof(lines->manifest), "%s", value);
    }
    return 1;
}

enum status target_info_load(struct target_info *info, const char *targets, const char *name,
                             struct status_detail *detail)
{
    char path[PATH_MAX];
    struct lines lines = {.role = ""};
    if (snprintf(path, sizeof(path), "%s/%s.target.ini", targets, name) >= (int)sizeof(path) ||
        ini_parse(path, on_line, &lines) != 0) {
        return status_fail(detail, STATUS_NOT_FOUND, "no target '%s' in %s", name, targets);
    }
    manifest_begin(&info->manifest);
    if (lines.manifest[0] != '\0') {
        enum status status = manifest_load(&info->manifest, lines.manifest, detail);
        if (status != STATUS_OK) {
            return status;
        }
    }
    info->role = strcmp(lines.role, "pair") == 0     ? TRACE_ROLE_PAIR
                 : strcmp(lines.role, "client") == 0 ? TRACE_ROLE_CLIENT
                                                     : TRACE_ROLE_SERVER;
    info->manifest.role = info->role;
    if (info->manifest.profile_name[0] == '\0' && !info->manifest.has_profile) {
        memcpy(info->manifest.profile_name, lines.profile, sizeof(lines.profile));
    }
    return manifest_profile(&info->manifest, &info->profile, detail);
}
