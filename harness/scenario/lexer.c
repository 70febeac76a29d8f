/* Words, numbers and strings of the text form, and the messages about them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/lexer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "scenario/scenario.h"

enum { FOUND_MAX = 24 /* bytes of the input quoted in a message */ };

bool lexer_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

bool lexer_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool lexer_is_word(char c)
{
    return lexer_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-';
}

void lexer_skip_blank(struct lexer *lexer)
{
    while (lexer->at < lexer->end && lexer_is_blank(*lexer->at)) {
        lexer->at++;
    }
}

/* At the end of the line's content: a comment, a line end, or the end of the text. */
bool lexer_at_line_end(struct lexer *lexer)
{
    lexer_skip_blank(lexer);
    return lexer->at == lexer->end || *lexer->at == '\n' || *lexer->at == '#';
}

/* The next word; where none stands, the one byte that does, or nothing at the end of the line. */
struct lexer_token lexer_peek(struct lexer *lexer)
{
    if (lexer_at_line_end(lexer)) {
        return (struct lexer_token){lexer->at, 0};
    }
    const char *at = lexer->at;
    while (at < lexer->end && lexer_is_word(*at)) {
        at++;
    }
    size_t size = (size_t)(at - lexer->at);
    return (struct lexer_token){lexer->at, size > 0 ? size : 1};
}

struct lexer_token lexer_take(struct lexer *lexer)
{
    struct lexer_token token = lexer_peek(lexer);
    lexer->at += token.size;
    return token;
}

bool lexer_token_is(struct lexer_token token, const char *word)
{
    return token.size == strlen(word) && memcmp(token.text, word, token.size) == 0;
}

bool lexer_take_if(struct lexer *lexer, const char *word)
{
    if (!lexer_token_is(lexer_peek(lexer), word)) {
        return false;
    }
    (void)lexer_take(lexer);
    return true;
}

/* ---- messages ---- */

/* How the token reads in a message: quoted, cut, unprintable bytes by their code. */
static void describe(struct lexer_token token, char *ret_text, size_t size)
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

static unsigned column_of(const struct lexer *lexer, const char *at)
{
    return (unsigned)(at - lexer->line_start) + 1;
}

/* "name:line:column: found X, expected Y". */
enum status lexer_fail_expected(struct lexer *lexer, struct lexer_token found, const char *expected)
{
    char text[4 * FOUND_MAX];
    describe(found, text, sizeof(text));
    return status_fail(lexer->detail, STATUS_SYNTAX, "%s:%" PRIu32 ":%u: found %s, expected %s",
                       lexer->name, lexer->line, column_of(lexer, found.text), text, expected);
}

/* The same with the words that are allowed and the one that may have been meant. */
static enum status fail_words(struct lexer *lexer, struct lexer_token found, const char *expected,
                              const struct lexer_words *list)
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
    return lexer_fail_expected(lexer, found, text);
}

enum status lexer_fail_limit(struct lexer *lexer, const char *at, const char *what, uint32_t limit,
                             const char *limit_name)
{
    return status_fail(lexer->detail, STATUS_LIMIT,
                       "%s:%" PRIu32 ":%u: more than %" PRIu32 " %s (%s)", lexer->name, lexer->line,
                       column_of(lexer, at), limit, what, limit_name);
}

/* ---- words ---- */

/* Takes a word of the list; its index. `expected` says in the message what the list is. */
enum status lexer_take_word(struct lexer *lexer, const char *expected,
                            const struct lexer_words *list, uint8_t *ret_index)
{
    struct lexer_token token = lexer_peek(lexer);
    for (size_t i = 0; i < list->count; i++) {
        if (lexer_token_is(token, list->words[i])) {
            (void)lexer_take(lexer);
            *ret_index = (uint8_t)i;
            return STATUS_OK;
        }
    }
    return fail_words(lexer, token, expected, list);
}

/* ---- numbers ---- */

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

