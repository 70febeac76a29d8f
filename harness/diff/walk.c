/* Steps of a walk. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/walk.h"

#include <string.h>

void walk_put(struct walk *walk, struct scenario_step step, const char *literal)
{
    step.literal_size = (uint16_t)(literal != NULL ? strlen(literal) : 0);
    enum status status = scenario_append(walk->scenario, &step, (const uint8_t *)literal);
    (void)status; /* what no longer fits is left out */
}

int walk_name(struct walk *walk, unsigned host, enum walk_kind kind)
{
    if (walk->used == WALK_NAMES) {
        return -1;
    }
    walk->sockets[walk->used] = (struct walk_guess){.kind = (uint8_t)kind, .host = (uint8_t)host};
    return (int)walk->used++;
}

int walk_socket(struct walk *walk, unsigned host)
{
    int id = walk_name(walk, host, WALK_FRESH);
    if (id >= 0) {
        WALK_PUT(APP_SOCKET, .id = (uint8_t)id, .kind = host != 0 ? SCENARIO_ON_PEER : 0);
    }
    return id;
}

int walk_any(struct walk *walk, enum walk_kind kind)
{
    int found = -1;
    unsigned seen = 0;
    for (unsigned i = 0; i < walk->used; i++) {
        bool fits = walk->sockets[i].kind == kind ||
                    (kind == WALK_NOTHING && walk->sockets[i].kind != WALK_NOTHING);
        if (fits && walk_below(walk, ++seen) == 0) {
            found = (int)i;
        }
    }
    return found;
}

uint16_t walk_any_port(struct walk *walk)
{
    return (uint16_t)(WALK_PORT_FIRST + walk_below(walk, WALK_PORTS));
}

uint32_t walk_any_size(struct walk *walk)
{
    static const uint16_t sizes[] = {1, 2, 3, 10, 100, 536, 1000, 1460, 1461, 2000, 3000};
    if (walk->forged || walk->bytes > WALK_UNREAD_MAX) {
        return 1 + walk_below(walk, 500);
    }
    return walk_chance(walk, 3) ? 1 + walk_below(walk, 400)
                                : sizes[walk_below(walk, sizeof(sizes) / sizeof(sizes[0]))];
}

void walk_accept(struct walk *walk, unsigned listener, int name)
{
    static const uint8_t rooms[] = {SCENARIO_NULL, SCENARIO_CUT};
    WALK_PUT(APP_ACCEPT, .id = (uint8_t)listener, .from = (uint32_t)name,
             .kind = walk_chance(walk, 10) ? rooms[walk_below(walk, 2)] : 0);
}

void walk_send_fill(struct walk *walk, unsigned id, uint32_t size, uint8_t times)
{
    WALK_PUT(APP_SEND, .id = (uint8_t)id, .what = SCENARIO_PAYLOAD_FILL, .from = size,
             .repeat = times);
    walk->bytes += size * times;
}

void walk_send(struct walk *walk, unsigned id)
{
    static const char *const texts[] = {"a", "hello", "0123456789"};
    if (walk_chance(walk, 4)) {
        walk_put(walk,
                 (struct scenario_step){.verb = SCENARIO_APP_SEND,
                                        .id = (uint8_t)id,
                                        .what = SCENARIO_PAYLOAD_LITERAL,
                                        .repeat = 1},
                 texts[walk_below(walk, 3)]);
        return;
    }
    walk_send_fill(walk, id, walk_any_size(walk), walk_chance(walk, 6) ? 2 : 1);
}

void walk_recv(struct walk *walk, unsigned id)
{
    uint8_t words = 0;
    if (walk_chance(walk, 3)) {
        words = (uint8_t)(1U << walk_below(walk, 3));
    }
    WALK_PUT(APP_RECV, .id = (uint8_t)id,
             .from = walk_chance(walk, 2) ? 100000
                                          : walk_any_size(walk) - (walk_chance(walk, 20) ? 1 : 0),
             .kind = words);
}

