/* The byte form of a scenario, for fuzzers: compact, and every byte string means something.
 *
 *     byte 0       version; see SCENARIO_CODE_VERSION
 *     then, by step:
 *       1 byte     the verb in the low six bits; 0x40: placed, 0x80: an id other than 0
 *       [2 bytes]  the place: call, nth
 *       [1 byte]   the id
 *       …          the fields that the verb uses, in the order of enum scenario_field
 *
 * Laws: every byte string decodes; decode(encode(s)) = s; encode(decode(b)) is canonical, so that
 * encoding what it decodes to gives it again. Pure functions; safe from any thread. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SCENARIO_CODE_H
#define SOCKSPEC_SCENARIO_CODE_H

#include <stddef.h>
#include <stdint.h>

#include "scenario/scenario.h"

enum {
    /* Written as the first byte. An unknown version decodes as this one: a fuzzer that flips the
     * byte loses no run. Whoever changes the layout raises the number and converts the corpora. */
    SCENARIO_CODE_VERSION = 1,
    SCENARIO_CODE_STEP_MAX = 16, /* bytes of one step without its literal */
    SCENARIO_CODE_MAX = 1 + SCENARIO_STEPS_MAX * SCENARIO_CODE_STEP_MAX + SCENARIO_LITERAL_MAX
};

/* Decodes any bytes (none: no steps). What is missing at the end reads as 0, values are brought
 * into range, steps beyond SCENARIO_STEPS_MAX and literal bytes beyond SCENARIO_LITERAL_MAX are
 * left out. Only what is in use of `ret_scenario` is written. */
void scenario_decode(const uint8_t *data, size_t size, struct scenario *ret_scenario);

/* Encodes as many whole steps as fit into `size` bytes; SCENARIO_CODE_MAX bytes hold any scenario.
 * Returns the length written (0 only where size is 0). */
size_t scenario_encode(const struct scenario *scenario, uint8_t *data, size_t size);

#endif
