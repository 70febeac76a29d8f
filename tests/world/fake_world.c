/* The operations of the world of recorded answers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_world.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct fake_world *fake_of(struct world *world)
{
    return (struct fake_world *)world;
}

static void note(struct world *world, const char *format, ...) STATUS_PRINTF(2, 3);
static void note(struct world *world, const char *format, ...)
{
    struct fake_world *fake = fake_of(world);
    size_t used = strlen(fake->log);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fake->log + used, sizeof(fake->log) - used, format, arguments);
    va_end(arguments);
}

static void fake_reset(struct world *world, struct trace *trace, uint64_t seed)
{
    (void)seed;
    fake_of(world)->trace = trace;
}

/* One action of the target; false when it is over. */
static bool act(struct fake_world *fake, uint8_t action, struct world_hooks *hooks)
{
    switch (action) {
    case FAKE_EXIT:
        return false;
    case FAKE_NOTHING:
    case FAKE_SLEEP:
        return hooks->on_idle(hooks->context) == WORLD_GO;
    case FAKE_WRITABLE:
        fake->ready |= 1U;
        return true;
    default:
        note(&fake->world, "call-%s ", scenario_call_name((enum scenario_call)action));
        if ((hooks->armed >> action & 1U) != 0) {
            hooks->on_call(hooks->context, (enum scenario_call)action);
        }
        return true;
    }
}

static enum status fake_run(struct world *world, const struct world_target *target,
                            struct world_hooks *hooks, struct status_detail *detail)
{
    (void)target;
    (void)detail;
    struct fake_world *fake = fake_of(world);
    assert(fake->runs < FAKE_RUNS_MAX);
    const uint8_t *actions = fake->actions[fake->runs++];
    note(world, "run ");
    while (act(fake, *actions, hooks)) {
        actions += *actions != FAKE_NOTHING;
    }
    trace_add(fake->trace, TRACE_EXIT, TRACE_HOST_TARGET)->what = TRACE_EXIT_RETURNED;
    return STATUS_OK;
}

static void fake_settle(struct world *world)
{
    (void)world;
}

static void fake_deliver(struct world *world)
{
    note(world, "deliver ");
}

static int fake_socket(struct world *world, enum trace_host host)
{
    (void)host;
    return fake_of(world)->sockets++;
}

static int fake_bind(struct world *world, int s, uint16_t port)
{
    (void)world;
    (void)s;
    (void)port;
    return 0;
}

static int fake_listen(struct world *world, int s, int backlog)
{
    (void)backlog;
    fake_of(world)->listener = s;
    return 0;
}

static bool has_connected(const struct fake_world *fake)
{
    return fake->connects_at_us > 0 && fake->now_us >= fake->connects_at_us;
}

static int fake_accept(struct world *world, int s)
{
    struct fake_world *fake = fake_of(world);
    assert(s == fake->listener);
    note(world, "accept ");
    return has_connected(fake) ? fake->sockets++ : -EAGAIN;
}

static int fake_connect(struct world *world, int s, uint16_t port)
{
    (void)port;
    note(world, "connect-%d ", s);
    fake_of(world)->ready |= 1U << s;
    return -EINPROGRESS;
}

static int64_t fake_send(struct world *world, int s, const void *data, size_t size, int flags)
{
    (void)flags;
    struct fake_world *fake = fake_of(world);
    assert(fake->sends_used < FAKE_SENDS_MAX);
    int64_t answer = fake->sends[fake->sends_used++];
    note(world, "send-%d ", s);
    if (answer == 0) {
        answer = (int64_t)size;
    }
    if (answer > 0) {
        size_t used = strlen(fake->taken);
        (void)snprintf(fake->taken + used, sizeof(fake->taken) - used, "%.*s|", (int)answer,
                       (const char *)data);
    }
    return answer;
}

static int64_t fake_recv(struct world *world, int s, void *data, size_t size, int flags)
{
    (void)world;
    (void)s;
    (void)data;
    (void)size;
    (void)flags;
    return -EAGAIN;
}

static int fake_shutdown(struct world *world, int s, int how)
{
    (void)how;
    note(world, "shutdown-%d ", s);
    return 0;
}

static int fake_close(struct world *world, int s)
{
    note(world, "close-%d ", s);
    return 0;
}

