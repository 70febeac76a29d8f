/* Processes and threads: how the first one is started, and the tables of those that live. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/tracer_internal.h"

#define OPTIONS                                                                                    \
    (PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC |         \
     PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)

enum { TARGET_FILES = 2048 }; /* RLIMIT_NOFILE of a target, unless ours is lower */

/* ---- The child, before its exec ---- */

/* What the child says when it could not begin. */
struct report {
    char step[32];
    int error;
};

static void __attribute__((noreturn)) give_up(int channel, const char *step)
{
    struct report report = {.error = errno};
    strncpy(report.step, step, sizeof report.step - 1);
    (void)!write(channel, &report, sizeof report);
    _exit(127);
}

static void signals_reset(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int number = 1; number < TRACER_SIGNALS; number++) {
        (void)sigaction(number, &action, NULL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Some programs close every number that the limit allows, one by one, and each is a call that we
 * follow: the same limit everywhere, and no more than what serves to get past FD_SETSIZE. */
static void descriptors_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > TARGET_FILES) {
        limit.rlim_cur = TARGET_FILES;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* 0, 1 and 2; everything else closes at exec. */
static bool descriptors_set(const struct linux_tracer_start *start)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    /* Above what they become, so that none overwrites another. */
    int input = fcntl(start->input >= 0 ? start->input : null, F_DUPFD_CLOEXEC, 3);
    int output = fcntl(start->output >= 0 ? start->output : null, F_DUPFD_CLOEXEC, 3);
    return null >= 0 && dup2(input, 0) == 0 && dup2(output, 1) == 1 && dup2(output, 2) == 2 &&
           syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */) == 0;
}

static void filter_set(const struct linux_tracer *tracer, int channel)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        give_up(channel, "no_new_privs");
    }
    int error = tracer_filter_load(tracer->filter);
    if (error != 0) {
        errno = -error;
        give_up(channel, "seccomp");
    }
}

static void __attribute__((noreturn))
child(const struct linux_tracer *tracer, const struct linux_tracer_start *start, int channel,
      pid_t parent)
{
    char go = 0;
    struct sched_param background = {0};
    signals_reset();
    (void)setsid();
    /* What a segment wakes does not run before we sleep: see
     * linux_tracer_share_processor. */
    (void)sched_setscheduler(0, SCHED_BATCH, &background);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        give_up(channel, "prctl");
    }
    if (start->namespace_fd >= 0 && setns(start->namespace_fd, CLONE_NEWNET) != 0) {
        give_up(channel, "setns");
    }
    if (start->folder != NULL && chdir(start->folder) != 0) {
        give_up(channel, "chdir");
    }
    if (!descriptors_set(start)) {
        give_up(channel, "dup2");
    }
    if (read(channel, &go, 1) != 1) {
        _exit(127);
    }
    if (!tracer->refused) {
        filter_set(tracer, channel);
    }
    descriptors_limit();
    for (char *const *entry = start->envp; entry != NULL && *entry != NULL; entry++) {
        (void)putenv(*entry);
    }
    (void)execvp(start->argv[0], start->argv);
    give_up(channel, "exec");
}

/* ---- The parent ---- */

/* A thread that ThreadSanitizer makes in the child belongs to ours, not to the program: left
 * attached and unwaited for it would keep the child from ending. */
static void let_thread_go(pid_t pid)
{
    unsigned long tid = 0;
    if (ptrace(PTRACE_GETEVENTMSG, pid, NULL, &tid) == 0 &&
        waitpid((pid_t)tid, NULL, __WALL) == (pid_t)tid) {
        (void)ptrace(PTRACE_DETACH, (pid_t)tid, NULL, 0);
    }
}

/* The child's stops until its exec; what it calls before that is ours. */
static bool wait_for_exec(pid_t pid)
{
    for (;;) {
        int status = 0;
        pid_t got = waitpid(pid, &status, __WALL);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 || !WIFSTOPPED(status)) {
            return false;
        }
        if (status >> 16 == PTRACE_EVENT_EXEC) {
            return true;
        }
        if (status >> 16 == PTRACE_EVENT_CLONE) {
            let_thread_go(pid);
        }
        bool own = status >> 16 != 0 || WSTOPSIG(status) == SIGTRAP;
        (void)ptrace(PTRACE_CONT, pid, NULL, own ? 0 : (long)WSTOPSIG(status));
    }
}

static enum status failure(const struct linux_tracer_start *start, const struct report *report,
                           struct status_detail *detail)
{
    if (strcmp(report->step, "exec") == 0) {
        return status_fail(detail, STATUS_NOT_FOUND, "%s: %s", start->argv[0],
                           strerror(report->error));
    }
    if (strcmp(report->step, "chdir") == 0) {
        return status_fail(detail, STATUS_NOT_FOUND, "%s: %s", start->folder,
                           strerror(report->error));
    }
    return status_fail(detail, STATUS_ENVIRONMENT, "%s could not be started: %s: %s",
                       start->argv[0], report->step[0] != '\0' ? report->step : "it ended",
                       strerror(report->error));
}

static enum status seize(const struct linux_tracer_start *start, pid_t pid, int channel,
                         struct status_detail *detail)
{
    struct report report = {.error = 0};
    if (ptrace(PTRACE_SEIZE, pid, NULL, OPTIONS) != 0) {
        enum status status = status_fail(detail, STATUS_ENVIRONMENT, "ptrace: %s", strerror(errno));
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, __WALL);
        return status;
    }
    (void)!write(channel, "", 1);
    if (wait_for_exec(pid)) {
        return STATUS_OK;
    }
    (void)!read(channel, &report, sizeof report);
    return failure(start, &report, detail);
}

