/* Made-up scenarios, the form in which traces are compared, and what finds and shrinks a
 * difference; both worlds are the model, one of them twisted where a test wants a difference. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "diff/diff.h"
#include "diff/generate.h"
#include "diff/slow.h"
#include "model/model.h"
#include "scenario/text.h"

static const struct diff_shape usual = {.steps_min = 25, .steps_max = 45};

struct pair {
    struct world *worlds[DIFF_WORLDS];
    struct diff *diff;
};

static struct world *open_model(void)
{
    struct status_detail detail = {""};
    struct model *model = NULL;
    assert_ok(model_new(NULL, &model, &detail), &detail);
    return model_world(model);
}

static void open_pair(struct pair *pair)
{
    struct status_detail detail = {""};
    pair->worlds[DIFF_TOLD] = open_model();
    pair->worlds[DIFF_CHOOSES] = open_model();
    assert_ok(diff_new(pair->worlds[DIFF_TOLD], pair->worlds[DIFF_CHOOSES], &pair->diff, &detail),
              &detail);
}

static void close_pair(struct pair *pair)
{
    diff_free(pair->diff);
    for (unsigned i = 0; i < DIFF_WORLDS; i++) {
        pair->worlds[i]->ops->free(pair->worlds[i]);
    }
}

static void generate(struct scenario *scenario, uint64_t seed)
{
    struct random random = {.state = seed};
    diff_generate(scenario, &random, &usual);
}

static void generated_scenario_is_valid_and_comes_again(void **state)
{
    static struct scenario first;
    static struct scenario second;
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        generate(&first, seed);
        generate(&second, seed);
        assert_true(scenario_valid(&first));
        assert_true(scenario_equal(&first, &second));
        assert_true(first.count >= usual.steps_min);
    }
}

/* ---- The vocabulary: all of the language that role stack has, but for what stands here ---- */

/* clang-format off */
static const struct {
    unsigned first;
    unsigned last;
    const char *reason;
} unused_verbs[] = {
    {SCENARIO_PEER_CONNECT, SCENARIO_PEER_UNLISTEN, "peers stand for the other end where there is a program"},
    {SCENARIO_KERNEL_FAIL, SCENARIO_KERNEL_INTERRUPT, "faults strike calls of a program"},
    {SCENARIO_KERNEL_ORDER, SCENARIO_KERNEL_ORDER, "Linux decides the order of ready descriptors itself"},
    {SCENARIO_TIME_CLOCK, SCENARIO_TIME_CLOCK, "scripted programs read no clock"},
    {SCENARIO_TARGET_SIGNAL, SCENARIO_TARGET_RESTART, "there is no program"},
};
/* clang-format on */

/* What a number of scenarios was made of. */
struct vocabulary {
    uint64_t verbs;
    uint64_t set; /* options */
    uint64_t got;
    uint32_t words[SCENARIO_VERB_COUNT]; /* bits */
    uint32_t segments[SCENARIO_VERB_COUNT];
    uint32_t directions[SCENARIO_VERB_COUNT];
    uint32_t calls[SCENARIO_VERB_COUNT];
    uint32_t hows;
    uint32_t payloads;
    bool repeats;
    bool set_off;
    bool port_held;   /* a port to connect from that another socket of the host connects from */
    bool port_served; /* the same, after that one was closed */
};

/* What each socket of a scenario was bound and connected to; 0: not. */
struct port_use {
    uint32_t bound[SCENARIO_SOCKETS_MAX];
    uint32_t to[SCENARIO_SOCKETS_MAX];
    bool closed[SCENARIO_SOCKETS_MAX];
};

