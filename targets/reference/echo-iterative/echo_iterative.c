/* Echo server, blocking, one connection at a time: the shortest server that is still correct. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"
#include "common/listener.h"
#include "common/options.h"
#include "common/signals.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    BUFFER_SIZE = 4096,
    RETRY_MS = 200,      /* pause after the kernel ran out of descriptors or memory */
    SEND_WAIT_MS = 3000, /* the longest that a single send() waits */
    STOP_MS = 3000,      /* so long a connection may last after a request to stop */
};

static bool is_shortage(int error)
{
    return error == ENOBUFS || error == ENOMEM;
}

/* After its limit recv() or send() fails with EAGAIN. That of send() is shorter, so that a request
 * to stop that comes just before it is noticed soon; whoever waits on accept() or recv() is woken.
 */
static int limit_waiting(int fd, int idle_ms)
{
    struct timeval limit = {.tv_sec = idle_ms / 1000, .tv_usec = idle_ms % 1000 * 1000};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
        return -1;
    struct timeval send_limit = {.tv_sec = SEND_WAIT_MS / 1000};
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send_limit, sizeof(send_limit));
}

/* While one connection is served all others wait, so neither a silent peer nor one that reads
 * nothing may hold the server. Waits that were cut short do not count: the time does. */
static bool out_of_time(int64_t *deadline_ms)
{
    int64_t now_ms = clock_now_ms();
    if (signals_stop && *deadline_ms > now_ms + STOP_MS)
        *deadline_ms = now_ms + STOP_MS;
    return now_ms >= *deadline_ms;
}

/* A blocking send() may still be short: a signal or the end of its wait can cut it. */
static bool send_all(int fd, const char *data, size_t length, int64_t *deadline_ms)
{
    while (length > 0) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
        if (sent >= 0) {
            data += sent;
            length -= (size_t)sent;
        } else if (is_shortage(errno)) {
            clock_pause_ms(RETRY_MS);
        } else if (errno != EINTR && errno != EAGAIN) {
            return false;
        }
        if (length > 0 && out_of_time(deadline_ms))
            return false;
    }
    return true;
}

/* Echoes until the peer's FIN, an error, or the time limit. After a request to stop it answers what
 * has already come and waits for nothing more. */
static void serve(int fd, int idle_ms)
{
    char buffer[BUFFER_SIZE];
    int64_t deadline_ms = clock_now_ms() + idle_ms;
    while (!out_of_time(&deadline_ms)) {
        ssize_t received = recv(fd, buffer, sizeof(buffer), signals_stop ? MSG_DONTWAIT : 0);
        if (received == 0)
            return;
        if (received > 0) {
            if (!signals_stop)
                deadline_ms = clock_now_ms() + idle_ms;
            if (!send_all(fd, buffer, (size_t)received, &deadline_ms))
                return;
        } else if (is_shortage(errno)) {
            clock_pause_ms(RETRY_MS);
        } else if (errno != EINTR && (errno != EAGAIN || signals_stop)) {
            return;
        }
    }
}

static void run(int listener, int idle_ms)
{
    unsigned long accepted = 0;
    while (!signals_stop) {
        if (signals_report) {
            signals_report = 0;
            (void)fprintf(stderr, "echo-iterative: %lu accepted\n", accepted);
        }
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            if (listener_classify(errno) == ACCEPT_PAUSE)
                clock_pause_ms(RETRY_MS);
            continue;
        }
        accepted++;
        signals_shut[SIGNALS_SHUT_CONNECTION] = fd;
        if (limit_waiting(fd, idle_ms) == 0)
            serve(fd, idle_ms);
        signals_shut[SIGNALS_SHUT_CONNECTION] = -1;
        (void)close(fd); /* never again on EINTR: on Linux the number is already free */
    }
}

int main(int argc, char **argv)
{
    struct options options;
    if (options_parse(argc, argv, OPTION_IDLE_TIMEOUT, &options) < 0)
        return 2;
    if (signals_install(NULL) < 0) {
        perror("sigaction");
        return 1;
    }
    int listener = listener_open(&options, 0);
    if (listener < 0)
        return 1;
    signals_shut[SIGNALS_SHUT_LISTENER] = listener;
    run(listener, options.idle_ms);
    signals_shut[SIGNALS_SHUT_LISTENER] = -1;
    (void)close(listener);
    return 0;
}
