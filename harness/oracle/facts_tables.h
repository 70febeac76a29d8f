/* Inside the common pass: the tables of connections and descriptors, and how entries begin and end.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_ORACLE_FACTS_TABLES_H
#define SOCKSPEC_ORACLE_FACTS_TABLES_H

#include "base/cold.h"
#include "oracle/facts.h"

/* A wait or a sleep, of the process that its descriptor tells, or of any. */
void facts_take_turn(struct facts *facts, const struct trace_event *event, uint32_t at);

/* Notes that numbers up to this one are in use; past the table's end only that: past_limit. */
COLD_CALL void facts_grow_conns(struct facts *facts, uint32_t conn);
COLD_CALL void facts_grow_fds(struct facts *facts, int64_t fd);

/* Notes that a connection is in use; its record, NULL for none. */
static inline struct facts_conn *facts_use_conn(struct facts *facts, uint32_t conn)
{
    if (UNLIKELY(conn > facts->conns_used)) {
        facts_grow_conns(facts, conn);
    }
    return conn - 1 < facts->conns_used ? &facts->conns[conn] : NULL;
}

static inline struct facts_fd *facts_use_fd(struct facts *facts, int64_t fd)
{
    if (UNLIKELY(fd >= (int64_t)facts->fds_used)) {
        facts_grow_fds(facts, fd);
    }
    return (uint64_t)fd < facts->fds_used ? &facts->fds[fd] : NULL;
}

/* Sets a bit of `live` or clears it. */
static inline void facts_set_live(uint32_t *live, uint32_t bit, bool set)
{
    *live = set ? *live | bit : *live & ~bit;
}

/* EAGAIN or EINTR of a descriptor was followed up, as far as the calls on it show. */
static inline void facts_followed_up(struct facts_fd *record)
{
    record->at_again = 0;
    record->at_intr = 0;
    record->live &= ~(uint32_t)(FACTS_FD_AGAIN | FACTS_FD_INTR);
}

/* What was asked for on an accepted descriptor has changed. */
static inline void facts_settle_flags(struct facts_fd *record)
{
    facts_set_live(&record->live, FACTS_FD_BLOCKING, record->accepted && !record->nonblock);
    facts_set_live(&record->live, FACTS_FD_CHANCE, record->inherits && !record->explicit_flags);
    facts_set_live(&record->live, FACTS_FD_INHERITED, record->accepted && !record->cloexec);
}

/* The descriptor is open from here on; a call and the kernel's own event may both say so. */
static inline struct facts_fd *facts_open_fd(struct facts *facts, int64_t fd, uint32_t conn,
                                             uint32_t at)
{
    struct facts_fd *record = facts_use_fd(facts, fd);
    if (record == NULL) {
        return NULL;
    }
    if (!record->open) {
        *record = (struct facts_fd){.open = true, .at_opened = at, .at_closed = record->at_closed};
    }
    if (conn != 0) {
        record->conn = conn;
        struct facts_conn *entry = facts_use_conn(facts, conn);
        if (entry != NULL) {
            entry->fd = (int32_t)fd;
        }
    }
    return record;
}

/* The latest call on the connection was interrupted. What the program makes of that is DAT-06's. */
static inline bool facts_is_interrupted(const struct facts *facts, const struct facts_conn *conn)
{
    return (uint32_t)conn->fd < facts->fds_used && facts->fds[conn->fd].at_intr != 0;
}

/* The program sends no more on a connection: was the peer in the middle of a message,
 * and the rest not waited for? */
static inline void facts_end_sending(const struct facts *facts, struct facts_conn *conn,
                                     int64_t now_us)
{
    int64_t end = conn->messages > 0 ? conn->message_end[(conn->messages - 1) % FACTS_MESSAGES] : 0;
    const uint32_t told = FACTS_EOF | FACTS_ERROR | FACTS_LAST | FACTS_OFF_PROTOCOL | FACTS_URGENT;
    if (conn->peer_sent > end && conn->received > end && conn->at_peer_fin == 0 &&
        conn->at_rst == 0 && (conn->flags & told) == 0 &&
        now_us - conn->message_us < facts->patience_us &&
        now_us - conn->peer_us < FACTS_PATIENCE_US && !facts->stopping && !facts->played &&
        conn->at_shut == 0 && !facts_is_interrupted(facts, conn)) {
        conn->flags |= FACTS_CUT_MESSAGE;
    }
}

/* The program got something off: half of what is on its way now must be read before it certainly
 * can send again. Until then its buffer may be as full as it was, whatever the peer reads. */
static inline void facts_gain_room(struct facts_conn *conn, int64_t now_us)
{
    conn->room_us = now_us;
    conn->room_from = conn->peer_read + (conn->sent - conn->peer_read + 1) / 2;
}

/* A stalled peer may read byte by byte: for a program that waits to send the rest of its message it
 * is silent all the same, for as long as there is no room. */
static inline bool facts_no_room(const struct facts *facts, const struct facts_conn *conn,
                                 int64_t now_us)
{
    bool waits = facts->role == TRACE_ROLE_CLIENT || (conn->flags & FACTS_SEND_STUCK) != 0 ||
                 conn->requests > conn->answers;
    return (conn->flags & FACTS_STALLED) != 0 && conn->sent > conn->peer_read && waits &&
           now_us - conn->room_us >= facts->patience_us;
}

/* What a call close, or an event FD_CLOSE, says. */
static inline struct facts_closing facts_closing_of(const struct trace_event *event, uint32_t at)
{
    return (struct facts_closing){.fd = event->fd,
                                  .last = event->a == 1,
                                  .conn = event->conn,
                                  .time_us = event->time_us,
                                  .at = at};
}

/* The descriptor is closed. Several processes may share its number (the last one's), so its
 * connection is the one that the event names. */
void facts_close_fd(struct facts *facts, struct facts_closing closing);

/* Takes a SIGNAL into the facts (facts_signals.c). */
void facts_take_signal(struct facts *facts, const struct trace_event *event, uint32_t at);

#endif
