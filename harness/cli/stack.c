/* Scenarios of role stack, without a target. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stack.h"

#include <stdlib.h>
#include <string.h>

#include "cli/check.h"
#include "linux/linux.h"
#include "model/model.h"
#include "sockspec/sockspec.h"
#include "trace/jsonl.h"
#include "world/engine.h"

enum { STACK_EVENTS = 1 << 16 };

enum status cli_stack_open(const char *name, bool slow, struct world **ret_world,
                           struct status_detail *detail)
{
    if (strcmp(name, "linux") == 0) {
        const struct linux_setup setup = {.slow = slow};
        return linux_world_new(&setup, ret_world, detail);
    }
    if (strcmp(name, "model") != 0) {
        return status_fail(detail, STATUS_USAGE, "there is no stack '%s'; expected model or linux",
                           name);
    }
    struct model *model = NULL;
    enum status status = model_new(NULL, &model, detail);
    if (status == STATUS_OK) {
        *ret_world = model_world(model);
    }
    return status;
}

static enum status save_trace(const char *path, const struct trace *trace,
                              struct status_detail *detail)
{
    struct trace_save file = {0};
    if (path == NULL) {
        return STATUS_OK;
    }
    enum status status = trace_save_open(&file, path, detail);
    if (status == STATUS_OK) {
        struct trace_output output = trace_output_stream(file.stream);
        status = trace_jsonl_write(trace, &output, detail);
        status = status == STATUS_OK ? trace_save_commit(&file, detail) : status;
    }
    trace_save_abandon(&file);
    return status;
}

static enum status play(struct world *world, const struct cli_options *options,
                        const struct suite_case *the_case, struct status_detail *detail)
{
    struct engine *engine = NULL;
    struct trace trace = {0};
    struct engine_result result = {0};
    enum status status = trace_init(&trace, STACK_EVENTS);
    status = status == STATUS_OK ? engine_new(world, &engine, detail) : status;
    if (status == STATUS_OK) {
        struct engine_play play = {.trace = &trace, .seed = options->seed_number};
        trace.header.role = TRACE_ROLE_STACK;
        trace.header.observers = world->ops->observers;
        (void)snprintf(trace.header.target, sizeof(trace.header.target), "%s", world->ops->name);
        (void)snprintf(trace.header.scenario, sizeof(trace.header.scenario), "%.*s",
                       TRACE_NAME_MAX - 1, the_case->name);
        status = engine_run(engine, &play, &the_case->scenario, &result, detail);
    }
    if (status == STATUS_OK) {
        (void)printf("%s on %s\n", the_case->name, world->ops->name);
        cli_draw_ladder(&trace, &the_case->scenario);
        (void)printf("\n%u steps: %u with effect, %u without\n", the_case->scenario.count,
                     result.steps_effective, result.steps_noop);
        status = save_trace(options->trace, &trace, detail);
    }
    engine_free(engine);
    trace_done(&trace);
    return status;
}

int cli_stack_replay(const struct cli_options *options)
{
    const char *name = options->stack != NULL   ? options->stack
                       : options->world != NULL ? options->world
                                                : "model";
    struct status_detail detail = {""};
    struct cli_session *session = calloc(1, sizeof(*session));
    struct suite_case *the_case = calloc(1, sizeof(*the_case));
    struct world *world = NULL;
    enum status status = session == NULL || the_case == NULL ? STATUS_NO_MEMORY : STATUS_OK;
    int code = 0;
    if (status == STATUS_OK) {
        session->options = options;
        status = cases_load(options->corpus, &session->cases, &detail);
    }
    if (status == STATUS_OK) {
        code = cli_take_scenario(session, options->operands[0], the_case);
    }
    if (status == STATUS_OK && code == 0 && (the_case->roles >> TRACE_ROLE_STACK & 1U) == 0) {
        code = cli_usage(options,
                         "replay needs --target TARGET (see `sockspec list targets`): %s is about "
                         "a program",
                         options->operands[0]);
    }
    if (status == STATUS_OK && code == 0) {
        status = cli_stack_open(name, options->slow, &world, &detail);
    }
    if (status == STATUS_OK && code == 0) {
        status = play(world, options, the_case, &detail);
    }
    if (world != NULL) {
        world->ops->free(world);
    }
    if (session != NULL) {
        cases_done(&session->cases);
    }
    free(session);
    free(the_case);
    return status == STATUS_OK ? code : cli_status(options, status, &detail);
}
