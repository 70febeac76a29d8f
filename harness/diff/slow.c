/* Moments in which time passes, put between the steps of a scenario in which none does. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/slow.h"

#include <string.h>

#include "diff/generate.h"
#include "diff/walk.h"

enum {
    WALK_MIN = 12, /* steps of the scenario that the moments are put into */
    WALK_MAX = 30,
    TIME_WAIT_MS = 72000,
    ORPHAN_MS = 140000, /* an orphan gives up after about 102 s */
    SYN_MS = 14000      /* as a SYN with TCP_SYNCNT 1 or 2 does */
};

struct composer {
    struct scenario *scenario;
    struct random *random;
    uint32_t known; /* bits of the sockets that are there */
    bool held;      /* segments are */
    bool full;      /* more was sent than may lie unread, which the next step but one reads */
};

static uint32_t below(struct composer *composer, uint32_t limit)
{
    return random_below(composer->random, limit);
}

static bool chance(struct composer *composer, uint32_t one_in)
{
    return below(composer, one_in) == 0;
}

static void put(struct composer *composer, struct scenario_step step)
{
    enum status status = scenario_append(composer->scenario, &step, NULL);
    (void)status; /* what no longer fits is left out */
}

#define PUT(verb_, ...) put(composer, (struct scenario_step){.verb = SCENARIO_##verb_, __VA_ARGS__})

static uint8_t any_socket(struct composer *composer)
{
    uint8_t found = 0;
    unsigned seen = 0;
    for (uint8_t id = 0; id < SCENARIO_SOCKETS_MAX; id++) {
        if ((composer->known >> id & 1U) != 0 && below(composer, ++seen) == 0) {
            found = id;
        }
    }
    return found;
}

/* Shortly before something is sent again (0.2, 0.6, 1.4, 3, 6.2, 12.6 s), for a timer may be late
 * but never early; or so short that what is held is only late, which is a long round trip. */
static void pass(struct composer *composer)
{
    static const uint16_t times[] = {120, 520, 1200, 1300, 2600, 5400, 11000};
    unsigned first = composer->held ? 0 : 1;
    PUT(TIME_ADVANCE,
        .from = times[first + below(composer, sizeof times / sizeof times[0] - first)]);
}

static void cut(struct composer *composer)
{
    PUT(WIRE_CUT, .what = (uint8_t)below(composer, SCENARIO_DIRECTION_COUNT));
}

static void mend(struct composer *composer)
{
    PUT(WIRE_MEND, .what = SCENARIO_BOTH);
}

/* Something that has to be answered. */
static void say(struct composer *composer, uint8_t id)
{
    switch (below(composer, 6)) {
    case 0:
        PUT(APP_SHUTDOWN, .id = id, .what = SCENARIO_HOW_WRITE);
        break;
    case 1:
        PUT(APP_CLOSE, .id = id);
        break;
    case 2:
        PUT(APP_URGENT, .id = id);
        break;
    default:
        PUT(APP_SEND, .id = id, .what = SCENARIO_PAYLOAD_FILL,
            .from = 1 + below(composer, chance(composer, 3) ? 4000 : 500), .repeat = 1);
        break;
    }
}

static void look(struct composer *composer, uint8_t id)
{
    PUT(APP_POLL, .id = id);
    if (chance(composer, 2)) {
        PUT(APP_GET, .id = id, .what = SCENARIO_OPTION_SO_ERROR);
    }
    if (chance(composer, 2)) {
        PUT(APP_RECV, .id = id, .from = 100000);
    }
}

static void set(struct composer *composer, uint8_t id, uint8_t option, uint32_t value)
{
    PUT(APP_OPTION, .id = id, .what = option, .from = value);
}

/* ---- Moments ---- */

/* The wire is cut for a while; what is sent meanwhile is sent again. */
static void moment_cut(struct composer *composer)
{
    uint8_t id = any_socket(composer);
    cut(composer);
    say(composer, id);
    if (chance(composer, 2)) {
        say(composer, any_socket(composer));
    }
    pass(composer);
    if (chance(composer, 3)) {
        look(composer, id);
    }
    mend(composer);
    pass(composer);
    look(composer, any_socket(composer));
}

static void moment_lose(struct composer *composer)
{
    static const uint8_t kinds[] = {
        SCENARIO_SEGMENT_ANY, SCENARIO_SEGMENT_SYN, SCENARIO_SEGMENT_DATA, SCENARIO_SEGMENT_SYN_ACK,
        SCENARIO_SEGMENT_ACK, SCENARIO_SEGMENT_FIN, SCENARIO_SEGMENT_DATA, SCENARIO_SEGMENT_URGENT};
    PUT(WIRE_LOSE, .kind = kinds[below(composer, sizeof kinds)], .from = 1 + below(composer, 3));
    say(composer, any_socket(composer));
    if (chance(composer, 2)) {
        pass(composer);
        look(composer, any_socket(composer));
    }
}

