/* The commands check, replay and shrink. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/check.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/words.h"
#include "cli/interrupt.h"
#include "report/pcapng.h"
#include "scenario/code.h"
#include "scenario/shrink.h"
#include "sockspec/sockspec.h"
#include "trace/describe.h"
#include "trace/jsonl.h"
#include "trace/ladder.h"

static int64_t now_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void begin_report(struct cli_session *session)
{
    static const char *const roles[TRACE_ROLE_COUNT] = {"server", "client", "pair", "stack"};
    struct report_target target = {
        .name = session->subject.manifest.name,
        .world = session->judged->world,
        .role = roles[session->subject.manifest.role],
        .profile = session->subject.profile != NULL ? session->subject.profile->name : NULL,
        .version = SOCKSPEC_VERSION,
        .cases = suite_count(&session->setup, &session->cases),
    };
    report_begin(&session->report, &target);
}

static int end_report(struct cli_session *session, int64_t start_us)
{
    struct status_detail detail = {""};
    enum status status = report_end(&session->report, now_us() - start_us, &detail);
    if (status != STATUS_OK) {
        return cli_error(session->options, "%s", detail.text);
    }
    return (int)report_exit_code(&session->report);
}

/* What the rules that were broken have to say about a play's packets. */
struct pcapng_notes {
    struct pcapng_note notes[ORACLE_RULE_COUNT * ORACLE_EVIDENCE_MAX];
    char texts[ORACLE_RULE_COUNT * ORACLE_EVIDENCE_MAX][TRACE_DESCRIBE_MAX + 32];
    uint32_t count;
};

static void note_evidence(struct pcapng_notes *notes, const struct trace *trace,
                          const struct oracle_judgement *judgement)
{
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        const struct oracle_verdict *verdict = &judgement->verdicts[rule];
        for (unsigned i = 0; verdict->outcome == ORACLE_BROKEN && i < verdict->count; i++) {
            char text[TRACE_DESCRIBE_MAX];
            uint32_t event = verdict->events[i];
            (void)trace_describe(&trace->events[event], text, sizeof(text));
            (void)snprintf(notes->texts[notes->count], sizeof(notes->texts[0]), "%s broken: %s",
                           oracle_rules[rule].id, text);
            notes->notes[notes->count] = (struct pcapng_note){event, notes->texts[notes->count]};
            notes->count++;
        }
    }
}

static enum status save_packets(struct cli_session *session, const struct trace *trace,
                                const struct oracle_judgement *judgement,
                                struct status_detail *detail)
{
    struct pcapng_notes *notes = calloc(1, sizeof(*notes));
    if (notes == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "no memory for comments on packets");
    }
    note_evidence(notes, trace, judgement);
    struct trace_output output = trace_output_stream(session->pcapng.stream);
    enum status status = pcapng_write(trace, notes->notes, notes->count, &output, detail);
    free(notes);
    return status == STATUS_OK ? trace_save_commit(&session->pcapng, detail) : status;
}

/* A play goes where --trace and --pcapng said. */
static int save_play(struct cli_session *session, const struct trace *trace,
                     const struct oracle_judgement *judgement)
{
    struct status_detail detail = {""};
    struct status_detail written = {""};
    enum status status = STATUS_OK;
    if (session->trace.stream != NULL) {
        struct trace_output output = trace_output_stream(session->trace.stream);
        status = trace_jsonl_write(trace, &output, &written);
        status = status == STATUS_OK ? trace_save_commit(&session->trace, &detail)
                                     : status_fail(&detail, status, "%s: %s",
                                                   session->options->trace, written.text);
    }
    if (status == STATUS_OK && session->pcapng.stream != NULL) {
        status = save_packets(session, trace, judgement, &detail);
    }
    return status == STATUS_OK ? 0 : cli_error(session->options, "%s", detail.text);
}

/* What was judged is what is saved and drawn: in real time no play is like another. */
static void on_judged(void *context, const struct trace *trace,
                      const struct oracle_judgement *judgement)
{
    struct cli_session *session = context;
    session->judged_trace = trace;
    session->unsaved = save_play(session, trace, judgement);
}

/* A case that is not for this target was not played: who asked for its trace gets it all the same.
 */
