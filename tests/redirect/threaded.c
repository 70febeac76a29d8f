/* A program with threads: it uses what pthreads offer, prints what it saw, and ends in the way that
 * its argument names. Two runs in one process that print the same have been put back in between. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 5, ROUNDS = 40 };

static _Thread_local int tls_data = 7;
static _Thread_local int tls_bss;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t second_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_spinlock_t spin;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static sem_t semaphore;
static int counter, turn, once_count, destroyed, order_used, readers_most, readers;
static int order[WORKERS];
static volatile sig_atomic_t handled_by = -1;
static int ends[2];

static struct timespec after_ms(clockid_t clock, int ms)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    now.tv_nsec += ms % 1000 * 1000000L;
    now.tv_sec += ms / 1000 + now.tv_nsec / 1000000000L;
    now.tv_nsec %= 1000000000L;
    return now;
}

/* ---- Mutexes, conditions, keys, thread-local storage ---- */

static void count_once(void)
{
    once_count++;
    (void)sched_yield();
}

static void destroy(void *value)
{
    destroyed += *(int *)value;
}

/* Workers take turns by number, whatever runs first. */
static void *work(void *argument)
{
    int number = *(int *)argument;
    static int ones[WORKERS];
    ones[number] = 1;
    (void)pthread_once(&once, count_once);
    (void)pthread_setspecific(key, &ones[number]);
    tls_data += number;
    tls_bss++;
    for (int i = 0; i < ROUNDS; i++) {
        (void)pthread_mutex_lock(&lock);
        int seen = counter;
        (void)sched_yield(); /* others must not get in between */
        counter = seen + 1;
        (void)pthread_mutex_unlock(&lock);
    }
    (void)pthread_mutex_lock(&lock);
    order[order_used++] = number;
    while (turn != number) {
        (void)pthread_cond_wait(&changed, &lock);
    }
    printf("worker %d: tls %d %d\n", number, tls_data, tls_bss);
    turn++;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
    return argument;
}

static void run_workers(void)
{
    pthread_t threads[WORKERS];
    static int numbers[WORKERS];
    int back = 0;
    (void)pthread_key_create(&key, destroy);
    for (int i = 0; i < WORKERS; i++) {
        numbers[i] = i;
        (void)pthread_create(&threads[i], NULL, work, &numbers[i]);
    }
    for (int i = 0; i < WORKERS; i++) {
        void *result = NULL;
        (void)pthread_join(threads[i], &result);
        back += result == &numbers[i];
    }
    printf("counter %d once %d destroyed %d joined %d\n", counter, once_count, destroyed, back);
    printf("join again %s\n", strerror(pthread_join(threads[0], NULL)));
    printf("order");
    for (int i = 0; i < WORKERS; i++) {
        printf(" %d", order[i]);
    }
    printf("\nmain tls %d %d specific %d\n", tls_data++, tls_bss++,
           pthread_getspecific(key) != NULL);
    (void)pthread_key_delete(key);
}

