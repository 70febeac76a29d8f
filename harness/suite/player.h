/* Plays scenarios on a target in a child process, so that a target that crashes, hangs or exits
 * takes only that play with it. The trace lies in memory that both share: what was recorded up to a
 * crash is kept. One player per thread; the child starts with the first play and anew after each
 * crash. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_PLAYER_H
#define SOCKSPEC_SUITE_PLAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "scenario/scenario.h"
#include "trace/trace.h"
#include "world/engine.h"
#include "world/profile.h"
#include "world/world.h"

enum {
    PLAYER_POLL_MS = 200, /* how often a busy child is looked at */
    PLAYER_ABSENT_MAX = 512,
    PLAYER_OUTPUT_MAX = 4096,      /* bytes kept of what the target wrote */
    PLAYER_WRITTEN_MAX = 16 << 20, /* bytes that it may write before they are forgotten */
    PLAYER_CPU_LIMIT_MS = 4000,    /* CPU time of one play; a correct one takes microseconds */
    PLAYER_ASLEEP_LIMIT_MS = 6000  /* of a play that sleeps where nothing in the world wakes it */
};

/* How long the child may take for a play, and what it may use. */
struct player_limits {
    uint32_t cpu_ms;      /* CPU time of the child itself; 0: PLAYER_CPU_LIMIT_MS */
    uint32_t asleep_ms;   /* asleep at a stretch; 0: PLAYER_ASLEEP_LIMIT_MS */
    bool real_time;       /* the child sleeps through the idle limit and the steps of time too */
    bool no_memory_limit; /* the target has memory of its own: the child's is ours alone */
};

/* What a player needs; all borrowed for its life. */
struct player_setup {
    const struct world_target *target;
    const struct profile *profile;
    /* Makes the world, in the child. */
    enum status (*open)(void *context, struct world **ret_world, struct status_detail *detail);
    /* Called before every play, in the parent; NULL: nothing to do. */
    enum status (*before)(void *context, struct status_detail *detail);
    void *context;
    bool v6; /* peers speak IPv6 */
    struct player_limits limits;
};

enum player_end {
    PLAYER_PLAYED,  /* to the end; what the target did is in the trace */
    PLAYER_CRASHED, /* the child died; EXIT was added to the trace */
    PLAYER_HUNG     /* it was killed; EXIT was added to the trace */
};

struct player_outcome {
    enum player_end end;
    int signal;                     /* that killed it, 0 none */
    int code;                       /* its exit status where no signal did */
    struct engine_result result;    /* of a play to the end */
    char output[PLAYER_OUTPUT_MAX]; /* the end of what was written to stdout and stderr */
    char absent[PLAYER_ABSENT_MAX]; /* observers that the world lacks, in words; "": none */
};

struct player;

/* Errors: STATUS_NO_MEMORY. */
enum status player_new(const struct player_setup *setup, struct player **ret_player,
                       struct status_detail *detail) STATUS_MUST_USE;
/* Ends the child. Accepts NULL. */
void player_free(struct player *player);

/* Plays. `header` goes into the trace, with the world's observers; the trace is valid until the
 * next play. Errors: those of `open` and engine_run; STATUS_ENVIRONMENT when no child can be made.
 */
enum status player_play(struct player *player, const struct scenario *scenario,
                        const struct trace_header *header, const struct trace **ret_trace,
                        struct player_outcome *ret_outcome,
                        struct status_detail *detail) STATUS_MUST_USE;

/* The same in three parts, for several players at once: begin; until player_look says true, wait
 * for player_descriptor to become readable, PLAYER_POLL_MS at most, and look again; end. What
 * `begin` refuses needs no `end`. */
enum status player_begin(struct player *player, const struct scenario *scenario,
                         const struct trace_header *header,
                         struct status_detail *detail) STATUS_MUST_USE;
int player_descriptor(const struct player *player);
bool player_look(struct player *player);
/* Whether the play, as far as player_look was told, only waits for real time to pass: another
 * player may work meanwhile. */
bool player_rests(const struct player *player);
enum status player_end(struct player *player, const struct trace **ret_trace,
                       struct player_outcome *ret_outcome,
                       struct status_detail *detail) STATUS_MUST_USE;

#endif
