/* The loop over stops: which thread stopped for what, and how it goes on. ptrace(2) */
/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/tracer.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/tracer_internal.h"

struct trace_event *tracer_event(struct linux_tracer *tracer, enum trace_kind kind)
{
    return trace_add(tracer->trace, kind, TRACE_HOST_TARGET);
}

void tracer_progress(struct linux_tracer *tracer)
{
    tracer->calls = 0;
    tracer->repeats = 0;
    tracer->answer_count = 0;
    tracer->cpu_base_stale = true;
}

/* The program did something: while it starts, a nap behind that is another one. */
void tracer_progress_made(struct linux_tracer *tracer)
{
    tracer->naps = tracer->starting ? 0 : tracer->naps;
    tracer_progress(tracer);
}

void linux_tracer_moved(struct linux_tracer *tracer)
{
    tracer->naps = 0;
    tracer_progress(tracer);
}

/* ---- Life ---- */

static void refuse(struct linux_tracer *tracer, const struct status_detail *why)
{
    tracer->refused = true;
    (void)snprintf(tracer->reason, sizeof tracer->reason, "%s", why->text);
}

enum status linux_tracer_new(const struct linux_tracer_hooks *hooks,
                             struct linux_tracer **ret_tracer, struct status_detail *detail)
{
    struct status_detail why = {.text = ""};
    sigset_t set;
    struct linux_tracer *tracer = calloc(1, sizeof *tracer);
    if (tracer == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "the tracer");
    }
    tracer->signal_fd = -1;
    tracer->files_wanted = -1;
    tracer->hooks = *hooks;
    tracer->iovecs = calloc((size_t)TRACER_IOVECS_MAX * 2, sizeof *tracer->iovecs);
    if (tracer->iovecs == NULL) {
        linux_tracer_free(tracer);
        return status_fail(detail, STATUS_NO_MEMORY, "the tracer");
    }
    enum status status = tracer_filter_new(&tracer->filter, detail);
    if (status != STATUS_OK) {
        linux_tracer_free(tracer);
        return status;
    }
    if (tracer_probe(&why) != STATUS_OK) {
        refuse(tracer, &why);
    }
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
        (tracer->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
        status = status_fail(detail, STATUS_ENVIRONMENT, "signalfd: %s", strerror(errno));
        linux_tracer_free(tracer);
        return status;
    }
    *ret_tracer = tracer;
    return STATUS_OK;
}

void linux_tracer_free(struct linux_tracer *tracer)
{
    if (tracer == NULL) {
        return;
    }
    linux_tracer_end(tracer, TRACE_EXIT_JUMPED);
    tracer_filter_free(tracer->filter);
    if (tracer->signal_fd >= 0) {
        (void)close(tracer->signal_fd);
    }
    free(tracer->iovecs);
    free(tracer);
}

uint32_t linux_tracer_observers(const struct linux_tracer *tracer, const char **ret_reason)
{
    *ret_reason = tracer->reason;
    return tracer->refused
               ? TRACE_SEES_EXIT | TRACE_SEES_CPU
               : TRACE_SEES_CALLS | TRACE_SEES_DESCRIPTORS | TRACE_SEES_EXIT | TRACE_SEES_CPU |
                     TRACE_SEES_PROCESSES | TRACE_SEES_THREADS | TRACE_SEES_HEAP;
}

unsigned linux_tracer_asked(const struct linux_tracer *tracer)
{
    return tracer->asked;
}

