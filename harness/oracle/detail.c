/* Verdicts in words, and names. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "oracle/oracle.h"
#include "trace/describe.h"

struct line {
    char *text;
    size_t size;
    size_t used;
};

static void add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct line *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int wrote = vsnprintf(line->text + line->used, line->size - line->used, format, arguments);
    va_end(arguments);
    if (wrote > 0) {
        line->used += (size_t)wrote;
        line->used = line->used < line->size ? line->used : line->size - 1;
    }
}

const char *oracle_detail(const struct oracle_verdict *verdict, const struct trace *trace,
                          char *buffer, size_t size)
{
    assert(buffer != NULL && size > 0);
    struct line line = {buffer, size, 0};
    buffer[0] = '\0';
    const char *kept = verdict->outcome == ORACLE_KEPT ? "kept" : NULL;
    add(&line, "%s", verdict->note != NULL ? verdict->note : kept != NULL ? kept : "");
    if (verdict->conn != 0) {
        add(&line, " (connection %u)", verdict->conn);
    }
    for (unsigned i = 0; i < verdict->count && verdict->events[i] < trace->count; i++) {
        const struct trace_event *event = &trace->events[verdict->events[i]];
        char words[TRACE_DESCRIBE_MAX];
        char span[TRACE_DESCRIBE_MAX];
        add(&line, "%s#%u at %s %s", i == 0 ? ": " : "; ", verdict->events[i],
            trace_describe_span(event->time_us, span, sizeof span),
            trace_describe(event, words, sizeof words));
    }
    if (verdict->by_posix_fault != 0) {
        add(&line, "; only a WARN: it took a fault that Linux never produces");
    }
    return buffer;
}

unsigned oracle_find(const char *id)
{
    for (unsigned rule = 0; id != NULL && rule < ORACLE_RULE_COUNT; rule++) {
        if (strcmp(oracle_rules[rule].id, id) == 0) {
            return rule;
        }
    }
    return ORACLE_RULE_COUNT;
}

const char *oracle_level_name(enum oracle_level level)
{
#define LEVEL_TEXT(name, text, meaning) [ORACLE_LEVEL_##name] = (text),
    static const char *const texts[] = {ORACLE_LEVEL_TABLE(LEVEL_TEXT)};
#undef LEVEL_TEXT
    return (unsigned)level < ORACLE_LEVEL_COUNT ? texts[level] : "?";
}

const char *oracle_binds_name(unsigned binds)
{
    static const char *const names[] = {
        [ORACLE_SERVER] = "servers",
        [ORACLE_CLIENT] = "clients",
        [ORACLE_BOTH] = "servers and clients",
        [ORACLE_STACK] = "stacks",
        [ORACLE_SERVER | ORACLE_STACK] = "servers and stacks",
        [ORACLE_CLIENT | ORACLE_STACK] = "clients and stacks",
        [ORACLE_BOTH | ORACLE_STACK] = "servers, clients and stacks",
    };
    return binds < sizeof names / sizeof names[0] && names[binds] != NULL ? names[binds] : "?";
}
