/* Profiles described by data: the line, banner and discard protocols, and those of manifests. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/framed.h"

#include "suite/dialogue.h"
#include "suite/pattern.h"
#include "suite/profiles.h"

enum { FRAMED_NUMBER_DIGITS = 6, FRAMED_CONNECTION_DIGITS = 3 };

struct framed_state {
    struct dialogue dialogue;
    uint64_t tail;    /* the last eight bytes of the answer in progress */
    uint32_t line_at; /* CODED, RESP: bytes of the present line */
    uint32_t number;  /* RESP: that stands in this line; bytes of the string in progress */
    uint32_t items;   /* RESP: strings still to come */
    uint8_t sign;     /* RESP: what the line begins with; 0 while a string is in progress */
    bool line_ends;   /* CODED: it is the last one */
    bool greeted;     /* the target's greeting is over */
    bool opened;      /* so is its answer to the opening */
};
_Static_assert(sizeof(struct framed_state) <= PROFILE_STATE_SIZE, "the state fits");

static const struct framed_config *config_of(const struct profile *profile)
{
    return profile->config;
}

/* ---- Templates ---- */

/* Writes the template with its places filled in; the same length whatever the numbers. */
static uint32_t text_render(const struct framed_text *text, uint32_t ordinal, uint32_t number,
                            uint8_t *at)
{
    uint8_t *start = at;
    for (uint16_t i = 0; i < text->size; i++) {
        bool place = text->bytes[i] == '{' && i + 2 < text->size && text->bytes[i + 2] == '}';
        if (place && text->bytes[i + 1] == 'n') {
            dialogue_digits(at, FRAMED_NUMBER_DIGITS, number);
            at += FRAMED_NUMBER_DIGITS;
            i += 2;
        } else if (place && text->bytes[i + 1] == 'c') {
            dialogue_digits(at, FRAMED_CONNECTION_DIGITS, ordinal);
            at += FRAMED_CONNECTION_DIGITS;
            i += 2;
        } else {
            *at++ = (uint8_t)text->bytes[i];
        }
    }
    return (uint32_t)(at - start);
}

static uint32_t text_size(const struct framed_text *text)
{
    uint8_t scratch[DIALOGUE_SCRATCH];
    _Static_assert(FRAMED_TEXT_MAX * 2 <= DIALOGUE_SCRATCH,
                   "a template fits, its places filled in");
    return text_render(text, 0, 0, scratch);
}

static uint32_t message_size(const struct framed_message *message)
{
    if (message->raw_size > 0) {
        return message->raw_size;
    }
    return text_size(&message->head) + message->filling + text_size(&message->tail);
}

static const uint8_t *message_span(const struct framed_message *message, uint32_t ordinal,
                                   uint32_t number, uint32_t offset,
                                   uint8_t scratch[DIALOGUE_SCRATCH], size_t *ret_size)
{
    if (message->raw_size > 0) {
        *ret_size = message->raw_size - offset;
        return message->raw + offset;
    }
    uint32_t head = text_render(&message->head, ordinal, number, scratch);
    if (offset < head) {
        *ret_size = head - offset;
        return scratch + offset;
    }
    offset -= head;
    if (offset < message->filling) {
        const uint8_t *span =
            pattern_at((uint64_t)ordinal * 331 + (uint64_t)number * 37 + offset, ret_size);
        *ret_size = *ret_size < message->filling - offset ? *ret_size : message->filling - offset;
        return span;
    }
    offset -= message->filling;
    uint32_t tail = text_render(&message->tail, ordinal, number, scratch);
    *ret_size = tail - offset;
    return scratch + offset;
}

/* ---- What the peer says ---- */

/* The peer's message of this number and kind; NULL when it has none to say. */
static const struct framed_message *speech_message(const struct profile *profile,
                                                   const struct dialogue *dialogue,
                                                   enum dialogue_kind kind, uint32_t number)
{
    const struct framed_config *config = config_of(profile);
    if (dialogue->role != TRACE_ROLE_CLIENT) {
        return &config->request[kind];
    }
    if (config->greets && number == 1) {
        return kind == DIALOGUE_ORDINARY ? &config->hello : NULL;
    }
    return number <= dialogue->answered + (config->greets ? 1U : 0U) ? &config->reply[kind] : NULL;
}

