/* Reading the text form: a parser that is driven by the verb table. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "scenario/lexer.h"

_Static_assert(SCENARIO_VERB_COUNT - SCENARIO_APP_SOCKET <= LEXER_WORDS_MAX, "the verbs fit");
_Static_assert((int)SCENARIO_ERRNO_COUNT <= LEXER_WORDS_MAX, "the errnos fit");
_Static_assert((int)SCENARIO_CALL_COUNT <= LEXER_WORDS_MAX, "the calls fit");
_Static_assert((int)SCENARIO_OPTION_COUNT <= LEXER_WORDS_MAX, "the options fit");

/* ---- words ---- */

#define LIST_OF(list, type, count_, name_of)                                                       \
    struct lexer_words list = {.count = (count_)};                                                 \
    for (unsigned list_at = 0; list_at < (unsigned)(count_); list_at++) {                          \
        (list).words[list_at] = name_of((type)list_at);                                            \
    }

static enum status take_direction(struct lexer *lexer, uint8_t *ret)
{
    LIST_OF(list, enum scenario_direction, SCENARIO_DIRECTION_COUNT, scenario_direction_name)
    return lexer_take_word(lexer, "a direction", &list, ret);
}

static enum status take_how(struct lexer *lexer, uint8_t *ret)
{
    LIST_OF(list, enum scenario_how, SCENARIO_HOW_COUNT, scenario_how_name)
    return lexer_take_word(lexer, "which direction to shut", &list, ret);
}

static enum status take_signal(struct lexer *lexer, uint8_t *ret)
{
    LIST_OF(list, enum scenario_signal, SCENARIO_SIGNAL_COUNT, scenario_signal_name)
    return lexer_take_word(lexer, "a signal", &list, ret);
}

static enum status take_sockopt(struct lexer *lexer, uint8_t *ret)
{
    LIST_OF(list, enum scenario_option, SCENARIO_OPTION_COUNT, scenario_option_name)
    return lexer_take_word(lexer, "a socket option", &list, ret);
}

static enum status take_segment(struct lexer *lexer, uint8_t *ret)
{
    LIST_OF(list, enum scenario_segment, SCENARIO_SEGMENT_COUNT, scenario_segment_name)
    return lexer_take_word(lexer, "a kind of segment", &list, ret);
}

static enum status take_errno(struct lexer *lexer, uint8_t *ret)
{
    LIST_OF(list, enum scenario_errno, SCENARIO_ERRNO_COUNT, scenario_errno_name)
    return lexer_take_word(lexer, "an errno", &list, ret);
}

/* A call of the mask. */
static enum status take_call(struct lexer *lexer, uint32_t calls, uint8_t *ret)
{
    struct lexer_words list = {.count = 0};
    uint8_t calls_of[LEXER_WORDS_MAX];
    for (uint8_t call = 1; call < SCENARIO_CALL_COUNT; call++) {
        if ((calls >> call & 1U) != 0) {
            calls_of[list.count] = call;
            list.words[list.count++] = scenario_call_name(call);
        }
    }
    uint8_t index = 0;
    enum status status = lexer_take_word(lexer, "a call", &list, &index);
    if (status == STATUS_OK) {
        *ret = calls_of[index];
    }
    return status;
}

static enum status take_id(struct lexer *lexer, uint8_t *ret)
{
    const struct lexer_number form = {.what = "socket id", .most = SCENARIO_SOCKETS_MAX - 1};
    uint32_t id = 0;
    enum status status = lexer_take_number(lexer, &form, &id);
    if (status == STATUS_OK) {
        *ret = (uint8_t)id;
    }
    return status;
}

/* ---- steps ---- */

/* The literal of the step being read; kept beside the step until it is appended. */
struct pending_literal {
    uint8_t bytes[SCENARIO_LITERAL_MAX];
};

