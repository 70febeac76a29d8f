/* Redirected calls: mutexes, conditions, read-write locks, semaphores, barriers. They lie where the
 * program put them, in a form of our own that is all zeros where the C library's static
 * initialisers are. Only one thread runs at a time, so nothing here is atomic. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <limits.h>

#include "redirect/calls.h"
#include "redirect/task.h"

enum { TYPE_MASK = 3, US_PER_S = 1000000, NS_PER_US = 1000, NS_PER_S = 1000000000 };

/* Who runs: never 0. */
static int self(void)
{
    return redirect_task == NULL ? 1 : (int)redirect_task->thread->number + 1;
}

static void point(void)
{
    if (redirect_task != NULL) {
        model_thread_point(redirect_task->model);
    }
}

static int wait_held(struct model_wait what, model_thread_condition condition, void *argument,
                     int64_t timeout_us)
{
    int saved = errno;
    int result = redirect_task == NULL ? -EDEADLK
                                       : model_thread_wait(redirect_task->model, what, condition,
                                                           argument, timeout_us);
    errno = saved;
    return result;
}

static int wait_for(enum trace_wait what, model_thread_condition condition, void *argument,
                    int64_t timeout_us)
{
    return wait_held((struct model_wait){what, -1}, condition, argument, timeout_us);
}

/* A call that would not wait and got nothing: others run, or it counts as one of many. */
static int busy(void)
{
    (void)sockspec_call_sched_yield();
    return EBUSY;
}

int64_t redirect_timespec_us(const struct timespec *time)
{
    if (time == NULL) {
        return -1;
    }
    if (time->tv_sec < 0 || time->tv_nsec < 0 || time->tv_nsec >= NS_PER_S) {
        return -EINVAL;
    }
    if (time->tv_sec > INT64_MAX / US_PER_S / 2) {
        return -1;
    }
    return time->tv_sec * (int64_t)US_PER_S + (time->tv_nsec + NS_PER_US - 1) / NS_PER_US;
}

/* What a timed wait waits for besides its time: the wall clock may be set meanwhile. */
struct deadline {
    clockid_t clock;
    int64_t until_us; /* -1: none */
};

static bool has_passed(const struct model *model, const struct deadline *deadline)
{
    return deadline->until_us >= 0 && model_clock_us(model, deadline->clock) >= deadline->until_us;
}

static int64_t left(const struct model *model, clockid_t clock, int64_t until_us)
{
    int64_t now_us = model_clock_us(model, clock);
    return until_us > now_us ? until_us - now_us : 0;
}

int64_t redirect_left_us(clockid_t clock, const struct timespec *until)
{
    int64_t until_us = redirect_timespec_us(until);
    if (until_us < 0 || redirect_task == NULL) {
        return until_us;
    }
    return left(redirect_task->model, clock, until_us);
}

/* ---- Mutexes: __lock, __owner, __count and __kind of the C library, whose own init and destroy
 * know nothing else ---- */

static bool mutex_is_free(struct model *model, void *argument)
{
    const pthread_mutex_t *mutex = argument;
    (void)model;
    return mutex->__data.__lock == 0;
}

static int mutex_wait(pthread_mutex_t *mutex, int64_t timeout_us)
{
    struct model_wait wait = {.what = TRACE_WAIT_MUTEX, .holder = mutex->__data.__owner - 1};
    return wait_held(wait, mutex_is_free, mutex, timeout_us);
}

static void mutex_take(pthread_mutex_t *mutex, unsigned count)
{
    mutex->__data.__lock = 1;
    mutex->__data.__owner = self();
    mutex->__data.__nusers = 1;
    mutex->__data.__count = count;
}

/* Another lock by its owner; -1: it waits like everybody else. */
static int mutex_lock_again(pthread_mutex_t *mutex, bool waits)
{
    int type = mutex->__data.__kind & TYPE_MASK;
    if (mutex->__data.__lock == 0 || mutex->__data.__owner != self()) {
        return -1;
    }
    if (type == PTHREAD_MUTEX_RECURSIVE) {
        mutex->__data.__count++;
        return 0;
    }
    return type == PTHREAD_MUTEX_ERRORCHECK && waits ? EDEADLK : -1;
}

