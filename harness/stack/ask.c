/* Questions to the instances, and what no answer may be. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "stack/world_internal.h"

enum { ERRNO_MAX = 4095 };

_Static_assert((int)SOCKSPEC_STACK_STATE_TIME_WAIT == (int)TCP_TIME_WAIT &&
                   (int)SOCKSPEC_STACK_STATE_ESTABLISHED == (int)TCP_ESTABLISHED &&
                   (int)SOCKSPEC_STACK_STATE_LAST_ACK == (int)TCP_LAST_ACK,
               "the contract has the states in the order of the table");

static const char *const host_names[TRACE_HOST_COUNT] = {"the target's host", "the peer's host"};

void stack_nonsense(struct stack_world *stack, enum trace_host host, const char *operation,
                    const char *format, ...)
{
    char text[256];
    va_list arguments;
    if (stack->status != STATUS_OK) {
        return; /* what comes after the first nonsense is its consequence */
    }
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    stack->status = status_fail(&stack->detail, STATUS_ENVIRONMENT, "the adapter, %s, on %s: %s",
                                operation, host_names[host], text);
}

/* The instance died or hangs: the trace says how it ended. */
static void tell_end(struct stack_world *stack, enum trace_host host)
{
    const struct stack_instance *instance = &stack->instances[host];
    const char *word = stack_request_word((enum stack_request_kind)instance->dead_in);
    if (instance->health == STACK_FLOODS) {
        stack_nonsense(stack, host, word, "it sent more than %d packets", STACK_PACKETS_MAX);
        return;
    }
    if (instance->health == STACK_GONE) {
        stack_nonsense(stack, host, word, "its process is not there: %s", stack->path);
        return;
    }
    if (instance->health == STACK_CRASHED && instance->wait_status == 0) {
        stack_nonsense(stack, host, word,
                       "its process ended with status 0 in it, or closed the descriptor that it "
                       "answers through");
        return;
    }
    if (!stack->over) {
        bool crashed = instance->health == STACK_CRASHED;
        int status = instance->wait_status;
        struct trace_event *event = trace_add(stack->trace, TRACE_EXIT, host);
        event->what = crashed ? TRACE_EXIT_CRASHED : TRACE_EXIT_HUNG;
        event->result = !crashed              ? 0
                        : WIFSIGNALED(status) ? WTERMSIG(status)
                                              : -WEXITSTATUS(status);
        stack->over = true;
    }
}

int64_t stack_ask(struct stack_world *stack, enum trace_host host, struct stack_question *question)
{
    struct stack_instance *instance = &stack->instances[host];
    if (stack_has_ended(stack)) {
        return -EIO;
    }
    int64_t result = stack_instance_ask(instance, question);
    if (instance->health != STACK_LIVES) {
        tell_end(stack, host);
        return -EIO;
    }
    return result;
}

int64_t stack_ask_plain(struct stack_world *stack, enum trace_host host,
                        enum stack_request_kind kind, int s, int64_t a, int64_t b)
{
    struct stack_question question = {.kind = kind, .s = s, .a = a, .b = b};
    return stack_ask(stack, host, &question);
}

int64_t stack_within(struct stack_world *stack, enum trace_host host, enum stack_request_kind kind,
                     int64_t result, int64_t max)
{
    if (result > max || result < -ERRNO_MAX) {
        stack_nonsense(stack, host, stack_request_word(kind),
                       "it answered %lld, expected 0 to %lld or an -errno", (long long)result,
                       (long long)max);
        return -EIO;
    }
    return result;
}

/* ---- As hosts of the wire ---- */

int64_t stack_wire_take(void *context, enum trace_host host, uint8_t *bytes, size_t size)
{
    struct stack_world *stack = context;
    struct packet parsed;
    const struct stack_packet *packet = stack_instance_take(&stack->instances[host]);
    if (packet == NULL || stack->status != STATUS_OK) {
        return 0;
    }
    if (packet->size > SOCKSPEC_STACK_PACKET_MAX || packet->size > size) {
        stack_nonsense(stack, host, "on_output", "a packet of %u bytes, expected at most %d",
                       packet->size, SOCKSPEC_STACK_PACKET_MAX);
        return 0;
    }
    if (!packet_parse(packet->bytes, packet->size, &parsed) || parsed.v6) {
        stack_nonsense(stack, host, "on_output",
                       "%u bytes that are no whole IPv4 packet with a TCP segment", packet->size);
        return 0;
    }
    if (!packet_is_intact(packet->bytes, packet->size)) {
        stack_nonsense(stack, host, "on_output", "a packet with a wrong checksum");
        return 0;
    }
    memcpy(bytes, packet->bytes, packet->size);
    return packet->size;
}

void stack_wire_give(void *context, enum trace_host host, const uint8_t *bytes, size_t size)
{
    struct stack_question question = {.kind = STACK_INJECT, .data = bytes, .size = size};
    (void)stack_ask(context, host, &question);
}

/* Whether a state can come after another one, with any number of moves in between that nobody
 * looked at. An end that was CLOSED may be anywhere by now. */
static bool can_follow(enum tcp_state from, enum tcp_state to)
{
    if (from == TCP_CLOSED || from == to || to == TCP_CLOSED) {
        return to != TCP_LISTEN;
    }
    uint32_t reached = 1U << from;
    for (unsigned round = 0; round < TCP_STATE_COUNT; round++) {
        for (unsigned at = TCP_LISTEN + 1; at < TCP_STATE_COUNT; at++) {
            reached |= (reached >> at & 1U) != 0 ? tcp_states[at].successors : 0;
        }
    }
    return (reached >> to & 1U) != 0 && to != TCP_LISTEN;
}

enum tcp_state stack_wire_state(void *context, enum trace_host host, uint32_t number)
{
    struct stack_world *stack = context;
    const struct packet_wire_conn *conn = &stack->wire.conns[number];
    enum tcp_state before = (enum tcp_state)conn->state[host];
    int64_t state = stack_ask_plain(stack, host, STACK_STATE, -1, conn->ports[host],
                                    conn->ports[packet_wire_other(host)]);
    if (stack_has_ended(stack)) {
        return before;
    }
    if (state < 0 || state >= TCP_STATE_COUNT) {
        stack_nonsense(stack, host, "state", "it answered %lld, which is no state",
                       (long long)state);
        return before;
    }
    if (!can_follow(before, (enum tcp_state)state)) {
        stack_nonsense(stack, host, "state", "%s cannot follow %s",
                       tcp_state_name((enum tcp_state)state), tcp_state_name(before));
        return before;
    }
    return (enum tcp_state)state;
}
