/* Crashes in the program's own code: its run ends there, not the process. Safe since that code
 * holds nothing of ours and nothing of the C library, and since the program is put back before the
 * next run. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stddef.h>
#include <ucontext.h>

#include "redirect/calls.h"
#include "redirect/program.h"
#include "redirect/task.h"

/* What AddressSanitizer ends a process with. */
enum { REPORTED = -1 };

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE};
enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };

static struct {
    bool (*survive)(void *context, int64_t place);
    void *context;
    struct sigaction before[SIGNALS];
    int signal;      /* that is being survived */
    uintptr_t stack; /* how far down the program's stack was in use */
} survival;

void __asan_unpoison_memory_region(const volatile void *at, size_t size) __attribute__((weak));

/* Whether this is a place in the running program's own code, and the process goes on. */
static bool is_survived(uintptr_t at)
{
    const struct sockspec_program *program = redirect_task == NULL ? NULL : redirect_task->program;
    return survival.survive != NULL && program != NULL && redirect_task->running &&
           at >= (uintptr_t)program->text && at < (uintptr_t)program->text_end &&
           survival.survive(survival.context,
                            (int64_t)(at - (uintptr_t)program->text) * 2 + (int64_t)program->slot);
}

static __attribute__((noreturn)) void end_run(int how)
{
    redirect_leave(redirect_task, (struct model_exit){.how = TRACE_EXIT_CRASHED, .status = how});
}

/* ---- Reports of AddressSanitizer ---- */

/* Not declared as what never returns: so they are jumped to, and see the program as their caller.
 */
#define SIMPLE_REPORT(access)                                                                      \
    void __asan_report_##access(uintptr_t at) __attribute__((weak));                               \
    void sockspec_call___asan_report_##access(uintptr_t at)                                        \
    {                                                                                              \
        if (is_survived((uintptr_t)__builtin_return_address(0) - 1)) {                             \
            end_run(REPORTED);                                                                     \
        }                                                                                          \
        __asan_report_##access(at);                                                                \
    }
#define SIZED_REPORT(access)                                                                       \
    void __asan_report_##access(uintptr_t at, size_t size) __attribute__((weak));                  \
    void sockspec_call___asan_report_##access(uintptr_t at, size_t size)                           \
    {                                                                                              \
        if (is_survived((uintptr_t)__builtin_return_address(0) - 1)) {                             \
            end_run(REPORTED);                                                                     \
        }                                                                                          \
        __asan_report_##access(at, size);                                                          \
    }
SIMPLE_REPORT(load1)
SIMPLE_REPORT(load2)
SIMPLE_REPORT(load4)
SIMPLE_REPORT(load8)
SIMPLE_REPORT(load16)
SIZED_REPORT(load_n)
SIMPLE_REPORT(store1)
SIMPLE_REPORT(store2)
SIMPLE_REPORT(store4)
SIMPLE_REPORT(store8)
SIMPLE_REPORT(store16)
SIZED_REPORT(store_n)

/* ---- Signals ---- */

#if defined(__x86_64__)
enum {
    RED_ZONE = 128,
    STACK_ALIGNMENT = 16,
    LANDING_ROOM = 4096,   /* for the frame that the jump lands in */
    STACK_MAX = 256 << 20, /* further down is another stack */
};

/* Sanitizers forget the frames that are left, before others take their place. */
static void end_after_signal(void)
{
    uintptr_t top = (uintptr_t)redirect_task->thread->stack_top;
    if (__asan_unpoison_memory_region != NULL && survival.stack < top &&
        top - survival.stack < STACK_MAX) {
        __asan_unpoison_memory_region((const void *)survival.stack, top - survival.stack);
    }
    end_run(survival.signal);
}

/* The handler may stand on a stack of its own: the run ends on the program's. There may be no room
 * below what is in use, so it ends where the frames stand that it leaves. */
static void on_crash(int number, siginfo_t *info, void *interrupted)
{
    greg_t *registers = ((ucontext_t *)interrupted)->uc_mcontext.gregs;
    (void)info;
    if (is_survived((uintptr_t)registers[REG_RIP])) {
        uintptr_t landing = (uintptr_t)redirect_task->thread->stack_top - LANDING_ROOM;
        survival.signal = number;
        survival.stack = (uintptr_t)registers[REG_RSP] - RED_ZONE;
        uintptr_t at = survival.stack < landing ? landing : survival.stack;
        at &= ~(uintptr_t)(STACK_ALIGNMENT - 1);
        registers[REG_RSP] = (greg_t)(at - sizeof(void *)); /* as after a call */
        registers[REG_RIP] = (greg_t)(uintptr_t)end_after_signal;
        return;
    }
    /* It happens again at once, and takes its course. */
    for (unsigned i = 0; i < SIGNALS; i++) {
        if (signals[i] == number) {
            (void)sigaction(number, &survival.before[i], NULL);
        }
    }
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    (void)sigemptyset(&action.sa_mask);
    for (unsigned i = 0; i < SIGNALS; i++) {
        (void)sigaction(signals[i], &action, &survival.before[i]);
    }
}
#else
static void catch_signals(void) {}
#endif

void redirect_survive(bool (*survive)(void *context, int64_t place), void *context)
{
    survival.survive = survive;
    survival.context = context;
    catch_signals();
}