static int play_unjudged(struct cli_session *session, const struct suite_case *the_case)
{
    struct status_detail detail = {""};
    const struct trace *trace = NULL;
    const struct oracle_judgement *judgement = NULL;
    struct player_outcome outcome;
    enum status status =
        suite_play(&session->setup, the_case, &trace, &judgement, &outcome, &detail);
    if (status != STATUS_OK) {
        return cli_status(session->options, status, &detail);
    }
    on_judged(session, trace, judgement);
    return 0;
}

static bool saves_play(const struct cli_session *session)
{
    return session->trace.stream != NULL || session->pcapng.stream != NULL;
}

static void watch_plays(struct cli_session *session)
{
    session->setup.on_judged = on_judged;
    session->setup.judged_context = session;
}

/* ---- check ---- */

/* How many cases of this role the glob selects; *ret_any: how many of any role. */
static uint32_t count_selected(const struct cli_session *session, uint32_t *ret_any,
                               const struct suite_case **ret_one)
{
    const char *glob = session->options->cases;
    uint32_t selected = 0;
    for (uint32_t i = 0; i < session->cases.count; i++) {
        const struct suite_case *the_case = &session->cases.cases[i];
        if (glob != NULL && fnmatch(glob, the_case->name, 0) != 0) {
            continue;
        }
        (*ret_any)++;
        if ((the_case->roles >> session->subject.manifest.role & 1U) != 0) {
            *ret_one = the_case;
            selected++;
        }
    }
    return selected;
}

static int no_such_case(const struct cli_session *session, const char *option, const char *given)
{
    struct words_guess guess = {.word = given};
    for (uint32_t i = 0; i < session->cases.count; i++) {
        words_guess_offer(&guess, session->cases.cases[i].name);
    }
    char hint[128];
    return cli_usage(session->options, "%sno case is called '%s'%s", option, given,
                     words_guess_hint(&guess, hint, sizeof(hint)));
}

int cli_check(struct cli_session *session)
{
    const struct cli_options *options = session->options;
    uint32_t any = 0;
    const struct suite_case *one = NULL;
    uint32_t selected = count_selected(session, &any, &one);
    if (any == 0 && options->cases != NULL) {
        return no_such_case(session, "--case: ", options->cases);
    }
    if ((options->trace != NULL || options->pcapng != NULL) && selected != 1) {
        return cli_usage(options, "--%s needs a --case that selects one case; it selects %u",
                         options->trace != NULL ? "trace" : "pcapng", selected);
    }
    int failed = cli_session_report(session);
    if (failed != 0) {
        return failed;
    }
    struct suite_result result;
    struct status_detail detail = {""};
    int64_t start = now_us();
    begin_report(session);
    watch_plays(session);
    session->setup.stopped = cli_catch_interrupts();
    /* What fails as a whole was told case by case: the exit code follows from that. */
    enum status status = suite_run(&session->setup, &session->cases, &result, &detail);
    int code = cli_interrupted_code(end_report(session, start));
    if (status == STATUS_OK && *session->setup.stopped == 0 && saves_play(session) &&
        session->judged_trace == NULL) {
        (void)play_unjudged(session, one);
    }
    return code == 0 ? session->unsaved : code;
}

/* ---- replay and shrink ---- */

/* Text has no control characters; the byte form begins with one. */
static bool is_text(const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)data[i];
        if (byte < ' ' && byte != '\n' && byte != '\t' && byte != '\r') {
            return false;
        }
    }
    return true;
}

static char *read_input(const struct cli_session *session, const char *path, size_t *ret_size,
                        int *ret_failed)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *stream = is_stdin ? stdin : fopen(path, "re");
    char *data = malloc(SCENARIO_TEXT_MAX + 1);
    *ret_failed = 0;
    if (data == NULL) {
        *ret_failed = cli_error(session->options, "out of memory");
    } else if (stream == NULL && errno == ENOENT && strchr(path, '.') == NULL) {
        *ret_failed = no_such_case(session, "no such file, and ", path);
    } else if (stream == NULL) {
        *ret_failed = cli_usage(session->options, "%s: %s", path, strerror(errno));
    } else {
        errno = 0;
        *ret_size = fread(data, 1, SCENARIO_TEXT_MAX + 1, stream);
        if (ferror(stream)) {
            *ret_failed = cli_usage(session->options, "%s: %s", path, strerror(errno));
        } else if (*ret_size > SCENARIO_TEXT_MAX) {
            *ret_failed =
                cli_usage(session->options, "%s: longer than %d bytes", path, SCENARIO_TEXT_MAX);
        }
    }
    if (stream != NULL && !is_stdin) {
        (void)fclose(stream);
    }
    return data;
}

