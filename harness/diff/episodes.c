/* Several steps that lead into a state which single ones seldom reach. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/walk.h"

static void reuse(struct walk *walk, int id)
{
    if (!walk_chance(walk, 4)) {
        WALK_PUT(APP_OPTION, .id = (uint8_t)id, .what = SCENARIO_OPTION_SO_REUSEADDR, .from = 1);
    }
}

static int listener_on(struct walk *walk, unsigned host)
{
    int id = walk_socket(walk, host);
    if (id < 0) {
        return id;
    }
    struct walk_guess *guess = &walk->sockets[id];
    reuse(walk, id);
    guess->port = walk_chance(walk, 3) ? walk_any_port(walk) : (uint16_t)(WALK_PORT_OWN + id);
    guess->kind = WALK_LISTENING;
    WALK_PUT(APP_BIND, .id = (uint8_t)id, .from = guess->port);
    if (walk_chance(walk, 8)) {
        walk_set_option(walk, (unsigned)id);
    }
    WALK_PUT(APP_LISTEN, .id = (uint8_t)id, .from = walk_chance(walk, 3) ? walk_below(walk, 3) : 8);
    return id;
}

static int listener(struct walk *walk)
{
    int id = walk_any(walk, WALK_LISTENING);
    return id >= 0 && !walk_chance(walk, 5) ? id : listener_on(walk, walk_below(walk, 2));
}

/* Another socket connects to the listener; mostly it is accepted. */
static void connect_to(struct walk *walk, int to, bool accepts)
{
    if (to < 0) {
        return;
    }
    bool own = walk_chance(walk, 10);
    unsigned host = own ? walk->sockets[to].host : 1U - walk->sockets[to].host;
    int id = walk_socket(walk, host);
    if (id < 0) {
        return;
    }
    if (!walk_chance(walk, 8)) {
        WALK_PUT(APP_OPTION, .id = (uint8_t)id, .what = SCENARIO_OPTION_TCP_NODELAY, .from = 1);
    }
    if (walk_chance(walk, 5)) {
        walk_set_option(walk, (unsigned)id);
    }
    if (walk_chance(walk, 5)) {
        reuse(walk, id);
        walk->sockets[id].port = (uint16_t)(WALK_PORT_OWN + id);
        WALK_PUT(APP_BIND, .id = (uint8_t)id, .from = walk->sockets[id].port);
    }
    WALK_PUT(APP_CONNECT, .id = (uint8_t)id, .from = walk->sockets[to].port,
             .kind = own ? SCENARIO_OWN : 0);
    walk->sockets[id].kind = walk->held && !own ? WALK_CONNECTING : WALK_CONNECTED;
    int accepted = accepts ? walk_name(walk, walk->sockets[to].host, WALK_CONNECTED) : -1;
    if (accepted >= 0) {
        walk->sockets[id].other = (uint8_t)(accepted + 1);
        walk->sockets[accepted].other = (uint8_t)(id + 1);
        walk_accept(walk, (unsigned)to, accepted);
        if (!walk_chance(walk, 4)) {
            WALK_PUT(APP_OPTION, .id = (uint8_t)accepted, .what = SCENARIO_OPTION_TCP_NODELAY,
                     .from = 1);
        }
    }
}

void walk_episode_open(struct walk *walk)
{
    connect_to(walk, listener(walk), !walk_chance(walk, 5));
}

void walk_episode_refused(struct walk *walk)
{
    int id = walk_socket(walk, walk_below(walk, 2));
    if (id >= 0) {
        WALK_PUT(APP_CONNECT, .id = (uint8_t)id, .from = WALK_PORT_UNUSED);
        walk_look(walk, (unsigned)id);
        walk->sockets[id].kind = WALK_OVER;
    }
}

void walk_episode_at_once(struct walk *walk)
{
    int a = walk_socket(walk, 0);
    int b = walk_socket(walk, 1);
    if (a < 0 || b < 0) {
        return;
    }
    uint16_t port_a = (uint16_t)(WALK_PORT_OWN + a);
    uint16_t port_b = (uint16_t)(WALK_PORT_OWN + b);
    reuse(walk, a);
    reuse(walk, b);
    WALK_PUT(APP_BIND, .id = (uint8_t)a, .from = port_a);
    WALK_PUT(APP_BIND, .id = (uint8_t)b, .from = port_b);
    walk_hold(walk, SCENARIO_BOTH);
    WALK_PUT(APP_CONNECT, .id = (uint8_t)a, .from = port_b);
    WALK_PUT(APP_CONNECT, .id = (uint8_t)b, .from = port_a);
    if (walk_chance(walk, 2)) {
        WALK_PUT(WIRE_DELIVER, .from = walk_below(walk, 2));
    }
    if (!walk_chance(walk, 4)) {
        walk_release(walk);
    }
    walk->sockets[a].kind = walk->sockets[b].kind = walk->held ? WALK_CONNECTING : WALK_CONNECTED;
}

