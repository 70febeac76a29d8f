/* The bump allocator. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "base/arena.h"

enum { SIZE = 4096 };

static int set_up(void **state)
{
    static struct arena arena;
    *state = &arena;
    return arena_init(&arena, SIZE) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    arena_done(*state);
    return 0;
}

static void alloc_is_aligned_and_does_not_overlap(void **state)
{
    uint8_t *first = arena_alloc(*state, 1);
    uint8_t *second = arena_alloc(*state, 17);
    uint8_t *third = arena_alloc(*state, 16);
    assert_non_null(first);
    assert_int_equal((uintptr_t)first % 16, 0);
    assert_int_equal((uintptr_t)second % 16, 0);
    assert_true(second >= first + 1);
    assert_true(third >= second + 17);
}

static void alloc_beyond_the_size_is_null(void **state)
{
    assert_non_null(arena_alloc(*state, SIZE - 16));
    assert_null(arena_alloc(*state, 17));
    assert_non_null(arena_alloc(*state, 16));
    assert_null(arena_alloc(*state, 1));
}

static void alloc_of_a_size_that_wraps_is_null(void **state)
{
    assert_null(arena_alloc(*state, SIZE_MAX));
    assert_null(arena_alloc(*state, SIZE_MAX - 15));
}

static void reset_gives_the_same_memory_again(void **state)
{
    void *first = arena_alloc(*state, 100);
    memset(first, 0xAA, 100);
    arena_reset(*state);
    assert_ptr_equal(arena_alloc(*state, 100), first);
}

static void init_of_too_much_is_no_memory(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_int_equal(arena_init(&arena, SIZE_MAX / 2), STATUS_NO_MEMORY);
}

static void done_of_nothing_does_nothing(void **state)
{
    (void)state;
    struct arena arena = {0};
    arena_done(&arena);
    arena_done(&arena);
    assert_null(arena.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(alloc_is_aligned_and_does_not_overlap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(alloc_beyond_the_size_is_null, set_up, tear_down),
        cmocka_unit_test_setup_teardown(alloc_of_a_size_that_wraps_is_null, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reset_gives_the_same_memory_again, set_up, tear_down),
        cmocka_unit_test(init_of_too_much_is_no_memory),
        cmocka_unit_test(done_of_nothing_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
