/* A second object of the test target: a variable that the first one names. */
/* SPDX-License-Identifier: Apache-2.0 */
extern int common_counter;
int common_counter;
