/* The table of socket options that programs use. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/option.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>

struct option_name {
    int level;
    int option;
    const char *text;
};

#define OPTION(level, name)                                                                        \
    {                                                                                              \
        level, name, #name                                                                         \
    }
static const struct option_name option_names[] = {
    OPTION(SOL_SOCKET, SO_REUSEADDR),      OPTION(SOL_SOCKET, SO_REUSEPORT),
    OPTION(SOL_SOCKET, SO_LINGER),         OPTION(SOL_SOCKET, SO_ERROR),
    OPTION(SOL_SOCKET, SO_KEEPALIVE),      OPTION(SOL_SOCKET, SO_RCVTIMEO),
    OPTION(SOL_SOCKET, SO_SNDTIMEO),       OPTION(SOL_SOCKET, SO_RCVBUF),
    OPTION(SOL_SOCKET, SO_SNDBUF),         OPTION(SOL_SOCKET, SO_TYPE),
    OPTION(SOL_SOCKET, SO_ACCEPTCONN),     OPTION(SOL_SOCKET, SO_OOBINLINE),
    OPTION(SOL_SOCKET, SO_BROADCAST),      OPTION(SOL_SOCKET, SO_RCVLOWAT),
    OPTION(IPPROTO_TCP, TCP_NODELAY),      OPTION(IPPROTO_TCP, TCP_CORK),
    OPTION(IPPROTO_TCP, TCP_KEEPIDLE),     OPTION(IPPROTO_TCP, TCP_KEEPINTVL),
    OPTION(IPPROTO_TCP, TCP_KEEPCNT),      OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT),
    OPTION(IPPROTO_TCP, TCP_DEFER_ACCEPT), OPTION(IPPROTO_TCP, TCP_INFO),
    OPTION(IPPROTO_TCP, TCP_SYNCNT),       OPTION(IPPROTO_TCP, TCP_MAXSEG),
    OPTION(IPPROTO_TCP, TCP_QUICKACK),     OPTION(IPPROTO_IPV6, IPV6_V6ONLY),
};
#undef OPTION

const char *trace_option_name(int64_t packed)
{
    for (size_t i = 0; i < sizeof option_names / sizeof *option_names; i++) {
        if (packed == ((int64_t)option_names[i].level << 16 | option_names[i].option)) {
            return option_names[i].text;
        }
    }
    return NULL;
}
