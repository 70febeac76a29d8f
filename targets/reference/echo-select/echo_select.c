/* Echo server on pselect(): one loop, every socket non-blocking, numbers below FD_SETSIZE only. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"
#include "common/listener.h"
#include "common/options.h"
#include "common/signals.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BUFFER_SIZE = 4096,
    CONNECTIONS_MAX = 1000, /* beyond these, clients wait in the listener's queue */
    CAPACITY_FIRST = 8,
    RETRY_MS = 500,       /* pause after the kernel ran out of descriptors or memory */
    STOP_GRACE_MS = 2000, /* so long open connections are still served after a request to stop */
};

struct connection {
    int fd;
    int64_t deadline_ms; /* closed when nothing moved until then */
    int64_t retry_ms;    /* out of memory: left alone until then; 0 otherwise */
    size_t begin, end;   /* buffer[begin, end) waits to be sent back */
    bool input_ended;    /* the peer's FIN was read */
    char buffer[BUFFER_SIZE];
};

struct server {
    int idle_ms;
    int64_t now_ms;
    int64_t accept_ms;  /* no accept() before this time; 0 when nothing is wrong */
    int64_t stop_by_ms; /* 0 until a request to stop came */
    size_t count, capacity;
    struct connection **connections;
    int listener; /* -1 after a request to stop */
    int fd_end;   /* one past the highest number in the sets */
    fd_set readable, writable;
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

/* Reading stops while the buffer is full: the peer's window then closes and slows it down, and the
 * server's memory stays bounded however much is sent to it. */
static bool connection_wants_input(const struct connection *c)
{
    return c->retry_ms == 0 && !c->input_ended && c->end < BUFFER_SIZE;
}

static bool connection_wants_output(const struct connection *c)
{
    return c->retry_ms == 0 && c->begin < c->end;
}

/* Returns false when the connection is lost. */
static bool connection_read(struct server *s, struct connection *c)
{
    ssize_t received = recv(c->fd, c->buffer + c->end, BUFFER_SIZE - c->end, 0);
    if (received > 0) {
        c->end += (size_t)received;
        c->deadline_ms = s->now_ms + s->idle_ms;
    } else if (received == 0) {
        c->input_ended = true; /* only the peer's half: what it sent is still answered */
    } else if (is_shortage(errno)) {
        c->retry_ms = s->now_ms + RETRY_MS;
    } else if (!is_transient(errno)) {
        return false;
    }
    return true;
}

/* Returns false when the connection is lost. */
static bool connection_write(struct server *s, struct connection *c)
{
    ssize_t sent = send(c->fd, c->buffer + c->begin, c->end - c->begin, MSG_NOSIGNAL);
    if (sent >= 0) {
        c->begin += (size_t)sent;
        c->deadline_ms = s->now_ms + s->idle_ms;
    } else if (is_shortage(errno)) {
        c->retry_ms = s->now_ms + RETRY_MS;
    } else if (!is_transient(errno)) {
        return false;
    }
    if (c->begin == c->end)
        c->begin = c->end = 0;
    return true;
}

/* One turn of a connection. select() reports errors and hang-ups as readable or writable; the next
 * recv() or send() says which. Returns false when the connection is finished or lost. */
static bool connection_serve(struct server *s, struct connection *c, bool readable, bool writable)
{
    if (readable && !connection_read(s, c))
        return false;
    if ((readable || writable) && c->begin < c->end && !connection_write(s, c))
        return false;
    return !c->input_ended || c->begin < c->end;
}

/* Puts the last connection into the free place: the loop walks downwards, so that one has already
 * had its turn. */
static void server_remove(struct server *s, size_t i)
{
    (void)close(s->connections[i]->fd); /* never again on EINTR: the number is already free */
    free(s->connections[i]);
    s->count--;
    s->connections[i] = s->connections[s->count];
    s->accept_ms = 0;
}

static bool server_grow(struct server *s)
{
    if (s->count < s->capacity)
        return true;
    size_t capacity = s->capacity == 0 ? CAPACITY_FIRST : s->capacity * 2;
    struct connection **connections =
        (struct connection **)realloc(s->connections, capacity * sizeof(*connections));
    if (connections == NULL)
        return false;
    s->connections = connections;
    s->capacity = capacity;
    return true;
}

/* An fd_set has no bit for a number past its size: FD_SET() there writes over what lies behind it.
 * Such a connection is refused at once, whatever CONNECTIONS_MAX says: other files may hold the low
 * numbers. */
static void server_add(struct server *s, int fd)
{
    struct connection *c = fd < FD_SETSIZE && server_grow(s) ? malloc(sizeof(*c)) : NULL;
    if (c == NULL) {
        (void)close(fd);
        return;
    }
    c->fd = fd;
    c->deadline_ms = s->now_ms + s->idle_ms;
    c->retry_ms = 0;
    c->begin = c->end = 0;
    c->input_ended = false;
    s->connections[s->count] = c;
    s->count++;
    s->accepted++;
}

/* One connection a turn: the listener is reported again while more are waiting. It is non-blocking,
 * since the one that woke us may be gone by now. */
static void server_accept(struct server *s)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        server_add(s, fd);
    else if (listener_classify(errno) == ACCEPT_PAUSE)
        s->accept_ms = s->now_ms + RETRY_MS; /* it stays readable: looking at it now would spin */
}

