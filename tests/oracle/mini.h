/* Hand-written traces in a few words per event, for tests of the oracle. A file holds blocks:
 *   def NAME            events that others include with `use NAME`
 *   rule ID keeps|breaks|informs hand-written [client]
 * An event is its kind, what it is about, and: a bare number (descriptor), cN (connection), a=, b=,
 * =N (result), !ERRNO, host and flag words. `time MS` moves the clock. Lines from # on are
 * comments. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_ORACLE_MINI_H
#define SOCKSPEC_TESTS_ORACLE_MINI_H

#include "oracle/oracle.h"
#include "trace/trace.h"

enum { MINI_CASES_MAX = 16 };

struct mini_case {
    char id[16];                 /* of the rule */
    enum oracle_outcome outcome; /* what the oracle must find */
    enum grade grade;            /* GRADE_INFO for `informs`, else GRADE_COUNT */
    bool marked; /* as written by hand; a file with a trace that is not is refused */
    struct trace trace;
};

struct mini_file {
    unsigned count;
    struct mini_case cases[MINI_CASES_MAX];
    char error[256]; /* empty when the file was read */
};

/* Reads a file; false with `error` set when it cannot. */
bool mini_read(const char *path, struct mini_file *ret_file);
void mini_done(struct mini_file *file);

#endif
