/* Playing on both worlds, comparing, shrinking. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/diff.h"

#include <stdlib.h>
#include <time.h>

#include "scenario/shrink.h"

enum {
    SENDS_MAX = SCENARIO_STEPS_MAX * 4,
    SPOILT_MAX = 64,    /* plays of one scenario that chance may spoil, one after the other: longer
                          than the 4 ms in which an initial sequence number stays near 0 */
    STALLED_MAX = 4,    /* of these, such that are known by their time alone */
    STALLED_US = 900000 /* a handshake's timer is due after 1 s */
};

struct side {
    struct world *world;
    struct engine *engine;
    struct trace trace;
    struct diff_form *form;
    struct engine_result result;
};

struct diff {
    struct side sides[DIFF_WORLDS];
    struct scenario_shrinker shrinker;
    int64_t sends[SENDS_MAX]; /* results of the sends of the world that chooses */
    uint32_t send_count;
    uint64_t uses[DIFF_CHOICE_COUNT];
    uint64_t told_uses[DIFF_CHOICE_COUNT];
    bool with_time;
    int64_t (*real_us)(void);
    struct diff_form *nominal; /* of diff_is_steady */
};

static int64_t real_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static enum status side_open(struct side *side, struct world *world, struct status_detail *detail)
{
    side->world = world;
    side->form = calloc(1, sizeof *side->form);
    enum status status =
        side->form != NULL ? trace_init(&side->trace, DIFF_EVENTS_MAX) : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        side->trace.header.role = TRACE_ROLE_STACK;
        side->trace.header.observers = world->ops->observers;
        status = engine_new(world, &side->engine, detail);
    }
    return status;
}

enum status diff_new(struct world *told, struct world *chooses, struct diff **ret_diff,
                     struct status_detail *detail)
{
    struct diff *diff = calloc(1, sizeof *diff);
    enum status status =
        diff != NULL ? side_open(&diff->sides[DIFF_TOLD], told, detail) : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        status = side_open(&diff->sides[DIFF_CHOOSES], chooses, detail);
    }
    if (status != STATUS_OK) {
        diff_free(diff);
        return status;
    }
    diff->real_us = real_us;
    *ret_diff = diff;
    return STATUS_OK;
}

void diff_set_clock(struct diff *diff, int64_t (*clock_us)(void))
{
    diff->real_us = clock_us;
}

void diff_free(struct diff *diff)
{
    for (unsigned i = 0; diff != NULL && i < DIFF_WORLDS; i++) {
        engine_free(diff->sides[i].engine);
        trace_done(&diff->sides[i].trace);
        free(diff->sides[i].form);
    }
    if (diff != NULL) {
        free(diff->nominal);
    }
    free(diff);
}

static int64_t cpu_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static enum status side_play(struct diff *diff, unsigned which, const struct scenario *scenario,
                             uint64_t seed, int64_t *ret_ns, struct status_detail *detail)
{
    struct side *side = &diff->sides[which];
    const struct engine_play play = {.trace = &side->trace, .seed = seed};
    int64_t before = cpu_ns();
    enum status status = engine_run(side->engine, &play, scenario, &side->result, detail);
    *ret_ns = cpu_ns() - before;
    diff_form_take(side->form, &side->trace, scenario,
                   which == DIFF_CHOOSES ? diff->uses : diff->told_uses);
    return status;
}

static void note_sends(struct diff *diff)
{
    const struct trace *trace = &diff->sides[DIFF_CHOOSES].trace;
    diff->send_count = 0;
    for (uint32_t i = 0; i < trace->count && diff->send_count < SENDS_MAX; i++) {
        const struct trace_event *event = &trace->events[i];
        if (event->kind == TRACE_CALL && event->what == TRACE_CALL_SEND) {
            diff->sends[diff->send_count++] = event->result >= 0 ? event->result : -event->err;
        }
    }
}

/* An RST that is sent without a connection: it has no number of one. */
static bool is_refusal(const struct trace_event *event)
{
    return event->kind == TRACE_SEGMENT && event->what == SCENARIO_SEGMENT_RST && event->a == 0 &&
           (event->result == TRACE_FATE_SENT || event->result == TRACE_FATE_HELD);
}

