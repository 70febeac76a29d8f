/* Finding stacks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stacks.h"

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "sockspec/sockspec.h"

#define STACK_SUFFIX "_stack"

static const struct {
    const char *name;
    const char *version;
} built_in[] = {{"model", "the model kernel"}, {"linux", "the kernel of this machine"}};
enum { BUILT_IN_COUNT = sizeof(built_in) / sizeof(built_in[0]) };

/* What the build left beside NAME_stack, in NAME.stack.ini. */
static int on_built_line(void *context, const char *section, const char *name, const char *value)
{
    struct cli_stack *stack = context;
    (void)section;
    if (strcmp(name, "manifest") == 0) {
        (void)snprintf(stack->manifest, sizeof(stack->manifest), "%s", value);
    }
    return 1;
}

static void read_built(const char *folder, struct cli_stack *stack)
{
    char beside[CLI_PATH_MAX];
    if ((size_t)snprintf(beside, sizeof(beside), "%s/%s.stack.ini", folder, stack->name) <
        sizeof(beside)) {
        (void)ini_parse(beside, on_built_line, stack); /* there need not be one */
    }
}

static void add_adapter(const char *folder, const char *file, struct cli_stack *stack)
{
    struct status_detail detail = {""};
    memset(stack, 0, sizeof(*stack));
    (void)snprintf(stack->name, sizeof(stack->name), "%.*s",
                   (int)(strlen(file) - strlen(STACK_SUFFIX)), file);
    read_built(folder, stack);
    if ((size_t)snprintf(stack->path, sizeof(stack->path), "%s/%s", folder, file) >=
        sizeof(stack->path)) {
        (void)snprintf(stack->problem, sizeof(stack->problem), "%s: too long a path", file);
    } else if (stack_about_read(stack->path, &stack->about, &detail) != STATUS_OK) {
        (void)snprintf(stack->problem, sizeof(stack->problem), "%.255s", detail.text);
    }
}

static bool is_adapter(const char *file)
{
    size_t size = strlen(file);
    size_t suffix = strlen(STACK_SUFFIX);
    return size > suffix && size - suffix < STACK_NAME_MAX &&
           strcmp(file + size - suffix, STACK_SUFFIX) == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct cli_stack *)a)->name, ((const struct cli_stack *)b)->name);
}

int cli_stacks_all(const struct cli_options *options, struct cli_stack *stacks)
{
    char folder[CLI_PATH_MAX];
    int count = 0;
    for (; count < BUILT_IN_COUNT; count++) {
        memset(&stacks[count], 0, sizeof(stacks[count]));
        (void)snprintf(stacks[count].name, sizeof(stacks[count].name), "%s", built_in[count].name);
        (void)snprintf(stacks[count].about.version, sizeof(stacks[count].about.version), "%s",
                       built_in[count].version);
    }
    DIR *listing = cli_targets_folder(options, folder) ? opendir(folder) : NULL;
    if (listing == NULL && options->targets != NULL) {
        (void)cli_usage(options, "%s: %s", folder, strerror(errno));
        return -1;
    }
    const struct dirent *entry = NULL;
    while (listing != NULL && (entry = readdir(listing)) != NULL && count < CLI_STACKS_MAX) {
        if (is_adapter(entry->d_name)) {
            add_adapter(folder, entry->d_name, &stacks[count++]);
        }
    }
    if (listing != NULL) {
        (void)closedir(listing);
    }
    qsort(stacks + BUILT_IN_COUNT, (size_t)(count - BUILT_IN_COUNT), sizeof(*stacks), by_name);
    return count;
}

int cli_stacks_find(const struct cli_options *options, const char *name,
                    struct cli_stack *ret_stack)
{
    struct cli_stack *stacks = calloc(CLI_STACKS_MAX, sizeof(*stacks));
    if (stacks == NULL) {
        return cli_error(options, "out of memory");
    }
    int count = cli_stacks_all(options, stacks);
    int code = count < 0 ? SOCKSPEC_EXIT_USAGE : 0;
    struct words_guess guess = {.word = name};
    const struct cli_stack *found = NULL;
    for (int i = 0; i < count && found == NULL; i++) {
        words_guess_offer(&guess, stacks[i].name);
        found = strcmp(stacks[i].name, name) == 0 ? &stacks[i] : NULL;
    }
    if (code == 0 && found == NULL) {
        char hint[STACK_NAME_MAX + 32];
        code = cli_usage(options, "there is no stack '%s' (see `sockspec list stacks`)%s", name,
                         words_guess_hint(&guess, hint, sizeof(hint)));
    } else if (code == 0 && found->problem[0] != '\0') {
        code = cli_error(options, "%s", found->problem);
    } else if (code == 0) {
        *ret_stack = *found;
    }
    free(stacks);
    return code;
}
