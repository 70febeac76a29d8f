/* The common pass: gathers, event by event, what the predicates want to know of a run. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle/facts.h"

#include <string.h>
#include <sys/epoll.h>

#include "oracle/facts_tables.h"

void facts_clear(struct facts *facts)
{
    struct facts_conn *conns = facts->conns;
    struct facts_fd *fds = facts->fds;
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        memset(&conns[i], 0, offsetof(struct facts_conn, receive));
    }
    memset(fds, 0, facts->fds_used * sizeof *fds);
    memset(facts, 0, sizeof *facts);
    facts->conns = conns;
    facts->fds = fds;
    facts->live = FACTS_ALWAYS;
    facts->listener = -1;
    facts->edge_listener = -1;
    facts->failed_fd = -1;
    facts->intr_fd = -1;
    facts->again_fd = -1;
}

COLD_CALL void facts_grow_conns(struct facts *facts, uint32_t conn)
{
    if (conn > ORACLE_CONNECTIONS_MAX) {
        facts->past_limit = true;
        return;
    }
    while (facts->conns_used < conn) {
        facts->conns[++facts->conns_used].fd = -1;
    }
}

COLD_CALL void facts_grow_fds(struct facts *facts, int64_t fd)
{
    if (fd >= ORACLE_DESCRIPTORS_MAX) {
        facts->past_limit = true;
        return;
    }
    facts->fds_used = (uint32_t)fd + 1;
}

void facts_close_fd(struct facts *facts, struct facts_closing closing)
{
    const uint32_t at = closing.at;
    const int64_t now_us = closing.time_us;
    struct facts_fd *record = facts_use_fd(facts, closing.fd);
    if (record == NULL) {
        return;
    }
    if (record->open) {
        record->open = false;
        record->at_closed = at;
        record->live |= FACTS_FD_CLOSED;
        facts->live |= FACTS_BATCH_CLOSED;
        if (record->listener && facts->listener == closing.fd) {
            facts->listener = -1;
        }
    }
    struct facts_conn *conn = facts_conn(facts, closing.conn != 0 ? closing.conn : record->conn);
    if (conn != NULL && closing.last && conn->at_close == 0 && facts->at_exit == 0) {
        facts_end_sending(facts, conn, now_us);
        int64_t there = conn->arrived > 0 || facts->wire_touched ? conn->arrived : conn->peer_sent;
        conn->unread_at_close = !facts->stopping && conn->owed > conn->answers && conn->sent > 0 &&
                                there > conn->received;
        conn->at_close = at;
        conn->overdue_at_close = now_us - conn->moved_us >= facts->patience_us;
        conn->crossed_at_close = conn->overdue_at_close && conn->request_us == now_us &&
                                 conn->at_request > conn->at_receive;
        int64_t since = conn->reader_us > conn->peer_us ? conn->reader_us : conn->peer_us;
        bool reads = conn->sent <= conn->peer_read && (conn->flags & FACTS_STALLED) == 0;
        if ((!reads && now_us - since >= facts->patience_us) ||
            facts_no_room(facts, conn, now_us)) {
            conn->flags |= FACTS_SILENT;
        }
        uint32_t heard = conn->at_receive > conn->at_open ? conn->at_receive : conn->at_open;
        conn->flags |= facts->at_no_number > heard ? FACTS_RESOURCE : 0;
    }
}

void facts_finish_closing(struct facts *facts)
{
    facts_close_fd(facts, facts->closing);
    facts->closing.at = 0;
}

/* Calls that wait for something to come to their descriptor: closing it leaves them asleep. A close
 * that sleeps does so for a moment, in the thread that closes. */
static bool sleeps_on_descriptor(enum scenario_call family)
{
    return family == SCENARIO_CALL_ACCEPT || family == SCENARIO_CALL_CONNECT ||
           family == SCENARIO_CALL_RECV || family == SCENARIO_CALL_SEND;
}

