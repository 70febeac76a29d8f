/* The world of stacks: time, the wire, and the life of the two instances. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stack/world_internal.h"

const uint8_t stack_addresses[TRACE_HOST_COUNT][4] = {{10, 83, 0, 1}, {10, 83, 0, 2}};

/* ---- Time ---- */

/* Time is traced when something is about to follow it. */
static void trace_time(struct stack_world *stack)
{
    if (stack->pending_us > 0) {
        trace_add(stack->trace, TRACE_TIME, TRACE_HOST_TARGET)->a = stack->pending_us;
        stack->pending_us = 0;
    }
}

/* Tells an instance that `ms` went by, and learns when it wants to be told next. */
static void tell_time(struct stack_world *stack, enum trace_host host, int64_t ms)
{
    struct stack_instance *instance = &stack->instances[host];
    int64_t next = stack_ask_plain(stack, host, STACK_ADVANCE, -1, ms, 0);
    if (stack_has_ended(stack)) {
        return;
    }
    if (next == 0 || next < -1) {
        stack_nonsense(stack, host, "advance", "it answered %lld, expected -1 or at least 1",
                       (long long)next);
        return;
    }
    stack->asked[host] = instance->asked;
    stack->due_us[host] = next < 0 ? -1 : stack->trace->now_us + next * 1000;
}

/* The next instant at which something may happen, at most `limit_us`. */
static int64_t next_instant(struct stack_world *stack, int64_t limit_us)
{
    int64_t next_us = limit_us;
    for (enum trace_host host = 0; host < TRACE_HOST_COUNT; host++) {
        if (stack->asked[host] != stack->instances[host].asked) {
            tell_time(stack, host, 0);
        }
        if (stack->due_us[host] >= 0 && stack->due_us[host] < next_us) {
            next_us = stack->due_us[host];
        }
    }
    return next_us > stack->trace->now_us ? next_us : stack->trace->now_us + 1000;
}

/* Looks at the states: nothing on the wire tells of the end of TIME-WAIT. What changed stands
 * behind the time that passed. */
static void sample(struct stack_world *stack)
{
    struct trace *trace = stack->trace;
    uint32_t before = trace->count;
    stack->sampled_us = trace->now_us;
    packet_wire_sample_live(&stack->wire);
    if (trace->count > before && stack->pending_us > 0 && !trace_full(trace)) {
        trace_time(stack);
        struct trace_event time = trace->events[trace->count - 1];
        memmove(&trace->events[before + 1], &trace->events[before],
                (trace->count - 1 - before) * sizeof(time));
        trace->events[before] = time;
    }
}

/* Lets time pass up to where something may happen. False when no goal is open. */
static bool goal_step(struct stack_world *stack)
{
    if (!stack->goal_open || stack_has_ended(stack)) {
        return false;
    }
    int64_t left_us = stack->goal_us - stack->trace->now_us;
    if (left_us <= 0) {
        stack->goal_open = false;
        trace_time(stack);
        sample(stack);
        return true;
    }
    int64_t step_us = next_instant(stack, stack->goal_us) - stack->trace->now_us;
    stack->trace->now_us += step_us;
    stack->pending_us += step_us;
    for (enum trace_host host = 0; host < TRACE_HOST_COUNT; host++) {
        tell_time(stack, host, step_us / 1000);
        if (stack->instances[host].count > 0) {
            trace_time(stack);
        }
    }
    if (stack->trace->now_us - stack->sampled_us >= STACK_SAMPLE_US) {
        sample(stack);
    }
    return true;
}

/* ---- Operations of the world itself ---- */

static void world_deliver(struct world *world)
{
    struct stack_world *stack = stack_of(world);
    unsigned rounds = 0;
    do {
        (void)packet_wire_collect(&stack->wire);
        if (rounds++ == STACK_ROUNDS_MAX) {
            stack_nonsense(stack, TRACE_HOST_TARGET, "inject",
                           "both ends went on answering each other, %d times at one instant",
                           STACK_ROUNDS_MAX);
        }
    } while (!stack_has_ended(stack) && packet_wire_deliver_all(&stack->wire));
}

