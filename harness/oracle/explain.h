/* The rules in words, for people: one rule at a time, and all of them as the reference in docs/.
 * Pure functions of the table. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_ORACLE_EXPLAIN_H
#define SOCKSPEC_ORACLE_EXPLAIN_H

#include <stddef.h>

/* Where the text goes: called with pieces of it in order. */
struct oracle_writer {
    void (*write)(void *context, const char *text, size_t size);
    void *context;
};

/* The text of `sockspec explain`: rule, level, whom it binds, clause, why it matters, how it is
 * observed, and why no trace decides it where that is so. Precondition: rule < ORACLE_RULE_COUNT.
 */
void oracle_explain(unsigned rule, const struct oracle_writer *writer);

/* docs/reference/rules.md, whole. */
void oracle_reference(const struct oracle_writer *writer);

#endif
