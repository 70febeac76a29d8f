/* The walk: episodes that lead into a state, and single steps around them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/generate.h"

#include <assert.h>
#include <string.h>

enum {
    PORT_FIRST = 7001, /* of both hosts */
    PORTS = 4,
    PORT_OWN = 7100, /* and the name of the socket: used once */
    PORT_UNUSED = 7999,
    NAMES = 20,         /* sockets of one scenario */
    UNREAD_MAX = 28000, /* bytes that may lie unread: half a window, which nobody needs to open */
    BEFORE_FULL = 8000, /* of these, before a send buffer is filled */
    BIG = 4000,
    HUGE_SIZE = 40000, /* more than one buffer of Linux: a send may come short */
    ROOM = 24          /* steps that one episode may need beyond the limit */
};

/* What a socket probably is. */
enum kind { NOTHING, FRESH, BOUND, LISTENING, CONNECTING, CONNECTED, OVER };

struct guess {
    uint8_t kind;
    uint8_t host;  /* 0 target, 1 peer */
    uint8_t other; /* the other end's name plus 1; 0: unknown */
    bool defers;   /* TCP_DEFER_ACCEPT may be set */
    uint16_t port;
};

struct walk {
    struct scenario *scenario;
    struct random *random;
    struct guess sockets[NAMES];
    unsigned used;
    bool held;
    bool cut;       /* in one direction at least */
    uint32_t bytes; /* that were sent so far */
    bool lossy;     /* something was or will be lost */
    bool forged;    /* a SYN may be forged, which tells no segment's size */
};

static uint32_t below(struct walk *walk, uint32_t limit)
{
    return random_below(walk->random, limit);
}

static bool chance(struct walk *walk, uint32_t one_in)
{
    return below(walk, one_in) == 0;
}

/* ---- Steps ---- */

static void put(struct walk *walk, struct scenario_step step, const char *literal)
{
    step.literal_size = (uint16_t)(literal != NULL ? strlen(literal) : 0);
    enum status status = scenario_append(walk->scenario, &step, (const uint8_t *)literal);
    (void)status; /* what no longer fits is left out */
}

