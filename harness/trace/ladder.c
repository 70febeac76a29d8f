/* Drawing the rows of the ladder: columns, arrows, lifelines, repetitions and gaps. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/ladder.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "trace/form.h"
#include "trace/ladder_row.h"

enum {
    STATE_WIDTH = 12, /* SYN-RECEIVED */
    PERIOD_MAX = 8,   /* rows of a cycle that is drawn once */
    CONTEXT_ROWS = 2  /* rows drawn around a highlighted one that is far from the end */
};

/* Where each column starts. */
struct layout {
    int conn;
    int text[TRACE_HOST_COUNT];
    int text_width[TRACE_HOST_COUNT];
    int state[TRACE_HOST_COUNT];
    int wire;
    int wire_width;
};

struct drawing {
    const struct ladder_rows *rows;
    const struct trace_output *output;
    struct status_detail *detail;
    struct layout layout;
    enum status status;                 /* the first failure */
    int64_t shown_us;                   /* time in the margin of the last row, -1 none */
    uint8_t lifeline[TRACE_HOST_COUNT]; /* states that rows without a connection are drawn beside */
};

static struct layout layout_for(const struct trace *trace, bool many_connections)
{
    /* In pair mode both sides are programs, and their calls need the room. */
    bool pair = trace->header.role == TRACE_ROLE_PAIR;
    struct layout layout = {.conn = 13};
    int at = many_connections ? 18 : 13;
    layout.text[TRACE_HOST_TARGET] = at;
    layout.state[TRACE_HOST_TARGET] = pair ? 37 : 42;
    layout.text_width[TRACE_HOST_TARGET] = layout.state[TRACE_HOST_TARGET] - at - 1;
    layout.wire = layout.state[TRACE_HOST_TARGET] + STATE_WIDTH + 1;
    layout.wire_width = pair ? 14 : 18;
    layout.state[TRACE_HOST_PEER] = layout.wire + layout.wire_width + 1;
    layout.text[TRACE_HOST_PEER] = layout.state[TRACE_HOST_PEER] + STATE_WIDTH + 1;
    layout.text_width[TRACE_HOST_PEER] = LADDER_WIDTH - layout.text[TRACE_HOST_PEER];
    return layout;
}

static void line_start(char *line)
{
    memset(line, ' ', LADDER_WIDTH);
}

/* Puts text at a column; what would pass `width` is cut, with ".." to say so. */
static void line_put(char *line, int column, int width, const char *text)
{
    int length = (int)strlen(text);
    assert(column >= 0 && column + width <= LADDER_WIDTH);
    if (length > width) {
        memcpy(line + column, text, (size_t)width);
        line[column + width - 2] = '.';
        line[column + width - 1] = '.';
    } else {
        memcpy(line + column, text, (size_t)length);
    }
}

static void line_end(struct drawing *drawing, char *line)
{
    size_t size = LADDER_WIDTH;
    while (size > 0 && line[size - 1] == ' ') {
        size--;
    }
    line[size] = '\n';
    if (drawing->status == STATUS_OK) {
        drawing->status =
            drawing->output->write(drawing->output->context, line, size + 1, drawing->detail);
    }
}

static void put_margin(struct drawing *drawing, char *line, const struct ladder_row *row)
{
    line[0] = row->mark;
    if (row->time_us != drawing->shown_us) {
        char time[40];
        (void)snprintf(time, sizeof time, "%3" PRId64 ".%06d", row->time_us / 1000000,
                       (int)(row->time_us % 1000000));
        line_put(line, 1, 11, time);
        drawing->shown_us = row->time_us;
    }
}

/* The shaft of an arrow by fate: '-' travels, '=' a second copy, '~' not of this connection's
 * making. */
static char shaft_of(unsigned fate)
{
    switch (fate) {
    case TRACE_FATE_DUPLICATED:
    case TRACE_FATE_RETRANSMITTED:
        return '=';
    case TRACE_FATE_INJECTED:
        return '~';
    case TRACE_FATE_DELIVERED:
        return '.';
    default:
        return '-';
    }
}

