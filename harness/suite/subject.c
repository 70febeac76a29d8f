/* From the description of a linked program, or a command, to what a world runs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const hosts_of_targets[] = {"127.0.0.1", "::1"}; /* over IPv4, over IPv6 */

static enum status open_manifest(struct subject *subject, struct status_detail *detail)
{
    const struct sockspec_program *program = subject->program;
    struct manifest *manifest = &subject->manifest;
    manifest_begin(manifest);
    if (program->manifest != NULL) {
        enum status status = manifest_load(manifest, program->manifest, detail);
        if (status != STATUS_OK) {
            return status;
        }
    }
    bool client = strcmp(program->role, "client") == 0;
    if (manifest->has_role && manifest->role != TRACE_ROLE_PAIR &&
        (manifest->role == TRACE_ROLE_CLIENT) != client) {
        return status_fail(detail, STATUS_USAGE, "%s: [target] role: the build says '%s'",
                           manifest->path, program->role);
    }
    if (manifest->name[0] == '\0') {
        (void)snprintf(manifest->name, sizeof(manifest->name), "%s%s%s", program->name,
                       program->peer != NULL ? "-with-" : "",
                       program->peer != NULL ? program->peer->name : "");
    }
    manifest->role = program->peer != NULL ? TRACE_ROLE_PAIR
                     : client              ? TRACE_ROLE_CLIENT
                                           : TRACE_ROLE_SERVER;
    if (program->profile != NULL && manifest->profile_name[0] == '\0' && !manifest->has_profile) {
        (void)snprintf(manifest->profile_name, sizeof(manifest->profile_name), "%s",
                       program->profile);
    }
    return manifest_profile(manifest, &subject->profile, detail);
}

/* The argument list comes from the build; a manifest's replaces it when the build has none. */
static enum status fill_arguments(const struct subject *subject,
                                  const struct sockspec_program *program,
                                  struct manifest_arguments *arguments,
                                  struct status_detail *detail)
{
    const struct manifest *manifest = &subject->manifest;
    const struct manifest_places places = {.host = hosts_of_targets[manifest->ipv6],
                                           .port = manifest->port};
    enum status status = manifest_arguments_fill(arguments, 1, &program->name, &places, detail);
    if (status != STATUS_OK) {
        return status;
    }
    if (program->argc == 0 && manifest->args[0] != '\0' && program == subject->program) {
        return status_wrap(
            detail, manifest_arguments_split(arguments, manifest->args, &places, detail), "args");
    }
    return manifest_arguments_fill(arguments, program->argc, program->argv, &places, detail);
}

enum status subject_open(struct subject *subject, const struct sockspec_program *program,
                         struct status_detail *detail)
{
    memset(subject, 0, sizeof(*subject));
    subject->program = program;
    enum status status = open_manifest(subject, detail);
    if (status == STATUS_OK) {
        status = fill_arguments(subject, program, &subject->arguments, detail);
    }
    if (status == STATUS_OK && program->peer != NULL) {
        status = fill_arguments(subject, program->peer, &subject->peer_arguments, detail);
    }
    if (status != STATUS_OK) {
        return status;
    }
    bool pair = program->peer != NULL;
    subject->target = (struct world_target){
        .name = subject->manifest.name,
        .role = subject->manifest.role,
        .argc = subject->arguments.argc,
        .argv = subject->arguments.argv,
        .program = (void *)program,
        .peer_argc = subject->peer_arguments.argc,
        .peer_argv = pair ? subject->peer_arguments.argv : NULL,
        .peer_program = (void *)program->peer,
        .port = subject->manifest.port,
        .stop_signal = subject->manifest.stop_signal,
        .runs = subject->manifest.runs,
    };
    return STATUS_OK;
}

/* ---- Commands ---- */

