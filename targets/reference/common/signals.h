/* Signals of the reference programs: handlers that only set flags, looked at between two calls. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SIGNALS_H
#define COMMON_SIGNALS_H

#include <signal.h>

extern volatile sig_atomic_t signals_stop;   /* SIGTERM or SIGINT came: finish and return 0 */
extern volatile sig_atomic_t signals_report; /* SIGUSR1 or SIGHUP came: say how things stand */

/* A program that blocks in accept() and recv() looks at signals_stop before each call, but a signal
 * may come just after that look. So the request to stop also shuts these descriptors down for
 * reading (-1: none; shutdown() may be called in a handler): then the call does not block. Set one
 * to -1 before its descriptor is closed. */
enum signals_shut { SIGNALS_SHUT_LISTENER, SIGNALS_SHUT_CONNECTION, SIGNALS_SHUT_COUNT };
extern volatile sig_atomic_t signals_shut[SIGNALS_SHUT_COUNT];

/* Installs the handlers, without SA_RESTART: a blocked call returns EINTR, so that the program
 * gets to see the flag.
 *
 * With ret_wait_mask the four signals are also blocked, and *ret_wait_mask is the mask to pass to
 * ppoll() or epoll_pwait(). They then arrive inside that call and nowhere else, so none can slip in
 * between the look at the flag and the wait. Without it (NULL) they may arrive anywhere.
 *
 * Returns 0, or -1 with errno set. */
int signals_install(sigset_t *ret_wait_mask);

#endif