void facts_take_turn(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    uint32_t process = facts_process(event->fd);
    facts->turn = at;
    for (uint32_t i = 0; i < TRACE_PROCESSES_MAX; i++) {
        if (event->fd < 0 || i == process) {
            facts->turns[i] = at;
        }
    }
}

static void take_block(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    enum scenario_call family = facts_family(event->what);
    facts->has_threads = facts->has_threads || event->b > 0;
    facts->at_block = at;
    facts->at_last_block = at;
    facts_take_turn(facts, event, at);
    facts->at_wait_intr = 0;
    facts->live &= ~(uint32_t)FACTS_WAIT_INTR;
    struct facts_fd *record = facts_fd(facts, event->fd);
    if (record != NULL) {
        facts_followed_up(record);
        record->slept_on = record->slept_on || (event->b > 0 && sleeps_on_descriptor(family));
        record->used |= sleeps_on_descriptor(family);
    }
    struct facts_conn *conn =
        family == SCENARIO_CALL_SEND
            ? facts_conn(facts, event->conn != 0 || record == NULL ? event->conn : record->conn)
            : NULL;
    if (conn != NULL) {
        conn->flags |= FACTS_SENDING;
    }
    if (family == SCENARIO_CALL_WAIT) {
        facts->at_sleep = at;
    } else if (family == SCENARIO_CALL_RECV || family == SCENARIO_CALL_SEND) {
        facts->live |= FACTS_SLEPT_ON_ONE;
    }
    facts->block_us = event->a;
    facts->block_family = (uint8_t)family;
}

static void take_ready(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    if (facts->ready_count < FACTS_READY) {
        facts->ready[facts->ready_count++] = (struct facts_ready){
            .fd = event->fd, .conn = event->conn, .at = at, .got = (uint32_t)event->b};
    }
    struct facts_fd *record = facts_use_fd(facts, event->fd);
    if (record == NULL) {
        return;
    }
    record->at_ready = at;
    record->execed = false;
    record->live |= FACTS_FD_READY;
    facts_followed_up(record);
    if (record->listener) {
        facts->waits_on_listener = true;
    }
    struct facts_conn *conn = facts_use_conn(facts, event->conn != 0 ? event->conn : record->conn);
    if (conn == NULL) {
        return;
    }
    facts->waits_on_connections = true;
    conn->flags |= FACTS_READY_SEEN;
    uint32_t over = EPOLLHUP | EPOLLERR | EPOLLRDHUP;
    if ((event->b & (EPOLLHUP | EPOLLERR)) != 0) {
        record->at_hup = at;
        record->live |= FACTS_FD_HUP;
    }
    record->at_in_hup = (event->b & EPOLLIN) != 0 && ((uint32_t)event->b & over) != 0 ? at : 0;
    facts_set_live(&record->live, FACTS_FD_IN_HUP, record->at_in_hup != 0);
    if ((event->flags & TRACE_EDGE) != 0 && (event->b & EPOLLIN) != 0) {
        conn->at_edge = at;
        facts->live |= FACTS_ANY_EDGE;
    }
}

/* ---- The kernel's events and the peer's ---- */

static void begin_attempt(struct facts_conn *conn, const struct trace_event *event, uint32_t at)
{
    conn->at_connect = at;
    conn->opened_us = event->time_us;
}

static void establish(struct facts_conn *conn, const struct trace_event *event, uint32_t at)
{
    conn->flags |= FACTS_ESTABLISHED;
    conn->at_established = at;
    conn->at_rst = 0; /* one that came before ended an earlier attempt */
    conn->peer_us = conn->peer_us > 0 ? conn->peer_us : event->time_us;
}

static bool sees_calls(const struct facts *facts)
{
    return (facts->observers & TRACE_SEES_CALLS) != 0;
}

/* Where no call is seen, what came from the program's end of a connection, or ended it, says that
 * the program has it. */
static void infer_accept(const struct facts *facts, struct facts_conn *conn, uint32_t at)
{
    if (!sees_calls(facts)) {
        conn->flags |= FACTS_ACCEPTED;
        conn->at_open = conn->at_open != 0 ? conn->at_open : at;
    }
}

