/* Redirected calls: how a program ends, what it is, and what of a process the model does not have.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/calls.h"
#include "redirect/task.h"

int redirect_unsupported(enum trace_call call, int64_t a)
{
    if (redirect_task != NULL) {
        model_sys_unsupported(redirect_task->model, call, a, 0, true);
    }
    errno = ENOSYS;
    return -1;
}

static void run_handlers(struct redirect_task *task, bool quick, int status)
{
    while (task->exit_handler_count > 0) {
        struct redirect_exit_handler handler = task->exit_handlers[--task->exit_handler_count];
        if ((handler.kind == REDIRECT_EXIT_QUICK) != quick) {
            continue;
        }
        if (handler.kind == REDIRECT_EXIT_WITH_STATUS) {
            handler.with_status(status, handler.argument);
        } else {
            handler.plain();
        }
    }
}

static void leave_with(struct redirect_task *task, int status) __attribute__((noreturn));
static void leave_with(struct redirect_task *task, int status)
{
    redirect_leave(task, (struct model_exit){.how = TRACE_EXIT_RETURNED, .status = status & 0xFF});
}

void redirect_exit(struct redirect_task *task, int status)
{
    run_handlers(task, false, status);
    (void)redirect_streams_flush(&task->streams);
    leave_with(task, status);
}

void redirect_abort(struct redirect_task *task)
{
    unsigned disposition = redirect_signal_disposition(task, SIGABRT);
    if ((disposition & 0xFF) == 2) {
        redirect_signal_deliver(task, SIGABRT);
    }
    redirect_leave(task, (struct model_exit){.how = TRACE_EXIT_ABORTED, .status = SIGABRT});
}

/* Before the first run nothing of ours stands in the way of a constructor that gives up. */
void sockspec_call_exit(int status)
{
    if (redirect_task == NULL) {
        exit(status);
    }
    redirect_exit(redirect_task, status);
}

void sockspec_call__exit(int status)
{
    if (redirect_task == NULL) {
        _exit(status);
    }
    leave_with(redirect_task, status);
}

void sockspec_call_quick_exit(int status)
{
    if (redirect_task == NULL) {
        _exit(status);
    }
    run_handlers(redirect_task, true, status);
    leave_with(redirect_task, status);
}

void sockspec_call_abort(void)
{
    if (redirect_task == NULL) {
        abort();
    }
    redirect_abort(redirect_task);
}

static int add_handler(struct redirect_exit_handler handler)
{
    struct redirect_task *task = redirect_task;
    if (task == NULL || task->exit_handler_count == REDIRECT_EXIT_HANDLERS_MAX) {
        return -1;
    }
    task->exit_handlers[task->exit_handler_count++] = handler;
    return 0;
}

int sockspec_call_atexit(void (*handler)(void))
{
    return add_handler(
        (struct redirect_exit_handler){.kind = REDIRECT_EXIT_PLAIN, .plain = handler});
}

int sockspec_call_at_quick_exit(void (*handler)(void))
{
    return add_handler(
        (struct redirect_exit_handler){.kind = REDIRECT_EXIT_QUICK, .plain = handler});
}

int sockspec_call_on_exit(void (*handler)(int, void *), void *argument)
{
    return add_handler((struct redirect_exit_handler){
        .kind = REDIRECT_EXIT_WITH_STATUS, .with_status = handler, .argument = argument});
}

static void assertion(const char *text, const char *file, unsigned line, const char *function)
    __attribute__((noreturn));
static void assertion(const char *text, const char *file, unsigned line, const char *function)
{
    if (redirect_task != NULL) {
        (void)fprintf(redirect_task->streams.standard[STDERR_FILENO].file,
                      "%s:%u: %s: Assertion `%s' failed.\n", file, line,
                      function == NULL ? "?" : function, text);
    }
    sockspec_call_abort();
    __builtin_unreachable(); /* the C library's type does not say so */
}

void sockspec_call___assert_fail(const char *expression, const char *file, unsigned line,
                                 const char *function)
{
    assertion(expression, file, line, function);
}

void sockspec_call___assert_perror_fail(int error, const char *file, unsigned line,
                                        const char *function)
{
    assertion(strerror(error), file, line, function);
}

void sockspec_call___assert(const char *expression, const char *file, int line)
{
    assertion(expression, file, (unsigned)line, NULL);
}

pid_t sockspec_call_getpid(void)
{
    return REDIRECT_PID;
}
pid_t sockspec_call_getppid(void)
{
    return 1;
}
pid_t sockspec_call_getpgrp(void)
{
    return REDIRECT_PID;
}
pid_t sockspec_call_getpgid(pid_t pid)
{
    return pid == 0 ? REDIRECT_PID : pid;
}
pid_t sockspec_call_getsid(pid_t pid)
{
    return pid == 0 ? REDIRECT_PID : pid;
}
pid_t sockspec_call_setsid(void)
{
    return REDIRECT_PID;
}

int sockspec_call_setpgid(pid_t pid, pid_t group)
{
    (void)pid, (void)group;
    return 0;
}

