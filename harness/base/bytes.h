/* Reading and writing bytes with bounds that cannot be passed.
 * A reader past its end yields zeros; a writer past its end remembers that it overflowed. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_BASE_BYTES_H
#define SOCKSPEC_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes_reader {
    const uint8_t *at;
    const uint8_t *end;
};

struct bytes_writer {
    uint8_t *at;
    uint8_t *end;
    bool overflow; /* something did not fit; the output is unusable */
};

static inline size_t bytes_left(const struct bytes_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static inline uint8_t bytes_get_u8(struct bytes_reader *reader)
{
    return reader->at < reader->end ? *reader->at++ : 0;
}

/* Little-endian base-128, at most 10 bytes; bits past the 64th are dropped. */
static inline uint64_t bytes_get_varint(struct bytes_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte = bytes_get_u8(reader);
        if (shift < 64) {
            value |= (uint64_t)(byte & 0x7F) << shift;
        }
        if ((byte & 0x80) == 0) {
            break;
        }
    }
    return value;
}

static inline void bytes_put(struct bytes_writer *writer, const void *data, size_t size)
{
    if (size > (size_t)(writer->end - writer->at)) {
        writer->overflow = true;
        return;
    }
    if (size > 0) {
        memcpy(writer->at, data, size);
        writer->at += size;
    }
}

static inline void bytes_put_u8(struct bytes_writer *writer, uint8_t value)
{
    bytes_put(writer, &value, 1);
}

static inline void bytes_put_varint(struct bytes_writer *writer, uint64_t value)
{
    while (value >= 0x80) {
        bytes_put_u8(writer, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    bytes_put_u8(writer, (uint8_t)value);
}

#endif
