/* Blocking sockets with a time limit, for the clients: connect, send all, receive some. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_BLOCKING_H
#define COMMON_BLOCKING_H

#include <stddef.h>
#include <sys/types.h>

#include "common/options.h"

/* Connects to options->address within options->timeout_ms, and sets that limit for everything that
 * follows on the socket. Returns the descriptor, which the caller closes, or -1 with errno set
 * (ETIMEDOUT for the time limit, ECANCELED after a request to stop). */
int blocking_connect(const struct options *options);

/* Sends all of it. Returns 0, or -1 with errno as above. */
int blocking_send(int fd, const struct options *options, const char *data, size_t length);

/* Receives at least one byte, as many as have come, but at most size. Returns the count, 0 at the
 * peer's FIN, -1 with errno as above. */
ssize_t blocking_receive(int fd, const struct options *options, char *data, size_t size);

#endif