/* Closes the listener first: who comes now is refused and can go elsewhere. */
static void server_stop(struct server *s)
{
    (void)close(s->listener);
    s->listener = -1;
    s->stop_by_ms = s->now_ms + STOP_GRACE_MS;
}

/* Milliseconds until the next deadline, -1 for none. A scan, as pselect() itself is one. */
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

static void server_ask(struct server *s, int fd, fd_set *set)
{
    assert(fd >= 0 && fd < FD_SETSIZE);
    FD_SET(fd, set);
    if (fd >= s->fd_end)
        s->fd_end = fd + 1;
}

/* select() overwrites the sets with its answer: they are made anew for each wait. */
static void server_ask_all(struct server *s)
{
    FD_ZERO(&s->readable);
    FD_ZERO(&s->writable);
    s->fd_end = 0;
    if (s->listener >= 0 && s->accept_ms == 0 && s->count < CONNECTIONS_MAX)
        server_ask(s, s->listener, &s->readable);
    for (size_t i = 0; i < s->count; i++) {
        const struct connection *c = s->connections[i];
        if (connection_wants_input(c))
            server_ask(s, c->fd, &s->readable);
        if (connection_wants_output(c))
            server_ask(s, c->fd, &s->writable);
    }
}

/* Waits; returns false when nothing was reported. Then the sets hold no answer. */
static bool server_wait(struct server *s, const sigset_t *wait_mask)
{
    int64_t timeout_ms = server_timeout(s);
    struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
    server_ask_all(s);
    int ready = pselect(s->fd_end, &s->readable, &s->writable, NULL,
                        timeout_ms < 0 ? NULL : &timeout, wait_mask);
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
        if (c->retry_ms != 0 && s->now_ms >= c->retry_ms)
            c->retry_ms = 0; /* what is still due is reported again */
        if (reported)
            keep = connection_serve(s, c, FD_ISSET(c->fd, &s->readable),
                                    FD_ISSET(c->fd, &s->writable));
        if (!keep || s->now_ms >= c->deadline_ms)
            server_remove(s, i);
    }
    if (reported && s->listener >= 0 && FD_ISSET(s->listener, &s->readable))
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
            (void)fprintf(stderr, "echo-select: %zu open, %lu accepted\n", s->count, s->accepted);
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
    struct server server = {.idle_ms = options.idle_ms, .listener = -1};
    if (signals_install(&wait_mask) < 0 || !server_grow(&server)) {
        perror("echo-select");
        goto out;
    }
    server.listener = listener_open(&options, SOCK_NONBLOCK);
    if (server.listener < 0)
        goto out;
    if (server.listener >= FD_SETSIZE) {
        (void)fprintf(stderr, "echo-select: too many open files were inherited\n");
        (void)close(server.listener);
        goto out;
    }
    server_run(&server, &wait_mask);
    while (server.count > 0)
        server_remove(&server, server.count - 1);
    assert(server.listener < 0);
    status = 0;
out:
    free(server.connections);
    return status;
}
