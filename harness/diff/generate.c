/* The walk: episodes that lead into a state, and single steps around them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/generate.h"

#include <assert.h>

#include "diff/walk.h"

/* Calls that the socket is not made for. */
static void misuse(struct walk *walk, unsigned id)
{
    switch (walk_below(walk, 6)) {
    case 0:
        WALK_PUT(APP_BIND, .id = (uint8_t)id, .from = walk_any_port(walk));
        break;
    case 1:
        WALK_PUT(APP_LISTEN, .id = (uint8_t)id, .from = walk_below(walk, 3));
        break;
    case 2:
        WALK_PUT(APP_CONNECT, .id = (uint8_t)id,
                 .from = walk->held || walk->sockets[id].defers || walk_chance(walk, 2)
                             ? WALK_PORT_UNUSED
                             : walk_any_port(walk));
        break;
    case 3:
        WALK_PUT(APP_DISCONNECT, .id = (uint8_t)id);
        break;
    case 4: /* nor is any descriptor that is none */
        WALK_PUT(APP_MISUSE, .what = (uint8_t)walk_below(walk, SCENARIO_CALL_COUNT),
                 .kind = walk_chance(walk, 2) ? SCENARIO_FILE : 0);
        break;
    default: {
        int name = walk_name(walk, walk->sockets[id].host, WALK_CONNECTED);
        if (name >= 0) {
            walk_accept(walk, (unsigned)id, name);
        }
        break;
    }
    }
}

/* Nothing arrives for a while. */
static void cut(struct walk *walk)
{
    if (walk->cut) {
        WALK_PUT(WIRE_MEND, .what = walk_any_direction(walk));
    } else {
        WALK_PUT(WIRE_CUT, .what = walk_any_direction(walk));
    }
    walk->cut = !walk->cut;
    walk->lossy = true;
}

/* Accepting fails while no descriptor is free. */
static void run_out(struct walk *walk)
{
    switch (walk_below(walk, 3)) {
    case 0:
        WALK_PUT(KERNEL_CLEAR);
        break;
    case 1:
        WALK_PUT(KERNEL_DESCRIPTORS, .from = SCENARIO_ALL);
        break;
    default:
        WALK_PUT(KERNEL_DESCRIPTORS, .from = 0);
        break;
    }
}

static void on_wire(struct walk *walk, unsigned id)
{
    unsigned what = walk_below(walk, 11);
    switch (what) {
    case 0:
    case 1:
        walk_hold(walk, walk_any_direction(walk));
        break;
    case 2:
        walk_release(walk);
        break;
    case 3:
        WALK_PUT(WIRE_RELEASE, .what = walk_any_direction(walk)); /* the rest may be held still */
        break;
    case 4:
        WALK_PUT(WIRE_DROP, .from = walk_below(walk, 3));
        break;
    case 5:
        WALK_PUT(WIRE_DUPLICATE, .from = walk_below(walk, 3));
        break;
    case 6:
        walk->lossy = true;
        WALK_PUT(WIRE_LOSE, .kind = (uint8_t)walk_below(walk, SCENARIO_SEGMENT_COUNT),
                 .from = 1 + walk_below(walk, 2));
        break;
    case 7:
        walk->forged = true;
        WALK_PUT(WIRE_INJECT, .id = (uint8_t)id,
                 .kind = (uint8_t)walk_below(walk, SCENARIO_SEGMENT_COUNT),
                 .what = walk_any_direction(walk));
        break;
    case 10:
        cut(walk);
        break;
    default:
        WALK_PUT(WIRE_DELIVER, .from = walk_below(walk, 3));
        break;
    }
}

/* The process that holds the sockets of a host dies, with all of them. */
static void die(struct walk *walk, unsigned host)
{
    WALK_PUT(APP_DIE, .kind = host != 0 ? SCENARIO_ON_PEER : 0);
    for (unsigned i = 0; i < walk->used; i++) {
        if (walk->sockets[i].host == host) {
            walk->sockets[i].kind = WALK_NOTHING;
        }
    }
}

/* The network says that what the socket sent did not arrive; asked at once, for how long Linux
 * remembers a soft error follows its header prediction. */
static void unreachable(struct walk *walk, unsigned id)
{
    WALK_PUT(APP_UNREACHABLE, .id = (uint8_t)id, .from = walk_below(walk, 16));
    WALK_PUT(APP_GET, .id = (uint8_t)id, .what = SCENARIO_OPTION_SO_ERROR);
}

/* A receive that waits: for a signal, or until its limit is over. */
static void receive_slowly(struct walk *walk, unsigned id)
{
    bool interrupted = !walk_chance(walk, 4); /* the limit takes its time */
    if (!interrupted) {
        WALK_PUT(APP_OPTION, .id = (uint8_t)id, .what = SCENARIO_OPTION_SO_RCVTIMEO,
                 .from = WALK_TICKS_MS * (1 + walk_below(walk, 2)));
    }
    WALK_PUT(APP_BLOCKING, .id = (uint8_t)id, .what = SCENARIO_CALL_RECV,
             .from = walk_any_size(walk), .kind = interrupted ? SCENARIO_INTERRUPTED : 0);
}