/* What the command line says stands over what the manifest says. */
static enum status command_manifest(struct subject *subject, const struct subject_command *command,
                                    struct status_detail *detail)
{
    struct manifest *manifest = &subject->manifest;
    manifest_begin(manifest);
    if (command->manifest != NULL) {
        enum status status = manifest_load(manifest, command->manifest, detail);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (command->role != NULL) {
        manifest->role =
            strcmp(command->role, "client") == 0 ? TRACE_ROLE_CLIENT : TRACE_ROLE_SERVER;
    }
    if (command->port != NULL) {
        manifest->port = (uint16_t)strtoul(command->port, NULL, 10);
        manifest->has_port = true;
    }
    if (!manifest->has_port && command->free_port != 0) {
        manifest->port = command->free_port;
    }
    if (command->profile != NULL && manifest->profile_name[0] == '\0' && !manifest->has_profile) {
        (void)snprintf(manifest->profile_name, sizeof(manifest->profile_name), "%s",
                       command->profile);
    }
    for (unsigned i = 0; i < command->setting_count; i++) {
        if (strncmp(command->settings[i], "command=", 8) == 0) {
            return status_fail(detail, STATUS_USAGE, "--set %s: the COMMAND stands behind --",
                               command->settings[i]);
        }
    }
    if (command->setting_count > 0) {
        enum status status =
            manifest_set(manifest, command->settings, command->setting_count, detail);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (!command->linked) {
        manifest_is_command(manifest);
    }
    if (manifest->role != TRACE_ROLE_SERVER && manifest->role != TRACE_ROLE_CLIENT) {
        return status_fail(detail, STATUS_USAGE,
                           "%s: [target] role: a command is a server or a client", manifest->path);
    }
    return manifest_profile(manifest, &subject->profile, detail);
}

/* Whether the program is told where its port is. */
static enum status command_port(const struct subject *subject,
                                const struct subject_command *command, struct status_detail *detail)
{
    bool told = subject->manifest.has_port || command->argc == 0 || command->linked;
    for (int i = 0; i < command->argc; i++) {
        told = told || strstr(command->argv[i], "{port}") != NULL;
    }
    for (uint32_t i = 0; i < subject->manifest.environment_count; i++) {
        told = told || strstr(subject->manifest.environment[i], "{port}") != NULL;
    }
    return told ? STATUS_OK
                : status_fail(detail, STATUS_USAGE,
                              "the command is not told its port: expected {port} in its arguments, "
                              "--port N, or --set env=NAME={port}");
}

static enum status command_words(struct subject *subject, const struct subject_command *command,
                                 struct status_detail *detail)
{
    struct manifest *manifest = &subject->manifest;
    char folder[MANIFEST_TEXT_MAX];
    char *whole = realpath(manifest_folder(manifest, folder), NULL);
    manifest->ipv6 = manifest->ipv6 || command->ipv6;
    const struct manifest_places places = {.host = command->host(manifest->role, manifest->ipv6),
                                           .folder = whole,
                                           .port = manifest->port};
    enum status status = STATUS_OK;
    if (command->argc > 0) {
        status = manifest_arguments_fill(&subject->arguments, command->argc, command->argv, &places,
                                         detail);
        if (status == STATUS_OK && command->linked && command->argc == 1) {
            status = manifest_arguments_split(&subject->arguments, manifest->args, &places, detail);
        }
    } else if (manifest->command[0] != '\0') {
        status = manifest_arguments_split(&subject->arguments, manifest->command, &places, detail);
        if (status != STATUS_OK) {
            status = status_wrap(detail, status, "%s: [target] command", manifest->path);
        }
    } else {
        status = status_fail(detail, STATUS_USAGE,
                             "%s: [target] has no command; the target of a build is named without "
                             "its folder",
                             manifest->path);
    }
    const char *variables[MANIFEST_ENVIRONMENT_MAX];
    for (uint32_t i = 0; i < manifest->environment_count; i++) {
        variables[i] = manifest->environment[i];
    }
    if (status == STATUS_OK) {
        status = manifest_arguments_fill(&subject->environment, (int)manifest->environment_count,
                                         variables, &places, detail);
    }
    free(whole);
    return status;
}

/* What reports call it: the manifest's name, what the caller says, the folder of the manifest, the
 * program. */
static void command_name(struct subject *subject, const struct subject_command *command)
{
    struct manifest *manifest = &subject->manifest;
    char folder[MANIFEST_TEXT_MAX];
    char *whole = NULL;
    const char *name = command->name;
    if (name == NULL && manifest->name[0] != '\0') {
        return;
    }
    if (name == NULL && command->manifest != NULL) {
        whole = realpath(manifest_folder(manifest, folder), NULL);
        name = whole;
    }
    name = name == NULL ? subject->arguments.argv[0] : name;
    const char *slash = strrchr(name, '/');
    (void)snprintf(manifest->name, sizeof(manifest->name), "%s",
                   slash != NULL && slash[1] != '\0' ? slash + 1 : name);
    free(whole);
}

enum status subject_open_command(struct subject *subject, const struct subject_command *command,
                                 struct status_detail *detail)
{
    memset(subject, 0, sizeof(*subject));
    enum status status = command_manifest(subject, command, detail);
    status = status != STATUS_OK ? status : command_port(subject, command, detail);
    status = status != STATUS_OK ? status : command_words(subject, command, detail);
    if (status != STATUS_OK) {
        return status;
    }
    if (subject->arguments.argc == 0) {
        return status_fail(detail, STATUS_USAGE, "the command is empty");
    }
    command_name(subject, command);
    subject->target = (struct world_target){
        .name = subject->manifest.name,
        .role = subject->manifest.role,
        .argc = subject->arguments.argc,
        .argv = subject->arguments.argv,
        .port = subject->manifest.port,
        .stop_signal = subject->manifest.stop_signal,
        .runs = subject->manifest.runs,
    };
    return STATUS_OK;
}

enum status subject_open_stack(struct subject *subject, const struct subject_stack *stack,
                               struct status_detail *detail)
{
    struct manifest *manifest = &subject->manifest;
    memset(subject, 0, sizeof(*subject));
    manifest_begin(manifest);
    if (stack->manifest != NULL) {
        enum status status = manifest_load(manifest, stack->manifest, detail);
        if (status != STATUS_OK) {
            return status;
        }
        if (manifest->role != TRACE_ROLE_STACK) {
            return status_fail(detail, STATUS_USAGE, "%s: [target] role: expected stack",
                               manifest->path);
        }
    }
    manifest->role = TRACE_ROLE_STACK;
    /* What Linux chose where the texts leave a choice binds nobody else. */
    if (!manifest->has_rules) {
        manifest->rules = stack->adapter ? TRACE_RULES_POSIX : TRACE_RULES_LINUX;
    }
    (void)snprintf(manifest->name, sizeof(manifest->name), "%s", stack->name);
    subject->stack = *stack;
    return STATUS_OK;
}

struct trace_header subject_header(const struct subject *subject, uint32_t observers)
{
    const struct manifest *manifest = &subject->manifest;
    struct trace_header header = {
        .role = manifest->role,
        .rules = manifest->rules,
        .observers = observers,
        .promises = subject_is_stack(subject) ? 0 : manifest_promises(manifest, subject->profile),
        .idle_limit_us = manifest->idle_limit_us,
        .connect_limit_us = manifest->connect_limit_us,
        .seed = manifest->seed,
    };
    memcpy(header.target, manifest->name, sizeof(header.target));
    return header;
}
