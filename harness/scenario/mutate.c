/* Generation, mutation and splicing, as small edits from one scenario into another. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/mutate.h"

#include <assert.h>

#include "scenario/dialogue.h"

enum {
    LARGE_MAX = 2, /* large messages of a scenario that is made of others */
    /* A burst: more connections than the queue of 128 that servers ask for, and one, with the peers
     * that there are. Of the first 22 each is given up and tries again. */
    BURST_CONNECTS = 130,
    BURST_RESETS_OF = 22
};

/* One mutation: reads `in`, which has at least one step, and writes `out`, which is empty. */
struct edit {
    const struct scenario *in;
    struct scenario *out;
    struct random *random;
    const struct scenario_shape *shape;
};

static bool chance(struct random *random, uint32_t one_in)
{
    return random_below(random, one_in) == 0;
}

static unsigned any_step(const struct edit *edit)
{
    return random_below(edit->random, edit->in->count);
}

/* Somewhere to insert: mostly at the end, where the state that came before is whole. */
static unsigned any_gap(const struct edit *edit)
{
    return chance(edit->random, 3) ? edit->in->count
                                   : random_below(edit->random, edit->in->count + 1U);
}

/* The end of a run that begins at `first`: mostly short. */
static unsigned any_end(const struct edit *edit, unsigned first)
{
    unsigned left = edit->in->count - first;
    unsigned most = left < 4 || chance(edit->random, 4) ? left : 4;
    return first + 1 + random_below(edit->random, most);
}

static void keep(const struct edit *edit, unsigned first, unsigned end)
{
    (void)scenario_append_run(edit->out, edit->in, first, end, edit->shape->steps_max);
}

/* Appends a changed copy of a step. */
static void keep_changed(const struct edit *edit, const struct scenario_step *step,
                         const uint8_t *literal)
{
    if (edit->out->count < edit->shape->steps_max) {
        enum status status = scenario_append(edit->out, step, literal);
        (void)status; /* without room for its literal the step is left out */
    }
}

static const uint8_t *literal_of(const struct edit *edit, const struct scenario_step *step)
{
    return edit->in->literal + step->literal_at;
}

static void insert_dialogue(const struct edit *edit)
{
    unsigned gap = any_gap(edit);
    keep(edit, 0, gap);
    dialogue_append(edit->out, dialogue_follow(edit->in, gap), edit->random, edit->shape);
    keep(edit, gap, edit->in->count);
}

static void insert_step(const struct edit *edit)
{
    unsigned gap = any_gap(edit);
    keep(edit, 0, gap);
    dialogue_append_step(edit->out, dialogue_follow(edit->in, gap), edit->random, edit->shape);
    keep(edit, gap, edit->in->count);
}

static void remove_run(const struct edit *edit)
{
    unsigned first = any_step(edit);
    unsigned end = any_end(edit, first);
    keep(edit, 0, first);
    keep(edit, end, edit->in->count);
}

static void repeat_run(const struct edit *edit)
{
    unsigned first = any_step(edit);
    unsigned end = any_end(edit, first);
    keep(edit, 0, end);
    keep(edit, first, edit->in->count);
}

static void move_run(const struct edit *edit)
{
    unsigned first = any_step(edit);
    unsigned end = any_end(edit, first);
    unsigned gap = any_gap(edit);
    if (gap < first) {
        keep(edit, 0, gap);
        keep(edit, first, end);
        keep(edit, gap, first);
        keep(edit, end, edit->in->count);
    } else if (gap > end) {
        keep(edit, 0, first);
        keep(edit, end, gap);
        keep(edit, first, end);
        keep(edit, gap, edit->in->count);
    } else {
        keep(edit, 0, edit->in->count);
    }
}

static void swap_steps(const struct edit *edit)
{
    unsigned at = any_step(edit);
    keep(edit, 0, at);
    if (at + 1 < edit->in->count) {
        keep(edit, at + 1, at + 2);
    }
    keep(edit, at, at + 1);
    keep(edit, at + 1 < edit->in->count ? at + 2 : at + 1, edit->in->count);
}

static uint32_t nudge(uint32_t number, struct random *random)
{
    switch (random_below(random, 4)) {
    case 0:
        return number + 1;
    case 1:
        return number > 0 ? number - 1 : 0;
    case 2:
        return number / 2;
    default:
        return number < SCENARIO_AMOUNT_MAX ? number * 2 : number;
    }
}

