/* The empty loop that fuzzers are measured against: whatever an execution costs the engine itself.
 * Options of the sanitizer as in our fuzzers, so that the input's copy costs the same. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data;
    (void)size;
    return 0;
}
