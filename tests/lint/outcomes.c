/* Tests with every outcome, for the test of how outcomes are reported: outcomes WORD…, each a test.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

static void outcomes_pass_passes(void **state)
{
    (void)state;
}

static void outcomes_skip_skips(void **state)
{
    (void)state;
    skip();
}

static void outcomes_fail_fails(void **state)
{
    (void)state;
    fail();
}

static void outcomes_exit_ends(void **state)
{
    (void)state;
    exit(9);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest all[] = {
        cmocka_unit_test(outcomes_pass_passes), cmocka_unit_test(outcomes_skip_skips),
        cmocka_unit_test(outcomes_fail_fails), cmocka_unit_test(outcomes_exit_ends)};
    static const char *const words[] = {"pass", "skip", "fail", "exit"};
    struct CMUnitTest chosen[4];
    size_t count = 0;
    for (int i = 1; i < argc && count < 4; i++) {
        for (size_t word = 0; word < 4; word++) {
            if (strcmp(argv[i], words[word]) == 0) {
                chosen[count++] = all[word];
            }
        }
    }
    return _cmocka_run_group_tests("outcomes", chosen, count, NULL, NULL);
}
