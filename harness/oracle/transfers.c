/* Rules about single transfers: what a program makes of EAGAIN, EINTR, 0 and urgent data. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "oracle/predicates.h"

ORACLE_EVENT(dat_05)
{
    struct facts *facts = &oracle->facts;
    if (event->kind == TRACE_SPIN) {
        oracle_spin_judge(oracle, rule, event, index,
                          "answered EAGAIN, it tried again and again without waiting");
        return;
    }
    struct facts_fd *record = facts_fd(facts, event->fd);
    struct facts_conn *conn = record != NULL ? facts_conn(facts, record->conn) : NULL;
    if (conn != NULL && conn->at_again != 0 && (conn->flags & FACTS_SEND_STUCK) != 0 &&
        facts->turn > conn->at_again) {
        oracle_keep(oracle, rule, EVIDENCE(record->conn, conn->at_again, facts->turn, index + 1));
    }
}

ORACLE_EVENT(dat_06)
{
    struct facts *facts = &oracle->facts;
    if (event->kind == TRACE_EXIT) {
        struct facts_fd *left = facts_fd(facts, facts->intr_fd);
        struct facts_conn *waited_for = left != NULL ? facts_conn(facts, left->conn) : NULL;
        if (waited_for != NULL &&
            (facts->wire_lossy || event->time_us - waited_for->moved_us >= facts->patience_us)) {
            return; /* Its own limit may have passed. */
        }
        bool failed = event->what != TRACE_EXIT_RETURNED || event->result != 0 ||
                      facts->role == TRACE_ROLE_SERVER;
        if (left != NULL && left->at_intr != 0 && failed && !facts->stopping &&
            event->what <= TRACE_EXIT_CRASHED && facts->at_last_block <= left->at_intr) {
            oracle_break(oracle, rule, "a call was interrupted, and it ended",
                         EVIDENCE(left->conn, left->at_intr, index + 1));
        }
        return;
    }
    struct facts_fd *record = facts_fd(facts, event->fd);
    if (record == NULL || record->at_intr == 0) {
        return;
    }
    enum scenario_call interrupted = facts_family(oracle_event(oracle, record->at_intr)->what);
    enum scenario_call now = facts_family(event->what);
    bool again = event->kind == TRACE_BLOCK; /* It sleeps in the call: that is the other try. */
    if (interrupted != SCENARIO_CALL_RECV && interrupted != SCENARIO_CALL_SEND &&
        interrupted != SCENARIO_CALL_ACCEPT) {
        return;
    }
    struct facts_conn *conn = facts_conn(facts, record->conn);
    int64_t since = conn != NULL ? conn->moved_us : event->time_us;
    if (interrupted == SCENARIO_CALL_SEND && conn != NULL && conn->at_stall != 0) {
        since = conn->reader_us; /* A timed send moves a part when its limit has passed. */
    }
    bool silent = conn != NULL && (conn->flags & FACTS_SILENT) != 0;
    bool overdue = facts->wire_lossy || silent || event->time_us - since >= facts->patience_us;
    if (now == interrupted && (again || event->err != EINTR)) {
        oracle_keep(oracle, rule, EVIDENCE(record->conn, record->at_intr, index + 1));
    } else if (now == SCENARIO_CALL_CLOSE && !facts->stopping && facts->turn <= record->at_intr &&
               !overdue) {
        oracle_break(oracle, rule, "a call was interrupted, and it closed the descriptor",
                     EVIDENCE(record->conn, record->at_intr, index + 1));
    }
}

ORACLE_EVENT(dat_08)
{
    if (event->kind == TRACE_SPIN) {
        oracle_spin_judge(oracle, rule, event, index,
                          "it had read the end of the stream and went on asking for input");
        return;
    }
    struct facts_fd *record = facts_fd(&oracle->facts, event->fd);
    struct facts_conn *conn = record != NULL ? facts_conn(&oracle->facts, record->conn) : NULL;
    if (conn != NULL && conn->at_eof != 0) {
        oracle_keep(oracle, rule, EVIDENCE(record->conn, conn->at_eof, index + 1));
    }
}

