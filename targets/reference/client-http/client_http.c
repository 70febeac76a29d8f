/* HTTP/1.1 client: gets one path several times over a connection that it keeps, and checks that
 * each response is complete. Understands bodies with a Content-Length and bodies that end with the
 * connection, not chunked ones. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/blocking.h"
#include "common/options.h"
#include "common/pattern.h"
#include "common/signals.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_SIZE = 4096 }; /* and the longest head of a response */

struct client {
    const struct options *options;
    int number;        /* of the request */
    int fd;            /* -1: no connection */
    bool reused;       /* a response has come over this connection before */
    size_t begin, end; /* buffer[begin, end) was received and not used yet */
    char buffer[BUFFER_SIZE + 1];
};

struct response {
    int status;
    bool keep_alive;
    bool has_length;
    uint64_t length;
};

static int complain(const struct client *c, const char *what, const char *why)
{
    (void)fprintf(stderr, "client-http: request %d: %s: %s\n", c->number, what, why);
    return -1;
}

static void disconnect(struct client *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
    c->begin = c->end = 0;
}

/* A server may end an idle connection at any time. A look without taking anything tells: a FIN, an
 * error or bytes that nobody asked for make the connection useless. */
static bool is_stale(const struct client *c)
{
    char byte = 0;
    ssize_t received = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return received >= 0 || (errno != EAGAIN && errno != EINTR);
}

static int ensure_connected(struct client *c)
{
    if (c->fd >= 0 && (c->begin < c->end || is_stale(c)))
        disconnect(c);
    c->reused = c->fd >= 0;
    if (c->fd < 0)
        c->fd = blocking_connect(c->options);
    return c->fd < 0 ? -1 : 0;
}

