/* Playing one step: a table from verb to what it does. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "world/engine_internal.h"

typedef enum engine_effect (*step_function)(struct engine *engine,
                                            const struct scenario_step *step);

static enum engine_effect effect_of(int result)
{
    return result >= 0 ? ENGINE_EFFECT : ENGINE_NO_EFFECT;
}

/* Runs `apply` for each direction that the step names. */
static enum engine_effect each_direction(struct engine *engine, const struct scenario_step *step,
                                         void (*apply)(struct world *, enum world_direction, bool),
                                         bool on)
{
    if (step->what != SCENARIO_TO_PEER) {
        apply(engine->world, WORLD_TO_TARGET, on);
    }
    if (step->what != SCENARIO_TO_TARGET) {
        apply(engine->world, WORLD_TO_PEER, on);
    }
    return ENGINE_EFFECT;
}

static enum engine_effect wire_hold(struct engine *engine, const struct scenario_step *step)
{
    return each_direction(engine, step, engine->ops->wire_hold, true);
}

static enum engine_effect wire_release(struct engine *engine, const struct scenario_step *step)
{
    return each_direction(engine, step, engine->ops->wire_hold, false);
}

static enum engine_effect wire_cut(struct engine *engine, const struct scenario_step *step)
{
    return each_direction(engine, step, engine->ops->wire_cut, true);
}

static enum engine_effect wire_mend(struct engine *engine, const struct scenario_step *step)
{
    return each_direction(engine, step, engine->ops->wire_cut, false);
}

/* Segment `from` counts through the direction towards the target first, then the other one. */
static enum engine_effect on_segment(struct engine *engine, const struct scenario_step *step,
                                     int (*apply)(struct world *, enum world_direction, uint32_t))
{
    uint32_t towards_target = engine->ops->wire_count(engine->world, WORLD_TO_TARGET);
    if (step->from < towards_target) {
        return effect_of(apply(engine->world, WORLD_TO_TARGET, step->from));
    }
    return effect_of(apply(engine->world, WORLD_TO_PEER, step->from - towards_target));
}

static enum engine_effect wire_deliver(struct engine *engine, const struct scenario_step *step)
{
    return on_segment(engine, step, engine->ops->wire_deliver);
}

static enum engine_effect wire_drop(struct engine *engine, const struct scenario_step *step)
{
    return on_segment(engine, step, engine->ops->wire_drop);
}

static enum engine_effect wire_duplicate(struct engine *engine, const struct scenario_step *step)
{
    return on_segment(engine, step, engine->ops->wire_duplicate);
}

static enum engine_effect wire_lose(struct engine *engine, const struct scenario_step *step)
{
    engine->ops->wire_lose(engine->world, step->kind, step->from);
    return step->from > 0 ? ENGINE_EFFECT : ENGINE_NO_EFFECT;
}

static enum engine_effect wire_inject(struct engine *engine, const struct scenario_step *step)
{
    int peer = engine->peers[step->id].socket;
    int socket = peer >= 0 ? peer : engine->apps[step->id].socket;
    if (socket < 0) {
        return ENGINE_NO_EFFECT;
    }
    int result = 0;
    if (step->what != SCENARIO_TO_PEER) {
        result = engine->ops->wire_inject(engine->world, socket, step->kind, WORLD_TO_TARGET);
    }
    if (step->what != SCENARIO_TO_TARGET && result >= 0) {
        result = engine->ops->wire_inject(engine->world, socket, step->kind, WORLD_TO_PEER);
    }
    return effect_of(result);
}

static enum engine_effect arm_fault(struct engine *engine, const struct scenario_step *step,
                                    struct world_fault fault)
{
    if (!engine->running) {
        return ENGINE_TARGET_GONE;
    }
    fault.family = step->what;
    fault.times = step->repeat > 0 ? step->repeat : 1;
    fault.step = (uint16_t)(step - engine->scenario->steps);
    return engine->ops->fault_arm(engine->world, &fault) == 0 ? ENGINE_EFFECT : ENGINE_NOT_ALLOWED;
}

static enum engine_effect kernel_fail(struct engine *engine, const struct scenario_step *step)
{
    return arm_fault(engine, step,
                     (struct world_fault){.error = scenario_errno_number(step->kind)});
}

