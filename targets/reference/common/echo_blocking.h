/* One connection, echoed to its end by a thread that does nothing else meanwhile, in calls that
 * block. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_ECHO_BLOCKING_H
#define COMMON_ECHO_BLOCKING_H

/* Neither a silent peer nor one that reads nothing may keep a thread: after the limit recv() and
 * send() on fd fail with EAGAIN. Returns 0, or -1 with errno set. */
int echo_blocking_limit(int fd, int idle_ms);

/* Echoes until the peer's FIN, an error, or the time limit. The descriptor stays open; it is the
 * caller's. */
void echo_blocking_run(int fd, int idle_ms);

#endif
