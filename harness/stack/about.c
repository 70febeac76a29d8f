/* Asking an executable of sockspec_add_stack what it holds. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <ini.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockspec/stack.h"
#include "stack/protocol.h"
#include "stack/stack.h"

struct asked {
    struct stack_about about;
    char problem[128];
};

/* One line, `word = value`. */
static int on_line(void *context, const char *section, const char *name, const char *value)
{
    static const char *const words[SOCKSPEC_STACK_OPERATION_COUNT] = {
#define WORD(symbol, word) word,
        SOCKSPEC_STACK_OPERATIONS(WORD)
#undef WORD
    };
    struct asked *asked = context;
    struct stack_about *about = &asked->about;
    (void)section;
    if (strcmp(name, "problem") == 0) {
        (void)snprintf(asked->problem, sizeof(asked->problem), "%s", value);
    }
    if (strcmp(name, "name") == 0) {
        (void)snprintf(about->name, sizeof(about->name), "%s", value);
    } else if (strcmp(name, "version") == 0) {
        (void)snprintf(about->version, sizeof(about->version), "%s", value);
    }
    for (unsigned i = 0; i < SOCKSPEC_STACK_OPERATION_COUNT; i++) {
        if (strcmp(words[i], name) == 0) {
            about->absent |= (uint64_t)(strcmp(value, "absent") == 0) << i;
            about->emulated |= (uint64_t)(strcmp(value, "emulated") == 0) << i;
        }
    }
    return 1;
}

enum status stack_about_read(const char *path, struct stack_about *ret_about,
                             struct status_detail *detail)
{
    struct asked asked = {.problem = ""};
    int ends[2];
    if (pipe(ends) < 0) {
        return status_fail(detail, STATUS_ENVIRONMENT, "no pipe to ask %s", path);
    }
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)execl(path, path, STACK_DESCRIBE_ARGUMENT, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    FILE *stream = fdopen(ends[0], "r");
    int parsed = child > 0 && stream != NULL ? ini_parse_file(stream, on_line, &asked) : -1;
    if (stream != NULL) {
        (void)fclose(stream);
    } else {
        (void)close(ends[0]);
    }
    int status = -1;
    if (child > 0) {
        (void)waitpid(child, &status, 0);
    }
    if (parsed != 0 || status != 0 || asked.about.name[0] == '\0') {
        return status_fail(detail, STATUS_ENVIRONMENT,
                           "%s does not say which stack it holds: was it made by "
                           "sockspec_add_stack?",
                           path);
    }
    if (asked.problem[0] != '\0') {
        return status_fail(detail, STATUS_ENVIRONMENT, "the adapter %s: %s", path, asked.problem);
    }
    *ret_about = asked.about;
    return STATUS_OK;
}
