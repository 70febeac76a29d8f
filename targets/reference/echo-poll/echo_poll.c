/* Echo server on ppoll(): one loop, every socket non-blocking, a bounded buffer per connection. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"
#include "common/listener.h"
#include "common/options.h"
#include "common/signals.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Reading stops while the buffer is full: the peer's window then closes and slows it down, and the
 * server's memory stays bounded however much is sent to it. */
static short connection_interest(const struct connection *c)
{
    short events = 0;
    if (c->retry_ms != 0)
        return 0;
    if (!c->input_ended && c->end < BUFFER_SIZE)
        events |= POLLIN;
    if (c->begin < c->end)
        events |= POLLOUT;
    return events;
}

/* Returns false when the connection is lost. */
static bool connection_read(struct server *s, struct connection *c, int fd)
{
    ssize_t received = recv(fd, c->buffer + c->end, BUFFER_SIZE - c->end, 0);
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
static bool connection_write(struct server *s, struct connection *c, int fd)
{
    ssize_t sent = send(fd, c->buffer + c->begin, c->end - c->begin, MSG_NOSIGNAL);
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

/* One turn of a connection. After an error or hang-up the next recv() or send() says which, and
 * one of the two is always due: a full buffer is one that wants to be sent. Returns false when the
 * connection is finished or lost. */
static bool connection_serve(struct server *s, struct connection *c, struct pollfd *poll)
{
    c->retry_ms = 0;
    if (!c->input_ended && c->end < BUFFER_SIZE && (poll->revents & (POLLIN | POLLHUP | POLLERR)))
        if (!connection_read(s, c, poll->fd))
            return false;
    if (c->begin < c->end && !connection_write(s, c, poll->fd))
        return false;
    poll->events = connection_interest(c);
    return !c->input_ended || c->begin < c->end;
}

/* Puts the last connection into the free place: the loop walks downwards, so that one has already
 * had its turn. */
static void server_remove(struct server *s, size_t i)
{
    (void)close(s->polls[i + 1].fd); /* never again on EINTR: the number is already free */
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

static void server_add(struct server *s, int fd)
{
    struct connection *c = server_grow(s) ? malloc(sizeof(*c)) : NULL;
    if (c == NULL) {
        (void)close(fd);
        return;
    }
    c->deadline_ms = s->now_ms + s->idle_ms;
    c->retry_ms = 0;
    c->begin = c->end = 0;
    c->input_ended = false;
    s->connections[s->count] = c;
    s->polls[s->count + 1] = (struct pollfd){.fd = fd, .events = POLLIN};
    s->count++;
    s->accepted++;
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

/* Closes the listener first: who comes now is refused and can go elsewhere. */
static void server_stop(struct server *s)
{
    (void)close(s->polls[0].fd);
    s->polls[0].fd = -1;
    s->stop_by_ms = s->now_ms + STOP_GRACE_MS;
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
            (void)fprintf(stderr, "echo-poll: %zu open, %lu accepted\n", s->count, s->accepted);
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
        perror("echo-poll");
        goto out;
    }
    int listener = listener_open(&options, SOCK_NONBLOCK);
    if (listener < 0)
        goto out;
    server.polls[0] = (struct pollfd){.fd = listener};
    server_run(&server, &wait_mask);
    while (server.count > 0)
        server_remove(&server, server.count - 1);
    assert(server.polls[0].fd < 0);
    status = 0;
out:
    free(server.polls);
    free(server.connections);
    return status;
}
