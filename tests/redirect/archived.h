/* A function of a static library that the test target links. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_ARCHIVED_H
#define SOCKSPEC_TESTS_ARCHIVED_H

/* How often it was called in this run. */
int archived_count(void);

#endif
