/* The one handler of the signals that ask to end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/interrupt.h"

#include <stdbool.h>

#include "sockspec/sockspec.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

const volatile sig_atomic_t *cli_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction hangup = {.sa_handler = SIG_DFL};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, NULL, &hangup);
    if (hangup.sa_handler != SIG_IGN) { /* as nohup has it */
        (void)sigaction(SIGHUP, &action, NULL);
    }
    return &interrupted;
}

int cli_interrupted_code(int code)
{
    bool success = code == SOCKSPEC_EXIT_OK || code == SOCKSPEC_EXIT_SKIPPED;
    return interrupted != 0 && success ? SOCKSPEC_EXIT_ERROR : code;
}
