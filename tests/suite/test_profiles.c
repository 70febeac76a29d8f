/* Profiles: what peers say, and that the same is understood however the bytes are cut. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "suite/framed.h"
#include "suite/profiles.h"

enum { TALK_MAX = 1 << 20, EVENTS_MAX = 1 << 14, CUTS = 400 };

/* Bytes in order, each with whether the peer (true) or the target said it. */
struct talk {
    size_t size;
    bool peer[TALK_MAX];
    uint8_t bytes[TALK_MAX];
};

static struct talk talk;
static uint8_t buffer[TALK_MAX];

static void talk_add(bool peer, const void *data, size_t size)
{
    assert_true(size <= TALK_MAX - talk.size);
    memcpy(talk.bytes + talk.size, data, size);
    memset(talk.peer + talk.size, peer, size);
    talk.size += size;
}

struct hearing {
    struct trace trace;
    struct profile_state state;
    struct profile_sink sink;
};

static struct hearing hearing_new(const struct profile *profile, enum trace_role role,
                                  uint32_t ordinal)
{
    struct hearing hearing = {.sink = {.conn = 1}};
    struct status_detail detail;
    assert_ok(trace_init(&hearing.trace, EVENTS_MAX), &detail);
    profile->begin(profile, &hearing.state, role, ordinal);
    return hearing;
}

static size_t say(const struct profile *profile, struct hearing *hearing,
                  enum scenario_payload payload, uint32_t from, uint32_t to)
{
    hearing->sink.trace = &hearing->trace;
    size_t size =
        profile->payload(profile, &hearing->state, payload, from, to, buffer, sizeof(buffer));
    profile->sent(profile, &hearing->state, buffer, size, &hearing->sink);
    return size;
}

static void hear(const struct profile *profile, struct hearing *hearing, const void *data,
                 size_t size)
{
    hearing->sink.trace = &hearing->trace;
    profile->received(profile, &hearing->state, data, size, &hearing->sink);
}

static void hear_text(const struct profile *profile, struct hearing *hearing, const char *text)
{
    hear(profile, hearing, text, strlen(text));
}

static unsigned heard(const struct hearing *hearing, enum trace_dialogue what)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < hearing->trace.count; i++) {
        count += hearing->trace.events[i].what == (uint8_t)what;
    }
    return count;
}

static int64_t heard_at(const struct hearing *hearing, enum trace_dialogue what)
{
    for (uint32_t i = 0; i < hearing->trace.count; i++) {
        if (hearing->trace.events[i].what == (uint8_t)what) {
            return hearing->trace.events[i].b;
        }
    }
    return -1;
}

/* Plays the talk, cut at random, into a fresh dialogue. */
static struct hearing hear_talk(const struct profile *profile, enum trace_role role,
                                struct random *random)
{
    struct hearing hearing = hearing_new(profile, role, 3);
    hearing.sink.trace = &hearing.trace;
    for (size_t at = 0; at < talk.size;) {
        size_t limit = random == NULL
                           ? talk.size
                           : 1 + random_below(random, random_below(random, 4) == 0 ? 3000 : 20);
        limit = limit < talk.size - at ? limit : talk.size - at;
        size_t piece = 1;
        while (piece < limit && talk.peer[at + piece] == talk.peer[at]) {
            piece++;
        }
        (talk.peer[at] ? profile->sent : profile->received)(profile, &hearing.state,
                                                            talk.bytes + at, piece, &hearing.sink);
        at += piece;
    }
    return hearing;
}

static void assert_same_however_cut(const struct profile *profile, enum trace_role role,
                                    unsigned complete)
{
    struct random random = {.state = 42};
    struct hearing whole = hear_talk(profile, role, NULL);
    assert_int_equal(heard(&whole, TRACE_DIALOGUE_RESPONSE_WRONG), 0);
    assert_int_equal(heard(&whole, TRACE_DIALOGUE_UNPREDICTABLE), 0);
    assert_int_equal(heard(&whole, role == TRACE_ROLE_CLIENT ? TRACE_DIALOGUE_RESPONSE_SENT
                                                             : TRACE_DIALOGUE_RESPONSE_COMPLETE),
                     complete);
    for (unsigned cut = 0; cut < CUTS; cut++) {
        struct hearing pieces = hear_talk(profile, role, &random);
        assert_int_equal(pieces.trace.count, whole.trace.count);
        assert_memory_equal(pieces.trace.events, whole.trace.events,
                            whole.trace.count * sizeof(struct trace_event));
        trace_done(&pieces.trace);
    }
    trace_done(&whole.trace);
}

