/* The common pass: gathers, event by event, what the predicates want to know of a run. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle/facts.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

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
    facts->listener = -1;
    facts->edge_listener = -1;
    facts->failed_fd = -1;
    facts->intr_fd = -1;
    facts->again_fd = -1;
}

/* Notes that a connection is in use; its record, NULL for none. */
static struct facts_conn *use_conn(struct facts *facts, uint32_t conn)
{
    if (conn == 0 || conn > ORACLE_CONNECTIONS_MAX) {
        return NULL;
    }
    while (facts->conns_used < conn) {
        facts->conns[++facts->conns_used].fd = -1;
    }
    return &facts->conns[conn];
}

static struct facts_fd *use_fd(struct facts *facts, int64_t fd)
{
    if (fd < 0 || fd >= ORACLE_DESCRIPTORS_MAX) {
        return NULL;
    }
    if (facts->fds_used <= fd) {
        facts->fds_used = (uint32_t)fd + 1;
    }
    return &facts->fds[fd];
}

/* The descriptor is open from here on; a call and the kernel's own event may both say so. */
static struct facts_fd *open_fd(struct facts *facts, int64_t fd, uint32_t conn, uint32_t at)
{
    struct facts_fd *record = use_fd(facts, fd);
    if (record == NULL) {
        return NULL;
    }
    if (!record->open) {
        *record = (struct facts_fd){.open = true, .at_opened = at, .at_closed = record->at_closed};
    }
    if (conn != 0) {
        record->conn = conn;
        struct facts_conn *entry = use_conn(facts, conn);
        if (entry != NULL) {
            entry->fd = (int32_t)fd;
        }
    }
    return record;
}

static void close_fd(struct facts *facts, int64_t fd, bool last, uint32_t at)
{
    struct facts_fd *record = use_fd(facts, fd);
    if (record == NULL) {
        return;
    }
    if (record->open) {
        record->open = false;
        record->at_closed = at;
        if (record->listener && facts->listener == fd) {
            facts->listener = -1;
        }
    }
    struct facts_conn *conn = facts_conn(facts, record->conn);
    if (conn != NULL && last && conn->at_close == 0 && facts->at_exit == 0) {
        conn->at_close = at;
        if ((conn->flags & FACTS_STALLED) != 0 &&
            facts->now_us - conn->peer_us > FACTS_PATIENCE_US) {
            conn->flags |= FACTS_SILENT;
        }
    }
}

/* ---- Calls
 * ------------------------------------------------------------------------------------------ */

static void take_accept(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    struct facts_fd *record = open_fd(facts, event->result, event->conn, at);
    if (record == NULL) {
        return;
    }
    record->accepted = true;
    record->inherits = (event->flags & TRACE_NONBLOCK) != 0;
    record->explicit_flags = event->what == TRACE_CALL_ACCEPT4;
    record->kind = TRACE_FILE_SOCKET;
    record->nonblock |= event->what == TRACE_CALL_ACCEPT4 && (event->a & SOCK_NONBLOCK) != 0;
    struct facts_conn *conn = facts_conn(facts, event->conn);
    if (conn != NULL) {
        conn->flags |= FACTS_ACCEPTED;
        conn->at_open = at;
        conn->opened_us = event->time_us;
        facts->waiting -= facts->waiting > 0;
    }
}

static void take_recv(struct facts *facts, struct facts_conn *conn, const struct trace_event *event,
                      uint32_t at)
{
    struct facts_fd *record = facts_fd(facts, event->fd);
    if (record != NULL) {
        record->at_again = 0;
        record->at_intr = 0;
        record->used = true;
    }
    if (conn == NULL || (event->b & (MSG_PEEK | MSG_OOB)) != 0) {
        return;
    }
    if (event->result == 0) {
        if (event->a > 0) {
            conn->flags |= FACTS_EOF;
            conn->at_eof = conn->at_eof != 0 ? conn->at_eof : at;
            conn->at_edge = 0;
        }
        return;
    }
    conn->receive[conn->receives++ % FACTS_RECEIVES] =
        (struct facts_receive){.from = (uint32_t)conn->received, .at = at};
    conn->received += event->result;
}

