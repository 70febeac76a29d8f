/* Where text goes: a destination that takes bytes, a buffer that grows, and a file that appears
 * under its name only when it is complete. One owner each; not safe between threads. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TRACE_OUTPUT_H
#define SOCKSPEC_TRACE_OUTPUT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

enum { TRACE_TEXT_MAX = 1 << 28 }; /* bytes of one growing text */

/* A destination. `write` takes all `size` bytes or says why not. */
struct trace_output {
    enum status (*write)(void *context, const char *data, size_t size,
                         struct status_detail *detail);
    void *context;
};

/* A destination that appends to a stream, which stays the caller's. STATUS_IO on failure; what the
 * stream still buffers fails only when the caller flushes it. */
struct trace_output trace_output_stream(FILE *stream);

/* A growing text, NUL-terminated as soon as something was added. Zero-initialised it is empty.
 * After a failure (`failed`) further additions are dropped; check once at the end. */
struct trace_text {
    char *data;
    size_t size; /* bytes, without the NUL */
    size_t capacity;
    enum status failed; /* STATUS_OK, STATUS_NO_MEMORY or STATUS_LIMIT */
};
void trace_text_add(struct trace_text *text, const char *data, size_t size);
void trace_text_print(struct trace_text *text, const char *format, ...) STATUS_PRINTF(2, 3);
void trace_text_free(struct trace_text *text);
/* A destination that appends to `text`, which must outlive it. */
struct trace_output trace_output_text(struct trace_text *text);

/* A file written beside its place and moved there by commit, so that readers see the old one or the
 * whole new one. Where the file system can do it the file has no name until then, and a process
 * that is killed leaves nothing. Fails with STATUS_IO and the file's name. */
struct trace_save {
    FILE *stream; /* NULL when closed */
    char *path;
    char *temporary; /* its name for the moment; NULL: it has none */
    bool beside;     /* it is to be moved to `path`; else it is written in place */
};
enum status trace_save_open(struct trace_save *file, const char *path,
                            struct status_detail *detail) STATUS_MUST_USE;
/* Flushes, closes and renames. On failure the temporary file is gone and the old file untouched. */
enum status trace_save_commit(struct trace_save *file,
                              struct status_detail *detail) STATUS_MUST_USE;
/* Closes and removes the temporary file; harmless after commit or on a zeroed struct. */
void trace_save_abandon(struct trace_save *file);

#endif