/* [a:b], [a:], [:b] behind a payload, without a blank between the two. */
static enum status take_slice(struct lexer *lexer, struct scenario_step *step)
{
    struct lexer_number form = {.least = 0, .most = SCENARIO_AMOUNT_MAX - 1};
    enum status status = STATUS_OK;
    lexer->at++;
    if (!lexer_token_is(lexer_peek(lexer), ":")) {
        status = lexer_take_number(lexer, &form, &step->from);
    }
    if (status == STATUS_OK && !lexer_take_if(lexer, ":")) {
        status =
            lexer_fail_expected(lexer, lexer_peek(lexer), "`:` between the two ends of the slice");
    }
    if (status == STATUS_OK && !lexer_token_is(lexer_peek(lexer), "]")) {
        form.least = step->from + 1;
        form.most = SCENARIO_AMOUNT_MAX;
        status = lexer_take_number(lexer, &form, &step->to);
    }
    if (status == STATUS_OK && !lexer_take_if(lexer, "]")) {
        status = lexer_fail_expected(lexer, lexer_peek(lexer), "`]` after the slice");
    }
    return status;
}

static enum status take_payload(struct lexer *lexer, struct scenario_text *out,
                                struct scenario_step *step, struct pending_literal *literal)
{
    lexer_skip_blank(lexer);
    if (lexer->at < lexer->end && *lexer->at == '"') {
        const struct lexer_string form = {.limit = SCENARIO_LITERAL_MAX,
                                          .size_max = (size_t)SCENARIO_LITERAL_MAX -
                                                      out->scenario.literal_used,
                                          .what = "literal bytes in all steps together",
                                          .limit_name = "SCENARIO_LITERAL_MAX"};
        size_t size = 0;
        enum status status = lexer_take_string(lexer, &form, literal->bytes, &size);
        step->what = SCENARIO_PAYLOAD_LITERAL;
        step->literal_size = (uint16_t)size;
        return status;
    }
    /* `none` and `literal` are no words of the language. */
    struct lexer_words list = {.count = 0};
    for (unsigned i = SCENARIO_PAYLOAD_NONE + 1; i < SCENARIO_PAYLOAD_LITERAL; i++) {
        list.words[list.count++] = scenario_payload_name((enum scenario_payload)i);
    }
    uint8_t index = 0;
    enum status status = lexer_take_word(lexer, "a payload, or bytes in quotes", &list, &index);
    if (status != STATUS_OK) {
        return status;
    }
    step->what = (uint8_t)(index + SCENARIO_PAYLOAD_NONE + 1);
    if (scenario_payload_counts(step->what)) {
        const struct lexer_number form = {.least = 1, .most = SCENARIO_AMOUNT_MAX};
        return lexer_take_number(lexer, &form, &step->from);
    }
    if (scenario_payload_slices(step->what)) {
        step->to = SCENARIO_ALL;
        if (lexer->at < lexer->end && *lexer->at == '[') {
            return take_slice(lexer, step);
        }
    }
    return STATUS_OK;
}

/* `x N`, where it stands. */
static enum status take_repeat(struct lexer *lexer, uint32_t most, struct scenario_step *step)
{
    step->repeat = 1;
    if (!lexer_take_if(lexer, "x")) {
        return STATUS_OK;
    }
    const struct lexer_number form = {.least = 1, .most = most};
    uint32_t repeat = 1;
    enum status status = lexer_take_number(lexer, &form, &repeat);
    step->repeat = (uint16_t)repeat;
    return status;
}

/* The options of a verb, in any order, each at most once. */
static enum status take_options(struct lexer *lexer, const struct scenario_verb_row *row,
                                struct scenario_step *step)
{
    const struct lexer_number first = {.least = 1, .most = row->number_max};
    const struct lexer_number second = {.least = 1, .most = row->option2_max};
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        if (step->from == 0 && (row->fields & SCENARIO_USES_OPTION) != 0 &&
            lexer_take_if(lexer, row->keyword)) {
            status = lexer_take_number(lexer, &first, &step->from);
        } else if (step->to == 0 && (row->fields & SCENARIO_USES_OPTION2) != 0 &&
                   lexer_take_if(lexer, row->keyword2)) {
            status = lexer_take_number(lexer, &second, &step->to);
        } else {
            break;
        }
    }
    return status;
}

