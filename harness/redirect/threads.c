/* Threads of programs: the real threads behind them, the baton, their ends. What programs call is
 * in calls_thread.c and calls_lock.c. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <limits.h>
#include <malloc.h>
#include <sched.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "redirect/image.h"
#include "redirect/task.h"

/* ---- The baton ---- */

static void wait_baton(struct redirect_thread *thread)
{
    while (sem_wait(&thread->baton) != 0) {
    }
}

static void pass(struct redirect_thread *to)
{
    redirect_task = to->task;
    to->task->thread = to;
    (void)sem_post(&to->baton);
}

void redirect_thread_lend(struct redirect_thread *from, struct redirect_thread *to)
{
    assert(from != to);
    pass(to);
    wait_baton(from);
}

void redirect_thread_switch(struct redirect_thread *from, struct redirect_thread *to)
{
    redirect_thread_lend(from, to);
    if (from->task->ending) {
        redirect_thread_jump(from);
    }
}

/* ---- One thread ---- */

/* Alone in its function: after the jump nothing of the frame but `thread` is looked at. */
__attribute__((noinline)) static void call_start(struct redirect_thread *volatile thread)
{
    thread->stack_top = __builtin_frame_address(0);
    if (__builtin_setjmp(thread->jump) == 0) {
        redirect_thread_exit(thread, thread->start(thread->argument));
    }
}

/* Returns who has the baton when it is over. */
static struct redirect_thread *run(struct redirect_thread *thread)
{
    struct redirect_task *task = thread->task;
    if (redirect_image_begin_thread(redirect_image_of(task), !thread->real_used) != STATUS_OK) {
        abort(); /* the runner had this much memory before the first run */
    }
    thread->real_used = true;
    thread->state = REDIRECT_THREAD_RUNS;
    errno = 0;
    call_start(thread);
    if (task->ending) {
        thread->state = REDIRECT_THREAD_FREE;
        return &task->threads[0];
    }
    return thread->next;
}

/* A real thread: sleeps until its record is given the baton, and runs what stands there. */
static void *body(void *argument)
{
    struct redirect_thread *thread = argument;
    for (;;) {
        wait_baton(thread);
        if (redirect_task == NULL) {
            return NULL; /* no program runs: the runner is done with */
        }
        pass(thread->number == 0 ? redirect_run_peer(thread->task) : run(thread));
    }
}

/* ---- One processor ---- */

static struct {
    bool bound; /* the first thread is bound to `number`; without others it may go anywhere */
    int number;
    cpu_set_t before; /* where the first thread may be otherwise */
} processor;

static void bind_to(pthread_t real, int number)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)number, &one);
    (void)pthread_setaffinity_np(real, sizeof one, &one);
}

/* Who gives the baton away sleeps at once, so a second processor would help nobody; and one that
 * has nothing to do is idle when its turn comes, which takes longer to wake than a run lasts. All
 * threads of a run stay where the first of them was. Where that is refused they go anywhere. */
static void gather(struct redirect_thread *thread)
{
    if (!processor.bound) {
        int number = sched_getcpu();
        if (number < 0 || number >= CPU_SETSIZE ||
            pthread_getaffinity_np(pthread_self(), sizeof processor.before, &processor.before)) {
            return;
        }
        processor.number = number;
        processor.bound = true;
        bind_to(pthread_self(), number);
    }
    if (thread->real_processor != processor.number) {
        thread->real_processor = processor.number;
        bind_to(thread->real, processor.number);
    }
}

void redirect_threads_part(void)
{
    if (processor.bound) {
        processor.bound = false;
        (void)pthread_setaffinity_np(pthread_self(), sizeof processor.before, &processor.before);
    }
}

