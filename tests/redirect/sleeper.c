/* A program that takes turns with another by sleeping, and counts in memory that both have under
 * the same names. With a second argument each turn has a thread of its own. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int turns = 100;
static _Thread_local int thread_turns = 200;

static void *take_turn(void *name)
{
    printf("%s %d %d\n", (const char *)name, turns++, thread_turns++);
    (void)fflush(stdout);
    (void)sleep(1);
    return NULL;
}

static void start_turn(char *name)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, take_turn, name) == 0) {
        (void)pthread_detach(thread);
    }
    (void)sleep(1);
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 0;
    for (int i = 0; i < count; i++) {
        if (argc > 2) {
            start_turn(argv[0]);
        } else {
            (void)take_turn(argv[0]);
        }
    }
    return count;
}
