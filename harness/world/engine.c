/* The engine's life: one play from the first step to the end of the target. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "world/engine.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "world/engine_internal.h"

enum status engine_new(struct world *world, struct engine **ret_engine,
                       struct status_detail *detail)
{
    assert(world != NULL && ret_engine != NULL);
    struct engine *engine = calloc(1, sizeof *engine);
    uint8_t *buffer = malloc(ENGINE_BUFFER_SIZE);
    uint8_t *fill = malloc(ENGINE_BUFFER_SIZE);
    uint8_t *pattern = malloc(ENGINE_BUFFER_SIZE + ENGINE_PATTERN_PERIOD);
    if (engine == NULL || buffer == NULL || fill == NULL || pattern == NULL ||
        arena_init(&engine->pending, ENGINE_PENDING_SIZE) != STATUS_OK) {
        free(buffer);
        free(fill);
        free(pattern);
        free(engine);
        return status_fail(detail, STATUS_NO_MEMORY, "no memory for the engine");
    }
    engine->world = world;
    engine->ops = world->ops;
    engine->buffer = buffer;
    engine->fill = fill;
    engine->pattern = pattern;
    for (size_t i = 0; i < ENGINE_SOCKET_MAP; i++) {
        engine->peer_of[i] = -1;
    }
    for (size_t i = 0; i < SCENARIO_SOCKETS_MAX; i++) {
        engine->peers[i].socket = -1;
        engine->apps[i].socket = -1;
    }
    *ret_engine = engine;
    return STATUS_OK;
}

void engine_free(struct engine *engine)
{
    if (engine != NULL) {
        arena_done(&engine->pending);
        free(engine->buffer);
        free(engine->fill);
        free(engine->pattern);
        free(engine);
    }
}

static void phase(struct engine *engine, enum trace_phase what)
{
    struct trace_event *event = trace_add(engine->trace, TRACE_PHASE, TRACE_HOST_TARGET);
    event->what = (uint8_t)what;
    if (engine->running) {
        event->a = engine->ops->descriptors(engine->world);
        engine->ops->heap(engine->world, &event->b, &event->result);
    }
}

/* Arms the hook for the place of the next step, so that calls cost nothing while no step waits for
 * one. */
static void arm_next(struct engine *engine)
{
    engine->hooks.armed = 0;
    if (engine->stage == ENGINE_PLAYING && engine->next < engine->scenario->count) {
        const struct scenario_step *step = &engine->scenario->steps[engine->next];
        if (step->place_call != SCENARIO_CALL_NONE) {
            engine->hooks.armed = 1U << step->place_call;
            engine->calls_to_go = step->place_nth;
        }
    }
}

static void on_call(void *context, enum scenario_call family)
{
    struct engine *engine = context;
    assert(engine->next < engine->scenario->count);
    assert(engine->scenario->steps[engine->next].place_call == family);
    if (--engine->calls_to_go > 0) {
        return;
    }
    /* Steps that share a place are played together, in their order. */
    const struct scenario_step *first = &engine->scenario->steps[engine->next];
    engine->hooks.armed = 0;
    engine_step_play(engine, engine->next++);
    while (engine->next < engine->scenario->count && !engine->restart) {
        const struct scenario_step *step = &engine->scenario->steps[engine->next];
        if (step->place_call != first->place_call || step->place_nth != first->place_nth ||
            step[-1].place_call == 0) {
            break;
        }
        engine_step_play(engine, engine->next++);
    }
    engine->ops->deliver(engine->world);
    arm_next(engine);
}

/* A careful client waits before it connects again: time goes on until it has, for a second at
 * most. */
static bool waits_for_client(struct engine *engine, const struct scenario_step *step)
{
    if (step->verb != SCENARIO_PEER_ACCEPT || engine->trace->header.role != TRACE_ROLE_CLIENT ||
        !engine->running || engine->listener < 0 || engine->peers[step->id].socket >= 0 ||
        engine->accept_waits >= ENGINE_ACCEPT_WAITS ||
        (engine->ops->poll(engine->world, engine->listener) & POLLIN) != 0 ||
        !engine->ops->advance(engine->world, ENGINE_ACCEPT_WAIT_US, ENGINE_DRAIN_WAKEUPS_MAX)) {
        engine->accept_waits = 0;
        return false;
    }
    engine->accept_waits++;
    return true;
}

