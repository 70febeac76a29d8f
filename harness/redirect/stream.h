/* The streams of a program: its stdin, stdout and stderr, and what it opens with fopen or fdopen.
 * Each is a custom stream (fopencookie) over a descriptor of the model, so that the C library's
 * functions that take a FILE work on it unchanged. Owned by one task. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_REDIRECT_STREAM_H
#define SOCKSPEC_REDIRECT_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct redirect_heap;

struct redirect_stream {
    FILE *file;
    int fd;      /* descriptor of the program; -1 after fclose */
    bool inside; /* one of our callbacks runs; still set after the program left through it */
    bool stale;  /* buffering was changed or it was closed: made anew before the next run */
    struct redirect_stream *next;
};

enum { REDIRECT_STANDARD_STREAMS = 3 };

struct redirect_streams {
    struct redirect_stream standard[REDIRECT_STANDARD_STREAMS]; /* by descriptor */
    struct redirect_stream *opened;                             /* newest first */
    unsigned slot;
};

/* The stream behind `file`; NULL when it is not the program's. */
struct redirect_stream *redirect_stream_find(struct redirect_streams *streams, const FILE *file);
/* A stream over `fd` in `mode` (as fopen); NULL with errno. Its memory counts as one block of
 * `heap`. */
FILE *redirect_stream_open(struct redirect_streams *streams, struct redirect_heap *heap, int fd,
                           const char *mode);
/* fclose: flushes, closes the descriptor. 0 or EOF. */
int redirect_stream_close(struct redirect_streams *streams, struct redirect_heap *heap,
                          struct redirect_stream *stream);
/* Writes out what is buffered, as exit does. 0 or EOF. */
int redirect_streams_flush(struct redirect_streams *streams);
/* Drops what is left of the last run: opened streams, buffers, marks. */
void redirect_streams_reset(struct redirect_streams *streams, struct redirect_heap *heap);
void redirect_streams_done(struct redirect_streams *streams, struct redirect_heap *heap);

#endif
