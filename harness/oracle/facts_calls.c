/* The common pass over calls: what a call, its result and its errno change. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "oracle/facts_tables.h"

/* A call that came back: its descriptor's record and its connection's, NULL for none. */
#define CALL_PARAMETERS                                                                            \
    struct facts *facts, const struct trace_event *event, uint32_t at, struct facts_fd *record,    \
        struct facts_conn *conn
#define CALL_ARGUMENTS facts, event, at, record, conn
/* Not every call needs all that is known of it. */
#define CALL(name)                                                                                 \
    static inline void name(struct facts *facts __attribute__((unused)),                           \
                            const struct trace_event *event __attribute__((unused)),               \
                            uint32_t at __attribute__((unused)),                                   \
                            struct facts_fd *record __attribute__((unused)),                       \
                            struct facts_conn *conn __attribute__((unused)))

/* ---- Calls that succeeded ---- */

CALL(done_socket)
{
    if (event->what != TRACE_CALL_PIPE && event->what != TRACE_CALL_SOCKETPAIR) { /* these give 0 */
        (void)facts_open_fd(facts, event->result, 0, at);
    }
    if (event->what == TRACE_CALL_SOCKET && (event->a & SOCK_CLOEXEC) != 0) {
        facts->at_cloexec = at;
    }
}

CALL(done_bind)
{
    if (record != NULL) {
        record->at_failed = 0;
    }
}

CALL(done_listen)
{
    facts->in_service = true;
    facts->listener = event->fd;
    facts->backlog = event->a;
    if (record != NULL) {
        record->listener = true;
        record->listens = true;
        record->at_failed = 0;
    }
}

CALL(done_accept)
{
    facts->floods = 0; /* a message for each connection that is turned away is none too many */
    if (record != NULL) {
        record->execed = false;
        record->slept_on = false;
    }
    struct facts_fd *taken = facts_open_fd(facts, event->result, event->conn, at);
    if (taken == NULL) {
        return;
    }
    bool four = event->what == TRACE_CALL_ACCEPT4;
    taken->accepted = true;
    taken->inherits = (event->flags & TRACE_NONBLOCK) != 0;
    taken->explicit_flags = four;
    taken->cloexec |= four && (event->a & SOCK_CLOEXEC) != 0;
    taken->nonblock |= four && (event->a & SOCK_NONBLOCK) != 0;
    facts_settle_flags(taken);
    struct facts_conn *accepted = facts_conn(facts, event->conn);
    if (accepted != NULL) {
        accepted->flags &= ~(uint32_t)FACTS_OLD; /* begun before a restart, taken by this program */
        accepted->flags |= FACTS_ACCEPTED;
        accepted->at_open = at;
        accepted->opened_us = event->time_us;
        accepted->moved_us = event->time_us;
        facts->waiting -= facts->waiting > 0;
    }
}

/* The outcome of a connect was asked for. */
static void set_checked(struct facts_fd *record)
{
    record->checked = true;
    record->live &= ~(uint32_t)FACTS_FD_PROGRESS;
}

/* Whether it succeeded or not, from here on there is an attempt. */
CALL(begin_connect)
{
    if (conn == NULL || record == NULL) {
        return;
    }
    record->conn = (uint32_t)(conn - facts->conns);
    conn->fd = event->fd;
    conn->at_open = conn->at_open != 0 ? conn->at_open : at;
    if (conn->at_connect == 0) { /* unless its beginning was seen as a change of state */
        conn->at_connect = at;
        conn->opened_us = event->time_us;
    }
}

CALL(done_connect)
{
    begin_connect(CALL_ARGUMENTS);
    facts->in_service = true;
    facts->at_connect_intr = 0;
    if (record != NULL) {
        record->at_failed = 0;
        record->at_intr = 0;
        set_checked(record);
    }
}

/* A call moved bytes or saw the end: what earlier ones on the descriptor refused is settled. */
CALL(transferred)
{
    facts->at_io = at;
    facts->io_fd = event->fd;
    if (record != NULL) {
        facts_followed_up(record);
        record->used = true;
        record->execed = false;
        record->slept_on = false;
        if (conn != NULL && facts_process(event->fd) > 0 && !record->accepted &&
            (conn->flags & FACTS_ACCEPTED) != 0) {
            conn->at_child = at;
        }
    }
}

