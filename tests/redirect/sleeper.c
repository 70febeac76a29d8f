/* A program that takes turns with another by sleeping, and counts in memory that both have under
 * the same names. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int turns = 100;
static _Thread_local int thread_turns = 200;

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 0;
    for (int i = 0; i < count; i++) {
        printf("%s %d %d\n", argv[0], turns++, thread_turns++);
        (void)fflush(stdout);
        (void)sleep(1);
    }
    return count;
}
