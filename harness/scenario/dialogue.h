/* Inside the folder: the dialogues and single steps that generation and mutation insert. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SCENARIO_DIALOGUE_H
#define SOCKSPEC_SCENARIO_DIALOGUE_H

#include "base/random.h"
#include "scenario/mutate.h"
#include "scenario/scenario.h"

/* What the steps so far have done to the peers, as bits by id. */
struct dialogue_peers {
    uint32_t open; /* connected and not closed */
    uint32_t used; /* ever connected */
};

/* Follows the steps [0, end). */
struct dialogue_peers dialogue_follow(const struct scenario *scenario, unsigned end);

/* Appends one dialogue that suits the peers: on a new peer, or going on with an open one. At most
 * `shape->steps_max` steps in all. */
void dialogue_append(struct scenario *scenario, struct dialogue_peers peers, struct random *random,
                     const struct scenario_shape *shape);

/* Appends one step that suits the peers. */
void dialogue_append_step(struct scenario *scenario, struct dialogue_peers peers,
                          struct random *random, const struct scenario_shape *shape);

/* Appends the step that opens peer `id` in this role, if the role has peers. */
void dialogue_append_open(struct scenario *scenario, uint8_t id,
                          const struct scenario_shape *shape);

/* Gives the step new arguments for its verb, keeping verb, id and place. A literal's bytes are in
 * static storage and returned; NULL when the step has none. */
const uint8_t *dialogue_fill(struct scenario_step *step, struct random *random,
                             const struct scenario_shape *shape);

/* Puts the step before some call. */
void dialogue_place(struct scenario_step *step, struct random *random,
                    const struct scenario_shape *shape);

/* Whether a step means something in the role, after what corresponds has been put for it (a
 * server's peer connects where a client's accepts) and a receive buffer of a few bytes has been
 * made larger. */
bool dialogue_fit(struct scenario_step *step, enum scenario_role role);

#endif
