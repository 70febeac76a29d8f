/* Rules about ending connections: half-close, graceful close, abort. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle/predicates.h"

enum { STOP_LIMIT_US = 10000000 }; /* a supervisor waits no longer */

ORACLE_EVENT(hcl_09)
{
    struct facts *facts = &oracle->facts;
    struct facts_fd *record = facts_fd(facts, event->fd);
    struct facts_conn *conn = record != NULL ? facts_conn(facts, record->conn) : NULL;
    if (conn == NULL || (conn->flags & (FACTS_HALF_SHUT | FACTS_OFF_PROTOCOL)) != FACTS_HALF_SHUT ||
        event->a != 1 || facts->stopping) {
        return;
    }
    if (conn->at_receive > conn->at_shut && conn->at_eof == 0) {
        return; /* It reads, and what it read may be reason enough to stop. */
    }
    if ((conn->flags & FACTS_RESOURCE) != 0) {
        return; /* It may have tried, and was refused memory. */
    }
    bool told = (conn->flags & (FACTS_EOF | FACTS_ERROR)) != 0 || record->at_hup != 0;
    if (told || facts_turn(facts, event->fd) > conn->at_shut) {
        oracle_keep(oracle, rule, EVIDENCE(record->conn, conn->at_shut, conn->at_eof, index + 1));
    } else {
        oracle_break(oracle, rule,
                     "after shutdown(SHUT_WR) it closed at once, without reading to the end",
                     EVIDENCE(record->conn, conn->at_shut, index + 1));
    }
}

/* A client that ended: connections whose end it had read before it made the next one. */
static void judge_left_behind(struct oracle *oracle, unsigned rule, uint32_t index)
{
    const struct facts *facts = &oracle->facts;
    uint32_t newest = 0;
    for (uint32_t i = facts->conns_used; i > 0; i--) {
        const struct facts_conn *conn = &facts->conns[i];
        bool went_on = conn->at_eof != 0 && newest > conn->at_eof && (conn->flags & FACTS_OLD) == 0;
        /* Not by its state: the kernel has closed it by now, with the program. */
        if (went_on && conn->at_peer_fin != 0 && (conn->at_close | conn->at_shut) == 0) {
            oracle_break(
                oracle, rule,
                "the peer closed, and it made the next connection without closing this one",
                EVIDENCE(i, conn->at_peer_fin, conn->at_eof, newest, index + 1));
        } else if (went_on && conn->at_close > conn->at_eof) {
            oracle_keep(oracle, rule,
                        EVIDENCE(i, conn->at_peer_fin, conn->at_eof, conn->at_close, newest));
        }
        newest = conn->at_open > newest ? conn->at_open : newest;
    }
}

/* CLO-06 for servers and CLO-07 for clients. */
ORACLE_EVENT(clo_06)
{
    struct facts *facts = &oracle->facts;
    if (event->kind == TRACE_EXIT) {
        judge_left_behind(oracle, rule, index);
        return;
    }
    if (event->what != TRACE_PHASE_QUIET) {
        return;
    }
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        if (conn->at_peer_fin == 0 || conn->at_open == 0 || facts->wire_lossy ||
            (conn->flags & (FACTS_OLD | FACTS_LOSSY)) != 0) {
            continue;
        }
        if (conn->state == TCP_CLOSE_WAIT) {
            oracle_break(oracle, rule, "the peer closed, and it never closed its end",
                         EVIDENCE(i, conn->at_peer_fin, index + 1));
        } else if (conn->at_close != 0) {
            oracle_keep(oracle, rule, EVIDENCE(i, conn->at_peer_fin, conn->at_close));
        }
    }
}

/* At the exit of a server that was asked to stop. */
static void clo_12_exit(struct oracle *oracle, unsigned rule, const struct trace_event *event,
                        uint32_t index)
{
    const struct facts *facts = &oracle->facts;
    bool busy = facts->at_spin != 0; /* the harness ended it for another reason */
    bool forced = event->what == TRACE_EXIT_JUMPED || event->what == TRACE_EXIT_HUNG;
    if (facts->at_stop_handled == 0) {
        if (forced && !busy) {
            oracle_break(oracle, rule, "it ignores the stop signal",
                         EVIDENCE(0, facts->at_stop_ignored, index + 1));
        }
        return;
    }
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        busy |= (conn->flags & (FACTS_ACCEPTED | FACTS_OLD)) == FACTS_ACCEPTED &&
                (conn->at_close == 0 || conn->at_close > facts->at_stop_handled);
    }
    if (forced && !busy) {
        oracle_break(oracle, rule, "it handled the stop signal and did not stop",
                     EVIDENCE(0, facts->at_stop_handled, index + 1));
    } else if (event->what == TRACE_EXIT_STOPPED_BY_HANDLER || event->what == TRACE_EXIT_RETURNED) {
        oracle_keep(oracle, rule, EVIDENCE(0, facts->at_stop_handled, index + 1));
    }
}

