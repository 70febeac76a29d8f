/* The scripted peers: connecting, talking through the profile, reading at once whatever comes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "world/engine_internal.h"

static struct trace_event *report(struct engine *engine, const struct engine_peer *peer,
                                  enum trace_peer what)
{
    struct trace_event *event = trace_add(engine->trace, TRACE_PEER, TRACE_HOST_PEER);
    event->what = (uint8_t)what;
    event->conn = peer->conn;
    event->fd = (int32_t)(peer - engine->peers);
    return event;
}

/* `socket` becomes peer `id`; a dialogue of its own begins. */
static struct engine_peer *begin(struct engine *engine, uint8_t id, int socket)
{
    struct engine_peer *peer = &engine->peers[id];
    peer->socket = socket;
    peer->conn = engine->ops->conn(engine->world, socket);
    peer->connecting = false;
    peer->stalled = false;
    peer->ended = false;
    peer->off_protocol = false;
    peer->pending.size = 0;
    peer->sink = (struct profile_sink){.trace = engine->trace, .conn = peer->conn};
    engine->peers_used |= 1U << id;
    if (socket < ENGINE_SOCKET_MAP) {
        engine->peer_of[socket] = id;
    }
    engine->play->profile->begin(engine->play->profile, &peer->dialogue, engine->trace->header.role,
                                 engine->ordinal++);
    return peer;
}

static void give_up(struct engine *engine, struct engine_peer *peer)
{
    if (peer->socket < ENGINE_SOCKET_MAP) {
        engine->peer_of[peer->socket] = -1;
    }
    peer->socket = -1;
}

/* ---- Sending ---- */

static void went_out(struct engine *engine, struct engine_peer *peer, const uint8_t *data,
                     size_t size)
{
    report(engine, peer, TRACE_PEER_SENT)->a = (int64_t)size;
    if (!peer->off_protocol) {
        engine->play->profile->sent(engine->play->profile, &peer->dialogue, data, size,
                                    &peer->sink);
    }
}

/* Sends what the peer's kernel takes; the rest waits in `pending`. False when nothing was taken. */
static bool send_bytes(struct engine *engine, struct engine_peer *peer, struct engine_bytes bytes)
{
    int64_t taken = engine_send(engine, peer->socket, bytes);
    if (taken < 0 && taken != -EAGAIN) {
        return false;
    }
    size_t done = taken > 0 ? (size_t)taken : 0;
    if (done > 0) {
        went_out(engine, peer, bytes.data, done);
    }
    if (done < bytes.size) {
        const uint8_t *rest = bytes.data + done;
        if (!bytes.lasts) {
            uint8_t *copy = arena_alloc(&engine->pending, bytes.size - done);
            if (copy == NULL) {
                return done > 0;
            }
            /* The bytes may stand where the copy goes: see symbolic_payload. */
            rest = memmove(copy, rest, bytes.size - done);
        }
        peer->pending = (struct engine_pending){.data = rest, .size = bytes.size - done};
    }
    return true;
}

static bool flush(struct engine *engine, struct engine_peer *peer)
{
    struct engine_pending *pending = &peer->pending;
    int64_t taken = engine_send(engine, peer->socket,
                                (struct engine_bytes){.data = pending->data + pending->at,
                                                      .size = pending->size - pending->at,
                                                      .lasts = true});
    if (taken == -EAGAIN) {
        return false;
    }
    if (taken < 0) {
        pending->size = 0;
        return true;
    }
    went_out(engine, peer, pending->data + pending->at, (size_t)taken);
    pending->at += (size_t)taken;
    if (pending->at == pending->size) {
        pending->size = 0;
    }
    return true;
}

/* Long payloads are written to where they may stay. */
static struct engine_bytes symbolic_payload(struct engine *engine,
                                            const struct profile_state *dialogue,
                                            const struct scenario_step *step)
{
    struct arena *arena = &engine->pending;
    const struct profile *profile = engine->play->profile;
    if (profile->lasting != NULL) {
        struct engine_bytes bytes = {.lasts = true};
        bytes.data =
            profile->lasting(profile, dialogue, step->what, step->from, step->to, &bytes.size);
        if (bytes.data != NULL) {
            return bytes;
        }
    }
    bool room = arena->size - arena->used >= ENGINE_BUFFER_SIZE;
    uint8_t *buffer = room ? arena->base + arena->used : engine->buffer;
    size_t size = profile->payload(profile, dialogue, step->what, step->from, step->to, buffer,
                                   ENGINE_BUFFER_SIZE);
    bool lasts = room && size > ENGINE_PAYLOAD_KEPT && arena_alloc(arena, size) != NULL;
    return (struct engine_bytes){.data = buffer, .size = size, .lasts = lasts};
}