/* The scenario that an operand means: a case's name, else a file in text or byte form. */
static int take_scenario(struct cli_session *session, const char *operand,
                         struct suite_case *ret_case)
{
    const struct suite_case *found = cases_find(&session->cases, operand);
    if (found != NULL) {
        *ret_case = *found;
        return 0;
    }
    size_t size = 0;
    int failed = 0;
    struct status_detail detail = {""};
    char *data = read_input(session, operand, &size, &failed);
    if (failed == 0 && is_text(data, size)) {
        const char *slash = strrchr(operand, '/');
        char name[CASES_NAME_MAX];
        (void)snprintf(name, sizeof(name), "%s", slash != NULL ? slash + 1 : operand);
        char *extension = strstr(name, CASES_EXTENSION);
        if (extension != NULL) {
            *extension = '\0';
        }
        session->setup.replay_scenario = operand;
        enum status status = cases_parse(operand, name, data, size, ret_case, &detail);
        failed = status == STATUS_OK ? 0 : cli_status(session->options, status, &detail);
    } else if (failed == 0) {
        memset(ret_case, 0, offsetof(struct suite_case, scenario));
        (void)snprintf(ret_case->name, sizeof(ret_case->name), "bytes");
        ret_case->roles = UINT32_MAX;
        scenario_decode((const uint8_t *)data, size, &ret_case->scenario);
        session->setup.replay_scenario = operand;
    }
    free(data);
    if (failed == 0 && ret_case->scenario.count == 0) {
        failed = cli_usage(session->options, "%s: a scenario without steps", operand);
    }
    return failed;
}

static int one_operand(const struct cli_session *session)
{
    const struct cli_options *options = session->options;
    if (options->operand_count != 1) {
        return cli_usage(options, "%s needs one SCENARIO: a case's name, a file, or - for stdin",
                         cli_command_word(options->command));
    }
    return 0;
}

static void draw_ladder(const struct trace *trace, const struct scenario *scenario)
{
    struct status_detail detail;
    struct ladder_options options = {.rows_max = LADDER_SCAN_MAX, .scenario = scenario};
    struct trace_output output = trace_output_stream(stdout);
    (void)fputc('\n', stdout);
    /* A ladder that cannot be drawn leaves the verdicts as they are. */
    if (ladder_print(trace, &options, &output, &detail) != STATUS_OK) {
        (void)fprintf(stderr, "the ladder: %s\n", detail.text);
    }
}

/* Whether stdout is for JSON or XML. */
static bool prints_data(const struct cli_options *options)
{
    return (options->json != NULL && strcmp(options->json, "-") == 0) ||
           (options->junit != NULL && strcmp(options->junit, "-") == 0);
}

int cli_replay(struct cli_session *session)
{
    const struct cli_options *options = session->options;
    struct suite_case *the_case = calloc(1, sizeof(*the_case));
    int code = the_case == NULL ? cli_error(options, "out of memory") : one_operand(session);
    if (code == 0) {
        code = take_scenario(session, options->operands[0], the_case);
    }
    if (code == 0 && subject_is_stack(&session->subject) &&
        (the_case->roles >> TRACE_ROLE_STACK & 1U) == 0) {
        code = cli_usage(options,
                         "replay needs --target TARGET (see `sockspec list targets`): %s is about "
                         "a program",
                         options->operands[0]);
    }
    if (code == 0) {
        code = cli_session_report(session);
    }
    if (code == 0) {
        struct suite_result result = {0};
        struct status_detail detail = {""};
        int64_t start = now_us();
        begin_report(session);
        watch_plays(session);
        enum status status = suite_run_case(&session->setup, the_case, &result, &detail);
        code = end_report(session, start);
        /* Of a stack the picture is what one asks for. */
        bool quiet = options->tap || prints_data(options);
        bool draws = !quiet && (options->verbose || subject_is_stack(&session->subject));
        if (status == STATUS_OK && (draws || saves_play(session)) &&
            session->judged_trace == NULL) {
            (void)play_unjudged(session, the_case);
        }
        code = code == 0 ? session->unsaved : code;
        if (draws && session->judged_trace != NULL) {
            draw_ladder(session->judged_trace, &the_case->scenario);
        }
    }
    free(the_case);
    return code;
}

