/* Rules for stacks: creation, accept, backlog. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "oracle/stack.h"
#include "world/world.h"

#define SOCKET_OPTION(name) ((int64_t)SOL_SOCKET << 16 | (name))

static bool is_lowest(const struct stack *stack, int64_t fd)
{
    int64_t lowest = 0;
    while (lowest < STACK_FDS && stack->fds[lowest] != 0) {
        lowest++;
    }
    return fd == lowest;
}

/* Whether the end came to ESTABLISHED and is not CLOSED. */
static bool is_connected(const struct stack_end *end)
{
    return end != NULL && end->state == TCP_ESTABLISHED;
}

ORACLE_STACK_RULE(cre_01)
{
    if (event->err == 0) {
        oracle_stack_verdict(oracle, rule, is_lowest(oracle->stack, event->result),
                             "socket gave a number that is not the lowest free one", 0, index + 1,
                             0);
    }
}

/* F_GETFL of a socket as socket() made it; F_GETFD of that very number. */
ORACLE_STACK_RULE(cre_02)
{
    struct stack_view view;
    if (event->err != 0 || !facts_stack_see(oracle->stack, event, &view) || view.file == NULL ||
        view.file->role == STACK_ACCEPTED) {
        return;
    }
    bool flag = event->a == F_GETFL ? view.file->nonblock : oracle->stack->cloexec[event->fd] != 0;
    oracle_stack_verdict(oracle, rule, (event->result != 0) == flag,
                         "a flag of the descriptor is not as its type asked for", 0,
                         view.file->at_opened, index + 1);
}

/* Another socket of the host that listens on this port. */
static const struct stack_file *port_taken(const struct stack *stack, const struct stack_file *file,
                                           int64_t port)
{
    for (uint32_t i = 1; port > 0 && i <= stack->files_used; i++) {
        const struct stack_file *other = &stack->file[i];
        if (other != file && other->at_closed == 0 && other->host == file->host &&
            other->role == STACK_LISTENER && other->port == port) {
            return other;
        }
    }
    return NULL;
}

ORACLE_STACK_RULE(cre_05)
{
    struct stack_view view;
    if (!facts_stack_see(oracle->stack, event, &view) || view.file == NULL ||
        view.file->role != STACK_FRESH) {
        return;
    }
    int64_t port = event->what == TRACE_CALL_BIND ? event->a : view.file->port;
    const struct stack_file *taken = port_taken(oracle->stack, view.file, port);
    if (taken == NULL || (event->what == TRACE_CALL_BIND && view.file->port != 0)) {
        return;
    }
    bool shared = facts_stack_option(view.file, SOL_SOCKET, SO_REUSEPORT, 0) != 0 &&
                  facts_stack_option(taken, SOL_SOCKET, SO_REUSEPORT, 0) != 0;
    oracle_stack_verdict(oracle, rule, event->err == (shared ? 0 : EADDRINUSE),
                         shared ? "a port was not shared although both asked for it"
                                : "a port with a listener was given to another socket",
                         0, taken->at_listen, index + 1);
}

ORACLE_STACK_RULE(cre_07)
{
    struct stack_view view;
    /* A port that was given, not asked for, may go with the connection. */
    if (facts_stack_see(oracle->stack, event, &view) && view.file != NULL &&
        (view.file->port > 0 || (view.file->port < 0 && view.file->role == STACK_FRESH))) {
        oracle_stack_verdict(oracle, rule, event->err == EINVAL,
                             "a second bind did not fail with EINVAL", 0, view.file->at_opened,
                             index + 1);
    }
}

ORACLE_STACK_RULE(cre_08)
{
    struct stack_view view;
    if (!facts_stack_see(oracle->stack, event, &view) || view.file == NULL ||
        view.file->role != STACK_FRESH || view.file->port != 0) {
        return;
    }
    bool good = event->err == 0 || (!stack_is_linux(oracle) && event->err == EDESTADDRREQ);
    oracle_stack_verdict(oracle, rule, good, "listen on an unbound socket failed", 0,
                         view.file->at_opened, index + 1);
}

