/* Tests of the table of heap blocks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/heap.h"

#include <stdlib.h>

#include "base/random.h"
#include "test.h"

enum { BLOCKS = 5000 };

static void heap_removed_block_is_no_longer_held(void **state)
{
    struct redirect_heap heap = {0};
    (void)state;
    assert_true(redirect_heap_add(&heap, 0x1000, 10));
    assert_int_equal(heap.bytes, 10);
    assert_true(redirect_heap_remove(&heap, 0x1000));
    assert_int_equal(heap.count, 0);
    assert_int_equal(heap.bytes, 0);
    assert_false(redirect_heap_remove(&heap, 0x1000));
    redirect_heap_done(&heap);
}

/* Random adds and removes against a plain array: no block is lost when others move into a hole. */
static void heap_many_blocks_agrees_with_a_plain_array(void **state)
{
    static bool held[BLOCKS];
    struct redirect_heap heap = {0};
    struct random random = {7};
    size_t count = 0;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        uint32_t n = random_below(&random, BLOCKS);
        uintptr_t block = 0x10000 + (uintptr_t)n * 16;
        if (held[n]) {
            assert_true(redirect_heap_remove(&heap, block));
        } else {
            assert_false(redirect_heap_remove(&heap, block));
            assert_true(redirect_heap_add(&heap, block, n));
        }
        held[n] = !held[n];
        count = held[n] ? count + 1 : count - 1;
        assert_int_equal(heap.count, count);
    }
    for (uint32_t n = 0; n < BLOCKS; n++) {
        assert_int_equal(redirect_heap_remove(&heap, 0x10000 + (uintptr_t)n * 16), held[n]);
    }
    assert_int_equal(heap.bytes, 0);
    redirect_heap_done(&heap);
}

static void heap_clear_frees_what_is_left(void **state)
{
    struct redirect_heap heap = {0};
    (void)state;
    for (int i = 0; i < 3000; i++) {
        assert_true(redirect_heap_add(&heap, (uintptr_t)malloc(8), 8));
    }
    redirect_heap_clear(&heap);
    assert_int_equal(heap.count, 0);
    assert_int_equal(heap.bytes, 0);
    redirect_heap_done(&heap);
}

static void heap_over_the_maximum_is_not_allowed(void **state)
{
    struct redirect_heap heap = {0};
    (void)state;
    assert_true(redirect_heap_add(&heap, 0x1000, 100));
    assert_true(redirect_heap_allows(&heap, REDIRECT_HEAP_BYTES_MAX - 100));
    assert_false(redirect_heap_allows(&heap, REDIRECT_HEAP_BYTES_MAX - 99));
    assert_true(redirect_heap_remove(&heap, 0x1000));
    redirect_heap_done(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(heap_removed_block_is_no_longer_held),
                                       cmocka_unit_test(heap_many_blocks_agrees_with_a_plain_array),
                                       cmocka_unit_test(heap_clear_frees_what_is_left),
                                       cmocka_unit_test(heap_over_the_maximum_is_not_allowed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
