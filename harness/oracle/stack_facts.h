/* How the facts about a run of a stack are taken, by kind of event. Inside the oracle: who wants to
 * know them includes stack.h. `at` is the event's mark. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_ORACLE_STACK_FACTS_H
#define SOCKSPEC_ORACLE_STACK_FACTS_H

#include "oracle/stack.h"

/* ---- Finding and marking (stack_facts.c) ---- */

/* The open file behind a descriptor, NULL for none. */
struct stack_file *stack_facts_file(struct stack *stack, int64_t fd);
/* The connection's record, made when it is first named; NULL for none. */
struct stack_conn *stack_facts_conn(struct stack *stack, uint32_t conn);
/* A connection of a host with itself, or to a port of which nobody knows whose it is, may be in the
 * queue of any listener there that could have the port. */
void stack_facts_mix(struct stack *stack, unsigned host, int64_t port);
/* Something came of which an epoll tells edge-triggered. */
void stack_facts_stir(struct stack *stack, const struct stack_end *end, uint32_t at);

/* ---- Calls (stack_facts_calls.c) ---- */

void stack_facts_call(struct stack *stack, const struct trace_event *event, uint32_t at);
/* A descriptor is closed, by close or with its process. */
void stack_facts_close(struct stack *stack, const struct trace_event *event, uint32_t at);
/* An ICMP message: there may be an error to be read again. */
void stack_facts_message(struct stack *stack, const struct trace_event *event, uint32_t at);
/* The program reads on: where it stands at the urgent byte, it goes past it, and a stack may leave
 * it out of what recv counts. Returns whether it stands there for certain. */
bool stack_facts_pass_urgent(struct stack_end *end);
void stack_facts_ready(struct stack *stack, const struct trace_event *event, uint32_t at);

/* ---- States and segments (stack_facts_wire.c) ---- */

void stack_facts_state(struct stack *stack, const struct trace_event *event, uint32_t at);
void stack_facts_segment(struct stack *stack, const struct trace_event *event, uint32_t at);

#endif
