/* Rules about descriptors and heap: each closed once, none used after, none left. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "oracle/predicates.h"

/* Descriptors that a client left behind, one per connection, when it ended by itself. */
static void judge_left_at_exit(struct oracle *oracle, unsigned rule, uint32_t index)
{
    const struct facts *facts = &oracle->facts;
    uint32_t left = 0;
    uint32_t oldest = 0;
    for (uint32_t fd = 0; fd < facts->fds_used; fd++) {
        const struct facts_fd *record = &facts->fds[fd];
        const struct facts_conn *conn =
            record->open ? facts_conn((struct facts *)facts, record->conn) : NULL;
        if (conn != NULL && (conn->at_peer_fin | conn->at_rst) != 0) {
            left++;
            oldest = oldest == 0 || record->at_opened < oldest ? record->at_opened : oldest;
        }
    }
    if (left >= 2) {
        oracle_break(oracle, rule,
                     "it made connection after connection and never closed the ended ones",
                     EVIDENCE(0, oldest, index + 1));
    }
}

/* It waits for room that a wire which loses or forges segments may never give it: its kernel still
 * tries. */
static bool waits_for_room(const struct oracle *oracle, uint32_t number)
{
    const struct facts *facts = &oracle->facts;
    const struct facts_conn *conn = &facts->conns[number];
    if (!facts->wire_lossy && (conn->flags & FACTS_LOSSY) == 0) {
        return false;
    }
    if ((conn->flags & FACTS_SEND_STUCK) != 0) {
        return true;
    }
    if (facts->at_last_block == 0) {
        return false;
    }
    const struct trace_event *block = oracle_event(oracle, facts->at_last_block);
    return block->conn == number && facts_family(block->what) == SCENARIO_CALL_SEND;
}

/* The program could know that the connection was over: the peer's end of it is no secret. */
static bool is_over(const struct oracle *oracle, uint32_t number)
{
    const struct facts_conn *conn = &oracle->facts.conns[number];
    bool half =
        conn->state == TCP_CLOSE_WAIT && conn->at_rst == 0 && (conn->flags & FACTS_ERROR) == 0;
    if (half && waits_for_room(oracle, number)) {
        return false;
    }
    return (conn->at_peer_fin | conn->at_rst) != 0 ||
           (conn->flags & (FACTS_EOF | FACTS_ERROR)) != 0 ||
           (conn->flags & FACTS_ESTABLISHED) == 0 || conn->state == TCP_CLOSED;
}

/* How many descriptors a run may end with. One may be opened once and kept on purpose; a new worker
 * takes the place of an old one. What a signal meant for the program's own use began (a debugger, a
 * log of its own) may stay, if the next one does not begin it again. */
static uint32_t may_hold(const struct facts *facts)
{
    uint32_t kept = facts->kept_for_user;
    return facts->held_at_ready + kept + (kept != 1);
}

ORACLE_EVENT(fdh_01)
{
    struct facts *facts = &oracle->facts;
    if (event->kind == TRACE_EXIT) {
        if (facts->role == TRACE_ROLE_CLIENT && event->what == TRACE_EXIT_RETURNED) {
            judge_left_at_exit(oracle, rule, index);
        }
        return;
    }
    /* Who was asked to stop may take its time over what it still holds. */
    if (event->what != TRACE_PHASE_QUIET || facts->at_stop_handled != 0) {
        return;
    }
    uint32_t other = 0;
    for (uint32_t fd = 0; fd < facts->fds_used; fd++) {
        const struct facts_fd *record = &facts->fds[fd];
        if (!record->open || record->listener || record->inherited) {
            continue;
        }
        const struct facts_conn *conn = facts_conn(facts, record->conn);
        /* After forged segments a connection may come to a server a second time. */
        bool again = conn != NULL && conn->at_close != 0 && conn->at_close < record->at_opened;
        if (conn != NULL && !again && is_over(oracle, record->conn)) {
            oracle_break(oracle, rule,
                         "the descriptor of an ended connection was still open at the end",
                         EVIDENCE(record->conn, record->at_opened, index + 1));
        } else if (!record->baseline && facts_counts(facts, fd)) {
            other = record->at_opened;
        }
    }
    if (facts_held(facts) > may_hold(facts)) {
        oracle_break(oracle, rule,
                     "it held more descriptors at the end than before the first connection",
                     EVIDENCE(0, other, index + 1));
    }
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        if (facts->conns[i].at_open != 0 && facts->conns[i].at_close != 0) {
            oracle_keep(oracle, rule, EVIDENCE(i, facts->conns[i].at_close, index + 1));
        }
    }
}

