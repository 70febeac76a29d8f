/* From events to rows: which events are drawn, and which of them share a row. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/ladder_row.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/text.h"
#include "trace/describe.h"
#include "trace/form.h"

struct gathering {
    const struct trace *trace;
    const struct ladder_options *options;
    struct ladder_rows *rows;
    uint32_t connections[LADDER_CONNECTIONS_MAX]; /* drawn ones; none: all */
    uint32_t connection_count;
    uint32_t drawn; /* connection of a row so far, to see whether there are several */
    uint8_t states[LADDER_CONNECTIONS_MAX][TRACE_HOST_COUNT]; /* by conn modulo, latest */
};

static bool list_has(const uint32_t *list, uint32_t count, uint32_t value)
{
    for (uint32_t i = 0; i < count; i++) {
        if (list[i] == value) {
            return true;
        }
    }
    return false;
}

static void choose_connections(struct gathering *gathering)
{
    const struct ladder_options *options = gathering->options;
    for (uint32_t i = 0; i < options->connection_count; i++) {
        if (gathering->connection_count < LADDER_CONNECTIONS_MAX) {
            gathering->connections[gathering->connection_count++] = options->connections[i];
        }
    }
    for (uint32_t i = 0; options->connections == NULL && i < options->highlight_count; i++) {
        uint32_t index = options->highlights[i];
        uint32_t conn = index < gathering->trace->count ? gathering->trace->events[index].conn : 0;
        if (conn != 0 && gathering->connection_count < LADDER_CONNECTIONS_MAX &&
            !list_has(gathering->connections, gathering->connection_count, conn)) {
            gathering->connections[gathering->connection_count++] = conn;
        }
    }
}

static bool is_highlighted(const struct gathering *gathering, uint32_t index)
{
    return list_has(gathering->options->highlights, gathering->options->highlight_count, index);
}

static char mark_of(const struct gathering *gathering, uint32_t index)
{
    if (!is_highlighted(gathering, index)) {
        return ' ';
    }
    for (uint32_t i = 0; i < gathering->options->highlight_count; i++) {
        uint32_t other = gathering->options->highlights[i];
        if (other > index && other < gathering->trace->count) {
            return '>';
        }
    }
    return '!';
}

/* A call that goes to sleep says nothing that its result does not say again, unless time passes or
 * the call never comes back. */
static bool block_tells_something(const struct trace *trace, uint32_t index)
{
    const struct trace_event *block = &trace->events[index];
    for (uint32_t i = index + 1; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        if (event->kind == TRACE_CALL && event->host == block->host) {
            return event->time_us != block->time_us || event->what != block->what;
        }
        if (event->time_us != block->time_us) {
            return true;
        }
    }
    return true;
}

/* Whether an event that nobody highlighted is drawn. */
static bool is_drawn(const struct gathering *gathering, uint32_t index)
{
    const struct trace_event *event = &gathering->trace->events[index];
    if (event->conn != 0 && gathering->connection_count > 0 &&
        !list_has(gathering->connections, gathering->connection_count, event->conn)) {
        return false;
    }
    switch (event->kind) {
    case TRACE_NONE:
    case TRACE_FD_OPEN:
    case TRACE_FD_CLOSE:
    case TRACE_HEAP:
    case TRACE_OUTPUT:
        return false;
    case TRACE_BYTES:
        return event->what == TRACE_BYTES_WRONG;
    case TRACE_PHASE:
        return event->what != TRACE_PHASE_ENDED;
    case TRACE_BLOCK:
        return block_tells_something(gathering->trace, index);
    case TRACE_TIME:
        return event->a > 0;
    default:
        return true;
    }
}

static uint8_t *states_of(struct gathering *gathering, uint32_t conn)
{
    return gathering->states[conn % LADDER_CONNECTIONS_MAX];
}

static struct ladder_row *new_row(struct gathering *gathering, const struct trace_event *event,
                                  enum ladder_row_kind kind)
{
    struct ladder_rows *rows = gathering->rows;
    /* One event makes at most one row, and there is room for every event that is looked at. */
    struct ladder_row *row = &rows->rows[rows->count++];
    *row = (struct ladder_row){
        .kind = kind, .mark = ' ', .time_us = event->time_us, .conn = event->conn};
    memcpy(row->cells.state, states_of(gathering, event->conn), sizeof row->cells.state);
    if (event->conn != 0) {
        rows->many_connections |= gathering->drawn != 0 && gathering->drawn != event->conn;
        gathering->drawn = event->conn;
    }
    return row;
}

