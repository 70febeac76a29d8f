/* What there is: targets, cases, rules, profiles; and one rule in full. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "cli/stacks.h"
#include "cli/targets.h"
#include "oracle/explain.h"
#include "oracle/oracle.h"
#include "sockspec/sockspec.h"
#include "suite/cases.h"
#include "suite/profiles.h"
#include "suite/run.h"

static int list_targets(const struct cli_options *options)
{
    struct cli_target *targets = calloc(CLI_TARGETS_MAX, sizeof(*targets));
    if (targets == NULL) {
        return cli_error(options, "out of memory");
    }
    int count = cli_targets_all(options, targets);
    if (count < 0) {
        free(targets);
        return SOCKSPEC_EXIT_USAGE;
    }
    for (int i = 0; i < count; i++) {
        const struct cli_target *target = &targets[i];
        (void)printf("%-34s %-6s %-11s %s", target->name, target->role, target->profile,
                     target->description);
        if (target->broken || target->breaks[0] != '\0') {
            (void)printf(" [broken%s%s]", target->breaks[0] != '\0' ? ": " : "", target->breaks);
        }
        (void)putchar('\n');
    }
    free(targets);
    return SOCKSPEC_EXIT_OK;
}

static int list_stacks(const struct cli_options *options)
{
    struct cli_stack *stacks = calloc(CLI_STACKS_MAX, sizeof(*stacks));
    if (stacks == NULL) {
        return cli_error(options, "out of memory");
    }
    int count = cli_stacks_all(options, stacks);
    for (int i = 0; i < count; i++) {
        const struct cli_stack *stack = &stacks[i];
        (void)printf("%-16s %s\n", stack->name,
                     stack->problem[0] != '\0' ? stack->problem : stack->about.version);
    }
    free(stacks);
    return count < 0 ? SOCKSPEC_EXIT_USAGE : SOCKSPEC_EXIT_OK;
}

static int list_cases(const struct cli_options *options)
{
    struct cases cases;
    struct status_detail detail = {""};
    unsigned rule = options->rule != NULL ? oracle_find(options->rule) : 0;
    if (rule >= ORACLE_RULE_COUNT) {
        return cli_usage(options, "--rule: there is no rule '%s'", options->rule);
    }
    enum status status = cases_load(options->corpus, &cases, &detail);
    if (status != STATUS_OK) {
        return cli_status(options, status, &detail);
    }
    for (uint32_t i = 0; i < cases.count; i++) {
        const struct suite_case *the_case = &cases.cases[i];
        bool shown = options->cases == NULL || fnmatch(options->cases, the_case->name, 0) == 0;
        if (shown && (options->rule == NULL || oracle_has(the_case->rules, rule))) {
            (void)printf("%-52s %s\n", the_case->name, the_case->title);
        }
    }
    cases_done(&cases);
    return SOCKSPEC_EXIT_OK;
}

static int list_rules(const struct cli_options *options)
{
    (void)options;
    for (unsigned i = 0; i < ORACLE_RULE_COUNT; i++) {
        const struct oracle_rule *rule = &oracle_rules[i];
        (void)printf("%-7s %-6s %-6s %s%s\n", rule->id,
                     oracle_level_name((enum oracle_level)rule->level),
                     oracle_binds_name(rule->binds), rule->title,
                     rule->decidable ? "" : " [not decidable from a trace]");
    }
    return SOCKSPEC_EXIT_OK;
}

static int list_profiles(const struct cli_options *options)
{
    (void)options;
    for (unsigned i = 0; profiles_at(i) != NULL; i++) {
        (void)printf("%-11s %s\n", profiles_at(i)->name, profiles_at(i)->title);
    }
    return SOCKSPEC_EXIT_OK;
}

int cli_list(const struct cli_options *options)
{
    static const struct {
        const char *word;
        int (*list)(const struct cli_options *options);
    } lists[] = {{"targets", list_targets},
                 {"stacks", list_stacks},
                 {"cases", list_cases},
                 {"rules", list_rules},
                 {"profiles", list_profiles}};
    const char *word = options->operand_count == 1 ? options->operands[0] : "";
    struct words_guess guess = {.word = word};
    for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (strcmp(lists[i].word, word) == 0) {
            return lists[i].list(options);
        }
        words_guess_offer(&guess, lists[i].word);
    }
    char hint[64];
    return cli_usage(options, "list needs one of targets, stacks, cases, rules or profiles%s",
                     words_guess_hint(&guess, hint, sizeof(hint)));
}

static void write_out(void *context, const char *text, size_t size)
{
    (void)fwrite(text, 1, size, context);
}

static void print_cases_of(const struct cases *cases, unsigned rule)
{
    bool any = false;
    for (uint32_t i = 0; i < cases->count; i++) {
        if (oracle_has(cases->cases[i].rules, rule)) {
            (void)printf("%s  %-52s %s\n", any ? "" : "\nCases that are about it:\n",
                         cases->cases[i].name, cases->cases[i].title);
            any = true;
        }
    }
    if (!any) {
        (void)printf(
            "\nNo case is about it alone; it is judged in every case that gives occasion.\n");
    }
}

/* The suite's own words for what a program's end shows. */
static const char *explain_own(const char *word)
{
    static const struct {
        const char *word;
        const char *text;
    } own[] = {
        {SUITE_RULE_CRASH, "CRASH: the program does not crash\n\n"
                           "A signal, abort(), an assertion or a sanitizer's report ended the "
                           "program during a case.\n"
                           "Always FAIL. What the program wrote is shown with the verdict.\n"},
        {SUITE_RULE_HANG,
         "HANG: the program goes on\n\n"
         "The program used its CPU time without making a call, or slept where nothing that the\n"
         "world knows can wake it. Always FAIL.\n"},
        {SUITE_RULE_EXIT,
         "EXIT: a server goes on until it is asked to stop\n\n"
         "The server ended by itself after it had begun to listen; no signal had come and no call\n"
         "of its had been made to fail. Always FAIL.\n"},
        {SUITE_RULE_CASE, "CASE: the case can be judged\n\n"
                          "ERROR: a step of the case had no effect, or the environment failed; the "
                          "target is not to\n"
                          "blame. SKIP: the case does not apply to the target.\n"},
    };
    for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (strcmp(own[i].word, word) == 0) {
            return own[i].text;
        }
    }
    return NULL;
}

int cli_explain(const struct cli_options *options)
{
    if (options->operand_count != 1) {
        return cli_usage(options, "explain needs one RULE, as `sockspec list rules` shows them");
    }
    const char *word = options->operands[0];
    unsigned rule = oracle_find(word);
    if (explain_own(word) != NULL) {
        (void)fputs(explain_own(word), stdout);
        return SOCKSPEC_EXIT_OK;
    }
    if (rule >= ORACLE_RULE_COUNT) {
        struct words_guess guess = {.word = word};
        for (unsigned i = 0; i < ORACLE_RULE_COUNT; i++) {
            words_guess_offer(&guess, oracle_rules[i].id);
        }
        char hint[64];
        return cli_usage(options, "there is no rule '%s'%s", word,
                         words_guess_hint(&guess, hint, sizeof(hint)));
    }
    struct cases cases;
    struct status_detail detail = {""};
    enum status status = cases_load(options->corpus, &cases, &detail);
    if (status != STATUS_OK) {
        return cli_status(options, status, &detail);
    }
    struct oracle_writer writer = {write_out, stdout};
    oracle_explain(rule, &writer);
    print_cases_of(&cases, rule);
    cases_done(&cases);
    return SOCKSPEC_EXIT_OK;
}
