/* Rules about socket, bind, listen and connect. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/socket.h>

#include "oracle/predicates.h"

/* The family of the call that failed on a descriptor. */
static enum scenario_call failed_family(const struct oracle *oracle, const struct facts_fd *record)
{
    const struct trace_event *failed = oracle_event(oracle, record->at_failed);
    return failed->what == TRACE_CALL_GETSOCKOPT ? SCENARIO_CALL_CONNECT
                                                 : facts_family(failed->what);
}

ORACLE_EVENT(cre_03)
{
    struct facts_fd *record = facts_fd(&oracle->facts, event->fd);
    if (event->fd == -1 && event->err == EBADF &&
        facts_family(event->what) != SCENARIO_CALL_CLOSE) {
        /* Else the number says on purpose that there is none: of a socket that was closed, of a
         * stream for messages in a quiet mode. */
        const struct facts *facts = &oracle->facts;
        if (facts->at_no_fd != 0 && facts->at_no_fd > facts->at_last_block) {
            oracle_break(oracle, rule,
                         "it used the result of a call that had failed as a descriptor",
                         EVIDENCE(0, facts->at_no_fd, index + 1));
        }
        return;
    }
    if (record == NULL || record->at_failed == 0 || !record->open) {
        return;
    }
    enum scenario_call failed = failed_family(oracle, record);
    enum scenario_call now = facts_family(event->what);
    if (now == SCENARIO_CALL_CLOSE || (now == failed && now != SCENARIO_CALL_NONE)) {
        oracle_keep(oracle, rule, EVIDENCE(record->conn, record->at_failed, index + 1));
    } else if (failed == SCENARIO_CALL_BIND && now == SCENARIO_CALL_LISTEN) {
        oracle_break(oracle, rule, "bind failed, and it listened on the unbound socket",
                     EVIDENCE(0, record->at_failed, index + 1));
    } else if (failed == SCENARIO_CALL_LISTEN && now == SCENARIO_CALL_ACCEPT) {
        oracle_break(oracle, rule, "listen failed, and it accepted on the socket",
                     EVIDENCE(0, record->at_failed, index + 1));
    } else if (failed == SCENARIO_CALL_CONNECT &&
               (now == SCENARIO_CALL_SEND || now == SCENARIO_CALL_RECV)) {
        oracle_break(oracle, rule, "connect failed, and it used the socket as connected",
                     EVIDENCE(event->conn, record->at_failed, index + 1));
    }
}

/* A client that ended by itself: descriptors of failed attempts that it had when it made the next
 * one. */
static void judge_given_up(struct oracle *oracle, unsigned rule, uint32_t index)
{
    const struct facts *facts = &oracle->facts;
    uint32_t newest = 0;
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        newest = facts->conns[i].at_connect > newest ? facts->conns[i].at_connect : newest;
    }
    for (uint32_t fd = 0; fd < facts->fds_used; fd++) {
        const struct facts_fd *left = &facts->fds[fd];
        if (left->open && left->at_failed != 0 && newest > left->at_failed) {
            oracle_break(oracle, rule,
                         "it made another attempt and ended without having closed this one's "
                         "descriptor",
                         EVIDENCE(left->conn, left->at_failed, newest, index + 1));
        }
    }
}

/* It sleeps for a limited time and does nothing else: it means to try again. */
static bool will_try_again(const struct facts *facts, const struct facts_fd *left)
{
    return facts->at_block > left->at_failed && facts->block_family == SCENARIO_CALL_SLEEP &&
           facts->block_us >= 0 && !facts->has_threads;
}

