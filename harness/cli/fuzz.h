/* The command fuzz: campaigns. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_FUZZ_H
#define SOCKSPEC_CLI_FUZZ_H

/* argv[0] is "fuzz". Returns an exit code. */
int cli_fuzz(int argc, char **argv);

#endif
