/* What happens to a scripted program as a process: calls that wait, signals, descriptors that are
 * none, death. And what a host is told of the network: ICMP. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "world/engine_internal.h"

enum {
    WAIT_MS_MAX = 1000, /* longest time limit of a call that waits: it may be real time */
    ICMP_TOO_BIG = 4    /* a code that is about the size of packets, not about errors */
};

/* ---- Calls that wait ---- */

/* Milliseconds that close may wait; -1: the option is not to be had. */
static int64_t linger_ms(struct engine *engine, const struct engine_app *app)
{
    struct linger linger = {0};
    uint32_t size = sizeof linger;
    int result =
        engine->ops->option_get(engine->world, app->socket, SOL_SOCKET, SO_LINGER, &linger, &size);
    return result < 0 ? -1 : linger.l_onoff != 0 ? linger.l_linger * INT64_C(1000) : 0;
}

static int64_t limit_ms(struct engine *engine, const struct engine_app *app, int name)
{
    struct timeval time = {0};
    uint32_t size = sizeof time;
    int result =
        engine->ops->option_get(engine->world, app->socket, SOL_SOCKET, name, &time, &size);
    return result < 0 ? -1 : (int64_t)time.tv_sec * 1000 + time.tv_usec / 1000;
}

/* Whether it will come back, and soon. */
static bool comes_back(struct engine *engine, const struct engine_app *app,
                       const struct scenario_step *step)
{
    bool interrupted = (step->kind & SCENARIO_INTERRUPTED) != 0;
    if (step->what == SCENARIO_CALL_CLOSE) {
        int64_t most_ms = linger_ms(engine, app);
        return most_ms >= 0 && most_ms <= WAIT_MS_MAX && !interrupted && step->from == 0;
    }
    int64_t most_ms =
        limit_ms(engine, app, step->what == SCENARIO_CALL_RECV ? SO_RCVTIMEO : SO_SNDTIMEO);
    return (interrupted || (most_ms > 0 && most_ms <= WAIT_MS_MAX)) && step->from > 0 &&
           step->from <= ENGINE_BUFFER_SIZE;
}

static enum engine_effect blocking(struct engine *engine, const struct scenario_step *step)
{
    static const uint8_t calls[SCENARIO_CALL_COUNT] = {[SCENARIO_CALL_RECV] = TRACE_CALL_RECV,
                                                       [SCENARIO_CALL_SEND] = TRACE_CALL_SEND,
                                                       [SCENARIO_CALL_CLOSE] = TRACE_CALL_CLOSE};
    struct engine_app app = engine->apps[step->id];
    if (engine->ops->app_blocking == NULL || app.socket < 0 || !comes_back(engine, &app, step)) {
        return ENGINE_NO_EFFECT;
    }
    bool sends = step->what == SCENARIO_CALL_SEND;
    bool closes = step->what == SCENARIO_CALL_CLOSE;
    /* A send only reads what it is given. */
    const uint8_t *bytes = engine_app_pattern(engine, &app, sends ? step->from : 0);
    struct world_blocking call = {.family = (enum scenario_call)step->what,
                                  .data = sends ? (void *)(uintptr_t)bytes : engine->buffer,
                                  .size = step->from,
                                  .interrupt = (step->kind & SCENARIO_INTERRUPTED) != 0};
    uint32_t conn = engine->ops->conn(engine->world, app.socket);
    engine->apps[step->id].socket = closes ? -1 : app.socket;
    int64_t result = engine->ops->app_blocking(engine->world, app.socket, &call);
    if (call.ret_piped) {
        engine_app_note_signal(engine, &app, SIGPIPE);
    }
    if (call.ret_interrupted) {
        engine_app_note_signal(engine, &app, SIGUSR1);
    }
    struct trace_event *event =
        engine_app_note(engine, &app, (enum trace_call)calls[step->what], result);
    event->flags = 0;
    event->conn = conn;
    event->a = closes ? --app.stream->refs == 0 : (int64_t)step->from;
    if (sends) {
        engine_app_sent(engine, &app, result);
    } else if (!closes) {
        engine_app_received(engine, &app, result);
    }
    return ENGINE_EFFECT;
}

/* ---- Descriptors that are none ---- */

