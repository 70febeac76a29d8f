/* Whose turn it is. Threads of a target go on one at a time from call to call: a stop is answered
 * only when every other thread has stopped too or sleeps, and those that have stopped are answered
 * by turns, in the order in which they came into the world. So whose call comes first, and what a
 * wait finds to report, follows from what the program does, and not from how long a busy machine
 * let this thread run or that one. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/wait.h>

#include "linux/tracer_internal.h"

/* Of processor: a thread that goes on for so long without a stop is not waited for, as it computes,
 * or looks again and again for what a stopped one is to do. */
enum { ALONE_NS = 2000000 };

static bool goes_on(struct tracer_thread *thread)
{
    if (!tracer_runs(thread)) {
        thread->alone_from_ns = 0;
        return false;
    }
    uint64_t ran_ns = tracer_run_ns(thread) + 1; /* 0 is: not seen running since its last stop */
    if (thread->alone_from_ns == 0) {
        thread->alone_from_ns = ran_ns;
    }
    return ran_ns - thread->alone_from_ns < ALONE_NS;
}

bool tracer_turn_is_open(struct linux_tracer *tracer)
{
    if (HASH_COUNT(tracer->threads) < 2) {
        return true;
    }
    if (!tracer_stop_waits()) {
        return false;
    }
    for (struct tracer_thread *thread = tracer->threads; thread != NULL; thread = thread->hh.next) {
        if (goes_on(thread)) {
            return false;
        }
    }
    return true;
}

pid_t tracer_turn_take(struct linux_tracer *tracer, int *ret_status, struct rusage *ret_usage)
{
    const int options = __WALL | WNOHANG | __WNOTHREAD;
    unsigned count = HASH_COUNT(tracer->threads);
    struct tracer_thread *thread = tracer_thread_find(tracer, tracer->turn);
    for (unsigned i = 0; count > 1 && i < count; i++) {
        bool last = thread == NULL || thread->hh.next == NULL;
        thread = last ? tracer->threads : thread->hh.next;
        if (wait4(thread->tid, ret_status, options, ret_usage) == thread->tid) {
            thread->alone_from_ns = 0;
            tracer->turn = thread->tid;
            return thread->tid;
        }
    }
    /* The only one, or one that nobody has told of yet. */
    return wait4(-1, ret_status, options, ret_usage);
}
