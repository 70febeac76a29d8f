/* The server of a project that knows sockspec only as it is installed: it echoes, blocking, one
 * connection at a time, and says so in target.ini. */
/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "descriptors.h"

enum { IDLE_S = 20, PAUSE_MS = 200, LAST_READS = 64 };

static volatile sig_atomic_t stop;

static void on_stop(int number)
{
    (void)number;
    stop = 1;
}

static int64_t now_s(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void rest(void)
{
    struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    (void)nanosleep(&pause, NULL);
}

/* After a failed recv() or send(): whether to try again. */
static bool again(int64_t deadline_s)
{
    int error = errno;
    if (now_s() >= deadline_s)
        return false;
    if (error == ENOBUFS || error == ENOMEM)
        rest();
    return error == EINTR || error == ENOBUFS || error == ENOMEM;
}

static bool send_all(int fd, const char *data, size_t length, int64_t deadline_s)
{
    while (length > 0) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
        if (sent < 0) {
            if (!again(deadline_s))
                return false;
            continue;
        }
        data += sent;
        length -= (size_t)sent;
    }
    return true;
}

static void serve(int fd)
{
    char buffer[2048];
    int reads = LAST_READS;
    int64_t deadline_s = now_s() + IDLE_S;
    while (!stop || reads-- > 0) {
        ssize_t received = recv(fd, buffer, sizeof(buffer), stop ? MSG_DONTWAIT : 0);
        if (received == 0 || (received < 0 && !again(deadline_s)))
            return;
        if (received < 0)
            continue;
        deadline_s = now_s() + IDLE_S;
        if (!send_all(fd, buffer, (size_t)received, deadline_s))
            return;
    }
}

/* An empty host is any. */
static int listen_on(const char *host, uint16_t port)
{
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (*host != '\0' && inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return -1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, SOMAXCONN) < 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_stop};
    int port = argc == 3 ? atoi(argv[1]) : 0;
    if (port <= 0 || port > UINT16_MAX)
        return 2;
    if (sigaction(SIGTERM, &action, NULL) < 0 || sigaction(SIGINT, &action, NULL) < 0)
        return 1;
    int listener = listen_on(argv[2], (uint16_t)port);
    if (listener < 0)
        return 1;
    struct timeval limit = {.tv_sec = IDLE_S};
    while (!stop) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            if (errno != EINTR && errno != ECONNABORTED)
                rest();
            continue;
        }
        if (close_on_exec(fd) == 0 &&
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0)
            serve(fd);
        (void)close(fd);
    }
    (void)close(listener);
    return 0;
}
