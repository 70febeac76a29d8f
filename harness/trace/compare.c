/* Comparing two traces, field by field. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "trace/describe.h"

/* The name of the first header field that differs, NULL when none does. */
static const char *header_difference(const struct trace_header *a, const struct trace_header *b)
{
    if (strncmp(a->target, b->target, TRACE_NAME_MAX) != 0) {
        return "target";
    }
    if (strncmp(a->scenario, b->scenario, TRACE_NAME_MAX) != 0) {
        return "scenario";
    }
    const struct {
        const char *name;
        bool differs;
    } fields[] = {
        {"role", a->role != b->role},
        {"rules", a->rules != b->rules},
        {"observers", a->observers != b->observers},
        {"promises", a->promises != b->promises},
        {"idle_limit_us", a->idle_limit_us != b->idle_limit_us},
        {"connect_limit_us", a->connect_limit_us != b->connect_limit_us},
        {"seed", a->seed != b->seed},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].differs) {
            return fields[i].name;
        }
    }
    return NULL;
}

/* The fields in which two events differ: "result, err". */
static void event_fields(const struct trace_event *a, const struct trace_event *b, char *ret_text,
                         size_t size)
{
    const struct {
        const char *name;
        bool differs;
    } fields[] = {
        {"time", a->time_us != b->time_us},
        {"kind", a->kind != b->kind},
        {"host", a->host != b->host},
        {"what", a->what != b->what},
        {"flags", a->flags != b->flags},
        {"fd", a->fd != b->fd},
        {"conn", a->conn != b->conn},
        {"err", a->err != b->err},
        {"result", a->result != b->result},
        {"a", a->a != b->a},
        {"b", a->b != b->b},
    };
    size_t used = 0;
    ret_text[0] = '\0';
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].differs && used + 16 < size) {
            used += (size_t)snprintf(ret_text + used, size - used, "%s%s", used > 0 ? ", " : "",
                                     fields[i].name);
        }
    }
}

static bool events_equal(const struct trace_event *a, const struct trace_event *b)
{
    /* An event has no padding, so equal bytes are equal fields. */
    return memcmp(a, b, sizeof *a) == 0;
}

/* "0.000120 s, connection 1: recv(5, 4096) = 12", or that there is none. */
static void event_text(const struct trace *trace, uint32_t index, char *ret_text, size_t size)
{
    if (index >= trace->count) {
        (void)snprintf(ret_text, size, "no event: the trace has ended");
        return;
    }
    const struct trace_event *event = &trace->events[index];
    char words[TRACE_DESCRIBE_MAX];
    char conn[32] = "";
    if (event->conn != 0) {
        (void)snprintf(conn, sizeof conn, ", connection %" PRIu32, event->conn);
    }
    (void)snprintf(ret_text, size, "at %.6f s%s: %s", (double)event->time_us / 1e6, conn,
                   trace_describe(event, words, sizeof words));
}

static void difference_at(const struct trace *first, const struct trace *second, uint32_t index,
                          struct trace_difference *ret_difference)
{
    char left[256];
    char right[256];
    char fields[128] = "existence";
    event_text(first, index, left, sizeof left);
    event_text(second, index, right, sizeof right);
    if (index < first->count && index < second->count) {
        event_fields(&first->events[index], &second->events[index], fields, sizeof fields);
    }
    ret_difference->in_header = false;
    ret_difference->event = index;
    (void)snprintf(ret_difference->text, sizeof ret_difference->text,
                   "event %" PRIu32 " differs in %s\n  first:  %s\n  second: %s", index, fields,
                   left, right);
}

bool trace_compare(const struct trace *first, const struct trace *second,
                   struct trace_difference *ret_difference)
{
    struct trace_difference scratch;
    struct trace_difference *difference = ret_difference != NULL ? ret_difference : &scratch;
    const char *field = header_difference(&first->header, &second->header);
    if (field != NULL) {
        *difference = (struct trace_difference){.in_header = true};
        (void)snprintf(difference->text, sizeof difference->text, "the headers differ in %s",
                       field);
        return false;
    }
    uint32_t index = 0;
    while (index < first->count && index < second->count &&
           events_equal(&first->events[index], &second->events[index])) {
        index++;
    }
    if (index == first->count && index == second->count) {
        return true;
    }
    difference_at(first, second, index, difference);
    return false;
}