int redirect_mutex_lock(pthread_mutex_t *mutex, int64_t timeout_us)
{
    redirect_check_write(mutex, sizeof *mutex);
    if (mutex->__data.__kind < 0) {
        return EINVAL;
    }
    point();
    int again = mutex_lock_again(mutex, timeout_us != 0);
    if (again >= 0) {
        return again;
    }
    if (mutex->__data.__lock != 0 && timeout_us == 0) {
        return busy();
    }
    if (mutex->__data.__lock != 0) {
        int result = mutex_wait(mutex, timeout_us);
        if (result != 0) {
            return -result;
        }
    }
    mutex_take(mutex, 1);
    return 0;
}

static bool mutex_is_ours(const pthread_mutex_t *mutex)
{
    return mutex->__data.__lock != 0 && mutex->__data.__owner == self();
}

static void mutex_release(pthread_mutex_t *mutex)
{
    mutex->__data.__lock = 0;
    mutex->__data.__owner = 0;
    mutex->__data.__nusers = 0;
    mutex->__data.__count = 0;
}

int redirect_mutex_unlock(pthread_mutex_t *mutex)
{
    redirect_check_write(mutex, sizeof *mutex);
    int type = mutex->__data.__kind & TYPE_MASK;
    bool checked = type == PTHREAD_MUTEX_RECURSIVE || type == PTHREAD_MUTEX_ERRORCHECK;
    if (mutex->__data.__kind < 0) {
        return EINVAL;
    }
    if (checked && !mutex_is_ours(mutex)) {
        return EPERM;
    }
    if (type == PTHREAD_MUTEX_RECURSIVE && --mutex->__data.__count > 0) {
        return 0;
    }
    mutex_release(mutex);
    point();
    return 0;
}

int sockspec_call_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    return redirect_mutex_lock(mutex, -1);
}

int sockspec_call_pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    return redirect_mutex_lock(mutex, 0);
}

int sockspec_call_pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
                                          const struct timespec *until)
{
    int64_t left_us = redirect_left_us(clock, until);
    if (left_us == -EINVAL) {
        return EINVAL;
    }
    int result = redirect_mutex_lock(mutex, left_us);
    return result == EBUSY ? ETIMEDOUT : result;
}

int sockspec_call_pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *until)
{
    return sockspec_call_pthread_mutex_clocklock(mutex, CLOCK_REALTIME, until);
}

int sockspec_call_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    return redirect_mutex_unlock(mutex);
}

/* ---- Conditions: who waits stands in the threads, the condition holds its clock ---- */

static clockid_t *clock_of(pthread_cond_t *condition)
{
    return (clockid_t *)(void *)condition;
}

int sockspec_call_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
    redirect_check_write(condition, sizeof *condition);
    memset(condition, 0, sizeof *condition);
    return attributes == NULL ? 0 : pthread_condattr_getclock(attributes, clock_of(condition));
}

int sockspec_call_pthread_cond_destroy(pthread_cond_t *condition)
{
    redirect_check_write(condition, sizeof *condition);
    return 0;
}

struct condition_wait {
    const struct redirect_thread *thread;
    struct deadline deadline;
};

static bool is_woken(struct model *model, void *argument)
{
    const struct condition_wait *wait = argument;
    return wait->thread->woken || has_passed(model, &wait->deadline);
}

/* Sleeps until it is woken: 0, or ETIMEDOUT. POSIX lets a wait end for no reason. */
static int sleep_on(pthread_cond_t *condition, struct deadline deadline)
{
    struct redirect_task *task = redirect_task;
    struct redirect_thread *thread = task->thread;
    struct condition_wait wait = {.thread = thread, .deadline = deadline};
    thread->condition = condition;
    thread->woken = model_thread_spurious(task->model);
    do {
        int64_t left_us =
            deadline.until_us < 0 ? -1 : left(task->model, deadline.clock, deadline.until_us);
        (void)wait_for(TRACE_WAIT_CONDITION, is_woken, &wait, left_us);
    } while (!is_woken(task->model, &wait)); /* the wall clock was set back */
    thread->condition = NULL;
    return thread->woken ? 0 : ETIMEDOUT;
}

