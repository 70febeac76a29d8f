/* Running linked programs: a fresh image, main, the end of it, and in pair mode the second one. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/program.h"

#include <assert.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "redirect/image.h"
#include "redirect/surroundings.h"
#include "redirect/task.h"

enum {
    LOG_EVERYTHING = 0xFF,
    DESCRIPTORS_SOFT = 1024,
    REAL_DESCRIPTORS_MIN = MODEL_DESCRIPTORS_MAX + 1024
};

/* X(variable, type): what programs may name; defined for both slots in calls_print.c. */
extern char *sockspec_call_program_invocation_name0, *sockspec_call_program_invocation_name1;
extern char *sockspec_call_program_invocation_short_name0,
    *sockspec_call_program_invocation_short_name1;

enum peer_state { PEER_ABSENT, PEER_WAITING, PEER_RUNNING, PEER_ENDED };

struct redirect {
    struct model *model;
    struct model_runner runner;
    unsigned task_count;
    struct redirect_task *tasks; /* by slot */
    struct redirect_image images[REDIRECT_TASKS_MAX];
    struct redirect_surroundings surroundings;

    /* Pair mode. The second program runs on a thread of its own. */
    enum peer_state peer;
    bool target_ended; /* the peer runs on alone */
};

struct redirect_task *redirect_task;
static struct redirect *the_one; /* images exist once in a process */

void __asan_unpoison_memory_region(const volatile void *at, size_t size) __attribute__((weak));
void __asan_loadN(uintptr_t at, size_t size) __attribute__((weak));
void __asan_storeN(uintptr_t at, size_t size) __attribute__((weak));

void redirect_check_read(const void *data, int64_t size)
{
    if (__asan_loadN != NULL && size > 0) {
        __asan_loadN((uintptr_t)data, (size_t)size);
    }
}

void redirect_check_write(void *data, int64_t size)
{
    if (__asan_storeN != NULL && size > 0) {
        __asan_storeN((uintptr_t)data, (size_t)size);
    }
}

/* ---- One run of one program ---- */

/* A copy for the program: getopt permutes its arguments, strtok cuts them up. */
static enum status copy_arguments(struct redirect_task *task, int argc, char **argv,
                                  struct status_detail *detail)
{
    size_t used = 0;
    if (argc > REDIRECT_ARGUMENTS_MAX) {
        return status_fail(detail, STATUS_LIMIT, "more than %d arguments", REDIRECT_ARGUMENTS_MAX);
    }
    for (int i = 0; i < argc; i++) {
        size_t size = strlen(argv[i]) + 1;
        if (size > sizeof task->argument_bytes - used) {
            return status_fail(detail, STATUS_LIMIT, "arguments longer than %zu bytes",
                               sizeof task->argument_bytes);
        }
        task->argv[i] = memcpy(task->argument_bytes + used, argv[i], size);
        used += size;
    }
    task->argv[argc] = NULL;
    task->argc = argc;
    return STATUS_OK;
}

static void name_program(const struct redirect_task *task)
{
    char *name = task->argc > 0 ? task->argv[0] : NULL;
    char *slash = name == NULL ? NULL : strrchr(name, '/');
    if (task->slot == 0) {
        sockspec_call_program_invocation_name0 = name;
        sockspec_call_program_invocation_short_name0 = slash == NULL ? name : slash + 1;
    } else {
        sockspec_call_program_invocation_name1 = name;
        sockspec_call_program_invocation_short_name1 = slash == NULL ? name : slash + 1;
    }
}

/* Everything that the last run left goes; what a program finds at its start is put in place. */
static void put_back(struct redirect_task *task)
{
    redirect_streams_reset(&task->streams,
                           &task->heap); /* first: streams are blocks of the heap too */
    redirect_heap_clear(&task->heap);
    redirect_image_restore(&task->redirect->images[task->slot]);
    redirect_signals_reset(task);
    redirect_threads_reset(task);
    task->dirty = 0;
    task->exiting = false;
    task->exit_handler_count = 0;
    task->rand_state = 1;
    task->rand48_state = 0;
    task->entropy = (struct random){task->slot + 1};
    task->strtok_next = NULL;
    task->getopt_begun = false;
    task->log_mask = LOG_EVERYTHING;
    task->descriptors_limit = (struct rlimit){DESCRIPTORS_SOFT, MODEL_DESCRIPTORS_MAX};
    optind = 1;
    opterr = 1;
    optopt = '?';
    optarg = NULL;
    name_program(task);
    errno = 0;
}

/* Alone in its function: after the jump nothing of the frame but `task` is looked at. */
__attribute__((noinline)) static void call_main(struct redirect_task *volatile task)
{
    task->threads[0].stack_top = __builtin_frame_address(0);
    if (__builtin_setjmp(task->threads[0].jump) == 0) {
        redirect_exit(task, task->program->main(task->argc, task->argv, environ));
    }
}