static void kinds_of_mutex(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t recursive, checked;
    (void)pthread_mutexattr_init(&attributes);
    (void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    (void)pthread_mutex_init(&recursive, &attributes);
    (void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    (void)pthread_mutex_init(&checked, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    int again = pthread_mutex_lock(&recursive) + pthread_mutex_lock(&recursive);
    int back = pthread_mutex_unlock(&recursive) + pthread_mutex_unlock(&recursive);
    printf("recursive %d %d then %s\n", again, back, strerror(pthread_mutex_unlock(&recursive)));
    (void)pthread_mutex_lock(&checked);
    printf("checked %s\n", strerror(pthread_mutex_lock(&checked)));
    printf("tried %s\n", strerror(pthread_mutex_trylock(&checked)));
    printf("destroyed %s\n", strerror(pthread_mutex_destroy(&checked)));
    (void)pthread_mutex_unlock(&checked);
    printf("destroyed %d %d\n", pthread_mutex_destroy(&checked), pthread_mutex_destroy(&recursive));
}

/* ---- Times ---- */

static void *hold(void *argument)
{
    (void)argument;
    (void)pthread_mutex_lock(&second_lock);
    (void)pthread_rwlock_wrlock(&rwlock);
    (void)sem_post(&semaphore);
    (void)usleep(500000);
    (void)pthread_rwlock_unlock(&rwlock);
    (void)pthread_mutex_unlock(&second_lock);
    return NULL;
}

static void times(void)
{
    pthread_condattr_t attributes;
    pthread_cond_t condition;
    pthread_t thread;
    struct timespec begin, end;
    (void)sem_init(&semaphore, 0, 0);
    (void)pthread_create(&thread, NULL, hold, NULL);
    (void)sem_wait(&semaphore);
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    struct timespec until = after_ms(CLOCK_REALTIME, 100);
    printf("timedlock %s\n", strerror(pthread_mutex_timedlock(&second_lock, &until)));
    until = after_ms(CLOCK_REALTIME, 50);
    printf("timedrdlock %s\n", strerror(pthread_rwlock_timedrdlock(&rwlock, &until)));
    until = after_ms(CLOCK_REALTIME, 50);
    int waited = sem_timedwait(&semaphore, &until);
    printf("timedwait %d %s\n", waited, strerror(errno));
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_lock(&lock);
    until = after_ms(CLOCK_MONOTONIC, 100);
    int error = 0;
    while (error == 0) { /* waking for no reason is allowed */
        error = pthread_cond_timedwait(&condition, &lock, &until);
    }
    (void)pthread_mutex_unlock(&lock);
    (void)pthread_cond_destroy(&condition);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    printf("condition %s after %ld ms\n", strerror(error),
           (end.tv_sec - begin.tv_sec) * 1000L + (end.tv_nsec - begin.tv_nsec) / 1000000L);
    printf("tryjoin %s\n", strerror(pthread_tryjoin_np(thread, NULL)));
    (void)pthread_join(thread, NULL);
    (void)sem_destroy(&semaphore);
}

/* ---- The others ---- */

static void *meet(void *argument)
{
    int serial = 0;
    (void)argument;
    (void)pthread_rwlock_rdlock(&rwlock);
    readers++;
    readers_most = readers > readers_most ? readers : readers_most;
    serial = pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
    readers--;
    (void)pthread_rwlock_unlock(&rwlock);
    (void)pthread_spin_lock(&spin);
    int seen = counter;
    (void)usleep(1000);
    counter = seen + 1;
    (void)pthread_spin_unlock(&spin);
    return serial ? argument : NULL;
}

static void meeting(void)
{
    pthread_t threads[3];
    int serial = 0;
    counter = 0;
    (void)pthread_barrier_init(&barrier, NULL, 3);
    (void)pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    for (int i = 0; i < 3; i++) {
        (void)pthread_create(&threads[i], NULL, meet, &barrier);
    }
    for (int i = 0; i < 3; i++) {
        void *result = NULL;
        (void)pthread_join(threads[i], &result);
        serial += result != NULL;
    }
    (void)pthread_barrier_destroy(&barrier);
    printf("meeting readers %d serial %d counter %d\n", readers_most, serial, counter);
}

static void say(void *text)
{
    printf("cleanup %s\n", (const char *)text);
}

static void *leave(void *argument)
{
    pthread_cleanup_push(say, "outer");
    pthread_cleanup_push(say, "inner");
    pthread_exit(argument);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

static void on_signal(int number)
{
    (void)number;
    handled_by = pthread_getspecific(key) != NULL;
}

static void *take_signal(void *argument)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR1);
    (void)pthread_setspecific(key, argument);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    (void)sem_post(&semaphore);
    (void)pause();
    return NULL;
}

static void *wait_signal(void *argument)
{
    sigset_t set;
    int number = 0;
    (void)argument;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR2);
    (void)sem_post(&semaphore);
    (void)sigwait(&set, &number);
    printf("waited for signal %d\n", number);
    return NULL;
}

static void *send_signal(void *argument)
{
    (void)pthread_setspecific(key, argument);
    (void)kill(getpid(), SIGHUP);
    (void)usleep(1000);
    return NULL;
}

/* All threads would take it: Linux gives it to the first one. */
static void shared_signal(void)
{
    pthread_t sender;
    struct sigaction action = {.sa_handler = on_signal};
    handled_by = true;
    (void)sigaction(SIGHUP, &action, NULL);
    (void)pthread_create(&sender, NULL, send_signal, &sender);
    (void)pthread_join(sender, NULL);
    printf("shared by another thread %d\n", (int)handled_by);
}

/* The main thread blocks what others take. */
static void signals(void)
{
    sigset_t set, before;
    pthread_t taker, waiter;
    struct sigaction action = {.sa_handler = on_signal};
    (void)sem_init(&semaphore, 0, 0);
    (void)pthread_key_create(&key, NULL);
    (void)sigaction(SIGUSR1, &action, NULL);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigaddset(&set, SIGUSR2);
    (void)pthread_sigmask(SIG_BLOCK, &set, &before);
    (void)pthread_create(&taker, NULL, take_signal, &set);
    (void)pthread_create(&waiter, NULL, wait_signal, NULL);
    (void)sem_wait(&semaphore);
    (void)sem_wait(&semaphore);
    (void)usleep(1000);
    (void)kill(getpid(), SIGUSR1);
    (void)pthread_kill(waiter, SIGUSR2);
    (void)pthread_join(taker, NULL);
    (void)pthread_join(waiter, NULL);
    printf("handled by the other thread %d\n", (int)handled_by);
    shared_signal();
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)sem_destroy(&semaphore);
}

static mtx_t c11_lock;
static cnd_t c11_changed;
static once_flag c11_once = ONCE_FLAG_INIT;
static tss_t c11_key;

static int c11_work(void *argument)
{
    call_once(&c11_once, count_once);
    (void)tss_set(c11_key, argument);
    (void)mtx_lock(&c11_lock);
    turn = 100;
    (void)cnd_signal(&c11_changed);
    (void)mtx_unlock(&c11_lock);
    thrd_yield();
    thrd_exit(tss_get(c11_key) == argument ? 42 : 1);
}

