/* Folders for the moment. A process of its own removes them, since one that is killed cannot. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    FOLDERS_OPEN = 8,     /* descriptors that walking through a folder takes at most */
    TRIES = 100,          /* to remove what somebody who is being killed still writes to */
    PAUSE_NS = 10000000,  /* between two of them */
    KEEPER_DESCRIPTOR = 3 /* its end of the pipe */
};

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
    (void)about;
    (void)kind;
    (void)walk;
    return remove(path);
}

void cli_scratch_remove(const char *path)
{
    (void)nftw(path, remove_entry, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Nothing of ours may stay open through it, and no signal to our group may end it. */
static void keeper_stand_apart(int pipe_end)
{
    sigset_t all;
    int null = open("/dev/null", O_RDWR);
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)setsid();
    (void)prctl(PR_SET_NAME, "sockspec-keeper");
    for (int number = 0; number < KEEPER_DESCRIPTOR; number++) {
        (void)dup2(null, number);
    }
    (void)dup2(pipe_end, KEEPER_DESCRIPTOR);
    (void)syscall(SYS_close_range, KEEPER_DESCRIPTOR + 1, ~0U, 0);
}

static __attribute__((noreturn)) void keeper_main(const char *path, int pipe_end)
{
    static const struct timespec pause = {.tv_nsec = PAUSE_NS};
    struct stat about;
    char byte = 0;
    keeper_stand_apart(pipe_end);
    while (read(KEEPER_DESCRIPTOR, &byte, 1) < 0 && errno == EINTR) {
    }
    for (int i = 0; i < TRIES; i++) {
        cli_scratch_remove(path);
        if (lstat(path, &about) != 0) {
            break;
        }
        (void)nanosleep(&pause, NULL);
    }
    _exit(0);
}

enum status cli_scratch_make(struct cli_scratch *scratch, struct status_detail *detail)
{
    const char *place = getenv("TMPDIR");
    char path[CLI_SCRATCH_MAX];
    int ends[2];
    *scratch = (struct cli_scratch){.held = -1};
    (void)snprintf(path, sizeof(path), "%.200s/sockspec-XXXXXX",
                   place != NULL && place[0] != '\0' ? place : "/tmp");
    if (mkdtemp(path) == NULL) {
        return status_fail(detail, STATUS_ENVIRONMENT, "%s: %s", path, strerror(errno));
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        enum status status = status_fail(detail, STATUS_ENVIRONMENT, "pipe: %s", strerror(errno));
        (void)rmdir(path);
        return status;
    }
    (void)fflush(NULL); /* or the child would hold what is buffered, too */
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[1]);
        keeper_main(path, ends[0]);
    }
    int error = errno;
    (void)close(ends[0]);
    if (child < 0) {
        (void)close(ends[1]);
        (void)rmdir(path);
        return status_fail(detail, STATUS_ENVIRONMENT, "fork: %s", strerror(error));
    }
    scratch->keeper = child;
    scratch->held = ends[1];
    memcpy(scratch->path, path, sizeof(path));
    return STATUS_OK;
}

void cli_scratch_done(struct cli_scratch *scratch)
{
    if (scratch->path[0] == '\0') {
        return;
    }
    (void)close(scratch->held);
    while (waitpid(scratch->keeper, NULL, 0) < 0 && errno == EINTR) {
    }
    *scratch = (struct cli_scratch){.held = -1};
}
