/* One instance of a stack, in a process of its own: started, asked, watched, and given up when it
 * dies or does not answer. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_STACK_INSTANCE_H
#define SOCKSPEC_STACK_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"
#include "stack/protocol.h"

enum {
    STACK_PACKET_ROOM = 2048,     /* of a packet that is kept; longer ones are cut and no IP */
    STACK_PACKETS_MAX = 4096,     /* that one instance may have sent and nobody took */
    STACK_CPU_LIMIT_MS = 1000,    /* CPU time of one call */
    STACK_ASLEEP_LIMIT_MS = 2000, /* asleep in one call: no function may wait */
    STACK_START_LIMIT_MS = 20000  /* of real time, for a new instance's first answer */
};

struct stack_packet {
    uint32_t size; /* as it was given; what is beyond the room is not kept */
    uint8_t bytes[STACK_PACKET_ROOM];
};

enum stack_health {
    STACK_LIVES,
    STACK_CRASHED, /* the process died in a call */
    STACK_HUNG,    /* it did not return from one */
    STACK_FLOODS,  /* it sent more packets than are kept */
    STACK_GONE     /* it cannot be started */
};

struct stack_instance {
    const char *path; /* of the executable */
    pid_t keeper;     /* it makes the instances, one after the other; 0: none */
    pid_t process;    /* of the instance; 0: not known yet */
    int channel;
    enum stack_health health;
    uint32_t dead_in;             /* enum stack_request_kind: what it was asked for then */
    int wait_status;              /* STACK_CRASHED */
    uint64_t asked;               /* requests that may have given it new timers */
    struct stack_packet *packets; /* a ring */
    uint32_t first;
    uint32_t count;
};

/* What is asked. */
struct stack_question {
    enum stack_request_kind kind;
    int s;
    int64_t a;
    int64_t b;
    const void *data; /* `size` bytes */
    size_t size;
    void *back; /* receives at most `back_room` bytes; NULL: none are expected */
    size_t back_room;
    size_t back_size; /* what came, also beyond the room */
};

/* A zeroed struct. Errors: STATUS_NO_MEMORY. The process starts with the first reset. */
enum status stack_instance_init(struct stack_instance *instance, const char *path,
                                struct status_detail *detail) STATUS_MUST_USE;
void stack_instance_done(struct stack_instance *instance);

/* Asks, and waits for the answer; packets that come before it are queued. -EIO where the instance
 * is not well (any more): see `health`. A reset makes it well again where that can be. */
int64_t stack_instance_ask(struct stack_instance *instance, struct stack_question *question);

/* The oldest packet that was not taken; NULL: none. Valid until the next question. */
const struct stack_packet *stack_instance_take(struct stack_instance *instance);

/* "accept": what a request is called in messages. */
const char *stack_request_word(enum stack_request_kind kind);

#endif
