/* Rules about waiting: edges, stale reports, hang-ups, spins. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>

#include "oracle/predicates.h"

enum {
    SPIN_WINDOW = 64, /* events before a spin that tell its cause */
    SPIN_CALLS = 16   /* fewer calls do not make a spin: the program used the processor by itself */
};

/* What was seen in the window before a spin: marks, 0 not seen. */
struct spin_marks {
    uint32_t full; /* accept without a free descriptor */
    uint32_t memory;
    uint32_t no_port;
    uint32_t eof;          /* recv returned 0 */
    uint32_t again;        /* EAGAIN */
    uint32_t pipe;         /* a transfer failed for good */
    uint32_t hup;          /* HUP or ERR reported */
    uint32_t in_after_eof; /* input reported on a connection whose end had been read */
    uint32_t listener;     /* the listener reported */
    uint32_t latest;
};

static void mark_call(struct spin_marks *marks, const struct trace_event *event, uint32_t at)
{
    enum scenario_call family = facts_family(event->what);
    bool transfer = family == SCENARIO_CALL_RECV || family == SCENARIO_CALL_SEND;
    if (event->err == EMFILE || event->err == ENFILE) {
        marks->full = at;
    } else if (event->err == ENOBUFS || event->err == ENOMEM) {
        marks->memory = at;
    } else if (event->err == EADDRNOTAVAIL) {
        marks->no_port = at;
    } else if (event->err == EAGAIN) {
        marks->again = at;
    } else if (event->err != 0 && transfer) {
        marks->pipe = at;
    } else if (event->err == 0 && family == SCENARIO_CALL_RECV && event->result == 0 &&
               event->a > 0) {
        marks->eof = at;
    }
}

static void mark_ready(struct spin_marks *marks, const struct facts *facts,
                       const struct trace_event *event, uint32_t at)
{
    if (event->fd >= 0 && event->fd == facts->listener) {
        marks->listener = at;
        return;
    }
    const struct facts_conn *conn =
        event->conn > 0 && event->conn <= facts->conns_used ? &facts->conns[event->conn] : NULL;
    if ((event->b & (EPOLLHUP | EPOLLERR)) != 0 ||
        ((event->b & EPOLLRDHUP) != 0 && (event->a & EPOLLIN) == 0)) {
        marks->hup = at;
    } else if (conn != NULL && conn->at_eof != 0 && (event->b & EPOLLIN) != 0) {
        marks->in_after_eof = at;
    }
}

static struct spin_marks look_back(const struct oracle *oracle, uint32_t index)
{
    struct spin_marks marks = {0};
    for (uint32_t back = 1; back <= SPIN_WINDOW && back <= index; back++) {
        const struct trace_event *event = &oracle->trace->events[index - back];
        if (event->kind == TRACE_TIME || event->kind == TRACE_BLOCK || event->kind == TRACE_PHASE) {
            break;
        }
        if (event->host != oracle->facts.host) {
            continue;
        }
        marks.latest = marks.latest != 0 ? marks.latest : index - back + 1;
        if (event->kind == TRACE_CALL) {
            mark_call(&marks, event, index - back + 1);
        } else if (event->kind == TRACE_READY) {
            mark_ready(&marks, &oracle->facts, event, index - back + 1);
        }
    }
    return marks;
}

/* Whose it is when the processor was used with hardly a call: the last one tells, where it was that
 * no descriptor is left. */
static unsigned owner_without_calls(const struct oracle *oracle, uint32_t latest)
{
    const struct trace_event *last = latest != 0 ? &oracle->trace->events[latest - 1] : NULL;
    bool full =
        last != NULL && last->kind == TRACE_CALL && (last->err == EMFILE || last->err == ENFILE);
    return full ? ORACLE_ACC_12 : ORACLE_RDY_13;
}

unsigned oracle_spin_owner(const struct oracle *oracle, uint32_t index, uint32_t *ret_cause)
{
    struct spin_marks marks = look_back(oracle, index);
    if (oracle->trace->events[index].a < SPIN_CALLS) {
        *ret_cause = marks.latest;
        return owner_without_calls(oracle, marks.latest);
    }
    const struct {
        uint32_t at;
        unsigned rule;
    } causes[] = {
        {marks.full, ORACLE_ACC_12},
        {oracle->facts.at_full != 0 ? marks.listener : 0, ORACLE_ACC_12},
        {marks.no_port, ORACLE_TWT_06},
        {marks.memory, ORACLE_ERR_09},
        {marks.eof, ORACLE_DAT_08},
        {marks.again, ORACLE_DAT_05},
        {marks.hup, ORACLE_RDY_10},
        {marks.pipe, ORACLE_RDY_10},
        {marks.in_after_eof, ORACLE_DAT_08},
    };
    for (unsigned i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        if (causes[i].at != 0) {
            *ret_cause = causes[i].at;
            return causes[i].rule;
        }
    }
    *ret_cause = marks.latest;
    return ORACLE_RDY_13;
}

