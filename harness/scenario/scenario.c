/* The tables of names, the verb table, and what keeps a scenario canonical. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/scenario.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

/* Two steps are equal where their bytes are: no padding may hide between the fields. */
_Static_assert(sizeof(struct scenario_step) == 20, "a step has no padding");
_Static_assert(SCENARIO_CALL_COUNT <= 32, "the calls of a verb fit into a mask");

#define TEXT_OF(name, text) [SCENARIO_ACTOR_##name] = (text),
static const char *const actor_names[SCENARIO_ACTOR_COUNT] = {SCENARIO_ACTOR_TABLE(TEXT_OF)};
#undef TEXT_OF
#define TEXT_OF(name, text) [SCENARIO_CALL_##name] = (text),
static const char *const call_names[SCENARIO_CALL_COUNT] = {SCENARIO_CALL_TABLE(TEXT_OF)};
#undef TEXT_OF
#define TEXT_OF(name, text) [SCENARIO_PAYLOAD_##name] = (text),
static const char *const payload_names[SCENARIO_PAYLOAD_COUNT] = {SCENARIO_PAYLOAD_TABLE(TEXT_OF)};
#undef TEXT_OF
#define TEXT_OF(name, text) [SCENARIO_SEGMENT_##name] = (text),
static const char *const segment_names[SCENARIO_SEGMENT_COUNT] = {SCENARIO_SEGMENT_TABLE(TEXT_OF)};
#undef TEXT_OF
#define TEXT_OF(name) [SCENARIO_##name] = #name,
static const char *const errno_names[SCENARIO_ERRNO_COUNT] = {SCENARIO_ERRNO_TABLE(TEXT_OF)};
#undef TEXT_OF
#define NUMBER_OF(name) [SCENARIO_##name] = (name),
static const int errno_numbers[SCENARIO_ERRNO_COUNT] = {SCENARIO_ERRNO_TABLE(NUMBER_OF)};
#undef NUMBER_OF
#define TEXT_OF(name) [SCENARIO_SIG##name] = #name,
static const char *const signal_names[SCENARIO_SIGNAL_COUNT] = {SCENARIO_SIGNAL_TABLE(TEXT_OF)};
#undef TEXT_OF
#define NUMBER_OF(name) [SCENARIO_SIG##name] = SIG##name,
static const int signal_numbers[SCENARIO_SIGNAL_COUNT] = {SCENARIO_SIGNAL_TABLE(NUMBER_OF)};
#undef NUMBER_OF

#define TEXT_OF(name) [SCENARIO_OPTION_##name] = #name,
static const char *const option_names[SCENARIO_OPTION_COUNT] = {SCENARIO_OPTION_TABLE(TEXT_OF)};
#undef TEXT_OF

static const char *const direction_names[SCENARIO_DIRECTION_COUNT] = {
    [SCENARIO_BOTH] = "both",
    [SCENARIO_TO_TARGET] = "to-target",
    [SCENARIO_TO_PEER] = "to-peer",
};

static const char *const how_names[SCENARIO_HOW_COUNT] = {
    [SCENARIO_HOW_WRITE] = "write",
    [SCENARIO_HOW_READ] = "read",
    [SCENARIO_HOW_BOTH] = "both",
};

enum {
    PORT_MAX = 65535,
    BACKLOG_MAX = 65535,
    LINGER_S_MAX = 65535,
    DESCRIPTORS_MAX = 4096,
    ORDER_MAX = 65535,
    SEGMENT_INDEX_MAX = 255,
    OPTION_MAX = INT32_MAX,
    ICMP_CODE_MAX = 15,
    ID_MAX = SCENARIO_SOCKETS_MAX - 1
};

#define CALL_BIT(name) (1U << SCENARIO_CALL_##name)
#define CALLS_ANY (((1U << SCENARIO_CALL_COUNT) - 1U) & ~CALL_BIT(NONE))
#define CALLS_SHORT (CALL_BIT(RECV) | CALL_BIT(SEND))
#define CALLS_INTERRUPT                                                                            \
    (CALL_BIT(ACCEPT) | CALL_BIT(CONNECT) | CALL_BIT(RECV) | CALL_BIT(SEND) | CALL_BIT(WAIT) |     \
     CALL_BIT(SLEEP))

