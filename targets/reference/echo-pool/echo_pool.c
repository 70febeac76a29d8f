/* Echo server with a pool of threads that take connections from a queue: a mutex and a condition
 * done right, and who may touch a descriptor when. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"
#include "common/echo_blocking.h"
#include "common/listener.h"
#include "common/options.h"
#include "common/signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    WORKERS_MAX = 100,
    QUEUE_MAX = 64, /* beyond these, clients wait in the listener's queue */
    STACK_SIZE = 64 * 1024,
    RETRY_MS = 500,       /* pause after the kernel ran out of descriptors, threads or memory */
    STOP_GRACE_MS = 2000, /* so long open connections are still served after a request to stop */
};

/* What all threads share. A descriptor belongs to whoever holds it here: to the queue, then to the
 * worker that took it. Others may shut it down while it stands here, and they hold the mutex then,
 * so it cannot be closed meanwhile. */
struct pool {
    pthread_mutex_t mutex;
    pthread_cond_t work;     /* the queue has grown, or it is time to stop */
    pthread_cond_t finished; /* a worker has ended */
    int idle_ms;
    bool stopping;
    int queue[QUEUE_MAX];
    unsigned first; /* of the queue */
    unsigned queued;
    unsigned workers;
    unsigned idle;            /* of them, those that wait for work */
    int serving[WORKERS_MAX]; /* -1: none */
};

struct server {
    int listener;      /* -1 after a request to stop */
    int64_t accept_ms; /* no accept() before this time; 0 when nothing is wrong */
    unsigned long accepted;
    sigset_t wait_mask;
    struct pool pool;
};

/* ---- Workers ---- */

/* Waits for a connection and takes it from the queue; -1 when it is time to stop and none is left.
 * The mutex is held. */
static int pool_take(struct pool *pool)
{
    pool->idle++;
    while (pool->queued == 0 && !pool->stopping)
        (void)pthread_cond_wait(&pool->work, &pool->mutex);
    pool->idle--;
    if (pool->queued == 0)
        return -1;
    int fd = pool->queue[pool->first];
    pool->first = (pool->first + 1) % QUEUE_MAX;
    pool->queued--;
    return fd;
}

/* Where the descriptor stands while it is served. */
static int *pool_place(struct pool *pool)
{
    int *place = pool->serving;
    while (*place >= 0) /* there are as many as workers */
        place++;
    return place;
}

static void *work(void *argument)
{
    struct pool *pool = argument;
    (void)pthread_mutex_lock(&pool->mutex);
    for (int fd = pool_take(pool); fd >= 0; fd = pool_take(pool)) {
        int *place = pool_place(pool);
        *place = fd;
        (void)pthread_mutex_unlock(&pool->mutex);
        echo_blocking_run(fd, pool->idle_ms);
        (void)pthread_mutex_lock(&pool->mutex);
        *place = -1; /* from here on nobody else knows the number */
        (void)close(fd);
    }
    pool->workers--;
    (void)pthread_cond_signal(&pool->finished);
    (void)pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* Signals are blocked when this is called, and the thread inherits that: they all arrive in the
 * main thread. Nobody joins a worker: it says itself that it has ended. */
static int pool_start_worker(struct pool *pool)
{
    pthread_t thread;
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error != 0)
        return error;
    error = pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (error == 0)
        error = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (error == 0)
        error = pthread_create(&thread, &attributes, work, pool);
    (void)pthread_attr_destroy(&attributes);
    pool->workers += error == 0;
    return error;
}

/* Puts the connection into the queue, which has room, and sees to it that somebody takes it.
 * Returns false when nobody will. */
static bool pool_put(struct pool *pool, int fd)
{
    bool served = true;
    (void)pthread_mutex_lock(&pool->mutex);
    if (pool->idle <= pool->queued && pool->workers < WORKERS_MAX && pool_start_worker(pool) != 0)
        served = pool->workers > 0;
    if (served) {
        pool->queue[(pool->first + pool->queued) % QUEUE_MAX] = fd;
        pool->queued++;
        (void)pthread_cond_signal(&pool->work);
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return served;
}

static bool pool_has_room(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->mutex);
    bool room = pool->queued < QUEUE_MAX;
    (void)pthread_mutex_unlock(&pool->mutex);
    return room;
}

