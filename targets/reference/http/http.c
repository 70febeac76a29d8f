/* HTTP/1.1 server on ppoll(): keep-alive, pipelining, request bodies, large responses, lingering
 * close. Answers GET and HEAD of / and of /large/N (N bytes of a pattern), and POST /echo. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"
#include "common/listener.h"
#include "common/options.h"
#include "common/pattern.h"
#include "common/signals.h"
#include "http/request.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    INPUT_SIZE = 4096, /* and the longest head of a request */
    OUTPUT_SIZE = 16384,
    BODY_MAX = 65536,       /* the longest request body */
    CONNECTIONS_MAX = 1000, /* beyond these, clients wait in the listener's queue */
    CAPACITY_FIRST = 8,
    RETRY_MS = 500,       /* pause after the kernel ran out of descriptors or memory */
    LINGER_MS = 2000,     /* so long what a client still sends is read after the last response */
    STOP_GRACE_MS = 2000, /* so long requests are still answered after a request to stop */
};

enum phase {
    READING_HEAD, /* between requests too */
    READING_BODY,
    WRITING,
    LINGERING, /* our FIN is sent; what comes is thrown away until the client's FIN */
};

struct connection {
    enum phase phase;
    int64_t deadline_ms;              /* closed when the phase has not moved on until then */
    int64_t retry_ms;                 /* out of memory: left alone until then; 0 otherwise */
    bool keep_alive;                  /* after the response in progress */
    size_t input_length;              /* input[0, input_length) is not used up yet */
    char *body;                       /* of the request, on the heap; NULL when there is none */
    const char *answer;               /* body of the response, NULL for the pattern */
    uint64_t body_length, body_place; /* received or sent so far */
    size_t output_begin, output_end;  /* output[begin, end) waits to be sent */
    char input[INPUT_SIZE];
    char output[OUTPUT_SIZE];
};

struct server {
    int idle_ms;
    int64_t now_ms;
    int64_t accept_ms;  /* no accept() before this time; 0 when nothing is wrong */
    int64_t stop_by_ms; /* 0 until a request to stop came */
    size_t count, capacity;
    struct connection **connections;
    struct pollfd *polls; /* [0] is the listener, [i + 1] belongs to connections[i] */
    unsigned long accepted;
};

static bool is_transient(int error)
{
    return error == EAGAIN || error == EINTR;
}

static bool is_shortage(int error)
{
    return error == ENOBUFS || error == ENOMEM;
}

static const char *reason_of(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 413:
        return "Content Too Large";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    default:
        return "HTTP Version Not Supported";
    }
}

static void body_drop(struct connection *c)
{
    free(c->body);
    c->body = NULL;
}

/* Starts a response with this body (it stays where it is until sent; NULL: the pattern). There is
 * no Date field: RFC 9110 lets a server without a clock leave it out, and answers stay comparable.
 */
static void respond(struct server *s, struct connection *c, int status, const char *answer,
                    uint64_t length)
{
    int head = snprintf(c->output, OUTPUT_SIZE,
                        "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\n"
                        "Content-Length: %llu\r\nConnection: %s\r\n\r\n",
                        status, reason_of(status), (unsigned long long)length,
                        c->keep_alive ? "keep-alive" : "close");
    assert(head > 0 && head < OUTPUT_SIZE);
    c->phase = WRITING;
    c->deadline_ms = s->now_ms + s->idle_ms;
    c->output_begin = 0;
    c->output_end = (size_t)head;
    c->answer = answer;
    c->body_length = length;
    c->body_place = 0;
}

/* After an error the rest of the input cannot be understood: the connection ends. */
static void respond_error(struct server *s, struct connection *c, int status)
{
    body_drop(c);
    c->keep_alive = false;
    c->input_length = 0;
    respond(s, c, status, NULL, 0);
}

/* N of /large/N, up to 18 digits; false when the path is another one. */
static bool parse_large(const char *path, size_t length, uint64_t *ret_size)
{
    static const char prefix[] = "/large/";
    size_t start = sizeof(prefix) - 1;
    uint64_t size = 0;
    if (length <= start || length > start + 18 || memcmp(path, prefix, start) != 0)
        return false;
    for (size_t i = start; i < length; i++) {
        if (path[i] < '0' || path[i] > '9')
            return false;
        size = size * 10 + (uint64_t)(path[i] - '0');
    }
    *ret_size = size;
    return true;
}

