/* What the engine must know of a protocol: how symbolic payloads become bytes, and what the bytes
 * that come back mean. Profiles are implemented in suite/; the engine sees this struct only. No
 * allocation: a dialogue's state is storage of the engine. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_WORLD_PROFILE_H
#define SOCKSPEC_WORLD_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario/scenario.h"
#include "trace/trace.h"

enum { PROFILE_STATE_SIZE = 256 };

/* The state of one connection's dialogue, opaque to the engine. */
struct profile_state {
    _Alignas(16) uint8_t bytes[PROFILE_STATE_SIZE];
};

/* Where a profile reports what it understood. */
struct profile_sink {
    struct trace *trace;
    uint32_t conn; /* connection */
    uint32_t seen; /* bits (1 << enum trace_dialogue) reported so far on this connection */
};

/* Traces one DIALOGUE event. */
static inline void profile_report(struct profile_sink *sink, enum trace_dialogue what,
                                  int64_t number, int64_t offset)
{
    struct trace_event *event = trace_add(sink->trace, TRACE_DIALOGUE, TRACE_HOST_PEER);
    event->conn = sink->conn;
    event->what = (uint8_t)what;
    event->a = number;
    event->b = offset;
    sink->seen |= 1U << what;
}

struct profile {
    const char *name;
    const char *title;  /* one line for `sockspec list profiles` */
    uint32_t promises;  /* enum trace_promise, before the manifest's changes */
    const void *config; /* the implementation's own data, NULL for built-in profiles */

    /* Starts a dialogue: `ordinal` numbers the scenario's connections from 0, so that two of them
     * never say the same thing; `role` is the target's. */
    void (*begin)(const struct profile *profile, struct profile_state *state, enum trace_role role,
                  uint32_t ordinal);

    /* The bytes of a symbolic payload in the dialogue's present state, `from` and `to` as in struct
     * scenario_step. Returns bytes written to `buffer` (<= `size`); 0: nothing to say (a response
     * with no request to answer), which makes the step a no-op. Does not change the state; `sent`
     * does. */
    size_t (*payload)(const struct profile *profile, const struct profile_state *state,
                      enum scenario_payload payload, uint32_t from, uint32_t to, uint8_t *buffer,
                      size_t size);

    /* These bytes left the peer, in order. */
    void (*sent)(const struct profile *profile, struct profile_state *state, const uint8_t *data,
                 size_t size, struct profile_sink *sink);
    /* These bytes came from the target, in order. */
    void (*received)(const struct profile *profile, struct profile_state *state,
                     const uint8_t *data, size_t size, struct profile_sink *sink);
    /* The target's FIN came (it may complete a response that ends with the connection). */
    void (*ended)(const struct profile *profile, struct profile_state *state,
                  struct profile_sink *sink);

    /* What `payload` would write, where it already lies in storage that stays as it is until a
     * dialogue with ordinal 0 begins; NULL: ask `payload`. May be NULL itself. */
    const uint8_t *(*lasting)(const struct profile *profile, const struct profile_state *state,
                              enum scenario_payload payload, uint32_t from, uint32_t to,
                              size_t *ret_size);
};

#endif