/* A state that was seen by looking now and then. What moved the end is not known, and states in
 * between may be missing: only what follows from this one is taken. */
static void take_sampled(struct facts *facts, struct facts_conn *conn,
                         const struct trace_event *event, uint32_t at)
{
    const uint32_t after_fin =
        1U << TCP_CLOSE_WAIT | 1U << TCP_CLOSING | 1U << TCP_LAST_ACK | 1U << TCP_TIME_WAIT;
    if (event->what >= TCP_STATE_COUNT) {
        return;
    }
    if (event->what == TCP_SYN_SENT) {
        begin_attempt(conn, event, at);
    } else if (tcp_states[event->what].synchronized && conn->at_established == 0) {
        establish(conn, event, at);
    }
    if ((after_fin >> event->what & 1U) != 0 && conn->at_peer_fin == 0) {
        conn->at_peer_fin = at;
    }
    bool closed = event->what == TCP_FIN_WAIT_1 || event->what == TCP_FIN_WAIT_2 ||
                  event->what == TCP_CLOSING || event->what == TCP_LAST_ACK ||
                  event->what == TCP_TIME_WAIT ||
                  (event->what == TCP_CLOSED && event->a == TCP_CLOSE_WAIT &&
                   (conn->flags & FACTS_RST_CAME) == 0);
    if (closed) {
        infer_accept(facts, conn, at);
        conn->at_close = conn->at_close == 0 && !sees_calls(facts) ? at : conn->at_close;
    }
    if (event->what == TCP_CLOSED && (conn->flags & FACTS_RST_CAME) != 0) {
        conn->at_rst = at;
        facts->at_rst = at;
    } else if (event->what == TCP_CLOSED && conn->at_rst_went != 0) {
        conn->at_abort = at;
    }
}

static void take_state(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    struct facts_conn *conn = facts_use_conn(facts, event->conn);
    if (conn == NULL) {
        return;
    }
    if (event->host != facts->host) {
        if (event->what == TCP_SYN_SENT && facts->role == TRACE_ROLE_SERVER) {
            facts->waiting++;
            if (facts->waiting > facts->waiting_max) {
                facts->waiting_max = facts->waiting;
                facts->at_waiting_max = at;
            }
        }
        return;
    }
    conn->state = event->what;
    if (event->what == TCP_SYN_RECEIVED && (conn->flags & FACTS_OLD) != 0) {
        /* A SYN that was sent again brings it to the program anew: it ended with the one before. */
        conn->at_peer_fin = conn->at_rst = 0;
        conn->flags &= ~(uint32_t)(FACTS_EOF | FACTS_ERROR);
    }
    if ((event->flags & TRACE_SAMPLED) != 0) {
        take_sampled(facts, conn, event, at);
        return;
    }
    if (event->what == TCP_SYN_SENT) {
        begin_attempt(conn, event, at);
    }
    if (event->b == TCP_EVENT_ABORT) {
        conn->at_abort = at;
    }
    if (event->what == TCP_ESTABLISHED) {
        establish(conn, event, at);
    }
    if (event->b == TCP_EVENT_RECV_FIN || event->b == TCP_EVENT_RECV_FIN_ACK) {
        conn->at_peer_fin = at;
    } else if (event->b == TCP_EVENT_RECV_RST) {
        conn->at_rst = at;
        facts->at_rst = at;
    }
}

/* How many segments of one direction are held after this. While none is, those that come and go
 * were never held; while one is, a segment that is sent again is held as well. */
static void count_held(uint32_t *held, enum trace_fate fate)
{
    if (fate == TRACE_FATE_HELD) {
        (*held)++;
    } else if (*held > 0 && (fate == TRACE_FATE_DUPLICATED || fate == TRACE_FATE_RETRANSMITTED)) {
        (*held)++;
    } else if (*held > 0 && (fate == TRACE_FATE_DELIVERED || fate == TRACE_FATE_DROPPED)) {
        (*held)--;
    }
}

