/* The engine plays a scenario on a world: it moves the scripted peers, the wire, the kernel's
 * faults and time, and writes what it did and what the peers understood into the trace. It knows no
 * world. One engine belongs to one thread and is used again for run after run without allocating.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_WORLD_ENGINE_H
#define SOCKSPEC_WORLD_ENGINE_H

#include <stdint.h>

#include "base/status.h"
#include "scenario/scenario.h"
#include "trace/trace.h"
#include "world/profile.h"
#include "world/world.h"

enum {
    ENGINE_DRAIN_WAKEUPS_MAX = 512, /* wake-ups of the target while the clock runs to idle_limit */
    ENGINE_BACKLOG = 8,             /* of the port that a client target connects to */
    ENGINE_ACCEPT_WAIT_US = 100000, /* that a `peer accept` waits at a time, */
    ENGINE_ACCEPT_WAITS = 10,       /* and how often, until the client connects */
    ENGINE_STOP_LIMIT_US = 10000000 /* virtual time that a target has to stop after its signal */
};

struct engine;

/* What one play needs besides the scenario. All pointers are borrowed for the play. */
struct engine_play {
    const struct world_target *target; /* NULL: a stack scenario, both hosts scripted */
    const struct profile *profile;     /* how to talk; NULL only for stack scenarios */
    struct trace *trace; /* its header is filled in by the caller (role, limits, promises) */
    uint64_t seed;       /* of kernel choices */
    /* The play waits in real time, and takes hardly any of a processor's until it says otherwise.
     * NULL: nobody asks. */
    void (*on_rest)(void *context, bool rests);
    void *context;
};

/* How a play went, besides its trace. */
struct engine_result {
    uint32_t steps_effective; /* steps that had an effect */
    uint32_t steps_noop;
    uint32_t connections; /* connections that became established */
};

enum status engine_new(struct world *world, struct engine **ret_engine,
                       struct status_detail *detail) STATUS_MUST_USE;
void engine_free(struct engine *engine);

/* Resets the world and plays. Errors: those of world run. What the target did wrong is in the
 * trace. */
enum status engine_run(struct engine *engine, const struct engine_play *play,
                       const struct scenario *scenario, struct engine_result *ret_result,
                       struct status_detail *detail) STATUS_MUST_USE;

#endif
