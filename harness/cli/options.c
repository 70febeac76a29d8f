/* Options by table, on top of getopt_long. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "sockspec/sockspec.h"

enum { COUNT_DEFAULT = 10000 /* scenarios of diff */ };
enum { OPTION_FIRST = 1000 }; /* getopt's values of our rows, above all characters */

struct option_row {
    const char *name;
    char letter;          /* 0: none */
    const char *argument; /* NULL: a flag */
    const char *choices;  /* "a|b"; NULL: anything */
    size_t offset;        /* a const char * or a bool in struct cli_options */
    uint32_t commands;    /* bit (1 << enum cli_command) */
    const char *help;
};

#define ON(command) (1U << CLI_##command)
#define PLAYS (ON(CHECK) | ON(REPLAY) | ON(SHRINK))
#define AT(member) offsetof(struct cli_options, member)

static const struct option_row option_rows[] = {
    {"world", 0, "WORLD", "model|linux", AT(world), PLAYS | ON(FUZZ),
     "where the target lives: model (default of linked ones) or linux"},
    {"case", 0, "GLOB", NULL, AT(cases), ON(CHECK) | ON(LIST), "only cases whose name matches"},
    {"rule", 0, "ID", NULL, AT(rule), PLAYS | ON(LIST), "only verdicts on this rule"},
    {"json", 0, "FILE", NULL, AT(json), ON(CHECK) | ON(REPLAY),
     "write the verdicts as JSON (- is stdout)"},
    {"junit", 0, "FILE", NULL, AT(junit), ON(CHECK) | ON(REPLAY),
     "write the verdicts as JUnit XML (- is stdout)"},
    {"tap", 0, NULL, NULL, AT(tap), ON(CHECK) | ON(REPLAY), "print TAP version 14 instead of text"},
    {"trace", 0, "FILE", NULL, AT(trace), PLAYS, "write the trace as JSON Lines"},
    {"pcapng", 0, "FILE", NULL, AT(pcapng), PLAYS,
     "write its segments for Wireshark, with comments on those that matter"},
    {"verbose", 'v', NULL, NULL, AT(verbose), PLAYS,
     "show every verdict and every ladder, not only what matters"},
    {"rules", 0, "SET", "linux|posix", AT(rules), PLAYS,
     "which kernel's answers are allowed: linux or posix"},
    {"seed", 0, "N", NULL, AT(seed), PLAYS | ON(DIFF) | ON(FUZZ),
     "of what the kernel is free to choose"},
    {"jobs", 'j', "N", NULL, AT(jobs), ON(CHECK) | ON(FUZZ) | ON(DIFF),
     "how many targets at once; of one in world linux, how many cases"},
    {"corpus", 0, "DIR", NULL, AT(corpus), PLAYS | ON(LIST) | ON(EXPLAIN) | ON(FUZZ),
     "cases from this folder instead of the built-in ones"},
    {"targets", 0, "DIR", NULL, AT(targets), PLAYS | ON(FUZZ) | ON(LIST),
     "where TARGET_check lies; default: ../targets beside sockspec"},
    {"target", 't', "TARGET", NULL, AT(target), ON(REPLAY) | ON(SHRINK),
     "the target to play against"},
    {"output", 'o', "FILE", NULL, AT(output), ON(SHRINK),
     "where the small scenario goes; default: stdout"},
    {"profile", 0, "PROFILE", NULL, AT(profile), PLAYS | ON(NEW_TARGET), "how to talk to COMMAND"},
    {"role", 0, "ROLE", "server|client", AT(role), PLAYS | ON(NEW_TARGET),
     "what COMMAND is: server (default) or client"},
    {"port", 0, "N", NULL, AT(port), PLAYS, "the port of a COMMAND that has a fixed one"},
    {"name", 0, "NAME", NULL, AT(name), PLAYS, "what reports call COMMAND; default: its own name"},
    {"set", 0, "KEY=VALUE", NULL, AT(settings), PLAYS,
     "of COMMAND what a manifest would say, such as stop_signal=INT; again for each key"},
    {"ipv6", 0, NULL, NULL, AT(ipv6), PLAYS,
     "world linux: {host} is an IPv6 address, and peers speak IPv6"},
    {"slow", 0, NULL, NULL, AT(slow), PLAYS | ON(DIFF),
     "world linux: play the steps that need more real time, too"},
    {"stack", 0, "NAME", NULL, AT(stack), PLAYS,
     "a TCP stack instead of a target: one of `sockspec list stacks`"},
    {"worlds", 0, "A,B", NULL, AT(worlds), ON(DIFF), "the two worlds; default: model,linux"},
    {"from", 0, "I", NULL, AT(from), ON(DIFF), "the number of the first scenario; default: 0"},
    {"count", 0, "N", NULL, AT(count), ON(DIFF), "how many scenarios; default: 10000"},
    {"states", 0, "FILE", NULL, AT(states), ON(DIFF),
     "write what was exercised of the state space, as Markdown"},
    {"engine", 0, "ENGINE", "libfuzzer|afl++", AT(engine), ON(FUZZ),
     "what makes up the scenarios: libfuzzer (default) or afl++"},
    {"time", 0, "TIME", NULL, AT(time), ON(FUZZ) | ON(DIFF),
     "how long: 90s, 10m, 8h; default: until interrupted"},
    {"runs", 0, "N", NULL, AT(runs), ON(FUZZ), "how many scenarios each process plays at most"},
    {"out", 0, "DIR", NULL, AT(out), ON(FUZZ) | ON(DIFF),
     "where everything goes, default fuzz-TARGET; a campaign that stands there goes on"},
    {"no-seeds", 0, NULL, NULL, AT(no_seeds), ON(FUZZ),
     "start from nothing instead of the suite's cases"},
    {"help", 'h', NULL, NULL, AT(help), UINT32_MAX, "this text"},
};
enum { OPTION_COUNT = sizeof(option_rows) / sizeof(option_rows[0]) };