ORACLE_STACK_RULE(cre_09)
{
    struct stack_view view;
    if (!facts_stack_see(oracle->stack, event, &view) || view.file == NULL) {
        return;
    }
    if (view.file->role == STACK_LISTENER) {
        oracle_stack_verdict(oracle, rule, event->err == 0, "listen again on a listener failed", 0,
                             view.file->at_listen, index + 1);
    } else if (view.file->linked && is_connected(view.own)) {
        oracle_stack_verdict(oracle, rule, event->err == EINVAL,
                             "listen on a connected socket did not fail with EINVAL", event->conn,
                             view.own->at_state[TCP_ESTABLISHED], index + 1);
    }
}

ORACLE_STACK_RULE(cre_10)
{
    struct stack_view view;
    if (event->b == AF_UNSPEC || !facts_stack_see(oracle->stack, event, &view) ||
        view.file == NULL) {
        return;
    }
    if (view.file->role == STACK_LISTENER) {
        bool good = event->err == EISCONN || (!stack_is_linux(oracle) && event->err == EOPNOTSUPP);
        oracle_stack_verdict(oracle, rule, good, "connect on a listener gave another answer", 0,
                             view.file->at_listen, index + 1);
    } else if (view.file->linked && is_connected(view.own)) {
        oracle_stack_verdict(oracle, rule, event->err == EISCONN,
                             "connect on a connected socket did not fail with EISCONN", event->conn,
                             view.own->at_state[TCP_ESTABLISHED], index + 1);
    }
}

static void cre_11_ready(struct oracle *oracle, unsigned rule, const struct trace_event *event,
                         uint32_t index, const struct stack_view *view)
{
    bool done = view->own->state != TCP_SYN_SENT && view->own->state != TCP_SYN_RECEIVED;
    /* Where states are looked at now and then, nobody saw the end of an attempt that took too long.
     */
    uint32_t begun = view->own->at_state[TCP_SYN_SENT];
    bool unseen = !done && (event->b & POLLERR) != 0 && begun != 0 &&
                  trace_state_sampled(oracle_event(oracle, begun)) &&
                  event->time_us > view->own->state_us;
    bool writable = (event->b & POLLOUT) != 0;
    bool room = view->own->sent == 0; /* of one that has sent, the buffer may be full */
    if (view->file->role == STACK_ACTIVE && !view->file->linked && view->file->at_told == 0 &&
        !unseen && (room || !done)) {
        oracle_stack_verdict(oracle, rule, done == writable,
                             done ? "a connect that was over was not reported writable"
                                  : "a connect that was not over was reported writable",
                             event->conn, view->file->at_connect, index + 1);
    }
}

ORACLE_STACK_RULE(cre_11)
{
    struct stack_view view;
    if (!facts_stack_see(oracle->stack, event, &view) || view.file == NULL) {
        return;
    }
    if (event->kind == TRACE_READY) {
        if (view.own != NULL) {
            cre_11_ready(oracle, rule, event, index, &view);
        }
    } else if (event->b != AF_UNSPEC && view.file->role == STACK_FRESH && view.own != NULL) {
        oracle_stack_verdict(oracle, rule, event->err == EINPROGRESS || event->err == 0,
                             "connect without blocking did not begin", event->conn, index + 1, 0);
    } else if (event->b != AF_UNSPEC && view.own != NULL && view.file->role == STACK_ACTIVE &&
               view.own->state == TCP_SYN_SENT && view.file->conn == event->conn) {
        oracle_stack_verdict(oracle, rule, event->err == EALREADY,
                             "connect in SYN-SENT did not answer EALREADY", event->conn,
                             view.file->at_connect, index + 1);
    }
}

