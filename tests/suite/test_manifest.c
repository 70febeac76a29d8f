/* Manifests: what they say, and that every mistake is told with its place. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "suite/manifest.h"
#include "suite/profiles.h"

static struct manifest manifest;

static enum status parse(const char *text, struct status_detail *detail)
{
    manifest_begin(&manifest);
    detail->text[0] = '\0';
    return manifest_parse(&manifest, "target.ini", text, strlen(text), detail);
}

static void manifest_full_is_understood(void **state)
{
    (void)state;
    struct status_detail detail;
    assert_ok(parse("; a comment\n"
                    "[target]\n"
                    "name = shop\nrole = client\nprofile = http\nargs = --port {port}\n"
                    "idle_limit = 2m\nconnect_limit = 500ms\nstop_signal = SIGINT\nport = 8080\n"
                    "rules = posix\nseed = 7\nserves = one\nenv = A=1\nenv = B=2\n"
                    "[promises]\npersistent = no\n"
                    "[known-failures]\nclient/*/reset FDH-01 = upstream bug 12\n",
                    &detail),
              &detail);
    assert_string_equal(manifest.name, "shop");
    assert_int_equal(manifest.role, TRACE_ROLE_CLIENT);
    assert_int_equal(manifest.idle_limit_us, 120000000);
    assert_int_equal(manifest.connect_limit_us, 500000);
    assert_int_equal(manifest.stop_signal, SIGINT);
    assert_int_equal(manifest.port, 8080);
    assert_int_equal(manifest.rules, TRACE_RULES_POSIX);
    assert_int_equal(manifest.seed, 7);
    assert_int_equal(manifest.environment_count, 2);
    assert_int_equal(manifest.known_count, 1);
}

static void settings_are_read_as_a_manifest_is(void **state)
{
    (void)state;
    struct status_detail detail = {.text = ""};
    static const char *const settings[] = {"profile=line",
                                           "stop_signal = INT",
                                           "env=A=1",
                                           "env=B=x y",
                                           "start_limit=2m",
                                           "profile.path = /",
                                           "promises.persistent=no",
                                           "known-failures.server/* FDH-01 = bug 12"};
    manifest_begin(&manifest);
    assert_int_equal(manifest_set(&manifest, settings, 5, &detail), STATUS_OK);
    assert_string_equal(manifest.profile_name, "line");
    assert_int_equal(manifest.stop_signal, SIGINT);
    assert_int_equal(manifest.environment_count, 2);
    assert_string_equal(manifest.environment[1], "B=x y");
    assert_int_equal(manifest.start_limit_us, 120000000);
    assert_int_equal(manifest_set(&manifest, settings + 6, 2, &detail), STATUS_OK);
    assert_int_equal(manifest.promises_denied, TRACE_PERSISTENT);
    assert_string_equal(manifest.known[0].cases, "server/*");
    assert_string_equal(manifest.known[0].rule, "FDH-01");
    assert_string_equal(manifest.known[0].reason, "bug 12");
    assert_int_equal(manifest_set(&manifest, settings + 5, 1, &detail), STATUS_SYNTAX);
}

static void setting_that_is_wrong_is_told_with_its_number(void **state)
{
    (void)state;
    static const struct {
        const char *second;
        const char *told;
    } wrong[] = {
        {"idle_limit", "--set: found 'idle_limit', expected KEY=VALUE"},
        {"idle_limt=3s", "--set:2: [target] has no key 'idle_limt'; did you mean 'idle_limit'?"},
        {"stop_signal=FOO", "--set:2: [target] stop_signal: found 'FOO', expected"},
        {"seed=2", "--set:2: [target] seed: already said on line 1"},
        {"promises.nosuch=no", "--set:2: [promises] has no key 'nosuch'"},
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct status_detail detail = {.text = ""};
        const char *const settings[] = {"seed=1", wrong[i].second};
        manifest_begin(&manifest);
        assert_int_equal(manifest_set(&manifest, settings, 2, &detail), STATUS_SYNTAX);
        assert_memory_equal(detail.text, wrong[i].told, strlen(wrong[i].told));
    }
}

