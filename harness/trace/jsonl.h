/* A trace as JSON Lines: the header on the first line, then one object per event with readable
 * names. Fields at their defaults are left out. docs/reference/json.md describes the form. Laws:
 * read(write(t)) = t for every trace; write(read(x)) = x, byte for byte, for every x that the
 * writer made. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TRACE_JSONL_H
#define SOCKSPEC_TRACE_JSONL_H

#include "trace/output.h"
#include "trace/trace.h"

enum { TRACE_JSONL_VERSION = 1 };

/* Writes the whole trace. Errors: those of the destination. */
enum status trace_jsonl_write(const struct trace *trace, const struct trace_output *output,
                              struct status_detail *detail) STATUS_MUST_USE;

/* Writes a trace to a file, which appears only when complete. Errors: STATUS_IO with the name. */
enum status trace_jsonl_save(const struct trace *trace, const char *path,
                             struct status_detail *detail) STATUS_MUST_USE;

/* Replaces header and events of `trace` (initialised by the caller) by those of the text. On
 * failure the trace is empty. Errors: STATUS_SYNTAX with the line's number and what was expected
 * there, STATUS_LIMIT when the events do not fit into the trace's capacity. */
enum status trace_jsonl_read(struct trace *trace, const char *data, size_t size,
                             struct status_detail *detail) STATUS_MUST_USE;

/* Reads a file into a trace that it initialises with the capacity that the file needs; the caller
 * ends it with trace_done. Errors: as trace_jsonl_read with the name in front, STATUS_IO. */
enum status trace_jsonl_load(struct trace *ret_trace, const char *path,
                             struct status_detail *detail) STATUS_MUST_USE;

#endif
