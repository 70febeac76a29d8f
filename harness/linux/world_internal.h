/* Inside the live world: what its loop (world.c) and its time (time.c) share. Nothing else includes
 * it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_LINUX_WORLD_INTERNAL_H
#define SOCKSPEC_LINUX_WORLD_INTERNAL_H

#include "linux/linux.h"
#include "linux/net.h"
#include "linux/tracer.h"

/* Time that shall pass before the engine is asked again. */
struct linux_goal {
    bool open;
    bool early;      /* it ends when the target holds nothing that time could take from it */
    bool broken_off; /* it took too much real time, or too many wake-ups */
    int64_t at_us;
    int64_t real_us;      /* real time that may be spent on it */
    uint64_t wakeups_max; /* of the tracer's count */
};

struct linux_world {
    struct world world;
    struct linux_setup setup;
    struct linux_net *net;
    struct linux_tracer *tracer;
    struct trace *trace;
    struct world_hooks *hooks; /* while a target runs */
    const struct world_target *target;
    struct linux_goal goal;
    bool limited;        /* the latest look found the target asleep under a limit of its own */
    int64_t left_out_us; /* time of this play that was left out while it slept so */
    int64_t asked_us;    /* real time that the steps of this play took so far */
    int64_t started_us;  /* real clock at the start of the target */
    int64_t stopping_us; /* real clock at its stop signal; 0: not asked to stop */
    int64_t still_us;    /* real clock since when it sleeps without an end; 0: it does not */
    bool rests;          /* it was told that only real time passes */
    bool in_service;     /* it listened, or slept for the first time */
    bool deaf;           /* a server that does not listen, for no reason of the scenario's */
    int baseline;        /* descriptors when it was ready */
    int baseline_files;  /* and how many of them were files on a disk */
    int baseline_others; /* devices, folders and the like */
    int baseline_listeners;
    int kept; /* beyond these, with no connection left: seen to be held for ever */
    char absent[2 * STATUS_DETAIL_MAX]; /* which observers were refused, and why; empty: none */
    uint32_t memory_at; /* connections of this play from which on memory is looked at again */
};

/* Tells whether only real time passes, where that has changed. */
void linux_world_rests(struct linux_world *live, bool rests);

/* ---- time.c ---- */

int64_t linux_time_real_us(void);
/* Sleeps until a kernel or the target has news, at most so long, and never long without a look at
 * the target. */
void linux_time_wait(struct linux_world *live, int64_t us);
/* Between two looks at a running target, the `looks`-th from 0: it tells of its calls by itself,
 * but not of falling asleep. Less often the longer it takes. */
void linux_time_rest(struct linux_world *live, unsigned looks);
/* Whether nothing but us can make anything happen for so long. */
bool linux_time_is_still(struct linux_world *live, int64_t us);
/* Lets time pass towards the goal. False when there is none. */
bool linux_time_step(struct linux_world *live);
/* As world_ops. */
bool linux_time_advance(struct linux_world *live, int64_t us, uint32_t wakeups_max);
void linux_time_run_on(struct linux_world *live, int64_t us, uint32_t wakeups_max);
bool linux_time_ran_on(const struct linux_world *live);

/* world_app.c: what only scenarios without a target use. */
void linux_world_app_operations(struct world_ops *ops);

#endif
