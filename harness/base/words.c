/* Edit distance over short words, and joining them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/words.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static int lower(char c)
{
    return tolower((unsigned char)c);
}

/* Optimal string alignment: insertions, deletions, replacements, swaps of neighbours. */
static unsigned distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    unsigned rows[3][WORDS_NEAREST_MAX + 1];
    unsigned *before = rows[0];
    unsigned *above = rows[1];
    unsigned *row = rows[2];
    for (size_t j = 0; j <= b_size; j++) {
        before[j] = 0;
        above[j] = (unsigned)j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            unsigned differs = lower(a[i - 1]) != lower(b[j - 1]);
            row[j] = least(above[j - 1] + differs, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1])) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
        }
        unsigned *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b_size];
}

/* Keeps the candidate when it is near `text` and nearer than the best one so far. */
static void offer(struct words_guess *guess, const char *text, size_t size, const char *candidate)
{
    size_t other = strlen(candidate);
    if (size == 0 || size > WORDS_NEAREST_MAX || other > WORDS_NEAREST_MAX) {
        return;
    }
    unsigned edits = distance(text, size, candidate, other);
    /* One edit in three letters may be a slip; more is another word. */
    size_t longer = size > other ? size : other;
    if (edits <= (longer + 2) / 3 && edits < longer &&
        (guess->best == NULL || edits < guess->edits)) {
        guess->best = candidate;
        guess->edits = edits;
    }
}

const char *words_nearest(const char *text, size_t size, const char *const *words, size_t count)
{
    struct words_guess guess = {0};
    for (size_t i = 0; i < count; i++) {
        offer(&guess, text, size, words[i]);
    }
    return guess.best;
}

void words_guess_offer(struct words_guess *guess, const char *candidate)
{
    offer(guess, guess->word, strlen(guess->word), candidate);
}

const char *words_guess_hint(const struct words_guess *guess, char *buffer, size_t size)
{
    assert(size > 0);
    buffer[0] = '\0';
    if (guess->best != NULL) {
        (void)snprintf(buffer, size, "; did you mean '%s'?", guess->best);
    }
    return buffer;
}

size_t words_join(char *buffer, size_t size, const char *const *words, size_t count)
{
    assert(size > 0);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const char *parts[2] = {i > 0 ? ", " : "", words[i]};
        for (unsigned part = 0; part < 2; part++) {
            size_t length = strlen(parts[part]);
            if (length > size - 1 - used) {
                length = size - 1 - used;
            }
            memcpy(buffer + used, parts[part], length);
            used += length;
        }
    }
    buffer[used] = '\0';
    return used;
}

void words_quote(char *text, size_t size, const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_-./:=@%+{}";
    size_t used = strlen(text);
    assert(used < size);
    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        (void)snprintf(text + used, size - used, "%s", word);
        return;
    }
    (void)snprintf(text + used, size - used, "'");
    for (; *word != '\0'; word++) {
        used = strlen(text);
        if (*word == '\'') {
            (void)snprintf(text + used, size - used, "'\\''");
        } else {
            (void)snprintf(text + used, size - used, "%c", *word);
        }
    }
    used = strlen(text);
    (void)snprintf(text + used, size - used, "'");
}
