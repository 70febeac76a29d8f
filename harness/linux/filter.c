/* The seccomp filter that a target carries: it stops at the calls of the table. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <seccomp.h>

#include "linux/tracer_internal.h"

enum { FOREIGN = 0xffff }; /* what a call of another ABI reports; any number serves */

static int filter_fill(scmp_filter_ctx filter)
{
    int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (error == 0) {
        error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_TRACE(FOREIGN));
    }
    for (unsigned i = 0; error == 0 && i < tracer_rows(); i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_TRACE(0), tracer_row_number(i), 0);
    }
    return error;
}

enum status tracer_filter_new(void **ret_filter, struct status_detail *detail)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "seccomp_init");
    }
    if (seccomp_arch_native() != SCMP_ARCH_X86_64) {
        seccomp_release(filter);
        return status_fail(detail, STATUS_UNSUPPORTED, "calls are followed on x86-64 only");
    }
    int error = filter_fill(filter);
    if (error != 0) {
        seccomp_release(filter);
        return status_fail(detail, STATUS_ENVIRONMENT, "the seccomp filter: error %d", -error);
    }
    *ret_filter = filter;
    return STATUS_OK;
}

void tracer_filter_free(void *filter)
{
    if (filter != NULL) {
        seccomp_release(filter);
    }
}

int tracer_filter_load(void *filter)
{
    return seccomp_load(filter);
}