/* The words among a verb's arguments, in the order in which they are written. */
static enum status take_argument_words(struct lexer *lexer, const struct scenario_verb_row *row,
                                       struct scenario_step *step)
{
    uint32_t fields = row->fields;
    enum status status = STATUS_OK;
    if ((fields & SCENARIO_USES_SEGMENT) != 0) {
        status = take_segment(lexer, &step->kind);
        if (status == STATUS_OK && (fields & SCENARIO_USES_ID) != 0) {
            status = take_id(lexer, &step->id);
        }
    }
    if (status == STATUS_OK && (fields & SCENARIO_USES_DIRECTION) != 0) {
        status = take_direction(lexer, &step->what);
    }
    if (status == STATUS_OK && (fields & SCENARIO_USES_HOW) != 0) {
        status = take_how(lexer, &step->what);
    }
    if (status == STATUS_OK && (fields & SCENARIO_USES_CALL) != 0) {
        status = take_call(lexer, row->calls, &step->what);
    }
    if (status == STATUS_OK && (fields & SCENARIO_USES_ERRNO) != 0) {
        status = take_errno(lexer, &step->kind);
    }
    if (status == STATUS_OK && (fields & SCENARIO_USES_SIGNAL) != 0) {
        status = take_signal(lexer, &step->what);
    }
    if (status == STATUS_OK && (fields & SCENARIO_USES_SOCKOPT) != 0) {
        status = take_sockopt(lexer, &step->what);
    }
    return status;
}

/* The words behind a step, in any order, each at most once; or the one that stands for none. */
static void take_words(struct lexer *lexer, const struct scenario_verb_row *row,
                       struct scenario_step *step)
{
    bool took = true;
    while (took) {
        took = false;
        for (unsigned i = 0; i < SCENARIO_WORDS_MAX && row->words[i] != NULL; i++) {
            if ((step->kind >> i & 1U) == 0 && lexer_take_if(lexer, row->words[i])) {
                step->kind = (uint8_t)(step->kind | 1U << i);
                took = true;
            }
        }
    }
    if (step->kind == 0 && row->no_word != NULL) {
        (void)lexer_take_if(lexer, row->no_word);
    }
}

static enum status take_arguments(struct lexer *lexer, struct scenario_text *out,
                                  struct scenario_step *step, struct pending_literal *literal)
{
    const struct scenario_verb_row *row = &scenario_verbs[step->verb];
    uint32_t fields = row->fields;
    if ((fields & SCENARIO_USES_PAYLOAD) != 0) {
        enum status status = take_payload(lexer, out, step, literal);
        if (status == STATUS_OK) {
            status = take_repeat(lexer, SCENARIO_REPEAT_MAX, step);
        }
        step->kind = status == STATUS_OK && lexer_take_if(lexer, "push");
        return status;
    }
    enum status status = take_argument_words(lexer, row, step);
    if (status == STATUS_OK && (fields & SCENARIO_USES_NUMBER) != 0) {
        const struct lexer_number form = {.least = row->number_min,
                                          .most = row->number_max,
                                          .time = (fields & SCENARIO_USES_TIME) != 0,
                                          .all_word = row->all_word};
        status = lexer_take_number(lexer, &form, &step->from);
    }
    if (status == STATUS_OK) {
        status = take_options(lexer, row, step);
    }
    if (status == STATUS_OK && (fields & SCENARIO_USES_REPEAT) != 0) {
        status = take_repeat(lexer, SCENARIO_CALL_MAX, step);
    }
    if (status == STATUS_OK && (fields & SCENARIO_USES_WORDS) != 0) {
        take_words(lexer, row, step);
    }
    return status;
}