CALL(done_recv)
{
    transferred(CALL_ARGUMENTS);
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
    if (event->result < event->a) {
        conn->at_edge = 0; /* drained: what comes later is an edge of its own */
    }
    conn->moved_us = event->time_us;
}

CALL(done_send)
{
    transferred(CALL_ARGUMENTS);
    if (conn == NULL) {
        return;
    }
    conn->sent += event->result;
    conn->at_send = at;
    conn->send_us = event->time_us;
    conn->moved_us = event->time_us;
    facts_gain_room(conn, event->time_us);
    conn->flags &= ~(uint32_t)(FACTS_SEND_STUCK | FACTS_SENDING);
    if (event->result < event->a) {
        conn->at_partial = at;
        conn->flags |= FACTS_SEND_STUCK;
    }
}

CALL(begin_wait)
{
    if (event->err != EINTR) {
        facts->at_wait_intr = 0;
        facts->live &= ~(uint32_t)FACTS_WAIT_INTR;
    }
    facts->live &= ~(uint32_t)FACTS_BATCH_CLOSED;
    facts->batch = at;
    facts_take_turn(facts, event, at);
    facts->ready_count = 0;
}

CALL(done_shutdown)
{
    if (conn != NULL && event->a != SHUT_RD) {
        facts_end_sending(facts, conn, event->time_us);
        conn->at_shut = conn->at_shut != 0 ? conn->at_shut : at;
        conn->flags |= event->a == SHUT_WR ? FACTS_HALF_SHUT : 0;
        facts->live |= FACTS_ANY_SHUT;
    }
    if (record != NULL) {
        record->used = true;
    }
}

CALL(done_close)
{
    if (record != NULL) {
        record->execed = false;
    }
    facts_close_fd(facts, facts_closing_of(event, at));
}

CALL(set_failed)
{
    record->at_failed = at;
    record->live |= FACTS_FD_FAILED;
    facts->failed_fd = event->fd;
    facts->live |= FACTS_GIVEN_UP;
}

