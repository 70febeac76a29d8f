/* The HTTP profile (RFC 9110, RFC 9112).
 *
 * Towards a server the peer sends, by turns, a POST of 16 bytes to /echo, which must come back as
 * the body, and a GET of /; a large answer is that of GET /large/131072, whose body is the pattern;
 * the last request says `Connection: close`. A server that answers with another status than 200 is
 * not held to a body. Towards a client the peer is such a server.
 *
 * The profiles for servers of files ask for paths by GET alone and hold the server to HTTP only. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/profile_http.h"

#include <stdio.h>

#include "suite/dialogue.h"
#include "suite/http_parser.h"
#include "suite/pattern.h"
#include "suite/profiles.h"
#include "suite/store.h"

enum {
    HTTP_LARGE_SIZE = 1 << 17, /* bytes of the body of a large answer */
    HTTP_ECHO_SIZE = 16,       /* bytes of the body of a POST */
    HTTP_QUESTIONS_MAX = 4     /* requests of a client that may wait for their answer */
};

/* A client's request, as far as its answer depends on it. */
struct http_question {
    uint32_t size; /* POST: bytes of its body; large: bytes asked for */
    uint8_t method;
    bool large;
};

struct http_state {
    struct dialogue dialogue;
    struct http_parser parser;
    struct http_question questions[HTTP_QUESTIONS_MAX];
    bool closing; /* the server said that it closes after what it answered last */
};
_Static_assert(sizeof(struct http_state) <= PROFILE_STATE_SIZE, "the state fits");

/* ---- What the peer says to a server ---- */

#define HOST "Host: sockspec\r\n"
#define POST_FIELDS HOST "Content-Length: 16\r\n\r\n"
#define POST_PLAIN "POST /echo HTTP/1.1\r\n" POST_FIELDS
#define POST_LAST "POST /echo HTTP/1.1\r\nConnection: close\r\n" POST_FIELDS
#define GET_OF(version) "GET / HTTP/" version "\r\n" HOST "X-Request: "
#define GET_CLOSE_OF(version) "GET / HTTP/" version "\r\n" HOST "Connection: close\r\nX-Request: "
#define GET_LARGE "GET /large/131072 HTTP/1.1\r\n" HOST "X-Request: "
#define PLACES "000-000000"
#define TEMPLATE(head, tail)                                                                       \
    {                                                                                              \
        head PLACES tail, sizeof(head PLACES tail) - 1, sizeof(head) - 1, sizeof(head) + 3         \
    }

static const struct http_config echo_config = {
    .ordinary = {TEMPLATE(GET_OF("1.1"), "\r\n\r\n"), TEMPLATE(POST_PLAIN, "-sock\n")},
    .large = TEMPLATE(GET_LARGE, "\r\n\r\n"),
    .last = TEMPLATE(POST_LAST, "-sock\n"),
    .echoes = true,
};

static const struct http_config static_config = {
    .ordinary = {TEMPLATE(GET_OF("1.1"), "\r\n\r\n"), TEMPLATE(GET_OF("1.1"), "\r\n\r\n")},
    .last = TEMPLATE(GET_CLOSE_OF("1.1"), "\r\n\r\n"),
};
static const struct http_config old_config = {
    .ordinary = {TEMPLATE(GET_OF("1.0"), "\r\n\r\n"), TEMPLATE(GET_OF("1.0"), "\r\n\r\n")},
    .last = TEMPLATE(GET_CLOSE_OF("1.0"), "\r\n\r\n"),
};

static const struct http_config *config_of(const struct profile *profile)
{
    return profile->config;
}

/* Whether the answer's body must be the one that this request carried. */
static bool is_post(const struct http_config *config, enum dialogue_kind kind, uint32_t number)
{
    return config->echoes &&
           (kind == DIALOGUE_LAST || (kind == DIALOGUE_ORDINARY && number % 2 == 1));
}

static const struct http_template *request_template(const struct http_config *config,
                                                    enum dialogue_kind kind, uint32_t number)
{
    if (kind == DIALOGUE_ORDINARY) {
        return &config->ordinary[number % 2];
    }
    return kind == DIALOGUE_LARGE ? &config->large : &config->last;
}

