/* The cases for stacks, played on a stack of ours and judged: none breaks a rule, each keeps those
 * that it is about, and every rule that a trace decides is kept by some case. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle/stack_play.h"

/* Errnos that the cases met, by call. */
enum { ERRNOS_MAX = 256 };

static struct stack_play play;
static bool met[TRACE_CALL_COUNT][ERRNOS_MAX];

static int open_play(void **state)
{
    (void)state;
    stack_play_open(&play);
    return 0;
}

static int close_play(void **state)
{
    (void)state;
    stack_play_close(&play);
    return 0;
}

/* Whether the world would take too long for a step of the case. */
static bool is_too_slow(const struct trace *trace)
{
    for (uint32_t i = 0; i < trace->count; i++) {
        if (trace->events[i].kind == TRACE_NOOP && trace->events[i].b == TRACE_NOOP_TOO_SLOW) {
            return true;
        }
    }
    return false;
}

/* Notes the errnos of calls that an adapter is asked for: none is of a call that waits, or of a
 * descriptor that is none. */
static void note_errnos(const struct trace *trace)
{
    bool asked = true;
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        if (event->kind == TRACE_STEP) {
            asked = event->what < SCENARIO_APP_BLOCKING;
        } else if (event->kind == TRACE_CALL && asked && event->err > 0 &&
                   event->err < ERRNOS_MAX) {
            met[event->what][event->err] = true;
        }
    }
}

/* Says what is wrong with a case that was played. Returns whether nothing is. */
static bool check(const struct suite_case *the_case, const struct oracle_judgement *judgement)
{
    char text[ORACLE_DETAIL_MAX];
    bool good = true;
    for (uint32_t i = 0; i < play.trace.count; i++) {
        const struct trace_event *event = &play.trace.events[i];
        if (event->kind == TRACE_NOOP) {
            print_error("%s: step %d has no effect\n", the_case->name, (int)event->a + 1);
            good = false;
        }
    }
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        bool meant = oracle_has(the_case->rules, rule);
        if (oracle_has(judgement->broken, rule) ||
            (meant && good && !oracle_has(judgement->kept, rule))) {
            print_error("%s: %s: %s\n", the_case->name, oracle_rules[rule].id,
                        oracle_detail(&judgement->verdicts[rule], &play.trace, text, sizeof text));
            good = false;
        }
    }
    return good;
}

