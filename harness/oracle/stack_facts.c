/* What a run of a stack has shown: descriptors, connections, streams. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "oracle/stack.h"

void facts_stack_clear(struct stack *stack)
{
    memset(stack->fds, 0, sizeof stack->fds);
    memset(stack->cloexec, 0, sizeof stack->cloexec);
    memset(stack->file, 0, (stack->files_used + 1) * sizeof stack->file[0]);
    memset(stack->conn, 0, (stack->conns_used + 1) * sizeof stack->conn[0]);
    memset(stack, 0, offsetof(struct stack, file));
}

/* ---- Finding ---- */

static struct stack_file *file_of(struct stack *stack, int64_t fd)
{
    uint16_t number = fd >= 0 && fd < STACK_FDS ? stack->fds[fd] : 0;
    return number != 0 ? &stack->file[number] : NULL;
}

/* The connection's record, made when it is first named; NULL for none. */
static struct stack_conn *conn_of(struct stack *stack, uint32_t conn)
{
    if (conn == 0 || conn >= STACK_CONNS) {
        stack->past_limit |= conn != 0;
        return NULL;
    }
    while (stack->conns_used < conn) {
        struct stack_conn *fresh = &stack->conn[++stack->conns_used];
        for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
            fresh->end[host].fin = -1;
            fresh->end[host].other_fin = -1;
            fresh->end[host].urgent = -1;
        }
    }
    return &stack->conn[conn];
}

struct stack_file *facts_stack_watched(struct stack *stack, unsigned host, int64_t fd)
{
    for (uint32_t i = 1; i <= stack->files_used; i++) {
        struct stack_file *file = &stack->file[i];
        if (file->at_watch != 0 && file->at_closed == 0 && file->host == host &&
            file->watch_fd == fd) {
            return file;
        }
    }
    return NULL;
}

bool facts_stack_see(struct stack *stack, const struct trace_event *event,
                     struct stack_view *ret_view)
{
    *ret_view =
        (struct stack_view){.file = file_of(stack, event->fd), .conn = conn_of(stack, event->conn)};
    if (ret_view->conn != NULL && !ret_view->conn->own) {
        ret_view->own = &ret_view->conn->end[event->host];
        ret_view->other = &ret_view->conn->end[TRACE_HOST_COUNT - 1 - event->host];
    }
    return ret_view->file != NULL || ret_view->conn != NULL;
}

int64_t facts_stack_option(const struct stack_file *file, int level, int name, int64_t fallback)
{
    int64_t wanted = (int64_t)level << 16 | name;
    for (unsigned i = 0; i < file->options; i++) {
        if (file->option[i].name == wanted) {
            return file->option[i].value;
        }
    }
    return fallback;
}

uint32_t facts_stack_queue(const struct stack *stack, const struct stack_file *listener,
                           uint32_t *ret_first, uint32_t *ret_alive)
{
    uint32_t first = 0;
    uint32_t count = 0;
    uint32_t alive = 0;
    for (uint32_t i = 1; i <= stack->conns_used; i++) {
        const struct stack_conn *conn = &stack->conn[i];
        const struct stack_end *end = &conn->end[listener->host];
        if (conn->at_established == 0 || conn->listener == 0 ||
            &stack->file[conn->listener] != listener || end->file != 0 || end->last_file != 0) {
            continue;
        }
        count++;
        alive += end->at_reset == 0;
        if (first == 0 || conn->at_established < stack->conn[first].at_established) {
            first = i;
        }
    }
    *ret_first = first;
    *ret_alive = alive;
    return count;
}

/* ---- Calls ---- */

static uint16_t open_file(struct stack *stack, const struct trace_event *event, uint32_t at,
                          enum stack_role role)
{
    if (event->result < 0 || event->result >= STACK_FDS || stack->files_used + 1 >= STACK_FILES) {
        stack->past_limit = true;
        return 0;
    }
    uint16_t number = (uint16_t)++stack->files_used;
    stack->file[number] = (struct stack_file){.host = event->host,
                                              .role = (uint8_t)role,
                                              .refs = 1,
                                              .fd = (uint16_t)event->result,
                                              .at_opened = at};
    stack->fds[event->result] = number;
    stack->cloexec[event->result] = 0;
    return number;
}

static void take_socket(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    uint16_t file = open_file(stack, event, at, STACK_FRESH);
    if (file != 0) {
        stack->file[file].nonblock = (event->a & SOCK_NONBLOCK) != 0;
        stack->cloexec[event->result] = (event->a & SOCK_CLOEXEC) != 0;
    }
}