ORACLE_STACK_RULE(cre_13)
{
    struct stack_view view;
    if (event->a == SOCKET_OPTION(SO_ERROR) && event->err == 0 &&
        facts_stack_see(oracle->stack, event, &view) && view.own != NULL && view.file != NULL &&
        view.file->error_read && view.file->at_told != 0 && view.own->pending == 0 &&
        /* what is forged may have it reset itself, with an error */
        (view.conn->at_forged == 0 || view.own->state != TCP_CLOSED)) {
        oracle_stack_verdict(oracle, rule, event->b == 0,
                             "SO_ERROR was there after it had been read", event->conn,
                             view.file->at_told, index + 1);
    }
}

/* The first connect after one that did not block was done. */
ORACLE_STACK_RULE(cre_14)
{
    struct stack_view view;
    if (event->b == AF_UNSPEC || !facts_stack_see(oracle->stack, event, &view) ||
        view.file == NULL || view.file->role != STACK_ACTIVE || view.file->linked ||
        view.file->at_shut_early != 0 || !is_connected(view.own)) {
        return;
    }
    bool good = event->err == 0 || (!stack_is_linux(oracle) && event->err == EISCONN);
    oracle_stack_verdict(oracle, rule, good, "the first connect after completion failed",
                         event->conn, view.own->at_state[TCP_ESTABLISHED], index + 1);
}

/* Calls that tell why a connect failed. */
ORACLE_STACK_RULE(cre_15)
{
    struct stack_view view;
    if (!facts_stack_see(oracle->stack, event, &view) || view.own == NULL || view.file == NULL ||
        view.own->pending != ECONNREFUSED || view.own->reset_from != TCP_SYN_SENT) {
        return;
    }
    bool asks = event->what == TRACE_CALL_GETSOCKOPT;
    int64_t told = asks ? event->b : event->err;
    bool urgent = event->what == TRACE_CALL_RECV && (event->b & MSG_OOB) != 0;
    bool leaves = event->what == TRACE_CALL_CONNECT && event->b == AF_UNSPEC;
    if (asks ? event->a == SOCKET_OPTION(SO_ERROR)
             : !urgent && !leaves && view.file->at_shut_early == 0) {
        oracle_stack_verdict(oracle, rule, told == ECONNREFUSED,
                             "a refused connect was not told by ECONNREFUSED", event->conn,
                             view.own->at_reset, index + 1);
    }
}

/* Whether an attempt that lasted so long, or for at least so long, may end. */
static bool lasted_well(const struct oracle *oracle, const struct stack_end *end, int64_t took,
                        bool exactly)
{
    enum { SECOND = 1000000 };
    const struct stack_file *file = &oracle->stack->file[end->last_file];
    if (facts_stack_option(file, IPPROTO_TCP, TCP_SYNCNT, 0) != 0 ||
        facts_stack_option(file, IPPROTO_TCP, TCP_USER_TIMEOUT, 0) != 0) {
        return true;
    }
    return stack_is_linux(oracle)
               ? took >= INT64_C(120) * SECOND && (took <= INT64_C(140) * SECOND || !exactly)
               : took >= INT64_C(180) * SECOND;
}