static int condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
                          const struct timespec *until)
{
    int64_t until_us = redirect_timespec_us(until);
    redirect_check_write(condition, sizeof *condition);
    redirect_check_write(mutex, sizeof *mutex);
    if (until_us == -EINVAL || redirect_task == NULL) {
        return EINVAL;
    }
    if ((mutex->__data.__kind & TYPE_MASK) != 0 && !mutex_is_ours(mutex)) {
        return EPERM;
    }
    unsigned count = mutex->__data.__count;
    struct deadline deadline = {.clock = clock, .until_us = until_us};
    if (has_passed(redirect_task->model, &deadline)) {
        /* Others have their turn, and a loop around it is seen to spin. */
        mutex_release(mutex);
        (void)sockspec_call_sched_yield();
    } else {
        mutex_release(mutex);
    }
    int result = sleep_on(condition, deadline);
    if (mutex->__data.__lock != 0) {
        (void)mutex_wait(mutex, -1);
    }
    mutex_take(mutex, count);
    return result;
}

int sockspec_call_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    return condition_wait(condition, mutex, CLOCK_REALTIME, NULL);
}

int sockspec_call_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                         const struct timespec *until)
{
    return condition_wait(condition, mutex, *clock_of(condition), until);
}

int sockspec_call_pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                         clockid_t clock, const struct timespec *until)
{
    return condition_wait(condition, mutex, clock, until);
}

static uint32_t waiters(const struct redirect_task *task, const pthread_cond_t *condition)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < task->threads_used; i++) {
        count += task->threads[i].condition == condition && !task->threads[i].woken;
    }
    return count;
}

/* Wakes one that the scenario's seed chooses, or all. */
static int wake(pthread_cond_t *condition, bool all)
{
    struct redirect_task *task = redirect_task;
    redirect_check_write(condition, sizeof *condition);
    uint32_t count = task == NULL ? 0 : waiters(task, condition);
    uint32_t chosen = count == 0 || all ? 0 : model_thread_choose(task->model, count);
    for (unsigned i = 0; count > 0 && i < task->threads_used; i++) {
        struct redirect_thread *thread = &task->threads[i];
        if (thread->condition == condition && !thread->woken) {
            thread->woken = all || chosen == 0;
            chosen--;
        }
    }
    point();
    return 0;
}

int sockspec_call_pthread_cond_signal(pthread_cond_t *condition)
{
    return wake(condition, false);
}

int sockspec_call_pthread_cond_broadcast(pthread_cond_t *condition)
{
    return wake(condition, true);
}

/* ---- Read-write locks ---- */

struct rwlock {
    unsigned readers;
    int writer;
};

static struct rwlock *rwlock_of(pthread_rwlock_t *lock)
{
    redirect_check_write(lock, sizeof *lock);
    return (struct rwlock *)(void *)lock;
}

static bool may_read(struct model *model, void *argument)
{
    const struct rwlock *lock = argument;
    (void)model;
    return lock->writer == 0;
}

static bool may_write(struct model *model, void *argument)
{
    const struct rwlock *lock = argument;
    (void)model;
    return lock->writer == 0 && lock->readers == 0;
}

static int rwlock_lock(pthread_rwlock_t *opaque, bool writes, int64_t timeout_us)
{
    struct rwlock *lock = rwlock_of(opaque);
    model_thread_condition may = writes ? may_write : may_read;
    point();
    if (lock->writer == self() && timeout_us != 0) {
        return EDEADLK;
    }
    if (!may(NULL, lock)) {
        if (timeout_us == 0) {
            return busy();
        }
        int result = wait_for(TRACE_WAIT_RWLOCK, may, lock, timeout_us);
        if (result != 0) {
            return -result;
        }
    }
    if (writes) {
        lock->writer = self();
    } else {
        lock->readers++;
    }
    return 0;
}

int sockspec_call_pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    return rwlock_lock(lock, false, -1);
}
int sockspec_call_pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    return rwlock_lock(lock, true, -1);
}
int sockspec_call_pthread_rwlock_tryrdlock(pthread_rwlock_t *lock)
{
    return rwlock_lock(lock, false, 0);
}
int sockspec_call_pthread_rwlock_trywrlock(pthread_rwlock_t *lock)
{
    return rwlock_lock(lock, true, 0);
}

