/* Bounded readers and writers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/bytes.h"

static void reader_past_its_end_gives_zeros(void **state)
{
    (void)state;
    const uint8_t data[] = {7};
    struct bytes_reader reader = {data, data + sizeof(data)};
    assert_int_equal(bytes_get_u8(&reader), 7);
    assert_int_equal(bytes_left(&reader), 0);
    assert_int_equal(bytes_get_u8(&reader), 0);
    assert_int_equal(bytes_get_varint(&reader), 0);
    assert_int_equal(bytes_left(&reader), 0);
}

static void varint_reads_back_what_was_written(void **state)
{
    (void)state;
    static const uint64_t values[] = {0,     1,          127,        128,        16383,
                                      16384, UINT32_MAX, 1ULL << 35, UINT64_MAX, UINT64_MAX - 1};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        uint8_t data[10];
        struct bytes_writer writer = {data, data + sizeof(data), false};
        bytes_put_varint(&writer, values[i]);
        assert_false(writer.overflow);
        struct bytes_reader reader = {data, writer.at};
        assert_true(bytes_get_varint(&reader) == values[i]);
        assert_int_equal(bytes_left(&reader), 0);
    }
}

static void varint_without_an_end_takes_ten_bytes(void **state)
{
    (void)state;
    uint8_t data[12];
    memset(data, 0xFF, sizeof(data));
    struct bytes_reader reader = {data, data + sizeof(data)};
    assert_true(bytes_get_varint(&reader) == UINT64_MAX);
    assert_int_equal(bytes_left(&reader), 2);
}

static void writer_past_its_end_remembers_and_writes_nothing(void **state)
{
    (void)state;
    uint8_t data[3] = {0, 0, 9};
    struct bytes_writer writer = {data, data + 2, false};
    bytes_put_u8(&writer, 1);
    bytes_put(&writer, "ab", 2);
    assert_true(writer.overflow);
    assert_int_equal(data[1], 0);
    assert_int_equal(data[2], 9);
    bytes_put_u8(&writer, 2);
    assert_int_equal(data[1], 2);
    assert_true(writer.overflow);
}

static void put_of_nothing_fits_everywhere(void **state)
{
    (void)state;
    struct bytes_writer writer = {NULL, NULL, false};
    bytes_put(&writer, NULL, 0);
    assert_false(writer.overflow);
}

static void copy_of_every_short_size_is_exact(void **state)
{
    (void)state;
    uint8_t source[BYTES_SHORT + 8];
    for (size_t i = 0; i < sizeof(source); i++) {
        source[i] = (uint8_t)(i * 7 + 1);
    }
    for (size_t size = 0; size <= BYTES_SHORT + 4; size++) {
        uint8_t target[BYTES_SHORT + 8];
        memset(target, 0, sizeof(target));
        bytes_copy(target, source, size);
        assert_memory_equal(target, source, size);
        assert_int_equal(target[size], 0);
    }
}

static void clear_of_whole_lines_is_exact(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 4 * BYTES_BLOCK; size += 64) {
        uint8_t bytes[4 * BYTES_BLOCK + 8];
        memset(bytes, 0xEE, sizeof bytes);
        bytes_clear(bytes, size);
        for (size_t i = 0; i < sizeof bytes; i++) {
            assert_int_equal(bytes[i], i < size ? 0 : 0xEE);
        }
    }
}

static void match_ends_at_the_first_difference(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 7, 8, 9, 40, BYTES_SHORT, BYTES_SHORT + 44};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t wrong = 0; wrong <= sizes[i]; wrong++) {
            uint8_t a[BYTES_SHORT + 45];
            uint8_t b[BYTES_SHORT + 45];
            memset(a, 'x', sizeof(a));
            memset(b, 'x', sizeof(b));
            b[wrong] = 'y';
            assert_int_equal(bytes_match(a, b, sizes[i]), wrong);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_past_its_end_gives_zeros),
        cmocka_unit_test(varint_reads_back_what_was_written),
        cmocka_unit_test(varint_without_an_end_takes_ten_bytes),
        cmocka_unit_test(writer_past_its_end_remembers_and_writes_nothing),
        cmocka_unit_test(put_of_nothing_fits_everywhere),
        cmocka_unit_test(copy_of_every_short_size_is_exact),
        cmocka_unit_test(clear_of_whole_lines_is_exact),
        cmocka_unit_test(match_ends_at_the_first_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
