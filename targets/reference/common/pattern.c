/* The body of /large/N: the bytes that the HTTP profile of sockspec expects. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "common/pattern.h"

/* clang-format off */
#define P1(i) (char)('a' + (i) % PATTERN_PERIOD % 26),
#define P4(i) P1(i) P1((i) + 1) P1((i) + 2) P1((i) + 3)
#define P16(i) P4(i) P4((i) + 4) P4((i) + 8) P4((i) + 12)
#define P64(i) P16(i) P16((i) + 16) P16((i) + 32) P16((i) + 48)
#define P256(i) P64(i) P64((i) + 64) P64((i) + 128) P64((i) + 192)
#define P1024(i) P256(i) P256((i) + 256) P256((i) + 512) P256((i) + 768)
/* clang-format on */

const char pattern_bytes[4096] = {P1024(0) P1024(1024) P1024(2048) P1024(3072)};
