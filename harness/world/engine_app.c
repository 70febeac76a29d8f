/* Scripted sockets on both hosts, for scenarios without a program: each step is a call as a program
 * would make it, and is traced as one, whatever the kernel answered. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "world/engine_internal.h"

enum {
    READY_MAX = 32, /* maxevents of `app wait` */
    WATCHED = POLLIN | POLLOUT | POLLRDHUP | POLLPRI,
    UNASKED = POLLERR | POLLHUP | POLLNVAL, /* reported whether asked for or not */
    ROOM_WHOLE = sizeof(struct sockaddr_in),
    ROOM_CUT = ROOM_WHOLE / 2
};

/* Level and name of each option of the language. */
static const struct {
    int level;
    int name;
} sockopts[SCENARIO_OPTION_COUNT] = {
#define SOCKET_ROW(option) [SCENARIO_OPTION_##option] = {SOL_SOCKET, option}
#define TCP_ROW(option) [SCENARIO_OPTION_##option] = {IPPROTO_TCP, option}
    SOCKET_ROW(SO_ERROR),      SOCKET_ROW(SO_RCVBUF),     SOCKET_ROW(SO_SNDBUF),
    SOCKET_ROW(SO_LINGER),     SOCKET_ROW(SO_KEEPALIVE),  SOCKET_ROW(SO_REUSEADDR),
    SOCKET_ROW(SO_REUSEPORT),  SOCKET_ROW(SO_OOBINLINE),  SOCKET_ROW(SO_RCVLOWAT),
    SOCKET_ROW(SO_ACCEPTCONN), TCP_ROW(TCP_NODELAY),      TCP_ROW(TCP_CORK),
    TCP_ROW(TCP_KEEPIDLE),     TCP_ROW(TCP_KEEPINTVL),    TCP_ROW(TCP_KEEPCNT),
    TCP_ROW(TCP_USER_TIMEOUT), TCP_ROW(TCP_DEFER_ACCEPT), TCP_ROW(TCP_LINGER2),
    TCP_ROW(TCP_SYNCNT),       TCP_ROW(TCP_INFO),         SOCKET_ROW(SO_RCVTIMEO),
    SOCKET_ROW(SO_SNDTIMEO),
#undef SOCKET_ROW
#undef TCP_ROW
};

/* ---- Events ---- */

struct trace_event *engine_app_note(struct engine *engine, const struct engine_app *app,
                                    enum trace_call call, int64_t result)
{
    struct trace_event *event = trace_add(engine->trace, TRACE_CALL, (enum trace_host)app->host);
    event->what = (uint8_t)call;
    event->flags = TRACE_NONBLOCK;
    event->fd = app->socket;
    event->conn = app->socket >= 0 ? engine->ops->conn(engine->world, app->socket) : 0;
    event->result = result >= 0 ? result : -1;
    event->err = result >= 0 ? 0 : (int32_t)-result;
    return event;
}

void engine_app_note_signal(struct engine *engine, const struct engine_app *app, int number)
{
    struct trace_event *event = trace_add(engine->trace, TRACE_SIGNAL, (enum trace_host)app->host);
    event->what = (uint8_t)number;
    event->a = TRACE_SIGNAL_HANDLED;
    event->b = number == SIGPIPE;
}

static void note_ready(struct engine *engine, enum trace_host host, int s, int64_t asked,
                       int64_t got)
{
    struct trace_event *event = trace_add(engine->trace, TRACE_READY, host);
    event->fd = s;
    event->conn = engine->ops->conn(engine->world, s);
    event->a = asked;
    event->b = got;
}

/* ---- Names and streams ---- */

static bool is_free(const struct engine *engine, uint32_t id)
{
    return id < SCENARIO_SOCKETS_MAX && engine->apps[id].socket < 0;
}

static struct engine_stream *new_stream(struct engine *engine)
{
    if (engine->streams_used == SCENARIO_STEPS_MAX) {
        return NULL;
    }
    struct engine_stream *stream = &engine->streams[engine->streams_used++];
    *stream = (struct engine_stream){.salt = engine->streams_used};
    return stream;
}

/* A new socket gets its name; a stream of its own unless it is a duplicate. */
static void keep(struct engine *engine, uint32_t id, int socket, enum trace_host host,
                 struct engine_stream *stream)
{
    engine->apps[id] = (struct engine_app){.socket = socket, .host = (uint8_t)host};
    engine->apps[id].stream = stream != NULL ? stream : new_stream(engine);
    engine->apps[id].stream->refs++;
    engine->apps_used |= 1U << id;
}

