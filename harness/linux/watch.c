/* What a target could still do: its limit of descriptors, whether it spins, what could wake it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "linux/tracer_internal.h"

static int64_t now_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- The limit of descriptors ---- */

/* The limit that leaves `free_count` numbers of the process to be opened. */
static uint64_t limit_for(const struct tracer_process *process, int free_count)
{
    uint64_t limit = 0;
    char path[64];
    struct stat link;
    for (int free_left = free_count;; limit++) {
        (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)process->pid, (int)limit);
        bool open = lstat(path, &link) == 0;
        if (!open && free_left-- == 0) {
            return limit;
        }
    }
}

void linux_tracer_descriptors_free(struct linux_tracer *tracer, int free_count)
{
    tracer->files_wanted = free_count;
    if (tracer->processes == NULL) {
        return;
    }
    tracer->files_wanted_now = -1;
    if (free_count < 0 && tracer->files_soft == 0) {
        return;
    }
    for (const struct tracer_process *process = tracer->processes; process != NULL;
         process = process->next) {
        struct rlimit limit;
        if (prlimit(process->pid, RLIMIT_NOFILE, NULL, &limit) != 0) {
            continue;
        }
        if (tracer->files_soft == 0) {
            tracer->files_soft = limit.rlim_cur;
        }
        limit.rlim_cur = free_count < 0 ? tracer->files_soft : limit_for(process, free_count);
        (void)prlimit(process->pid, RLIMIT_NOFILE, &limit, NULL);
    }
    if (free_count < 0) {
        tracer->files_soft = 0;
    }
}

/* ---- Spins ---- */

/* A call and what it answered; its other arguments do not matter, for a limit of time that runs out
 * is another one at each round. Never 0. */
static uint64_t answer_of(const struct tracer_call *call, int64_t result)
{
    uint64_t key =
        (uint64_t)result << 24 ^ (uint64_t)(uint32_t)call->fd << 8 ^ (uint64_t)call->what;
    return key * UINT64_C(0x9E3779B97F4A7C15) | 1;
}

/* Whether the answer says that something is there, or wrong: one that says it again and again is
 * not heeded. A look that finds nothing may be made by whoever has other work. What is written to
 * the console, and what concerns no socket, says nothing. */
static bool is_telling(const struct tracer_call *call, int64_t result)
{
    bool waits = trace_call_family(call->what) == SCENARIO_CALL_WAIT;
    bool console = call->file != NULL && call->file->kind == TRACE_FILE_CONSOLE;
    return call->traced && !console && !(waits && result == 0);
}

/* By order and state, not by how much happens in a while: the slower the machine, the fewer rounds
 * a program makes before it gives up by its own clock. */
void tracer_spin_count(struct linux_tracer *tracer, const struct tracer_call *call, int64_t result)
{
    tracer->calls++;
    if (!is_telling(call, result)) {
        return;
    }
    uint64_t answer = answer_of(call, result);
    for (uint32_t i = 0; i < tracer->answer_count; i++) {
        if (tracer->answers[i] == answer) {
            tracer->repeats++;
            return;
        }
    }
    tracer->repeats = 0;
    tracer->answers[tracer->answer_count % TRACER_SPIN_ANSWERS] = answer;
    tracer->answer_count += tracer->answer_count < TRACER_SPIN_ANSWERS;
}

/* The call that says most about a spin: the last one that was not a wait; of a pure loop of waits,
 * the wait and what it reported. */
static void spin_describe(const struct linux_tracer *tracer, struct trace_event *ret_spin)
{
    enum { LOOK_BACK = 256 };
    const struct trace *trace = tracer->trace;
    uint32_t lowest = trace->count > LOOK_BACK ? trace->count - LOOK_BACK : 0;
    uint64_t seen = 0;
    for (uint32_t i = trace->count; i-- > lowest && seen + 1 < tracer->calls;) {
        const struct trace_event *event = &trace->events[i];
        seen += event->kind == TRACE_CALL;
        if (event->kind == TRACE_READY && ret_spin->conn == 0) {
            ret_spin->fd = event->fd;
            ret_spin->conn = event->conn;
        }
        enum scenario_call family = event->kind == TRACE_CALL
                                        ? trace_call_family((enum trace_call)event->what)
                                        : SCENARIO_CALL_NONE;
        if (family != SCENARIO_CALL_WAIT && family != SCENARIO_CALL_NONE) {
            ret_spin->what = event->what;
            ret_spin->fd = event->fd;
            ret_spin->conn = event->conn;
            return;
        }
    }
}

/* CPU time is asked for only where so much real time went by without progress that it could have
 * been used up. */
static bool uses_too_much(struct linux_tracer *tracer)
{
    int64_t now = now_ns();
    if (tracer->cpu_base_stale) {
        tracer->cpu_base_stale = false;
        tracer->cpu_base_ns = now;
        tracer->cpu_base_us = -1;
    }
    if (now - tracer->cpu_base_ns < TRACER_CPU_LOOK_NS) {
        return false;
    }
    int64_t used_us = linux_tracer_cpu_us(tracer);
    if (tracer->cpu_base_us < 0) {
        tracer->cpu_base_us = used_us;
    }
    return used_us - tracer->cpu_base_us > tracer->cpu_max_us;
}

