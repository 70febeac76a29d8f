/* How often every pair of a state and an event was exercised, read from traces of scripted plays:
 * the events are the user calls, the segments and the timeouts of RFC 9293 section 3.10. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_DIFF_COVER_H
#define SOCKSPEC_DIFF_COVER_H

#include <stdatomic.h>

#include "tcp/state.h"
#include "trace/output.h"
#include "trace/trace.h"

/* X(NAME, "text") */
/* clang-format off */
#define DIFF_EVENT_TABLE(X)                                                                       \
    X(LISTEN, "OPEN, passive") X(CONNECT, "OPEN, active") X(SEND, "SEND") X(RECEIVE, "RECEIVE")   \
    X(SHUTDOWN, "CLOSE, one direction") X(CLOSE, "CLOSE") X(ABORT, "ABORT") X(STATUS, "STATUS")   \
    X(SYN, "SYN arrives") X(SYN_ACK, "SYN+ACK arrives") X(ACK, "ACK arrives")                     \
    X(DATA, "data arrives") X(URGENT, "urgent data arrives") X(FIN, "FIN arrives")                \
    X(RST, "RST arrives") X(TIMEOUT, "timeout")
/* clang-format on */
#define DIFF_EVENT_ENUM(name, text) DIFF_EVENT_##name,
enum diff_event { DIFF_EVENT_TABLE(DIFF_EVENT_ENUM) DIFF_EVENT_COUNT };
#undef DIFF_EVENT_ENUM

/* Zeroed: nothing was exercised. May lie in memory that processes share. */
struct diff_cover {
    atomic_ullong pairs[TCP_STATE_COUNT][DIFF_EVENT_COUNT];
    atomic_ullong moves[TCP_STATE_COUNT][TCP_STATE_COUNT]; /* from, to */
};

/* Adds what the trace of one play exercised. The state of an end is the one before the step's call,
 * or when the segment was put on a wire that does not hold it, was delivered, or was forged. */
void diff_cover_add(struct diff_cover *cover, const struct trace *trace);

/* A column of the page: what was played, on which stack. */
struct diff_cover_column {
    const char *title; /* "suite, model" */
    const struct diff_cover *cover;
};

enum { DIFF_COVER_COLUMNS_MAX = 16 };

/* The page as Markdown; `count` <= DIFF_COVER_COLUMNS_MAX. */
enum status diff_cover_write(const struct diff_cover_column *columns, unsigned count,
                             const char *how, struct trace_output *output,
                             struct status_detail *detail) STATUS_MUST_USE;

#endif
