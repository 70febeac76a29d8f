/* Parses the head of an HTTP/1.x request. Pure: no I/O, no allocation. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum request_method { METHOD_OTHER, METHOD_GET, METHOD_HEAD, METHOD_POST };

struct request {
    enum request_method method;
    const char *target; /* points into the input, not terminated */
    size_t target_length;
    int minor;               /* HTTP/1.minor */
    bool keep_alive;         /* by version and Connection field */
    uint64_t content_length; /* 0 when absent */
    size_t hosts;            /* number of Host fields */
    bool has_length, close_asked, keep_alive_asked;
    int error; /* status to answer with when malformed */
};

/* Looks at what has come so far. Returns the length of the head once it is complete, 0 while it is
 * not, and -1 as soon as it cannot become a valid request any more (see error). */
long request_parse(const char *data, size_t length, struct request *ret_request);

#endif