static void take_accept(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    const struct stack_file *listener = file_of(stack, event->fd);
    struct stack_conn *conn = conn_of(stack, event->conn);
    uint16_t number = open_file(stack, event, at, STACK_ACCEPTED);
    if (number == 0 || conn == NULL) {
        return;
    }
    struct stack_file *file = &stack->file[number];
    file->conn = event->conn;
    file->linked = true;
    file->listener = listener != NULL ? (uint16_t)(listener - stack->file) : 0;
    conn->end[event->host].file = number;
    conn->end[event->host].last_file = number;
}

static void take_dup(struct stack *stack, const struct trace_event *event)
{
    struct stack_file *file = file_of(stack, event->fd);
    if (file != NULL && event->result >= 0 && event->result < STACK_FDS) {
        stack->fds[event->result] = (uint16_t)(file - stack->file);
        stack->cloexec[event->result] = 0;
        file->refs++;
    }
}

static void take_connect(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_file *file = file_of(stack, event->fd);
    if (file == NULL) {
        return;
    }
    if (event->b == AF_UNSPEC) {
        if (event->err == 0) {
            file->role = STACK_UNKNOWN;
            file->at_disconnect = at;
        }
        return;
    }
    bool began = event->err == EINPROGRESS || (event->err == 0 && !file->linked);
    began = began && file->role != STACK_LISTENER;
    struct stack_conn *conn = conn_of(stack, event->conn);
    if (conn != NULL && conn->end[event->host].pending == event->err) {
        conn->end[event->host].pending = 0;
    }
    file->linked |= event->err == 0 && (file->role == STACK_ACTIVE || began);
    bool over = event->err != 0 && event->err != EALREADY && event->err != EISCONN;
    file->role = began                                ? STACK_ACTIVE
                 : over && file->role == STACK_ACTIVE ? STACK_UNKNOWN /* it may try again */
                                                      : file->role;
    if (!began || conn == NULL || file->conn == event->conn) {
        return;
    }
    file->at_disconnect = 0;
    file->conn = event->conn;
    file->at_connect = at;
    file->to_port = event->a;
    conn->at_connect = at;
    conn->port = event->a;
    conn->from_port = file->port;
    conn->end[event->host].file = (uint16_t)(file - stack->file);
    conn->end[event->host].last_file = (uint16_t)(file - stack->file);
}

static void take_close(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_file *file = file_of(stack, event->fd);
    if (file == NULL) {
        return;
    }
    stack->fds[event->fd] = 0;
    file->refs--;
    if (file->refs == 0) {
        file->at_closed = at;
        for (unsigned host = 0; file->conn != 0 && host < TRACE_HOST_COUNT; host++) {
            struct stack_end *end = &stack->conn[file->conn].end[host];
            end->file = end->file == file - stack->file ? 0 : end->file;
        }
    }
}

static void take_shutdown(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_file *file = file_of(stack, event->fd);
    if (file == NULL || event->err != 0) {
        return;
    }
    bool reads = event->a != SHUT_WR;
    if (file->conn != 0 &&
        stack_state_before(stack, &stack->conn[file->conn].end[file->host]) == TCP_SYN_SENT) {
        file->role = STACK_UNKNOWN; /* the attempt is over, the socket may be used again */
        return;
    }
    if (file->role == STACK_LISTENER) {
        if (reads) {
            file->role = STACK_UNKNOWN;
            file->at_shut_listener = at;
        }
        return;
    }
    if (reads) {
        file->at_shut_read = at;
    }
    file->at_stir = at;
    if (event->a != SHUT_RD && file->at_shut_write == 0) {
        file->at_shut_write = at;
        file->shut_fd = (uint16_t)event->fd;
    }
}

static void take_setsockopt(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_file *file = file_of(stack, event->fd);
    if (file == NULL || event->err != 0) {
        return;
    }
    unsigned i = 0;
    while (i < file->options && file->option[i].name != event->a) {
        i++;
    }
    if (i < STACK_OPTIONS) {
        file->option[i] = (struct facts_stack_option){event->a, event->b, at};
        file->options = (uint8_t)(i < file->options ? file->options : i + 1);
    }
}

