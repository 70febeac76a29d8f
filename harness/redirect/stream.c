/* Streams of a program: custom streams over descriptors of the model. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/stream.h"

#include <assert.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "redirect/task.h"

/* What a FILE weighs in the count of held memory; the C library's own is of this order. */
enum { STREAM_SIZE = 552 };

/* What the program's stdin, stdout and stderr were renamed to (symbols.def). */
FILE *sockspec_call_stdin0, *sockspec_call_stdout0, *sockspec_call_stderr0;
FILE *sockspec_call_stdin1, *sockspec_call_stdout1, *sockspec_call_stderr1;

static FILE **standard_variable(unsigned slot, int fd)
{
    static FILE **const variables[REDIRECT_TASKS_MAX][REDIRECT_STANDARD_STREAMS] = {
        {&sockspec_call_stdin0, &sockspec_call_stdout0, &sockspec_call_stderr0},
        {&sockspec_call_stdin1, &sockspec_call_stdout1, &sockspec_call_stderr1}};
    return variables[slot][fd];
}

static ssize_t stream_read(void *cookie, char *data, size_t size)
{
    struct redirect_stream *stream = cookie;
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    stream->inside = true;
    int64_t got = REDIRECT_SYS(model_sys_recv, TRACE_CALL_READ, stream->fd, &message, 0);
    stream->inside = false;
    return got;
}

static ssize_t stream_write(void *cookie, const char *data, size_t size)
{
    struct redirect_stream *stream = cookie;
    size_t done = 0;
    if (redirect_task == NULL) {
        return (ssize_t)size; /* a constructor prints: there is no console yet */
    }
    stream->inside = true;
    while (done < size) {
        struct iovec part = {.iov_base = (void *)(uintptr_t)(data + done), .iov_len = size - done};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        int64_t put = REDIRECT_SYS(model_sys_send, TRACE_CALL_WRITE, stream->fd, &message, 0);
        if (put < 0) {
            break; /* as the C library does: what is left is lost and the error is marked */
        }
        done += (size_t)put;
    }
    stream->inside = false;
    return (ssize_t)done; /* 0 says error to a custom stream */
}

static int stream_seek(void *cookie, off64_t *offset, int whence)
{
    struct redirect_stream *stream = cookie;
    int real = redirect_real(stream->fd);
    off64_t at = real < 0 ? -1 : lseek64(real, *offset, whence);
    if (at < 0) {
        return -1;
    }
    *offset = at;
    return 0;
}

static int stream_close(void *cookie)
{
    struct redirect_stream *stream = cookie;
    int fd = stream->fd;
    stream->fd = -1;
    return fd < 0 || redirect_task == NULL ? 0 : (int)REDIRECT_SYS(model_sys_close, fd);
}

/* Programs are single tasks: no stream needs a lock, and one that the program left through would
 * keep it. */
static FILE *make(struct redirect_stream *stream, const char *mode)
{
    cookie_io_functions_t functions = {
        .read = stream_read, .write = stream_write, .seek = stream_seek, .close = stream_close};
    FILE *file = fopencookie(stream, mode, functions);
    if (file != NULL) {
        __fsetlocking(file, FSETLOCKING_BYCALLER);
    }
    return file;
}

static void make_standard(struct redirect_streams *streams, int fd)
{
    struct redirect_stream *stream = &streams->standard[fd];
    if (stream->file != NULL) {
        __fpurge(stream->file);
        stream->fd = -1;
        (void)fclose(stream->file);
    }
    *stream =
        (struct redirect_stream){.fd = fd, .file = make(stream, fd == STDIN_FILENO ? "r" : "w")};
    assert(stream->file != NULL);
    if (fd == STDERR_FILENO) {
        (void)setvbuf(stream->file, NULL, _IONBF, 0);
    }
    *standard_variable(streams->slot, fd) = stream->file;
}

struct redirect_stream *redirect_stream_find(struct redirect_streams *streams, const FILE *file)
{
    for (int fd = 0; fd < REDIRECT_STANDARD_STREAMS; fd++) {
        if (streams->standard[fd].file == file) {
            return &streams->standard[fd];
        }
    }
    struct redirect_stream *stream = streams->opened;
    while (stream != NULL && stream->file != file) {
        stream = stream->next;
    }
    return stream;
}

FILE *redirect_stream_open(struct redirect_streams *streams, struct redirect_heap *heap, int fd,
                           const char *mode)
{
    struct redirect_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return NULL;
    }
    stream->fd = fd;
    stream->file = make(stream, mode);
    if (stream->file == NULL) {
        free(stream);
        return NULL;
    }
    stream->next = streams->opened;
    streams->opened = stream;
    (void)redirect_heap_add(heap, (uintptr_t)stream, STREAM_SIZE);
    return stream->file;
}

int redirect_stream_close(struct redirect_streams *streams, struct redirect_heap *heap,
                          struct redirect_stream *stream)
{
    if (stream >= streams->standard && stream < streams->standard + REDIRECT_STANDARD_STREAMS) {
        /* The FILE stays for the next run: only what the program sees of it is closed. */
        int flushed = fflush(stream->file);
        stream->stale = true;
        return stream_close(stream) == 0 && flushed == 0 ? 0 : EOF;
    }
    struct redirect_stream **link = &streams->opened;
    while (*link != stream) {
        link = &(*link)->next;
    }
    *link = stream->next;
    (void)redirect_heap_remove(heap, (uintptr_t)stream);
    int result = fclose(stream->file);
    free(stream);
    return result;
}

int redirect_streams_flush(struct redirect_streams *streams)
{
    int result = 0;
    for (int fd = STDOUT_FILENO; fd < REDIRECT_STANDARD_STREAMS; fd++) {
        FILE *file = streams->standard[fd].file;
        result |= __fpending(file) > 0 ? fflush(file) : 0;
    }
    for (struct redirect_stream *stream = streams->opened; stream != NULL; stream = stream->next) {
        result |= __fwriting(stream->file) ? fflush(stream->file) : 0;
    }
    return result;
}

static void drop_opened(struct redirect_streams *streams, struct redirect_heap *heap)
{
    while (streams->opened != NULL) {
        struct redirect_stream *stream = streams->opened;
        streams->opened = stream->next;
        (void)redirect_heap_remove(heap, (uintptr_t)stream);
        __fpurge(stream->file);
        stream->fd = -1;
        (void)fclose(stream->file);
        free(stream);
    }
}

void redirect_streams_reset(struct redirect_streams *streams, struct redirect_heap *heap)
{
    drop_opened(streams, heap);
    for (int fd = 0; fd < REDIRECT_STANDARD_STREAMS; fd++) {
        struct redirect_stream *stream = &streams->standard[fd];
        if (stream->file == NULL || stream->stale || stream->inside) {
            make_standard(streams, fd);
            continue;
        }
        stream->fd = fd;
        __fpurge(stream->file);
        clearerr_unlocked(stream->file);
        *standard_variable(streams->slot, fd) = stream->file;
    }
}

void redirect_streams_done(struct redirect_streams *streams, struct redirect_heap *heap)
{
    drop_opened(streams, heap);
    for (int fd = 0; fd < REDIRECT_STANDARD_STREAMS; fd++) {
        struct redirect_stream *stream = &streams->standard[fd];
        if (stream->file != NULL) {
            __fpurge(stream->file);
            stream->fd = -1;
            (void)fclose(stream->file);
        }
        stream->file = NULL;
        *standard_variable(streams->slot, fd) = NULL;
    }
}