/* Lets the peer say a payload, and puts it into the talk. */
static size_t talk_say(const struct profile *profile, struct hearing *hearing,
                       enum scenario_payload payload)
{
    size_t size = say(profile, hearing, payload, 0, SCENARIO_ALL);
    assert_true(size > 0);
    talk_add(true, buffer, size);
    return size;
}

static void echo_server_cut_anywhere_says_the_same(void **state)
{
    (void)state;
    static const enum scenario_payload payloads[] = {
        SCENARIO_PAYLOAD_REQUEST, SCENARIO_PAYLOAD_REQUEST, SCENARIO_PAYLOAD_LARGE,
        SCENARIO_PAYLOAD_REQUEST};
    struct hearing script = hearing_new(&profile_echo, TRACE_ROLE_SERVER, 3);
    talk.size = 0;
    for (unsigned i = 0; i < 4; i++) {
        size_t size = talk_say(&profile_echo, &script, payloads[i]);
        talk_add(false, buffer, size < 5000 ? size : 5000);
        if (size > 5000) {
            talk_add(false, buffer + 5000, size - 5000);
        }
    }
    trace_done(&script.trace);
    assert_same_however_cut(&profile_echo, TRACE_ROLE_SERVER, 4);
}

static void http_server_cut_anywhere_says_the_same(void **state)
{
    (void)state;
    struct hearing script = hearing_new(&profile_http, TRACE_ROLE_SERVER, 3);
    talk.size = 0;
    (void)talk_say(&profile_http, &script, SCENARIO_PAYLOAD_REQUEST);
    char answer[256];
    int size = snprintf(answer, sizeof(answer),
                        "HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n003-000001-sock\n");
    talk_add(false, answer, (size_t)size);
    (void)talk_say(&profile_http, &script, SCENARIO_PAYLOAD_REQUEST);
    size = snprintf(
        answer, sizeof(answer),
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5;x=y\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nTrailer: t\r\n\r\n");
    talk_add(false, answer, (size_t)size);
    (void)talk_say(&profile_http, &script, SCENARIO_PAYLOAD_LARGE);
    size = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: 131072\r\n\r\n");
    talk_add(false, answer, (size_t)size);
    for (unsigned i = 0; i < 131072; i++) {
        char byte = (char)('a' + i % 251 % 26);
        talk_add(false, &byte, 1);
    }
    (void)talk_say(&profile_http, &script, SCENARIO_PAYLOAD_LAST);
    talk_add(false, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 59);
    trace_done(&script.trace);
    assert_same_however_cut(&profile_http, TRACE_ROLE_SERVER, 4);
}

static void banner_server_cut_anywhere_says_the_same(void **state)
{
    (void)state;
    struct hearing script = hearing_new(&profile_banner, TRACE_ROLE_SERVER, 3);
    talk.size = 0;
    talk_add(false, "220-hello\r\n220 there\r\n", 22);
    (void)talk_say(&profile_banner, &script, SCENARIO_PAYLOAD_REQUEST);
    talk_add(false, "250-one\r\n250-two\r\n250 three\r\n", 29);
    (void)talk_say(&profile_banner, &script, SCENARIO_PAYLOAD_LAST);
    talk_add(false, "221 bye\r\n", 9);
    trace_done(&script.trace);
    assert_same_however_cut(&profile_banner, TRACE_ROLE_SERVER, 2);
}

static void echo_client_cut_anywhere_says_the_same(void **state)
{
    (void)state;
    talk.size = 0;
    talk_add(false, "hello\nworld\n", 12);
    talk_add(true, "hello\nworld\n", 12);
    talk_add(false, "once more\n", 10);
    talk_add(true, "once more\n", 10);
    assert_same_however_cut(&profile_echo, TRACE_ROLE_CLIENT, 3);
}

static void http_client_cut_anywhere_says_the_same(void **state)
{
    (void)state;
    talk.size = 0;
    talk_add(false,
             "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET / "
             "HTTP/1.1\r\nHost: x\r\n\r\n",
             82);
    talk_add(true, "HTTP/1.1 200 OK\r\nContent-Length: 00000003\r\n\r\nabc", 48);
    talk_add(
        true,
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 00000016\r\n\r\nabcdefghijklmnop",
        80);
    assert_same_however_cut(&profile_http, TRACE_ROLE_CLIENT, 2);
}

/* Says these payloads in turn and puts the target's answers between them. */
static void assert_serves(const struct profile *profile, const char *greeting, unsigned count,
                          const enum scenario_payload *payloads, const char *const *answers)
{
    struct hearing script = hearing_new(profile, TRACE_ROLE_SERVER, 3);
    talk.size = 0;
    talk_add(false, greeting, strlen(greeting));
    for (unsigned i = 0; i < count; i++) {
        (void)talk_say(profile, &script, payloads[i]);
        talk_add(false, answers[i], strlen(answers[i]));
    }
    trace_done(&script.trace);
    assert_same_however_cut(profile, TRACE_ROLE_SERVER, count);
}

static const enum scenario_payload twice_and_last[] = {
    SCENARIO_PAYLOAD_REQUEST, SCENARIO_PAYLOAD_REQUEST, SCENARIO_PAYLOAD_LAST};

static void http_static_server_cut_anywhere_says_the_same(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"};
    assert_serves(&profile_http_static, "", 3, twice_and_last, answers);
}

static void http10_answer_ends_with_the_connection(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_http10, TRACE_ROLE_SERVER, 0);
    size_t size = say(&profile_http10, &hearing, SCENARIO_PAYLOAD_REQUEST, 0, SCENARIO_ALL);
    assert_memory_equal(buffer, "GET / HTTP/1.0\r\n", 16);
    assert_memory_equal(buffer + size - 4, "\r\n\r\n", 4);
    hear_text(&profile_http10, &hearing, "HTTP/1.0 200 OK\r\n\r\nwhatever");
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_COMPLETE), 0);
    profile_http10.ended(&profile_http10, &hearing.state, &hearing.sink);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_COMPLETE), 1);
    assert_false(profile_http10.promises & TRACE_PERSISTENT);
    trace_done(&hearing.trace);
}

