/* What a trace shows at a glance, without any rule. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/glance.h"

#include <errno.h>
#include <stdio.h>

const struct trace_event *glance_exit(const struct trace *trace)
{
    for (uint32_t i = trace->count; i-- > 0;) {
        if (trace->events[i].kind == TRACE_EXIT) {
            return &trace->events[i];
        }
    }
    return NULL;
}

/* Whether an event may make a server end: a signal, a call that was made to fail, being asked to, a
 * want of descriptors before it had ever waited for clients. */
static bool excuses_end(const struct trace_event *event, bool ready)
{
    switch (event->kind) {
    case TRACE_SIGNAL:
    case TRACE_FAULT:
        return true;
    case TRACE_PHASE:
        return event->what == TRACE_PHASE_STOPPING;
    case TRACE_CALL:
        return !ready && (event->err == EMFILE || event->err == ENFILE);
    default:
        return false;
    }
}

bool glance_ended_unasked(const struct trace *trace, const struct trace_event *end)
{
    bool ready = false;
    bool listened = false;
    bool excused = false;
    for (const struct trace_event *event = trace->events; event < end; event++) {
        if (event->kind == TRACE_PHASE && event->what == TRACE_PHASE_STARTED) {
            ready = listened = excused = false;
        }
        ready = ready || (event->kind == TRACE_PHASE && event->what == TRACE_PHASE_READY);
        excused = excused || excuses_end(event, ready);
        listened = listened || (event->kind == TRACE_STATE && event->host == TRACE_HOST_TARGET &&
                                event->what == TCP_LISTEN);
    }
    return listened && !excused;
}

bool glance_never_listened(const struct trace *trace, char *reason, size_t size)
{
    const struct trace_event *end = glance_exit(trace);
    if (end == NULL || end->what != TRACE_EXIT_RETURNED ||
        trace->header.role != TRACE_ROLE_SERVER) {
        return false;
    }
    for (const struct trace_event *event = trace->events; event < end; event++) {
        if (event->kind == TRACE_SIGNAL || event->kind == TRACE_FAULT ||
            (event->kind == TRACE_PHASE &&
             (event->what == TRACE_PHASE_STOPPING || event->what == TRACE_PHASE_READY)) ||
            (event->kind == TRACE_STATE && event->host == TRACE_HOST_TARGET)) {
            return false;
        }
    }
    (void)snprintf(reason, size, "the server ended with status %d before it listened",
                   (int)end->result);
    return true;
}

bool glance_is_restless(const struct trace *trace)
{
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        if (event->kind == TRACE_PHASE && event->what == TRACE_PHASE_READY) {
            return false;
        }
        if (event->kind == TRACE_SPIN) {
            return true;
        }
    }
    return false;
}

/* The connection of the peer that a step names; 0: none yet. */
static uint32_t conn_of_peer(const struct trace *trace, const struct trace_event *noop)
{
    uint32_t conn = 0;
    for (const struct trace_event *event = trace->events; event < noop; event++) {
        if (event->kind == TRACE_PEER && event->fd == noop->fd) {
            conn = event->conn;
        }
    }
    return conn;
}

bool glance_was_reset(const struct trace *trace, const struct trace_event *noop)
{
    uint32_t conn = conn_of_peer(trace, noop);
    for (const struct trace_event *event = trace->events; conn != 0 && event < noop; event++) {
        if (event->kind == TRACE_SEGMENT && event->host == TRACE_HOST_TARGET &&
            event->conn == conn && event->what == SCENARIO_SEGMENT_RST &&
            event->result != TRACE_FATE_INJECTED) {
            return true;
        }
    }
    return false;
}

bool glance_had_closed_first(const struct trace *trace, const struct trace_event *noop)
{
    uint32_t conn = conn_of_peer(trace, noop);
    for (const struct trace_event *event = trace->events; conn != 0 && event < noop; event++) {
        if (event->kind == TRACE_STATE && event->host == TRACE_HOST_TARGET && event->conn == conn &&
            event->what == TCP_FIN_WAIT_1) {
            return noop->b == TRACE_NOOP_CALL_NEVER_CAME ||
                   (noop->what == SCENARIO_PEER_SEND && trace->header.role == TRACE_ROLE_CLIENT);
        }
    }
    return false;
}

bool glance_was_not_taken(const struct trace *trace, const struct trace_event *noop)
{
    bool asked = false;
    for (const struct trace_event *event = trace->events; event < noop; event++) {
        bool step = event->kind == TRACE_STEP;
        if (step && event->what < SCENARIO_VERB_COUNT &&
            scenario_verbs[event->what].actor == SCENARIO_ACTOR_WIRE) {
            return false; /* it may be what keeps the connection from coming about */
        }
        if (step && event->what == SCENARIO_PEER_CONNECT && event->fd == noop->fd) {
            asked = true;
        } else if (event->kind == TRACE_PEER && event->fd == noop->fd) {
            asked = false;
        }
    }
    return asked && noop->what == SCENARIO_PEER_SEND && trace->header.role == TRACE_ROLE_SERVER;
}

