/* The memory and registers of a stopped thread, x86-64. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "linux/tracer_internal.h"

/* Where the arguments of a system call stand: syscall(2). */
static const size_t argument_offsets[TRACER_ARGUMENTS] = {
    offsetof(struct user_regs_struct, rdi), offsetof(struct user_regs_struct, rsi),
    offsetof(struct user_regs_struct, rdx), offsetof(struct user_regs_struct, r10),
    offsetof(struct user_regs_struct, r8),  offsetof(struct user_regs_struct, r9)};

bool tracer_peek(const struct tracer_thread *thread, uint64_t address, void *data, size_t size)
{
    struct iovec here = {.iov_base = data, .iov_len = size};
    struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    return address != 0 && process_vm_readv(thread->tid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

bool tracer_poke_word(const struct tracer_thread *thread, uint64_t address, uint64_t word)
{
    return ptrace(PTRACE_POKEDATA, thread->tid, (void *)(uintptr_t)address,
                  (void *)(uintptr_t)word) == 0;
}

static bool register_set(const struct tracer_thread *thread, size_t offset, uint64_t value)
{
    return ptrace(PTRACE_POKEUSER, thread->tid, (void *)offset, (void *)(uintptr_t)value) == 0;
}

bool tracer_argument_set(const struct tracer_thread *thread, int argument, uint64_t value)
{
    assert(argument >= 0 && argument < TRACER_ARGUMENTS);
    return register_set(thread, argument_offsets[argument], value);
}

bool tracer_result_set(const struct tracer_thread *thread, int64_t result)
{
    return register_set(thread, offsetof(struct user_regs_struct, rax), (uint64_t)result);
}

bool tracer_call_skip(const struct tracer_thread *thread, int64_t result)
{
    /* seccomp(2): a call number of -1 is not carried out. */
    return register_set(thread, offsetof(struct user_regs_struct, orig_rax), UINT64_MAX) &&
           tracer_result_set(thread, result);
}

/* Below the red zone of the ABI. */
enum { SCRATCH_BELOW_STACK = 256 };

bool tracer_call_wait(const struct tracer_thread *thread, int fd, int timeout_ms,
                      uint64_t *ret_address, uint64_t *ret_word)
{
    struct pollfd look = {.fd = fd, .events = POLLIN};
    uint64_t word = 0;
    errno = 0;
    uint64_t stack = (uint64_t)ptrace(PTRACE_PEEKUSER, thread->tid,
                                      (void *)offsetof(struct user_regs_struct, rsp), NULL);
    uint64_t address = (stack - SCRATCH_BELOW_STACK) & ~UINT64_C(7);
    _Static_assert(sizeof look == sizeof word, "a pollfd is one word");
    memcpy(&word, &look, sizeof word);
    if (errno != 0 || !tracer_peek(thread, address, ret_word, sizeof *ret_word) ||
        !tracer_poke_word(thread, address, word)) {
        return false;
    }
    *ret_address = address;
    return tracer_argument_set(thread, 0, address) && tracer_argument_set(thread, 1, 1) &&
           tracer_argument_set(thread, 2, (uint64_t)(int64_t)timeout_ms) &&
           register_set(thread, offsetof(struct user_regs_struct, orig_rax), SYS_poll);
}

void tracer_call_wait_end(const struct tracer_thread *thread, const struct tracer_call *call,
                          bool again)
{
    for (int i = 0; i < 3; i++) {
        (void)tracer_argument_set(thread, i, call->args[i]);
    }
    if (again) {
        (void)register_set(thread, offsetof(struct user_regs_struct, orig_rax),
                           (uint64_t)call->row->nr);
        (void)tracer_result_set(thread, -TRACER_ERESTARTSYS);
    }
}
