/* The sockspec command from outside: exit codes, messages, files. Runs the built executables. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <dirent.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 20, COMMAND_MAX = 2048 };

static char scratch[] = "/tmp/sockspec-test-XXXXXX"; /* the working folder of every command */
static char out[TEXT_MAX];
static char err[TEXT_MAX];

static void read_back(const char *name, char *text)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", scratch, name);
    FILE *stream = fopen(path, "re");
    size_t size = stream != NULL ? fread(text, 1, TEXT_MAX - 1, stream) : 0;
    text[size] = '\0';
    if (stream != NULL) {
        (void)fclose(stream);
    }
}

/* Runs `sockspec ARGUMENTS` in the scratch folder; its output is then in `out` and `err`. */
static int run(const char *arguments)
{
    char command[COMMAND_MAX];
    /* Commands that take cases take those of the tests, whatever the built-in ones are. */
    bool takes_cases = strncmp(arguments, "check", 5) == 0 ||
                       strncmp(arguments, "replay", 6) == 0 || strncmp(arguments, "shrink", 6) == 0;
    bool corpus =
        takes_cases && strstr(arguments, "--corpus") == NULL && strstr(arguments, "--help") == NULL;
    (void)snprintf(command, sizeof(command), "cd %s && %s %s >.out 2>.err", scratch,
                   SOCKSPEC_COMMAND, arguments);
    if (corpus) {
        size_t word = strcspn(arguments, " ");
        (void)snprintf(command, sizeof(command), "cd %s && %s %.*s --corpus %s%s >.out 2>.err",
                       scratch, SOCKSPEC_COMMAND, (int)word, arguments, SOCKSPEC_CORPUS,
                       arguments + word);
    }
    int status = system(command);
    read_back(".out", out);
    read_back(".err", err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The same with the folder of misbehaving targets. */
static int run_misbehaving(const char *arguments)
{
    char with[COMMAND_MAX];
    (void)snprintf(with, sizeof(with), "%s --targets %s", arguments, SOCKSPEC_MISBEHAVING);
    return run(with);
}

static void put(const char *name, const char *text, size_t size)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", scratch, name);
    FILE *stream = fopen(path, "we");
    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

/* Visible files in the scratch folder; the two outputs are hidden ones. */
static unsigned files(void)
{
    unsigned count = 0;
    DIR *listing = opendir(scratch);
    assert_non_null(listing);
    const struct dirent *entry = NULL;
    while ((entry = readdir(listing)) != NULL) {
        count += entry->d_name[0] != '.' || strstr(entry->d_name, "json") != NULL;
    }
    (void)closedir(listing);
    return count;
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        print_error("'%s' is not in:\n%s\n(stderr: %s)\n", part, text, err);
        fail();
    }
}

static unsigned lines(const char *text)
{
    unsigned count = 0;
    for (; *text != '\0'; text++) {
        count += *text == '\n';
    }
    return count;
}

static int scratch_new(void **state)
{
    (void)state;
    char command[COMMAND_MAX];
    (void)snprintf(command, sizeof(command), "rm -rf %s && mkdir %s", scratch, scratch);
    return system(command);
}

/* ---- Wrong usage ---- */

static const struct {
    const char *arguments;
    int code;
    const char *message;
} mistakes[] = {
    {"", 2, "usage: sockspec COMMAND"},
    {"chek", 2, "unknown command 'chek'; did you mean 'check'?"},
    {"help chek", 2, "unknown command 'chek'; did you mean 'check'?"},
    {"check", 2, "check needs a TARGET"},
    {"check ecko-poll", 2, "no target 'ecko-poll'"},
    {"check ecko-poll", 2, "did you mean 'echo-poll'?"},
    {"check ../echo-poll", 2, "../echo-poll: there is no target.ini"},
    {"check .", 2, ".: there is no target.ini"},
    {"check echo-poll --jsn x", 2, "unknown option '--jsn'; did you mean '--json'?"},
    {"check echo-poll --json", 2, "--json needs an argument"},
    {"check echo-poll --json ''", 2, "--json: found nothing"},
    {"check echo-poll --tap=x", 2, "--tap takes no argument"},
    {"check echo-poll --world lnux", 2, "--world: found 'lnux', expected model|linux"},
    {"check echo-poll --rules bsd", 2, "--rules: found 'bsd', expected linux|posix"},
    {"check echo-poll --seed many", 2, "--seed: found 'many', expected a number"},
    {"check echo-poll --jobs 0", 2, "--jobs: found '0'"},
    {"check echo-poll --case nothing/such", 2, "no case is called 'nothing/such'"},
    {"check echo-poll --rule FDH-1", 2, "there is no rule 'FDH-1'; did you mean 'FDH-01'?"},
    {"check echo-poll --trace t.json", 2, "--trace needs a --case that selects one case"},
    {"check echo-poll http --trace t.json", 2, "--trace needs a single TARGET"},
    {"check echo-poll --tap --json -", 2, "only one form can go to stdout"},
    {"check echo-poll --corpus nowhere", 2, "nowhere"},
    {"check echo-poll --profile http", 2, "--profile is about a COMMAND"},
    {"check echo-poll --targets nowhere", 2, "nowhere"},
    {"fuzz", 2, "fuzz takes the name of one target"},
    {"fuzz ecko-poll", 2, "did you mean 'echo-poll'?"},
    {"fuzz echo-poll --engine afl", 2, "--engine: found 'afl', expected libfuzzer|afl++"},
    {"fuzz echo-poll --time soon", 2, "--time: found 'soon', expected 500ms"},
    {"fuzz echo-poll --runs 0", 2, "--runs: found '0'"},
    {"fuzz echo-poll --world linux", 2, "fuzzing plays in the model alone"},
    {"fuzz echo-poll --corpus nowhere --out new", 2, "nowhere: No such file"},
    {"list", 2, "list needs one of"},
    {"list cses", 2, "did you mean 'cases'?"},
    {"explain", 2, "explain needs one RULE"},
    {"explain FDH-1", 2, "did you mean 'FDH-01'?"},
    {"explain FDH-01 --tap", 2, "explain has no option --tap"},
    {"replay", 2, "replay needs one SCENARIO"},
    {"replay server/one-request", 2, "replay needs --target"},
    {"replay server/one-reqest -t echo-poll", 2, "did you mean 'server/one-request'?"},
    {"replay nowhere.scenario -t echo-poll", 2, "nowhere.scenario: No such file"},
    {"replay / -t echo-poll", 2, "/: Is a directory"},
    {"shrink server/one-request -t echo-poll", 2, "nothing to shrink"},
    {"check --stack modle", 2, "there is no stack 'modle'"},
    {"check --stack modle", 2, "did you mean 'model'?"},
    {"check --stack model echo-poll", 2, "takes --stack or a TARGET, not both"},
    {"replay server/one-request --stack model -t echo-poll", 2, "--target or --stack, not both"},
    {"replay server/one-request --stack all", 2, "there is no stack 'all'"},
    {"check -- sh {port}", 2, "a COMMAND needs --profile"},
    {"check --profile echo --", 2, "there is no COMMAND behind --"},
    {"check --profile ecko -- sh {port}", 2, "unknown profile 'ecko'"},
    {"check --profile ecko -- sh {port}", 2, "did you mean 'echo'?"},
    {"check --profile echo -- sh", 2, "expected {port} in its arguments, --port N, or --set env="},
    {"check --profile echo --set stop_sgnal=INT -- sh {port}", 2, "did you mean 'stop_signal'?"},
    {"check --profile echo --set stop_signal=INT --set seed -- sh {port}", 2, "expected KEY=VALUE"},
    {"check --profile echo --set command=x -- sh {port}", 2, "the COMMAND stands behind --"},
    {"check echo-poll --set seed=1", 2, "--set is about a COMMAND"},
    {"check --stack model --set seed=1", 2, "--set is about a COMMAND"},
    {"check --profile echo -- no-such-program {port}", 2, "no program 'no-such-program' in PATH"},
    {"check --profile echo -- ./nowhere {port}", 2, "./nowhere: No such file"},
    {"check --profile echo -- /etc/passwd {port}", 2, "/etc/passwd is not an executable file"},
    {"check --profile echo -- / {port}", 2, "/ is not an executable file"},
    {"check --profile echo --world model -- sh {port}", 2, "runs in the world linux"},
    {"check --profile echo --role peer -- sh {port}", 2, "--role: found 'peer'"},
    {"check --profile echo --port 0 -- sh", 2, "--port: found '0'"},
    {"check echo-poll --profile echo -- sh {port}", 2, "a TARGET or a COMMAND behind --, not both"},
    {"check echo-poll --name x", 2, "--name is about a COMMAND"},
    {"check echo-poll http --role client", 2, "--role is about a COMMAND"},
    {"replay server/one-request -- sh {port}", 2, "a COMMAND needs --profile"},
    {"replay server/one-request -t echo-poll -- sh {port}", 2, "not both"},
    {"replay --profile echo -- sh {port}", 2, "replay needs one SCENARIO"},
    {"new-target", 2, "new-target needs one NAME"},
    {"new-target a b", 2, "new-target needs one NAME"},
    {"new-target x --role peer", 2, "--role: found 'peer'"},
    {"new-target x --profile ecko", 2, "there is no profile 'ecko'"},
    {"new-target /proc/x", 3, "/proc/x: "},
    {"diff --worlds model,foo --count 1 --jobs 3", 2, "there is no world 'foo'"},
    {"diff --from x", 2, "--from: found 'x', expected a number from 0"},
    {"diff --worlds model", 2, "expected two of them, as in model,linux"},
    {"check echo-poll --json nowhere/x.json", 3, "nowhere/x.json: cannot be written"},
    {"check echo-poll --junit nowhere/x.xml", 3, "nowhere/x.xml: cannot be written"},
    {"check echo-poll http --json nowhere/x.json", 3, "nowhere/x.json: cannot be written"},
    {"check echo-poll --case server/one-request --trace nowhere/t", 3,
     "nowhere/t: cannot be written"},
    {"shrink server/one-request -t echo-poll -o nowhere/x", 3, "nowhere/x: cannot be written"},
};

static void command_mistake_gets_one_message_and_writes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        int code = run(mistakes[i].arguments);
        bool one = lines(err) == 1 || mistakes[i].arguments[0] == '\0';
        if (code != mistakes[i].code || strstr(err, mistakes[i].message) == NULL || !one ||
            files() != 0 || out[0] != '\0') {
            print_error("sockspec %s: exit %d, %u files, stdout '%s', stderr '%s'\nexpected exit "
                        "%d and '%s'\n",
                        mistakes[i].arguments, code, files(), out, err, mistakes[i].code,
                        mistakes[i].message);
            fail();
        }
    }
}