/* How many closes of ever higher (`step` -1, backwards in time: lower) numbers that are not open
 * follow each other from the one at `index` on, with nothing else but closes between them. */
static uint32_t refused_in_a_row(const struct trace *trace, uint32_t index, int step, uint32_t most)
{
    uint32_t found = 0;
    int64_t fd = trace->events[index].fd;
    for (int64_t i = index; i >= 0 && i < trace->count && found < most; i += step) {
        const struct trace_event *event = &trace->events[i];
        bool beyond = (event->fd - fd) * step > 0;
        if (event->kind == TRACE_CALL && event->what == TRACE_CALL_CLOSE && beyond) {
            fd = event->fd;
            found += event->err == EBADF;
        } else if (event->kind == TRACE_CALL && i != index) {
            break;
        }
    }
    return found;
}

/* Whether the close at `index` is one of many that go through the numbers, whatever is open: what
 * programs do that cannot know what they were started with. */
static bool is_sweep(const struct trace *trace, uint32_t index)
{
    enum { SWEEP = 8 };
    return refused_in_a_row(trace, index, 1, SWEEP) + refused_in_a_row(trace, index, -1, SWEEP) >=
           SWEEP - 1;
}

ORACLE_EVENT(fdh_02)
{
    struct facts_fd *record = facts_fd(&oracle->facts, event->fd);
    if (record == NULL) {
        return;
    }
    if (event->err == EBADF && !record->open && record->at_closed != 0) {
        if (is_sweep(oracle->trace, index)) {
            return;
        }
        oracle_break(oracle, rule, "it closed a descriptor twice",
                     EVIDENCE(record->conn, record->at_closed, index + 1));
    } else if (event->err == 0 && record->conn != 0) {
        oracle_keep(oracle, rule, EVIDENCE(record->conn, record->at_opened, index + 1));
    }
}

/* fcntl(F_GETFD) changes nothing, and is how a program finds out which numbers are open. */
static bool asks_whether_open(const struct trace_event *event)
{
    return event->kind == TRACE_CALL && event->what == TRACE_CALL_FCNTL && event->a == F_GETFD;
}

ORACLE_EVENT(fdh_03)
{
    struct facts_fd *record = facts_fd(&oracle->facts, event->fd);
    if (record == NULL) {
        return;
    }
    bool closes = event->kind == TRACE_CALL && facts_family(event->what) == SCENARIO_CALL_CLOSE;
    bool refused = event->kind == TRACE_READY ? (event->b & POLLNVAL) != 0 : event->err == EBADF;
    if (closes) {
        if (event->err == 0 && record->conn != 0) {
            oracle_keep(oracle, rule, EVIDENCE(record->conn, index + 1));
        }
    } else if (refused && !record->open && record->at_closed != 0 && !asks_whether_open(event)) {
        oracle_break(oracle, rule, "it used a descriptor after its close",
                     EVIDENCE(record->conn, record->at_closed, index + 1));
    }
}

ORACLE_EVENT(fdh_04)
{
    struct facts_fd *record = facts_fd(&oracle->facts, event->fd);
    if (record == NULL || record->at_close_intr == 0 || record->open) {
        return;
    }
    const struct oracle_evidence *evidence =
        EVIDENCE(record->conn, record->at_close_intr, index + 1);
    if (oracle->trace->header.rules == TRACE_RULES_LINUX) {
        oracle_break(oracle, rule,
                     "it called close again after EINTR, when the number was free already",
                     evidence);
    } else {
        oracle_inform(oracle, rule, "it called close again after EINTR", evidence);
    }
}

ORACLE_END(fdh_04)
{
    const struct facts *facts = &oracle->facts;
    if (facts->at_close_intr != 0 && facts->at_call > facts->at_close_intr) {
        oracle_keep(oracle, rule, EVIDENCE(0, facts->at_close_intr, facts->at_call));
    }
}

/* Sockets that a program was started with and never touched: one of those that run, when all is
 * quiet, or one that ended before it was told to (its descriptors are closed by then). */
static void judge_execed(struct oracle *oracle, unsigned rule, const struct trace_event *event,
                         uint32_t index)
{
    const struct facts *facts = &oracle->facts;
    bool ended = event->kind == TRACE_PROCESS;
    int64_t first = ended ? event->result * TRACE_PROCESS_STRIDE : 0;
    int64_t end = ended ? first + TRACE_PROCESS_STRIDE : facts->fds_used;
    if (ended && (event->what != TRACE_PROCESS_ENDED || facts->stopping ||
                  event->result == TRACE_PROCESSES_MAX - 1)) {
        return;
    }
    for (int64_t fd = first; facts->at_exec != 0 && fd < end && fd < facts->fds_used; fd++) {
        const struct facts_fd *record = &facts->fds[fd];
        if ((record->open || ended) && record->execed) {
            oracle_break(oracle, rule,
                         "another program was started with a socket that it has no use for",
                         EVIDENCE(record->conn, record->at_opened, facts->at_exec, index + 1));
        }
    }
}

