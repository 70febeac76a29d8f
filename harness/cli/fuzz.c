/* The command fuzz. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/fuzz.h"

#include "cli/options.h"
#include "sockspec/sockspec.h"

int cli_fuzz(int argc, char **argv)
{
    struct cli_options options;
    if (!cli_options_parse(&options, "sockspec", CLI_FUZZ, argc, argv)) {
        return SOCKSPEC_EXIT_USAGE;
    }
    if (options.help) {
        cli_command_help(stdout, CLI_FUZZ);
        return SOCKSPEC_EXIT_OK;
    }
    return cli_error(&options,
                     "fuzz is not available in this build: run TARGET_fuzzer or TARGET_afl");
}
