/* The descriptors' side of the world's operations, and the life of programs: runs, tasks, time,
 * what they hold. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "model/io.h"

static struct model *of(struct world *world)
{
    return (struct model *)(void *)world;
}

/* ---- Life of the model -------------------------------------------------------------------------
 */

static bool pools_new(struct model_io *io)
{
    io->timers = calloc(IO_TIMERS_MAX, sizeof *io->timers);
    io->objects = calloc(IO_OBJECTS_MAX, sizeof *io->objects);
    bool fine = io->timers != NULL && io->objects != NULL;
    for (int host = 0; host < TRACE_HOST_COUNT; host++) {
        io->buffers[host] = malloc(IO_RING_SIZE);
        fine = fine && io->buffers[host] != NULL;
    }
    return fine && io_epoll_new(io) == STATUS_OK && io_pipes_new(io) == STATUS_OK &&
           io_pairs_new(io) == STATUS_OK;
}

void model_io_free(struct model *model)
{
    struct model_io *io = model->io;
    if (io == NULL) {
        return;
    }
    if (io->objects != NULL) {
        io_files_reset(model);
    }
    io_epoll_free(io);
    io_pipes_free(io);
    io_pairs_free(io);
    for (int host = 0; host < TRACE_HOST_COUNT; host++) {
        free(io->buffers[host]);
    }
    free(io->timers);
    free(io->objects);
    free(io);
    model->io = NULL;
}

enum status model_io_new(struct model *model)
{
    struct model_io *io = calloc(1, sizeof *io);
    model->io = io;
    if (io == NULL || !pools_new(io)) {
        model_io_free(model);
        return STATUS_NO_MEMORY;
    }
    for (int host = 0; host < TRACE_HOST_COUNT; host++) {
        model->processes[host] = &io->process[host];
        /* A fresh process has every word to give: say so once, resets then restore what was used.
         */
        io->process[host].slots_high = MODEL_DESCRIPTORS_MAX;
        io_process_reset(&io->process[host], (enum trace_host)host);
    }
    return STATUS_OK;
}

void model_io_reset(struct model *model)
{
    struct model_io *io = model->io;
    io_timers_reset(model);
    for (int host = 0; host < TRACE_HOST_COUNT; host++) {
        io_process_reset(&io->process[host], (enum trace_host)host);
        io->tasks[host].life = IO_ABSENT;
        io_threads_begin(&io->tasks[host]);
    }
    io_files_reset(model);
    io_epoll_reset(model);
    io_pipes_reset(model);
    io_pairs_reset(model);
    io_fault_reset(model);
    model->current = NULL;
    model->now_us = 0;
    model->trace->now_us = 0;
    model->realtime_offset_us = IO_REALTIME_US;
    model->order = 0;
    io->attention = 0;
    io->schedule = (struct random){model->random.state + 1};
    io->goal_open = false;
    io->free_wanted = -1;
    io->dialogues = 0;
    io->dialogues_heap = 0;
}

/* ---- Life of programs --------------------------------------------------------------------------
 */

/* Numbers >= the limit are not given out: the limit that leaves `free_count` of those below it that
 * are not open, as RLIMIT_NOFILE is set on a real kernel. */
static void leave_free(struct model_process *process, int free_count)
{
    int limit = 0;
    for (int left = free_count; free_count >= 0 && limit < MODEL_DESCRIPTORS_MAX; limit++) {
        bool open = limit < process->slots_high && process->slots[limit].file != NULL;
        if (!open && left-- == 0) {
            break;
        }
    }
    process->limit = free_count < 0 ? MODEL_DESCRIPTORS_MAX : limit;
}

void model_task_begin(struct model *model, enum trace_host host)
{
    struct model_io *io = model->io;
    struct io_task *task = &io->tasks[host];
    struct model_process *process = &io->process[host];
    io_process_reset(process, host);
    io_signal_task_reset(model, task);
    task->life = IO_RUNNING;
    io_threads_begin(task);
    task->stop = IO_STOP_NONE;
    task->stop_handled = false;
    process->running = true;
    model->current = process;
    io_files_open_consoles(model, process);
    if (host == TRACE_HOST_TARGET) {
        leave_free(process, io->free_wanted);
    }
}

/* An exit after the stop signal says by which means it came. */
static enum trace_exit exit_how(const struct io_task *task, enum trace_exit how)
{
    /* Where all of its calls fail a program may well abort: that is no crash of its own. */
    if (task->stop == IO_STOP_ERRORS && (how == TRACE_EXIT_RETURNED || how == TRACE_EXIT_ABORTED)) {
        return TRACE_EXIT_JUMPED;
    }
    bool asked = task->stop != IO_STOP_NONE || task->stop_handled;
    return how == TRACE_EXIT_RETURNED && asked ? TRACE_EXIT_STOPPED_BY_HANDLER : how;
}

