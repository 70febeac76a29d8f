/* Making scenarios: out of nothing, out of one, out of two. For fuzzers, so a call costs well under
 * a microsecond and allocates nothing. The same seed gives the same scenario on every machine. Pure
 * functions; safe from any thread as long as each has its own generator. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SCENARIO_MUTATE_H
#define SOCKSPEC_SCENARIO_MUTATE_H

#include "base/random.h"
#include "scenario/scenario.h"

/* What the scenarios are for: who the target is. */
enum scenario_role {
    SCENARIO_ROLE_SERVER, /* peers connect and send requests */
    SCENARIO_ROLE_CLIENT, /* peers accept and send responses */
    SCENARIO_ROLE_PAIR,   /* both hosts are programs: wire, kernel, time and signals alone */
    SCENARIO_ROLE_STACK,  /* app sockets on the target's host, peers on the other */
    SCENARIO_ROLE_COUNT
};

struct scenario_shape {
    enum scenario_role role;
    unsigned steps_max; /* of what is made: 1 … SCENARIO_STEPS_MAX */
};

/* A new scenario: one to five short dialogues (a request and its half-close, a reset in the middle
 * of one, a stalled reader, descriptors running out, …), one after the other or interleaved. Nearly
 * every one opens a connection first. */
void scenario_generate(struct scenario *ret_scenario, struct random *random,
                       const struct scenario_shape *shape);

/* A burst of connections that overfills the queue of any usual server, and one client in it that is
 * served in the end: nearly as many steps as a scenario can have, so draw it seldom. For servers.
 */
void scenario_burst(struct scenario *ret_scenario, struct random *random);

/* Changes the scenario in one to four ways: inserts a dialogue or a step, removes, repeats, swaps
 * or moves steps, changes a field, a place, or whom a run of steps is about. Steps that mean
 * nothing in the role are left out or turned into what corresponds to them. Large messages are
 * limited as below. The result has at least one step. */
void scenario_mutate(struct scenario *scenario, struct random *random,
                     const struct scenario_shape *shape);

/* A scenario of the beginning of one and a run of the other, or of one around a run of the other,
 * or of both interleaved, half of the time with the other's peers renumbered. At most
 * SCENARIO_STEPS_MAX steps. `ret_scenario` is neither `a` nor `b`. */
void scenario_splice(const struct scenario *a, const struct scenario *b,
                     struct scenario *ret_scenario, struct random *random);

/* Leaves two large messages: one fills every buffer and the second meets them full. Those behind
 * show nothing more, and become ordinary ones. */
void scenario_limit_large(struct scenario *scenario, enum scenario_role role);

#endif