static int fake_setsockopt(struct world *world, int s, enum world_option option, int value)
{
    (void)world;
    (void)s;
    (void)option;
    (void)value;
    return 0;
}

static int fake_poll(struct world *world, int s)
{
    const struct fake_world *fake = fake_of(world);
    return s != fake->listener ? POLLOUT : has_connected(fake) ? POLLIN : 0;
}

static int fake_next_ready(struct world *world, enum trace_host host)
{
    (void)host;
    struct fake_world *fake = fake_of(world);
    if (fake->ready == 0) {
        return -1;
    }
    int s = __builtin_ctz(fake->ready);
    fake->ready &= fake->ready - 1;
    return s;
}

static uint32_t fake_conn(struct world *world, int s)
{
    (void)world;
    return (uint32_t)s + 1;
}

static void fake_wire_hold(struct world *world, enum world_direction direction, bool on)
{
    note(world, "hold-%d-%d ", (int)direction, on);
}

static void fake_wire_cut(struct world *world, enum world_direction direction, bool on)
{
    note(world, "cut-%d-%d ", (int)direction, on);
}

static void fake_wire_lose(struct world *world, enum scenario_segment kind, uint32_t count)
{
    (void)kind;
    note(world, "lose-%u ", count);
}

static int fake_fault_arm(struct world *world, const struct world_fault *fault)
{
    struct fake_world *fake = fake_of(world);
    if (fake->arm_answer == 0) {
        assert(fake->fault_count < FAKE_FAULTS_MAX);
        fake->faults[fake->fault_count++] = fault->step;
    }
    return fake->arm_answer;
}

static void fake_fault_clear(struct world *world,
                             void (*unused)(void *context, uint16_t step, enum trace_noop reason),
                             void *context)
{
    struct fake_world *fake = fake_of(world);
    note(world, "clear ");
    for (uint32_t i = 0; i < fake->fault_count; i++) {
        if ((fake->struck >> fake->faults[i] & 1U) == 0) {
            unused(context, fake->faults[i], TRACE_NOOP_CALL_NEVER_CAME);
        }
    }
    fake->fault_count = 0;
}

static void fake_descriptors_free(struct world *world, int free_count)
{
    note(world, "free-%d ", free_count);
}

static void fake_run_on(struct world *world, int64_t us, uint32_t wakeups_max)
{
    (void)wakeups_max;
    note(world, "advance-%lld ", (long long)us);
    fake_of(world)->now_us += us;
}

static bool fake_ran_on(struct world *world)
{
    return !fake_of(world)->stops_short;
}

static bool fake_advance(struct world *world, int64_t us, uint32_t wakeups_max)
{
    fake_run_on(world, us, wakeups_max);
    return true;
}

static int fake_descriptors(struct world *world)
{
    (void)world;
    return 3;
}

static void fake_heap(struct world *world, int64_t *ret_blocks, int64_t *ret_bytes)
{
    (void)world;
    *ret_blocks = 0;
    *ret_bytes = 0;
}

/* Operations without a row are not to be used by what these tests play. */
static const struct world_ops fake_ops = {
    .name = "fake",
    .observers = TRACE_SEES_CALLS | TRACE_SEES_WIRE,
    .reset = fake_reset,
    .run = fake_run,
    .settle = fake_settle,
    .deliver = fake_deliver,
    .socket = fake_socket,
    .bind = fake_bind,
    .listen = fake_listen,
    .accept = fake_accept,
    .connect = fake_connect,
    .send = fake_send,
    .recv = fake_recv,
    .shutdown = fake_shutdown,
    .close = fake_close,
    .setsockopt = fake_setsockopt,
    .poll = fake_poll,
    .next_ready = fake_next_ready,
    .conn = fake_conn,
    .wire_hold = fake_wire_hold,
    .wire_cut = fake_wire_cut,
    .wire_lose = fake_wire_lose,
    .fault_arm = fake_fault_arm,
    .fault_clear = fake_fault_clear,
    .descriptors_free = fake_descriptors_free,
    .advance = fake_advance,
    .run_on = fake_run_on,
    .ran_on = fake_ran_on,
    .descriptors = fake_descriptors,
    .heap = fake_heap,
};

void fake_world_init(struct fake_world *fake)
{
    fake->world.ops = &fake_ops;
    fake->listener = -1;
}
