/* The mutation of scenarios as AFL++'s custom mutator library: AFL_CUSTOM_MUTATOR_LIBRARY names
 * it, SOCKSPEC_ROLE says who the target is. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "fuzz/fuzz.h"
#include "scenario/code.h"

enum { SPLICE_ONE_IN = 4 };

struct mutator {
    struct random random;
    enum scenario_role role;
    uint8_t out[SCENARIO_CODE_MAX];
};

void *afl_custom_init(void *afl, unsigned int seed);
void afl_custom_deinit(void *data);
size_t afl_custom_fuzz(void *data, uint8_t *buf, size_t buf_size, uint8_t **ret_out,
                       uint8_t *add_buf, size_t add_size, size_t size_max);

void *afl_custom_init(void *afl, unsigned int seed)
{
    (void)afl;
    static const char *const names[SCENARIO_ROLE_COUNT] = {[SCENARIO_ROLE_SERVER] = "server",
                                                           [SCENARIO_ROLE_CLIENT] = "client",
                                                           [SCENARIO_ROLE_PAIR] = "pair",
                                                           [SCENARIO_ROLE_STACK] = "stack"};
    struct mutator *mutator = calloc(1, sizeof *mutator);
    const char *role = getenv("SOCKSPEC_ROLE");
    if (mutator == NULL) {
        return NULL;
    }
    mutator->random.state = seed;
    for (unsigned i = 0; role != NULL && i < SCENARIO_ROLE_COUNT; i++) {
        if (strcmp(role, names[i]) == 0) {
            mutator->role = (enum scenario_role)i;
        }
    }
    return mutator;
}

void afl_custom_deinit(void *data)
{
    free(data);
}

size_t afl_custom_fuzz(void *data, uint8_t *buf, size_t buf_size, uint8_t **ret_out,
                       uint8_t *add_buf, size_t add_size, size_t size_max)
{
    struct mutator *mutator = data;
    size_t room = size_max < sizeof(mutator->out) ? size_max : sizeof(mutator->out);
    uint64_t seed = random_next(&mutator->random);
    *ret_out = mutator->out;
    if (add_buf != NULL && add_size > 0 && random_below(&mutator->random, SPLICE_ONE_IN) == 0) {
        return fuzz_splice(buf, buf_size, add_buf, add_size, mutator->out, room, seed,
                           mutator->role);
    }
    size_t size = buf_size < room ? buf_size : room;
    memcpy(mutator->out, buf, size);
    return fuzz_mutate(mutator->out, size, room, seed, mutator->role);
}