static void request_write(const struct http_template *template, const struct dialogue *dialogue,
                          uint32_t number, uint8_t *buffer)
{
    bytes_copy(buffer, template->text, template->size);
    dialogue_digits(buffer + template->connection_at, 3, dialogue->ordinal);
    dialogue_digits(buffer + template->number_at, 6, number);
}

/* ---- What the peer answers to a client ---- */

static const struct http_question *question_of(const struct http_state *state, uint32_t number)
{
    return &state->questions[number % HTTP_QUESTIONS_MAX];
}

/* Bytes of the body that the answer's head announces. */
static uint32_t reply_body(const struct http_question *question, enum dialogue_kind kind)
{
    if (question->large || question->method == HTTP_POST) {
        return question->size;
    }
    return kind == DIALOGUE_LARGE ? HTTP_LARGE_SIZE : HTTP_ECHO_SIZE;
}

static uint32_t reply_head(const struct http_question *question, enum dialogue_kind kind,
                           uint8_t *buffer)
{
    static const char plain[] = "HTTP/1.1 200 OK\r\nContent-Length: 00000000\r\n\r\n";
    static const char last[] =
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 00000000\r\n\r\n";
    const char *text = kind == DIALOGUE_LAST ? last : plain;
    uint32_t size = kind == DIALOGUE_LAST ? sizeof(last) - 1 : sizeof(plain) - 1;
    bytes_copy(buffer, text, size);
    dialogue_digits(buffer + size - 12, 8, reply_body(question, kind));
    return size;
}

static uint32_t reply_size(const struct http_state *state, enum dialogue_kind kind, uint32_t number)
{
    uint8_t scratch[DIALOGUE_SCRATCH];
    const struct http_question *question = question_of(state, number);
    if (number > state->dialogue.answered ||
        (kind == DIALOGUE_LARGE && (question->method == HTTP_POST || question->large)) ||
        (question->method == HTTP_POST && store_of(state->dialogue.ordinal) == NULL)) {
        return 0;
    }
    return reply_head(question, kind, scratch) +
           (question->method == HTTP_HEAD ? 0 : reply_body(question, kind));
}

static const uint8_t *reply_span(const struct http_state *state, enum dialogue_kind kind,
                                 uint32_t number, uint32_t offset,
                                 uint8_t scratch[DIALOGUE_SCRATCH], size_t *ret_size)
{
    const struct http_question *question = question_of(state, number);
    uint32_t head = reply_head(question, kind, scratch);
    if (offset < head) {
        *ret_size = head - offset;
        return scratch + offset;
    }
    offset -= head;
    uint32_t left = reply_body(question, kind) - offset;
    const uint8_t *span = question->method == HTTP_POST
                              ? store_at(store_of(state->dialogue.ordinal), offset, ret_size)
                              : pattern_at(offset, ret_size);
    *ret_size = *ret_size < left ? *ret_size : left;
    return span;
}

/* ---- Both ---- */

static uint32_t http_size(const struct profile *profile, const struct dialogue *dialogue,
                          enum dialogue_kind kind, uint32_t number)
{
    if (dialogue->role == TRACE_ROLE_CLIENT) {
        return reply_size((const struct http_state *)dialogue, kind, number);
    }
    return request_template(config_of(profile), kind, number)->size;
}

static const uint8_t *http_span(const struct profile *profile, const struct dialogue *dialogue,
                                enum dialogue_kind kind, uint32_t number, uint32_t offset,
                                uint8_t scratch[DIALOGUE_SCRATCH], size_t *ret_size)
{
    if (dialogue->role == TRACE_ROLE_CLIENT) {
        return reply_span((const struct http_state *)dialogue, kind, number, offset, scratch,
                          ret_size);
    }
    const struct http_template *template = request_template(config_of(profile), kind, number);
    assert(template->text != NULL);
    request_write(template, dialogue, number, scratch);
    *ret_size = template->size - offset;
    return scratch + offset;
}

