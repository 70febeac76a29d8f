/* The dialogues that break programs, as a table, and single steps with likely arguments. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/dialogue.h"

#include <assert.h>
#include <string.h>

enum {
    SERVER = 1 << SCENARIO_ROLE_SERVER,
    CLIENT = 1 << SCENARIO_ROLE_CLIENT,
    PAIR = 1 << SCENARIO_ROLE_PAIR,
    STACK = 1 << SCENARIO_ROLE_STACK,
    ENDS = SERVER | CLIENT, /* the roles whose target talks to scripted peers */
    PROGRAMS = ENDS | PAIR
};

/* The smallest receive buffer of a peer that is made up: less cuts long messages into so many
 * segments that one run costs as much as hundreds, and shows nothing more. */
enum { ROOM_MIN = 256 };

/* What is drawn anew each time a row is used. */
enum {
    VARY_CUT = 1 << 0,    /* the payload is cut at some byte */
    VARY_NTH = 1 << 1,    /* the place is before the 1st … 4th such call */
    VARY_REPEAT = 1 << 2, /* repeated 1 … 8 times */
    VARY_NUMBER = 1 << 3  /* the number is some likely number */
};

/* A step of a dialogue, written for a server; ids count from the first peer of the dialogue. */
struct row_step {
    uint8_t verb;
    uint8_t id;
    uint8_t what;
    uint8_t kind;
    uint8_t place_call;
    uint8_t place_nth;
    uint8_t vary;
    uint8_t repeat;
    uint32_t from;
};

struct row {
    uint8_t roles;
    uint8_t count;
    const struct row_step *steps;
};

#define DO(verb_, ...)                                                                             \
    {                                                                                              \
        .verb = SCENARIO_##verb_, __VA_ARGS__                                                      \
    }
#define PEER(verb_, id_, ...)                                                                      \
    {                                                                                              \
        .verb = SCENARIO_PEER_##verb_, .id = (id_), __VA_ARGS__                                    \
    }