/* New arguments, a number a little beside, or another verb of the same family. */
static void change_step(const struct edit *edit)
{
    static const uint8_t endings[] = {SCENARIO_PEER_SHUTDOWN, SCENARIO_PEER_CLOSE,
                                      SCENARIO_PEER_RESET};
    unsigned at = any_step(edit);
    struct scenario_step step = edit->in->steps[at];
    const uint8_t *literal = literal_of(edit, &step);
    bool ending = step.verb == SCENARIO_PEER_SHUTDOWN || step.verb == SCENARIO_PEER_CLOSE ||
                  step.verb == SCENARIO_PEER_RESET;
    if (ending && chance(edit->random, 2)) {
        step.verb = endings[random_below(edit->random, 3)];
    } else if (chance(edit->random, 2)) {
        literal = dialogue_fill(&step, edit->random, edit->shape);
    } else if (chance(edit->random, 3)) {
        step.repeat = (uint16_t)nudge(step.repeat, edit->random);
    } else if (step.from != SCENARIO_ALL && step.from != 0) {
        step.from = nudge(step.from, edit->random);
    } else {
        step.to = step.to == SCENARIO_ALL ? 1 + random_below(edit->random, 24)
                                          : nudge(step.to, edit->random);
    }
    (void)dialogue_fit(&step, edit->shape->role); /* within the bounds of what is made up */
    keep(edit, 0, at);
    keep_changed(edit, &step, literal);
    keep(edit, at + 1, edit->in->count);
}

static void change_place(const struct edit *edit)
{
    unsigned at = any_step(edit);
    struct scenario_step step = edit->in->steps[at];
    if (step.place_call == SCENARIO_CALL_NONE) {
        dialogue_place(&step, edit->random, edit->shape);
    } else if (chance(edit->random, 2)) {
        step.place_call = SCENARIO_CALL_NONE;
    } else {
        step.place_nth = (uint8_t)(1 + random_below(edit->random, 8));
    }
    keep(edit, 0, at);
    keep_changed(edit, &step, literal_of(edit, &step));
    keep(edit, at + 1, edit->in->count);
}

/* Another peer takes over a run of steps. */
static void change_ids(const struct edit *edit)
{
    unsigned first = any_step(edit);
    unsigned end = any_end(edit, first);
    uint8_t from = edit->in->steps[first].id;
    uint8_t to = (uint8_t)random_below(edit->random, 4);
    keep(edit, 0, first);
    for (unsigned i = first; i < end; i++) {
        struct scenario_step step = edit->in->steps[i];
        step.id = step.id == from ? to : step.id;
        keep_changed(edit, &step, literal_of(edit, &step));
    }
    keep(edit, end, edit->in->count);
}

static void cut_tail(const struct edit *edit)
{
    keep(edit, 0, 1 + any_step(edit));
}

static void start_over(const struct edit *edit)
{
    scenario_generate(edit->out, edit->random, edit->shape);
}

/* One dialogue, again and again until its end each time: what a program keeps of each adds up. */
static void repeat_dialogue(const struct edit *edit)
{
    struct scenario one;
    scenario_clear(&one);
    dialogue_append(&one, dialogue_follow(&one, 0), edit->random, edit->shape);
    for (uint32_t open = dialogue_follow(&one, one.count).open; open != 0; open &= open - 1) {
        struct scenario_step end = {.verb = chance(edit->random, 2) ? SCENARIO_PEER_RESET
                                                                    : SCENARIO_PEER_CLOSE,
                                    .id = (uint8_t)__builtin_ctz(open)};
        enum status status = scenario_append(&one, &end, NULL);
        assert(status == STATUS_OK);
        (void)status;
    }
    for (unsigned times = 4 + random_below(edit->random, 3); times > 0; times--) {
        (void)scenario_append_run(edit->out, &one, 0, one.count, edit->shape->steps_max);
    }
}

/* Each stands as often as it should be drawn. */
static void (*const edits[])(const struct edit *) = {
    insert_dialogue, insert_dialogue, insert_dialogue, insert_dialogue, insert_dialogue,
    insert_dialogue, insert_step,     insert_step,     insert_step,     insert_step,
    insert_step,     remove_run,      remove_run,      repeat_run,      move_run,
    swap_steps,      change_step,     change_step,     change_step,     change_step,
    change_place,    change_place,    change_place,    change_ids,      cut_tail,
    start_over,      repeat_dialogue};