ORACLE_EVENT(dat_14)
{
    struct facts_fd *record = facts_fd(&oracle->facts, event->fd);
    if (record == NULL || record->conn == 0) {
        return;
    }
    bool sends = facts_family(event->what) == SCENARIO_CALL_SEND;
    if ((event->b & MSG_OOB) == 0) {
        if (sends) {
            oracle_keep(oracle, rule, EVIDENCE(record->conn, index + 1));
        }
    } else if (sends || !record->oob_inline) {
        oracle_break(oracle, rule,
                     sends ? "it sends urgent data" : "it reads urgent data out of line",
                     EVIDENCE(record->conn, index + 1));
    }
}

/* The latest call of a thread on a connection, made or slept in: a mark, 0 none. */
static uint32_t latest_of(const struct oracle *oracle, uint32_t before, int64_t thread)
{
    uint32_t found = 0;
    for (uint32_t at = before; at > 0; at--) {
        const struct trace_event *event = oracle_event(oracle, at);
        if (event->kind == TRACE_THREAD && event->what == TRACE_THREAD_RUNS) {
            if (event->a == thread && found != 0) {
                return found;
            }
            found = 0; /* it was another one's */
        } else if (found == 0 && event->conn != 0 &&
                   (event->kind == TRACE_CALL || event->kind == TRACE_BLOCK)) {
            found = at;
        }
    }
    return thread == 0 ? found : 0; /* the first one begins without a word */
}

/* A thread waits for a lock whose holder sleeps in a transfer on another connection. */
static void judge_lock(struct oracle *oracle, unsigned rule, uint32_t index)
{
    struct facts *facts = &oracle->facts;
    const struct trace_event *wait = oracle_event(oracle, facts->at_lock_wait);
    uint32_t held = latest_of(oracle, index, wait->result);
    uint32_t waited = latest_of(oracle, index, wait->a);
    if (held == 0 || waited == 0) {
        return;
    }
    const struct trace_event *block = oracle_event(oracle, held);
    uint32_t number = oracle_event(oracle, waited)->conn;
    const struct facts_conn *other = facts_conn(facts, number);
    enum scenario_call family = facts_family(block->what);
    bool sleeps = block->kind == TRACE_BLOCK &&
                  (family == SCENARIO_CALL_RECV || family == SCENARIO_CALL_SEND);
    const uint32_t gone =
        FACTS_PEER_GONE | FACTS_PEER_RESET | FACTS_OFF_PROTOCOL | FACTS_LOSSY | FACTS_OLD;
    if (sleeps && other != NULL && number != block->conn && other->requests > other->answers &&
        (other->flags & gone) == 0 && (other->flags & FACTS_ESTABLISHED) != 0 &&
        !facts->wire_touched) {
        oracle_break(oracle, rule,
                     "a thread sleeps in a call on one connection and holds the lock that the "
                     "thread of another one waits for",
                     EVIDENCE(number, held, facts->at_lock_wait, index + 1));
    }
}

/* The program sleeps in a call on one connection, nothing else can happen, and another one waits.
 */
ORACLE_EVENT(dat_18)
{
    struct facts *facts = &oracle->facts;
    if (event->kind == TRACE_DIALOGUE) {
        struct facts_conn *answered = facts_conn(facts, event->conn);
        for (uint32_t i = 1; answered != NULL && event->what == TRACE_DIALOGUE_RESPONSE_COMPLETE &&
                             i <= facts->conns_used;
             i++) {
            const struct facts_conn *stalled = &facts->conns[i];
            if (stalled != answered && (stalled->flags & (FACTS_STALLED | FACTS_ACCEPTED)) ==
                                           (FACTS_STALLED | FACTS_ACCEPTED)) {
                oracle_keep(oracle, rule, EVIDENCE(event->conn, stalled->at_stall, index + 1));
                return;
            }
        }
        return;
    }
    bool idle = event->kind == TRACE_STEP || event->what == TRACE_PHASE_PLAYED;
    if (idle && facts->at_lock_wait != 0) {
        judge_lock(oracle, rule, index);
        return;
    }
    if (facts->at_block == 0 || !idle) {
        return;
    }
    bool on_one =
        facts->block_family == SCENARIO_CALL_RECV || facts->block_family == SCENARIO_CALL_SEND;
    const struct trace_event *block = oracle_event(oracle, facts->at_block);
    if (block->b > 0) { /* another thread may serve the others */
        return;
    }
    struct facts_fd *record = facts_fd(facts, block->fd);
    uint32_t held = block->conn != 0 ? block->conn : record != NULL ? record->conn : 0;
    for (uint32_t i = 1; on_one && held != 0 && i <= facts->conns_used; i++) {
        const struct facts_conn *other = &facts->conns[i];
        const uint32_t gone =
            FACTS_PEER_GONE | FACTS_PEER_RESET | FACTS_OFF_PROTOCOL | FACTS_LOSSY | FACTS_OLD;
        if (i != held && other->requests > other->answers && (other->flags & gone) == 0 &&
            (other->flags & FACTS_ESTABLISHED) != 0 && !facts->wire_touched) {
            oracle_break(
                oracle, rule,
                "it sleeps in a call on one connection while another one waits for its answer",
                EVIDENCE(i, facts->at_block, other->at_request, index + 1));
            return;
        }
    }
}