#define OPEN(id_) PEER(CONNECT, id_)
#define SEND(id_, payload, ...) PEER(SEND, id_, .what = SCENARIO_PAYLOAD_##payload, __VA_ARGS__)
#define MESSAGE(id_) SEND(id_, REQUEST)
#define PART(id_) SEND(id_, REQUEST, .vary = VARY_CUT)
#define FIN(id_, ...) PEER(SHUTDOWN, id_, .what = SCENARIO_HOW_WRITE, __VA_ARGS__)
#define BEFORE(call, nth) .place_call = SCENARIO_CALL_##call, .place_nth = (nth)
#define FAIL(call, errno_, ...)                                                                    \
    DO(KERNEL_FAIL, .what = SCENARIO_CALL_##call, .kind = SCENARIO_##errno_, __VA_ARGS__)
#define SHORT(call, n)                                                                             \
    DO(KERNEL_SHORT, .what = SCENARIO_CALL_##call, .from = (n), .vary = VARY_REPEAT)
#define INTERRUPT(call, ...) DO(KERNEL_INTERRUPT, .what = SCENARIO_CALL_##call, __VA_ARGS__)
#define PASS(ms) DO(TIME_ADVANCE, .from = (ms))
#define READ_ON(id_) PASS(9000), PEER(RECV, id_, .from = 16384)
#define WIRE(verb_, direction) DO(WIRE_##verb_, .what = (direction))
#define LOSE(segment, n) DO(WIRE_LOSE, .kind = SCENARIO_SEGMENT_##segment, .from = (n))

#define ROW(roles_, ...)                                                                           \
    {                                                                                              \
        .roles = (roles_),                                                                         \
        .count = sizeof((const struct row_step[]){__VA_ARGS__}) / sizeof(struct row_step),         \
        .steps = (const struct row_step[])                                                         \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

/* One row per way in which programs are known to fail. Rows are drawn with equal chances, so a
 * common mistake stands here in several shapes. */
static const struct row rows[] = {
    /* clang-format off */
    /* The dialogue as it should be: message, answer, end; and several messages on one connection. */
    ROW(ENDS, OPEN(0), MESSAGE(0), PEER(CLOSE, 0)),
    ROW(ENDS, OPEN(0), MESSAGE(0), MESSAGE(0), PEER(CLOSE, 0)),
    ROW(ENDS, OPEN(0), SEND(0, LAST)),
    /* Half-close: behind a whole message, behind nothing, in the middle of one. */
    ROW(ENDS, OPEN(0), MESSAGE(0), FIN(0)),
    ROW(ENDS, OPEN(0), MESSAGE(0), FIN(0, BEFORE(RECV, 1))),
    ROW(ENDS, OPEN(0), FIN(0)),
    ROW(ENDS, OPEN(0), PART(0), FIN(0)),
    ROW(ENDS, OPEN(0), SEND(0, LARGE), FIN(0)),
    /* The end at every point: before a byte, within a message, between calls, under a large answer. */
    ROW(ENDS, OPEN(0), PEER(RESET, 0)),
    ROW(ENDS, OPEN(0), PEER(CLOSE, 0)),
    ROW(ENDS, OPEN(0), PART(0), PEER(RESET, 0)),
    ROW(ENDS, OPEN(0), PART(0), PEER(CLOSE, 0)),
    ROW(ENDS, OPEN(0), MESSAGE(0), PEER(RESET, 0, BEFORE(RECV, 1), .vary = VARY_NTH)),
    ROW(ENDS, OPEN(0), MESSAGE(0), PEER(RESET, 0, BEFORE(SEND, 1), .vary = VARY_NTH)),
    ROW(ENDS, OPEN(0), MESSAGE(0), PEER(CLOSE, 0, BEFORE(SEND, 1), .vary = VARY_NTH)),
    ROW(ENDS, OPEN(0), MESSAGE(0), PEER(RESET, 0, BEFORE(CLOSE, 1))),
    ROW(SERVER, OPEN(0), PEER(RESET, 0, BEFORE(ACCEPT, 1))),
    ROW(SERVER, WIRE(HOLD, SCENARIO_TO_TARGET), OPEN(0), PEER(RESET, 0), WIRE(RELEASE, SCENARIO_TO_TARGET)),
    ROW(ENDS, OPEN(0), SEND(0, LARGE), PEER(RESET, 0, BEFORE(SEND, 2), .vary = VARY_NTH)),
    ROW(ENDS, OPEN(0), SEND(0, REQUEST, .repeat = 4), PEER(CLOSE, 0, BEFORE(SEND, 1), .vary = VARY_NTH)),
    /* A reader that does not read: the answer meets a full window, then goes on, ends, or never does. */
    ROW(ENDS, PEER(CONNECT, 0, .from = 2048), PEER(STALL, 0), SEND(0, LARGE), PEER(RESUME, 0)),
    ROW(ENDS, PEER(CONNECT, 0, .from = 2048), PEER(STALL, 0), SEND(0, LARGE), PEER(RESET, 0)),
    ROW(ENDS, PEER(CONNECT, 0, .from = 2048), PEER(STALL, 0), SEND(0, LARGE),
        PEER(RECV, 0, .from = 1000, .vary = VARY_NUMBER), PASS(5000), PEER(RESUME, 0)),
    ROW(SERVER, PEER(CONNECT, 0, .from = 16384), PEER(STALL, 0), SEND(0, LARGE), SEND(0, LAST),
        SEND(0, FILL, .from = 8192), PEER(RESUME, 0), FIN(0)),
    ROW(ENDS, OPEN(0), PEER(STALL, 0), SEND(0, LARGE), PASS(30000), PEER(RESUME, 0)),
    ROW(ENDS, OPEN(0), PEER(STALL, 0), SEND(0, LARGE, .repeat = 2), PASS(120000)),
    ROW(ENDS, OPEN(0), PEER(STALL, 0), SEND(0, LARGE), READ_ON(0), READ_ON(0), READ_ON(0), READ_ON(0),
        PEER(RESUME, 0)),
    ROW(SERVER, OPEN(0), PEER(STALL, 0), SEND(0, LARGE), OPEN(1), MESSAGE(1)),
    ROW(ENDS, OPEN(0), PEER(STALL, 0), MESSAGE(0), MESSAGE(0), PEER(CLOSE, 0)),
    /* Framing: one byte at a time, several at once, the end of one with the beginning of the next. */
    ROW(ENDS, OPEN(0), SEND(0, NEXT, .from = 1), SEND(0, NEXT, .from = 1), SEND(0, REST)),
    ROW(ENDS, OPEN(0), SEND(0, NEXT, .from = 1, .vary = VARY_NUMBER), SEND(0, REST), MESSAGE(0)),
    ROW(ENDS, OPEN(0), SEND(0, REQUEST, .repeat = 3, .vary = VARY_REPEAT)),
    ROW(ENDS, WIRE(HOLD, SCENARIO_TO_TARGET), OPEN(0), SEND(0, REQUEST, .repeat = 8),
        SEND(0, NEXT, .from = 3), WIRE(RELEASE, SCENARIO_TO_TARGET), SEND(0, REST)),
    ROW(ENDS, SHORT(RECV, 1), OPEN(0), MESSAGE(0), MESSAGE(0)),
    ROW(ENDS, SHORT(SEND, 1), OPEN(0), MESSAGE(0), MESSAGE(0)),
    ROW(ENDS, OPEN(0), SHORT(SEND, 100), SEND(0, LARGE)),
    ROW(ENDS, OPEN(0), SEND(0, FILL, .from = 64, .vary = VARY_NUMBER), PEER(CLOSE, 0)),
    ROW(ENDS, OPEN(0), SEND(0, LITERAL)),
    ROW(ENDS, OPEN(0), PEER(URGENT, 0), MESSAGE(0)),
    /* Several at once: a burst, one idle beside one busy, many ready in one wait, one gone in it. */
    ROW(SERVER, OPEN(0), OPEN(1), OPEN(2), OPEN(3), MESSAGE(0), MESSAGE(3), MESSAGE(1), MESSAGE(2)),
    ROW(SERVER, WIRE(HOLD, SCENARIO_TO_TARGET), OPEN(0), OPEN(1), OPEN(2), OPEN(3), OPEN(4), OPEN(5),
        WIRE(RELEASE, SCENARIO_TO_TARGET), MESSAGE(5)),
    ROW(SERVER, OPEN(0), PART(0), OPEN(1), MESSAGE(1), SEND(0, REST)),
    ROW(SERVER, OPEN(0), OPEN(1), WIRE(HOLD, SCENARIO_TO_TARGET), MESSAGE(0), PEER(RESET, 1), MESSAGE(0),
        WIRE(RELEASE, SCENARIO_TO_TARGET)),
    ROW(SERVER, OPEN(0), OPEN(1), DO(KERNEL_ORDER, .from = 1), WIRE(HOLD, SCENARIO_TO_TARGET),
        PEER(CLOSE, 0), MESSAGE(1), PEER(CLOSE, 1), OPEN(2), WIRE(RELEASE, SCENARIO_TO_TARGET)),
    ROW(SERVER, OPEN(0), MESSAGE(0), PEER(CLOSE, 0), OPEN(1), MESSAGE(1), PEER(RESET, 1), OPEN(2),
        MESSAGE(2)),
    /* Descriptors and memory run out, and come back. */
    ROW(SERVER, DO(KERNEL_DESCRIPTORS, .from = 0), OPEN(0), PASS(1000),
        DO(KERNEL_DESCRIPTORS, .from = SCENARIO_ALL), MESSAGE(0)),
    ROW(SERVER, OPEN(0), DO(KERNEL_DESCRIPTORS, .from = 0), OPEN(1), PEER(CLOSE, 0),
        DO(KERNEL_DESCRIPTORS, .from = SCENARIO_ALL), MESSAGE(1)),
    ROW(SERVER, FAIL(ACCEPT, EMFILE, .vary = VARY_REPEAT), OPEN(0), DO(KERNEL_CLEAR), MESSAGE(0)),
    ROW(SERVER, FAIL(ACCEPT, ENFILE), OPEN(0), OPEN(1), MESSAGE(1)),
    ROW(SERVER, FAIL(ACCEPT, ECONNABORTED), OPEN(0), OPEN(1), MESSAGE(1)),
    ROW(SERVER, FAIL(ACCEPT, EAGAIN), OPEN(0), MESSAGE(0)),
    ROW(SERVER, FAIL(ACCEPT, ENOMEM), OPEN(0), MESSAGE(0)),
    ROW(SERVER, FAIL(OPTION, ENOBUFS), OPEN(0), MESSAGE(0), OPEN(1), MESSAGE(1)),
    ROW(SERVER, FAIL(CONTROL, ENOMEM), OPEN(0), MESSAGE(0), OPEN(1), MESSAGE(1)),
    ROW(ENDS, OPEN(0), FAIL(SEND, ENOBUFS), MESSAGE(0)),
    ROW(ENDS, OPEN(0), FAIL(RECV, ENOMEM), MESSAGE(0)),
    ROW(ENDS, OPEN(0), MESSAGE(0), FAIL(CLOSE, EINTR), PEER(CLOSE, 0)),
    /* Interrupted calls, and readiness that was only a hint. */
    ROW(ENDS, OPEN(0), INTERRUPT(WAIT), MESSAGE(0)),
    ROW(ENDS, INTERRUPT(WAIT), OPEN(0), MESSAGE(0)),
    ROW(SERVER, INTERRUPT(ACCEPT), OPEN(0), MESSAGE(0)),
    ROW(ENDS, OPEN(0), INTERRUPT(RECV), MESSAGE(0)),
    ROW(ENDS, OPEN(0), INTERRUPT(RECV), PART(0), SEND(0, REST)),
    ROW(ENDS, OPEN(0), PEER(STALL, 0), INTERRUPT(SEND), SEND(0, LARGE), PEER(RESUME, 0)),
    ROW(ENDS, OPEN(0), FAIL(RECV, EAGAIN), MESSAGE(0), MESSAGE(0)),
    ROW(ENDS, OPEN(0), FAIL(SEND, EAGAIN), MESSAGE(0), MESSAGE(0)),
    ROW(PROGRAMS, DO(TARGET_SIGNAL, .what = SCENARIO_SIGUSR1)),
    ROW(PROGRAMS, DO(TARGET_SIGNAL, .what = SCENARIO_SIGHUP)),
    ROW(SERVER, OPEN(0), MESSAGE(0), DO(TARGET_SIGNAL, .what = SCENARIO_SIGTERM)),
    /* Time: a silent peer, one that stops within a message, a wall clock that jumps. */
    ROW(ENDS, OPEN(0), PASS(120000)),
    ROW(ENDS, OPEN(0), PART(0), PASS(120000)),
    ROW(ENDS, OPEN(0), MESSAGE(0), PASS(30000), MESSAGE(0)),
    ROW(ENDS, OPEN(0), PART(0), PASS(1000), SEND(0, REST)),
    ROW(ENDS, OPEN(0), DO(TIME_CLOCK, .from = 3600000), MESSAGE(0)),
    ROW(PROGRAMS, DO(TIME_ADVANCE, .from = 1000, .vary = VARY_NUMBER)),
    /* The wire: held, lost, doubled, cut, forged. */
    ROW(ENDS, OPEN(0), WIRE(HOLD, SCENARIO_TO_TARGET), MESSAGE(0), FIN(0), WIRE(RELEASE, SCENARIO_TO_TARGET)),
    ROW(ENDS, OPEN(0), WIRE(HOLD, SCENARIO_TO_TARGET), MESSAGE(0), DO(WIRE_DUPLICATE), DO(WIRE_DELIVER),
        WIRE(RELEASE, SCENARIO_TO_TARGET)),
    ROW(ENDS, OPEN(0), WIRE(HOLD, SCENARIO_TO_PEER), MESSAGE(0), PEER(CLOSE, 0), WIRE(RELEASE, SCENARIO_TO_PEER)),
    ROW(ENDS, OPEN(0), LOSE(FIN, 1), PEER(CLOSE, 0), PASS(1000)),
    ROW(ENDS, OPEN(0), LOSE(DATA, 1), MESSAGE(0), PASS(1000)),
    ROW(ENDS, OPEN(0), WIRE(CUT, SCENARIO_BOTH), MESSAGE(0), PASS(60000), WIRE(MEND, SCENARIO_BOTH)),
    ROW(ENDS, OPEN(0), MESSAGE(0), DO(WIRE_INJECT, .kind = SCENARIO_SEGMENT_RST, .what = SCENARIO_TO_TARGET)),
    ROW(PAIR, WIRE(HOLD, SCENARIO_BOTH), PASS(1000), WIRE(RELEASE, SCENARIO_BOTH)),
    ROW(PAIR, WIRE(CUT, SCENARIO_BOTH), PASS(10000), WIRE(MEND, SCENARIO_BOTH)),
    ROW(PAIR, LOSE(ANY, 1)), ROW(PAIR, LOSE(SYN, 1)), ROW(PAIR, LOSE(FIN, 1)), ROW(PAIR, LOSE(DATA, 2)),
    ROW(PAIR, SHORT(RECV, 1)), ROW(PAIR, SHORT(SEND, 1)),
    ROW(PAIR, INTERRUPT(WAIT)), ROW(PAIR, INTERRUPT(RECV)), ROW(PAIR, INTERRUPT(SEND)),
    ROW(PAIR, FAIL(RECV, EAGAIN)), ROW(PAIR, FAIL(SEND, EAGAIN)), ROW(PAIR, FAIL(ACCEPT, EMFILE)),
    ROW(PAIR, DO(WIRE_INJECT, .kind = SCENARIO_SEGMENT_RST, .what = SCENARIO_TO_TARGET, BEFORE(SEND, 1),
        .vary = VARY_NTH)),
    /* A server that starts again on its port; a client whose server is not there, or late, or gone. */
    ROW(SERVER, OPEN(0), MESSAGE(0), DO(TARGET_RESTART), OPEN(1), MESSAGE(1)),
    ROW(SERVER, FAIL(BIND, EADDRINUSE), DO(TARGET_RESTART), OPEN(0), MESSAGE(0)),
    ROW(SERVER, FAIL(LISTEN, EADDRINUSE), DO(TARGET_RESTART), OPEN(0), MESSAGE(0)),
    ROW(CLIENT, PEER(RESET, 0, BEFORE(SEND, 1)), OPEN(0)),
    ROW(CLIENT, PEER(CONNECT, 0, BEFORE(SEND, 1)), FIN(0, BEFORE(SEND, 1)), PEER(RESET, 0, BEFORE(SEND, 1))),
    ROW(CLIENT, FAIL(CONNECT, EADDRNOTAVAIL, BEFORE(CONNECT, 1)), OPEN(0), MESSAGE(0)),
    ROW(CLIENT, FAIL(CONNECT, ETIMEDOUT), OPEN(0), MESSAGE(0)),
    ROW(CLIENT, FAIL(CONNECT, EINTR), OPEN(0), MESSAGE(0)),
    ROW(CLIENT, INTERRUPT(CONNECT), OPEN(0), MESSAGE(0)),
    ROW(CLIENT, OPEN(0), PEER(UNLISTEN, 0), PEER(RESET, 0), PASS(1000), PEER(LISTEN, 0), OPEN(1), MESSAGE(1)),
    ROW(CLIENT, LOSE(SYN_ACK, 1), PASS(1000), OPEN(0), MESSAGE(0)),
    ROW(CLIENT, OPEN(0), SEND(0, REQUEST), SEND(0, FILL, .from = 10)),
    /* Scripted sockets against the stack. */
    ROW(STACK, DO(APP_SOCKET), DO(APP_BIND, .from = 7), DO(APP_LISTEN, .from = 4), OPEN(0),
        DO(APP_ACCEPT, .from = 1), SEND(0, FILL, .from = 100), DO(APP_RECV, .id = 1, .from = 100)),
    ROW(STACK, DO(APP_SOCKET, .id = 1), DO(APP_CONNECT, .id = 1, .from = 7), PEER(ACCEPT, 0),
        DO(APP_SEND, .id = 1, .what = SCENARIO_PAYLOAD_FILL, .from = 100), DO(APP_CLOSE, .id = 1)),
    ROW(STACK, DO(APP_SHUTDOWN, .id = 1, .what = SCENARIO_HOW_WRITE), DO(APP_POLL, .id = 1)),
    ROW(STACK, PEER(CLOSE, 0), DO(APP_POLL, .id = 1), DO(APP_RECV, .id = 1, .from = 1),
        DO(APP_SEND, .id = 1, .what = SCENARIO_PAYLOAD_FILL, .from = 1)),
    ROW(STACK, DO(APP_DUP, .id = 1, .from = 2), DO(APP_CLOSE, .id = 1), DO(APP_POLL, .id = 2)),
    ROW(STACK, PEER(RESET, 0), DO(APP_RECV, .id = 1, .from = 1), DO(APP_POLL, .id = 1)),
    /* clang-format on */
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static bool chance(struct random *random, uint32_t one_in)
{
    return random_below(random, one_in) == 0;
}

#define PICK(random, table) ((table)[random_below((random), sizeof(table) / sizeof((table)[0]))])

/* ---- peers ---- */

struct dialogue_peers dialogue_follow(const struct scenario *scenario, unsigned end)
{
    assert(end <= scenario->count);
    struct dialogue_peers peers = {0, 0};
    for (unsigned i = 0; i < end; i++) {
        const struct scenario_step *step = &scenario->steps[i];
        uint32_t bit = 1U << step->id;
        switch (step->verb) {
        case SCENARIO_PEER_CONNECT:
        case SCENARIO_PEER_ACCEPT:
            peers.open |= bit;
            peers.used |= bit;
            break;
        case SCENARIO_PEER_CLOSE:
        case SCENARIO_PEER_RESET:
            peers.open &= ~bit;
            break;
        default:
            break;
        }
    }
    return peers;
}

static uint8_t fresh_id(struct dialogue_peers peers)
{
    /* Ids are used again when all have been; the closed ones first. */
    uint32_t free_ids = ~peers.used != 0 ? ~peers.used : ~peers.open;
    return free_ids != 0 ? (uint8_t)__builtin_ctz(free_ids) : 0;
}

static uint8_t open_id(struct dialogue_peers peers, struct random *random)
{
    if (peers.open == 0) {
        return 0;
    }
    uint32_t open = peers.open;
    for (uint32_t skip = random_below(random, (uint32_t)__builtin_popcount(open)); skip > 0;
         skip--) {
        open &= open - 1;
    }
    return (uint8_t)__builtin_ctz(open);
}

/* ---- arguments ---- */

static uint32_t likely_number(struct random *random)
{
    static const uint32_t likely[] = {1,    1,    2,    3,    4,    5,    7,     8,     10,
                                      16,   64,   100,  127,  128,  255,  256,   512,   1000,
                                      1024, 1460, 2048, 4095, 4096, 8192, 16384, 65535, 65536};
    return chance(random, 4) ? 1 + random_below(random, 64) : PICK(random, likely);
}

static uint32_t likely_time(struct random *random)
{
    static const uint32_t likely[] = {1,    10,    100,   500,   1000,  2000,   3000,
                                      5000, 10000, 30000, 60000, 61000, 120000, 3600000};
    return PICK(random, likely);
}

/* Slices mostly end early: messages are short, and what lies behind their end cuts nothing. */
static uint32_t likely_cut(struct random *random)
{
    return chance(random, 4) ? likely_number(random) : 1 + random_below(random, 24);
}

static const struct {
    uint8_t call;
    uint8_t error;
} likely_faults[] = {
#define FAULT(call, error)                                                                         \
    {                                                                                              \
        SCENARIO_CALL_##call, SCENARIO_##error                                                     \
    }
    FAULT(ACCEPT, EMFILE),        FAULT(ACCEPT, ENFILE),
    FAULT(ACCEPT, ENOBUFS),       FAULT(ACCEPT, ENOMEM),
    FAULT(ACCEPT, ECONNABORTED),  FAULT(ACCEPT, EAGAIN),
    FAULT(ACCEPT, EINTR),         FAULT(RECV, EAGAIN),
    FAULT(RECV, ENOMEM),          FAULT(RECV, EINTR),
    FAULT(RECV, ECONNRESET),      FAULT(RECV, ETIMEDOUT),
    FAULT(SEND, EAGAIN),          FAULT(SEND, ENOBUFS),
    FAULT(SEND, ENOMEM),          FAULT(SEND, EINTR),
    FAULT(SEND, ECONNRESET),      FAULT(WAIT, EINTR),
    FAULT(SOCKET, EMFILE),        FAULT(SOCKET, ENOBUFS),
    FAULT(CONNECT, ECONNREFUSED), FAULT(CONNECT, ETIMEDOUT),
    FAULT(CONNECT, ENETUNREACH),  FAULT(CONNECT, EADDRNOTAVAIL),
    FAULT(CONNECT, EINTR),        FAULT(OPTION, ENOBUFS),
    FAULT(OPTION, EINVAL),        FAULT(CONTROL, ENOMEM),
    FAULT(CLOSE, EINTR),          FAULT(CLOSE, EIO),
    FAULT(BIND, EADDRINUSE),      FAULT(OPEN, EMFILE),
    FAULT(SHUTDOWN, EINVAL)
#undef FAULT
};

static const struct {
    const char *bytes;
    uint16_t size;
} likely_literals[] = {
#define LITERAL(text)                                                                              \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
    LITERAL("\n"),
    LITERAL("\r\n"),
    LITERAL("\r\n\r\n"),
    LITERAL("x"),
    LITERAL("\0"),
    LITERAL("\xFF"),
    LITERAL("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    LITERAL("QUIT\r\n"),
    LITERAL("0123456789abcdef"),
    LITERAL("Content-Length: 5\r\n"),
    LITERAL("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd")
#undef LITERAL
};

static const uint8_t *fill_payload(struct scenario_step *step, struct random *random,
                                   const struct scenario_shape *shape)
{
    static const uint8_t likely[] = {
        SCENARIO_PAYLOAD_REQUEST, SCENARIO_PAYLOAD_REQUEST, SCENARIO_PAYLOAD_REQUEST,
        SCENARIO_PAYLOAD_REQUEST, SCENARIO_PAYLOAD_NEXT,    SCENARIO_PAYLOAD_NEXT,
        SCENARIO_PAYLOAD_REST,    SCENARIO_PAYLOAD_REST,    SCENARIO_PAYLOAD_LARGE,
        SCENARIO_PAYLOAD_LAST,    SCENARIO_PAYLOAD_FILL,    SCENARIO_PAYLOAD_LITERAL};
    step->what = PICK(random, likely);
    step->kind = chance(random, 8);
    step->repeat = chance(random, 6) ? (uint16_t)(1 + random_below(random, 8)) : 1;
    step->from = 0;
    step->to = SCENARIO_ALL;
    step->literal_size = 0;
    if (step->what == SCENARIO_PAYLOAD_REQUEST && chance(random, 3)) {
        step->to = likely_cut(random);
        step->from = chance(random, 4) ? random_below(random, step->to) : 0;
    } else if (scenario_payload_counts(step->what)) {
        step->from = likely_number(random);
    } else if (step->what == SCENARIO_PAYLOAD_LITERAL) {
        unsigned which = random_below(random, sizeof(likely_literals) / sizeof(likely_literals[0]));
        step->literal_size = likely_literals[which].size;
        (void)dialogue_fit(step, shape->role);
        return (const uint8_t *)likely_literals[which].bytes;
    }
    (void)dialogue_fit(step, shape->role);
    return NULL;
}

static uint32_t fill_number(enum scenario_verb verb, struct random *random)
{
    switch (verb) {
    case SCENARIO_PEER_CONNECT:
    case SCENARIO_PEER_ACCEPT:
    case SCENARIO_PEER_LISTEN:
        return chance(random, 4) ? likely_number(random) : 0;
    case SCENARIO_PEER_RECV:
        return chance(random, 4) ? SCENARIO_ALL : likely_number(random);
    case SCENARIO_WIRE_DELIVER:
    case SCENARIO_WIRE_DROP:
    case SCENARIO_WIRE_DUPLICATE:
        return random_below(random, 4);
    case SCENARIO_WIRE_LOSE:
        return 1 + random_below(random, 4);
    case SCENARIO_KERNEL_DESCRIPTORS:
        return chance(random, 3) ? SCENARIO_ALL : random_below(random, 3);
    case SCENARIO_KERNEL_ORDER:
        return random_below(random, 1U << 16);
    case SCENARIO_TIME_ADVANCE:
    case SCENARIO_TIME_CLOCK:
        return likely_time(random);
    case SCENARIO_APP_ACCEPT:
    case SCENARIO_APP_DUP:
        return random_below(random, 4);
    case SCENARIO_APP_BIND:
    case SCENARIO_APP_CONNECT:
        return 7;
    case SCENARIO_APP_OPTION:
        return chance(random, 4) ? SCENARIO_ALL : random_below(random, 3);
    default:
        return likely_number(random);
    }
}

const uint8_t *dialogue_fill(struct scenario_step *step, struct random *random,
                             const struct scenario_shape *shape)
{
    const struct scenario_verb_row *row = &scenario_verbs[step->verb];
    if ((row->fields & SCENARIO_USES_PAYLOAD) != 0) {
        return fill_payload(step, random, shape);
    }
    step->from = fill_number(step->verb, random);
    step->to = 0;
    step->repeat = chance(random, 3) ? (uint16_t)(1 + random_below(random, 8)) : 1;
    uint64_t bits = random_next(random);
    step->what = (uint8_t)bits;
    step->kind = (uint8_t)(bits >> 8);
    if (step->verb == SCENARIO_KERNEL_FAIL) {
        unsigned which = random_below(random, sizeof(likely_faults) / sizeof(likely_faults[0]));
        step->what = likely_faults[which].call;
        step->kind = likely_faults[which].error;
    } else if (step->verb == SCENARIO_PEER_SHUTDOWN && chance(random, 2)) {
        step->what = SCENARIO_HOW_WRITE;
    }
    return NULL;
}

void dialogue_place(struct scenario_step *step, struct random *random,
                    const struct scenario_shape *shape)
{
    static const uint8_t likely[] = {
        SCENARIO_CALL_RECV,   SCENARIO_CALL_RECV,     SCENARIO_CALL_RECV,   SCENARIO_CALL_SEND,
        SCENARIO_CALL_SEND,   SCENARIO_CALL_SEND,     SCENARIO_CALL_WAIT,   SCENARIO_CALL_WAIT,
        SCENARIO_CALL_ACCEPT, SCENARIO_CALL_ACCEPT,   SCENARIO_CALL_CLOSE,  SCENARIO_CALL_CLOSE,
        SCENARIO_CALL_OPTION, SCENARIO_CALL_SHUTDOWN, SCENARIO_CALL_CONTROL};
    step->place_call = PICK(random, likely);
    if (shape->role == SCENARIO_ROLE_CLIENT && step->place_call == SCENARIO_CALL_ACCEPT) {
        step->place_call = SCENARIO_CALL_CONNECT;
    }
    step->place_nth = (uint8_t)(chance(random, 2) ? 1 : 1 + random_below(random, 6));
}

bool dialogue_fit(struct scenario_step *step, enum scenario_role role)
{
    enum scenario_actor actor = scenario_verbs[step->verb].actor;
    if (actor == SCENARIO_ACTOR_APP) {
        return role == SCENARIO_ROLE_STACK;
    }
    if (actor != SCENARIO_ACTOR_PEER) {
        return true;
    }
    bool server = role == SCENARIO_ROLE_SERVER;
    bool client = role == SCENARIO_ROLE_CLIENT;
    if (server && step->verb == SCENARIO_PEER_ACCEPT) {
        step->verb = SCENARIO_PEER_CONNECT;
    } else if (client && step->verb == SCENARIO_PEER_CONNECT) {
        step->verb = SCENARIO_PEER_ACCEPT;
        step->to = 0;
    } else if (step->verb == SCENARIO_PEER_SEND) {
        if (server && step->what == SCENARIO_PAYLOAD_RESPONSE) {
            step->what = SCENARIO_PAYLOAD_REQUEST;
        } else if (client && step->what == SCENARIO_PAYLOAD_REQUEST) {
            step->what = SCENARIO_PAYLOAD_RESPONSE;
        }
    } else if (server &&
               (step->verb == SCENARIO_PEER_LISTEN || step->verb == SCENARIO_PEER_UNLISTEN)) {
        return false;
    }
    bool opens = step->verb == SCENARIO_PEER_CONNECT || step->verb == SCENARIO_PEER_ACCEPT;
    if (opens && step->from > 0 && step->from < ROOM_MIN) {
        step->from = ROOM_MIN;
    }
    return role != SCENARIO_ROLE_PAIR;
}

/* ---- appending ---- */

/* What no longer fits is left out: a generator has nothing to report. */
static void append(struct scenario *scenario, struct scenario_step *step, const uint8_t *literal,
                   const struct scenario_shape *shape)
{
    if (scenario->count < shape->steps_max && dialogue_fit(step, shape->role)) {
        enum status status = scenario_append(scenario, step, literal);
        assert(status == STATUS_OK || status == STATUS_LIMIT);
        (void)status;
    }
}

void dialogue_append_open(struct scenario *scenario, uint8_t id, const struct scenario_shape *shape)
{
    struct scenario_step step = {.verb = SCENARIO_PEER_CONNECT, .id = id};
    append(scenario, &step, NULL, shape);
}

static const struct row *pick_row(struct random *random, enum scenario_role role)
{
    for (;;) {
        const struct row *row = &rows[random_below(random, ROWS)];
        if ((row->roles >> role & 1) != 0) {
            return row;
        }
    }
}

static void append_row_step(struct scenario *scenario, const struct row_step *row_step, uint8_t id,
                            struct random *random, const struct scenario_shape *shape)
{
    struct scenario_step step = {.verb = row_step->verb,
                                 .id = id,
                                 .place_call = row_step->place_call,
                                 .place_nth = row_step->place_nth,
                                 .what = row_step->what,
                                 .kind = row_step->kind,
                                 .repeat = row_step->repeat,
                                 .from = row_step->from};
    const uint8_t *literal = NULL;
    if ((row_step->vary & VARY_CUT) != 0) {
        step.to = likely_cut(random);
    }
    if ((row_step->vary & VARY_NTH) != 0) {
        step.place_nth = (uint8_t)(1 + random_below(random, 4));
    }
    if ((row_step->vary & VARY_REPEAT) != 0) {
        step.repeat = (uint16_t)(1 + random_below(random, 8));
    }
    if ((row_step->vary & VARY_NUMBER) != 0) {
        step.from = fill_number(step.verb, random);
    }
    if (step.what == SCENARIO_PAYLOAD_LITERAL && step.verb == SCENARIO_PEER_SEND) {
        unsigned which = random_below(random, sizeof(likely_literals) / sizeof(likely_literals[0]));
        step.literal_size = likely_literals[which].size;
        literal = (const uint8_t *)likely_literals[which].bytes;
    }
    append(scenario, &step, literal, shape);
}

void dialogue_append(struct scenario *scenario, struct dialogue_peers peers, struct random *random,
                     const struct scenario_shape *shape)
{
    const struct row *row = pick_row(random, shape->role);
    bool stack = shape->role == SCENARIO_ROLE_STACK;
    /* A client's target makes few connections, so its dialogues mostly go on with the one. */
    uint32_t go_on_one_in = shape->role == SCENARIO_ROLE_CLIENT ? 1 : 3;
    bool go_on = peers.open != 0 && chance(random, go_on_one_in);
    uint8_t ids[8];
    for (unsigned i = 0; i < sizeof(ids); i++) {
        ids[i] = i == 0 && go_on ? open_id(peers, random) : fresh_id(peers);
        peers.used |= 1U << ids[i];
        ids[i] = stack ? (uint8_t)i : ids[i];
    }
    for (unsigned i = 0; i < row->count; i++) {
        const struct row_step *step = &row->steps[i];
        assert(step->id < sizeof(ids));
        bool opens_again = step->verb == SCENARIO_PEER_CONNECT && step->id == 0 && go_on;
        if (!opens_again) {
            append_row_step(scenario, step, ids[step->id], random, shape);
        }
    }
}

void dialogue_append_step(struct scenario *scenario, struct dialogue_peers peers,
                          struct random *random, const struct scenario_shape *shape)
{
    static const uint8_t peer_verbs[] = {
        SCENARIO_PEER_CONNECT,  SCENARIO_PEER_CONNECT,  SCENARIO_PEER_SEND,
        SCENARIO_PEER_SEND,     SCENARIO_PEER_SEND,     SCENARIO_PEER_SEND,
        SCENARIO_PEER_SEND,     SCENARIO_PEER_SEND,     SCENARIO_PEER_SHUTDOWN,
        SCENARIO_PEER_SHUTDOWN, SCENARIO_PEER_CLOSE,    SCENARIO_PEER_CLOSE,
        SCENARIO_PEER_RESET,    SCENARIO_PEER_RESET,    SCENARIO_PEER_STALL,
        SCENARIO_PEER_RESUME,   SCENARIO_PEER_RECV,     SCENARIO_PEER_URGENT,
        SCENARIO_PEER_LINGER,   SCENARIO_PEER_UNLISTEN, SCENARIO_PEER_LISTEN};
    static const uint8_t other_verbs[] = {
        SCENARIO_KERNEL_FAIL,      SCENARIO_KERNEL_FAIL,        SCENARIO_KERNEL_FAIL,
        SCENARIO_KERNEL_SHORT,     SCENARIO_KERNEL_SHORT,       SCENARIO_KERNEL_INTERRUPT,
        SCENARIO_KERNEL_INTERRUPT, SCENARIO_KERNEL_DESCRIPTORS, SCENARIO_KERNEL_ORDER,
        SCENARIO_KERNEL_CLEAR,     SCENARIO_TIME_ADVANCE,       SCENARIO_TIME_ADVANCE,
        SCENARIO_TIME_CLOCK,       SCENARIO_WIRE_HOLD,          SCENARIO_WIRE_RELEASE,
        SCENARIO_WIRE_DELIVER,     SCENARIO_WIRE_DROP,          SCENARIO_WIRE_DUPLICATE,
        SCENARIO_WIRE_LOSE,        SCENARIO_WIRE_CUT,           SCENARIO_WIRE_MEND,
        SCENARIO_WIRE_INJECT,      SCENARIO_TARGET_SIGNAL,      SCENARIO_TARGET_RESTART};
    struct scenario_step step = {0};
    bool pair = shape->role == SCENARIO_ROLE_PAIR;
    if (shape->role == SCENARIO_ROLE_STACK && chance(random, 2)) {
        step.verb = (uint8_t)(SCENARIO_APP_SOCKET +
                              random_below(random, SCENARIO_VERB_COUNT - SCENARIO_APP_SOCKET));
        step.id = (uint8_t)random_below(random, 4);
    } else if (!pair && !chance(random, 3)) {
        step.verb = PICK(random, peer_verbs);
        step.id = step.verb == SCENARIO_PEER_CONNECT ? fresh_id(peers) : open_id(peers, random);
    } else {
        step.verb = PICK(random, other_verbs);
        step.id = open_id(peers, random);
    }
    const uint8_t *literal = dialogue_fill(&step, random, shape);
    if (chance(random, 5)) {
        dialogue_place(&step, random, shape);
    }
    append(scenario, &step, literal, shape);
}