/* A large message costs as much as twenty steps of another kind. */
void scenario_limit_large(struct scenario *scenario, enum scenario_role role)
{
    unsigned larges = 0;
    for (unsigned i = 0; i < scenario->count; i++) {
        struct scenario_step *step = &scenario->steps[i];
        bool sends = (scenario_verbs[step->verb].fields & SCENARIO_USES_PAYLOAD) != 0;
        if (!sends || step->what != SCENARIO_PAYLOAD_LARGE) {
            continue;
        }
        if (larges < LARGE_MAX) {
            unsigned room = LARGE_MAX - larges;
            step->repeat = step->repeat < room ? step->repeat : (uint16_t)room;
            larges += step->repeat;
        } else {
            step->what = SCENARIO_PAYLOAD_REQUEST;
            step->repeat = 1;
            (void)dialogue_fit(step, role);
            scenario_step_reduce(step);
        }
    }
}

/* Leaves out what means nothing in the role, and steps that are too many. */
static void fit(const struct scenario *scenario, struct scenario *out,
                const struct scenario_shape *shape)
{
    scenario_clear(out);
    for (unsigned i = 0; i < scenario->count && out->count < shape->steps_max; i++) {
        struct scenario_step step = scenario->steps[i];
        if (dialogue_fit(&step, shape->role)) {
            enum status status = scenario_append(out, &step, scenario->literal + step.literal_at);
            assert(status == STATUS_OK);
            (void)status;
        }
    }
}

/* A scenario of peers that never connect reaches nothing: mostly it gets a connection in front. */
static void ensure_opens(struct scenario *scenario, struct scenario *spare, struct random *random,
                         const struct scenario_shape *shape)
{
    bool peers = shape->role == SCENARIO_ROLE_SERVER || shape->role == SCENARIO_ROLE_CLIENT;
    if (!peers || dialogue_follow(scenario, scenario->count).used != 0 || chance(random, 16)) {
        return;
    }
    scenario_copy(spare, scenario);
    scenario_clear(scenario);
    dialogue_append_open(scenario, 0, shape);
    (void)scenario_append_run(scenario, spare, 0, spare->count, shape->steps_max);
}

static void check_shape(const struct scenario_shape *shape)
{
    assert((unsigned)shape->role < SCENARIO_ROLE_COUNT);
    assert(shape->steps_max >= 1 && shape->steps_max <= SCENARIO_STEPS_MAX);
    (void)shape;
}

void scenario_generate(struct scenario *ret_scenario, struct random *random,
                       const struct scenario_shape *shape)
{
    check_shape(shape);
    struct scenario spare;
    scenario_clear(ret_scenario);
    unsigned dialogues = 1 + random_below(random, 3);
    if (chance(random, 4)) {
        dialogues += random_below(random, 3);
    }
    for (unsigned i = 0; i < dialogues || ret_scenario->count == 0; i++) {
        unsigned gap = ret_scenario->count;
        if (gap > 0 && chance(random, 3)) {
            gap = random_below(random, gap);
        }
        struct dialogue_peers peers = dialogue_follow(ret_scenario, gap);
        scenario_copy(&spare, ret_scenario);
        scenario_clear(ret_scenario);
        (void)scenario_append_run(ret_scenario, &spare, 0, gap, shape->steps_max);
        dialogue_append(ret_scenario, peers, random, shape);
        (void)scenario_append_run(ret_scenario, &spare, gap, spare.count, shape->steps_max);
    }
    ensure_opens(ret_scenario, &spare, random, shape);
}

static void append_peer(struct scenario *scenario, enum scenario_verb verb, unsigned id)
{
    struct scenario_step step = {.verb = (uint8_t)verb, .id = (uint8_t)id};
    if (verb == SCENARIO_PEER_SEND) {
        step.what = SCENARIO_PAYLOAD_REQUEST;
        step.to = SCENARIO_ALL;
    }
    enum status status = scenario_append(scenario, &step, NULL);
    assert(status == STATUS_OK);
    (void)status;
}

static void append_other(struct scenario *scenario, enum scenario_verb verb, uint8_t what,
                         uint32_t number)
{
    struct scenario_step step = {.verb = (uint8_t)verb, .what = what, .from = number};
    enum status status = scenario_append(scenario, &step, NULL);
    assert(status == STATUS_OK);
    (void)status;
}