static void take_ports(struct vocabulary *seen, struct port_use *use,
                       const struct scenario_step *step)
{
    switch (step->verb) {
    case SCENARIO_APP_BIND:
        use->bound[step->id] = step->from;
        break;
    case SCENARIO_APP_CLOSE:
    case SCENARIO_APP_RESET:
        use->closed[step->id] = true;
        break;
    case SCENARIO_APP_CONNECT:
        for (unsigned i = 0; use->bound[step->id] != 0 && i < SCENARIO_SOCKETS_MAX; i++) {
            bool same = use->bound[i] == use->bound[step->id] && use->to[i] == step->from;
            seen->port_held |= i != step->id && same && !use->closed[i];
            seen->port_served |= i != step->id && same && use->closed[i];
        }
        use->to[step->id] = step->from;
        break;
    default:
        break;
    }
}

static void take_step(struct vocabulary *seen, const struct scenario_step *step)
{
    uint32_t fields = scenario_verbs[step->verb].fields;
    seen->verbs |= 1ULL << step->verb;
    if (step->verb == SCENARIO_APP_OPTION) {
        seen->set |= 1ULL << step->what;
        seen->set_off |= step->from == SCENARIO_ALL;
    } else if (step->verb == SCENARIO_APP_GET) {
        seen->got |= 1ULL << step->what;
    }
    if ((fields & SCENARIO_USES_WORDS) != 0) {
        seen->words[step->verb] |= step->kind;
    }
    if ((fields & SCENARIO_USES_SEGMENT) != 0) {
        seen->segments[step->verb] |= 1U << step->kind;
    }
    if ((fields & SCENARIO_USES_DIRECTION) != 0) {
        seen->directions[step->verb] |= 1U << step->what;
    }
    if ((fields & SCENARIO_USES_HOW) != 0) {
        seen->hows |= 1U << step->what;
    }
    if ((fields & SCENARIO_USES_CALL) != 0) {
        seen->calls[step->verb] |= 1U << step->what;
    }
    if ((fields & SCENARIO_USES_PAYLOAD) != 0) {
        seen->payloads |= 1U << step->what;
        seen->repeats |= step->repeat > 1;
    }
}

static void take_scenarios(struct vocabulary *seen, bool slow, uint64_t count)
{
    static struct scenario scenario;
    for (uint64_t seed = 0; seed < count; seed++) {
        struct random random = {.state = seed};
        if (slow) {
            diff_generate_slow(&scenario, &random);
            assert_true(scenario_valid(&scenario));
        } else {
            diff_generate(&scenario, &random, &usual);
        }
        struct port_use use = {0};
        for (unsigned i = 0; i < scenario.count; i++) {
            take_step(seen, &scenario.steps[i]);
            take_ports(seen, &use, &scenario.steps[i]);
        }
    }
}

static bool is_unused(unsigned verb)
{
    for (size_t i = 0; i < sizeof unused_verbs / sizeof unused_verbs[0]; i++) {
        if (verb >= unused_verbs[i].first && verb <= unused_verbs[i].last) {
            return true;
        }
    }
    return false;
}

static uint32_t words_of(unsigned verb)
{
    const struct scenario_verb_row *row = &scenario_verbs[verb];
    uint32_t bits = 0;
    for (unsigned i = 0; i < sizeof row->words / sizeof row->words[0]; i++) {
        bits |= row->words[i] != NULL ? 1U << i : 0;
    }
    return bits;
}

/* What the table of verbs says that this one can be, all of it was made; and nothing that is said
 * to be left out. */
static void check_verb(const struct vocabulary *seen, unsigned verb)
{
    uint32_t fields = scenario_verbs[verb].fields;
    bool made = (seen->verbs >> verb & 1) != 0;
    if (made == is_unused(verb)) {
        fail_msg("%s %s: %s", scenario_actor_name(scenario_verbs[verb].actor),
                 scenario_verbs[verb].word, made ? "made, though left out" : "never made");
    }
    if (!made) {
        return;
    }
    if ((fields & SCENARIO_USES_WORDS) != 0) {
        assert_int_equal(seen->words[verb], words_of(verb));
    }
    if ((fields & SCENARIO_USES_CALL) != 0) {
        assert_int_equal(seen->calls[verb], scenario_verbs[verb].calls);
    }
    if ((fields & SCENARIO_USES_SEGMENT) != 0) {
        assert_int_equal(seen->segments[verb], (1U << SCENARIO_SEGMENT_COUNT) - 1);
    }
    if ((fields & SCENARIO_USES_DIRECTION) != 0) {
        assert_int_equal(seen->directions[verb], (1U << SCENARIO_DIRECTION_COUNT) - 1);
    }
}

