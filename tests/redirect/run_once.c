/* Runs the linked program once in the model and prints how it ended. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>

#include "redirect/program.h"

static enum world_next stop(void *context)
{
    (void)context;
    return WORLD_STOP;
}

int main(void)
{
    static char name[] = "program";
    char *argv[] = {name, NULL};
    struct world_target target = {
        .name = name, .role = TRACE_ROLE_SERVER, .argc = 1, .argv = argv, .stop_signal = SIGTERM};
    struct world_hooks hooks = {.on_idle = stop};
    struct status_detail detail = {{0}};
    struct redirect *redirect = NULL;
    struct model *model = NULL;
    struct trace trace;
    if (redirect_new(&sockspec_target_program, &redirect, &detail) != STATUS_OK ||
        model_new(redirect_runner(redirect), &model, &detail) != STATUS_OK ||
        trace_init(&trace, 4096) != STATUS_OK) {
        (void)fprintf(stderr, "%s\n", detail.text);
        return 3;
    }
    redirect_bind(redirect, model);
    struct world *world = model_world(model);
    world->ops->reset(world, &trace, 1);
    if (world->ops->run(world, &target, &hooks, &detail) != STATUS_OK) {
        (void)fprintf(stderr, "%s\n", detail.text);
        return 3;
    }
    for (uint32_t i = 0; i < trace.count; i++) {
        if (trace.events[i].kind == TRACE_EXIT) {
            (void)printf("%s %d\n", trace_exit_name(trace.events[i].what),
                         (int)trace.events[i].result);
        }
    }
    world->ops->free(world);
    redirect_free(redirect);
    trace_done(&trace);
    return 0;
}
