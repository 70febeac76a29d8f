/* Reading and writing bytes with bounds that cannot be passed.
 * A reader past its end yields zeros; a writer past its end remembers that it overflowed.
 * And copying and comparing short runs in place: a call of the C library costs more than that, the
 * more where sanitizers stand in front of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_BASE_BYTES_H
#define SOCKSPEC_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    BYTES_SHORT = 256, /* runs up to here are copied word by word */
    BYTES_BLOCK = 64   /* bytes compared at a time */
};

#if defined(__SANITIZE_ADDRESS__)
#define BYTES_CHECKED 1 /* this very code is to be looked at */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BYTES_CHECKED 1
#endif
#endif

/* Whether a sanitizer stands in front of the C library although this code is not instrumented: a
 * target of a fuzzer brought it along. */
#if defined(BYTES_CHECKED)
static inline bool bytes_intercepted(void)
{
    return false;
}
#else
void __asan_init(void) __attribute__((weak));
static inline bool bytes_intercepted(void)
{
    return __asan_init != NULL;
}
#endif

/* A long run at once, past whatever stands in front of the C library. */
static inline void bytes_move(void *to, const void *from, size_t size)
{
#if defined(__x86_64__)
    if (bytes_intercepted()) {
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
        return;
    }
#endif
    memcpy(to, from, size);
}

/* memcpy. */
static inline void bytes_copy(void *to, const void *from, size_t size)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    if (size > BYTES_SHORT) {
        bytes_move(target, source, size);
        return;
    }
    for (; size >= 64; size -= 64, target += 64, source += 64) {
        memcpy(target, source, 64);
        __asm__("" : "+r"(size)); /* compilers must not take the loop for a memcpy */
    }
    if ((size & 32) != 0) {
        memcpy(target, source, 32);
        target += 32, source += 32;
    }
    if ((size & 16) != 0) {
        memcpy(target, source, 16);
        target += 16, source += 16;
    }
    if ((size & 8) != 0) {
        memcpy(target, source, 8);
        target += 8, source += 8;
    }
    if ((size & 4) != 0) {
        memcpy(target, source, 4);
        target += 4, source += 4;
    }
    if ((size & 2) != 0) {
        memcpy(target, source, 2);
        target += 2, source += 2;
    }
    if ((size & 1) != 0) {
        *target = *source;
    }
}

/* Eight words at a time, which compilers put into vector registers. */
typedef uint64_t bytes_vector __attribute__((vector_size(16)));

/* Zeros, for a struct whose size is known: a multiple of 64. */
static inline void bytes_clear(void *at, size_t size)
{
    uint8_t *target = at;
    const bytes_vector zero = {0, 0};
    for (uint8_t *end = target + size; target < end; target += 64) {
        for (size_t i = 0; i < 64; i += sizeof zero) {
            memcpy(target + i, &zero, sizeof zero);
        }
        __asm__("" : "+r"(target)); /* compilers must not take the loop for a memset */
    }
}

static inline bool bytes_block_same(const uint8_t *left, const uint8_t *right)
{
    bytes_vector one[BYTES_BLOCK / sizeof(bytes_vector)];
    bytes_vector other[BYTES_BLOCK / sizeof(bytes_vector)];
    memcpy(one, left, BYTES_BLOCK);
    memcpy(other, right, BYTES_BLOCK);
    bytes_vector differ =
        (one[0] ^ other[0]) | (one[1] ^ other[1]) | (one[2] ^ other[2]) | (one[3] ^ other[3]);
    return (differ[0] | differ[1]) == 0;
}

/* How many bytes at the start of both runs are the same. */
static inline size_t bytes_match(const void *a, const void *b, size_t size)
{
    const uint8_t *left = a;
    const uint8_t *right = b;
    size_t at = 0;
    if (size > BYTES_SHORT && !bytes_intercepted() && memcmp(left, right, size) == 0) {
        return size;
    }
    for (; size - at >= BYTES_BLOCK && bytes_block_same(left + at, right + at); at += BYTES_BLOCK) {
    }
    for (; size - at >= 8; at += 8) {
        uint64_t one;
        uint64_t other;
        memcpy(&one, left + at, 8);
        memcpy(&other, right + at, 8);
        if (one != other) {
            break;
        }
    }
    while (at < size && left[at] == right[at]) {
        at++;
    }
    return at;
}

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