/* Another connection: what is sent and received counts from 0 again. */
static void stream_follow(struct engine *engine, const struct engine_app *app)
{
    uint32_t conn = engine->ops->conn(engine->world, app->socket);
    struct engine_stream *stream = app->stream;
    if (stream->conn != conn) {
        uint32_t refs = stream->refs;
        *stream = (struct engine_stream){.salt = stream->salt, .refs = refs, .conn = conn};
    }
}

/* The stream that this one receives: what the other end of its connection sent. */
static const struct engine_stream *stream_other(const struct engine *engine,
                                                const struct engine_stream *stream)
{
    for (uint32_t i = 0; stream->conn != 0 && i < engine->streams_used; i++) {
        const struct engine_stream *other = &engine->streams[i];
        if (other != stream && other->conn == stream->conn) {
            return other;
        }
    }
    return NULL;
}

/* Filling shows where in which stream it stands: bytes of no order that come again after a prime
 * number, so that what is lost, repeated or exchanged does not fit. */
static const uint8_t *pattern(struct engine *engine, const struct engine_stream *stream,
                              uint32_t offset, size_t size)
{
    size_t start =
        ((size_t)offset + stream->salt * (size_t)ENGINE_PATTERN_STEP) % ENGINE_PATTERN_PERIOD;
    size_t end = start + size;
    for (size_t i = engine->patterned; i < end; i++) {
        uint32_t at = (uint32_t)(i % ENGINE_PATTERN_PERIOD);
        engine->pattern[i] = (uint8_t)((at * 2654435761U) >> 24 ^ at >> 3);
    }
    engine->patterned = end > engine->patterned ? end : engine->patterned;
    return engine->pattern + start;
}

const uint8_t *engine_app_pattern(struct engine *engine, const struct engine_app *app, size_t size)
{
    stream_follow(engine, app);
    return pattern(engine, app->stream, app->stream->sent, size);
}

static void stream_sent(struct engine_stream *stream, const uint8_t *literal, uint32_t size)
{
    struct engine_piece *last =
        stream->piece_count > 0 ? &stream->pieces[stream->piece_count - 1] : NULL;
    if (last != NULL && last->literal == NULL && literal == NULL) {
        last->size += size;
    } else if (stream->piece_count < ENGINE_PIECES_MAX) {
        stream->pieces[stream->piece_count++] =
            (struct engine_piece){.literal = literal, .at = stream->sent, .size = size};
    } else {
        stream->unknown = true;
    }
    stream->sent += size;
}

void engine_app_sent(struct engine *engine, const struct engine_app *app, int64_t size)
{
    (void)engine;
    if (size > 0) {
        stream_sent(app->stream, NULL, (uint32_t)size);
    }
}

/* Whether these bytes are those that the stream holds from `offset` on. */
static bool stream_holds(struct engine *engine, const struct engine_stream *stream, uint32_t offset,
                         const uint8_t *bytes, size_t size)
{
    if ((uint64_t)offset + size > stream->sent) {
        return false;
    }
    for (unsigned i = 0; i < stream->piece_count && size > 0; i++) {
        const struct engine_piece *piece = &stream->pieces[i];
        if (offset < piece->at || offset - piece->at >= piece->size) {
            continue;
        }
        size_t skip = offset - piece->at;
        size_t here = piece->size - skip < size ? piece->size - skip : size;
        const uint8_t *sent =
            piece->literal != NULL ? piece->literal + skip : pattern(engine, stream, offset, here);
        if (memcmp(sent, bytes, here) != 0) {
            return false;
        }
        offset += (uint32_t)here;
        bytes += here;
        size -= here;
    }
    return size == 0;
}

static uint64_t hash_of(const uint8_t *bytes, size_t size)
{
    uint64_t hash = 0xCBF29CE484222325U; /* FNV-1a */
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001B3U;
    }
    return hash;
}

static void note_bytes(struct engine *engine, const struct engine_app *app, uint32_t offset,
                       size_t size, bool in_stream)
{
    const struct engine_stream *other = stream_other(engine, app->stream);
    enum trace_bytes how = TRACE_BYTES_UNKNOWN;
    if (in_stream && other != NULL && !other->unknown) {
        how = stream_holds(engine, other, offset, engine->buffer, size) ? TRACE_BYTES_AS_SENT
                                                                        : TRACE_BYTES_WRONG;
    }
    struct trace_event *event = trace_add(engine->trace, TRACE_BYTES, (enum trace_host)app->host);
    event->what = (uint8_t)how;
    event->fd = app->socket;
    event->conn = engine->ops->conn(engine->world, app->socket);
    event->result = (int64_t)size;
    event->a = offset;
    event->b = how == TRACE_BYTES_AS_SENT
                   ? 0
                   : (int64_t)(hash_of(engine->buffer, size) >> 1); /* as a positive number */
}