/* A send that may wait, of so little that there is room for it. */
static void send_slowly(struct walk *walk, unsigned id)
{
    uint32_t size = 1 + walk_below(walk, 400);
    WALK_PUT(APP_OPTION, .id = (uint8_t)id, .what = SCENARIO_OPTION_SO_SNDTIMEO,
             .from = WALK_TICKS_MS * (1 + walk_below(walk, 2)));
    WALK_PUT(APP_BLOCKING, .id = (uint8_t)id, .what = SCENARIO_CALL_SEND, .from = size);
    walk->bytes += size;
}

/* A close that waits for what was sent. */
static void close_slowly(struct walk *walk, unsigned id)
{
    WALK_PUT(APP_LINGER, .id = (uint8_t)id, .from = walk_below(walk, 2));
    WALK_PUT(APP_BLOCKING, .id = (uint8_t)id, .what = SCENARIO_CALL_CLOSE);
    walk->sockets[id].kind = WALK_NOTHING;
}

/* Calls that wait take real time. So that it decides nothing, nothing may be under way, nor be sent
 * again. */
static void blocking(struct walk *walk, unsigned id)
{
    if (walk->held || walk->lossy || walk->forged || walk->unheard) {
        walk_look(walk, id);
        return;
    }
    switch (walk_below(walk, 3)) {
    case 0:
        close_slowly(walk, id);
        break;
    case 1:
        send_slowly(walk, id);
        break;
    default:
        receive_slowly(walk, id);
        break;
    }
}

/* One step on a socket that is there. */
static void step(struct walk *walk)
{
    int connected = walk_any(walk, WALK_CONNECTED);
    int any = walk_any(walk, WALK_NOTHING);
    int id = connected >= 0 && !walk_chance(walk, 5) ? connected : any;
    if (id < 0) {
        walk_episode_open(walk);
        return;
    }
    if (walk_chance(walk, 200)) {
        WALK_PUT(APP_COOKIES, .kind = walk_chance(walk, 2) ? SCENARIO_ON_PEER : 0);
        return;
    }
    if (walk_chance(walk, 200)) {
        blocking(walk, (unsigned)id);
        return;
    }
    if (walk_chance(walk, 200)) {
        die(walk, walk->sockets[id].host);
        return;
    }
    unsigned what = walk_below(walk, 103);
    if (what < 18) {
        walk_send(walk, (unsigned)id);
    } else if (what < 32) {
        walk_recv(walk, (unsigned)id);
    } else if (what < 46) {
        walk_look(walk, (unsigned)id);
    } else if (what < 54) {
        walk_watch(walk, (unsigned)id);
    } else if (what < 58) {
        walk_set_option(walk, (unsigned)id);
    } else if (what < 61) {
        WALK_PUT(APP_URGENT, .id = (uint8_t)id);
    } else if (what < 68) {
        walk_shutdown(walk, (unsigned)id);
    } else if (what < 75) {
        walk_end(walk, (unsigned)id);
    } else if (what < 80) {
        misuse(walk, (unsigned)any);
    } else if (what < 100) {
        on_wire(walk, (unsigned)id);
    } else if (what < 102) {
        run_out(walk);
    } else {
        unreachable(walk, (unsigned)id);
    }
}

void diff_generate(struct scenario *ret_scenario, struct random *random,
                   const struct diff_shape *shape)
{
    static void (*const episodes[])(struct walk *) = {
        walk_episode_open,    walk_episode_open,      walk_episode_open,      walk_episode_open,
        walk_episode_open,    walk_episode_open,      walk_episode_refused,   walk_episode_refused,
        walk_episode_at_once, walk_episode_at_once,   walk_episode_close,     walk_episode_close,
        walk_episode_close,   walk_episode_close,     walk_episode_handshake, walk_episode_again,
        walk_episode_again,   walk_episode_handshake, walk_episode_copy,      walk_episode_copy,
        walk_episode_full,    walk_episode_short};
    struct walk walk = {.scenario = ret_scenario, .random = random};
    assert(shape->steps_min <= shape->steps_max &&
           shape->steps_max + WALK_ROOM <= SCENARIO_STEPS_MAX);
    scenario_clear(ret_scenario);
    unsigned goal =
        shape->steps_min + random_below(random, shape->steps_max - shape->steps_min + 1);
    walk_episode_open(&walk);
    while (ret_scenario->count < goal) {
        if (walk_chance(&walk, 8)) {
            episodes[random_below(random, sizeof(episodes) / sizeof(episodes[0]))](&walk);
        } else {
            step(&walk);
        }
    }
}
