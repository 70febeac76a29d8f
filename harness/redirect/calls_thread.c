/* Redirected calls: threads, their keys, once. All of them are the model's (threads.c). */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "redirect/calls.h"
#include "redirect/task.h"

/* ---- Life ---- */

static void prepare(struct redirect_task *task, struct redirect_thread *thread,
                    const pthread_attr_t *attributes)
{
    int detached = PTHREAD_CREATE_JOINABLE;
    if (attributes != NULL) {
        (void)pthread_attr_getdetachstate(attributes, &detached);
    }
    thread->id = redirect_thread_id(task, thread->number);
    thread->state = REDIRECT_THREAD_MADE;
    thread->result = NULL;
    thread->detached = detached == PTHREAD_CREATE_DETACHED;
    thread->joined = false;
    thread->cleanup = NULL;
    thread->condition = NULL;
    thread->mask = task->thread->mask;
    thread->handler_mask = 0;
    thread->handler_depth = 0;
    thread->held_back = 0;
    thread->deliveries = 0;
    memset(thread->values, 0, task->keys_used * sizeof thread->values[0]);
}

int sockspec_call_pthread_create(pthread_t *ret_thread, const pthread_attr_t *attributes,
                                 void *(*start)(void *), void *argument)
{
    struct redirect_task *task = redirect_task;
    int saved = errno;
    if (task == NULL) {
        return EAGAIN;
    }
    int number = model_sys_thread_create(task->model);
    if (number < 0) {
        errno = saved;
        return -number;
    }
    struct redirect_thread *thread = &task->threads[number];
    if (!redirect_thread_make(thread)) {
        (void)redirect_unsupported(TRACE_CALL_THREAD, number);
    }
    task->threads_made++;
    task->threads_used =
        task->threads_used > (unsigned)number ? task->threads_used : (unsigned)number + 1;
    prepare(task, thread, attributes);
    thread->start = start;
    thread->argument = argument;
    redirect_check_write(ret_thread, sizeof *ret_thread);
    *ret_thread = thread->id;
    model_thread_point(task->model);
    errno = saved;
    return 0;
}

/* Nobody will ask for it any more: its number is free. */
static void release(struct redirect_thread *thread)
{
    assert(thread->state == REDIRECT_THREAD_ENDED);
    thread->state = REDIRECT_THREAD_FREE;
    model_thread_forget(thread->task->model, thread->number);
}

void sockspec_call_pthread_exit(void *result)
{
    if (redirect_task == NULL) {
        abort();
    }
    redirect_thread_exit(redirect_task->thread, result);
}

static bool has_ended(struct model *model, void *argument)
{
    const struct redirect_thread *thread = argument;
    (void)model;
    return thread->state == REDIRECT_THREAD_ENDED;
}

/* `timeout_us` -1: none; 0: EBUSY instead of waiting. */
static int join(pthread_t id, void **ret_result, int64_t timeout_us)
{
    struct redirect_task *task = redirect_task;
    struct redirect_thread *thread = redirect_thread_find(id);
    if (thread == NULL) {
        return ESRCH;
    }
    if (thread == task->thread) {
        return EDEADLK;
    }
    if (thread->detached || thread->joined) {
        return EINVAL;
    }
    model_thread_point(task->model);
    if (timeout_us == 0 && thread->state != REDIRECT_THREAD_ENDED) {
        model_sys_yield(task->model);
        return EBUSY;
    }
    thread->joined = true;
    struct model_wait wait = {.what = TRACE_WAIT_JOIN, .holder = (int)thread->number};
    int result = model_thread_wait(task->model, wait, has_ended, thread, timeout_us);
    thread->joined = false;
    if (result != 0) {
        return ETIMEDOUT;
    }
    if (ret_result != NULL) {
        redirect_check_write(ret_result, sizeof *ret_result);
        *ret_result = thread->result;
    }
    release(thread);
    return 0;
}

int sockspec_call_pthread_join(pthread_t id, void **ret_result)
{
    return join(id, ret_result, -1);
}

int sockspec_call_pthread_tryjoin_np(pthread_t id, void **ret_result)
{
    return join(id, ret_result, 0);
}

int sockspec_call_pthread_clockjoin_np(pthread_t id, void **ret_result, clockid_t clock,
                                       const struct timespec *until)
{
    int64_t left_us = until == NULL ? -1 : redirect_left_us(clock, until);
    if (left_us == -EINVAL) {
        return EINVAL;
    }
    int result = join(id, ret_result, left_us);
    return result == EBUSY ? ETIMEDOUT : result;
}