ORACLE_EVENT(cre_04)
{
    struct facts *facts = &oracle->facts;
    if (event->kind == TRACE_EXIT) {
        if (facts->role == TRACE_ROLE_CLIENT && event->what == TRACE_EXIT_RETURNED) {
            judge_given_up(oracle, rule, index);
        }
        return;
    }
    if (event->kind == TRACE_PHASE) {
        for (uint32_t fd = 0; event->what == TRACE_PHASE_QUIET && fd < facts->fds_used; fd++) {
            const struct facts_fd *left = &facts->fds[fd];
            if (left->open && left->at_failed != 0 && !will_try_again(facts, left)) {
                oracle_break(oracle, rule,
                             "the descriptor of a failed attempt was still open at the end",
                             EVIDENCE(left->conn, left->at_failed, index + 1));
            }
        }
        return;
    }
    struct facts_fd *given_up = facts_fd(facts, facts->failed_fd);
    if (given_up == NULL || !given_up->open || given_up->at_failed == 0) {
        return;
    }
    if (facts_family(event->what) == SCENARIO_CALL_CLOSE) {
        if (event->fd == facts->failed_fd) {
            oracle_keep(oracle, rule, EVIDENCE(given_up->conn, given_up->at_failed, index + 1));
        }
    } else if (event->fd != facts->failed_fd && event->fd >= 0 &&
               facts->at_last_block > given_up->at_failed) {
        /* Who tries several at once may close them together: it slept over this one. */
        oracle_break(
            oracle, rule,
            "it went on with another socket and left the descriptor of the failed attempt open",
            EVIDENCE(given_up->conn, given_up->at_failed, facts->at_last_block, index + 1));
    }
}

ORACLE_EVENT(cre_06)
{
    struct facts_fd *record = facts_fd(&oracle->facts, event->fd);
    if (record == NULL || event->a == 0 || (event->err != 0 && event->err != EADDRINUSE)) {
        return;
    }
    if (record->reuseaddr) {
        oracle_keep(oracle, rule, EVIDENCE(0, index + 1));
    } else if (!record->reuseaddr_refused) {
        oracle_break(oracle, rule, "it bound its fixed port without SO_REUSEADDR",
                     EVIDENCE(0, index + 1));
    }
}

ORACLE_EVENT(cre_12)
{
    struct facts_fd *record = facts_fd(&oracle->facts, event->fd);
    if (record == NULL || record->at_progress == 0 || record->checked) {
        return;
    }
    enum scenario_call family = facts_family(event->what);
    if (event->what == TRACE_CALL_GETSOCKOPT && event->a == ((SOL_SOCKET << 16) | SO_ERROR)) {
        oracle_keep(oracle, rule, EVIDENCE(record->conn, record->at_progress, index + 1));
    } else if (family == SCENARIO_CALL_CONNECT) {
        oracle_keep(oracle, rule, EVIDENCE(record->conn, record->at_progress, index + 1));
    } else if (family == SCENARIO_CALL_SEND ||
               (family == SCENARIO_CALL_RECV && event->result <= 0)) {
        oracle_break(oracle, rule,
                     "it used the socket without having asked how the connection attempt ended",
                     EVIDENCE(record->conn, record->at_progress, index + 1));
    }
}

ORACLE_EVENT(cre_14)
{
    struct facts *facts = &oracle->facts;
    if (facts->at_connect_intr == 0 || facts->stopping) {
        return;
    }
    const struct trace_event *interrupted = oracle_event(oracle, facts->at_connect_intr);
    bool waited = facts->turn > facts->at_connect_intr;
    enum scenario_call family =
        event->kind == TRACE_CALL ? facts_family(event->what) : SCENARIO_CALL_NONE;
    if (event->kind == TRACE_EXIT ||
        (family == SCENARIO_CALL_CLOSE && event->fd == interrupted->fd)) {
        if (!waited) {
            oracle_break(
                oracle, rule, "connect was interrupted, and it gave the attempt up at once",
                EVIDENCE(interrupted->conn, facts->at_connect_intr, facts->at_call, index + 1));
        }
    } else if (event->fd == interrupted->fd && event->err == 0 &&
               (family == SCENARIO_CALL_CONNECT || family == SCENARIO_CALL_SEND ||
                family == SCENARIO_CALL_RECV)) {
        oracle_keep(oracle, rule, EVIDENCE(interrupted->conn, facts->at_connect_intr, index + 1));
    }
}