static void redis_server_cut_anywhere_says_the_same(void **state)
{
    (void)state;
    static const char *const answers[] = {"$10\r\n003-000001\r\n", "$10\r\n003-000002\r\n",
                                          "+OK\r\n"};
    assert_serves(&profile_redis, "", 3, twice_and_last, answers);
}

static void redis_large_string_comes_back(void **state)
{
    (void)state;
    static const char head[] = "*2\r\n$4\r\nECHO\r\n";
    struct hearing hearing = hearing_new(&profile_redis, TRACE_ROLE_SERVER, 0);
    size_t size = say(&profile_redis, &hearing, SCENARIO_PAYLOAD_LARGE, 0, SCENARIO_ALL);
    assert_memory_equal(buffer, head, sizeof(head) - 1);
    hear(&profile_redis, &hearing, buffer + sizeof(head) - 1, size - sizeof(head) + 1);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_COMPLETE), 1);
    (void)say(&profile_redis, &hearing, SCENARIO_PAYLOAD_REQUEST, 0, SCENARIO_ALL);
    hear_text(&profile_redis, &hearing, "-ERR no\r\n");
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_WRONG), 1);
    trace_done(&hearing.trace);
}

static void redis_client_cut_anywhere_says_the_same(void **state)
{
    (void)state;
    talk.size = 0;
    talk_add(false, "*1\r\n$4\r\nPING\r\n", 14);
    talk_add(true, "+OK 003-000001\r\n", 16);
    talk_add(false, "PING\r\n", 6);
    talk_add(true, "+OK 003-000002\r\n", 16);
    talk_add(false, "*2\r\n$4\r\nECHO\r\n$5\r\n\r\n*$\n\r\n", 25);
    talk_add(true, "+OK 003-000003\r\n", 16);
    assert_same_however_cut(&profile_redis, TRACE_ROLE_CLIENT, 3);
}

