/* Enumerating smaller variants of a scenario. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/shrink.h"

#include <assert.h>
#include <string.h>

/* A simplification of one step. Changes the step and says so, or leaves it and returns false. Each
 * strictly lowers some measure of the step, so none can be applied for ever. */
typedef bool simplify_fn(struct scenario_step *step);

static bool is_send(const struct scenario_step *step)
{
    return (scenario_verbs[step->verb].fields & SCENARIO_USES_PAYLOAD) != 0;
}

static bool place_to_idle(struct scenario_step *step)
{
    bool placed = step->place_call != SCENARIO_CALL_NONE;
    step->place_call = SCENARIO_CALL_NONE;
    return placed;
}

static bool nth_to_first(struct scenario_step *step)
{
    bool later = step->place_nth > 1;
    step->place_nth = later ? 1 : step->place_nth;
    return later;
}

static bool nth_to_previous(struct scenario_step *step)
{
    bool later = step->place_nth > 1;
    step->place_nth = (uint8_t)(step->place_nth - later);
    return later;
}

static bool repeat_to_one(struct scenario_step *step)
{
    bool repeated = step->repeat > 1;
    step->repeat = repeated ? 1 : step->repeat;
    return repeated;
}

static bool repeat_to_half(struct scenario_step *step)
{
    bool repeated = step->repeat > 2;
    step->repeat = repeated ? step->repeat / 2 : step->repeat;
    return repeated;
}

static bool push_to_none(struct scenario_step *step)
{
    bool pushed = is_send(step) && step->kind != 0;
    step->kind = pushed ? 0 : step->kind;
    return pushed;
}

static bool words_to_none(struct scenario_step *step)
{
    bool said = (scenario_verbs[step->verb].fields & SCENARIO_USES_WORDS) != 0 && step->kind != 0;
    step->kind = said ? 0 : step->kind;
    return said;
}

/* A whole message is simpler than a slice of one. */
static bool slice_to_whole(struct scenario_step *step)
{
    bool sliced = is_send(step) && scenario_payload_slices(step->what) &&
                  (step->from != 0 || step->to != SCENARIO_ALL);
    if (sliced) {
        step->from = 0;
        step->to = SCENARIO_ALL;
    }
    return sliced;
}

static bool slice_to_start(struct scenario_step *step)
{
    bool later = is_send(step) && scenario_payload_slices(step->what) && step->from != 0;
    step->from = later ? 0 : step->from;
    return later;
}

static bool slice_to_half(struct scenario_step *step)
{
    bool long_enough = is_send(step) && scenario_payload_slices(step->what) &&
                       step->to != SCENARIO_ALL && step->to - step->from > 1;
    step->to = long_enough ? step->from + (step->to - step->from) / 2 : step->to;
    return long_enough;
}

/* An ordinary message is simpler than any other payload. */
static bool payload_to(struct scenario_step *step, enum scenario_payload payload)
{
    bool other = is_send(step) && !scenario_payload_slices(step->what);
    if (other) {
        step->what = (uint8_t)payload;
        step->from = 0;
        step->to = SCENARIO_ALL;
    }
    return other;
}

static bool payload_to_request(struct scenario_step *step)
{
    return payload_to(step, SCENARIO_PAYLOAD_REQUEST);
}

static bool payload_to_response(struct scenario_step *step)
{
    return payload_to(step, SCENARIO_PAYLOAD_RESPONSE);
}

static bool literal_to_half(struct scenario_step *step)
{
    bool shorter = step->literal_size > 1;
    step->literal_size = (uint16_t)(shorter ? step->literal_size / 2 : step->literal_size);
    return shorter;
}

static bool literal_to_previous(struct scenario_step *step)
{
    bool shorter = step->literal_size > 1;
    step->literal_size = (uint16_t)(step->literal_size - shorter);
    return shorter;
}

static bool has_number(const struct scenario_step *step)
{
    uint32_t numbers = SCENARIO_USES_NUMBER | SCENARIO_USES_OPTION;
    return ((scenario_verbs[step->verb].fields & numbers) != 0 ||
            (is_send(step) && scenario_payload_counts(step->what))) &&
           step->from != SCENARIO_ALL;
}

static uint32_t least_number(const struct scenario_step *step)
{
    return is_send(step) ? 1 : scenario_verbs[step->verb].number_min;
}

static bool number_to_least(struct scenario_step *step)
{
    bool more = has_number(step) && step->from > least_number(step);
    step->from = more ? least_number(step) : step->from;
    return more;
}

static bool number_to_half(struct scenario_step *step)
{
    bool more = has_number(step) && step->from / 2 > least_number(step);
    step->from = more ? step->from / 2 : step->from;
    return more;
}