/* A call told of the error that waited. */
static void tell(struct stack_file *file, struct stack_end *end, int32_t error, uint32_t at)
{
    if (error != 0 && error != EAGAIN && error != EINTR) {
        file->at_told = file->at_told == 0 ? at : file->at_told;
        file->told = error;
        end->pending = end->pending == error ? 0 : end->pending;
    }
}

static void take_transfer(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_view view;
    if (!facts_stack_see(stack, event, &view) || view.file == NULL || view.own == NULL) {
        return;
    }
    struct stack_file *file = view.file;
    struct stack_end *end = view.own;
    bool sends = event->what == TRACE_CALL_SEND;
    tell(file, end, event->err, at);
    if (sends) {
        end->sent += event->err == 0 ? event->result : 0;
        file->at_full = event->err == EAGAIN || (event->err == 0 && event->result < event->a) ? at
                        : event->err == 0                                                     ? 0
                                          : file->at_full;
        end->window_full |= file->at_full == at;
        if (event->err == 0 && stack_been(view.other, TCP_FIN_WAIT_1) && view.other->file == 0) {
            end->at_accepted_send = at;
        }
        return;
    }
    bool takes = (event->b & (MSG_PEEK | MSG_OOB)) == 0;
    if (takes && event->a > 0 && end->at_urgent != 0 && end->received >= end->urgent - 1) {
        end->urgent_read = true; /* a read at the mark goes past it */
    }
    if (event->err == 0 && event->result == 0 && event->a > 0 && takes) {
        file->at_eof = at;
    }
    if ((event->b & MSG_OOB) != 0) {
        end->urgent_read |= event->err == 0;
    } else if (!takes) {
        file->peeked = event->err == 0 ? event->result : 0;
        file->at_peek = at;
    } else if (event->err == 0) {
        end->received += event->result;
        file->peeked = 0;
        file->at_ready = 0;
    }
}

static void take_getsockopt(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_view view;
    if (event->a != ((int64_t)SOL_SOCKET << 16 | SO_ERROR) || event->err != 0 ||
        !facts_stack_see(stack, event, &view) || view.file == NULL) {
        return;
    }
    view.file->error_read = true;
    /* What the network said softly of a connection that goes on is not its end. */
    bool soft = view.own != NULL && view.own->at_soft != 0 && view.own->pending == 0;
    if (view.own != NULL && !soft) {
        tell(view.file, view.own, (int32_t)event->b, at);
    }
}

static void take_name(struct stack *stack, const struct trace_event *event)
{
    struct stack_view view;
    if (event->what == TRACE_CALL_GETSOCKNAME && event->err == 0 &&
        facts_stack_see(stack, event, &view) && view.own != NULL) {
        view.own->local_port = event->a;
    }
}

static void take_watch(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_file *file = file_of(stack, event->fd);
    if (file != NULL && event->err == 0) {
        file->at_watch = event->a == EPOLL_CTL_DEL ? 0 : at;
        file->watch = (uint32_t)event->b;
        file->watch_fd = (uint16_t)event->fd;
        file->at_report = 0;
        file->at_report_before = 0;
    }
}

static void take_call(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_file *file = file_of(stack, event->fd);
    bool good = event->err == 0;
    switch (event->what) {
    case TRACE_CALL_SOCKET:
        if (good) {
            take_socket(stack, event, at);
        }
        break;
    case TRACE_CALL_BIND:
        if (file != NULL && good) {
            file->port = event->a != 0 ? event->a : -1; /* -1: one that it was given */
        }
        break;
    case TRACE_CALL_LISTEN:
        if (file != NULL && good) {
            file->role = STACK_LISTENER;
            file->backlog = event->a;
            file->at_listen = at;
            file->at_shut_listener = 0;
        }
        break;
    case TRACE_CALL_ACCEPT:
        if (good) {
            take_accept(stack, event, at);
        }
        if (file != NULL) {
            file->at_ready = 0;
            file->at_emfile = good ? 0 : event->err == EMFILE ? at : file->at_emfile;
        }
        break;
    case TRACE_CALL_CONNECT:
        take_connect(stack, event, at);
        break;
    case TRACE_CALL_SEND:
    case TRACE_CALL_RECV:
        take_transfer(stack, event, at);
        break;
    case TRACE_CALL_SHUTDOWN:
        take_shutdown(stack, event, at);
        break;
    case TRACE_CALL_CLOSE:
        take_close(stack, event, at);
        break;
    case TRACE_CALL_DUP:
        if (good) {
            take_dup(stack, event);
        }
        break;
    case TRACE_CALL_SETSOCKOPT:
        take_setsockopt(stack, event, at);
        break;
    case TRACE_CALL_GETSOCKOPT:
        take_getsockopt(stack, event, at);
        break;
    case TRACE_CALL_GETSOCKNAME:
        take_name(stack, event);
        break;
    case TRACE_CALL_EPOLL_CTL:
        take_watch(stack, event, at);
        break;
    case TRACE_CALL_POLL:
    case TRACE_CALL_EPOLL_WAIT:
        stack->at_wait = at;
        stack->wait_epoll = event->what == TRACE_CALL_EPOLL_WAIT;
        break;
    default:
        break;
    }
}