/* Plays the next step at idle; false when none is left. A step whose call never came is a no-op. */
static bool play_next(struct engine *engine)
{
    if (engine->next >= engine->scenario->count && engine->repeats > 0) {
        engine->repeats--;
        engine->next = 0;
    }
    if (engine->next >= engine->scenario->count) {
        return false;
    }
    uint32_t index = engine->next;
    const struct scenario_step *step = &engine->scenario->steps[index];
    if (step->place_call == SCENARIO_CALL_NONE && waits_for_client(engine, step)) {
        return true;
    }
    engine->next++;
    if (step->place_call == SCENARIO_CALL_NONE) {
        engine_step_play(engine, index);
    } else {
        engine_step_noop(engine, index,
                         engine->running ? TRACE_NOOP_CALL_NEVER_CAME : TRACE_NOOP_TARGET_GONE);
    }
    arm_next(engine);
    return true;
}

static void lift_everything(struct engine *engine)
{
    struct world *world = engine->world;
    phase(engine, TRACE_PHASE_PLAYED);
    engine_faults_clear(engine);
    engine->ops->descriptors_free(world, -1);
    for (enum world_direction direction = 0; direction < WORLD_DIRECTION_COUNT; direction++) {
        engine->ops->wire_cut(world, direction, false);
        engine->ops->wire_hold(world, direction, false);
    }
    engine->ops->wire_lose(world, SCENARIO_SEGMENT_ANY, 0);
    engine_peers_resume(engine);
}

/* One stage of the drain: the peers read what is in flight and close, the clock runs on, what is
 * held then is held for ever. */
static enum world_next drain(struct engine *engine)
{
    switch (engine->stage) {
    case ENGINE_PLAYING:
        lift_everything(engine);
        engine->stage = ENGINE_LIFTED;
        return WORLD_GO;
    case ENGINE_LIFTED:
        engine_peers_close(engine);
        engine->stage = ENGINE_CLOSED;
        return WORLD_GO;
    case ENGINE_CLOSED:
        engine->ops->run_on(engine->world, engine->trace->header.idle_limit_us,
                            ENGINE_DRAIN_WAKEUPS_MAX);
        engine->stage = ENGINE_RAN_ON;
        return WORLD_GO;
    case ENGINE_RAN_ON:
        phase(engine, engine->ops->ran_on == NULL || engine->ops->ran_on(engine->world)
                          ? TRACE_PHASE_QUIET
                          : TRACE_PHASE_BROKEN_OFF);
        engine->stage = ENGINE_DONE;
        break;
    case ENGINE_DONE:
        break;
    }
    phase(engine, TRACE_PHASE_STOPPING);
    return WORLD_STOP;
}

static enum world_next on_idle(void *context)
{
    struct engine *engine = context;
    if (!engine->ready) {
        engine->ready = true;
        phase(engine, TRACE_PHASE_READY);
    }
    if (engine_peers_pump(engine)) {
        return WORLD_GO;
    }
    if (engine->stage == ENGINE_PLAYING && play_next(engine)) {
        if (engine->restart) {
            phase(engine, TRACE_PHASE_STOPPING);
            return WORLD_STOP;
        }
        return WORLD_GO;
    }
    return drain(engine);
}

static void on_rest(void *context, bool rests)
{
    const struct engine *engine = context;
    if (engine->play->on_rest != NULL && !engine->restart) {
        engine->play->on_rest(engine->play->context, rests);
    }
}

/* Whether the world cannot go on; why, where that is an error. */
static bool has_ended(struct engine *engine, enum status *ret_status, struct status_detail *detail)
{
    return engine->ops->ended != NULL && engine->ops->ended(engine->world, ret_status, detail);
}

/* Steps that are left when the target has ended (a client that is done, a server that died) still
 * move the peers; the same for scenarios without a target. */