static void generated_scenarios_use_all_of_role_stack(void **state)
{
    static struct vocabulary seen;
    (void)state;
    take_scenarios(&seen, false, 3000);
    take_scenarios(&seen, true, 300);
    for (unsigned verb = 0; verb < SCENARIO_VERB_COUNT; verb++) {
        check_verb(&seen, verb);
    }
    assert_int_equal(seen.set, (1ULL << SCENARIO_OPTION_COUNT) - 1);
    assert_int_equal(seen.got, (1ULL << SCENARIO_OPTION_COUNT) - 1);
    assert_int_equal(seen.hows, (1U << SCENARIO_HOW_COUNT) - 1);
    /* All others are a profile's, which there is none of. */
    assert_int_equal(seen.payloads, 1U << SCENARIO_PAYLOAD_FILL | 1U << SCENARIO_PAYLOAD_LITERAL);
    assert_true(seen.repeats && seen.set_off);
    assert_true(seen.port_held && seen.port_served);
}

static void most_steps_have_an_effect(void **state)
{
    static struct scenario scenario;
    struct pair pair;
    struct status_detail detail = {""};
    uint64_t steps = 0;
    (void)state;
    open_pair(&pair);
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct diff_result result;
        generate(&scenario, seed);
        assert_ok(diff_play(pair.diff, &scenario, seed, &result, &detail), &detail);
        assert_true(result.same);
        steps += result.steps_effective;
    }
    assert_true(steps >= UINT64_C(300) * 20);
    close_pair(&pair);
}

static int refuse(struct world *world, int s, int level, int name, const void *value, uint32_t size)
{
    (void)world;
    (void)s;
    (void)level;
    (void)name;
    (void)value;
    (void)size;
    return -ENOBUFS;
}

static void difference_is_found_and_made_small(void **state)
{
    static struct scenario scenario;
    struct pair pair;
    struct status_detail detail = {""};
    struct diff_result result = {.same = true};
    struct world_ops twisted;
    (void)state;
    open_pair(&pair);
    twisted = *pair.worlds[DIFF_CHOOSES]->ops;
    twisted.option_set = refuse;
    diff_free(pair.diff);
    pair.worlds[DIFF_CHOOSES]->ops = &twisted;
    assert_ok(diff_new(pair.worlds[DIFF_TOLD], pair.worlds[DIFF_CHOOSES], &pair.diff, &detail),
              &detail);
    for (uint64_t seed = 0; result.same; seed++) {
        generate(&scenario, seed);
        assert_ok(diff_play(pair.diff, &scenario, 1, &result, &detail), &detail);
    }
    assert_ok(diff_shrink(pair.diff, &scenario, 1, &detail), &detail);
    assert_ok(diff_play(pair.diff, &scenario, 1, &result, &detail), &detail);
    assert_false(result.same);
    assert_int_equal(scenario.count, 2); /* a socket, and the option that is refused */
    close_pair(&pair);
}

static int64_t send_nothing(struct world *world, int s, const void *data, size_t size, int flags)
{
    (void)world;
    (void)s;
    (void)data;
    (void)size;
    (void)flags;
    return -EAGAIN;
}