/* An ICMP message: there may be an error to be read again. */
static void take_message(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_view view;
    if (facts_stack_see(stack, event, &view) && view.file != NULL && view.own != NULL) {
        view.file->error_read = false;
        view.own->at_soft = at;
    }
}

static void take_ready(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_file *file = stack->wait_epoll ? facts_stack_watched(stack, event->host, event->fd)
                                                : file_of(stack, event->fd);
    if (file == NULL) {
        return;
    }
    file->at_ready = (event->b & POLLIN) != 0 ? at : 0;
    if (stack->wait_epoll) {
        file->at_report_before = file->at_report;
        file->at_report = at;
    }
}

/* ---- States ---- */

/* Something of which an epoll tells edge-triggered. */
static void stir(struct stack *stack, const struct stack_end *end, uint32_t at)
{
    if (end->file != 0) {
        stack->file[end->file].at_stir = at;
    }
}

/* The listener that a connection came to: the one on that host and port. */
static uint16_t listener_of(const struct stack *stack, unsigned host, int64_t port)
{
    for (uint32_t i = 1; i <= stack->files_used; i++) {
        const struct stack_file *file = &stack->file[i];
        if (file->role == STACK_LISTENER && file->at_closed == 0 && file->host == host &&
            (file->port == port || file->port <= 0)) {
            return (uint16_t)i;
        }
    }
    return 0;
}

static void take_end_of_conn(const struct stack *stack, const struct trace_event *event,
                             struct stack_end *end, enum tcp_state from, uint32_t at)
{
    bool sampled = trace_state_sampled(event);
    bool reset = sampled ? end->at_rst_came > end->at_state[from] : event->b == TCP_EVENT_RECV_RST;
    bool late = sampled ? stack->is_time && !reset : event->b == TCP_EVENT_TIMEOUT;
    if (reset) {
        end->at_reset = at;
        end->reset_from = (uint8_t)from;
        end->pending = from == TCP_TIME_WAIT    ? 0 /* it is nobody's any more */
                       : from == TCP_SYN_SENT   ? ECONNREFUSED
                       : from == TCP_CLOSE_WAIT ? EPIPE
                                                : ECONNRESET;
    } else if (end->at_new_closed != 0 && end->file != 0) {
        end->pending = ECONNRESET; /* it reset itself: data came for an end that was shut */
    } else if (late && from != TCP_TIME_WAIT && from != TCP_FIN_WAIT_2) {
        end->timed_out = true;
        end->pending = ETIMEDOUT;
    }
}

static void take_state(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_conn *conn = conn_of(stack, event->conn);
    if (conn == NULL || event->what >= TCP_STATE_COUNT || event->a < 0 ||
        event->a >= TCP_STATE_COUNT) {
        return;
    }
    struct stack_end *end = &conn->end[event->host];
    enum tcp_state from = (enum tcp_state)event->a;
    conn->own |= from == TCP_LISTEN && stack_been(end, TCP_SYN_SENT);
    conn->own |= from == TCP_SYN_SENT && event->what == TCP_SYN_RECEIVED &&
                 conn->end[TRACE_HOST_COUNT - 1 - event->host].visited == 0;
    if (end->step != stack->step) {
        end->step = stack->step;
        end->step_state = (uint8_t)from;
    }
    if (event->what == TCP_CLOSED) {
        take_end_of_conn(stack, event, end, from, at);
    }
    end->state = event->what;
    end->state_us = event->time_us;
    end->visited |= (uint16_t)(1U << event->what);
    end->at_state[event->what] = at;
    bool passive =
        from == TCP_LISTEN || (event->what == TCP_ESTABLISHED && !stack_been(end, TCP_SYN_SENT));
    if (passive && conn->listener == 0) {
        conn->listener = listener_of(stack, event->host, conn->port);
    }
    if (event->what == TCP_ESTABLISHED) {
        stir(stack, end, at);
    }
    if (event->what == TCP_ESTABLISHED && conn->listener != 0 && conn->at_established == 0 &&
        !stack_been(end, TCP_SYN_SENT)) {
        conn->at_established = at;
        stack->file[conn->listener].at_stir = at;
    }
}

