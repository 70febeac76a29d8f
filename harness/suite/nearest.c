/* Edit distance over short words. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/nearest.h"

#include <stdio.h>
#include <string.h>

enum { NEAREST_WORD_MAX = 64 };

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein's distance with exchanged neighbours counted once (optimal string alignment). */
static unsigned distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    unsigned rows[3][NEAREST_WORD_MAX + 1];
    for (unsigned j = 0; j <= b_size; j++) {
        rows[0][j] = j;
    }
    for (unsigned i = 1; i <= a_size; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3];
        row[0] = i;
        for (unsigned j = 1; j <= b_size; j++) {
            unsigned cost = a[i - 1] != b[j - 1];
            row[j] = smallest(above[j] + 1, row[j - 1] + 1, above[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                unsigned swapped = rows[(i + 1) % 3][j - 2] + 1;
                row[j] = row[j] < swapped ? row[j] : swapped;
            }
        }
    }
    return rows[a_size % 3][b_size];
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    size_t size = strlen(nearest->word);
    size_t other = strlen(candidate);
    if (size == 0 || size > NEAREST_WORD_MAX || other > NEAREST_WORD_MAX) {
        return;
    }
    unsigned found = distance(nearest->word, size, candidate, other);
    unsigned limit = size <= 3 ? 1 : size <= 6 ? 2 : (unsigned)(size / 3);
    if (found <= limit && (nearest->best == NULL || found < nearest->distance)) {
        nearest->best = candidate;
        nearest->distance = found;
    }
}

const char *nearest_hint(const struct nearest *nearest, char *buffer, size_t size)
{
    buffer[0] = '\0';
    if (nearest->best != NULL) {
        (void)snprintf(buffer, size, "; did you mean '%s'?", nearest->best);
    }
    return buffer;
}
