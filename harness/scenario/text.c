/* Reading the text form: a lexer of words, numbers and strings, and a parser driven by the verb
 * table. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"

enum {
    WORDS_MAX = 32, /* of one list in a message */
    FOUND_MAX = 24  /* bytes of the input quoted in a message */
};

struct parser {
    const char *name;
    const char *at;
    const char *end;        /* of the text */
    const char *line_start; /* for columns */
    uint32_t line;
    struct scenario_text *out;
    struct status_detail *detail;
};

/* A piece of the line; size 0: the line ended there. */
struct token {
    const char *text;
    size_t size;
};

struct word_list {
    const char *words[WORDS_MAX];
    size_t count;
};

_Static_assert(SCENARIO_VERB_COUNT - SCENARIO_APP_SOCKET <= WORDS_MAX, "an actor's verbs fit");
_Static_assert(SCENARIO_ERRNO_COUNT <= WORDS_MAX, "the errnos fit");

/* ---- the lexer ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

static void skip_blank(struct parser *parser)
{
    while (parser->at < parser->end && is_blank(*parser->at)) {
        parser->at++;
    }
}

/* At the end of the line's content: a comment, a line end, or the end of the text. */
static bool at_line_end(struct parser *parser)
{
    skip_blank(parser);
    return parser->at == parser->end || *parser->at == '\n' || *parser->at == '#';
}

/* The next word; where none stands, the one byte that does, or nothing at the end of the line. */
static struct token peek(struct parser *parser)
{
    if (at_line_end(parser)) {
        return (struct token){parser->at, 0};
    }
    const char *at = parser->at;
    while (at < parser->end && is_word(*at)) {
        at++;
    }
    size_t size = (size_t)(at - parser->at);
    return (struct token){parser->at, size > 0 ? size : 1};
}

static struct token take(struct parser *parser)
{
    struct token token = peek(parser);
    parser->at += token.size;
    return token;
}

static bool token_is(struct token token, const char *word)
{
    return token.size == strlen(word) && memcmp(token.text, word, token.size) == 0;
}

static bool take_if(struct parser *parser, const char *word)
{
    if (!token_is(peek(parser), word)) {
        return false;
    }
    (void)take(parser);
    return true;
}

/* ---- messages ---- */

/* How the token reads in a message: quoted, cut, unprintable bytes by their code. */
static void describe(struct token token, char *ret_text, size_t size)
{
    if (token.size == 0) {
        (void)snprintf(ret_text, size, "the end of the line");
        return;
    }
    unsigned char first = (unsigned char)token.text[0];
    if (token.size == 1 && (first < 0x20 || first >= 0x7F)) {
        (void)snprintf(ret_text, size, "the byte 0x%02x", first);
        return;
    }
    bool cut = token.size > FOUND_MAX;
    (void)snprintf(ret_text, size, "`%.*s%s`", (int)(cut ? FOUND_MAX : token.size), token.text,
                   cut ? "…" : "");
}

static unsigned column_of(const struct parser *parser, const char *at)
{
    return (unsigned)(at - parser->line_start) + 1;
}

/* "name:line:column: found X, expected Y". */
static enum status fail_expected(struct parser *parser, struct token found, const char *expected)
{
    char text[4 * FOUND_MAX];
    describe(found, text, sizeof(text));
    return status_fail(parser->detail, STATUS_SYNTAX, "%s:%" PRIu32 ":%u: found %s, expected %s",
                       parser->name, parser->line, column_of(parser, found.text), text, expected);
}

/* The same with the words that are allowed and the one that may have been meant. */
static enum status fail_words(struct parser *parser, struct token found, const char *expected,
                              const struct word_list *list)
{
    char text[STATUS_DETAIL_MAX];
    char joined[STATUS_DETAIL_MAX - 128];
    (void)words_join(joined, sizeof(joined), list->words, list->count);
    const char *nearest = words_nearest(found.text, found.size, list->words, list->count);
    if (nearest != NULL) {
        (void)snprintf(text, sizeof(text), "%s (did you mean `%s`?): %s", expected, nearest,
                       joined);
    } else {
        (void)snprintf(text, sizeof(text), "%s: %s", expected, joined);
    }
    return fail_expected(parser, found, text);
}

