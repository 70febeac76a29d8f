/* The live world: lets the target run, delivers what is on the wire when the target sleeps, lets
 * time pass when asked to, and else asks the engine what is next.
 *
 * The clock of the trace stands still while the target works: it runs on only where time is what
 * the scenario asks for. So a slow or busy machine changes no trace. Time in which nothing can
 * happen (all of the target sleeps without a limit, no timer of a kernel runs) is left out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/linux.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/world_internal.h"

enum {
    START_LOOK_US = 1000,      /* between two looks for the listener */
    STOP_LOOK_US = 20000,      /* between two looks at what was asked to stop and sleeps */
    STILL_LIMIT_US = 2000000,  /* so long it sleeps without an end before that is taken for one */
    START_LIMIT_US = 30000000, /* unless the command says otherwise */
    STOP_LIMIT_US = 10000000,
    LEFT_LIMIT_US = 1000000, /* for children to fall asleep or end, after the first process */
    MEMORY_FROM = 32,        /* connections before memory is looked at */
    IDLE_ROUNDS_MAX = 100000 /* steps in a row that change nothing */
};

/* Why targets run in the machine's own network, where they do (linux_world_choose_network). */
static struct status_detail share_reason;

static struct linux_world *of(struct world *world)
{
    return (struct linux_world *)(void *)world;
}

/* ---- The loop ---- */

/* Delivers what is in flight at one instant: nothing that it wakes, and nothing else on this
 * processor, runs before all of it has arrived (where the kernel lets us say so). */
static bool deliver(struct linux_world *live)
{
    static const struct sched_param first = {.sched_priority = 1};
    static const struct sched_param usual = {.sched_priority = 0};
    if (!linux_net_in_flight(live->net)) {
        return false;
    }
    bool alone = sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first) == 0;
    bool any = linux_net_deliver(live->net);
    if (alone) {
        (void)sched_setscheduler(0, SCHED_OTHER, &usual);
    }
    return any;
}

static void world_deliver(struct world *world)
{
    struct linux_world *live = of(world);
    do {
        (void)linux_net_collect(live->net);
    } while (deliver(live));
}

static void on_enter(void *context, enum scenario_call family)
{
    struct linux_world *live = context;
    if (live->hooks != NULL && (live->hooks->armed >> family & 1U) != 0) {
        world_deliver(&live->world); /* a handshake's last ACK may be on its way */
        live->hooks->on_call(live->hooks->context, family);
        linux_tracer_moved(live->tracer);
        linux_tracer_arm(live->tracer, live->hooks->armed);
    }
}

static void before_events(void *context, enum scenario_call family, uint32_t conn)
{
    struct linux_world *live = context;
    (void)linux_net_collect(live->net);
    linux_net_target_closes(live->net, family == SCENARIO_CALL_CLOSE);
    switch (family) {
    case SCENARIO_CALL_LISTEN:
    case SCENARIO_CALL_ACCEPT:
    case SCENARIO_CALL_CONNECT:
    case SCENARIO_CALL_SHUTDOWN:
    case SCENARIO_CALL_CLOSE:
    case SCENARIO_CALL_NONE: /* an exit */
        linux_net_sample(live->net, conn);
        break;
    default:
        if (conn != 0 && linux_net_is_shared()) {
            linux_net_sample(live->net, conn); /* what no segment tells */
        }
        break;
    }
    linux_net_target_closes(live->net, false);
}

static uint32_t conn_of_ports(void *context, uint16_t local_port, uint16_t remote_port)
{
    struct linux_world *live = context;
    return linux_net_conn(live->net, TRACE_HOST_TARGET, local_port, remote_port);
}

static int64_t unread(void *context, uint32_t conn)
{
    struct linux_world *live = context;
    return linux_net_unread(live->net, conn);
}

/* Until all of the target sleeps and nothing moves. False: it ended. */
static bool settle_target(struct linux_world *live)
{
    for (unsigned looks = 0;; looks++) {
        enum linux_turn turn = linux_tracer_turn(live->tracer);
        if (turn == LINUX_TURN_ENDED) {
            return false;
        }
        bool came = linux_net_collect(live->net);
        if (turn == LINUX_TURN_PROGRESS || came) {
            looks = 0;
        }
        if (linux_tracer_spins(live->tracer) || trace_full(live->trace)) {
            linux_tracer_end(live->tracer, TRACE_EXIT_JUMPED);
            return false;
        }
        if (turn == LINUX_TURN_PROGRESS) {
            continue;
        }
        if (linux_tracer_asleep(live->tracer)) {
            int64_t nap_us = linux_tracer_nap_us(live->tracer);
            if (nap_us >= 0) {
                linux_time_wait(live, nap_us);
                continue;
            }
            linux_tracer_rests(live->tracer);
            if (linux_net_collect(live->net) || !deliver(live)) {
                if (!linux_net_in_flight(live->net)) {
                    return true;
                }
                continue;
            }
            linux_tracer_moved(live->tracer);
            continue;
        }
        linux_time_rest(live, looks);
    }
}

