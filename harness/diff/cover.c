/* Counting pairs of state and event, and writing them down. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/cover.h"

#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { ENDS_MAX = 256, DESCRIPTORS_MAX = 256, LINE_SIZE = 512 };

/* One end of a connection. */
struct end {
    uint8_t state;
    bool reset;      /* an RST is on its way to it, or arrived */
    uint8_t before;  /* at the step that is being played, */
    uint32_t change; /* if this is its number */
};

struct walk {
    struct end ends[ENDS_MAX][TRACE_HOST_COUNT];
    bool listens[DESCRIPTORS_MAX];
    bool aborts[DESCRIPTORS_MAX]; /* SO_LINGER {1,0} is set */
    uint32_t step;
    bool passes; /* the step lets time pass */
};

static void count(struct diff_cover *cover, unsigned state, enum diff_event event)
{
    atomic_fetch_add_explicit(&cover->pairs[state][event], 1, memory_order_relaxed);
}

static struct end *end_of(struct walk *walk, uint32_t conn, unsigned host)
{
    return &walk->ends[conn % ENDS_MAX][host % TRACE_HOST_COUNT];
}

static unsigned state_before(struct walk *walk, const struct trace_event *event)
{
    if (event->conn == 0) {
        bool listens = event->fd >= 0 && event->fd < DESCRIPTORS_MAX && walk->listens[event->fd];
        return listens ? TCP_LISTEN : TCP_CLOSED;
    }
    const struct end *end = end_of(walk, event->conn, event->host);
    return end->change == walk->step ? end->before : end->state;
}

static void take_state(struct diff_cover *cover, struct walk *walk, const struct trace_event *event)
{
    struct end *end = end_of(walk, event->conn, event->host);
    atomic_fetch_add_explicit(&cover->moves[event->a][event->what], 1, memory_order_relaxed);
    /* A state that was sampled has no cause: what time passes and no RST ended, a timer did. */
    bool timed = (event->flags & TRACE_SAMPLED) == 0
                     ? event->b == TCP_EVENT_TIMEOUT
                     : walk->passes && event->what == TCP_CLOSED && !end->reset;
    if (timed) {
        count(cover, (unsigned)event->a, DIFF_EVENT_TIMEOUT);
    }
    end->reset = false;
    if (event->conn != 0) {
        if (end->change != walk->step) {
            end->change = walk->step;
            end->before = (uint8_t)event->a;
        }
        end->state = event->what;
    }
}

/* Which user call of the RFC a call is; DIFF_EVENT_COUNT: none. */
static enum diff_event call_event(const struct walk *walk, const struct trace_event *event)
{
    switch (event->what) {
    case TRACE_CALL_LISTEN:
        return DIFF_EVENT_LISTEN;
    case TRACE_CALL_CONNECT:
        return event->b == AF_UNSPEC ? DIFF_EVENT_ABORT : DIFF_EVENT_CONNECT;
    case TRACE_CALL_SEND:
        return DIFF_EVENT_SEND;
    case TRACE_CALL_RECV:
        return DIFF_EVENT_RECEIVE;
    case TRACE_CALL_SHUTDOWN:
        return DIFF_EVENT_SHUTDOWN;
    case TRACE_CALL_CLOSE:
        return event->fd >= 0 && event->fd < DESCRIPTORS_MAX && walk->aborts[event->fd]
                   ? DIFF_EVENT_ABORT
                   : DIFF_EVENT_CLOSE;
    case TRACE_CALL_GETSOCKOPT:
    case TRACE_CALL_GETSOCKNAME:
    case TRACE_CALL_GETPEERNAME:
        return DIFF_EVENT_STATUS;
    default:
        return DIFF_EVENT_COUNT;
    }
}

static void take_call(struct diff_cover *cover, struct walk *walk, const struct trace_event *event)
{
    enum diff_event what = call_event(walk, event);
    if (what != DIFF_EVENT_COUNT) {
        count(cover, state_before(walk, event), what);
    }
    if (event->fd < 0 || event->fd >= DESCRIPTORS_MAX || event->err != 0) {
        return;
    }
    if (event->what == TRACE_CALL_SETSOCKOPT &&
        event->a == ((int64_t)SOL_SOCKET << 16 | SO_LINGER)) {
        walk->aborts[event->fd] = event->b == 1;
    }
    if (what == DIFF_EVENT_LISTEN) {
        walk->listens[event->fd] = true;
    } else if (what == DIFF_EVENT_CLOSE || what == DIFF_EVENT_ABORT ||
               what == DIFF_EVENT_SHUTDOWN) {
        walk->listens[event->fd] = false;
        walk->aborts[event->fd] = false;
    }
}

/* Whether a listener takes the SYN: the end that it makes comes from LISTEN. */
static bool meets_listener(const struct trace *trace, uint32_t at, unsigned receiver)
{
    const struct trace_event *syn = &trace->events[at];
    for (uint32_t i = at + 1; i < trace->count && trace->events[i].kind != TRACE_STEP; i++) {
        const struct trace_event *event = &trace->events[i];
        if (event->kind == TRACE_STATE && event->conn == syn->conn && event->host == receiver) {
            return event->a == TCP_LISTEN;
        }
    }
    return false;
}