void walk_shutdown(struct walk *walk, unsigned id)
{
    WALK_PUT(APP_SHUTDOWN, .id = (uint8_t)id,
             .what = walk_chance(walk, 2) ? SCENARIO_HOW_WRITE
                                          : (uint8_t)walk_below(walk, SCENARIO_HOW_COUNT));
}

void walk_end(struct walk *walk, unsigned id)
{
    if (walk_chance(walk, 4)) {
        WALK_PUT(APP_RESET, .id = (uint8_t)id);
    } else {
        WALK_PUT(APP_CLOSE, .id = (uint8_t)id);
    }
    walk->sockets[id].kind = WALK_NOTHING;
}

void walk_hold(struct walk *walk, uint8_t direction)
{
    WALK_PUT(WIRE_HOLD, .what = direction);
    walk->held = true;
}

void walk_release(struct walk *walk)
{
    WALK_PUT(WIRE_RELEASE, .what = SCENARIO_BOTH);
    walk->held = false;
}

uint8_t walk_any_direction(struct walk *walk)
{
    return (uint8_t)walk_below(walk, SCENARIO_DIRECTION_COUNT);
}

/* ---- Options ---- */

void walk_set_option(struct walk *walk, unsigned id)
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
    uint8_t option = options[walk_below(walk, sizeof(options) / sizeof(options[0]))];
    uint32_t value = walk_chance(walk, 6)   ? SCENARIO_ALL
                     : walk_chance(walk, 4) ? walk_below(walk, 300)
                                            : walk_below(walk, 3);
    if (option == SCENARIO_OPTION_SO_RCVBUF) {
        value =
            1U << (16 + walk_below(walk, 8)); /* a window that closes is the receiver's choice */
    }
    if (option == SCENARIO_OPTION_SO_SNDBUF) {
        value = walk_chance(walk, 4) ? value : walk_below(walk, 9000);
    }
    if (option == SCENARIO_OPTION_SO_RCVLOWAT) {
        value = walk_below(walk, 20);
    }
    if (option == SCENARIO_OPTION_SO_LINGER && value != SCENARIO_ALL && walk_chance(walk, 2)) {
        WALK_PUT(APP_LINGER, .id = (uint8_t)id, .from = value);
        return;
    }
    if (option == SCENARIO_OPTION_TCP_DEFER_ACCEPT) {
        /* An end that connects would put its acknowledgment off by 200 ms of the kernel's clock. */
        bool listens = walk->sockets[id].kind == WALK_LISTENING;
        walk->sockets[id].defers = listens;
        value = listens ? value : 0;
    }
    WALK_PUT(APP_OPTION, .id = (uint8_t)id, .what = option, .from = value);
}

void walk_look(struct walk *walk, unsigned id)
{
    switch (walk_below(walk, 8)) {
    case 0:
        WALK_PUT(APP_NAMES, .id = (uint8_t)id);
        break;
    case 1:
        WALK_PUT(APP_FLAGS, .id = (uint8_t)id);
        break;
    case 2:
        WALK_PUT(APP_GET, .id = (uint8_t)id, .what = SCENARIO_OPTION_SO_ERROR);
        break;
    case 3:
        WALK_PUT(APP_GET, .id = (uint8_t)id, .what = SCENARIO_OPTION_TCP_INFO);
        break;
    case 4:
        WALK_PUT(APP_GET, .id = (uint8_t)id,
                 .what = (uint8_t)walk_below(walk, SCENARIO_OPTION_COUNT));
        break;
    default:
        WALK_PUT(APP_POLL, .id = (uint8_t)id);
        break;
    }
}

void walk_watch(struct walk *walk, unsigned id)
{
    if (walk_chance(walk, 2)) {
        WALK_PUT(APP_WAIT, .kind = walk->sockets[id].host != 0 ? SCENARIO_ON_PEER : 0);
    } else {
        WALK_PUT(APP_WATCH, .id = (uint8_t)id, .kind = (uint8_t)walk_below(walk, 16));
    }
}