/* ---- Telling ---- */

static void command_help_and_version_go_to_stdout(void **state)
{
    (void)state;
    assert_int_equal(run("--version"), 0);
    assert_has(out, "sockspec 0.");
    assert_int_equal(run("--help"), 0);
    assert_has(out, "explain");
    assert_int_equal(run("check --help"), 0);
    assert_has(out, "--junit FILE");
    assert_int_equal(run("help shrink"), 0);
    assert_has(out, "the rule to keep broken");
    assert_int_equal(run("fuzz --help"), 0);
    assert_string_equal(err, "");
}

static void list_says_what_there_is(void **state)
{
    (void)state;
    assert_int_equal(run("list targets"), 0);
    assert_null(strstr(out, "_fuzzer")); /* what lies beside targets is none */
    assert_null(strstr(out, "CMake"));
    assert_has(out, "echo-poll ");
    assert_has(out, "[broken: FDH-01]");
    assert_int_equal(run("list cases"), 0);
    assert_has(out, "server/");
    assert_int_equal(run("list rules"), 0);
    assert_has(out, "FDH-01 ");
    assert_int_equal(run("list profiles"), 0);
    assert_has(out, "banner ");
}

static void explain_names_the_cases(void **state)
{
    (void)state;
    assert_int_equal(run("explain FDH-01"), 0);
    assert_has(out, "descriptors");
    assert_has(out, "  server/");
    assert_int_equal(run("explain CRASH"), 0);
}