/* What an option means to some commands alone. */
static const struct {
    const char *name;
    uint32_t commands;
    const char *help;
} option_senses[] = {
    {"world", ON(FUZZ), "where the target lives: model, the only one that is fuzzed"},
    {"case", ON(LIST), "cases: only those whose name matches"},
    {"rule", ON(LIST), "cases: only those that exercise this rule"},
    {"rule", ON(SHRINK), "the rule to keep broken; default: the first that is"},
    {"trace", ON(CHECK), "write the trace of the one case that --case selects, as JSON Lines"},
    {"pcapng", ON(CHECK), "write its segments for Wireshark, with comments on those that matter"},
    {"seed", ON(FUZZ), "of what the engine makes up; default: 1"},
    {"seed", ON(DIFF), "of what is made up: scenario I of seed N is the same on every machine"},
    {"jobs", ON(FUZZ), "how many processes; default: 1"},
    {"jobs", ON(DIFF), "how many processes; default: 1. With --slow they mostly wait: 100"},
    {"slow", ON(DIFF), "scenarios in which time passes, in real time on linux"},
    {"stack", ON(CHECK), "a TCP stack instead of a target: one of `sockspec list stacks`, or all"},
    {"time", ON(DIFF), "how long at most: 90s, 10m, 8h"},
    {"out", ON(DIFF), "go on after a difference, and write the scenarios that differ there"},
    {"corpus", ON(FUZZ), "seeds are the cases of this folder, not the built-in ones"},
};

static const char *help_of(const struct option_row *row, enum cli_command command)
{
    for (unsigned i = 0; i < sizeof(option_senses) / sizeof(option_senses[0]); i++) {
        if (strcmp(option_senses[i].name, row->name) == 0 &&
            (option_senses[i].commands >> command & 1U) != 0) {
            return option_senses[i].help;
        }
    }
    return row->help;
}

static const struct {
    const char *word;
    const char *arguments;
    const char *summary;
} commands[CLI_COMMAND_COUNT] = {
#define CLI_COMMAND_ROW(name, word, arguments, summary) [CLI_##name] = {word, arguments, summary},
    CLI_COMMAND_TABLE(CLI_COMMAND_ROW)
#undef CLI_COMMAND_ROW
};

/* ---- Messages ---- */

static void message(const struct cli_options *options, const char *format, va_list arguments)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s: ", options->program);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
}

int cli_usage(const struct cli_options *options, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message(options, format, arguments);
    va_end(arguments);
    return SOCKSPEC_EXIT_USAGE;
}

int cli_error(const struct cli_options *options, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message(options, format, arguments);
    va_end(arguments);
    return SOCKSPEC_EXIT_ERROR;
}

int cli_status(const struct cli_options *options, enum status status,
               const struct status_detail *detail)
{
    const char *text = detail->text[0] != '\0' ? detail->text : status_text(status);
    bool given = status == STATUS_USAGE || status == STATUS_SYNTAX || status == STATUS_NOT_FOUND ||
                 status == STATUS_LIMIT;
    return given ? cli_usage(options, "%s", text) : cli_error(options, "%s", text);
}

/* ---- Reading ---- */