static void http_complete(const struct profile *profile, struct dialogue *dialogue,
                          enum dialogue_kind kind, struct profile_sink *sink)
{
    (void)profile;
    struct http_state *state = (struct http_state *)dialogue;
    if (dialogue->role == TRACE_ROLE_CLIENT) {
        if (question_of(state, dialogue->sent)->method == HTTP_POST) {
            store_of(dialogue->ordinal)->tail += question_of(state, dialogue->sent)->size;
        }
        profile_report(sink, TRACE_DIALOGUE_RESPONSE_SENT, dialogue->sent, 0);
    } else if (dialogue->last_sent || state->closing) {
        dialogue_leave(dialogue, sink); /* nothing more is owed on this connection */
        return;
    } else {
        profile_report(sink, TRACE_DIALOGUE_REQUEST_SENT, dialogue->sent, 0);
    }
    if (kind == DIALOGUE_LAST) {
        dialogue->last_sent = true;
        profile_report(sink, TRACE_DIALOGUE_LAST_SENT, dialogue->sent, 0);
    }
}

static const struct dialogue_speech http_speech = {http_size, http_span, http_complete, NULL};

/* ---- What a server says ---- */

/* Compares a piece of the body with what it must be, where that is known. Returns the first wrong
 * byte, or `size`. */
static size_t body_check(const struct http_config *config, const struct http_state *state,
                         const uint8_t *data, size_t size)
{
    const struct dialogue *dialogue = &state->dialogue;
    uint32_t number = dialogue->answered + 1;
    uint64_t at = state->parser.body - size;
    enum dialogue_kind kind = dialogue_kind_of(dialogue, number);
    if (state->parser.status != 200 || dialogue->answered >= dialogue->sent || !config->echoes) {
        return size;
    }
    for (size_t done = 0; done < size;) {
        uint8_t scratch[DIALOGUE_SCRATCH];
        size_t piece = 0;
        const uint8_t *span = scratch;
        if (kind == DIALOGUE_LARGE) {
            span = pattern_at(at + done, &piece);
            piece = at + done < HTTP_LARGE_SIZE ? piece : 0;
        } else if (is_post(config, kind, number)) {
            const struct http_template *template = request_template(config, kind, number);
            request_write(template, dialogue, number, scratch);
            piece = at + done < HTTP_ECHO_SIZE ? (size_t)(HTTP_ECHO_SIZE - at - done) : 0;
            span = scratch + template->size - piece;
        } else {
            return size;
        }
        if (piece == 0) {
            return done; /* more than there is */
        }
        piece = piece < size - done ? piece : size - done;
        size_t same = bytes_match(span, data + done, piece);
        done += same;
        if (same < piece) {
            return done;
        }
    }
    return size;
}

/* Whether the whole answer was as long as it must be. */
static bool body_is_whole(const struct http_config *config, const struct http_state *state)
{
    const struct dialogue *dialogue = &state->dialogue;
    enum dialogue_kind kind = dialogue_kind_of(dialogue, dialogue->answered + 1);
    if (state->parser.status != 200 || !config->echoes) {
        return true;
    }
    if (kind == DIALOGUE_LARGE) {
        return state->parser.body == HTTP_LARGE_SIZE;
    }
    return !is_post(config, kind, dialogue->answered + 1) || state->parser.body == HTTP_ECHO_SIZE;
}

static void answer_done(const struct http_config *config, struct http_state *state,
                        struct profile_sink *sink)
{
    struct dialogue *dialogue = &state->dialogue;
    if (dialogue->answered >= dialogue->sent) {
        /* An answer to nothing whole. A server may say 408 or 400 to half a request and take leave.
         */
        if (state->parser.status >= 400) {
            dialogue_leave(dialogue, sink);
        } else {
            dialogue_wrong(dialogue, 0, sink);
        }
        return;
    }
    if (!body_is_whole(config, state)) {
        dialogue_wrong(dialogue, 0, sink);
        return;
    }
    dialogue->answered++;
    dialogue->read_at = 0;
    profile_report(sink, TRACE_DIALOGUE_RESPONSE_COMPLETE, dialogue->answered, 0);
    if (!state->closing && http_parser_closes(&state->parser)) {
        state->closing = true;
        profile_report(sink, TRACE_DIALOGUE_LEAVE_TAKEN, dialogue->answered, 0);
    }
    http_parser_begin(&state->parser, true, false);
    if (state->closing && (dialogue->sent > dialogue->answered || dialogue->sent_at > 0)) {
        dialogue_leave(dialogue, sink);
    }
}

