/* The report: takes verdicts as they come and hands them to sinks, which write them in one form
 * each. Order of calls: report_begin, then per case report_case_begin, report_verdict…,
 * report_case_end; at the end report_end. report_notice may come anywhere between begin and end.
 * Not safe between threads. All strings are borrowed for the call only, may hold any bytes, and may
 * be NULL where it is said. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_REPORT_REPORT_H
#define SOCKSPEC_REPORT_REPORT_H

#include <stdint.h>
#include <stdio.h>

#include "base/grade.h"
#include "base/status.h"

enum { REPORT_SINKS_MAX = 8 };

/* What is judged. */
struct report_target {
    const char *name;
    const char *world;   /* "model", "linux"; of a stack its own name */
    const char *role;    /* "server", …; NULL: not said */
    const char *profile; /* NULL: not said */
    const char *version; /* of sockspec; NULL: not said */
    uint32_t cases;      /* that will be run; 0: not said */
};

struct report_case {
    const char *name;  /* stable, path-like */
    const char *title; /* one line; NULL: none */
};

/* An event that proves a verdict. */
struct report_event {
    uint32_t index;   /* in the trace */
    const char *text; /* in words */
};

struct report_verdict {
    const char *rule;  /* "FDH-01" */
    const char *title; /* of the rule, one line; NULL: none */
    enum grade grade;
    const char *detail;   /* what happened; of a SKIP its reason; NULL: nothing to say */
    const char *replay;   /* the command line that shows it again; NULL: none */
    const char *ladder;   /* NULL: none */
    const char *scenario; /* its text form; NULL: none */
    const struct report_event *events; /* `event_count` of them */
    uint32_t event_count;
    int64_t duration_us; /* -1: not measured */
};

struct report_summary {
    struct grade_counts counts;
    uint32_t cases;
    int64_t duration_us; /* -1: not measured */
};

/* What a sink can do. Each returns STATUS_OK or why it could not write. */
struct report_sink;
struct report_sink_operations {
    enum status (*begin)(struct report_sink *, const struct report_target *,
                         struct status_detail *);
    enum status (*case_begin)(struct report_sink *, const struct report_case *,
                              struct status_detail *);
    enum status (*verdict)(struct report_sink *, const struct report_case *,
                           const struct report_verdict *, struct status_detail *);
    enum status (*case_end)(struct report_sink *, const struct report_case *,
                            struct status_detail *);
    enum status (*notice)(struct report_sink *, const char *text, struct status_detail *);
    enum status (*end)(struct report_sink *, const struct report_summary *, struct status_detail *);
    void (*free)(struct report_sink *); /* without end: what was not finished disappears */
};
struct report_sink {
    const struct report_sink_operations *operations;
};

struct report {
    struct report_sink *sinks[REPORT_SINKS_MAX]; /* owned; NULL after a failure */
    unsigned sink_count;
    struct report_summary summary;
    struct report_case open_case; /* borrowed between case_begin and case_end */
    bool in_case;
    bool begun;
    enum status failed;          /* the first failure of a sink */
    struct status_detail detail; /* of that failure */
};

/* Zero-initialised it is empty; report_done frees the sinks. */
void report_done(struct report *report);

/* The report owns the sink from here on, also when this fails. Errors: STATUS_LIMIT. */
enum status report_add(struct report *report, struct report_sink *sink) STATUS_MUST_USE;

/* A sink that fails is dropped and the others go on; the first failure is kept for report_end. */
void report_begin(struct report *report, const struct report_target *target);
/* The strings of `test_case` must stay until report_case_end. */
void report_case_begin(struct report *report, const struct report_case *test_case);
void report_verdict(struct report *report, const struct report_verdict *verdict);
void report_case_end(struct report *report);
/* A line that belongs to no verdict: "this known failure passes now: remove it". */
void report_notice(struct report *report, const char *format, ...) STATUS_PRINTF(2, 3);
/* Completes the outputs. `duration_us` -1: not measured. Returns the first failure since
 * report_begin, STATUS_IO with the file's name for what could not be written. */
enum status report_end(struct report *report, int64_t duration_us,
                       struct status_detail *detail) STATUS_MUST_USE;

/* What the counts so far ask the process to exit with. */
enum grade_exit report_exit_code(const struct report *report);

/* Where a sink writes: a file, which appears under its name only when complete, or a stream that
 * the caller owns. Exactly one of the two is set. `path` must outlive the sink. */
struct report_place {
    const char *path;
    FILE *stream;
};

struct report_text_options {
    bool verbose; /* all grades with all evidence; else FAIL, ERROR, EXPECTED and WARN, and of those
                     that a rule has had before only the evidence's words, WARN counted alone */
    bool colour;  /* the stream is a terminal that shows colours */
};

/* Sinks; freed by the report. Errors: STATUS_NO_MEMORY; STATUS_IO when the file cannot be made, so
 * that an unwritable place is known before anything runs. */
enum status report_text_new(const struct report_place *place,
                            const struct report_text_options *options,
                            struct report_sink **ret_sink,
                            struct status_detail *detail) STATUS_MUST_USE; /* for people */
/* How far a run is, on a line of `terminal`. Added before a sink that writes there, too. */
enum status report_progress_new(FILE *terminal, struct report_sink **ret_sink,
                                struct status_detail *detail) STATUS_MUST_USE;
enum status report_tap_new(const struct report_place *place, struct report_sink **ret_sink,
                           struct status_detail *detail) STATUS_MUST_USE; /* TAP version 14 */
enum status report_junit_new(const struct report_place *place, struct report_sink **ret_sink,
                             struct status_detail *detail) STATUS_MUST_USE; /* JUnit XML */
enum status report_json_new(const struct report_place *place, struct report_sink **ret_sink,
                            struct status_detail *detail) STATUS_MUST_USE;

#endif