/* Without ptrace: the exec closes the channel, and a failure is told through it. */
static enum status release(const struct linux_tracer_start *start, pid_t pid, int channel,
                           struct status_detail *detail)
{
    struct report report = {.error = 0};
    (void)!write(channel, "", 1);
    if (read(channel, &report, sizeof report) <= 0) {
        return STATUS_OK;
    }
    (void)waitpid(pid, NULL, 0);
    return failure(start, &report, detail);
}

enum status tracer_spawn(struct linux_tracer *tracer, const struct linux_tracer_start *start,
                         pid_t *ret_pid, struct status_detail *detail)
{
    int channel[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0) {
        return status_fail(detail, STATUS_ENVIRONMENT, "socketpair: %s", strerror(errno));
    }
    pid_t self = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(channel[0]);
        child(tracer, start, channel[1], self);
    }
    (void)close(channel[1]);
    enum status status = STATUS_ENVIRONMENT;
    if (pid < 0) {
        status = status_fail(detail, STATUS_ENVIRONMENT, "fork: %s", strerror(errno));
    } else {
        status = tracer->refused ? release(start, pid, channel[0], detail)
                                 : seize(start, pid, channel[0], detail);
    }
    (void)close(channel[0]);
    if (status == STATUS_OK) {
        *ret_pid = pid;
    }
    return status;
}

enum status tracer_probe(struct status_detail *detail)
{
    int status = 0;
    pid_t pid = fork();
    if (pid < 0) {
        return status_fail(detail, STATUS_ENVIRONMENT, "fork: %s", strerror(errno));
    }
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            (void)pause();
        }
    }
    int error = ptrace(PTRACE_SEIZE, pid, NULL, 0) != 0 ? errno : 0;
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
        (void)ptrace(PTRACE_CONT, pid, NULL, 0);
    }
    return error == 0
               ? STATUS_OK
               : status_fail(detail, STATUS_ENVIRONMENT, "ptrace is refused: %s", strerror(error));
}

void linux_tracer_share_processor(void)
{
    cpu_set_t allowed;
    cpu_set_t one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return;
    }
    int skip = (int)getpid() % CPU_COUNT(&allowed); /* worlds side by side take different ones */
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed) && skip-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            (void)sched_setaffinity(0, sizeof one, &one);
            return;
        }
    }
}

/* ---- The tables ---- */

/* The first process's number is no other's, also when it has left a daemon behind. */
static int number_take(struct linux_tracer *tracer)
{
    for (int number = 0; number < LINUX_PROCESSES_MAX - 1; number++) {
        if ((tracer->numbers_used >> number & 1U) == 0) {
            tracer->numbers_used |= 1U << number;
            return number;
        }
    }
    return LINUX_PROCESSES_MAX - 1;
}

struct tracer_process *tracer_process_add(struct linux_tracer *tracer, pid_t pid,
                                          struct tracer_process *parent)
{
    struct tracer_process *process = calloc(1, sizeof *process);
    if (process == NULL) {
        return NULL;
    }
    process->pid = pid;
    process->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    process->number = number_take(tracer);
    process->next = tracer->processes;
    tracer->processes = process;
    if (parent != NULL) {
        memcpy(process->handlers, parent->handlers, sizeof process->handlers);
        tracer_files_copy(tracer, parent, process);
    }
    return process;
}

void tracer_process_remove(struct linux_tracer *tracer, struct tracer_process *process)
{
    struct tracer_process **link = &tracer->processes;
    while (*link != process) {
        link = &(*link)->next;
    }
    *link = process->next;
    tracer_files_close_all(tracer, process, false);
    if (process->number > 0 && process->number < LINUX_PROCESSES_MAX - 1) {
        tracer->numbers_used &= ~(1U << process->number);
    }
    if (tracer->first == process) {
        tracer->first = NULL;
    }
    if (process->pidfd >= 0) {
        (void)close(process->pidfd);
    }
    free(process->slots);
    free(process);
}

struct tracer_thread *tracer_thread_find(struct linux_tracer *tracer, pid_t tid)
{
    struct tracer_thread *thread = NULL;
    HASH_FIND(hh, tracer->threads, &tid, sizeof tid, thread);
    return thread;
}

struct tracer_thread *tracer_thread_add(struct linux_tracer *tracer, pid_t tid,
                                        struct tracer_process *process)
{
    struct tracer_thread *thread = calloc(1, sizeof *thread);
    if (thread == NULL) {
        return NULL;
    }
    thread->tid = tid;
    thread->process = process;
    thread->call.fd = -1;
    thread->call.saved_argument = -1;
    thread->syscall_fd = -1;
    thread->schedstat_fd = -1;
    thread->wchan_fd = -1;
    thread->stat_fd = -1;
    process->threads++;
    HASH_ADD(hh, tracer->threads, tid, sizeof tid, thread);
    return thread;
}

void tracer_thread_remove(struct linux_tracer *tracer, struct tracer_thread *thread)
{
    HASH_DEL(tracer->threads, thread);
    tracer_call_drop(tracer, &thread->call);
    tracer_proc_close(thread);
    thread->process->threads--;
    free(thread);
}