/* Whether a play breaks the rule that is looked for (NULL: any), and which one it broke. */
static enum status breaks(struct cli_session *session, const struct suite_case *the_case,
                          const char *rule, const char **ret_broken, struct status_detail *detail)
{
    const struct trace *trace = NULL;
    const struct oracle_judgement *judgement = NULL;
    struct player_outcome outcome;
    enum status status =
        suite_play(&session->setup, the_case, &trace, &judgement, &outcome, detail);
    *ret_broken = NULL;
    if (status != STATUS_OK) {
        return status;
    }
    const char *end = suite_end_rule(trace);
    if (end != NULL && (rule == NULL || strcmp(rule, end) == 0)) {
        *ret_broken = end;
        return STATUS_OK;
    }
    for (unsigned i = 0; i < ORACLE_RULE_COUNT && *ret_broken == NULL; i++) {
        if (oracle_has(judgement->broken, i) &&
            (rule == NULL || strcmp(rule, oracle_rules[i].id) == 0)) {
            *ret_broken = oracle_rules[i].id;
        }
    }
    return STATUS_OK;
}

static int write_scenario(struct cli_session *session, const struct scenario *scenario,
                          const char *rule)
{
    const struct cli_options *options = session->options;
    struct status_detail detail = {""};
    char *text = malloc(SCENARIO_PRINT_MAX);
    size_t length = 0;
    if (text == NULL || scenario_print(scenario, text, SCENARIO_PRINT_MAX, &length) != STATUS_OK) {
        free(text);
        return cli_error(options, "out of memory");
    }
    struct trace_save file = {0};
    enum status status = STATUS_OK;
    FILE *out = stdout;
    if (options->output != NULL) {
        status = trace_save_open(&file, options->output, &detail);
        out = file.stream;
    }
    if (status == STATUS_OK) {
        (void)fprintf(out, "title \"breaks %s\"\nrules %s\n\n%s", rule, rule, text);
    }
    if (status == STATUS_OK && options->output != NULL) {
        status = trace_save_commit(&file, &detail);
    }
    free(text);
    return status == STATUS_OK ? 0 : cli_error(options, "%s", detail.text);
}

int cli_shrink(struct cli_session *session)
{
    const struct cli_options *options = session->options;
    struct status_detail detail = {""};
    struct suite_case *the_case = calloc(1, sizeof(*the_case));
    struct scenario_shrinker *shrinker = calloc(1, sizeof(*shrinker));
    const char *rule = options->rule;
    const char *broken = NULL;
    int code = the_case == NULL || shrinker == NULL ? cli_error(options, "out of memory")
                                                    : one_operand(session);
    if (code == 0 && options->output != NULL) {
        struct trace_save probe = {0};
        enum status opened = trace_save_open(&probe, options->output, &detail);
        trace_save_abandon(&probe);
        code = opened == STATUS_OK ? 0 : cli_status(options, opened, &detail);
    }
    if (code == 0) {
        code = take_scenario(session, options->operands[0], the_case);
    }
    if (code != 0) {
        goto out;
    }
    enum status status = breaks(session, the_case, rule, &broken, &detail);
    if (status == STATUS_OK && broken == NULL) {
        code = cli_usage(options, "%s breaks %s%s on %s: nothing to shrink", options->operands[0],
                         rule != NULL ? "not " : "no rule", rule != NULL ? rule : "",
                         session->subject.manifest.name);
        goto out;
    }
    rule = broken;
    unsigned before = the_case->scenario.count;
    scenario_shrink_init(shrinker, &the_case->scenario);
    while (status == STATUS_OK && scenario_shrink_next(shrinker, &the_case->scenario)) {
        status = breaks(session, the_case, rule, &broken, &detail);
        if (status == STATUS_OK && broken != NULL) {
            scenario_shrink_accept(shrinker);
        }
    }
    if (status != STATUS_OK) {
        code = cli_status(options, status, &detail);
        goto out;
    }
    code = write_scenario(session, &shrinker->best, rule);
    if (code == 0) {
        (void)fprintf(stderr, "%s: %u steps became %u, still breaking %s\n", options->program,
                      before, shrinker->best.count, rule);
    }
out:
    free(the_case);
    free(shrinker);
    return code;
}