/* A kernel that takes nothing although there is room makes no choice that the model could make. */
static void choice_that_cannot_be_made_is_a_difference(void **state)
{
    static const char steps[] = "app socket\napp bind 7001\napp listen 1\napp 1 socket peer\n"
                                "app 1 connect 7001\napp 1 send fill 10\n";
    static struct scenario_text text;
    struct pair pair;
    struct status_detail detail = {""};
    struct diff_result result = {.same = true};
    struct world_ops twisted;
    (void)state;
    assert_ok(scenario_parse("steps", steps, strlen(steps), &text, &detail), &detail);
    open_pair(&pair);
    assert_ok(diff_play(pair.diff, &text.scenario, 1, &result, &detail), &detail);
    assert_true(result.same);
    twisted = *pair.worlds[DIFF_CHOOSES]->ops;
    twisted.send = send_nothing;
    diff_free(pair.diff);
    pair.worlds[DIFF_CHOOSES]->ops = &twisted;
    assert_ok(diff_new(pair.worlds[DIFF_TOLD], pair.worlds[DIFF_CHOOSES], &pair.diff, &detail),
              &detail);
    assert_ok(diff_play(pair.diff, &text.scenario, 1, &result, &detail), &detail);
    assert_false(result.same);
    close_pair(&pair);
}

/* A kernel whose SYN goes out again in the first plays: the process did not get its turn. */
static struct pair chancy;
static unsigned chances_left;
static enum diff_choice chance;
static enum trace_fate again;                             /* what becomes of the SYN */
static enum scenario_segment both = SCENARIO_SEGMENT_RST; /* that both show at each poll */
static bool led;                                          /* what the SYN led to stands before it */
static int64_t slow_us;                                   /* that each look at the clock takes */

/* What the traces of both worlds show at each poll; then what that of the one that chooses shows as
 * long as it is spoilt. */
static void show_segment(unsigned which, enum scenario_segment kind, enum trace_fate fate)
{
    struct trace *trace = (struct trace *)(uintptr_t)diff_trace(chancy.diff, which);
    struct trace_event *event = trace_add(trace, TRACE_SEGMENT, TRACE_HOST_TARGET);
    event->what = (uint8_t)kind;
    event->result = fate;
}

static int poll_of_the_told(struct world *world, int s)
{
    (void)world;
    (void)s;
    show_segment(DIFF_TOLD, both, TRACE_FATE_SENT);
    return 0;
}

static int poll_of_the_chooser(struct world *world, int s)
{
    (void)world;
    (void)s;
    show_segment(DIFF_CHOOSES, both, TRACE_FATE_SENT);
    if (chances_left > 0) {
        chances_left--;
        if (chance == DIFF_CHOICE_STALL) {
            if (led) {
                show_segment(DIFF_CHOOSES, SCENARIO_SEGMENT_FIN, TRACE_FATE_SENT);
            }
            show_segment(DIFF_CHOOSES, SCENARIO_SEGMENT_SYN, again);
        } else {
            show_segment(DIFF_CHOOSES, SCENARIO_SEGMENT_RST, TRACE_FATE_SENT);
        }
    }
    return 0;
}

static int64_t slow_clock(void)
{
    static int64_t now_us;
    return now_us += slow_us;
}

static void spoilt_play_is_made_anew(enum diff_choice spoils)
{
    static struct scenario_text parsed;
    static const char steps[] = "app socket\napp poll\n";
    struct status_detail detail = {""};
    struct diff_result result = {0};
    struct world_ops twisted[DIFF_WORLDS];
    open_pair(&chancy);
    for (unsigned i = 0; i < DIFF_WORLDS; i++) {
        twisted[i] = *chancy.worlds[i]->ops;
        twisted[i].poll = i == DIFF_CHOOSES ? poll_of_the_chooser : poll_of_the_told;
        chancy.worlds[i]->ops = &twisted[i];
    }
    diff_free(chancy.diff);
    assert_ok(
        diff_new(chancy.worlds[DIFF_TOLD], chancy.worlds[DIFF_CHOOSES], &chancy.diff, &detail),
        &detail);
    diff_set_clock(chancy.diff, slow_clock);
    assert_ok(scenario_parse("steps", steps, sizeof steps - 1, &parsed, &detail), &detail);
    chance = spoils;
    chances_left = 2;
    assert_ok(diff_play(chancy.diff, &parsed.scenario, 1, &result, &detail), &detail);
    assert_true(result.same);
    assert_int_equal(diff_uses(chancy.diff)[spoils], 2);
    chances_left = UINT32_MAX; /* what comes every time is no chance */
    assert_ok(diff_play(chancy.diff, &parsed.scenario, 1, &result, &detail), &detail);
    assert_false(result.same);
    close_pair(&chancy);
}

