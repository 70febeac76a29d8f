/* Status codes and their details. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

static void text_of_each_status_is_its_own(void **state)
{
    (void)state;
    assert_string_equal(status_text(STATUS_OK), "ok");
    assert_string_equal(status_text(STATUS_ENVIRONMENT), "the environment cannot do this");
    assert_non_null(status_text(STATUS_COUNT));
}

static void fail_writes_the_detail_and_returns_the_status(void **state)
{
    (void)state;
    struct status_detail detail;
    assert_int_equal(status_fail(&detail, STATUS_IO, "%s: %d", "file", 7), STATUS_IO);
    assert_string_equal(detail.text, "file: 7");
}

static void fail_without_a_detail_returns_the_status(void **state)
{
    (void)state;
    assert_int_equal(status_fail(NULL, STATUS_USAGE, "lost"), STATUS_USAGE);
    assert_int_equal(status_wrap(NULL, STATUS_USAGE, "lost"), STATUS_USAGE);
}

static void fail_cuts_a_long_detail(void **state)
{
    (void)state;
    struct status_detail detail;
    assert_int_equal(status_fail(&detail, STATUS_IO, "%0*d", 2 * STATUS_DETAIL_MAX, 1), STATUS_IO);
    assert_int_equal(strlen(detail.text), STATUS_DETAIL_MAX - 1);
}

static void wrap_puts_the_prefix_in_front(void **state)
{
    (void)state;
    struct status_detail detail;
    assert_int_equal(status_fail(&detail, STATUS_IO, "no space"), STATUS_IO);
    assert_int_equal(status_wrap(&detail, STATUS_IO, "writing %s", "report"), STATUS_IO);
    assert_string_equal(detail.text, "writing report: no space");
}

static void wrap_cuts_what_no_longer_fits(void **state)
{
    (void)state;
    struct status_detail detail;
    assert_int_equal(status_fail(&detail, STATUS_IO, "%0*d", STATUS_DETAIL_MAX - 1, 1), STATUS_IO);
    assert_int_equal(status_wrap(&detail, STATUS_IO, "prefix"), STATUS_IO);
    assert_int_equal(strlen(detail.text), STATUS_DETAIL_MAX - 1);
    assert_int_equal(strncmp(detail.text, "prefix: 000", 11), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_each_status_is_its_own),
        cmocka_unit_test(fail_writes_the_detail_and_returns_the_status),
        cmocka_unit_test(fail_without_a_detail_returns_the_status),
        cmocka_unit_test(fail_cuts_a_long_detail),
        cmocka_unit_test(wrap_puts_the_prefix_in_front),
        cmocka_unit_test(wrap_cuts_what_no_longer_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
