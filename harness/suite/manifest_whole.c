/* What a manifest means as a whole: what holds without it, what its keys say together. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/manifest_internal.h"

#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "suite/profiles.h"

enum { MANIFEST_PORT = 7000 };

void manifest_begin(struct manifest *manifest)
{
    memset(manifest, 0, sizeof(*manifest));
    manifest->role = TRACE_ROLE_SERVER;
    manifest->rules = TRACE_RULES_LINUX;
    manifest->idle_limit_us = (int64_t)MANIFEST_IDLE_LIMIT_S * 1000000;
    manifest->stop_signal = SIGTERM;
    manifest->port = MANIFEST_PORT;
    manifest->start_limit_us = (int64_t)MANIFEST_START_LIMIT_S * 1000000;
    manifest->stop_limit_us = (int64_t)MANIFEST_STOP_LIMIT_S * 1000000;
    manifest->runs = 1;
}

void manifest_is_command(struct manifest *manifest)
{
    if (!manifest->has_idle_limit) {
        manifest->idle_limit_us = (int64_t)MANIFEST_COMMAND_IDLE_LIMIT_S * 1000000;
        manifest->promises_denied |= TRACE_IDLE_TIMEOUT & ~manifest->promises_named;
    }
}

const char *manifest_folder(const struct manifest *manifest, char storage[MANIFEST_TEXT_MAX])
{
    const char *slash = strrchr(manifest->path, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - manifest->path);
    if (slash == NULL || (size == 0 && slash[0] != '/')) {
        return ".";
    }
    memcpy(storage, manifest->path, size);
    storage[size] = '\0';
    return size == 0 ? "/" : storage;
}

/* A [profile] of its own. */
static enum status check_own(struct manifest *manifest, struct status_detail *detail)
{
    struct framed_config *framed = &manifest->framed;
    bool server = manifest->role == TRACE_ROLE_SERVER;
    if (manifest->profile_name[0] != '\0') {
        return status_fail(detail, STATUS_SYNTAX,
                           "%s: [target] profile = %s, but there is a [profile] too",
                           manifest->path, manifest->profile_name);
    }
    if (server && framed->request[0].head.size == 0 && framed->request[0].raw_size == 0) {
        return status_fail(detail, STATUS_SYNTAX, "%s: [profile] needs a request", manifest->path);
    }
    if (framed->request[0].head.size > 0 && framed->request[0].raw_size > 0) {
        return status_fail(detail, STATUS_SYNTAX, "%s: [profile] has both request and request_file",
                           manifest->path);
    }
    if (framed->opened.named && framed->opening.size == 0) {
        return status_fail(detail, STATUS_SYNTAX,
                           "%s: [profile] has an opening_response, but no opening", manifest->path);
    }
    if (!server && (framed->question.frame == FRAMED_NONE || framed->reply[0].head.size == 0)) {
        return status_fail(detail, STATUS_SYNTAX,
                           "%s: [profile] of a client needs a reply, and request_end or "
                           "request_size",
                           manifest->path);
    }
    for (unsigned kind = 1; kind < 3; kind++) {
        if (!framed->answer[kind].named && framed->request[kind].head.size > 0) {
            framed->answer[kind] = framed->answer[0];
        }
    }
    manifest->own.name = "own";
    manifest->own.title = "as the manifest says";
    manifest->own.promises =
        profile_line.promises | (framed->greets ? TRACE_TARGET_SPEAKS_FIRST : 0U);
    return STATUS_OK;
}

/* path and large_path. */
static enum status check_paths(const struct manifest *manifest, struct status_detail *detail)
{
    const struct profile *profile = profiles_find(manifest->profile_name);
    if (manifest->has_profile || profile == NULL || !http_has_paths(profile)) {
        return status_fail(detail, STATUS_SYNTAX,
                           "%s: [profile] path and large_path are for [target] profile = "
                           "http-static or http10",
                           manifest->path);
    }
    const char *ordinary = manifest->path_ordinary[0] != '\0' ? manifest->path_ordinary : "/";
    if (strcmp(manifest->path_large, ordinary) == 0) {
        return status_fail(detail, STATUS_SYNTAX, "%s: [profile] large_path is the same as path",
                           manifest->path);
    }
    return STATUS_OK;
}