/* The row that an event may join: the last one, when it is of the same connection and instant. */
static struct ladder_row *open_row(const struct gathering *gathering,
                                   const struct trace_event *event)
{
    if (gathering->rows->count == 0) {
        return NULL;
    }
    struct ladder_row *row = &gathering->rows->rows[gathering->rows->count - 1];
    bool joins = row->kind == LADDER_ROW_CELLS && !row->tied && row->conn == event->conn &&
                 row->time_us == event->time_us && event->conn != 0;
    return joins ? row : NULL;
}

static unsigned other_host(unsigned host)
{
    return host == TRACE_HOST_TARGET ? TRACE_HOST_PEER : TRACE_HOST_TARGET;
}

static bool side_is_empty(const struct ladder_row *row, unsigned host)
{
    return row->cells.text[host][0] == '\0' && !row->cells.state_shown[host];
}

/* Whether a segment is the doing of this call, whose event follows it. */
static bool call_sends(enum scenario_call family, unsigned segment)
{
    switch (segment) {
    case SCENARIO_SEGMENT_DATA:
    case SCENARIO_SEGMENT_URGENT:
        return family == SCENARIO_CALL_SEND;
    case SCENARIO_SEGMENT_FIN:
    case SCENARIO_SEGMENT_RST:
        return family == SCENARIO_CALL_CLOSE || family == SCENARIO_CALL_SHUTDOWN;
    case SCENARIO_SEGMENT_SYN:
        return family == SCENARIO_CALL_CONNECT;
    default:
        return false;
    }
}

/* Whether the peer's report belongs to the segment that is drawn already: its own, or the target's
 * that it tells of. */
static bool peer_tells_of(enum trace_peer what, unsigned segment, bool own)
{
    switch (what) {
    case TRACE_PEER_SENT:
        return own && (segment == SCENARIO_SEGMENT_DATA || segment == SCENARIO_SEGMENT_URGENT);
    case TRACE_PEER_SHUT_WRITE:
    case TRACE_PEER_CLOSED:
        return own && (segment == SCENARIO_SEGMENT_FIN || segment == SCENARIO_SEGMENT_RST);
    case TRACE_PEER_RESET:
        return own && segment == SCENARIO_SEGMENT_RST;
    case TRACE_PEER_CONNECTED:
        return segment == (own ? SCENARIO_SEGMENT_SYN : SCENARIO_SEGMENT_SYN_ACK);
    case TRACE_PEER_READ:
        return !own && segment == SCENARIO_SEGMENT_DATA;
    case TRACE_PEER_SAW_FIN:
        return !own && segment == SCENARIO_SEGMENT_FIN;
    case TRACE_PEER_SAW_RST:
    case TRACE_PEER_REFUSED:
        return !own && segment == SCENARIO_SEGMENT_RST;
    default:
        return false;
    }
}

/* Whether the text that stands on a segment's side tells of that segment. */
static bool text_sends(const struct ladder_cells *cells, unsigned host, unsigned segment)
{
    if (cells->text[host][0] == '\0') {
        return true;
    }
    return cells->is_call[host]
               ? call_sends(trace_call_family((enum trace_call)cells->what[host]), segment)
               : peer_tells_of((enum trace_peer)cells->what[host], segment, true);
}

/* Whether the text of a side may be the cause of a state that is not a segment's doing. */
static bool text_moves(const struct ladder_cells *cells, unsigned host)
{
    if (cells->text[host][0] == '\0' || !cells->is_call[host]) {
        return true;
    }
    switch (trace_call_family((enum trace_call)cells->what[host])) {
    case SCENARIO_CALL_CLOSE:
    case SCENARIO_CALL_SHUTDOWN:
    case SCENARIO_CALL_CONNECT:
    case SCENARIO_CALL_LISTEN:
        return true;
    default:
        return false;
    }
}