/* Whether a program ever execs is not always to be seen; one that asks for SOCK_CLOEXEC elsewhere
 * means it. */
ORACLE_EVENT(fdh_05)
{
    const struct facts *facts = &oracle->facts;
    if (event->kind == TRACE_PHASE || event->kind == TRACE_PROCESS) {
        judge_execed(oracle, rule, event, index);
        return;
    }
    struct facts_fd *record = facts_fd(&oracle->facts, event->fd);
    if (record == NULL || !record->accepted || !record->open || facts->at_cloexec == 0) {
        return;
    }
    if (record->cloexec) {
        oracle_keep(oracle, rule, EVIDENCE(record->conn, facts->at_cloexec, record->at_opened));
    } else {
        oracle_break(
            oracle, rule,
            "it asks for SOCK_CLOEXEC elsewhere, and an accepted descriptor has no FD_CLOEXEC",
            EVIDENCE(record->conn, facts->at_cloexec, record->at_opened, index + 1));
    }
}

/* ---- Processes and threads ---- */

/* A copy of the listener in the process of a descriptor: the mark of its opening, 0 none. */
static uint32_t listener_beside(const struct facts *facts, int64_t fd)
{
    uint32_t first = facts_process(fd) * TRACE_PROCESS_STRIDE;
    uint32_t end = first + TRACE_PROCESS_STRIDE;
    for (uint32_t other = first; other < end && other < facts->fds_used; other++) {
        if (facts->fds[other].open && facts->fds[other].listens) {
            return facts->fds[other].at_opened;
        }
    }
    return 0;
}

/* A child reads once more, or the end, after it has answered: it had every occasion to close. */
static void judge_child(struct oracle *oracle, unsigned rule, const struct trace_event *event,
                        uint32_t index)
{
    struct facts *facts = &oracle->facts;
    uint32_t process = facts_process(event->fd);
    const struct facts_fd *record = facts_fd(facts, event->fd);
    const struct facts_conn *conn = record != NULL ? facts_conn(facts, record->conn) : NULL;
    if (process == 0 || process == TRACE_PROCESSES_MAX - 1 || conn == NULL || record->accepted ||
        conn->at_child == 0 || conn->sent == 0) {
        return;
    }
    uint32_t listener = listener_beside(facts, event->fd);
    if (listener != 0) {
        oracle_break(oracle, rule,
                     "a child that serves one connection has kept its copy of the listener",
                     EVIDENCE(record->conn, listener, index + 1));
    }
}

/* The descriptor that accept gave, still open and never used while a child served the connection.
 */
static const struct facts_fd *kept_by_parent(const struct facts *facts, uint32_t number)
{
    for (uint32_t fd = 0; fd < facts->fds_used; fd++) {
        const struct facts_fd *record = &facts->fds[fd];
        if (record->open && record->accepted && !record->used && record->conn == number) {
            return record;
        }
    }
    return NULL;
}

ORACLE_EVENT(fdh_06)
{
    const struct facts *facts = &oracle->facts;
    if (event->kind == TRACE_CALL) {
        judge_child(oracle, rule, event, index);
        return;
    }
    if (event->kind == TRACE_PROCESS) {
        uint32_t ended =
            event->a > 0 && event->a <= FACTS_CHILDREN ? facts->at_ended[event->a - 1] : 0;
        /* One that is waited for at the next occasion does no harm. */
        if (event->what == TRACE_PROCESS_UNREAPED && ended != 0 && facts->at_fork > ended) {
            oracle_break(oracle, rule,
                         "a child had ended before the next one was made, and it never waited for "
                         "it: a zombie",
                         EVIDENCE(0, ended, facts->at_fork, index + 1));
        }
        return;
    }
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        if (conn->at_child == 0) {
            continue;
        }
        const struct facts_fd *kept = kept_by_parent(facts, i);
        if (kept != NULL) {
            oracle_break(oracle, rule,
                         "a child served the connection, and the parent never closed its own copy",
                         EVIDENCE(i, kept->at_opened, conn->at_child, index + 1));
        } else if (conn->at_close != 0) {
            oracle_keep(oracle, rule, EVIDENCE(i, conn->at_open, conn->at_child, conn->at_close));
        }
    }
}