void walk_episode_handshake(struct walk *walk)
{
    int to = listener(walk);
    walk_hold(walk, walk_any_direction(walk));
    connect_to(walk, to, false);
    for (unsigned i = walk_below(walk, 4); i > 0; i--) {
        WALK_PUT(WIRE_DELIVER, .from = 0);
    }
    int id = walk_any(walk, WALK_CONNECTING);
    if (id >= 0 && walk_chance(walk, 3)) {
        walk->forged = true;
        WALK_PUT(WIRE_INJECT, .id = (uint8_t)id,
                 .kind = (uint8_t)walk_below(walk, SCENARIO_SEGMENT_COUNT),
                 .what = walk_any_direction(walk));
    }
    if (id >= 0 && walk_chance(walk, 3)) {
        walk_chance(walk, 2) ? walk_end(walk, (unsigned)id) : walk_shutdown(walk, (unsigned)id);
    }
    if (!walk_chance(walk, 3)) {
        walk_release(walk);
    }
    int accepted = to >= 0 ? walk_name(walk, walk->sockets[to].host, WALK_CONNECTED) : -1;
    if (accepted >= 0) {
        walk_accept(walk, (unsigned)to, accepted);
    }
}

void walk_episode_close(struct walk *walk)
{
    int a = walk_any(walk, WALK_CONNECTED);
    int b = walk_any(walk, WALK_CONNECTED);
    if (a < 0) {
        walk_episode_open(walk);
        return;
    }
    if (!walk_chance(walk, 3)) {
        walk_hold(walk, walk_any_direction(walk));
    }
    walk_chance(walk, 3) ? walk_end(walk, (unsigned)a) : walk_shutdown(walk, (unsigned)a);
    if (walk_chance(walk, 2)) {
        WALK_PUT(WIRE_DELIVER, .from = walk_below(walk, 2));
    }
    if (b != a) {
        walk_chance(walk, 3) ? walk_end(walk, (unsigned)b) : walk_shutdown(walk, (unsigned)b);
    }
    for (unsigned i = walk_below(walk, 4); i > 0; i--) {
        WALK_PUT(WIRE_DELIVER, .from = walk_below(walk, 2));
    }
    int id = walk_any(walk, WALK_CONNECTED);
    if (id >= 0 && walk_chance(walk, 2)) {
        walk->forged = true;
        WALK_PUT(WIRE_INJECT, .id = (uint8_t)id,
                 .kind = (uint8_t)walk_below(walk, SCENARIO_SEGMENT_COUNT),
                 .what = walk_any_direction(walk));
    }
    if (!walk_chance(walk, 3)) {
        walk_release(walk);
    }
}

/* Both ends of a connection end, or one, or none: its pair of ports is free then, in TIME-WAIT, or
 * held by what is left of it. */
static void end_some(struct walk *walk, int id, int accepted)
{
    unsigned first = accepted >= 0 && walk_chance(walk, 2) ? (unsigned)accepted : (unsigned)id;
    unsigned second = first == (unsigned)id && accepted >= 0 ? (unsigned)accepted : (unsigned)id;
    unsigned left = walk_below(walk, 5);
    if (left < 4) {
        walk_end(walk, first);
    }
    if (left < 3 && second != first) {
        walk_end(walk, second);
    }
}

/* A new socket on this port connects to that of the listener. */
static void connect_from(struct walk *walk, int id, uint16_t port, int to)
{
    WALK_PUT(APP_OPTION, .id = (uint8_t)id, .what = SCENARIO_OPTION_SO_REUSEADDR, .from = 1);
    WALK_PUT(APP_BIND, .id = (uint8_t)id, .from = port);
    WALK_PUT(APP_CONNECT, .id = (uint8_t)id, .from = walk->sockets[to].port);
    walk->sockets[id].port = port;
    walk->sockets[id].kind = WALK_CONNECTED;
}