/* The end of an arrow: a head where it arrives, 'x' where it is lost, '|' where it is held. */
static void put_arrow(const struct layout *layout, char *line, const struct ladder_cells *cells)
{
    char *start = line + layout->wire;
    int width = layout->wire_width;
    bool right = cells->wire_from == TRACE_HOST_TARGET;
    char head = right ? '>' : '<';
    if (cells->wire_fate == TRACE_FATE_DROPPED) {
        head = 'x';
    } else if (cells->wire_fate == TRACE_FATE_HELD) {
        head = '|';
    }
    memset(start, shaft_of(cells->wire_fate), (size_t)width);
    start[right ? width - 1 : 0] = head;
    char label[36];
    int room = width - 6;
    int size = snprintf(label, sizeof label, " %s ", cells->wire);
    if (size - 2 > room) {
        /* Rather the count of bytes alone than half a sequence number. */
        const char *at = strstr(cells->wire, " @");
        int keep = at != NULL ? (int)(at - cells->wire) : room;
        size = snprintf(label, sizeof label, " %.*s ", keep < room ? keep : room, cells->wire);
    }
    memcpy(start + (width - size) / 2, label, (size_t)size);
}

/* A lifeline stands where an endpoint is there. Rows of no connection go beside that of the only
 * one. */
static void put_lifelines(struct drawing *drawing, char *line, const struct ladder_row *row)
{
    bool known = row->conn != 0 || !drawing->rows->many_connections;
    if (row->conn != 0) {
        memcpy(drawing->lifeline, row->cells.state, sizeof drawing->lifeline);
    }
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        if (known && drawing->lifeline[host] != TCP_CLOSED) {
            line[drawing->layout.state[host] + 4] = '|';
        }
    }
}

static void put_states(const struct layout *layout, char *line, const struct ladder_row *row)
{
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        if (row->cells.state_shown[host]) {
            line_put(line, layout->state[host], STATE_WIDTH,
                     trace_state_text(row->cells.state[host]));
        }
    }
}

static void put_conn(const struct drawing *drawing, char *line, const struct ladder_row *row)
{
    if (drawing->rows->many_connections && row->conn != 0) {
        char text[16];
        (void)snprintf(text, sizeof text, "#%" PRIu32, row->conn);
        line_put(line, drawing->layout.conn, 4, text);
    }
}

/* A text that is wider than its column takes a line of its own when the row holds more. */
static void draw_wide_text(struct drawing *drawing, const struct ladder_row *row, unsigned host)
{
    char line[LADDER_WIDTH + 1];
    line_start(line);
    put_margin(drawing, line, row);
    put_conn(drawing, line, row);
    put_lifelines(drawing, line, row);
    int length = (int)strlen(row->cells.text[host]);
    int column = drawing->layout.text[host];
    if (host == TRACE_HOST_PEER) {
        column = length < LADDER_WIDTH ? LADDER_WIDTH - length : 0;
        column = column < drawing->layout.wire ? drawing->layout.wire : column;
    }
    if (host == TRACE_HOST_TARGET && column + length > drawing->layout.state[host]) {
        /* A lifeline inside or touching the text would read as a part of it. */
        memset(line + column, ' ',
               (size_t)(length + 1 < LADDER_WIDTH - column ? length + 1 : LADDER_WIDTH - column));
    }
    line_put(line, column, LADDER_WIDTH - column, row->cells.text[host]);
    line_end(drawing, line);
}

static void draw_cells(struct drawing *drawing, const struct ladder_row *row)
{
    const struct layout *layout = &drawing->layout;
    const struct ladder_cells *cells = &row->cells;
    bool wide[TRACE_HOST_COUNT];
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        wide[host] = (int)strlen(cells->text[host]) > layout->text_width[host];
        if (wide[host]) {
            draw_wide_text(drawing, row, host);
        }
    }
    bool more = cells->wire[0] != '\0';
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        more |= cells->state_shown[host] || (cells->text[host][0] != '\0' && !wide[host]);
    }
    if (!more) {
        return;
    }
    char line[LADDER_WIDTH + 1];
    line_start(line);
    put_margin(drawing, line, row);
    put_conn(drawing, line, row);
    put_lifelines(drawing, line, row);
    put_states(layout, line, row);
    if (cells->wire[0] != '\0') {
        put_arrow(layout, line, cells);
    }
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        if (!wide[host]) {
            line_put(line, layout->text[host], layout->text_width[host], cells->text[host]);
        }
    }
    line_end(drawing, line);
}

