/* Starting and ending processes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/job.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_STEP_MS = 20, KILL_AFTER_MS = 5000 };

int64_t job_now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- Commands ---- */

static char *add_text(struct job_command *command, const char *format, va_list arguments)
{
    size_t room = sizeof(command->text) - command->used;
    char *at = command->text + command->used;
    int length = vsnprintf(at, room, format, arguments);
    if (length < 0 || (size_t)length >= room) {
        command->overflow = true;
        return NULL;
    }
    command->used += (size_t)length + 1;
    return at;
}

void job_argument(struct job_command *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = add_text(command, format, arguments);
    va_end(arguments);
    if (text == NULL || command->argc == JOB_ARGUMENTS_MAX) {
        command->overflow = true;
        return;
    }
    command->argv[command->argc++] = text;
    command->argv[command->argc] = NULL;
}

void job_environment(struct job_command *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = add_text(command, format, arguments);
    va_end(arguments);
    if (text == NULL || command->environment_count == JOB_ENVIRONMENT_MAX) {
        command->overflow = true;
        return;
    }
    command->environment[command->environment_count++] = text;
}

/* Ours in front of what there is: getenv finds the first. Variables of ours that were set for
 * somebody else stay out. */
static char **make_environment(const struct job_command *command)
{
    static const char prefix[] = "SOCKSPEC_";
    size_t count = 0;
    while (environ != NULL && environ[count] != NULL) {
        count++;
    }
    char **all = calloc(count + (size_t)command->environment_count + 1, sizeof(*all));
    size_t used = 0;
    for (int i = 0; all != NULL && i < command->environment_count; i++) {
        all[used++] = command->environment[i];
    }
    for (size_t i = 0; all != NULL && i < count; i++) {
        if (strncmp(environ[i], prefix, sizeof(prefix) - 1) != 0) {
            all[used++] = environ[i];
        }
    }
    return all;
}

/* ---- Processes ---- */

/* A group of its own, no blocked or ignored signals, output to the log, no input. */
static int spawn(const struct job_command *command, int log, char **environment, pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int error = posix_spawn_file_actions_init(&files);
    if (error != 0) {
        return error;
    }
    error = posix_spawnattr_init(&attributes);
    if (error != 0) {
        (void)posix_spawn_file_actions_destroy(&files);
        return error;
    }
    (void)posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&files, log, STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&files, log, STDERR_FILENO);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    error =
        posix_spawnp(ret_pid, command->argv[0], &files, &attributes, command->argv, environment);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    return error;
}

enum status job_start(const struct job_command *command, const char *log, pid_t *ret_pid,
                      struct status_detail *detail)
{
    if (command->overflow) {
        return status_fail(detail, STATUS_LIMIT, "a command line is too long");
    }
    assert(command->argc > 0);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) {
        return status_fail(detail, STATUS_IO, "%s: %s", log, strerror(errno));
    }
    enum status status = STATUS_OK;
    char **environment = make_environment(command);
    if (environment == NULL) {
        status = status_fail(detail, STATUS_NO_MEMORY, "no memory for a process");
    } else {
        int error = spawn(command, fd, environment, ret_pid);
        if (error != 0) {
            status = status_fail(detail, STATUS_ENVIRONMENT, "%s: %s", command->argv[0],
                                 strerror(error));
        }
    }
    free(environment);
    (void)close(fd);
    return status;
}

bool job_ended(pid_t pid, int *ret_wait_status)
{
    int status = 0;
    pid_t got = 0;
    do {
        got = waitpid(pid, &status, WNOHANG);
    } while (got < 0 && errno == EINTR);
    if (got == 0) {
        return false;
    }
    *ret_wait_status = got == pid ? status : 0;
    return true;
}

static bool wait_until(pid_t pid, int64_t deadline_ms, int *ret_wait_status)
{
    while (!job_ended(pid, ret_wait_status)) {
        if (job_now_ms() >= deadline_ms) {
            return false;
        }
        (void)poll(NULL, 0, WAIT_STEP_MS);
    }
    return true;
}

int job_stop(pid_t pid, int64_t limit_ms)
{
    int status = 0;
    (void)kill(-pid, SIGTERM);
    if (!wait_until(pid, job_now_ms() + limit_ms, &status)) {
        (void)kill(-pid, SIGKILL);
        while (!wait_until(pid, job_now_ms() + KILL_AFTER_MS, &status)) {
            (void)kill(-pid, SIGKILL);
        }
    }
    return status;
}

int job_wait(pid_t pid, int64_t limit_ms)
{
    int status = 0;
    return wait_until(pid, job_now_ms() + limit_ms, &status) ? status
                                                             : job_stop(pid, KILL_AFTER_MS);
}