/* ---- Start and stop ---- */

static void enter_service(struct linux_world *live)
{
    live->in_service = true;
    linux_net_sample(live->net, 0); /* a listener whose call was not seen */
    /* A client is ready with its connection open, which it shall not keep. */
    live->baseline =
        linux_tracer_descriptors(live->tracer) - linux_tracer_held(live->tracer, TRACE_FILE_SOCKET);
    live->baseline_listeners = linux_tracer_held(live->tracer, TRACE_FILE_LISTENER);
    live->baseline_files = linux_tracer_held(live->tracer, TRACE_FILE_FILE);
    live->baseline_others = linux_tracer_held(live->tracer, TRACE_FILE_OTHER);
    linux_tracer_in_service(live->tracer);
}

/* Whether the scenario had a hand in what the target did so far. */
static bool was_played_on(const struct linux_world *live)
{
    for (uint32_t i = 0; i < live->trace->count; i++) {
        if (live->trace->events[i].kind == TRACE_STEP) {
            return true;
        }
    }
    return false;
}

/* The target sleeps where something is waited for that it alone can do. Whether there is no hope:
 * the time for it is over, or nothing wakes the target but what comes from outside of its network.
 */
static bool is_hopeless(struct linux_world *live, int64_t since_us, int64_t limit_us)
{
    int64_t now_us = linux_time_real_us();
    if (!linux_tracer_sleeps_for_ever(live->tracer)) {
        live->still_us = 0;
    } else if (live->still_us == 0) {
        live->still_us = now_us;
    }
    return now_us - since_us >= limit_us ||
           (live->still_us != 0 && now_us - live->still_us >= STILL_LIMIT_US);
}

/* How long it may take until it is in service. */
static int64_t start_limit_us(const struct linux_world *live)
{
    const struct linux_command *command = live->target->program;
    return command->start_limit_us > 0 ? command->start_limit_us : START_LIMIT_US;
}

static enum status fail_deaf(const struct linux_world *live, struct status_detail *detail)
{
    char more[64];
    unsigned reach = linux_net_reach(live->net, live->target->port);
    if (reach == LINUX_REACH_LOCAL) {
        return status_fail(
            detail, STATUS_ENVIRONMENT,
            "the server listens on ::1 alone, where nothing from outside may arrive: "
            "tell it to listen on {host}, with --ipv6");
    }
    if (reach != 0) {
        return status_fail(detail, STATUS_ENVIRONMENT, "the server does not listen over IPv6");
    }
    uint16_t other = linux_net_listener(live->net);
    if (other != 0) {
        (void)snprintf(more, sizeof more, ": it listens on port %d", other);
    } else if (live->still_us != 0) {
        (void)snprintf(more, sizeof more, " and sleeps");
    } else {
        (void)snprintf(more, sizeof more, " within %d s (start_limit)",
                       (int)(start_limit_us(live) / 1000000));
    }
    return status_fail(detail, STATUS_ENVIRONMENT, "the server does not listen on port %d%s",
                       live->target->port, more);
}

/* A server is in service when it listens; one that sleeps before that is given time. True when
 * there is nothing to wait for. */
static bool has_started(struct linux_world *live)
{
    if (live->in_service) {
        return true;
    }
    bool v6 = live->setup.v6;
    unsigned reach = live->target->role == TRACE_ROLE_SERVER
                         ? linux_net_reach(live->net, live->target->port)
                         : LINUX_REACH_V4 | LINUX_REACH_V6;
    if ((reach & (v6 ? LINUX_REACH_V6 : LINUX_REACH_V4 | LINUX_REACH_V6)) != 0) {
        linux_net_speak_v6(live->net, v6 || (reach & LINUX_REACH_V4) == 0);
        enter_service(live);
        return true;
    }
    if (is_hopeless(live, live->started_us, start_limit_us(live))) {
        live->deaf = !was_played_on(live);
        enter_service(live);
        return true;
    }
    linux_time_wait(live, START_LOOK_US);
    return false;
}