/* The opening is the beginning of the first message, whatever its kind: `request[0:n]` cuts both.
 */
static uint32_t opening_size(const struct profile *profile, const struct dialogue *dialogue,
                             uint32_t number)
{
    const struct framed_text *opening = &config_of(profile)->opening;
    return number == 1 && opening->size > 0 && dialogue->role != TRACE_ROLE_CLIENT
               ? text_size(opening)
               : 0;
}

static uint32_t speech_size(const struct profile *profile, const struct dialogue *dialogue,
                            enum dialogue_kind kind, uint32_t number)
{
    const struct framed_message *message = speech_message(profile, dialogue, kind, number);
    uint32_t size = message == NULL ? 0 : message_size(message);
    return size == 0 ? 0 : opening_size(profile, dialogue, number) + size;
}

static const uint8_t *speech_span(const struct profile *profile, const struct dialogue *dialogue,
                                  enum dialogue_kind kind, uint32_t number, uint32_t offset,
                                  uint8_t scratch[DIALOGUE_SCRATCH], size_t *ret_size)
{
    const struct framed_message *message = speech_message(profile, dialogue, kind, number);
    assert(message != NULL);
    uint32_t opening = opening_size(profile, dialogue, number);
    if (offset < opening) {
        (void)text_render(&config_of(profile)->opening, dialogue->ordinal, number, scratch);
        *ret_size = opening - offset;
        return scratch + offset;
    }
    return message_span(message, dialogue->ordinal, number, offset - opening, scratch, ret_size);
}

static void answer_begun(struct dialogue *dialogue, struct profile_sink *sink);
static void answer_complete(struct framed_state *state, struct profile_sink *sink);

/* Answers that are empty are complete when it is their turn. */
static void answer_empty(const struct profile *profile, struct framed_state *state,
                         struct profile_sink *sink)
{
    struct dialogue *dialogue = &state->dialogue;
    while (dialogue->answered < dialogue->sent && dialogue->read_at == 0) {
        enum dialogue_kind kind = dialogue_kind_of(dialogue, dialogue->answered + 1);
        if (config_of(profile)->answer[kind].frame != FRAMED_NONE) {
            return;
        }
        answer_begun(dialogue, sink);
        answer_complete(state, sink);
    }
}

static void speech_complete(const struct profile *profile, struct dialogue *dialogue,
                            enum dialogue_kind kind, struct profile_sink *sink)
{
    if (dialogue->role == TRACE_ROLE_CLIENT) {
        bool greets = config_of(profile)->greets;
        if (greets && dialogue->sent == 1) {
            profile_report(sink, TRACE_DIALOGUE_GREETING, 0, 0);
        } else {
            profile_report(sink, TRACE_DIALOGUE_RESPONSE_SENT, dialogue->sent - (greets ? 1U : 0U),
                           0);
        }
        return;
    }
    if (dialogue->last_sent) {
        dialogue_leave(dialogue, sink); /* nothing may follow the last request */
        return;
    }
    profile_report(sink, TRACE_DIALOGUE_REQUEST_SENT, dialogue->sent, 0);
    if (kind == DIALOGUE_LAST) {
        dialogue->last_sent = true;
        profile_report(sink, TRACE_DIALOGUE_LAST_SENT, dialogue->sent, 0);
    }
    answer_empty(profile, (struct framed_state *)dialogue, sink);
}

static const struct dialogue_speech framed_speech = {speech_size, speech_span, speech_complete,
                                                     NULL};

/* ---- What the target says ---- */

static bool is_greeting(const struct profile *profile, const struct framed_state *state)
{
    return config_of(profile)->greets && !state->greeted &&
           state->dialogue.role == TRACE_ROLE_SERVER;
}