/* Most segments say nothing of their connection: the states tell what they changed. */
static bool tells(const struct facts *facts, const struct trace_event *event, enum trace_fate fate)
{
    enum { RST_OR_URGENT = 1 << SCENARIO_SEGMENT_RST | 1 << SCENARIO_SEGMENT_URGENT };
    enum { DROPPED_OR_INJECTED = 1 << TRACE_FATE_DROPPED | 1 << TRACE_FATE_INJECTED };
    return ((unsigned)RST_OR_URGENT >> event->what & 1U) != 0 ||
           ((unsigned)DROPPED_OR_INJECTED >> fate & 1U) != 0 ||
           ((fate == TRACE_FATE_DELIVERED || fate == TRACE_FATE_RETRANSMITTED) &&
            event->what == SCENARIO_SEGMENT_DATA && event->host != facts->host);
}

/* The very bytes that the program waits for are sent again, by a peer that has closed: they had not
 * come in time, and nobody is left to be answered. */
static bool comes_too_late(const struct facts_conn *conn, const struct trace_event *event)
{
    return (conn->flags & FACTS_PEER_CLOSED) != 0 && event->a - 1 <= conn->received &&
           conn->received < event->a - 1 + event->b;
}

static void take_segment(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    enum trace_fate fate = (enum trace_fate)event->result;
    if (fate != TRACE_FATE_SENT) {
        count_held(&facts->held[event->host], fate);
    }
    if (!tells(facts, event, fate)) {
        return;
    }
    struct facts_conn *conn = facts_use_conn(facts, event->conn);
    if (conn == NULL) {
        return;
    }
    if (event->what == SCENARIO_SEGMENT_RST && event->host != facts->host &&
        fate != TRACE_FATE_DROPPED && fate != TRACE_FATE_HELD) {
        conn->flags |= FACTS_RST_CAME;
    } else if (event->what == SCENARIO_SEGMENT_RST && event->host == facts->host) {
        conn->at_rst_went = conn->at_rst_went != 0 ? conn->at_rst_went : at;
    }
    if (fate == TRACE_FATE_DROPPED || fate == TRACE_FATE_INJECTED) {
        conn->flags |= FACTS_LOSSY;
        conn->flags |= event->what == SCENARIO_SEGMENT_RST ? FACTS_PEER_RESET : 0;
    } else if (fate == TRACE_FATE_RETRANSMITTED && event->what == SCENARIO_SEGMENT_DATA) {
        conn->flags |= comes_too_late(conn, event) ? FACTS_LOSSY : 0;
    } else if (event->host != facts->host && fate == TRACE_FATE_DELIVERED &&
               event->what == SCENARIO_SEGMENT_DATA && event->a + event->b - 1 > conn->arrived) {
        conn->arrived = event->a + event->b - 1;
    } else if (event->what == SCENARIO_SEGMENT_URGENT) {
        conn->flags |= FACTS_URGENT;
    }
}

static void end_message(struct facts_conn *conn, const struct trace_event *event, uint32_t at)
{
    conn->at_request = at;
    conn->request_us = event->time_us;
    conn->message_end[conn->messages++ % FACTS_MESSAGES] =
        event->b > 0 ? event->b : conn->peer_sent;
}