static void c11(void)
{
    thrd_t thread;
    int result = 0;
    struct timespec until = after_ms(CLOCK_REALTIME, 10);
    (void)mtx_init(&c11_lock, mtx_timed);
    (void)cnd_init(&c11_changed);
    (void)tss_create(&c11_key, NULL);
    (void)mtx_lock(&c11_lock);
    int timed = thrd_success;
    while (timed == thrd_success) {
        timed = cnd_timedwait(&c11_changed, &c11_lock, &until);
    }
    (void)thrd_create(&thread, c11_work, &turn);
    while (turn != 100) {
        (void)cnd_wait(&c11_changed, &c11_lock);
    }
    bool busy = mtx_trylock(&c11_lock) == thrd_busy;
    (void)mtx_unlock(&c11_lock);
    (void)thrd_join(thread, &result);
    printf("c11 %d timed out %d busy %d\n", result, timed == thrd_timedout, busy);
    tss_delete(c11_key);
    cnd_destroy(&c11_changed);
    mtx_destroy(&c11_lock);
}

static void *detach(void *argument)
{
    (void)pthread_detach(pthread_self());
    (void)sem_post(argument);
    return NULL;
}

static void odds(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    void *result = NULL;
    (void)pthread_create(&thread, NULL, leave, &odds);
    (void)pthread_join(thread, &result);
    printf("left with %d\n", result == (void *)&odds);
    (void)sem_init(&semaphore, 0, 0);
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, 65536);
    (void)pthread_create(&thread, &attributes, detach, &semaphore);
    (void)pthread_attr_destroy(&attributes);
    (void)sem_wait(&semaphore);
    (void)usleep(1000);
    printf("detached %s\n", strerror(pthread_join(thread, NULL)));
    printf("self %d deadlock %s\n", pthread_equal(pthread_self(), pthread_self()) != 0,
           strerror(pthread_join(pthread_self(), NULL)));
}

static void processors(void)
{
    cpu_set_t all;
    cpu_set_t none;
    CPU_ZERO(&none);
    (void)sched_getaffinity(0, sizeof all, &all);
    printf("processors %ld %ld %d here %d", sysconf(_SC_NPROCESSORS_CONF),
           sysconf(_SC_NPROCESSORS_ONLN), CPU_COUNT(&all), sched_getcpu());
    printf(" none: %s\n", strerror(pthread_setaffinity_np(pthread_self(), sizeof none, &none)));
}

/* ---- Endings ---- */

static void *cross(void *argument)
{
    (void)argument;
    (void)pthread_mutex_lock(&second_lock);
    (void)pthread_barrier_wait(&barrier);
    (void)pthread_mutex_lock(&lock);
    return NULL;
}

static void deadlock(void)
{
    pthread_t thread;
    (void)pthread_barrier_init(&barrier, NULL, 2);
    (void)pthread_create(&thread, NULL, cross, NULL);
    (void)pthread_mutex_lock(&lock);
    (void)pthread_barrier_wait(&barrier);
    (void)pthread_mutex_lock(&second_lock);
}

static void *sleep_in_read(void *argument)
{
    char byte;
    (void)argument;
    (void)tls_bss++;
    (void)read(ends[0], &byte, 1);
    return NULL;
}

static void *sleep_in_wait(void *argument)
{
    (void)argument;
    (void)pthread_mutex_lock(&lock);
    for (;;) {
        (void)pthread_cond_wait(&changed, &lock);
    }
    return NULL;
}

static void *end_program(void *argument)
{
    (void)argument;
    exit(5);
}

static void *speak_later(void *argument)
{
    (void)argument;
    (void)usleep(1000);
    printf("the last thread speaks\n");
    return NULL;
}

static void start(void *(*function)(void *), bool detached)
{
    pthread_t thread;
    (void)pthread_create(&thread, NULL, function, NULL);
    if (detached) {
        (void)pthread_detach(thread);
    }
}

int main(int argc, char **argv)
{
    const char *ending = argc > 1 ? argv[1] : "";
    (void)pipe(ends);
    if (strcmp(ending, "everything") == 0) {
        run_workers();
        kinds_of_mutex();
        times();
        meeting();
        odds();
        processors();
        signals();
        c11();
    } else if (strcmp(ending, "deadlock") == 0) {
        deadlock();
    } else if (strcmp(ending, "leave") == 0) {
        start(sleep_in_read, false);
        start(sleep_in_wait, true);
        (void)usleep(1000);
    } else if (strcmp(ending, "exit") == 0) {
        start(sleep_in_wait, false);
        start(end_program, false);
        (void)pause();
    } else if (strcmp(ending, "main-exits") == 0) {
        start(speak_later, true);
        pthread_exit(NULL);
    } else if (strcmp(ending, "deaf") == 0) {
        (void)signal(SIGTERM, SIG_IGN);
        start(sleep_in_read, false);
        start(sleep_in_wait, false);
        for (;;) {
            (void)pause();
        }
    } else if (strcmp(ending, "cancel") == 0) {
        (void)pthread_cancel(pthread_self());
    }
    return 0;
}