static void play_that_a_stall_spoilt_is_made_anew(void **state)
{
    (void)state;
    again = TRACE_FATE_RETRANSMITTED;
    spoilt_play_is_made_anew(DIFF_CHOICE_STALL);
    led = true;
    spoilt_play_is_made_anew(DIFF_CHOICE_STALL);
    led = false;
    again = TRACE_FATE_DROPPED;
    both = SCENARIO_SEGMENT_SYN; /* of which it is the second */
    spoilt_play_is_made_anew(DIFF_CHOICE_STALL);
    both = SCENARIO_SEGMENT_RST; /* nothing tells but the time */
    slow_us = 1000000;
    spoilt_play_is_made_anew(DIFF_CHOICE_STALL);
    slow_us = 0;
}

static void play_that_a_zero_in_a_window_spoilt_is_made_anew(void **state)
{
    (void)state;
    spoilt_play_is_made_anew(DIFF_CHOICE_ZERO);
}

/* ---- The form ---- */

static struct trace_event *add(struct trace *trace, enum trace_kind kind, unsigned what, int64_t a,
                               int64_t b)
{
    struct trace_event *event = trace_add(trace, kind, TRACE_HOST_PEER);
    event->what = (uint8_t)what;
    event->conn = 1;
    event->a = a;
    event->b = b;
    return event;
}

static void form_leaves_out_what_a_kernel_may_choose(void **state)
{
    static struct diff_form form;
    struct status_detail detail = {""};
    struct trace trace = {0};
    uint64_t uses[DIFF_CHOICE_COUNT] = {0};
    (void)state;
    assert_ok(trace_init(&trace, 64), &detail);
    add(&trace, TRACE_SEGMENT, SCENARIO_SEGMENT_DATA, 1, 100);
    add(&trace, TRACE_SEGMENT, SCENARIO_SEGMENT_DATA, 101, 50);
    add(&trace, TRACE_SEGMENT, SCENARIO_SEGMENT_ACK, 1, 0);
    add(&trace, TRACE_CALL, TRACE_CALL_GETSOCKNAME, 40123, 0);
    add(&trace, TRACE_CALL, TRACE_CALL_GETPEERNAME, 7000, 0);
    diff_form_take(&form, &trace, NULL, uses);
    assert_int_equal(form.count, 3);
    assert_int_equal(form.events[0].b, 150);
    assert_int_equal(form.events[1].a, 32768);
    assert_int_equal(form.events[2].a, 7000);
    assert_int_equal(uses[DIFF_CHOICE_CUT], 1);
    assert_int_equal(uses[DIFF_CHOICE_ACKNOWLEDGE], 1);
    assert_int_equal(uses[DIFF_CHOICE_PORT], 1);
    trace_done(&trace);
}

/* A socket and a connection made with it, of which both are asked for their ports. */
static void add_names(struct trace *trace, int fd, uint32_t conn, int64_t before, int64_t after)
{
    struct trace_event *event = add(trace, TRACE_CALL, TRACE_CALL_SOCKET, 0, 0);
    event->result = fd;
    event->conn = 0;
    event = add(trace, TRACE_CALL, TRACE_CALL_GETSOCKNAME, before, 0);
    event->fd = fd;
    event->conn = 0;
    event = add(trace, TRACE_CALL, TRACE_CALL_GETSOCKNAME, after, 0);
    event->fd = fd;
    event->conn = conn;
}

