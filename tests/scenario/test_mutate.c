/* What generated and mutated scenarios are like, and that shrinking finds the core of one. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "scenario/mutate.h"
#include "scenario/shrink.h"
#include "support.h"

static struct scenario scenario;

static bool has_verb(const struct scenario *in, enum scenario_verb verb)
{
    for (unsigned i = 0; i < in->count; i++) {
        if (in->steps[i].verb == verb) {
            return true;
        }
    }
    return false;
}

/* Of a thousand scenarios grown from nothing, how many open a connection before anything else that
 * a peer does. */
static unsigned count_opening(enum scenario_role role, enum scenario_verb open)
{
    const struct scenario_shape shape = {role, 40};
    struct random random = {8};
    unsigned opening = 0;
    for (unsigned i = 0; i < 1000; i++) {
        scenario_clear(&scenario);
        for (unsigned rounds = 1 + i % 8; rounds > 0; rounds--) {
            scenario_mutate(&scenario, &random, &shape);
        }
        for (unsigned at = 0; at < scenario.count; at++) {
            const struct scenario_step *step = &scenario.steps[at];
            if (scenario_verbs[step->verb].actor == SCENARIO_ACTOR_PEER) {
                opening += step->verb == open;
                break;
            }
        }
    }
    return opening;
}

static void mutate_from_nothing_opens_connections(void **state)
{
    (void)state;
    assert_in_range(count_opening(SCENARIO_ROLE_SERVER, SCENARIO_PEER_CONNECT), 850, 1000);
    assert_in_range(count_opening(SCENARIO_ROLE_CLIENT, SCENARIO_PEER_ACCEPT), 750, 1000);
}

static void mutate_gives_a_scenario_without_a_connection_one(void **state)
{
    (void)state;
    const struct scenario_shape shape = {SCENARIO_ROLE_SERVER, 40};
    struct random random = {12};
    unsigned opened = 0;
    for (unsigned i = 0; i < 1000; i++) {
        support_parse("peer send request\npeer 1 send request\ntime advance 1s", &scenario);
        scenario_mutate(&scenario, &random, &shape);
        opened += has_verb(&scenario, SCENARIO_PEER_CONNECT);
    }
    assert_in_range(opened, 900, 999);
}

static unsigned larges_in(const struct scenario *in)
{
    unsigned larges = 0;
    for (unsigned i = 0; i < in->count; i++) {
        const struct scenario_step *step = &in->steps[i];
        if (step->verb == SCENARIO_PEER_SEND && step->what == SCENARIO_PAYLOAD_LARGE) {
            larges += step->repeat;
        }
    }
    return larges;
}

static void mutate_of_many_large_messages_keeps_few(void **state)
{
    (void)state;
    const struct scenario_shape shape = {SCENARIO_ROLE_SERVER, 40};
    struct random random = {13};
    unsigned larges = 0;
    for (unsigned i = 0; i < 1000; i++) {
        support_parse("peer connect\npeer send large x 9\npeer send large\npeer send large x 3",
                      &scenario);
        scenario_mutate(&scenario, &random, &shape);
        assert_in_range(larges_in(&scenario), 0, 2);
        larges += larges_in(&scenario);
    }
    assert_in_range(larges, 1500, 2000);
}

static void limit_large_leaves_two_and_makes_the_others_messages_of_the_role(void **state)
{
    (void)state;
    support_parse("peer accept\npeer send large\npeer send large x 3\npeer send large x 2",
                  &scenario);
    scenario_limit_large(&scenario, SCENARIO_ROLE_CLIENT);
    assert_true(scenario_valid(&scenario));
    assert_int_equal(larges_in(&scenario), 2);
    assert_int_equal(scenario.steps[3].what, SCENARIO_PAYLOAD_RESPONSE);
    assert_int_equal(scenario.steps[3].repeat, 1);
}