#define CALLS_BLOCKING (CALL_BIT(RECV) | CALL_BIT(SEND) | CALL_BIT(CLOSE))
#define CALLS_MISUSE                                                                               \
    (CALL_BIT(BIND) | CALL_BIT(LISTEN) | CALL_BIT(ACCEPT) | CALL_BIT(CONNECT) | CALL_BIT(RECV) |   \
     CALL_BIT(SEND) | CALL_BIT(SHUTDOWN) | CALL_BIT(CLOSE) | CALL_BIT(OPTION))

/* The columns that rows share, so that each row says only what is its own. */
#define VERB(name, actor_, text)                                                                   \
    [SCENARIO_##name] = {.word = (text), .actor = SCENARIO_ACTOR_##actor_,
#define ID .fields = SCENARIO_USES_ID
#define NUMBER(least, most) .number_min = (least), .number_max = (most)

const struct scenario_verb_row
    scenario_verbs[SCENARIO_VERB_COUNT] =
        {
            /* clang-format off */
    VERB(PEER_CONNECT, PEER, "connect")
        ID | SCENARIO_USES_OPTION | SCENARIO_USES_OPTION2, .keyword = "rcvbuf",
        .number_max = SCENARIO_AMOUNT_MAX, .keyword2 = "from", .option2_max = PORT_MAX,
        .help = "connects to the target; `rcvbuf` sets SO_RCVBUF first, `from` the local port"},
    VERB(PEER_ACCEPT, PEER, "accept")
        ID | SCENARIO_USES_OPTION, .keyword = "rcvbuf", .number_max = SCENARIO_AMOUNT_MAX,
        .help = "takes the first connection that the target made, as this peer; where it has made "
                "none yet, up to a second passes until it does"},
    VERB(PEER_SEND, PEER, "send")
        ID | SCENARIO_USES_PAYLOAD, .help = "sends the payload, `x` N times; `push` sets PSH on each"},
    VERB(PEER_URGENT, PEER, "urgent")
        ID, .help = "sends one byte of urgent data"},
    VERB(PEER_RECV, PEER, "recv")
        ID | SCENARIO_USES_NUMBER, NUMBER(1, SCENARIO_AMOUNT_MAX), .all_word = "all",
        .help = "a stalled peer reads this many bytes"},
    VERB(PEER_STALL, PEER, "stall")
        ID, .help = "stops reading; the target sees the window fill"},
    VERB(PEER_RESUME, PEER, "resume")
        ID, .help = "reads again whatever arrives, at once"},
    VERB(PEER_SHUTDOWN, PEER, "shutdown")
        ID | SCENARIO_USES_HOW, .help = "shuts one or both directions; `write` sends a FIN"},
    VERB(PEER_CLOSE, PEER, "close")
        ID, .help = "closes: a FIN, or a RST where something was left unread"},
    VERB(PEER_RESET, PEER, "reset")
        ID, .help = "closes with SO_LINGER {1,0}: a RST"},
    VERB(PEER_LINGER, PEER, "linger")
        ID | SCENARIO_USES_NUMBER, NUMBER(0, LINGER_S_MAX), .help = "sets SO_LINGER {1, N seconds}"},
    VERB(PEER_LISTEN, PEER, "listen")
        ID | SCENARIO_USES_OPTION, .keyword = "backlog", .number_max = BACKLOG_MAX,
        .help = "opens the port that a client target connects to"},
    VERB(PEER_UNLISTEN, PEER, "unlisten")
        ID, .help = "closes that port; as the first step: it never was open"},
    VERB(WIRE_HOLD, WIRE, "hold")
        .fields = SCENARIO_USES_DIRECTION, .help = "segments stay in flight until released"},
    VERB(WIRE_RELEASE, WIRE, "release")
        .fields = SCENARIO_USES_DIRECTION, .help = "delivers what was held, in order"},
    VERB(WIRE_DELIVER, WIRE, "deliver")
        .fields = SCENARIO_USES_NUMBER, NUMBER(0, SEGMENT_INDEX_MAX),
        .help = "delivers one held segment; 0 is the oldest"},
    VERB(WIRE_DROP, WIRE, "drop")
        .fields = SCENARIO_USES_NUMBER, NUMBER(0, SEGMENT_INDEX_MAX), .help = "loses one held segment"},
    VERB(WIRE_DUPLICATE, WIRE, "duplicate")
        .fields = SCENARIO_USES_NUMBER, NUMBER(0, SEGMENT_INDEX_MAX),
        .help = "puts a copy of one held segment behind the last"},
    VERB(WIRE_LOSE, WIRE, "lose")
        .fields = SCENARIO_USES_SEGMENT | SCENARIO_USES_NUMBER, NUMBER(1, SCENARIO_CALL_MAX),
        .help = "the next N segments of this kind vanish"},
    VERB(WIRE_CUT, WIRE, "cut")
        .fields = SCENARIO_USES_DIRECTION, .help = "every segment vanishes until `mend`"},
    VERB(WIRE_MEND, WIRE, "mend")
        .fields = SCENARIO_USES_DIRECTION, .help = "ends `cut`"},
    VERB(WIRE_INJECT, WIRE, "inject")
        ID | SCENARIO_USES_SEGMENT | SCENARIO_USES_DIRECTION,
        .help = "forges a segment of the connection of that peer, or app socket"},
    VERB(KERNEL_FAIL, KERNEL, "fail")
        .fields = SCENARIO_USES_CALL | SCENARIO_USES_ERRNO | SCENARIO_USES_REPEAT, .calls = CALLS_ANY,
        .help = "the target's next such calls fail with this errno"},
    VERB(KERNEL_SHORT, KERNEL, "short")
        .fields = SCENARIO_USES_CALL | SCENARIO_USES_NUMBER | SCENARIO_USES_REPEAT,
        NUMBER(1, SCENARIO_AMOUNT_MAX), .calls = CALLS_SHORT,
        .help = "the target's next such calls transfer at most N bytes"},
    VERB(KERNEL_INTERRUPT, KERNEL, "interrupt")
        .fields = SCENARIO_USES_CALL, .calls = CALLS_INTERRUPT,
        .help = "a handled signal arrives in the target's next such call"},
    VERB(KERNEL_DESCRIPTORS, KERNEL, "descriptors")
        .fields = SCENARIO_USES_NUMBER, NUMBER(0, DESCRIPTORS_MAX), .all_word = "free",
        .help = "leaves the target N free descriptors (RLIMIT_NOFILE); `free` lifts that"},
    VERB(KERNEL_ORDER, KERNEL, "order")
        .fields = SCENARIO_USES_NUMBER, NUMBER(0, ORDER_MAX),
        .help = "which permutation of ready descriptors the next waits report; with several "
                "threads, also which of them run when, from here on"},
    VERB(KERNEL_CLEAR, KERNEL, "clear")
        .fields = 0, .help = "withdraws pending faults and limits"},
    VERB(TIME_ADVANCE, TIME, "advance")
        .fields = SCENARIO_USES_NUMBER | SCENARIO_USES_TIME, NUMBER(1, SCENARIO_TIME_MS_MAX),
        .help = "lets time pass; timers that fall due fire in order"},
    VERB(TIME_CLOCK, TIME, "clock")
        .fields = SCENARIO_USES_NUMBER | SCENARIO_USES_TIME, NUMBER(1, SCENARIO_TIME_MS_MAX),
        .help = "the wall clock jumps ahead; the monotonic clock does not"},
    VERB(TARGET_SIGNAL, TARGET, "signal")
        .fields = SCENARIO_USES_SIGNAL, .help = "sends the target a signal"},
    VERB(TARGET_RESTART, TARGET, "restart")
        .fields = 0, .help = "stops the target and starts it again; the kernel keeps its state"},
    VERB(APP_SOCKET, APP, "socket")
        ID | SCENARIO_USES_WORDS, .words = {"peer"}, .no_word = "target",
        .help = "makes a TCP socket on the target's host, or the peer's"},
    VERB(APP_BIND, APP, "bind")
        ID | SCENARIO_USES_NUMBER, NUMBER(0, PORT_MAX), .help = "binds it to this port"},
    VERB(APP_LISTEN, APP, "listen")
        ID | SCENARIO_USES_NUMBER, NUMBER(0, BACKLOG_MAX), .help = "listens with this backlog"},
    VERB(APP_ACCEPT, APP, "accept")
        ID | SCENARIO_USES_NUMBER | SCENARIO_USES_WORDS, NUMBER(0, ID_MAX), .words = {"null", "cut"},
        .help = "accepts; N names the new socket; `null` asks for no address, `cut` has room for "
                "half of it"},
    VERB(APP_CONNECT, APP, "connect")
        ID | SCENARIO_USES_NUMBER | SCENARIO_USES_WORDS, NUMBER(0, PORT_MAX), .words = {"own"},
        .help = "connects to this port of the other host, or of its own"},
    VERB(APP_SEND, APP, "send")
        ID | SCENARIO_USES_PAYLOAD, .help = "sends the payload, `x` N times"},
    VERB(APP_RECV, APP, "recv")
        ID | SCENARIO_USES_NUMBER | SCENARIO_USES_WORDS, NUMBER(0, SCENARIO_AMOUNT_MAX),
        .words = {"peek", "waitall", "oob"},
        .help = "receives at most N bytes, with MSG_PEEK, MSG_WAITALL, MSG_OOB"},
    VERB(APP_SHUTDOWN, APP, "shutdown")
        ID | SCENARIO_USES_HOW, .help = "shuts one or both directions"},
    VERB(APP_CLOSE, APP, "close")
        ID, .help = "closes the descriptor"},
    VERB(APP_RESET, APP, "reset")
        ID, .help = "closes with SO_LINGER {1,0}"},
    VERB(APP_LINGER, APP, "linger")
        ID | SCENARIO_USES_NUMBER, NUMBER(0, LINGER_S_MAX), .help = "sets SO_LINGER {1, N seconds}"},
    VERB(APP_DUP, APP, "dup")
        ID | SCENARIO_USES_NUMBER, NUMBER(0, ID_MAX), .help = "duplicates; N names the new socket"},
    VERB(APP_POLL, APP, "poll")
        ID, .help = "asks for its readiness"},
    VERB(APP_OPTION, APP, "option")
        ID | SCENARIO_USES_SOCKOPT | SCENARIO_USES_NUMBER, NUMBER(0, OPTION_MAX), .all_word = "off",
        .help = "sets a socket option; SO_LINGER: {1, N seconds}, `off`: -1, SO_LINGER {0, 0}; "
                "SO_RCVTIMEO, SO_SNDTIMEO: milliseconds"},
    VERB(APP_GET, APP, "get")
        ID | SCENARIO_USES_SOCKOPT, .help = "reads a socket option; of TCP_INFO the state"},
    VERB(APP_NAMES, APP, "names")
        ID, .help = "asks for its own name and the other end's"},
    VERB(APP_URGENT, APP, "urgent")
        ID, .help = "sends one byte of urgent data"},
    VERB(APP_DISCONNECT, APP, "disconnect")
        ID, .help = "connects to AF_UNSPEC: a fresh socket again"},
    VERB(APP_FLAGS, APP, "flags")
        ID, .help = "asks for O_NONBLOCK and FD_CLOEXEC of the descriptor"},
    VERB(APP_WATCH, APP, "watch")
        ID | SCENARIO_USES_WORDS, .words = {"edge", "oneshot", "again", "off"},
        .help = "registers it with its host's epoll; `again` changes that, `off` ends it"},
    VERB(APP_WAIT, APP, "wait")
        .fields = SCENARIO_USES_WORDS, .words = {"peer"}, .no_word = "target",
        .help = "asks the epoll of the target's host, or the peer's, what is ready"},
    VERB(APP_BLOCKING, APP, "blocking")
        ID | SCENARIO_USES_CALL | SCENARIO_USES_OPTION | SCENARIO_USES_WORDS, NUMBER(0, SCENARIO_AMOUNT_MAX),
        .calls = CALLS_BLOCKING, .keyword = "size", .words = {"interrupted"},
        .help = "the call as on a descriptor without O_NONBLOCK, and without MSG_NOSIGNAL; it waits until "
                "its time limit is over, or until a handled signal comes"},
    VERB(APP_MISUSE, APP, "misuse")
        .fields = SCENARIO_USES_CALL | SCENARIO_USES_WORDS, .calls = CALLS_MISUSE, .words = {"file"},
        .help = "the call on a descriptor that has just been closed, or on one of a file that is no socket"},
    VERB(APP_DIE, APP, "die")
        .fields = SCENARIO_USES_WORDS, .words = {"peer"}, .no_word = "target",
        .help = "the process that holds the sockets of the target's host, or of the peer's, is killed"},
    VERB(APP_UNREACHABLE, APP, "unreachable")
        ID | SCENARIO_USES_NUMBER, NUMBER(0, ICMP_CODE_MAX),
        .help = "an ICMP message comes about a segment that it sent: destination unreachable, code N"},
    VERB(APP_COOKIES, APP, "cookies")
        .fields = SCENARIO_USES_WORDS, .words = {"peer"}, .no_word = "target",
        .help = "from here on the host answers every SYN by a SYN cookie"},
