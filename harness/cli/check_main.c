/* The main of every NAME_check: the options of `sockspec check`, and replay and shrink on the same
 * program. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cli/check.h"
#include "sockspec/sockspec.h"

int sockspec_check_main(int argc, char **argv, const struct sockspec_program *program)
{
    static const char *const words[] = {"check", "replay", "shrink"};
    enum cli_command command = CLI_CHECK;
    for (unsigned i = 0; i < 3 && argc > 1; i++) {
        if (strcmp(argv[1], words[i]) == 0) {
            command = cli_command_find(words[i]);
            argv++;
            argc--;
            break;
        }
    }
    char name[128];
    (void)snprintf(name, sizeof(name), "sockspec (%s)", program->name);
    struct cli_options options;
    if (!cli_options_parse(&options, name, command, argc, argv)) {
        return SOCKSPEC_EXIT_USAGE;
    }
    if (options.help) {
        cli_command_help(stdout, command);
        return SOCKSPEC_EXIT_OK;
    }
    if (command == CLI_CHECK && options.operand_count > 0) {
        return cli_usage(&options, "'%s': this executable checks %s alone", options.operands[0],
                         program->name);
    }
    struct cli_session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        return cli_error(&options, "out of memory");
    }
    int code = cli_session_open(session, &options, program);
    if (code == 0) {
        code = command == CLI_CHECK    ? cli_check(session)
               : command == CLI_REPLAY ? cli_replay(session)
                                       : cli_shrink(session);
    }
    cli_session_done(session);
    free(session);
    return code;
}
