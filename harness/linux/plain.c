/* A target that cannot be traced, as ptrace is refused here: whether it sleeps, what it does about
 * signals, and its end, from /proc alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/tracer_internal.h"

enum { DEPTH_MAX = 16 }; /* of descendants */

static size_t read_file(const char *path, char *text, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file >= 0 ? read(file, text, size - 1) : 0;
    if (file >= 0) {
        (void)close(file);
    }
    text[got > 0 ? got : 0] = '\0';
    return got > 0 ? (size_t)got : 0;
}

/* What is done with every thread of a family of processes; false ends the walk. */
typedef bool (*visitor)(pid_t pid, pid_t tid, void *argument);

static bool walk(pid_t pid, int depth, visitor visit, void *argument);

static bool walk_children(pid_t pid, pid_t tid, int depth, visitor visit, void *argument)
{
    char path[64];
    char text[4096];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)tid);
    size_t size = depth < DEPTH_MAX ? read_file(path, text, sizeof text) : 0;
    bool goes_on = true;
    char *at = text;
    for (char *end = text; size > 0 && goes_on; at = end) {
        long child = strtol(at, &end, 10);
        if (end == at) {
            break;
        }
        goes_on = walk((pid_t)child, depth + 1, visit, argument);
    }
    return goes_on;
}

static bool walk(pid_t pid, int depth, visitor visit, void *argument)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    bool goes_on = true;
    for (const struct dirent *entry = NULL;
         tasks != NULL && goes_on && (entry = readdir(tasks)) != NULL;) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid > 0) {
            goes_on = walk_children(pid, tid, depth, visit, argument) && visit(pid, tid, argument);
        }
    }
    if (tasks != NULL) {
        (void)closedir(tasks);
    }
    return goes_on;
}

/* Adds how often the thread ran to the sum; false when it does not sleep. */
static bool look_at(pid_t pid, pid_t tid, void *argument)
{
    char path[64];
    char text[512];
    unsigned long long runs = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)pid, (int)tid);
    if (read_file(path, text, sizeof text) > 0 && sscanf(text, "%*s %*s %llu", &runs) == 1) {
        *(uint64_t *)argument += runs + 1;
    }
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)tid);
    const char *name_end = read_file(path, text, sizeof text) > 0 ? strrchr(text, ')') : NULL;
    return name_end != NULL && name_end[1] == ' ' && (name_end[2] == 'S' || name_end[2] == 'Z');
}

bool tracer_plain_asleep(pid_t pid)
{
    uint64_t before = 0;
    uint64_t after = 0;
    return walk(pid, 0, look_at, &before) && walk(pid, 0, look_at, &after) && before == after &&
           before != 0;
}

static bool end_one(pid_t pid, pid_t tid, void *argument)
{
    (void)argument;
    if (tid == pid) {
        (void)kill(pid, SIGKILL);
    }
    return true;
}

void tracer_plain_kill(pid_t pid)
{
    if (pid > 0) {
        (void)walk(pid, 0, end_one, NULL);
        /* It was made the first of its own group: those whose parent is gone are still in it. */
        (void)kill(-pid, SIGKILL);
    }
}

/* ---- What outlives us ---- */

/* Waits for a byte, or for our end: then nobody else ends the target. */
static __attribute__((noreturn)) void guard_main(int channel, pid_t group)
{
    sigset_t all;
    char byte = 0;
    ssize_t got = -1;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)setsid();
    (void)dup2(channel, STDIN_FILENO);
    (void)syscall(SYS_close_range, STDIN_FILENO + 1, ~0U, 0);
    while (got < 0) {
        got = read(STDIN_FILENO, &byte, 1);
    }
    if (got == 0) {
        (void)kill(-group, SIGKILL);
    }
    _exit(0);
}

void tracer_plain_guard(struct linux_tracer *tracer)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[1]);
        guard_main(ends[0], tracer->first_pid);
    }
    (void)close(ends[0]);
    tracer->guard_pid = pid > 0 ? pid : 0;
    tracer->guard = ends[1];
    if (pid < 0) {
        (void)close(ends[1]);
    }
}

void tracer_plain_unguard(struct linux_tracer *tracer)
{
    if (tracer->guard_pid != 0) {
        (void)!write(tracer->guard, "", 1);
        (void)close(tracer->guard);
        while (waitpid(tracer->guard_pid, NULL, 0) < 0 && errno == EINTR) {
        }
        tracer->guard_pid = 0;
    }
}

/* ---- Signals ---- */

void tracer_plain_handlers(struct tracer_process *process)
{
    char path[64];
    char text[4096];
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)process->pid);
    if (read_file(path, text, sizeof text) == 0) {
        return;
    }
    const char *ignored_line = strstr(text, "SigIgn:");
    const char *caught_line = strstr(text, "SigCgt:");
    uint64_t ignored = ignored_line != NULL ? strtoull(ignored_line + 7, NULL, 16) : 0;
    uint64_t caught = caught_line != NULL ? strtoull(caught_line + 7, NULL, 16) : 0;
    for (int number = 1; number < TRACER_SIGNALS; number++) {
        process->handlers[number] = (caught >> (number - 1) & 1) != 0    ? 2
                                    : (ignored >> (number - 1) & 1) != 0 ? 1
                                                                         : 0;
    }
}
