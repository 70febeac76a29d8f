/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTSIDE_DESCRIPTORS_H
#define OUTSIDE_DESCRIPTORS_H

/* Returns 0, or -1 with errno. */
int close_on_exec(int fd);

#endif
