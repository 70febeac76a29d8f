/* Events in words, for people: one line each, plain ASCII. Pure functions. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TRACE_DESCRIBE_H
#define SOCKSPEC_TRACE_DESCRIBE_H

#include "trace/trace.h"

enum { TRACE_DESCRIBE_MAX = 160 }; /* bytes that always suffice, with the NUL */

/* "recv(5, 4096) = -1 ECONNRESET" for a CALL, "recv(5) ..." for a BLOCK. Returns `buffer`. */
const char *trace_describe_call(const struct trace_event *event, char *buffer, size_t size);

/* "data 12 @1": kind, bytes and sequence number of a SEGMENT. Returns `buffer`. */
const char *trace_describe_segment(const struct trace_event *event, char *buffer, size_t size);

/* Any event in words, without its time: "target: ESTABLISHED -> CLOSE-WAIT (receive FIN)". Returns
 * `buffer`. */
const char *trace_describe(const struct trace_event *event, char *buffer, size_t size);

/* "12.345 ms", "60 s": a span of time with the unit that reads best. Returns `buffer`. */
const char *trace_describe_span(int64_t us, char *buffer, size_t size);

/* "IN|HUP": poll bits. Returns `buffer`. */
const char *trace_describe_poll(int64_t bits, char *buffer, size_t size);

#endif