/* ---- The main thread ---- */

static void server_accept(struct server *s)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        if (listener_classify(errno) == ACCEPT_PAUSE)
            s->accept_ms = clock_now_ms() + RETRY_MS; /* it stays readable: do not spin */
        return;
    }
    s->accepted++;
    if (echo_blocking_limit(fd, s->pool.idle_ms) < 0 || !pool_put(&s->pool, fd)) {
        (void)close(fd);
        s->accept_ms = clock_now_ms() + RETRY_MS;
    }
}

static void server_turn(struct server *s)
{
    if (s->accept_ms == 0 && !pool_has_room(&s->pool))
        s->accept_ms = clock_now_ms() + RETRY_MS;
    int64_t left_ms = s->accept_ms != 0 ? s->accept_ms - clock_now_ms() : 0;
    if (left_ms < 0)
        left_ms = 0;
    struct pollfd listener = {.fd = s->accept_ms == 0 ? s->listener : -1, .events = POLLIN};
    struct timespec limit = {left_ms / 1000, left_ms % 1000 * 1000000L};
    int ready = ppoll(&listener, 1, s->accept_ms != 0 ? &limit : NULL, &s->wait_mask);
    if (ready < 0 && errno != EINTR)
        clock_pause_ms(RETRY_MS);
    if (s->accept_ms != 0 && clock_now_ms() >= s->accept_ms)
        s->accept_ms = 0;
    if (signals_report) {
        signals_report = 0;
        (void)fprintf(stderr, "echo-pool: %lu accepted\n", s->accepted);
    }
    if (ready > 0 && !signals_stop)
        server_accept(s);
}

/* The mutex is held. */
static void pool_shut_all(struct pool *pool, int how)
{
    for (unsigned i = 0; i < pool->queued; i++)
        (void)shutdown(pool->queue[(pool->first + i) % QUEUE_MAX], how);
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        if (pool->serving[i] >= 0)
            (void)shutdown(pool->serving[i], how);
    }
}

/* Closes the listener first: who comes now is refused and can go elsewhere. With SHUT_RD a worker
 * reads what has come, then an end, and its answers still go out; one that cannot get its answer
 * out is cut off after the grace. */
static void server_stop(struct server *s)
{
    struct pool *pool = &s->pool;
    int64_t deadline_ms = clock_now_ms() + STOP_GRACE_MS;
    struct timespec deadline = {deadline_ms / 1000, deadline_ms % 1000 * 1000000L};
    int error = 0;
    (void)close(s->listener);
    s->listener = -1;
    (void)pthread_mutex_lock(&pool->mutex);
    pool->stopping = true;
    (void)pthread_cond_broadcast(&pool->work);
    pool_shut_all(pool, SHUT_RD);
    while (pool->workers > 0 && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&pool->finished, &pool->mutex, &deadline);
    pool_shut_all(pool, SHUT_RDWR);
    while (pool->workers > 0)
        (void)pthread_cond_wait(&pool->finished, &pool->mutex);
    (void)pthread_mutex_unlock(&pool->mutex);
}

/* Both conditions go by the monotonic clock. */
static int pool_init(struct pool *pool, int idle_ms)
{
    pthread_condattr_t attributes;
    pool->idle_ms = idle_ms;
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        pool->serving[i] = -1;
    int error = pthread_mutex_init(&pool->mutex, NULL);
    if (error == 0)
        error = pthread_condattr_init(&attributes);
    if (error != 0)
        return error;
    error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (error == 0)
        error = pthread_cond_init(&pool->work, &attributes);
    if (error == 0)
        error = pthread_cond_init(&pool->finished, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return error;
}

int main(int argc, char **argv)
{
    struct options options;
    static struct server server = {.listener = -1}; /* detached workers may outlive main() */
    if (options_parse(argc, argv, OPTION_IDLE_TIMEOUT, &options) < 0)
        return 2;
    if (pool_init(&server.pool, options.idle_ms) != 0 || signals_install(&server.wait_mask) < 0) {
        perror("echo-pool");
        return 1;
    }
    server.listener = listener_open(&options, SOCK_NONBLOCK);
    if (server.listener < 0)
        return 1;
    while (!signals_stop)
        server_turn(&server);
    server_stop(&server);
    return 0;
}