/* ---- Checking ---- */

static void check_correct_target_exits_0(void **state)
{
    (void)state;
    assert_int_equal(run("check echo-poll --case server/one-request"), 0);
    assert_has(out, "1 case");
    assert_string_equal(err, "");
}

static void check_broken_target_exits_1_and_says_how_to_replay(void **state)
{
    (void)state;
    assert_int_equal(run("check fdh-01-leak-on-abort"), 1);
    assert_has(out, "FAIL      FDH-01");
    assert_has(out, "replay: sockspec replay server/");
    assert_has(out, "--target fdh-01-leak-on-abort --corpus ");
}

static void check_replay_command_shows_the_failure_again(void **state)
{
    (void)state;
    assert_int_equal(run("check fdh-01-leak-on-abort --rule FDH-01 --json v.json"), 1);
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/v.json", scratch);
    json_t *root = json_load_file(path, 0, NULL);
    size_t index = 0;
    json_t *verdict = NULL;
    char replay[512] = "";
    json_array_foreach(json_object_get(root, "verdicts"), index, verdict)
    {
        if (strcmp(json_string_value(json_object_get(verdict, "grade")), "FAIL") == 0) {
            (void)snprintf(replay, sizeof(replay), "%s",
                           json_string_value(json_object_get(verdict, "replay")));
        }
    }
    json_decref(root);
    assert_memory_equal(replay, "sockspec ", 9);
    assert_int_equal(run(replay + 9), 1);
    assert_has(out, "FAIL      FDH-01");
}