static void take_segment(struct diff_cover *cover, struct walk *walk, const struct trace *trace,
                         uint32_t at)
{
    static const uint8_t kinds[SCENARIO_SEGMENT_COUNT] = {
        [SCENARIO_SEGMENT_ANY] = DIFF_EVENT_ACK,
        [SCENARIO_SEGMENT_SYN] = DIFF_EVENT_SYN,
        [SCENARIO_SEGMENT_SYN_ACK] = DIFF_EVENT_SYN_ACK,
        [SCENARIO_SEGMENT_ACK] = DIFF_EVENT_ACK,
        [SCENARIO_SEGMENT_DATA] = DIFF_EVENT_DATA,
        [SCENARIO_SEGMENT_FIN] = DIFF_EVENT_FIN,
        [SCENARIO_SEGMENT_RST] = DIFF_EVENT_RST,
        [SCENARIO_SEGMENT_URGENT] = DIFF_EVENT_URGENT};
    const struct trace_event *event = &trace->events[at];
    bool arrives = event->result == TRACE_FATE_SENT || event->result == TRACE_FATE_DELIVERED ||
                   event->result == TRACE_FATE_INJECTED ||
                   event->result == TRACE_FATE_RETRANSMITTED;
    if (!arrives || event->what >= SCENARIO_SEGMENT_COUNT) {
        return;
    }
    unsigned receiver = TRACE_HOST_COUNT - 1U - event->host;
    unsigned state = end_of(walk, event->conn, receiver)->state;
    if (state == TCP_CLOSED && event->what == SCENARIO_SEGMENT_SYN &&
        meets_listener(trace, at, receiver)) {
        state = TCP_LISTEN;
    }
    count(cover, state, (enum diff_event)kinds[event->what]);
    end_of(walk, event->conn, receiver)->reset |= event->what == SCENARIO_SEGMENT_RST;
}

void diff_cover_add(struct diff_cover *cover, const struct trace *trace)
{
    struct walk walk;
    memset(&walk, 0, sizeof walk);
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        switch (event->kind) {
        case TRACE_STEP:
            walk.step++;
            walk.passes = event->what == SCENARIO_TIME_ADVANCE;
            break;
        case TRACE_STATE:
            take_state(cover, &walk, event);
            break;
        case TRACE_CALL:
            take_call(cover, &walk, event);
            break;
        case TRACE_SEGMENT:
            take_segment(cover, &walk, trace, i);
            break;
        default:
            break;
        }
    }
}

/* ---- The page ---- */

#define DIFF_EVENT_TEXT(name, text) [DIFF_EVENT_##name] = (text),
static const char *const event_texts[DIFF_EVENT_COUNT] = {DIFF_EVENT_TABLE(DIFF_EVENT_TEXT)};
#undef DIFF_EVENT_TEXT

/* Why a pair cannot occur, or cannot be told from another one; NULL: it can. */
static const char *reason(unsigned state, enum diff_event event)
{
    if (state == TCP_LISTEN && event >= DIFF_EVENT_SYN_ACK && event <= DIFF_EVENT_RST) {
        return "no connection has it: counted under CLOSED";
    }
    if ((state == TCP_CLOSED || state == TCP_LISTEN) && event == DIFF_EVENT_TIMEOUT) {
        return "no timer runs";
    }
    if (state == TCP_SYN_RECEIVED && event == DIFF_EVENT_LISTEN) {
        return "a listener's child has no descriptor before it is accepted";
    }
    return NULL;
}

static enum status put(struct trace_output *output, const char *text, struct status_detail *detail)
{
    return output->write(output->context, text, strlen(text), detail);
}

struct page {
    const struct diff_cover_column *columns;
    unsigned count;
    struct trace_output *output;
};

/* How many of the pairs that can occur each column exercised at least once. */
static enum status put_summary(const struct page *page, struct status_detail *detail)
{
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < page->count && status == STATUS_OK; i++) {
        unsigned exercised = 0;
        unsigned possible = 0;
        for (unsigned state = 0; state < TCP_STATE_COUNT; state++) {
            for (unsigned event = 0; event < DIFF_EVENT_COUNT; event++) {
                bool can = reason(state, (enum diff_event)event) == NULL;
                possible += can;
                exercised += can && atomic_load(&page->columns[i].cover->pairs[state][event]) > 0;
            }
        }
        char line[LINE_SIZE];
        (void)snprintf(line, sizeof line, "| %s | %u | %u |\n", page->columns[i].title, exercised,
                       possible);
        status = i == 0 ? put(page->output,
                              "\n| column | pairs of state and event exercised | that can occur |\n"
                              "| --- | ---: | ---: |\n",
                              detail)
                        : status;
        status = status == STATUS_OK ? put(page->output, line, detail) : status;
    }
    return status;
}