void oracle_spin_judge(struct oracle *oracle, unsigned rule, const struct trace_event *event,
                       uint32_t index, const char *note)
{
    uint32_t cause = 0;
    if (oracle_spin_owner(oracle, index, &cause) == rule) {
        oracle_break(oracle, rule, note, EVIDENCE(event->conn, cause, index + 1));
    }
}

/* Input was reported at an edge, the program went to sleep without having read it all, and it is
 * still there. */
static void judge_edge(struct oracle *oracle, unsigned rule, uint32_t number, uint32_t at)
{
    const struct facts *facts = &oracle->facts;
    const struct facts_conn *conn = &facts->conns[number];
    const uint32_t reasons = FACTS_EOF | FACTS_ERROR | FACTS_SEND_STUCK | FACTS_OFF_PROTOCOL |
                             FACTS_HALF_SHUT | FACTS_LOSSY | FACTS_URGENT | FACTS_OLD;
    uint32_t read =
        conn->receives > 0 ? conn->receive[(conn->receives - 1U) % FACTS_RECEIVES].at : 0;
    bool slept = facts->at_sleep > conn->at_edge && facts->at_sleep > read;
    int64_t there =
        facts->wire_touched || conn->arrived > conn->peer_sent ? conn->arrived : conn->peer_sent;
    if (facts->at_memory == 0 && conn->at_edge != 0 && slept && facts->at_block != 0 &&
        there > conn->received && (conn->flags & reasons) == 0 && conn->at_close == 0) {
        oracle_break(oracle, rule, "it went to sleep with input left that an edge had reported",
                     EVIDENCE(number, conn->at_edge, read, facts->at_sleep, at));
    }
}

ORACLE_EVENT(rdy_07)
{
    struct facts *facts = &oracle->facts;
    if (event->kind == TRACE_PEER) {
        if (event->conn > 0 && event->conn <= facts->conns_used) {
            judge_edge(oracle, rule, event->conn, index + 1);
        }
    } else if (event->kind == TRACE_PHASE) {
        for (uint32_t i = 1; event->what == TRACE_PHASE_PLAYED && i <= facts->conns_used; i++) {
            judge_edge(oracle, rule, i, index + 1);
        }
    } else {
        struct facts_fd *record = facts_fd(facts, event->fd);
        struct facts_conn *conn = record != NULL ? facts_conn(facts, record->conn) : NULL;
        /* epoll(7), questions and answers: less than was asked for means drained. */
        bool drained = event->err == EAGAIN || (event->err == 0 && event->result < event->a);
        bool listener = record != NULL && record->listener && record->edge;
        if (drained && (listener || (conn != NULL && conn->at_edge != 0))) {
            oracle_keep(
                oracle, rule,
                EVIDENCE(record->conn, conn != NULL ? conn->at_edge : record->at_ready, index + 1));
        }
    }
}

ORACLE_END(rdy_07)
{
    struct facts *facts = &oracle->facts;
    struct facts_fd *listener = facts_fd(facts, facts->edge_listener);
    /* What an accept that failed leads to is ACC-09's and ERR-09's. */
    if (listener == NULL || facts->at_full != 0 || facts->at_died != 0 ||
        facts->at_soft_accept != 0) {
        return;
    }
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        if (facts_never_accepted(facts, &facts->conns[i])) {
            oracle_break(
                oracle, rule, "it left a connection in the queue that an edge had reported",
                EVIDENCE(i, facts->conns[i].at_established, listener->at_ready, facts->at_sleep));
        }
    }
}

/* Whether the program moved bytes, or tried to, on a connection since a wait reported it: then the
 * report is dealt with, and what comes of the number after its close is another connection's. */
static bool dealt_with(const struct facts_conn *conn, uint32_t at_ready)
{
    return conn != NULL &&
           ((conn->flags & FACTS_ERROR) != 0 || conn->at_send > at_ready ||
            conn->at_receive > at_ready || conn->at_eof > at_ready || conn->at_again > at_ready);
}

ORACLE_EVENT(rdy_08)
{
    struct facts *facts = &oracle->facts;
    bool waits = facts_family(event->what) == SCENARIO_CALL_WAIT;
    if (facts->ready_count < 2 ||
        (!waits && (facts->at_last_block > facts->batch || (event->b & MSG_PEEK) != 0))) {
        return; /* No batch, or not at work on it any more. */
    }
    for (uint32_t i = 0; i < facts->ready_count; i++) {
        const struct facts_ready *ready = &facts->ready[i];
        const struct facts_fd *record = facts_fd(facts, ready->fd);
        if (record == NULL || record->at_closed <= facts->batch) {
            continue;
        }
        if (waits && !facts_one_waits(facts)) {
            continue;
        }
        if (waits) {
            oracle_keep(oracle, rule,
                        EVIDENCE(ready->conn, ready->at, record->at_closed, index + 1));
            continue;
        }
        bool gone = !record->open && event->err == EBADF;
        bool reused = record->open && record->at_opened > record->at_closed &&
                      event->err == EAGAIN && facts->at_io > record->at_opened &&
                      facts->io_fd != event->fd;
        if (event->fd == ready->fd && (gone || reused) &&
            !dealt_with(facts_conn(facts, ready->conn), ready->at)) {
            oracle_break(oracle, rule,
                         "it acted on a report about a descriptor that it had closed since",
                         EVIDENCE(ready->conn, ready->at, record->at_closed, index + 1));
        }
    }
}