static void take_dialogue(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    struct facts_conn *conn = facts_use_conn(facts, event->conn);
    if (conn == NULL) {
        return;
    }
    switch (event->what) {
    case TRACE_DIALOGUE_REQUEST_SENT:
        conn->requests++;
        conn->owed += (conn->flags & FACTS_OFF_PROTOCOL) == 0;
        end_message(conn, event, at);
        break;
    case TRACE_DIALOGUE_RESPONSE_BEGUN:
    case TRACE_DIALOGUE_REQUEST_BEGUN:
        conn->at_begun = at;
        break;
    case TRACE_DIALOGUE_RESPONSE_COMPLETE:
    case TRACE_DIALOGUE_REQUEST_COMPLETE:
        conn->answers++;
        conn->at_answer = at;
        break;
    case TRACE_DIALOGUE_RESPONSE_WRONG:
    case TRACE_DIALOGUE_REQUEST_WRONG:
        conn->at_wrong = conn->at_wrong != 0 ? conn->at_wrong : at;
        break;
    case TRACE_DIALOGUE_RESPONSE_SENT:
        conn->replies++;
        conn->reply_from = conn->peer_sent;
        end_message(conn, event, at);
        break;
    case TRACE_DIALOGUE_GREETING:
        conn->reply_from = conn->peer_sent;
        break;
    case TRACE_DIALOGUE_LAST_SENT:
        conn->flags |= FACTS_LAST;
        break;
    case TRACE_DIALOGUE_UNPREDICTABLE:
        conn->flags |= FACTS_OFF_PROTOCOL;
        break;
    case TRACE_DIALOGUE_LEAVE_TAKEN:
        conn->flags |= FACTS_TOOK_LEAVE;
        break;
    default:
        break;
    }
}

/* The peer acts again: was it silent for so long, while it was its turn, that a program may have
 * given up? */
static void end_silence(struct facts *facts, struct facts_conn *conn,
                        const struct trace_event *event)
{
    int64_t end = conn->messages > 0 ? conn->message_end[(conn->messages - 1) % FACTS_MESSAGES] : 0;
    bool its_turn = conn->requests <= conn->answers || conn->peer_sent > end ||
                    (conn->flags & FACTS_STALLED) != 0;
    bool over = (conn->at_saw_fin | conn->at_saw_rst) != 0;
    bool silent = (event->time_us - conn->peer_us >= facts->patience_us && its_turn) ||
                  facts_no_room(facts, conn, event->time_us);
    if (silent && !over && facts->at_phase[TRACE_PHASE_QUIET] == 0) {
        conn->flags |= FACTS_SILENT;
    }
}

static void take_peer_sent(struct facts_conn *conn, const struct trace_event *event)
{
    int64_t whole =
        conn->messages == 0 ? 0 : conn->message_end[(conn->messages - 1) % FACTS_MESSAGES];
    if (conn->peer_sent == whole) {
        conn->message_us = event->time_us;
    }
    conn->peer_sent += event->a;
}

static void take_peer(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    struct facts_conn *conn = facts_use_conn(facts, event->conn);
    if (conn == NULL) {
        return;
    }
    if ((conn->flags & FACTS_PEER_SEEN) != 0) {
        end_silence(facts, conn, event);
    }
    conn->flags |= FACTS_PEER_SEEN;
    switch (event->what) {
    case TRACE_PEER_SENT:
        take_peer_sent(conn, event);
        break;
    case TRACE_PEER_READ:
        infer_accept(facts, conn, at);
        conn->peer_read += event->a;
        conn->reader_us = event->time_us;
        if (conn->peer_read >= conn->room_from) {
            facts_gain_room(conn, event->time_us);
        }
        break;
    case TRACE_PEER_SAW_FIN:
        conn->at_saw_fin = at;
        break;
    case TRACE_PEER_SAW_RST:
        conn->at_saw_rst = at;
        break;
    case TRACE_PEER_STALLED:
        conn->flags |= FACTS_STALLED | FACTS_EVER_STALLED;
        conn->at_stall = at;
        facts->live |= FACTS_ANY_STALLED;
        conn->reader_us = event->time_us;
        facts_gain_room(conn, event->time_us);
        break;
    case TRACE_PEER_ACCEPTED:
        conn->flags |= FACTS_PEER_ACCEPTED;
        break;
    case TRACE_PEER_RESUMED:
        conn->flags &= ~(uint32_t)FACTS_STALLED;
        break;
    case TRACE_PEER_SHUT_WRITE:
        conn->at_half = at;
        conn->requests_at_half = conn->requests;
        conn->flags |= facts->played ? 0 : FACTS_PEER_SHUT;
        break;
    case TRACE_PEER_SHUT_READ:
        conn->flags |= FACTS_LOSSY;
        break;
    case TRACE_PEER_CLOSED:
        conn->flags |= FACTS_PEER_CLOSED | (facts->played ? 0 : FACTS_PEER_GONE);
        /* Its kernel kept to itself that there was room again: for that there is a timer, which
         * scripted time does not always wait for. */
        conn->flags |= (conn->flags & FACTS_SENDING) != 0 ? FACTS_SILENT : 0;
        break;
    case TRACE_PEER_RESET:
        conn->flags |= FACTS_PEER_RESET;
        break;
    default:
        break;
    }
    /* What the peer merely saw is not its doing, and ends no silence. */
    if (event->what != TRACE_PEER_SAW_FIN && event->what != TRACE_PEER_SAW_RST &&
        event->what != TRACE_PEER_TIMED_OUT) {
        conn->peer_us = event->time_us;
    }
}

