/* Rules about messages in a byte stream: cut by short reads, joined, written in parts, cut short.
 * One failed answer is charged to one of them, by what happened to the bytes before it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle/predicates.h"

/* Where a message of the peer lies in its stream. Messages that left the peer in one piece, without
 * a word on where each ended, share one span. */
struct span {
    bool known;
    bool several;
    bool behind; /* one of these comes before it */
    int64_t from;
    int64_t to;
};

static struct span message_span(const struct facts_conn *conn, uint32_t number)
{
    struct span span = {.known = false};
    if (number >= conn->messages || conn->messages - number >= FACTS_MESSAGES) {
        return span;
    }
    uint32_t oldest = conn->messages > FACTS_MESSAGES ? conn->messages - FACTS_MESSAGES : 0;
    span.to = conn->message_end[number % FACTS_MESSAGES];
    uint32_t first = number;
    while (first > oldest && conn->message_end[(first - 1) % FACTS_MESSAGES] == span.to) {
        first--;
    }
    bool next =
        number + 1 < conn->messages && conn->message_end[(number + 1) % FACTS_MESSAGES] == span.to;
    span.known = first == 0 || first > oldest;
    span.behind = first < number;
    span.several = span.behind || next;
    span.from = first > 0 ? conn->message_end[(first - 1) % FACTS_MESSAGES] : 0;
    return span;
}

/* The mark of a receive that ended inside the message; 0: one receive brought it, or it is not
 * known. */
static uint32_t split_at(const struct facts_conn *conn, struct span span)
{
    uint32_t count = conn->receives < FACTS_RECEIVES ? conn->receives : FACTS_RECEIVES;
    for (uint32_t k = 0; span.known && !span.several && k < count; k++) {
        const struct facts_receive *receive = &conn->receive[k];
        if (receive->from > span.from && receive->from < span.to) {
            return receive->at;
        }
    }
    return 0;
}

/* The mark of a receive that brought the end of the message before and the beginning of this one.
 */
static uint32_t joined_at(const struct facts_conn *conn, struct span span)
{
    uint32_t count = conn->receives < FACTS_RECEIVES ? conn->receives : FACTS_RECEIVES;
    for (uint32_t k = 0; span.known && (span.behind || span.from > 0) && k < count; k++) {
        uint32_t place = (conn->receives - 1U - k) % FACTS_RECEIVES; /* from the newest back */
        int64_t from = conn->receive[place].from;
        int64_t to = k == 0 ? conn->received : conn->receive[(place + 1) % FACTS_RECEIVES].from;
        bool joins = from < span.from && to > span.from;
        if (joins || (span.behind && from <= span.from && to >= span.to)) {
            return conn->receive[place].at;
        }
    }
    return 0;
}

/* It knew of the peer's half-close when it closed. What it owed then is HCL-04's: that it was still
 * to come does not show what became of the bytes before. */
static bool closed_on_half_close(const struct facts_conn *conn)
{
    uint32_t knew = conn->at_peer_fin != 0 ? conn->at_peer_fin : conn->at_eof;
    return (conn->flags & FACTS_PEER_SHUT) != 0 && knew != 0 && conn->at_close > knew;
}

enum blame { BLAME_NONE, BLAME_PARTIAL, BLAME_JOINED, BLAME_SPLIT };

/* What a wrong or missing answer is due to; ret_at: the event that shows it. */
static enum blame blame(const struct facts *facts, const struct facts_conn *conn, uint32_t *ret_at)
{
    bool wrong =
        conn->at_wrong != 0 &&
        (conn->flags & (FACTS_OFF_PROTOCOL | FACTS_LOSSY | FACTS_URGENT | FACTS_RESOURCE)) == 0 &&
        !facts->cut_short;
    if (!wrong && (closed_on_half_close(conn) || !facts_unserved(facts, conn))) {
        return BLAME_NONE;
    }
    struct span span = message_span(conn, conn->answers);
    if (conn->at_partial > conn->at_answer) {
        *ret_at = conn->at_partial;
        return BLAME_PARTIAL;
    }
    *ret_at = joined_at(conn, span);
    if (*ret_at != 0) {
        return BLAME_JOINED;
    }
    *ret_at = split_at(conn, span);
    return *ret_at != 0 ? BLAME_SPLIT : BLAME_NONE;
}