/* clang-format on */
}
;

const char *scenario_actor_name(enum scenario_actor actor)
{
    return (unsigned)actor < SCENARIO_ACTOR_COUNT ? actor_names[actor] : "?";
}

const char *scenario_call_name(enum scenario_call call)
{
    return (unsigned)call < SCENARIO_CALL_COUNT ? call_names[call] : "?";
}

const char *scenario_segment_name(enum scenario_segment kind)
{
    return (unsigned)kind < SCENARIO_SEGMENT_COUNT ? segment_names[kind] : "?";
}

const char *scenario_payload_name(enum scenario_payload payload)
{
    return (unsigned)payload < SCENARIO_PAYLOAD_COUNT ? payload_names[payload] : "?";
}

const char *scenario_errno_name(enum scenario_errno error)
{
    return (unsigned)error < SCENARIO_ERRNO_COUNT ? errno_names[error] : "?";
}

const char *scenario_signal_name(enum scenario_signal signal)
{
    return (unsigned)signal < SCENARIO_SIGNAL_COUNT ? signal_names[signal] : "?";
}

const char *scenario_option_name(enum scenario_option option)
{
    return (unsigned)option < SCENARIO_OPTION_COUNT ? option_names[option] : "?";
}

const char *scenario_direction_name(enum scenario_direction direction)
{
    return (unsigned)direction < SCENARIO_DIRECTION_COUNT ? direction_names[direction] : "?";
}

