/* Playing on both worlds, comparing, shrinking. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/diff.h"

#include <stdlib.h>
#include <time.h>

#include "scenario/shrink.h"

enum {
    SENDS_MAX = SCENARIO_STEPS_MAX * 4,
    STALLS_MAX = 16 /* plays of one scenario that a stall may spoil, one after the other */
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
};

static enum status side_open(struct side *side, struct world *world, struct status_detail *detail)
{
    side->world = world;
    side->form = malloc(sizeof *side->form);
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
    *ret_diff = diff;
    return STATUS_OK;
}

void diff_free(struct diff *diff)
{
    for (unsigned i = 0; diff != NULL && i < DIFF_WORLDS; i++) {
        engine_free(diff->sides[i].engine);
        trace_done(&diff->sides[i].trace);
        free(diff->sides[i].form);
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

/* A handshake's first timer of a real kernel is 1 s: less than a process may have to wait for its
 * turn. All others are put off by more. */
static bool shows_a_stall(const struct diff_form *form, uint32_t at)
{
    const struct trace_event *event = at < form->count ? &form->events[at] : NULL;
    return event != NULL && !form->timed && event->kind == TRACE_SEGMENT &&
           event->result == TRACE_FATE_RETRANSMITTED &&
           (event->what == SCENARIO_SEGMENT_SYN || event->what == SCENARIO_SEGMENT_SYN_ACK);
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
    uint32_t until = diff->sides[DIFF_CHOOSES].form->recovers;
    if (told_form->timed && told_form->recovers < until) {
        until =
            told_form->recovers; /* the model's timers run out, those of the kernel are put off */
    }
    ret_result->same = ret_result->at == UINT32_MAX || ret_result->at >= until;
    ret_result->steps_effective = diff->sides[DIFF_CHOOSES].result.steps_effective;
    return status;
}

enum status diff_play(struct diff *diff, const struct scenario *scenario, uint64_t seed,
                      struct diff_result *ret_result, struct status_detail *detail)
{
    const struct diff_form *form = diff->sides[DIFF_CHOOSES].form;
    enum status status = play_once(diff, scenario, seed, ret_result, detail);
    for (unsigned i = 0; i < STALLS_MAX && status == STATUS_OK && !ret_result->same &&
                         shows_a_stall(form, ret_result->at);
         i++) {
        diff->uses[DIFF_CHOICE_STALL]++;
        status = play_once(diff, scenario, seed, ret_result, detail);
    }
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
    struct diff_result result;
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