/* Whether event `at` is a SYN or SYN+ACK that went out before. */
static bool is_syn_again(const struct diff_form *form, uint32_t at)
{
    const struct trace_event *event = &form->events[at];
    if (event->kind != TRACE_SEGMENT ||
        (event->what != SCENARIO_SEGMENT_SYN && event->what != SCENARIO_SEGMENT_SYN_ACK)) {
        return false;
    }
    bool again = event->result == TRACE_FATE_RETRANSMITTED;
    for (uint32_t i = 0; event->result == TRACE_FATE_DROPPED && i < at && !again; i++) {
        const struct trace_event *before = &form->events[i];
        again = before->kind == TRACE_SEGMENT && before->what == event->what &&
                before->host == event->host && before->conn == event->conn;
    }
    return again;
}

/* A handshake's first timer of a real kernel is 1 s, or two ticks where a half-open end answered
 * the SYN: less than a process may have to wait for its turn. All others are put off by more. What
 * such a SYN led to may stand before it, where a step's events are in the order of their ends. */
static bool shows_a_stall(const struct diff_form *form, uint32_t at)
{
    for (uint32_t i = at; i < form->count && (i == at || form->events[i].kind != TRACE_STEP); i++) {
        if (is_syn_again(form, i)) {
            return true;
        }
    }
    return false;
}

/* Who refuses a SYN that nobody expects does so with sequence number 0. In one handshake in 65,000
 * that lies in the window of who sent it, by its initial sequence number; the answer is a
 * challenge, and that is refused once more. */
static bool shows_a_zero(const struct diff_form *form, uint32_t at)
{
    const struct trace_event *event = at < form->count ? &form->events[at] : NULL;
    if (event == NULL || !is_refusal(event)) {
        return false;
    }
    for (uint32_t i = 0; i < at; i++) {
        const struct trace_event *before = &form->events[i];
        if (is_refusal(before) && before->host == event->host && before->conn == event->conn) {
            return true;
        }
    }
    return false;
}

/* What by chance spoilt a play that differs at `at`; DIFF_CHOICE_COUNT: nothing did. */
static enum diff_choice spoilt_by(const struct diff *diff, uint32_t at)
{
    const struct diff_form *form = diff->sides[DIFF_CHOOSES].form;
    return !diff->with_time && shows_a_stall(form, at) ? DIFF_CHOICE_STALL
           : shows_a_zero(form, at)                    ? DIFF_CHOICE_ZERO
                                                       : DIFF_CHOICE_COUNT;
}

/* Whether event `at` refuses a window update that the other world did not send. */
static bool refuses_update(const struct diff_form *form, uint32_t at)
{
    return at < form->count && form->refuses[at];
}

static enum status play_once(struct diff *diff, const struct scenario *scenario, uint64_t seed,
                             struct diff_result *ret_result, struct status_detail *detail)
{
    struct world *told = diff->sides[DIFF_TOLD].world;
    enum status status =
        side_play(diff, DIFF_CHOOSES, scenario, seed, &ret_result->cpu_ns[DIFF_CHOOSES], detail);
    if (status != STATUS_OK) {
        return status;
    }
    note_sends(diff);
    if (told->ops->choose_sends != NULL) {
        told->ops->choose_sends(told, diff->sends, diff->send_count);
    }
    status = side_play(diff, DIFF_TOLD, scenario, seed, &ret_result->cpu_ns[DIFF_TOLD], detail);
    if (told->ops->choose_sends != NULL) {
        told->ops->choose_sends(told, NULL, 0);
    }
    ret_result->at = diff_form_compare(diff->sides[DIFF_TOLD].form, diff->sides[DIFF_CHOOSES].form);
    const struct diff_form *told_form = diff->sides[DIFF_TOLD].form;
    const struct diff_form *form = diff->sides[DIFF_CHOOSES].form;
    uint32_t until = form->recovers;
    if (told_form->timed && told_form->recovers < until) {
        until =
            told_form->recovers; /* the model's timers run out, those of the kernel are put off */
    }
    if (refuses_update(told_form, ret_result->at) || refuses_update(form, ret_result->at)) {
        until = ret_result->at;
    }
    ret_result->same =
        ret_result->at == UINT32_MAX || (!diff->with_time && ret_result->at >= until);
    ret_result->steps_effective = diff->sides[DIFF_CHOOSES].result.steps_effective;
    return status;
}