static uint32_t compare_names(const int64_t ports[4])
{
    static struct diff_form first;
    static struct diff_form second;
    struct status_detail detail = {""};
    struct trace trace = {0};
    uint64_t uses[DIFF_CHOICE_COUNT] = {0};
    assert_ok(trace_init(&trace, 64), &detail);
    add_names(&trace, 3, 1, 40001, 40001);
    add_names(&trace, 3, 2, 40002, 40002);
    diff_form_take(&first, &trace, NULL, uses);
    trace_clear(&trace);
    add_names(&trace, 3, 1, ports[0], ports[1]);
    add_names(&trace, 3, 2, ports[2], ports[3]);
    diff_form_take(&second, &trace, NULL, uses);
    trace_done(&trace);
    return diff_form_compare(&first, &second);
}

static void form_numbers_ports_by_who_has_them(void **state)
{
    (void)state;
    assert_int_equal(compare_names((int64_t[]){50001, 50001, 50002, 50002}), UINT32_MAX);
    /* Given back, and given again to another by chance. */
    assert_int_equal(compare_names((int64_t[]){50001, 50001, 50001, 50001}), UINT32_MAX);
    /* A socket that changes its port as it connects. */
    assert_int_equal(compare_names((int64_t[]){50001, 50003, 50002, 50002}), 2);
    assert_int_equal(compare_names((int64_t[]){50001, 50001, 50002, 50003}), 5);
}

static void form_joins_states_that_are_passed_through(void **state)
{
    static struct diff_form through;
    static struct diff_form sampled;
    struct status_detail detail = {""};
    struct trace trace = {0};
    uint64_t uses[DIFF_CHOICE_COUNT] = {0};
    (void)state;
    assert_ok(trace_init(&trace, 64), &detail);
    add(&trace, TRACE_STATE, TCP_ESTABLISHED, TCP_SYN_RECEIVED, TCP_EVENT_RECV_ACK);
    add(&trace, TRACE_STATE, TCP_CLOSE_WAIT, TCP_ESTABLISHED, TCP_EVENT_RECV_FIN);
    diff_form_take(&through, &trace, NULL, uses);
    trace_clear(&trace);
    add(&trace, TRACE_STATE, TCP_CLOSE_WAIT, TCP_SYN_RECEIVED, 0)->flags = TRACE_SAMPLED;
    diff_form_take(&sampled, &trace, NULL, uses);
    assert_int_equal(diff_form_compare(&through, &sampled), UINT32_MAX);
    sampled.events[0].what = TCP_LAST_ACK;
    assert_int_equal(diff_form_compare(&through, &sampled), 0);
    trace_done(&trace);
}

/* A step in which two ends change, and a call of the target's between them. */
static void add_step(struct trace *trace, enum scenario_verb verb, enum trace_host first)
{
    trace_clear(trace);
    add(trace, TRACE_STEP, verb, 0, 0);
    add(trace, TRACE_STATE, TCP_CLOSED, TCP_ESTABLISHED, 0)->host = (uint8_t)first;
    add(trace, TRACE_CALL, TRACE_CALL_CLOSE, 1, 0)->host = TRACE_HOST_TARGET;
    add(trace, TRACE_STATE, TCP_CLOSED, TCP_ESTABLISHED, 0)->host =
        (uint8_t)(TRACE_HOST_COUNT - 1 - first);
}