ORACLE_EVENT(fdh_07)
{
    const struct facts_fd *record = facts_fd(&oracle->facts, event->fd);
    if (record == NULL || !record->open || !record->slept_on ||
        facts_process(event->fd) == TRACE_PROCESSES_MAX - 1) {
        return;
    }
    if (facts_family(event->what) == SCENARIO_CALL_SHUTDOWN) {
        oracle_keep(oracle, rule, EVIDENCE(record->conn, record->at_opened, index + 1));
    } else {
        oracle_break(oracle, rule,
                     "it closed a descriptor while another thread slept in a call on it",
                     EVIDENCE(record->conn, record->at_opened, index + 1));
    }
}

/* A child that was left behind with the listener, or an end that left none. */
ORACLE_EVENT(fdh_08)
{
    const struct facts *facts = &oracle->facts;
    bool ready = facts->in_service && facts->at_phase[TRACE_PHASE_READY] != 0;
    if (event->kind == TRACE_PROCESS) {
        if (event->what == TRACE_PROCESS_LEFT && event->b > 0 && facts->at_exit != 0 && ready) {
            oracle_break(oracle, rule, "it ended, and a child that it left behind holds its port",
                         EVIDENCE(0, facts->at_fork, facts->at_exit, index + 1));
        }
    } else if (ready && (event->what == TRACE_EXIT_STOPPED_BY_HANDLER ||
                         event->what == TRACE_EXIT_RETURNED)) {
        oracle_keep(oracle, rule, EVIDENCE(0, index + 1));
    }
}

ORACLE_EVENT(fdh_09)
{
    struct facts *facts = &oracle->facts;
    if (event->result < 0 ||
        (event->what != TRACE_CALL_SOCKET && facts_family(event->what) != SCENARIO_CALL_ACCEPT)) {
        return;
    }
    if (event->result > 2) {
        oracle_keep(oracle, rule, EVIDENCE(event->conn, index + 1));
    } else if ((facts->console >> event->result & 1U) != 0 && facts->at_low == 0) {
        facts->at_low = index + 1;
        facts->at_low_closed = facts->fds[event->result].at_closed;
        facts->low_conn = event->conn;
    }
}

/* Who starts a program for each connection, which is its standard input, closes its own first so
 * that accept gives that number. */
ORACLE_END(fdh_09)
{
    const struct facts *facts = &oracle->facts;
    if (facts->at_low != 0 && !facts->hands_low && facts->at_full == 0) {
        oracle_break(oracle, rule,
                     "it had closed a standard descriptor, and a socket took its number",
                     EVIDENCE(facts->low_conn, facts->at_low_closed, facts->at_low));
    }
}

ORACLE_EVENT(fdh_10)
{
    struct facts *facts = &oracle->facts;
    if (event->kind == TRACE_CALL) {
        struct facts_fd *closed = facts_fd(facts, event->fd);
        if (closed != NULL && closed->open && closed->accepted && closed->at_option != 0) {
            oracle_keep(oracle, rule, EVIDENCE(closed->conn, closed->at_option, index + 1));
        }
        return;
    }
    for (uint32_t fd = 0; event->what == TRACE_PHASE_QUIET && fd < facts->fds_used; fd++) {
        const struct facts_fd *record = &facts->fds[fd];
        if (record->open && record->accepted && record->at_option != 0 && !record->used) {
            oracle_break(oracle, rule,
                         "an option could not be set on an accepted descriptor, and it was left "
                         "open, unused",
                         EVIDENCE(record->conn, record->at_option, index + 1));
        }
    }
}

ORACLE_END(fdh_10)
{
    const struct facts *facts = &oracle->facts;
    for (uint32_t fd = 0; fd < facts->fds_used; fd++) {
        const struct facts_fd *record = &facts->fds[fd];
        uint32_t died = record->accepted ? facts_died_of(facts, record->at_option) : 0;
        if (died != 0) {
            oracle_break(oracle, rule,
                         "an option could not be set on an accepted descriptor, and it ended",
                         EVIDENCE(record->conn, record->at_option, died));
        }
    }
}

/* Whether the heap grew between two samples as a leak lets it grow: by a block or more for each
 * dialogue; by pages, at all. */
static bool leaked(const struct facts_heap *older, const struct facts_heap *newer)
{
    int64_t dialogues = newer->dialogues - older->dialogues;
    return dialogues > 0 && newer->bytes > older->bytes &&
           (newer->sampled || newer->blocks - older->blocks >= dialogues);
}