/* `before CALL [N]:`, where it stands. */
static enum status take_place(struct lexer *lexer, struct scenario_step *step)
{
    if (!lexer_take_if(lexer, "before")) {
        return STATUS_OK;
    }
    enum status status = take_call(lexer, UINT32_MAX, &step->place_call);
    uint32_t nth = 1;
    if (status == STATUS_OK && !lexer_token_is(lexer_peek(lexer), ":")) {
        const struct lexer_number form = {.least = 1, .most = SCENARIO_CALL_MAX};
        status = lexer_take_number(lexer, &form, &nth);
    }
    step->place_nth = (uint8_t)nth;
    if (status == STATUS_OK && !lexer_take_if(lexer, ":")) {
        status = lexer_fail_expected(lexer, lexer_peek(lexer), "`:` after the place");
    }
    return status;
}

static enum status take_verb(struct lexer *lexer, enum scenario_actor actor,
                             struct scenario_step *step)
{
    struct lexer_words list = {.count = 0};
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
    enum status status = lexer_take_word(lexer, expected, &list, &index);
    step->verb = (uint8_t)(first + index);
    return status;
}

static enum status take_actor(struct lexer *lexer, uint8_t *ret_actor)
{
    LIST_OF(list, enum scenario_actor, SCENARIO_ACTOR_COUNT, scenario_actor_name)
    return lexer_take_word(lexer, "an actor, as on every line after the headers", &list, ret_actor);
}

static enum status append(struct lexer *lexer, struct scenario_text *out, const char *start,
                          const struct scenario_step *step, const struct pending_literal *literal)
{
    struct scenario *scenario = &out->scenario;
    if (scenario->count == SCENARIO_STEPS_MAX) {
        return lexer_fail_limit(lexer, start, "steps", SCENARIO_STEPS_MAX, "SCENARIO_STEPS_MAX");
    }
    out->step_lines[scenario->count] = lexer->line;
    /* The literal's size was bounded as it was read, so that nothing is left to fail. */
    enum status status = scenario_append(scenario, step, literal->bytes);
    assert(status == STATUS_OK);
    return status;
}

static enum status parse_step(struct lexer *lexer, struct scenario_text *out)
{
    struct scenario_step step = {0};
    struct pending_literal literal;
    const char *start = lexer->at;
    uint8_t actor = 0;
    enum status status = take_place(lexer, &step);
    if (status == STATUS_OK) {
        status = take_actor(lexer, &actor);
    }
    bool has_id = actor == SCENARIO_ACTOR_PEER || actor == SCENARIO_ACTOR_APP;
    struct lexer_token next = lexer_peek(lexer);
    if (status == STATUS_OK && has_id && next.size > 0 && lexer_is_digit(next.text[0])) {
        status = take_id(lexer, &step.id);
    }
    if (status == STATUS_OK) {
        status = take_verb(lexer, actor, &step);
    }
    if (status == STATUS_OK) {
        status = take_arguments(lexer, out, &step, &literal);
    }
    if (status == STATUS_OK && !lexer_at_line_end(lexer)) {
        status = lexer_fail_expected(lexer, lexer_peek(lexer), "the end of the line");
    }
    return status == STATUS_OK ? append(lexer, out, start, &step, &literal) : status;
}

/* ---- headers ---- */

/* The rest of the line as it stands, without a comment and blanks at its end. */
static enum status take_raw_value(struct lexer *lexer, struct scenario_header *header)
{
    const char *start = lexer->at;
    const char *stop = start;
    bool in_string = false;
    while (lexer->at < lexer->end && *lexer->at != '\n') {
        char c = *lexer->at;
        if (c == '#' && !in_string && lexer_is_blank(lexer->at[-1])) {
            break;
        }
        if (((unsigned char)c < 0x20 && !lexer_is_blank(c)) || c == 0x7F) {
            return lexer_fail_expected(lexer, (struct lexer_token){lexer->at, 1}, "printable text");
        }
        in_string ^= c == '"';
        lexer->at++;
        stop = lexer_is_blank(c) ? stop : lexer->at;
    }
    size_t size = (size_t)(stop - start);
    if (size >= SCENARIO_HEADER_VALUE_MAX) {
        return lexer_fail_limit(lexer, start, "bytes in a header's value",
                                SCENARIO_HEADER_VALUE_MAX - 1, "SCENARIO_HEADER_VALUE_MAX");
    }
    memcpy(header->value, start, size);
    header->value[size] = '\0';
    return STATUS_OK;
}

