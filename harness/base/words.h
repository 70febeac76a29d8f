/* Words: the nearest one to a mistyped one, lists of them in text, words of a command line.
 * Pure functions; safe from any thread. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_BASE_WORDS_H
#define SOCKSPEC_BASE_WORDS_H

#include <stddef.h>

enum {
    WORDS_NEAREST_MAX = 64 /* longer words resemble nothing */
};

/* The word of the list that `text` most resembles (edits, swapped neighbours counting once, case
 * counting nothing); NULL when none is near enough to be meant. */
const char *words_nearest(const char *text, size_t size, const char *const *words, size_t count);

/* The same over words that stand in no list: start zero-initialised with `word` set, offer every
 * candidate. */
struct words_guess {
    const char *word;
    const char *best; /* borrowed; NULL: none is near */
    unsigned edits;   /* from `word` to `best` */
};
void words_guess_offer(struct words_guess *guess, const char *candidate);

/* "; did you mean 'X'?" or "", written into `buffer`, which is returned. */
const char *words_guess_hint(const struct words_guess *guess, char *buffer, size_t size);

/* Writes "a, b, c" into the buffer, cut to fit and always ended by NUL; size > 0.
 * Returns the length written. */
size_t words_join(char *buffer, size_t size, const char *const *words, size_t count);

/* Appends `word` to a command line in `text`, quoted where a shell would read it otherwise; cut to
 * fit and always ended by NUL. */
void words_quote(char *text, size_t size, const char *word);

#endif
