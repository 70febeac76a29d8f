/* The argument list of a target, its places filled in. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "suite/manifest.h"

/* Copies `size` bytes of a word into the storage, {port} and {host} filled in. Returns false when
 * full. */
static bool word_add(struct manifest_arguments *arguments, size_t *used, const char *word,
                     size_t size, const char *host, uint16_t port)
{
    char number[8];
    (void)snprintf(number, sizeof(number), "%u", port);
    const struct {
        const char *place;
        const char *text;
    } places[] = {{"{port}", number}, {"{host}", host}};
    if (arguments->argc >= MANIFEST_ARGUMENTS_MAX) {
        return false;
    }
    char *start = arguments->storage + *used;
    for (size_t i = 0; i < size;) {
        const char *text = &word[i];
        size_t text_size = 1;
        size_t step = 1;
        for (unsigned p = 0; p < 2; p++) {
            if (size - i >= 6 && memcmp(&word[i], places[p].place, 6) == 0) {
                text = places[p].text;
                text_size = strlen(text);
                step = 6;
            }
        }
        if (*used + text_size + 1 >= sizeof(arguments->storage)) {
            return false;
        }
        memcpy(arguments->storage + *used, text, text_size);
        *used += text_size;
        i += step;
    }
    arguments->storage[(*used)++] = '\0';
    arguments->argv[arguments->argc++] = start;
    arguments->argv[arguments->argc] = NULL;
    return true;
}

static enum status too_many(struct status_detail *detail)
{
    return status_fail(detail, STATUS_LIMIT, "more than %d arguments, or longer than %d bytes",
                       MANIFEST_ARGUMENTS_MAX, MANIFEST_TEXT_MAX * 2);
}

enum status manifest_arguments_fill(struct manifest_arguments *arguments, const char *program,
                                    int argc, const char *const *argv, const char *host,
                                    uint16_t port, struct status_detail *detail)
{
    size_t used = 0;
    arguments->argc = 0;
    bool fits = word_add(arguments, &used, program, strlen(program), host, port);
    for (int i = 0; i < argc && fits; i++) {
        fits = word_add(arguments, &used, argv[i], strlen(argv[i]), host, port);
    }
    return fits ? STATUS_OK : too_many(detail);
}

enum status manifest_arguments_split(struct manifest_arguments *arguments, const char *program,
                                     const char *line, const char *host, uint16_t port,
                                     struct status_detail *detail)
{
    size_t used = 0;
    arguments->argc = 0;
    bool fits = word_add(arguments, &used, program, strlen(program), host, port);
    const char *at = line + strspn(line, " \t");
    while (*at != '\0' && fits) {
        const char *end = at + strcspn(at, " \t");
        if (*at == '"') {
            at++;
            end = strchr(at, '"');
            if (end == NULL) {
                return status_fail(detail, STATUS_SYNTAX, "args: a quote without its end: \"%.60s",
                                   at);
            }
        }
        fits = word_add(arguments, &used, at, (size_t)(end - at), host, port);
        at = end + (*end == '"');
        at += strspn(at, " \t");
    }
    return fits ? STATUS_OK : too_many(detail);
}
