/* The listening socket of the reference servers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/listener.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { BACKLOG = 128 };

int listener_open(const struct options *options, int flags)
{
    int fd = socket(options->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0) {
        perror("socket");
        return -1;
    }
    /* Without this a restart fails with EADDRINUSE while connections of the last run are still in
     * TIME_WAIT. It does not allow two listeners on one port. */
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) {
        perror("setsockopt SO_REUSEADDR");
        goto fail;
    }
    if (bind(fd, (const struct sockaddr *)&options->address, options->address_length) < 0) {
        perror("bind");
        goto fail;
    }
    if (listen(fd, BACKLOG) < 0) {
        perror("listen");
        goto fail;
    }
    return fd;
fail:
    (void)close(fd);
    return -1;
}

enum accept_failure listener_classify(int error)
{
    switch (error) {
    case EAGAIN:
    case EINTR:
        return ACCEPT_EMPTY;
    case ECONNABORTED: /* reset while it waited in the queue (POSIX) */
    case EPROTO:
    case EPERM:    /* a firewall rule refused it */
    case ENETDOWN: /* and these: errors of the new connection, which Linux hands out here */
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
        return ACCEPT_NEXT;
    default: /* EMFILE, ENFILE, ENOBUFS, ENOMEM, and whatever else must not become a busy loop */
        return ACCEPT_PAUSE;
    }
}