static void blame_all(struct oracle *oracle, unsigned rule, enum blame which, const char *note)
{
    const struct facts *facts = &oracle->facts;
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        uint32_t at = 0;
        if (blame(facts, conn, &at) == which) {
            uint32_t end = conn->at_wrong != 0 ? conn->at_wrong : conn->at_close;
            oracle_break(oracle, rule, note, EVIDENCE(i, conn->at_request, at, end));
        }
    }
}

/* The program ended the connection inside a message, for no reason that shows. One that it gave in
 * its answer to the message before (HTTP's `Connection: close`) shows when the peer has read that.
 */
static bool gave_up_in_message(const struct facts *facts, const struct facts_conn *conn)
{
    const uint32_t reasons =
        FACTS_LOSSY | FACTS_SILENT | FACTS_OLD | FACTS_RESOURCE | FACTS_TOOK_LEAVE;
    return (conn->flags & FACTS_CUT_MESSAGE) != 0 && (conn->flags & reasons) == 0 &&
           !facts->wire_lossy && facts->at_died == 0 && facts->at_full == 0 &&
           facts->at_memory == 0 && facts->at_stop_signal == 0;
}

/* Of a connection that was received from. */
static uint32_t last_receive(const struct facts_conn *conn)
{
    return conn->receive[(conn->receives - 1U) % FACTS_RECEIVES].at;
}

/* A client took what filled its buffer, said on standard error what it thought of that, and ended
 * with a status of failure: the message was too long for it, or not what it wants. One that takes a
 * part for the whole has not had its buffer full, or is content. */
static bool refused_as_it_is(const struct oracle *oracle, const struct facts_conn *conn)
{
    const struct facts *facts = &oracle->facts;
    const struct trace_event *receive = oracle_event(oracle, last_receive(conn));
    bool failed = facts->at_exit != 0 && oracle_event(oracle, facts->at_exit)->result != 0;
    return facts->role == TRACE_ROLE_CLIENT && receive->result == receive->a && failed &&
           facts->at_said > last_receive(conn);
}

/* Time passed between the last bytes and its close: it knew that more was to come, and its patience
 * was at an end. */
static bool waited_for_more(const struct oracle *oracle, const struct facts_conn *conn)
{
    uint32_t end = conn->at_shut != 0 ? conn->at_shut : conn->at_close;
    const struct trace_event *receive = oracle_event(oracle, last_receive(conn));
    return oracle->facts.role == TRACE_ROLE_CLIENT && end != 0 &&
           oracle_event(oracle, end)->time_us > receive->time_us;
}

ORACLE_EVENT(dat_02)
{
    struct facts *facts = &oracle->facts;
    if (event->kind == TRACE_DIALOGUE && event->what == TRACE_DIALOGUE_RESPONSE_COMPLETE) {
        struct facts_conn *conn = facts_conn(facts, event->conn);
        uint32_t at = conn != NULL ? split_at(conn, message_span(conn, conn->answers)) : 0;
        if (at != 0) {
            oracle_keep(oracle, rule, EVIDENCE(event->conn, at, index + 1));
        }
    } else if (event->kind == TRACE_CALL && facts->role == TRACE_ROLE_CLIENT) {
        struct facts_fd *record = facts_fd(facts, event->fd);
        struct facts_conn *conn = record != NULL ? facts_conn(facts, record->conn) : NULL;
        uint32_t at = conn != NULL && conn->replies > 0
                          ? split_at(conn, message_span(conn, conn->replies - 1))
                          : 0;
        if (at != 0 && conn->received >= message_span(conn, conn->replies - 1).to) {
            oracle_keep(oracle, rule, EVIDENCE(record->conn, at, index + 1));
        }
    }
}

ORACLE_END(dat_02)
{
    const struct facts *facts = &oracle->facts;
    blame_all(oracle, rule, BLAME_SPLIT,
              "a message that came in more than one receive was answered wrongly or not at all");
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        if (gave_up_in_message(facts, conn) && !refused_as_it_is(oracle, conn) &&
            !waited_for_more(oracle, conn)) {
            uint32_t last = last_receive(conn);
            oracle_break(oracle, rule, "it took a part of a message for the whole and closed",
                         EVIDENCE(i, last, conn->at_shut, conn->at_close));
        }
    }
}

