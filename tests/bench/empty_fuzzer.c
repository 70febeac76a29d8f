/* The empty loop that fuzzers are measured against: whatever an execution costs the engine itself.
 * Options of the sanitizer as in our fuzzers, so that the input's copy costs the same. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_leaks=0:malloc_context_size=0:quarantine_size_mb=1:"
           "thread_local_quarantine_size_kb=64:detect_stack_use_after_return=0:"
           "allocator_may_return_null=1:handle_abort=1:max_malloc_fill_size=256";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data;
    (void)size;
    return 0;
}