const char *scenario_how_name(enum scenario_how how)
{
    return (unsigned)how < SCENARIO_HOW_COUNT ? how_names[how] : "?";
}

int scenario_errno_number(enum scenario_errno error)
{
    assert((unsigned)error < SCENARIO_ERRNO_COUNT);
    return errno_numbers[error];
}

int scenario_signal_number(enum scenario_signal signal)
{
    assert((unsigned)signal < SCENARIO_SIGNAL_COUNT);
    return signal_numbers[signal];
}

bool scenario_payload_slices(enum scenario_payload payload)
{
    return payload == SCENARIO_PAYLOAD_REQUEST || payload == SCENARIO_PAYLOAD_RESPONSE ||
           payload == SCENARIO_PAYLOAD_LARGE;
}

bool scenario_payload_counts(enum scenario_payload payload)
{
    return payload == SCENARIO_PAYLOAD_NEXT || payload == SCENARIO_PAYLOAD_FILL;
}

static uint32_t clamp(uint32_t value, uint32_t least, uint32_t most)
{
    if (value < least) {
        return least;
    }
    return value > most ? most : value;
}

static uint8_t wrap(uint8_t value, uint8_t count)
{
    return value < count ? value : (uint8_t)(value % count);
}

/* A call of the mask: the one named where it is allowed, else one chosen by its number. */
static uint8_t reduce_call(uint32_t calls, uint8_t what)
{
    if (what < SCENARIO_CALL_COUNT && (calls >> what & 1U) != 0) {
        return what;
    }
    unsigned skip = what % (unsigned)__builtin_popcount(calls);
    while (skip-- > 0) {
        calls &= calls - 1;
    }
    return (uint8_t)__builtin_ctz(calls);
}

