/* A walk that makes up a scenario: what its sockets probably are, the steps on them, and the
 * episodes that lead into a state. A step goes to the end of the scenario. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_DIFF_WALK_H
#define SOCKSPEC_DIFF_WALK_H

#include "base/random.h"
#include "diff/generate.h"
#include "scenario/scenario.h"

enum {
    WALK_PORT_FIRST = 7001, /* of both hosts */
    WALK_PORTS = 4,
    WALK_PORT_OWN = 7100, /* and the name of the socket: used once */
    WALK_PORT_UNUSED = 7999,
    WALK_NAMES = 20,         /* sockets of one scenario */
    WALK_UNREAD_MAX = 28000, /* half a window, which nobody needs to open */
    WALK_BEFORE_FULL = 8000, /* bytes sent so far, before a send buffer is filled */
    WALK_BIG = 4000,
    WALK_TICKS_MS = 20,     /* a whole number of ticks of any kernel's clock */
    WALK_HUGE_SIZE = 40000, /* more than one buffer of Linux: a send may come short */
    WALK_ROOM = 24          /* steps that one episode may need beyond the limit */
};

/* What a socket probably is. */
enum walk_kind {
    WALK_NOTHING,
    WALK_FRESH,
    WALK_BOUND,
    WALK_LISTENING,
    WALK_CONNECTING,
    WALK_CONNECTED,
    WALK_OVER
};

struct walk_guess {
    uint8_t kind;
    uint8_t host;  /* 0 target, 1 peer */
    uint8_t other; /* the other end's name plus 1; 0: unknown */
    bool defers;   /* TCP_DEFER_ACCEPT may be set */
    uint16_t port;
};

struct walk {
    struct scenario *scenario;
    struct random *random;
    struct walk_guess sockets[WALK_NAMES];
    unsigned used;
    bool held;
    bool cut;       /* in one direction at least */
    uint32_t bytes; /* that were sent so far */
    bool lossy;     /* something was or will be lost */
    bool unheard;   /* an end may not know that its connection is over */
    bool forged;    /* a SYN may be forged, which tells no segment's size */
};

static inline uint32_t walk_below(struct walk *walk, uint32_t limit)
{
    return random_below(walk->random, limit);
}

static inline bool walk_chance(struct walk *walk, uint32_t one_in)
{
    return walk_below(walk, one_in) == 0;
}

/* Appends a step; what no longer fits is left out. */
void walk_put(struct walk *walk, struct scenario_step step, const char *literal);
/* A new name for a socket of this host; -1: there is none left. */
int walk_name(struct walk *walk, unsigned host, enum walk_kind kind);
/* The same, and the step that makes it. */
int walk_socket(struct walk *walk, unsigned host);
/* One of those that are of this kind; any that was made where `kind` is WALK_NOTHING. -1: none. */
int walk_any(struct walk *walk, enum walk_kind kind);
/* Numbers as the steps need them. */
uint16_t walk_any_port(struct walk *walk);
uint32_t walk_any_size(struct walk *walk);
/* Steps on a socket, and on the wire. Accepts a connection of the listener as that name. */
void walk_accept(struct walk *walk, unsigned listener, int name);
void walk_send_fill(struct walk *walk, unsigned id, uint32_t size, uint8_t times);
void walk_send(struct walk *walk, unsigned id);
void walk_recv(struct walk *walk, unsigned id);
void walk_shutdown(struct walk *walk, unsigned id);
void walk_end(struct walk *walk, unsigned id);
void walk_hold(struct walk *walk, uint8_t direction);
void walk_release(struct walk *walk);
uint8_t walk_any_direction(struct walk *walk);
/* Any option, any question, any registration. */
void walk_set_option(struct walk *walk, unsigned id);
void walk_look(struct walk *walk, unsigned id);
void walk_watch(struct walk *walk, unsigned id);

#define WALK_PUT(verb_, ...)                                                                       \
    walk_put(walk, (struct scenario_step){.verb = SCENARIO_##verb_, __VA_ARGS__}, NULL)

/* ---- episodes.c ---- */

/* A connection that is made, mostly accepted; one that is refused; one from both ends at once. */
void walk_episode_open(struct walk *walk);
void walk_episode_refused(struct walk *walk);
void walk_episode_at_once(struct walk *walk);
/* The handshake step by step: what is held, delivered, lost, forged between its segments. */
void walk_episode_handshake(struct walk *walk);
/* One end, or both, close while segments are held: FIN-WAIT-1, CLOSING, LAST-ACK and what follows.
 */
void walk_episode_close(struct walk *walk);
/* The same pair of ports again, right after its connection ended, or while it is there still. */
void walk_episode_again(struct walk *walk);
/* More than the send buffer takes, while nothing is acknowledged; then all of it goes. */
void walk_episode_full(struct walk *walk);
/* More than one buffer of Linux, so that a send comes short; read at once, for whether a window
 * that was more than half closed is told of at once is the receiver's choice. */
void walk_episode_short(struct walk *walk);
/* A second descriptor of a socket; mostly one of them goes. */
void walk_episode_copy(struct walk *walk);

#endif
