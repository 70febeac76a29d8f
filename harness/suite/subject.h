/* What is judged, made ready from the description of a linked program or from a command: manifest,
 * profile, arguments, what a world runs, and the header of its traces. Of no world. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_SUBJECT_H
#define SOCKSPEC_SUITE_SUBJECT_H

#include "base/status.h"
#include "sockspec/program.h"
#include "suite/manifest.h"
#include "world/world.h"

/* An implementation of the sockets API. Strings are borrowed for the life of the subject. */
struct subject_stack {
    const char *name;
    const char *manifest; /* path of target.ini, for known failures and rules; NULL: none */
    bool adapter;         /* behind the contract of sockspec/stack.h; otherwise a world of ours */
    uint64_t emulated;    /* bits (1 << enum sockspec_stack_operation) of what the adapter adds */
    uint64_t absent;      /* of what it has not */
};

struct subject {
    const struct sockspec_program *program; /* NULL: a command */
    struct manifest manifest;
    const struct profile *profile; /* borrowed from the manifest or built in; NULL for stacks */
    struct manifest_arguments arguments;
    struct manifest_arguments peer_arguments; /* pair mode */
    struct manifest_arguments environment;    /* a command's, its places filled in */
    struct world_target target;               /* points into this struct; unused for stacks */
    struct subject_stack stack;               /* role stack only */
};

/* A target that runs as a process. Strings are borrowed for the call. */
struct subject_command {
    const char *manifest;    /* path of target.ini; NULL: none */
    const char *name;        /* where the manifest has none; NULL: the command's own */
    const char *profile;     /* likewise; NULL: none */
    const char *role;        /* "server" or "client"; NULL: the manifest's */
    const char *port;        /* 1 … 65535; NULL: the manifest's */
    uint16_t free_port;      /* where neither says one; 0: as the manifest begins */
    int argc;                /* 0: the manifest says the command */
    const char *const *argv; /* places unfilled */
    bool linked; /* it is the plain form of a linked program: its manifest need not name a command,
                    and holds as it does there */
    bool ipv6;   /* whatever the manifest says */
    unsigned setting_count;      /* without a manifest: what stands for it */
    const char *const *settings; /* as manifest_set takes them */
    const char *(*host)(enum trace_role role, bool ipv6); /* what stands for {host} */
};

/* Fills `subject`, which must not move afterwards; `program` must outlive it. Errors: those of
 * manifest_load, manifest_profile and of the arguments; STATUS_USAGE when manifest and build
 * disagree on the role. */
enum status subject_open(struct subject *subject, const struct sockspec_program *program,
                         struct status_detail *detail) STATUS_MUST_USE;

/* The same for a command. `target.program` is left for who runs it to fill in. Further errors:
 * STATUS_USAGE where nothing says the command or the profile, or {port} is missing. */
enum status subject_open_command(struct subject *subject, const struct subject_command *command,
                                 struct status_detail *detail) STATUS_MUST_USE;

/* The same for a stack: nothing is run, both hosts are scripted. Errors: those of manifest_load. */
enum status subject_open_stack(struct subject *subject, const struct subject_stack *stack,
                               struct status_detail *detail) STATUS_MUST_USE;

static inline bool subject_is_stack(const struct subject *subject)
{
    return subject->manifest.role == TRACE_ROLE_STACK;
}

/* The header of traces of this subject in a world with these observers, without a case's name. */
struct trace_header subject_header(const struct subject *subject, uint32_t observers);

#endif
