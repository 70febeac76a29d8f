/* What is judged, made ready from the description of a linked program: manifest, profile,
 * arguments, what a world runs, and the header of its traces. Of no world. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_SUBJECT_H
#define SOCKSPEC_SUITE_SUBJECT_H

#include "base/status.h"
#include "sockspec/program.h"
#include "suite/manifest.h"
#include "world/world.h"

struct subject {
    const struct sockspec_program *program;
    struct manifest manifest;
    const struct profile *profile; /* borrowed from the manifest or built in */
    struct manifest_arguments arguments;
    struct manifest_arguments peer_arguments; /* pair mode */
    struct world_target target;               /* points into this struct */
};

/* Fills `subject`, which must not move afterwards; `program` must outlive it. Errors: those of
 * manifest_load, manifest_profile and of the arguments; STATUS_USAGE when manifest and build
 * disagree on the role. */
enum status subject_open(struct subject *subject, const struct sockspec_program *program,
                         struct status_detail *detail) STATUS_MUST_USE;

/* The header of traces of this subject in a world with these observers, without a case's name. */
struct trace_header subject_header(const struct subject *subject, uint32_t observers);

#endif