void engine_app_received(struct engine *engine, const struct engine_app *app, int64_t size)
{
    if (size > 0) {
        note_bytes(engine, app, app->stream->received, (size_t)size, true);
        app->stream->received += (uint32_t)size;
    }
}

/* ---- Making and ending ---- */

static enum engine_effect app_socket(struct engine *engine, const struct scenario_step *step)
{
    enum trace_host host =
        (step->kind & SCENARIO_ON_PEER) != 0 ? TRACE_HOST_PEER : TRACE_HOST_TARGET;
    if (!is_free(engine, step->id) || engine->streams_used == SCENARIO_STEPS_MAX) {
        return ENGINE_NO_EFFECT;
    }
    int socket = engine->ops->app_socket(engine->world, host);
    if (socket >= 0) {
        keep(engine, step->id, socket, host, NULL);
    }
    struct trace_event *event = engine_app_note(
        engine, &(struct engine_app){.socket = socket >= 0 ? socket : -1, .host = (uint8_t)host},
        TRACE_CALL_SOCKET, socket);
    event->a = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    event->b = AF_INET;
    return ENGINE_EFFECT;
}

/* The room that an accept had for an address, and the size that it told. */
struct told {
    int room; /* -1: it asked for none; 0: nothing is known */
    int size;
};

static int accept_from(struct engine *engine, const struct scenario_step *step,
                       const struct engine_app *app, struct told *ret_told)
{
    if (engine->ops->app_accept == NULL) {
        return engine->ops->accept(engine->world, app->socket);
    }
    ret_told->room = (step->kind & SCENARIO_NULL) != 0  ? -1
                     : (step->kind & SCENARIO_CUT) != 0 ? (int)ROOM_CUT
                                                        : (int)ROOM_WHOLE;
    return engine->ops->app_accept(engine->world, app->socket, ret_told->room, &ret_told->size);
}

/* accept and dup: `from` names the new socket. */
static enum engine_effect app_another(struct engine *engine, const struct scenario_step *step,
                                      const struct engine_app *app)
{
    bool accepts = step->verb == SCENARIO_APP_ACCEPT;
    if (!is_free(engine, step->from) || engine->streams_used == SCENARIO_STEPS_MAX) {
        return ENGINE_NO_EFFECT;
    }
    struct told told = {0, 0};
    int socket = accepts ? accept_from(engine, step, app, &told)
                         : engine->ops->dup(engine->world, app->socket);
    struct trace_event *event =
        engine_app_note(engine, app, accepts ? TRACE_CALL_ACCEPT : TRACE_CALL_DUP, socket);
    if (told.room != 0 && (told.room != ROOM_WHOLE || (socket >= 0 && told.size != ROOM_WHOLE))) {
        event->b = (int64_t)told.size << 32 | (uint32_t)told.room; /* not as it usually is */
    }
    if (socket >= 0) {
        keep(engine, step->from, socket, (enum trace_host)app->host, accepts ? NULL : app->stream);
        stream_follow(engine, &engine->apps[step->from]);
        event->conn = engine->ops->conn(engine->world, socket);
    }
    return ENGINE_EFFECT;
}

static bool is_timeout(enum scenario_option option)
{
    return option == SCENARIO_OPTION_SO_RCVTIMEO || option == SCENARIO_OPTION_SO_SNDTIMEO;
}

static void set_option(struct engine *engine, const struct engine_app *app,
                       enum scenario_option option, uint32_t number)
{
    int value = number == SCENARIO_ALL ? -1 : (int)number;
    struct linger linger = {.l_onoff = value >= 0, .l_linger = value >= 0 ? value : 0};
    struct timeval time = {.tv_sec = value / 1000, .tv_usec = value % 1000 * 1000L};
    bool is_linger = option == SCENARIO_OPTION_SO_LINGER;
    bool is_time = is_timeout(option);
    int result = engine->ops->option_set(engine->world, app->socket, sockopts[option].level,
                                         sockopts[option].name,
                                         is_linger ? (const void *)&linger
                                         : is_time ? (const void *)&time
                                                   : &value,
                                         is_linger ? sizeof linger
                                         : is_time ? sizeof time
                                                   : sizeof value);
    struct trace_event *event = engine_app_note(engine, app, TRACE_CALL_SETSOCKOPT, result);
    event->a = (int64_t)sockopts[option].level << 16 | sockopts[option].name;
    event->b = is_linger ? (int64_t)linger.l_onoff | (int64_t)linger.l_linger << 32 : value;
}