int sockspec_call_pthread_timedjoin_np(pthread_t id, void **ret_result,
                                       const struct timespec *until)
{
    return sockspec_call_pthread_clockjoin_np(id, ret_result, CLOCK_REALTIME, until);
}

int sockspec_call_pthread_detach(pthread_t id)
{
    struct redirect_thread *thread = redirect_thread_find(id);
    if (thread == NULL) {
        return ESRCH;
    }
    if (thread->detached) {
        return EINVAL;
    }
    thread->detached = true;
    if (thread->state == REDIRECT_THREAD_ENDED) {
        release(thread);
    }
    return 0;
}

pthread_t sockspec_call_pthread_self(void)
{
    return redirect_task == NULL ? 0 : redirect_task->thread->id;
}

int sockspec_call_pthread_kill(pthread_t id, int number)
{
    const struct redirect_thread *thread = redirect_thread_find(id);
    if (thread == NULL || thread->state == REDIRECT_THREAD_ENDED) {
        return ESRCH;
    }
    int saved = errno;
    int error =
        number == 0 ? 0 : -model_sys_thread_kill(redirect_task->model, thread->number, number);
    errno = saved;
    return error;
}

pid_t sockspec_call_gettid(void)
{
    return redirect_task == NULL ? REDIRECT_PID
                                 : REDIRECT_PID + (pid_t)redirect_task->thread->number;
}

int sockspec_call_sched_yield(void)
{
    if (redirect_task != NULL) {
        int saved = errno;
        model_sys_yield(redirect_task->model);
        errno = saved;
    }
    return 0;
}

/* ---- What a thread is called and where it runs: nothing that could change what it does ---- */

int sockspec_call_pthread_setname_np(pthread_t id, const char *name)
{
    enum { NAME_MAX_BYTES = 15 };
    return redirect_thread_find(id) == NULL ? ESRCH : strlen(name) > NAME_MAX_BYTES ? ERANGE : 0;
}

int sockspec_call_pthread_setschedparam(pthread_t id, int policy, const struct sched_param *param)
{
    (void)policy, (void)param;
    return redirect_thread_find(id) == NULL ? ESRCH : 0;
}

int sockspec_call_pthread_getschedparam(pthread_t id, int *ret_policy, struct sched_param *param)
{
    if (redirect_thread_find(id) == NULL) {
        return ESRCH;
    }
    *ret_policy = SCHED_OTHER;
    *param = (struct sched_param){0};
    return 0;
}

int sockspec_call_pthread_getattr_np(pthread_t id, pthread_attr_t *attributes)
{
    const struct redirect_thread *thread = redirect_thread_find(id);
    if (thread == NULL) {
        return ESRCH;
    }
    return pthread_getattr_np(thread->real_process != 0 ? thread->real : pthread_self(),
                              attributes);
}

/* ---- Cancellation: nothing here is asked to end from outside, so only its frames are kept ---- */

int sockspec_call_pthread_cancel(pthread_t id)
{
    (void)redirect_unsupported(TRACE_CALL_THREAD, (int64_t)id);
    return ENOSYS;
}

int sockspec_call_pthread_setcancelstate(int state, int *ret_old)
{
    (void)state;
    if (ret_old != NULL) {
        *ret_old = PTHREAD_CANCEL_ENABLE;
    }
    return 0;
}

int sockspec_call_pthread_setcanceltype(int type, int *ret_old)
{
    (void)type;
    if (ret_old != NULL) {
        *ret_old = PTHREAD_CANCEL_DEFERRED;
    }
    return 0;
}

void sockspec_call_pthread_testcancel(void) {}

/* No child that could come of fork. */
int sockspec_call_pthread_atfork(void (*prepare_fork)(void), void (*parent)(void),
                                 void (*child)(void))
{
    (void)prepare_fork, (void)parent, (void)child;
    return 0;
}

void sockspec_call___pthread_register_cancel(__pthread_unwind_buf_t *buffer)
{
    if (redirect_task != NULL) {
        buffer->__pad[0] = redirect_task->thread->cleanup;
        redirect_task->thread->cleanup = buffer;
    }
}

void sockspec_call___pthread_unregister_cancel(__pthread_unwind_buf_t *buffer)
{
    if (redirect_task != NULL) {
        redirect_task->thread->cleanup = buffer->__pad[0];
    }
}

void sockspec_call___pthread_unwind_next(__pthread_unwind_buf_t *buffer)
{
    (void)buffer;
    sockspec_call_pthread_exit(redirect_task == NULL ? NULL : redirect_task->thread->result);
    __builtin_unreachable(); /* the C library's type does not say so */
}

/* ---- Keys and once ---- */

