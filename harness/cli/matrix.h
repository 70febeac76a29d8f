/* The matrix rule × stack, from the JSON that the checks of several stacks left. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_MATRIX_H
#define SOCKSPEC_CLI_MATRIX_H

#include <jansson.h>
#include <stdio.h>

struct matrix_column {
    const char *name;
    const json_t *report; /* NULL: the check left none */
};

/* Prints a line per rule that any stack was judged by: the worst grade that each of them got, and
 * how often; last how many cases. */
void matrix_print(FILE *out, const struct matrix_column *columns, int count);

#endif
