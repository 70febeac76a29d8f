/* Reading a trace from JSON Lines. Every key must be known and every name must mean something; what
 * is wrong is said with the line's number and what was expected. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/jsonl.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "trace/form.h"

/* One line being read. Every get_… removes its key from the object; what is left at the end is
 * unknown. The first failure stays. */
struct line {
    json_t *object;
    uint32_t number; /* from 1 */
    enum status status;
    struct status_detail *detail;
};

#define LINE_FAIL(line, ...)                                                                       \
    do {                                                                                           \
        if ((line)->status == STATUS_OK) {                                                         \
            (line)->status = status_fail((line)->detail, STATUS_SYNTAX, __VA_ARGS__);              \
            (line)->status =                                                                       \
                status_wrap((line)->detail, (line)->status, "line %" PRIu32, (line)->number);      \
        }                                                                                          \
    } while (0)

/* A few names that would have been right, for the message. */
static const char *names_sample(const struct trace_names *names, char *buffer, size_t size)
{
    size_t used = 0;
    unsigned listed = 0;
    buffer[0] = '\0';
    for (unsigned i = 0; i < names->count && listed < 8; i++) {
        if (names->texts[i] != NULL) {
            int more = snprintf(buffer + used, size - used, "%s\"%s\"", listed > 0 ? ", " : "",
                                names->texts[i]);
            if (more < 0 || (size_t)more >= size - used) {
                break;
            }
            used += (size_t)more;
            listed++;
        }
    }
    if (listed < names->count && used + 6 < size) {
        (void)snprintf(buffer + used, size - used, ", ...");
    }
    return buffer;
}

static void fail_name(struct line *line, const char *key, const struct trace_names *names,
                      const json_t *found)
{
    char sample[240];
    (void)names_sample(names, sample, sizeof sample);
    if (json_is_string(found)) {
        LINE_FAIL(line, "\"%s\": expected one of %s, found \"%.40s\"", key, sample,
                  json_string_value(found));
    } else {
        LINE_FAIL(line, "\"%s\": expected one of %s", key, sample);
    }
}

/* Bits: a list of names, and numbers for those without. */
static int64_t bits_of(struct line *line, const char *key, const struct trace_names *names,
                       const json_t *list)
{
    uint64_t bits = 0;
    if (!json_is_array(list)) {
        LINE_FAIL(line, "\"%s\": expected a list of names", key);
        return 0;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        int64_t bit = 0;
        if (json_is_integer(item)) {
            bit = (int64_t)json_integer_value(item);
        } else if (!json_is_string(item) ||
                   !trace_names_find(names, json_string_value(item), &bit)) {
            fail_name(line, key, names, item);
            return 0;
        }
        bits |= (uint64_t)bit;
    }
    return (int64_t)bits;
}

/* The value of `key` in [min, max]; `missing` when the key is not there. */
struct range {
    int64_t min;
    int64_t max;
    int64_t missing;
};

static int64_t value_of(struct line *line, const struct trace_field *field, const json_t *value,
                        const struct range *range)
{
    const struct trace_names *names = field->names;
    int64_t number = range->missing;
    if (names != NULL && names->bits != NULL) {
        number = bits_of(line, field->key, names, value);
    } else if (names != NULL && json_is_string(value)) {
        if (!trace_names_find(names, json_string_value(value), &number)) {
            fail_name(line, field->key, names, value);
        }
    } else if (json_is_integer(value)) {
        number = (int64_t)json_integer_value(value);
    } else if (names != NULL) {
        fail_name(line, field->key, names, value);
    } else {
        LINE_FAIL(line, "\"%s\": expected a whole number", field->key);
    }
    if (number < range->min || number > range->max) {
        LINE_FAIL(line, "\"%s\": expected a number from %" PRId64 " to %" PRId64 ", found %" PRId64,
                  field->key, range->min, range->max, number);
        return range->missing;
    }
    return number;
}

static int64_t get_field(struct line *line, const struct trace_field *field,
                         const struct range *range)
{
    const json_t *value = json_object_get(line->object, field->key);
    if (value == NULL) {
        return range->missing;
    }
    int64_t number = value_of(line, field, value, range);
    (void)json_object_del(line->object, field->key);
    return number;
}

/* As get_field, but the key must be there. */
static int64_t get_required(struct line *line, const struct trace_field *field,
                            const struct range *range)
{
    if (json_object_get(line->object, field->key) == NULL) {
        LINE_FAIL(line, "expected \"%s\"", field->key);
        return range->missing;
    }
    return get_field(line, field, range);
}