static enum status take_quoted_value(struct lexer *lexer, struct scenario_header *header)
{
    const struct lexer_string form = {.size_max = SCENARIO_HEADER_VALUE_MAX - 1,
                                      .limit = SCENARIO_HEADER_VALUE_MAX - 1,
                                      .what = "bytes in a header's value",
                                      .limit_name = "SCENARIO_HEADER_VALUE_MAX"};
    struct lexer_token opening = {lexer->at, 1};
    size_t size = 0;
    enum status status = lexer_take_string(lexer, &form, (uint8_t *)header->value, &size);
    if (status != STATUS_OK) {
        return status;
    }
    if (memchr(header->value, '\0', size) != NULL) {
        return lexer_fail_expected(lexer, opening, "a header without a NUL byte");
    }
    header->value[size] = '\0';
    header->quoted = true;
    return lexer_at_line_end(lexer)
               ? STATUS_OK
               : lexer_fail_expected(lexer, lexer_peek(lexer), "the end of the line");
}

static enum status parse_header(struct lexer *lexer, struct scenario_text *out)
{
    struct lexer_token key = lexer_take(lexer);
    if (!lexer_is_word(key.text[0])) {
        return lexer_fail_expected(lexer, key,
                                   "a header such as `title`, or an actor such as `peer`");
    }
    if (key.size >= SCENARIO_HEADER_KEY_MAX) {
        return lexer_fail_limit(lexer, key.text, "bytes in a header's key",
                                SCENARIO_HEADER_KEY_MAX - 1, "SCENARIO_HEADER_KEY_MAX");
    }
    if (out->header_count == SCENARIO_HEADERS_MAX) {
        return lexer_fail_limit(lexer, key.text, "headers", SCENARIO_HEADERS_MAX,
                                "SCENARIO_HEADERS_MAX");
    }
    if (lexer->at < lexer->end && !lexer_is_blank(*lexer->at) && !lexer_at_line_end(lexer)) {
        return lexer_fail_expected(lexer, lexer_peek(lexer), "a blank after the header's key");
    }
    struct scenario_header *header = &out->headers[out->header_count];
    memcpy(header->key, key.text, key.size);
    header->key[key.size] = '\0';
    header->value[0] = '\0';
    header->line = lexer->line;
    header->quoted = false;
    enum status status = STATUS_OK;
    if (!lexer_at_line_end(lexer)) {
        status =
            *lexer->at == '"' ? take_quoted_value(lexer, header) : take_raw_value(lexer, header);
    }
    out->header_count += status == STATUS_OK;
    return status;
}

/* ---- lines ---- */

static bool begins_step(struct lexer_token token)
{
    for (unsigned actor = 0; actor < SCENARIO_ACTOR_COUNT; actor++) {
        if (lexer_token_is(token, scenario_actor_name((enum scenario_actor)actor))) {
            return true;
        }
    }
    return lexer_token_is(token, "before");
}

static enum status parse_line(struct lexer *lexer, struct scenario_text *out)
{
    if (lexer_at_line_end(lexer)) {
        return STATUS_OK;
    }
    bool in_headers = out->scenario.count == 0;
    return in_headers && !begins_step(lexer_peek(lexer)) ? parse_header(lexer, out)
                                                         : parse_step(lexer, out);
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
    struct lexer lexer = {name, text, text + size, text, 1, detail};
    while (lexer.at < lexer.end) {
        enum status status = parse_line(&lexer, &parsed);
        if (status != STATUS_OK) {
            return status;
        }
        while (lexer.at < lexer.end && *lexer.at != '\n') {
            lexer.at++;
        }
        lexer.at += lexer.at < lexer.end;
        lexer.line_start = lexer.at;
        lexer.line++;
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
