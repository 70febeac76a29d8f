/* Plays cases for stacks on one world and judges them, for the tests of the rules that bind stacks.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_ORACLE_STACK_PLAY_H
#define SOCKSPEC_TESTS_ORACLE_STACK_PLAY_H

#include "oracle/oracle.h"
#include "suite/cases.h"
#include "world/engine.h"

struct stack_play {
    struct cases cases; /* of corpus/stack */
    struct world *world;
    struct engine *engine;
    struct oracle *oracle;
    struct trace trace; /* of the newest play */
};

/* Opens a world; the file that is linked in says which. Exits with 77 where that cannot be. */
struct world *stack_play_world(void);

void stack_play_open(struct stack_play *play);
void stack_play_close(struct stack_play *play);
/* Plays and judges; the judgement lives until the next one. */
const struct oracle_judgement *stack_play_case(struct stack_play *play,
                                               const struct suite_case *the_case);

#endif