CALL(done_option)
{
    if (record == NULL) {
        return;
    }
    record->execed = false;
    bool set = event->what == TRACE_CALL_SETSOCKOPT;
    if (event->a == ((SOL_SOCKET << 16) | SO_ERROR) && !set) {
        set_checked(record);
        if (event->b != 0 && record->at_progress != 0) {
            set_failed(CALL_ARGUMENTS);
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

CALL(set_edge)
{
    int64_t op = event->a & 0xFF;
    if (record != NULL && op != EPOLL_CTL_DEL) {
        record->edge = (event->b & EPOLLET) != 0;
        facts->live |= record->edge ? FACTS_ANY_EDGE : 0;
        facts->edge_listener = record->edge && record->listener ? event->fd : facts->edge_listener;
    }
}

static void set_nonblock(struct facts_fd *record, bool nonblock)
{
    record->explicit_flags = true;
    record->nonblock = nonblock;
    facts_settle_flags(record);
}

CALL(done_control)
{
    bool dup = event->what == TRACE_CALL_DUP || event->what == TRACE_CALL_DUP2 ||
               event->what == TRACE_CALL_DUP3;
    bool fcntl = event->what == TRACE_CALL_FCNTL;
    if (record != NULL) {
        record->execed = false;
    }
    if (event->what == TRACE_CALL_EPOLL_CTL) {
        set_edge(CALL_ARGUMENTS);
    } else if (dup || (fcntl && (event->a == F_DUPFD || event->a == F_DUPFD_CLOEXEC))) {
        uint32_t number = record != NULL ? record->conn : 0;
        (void)facts_open_fd(facts, event->result, number, at);
    } else if (record != NULL && fcntl && event->a == F_SETFL) {
        set_nonblock(record, (event->b & O_NONBLOCK) != 0);
    } else if (record != NULL && fcntl && event->a == F_SETFD) {
        record->cloexec = (event->b & FD_CLOEXEC) != 0;
        facts_settle_flags(record);
    } else if (record != NULL && event->what == TRACE_CALL_IOCTL && event->a == FIONBIO) {
        set_nonblock(record, event->b != 0);
    }
}

/* Another program begins in a process: what it was started with. */
CALL(done_exec)
{
    int64_t first = event->a * TRACE_PROCESS_STRIDE;
    for (int64_t fd = first; fd < first + 3 && fd < facts->fds_used; fd++) {
        facts->hands_low |= facts->fds[fd].open && facts->fds[fd].conn != 0;
    }
    for (int64_t fd = first + 3; fd < first + TRACE_PROCESS_STRIDE && fd < facts->fds_used; fd++) {
        struct facts_fd *kept = &facts->fds[fd];
        if (kept->open && (kept->conn != 0 || kept->listens)) {
            kept->execed = true;
            facts->at_exec = at;
        }
    }
}

CALL(done_other)
{
    if (record != NULL) {
        record->execed = false;
    }
    if (event->what == TRACE_CALL_GETPEERNAME && record != NULL) {
        set_checked(record);
    }
}

/* ---- Calls that failed ---- */

/* Errors that a connection brings upon itself, as opposed to want of something or a call's misuse.
 */
static bool is_connection_error(int err)
{
    return err == ECONNRESET || err == EPIPE || err == ETIMEDOUT || err == EHOSTUNREACH ||
           err == ENETUNREACH || err == ECONNABORTED || err == ENETDOWN;
}

CALL(set_again)
{
    if (event->err == EAGAIN && record != NULL && (event->flags & TRACE_NONBLOCK) != 0) {
        record->at_again = at;
        record->live |= FACTS_FD_AGAIN;
        facts->again_fd = event->fd;
    }
}

/* SIGALRM and stop signals are meant to interrupt. */
static bool is_meant(const struct facts *facts, uint32_t at)
{
    return at - facts->at_alarm <= 4 || facts->stopping;
}

CALL(set_interrupted)
{
    if (record != NULL) {
        bool interrupted = event->err == EINTR && !is_meant(facts, at);
        record->at_intr = interrupted ? at : 0;
        record->execed = false;
        record->slept_on = false;
        facts_set_live(&record->live, FACTS_FD_INTR, interrupted);
        facts->intr_fd = event->fd;
    }
}

CALL(failed_transfer)
{
    int err = event->err;
    facts->at_io = at;
    if (record != NULL && err != EAGAIN) {
        record->used = true;
    }
    facts->io_fd = event->fd;
    set_interrupted(CALL_ARGUMENTS);
    if ((event->b & (MSG_PEEK | MSG_OOB)) == 0) {
        set_again(CALL_ARGUMENTS);
    }
    if (conn == NULL) {
        return;
    }
    if (facts_family(event->what) == SCENARIO_CALL_SEND) {
        conn->flags &= ~(uint32_t)FACTS_SENDING;
    }
    if (err == EAGAIN && facts_family(event->what) == SCENARIO_CALL_RECV) {
        conn->at_edge = 0;
        conn->at_denied = (event->flags & TRACE_FAULTED) != 0 ? at : conn->at_denied;
        if (record != NULL) {
            record->at_in_hup = 0; /* no input after all */
            facts_set_live(&record->live, FACTS_FD_IN_HUP, false);
        }
    } else if (err == EAGAIN) {
        conn->flags |= FACTS_SEND_STUCK;
        conn->at_again = at;
        facts->live |= FACTS_SEND_AGAIN;
    } else if (is_connection_error(err)) {
        conn->flags |= FACTS_ERROR;
        conn->at_edge = 0;
        facts->at_error = at;
        facts->live |= FACTS_CONN_ERROR;
    }
}

CALL(failed_begin)
{
    int err = event->err;
    facts->at_no_port = err == EADDRNOTAVAIL ? at : facts->at_no_port;
    if (record == NULL) {
        return;
    }
    if (err == EINPROGRESS) {
        facts->in_service = true;
        record->at_progress = at;
        record->checked = false;
        record->live |= FACTS_FD_PROGRESS;
        record->at_failed = 0;
    } else if (err == EALREADY || err == EISCONN) {
        set_checked(record);
    } else if (err == EINTR) {
        facts->in_service = true;
    } else {
        set_failed(CALL_ARGUMENTS);
    }
}

CALL(failed_connect)
{
    facts->at_no_fd = at;
    begin_connect(CALL_ARGUMENTS);
    failed_begin(CALL_ARGUMENTS);
    if (record != NULL && event->err == EINTR) {
        facts->at_connect_intr = at;
        facts->live |= FACTS_CONNECT_INTR;
    }
}

CALL(failed_accept)
{
    facts->at_no_fd = at;
    int err = event->err;
    set_interrupted(CALL_ARGUMENTS);
    if (err == EMFILE || err == ENFILE) {
        facts->at_full = at;
        facts->live |= FACTS_FULL;
    } else if (err != EAGAIN) {
        facts->at_soft_accept = at;
        facts->live |= FACTS_SOFT_ACCEPT;
    }
    set_again(CALL_ARGUMENTS);
}

CALL(failed_close)
{
    if (event->err == EINTR) { /* Linux has released the number all the same. */
        done_close(CALL_ARGUMENTS);
        facts->at_close_intr = at;
        if (record != NULL) {
            record->at_close_intr = at;
            record->live |= FACTS_FD_CLOSE_INTR;
        }
    }
}

CALL(failed_wait)
{
    begin_wait(CALL_ARGUMENTS);
    if (event->err == EINTR && !is_meant(facts, at)) {
        facts->at_wait_intr = at;
        facts->at_user_signal = (event->flags & TRACE_FAULTED) == 0 ? facts->at_user_signal : 0;
        facts->live |= FACTS_WAIT_INTR;
    }
}

CALL(failed_option)
{
    if (record != NULL && event->what != TRACE_CALL_EPOLL_CTL) {
        if (event->what != TRACE_CALL_GETSOCKOPT) {
            record->at_option = at;
            record->live |= FACTS_FD_OPTION;
            record->used = false;
        }
        record->reuseaddr_refused |=
            event->what == TRACE_CALL_SETSOCKOPT && event->a == ((SOL_SOCKET << 16) | SO_REUSEADDR);
        if (conn != NULL) {
            conn->flags |= FACTS_RESOURCE;
        }
    }
}

CALL(failed_socket)
{
    facts->at_no_fd = at;
}

CALL(failed_other) {}

/* What every failure may mean. */
CALL(note_failure)
{
    int err = event->err;
    if (err == ENOBUFS || err == ENOMEM) {
        facts->at_memory = at;
        if (conn != NULL) {
            conn->flags |= FACTS_RESOURCE;
        }
    }
    if ((err == EMFILE || err == ENFILE) && facts_family(event->what) != SCENARIO_CALL_ACCEPT) {
        facts->at_no_number = at;
    }
    if (err == EINTR && facts->at_stop_handled != 0 && facts->at_stop_told == 0) {
        facts->at_stop_told = at;
    }
}

/* ---- All calls ---- */

typedef void (*call_taker)(CALL_PARAMETERS);

static const call_taker failed[SCENARIO_CALL_COUNT] = {
    [SCENARIO_CALL_NONE] = failed_other,     [SCENARIO_CALL_SOCKET] = failed_socket,
    [SCENARIO_CALL_BIND] = failed_begin,     [SCENARIO_CALL_LISTEN] = failed_begin,
    [SCENARIO_CALL_ACCEPT] = failed_accept,  [SCENARIO_CALL_CONNECT] = failed_connect,
    [SCENARIO_CALL_RECV] = failed_transfer,  [SCENARIO_CALL_SEND] = failed_transfer,
    [SCENARIO_CALL_WAIT] = failed_wait,      [SCENARIO_CALL_SLEEP] = failed_other,
    [SCENARIO_CALL_SHUTDOWN] = failed_other, [SCENARIO_CALL_CLOSE] = failed_close,
    [SCENARIO_CALL_OPTION] = failed_option,  [SCENARIO_CALL_CONTROL] = failed_option,
    [SCENARIO_CALL_OPEN] = failed_other,
};

/* What every call is about, and then what it did: a taker for each family of calls. */
static inline __attribute__((always_inline)) void
take(struct facts *facts, const struct trace_event *event, uint32_t at, call_taker taker)
{
    facts->at_block = 0;
    facts->at_call = at;
    struct facts_fd *record = facts_use_fd(facts, event->fd);
    uint32_t number = event->conn != 0                 ? event->conn
                      : record != NULL && record->open ? record->conn
                                                       : 0;
    taker(facts, event, at, record, facts_use_conn(facts, number));
}

#define FAMILY(family, taker)                                                                      \
    static void take_##family(struct facts *facts, const struct trace_event *event, uint32_t at)   \
    {                                                                                              \
        take(facts, event, at, taker);                                                             \
    }
FAMILY(OTHER, done_other)
FAMILY(SOCKET, done_socket)
FAMILY(BIND, done_bind)
FAMILY(LISTEN, done_listen)
FAMILY(ACCEPT, done_accept)
FAMILY(CONNECT, done_connect)
FAMILY(RECV, done_recv)
FAMILY(SEND, done_send)
FAMILY(WAIT, begin_wait)
FAMILY(SHUTDOWN, done_shutdown)
FAMILY(CLOSE, done_close)
FAMILY(OPTION, done_option)
FAMILY(CONTROL, done_control)

/* A child has its number from one that is gone: what that one closed says nothing of this one. */
static void take_fork(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    facts->at_fork = at;
    for (int64_t fd = event->result * TRACE_PROCESS_STRIDE, i = 0; i < TRACE_PROCESS_STRIDE; i++) {
        struct facts_fd *record = event->result > 0 ? facts_fd(facts, fd + i) : NULL;
        if (record != NULL && (uint64_t)(fd + i) < facts->fds_used && !record->open) {
            record->at_closed = 0;
            record->at_close_intr = 0;
        }
    }
}

/* The time was asked for, most often. */
static void take_NONE(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    facts->at_block = 0;
    facts->at_call = at;
    if (event->fd >= 0) {
        take_OTHER(facts, event, at);
    } else if (event->what == TRACE_CALL_FORK) {
        take_fork(facts, event, at);
    } else if (event->what == TRACE_CALL_THREAD) {
        facts->has_threads = true;
    } else if (event->what == TRACE_CALL_EXEC) {
        done_exec(facts, event, at, NULL, NULL);
    }
}

static facts_take *const done[SCENARIO_CALL_COUNT] = {
    [SCENARIO_CALL_NONE] = take_NONE,         [SCENARIO_CALL_SOCKET] = take_SOCKET,
    [SCENARIO_CALL_BIND] = take_BIND,         [SCENARIO_CALL_LISTEN] = take_LISTEN,
    [SCENARIO_CALL_ACCEPT] = take_ACCEPT,     [SCENARIO_CALL_CONNECT] = take_CONNECT,
    [SCENARIO_CALL_RECV] = take_RECV,         [SCENARIO_CALL_SEND] = take_SEND,
    [SCENARIO_CALL_WAIT] = take_WAIT,         [SCENARIO_CALL_SLEEP] = take_OTHER,
    [SCENARIO_CALL_SHUTDOWN] = take_SHUTDOWN, [SCENARIO_CALL_CLOSE] = take_CLOSE,
    [SCENARIO_CALL_OPTION] = take_OPTION,     [SCENARIO_CALL_CONTROL] = take_CONTROL,
    [SCENARIO_CALL_OPEN] = take_SOCKET,
};

CALL(fail)
{
    note_failure(CALL_ARGUMENTS);
    failed[facts_family(event->what)](CALL_ARGUMENTS);
}

static void take_failed(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    take(facts, event, at, fail);
}

facts_take *facts_take_call(unsigned call, bool has_failed)
{
    return has_failed ? take_failed : done[facts_family(call)];
}