/* Whether there is another reason to end the connection than an EAGAIN. */
static bool is_over(const struct facts_conn *conn)
{
    const uint32_t over =
        FACTS_EOF | FACTS_ERROR | FACTS_OFF_PROTOCOL | FACTS_HALF_SHUT | FACTS_LAST;
    return (conn->flags & over) != 0 || conn->at_rst != 0;
}

/* Whether closing right after EAGAIN ends something that was not finished. */
static bool unfinished(const struct facts *facts, const struct facts_conn *conn,
                       enum scenario_call family)
{
    if (is_over(conn)) {
        return false;
    }
    if (family == SCENARIO_CALL_SEND) {
        return true;
    }
    if (facts->role == TRACE_ROLE_CLIENT) {
        uint32_t last = (conn->messages - 1U) % FACTS_MESSAGES;
        return conn->messages == 0 || conn->received < conn->message_end[last];
    }
    return conn->sent == 0 || (facts->promises & TRACE_PERSISTENT) != 0;
}

/* Since a signal that may mean a restart to the program (SIGUSR1, SIGUSR2) nothing has come to the
 * descriptor: what is closed now is closed for the signal. */
static bool was_told_to(const struct facts *facts, const struct facts_fd *record,
                        const struct facts_conn *conn)
{
    uint32_t news = conn == NULL                          ? record->at_ready
                    : conn->at_receive > conn->at_request ? conn->at_receive
                                                          : conn->at_request;
    return facts->at_user_signal > record->at_opened && facts->at_user_signal > news;
}

/* Its wait ended without a word about it, and it had not moved for so long that it may be given up:
 * a last try before that is no reason to end it. */
static bool timed_out(const struct facts *facts, const struct facts_fd *record,
                      const struct facts_conn *conn, int64_t now_us)
{
    return conn != NULL && record->at_ready <= facts->turn &&
           now_us - conn->moved_us >= facts->patience_us;
}

/* Whether the descriptor was closed by the end of its process: a call to close() would stand right
 * behind the event. */
static bool went_with_process(const struct oracle *oracle, const struct facts_fd *record)
{
    if (record->open || record->at_closed <= record->at_again) {
        return false;
    }
    const struct trace_event *next = oracle_event(oracle, record->at_closed + 1);
    return next->kind != TRACE_CALL || facts_family(next->what) != SCENARIO_CALL_CLOSE;
}

/* A child that ends with the status of a failure right behind EAGAIN gave up on its connection,
 * where a request on that waits for its answer, or a part of one. */
static void judge_child(struct oracle *oracle, const struct trace_event *event, uint32_t index)
{
    struct facts *facts = &oracle->facts;
    struct facts_fd *record = facts_fd(facts, facts->again_fd);
    /* That it failed stands right before its end. */
    if (event->what != TRACE_PROCESS_ENDED || facts->at_child_failed != index ||
        event->result == TRACE_PROCESSES_MAX - 1 || record == NULL || record->at_again == 0 ||
        facts->stopping || facts_process(facts->again_fd) != event->result) {
        return;
    }
    struct facts_conn *conn = facts_conn(facts, record->conn);
    bool other = conn == NULL || is_over(conn) || (conn->flags & FACTS_RESOURCE) != 0 ||
                 facts->at_memory > record->at_again ||
                 timed_out(facts, record, conn, event->time_us) ||
                 facts_turn(facts, facts->again_fd) > record->at_again;
    if (!other && conn->requests > conn->answers && went_with_process(oracle, record)) {
        conn->at_dropped = index + 1;
        conn->at_dropped_again = record->at_again;
    }
}

