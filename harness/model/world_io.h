/* The descriptors' side of the world's operations and of the model's life: what model.c puts into
 * its struct world_ops and calls from model_new, reset and free. See world.h for each operation. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_MODEL_WORLD_IO_H
#define SOCKSPEC_MODEL_WORLD_IO_H

#include "model/kernel.h"

/* Sets model->io and model->processes. Errors: STATUS_NO_MEMORY, and nothing is left to free. */
enum status model_io_new(struct model *model) STATUS_MUST_USE;
/* Accepts NULL in model->io. */
void model_io_free(struct model *model);
/* Time 0, no descriptor, no fault, no timer, no signal. model->trace must be set. Costs what was
 * used. */
void model_io_reset(struct model *model);

/* struct world_ops, one by one. */
enum status model_world_run(struct world *world, const struct world_target *target,
                            struct world_hooks *hooks, struct status_detail *detail);
void model_world_settle(struct world *world);
int model_world_fault_arm(struct world *world, const struct world_fault *fault);
void model_world_fault_clear(struct world *world,
                             void (*unused)(void *context, uint16_t step, enum trace_noop reason),
                             void *context);
void model_world_descriptors_free(struct world *world, int free_count);
bool model_world_order(struct world *world, uint32_t permutation);
int64_t model_world_now_us(struct world *world);
bool model_world_advance(struct world *world, int64_t us, uint32_t wakeups_max);
void model_world_run_on(struct world *world, int64_t us, uint32_t wakeups_max);
bool model_world_clock_jump(struct world *world, int64_t us);
int model_world_signal(struct world *world, int number, bool even_if_fatal);
int model_world_descriptors(struct world *world);
void model_world_heap(struct world *world, int64_t *ret_blocks, int64_t *ret_bytes);

#endif