struct engine_bytes engine_payload(struct engine *engine, const struct profile_state *dialogue,
                                   const struct scenario_step *step)
{
    switch (step->what) {
    case SCENARIO_PAYLOAD_LITERAL:
        return (struct engine_bytes){.data = engine->scenario->literal + step->literal_at,
                                     .size = step->literal_size,
                                     .lasts = true};
    case SCENARIO_PAYLOAD_FILL: {
        size_t size = step->from < ENGINE_BUFFER_SIZE ? step->from : ENGINE_BUFFER_SIZE;
        if (size > engine->filled) {
            memset(engine->fill + engine->filled, 'f', size - engine->filled);
            engine->filled = size;
        }
        return (struct engine_bytes){.data = engine->fill, .size = size, .lasts = true};
    }
    default:
        if (dialogue == NULL) {
            return (struct engine_bytes){0};
        }
        return symbolic_payload(engine, dialogue, step);
    }
}

enum engine_effect engine_peer_send(struct engine *engine, const struct scenario_step *step)
{
    struct engine_peer *peer = &engine->peers[step->id];
    if (peer->socket < 0 || peer->connecting || peer->pending.size > 0) {
        return ENGINE_NO_EFFECT;
    }
    unsigned times = step->repeat > 0 ? step->repeat : 1;
    bool any = false;
    for (unsigned i = 0; i < times && peer->pending.size == 0; i++) {
        struct engine_bytes bytes = engine_payload(engine, &peer->dialogue, step);
        if (bytes.size == 0 || !send_bytes(engine, peer, bytes)) {
            break;
        }
        any = true;
    }
    return any ? ENGINE_EFFECT : ENGINE_NO_EFFECT;
}

/* The byte is outside the stream, or in it where the target asked for SO_OOBINLINE: from here on
 * nothing is owed. */
enum engine_effect engine_peer_urgent(struct engine *engine, const struct scenario_step *step)
{
    struct engine_peer *peer = &engine->peers[step->id];
    if (peer->socket < 0 || engine->ops->send(engine->world, peer->socket, "!", 1, MSG_OOB) != 1) {
        return ENGINE_NO_EFFECT;
    }
    if (!peer->off_protocol) {
        peer->off_protocol = true;
        profile_report(&peer->sink, TRACE_DIALOGUE_UNPREDICTABLE, 0, 0);
    }
    return ENGINE_EFFECT;
}

/* ---- Reading ---- */

static void failed(struct engine *engine, struct engine_peer *peer, int error)
{
    enum trace_peer what = error == ECONNREFUSED ? TRACE_PEER_REFUSED
                           : error == ETIMEDOUT  ? TRACE_PEER_TIMED_OUT
                                                 : TRACE_PEER_SAW_RST;
    report(engine, peer, what)->err = error;
    peer->ended = true;
    peer->connecting = false;
    peer->pending.size = 0;
}

/* Reads up to `limit` bytes; returns how many came. */
static size_t read_bytes(struct engine *engine, struct engine_peer *peer, size_t limit)
{
    size_t total = 0;
    while (!peer->ended && total < limit) {
        size_t room = limit - total < ENGINE_BUFFER_SIZE ? limit - total : ENGINE_BUFFER_SIZE;
        int64_t size = engine->ops->recv(engine->world, peer->socket, engine->buffer, room, 0);
        if (size == -EAGAIN) {
            break;
        }
        if (size < 0) {
            failed(engine, peer, (int)-size);
            break;
        }
        if (size == 0) {
            peer->ended = true;
            report(engine, peer, TRACE_PEER_SAW_FIN);
            if (!peer->off_protocol) {
                engine->play->profile->ended(engine->play->profile, &peer->dialogue, &peer->sink);
            }
            break;
        }
        report(engine, peer, TRACE_PEER_READ)->a = size;
        if (!peer->off_protocol) {
            engine->play->profile->received(engine->play->profile, &peer->dialogue, engine->buffer,
                                            (size_t)size, &peer->sink);
        }
        total += (size_t)size;
        if ((size_t)size < room) {
            /* Short: the queue is empty. What comes later makes the socket ready again, and a FIN
             * or an error that already stands behind the data shows itself on the next look. */
            if ((engine->ops->poll(engine->world, peer->socket) & (POLLIN | POLLERR | POLLHUP)) ==
                0) {
                break;
            }
        }
    }
    return total;
}

