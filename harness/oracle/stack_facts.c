/* What a run of a stack has shown: descriptors, connections, streams. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "oracle/stack_facts.h"

void facts_stack_clear(struct stack *stack)
{
    memset(stack->fds, 0, sizeof stack->fds);
    memset(stack->cloexec, 0, sizeof stack->cloexec);
    memset(stack->file, 0, (stack->files_used + 1) * sizeof stack->file[0]);
    memset(stack->conn, 0, (stack->conns_used + 1) * sizeof stack->conn[0]);
    memset(stack, 0, offsetof(struct stack, file));
}

/* ---- Finding ---- */

struct stack_file *stack_facts_file(struct stack *stack, int64_t fd)
{
    uint16_t number = fd >= 0 && fd < STACK_FDS ? stack->fds[fd] : 0;
    return number != 0 ? &stack->file[number] : NULL;
}

/* The connection's record, made when it is first named; NULL for none. */
struct stack_conn *stack_facts_conn(struct stack *stack, uint32_t conn)
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
            return file->watch_unsure ? NULL : file;
        }
    }
    return NULL;
}

bool facts_stack_see(struct stack *stack, const struct trace_event *event,
                     struct stack_view *ret_view)
{
    *ret_view = (struct stack_view){.file = stack_facts_file(stack, event->fd),
                                    .conn = stack_facts_conn(stack, event->conn)};
    if (event->kind == TRACE_READY && stack->wait_epoll) {
        ret_view->file = facts_stack_watched(stack, event->host, event->fd);
        ret_view->conn = ret_view->file != NULL && ret_view->file->conn != 0
                             ? &stack->conn[ret_view->file->conn]
                             : NULL;
    }
    if (ret_view->file != NULL && ret_view->file->left != 0 &&
        ret_view->file->left == event->conn) {
        ret_view->conn = NULL;
    }
    if (ret_view->conn != NULL && !ret_view->conn->own) {
        ret_view->own = &ret_view->conn->end[event->host];
        ret_view->other = &ret_view->conn->end[TRACE_HOST_COUNT - 1 - event->host];
    }
    return ret_view->file != NULL || ret_view->conn != NULL;
}

const struct facts_stack_option *facts_stack_find_option(const struct stack_file *file, int level,
                                                         int name)
{
    int64_t wanted = (int64_t)level << 16 | name;
    for (unsigned i = 0; i < file->options; i++) {
        if (file->option[i].name == wanted) {
            return &file->option[i];
        }
    }
    return NULL;
}

int64_t facts_stack_option(const struct stack_file *file, int level, int name, int64_t fallback)
{
    const struct facts_stack_option *option = facts_stack_find_option(file, level, name);
    return option != NULL ? option->value : fallback;
}

const struct stack_file *facts_stack_listener(const struct stack *stack, unsigned host,
                                              int64_t port)
{
    for (uint32_t i = 1; i <= stack->files_used; i++) {
        const struct stack_file *file = &stack->file[i];
        if (file->role == STACK_LISTENER && file->at_closed == 0 && file->host == host &&
            file->port == port) {
            return file;
        }
    }
    return NULL;
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

/* ---- Marks ---- */

void stack_facts_mix(struct stack *stack, unsigned host, int64_t port)
{
    for (uint32_t i = 1; i <= stack->files_used; i++) {
        struct stack_file *file = &stack->file[i];
        file->mixed |= file->host == host && (file->port == port || file->port <= 0);
    }
}

void stack_facts_stir(struct stack *stack, const struct stack_end *end, uint32_t at)
{
    if (end->file != 0 && end->state != TCP_TIME_WAIT) {
        stack->file[end->file].at_stir = at;
    }
}

/* ---- Events ---- */

static void take_step(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    stack->last_step = stack->step;
    stack->step = at;
    stack->verb = event->what;
    stack->is_time = event->what == SCENARIO_TIME_ADVANCE;
    switch (event->what) {
    case SCENARIO_WIRE_HOLD:
        stack->holds = true;
        stack->held = true;
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
 * of its FIN (sk_state_change) and when SO_SNDBUF is set (sk_write_space), and at any shutdown.
 * epoll(7) lets it. */
static void take_touch(struct stack *stack, const struct trace_event *event, uint32_t at)
{
    bool option = event->kind == TRACE_CALL &&
                  (event->what == TRACE_CALL_SETSOCKOPT || event->what == TRACE_CALL_SHUTDOWN);
    struct stack_file *own = option ? stack_facts_file(stack, event->fd) : NULL;
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
    case TRACE_NOOP:
        take_step(stack, event, at);
        break;
    case TRACE_PHASE:
        if (event->what == TRACE_PHASE_PLAYED) {
            stack->at_played = at;
            stack->verb = SCENARIO_VERB_COUNT;
        }
        break;
    case TRACE_CALL:
        stack_facts_call(stack, event, at);
        break;
    case TRACE_READY:
        stack_facts_ready(stack, event, at);
        break;
    case TRACE_FAULT:
        stack_facts_message(stack, event, at);
        break;
    case TRACE_FD_CLOSE:
        stack_facts_close(stack, event, at); /* its process died */
        break;
    case TRACE_STATE:
        stack_facts_state(stack, event, at);
        break;
    case TRACE_SEGMENT:
        stack_facts_segment(stack, event, at);
        break;
    default:
        break;
    }
}
