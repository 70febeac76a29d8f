/* Ctrl-C and its kin: what runs is brought to an end that loses nothing. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_INTERRUPT_H
#define SOCKSPEC_CLI_INTERRUPT_H

#include <signal.h>

/* From here on SIGINT, SIGTERM and SIGHUP do not end the process but set the flag that is returned:
 * not 0 once one of them came. Calls that sleep return with EINTR. */
const volatile sig_atomic_t *cli_catch_interrupts(void);

/* The exit code of what may have been interrupted: nothing that was is a success. */
int cli_interrupted_code(int code);

#endif