int sockspec_call_pthread_key_create(pthread_key_t *ret_key, void (*destructor)(void *))
{
    struct redirect_task *task = redirect_task;
    unsigned key = 0;
    if (task == NULL) {
        return EAGAIN;
    }
    while (key < REDIRECT_KEYS_MAX && task->keys[key].used) {
        key++;
    }
    if (key == REDIRECT_KEYS_MAX) {
        return EAGAIN;
    }
    task->keys[key] = (struct redirect_key){.used = true, .destructor = destructor};
    task->keys_used = task->keys_used > key ? task->keys_used : key + 1;
    for (unsigned i = 0; i < task->threads_used; i++) {
        task->threads[i].values[key] = NULL;
    }
    *ret_key = key;
    return 0;
}

static bool is_key(pthread_key_t key)
{
    return redirect_task != NULL && key < REDIRECT_KEYS_MAX && redirect_task->keys[key].used;
}

int sockspec_call_pthread_key_delete(pthread_key_t key)
{
    if (!is_key(key)) {
        return EINVAL;
    }
    redirect_task->keys[key].used = false;
    return 0;
}

void *sockspec_call_pthread_getspecific(pthread_key_t key)
{
    return is_key(key) ? redirect_task->thread->values[key] : NULL;
}

int sockspec_call_pthread_setspecific(pthread_key_t key, const void *value)
{
    if (!is_key(key)) {
        return EINVAL;
    }
    redirect_task->thread->values[key] = (void *)(uintptr_t)value;
    return 0;
}

enum { ONCE_RUNS = 1, ONCE_DONE = 2 };

static bool is_done(struct model *model, void *argument)
{
    const pthread_once_t *once = argument;
    (void)model;
    return *once == ONCE_DONE;
}

int sockspec_call_pthread_once(pthread_once_t *once, void (*routine)(void))
{
    if (*once == ONCE_RUNS && redirect_task != NULL) {
        (void)model_thread_wait(redirect_task->model, (struct model_wait){TRACE_WAIT_ONCE, -1},
                                is_done, once, -1);
    }
    if (*once != ONCE_DONE) {
        *once = ONCE_RUNS;
        routine();
        *once = ONCE_DONE;
    }
    return 0;
}

/* ---- C11: the same under other names and with other results ---- */

int sockspec_call_thrd_create(thrd_t *ret_thread, thrd_start_t start, void *argument)
{
    /* What start returns is the low half of the register that a pointer would be returned in. */
    void *(*as_pthread)(void *) = (void *(*)(void *))(void (*)(void))start;
    int error = sockspec_call_pthread_create(ret_thread, NULL, as_pthread, argument);
    return error == 0 ? thrd_success : error == ENOMEM || error == EAGAIN ? thrd_nomem : thrd_error;
}

void sockspec_call_thrd_exit(int result)
{
    sockspec_call_pthread_exit((void *)(intptr_t)result); // NOLINT(performance-no-int-to-ptr)
    __builtin_unreachable();                              /* the C library's type does not say so */
}

int sockspec_call_thrd_join(thrd_t thread, int *ret_result)
{
    void *result = NULL;
    if (join(thread, &result, -1) != 0) {
        return thrd_error;
    }
    if (ret_result != NULL) {
        *ret_result = (int)(intptr_t)result;
    }
    return thrd_success;
}

int sockspec_call_thrd_detach(thrd_t thread)
{
    return sockspec_call_pthread_detach(thread) == 0 ? thrd_success : thrd_error;
}

thrd_t sockspec_call_thrd_current(void)
{
    return sockspec_call_pthread_self();
}

void sockspec_call_thrd_yield(void)
{
    (void)sockspec_call_sched_yield();
}

int sockspec_call_thrd_sleep(const struct timespec *time, struct timespec *left)
{
    return sockspec_call_nanosleep(time, left);
}

int sockspec_call_tss_create(tss_t *ret_key, tss_dtor_t destructor)
{
    return sockspec_call_pthread_key_create(ret_key, destructor) == 0 ? thrd_success : thrd_error;
}

void sockspec_call_tss_delete(tss_t key)
{
    (void)sockspec_call_pthread_key_delete(key);
}

void *sockspec_call_tss_get(tss_t key)
{
    return sockspec_call_pthread_getspecific(key);
}

int sockspec_call_tss_set(tss_t key, void *value)
{
    return sockspec_call_pthread_setspecific(key, value) == 0 ? thrd_success : thrd_error;
}

void sockspec_call_call_once(once_flag *once, void (*routine)(void))
{
    (void)sockspec_call_pthread_once((pthread_once_t *)(void *)once, routine);
}
