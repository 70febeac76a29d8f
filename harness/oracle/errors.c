/* Rules about errors: who must survive what, and who must tell. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>

#include "oracle/predicates.h"

ORACLE_EVENT(rst_13)
{
    struct facts *facts = &oracle->facts;
    if (event->what != TRACE_PHASE_QUIET) {
        return;
    }
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        if (conn->at_rst == 0 || conn->at_open == 0 || (conn->flags & FACTS_OLD) != 0) {
            continue;
        }
        if (conn->at_close == 0 && (conn->flags & FACTS_STRUCK) != 0) {
            continue; /* It may have lost sight of it before: CLO-06 and FDH-01 say so. */
        }
        if (conn->at_close == 0) {
            oracle_break(oracle, rule, "the descriptor of a reset connection was never closed",
                         EVIDENCE(i, conn->at_rst, index + 1));
        } else {
            oracle_keep(oracle, rule, EVIDENCE(i, conn->at_rst, conn->at_close));
        }
    }
}

ORACLE_END(rst_13)
{
    const struct facts *facts = &oracle->facts;
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        if (facts->at_rst != 0 && conn->at_rst == 0 && facts->at_died == 0 &&
            (conn->flags & (FACTS_STRUCK | FACTS_PEER_SHUT)) == 0 && facts_unserved(facts, conn) &&
            (conn->at_close > facts->at_rst || conn->at_request > facts->at_rst)) {
            oracle_break(oracle, rule,
                         "after another connection was reset, this one was not served",
                         EVIDENCE(i, facts->at_rst, conn->at_request, conn->at_close));
        }
        if (conn->at_rst == 0 || conn->at_open == 0 || (conn->flags & FACTS_OLD) != 0) {
            continue;
        }
        uint32_t error = facts->at_error > conn->at_rst ? facts->at_error : conn->at_rst;
        uint32_t died = facts_died_of(facts, conn->at_rst) | facts_died_of(facts, error);
        if (died != 0 && facts->at_stop_signal == 0) {
            oracle_break(oracle, rule, "it ended because a connection was reset",
                         EVIDENCE(i, conn->at_rst, error, died));
        }
    }
}

/* A client's exchange that did not come to its end: what the peer did, 0 when it did nothing of the
 * kind. */
static uint32_t cut_off(const struct facts_conn *conn)
{
    const uint32_t ended = FACTS_PEER_RESET | FACTS_PEER_GONE | FACTS_PEER_SHUT;
    if ((conn->flags & (FACTS_OFF_PROTOCOL | FACTS_OLD)) != 0 || (conn->flags & ended) == 0 ||
        conn->sent == 0 || (conn->flags & FACTS_PEER_SEEN) == 0) {
        return 0; /* What another program at the other end has said is not known. */
    }
    return conn->at_rst != 0 ? conn->at_rst : conn->at_peer_fin;
}

/* RST-14 and ERR-03 at a client's exit: of the exchanges that were cut off inside a response
 * (`begun`) or before one, the last; reported when the status says so or a later connection made up
 * for it. */
static void judge_exit(struct oracle *oracle, unsigned rule, const struct trace_event *event,
                       uint32_t index, bool begun, const char *note)
{
    struct facts *facts = &oracle->facts;
    if (event->what != TRACE_EXIT_RETURNED || facts->stopping || facts->at_stop_signal != 0) {
        return;
    }
    bool made_up = false;
    for (uint32_t i = facts->conns_used; i > 0; i--) {
        const struct facts_conn *conn = &facts->conns[i];
        uint32_t at = cut_off(conn);
        bool open = conn->answers > conn->replies ||
                    (!begun && conn->answers == conn->replies && conn->replies == 0);
        if (at != 0 && open && (conn->peer_sent > conn->reply_from) == begun) {
            const struct oracle_evidence *evidence = EVIDENCE(i, conn->at_answer, at, index + 1);
            if (event->result == 0 && !made_up) {
                oracle_break(oracle, rule, note, evidence);
            } else {
                oracle_keep(oracle, rule, evidence);
            }
            return;
        }
        made_up |= conn->replies > 0 || (conn->flags & FACTS_OFF_PROTOCOL) != 0;
    }
}