void scenario_burst(struct scenario *ret_scenario, struct random *random)
{
    enum { PEERS = SCENARIO_SOCKETS_MAX, RETRY_MS = 20000, SILENCE_MS = 300000 };
    scenario_clear(ret_scenario);
    append_other(ret_scenario, SCENARIO_WIRE_HOLD, SCENARIO_TO_TARGET, 0);
    for (unsigned i = 0; i < PEERS; i++) {
        append_peer(ret_scenario, SCENARIO_PEER_CONNECT, i);
    }
    for (unsigned i = 0; i < BURST_CONNECTS - PEERS; i++) {
        append_peer(ret_scenario, SCENARIO_PEER_RESET, i % BURST_RESETS_OF);
        append_peer(ret_scenario, SCENARIO_PEER_CONNECT, i % BURST_RESETS_OF);
    }
    /* They give up before the server sees them, or between its accepts. */
    bool before = chance(random, 2);
    if (!before) {
        append_other(ret_scenario, SCENARIO_WIRE_RELEASE, SCENARIO_TO_TARGET, 0);
    }
    for (unsigned i = 0; i < BURST_RESETS_OF; i++) {
        append_peer(ret_scenario, SCENARIO_PEER_RESET, i);
    }
    if (before) {
        append_other(ret_scenario, SCENARIO_WIRE_RELEASE, SCENARIO_TO_TARGET, 0);
    }
    append_other(ret_scenario, SCENARIO_TIME_ADVANCE, 0, RETRY_MS); /* lost SYNs come again */
    append_peer(ret_scenario, SCENARIO_PEER_SEND, PEERS - 1);
    /* A server for one client at a time sits out the silent ones. */
    append_other(ret_scenario, SCENARIO_TIME_ADVANCE, 0, SILENCE_MS);
}

void scenario_mutate(struct scenario *scenario, struct random *random,
                     const struct scenario_shape *shape)
{
    check_shape(shape);
    struct scenario spare;
    fit(scenario, &spare, shape);
    unsigned rounds = chance(random, 3) ? 1 + random_below(random, 4) : 1;
    /* The two buffers take turns; the result ends in the caller's. */
    struct scenario *in = &spare;
    struct scenario *out = scenario;
    for (unsigned i = 0; i < rounds; i++) {
        if (in->count == 0) {
            scenario_generate(in, random, shape);
        }
        scenario_clear(out);
        const struct edit edit = {in, out, random, shape};
        edits[random_below(random, sizeof(edits) / sizeof(edits[0]))](&edit);
        struct scenario *written = out;
        out = in;
        in = written;
    }
    if (in->count == 0) {
        scenario_generate(in, random, shape);
    }
    ensure_opens(in, out, random, shape);
    scenario_limit_large(in, shape->role);
    if (in != scenario) {
        scenario_copy(scenario, in);
    }
}

/* Appends [first, end) of `source` with its ids moved on by `shift`. */
static void append_shifted(struct scenario *scenario, const struct scenario *source, unsigned first,
                           unsigned end, unsigned shift)
{
    for (unsigned i = first; i < end; i++) {
        struct scenario_step step = source->steps[i];
        step.id = (uint8_t)((step.id + shift) % SCENARIO_SOCKETS_MAX);
        if (scenario_append(scenario, &step, source->literal + step.literal_at) != STATUS_OK) {
            return;
        }
    }
}

static void interleave(const struct scenario *a, const struct scenario *b,
                       struct scenario *ret_scenario, struct random *random, unsigned shift)
{
    unsigned at_a = 0;
    unsigned at_b = 0;
    while (at_a < a->count || at_b < b->count) {
        bool from_a = at_b == b->count || (at_a < a->count && chance(random, 2));
        if (from_a) {
            (void)scenario_append_run(ret_scenario, a, at_a, at_a + 1, SCENARIO_STEPS_MAX);
            at_a++;
        } else {
            append_shifted(ret_scenario, b, at_b, at_b + 1, shift);
            at_b++;
        }
    }
}

void scenario_splice(const struct scenario *a, const struct scenario *b,
                     struct scenario *ret_scenario, struct random *random)
{
    assert(ret_scenario != a && ret_scenario != b);
    scenario_clear(ret_scenario);
    unsigned shift = chance(random, 2) ? 1 + random_below(random, 3) : 0;
    if (chance(random, 4)) {
        interleave(a, b, ret_scenario, random, shift);
        return;
    }
    unsigned gap = random_below(random, a->count + 1U);
    unsigned first = random_below(random, b->count + 1U);
    unsigned end = first + random_below(random, b->count - first + 1U);
    (void)scenario_append_run(ret_scenario, a, 0, gap, SCENARIO_STEPS_MAX);
    append_shifted(ret_scenario, b, first, end, shift);
    if (chance(random, 2)) {
        (void)scenario_append_run(ret_scenario, a, gap, a->count, SCENARIO_STEPS_MAX);
    }
}