static void check_json_has_what_is_promised(void **state)
{
    (void)state;
    static const char *const keys[] = {"case", "rule", "grade", "detail", "replay"};
    assert_int_equal(run("check echo-poll --case '*request*' --json v.json"), 0);
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/v.json", scratch);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "target")), "echo-poll");
    assert_string_equal(json_string_value(json_object_get(root, "world")), "model");
    const json_t *verdicts = json_object_get(root, "verdicts");
    assert_true(json_array_size(verdicts) > 10);
    for (size_t i = 0; i < json_array_size(verdicts); i++) {
        for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
            assert_true(json_is_string(json_object_get(json_array_get(verdicts, i), keys[k])));
        }
    }
    json_decref(root);
    assert_int_equal(files(), 1);
}

static void check_json_to_stdout_is_alone_there(void **state)
{
    (void)state;
    assert_int_equal(run("check echo-poll --case '*request*' --json -"), 0);
    json_t *root = json_loads(out, 0, NULL);
    assert_non_null(root);
    json_decref(root);
}

static void check_several_targets_make_one_json(void **state)
{
    (void)state;
    assert_int_equal(run("check echo-poll fdh-01-leak-on-abort -j 2 --json -"), 1);
    json_t *root = json_loads(out, 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_array_size(json_object_get(root, "targets")), 2);
    const json_t *first = json_array_get(json_object_get(root, "verdicts"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "target")), "echo-poll");
    json_decref(root);
}

static void check_several_targets_keep_their_order(void **state)
{
    (void)state;
    assert_int_equal(run("check http echo-poll client-echo --case '*[!t]' -j 3"), 0);
    const char *http = strstr(out, "http on model");
    const char *echo = strstr(out, "echo-poll on model");
    const char *client = strstr(out, "client-echo on model");
    assert_true(http != NULL && echo != NULL && client != NULL && http < echo && echo < client);
}

static void check_tap_counts_its_subtests(void **state)
{
    (void)state;
    assert_int_equal(run("check echo-poll http --case '*request*' --tap"), 0);
    assert_memory_equal(out, "TAP version 14\n1..2\n", 20);
    assert_has(out, "\nok 1 - echo-poll\n");
    assert_has(out, "\nok 2 - http\n");
}

static void check_without_a_case_for_the_role_exits_77(void **state)
{
    (void)state;
    assert_int_equal(run("check echo-poll --case 'client/*'"), 77);
}

