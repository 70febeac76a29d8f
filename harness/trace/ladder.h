/* The ladder: the last events of a trace as two hosts with states in columns and segments as arrows
 * between them, in plain ASCII of at most 100 columns. Draws for people, outside of the hot path.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TRACE_LADDER_H
#define SOCKSPEC_TRACE_LADDER_H

#include "trace/output.h"
#include "trace/trace.h"

enum {
    LADDER_WIDTH = 100,
    LADDER_ROWS_DEFAULT = 40,
    LADDER_SCAN_MAX = 4096 /* only so many of the last events are looked at for rows */
};

/* Zero-initialised it draws the last LADDER_ROWS_DEFAULT rows of all connections. */
struct ladder_options {
    uint32_t rows_max;          /* rows at the end of the trace; 0: LADDER_ROWS_DEFAULT */
    const uint32_t *highlights; /* indices of events that prove something, marked and never left
                                   out: '!' the last one, '>' the others */
    uint32_t highlight_count;
    const uint32_t *connections; /* only these and what belongs to none; NULL: those of the
                                    highlights, or all */
    uint32_t connection_count;
    const struct scenario *scenario; /* whose steps are written in full; NULL: actor and verb */
};

/* Draws the ladder. Errors: those of the destination, STATUS_NO_MEMORY. */
enum status ladder_print(const struct trace *trace, const struct ladder_options *options,
                         const struct trace_output *output,
                         struct status_detail *detail) STATUS_MUST_USE;

#endif