/* A server may answer the opening before the request behind it is whole, or was sent at all. */
static bool is_opening(const struct profile *profile, const struct framed_state *state)
{
    const struct framed_config *config = config_of(profile);
    const struct dialogue *dialogue = &state->dialogue;
    return config->opened.frame != FRAMED_NONE && !state->opened && !is_greeting(profile, state) &&
           dialogue->role == TRACE_ROLE_SERVER &&
           (dialogue->sent > 0 || dialogue->sent_at >= opening_size(profile, dialogue, 1));
}

static void answer_begun(struct dialogue *dialogue, struct profile_sink *sink)
{
    profile_report(sink,
                   dialogue->role == TRACE_ROLE_CLIENT ? TRACE_DIALOGUE_REQUEST_BEGUN
                                                       : TRACE_DIALOGUE_RESPONSE_BEGUN,
                   (int64_t)dialogue->answered + 1, 0);
}

static void answer_complete(struct framed_state *state, struct profile_sink *sink)
{
    struct dialogue *dialogue = &state->dialogue;
    dialogue->answered++;
    dialogue->read_at = 0;
    state->tail = 0;
    state->line_at = 0;
    state->items = 0;
    profile_report(sink,
                   dialogue->role == TRACE_ROLE_CLIENT ? TRACE_DIALOGUE_REQUEST_COMPLETE
                                                       : TRACE_DIALOGUE_RESPONSE_COMPLETE,
                   dialogue->answered, 0);
}

/* How many of the bytes belong to the answer in progress, whether it is whole then, and the first
 * wrong byte (`size` when none is). */
struct framed_take {
    size_t taken;
    size_t wrong;
    bool whole;
};

static struct framed_take take_message(const struct framed_state *state,
                                       const struct framed_message *message, const uint8_t *data,
                                       size_t size)
{
    const struct dialogue *dialogue = &state->dialogue;
    uint8_t scratch[DIALOGUE_SCRATCH];
    uint32_t whole = message_size(message);
    struct framed_take take = {.wrong = size};
    while (take.taken < size && dialogue->read_at + take.taken < whole) {
        size_t piece = 0;
        const uint8_t *span =
            message_span(message, dialogue->ordinal, dialogue->answered + 1,
                         dialogue->read_at + (uint32_t)take.taken, scratch, &piece);
        piece = piece < size - take.taken ? piece : size - take.taken;
        for (size_t i = 0; memcmp(span, data + take.taken, piece) != 0 && i < piece; i++) {
            if (span[i] != data[take.taken + i]) {
                take.wrong = take.taken + i;
                return take;
            }
        }
        take.taken += piece;
    }
    take.whole = dialogue->read_at + take.taken == whole;
    return take;
}

static struct framed_take take_ends(struct framed_state *state, const struct framed_answer *answer,
                                    const uint8_t *data, size_t size)
{
    struct framed_take take = {.wrong = size};
    uint32_t prefix = text_size(&answer->exact.head);
    if (state->dialogue.read_at < prefix) {
        struct framed_message head = {.head = answer->exact.head};
        size_t first = prefix - state->dialogue.read_at;
        struct framed_take start = take_message(state, &head, data, size < first ? size : first);
        if (start.wrong < (size < first ? size : first)) {
            return start;
        }
    }
    uint64_t mask = answer->end_size >= 8 ? UINT64_MAX : (1ULL << (answer->end_size * 8U)) - 1U;
    uint64_t end = 0;
    for (unsigned i = 0; i < answer->end_size; i++) {
        end = end << 8 | (uint8_t)answer->end[i];
    }
    uint64_t tail = state->tail;
    while (take.taken < size && !take.whole) {
        tail = tail << 8 | data[take.taken++];
        uint64_t length = state->dialogue.read_at + take.taken;
        take.whole = (tail & mask) == end && length >= answer->end_size && length >= prefix;
    }
    state->tail = tail;
    return take;
}

