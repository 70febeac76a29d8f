/* Putting a linked target, the model, the engine and the oracle together. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_subject.h"

#include <stddef.h>

#include "bench_util.h"
#include "model/model.h"
#include "redirect/program.h"

void bench_open(struct bench_subject *subject, uint8_t *counters)
{
    const struct sockspec_program *program = &sockspec_target_program;
    struct status_detail detail = {""};
    struct redirect *redirect = NULL;
    struct model *model = NULL;
    bench_must(subject_open(&subject->subject, program, &detail) == STATUS_OK &&
                   redirect_new(program, &redirect, &detail) == STATUS_OK &&
                   model_new(redirect_runner(redirect), &model, &detail) == STATUS_OK,
               detail.text);
    redirect_bind(redirect, model);
    model_set_counters(model, counters);
    struct world *world = model_world(model);
    bench_must(engine_new(world, &subject->engine, &detail) == STATUS_OK &&
                   oracle_new(&subject->oracle, &detail) == STATUS_OK,
               detail.text);
    bench_must(trace_init(&subject->trace, TRACE_EVENTS_MAX) == STATUS_OK, "memory");
    subject->trace.header = subject_header(&subject->subject, world->ops->observers);
    subject->play = (struct engine_play){.target = &subject->subject.target,
                                         .profile = subject->subject.profile,
                                         .trace = &subject->trace,
                                         .seed = subject->trace.header.seed};
}

void bench_play(struct bench_subject *subject, const struct scenario *scenario,
                struct engine_result *ret_result)
{
    struct status_detail detail = {""};
    bench_must(engine_run(subject->engine, &subject->play, scenario, ret_result, &detail) ==
                   STATUS_OK,
               detail.text);
}

const struct oracle_judgement *bench_judge(struct bench_subject *subject)
{
    struct status_detail detail = {""};
    const struct oracle_judgement *judgement = NULL;
    bench_must(oracle_judge(subject->oracle, &subject->trace, &judgement, &detail) == STATUS_OK,
               detail.text);
    return judgement;
}