static void world_settle(struct world *world)
{
    do {
        world_deliver(world);
    } while (goal_step(stack_of(world)));
}

static void begin_instance(struct stack_world *stack, enum trace_host host, uint64_t seed)
{
    struct stack_reset reset = {.prefix = STACK_NETWORK_BITS,
                                .seed = (uint32_t)(seed ^ seed >> 32) * 2 + (uint32_t)host};
    memcpy(reset.address, stack_addresses[host], sizeof(reset.address));
    memcpy(reset.other, stack_addresses[packet_wire_other(host)], sizeof(reset.other));
    struct stack_question question = {
        .kind = STACK_RESET, .data = &reset, .size = sizeof(reset), .s = -1};
    int64_t result = stack_ask(stack, host, &question);
    if (result < 0 && !stack_has_ended(stack)) {
        stack_nonsense(stack, host, "reset", "it failed: %s", strerror((int)-result));
    }
    stack->due_us[host] = -1;
    stack->asked[host] = 0;
}

static void world_reset(struct world *world, struct trace *trace, uint64_t seed)
{
    struct stack_world *stack = stack_of(world);
    stack->trace = trace;
    stack->status = STATUS_OK;
    stack->over = false;
    stack->goal_open = false;
    stack->pending_us = 0;
    stack->sampled_us = 0;
    packet_wire_reset(&stack->wire, trace);
    stack_sockets_reset(stack);
    for (enum trace_host host = 0; host < TRACE_HOST_COUNT; host++) {
        begin_instance(stack, host, seed);
    }
}

static enum status world_run(struct world *world, const struct world_target *target,
                             struct world_hooks *hooks, struct status_detail *detail)
{
    (void)world;
    (void)target;
    (void)hooks;
    return status_fail(detail, STATUS_UNSUPPORTED, "a stack runs no programs");
}

static bool world_ended(struct world *world, enum status *ret_status, struct status_detail *detail)
{
    struct stack_world *stack = stack_of(world);
    *ret_status = stack->status == STATUS_OK
                      ? STATUS_OK
                      : status_fail(detail, stack->status, "%s", stack->detail.text);
    return stack_has_ended(stack);
}

static void world_free(struct world *world)
{
    struct stack_world *stack = stack_of(world);
    if (stack != NULL) {
        for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
            stack_instance_done(&stack->instances[host]);
        }
        packet_wire_done(&stack->wire);
        free(stack);
    }
}

static int64_t world_now_us(struct world *world)
{
    return stack_of(world)->trace->now_us;
}

static bool world_advance(struct world *world, int64_t us, uint32_t wakeups_max)
{
    struct stack_world *stack = stack_of(world);
    stack->goal_open = wakeups_max > 0;
    stack->goal_us = stack->trace->now_us + us;
    return true;
}
static void world_run_on(struct world *world, int64_t us, uint32_t wakeups_max)
{
    (void)world_advance(world, us, wakeups_max);
}

static uint32_t world_connections(struct world *world)
{
    return packet_wire_connections(&stack_of(world)->wire, TRACE_HOST_TARGET);
}

/* ---- The wire ---- */

static struct packet_wire *wire_of(struct world *world)
{
    return &stack_of(world)->wire;
}

