/* Echo server on level-triggered epoll: cost per turn follows what happens, not what is open. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"
#include "common/listener.h"
#include "common/options.h"
#include "common/signals.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BUFFER_SIZE = 4096,
    CONNECTIONS_MAX = 1000, /* beyond these, clients wait in the listener's queue */
    EVENTS_MAX = 32,
    RETRY_MS = 500,       /* pause after the kernel ran out of descriptors or memory */
    STOP_GRACE_MS = 2000, /* so long open connections are still served after a request to stop */
};

struct connection {
    int fd;
    uint32_t interest;           /* what epoll was last told to report */
    int64_t deadline_ms;         /* closed when nothing moved until then */
    size_t begin, end;           /* buffer[begin, end) waits to be sent back */
    bool input_ended;            /* the peer's FIN was read */
    bool starved;                /* out of memory: left alone until server.retry_ms */
    TAILQ_ENTRY(connection) age; /* in server.open, or in server.dead */
    char buffer[BUFFER_SIZE];
};

TAILQ_HEAD(connection_list, connection);

struct server {
    int epoll;
    int listener; /* -1 after a request to stop */
    int idle_ms;
    int64_t now_ms;
    int64_t accept_ms;  /* no accept() before this time; 0 when nothing is wrong */
    int64_t retry_ms;   /* starved connections are tried again then; 0 when there are none */
    int64_t stop_by_ms; /* 0 until a request to stop came */
    bool listening;     /* epoll reports the listener */
    unsigned count;
    unsigned long accepted;
    struct connection_list open; /* the one that moved last is at the end: sorted by deadline */
    struct connection_list dead; /* closed in this turn; later events may still point to them */
};

static bool is_transient(int error)
{
    return error == EAGAIN || error == EINTR;
}

static bool is_shortage(int error)
{
    return error == ENOBUFS || error == ENOMEM;
}

/* Something moved: the connection goes to the end of the list, which stays sorted by deadline
 * because all connections have the same limit. */
static void connection_touch(struct server *s, struct connection *c)
{
    c->deadline_ms = s->now_ms + s->idle_ms;
    TAILQ_REMOVE(&s->open, c, age);
    TAILQ_INSERT_TAIL(&s->open, c, age);
}

static void connection_starve(struct server *s, struct connection *c)
{
    c->starved = true;
    if (s->retry_ms == 0)
        s->retry_ms = s->now_ms + RETRY_MS;
}

/* The memory stays until the end of the turn: an event of the same batch may point to it. */
static void connection_close(struct server *s, struct connection *c)
{
    (void)close(c->fd); /* never again on EINTR: the number is already free; epoll forgets it too */
    c->fd = -1;
    TAILQ_REMOVE(&s->open, c, age);
    TAILQ_INSERT_TAIL(&s->dead, c, age);
    s->count--;
    s->accept_ms = 0;
}

/* Reading stops while the buffer is full: the peer's window then closes and slows it down. Writing
 * is watched only while there is something to write: a socket is writable nearly always. */
static uint32_t connection_interest(const struct connection *c)
{
    uint32_t interest = 0;
    if (c->starved)
        return 0;
    if (!c->input_ended && c->end < BUFFER_SIZE)
        interest |= EPOLLIN;
    if (c->begin < c->end)
        interest |= EPOLLOUT;
    return interest;
}

/* Returns false when the connection is lost. */
static bool connection_watch(struct server *s, struct connection *c)
{
    struct epoll_event event = {.events = connection_interest(c), .data.ptr = c};
    if (event.events == c->interest)
        return true;
    c->interest = event.events;
    return epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &event) == 0;
}