static enum status fail_limit(struct parser *parser, const char *at, const char *what,
                              uint32_t limit, const char *limit_name)
{
    return status_fail(parser->detail, STATUS_LIMIT,
                       "%s:%" PRIu32 ":%u: more than %" PRIu32 " %s (%s)", parser->name,
                       parser->line, column_of(parser, at), limit, what, limit_name);
}

/* ---- words ---- */

/* Takes a word of the list; its index. `expected` says in the message what the list is. */
static enum status take_word(struct parser *parser, const char *expected,
                             const struct word_list *list, uint8_t *ret_index)
{
    struct token token = peek(parser);
    for (size_t i = 0; i < list->count; i++) {
        if (token_is(token, list->words[i])) {
            (void)take(parser);
            *ret_index = (uint8_t)i;
            return STATUS_OK;
        }
    }
    return fail_words(parser, token, expected, list);
}

#define LIST_OF(list, type, count_, name_of)                                                       \
    struct word_list list = {.count = (count_)};                                                   \
    for (unsigned list_at = 0; list_at < (unsigned)(count_); list_at++) {                          \
        (list).words[list_at] = name_of((type)list_at);                                            \
    }

static enum status take_direction(struct parser *parser, uint8_t *ret)
{
    LIST_OF(list, enum scenario_direction, SCENARIO_DIRECTION_COUNT, scenario_direction_name)
    return take_word(parser, "a direction", &list, ret);
}

static enum status take_how(struct parser *parser, uint8_t *ret)
{
    LIST_OF(list, enum scenario_how, SCENARIO_HOW_COUNT, scenario_how_name)
    return take_word(parser, "which direction to shut", &list, ret);
}

static enum status take_signal(struct parser *parser, uint8_t *ret)
{
    LIST_OF(list, enum scenario_signal, SCENARIO_SIGNAL_COUNT, scenario_signal_name)
    return take_word(parser, "a signal", &list, ret);
}

static enum status take_segment(struct parser *parser, uint8_t *ret)
{
    LIST_OF(list, enum scenario_segment, SCENARIO_SEGMENT_COUNT, scenario_segment_name)
    return take_word(parser, "a kind of segment", &list, ret);
}

static enum status take_errno(struct parser *parser, uint8_t *ret)
{
    LIST_OF(list, enum scenario_errno, SCENARIO_ERRNO_COUNT, scenario_errno_name)
    return take_word(parser, "an errno", &list, ret);
}

/* A call of the mask. */
static enum status take_call(struct parser *parser, uint32_t calls, uint8_t *ret)
{
    struct word_list list = {.count = 0};
    uint8_t calls_of[WORDS_MAX];
    for (uint8_t call = 1; call < SCENARIO_CALL_COUNT; call++) {
        if ((calls >> call & 1U) != 0) {
            calls_of[list.count] = call;
            list.words[list.count++] = scenario_call_name(call);
        }
    }
    uint8_t index = 0;
    enum status status = take_word(parser, "a call", &list, &index);
    if (status == STATUS_OK) {
        *ret = calls_of[index];
    }
    return status;
}

/* ---- numbers ---- */

struct number_form {
    uint32_t least;
    uint32_t most;
    bool time;            /* with units; the value is in milliseconds */
    const char *all_word; /* allowed instead, NULL */
};

/* The factor of a number's suffix; 0 when there is no such suffix. */
static uint32_t suffix_factor(const char *suffix, size_t size, bool time)
{
    static const struct {
        const char *suffix;
        bool time;
        uint32_t factor;
    } suffixes[] = {{"", false, 1},     {"K", false, 1024},  {"M", false, 1048576},
                    {"", true, 1},      {"ms", true, 1},     {"s", true, 1000},
                    {"m", true, 60000}, {"h", true, 3600000}};
    for (unsigned i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        if (suffixes[i].time == time && strlen(suffixes[i].suffix) == size &&
            memcmp(suffixes[i].suffix, suffix, size) == 0) {
            return suffixes[i].factor;
        }
    }
    return 0;
}