static void answer_get(struct server *s, struct connection *c, const struct request *r)
{
    static const char greeting[] = "Hello from the reference server.\n";
    uint64_t size = 0;
    if (r->target_length == 1 && r->target[0] == '/') {
        respond(s, c, 200, greeting, sizeof(greeting) - 1);
    } else if (parse_large(r->target, r->target_length, &size)) {
        respond(s, c, 200, NULL, size);
    } else {
        respond(s, c, 404, NULL, 0);
    }
    if (r->method == METHOD_HEAD) /* the head says how long the body would be */
        c->body_length = 0;
}

/* A body that is not wanted is not read either: the error ends the connection. */
static void begin_body(struct server *s, struct connection *c, const struct request *r)
{
    if (r->target_length != 5 || memcmp(r->target, "/echo", 5) != 0) {
        respond_error(s, c, 404);
    } else if (r->content_length > BODY_MAX) {
        respond_error(s, c, 413);
    } else {
        c->body = malloc(r->content_length + 1);
        c->body_length = r->content_length;
        c->body_place = 0;
        c->phase = READING_BODY;
        if (c->body == NULL)
            respond_error(s, c, 503);
    }
}

/* The input is used up to here; a pipelined request may follow. */
static void input_consume(struct connection *c, size_t length)
{
    c->input_length -= length;
    memmove(c->input, c->input + length, c->input_length);
}

/* Returns false when more input is needed. */
static bool take_head(struct server *s, struct connection *c)
{
    struct request r;
    long head = request_parse(c->input, c->input_length, &r);
    if (head == 0 && c->input_length < INPUT_SIZE)
        return false;
    if (head <= 0) {
        respond_error(s, c, head == 0 ? 431 : r.error);
        return true;
    }
    c->keep_alive = r.keep_alive && s->stop_by_ms == 0;
    if (r.method == METHOD_OTHER)
        respond_error(s, c, 501);
    else if (r.method == METHOD_POST)
        begin_body(s, c, &r);
    else if (r.content_length > 0)
        respond_error(s, c, 400); /* a body here has no meaning: RFC 9110, 9.3.1 */
    else
        answer_get(s, c, &r);
    if (c->input_length > 0)
        input_consume(c, (size_t)head);
    return true;
}

/* Returns false when more input is needed. */
static bool take_body(struct server *s, struct connection *c)
{
    uint64_t missing = c->body_length - c->body_place;
    size_t part = missing < c->input_length ? (size_t)missing : c->input_length;
    memcpy(c->body + c->body_place, c->input, part);
    c->body_place += part;
    input_consume(c, part);
    if (c->body_place < c->body_length)
        return false;
    respond(s, c, 200, c->body, c->body_length);
    return true;
}

/* Moves the next piece of the body behind what is in the output. */
static void output_refill(struct connection *c)
{
    if (c->output_begin == c->output_end)
        c->output_begin = c->output_end = 0;
    while (c->output_end < OUTPUT_SIZE && c->body_place < c->body_length) {
        uint64_t left = c->body_length - c->body_place;
        size_t room = OUTPUT_SIZE - c->output_end;
        size_t piece = room;
        const char *from =
            c->answer != NULL ? c->answer + c->body_place : pattern_at(c->body_place, &piece);
        if (piece > room)
            piece = room;
        if (piece > left)
            piece = (size_t)left;
        memcpy(c->output + c->output_end, from, piece);
        c->output_end += piece;
        c->body_place += piece;
    }
}

/* Returns false when the connection is lost, or finished: closing with unread input would send a
 * reset, which can overtake the response and destroy it at the client. So: FIN, read what is left
 * until the client's FIN or a time limit, and only then close. */
static bool finish_response(struct server *s, struct connection *c, int fd)
{
    body_drop(c);
    c->deadline_ms = s->now_ms + s->idle_ms;
    c->phase = READING_HEAD;
    if (c->keep_alive)
        return true;
    c->phase = LINGERING;
    c->deadline_ms = s->now_ms + LINGER_MS;
    c->input_length = 0;
    return shutdown(fd, SHUT_WR) == 0;
}

/* Returns false when the connection is lost. */
static bool connection_write(struct server *s, struct connection *c, int fd)
{
    output_refill(c);
    ssize_t sent =
        send(fd, c->output + c->output_begin, c->output_end - c->output_begin, MSG_NOSIGNAL);
    if (sent >= 0) {
        c->output_begin += (size_t)sent;
        c->deadline_ms = s->now_ms + s->idle_ms; /* a slow reader may take its time */
    } else if (is_shortage(errno)) {
        c->retry_ms = s->now_ms + RETRY_MS;
    } else if (!is_transient(errno)) {
        return false;
    }
    if (c->output_begin == c->output_end && c->body_place == c->body_length)
        return finish_response(s, c, fd);
    return true;
}