static void draw_line(struct drawing *drawing, const struct ladder_row *row)
{
    char line[LADDER_WIDTH + 1];
    line_start(line);
    put_margin(drawing, line, row);
    int column = drawing->layout.conn;
    if (row->fill != ' ') {
        memset(line + column, row->fill, (size_t)(LADDER_WIDTH - column));
    }
    line_put(line, column, LADDER_WIDTH - column, row->line);
    line_end(drawing, line);
}

static void draw_note(struct drawing *drawing, uint32_t rows, const char *what)
{
    char line[LADDER_WIDTH + 1];
    char text[LADDER_WIDTH];
    line_start(line);
    (void)snprintf(text, sizeof text, "   ... %" PRIu32 " %s", rows, what);
    line_put(line, drawing->layout.conn, LADDER_WIDTH - drawing->layout.conn, text);
    line_end(drawing, line);
}

static bool rows_equal(const struct ladder_row *a, const struct ladder_row *b)
{
    return a->kind == b->kind && a->conn == b->conn && strcmp(a->line, b->line) == 0 &&
           memcmp(&a->cells, &b->cells, sizeof a->cells) == 0;
}

/* How often the `period` rows from `at` follow themselves, before `end`: each time at the same
 * moment, as a spinning target makes them, or each time the same while later, as a timer does.
 * What proves a verdict stays at its own time. */
static uint32_t count_repeats(const struct ladder_rows *rows, uint32_t at, uint32_t period,
                              uint32_t end)
{
    uint32_t repeats = 0;
    int64_t each_us =
        at + period < end ? rows->rows[at + period].time_us - rows->rows[at].time_us : 0;
    int64_t later_us = 0;
    for (uint32_t next = at + period; next + period <= end; next += period) {
        later_us += each_us;
        for (uint32_t i = 0; i < period; i++) {
            const struct ladder_row *first = &rows->rows[at + i];
            const struct ladder_row *again = &rows->rows[next + i];
            if (!rows_equal(first, again) || again->time_us != first->time_us + later_us ||
                (each_us != 0 && again->mark != ' ')) {
                return repeats;
            }
        }
        repeats++;
    }
    return repeats;
}

/* A cycle of rows that comes at least three times in a row, as a spinning target makes it. */
static uint32_t find_cycle(const struct ladder_rows *rows, uint32_t at, uint32_t end,
                           uint32_t *ret_repeats)
{
    for (uint32_t period = 1; period <= PERIOD_MAX; period++) {
        uint32_t repeats = count_repeats(rows, at, period, end);
        if (repeats >= 2) {
            *ret_repeats = repeats;
            return period;
        }
    }
    return 0;
}

/* Marks of rows that a cycle swallows go to the row that stands for them. */
static char mark_of_cycle(const struct ladder_rows *rows, uint32_t at, uint32_t period,
                          uint32_t repeats)
{
    char mark = rows->rows[at].mark;
    for (uint32_t i = 1; i <= repeats; i++) {
        char other = rows->rows[at + i * period].mark;
        if (other == '!' || (other == '>' && mark == ' ')) {
            mark = other;
        }
    }
    return mark;
}

/* Folds cycles: what is left are rows that tell something, and notes. */
static void fold_cycles(struct ladder_rows *rows)
{
    uint32_t kept = 0;
    for (uint32_t at = 0; at < rows->count;) {
        uint32_t repeats = 0;
        uint32_t period = find_cycle(rows, at, rows->count, &repeats);
        if (period == 0) {
            rows->rows[kept++] = rows->rows[at++];
            continue;
        }
        for (uint32_t i = 0; i < period; i++) {
            char mark = mark_of_cycle(rows, at + i, period, repeats);
            rows->rows[kept] = rows->rows[at + i];
            rows->rows[kept++].mark = mark;
        }
        uint32_t last = at + period * (repeats + 1) - 1;
        struct ladder_row *note = &rows->rows[kept++];
        *note = (struct ladder_row){
            .kind = LADDER_ROW_LINE, .mark = ' ', .fill = ' ', .time_us = rows->rows[last].time_us};
        if (period == 1) {
            (void)snprintf(note->line, sizeof note->line, "   ... the same %" PRIu32 " times more",
                           repeats);
        } else {
            (void)snprintf(note->line, sizeof note->line,
                           "   ... these %" PRIu32 " again, %" PRIu32 " times more", period,
                           repeats);
        }
        at += period * (repeats + 1);
    }
    rows->count = kept;
}