static enum status fail_number(struct parser *parser, struct token found,
                               const struct number_form *form, bool out_of_range)
{
    char text[160];
    int length = snprintf(text, sizeof(text), "a %s from %" PRIu32 " to %" PRIu32 "%s",
                          form->time ? "time" : "number", form->least, form->most,
                          form->time ? " ms, such as 500ms, 5s, 2m or 1h" : "");
    if (form->all_word != NULL && length > 0) {
        (void)snprintf(text + length, sizeof(text) - (size_t)length, " or `%s`", form->all_word);
    }
    enum status status = fail_expected(parser, found, text);
    return out_of_range ? STATUS_LIMIT : status;
}

static enum status take_number(struct parser *parser, const struct number_form *form, uint32_t *ret)
{
    struct token token = peek(parser);
    if (form->all_word != NULL && token_is(token, form->all_word)) {
        (void)take(parser);
        *ret = SCENARIO_ALL;
        return STATUS_OK;
    }
    uint64_t value = 0;
    size_t digits = 0;
    while (digits < token.size && is_digit(token.text[digits])) {
        if (value <= UINT32_MAX) {
            value = value * 10 + (uint64_t)(token.text[digits] - '0');
        }
        digits++;
    }
    uint32_t factor = suffix_factor(token.text + digits, token.size - digits, form->time);
    if (digits == 0 || factor == 0) {
        return fail_number(parser, token, form, false);
    }
    value *= factor;
    if (value < form->least || value > form->most) {
        return fail_number(parser, token, form, true);
    }
    (void)take(parser);
    *ret = (uint32_t)value;
    return STATUS_OK;
}

static enum status take_id(struct parser *parser, uint8_t *ret)
{
    const struct number_form form = {.least = 0, .most = SCENARIO_SOCKETS_MAX - 1};
    uint32_t id = 0;
    enum status status = take_number(parser, &form, &id);
    if (status == STATUS_OK) {
        *ret = (uint8_t)id;
    }
    return status;
}

/* ---- strings ---- */