static void redis_client_that_miscounts_is_wrong(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_redis, TRACE_ROLE_CLIENT, 0);
    hear_text(&profile_redis, &hearing, "*2\r\n$4\r\nECHO\r\nhello\r\n");
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_REQUEST_WRONG), 1);
    trace_done(&hearing.trace);
}

static void memcached_server_cut_anywhere_says_the_same(void **state)
{
    (void)state;
    static const char *const answers[] = {"END\r\n", "END\r\n", ""};
    assert_serves(&profile_memcached, "", 3, twice_and_last, answers);
}

static void memcached_large_value_comes_back(void **state)
{
    (void)state;
    static const char head[] = "set sockspec-000-000001 0 0 131072 noreply\r\n";
    static const char value[] = "VALUE sockspec-000-000001 0 131072\r\n";
    struct hearing hearing = hearing_new(&profile_memcached, TRACE_ROLE_SERVER, 0);
    (void)say(&profile_memcached, &hearing, SCENARIO_PAYLOAD_LARGE, 0, SCENARIO_ALL);
    assert_memory_equal(buffer, head, sizeof(head) - 1);
    hear_text(&profile_memcached, &hearing, value);
    hear(&profile_memcached, &hearing, buffer + sizeof(head) - 1, 131072);
    hear_text(&profile_memcached, &hearing, "\r\nEND\r\n");
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_COMPLETE), 1);
    trace_done(&hearing.trace);
}

static void smtp_server_cut_anywhere_says_the_same(void **state)
{
    (void)state;
    static const char *const answers[] = {"250 2.0.0 Ok\r\n", "250-a\r\n250 b\r\n", "221 Bye\r\n"};
    assert_serves(&profile_smtp, "220-mail\r\n220 ready\r\n", 3, twice_and_last, answers);
}

static void smtp_other_code_is_wrong(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_smtp, TRACE_ROLE_SERVER, 0);
    hear_text(&profile_smtp, &hearing, "220 ready\r\n");
    (void)say(&profile_smtp, &hearing, SCENARIO_PAYLOAD_REQUEST, 0, SCENARIO_ALL);
    hear_text(&profile_smtp, &hearing, "502 no\r\n");
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_WRONG), 1);
    trace_done(&hearing.trace);
}

static void ftp_server_may_refuse_before_the_login(void **state)
{
    (void)state;
    static const char *const answers[] = {"530 Please login.\r\n", "200 NOOP ok.\r\n",
                                          "221 Goodbye.\r\n"};
    assert_serves(&profile_ftp, "220 (FTP)\r\n", 3, twice_and_last, answers);
}

#define TEXT(literal)                                                                              \
    {                                                                                              \
        .bytes = literal, .size = sizeof(literal) - 1                                              \
    }

/* As a message broker speaks: a client says who it is, and may go on before it has an answer. */
static const struct framed_config broker_config = {
    .opening = TEXT("I am {c}\n"),
    .opened = {.frame = FRAMED_EXACT, .exact = {.head = TEXT("hello {c}\n")}},
    .request = {{.head = TEXT("ping {n}\n")}, {.filling = 0}, {.head = TEXT("bye\n")}},
    .answer = {{.frame = FRAMED_EXACT, .exact = {.head = TEXT("pong {n}\n")}}},
};

static struct profile broker(void)
{
    struct profile profile = {.name = "broker"};
    framed_profile(&profile, &broker_config);
    return profile;
}

static void opening_server_cut_anywhere_says_the_same(void **state)
{
    (void)state;
    struct profile profile = broker();
    static const char *const answers[] = {"hello 003\npong 000001\n", "pong 000002\n", ""};
    assert_serves(&profile, "", 3, twice_and_last, answers);
}

static void opening_is_answered_before_the_request_is_whole(void **state)
{
    (void)state;
    struct profile profile = broker();
    struct hearing hearing = hearing_new(&profile, TRACE_ROLE_SERVER, 0);
    (void)say(&profile, &hearing, SCENARIO_PAYLOAD_REQUEST, 0, 9);
    assert_memory_equal(buffer, "I am 000\n", 9);
    hear_text(&profile, &hearing, "hello 000\n");
    assert_int_equal(hearing.trace.count, 1);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_GREETING), 1);
    (void)say(&profile, &hearing, SCENARIO_PAYLOAD_REST, 0, SCENARIO_ALL);
    hear_text(&profile, &hearing, "pong 000001\n");
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_COMPLETE), 1);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_WRONG), 0);
    trace_done(&hearing.trace);
}