bool linux_tracer_spins(struct linux_tracer *tracer)
{
    uint64_t looks = (uint64_t)tracer_files_open_count(tracer) * TRACER_SPIN_LOOKS;
    if (tracer->spins || tracer->first == NULL) {
        return tracer->spins;
    }
    if (tracer->calls <= tracer->calls_max + looks &&
        tracer->repeats <= TRACER_SPIN_REPEATS + looks && !uses_too_much(tracer)) {
        return false;
    }
    struct trace_event spin = {.what = (uint8_t)tracer->last_call, .fd = tracer->last_fd};
    if (tracer->calls != 0) {
        spin_describe(tracer, &spin);
    }
    struct trace_event *event = tracer_event(tracer, TRACE_SPIN);
    event->what = spin.what;
    event->fd = spin.fd;
    event->conn = spin.conn;
    event->a = (int64_t)tracer->calls;
    tracer->spins = true;
    return true;
}

/* ---- How long it sleeps ---- */

/* SO_RCVTIMEO; INT64_MAX: there is none. */
static int64_t receive_limit_us(const struct tracer_thread *thread, int fd)
{
    struct timeval limit = {0};
    socklen_t size = sizeof limit;
    int borrowed = tracer_files_borrow(thread->process, fd);
    if (borrowed < 0) {
        return 0;
    }
    /* What is no socket has no timeout. */
    bool limited = getsockopt(borrowed, SOL_SOCKET, SO_RCVTIMEO, &limit, &size) == 0 &&
                   (limit.tv_sec != 0 || limit.tv_usec != 0);
    (void)close(borrowed);
    return limited ? (int64_t)limit.tv_sec * 1000000 + limit.tv_usec : INT64_MAX;
}

/* How long the call that it sleeps in lasts, counted from its begin: INT64_MAX without an end by
 * time, 0 where that cannot be said. A call that sends or connects has one: the kernel gives up on
 * a peer that is silent. */
static int64_t lasts_us(const struct tracer_thread *thread, long nr, const uint64_t *args)
{
    bool endless = false;
    switch (nr) {
    case SYS_poll:
        endless = (int)args[2] < 0;
        break;
    case SYS_ppoll:
        endless = args[2] == 0;
        break;
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
        endless = (int)args[3] < 0;
        break;
    case SYS_epoll_pwait2:
        endless = args[3] == 0;
        break;
    case SYS_select:
    case SYS_pselect6:
        endless = args[4] == 0;
        break;
    case SYS_accept:
    case SYS_accept4:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_read:
    case SYS_readv:
    case SYS_preadv2:
        return receive_limit_us(thread, (int)args[0]);
    case SYS_recvmmsg:
        return args[4] == 0 ? receive_limit_us(thread, (int)args[0]) : 0;
    case SYS_futex: {
        int operation = (int)args[1] & FUTEX_CMD_MASK;
        bool timed = operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET ||
                     operation == FUTEX_LOCK_PI || operation == FUTEX_LOCK_PI2;
        endless = timed && args[3] == 0;
        break;
    }
    case SYS_rt_sigtimedwait:
        endless = args[2] == 0;
        break;
    case SYS_pause:
    case SYS_rt_sigsuspend:
    case SYS_wait4:
    case SYS_waitid:
        return INT64_MAX;
    default:
        return 0;
    }
    int64_t us = endless ? INT64_MAX : tracer_limit_us(thread, nr, args);
    return us > 0 ? us : 0;
}

/* timer_create(2): listed, armed or not. */
static bool has_timers(const struct tracer_process *process)
{
    char path[64];
    char text[8];
    (void)snprintf(path, sizeof path, "/proc/%d/timers", (int)process->pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool has = file >= 0 && read(file, text, sizeof text) > 0;
    if (file >= 0) {
        (void)close(file);
    }
    return has;
}

static bool timerfd_runs(const struct tracer_process *process, int fd)
{
    struct itimerspec left = {0};
    int borrowed = tracer_files_borrow(process, fd);
    bool runs = borrowed >= 0 && timerfd_gettime(borrowed, &left) == 0 &&
                (left.it_value.tv_sec != 0 || left.it_value.tv_nsec != 0);
    if (borrowed >= 0) {
        (void)close(borrowed);
    }
    return runs;
}

static bool process_has_timer(const struct tracer_process *process)
{
    if (process->alarm_at_ns != 0 && (process->alarm_repeats || process->alarm_at_ns > now_ns())) {
        return true;
    }
    for (int fd = 0; fd < process->slots_size; fd++) {
        const struct tracer_file *file = process->slots[fd].file;
        if (file != NULL && file->kind == TRACE_FILE_TIMERFD && timerfd_runs(process, fd)) {
            return true;
        }
    }
    return has_timers(process);
}

int64_t linux_tracer_sleeps_us(struct linux_tracer *tracer)
{
    int64_t least_us = INT64_MAX;
    if (tracer->refused) {
        return 0; /* what it sleeps in cannot be seen */
    }
    for (const struct tracer_process *process = tracer->processes; process != NULL;
         process = process->next) {
        if (process_has_timer(process)) {
            return 0;
        }
    }
    for (struct tracer_thread *thread = tracer->threads; thread != NULL; thread = thread->hh.next) {
        uint64_t args[TRACER_ARGUMENTS];
        long nr = -1;
        if (thread->gone) {
            continue;
        }
        bool sleeps = tracer_proc_call(thread, &nr, args);
        if (sleeps && nr == SYS_restart_syscall && thread->call.row != NULL) {
            nr = thread->call.row->nr;
            memcpy(args, thread->call.args, sizeof args);
        }
        int64_t us = sleeps ? lasts_us(thread, nr, args) : 0;
        least_us = us < least_us ? us : least_us;
    }
    return least_us;
}