static void stop(struct linux_world *live)
{
    live->stopping_us = linux_time_real_us();
    live->still_us = 0;
    live->goal.open = false;
    linux_tracer_unreaped(live->tracer);
    linux_tracer_stopping(live->tracer);
    (void)linux_tracer_signal(live->tracer, live->target->stop_signal, true);
}

void linux_world_rests(struct linux_world *live, bool rests)
{
    bool tells = live->rests != rests && live->hooks != NULL && live->hooks->on_rest != NULL;
    live->rests = rests;
    if (tells) {
        live->hooks->on_rest(live->hooks->context, rests);
    }
}

/* Waits for the end that was asked for; what does not end in time is ended. */
static void wait_for_end(struct linux_world *live)
{
    const struct linux_command *command = live->target->program;
    int64_t limit_us = command->stop_limit_us > 0 ? command->stop_limit_us : STOP_LIMIT_US;
    if (is_hopeless(live, live->stopping_us, limit_us)) {
        linux_tracer_end(live->tracer, TRACE_EXIT_JUMPED);
        return;
    }
    if (linux_time_real_us() - live->stopping_us >= STOP_LOOK_US) {
        linux_world_rests(live, true);
    }
    linux_time_wait(live, STOP_LOOK_US);
}

/* Bytes of memory; 0 where they would tell nothing, which the trace says then. */
static int64_t if_telling(struct linux_world *live, int64_t bytes)
{
    if (bytes < 0) {
        live->trace->header.observers &= ~(uint32_t)TRACE_SEES_HEAP;
    }
    return bytes < 0 ? 0 : bytes;
}

/* What grows with connections shows when none is open: after many, and then in steps of a fourth.
 */
static void note_memory(struct linux_world *live)
{
    uint32_t dialogues = linux_net_dialogues(live->net);
    if (dialogues < live->memory_at || !linux_net_rests(live->net)) {
        return;
    }
    int64_t bytes = if_telling(live, linux_tracer_memory(live->tracer));
    live->memory_at = dialogues + dialogues / 4;
    if ((live->trace->header.observers & TRACE_SEES_HEAP) != 0) {
        struct trace_event *event = trace_add(live->trace, TRACE_HEAP, TRACE_HOST_TARGET);
        event->flags = TRACE_SAMPLED;
        event->result = dialogues;
        event->b = bytes;
    }
}

static void run_target(struct linux_world *live)
{
    uint32_t events = 0;
    unsigned idle_rounds = 0;
    while (settle_target(live)) {
        if (!has_started(live) || (live->stopping_us == 0 && linux_time_step(live))) {
            continue;
        }
        if (live->deaf) {
            return;
        }
        if (live->stopping_us != 0) {
            wait_for_end(live);
            if (!linux_tracer_alive(live->tracer)) {
                return;
            }
            continue;
        }
        idle_rounds = live->trace->count == events ? idle_rounds + 1 : 0;
        events = live->trace->count;
        note_memory(live);
        enum world_next next = live->hooks->on_idle(live->hooks->context);
        linux_tracer_moved(live->tracer);
        linux_tracer_arm(live->tracer, live->hooks->armed);
        if (next == WORLD_STOP || idle_rounds > IDLE_ROUNDS_MAX) {
            stop(live);
        }
    }
}

/* Children that outlive the first process: those that were told to end get the time to do so. */
static void look_for_children(struct linux_world *live)
{
    int64_t until_us = linux_time_real_us() + LEFT_LIMIT_US;
    for (unsigned looks = 0; !linux_tracer_left(live->tracer) && linux_time_real_us() < until_us;
         looks++) {
        linux_time_rest(live, looks);
    }
}

