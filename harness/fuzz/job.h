/* Inside fuzz/: processes that a campaign starts. Each leads a process group of its own, and only
 * groups that were started here are ever signalled. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_FUZZ_JOB_H
#define SOCKSPEC_FUZZ_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"

enum { JOB_ARGUMENTS_MAX = 48, JOB_ENVIRONMENT_MAX = 32, JOB_TEXT_MAX = 32768 };

/* A command line and what is added to the environment, in storage of its own. */
struct job_command {
    char *argv[JOB_ARGUMENTS_MAX + 1];
    int argc;
    char *environment[JOB_ENVIRONMENT_MAX]; /* NAME=value */
    int environment_count;
    char text[JOB_TEXT_MAX];
    size_t used;
    bool overflow; /* something did not fit: it must not be started */
};

void job_argument(struct job_command *command, const char *format, ...) STATUS_PRINTF(2, 3);
void job_environment(struct job_command *command, const char *format, ...) STATUS_PRINTF(2, 3);

/* Starts the command; its output is appended to the file `log`. Errors: STATUS_IO (the log),
 * STATUS_ENVIRONMENT, STATUS_LIMIT. */
enum status job_start(const struct job_command *command, const char *log, pid_t *ret_pid,
                      struct status_detail *detail) STATUS_MUST_USE;
/* Whether it ended; then its wait status. */
bool job_ended(pid_t pid, int *ret_wait_status);
/* Asks the whole group to end, waits up to `limit_ms`, then kills it. Returns the wait status. */
int job_stop(pid_t pid, int64_t limit_ms);
/* Waits up to `limit_ms` for the end, then stops it. */
int job_wait(pid_t pid, int64_t limit_ms);

/* Of the monotonic clock. */
int64_t job_now_ms(void);

#endif