static bool option_to_none(struct scenario_step *step)
{
    bool given = (scenario_verbs[step->verb].fields & SCENARIO_USES_OPTION2) != 0 && step->to != 0;
    step->to = given ? 0 : step->to;
    return given;
}

/* A close is simpler than a half-close, and says less than a reset does. */
static bool shutdown_to_close(struct scenario_step *step)
{
    bool shutdown = step->verb == SCENARIO_PEER_SHUTDOWN;
    step->verb = shutdown ? SCENARIO_PEER_CLOSE : step->verb;
    return shutdown;
}

/* The boldest first. */
static simplify_fn *const rules[] = {
    place_to_idle,       nth_to_first,      repeat_to_one,      slice_to_whole,  push_to_none,
    words_to_none,       option_to_none,    number_to_least,    literal_to_half, payload_to_request,
    payload_to_response, shutdown_to_close, nth_to_previous,    repeat_to_half,  slice_to_start,
    slice_to_half,       number_to_half,    literal_to_previous};

enum { RULES = sizeof(rules) / sizeof(rules[0]) };

static void start_pass(struct scenario_shrinker *shrinker)
{
    unsigned count = shrinker->best.count;
    shrinker->run = count > 1 ? count / 2 : count;
    shrinker->step = 0;
    shrinker->rule = 0;
    shrinker->progress = false;
}

void scenario_shrink_init(struct scenario_shrinker *shrinker, const struct scenario *scenario)
{
    assert(scenario_valid(scenario));
    scenario_copy(&shrinker->best, scenario);
    shrinker->pending = false;
    start_pass(shrinker);
}

/* The best without a run of steps; false when no run of this length is left. */
static bool leave_out(struct scenario_shrinker *shrinker)
{
    const struct scenario *best = &shrinker->best;
    if (shrinker->step >= best->count) {
        return false;
    }
    unsigned end = shrinker->step + shrinker->run;
    end = end < best->count ? end : best->count;
    scenario_clear(&shrinker->candidate);
    (void)scenario_append_run(&shrinker->candidate, best, 0, shrinker->step, SCENARIO_STEPS_MAX);
    (void)scenario_append_run(&shrinker->candidate, best, end, best->count, SCENARIO_STEPS_MAX);
    shrinker->step += shrinker->run;
    return true;
}

/* The best with one step made simpler; false when nothing is left to simplify. */
static bool simplify(struct scenario_shrinker *shrinker)
{
    const struct scenario *best = &shrinker->best;
    while (shrinker->step < best->count) {
        while (shrinker->rule < RULES) {
            struct scenario_step step = best->steps[shrinker->step];
            const uint8_t *literal = best->literal + step.literal_at;
            if (!rules[shrinker->rule++](&step)) {
                continue;
            }
            scenario_clear(&shrinker->candidate);
            (void)scenario_append_run(&shrinker->candidate, best, 0, shrinker->step,
                                      SCENARIO_STEPS_MAX);
            /* The step is no longer than it was, so it fits. */
            enum status status = scenario_append(&shrinker->candidate, &step, literal);
            assert(status == STATUS_OK);
            (void)status;
            (void)scenario_append_run(&shrinker->candidate, best, shrinker->step + 1, best->count,
                                      SCENARIO_STEPS_MAX);
            return true;
        }
        shrinker->rule = 0;
        shrinker->step++;
    }
    return false;
}

bool scenario_shrink_next(struct scenario_shrinker *shrinker, struct scenario *ret_candidate)
{
    shrinker->pending = false;
    for (;;) {
        bool found = shrinker->run > 0 ? leave_out(shrinker) : simplify(shrinker);
        if (found) {
            scenario_copy(ret_candidate, &shrinker->candidate);
            shrinker->pending = true;
            return true;
        }
        if (shrinker->run > 0) {
            shrinker->run /= 2;
            shrinker->step = 0;
            shrinker->rule = 0;
        } else if (shrinker->progress) {
            start_pass(shrinker);
        } else {
            return false;
        }
    }
}

void scenario_shrink_accept(struct scenario_shrinker *shrinker)
{
    assert(shrinker->pending);
    bool removed = shrinker->candidate.count < shrinker->best.count;
    scenario_copy(&shrinker->best, &shrinker->candidate);
    shrinker->pending = false;
    shrinker->progress = true;
    /* After a removal what followed stands where the removed run stood; after a simplification the
     * same rule may apply again. */
    if (removed) {
        shrinker->step -= shrinker->run < shrinker->step ? shrinker->run : shrinker->step;
    } else if (shrinker->rule > 0) {
        shrinker->rule--;
    }
}
