/* How the fields of each kind of event read: the name of every field and of its values. One table
 * for the JSON Lines form, the texts and the documents. Pure data. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TRACE_FORM_H
#define SOCKSPEC_TRACE_FORM_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/trace.h"

/* Names of values. With `bits`, entry i names the bit bits[i]; else it names the value i (NULL:
 * none). */
struct trace_names {
    const char *const *texts;
    const uint64_t *bits; /* NULL for an enum */
    unsigned count;
};

/* One field of an event: its key in JSON and the names of its values (NULL: a plain number). */
struct trace_field {
    const char *key;
    const struct trace_names *names;
};

struct trace_form {
    struct trace_field what;
    struct trace_field fd;
    struct trace_field result;
    struct trace_field a;
    struct trace_field b;
};

extern const struct trace_names trace_names_kind;
extern const struct trace_names trace_names_host;
extern const struct trace_names trace_names_call;
extern const struct trace_names trace_names_role;
extern const struct trace_names trace_names_rules;
extern const struct trace_names trace_names_signal;
extern const struct trace_names trace_names_verb;        /* "peer connect" */
extern const struct trace_names trace_names_disposition; /* "handled" */
extern const struct trace_names trace_names_noop;        /* "NO_EFFECT" */
extern const struct trace_names trace_names_observer;    /* bits */
extern const struct trace_names trace_names_promise;     /* bits */
extern const struct trace_names trace_names_flag;        /* bits */
extern const struct trace_names trace_names_poll;        /* bits */
extern const struct trace_names trace_names_message;     /* bits: MSG_ */
extern const struct trace_names trace_names_open;        /* bits: O_ */

/* The fields of an event of this kind (and, for calls, of this call). Keys are never NULL: a field
 * without a meaning keeps the key of the struct ("what", "fd", "result", "a", "b"). */
struct trace_form trace_form_of(enum trace_kind kind, unsigned what);

/* The text of a value, NULL when it has none. */
const char *trace_names_text(const struct trace_names *names, int64_t value);
/* The value (or bit) of a text. */
bool trace_names_find(const struct trace_names *names, const char *text, int64_t *ret_value);

/* The texts of tcp_states and tcp_events; "?" out of range. */
const char *trace_state_text(int64_t state);
const char *trace_event_text(int64_t event);

/* The number of an errno's name; false when there is none. */
bool trace_errno_find(const char *name, int32_t *ret_error);

#endif