/* Signals of the real process are for the thread that the runner was called on; crashes are not. */
static void block_signals(sigset_t *ret_before)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t mask;
    (void)sigfillset(&mask);
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++) {
        (void)sigdelset(&mask, crashes[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &mask, ret_before);
}

static bool make(struct redirect_thread *thread)
{
    pthread_attr_t attributes;
    sigset_t before;
    /* One after the other they run, so they need no heap of their own, which is 64 MiB of address
     * space for each. */
    (void)mallopt(M_ARENA_MAX, 1);
    (void)sem_init(&thread->baton, 0, 0);
    thread->real_used = false;
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    (void)pthread_attr_setstacksize(&attributes, REDIRECT_STACK_SIZE);
    block_signals(&before);
    bool made = pthread_create(&thread->real, &attributes, body, thread) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    thread->real_process = made ? getpid() : 0;
    thread->real_processor = -1;
    return made;
}

bool redirect_thread_make(struct redirect_thread *thread)
{
    bool made = thread->real_process == getpid() || make(thread);
    if (made) {
        gather(thread);
    }
    return made;
}

/* ---- Its end ---- */

/* pthread_cleanup_push(3): what was pushed last comes first; the jump goes back into the frame that
 * pushed it, which pops it and asks for the next (sockspec_call___pthread_unwind_next). */
static void clean_up(struct redirect_thread *thread)
{
    /* By a pointer: the buffer is smaller than a jmp_buf, by the signal mask that it does not hold.
     */
    void (*volatile jump)(struct __jmp_buf_tag *, int) = longjmp;
    __pthread_unwind_buf_t *buffer = thread->cleanup;
    if (buffer != NULL) {
        thread->cleanup = buffer->__pad[0];
        jump((struct __jmp_buf_tag *)(void *)buffer->__cancel_jmp_buf, 1);
    }
}

/* pthread_key_create(3) */
static void destroy_values(struct redirect_thread *thread)
{
    struct redirect_task *task = thread->task;
    bool again = true;
    for (int round = 0; again && round < PTHREAD_DESTRUCTOR_ITERATIONS; round++) {
        again = false;
        for (unsigned key = 0; key < task->keys_used; key++) {
            void *value = thread->values[key];
            if (value != NULL && task->keys[key].used && task->keys[key].destructor != NULL) {
                thread->values[key] = NULL;
                task->keys[key].destructor(value);
                again = true;
            }
        }
    }
}

static bool is_alone(struct model *model, void *argument)
{
    const struct redirect_task *task = argument;
    bool alone = true;
    (void)model;
    for (unsigned i = 1; i < task->threads_used; i++) {
        enum redirect_thread_state state = task->threads[i].state;
        alone = alone && state != REDIRECT_THREAD_RUNS && state != REDIRECT_THREAD_MADE;
    }
    return alone;
}

void redirect_thread_exit(struct redirect_thread *thread, void *result)
{
    struct redirect_task *task = thread->task;
    thread->result = result;
    clean_up(thread);
    destroy_values(thread);
    if (thread->number == 0) {
        /* The process ends with the last of the others. */
        (void)model_thread_wait(task->model, (struct model_wait){TRACE_WAIT_JOIN, -1}, is_alone,
                                task, -1);
        redirect_exit(task, 0);
    }
    thread->state = thread->detached ? REDIRECT_THREAD_FREE : REDIRECT_THREAD_ENDED;
    unsigned slot = 0;
    unsigned number = 0;
    model_sys_thread_end(task->model, thread->detached, &slot, &number);
    thread->next = &redirect_task_of(task, slot)->threads[number];
    redirect_thread_jump(thread);
}

/* ---- All of them ---- */

struct redirect_thread *redirect_thread_find(pthread_t id)
{
    struct redirect_task *task = redirect_task;
    unsigned number = id % MODEL_THREADS_MAX;
    if (task == NULL || number >= task->threads_used) {
        return NULL;
    }
    struct redirect_thread *thread = &task->threads[number];
    return thread->id == id && thread->state != REDIRECT_THREAD_FREE ? thread : NULL;
}

void redirect_threads_init(struct redirect_task *task)
{
    for (unsigned i = 0; i < MODEL_THREADS_MAX; i++) {
        task->threads[i].task = task;
        task->threads[i].number = i;
    }
    (void)sem_init(&task->threads[0].baton, 0, 0);
    task->thread = &task->threads[0];
    task->threads_used = 1;
}

void redirect_threads_reset(struct redirect_task *task)
{
    struct redirect_thread *first = &task->threads[0];
    if (task->keys_used > 0) {
        memset(task->keys, 0, sizeof task->keys);
        memset(first->values, 0, sizeof first->values);
        task->keys_used = 0;
    }
    task->ending = false;
    task->threads_used = 1;
    task->threads_made = 0;
    task->thread = first;
    first->id = redirect_thread_id(task, 0);
    first->state = REDIRECT_THREAD_RUNS;
    first->detached = false;
    first->joined = false;
    first->cleanup = NULL;
    first->condition = NULL;
    first->mask = 0;
    first->handler_mask = 0;
    first->handler_depth = 0;
    first->held_back = 0;
    first->deliveries = 0;
}

void redirect_threads_unwind(struct redirect_task *task)
{
    assert(task->ending && task->thread == &task->threads[0]);
    for (unsigned i = 1; i < task->threads_used; i++) {
        struct redirect_thread *thread = &task->threads[i];
        if (thread->state == REDIRECT_THREAD_RUNS) {
            redirect_thread_lend(&task->threads[0], thread);
        }
        thread->state = REDIRECT_THREAD_FREE;
    }
}

void redirect_threads_done(struct redirect_task *task)
{
    for (unsigned i = 0; i < MODEL_THREADS_MAX; i++) {
        struct redirect_thread *thread = &task->threads[i];
        if (thread->real_process == getpid()) {
            (void)sem_post(&thread->baton);
            (void)pthread_join(thread->real, NULL);
            (void)sem_destroy(&thread->baton);
            thread->real_process = 0;
        }
    }
}

unsigned redirect_threads_held(const struct redirect_task *task)
{
    unsigned count = 0;
    for (unsigned i = 1; i < task->threads_used; i++) {
        count += task->threads[i].state != REDIRECT_THREAD_FREE;
    }
    return count;
}
