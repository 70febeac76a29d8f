/* Scenarios for the tests of this folder: read from text, or drawn at random. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_SCENARIO_SUPPORT_H
#define SOCKSPEC_TESTS_SCENARIO_SUPPORT_H

#include "base/random.h"
#include "scenario/scenario.h"

/* The steps of a text that must be right; fails the test with the message otherwise. */
void support_parse(const char *text, struct scenario *ret_scenario);

/* Any steps at all, their fields drawn from all bits. */
void support_random(struct scenario *ret_scenario, struct random *random);

/* The laws of DESIGN.md: valid, decode(encode(s)) = s, parse(print(s)) = s. Prints the scenario and
 * returns false where one does not hold. */
bool support_laws_hold(const struct scenario *scenario);

#endif
