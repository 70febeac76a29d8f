/* Time in the live world: waiting for news, and letting the clock of the trace run where a scenario
 * asks for it; time in which nothing can happen is left out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <sched.h>
#include <time.h>

#include "linux/world_internal.h"

enum {
    FAST_LIMIT_US = 1000000,    /* real time that the steps of a play may take without --slow, and
                                   the drain of one whose idle limit is long */
    DRAIN_LIMIT_US = 10000000,  /* an idle limit up to here is waited for without --slow */
    ASLEEP_MARGIN_US = 2000000, /* how long it may have slept already, on a busy machine */
    TIMER_LOOK_US = 10000,      /* between two looks at what a late timer does */
    SLICE_US = 1000000,         /* longest wait without a look at the target */
    LOOKS_WITHOUT_REST = 64,    /* looks at a running target before the first rest */
    REST_MAX_US = 1000,         /* between two looks at a running target */
    REST_FROM_US = 50000,       /* a wait that leaves others the time for work of theirs */
    IDLE_MAX_US = 180000000 /* longest silence that kernels with their own timers live through */
};

int64_t linux_time_real_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void pass(struct linux_world *live, int64_t us)
{
    if (us > 0) {
        live->trace->now_us += us;
        trace_add(live->trace, TRACE_TIME, TRACE_HOST_TARGET)->a = us;
    }
}