ORACLE_EVENT(cre_16)
{
    struct facts_fd *record = facts_fd(&oracle->facts, event->fd);
    if (record == NULL || record->at_failed == 0 || !record->open ||
        failed_family(oracle, record) != SCENARIO_CALL_CONNECT) {
        return;
    }
    const struct oracle_evidence *evidence = EVIDENCE(record->conn, record->at_failed, index + 1);
    if (facts_family(event->what) == SCENARIO_CALL_CLOSE) {
        oracle_keep(oracle, rule, evidence);
    } else if (oracle->trace->header.rules == TRACE_RULES_LINUX) {
        oracle_inform(oracle, rule,
                      "it called connect again on the socket of a failed attempt, as Linux allows",
                      evidence);
    } else {
        oracle_break(oracle, rule, "it called connect again on the socket of a failed attempt",
                     evidence);
    }
}

/* The end of the program that had begun an attempt; a client may have been started again since. */
static uint32_t exit_behind(const struct oracle *oracle, uint32_t from)
{
    for (uint32_t at = from + 1; at <= oracle->facts.at_exit; at++) {
        const struct trace_event *event = oracle_event(oracle, at);
        if (event->kind == TRACE_EXIT && event->host == TRACE_HOST_TARGET) {
            return at;
        }
    }
    return 0;
}

/* When the program gave the attempt up, or the run ended without that. */
static int64_t attempt_end(const struct oracle *oracle, const struct facts_conn *conn,
                           uint32_t *ret_at)
{
    const struct facts *facts = &oracle->facts;
    uint32_t at = conn->at_established != 0 ? conn->at_established : conn->at_close;
    at = at != 0 ? at : exit_behind(oracle, conn->at_connect);
    at = at != 0 ? at : facts->at_phase[TRACE_PHASE_QUIET];
    *ret_at = at;
    return at != 0 ? oracle_event(oracle, at)->time_us : conn->opened_us;
}

ORACLE_END(cre_20)
{
    const struct facts *facts = &oracle->facts;
    int64_t limit = oracle->trace->header.connect_limit_us;
    for (uint32_t i = 1; limit > 0 && i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        if (conn->at_connect == 0 || conn->at_rst != 0) {
            continue;
        }
        uint32_t at = 0;
        int64_t took = attempt_end(oracle, conn, &at) - conn->opened_us;
        if (took > limit) {
            oracle_break(oracle, rule, "it waited for a connection for longer than its limit",
                         EVIDENCE(i, conn->at_connect, at));
        } else if (took >= FACTS_PATIENCE_US && conn->at_established == 0) {
            oracle_keep(oracle, rule, EVIDENCE(i, conn->at_connect, at));
        }
    }
}

ORACLE_EVENT(twt_06)
{
    oracle_spin_judge(oracle, rule, event, index,
                      "without a free local port it tried again and again without a pause");
}

ORACLE_END(twt_06)
{
    const struct facts *facts = &oracle->facts;
    if (facts->at_no_port == 0) {
        return;
    }
    bool succeeded = false;
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        succeeded |= facts->conns[i].at_established > facts->at_no_port;
    }
    const struct trace_event *end =
        facts->at_exit != 0 ? oracle_event(oracle, facts->at_exit) : NULL;
    bool killed = end != NULL && end->what == TRACE_EXIT_SIGNALLED;
    bool fell = end != NULL && (end->what == TRACE_EXIT_CRASHED || end->what == TRACE_EXIT_ABORTED);
    bool silent = end != NULL && end->what == TRACE_EXIT_RETURNED && end->result == 0 &&
                  facts->at_said < facts->at_no_port;
    if (!succeeded && killed) {
        return; /* nobody knows what it would have done */
    }
    if (!succeeded && (fell || silent)) {
        oracle_break(oracle, rule,
                     "it had no local port left, and neither tried later nor reported it",
                     EVIDENCE(0, facts->at_no_port, facts->at_exit));
    } else {
        oracle_keep(oracle, rule, EVIDENCE(0, facts->at_no_port, facts->at_exit));
    }
}
