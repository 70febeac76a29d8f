/* Where two traces part. Pure function. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TRACE_COMPARE_H
#define SOCKSPEC_TRACE_COMPARE_H

#include "trace/trace.h"

struct trace_difference {
    bool in_header;
    uint32_t event;  /* index of the first event that differs, when not in the header */
    char text[1024]; /* in words */
};

/* Whether the traces are equal, names, header and events. When they are not, tells the first
 * difference (`ret_difference` may be NULL). */
bool trace_compare(const struct trace *first, const struct trace *second,
                   struct trace_difference *ret_difference);

#endif
