/* What the sinks share: their output, and making any bytes presentable. For the folder's own use.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_REPORT_SINK_H
#define SOCKSPEC_REPORT_SINK_H

#include "report/report.h"
#include "trace/output.h"

/* An open place. Zero-initialised it is closed. */
struct report_output {
    FILE *stream;
    struct trace_save file; /* in use when the place is a path */
    bool is_file;
};

enum status report_output_open(struct report_output *output, const struct report_place *place,
                               struct status_detail *detail) STATUS_MUST_USE;
/* Writes all of `text`. Errors: STATUS_IO with the name, or what the text failed with. */
enum status report_output_write(struct report_output *output, const struct trace_text *text,
                                struct status_detail *detail) STATUS_MUST_USE;
/* Flushes a stream, puts a file in its place. */
enum status report_output_commit(struct report_output *output,
                                 struct status_detail *detail) STATUS_MUST_USE;
/* Gives up: a file that was not committed disappears. */
void report_output_abandon(struct report_output *output);

enum report_clean {
    REPORT_CLEAN_LINES, /* line feeds and tabs stay */
    REPORT_CLEAN_LINE   /* one line: they become spaces */
};

/* Adds `text` as valid UTF-8 that XML 1.0, JSON and terminals can all hold: bytes that are no
 * UTF-8, control characters and non-characters become "\xNN". NULL adds nothing. */
void report_add_clean(struct trace_text *out, const char *text, enum report_clean how);

#endif
