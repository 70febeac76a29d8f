/* The memory and registers of a stopped thread, x86-64. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
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
