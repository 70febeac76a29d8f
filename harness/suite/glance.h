/* What a trace shows at a glance, without any rule: how the program ended, which steps could not be
 * played, whether it was understood at all. Pure functions of the trace. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_GLANCE_H
#define SOCKSPEC_SUITE_GLANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario/scenario.h"
#include "trace/trace.h"

/* The last EXIT; NULL: there is none. */
const struct trace_event *glance_exit(const struct trace *trace);
/* Whether a server had begun to listen and nothing had asked it to end by then: no signal came, no
 * call was made to fail. */
bool glance_ended_unasked(const struct trace *trace, const struct trace_event *end);
/* A server that ended before it listened, although nothing was made to fail: there is nothing to
 * judge, and the next case will fare no better. `reason` says it then. */
bool glance_never_listened(const struct trace *trace, char *reason, size_t size);
/* A target that spins from its start: no case gets as far as its first step. */
bool glance_is_restless(const struct trace *trace);
/* Whether the target had reset the connection of the peer that the step names. */
bool glance_was_reset(const struct trace *trace, const struct trace_event *noop);
/* Whether the connection that the peer of the step asked a server for had not come about, though
 * the scenario had left the wire alone. */
bool glance_was_not_taken(const struct trace *trace, const struct trace_event *noop);
/* Whether the target had closed its end of that connection before the peer did, so that a call that
 * the step waits for came too early, or a client is not there to be answered. */
bool glance_had_closed_first(const struct trace *trace, const struct trace_event *noop);
/* Whether a client had ended by itself when the step came: the one that had made the connection of
 * the peer that the step names; where there is none, whichever was started last. */
bool glance_client_had_ended(const struct trace *trace, const struct trace_event *noop);
/* Whether a client that runs had made no connection for the peer of the step to accept. */
bool glance_client_stays_away(const struct trace *trace, const struct trace_event *noop);
/* Whether the peer that the step names had answered whatever a client had asked on its connection.
 */
bool glance_all_was_answered(const struct trace *trace, const struct trace_event *noop);
/* What the target had done that leaves the step nothing to act on, of the above; NULL: nothing.
 * `runs`: how often a client is started. */
const char *glance_overtaken(const struct trace *trace, const struct scenario *scenario,
                             uint32_t runs, const struct trace_event *noop);
/* A step that this world cannot do: what comes after it is not what the case says. */
bool glance_is_cut(const struct trace_event *event);
/* Index of the event from which on the run is not what the case says: such a step, or a call that
 * the world does not have. The number of events where there is none. */
uint32_t glance_first_unplayed(const struct trace *trace);
/* Whether a peer and the program were ever connected. */
bool glance_connected(const struct trace *trace);
/* Whether the peers got a whole message from the program, or one that the profile does not know. */
bool glance_answered(const struct trace *trace);
bool glance_answered_wrongly(const struct trace *trace);

#endif