static int32_t get_errno(struct line *line)
{
    const json_t *value = json_object_get(line->object, "err");
    int32_t error = 0;
    if (json_is_string(value)) {
        if (!trace_errno_find(json_string_value(value), &error)) {
            LINE_FAIL(
                line,
                "\"err\": expected the name of an errno such as \"ECONNRESET\", found \"%.40s\"",
                json_string_value(value));
        }
    } else if (json_is_integer(value) && json_integer_value(value) >= INT32_MIN &&
               json_integer_value(value) <= INT32_MAX) {
        error = (int32_t)json_integer_value(value);
    } else if (value != NULL) {
        LINE_FAIL(line, "\"err\": expected the name or the number of an errno");
    }
    (void)json_object_del(line->object, "err");
    return error;
}

static void get_name(struct line *line, const char *key, char *ret_name)
{
    const json_t *value = json_object_get(line->object, key);
    if (!json_is_string(value)) {
        LINE_FAIL(line, "expected \"%s\" with a string", key);
        return;
    }
    if (json_string_length(value) >= TRACE_NAME_MAX) {
        LINE_FAIL(line, "\"%s\": expected at most %d bytes, found %zu", key, TRACE_NAME_MAX - 1,
                  json_string_length(value));
        return;
    }
    memset(ret_name, 0, TRACE_NAME_MAX);
    memcpy(ret_name, json_string_value(value), json_string_length(value));
    (void)json_object_del(line->object, key);
}

static uint64_t get_seed(struct line *line)
{
    const char *text = json_string_value(json_object_get(line->object, "seed"));
    uint64_t seed = 0;
    bool valid = text != NULL && text[0] >= '0' && text[0] <= '9';
    if (valid) {
        char *end = NULL;
        errno = 0;
        seed = strtoull(text, &end, 10);
        valid = errno == 0 && *end == '\0' && (text[0] != '0' || text[1] == '\0');
    }
    if (!valid) {
        LINE_FAIL(line, "expected \"seed\" with a string of decimal digits below 2^64");
        return 0;
    }
    (void)json_object_del(line->object, "seed");
    return seed;
}

static void check_unknown(struct line *line)
{
    void *rest = json_object_iter(line->object);
    if (rest != NULL) {
        LINE_FAIL(line, "unknown field \"%.40s\"", json_object_iter_key(rest));
    }
}

static const struct range range_any = {INT64_MIN, INT64_MAX, 0};
static const struct range range_u8 = {0, UINT8_MAX, 0};
static const struct range range_u32 = {0, UINT32_MAX, 0};
static const struct range range_fd = {INT32_MIN, INT32_MAX, -1};

static void read_header(struct line *line, struct trace_header *header)
{
    static const struct trace_field version = {"sockspec_trace", NULL};
    static const struct trace_field role = {"role", &trace_names_role};
    static const struct trace_field rules = {"rules", &trace_names_rules};
    static const struct trace_field observers = {"observers", &trace_names_observer};
    static const struct trace_field promises = {"promises", &trace_names_promise};
    static const struct trace_field idle = {"idle_limit_us", NULL};
    static const struct trace_field connect = {"connect_limit_us", NULL};
    static const struct range versions = {TRACE_JSONL_VERSION, TRACE_JSONL_VERSION, 0};
    static const struct range roles = {0, TRACE_ROLE_COUNT - 1, 0};
    static const struct range rule_sets = {0, TRACE_RULES_COUNT - 1, 0};

    (void)get_required(line, &version, &versions);
    get_name(line, "target", header->target);
    get_name(line, "scenario", header->scenario);
    header->role = (enum trace_role)get_required(line, &role, &roles);
    header->rules = (enum trace_rules)get_required(line, &rules, &rule_sets);
    header->observers = (uint32_t)get_required(line, &observers, &range_u32);
    header->promises = (uint32_t)get_required(line, &promises, &range_u32);
    header->idle_limit_us = get_required(line, &idle, &range_any);
    header->connect_limit_us = get_required(line, &connect, &range_any);
    header->seed = get_seed(line);
}

/* A field that the writer never leaves out must be there, or `write(read(x))` would invent it. */
static int64_t get_form(struct line *line, const struct trace_field *field,
                        const struct range *range)
{
    bool always = field->names != NULL && field->names->bits == NULL;
    return always ? get_required(line, field, range) : get_field(line, field, range);
}

