/* Rows of the ladder, gathered from events. Used by the ladder alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TRACE_LADDER_ROW_H
#define SOCKSPEC_TRACE_LADDER_ROW_H

#include "trace/ladder.h"

enum {
    LADDER_LINE_MAX = 112,      /* bytes of a full-width line */
    LADDER_TEXT_MAX = 96,       /* bytes of a host's own column before it is fitted */
    LADDER_CONNECTIONS_MAX = 64 /* lifelines that can be followed */
};

enum ladder_row_kind { LADDER_ROW_CELLS, LADDER_ROW_LINE };

/* The end of an arrow: what became of the segment. */
struct ladder_cells {
    char text[TRACE_HOST_COUNT][LADDER_TEXT_MAX]; /* calls at the target, actions at the peer */
    char wire[32];                                /* label of the arrow, empty: none */
    uint8_t wire_from;                            /* enum trace_host */
    uint8_t wire_fate;                            /* enum trace_fate */
    uint8_t wire_kind;                            /* enum scenario_segment */
    uint8_t what[TRACE_HOST_COUNT];               /* call or action behind each text */
    bool is_call[TRACE_HOST_COUNT];
    bool state_shown[TRACE_HOST_COUNT]; /* the state changed in this row */
    uint8_t state[TRACE_HOST_COUNT];    /* enum tcp_state after this row */
};

struct ladder_row {
    enum ladder_row_kind kind;
    char mark; /* ' ', '>' or '!' */
    bool tied; /* nothing more may join it */
    int64_t time_us;
    uint32_t conn;
    char fill; /* LINE: what the rest of the line is filled with */
    char line[LADDER_LINE_MAX];
    struct ladder_cells cells;
};

struct ladder_rows {
    struct ladder_row *rows; /* `count` of them, heap */
    uint32_t count;
    uint32_t capacity;
    bool many_connections; /* more than one is drawn: rows carry its number */
};

/* Gathers the rows that the options ask for. Errors: STATUS_NO_MEMORY; nothing to free then. */
enum status ladder_rows_gather(struct ladder_rows *ret_rows, const struct trace *trace,
                               const struct ladder_options *options) STATUS_MUST_USE;
void ladder_rows_free(struct ladder_rows *rows);

#endif