static void take_send(struct facts *facts, struct facts_conn *conn, const struct trace_event *event,
                      uint32_t at)
{
    struct facts_fd *record = facts_fd(facts, event->fd);
    if (record != NULL) {
        record->at_again = 0;
        record->at_intr = 0;
        record->used = true;
    }
    if (conn != NULL) {
        conn->sent += event->result;
        conn->flags &= ~(uint32_t)FACTS_SEND_STUCK;
        if (event->result < event->a) {
            conn->at_partial = at;
            conn->flags |= FACTS_SEND_STUCK;
        }
    }
}

static void take_option(struct facts *facts, struct facts_fd *record, struct facts_conn *conn,
                        const struct trace_event *event, uint32_t at)
{
    if (record == NULL) {
        return;
    }
    bool set = event->what == TRACE_CALL_SETSOCKOPT;
    if (event->a == ((SOL_SOCKET << 16) | SO_ERROR) && !set) {
        record->checked = true;
        if (event->b != 0 && record->at_progress != 0) {
            record->at_failed = at;
            facts->failed_fd = event->fd;
        }
    } else if (set && event->a == ((SOL_SOCKET << 16) | SO_REUSEADDR)) {
        record->reuseaddr = event->b != 0;
    } else if (set && event->a == ((SOL_SOCKET << 16) | SO_OOBINLINE)) {
        record->oob_inline = event->b != 0;
    } else if (set && event->a == ((SOL_SOCKET << 16) | SO_LINGER) && conn != NULL) {
        conn->flags &= ~(uint32_t)FACTS_LINGER_0;
        conn->flags |= event->b == 1 ? FACTS_LINGER_0 : 0;
    }
}

static void take_control(struct facts *facts, struct facts_fd *record,
                         const struct trace_event *event, uint32_t at)
{
    switch (event->what) {
    case TRACE_CALL_FCNTL:
        if (event->a == F_SETFL && record != NULL) {
            record->explicit_flags = true;
            record->nonblock = (event->b & O_NONBLOCK) != 0;
        } else if (event->a == F_DUPFD || event->a == F_DUPFD_CLOEXEC) {
            (void)open_fd(facts, event->result, record != NULL ? record->conn : 0, at);
        }
        break;
    case TRACE_CALL_IOCTL:
        if (event->a == FIONBIO && record != NULL) {
            record->explicit_flags = true;
            record->nonblock = event->b != 0;
        }
        break;
    case TRACE_CALL_DUP:
    case TRACE_CALL_DUP2:
    case TRACE_CALL_DUP3:
        (void)open_fd(facts, event->result, record != NULL ? record->conn : 0, at);
        break;
    case TRACE_CALL_EPOLL_CTL: {
        int64_t op = event->a & 0xFF;
        facts->epoll_items += op == EPOLL_CTL_ADD;
        if (record != NULL && op != EPOLL_CTL_DEL) {
            record->edge = (event->b & EPOLLET) != 0;
            facts->edge_listener =
                record->edge && record->listener ? event->fd : facts->edge_listener;
        }
        break;
    }
    default:
        break;
    }
}

