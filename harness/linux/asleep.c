/* Whether everything sleeps, by /proc: files of every thread are kept open, and read twice where
 * one thread could have woken another between two looks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/tracer_internal.h"

void tracer_proc_close(struct tracer_thread *thread)
{
    if (thread->syscall_fd >= 0) {
        (void)close(thread->syscall_fd);
    }
    if (thread->schedstat_fd >= 0) {
        (void)close(thread->schedstat_fd);
    }
    if (thread->wchan_fd >= 0) {
        (void)close(thread->wchan_fd);
    }
    if (thread->stat_fd >= 0) {
        (void)close(thread->stat_fd);
    }
    thread->syscall_fd = -1;
    thread->schedstat_fd = -1;
    thread->wchan_fd = -1;
    thread->stat_fd = -1;
}

static int proc_open(const struct tracer_thread *thread, const char *name)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/%s", (int)thread->process->pid,
                   (int)thread->tid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* The whole of a small file; its length, 0: it cannot be read. */
static size_t proc_read(const struct tracer_thread *thread, int *fd, const char *name, char *text,
                        size_t size)
{
    if (*fd < 0) {
        *fd = proc_open(thread, name);
    }
    ssize_t got = *fd >= 0 ? pread(*fd, text, size - 1, 0) : 0;
    text[got > 0 ? got : 0] = '\0';
    return got > 0 ? (size_t)got : 0;
}

/* A number of /proc/TID/schedstat: how long it ran (ns), how long it waited to, how often it ran.
 */
static uint64_t schedstat(struct tracer_thread *thread, unsigned nth)
{
    char text[96];
    char *end = text;
    if (proc_read(thread, &thread->schedstat_fd, "schedstat", text, sizeof text) == 0) {
        return 0;
    }
    for (unsigned i = 0; i < nth; i++) {
        (void)strtoull(end, &end, 10);
    }
    return strtoull(end, &end, 10);
}

uint64_t tracer_run_count(struct tracer_thread *thread)
{
    return schedstat(thread, 2);
}

uint64_t tracer_run_ns(struct tracer_thread *thread)
{
    return schedstat(thread, 0);
}

/* 'S' and its like, 'X' of one that is about to be gone; '?' unknown. */
static char state_of(struct tracer_thread *thread)
{
    enum { EXITING = 0x4 }; /* PF_EXITING of Linux's include/linux/sched.h */
    char text[256];
    char state = '?';
    unsigned long flags = 0;
    size_t size = proc_read(thread, &thread->stat_fd, "stat", text, sizeof text);
    const char *name_end = size > 0 ? strrchr(text, ')') : NULL;
    if (name_end == NULL ||
        sscanf(name_end + 1, " %c %*d %*d %*d %*d %*d %lu", &state, &flags) != 2) {
        return '?';
    }
    return state != 'Z' && (flags & EXITING) != 0 ? 'X' : state;
}

bool tracer_proc_call(struct tracer_thread *thread, long *ret_nr,
                      uint64_t ret_args[TRACER_ARGUMENTS])
{
    char text[256];
    char *end = text;
    size_t size = proc_read(thread, &thread->syscall_fd, "syscall", text, sizeof text);
    if (size == 0 || text[0] == 'r') {
        return false;
    }
    *ret_nr = strtol(text, &end, 10);
    for (int i = 0; i < TRACER_ARGUMENTS; i++) {
        ret_args[i] = strtoull(end, &end, 16);
    }
    return true;
}

/* Calls in which a thread that does not run can only sleep, and not wait for a disk. */
static bool is_sleeping_call(const struct tracer_thread *thread, long nr)
{
    switch (nr) {
    case SYS_poll:
    case SYS_ppoll:
    case SYS_select:
    case SYS_pselect6:
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
    case SYS_accept:
    case SYS_accept4:
    case SYS_connect:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_recvmmsg:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_sendmmsg:
    case SYS_futex:
    case SYS_nanosleep:
    case SYS_clock_nanosleep:
    case SYS_pause:
    case SYS_wait4:
    case SYS_waitid:
    case SYS_rt_sigsuspend:
    case SYS_rt_sigtimedwait:
    case SYS_restart_syscall:
        return true;
    case SYS_read:
    case SYS_write:
    case SYS_readv:
    case SYS_writev:
    case SYS_preadv2:
    case SYS_pwritev2:
        return thread->call.file != NULL && thread->call.file->watched;
    default:
        return false;
    }
}