static void opening_answered_before_it_is_whole_is_wrong(void **state)
{
    (void)state;
    struct profile profile = broker();
    struct hearing hearing = hearing_new(&profile, TRACE_ROLE_SERVER, 0);
    (void)say(&profile, &hearing, SCENARIO_PAYLOAD_REQUEST, 0, 8);
    hear_text(&profile, &hearing, "hello 000\n");
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_WRONG), 1);
    trace_done(&hearing.trace);
}

static void discard_server_request_is_answered_at_once(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_discard, TRACE_ROLE_SERVER, 0);
    assert_true(say(&profile_discard, &hearing, SCENARIO_PAYLOAD_REQUEST, 0, SCENARIO_ALL) > 0);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_COMPLETE), 1);
    hear_text(&profile_discard, &hearing, "x");
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_WRONG), 1);
    trace_done(&hearing.trace);
}

static void echo_wrong_byte_reported_once_with_its_offset(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_echo, TRACE_ROLE_SERVER, 0);
    size_t size = say(&profile_echo, &hearing, SCENARIO_PAYLOAD_REQUEST, 0, SCENARIO_ALL);
    buffer[20] ^= 1;
    hear(&profile_echo, &hearing, buffer, 7);
    hear(&profile_echo, &hearing, buffer + 7, size - 7);
    hear(&profile_echo, &hearing, buffer, size);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_WRONG), 1);
    assert_int_equal(heard_at(&hearing, TRACE_DIALOGUE_RESPONSE_WRONG), 20);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_COMPLETE), 0);
    trace_done(&hearing.trace);
}

static void echo_stray_bytes_must_come_back_too(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_echo, TRACE_ROLE_SERVER, 0);
    hearing.sink.trace = &hearing.trace;
    profile_echo.sent(&profile_echo, &hearing.state, (const uint8_t *)"hello, stray", 12,
                      &hearing.sink);
    hear_text(&profile_echo, &hearing, "hello, ");
    hear_text(&profile_echo, &hearing, "stray");
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_COMPLETE), 1);
    profile_echo.sent(&profile_echo, &hearing.state, (const uint8_t *)"again", 5, &hearing.sink);
    hear_text(&profile_echo, &hearing, "agaim");
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_WRONG), 1);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_UNPREDICTABLE), 0);
    trace_done(&hearing.trace);
}

static void echo_unfinished_message_becomes_stray(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_echo, TRACE_ROLE_SERVER, 0);
    char said[32];
    size_t size = say(&profile_echo, &hearing, SCENARIO_PAYLOAD_REQUEST, 0, 15);
    assert_int_equal(size, 15);
    memcpy(said, buffer, size);
    hear(&profile_echo, &hearing, said, 9);
    profile_echo.sent(&profile_echo, &hearing.state, (const uint8_t *)"!?", 2, &hearing.sink);
    hear(&profile_echo, &hearing, said + 9, 6);
    hear_text(&profile_echo, &hearing, "!?");
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_WRONG), 0);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_COMPLETE), 1);
    trace_done(&hearing.trace);
}

static void echo_more_than_was_said_is_wrong(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_echo, TRACE_ROLE_SERVER, 0);
    size_t size = say(&profile_echo, &hearing, SCENARIO_PAYLOAD_REQUEST, 0, SCENARIO_ALL);
    hear(&profile_echo, &hearing, buffer, size);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_WRONG), 0);
    hear_text(&profile_echo, &hearing, "R");
    assert_int_equal(heard_at(&hearing, TRACE_DIALOGUE_RESPONSE_WRONG), (int)size);
    trace_done(&hearing.trace);
}

