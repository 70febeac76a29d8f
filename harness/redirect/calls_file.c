/* Redirected calls: files. They are real ones; their descriptors are numbers of the model's table.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/calls.h"
#include "redirect/task.h"

int redirect_real(int fd)
{
    return (int)REDIRECT_SYS(model_real, fd);
}

int redirect_adopt(int real, int flags)
{
    if (real < 0) {
        return -1;
    }
    /* Out of the way of the target's numbers; where the limit is too low for that, it stays where
     * it is. */
    int high = fcntl(real, F_DUPFD_CLOEXEC, REDIRECT_REAL_MIN);
    if (high >= 0) {
        (void)close(real);
        real = high;
    }
    int fd = (int)REDIRECT_SYS(model_sys_adopt, real, flags);
    if (fd < 0) {
        int saved = errno;
        (void)close(real);
        errno = saved;
    }
    return fd;
}

/* The same bytes in every run. */
static const char *deterministic(const char *path)
{
    return strcmp(path, "/dev/urandom") == 0 || strcmp(path, "/dev/random") == 0 ? "/dev/zero"
                                                                                 : path;
}

int redirect_open(int folder, const char *path, int flags, mode_t mode)
{
    if (redirect_task == NULL) {
        errno = ENOSYS;
        return -1;
    }
    if (path == NULL) {
        return redirect_fault();
    }
    int real_folder = folder == AT_FDCWD || path[0] == '/' ? AT_FDCWD : redirect_real(folder);
    if (real_folder == -1) {
        return -1;
    }
    int saved = errno;
    int fd =
        redirect_adopt(openat(real_folder, deterministic(path), flags | O_CLOEXEC, mode), flags);
    if (fd >= 0) {
        errno = saved;
    }
    return fd;
}

static mode_t mode_argument(int flags, va_list arguments)
{
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t)
                                                                      : 0;
}

int sockspec_call_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return redirect_open(AT_FDCWD, path, flags, mode);
}

int sockspec_call___open_2(const char *path, int flags)
{
    return redirect_open(AT_FDCWD, path, flags, 0);
}

int sockspec_call_openat(int folder, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return redirect_open(folder, path, flags, mode);
}

int sockspec_call___openat_2(int folder, const char *path, int flags)
{
    return redirect_open(folder, path, flags, 0);
}

int sockspec_call_creat(const char *path, mode_t mode)
{
    return redirect_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int sockspec_call_mkstemp(char *pattern)
{
    return redirect_adopt(mkostemp(pattern, O_CLOEXEC), O_RDWR);
}

/* What is no file has no place in it: sockets and pipes answer ESPIPE. */
static int seekable(int fd)
{
    int real = redirect_real(fd);
    if (real < 0 && errno == EINVAL) {
        errno = ESPIPE;
    }
    return real;
}

off_t sockspec_call_lseek(int fd, off_t offset, int whence)
{
    int real = seekable(fd);
    return real < 0 ? -1 : lseek(real, offset, whence);
}

int sockspec_call_fstat(int fd, struct stat *ret_stat)
{
    return (int)REDIRECT_SYS(model_sys_fstat, fd, ret_stat);
}

int sockspec_call___fxstat(int version, int fd, struct stat *ret_stat)
{
    (void)version;
    return sockspec_call_fstat(fd, ret_stat);
}

ssize_t sockspec_call_pread(int fd, void *data, size_t size, off_t offset)
{
    int real = seekable(fd);
    return real < 0 ? -1 : pread(real, data, size, offset);
}

ssize_t sockspec_call___pread_chk(int fd, void *data, size_t size, off_t offset, size_t room)
{
    if (size > room && redirect_task != NULL) {
        redirect_abort(redirect_task);
    }
    return sockspec_call_pread(fd, data, size, offset);
}

ssize_t sockspec_call_pwrite(int fd, const void *data, size_t size, off_t offset)
{
    int real = seekable(fd);
    return real < 0 ? -1 : pwrite(real, data, size, offset);
}

int sockspec_call_ftruncate(int fd, off_t size)
{
    int real = redirect_real(fd);
    return real < 0 ? -1 : ftruncate(real, size);
}

int sockspec_call_fsync(int fd)
{
    int real = redirect_real(fd);
    return real < 0 ? -1 : fsync(real);
}

int sockspec_call_fdatasync(int fd)
{
    int real = redirect_real(fd);
    return real < 0 ? -1 : fdatasync(real);
}

int sockspec_call_flock(int fd, int operation)
{
    int real = redirect_real(fd);
    return real < 0 ? -1 : flock(real, operation | LOCK_NB);
}

/* The console is a pipe to us. */
int sockspec_call_isatty(int fd)
{
    int real = redirect_real(fd);
    if (real >= 0) {
        return isatty(real);
    }
    errno = errno == EBADF ? EBADF : ENOTTY;
    return 0;
}

void *sockspec_call_mmap(void *address, size_t size, int protection, int flags, int fd,
                         off_t offset)
{
    if ((flags & MAP_ANONYMOUS) != 0) {
        return mmap(address, size, protection, flags, -1, offset);
    }
    int real = redirect_real(fd);
    if (real < 0) {
        errno = errno == EBADF ? EBADF : ENODEV;
        return MAP_FAILED;
    }
    return mmap(address, size, protection, flags, real, offset);
}

int sockspec_call_fchdir(int fd)
{
    int real = redirect_real(fd);
    if (real < 0) {
        return -1;
    }
    redirect_task->dirty |= REDIRECT_DIRTY_FOLDER;
    return fchdir(real);
}
