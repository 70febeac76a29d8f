/* Command line of the reference programs: one table of options, each program names those it takes.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

#include <sys/socket.h>

/* What a program may accept beside --host and --port; joined with |. */
enum option_kind {
    OPTION_IDLE_TIMEOUT = 1 << 0, /* --idle-timeout SECONDS */
    OPTION_REQUESTS = 1 << 1,     /* --requests N */
    OPTION_SIZE = 1 << 2,         /* --size BYTES */
    OPTION_TIMEOUT = 1 << 3,      /* --timeout SECONDS */
    OPTION_PATH = 1 << 4,         /* --path PATH */
};

struct options {
    struct sockaddr_storage address; /* from --host (a numeric address) and --port */
    socklen_t address_length;
    int idle_ms;      /* a connection on which nothing moves for so long is closed */
    int timeout_ms;   /* a client waits no longer than this for any one thing */
    int requests;     /* dialogues that a client holds */
    int size;         /* bytes in one message of an echo client, its newline included */
    const char *path; /* what an HTTP client asks for; points into argv */
};

/* Reads the command line into *ret_options, defaults included: host 0.0.0.0, idle 30 s, timeout
 * 10 s, one request of 64 bytes, path "/". accepted joins enum option_kind. A wrong command line
 * is explained on stderr and gives -1; the program should then exit with status 2. */
int options_parse(int argc, char **argv, unsigned accepted, struct options *ret_options);

#endif
