/* For the empty loop with our mutator: what mutation at step level costs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t size_max, unsigned int seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
    return fuzz_mutate(data, size, size_max, seed, SCENARIO_ROLE_SERVER);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t size_max, unsigned int seed)
{
    return fuzz_splice(a, a_size, b, b_size, out, size_max, seed, SCENARIO_ROLE_SERVER);
}
