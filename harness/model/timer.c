/* Virtual time: a binary heap of timers, by time and then by the order of setting. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "model/io.h"

static bool entry_before(const struct io_heap_entry *a, const struct io_heap_entry *b)
{
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

static void heap_place(struct model_io *io, uint32_t at, struct io_heap_entry entry)
{
    io->timers[at] = entry;
    entry.timer->index = at + 1;
}

static void heap_rise(struct model_io *io, uint32_t at, struct io_heap_entry entry)
{
    while (at > 0 && entry_before(&entry, &io->timers[(at - 1) / 2])) {
        heap_place(io, at, io->timers[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_place(io, at, entry);
}

static void heap_sink(struct model_io *io, uint32_t at, struct io_heap_entry entry)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= io->timer_count) {
            break;
        }
        if (child + 1 < io->timer_count &&
            entry_before(&io->timers[child + 1], &io->timers[child])) {
            child++;
        }
        if (!entry_before(&io->timers[child], &entry)) {
            break;
        }
        heap_place(io, at, io->timers[child]);
        at = child;
    }
    heap_place(io, at, entry);
}

void model_timer_set(struct model *model, struct model_timer *timer, int64_t at_us)
{
    struct model_io *io = model->io;
    assert(timer->fire != NULL);
    model_timer_cancel(model, timer);
    assert(io->timer_count < IO_TIMERS_MAX);
    timer->at_us = at_us;
    timer->order = io->timer_order++;
    struct io_heap_entry entry = {.at_us = at_us, .order = timer->order, .timer = timer};
    heap_rise(io, io->timer_count++, entry);
}

void model_timer_unset(struct model *model, struct model_timer *timer)
{
    struct model_io *io = model->io;
    uint32_t at = timer->index - 1;
    assert(at < io->timer_count && io->timers[at].timer == timer);
    timer->index = 0;
    if (at == --io->timer_count) {
        return;
    }
    struct io_heap_entry last = io->timers[io->timer_count];
    if (at > 0 && entry_before(&last, &io->timers[(at - 1) / 2])) {
        heap_rise(io, at, last);
    } else {
        heap_sink(io, at, last);
    }
}

int64_t model_timer_next(const struct model *model)
{
    return model->io->timer_count > 0 ? model->io->timers[0].at_us : INT64_MAX;
}

static void clock_to(struct model *model, int64_t at_us)
{
    if (at_us <= model->now_us) {
        return;
    }
    struct trace_event *event = trace_add(model->trace, TRACE_TIME, TRACE_HOST_TARGET);
    event->a = at_us - model->now_us;
    model->now_us = at_us;
    model->trace->now_us = at_us;
    model_changed(model);
}

void model_timer_run(struct model *model, int64_t at_us)
{
    struct model_io *io = model->io;
    while (io->timer_count > 0 && io->timers[0].at_us <= at_us) {
        struct model_timer *timer = io->timers[0].timer;
        clock_to(model, timer->at_us);
        model_timer_cancel(model, timer);
        model_changed(model);
        timer->fire(model, timer);
    }
    clock_to(model, at_us);
}

void io_timers_reset(struct model *model)
{
    struct model_io *io = model->io;
    for (uint32_t i = 0; i < io->timer_count; i++) {
        io->timers[i].timer->index = 0;
    }
    io->timer_count = 0;
    io->timer_order = 0;
}