static void take_done(struct facts *facts, const struct trace_event *event, uint32_t at,
                      struct facts_fd *record, struct facts_conn *conn)
{
    switch (facts_family(event->what)) {
    case SCENARIO_CALL_SOCKET:
    case SCENARIO_CALL_OPEN:
        if (event->what != TRACE_CALL_PIPE &&
            event->what != TRACE_CALL_SOCKETPAIR) { /* these return 0 */
            (void)open_fd(facts, event->result, 0, at);
        }
        break;
    case SCENARIO_CALL_BIND:
        if (record != NULL) {
            record->at_failed = 0;
        }
        break;
    case SCENARIO_CALL_LISTEN:
        facts->in_service = true;
        facts->listener = event->fd;
        facts->backlog = event->a;
        if (record != NULL) {
            record->listener = true;
            record->at_failed = 0;
        }
        break;
    case SCENARIO_CALL_ACCEPT:
        take_accept(facts, event, at);
        break;
    case SCENARIO_CALL_CONNECT:
        facts->in_service = true;
        facts->at_connect_intr = 0;
        if (record != NULL) {
            record->at_failed = 0;
            record->at_intr = 0;
            record->checked = true;
            record->connected = true;
        }
        break;
    case SCENARIO_CALL_RECV:
        take_recv(facts, conn, event, at);
        break;
    case SCENARIO_CALL_SEND:
        take_send(facts, conn, event, at);
        break;
    case SCENARIO_CALL_SHUTDOWN:
        if (conn != NULL && event->a != SHUT_RD) {
            conn->at_shut = conn->at_shut != 0 ? conn->at_shut : at;
            conn->flags |= event->a == SHUT_WR ? FACTS_HALF_SHUT : 0;
        }
        break;
    case SCENARIO_CALL_CLOSE:
        close_fd(facts, event->fd, event->a == 1, at);
        break;
    case SCENARIO_CALL_OPTION:
        take_option(facts, record, conn, event, at);
        break;
    case SCENARIO_CALL_CONTROL:
        take_control(facts, record, event, at);
        break;
    default:
        if (event->what == TRACE_CALL_GETPEERNAME && record != NULL) {
            record->checked = true;
        }
        break;
    }
}

/* Errors that a connection brings upon itself, as opposed to want of something or a call's misuse.
 */
static bool is_connection_error(int err)
{
    return err == ECONNRESET || err == EPIPE || err == ETIMEDOUT || err == EHOSTUNREACH ||
           err == ENETUNREACH || err == ECONNABORTED || err == ENETDOWN;
}

static void fail_transfer(struct facts *facts, struct facts_fd *record, struct facts_conn *conn,
                          const struct trace_event *event, uint32_t at)
{
    if (event->err == EAGAIN && record != NULL && (event->flags & TRACE_NONBLOCK) != 0 &&
        (event->b & (MSG_PEEK | MSG_OOB)) == 0) {
        record->at_again = at;
        facts->again_fd = event->fd;
    }
    if (conn == NULL) {
        return;
    }
    if (event->err == EAGAIN && facts_family(event->what) == SCENARIO_CALL_RECV) {
        conn->at_edge = 0;
    } else if (event->err == EAGAIN) {
        conn->flags |= FACTS_SEND_STUCK;
        conn->at_again = at;
    } else if (is_connection_error(event->err)) {
        conn->flags |= FACTS_ERROR;
        conn->at_edge = 0;
        facts->at_error = at;
        facts->at_epipe = event->err == EPIPE ? at : facts->at_epipe;
    }
}