enum status diff_play(struct diff *diff, const struct scenario *scenario, uint64_t seed,
                      struct diff_result *ret_result, struct status_detail *detail)
{
    unsigned stalled = 0;
    for (unsigned i = 0;; i++) {
        int64_t began_us = diff->real_us();
        enum status status = play_once(diff, scenario, seed, ret_result, detail);
        if (status != STATUS_OK || ret_result->same || i == SPOILT_MAX) {
            return status;
        }
        enum diff_choice chance = spoilt_by(diff, ret_result->at);
        /* What that timer sends may be lost, or stay within one host, where nobody sees it. */
        if (chance == DIFF_CHOICE_COUNT && !diff->with_time && stalled < STALLED_MAX &&
            diff->real_us() - began_us > STALLED_US) {
            chance = DIFF_CHOICE_STALL;
            stalled++;
        }
        if (chance == DIFF_CHOICE_COUNT) {
            return status;
        }
        diff->uses[chance]++;
    }
}

enum status diff_play_told(struct diff *diff, const struct scenario *scenario, uint64_t seed,
                           struct status_detail *detail)
{
    int64_t ns;
    return side_play(diff, DIFF_TOLD, scenario, seed, &ns, detail);
}

void diff_with_time(struct diff *diff)
{
    diff->with_time = true;
    for (unsigned i = 0; i < DIFF_WORLDS; i++) {
        diff->sides[i].form->by_end = true;
    }
}

/* ---- Steadiness ---- */

/* How a time is changed: in percent, and by so many milliseconds; `some`: every second one only. A
 * kernel's timer may be late, for it waits for a round trip that took its time and for the tick of
 * its wheel, as if less time had passed; it is never early. */
static const struct {
    uint8_t percent;
    int8_t ms;
    bool some;
} changes[] = {{70, 0, false},   {80, 0, false}, {90, 0, false}, {100, -80, false},
               {104, 20, false}, {75, 0, true},  {90, 0, true},  {100, -60, true}};

static void change_times(struct scenario *scenario, unsigned change)
{
    bool changes_it = true;
    for (uint16_t i = 0; i < scenario->count; i++) {
        struct scenario_step *step = &scenario->steps[i];
        if (step->verb == SCENARIO_TIME_ADVANCE) {
            int64_t changed =
                (int64_t)step->from * changes[change].percent / 100 + changes[change].ms;
            if (changes_it) {
                step->from = changed > 0 ? (uint32_t)changed : 1;
            }
            changes_it = !changes_it || !changes[change].some;
        }
    }
}

/* By how many thousandths the timers of either host are late. The wheel of Linux rounds up, by as
 * much as an eighth, and which of two ends waits longer for its tick nobody knows. */
static const uint16_t delays[][TRACE_HOST_COUNT] = {{130, 130}, {130, 0}, {0, 130},
                                                    {40, 40},   {40, 0},  {0, 40}};

static void delay_timers(struct world *world, uint16_t target, uint16_t peer)
{
    if (world->ops->delay_timers != NULL) {
        world->ops->delay_timers(world, TRACE_HOST_TARGET, target);
        world->ops->delay_timers(world, TRACE_HOST_PEER, peer);
    }
}

/* What a scenario does to the wire, as far as ties go. */
struct tie {
    const struct trace_event *last; /* that was sent again in this time */
    bool passes;                    /* time does */
    bool held;
    bool cut;
};

static void tie_step(struct tie *tie, const struct trace_event *step)
{
    tie->last = NULL;
    tie->passes = step->what == SCENARIO_TIME_ADVANCE;
    tie->held =
        step->what == SCENARIO_WIRE_HOLD || (tie->held && step->what != SCENARIO_WIRE_RELEASE);
    tie->cut = step->what == SCENARIO_WIRE_CUT || (tie->cut && step->what != SCENARIO_WIRE_MEND);
}

/* Whether a timer sent it: again, or for the first time, as that of TCP_CORK does. Where nothing is
 * held a first time changes no count. */
static bool is_timers(const struct trace_event *event)
{
    return event->kind == TRACE_SEGMENT && event->what != SCENARIO_SEGMENT_ACK &&
           (event->result == TRACE_FATE_RETRANSMITTED || event->result == TRACE_FATE_DROPPED ||
            event->result == TRACE_FATE_HELD);
}