static void play_without_target(struct engine *engine)
{
    enum status status = STATUS_OK;
    struct status_detail detail;
    do {
        do {
            engine->ops->settle(engine->world);
        } while (engine_peers_pump(engine));
    } while (!engine->restart && !has_ended(engine, &status, &detail) && play_next(engine));
}

static void begin(struct engine *engine, const struct engine_play *play,
                  const struct scenario *scenario, struct engine_result *result)
{
    assert(play->trace != NULL && (play->profile != NULL || play->target == NULL));
    *result = (struct engine_result){0};
    engine->play = play;
    engine->scenario = scenario;
    engine->result = result;
    engine->trace = play->trace;
    engine->stage = ENGINE_PLAYING;
    engine->next = 0;
    engine->repeats = play->trace->header.repeats > 1 ? play->trace->header.repeats - 1 : 0;
    engine->restart = false;
    engine->listener = -1;
    engine->accept_waits = 0;
    engine->ordinal = 0;
    engine->peers_used = 0;
    engine->apps_used = 0;
    engine->streams_used = 0;
    engine->hooks = (struct world_hooks){
        .context = engine, .on_idle = on_idle, .on_call = on_call, .armed = 0, .on_rest = on_rest};
    trace_clear(play->trace);
    play->trace->header.seed = play->seed;
    engine->ops->reset(engine->world, play->trace, play->seed);
    /* A client target finds its port open, unless the scenario begins by closing it. */
    if (play->target != NULL && play->target->role == TRACE_ROLE_CLIENT) {
        (void)engine_peer_listen(engine, &(struct scenario_step){.verb = SCENARIO_PEER_LISTEN});
        if (scenario->count > 0 && scenario->steps[0].verb == SCENARIO_PEER_UNLISTEN) {
            engine_step_play(engine, engine->next++);
        }
    }
}

/* Forgets the sockets of this play; the world's reset takes them away. */
static void end(struct engine *engine)
{
    for (uint32_t used = engine->peers_used; used != 0; used &= used - 1) {
        struct engine_peer *peer = &engine->peers[__builtin_ctz(used)];
        if (peer->socket >= 0 && peer->socket < ENGINE_SOCKET_MAP) {
            engine->peer_of[peer->socket] = -1;
        }
        peer->socket = -1;
    }
    for (uint32_t used = engine->apps_used; used != 0; used &= used - 1) {
        engine->apps[__builtin_ctz(used)].socket = -1;
    }
    arena_reset(&engine->pending);
}

/* A client that does one thing and ends is started again for the steps that are left. */
static bool starts_again(const struct engine *engine, uint32_t runs)
{
    return engine->play->target->role == TRACE_ROLE_CLIENT && runs < engine->play->target->runs &&
           !engine->restart && engine->stage == ENGINE_PLAYING &&
           engine->next < engine->scenario->count && !trace_full(engine->trace);
}

enum status engine_run(struct engine *engine, const struct engine_play *play,
                       const struct scenario *scenario, struct engine_result *ret_result,
                       struct status_detail *detail)
{
    enum status status = STATUS_OK;
    uint32_t runs = 0;
    begin(engine, play, scenario, ret_result);
    while (play->target != NULL) {
        engine->restart = false;
        engine->running = true;
        engine->ready = false;
        arm_next(engine);
        phase(engine, TRACE_PHASE_STARTED);
        status = engine->ops->run(engine->world, play->target, &engine->hooks, detail);
        engine->running = false;
        engine->hooks.armed = 0;
        if (status != STATUS_OK) {
            goto out;
        }
        if (starts_again(engine, ++runs)) {
            continue;
        }
        play_without_target(engine);
        if (!engine->restart || trace_full(engine->trace)) {
            break;
        }
    }
    if (play->target == NULL) {
        play_without_target(engine);
    }
    if (engine->stage == ENGINE_PLAYING) {
        lift_everything(engine);
        play_without_target(engine);
    }
    if (engine->stage < ENGINE_CLOSED) {
        engine_peers_close(engine);
        engine->ops->settle(engine->world);
    }
    (void)has_ended(engine, &status, detail);
    phase(engine, TRACE_PHASE_ENDED);
out:
    end(engine);
    return status;
}
