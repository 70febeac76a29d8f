/* Blocking sockets with a time limit, for the clients. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/blocking.h"

#include "common/clock.h"
#include "common/signals.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { RETRY_MS = 100 }; /* pause after the kernel ran out of memory */

/* Whether a send or receive that failed is worth another try; if not, errno says why. A signal cuts
 * the wait short and the next call starts its time limit afresh, hence the deadline. */
static bool may_retry(int64_t deadline_ms)
{
    int error = errno;
    if (error == EAGAIN) { /* the limit of SO_RCVTIMEO or SO_SNDTIMEO */
        errno = ETIMEDOUT;
        return false;
    }
    if (error != EINTR && error != ENOBUFS && error != ENOMEM)
        return false;
    if (error != EINTR)
        clock_pause_ms(RETRY_MS);
    if (signals_stop)
        error = ECANCELED;
    else if (clock_now_ms() >= deadline_ms)
        error = ETIMEDOUT;
    else
        return true;
    errno = error;
    return false;
}

/* A connect() that a signal interrupted goes on in the background. Calling it again would give
 * EALREADY; its end shows as writability, and its result is SO_ERROR. */
static int await_connection(int fd, int64_t deadline_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    for (;;) {
        int64_t left_ms = deadline_ms - clock_now_ms();
        int ready = signals_stop ? 0 : poll(&poll_fd, 1, left_ms > 0 ? (int)left_ms : 0);
        if (ready > 0)
            break;
        if (ready == 0) {
            errno = signals_stop ? ECANCELED : ETIMEDOUT;
            return -1;
        }
        if (errno != EINTR)
            return -1;
    }
    int error = 0;
    socklen_t length = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        return -1;
    errno = error;
    return error == 0 ? 0 : -1;
}

static int set_limit(int fd, int timeout_ms)
{
    struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
        return -1;
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

int blocking_connect(const struct options *options)
{
    int64_t deadline_ms = clock_now_ms() + options->timeout_ms;
    int fd = socket(options->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (set_limit(fd, options->timeout_ms) < 0)
        goto fail;
    if (connect(fd, (const struct sockaddr *)&options->address, options->address_length) < 0) {
        if (errno == EINPROGRESS) /* on Linux SO_SNDTIMEO limits connect() too */
            errno = ETIMEDOUT;
        if (errno != EINTR || await_connection(fd, deadline_ms) < 0)
            goto fail;
    }
    return fd;
fail:;
    int error = errno;
    (void)close(fd); /* a socket whose connect() failed is of no further use */
    errno = error;
    return -1;
}

int blocking_send(int fd, const struct options *options, const char *data, size_t length)
{
    int64_t deadline_ms = clock_now_ms() + options->timeout_ms;
    while (length > 0) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
        if (sent >= 0) {
            data += sent;
            length -= (size_t)sent;
        } else if (!may_retry(deadline_ms)) {
            return -1;
        }
    }
    return 0;
}

ssize_t blocking_receive(int fd, const struct options *options, char *data, size_t size)
{
    int64_t deadline_ms = clock_now_ms() + options->timeout_ms;
    for (;;) {
        ssize_t received = recv(fd, data, size, 0);
        if (received >= 0 || !may_retry(deadline_ms))
            return received;
    }
}
