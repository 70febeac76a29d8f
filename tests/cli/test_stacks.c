/* `sockspec check --stack` and its like from outside. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { TEXT_MAX = 1 << 20, COMMAND_MAX = 2048 };

static char out[TEXT_MAX]; /* stdout and stderr of the last command */

static int run(const char *environment, const char *arguments)
{
    char command[COMMAND_MAX];
    (void)snprintf(command, sizeof(command), "%s %s %s 2>&1", environment, SOCKSPEC_COMMAND,
                   arguments);
    FILE *stream = popen(command, "re");
    assert_non_null(stream);
    size_t size = fread(out, 1, TEXT_MAX - 1, stream);
    out[size] = '\0';
    int status = pclose(stream);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void assert_has(const char *part)
{
    if (strstr(out, part) == NULL) {
        print_error("'%s' is not in:\n%s\n", part, out);
        fail();
    }
}

#define NONSENSE_STACKS "--corpus " STACK_CORPUS " --targets " NONSENSE_FOLDER

static void list_stacks_names_built_in_and_adapters(void **state)
{
    (void)state;
    assert_int_equal(run("", "list stacks --targets " NONSENSE_FOLDER), 0);
    assert_has("model ");
    assert_has("linux ");
    assert_has("nonsense ");
}

static void replay_draws_what_each_end_went_through(void **state)
{
    (void)state;
    (void)run("", "replay stack/close/simultaneous --stack model");
    assert_has("CLOSING");
    assert_has("TIME-WAIT");
}

static void adapter_answers_nonsense_run_is_error(void **state)
{
    (void)state;
    assert_int_equal(run("NONSENSE=send-longer", "check --stack nonsense " NONSENSE_STACKS), 3);
    assert_has("the adapter, send, on the target's host: it answered 2");
}

static void adapter_crashes_case_is_failed(void **state)
{
    (void)state;
    assert_int_equal(run("NONSENSE=recv-crashes", "check --stack nonsense " NONSENSE_STACKS), 1);
    assert_has("CRASH");
    assert_has("the stack crashed: signal 6");
}

/* Whether a verdict of this grade was given on the stack. */
static bool has_grade(const json_t *root, const char *stack, const char *grade)
{
    size_t index = 0;
    const json_t *verdict = NULL;
    json_array_foreach(json_object_get(root, "verdicts"), index, verdict)
    {
        if (strcmp(json_string_value(json_object_get(verdict, "target")), stack) == 0 &&
            strcmp(json_string_value(json_object_get(verdict, "grade")), grade) == 0) {
            return true;
        }
    }
    return false;
}

static void one_stack_in_error_others_go_on(void **state)
{
    (void)state;
    int code = run("NONSENSE=send-longer", "check --stack all --json - " NONSENSE_STACKS);
    json_t *root = json_loads(out, 0, NULL);
    assert_true(code == 3 || code == 1);
    assert_non_null(root);
    assert_true(has_grade(root, "nonsense", "ERROR"));
    assert_false(has_grade(root, "model", "ERROR"));
    assert_int_equal(json_array_size(json_object_get(root, "targets")), 3);
    json_decref(root);
}

static void matrix_has_a_column_for_each(void **state)
{
    (void)state;
    (void)run("NONSENSE=send-longer", "check --stack all " NONSENSE_STACKS);
    assert_has("rule      model         linux         nonsense");
    assert_has("\nCASE ");
    assert_has("the adapter, send"); /* what kept a stack from being judged is said */
}

static void adapter_without_operation_case_is_skipped(void **state)
{
    (void)state;
    assert_int_equal(run("", "check --stack nonsense -v --case stack/names " NONSENSE_STACKS), 77);
    assert_has("the stack's adapter has no 'names'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(list_stacks_names_built_in_and_adapters),
                                       cmocka_unit_test(replay_draws_what_each_end_went_through),
                                       cmocka_unit_test(adapter_answers_nonsense_run_is_error),
                                       cmocka_unit_test(adapter_crashes_case_is_failed),
                                       cmocka_unit_test(adapter_without_operation_case_is_skipped),
                                       cmocka_unit_test(one_stack_in_error_others_go_on),
                                       cmocka_unit_test(matrix_has_a_column_for_each)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
