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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_past_its_end_gives_zeros),
        cmocka_unit_test(varint_reads_back_what_was_written),
        cmocka_unit_test(varint_without_an_end_takes_ten_bytes),
        cmocka_unit_test(writer_past_its_end_remembers_and_writes_nothing),
        cmocka_unit_test(put_of_nothing_fits_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