/* Whether a row is drawn: near the end, or near a marked one. */
static bool is_shown(const struct ladder_rows *rows, uint32_t index, uint32_t rows_max)
{
    if (index + rows_max >= rows->count) {
        return true;
    }
    uint32_t from = index > CONTEXT_ROWS ? index - CONTEXT_ROWS : 0;
    for (uint32_t i = from; i <= index + CONTEXT_ROWS && i < rows->count; i++) {
        if (rows->rows[i].mark != ' ') {
            return true;
        }
    }
    return false;
}

static void draw_rows(struct drawing *drawing, uint32_t rows_max)
{
    uint32_t left_out = 0;
    for (uint32_t i = 0; i < drawing->rows->count && drawing->status == STATUS_OK; i++) {
        const struct ladder_row *row = &drawing->rows->rows[i];
        if (!is_shown(drawing->rows, i, rows_max)) {
            left_out++;
            continue;
        }
        if (left_out > 0) {
            draw_note(drawing, left_out, left_out == 1 ? "row left out" : "rows left out");
            left_out = 0;
        }
        if (row->kind == LADDER_ROW_LINE) {
            draw_line(drawing, row);
        } else {
            draw_cells(drawing, row);
        }
    }
}

static void draw_head(struct drawing *drawing, const struct trace *trace)
{
    char line[LADDER_WIDTH + 1];
    const struct layout *layout = &drawing->layout;
    bool pair = trace->header.role == TRACE_ROLE_PAIR;
    line_start(line);
    line_put(line, 1, 8, "  time s");
    line_put(line, layout->text[TRACE_HOST_TARGET], 10, pair ? "server" : "target");
    line_put(line, layout->state[TRACE_HOST_TARGET], STATE_WIDTH, "state");
    line_put(line, layout->state[TRACE_HOST_PEER], STATE_WIDTH, "state");
    line_put(line, layout->text[TRACE_HOST_PEER], 10, pair ? "client" : "peer");
    line_end(drawing, line);
}

/* Explains the signs that this ladder uses, and only those. */
static void draw_legend(struct drawing *drawing, bool marked)
{
    bool used[TRACE_FATE_COUNT] = {false};
    for (uint32_t i = 0; i < drawing->rows->count; i++) {
        const struct ladder_cells *cells = &drawing->rows->rows[i].cells;
        if (cells->wire[0] != '\0' && cells->wire_fate < TRACE_FATE_COUNT) {
            used[cells->wire_fate] = true;
        }
    }
    const struct {
        bool shown;
        const char *text;
    } parts[] = {
        {marked, "! here, > because of"},
        {used[TRACE_FATE_HELD], "--| held"},
        {used[TRACE_FATE_DELIVERED], "..> delivered later"},
        {used[TRACE_FATE_DROPPED], "--x lost"},
        {used[TRACE_FATE_RETRANSMITTED] || used[TRACE_FATE_DUPLICATED], "==> sent again"},
        {used[TRACE_FATE_INJECTED], "~~> forged"},
    };
    char line[LADDER_WIDTH + 1];
    int at = 1;
    line_start(line);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].shown) {
            line_put(line, at, (int)strlen(parts[i].text), parts[i].text);
            at += (int)strlen(parts[i].text) + 3;
        }
    }
    if (at > 1) {
        line_end(drawing, line);
    }
}

enum status ladder_print(const struct trace *trace, const struct ladder_options *options,
                         const struct trace_output *output, struct status_detail *detail)
{
    struct ladder_rows rows = {0};
    enum status status = ladder_rows_gather(&rows, trace, options);
    if (status != STATUS_OK) {
        return status_fail(detail, status, "no memory for the ladder");
    }
    fold_cycles(&rows);
    struct drawing drawing = {.rows = &rows,
                              .output = output,
                              .detail = detail,
                              .layout = layout_for(trace, rows.many_connections),
                              .status = STATUS_OK,
                              .shown_us = -1};
    draw_head(&drawing, trace);
    draw_rows(&drawing, options->rows_max > 0 ? options->rows_max : LADDER_ROWS_DEFAULT);
    bool marked = false;
    for (uint32_t i = 0; i < rows.count; i++) {
        marked |= rows.rows[i].mark != ' ';
    }
    draw_legend(&drawing, marked);
    ladder_rows_free(&rows);
    return drawing.status;
}