static int hex_value(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What stands behind a backslash. */
static enum status take_escape(struct parser *parser, uint8_t *ret_byte)
{
    static const char letters[] = "nrt0\"\\";
    static const uint8_t bytes[] = {'\n', '\r', '\t', '\0', '"', '\\'};
    struct token escape = {parser->at - 1, 1};
    const char *at = parser->at;
    const char *letter = NULL;
    if (at < parser->end && *at != '\0' && *at != '\n') {
        escape.size = 2;
        letter = strchr(letters, *at);
    }
    if (letter != NULL) {
        parser->at++;
        *ret_byte = bytes[letter - letters];
        return STATUS_OK;
    }
    if (parser->end - at >= 3 && *at == 'x' && hex_value(at[1]) >= 0 && hex_value(at[2]) >= 0) {
        parser->at += 3;
        *ret_byte = (uint8_t)(hex_value(at[1]) * 16 + hex_value(at[2]));
        return STATUS_OK;
    }
    return fail_expected(parser, escape,
                         "an escape: \\n, \\r, \\t, \\0, \\\", \\\\ or \\x and two hex digits");
}

struct string_form {
    size_t size_max;
    const char *what;       /* for the message when it is passed */
    const char *limit_name; /* its constant */
};

/* Takes "…"; the parser stands at the quote. */
static enum status take_string(struct parser *parser, const struct string_form *form,
                               uint8_t *ret_bytes, size_t *ret_size)
{
    const char *opening = parser->at++;
    size_t size = 0;
    for (;;) {
        if (parser->at == parser->end || *parser->at == '\n') {
            return status_fail(parser->detail, STATUS_SYNTAX,
                               "%s:%" PRIu32
                               ":%u: found a string without an end, expected a closing "
                               "quote on the same line",
                               parser->name, parser->line, column_of(parser, opening));
        }
        const char *start = parser->at;
        uint8_t byte = (uint8_t)*parser->at++;
        if (byte == '"') {
            *ret_size = size;
            return STATUS_OK;
        }
        if (byte < 0x20 || byte == 0x7F) {
            return fail_expected(parser, (struct token){start, 1}, "a printable byte or an escape");
        }
        if (byte == '\\') {
            enum status status = take_escape(parser, &byte);
            if (status != STATUS_OK) {
                return status;
            }
        }
        if (size == form->size_max) {
            return fail_limit(parser, start, form->what, (uint32_t)size, form->limit_name);
        }
        ret_bytes[size++] = byte;
    }
}

/* ---- steps ---- */

/* The literal of the step being read; kept beside the step until it is appended. */
struct pending_literal {
    uint8_t bytes[SCENARIO_LITERAL_MAX];
};

/* [a:b], [a:], [:b] behind a payload, without a blank between the two. */
static enum status take_slice(struct parser *parser, struct scenario_step *step)
{
    struct number_form form = {.least = 0, .most = SCENARIO_AMOUNT_MAX - 1};
    enum status status = STATUS_OK;
    parser->at++;
    if (!token_is(peek(parser), ":")) {
        status = take_number(parser, &form, &step->from);
    }
    if (status == STATUS_OK && !take_if(parser, ":")) {
        status = fail_expected(parser, peek(parser), "`:` between the two ends of the slice");
    }
    if (status == STATUS_OK && !token_is(peek(parser), "]")) {
        form.least = step->from + 1;
        form.most = SCENARIO_AMOUNT_MAX;
        status = take_number(parser, &form, &step->to);
    }
    if (status == STATUS_OK && !take_if(parser, "]")) {
        status = fail_expected(parser, peek(parser), "`]` after the slice");
    }
    return status;
}

static enum status take_payload(struct parser *parser, struct scenario_step *step,
                                struct pending_literal *literal)
{
    skip_blank(parser);
    if (parser->at < parser->end && *parser->at == '"') {
        const struct string_form form = {.size_max = (size_t)SCENARIO_LITERAL_MAX -
                                                     parser->out->scenario.literal_used,
                                         .what = "literal bytes in all steps together",
                                         .limit_name = "SCENARIO_LITERAL_MAX"};
        size_t size = 0;
        enum status status = take_string(parser, &form, literal->bytes, &size);
        step->what = SCENARIO_PAYLOAD_LITERAL;
        step->literal_size = (uint16_t)size;
        return status;
    }
    /* `none` and `literal` are no words of the language. */
    struct word_list list = {.count = 0};
    for (unsigned i = SCENARIO_PAYLOAD_NONE + 1; i < SCENARIO_PAYLOAD_LITERAL; i++) {
        list.words[list.count++] = scenario_payload_name((enum scenario_payload)i);
    }
    uint8_t index = 0;
    enum status status = take_word(parser, "a payload, or bytes in quotes", &list, &index);
    if (status != STATUS_OK) {
        return status;
    }
    step->what = (uint8_t)(index + SCENARIO_PAYLOAD_NONE + 1);
    if (scenario_payload_counts(step->what)) {
        const struct number_form form = {.least = 1, .most = SCENARIO_AMOUNT_MAX};
        return take_number(parser, &form, &step->from);
    }
    if (scenario_payload_slices(step->what)) {
        step->to = SCENARIO_ALL;
        if (parser->at < parser->end && *parser->at == '[') {
            return take_slice(parser, step);
        }
    }
    return STATUS_OK;
}

/* `x N`, where it stands. */
static enum status take_repeat(struct parser *parser, uint32_t most, struct scenario_step *step)
{
    step->repeat = 1;
    if (!take_if(parser, "x")) {
        return STATUS_OK;
    }
    const struct number_form form = {.least = 1, .most = most};
    uint32_t repeat = 1;
    enum status status = take_number(parser, &form, &repeat);
    step->repeat = (uint16_t)repeat;
    return status;
}

/* The options of a verb, in any order, each at most once. */
static enum status take_options(struct parser *parser, const struct scenario_verb_row *row,
                                struct scenario_step *step)
{
    const struct number_form first = {.least = 1, .most = row->number_max};
    const struct number_form second = {.least = 1, .most = row->option2_max};
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        if (step->from == 0 && (row->fields & SCENARIO_USES_OPTION) != 0 &&
            take_if(parser, row->keyword)) {
            status = take_number(parser, &first, &step->from);
        } else if (step->to == 0 && (row->fields & SCENARIO_USES_OPTION2) != 0 &&
                   take_if(parser, row->keyword2)) {
            status = take_number(parser, &second, &step->to);
        } else {
            break;
        }
    }
    return status;
}

