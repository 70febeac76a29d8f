/* Inside the common pass: the tables of connections and descriptors, and how entries begin and end.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_ORACLE_FACTS_TABLES_H
#define SOCKSPEC_ORACLE_FACTS_TABLES_H

#include "oracle/facts.h"

/* Notes that a connection is in use; its record, NULL for none. */
static inline struct facts_conn *facts_use_conn(struct facts *facts, uint32_t conn)
{
    if (conn == 0 || conn > ORACLE_CONNECTIONS_MAX) {
        return NULL;
    }
    while (facts->conns_used < conn) {
        facts->conns[++facts->conns_used].fd = -1;
    }
    return &facts->conns[conn];
}

static inline struct facts_fd *facts_use_fd(struct facts *facts, int64_t fd)
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

static inline void facts_close_fd(struct facts *facts, int64_t fd, bool last, uint32_t at)
{
    struct facts_fd *record = facts_use_fd(facts, fd);
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

/* One CALL of the program judged. */
void facts_take_call(struct facts *facts, const struct trace_event *event, uint32_t at);

#endif
