/* Short sleeps: a thread that sleeps for a few milliseconds is about to go on, and the target is
 * idle only behind that. A program that sleeps shortly for ever is idle all the same: only so many
 * of its naps are waited for. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/futex.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>

#include "linux/tracer_internal.h"

enum {
    NAP_MAX_US = 5000,    /* what sleeps longer has not just gone to sleep */
    LONG_MAX_US = 20000,  /* the same of a server that waits for parts of its own: where it starts,
                             or a signal may end it */
    NAPS_MAX = 3,         /* that are waited for, until something else happens */
    NAPS_LONG_MAX = 64,   /* the same behind a signal: a JVM ends by up to 30 of them */
    LATE_US = 200,        /* between two looks at a thread whose nap is over and that has not run */
    LATE_MAX_US = 1000000 /* then it is not taken for one that will */
};

static int64_t clock_us(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* A struct timespec or timeval of the thread, in microseconds; -1: there is none. */
static int64_t time_at(const struct tracer_thread *thread, uint64_t address, int64_t parts_of_us)
{
    int64_t words[2];
    return tracer_peek(thread, address, words, sizeof words)
               ? words[0] * 1000000 + words[1] / parts_of_us
               : -1;
}

int64_t tracer_limit_us(const struct tracer_thread *thread, long nr, const uint64_t *args)
{
    enum { NS = 1000, US = 1 };
    switch (nr) {
    case SYS_poll:
        return (int)args[2] < 0 ? -1 : (int)args[2] * INT64_C(1000);
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
        return (int)args[3] < 0 ? -1 : (int)args[3] * INT64_C(1000);
    case SYS_ppoll:
        return time_at(thread, args[2], NS);
    case SYS_epoll_pwait2:
        return time_at(thread, args[3], NS);
    case SYS_select:
        return time_at(thread, args[4], US);
    case SYS_pselect6:
        return time_at(thread, args[4], NS);
    case SYS_nanosleep:
        return time_at(thread, args[0], NS);
    case SYS_clock_nanosleep: {
        int64_t us = time_at(thread, args[2], NS);
        return us >= 0 && (args[1] & TIMER_ABSTIME) != 0 ? us - clock_us((clockid_t)args[0]) : us;
    }
    case SYS_futex: {
        int operation = (int)args[1] & FUTEX_CMD_MASK;
        bool real = ((int)args[1] & FUTEX_CLOCK_REALTIME) != 0;
        int64_t us = operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET
                         ? time_at(thread, args[3], NS)
                         : -1;
        return us >= 0 && operation == FUTEX_WAIT_BITSET
                   ? us - clock_us(real ? CLOCK_REALTIME : CLOCK_MONOTONIC)
                   : us;
    }
    default:
        return -1;
    }
}

/* Whether the thread sleeps shortly, and until when. It runs: its sleep was one, and is over. */
static bool naps(struct tracer_thread *thread, int64_t most_us, int64_t now_us,
                 int64_t *ret_until_us, bool *ret_runs)
{
    uint64_t args[TRACER_ARGUMENTS];
    long nr = -1;
    if (thread->gone) {
        return false;
    }
    if (!tracer_proc_call(thread, &nr, args)) {
        *ret_runs = true;
        return false;
    }
    if (nr < 0) {
        return false;
    }
    int64_t us = tracer_limit_us(thread, nr, args);
    *ret_until_us = now_us + (us > 0 ? us : 0);
    /* No time at all: it asks without waiting, and was found between two steps of it. */
    return us != -1 && us != 0 && us <= most_us;
}

int64_t linux_tracer_nap_us(struct linux_tracer *tracer)
{
    int64_t now_us = clock_us(CLOCK_MONOTONIC);
    int64_t most_us = tracer->starting || tracer->signalled ? LONG_MAX_US : NAP_MAX_US;
    uint32_t naps_max = tracer->signalled ? NAPS_LONG_MAX : NAPS_MAX;
    bool runs_on = false;
    if (tracer->refused) {
        return -1;
    }
    for (struct tracer_thread *thread = tracer->threads; thread != NULL; thread = thread->hh.next) {
        int64_t until_us = 0;
        if (!naps(thread, most_us, now_us, &until_us, &runs_on)) {
            continue;
        }
        uint64_t runs = tracer_run_count(thread);
        if (thread->nap_until_us == 0 || thread->nap_run_count != runs) {
            if (tracer->naps >= naps_max) {
                continue;
            }
            tracer->naps++;
            thread->nap_run_count = runs;
            thread->nap_until_us = until_us;
        }
        if (now_us < thread->nap_until_us) {
            return thread->nap_until_us - now_us;
        }
        if (now_us < thread->nap_until_us + LATE_MAX_US) {
            return LATE_US;
        }
    }
    /* Since it was found asleep, a nap may have ended: the thread runs, or stands at a call. */
    if (runs_on || tracer_stop_waits()) {
        return LATE_US;
    }
    tracer->signalled = false;
    return -1;
}