/* Milliseconds. */
static void get_timeout(struct engine *engine, const struct engine_app *app,
                        enum scenario_option option)
{
    struct timeval time = {0, 0};
    uint32_t size = sizeof time;
    int result = engine->ops->option_get(engine->world, app->socket, sockopts[option].level,
                                         sockopts[option].name, &time, &size);
    struct trace_event *event = engine_app_note(engine, app, TRACE_CALL_GETSOCKOPT, result);
    event->a = (int64_t)sockopts[option].level << 16 | sockopts[option].name;
    event->b = result >= 0 ? (int64_t)time.tv_sec * 1000 + time.tv_usec / 1000 : 0;
}

static void get_option(struct engine *engine, const struct engine_app *app,
                       enum scenario_option option)
{
    if (is_timeout(option)) {
        get_timeout(engine, app, option);
        return;
    }
    int value[2] = {0, 0};
    uint32_t size = option == SCENARIO_OPTION_SO_LINGER  ? sizeof value
                    : option == SCENARIO_OPTION_TCP_INFO ? 1
                                                         : sizeof value[0];
    int result = engine->ops->option_get(engine->world, app->socket, sockopts[option].level,
                                         sockopts[option].name, value, &size);
    struct trace_event *event = engine_app_note(engine, app, TRACE_CALL_GETSOCKOPT, result);
    event->a = (int64_t)sockopts[option].level << 16 | sockopts[option].name;
    if (result >= 0) {
        event->b = (int64_t)value[0] | (int64_t)value[1] << 32;
    }
}

static void app_close(struct engine *engine, const struct scenario_step *step)
{
    struct engine_app app = engine->apps[step->id];
    if (step->verb == SCENARIO_APP_RESET) {
        set_option(engine, &app, SCENARIO_OPTION_SO_LINGER, 0);
    }
    uint32_t conn = engine->ops->conn(engine->world, app.socket);
    engine->apps[step->id].socket = -1;
    int result = engine->ops->close(engine->world, app.socket);
    struct trace_event *event = engine_app_note(engine, &app, TRACE_CALL_CLOSE, result);
    event->conn = conn;
    event->a = --app.stream->refs == 0;
}

/* ---- Data ---- */

static void app_send(struct engine *engine, const struct engine_app *app,
                     const struct scenario_step *step)
{
    int64_t result = 0;
    stream_follow(engine, app);
    for (unsigned i = 0; i < step->repeat && result >= 0; i++) {
        bool fills = step->what == SCENARIO_PAYLOAD_FILL;
        size_t size = fills ? step->from : step->literal_size;
        const uint8_t *literal = fills ? NULL : engine->scenario->literal + step->literal_at;
        const uint8_t *bytes =
            fills ? pattern(engine, app->stream, app->stream->sent, size) : literal;
        result =
            engine->ops->send(engine->world, app->socket, bytes, size, MSG_DONTWAIT | MSG_ZEROCOPY);
        if (result == -EPIPE && engine->ops->app_piped != NULL &&
            engine->ops->app_piped(engine->world)) {
            engine_app_note_signal(engine, app, SIGPIPE);
        }
        engine_app_note(engine, app, TRACE_CALL_SEND, result)->a = (int64_t)size;
        if (result > 0) {
            stream_sent(app->stream, literal, (uint32_t)result);
        }
    }
}

static void app_urgent(struct engine *engine, const struct engine_app *app)
{
    stream_follow(engine, app);
    int64_t result = engine->ops->send(engine->world, app->socket, "!", 1, MSG_OOB | MSG_DONTWAIT);
    struct trace_event *event = engine_app_note(engine, app, TRACE_CALL_SEND, result);
    event->a = 1;
    event->b = MSG_OOB;
    app->stream->unknown |= result > 0; /* the byte may be read in the stream or beside it */
}