static void reduce_payload(struct scenario_step *step)
{
    step->what = wrap(step->what, SCENARIO_PAYLOAD_COUNT);
    if (step->what == SCENARIO_PAYLOAD_NONE) {
        step->what = SCENARIO_PAYLOAD_REQUEST;
    }
    step->kind = step->kind != 0;
    step->repeat = (uint16_t)clamp(step->repeat, 1, SCENARIO_REPEAT_MAX);
    if (step->what != SCENARIO_PAYLOAD_LITERAL) {
        step->literal_at = 0;
        step->literal_size = 0;
    }
    if (scenario_payload_slices(step->what)) {
        step->from = clamp(step->from, 0, SCENARIO_AMOUNT_MAX - 1);
        if (step->to <= step->from) {
            step->to = SCENARIO_ALL;
        } else if (step->to != SCENARIO_ALL) {
            step->to = clamp(step->to, 1, SCENARIO_AMOUNT_MAX);
        }
    } else {
        step->from =
            scenario_payload_counts(step->what) ? clamp(step->from, 1, SCENARIO_AMOUNT_MAX) : 0;
        step->to = 0;
    }
}

static void reduce_numbers(const struct scenario_verb_row *row, struct scenario_step *step)
{
    uint32_t fields = row->fields;
    if ((fields & SCENARIO_USES_NUMBER) != 0) {
        if (step->from != SCENARIO_ALL || row->all_word == NULL) {
            step->from = clamp(step->from, row->number_min, row->number_max);
        }
    } else if ((fields & SCENARIO_USES_OPTION) != 0) {
        step->from = clamp(step->from, 0, row->number_max);
    } else {
        step->from = 0;
    }
    step->to = (fields & SCENARIO_USES_OPTION2) != 0 ? clamp(step->to, 0, row->option2_max) : 0;
    step->repeat = (fields & SCENARIO_USES_REPEAT) != 0
                       ? (uint16_t)clamp(step->repeat, 1, SCENARIO_CALL_MAX)
                       : 0;
}

