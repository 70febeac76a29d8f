/* Signals of the reference programs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/signals.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

volatile sig_atomic_t signals_stop;
volatile sig_atomic_t signals_report;
volatile sig_atomic_t signals_shut[SIGNALS_SHUT_COUNT] = {-1, -1};

static void on_stop(int number)
{
    int error = errno;
    (void)number;
    signals_stop = 1;
    for (size_t i = 0; i < SIGNALS_SHUT_COUNT; i++) {
        if (signals_shut[i] >= 0)
            (void)shutdown(signals_shut[i], SHUT_RD);
    }
    errno = error;
}

static void on_report(int number)
{
    (void)number;
    signals_report = 1;
}

int signals_install(sigset_t *ret_wait_mask)
{
    static const struct {
        int number;
        void (*handler)(int);
    } table[] = {{SIGTERM, on_stop}, {SIGINT, on_stop}, {SIGUSR1, on_report}, {SIGHUP, on_report}};
    sigset_t ours;
    sigemptyset(&ours);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct sigaction action = {.sa_handler = table[i].handler};
        sigemptyset(&action.sa_mask);
        sigaddset(&ours, table[i].number);
        if (sigaction(table[i].number, &action, NULL) < 0)
            return -1;
    }
    if (ret_wait_mask == NULL)
        return 0;
    return sigprocmask(SIG_BLOCK, &ours, ret_wait_mask);
}