static void form_puts_ends_in_order_where_several_change_at_once(void **state)
{
    static struct diff_form one;
    static struct diff_form other;
    static const struct {
        enum scenario_verb verb;
        bool ordered;
    } verbs[] = {{SCENARIO_APP_DIE, true},
                 {SCENARIO_APP_BLOCKING, true},
                 {SCENARIO_TIME_ADVANCE, false}, /* but for `by_end` */
                 {SCENARIO_APP_CLOSE, false}};
    struct status_detail detail = {""};
    struct trace trace = {0};
    (void)state;
    assert_ok(trace_init(&trace, 64), &detail);
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        uint64_t uses[DIFF_CHOICE_COUNT] = {0};
        add_step(&trace, verbs[i].verb, TRACE_HOST_TARGET);
        diff_form_take(&one, &trace, NULL, uses);
        add_step(&trace, verbs[i].verb, TRACE_HOST_PEER);
        diff_form_take(&other, &trace, NULL, uses);
        assert_int_equal(diff_form_compare(&one, &other) == UINT32_MAX, verbs[i].ordered);
        assert_int_equal(uses[DIFF_CHOICE_ORDER] > 0, verbs[i].ordered);
        assert_int_equal(one.passed, UINT32_MAX);
    }
    trace_done(&trace);
}

static void form_sees_what_is_sent_again_and_lost(void **state)
{
    static struct diff_form form;
    struct status_detail detail = {""};
    struct trace trace = {0};
    uint64_t uses[DIFF_CHOICE_COUNT] = {0};
    (void)state;
    assert_ok(trace_init(&trace, 64), &detail);
    add(&trace, TRACE_SEGMENT, SCENARIO_SEGMENT_DATA, 1, 10)->result = TRACE_FATE_HELD;
    add(&trace, TRACE_STEP, SCENARIO_WIRE_DROP, 0, 0);
    add(&trace, TRACE_SEGMENT, SCENARIO_SEGMENT_DATA, 1, 10)->result = TRACE_FATE_DROPPED;
    diff_form_take(&form, &trace, NULL, uses);
    assert_int_equal(form.recovers, UINT32_MAX); /* the step took it */
    add(&trace, TRACE_SEGMENT, SCENARIO_SEGMENT_FIN, 1, 10)->result = TRACE_FATE_DROPPED;
    diff_form_take(&form, &trace, NULL, uses);
    assert_int_equal(form.recovers, 3);
    trace_done(&trace);
}

static void form_sees_a_window_update_refused(void **state)
{
    static struct diff_form form;
    struct status_detail detail = {""};
    struct trace trace = {0};
    uint64_t uses[DIFF_CHOICE_COUNT] = {0};
    (void)state;
    assert_ok(trace_init(&trace, 64), &detail);
    add(&trace, TRACE_STEP, SCENARIO_APP_SEND, 0, 0);
    add(&trace, TRACE_SEGMENT, SCENARIO_SEGMENT_RST, 1, 0);
    diff_form_take(&form, &trace, NULL, uses);
    assert_false(form.refuses[1]); /* it answers data */
    add(&trace, TRACE_STEP, SCENARIO_APP_RECV, 0, 0);
    add(&trace, TRACE_SEGMENT, SCENARIO_SEGMENT_RST, 1, 0);
    diff_form_take(&form, &trace, NULL, uses);
    assert_true(form.refuses[3]);
    assert_int_equal(uses[DIFF_CHOICE_REFUSE], 1);
    trace_done(&trace);
}

static void form_joins_a_close_in_the_handshake(void **state)
{
    static struct diff_form through;
    static struct diff_form sampled;
    struct status_detail detail = {""};
    struct trace trace = {0};
    uint64_t uses[DIFF_CHOICE_COUNT] = {0};
    (void)state;
    assert_ok(trace_init(&trace, 64), &detail);
    add(&trace, TRACE_STATE, TCP_FIN_WAIT_1, TCP_SYN_RECEIVED, TCP_EVENT_CLOSE);
    add(&trace, TRACE_SEGMENT, SCENARIO_SEGMENT_FIN, 1, 0);
    add(&trace, TRACE_SEGMENT, SCENARIO_SEGMENT_RST, 0, 0);
    add(&trace, TRACE_STATE, TCP_CLOSED, TCP_FIN_WAIT_1, TCP_EVENT_RECV_RST);
    diff_form_take(&through, &trace, NULL, uses);
    trace_clear(&trace);
    add(&trace, TRACE_STATE, TCP_CLOSED, TCP_SYN_RECEIVED, 0)->flags = TRACE_SAMPLED;
    add(&trace, TRACE_SEGMENT, SCENARIO_SEGMENT_FIN, 1, 0);
    add(&trace, TRACE_SEGMENT, SCENARIO_SEGMENT_RST, 0, 0);
    diff_form_take(&sampled, &trace, NULL, uses);
    assert_int_equal(diff_form_compare(&through, &sampled), UINT32_MAX);
    trace_done(&trace);
}