/* A connection attempt that nobody answers: its end, where that was seen, and what a call tells. */
ORACLE_STACK_RULE(cre_17)
{
    struct stack_view view;
    if (event == NULL) {
        oracle_stack_judge_missing(oracle, rule, 1U << SCENARIO_SEGMENT_SYN,
                                   "a SYN that was lost did not come again in a minute");
        return;
    }
    if (event->kind == TRACE_STATE && event->what == TCP_ESTABLISHED &&
        facts_stack_see(oracle->stack, event, &view) && view.own != NULL &&
        view.own->missing == SCENARIO_SEGMENT_SYN && view.own->comes_again) {
        oracle_keep(oracle, rule, EVIDENCE(event->conn, view.own->at_segment, index + 1));
    }
    if (!facts_stack_see(oracle->stack, event, &view) || view.own == NULL || view.own->syns < 2 ||
        (view.own->visited & ~(1U << TCP_SYN_SENT | 1U << TCP_CLOSED)) != 0) {
        return;
    }
    const struct stack_end *own = view.own;
    uint32_t begun = own->at_state[TCP_SYN_SENT];
    bool moves = event->kind == TRACE_STATE;
    int64_t told = event->what == TRACE_CALL_GETSOCKOPT ? event->b : event->err;
    bool sampled = moves && trace_state_sampled(event); /* it was over by then */
    bool late =
        sampled ? oracle->stack->is_time && own->at_rst_came == 0 : event->b == TCP_EVENT_TIMEOUT;
    bool ends = moves ? event->what == TCP_CLOSED && late : told == ETIMEDOUT;
    if (begun == 0 || !ends) {
        return;
    }
    int64_t took = event->time_us - oracle_event(oracle, begun)->time_us;
    oracle_stack_verdict(oracle, rule,
                         lasted_well(oracle, own, took, moves && !sampled) && !own->syn_uneven,
                         "the SYN came again at other times, or for too short or too long",
                         event->conn, begun, index + 1);
}

/* Whether the program still wants the connection as it was opened. */
static bool is_kept_open(const struct stack *stack, const struct stack_end *end)
{
    const struct stack_file *file = &stack->file[end->file];
    return end->file != 0 && file->at_shut_write == 0 && file->at_shut_read == 0;
}

/* Both ends called connect, or one called it to itself. */
ORACLE_STACK_RULE(cre_18)
{
    struct stack *stack = oracle->stack;
    if (event != NULL) {
        const struct stack_conn *conn =
            event->conn <= stack->conns_used ? &stack->conn[event->conn] : NULL;
        if (conn != NULL && event->what == TCP_ESTABLISHED && event->a == TCP_SYN_RECEIVED &&
            stack_been(&conn->end[event->host], TCP_SYN_SENT)) {
            oracle_keep(oracle, rule,
                        EVIDENCE(event->conn, conn->end[event->host].at_state[TCP_SYN_RECEIVED],
                                 index + 1));
        }
        return;
    }
    for (uint32_t i = 1; i <= stack->conns_used; i++) {
        const struct stack_end *end = stack->conn[i].end;
        bool kept = stack->conn[i].at_lost == 0 && !stack->conn[i].injected;
        bool both = kept && end[0].at_syn_arrived != 0 && end[1].at_syn_arrived != 0 &&
                    stack_been(&end[0], TCP_SYN_SENT) && stack_been(&end[1], TCP_SYN_SENT);
        if (both && !stack->cut &&
            (!stack_been(&end[0], TCP_ESTABLISHED) || !stack_been(&end[1], TCP_ESTABLISHED)) &&
            is_kept_open(stack, &end[0]) && is_kept_open(stack, &end[1]) && !stack->holds) {
            oracle_break(oracle, rule, "a simultaneous open did not end in ESTABLISHED",
                         EVIDENCE(i, end[0].at_syn_arrived, end[1].at_syn_arrived));
        }
    }
}

