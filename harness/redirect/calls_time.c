/* Redirected calls: clocks. All time is the model's. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/calls.h"
#include "redirect/task.h"

enum { US_PER_S = 1000000, NS_PER_US = 1000, NS_PER_MS = 1000000, TICKS_PER_S = 100 };

static int64_t clock_us(clockid_t clock)
{
    return redirect_task == NULL ? 0 : model_sys_clock_us(redirect_task->model, clock);
}

time_t sockspec_call_time(time_t *ret_time)
{
    time_t now = clock_us(CLOCK_REALTIME) / US_PER_S;
    if (ret_time != NULL) {
        *ret_time = now;
    }
    return now;
}

int sockspec_call_gettimeofday(struct timeval *time, void *zone)
{
    int64_t us = clock_us(CLOCK_REALTIME);
    (void)zone;
    *time = (struct timeval){.tv_sec = us / US_PER_S, .tv_usec = us % US_PER_S};
    return 0;
}

int sockspec_call_clock_gettime(clockid_t clock, struct timespec *time)
{
    int64_t us = clock_us(clock);
    if (us < 0) {
        errno = (int)-us;
        return -1;
    }
    *time = (struct timespec){.tv_sec = us / US_PER_S, .tv_nsec = us % US_PER_S * NS_PER_US};
    return 0;
}

/* The clock may stand for a millisecond while the program works: who divides by a time that seems
 * not to have passed takes the resolution for it. Linux says the same without high-resolution
 * timers. */
int sockspec_call_clock_getres(clockid_t clock, struct timespec *resolution)
{
    (void)clock;
    if (resolution != NULL) {
        *resolution = (struct timespec){.tv_nsec = NS_PER_MS};
    }
    return 0;
}

int sockspec_call_timespec_get(struct timespec *time, int base)
{
    return base == TIME_UTC && sockspec_call_clock_gettime(CLOCK_REALTIME, time) == 0 ? base : 0;
}

int sockspec_call_clock_settime(clockid_t clock, const struct timespec *time)
{
    (void)clock, (void)time;
    errno = EPERM;
    return -1;
}

int sockspec_call_settimeofday(const struct timeval *time, const struct timezone *zone)
{
    (void)time, (void)zone;
    errno = EPERM;
    return -1;
}

/* A program in virtual time uses as much CPU as time passes. */
clock_t sockspec_call_clock(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

clock_t sockspec_call_times(struct tms *ret_times)
{
    clock_t ticks = clock_us(CLOCK_MONOTONIC) * TICKS_PER_S / US_PER_S;
    if (ret_times != NULL) {
        *ret_times = (struct tms){.tms_utime = ticks};
    }
    return ticks;
}