static struct ladder_row *add_state(struct gathering *gathering, const struct trace_event *event)
{
    unsigned host = event->host;
    struct ladder_row *row = open_row(gathering, event);
    bool joins = row != NULL && !row->cells.state_shown[host] &&
                 (row->cells.wire[0] != '\0' ||
                  (side_is_empty(row, other_host(host)) && text_moves(&row->cells, host)));
    if (!joins) {
        row = new_row(gathering, event, LADDER_ROW_CELLS);
    }
    row->cells.state_shown[host] = true;
    row->cells.state[host] = event->what;
    states_of(gathering, event->conn)[host] = event->what;
    return row;
}

static struct ladder_row *add_segment(struct gathering *gathering, const struct trace_event *event)
{
    unsigned from = event->host;
    struct ladder_row *row = open_row(gathering, event);
    bool joins = row != NULL && row->cells.wire[0] == '\0' &&
                 side_is_empty(row, other_host(from)) && text_sends(&row->cells, from, event->what);
    if (!joins) {
        row = new_row(gathering, event, LADDER_ROW_CELLS);
    }
    char label[TRACE_DESCRIBE_MAX];
    (void)trace_describe_segment(event, label, sizeof label);
    (void)snprintf(row->cells.wire, sizeof row->cells.wire, "%.*s", (int)sizeof row->cells.wire - 1,
                   label);
    row->cells.wire_from = (uint8_t)from;
    row->cells.wire_fate = (uint8_t)event->result;
    row->cells.wire_kind = event->what;
    return row;
}

/* The row for a text on `host`: the open one when the text explains what is there. */
static struct ladder_row *row_for_text(struct gathering *gathering, const struct trace_event *event)
{
    unsigned host = event->host;
    struct ladder_row *row = open_row(gathering, event);
    bool joins = row != NULL && row->cells.text[host][0] == '\0';
    if (joins && row->cells.wire[0] == '\0') {
        joins = row->cells.state_shown[host] && side_is_empty(row, other_host(host));
    } else if (joins && event->kind == TRACE_CALL) {
        joins = row->cells.wire_from == host &&
                call_sends(trace_call_family((enum trace_call)event->what), row->cells.wire_kind);
    } else if (joins) {
        joins = event->kind == TRACE_PEER &&
                peer_tells_of((enum trace_peer)event->what, row->cells.wire_kind,
                              row->cells.wire_from == host);
    }
    return joins ? row : new_row(gathering, event, LADDER_ROW_CELLS);
}

static struct ladder_row *add_text(struct gathering *gathering, const struct trace_event *event)
{
    char text[TRACE_DESCRIBE_MAX];
    struct ladder_row *row = row_for_text(gathering, event);
    if (event->kind == TRACE_CALL || event->kind == TRACE_BLOCK) {
        (void)trace_describe_call(event, text, sizeof text);
    } else if (event->kind == TRACE_READY) {
        char bits[TRACE_DESCRIBE_MAX];
        (void)snprintf(text, sizeof text, "  fd %d is ready: %.80s", event->fd,
                       trace_describe_poll(event->b, bits, sizeof bits));
    } else {
        (void)trace_describe(event, text, sizeof text);
    }
    /* The column is the peer's: its name says nothing there. */
    const char *shown =
        event->kind == TRACE_PEER && event->fd <= 0 && strncmp(text, "peer ", 5) == 0 ? text + 5
                                                                                      : text;
    (void)snprintf(row->cells.text[event->host], LADDER_TEXT_MAX, "%.*s", LADDER_TEXT_MAX - 1,
                   shown);
    row->cells.what[event->host] = event->what;
    row->cells.is_call[event->host] = event->kind == TRACE_CALL;
    row->tied = event->kind == TRACE_READY || event->kind == TRACE_BLOCK;
    return row;
}

/* What the decoder understood, beside the peer: it knows by the bytes there. */
static struct ladder_row *add_dialogue(struct gathering *gathering, const struct trace_event *event)
{
    struct ladder_row *row = new_row(gathering, event, LADDER_ROW_CELLS);
    bool wrong =
        event->what == TRACE_DIALOGUE_RESPONSE_WRONG || event->what == TRACE_DIALOGUE_REQUEST_WRONG;
    const char *name = trace_dialogue_name((enum trace_dialogue)event->what);
    char *text = row->cells.text[TRACE_HOST_PEER];
    if (wrong) {
        (void)snprintf(text, LADDER_TEXT_MAX, "%s at byte %" PRId64, name, event->b);
    } else {
        (void)snprintf(text, LADDER_TEXT_MAX, "%s", name);
    }
    row->tied = true;
    return row;
}