/* Returns false when the connection is lost. */
static bool connection_read(struct server *s, struct connection *c)
{
    ssize_t received = recv(c->fd, c->buffer + c->end, BUFFER_SIZE - c->end, 0);
    if (received > 0) {
        c->end += (size_t)received;
        connection_touch(s, c);
    } else if (received == 0) {
        c->input_ended = true; /* only the peer's half: what it sent is still answered */
    } else if (is_shortage(errno)) {
        connection_starve(s, c);
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
        connection_touch(s, c);
    } else if (is_shortage(errno)) {
        connection_starve(s, c);
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
static bool connection_serve(struct server *s, struct connection *c, uint32_t events)
{
    c->starved = false;
    if (!c->input_ended && c->end < BUFFER_SIZE && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        if (!connection_read(s, c))
            return false;
    if (c->begin < c->end && !connection_write(s, c))
        return false;
    if (c->input_ended && c->begin == c->end)
        return false;
    return connection_watch(s, c);
}

static void server_add(struct server *s, int fd)
{
    struct connection *c = malloc(sizeof(*c));
    if (c == NULL)
        goto fail;
    c->fd = fd;
    c->interest = EPOLLIN;
    c->deadline_ms = s->now_ms + s->idle_ms;
    c->begin = c->end = 0;
    c->input_ended = c->starved = false;
    struct epoll_event event = {.events = c->interest, .data.ptr = c};
    if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        goto fail;
    TAILQ_INSERT_TAIL(&s->open, c, age);
    s->count++;
    s->accepted++;
    return;
fail:
    free(c);
    (void)close(fd);
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

/* Brings epoll's view of the listener in line. */
static void server_watch_listener(struct server *s)
{
    bool wanted = s->accept_ms == 0 && s->count < CONNECTIONS_MAX;
    if (s->listener < 0 || wanted == s->listening)
        return;
    struct epoll_event event = {.events = wanted ? EPOLLIN : 0, .data.ptr = NULL};
    if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->listener, &event) == 0)
        s->listening = wanted;
    else
        s->accept_ms = s->now_ms + RETRY_MS;
}

/* Closes the listener first: who comes now is refused and can go elsewhere. */
static void server_stop(struct server *s)
{
    (void)close(s->listener);
    s->listener = -1;
    s->accept_ms = 0;
    s->stop_by_ms = s->now_ms + STOP_GRACE_MS;
}

static void wake_by(int64_t *wake_ms, int64_t deadline_ms)
{
    if (deadline_ms != 0 && deadline_ms < *wake_ms)
        *wake_ms = deadline_ms;
}

/* Milliseconds until the next deadline, -1 for none. */
static int server_timeout(const struct server *s)
{
    int64_t wake_ms = INT64_MAX;
    wake_by(&wake_ms, s->accept_ms);
    wake_by(&wake_ms, s->retry_ms);
    wake_by(&wake_ms, s->stop_by_ms);
    if (!TAILQ_EMPTY(&s->open))
        wake_by(&wake_ms, TAILQ_FIRST(&s->open)->deadline_ms);
    if (wake_ms == INT64_MAX)
        return -1;
    int64_t wait_ms = wake_ms > s->now_ms ? wake_ms - s->now_ms : 0;
    return wait_ms < INT_MAX ? (int)wait_ms : INT_MAX;
}

static void server_expire(struct server *s)
{
    struct connection *c = NULL;
    if (s->accept_ms != 0 && s->now_ms >= s->accept_ms)
        s->accept_ms = 0;
    if (s->retry_ms != 0 && s->now_ms >= s->retry_ms) {
        s->retry_ms = 0;
        for (struct connection *next = NULL, *i = TAILQ_FIRST(&s->open); i != NULL; i = next) {
            next = TAILQ_NEXT(i, age);
            i->starved = false; /* what is still due is reported again */
            if (!connection_watch(s, i))
                connection_close(s, i);
        }
    }
    while ((c = TAILQ_FIRST(&s->open)) != NULL && s->now_ms >= c->deadline_ms)
        connection_close(s, c);
}

static void server_bury(struct server *s)
{
    struct connection *c = NULL;
    while ((c = TAILQ_FIRST(&s->dead)) != NULL) {
        TAILQ_REMOVE(&s->dead, c, age);
        free(c);
    }
}

static void server_turn(struct server *s, const sigset_t *wait_mask)
{
    struct epoll_event events[EVENTS_MAX];
    int ready = epoll_pwait(s->epoll, events, EVENTS_MAX, server_timeout(s), wait_mask);
    if (ready < 0 && errno != EINTR)
        clock_pause_ms(RETRY_MS);
    s->now_ms = clock_now_ms();
    for (int i = 0; i < ready; i++) {
        struct connection *c = events[i].data.ptr;
        if (c == NULL)
            server_accept(s);
        else if (c->fd >= 0 && !connection_serve(s, c, events[i].events))
            connection_close(s, c);
    }
    server_expire(s);
    server_bury(s);
    server_watch_listener(s);
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
            (void)fprintf(stderr, "echo-epoll: %u open, %lu accepted\n", s->count, s->accepted);
        }
    }
    while (!TAILQ_EMPTY(&s->open))
        connection_close(s, TAILQ_FIRST(&s->open));
    server_bury(s);
}

int main(int argc, char **argv)
{
    struct options options;
    sigset_t wait_mask;
    struct server server = {.listener = -1, .listening = true};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    int status = 1;
    if (options_parse(argc, argv, OPTION_IDLE_TIMEOUT, &options) < 0)
        return 2;
    server.idle_ms = options.idle_ms;
    TAILQ_INIT(&server.open);
    TAILQ_INIT(&server.dead);
    server.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (server.epoll < 0 || signals_install(&wait_mask) < 0) {
        perror("echo-epoll");
        goto out;
    }
    server.listener = listener_open(&options, SOCK_NONBLOCK);
    if (server.listener < 0)
        goto out;
    if (epoll_ctl(server.epoll, EPOLL_CTL_ADD, server.listener, &event) < 0) {
        perror("epoll_ctl");
        goto out;
    }
    server_run(&server, &wait_mask);
    status = 0;
out:
    if (server.listener >= 0)
        (void)close(server.listener);
    if (server.epoll >= 0)
        (void)close(server.epoll);
    return status;
}