static void manifest_promises_override_the_profile(void **state)
{
    (void)state;
    struct status_detail detail;
    const struct profile *profile = NULL;
    assert_ok(
        parse("[target]\nprofile = line\nserves = one\n[promises]\nspeaks_first = yes\n", &detail),
        &detail);
    assert_ok(manifest_profile(&manifest, &profile, &detail), &detail);
    uint32_t promises = manifest_promises(&manifest, profile);
    assert_true(promises & TRACE_PERSISTENT);
    assert_true(promises & TRACE_TARGET_SPEAKS_FIRST);
    assert_false(promises & TRACE_CONCURRENT);
}

static void manifest_known_matches_case_and_rule(void **state)
{
    (void)state;
    struct status_detail detail;
    assert_ok(
        parse("[known-failures]\nserver/*/reset FDH-01 = why\nserver/x CRASH = so\n", &detail),
        &detail);
    assert_non_null(manifest_known(&manifest, "server/a/reset", "FDH-01"));
    assert_null(manifest_known(&manifest, "server/a/reset", "FDH-02"));
    assert_null(manifest_known(&manifest, "server/a/fin", "FDH-01"));
    assert_string_equal(manifest_known(&manifest, "server/x", "CRASH")->reason, "so");
}

static void manifest_own_profile_speaks_as_written(void **state)
{
    (void)state;
    struct status_detail detail;
    const struct profile *profile = NULL;
    uint8_t buffer[64];
    struct profile_state dialogue;
    assert_ok(parse("[target]\nrole = server\n[profile]\nrequest = \"GET key{n}\\r\\n\"\n"
                    "response_prefix = VALUE\nresponse_end = \"END\\r\\n\"\n",
                    &detail),
              &detail);
    assert_ok(manifest_profile(&manifest, &profile, &detail), &detail);
    profile->begin(profile, &dialogue, TRACE_ROLE_SERVER, 0);
    size_t size = profile->payload(profile, &dialogue, SCENARIO_PAYLOAD_REQUEST, 0, SCENARIO_ALL,
                                   buffer, sizeof(buffer));
    assert_int_equal(size, 15);
    assert_memory_equal(buffer, "GET key000001\r\n", 15);
    struct trace trace;
    assert_ok(trace_init(&trace, 64), &detail);
    struct profile_sink sink = {.trace = &trace, .conn = 1};
    profile->sent(profile, &dialogue, buffer, size, &sink);
    profile->received(profile, &dialogue, (const uint8_t *)"VALUE 1\r\nEND", 12, &sink);
    assert_false(sink.seen >> TRACE_DIALOGUE_RESPONSE_COMPLETE & 1U);
    profile->received(profile, &dialogue, (const uint8_t *)"\r\n", 2, &sink);
    assert_true(sink.seen >> TRACE_DIALOGUE_RESPONSE_COMPLETE & 1U);
    trace_done(&trace);
}

