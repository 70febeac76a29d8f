/* Blocking echo client: several dialogues, each on its own connection, every answer checked. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/blocking.h"
#include "common/message.h"
#include "common/options.h"
#include "common/signals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Sent at once, before its echo is read. A blocking program that sent more than both ends can
 * buffer would wait for the server, which waits for the program to read. */
enum { PIECE_SIZE = 1024 };

static int complain(int number, const char *what, const char *why)
{
    (void)fprintf(stderr, "client-echo: request %d: %s: %s\n", number, what, why);
    return -1;
}

/* Reads until `length` bytes have come, however many calls it takes. */
static int receive_echo(int fd, const struct options *options, int number, const char *expected,
                        size_t length)
{
    char buffer[PIECE_SIZE];
    size_t have = 0;
    while (have < length) {
        ssize_t received = blocking_receive(fd, options, buffer + have, length - have);
        if (received < 0)
            return complain(number, "receive", strerror(errno));
        if (received == 0)
            return complain(number, "receive", "the server closed before the answer was complete");
        have += (size_t)received;
    }
    if (memcmp(buffer, expected, length) != 0)
        return complain(number, "check", "the answer differs from what was sent");
    return 0;
}

static int exchange(int fd, const struct options *options, int number)
{
    char piece[PIECE_SIZE];
    size_t size = (size_t)options->size;
    for (size_t place = 0; place < size;) {
        size_t length = 0;
        while (length < PIECE_SIZE && place < size)
            piece[length++] = message_byte(number, place++, size);
        if (blocking_send(fd, options, piece, length) < 0)
            return complain(number, "send", strerror(errno));
        if (receive_echo(fd, options, number, piece, length) < 0)
            return -1;
    }
    return 0;
}

/* Says that no more will come and waits for the server's FIN: only that proves that nothing else
 * was on its way, and it leaves TIME_WAIT to the side that asked for the end. */
static int finish(int fd, const struct options *options, int number)
{
    char extra = 0;
    if (shutdown(fd, SHUT_WR) < 0)
        return complain(number, "shutdown", strerror(errno));
    ssize_t received = blocking_receive(fd, options, &extra, 1);
    if (received < 0)
        return complain(number, "receive", strerror(errno));
    if (received > 0)
        return complain(number, "check", "the server sent more than it was sent");
    return 0;
}

static int hold_dialogue(const struct options *options, int number)
{
    int fd = blocking_connect(options);
    if (fd < 0)
        return complain(number, "connect", strerror(errno));
    int result = exchange(fd, options, number);
    if (result == 0)
        result = finish(fd, options, number);
    (void)close(fd);
    return result;
}

int main(int argc, char **argv)
{
    struct options options;
    int failures = 0;
    if (options_parse(argc, argv, OPTION_REQUESTS | OPTION_SIZE | OPTION_TIMEOUT, &options) < 0)
        return 2;
    if (signals_install(NULL) < 0) {
        perror("client-echo");
        return 1;
    }
    for (int number = 1; number <= options.requests && !signals_stop; number++) {
        if (hold_dialogue(&options, number) < 0)
            failures++;
        if (signals_report) {
            signals_report = 0;
            (void)fprintf(stderr, "client-echo: %d done, %d failed\n", number, failures);
        }
    }
    return failures == 0 && !signals_stop ? 0 : 1;
}