static bool names_place(const struct manifest *manifest, const char *place)
{
    bool named = strstr(manifest->command, place) != NULL;
    for (uint32_t i = 0; i < manifest->environment_count; i++) {
        named = named || strstr(manifest->environment[i], place) != NULL;
    }
    return named;
}

/* A program that is not told its port, and has no fixed one, would be waited for in vain. */
static enum status check_command(struct manifest *manifest, struct status_detail *detail)
{
    if (manifest->args[0] != '\0') {
        return status_fail(detail, STATUS_SYNTAX,
                           "%s: [target] args belong into the command, where there is one",
                           manifest->path);
    }
    if (!manifest->has_port && !names_place(manifest, "{port}")) {
        return status_fail(detail, STATUS_SYNTAX,
                           "%s: [target] command: expected {port} in it or in env, or a fixed port",
                           manifest->path);
    }
    manifest_is_command(manifest);
    return STATUS_OK;
}

enum status manifest_check(struct manifest *manifest, struct status_detail *detail)
{
    enum status status = STATUS_OK;
    if (manifest->has_profile) {
        status = check_own(manifest, detail);
    } else if (manifest->profile_name[0] != '\0' && profiles_find(manifest->profile_name) == NULL) {
        const struct profile *profile = NULL;
        status = manifest_profile(manifest, &profile, detail);
        status = status_wrap(detail, status == STATUS_USAGE ? STATUS_SYNTAX : status, "%s",
                             manifest->path);
    }
    if (status == STATUS_OK &&
        (manifest->path_ordinary[0] != '\0' || manifest->path_large[0] != '\0')) {
        status = check_paths(manifest, detail);
    }
    if (status == STATUS_OK && manifest->command[0] != '\0') {
        status = check_command(manifest, detail);
    }
    return status;
}

enum status manifest_profile(const struct manifest *manifest, const struct profile **ret_profile,
                             struct status_detail *detail)
{
    if (manifest->has_profile) {
        /* The pointer to our own data is set here: a manifest may have been copied. */
        struct manifest *own = (struct manifest *)manifest;
        own->framed.request[0].raw = own->request_file;
        for (unsigned kind = 0; kind < 3; kind++) {
            own->framed.answer[kind].exact.raw = own->response_file;
        }
        framed_profile(&own->own, &own->framed);
        *ret_profile = &manifest->own;
        return STATUS_OK;
    }
    if (manifest->profile_name[0] == '\0') {
        return status_fail(detail, STATUS_USAGE,
                           "no profile: expected one of `sockspec list profiles`");
    }
    const struct profile *profile = profiles_find(manifest->profile_name);
    if (profile == NULL) {
        struct words_guess guess = {.word = manifest->profile_name};
        for (unsigned i = 0; profiles_at(i) != NULL; i++) {
            words_guess_offer(&guess, profiles_at(i)->name);
        }
        char hint[64];
        return status_fail(detail, STATUS_USAGE,
                           "unknown profile '%s', expected one of `sockspec list profiles`%s",
                           manifest->profile_name, words_guess_hint(&guess, hint, sizeof(hint)));
    }
    *ret_profile = profile;
    if (manifest->path_ordinary[0] != '\0' || manifest->path_large[0] != '\0') {
        struct manifest *own = (struct manifest *)manifest;
        http_profile(&own->own, &own->http, profile, manifest->path_ordinary, manifest->path_large);
        *ret_profile = &manifest->own;
    }
    return STATUS_OK;
}

uint32_t manifest_promises(const struct manifest *manifest, const struct profile *profile)
{
    return (profile->promises | manifest->promises_made) & ~manifest->promises_denied;
}

const struct manifest_known *manifest_known(const struct manifest *manifest, const char *name,
                                            const char *rule)
{
    for (uint32_t i = 0; i < manifest->known_count; i++) {
        const struct manifest_known *known = &manifest->known[i];
        if (strcmp(known->rule, rule) == 0 && fnmatch(known->cases, name, 0) == 0) {
            return known;
        }
    }
    return NULL;
}
