/* Redirected calls: memory that the program owns, and functions of the C library that hand some
 * out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/calls.h"
#include "redirect/task.h"

static bool allowed(size_t size)
{
    if (redirect_task != NULL && !redirect_heap_allows(&redirect_task->heap, size)) {
        errno = ENOMEM;
        return false;
    }
    return true;
}

/* Remembers what was just allocated; passes NULL through. */
static void *keep(void *block, size_t size)
{
    if (block != NULL && redirect_task != NULL &&
        !redirect_heap_add(&redirect_task->heap, (uintptr_t)block, size)) {
        free(block);
        errno = ENOMEM;
        return NULL;
    }
    return block;
}

static void forget(void *block)
{
    if (block != NULL && redirect_task != NULL) {
        (void)redirect_heap_remove(&redirect_task->heap, (uintptr_t)block);
    }
}

void *sockspec_call_malloc(size_t size)
{
    return allowed(size) ? keep(malloc(size), size) : NULL;
}

void *sockspec_call_calloc(size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return allowed(total) ? keep(calloc(count, size), total) : NULL;
}

void *sockspec_call_realloc(void *block, size_t size)
{
    if (!allowed(size)) {
        return NULL;
    }
    size_t old_size = block == NULL ? 0 : malloc_usable_size(block);
    forget(block);
    void *moved = realloc(block, size);
    if (moved == NULL && size > 0) {
        (void)keep(block, old_size); /* it stands where it was */
        return NULL;
    }
    return keep(moved, size);
}

void *sockspec_call_reallocarray(void *block, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return sockspec_call_realloc(block, total);
}

void sockspec_call_free(void *block)
{
    forget(block);
    free(block);
}

void *sockspec_call_aligned_alloc(size_t alignment, size_t size)
{
    return allowed(size) ? keep(aligned_alloc(alignment, size), size) : NULL;
}

void *sockspec_call_memalign(size_t alignment, size_t size)
{
    return allowed(size) ? keep(memalign(alignment, size), size) : NULL;
}

int sockspec_call_posix_memalign(void **ret_block, size_t alignment, size_t size)
{
    void *block = NULL;
    int error = allowed(size) ? posix_memalign(&block, alignment, size) : ENOMEM;
    if (error != 0) {
        return error;
    }
    if (keep(block, size) == NULL) {
        return ENOMEM;
    }
    *ret_block = block;
    return 0;
}

void *sockspec_call_valloc(size_t size)
{
    return sockspec_call_memalign((size_t)sysconf(_SC_PAGESIZE), size);
}

void *sockspec_call_pvalloc(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return sockspec_call_memalign(page, (size + page - 1) & ~(page - 1));
}

char *sockspec_call_strndup(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    char *copy = sockspec_call_malloc(length + 1);
    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

char *sockspec_call_strdup(const char *text)
{
    return sockspec_call_strndup(text, strlen(text));
}

int sockspec_call_vasprintf(char **ret_text, const char *format, va_list arguments)
{
    int size = vasprintf(ret_text, format, arguments);
    if (size >= 0 && keep(*ret_text, (size_t)size + 1) == NULL) {
        return -1;
    }
    return size;
}

int sockspec_call_asprintf(char **ret_text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = sockspec_call_vasprintf(ret_text, format, arguments);
    va_end(arguments);
    return size;
}

int sockspec_call___vasprintf_chk(char **ret_text, int flag, const char *format, va_list arguments)
{
    (void)flag;
    return sockspec_call_vasprintf(ret_text, format, arguments);
}

int sockspec_call___asprintf_chk(char **ret_text, int flag, const char *format, ...)
{
    (void)flag;
    va_list arguments;
    va_start(arguments, format);
    int size = sockspec_call_vasprintf(ret_text, format, arguments);
    va_end(arguments);
    return size;
}

/* The C library may move the line while the program's read blocks, and a run may end there: the
 * block is nobody's meanwhile, so a run that ends inside loses it to the C library, never frees it
 * twice. */
ssize_t sockspec_call_getdelim(char **line, size_t *size, int delimiter, FILE *file)
{
    forget(*line);
    ssize_t result = getdelim(line, size, delimiter, file);
    (void)keep(*line, *size);
    return result;
}

ssize_t sockspec_call_getline(char **line, size_t *size, FILE *file)
{
    return sockspec_call_getdelim(line, size, '\n', file);
}

char *sockspec_call_getcwd(char *buffer, size_t size)
{
    char *path = getcwd(buffer, size);
    return buffer == NULL && path != NULL ? keep(path, strlen(path) + 1) : path;
}

char *sockspec_call_realpath(const char *path, char *buffer)
{
    char *result = realpath(path, buffer);
    return buffer == NULL && result != NULL ? keep(result, strlen(result) + 1) : result;
}
