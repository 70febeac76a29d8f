/* Inside the folder: words, numbers and strings of the text form, line by line, and the messages
 * about what is not one of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SCENARIO_LEXER_H
#define SOCKSPEC_SCENARIO_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { LEXER_WORDS_MAX = 32 /* of one list of allowed words */ };

struct lexer {
    const char *name;       /* of the text, in messages */
    const char *at;         /* the next byte */
    const char *end;        /* of the text */
    const char *line_start; /* for columns */
    uint32_t line;          /* from 1 */
    struct status_detail *detail;
};

/* A piece of the line; size 0: the line ended there. */
struct lexer_token {
    const char *text;
    size_t size;
};

/* The words allowed at some place. */
struct lexer_words {
    const char *words[LEXER_WORDS_MAX];
    size_t count;
};

/* What a number may be. */
struct lexer_number {
    const char *what; /* "number", "port", … for the message; NULL: "number" */
    uint32_t least;
    uint32_t most;
    bool time;            /* with units; the value is in milliseconds */
    const char *all_word; /* allowed instead and read as SCENARIO_ALL; NULL: no such word */
};

/* How long a string may be. */
struct lexer_string {
    size_t size_max;
    uint32_t limit;         /* the limit that size_max comes from */
    const char *what;       /* "bytes in …", for the message when it is passed */
    const char *limit_name; /* its constant */
};

bool lexer_is_blank(char c);
bool lexer_is_digit(char c);
bool lexer_is_word(char c);

void lexer_skip_blank(struct lexer *lexer);

/* Skips blanks; true at a comment, a line end, or the end of the text. */
bool lexer_at_line_end(struct lexer *lexer);

/* The next word; where none stands, the one byte that does, or nothing at the end of the line. */
struct lexer_token lexer_peek(struct lexer *lexer);
struct lexer_token lexer_take(struct lexer *lexer);
bool lexer_token_is(struct lexer_token token, const char *word);

/* Takes the word if it is the next one. */
bool lexer_take_if(struct lexer *lexer, const char *word);

/* Each takes one piece, or returns a status with the message "name:line:column: …".
 * The index of a word of the list; `expected` says in the message what the list is. */
enum status lexer_take_word(struct lexer *lexer, const char *expected,
                            const struct lexer_words *list, uint8_t *ret_index) STATUS_MUST_USE;
enum status lexer_take_number(struct lexer *lexer, const struct lexer_number *form,
                              uint32_t *ret_number) STATUS_MUST_USE;
/* A string in quotes; the lexer stands at the first quote. */
enum status lexer_take_string(struct lexer *lexer, const struct lexer_string *form,
                              uint8_t *ret_bytes, size_t *ret_size) STATUS_MUST_USE;

/* STATUS_SYNTAX, "found X, expected Y". */
enum status lexer_fail_expected(struct lexer *lexer, struct lexer_token found,
                                const char *expected) STATUS_MUST_USE;
/* STATUS_LIMIT, "more than N of these (THE_CONSTANT)". */
enum status lexer_fail_limit(struct lexer *lexer, const char *at, const char *what, uint32_t limit,
                             const char *limit_name) STATUS_MUST_USE;

#endif