/* The words among a verb's arguments, in the order in which they are written. */
static enum status take_argument_words(struct parser *parser, const struct scenario_verb_row *row,
                                       struct scenario_step *step)
{
    uint32_t fields = row->fields;
    enum status status = STATUS_OK;
    if ((fields & SCENARIO_USES_SEGMENT) != 0) {
        status = take_segment(parser, &step->kind);
        if (status == STATUS_OK && (fields & SCENARIO_USES_ID) != 0) {
            status = take_id(parser, &step->id);
        }
    }
    if (status == STATUS_OK && (fields & SCENARIO_USES_DIRECTION) != 0) {
        status = take_direction(parser, &step->what);
    }
    if (status == STATUS_OK && (fields & SCENARIO_USES_HOW) != 0) {
        status = take_how(parser, &step->what);
    }
    if (status == STATUS_OK && (fields & SCENARIO_USES_CALL) != 0) {
        status = take_call(parser, row->calls, &step->what);
    }
    if (status == STATUS_OK && (fields & SCENARIO_USES_ERRNO) != 0) {
        status = take_errno(parser, &step->kind);
    }
    if (status == STATUS_OK && (fields & SCENARIO_USES_SIGNAL) != 0) {
        status = take_signal(parser, &step->what);
    }
    return status;
}

static enum status take_arguments(struct parser *parser, struct scenario_step *step,
                                  struct pending_literal *literal)
{
    const struct scenario_verb_row *row = &scenario_verbs[step->verb];
    uint32_t fields = row->fields;
    if ((fields & SCENARIO_USES_PAYLOAD) != 0) {
        enum status status = take_payload(parser, step, literal);
        if (status == STATUS_OK) {
            status = take_repeat(parser, SCENARIO_REPEAT_MAX, step);
        }
        step->kind = status == STATUS_OK && take_if(parser, "push");
        return status;
    }
    enum status status = take_argument_words(parser, row, step);
    if (status == STATUS_OK && (fields & SCENARIO_USES_NUMBER) != 0) {
        const struct number_form form = {.least = row->number_min,
                                         .most = row->number_max,
                                         .time = (fields & SCENARIO_USES_TIME) != 0,
                                         .all_word = row->all_word};
        status = take_number(parser, &form, &step->from);
    }
    if (status == STATUS_OK) {
        status = take_options(parser, row, step);
    }
    if (status == STATUS_OK && (fields & SCENARIO_USES_REPEAT) != 0) {
        status = take_repeat(parser, SCENARIO_CALL_MAX, step);
    }
    return status;
}

/* `before CALL [N]:`, where it stands. */
static enum status take_place(struct parser *parser, struct scenario_step *step)
{
    if (!take_if(parser, "before")) {
        return STATUS_OK;
    }
    enum status status = take_call(parser, UINT32_MAX, &step->place_call);
    uint32_t nth = 1;
    if (status == STATUS_OK && !token_is(peek(parser), ":")) {
        const struct number_form form = {.least = 1, .most = SCENARIO_CALL_MAX};
        status = take_number(parser, &form, &nth);
    }
    step->place_nth = (uint8_t)nth;
    if (status == STATUS_OK && !take_if(parser, ":")) {
        status = fail_expected(parser, peek(parser), "`:` after the place");
    }
    return status;
}