/* A row's counts, and whether all are 0. */
static int put_counts(char *line, size_t size, const struct page *page, const size_t offset,
                      bool *ret_never)
{
    int used = 0;
    *ret_never = true;
    for (unsigned i = 0; i < page->count; i++) {
        const char *cover = (const char *)page->columns[i].cover;
        unsigned long long times =
            atomic_load((const atomic_ullong *)(const void *)(cover + offset));
        used += snprintf(line + used, size - (size_t)used, " %llu |", times);
        *ret_never = *ret_never && times == 0;
    }
    return used;
}

static enum status put_heading(const struct page *page, const char *first, const char *rule,
                               const char *last, struct status_detail *detail)
{
    enum status status = put(page->output, first, detail);
    for (unsigned i = 0; i < page->count && status == STATUS_OK; i++) {
        char cell[64];
        (void)snprintf(cell, sizeof cell, " %s |", page->columns[i].title);
        status = put(page->output, cell, detail);
    }
    status = status == STATUS_OK ? put(page->output, last, detail) : status;
    status = status == STATUS_OK ? put(page->output, rule, detail) : status;
    for (unsigned i = 0; i < page->count && status == STATUS_OK; i++) {
        status = put(page->output, " ---: |", detail);
    }
    return status;
}

static enum status put_pairs(const struct page *page, unsigned state, struct status_detail *detail)
{
    char line[LINE_SIZE * 2];
    char counts[LINE_SIZE];
    (void)snprintf(line, sizeof line, "\n## %s\n\n| event |",
                   tcp_state_name((enum tcp_state)state));
    enum status status = put_heading(page, line, "| --- |", " if never |\n", detail);
    status = status == STATUS_OK ? put(page->output, " --- |\n", detail) : status;
    for (unsigned event = 0; event < DIFF_EVENT_COUNT && status == STATUS_OK; event++) {
        const char *why = reason(state, (enum diff_event)event);
        bool never = false;
        (void)put_counts(counts, sizeof counts, page,
                         offsetof(struct diff_cover, pairs[state][event]), &never);
        (void)snprintf(line, sizeof line, "| %s |%s %s |\n", event_texts[event], counts,
                       !never        ? ""
                       : why != NULL ? why
                                     : "not exercised");
        status = put(page->output, line, detail);
    }
    return status;
}

static enum status put_moves(const struct page *page, struct status_detail *detail)
{
    char line[LINE_SIZE * 2];
    char counts[LINE_SIZE];
    enum status status = put_heading(page, "\n## From state to state\n\n| from | to |",
                                     "| --- | --- |", "\n", detail);
    status = status == STATUS_OK ? put(page->output, "\n", detail) : status;
    for (unsigned from = 0; from < TCP_STATE_COUNT; from++) {
        for (unsigned to = 0; to < TCP_STATE_COUNT && status == STATUS_OK; to++) {
            bool never = false;
            (void)put_counts(counts, sizeof counts, page,
                             offsetof(struct diff_cover, moves[from][to]), &never);
            if (never && !tcp_state_may_follow((enum tcp_state)from, (enum tcp_state)to)) {
                continue;
            }
            (void)snprintf(line, sizeof line, "| %s | %s |%s\n",
                           tcp_state_name((enum tcp_state)from), tcp_state_name((enum tcp_state)to),
                           counts);
            status = put(page->output, line, detail);
        }
    }
    return status;
}

enum status diff_cover_write(const struct diff_cover_column *columns, unsigned count,
                             const char *how, struct trace_output *output,
                             struct status_detail *detail)
{
    assert(count <= DIFF_COVER_COLUMNS_MAX);
    const struct page page = {.columns = columns, .count = count, .output = output};
    enum status status = put(
        output,
        "# What was exercised of the state space\n\n"
        "For every state of RFC 9293 figure 5 and every event of section 3.10: how often an end of "
        "a connection met the event in that state, in the cases of the stack suite and in made-up "
        "scenarios, on each stack. The state is the one before the call, or when the segment was "
        "put on a wire that does not hold it, was delivered, or was forged; pure acknowledgments "
        "are counted where they were held or forged. The model's states are exact; those of the "
        "others are looked at after each segment and call, so that one that is only passed through "
        "is missing there, and a timeout is an end that time brought without an RST. A case that "
        "a stack cannot play, and without `--slow` a time that Linux cannot let pass, is left out "
        "of its column. Segments of a connection of a host with itself are seen on the model "
        "alone.\n\n",
        detail);
    status = status == STATUS_OK ? put(output, how, detail) : status;
    status = status == STATUS_OK ? put_summary(&page, detail) : status;
    for (unsigned state = 0; state < TCP_STATE_COUNT && status == STATUS_OK; state++) {
        status = put_pairs(&page, state, detail);
    }
    return status == STATUS_OK ? put_moves(&page, detail) : status;
}