/* The smallest and the largest growth per dialogue, in thousandths of a block, between samples that
 * follow each other: a leak takes about as much each time, what is kept for the first request or
 * the first two connections at once does not. */
static bool is_even(const struct facts *facts, uint32_t samples)
{
    enum { EVEN = 4 };
    int64_t least = INT64_MAX;
    int64_t most = 0;
    for (uint32_t k = facts->heaps - samples + 1; k < facts->heaps; k++) {
        const struct facts_heap *older = &facts->heap[(k - 1) % FACTS_HEAP];
        const struct facts_heap *newer = &facts->heap[k % FACTS_HEAP];
        int64_t dialogues = newer->dialogues - older->dialogues;
        int64_t each = dialogues > 0 ? (newer->blocks - older->blocks) * 1000 / dialogues : 0;
        least = each < least ? each : least;
        most = each > most ? each : most;
    }
    return most <= EVEN * least;
}

/* A leak grows with every dialogue; a cache stops growing, but may grow for each new kind of
 * dialogue and for each of several threads first. Six samples, each with more blocks than the one
 * before, at least one block per dialogue, in even steps. By pages: seven, over three times as many
 * dialogues, each with more than the one before, and in the end as much per dialogue. */
ORACLE_END(fdh_11)
{
    const struct facts *facts = &oracle->facts;
    enum { SAMPLES = 6, SAMPLES_BY_PAGES = 7, TIMES = 3 };
    uint32_t last = (facts->heaps - 1) % FACTS_HEAP;
    bool sampled = facts->heaps > 0 && facts->heap[last].sampled;
    uint32_t samples = sampled ? SAMPLES_BY_PAGES : SAMPLES;
    if (facts->heaps < samples) {
        return;
    }
    const struct facts_heap *newest = &facts->heap[last];
    const struct facts_heap *oldest = &facts->heap[(facts->heaps - samples) % FACTS_HEAP];
    const struct facts_heap *before = &facts->heap[(facts->heaps - 2) % FACTS_HEAP];
    bool grows = true;
    for (uint32_t k = facts->heaps - samples + 1; k < facts->heaps; k++) {
        grows &= leaked(&facts->heap[(k - 1) % FACTS_HEAP], &facts->heap[k % FACTS_HEAP]);
    }
    if (newest->sampled) {
        int64_t whole = (newest->bytes - oldest->bytes) * (newest->dialogues - before->dialogues);
        int64_t end = (newest->bytes - before->bytes) * (newest->dialogues - oldest->dialogues);
        grows &= newest->dialogues >= TIMES * oldest->dialogues && 2 * end >= whole;
    } else {
        grows = grows && is_even(facts, samples);
    }
    if (grows) {
        oracle_break(oracle, rule, "the heap that it holds grew with every dialogue",
                     EVIDENCE(0, oldest->at, newest->at));
    } else if (newest->dialogues > oldest->dialogues) {
        oracle_keep(oracle, rule, EVIDENCE(0, oldest->at, newest->at));
    }
}

/* How many of the peer's requests the wire has brought to the program's kernel, as if all were of
 * one size. */
static int64_t came(const struct facts *facts, const struct facts_conn *conn)
{
    bool whole = conn->arrived == 0 && !facts->wire_touched;
    return whole || conn->peer_sent == 0 ? conn->requests
                                         : conn->requests * conn->arrived / conn->peer_sent;
}

/* Memory at the ready target and when no step is left, with stalls still on. */
ORACLE_EVENT(dat_19)
{
    enum { OWED_MIN = 16, UNBOUNDED = 3 << 20, BOUNDED = 1 << 20 };
    const struct facts *facts = &oracle->facts;
    uint32_t ready = facts->at_phase[TRACE_PHASE_READY];
    uint32_t stalled = 0;
    if (event->what != TRACE_PHASE_PLAYED || ready == 0 || facts->at_exit != 0) {
        return;
    }
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        bool waits = (conn->flags & (FACTS_ACCEPTED | FACTS_OLD)) == FACTS_ACCEPTED &&
                     came(facts, conn) >= conn->answers + OWED_MIN;
        stalled = waits ? i : stalled;
    }
    if (stalled == 0) {
        return;
    }
    int64_t grown = event->result - oracle_event(oracle, ready)->result;
    if (grown >= UNBOUNDED) {
        oracle_break(oracle, rule, "its memory grew with what a reader that reads nothing is owed",
                     EVIDENCE(stalled, ready, index + 1));
    } else if (grown < BOUNDED) {
        oracle_keep(oracle, rule, EVIDENCE(stalled, ready, index + 1));
    }
}
