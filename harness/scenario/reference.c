/* The reference of the language as Markdown, from the tables, so that the two cannot differ. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "scenario/text.h"

static void put(struct bytes_writer *writer, const char *text)
{
    bytes_put(writer, text, strlen(text));
}

static void put_arguments(struct bytes_writer *writer, const struct scenario_verb_row *row)
{
    static const struct {
        uint32_t field;
        const char *text;
    } words[] = {{SCENARIO_USES_SEGMENT, " SEGMENT"},
                 {SCENARIO_USES_DIRECTION, " DIRECTION"},
                 {SCENARIO_USES_HOW, " write\\|read\\|both"},
                 {SCENARIO_USES_CALL, " CALL"},
                 {SCENARIO_USES_ERRNO, " ERRNO"},
                 {SCENARIO_USES_SIGNAL, " SIGNAL"},
                 {SCENARIO_USES_SOCKOPT, " OPTION"},
                 {SCENARIO_USES_PAYLOAD, " PAYLOAD [x N] [push]"}};
    bool id_behind = (row->fields & SCENARIO_USES_SEGMENT) != 0;
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if ((row->fields & words[i].field) != 0) {
            put(writer, words[i].text);
            if (words[i].field == SCENARIO_USES_SEGMENT && id_behind &&
                (row->fields & SCENARIO_USES_ID) != 0) {
                put(writer, " ID");
            }
        }
    }
    char text[96] = "";
    if ((row->fields & SCENARIO_USES_NUMBER) != 0) {
        put(writer, (row->fields & SCENARIO_USES_TIME) != 0 ? " TIME" : " N");
        if (row->all_word != NULL) {
            (void)snprintf(text, sizeof(text), "\\|%s", row->all_word);
        }
    } else if ((row->fields & SCENARIO_USES_OPTION) != 0) {
        (void)snprintf(text, sizeof(text), " [%s N]", row->keyword);
    }
    put(writer, text);
    if ((row->fields & SCENARIO_USES_OPTION2) != 0) {
        (void)snprintf(text, sizeof(text), " [%s N]", row->keyword2);
        put(writer, text);
    }
    if ((row->fields & SCENARIO_USES_REPEAT) != 0) {
        put(writer, " [x N]");
    }
    for (unsigned i = 0; i < SCENARIO_WORDS_MAX && row->words[i] != NULL; i++) {
        (void)snprintf(text, sizeof(text), " [%s%s%s]", row->no_word != NULL ? row->no_word : "",
                       row->no_word != NULL ? "\\|" : "", row->words[i]);
        put(writer, text);
    }
}

/* The range of the number, or the calls that a row is limited to. */
static void put_range(struct bytes_writer *writer, const struct scenario_verb_row *row)
{
    char text[96] = "";
    if ((row->fields & (SCENARIO_USES_NUMBER | SCENARIO_USES_OPTION)) != 0) {
        (void)snprintf(text, sizeof(text), "%u to %u",
                       (row->fields & SCENARIO_USES_OPTION) != 0 ? 1U : row->number_min,
                       row->number_max);
        put(writer, text);
    }
    if ((row->fields & SCENARIO_USES_OPTION2) != 0) {
        (void)snprintf(text, sizeof(text), "; 1 to %u", row->option2_max);
        put(writer, text);
    }
}

static void put_verbs(struct bytes_writer *writer)
{
    put(writer, "| Step | What happens | Range of the number |\n|---|---|---|\n");
    for (unsigned verb = 0; verb < SCENARIO_VERB_COUNT; verb++) {
        const struct scenario_verb_row *row = &scenario_verbs[verb];
        put(writer, "| `");
        put(writer, scenario_actor_name(row->actor));
        if ((row->fields & SCENARIO_USES_ID) != 0 && (row->fields & SCENARIO_USES_SEGMENT) == 0) {
            put(writer, " [ID]");
        }
        put(writer, " ");
        put(writer, row->word);
        put_arguments(writer, row);
        put(writer, "` | ");
        put(writer, row->help);
        put(writer, " | ");
        put_range(writer, row);
        put(writer, " |\n");
    }
}

static void put_words(struct bytes_writer *writer, const char *name, const char *const *words,
                      unsigned count)
{
    put(writer, "| ");
    put(writer, name);
    put(writer, " | ");
    for (unsigned i = 0; i < count; i++) {
        put(writer, i > 0 ? " `" : "`");
        put(writer, words[i]);
        put(writer, "`");
    }
    put(writer, " |\n");
}

static unsigned list_calls(uint32_t mask, const char **ret_words)
{
    unsigned count = 0;
    for (unsigned call = 1; call < SCENARIO_CALL_COUNT; call++) {
        if ((mask >> call & 1U) != 0) {
            ret_words[count++] = scenario_call_name((enum scenario_call)call);
        }
    }
    return count;
}

static void put_lists(struct bytes_writer *writer)
{
    const char *words[64];
    put(writer, "\n| Word | One of |\n|---|---|\n");
    put_words(writer, "CALL", words, list_calls(UINT32_MAX, words));
    put_words(writer, "CALL of `kernel short`", words,
              list_calls(scenario_verbs[SCENARIO_KERNEL_SHORT].calls, words));
    put_words(writer, "CALL of `kernel interrupt`", words,
              list_calls(scenario_verbs[SCENARIO_KERNEL_INTERRUPT].calls, words));
    put_words(writer, "CALL of `app blocking`", words,
              list_calls(scenario_verbs[SCENARIO_APP_BLOCKING].calls, words));
    put_words(writer, "CALL of `app misuse`", words,
              list_calls(scenario_verbs[SCENARIO_APP_MISUSE].calls, words));
    for (unsigned i = 0; i < SCENARIO_ERRNO_COUNT; i++) {
        words[i] = scenario_errno_name((enum scenario_errno)i);
    }
    put_words(writer, "ERRNO", words, SCENARIO_ERRNO_COUNT);
    for (unsigned i = 0; i < SCENARIO_SIGNAL_COUNT; i++) {
        words[i] = scenario_signal_name((enum scenario_signal)i);
    }
    put_words(writer, "SIGNAL", words, SCENARIO_SIGNAL_COUNT);
    for (unsigned i = 0; i < SCENARIO_OPTION_COUNT; i++) {
        words[i] = scenario_option_name((enum scenario_option)i);
    }
    put_words(writer, "OPTION", words, SCENARIO_OPTION_COUNT);
    for (unsigned i = 0; i < SCENARIO_SEGMENT_COUNT; i++) {
        words[i] = scenario_segment_name((enum scenario_segment)i);
    }
    put_words(writer, "SEGMENT", words, SCENARIO_SEGMENT_COUNT);
    for (unsigned i = 0; i < SCENARIO_DIRECTION_COUNT; i++) {
        words[i] = scenario_direction_name((enum scenario_direction)i);
    }
    put_words(writer, "DIRECTION", words, SCENARIO_DIRECTION_COUNT);
}

enum status scenario_print_reference(char *buffer, size_t size, size_t *ret_length)
{
    struct bytes_writer writer = {(uint8_t *)buffer, (uint8_t *)buffer + size, false};
    put_verbs(&writer);
    put_lists(&writer);
    size_t length = (size_t)(writer.at - (uint8_t *)buffer);
    bytes_put_u8(&writer, '\0');
    if (writer.overflow) {
        return STATUS_LIMIT;
    }
    *ret_length = length;
    return STATUS_OK;
}