static void take_step(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    if (facts->at_first_user != 0 && !facts->user_is_over) {
        uint32_t held = facts_held(facts);
        facts->kept_for_user = held > facts->held_at_user ? held - facts->held_at_user : 0;
        facts->user_is_over = true;
    }
    switch (event->what) {
    case SCENARIO_WIRE_CUT:
    case SCENARIO_WIRE_LOSE:
    case SCENARIO_WIRE_DROP:
        facts->wire_lossy = true;
        facts->wire_touched = true;
        break;
    case SCENARIO_WIRE_HOLD:
    case SCENARIO_WIRE_DUPLICATE:
    case SCENARIO_WIRE_INJECT:
        facts->wire_touched = true;
        break;
    case SCENARIO_TIME_CLOCK:
        facts->at_clock = at;
        facts->live |= FACTS_CLOCK_JUMPED;
        break;
    default:
        break;
    }
}

/* A new process on the same machine: descriptors and duties are its own. */
static void start_program(struct facts *facts)
{
    memset(facts->fds, 0, facts->fds_used * sizeof *facts->fds);
    for (uint32_t i = 1; i <= facts->conns_used; i++) {
        facts->conns[i].flags |= FACTS_OLD;
        facts->conns[i].fd = -1;
    }
    /* Everything about the program that is gone goes with it; what the scenario did stays. */
    facts->in_service = false;
    facts->stopping = false;
    facts->waits_on_listener = false;
    facts->waits_on_connections = false;
    facts->listener = facts->edge_listener = -1;
    facts->failed_fd = facts->intr_fd = facts->again_fd = -1;
    facts->waiting = facts->ready_count = facts->heaps = facts->console = 0;
    memset(facts->turns, 0, sizeof(facts->turns));
    facts->turn = facts->batch = facts->at_exit = facts->at_spin = facts->at_died = 0;
    facts->at_soft_accept = facts->at_full = facts->at_no_number = facts->at_memory =
        facts->at_wait_intr = 0;
    facts->at_error = facts->at_rst = facts->at_no_port = facts->at_no_fd = facts->at_said = 0;
    facts->at_lock_wait = 0;
    facts->at_block = facts->at_last_block = facts->at_sleep = facts->block_at_death = 0;
    facts->at_stop_handled = facts->at_stop_told = facts->at_stop_ignored = 0;
    facts->at_connect_intr = facts->at_close_intr = facts->at_cloexec = 0;
    facts->at_io = facts->at_alarm = facts->at_call = facts->at_fork = facts->at_exec = 0;
    facts->at_child_failed = facts->at_user_signal = 0;
    facts->at_first_user = facts->held_at_user = facts->kept_for_user = 0;
    facts->user_is_over = false;
    facts->at_low = facts->at_low_closed = facts->low_conn = 0;
    facts->hands_low = false;
    memset(facts->at_ended, 0, sizeof facts->at_ended);
    facts->at_phase[TRACE_PHASE_READY] = facts->held_at_ready = 0;
}