/* What the end that closed in SYN-SENT sends: nothing but an RST. */
ORACLE_STACK_RULE(cre_19)
{
    struct stack_view view;
    if (!facts_stack_see(oracle->stack, event, &view) || view.own == NULL) {
        return;
    }
    struct stack_end *own = view.own;
    bool gave_up = own->state == TCP_CLOSED && own->at_reset == 0 && !own->timed_out &&
                   (own->visited & ~(1U << TCP_SYN_SENT | 1U << TCP_CLOSED)) == 0;
    if (event->kind == TRACE_CALL) {
        if (stack_state_before(oracle->stack, own) == TCP_SYN_SENT && view.file != NULL &&
            own->at_reset == 0 && (event->what != TRACE_CALL_CLOSE || event->a != 0)) {
            bool good = own->state == TCP_CLOSED && own->at_segment < oracle->stack->step;
            bool posix = event->what == TRACE_CALL_SHUTDOWN && !stack_is_linux(oracle) &&
                         event->err == ENOTCONN;
            oracle_stack_verdict(oracle, rule, good || posix,
                                 "a close in SYN-SENT did not end the attempt in silence",
                                 event->conn, own->at_state[TCP_SYN_SENT], index + 1);
        }
    } else if (gave_up && stack_is_sent(oracle->stack, event) &&
               own->at_state[TCP_CLOSED] < oracle->stack->step && own->last_file != 0) {
        bool left = own->at_segment > own->at_state[TCP_CLOSED];
        oracle_stack_verdict(oracle, rule, event->what == SCENARIO_SEGMENT_RST || left,
                             "it sent more than an RST for an attempt that was given up",
                             event->conn, own->at_state[TCP_CLOSED], index + 1);
    }
}

/* ---- accept ---- */

ORACLE_STACK_RULE(acc_01)
{
    struct stack_view view;
    if (event->err != 0 || !facts_stack_see(oracle->stack, event, &view) || view.file == NULL) {
        return;
    }
    oracle_stack_verdict(oracle, rule,
                         is_lowest(oracle->stack, event->result) && event->result != event->fd &&
                             view.file->role == STACK_LISTENER,
                         "accept gave a number that is not the lowest free one", event->conn,
                         view.file->at_listen, index + 1);
}

/* The accepted socket and the connecting one name each other. */
ORACLE_STACK_RULE(acc_02)
{
    struct stack_view view;
    if (event->err != 0 || !facts_stack_see(oracle->stack, event, &view) || view.own == NULL ||
        view.file == NULL ||
        (view.file->role != STACK_ACCEPTED && view.file->role != STACK_ACTIVE) ||
        view.own->state == TCP_CLOSED || view.file->renamed) {
        return; /* of one that is over nobody says what its names are */
    }
    bool peers = event->what == TRACE_CALL_GETPEERNAME;
    bool there = peers == (event->host == TRACE_HOST_TARGET);
    enum world_place place = there ? WORLD_PLACE_PEER : WORLD_PLACE_TARGET;
    bool serves = view.file->role == STACK_ACCEPTED;
    int64_t port = serves && !peers   ? view.conn->port
                   : !serves && peers ? view.file->to_port
                   : peers            ? view.other->local_port
                                      : 0;
    oracle_stack_verdict(oracle, rule,
                         event->b == (int64_t)place && (port == 0 || port == event->a) &&
                             event->a != 0,
                         "a name of the connection is not that of its other end", event->conn,
                         view.conn->at_connect, index + 1);
}

/* Whether it is known that an accept had to give the first in the queue and not what it gave. */
static bool is_turn_known(const struct oracle *oracle, uint32_t first,
                          const struct trace_event *event)
{
    const struct stack *stack = oracle->stack;
    return event->err != 0 || event->conn == first || event->conn > stack->conns_used ||
           stack_is_before(stack, oracle->trace, &stack->conn[first], &stack->conn[event->conn]);
}

ORACLE_STACK_RULE(acc_03)
{
    struct stack_view view;
    uint32_t first = 0;
    uint32_t alive = 0;
    if (event->err != 0 || !facts_stack_see(oracle->stack, event, &view) || view.file == NULL ||
        view.file->mixed || facts_stack_queue(oracle->stack, view.file, &first, &alive) < 2) {
        return;
    }
    if (!is_turn_known(oracle, first, event)) {
        return;
    }
    /* The texts do not say what puts a connection into the queue, its SYN or the end of its
     * handshake: of one that began when the other was complete there is no doubt. */
    bool later =
        view.own != NULL && view.own->at_syn_arrived > oracle->stack->conn[first].at_established;
    if (first != event->conn && !later && !stack_is_linux(oracle)) {
        return;
    }
    oracle_stack_verdict(oracle, rule, first == event->conn,
                         "accept did not give the connection that was complete first", event->conn,
                         oracle->stack->conn[first].at_established, index + 1);
}