/* What is wrong, and what the message must hold. */
static const struct {
    const char *text;
    const char *message;
} mistakes[] = {
    {"[target]\nroel = server\n", "target.ini:2: [target] has no key 'roel'; did you mean 'role'?"},
    {"[targt]\nrole = server\n", "target.ini:2: unknown section [targt]"},
    {"role = server\n", "target.ini:1: found 'role' before any section"},
    {"[target]\n\nrole = servr\n",
     "target.ini:3: [target] role: found 'servr', expected server, client, pair or stack"},
    {"[target]\nrole = servr\n", "did you mean 'server'?"},
    {"[target]\nidle_limit = soon\n",
     "target.ini:2: [target] idle_limit: found 'soon', expected a time"},
    {"[target]\nidle_limit = 30 days\n", "expected a time"},
    {"[target]\nport = 70000\n",
     "target.ini:2: [target] port: found '70000', expected a number from 1 to 65535"},
    {"[target]\nport = 0\n", "expected a number from 1 to 65535"},
    {"[target]\nport = 80x\n", "expected a number"},
    {"[target]\nstop_signal = KILLL\n", "expected HUP, INT"},
    {"[target]\nrules = bsd\n", "expected linux or posix"},
    {"[target]\nserves = two\n", "expected one or many"},
    {"[target]\nbreaks = FDH-1\n", "did you mean 'FDH-01'?"},
    {"[target]\nname =\n", "expected 1 to 63 bytes"},
    {"[target]\nrole = server\nrole = client\n",
     "target.ini:3: [target] role: already said on line 2"},
    {"[target]\nenv = nothing\n", "expected NAME=value"},
    {"[target]\nprofile = htpp\n", "unknown profile 'htpp'"},
    {"[target]\nprofile = htpp\n", "did you mean 'http'?"},
    {"[target]\nthis is no line\n", "target.ini:2: expected [section] or key = value"},
    {"[target\n", "target.ini:1: expected [section] or key = value"},
    {"[promises]\npersistent = maybe\n", "expected no or yes"},
    {"[known-failures]\nserver/x = reason\n", "expected CASE-GLOB RULE = reason"},
    {"[known-failures]\nserver/x FDH-99 = reason\n", "expected the ID of a rule"},
    {"[known-failures]\nserver/x FDH-01 =\n", "expected the reason"},
    {"[profile]\nrequest = a\\q\n", "expected an escape"},
    {"[profile]\nrequest = \"\"\n", "expected at least one byte"},
    {"[profile]\nrequest = x\nresponse_end = 123456789\n", "expected at most 8 bytes"},
    {"[profile]\nrequest = x\nresponse_size = 0\n", "expected a number from 1"},
    {"[profile]\nrequest = x\nresponse_frame = blob\n", "expected none or coded"},
    {"[profile]\nresponse = x\n", "needs a request"},
    {"[profile]\nrequest = x\nopening_response = y\n", "an opening_response, but no opening"},
    {"[target]\ncommand = srv\n",
     "target.ini: [target] command: expected {port} in it or in env, or a fixed port"},
    {"[target]\ncommand = srv {port}\nargs = -x\n", "args belong into the command"},
    {"[target]\naddress = ipv5\n",
     "target.ini:2: [target] address: found 'ipv5', expected ipv4 or ipv6"},
    {"[target]\ninput = closed\n",
     "target.ini:2: [target] input: found 'closed', expected none, empty or open"},
    {"[target]\nstart_limit = soon\n", "target.ini:2: [target] start_limit: found 'soon'"},
    {"[target]\nstop_limit = -1\n", "target.ini:2: [target] stop_limit: found '-1'"},
    {"[target]\nruns = 0\n", "target.ini:2: [target] runs: found '0', expected a number from 1"},
    {"[target]\nfresh = maybe\n",
     "target.ini:2: [target] fresh: found 'maybe', expected no or yes"},
    {"[target]\nprofile = http10\n[profile]\npath = index.html\n",
     "target.ini:4: [profile] path: found 'index.html', expected a path that begins with /"},
    {"[target]\nprofile = http10\n[profile]\nlarge_path = /a b\n", "expected a path"},
    {"[target]\nprofile = http\n[profile]\nlarge_path = /a\n",
     "path and large_path are for [target] profile = http-static or http10"},
    {"[profile]\nrequest = x\npath = /a\n", "path and large_path are for"},
    {"[target]\nprofile = http10\n[profile]\nlarge_path = /\n", "large_path is the same as path"},
    {"[profile]\nrequest_file = nowhere\n", "target.ini:2: [profile] request_file: found "
                                            "'./nowhere', expected a file of 1 to 16384 bytes"},
    {"[profile]\nrequest = x\nresponse_file = /dev/zero\n", "expected a file of 1 to 16384 bytes"},
    {"[target]\nprofile = echo\n[profile]\nrequest = x\n", "but there is a [profile] too"},
    {"[target]\nrole = client\n[profile]\nrequest = x\n", "needs a reply"},
};

