/* From the description of a linked program to what a world runs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/subject.h"

#include <stdio.h>
#include <string.h>

static const char host_of_targets[] = "127.0.0.1";

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
    if (program->argc == 0 && manifest->args[0] != '\0' && program == subject->program) {
        return manifest_arguments_split(arguments, program->name, manifest->args, host_of_targets,
                                        manifest->port, detail);
    }
    return manifest_arguments_fill(arguments, program->name, program->argc, program->argv,
                                   host_of_targets, manifest->port, detail);
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
    };
    return STATUS_OK;
}

struct trace_header subject_header(const struct subject *subject, uint32_t observers)
{
    const struct manifest *manifest = &subject->manifest;
    struct trace_header header = {
        .role = manifest->role,
        .rules = manifest->rules,
        .observers = observers,
        .promises = manifest_promises(manifest, subject->profile),
        .idle_limit_us = manifest->idle_limit_us,
        .connect_limit_us = manifest->connect_limit_us,
        .seed = manifest->seed,
    };
    memcpy(header.target, manifest->name, sizeof(header.target));
    return header;
}