static void cases_break_no_rule_and_keep_their_own(void **state)
{
    (void)state;
    uint64_t kept[ORACLE_WORDS] = {0};
    unsigned wrong = 0;
    unsigned slow = 0;
    for (uint32_t i = 0; i < play.cases.count; i++) {
        const struct oracle_judgement *judgement = stack_play_case(&play, &play.cases.cases[i]);
        if (is_too_slow(&play.trace)) {
            slow++;
            continue;
        }
        note_errnos(&play.trace);
        wrong += !check(&play.cases.cases[i], judgement);
        for (unsigned word = 0; word < ORACLE_WORDS; word++) {
            kept[word] |= judgement->kept[word];
        }
    }
    print_message("%u cases, %u of them too slow for this world\n", play.cases.count, slow);
    assert_int_equal(wrong, 0);
    for (unsigned rule = 0; slow == 0 && rule < ORACLE_RULE_COUNT; rule++) {
        if (oracle_rules[rule].on_stack != NULL && !oracle_has(kept, rule)) {
            print_error("%s: no case keeps it\n", oracle_rules[rule].id);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

/* ---- The contract ---- */

/* The operation of each call, as the table of the contract's page names it. */
static const struct {
    const char *operation;
    uint8_t call; /* enum trace_call */
} operations[] = {
    {"socket", TRACE_CALL_SOCKET},     {"bind", TRACE_CALL_BIND},
    {"listen", TRACE_CALL_LISTEN},     {"accept", TRACE_CALL_ACCEPT},
    {"connect", TRACE_CALL_CONNECT},   {"send", TRACE_CALL_SEND},
    {"recv", TRACE_CALL_RECV},         {"shutdown", TRACE_CALL_SHUTDOWN},
    {"close", TRACE_CALL_CLOSE},       {"dup", TRACE_CALL_DUP},
    {"names", TRACE_CALL_GETPEERNAME}, {"setsockopt", TRACE_CALL_SETSOCKOPT},
};

/* Errnos that the page names for stacks other than ours. */
static const struct {
    uint8_t call;
    int error;
    const char *reason;
} never_met[] = {
    {TRACE_CALL_SOCKET, EMFILE, "no case opens so many"},
    {TRACE_CALL_DUP, EMFILE, "no case opens so many"},
    {TRACE_CALL_SEND, ENOTCONN, "POSIX has it, Linux says EPIPE"},
    {TRACE_CALL_SEND, ETIMEDOUT, "the error that waits is told to whom asks first, here a recv"},
    {TRACE_CALL_RECV, ETIMEDOUT, "its case takes more real time than a second"},
    {TRACE_CALL_SETSOCKOPT, ENOPROTOOPT, "our stacks have every option of the language"},
    {TRACE_CALL_SETSOCKOPT, EINVAL, "no case sets a value that is none"},
};

static bool is_never_met(unsigned call, int error)
{
    for (unsigned i = 0; i < sizeof never_met / sizeof never_met[0]; i++) {
        if (never_met[i].call == call && never_met[i].error == error) {
            return true;
        }
    }
    return false;
}

/* The last cell of the row of an operation, where its errnos stand. */
static bool find_row(const char *page, const char *operation, char *cell, size_t size)
{
    char start[64];
    (void)snprintf(start, sizeof start, "\n| `%s`", operation);
    const char *row = strstr(page, start);
    const char *end = row != NULL ? strchr(row + 1, '\n') : NULL;
    const char *last = end != NULL ? end - 2 : NULL;
    while (last != NULL && *last != '|') {
        last--;
    }
    if (last == NULL) {
        return false;
    }
    (void)snprintf(cell, size, "%.*s", (int)(end - last), last);
    return true;
}

/* Whether the word stands in the text, and not as a part of another one. */
static bool has_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += length) {
        if (!isalnum((unsigned char)at[length])) {
            return true;
        }
    }
    return false;
}

/* What the page says that an operation answers is what our stacks answer, errno by errno. */
static void contract_names_the_errnos_that_come(void **state)
{
    (void)state;
    static char page[1 << 16];
    FILE *file = fopen(CONTRACT_PAGE, "rb");
    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    (void)fclose(file);
    unsigned wrong = 0;
    for (unsigned i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        char cell[512];
        unsigned call = operations[i].call;
        assert_true(find_row(page, operations[i].operation, cell, sizeof cell));
        for (int error = 1; error < ERRNOS_MAX; error++) {
            const char *name = strerrorname_np(error);
            bool said = name != NULL && has_word(cell, name);
            if (said != met[call][error] && !(said && is_never_met(call, error))) {
                print_error("%s: %s is %s\n", operations[i].operation, name,
                            said ? "named, and never came" : "not named, and came");
                wrong++;
            }
        }
    }
    assert_int_equal(wrong, 0);
}

/* ---- How many ---- */

/* Whether two cases differ only in numbers: of sockets, ports, bytes, times, indexes. */
static bool differ_in_numbers_alone(const struct scenario *a, const struct scenario *b)
{
    for (uint32_t i = 0; i < a->count && a->count == b->count; i++) {
        const struct scenario_step *one = &a->steps[i];
        const struct scenario_step *other = &b->steps[i];
        if (one->verb != other->verb || one->what != other->what || one->kind != other->kind) {
            return false;
        }
    }
    return a->count == b->count;
}

static void there_are_at_least_150_cases_with_a_title_of_their_own(void **state)
{
    (void)state;
    assert_in_range(play.cases.count, 150, CASES_MAX);
    for (uint32_t i = 0; i < play.cases.count; i++) {
        const struct suite_case *mine = &play.cases.cases[i];
        assert_int_equal(mine->roles, 1U << TRACE_ROLE_STACK);
        assert_true((mine->rules[0] | mine->rules[1] | mine->rules[2]) != 0);
        for (uint32_t other = 0; other < i; other++) {
            assert_string_not_equal(mine->title, play.cases.cases[other].title);
            assert_false(
                differ_in_numbers_alone(&mine->scenario, &play.cases.cases[other].scenario));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_break_no_rule_and_keep_their_own),
        cmocka_unit_test(contract_names_the_errnos_that_come), /* behind it: by what was met */
        cmocka_unit_test(there_are_at_least_150_cases_with_a_title_of_their_own),
    };
    return cmocka_run_group_tests(tests, open_play, close_play);
}