ORACLE_EVENT(rdy_10)
{
    if (event->kind == TRACE_SPIN) {
        oracle_spin_judge(oracle, rule, event, index,
                          "a hang-up or an error was reported and it neither read nor closed");
        return;
    }
    struct facts_fd *record = facts_fd(&oracle->facts, event->fd);
    bool removes = event->what == TRACE_CALL_EPOLL_CTL && (event->a & 0xFF) == EPOLL_CTL_DEL;
    if (record != NULL && record->at_hup != 0 && record->open && facts_one_waits(&oracle->facts) &&
        (removes || facts_family(event->what) == SCENARIO_CALL_CLOSE)) {
        oracle_keep(oracle, rule, EVIDENCE(record->conn, record->at_hup, index + 1));
    }
}

ORACLE_EVENT(rdy_11)
{
    if (event->what != TRACE_CALL_SELECT && event->what != TRACE_CALL_PSELECT) {
        return;
    }
    if (event->a > FD_SETSIZE) {
        oracle_break(oracle, rule, "it passed a descriptor to select that no fd_set can hold",
                     EVIDENCE(0, index + 1));
    } else {
        oracle_keep(oracle, rule, EVIDENCE(0, index + 1));
    }
}

ORACLE_EVENT(rdy_13)
{
    if (event->kind == TRACE_SPIN) {
        oracle_spin_judge(oracle, rule, event, index,
                          event->a < SPIN_CALLS
                              ? "with nothing to do it used the processor instead of sleeping"
                              : "with nothing to do it kept calling instead of sleeping");
    } else if (event->kind == TRACE_EXIT) {
        if (event->what == TRACE_EXIT_HUNG) {
            oracle_break(oracle, rule, "it used the processor without a call until it was stopped",
                         EVIDENCE(0, oracle->facts.at_call, index + 1));
        }
    } else {
        oracle_keep(oracle, rule, EVIDENCE(event->conn, index + 1));
    }
}

/* Whether it may end for another reason than the interruption: what the program means by SIGUSR1
 * is its own affair, and a supervisor may follow a child that failed. */
static bool is_told(const struct facts *facts)
{
    bool user = facts->at_user_signal != 0 && facts->at_wait_intr > facts->at_user_signal &&
                facts->at_wait_intr - facts->at_user_signal <= 4;
    return user || facts->at_child_failed != 0;
}

ORACLE_EVENT(rdy_14)
{
    struct facts *facts = &oracle->facts;
    uint32_t interrupted = facts->at_wait_intr;
    if (interrupted == 0) {
        return;
    }
    bool call = event->kind == TRACE_CALL;
    enum scenario_call family = call ? facts_family(event->what) : SCENARIO_CALL_NONE;
    if (event->kind == TRACE_BLOCK || (family == SCENARIO_CALL_WAIT && event->err != EINTR)) {
        if (facts_one_waits(facts)) {
            oracle_keep(oracle, rule, EVIDENCE(0, interrupted, index + 1));
        }
        return;
    }
    if (facts->stopping || is_told(facts)) {
        return;
    }
    if (event->kind == TRACE_EXIT) {
        bool failed = facts->role == TRACE_ROLE_SERVER || event->what != TRACE_EXIT_RETURNED ||
                      event->result != 0;
        if (failed && event->what <= TRACE_EXIT_CRASHED) {
            oracle_break(oracle, rule, "a wait was interrupted, and it ended",
                         EVIDENCE(0, interrupted, index + 1));
        }
    } else if (family == SCENARIO_CALL_CLOSE) {
        struct facts_fd *record = facts_fd(facts, event->fd);
        struct facts_conn *conn =
            record != NULL && record->open ? facts_conn(facts, record->conn) : NULL;
        /* Of another thread's connection it may have heard from that thread. */
        const uint32_t reasons = FACTS_EOF | FACTS_ERROR | FACTS_SILENT | FACTS_RESOURCE;
        bool alive = conn != NULL && !facts->has_threads && (conn->flags & reasons) == 0 &&
                     conn->at_rst == 0;
        if (alive || (event->fd >= 0 && event->fd == facts->listener)) {
            oracle_break(oracle, rule,
                         "a wait was interrupted, and it closed what it was waiting for",
                         EVIDENCE(conn != NULL ? record->conn : 0, interrupted, index + 1));
        }
    }
}
