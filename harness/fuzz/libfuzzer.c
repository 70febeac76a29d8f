/* libFuzzer's entry points for the program that is linked into this executable. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz/cover.h"
#include "fuzz/process.h"

/* libFuzzer empties this section before each run and takes what it finds there for coverage. */
static uint8_t counters[FUZZ_COUNTERS]
    __attribute__((section("__libfuzzer_extra_counters"), aligned(64), used));

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t size_max, unsigned int seed);
const char *__asan_default_options(void);

/* The target's edges, as clang counts them for libFuzzer. */
extern uint8_t __start___sancov_cntrs[] __attribute__((weak));
extern uint8_t __stop___sancov_cntrs[] __attribute__((weak));

/* What a run need not pay for: the model counts what the target still holds, so no leak check; the
 * stack of an allocation costs more than a short run; a large quarantine costs a cache miss per
 * free. ASAN_OPTIONS still overrides each of them. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0:malloc_context_size=0:quarantine_size_mb=1:"
           "thread_local_quarantine_size_kb=64:detect_stack_use_after_return=0:"
           "allocator_may_return_null=1:max_malloc_fill_size=256:print_legend=0";
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_process_open();
    fuzz_process_count(counters);
    const char *folder = getenv(FUZZ_ENV_COVER);
    if (folder != NULL && folder[0] != '\0') {
        fuzz_cover_folder(folder, getenv(FUZZ_ENV_TRIM), counters);
        _exit(EXIT_SUCCESS);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_process_run(data, size);
    fuzz_counters_flatten(counters, sizeof(counters));
    fuzz_counters_flatten(__start___sancov_cntrs, (size_t)((uintptr_t)__stop___sancov_cntrs -
                                                           (uintptr_t)__start___sancov_cntrs));
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
    return fuzz_mutate(data, size, size_max, seed, fuzz_process_role());
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t size_max, unsigned int seed)
{
    return fuzz_splice(a, a_size, b, b_size, out, size_max, seed, fuzz_process_role());
}
