/* A program that lets read() write past a block: the sanitizer must see what our code writes for
 * it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
    char text[64] = "more than fits";
    volatile size_t wanted = sizeof text; /* no compiler shall see it coming */
    int fds[2];
    char *block = malloc(10);
    if (block == NULL || pipe(fds) != 0 || write(fds[1], text, sizeof text) < 0) {
        return 1;
    }
    return read(fds[0], block, wanted) == (ssize_t)sizeof text ? 2 : 3;
}