static void take_failed(struct facts *facts, const struct trace_event *event, uint32_t at,
                        struct facts_fd *record, struct facts_conn *conn)
{
    enum scenario_call family = facts_family(event->what);
    if (event->err == ENOBUFS || event->err == ENOMEM) {
        facts->at_memory = at;
        if (record != NULL) {
            record->at_memory = at;
        }
        if (conn != NULL) {
            conn->flags |= FACTS_RESOURCE;
        }
    }
    if (event->err == EINTR && record != NULL && at - facts->at_alarm > 4 && !facts->stopping) {
        record->at_intr = at;
        facts->intr_fd = event->fd;
    }
    switch (family) {
    case SCENARIO_CALL_BIND:
    case SCENARIO_CALL_LISTEN:
    case SCENARIO_CALL_CONNECT:
        facts->at_no_port = event->err == EADDRNOTAVAIL ? at : facts->at_no_port;
        if (record == NULL) {
            break;
        }
        if (event->err == EINPROGRESS) {
            facts->in_service = true;
            record->at_progress = at;
            record->checked = false;
            record->at_failed = 0;
        } else if (event->err == EALREADY || event->err == EISCONN) {
            record->checked = true;
        } else if (event->err == EINTR) {
            facts->in_service = true;
        } else {
            record->at_failed = at;
            facts->failed_fd = event->fd;
        }
        if (family == SCENARIO_CALL_CONNECT) {
            facts->at_connect_intr = event->err == EINTR ? at : facts->at_connect_intr;
        }
        break;
    case SCENARIO_CALL_ACCEPT:
        if (event->err == EMFILE || event->err == ENFILE) {
            facts->at_full = at;
        } else {
            facts->at_soft_accept = event->err != EAGAIN ? at : facts->at_soft_accept;
        }
        if (event->err == EAGAIN && record != NULL && (event->flags & TRACE_NONBLOCK) != 0) {
            record->at_again = at;
            facts->again_fd = event->fd;
        }
        break;
    case SCENARIO_CALL_RECV:
    case SCENARIO_CALL_SEND:
        fail_transfer(facts, record, conn, event, at);
        break;
    case SCENARIO_CALL_CLOSE:
        if (event->err == EINTR) { /* Linux has released the number all the same. */
            close_fd(facts, event->fd, event->a == 1, at);
            facts->at_close_intr = at;
            if (record != NULL) {
                record->at_close_intr = at;
            }
        }
        break;
    case SCENARIO_CALL_WAIT:
        if (event->err == EINTR && at - facts->at_alarm > 4 && !facts->stopping) {
            facts->at_wait_intr = at;
        }
        break;
    case SCENARIO_CALL_OPTION:
    case SCENARIO_CALL_CONTROL:
        if (record != NULL && event->what != TRACE_CALL_EPOLL_CTL) {
            record->at_option = at;
            record->used = false;
        }
        break;
    default:
        break;
    }
}

static void take_call(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    struct facts_fd *record = use_fd(facts, event->fd);
    uint32_t number = event->conn != 0                 ? event->conn
                      : record != NULL && record->open ? record->conn
                                                       : 0;
    struct facts_conn *conn = use_conn(facts, number);
    enum scenario_call family = facts_family(event->what);
    facts->at_block = 0;
    facts->at_call = at;
    if (family == SCENARIO_CALL_CONNECT && conn != NULL && record != NULL) {
        record->conn = number;
        conn->fd = event->fd;
        if (conn->at_connect == 0) {
            conn->at_connect = at;
            conn->at_open = at;
            conn->opened_us = event->time_us;
        }
    }
    if (family == SCENARIO_CALL_WAIT) {
        if (facts->at_wait_intr != 0 && event->err != EINTR) {
            facts->at_wait_intr = 0;
        }
        facts->batch = at;
        facts->turn = at;
        facts->ready_count = 0;
    }
    if (event->err != 0) {
        take_failed(facts, event, at, record, conn);
    } else {
        take_done(facts, event, at, record, conn);
    }
    if (family == SCENARIO_CALL_RECV || family == SCENARIO_CALL_SEND) {
        facts->at_io = at;
        facts->io_fd = event->fd;
    }
}

static void take_block(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    facts->at_block = at;
    facts->at_last_block = at;
    facts->turn = at;
    facts->at_wait_intr = 0;
    struct facts_fd *record = facts_fd(facts, event->fd);
    if (record != NULL) {
        record->at_again = 0;
        record->at_intr = 0;
    }
    if (facts_family(event->what) == SCENARIO_CALL_WAIT) {
        facts->at_sleep = at;
    }
    facts->block_us = event->a;
    facts->block_family = (uint8_t)facts_family(event->what);
}

static void take_ready(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    if (facts->ready_count < FACTS_READY) {
        facts->ready[facts->ready_count++] = (struct facts_ready){
            .fd = event->fd, .conn = event->conn, .at = at, .got = (uint32_t)event->b};
    }
    struct facts_fd *record = use_fd(facts, event->fd);
    if (record == NULL) {
        return;
    }
    record->at_ready = at;
    record->at_again = 0;
    record->at_intr = 0;
    if (record->listener) {
        facts->waits_on_listener = true;
    }
    struct facts_conn *conn = use_conn(facts, event->conn != 0 ? event->conn : record->conn);
    if (conn == NULL) {
        return;
    }
    facts->waits_on_connections = true;
    conn->flags |= FACTS_READY_SEEN;
    uint32_t over = EPOLLHUP | EPOLLERR | EPOLLRDHUP;
    if ((event->b & (EPOLLHUP | EPOLLERR)) != 0) {
        record->at_hup = at;
    }
    record->at_in_hup = (event->b & EPOLLIN) != 0 && ((uint32_t)event->b & over) != 0 ? at : 0;
    if ((event->flags & TRACE_EDGE) != 0 && (event->b & EPOLLIN) != 0) {
        conn->at_edge = at;
    }
}

