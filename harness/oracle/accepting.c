/* Rules about accept and the queue behind it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "oracle/predicates.h"

/* So long a server out of descriptors may turn clients away before it listens again. */
enum { CLOSED_LIMIT_US = 60000000 };

ORACLE_EVENT(acc_06)
{
    struct facts_fd *record = facts_fd(&oracle->facts, event->fd);
    struct facts_conn *conn = record != NULL ? facts_conn(&oracle->facts, record->conn) : NULL;
    if (conn == NULL || !record->accepted) {
        return;
    }
    if (record->explicit_flags) {
        oracle_keep(oracle, rule, EVIDENCE(record->conn, conn->at_open, index + 1));
    } else if (record->inherits && (conn->flags & FACTS_READY_SEEN) != 0 &&
               (event->flags & TRACE_NONBLOCK) == 0) {
        oracle_break(
            oracle, rule,
            "its listener is O_NONBLOCK and it left the flags of an accepted descriptor to chance",
            EVIDENCE(record->conn, conn->at_open, index + 1));
    }
}

/* Errors that concern the one connection which was to be accepted, or pass by themselves. */
static bool is_passing(int err)
{
    switch (err) {
    case ECONNABORTED:
    case EINTR:
    case EAGAIN:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

ORACLE_EVENT(acc_09)
{
    struct facts *facts = &oracle->facts;
    if (facts->at_soft_accept == 0 ||
        !is_passing(oracle_event(oracle, facts->at_soft_accept)->err)) {
        return;
    }
    if (event->kind == TRACE_CALL && facts_family(event->what) == SCENARIO_CALL_ACCEPT) {
        oracle_keep(oracle, rule, EVIDENCE(0, facts->at_soft_accept, index + 1));
    } else if (event->kind == TRACE_CALL && event->fd >= 0 && event->fd == facts->listener &&
               !facts->stopping && facts->at_last_block <= facts->at_soft_accept) {
        oracle_break(oracle, rule, "it closed its listener because one accept failed",
                     EVIDENCE(0, facts->at_soft_accept, index + 1));
    }
}

ORACLE_END(acc_09)
{
    const struct facts *facts = &oracle->facts;
    uint32_t error = facts->at_soft_accept;
    if (error == 0 || !is_passing(oracle_event(oracle, error)->err)) {
        return;
    }
    if (facts_died_of(facts, error) != 0) {
        oracle_break(oracle, rule, "it ended because one accept failed",
                     EVIDENCE(0, error, facts->at_died));
    }
    /* Where memory was short as well, that is the reason: ERR-09. */
    for (uint32_t i = 1; facts->at_memory == 0 && i <= facts->conns_used; i++) {
        if (facts_never_accepted(facts, &facts->conns[i])) {
            oracle_break(oracle, rule,
                         "after accept had failed once, a connection was never accepted",
                         EVIDENCE(i, error, facts->conns[i].at_established));
        }
    }
}

ORACLE_EVENT(acc_10)
{
    struct facts_fd *record = facts_fd(&oracle->facts, event->fd);
    /* What answers so is no listener: a program may try accept() on a FIFO, to see which it has. */
    if (record == NULL || record->at_ready == 0 || event->err == ENOTSOCK || event->err == EINVAL) {
        return;
    }
    if ((event->flags & TRACE_NONBLOCK) != 0) {
        oracle_keep(oracle, rule, EVIDENCE(event->conn, record->at_ready, index + 1));
    } else {
        oracle_break(oracle, rule,
                     "it trusts a readiness report and accepts from a blocking listener",
                     EVIDENCE(event->conn, record->at_ready, index + 1));
    }
}

/* Whether the program may have a time set for itself, after the event at mark `from`, at which it
 * goes on by itself. */
static bool has_a_timer(const struct oracle *oracle, uint32_t from, uint32_t end)
{
    if (oracle->facts.has_threads) {
        return true; /* one of them may have slept since before */
    }
    for (uint32_t at = from; at < end; at++) {
        const struct trace_event *event = &oracle->trace->events[at];
        bool sets = event->kind == TRACE_CALL &&
                    (event->what == TRACE_CALL_ALARM || event->what == TRACE_CALL_TIMERFD_SETTIME);
        if (sets || (event->kind == TRACE_BLOCK && event->a >= 0)) {
            return true;
        }
    }
    return false;
}

/* The mark of the close of the listener whose accept was the latest to lack a descriptor, where
 * nobody listens in its place since; 0: somebody does. */
static uint32_t closed_for_good(struct oracle *oracle)
{
    struct facts *facts = &oracle->facts;
    if (facts->at_full == 0 || facts->stopping || facts->at_exit != 0) {
        return 0;
    }
    int64_t number = oracle_event(oracle, facts->at_full)->fd;
    const struct facts_fd *record = facts_fd(facts, number);
    if (record == NULL || record->at_closed < facts->at_full) {
        return 0;
    }
    for (uint32_t fd = 0; fd < facts->fds_used; fd++) {
        const struct facts_fd *other = &facts->fds[fd];
        bool elsewhere = facts_process(fd) != facts_process(number);
        if (other->open && other->listens && (elsewhere || other->at_opened > record->at_closed)) {
            return 0;
        }
    }
    return record->at_closed;
}

ORACLE_EVENT(acc_12)
{
    struct facts *facts = &oracle->facts;
    if (event->kind == TRACE_PHASE) {
        uint32_t closed = closed_for_good(oracle);
        if (closed != 0 &&
            (event->time_us - oracle_event(oracle, closed)->time_us >= CLOSED_LIMIT_US ||
             !has_a_timer(oracle, facts->at_full, index))) {
            oracle_break(oracle, rule,
                         "out of descriptors it closed its listener, and it never listened again",
                         EVIDENCE(0, facts->at_full, closed, index + 1));
        }
    } else if (event->kind == TRACE_SPIN) {
        oracle_spin_judge(oracle, rule, event, index,
                          "out of descriptors it called accept again and again without a pause");
    } else if (facts->at_full != 0 && event->result >= 0) {
        oracle_keep(oracle, rule, EVIDENCE(event->conn, facts->at_full, index + 1));
    }
}

ORACLE_END(acc_12)
{
    const struct facts *facts = &oracle->facts;
    if (facts->at_full == 0) {
        return;
    }
    if (facts_died_of(facts, facts->at_full) != 0) {
        oracle_break(oracle, rule, "it ended when it was out of descriptors",
                     EVIDENCE(0, facts->at_full, facts->at_died));
    }
    if (facts->at_flooded != 0) {
        oracle_break(oracle, rule,
                     "out of descriptors it tried again and wrote a message a hundred times within "
                     "a second",
                     EVIDENCE(0, facts->at_flood, facts->at_full, facts->at_flooded));
    }
    for (uint32_t i = 1; facts->at_memory == 0 && i <= facts->conns_used; i++) {
        /* One whose listener was closed for a while does not wait: it was turned away. */
        uint32_t reset = facts->conns[i].at_rst_went;
        if (facts_never_accepted(facts, &facts->conns[i]) &&
            (reset == 0 || reset > facts->at_phase[TRACE_PHASE_QUIET])) {
            oracle_break(oracle, rule,
                         "descriptors were free again, and a waiting connection was never accepted",
                         EVIDENCE(i, facts->conns[i].at_established, facts->at_full,
                                  facts->at_phase[TRACE_PHASE_QUIET]));
        }
    }
}

ORACLE_EVENT(acc_16)
{
    struct facts *facts = &oracle->facts;
    struct facts_fd *record = facts_fd(facts, event->fd);
    struct facts_conn *conn = record != NULL ? facts_conn(facts, record->conn) : NULL;
    /* A thread of its own may have taken the connection over. */
    if (conn == NULL || !record->accepted || (conn->flags & FACTS_READY_SEEN) == 0 ||
        !facts->waits_on_listener || facts->has_threads) {
        return;
    }
    if ((event->flags & TRACE_NONBLOCK) != 0 || record->nonblock) {
        oracle_keep(oracle, rule, EVIDENCE(record->conn, conn->at_open, index + 1));
    } else {
        oracle_break(oracle, rule, "its event loop uses a descriptor that can block",
                     EVIDENCE(record->conn, conn->at_open, index + 1));
    }
}

ORACLE_END(bkl_04)
{
    const struct facts *facts = &oracle->facts;
    if (facts->at_waiting_max == 0 || (int64_t)facts->waiting_max <= facts->backlog + 1) {
        return;
    }
    /* Where accept failed, that is why one still waits: ACC-09, ACC-12, ERR-09. A server may make
     * its queue short for as long as it can take none (memcached does). */
    bool failed = (facts->at_full | facts->at_soft_accept | facts->at_memory) != 0;
    bool spared = false;
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        bool waits = facts_never_accepted(facts, conn);
        if (waits && failed) {
            spared = true;
        } else if (waits || facts_unserved(facts, conn)) {
            oracle_break(
                oracle, rule,
                "of a burst that its queue could not hold, a connection was never served",
                EVIDENCE(i, facts->at_waiting_max, conn->at_established, conn->at_request));
        }
    }
    if (!spared && facts->at_phase[TRACE_PHASE_QUIET] != 0) {
        oracle_keep(oracle, rule,
                    EVIDENCE(0, facts->at_waiting_max, facts->at_phase[TRACE_PHASE_QUIET]));
    }
}