static enum status world_run(struct world *world, const struct world_target *target,
                             struct world_hooks *hooks, struct status_detail *detail)
{
    struct linux_world *live = of(world);
    const struct linux_command *command = target->program;
    if (command == NULL || target->role == TRACE_ROLE_PAIR) {
        return status_fail(detail, STATUS_UNSUPPORTED, "the live world runs one command at a time");
    }
    struct linux_tracer_start start = {
        .argv = target->argv,
        .envp = command->environment,
        .folder = command->folder,
        .namespace_fd = linux_net_namespace(live->net, TRACE_HOST_TARGET),
        .input = command->input,
        .output = command->output,
        .stop_signal = target->stop_signal,
        .server = target->role == TRACE_ROLE_SERVER,
        .calls_max = target->calls_max,
    };
    live->hooks = hooks;
    live->target = target;
    live->goal.open = false;
    live->stopping_us = 0;
    live->in_service = false;
    live->deaf = false;
    linux_world_rests(live, false);
    live->still_us = 0;
    live->baseline = 0;
    live->started_us = linux_time_real_us();
    enum status status = linux_net_serve(
        live->net, target->role == TRACE_ROLE_SERVER ? TRACE_HOST_TARGET : TRACE_HOST_PEER,
        target->port, !was_played_on(live), detail);
    if (status == STATUS_OK) {
        status = linux_tracer_start(live->tracer, &start, live->trace, detail);
    }
    if (status == STATUS_OK) {
        linux_tracer_arm(live->tracer, hooks->armed);
        run_target(live);
        status = live->deaf ? fail_deaf(live, detail) : STATUS_OK;
        (void)linux_net_collect(live->net);
        if (!live->deaf) {
            look_for_children(live);
        }
        linux_tracer_end(live->tracer, TRACE_EXIT_JUMPED); /* children that are left */
        linux_net_sample(live->net, 0);
    }
    live->hooks = NULL;
    live->target = NULL;
    return status;
}

/* ---- Operations of the world itself ---- */

static void world_reset(struct world *world, struct trace *trace, uint64_t seed)
{
    struct linux_world *live = of(world);
    (void)seed; /* a kernel's choices are its own */
    live->trace = trace;
    live->goal.open = false;
    live->asked_us = 0;
    live->memory_at = MEMORY_FROM;
    linux_net_speak_v6(live->net, live->setup.v6);
    live->left_out_us = 0;
    linux_net_reset(live->net, trace);
}

static void world_settle(struct world *world)
{
    struct linux_world *live = of(world);
    do {
        do {
            (void)linux_net_collect(live->net);
        } while (deliver(live));
    } while (linux_time_step(live));
}

static bool world_advance(struct world *world, int64_t us, uint32_t wakeups_max)
{
    return linux_time_advance(of(world), us, wakeups_max);
}

static void world_run_on(struct world *world, int64_t us, uint32_t wakeups_max)
{
    linux_time_run_on(of(world), us, wakeups_max);
}

static bool world_ran_on(struct world *world)
{
    return linux_time_ran_on(of(world));
}

static int64_t world_now_us(struct world *world)
{
    return of(world)->trace->now_us;
}

/* The wall clock is everybody's. */
static bool world_clock_jump(struct world *world, int64_t us)
{
    (void)world;
    (void)us;
    return false;
}

/* Ready descriptors come in the order that the kernel chooses. */
static bool world_order(struct world *world, uint32_t permutation)
{
    (void)world;
    (void)permutation;
    return false;
}

static void world_heap(struct world *world, int64_t *ret_blocks, int64_t *ret_bytes)
{
    *ret_blocks = 0;
    *ret_bytes = if_telling(of(world), linux_tracer_resident(of(world)->tracer));
}

static void add_absent(struct linux_world *live, const char *what, const char *more)
{
    size_t used = strlen(live->absent);
    if (what[0] != '\0') {
        (void)snprintf(live->absent + used, sizeof live->absent - used, "%s%s%s",
                       used > 0 ? "; " : "", what, more);
    }
}

/* Which observers were refused, and why, in one sentence. What the target asks for itself is known
 * once it did. */
static const char *world_absent(struct world *world)
{
    struct linux_world *live = of(world);
    const char *traced = "";
    unsigned asked = linux_tracer_asked(live->tracer);
    (void)linux_tracer_observers(live->tracer, &traced);
    live->absent[0] = '\0';
    if (linux_net_is_shared()) {
        add_absent(live, share_reason.text,
                   ": it runs in the machine's own network, without a wire");
    }
    add_absent(live, traced, "");
    if ((asked & LINUX_ASKED_URING) != 0) {
        add_absent(live, "it asked for io_uring, which was refused (ENOSYS), as nobody can follow ",
                   "what goes through it");
    }
    if ((asked & LINUX_ASKED_AIO) != 0) {
        add_absent(live, "it moves bytes of its sockets with io_submit, which nobody can follow: ",
                   "from there on its calls were not seen");
    }
    return live->absent[0] != '\0' ? live->absent : NULL;
}