static int rwlock_until(pthread_rwlock_t *lock, bool writes, const struct timespec *until)
{
    int64_t left_us = redirect_left_us(CLOCK_REALTIME, until);
    int result = left_us == -EINVAL ? EINVAL : rwlock_lock(lock, writes, left_us);
    return result == EBUSY ? ETIMEDOUT : result;
}

int sockspec_call_pthread_rwlock_timedrdlock(pthread_rwlock_t *lock, const struct timespec *until)
{
    return rwlock_until(lock, false, until);
}
int sockspec_call_pthread_rwlock_timedwrlock(pthread_rwlock_t *lock, const struct timespec *until)
{
    return rwlock_until(lock, true, until);
}

int sockspec_call_pthread_rwlock_unlock(pthread_rwlock_t *opaque)
{
    struct rwlock *lock = rwlock_of(opaque);
    if (lock->writer != 0) {
        lock->writer = 0;
    } else {
        lock->readers -= lock->readers > 0;
    }
    point();
    return 0;
}

/* ---- Semaphores: the C library's own first word ---- */

static unsigned *value_of(sem_t *semaphore)
{
    redirect_check_write(semaphore, sizeof *semaphore);
    return (unsigned *)(void *)semaphore;
}

static bool has_value(struct model *model, void *argument)
{
    const unsigned *value = argument;
    (void)model;
    return *value > 0;
}

static int semaphore_error(int error)
{
    errno = error;
    return -1;
}

static int semaphore_wait(sem_t *semaphore, int64_t timeout_us)
{
    unsigned *value = value_of(semaphore);
    point();
    if (*value == 0 && timeout_us == 0) {
        return semaphore_error(busy() == EBUSY ? EAGAIN : 0);
    }
    if (*value == 0) {
        int result = wait_for(TRACE_WAIT_SEMAPHORE, has_value, value, timeout_us);
        if (result != 0) {
            return semaphore_error(-result);
        }
    }
    (*value)--;
    return 0;
}

int sockspec_call_sem_wait(sem_t *semaphore)
{
    return semaphore_wait(semaphore, -1);
}

int sockspec_call_sem_trywait(sem_t *semaphore)
{
    return semaphore_wait(semaphore, 0);
}

int sockspec_call_sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *until)
{
    int64_t left_us = redirect_left_us(clock, until);
    if (left_us == -EINVAL) {
        return semaphore_error(EINVAL);
    }
    int result = semaphore_wait(semaphore, left_us);
    if (result != 0 && errno == EAGAIN) {
        errno = ETIMEDOUT;
    }
    return result;
}

int sockspec_call_sem_timedwait(sem_t *semaphore, const struct timespec *until)
{
    return sockspec_call_sem_clockwait(semaphore, CLOCK_REALTIME, until);
}

int sockspec_call_sem_post(sem_t *semaphore)
{
    unsigned *value = value_of(semaphore);
    if (*value == INT_MAX) {
        return semaphore_error(EOVERFLOW);
    }
    (*value)++;
    point();
    return 0;
}

/* Named ones are the machine's, and outlive the program. */
sem_t *sockspec_call_sem_open(const char *name, int flags, ...)
{
    (void)name, (void)flags;
    (void)redirect_unsupported(TRACE_CALL_OPEN, 0);
    return SEM_FAILED;
}

/* ---- Barriers and spin locks ---- */

struct barrier {
    unsigned size;
    unsigned waiting;
    unsigned round;
};

struct barrier_wait {
    const struct barrier *barrier;
    unsigned round;
};

static bool round_is_over(struct model *model, void *argument)
{
    const struct barrier_wait *wait = argument;
    (void)model;
    return wait->barrier->round != wait->round;
}

int sockspec_call_pthread_barrier_init(pthread_barrier_t *opaque,
                                       const pthread_barrierattr_t *attributes, unsigned count)
{
    (void)attributes;
    if (count == 0) {
        return EINVAL;
    }
    redirect_check_write(opaque, sizeof *opaque);
    *(struct barrier *)(void *)opaque = (struct barrier){.size = count};
    return 0;
}

