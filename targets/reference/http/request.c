/* Parses the head of an HTTP/1.x request, after RFC 9112. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/request.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { BAD_REQUEST = 400, NOT_IMPLEMENTED = 501, VERSION_NOT_SUPPORTED = 505 };

struct text {
    const char *start;
    size_t length;
};

static bool text_is(struct text t, const char *word)
{
    return t.length == strlen(word) && strncasecmp(t.start, word, t.length) == 0;
}

static struct text trimmed(struct text t)
{
    while (t.length > 0 && (t.start[0] == ' ' || t.start[0] == '\t'))
        t.start++, t.length--;
    while (t.length > 0 && (t.start[t.length - 1] == ' ' || t.start[t.length - 1] == '\t'))
        t.length--;
    return t;
}

/* Cuts the text before the separator off *rest; false when there is none. */
static bool cut(struct text *rest, char separator, struct text *ret_part)
{
    const char *at = memchr(rest->start, separator, rest->length);
    if (at == NULL)
        return false;
    *ret_part = (struct text){rest->start, (size_t)(at - rest->start)};
    rest->start += ret_part->length + 1;
    rest->length -= ret_part->length + 1;
    return true;
}

static bool is_token(struct text t)
{
    for (size_t i = 0; i < t.length; i++)
        if (!isalnum((unsigned char)t.start[i]) && !strchr("!#$%&'*+-.^_`|~", t.start[i]))
            return false;
    return t.length > 0 && memchr(t.start, '\0', t.length) == NULL;
}

static bool is_printable(struct text t)
{
    for (size_t i = 0; i < t.length; i++)
        if (!isprint((unsigned char)t.start[i]) && t.start[i] != '\t' && !(t.start[i] & 0x80))
            return false;
    return true;
}

/* method SP request-target SP HTTP/1.x */
static int parse_request_line(struct text line, struct request *r)
{
    struct text method;
    struct text target;
    if (!cut(&line, ' ', &method) || !is_token(method) || !cut(&line, ' ', &target) ||
        target.length == 0 || !is_printable(target))
        return BAD_REQUEST;
    if (line.length != 8 || memcmp(line.start, "HTTP/", 5) != 0 || line.start[6] != '.' ||
        !isdigit((unsigned char)line.start[5]) || !isdigit((unsigned char)line.start[7]))
        return BAD_REQUEST;
    if (line.start[5] != '1')
        return VERSION_NOT_SUPPORTED;
    r->minor = line.start[7] - '0';
    r->target = target.start;
    r->target_length = target.length;
    if (method.length == 3 && memcmp(method.start, "GET", 3) == 0)
        r->method = METHOD_GET;
    else if (method.length == 4 && memcmp(method.start, "HEAD", 4) == 0)
        r->method = METHOD_HEAD;
    else if (method.length == 4 && memcmp(method.start, "POST", 4) == 0)
        r->method = METHOD_POST;
    return 0;
}

/* Two different lengths in one request are how requests get smuggled past a proxy. */
static int parse_content_length(struct text value, struct request *r)
{
    uint64_t length = 0;
    if (value.length == 0 || value.length > 18)
        return BAD_REQUEST;
    for (size_t i = 0; i < value.length; i++) {
        if (!isdigit((unsigned char)value.start[i]))
            return BAD_REQUEST;
        length = length * 10 + (uint64_t)(value.start[i] - '0');
    }
    if (r->has_length && length != r->content_length)
        return BAD_REQUEST;
    r->has_length = true;
    r->content_length = length;
    return 0;
}

static void parse_connection(struct text value, struct request *r)
{
    struct text item;
    bool more = true;
    while (more) {
        more = cut(&value, ',', &item);
        if (!more)
            item = value;
        item = trimmed(item);
        r->close_asked = r->close_asked || text_is(item, "close");
        r->keep_alive_asked = r->keep_alive_asked || text_is(item, "keep-alive");
    }
}

static int parse_field(struct text line, struct request *r)
{
    struct text name;
    if (!cut(&line, ':', &name) || !is_token(name) || !is_printable(line))
        return BAD_REQUEST;
    struct text value = trimmed(line);
    if (text_is(name, "Host"))
        r->hosts++;
    else if (text_is(name, "Content-Length"))
        return parse_content_length(value, r);
    else if (text_is(name, "Connection"))
        parse_connection(value, r);
    else if (text_is(name, "Transfer-Encoding"))
        return NOT_IMPLEMENTED;
    return 0;
}

static int finish(struct request *r)
{
    r->keep_alive = !r->close_asked && (r->minor >= 1 || r->keep_alive_asked);
    if (r->hosts > 1 || (r->minor >= 1 && r->hosts != 1))
        return BAD_REQUEST;
    return 0;
}

long request_parse(const char *data, size_t length, struct request *ret_request)
{
    struct text rest = {data, length};
    struct text line;
    bool first = true;
    *ret_request = (struct request){.method = METHOD_OTHER};
    while (cut(&rest, '\n', &line)) {
        if (line.length == 0 || line.start[line.length - 1] != '\r') {
            ret_request->error = BAD_REQUEST;
            return -1;
        }
        line.length--;
        if (line.length == 0 && first)
            continue; /* some clients send an empty line after a body: RFC 9112, 2.2 */
        if (line.length == 0)
            ret_request->error = finish(ret_request);
        else if (first)
            ret_request->error = parse_request_line(line, ret_request);
        else
            ret_request->error = parse_field(line, ret_request);
        if (ret_request->error != 0)
            return -1;
        if (line.length == 0)
            return rest.start - data;
        first = false;
    }
    return 0;
}
