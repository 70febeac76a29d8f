/* Echo server that forks for every connection: who owns which descriptor, and who reaps whom. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"
#include "common/echo_session.h"
#include "common/listener.h"
#include "common/options.h"
#include "common/signals.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CHILDREN_MAX = 64,    /* beyond these, clients wait in the listener's queue */
    RETRY_MS = 500,       /* pause after the kernel ran out of descriptors, processes or memory */
    STOP_GRACE_MS = 2000, /* so long children may take to end after a request to stop */
};

struct server {
    int listener;
    int idle_ms;
    int64_t accept_ms; /* no accept() before this time; 0 when nothing is wrong */
    unsigned long accepted;
    unsigned count;
    pid_t children[CHILDREN_MAX];
    sigset_t wait_mask; /* lets our signals through, for ppoll() only */
};

/* SIGCHLD needs a handler only so that it wakes ppoll(): ignored signals interrupt nothing. */
static void on_child(int number)
{
    (void)number;
}

/* SIGCHLD is blocked like the signals of signals_install() and arrives within ppoll() alone: no
 * other call of the parent can ever fail with EINTR because a child ended. */
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

/* Takes every child that has ended: one SIGCHLD may stand for several. */
static void reap(struct server *s)
{
    pid_t pid = 0;
    while (s->count > 0 && (pid = waitpid(-1, NULL, WNOHANG)) > 0)
        for (unsigned i = 0; i < s->count; i++)
            if (s->children[i] == pid) {
                s->children[i] = s->children[--s->count];
                break;
            }
}

/* The child has one connection and nothing else: without the close it would keep the port taken
 * after the parent is gone. */
static _Noreturn void serve(const struct server *s, int fd)
{
    (void)close(s->listener);
    echo_session_run(fd, s->idle_ms, &s->wait_mask);
    (void)close(fd);
    _exit(0); /* not exit(): what stdio and atexit() hold belongs to the parent */
}

/* The listener is non-blocking, since the connection that woke us may be gone by now. */
static void accept_one(struct server *s)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (listener_classify(errno) == ACCEPT_PAUSE)
            s->accept_ms = clock_now_ms() + RETRY_MS; /* it stays readable: do not spin */
        return;
    }
    s->accepted++;
    pid_t pid = fork();
    if (pid == 0)
        serve(s, fd);
    if (pid > 0)
        s->children[s->count++] = pid;
    else
        s->accept_ms = clock_now_ms() + RETRY_MS; /* this client is turned away */
    (void)close(fd); /* or the FIN would not be sent when the child closes its copy */
}

static void turn(struct server *s)
{
    int64_t now_ms = clock_now_ms();
    if (s->accept_ms != 0 && now_ms >= s->accept_ms)
        s->accept_ms = 0;
    bool open = s->accept_ms == 0 && s->count < CHILDREN_MAX;
    struct pollfd poll_fd = {.fd = open ? s->listener : -1, .events = POLLIN};
    int64_t left_ms = s->accept_ms - now_ms;
    struct timespec limit = {left_ms / 1000, left_ms % 1000 * 1000000L};
    int ready = ppoll(&poll_fd, 1, s->accept_ms != 0 ? &limit : NULL, &s->wait_mask);
    if (ready < 0 && errno != EINTR)
        clock_pause_ms(RETRY_MS);
    reap(s);
    if (signals_report) {
        signals_report = 0;
        (void)fprintf(stderr, "echo-fork: %u open, %lu accepted\n", s->count, s->accepted);
    }
    if (ready > 0 && !signals_stop)
        accept_one(s);
}

static void tell_children(const struct server *s, int number)
{
    for (unsigned i = 0; i < s->count; i++)
        (void)kill(s->children[i], number); /* not reaped yet, so the number is still theirs */
}

/* Closes the listener first: who comes now is refused and can go elsewhere. Children finish their
 * answers, but none outlives us. */
static void stop(struct server *s)
{
    (void)close(s->listener);
    tell_children(s, SIGTERM);
    int64_t deadline_ms = clock_now_ms() + STOP_GRACE_MS;
    for (;;) {
        reap(s);
        int64_t left_ms = deadline_ms - clock_now_ms();
        if (s->count == 0 || left_ms <= 0)
            break;
        struct timespec limit = {left_ms / 1000, left_ms % 1000 * 1000000L};
        (void)ppoll(NULL, 0, &limit, &s->wait_mask);
    }
    tell_children(s, SIGKILL);
    while (s->count > 0 && waitpid(s->children[s->count - 1], NULL, 0) > 0)
        s->count--;
}

int main(int argc, char **argv)
{
    struct options options;
    struct server server = {.listener = -1};
    if (options_parse(argc, argv, OPTION_IDLE_TIMEOUT, &options) < 0)
        return 2;
    server.idle_ms = options.idle_ms;
    if (signals_install(&server.wait_mask) < 0 || watch_children(&server.wait_mask) < 0) {
        perror("echo-fork");
        return 1;
    }
    server.listener = listener_open(&options, SOCK_NONBLOCK);
    if (server.listener < 0)
        return 1;
    while (!signals_stop)
        turn(&server);
    stop(&server);
    return 0;
}