/* Returns false at the client's FIN (between requests it is the end, within one there is nothing
 * to answer) and when the connection is lost. */
static bool connection_read(struct server *s, struct connection *c, int fd)
{
    ssize_t received = recv(fd, c->input + c->input_length, INPUT_SIZE - c->input_length, 0);
    if (received > 0) {
        /* The bytes of a head do not count as progress: one at a time they could go on for ever. */
        bool progress = c->phase == READING_BODY || c->input_length == 0;
        if (progress && c->phase != LINGERING)
            c->deadline_ms = s->now_ms + s->idle_ms;
        c->input_length = c->phase == LINGERING ? 0 : c->input_length + (size_t)received;
    } else if (received == 0) {
        return false;
    } else if (is_shortage(errno)) {
        c->retry_ms = s->now_ms + RETRY_MS;
    } else if (!is_transient(errno)) {
        return false;
    }
    return true;
}

/* Takes requests out of the input and writes responses until one of the two has to wait. */
static bool connection_advance(struct server *s, struct connection *c, int fd)
{
    for (;;) {
        if (c->phase == READING_HEAD && !take_head(s, c))
            return true;
        if (c->phase == READING_BODY && !take_body(s, c))
            return true;
        if (c->phase == WRITING && !connection_write(s, c, fd))
            return false;
        if (c->phase != READING_HEAD || c->input_length == 0)
            return true;
    }
}

/* Nothing is read while a response is being written, so a client that only sends is slowed down. */
static short connection_interest(const struct connection *c)
{
    if (c->retry_ms != 0)
        return 0;
    return c->phase == WRITING ? POLLOUT : POLLIN;
}

/* One turn of a connection. After an error or hang-up the next recv() or send() says which. Returns
 * false when the connection is finished or lost. */
static bool connection_serve(struct server *s, struct connection *c, struct pollfd *poll)
{
    c->retry_ms = 0;
    if (c->phase != WRITING && !connection_read(s, c, poll->fd))
        return false;
    if (c->phase != LINGERING && !connection_advance(s, c, poll->fd))
        return false;
    poll->events = connection_interest(c);
    return true;
}

/* Puts the last connection into the free place: the loop walks downwards, so that one has already
 * had its turn. */
static void server_remove(struct server *s, size_t i)
{
    (void)close(s->polls[i + 1].fd); /* never again on EINTR: the number is already free */
    free(s->connections[i]->body);
    free(s->connections[i]);
    s->count--;
    s->connections[i] = s->connections[s->count];
    s->polls[i + 1] = s->polls[s->count + 1];
    s->accept_ms = 0;
}

static bool server_grow(struct server *s)
{
    if (s->count < s->capacity)
        return true;
    size_t capacity = s->capacity == 0 ? CAPACITY_FIRST : s->capacity * 2;
    struct pollfd *polls = realloc(s->polls, (capacity + 1) * sizeof(*polls));
    if (polls == NULL)
        return false;
    s->polls = polls;
    struct connection **connections =
        (struct connection **)realloc(s->connections, capacity * sizeof(*connections));
    if (connections == NULL)
        return false;
    s->connections = connections;
    s->capacity = capacity;
    return true;
}

/* The head and the body of a response may leave in several pieces: none of them shall wait for the
 * client's acknowledgement of the one before. */
static void server_add(struct server *s, int fd)
{
    int on = 1;
    struct connection *c = NULL;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
        goto fail;
    c = server_grow(s) ? malloc(sizeof(*c)) : NULL;
    if (c == NULL)
        goto fail;
    c->phase = READING_HEAD;
    c->deadline_ms = s->now_ms + s->idle_ms;
    c->retry_ms = 0;
    c->keep_alive = false;
    c->input_length = c->output_begin = c->output_end = 0;
    c->body = NULL;
    c->answer = NULL;
    c->body_length = c->body_place = 0;
    s->connections[s->count] = c;
    s->polls[s->count + 1] = (struct pollfd){.fd = fd, .events = POLLIN};
    s->count++;
    s->accepted++;
    return;
fail:
    (void)close(fd);
}

/* One connection a turn: the listener is reported again while more are waiting. It is non-blocking,
 * since the one that woke us may be gone by now. */