static void check_case_without_effect_is_an_error_of_ours(void **state)
{
    (void)state;
    assert_int_equal(run("check echo-poll"), 3);
    assert_has(out, "ERROR     CASE");
    assert_has(out, "'peer send request' had no effect");
}

static void check_trace_of_one_case_is_written(void **state)
{
    (void)state;
    assert_int_equal(run("check echo-poll --case server/one-request --trace t.jsonl"), 0);
    read_back("t.jsonl", out);
    assert_has(out, "\"echo-poll\"");
    assert_true(lines(out) > 20);
}

static void check_same_twice_says_the_same(void **state)
{
    (void)state;
    static char first[TEXT_MAX];
    assert_int_equal(run("replay server/two-requests -t http --trace a"), 0);
    read_back("a", first);
    assert_int_equal(run("replay server/two-requests -t http --trace b"), 0);
    read_back("b", out);
    assert_true(first[0] != '\0');
    assert_string_equal(first, out);
}

/* ---- Misbehaving targets ---- */

static const struct {
    const char *kind;
    const char *verdict;
    const char *output; /* what it wrote is told */
} misbehaviours[] = {
    {"crash", "FAIL      CRASH", ""},
    {"abort", "FAIL      CRASH", ""},
    {"hoard", "FAIL      CRASH", ""},
    {"recurse", "FAIL      CRASH", ""},
    {"exit", "FAIL      EXIT", "it wrote:\n            no more of this\n"},
};

static void check_misbehaving_target_is_a_verdict_and_the_suite_goes_on(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(misbehaviours) / sizeof(misbehaviours[0]); i++) {
        char arguments[128];
        (void)snprintf(arguments, sizeof(arguments), "check misbehaving-%s -v",
                       misbehaviours[i].kind);
        assert_int_equal(run_misbehaving(arguments), 1);
        assert_has(out, misbehaviours[i].verdict);
        assert_has(out, misbehaviours[i].output);
        assert_has(out, "server/two-requests"); /* a later case */
        assert_has(out, "replay: sockspec replay");
    }
}

static void check_hanging_target_is_a_verdict(void **state)
{
    (void)state;
    assert_int_equal(run_misbehaving("check misbehaving-hang --case server/one-request"), 1);
    assert_has(out, "the target hung");
}

static void check_sanitizers_report_is_a_crash_and_is_shown(void **state)
{
    (void)state;
    if (!SOCKSPEC_HAS_ASAN) {
        skip();
    }
    assert_int_equal(run_misbehaving("check misbehaving-overflow --case server/one-request"), 1);
    assert_has(out, "FAIL      CRASH");
    assert_has(out, "ERROR: AddressSanitizer: heap-buffer-overflow");
}

static void check_known_failure_is_expected_and_exits_0(void **state)
{
    (void)state;
    assert_int_equal(run_misbehaving("check misbehaving-known --case 'server/*request*'"), 0);
    assert_has(out, "EXPECTED  EXIT");
    assert_has(out, "known: it ends after one answer; see the tests of the command");
    assert_null(strstr(out, "FAIL "));
}

static void check_known_failure_that_passes_is_noticed(void **state)
{
    (void)state;
    assert_int_equal(run_misbehaving("check misbehaving-known --case 'server/*request*'"), 0);
    assert_has(out, "known.ini:8: the known failure 'server/* RDY-13' passes now: remove it");
    assert_null(strstr(out, "'server/* EXIT' passes"));
}

static void check_known_failure_is_expected_in_every_report(void **state)
{
    (void)state;
    assert_int_equal(run_misbehaving("check misbehaving-known --case server/two-requests "
                                     "--json v.json --junit v.xml --tap"),
                     0);
    assert_has(out, "# TODO"); /* TAP: a failure that fails nothing */
    read_back("v.json", out);
    assert_has(out, "\"EXPECTED\"");
    read_back("v.xml", out);
    assert_null(strstr(out, "<failure"));
}

/* ---- Replay and shrink ---- */