bool facts_counts(const struct facts *facts, uint32_t fd)
{
    const struct facts_fd *record = &facts->fds[fd];
    return record->open && !record->listens && !record->inherited && record->conn == 0 &&
           record->kind != TRACE_FILE_OTHER &&
           (facts->processes_at_ready >> facts_process(fd) & 1U) != 0;
}

uint32_t facts_held(const struct facts *facts)
{
    uint32_t held = 0;
    for (uint32_t fd = 0; fd < facts->fds_used; fd++) {
        held += facts_counts(facts, fd);
    }
    return held;
}

/* What is open before the first connection, and in which processes. */
static void take_baseline(struct facts *facts)
{
    facts->processes_at_ready = 1;
    for (uint32_t fd = 0; fd < facts->fds_used; fd++) {
        bool open = facts->fds[fd].open;
        facts->fds[fd].baseline = open;
        /* Several share the last number. */
        if (open && facts_process(fd) < TRACE_PROCESSES_MAX - 1) {
            facts->processes_at_ready |= 1U << facts_process(fd);
        }
    }
    facts->held_at_ready = facts_held(facts);
}

static void take_phase(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    if (event->what >= TRACE_PHASE_COUNT) {
        return;
    }
    if (event->what == TRACE_PHASE_STARTED && facts->at_phase[TRACE_PHASE_STARTED] != 0) {
        start_program(facts);
    }
    facts->at_phase[event->what] = at;
    if (event->what == TRACE_PHASE_READY) {
        take_baseline(facts);
    } else if (event->what == TRACE_PHASE_PLAYED) {
        facts->played = true;
        bool timed =
            facts->block_family == SCENARIO_CALL_SLEEP || facts->block_family == SCENARIO_CALL_WAIT;
        facts->backing_off = facts->at_block != 0 && timed && facts->block_us >= 0 &&
                             (facts->at_full | facts->at_memory | facts->at_soft_accept) != 0;
    } else if (event->what == TRACE_PHASE_QUIET) {
        bool on_one =
            facts->block_family == SCENARIO_CALL_RECV || facts->block_family == SCENARIO_CALL_SEND;
        facts->busy_at_quiet = facts->at_block != 0 && on_one;
    } else if (event->what == TRACE_PHASE_STOPPING) {
        facts->stopping = true;
    }
}

static void take_heap(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    facts->heap[facts->heaps++ % FACTS_HEAP] =
        (struct facts_heap){.at = at,
                            .dialogues = event->result,
                            .blocks = event->a,
                            .bytes = event->b,
                            .sampled = (event->flags & TRACE_SAMPLED) != 0};
}

static void take_exit(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    facts->at_exit = at;
    bool by_itself = event->what == TRACE_EXIT_SIGNALLED || event->what == TRACE_EXIT_ABORTED ||
                     event->what == TRACE_EXIT_CRASHED ||
                     (event->what == TRACE_EXIT_RETURNED && facts->role == TRACE_ROLE_SERVER);
    /* A server that was never idle may still give up starting. */
    bool started = facts->role != TRACE_ROLE_SERVER || facts->at_phase[TRACE_PHASE_READY] != 0;
    if (by_itself && facts->in_service && started && !facts->stopping) {
        facts->at_died = at;
        facts->block_at_death = facts->at_last_block;
    }
}

static void take_open(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    struct facts_fd *record = facts_open_fd(facts, event->fd, event->conn, at);
    if (record != NULL) {
        record->inherited |= (event->flags & TRACE_INHERITED) != 0;
        record->listens = event->what == TRACE_FILE_LISTENER;
        record->kind = event->what;
        if (event->fd <= 2 && record->inherited) {
            facts->console |= 1U << event->fd;
        }
    }
}

/* Each failure counts once, however many pieces the message came in. */
static void take_output(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    facts->at_said = event->fd == 2 ? at : facts->at_said;
    if (facts->at_full <= facts->flood_full) {
        return;
    }
    facts->flood_full = facts->at_full;
    if (facts->floods == 0 || event->time_us - facts->flood_us > 1000000) {
        facts->floods = 0;
        facts->flood_us = event->time_us;
        facts->at_flood = at;
    }
    facts->floods++;
    if (facts->floods == FACTS_FLOOD) {
        facts->at_flooded = at;
    }
}

