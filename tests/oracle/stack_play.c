#include "oracle/stack_play.h"
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

enum { EVENTS = 1 << 14 };

void stack_play_open(struct stack_play *play)
{
    struct status_detail detail = {""};
    const char *folder = getenv("SOCKSPEC_STACK_CASES"); /* another folder, to try cases out */
    *play = (struct stack_play){.world = stack_play_world()};
    assert_ok(cases_load(folder != NULL ? folder : STACK_CASES, &play->cases, &detail), &detail);
    assert_ok(engine_new(play->world, &play->engine, &detail), &detail);
    assert_ok(oracle_new(&play->oracle, &detail), &detail);
    assert_ok(trace_init(&play->trace, EVENTS), &detail);
}

void stack_play_close(struct stack_play *play)
{
    engine_free(play->engine);
    play->world->ops->free(play->world);
    oracle_free(play->oracle);
    trace_done(&play->trace);
    cases_done(&play->cases);
}

const struct oracle_judgement *stack_play_case(struct stack_play *play,
                                               const struct suite_case *the_case)
{
    struct status_detail detail = {""};
    struct engine_result result;
    const struct oracle_judgement *judgement = NULL;
    const struct engine_play what = {.trace = &play->trace, .seed = the_case->seed};
    play->trace.header.role = TRACE_ROLE_STACK;
    play->trace.header.rules = TRACE_RULES_LINUX;
    play->trace.header.observers = play->world->ops->observers;
    assert_ok(engine_run(play->engine, &what, &the_case->scenario, &result, &detail), &detail);
    assert_ok(oracle_judge(play->oracle, &play->trace, &judgement, &detail), &detail);
    return judgement;
}
