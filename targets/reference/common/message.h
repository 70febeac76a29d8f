/* The messages of the echo clients: one line each, different in every dialogue. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_MESSAGE_H
#define COMMON_MESSAGE_H

#include <stddef.h>

/* Byte `place` of the message with this number and size: small letters, a newline at the end. */
static inline char message_byte(int number, size_t place, size_t size)
{
    if (place + 1 == size)
        return '\n';
    return (char)('a' + ((size_t)number * 7 + place % 251) % 26);
}

#endif