#define PUT(verb_, ...)                                                                            \
    put(walk, (struct scenario_step){.verb = SCENARIO_##verb_, __VA_ARGS__}, NULL)

static int new_name(struct walk *walk, unsigned host, enum kind kind)
{
    if (walk->used == NAMES) {
        return -1;
    }
    walk->sockets[walk->used] = (struct guess){.kind = (uint8_t)kind, .host = (uint8_t)host};
    return (int)walk->used++;
}

static int new_socket(struct walk *walk, unsigned host)
{
    int id = new_name(walk, host, FRESH);
    if (id >= 0) {
        PUT(APP_SOCKET, .id = (uint8_t)id, .kind = host != 0 ? SCENARIO_ON_PEER : 0);
    }
    return id;
}

/* One of those that are of this kind; any that was made where `kind` is NOTHING. -1: none. */
static int any_of(struct walk *walk, enum kind kind)
{
    int found = -1;
    unsigned seen = 0;
    for (unsigned i = 0; i < walk->used; i++) {
        bool fits =
            walk->sockets[i].kind == kind || (kind == NOTHING && walk->sockets[i].kind != NOTHING);
        if (fits && below(walk, ++seen) == 0) {
            found = (int)i;
        }
    }
    return found;
}

static uint16_t any_port(struct walk *walk)
{
    return (uint16_t)(PORT_FIRST + below(walk, PORTS));
}

static uint32_t any_size(struct walk *walk)
{
    static const uint16_t sizes[] = {1, 2, 3, 10, 100, 536, 1000, 1460, 1461, 2000, 3000};
    if (walk->forged || walk->bytes > UNREAD_MAX) {
        return 1 + below(walk, 500);
    }
    return chance(walk, 3) ? 1 + below(walk, 400)
                           : sizes[below(walk, sizeof(sizes) / sizeof(sizes[0]))];
}

static void send_fill(struct walk *walk, unsigned id, uint32_t size, uint8_t times)
{
    PUT(APP_SEND, .id = (uint8_t)id, .what = SCENARIO_PAYLOAD_FILL, .from = size, .repeat = times);
    walk->bytes += size * times;
}

static void send_some(struct walk *walk, unsigned id)
{
    static const char *const texts[] = {"a", "hello", "0123456789"};
    if (chance(walk, 4)) {
        put(walk,
            (struct scenario_step){.verb = SCENARIO_APP_SEND,
                                   .id = (uint8_t)id,
                                   .what = SCENARIO_PAYLOAD_LITERAL,
                                   .repeat = 1},
            texts[below(walk, 3)]);
        return;
    }
    send_fill(walk, id, any_size(walk), chance(walk, 6) ? 2 : 1);
}

static void recv_some(struct walk *walk, unsigned id)
{
    uint8_t words = 0;
    if (chance(walk, 3)) {
        words = (uint8_t)(1U << below(walk, 3));
    }
    PUT(APP_RECV, .id = (uint8_t)id,
        .from = chance(walk, 2) ? 100000 : any_size(walk) - (chance(walk, 20) ? 1 : 0),
        .kind = words);
}

static void shut(struct walk *walk, unsigned id)
{
    PUT(APP_SHUTDOWN, .id = (uint8_t)id,
        .what = chance(walk, 2) ? SCENARIO_HOW_WRITE : (uint8_t)below(walk, SCENARIO_HOW_COUNT));
}

static void end(struct walk *walk, unsigned id)
{
    if (chance(walk, 4)) {
        PUT(APP_RESET, .id = (uint8_t)id);
    } else {
        PUT(APP_CLOSE, .id = (uint8_t)id);
    }
    walk->sockets[id].kind = NOTHING;
}

static void hold(struct walk *walk, uint8_t direction)
{
    PUT(WIRE_HOLD, .what = direction);
    walk->held = true;
}

static void release(struct walk *walk)
{
    PUT(WIRE_RELEASE, .what = SCENARIO_BOTH);
    walk->held = false;
}

static uint8_t any_direction(struct walk *walk)
{
    return (uint8_t)below(walk, SCENARIO_DIRECTION_COUNT);
}

/* ---- Options ---- */

static void set_option(struct walk *walk, unsigned id)
{
    static const uint8_t options[] = {
        SCENARIO_OPTION_SO_LINGER,        SCENARIO_OPTION_SO_LINGER,
        SCENARIO_OPTION_SO_KEEPALIVE,     SCENARIO_OPTION_SO_REUSEADDR,
        SCENARIO_OPTION_SO_REUSEPORT,     SCENARIO_OPTION_SO_OOBINLINE,
        SCENARIO_OPTION_SO_RCVLOWAT,      SCENARIO_OPTION_TCP_NODELAY,
        SCENARIO_OPTION_TCP_KEEPIDLE,     SCENARIO_OPTION_TCP_KEEPINTVL,
        SCENARIO_OPTION_TCP_KEEPCNT,      SCENARIO_OPTION_TCP_USER_TIMEOUT,
        SCENARIO_OPTION_TCP_LINGER2,      SCENARIO_OPTION_TCP_SYNCNT,
        SCENARIO_OPTION_SO_ERROR,         SCENARIO_OPTION_TCP_INFO,
        SCENARIO_OPTION_TCP_DEFER_ACCEPT, SCENARIO_OPTION_SO_ACCEPTCONN,
        SCENARIO_OPTION_TCP_CORK,         SCENARIO_OPTION_TCP_CORK,
        SCENARIO_OPTION_SO_RCVBUF,        SCENARIO_OPTION_SO_SNDBUF};
    uint8_t option = options[below(walk, sizeof(options) / sizeof(options[0]))];
    uint32_t value = chance(walk, 6)   ? SCENARIO_ALL
                     : chance(walk, 4) ? below(walk, 300)
                                       : below(walk, 3);
    if (option == SCENARIO_OPTION_SO_RCVBUF) {
        value = 1U << (16 + below(walk, 8)); /* a window that closes is the receiver's choice */
    }
    if (option == SCENARIO_OPTION_SO_SNDBUF) {
        value = chance(walk, 4) ? value : below(walk, 9000);
    }
    if (option == SCENARIO_OPTION_SO_RCVLOWAT) {
        value = below(walk, 20);
    }
    if (option == SCENARIO_OPTION_SO_LINGER && value != SCENARIO_ALL && chance(walk, 2)) {
        PUT(APP_LINGER, .id = (uint8_t)id, .from = value);
        return;
    }
    if (option == SCENARIO_OPTION_TCP_DEFER_ACCEPT) {
        /* An end that connects would put its acknowledgment off by 200 ms of the kernel's clock. */
        bool listens = walk->sockets[id].kind == LISTENING;
        walk->sockets[id].defers = listens;
        value = listens ? value : 0;
    }
    PUT(APP_OPTION, .id = (uint8_t)id, .what = option, .from = value);
}

static void look(struct walk *walk, unsigned id)
{
    switch (below(walk, 8)) {
    case 0:
        PUT(APP_NAMES, .id = (uint8_t)id);
        break;
    case 1:
        PUT(APP_FLAGS, .id = (uint8_t)id);
        break;
    case 2:
        PUT(APP_GET, .id = (uint8_t)id, .what = SCENARIO_OPTION_SO_ERROR);
        break;
    case 3:
        PUT(APP_GET, .id = (uint8_t)id, .what = SCENARIO_OPTION_TCP_INFO);
        break;
    case 4:
        PUT(APP_GET, .id = (uint8_t)id, .what = (uint8_t)below(walk, SCENARIO_OPTION_COUNT));
        break;
    default:
        PUT(APP_POLL, .id = (uint8_t)id);
        break;
    }
}

static void watch(struct walk *walk, unsigned id)
{
    if (chance(walk, 2)) {
        PUT(APP_WAIT, .kind = walk->sockets[id].host != 0 ? SCENARIO_ON_PEER : 0);
    } else {
        PUT(APP_WATCH, .id = (uint8_t)id, .kind = (uint8_t)below(walk, 16));
    }
}

/* ---- Episodes ---- */

static void reuse(struct walk *walk, int id)
{
    if (!chance(walk, 4)) {
        PUT(APP_OPTION, .id = (uint8_t)id, .what = SCENARIO_OPTION_SO_REUSEADDR, .from = 1);
    }
}

static int listener_on(struct walk *walk, unsigned host)
{
    int id = new_socket(walk, host);
    if (id < 0) {
        return id;
    }
    struct guess *guess = &walk->sockets[id];
    reuse(walk, id);
    guess->port = chance(walk, 3) ? any_port(walk) : (uint16_t)(PORT_OWN + id);
    guess->kind = LISTENING;
    PUT(APP_BIND, .id = (uint8_t)id, .from = guess->port);
    if (chance(walk, 8)) {
        set_option(walk, (unsigned)id);
    }
    PUT(APP_LISTEN, .id = (uint8_t)id, .from = chance(walk, 3) ? below(walk, 3) : 8);
    return id;
}

static int listener(struct walk *walk)
{
    int id = any_of(walk, LISTENING);
    return id >= 0 && !chance(walk, 5) ? id : listener_on(walk, below(walk, 2));
}

/* Another socket connects to the listener; mostly it is accepted. */
static void connect_to(struct walk *walk, int to, bool accepts)
{
    if (to < 0) {
        return;
    }
    bool own = chance(walk, 10);
    unsigned host = own ? walk->sockets[to].host : 1U - walk->sockets[to].host;
    int id = new_socket(walk, host);
    if (id < 0) {
        return;
    }
    if (!chance(walk, 8)) {
        PUT(APP_OPTION, .id = (uint8_t)id, .what = SCENARIO_OPTION_TCP_NODELAY, .from = 1);
    }
    if (chance(walk, 5)) {
        set_option(walk, (unsigned)id);
    }
    if (chance(walk, 5)) {
        reuse(walk, id);
        walk->sockets[id].port = (uint16_t)(PORT_OWN + id);
        PUT(APP_BIND, .id = (uint8_t)id, .from = walk->sockets[id].port);
    }
    PUT(APP_CONNECT, .id = (uint8_t)id, .from = walk->sockets[to].port,
        .kind = own ? SCENARIO_OWN : 0);
    walk->sockets[id].kind = walk->held && !own ? CONNECTING : CONNECTED;
    int accepted = accepts ? new_name(walk, walk->sockets[to].host, CONNECTED) : -1;
    if (accepted >= 0) {
        walk->sockets[id].other = (uint8_t)(accepted + 1);
        walk->sockets[accepted].other = (uint8_t)(id + 1);
        PUT(APP_ACCEPT, .id = (uint8_t)to, .from = (uint32_t)accepted);
        if (!chance(walk, 4)) {
            PUT(APP_OPTION, .id = (uint8_t)accepted, .what = SCENARIO_OPTION_TCP_NODELAY,
                .from = 1);
        }
    }
}

static void episode_open(struct walk *walk)
{
    connect_to(walk, listener(walk), !chance(walk, 5));
}

static void episode_refused(struct walk *walk)
{
    int id = new_socket(walk, below(walk, 2));
    if (id >= 0) {
        PUT(APP_CONNECT, .id = (uint8_t)id, .from = PORT_UNUSED);
        look(walk, (unsigned)id);
        walk->sockets[id].kind = OVER;
    }
}

static void episode_at_once(struct walk *walk)
{
    int a = new_socket(walk, 0);
    int b = new_socket(walk, 1);
    if (a < 0 || b < 0) {
        return;
    }
    uint16_t port_a = (uint16_t)(PORT_OWN + a);
    uint16_t port_b = (uint16_t)(PORT_OWN + b);
    reuse(walk, a);
    reuse(walk, b);
    PUT(APP_BIND, .id = (uint8_t)a, .from = port_a);
    PUT(APP_BIND, .id = (uint8_t)b, .from = port_b);
    hold(walk, SCENARIO_BOTH);
    PUT(APP_CONNECT, .id = (uint8_t)a, .from = port_b);
    PUT(APP_CONNECT, .id = (uint8_t)b, .from = port_a);
    if (chance(walk, 2)) {
        PUT(WIRE_DELIVER, .from = below(walk, 2));
    }
    if (!chance(walk, 4)) {
        release(walk);
    }
    walk->sockets[a].kind = walk->sockets[b].kind = walk->held ? CONNECTING : CONNECTED;
}

/* The handshake step by step: what is held, delivered, lost, forged between its segments. */
static void episode_handshake(struct walk *walk)
{
    int to = listener(walk);
    hold(walk, any_direction(walk));
    connect_to(walk, to, false);
    for (unsigned i = below(walk, 4); i > 0; i--) {
        PUT(WIRE_DELIVER, .from = 0);
    }
    int id = any_of(walk, CONNECTING);
    if (id >= 0 && chance(walk, 3)) {
        walk->forged = true;
        PUT(WIRE_INJECT, .id = (uint8_t)id, .kind = (uint8_t)below(walk, SCENARIO_SEGMENT_COUNT),
            .what = any_direction(walk));
    }
    if (id >= 0 && chance(walk, 3)) {
        chance(walk, 2) ? end(walk, (unsigned)id) : shut(walk, (unsigned)id);
    }
    if (!chance(walk, 3)) {
        release(walk);
    }
    int accepted = to >= 0 ? new_name(walk, walk->sockets[to].host, CONNECTED) : -1;
    if (accepted >= 0) {
        PUT(APP_ACCEPT, .id = (uint8_t)to, .from = (uint32_t)accepted);
    }
}

/* One end, or both, close while segments are held: FIN-WAIT-1, CLOSING, LAST-ACK and what follows.
 */
static void episode_close(struct walk *walk)
{
    int a = any_of(walk, CONNECTED);
    int b = any_of(walk, CONNECTED);
    if (a < 0) {
        episode_open(walk);
        return;
    }
    if (!chance(walk, 3)) {
        hold(walk, any_direction(walk));
    }
    chance(walk, 3) ? end(walk, (unsigned)a) : shut(walk, (unsigned)a);
    if (chance(walk, 2)) {
        PUT(WIRE_DELIVER, .from = below(walk, 2));
    }
    if (b != a) {
        chance(walk, 3) ? end(walk, (unsigned)b) : shut(walk, (unsigned)b);
    }
    for (unsigned i = below(walk, 4); i > 0; i--) {
        PUT(WIRE_DELIVER, .from = below(walk, 2));
    }
    int id = any_of(walk, CONNECTED);
    if (id >= 0 && chance(walk, 2)) {
        walk->forged = true;
        PUT(WIRE_INJECT, .id = (uint8_t)id, .kind = (uint8_t)below(walk, SCENARIO_SEGMENT_COUNT),
            .what = any_direction(walk));
    }
    if (!chance(walk, 3)) {
        release(walk);
    }
}

/* Both ends of a connection end, or one, or none: its pair of ports is free then, in TIME-WAIT, or
 * held by what is left of it. */
static void end_some(struct walk *walk, int id, int accepted)
{
    unsigned first = accepted >= 0 && chance(walk, 2) ? (unsigned)accepted : (unsigned)id;
    unsigned second = first == (unsigned)id && accepted >= 0 ? (unsigned)accepted : (unsigned)id;
    unsigned left = below(walk, 5);
    if (left < 4) {
        end(walk, first);
    }
    if (left < 3 && second != first) {
        end(walk, second);
    }
}

/* A new socket on this port connects to that of the listener. */
static void connect_from(struct walk *walk, int id, uint16_t port, int to)
{
    PUT(APP_OPTION, .id = (uint8_t)id, .what = SCENARIO_OPTION_SO_REUSEADDR, .from = 1);
    PUT(APP_BIND, .id = (uint8_t)id, .from = port);
    PUT(APP_CONNECT, .id = (uint8_t)id, .from = walk->sockets[to].port);
    walk->sockets[id].port = port;
    walk->sockets[id].kind = CONNECTED;
}

/* The same pair of ports again, right after its connection ended, or while it is there still. */
static void episode_again(struct walk *walk)
{
    int to = listener_on(walk, below(walk, 2)); /* with an empty queue */
    int id = to >= 0 ? new_socket(walk, 1U - walk->sockets[to].host) : -1;
    if (id < 0) {
        return;
    }
    uint16_t port = (uint16_t)(PORT_OWN + id);
    if (walk->held) {
        release(walk); /* nobody could tell the two connections' segments apart */
    }
    connect_from(walk, id, port, to);
    int accepted = new_name(walk, walk->sockets[to].host, CONNECTED);
    if (accepted >= 0) {
        PUT(APP_ACCEPT, .id = (uint8_t)to, .from = (uint32_t)accepted);
    }
    end_some(walk, id, accepted);
    /* Where the end of the first one may be lost, what the second one meets depends on how far
     * apart in time their initial sequence numbers were drawn. */
    int again = walk->lossy ? -1 : new_socket(walk, 1U - walk->sockets[to].host);
    if (again >= 0) {
        connect_from(walk, again, port, to);
    }
}

/* More than the send buffer takes, while nothing is acknowledged; then all of it goes. */
static void episode_full(struct walk *walk)
{
    int id = any_of(walk, CONNECTED);
    if (id < 0 || walk->bytes > BEFORE_FULL) {
        episode_open(walk);
        return;
    }
    PUT(APP_OPTION, .id = (uint8_t)id, .what = SCENARIO_OPTION_SO_SNDBUF,
        .from = below(walk, 6000));
    if (chance(walk, 2)) {
        watch(walk, (unsigned)id);
    }
    hold(walk, any_direction(walk));
    for (unsigned i = 2 + below(walk, 3); i > 0; i--) {
        uint32_t size = walk->forged || chance(walk, 3) ? any_size(walk) : 1000 + below(walk, BIG);
        send_fill(walk, (unsigned)id, size, 1);
        look(walk, (unsigned)id);
    }
    for (unsigned i = below(walk, 5); i > 0; i--) {
        PUT(WIRE_DELIVER, .from = below(walk, 3));
        look(walk, (unsigned)id);
    }
    release(walk);
    PUT(APP_WAIT, .kind = walk->sockets[id].host != 0 ? SCENARIO_ON_PEER : 0);
    send_some(walk, (unsigned)id);
}

/* More than one buffer of Linux, so that a send comes short; read at once, for whether a window
 * that was more than half closed is told of at once is the receiver's choice. */
static void episode_short(struct walk *walk)
{
    int id = any_of(walk, CONNECTED);
    if (id < 0 || walk->lossy || walk->sockets[id].other == 0 || walk->bytes > BEFORE_FULL) {
        episode_open(walk);
        return;
    }
    if (walk->held) {
        release(walk);
    }
    PUT(APP_OPTION, .id = (uint8_t)id, .what = SCENARIO_OPTION_SO_SNDBUF,
        .from = below(walk, 6000));
    PUT(APP_RECV, .id = (uint8_t)(walk->sockets[id].other - 1), .from = 100000);
    send_fill(walk, (unsigned)id, HUGE_SIZE, 1);
    PUT(APP_POLL, .id = (uint8_t)id);
    PUT(APP_RECV, .id = (uint8_t)(walk->sockets[id].other - 1), .from = 100000);
}

static void episode_copy(struct walk *walk)
{
    int id = any_of(walk, NOTHING);
    int copy = id >= 0 ? new_name(walk, walk->sockets[id].host, NOTHING) : -1;
    if (copy >= 0) {
        walk->sockets[copy] = walk->sockets[id];
        PUT(APP_DUP, .id = (uint8_t)id, .from = (uint32_t)copy);
        watch(walk, (unsigned)copy);
        if (chance(walk, 2)) {
            end(walk, (unsigned)(chance(walk, 2) ? id : copy));
        }
    }
}

/* Calls that the socket is not made for. */
static void misuse(struct walk *walk, unsigned id)
{
    switch (below(walk, 6)) {
    case 0:
        PUT(APP_BIND, .id = (uint8_t)id, .from = any_port(walk));
        break;
    case 1:
        PUT(APP_LISTEN, .id = (uint8_t)id, .from = below(walk, 3));
        break;
    case 2:
        PUT(APP_CONNECT, .id = (uint8_t)id,
            .from = walk->held || walk->sockets[id].defers || chance(walk, 2) ? PORT_UNUSED
                                                                              : any_port(walk));
        break;
    case 3:
        PUT(APP_DISCONNECT, .id = (uint8_t)id);
        break;
    default: {
        int name = new_name(walk, walk->sockets[id].host, CONNECTED);
        if (name >= 0) {
            PUT(APP_ACCEPT, .id = (uint8_t)id, .from = (uint32_t)name);
        }
        break;
    }
    }
}

/* Nothing arrives for a while. */
static void cut(struct walk *walk)
{
    if (walk->cut) {
        PUT(WIRE_MEND, .what = any_direction(walk));
    } else {
        PUT(WIRE_CUT, .what = any_direction(walk));
    }
    walk->cut = !walk->cut;
    walk->lossy = true;
}

/* Accepting fails while no descriptor is free. */
static void run_out(struct walk *walk)
{
    switch (below(walk, 3)) {
    case 0:
        PUT(KERNEL_CLEAR);
        break;
    case 1:
        PUT(KERNEL_DESCRIPTORS, .from = SCENARIO_ALL);
        break;
    default:
        PUT(KERNEL_DESCRIPTORS, .from = 0);
        break;
    }
}

static void on_wire(struct walk *walk, unsigned id)
{
    unsigned what = below(walk, 11);
    switch (what) {
    case 0:
    case 1:
        hold(walk, any_direction(walk));
        break;
    case 2:
        release(walk);
        break;
    case 3:
        PUT(WIRE_RELEASE, .what = any_direction(walk)); /* the rest may be held still */
        break;
    case 4:
        PUT(WIRE_DROP, .from = below(walk, 3));
        break;
    case 5:
        PUT(WIRE_DUPLICATE, .from = below(walk, 3));
        break;
    case 6:
        walk->lossy = true;
        PUT(WIRE_LOSE, .kind = (uint8_t)below(walk, SCENARIO_SEGMENT_COUNT),
            .from = 1 + below(walk, 2));
        break;
    case 7:
        walk->forged = true;
        PUT(WIRE_INJECT, .id = (uint8_t)id, .kind = (uint8_t)below(walk, SCENARIO_SEGMENT_COUNT),
            .what = any_direction(walk));
        break;
    case 10:
        cut(walk);
        break;
    default:
        PUT(WIRE_DELIVER, .from = below(walk, 3));
        break;
    }
}

/* One step on a socket that is there. */
static void step(struct walk *walk)
{
    int connected = any_of(walk, CONNECTED);
    int any = any_of(walk, NOTHING);
    int id = connected >= 0 && !chance(walk, 5) ? connected : any;
    if (id < 0) {
        episode_open(walk);
        return;
    }
    unsigned what = below(walk, 102);
    if (what < 18) {
        send_some(walk, (unsigned)id);
    } else if (what < 32) {
        recv_some(walk, (unsigned)id);
    } else if (what < 46) {
        look(walk, (unsigned)id);
    } else if (what < 54) {
        watch(walk, (unsigned)id);
    } else if (what < 58) {
        set_option(walk, (unsigned)id);
    } else if (what < 61) {
        PUT(APP_URGENT, .id = (uint8_t)id);
    } else if (what < 68) {
        shut(walk, (unsigned)id);
    } else if (what < 75) {
        end(walk, (unsigned)id);
    } else if (what < 80) {
        misuse(walk, (unsigned)any);
    } else if (what < 100) {
        on_wire(walk, (unsigned)id);
    } else {
        run_out(walk);
    }
}

void diff_generate(struct scenario *ret_scenario, struct random *random,
                   const struct diff_shape *shape)
{
    static void (*const episodes[])(struct walk *) = {
        episode_open,  episode_open,    episode_open,      episode_open,    episode_open,
        episode_open,  episode_refused, episode_refused,   episode_at_once, episode_at_once,
        episode_close, episode_close,   episode_close,     episode_close,   episode_handshake,
        episode_again, episode_again,   episode_handshake, episode_copy,    episode_copy,
        episode_full,  episode_short};
    struct walk walk = {.scenario = ret_scenario, .random = random};
    assert(shape->steps_min <= shape->steps_max && shape->steps_max + ROOM <= SCENARIO_STEPS_MAX);
    scenario_clear(ret_scenario);
    unsigned goal =
        shape->steps_min + random_below(random, shape->steps_max - shape->steps_min + 1);
    episode_open(&walk);
    while (ret_scenario->count < goal) {
        if (chance(&walk, 8)) {
            episodes[random_below(random, sizeof(episodes) / sizeof(episodes[0]))](&walk);
        } else {
            step(&walk);
        }
    }
}