static void payload_next_and_rest_make_one_request(void **state)
{
    (void)state;
    const struct profile *profile = NULL;
    for (unsigned i = 0; (profile = profiles_at(i)) != NULL; i++) {
        struct hearing hearing = hearing_new(profile, TRACE_ROLE_SERVER, 0);
        assert_int_equal(say(profile, &hearing, SCENARIO_PAYLOAD_NEXT, 3, 0), 3);
        assert_int_equal(heard(&hearing, TRACE_DIALOGUE_REQUEST_SENT), 0);
        assert_true(say(profile, &hearing, SCENARIO_PAYLOAD_REST, 0, 0) > 0);
        assert_int_equal(heard(&hearing, TRACE_DIALOGUE_REQUEST_SENT), 1);
        assert_int_equal(heard(&hearing, TRACE_DIALOGUE_UNPREDICTABLE), 0);
        trace_done(&hearing.trace);
    }
}

static void payload_slices_join_to_the_whole_message(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_http, TRACE_ROLE_SERVER, 0);
    size_t first = say(&profile_http, &hearing, SCENARIO_PAYLOAD_LARGE, 0, 30);
    assert_int_equal(first, 30);
    assert_true(say(&profile_http, &hearing, SCENARIO_PAYLOAD_LARGE, 30, SCENARIO_ALL) > 0);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_REQUEST_SENT), 1);
    trace_done(&hearing.trace);
}

static void http_literal_bytes_leave_the_protocol(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_http, TRACE_ROLE_SERVER, 0);
    hearing.sink.trace = &hearing.trace;
    profile_http.sent(&profile_http, &hearing.state, (const uint8_t *)"BREW / HTCPCP/1.0\r\n", 19,
                      &hearing.sink);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_UNPREDICTABLE), 1);
    hear_text(&profile_http, &hearing, "I'm a teapot");
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_WRONG), 0);
    trace_done(&hearing.trace);
}

static const uint8_t *lasting(struct hearing *hearing, uint32_t from, uint32_t to, size_t *ret_size)
{
    return profile_echo.lasting(&profile_echo, &hearing->state, SCENARIO_PAYLOAD_LARGE, from, to,
                                ret_size);
}

static void echo_large_that_lasts_is_what_payload_writes(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_echo, TRACE_ROLE_SERVER, 0);
    hearing.sink.trace = &hearing.trace;
    size_t size = 0;
    for (unsigned number = 1; number <= 2; number++) {
        const uint8_t *whole = lasting(&hearing, 0, SCENARIO_ALL, &size);
        assert_non_null(whole);
        assert_int_equal(profile_echo.payload(&profile_echo, &hearing.state, SCENARIO_PAYLOAD_LARGE,
                                              0, SCENARIO_ALL, buffer, sizeof(buffer)),
                         size);
        assert_memory_equal(whole, buffer, size);
        profile_echo.sent(&profile_echo, &hearing.state, whole, size - 1, &hearing.sink);
        assert_int_equal(heard(&hearing, TRACE_DIALOGUE_REQUEST_SENT), number - 1);
        profile_echo.sent(&profile_echo, &hearing.state, whole + size - 1, 1, &hearing.sink);
        assert_int_equal(heard(&hearing, TRACE_DIALOGUE_REQUEST_SENT), number);
    }
    trace_done(&hearing.trace);
}

static void echo_large_that_lasts_sent_out_of_place_is_no_message(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_echo, TRACE_ROLE_SERVER, 0);
    hearing.sink.trace = &hearing.trace;
    size_t size = 0;
    const uint8_t *whole = lasting(&hearing, 0, SCENARIO_ALL, &size);
    assert_non_null(whole);
    profile_echo.sent(&profile_echo, &hearing.state, whole + 1, size - 1, &hearing.sink);
    (void)say(&profile_echo, &hearing, SCENARIO_PAYLOAD_REQUEST, 0, SCENARIO_ALL);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_REQUEST_SENT), 2); /* a stray run, and it */
    trace_done(&hearing.trace);
}

static void echo_large_that_lasts_stays_until_the_next_play(void **state)
{
    (void)state;
    enum { PLAY_MAX = 64 };
    struct hearing first = hearing_new(&profile_echo, TRACE_ROLE_SERVER, 0);
    size_t size = 0;
    const uint8_t *kept = lasting(&first, 0, SCENARIO_ALL, &size);
    assert_non_null(kept);
    memcpy(buffer, kept, size);
    const uint8_t *other = kept;
    for (uint32_t ordinal = 1; ordinal < PLAY_MAX && other != NULL; ordinal++) {
        struct hearing next = hearing_new(&profile_echo, TRACE_ROLE_SERVER, ordinal);
        other = lasting(&next, 0, SCENARIO_ALL, &size);
        assert_ptr_not_equal(other, kept);
        trace_done(&next.trace);
    }
    assert_null(other); /* no more room: the others are in use */
    assert_memory_equal(kept, buffer, size);
    struct hearing again = hearing_new(&profile_echo, TRACE_ROLE_SERVER, 0);
    assert_non_null(lasting(&again, 0, SCENARIO_ALL, &size));
    trace_done(&again.trace);
    trace_done(&first.trace);
}