/* ---- Segments ---- */

/* Bytes `from` … `to` of the other end's stream are there now. */
static void arrive_bytes(struct stack_end *end, int64_t from, int64_t to)
{
    if (from > end->arrived) {
        if (end->gaps < STACK_GAPS) {
            end->gap[end->gaps++] = (struct stack_gap){from, to};
        }
        return;
    }
    end->arrived = to > end->arrived ? to : end->arrived;
    for (unsigned i = 0; i < end->gaps;) {
        if (end->gap[i].from <= end->arrived) {
            end->arrived = end->gap[i].to > end->arrived ? end->gap[i].to : end->arrived;
            end->gap[i] = end->gap[--end->gaps];
            i = 0;
        } else {
            i++;
        }
    }
}

static void arrive_stream(struct stack *stack, struct stack_end *end,
                          const struct trace_event *event, uint32_t at)
{
    int64_t from = event->a - 1;
    int64_t to = from + event->b;
    if (event->b > 0) {
        bool old = to <= end->highest;
        const struct stack_file *file = &stack->file[end->last_file];
        bool gone = end->last_file != 0 && end->state != TCP_TIME_WAIT &&
                    (end->file == 0 || (file->at_shut_read != 0 && file->at_shut_write != 0));
        end->at_old_data = old ? at : end->at_old_data;
        end->at_data_arrived = at;
        if (!old && gone) {
            end->at_new_closed = at;
        }
        end->highest = old ? end->highest : to;
        arrive_bytes(end, from, to);
        stir(stack, end, at);
    }
    if (event->what == SCENARIO_SEGMENT_URGENT) {
        end->urgent = to;
        end->at_urgent = at;
        end->urgent_read = false;
    }
    if (event->what == SCENARIO_SEGMENT_FIN) {
        end->at_fin_again = end->other_fin >= 0 ? at : 0;
        end->other_fin = to;
    }
    if (end->other_fin >= 0 && end->arrived >= end->other_fin && !end->fin_arrived) {
        end->fin_arrived = true;
        end->at_fin_arrived = at;
        stir(stack, end, at);
    }
}

/* A segment reached the other end of its connection. */
static void arrive(struct stack *stack, struct stack_conn *conn, const struct trace_event *event,
                   uint32_t at)
{
    struct stack_end *end = &conn->end[TRACE_HOST_COUNT - 1 - event->host];
    end->heard_us = event->time_us;
    end->at_heard_before = end->at_heard;
    end->at_heard = at;
    end->heard_state = end->state;
    switch (event->what) {
    case SCENARIO_SEGMENT_RST:
        end->at_rst_came = at;
        stir(stack, end, at);
        break;
    case SCENARIO_SEGMENT_SYN:
        end->at_syn_arrived = at;
        break;
    case SCENARIO_SEGMENT_DATA:
    case SCENARIO_SEGMENT_URGENT:
    case SCENARIO_SEGMENT_FIN:
        if (end->state != TCP_CLOSED && end->state != TCP_SYN_SENT) {
            arrive_stream(stack, end, event, at);
        } else if (event->b > 0 && end->last_file != 0 && end->file == 0) {
            end->at_new_closed = at;
        }
        break;
    default:
        break;
    }
}

/* A segment set out: what its sender shows by it. */
static void depart(struct stack *stack, struct stack_conn *conn, const struct trace_event *event,
                   uint32_t at)
{
    struct stack_end *end = &conn->end[event->host];
    end->at_segment = at;
    switch (event->what) {
    case SCENARIO_SEGMENT_ACK:
        end->at_ack = at;
        return;
    case SCENARIO_SEGMENT_RST:
        end->at_rst_sent = at;
        end->at_rst_lost = event->result == TRACE_FATE_DROPPED ? at : end->at_rst_lost;
        break;
    case SCENARIO_SEGMENT_FIN:
        end->fin = end->fin < 0 ? event->a - 1 + event->b : end->fin;
        end->at_fin_sent = end->at_fin_sent == 0 ? at : end->at_fin_sent;
        break;
    case SCENARIO_SEGMENT_SYN: {
        int64_t gap = event->time_us - end->syn_us;
        /* Real clocks tremble. */
        end->syn_uneven |= end->syns > 1 && gap * 10 < end->syn_gap_us * 9;
        end->syn_gap_us = end->syns > 0 ? gap : 0;
        end->syn_us = event->time_us;
        end->syns += stack->holds ? 0 : 1; /* one that waits is seen twice */
        break;
    }
    case SCENARIO_SEGMENT_SYN_ACK:
        if (end->state == TCP_CLOSED || end->state == TCP_LISTEN) {
            end->at_cookie = at;
        }
        break;
    case SCENARIO_SEGMENT_URGENT:
        conn->urgent = true;
        break;
    default:
        break;
    }
    end->sent_us = event->time_us;
}

