/* Time for deadlines: the monotonic clock, which no one sets back or forward. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds since some fixed point in the past. */
static inline int64_t clock_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Sleeps for the time, or until a signal: for a call that failed for want of memory or descriptors
 * and that no readiness report will announce again. */
static inline void clock_pause_ms(int milliseconds)
{
    struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    (void)nanosleep(&pause, NULL);
}

#endif
