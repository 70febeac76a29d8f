/* Every symbol on the list of redirected calls has its replacement: this test would not link
 * otherwise. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/calls.h"

#include "test.h"

#define REDIRECT(name)
#define REDIRECT_HIDDEN(name)
#define REDIRECT_ALIAS(name, same)
#define REDIRECT_DATA(name) extern char sockspec_call_##name##0 [], sockspec_call_##name##1 [];
#include "redirect/symbols.def"
#undef REDIRECT
#undef REDIRECT_HIDDEN
#undef REDIRECT_ALIAS
#undef REDIRECT_DATA

static void symbols_listed_each_has_a_replacement(void **state)
{
#define REDIRECT(name) (void *)sockspec_call_##name,
#define REDIRECT_HIDDEN(name) (void *)sockspec_call_##name,
#define REDIRECT_ALIAS(name, same) (void *)sockspec_call_##same,
#define REDIRECT_DATA(name) (void *)sockspec_call_##name##0, (void *)sockspec_call_##name##1,
    void *const replacements[] = {
#include "redirect/symbols.def"
    };
    (void)state;
    for (size_t i = 0; i < sizeof replacements / sizeof replacements[0]; i++) {
        assert_non_null(replacements[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(symbols_listed_each_has_a_replacement)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
