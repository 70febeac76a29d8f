/* An incremental reader of HTTP/1.x messages. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/http_parser.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

void http_parser_begin(struct http_parser *parser, bool is_response, bool no_body)
{
    memset(parser, 0, offsetof(struct http_parser, line));
    parser->is_response = is_response;
    parser->no_body = no_body;
}

/* A number in decimal or hexadecimal; false without a digit, or past 2^48. */
static bool number_read(const char *text, unsigned base, uint64_t *ret_number)
{
    uint64_t number = 0;
    unsigned digits = 0;
    for (;; text++, digits++) {
        unsigned digit = *text >= '0' && *text <= '9'   ? (unsigned)(*text - '0')
                         : *text >= 'a' && *text <= 'f' ? (unsigned)(*text - 'a') + 10
                         : *text >= 'A' && *text <= 'F' ? (unsigned)(*text - 'A') + 10
                                                        : 99;
        if (digit >= base) {
            break;
        }
        if (number >> 44 != 0) {
            return false;
        }
        number = number * base + digit;
    }
    *ret_number = number;
    return digits > 0;
}

static bool start_line(struct http_parser *parser, const char *line)
{
    if (parser->is_response) {
        uint64_t status = 0;
        if (strncmp(line, "HTTP/1.", 7) != 0 || (line[7] != '0' && line[7] != '1') ||
            line[8] != ' ' || !number_read(line + 9, 10, &status) || status < 100 || status > 599) {
            return false;
        }
        parser->old = line[7] == '0';
        parser->status = (uint16_t)status;
        return true;
    }
    static const struct {
        const char *text;
        enum http_method method;
    } methods[] = {{"GET ", HTTP_GET}, {"HEAD ", HTTP_HEAD}, {"POST ", HTTP_POST}};
    const char *target = strchr(line, ' ');
    if (target == NULL || target == line) {
        return false;
    }
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strncmp(line, methods[i].text, strlen(methods[i].text)) == 0) {
            parser->method = (uint8_t)methods[i].method;
        }
    }
    uint64_t size = 0;
    if (strncmp(target, " /large/", 8) == 0 && number_read(target + 8, 10, &size) &&
        size <= 1U << 24) {
        parser->is_large = true;
        parser->asked_size = (uint32_t)size;
    }
    parser->old = strstr(target, " HTTP/1.0") != NULL;
    return true;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Whether `text` begins with `word`, which is in lower case. In place: the C library's functions
 * cost more than such short texts are worth, the more under sanitizers. */
static bool begins(const char *text, const char *word)
{
    while (*word != '\0' && lower(*text) == *word) {
        text++;
        word++;
    }
    return *word == '\0';
}

/* Whether a field's value names this token, as Connection and Transfer-Encoding do. */
static bool value_names(const char *value, const char *token)
{
    while (*value != '\0' && !begins(value, token)) {
        value++;
    }
    return *value != '\0';
}

static bool field_line(struct http_parser *parser, const char *line)
{
    const char *colon = line;
    while (*colon != '\0' && *colon != ':') {
        colon++;
    }
    if (*colon == '\0' || colon == line) {
        return parser->line_size >= HTTP_LINE_MAX - 1; /* a field name too long to be looked at */
    }
    const char *value = colon + 1;
    while (*value == ' ' || *value == '\t') {
        value++;
    }
    size_t name = (size_t)(colon - line);
    if (name == 14 && begins(line, "content-length")) {
        parser->has_length = true;
        return number_read(value, 10, &parser->length);
    }
    if (name == 17 && begins(line, "transfer-encoding")) {
        parser->chunked = value_names(value, "chunked");
    } else if (name == 10 && begins(line, "connection")) {
        parser->close = parser->close || value_names(value, "close");
        parser->keep = parser->keep || value_names(value, "keep-alive");
    }
    return true;
}

/* The empty line came: what follows? RFC 9112 section 6.3. */
static void fields_done(struct http_parser *parser)
{
    bool informal = parser->is_response && parser->status < 200;
    if (informal) {
        http_parser_begin(parser, true, parser->no_body); /* 1xx: the real answer follows */
    } else if (parser->no_body || parser->status == 204 || parser->status == 304) {
        parser->phase = HTTP_WHOLE;
    } else if (parser->chunked) {
        parser->phase = HTTP_CHUNK_LINE;
    } else if (parser->has_length || !parser->is_response) {
        parser->left = parser->length;
        parser->phase = parser->left > 0 ? HTTP_SIZED : HTTP_WHOLE;
    } else {
        parser->phase = HTTP_TO_END;
    }
}