void walk_episode_again(struct walk *walk)
{
    int to = listener_on(walk, walk_below(walk, 2)); /* with an empty queue */
    int id = to >= 0 ? walk_socket(walk, 1U - walk->sockets[to].host) : -1;
    if (id < 0) {
        return;
    }
    uint16_t port = (uint16_t)(WALK_PORT_OWN + id);
    if (walk->held) {
        walk_release(walk); /* nobody could tell the two connections' segments apart */
    }
    connect_from(walk, id, port, to);
    int accepted = walk_name(walk, walk->sockets[to].host, WALK_CONNECTED);
    if (accepted >= 0) {
        walk_accept(walk, (unsigned)to, accepted);
    }
    /* One end may never learn of the other's: then it answers the new SYN, and an RST ends it. */
    bool unheard = !walk->lossy && !walk->sockets[to].defers && walk_chance(walk, 3);
    if (unheard) {
        walk->unheard = true;
        WALK_PUT(WIRE_CUT, .what = walk_any_direction(walk));
    }
    end_some(walk, id, accepted);
    if (unheard) {
        WALK_PUT(WIRE_MEND, .what = SCENARIO_BOTH);
    }
    /* An end that was in SYN-RECEIVED when something was lost may be there still; what the second
     * SYN is to it depends on how far apart in time the two initial sequence numbers were drawn. */
    int again = walk->lossy ? -1 : walk_socket(walk, 1U - walk->sockets[to].host);
    if (again >= 0) {
        connect_from(walk, again, port, to);
    }
}

void walk_episode_full(struct walk *walk)
{
    int id = walk_any(walk, WALK_CONNECTED);
    if (id < 0 || walk->bytes > WALK_BEFORE_FULL) {
        walk_episode_open(walk);
        return;
    }
    WALK_PUT(APP_OPTION, .id = (uint8_t)id, .what = SCENARIO_OPTION_SO_SNDBUF,
             .from = walk_below(walk, 6000));
    if (walk_chance(walk, 2)) {
        walk_watch(walk, (unsigned)id);
    }
    walk_hold(walk, walk_any_direction(walk));
    for (unsigned i = 2 + walk_below(walk, 3); i > 0; i--) {
        uint32_t size = walk->forged || walk_chance(walk, 3) ? walk_any_size(walk)
                                                             : 1000 + walk_below(walk, WALK_BIG);
        walk_send_fill(walk, (unsigned)id, size, 1);
        walk_look(walk, (unsigned)id);
    }
    for (unsigned i = walk_below(walk, 5); i > 0; i--) {
        WALK_PUT(WIRE_DELIVER, .from = walk_below(walk, 3));
        walk_look(walk, (unsigned)id);
    }
    walk_release(walk);
    WALK_PUT(APP_WAIT, .kind = walk->sockets[id].host != 0 ? SCENARIO_ON_PEER : 0);
    walk_send(walk, (unsigned)id);
}

void walk_episode_short(struct walk *walk)
{
    int id = walk_any(walk, WALK_CONNECTED);
    if (id < 0 || walk->lossy || walk->sockets[id].other == 0 || walk->bytes > WALK_BEFORE_FULL) {
        walk_episode_open(walk);
        return;
    }
    if (walk->held) {
        walk_release(walk);
    }
    WALK_PUT(APP_OPTION, .id = (uint8_t)id, .what = SCENARIO_OPTION_SO_SNDBUF,
             .from = walk_below(walk, 6000));
    WALK_PUT(APP_RECV, .id = (uint8_t)(walk->sockets[id].other - 1), .from = 100000);
    walk_send_fill(walk, (unsigned)id, WALK_HUGE_SIZE, 1);
    WALK_PUT(APP_POLL, .id = (uint8_t)id);
    WALK_PUT(APP_RECV, .id = (uint8_t)(walk->sockets[id].other - 1), .from = 100000);
}

void walk_episode_copy(struct walk *walk)
{
    int id = walk_any(walk, WALK_NOTHING);
    int copy = id >= 0 ? walk_name(walk, walk->sockets[id].host, WALK_NOTHING) : -1;
    if (copy >= 0) {
        walk->sockets[copy] = walk->sockets[id];
        WALK_PUT(APP_DUP, .id = (uint8_t)id, .from = (uint32_t)copy);
        walk_watch(walk, (unsigned)copy);
        if (walk_chance(walk, 2)) {
            walk_end(walk, (unsigned)(walk_chance(walk, 2) ? id : copy));
        }
    }
}
