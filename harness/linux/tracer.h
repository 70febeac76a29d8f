/* The target as processes of the real kernel: started, followed through threads, children and
 * execs, stopped at calls that matter to sockets (ptrace with a seccomp filter), its calls written
 * into the trace, faults put in at the entry of calls. One tracer per thread: waits are by thread.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_LINUX_TRACER_H
#define SOCKSPEC_LINUX_TRACER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "trace/trace.h"
#include "world/world.h"

enum {
    /* Descriptor F of process P (0: the first) is traced as P * this + F where F is small, so that
     * two processes' numbers differ. */
    LINUX_PROCESS_STRIDE = TRACE_PROCESS_STRIDE,
    /* With numbers of their own; later ones share the last. */
    LINUX_PROCESSES_MAX = TRACE_PROCESSES_MAX
};

struct linux_tracer;

/* What the tracer asks of the world. */
struct linux_tracer_hooks {
    void *context;
    /* At the entry of a call whose family is armed or has a fault armed, before the kernel does
     * it. May play steps. */
    void (*on_enter)(void *context, enum scenario_call family);
    /* Just before the events of a finished call, a fork or an exit are written: what the kernel put
     * on the wire meanwhile goes into the trace first, and states that the call may have changed
     * are sampled (conn 0: all, e.g. after listen or exit). */
    void (*before_events)(void *context, enum scenario_call family, uint32_t conn);
    /* The number of a connection of the target's host; 0 none. */
    uint32_t (*conn)(void *context, uint16_t local_port, uint16_t remote_port);
    /* Bytes unread at the target's end of a connection; -1 none. */
    int64_t (*unread)(void *context, uint32_t conn);
};

/* What to start. Strings are borrowed until the start returned. */
struct linux_tracer_start {
    char *const *argv;  /* argv[0] is looked up in PATH */
    char *const *envp;  /* "NAME=value", on top of ours; NULL: none */
    const char *folder; /* working folder; NULL: ours */
    int namespace_fd;   /* network namespace to start in; -1: ours */
    int input;          /* its stdin; -1: /dev/null */
    int output;         /* its stdout and stderr; -1: /dev/null */
    int stop_signal;
    bool server;        /* what leaves a daemon behind goes on as that: linux_tracer_in_service */
    uint64_t calls_max; /* calls without progress that count as spinning; 0: default */
    int64_t cpu_max_us; /* CPU time used without a traced call of progress that counts as a spin; 0:
                           default */
};

enum linux_turn {
    LINUX_TURN_NOTHING,  /* no stop was waiting */
    LINUX_TURN_PROGRESS, /* stops were handled; look again */
    LINUX_TURN_ENDED     /* the target's first process is gone; EXIT is traced. Others may live:
                            linux_tracer_end ends them. */
};

/* From here on we, and what we start, run on one processor: a stop and what answers it change
 * places there, where a second processor would first have to be woken. The target's threads are of
 * a kind that is never preferred to what runs (SCHED_BATCH), so the target finds all that is
 * delivered at one instant, and not as much of it as came before it was quicker than we. Processes
 * side by side take different processors. */
void linux_tracer_share_processor(void);

enum status linux_tracer_new(const struct linux_tracer_hooks *hooks,
                             struct linux_tracer **ret_tracer,
                             struct status_detail *detail) STATUS_MUST_USE;
void linux_tracer_free(struct linux_tracer *tracer); /* kills and reaps all that is left */

/* What it can see here: enum trace_observer bits (CALLS, DESCRIPTORS, EXIT, CPU, PROCESSES, HEAP).
 * Where ptrace is refused, EXIT and CPU alone, and `ret_reason` says why: the target runs all the
 * same, its sleep is judged by /proc, and no fault can be armed. */
uint32_t linux_tracer_observers(const struct linux_tracer *tracer, const char **ret_reason);

/* What a program asked for that passes by every observer. */
enum linux_asked {
    LINUX_ASKED_URING = 1 << 0, /* io_uring, which it was told does not exist */
    LINUX_ASKED_AIO = 1 << 1    /* io_submit on a TCP socket: that run's trace has no observer of
                                   calls any more */
};

/* Bits of it, of all programs that ran. */
unsigned linux_tracer_asked(const struct linux_tracer *tracer);

/* Starts the program, stopped before its first instruction is run by linux_tracer_turn. Events go
 * to `trace`; FD_OPEN events for descriptors that it finds open (TRACE_INHERITED). Errors:
 * STATUS_NOT_FOUND (no such program), STATUS_ENVIRONMENT. */
enum status linux_tracer_start(struct linux_tracer *tracer, const struct linux_tracer_start *start,
                               struct trace *trace, struct status_detail *detail) STATUS_MUST_USE;

/* Handles every stop that waits now and lets the threads go on. Never blocks. */
enum linux_turn linux_tracer_turn(struct linux_tracer *tracer);
/* A descriptor that becomes readable when a stop or an exit may be waiting (SIGCHLD). */
int linux_tracer_descriptor(const struct linux_tracer *tracer);