enum cli_command cli_command_find(const char *word)
{
    unsigned command = 0;
    while (command < CLI_COMMAND_COUNT && strcmp(commands[command].word, word) != 0) {
        command++;
    }
    return (enum cli_command)command;
}

const char *cli_command_word(enum cli_command command)
{
    return commands[command].word;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t size = strlen(value);
    for (const char *at = choices; at != NULL;
         at = strchr(at, '|') == NULL ? NULL : strchr(at, '|') + 1) {
        if (size > 0 && strncmp(at, value, size) == 0 && (at[size] == '|' || at[size] == '\0')) {
            return true;
        }
    }
    return false;
}

/* The option that may be given again and again. */
static bool take_setting(struct cli_options *options, const char *value)
{
    if (options->setting_count == CLI_SETTINGS_MAX) {
        (void)cli_usage(options, "--set: more than %d", (int)CLI_SETTINGS_MAX);
        return false;
    }
    options->settings[options->setting_count++] = value;
    return true;
}

static bool take(struct cli_options *options, const struct option_row *row, const char *value)
{
    char *place = (char *)options + row->offset;
    if ((row->commands >> options->command & 1U) == 0) {
        (void)cli_usage(options, "%s has no option --%s (see %s %s --help)",
                        commands[options->command].word, row->name, "sockspec",
                        commands[options->command].word);
        return false;
    }
    if (row->argument == NULL) {
        *(bool *)place = true;
        return true;
    }
    if (value[0] == '\0') {
        (void)cli_usage(options, "--%s: found nothing, expected %s", row->name, row->argument);
        return false;
    }
    if (row->choices != NULL && !is_choice(row->choices, value)) {
        (void)cli_usage(options, "--%s: found '%s', expected %s", row->name, value, row->choices);
        return false;
    }
    if (row->offset == AT(settings)) {
        return take_setting(options, value);
    }
    *(const char **)place = value;
    return true;
}

/* getopt did not know it, or misses its argument. */
static bool refuse(const struct cli_options *options, int kind, const char *given)
{
    struct words_guess guess = {.word = given + strspn(given, "-")};
    char word[64];
    (void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(guess.word, "="), guess.word);
    guess.word = word;
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if ((option_rows[i].commands >> options->command & 1U) != 0) {
            words_guess_offer(&guess, option_rows[i].name);
        }
    }
    if (kind == ':') {
        (void)cli_usage(options, "%s needs an argument", given);
    } else if (guess.best != NULL && strcmp(guess.best, word) != 0) {
        (void)cli_usage(options, "unknown option '%s'; did you mean '--%s'?", given, guess.best);
    } else if (guess.best != NULL) {
        (void)cli_usage(options, "'%s': --%s takes no argument", given, guess.best);
    } else {
        (void)cli_usage(options, "unknown option '%s' (see sockspec %s --help)", given,
                        commands[options->command].word);
    }
    return false;
}

static bool read_number(const struct cli_options *options, const char *name, const char *text,
                        uint64_t min, uint64_t max, uint64_t *ret_number)
{
    char *rest = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &rest, 0);
    if (errno != 0 || rest == text || *rest != '\0' || text[0] == '-' || number < min ||
        number > max) {
        (void)cli_usage(options, "--%s: found '%s', expected a number from %llu to %llu", name,
                        text, (unsigned long long)min, (unsigned long long)max);
        return false;
    }
    *ret_number = number;
    return true;
}

bool cli_read_time(const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}, {"h", 3600000}};
    char *rest = NULL;
    long number = strtol(text, &rest, 10);
    if (rest == text || number <= 0 || number > 1000000) {
        return false;
    }
    for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(rest, units[i].unit) == 0) {
            *ret_ms = number * units[i].ms;
            return true;
        }
    }
    return false;
}

static bool read_numbers(struct cli_options *options)
{
    uint64_t jobs = 1;
    uint64_t port = 0;
    bool good = options->seed == NULL ||
                read_number(options, "seed", options->seed, 0, UINT64_MAX, &options->seed_number);
    good = good &&
           (options->jobs == NULL || read_number(options, "jobs", options->jobs, 1, 256, &jobs));
    good = good && (options->port == NULL ||
                    read_number(options, "port", options->port, 1, UINT16_MAX, &port));
    good = good && (options->runs == NULL || read_number(options, "runs", options->runs, 1,
                                                         INT32_MAX, &options->runs_number));
    good = good && (options->count == NULL || read_number(options, "count", options->count, 1,
                                                          INT64_MAX, &options->count_number));
    good = good && (options->from == NULL || read_number(options, "from", options->from, 0,
                                                         INT64_MAX, &options->from_number));
    options->jobs_number = (unsigned)jobs;
    return good;
}