ORACLE_STACK_RULE(acc_04)
{
    struct stack_view view;
    uint32_t first = 0;
    uint32_t alive = 0;
    if (!facts_stack_see(oracle->stack, event, &view) || view.file == NULL ||
        view.file->role != STACK_LISTENER) {
        return;
    }
    if (event->err == 0 && view.own != NULL) {
        oracle_stack_verdict(oracle, rule, view.own->last_file == 0,
                             "accept gave a connection that it had given before", event->conn,
                             view.conn->at_established, index + 1);
    } else if (event->err == EAGAIN && !view.file->mixed &&
               facts_stack_queue(oracle->stack, view.file, &first, &alive) > 0 && alive > 0) {
        oracle_break(oracle, rule, "a connection was complete, and accept did not give it",
                     EVIDENCE(first, oracle->stack->conn[first].at_established, index + 1));
    }
}

ORACLE_STACK_RULE(acc_05)
{
    struct stack_view view;
    if (event->a != F_GETFL || event->err != 0 || !facts_stack_see(oracle->stack, event, &view) ||
        view.file == NULL || view.file->role != STACK_ACCEPTED) {
        return;
    }
    oracle_stack_verdict(oracle, rule, event->result == 0 || !stack_is_linux(oracle),
                         "an accepted descriptor inherited O_NONBLOCK", event->conn,
                         view.file->at_opened, index + 1);
}

/* Whether a call says that there is no descriptor for what it makes, which it may say first. */
static bool wants_descriptor(const struct trace_event *event)
{
    return event->err == EMFILE || event->err == ENFILE;
}

ORACLE_STACK_RULE(acc_07)
{
    struct stack_view view;
    uint32_t first = 0;
    uint32_t alive = 0;
    if (!facts_stack_see(oracle->stack, event, &view) || view.file == NULL ||
        wants_descriptor(event)) {
        return;
    }
    if (view.file->role != STACK_LISTENER) {
        oracle_stack_verdict(oracle, rule, event->err == EINVAL,
                             "accept on a socket that does not listen did not fail with EINVAL", 0,
                             view.file->at_opened, index + 1);
    } else if (!view.file->mixed &&
               facts_stack_queue(oracle->stack, view.file, &first, &alive) == 0 &&
               (event->err != 0 || (view.own != NULL && !oracle->stack->sampled))) {
        oracle_stack_verdict(oracle, rule, event->err == EAGAIN,
                             "accept on an empty queue did not answer EAGAIN", 0,
                             view.file->at_listen, index + 1);
    }
}

/* The first in the queue was reset. */
ORACLE_STACK_RULE(acc_08)
{
    struct stack_view view;
    uint32_t first = 0;
    uint32_t alive = 0;
    if (!facts_stack_see(oracle->stack, event, &view) || view.file == NULL) {
        return;
    }
    if (event->what == TRACE_CALL_GETPEERNAME) {
        if (view.own != NULL && view.file->role == STACK_ACCEPTED && view.own->at_reset != 0) {
            oracle_stack_verdict(oracle, rule, event->err == ENOTCONN,
                                 "a connection that was reset has a peer", event->conn,
                                 view.own->at_reset, index + 1);
        }
        return;
    }
    if (view.file->role != STACK_LISTENER || view.file->mixed || wants_descriptor(event) ||
        facts_stack_queue(oracle->stack, view.file, &first, &alive) == 0 ||
        oracle->stack->conn[first].end[event->host].at_reset == 0 ||
        !is_turn_known(oracle, first, event)) {
        return;
    }
    bool good = stack_is_linux(oracle)
                    ? event->err == 0 && event->conn == first
                    : event->err == 0 || event->err == ECONNABORTED || event->err == EAGAIN;
    oracle_stack_verdict(oracle, rule, good, "a connection reset in the queue was not given", first,
                         oracle->stack->conn[first].end[event->host].at_reset, index + 1);
}