static void finish_connecting(struct engine *engine, struct engine_peer *peer)
{
    int ready = engine->ops->poll(engine->world, peer->socket);
    if ((ready & (POLLERR | POLLHUP)) != 0) {
        int error = 0;
        (void)engine->ops->getsockopt(engine->world, peer->socket, WORLD_OPTION_ERROR, &error);
        if (error != 0) {
            failed(engine, peer, error);
            return;
        }
    }
    if ((ready & POLLOUT) != 0) {
        peer->connecting = false;
        engine->result->connections++;
        report(engine, peer, TRACE_PEER_CONNECTED);
    }
}

static void look(struct engine *engine, struct engine_peer *peer)
{
    if (peer->connecting) {
        finish_connecting(engine, peer);
    }
    if (peer->connecting) {
        return;
    }
    if (peer->pending.size > 0) {
        while (peer->pending.size > 0 && flush(engine, peer)) {
        }
    }
    if (!peer->stalled) {
        (void)read_bytes(engine, peer, SIZE_MAX);
    }
}

bool engine_peers_pump(struct engine *engine)
{
    bool any = false;
    for (int socket; (socket = engine->ops->next_ready(engine->world, TRACE_HOST_PEER)) >= 0;) {
        int16_t id = socket < ENGINE_SOCKET_MAP ? engine->peer_of[socket] : -1;
        if (id >= 0) {
            any = true;
            look(engine, &engine->peers[id]);
        }
    }
    return any;
}

/* ---- Steps ---- */

static void set_rcvbuf(struct engine *engine, int socket, uint32_t size)
{
    if (size > 0) {
        (void)engine->ops->setsockopt(engine->world, socket, WORLD_OPTION_RCVBUF, (int)size);
    }
}

enum engine_effect engine_peer_connect(struct engine *engine, const struct scenario_step *step)
{
    if (engine->peers[step->id].socket >= 0 || engine->play->target == NULL ||
        engine->trace->header.role != TRACE_ROLE_SERVER) {
        return ENGINE_NO_EFFECT;
    }
    int socket = engine->ops->socket(engine->world, TRACE_HOST_PEER);
    if (socket < 0) {
        return ENGINE_NO_EFFECT;
    }
    set_rcvbuf(engine, socket, step->from);
    int result = 0;
    if (step->to != 0) {
        (void)engine->ops->setsockopt(engine->world, socket, WORLD_OPTION_REUSEADDR, 1);
        result = engine->ops->bind(engine->world, socket, (uint16_t)step->to);
    }
    if (result == 0) {
        result = engine->ops->connect(engine->world, socket, engine->play->target->port);
    }
    if (result < 0 && result != -EINPROGRESS) {
        (void)engine->ops->close(engine->world, socket);
        return ENGINE_NO_EFFECT;
    }
    begin(engine, step->id, socket)->connecting = true;
    return ENGINE_EFFECT;
}

enum engine_effect engine_peer_accept(struct engine *engine, const struct scenario_step *step)
{
    if (engine->peers[step->id].socket >= 0 || engine->listener < 0) {
        return ENGINE_NO_EFFECT;
    }
    int socket = engine->ops->accept(engine->world, engine->listener);
    if (socket < 0) {
        return ENGINE_NO_EFFECT;
    }
    set_rcvbuf(engine, socket, step->from);
    struct engine_peer *peer = begin(engine, step->id, socket);
    engine->result->connections++;
    report(engine, peer, TRACE_PEER_ACCEPTED);
    look(engine, peer);
    return ENGINE_EFFECT;
}

enum engine_effect engine_peer_recv(struct engine *engine, const struct scenario_step *step)
{
    struct engine_peer *peer = &engine->peers[step->id];
    if (peer->socket < 0 || peer->ended) {
        return ENGINE_NO_EFFECT;
    }
    size_t limit = step->from == SCENARIO_ALL ? SIZE_MAX : step->from;
    return read_bytes(engine, peer, limit) > 0 || peer->ended ? ENGINE_EFFECT : ENGINE_NO_EFFECT;
}

enum engine_effect engine_peer_stall(struct engine *engine, const struct scenario_step *step)
{
    struct engine_peer *peer = &engine->peers[step->id];
    if (peer->socket < 0 || peer->stalled) {
        return ENGINE_NO_EFFECT;
    }
    peer->stalled = true;
    report(engine, peer, TRACE_PEER_STALLED);
    return ENGINE_EFFECT;
}

static void resume(struct engine *engine, struct engine_peer *peer)
{
    peer->stalled = false;
    report(engine, peer, TRACE_PEER_RESUMED);
    look(engine, peer);
}