/* A close that ends FIN-WAIT-2 by an RST, with a look at that state or without. */
static void add_ended_wait(struct trace *trace, enum scenario_verb verb, bool seen)
{
    trace_clear(trace);
    add(trace, TRACE_STEP, verb, 0, 0);
    add(trace, TRACE_STATE, TCP_FIN_WAIT_1, TCP_ESTABLISHED, TCP_EVENT_CLOSE);
    add(trace, TRACE_SEGMENT, SCENARIO_SEGMENT_FIN, 1, 0);
    if (seen) {
        add(trace, TRACE_STATE, TCP_FIN_WAIT_2, TCP_FIN_WAIT_1, TCP_EVENT_RECV_ACK);
    }
    add(trace, TRACE_SEGMENT, SCENARIO_SEGMENT_RST, 2, 0);
    add(trace, TRACE_STATE, TCP_CLOSED, seen ? TCP_FIN_WAIT_2 : TCP_FIN_WAIT_1, TCP_EVENT_ABORT);
}

static void form_joins_fin_wait_2_that_a_waiting_close_ends(void **state)
{
    static struct diff_form seen;
    static struct diff_form sampled;
    static const enum scenario_verb verbs[] = {SCENARIO_APP_BLOCKING, SCENARIO_APP_CLOSE};
    struct status_detail detail = {""};
    struct trace trace = {0};
    uint64_t uses[DIFF_CHOICE_COUNT] = {0};
    (void)state;
    assert_ok(trace_init(&trace, 64), &detail);
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        bool waits = verbs[i] == SCENARIO_APP_BLOCKING;
        add_ended_wait(&trace, verbs[i], true);
        diff_form_take(&seen, &trace, NULL, uses);
        add_ended_wait(&trace, verbs[i], false);
        diff_form_take(&sampled, &trace, NULL, uses);
        assert_int_equal(diff_form_compare(&seen, &sampled) == UINT32_MAX, waits);
    }
    assert_int_equal(uses[DIFF_CHOICE_LOOK], 1);
    trace_done(&trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generated_scenario_is_valid_and_comes_again),
        cmocka_unit_test(generated_scenarios_use_all_of_role_stack),
        cmocka_unit_test(most_steps_have_an_effect),
        cmocka_unit_test(difference_is_found_and_made_small),
        cmocka_unit_test(choice_that_cannot_be_made_is_a_difference),
        cmocka_unit_test(play_that_a_stall_spoilt_is_made_anew),
        cmocka_unit_test(play_that_a_zero_in_a_window_spoilt_is_made_anew),
        cmocka_unit_test(form_puts_ends_in_order_where_several_change_at_once),
        cmocka_unit_test(form_sees_what_is_sent_again_and_lost),
        cmocka_unit_test(form_sees_a_window_update_refused),
        cmocka_unit_test(form_joins_a_close_in_the_handshake),
        cmocka_unit_test(form_joins_fin_wait_2_that_a_waiting_close_ends),
        cmocka_unit_test(form_leaves_out_what_a_kernel_may_choose),
        cmocka_unit_test(form_numbers_ports_by_who_has_them),
        cmocka_unit_test(form_joins_states_that_are_passed_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