static enum engine_effect misuse(struct engine *engine, const struct scenario_step *step)
{
    static const uint8_t calls[SCENARIO_CALL_COUNT] = {
        [SCENARIO_CALL_BIND] = TRACE_CALL_BIND,
        [SCENARIO_CALL_LISTEN] = TRACE_CALL_LISTEN,
        [SCENARIO_CALL_ACCEPT] = TRACE_CALL_ACCEPT,
        [SCENARIO_CALL_CONNECT] = TRACE_CALL_CONNECT,
        [SCENARIO_CALL_RECV] = TRACE_CALL_RECV,
        [SCENARIO_CALL_SEND] = TRACE_CALL_SEND,
        [SCENARIO_CALL_SHUTDOWN] = TRACE_CALL_SHUTDOWN,
        [SCENARIO_CALL_CLOSE] = TRACE_CALL_CLOSE,
        [SCENARIO_CALL_OPTION] = TRACE_CALL_GETSOCKOPT};
    bool file = (step->kind & SCENARIO_FILE) != 0;
    int fd = -1;
    if (engine->ops->app_misuse == NULL || (file && step->what == SCENARIO_CALL_CLOSE)) {
        return ENGINE_NO_EFFECT; /* a file may be closed */
    }
    int result = engine->ops->app_misuse(engine->world, (enum scenario_call)step->what, file, &fd);
    struct trace_event *event =
        engine_app_note(engine, &(struct engine_app){.socket = -1, .host = TRACE_HOST_TARGET},
                        (enum trace_call)calls[step->what], result);
    event->fd = fd;
    event->a = file;
    return ENGINE_EFFECT;
}

/* ---- Death ---- */

static enum engine_effect die(struct engine *engine, const struct scenario_step *step)
{
    enum trace_host host =
        (step->kind & SCENARIO_ON_PEER) != 0 ? TRACE_HOST_PEER : TRACE_HOST_TARGET;
    uint32_t held = 0;
    uint32_t conns[SCENARIO_SOCKETS_MAX];
    for (uint32_t id = 0; id < SCENARIO_SOCKETS_MAX; id++) {
        const struct engine_app *app = &engine->apps[id];
        if (app->socket >= 0 && app->host == (uint8_t)host) {
            held |= 1U << id;
            conns[id] = engine->ops->conn(engine->world, app->socket);
        }
    }
    if (engine->ops->app_die == NULL || held == 0) {
        return ENGINE_NO_EFFECT;
    }
    engine->ops->app_die(engine->world, host);
    for (; held != 0; held &= held - 1) {
        uint32_t id = (uint32_t)__builtin_ctz(held);
        struct engine_app *app = &engine->apps[id];
        struct trace_event *event = trace_add(engine->trace, TRACE_FD_CLOSE, host);
        event->what = TRACE_FILE_SOCKET;
        event->fd = app->socket;
        event->conn = conns[id];
        event->a = --app->stream->refs == 0;
        app->socket = -1;
    }
    return ENGINE_EFFECT;
}

/* ---- ICMP ---- */

static enum engine_effect unreachable(struct engine *engine, const struct scenario_step *step)
{
    const struct engine_app *app = &engine->apps[step->id];
    if (engine->ops->app_unreachable == NULL || app->socket < 0 || step->from == ICMP_TOO_BIG ||
        engine->ops->app_unreachable(engine->world, app->socket, (uint8_t)step->from) < 0) {
        return ENGINE_NO_EFFECT;
    }
    struct trace_event *event = trace_add(engine->trace, TRACE_FAULT, (enum trace_host)app->host);
    event->what = TRACE_CALL_NONE;
    event->fd = app->socket;
    event->conn = engine->ops->conn(engine->world, app->socket);
    event->err = EHOSTUNREACH;
    event->a = step->from;
    return ENGINE_EFFECT;
}

/* ---- The host ---- */

static enum engine_effect cookies(struct engine *engine, const struct scenario_step *step)
{
    if (engine->ops->app_cookies == NULL) {
        return ENGINE_NO_EFFECT;
    }
    engine->ops->app_cookies(
        engine->world, (step->kind & SCENARIO_ON_PEER) != 0 ? TRACE_HOST_PEER : TRACE_HOST_TARGET);
    return ENGINE_EFFECT;
}

enum engine_effect engine_process_play(struct engine *engine, const struct scenario_step *step)
{
    switch (step->verb) {
    case SCENARIO_APP_BLOCKING:
        return blocking(engine, step);
    case SCENARIO_APP_MISUSE:
        return misuse(engine, step);
    case SCENARIO_APP_DIE:
        return die(engine, step);
    case SCENARIO_APP_COOKIES:
        return cookies(engine, step);
    default:
        return unreachable(engine, step);
    }
}