/* Held until it is sent again. */
static void moment_hold(struct composer *composer)
{
    PUT(WIRE_HOLD, .what = (uint8_t)below(composer, SCENARIO_DIRECTION_COUNT));
    composer->held = true;
    say(composer, any_socket(composer));
    pass(composer);
    for (unsigned i = below(composer, 3); i > 0; i--) {
        PUT(WIRE_DELIVER, .from = below(composer, 2));
    }
    if (chance(composer, 4)) {
        PUT(WIRE_DROP, .from = below(composer, 2));
    }
    PUT(WIRE_RELEASE, .what = SCENARIO_BOTH);
    composer->held = false;
    pass(composer);
}

static void moment_keepalive(struct composer *composer)
{
    uint8_t id = any_socket(composer);
    if (!chance(composer, 4)) {
        cut(composer);
    }
    set(composer, id, SCENARIO_OPTION_SO_KEEPALIVE, 1);
    set(composer, id, SCENARIO_OPTION_TCP_KEEPINTVL, 1);
    set(composer, id, SCENARIO_OPTION_TCP_KEEPCNT, 1 + below(composer, 3));
    if (chance(composer, 4)) {
        set(composer, id, SCENARIO_OPTION_TCP_USER_TIMEOUT, 1500 + 1000 * below(composer, 3));
    }
    /* Last: behind a long silence the first probe is due within a tick of the kernel's clock. */
    set(composer, id, SCENARIO_OPTION_TCP_KEEPIDLE, 1 + below(composer, 2));
    PUT(TIME_ADVANCE, .from = 2500 + 2000 * below(composer, 4));
    look(composer, id);
    mend(composer);
    if (chance(composer, 2)) {
        say(composer, id);
        look(composer, any_socket(composer));
    }
}

static void moment_user_timeout(struct composer *composer)
{
    uint8_t id = any_socket(composer);
    set(composer, id, SCENARIO_OPTION_TCP_USER_TIMEOUT, 300 + 500 * below(composer, 6));
    cut(composer);
    say(composer, id);
    PUT(TIME_ADVANCE, .from = 1200 + 2500 * below(composer, 3));
    look(composer, id);
    mend(composer);
    say(composer, any_socket(composer));
    pass(composer);
}

/* The network says that nothing arrives, which is told when the user timeout ends. Not by the two
 * codes for which Linux sends again sooner (tcp_ld_RTO_revert); and asked for before anything else
 * arrives, for how long the error is remembered follows header prediction. */
static void moment_unreachable(struct composer *composer)
{
    uint8_t id = any_socket(composer);
    set(composer, id, SCENARIO_OPTION_TCP_USER_TIMEOUT, 300 + 500 * below(composer, 4));
    PUT(WIRE_CUT, .what = SCENARIO_BOTH);
    say(composer, id);
    PUT(APP_UNREACHABLE, .id = id, .from = 5 + below(composer, 11));
    PUT(TIME_ADVANCE, .from = 1200 + 2500 * below(composer, 3));
    PUT(APP_GET, .id = id, .what = SCENARIO_OPTION_SO_ERROR);
    mend(composer);
    pass(composer);
}

/* Both ends close, and the one that waits in TIME-WAIT is gone at last. */
static void moment_time_wait(struct composer *composer)
{
    PUT(APP_CLOSE, .id = any_socket(composer));
    PUT(APP_CLOSE, .id = any_socket(composer));
    PUT(APP_SHUTDOWN, .id = any_socket(composer), .what = SCENARIO_HOW_BOTH);
    PUT(TIME_ADVANCE, .from = TIME_WAIT_MS);
}

/* An end without a program: in FIN-WAIT-2 for as long as TCP_LINGER2 says, or cut off. */
static void moment_orphan(struct composer *composer)
{
    uint8_t id = any_socket(composer);
    if (chance(composer, 2)) {
        set(composer, id, SCENARIO_OPTION_TCP_LINGER2, 1 + below(composer, 3));
        PUT(APP_CLOSE, .id = id);
        PUT(TIME_ADVANCE, .from = 6000);
        say(composer, any_socket(composer));
    } else {
        cut(composer);
        PUT(APP_CLOSE, .id = id);
        PUT(TIME_ADVANCE, .from = chance(composer, 16) ? ORPHAN_MS : 5000);
        mend(composer);
    }
    pass(composer);
}