/* Whether it, or one of its threads while the others wait for that one, sleeps in a send. */
static bool sleeps_in_send(const struct facts *facts)
{
    bool sends = facts->at_block != 0 && facts->block_family == SCENARIO_CALL_SEND;
    for (uint32_t i = 1; facts->has_threads && !sends && i <= facts->conns_used; i++) {
        sends = (facts->conns[i].flags & FACTS_SENDING) != 0;
    }
    return sends;
}

ORACLE_EVENT(clo_12)
{
    const struct facts *facts = &oracle->facts;
    if (facts->at_stop_handled == 0 && facts->at_stop_ignored == 0) {
        return;
    }
    if (event->kind == TRACE_EXIT) {
        clo_12_exit(oracle, rule, event, index);
        return;
    }
    if (event->kind == TRACE_PHASE) {
        /* One that sleeps in a send finishes an answer that the peer does not take: how long it may
         * wait for that is for TMO-07 to say. */
        bool lives = facts->at_stop_handled != 0 && facts->at_exit == 0 && !sleeps_in_send(facts);
        /* While memory is wanting it tries again, with pauses, as ERR-09 would have it. */
        uint32_t since =
            facts->at_memory > facts->at_stop_handled ? facts->at_memory : facts->at_stop_handled;
        if (lives && event->time_us - oracle_event(oracle, since)->time_us >= STOP_LIMIT_US) {
            oracle_break(oracle, rule,
                         "it handled the stop signal and was still there ten seconds later",
                         EVIDENCE(0, facts->at_stop_handled, index + 1));
        }
        return;
    }
    /* When a child heard of it no trace tells. */
    if (facts->at_stop_told != 0 && facts->at_last_block > facts->at_stop_told &&
        facts_process(event->fd) == 0) {
        oracle_break(oracle, rule, "it handled the stop signal and went on accepting connections",
                     EVIDENCE(event->conn, facts->at_stop_handled, facts->at_stop_told,
                              facts->at_last_block, index + 1));
    }
}

ORACLE_EVENT(clo_15)
{
    const struct facts *facts = &oracle->facts;
    if (event->what != TRACE_PHASE_PLAYED) {
        return;
    }
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        bool answered = (conn->flags & FACTS_LAST) != 0 && conn->requests > 0 &&
                        conn->answers >= conn->requests;
        const uint32_t ended =
            FACTS_PEER_GONE | FACTS_PEER_RESET | FACTS_PEER_SHUT | FACTS_OFF_PROTOCOL | FACTS_OLD;
        if (!answered || facts->wire_touched || facts->at_stop_signal != 0) {
            continue;
        }
        uint32_t at_end = conn->at_shut != 0 ? conn->at_shut : conn->at_close;
        int64_t end_us = at_end != 0 ? oracle_event(oracle, at_end)->time_us : event->time_us;
        /* A program that sleeps without a limit will not close by itself; others get their time. */
        bool forever = at_end == 0 && facts->at_block != 0 && facts->block_us < 0;
        bool late = end_us - oracle_event(oracle, conn->at_answer)->time_us > FACTS_PATIENCE_US;
        if (at_end != 0 && !late) {
            oracle_keep(oracle, rule, EVIDENCE(i, conn->at_answer, at_end));
        } else if ((forever || late) && (conn->flags & ended) == 0) {
            oracle_break(oracle, rule,
                         "after its last answer it did not close, and waits for the peer to do so",
                         EVIDENCE(i, conn->at_answer, facts->at_block, index + 1));
        }
    }
}

/* The peer said only whole messages, all were answered, and it read what came. */
static bool in_turn(const struct facts *facts, const struct facts_conn *conn)
{
    const uint32_t reasons = FACTS_EVER_STALLED | FACTS_OFF_PROTOCOL | FACTS_LOSSY | FACTS_URGENT |
                             FACTS_SILENT | FACTS_OLD | FACTS_PEER_RESET | FACTS_PEER_GONE |
                             FACTS_RESOURCE;
    int64_t end = conn->messages > 0 ? conn->message_end[(conn->messages - 1) % FACTS_MESSAGES] : 0;
    return conn->messages > 0 && conn->peer_sent == end && (conn->flags & reasons) == 0 &&
           conn->at_rst == 0 && !facts->wire_lossy && facts->at_stop_signal == 0 &&
           facts->at_full == 0 && facts->at_memory == 0 && facts->at_died == 0;
}

