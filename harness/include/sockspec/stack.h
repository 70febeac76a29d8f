/* The contract between sockspec and the author of a TCP stack: one source file that defines
 * `const struct sockspec_stack sockspec_stack`, given to sockspec_add_stack() in CMake, and
 * `sockspec check --stack NAME` judges the stack.
 *
 * Two instances run, one per host, each in a process of its own, joined by a wire that sockspec
 * holds packet by packet. An instance is called by one thread, one function at a time. No function
 * may wait: what cannot be done now answers -EAGAIN (connect: -EINPROGRESS). Time goes on in
 * advance() alone. What a call makes the stack send leaves through on_output() before it returns.
 *
 * Results are what the system call would return, with -errno for an error. Nonsense (a descriptor
 * that was never given, a longer count than was asked for, a packet that is no IP, a state that
 * cannot follow) ends the play in an ERROR that names the operation. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_STACK_H
#define SOCKSPEC_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an adapter says it has: operations of a program, what stands behind them, and options.
 * X(NAME, "word"). Each is native (the stack does it), emulated (the adapter does it on top of the
 * stack) or absent. Cases that need what is absent, and rules about what is not native, are SKIP
 * with that reason. */
/* clang-format off */
#define SOCKSPEC_STACK_OPERATIONS(X)                                                              \
    X(SOCKET, "socket") X(BIND, "bind") X(LISTEN, "listen") X(ACCEPT, "accept")                   \
    X(CONNECT, "connect") X(CONNECT_OWN, "connect own") /* to its own host */                     \
    X(DISCONNECT, "disconnect") /* connect() to AF_UNSPEC */                                      \
    X(SEND, "send") X(RECV, "recv")                                                               \
    X(PEEK, "peek") X(WAITALL, "waitall") /* recv with MSG_PEEK, MSG_WAITALL */                   \
    X(URGENT, "urgent") /* send and recv with MSG_OOB */                                          \
    X(SHUTDOWN, "shutdown") X(SHUTDOWN_READ, "shutdown read")                                     \
    X(CLOSE, "close") X(ABORT, "reset") /* close that sends an RST */                             \
    X(POLL, "poll") X(DUP, "dup") X(NAMES, "names") /* getsockname, getpeername */                \
    X(FLAGS, "flags") /* O_NONBLOCK and FD_CLOEXEC as fcntl tells them */                         \
    X(WATCH, "watch") /* epoll: no function here, always absent */                                                                 \
    X(NUMBERS, "descriptor numbers")                                                              \
    X(ERRORS, "errors") /* which errno is told, and when, once a connection broke */ X(BACKLOG, "backlog")                             \
    X(SO_ERROR, "SO_ERROR") X(SO_RCVBUF, "SO_RCVBUF") X(SO_SNDBUF, "SO_SNDBUF")                   \
    X(SO_LINGER, "SO_LINGER") X(SO_KEEPALIVE, "SO_KEEPALIVE") X(SO_REUSEADDR, "SO_REUSEADDR")     \
    X(SO_REUSEPORT, "SO_REUSEPORT") X(SO_OOBINLINE, "SO_OOBINLINE")                               \
    X(SO_RCVLOWAT, "SO_RCVLOWAT") X(SO_ACCEPTCONN, "SO_ACCEPTCONN")                               \
    X(TCP_NODELAY, "TCP_NODELAY") X(TCP_CORK, "TCP_CORK") X(TCP_KEEPIDLE, "TCP_KEEPIDLE")         \
    X(TCP_KEEPINTVL, "TCP_KEEPINTVL") X(TCP_KEEPCNT, "TCP_KEEPCNT")                               \
    X(TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT") X(TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT")               \
    X(TCP_LINGER2, "TCP_LINGER2") X(TCP_SYNCNT, "TCP_SYNCNT") X(TCP_INFO, "TCP_INFO")             \
    X(SO_RCVTIMEO, "SO_RCVTIMEO") X(SO_SNDTIMEO, "SO_SNDTIMEO")                                   \
    X(ACCEPT_ADDRESS, "accept address") /* of these three no function: they are of processes that */ \
    X(PROCESS, "process") /* wait, are signalled and die, */                                      \
    X(MISUSE, "misuse") /* and of descriptors that are none; always absent, */                    \
    X(COOKIES, "SYN cookies") /* as are these */
/* clang-format on */

#define SOCKSPEC_STACK_ENUM(name, word) SOCKSPEC_STACK_##name,
enum sockspec_stack_operation {
    SOCKSPEC_STACK_OPERATIONS(SOCKSPEC_STACK_ENUM) SOCKSPEC_STACK_OPERATION_COUNT
};
#undef SOCKSPEC_STACK_ENUM
_Static_assert(SOCKSPEC_STACK_OPERATION_COUNT <= 64, "sets of operations are one word");

