/* The common pass over calls: what a call, its result and its errno change. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "oracle/facts_tables.h"

static void take_accept(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    struct facts_fd *record = facts_open_fd(facts, event->result, event->conn, at);
    if (record == NULL) {
        return;
    }
    record->accepted = true;
    record->inherits = (event->flags & TRACE_NONBLOCK) != 0;
    record->explicit_flags = event->what == TRACE_CALL_ACCEPT4;
    record->cloexec |= event->what == TRACE_CALL_ACCEPT4 && (event->a & SOCK_CLOEXEC) != 0;
    record->kind = TRACE_FILE_SOCKET;
    record->nonblock |= event->what == TRACE_CALL_ACCEPT4 && (event->a & SOCK_NONBLOCK) != 0;
    struct facts_conn *conn = facts_conn(facts, event->conn);
    if (conn != NULL) {
        conn->flags &= ~(uint32_t)FACTS_OLD; /* begun before a restart, taken by this program */
        conn->flags |= FACTS_ACCEPTED;
        conn->at_open = at;
        conn->opened_us = event->time_us;
        conn->moved_us = event->time_us;
        facts->waiting -= facts->waiting > 0;
    }
}

/* A call moved bytes or saw the end: what earlier ones on the descriptor refused is settled. */
static void transferred(struct facts *facts, int32_t fd)
{
    struct facts_fd *record = facts_fd(facts, fd);
    if (record != NULL) {
        record->at_again = 0;
        record->at_intr = 0;
        record->used = true;
    }
}

static void take_recv(struct facts *facts, struct facts_conn *conn, const struct trace_event *event,
                      uint32_t at)
{
    transferred(facts, event->fd);
    if (conn == NULL || ((event->b & (MSG_PEEK | MSG_OOB)) != 0 && event->result != 0)) {
        return;
    }
    if (event->result == 0) { /* also of MSG_PEEK: the program knows */
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
    conn->at_receive = at;
    conn->moved_us = event->time_us;
}

static void take_send(struct facts *facts, struct facts_conn *conn, const struct trace_event *event,
                      uint32_t at)
{
    transferred(facts, event->fd);
    if (conn != NULL) {
        conn->sent += event->result;
        conn->at_send = at;
        conn->send_us = event->time_us;
        conn->moved_us = event->time_us;
        facts_gain_room(conn, event->time_us);
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
        conn->at_linger = at;
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
        } else if (event->a == F_SETFD && record != NULL) {
            record->cloexec = (event->b & FD_CLOEXEC) != 0;
        } else if (event->a == F_DUPFD || event->a == F_DUPFD_CLOEXEC) {
            (void)facts_open_fd(facts, event->result, record != NULL ? record->conn : 0, at);
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
        (void)facts_open_fd(facts, event->result, record != NULL ? record->conn : 0, at);
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
            (void)facts_open_fd(facts, event->result, 0, at);
        }
        if (event->what == TRACE_CALL_SOCKET && (event->a & SOCK_CLOEXEC) != 0) {
            facts->at_cloexec = at;
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
            facts_end_sending(facts, conn);
            conn->at_shut = conn->at_shut != 0 ? conn->at_shut : at;
            conn->flags |= event->a == SHUT_WR ? FACTS_HALF_SHUT : 0;
        }
        break;
    case SCENARIO_CALL_CLOSE:
        facts_close_fd(facts, event->fd, event->a == 1, at);
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
    if (event->err == EINTR && facts->at_stop_handled != 0 && facts->at_stop_told == 0) {
        facts->at_stop_told = at;
    }
    bool transfer = family == SCENARIO_CALL_RECV || family == SCENARIO_CALL_SEND ||
                    family == SCENARIO_CALL_ACCEPT;
    if (record != NULL && transfer) {
        bool meant = at - facts->at_alarm <= 4 || facts->stopping;
        record->at_intr = event->err == EINTR && !meant ? at : 0;
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
            facts_close_fd(facts, event->fd, event->a == 1, at);
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
            if (conn != NULL) {
                conn->flags |= FACTS_RESOURCE;
            }
            record->used = false;
        }
        break;
    default:
        break;
    }
}

void facts_take_call(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    struct facts_fd *record = facts_use_fd(facts, event->fd);
    uint32_t number = event->conn != 0                 ? event->conn
                      : record != NULL && record->open ? record->conn
                                                       : 0;
    struct facts_conn *conn = facts_use_conn(facts, number);
    enum scenario_call family = facts_family(event->what);
    facts->at_block = 0;
    facts->at_call = at;
    if (family == SCENARIO_CALL_CONNECT && conn != NULL && record != NULL) {
        record->conn = number;
        conn->fd = event->fd;
        conn->at_open = conn->at_open != 0 ? conn->at_open : at;
        if (conn->at_connect == 0) { /* unless its beginning was seen as a change of state */
            conn->at_connect = at;
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
    facts_finish_closing(facts);
}