static enum status take_verb(struct parser *parser, enum scenario_actor actor,
                             struct scenario_step *step)
{
    struct word_list list = {.count = 0};
    unsigned first = 0;
    while (scenario_verbs[first].actor != actor) {
        first++;
    }
    for (unsigned verb = first; verb < SCENARIO_VERB_COUNT && scenario_verbs[verb].actor == actor;
         verb++) {
        list.words[list.count++] = scenario_verbs[verb].word;
    }
    char expected[32];
    (void)snprintf(expected, sizeof(expected), "a verb of %s", scenario_actor_name(actor));
    uint8_t index = 0;
    enum status status = take_word(parser, expected, &list, &index);
    step->verb = (uint8_t)(first + index);
    return status;
}

static enum status take_actor(struct parser *parser, uint8_t *ret_actor)
{
    LIST_OF(list, enum scenario_actor, SCENARIO_ACTOR_COUNT, scenario_actor_name)
    return take_word(parser, "an actor", &list, ret_actor);
}

static enum status append(struct parser *parser, const char *start,
                          const struct scenario_step *step, const struct pending_literal *literal)
{
    struct scenario *scenario = &parser->out->scenario;
    if (scenario->count == SCENARIO_STEPS_MAX) {
        return fail_limit(parser, start, "steps", SCENARIO_STEPS_MAX, "SCENARIO_STEPS_MAX");
    }
    parser->out->step_lines[scenario->count] = parser->line;
    /* The literal's size was bounded as it was read, so that nothing is left to fail. */
    enum status status = scenario_append(scenario, step, literal->bytes);
    assert(status == STATUS_OK);
    return status;
}

static enum status parse_step(struct parser *parser)
{
    struct scenario_step step = {0};
    struct pending_literal literal;
    const char *start = parser->at;
    uint8_t actor = 0;
    enum status status = take_place(parser, &step);
    if (status == STATUS_OK) {
        status = take_actor(parser, &actor);
    }
    bool has_id = actor == SCENARIO_ACTOR_PEER || actor == SCENARIO_ACTOR_APP;
    if (status == STATUS_OK && has_id && is_digit(peek(parser).text[0]) && peek(parser).size > 0) {
        status = take_id(parser, &step.id);
    }
    if (status == STATUS_OK) {
        status = take_verb(parser, actor, &step);
    }
    if (status == STATUS_OK) {
        status = take_arguments(parser, &step, &literal);
    }
    if (status == STATUS_OK && !at_line_end(parser)) {
        status = fail_expected(parser, peek(parser), "the end of the line");
    }
    return status == STATUS_OK ? append(parser, start, &step, &literal) : status;
}

/* ---- headers ---- */

/* The rest of the line as it stands, without a comment and blanks at its end. */
static enum status take_raw_value(struct parser *parser, struct scenario_header *header)
{
    const char *start = parser->at;
    const char *stop = start;
    bool in_string = false;
    while (parser->at < parser->end && *parser->at != '\n') {
        char c = *parser->at;
        if (c == '#' && !in_string && is_blank(parser->at[-1])) {
            break;
        }
        if (((unsigned char)c < 0x20 && !is_blank(c)) || c == 0x7F) {
            return fail_expected(parser, (struct token){parser->at, 1}, "printable text");
        }
        in_string ^= c == '"';
        parser->at++;
        stop = is_blank(c) ? stop : parser->at;
    }
    size_t size = (size_t)(stop - start);
    if (size >= SCENARIO_HEADER_VALUE_MAX) {
        return fail_limit(parser, start, "bytes in a header's value", SCENARIO_HEADER_VALUE_MAX - 1,
                          "SCENARIO_HEADER_VALUE_MAX");
    }
    memcpy(header->value, start, size);
    header->value[size] = '\0';
    return STATUS_OK;
}