/* What belongs to neither host's column: a step, a fault, time, a signal, a phase, the end. */
static struct ladder_row *add_line(struct gathering *gathering, const struct trace_event *event)
{
    char text[TRACE_DESCRIBE_MAX];
    struct ladder_row *row = new_row(gathering, event, LADDER_ROW_LINE);
    const struct ladder_options *options = gathering->options;
    bool step = event->kind == TRACE_STEP || event->kind == TRACE_NOOP;
    (void)trace_describe(event, text, sizeof text);
    if (event->kind == TRACE_STEP && options->scenario != NULL && event->a >= 0 &&
        event->a < options->scenario->count) {
        char words[81];
        (void)scenario_print_step(options->scenario, (unsigned)event->a, words, sizeof words);
        (void)snprintf(text, sizeof text, "step %" PRId64 ": %s", event->a, words);
    }
    bool loud = event->kind == TRACE_FAULT || event->kind == TRACE_SIGNAL ||
                event->kind == TRACE_SPIN || event->kind == TRACE_EXIT ||
                event->kind == TRACE_OVERFLOW || event->kind == TRACE_UNSUPPORTED;
    row->fill = step ? '-' : ' ';
    (void)snprintf(row->line, sizeof row->line, "%s%.100s%s",
                   step   ? "-- "
                   : loud ? "** "
                          : ".. ",
                   text, step ? " " : "");
    return row;
}

static void add_event(struct gathering *gathering, uint32_t index)
{
    const struct trace_event *event = &gathering->trace->events[index];
    bool marked = is_highlighted(gathering, index);
    bool drawn = event->host < TRACE_HOST_COUNT && (marked || is_drawn(gathering, index));
    if (!drawn) {
        return;
    }
    struct ladder_row *row = NULL;
    switch (event->kind) {
    case TRACE_STATE:
        row = add_state(gathering, event);
        break;
    case TRACE_SEGMENT:
        row = add_segment(gathering, event);
        break;
    case TRACE_CALL:
    case TRACE_BLOCK:
    case TRACE_READY:
    case TRACE_PEER:
        row = add_text(gathering, event);
        break;
    case TRACE_DIALOGUE:
        row = add_dialogue(gathering, event);
        break;
    default:
        row = add_line(gathering, event);
        break;
    }
    char mark = mark_of(gathering, index);
    if (mark != ' ' && row->mark != '!') {
        row->mark = mark;
    }
}

/* Where the rows begin in the middle of a long trace, one says so. */
static void add_gap(struct gathering *gathering, uint32_t first)
{
    struct ladder_row *row = new_row(gathering, &gathering->trace->events[first], LADDER_ROW_LINE);
    row->fill = ' ';
    (void)snprintf(row->line, sizeof row->line, "   ... events before number %" PRIu32 " left out",
                   first);
}

/* States before the first row: a connection may have come into being long before. */
static void follow_state(struct gathering *gathering, const struct trace_event *event)
{
    if (event->kind == TRACE_STATE && event->host < TRACE_HOST_COUNT) {
        states_of(gathering, event->conn)[event->host] = event->what;
    }
}

enum status ladder_rows_gather(struct ladder_rows *ret_rows, const struct trace *trace,
                               const struct ladder_options *options)
{
    uint32_t first = trace->count > LADDER_SCAN_MAX ? trace->count - LADDER_SCAN_MAX : 0;
    struct ladder_rows rows = {.capacity = trace->count - first + options->highlight_count + 2};
    rows.rows = calloc(rows.capacity, sizeof *rows.rows);
    if (rows.rows == NULL) {
        return STATUS_NO_MEMORY;
    }
    struct gathering gathering = {.trace = trace, .options = options, .rows = &rows};
    choose_connections(&gathering);
    for (uint32_t i = 0; i < trace->count; i++) {
        if (i == first && first > 0) {
            add_gap(&gathering, first);
        }
        if (i >= first || is_highlighted(&gathering, i)) {
            add_event(&gathering, i);
        }
        follow_state(&gathering, &trace->events[i]);
    }
    *ret_rows = rows;
    return STATUS_OK;
}

void ladder_rows_free(struct ladder_rows *rows)
{
    if (rows != NULL) {
        free(rows->rows);
        *rows = (struct ladder_rows){0};
    }
}