static void take_process(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    if (event->what == TRACE_PROCESS_ENDED && event->a > 0 && event->a <= FACTS_CHILDREN) {
        facts->at_ended[event->a - 1] = at;
    }
    if (event->what == TRACE_PROCESS_FAILED) {
        facts->at_child_failed = at;
    }
    int64_t first = event->result * TRACE_PROCESS_STRIDE;
    for (int64_t fd = first; fd < first + TRACE_PROCESS_STRIDE && fd < facts->fds_used; fd++) {
        facts->fds[fd].execed = facts->fds[fd].execed && event->what != TRACE_PROCESS_ENDED;
    }
}

static void take_closed(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    facts->closing = facts_closing_of(event, at);
}

static void take_fault(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    if (event->b == 1 && facts->at_posix_fault == 0) {
        facts->at_posix_fault = at;
    }
    struct facts_conn *conn = facts_conn(facts, event->conn);
    if (conn != NULL && event->err != 0) {
        conn->flags |= FACTS_STRUCK;
    }
}

static void take_spin(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    (void)event;
    facts->at_spin = at;
    facts->cut_short = true;
}

/* What is held for a while looks to the program as if the peer were silent. */
static void take_time(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    (void)event;
    (void)at;
    facts->wire_lossy |=
        (facts->held[TRACE_HOST_TARGET] | facts->held[TRACE_HOST_PEER]) != 0 && !facts->played;
}

/* The trace is full: what comes after is not known. */
static void take_overflow(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    (void)event;
    (void)at;
    facts->cut_short = true;
}

static void take_thread(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    facts->has_threads = true;
    if (event->what == TRACE_THREAD_WAITS && event->b == TRACE_WAIT_MUTEX && event->result >= 0) {
        facts->at_lock_wait = at;
        facts->lock_waiter = (uint32_t)event->a;
    } else if (event->what == TRACE_THREAD_RUNS && event->a == facts->lock_waiter) {
        facts->at_lock_wait = 0;
    }
}

static void take_nothing(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    (void)facts;
    (void)event;
    (void)at;
}

facts_take *facts_take_kind(enum trace_kind kind, bool *ret_own)
{
    static const struct {
        facts_take *take;
        bool own;
    } takers[TRACE_KIND_COUNT] = {
        [TRACE_NONE] = {take_nothing, false},      [TRACE_PHASE] = {take_phase, false},
        [TRACE_CALL] = {take_nothing, true},       [TRACE_BLOCK] = {take_block, true},
        [TRACE_READY] = {take_ready, true},        [TRACE_FD_OPEN] = {take_open, true},
        [TRACE_FD_CLOSE] = {take_closed, true},    [TRACE_STATE] = {take_state, false},
        [TRACE_SEGMENT] = {take_segment, false},   [TRACE_DIALOGUE] = {take_dialogue, false},
        [TRACE_PEER] = {take_peer, false},         [TRACE_STEP] = {take_step, false},
        [TRACE_NOOP] = {take_nothing, false},      [TRACE_FAULT] = {take_fault, true},
        [TRACE_TIME] = {take_time, false},         [TRACE_SIGNAL] = {facts_take_signal, true},
        [TRACE_HEAP] = {take_heap, true},          [TRACE_SPIN] = {take_spin, true},
        [TRACE_EXIT] = {take_exit, true},          [TRACE_PROCESS] = {take_process, true},
        [TRACE_OUTPUT] = {take_output, true},      [TRACE_UNSUPPORTED] = {take_nothing, true},
        [TRACE_BYTES] = {take_nothing, false},     [TRACE_THREAD] = {take_thread, true},
        [TRACE_OVERFLOW] = {take_overflow, false},
    };
    *ret_own = takers[kind].own;
    return takers[kind].take;
}