static enum status take_quoted_value(struct parser *parser, struct scenario_header *header)
{
    const struct string_form form = {.size_max = SCENARIO_HEADER_VALUE_MAX - 1,
                                     .what = "bytes in a header's value",
                                     .limit_name = "SCENARIO_HEADER_VALUE_MAX"};
    struct token opening = {parser->at, 1};
    size_t size = 0;
    enum status status = take_string(parser, &form, (uint8_t *)header->value, &size);
    if (status != STATUS_OK) {
        return status;
    }
    if (memchr(header->value, '\0', size) != NULL) {
        return fail_expected(parser, opening, "a header without a NUL byte");
    }
    header->value[size] = '\0';
    header->quoted = true;
    return at_line_end(parser) ? STATUS_OK
                               : fail_expected(parser, peek(parser), "the end of the line");
}

static enum status parse_header(struct parser *parser)
{
    struct token key = take(parser);
    if (!is_word(key.text[0])) {
        return fail_expected(parser, key, "a header such as `title`, or an actor such as `peer`");
    }
    if (key.size >= SCENARIO_HEADER_KEY_MAX) {
        return fail_limit(parser, key.text, "bytes in a header's key", SCENARIO_HEADER_KEY_MAX - 1,
                          "SCENARIO_HEADER_KEY_MAX");
    }
    if (parser->out->header_count == SCENARIO_HEADERS_MAX) {
        return fail_limit(parser, key.text, "headers", SCENARIO_HEADERS_MAX,
                          "SCENARIO_HEADERS_MAX");
    }
    if (parser->at < parser->end && !is_blank(*parser->at) && !at_line_end(parser)) {
        return fail_expected(parser, peek(parser), "a blank after the header's key");
    }
    struct scenario_header *header = &parser->out->headers[parser->out->header_count];
    memcpy(header->key, key.text, key.size);
    header->key[key.size] = '\0';
    header->value[0] = '\0';
    header->line = parser->line;
    header->quoted = false;
    enum status status = STATUS_OK;
    if (!at_line_end(parser)) {
        status =
            *parser->at == '"' ? take_quoted_value(parser, header) : take_raw_value(parser, header);
    }
    parser->out->header_count += status == STATUS_OK;
    return status;
}

/* ---- lines ---- */

static bool begins_step(struct token token)
{
    for (unsigned actor = 0; actor < SCENARIO_ACTOR_COUNT; actor++) {
        if (token_is(token, scenario_actor_name((enum scenario_actor)actor))) {
            return true;
        }
    }
    return token_is(token, "before");
}

static enum status parse_line(struct parser *parser)
{
    if (at_line_end(parser)) {
        return STATUS_OK;
    }
    bool in_headers = parser->out->scenario.count == 0;
    return in_headers && !begins_step(peek(parser)) ? parse_header(parser) : parse_step(parser);
}

enum status scenario_parse(const char *name, const char *text, size_t size,
                           struct scenario_text *ret_text, struct status_detail *detail)
{
    if (size > SCENARIO_TEXT_MAX) {
        return status_fail(detail, STATUS_LIMIT, "%s: more than %d bytes (SCENARIO_TEXT_MAX)", name,
                           SCENARIO_TEXT_MAX);
    }
    struct scenario_text parsed;
    parsed.header_count = 0;
    scenario_clear(&parsed.scenario);
    struct parser parser = {name, text, text + size, text, 1, &parsed, detail};
    while (parser.at < parser.end) {
        enum status status = parse_line(&parser);
        if (status != STATUS_OK) {
            return status;
        }
        while (parser.at < parser.end && *parser.at != '\n') {
            parser.at++;
        }
        parser.at += parser.at < parser.end;
        parser.line_start = parser.at;
        parser.line++;
    }
    scenario_copy(&ret_text->scenario, &parsed.scenario);
    ret_text->header_count = parsed.header_count;
    memcpy(ret_text->headers, parsed.headers, parsed.header_count * sizeof(parsed.headers[0]));
    memcpy(ret_text->step_lines, parsed.step_lines,
           parsed.scenario.count * sizeof(parsed.step_lines[0]));
    return STATUS_OK;
}

const struct scenario_header *scenario_header(const struct scenario_text *text, const char *key)
{
    for (unsigned i = 0; i < text->header_count; i++) {
        if (strcmp(text->headers[i].key, key) == 0) {
            return &text->headers[i];
        }
    }
    return NULL;
}
