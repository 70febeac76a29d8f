/* The text form of a scenario: header lines, then one step per line.
 *
 *     title "a request cut in half, then a reset"
 *     role server
 *
 *     peer connect
 *     peer send request[0:7]      # half of it
 *     before recv 2: peer reset
 *
 * parse(print(s)) = s. Pure functions; safe from any thread. docs/reference/scenario-language.md
 * describes the language. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SCENARIO_TEXT_H
#define SOCKSPEC_SCENARIO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "scenario/scenario.h"

enum {
    SCENARIO_TEXT_MAX = 1 << 20,     /* bytes of a scenario file */
    SCENARIO_HEADERS_MAX = 64,       /* header lines of a scenario file */
    SCENARIO_HEADER_KEY_MAX = 32,    /* bytes of a header's key, its NUL included */
    SCENARIO_HEADER_VALUE_MAX = 512, /* bytes of a header's value, its NUL included */
    SCENARIO_STEP_TEXT_MAX = 128,    /* bytes of a step without a literal, its NUL included */
    /* Bytes that any scenario fits into when printed without headers, its NUL included. */
    SCENARIO_PRINT_MAX = SCENARIO_STEPS_MAX * SCENARIO_STEP_TEXT_MAX + 4 * SCENARIO_LITERAL_MAX,
    /* The same with headers. */
    SCENARIO_PRINT_TEXT_MAX =
        SCENARIO_PRINT_MAX +
        SCENARIO_HEADERS_MAX * (SCENARIO_HEADER_KEY_MAX + 4 * SCENARIO_HEADER_VALUE_MAX + 8)
};

/* One line before the first step: `key value`. What keys mean is the reader's affair. */
struct scenario_header {
    char key[SCENARIO_HEADER_KEY_MAX];
    char value[SCENARIO_HEADER_VALUE_MAX]; /* the rest of the line, or what stood in the quotes */
    uint32_t line;                         /* from 1 */
    bool quoted;                           /* the value was one quoted string */
};

/* A scenario file. */
struct scenario_text {
    struct scenario scenario;
    uint32_t header_count;
    struct scenario_header headers[SCENARIO_HEADERS_MAX];
    uint32_t step_lines[SCENARIO_STEPS_MAX]; /* the line of each step, from 1 */
};

/* Reads a scenario file. `name` is its name in messages. Numbers may be written 4K and 1M, times
 * 500ms, 5s, 2m and 1h. Errors: STATUS_SYNTAX, or STATUS_LIMIT when a named limit is passed; the
 * detail reads "name:line:column: found …, expected …" and `ret_text` is untouched. */
enum status scenario_parse(const char *name, const char *text, size_t size,
                           struct scenario_text *ret_text,
                           struct status_detail *detail) STATUS_MUST_USE;

/* The first header with this key; NULL when there is none. */
const struct scenario_header *scenario_header(const struct scenario_text *text, const char *key);

/* Prints the steps, a line each, in canonical form; the result ends with NUL, which `ret_length`
 * does not count. Errors: STATUS_LIMIT when it does not fit (never with SCENARIO_PRINT_MAX bytes);
 * the buffer's contents are then unspecified. */
enum status scenario_print(const struct scenario *scenario, char *buffer, size_t size,
                           size_t *ret_length) STATUS_MUST_USE;

/* The same with the headers, an empty line between the two. */
enum status scenario_print_text(const struct scenario_text *text, char *buffer, size_t size,
                                size_t *ret_length) STATUS_MUST_USE;

/* Prints one step without a line end, for reports. Cut to fit and always ended by NUL; size > 0 and
 * index < scenario->count. Returns the length written. */
size_t scenario_print_step(const struct scenario *scenario, unsigned index, char *buffer,
                           size_t size);

/* Prints the tables of actors, verbs and words as Markdown for the reference, ended by NUL.
 * Errors: STATUS_LIMIT when it does not fit. */
enum status scenario_print_reference(char *buffer, size_t size, size_t *ret_length) STATUS_MUST_USE;

#endif