static void burst_begins_more_connections_than_a_queue_of_128_holds(void **state)
{
    (void)state;
    struct random random = {14};
    scenario_burst(&scenario, &random);
    unsigned connects = 0;
    for (unsigned i = 0; i < scenario.count; i++) {
        connects += scenario.steps[i].verb == SCENARIO_PEER_CONNECT;
    }
    assert_true(scenario_valid(&scenario));
    assert_in_range(connects, 130, SCENARIO_STEPS_MAX);
}

static void generate_draws_every_verb_of_the_role(void **state)
{
    (void)state;
    static const enum scenario_role roles[] = {SCENARIO_ROLE_SERVER, SCENARIO_ROLE_CLIENT,
                                               SCENARIO_ROLE_STACK};
    bool seen[SCENARIO_VERB_COUNT] = {false};
    for (unsigned role = 0; role < sizeof(roles) / sizeof(roles[0]); role++) {
        const struct scenario_shape shape = {roles[role], 40};
        struct random random = {9};
        scenario_clear(&scenario);
        for (unsigned i = 0; i < 20000; i++) {
            scenario_mutate(&scenario, &random, &shape);
            for (unsigned at = 0; at < scenario.count; at++) {
                seen[scenario.steps[at].verb] = true;
            }
        }
    }
    for (unsigned verb = 0; verb < SCENARIO_VERB_COUNT; verb++) {
        if (!seen[verb]) {
            print_error("never drawn: %s %s\n", scenario_actor_name(scenario_verbs[verb].actor),
                        scenario_verbs[verb].word);
        }
        assert_true(seen[verb]);
    }
}

static void mutate_keeps_to_the_role(void **state)
{
    (void)state;
    struct random random = {10};
    for (unsigned i = 0; i < 20000; i++) {
        const struct scenario_shape shape = {(enum scenario_role)(i % SCENARIO_ROLE_STACK), 20};
        support_random(&scenario, &random);
        scenario_mutate(&scenario, &random, &shape);
        for (unsigned at = 0; at < scenario.count; at++) {
            enum scenario_actor actor = scenario_verbs[scenario.steps[at].verb].actor;
            assert_int_not_equal(actor, SCENARIO_ACTOR_APP);
            assert_false(actor == SCENARIO_ACTOR_PEER && shape.role == SCENARIO_ROLE_PAIR);
        }
        assert_false(shape.role == SCENARIO_ROLE_SERVER &&
                     has_verb(&scenario, SCENARIO_PEER_ACCEPT));
        assert_false(shape.role == SCENARIO_ROLE_CLIENT &&
                     has_verb(&scenario, SCENARIO_PEER_CONNECT));
    }
}

static void mutate_never_makes_up_a_tiny_receive_buffer(void **state)
{
    (void)state;
    const struct scenario_shape shape = {SCENARIO_ROLE_SERVER, 40};
    struct random random = {5};
    unsigned small = 0;
    unsigned sized = 0;
    scenario_clear(&scenario);
    for (unsigned i = 0; i < 20000; i++) {
        scenario_mutate(&scenario, &random, &shape);
        for (unsigned at = 0; at < scenario.count; at++) {
            const struct scenario_step *step = &scenario.steps[at];
            bool opens = step->verb == SCENARIO_PEER_CONNECT && step->from != 0;
            sized += opens;
            small += opens && step->from < 256;
        }
    }
    assert_int_equal(small, 0);
    assert_true(sized > 1000);
}

static void splice_takes_steps_of_both(void **state)
{
    (void)state;
    static struct scenario other;
    static struct scenario spliced;
    support_parse("peer connect\npeer connect\npeer connect\npeer connect", &scenario);
    support_parse("peer close\npeer close\npeer close\npeer close", &other);
    struct random random = {11};
    unsigned both = 0;
    for (unsigned i = 0; i < 100; i++) {
        scenario_splice(&scenario, &other, &spliced, &random);
        both +=
            has_verb(&spliced, SCENARIO_PEER_CONNECT) && has_verb(&spliced, SCENARIO_PEER_CLOSE);
    }
    assert_in_range(both, 50, 100);
}

/* ---- shrinking ---- */

