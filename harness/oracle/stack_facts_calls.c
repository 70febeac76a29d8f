/* What a run of a stack has shown: what its calls say. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "oracle/stack_facts.h"

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
    const struct stack_file *listener = stack_facts_file(stack, event->fd);
    struct stack_conn *conn = stack_facts_conn(stack, event->conn);
    uint16_t number = open_file(stack, event, at, STACK_ACCEPTED);
    if (number == 0) {
        return;
    }
    struct stack_file *file = &stack->file[number];
    file->linked = true;
    file->listener = listener != NULL ? (uint16_t)(listener - stack->file) : 0;
    file->at_shut_early = listener != NULL ? listener->at_shut_early : 0;
    if (conn == NULL) {
        return; /* from the own host, which the wire does not show */
    }
    file->conn = event->conn;
    file->options = conn->inherited;
    memcpy(file->option, conn->option, conn->inherited * sizeof conn->option[0]);
    conn->end[event->host].file = number;
    conn->end[event->host].last_file = number;
}

static void take_dup(struct stack *stack, const struct trace_event *event)
{
    struct stack_file *file = stack_facts_file(stack, event->fd);
    if (file != NULL && event->result >= 0 && event->result < STACK_FDS) {
        stack->fds[event->result] = (uint16_t)(file - stack->file);
        stack->cloexec[event->result] = 0;
        file->refs++;
    }
}

/* A listener listens no more: who waited in its queue is not in it, should it listen again. */
static void drop_queue(struct stack *stack, const struct stack_file *listener)
{
    uint16_t number = (uint16_t)(listener - stack->file);
    for (uint32_t i = 1; i <= stack->conns_used; i++) {
        struct stack_conn *conn = &stack->conn[i];
        if (conn->listener == number && conn->end[listener->host].last_file == 0) {
            conn->listener = 0;
        }
    }
}

/* A file has no connection any more and may be connected again: what is left of the old one, and
 * what calls say meanwhile, is its stack's affair. */
static void leave(struct stack *stack, struct stack_file *file)
{
    struct stack_end *end = &stack->conn[file->conn].end[file->host];
    if (file->conn != 0 && end->file == file - stack->file) {
        end->file = 0;
    }
    if (file->role == STACK_LISTENER) {
        drop_queue(stack, file);
    }
    file->role = STACK_UNKNOWN;
    file->left = file->conn != 0 ? file->conn : file->left;
    file->conn = 0;
    file->linked = false;
    file->error_read = false;
    file->peeked = 0;
    file->at_shut_read = 0;
    file->at_shut_write = 0;
    file->at_shut_early = 0;
    file->at_eof = 0;
    file->at_told = 0;
    file->at_full = 0;
    file->at_ready = 0;
}

static void take_connect(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_file *file = stack_facts_file(stack, event->fd);
    if (file == NULL) {
        return;
    }
    if (event->b == AF_UNSPEC) {
        if (event->err == 0) {
            leave(stack, file);
        }
        return;
    }
    bool began = event->err == EINPROGRESS || (event->err == 0 && !file->linked);
    began = began && file->role != STACK_LISTENER;
    struct stack_conn *conn = stack_facts_conn(stack, event->conn);
    if (conn != NULL && conn->end[event->host].pending == event->err) {
        conn->end[event->host].pending = 0;
    }
    file->linked |= event->err == 0 && (file->role == STACK_ACTIVE || began);
    bool over = event->err != 0 && event->err != EALREADY && event->err != EISCONN;
    if (over && file->role == STACK_ACTIVE) {
        leave(stack, file); /* it may try again */
    }
    file->role = began ? STACK_ACTIVE : file->role;
    if (began && conn == NULL) {
        stack_facts_mix(stack, event->host,
                        event->a); /* one with the own host is not seen on the wire */
    }
    if (!began || conn == NULL || file->conn == event->conn) {
        return;
    }
    file->at_shut_listener = 0;
    file->conn = event->conn;
    file->at_connect = at;
    file->to_port = event->a;
    conn->at_connect = at;
    conn->port = event->a;
    conn->from_port = file->port;
    conn->end[event->host].file = (uint16_t)(file - stack->file);
    conn->end[event->host].last_file = (uint16_t)(file - stack->file);
}

void stack_facts_close(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_file *file = stack_facts_file(stack, event->fd);
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
    struct stack_file *file = stack_facts_file(stack, event->fd);
    if (file != NULL && event->err != 0) {
        file->at_shut_early = at;
    }
    if (file == NULL || event->err != 0) {
        return;
    }
    bool reads = event->a != SHUT_WR;
    enum tcp_state before =
        file->conn != 0 ? stack_state_before(stack, &stack->conn[file->conn].end[file->host])
                        : TCP_CLOSED;
    if (before == TCP_SYN_SENT) {
        leave(stack, file); /* the attempt is over */
        return;
    }
    if (before == TCP_SYN_RECEIVED) {
        file->at_shut_early = at;
    }
    if (file->role == STACK_LISTENER) {
        if (reads) {
            drop_queue(stack, file);
            file->role = STACK_UNKNOWN;
            file->at_shut_listener = at;
            file->at_ready = 0;
            file->at_stir = at;
        }
        return;
    }
    file->linked |= before != TCP_SYN_RECEIVED; /* it says that there is a connection */
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
    struct stack_file *file = stack_facts_file(stack, event->fd);
    if (file == NULL || event->err != 0) {
        return;
    }
    unsigned i = 0;
    while (i < file->options && file->option[i].name != event->a) {
        i++;
    }
    if (i < STACK_OPTIONS) {
        file->option[i] =
            (struct facts_stack_option){.name = event->a, .value = event->b, .at = at};
        file->options = (uint8_t)(i < file->options ? file->options : i + 1);
    }
}