/* Whether two ends sent by their timers at about the same time, and it matters which of them did
 * first: both are held, or a number of segments is to be lost. That is decided by a few
 * microseconds. */
static bool has_a_tie(const struct trace *trace)
{
    enum { NEAR_US = 150000 };
    struct tie tie = {0};
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        if (event->kind == TRACE_STEP) {
            tie_step(&tie, event);
        }
        bool lost = event->result == TRACE_FATE_DROPPED;
        if (!tie.passes || !is_timers(event)) {
            continue;
        }
        const struct trace_event *last = tie.last;
        if (last != NULL && (last->host != event->host || last->conn != event->conn) &&
            event->time_us - last->time_us < NEAR_US &&
            (tie.held || (!tie.cut && (lost || last->result == TRACE_FATE_DROPPED)))) {
            return true;
        }
        tie.last = event;
    }
    return false;
}

enum status diff_is_steady(struct diff *diff, const struct scenario *scenario, uint64_t seed,
                           bool *ret_steady, struct status_detail *detail)
{
    struct side *side = &diff->sides[DIFF_TOLD];
    struct scenario changed;
    int64_t ns;
    if (diff->nominal == NULL && (diff->nominal = malloc(sizeof *diff->nominal)) == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = side_play(diff, DIFF_TOLD, scenario, seed, &ns, detail);
    struct diff_form *nominal = side->form;
    side->form = diff->nominal;
    side->form->by_end = true;
    diff->nominal = nominal;
    bool steady = status == STATUS_OK && nominal->passed != UINT32_MAX && !has_a_tie(&side->trace);
    for (unsigned i = 0; steady && i < sizeof changes / sizeof changes[0]; i++) {
        scenario_copy(&changed, scenario);
        change_times(&changed, i);
        status = side_play(diff, DIFF_TOLD, &changed, seed, &ns, detail);
        steady = status == STATUS_OK && diff_form_compare(nominal, side->form) == UINT32_MAX;
    }
    for (unsigned i = 0; steady && i < sizeof delays / sizeof delays[0]; i++) {
        delay_timers(side->world, delays[i][TRACE_HOST_TARGET], delays[i][TRACE_HOST_PEER]);
        status = side_play(diff, DIFF_TOLD, scenario, seed, &ns, detail);
        steady = status == STATUS_OK && diff_form_compare(nominal, side->form) == UINT32_MAX;
    }
    delay_timers(side->world, 0, 0);
    *ret_steady = steady;
    return status;
}

/* What two events the worlds differ in: a scenario that is made smaller keeps to them. */
static uint32_t kind_of(const struct diff *diff, uint32_t at)
{
    uint32_t kind = 0;
    for (unsigned i = 0; i < DIFF_WORLDS; i++) {
        const struct diff_form *form = diff->sides[i].form;
        const struct trace_event none = {0};
        const struct trace_event *event = at < form->count ? &form->events[at] : &none;
        kind = kind * 257 + event->kind;
        kind = kind * 257 + event->what;
        kind = kind * 2 + event->host;
    }
    return kind;
}

enum status diff_shrink(struct diff *diff, struct scenario *scenario, uint64_t seed,
                        struct status_detail *detail)
{
    struct scenario candidate;
    struct diff_result result = {0};
    enum status status = diff_play(diff, scenario, seed, &result, detail);
    uint32_t kind = kind_of(diff, result.at);
    scenario_shrink_init(&diff->shrinker, scenario);
    while (status == STATUS_OK && scenario_shrink_next(&diff->shrinker, &candidate)) {
        status = diff_play(diff, &candidate, seed, &result, detail);
        if (status == STATUS_OK && !result.same && kind_of(diff, result.at) == kind) {
            scenario_shrink_accept(&diff->shrinker);
        }
    }
    scenario_copy(scenario, &diff->shrinker.best);
    return status;
}

const struct trace *diff_trace(const struct diff *diff, unsigned which)
{
    return &diff->sides[which].trace;
}

const struct diff_form *diff_form(const struct diff *diff, unsigned which)
{
    return diff->sides[which].form;
}

const uint64_t *diff_uses(const struct diff *diff)
{
    return diff->uses;
}
