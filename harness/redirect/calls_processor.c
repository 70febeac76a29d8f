/* Processors as programs see them: always the same ones, so that a program that starts a thread for
 * each runs alike on every machine. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/calls.h"
#include "redirect/task.h"

enum { PROCESSORS = 2 };

int sockspec_call_get_nprocs(void)
{
    return PROCESSORS;
}

int sockspec_call_get_nprocs_conf(void)
{
    return PROCESSORS;
}

int sockspec_call_sched_getcpu(void)
{
    return 0;
}

/* Returns an error number. */
static int get(size_t size, cpu_set_t *ret_set)
{
    if (size < sizeof(__cpu_mask)) {
        return EINVAL;
    }
    memset(ret_set, 0, size);
    for (size_t i = 0; i < PROCESSORS; i++) {
        CPU_SET_S(i, size, ret_set);
    }
    return 0;
}

/* Returns an error number: one of the processors at least must be there. Where a thread runs
 * changes nothing that the program does, so it is not kept. */
static int set(size_t size, const cpu_set_t *set)
{
    bool any = false;
    for (size_t i = 0; i < PROCESSORS; i++) {
        any = any || CPU_ISSET_S(i, size, set);
    }
    return any ? 0 : EINVAL;
}

static int answer(int error)
{
    if (error != 0) {
        errno = error;
        return -1;
    }
    return 0;
}

int sockspec_call_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *ret_set)
{
    (void)pid;
    return answer(get(size, ret_set));
}

int sockspec_call_sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *wanted)
{
    (void)pid;
    return answer(set(size, wanted));
}

int sockspec_call_pthread_getaffinity_np(pthread_t id, size_t size, cpu_set_t *ret_set)
{
    return redirect_thread_find(id) == NULL ? ESRCH : get(size, ret_set);
}

int sockspec_call_pthread_setaffinity_np(pthread_t id, size_t size, const cpu_set_t *wanted)
{
    return redirect_thread_find(id) == NULL ? ESRCH : set(size, wanted);
}