static void world_wire_hold(struct world *world, enum world_direction direction, bool hold)
{
    packet_wire_hold(wire_of(world), direction, hold);
}
static uint32_t world_wire_count(struct world *world, enum world_direction direction)
{
    return packet_wire_count(wire_of(world), direction);
}
static int world_wire_deliver(struct world *world, enum world_direction direction, uint32_t index)
{
    return packet_wire_deliver(wire_of(world), direction, index);
}
static int world_wire_drop(struct world *world, enum world_direction direction, uint32_t index)
{
    return packet_wire_drop(wire_of(world), direction, index);
}
static int world_wire_duplicate(struct world *world, enum world_direction direction, uint32_t index)
{
    return packet_wire_duplicate(wire_of(world), direction, index);
}
static void world_wire_lose(struct world *world, enum scenario_segment kind, uint32_t count)
{
    packet_wire_lose(wire_of(world), kind, count);
}
static void world_wire_cut(struct world *world, enum world_direction direction, bool cut)
{
    packet_wire_cut(wire_of(world), direction, cut);
}
static int world_wire_inject(struct world *world, int s, enum scenario_segment kind,
                             enum world_direction direction)
{
    return packet_wire_inject(wire_of(world), world->ops->conn(world, s), kind, direction);
}

/* ---- What only programs have ---- */

static int no_fault_arm(struct world *world, const struct world_fault *fault)
{
    (void)world;
    (void)fault;
    return -EINVAL;
}
static void no_fault_clear(struct world *world,
                           void (*unused)(void *context, uint16_t step, enum trace_noop reason),
                           void *context)
{
    (void)world;
    (void)unused;
    (void)context;
}
static void no_descriptors_free(struct world *world, int free_count)
{
    (void)world;
    (void)free_count;
}
static bool no_order(struct world *world, uint32_t permutation)
{
    (void)world;
    (void)permutation;
    return false;
}
static bool no_clock_jump(struct world *world, int64_t us)
{
    (void)world;
    (void)us;
    return false;
}
static int no_signal(struct world *world, int number, bool even_if_fatal)
{
    (void)world;
    (void)number;
    (void)even_if_fatal;
    return -ESRCH;
}
static int no_descriptors(struct world *world)
{
    (void)world;
    return 0;
}
static void no_heap(struct world *world, int64_t *ret_blocks, int64_t *ret_bytes)
{
    (void)world;
    *ret_blocks = 0;
    *ret_bytes = 0;
}

static const struct world_ops operations = {
    .name = "stack",
    .observers = TRACE_SEES_CALLS | TRACE_SEES_STATES | TRACE_SEES_WIRE | TRACE_SEES_BYTES,
    .reset = world_reset,
    .run = world_run,
    .settle = world_settle,
    .deliver = world_deliver,
    .free = world_free,
    .wire_hold = world_wire_hold,
    .wire_count = world_wire_count,
    .wire_deliver = world_wire_deliver,
    .wire_drop = world_wire_drop,
    .wire_duplicate = world_wire_duplicate,
    .wire_lose = world_wire_lose,
    .wire_cut = world_wire_cut,
    .wire_inject = world_wire_inject,
    .fault_arm = no_fault_arm,
    .fault_clear = no_fault_clear,
    .descriptors_free = no_descriptors_free,
    .order = no_order,
    .now_us = world_now_us,
    .advance = world_advance,
    .run_on = world_run_on,
    .clock_jump = no_clock_jump,
    .signal = no_signal,
    .descriptors = no_descriptors,
    .heap = no_heap,
    .connections = world_connections,
    .ended = world_ended,
};

enum status stack_world_new(const char *path, struct world **ret_world,
                            struct status_detail *detail)
{
    assert(path != NULL && ret_world != NULL);
    struct stack_world *stack = calloc(1, sizeof(*stack));
    if (stack == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "no memory for the world of stacks");
    }
    const struct packet_wire_hosts hosts = {.context = stack,
                                            .take = stack_wire_take,
                                            .give = stack_wire_give,
                                            .state = stack_wire_state};
    stack->path = path;
    enum status status = packet_wire_init(&stack->wire, &hosts, detail);
    for (unsigned host = 0; host < TRACE_HOST_COUNT && status == STATUS_OK; host++) {
        status = stack_instance_init(&stack->instances[host], path, detail);
    }
    stack->ops = operations;
    stack_sockets_operations(&stack->ops);
    stack->world.ops = &stack->ops;
    if (status != STATUS_OK) {
        world_free(&stack->world);
        return status;
    }
    *ret_world = &stack->world;
    return STATUS_OK;
}
