/* The linked target of a bench executable in a model, ready to be played and judged as a fuzzing
 * process does it. What fails ends the process. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_BENCH_SUBJECT_H
#define SOCKSPEC_TESTS_BENCH_SUBJECT_H

#include <stdint.h>

#include "oracle/oracle.h"
#include "suite/subject.h"
#include "world/engine.h"

struct bench_subject {
    struct subject subject; /* of sockspec_target_program */
    struct engine *engine;
    struct oracle *oracle;
    struct engine_play play;
    struct trace trace; /* of the last run */
};

/* `counters`: FUZZ_COUNTERS bytes that the model counts states in. */
void bench_open(struct bench_subject *subject, uint8_t *counters);
void bench_play(struct bench_subject *subject, const struct scenario *scenario,
                struct engine_result *ret_result);
/* Of the last run. */
const struct oracle_judgement *bench_judge(struct bench_subject *subject);

#endif