static void shrink(const char *text, bool (*still_fails)(const struct scenario *),
                   struct scenario *ret_best)
{
    static struct scenario_shrinker shrinker;
    static struct scenario candidate;
    support_parse(text, &scenario);
    assert_true(still_fails(&scenario));
    scenario_shrink_init(&shrinker, &scenario);
    unsigned tried = 0;
    while (scenario_shrink_next(&shrinker, &candidate)) {
        if (still_fails(&candidate)) {
            scenario_shrink_accept(&shrinker);
        }
        assert_true(++tried < 10000);
    }
    scenario_copy(ret_best, &shrinker.best);
}

static void expect_shrunk(const char *text, bool (*still_fails)(const struct scenario *),
                          const char *expected_text)
{
    static struct scenario best;
    static struct scenario expected;
    shrink(text, still_fails, &best);
    support_parse(expected_text, &expected);
    assert_true(scenario_equal(&best, &expected));
}

static bool resets_after_a_send(const struct scenario *in)
{
    bool sent = false;
    for (unsigned i = 0; i < in->count; i++) {
        sent |= in->steps[i].verb == SCENARIO_PEER_SEND;
        if (sent && in->steps[i].verb == SCENARIO_PEER_RESET) {
            return true;
        }
    }
    return false;
}

static void shrink_leaves_what_matters(void **state)
{
    (void)state;
    expect_shrunk(
        "peer connect\ntime advance 5s\npeer 1 connect\npeer send \"abcdef\" x 9 push\n"
        "kernel short recv 1 x 4\nbefore recv 7: peer reset\npeer 1 close\nwire hold both",
        resets_after_a_send, "peer send request\npeer reset");
}

static bool waits_for_seven_seconds(const struct scenario *in)
{
    for (unsigned i = 0; i < in->count; i++) {
        if (in->steps[i].verb == SCENARIO_TIME_ADVANCE && in->steps[i].from >= 7000) {
            return true;
        }
    }
    return false;
}

static void shrink_halves_numbers_as_far_as_they_go(void **state)
{
    (void)state;
    expect_shrunk("peer connect\ntime advance 1h", waits_for_seven_seconds, "time advance 7031ms");
}

static bool sends_two_literal_bytes_late(const struct scenario *in)
{
    for (unsigned i = 0; i < in->count; i++) {
        const struct scenario_step *step = &in->steps[i];
        if (step->verb == SCENARIO_PEER_SEND && step->what == SCENARIO_PAYLOAD_LITERAL &&
            step->literal_size >= 2 && step->place_nth >= 3) {
            return true;
        }
    }
    return false;
}

static void shrink_shortens_literals_and_places(void **state)
{
    (void)state;
    expect_shrunk("before send 9: peer send \"abcdefg\" x 5", sends_two_literal_bytes_late,
                  "before send 3: peer send \"ab\"");
}

static bool always(const struct scenario *in)
{
    (void)in;
    return true;
}

static void shrink_of_what_always_fails_ends_with_nothing(void **state)
{
    (void)state;
    expect_shrunk("peer connect\npeer send request\npeer close", always, "");
    expect_shrunk("", always, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutate_from_nothing_opens_connections),
        cmocka_unit_test(mutate_gives_a_scenario_without_a_connection_one),
        cmocka_unit_test(mutate_of_many_large_messages_keeps_few),
        cmocka_unit_test(limit_large_leaves_two_and_makes_the_others_messages_of_the_role),
        cmocka_unit_test(burst_begins_more_connections_than_a_queue_of_128_holds),
        cmocka_unit_test(generate_draws_every_verb_of_the_role),
        cmocka_unit_test(mutate_keeps_to_the_role),
        cmocka_unit_test(mutate_never_makes_up_a_tiny_receive_buffer),
        cmocka_unit_test(splice_takes_steps_of_both),
        cmocka_unit_test(shrink_leaves_what_matters),
        cmocka_unit_test(shrink_halves_numbers_as_far_as_they_go),
        cmocka_unit_test(shrink_shortens_literals_and_places),
        cmocka_unit_test(shrink_of_what_always_fails_ends_with_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