/* Everything about the program that was, for one that begins. */
static void begin(struct linux_tracer *tracer, const struct linux_tracer_start *start,
                  struct trace *trace)
{
    tracer->trace = trace;
    tracer->stop_signal = start->stop_signal;
    tracer->calls_max = start->calls_max != 0 ? start->calls_max : TRACER_SPIN_CALLS;
    tracer->cpu_max_us = start->cpu_max_us != 0 ? start->cpu_max_us : TRACER_CPU_MAX_US;
    tracer->started = true;
    tracer->starting = start->server;
    tracer->numbers_used = 0;
    tracer->stopping = false;
    tracer->stop_handled = false;
    tracer->exited = false;
    tracer->ending = false;
    tracer->spins = false;
    tracer->full = false;
    tracer->wakeups = 0;
    tracer->naps = 0;
    tracer->signalled = false;
    tracer->forks = 0;
    tracer->ended_count = 0;
    tracer->cpu_gone_us = 0;
    tracer->files_soft = 0;
    tracer->files_wanted_now = tracer->files_wanted;
    tracer_progress(tracer);
}

enum status linux_tracer_start(struct linux_tracer *tracer, const struct linux_tracer_start *start,
                               struct trace *trace, struct status_detail *detail)
{
    pid_t pid = 0;
    assert(tracer->threads == NULL && tracer->processes == NULL);
    enum status status = tracer_spawn(tracer, start, &pid, detail);
    if (status != STATUS_OK) {
        return status;
    }
    begin(tracer, start, trace);
    tracer->first_pid = pid;
    tracer->first = tracer_process_add(tracer, pid, NULL);
    if (tracer->first == NULL || tracer_thread_add(tracer, pid, tracer->first) == NULL) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, __WALL);
        linux_tracer_end(tracer, TRACE_EXIT_JUMPED);
        return status_fail(detail, STATUS_NO_MEMORY, "the tracer");
    }
    if (tracer->refused) {
        tracer->started = false;
        tracer_plain_guard(tracer);
    } else {
        tracer_files_start(tracer, tracer->first);
    }
    return STATUS_OK;
}

int linux_tracer_descriptor(const struct linux_tracer *tracer)
{
    return tracer->signal_fd;
}

/* ---- Ends ---- */

static void trace_exit(struct linux_tracer *tracer, enum trace_exit how, int result,
                       int descriptors)
{
    struct trace_event *event = tracer_event(tracer, TRACE_EXIT);
    event->what = (uint8_t)how;
    event->result = result;
    event->a = descriptors;
    tracer->exited = true;
}

/* How the first process ended, by its wait status. */
static void first_ended(struct linux_tracer *tracer, int status, int descriptors)
{
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (tracer->exited) {
        return;
    }
    if (tracer->ending && number == SIGKILL) {
        trace_exit(tracer, tracer->end_how, 0, descriptors);
    } else if (number == SIGABRT) {
        trace_exit(tracer, TRACE_EXIT_ABORTED, number, descriptors);
    } else if (number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE ||
               number == SIGTRAP) {
        trace_exit(tracer, TRACE_EXIT_CRASHED, number, descriptors);
    } else if (number != 0) {
        trace_exit(tracer, TRACE_EXIT_SIGNALLED, number, descriptors);
    } else {
        trace_exit(tracer,
                   tracer->stopping || tracer->stop_handled ? TRACE_EXIT_STOPPED_BY_HANDLER
                                                            : TRACE_EXIT_RETURNED,
                   WEXITSTATUS(status), descriptors);
    }
}

static struct trace_event *trace_process(struct linux_tracer *tracer, enum trace_process what,
                                         int number, int nth)
{
    struct trace_event *event = tracer_event(tracer, TRACE_PROCESS);
    event->what = (uint8_t)what;
    event->result = number;
    event->a = nth;
    return event;
}

static void child_ended(struct linux_tracer *tracer, const struct tracer_process *process,
                        int status)
{
    uint32_t place = tracer->ended_count++ % TRACER_ENDED_MAX;
    tracer->ended[place].pid = process->pid;
    tracer->ended[place].number = process->number;
    tracer->ended[place].nth = process->nth;
    if (status != 0) {
        (void)trace_process(tracer, TRACE_PROCESS_FAILED, process->number, process->nth);
    }
    (void)trace_process(tracer, TRACE_PROCESS_ENDED, process->number, process->nth);
}

