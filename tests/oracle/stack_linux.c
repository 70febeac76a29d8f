/* The kernel as the stack that is judged. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>

#include "linux/linux.h"
#include "oracle/stack_play.h"

struct world *stack_play_world(void)
{
    struct status_detail detail = {""};
    const struct linux_setup setup = {.slow = getenv("SOCKSPEC_SLOW") != NULL,
                                      .kernel_timers = getenv("SOCKSPEC_SLOW") != NULL};
    struct world *world = NULL;
    if (linux_world_new(&setup, &world, &detail) != STATUS_OK) {
        print_message("%s\n", detail.text);
        exit(77);
    }
    return world;
}