int sockspec_call_pthread_barrier_destroy(pthread_barrier_t *opaque)
{
    redirect_check_write(opaque, sizeof *opaque);
    return 0;
}

int sockspec_call_pthread_barrier_wait(pthread_barrier_t *opaque)
{
    struct barrier *barrier = (struct barrier *)(void *)opaque;
    struct barrier_wait wait = {.barrier = barrier, .round = barrier->round};
    redirect_check_write(opaque, sizeof *opaque);
    point();
    wait.round = barrier->round;
    if (++barrier->waiting == barrier->size) {
        barrier->waiting = 0;
        barrier->round++;
        return PTHREAD_BARRIER_SERIAL_THREAD;
    }
    (void)wait_for(TRACE_WAIT_BARRIER, round_is_over, &wait, -1);
    return 0;
}

static bool spin_is_free(struct model *model, void *argument)
{
    const pthread_spinlock_t *lock = argument;
    (void)model;
    return *lock == 0;
}

int sockspec_call_pthread_spin_init(pthread_spinlock_t *lock, int shared)
{
    (void)shared;
    *lock = 0;
    return 0;
}

int sockspec_call_pthread_spin_lock(pthread_spinlock_t *lock)
{
    point();
    if (*lock != 0) {
        (void)wait_for(TRACE_WAIT_MUTEX, spin_is_free, (void *)(uintptr_t)lock, -1);
    }
    *lock = self();
    return 0;
}

int sockspec_call_pthread_spin_trylock(pthread_spinlock_t *lock)
{
    point();
    if (*lock != 0) {
        return busy();
    }
    *lock = self();
    return 0;
}

int sockspec_call_pthread_spin_unlock(pthread_spinlock_t *lock)
{
    *lock = 0;
    point();
    return 0;
}

/* ---- C11: the same under other names and with other results ---- */

static int c11_result(int error)
{
    switch (error) {
    case 0:
        return thrd_success;
    case EBUSY:
        return thrd_busy;
    case ETIMEDOUT:
        return thrd_timedout;
    default:
        return thrd_error;
    }
}

int sockspec_call_mtx_init(mtx_t *mutex, int type)
{
    pthread_mutex_t *same = (pthread_mutex_t *)(void *)mutex;
    redirect_check_write(mutex, sizeof *mutex);
    *same = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    same->__data.__kind =
        (type & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL;
    return thrd_success;
}

int sockspec_call_mtx_lock(mtx_t *mutex)
{
    return c11_result(redirect_mutex_lock((pthread_mutex_t *)(void *)mutex, -1));
}

int sockspec_call_mtx_unlock(mtx_t *mutex)
{
    return c11_result(redirect_mutex_unlock((pthread_mutex_t *)(void *)mutex));
}

int sockspec_call_mtx_trylock(mtx_t *mutex)
{
    return c11_result(redirect_mutex_lock((pthread_mutex_t *)(void *)mutex, 0));
}

int sockspec_call_mtx_timedlock(mtx_t *restrict mutex, const struct timespec *restrict until)
{
    return c11_result(
        sockspec_call_pthread_mutex_timedlock((pthread_mutex_t *)(void *)mutex, until));
}

int sockspec_call_cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                                const struct timespec *restrict until)
{
    return c11_result(condition_wait((pthread_cond_t *)(void *)condition,
                                     (pthread_mutex_t *)(void *)mutex, CLOCK_REALTIME, until));
}

int sockspec_call_cnd_init(cnd_t *condition)
{
    return c11_result(sockspec_call_pthread_cond_init((pthread_cond_t *)(void *)condition, NULL));
}

void sockspec_call_cnd_destroy(cnd_t *condition)
{
    (void)sockspec_call_pthread_cond_destroy((pthread_cond_t *)(void *)condition);
}

int sockspec_call_cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return c11_result(condition_wait((pthread_cond_t *)(void *)condition,
                                     (pthread_mutex_t *)(void *)mutex, CLOCK_REALTIME, NULL));
}

int sockspec_call_cnd_signal(cnd_t *condition)
{
    return c11_result(wake((pthread_cond_t *)(void *)condition, false));
}

int sockspec_call_cnd_broadcast(cnd_t *condition)
{
    return c11_result(wake((pthread_cond_t *)(void *)condition, true));
}
