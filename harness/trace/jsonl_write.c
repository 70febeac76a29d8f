/* Writing a trace as JSON Lines, by hand: campaigns write many of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/jsonl.h"

#include <assert.h>
#include <string.h>

#include "trace/form.h"
#include "trace/utf8.h"

enum {
    LINE_MAX_SIZE = 4096, /* the longest line: a header of escaped names, or every field named */
    BUFFER_SIZE = 1 << 15
};

/* Lines gather here and go out in large pieces. */
struct buffer {
    char data[BUFFER_SIZE];
    size_t used;
};

static void put(struct buffer *buffer, const char *text, size_t size)
{
    assert(buffer->used + size <= sizeof buffer->data);
    memcpy(buffer->data + buffer->used, text, size);
    buffer->used += size;
}

static void put_text(struct buffer *buffer, const char *text)
{
    put(buffer, text, strlen(text));
}

static void put_unsigned(struct buffer *buffer, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    put(buffer, digits + at, sizeof digits - at);
}

static void put_number(struct buffer *buffer, int64_t value)
{
    if (value < 0) {
        put(buffer, "-", 1);
        put_unsigned(buffer, ~(uint64_t)value + 1);
    } else {
        put_unsigned(buffer, (uint64_t)value);
    }
}

static void put_quoted(struct buffer *buffer, const char *text)
{
    put(buffer, "\"", 1);
    put_text(buffer, text);
    put(buffer, "\"", 1);
}

static void put_key(struct buffer *buffer, const char *key)
{
    put(buffer, ",", 1);
    put_quoted(buffer, key);
    put(buffer, ":", 1);
}

/* A name of the header. A byte that is no UTF-8 becomes U+FFFD: JSON cannot hold it. */
static void put_name(struct buffer *buffer, const char *name)
{
    size_t size = strnlen(name, TRACE_NAME_MAX);
    put(buffer, "\"", 1);
    for (size_t i = 0; i < size;) {
        unsigned char byte = (unsigned char)name[i];
        size_t length = trace_utf8_length(name + i, size - i);
        if (length == 0) {
            put_text(buffer, "\xEF\xBF\xBD");
            length = 1;
        } else if (byte < 0x20 || byte == 0x7F) {
            static const char hex[] = "0123456789abcdef";
            put_text(buffer, "\\u00");
            put(buffer, &hex[byte >> 4], 1);
            put(buffer, &hex[byte & 15], 1);
        } else {
            if (byte == '"' || byte == '\\') {
                put(buffer, "\\", 1);
            }
            put(buffer, name + i, length);
        }
        i += length;
    }
    put(buffer, "\"", 1);
}

/* Names of the bits that are set; those without a name follow as one number. */
static void put_bits(struct buffer *buffer, const struct trace_names *names, uint64_t value)
{
    const char *comma = "";
    put(buffer, "[", 1);
    for (unsigned i = 0; i < names->count; i++) {
        if ((value & names->bits[i]) != 0) {
            put_text(buffer, comma);
            put_quoted(buffer, names->texts[i]);
            value &= ~names->bits[i];
            comma = ",";
        }
    }
    if (value != 0) {
        put_text(buffer, comma);
        put_number(buffer, (int64_t)value);
    }
    put(buffer, "]", 1);
}

/* A value without a name is written as a number. */
static void put_value(struct buffer *buffer, const struct trace_names *names, int64_t value)
{
    if (names == NULL) {
        put_number(buffer, value);
    } else if (names->bits != NULL) {
        put_bits(buffer, names, (uint64_t)value);
    } else {
        const char *text = trace_names_text(names, value);
        if (text != NULL) {
            put_quoted(buffer, text);
        } else {
            put_number(buffer, value);
        }
    }
}

/* Numbers and bits are left out at 0; the value of an enum always stands there. */
static void put_field(struct buffer *buffer, const struct trace_field *field, int64_t value)
{
    bool always = field->names != NULL && field->names->bits == NULL;
    if (value != 0 || always) {
        put_key(buffer, field->key);
        put_value(buffer, field->names, value);
    }
}