static void manifest_mistake_is_told_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct status_detail detail;
        enum status status = parse(mistakes[i].text, &detail);
        if (status != STATUS_SYNTAX || strstr(detail.text, mistakes[i].message) == NULL) {
            print_error("%s--> %s: %s\nexpected: %s\n", mistakes[i].text, status_text(status),
                        detail.text, mistakes[i].message);
            fail();
        }
    }
}

static void manifest_overlong_line_is_refused(void **state)
{
    (void)state;
    struct status_detail detail;
    char text[8000] = "[target]\nname = ";
    memset(text + strlen(text), 'x', 6000);
    assert_int_equal(parse(text, &detail), STATUS_SYNTAX);
    assert_non_null(strstr(detail.text, "target.ini:2: expected a line of text of at most"));
}

static void manifest_zero_byte_is_refused(void **state)
{
    (void)state;
    struct status_detail detail;
    static const char text[] = "[target]\nname = a\0b\n";
    manifest_begin(&manifest);
    assert_int_equal(manifest_parse(&manifest, "m", text, sizeof(text) - 1, &detail),
                     STATUS_SYNTAX);
}

static void manifest_missing_file_is_not_found(void **state)
{
    (void)state;
    struct status_detail detail;
    manifest_begin(&manifest);
    assert_int_equal(manifest_load(&manifest, "/nonexistent/target.ini", &detail),
                     STATUS_NOT_FOUND);
    assert_non_null(strstr(detail.text, "/nonexistent/target.ini"));
}

static void arguments_fill_in_port_and_host(void **state)
{
    (void)state;
    struct status_detail detail;
    struct manifest_arguments arguments = {.argc = 0};
    const struct manifest_places places = {.host = "127.0.0.1", .folder = "/srv", .port = 80};
    assert_ok(manifest_arguments_split(&arguments,
                                       "prog --listen={host}:{port}  \"two words\" {x} "
                                       "a='b c' {folder}/x",
                                       &places, &detail),
              &detail);
    assert_int_equal(arguments.argc, 6);
    assert_string_equal(arguments.argv[0], "prog");
    assert_string_equal(arguments.argv[1], "--listen=127.0.0.1:80");
    assert_string_equal(arguments.argv[2], "two words");
    assert_string_equal(arguments.argv[3], "{x}");
    assert_string_equal(arguments.argv[4], "a=b c");
    assert_string_equal(arguments.argv[5], "/srv/x");
    assert_null(arguments.argv[6]);
}

static void arguments_open_quote_is_an_error(void **state)
{
    (void)state;
    struct status_detail detail;
    struct manifest_arguments arguments = {.argc = 0};
    const struct manifest_places places = {.host = "h", .port = 1};
    assert_int_equal(manifest_arguments_split(&arguments, "a \"b", &places, &detail),
                     STATUS_SYNTAX);
    assert_int_equal(manifest_arguments_split(&arguments, "a b'", &places, &detail), STATUS_SYNTAX);
}

static void arguments_too_many_are_an_error(void **state)
{
    (void)state;
    struct status_detail detail;
    struct manifest_arguments arguments = {.argc = 0};
    const struct manifest_places places = {.host = "h", .port = 1};
    char line[MANIFEST_ARGUMENTS_MAX * 2 + 3];
    memset(line, ' ', sizeof(line));
    for (unsigned i = 0; i <= MANIFEST_ARGUMENTS_MAX; i++) {
        line[(size_t)i * 2] = 'x';
    }
    line[MANIFEST_ARGUMENTS_MAX * 2] = '\0';
    assert_ok(manifest_arguments_split(&arguments, line, &places, &detail), &detail);
    assert_int_equal(manifest_arguments_split(&arguments, "x", &places, &detail), STATUS_LIMIT);
}

/* ---- Commands ---- */

