/* The model as a world: making, emptying and freeing it, and the table of its operations. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/model.h"

#include <stdlib.h>

#include "model/net.h"
#include "model/world_io.h"

static struct model *model_of(struct world *world)
{
    return (struct model *)(void *)world;
}

static void model_reset(struct world *world, struct trace *trace, uint64_t seed)
{
    struct model *model = model_of(world);
    trace_clear(trace);
    model->trace = trace;
    model->random.state = seed;
    model_io_reset(model);
    model_net_reset(model);
}

static void model_free(struct world *world)
{
    struct model *model = model_of(world);
    model_io_free(model);
    model_net_free(model->net);
    free(model);
}

static void model_deliver(struct world *world)
{
    model_net_deliver(model_of(world));
}

/* Filled in once: the parts of the model give their operations each. */
static struct world_ops operations;

static const struct world_ops *operations_get(void)
{
    if (operations.name == NULL) {
        struct world_ops ops = {
            .observers = TRACE_SEES_CALLS | TRACE_SEES_STATES | TRACE_SEES_WIRE |
                         TRACE_SEES_DESCRIPTORS | TRACE_SEES_HEAP | TRACE_SEES_BYTES |
                         TRACE_SEES_EXIT | TRACE_SEES_THREADS,
            .reset = model_reset,
            .run = model_world_run,
            .settle = model_world_settle,
            .deliver = model_deliver,
            .free = model_free,
            .fault_arm = model_world_fault_arm,
            .fault_clear = model_world_fault_clear,
            .descriptors_free = model_world_descriptors_free,
            .order = model_world_order,
            .now_us = model_world_now_us,
            .advance = model_world_advance,
            .run_on = model_world_run_on,
            .clock_jump = model_world_clock_jump,
            .signal = model_world_signal,
            .descriptors = model_world_descriptors,
            .heap = model_world_heap,
        };
        scripted_ops(&ops);
        wire_ops(&ops);
        ops.name = "model";
        operations = ops;
    }
    return &operations;
}

enum status model_new(const struct model_runner *runner, struct model **ret_model,
                      struct status_detail *detail)
{
    struct model *model = calloc(1, sizeof *model);
    enum status status = STATUS_NO_MEMORY;
    if (model == NULL) {
        return status_fail(detail, status, "model kernel");
    }
    model->world.ops = operations_get();
    model->runner = runner;
    status = model_net_new(model, &model->net);
    if (status == STATUS_OK) {
        status = model_io_new(model);
    }
    if (status != STATUS_OK) {
        model_net_free(model->net);
        free(model);
        return status_fail(detail, status, "model kernel");
    }
    *ret_model = model;
    return STATUS_OK;
}

struct world *model_world(struct model *model)
{
    return &model->world;
}

void model_set_counters(struct model *model, uint8_t *counters)
{
    model->counters = counters;
}