/* A call told of the error that waited. */
static void tell(struct stack_file *file, struct stack_end *end, int32_t error, uint32_t at)
{
    bool ends = error != EAGAIN && error != EINTR && error != EINVAL && error != ENOTCONN;
    if (error != 0 && ends) {
        file->at_told = file->at_told == 0 ? at : file->at_told;
        file->told = error;
        end->pending = end->pending == error ? 0 : end->pending;
    }
}

bool stack_facts_pass_urgent(struct stack_end *end)
{
    bool sure = end->at_urgent != 0 && end->received >= end->urgent - 1;
    if (end->at_urgent != 0 && end->received + end->left_out >= end->urgent - 1) {
        end->urgent_unsure |= !sure;
        if (!end->urgent_passed) {
            end->left_out++;
        }
        end->urgent_passed = true;
    }
    return sure;
}

static void take_transfer(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_view view;
    bool seen = facts_stack_see(stack, event, &view) && view.file != NULL;
    bool sends = event->what == TRACE_CALL_SEND;
    if (seen && !sends && event->err == 0 && (event->b & (MSG_PEEK | MSG_OOB)) == 0) {
        view.file->at_ready = 0;
    }
    if (!seen || view.own == NULL) {
        return;
    }
    struct stack_file *file = view.file;
    struct stack_end *end = view.own;
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
    if (takes && event->a > 0 && stack_facts_pass_urgent(end)) {
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
        facts_stack_see(stack, event, &view) && view.own != NULL &&
        (view.file == NULL || !view.file->renamed)) {
        view.own->local_port = event->a;
    }
}

/* epoll keeps registrations by number and file: a file may have two, and two files one number. Of
 * those it is not followed which was reported. */
static void compare_watches(struct stack *stack, struct stack_file *file, int64_t fd)
{
    for (uint32_t i = 1; i <= stack->files_used; i++) {
        struct stack_file *other = &stack->file[i];
        if (other->at_watch != 0 && other->at_closed == 0 && other->host == file->host &&
            (other == file) != (other->watch_fd == fd)) {
            other->watch_unsure = true;
            file->watch_unsure = true;
        }
    }
}

static void take_watch(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_file *file = stack_facts_file(stack, event->fd);
    if (file != NULL && event->err == 0) {
        compare_watches(stack, file, event->fd);
        file->at_watch = event->a == EPOLL_CTL_DEL ? 0 : at;
        file->watch = (uint32_t)event->b;
        file->watch_fd = (uint16_t)event->fd;
        file->at_report = 0;
        file->at_report_before = 0;
    }
}

static bool has_queue(const struct stack *stack, const struct stack_file *file)
{
    uint32_t first = 0;
    uint32_t alive = 0;
    return facts_stack_queue(stack, file, &first, &alive) > 0;
}

static void take_bind(struct stack *stack, const struct trace_event *event)
{
    struct stack_file *file = stack_facts_file(stack, event->fd);
    if (file == NULL) {
        return;
    }
    file->renamed |= file->conn != 0 && event->err != EINVAL;
    if (event->err == 0) {
        file->port = event->a != 0 ? event->a : -1; /* -1: one that it was given */
    }
}

static void take_listen(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_file *file = stack_facts_file(stack, event->fd);
    if (file != NULL && event->err == 0) {
        file->role = STACK_LISTENER;
        file->backlog = event->a;
        file->at_listen = at;
        file->at_ready = 0;
        file->at_shut_listener = 0;
    }
}

void stack_facts_call(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_file *file = stack_facts_file(stack, event->fd);
    bool good = event->err == 0;
    switch (event->what) {
    case TRACE_CALL_SOCKET:
        if (good) {
            take_socket(stack, event, at);
        }
        break;
    case TRACE_CALL_BIND:
        take_bind(stack, event);
        break;
    case TRACE_CALL_LISTEN:
        take_listen(stack, event, at);
        break;
    case TRACE_CALL_ACCEPT:
        if (good) {
            take_accept(stack, event, at);
        }
        if (file != NULL) {
            file->at_ready = 0;
            file->at_emfile = good                                             ? 0
                              : event->err == EMFILE && has_queue(stack, file) ? at
                                                                               : file->at_emfile;
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
        stack_facts_close(stack, event, at);
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
void stack_facts_message(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_view view;
    if (facts_stack_see(stack, event, &view) && view.file != NULL && view.own != NULL) {
        view.file->error_read = false;
        view.own->at_soft = at;
    }
}

void stack_facts_ready(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    struct stack_view view;
    struct stack_file *file = facts_stack_see(stack, event, &view) ? view.file : NULL;
    if (file == NULL) {
        return;
    }
    file->at_ready = (event->b & POLLIN) != 0 ? at : 0;
    if (stack->wait_epoll) {
        file->at_report_before = file->at_report;
        file->at_report = at;
    }
}
