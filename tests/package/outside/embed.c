/* Embeds the check as a library, found through pkg-config: asks it for help, and for something that
 * it lacks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include <sockspec/sockspec.h>

static int quiet(int argc, char **argv, char **environment)
{
    (void)argc;
    (void)argv;
    (void)environment;
    return 0;
}

int main(void)
{
    char name[] = "embed";
    char help[] = "--help";
    char unknown[] = "--no-such-option";
    char *ask_help[] = {name, help, NULL};
    char *ask_unknown[] = {name, unknown, NULL};
    static const struct sockspec_program program = {
        .name = "embed", .role = "server", .main = quiet};

    (void)printf("sockspec %s\n", SOCKSPEC_VERSION);
    return strlen(SOCKSPEC_VERSION) == 0 ||
           sockspec_check_main(2, ask_help, &program) != SOCKSPEC_EXIT_OK ||
           sockspec_check_main(2, ask_unknown, &program) != SOCKSPEC_EXIT_USAGE;
}