static void replay_reads_text_and_bytes(void **state)
{
    (void)state;
    static const char text[] = "peer connect\npeer send request\npeer close\n";
    put("mine.scenario", text, sizeof(text) - 1);
    assert_int_equal(run("replay mine.scenario -t echo-poll"), 0);
    put("bytes", "\001\002\003\004", 4);
    assert_int_equal(run("replay bytes -t echo-poll"), 0);
    assert_int_equal(run("replay - -t echo-poll <mine.scenario"), 0);
}

static void replay_verbose_draws_steps_in_full(void **state)
{
    (void)state;
    static const char text[] = "peer connect\nkernel short recv 3\npeer send request\npeer close\n";
    put("drawn.scenario", text, sizeof(text) - 1);
    assert_int_equal(run("replay drawn.scenario -v -t echo-poll"), 0);
    assert_has(out, "step 1: kernel short recv 3 --");
}

static void replay_bad_text_is_told_with_its_place(void **state)
{
    (void)state;
    static const char text[] = "peer connect\npeer sned request\n";
    put("mine.scenario", text, sizeof(text) - 1);
    assert_int_equal(run("replay mine.scenario -t echo-poll"), 2);
    assert_has(err, "mine.scenario:2:6: ");
    put("empty.scenario", "", 0);
    assert_int_equal(run("replay empty.scenario -t echo-poll"), 2);
    assert_has(err, "a scenario without steps");
}

static void shrink_keeps_the_rule_broken(void **state)
{
    (void)state;
    assert_int_equal(run("shrink server/reset-in-request -t fdh-01-leak-on-abort --rule "
                         "FDH-01 -o s.scenario"),
                     0);
    assert_has(err, "still breaking FDH-01");
    read_back("s.scenario", out);
    assert_has(out, "peer reset");
    assert_int_equal(run("replay s.scenario -t fdh-01-leak-on-abort --rule FDH-01"), 1);
}

/* ---- Manifests of commands ---- */

static void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text));
}