static enum engine_effect kernel_short(struct engine *engine, const struct scenario_step *step)
{
    return arm_fault(engine, step, (struct world_fault){.limit = step->from > 0 ? step->from : 1});
}

static enum engine_effect kernel_interrupt(struct engine *engine, const struct scenario_step *step)
{
    return arm_fault(engine, step, (struct world_fault){.error = EINTR, .interrupt = true});
}

static enum engine_effect kernel_descriptors(struct engine *engine,
                                             const struct scenario_step *step)
{
    bool frees = step->from == UINT32_MAX;
    if (engine->trace->header.role == TRACE_ROLE_STACK) {
        if (engine->ops->app_full == NULL || (!frees && step->from != 0)) {
            return ENGINE_NO_EFFECT;
        }
        engine->ops->app_full(engine->world, !frees);
        return ENGINE_EFFECT;
    }
    if (!engine->running) {
        return ENGINE_TARGET_GONE;
    }
    if ((engine->ops->observers & TRACE_SEES_CALLS) == 0) {
        return ENGINE_NOT_ALLOWED; /* nobody could say what comes of it */
    }
    engine->ops->descriptors_free(engine->world, frees ? -1 : (int)step->from);
    return ENGINE_EFFECT;
}

static enum engine_effect kernel_order(struct engine *engine, const struct scenario_step *step)
{
    return engine->ops->order(engine->world, step->from) ? ENGINE_EFFECT : ENGINE_NOT_ALLOWED;
}

static enum engine_effect kernel_clear(struct engine *engine, const struct scenario_step *step)
{
    (void)step;
    if (engine->trace->header.role == TRACE_ROLE_STACK) {
        if (engine->ops->app_full == NULL) {
            return ENGINE_NO_EFFECT;
        }
        engine->ops->app_full(engine->world, false); /* nothing else of this can be armed */
        return ENGINE_EFFECT;
    }
    engine_faults_clear(engine);
    engine->ops->descriptors_free(engine->world, -1);
    return ENGINE_EFFECT;
}

/* Time cannot go on between two calls of a running target, only while it sleeps. */
static enum engine_effect time_advance(struct engine *engine, const struct scenario_step *step)
{
    if (step->place_call != SCENARIO_CALL_NONE || step->from == 0) {
        return ENGINE_NO_EFFECT;
    }
    bool passes =
        engine->ops->advance(engine->world, (int64_t)step->from * 1000, ENGINE_DRAIN_WAKEUPS_MAX);
    return passes ? ENGINE_EFFECT : ENGINE_TOO_SLOW;
}

static enum engine_effect time_clock(struct engine *engine, const struct scenario_step *step)
{
    if (!engine->ops->clock_jump(engine->world, (int64_t)step->from * 1000)) {
        return ENGINE_NOT_ALLOWED;
    }
    return step->from > 0 ? ENGINE_EFFECT : ENGINE_NO_EFFECT;
}

static enum engine_effect target_signal(struct engine *engine, const struct scenario_step *step)
{
    if (!engine->running) {
        return ENGINE_TARGET_GONE;
    }
    int number = scenario_signal_number(step->what);
    bool stops = number == engine->play->target->stop_signal;
    int result = engine->ops->signal(engine->world, number, stops);
    return result == 0 ? ENGINE_EFFECT : result == -EPERM ? ENGINE_NOT_ALLOWED : ENGINE_TARGET_GONE;
}

static enum engine_effect target_restart(struct engine *engine, const struct scenario_step *step)
{
    if (engine->play->target == NULL || step->place_call != SCENARIO_CALL_NONE) {
        return ENGINE_NO_EFFECT;
    }
    engine->restart = true;
    return ENGINE_EFFECT;
}

/* A world that sees no segments has none to hold, lose or forge. */
static bool is_wireless(const struct engine *engine, const struct scenario_step *step)
{
    return step->verb >= SCENARIO_WIRE_HOLD && step->verb <= SCENARIO_WIRE_INJECT &&
           (engine->ops->observers & TRACE_SEES_WIRE) == 0;
}