enum sockspec_stack_support {
    SOCKSPEC_STACK_ABSENT, /* what an adapter does not mention */
    SOCKSPEC_STACK_EMULATED,
    SOCKSPEC_STACK_NATIVE
};

/* The states of RFC 9293 3.3.2, in its order. */
enum sockspec_stack_state {
    SOCKSPEC_STACK_STATE_CLOSED,
    SOCKSPEC_STACK_STATE_LISTEN,
    SOCKSPEC_STACK_STATE_SYN_SENT,
    SOCKSPEC_STACK_STATE_SYN_RECEIVED,
    SOCKSPEC_STACK_STATE_ESTABLISHED,
    SOCKSPEC_STACK_STATE_FIN_WAIT_1,
    SOCKSPEC_STACK_STATE_FIN_WAIT_2,
    SOCKSPEC_STACK_STATE_CLOSE_WAIT,
    SOCKSPEC_STACK_STATE_CLOSING,
    SOCKSPEC_STACK_STATE_LAST_ACK,
    SOCKSPEC_STACK_STATE_TIME_WAIT
};

enum {
    SOCKSPEC_STACK_DESCRIPTORS = 1024, /* descriptors are 0 … this - 1 */
    SOCKSPEC_STACK_PACKET_MAX = 1500   /* bytes of a packet with its IP header */
};

/* One end of a connection, in network order but for the port. All 0: none. */
struct sockspec_stack_name {
    uint8_t address[4];
    uint16_t port;
};

/* The host that an instance is. It lasts until the next reset. */
struct sockspec_stack_host {
    uint8_t address[4]; /* its IPv4 address */
    uint8_t other[4];   /* the other host's, on the same link: nothing is to be resolved */
    uint8_t prefix;     /* bits of the network that both are in */
    uint32_t seed;      /* of whatever the stack chooses at random: the same seed, the same play */
    /* Takes a whole IPv4 packet; the bytes are copied. */
    void (*on_output)(const void *packet, size_t size);
};

/* Every function is called with arguments that are within their bounds and descriptors that are
 * open. Those of absent operations are NULL. */
struct sockspec_stack {
    const char *name;                                   /* "lwip" */
    const char *version;                                /* "lwIP 2.1.3" */
    uint8_t operations[SOCKSPEC_STACK_OPERATION_COUNT]; /* enum sockspec_stack_support */

    /* ---- The host ---- */

    /* Begins: a host without sockets at time 0. 0, or -errno. Called in a new process each time
     * (a fork of one that called nothing), or, where `resets`, again and again in the same. */
    int (*reset)(const struct sockspec_stack_host *host);
    bool resets;
    /* A whole IPv4 packet arrived: a TCP segment, or ICMP about one that it sent. */
    void (*inject)(const void *packet, size_t size);
    /* `ms` went by (0: none). Returns after how many milliseconds, at least 1, it wants to be told
     * next, if nothing else happens; -1: never. */
    int64_t (*advance)(uint32_t ms);
    /* The state of the end between these ports; of a listener where `remote_port` is 0. CLOSED
     * where there is none. */
    enum sockspec_stack_state (*state)(uint16_t local_port, uint16_t remote_port);
    /* The ports of a socket; 0 where it has none (yet). */
    void (*ports)(int s, uint16_t *ret_local, uint16_t *ret_remote);

    /* ---- A program's operations ---- */

    int (*socket)(void);               /* TCP over IPv4; the lowest free descriptor */
    int (*bind)(int s, uint16_t port); /* to any address; 0: any port */
    int (*listen)(int s, int backlog);
    int (*accept)(int s);
    int (*connect)(int s, uint16_t port, bool own); /* to the other host, or to its own */
    int (*disconnect)(int s);
    int64_t (*send)(int s, const void *data, size_t size, int flags); /* flags: MSG_OOB */
    int64_t (*recv)(int s, void *data, size_t size,
                    int flags);      /* flags: MSG_PEEK, MSG_WAITALL, MSG_OOB */
    int (*shutdown)(int s, int how); /* SHUT_RD, SHUT_WR, SHUT_RDWR */
    int (*close)(int s);
    int (*abort)(int s); /* SO_LINGER {1, 0}, then close */
    int (*poll)(int s);  /* poll(2) bits that are true now */
    int (*dup)(int s);
    int (*names)(int s, bool peer, struct sockspec_stack_name *ret_name); /* 0 or -errno */
    int (*flags)(int s, bool descriptor); /* F_GETFL: O_NONBLOCK or 0; `descriptor`: F_GETFD */
    /* Level, name and value as setsockopt(2) has them on this machine. */
    int (*setsockopt)(int s, int level, int name, const void *value, size_t size);
    int (*getsockopt)(int s, int level, int name, void *value, size_t *size);
};

/* The one stack of an executable that sockspec_add_stack made. */
extern const struct sockspec_stack sockspec_stack;

#endif