bool glance_client_had_ended(const struct trace *trace, const struct trace_event *noop)
{
    uint32_t conn = conn_of_peer(trace, noop);
    bool begun = conn == 0;
    bool ended = false;
    for (const struct trace_event *event = trace->events; event < noop; event++) {
        begun = begun || event->conn == conn;
        if (event->kind == TRACE_EXIT && event->host == TRACE_HOST_TARGET) {
            ended = ended || (begun && event->what == TRACE_EXIT_RETURNED);
        } else if (event->kind == TRACE_PHASE && event->what == TRACE_PHASE_STARTED) {
            ended = ended && conn != 0;
        }
    }
    return ended && trace->header.role == TRACE_ROLE_CLIENT;
}

bool glance_client_stays_away(const struct trace *trace, const struct trace_event *noop)
{
    bool listens = true;
    for (const struct trace_event *event = trace->events; event < noop; event++) {
        if (event->kind == TRACE_STEP && event->what == SCENARIO_PEER_UNLISTEN) {
            listens = false;
        } else if (event->kind == TRACE_STEP && event->what == SCENARIO_PEER_LISTEN) {
            listens = true;
        }
    }
    return listens && noop->what == SCENARIO_PEER_ACCEPT && trace->header.role == TRACE_ROLE_CLIENT;
}

bool glance_all_was_answered(const struct trace *trace, const struct trace_event *noop)
{
    uint32_t conn = conn_of_peer(trace, noop);
    int asked = 0;
    int answered = 0;
    for (const struct trace_event *event = trace->events; event < noop; event++) {
        if (event->kind == TRACE_DIALOGUE && event->conn == conn) {
            asked += event->what == TRACE_DIALOGUE_REQUEST_COMPLETE;
            answered += event->what == TRACE_DIALOGUE_RESPONSE_SENT;
        }
    }
    return asked > 0 && answered >= asked && trace->header.role == TRACE_ROLE_CLIENT;
}

const char *glance_overtaken(const struct trace *trace, const struct scenario *scenario,
                             uint32_t runs, const struct trace_event *noop)
{
    if (glance_was_reset(trace, noop)) {
        return "the target had reset the connection by then";
    }
    if (glance_had_closed_first(trace, noop)) {
        return "the target had closed the connection by then";
    }
    if (glance_was_not_taken(trace, noop)) {
        return "the target had not taken the connection by then";
    }
    if (glance_client_had_ended(trace, noop)) {
        return runs > 1 ? "the client had ended by then"
                        : "the client had ended by then; 'runs' in its manifest starts it again";
    }
    if (glance_client_stays_away(trace, noop)) {
        return "the client made no connection for a second";
    }
    if (noop->a >= 0 && noop->a < scenario->count && noop->what == SCENARIO_PEER_SEND) {
        uint8_t payload = scenario->steps[noop->a].what;
        bool goes_on = payload == SCENARIO_PAYLOAD_NEXT || payload == SCENARIO_PAYLOAD_REST;
        if (goes_on && glance_all_was_answered(trace, noop)) {
            return "the answer was shorter: it had been sent whole by then";
        }
    }
    return NULL;
}

bool glance_is_cut(const struct trace_event *event)
{
    return event->kind == TRACE_NOOP &&
           (event->b == TRACE_NOOP_TOO_SLOW || event->b == TRACE_NOOP_NO_WIRE);
}

uint32_t glance_first_unplayed(const struct trace *trace)
{
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        if (glance_is_cut(event) || (event->kind == TRACE_UNSUPPORTED && event->result == 1)) {
            return i;
        }
    }
    return trace->count;
}

static bool says(const struct trace *trace, enum trace_dialogue first, enum trace_dialogue second)
{
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        if (event->kind == TRACE_DIALOGUE && (event->what == first || event->what == second)) {
            return true;
        }
    }
    return false;
}

bool glance_connected(const struct trace *trace)
{
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        if (event->kind == TRACE_PEER &&
            (event->what == TRACE_PEER_CONNECTED || event->what == TRACE_PEER_ACCEPTED)) {
            return true;
        }
    }
    return false;
}

bool glance_answered(const struct trace *trace)
{
    return says(trace, TRACE_DIALOGUE_RESPONSE_COMPLETE, TRACE_DIALOGUE_REQUEST_COMPLETE);
}

bool glance_answered_wrongly(const struct trace *trace)
{
    return says(trace, TRACE_DIALOGUE_RESPONSE_WRONG, TRACE_DIALOGUE_REQUEST_WRONG);
}
