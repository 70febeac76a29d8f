/* Non-blocking echo client: time limits for connect and for the answer, sends while it receives. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"
#include "common/message.h"
#include "common/options.h"
#include "common/signals.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BUFFER_SIZE = 4096,
    RETRY_MS = 100, /* pause after the kernel ran out of memory */
};

struct dialogue {
    int fd;
    int number;
    int timeout_ms;
    int64_t deadline_ms;         /* given up when nothing moved until then */
    size_t size, sent, received; /* bytes of the message */
    const sigset_t *wait_mask;
};

static int complain(const struct dialogue *d, const char *what, const char *why)
{
    (void)fprintf(stderr, "client-echo-nonblocking: request %d: %s: %s\n", d->number, what, why);
    return -1;
}

/* What the failure of a transfer or a wait means: wait and go on (true), or give up. */
static bool is_passing(int error)
{
    if (error == ENOBUFS || error == ENOMEM)
        clock_pause_ms(RETRY_MS);
    return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM;
}

/* Waits for one of the events. Signals arrive here and only here; they do not prolong the wait. */
static int await(struct dialogue *d, short events)
{
    for (;;) {
        struct pollfd poll_fd = {.fd = d->fd, .events = events};
        int64_t left_ms = d->deadline_ms - clock_now_ms();
        if (left_ms <= 0) {
            errno = ETIMEDOUT;
            return -1;
        }
        struct timespec left = {left_ms / 1000, left_ms % 1000 * 1000000L};
        int ready = ppoll(&poll_fd, 1, &left, d->wait_mask);
        if (ready > 0)
            return poll_fd.revents;
        if (signals_stop) {
            errno = ECANCELED;
            return -1;
        }
        if (ready < 0 && !is_passing(errno))
            return -1;
    }
}

/* Writability says only that the attempt is over. Whether it succeeded is SO_ERROR. */
static int open_connection(struct dialogue *d, const struct options *options)
{
    int error = 0;
    socklen_t length = sizeof(error);
    d->deadline_ms = clock_now_ms() + d->timeout_ms;
    d->fd = socket(options->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (d->fd < 0)
        return complain(d, "socket", strerror(errno));
    if (connect(d->fd, (const struct sockaddr *)&options->address, options->address_length) == 0)
        return 0;
    if (errno != EINPROGRESS && errno != EINTR)
        return complain(d, "connect", strerror(errno));
    if (await(d, POLLOUT) < 0)
        return complain(d, "connect", strerror(errno));
    if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        error = errno;
    if (error != 0)
        return complain(d, "connect", strerror(error));
    return 0;
}

static int send_some(struct dialogue *d)
{
    char buffer[BUFFER_SIZE];
    size_t length = 0;
    while (length < BUFFER_SIZE && d->sent + length < d->size) {
        buffer[length] = message_byte(d->number, d->sent + length, d->size);
        length++;
    }
    ssize_t sent = send(d->fd, buffer, length, MSG_NOSIGNAL);
    if (sent < 0)
        return is_passing(errno) ? 0 : complain(d, "send", strerror(errno));
    d->sent += (size_t)sent;
    d->deadline_ms = clock_now_ms() + d->timeout_ms;
    return 0;
}

/* Returns 1 at the server's FIN. */
static int receive_some(struct dialogue *d)
{
    char buffer[BUFFER_SIZE];
    ssize_t received = recv(d->fd, buffer, sizeof(buffer), 0);
    if (received < 0)
        return is_passing(errno) ? 0 : complain(d, "receive", strerror(errno));
    if (received == 0)
        return 1;
    for (ssize_t i = 0; i < received; i++, d->received++)
        if (d->received >= d->sent || buffer[i] != message_byte(d->number, d->received, d->size))
            return complain(d, "check", "the answer differs from what was sent");
    d->deadline_ms = clock_now_ms() + d->timeout_ms;
    return 0;
}

/* Writability is asked for only while there is something to write: it holds nearly always. Once all
 * has come back the client says that no more will follow, and waits for the server's FIN. */
static int exchange(struct dialogue *d)
{
    bool finished = false;
    d->deadline_ms = clock_now_ms() + d->timeout_ms;
    for (;;) {
        int events = await(d, d->sent < d->size ? POLLIN | POLLOUT : POLLIN);
        if (events < 0)
            return complain(d, "wait for the answer", strerror(errno));
        if (d->sent < d->size && (events & POLLOUT) && send_some(d) < 0)
            return -1;
        int result = (events & (POLLIN | POLLERR | POLLHUP)) ? receive_some(d) : 0;
        if (result < 0)
            return -1;
        if (result > 0 && d->received < d->size)
            return complain(d, "receive", "the server closed before the answer was complete");
        if (result > 0)
            return 0;
        if (d->received == d->size && !finished) {
            finished = true;
            if (shutdown(d->fd, SHUT_WR) < 0)
                return complain(d, "shutdown", strerror(errno));
        }
    }
}

static int hold_dialogue(const struct options *options, const sigset_t *wait_mask, int number)
{
    struct dialogue d = {.number = number,
                         .timeout_ms = options->timeout_ms,
                         .size = (size_t)options->size,
                         .wait_mask = wait_mask};
    int result = open_connection(&d, options);
    if (result == 0)
        result = exchange(&d);
    if (d.fd >= 0)
        (void)close(d.fd);
    return result;
}

int main(int argc, char **argv)
{
    struct options options;
    sigset_t wait_mask;
    int failures = 0;
    if (options_parse(argc, argv, OPTION_REQUESTS | OPTION_SIZE | OPTION_TIMEOUT, &options) < 0)
        return 2;
    if (signals_install(&wait_mask) < 0) {
        perror("client-echo-nonblocking");
        return 1;
    }
    for (int number = 1; number <= options.requests && !signals_stop; number++) {
        if (hold_dialogue(&options, &wait_mask, number) < 0)
            failures++;
        if (signals_report) {
            signals_report = 0;
            (void)fprintf(stderr, "client-echo-nonblocking: %d done, %d failed\n", number,
                          failures);
        }
    }
    return failures == 0 && !signals_stop ? 0 : 1;
}