/* Takes a piece of an answer; returns 0 when no more is to be understood. */
static size_t answer_take(const struct http_config *config, struct http_state *state,
                          const uint8_t *data, size_t size, struct profile_sink *sink)
{
    struct dialogue *dialogue = &state->dialogue;
    if (dialogue->answered >= dialogue->sent && dialogue->unpredictable) {
        return 0;
    }
    if (dialogue->read_at == 0) {
        profile_report(sink, TRACE_DIALOGUE_RESPONSE_BEGUN, (int64_t)dialogue->answered + 1, 0);
    }
    size_t body = 0;
    size_t taken = http_parser_take(&state->parser, data, size, &body);
    size_t good = body > 0 ? body_check(config, state, data + taken - body, body) : 0;
    if (state->parser.phase == HTTP_BAD || good < body) {
        dialogue_wrong(dialogue, body > 0 ? taken - body + good : 0, sink);
        return 0;
    }
    dialogue->read_at += (uint32_t)taken;
    dialogue->read_total += (uint32_t)taken;
    if (state->parser.phase == HTTP_WHOLE) {
        answer_done(config, state, sink);
    }
    return taken;
}

/* ---- What a client says ---- */

static void question_done(struct http_state *state, struct profile_sink *sink)
{
    struct dialogue *dialogue = &state->dialogue;
    dialogue->answered++;
    dialogue->read_at = 0;
    state->questions[dialogue->answered % HTTP_QUESTIONS_MAX] = (struct http_question){
        .size = state->parser.is_large ? state->parser.asked_size : (uint32_t)state->parser.body,
        .method = state->parser.method,
        .large = state->parser.is_large,
    };
    profile_report(sink, TRACE_DIALOGUE_REQUEST_COMPLETE, dialogue->answered, 0);
    http_parser_begin(&state->parser, false, false);
}

static size_t question_take(struct http_state *state, const uint8_t *data, size_t size,
                            struct profile_sink *sink)
{
    struct dialogue *dialogue = &state->dialogue;
    struct store *store = store_of(dialogue->ordinal);
    if (dialogue->read_at == 0) {
        if (dialogue->answered - dialogue->sent >= HTTP_QUESTIONS_MAX) {
            dialogue_leave(dialogue, sink);
            return 0;
        }
        profile_report(sink, TRACE_DIALOGUE_REQUEST_BEGUN, (int64_t)dialogue->answered + 1, 0);
    }
    size_t body = 0;
    size_t taken = http_parser_take(&state->parser, data, size, &body);
    if (state->parser.phase == HTTP_BAD) {
        dialogue_wrong(dialogue, 0, sink);
        return 0;
    }
    bool keep = body > 0 && state->parser.method == HTTP_POST;
    if (keep && (store == NULL || !store_put(store, data + taken - body, body))) {
        dialogue_leave(dialogue, sink);
        return 0;
    }
    dialogue->read_at += (uint32_t)taken;
    dialogue->read_total += (uint32_t)taken;
    if (state->parser.phase == HTTP_WHOLE) {
        question_done(state, sink);
    }
    return taken;
}

/* ---- The profile ---- */

static void http_begin(const struct profile *profile, struct profile_state *opaque,
                       enum trace_role role, uint32_t ordinal)
{
    (void)profile;
    struct http_state *state = (struct http_state *)opaque;
    dialogue_begin(&state->dialogue, role, ordinal);
    http_parser_begin(&state->parser, role != TRACE_ROLE_CLIENT, false);
    state->closing = false;
    if (role == TRACE_ROLE_CLIENT) {
        store_begin(ordinal);
    }
}

static size_t http_payload(const struct profile *profile, const struct profile_state *state,
                           enum scenario_payload payload, uint32_t from, uint32_t to,
                           uint8_t *buffer, size_t size)
{
    return dialogue_payload(profile, &http_speech, (const struct dialogue *)state, payload, from,
                            to, buffer, size);
}

