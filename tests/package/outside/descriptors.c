/* Compiled with large file offsets, as a part of a program may be: here fcntl is fcntl64. */
/* SPDX-License-Identifier: Apache-2.0 */
#define _FILE_OFFSET_BITS 64
#include "descriptors.h"

#include <fcntl.h>

int close_on_exec(int fd)
{
    return fcntl(fd, F_SETFD, FD_CLOEXEC);
}
