/* What follows from the facts for more than one rule: whether an answer was owed and what
 * excuses that it did not come. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle/facts.h"

bool facts_excused(const struct facts *facts, const struct facts_conn *conn)
{
    const uint32_t reasons = FACTS_PEER_GONE | FACTS_PEER_RESET | FACTS_OFF_PROTOCOL | FACTS_LOSSY |
                             FACTS_URGENT | FACTS_SILENT | FACTS_OLD | FACTS_RESOURCE;
    if ((conn->flags & reasons) != 0 || facts->wire_lossy || facts->at_stop_signal != 0 ||
        facts->backing_off || facts->cut_short || facts->at_memory != 0) {
        return true;
    }
    return (conn->flags & FACTS_PEER_SHUT) != 0 &&
           (facts->promises & TRACE_HALF_CLOSE_ANSWERED) == 0;
}

/* The program first read from it when the peers closed, and had others to wait for until then: with
 * a thread for each of a few, it was none of the few. */
static bool had_no_turn(const struct facts *facts, const struct facts_conn *conn)
{
    uint32_t played = facts->at_phase[TRACE_PHASE_PLAYED];
    if (conn->receives == 0 || conn->receives > FACTS_RECEIVES || conn->receive[0].at < played) {
        return false;
    }
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *other = &facts->conns[i];
        bool before = other->at_open != 0 && other->at_open < conn->at_open;
        if (before && (other->at_close == 0 || other->at_close > played)) {
            return true;
        }
    }
    return false;
}

/* Out of descriptors the program took it from the queue only to close it. */
static bool was_shed(const struct facts *facts, const struct facts_conn *conn)
{
    return conn->receives == 0 && conn->at_close != 0 && facts->at_full != 0 &&
           conn->at_open > facts->at_full;
}

bool facts_unserved(const struct facts *facts, const struct facts_conn *conn)
{
    if (conn->requests <= conn->answers) {
        return false; /* Nothing is owed. */
    }
    if (conn->at_wrong != 0) {
        return false; /* It was answered, though wrongly. */
    }
    if (conn->answers > 0 && (facts->promises & TRACE_PERSISTENT) == 0) {
        return false; /* It answers one request per connection. */
    }
    if (conn->at_close != 0 && conn->at_close < conn->at_request) {
        return false; /* It was gone before the request was whole. */
    }
    if (conn->crossed_at_close) {
        return false; /* It closed for the silence before, and could not know of the request. */
    }
    if (conn->unread_at_close && conn->at_saw_rst > conn->at_close) {
        return false; /* Its answer was overtaken by the RST of its close: RST-05. */
    }
    if (conn->at_open > facts->at_phase[TRACE_PHASE_PLAYED]) {
        return false; /* It waited in the queue until the peers closed. */
    }
    return (conn->flags & FACTS_ACCEPTED) != 0 && facts->played && !facts_excused(facts, conn) &&
           !had_no_turn(facts, conn) && !was_shed(facts, conn);
}

bool facts_never_accepted(const struct facts *facts, const struct facts_conn *conn)
{
    const uint32_t reasons = FACTS_ACCEPTED | FACTS_PEER_RESET | FACTS_OLD;
    bool one_by_one = (facts->promises & TRACE_CONCURRENT) == 0;
    if (facts->cut_short || facts->busy_at_quiet || (one_by_one && facts->wire_lossy)) {
        return false; /* It may still be busy with a peer whose end was lost. */
    }
    return (conn->flags & FACTS_ESTABLISHED) != 0 && (conn->flags & reasons) == 0 &&
           conn->at_rst == 0 && conn->at_open == 0 && facts->at_phase[TRACE_PHASE_QUIET] != 0 &&
           facts->at_stop_signal == 0;
}