static struct framed_take take_coded(struct framed_state *state, const struct framed_answer *answer,
                                     const uint8_t *data, size_t size)
{
    struct framed_take take = {.wrong = size};
    const struct framed_text *code = &answer->exact.head;
    while (take.taken < size && !take.whole) {
        uint8_t byte = data[take.taken];
        bool digit = byte >= '0' && byte <= '9' &&
                     (state->line_at >= code->size || byte == (uint8_t)code->bytes[state->line_at]);
        bool rule = byte == ' ' || byte == '-' || byte == '\r' || byte == '\n';
        if ((state->line_at < 3 && !digit) || (state->line_at == 3 && !rule)) {
            take.wrong = take.taken;
            return take;
        }
        if (state->line_at == 3) {
            state->line_ends = byte != '-';
        }
        state->line_at++;
        take.taken++;
        if (byte == '\n') {
            state->line_at = 0;
            take.whole = state->line_ends;
        }
    }
    return take;
}

/* The end of a line of a Redis request: what does it announce? Returns true when it ends the
 * request. */
static bool resp_line(struct framed_state *state)
{
    state->line_at = 0;
    if (state->sign == '*') {
        state->items = state->number;
        return state->number == 0;
    }
    if (state->sign == '$' && state->items > 0) {
        state->sign = 0;
        state->number += 2; /* its line end */
        return false;
    }
    return state->items == 0; /* a line of words */
}

/* The serialisation protocol of Redis, as clients speak it. A number past 2^24 is none. */
static struct framed_take take_resp(struct framed_state *state, const uint8_t *data, size_t size)
{
    struct framed_take take = {.wrong = size};
    while (take.taken < size && !take.whole) {
        uint8_t byte = data[take.taken];
        if (state->line_at == 0 && state->items > 0 && state->sign == 0) {
            size_t left = state->number < size - take.taken ? state->number : size - take.taken;
            take.taken += left;
            state->number -= (uint32_t)left;
            if (state->number == 0) {
                state->items--;
                state->sign = '$';
                take.whole = state->items == 0;
            }
            continue;
        }
        bool counted = state->line_at > 0 && state->sign != 'w';
        bool digit = byte >= '0' && byte <= '9';
        bool array = state->items > 0;
        if ((counted && !digit && byte != '\r' && byte != '\n') ||
            (counted && state->number >= 1U << 24) ||
            (state->line_at == 0 && array && byte != '$')) {
            take.wrong = take.taken;
            return take;
        }
        take.taken++;
        if (byte == '\n') {
            take.whole = resp_line(state);
            continue;
        }
        if (state->line_at++ == 0) {
            state->sign = byte == '*' || byte == '$' ? byte : 'w';
            state->number = 0;
        } else if (counted && digit) {
            state->number = state->number * 10 + (uint32_t)(byte - '0');
        }
    }
    return take;
}

static struct framed_take take_answer(struct framed_state *state,
                                      const struct framed_answer *answer, const uint8_t *data,
                                      size_t size)
{
    switch (answer->frame) {
    case FRAMED_EXACT:
        return take_message(state, &answer->exact, data, size);
    case FRAMED_ENDS:
        return take_ends(state, answer, data, size);
    case FRAMED_CODED:
        return take_coded(state, answer, data, size);
    case FRAMED_RESP:
        return take_resp(state, data, size);
    case FRAMED_SIZED: {
        size_t left = answer->size - state->dialogue.read_at;
        size_t taken = size < left ? size : left;
        return (struct framed_take){.taken = taken, .wrong = size, .whole = taken == left};
    }
    default:
        return (struct framed_take){.wrong = 0};
    }
}

static const struct framed_answer *answer_expected(const struct profile *profile,
                                                   const struct framed_state *state)
{
    const struct framed_config *config = config_of(profile);
    const struct dialogue *dialogue = &state->dialogue;
    if (dialogue->role == TRACE_ROLE_CLIENT) {
        return &config->question;
    }
    if (is_greeting(profile, state)) {
        return &config->greeting;
    }
    if (is_opening(profile, state)) {
        return &config->opened;
    }
    return dialogue->answered < dialogue->sent
               ? &config->answer[dialogue_kind_of(dialogue, dialogue->answered + 1)]
               : NULL;
}

