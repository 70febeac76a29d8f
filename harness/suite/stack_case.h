/* Cases of role stack: which of them an adapter can play, and which rules are about the stack
 * behind it and not about the adapter. Pure functions. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_STACK_CASE_H
#define SOCKSPEC_SUITE_STACK_CASE_H

#include "suite/cases.h"
#include "suite/subject.h"

/* Why a case is not for this stack: its role, or an operation that the adapter has not; NULL when
 * it is. */
const char *stack_case_unfit(const struct suite_case *the_case, const struct subject *subject);

/* Why a verdict on this rule would be about the adapter: it emulates what the rule is about, or has
 * not got it. NULL: it is about the stack. */
const char *stack_case_rule_unfit(const char *rule, const struct subject *subject);

/* What must be the stack's own for a rule to be judged: bits as below. `ret_known` tells whether
 * the table has the rule. */
uint64_t stack_case_rule_needs(const char *rule, bool *ret_known);

/* What a step needs of a stack: bits (1 << enum sockspec_stack_operation). */
uint64_t stack_case_step_needs(const struct scenario_step *step);

#endif
