/* What a run of a stack has shown: what poll(2) has to say of a socket. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <sys/socket.h>

#include "oracle/stack.h"

/* Bits of which nothing is known while an end is open. */
static uint32_t ready_open(const struct stack_file *file, const struct stack_conn *conn,
                           const struct stack_end *end, bool read_shut)
{
    /* What is forged may be a FIN, or make the other end's own one too old; a forged acknowledgment
     * makes room. */
    uint32_t open = conn->at_forged != 0 ? POLLPRI | POLLOUT | POLLHUP | POLLIN | POLLRDHUP : 0;
    bool unread = conn->urgent || stack_unread(end) > STACK_SURE ||
                  facts_stack_option(file, SOL_SOCKET, SO_RCVLOWAT, 1) > 1;
    open |= unread && !read_shut ? POLLIN : 0;
    open |= conn->urgent ? POLLPRI : 0;
    return open;
}

/* What poll(2) of Linux says of a connection's end (tcp_poll). */
static void ready_end(const struct stack *stack, const struct stack_file *file,
                      const struct stack_conn *conn, const struct stack_end *end, uint32_t *must,
                      uint32_t *open)
{
    bool closed = end->state == TCP_CLOSED || end->state == TCP_TIME_WAIT;
    bool read_shut = closed || file->at_shut_read != 0 || end->fin_arrived;
    bool write_shut = closed || file->at_shut_write != 0;
    *must |= read_shut && write_shut ? POLLHUP : 0;
    *must |= read_shut ? POLLIN | POLLRDHUP : 0;
    *must |= end->pending > 0 ? POLLERR : 0;
    *open |= end->pending == STACK_NOT_KNOWN ? POLLERR : 0;
    if (end->state == TCP_SYN_SENT || end->state == TCP_SYN_RECEIVED) {
        return;
    }
    *must |= stack_unread(end) > 0 ? POLLIN : 0;
    *open |=
        conn->at_forged != 0 ? POLLERR : 0; /* data for an end that a forged FIN shut resets it */
    *open |= closed ? (conn->urgent || conn->at_forged != 0 ? POLLPRI : 0U)
                    : ready_open(file, conn, end, read_shut);
    const struct stack_end *other = &conn->end[TRACE_HOST_COUNT - 1 - file->host];
    if (write_shut || (end->sent == other->received && stack_is_acknowledged(stack, conn, file))) {
        *must |= POLLOUT;
    } else {
        *open |= POLLOUT; /* it depends on the room that is left */
    }
    *must &= ~*open;
}

void facts_stack_readiness(const struct stack *stack, const struct stack_file *file,
                           uint32_t *ret_must, uint32_t *ret_open)
{
    *ret_must = 0;
    /* An error that a connection left behind stays until the next one. */
    *ret_open = file->left != 0 && file->role != STACK_ACTIVE ? POLLERR : 0;
    if (file->mixed || file->at_shut_early != 0) {
        *ret_open = UINT32_MAX;
    } else if (file->role == STACK_LISTENER) {
        uint32_t first = 0;
        uint32_t alive = 0;
        *ret_must = facts_stack_queue(stack, file, &first, &alive) > 0 ? POLLIN : 0;
    } else if (file->role == STACK_FRESH || file->at_shut_listener != 0) {
        *ret_must = POLLOUT | POLLHUP;
    } else if (file->conn != 0 && file->role != STACK_UNKNOWN && !stack->conn[file->conn].own) {
        const struct stack_conn *conn = &stack->conn[file->conn];
        ready_end(stack, file, conn, &conn->end[file->host], ret_must, ret_open);
    } else {
        *ret_open = UINT32_MAX;
    }
}
