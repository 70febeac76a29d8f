/* Signals: dispositions as the program set them, what happens to one that is taken, and those that
 * the scenario or a fault sends. signal(7) */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fcntl.h>

#include "linux/tracer_internal.h"

enum { HOW_DEFAULT = 0, HOW_IGNORED = 1, HOW_MASK = 0xff, HOW_RESTART = 0x100 };

bool tracer_signal_fatal(int number)
{
    return number != SIGCHLD && number != SIGURG && number != SIGWINCH && number != SIGCONT &&
           number != SIGSTOP && number != SIGTSTP && number != SIGTTIN && number != SIGTTOU;
}

enum trace_disposition tracer_signal_disposition(const struct tracer_process *process, int number)
{
    unsigned how = process->handlers[number] & HOW_MASK;
    if (how > HOW_IGNORED) {
        return TRACE_SIGNAL_HANDLED;
    }
    return how == HOW_DEFAULT && tracer_signal_fatal(number) ? TRACE_SIGNAL_KILLED
                                                             : TRACE_SIGNAL_IGNORED;
}

static void trace_signal(struct linux_tracer *tracer, int number, enum trace_disposition how,
                         bool by_kernel)
{
    struct trace_event *event = tracer_event(tracer, TRACE_SIGNAL);
    event->what = (uint8_t)number;
    event->a = how;
    event->b = by_kernel;
}

void tracer_signal_taken(struct linux_tracer *tracer, struct tracer_thread *thread, int number)
{
    struct tracer_process *process = thread->process;
    if (number <= 0 || number >= TRACER_SIGNALS) {
        return;
    }
    siginfo_t info = {0};
    (void)ptrace(PTRACE_GETSIGINFO, thread->tid, NULL, &info);
    bool by_kernel = info.si_code > 0 || number == SIGPIPE || number == SIGALRM;
    enum trace_disposition how = tracer_signal_disposition(process, number);
    bool first = process == tracer->first;
    /* Children are told of when they end; their signals are their own matter but for those that
     * the kernel raises because of a socket or a timer. */
    bool matters =
        number == SIGPIPE || number == SIGALRM || (first && number < 32 && number != SIGCHLD);
    thread->interrupted = false;
    if (matters) {
        trace_signal(tracer, number, how, by_kernel);
    }
    if (first && number == tracer->stop_signal && how == TRACE_SIGNAL_HANDLED) {
        tracer->stop_handled = true;
    }
    if (number == SIGALRM && !process->alarm_repeats) {
        process->alarm_at_ns = 0;
    }
    tracer_progress(tracer);
    if (how == TRACE_SIGNAL_KILLED) {
        tracer_call_drop(tracer, &thread->call); /* nobody will see its answer */
        return;
    }
    tracer_call_settle(tracer, thread, how == TRACE_SIGNAL_HANDLED,
                       (process->handlers[number] & HOW_RESTART) != 0);
}

/* Signals that the thread holds back, from /proc: bit (1 << number - 1). */
static uint64_t blocked_by(const struct tracer_process *process, pid_t tid)
{
    char path[64];
    char text[4096];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int)process->pid, (int)tid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = file >= 0 ? read(file, text, sizeof text - 1) : 0;
    if (file >= 0) {
        (void)close(file);
    }
    text[size > 0 ? size : 0] = '\0';
    const char *line = strstr(text, "SigBlk:");
    return line != NULL ? strtoull(line + 7, NULL, 16) : 0;
}

/* Handled signals that a program goes on after, the harmless ones first: SIGHUP, SIGALRM, SIGUSR2
 * and SIGWINCH ask many a program to end or to start again, or tell it that its time is up. */
int tracer_signal_choose(const struct linux_tracer *tracer, const struct tracer_thread *thread,
                         bool restarts)
{
    static const int preferred[] = {SIGCHLD, SIGURG, SIGCONT, SIGIO, SIGUSR1};
    uint64_t blocked = blocked_by(thread->process, thread->tid);
    for (unsigned i = 0; i < sizeof preferred / sizeof preferred[0]; i++) {
        int number = preferred[i];
        unsigned how = thread->process->handlers[number];
        if (number != tracer->stop_signal && (how & HOW_MASK) > HOW_IGNORED &&
            (blocked >> (number - 1) & 1) == 0 && !(restarts && (how & HOW_RESTART) != 0)) {
            return number;
        }
    }
    return 0;
}

/* Signals that the thread waits for in sigwait or its like, which take them off their queue. */
static uint64_t waited_by(struct tracer_thread *thread)
{
    uint64_t args[TRACER_ARGUMENTS];
    uint64_t set = 0;
    long nr = -1;
    if (tracer_proc_call(thread, &nr, args) && nr == SYS_rt_sigtimedwait) {
        (void)tracer_peek(thread, args[0], &set, sizeof set);
    }
    return set;
}

/* Whether every thread of the process holds the signal back. */
static bool is_blocked(const struct linux_tracer *tracer, const struct tracer_process *process,
                       int number)
{
    for (struct tracer_thread *thread = tracer->threads; thread != NULL; thread = thread->hh.next) {
        uint64_t kept = thread->process == process
                            ? blocked_by(process, thread->tid) | waited_by(thread)
                            : UINT64_MAX;
        if ((kept >> (number - 1) & 1) == 0) {
            return false;
        }
    }
    return true;
}

/* As kill(2), whose signals Linux gives to the first thread unless it holds them back: sent to the
 * process, another thread would take it first where it is stopped by us at that instant. */
static int send_signal(struct linux_tracer *tracer, const struct tracer_process *process,
                       int number)
{
    const struct tracer_thread *leader = tracer_thread_find(tracer, process->pid);
    bool takes = leader != NULL && (blocked_by(process, process->pid) >> (number - 1) & 1) == 0;
    return takes ? (int)syscall(SYS_tgkill, process->pid, process->pid, number)
                 : kill(process->pid, number);
}

int linux_tracer_signal(struct linux_tracer *tracer, int number, bool even_if_fatal)
{
    const struct tracer_process *first = tracer->first;
    if (first == NULL) {
        return -ESRCH;
    }
    assert(number > 0 && number < TRACER_SIGNALS);
    if (tracer->refused) {
        tracer_plain_handlers(tracer->first);
    }
    bool blocked = number != SIGKILL && is_blocked(tracer, first, number);
    bool fatal = tracer_signal_disposition(first, number) == TRACE_SIGNAL_KILLED;
    if (fatal && !blocked && !even_if_fatal) {
        return -EPERM;
    }
    if (send_signal(tracer, first, number) != 0) {
        return -errno;
    }
    if (blocked) {
        trace_signal(tracer, number, TRACE_SIGNAL_BLOCKED, false);
    } else if (number == SIGKILL || tracer->refused) { /* nothing stops at it */
        trace_signal(tracer, number, tracer_signal_disposition(first, number), false);
    }
    tracer->signalled = !tracer->stopping;
    tracer_progress(tracer);
    return 0;
}
