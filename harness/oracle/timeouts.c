/* Rules about time: who may be silent for how long, and by which clock. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle/predicates.h"

enum silence {
    SILENCE_IDLE,   /* a peer that owes the next move says nothing */
    SILENCE_READER, /* a peer reads nothing of what it is sent */
    SILENCE_REPLY   /* clients: a peer does not answer */
};

/* For how long the peer has been silent in this way at `now_us`; 0: it is not. */
static int64_t silent_for(const struct facts_conn *conn, enum silence kind, int64_t now_us)
{
    bool stalled = (conn->flags & FACTS_STALLED) != 0;
    const uint32_t over = FACTS_OLD | FACTS_EOF | FACTS_ERROR;
    if (conn->at_established == 0 || conn->at_close != 0 || (conn->flags & over) != 0 ||
        conn->at_rst != 0) {
        return 0;
    }
    int64_t since = conn->peer_us > conn->opened_us ? conn->peer_us : conn->opened_us;
    int64_t stuck = conn->reader_us > conn->send_us ? conn->reader_us : conn->send_us;
    switch (kind) {
    case SILENCE_IDLE:
        return !stalled && conn->at_shut == 0 && conn->requests <= conn->answers ? now_us - since
                                                                                 : 0;
    case SILENCE_READER:
        return stalled && conn->sent > conn->peer_read ? now_us - stuck : 0;
    case SILENCE_REPLY:
        return conn->answers > conn->replies ? now_us - since : 0;
    }
    return 0;
}

static void judge_silence(struct oracle *oracle, unsigned rule, const struct trace_event *event,
                          uint32_t index, enum silence kind, const char *note)
{
    struct facts *facts = &oracle->facts;
    int64_t limit = oracle->trace->header.idle_limit_us;
    bool call = event->kind == TRACE_CALL;
    if (limit <= 0 || (event->kind == TRACE_PHASE && event->what != TRACE_PHASE_PLAYED)) {
        return;
    }
    if ((facts->played && !call) || facts->at_exit != 0) {
        return; /* The peers' part is over: they close now. Or the program is: it keeps nothing. */
    }
    uint32_t first = event->conn;
    uint32_t last = event->conn;
    if (call) {
        struct facts_fd *record = facts_fd(facts, event->fd);
        first = last = record != NULL ? record->conn : 0;
    } else if (event->kind != TRACE_PEER) {
        first = 1;
        last = facts->conns_used;
    }
    for (uint32_t i = first > 0 ? first : 1; first > 0 && i <= last && i <= facts->conns_used;
         i++) {
        const struct facts_conn *conn = &facts->conns[i];
        if (conn->at_open == 0) {
            continue;
        }
        int64_t silent = silent_for(conn, kind, event->time_us);
        uint32_t since = kind == SILENCE_READER ? conn->at_stall : conn->at_request;
        since = since != 0 ? since : conn->at_established;
        if (silent > limit) {
            oracle_break(oracle, rule, note, EVIDENCE(i, since, index + 1));
        } else if ((call || event->kind == TRACE_EXIT) && silent >= FACTS_PATIENCE_US &&
                   !facts->stopping) {
            oracle_keep(oracle, rule, EVIDENCE(i, since, index + 1));
        }
    }
}

/* What a peer does on a connection that is too young for any limit. */
static inline bool is_young(const struct oracle *oracle, const struct trace_event *event)
{
    const struct facts_conn *conn =
        event->kind == TRACE_PEER && event->conn > 0 && event->conn <= ORACLE_CONNECTIONS_MAX
            ? &oracle->facts.conns[event->conn]
            : NULL;
    return conn != NULL && event->time_us - conn->opened_us <= oracle->trace->header.idle_limit_us;
}

ORACLE_EVENT(tmo_03)
{
    if (is_young(oracle, event)) {
        return;
    }
    judge_silence(oracle, rule, event, index, SILENCE_IDLE,
                  "a silent connection was kept past the limit");
}

ORACLE_EVENT(tmo_07)
{
    if (is_young(oracle, event)) {
        return;
    }
    judge_silence(oracle, rule, event, index, SILENCE_READER,
                  "a connection whose peer read nothing was kept past the limit");
}

ORACLE_EVENT(tmo_04)
{
    if (is_young(oracle, event)) {
        return;
    }
    judge_silence(oracle, rule, event, index, SILENCE_REPLY,
                  "it waited for a response past the limit");
}

ORACLE_EVENT(tmo_06)
{
    struct facts *facts = &oracle->facts;
    bool call = event->kind == TRACE_CALL;
    struct facts_fd *record = call ? facts_fd(facts, event->fd) : NULL;
    struct facts_conn *conn =
        facts_conn(facts, call ? (record != NULL ? record->conn : 0) : event->conn);
    if (facts->at_clock == 0 || conn == NULL || conn->at_open == 0 ||
        conn->at_open > facts->at_clock || conn->at_close != 0 || facts->stopping ||
        facts->played) {
        return;
    }
    if (!call) {
        if (event->what == TRACE_PEER_SENT && conn->at_shut == 0) {
            oracle_keep(oracle, rule, EVIDENCE(event->conn, facts->at_clock, index + 1));
        }
        return;
    }
    int64_t active_us = conn->moved_us > conn->opened_us ? conn->moved_us : conn->opened_us;
    const uint32_t reasons = FACTS_EOF | FACTS_ERROR | FACTS_LAST | FACTS_OFF_PROTOCOL |
                             FACTS_PEER_RESET | FACTS_PEER_GONE | FACTS_PEER_SHUT | FACTS_OLD |
                             FACTS_HALF_SHUT | FACTS_LOSSY | FACTS_RESOURCE | FACTS_STRUCK;
    bool unfinished = facts->role == TRACE_ROLE_SERVER || conn->answers > conn->replies;
    bool served_since = facts->at_memory > facts->at_clock || conn->at_send > facts->at_clock ||
                        conn->at_receive > facts->at_clock;
    bool could_know = facts->at_call > facts->at_clock; /* or the close was decided before */
    if ((conn->flags & reasons) == 0 && conn->at_rst == 0 && unfinished && !served_since &&
        could_know && event->time_us - active_us <= FACTS_PATIENCE_US) {
        oracle_break(
            oracle, rule,
            "the wall clock jumped, and it ended a connection that had not been silent for long",
            EVIDENCE(record->conn, facts->at_clock, index + 1));
    }
}