/* A SYN that nobody answers. */
static void moment_no_answer(struct composer *composer)
{
    uint8_t id = SCENARIO_SOCKETS_MAX - 1;
    if ((composer->known >> id & 1U) != 0) {
        return;
    }
    composer->known |= 1U << id;
    PUT(APP_SOCKET, .id = id, .kind = chance(composer, 2) ? SCENARIO_ON_PEER : 0);
    set(composer, id, SCENARIO_OPTION_TCP_SYNCNT, 1 + below(composer, 2));
    cut(composer);
    PUT(APP_CONNECT, .id = id, .from = 7001);
    PUT(TIME_ADVANCE, .from = chance(composer, 2) ? SYN_MS : 2600);
    look(composer, id);
    mend(composer);
    pass(composer);
}

static void moment(struct composer *composer)
{
    static void (*const moments[])(struct composer *) = {
        moment_cut,       moment_cut,    moment_cut,       moment_lose,         moment_lose,
        moment_hold,      moment_hold,   moment_keepalive, moment_keepalive,    moment_user_timeout,
        moment_time_wait, moment_orphan, moment_no_answer, moment_user_timeout, moment_unreachable};
    moments[below(composer, sizeof moments / sizeof moments[0])](composer);
}

/* ---- The scenario ---- */

static void note_step(struct composer *composer, const struct scenario_step *step)
{
    if (step->verb == SCENARIO_WIRE_HOLD || step->verb == SCENARIO_WIRE_RELEASE) {
        composer->held = step->verb == SCENARIO_WIRE_HOLD;
    }
    composer->full = (step->verb == SCENARIO_APP_SEND && step->from == WALK_HUGE_SIZE) ||
                     (composer->full && step->verb != SCENARIO_APP_RECV);
    if (step->verb == SCENARIO_APP_SOCKET) {
        composer->known |= 1U << step->id;
    } else if (step->verb == SCENARIO_APP_ACCEPT || step->verb == SCENARIO_APP_DUP) {
        composer->known |= 1U << step->from;
    }
}

/* Whether the ports of one connection are used by a second: where segments of the first may be
 * lost, those of the two cannot be told apart. */
static bool uses_again(const struct scenario *scenario)
{
    bool bound[SCENARIO_SOCKETS_MAX] = {false};
    for (uint16_t i = 0; i < scenario->count; i++) {
        const struct scenario_step *step = &scenario->steps[i];
        if (step->verb == SCENARIO_APP_BIND && step->from >= WALK_PORT_OWN &&
            step->from < WALK_PORT_OWN + SCENARIO_SOCKETS_MAX) {
            if (bound[step->from - WALK_PORT_OWN]) {
                return true;
            }
            bound[step->from - WALK_PORT_OWN] = true;
        }
    }
    return false;
}

/* Whether a host talks to itself: nobody sees which of its timers run. */
static bool talks_to_itself(const struct scenario *scenario)
{
    for (uint16_t i = 0; i < scenario->count; i++) {
        const struct scenario_step *step = &scenario->steps[i];
        if (step->verb == SCENARIO_APP_CONNECT && (step->kind & SCENARIO_OWN) != 0) {
            return true;
        }
    }
    return false;
}

/* In the end everything arrives. */
static void settle_all(struct composer *composer)
{
    mend(composer);
    PUT(WIRE_RELEASE, .what = SCENARIO_BOTH);
    PUT(TIME_ADVANCE, .from = 5400);
    for (unsigned i = 0; i < 3; i++) {
        look(composer, any_socket(composer));
    }
}

void diff_generate_slow(struct scenario *ret_scenario, struct random *random)
{
    const struct diff_shape shape = {.steps_min = WALK_MIN, .steps_max = WALK_MAX};
    struct composer composer = {.scenario = ret_scenario, .random = random};
    struct scenario walk;
    do {
        diff_generate(&walk, random, &shape);
    } while (uses_again(&walk) || talks_to_itself(&walk));
    unsigned moments = 1 + below(&composer, 3);
    scenario_clear(ret_scenario);
    for (uint16_t i = 0; i < walk.count; i++) {
        const struct scenario_step *step = &walk.steps[i];
        if (step->verb == SCENARIO_WIRE_INJECT) {
            continue; /* after what nobody sent two ends disagree for as long as time passes */
        }
        enum status status = scenario_append(ret_scenario, step, walk.literal + step->literal_at);
        (void)status; /* there is room for all of it */
        note_step(&composer, step);
        bool asks = step->verb == SCENARIO_APP_UNREACHABLE; /* in the next step, see there */
        if (i > WALK_MIN / 2 && moments > 0 && !composer.full && !asks &&
            below(&composer, walk.count - i) < moments) {
            moments--;
            moment(&composer);
        }
    }
    settle_all(&composer);
}