static int send_request(struct client *c)
{
    char request[1024];
    int length = snprintf(request, sizeof(request),
                          "GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: client-http\r\n\r\n",
                          c->options->path);
    if (length < 0 || (size_t)length >= sizeof(request)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return blocking_send(c->fd, c->options, request, (size_t)length);
}

/* Reads more behind what is there. Returns what blocking_receive() does. */
static ssize_t receive_more(struct client *c)
{
    if (c->begin == c->end)
        c->begin = c->end = 0;
    if (c->end == BUFFER_SIZE) {
        errno = EMSGSIZE;
        return -1;
    }
    ssize_t received =
        blocking_receive(c->fd, c->options, c->buffer + c->end, BUFFER_SIZE - c->end);
    if (received > 0)
        c->end += (size_t)received;
    return received;
}

/* Returns 0 when a whole head is in the buffer, -1 with errno when none came; ENODATA stands for
 * the server's FIN. */
static int receive_head(struct client *c, size_t *ret_length)
{
    for (;;) {
        const char *start = c->buffer + c->begin;
        const char *end = memmem(start, c->end - c->begin, "\r\n\r\n", 4);
        if (end != NULL) {
            *ret_length = (size_t)(end - start) + 4;
            return 0;
        }
        ssize_t received = receive_more(c);
        if (received == 0)
            errno = ENODATA;
        if (received <= 0)
            return -1;
    }
}

static bool parse_length(const char *text, uint64_t *ret_length)
{
    char *end = NULL;
    errno = 0;
    *ret_length = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && errno == 0 && (*end == '\r' || *end == ' ');
}

/* Takes a head apart. Returns NULL, or what is wrong with it. */
static const char *parse_head(const char *head, struct response *r)
{
    *r = (struct response){0};
    int minor = 0;
    if (sscanf(head, "HTTP/1.%1d %3d", &minor, &r->status) != 2)
        return "the answer is not HTTP/1.x";
    r->keep_alive = minor >= 1;
    const char *line = head;
    while ((line = strstr(line, "\r\n")) != NULL && (line += 2)[0] != '\r') {
        const char *value = strchr(line, ':');
        if (value == NULL)
            return "malformed field";
        size_t name = (size_t)(value - line);
        value++;
        value += strspn(value, " \t");
        if (name == 14 && strncasecmp(line, "Content-Length", name) == 0) {
            r->has_length = true;
            if (!parse_length(value, &r->length))
                return "malformed Content-Length";
        } else if (name == 10 && strncasecmp(line, "Connection", name) == 0) {
            r->keep_alive = strncasecmp(value, "close", 5) != 0 &&
                            (r->keep_alive || strncasecmp(value, "keep-alive", 10) == 0);
        } else if (name == 17 && strncasecmp(line, "Transfer-Encoding", name) == 0) {
            return "a transfer coding that this client does not know";
        }
    }
    return NULL;
}

/* Whether the buffered piece of the body at `place` is what /large/N must hold. */
static bool piece_is_right(const struct client *c, uint64_t place, size_t length)
{
    if (strncmp(c->options->path, "/large/", 7) != 0)
        return true;
    for (size_t done = 0, piece = 0; done < length; done += piece) {
        const char *expected = pattern_at(place + done, &piece);
        if (piece > length - done)
            piece = length - done;
        if (memcmp(c->buffer + c->begin + done, expected, piece) != 0)
            return false;
    }
    return true;
}

/* Reads the body: to its length, or to the server's FIN. A reset is never the end of a body. */
static int receive_body(struct client *c, const struct response *r)
{
    for (uint64_t place = 0; !r->has_length || place < r->length;) {
        size_t piece = c->end - c->begin;
        if (piece == 0) {
            ssize_t received = receive_more(c);
            if (received < 0)
                return complain(c, "receive the body", strerror(errno));
            if (received == 0 && !r->has_length)
                return 0;
            if (received == 0)
                return complain(c, "receive the body", "the server closed before it was complete");
            piece = (size_t)received;
        }
        if (r->has_length && piece > r->length - place)
            piece = (size_t)(r->length - place);
        if (!piece_is_right(c, place, piece))
            return complain(c, "check the body", "it is not the pattern");
        c->begin += piece;
        place += piece;
    }
    return 0;
}

/* Sends the request and reads the head of the response. An idle connection may die at the moment
 * it is used again. When no byte of an answer came, a GET may safely be asked once more, on a new
 * connection, which gets no second try. */
static int ask(struct client *c, size_t *ret_head)
{
    for (;;) {
        if (ensure_connected(c) < 0)
            return complain(c, "connect", strerror(errno));
        if (send_request(c) == 0 && receive_head(c, ret_head) == 0)
            return 0;
        bool is_dead = errno == ENODATA || errno == ECONNRESET || errno == EPIPE;
        if (!is_dead || !c->reused || c->begin < c->end)
            return complain(c, "get an answer",
                            errno == ENODATA ? "the server closed" : strerror(errno));
        disconnect(c);
    }
}

static int fetch(struct client *c)
{
    struct response r;
    const char *wrong = NULL;
    size_t head = 0;
    if (ask(c, &head) < 0)
        return -1;
    for (;;) {
        c->buffer[c->begin + head - 1] = '\0';
        wrong = parse_head(c->buffer + c->begin, &r);
        c->begin += head;
        if (wrong != NULL)
            return complain(c, "parse the answer", wrong);
        if (r.status >= 200)
            break;
        if (receive_head(c, &head) < 0) /* 1xx: the response proper follows */
            return complain(c, "get an answer", strerror(errno));
    }
    if (r.status == 204 || r.status == 304) {
        r.has_length = true;
        r.length = 0;
    }
    if (receive_body(c, &r) < 0)
        return -1;
    if (!r.keep_alive || !r.has_length)
        disconnect(c);
    return r.status == 200 ? 0 : complain(c, "check the answer", "its status is not 200");
}

int main(int argc, char **argv)
{
    struct options options;
    struct client client = {.options = &options, .fd = -1};
    int failures = 0;
    if (options_parse(argc, argv, OPTION_REQUESTS | OPTION_PATH | OPTION_TIMEOUT, &options) < 0)
        return 2;
    if (signals_install(NULL) < 0) {
        perror("client-http");
        return 1;
    }
    for (int number = 1; number <= options.requests && !signals_stop; number++) {
        client.number = number;
        if (fetch(&client) < 0) {
            failures++;
            disconnect(&client);
        }
        if (signals_report) {
            signals_report = 0;
            (void)fprintf(stderr, "client-http: %d done, %d failed\n", number, failures);
        }
    }
    disconnect(&client);
    return failures == 0 && !signals_stop ? 0 : 1;
}
