/* A server that answers one request and then misbehaves as MISBEHAVIOUR says: what the suite must
 * survive. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CRASH = 1, HANG = 2, ABORT = 3, EXIT = 4, HOARD = 5, RECURSE = 6, OVERFLOW = 7 };

static volatile int *nowhere;
static volatile int for_ever = 1;
static char *volatile hoard;

/* Uses up the stack, so that no handler of a signal can run. */
static int recurse(volatile int *depth)
{
    volatile int deeper[256] = {*depth + 1};
    return recurse(deeper) + deeper[0];
}

static void misbehave(int fd)
{
    switch (MISBEHAVIOUR) {
    case CRASH:
        *nowhere = 1;
        break;
    case HANG:
        while (for_ever) {
        }
        break;
    case ABORT:
        abort();
    case EXIT:
        (void)fputs("no more of this\n", stderr);
        exit(5);
    case HOARD:
        for (;;) {
            hoard = malloc(1 << 24);
            if (hoard == NULL) {
                abort();
            }
        }
    case OVERFLOW:
        hoard = malloc(8);
        if (hoard != NULL) {
            hoard[8] = 1; /* for AddressSanitizer to see */
        }
        free(hoard);
        break;
    default: {
        volatile int depth = fd;
        (void)recurse(&depth);
        break;
    }
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(argc > 1 ? argv[1] : "0"))};
    int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(listener, 8) < 0) {
        return 1;
    }
    for (;;) {
        char buffer[512];
        int fd = accept(listener, NULL, NULL);
        ssize_t got = fd >= 0 ? recv(fd, buffer, sizeof(buffer), 0) : -1;
        if (got > 0) {
            (void)send(fd, buffer, (size_t)got, MSG_NOSIGNAL);
            misbehave(fd);
        }
        if (fd >= 0) {
            (void)close(fd);
        }
    }
}
