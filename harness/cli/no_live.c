/* The live world of a build that has none. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/linux.h"

enum status linux_world_new(const struct linux_setup *setup, struct world **ret_world,
                            struct status_detail *detail)
{
    (void)setup;
    (void)ret_world;
    return status_fail(detail, STATUS_ENVIRONMENT, "this build has no live world");
}

const char *linux_world_host(enum trace_role role)
{
    return role == TRACE_ROLE_CLIENT ? "10.0.0.2" : "10.0.0.1";
}