static void make_folder(const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", scratch, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static void new_target_is_valid_as_it_is(void **state)
{
    (void)state;
    assert_int_equal(run("new-target shop"), 0);
    assert_has(out, "sockspec check ./shop");
    assert_int_equal(run("check ./shop"), 2);
    assert_has(err, "./shop/target.ini: [target] command: ./shop/server: No such file");
    assert_int_equal(run("new-target agent --role client --profile http"), 0);
    assert_int_equal(run("check ./agent/target.ini"), 2);
    assert_has(err, "[target] command: ./agent/client: No such file");
    assert_int_equal(run("check shop"), 2);
    assert_has(err, "did you mean './shop'?");
}

static void new_target_overwrites_nothing(void **state)
{
    (void)state;
    make_folder("shop");
    put_text("shop/target.ini", "mine");
    assert_int_equal(run("new-target shop"), 2);
    assert_has(err, "shop/target.ini: there is one already");
    read_back("shop/target.ini", out);
    assert_string_equal(out, "mine");
}

static void list_targets_shows_commands(void **state)
{
    (void)state;
    make_folder("targets");
    make_folder("targets/shop");
    make_folder("targets/linked");
    make_folder("targets/bad");
    put_text("targets/shop/target.ini", "[target]\nprofile = redis\ncommand = srv {port}\n"
                                        "description = a shop\n");
    put_text("targets/linked/target.ini", "[target]\nprofile = echo\n");
    put_text("targets/bad/target.ini", "[target]\nrole = servr\n");
    for (unsigned i = 0; i < 2; i++) { /* by itself, and where one says where they lie */
        assert_int_equal(run(i == 0 ? "list targets" : "list targets --targets targets"), 0);
        assert_has(out, "shop                               server redis       a shop");
        assert_has(out, "[target] role: found 'servr'");
        assert_null(strstr(out, "linked "));
    }
}

static void check_manifest_mistake_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } wrong[] = {
        {"[target]\nprofile = echo\ncommand = srv {prt}\n", "expected {port} in it or in env"},
        {"[target]\ncommand = srv {port}\n", "no profile"},
        {"[target]\nprofile = echo\n", "[target] has no command"},
        {"[target]\nprofile = echo\ncommand = no-such-program {port}\n",
         "targets/shop/target.ini: [target] command: no program 'no-such-program' in PATH"},
        {"[target]\nprofile = echo\ncommand = sh 'x {port}\n", "a quote without its end"},
        {"[target]\nprofile = echo\ncommand = sh {port}\nfolder = nowhere\n",
         "[target] folder: targets/shop/nowhere is no folder"},
        {"[target]\nrole = pair\nprofile = echo\ncommand = sh {port}\n",
         "a command is a server or a client"},
        {"[target]\nprofile = echo\ncommand = sh {port}\ninput = x\n",
         "targets/shop/target.ini:4: [target] input: found 'x'"},
    };
    make_folder("targets");
    make_folder("targets/shop");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        put_text("targets/shop/target.ini", wrong[i].text);
        assert_int_equal(run("check shop --targets targets"), 2);
        assert_has(err, wrong[i].message);
        assert_int_equal(lines(err), 1);
        assert_string_equal(out, "");
    }
    put_text("targets/shop/target.ini", "[target]\nprofile = echo\ncommand = sh {port}\n");
    assert_int_equal(run("check shop --targets targets --world model"), 2);
    assert_has(err, "shop runs as a process");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(command_mistake_gets_one_message_and_writes_nothing, scratch_new),
        cmocka_unit_test_setup(command_help_and_version_go_to_stdout, scratch_new),
        cmocka_unit_test_setup(list_says_what_there_is, scratch_new),
        cmocka_unit_test_setup(explain_names_the_cases, scratch_new),
        cmocka_unit_test_setup(check_correct_target_exits_0, scratch_new),
        cmocka_unit_test_setup(check_broken_target_exits_1_and_says_how_to_replay, scratch_new),
        cmocka_unit_test_setup(check_replay_command_shows_the_failure_again, scratch_new),
        cmocka_unit_test_setup(check_json_has_what_is_promised, scratch_new),
        cmocka_unit_test_setup(check_json_to_stdout_is_alone_there, scratch_new),
        cmocka_unit_test_setup(check_several_targets_make_one_json, scratch_new),
        cmocka_unit_test_setup(check_several_targets_keep_their_order, scratch_new),
        cmocka_unit_test_setup(check_tap_counts_its_subtests, scratch_new),
        cmocka_unit_test_setup(check_without_a_case_for_the_role_exits_77, scratch_new),
        cmocka_unit_test_setup(check_case_without_effect_is_an_error_of_ours, scratch_new),
        cmocka_unit_test_setup(check_trace_of_one_case_is_written, scratch_new),
        cmocka_unit_test_setup(check_same_twice_says_the_same, scratch_new),
        cmocka_unit_test_setup(check_misbehaving_target_is_a_verdict_and_the_suite_goes_on,
                               scratch_new),
        cmocka_unit_test_setup(check_hanging_target_is_a_verdict, scratch_new),
        cmocka_unit_test_setup(check_sanitizers_report_is_a_crash_and_is_shown, scratch_new),
        cmocka_unit_test_setup(check_known_failure_is_expected_and_exits_0, scratch_new),
        cmocka_unit_test_setup(check_known_failure_that_passes_is_noticed, scratch_new),
        cmocka_unit_test_setup(check_known_failure_is_expected_in_every_report, scratch_new),
        cmocka_unit_test_setup(replay_reads_text_and_bytes, scratch_new),
        cmocka_unit_test_setup(replay_verbose_draws_steps_in_full, scratch_new),
        cmocka_unit_test_setup(replay_bad_text_is_told_with_its_place, scratch_new),
        cmocka_unit_test_setup(shrink_keeps_the_rule_broken, scratch_new),
        cmocka_unit_test_setup(new_target_is_valid_as_it_is, scratch_new),
        cmocka_unit_test_setup(new_target_overwrites_nothing, scratch_new),
        cmocka_unit_test_setup(list_targets_shows_commands, scratch_new),
        cmocka_unit_test_setup(check_manifest_mistake_is_told_with_its_place, scratch_new),
    };
    if (mkdtemp(scratch) == NULL) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[COMMAND_MAX];
    (void)snprintf(command, sizeof(command), "rm -rf %s", scratch);
    return system(command) != 0 || failed != 0;
}