static void http_body_that_ends_with_the_connection_completes_at_fin(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_http, TRACE_ROLE_SERVER, 0);
    (void)say(&profile_http, &hearing, SCENARIO_PAYLOAD_REQUEST, 0, SCENARIO_ALL);
    hear_text(&profile_http, &hearing, "HTTP/1.0 200 OK\r\n\r\n000-000001-sock\n");
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_COMPLETE), 0);
    profile_http.ended(&profile_http, &hearing.state, &hearing.sink);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_COMPLETE), 1);
    trace_done(&hearing.trace);
}

static void http_body_other_than_what_was_posted_is_wrong(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_http, TRACE_ROLE_SERVER, 0);
    (void)say(&profile_http, &hearing, SCENARIO_PAYLOAD_REQUEST, 0, SCENARIO_ALL);
    hear_text(&profile_http, &hearing,
              "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n000-000002-sock\n");
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_WRONG), 1);
    assert_int_equal(heard_at(&hearing, TRACE_DIALOGUE_RESPONSE_WRONG), 39 + 9);
    trace_done(&hearing.trace);
}

static void http_announced_close_owes_nothing_more(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_http, TRACE_ROLE_SERVER, 0);
    (void)say(&profile_http, &hearing, SCENARIO_PAYLOAD_REQUEST, 0, SCENARIO_ALL);
    (void)say(&profile_http, &hearing, SCENARIO_PAYLOAD_REQUEST, 0, SCENARIO_ALL);
    hear_text(&profile_http, &hearing,
              "HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_COMPLETE), 1);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_UNPREDICTABLE), 1);
    trace_done(&hearing.trace);
}

static void http_client_gets_back_what_it_posted(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_http, TRACE_ROLE_CLIENT, 0);
    assert_int_equal(say(&profile_http, &hearing, SCENARIO_PAYLOAD_RESPONSE, 0, SCENARIO_ALL), 0);
    hear_text(&profile_http, &hearing, "POST /echo HTTP/1.1\r\nContent-Length: 4\r\n\r\nping");
    size_t size = say(&profile_http, &hearing, SCENARIO_PAYLOAD_RESPONSE, 0, SCENARIO_ALL);
    assert_memory_equal(buffer + size - 4, "ping", 4);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_SENT), 1);
    trace_done(&hearing.trace);
}

static void echo_client_gets_half_a_line_back_and_then_the_rest(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_echo, TRACE_ROLE_CLIENT, 0);
    hear_text(&profile_echo, &hearing, "pi");
    assert_int_equal(say(&profile_echo, &hearing, SCENARIO_PAYLOAD_RESPONSE, 0, SCENARIO_ALL), 2);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_SENT), 0);
    hear_text(&profile_echo, &hearing, "ng\n");
    assert_int_equal(say(&profile_echo, &hearing, SCENARIO_PAYLOAD_RESPONSE, 0, SCENARIO_ALL), 3);
    assert_memory_equal(buffer, "ng\n", 3);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_SENT), 1);
    trace_done(&hearing.trace);
}

static void banner_client_is_greeted_first(void **state)
{
    (void)state;
    struct hearing hearing = hearing_new(&profile_banner, TRACE_ROLE_CLIENT, 0);
    assert_true(say(&profile_banner, &hearing, SCENARIO_PAYLOAD_RESPONSE, 0, SCENARIO_ALL) > 0);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_GREETING), 1);
    assert_int_equal(say(&profile_banner, &hearing, SCENARIO_PAYLOAD_RESPONSE, 0, SCENARIO_ALL), 0);
    hear_text(&profile_banner, &hearing, "NOOP\r\n");
    assert_true(say(&profile_banner, &hearing, SCENARIO_PAYLOAD_RESPONSE, 0, SCENARIO_ALL) > 0);
    assert_int_equal(heard(&hearing, TRACE_DIALOGUE_RESPONSE_SENT), 1);
    trace_done(&hearing.trace);
}

