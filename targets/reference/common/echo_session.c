/* One connection, echoed to its end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/echo_session.h"

#include "common/clock.h"
#include "common/signals.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum {
    BUFFER_SIZE = 4096,
    RETRY_MS = 200,       /* pause after the kernel ran out of memory */
    STOP_GRACE_MS = 1000, /* so long an answer may still take after a request to stop */
};

struct session {
    int fd;
    int64_t deadline_ms;
    size_t begin, end; /* buffer[begin, end) waits to be sent back */
    bool input_ended;  /* the peer's FIN was read */
    bool stopping;     /* what waits here is sent, and no more is read than has come */
    char buffer[BUFFER_SIZE];
};

/* Whether the session goes on after a call on its connection failed. */
static bool may_go_on(int error)
{
    if (error == ENOBUFS || error == ENOMEM)
        clock_pause_ms(RETRY_MS);
    return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM;
}

/* Returns false when the connection is lost. */
static bool session_receive(struct session *s, int idle_ms)
{
    ssize_t received = recv(s->fd, s->buffer, BUFFER_SIZE, 0);
    if (received < 0) {
        if (errno == EAGAIN && s->stopping)
            s->input_ended = true; /* nothing more has come: no one is kept waiting */
        return may_go_on(errno);
    }
    s->begin = 0;
    s->end = (size_t)received;
    s->input_ended = received == 0; /* only the peer's half: what it sent was answered before */
    if (!s->stopping)
        s->deadline_ms = clock_now_ms() + idle_ms;
    return true;
}

/* Returns false when the connection is lost. */
static bool session_send(struct session *s, int idle_ms)
{
    ssize_t sent = send(s->fd, s->buffer + s->begin, s->end - s->begin, MSG_NOSIGNAL);
    if (sent < 0)
        return may_go_on(errno);
    s->begin += (size_t)sent;
    if (!s->stopping)
        s->deadline_ms = clock_now_ms() + idle_ms;
    return true;
}

/* After a request to stop an answer that is on its way has a little time, and no one else any. */
static void session_stop(struct session *s)
{
    int64_t deadline_ms = clock_now_ms() + STOP_GRACE_MS;
    s->stopping = true;
    if (s->deadline_ms > deadline_ms)
        s->deadline_ms = deadline_ms;
}

/* Waits for the connection, for a signal or until the deadline. While an answer waits nothing is
 * read: the peer's window closes and slows it down. */
static int session_wait(const struct session *s, int64_t left_ms, const sigset_t *wait_mask)
{
    bool sending = s->begin < s->end;
    struct pollfd poll_fd = {.fd = s->fd, .events = sending ? POLLOUT : POLLIN};
    struct timespec limit = {left_ms / 1000, left_ms % 1000 * 1000000L};
    if (s->stopping && !sending)
        limit = (struct timespec){0};
    return ppoll(&poll_fd, 1, &limit, wait_mask);
}

void echo_session_run(int fd, int idle_ms, const sigset_t *wait_mask)
{
    struct session s = {.fd = fd, .deadline_ms = clock_now_ms() + idle_ms};
    bool good = true;
    while (good && (!s.input_ended || s.begin < s.end)) {
        if (signals_stop && !s.stopping)
            session_stop(&s);
        int64_t left_ms = s.deadline_ms - clock_now_ms();
        if (left_ms <= 0)
            return;
        int ready = session_wait(&s, left_ms, wait_mask);
        if (ready < 0)
            good = may_go_on(errno);
        else if (s.begin < s.end)
            good = ready == 0 || session_send(&s, idle_ms);
        else if (ready > 0 || s.stopping)
            good = session_receive(&s, idle_ms);
    }
}