/* Verbs without a row belong to `app`. */
static const step_function functions[SCENARIO_VERB_COUNT] = {
    [SCENARIO_PEER_CONNECT] = engine_peer_connect,
    [SCENARIO_PEER_ACCEPT] = engine_peer_accept,
    [SCENARIO_PEER_SEND] = engine_peer_send,
    [SCENARIO_PEER_URGENT] = engine_peer_urgent,
    [SCENARIO_PEER_RECV] = engine_peer_recv,
    [SCENARIO_PEER_STALL] = engine_peer_stall,
    [SCENARIO_PEER_RESUME] = engine_peer_resume,
    [SCENARIO_PEER_SHUTDOWN] = engine_peer_shutdown,
    [SCENARIO_PEER_CLOSE] = engine_peer_close,
    [SCENARIO_PEER_RESET] = engine_peer_reset,
    [SCENARIO_PEER_LINGER] = engine_peer_linger,
    [SCENARIO_PEER_LISTEN] = engine_peer_listen,
    [SCENARIO_PEER_UNLISTEN] = engine_peer_unlisten,
    [SCENARIO_WIRE_HOLD] = wire_hold,
    [SCENARIO_WIRE_RELEASE] = wire_release,
    [SCENARIO_WIRE_DELIVER] = wire_deliver,
    [SCENARIO_WIRE_DROP] = wire_drop,
    [SCENARIO_WIRE_DUPLICATE] = wire_duplicate,
    [SCENARIO_WIRE_LOSE] = wire_lose,
    [SCENARIO_WIRE_CUT] = wire_cut,
    [SCENARIO_WIRE_MEND] = wire_mend,
    [SCENARIO_WIRE_INJECT] = wire_inject,
    [SCENARIO_KERNEL_FAIL] = kernel_fail,
    [SCENARIO_KERNEL_SHORT] = kernel_short,
    [SCENARIO_KERNEL_INTERRUPT] = kernel_interrupt,
    [SCENARIO_KERNEL_DESCRIPTORS] = kernel_descriptors,
    [SCENARIO_KERNEL_ORDER] = kernel_order,
    [SCENARIO_KERNEL_CLEAR] = kernel_clear,
    [SCENARIO_TIME_ADVANCE] = time_advance,
    [SCENARIO_TIME_CLOCK] = time_clock,
    [SCENARIO_TARGET_SIGNAL] = target_signal,
    [SCENARIO_TARGET_RESTART] = target_restart,
};

void engine_step_noop(struct engine *engine, uint32_t index, enum trace_noop reason)
{
    const struct scenario_step *step = &engine->scenario->steps[index];
    struct trace_event *event = trace_add(engine->trace, TRACE_NOOP, TRACE_HOST_PEER);
    event->what = step->verb;
    event->fd = step->id;
    event->a = index;
    event->b = reason;
    engine->result->steps_noop++;
}

void engine_step_play(struct engine *engine, uint32_t index)
{
    const struct scenario_step *step = &engine->scenario->steps[index];
    assert(step->verb < SCENARIO_VERB_COUNT && step->id < SCENARIO_SOCKETS_MAX);
    uint32_t at = engine->trace->count;
    struct trace_event *event = trace_add(engine->trace, TRACE_STEP, TRACE_HOST_PEER);
    event->what = step->verb;
    event->fd = step->id;
    event->a = index;
    step_function function =
        functions[step->verb] != NULL ? functions[step->verb] : engine_app_play;
    enum engine_effect effect = is_wireless(engine, step) ? ENGINE_NO_WIRE : function(engine, step);
    if (effect == ENGINE_EFFECT) {
        engine->result->steps_effective++;
        return;
    }
    /* The step becomes the no-op in place; what it may have traced before it failed stays behind
     * it. */
    if (at < engine->trace->count) {
        engine->trace->events[at].kind = TRACE_NOOP;
        engine->trace->events[at].b = (int64_t)effect - 1;
    }
    engine->result->steps_noop++;
}

static void fault_unused(void *context, uint16_t step, enum trace_noop reason)
{
    struct engine *engine = context;
    assert(engine->result->steps_effective > 0);
    engine->result->steps_effective--;
    engine_step_noop(engine, step, reason);
}

void engine_faults_clear(struct engine *engine)
{
    engine->ops->fault_clear(engine->world, fault_unused, engine);
}