/* After accept had no descriptor: the listener stays readable, the same connection comes later. */
ORACLE_STACK_RULE(acc_11)
{
    struct stack_view view;
    uint32_t first = 0;
    uint32_t alive = 0;
    if (!facts_stack_see(oracle->stack, event, &view) || view.file == NULL ||
        view.file->at_emfile == 0 || view.file->role != STACK_LISTENER || view.file->mixed) {
        return;
    }
    uint32_t waiting = facts_stack_queue(oracle->stack, view.file, &first, &alive);
    if (event->kind == TRACE_READY) {
        oracle_stack_verdict(oracle, rule, waiting == 0 || (event->b & POLLIN) != 0,
                             "the listener is not readable while a connection waits", 0,
                             view.file->at_emfile, index + 1);
    } else if (!wants_descriptor(event) && waiting > 0 && is_turn_known(oracle, first, event)) {
        oracle_stack_verdict(oracle, rule, event->err == 0 && event->conn == first,
                             "the connection was lost for want of a descriptor", first,
                             view.file->at_emfile, index + 1);
    }
}

ORACLE_STACK_RULE(acc_14)
{
    static const struct {
        int64_t name;
        bool flag; /* whatever is not 0 is on */
    } inherited[] = {
        {SOCKET_OPTION(SO_KEEPALIVE), true},
        {SOCKET_OPTION(SO_LINGER), false},
        {SOCKET_OPTION(SO_OOBINLINE), true},
        {(int64_t)IPPROTO_TCP << 16 | TCP_NODELAY, true},
        {(int64_t)IPPROTO_TCP << 16 | TCP_USER_TIMEOUT, false},
        {(int64_t)IPPROTO_TCP << 16 | TCP_KEEPIDLE, false},
    };
    struct stack_view view;
    if (event->err != 0 || !facts_stack_see(oracle->stack, event, &view) || view.file == NULL ||
        view.file->role != STACK_ACCEPTED || view.file->listener == 0) {
        return;
    }
    int level = (int)(event->a >> 16);
    int name = (int)(event->a & 0xFFFF);
    const struct facts_stack_option *option = facts_stack_find_option(view.file, level, name);
    for (unsigned i = 0; i < sizeof inherited / sizeof inherited[0]; i++) {
        if (inherited[i].name == event->a && option != NULL && option->inherited) {
            bool good = inherited[i].flag ? (event->b != 0) == (option->value != 0)
                                          : event->b == option->value;
            oracle_stack_verdict(oracle, rule, good, "an option of the listener was not inherited",
                                 event->conn, view.file->at_opened, index + 1);
        }
    }
}

ORACLE_STACK_RULE(acc_15)
{
    struct stack_view view;
    if (!facts_stack_see(oracle->stack, event, &view) || view.file == NULL) {
        return;
    }
    if (event->what == TRACE_CALL_SHUTDOWN) {
        if (view.file->role == STACK_LISTENER && event->a != SHUT_WR) {
            oracle_stack_verdict(
                oracle, rule,
                event->err == 0 || (!stack_is_linux(oracle) && event->err == ENOTCONN),
                "shutdown of a listener failed", 0, view.file->at_listen, index + 1);
        }
    } else if (view.file->at_shut_listener != 0 && !wants_descriptor(event)) {
        oracle_stack_verdict(oracle, rule, event->err == EINVAL,
                             "accept after shutdown of the listener did not fail with EINVAL", 0,
                             view.file->at_shut_listener, index + 1);
    }
}

/* ---- backlog ---- */