static void framed_received(const struct profile *profile, struct profile_state *opaque,
                            const uint8_t *data, size_t size, struct profile_sink *sink)
{
    struct framed_state *state = (struct framed_state *)opaque;
    struct dialogue *dialogue = &state->dialogue;
    while (size > 0 && !dialogue->wrong) {
        const struct framed_answer *answer = answer_expected(profile, state);
        if (dialogue->unpredictable && (answer == NULL || dialogue->role == TRACE_ROLE_CLIENT)) {
            return;
        }
        if (answer == NULL) {
            dialogue_wrong(dialogue, 0, sink); /* an answer to nothing */
            return;
        }
        bool greeting = is_greeting(profile, state);
        bool opening = is_opening(profile, state);
        if (dialogue->read_at == 0 && !greeting && !opening && answer->frame != FRAMED_NONE) {
            answer_begun(dialogue, sink);
        }
        struct framed_take take = take_answer(state, answer, data, size);
        if (take.wrong < size && take.wrong >= take.taken && !take.whole) {
            dialogue_wrong(dialogue, take.wrong, sink);
            return;
        }
        dialogue->read_at += (uint32_t)take.taken;
        dialogue->read_total += (uint32_t)take.taken;
        data += take.taken;
        size -= take.taken;
        if (take.whole && (greeting || opening)) {
            state->greeted = state->greeted || greeting;
            state->opened = state->opened || opening;
            dialogue->read_at = 0;
            state->tail = 0;
            profile_report(sink, TRACE_DIALOGUE_GREETING, 0, 0);
            answer_empty(profile, state, sink);
        } else if (take.whole) {
            answer_complete(state, sink);
            answer_empty(profile, state, sink);
        }
    }
}

/* ---- The profile ---- */

static void framed_begin(const struct profile *profile, struct profile_state *opaque,
                         enum trace_role role, uint32_t ordinal)
{
    (void)profile;
    struct framed_state *state = (struct framed_state *)opaque;
    dialogue_begin(&state->dialogue, role, ordinal);
    state->tail = 0;
    state->line_at = 0;
    state->number = 0;
    state->items = 0;
    state->sign = 0;
    state->line_ends = false;
    state->greeted = false;
    state->opened = false;
}

static size_t framed_payload(const struct profile *profile, const struct profile_state *state,
                             enum scenario_payload payload, uint32_t from, uint32_t to,
                             uint8_t *buffer, size_t size)
{
    return dialogue_payload(profile, &framed_speech, (const struct dialogue *)state, payload, from,
                            to, buffer, size);
}

static void framed_sent(const struct profile *profile, struct profile_state *state,
                        const uint8_t *data, size_t size, struct profile_sink *sink)
{
    dialogue_sent(profile, &framed_speech, (struct dialogue *)state, data, size, sink);
}

static void framed_ended(const struct profile *profile, struct profile_state *state,
                         struct profile_sink *sink)
{
    (void)profile;
    (void)state;
    (void)sink;
}

void framed_profile(struct profile *profile, const struct framed_config *config)
{
    profile->config = config;
    profile->begin = framed_begin;
    profile->payload = framed_payload;
    profile->sent = framed_sent;
    profile->received = framed_received;
    profile->ended = framed_ended;
}

/* ---- The built-in ones ---- */

#define TEXT(literal)                                                                              \
    {                                                                                              \
        .bytes = literal, .size = sizeof(literal) - 1                                              \
    }
#define FRAMED_FUNCTIONS                                                                           \
    .begin = framed_begin, .payload = framed_payload, .sent = framed_sent,                         \
    .received = framed_received, .ended = framed_ended
