/* Triage: an input that ended a fuzzing process becomes a finding. It is played in child processes,
 * so a crash is seen from outside, with the trace up to it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_FUZZ_TRIAGE_H
#define SOCKSPEC_FUZZ_TRIAGE_H

#include "fuzz/finding.h"
#include "suite/player.h"
#include "suite/subject.h"

enum {
    TRIAGE_PLAYS_MAX = 300,    /* of one shrinking: each crash costs a process */
    TRIAGE_FRAMES = 3,         /* of the stack that tell crashes apart */
    TRIAGE_FRAME_MAX = 128,    /* bytes of a frame's name, its NUL included */
    TRIAGE_CPU_LIMIT_MS = 5000 /* of one play: beyond it the program hangs */
};

struct triage_setup {
    const struct subject *subject;
    enum status (*open)(void *context, struct world **ret_world, struct status_detail *detail);
    void *context;
    struct finding_place place;
};

enum triage_result {
    TRIAGE_LOST,  /* the input ends no process */
    TRIAGE_KNOWN, /* a finding that stood already */
    TRIAGE_ADDED
};

/* Plays the byte form in `path`, shrinks it as long as the process ends in the same way, and writes
 * the finding. Errors: STATUS_IO, STATUS_NO_MEMORY, those of the player. */
enum status triage_input(const struct triage_setup *setup, const char *path,
                         enum triage_result *ret_result,
                         struct status_detail *detail) STATUS_MUST_USE;

/* The key of a crash by a sanitizer's report: what it was, and the top frames that are the
 * program's; where only its end is left, by its summary. Without a report: the signal or exit
 * status, and `fallback`. */
uint64_t triage_key(const char *report, int signal, int code, uint64_t fallback);

#endif