ORACLE_EVENT(dat_03)
{
    struct facts_conn *conn = facts_conn(&oracle->facts, event->conn);
    bool complete = event->what == TRACE_DIALOGUE_RESPONSE_COMPLETE ||
                    event->what == TRACE_DIALOGUE_REQUEST_COMPLETE;
    if (conn != NULL && complete && conn->at_partial > conn->at_answer && conn->at_wrong == 0) {
        oracle_keep(oracle, rule, EVIDENCE(event->conn, conn->at_partial, index + 1));
    }
}

ORACLE_END(dat_03)
{
    const struct facts *facts = &oracle->facts;
    const char *note =
        "after a send that took only a part, the rest went out wrongly or not at all";
    blame_all(oracle, rule, BLAME_PARTIAL, note);
    /* A client owes its request: begun, cut by a partial send, and never complete. */
    for (uint32_t i = 1; facts->role == TRACE_ROLE_CLIENT && i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        if (conn->at_partial > conn->at_answer && conn->at_begun > conn->at_answer &&
            !facts_excused(facts, conn) && conn->at_rst == 0 && !closed_on_half_close(conn)) {
            oracle_break(oracle, rule, note,
                         EVIDENCE(i, conn->at_begun, conn->at_partial, conn->at_close));
        }
    }
}

ORACLE_EVENT(dat_22)
{
    struct facts_conn *conn = facts_conn(&oracle->facts, event->conn);
    if (conn == NULL || event->what != TRACE_DIALOGUE_RESPONSE_COMPLETE) {
        return;
    }
    uint32_t at = joined_at(conn, message_span(conn, conn->answers));
    if (at != 0) {
        oracle_keep(oracle, rule, EVIDENCE(event->conn, at, index + 1));
    }
}

ORACLE_END(dat_22)
{
    blame_all(oracle, rule, BLAME_JOINED,
              "what one receive had brought beyond the first message was never answered");
}

ORACLE_EVENT(dat_23)
{
    struct facts_conn *conn = facts_conn(&oracle->facts, event->conn);
    if (conn != NULL && event->what == TRACE_DIALOGUE_RESPONSE_COMPLETE &&
        (conn->flags & FACTS_EVER_STALLED) != 0) {
        oracle_keep(oracle, rule, EVIDENCE(event->conn, conn->at_stall, index + 1));
    }
}

ORACLE_END(dat_23)
{
    const struct facts *facts = &oracle->facts;
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        bool cut = conn->at_begun > conn->at_answer && (conn->at_saw_fin | conn->at_saw_rst) != 0;
        bool held_back =
            (conn->flags & FACTS_EVER_STALLED) != 0 || (conn->at_partial | conn->at_again) != 0;
        if (cut && held_back && facts_unserved(facts, conn) && !closed_on_half_close(conn) &&
            (conn->at_close | conn->at_shut) != 0) {
            oracle_break(oracle, rule, "a response was cut although its reader made progress",
                         EVIDENCE(i, conn->at_begun,
                                  conn->at_close != 0 ? conn->at_close : conn->at_shut,
                                  conn->at_saw_fin, conn->at_saw_rst));
        }
    }
}

ORACLE_END(hcl_04)
{
    const struct facts *facts = &oracle->facts;
    bool promised = (facts->promises & TRACE_HALF_CLOSE_ANSWERED) != 0;
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        if ((conn->flags & FACTS_PEER_SHUT) == 0 || conn->requests_at_half == 0) {
            continue;
        }
        const struct oracle_evidence *evidence =
            EVIDENCE(i, conn->at_request, conn->at_half, conn->at_answer);
        if (conn->answers >= conn->requests_at_half && conn->at_answer > conn->at_half) {
            if (promised) {
                oracle_keep(oracle, rule, evidence);
            } else {
                oracle_inform(oracle, rule, "it answers a request whose FIN came with it",
                              evidence);
            }
        } else if (conn->answers < conn->requests_at_half && promised &&
                   (conn->flags & FACTS_STRUCK) == 0 && facts_unserved(facts, conn)) {
            oracle_break(oracle, rule, "it did not answer a request whose FIN came with it",
                         EVIDENCE(i, conn->at_request, conn->at_half, conn->at_close));
        } else if (conn->answers < conn->requests_at_half && !promised) {
            oracle_inform(oracle, rule, "it drops a request whose FIN came with it", evidence);
        }
    }
}