/* Another connection would be complete: there must have been room. */
ORACLE_STACK_RULE(bkl_01)
{
    struct stack_view view;
    uint32_t first = 0;
    uint32_t alive = 0;
    if (!facts_stack_see(oracle->stack, event, &view)) {
        return;
    }
    if (event->kind == TRACE_CALL) {
        if (view.file != NULL && view.file->role == STACK_LISTENER && !view.file->mixed &&
            event->err == 0) {
            uint32_t count = facts_stack_queue(oracle->stack, view.file, &first, &alive);
            if (count == (uint32_t)view.file->backlog + 1) {
                oracle_keep(oracle, rule, EVIDENCE(0, view.file->at_listen, index + 1));
            }
        }
        return;
    }
    if (event->what != TCP_ESTABLISHED || view.own == NULL || view.conn->listener == 0 ||
        view.conn->at_established != 0 || stack_been(view.own, TCP_SYN_SENT)) {
        return;
    }
    const struct stack_file *listener = &oracle->stack->file[view.conn->listener];
    uint32_t count = facts_stack_queue(oracle->stack, listener, &first, &alive);
    if (stack_is_linux(oracle) && !listener->mixed && count > (uint32_t)listener->backlog) {
        oracle_break(oracle, rule, "more connections were complete than backlog and one",
                     EVIDENCE(event->conn, listener->at_listen, index + 1));
    }
}

/* The queue is full: the ACK that would complete another one is ignored, no RST. */
ORACLE_STACK_RULE(bkl_02)
{
    struct stack *stack = oracle->stack;
    for (uint32_t i = 1; i <= stack->conns_used; i++) {
        const struct stack_conn *conn = &stack->conn[i];
        if (conn->own || conn->injected || conn->at_connect == 0) {
            continue;
        }
        unsigned here = stack_been(&conn->end[0], TCP_SYN_SENT) ? 1 : 0;
        const struct stack_end *server = &conn->end[here];
        const struct stack_end *client = &conn->end[1 - here];
        uint32_t first = 0;
        uint32_t alive = 0;
        if (conn->listener == 0 || client->state != TCP_ESTABLISHED || conn->at_established != 0 ||
            stack_been(server, TCP_ESTABLISHED)) {
            continue;
        }
        const struct stack_file *listener = &stack->file[conn->listener];
        if (!listener->mixed &&
            facts_stack_queue(stack, listener, &first, &alive) > (uint32_t)listener->backlog) {
            oracle_stack_verdict(
                oracle, rule, server->state == TCP_SYN_RECEIVED && server->at_rst_sent == 0,
                "a connection was refused for want of room in the queue", i,
                server->at_state[TCP_SYN_RECEIVED], client->at_state[TCP_ESTABLISHED]);
        }
    }
    (void)event;
    (void)index;
}

/* A SYN was answered and nothing kept; the acknowledgment makes the connection. */
ORACLE_STACK_RULE(bkl_05)
{
    struct stack_view view;
    if (!facts_stack_see(oracle->stack, event, &view) || view.own == NULL ||
        view.own->at_cookie == 0 || view.conn->at_forged != 0) {
        return;
    }
    if (event->kind == TRACE_STATE && event->what == TCP_ESTABLISHED) {
        oracle_keep(oracle, rule, EVIDENCE(event->conn, view.own->at_cookie, index + 1));
    } else if (event->kind == TRACE_SEGMENT && event->what == SCENARIO_SEGMENT_RST &&
               !stack_been(view.own, TCP_ESTABLISHED) && view.own->at_rst_came == 0 &&
               view.other->state == TCP_ESTABLISHED && view.own->at_heard > view.own->at_cookie &&
               facts_stack_listener(oracle->stack, event->host, view.conn->port) != NULL) {
        oracle_break(oracle, rule, "the acknowledgment of a SYN cookie was answered by an RST",
                     EVIDENCE(event->conn, view.own->at_cookie, index + 1));
    }
}
