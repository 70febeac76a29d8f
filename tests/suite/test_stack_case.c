/* What cases and rules need of a stack. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "sockspec/stack.h"
#include "suite/stack_case.h"
#include "test.h"

#define OP(name) (UINT64_C(1) << SOCKSPEC_STACK_##name)

static uint64_t needs(const char *step)
{
    struct scenario_text text;
    struct status_detail detail = {""};
    assert_ok(scenario_parse("test", step, strlen(step), &text, &detail), &detail);
    return stack_case_step_needs(&text.scenario.steps[0]);
}

static void step_words_say_what_it_needs(void **state)
{
    (void)state;
    assert_int_equal(needs("app recv 5"), OP(RECV));
    assert_int_equal(needs("app recv 5 peek waitall"), OP(RECV) | OP(PEEK) | OP(WAITALL));
    assert_int_equal(needs("app recv 5 oob"), OP(RECV) | OP(URGENT));
    assert_int_equal(needs("app connect 7000"), OP(CONNECT));
    assert_int_equal(needs("app connect 7000 own"), OP(CONNECT_OWN));
    assert_int_equal(needs("app shutdown write"), OP(SHUTDOWN));
    assert_int_equal(needs("app shutdown both"), OP(SHUTDOWN) | OP(SHUTDOWN_READ));
    assert_int_equal(needs("app get TCP_INFO"), OP(TCP_INFO));
    assert_int_equal(needs("app option SO_KEEPALIVE 1"), OP(SO_KEEPALIVE));
    assert_int_equal(needs("wire hold both"), 0);
}

static struct subject stack_with(uint64_t emulated, uint64_t absent)
{
    struct subject subject;
    struct status_detail detail = {""};
    const struct subject_stack stack = {
        .name = "x", .adapter = true, .emulated = emulated, .absent = absent};
    assert_ok(subject_open_stack(&subject, &stack, &detail), &detail);
    return subject;
}

static void rule_about_what_is_not_native_says_so(void **state)
{
    struct subject subject = stack_with(OP(POLL), OP(PEEK));
    (void)state;
    assert_string_equal(stack_case_rule_unfit("RDY-01", &subject),
                        "the stack's adapter emulates 'poll'");
    assert_string_equal(stack_case_rule_unfit("DAT-10", &subject),
                        "the stack's adapter has no 'peek'");
    assert_null(stack_case_rule_unfit("CLO-01", &subject));
}

/* A rule about stacks that the table forgot would blame stacks for what adapters do. */
static void rule_that_binds_stacks_is_in_the_table(void **state)
{
    (void)state;
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        bool known = false;
        (void)stack_case_rule_needs(oracle_rules[rule].id, &known);
        if ((oracle_rules[rule].binds >> TRACE_ROLE_STACK & 1U) != 0 && !known) {
            print_error("%s\n", oracle_rules[rule].id);
            fail();
        }
    }
}

static void adapter_is_judged_by_posix_unless_told(void **state)
{
    struct subject adapter = stack_with(0, 0);
    struct subject built_in;
    struct status_detail detail = {""};
    (void)state;
    assert_ok(subject_open_stack(&built_in, &(struct subject_stack){.name = "model"}, &detail),
              &detail);
    assert_int_equal(adapter.manifest.rules, TRACE_RULES_POSIX);
    assert_int_equal(built_in.manifest.rules, TRACE_RULES_LINUX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(step_words_say_what_it_needs),
                                       cmocka_unit_test(rule_about_what_is_not_native_says_so),
                                       cmocka_unit_test(rule_that_binds_stacks_is_in_the_table),
                                       cmocka_unit_test(adapter_is_judged_by_posix_unless_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
