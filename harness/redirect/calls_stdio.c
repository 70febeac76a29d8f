/* Redirected calls: streams that the program opens, and its standard ones where a call does not
 * name them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio_ext.h>

#include "redirect/calls.h"
#include "redirect/task.h"

/* open(2) flags of an fopen mode; -1 when it is none. */
static int mode_flags(const char *mode)
{
    int flags;
    switch (mode[0]) {
    case 'r':
        flags = O_RDONLY;
        break;
    case 'w':
        flags = O_WRONLY | O_CREAT | O_TRUNC;
        break;
    case 'a':
        flags = O_WRONLY | O_CREAT | O_APPEND;
        break;
    default:
        errno = EINVAL;
        return -1;
    }
    for (const char *at = mode + 1; *at != '\0' && *at != ','; at++) {
        flags = *at == '+' ? (flags & ~O_ACCMODE) | O_RDWR : flags;
        flags |= *at == 'e' ? O_CLOEXEC : 0;
        flags |= *at == 'x' ? O_EXCL : 0;
    }
    return flags;
}

static struct redirect_stream *find(const FILE *file)
{
    return redirect_task == NULL ? NULL : redirect_stream_find(&redirect_task->streams, file);
}

FILE *sockspec_call_fdopen(int fd, const char *mode)
{
    struct redirect_task *task = redirect_task;
    if (task == NULL || mode_flags(mode) < 0) {
        errno = EINVAL;
        return NULL;
    }
    if (model_kind(task->model, fd) < 0) {
        errno = EBADF;
        return NULL;
    }
    return redirect_stream_open(&task->streams, &task->heap, fd, mode);
}

FILE *sockspec_call_fopen(const char *path, const char *mode)
{
    int flags = mode_flags(mode);
    int fd = flags < 0 ? -1 : redirect_open(AT_FDCWD, path, flags, 0666);
    if (fd < 0) {
        return NULL;
    }
    FILE *file = sockspec_call_fdopen(fd, mode);
    if (file == NULL) {
        (void)sockspec_call_close(fd);
    }
    return file;
}

FILE *sockspec_call_tmpfile(void)
{
    char pattern[] = "/tmp/sockspec-XXXXXX";
    int fd = sockspec_call_mkstemp(pattern);
    if (fd < 0) {
        return NULL;
    }
    (void)unlink(pattern);
    FILE *file = sockspec_call_fdopen(fd, "w+");
    if (file == NULL) {
        (void)sockspec_call_close(fd);
    }
    return file;
}

/* The stream keeps its FILE and gets another descriptor. */
FILE *sockspec_call_freopen(const char *path, const char *mode, FILE *file)
{
    struct redirect_stream *stream = find(file);
    int flags = mode_flags(mode);
    if (stream == NULL || flags < 0) {
        errno = EBADF;
        return NULL;
    }
    if (path == NULL) {
        return file; /* a change of mode alone: ours take what comes */
    }
    (void)fflush(file);
    int old = stream->fd;
    if (old >= 0) {
        (void)sockspec_call_close(old);
    }
    stream->stale = true;
    stream->fd = redirect_open(AT_FDCWD, path, flags, 0666);
    if (stream->fd < 0) {
        return NULL;
    }
    clearerr(file);
    return file;
}

int sockspec_call_fclose(FILE *file)
{
    struct redirect_stream *stream = find(file);
    if (stream == NULL) {
        return fclose(file); /* in memory: fmemopen, open_memstream */
    }
    return redirect_stream_close(&redirect_task->streams, &redirect_task->heap, stream);
}

int sockspec_call_fcloseall(void)
{
    struct redirect_task *task = redirect_task;
    while (task != NULL && task->streams.opened != NULL) {
        (void)redirect_stream_close(&task->streams, &task->heap, task->streams.opened);
    }
    return task == NULL ? 0 : redirect_streams_flush(&task->streams);
}

/* Without a stream: the program's, never ours. */
int sockspec_call_fflush(FILE *file)
{
    if (file != NULL) {
        return fflush(file);
    }
    return redirect_task == NULL ? 0 : redirect_streams_flush(&redirect_task->streams);
}

int sockspec_call_fflush_unlocked(FILE *file)
{
    return sockspec_call_fflush(file);
}

int sockspec_call_fileno(FILE *file)
{
    struct redirect_stream *stream = find(file);
    if (stream == NULL || stream->fd < 0) {
        errno = EBADF;
        return -1;
    }
    return stream->fd;
}

int sockspec_call_fileno_unlocked(FILE *file)
{
    return sockspec_call_fileno(file);
}

int sockspec_call_setvbuf(FILE *file, char *buffer, int mode, size_t size)
{
    struct redirect_stream *stream = find(file);
    if (stream != NULL) {
        stream->stale = true;
    }
    return setvbuf(file, buffer, mode, size);
}

void sockspec_call_setbuffer(FILE *file, char *buffer, size_t size)
{
    (void)sockspec_call_setvbuf(file, buffer, buffer == NULL ? _IONBF : _IOFBF, size);
}

void sockspec_call_setbuf(FILE *file, char *buffer)
{
    sockspec_call_setbuffer(file, buffer, BUFSIZ);
}

void sockspec_call_setlinebuf(FILE *file)
{
    (void)sockspec_call_setvbuf(file, NULL, _IOLBF, 0);
}

FILE *sockspec_call_popen(const char *command, const char *mode)
{
    (void)command, (void)mode;
    (void)redirect_unsupported(TRACE_CALL_FORK, 0);
    return NULL;
}

int sockspec_call_pclose(FILE *file)
{
    (void)file;
    errno = ECHILD;
    return -1;
}

static FILE *input(void)
{
    return redirect_task == NULL ? NULL : redirect_task->streams.standard[STDIN_FILENO].file;
}

int sockspec_call_getchar(void)
{
    return input() == NULL ? EOF : fgetc(input());
}

int sockspec_call_getchar_unlocked(void)
{
    return sockspec_call_getchar();
}

int sockspec_call_vscanf(const char *format, va_list arguments)
{
    return input() == NULL ? EOF : vfscanf(input(), format, arguments);
}

int sockspec_call_scanf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = sockspec_call_vscanf(format, arguments);
    va_end(arguments);
    return result;
}

int sockspec_call___isoc99_vscanf(const char *format, va_list arguments)
{
    return sockspec_call_vscanf(format, arguments);
}

int sockspec_call___isoc99_scanf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = sockspec_call_vscanf(format, arguments);
    va_end(arguments);
    return result;
}