static void app_recv(struct engine *engine, const struct engine_app *app,
                     const struct scenario_step *step)
{
    int flags = ((step->kind & SCENARIO_PEEK) != 0 ? MSG_PEEK : 0) |
                ((step->kind & SCENARIO_WAITALL) != 0 ? MSG_WAITALL : 0) |
                ((step->kind & SCENARIO_OOB) != 0 ? MSG_OOB : 0);
    size_t size = step->from < ENGINE_BUFFER_SIZE ? step->from : ENGINE_BUFFER_SIZE;
    stream_follow(engine, app);
    uint32_t offset = app->stream->received;
    int64_t result =
        engine->ops->recv(engine->world, app->socket, engine->buffer, size, flags | MSG_DONTWAIT);
    struct trace_event *event = engine_app_note(engine, app, TRACE_CALL_RECV, result);
    event->a = (int64_t)size;
    event->b = flags;
    if (result > 0) {
        note_bytes(engine, app, offset, (size_t)result, (flags & MSG_OOB) == 0);
        app->stream->received += (flags & (MSG_PEEK | MSG_OOB)) == 0 ? (uint32_t)result : 0;
    }
}

/* ---- Looking ---- */

static void app_names(struct engine *engine, const struct engine_app *app)
{
    for (int peer = 0; peer < 2; peer++) {
        struct world_name name = {0};
        int result = engine->ops->app_name(engine->world, app->socket, peer != 0, &name);
        struct trace_event *event = engine_app_note(
            engine, app, peer != 0 ? TRACE_CALL_GETPEERNAME : TRACE_CALL_GETSOCKNAME, result);
        event->a = name.port;
        event->b = name.place;
    }
}

static void app_flags(struct engine *engine, const struct engine_app *app)
{
    for (int descriptor = 0; descriptor < 2; descriptor++) {
        int result = engine->ops->app_flags(engine->world, app->socket, descriptor != 0);
        engine_app_note(engine, app, TRACE_CALL_FCNTL, result)->a =
            descriptor != 0 ? F_GETFD : F_GETFL;
    }
}

static void app_poll(struct engine *engine, const struct engine_app *app)
{
    int got = engine->ops->poll(engine->world, app->socket);
    got = got > 0 ? got & (WATCHED | UNASKED) : got;
    struct trace_event *event = engine_app_note(engine, app, TRACE_CALL_POLL, got > 0 ? 1 : got);
    event->fd = -1;
    event->conn = 0;
    event->a = 1;
    if (got > 0) {
        note_ready(engine, (enum trace_host)app->host, app->socket, WATCHED, got);
    }
}

static void app_watch(struct engine *engine, const struct engine_app *app,
                      const struct scenario_step *step)
{
    int op = (step->kind & SCENARIO_OFF) != 0     ? EPOLL_CTL_DEL
             : (step->kind & SCENARIO_AGAIN) != 0 ? EPOLL_CTL_MOD
                                                  : EPOLL_CTL_ADD;
    uint32_t events = (uint32_t)WATCHED |
                      ((step->kind & SCENARIO_EDGE) != 0 ? (uint32_t)EPOLLET : 0) |
                      ((step->kind & SCENARIO_ONESHOT) != 0 ? (uint32_t)EPOLLONESHOT : 0);
    int result = engine->ops->app_watch(engine->world, app->socket, op, events);
    struct trace_event *event = engine_app_note(engine, app, TRACE_CALL_EPOLL_CTL, result);
    event->a = op;
    event->b = op == EPOLL_CTL_DEL ? 0 : events;
}

static enum engine_effect app_wait(struct engine *engine, const struct scenario_step *step)
{
    struct world_ready ready[READY_MAX];
    enum trace_host host =
        (step->kind & SCENARIO_ON_PEER) != 0 ? TRACE_HOST_PEER : TRACE_HOST_TARGET;
    int count = engine->ops->app_wait(engine->world, host, ready, READY_MAX);
    engine_app_note(engine, &(struct engine_app){.socket = -1, .host = (uint8_t)host},
                    TRACE_CALL_EPOLL_WAIT, count)
        ->a = READY_MAX;
    for (int i = 0; i < count; i++) {
        note_ready(engine, host, ready[i].s, ready[i].asked & WATCHED, ready[i].got);
        if ((ready[i].asked & EPOLLET) != 0) {
            engine->trace->events[engine->trace->count - 1].flags |= TRACE_EDGE;
        }
    }
    return ENGINE_EFFECT;
}

/* ---- Steps ---- */

