/* Status codes of everything that can fail, and the buffer that carries the detail.
 * Plain values: safe from any thread. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_BASE_STATUS_H
#define SOCKSPEC_BASE_STATUS_H

#include <stdbool.h>
#include <stddef.h>

/* X(name, text). A status is about our side of the fence: the environment, the
 * input, our limits. An errno of the modelled kernel is data and never a status. */
#define STATUS_TABLE(X)                                                                            \
    X(OK, "ok")                                                                                    \
    X(USAGE, "wrong usage")                                                                        \
    X(SYNTAX, "syntax error")                                                                      \
    X(LIMIT, "a limit was reached")                                                                \
    X(NO_MEMORY, "out of memory")                                                                  \
    X(IO, "input or output failed")                                                                \
    X(NOT_FOUND, "not found")                                                                      \
    X(UNSUPPORTED, "not supported here")                                                           \
    X(ENVIRONMENT, "the environment cannot do this")

#define STATUS_ENUM(name, text) STATUS_##name,
enum status { STATUS_TABLE(STATUS_ENUM) STATUS_COUNT };
#undef STATUS_ENUM

#define STATUS_MUST_USE __attribute__((warn_unused_result))
#define STATUS_PRINTF(f, a) __attribute__((format(printf, f, a)))

enum { STATUS_DETAIL_MAX = 512 };

/* What went wrong, in words; owned by the caller, empty when nothing did. */
struct status_detail {
    char text[STATUS_DETAIL_MAX];
};

/* The fixed text of a status; never NULL. */
const char *status_text(enum status status);

/* Writes the detail (truncated to fit) and returns `status`, so that a failing
 * function ends with `return status_fail(detail, STATUS_IO, "…")`. `detail` may be NULL. */
enum status status_fail(struct status_detail *detail, enum status status, const char *format, ...)
    STATUS_PRINTF(3, 4) STATUS_MUST_USE;

/* Puts "prefix: " in front of a detail as it rises and returns `status`. */
enum status status_wrap(struct status_detail *detail, enum status status, const char *format, ...)
    STATUS_PRINTF(3, 4) STATUS_MUST_USE;

#endif