/* ---- The kernel's events and the peer's
 * ------------------------------------------------------------- */

static void take_state(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    struct facts_conn *conn = use_conn(facts, event->conn);
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
    if (event->what == TCP_ESTABLISHED) {
        conn->flags |= FACTS_ESTABLISHED;
        conn->at_established = at;
        conn->peer_us = conn->peer_us > 0 ? conn->peer_us : event->time_us;
    }
    if (event->b == TCP_EVENT_RECV_FIN || event->b == TCP_EVENT_RECV_FIN_ACK) {
        conn->at_peer_fin = at;
    } else if (event->b == TCP_EVENT_RECV_RST) {
        conn->at_rst = at;
        facts->at_rst = at;
    }
}

static void take_segment(struct facts *facts, const struct trace_event *event)
{
    struct facts_conn *conn = use_conn(facts, event->conn);
    if (conn == NULL) {
        return;
    }
    if (event->result == TRACE_FATE_DROPPED || event->result == TRACE_FATE_INJECTED) {
        conn->flags |= FACTS_LOSSY;
        conn->flags |= event->what == SCENARIO_SEGMENT_RST ? FACTS_PEER_RESET : 0;
    } else if (event->host != facts->host && event->result == TRACE_FATE_DELIVERED &&
               event->what == SCENARIO_SEGMENT_DATA && event->a + event->b - 1 > conn->arrived) {
        conn->arrived = event->a + event->b - 1;
    } else if (event->what == SCENARIO_SEGMENT_URGENT) {
        conn->flags |= FACTS_URGENT;
    }
}

static void end_message(struct facts_conn *conn, const struct trace_event *event, uint32_t at)
{
    conn->at_request = at;
    conn->message_end[conn->messages++ % FACTS_MESSAGES] =
        event->b > 0 ? event->b : conn->peer_sent;
}

static void take_dialogue(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    struct facts_conn *conn = use_conn(facts, event->conn);
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
    if (event->time_us - conn->peer_us > FACTS_PATIENCE_US && its_turn &&
        facts->at_phase[TRACE_PHASE_QUIET] == 0) {
        conn->flags |= FACTS_SILENT;
    }
}

static void take_peer(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    struct facts_conn *conn = use_conn(facts, event->conn);
    if (conn == NULL) {
        return;
    }
    if ((conn->flags & FACTS_PEER_SEEN) != 0) {
        end_silence(facts, conn, event);
    }
    conn->flags |= FACTS_PEER_SEEN;
    switch (event->what) {
    case TRACE_PEER_SENT:
        conn->peer_sent += event->a;
        break;
    case TRACE_PEER_READ:
        conn->peer_read += event->a;
        conn->reader_us = event->time_us;
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
        conn->reader_us = event->time_us;
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
        conn->flags |= facts->played ? 0 : FACTS_PEER_GONE;
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
        facts->clock_us = event->time_us;
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
    facts->in_service = false;
    facts->stopping = false;
    facts->listener = -1;
    facts->at_exit = 0;
    facts->at_wait_intr = 0;
    facts->at_full = 0;
    facts->at_memory = 0;
    facts->at_soft_accept = 0;
    facts->at_block = 0;
    facts->heaps = 0;
    facts->epoll_items = 0;
    facts->waiting = 0;
    facts->ready_count = 0;
    facts->at_phase[TRACE_PHASE_READY] = 0;
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
        for (uint32_t fd = 0; fd < facts->fds_used; fd++) {
            facts->fds[fd].baseline = facts->fds[fd].open;
        }
    } else if (event->what == TRACE_PHASE_PLAYED) {
        facts->played = true;
        bool timed =
            facts->block_family == SCENARIO_CALL_SLEEP || facts->block_family == SCENARIO_CALL_WAIT;
        facts->backing_off = facts->at_block != 0 && timed && facts->block_us >= 0 &&
                             (facts->at_full | facts->at_memory | facts->at_soft_accept) != 0;
    } else if (event->what == TRACE_PHASE_STOPPING) {
        facts->stopping = true;
    }
}

