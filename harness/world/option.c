/* Options of scripted sockets, as setsockopt(2) has them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "world/world.h"

const struct world_option_name world_option_names[WORLD_OPTION_COUNT] = {
    [WORLD_OPTION_RCVBUF] = {SOL_SOCKET, SO_RCVBUF},
    [WORLD_OPTION_SNDBUF] = {SOL_SOCKET, SO_SNDBUF},
    [WORLD_OPTION_LINGER] = {SOL_SOCKET, SO_LINGER},
    [WORLD_OPTION_NODELAY] = {IPPROTO_TCP, TCP_NODELAY},
    [WORLD_OPTION_KEEPALIVE] = {SOL_SOCKET, SO_KEEPALIVE},
    [WORLD_OPTION_REUSEADDR] = {SOL_SOCKET, SO_REUSEADDR},
    [WORLD_OPTION_ERROR] = {SOL_SOCKET, SO_ERROR},
};
