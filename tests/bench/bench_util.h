/* What measurements share: a clock, a median, and an end for what cannot go on. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_BENCH_UTIL_H
#define SOCKSPEC_TESTS_BENCH_UTIL_H

#include <stdbool.h>

/* Ends the process with a message unless `condition` holds: there is nothing to measure then. */
void bench_must(bool condition, const char *what);
/* Nanoseconds of a clock that only goes on; and of the processor in this process, which other
 * processes disturb less. */
double bench_now_ns(void);
double bench_cpu_ns(void);
/* Of `count` (> 0) values, which it sorts. */
double bench_median(double *values, unsigned count);

#endif