/* Whether every thread of every process sleeps in the kernel in a call that only an event from
 * outside, a signal or time can end, as two looks at /proc with nothing between them say. Threads
 * stopped by us do not count as asleep. False also when a fault just interrupted a sleeper. */
bool linux_tracer_asleep(struct linux_tracer *tracer);
/* After linux_tracer_asleep said true, and no nap is to be waited for: traces the calls that are
 * slept in (BLOCK), once each. */
void linux_tracer_rests(struct linux_tracer *tracer);
/* After linux_tracer_asleep said true: for how long nothing but arrivals and signals can wake it,
 * counted from when it fell asleep: the least limit of a call that it sleeps in (by
 * /proc/TID/syscall). INT64_MAX where all sleep without a limit (poll and epoll_wait without
 * timeout, accept and receives without SO_RCVTIMEO, futex without timeout, …) and no timer of its
 * own runs (timerfd, alarm, setitimer, timer_create); 0 when it cannot be told. */
int64_t linux_tracer_sleeps_us(struct linux_tracer *tracer);
static inline bool linux_tracer_sleeps_for_ever(struct linux_tracer *tracer)
{
    return linux_tracer_sleeps_us(tracer) == INT64_MAX;
}
/* After linux_tracer_asleep said true: microseconds until a thread that sleeps for a few
 * milliseconds goes on, so that the target is not idle yet; -1: none does, or such sleeps follow
 * each other without an end. */
int64_t linux_tracer_nap_us(struct linux_tracer *tracer);
/* Calls, CPU time and threads: whether the target spins (SPIN was traced). The caller ends it. */
bool linux_tracer_spins(struct linux_tracer *tracer);
/* Something changed (a segment was delivered, a step played): counting of calls starts anew. */
void linux_tracer_moved(struct linux_tracer *tracer);
bool linux_tracer_alive(const struct linux_tracer *tracer);
/* While the first process lives: a PROCESS event UNREAPED for each child that has ended and that
 * nobody has waited for. Of many children only the latest are remembered. */
void linux_tracer_unreaped(struct linux_tracer *tracer);
/* After LINUX_TURN_ENDED: lets the children that are left go on; what they do is not traced. False
 * while one of them works; else true, with a PROCESS event LEFT for each that sleeps. */
bool linux_tracer_left(struct linux_tracer *tracer);
/* How often a thread was woken (finished a call that it had slept in) since the start. */
uint64_t linux_tracer_wakeups(const struct linux_tracer *tracer);

/* Sends the signal to the first process. As world_ops.signal: 0, -ESRCH, -EPERM where it would
 * kill the process and `even_if_fatal` is false. The SIGNAL event is traced when it is taken. */
int linux_tracer_signal(struct linux_tracer *tracer, int number, bool even_if_fatal);
/* Ends what is left of the target by SIGKILL and reaps it; EXIT is traced if it was not yet, with
 * this `how`. */
void linux_tracer_end(struct linux_tracer *tracer, enum trace_exit how);
/* Its start is over. Until then a first process that ends with status 0 and leaves another behind
 * has made a daemon: the oldest of those that are left takes its place. */
void linux_tracer_in_service(struct linux_tracer *tracer);
/* From now on an exit counts as asked for: STOPPED_BY_HANDLER, or SIGNALLED by the stop signal. */
void linux_tracer_stopping(struct linux_tracer *tracer);

/* Faults: as world_ops. Families to be told of at entry: `armed` is read at every stop. */
void linux_tracer_arm(struct linux_tracer *tracer, uint32_t armed);
int linux_tracer_fault_arm(struct linux_tracer *tracer, const struct world_fault *fault);
void linux_tracer_fault_clear(struct linux_tracer *tracer,
                              void (*unused)(void *context, uint16_t step, enum trace_noop reason),
                              void *context);
void linux_tracer_descriptors_free(struct linux_tracer *tracer, int free_count); /* RLIMIT_NOFILE */

/* What it holds now: open descriptors of all its processes, by /proc. */
int linux_tracer_descriptors(const struct linux_tracer *tracer);
/* How many of them are of a kind, as far as its calls told; SOCKET: of connections. */
int linux_tracer_held(const struct linux_tracer *tracer, enum trace_file kind);
/* Whether an accept of it lacked a descriptor, ever. */
bool linux_tracer_was_full(const struct linux_tracer *tracer);
/* Bytes of memory that all its processes asked for, of the C library's heap those in use (by whole
 * pages); -1 where that would tell nothing: a program that makes code at run time collects its
 * garbage when it sees fit. 20 us and more. */
int64_t linux_tracer_memory(const struct linux_tracer *tracer);
/* The same of resident memory that no file holds: for amounts, not for leaks. */
int64_t linux_tracer_resident(const struct linux_tracer *tracer);
int64_t linux_tracer_cpu_us(const struct linux_tracer *tracer);

#endif