/* The oldest of the processes besides the first; NULL: none. */
static struct tracer_process *heir_of(const struct linux_tracer *tracer)
{
    struct tracer_process *oldest = NULL;
    for (struct tracer_process *process = tracer->processes; process != NULL;
         process = process->next) {
        if (process != tracer->first && process->threads > 0 &&
            (oldest == NULL || process->nth < oldest->nth)) {
            oldest = process;
        }
    }
    return oldest;
}

/* The first process has made a daemon and is gone: the daemon is what is judged. False: it did not.
 */
static bool left_daemon(struct linux_tracer *tracer, int status)
{
    struct tracer_process *heir = heir_of(tracer);
    if (!tracer->starting || tracer->ending || status != 0 || heir == NULL) {
        return false;
    }
    tracer->first = heir;
    tracer->first_pid = heir->pid;
    return true;
}

static void process_ended(struct linux_tracer *tracer, struct tracer_process *process, int status)
{
    bool first = process == tracer->first && !left_daemon(tracer, status);
    int held = process->open_count;
    if (tracer->hooks.before_events != NULL) {
        tracer->hooks.before_events(tracer->hooks.context, SCENARIO_CALL_NONE, 0);
    }
    if (first) {
        first_ended(tracer, status, held);
    }
    tracer_files_close_all(tracer, process, !tracer->exited);
    if (!first && !tracer->exited && !tracer->ending) {
        child_ended(tracer, process, status);
    }
    tracer_process_remove(tracer, process);
    tracer_progress(tracer);
}

static void thread_ended(struct linux_tracer *tracer, struct tracer_thread *thread, int status,
                         const struct rusage *usage)
{
    struct tracer_process *process = thread->process;
    bool leads = process->pid == thread->tid;
    tracer_thread_remove(tracer, thread);
    if (process->threads > 0) {
        return;
    }
    if (leads) {
        tracer->cpu_gone_us += usage->ru_utime.tv_sec * INT64_C(1000000) + usage->ru_utime.tv_usec +
                               usage->ru_stime.tv_sec * INT64_C(1000000) + usage->ru_stime.tv_usec;
    }
    process_ended(tracer, process, status);
}

/* ---- Stops ---- */

static void go_on(const struct tracer_thread *thread, bool to_exit, int signal)
{
    (void)ptrace(to_exit ? PTRACE_SYSCALL : PTRACE_CONT, thread->tid, NULL, (long)signal);
}

static bool call_info(const struct tracer_thread *thread, struct __ptrace_syscall_info *ret_info)
{
    return ptrace(PTRACE_GET_SYSCALL_INFO, thread->tid, sizeof *ret_info, ret_info) > 0;
}

/* A call of another ABI, which the table does not know. */
static void foreign(struct linux_tracer *tracer)
{
    struct trace_event *event = tracer_event(tracer, TRACE_UNSUPPORTED);
    event->result = 1;
    linux_tracer_end(tracer, TRACE_EXIT_UNSUPPORTED);
}

static void call_entered(struct linux_tracer *tracer, struct tracer_thread *thread)
{
    struct __ptrace_syscall_info info;
    if (!call_info(thread, &info) || info.op != PTRACE_SYSCALL_INFO_SECCOMP) {
        go_on(thread, true, 0);
        return;
    }
    if (info.arch != AUDIT_ARCH_X86_64 || info.seccomp.nr >= 0x40000000) {
        foreign(tracer);
        return;
    }
    uint64_t args[TRACER_ARGUMENTS];
    for (int i = 0; i < TRACER_ARGUMENTS; i++) {
        args[i] = info.seccomp.args[i];
    }
    tracer_call_enter(tracer, thread, (int)info.seccomp.nr, args);
    go_on(thread, true, 0);
}