static void app_connect(struct engine *engine, const struct engine_app *app,
                        const struct scenario_step *step)
{
    enum trace_host here = (enum trace_host)app->host;
    enum trace_host there = (enum trace_host)(TRACE_HOST_COUNT - 1 - here);
    enum trace_host to = (step->kind & SCENARIO_OWN) != 0 ? here : there;
    int result = engine->ops->app_connect(engine->world, app->socket, to, (uint16_t)step->from);
    struct trace_event *event = engine_app_note(engine, app, TRACE_CALL_CONNECT, result);
    event->a = step->from;
    event->b = AF_INET;
}

static void simple_call(struct engine *engine, const struct engine_app *app,
                        const struct scenario_step *step)
{
    static const int how[SCENARIO_HOW_COUNT] = {[SCENARIO_HOW_WRITE] = SHUT_WR,
                                                [SCENARIO_HOW_READ] = SHUT_RD,
                                                [SCENARIO_HOW_BOTH] = SHUT_RDWR};
    const struct world_ops *ops = engine->ops;
    struct world *world = engine->world;
    int result = 0;
    switch (step->verb) {
    case SCENARIO_APP_BIND:
        result = ops->bind(world, app->socket, (uint16_t)step->from);
        engine_app_note(engine, app, TRACE_CALL_BIND, result)->a = step->from;
        break;
    case SCENARIO_APP_LISTEN:
        result = ops->listen(world, app->socket, (int)step->from);
        engine_app_note(engine, app, TRACE_CALL_LISTEN, result)->a = step->from;
        break;
    case SCENARIO_APP_SHUTDOWN:
        result = ops->shutdown(world, app->socket, how[step->what]);
        engine_app_note(engine, app, TRACE_CALL_SHUTDOWN, result)->a = how[step->what];
        break;
    default:
        result = ops->app_disconnect(world, app->socket);
        engine_app_note(engine, app, TRACE_CALL_CONNECT, result)->b = AF_UNSPEC;
        break;
    }
}

/* Calls on an open app socket. */
static void act(struct engine *engine, const struct engine_app *app,
                const struct scenario_step *step)
{
    switch (step->verb) {
    case SCENARIO_APP_CONNECT:
        app_connect(engine, app, step);
        break;
    case SCENARIO_APP_SEND:
        app_send(engine, app, step);
        break;
    case SCENARIO_APP_RECV:
        app_recv(engine, app, step);
        break;
    case SCENARIO_APP_URGENT:
        app_urgent(engine, app);
        break;
    case SCENARIO_APP_CLOSE:
    case SCENARIO_APP_RESET:
        app_close(engine, step);
        break;
    case SCENARIO_APP_LINGER:
        set_option(engine, app, SCENARIO_OPTION_SO_LINGER, step->from);
        break;
    case SCENARIO_APP_OPTION:
        set_option(engine, app, (enum scenario_option)step->what, step->from);
        break;
    case SCENARIO_APP_GET:
        get_option(engine, app, (enum scenario_option)step->what);
        break;
    case SCENARIO_APP_POLL:
        app_poll(engine, app);
        break;
    case SCENARIO_APP_NAMES:
        app_names(engine, app);
        break;
    case SCENARIO_APP_FLAGS:
        app_flags(engine, app);
        break;
    case SCENARIO_APP_WATCH:
        app_watch(engine, app, step);
        break;
    default:
        simple_call(engine, app, step);
        break;
    }
}

/* What no profile is there to expand cannot be sent. */
static bool can_be_sent(const struct scenario_step *step)
{
    return step->verb != SCENARIO_APP_SEND || step->what == SCENARIO_PAYLOAD_LITERAL ||
           (step->what == SCENARIO_PAYLOAD_FILL && step->from <= ENGINE_BUFFER_SIZE);
}

enum engine_effect engine_app_play(struct engine *engine, const struct scenario_step *step)
{
    if (step->verb == SCENARIO_APP_SOCKET) {
        return app_socket(engine, step);
    }
    if (step->verb == SCENARIO_APP_WAIT) {
        return app_wait(engine, step);
    }
    if (step->verb >= SCENARIO_APP_BLOCKING) {
        return engine_process_play(engine, step);
    }
    const struct engine_app *app = &engine->apps[step->id];
    if (app->socket < 0 || !can_be_sent(step)) {
        return ENGINE_NO_EFFECT;
    }
    if (step->verb == SCENARIO_APP_ACCEPT || step->verb == SCENARIO_APP_DUP) {
        return app_another(engine, step, app);
    }
    act(engine, app, step);
    return ENGINE_EFFECT;
}