#define USUAL_PROMISES                                                                             \
    (TRACE_PERSISTENT | TRACE_HALF_CLOSE_ANSWERED | TRACE_CONCURRENT | TRACE_IDLE_TIMEOUT |        \
     TRACE_CLOSES_AFTER_EOF | TRACE_FIXED_PORT)

static const struct framed_config discard_config = {
    .request = {{.head = TEXT("discard {c}-{n} "), .filling = 40, .tail = TEXT("\n")},
                {.head = TEXT("Discard {c}-{n} "), .filling = 1 << 17, .tail = TEXT("\n")}},
    .question = {.frame = FRAMED_ENDS, .end = "\n", .end_size = 1},
};
const struct profile profile_discard = {
    .name = "discard",
    .title = "whatever is sent is thrown away (RFC 863); no answer",
    .promises = USUAL_PROMISES,
    .config = &discard_config,
    FRAMED_FUNCTIONS,
};

static const struct framed_config line_config = {
    .request = {{.head = TEXT("request {c}-{n}\n")}},
    .answer = {{.frame = FRAMED_ENDS, .end = "\n", .end_size = 1}},
    .reply = {{.head = TEXT("response {c}-{n}\n")},
              {.head = TEXT("Response {c}-{n} "), .filling = 1 << 16, .tail = TEXT("\n")}},
    .question = {.frame = FRAMED_ENDS, .end = "\n", .end_size = 1},
};
const struct profile profile_line = {
    .name = "line",
    .title = "a line for a line; what it says is the target's affair",
    .promises = USUAL_PROMISES,
    .config = &line_config,
    FRAMED_FUNCTIONS,
};

static const struct framed_config banner_config = {
    .request = {{.head = TEXT("NOOP\r\n")}, {.filling = 0}, {.head = TEXT("QUIT\r\n")}},
    .answer = {{.frame = FRAMED_CODED}, {.frame = FRAMED_CODED}, {.frame = FRAMED_CODED}},
    .greets = true,
    .greeting = {.frame = FRAMED_CODED},
    .hello = {.head = TEXT("220 sockspec ready\r\n")},
    .reply = {{.head = TEXT("250 ok {n}\r\n")},
              {.head = TEXT("250-"), .filling = 1 << 16, .tail = TEXT("\r\n250 ok {n}\r\n")},
              {.head = TEXT("221 bye\r\n")}},
    .question = {.frame = FRAMED_ENDS, .end = "\r\n", .end_size = 2},
};
const struct profile profile_banner = {
    .name = "banner",
    .title = "the server greets; then lines, answered by lines with a code (SMTP, FTP)",
    .promises = USUAL_PROMISES | TRACE_TARGET_SPEAKS_FIRST,
    .config = &banner_config,
    FRAMED_FUNCTIONS,
};

/* How long they wait for a silent client, and what becomes of an answer when the client's FIN came
 * with the request, is for each to say. */
#define DAEMON_PROMISES                                                                            \
    (TRACE_PERSISTENT | TRACE_CONCURRENT | TRACE_CLOSES_AFTER_EOF | TRACE_FIXED_PORT)
#define ENDS_WITH(literal) .frame = FRAMED_ENDS, .end = literal, .end_size = sizeof(literal) - 1
#define CODE(literal)                                                                              \
    {                                                                                              \
        .frame = FRAMED_CODED, .exact = {.head = TEXT(literal) }                                   \
    }

static const struct framed_config redis_config = {
    .request = {{.head = TEXT("PING {c}-{n}\r\n")},
                {.head = TEXT("*2\r\n$4\r\nECHO\r\n$131072\r\n"),
                 .filling = 1 << 17,
                 .tail = TEXT("\r\n")},
                {.head = TEXT("QUIT\r\n")}},
    .answer = {{.frame = FRAMED_EXACT, .exact = {.head = TEXT("$10\r\n{c}-{n}\r\n")}},
               {.frame = FRAMED_EXACT,
                .exact = {.head = TEXT("$131072\r\n"), .filling = 1 << 17, .tail = TEXT("\r\n")}},
               {.frame = FRAMED_EXACT, .exact = {.head = TEXT("+OK\r\n")}}},
    .reply = {{.head = TEXT("+OK {c}-{n}\r\n")},
              {.head = TEXT("$65536\r\n"), .filling = 1 << 16, .tail = TEXT("\r\n")}},
    .question = {.frame = FRAMED_RESP},
};
const struct profile profile_redis = {
    .name = "redis",
    .title = "Redis: inline PING, ECHO of a large string, QUIT",
    .promises = DAEMON_PROMISES,
    .config = &redis_config,
    FRAMED_FUNCTIONS,
};