static void put_errno(struct buffer *buffer, int32_t error)
{
    int32_t number = 0;
    const char *name = trace_errno_name(error);
    put_key(buffer, "err");
    if (trace_errno_find(name, &number) && number == error) {
        put_quoted(buffer, name);
    } else {
        put_number(buffer, error);
    }
}

static void put_header(struct buffer *buffer, const struct trace_header *header)
{
    put_text(buffer, "{\"sockspec_trace\":");
    put_number(buffer, TRACE_JSONL_VERSION);
    put_key(buffer, "target");
    put_name(buffer, header->target);
    put_key(buffer, "scenario");
    put_name(buffer, header->scenario);
    put_key(buffer, "role");
    put_value(buffer, &trace_names_role, (int64_t)header->role);
    put_key(buffer, "rules");
    put_value(buffer, &trace_names_rules, (int64_t)header->rules);
    put_key(buffer, "observers");
    put_bits(buffer, &trace_names_observer, header->observers);
    put_key(buffer, "promises");
    put_bits(buffer, &trace_names_promise, header->promises);
    put_key(buffer, "idle_limit_us");
    put_number(buffer, header->idle_limit_us);
    put_key(buffer, "connect_limit_us");
    put_number(buffer, header->connect_limit_us);
    /* A string: a seed has 64 bits, numbers in JSON readers often have 53. */
    put_key(buffer, "seed");
    put(buffer, "\"", 1);
    put_unsigned(buffer, header->seed);
    put_text(buffer, "\"}\n");
}

static void put_event(struct buffer *buffer, const struct trace_event *event)
{
    struct trace_form form = trace_form_of((enum trace_kind)event->kind, event->what);
    put_text(buffer, "{\"at\":");
    put_number(buffer, event->time_us);
    put_key(buffer, "kind");
    put_value(buffer, &trace_names_kind, event->kind);
    if (event->host != TRACE_HOST_TARGET) {
        put_key(buffer, "host");
        put_value(buffer, &trace_names_host, event->host);
    }
    put_field(buffer, &form.what, event->what);
    if (event->fd != -1) {
        put_key(buffer, form.fd.key);
        put_number(buffer, event->fd);
    }
    if (event->conn != 0) {
        put_key(buffer, "conn");
        put_number(buffer, event->conn);
    }
    put_field(buffer, &form.result, event->result);
    if (event->err != 0) {
        put_errno(buffer, event->err);
    }
    put_field(buffer, &form.a, event->a);
    if (event->b != 0 || !trace_state_sampled(event)) {
        put_field(buffer, &form.b, event->b);
    }
    if (event->flags != 0) {
        put_key(buffer, "flags");
        put_bits(buffer, &trace_names_flag, event->flags);
    }
    put_text(buffer, "}\n");
}

enum status trace_jsonl_write(const struct trace *trace, const struct trace_output *output,
                              struct status_detail *detail)
{
    assert(trace->count <= trace->capacity);
    struct buffer buffer;
    buffer.used = 0;
    put_header(&buffer, &trace->header);
    for (uint32_t i = 0; i < trace->count; i++) {
        if (buffer.used + LINE_MAX_SIZE > sizeof buffer.data) {
            enum status status = output->write(output->context, buffer.data, buffer.used, detail);
            if (status != STATUS_OK) {
                return status;
            }
            buffer.used = 0;
        }
        put_event(&buffer, &trace->events[i]);
    }
    return output->write(output->context, buffer.data, buffer.used, detail);
}

enum status trace_jsonl_save(const struct trace *trace, const char *path,
                             struct status_detail *detail)
{
    struct trace_save file;
    enum status status = trace_save_open(&file, path, detail);
    if (status != STATUS_OK) {
        return status;
    }
    struct trace_output output = trace_output_stream(file.stream);
    status = trace_jsonl_write(trace, &output, detail);
    if (status != STATUS_OK) {
        status = status_wrap(detail, status, "%s", path);
        trace_save_abandon(&file);
        return status;
    }
    return trace_save_commit(&file, detail);
}
