/* One connection, echoed to its end by a process that does nothing else meanwhile: what the
 * children of the forking servers do. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_ECHO_SESSION_H
#define COMMON_ECHO_SESSION_H

#include <signal.h>

/* Echoes what comes on fd, a non-blocking connection, until the peer's FIN is answered, an error,
 * or until nothing moved for idle_ms. wait_mask comes from signals_install(): after a request to
 * stop, what has come by then is still answered and nothing more is waited for. The descriptor
 * stays open; it is the caller's. */
void echo_session_run(int fd, int idle_ms, const sigset_t *wait_mask);

#endif