static void read_event(struct line *line, struct trace_event *event)
{
    static const struct trace_field at = {"at", NULL};
    static const struct trace_field kind = {"kind", &trace_names_kind};
    static const struct trace_field host = {"host", &trace_names_host};
    static const struct trace_field conn = {"conn", NULL};
    static const struct trace_field flags = {"flags", &trace_names_flag};

    event->time_us = get_required(line, &at, &range_any);
    event->kind = (uint8_t)get_required(line, &kind, &range_u8);
    event->host = (uint8_t)get_field(line, &host, &range_u8);
    struct trace_form form = trace_form_of((enum trace_kind)event->kind, 0);
    event->what = (uint8_t)get_form(line, &form.what, &range_u8);
    form = trace_form_of((enum trace_kind)event->kind, event->what);
    event->fd = (int32_t)get_field(line, &form.fd, &range_fd);
    event->conn = (uint32_t)get_field(line, &conn, &range_u32);
    event->result = get_form(line, &form.result, &range_any);
    event->err = get_errno(line);
    event->a = get_form(line, &form.a, &range_any);
    event->flags = (uint8_t)get_field(line, &flags, &range_u8);
    event->b = trace_state_sampled(event) ? get_field(line, &form.b, &range_any)
                                          : get_form(line, &form.b, &range_any);
}

static enum status line_read(struct trace *trace, struct line *line, const char *data, size_t size)
{
    json_error_t error;
    line->object = json_loadb(data, size, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(line->object)) {
        LINE_FAIL(line, "expected a JSON object%s%s", line->object == NULL ? ": " : "",
                  line->object == NULL ? error.text : "");
    } else if (line->number == 1) {
        struct trace_header header = {0};
        read_header(line, &header);
        trace->header = header;
    } else if (trace->count == trace->capacity) {
        line->status = status_fail(line->detail, STATUS_LIMIT,
                                   "line %" PRIu32 ": expected at most %" PRIu32 " events",
                                   line->number, trace->capacity);
    } else {
        struct trace_event event = {0};
        read_event(line, &event);
        trace->events[trace->count++] = event;
    }
    if (line->status == STATUS_OK) {
        check_unknown(line);
    }
    json_decref(line->object);
    return line->status;
}

enum status trace_jsonl_read(struct trace *trace, const char *data, size_t size,
                             struct status_detail *detail)
{
    assert(trace->events != NULL);
    trace_clear(trace);
    trace->header = (struct trace_header){0};
    enum status status = STATUS_OK;
    uint32_t number = 0;
    size_t at = 0;
    while (status == STATUS_OK && (at < size || number == 0)) {
        number++;
        struct line line = {.number = number, .detail = detail};
        const char *end = at < size ? memchr(data + at, '\n', size - at) : NULL;
        size_t length = end != NULL ? (size_t)(end - (data + at)) : size - at;
        status = line_read(trace, &line, data + at, length);
        if (status == STATUS_OK && end == NULL) {
            status = status_fail(detail, STATUS_SYNTAX,
                                 "line %" PRIu32 ": expected a newline at the end; the file is cut",
                                 number);
        }
        at += length + 1;
    }
    if (status != STATUS_OK) {
        trace_clear(trace);
        trace->header = (struct trace_header){0};
    } else if (trace->count > 0) {
        trace->now_us = trace->events[trace->count - 1].time_us;
    }
    return status;
}

static enum status file_read(const char *path, struct trace_text *ret_text,
                             struct status_detail *detail)
{
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        return status_fail(detail, STATUS_IO, "%s: cannot be read: %s", path, strerror(errno));
    }
    char piece[16384];
    size_t size = 0;
    errno = 0;
    while ((size = fread(piece, 1, sizeof piece, stream)) > 0) {
        trace_text_add(ret_text, piece, size);
    }
    enum status status = ret_text->failed;
    if (ferror(stream) != 0) {
        status = status_fail(detail, STATUS_IO, "%s: cannot be read: %s", path, strerror(errno));
    } else if (status != STATUS_OK) {
        status = status_fail(detail, status, "%s: does not fit into memory", path);
    }
    (void)fclose(stream);
    return status;
}

enum status trace_jsonl_load(struct trace *ret_trace, const char *path,
                             struct status_detail *detail)
{
    struct trace_text text = {0};
    struct trace trace = {0};
    enum status status = file_read(path, &text, detail);
    if (status != STATUS_OK) {
        goto out;
    }
    uint32_t lines = 2;
    for (size_t i = 0; i < text.size && lines < TRACE_EVENTS_MAX; i++) {
        lines += text.data[i] == '\n' ? 1U : 0U;
    }
    status = trace_init(&trace, lines);
    if (status != STATUS_OK) {
        status = status_fail(detail, status, "%s: no room for its events", path);
        goto out;
    }
    status = trace_jsonl_read(&trace, text.data != NULL ? text.data : "", text.size, detail);
    if (status != STATUS_OK) {
        status = status_wrap(detail, status, "%s", path);
        trace_done(&trace);
        goto out;
    }
    *ret_trace = trace;
out:
    trace_text_free(&text);
    return status;
}
