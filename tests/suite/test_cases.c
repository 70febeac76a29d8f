/* Cases: their headers, which of them apply, and the built-in corpus. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "suite/cases.h"
#include "suite/profiles.h"

static struct suite_case parsed;
static struct manifest manifest;

static enum status parse(const char *name, const char *text, struct status_detail *detail)
{
    detail->text[0] = '\0';
    return cases_parse("x.scenario", name, text, strlen(text), &parsed, detail);
}

static void case_header_is_understood(void **state)
{
    (void)state;
    struct status_detail detail;
    assert_ok(
        parse(
            "server/x",
            "title \"a title\"\nrole server\nrules FDH-01, ERR-01\nneeds persistent large\nseed 9\n"
            "idle_limit 30\nrepeat 12\n\npeer connect\n",
            &detail),
        &detail);
    assert_string_equal(parsed.title, "a title");
    assert_int_equal(parsed.roles, 1U << TRACE_ROLE_SERVER);
    assert_true(oracle_has(parsed.rules, ORACLE_FDH_01));
    assert_true(oracle_has(parsed.rules, ORACLE_ERR_01));
    assert_false(oracle_has(parsed.rules, ORACLE_FDH_02));
    assert_int_equal(parsed.needs, 1U << CASES_NEED_PERSISTENT | 1U << CASES_NEED_LARGE);
    assert_int_equal(parsed.seed, 9);
    assert_int_equal(parsed.idle_limit_us, 30000000);
    assert_int_equal(parsed.repeats, 12);
    assert_int_equal(parsed.scenario.count, 1);
}

static void case_role_follows_from_its_folder(void **state)
{
    (void)state;
    struct status_detail detail;
    assert_ok(parse("client/data/x", "title \"t\"\npeer accept\n", &detail), &detail);
    assert_int_equal(parsed.roles, 1U << TRACE_ROLE_CLIENT);
}

static const struct {
    const char *text;
    const char *message;
} mistakes[] = {
    {"titel \"t\"\npeer connect\n",
     "x.scenario:1: no header is called 'titel'; did you mean 'title'?"},
    {"title \"t\"\nrole sever\npeer connect\n",
     "x.scenario:2: role: found 'sever', expected server"},
    {"title \"t\"\nneeds persistant\npeer connect\n", "did you mean 'persistent'?"},
    {"title \"t\"\nrules FDH-1\npeer connect\n", "did you mean 'FDH-01'?"},
    {"title \"t\"\nrepeat 5000\npeer connect\n",
     "x.scenario:2: repeat: found '5000', expected times, up to 4096"},
    {"title \"t\"\nseed x\npeer connect\n", "x.scenario:2: seed: found 'x', expected a number"},
    {"title \"t\"\nseed 1\nseed 2\npeer connect\n", "expected it once"},
    {"title \"t\"\npeer conect\n", "x.scenario:2:"},
};

static void case_mistake_is_told_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct status_detail detail;
        enum status status = parse("server/x", mistakes[i].text, &detail);
        if (status != STATUS_SYNTAX || strstr(detail.text, mistakes[i].message) == NULL) {
            print_error("%s--> %s: %s\n", mistakes[i].text, status_text(status), detail.text);
            fail();
        }
    }
}

/* Whether a case with these needs is for a target with this manifest. */
static const char *unfit(const char *needs, const char *manifest_text)
{
    struct status_detail detail;
    const struct profile *profile = NULL;
    char text[256];
    (void)snprintf(text, sizeof(text), "title \"t\"\nrole server\n%s%s\npeer connect\n",
                   needs[0] != '\0' ? "needs " : "", needs);
    assert_ok(parse("server/x", text, &detail), &detail);
    manifest_begin(&manifest);
    assert_ok(manifest_parse(&manifest, "m", manifest_text, strlen(manifest_text), &detail),
              &detail);
    assert_ok(manifest_profile(&manifest, &profile, &detail), &detail);
    return cases_unfit(&parsed, &manifest, profile);
}

static void case_without_needs_applies(void **state)
{
    (void)state;
    assert_null(unfit("", "[target]\nprofile = echo\n"));
}

static void case_of_another_role_does_not_apply(void **state)
{
    (void)state;
    assert_non_null(unfit("", "[target]\nrole = client\nprofile = echo\n"));
}

static void case_that_needs_what_is_not_promised_does_not_apply(void **state)
{
    (void)state;
    assert_null(unfit("concurrent", "[target]\nprofile = echo\n"));
    assert_non_null(unfit("concurrent", "[target]\nprofile = echo\nserves = one\n"));
    assert_non_null(unfit("speaks-first", "[target]\nprofile = echo\n"));
    assert_null(unfit("speaks-first", "[target]\nprofile = banner\n"));
}

static void case_that_needs_a_message_asks_the_profile(void **state)
{
    (void)state;
    assert_null(unfit("large", "[target]\nprofile = http\n"));
    assert_non_null(unfit("large", "[target]\nprofile = line\n"));
    assert_null(unfit("last", "[target]\nprofile = http\n"));
    assert_non_null(unfit("last", "[target]\nprofile = echo\n"));
}

static void case_for_posix_needs_its_rules(void **state)
{
    (void)state;
    assert_non_null(unfit("posix", "[target]\nprofile = echo\n"));
    assert_null(unfit("posix", "[target]\nprofile = echo\nrules = posix\n"));
}

static void corpus_loads_sorted_and_titled(void **state)
{
    (void)state;
    struct cases cases;
    struct status_detail detail;
    assert_ok(cases_load(NULL, &cases, &detail), &detail);
    assert_true(cases.count >= 8);
    for (uint32_t i = 0; i < cases.count; i++) {
        assert_true(cases.cases[i].title[0] != '\0');
        assert_true(i == 0 || strcmp(cases.cases[i - 1].name, cases.cases[i].name) < 0);
        assert_ptr_equal(cases_find(&cases, cases.cases[i].name), &cases.cases[i]);
    }
    assert_null(cases_find(&cases, "server/no/such/case"));
    cases_done(&cases);
}

static void corpus_folder_without_cases_is_not_found(void **state)
{
    (void)state;
    struct cases cases;
    struct status_detail detail;
    assert_int_equal(cases_load("/nonexistent", &cases, &detail), STATUS_NOT_FOUND);
    assert_non_null(strstr(detail.text, "/nonexistent"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_header_is_understood),
        cmocka_unit_test(case_role_follows_from_its_folder),
        cmocka_unit_test(case_mistake_is_told_with_its_place),
        cmocka_unit_test(case_without_needs_applies),
        cmocka_unit_test(case_of_another_role_does_not_apply),
        cmocka_unit_test(case_that_needs_what_is_not_promised_does_not_apply),
        cmocka_unit_test(case_that_needs_a_message_asks_the_profile),
        cmocka_unit_test(case_for_posix_needs_its_rules),
        cmocka_unit_test(corpus_loads_sorted_and_titled),
        cmocka_unit_test(corpus_folder_without_cases_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