ORACLE_EVENT(rst_14)
{
    judge_exit(oracle, rule, event, index, true,
               "a response was cut off, and it ended with status 0");
}

ORACLE_EVENT(err_03)
{
    judge_exit(
        oracle, rule, event, index, false,
        "its bytes went to a peer that was gone, no response came, and it ended with status 0");
}

ORACLE_EVENT(err_01)
{
    const struct facts *facts = &oracle->facts;
    if (event->kind == TRACE_CALL) {
        if (event->err == EPIPE) {
            oracle_keep(oracle, rule, EVIDENCE(event->conn, index + 1));
        }
        return;
    }
    /* The end of the program, that is: a child that serves one connection may die with it. */
    if (event->kind == TRACE_EXIT && event->what == TRACE_EXIT_SIGNALLED &&
        event->result == SIGPIPE) {
        oracle_break(oracle, rule,
                     "SIGPIPE killed it when it wrote to a connection that the peer had closed",
                     EVIDENCE(event->conn, facts->at_rst, facts->at_call, index + 1));
    }
}

ORACLE_EVENT(err_06)
{
    const struct facts *facts = &oracle->facts;
    if (facts->at_error != 0 && event->fd >= 0 && event->fd == facts->listener &&
        !facts->stopping && facts->at_last_block <= facts->at_error &&
        facts->at_memory <= facts->at_error) {
        oracle_break(oracle, rule, "it closed its listener because of one connection's error",
                     EVIDENCE(0, facts->at_error, index + 1));
    }
}

ORACLE_END(err_06)
{
    const struct facts *facts = &oracle->facts;
    if (facts->at_error == 0) {
        return;
    }
    if (facts_died_of(facts, facts->at_error) != 0) {
        oracle_break(oracle, rule, "it ended because of one connection's error",
                     EVIDENCE(0, facts->at_error, facts->at_died));
    } else if (facts->at_died == 0 && facts->at_call > facts->at_error) {
        oracle_keep(oracle, rule, EVIDENCE(0, facts->at_error, facts->at_call));
    }
}

ORACLE_EVENT(err_09)
{
    oracle_spin_judge(oracle, rule, event, index,
                      "short of memory it tried again and again without a pause");
}

ORACLE_END(err_09)
{
    const struct facts *facts = &oracle->facts;
    bool server = facts->role == TRACE_ROLE_SERVER;
    if (facts->at_memory == 0 || !facts->in_service ||
        (server && facts->at_phase[TRACE_PHASE_READY] == 0)) {
        return;
    }
    if (facts_died_of(facts, facts->at_memory) != 0) {
        oracle_break(oracle, rule, "it ended because a call was short of memory",
                     EVIDENCE(0, facts->at_memory, facts->at_died));
        return;
    }
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        if (server && facts_never_accepted(facts, &facts->conns[i])) {
            oracle_break(oracle, rule,
                         "after a call was short of memory, a connection was never accepted",
                         EVIDENCE(i, facts->at_memory, facts->conns[i].at_established));
        }
    }
    if (facts->at_died == 0 && facts->at_spin == 0) {
        oracle_keep(oracle, rule, EVIDENCE(0, facts->at_memory, facts->at_call));
    }
}

ORACLE_END(bkl_03)
{
    const struct facts *facts = &oracle->facts;
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        if (conn->at_established == 0 || conn->at_connect == 0 || conn->at_rst == 0 ||
            (conn->flags & FACTS_PEER_ACCEPTED) != 0) {
            continue;
        }
        if (facts->at_died > conn->at_rst || facts->at_spin > conn->at_rst) {
            oracle_break(
                oracle, rule,
                "it did not survive the end of a connection that the server had never accepted",
                EVIDENCE(i, conn->at_rst, facts->at_spin, facts->at_died));
        } else {
            oracle_keep(oracle, rule,
                        EVIDENCE(i, conn->at_established, conn->at_rst, facts->at_exit));
        }
    }
}
