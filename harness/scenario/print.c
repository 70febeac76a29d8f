/* Printing scenarios, driven by the verb table. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "scenario/text.h"

static void put_text(struct bytes_writer *writer, const char *text)
{
    bytes_put(writer, text, strlen(text));
}

static void put_word(struct bytes_writer *writer, const char *word)
{
    bytes_put_u8(writer, ' ');
    put_text(writer, word);
}

static void put_number(struct bytes_writer *writer, uint32_t number)
{
    char digits[10];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    bytes_put(writer, digits + at, sizeof(digits) - at);
}

static void put_argument(struct bytes_writer *writer, uint32_t number)
{
    bytes_put_u8(writer, ' ');
    put_number(writer, number);
}

/* The largest unit that divides the time. */
static void put_time(struct bytes_writer *writer, uint32_t ms)
{
    static const struct {
        uint32_t ms;
        const char *unit;
    } units[] = {{3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    unsigned at = 0;
    while (ms % units[at].ms != 0 || ms < units[at].ms) {
        at++;
        assert(at < sizeof(units) / sizeof(units[0]));
    }
    put_argument(writer, ms / units[at].ms);
    put_text(writer, units[at].unit);
}

/* A quoted string. Bytes beyond ASCII stay where the reader is a person (`ascii` false). */
static void put_string(struct bytes_writer *writer, const uint8_t *data, size_t size, bool ascii)
{
    static const char hex[] = "0123456789abcdef";
    bytes_put_u8(writer, '"');
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = data[i];
        const char *escape = byte == '\n'   ? "\\n"
                             : byte == '\r' ? "\\r"
                             : byte == '\t' ? "\\t"
                             : byte == '"'  ? "\\\""
                             : byte == '\\' ? "\\\\"
                                            : NULL;
        if (escape != NULL) {
            put_text(writer, escape);
        } else if (byte < 0x20 || byte == 0x7F || (ascii && byte >= 0x80)) {
            char code[4] = {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
            bytes_put(writer, code, sizeof(code));
        } else {
            bytes_put_u8(writer, byte);
        }
    }
    bytes_put_u8(writer, '"');
}

static void put_payload(struct bytes_writer *writer, const struct scenario *scenario,
                        const struct scenario_step *step)
{
    if (step->what == SCENARIO_PAYLOAD_LITERAL) {
        bytes_put_u8(writer, ' ');
        put_string(writer, scenario->literal + step->literal_at, step->literal_size, true);
    } else {
        put_word(writer, scenario_payload_name(step->what));
    }
    if (scenario_payload_counts(step->what)) {
        put_argument(writer, step->from);
    } else if (scenario_payload_slices(step->what) &&
               (step->from != 0 || step->to != SCENARIO_ALL)) {
        bytes_put_u8(writer, '[');
        put_number(writer, step->from);
        bytes_put_u8(writer, ':');
        if (step->to != SCENARIO_ALL) {
            put_number(writer, step->to);
        }
        bytes_put_u8(writer, ']');
    }
}

static void put_repeat(struct bytes_writer *writer, uint16_t repeat)
{
    if (repeat > 1) {
        put_word(writer, "x");
        put_argument(writer, repeat);
    }
}

static void put_numbers(struct bytes_writer *writer, const struct scenario_verb_row *row,
                        const struct scenario_step *step)
{
    if ((row->fields & SCENARIO_USES_NUMBER) != 0) {
        if (row->all_word != NULL && step->from == SCENARIO_ALL) {
            put_word(writer, row->all_word);
        } else if ((row->fields & SCENARIO_USES_TIME) != 0) {
            put_time(writer, step->from);
        } else {
            put_argument(writer, step->from);
        }
    }
    if ((row->fields & SCENARIO_USES_OPTION) != 0 && step->from != 0) {
        put_word(writer, row->keyword);
        put_argument(writer, step->from);
    }
    if ((row->fields & SCENARIO_USES_OPTION2) != 0 && step->to != 0) {
        put_word(writer, row->keyword2);
        put_argument(writer, step->to);
    }
}

static void put_arguments(struct bytes_writer *writer, const struct scenario *scenario,
                          const struct scenario_step *step)
{
    const struct scenario_verb_row *row = &scenario_verbs[step->verb];
    uint32_t fields = row->fields;
    if ((fields & SCENARIO_USES_PAYLOAD) != 0) {
        put_payload(writer, scenario, step);
        put_repeat(writer, step->repeat);
        if (step->kind != 0) {
            put_word(writer, "push");
        }
        return;
    }
    if ((fields & SCENARIO_USES_SEGMENT) != 0) {
        put_word(writer, scenario_segment_name(step->kind));
        if ((fields & SCENARIO_USES_ID) != 0) {
            put_argument(writer, step->id);
        }
    }
    if ((fields & SCENARIO_USES_DIRECTION) != 0) {
        put_word(writer, scenario_direction_name(step->what));
    }
    if ((fields & SCENARIO_USES_HOW) != 0) {
        put_word(writer, scenario_how_name(step->what));
    }
    if ((fields & SCENARIO_USES_CALL) != 0) {
        put_word(writer, scenario_call_name(step->what));
    }
    if ((fields & SCENARIO_USES_ERRNO) != 0) {
        put_word(writer, scenario_errno_name(step->kind));
    }
    if ((fields & SCENARIO_USES_SIGNAL) != 0) {
        put_word(writer, scenario_signal_name(step->what));
    }
    if ((fields & SCENARIO_USES_SOCKOPT) != 0) {
        put_word(writer, scenario_option_name(step->what));
    }
    put_numbers(writer, row, step);
    if ((fields & SCENARIO_USES_REPEAT) != 0) {
        put_repeat(writer, step->repeat);
    }
    for (unsigned i = 0; (fields & SCENARIO_USES_WORDS) != 0 && i < SCENARIO_WORDS_MAX; i++) {
        if ((step->kind >> i & 1U) != 0) {
            put_word(writer, row->words[i]);
        }
    }
}

static void put_step(struct bytes_writer *writer, const struct scenario *scenario, unsigned index)
{
    const struct scenario_step *step = &scenario->steps[index];
    const struct scenario_verb_row *row = &scenario_verbs[step->verb];
    if (step->place_call != SCENARIO_CALL_NONE) {
        put_text(writer, "before");
        put_word(writer, scenario_call_name(step->place_call));
        put_argument(writer, step->place_nth);
        put_text(writer, ": ");
    }
    put_text(writer, scenario_actor_name(row->actor));
    /* The id of a segment's connection stands behind the kind of the segment. */
    if ((row->fields & SCENARIO_USES_ID) != 0 && (row->fields & SCENARIO_USES_SEGMENT) == 0 &&
        step->id != 0) {
        put_argument(writer, step->id);
    }
    put_word(writer, row->word);
    put_arguments(writer, scenario, step);
}

static void put_steps(struct bytes_writer *writer, const struct scenario *scenario)
{
    for (unsigned i = 0; i < scenario->count; i++) {
        put_step(writer, scenario, i);
        bytes_put_u8(writer, '\n');
    }
}

static enum status finish(struct bytes_writer *writer, const char *buffer, size_t *ret_length)
{
    size_t length = (size_t)(writer->at - (const uint8_t *)buffer);
    bytes_put_u8(writer, '\0');
    if (writer->overflow) {
        return STATUS_LIMIT;
    }
    *ret_length = length;
    return STATUS_OK;
}

static struct bytes_writer writer_over(char *buffer, size_t size)
{
    return (struct bytes_writer){(uint8_t *)buffer, (uint8_t *)buffer + size, false};
}

enum status scenario_print(const struct scenario *scenario, char *buffer, size_t size,
                           size_t *ret_length)
{
    struct bytes_writer writer = writer_over(buffer, size);
    put_steps(&writer, scenario);
    return finish(&writer, buffer, ret_length);
}

enum status scenario_print_text(const struct scenario_text *text, char *buffer, size_t size,
                                size_t *ret_length)
{
    assert(text->header_count <= SCENARIO_HEADERS_MAX);
    struct bytes_writer writer = writer_over(buffer, size);
    for (unsigned i = 0; i < text->header_count; i++) {
        const struct scenario_header *header = &text->headers[i];
        put_text(&writer, header->key);
        if (header->quoted) {
            bytes_put_u8(&writer, ' ');
            put_string(&writer, (const uint8_t *)header->value, strlen(header->value), false);
        } else if (header->value[0] != '\0') {
            put_word(&writer, header->value);
        }
        bytes_put_u8(&writer, '\n');
    }
    if (text->header_count > 0) {
        bytes_put_u8(&writer, '\n');
    }
    put_steps(&writer, &text->scenario);
    return finish(&writer, buffer, ret_length);
}

size_t scenario_print_step(const struct scenario *scenario, unsigned index, char *buffer,
                           size_t size)
{
    assert(size > 0);
    assert(index < scenario->count);
    /* A step whose literal is long is cut where the buffer ends, so it goes through a buffer that
     * holds any step. */
    char whole[SCENARIO_STEP_TEXT_MAX + 4 * SCENARIO_LITERAL_MAX];
    struct bytes_writer writer = writer_over(whole, sizeof(whole));
    put_step(&writer, scenario, index);
    assert(!writer.overflow);
    size_t length = (size_t)(writer.at - (uint8_t *)whole);
    if (length > size - 1) {
        length = size - 1;
    }
    memcpy(buffer, whole, length);
    buffer[length] = '\0';
    return length;
}
