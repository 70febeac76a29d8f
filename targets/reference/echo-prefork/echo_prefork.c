/* Echo server of processes that are forked beforehand and share one listener. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"
#include "common/echo_session.h"
#include "common/listener.h"
#include "common/options.h"
#include "common/signals.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    WORKERS = 4,          /* so many connections at a time; other clients wait in the queue */
    RETRY_MS = 500,       /* pause after the kernel ran out of descriptors, processes or memory */
    STOP_GRACE_MS = 2000, /* so long workers may take to end after a request to stop */
};

struct server {
    int listener;
    int idle_ms;
    int64_t fork_ms;        /* no fork() before this time; 0 when nothing is wrong */
    pid_t workers[WORKERS]; /* 0: none */
    sigset_t wait_mask;     /* lets our signals through, for ppoll() only */
};

/* SIGCHLD needs a handler only so that it wakes ppoll(): ignored signals interrupt nothing. */
static void on_child(int number)
{
    (void)number;
}

/* Like the signals of signals_install() SIGCHLD is blocked but for ppoll(). */
static int watch_children(sigset_t *wait_mask)
{
    struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP};
    sigset_t child;
    sigemptyset(&action.sa_mask);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigdelset(wait_mask, SIGCHLD); /* whoever started us may have left it blocked */
    if (sigaction(SIGCHLD, &action, NULL) < 0)
        return -1;
    return sigprocmask(SIG_BLOCK, &child, NULL);
}

/* Returns a connection, or -1 when there is none now. Each arrival wakes every idle worker and one
 * of them gets it: the others must find a non-blocking listener, or they would sleep in accept4()
 * with their request to stop unheard. */
static int worker_accept(const struct server *s)
{
    struct pollfd poll_fd = {.fd = s->listener, .events = POLLIN};
    int ready = ppoll(&poll_fd, 1, NULL, &s->wait_mask);
    if (ready < 0 && errno != EINTR)
        clock_pause_ms(RETRY_MS);
    if (ready <= 0)
        return -1;
    int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && listener_classify(errno) == ACCEPT_PAUSE) {
        /* With the mask, so that a request to stop ends the pause and no other client is taken. */
        struct timespec limit = {RETRY_MS / 1000, RETRY_MS % 1000 * 1000000L};
        (void)ppoll(NULL, 0, &limit, &s->wait_mask);
    }
    return fd;
}

/* One connection after the other. A worker that is busy leaves the others to its siblings. */
static _Noreturn void worker_run(const struct server *s)
{
    while (!signals_stop) {
        int fd = worker_accept(s);
        if (fd < 0)
            continue;
        echo_session_run(fd, s->idle_ms, &s->wait_mask);
        (void)close(fd);
    }
    (void)close(s->listener);
    _exit(0); /* not exit(): what stdio and atexit() hold belongs to the parent */
}

/* Starts the workers that are missing: at the beginning all, later those that died. */
static void start_workers(struct server *s)
{
    if (s->fork_ms != 0 && clock_now_ms() < s->fork_ms)
        return;
    s->fork_ms = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        if (s->workers[i] != 0)
            continue;
        pid_t pid = fork();
        if (pid == 0)
            worker_run(s);
        if (pid > 0)
            s->workers[i] = pid;
        else
            s->fork_ms = clock_now_ms() + RETRY_MS;
    }
}

/* Takes every worker that has ended: one SIGCHLD may stand for several. Returns how many live. One
 * that dies as soon as it is started must not be started over and over. */
static unsigned reap(struct server *s)
{
    pid_t pid = 0;
    unsigned count = 0;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        for (unsigned i = 0; i < WORKERS; i++)
            if (s->workers[i] == pid) {
                s->workers[i] = 0;
                s->fork_ms = clock_now_ms() + RETRY_MS;
            }
    for (unsigned i = 0; i < WORKERS; i++)
        count += s->workers[i] != 0;
    return count;
}

/* Sleeps until a signal or the deadline (0: none). */
static void wait_until(const struct server *s, int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms - clock_now_ms();
    if (left_ms < 0)
        left_ms = 0;
    struct timespec limit = {left_ms / 1000, left_ms % 1000 * 1000000L};
    if (ppoll(NULL, 0, deadline_ms != 0 ? &limit : NULL, &s->wait_mask) < 0 && errno != EINTR)
        clock_pause_ms(RETRY_MS);
}

static void tell_workers(const struct server *s, int number)
{
    for (unsigned i = 0; i < WORKERS; i++)
        if (s->workers[i] != 0)
            (void)kill(s->workers[i], number); /* not reaped yet, so the number is still theirs */
}

/* Closes the listener first; it is gone when the workers have closed theirs too. They finish their
 * answers, but none outlives us. */
static void stop(struct server *s)
{
    (void)close(s->listener);
    tell_workers(s, SIGTERM);
    int64_t deadline_ms = clock_now_ms() + STOP_GRACE_MS;
    while (reap(s) > 0 && clock_now_ms() < deadline_ms)
        wait_until(s, deadline_ms);
    tell_workers(s, SIGKILL);
    for (unsigned i = 0; i < WORKERS; i++)
        if (s->workers[i] != 0)
            (void)waitpid(s->workers[i], NULL, 0);
}

int main(int argc, char **argv)
{
    struct options options;
    struct server server = {.listener = -1};
    if (options_parse(argc, argv, OPTION_IDLE_TIMEOUT, &options) < 0)
        return 2;
    server.idle_ms = options.idle_ms;
    if (signals_install(&server.wait_mask) < 0 || watch_children(&server.wait_mask) < 0) {
        perror("echo-prefork");
        return 1;
    }
    server.listener = listener_open(&options, SOCK_NONBLOCK);
    if (server.listener < 0)
        return 1;
    while (!signals_stop) {
        start_workers(&server);
        wait_until(&server, server.fork_ms);
        (void)reap(&server);
    }
    stop(&server);
    return 0;
}