static enum status fail_number(struct lexer *lexer, struct lexer_token found,
                               const struct lexer_number *form, bool out_of_range)
{
    char text[160];
    int length =
        snprintf(text, sizeof(text), "a %s from %" PRIu32 " to %" PRIu32 "%s",
                 form->time           ? "time"
                 : form->what != NULL ? form->what
                                      : "number",
                 form->least, form->most, form->time ? " ms, such as 500ms, 5s, 2m or 1h" : "");
    if (form->all_word != NULL && length > 0) {
        (void)snprintf(text + length, sizeof(text) - (size_t)length, " or `%s`", form->all_word);
    }
    enum status status = lexer_fail_expected(lexer, found, text);
    return out_of_range ? STATUS_LIMIT : status;
}

enum status lexer_take_number(struct lexer *lexer, const struct lexer_number *form, uint32_t *ret)
{
    struct lexer_token token = lexer_peek(lexer);
    if (form->all_word != NULL && lexer_token_is(token, form->all_word)) {
        (void)lexer_take(lexer);
        *ret = SCENARIO_ALL;
        return STATUS_OK;
    }
    uint64_t value = 0;
    size_t digits = 0;
    while (digits < token.size && lexer_is_digit(token.text[digits])) {
        if (value <= UINT32_MAX) {
            value = value * 10 + (uint64_t)(token.text[digits] - '0');
        }
        digits++;
    }
    uint32_t factor = suffix_factor(token.text + digits, token.size - digits, form->time);
    if (digits == 0 || factor == 0) {
        return fail_number(lexer, token, form, false);
    }
    value *= factor;
    if (value < form->least || value > form->most) {
        return fail_number(lexer, token, form, true);
    }
    (void)lexer_take(lexer);
    *ret = (uint32_t)value;
    return STATUS_OK;
}

/* ---- strings ---- */

static int hex_value(char c)
{
    if (lexer_is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What stands behind a backslash. */
static enum status take_escape(struct lexer *lexer, uint8_t *ret_byte)
{
    static const char letters[] = "nrt0\"\\";
    static const uint8_t bytes[] = {'\n', '\r', '\t', '\0', '"', '\\'};
    struct lexer_token escape = {lexer->at - 1, 1};
    const char *at = lexer->at;
    const char *letter = NULL;
    if (at < lexer->end && *at != '\0' && *at != '\n') {
        escape.size = 2;
        letter = strchr(letters, *at);
    }
    if (letter != NULL) {
        lexer->at++;
        *ret_byte = bytes[letter - letters];
        return STATUS_OK;
    }
    if (lexer->end - at >= 3 && *at == 'x' && hex_value(at[1]) >= 0 && hex_value(at[2]) >= 0) {
        lexer->at += 3;
        *ret_byte = (uint8_t)(hex_value(at[1]) * 16 + hex_value(at[2]));
        return STATUS_OK;
    }
    return lexer_fail_expected(
        lexer, escape, "an escape: \\n, \\r, \\t, \\0, \\\", \\\\ or \\x and two hex digits");
}

/* Takes "…"; the lexer stands at the quote. */
enum status lexer_take_string(struct lexer *lexer, const struct lexer_string *form,
                              uint8_t *ret_bytes, size_t *ret_size)
{
    const char *opening = lexer->at++;
    size_t size = 0;
    for (;;) {
        if (lexer->at == lexer->end || *lexer->at == '\n') {
            return status_fail(lexer->detail, STATUS_SYNTAX,
                               "%s:%" PRIu32
                               ":%u: found a string without an end, expected a closing "
                               "quote on the same line",
                               lexer->name, lexer->line, column_of(lexer, opening));
        }
        const char *start = lexer->at;
        uint8_t byte = (uint8_t)*lexer->at++;
        if (byte == '"') {
            *ret_size = size;
            return STATUS_OK;
        }
        if (byte < 0x20 || byte == 0x7F) {
            return lexer_fail_expected(lexer, (struct lexer_token){start, 1},
                                       "a printable byte or an escape");
        }
        if (byte == '\\') {
            enum status status = take_escape(lexer, &byte);
            if (status != STATUS_OK) {
                return status;
            }
        }
        if (size == form->size_max) {
            return lexer_fail_limit(lexer, start, form->what, form->limit, form->limit_name);
        }
        ret_bytes[size++] = byte;
    }
}
