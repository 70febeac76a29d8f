/* Scripted sockets on the target's host, for scenarios without a program. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/socket.h>

#include "world/engine_internal.h"

static enum engine_effect keep(struct engine *engine, uint32_t id, int socket)
{
    if (socket < 0) {
        return ENGINE_NO_EFFECT;
    }
    engine->apps[id] = socket;
    engine->apps_used |= 1U << id;
    return ENGINE_EFFECT;
}

static bool is_free(const struct engine *engine, uint32_t id)
{
    return id < SCENARIO_SOCKETS_MAX && engine->apps[id] < 0;
}

/* Calls that make a new app socket. */
static enum engine_effect make(struct engine *engine, const struct scenario_step *step, int socket)
{
    switch (step->verb) {
    case SCENARIO_APP_SOCKET:
        if (socket >= 0) {
            return ENGINE_NO_EFFECT;
        }
        return keep(engine, step->id, engine->ops->socket(engine->world, TRACE_HOST_TARGET));
    case SCENARIO_APP_ACCEPT:
        if (socket < 0 || !is_free(engine, step->from)) {
            return ENGINE_NO_EFFECT;
        }
        return keep(engine, step->from, engine->ops->accept(engine->world, socket));
    default:
        if (socket < 0 || !is_free(engine, step->from)) {
            return ENGINE_NO_EFFECT;
        }
        return keep(engine, step->from, engine->ops->dup(engine->world, socket));
    }
}

static int64_t transfer(struct engine *engine, const struct scenario_step *step, int socket)
{
    if (step->verb == SCENARIO_APP_SEND) {
        struct engine_bytes bytes = engine_payload(engine, NULL, step);
        return bytes.size == 0 ? -EINVAL : engine_send(engine, socket, bytes);
    }
    size_t size = step->from < ENGINE_BUFFER_SIZE ? step->from : ENGINE_BUFFER_SIZE;
    return engine->ops->recv(engine->world, socket, engine->buffer, size, 0);
}

/* Calls on an open app socket. */
static int64_t act(struct engine *engine, const struct scenario_step *step, int socket)
{
    static const int how[SCENARIO_HOW_COUNT] = {[SCENARIO_HOW_WRITE] = SHUT_WR,
                                                [SCENARIO_HOW_READ] = SHUT_RD,
                                                [SCENARIO_HOW_BOTH] = SHUT_RDWR};
    const struct world_ops *ops = engine->ops;
    struct world *world = engine->world;
    switch (step->verb) {
    case SCENARIO_APP_BIND:
        return ops->bind(world, socket, (uint16_t)step->from);
    case SCENARIO_APP_LISTEN:
        return ops->listen(world, socket, (int)step->from);
    case SCENARIO_APP_CONNECT: {
        int result = ops->connect(world, socket, (uint16_t)step->from);
        return result == -EINPROGRESS ? 0 : result;
    }
    case SCENARIO_APP_SHUTDOWN:
        return ops->shutdown(world, socket, how[step->what]);
    case SCENARIO_APP_LINGER:
        return ops->setsockopt(world, socket, WORLD_OPTION_LINGER, (int)step->from);
    case SCENARIO_APP_POLL:
        return ops->poll(world, socket);
    case SCENARIO_APP_CLOSE:
    case SCENARIO_APP_RESET:
        engine->apps[step->id] = -1;
        return step->verb == SCENARIO_APP_CLOSE ? ops->close(world, socket)
                                                : ops->abort(world, socket);
    default:
        return transfer(engine, step, socket);
    }
}

enum engine_effect engine_app_play(struct engine *engine, const struct scenario_step *step)
{
    int socket = engine->apps[step->id];
    if (step->verb == SCENARIO_APP_SOCKET || step->verb == SCENARIO_APP_ACCEPT ||
        step->verb == SCENARIO_APP_DUP) {
        return make(engine, step, socket);
    }
    if (socket < 0) {
        return ENGINE_NO_EFFECT;
    }
    return act(engine, step, socket) >= 0 ? ENGINE_EFFECT : ENGINE_NO_EFFECT;
}