ORACLE_END(clo_16)
{
    const struct facts *facts = &oracle->facts;
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        bool answered = facts->role == TRACE_ROLE_SERVER ? conn->answers >= conn->requests
                                                         : conn->replies >= conn->answers;
        if (!in_turn(facts, conn) || conn->at_close == 0 || !answered) {
            continue;
        }
        /* Unread input is RST-05's; here all was read. */
        bool aborted = conn->at_abort != 0 && conn->received >= conn->peer_sent;
        bool seen = conn->at_saw_rst > conn->at_close &&
                    (!facts->played || conn->at_saw_rst < facts->at_phase[TRACE_PHASE_PLAYED]);
        if (aborted || seen) {
            oracle_break(
                oracle, rule, "it aborted the connection of a peer that did nothing out of turn",
                EVIDENCE(i, conn->at_request, conn->at_close, conn->at_abort, conn->at_saw_rst));
        } else if (conn->at_saw_rst == 0 && conn->at_saw_fin != 0) {
            oracle_keep(oracle, rule, EVIDENCE(i, conn->at_close, conn->at_saw_fin));
        }
    }
}

ORACLE_END(rst_05)
{
    const struct facts *facts = &oracle->facts;
    const uint32_t reasons = FACTS_PEER_GONE | FACTS_PEER_RESET | FACTS_LOSSY | FACTS_URGENT |
                             FACTS_SILENT | FACTS_OLD | FACTS_LINGER_0 | FACTS_RESOURCE;
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        if (conn->owed == 0 || conn->sent == 0 || conn->at_close == 0 || conn->overdue_at_close ||
            (conn->flags & reasons) != 0 || facts->wire_lossy || facts->at_died != 0 ||
            facts->at_memory != 0 || facts->at_stop_signal != 0) {
            continue;
        }
        if (conn->at_denied > conn->at_receive) {
            continue; /* It knew of no input. */
        }
        if ((conn->answers < conn->owed || conn->unread_at_close) &&
            conn->at_saw_rst > conn->at_close) {
            oracle_break(oracle, rule,
                         "it closed over input that it had not read, and its response was followed "
                         "by an RST",
                         EVIDENCE(i, conn->at_request, conn->at_close, conn->at_saw_rst));
        } else if (conn->answers >= conn->owed && conn->at_saw_rst == 0 &&
                   (conn->flags & FACTS_HALF_SHUT) != 0 && conn->at_close > conn->at_shut) {
            oracle_keep(oracle, rule, EVIDENCE(i, conn->at_shut, conn->at_eof, conn->at_close));
        }
    }
}

ORACLE_END(twt_07)
{
    const struct facts *facts = &oracle->facts;
    const uint32_t reasons = FACTS_PEER_GONE | FACTS_PEER_RESET | FACTS_LOSSY | FACTS_SILENT |
                             FACTS_OLD | FACTS_OFF_PROTOCOL | FACTS_PEER_SHUT;
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        if (conn->at_close == 0 || (conn->flags & reasons) != 0 || facts->wire_lossy ||
            conn->sent == 0) {
            continue;
        }
        if ((conn->flags & FACTS_LINGER_0) == 0) {
            if (conn->at_saw_fin != 0) {
                oracle_keep(oracle, rule, EVIDENCE(i, conn->at_close, conn->at_saw_fin));
            }
        } else if (conn->at_linger < conn->at_send && conn->at_receive < conn->at_send &&
                   conn->at_abort != 0 && (conn->flags & (FACTS_EOF | FACTS_ERROR)) == 0) {
            oracle_break(
                oracle, rule,
                "SO_LINGER {1,0} is its habit, and nothing said that its last bytes had arrived",
                EVIDENCE(i, conn->at_linger, conn->at_send, conn->at_abort, conn->at_close));
        } else if (conn->peer_read < conn->sent && conn->at_saw_rst > conn->at_close) {
            oracle_break(oracle, rule,
                         "SO_LINGER {1,0} threw away bytes that the peer had not received",
                         EVIDENCE(i, conn->at_close, conn->at_saw_rst));
        }
    }
}