static void profiles_find_unknown_name_finds_none(void **state)
{
    (void)state;
    assert_null(profiles_find("gopher"));
    assert_ptr_equal(profiles_find("http"), &profile_http);
}

static void profiles_can_say_large_only_where_there_is_one(void **state)
{
    (void)state;
    assert_true(profiles_can_say(&profile_http, TRACE_ROLE_SERVER, SCENARIO_PAYLOAD_LARGE));
    assert_false(profiles_can_say(&profile_line, TRACE_ROLE_SERVER, SCENARIO_PAYLOAD_LARGE));
    assert_false(profiles_can_say(&profile_echo, TRACE_ROLE_SERVER, SCENARIO_PAYLOAD_LAST));
    assert_true(profiles_can_say(&profile_http, TRACE_ROLE_CLIENT, SCENARIO_PAYLOAD_LARGE));
    assert_true(profiles_can_say(&profile_banner, TRACE_ROLE_CLIENT, SCENARIO_PAYLOAD_LAST));
    assert_false(profiles_can_say(&profile_echo, TRACE_ROLE_CLIENT, SCENARIO_PAYLOAD_LARGE));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo_server_cut_anywhere_says_the_same),
        cmocka_unit_test(echo_large_that_lasts_is_what_payload_writes),
        cmocka_unit_test(echo_large_that_lasts_sent_out_of_place_is_no_message),
        cmocka_unit_test(echo_large_that_lasts_stays_until_the_next_play),
        cmocka_unit_test(http_server_cut_anywhere_says_the_same),
        cmocka_unit_test(banner_server_cut_anywhere_says_the_same),
        cmocka_unit_test(echo_client_cut_anywhere_says_the_same),
        cmocka_unit_test(http_client_cut_anywhere_says_the_same),
        cmocka_unit_test(http_static_server_cut_anywhere_says_the_same),
        cmocka_unit_test(http10_answer_ends_with_the_connection),
        cmocka_unit_test(redis_server_cut_anywhere_says_the_same),
        cmocka_unit_test(redis_large_string_comes_back),
        cmocka_unit_test(redis_client_cut_anywhere_says_the_same),
        cmocka_unit_test(redis_client_that_miscounts_is_wrong),
        cmocka_unit_test(memcached_server_cut_anywhere_says_the_same),
        cmocka_unit_test(memcached_large_value_comes_back),
        cmocka_unit_test(smtp_server_cut_anywhere_says_the_same),
        cmocka_unit_test(smtp_other_code_is_wrong),
        cmocka_unit_test(ftp_server_may_refuse_before_the_login),
        cmocka_unit_test(opening_server_cut_anywhere_says_the_same),
        cmocka_unit_test(opening_is_answered_before_the_request_is_whole),
        cmocka_unit_test(opening_answered_before_it_is_whole_is_wrong),
        cmocka_unit_test(discard_server_request_is_answered_at_once),
        cmocka_unit_test(echo_wrong_byte_reported_once_with_its_offset),
        cmocka_unit_test(echo_stray_bytes_must_come_back_too),
        cmocka_unit_test(echo_unfinished_message_becomes_stray),
        cmocka_unit_test(echo_more_than_was_said_is_wrong),
        cmocka_unit_test(payload_next_and_rest_make_one_request),
        cmocka_unit_test(payload_slices_join_to_the_whole_message),
        cmocka_unit_test(http_literal_bytes_leave_the_protocol),
        cmocka_unit_test(http_body_that_ends_with_the_connection_completes_at_fin),
        cmocka_unit_test(http_body_other_than_what_was_posted_is_wrong),
        cmocka_unit_test(http_announced_close_owes_nothing_more),
        cmocka_unit_test(http_client_gets_back_what_it_posted),
        cmocka_unit_test(echo_client_gets_half_a_line_back_and_then_the_rest),
        cmocka_unit_test(banner_client_is_greeted_first),
        cmocka_unit_test(profiles_find_unknown_name_finds_none),
        cmocka_unit_test(profiles_can_say_large_only_where_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