bool cli_options_parse(struct cli_options *options, const char *program, enum cli_command command,
                       int argc, char **argv)
{
    struct option long_options[OPTION_COUNT + 1] = {{0}};
    char letters[2 + OPTION_COUNT * 2 + 1] = ":";
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        long_options[i] =
            (struct option){row->name, row->argument != NULL ? required_argument : no_argument,
                            NULL, OPTION_FIRST + i};
        if (row->letter != 0) {
            size_t used = strlen(letters);
            (void)snprintf(letters + used, sizeof(letters) - used, "%c%s", row->letter,
                           row->argument != NULL ? ":" : "");
        }
    }
    *options = (struct cli_options){
        .program = program, .command = command, .jobs_number = 1, .count_number = COUNT_DEFAULT};
    for (int i = 1; i < argc && !options->has_command; i++) {
        options->has_command = strcmp(argv[i], "--") == 0;
        options->given_count = options->has_command ? argc - i - 1 : 0;
    }
    opterr = 0;
    optind = 0; /* glibc: start afresh */
    int kind = 0;
    for (int last = 1; (kind = getopt_long(argc, argv, letters, long_options, NULL)) != -1;
         last = optind) {
        const struct option_row *row = NULL;
        for (int i = 0; i < OPTION_COUNT && row == NULL; i++) {
            row = kind == OPTION_FIRST + i || (kind == option_rows[i].letter && kind != 0)
                      ? &option_rows[i]
                      : NULL;
        }
        if (row == NULL) {
            return refuse(options, kind,
                          last < argc && argv[last][0] == '-' ? argv[last] : argv[optind - 1]);
        }
        if (!take(options, row, optarg)) {
            return false;
        }
    }
    options->operands = argv + optind;
    options->given = argv + argc - options->given_count;
    options->operand_count = argc - optind - options->given_count;
    return read_numbers(options);
}

int cli_options_forward(const struct cli_options *options, enum cli_command command,
                        const char *const *without, const char **argv, int argc, int room)
{
    static _Thread_local char words[OPTION_COUNT][64];
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        const char *place = (const char *)options + row->offset;
        const char *value =
            row->argument != NULL ? *(const char *const *)(const void *)place : NULL;
        bool given = row->argument != NULL ? value != NULL : *(const bool *)(const void *)place;
        for (unsigned w = 0; without[w] != NULL; w++) {
            given = given && strcmp(without[w], row->name) != 0;
        }
        if (!given || (row->commands >> command & 1U) == 0) {
            continue;
        }
        if (argc + 2 >= room) {
            return -1;
        }
        (void)snprintf(words[i], sizeof(words[i]), "--%s", row->name);
        argv[argc++] = words[i];
        if (value != NULL) {
            argv[argc++] = value;
        }
    }
    argv[argc] = NULL;
    return argc;
}

void cli_quote(char *text, size_t size, const char *word)
{
    size_t used = strlen(text);
    (void)snprintf(text + used, size - used, " ");
    words_quote(text, size, word);
}

/* ---- Help ---- */

void cli_help(FILE *out)
{
    (void)fprintf(out,
                  "sockspec " SOCKSPEC_VERSION ": judges how programs live with TCP sockets\n\n"
                  "usage: sockspec COMMAND [OPTION…] …\n\n");
    for (unsigned i = 0; i < CLI_COMMAND_COUNT; i++) {
        (void)fprintf(out, "  %-10s %s\n", commands[i].word, commands[i].summary);
    }
    (void)fprintf(
        out,
        "\n`sockspec COMMAND --help` shows the command's options.\n"
        "Exit status: 0 nothing failed, 1 a rule was broken, 2 wrong usage, 3 the harness or the\n"
        "environment failed, 77 everything was skipped.\n");
}

void cli_command_help(FILE *out, enum cli_command command)
{
    (void)fprintf(out, "usage: sockspec %s [OPTION…] %s\n%s\n\n", commands[command].word,
                  commands[command].arguments, commands[command].summary);
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        if ((row->commands >> command & 1U) == 0) {
            continue;
        }
        char left[64];
        char letter[8] = "    ";
        if (row->letter != 0) {
            (void)snprintf(letter, sizeof(letter), "-%c, ", row->letter);
        }
        (void)snprintf(left, sizeof(left), "%s--%s%s%s", letter, row->name,
                       row->argument != NULL ? " " : "",
                       row->argument != NULL ? row->argument : "");
        (void)fprintf(out, "  %-22s %s\n", left, help_of(row, command));
    }
}