void redirect_leave(struct redirect_task *task, struct model_exit exit)
{
    task->exit = exit;
    task->ending = true;
    redirect_thread_jump(task->thread);
}

void redirect_thread_jump(struct redirect_thread *thread)
{
    if (__asan_unpoison_memory_region != NULL) {
        char *low = __builtin_frame_address(0);
        __asan_unpoison_memory_region(low, (size_t)(thread->stack_top - low));
    }
    __builtin_longjmp(thread->jump, 1);
}

static void run_program(struct redirect_task *task, enum trace_host host)
{
    put_back(task);
    redirect_task = task;
    task->running = true;
    model_task_begin(task->model, host);
    call_main(task);
    if (task->threads_used > 1) {
        redirect_threads_unwind(task);
    }
    task->running = false;
    model_task_end(task->model, task->exit);
    redirect_task = NULL;
}

/* ---- Two programs ---- */

struct redirect_thread *redirect_run_peer(struct redirect_task *task)
{
    struct redirect *redirect = task->redirect;
    run_program(task, TRACE_HOST_PEER);
    redirect->peer = PEER_ENDED;
    unsigned number =
        redirect->target_ended ? 0 : model_thread_go_on(task->model, TRACE_HOST_TARGET);
    return &redirect->tasks[0].threads[number];
}

struct redirect_task *redirect_task_of(const struct redirect_task *task, unsigned slot)
{
    return &task->redirect->tasks[slot];
}

struct redirect_image *redirect_image_of(const struct redirect_task *task)
{
    return &task->redirect->images[task->slot];
}

static void runner_switch_to(void *context, unsigned slot, unsigned number)
{
    struct redirect *redirect = context;
    struct redirect_task *task = redirect_task;
    assert(task != NULL && slot < redirect->task_count);
    if (slot == 0 && redirect->target_ended) {
        /* Nobody is left to go on with: the peer sleeps for ever. */
        redirect_leave(task, (struct model_exit){.how = TRACE_EXIT_JUMPED});
    }
    if (slot == 1) {
        if (redirect->peer == PEER_ENDED || redirect->peer == PEER_ABSENT) {
            return;
        }
        redirect->peer = PEER_RUNNING;
    }
    struct redirect_thread *to = &redirect->tasks[slot].threads[number];
    if (to != task->thread) {
        redirect_thread_switch(task->thread, to);
    }
}

/* ---- The model's runner ---- */

static enum status prepare(struct redirect *redirect, const struct world_target *target,
                           struct status_detail *detail)
{
    enum status status = copy_arguments(&redirect->tasks[0], target->argc, target->argv, detail);
    redirect->target_ended = false;
    redirect->peer = PEER_ABSENT;
    if (status == STATUS_OK && target->role == TRACE_ROLE_PAIR) {
        if (redirect->task_count < REDIRECT_TASKS_MAX) {
            return status_fail(detail, STATUS_UNSUPPORTED, "%s has no second program",
                               target->name);
        }
        status = copy_arguments(&redirect->tasks[1], target->peer_argc, target->peer_argv, detail);
        if (status == STATUS_OK && !redirect_thread_make(&redirect->tasks[1].threads[0])) {
            status = status_fail(detail, STATUS_ENVIRONMENT, "no thread for the second program");
        }
        redirect->peer = PEER_WAITING;
    }
    return status;
}

static enum status runner_run(void *context, const struct world_target *target,
                              struct model_exit *ret_exit, struct status_detail *detail)
{
    struct redirect *redirect = context;
    assert(redirect->model != NULL && redirect_task == NULL);
    enum status status = prepare(redirect, target, detail);
    if (status != STATUS_OK) {
        return status;
    }
    run_program(&redirect->tasks[0], TRACE_HOST_TARGET);
    redirect->target_ended = true;
    unsigned dirty = redirect->tasks[0].dirty;
    if (redirect->peer == PEER_RUNNING || redirect->peer == PEER_WAITING) {
        struct redirect_task *peer = &redirect->tasks[1];
        redirect->peer = PEER_RUNNING;
        redirect_thread_lend(&redirect->tasks[0].threads[0],
                             &peer->threads[model_thread_go_on(redirect->model, TRACE_HOST_PEER)]);
        redirect_task = NULL;
        assert(redirect->peer == PEER_ENDED);
    }
    if (redirect->peer == PEER_ENDED) {
        dirty |= redirect->tasks[1].dirty;
    }
    redirect_threads_part();
    redirect_surroundings_restore(&redirect->surroundings, dirty);
    *ret_exit = redirect->tasks[0].exit;
    return STATUS_OK;
}