ORACLE_EVENT(dat_20)
{
    struct facts *facts = &oracle->facts;
    if (event->kind == TRACE_PROCESS) {
        judge_child(oracle, event, index);
        return;
    }
    bool exits = event->kind == TRACE_EXIT;
    struct facts_fd *record = facts_fd(facts, exits ? facts->again_fd : event->fd);
    if (record == NULL || record->at_again == 0 || facts->stopping) {
        return;
    }
    if (event->kind == TRACE_READY) {
        oracle_keep(oracle, rule, EVIDENCE(record->conn, record->at_again, index + 1));
        return;
    }
    bool lacked = facts->at_memory > facts->at_last_block;
    if (facts->turn > record->at_again || lacked || (exits && event->what > TRACE_EXIT_CRASHED)) {
        return; /* It waited in between, or was refused memory and has not slept since: whatever it
                   does now has another reason. */
    }
    enum scenario_call family = facts_family(oracle_event(oracle, record->at_again)->what);
    struct facts_conn *conn = facts_conn(facts, record->conn);
    if (conn != NULL && (conn->flags & FACTS_RESOURCE) != 0) {
        return; /* Another call on it was refused memory: ERR-09. */
    }
    if (!exits &&
        (was_told_to(facts, record, conn) || timed_out(facts, record, conn, event->time_us))) {
        return;
    }
    bool lost = family == SCENARIO_CALL_ACCEPT || (conn != NULL && unfinished(facts, conn, family));
    if (!lost || (exits && !record->open)) {
        return;
    }
    if (!exits && conn != NULL && conn->sent > 0 && facts->role == TRACE_ROLE_SERVER) {
        conn->at_dropped = index + 1;
        conn->at_dropped_again = record->at_again;
        return;
    }
    oracle_break(oracle, rule,
                 exits ? "answered EAGAIN, it ended" : "answered EAGAIN, it closed the descriptor",
                 EVIDENCE(record->conn, record->at_ready, record->at_again, index + 1));
}

/* Whether its answer said that it would close (and it looked once more for input, so that no RST
 * overtakes the answer) shows when the peer has read that. */
ORACLE_END(dat_20)
{
    const struct facts *facts = &oracle->facts;
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        const struct facts_conn *conn = &facts->conns[i];
        if (conn->at_dropped != 0 && (conn->flags & FACTS_TOOK_LEAVE) == 0) {
            bool ended = oracle_event(oracle, conn->at_dropped)->kind == TRACE_PROCESS;
            oracle_break(oracle, rule,
                         ended ? "answered EAGAIN, the process of the connection ended"
                               : "answered EAGAIN, it closed the descriptor",
                         EVIDENCE(i, conn->at_dropped_again, conn->at_dropped));
        }
    }
}

ORACLE_EVENT(dat_21)
{
    struct facts *facts = &oracle->facts;
    struct facts_fd *record = facts_fd(facts, event->fd);
    struct facts_conn *conn = record != NULL ? facts_conn(facts, record->conn) : NULL;
    if (conn == NULL || record->at_in_hup == 0 || !record->open) {
        return;
    }
    bool aborted = (oracle_event(oracle, record->at_in_hup)->b & EPOLLERR) != 0;
    if (facts_family(event->what) == SCENARIO_CALL_RECV) {
        if (event->result > 0) {
            oracle_keep(oracle, rule, EVIDENCE(record->conn, record->at_in_hup, index + 1));
        }
        if (aborted && (event->flags & TRACE_FAULTED) != 0) {
            record->at_in_hup = 0; /* It read, and was given less than there was. */
        }
        return;
    }
    const uint32_t reasons = FACTS_EOF | FACTS_ERROR | FACTS_LAST | FACTS_HALF_SHUT |
                             FACTS_OFF_PROTOCOL | FACTS_URGENT | FACTS_LOSSY | FACTS_RESOURCE;
    int64_t there = aborted || facts->wire_touched ? conn->arrived : conn->peer_sent;
    bool done = conn->sent > 0 && (facts->promises & TRACE_PERSISTENT) == 0;
    bool stale = facts->turn > record->at_in_hup; /* It waited again, and that may have failed. */
    if (there > conn->received && (conn->flags & reasons) == 0 && !done && !facts->stopping &&
        !stale) {
        oracle_break(
            oracle, rule,
            "input and its end were reported together, and it closed without reading the input",
            EVIDENCE(record->conn, record->at_in_hup, index + 1));
    }
}
