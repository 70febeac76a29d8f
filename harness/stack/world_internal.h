/* Inside the world of stacks. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_STACK_WORLD_INTERNAL_H
#define SOCKSPEC_STACK_WORLD_INTERNAL_H

#include "packet/wire.h"
#include "sockspec/stack.h"
#include "stack/instance.h"
#include "stack/stack.h"
#include "world/world.h"

enum {
    STACK_SOCKETS_MAX = 1024,
    STACK_SAMPLE_US = 1000000,
    STACK_ROUNDS_MAX = 4096, /* deliveries without a call or time between them */
    STACK_NETWORK_BITS = 24
};

extern const uint8_t stack_addresses[TRACE_HOST_COUNT][4];

/* A scripted socket: a descriptor of one instance. */
struct stack_socket {
    bool open;
    bool app;       /* made by app_socket, or accepted or duplicated from such a one */
    bool listening; /* it was told to listen */
    uint8_t host;
    int fd;         /* as the instance numbers it */
    int last_ready; /* poll bits when they were last looked at by next_ready; -1: never */
    uint16_t port;  /* listening: where */
    uint32_t conn;
};

struct stack_world {
    struct world world;
    struct world_ops ops;
    const char *path;
    struct packet_wire wire;
    struct stack_instance instances[TRACE_HOST_COUNT];
    struct trace *trace;
    struct stack_socket sockets[STACK_SOCKETS_MAX];

    enum status status; /* not OK: the play cannot go on, for this reason */
    struct status_detail detail;
    bool over; /* nor can it where the trace says why */

    bool goal_open;
    int64_t goal_us;
    int64_t pending_us; /* time that passed and was not traced yet */
    int64_t sampled_us;
    int64_t due_us[TRACE_HOST_COUNT]; /* when an instance wants to be told; -1: never */
    uint64_t asked[TRACE_HOST_COUNT]; /* of the instance, when due_us was right */
};

/* Whether nothing more can be asked. */
static inline bool stack_has_ended(const struct stack_world *stack)
{
    return stack->over || stack->status != STATUS_OK;
}

/* ---- ask.c: questions, and what the answers may be ---- */

/* Asks the instance of a host, if the play can go on; -EIO where it cannot. An instance that dies
 * ends it: EXIT in the trace. */
int64_t stack_ask(struct stack_world *stack, enum trace_host host, struct stack_question *question);
/* The same without data. */
int64_t stack_ask_plain(struct stack_world *stack, enum trace_host host,
                        enum stack_request_kind kind, int s, int64_t a, int64_t b);
/* The adapter answered what it cannot: the play ends in an error that names the operation. */
void stack_nonsense(struct stack_world *stack, enum trace_host host, const char *operation,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* `result` where it is 0 … max or an -errno; else nonsense, and -EIO. */
int64_t stack_within(struct stack_world *stack, enum trace_host host, enum stack_request_kind kind,
                     int64_t result, int64_t max);
/* Functions of struct packet_wire_hosts. */
int64_t stack_wire_take(void *context, enum trace_host host, uint8_t *bytes, size_t size);
void stack_wire_give(void *context, enum trace_host host, const uint8_t *bytes, size_t size);
enum tcp_state stack_wire_state(void *context, enum trace_host host, uint32_t conn);

/* ---- sockets.c: the operations on scripted sockets ---- */

/* Fills in those operations of the table. */
void stack_sockets_operations(struct world_ops *ops);
void stack_sockets_reset(struct stack_world *stack);

static inline struct stack_world *stack_of(struct world *world)
{
    return (struct stack_world *)(void *)world;
}

#endif
