/* What a run of a stack has shown: what poll(2) has to say of a socket. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <sys/socket.h>

#include "oracle/stack.h"

/* What poll(2) of Linux says of a connection's end (tcp_poll). */
static void ready_end(const struct stack_file *file, const struct stack_conn *conn,
                      const struct stack_end *end, uint32_t *must, uint32_t *open)
{
    bool closed = end->state == TCP_CLOSED || end->state == TCP_TIME_WAIT;
    bool read_shut = closed || file->at_shut_read != 0 || end->fin_arrived;
    bool write_shut = closed || file->at_shut_write != 0;
    *must |= read_shut && write_shut ? POLLHUP : 0;
    *must |= read_shut ? POLLIN | POLLRDHUP : 0;
    *must |= end->pending != 0 ? POLLERR : 0;
    if (end->state == TCP_SYN_SENT || end->state == TCP_SYN_RECEIVED) {
        return;
    }
    *must |= stack_unread(end) > 0 ? POLLIN : 0;
    *open |= conn->urgent || conn->forged ? POLLPRI | POLLIN : 0;
    *open |=
        stack_unread(end) > STACK_SURE || facts_stack_option(file, SOL_SOCKET, SO_RCVLOWAT, 1) > 1
            ? POLLIN
            : 0;
    if (write_shut || end->sent - conn->end[TRACE_HOST_COUNT - 1 - file->host].received == 0) {
        *must |= POLLOUT;
    } else {
        *open |= POLLOUT; /* it depends on the room that is left */
    }
}

void facts_stack_readiness(const struct stack *stack, const struct stack_file *file,
                           uint32_t *ret_must, uint32_t *ret_open)
{
    *ret_must = 0;
    *ret_open = 0;
    if (file->role == STACK_LISTENER) {
        uint32_t first = 0;
        uint32_t alive = 0;
        *ret_must = facts_stack_queue(stack, file, &first, &alive) > 0 ? POLLIN : 0;
    } else if (file->role == STACK_FRESH || file->at_shut_listener != 0) {
        *ret_must = POLLOUT | POLLHUP;
    } else if (file->conn != 0 && file->role != STACK_UNKNOWN && !stack->conn[file->conn].own) {
        const struct stack_conn *conn = &stack->conn[file->conn];
        ready_end(file, conn, &conn->end[file->host], ret_must, ret_open);
    } else {
        *ret_open = UINT32_MAX;
    }
}
