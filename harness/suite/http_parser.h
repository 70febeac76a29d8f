/* An incremental reader of HTTP/1.x messages (RFC 9112), for peers that judge and answer.
 * However the bytes are cut, the same is understood. No allocation; plain state. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_HTTP_PARSER_H
#define SOCKSPEC_SUITE_HTTP_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_LINE_MAX = 64 }; /* bytes of a line that are looked at */

enum http_phase {
    HTTP_START, /* request or status line */
    HTTP_FIELDS,
    HTTP_SIZED,      /* body of known length */
    HTTP_CHUNK_LINE, /* chunk-size */
    HTTP_CHUNK,
    HTTP_CHUNK_END,
    HTTP_TRAILERS,
    HTTP_TO_END, /* body that ends with the connection */
    HTTP_WHOLE,  /* the message is complete */
    HTTP_BAD     /* it is no HTTP */
};

enum http_method { HTTP_OTHER, HTTP_GET, HTTP_HEAD, HTTP_POST };

struct http_parser {
    uint64_t left;       /* SIZED, CHUNK: bytes of it still to come */
    uint64_t body;       /* bytes of the body so far */
    uint64_t length;     /* Content-Length */
    uint32_t asked_size; /* request for /large/N: N */
    uint16_t line_size;  /* bytes of the present line, counted to the maximum */
    uint16_t status;     /* of a response */
    uint8_t phase;       /* enum http_phase */
    uint8_t method;      /* of a request: enum http_method */
    bool is_response;
    bool no_body; /* a response that has none, whatever its fields say: to HEAD */
    bool has_length, chunked, close, keep, old; /* old: HTTP/1.0 */
    bool is_large;                              /* request for /large/N */
    char line[HTTP_LINE_MAX];
};

/* Before each message. */
void http_parser_begin(struct http_parser *parser, bool is_response, bool no_body);

/* Takes bytes until something is to be told: returns how many were taken. *ret_body_size > 0: the
 * last that many of them are body. Look at `phase` afterwards: WHOLE, BAD or more to come. Takes at
 * least one byte unless the phase is WHOLE or BAD. */
size_t http_parser_take(struct http_parser *parser, const uint8_t *data, size_t size,
                        size_t *ret_body_size);

/* The connection ends after this message. */
static inline bool http_parser_closes(const struct http_parser *parser)
{
    return parser->close || (parser->old && !parser->keep) || parser->phase == HTTP_TO_END;
}

#endif
