/* Edit distance over short words, and joining them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/words.h"

#include <assert.h>
#include <ctype.h>
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

const char *words_nearest(const char *text, size_t size, const char *const *words, size_t count)
{
    if (size == 0 || size > WORDS_NEAREST_MAX) {
        return NULL;
    }
    const char *nearest = NULL;
    unsigned nearest_distance = 0;
    for (size_t i = 0; i < count; i++) {
        size_t word_size = strlen(words[i]);
        if (word_size > WORDS_NEAREST_MAX) {
            continue;
        }
        unsigned edits = distance(text, size, words[i], word_size);
        /* One edit in three letters may be a slip; more is another word. */
        size_t longer = size > word_size ? size : word_size;
        if (edits <= (longer + 2) / 3 && edits < longer &&
            (nearest == NULL || edits < nearest_distance)) {
            nearest = words[i];
            nearest_distance = edits;
        }
    }
    return nearest;
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