static void manifest_command_is_understood(void **state)
{
    (void)state;
    struct status_detail detail;
    assert_ok(
        parse("[target]\nprofile = redis\ncommand = ./srv --port {port}\nfolder = data\n"
              "env = A={port}\ninput = open\naddress = ipv6\nstart_limit = 2s\nstop_limit = 500ms\n"
              "runs = 3\nfresh = yes\n",
              &detail),
        &detail);
    assert_string_equal(manifest.command, "./srv --port {port}");
    assert_string_equal(manifest.folder, "data");
    assert_int_equal(manifest.input, MANIFEST_INPUT_OPEN);
    assert_true(manifest.ipv6);
    assert_int_equal(manifest.start_limit_us, 2000000);
    assert_int_equal(manifest.stop_limit_us, 500000);
    assert_int_equal(manifest.runs, 3);
    assert_true(manifest.fresh);
}

static void manifest_command_without_limits_gets_the_usual_ones(void **state)
{
    (void)state;
    struct status_detail detail;
    assert_ok(parse("[target]\nprofile = echo\ncommand = srv {port}\n", &detail), &detail);
    assert_int_equal(manifest.idle_limit_us, 10000000);
    assert_int_equal(manifest.start_limit_us, 30000000);
    assert_int_equal(manifest.stop_limit_us, 10000000);
    assert_int_equal(manifest.runs, 1);
    assert_int_equal(manifest.input, MANIFEST_INPUT_NONE);
    assert_false(manifest.ipv6);
    assert_false(manifest_promises(&manifest, &profile_echo) & TRACE_IDLE_TIMEOUT);
}

static void manifest_command_promises_the_idle_limit_that_it_names(void **state)
{
    (void)state;
    struct status_detail detail;
    assert_ok(parse("[target]\nprofile = echo\ncommand = srv {port}\nidle_limit = 3s\n", &detail),
              &detail);
    assert_int_equal(manifest.idle_limit_us, 3000000);
    assert_true(manifest_promises(&manifest, &profile_echo) & TRACE_IDLE_TIMEOUT);
    assert_ok(parse("[target]\nprofile = echo\ncommand = srv {port}\n"
                    "[promises]\nidle_timeout = yes\n",
                    &detail),
              &detail);
    assert_true(manifest_promises(&manifest, &profile_echo) & TRACE_IDLE_TIMEOUT);
}

static void manifest_port_in_env_or_fixed_is_enough_for_a_command(void **state)
{
    (void)state;
    struct status_detail detail;
    assert_ok(parse("[target]\ncommand = srv\nenv = PORT={port}\n", &detail), &detail);
    assert_ok(parse("[target]\ncommand = srv\nport = 80\n", &detail), &detail);
}

static void manifest_paths_are_asked_for(void **state)
{
    (void)state;
    struct status_detail detail;
    const struct profile *profile = NULL;
    struct profile_state dialogue;
    uint8_t buffer[256] = {0};
    assert_ok(parse("[target]\nprofile = http10\n[profile]\npath = /index.html\n"
                    "large_path = /large.bin\n",
                    &detail),
              &detail);
    assert_ok(manifest_profile(&manifest, &profile, &detail), &detail);
    assert_string_equal(profile->name, "http10");
    assert_true(profiles_can_say(profile, TRACE_ROLE_SERVER, SCENARIO_PAYLOAD_LARGE));
    profile->begin(profile, &dialogue, TRACE_ROLE_SERVER, 2);
    (void)profile->payload(profile, &dialogue, SCENARIO_PAYLOAD_REQUEST, 0, SCENARIO_ALL, buffer,
                           sizeof(buffer) - 1);
    assert_string_equal((char *)buffer, "GET /index.html HTTP/1.0\r\nHost: sockspec\r\n"
                                        "X-Request: 002-000001\r\n\r\n");
    memset(buffer, 0, sizeof(buffer));
    (void)profile->payload(profile, &dialogue, SCENARIO_PAYLOAD_LARGE, 0, SCENARIO_ALL, buffer,
                           sizeof(buffer) - 1);
    assert_memory_equal(buffer, "GET /large.bin HTTP/1.0\r\n", 25);
}