static void world_free(struct world *world)
{
    struct linux_world *live = of(world);
    if (live != NULL) {
        linux_tracer_free(live->tracer);
        linux_net_free(live->net);
        free(live);
    }
}

/* ---- Operations that a part does as they are ---- */

#define NET (of(world)->net)
#define TRACER (of(world)->tracer)

static int world_socket(struct world *world, enum trace_host host)
{
    return linux_net_socket(NET, host);
}
static int world_bind(struct world *world, int s, uint16_t port)
{
    return linux_net_bind(NET, s, port);
}
static int world_listen(struct world *world, int s, int backlog)
{
    return linux_net_listen(NET, s, backlog);
}
static int world_accept(struct world *world, int s)
{
    return linux_net_accept(NET, s);
}
static int world_connect(struct world *world, int s, uint16_t port)
{
    return linux_net_connect(NET, s, port);
}
static int64_t world_send(struct world *world, int s, const void *data, size_t size, int flags)
{
    return linux_net_send(NET, s, data, size, flags);
}
static int64_t world_recv(struct world *world, int s, void *data, size_t size, int flags)
{
    return linux_net_recv(NET, s, data, size, flags);
}
static int world_shutdown(struct world *world, int s, int how)
{
    return linux_net_shutdown(NET, s, how);
}
static int world_close(struct world *world, int s)
{
    return linux_net_close(NET, s);
}
static int world_abort(struct world *world, int s)
{
    return linux_net_abort(NET, s);
}
static int world_setsockopt(struct world *world, int s, enum world_option option, int value)
{
    return linux_net_setsockopt(NET, s, option, value);
}
static int world_getsockopt(struct world *world, int s, enum world_option option, int *ret_value)
{
    return linux_net_getsockopt(NET, s, option, ret_value);
}
static int world_poll(struct world *world, int s)
{
    return linux_net_poll(NET, s);
}
static int world_dup(struct world *world, int s)
{
    return linux_net_dup(NET, s);
}
static int world_next_ready(struct world *world, enum trace_host host)
{
    return linux_net_next_ready(NET, host);
}
static uint32_t world_conn(struct world *world, int s)
{
    return linux_net_conn_of(NET, s);
}
static enum tcp_state world_state(struct world *world, int s)
{
    return linux_net_state(NET, s);
}
static void world_wire_hold(struct world *world, enum world_direction direction, bool hold)
{
    linux_net_hold(NET, direction, hold);
}
static uint32_t world_wire_count(struct world *world, enum world_direction direction)
{
    return linux_net_count(NET, direction);
}
static int world_wire_deliver(struct world *world, enum world_direction direction, uint32_t index)
{
    return linux_net_wire_deliver(NET, direction, index);
}
static int world_wire_drop(struct world *world, enum world_direction direction, uint32_t index)
{
    return linux_net_wire_drop(NET, direction, index);
}
static int world_wire_duplicate(struct world *world, enum world_direction direction, uint32_t index)
{
    return linux_net_wire_duplicate(NET, direction, index);
}
static void world_wire_lose(struct world *world, enum scenario_segment kind, uint32_t count)
{
    linux_net_lose(NET, kind, count);
}
static void world_wire_cut(struct world *world, enum world_direction direction, bool cut)
{
    linux_net_cut(NET, direction, cut);
}
static int world_wire_inject(struct world *world, int s, enum scenario_segment kind,
                             enum world_direction direction)
{
    return linux_net_inject(NET, s, kind, direction);
}
static uint32_t world_connections(struct world *world)
{
    return linux_net_connections(NET);
}
static int world_fault_arm(struct world *world, const struct world_fault *fault)
{
    return linux_tracer_fault_arm(TRACER, fault);
}
static void world_fault_clear(struct world *world,
                              void (*unused)(void *context, uint16_t step, enum trace_noop reason),
                              void *context)
{
    linux_tracer_fault_clear(TRACER, unused, context);
}
static void world_descriptors_free(struct world *world, int free_count)
{
    linux_tracer_descriptors_free(TRACER, free_count);
}
static int world_signal(struct world *world, int number, bool even_if_fatal)
{
    return linux_tracer_signal(TRACER, number, even_if_fatal);
}
static int world_descriptors(struct world *world)
{
    return linux_tracer_descriptors(TRACER);
}

#undef NET
#undef TRACER

