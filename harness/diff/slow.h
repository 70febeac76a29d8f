/* Making up scenarios that need real time: those of generate.h, with moments put in where something
 * is lost or nobody answers, and time passes. The same seed gives the same scenario everywhere. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_DIFF_SLOW_H
#define SOCKSPEC_DIFF_SLOW_H

#include "base/random.h"
#include "scenario/scenario.h"

/* At least a second passes, mostly some seconds, at most about three minutes. */
void diff_generate_slow(struct scenario *ret_scenario, struct random *random);

#endif
