/* The sanitizer's options of our fuzzers (harness/fuzz/libfuzzer.c), for what is compared with
 * them. */
/* SPDX-License-Identifier: Apache-2.0 */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_leaks=0:malloc_context_size=0:quarantine_size_mb=1:"
           "thread_local_quarantine_size_kb=64:detect_stack_use_after_return=0:"
           "allocator_may_return_null=1:handle_abort=1:max_malloc_fill_size=256";
}
