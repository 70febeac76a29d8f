/* The argument list of a target, its places filled in. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "suite/manifest.h"

/* What stands for the place that `text` begins with; NULL: it begins with none. */
static const char *place_at(const char *text, size_t size, const struct manifest_places *places,
                            char number[8], size_t *ret_size)
{
    const struct {
        const char *place;
        const char *text;
    } known[] = {{"{port}", number}, {"{host}", places->host}, {"{folder}", places->folder}};
    (void)snprintf(number, 8, "%u", places->port);
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        size_t length = strlen(known[i].place);
        if (known[i].text != NULL && size >= length && memcmp(text, known[i].place, length) == 0) {
            *ret_size = length;
            return known[i].text;
        }
    }
    return NULL;
}

/* Copies `size` bytes of a word into the storage, its places filled in. Returns false when full. */
static bool word_add(struct manifest_arguments *arguments, const char *word, size_t size,
                     const struct manifest_places *places)
{
    if (arguments->argc >= MANIFEST_ARGUMENTS_MAX) {
        return false;
    }
    char *start = arguments->storage + arguments->used;
    for (size_t i = 0; i < size;) {
        char number[8];
        size_t step = 1;
        const char *text = place_at(&word[i], size - i, places, number, &step);
        size_t text_size = text == NULL ? 1 : strlen(text);
        if (arguments->used + text_size + 1 >= sizeof(arguments->storage)) {
            return false;
        }
        memcpy(arguments->storage + arguments->used, text == NULL ? &word[i] : text, text_size);
        arguments->used += text_size;
        i += step;
    }
    if (arguments->used + 1 >= sizeof(arguments->storage)) {
        return false;
    }
    arguments->storage[arguments->used++] = '\0';
    arguments->argv[arguments->argc++] = start;
    arguments->argv[arguments->argc] = NULL;
    return true;
}

static enum status too_many(struct status_detail *detail)
{
    return status_fail(detail, STATUS_LIMIT, "more than %d arguments, or longer than %d bytes",
                       MANIFEST_ARGUMENTS_MAX, MANIFEST_COMMAND_MAX * 4);
}

enum status manifest_arguments_fill(struct manifest_arguments *arguments, int argc,
                                    const char *const *argv, const struct manifest_places *places,
                                    struct status_detail *detail)
{
    bool fits = true;
    for (int i = 0; i < argc && fits; i++) {
        fits = word_add(arguments, argv[i], strlen(argv[i]), places);
    }
    return fits ? STATUS_OK : too_many(detail);
}

/* Copies one word without its quotes. Returns where it ends; NULL: a quote without its end. */
static const char *word_read(const char *at, char word[MANIFEST_COMMAND_MAX], size_t *ret_size)
{
    char quote = '\0';
    size_t size = 0;
    for (; *at != '\0' && (quote != '\0' || (*at != ' ' && *at != '\t')); at++) {
        if (*at == quote) {
            quote = '\0';
        } else if (quote == '\0' && (*at == '"' || *at == '\'')) {
            quote = *at;
        } else if (size < MANIFEST_COMMAND_MAX) {
            word[size++] = *at;
        }
    }
    *ret_size = size;
    return quote == '\0' ? at : NULL;
}

enum status manifest_arguments_split(struct manifest_arguments *arguments, const char *line,
                                     const struct manifest_places *places,
                                     struct status_detail *detail)
{
    char word[MANIFEST_COMMAND_MAX];
    const char *at = line + strspn(line, " \t");
    while (*at != '\0') {
        size_t size = 0;
        const char *end = word_read(at, word, &size);
        if (end == NULL) {
            return status_fail(detail, STATUS_SYNTAX, "a quote without its end: %.60s", at);
        }
        if (size == sizeof(word) || !word_add(arguments, word, size, places)) {
            return too_many(detail);
        }
        at = end + strspn(end, " \t");
    }
    return STATUS_OK;
}
