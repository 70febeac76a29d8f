/* An adapter that declares an operation and has no function for it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "sockspec/stack.h"

static int reset(const struct sockspec_stack_host *host)
{
    (void)host;
    return 0;
}
static void inject(const void *packet, size_t size)
{
    (void)packet;
    (void)size;
}
static int64_t advance(uint32_t ms)
{
    (void)ms;
    return -1;
}
static enum sockspec_stack_state state(uint16_t local_port, uint16_t remote_port)
{
    (void)local_port;
    (void)remote_port;
    return SOCKSPEC_STACK_STATE_CLOSED;
}
static void ports(int s, uint16_t *ret_local, uint16_t *ret_remote)
{
    (void)s;
    *ret_local = 0;
    *ret_remote = 0;
}

const struct sockspec_stack sockspec_stack = {
    .name = "promises",
    .version = "promises",
    .operations = {[SOCKSPEC_STACK_POLL] = SOCKSPEC_STACK_NATIVE},
    .reset = reset,
    .inject = inject,
    .advance = advance,
    .state = state,
    .ports = ports,
};
