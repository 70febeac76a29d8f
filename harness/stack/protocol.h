/* What the world and an instance of a stack say to each other over a stream socket. A request is a
 * struct stack_request with `size` bytes behind it; the answer is any number of OUTPUT messages and
 * one RESULT, each a struct stack_reply with `size` bytes behind it. Both are on one machine and of
 * one build: structs travel as they are. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_STACK_PROTOCOL_H
#define SOCKSPEC_STACK_PROTOCOL_H

#include <stdint.h>

/* The descriptor of an executable that sockspec_add_stack made where its world speaks, named by
 * this argument in front of its number. */
#define STACK_SERVE_ARGUMENT "--serve"
/* The argument that lets it tell its name and operations. */
#define STACK_DESCRIBE_ARGUMENT "--describe"

enum { STACK_DATA_MAX = 1 << 20 }; /* bytes behind a request or a reply, at most */

/* What may be asked. X(NAME, "word"); the words name the operation in messages. */
/* clang-format off */
#define STACK_REQUEST_TABLE(X)                                                                    \
    X(RESET, "reset") /* data: struct stack_reset; result: the process */                         \
    X(INJECT, "inject") /* data: the packet */                                                    \
    X(ADVANCE, "advance") /* a: ms; result: ms until the next */                                  \
    X(STATE, "state") /* a, b: ports; result: the state */                                        \
    X(PORTS, "ports") /* result: local << 16 | remote */                                          \
    X(SOCKET, "socket") X(BIND, "bind") /* a: port */ X(LISTEN, "listen") /* a: backlog */        \
    X(ACCEPT, "accept") X(CONNECT, "connect") /* a: port, b: own */                               \
    X(DISCONNECT, "disconnect") X(SEND, "send") /* a: flags; data */                              \
    X(RECV, "recv") /* a: flags, b: size; data */                                                 \
    X(SHUTDOWN, "shutdown") /* a: how */ X(CLOSE, "close") X(ABORT, "abort") X(POLL, "poll")      \
    X(DUP, "dup") X(NAMES, "names") /* a: peer; data: struct sockspec_stack_name */               \
    X(FLAGS, "flags") /* a: descriptor */                                                         \
    X(SETSOCKOPT, "setsockopt") /* a, b: level, name; data: value */                              \
    X(GETSOCKOPT, "getsockopt") /* a, b: level, name; data: room, then value */
/* clang-format on */

#define STACK_REQUEST_ENUM(name, word) STACK_##name,
enum stack_request_kind { STACK_REQUEST_TABLE(STACK_REQUEST_ENUM) STACK_REQUEST_COUNT };
#undef STACK_REQUEST_ENUM

struct stack_request {
    uint32_t kind; /* enum stack_request_kind */
    int32_t s;
    int64_t a;
    int64_t b;
    uint32_t size; /* bytes behind it */
    uint32_t unused;
};

enum stack_reply_kind {
    STACK_OUTPUT, /* data: a packet that the stack sent */
    STACK_RESULT,
    STACK_DIED /* the instance is gone; result: its wait status */
};

struct stack_reply {
    uint32_t kind; /* enum stack_reply_kind */
    uint32_t size; /* bytes behind it */
    int64_t result;
};

struct stack_reset {
    uint8_t address[4];
    uint8_t other[4];
    uint32_t seed;
    uint8_t prefix;
};

#endif
