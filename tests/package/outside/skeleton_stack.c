/* The least that an adapter is: a host that drops every packet and has no operation yet. To begin
 * with, copy it and fill in one operation after the other; what is absent is skipped until then. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <sockspec/stack.h>

static struct sockspec_stack_host host;

static int skeleton_reset(const struct sockspec_stack_host *given)
{
    host = *given; /* its addresses, a seed, and host.on_output for what the stack sends */
    return 0;
}

static void skeleton_inject(const void *packet, size_t size)
{
    (void)packet;
    (void)size;
}

static int64_t skeleton_advance(uint32_t ms)
{
    (void)ms;
    return -1; /* nothing waits for time */
}

static enum sockspec_stack_state skeleton_state(uint16_t local_port, uint16_t remote_port)
{
    (void)local_port;
    (void)remote_port;
    return SOCKSPEC_STACK_STATE_CLOSED;
}

static void skeleton_ports(int s, uint16_t *ret_local, uint16_t *ret_remote)
{
    (void)s;
    *ret_local = 0;
    *ret_remote = 0;
}

const struct sockspec_stack sockspec_stack = {
    .name = "skeleton",
    .version = "0.1",
    .reset = skeleton_reset,
    .inject = skeleton_inject,
    .advance = skeleton_advance,
    .state = skeleton_state,
    .ports = skeleton_ports,
};