static unsigned runner_disposition(void *context, int number)
{
    (void)context;
    return redirect_task == NULL ? 0 : redirect_signal_disposition(redirect_task, number);
}

static void runner_deliver(void *context, int number)
{
    (void)context;
    assert(redirect_task != NULL);
    redirect_signal_deliver(redirect_task, number);
}

static void runner_leave(void *context, struct model_exit exit) __attribute__((noreturn));
static void runner_leave(void *context, struct model_exit exit)
{
    (void)context;
    assert(redirect_task != NULL);
    redirect_leave(redirect_task, exit);
}

static void runner_heap(void *context, int64_t *ret_blocks, int64_t *ret_bytes)
{
    const struct redirect *redirect = context;
    const struct redirect_task *task = &redirect->tasks[0];
    unsigned threads = redirect_threads_held(task);
    *ret_blocks = (int64_t)(task->heap.count + threads);
    *ret_bytes = (int64_t)task->heap.bytes + (int64_t)threads * REDIRECT_STACK_USED;
}

/* ---- Life of the runner ---- */

/* Our own descriptors live above the target's numbers: there must be room for them. */
static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < REAL_DESCRIPTORS_MIN) {
        limit.rlim_cur =
            limit.rlim_max < REAL_DESCRIPTORS_MIN ? limit.rlim_max : REAL_DESCRIPTORS_MIN;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static enum status add_task(struct redirect *redirect, const struct sockspec_program *program,
                            struct status_detail *detail)
{
    unsigned slot = program->slot;
    if (slot != redirect->task_count || slot >= REDIRECT_TASKS_MAX) {
        return status_fail(detail, STATUS_USAGE, "%s was linked for slot %u", program->name, slot);
    }
    struct redirect_task *task = &redirect->tasks[slot];
    task->program = program;
    task->redirect = redirect;
    task->slot = slot;
    task->streams.slot = slot;
    redirect_threads_init(task);
    redirect_streams_reset(&task->streams, &task->heap);
    enum status status = redirect_image_save(&redirect->images[slot], program, detail);
    redirect->task_count += status == STATUS_OK ? 1 : 0;
    return status;
}

enum status redirect_new(const struct sockspec_program *program, struct redirect **ret_redirect,
                         struct status_detail *detail)
{
    if (the_one != NULL) {
        return status_fail(detail, STATUS_LIMIT, "linked programs exist once in a process");
    }
    struct redirect *redirect = calloc(1, sizeof *redirect);
    if (redirect == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "no memory for the runner");
    }
    redirect->surroundings.folder = -1;
    raise_limit();
    enum status status = STATUS_OK;
    redirect->tasks = calloc(REDIRECT_TASKS_MAX, sizeof redirect->tasks[0]);
    if (redirect->tasks == NULL) {
        status = status_fail(detail, STATUS_NO_MEMORY, "no memory for the tasks");
    }
    for (const struct sockspec_program *at = program; status == STATUS_OK && at != NULL;
         at = at->peer) {
        status = add_task(redirect, at, detail);
    }
    if (status == STATUS_OK) {
        status = redirect_surroundings_save(&redirect->surroundings, detail);
    }
    if (status != STATUS_OK) {
        redirect_free(redirect);
        return status;
    }
    redirect->runner = (struct model_runner){.context = redirect,
                                             .run = runner_run,
                                             .disposition = runner_disposition,
                                             .deliver = runner_deliver,
                                             .leave = runner_leave,
                                             .switch_to = runner_switch_to,
                                             .heap = runner_heap};
    the_one = redirect;
    *ret_redirect = redirect;
    return STATUS_OK;
}

const struct model_runner *redirect_runner(struct redirect *redirect)
{
    return &redirect->runner;
}

void redirect_bind(struct redirect *redirect, struct model *model)
{
    redirect->model = model;
    for (unsigned slot = 0; slot < redirect->task_count; slot++) {
        redirect->tasks[slot].model = model;
    }
}

void redirect_free(struct redirect *redirect)
{
    if (redirect == NULL) {
        return;
    }
    for (unsigned slot = 0; redirect->tasks != NULL && slot < redirect->task_count; slot++) {
        redirect_threads_done(&redirect->tasks[slot]);
        redirect_streams_done(&redirect->tasks[slot].streams, &redirect->tasks[slot].heap);
        redirect_heap_done(&redirect->tasks[slot].heap);
        redirect_image_done(&redirect->images[slot]);
    }
    redirect_surroundings_done(&redirect->surroundings);
    free(redirect->tasks);
    free(redirect);
    the_one = the_one == redirect ? NULL : the_one;
}
