/* Making up scenarios whose two hosts are scripted: a random walk that follows what its sockets
 * probably are, so that nearly every step has an effect, and that seeks the rare states. The same
 * seed gives the same scenario everywhere. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_DIFF_GENERATE_H
#define SOCKSPEC_DIFF_GENERATE_H

#include "base/random.h"
#include "scenario/scenario.h"

struct diff_shape {
    unsigned steps_min; /* at least so many are made up */
    unsigned steps_max; /* about so many: an episode is always whole */
};

void diff_generate(struct scenario *ret_scenario, struct random *random,
                   const struct diff_shape *shape);

#endif