/* The bits that the words of a row take. */
static uint8_t words_mask(const struct scenario_verb_row *row)
{
    unsigned count = 0;
    while (count < SCENARIO_WORDS_MAX && row->words[count] != NULL) {
        count++;
    }
    return (uint8_t)((1U << count) - 1);
}

static void reduce_words(const struct scenario_verb_row *row, struct scenario_step *step)
{
    uint32_t fields = row->fields;
    if ((fields & SCENARIO_USES_CALL) != 0) {
        step->what = reduce_call(row->calls, step->what);
    } else if ((fields & SCENARIO_USES_DIRECTION) != 0) {
        step->what = wrap(step->what, SCENARIO_DIRECTION_COUNT);
    } else if ((fields & SCENARIO_USES_HOW) != 0) {
        step->what = wrap(step->what, SCENARIO_HOW_COUNT);
    } else if ((fields & SCENARIO_USES_SIGNAL) != 0) {
        step->what = wrap(step->what, SCENARIO_SIGNAL_COUNT);
    } else if ((fields & SCENARIO_USES_SOCKOPT) != 0) {
        step->what = wrap(step->what, SCENARIO_OPTION_COUNT);
    } else {
        step->what = 0;
    }
    if ((fields & SCENARIO_USES_SEGMENT) != 0) {
        step->kind = wrap(step->kind, SCENARIO_SEGMENT_COUNT);
    } else if ((fields & SCENARIO_USES_ERRNO) != 0) {
        step->kind = wrap(step->kind, SCENARIO_ERRNO_COUNT);
    } else if ((fields & SCENARIO_USES_WORDS) != 0) {
        step->kind &= words_mask(row);
    } else {
        step->kind = 0;
    }
}

void scenario_step_reduce(struct scenario_step *step)
{
    step->verb = wrap(step->verb, SCENARIO_VERB_COUNT);
    const struct scenario_verb_row *row = &scenario_verbs[step->verb];
    step->id = (row->fields & SCENARIO_USES_ID) != 0 ? wrap(step->id, SCENARIO_SOCKETS_MAX) : 0;
    step->place_call = wrap(step->place_call, SCENARIO_CALL_COUNT);
    if (step->place_call == SCENARIO_CALL_NONE) {
        step->place_nth = 0;
    } else if (step->place_nth == 0) {
        step->place_nth = 1;
    }
    if ((row->fields & SCENARIO_USES_PAYLOAD) != 0) {
        reduce_payload(step);
        return;
    }
    reduce_words(row, step);
    reduce_numbers(row, step);
    step->literal_at = 0;
    step->literal_size = 0;
}

