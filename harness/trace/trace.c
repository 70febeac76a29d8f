/* Storage of a trace. The events lie in one mapping whose pages are touched as the run goes on. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/trace.h"

#include <assert.h>
#include <sys/mman.h>

/* One slot more than the capacity: the scratch slot of a full trace. */
static size_t storage_size(uint32_t capacity)
{
    return ((size_t)capacity + 1) * sizeof(struct trace_event);
}

enum status trace_init(struct trace *trace, uint32_t capacity)
{
    if (capacity < 2 || capacity > TRACE_EVENTS_MAX) {
        return STATUS_LIMIT;
    }
    void *events = mmap(NULL, storage_size(capacity), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (events == MAP_FAILED) {
        return STATUS_NO_MEMORY;
    }
    *trace = (struct trace){.events = events, .capacity = capacity};
    return STATUS_OK;
}

void trace_done(struct trace *trace)
{
    if (trace != NULL && trace->events != NULL) {
        (void)munmap(trace->events, storage_size(trace->capacity));
        *trace = (struct trace){0};
    }
}

COLD_CALL void trace_overflow(struct trace *trace)
{
    assert(trace->events != NULL && trace->count <= trace->capacity);
    if (trace->count < trace->capacity) {
        trace->events[trace->count++] =
            (struct trace_event){.time_us = trace->now_us, .kind = TRACE_OVERFLOW, .fd = -1};
    }
}