/* The large one stores a value under a name of its own, without an answer, and asks for it. */
static const struct framed_config memcached_config = {
    .request = {{.head = TEXT("get sockspec-{c}-{n}\r\n")},
                {.head = TEXT("set sockspec-{c}-{n} 0 0 131072 noreply\r\n"),
                 .filling = 1 << 17,
                 .tail = TEXT("\r\nget sockspec-{c}-{n}\r\n")},
                {.head = TEXT("quit\r\n")}},
    .answer = {{.frame = FRAMED_EXACT, .exact = {.head = TEXT("END\r\n")}},
               {.frame = FRAMED_EXACT,
                .exact = {.head = TEXT("VALUE sockspec-{c}-{n} 0 131072\r\n"),
                          .filling = 1 << 17,
                          .tail = TEXT("\r\nEND\r\n")}}},
    .reply = {{.head = TEXT("END\r\n")}},
    .question = {ENDS_WITH("\r\n")},
};
const struct profile profile_memcached = {
    .name = "memcached",
    .title = "memcached's text protocol: get, set of a large value, quit",
    .promises = DAEMON_PROMISES,
    .config = &memcached_config,
    FRAMED_FUNCTIONS,
};

static const struct framed_config smtp_config = {
    .request = {{.head = TEXT("NOOP\r\n")}, {.filling = 0}, {.head = TEXT("QUIT\r\n")}},
    .answer = {CODE("250"), CODE("250"), CODE("221")},
    .greets = true,
    .greeting = CODE("220"),
    .hello = {.head = TEXT("220 sockspec ESMTP\r\n")},
    .reply = {{.head = TEXT("250 ok {n}\r\n")},
              {.head = TEXT("250-"), .filling = 1 << 16, .tail = TEXT("\r\n250 ok {n}\r\n")},
              {.head = TEXT("421 closing\r\n")}},
    .question = {ENDS_WITH("\r\n")},
};
const struct profile profile_smtp = {
    .name = "smtp",
    .title = "SMTP: the greeting, NOOP, QUIT (RFC 5321)",
    .promises = DAEMON_PROMISES | TRACE_TARGET_SPEAKS_FIRST,
    .config = &smtp_config,
    FRAMED_FUNCTIONS,
};

/* Before the login a server may refuse even NOOP. */
static const struct framed_config ftp_config = {
    .request = {{.head = TEXT("NOOP\r\n")}, {.filling = 0}, {.head = TEXT("QUIT\r\n")}},
    .answer = {{.frame = FRAMED_CODED}, {.frame = FRAMED_CODED}, CODE("221")},
    .greets = true,
    .greeting = CODE("220"),
    .hello = {.head = TEXT("220 sockspec ready\r\n")},
    .reply = {{.head = TEXT("200 ok {n}\r\n")},
              {.head = TEXT("200-"), .filling = 1 << 16, .tail = TEXT("\r\n200 ok {n}\r\n")},
              {.head = TEXT("421 closing\r\n")}},
    .question = {ENDS_WITH("\r\n")},
};
const struct profile profile_ftp = {
    .name = "ftp",
    .title = "FTP's control connection: the greeting, NOOP, QUIT (RFC 959)",
    .promises = DAEMON_PROMISES | TRACE_TARGET_SPEAKS_FIRST,
    .config = &ftp_config,
    FRAMED_FUNCTIONS,
};
