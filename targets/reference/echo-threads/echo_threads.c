/* Echo server with a blocking thread for every connection: who owns the descriptor, and how a
 * thread that sleeps in recv() is brought to an end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"
#include "common/echo_blocking.h"
#include "common/listener.h"
#include "common/options.h"
#include "common/signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 200, /* beyond these, clients wait in the listener's queue */
    STACK_SIZE = 64 * 1024,
    RETRY_MS = 500,       /* pause after the kernel ran out of descriptors, threads or memory */
    STOP_GRACE_MS = 2000, /* so long open connections are still served after a request to stop */
};

/* The descriptor belongs to the main thread, which opens and closes it; the connection's own thread
 * only borrows it. So shutdown() by the main thread can never hit a number that was closed and
 * given to someone else, and no lock is needed. */
struct connection {
    int fd;
    int idle_ms;
    int finished_event; /* the server's */
    atomic_bool finished;
    pthread_t thread;
    LIST_ENTRY(connection) list;
};

LIST_HEAD(connection_list, connection);

struct server {
    int listener;       /* -1 after a request to stop */
    int finished_event; /* an eventfd: readable when a thread has finished */
    int idle_ms;
    int64_t accept_ms; /* no accept() before this time; 0 when nothing is wrong */
    unsigned count;
    unsigned long accepted;
    struct connection_list open;
    sigset_t wait_mask;
};

static void *serve(void *argument)
{
    struct connection *c = argument; /* ours until the main thread has joined us */
    echo_blocking_run(c->fd, c->idle_ms);
    atomic_store(&c->finished, true);
    while (eventfd_write(c->finished_event, 1) < 0 && errno == EINTR) {
    }
    return NULL;
}

/* Signals are blocked when this is called, and the thread inherits that: they all arrive in the
 * main thread. A small stack, since each connection has one. */
static int thread_start(struct connection *c)
{
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error != 0)
        return error;
    error = pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (error == 0)
        error = pthread_create(&c->thread, &attributes, serve, c);
    (void)pthread_attr_destroy(&attributes);
    return error;
}

/* Returns false when the connection cannot be served. */
static bool server_add(struct server *s, int fd)
{
    struct connection *c = malloc(sizeof(*c));
    if (c == NULL)
        return false;
    *c = (struct connection){.fd = fd, .idle_ms = s->idle_ms, .finished_event = s->finished_event};
    if (echo_blocking_limit(fd, s->idle_ms) < 0 || thread_start(c) != 0) {
        free(c);
        return false;
    }
    LIST_INSERT_HEAD(&s->open, c, list);
    s->count++;
    return true;
}

/* The listener is non-blocking, since the connection that woke us may be gone by now; accept4()
 * without SOCK_NONBLOCK gives a blocking one all the same. */
static void server_accept(struct server *s)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        if (listener_classify(errno) == ACCEPT_PAUSE)
            s->accept_ms = clock_now_ms() + RETRY_MS; /* it stays readable: do not spin */
        return;
    }
    s->accepted++;
    if (!server_add(s, fd)) {
        (void)close(fd);
        s->accept_ms = clock_now_ms() + RETRY_MS;
    }
}

/* Joins the threads that have finished, or all of them, and closes their connections. */
static void server_collect(struct server *s, bool all)
{
    struct connection *next = NULL;
    for (struct connection *c = LIST_FIRST(&s->open); c != NULL; c = next) {
        next = LIST_NEXT(c, list);
        if (!all && !atomic_load(&c->finished))
            continue;
        (void)pthread_join(c->thread, NULL);
        (void)close(c->fd);
        LIST_REMOVE(c, list);
        s->count--;
        s->accept_ms = 0;
        free(c);
    }
}

/* Waits for a client, a thread's end, a signal or the deadline (0: none). Returns true when a
 * client may be waiting. */
static bool server_wait(struct server *s, int64_t deadline_ms)
{
    bool open = s->accept_ms == 0 && s->count < CONNECTIONS_MAX;
    struct pollfd poll_fds[] = {{.fd = s->finished_event, .events = POLLIN},
                                {.fd = open ? s->listener : -1, .events = POLLIN}};
    int64_t left_ms = deadline_ms - clock_now_ms();
    if (left_ms < 0)
        left_ms = 0;
    struct timespec limit = {left_ms / 1000, left_ms % 1000 * 1000000L};
    int ready = ppoll(poll_fds, 2, deadline_ms != 0 ? &limit : NULL, &s->wait_mask);
    if (ready < 0 && errno != EINTR)
        clock_pause_ms(RETRY_MS);
    if (ready <= 0)
        return false;
    eventfd_t finished = 0;
    if (poll_fds[0].revents != 0)
        (void)eventfd_read(s->finished_event, &finished); /* before the threads are looked at */
    return poll_fds[1].revents != 0;
}

static void server_turn(struct server *s)
{
    bool client = server_wait(s, s->accept_ms);
    if (s->accept_ms != 0 && clock_now_ms() >= s->accept_ms)
        s->accept_ms = 0;
    server_collect(s, false);
    if (signals_report) {
        signals_report = 0;
        (void)fprintf(stderr, "echo-threads: %u open, %lu accepted\n", s->count, s->accepted);
    }
    if (client && !signals_stop)
        server_accept(s);
}

/* Closing a descriptor under a thread that sleeps in recv() would not wake it; shutdown() does. */
static void server_shut_all(struct server *s, int how)
{
    struct connection *c = NULL;
    LIST_FOREACH(c, &s->open, list)
    (void)shutdown(c->fd, how);
}

/* Closes the listener first: who comes now is refused and can go elsewhere. With SHUT_RD a thread
 * reads what has come, then an end, and its answers still go out; a thread that cannot get its
 * answer out is cut off after the grace. */
static void server_stop(struct server *s)
{
    (void)close(s->listener);
    s->listener = -1;
    server_shut_all(s, SHUT_RD);
    int64_t deadline_ms = clock_now_ms() + STOP_GRACE_MS;
    while (s->count > 0 && clock_now_ms() < deadline_ms) {
        (void)server_wait(s, deadline_ms);
        server_collect(s, false);
    }
    server_shut_all(s, SHUT_RDWR);
    server_collect(s, true);
}

int main(int argc, char **argv)
{
    struct options options;
    struct server server = {.listener = -1};
    if (options_parse(argc, argv, OPTION_IDLE_TIMEOUT, &options) < 0)
        return 2;
    server.idle_ms = options.idle_ms;
    LIST_INIT(&server.open);
    server.finished_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server.finished_event < 0 || signals_install(&server.wait_mask) < 0) {
        perror("echo-threads");
        return 1;
    }
    server.listener = listener_open(&options, SOCK_NONBLOCK);
    if (server.listener < 0) {
        (void)close(server.finished_event);
        return 1;
    }
    while (!signals_stop)
        server_turn(&server);
    server_stop(&server);
    (void)close(server.finished_event);
    return 0;
}