int sockspec_call_getrlimit(__rlimit_resource_t resource, struct rlimit *limit)
{
    if (resource == RLIMIT_NOFILE && redirect_task != NULL) {
        *limit = redirect_task->descriptors_limit;
        return 0;
    }
    return getrlimit(resource, limit);
}

/* Limits of the real process are not the program's to change. */
int sockspec_call_setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    if (limit->rlim_cur > limit->rlim_max) {
        errno = EINVAL;
        return -1;
    }
    if (resource == RLIMIT_NOFILE && redirect_task != NULL) {
        if (limit->rlim_max > redirect_task->descriptors_limit.rlim_max) {
            errno = EPERM;
            return -1;
        }
        redirect_task->descriptors_limit = *limit;
    }
    return 0;
}

int sockspec_call_getdtablesize(void)
{
    return redirect_task == NULL ? getdtablesize() : (int)redirect_task->descriptors_limit.rlim_cur;
}

long sockspec_call_sysconf(int name)
{
    switch (name) {
    case _SC_OPEN_MAX:
        return sockspec_call_getdtablesize();
    case _SC_NPROCESSORS_CONF:
    case _SC_NPROCESSORS_ONLN:
        return sockspec_call_get_nprocs();
    default:
        return sysconf(name);
    }
}

/* Nothing forks here, so there are no children to wait for. */
static pid_t no_children(void)
{
    errno = ECHILD;
    return -1;
}

pid_t sockspec_call_wait(int *status)
{
    (void)status;
    return no_children();
}

pid_t sockspec_call_waitpid(pid_t pid, int *status, int options)
{
    (void)pid, (void)status, (void)options;
    return no_children();
}

pid_t sockspec_call_wait3(int *status, int options, struct rusage *usage)
{
    (void)status, (void)options, (void)usage;
    return no_children();
}

pid_t sockspec_call_wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
    (void)pid, (void)status, (void)options, (void)usage;
    return no_children();
}

pid_t sockspec_call_fork(void)
{
    return redirect_unsupported(TRACE_CALL_FORK, 0);
}
pid_t sockspec_call_vfork(void)
{
    return redirect_unsupported(TRACE_CALL_FORK, 0);
}

int sockspec_call_execve(const char *path, char *const arguments[], char *const environment[])
{
    (void)path, (void)arguments, (void)environment;
    return redirect_unsupported(TRACE_CALL_EXEC, 0);
}

int sockspec_call_execv(const char *path, char *const arguments[])
{
    (void)path, (void)arguments;
    return redirect_unsupported(TRACE_CALL_EXEC, 0);
}

int sockspec_call_execvp(const char *file, char *const arguments[])
{
    (void)file, (void)arguments;
    return redirect_unsupported(TRACE_CALL_EXEC, 0);
}

int sockspec_call_execvpe(const char *file, char *const arguments[], char *const environment[])
{
    (void)file, (void)arguments, (void)environment;
    return redirect_unsupported(TRACE_CALL_EXEC, 0);
}

int sockspec_call_execl(const char *path, const char *argument, ...)
{
    (void)path, (void)argument;
    return redirect_unsupported(TRACE_CALL_EXEC, 0);
}

int sockspec_call_execle(const char *path, const char *argument, ...)
{
    (void)path, (void)argument;
    return redirect_unsupported(TRACE_CALL_EXEC, 0);
}

int sockspec_call_execlp(const char *file, const char *argument, ...)
{
    (void)file, (void)argument;
    return redirect_unsupported(TRACE_CALL_EXEC, 0);
}

int sockspec_call_fexecve(int fd, char *const arguments[], char *const environment[])
{
    (void)arguments, (void)environment;
    return redirect_unsupported(TRACE_CALL_EXEC, fd);
}

int sockspec_call_daemon(int keep_folder, int keep_streams)
{
    (void)keep_folder, (void)keep_streams;
    return redirect_unsupported(TRACE_CALL_FORK, 0);
}

int sockspec_call_posix_spawn(pid_t *ret_pid, const char *path,
                              const posix_spawn_file_actions_t *actions,
                              const posix_spawnattr_t *attributes, char *const arguments[],
                              char *const environment[])
{
    (void)ret_pid, (void)path, (void)actions, (void)attributes, (void)arguments, (void)environment;
    (void)redirect_unsupported(TRACE_CALL_FORK, 0);
    return ENOSYS;
}

int sockspec_call_posix_spawnp(pid_t *ret_pid, const char *file,
                               const posix_spawn_file_actions_t *actions,
                               const posix_spawnattr_t *attributes, char *const arguments[],
                               char *const environment[])
{
    return sockspec_call_posix_spawn(ret_pid, file, actions, attributes, arguments, environment);
}

int sockspec_call_system(const char *command)
{
    (void)command;
    return redirect_unsupported(TRACE_CALL_FORK, 0);
}

int sockspec_call_clone(int (*start)(void *), void *stack, int flags, void *argument, ...)
{
    (void)start, (void)stack, (void)argument;
    return redirect_unsupported(TRACE_CALL_FORK, flags);
}

int sockspec_call_timer_create(clockid_t clock, struct sigevent *event, timer_t *ret_timer)
{
    (void)event, (void)ret_timer;
    return redirect_unsupported(TRACE_CALL_ALARM, clock);
}