void linux_time_wait(struct linux_world *live, int64_t us)
{
    int fds[LINUX_NET_FDS_MAX];
    struct pollfd polls[LINUX_NET_FDS_MAX + 1];
    nfds_t count = 0;
    int net = linux_net_descriptors(live->net, fds);
    for (int i = 0; i < net; i++) {
        polls[count++] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    if (linux_tracer_alive(live->tracer)) {
        polls[count++] =
            (struct pollfd){.fd = linux_tracer_descriptor(live->tracer), .events = POLLIN};
    }
    int64_t most_us = us < SLICE_US ? us : SLICE_US;
    struct timespec limit = {.tv_sec = most_us / 1000000, .tv_nsec = most_us % 1000000 * 1000};
    (void)ppoll(polls, count, &limit, NULL);
}

/* Waits for news as part of the goal: the clock of the trace goes along. */
static void wait_in_trace(struct linux_world *live, int64_t us)
{
    struct linux_goal *goal = &live->goal;
    int64_t most_us = us < goal->real_us ? us : goal->real_us;
    int64_t before = linux_time_real_us();
    linux_time_wait(live, most_us);
    int64_t passed = linux_time_real_us() - before;
    passed = passed < most_us ? passed : most_us;
    pass(live, passed);
    goal->real_us -= passed;
}

/* Until a timer of a kernel should have run out; what it did shows in segments or in a state. */
static void wait_for_timers(struct linux_world *live, int64_t us)
{
    int64_t timer_us = linux_net_timer_us(live->net);
    timer_us = timer_us < 0               ? us /* none runs: silence alone passes */
               : timer_us > TIMER_LOOK_US ? timer_us
                                          : TIMER_LOOK_US;
    wait_in_trace(live, timer_us < us ? timer_us : us);
    (void)linux_net_collect(live->net);
    linux_net_sample(live->net, 0);
}

/* Whether the target sleeps for so long for certain. Its clock does not see the time that is left
 * out: what was left out under limits of its own is taken off each of them, whenever it began. */
static bool target_sleeps(struct linux_world *live, int64_t us)
{
    if (!linux_tracer_alive(live->tracer)) {
        return true;
    }
    int64_t sleeps_us = linux_tracer_sleeps_us(live->tracer);
    live->limited = sleeps_us != INT64_MAX;
    return !live->limited ||
           (!live->setup.slow && sleeps_us > live->left_out_us + us + ASLEEP_MARGIN_US);
}

bool linux_time_is_still(struct linux_world *live, int64_t us)
{
    if (!target_sleeps(live, us)) {
        return false;
    }
    /* A kernel's timer that runs on its own clock does not see time that is left out. */
    int64_t timer_us = linux_net_timer_us(live->net);
    if (!live->setup.kernel_timers) {
        return timer_us < 0 || timer_us > us;
    }
    /* Where none runs, a kernel still counts how long a connection is silent: for a keepalive that
     * is set later. */
    return timer_us < 0 && (us > IDLE_MAX_US || linux_net_all_over(live->net));
}

/* Descriptors that the target holds beyond those when it was ready, with no connection left; -1: a
 * connection is left. */
static int surplus(struct linux_world *live)
{
    int more = linux_tracer_descriptors(live->tracer) - live->baseline;
    return linux_net_connections(live->net) != 0 ? -1 : more > 0 ? more : 0;
}

/* What is no leak however long it stays open: one file, kept for the next request, and what a run
 * time opens for itself (devices, folders). */
static int harmless(const struct linux_world *live)
{
    int files = linux_tracer_held(live->tracer, TRACE_FILE_FILE) - live->baseline_files;
    int others = linux_tracer_held(live->tracer, TRACE_FILE_OTHER) - live->baseline_others;
    return (files > 0 ? 1 : 0) + (others > 0 ? others : 0);
}

/* Whether the target holds nothing that time could still take from it: no connection's socket, and
 * of others no more than when it was ready, or than it kept in an earlier play to the very end. A
 * listener that it closed for want of descriptors is what time could give it back. */
static bool holds_nothing(struct linux_world *live)
{
    if (!linux_tracer_alive(live->tracer)) {
        return true;
    }
    if (linux_tracer_was_full(live->tracer) &&
        linux_tracer_held(live->tracer, TRACE_FILE_LISTENER) < live->baseline_listeners) {
        return false;
    }
    int more = surplus(live);
    return more == 0 || (more > 0 && (more <= live->kept || more <= harmless(live)) &&
                         linux_tracer_held(live->tracer, TRACE_FILE_SOCKET) == 0);
}

/* The time of the drain is over: what is held now is held for ever, by the next plays too. */
static void learn_kept(struct linux_world *live)
{
    int more = linux_tracer_alive(live->tracer) ? surplus(live) : 0;
    live->kept = more > live->kept ? more : live->kept;
}

bool linux_time_step(struct linux_world *live)
{
    struct linux_goal *goal = &live->goal;
    if (!goal->open) {
        return false;
    }
    int64_t left_us = goal->at_us - live->trace->now_us;
    bool enough = left_us <= 0 || linux_tracer_wakeups(live->tracer) >= goal->wakeups_max ||
                  (goal->early && holds_nothing(live));
    if (enough) {
        goal->open = false;
        linux_world_rests(live, false);
        if (goal->early && left_us <= 0) {
            learn_kept(live);
        }
        goal->broken_off = goal->early && left_us > 0 && !holds_nothing(live);
        return true;
    }
    int64_t due_us = linux_net_due_us(live->net);
    int64_t step_us = due_us >= 0 && due_us < left_us ? due_us : left_us;
    if (linux_time_is_still(live, step_us)) {
        live->left_out_us += live->limited ? step_us : 0;
        pass(live, step_us);
    } else if (goal->real_us <= 0) {
        goal->open = false;
        goal->broken_off = true;
        linux_world_rests(live, false);
    } else {
        linux_world_rests(live, live->rests || step_us >= REST_FROM_US);
        if (live->setup.kernel_timers) {
            wait_for_timers(live, step_us);
        } else {
            wait_in_trace(live, step_us);
        }
    }
    return true;
}

static void set_goal(struct linux_world *live, int64_t us, uint32_t wakeups_max, bool early)
{
    live->goal =
        (struct linux_goal){.open = wakeups_max > 0,
                            .early = early,
                            .at_us = live->trace->now_us + us,
                            .real_us = us,
                            .wakeups_max = linux_tracer_wakeups(live->tracer) + wakeups_max};
}

bool linux_time_advance(struct linux_world *live, int64_t us, uint32_t wakeups_max)
{
    if (!linux_time_is_still(live, us)) {
        if (live->asked_us + us > FAST_LIMIT_US && !live->setup.slow) {
            return false;
        }
        live->asked_us += us;
    }
    set_goal(live, us, wakeups_max, false);
    return true;
}

void linux_time_run_on(struct linux_world *live, int64_t us, uint32_t wakeups_max)
{
    set_goal(live, us, wakeups_max, true);
    if (us > DRAIN_LIMIT_US && !live->setup.slow) {
        live->goal.real_us = FAST_LIMIT_US;
    }
}

bool linux_time_ran_on(const struct linux_world *live)
{
    return !live->goal.broken_off;
}

void linux_time_rest(struct linux_world *live, unsigned looks)
{
    if (looks < LOOKS_WITHOUT_REST) {
        (void)sched_yield();
        return;
    }
    int64_t us = looks - LOOKS_WITHOUT_REST;
    linux_time_wait(live, us < REST_MAX_US ? us : REST_MAX_US);
}
