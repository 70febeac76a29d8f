/* AFL++'s entry points for the program that is linked into this executable. Debian's libAFLDriver.a
 * has the main and the persistent loop, afl-compiler-rt.o the shared map and test cases. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fuzz/process.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of AFL++'s runtime. */
extern uint8_t *__afl_area_ptr;
extern uint32_t __afl_final_loc; /* the last place in use */
void __sanitizer_cov_trace_pc_guard_init(uint32_t *start, uint32_t *stop);

/* Places in AFL++'s map, one per counter. */
static uint32_t guards[FUZZ_COUNTERS];
/* Used where the places are no run of neighbours. */
static uint8_t own_counters[FUZZ_COUNTERS];

/* Claims the places with the target's own guards, before the runtime fixes the size of its map. */
static void claim_guards(void)
{
    __sanitizer_cov_trace_pc_guard_init(guards, guards + FUZZ_COUNTERS);
}
/* The priority that compilers give to the guards of instrumented code. */
static void (*const claim)(void) __attribute__((section(".init_array.00002"), used)) = claim_guards;

/* AFL_INST_RATIO leaves guards out. */
static int in_a_row(void)
{
    return guards[0] != 0 && guards[FUZZ_COUNTERS - 1] == guards[0] + FUZZ_COUNTERS - 1;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_process_open();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The runtime may move its map once, when the loop begins. */
    if (in_a_row()) {
        fuzz_process_count(__afl_area_ptr + guards[0]);
        fuzz_process_run(data, size);
        fuzz_counters_flatten(__afl_area_ptr, (size_t)__afl_final_loc + 1);
        return 0;
    }
    memset(own_counters, 0, sizeof(own_counters));
    fuzz_process_count(own_counters);
    fuzz_process_run(data, size);
    for (unsigned i = 0; i < FUZZ_COUNTERS; i++) {
        if (guards[i] != 0) {
            __afl_area_ptr[guards[i]] = own_counters[i];
        }
    }
    return 0;
}
