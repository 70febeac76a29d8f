/* A small echo server for tests of fuzzing, blocking, one connection at a time. Built with a
 * planted mistake: PLANTED_LEAK keeps the descriptor of a connection that was reset,
 * PLANTED_OVERFLOW writes past a block of memory at the end of a connection that was read from
 * several times, PLANTED_FILL by a call of the C library, PLANTED_NULL to no memory at all;
 * PLANTED_RECURSE uses up the stack there. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef PLANTED_LEAK
#define PLANTED_LEAK 0
#endif
#ifndef PLANTED_OVERFLOW
#define PLANTED_OVERFLOW 0
#endif
#ifndef PLANTED_FILL
#define PLANTED_FILL 0
#endif
#ifndef PLANTED_NULL
#define PLANTED_NULL 0
#endif

#ifndef PLANTED_RECURSE
#define PLANTED_RECURSE 0
#endif

enum { BUFFER_SIZE = 1024, BACKLOG = 16, IDLE_S = 30, READS_KEPT = 3 };

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
    (void)number;
    stopped = 1;
}

static bool send_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return false;
        data += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static int recurse(volatile int *depth)
{
    volatile int deeper[BUFFER_SIZE] = {*depth + 1};
    return recurse(deeper) + deeper[0];
}

/* Volatile: a compiler that sees through malloc leaves out what nobody reads. */
static void note_reads(unsigned reads)
{
    bool many = reads >= READS_KEPT;
    volatile char *sizes = malloc(READS_KEPT);
    if (sizes == NULL)
        return;
    if (PLANTED_NULL && many)
        *(volatile char *)NULL = 1;
    volatile int depth = 0;
    if (PLANTED_RECURSE && many)
        (void)recurse(&depth);
    if (PLANTED_FILL && many)
        memset((void *)sizes, 1, READS_KEPT + reads);
    sizes[PLANTED_OVERFLOW && many ? READS_KEPT : 0] = 1;
    free((void *)sizes);
}

/* Returns whether the descriptor is still open. */
static bool serve(int fd)
{
    char buffer[BUFFER_SIZE];
    unsigned reads = 0;
    while (!stopped) {
        ssize_t received = recv(fd, buffer, sizeof(buffer), 0);
        if (received > 0) {
            reads++;
            if (!send_all(fd, buffer, (size_t)received))
                return true;
        } else if (received == 0) {
            note_reads(reads);
            return true;
        } else if (PLANTED_LEAK && errno == ECONNRESET) {
            return false;
        } else if (errno != EINTR) {
            return true;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_stop};
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct timeval limit = {.tv_sec = IDLE_S};
    int one = 1;
    if (argc < 2)
        return 2;
    address.sin_port = htons((unsigned short)atoi(argv[1]));
    if (sigaction(SIGTERM, &action, NULL) < 0)
        return 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(listener, BACKLOG) < 0)
        return 1;
    while (!stopped) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
        if (serve(fd))
            (void)close(fd);
    }
    (void)close(listener);
    return 0;
}