static void line_done(struct http_parser *parser, const char *line)
{
    bool good = true;
    switch (parser->phase) {
    case HTTP_START:
        if (line[0] == '\0' && !parser->is_response) {
            return; /* an empty line before a request is ignored: RFC 9112 section 2.2 */
        }
        good = start_line(parser, line);
        parser->phase = HTTP_FIELDS;
        break;
    case HTTP_FIELDS:
        if (line[0] == '\0') {
            fields_done(parser);
        } else {
            good = field_line(parser, line);
        }
        break;
    case HTTP_CHUNK_LINE:
        good = number_read(line, 16, &parser->left);
        parser->phase = parser->left > 0 ? HTTP_CHUNK : HTTP_TRAILERS;
        break;
    case HTTP_CHUNK_END:
        good = line[0] == '\0';
        parser->phase = HTTP_CHUNK_LINE;
        break;
    default:
        assert(parser->phase == HTTP_TRAILERS);
        if (line[0] == '\0') {
            parser->phase = HTTP_WHOLE;
        }
        break;
    }
    if (!good) {
        parser->phase = HTTP_BAD;
    }
}

/* Gathers bytes up to the end of a line. */
static size_t line_take(struct http_parser *parser, const uint8_t *data, size_t size)
{
    const uint8_t *newline = memchr(data, '\n', size);
    size_t taken = newline == NULL ? size : (size_t)(newline - data);
    if (newline != NULL && parser->line_size == 0 && taken < HTTP_LINE_MAX - 1U) {
        char line[HTTP_LINE_MAX]; /* all of it is here: nearly always */
        bytes_copy(line, data, taken);
        line[taken > 0 && line[taken - 1] == '\r' ? taken - 1 : taken] = '\0';
        line_done(parser, line);
        return taken + 1;
    }
    size_t room = HTTP_LINE_MAX - 1U - parser->line_size;
    size_t kept = taken < room ? taken : room;
    bytes_copy(parser->line + parser->line_size, data, kept);
    parser->line_size = (uint16_t)(parser->line_size + kept);
    if (newline == NULL) {
        return taken;
    }
    bool whole = parser->line_size < HTTP_LINE_MAX - 1;
    size_t end = parser->line_size;
    if (whole && end > 0 && parser->line[end - 1] == '\r') {
        end--;
    }
    parser->line[end] = '\0';
    char line[HTTP_LINE_MAX];
    memcpy(line, parser->line, end + 1);
    line_done(parser, line);
    parser->line_size = 0;
    return taken + 1;
}

/* What the first bytes of a status line must be, so that nonsense without a line end shows at once.
 */
static bool start_is_possible(const struct http_parser *parser)
{
    static const char start[] = "HTTP/1.";
    size_t size = parser->line_size < sizeof(start) - 1 ? parser->line_size : sizeof(start) - 1;
    return !parser->is_response || parser->phase != HTTP_START ||
           memcmp(parser->line, start, size) == 0;
}

size_t http_parser_take(struct http_parser *parser, const uint8_t *data, size_t size,
                        size_t *ret_body_size)
{
    *ret_body_size = 0;
    if (parser->phase == HTTP_WHOLE || parser->phase == HTTP_BAD || size == 0) {
        return 0;
    }
    if (parser->phase == HTTP_SIZED || parser->phase == HTTP_CHUNK ||
        parser->phase == HTTP_TO_END) {
        size_t taken = size;
        if (parser->phase != HTTP_TO_END) {
            taken = parser->left < size ? (size_t)parser->left : size;
            parser->left -= taken;
            if (parser->left == 0) {
                parser->phase = parser->phase == HTTP_SIZED ? HTTP_WHOLE : HTTP_CHUNK_END;
            }
        }
        parser->body += taken;
        *ret_body_size = taken;
        return taken;
    }
    size_t taken = line_take(parser, data, size);
    if (!start_is_possible(parser)) {
        parser->phase = HTTP_BAD;
    }
    return taken;
}