static void server_accept(struct server *s)
{
    int fd = accept4(s->polls[0].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        server_add(s, fd);
    else if (listener_classify(errno) == ACCEPT_PAUSE)
        s->accept_ms = s->now_ms + RETRY_MS; /* it stays readable: looking at it now would spin */
}

/* Closes the listener first: who comes now is refused and can go elsewhere. Clients between two
 * requests get a FIN, requests in progress are answered. */
static void server_stop(struct server *s)
{
    (void)close(s->polls[0].fd);
    s->polls[0].fd = -1;
    s->stop_by_ms = s->now_ms + STOP_GRACE_MS;
    for (size_t i = s->count; i-- > 0;) {
        struct connection *c = s->connections[i];
        c->keep_alive = false;
        if (c->phase == READING_HEAD && c->input_length == 0)
            if (!finish_response(s, c, s->polls[i + 1].fd))
                server_remove(s, i);
    }
}

/* Milliseconds until the next deadline, -1 for none. A scan, as ppoll() itself is one. */
static int64_t server_timeout(const struct server *s)
{
    int64_t wake_ms = INT64_MAX;
    if (s->accept_ms != 0)
        wake_ms = s->accept_ms;
    if (s->stop_by_ms != 0 && s->stop_by_ms < wake_ms)
        wake_ms = s->stop_by_ms;
    for (size_t i = 0; i < s->count; i++) {
        const struct connection *c = s->connections[i];
        if (c->deadline_ms < wake_ms)
            wake_ms = c->deadline_ms;
        if (c->retry_ms != 0 && c->retry_ms < wake_ms)
            wake_ms = c->retry_ms;
    }
    if (wake_ms == INT64_MAX)
        return -1;
    return wake_ms > s->now_ms ? wake_ms - s->now_ms : 0;
}

/* Waits; returns false when nothing was reported. */
static bool server_wait(struct server *s, const sigset_t *wait_mask)
{
    bool accepting = s->accept_ms == 0 && s->count < CONNECTIONS_MAX;
    s->polls[0].events = accepting ? POLLIN : 0;
    int64_t timeout_ms = server_timeout(s);
    struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
    int ready = ppoll(s->polls, s->count + 1, timeout_ms < 0 ? NULL : &timeout, wait_mask);
    if (ready < 0 && errno != EINTR)
        clock_pause_ms(RETRY_MS); /* the kernel has no memory for the wait itself */
    s->now_ms = clock_now_ms();
    return ready > 0;
}

static void server_turn(struct server *s, const sigset_t *wait_mask)
{
    bool reported = server_wait(s, wait_mask);
    if (s->accept_ms != 0 && s->now_ms >= s->accept_ms)
        s->accept_ms = 0;
    for (size_t i = s->count; i-- > 0;) {
        struct connection *c = s->connections[i];
        bool keep = true;
        if (c->retry_ms != 0 && s->now_ms >= c->retry_ms) {
            c->retry_ms = 0; /* what is still due is reported again */
            s->polls[i + 1].events = connection_interest(c);
        }
        if (reported && s->polls[i + 1].revents != 0)
            keep = connection_serve(s, c, &s->polls[i + 1]);
        if (!keep || s->now_ms >= c->deadline_ms)
            server_remove(s, i);
    }
    if (reported && s->polls[0].fd >= 0 && s->polls[0].revents != 0)
        server_accept(s);
}

static void server_run(struct server *s, const sigset_t *wait_mask)
{
    s->now_ms = clock_now_ms();
    while (s->stop_by_ms == 0 || (s->count > 0 && s->now_ms < s->stop_by_ms)) {
        server_turn(s, wait_mask);
        if (signals_stop && s->stop_by_ms == 0)
            server_stop(s);
        if (signals_report) {
            signals_report = 0;
            (void)fprintf(stderr, "http: %zu open, %lu accepted\n", s->count, s->accepted);
        }
    }
}

int main(int argc, char **argv)
{
    struct options options;
    sigset_t wait_mask;
    int status = 1;
    if (options_parse(argc, argv, OPTION_IDLE_TIMEOUT, &options) < 0)
        return 2;
    struct server server = {.idle_ms = options.idle_ms};
    if (signals_install(&wait_mask) < 0 || !server_grow(&server)) {
        perror("http");
        goto out;
    }
    int listener = listener_open(&options, SOCK_NONBLOCK);
    if (listener < 0)
        goto out;
    server.polls[0] = (struct pollfd){.fd = listener};
    server_run(&server, &wait_mask);
    while (server.count > 0)
        server_remove(&server, server.count - 1);
    status = 0;
out:
    free(server.polls);
    free(server.connections);
    return status;
}