static void manifest_files_are_said_and_expected_as_they_are(void **state)
{
    (void)state;
    struct status_detail detail;
    const struct profile *profile = NULL;
    struct profile_state dialogue;
    uint8_t buffer[64];
    struct trace trace;
    manifest_begin(&manifest);
    assert_ok(manifest_load(&manifest, SOCKSPEC_RAW_INI, &detail), &detail);
    assert_ok(manifest_profile(&manifest, &profile, &detail), &detail);
    assert_ok(trace_init(&trace, 64), &detail);
    struct profile_sink sink = {.trace = &trace, .conn = 1};
    profile->begin(profile, &dialogue, TRACE_ROLE_SERVER, 0);
    size_t size = profile->payload(profile, &dialogue, SCENARIO_PAYLOAD_REQUEST, 0, SCENARIO_ALL,
                                   buffer, sizeof(buffer));
    assert_int_equal(size, 13);
    assert_memory_equal(buffer, "{n} as it is\n", 13);
    profile->sent(profile, &dialogue, buffer, size, &sink);
    profile->received(profile, &dialogue, (const uint8_t *)"an answ", 7, &sink);
    assert_false(sink.seen >> TRACE_DIALOGUE_RESPONSE_COMPLETE & 1U);
    profile->received(profile, &dialogue, (const uint8_t *)"er\n", 3, &sink);
    assert_true(sink.seen >> TRACE_DIALOGUE_RESPONSE_COMPLETE & 1U);
    profile->sent(profile, &dialogue, buffer, size, &sink);
    profile->received(profile, &dialogue, (const uint8_t *)"an axe\n", 7, &sink);
    assert_true(sink.seen >> TRACE_DIALOGUE_RESPONSE_WRONG & 1U);
    trace_done(&trace);
}

static void manifest_answer_none_to_the_last_request_is_kept(void **state)
{
    (void)state;
    struct status_detail detail;
    assert_ok(parse("[profile]\nrequest = x\nresponse_end = y\nlast = quit\n"
                    "last_response_frame = none\nlarge = z\n",
                    &detail),
              &detail);
    assert_int_equal(manifest.framed.answer[2].frame, FRAMED_NONE);
    assert_int_equal(manifest.framed.answer[1].frame, FRAMED_ENDS); /* as the ordinary one */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(manifest_full_is_understood),
        cmocka_unit_test(settings_are_read_as_a_manifest_is),
        cmocka_unit_test(setting_that_is_wrong_is_told_with_its_number),
        cmocka_unit_test(manifest_promises_override_the_profile),
        cmocka_unit_test(manifest_known_matches_case_and_rule),
        cmocka_unit_test(manifest_own_profile_speaks_as_written),
        cmocka_unit_test(manifest_mistake_is_told_with_its_place),
        cmocka_unit_test(manifest_overlong_line_is_refused),
        cmocka_unit_test(manifest_zero_byte_is_refused),
        cmocka_unit_test(manifest_missing_file_is_not_found),
        cmocka_unit_test(arguments_fill_in_port_and_host),
        cmocka_unit_test(arguments_open_quote_is_an_error),
        cmocka_unit_test(arguments_too_many_are_an_error),
        cmocka_unit_test(manifest_command_is_understood),
        cmocka_unit_test(manifest_command_without_limits_gets_the_usual_ones),
        cmocka_unit_test(manifest_command_promises_the_idle_limit_that_it_names),
        cmocka_unit_test(manifest_port_in_env_or_fixed_is_enough_for_a_command),
        cmocka_unit_test(manifest_paths_are_asked_for),
        cmocka_unit_test(manifest_files_are_said_and_expected_as_they_are),
        cmocka_unit_test(manifest_answer_none_to_the_last_request_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