/* `observers` is what can be seen here, so each world has a table of its own. */
static const struct world_ops operations = {
    .name = "linux",
    .reset = world_reset,
    .run = world_run,
    .settle = world_settle,
    .deliver = world_deliver,
    .free = world_free,
    .socket = world_socket,
    .bind = world_bind,
    .listen = world_listen,
    .accept = world_accept,
    .connect = world_connect,
    .send = world_send,
    .recv = world_recv,
    .shutdown = world_shutdown,
    .close = world_close,
    .abort = world_abort,
    .setsockopt = world_setsockopt,
    .getsockopt = world_getsockopt,
    .poll = world_poll,
    .dup = world_dup,
    .next_ready = world_next_ready,
    .conn = world_conn,
    .state = world_state,
    .wire_hold = world_wire_hold,
    .wire_count = world_wire_count,
    .wire_deliver = world_wire_deliver,
    .wire_drop = world_wire_drop,
    .wire_duplicate = world_wire_duplicate,
    .wire_lose = world_wire_lose,
    .wire_cut = world_wire_cut,
    .wire_inject = world_wire_inject,
    .fault_arm = world_fault_arm,
    .fault_clear = world_fault_clear,
    .descriptors_free = world_descriptors_free,
    .order = world_order,
    .now_us = world_now_us,
    .advance = world_advance,
    .run_on = world_run_on,
    .ran_on = world_ran_on,
    .clock_jump = world_clock_jump,
    .signal = world_signal,
    .descriptors = world_descriptors,
    .heap = world_heap,
    .connections = world_connections,
    .absent = world_absent,
};

struct linux_world_with_ops {
    struct linux_world live;
    struct world_ops ops;
};

enum status linux_world_new(const struct linux_setup *setup, struct world **ret_world,
                            struct status_detail *detail)
{
    assert(setup != NULL && ret_world != NULL);
    struct linux_world_with_ops *both = calloc(1, sizeof *both);
    if (both == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "no memory for the live world");
    }
    struct linux_world *live = &both->live;
    live->setup = *setup;
    linux_tracer_share_processor();
    enum status status = linux_net_new(setup->kernel_timers, &live->net, detail);
    if (status == STATUS_OK) {
        struct linux_tracer_hooks hooks = {.context = live,
                                           .on_enter = on_enter,
                                           .before_events = before_events,
                                           .conn = conn_of_ports,
                                           .unread = unread};
        status = linux_tracer_new(&hooks, &live->tracer, detail);
    }
    if (status != STATUS_OK) {
        world_free(&live->world);
        return status;
    }
    const char *reason = NULL;
    both->ops = operations;
    linux_world_app_operations(&both->ops);
    both->ops.observers = linux_tracer_observers(live->tracer, &reason) | TRACE_SEES_STATES |
                          TRACE_SEES_BYTES | (linux_net_is_shared() ? 0 : TRACE_SEES_WIRE);
    live->world.ops = &both->ops;
    *ret_world = &live->world;
    return STATUS_OK;
}

/* In a child, which leaves nothing behind: whether all that a network of our own takes is to be
 * had.
 */
static enum status try_network(struct status_detail *detail)
{
    int channel[2];
    if (pipe2(channel, O_CLOEXEC) != 0) {
        return status_fail(detail, STATUS_ENVIRONMENT, "a pipe: %s", strerror(errno));
    }
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct linux_net *net = NULL;
        enum status status = linux_net_new(false, &net, detail);
        if (status != STATUS_OK) {
            (void)!write(channel[1], detail->text, strlen(detail->text) + 1);
        }
        _exit(status == STATUS_OK ? 0 : 1);
    }
    (void)close(channel[1]);
    int ended = -1;
    while (pid > 0 && waitpid(pid, &ended, 0) < 0 && errno == EINTR) {
    }
    char text[sizeof detail->text] = "";
    ssize_t size = read(channel[0], text, sizeof text - 1);
    (void)close(channel[0]);
    return ended == 0 ? STATUS_OK
                      : status_fail(detail, STATUS_ENVIRONMENT, "%s",
                                    size > 0 ? text : "the network could not be tried");
}

bool linux_world_choose_network(bool v6, uint16_t *ret_port)
{
    if (linux_net_is_shared() || try_network(&share_reason) == STATUS_OK) {
        return linux_net_is_shared();
    }
    linux_net_share();
    *ret_port = linux_net_free_port(v6);
    return true;
}

const char *linux_world_host(enum trace_role role, bool v6)
{
    return linux_net_address(role == TRACE_ROLE_CLIENT ? TRACE_HOST_PEER : TRACE_HOST_TARGET, v6);
}