enum engine_effect engine_peer_resume(struct engine *engine, const struct scenario_step *step)
{
    struct engine_peer *peer = &engine->peers[step->id];
    if (peer->socket < 0 || !peer->stalled) {
        return ENGINE_NO_EFFECT;
    }
    resume(engine, peer);
    return ENGINE_EFFECT;
}

enum engine_effect engine_peer_shutdown(struct engine *engine, const struct scenario_step *step)
{
    static const int how[SCENARIO_HOW_COUNT] = {[SCENARIO_HOW_WRITE] = SHUT_WR,
                                                [SCENARIO_HOW_READ] = SHUT_RD,
                                                [SCENARIO_HOW_BOTH] = SHUT_RDWR};
    struct engine_peer *peer = &engine->peers[step->id];
    if (peer->socket < 0 ||
        engine->ops->shutdown(engine->world, peer->socket, how[step->what]) < 0) {
        return ENGINE_NO_EFFECT;
    }
    if (step->what != SCENARIO_HOW_READ) {
        report(engine, peer, TRACE_PEER_SHUT_WRITE);
    }
    if (step->what != SCENARIO_HOW_WRITE) {
        report(engine, peer, TRACE_PEER_SHUT_READ);
    }
    return ENGINE_EFFECT;
}

static void close_peer(struct engine *engine, struct engine_peer *peer)
{
    (void)engine->ops->close(engine->world, peer->socket);
    report(engine, peer, TRACE_PEER_CLOSED);
    give_up(engine, peer);
}

enum engine_effect engine_peer_close(struct engine *engine, const struct scenario_step *step)
{
    struct engine_peer *peer = &engine->peers[step->id];
    if (peer->socket < 0) {
        return ENGINE_NO_EFFECT;
    }
    close_peer(engine, peer);
    return ENGINE_EFFECT;
}

enum engine_effect engine_peer_reset(struct engine *engine, const struct scenario_step *step)
{
    struct engine_peer *peer = &engine->peers[step->id];
    if (peer->socket < 0) {
        return ENGINE_NO_EFFECT;
    }
    (void)engine->ops->abort(engine->world, peer->socket);
    report(engine, peer, TRACE_PEER_RESET);
    give_up(engine, peer);
    return ENGINE_EFFECT;
}

enum engine_effect engine_peer_linger(struct engine *engine, const struct scenario_step *step)
{
    struct engine_peer *peer = &engine->peers[step->id];
    if (peer->socket < 0 || engine->ops->setsockopt(engine->world, peer->socket,
                                                    WORLD_OPTION_LINGER, (int)step->from) < 0) {
        return ENGINE_NO_EFFECT;
    }
    return ENGINE_EFFECT;
}

enum engine_effect engine_peer_listen(struct engine *engine, const struct scenario_step *step)
{
    if (engine->listener >= 0 || engine->play->target == NULL ||
        engine->trace->header.role != TRACE_ROLE_CLIENT) {
        return ENGINE_NO_EFFECT;
    }
    int socket = engine->ops->socket(engine->world, TRACE_HOST_PEER);
    if (socket < 0) {
        return ENGINE_NO_EFFECT;
    }
    (void)engine->ops->setsockopt(engine->world, socket, WORLD_OPTION_REUSEADDR, 1);
    int backlog = step->from > 0 ? (int)step->from : ENGINE_BACKLOG;
    if (engine->ops->bind(engine->world, socket, engine->play->target->port) < 0 ||
        engine->ops->listen(engine->world, socket, backlog) < 0) {
        (void)engine->ops->close(engine->world, socket);
        return ENGINE_NO_EFFECT;
    }
    engine->listener = socket;
    return ENGINE_EFFECT;
}

enum engine_effect engine_peer_unlisten(struct engine *engine, const struct scenario_step *step)
{
    (void)step;
    if (engine->listener < 0) {
        return ENGINE_NO_EFFECT;
    }
    (void)engine->ops->close(engine->world, engine->listener);
    engine->listener = -1;
    return ENGINE_EFFECT;
}

void engine_peers_resume(struct engine *engine)
{
    for (uint32_t used = engine->peers_used; used != 0; used &= used - 1) {
        struct engine_peer *peer = &engine->peers[__builtin_ctz(used)];
        if (peer->socket >= 0 && peer->stalled) {
            resume(engine, peer);
        }
    }
}

void engine_peers_close(struct engine *engine)
{
    for (uint32_t used = engine->peers_used; used != 0; used &= used - 1) {
        struct engine_peer *peer = &engine->peers[__builtin_ctz(used)];
        if (peer->socket >= 0) {
            close_peer(engine, peer);
        }
    }
    (void)engine_peer_unlisten(engine, NULL);
}