static bool has_literal(const struct scenario_step *step)
{
    return (scenario_verbs[step->verb].fields & SCENARIO_USES_PAYLOAD) != 0 &&
           step->what == SCENARIO_PAYLOAD_LITERAL;
}

void scenario_copy(struct scenario *ret_copy, const struct scenario *scenario)
{
    assert(scenario->count <= SCENARIO_STEPS_MAX);
    assert(scenario->literal_used <= SCENARIO_LITERAL_MAX);
    ret_copy->count = scenario->count;
    ret_copy->literal_used = scenario->literal_used;
    memcpy(ret_copy->steps, scenario->steps, scenario->count * sizeof(scenario->steps[0]));
    memcpy(ret_copy->literal, scenario->literal, scenario->literal_used);
}

bool scenario_valid(const struct scenario *scenario)
{
    if (scenario->count > SCENARIO_STEPS_MAX || scenario->literal_used > SCENARIO_LITERAL_MAX) {
        return false;
    }
    size_t literal_used = 0;
    for (unsigned i = 0; i < scenario->count; i++) {
        struct scenario_step reduced = scenario->steps[i];
        scenario_step_reduce(&reduced);
        if (memcmp(&reduced, &scenario->steps[i], sizeof(reduced)) != 0) {
            return false;
        }
        if (has_literal(&reduced)) {
            if (reduced.literal_at != (reduced.literal_size > 0 ? literal_used : 0)) {
                return false;
            }
            literal_used += reduced.literal_size;
        }
    }
    return literal_used == scenario->literal_used;
}

bool scenario_equal(const struct scenario *a, const struct scenario *b)
{
    return a->count == b->count && a->literal_used == b->literal_used &&
           memcmp(a->steps, b->steps, a->count * sizeof(a->steps[0])) == 0 &&
           memcmp(a->literal, b->literal, a->literal_used) == 0;
}

enum status scenario_append(struct scenario *scenario, const struct scenario_step *step,
                            const uint8_t *literal)
{
    assert(scenario->count <= SCENARIO_STEPS_MAX);
    if (scenario->count == SCENARIO_STEPS_MAX) {
        return STATUS_LIMIT;
    }
    struct scenario_step reduced = *step;
    scenario_step_reduce(&reduced);
    if (has_literal(&reduced)) {
        assert(literal != NULL || reduced.literal_size == 0);
        if (reduced.literal_size > SCENARIO_LITERAL_MAX - scenario->literal_used) {
            return STATUS_LIMIT;
        }
        /* An empty literal stands nowhere, so that it stays the same wherever its step goes. */
        reduced.literal_at = reduced.literal_size > 0 ? scenario->literal_used : 0;
        if (reduced.literal_size > 0) {
            /* The literal may stand in the scenario itself, when a step is repeated. */
            memmove(scenario->literal + reduced.literal_at, literal, reduced.literal_size);
        }
        scenario->literal_used = (uint16_t)(scenario->literal_used + reduced.literal_size);
    }
    scenario->steps[scenario->count++] = reduced;
    return STATUS_OK;
}

unsigned scenario_append_run(struct scenario *scenario, const struct scenario *source,
                             unsigned first, unsigned end, unsigned steps_max)
{
    assert(scenario != source);
    assert(first <= end && end <= source->count);
    assert(steps_max <= SCENARIO_STEPS_MAX);
    unsigned room = steps_max > scenario->count ? steps_max - scenario->count : 0;
    unsigned count = end - first < room ? end - first : room;
    if (source->literal_used == 0) {
        memcpy(&scenario->steps[scenario->count], &source->steps[first],
               count * sizeof(source->steps[0]));
        scenario->count = (uint16_t)(scenario->count + count);
        return count;
    }
    for (unsigned i = 0; i < count; i++) {
        const struct scenario_step *step = &source->steps[first + i];
        if (scenario_append(scenario, step, source->literal + step->literal_at) != STATUS_OK) {
            return i;
        }
    }
    return count;
}
