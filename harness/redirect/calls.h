/* The replacements of the C library's functions for linked targets: sockspec_call_NAME for each
 * entry of symbols.def, with the type that the C library declares. They act for redirect_task. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_REDIRECT_CALLS_H
#define SOCKSPEC_REDIRECT_CALLS_H

#include <err.h>
#include <error.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <malloc.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <syslog.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define REDIRECT(name) __typeof__(name) sockspec_call_##name;
#define REDIRECT_HIDDEN(name)
#define REDIRECT_ALIAS(name, same)
#define REDIRECT_DATA(name)
#include "redirect/symbols.def"
#undef REDIRECT
#undef REDIRECT_HIDDEN
#undef REDIRECT_ALIAS
#undef REDIRECT_DATA

ssize_t sockspec_call___read_chk(int fd, void *data, size_t size, size_t room);
ssize_t sockspec_call___recv_chk(int fd, void *data, size_t size, size_t room, int flags);
ssize_t sockspec_call___recvfrom_chk(int fd, void *data, size_t size, size_t room, int flags,
                                     __SOCKADDR_ARG address, socklen_t *address_size);
ssize_t sockspec_call___pread_chk(int fd, void *data, size_t size, off_t offset, size_t room);
int sockspec_call___poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);
int sockspec_call___ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                              const sigset_t *mask, size_t room);
int sockspec_call___open_2(const char *path, int flags);
int sockspec_call___openat_2(int folder, const char *path, int flags);
int sockspec_call___fxstat(int version, int fd, struct stat *ret_stat);
int sockspec_call___printf_chk(int flag, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int sockspec_call___vprintf_chk(int flag, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
int sockspec_call___dprintf_chk(int fd, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int sockspec_call___vdprintf_chk(int fd, int flag, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
int sockspec_call___asprintf_chk(char **ret_text, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int sockspec_call___vasprintf_chk(char **ret_text, int flag, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
void sockspec_call___syslog_chk(int priority, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void sockspec_call___vsyslog_chk(int priority, int flag, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
int sockspec_call___isoc99_scanf(const char *format, ...) __attribute__((format(scanf, 1, 2)));
int sockspec_call___isoc99_vscanf(const char *format, va_list arguments)
    __attribute__((format(scanf, 1, 0)));
void sockspec_call___assert_fail(const char *expression, const char *file, unsigned line,
                                 const char *function) __attribute__((noreturn));
void sockspec_call___assert_perror_fail(int error, const char *file, unsigned line,
                                        const char *function) __attribute__((noreturn));
void sockspec_call___assert(const char *expression, const char *file, int line)
    __attribute__((noreturn));
int sockspec_call___posix_getopt(int argc, char *const argv[], const char *options);
int sockspec_call_siginterrupt(int number, int interrupt);
sighandler_t sockspec_call___sysv_signal(int number, sighandler_t handler);
void sockspec_call___pthread_register_cancel(__pthread_unwind_buf_t *buffer);
void sockspec_call___pthread_unregister_cancel(__pthread_unwind_buf_t *buffer);
void sockspec_call___pthread_unwind_next(__pthread_unwind_buf_t *buffer) __attribute__((noreturn));
void sockspec_call___longjmp_chk(struct __jmp_buf_tag environment[1], int value)
    __attribute__((noreturn));

/* crash.c */
void sockspec_call___asan_report_load1(uintptr_t at);
void sockspec_call___asan_report_load2(uintptr_t at);
void sockspec_call___asan_report_load4(uintptr_t at);
void sockspec_call___asan_report_load8(uintptr_t at);
void sockspec_call___asan_report_load16(uintptr_t at);
void sockspec_call___asan_report_load_n(uintptr_t at, size_t size);
void sockspec_call___asan_report_store1(uintptr_t at);
void sockspec_call___asan_report_store2(uintptr_t at);
void sockspec_call___asan_report_store4(uintptr_t at);
void sockspec_call___asan_report_store8(uintptr_t at);
void sockspec_call___asan_report_store16(uintptr_t at);
void sockspec_call___asan_report_store_n(uintptr_t at, size_t size);

#endif