static void http_sent(const struct profile *profile, struct profile_state *state,
                      const uint8_t *data, size_t size, struct profile_sink *sink)
{
    dialogue_sent(profile, &http_speech, (struct dialogue *)state, data, size, sink);
}

static void http_received(const struct profile *profile, struct profile_state *opaque,
                          const uint8_t *data, size_t size, struct profile_sink *sink)
{
    struct http_state *state = (struct http_state *)opaque;
    bool client = state->dialogue.role == TRACE_ROLE_CLIENT;
    while (size > 0 && !state->dialogue.wrong) {
        if (client && state->dialogue.unpredictable) {
            return;
        }
        size_t taken = client ? question_take(state, data, size, sink)
                              : answer_take(config_of(profile), state, data, size, sink);
        if (taken == 0) {
            return;
        }
        data += taken;
        size -= taken;
    }
}

static void http_ended(const struct profile *profile, struct profile_state *opaque,
                       struct profile_sink *sink)
{
    struct http_state *state = (struct http_state *)opaque;
    if (state->parser.phase == HTTP_TO_END && state->dialogue.role != TRACE_ROLE_CLIENT &&
        !state->dialogue.wrong) {
        answer_done(config_of(profile), state, sink);
    }
}

#define HTTP_FUNCTIONS                                                                             \
    .begin = http_begin, .payload = http_payload, .sent = http_sent, .received = http_received,    \
    .ended = http_ended
/* What servers of files keep to; how long they wait for a silent client is for them to say. */
#define STATIC_PROMISES                                                                            \
    (TRACE_HALF_CLOSE_ANSWERED | TRACE_CONCURRENT | TRACE_CLOSES_AFTER_EOF | TRACE_FIXED_PORT)

const struct profile profile_http = {
    .name = "http",
    .title = "HTTP/1.1: POST /echo, GET /, GET /large/N (RFC 9112)",
    .promises = TRACE_PERSISTENT | TRACE_HALF_CLOSE_ANSWERED | TRACE_CONCURRENT |
                TRACE_IDLE_TIMEOUT | TRACE_CLOSES_AFTER_EOF | TRACE_FIXED_PORT,
    .config = &echo_config,
    HTTP_FUNCTIONS,
};

const struct profile profile_http_static = {
    .name = "http-static",
    .title = "HTTP/1.1 from a server of files: GET of a path (RFC 9112)",
    .promises = STATIC_PROMISES | TRACE_PERSISTENT,
    .config = &static_config,
    HTTP_FUNCTIONS,
};

const struct profile profile_http10 = {
    .name = "http10",
    .title = "HTTP/1.0: GET of a path, one on a connection (RFC 1945)",
    .promises = STATIC_PROMISES,
    .config = &old_config,
    HTTP_FUNCTIONS,
};

/* ---- Other paths ---- */

bool http_has_paths(const struct profile *profile)
{
    return profile->config == &static_config || profile->config == &old_config;
}

static struct http_template template_make(char text[HTTP_TEXT_MAX], const char *path,
                                          const char *version, const char *fields)
{
    int at = snprintf(text, HTTP_TEXT_MAX, "GET %s HTTP/%s\r\n" HOST "%sX-Request: ", path, version,
                      fields);
    int size = at + snprintf(text + at, (size_t)(HTTP_TEXT_MAX - at), PLACES "\r\n\r\n");
    assert(size < HTTP_TEXT_MAX);
    return (struct http_template){text, (uint16_t)size, (uint16_t)at, (uint16_t)(at + 4)};
}

void http_profile(struct profile *profile, struct http_config *config, const struct profile *from,
                  const char *ordinary, const char *large)
{
    assert(http_has_paths(from));
    const char *version = from->config == &old_config ? "1.0" : "1.1";
    const char *path = ordinary[0] != '\0' ? ordinary : "/";
    *config = (struct http_config){.echoes = false};
    config->ordinary[0] = template_make(config->texts[0], path, version, "");
    config->ordinary[1] = config->ordinary[0];
    config->last = template_make(config->texts[1], path, version, "Connection: close\r\n");
    if (large[0] != '\0') {
        config->large = template_make(config->texts[2], large, version, "");
    }
    *profile = *from;
    profile->config = config;
}