static void take_segment(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_conn *conn = conn_of(stack, event->conn);
    if (conn == NULL) {
        return;
    }
    bool again = event->result == TRACE_FATE_RETRANSMITTED;
    bool waits = again && stack->holds && stack->held_seen[event->host];
    switch (event->result) {
    case TRACE_FATE_SENT:
    case TRACE_FATE_RETRANSMITTED:
        depart(stack, conn, event, at);
        conn->lossy |= again;
        if (!waits) {
            arrive(stack, conn, event, at);
        }
        break;
    case TRACE_FATE_HELD:
        stack->held_seen[event->host] = true;
        conn->lossy = true;
        depart(stack, conn, event, at);
        break;
    case TRACE_FATE_DELIVERED:
        arrive(stack, conn, event, at);
        break;
    case TRACE_FATE_DROPPED:
        conn->lossy = true;
        depart(stack, conn, event, at);
        break;
    case TRACE_FATE_INJECTED:
        conn->forged |= event->what != SCENARIO_SEGMENT_RST;
        arrive(stack, conn, event, at);
        break;
    default:
        conn->lossy = true;
        break;
    }
}

static void take_step(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    stack->last_step = stack->step;
    stack->step = at;
    stack->is_time = event->what == SCENARIO_TIME_ADVANCE;
    switch (event->what) {
    case SCENARIO_WIRE_HOLD:
        stack->holds = true;
        break;
    case SCENARIO_WIRE_RELEASE:
        stack->holds = false;
        memset(stack->held_seen, 0, sizeof stack->held_seen);
        break;
    case SCENARIO_WIRE_CUT:
        stack->cut = true;
        break;
    case SCENARIO_WIRE_MEND:
        stack->cut = false;
        break;
    default:
        break;
    }
}

/* Linux also wakes an edge-triggered watcher where nothing new is to be told: at the acknowledgment
 * of its FIN (sk_state_change) and when SO_SNDBUF is set (sk_write_space). epoll(7) lets it. */
static void take_touch(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    bool option = event->kind == TRACE_CALL && event->what == TRACE_CALL_SETSOCKOPT;
    struct stack_file *own = option ? file_of(stack, event->fd) : NULL;
    if (own != NULL) {
        own->at_touch = at;
    }
    bool changes = event->kind == TRACE_STATE || event->kind == TRACE_SEGMENT ||
                   (event->kind == TRACE_CALL && event->what != TRACE_CALL_POLL &&
                    event->what != TRACE_CALL_EPOLL_WAIT);
    if (!changes || event->conn == 0 || event->conn >= STACK_CONNS) {
        return;
    }
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        uint16_t file = stack->conn[event->conn].end[host].file;
        bool asks = event->kind == TRACE_CALL && host == event->host &&
                    (event->what == TRACE_CALL_RECV || event->what == TRACE_CALL_GETSOCKOPT);
        if (file != 0 && !asks) {
            stack->file[file].at_touch = at;
        }
    }
}

void facts_stack_take(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    stack->now_us = event->time_us;
    take_touch(stack, event, at);
    switch (event->kind) {
    case TRACE_STEP:
        take_step(stack, event, at);
        break;
    case TRACE_CALL:
        take_call(stack, event, at);
        break;
    case TRACE_READY:
        take_ready(stack, event, at);
        break;
    case TRACE_FAULT:
        take_message(stack, event, at);
        break;
    case TRACE_FD_CLOSE:
        take_close(stack, event, at); /* its process died */
        break;
    case TRACE_STATE:
        take_state(stack, event, at);
        break;
    case TRACE_SEGMENT:
        take_segment(stack, event, at);
        break;
    default:
        break;
    }
}
