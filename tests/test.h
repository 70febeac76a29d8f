/* The one header of every test: cmocka and our own asserts, which print file and line. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_TEST_H
#define SOCKSPEC_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/status.h"

/* The call returned STATUS_OK; prints the detail otherwise. */
#define assert_ok(call, detail)                                                                    \
    do {                                                                                           \
        enum status assert_ok_status = (call);                                                     \
        if (assert_ok_status != STATUS_OK) {                                                       \
            print_error("%s: %s\n", status_text(assert_ok_status), (detail)->text);                \
            _fail(__FILE__, __LINE__);                                                             \
        }                                                                                          \
    } while (0)

#endif
