/* Destinations of text: streams, growing buffers and files that appear when complete. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/output.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status stream_write(void *context, const char *data, size_t size,
                                struct status_detail *detail)
{
    FILE *stream = context;
    errno = 0;
    if (fwrite(data, 1, size, stream) != size) {
        return status_fail(detail, STATUS_IO, "cannot write: %s", strerror(errno));
    }
    return STATUS_OK;
}

struct trace_output trace_output_stream(FILE *stream)
{
    assert(stream != NULL);
    return (struct trace_output){.write = stream_write, .context = stream};
}

/* Makes room for `more` bytes and the NUL. */
static bool text_reserve(struct trace_text *text, size_t more)
{
    if (text->failed != STATUS_OK) {
        return false;
    }
    if (more > TRACE_TEXT_MAX || text->size + more + 1 > TRACE_TEXT_MAX) {
        text->failed = STATUS_LIMIT;
        return false;
    }
    size_t needed = text->size + more + 1;
    if (needed <= text->capacity) {
        return true;
    }
    size_t capacity = text->capacity < 512 ? 512 : text->capacity;
    while (capacity < needed) {
        capacity *= 2;
    }
    char *data = realloc(text->data, capacity);
    if (data == NULL) {
        text->failed = STATUS_NO_MEMORY;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void trace_text_add(struct trace_text *text, const char *data, size_t size)
{
    if (text_reserve(text, size)) {
        if (size > 0) {
            memcpy(text->data + text->size, data, size);
        }
        text->size += size;
        text->data[text->size] = '\0';
    }
}

void trace_text_print(struct trace_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    if (size >= 0 && text_reserve(text, (size_t)size)) {
        (void)vsnprintf(text->data + text->size, (size_t)size + 1, format, again);
        text->size += (size_t)size;
    }
    va_end(again);
    va_end(args);
}

void trace_text_free(struct trace_text *text)
{
    if (text != NULL) {
        free(text->data);
        *text = (struct trace_text){0};
    }
}

static enum status text_write(void *context, const char *data, size_t size,
                              struct status_detail *detail)
{
    struct trace_text *text = context;
    trace_text_add(text, data, size);
    if (text->failed != STATUS_OK) {
        return status_fail(detail, text->failed, "the text has reached %zu bytes", text->size);
    }
    return STATUS_OK;
}

struct trace_output trace_output_text(struct trace_text *text)
{
    return (struct trace_output){.write = text_write, .context = text};
}

/* Only a plain file can be replaced by renaming; /dev/stdout, a pipe or a terminal is written in
 * place. */
static bool is_replaceable(const char *path)
{
    struct stat info;
    return stat(path, &info) != 0 || S_ISREG(info.st_mode);
}

enum { NAMES_TRIED = 100 }; /* beside a path, until one is free */

/* What linkat(2) takes for an open file without a name. */
static void name_of_descriptor(int fd, char name[32])
{
    (void)snprintf(name, 32, "/proc/self/fd/%d", fd);
}

/* A new file without a name in the folder of `path`: nothing is left of it, however this process
 * ends. -1 where there is no such thing. */
static int open_unnamed(const char *path)
{
    const char *slash = strrchr(path, '/');
    char name[32];
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    int fd = folder != NULL ? open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666) : -1;
    free(folder);
    name_of_descriptor(fd, name);
    if (fd >= 0 && access(name, F_OK) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* The same with a name, and the mode that a plain open would give it; -1 and errno else. */
static int open_named(const char *path, char **ret_temporary)
{
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        errno = ENOMEM;
        return -1;
    }
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        int error = errno;
        free(temporary);
        errno = error;
        return -1;
    }
    mode_t mask = umask(0);
    (void)umask(mask);
    (void)fchmod(fd, 0666 & ~mask);
    *ret_temporary = temporary;
    return fd;
}

/* A new file beside `path`; NULL and errno else. */
static FILE *open_beside(const char *path, char **ret_temporary)
{
    char *temporary = NULL;
    int fd = open_unnamed(path);
    fd = fd >= 0 ? fd : open_named(path, &temporary);
    FILE *stream = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (stream == NULL) {
        int error = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        if (temporary != NULL) {
            (void)unlink(temporary);
        }
        free(temporary);
        errno = error;
        return NULL;
    }
    *ret_temporary = temporary;
    return stream;
}

/* Gives a file without a name one beside its place. False and errno where that failed. */
static bool give_name(struct trace_save *file)
{
    char self[32];
    name_of_descriptor(fileno(file->stream), self);
    for (int i = 0; i < NAMES_TRIED; i++) {
        char *name = NULL;
        if (asprintf(&name, "%s.%d-%d", file->path, (int)getpid(), i) < 0) {
            errno = ENOMEM;
            return false;
        }
        if (linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0) {
            file->temporary = name;
            return true;
        }
        int error = errno;
        free(name);
        errno = error;
        if (error != EEXIST) {
            break;
        }
    }
    return false;
}

enum status trace_save_open(struct trace_save *file, const char *path, struct status_detail *detail)
{
    *file = (struct trace_save){0};
    char *copy = strdup(path);
    if (copy == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "%s: out of memory", path);
    }
    char *temporary = NULL;
    bool beside = is_replaceable(path);
    FILE *stream = beside ? open_beside(path, &temporary) : fopen(path, "we");
    if (stream == NULL) {
        int error = errno;
        free(copy);
        return status_fail(detail, STATUS_IO, "%s: cannot be written: %s", path, strerror(error));
    }
    *file = (struct trace_save){
        .stream = stream, .path = copy, .temporary = temporary, .beside = beside};
    return STATUS_OK;
}

enum status trace_save_commit(struct trace_save *file, struct status_detail *detail)
{
    assert(file->stream != NULL);
    errno = 0;
    bool written = fflush(file->stream) == 0 && ferror(file->stream) == 0;
    if (written && file->beside && file->temporary == NULL) {
        written = give_name(file);
    }
    int error = errno;
    bool closed = fclose(file->stream) == 0;
    file->stream = NULL;
    if (written && !closed) {
        error = errno;
    }
    if (written && closed && file->temporary != NULL && rename(file->temporary, file->path) != 0) {
        written = false;
        error = errno;
    }
    enum status status = STATUS_OK;
    if (!written || !closed) {
        status = status_fail(detail, STATUS_IO, "%s: cannot be written: %s", file->path,
                             error != 0 ? strerror(error) : "an earlier write failed");
    } else {
        free(file->temporary);
        file->temporary = NULL;
    }
    trace_save_abandon(file);
    return status;
}

void trace_save_abandon(struct trace_save *file)
{
    if (file->stream != NULL) {
        (void)fclose(file->stream);
    }
    if (file->temporary != NULL) {
        (void)unlink(file->temporary);
    }
    free(file->temporary);
    free(file->path);
    *file = (struct trace_save){0};
}