void model_task_end(struct model *model, struct model_exit exit)
{
    struct io_task *task = io_task(model);
    struct model_process *process = model->current;
    struct trace_event *event = trace_add(model->trace, TRACE_EXIT, process->host);
    event->what = (uint8_t)exit_how(task, exit.how);
    event->result = exit.status;
    event->a = process->open_count;
    if (model->runner->heap != NULL) {
        int64_t bytes = 0;
        model->runner->heap(model->runner->context, &event->b, &bytes);
    }
    task->life = IO_GONE;
    process->running = false; /* no SO_LINGER wait while it exits */
    io_threads_end(model, task);
    io_files_close_all(model, process);
    io_signal_task_reset(model, task);
    process->failing = false;
    if (model->io->tasks[TRACE_HOST_TARGET].life != IO_RUNNING &&
        model->io->tasks[TRACE_HOST_PEER].life != IO_RUNNING) {
        model->io->attention &= ~(uint32_t)(IO_ATTENTION_STOPPING | IO_ATTENTION_SIGNAL);
    }
    model->current = NULL;
    model_changed(model);
}

enum status model_world_run(struct world *world, const struct world_target *target,
                            struct world_hooks *hooks, struct status_detail *detail)
{
    struct model *model = of(world);
    struct model_io *io = model->io;
    if (model->runner == NULL) {
        return status_fail(detail, STATUS_UNSUPPORTED, "this model runs no programs");
    }
    bool pair = target->role == TRACE_ROLE_PAIR;
    io->tasks[TRACE_HOST_TARGET].life = IO_WAITING;
    io->tasks[TRACE_HOST_PEER].life = pair ? IO_WAITING : IO_ABSENT;
    io_threads_begin(&io->tasks[TRACE_HOST_TARGET]);
    io_threads_begin(&io->tasks[TRACE_HOST_PEER]);
    io->attention = pair ? IO_ATTENTION_TASKS : 0;
    io->calls_max = target->calls_max != 0 ? target->calls_max : IO_SPIN_CALLS;
    io->goal_open = false;
    io->idle_rounds = 0;
    io->over = false;
    io->asked = false;
    io->begun_us = model->now_us;
    io->changes_seen = UINT64_MAX;
    io->looks_seen = UINT64_MAX - 1;
    model->calls_at_instant = 0;
    model->hooks = hooks;
    model->target = target;
    struct model_exit exit = {0};
    enum status status = model->runner->run(model->runner->context, target, &exit, detail);
    model->hooks = NULL;
    model->target = NULL;
    model->current = NULL;
    io->tasks[TRACE_HOST_TARGET].life = IO_GONE;
    io->tasks[TRACE_HOST_PEER].life = IO_GONE;
    io->attention = 0;
    return status;
}

/* ---- Operations --------------------------------------------------------------------------------
 */

void model_world_settle(struct world *world)
{
    struct model *model = of(world);
    do {
        model_net_deliver(model);
    } while (io_time_step(model));
}

void model_world_descriptors_free(struct world *world, int free_count)
{
    struct model *model = of(world);
    model->io->free_wanted = free_count;
    if (model->io->tasks[TRACE_HOST_TARGET].life == IO_RUNNING) {
        leave_free(&model->io->process[TRACE_HOST_TARGET], free_count);
    }
}

bool model_world_order(struct world *world, uint32_t permutation)
{
    of(world)->order = permutation;
    of(world)->io->schedule = (struct random){permutation};
    return true;
}

int64_t model_world_now_us(struct world *world)
{
    return of(world)->now_us;
}

bool model_world_advance(struct world *world, int64_t us, uint32_t wakeups_max)
{
    struct model *model = of(world);
    assert(us >= 0);
    model_net_time_passes(model);
    model->io->goal_open = wakeups_max > 0;
    model->io->goal_at_us = model->now_us + us;
    model->io->goal_wakeups = wakeups_max;
    return true;
}

/* The model's time costs nothing, so it always runs to the end. */
void model_world_run_on(struct world *world, int64_t us, uint32_t wakeups_max)
{
    (void)model_world_advance(world, us, wakeups_max);
}

bool model_world_clock_jump(struct world *world, int64_t us)
{
    of(world)->realtime_offset_us += us;
    return true;
}

int model_world_descriptors(struct world *world)
{
    return of(world)->io->process[TRACE_HOST_TARGET].open_count;
}

void model_world_heap(struct world *world, int64_t *ret_blocks, int64_t *ret_bytes)
{
    struct model *model = of(world);
    *ret_blocks = 0;
    *ret_bytes = 0;
    if (model->runner != NULL && model->runner->heap != NULL) {
        model->runner->heap(model->runner->context, ret_blocks, ret_bytes);
    }
}