/* Whether the kernel says where the thread waits. Its file `syscall` takes a thread that is being
 * woken for one that sleeps; this one does not, and it tells a stop from a sleep. */
static bool is_waiting(struct tracer_thread *thread)
{
    char text[64];
    size_t size = proc_read(thread, &thread->wchan_fd, "wchan", text, sizeof text);
    if (size == 0) {
        return state_of(thread) == 'S'; /* a kernel without symbols */
    }
    return text[0] != '0' && strncmp(text, "ptrace", 6) != 0;
}

/* Where Linux waits for a disk: by name, as the look at a state letter takes as long as all else.
 */
static bool is_disk_wait(const char *where)
{
    static const char *const begins[] = {"folio_wait", "wait_on_page", "__wait_on_buffer",
                                         "io_schedule", "filemap_"};
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        if (strncmp(where, begins[i], strlen(begins[i])) == 0) {
            return true;
        }
    }
    return false;
}

bool tracer_runs(struct tracer_thread *thread)
{
    char text[64];
    size_t size = proc_read(thread, &thread->wchan_fd, "wchan", text, sizeof text);
    if (size > 0 && text[0] != '0') {
        return is_disk_wait(text);
    }
    char state = state_of(thread);
    return state == 'R' || state == 'X';
}

/* The first look. Of a first thread that ended before the others nothing can come. */
static bool sleeps(struct tracer_thread *thread)
{
    long nr = -1;
    uint64_t args[TRACER_ARGUMENTS];
    thread->gone = false;
    if (thread->listening) {
        return false;
    }
    if (!tracer_proc_call(thread, &nr, args)) {
        return false;
    }
    if (nr >= 0 && is_sleeping_call(thread, nr)) {
        return is_waiting(thread);
    }
    char state = state_of(thread);
    thread->gone = state == 'Z' && thread->process->threads > 1;
    return state == 'S' || thread->gone;
}

bool tracer_stop_waits(void)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL | __WNOTHREAD) ==
               0 &&
           info.si_pid != 0;
}

bool tracer_all_sleep(struct linux_tracer *tracer)
{
    struct tracer_thread *thread = NULL;
    bool alone = HASH_COUNT(tracer->threads) == 1;
    if (!alone && tracer_stop_waits()) {
        return false;
    }
    for (thread = tracer->threads; thread != NULL; thread = thread->hh.next) {
        thread->run_count = alone ? 0 : tracer_run_count(thread);
        if (!sleeps(thread)) {
            return false;
        }
    }
    if (tracer_stop_waits()) {
        return false;
    }
    /* Whoever waits for a disk is about to go on, and who was killed in a call still stands in it,
     * and waits for what its end takes. */
    for (thread = tracer->threads; thread != NULL; thread = thread->hh.next) {
        if (!thread->gone && state_of(thread) != 'S') {
            return false;
        }
    }
    /* A lone thread has nobody who could have woken it since. */
    for (thread = tracer->threads; thread != NULL && !alone; thread = thread->hh.next) {
        if (!thread->gone &&
            (!is_waiting(thread) || tracer_run_count(thread) != thread->run_count)) {
            return false;
        }
    }
    return true;
}

bool linux_tracer_asleep(struct linux_tracer *tracer)
{
    bool interrupted = false;
    if (tracer->refused && tracer->first != NULL) {
        return tracer_plain_asleep(tracer->first_pid);
    }
    if (tracer->first == NULL || tracer->started || !tracer_all_sleep(tracer)) {
        return false;
    }
    for (struct tracer_thread *thread = tracer->threads; thread != NULL; thread = thread->hh.next) {
        interrupted |= tracer_fault_asleep(tracer, thread);
    }
    if (!interrupted) {
        tracer_progress(tracer);
    }
    return !interrupted;
}

void linux_tracer_rests(struct linux_tracer *tracer)
{
    for (struct tracer_thread *thread = tracer->threads; thread != NULL; thread = thread->hh.next) {
        tracer_call_block(tracer, thread);
    }
}