static void call_left(struct linux_tracer *tracer, struct tracer_thread *thread)
{
    struct __ptrace_syscall_info info;
    if (call_info(thread, &info) && info.op == PTRACE_SYSCALL_INFO_EXIT) {
        tracer_call_leave(tracer, thread, info.exit.rval);
    }
    go_on(thread, false, 0);
}

/* The thread group and the parent of a thread, from /proc. */
static void relatives(pid_t tid, pid_t *ret_group, pid_t *ret_parent)
{
    char path[64];
    char line[128];
    *ret_group = tid;
    *ret_parent = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        (void)sscanf(line, "Tgid: %d", ret_group);
        if (sscanf(line, "PPid: %d", ret_parent) == 1) {
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static struct tracer_process *process_find(const struct linux_tracer *tracer, pid_t pid)
{
    struct tracer_process *process = tracer->processes;
    while (process != NULL && process->pid != pid) {
        process = process->next;
    }
    return process;
}

static void trace_child(struct linux_tracer *tracer, enum trace_call what, int64_t result,
                        int64_t a)
{
    struct trace_event *event = tracer_event(tracer, TRACE_CALL);
    event->what = (uint8_t)what;
    event->result = result;
    event->a = a;
}

/* A new thread, told by its parent's event or by its own first stop, whichever comes first.
 * `parent` NULL: its own stop. */
static struct tracer_thread *place(struct linux_tracer *tracer, pid_t tid,
                                   struct tracer_process *parent)
{
    pid_t group = tid;
    pid_t parent_pid = 0;
    relatives(tid, &group, &parent_pid);
    struct tracer_process *process = process_find(tracer, group);
    if (process != NULL) {
        trace_child(tracer, TRACE_CALL_THREAD, 0, 0);
    } else {
        parent = parent != NULL ? parent : process_find(tracer, parent_pid);
        process = tracer_process_add(tracer, group, parent != NULL ? parent : tracer->first);
        if (process == NULL) {
            (void)kill(group, SIGKILL);
            return NULL;
        }
        process->nth = ++tracer->forks;
        trace_child(tracer, TRACE_CALL_FORK, process->number, process->nth);
    }
    tracer_progress_made(tracer);
    return tracer_thread_add(tracer, tid, process);
}

/* fork, vfork or clone. */
static void child_came(struct linux_tracer *tracer, const struct tracer_thread *thread)
{
    unsigned long message = 0;
    if (ptrace(PTRACE_GETEVENTMSG, thread->tid, NULL, &message) == 0 &&
        tracer_thread_find(tracer, (pid_t)message) == NULL) {
        (void)place(tracer, (pid_t)message, thread->process);
    }
}

/* execve: the other threads are gone, and the one that called has the number of the first. */
static void program_changed(struct linux_tracer *tracer, struct tracer_thread *thread)
{
    struct tracer_process *process = thread->process;
    struct tracer_thread *next = NULL;
    for (struct tracer_thread *other = tracer->threads; other != NULL; other = next) {
        next = other->hh.next;
        if (other->process == process && other != thread) {
            tracer_thread_remove(tracer, other);
        }
    }
    tracer_call_drop(tracer, &thread->call);
    tracer_proc_close(thread);
    for (int number = 0; number < TRACER_SIGNALS; number++) {
        process->handlers[number] = process->handlers[number] == 1;
    }
    tracer_files_exec(tracer, process);
    trace_child(tracer, TRACE_CALL_EXEC, 0, process->number);
    tracer_progress(tracer);
}

static bool is_stop_signal(int signal)
{
    return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

/* PTRACE_EVENT_STOP: a new thread's first stop, a group stop or its end. */
static void event_stopped(struct tracer_thread *thread, int signal)
{
    thread->listening = is_stop_signal(signal);
    if (thread->listening) {
        (void)ptrace(PTRACE_LISTEN, thread->tid, NULL, NULL);
    } else {
        go_on(thread, thread->call.row != NULL && !thread->call.broken_off, 0);
    }
}

static void stopped(struct linux_tracer *tracer, struct tracer_thread *thread, int status)
{
    int signal = WSTOPSIG(status);
    switch (status >> 16) {
    case PTRACE_EVENT_SECCOMP:
        call_entered(tracer, thread);
        return;
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
        child_came(tracer, thread);
        go_on(thread, false, 0);
        return;
    case PTRACE_EVENT_EXEC:
        program_changed(tracer, thread);
        go_on(thread, false, 0);
        return;
    case PTRACE_EVENT_STOP:
        event_stopped(thread, signal);
        return;
    default:
        break;
    }
    if (signal == (SIGTRAP | 0x80)) {
        call_left(tracer, thread);
        return;
    }
    tracer_signal_taken(tracer, thread, signal);
    go_on(thread, false, signal);
}

static void handle(struct linux_tracer *tracer, pid_t tid, int status, const struct rusage *usage)
{
    struct tracer_thread *thread = tracer_thread_find(tracer, tid);
    if (WIFSTOPPED(status)) {
        thread = thread != NULL ? thread : place(tracer, tid, NULL);
        if (thread != NULL) {
            stopped(tracer, thread, status);
        }
    } else if (thread != NULL) {
        thread_ended(tracer, thread, status, usage);
    }
}

/* Empties the descriptor that tells of stops. True when it told of any: look once more then. */
static bool told_of_stops(const struct linux_tracer *tracer)
{
    struct signalfd_siginfo info;
    return read(tracer->signal_fd, &info, sizeof info) > 0;
}

/* Without ptrace there is nothing but the end to be told of. */
static enum linux_turn plain_turn(struct linux_tracer *tracer)
{
    struct rusage usage;
    int status = 0;
    (void)told_of_stops(tracer);
    if (wait4(tracer->first_pid, &status, WNOHANG, &usage) != tracer->first_pid) {
        return LINUX_TURN_NOTHING;
    }
    thread_ended(tracer, tracer->threads, status, &usage);
    return LINUX_TURN_ENDED;
}

enum linux_turn linux_tracer_turn(struct linux_tracer *tracer)
{
    enum linux_turn turn = LINUX_TURN_NOTHING;
    if (tracer->refused && tracer->first != NULL) {
        return plain_turn(tracer);
    }
    if (tracer->started && tracer->first != NULL) {
        tracer->started = false;
        go_on(tracer_thread_find(tracer, tracer->first_pid), false, 0);
        turn = LINUX_TURN_PROGRESS;
    }
    for (int i = 0; i < TRACER_STOPS_AT_A_TURN && tracer->first != NULL; i++) {
        struct rusage usage;
        int status = 0;
        pid_t tid = tracer_turn_is_open(tracer) ? tracer_turn_take(tracer, &status, &usage) : 0;
        if (tid <= 0) {
            if (turn == LINUX_TURN_NOTHING && told_of_stops(tracer)) {
                continue;
            }
            break;
        }
        handle(tracer, tid, status, &usage);
        turn = LINUX_TURN_PROGRESS;
    }
    return tracer->first == NULL ? LINUX_TURN_ENDED : turn;
}

bool linux_tracer_alive(const struct linux_tracer *tracer)
{
    return tracer->first != NULL;
}

void linux_tracer_stopping(struct linux_tracer *tracer)
{
    tracer->stopping = true;
}

void linux_tracer_in_service(struct linux_tracer *tracer)
{
    tracer->starting = false;
}

void linux_tracer_arm(struct linux_tracer *tracer, uint32_t armed)
{
    tracer->armed = armed;
}

uint64_t linux_tracer_wakeups(const struct linux_tracer *tracer)
{
    return tracer->wakeups;
}

/* ---- Children that ended, or did not ---- */

/* Whether it is a zombie, and a process of the target's is to wait for it. One whose parent is gone
 * is for the system to wait for. */
static bool is_unreaped(const struct linux_tracer *tracer, pid_t pid)
{
    char path[64];
    char line[128];
    char state = 0;
    pid_t parent = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && parent == 0 && fgets(line, sizeof line, file) != NULL) {
        (void)sscanf(line, "State: %c", &state);
        (void)sscanf(line, "PPid: %d", &parent);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return state == 'Z' && process_find(tracer, parent) != NULL;
}

void linux_tracer_unreaped(struct linux_tracer *tracer)
{
    uint32_t count = tracer->ended_count;
    uint32_t oldest = count > TRACER_ENDED_MAX ? count - TRACER_ENDED_MAX : 0;
    for (uint32_t i = oldest; tracer->first != NULL && i < count; i++) {
        uint32_t place = i % TRACER_ENDED_MAX;
        if (is_unreaped(tracer, tracer->ended[place].pid)) {
            (void)trace_process(tracer, TRACE_PROCESS_UNREAPED, tracer->ended[place].number,
                                tracer->ended[place].nth);
        }
    }
}

static int listeners_of(const struct tracer_process *process)
{
    int count = 0;
    for (int fd = 0; fd < process->slots_size; fd++) {
        const struct tracer_file *file = process->slots[fd].file;
        count += file != NULL && file->kind == TRACE_FILE_LISTENER;
    }
    return count;
}

bool linux_tracer_left(struct linux_tracer *tracer)
{
    uint32_t events = tracer->trace->count;
    bool moved = false;
    if (tracer->refused || tracer->first != NULL) {
        return true;
    }
    while (tracer->threads != NULL) {
        struct rusage usage;
        int status = 0;
        pid_t tid = wait4(-1, &status, __WALL | WNOHANG | __WNOTHREAD, &usage);
        if (tid <= 0) {
            (void)told_of_stops(tracer);
            break;
        }
        handle(tracer, tid, status, &usage);
        moved = true;
    }
    tracer->trace->count = events;
    if (tracer->threads != NULL && (moved || !tracer_all_sleep(tracer))) {
        return false;
    }
    for (const struct tracer_process *process = tracer->processes; process != NULL;
         process = process->next) {
        trace_process(tracer, TRACE_PROCESS_LEFT, process->number, process->nth)->b =
            listeners_of(process);
    }
    return true;
}

/* ---- The end of all ---- */

static void kill_all(const struct linux_tracer *tracer)
{
    for (const struct tracer_process *process = tracer->processes; process != NULL;
         process = process->next) {
        (void)kill(process->pid, SIGKILL);
    }
}

void linux_tracer_end(struct linux_tracer *tracer, enum trace_exit how)
{
    tracer->ending = true;
    tracer->end_how = how;
    if (tracer->refused) {
        tracer_plain_kill(tracer->first_pid);
    }
    while (tracer->threads != NULL) {
        struct rusage usage;
        int status = 0;
        /* Again at each round: a child may have been made meanwhile. */
        kill_all(tracer);
        pid_t tid = wait4(-1, &status, __WALL | __WNOTHREAD, &usage);
        if (tid < 0 && errno != EINTR) {
            break;
        }
        struct tracer_thread *thread = tid > 0 ? tracer_thread_find(tracer, tid) : NULL;
        if (tid > 0 && WIFSTOPPED(status)) {
            (void)kill(tid, SIGKILL);
            (void)ptrace(PTRACE_CONT, tid, NULL, 0);
        } else if (thread != NULL) {
            thread_ended(tracer, thread, status, &usage);
        }
    }
    while (tracer->threads != NULL) {
        tracer_thread_remove(tracer, tracer->threads);
    }
    while (tracer->processes != NULL) {
        tracer_process_remove(tracer, tracer->processes);
    }
    tracer->first_pid = 0;
    tracer_plain_unguard(tracer);
}
