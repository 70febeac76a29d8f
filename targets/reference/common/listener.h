/* The listening socket of the reference servers, and the sorting of what accept() may answer. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_LISTENER_H
#define COMMON_LISTENER_H

#include "common/options.h"

/* Opens a listening socket on options->address; flags is 0 or SOCK_NONBLOCK. Returns the
 * descriptor, which the caller closes, or -1 after a message on stderr. */
int listener_open(const struct options *options, int flags);

/* What to do after accept() failed with an errno. */
enum accept_failure {
    ACCEPT_EMPTY, /* nothing is waiting, or a signal came: go back to the loop */
    ACCEPT_NEXT,  /* this one connection died before it was taken: the next may be fine */
    ACCEPT_PAUSE, /* out of descriptors or memory: the connection still waits, try again later */
};

enum accept_failure listener_classify(int error);

#endif
