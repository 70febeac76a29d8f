/* Echoing on a blocking connection. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/echo_blocking.h"

#include "common/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
    BUFFER_SIZE = 4096,
    RETRY_MS = 500, /* pause after the kernel ran out of memory */
};

static bool is_shortage(int error)
{
    return error == ENOBUFS || error == ENOMEM;
}

int echo_blocking_limit(int fd, int idle_ms)
{
    struct timeval limit = {.tv_sec = idle_ms / 1000, .tv_usec = idle_ms % 1000 * 1000};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
        return -1;
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* A blocking send() may still be short: the time limit can cut it. */
static bool send_all(int fd, const char *data, size_t length, int64_t deadline_ms)
{
    while (length > 0) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
        if (sent >= 0) {
            data += sent;
            length -= (size_t)sent;
        } else if (clock_now_ms() >= deadline_ms) {
            return false;
        } else if (is_shortage(errno)) {
            clock_pause_ms(RETRY_MS);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

void echo_blocking_run(int fd, int idle_ms)
{
    char buffer[BUFFER_SIZE];
    int64_t deadline_ms = clock_now_ms() + idle_ms;
    for (;;) {
        ssize_t received = recv(fd, buffer, sizeof(buffer), 0);
        if (received == 0)
            return;
        if (received > 0) {
            deadline_ms = clock_now_ms() + idle_ms;
            if (!send_all(fd, buffer, (size_t)received, deadline_ms))
                return;
        } else if (clock_now_ms() >= deadline_ms) {
            return;
        } else if (is_shortage(errno)) {
            clock_pause_ms(RETRY_MS);
        } else if (errno != EINTR) {
            return;
        }
    }
}
