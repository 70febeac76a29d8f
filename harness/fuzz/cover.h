/* What inputs reach and what they cost, for choosing a small corpus: see measure.py minimise.
 * Stands in fuzzing executables, where the target's coverage is. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_FUZZ_COVER_H
#define SOCKSPEC_FUZZ_COVER_H

#include <stdint.h>

/* Plays every file of `folder` and prints a line for each to stdout: steps with an effect, events,
 * name, numbers of its features. Features are edges of the target, state pairs with an event, kept
 * rules, and what calls answered (call and errno).
 *
 * With `trimmed`, a folder that is there, each input is trimmed first: steps that add no feature
 * and only cost are left out; it is written there under its name, and the line tells of what was
 * written. `counters` are those of fuzz_process_count. What fails is said on stderr and ends the
 * process. */
void fuzz_cover_folder(const char *folder, const char *trimmed, uint8_t *counters);

#endif