static void take_signal(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    bool asks = event->what == SIGTERM || event->what == SIGINT || event->what == SIGQUIT ||
                event->what == SIGHUP;
    if ((event->a == TRACE_SIGNAL_HANDLED && asks) ||
        (event->a == TRACE_SIGNAL_KILLED && event->b == 0)) {
        facts->stopping = true;
        facts->at_stop_signal = facts->played ? facts->at_stop_signal : at;
        facts->at_stop_handled = event->a == TRACE_SIGNAL_HANDLED ? at : facts->at_stop_handled;
    }
    if (event->what == SIGALRM) {
        facts->at_alarm = at;
    }
}

static void take_heap(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    facts->heap[facts->heaps++ % FACTS_HEAP] = (struct facts_heap){
        .at = at, .dialogues = event->result, .blocks = event->a, .bytes = event->b};
}

static void take_exit(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    facts->at_exit = at;
    bool by_itself = event->what == TRACE_EXIT_SIGNALLED || event->what == TRACE_EXIT_ABORTED ||
                     event->what == TRACE_EXIT_CRASHED ||
                     (event->what == TRACE_EXIT_RETURNED && facts->role == TRACE_ROLE_SERVER);
    if (by_itself && facts->in_service && !facts->stopping) {
        facts->at_died = at;
        facts->block_at_death = facts->at_last_block;
    }
}

/* Events of the program judged; those of the other host's program are none of its business. */
static void take_program(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    struct facts_fd *record;
    switch (event->kind) {
    case TRACE_CALL:
        take_call(facts, event, at);
        break;
    case TRACE_BLOCK:
        take_block(facts, event, at);
        break;
    case TRACE_READY:
        take_ready(facts, event, at);
        break;
    case TRACE_FD_OPEN:
        record = open_fd(facts, event->fd, event->conn, at);
        if (record != NULL) {
            record->kind = event->what;
            record->inherited |= (event->flags & TRACE_INHERITED) != 0;
            if (event->fd <= 2 && record->inherited) {
                facts->console |= 1U << event->fd;
            }
        }
        break;
    case TRACE_FD_CLOSE:
        close_fd(facts, event->fd, event->a == 1, at);
        break;
    case TRACE_FAULT:
        if (event->b == 1 && facts->at_posix_fault == 0) {
            facts->at_posix_fault = at;
        }
        break;
    case TRACE_SIGNAL:
        take_signal(facts, event, at);
        break;
    case TRACE_HEAP:
        take_heap(facts, event, at);
        break;
    case TRACE_SPIN:
        facts->at_spin = at;
        break;
    case TRACE_EXIT:
        take_exit(facts, event, at);
        break;
    default:
        break;
    }
}

bool facts_take(struct facts *facts, const struct trace_event *event, uint32_t index)
{
    uint32_t at = index + 1;
    if (event->conn > ORACLE_CONNECTIONS_MAX || event->fd >= ORACLE_DESCRIPTORS_MAX) {
        return false;
    }
    facts->now_us = event->time_us;
    switch (event->kind) {
    case TRACE_STATE:
        take_state(facts, event, at);
        break;
    case TRACE_SEGMENT:
        take_segment(facts, event);
        break;
    case TRACE_DIALOGUE:
        take_dialogue(facts, event, at);
        break;
    case TRACE_PEER:
        take_peer(facts, event, at);
        break;
    case TRACE_STEP:
        take_step(facts, event, at);
        break;
    case TRACE_PHASE:
        take_phase(facts, event, at);
        break;
    default:
        if (event->host == facts->host) {
            take_program(facts, event, at);
        }
        break;
    }
    return true;
}
