/* The echo profile: whatever was sent comes back, in order and once.
 *
 * Towards a server the peer's messages are lines of 32 bytes, or one of 128 KiB; every other byte
 * is an echo's business too, so bytes outside of messages are remembered by length and hash, and
 * must come back. Towards a client a message is a line, and the peer gives back what came. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/dialogue.h"
#include "suite/pattern.h"
#include "suite/profiles.h"
#include "suite/store.h"

enum {
    ECHO_SIZE = 32,            /* bytes of a request */
    ECHO_LARGE_SIZE = 1 << 17, /* bytes of a large one */
    ECHO_HEAD = 12,            /* bytes at its start that name connection and message */
    ECHO_STRAYS_MAX = 4,       /* runs of stray bytes not yet echoed */
    ECHO_LINES_MAX = 16        /* lines of a client not yet echoed */
};

/* A hash over a run of bytes that gives the same however the run is cut. */
struct echo_hash {
    uint64_t value;
    uint64_t word; /* the bytes since the last full word */
    uint32_t size;
};

struct echo_state {
    struct dialogue dialogue;
    union {
        struct {
            struct echo_hash strays[ECHO_STRAYS_MAX]; /* by turn */
            struct echo_hash read;                    /* of the stray run that comes back now */
            uint8_t stray_sent, stray_read;           /* turns, counted on for ever */
        } server;
        struct {
            uint32_t lines[ECHO_LINES_MAX]; /* bytes owed of whole lines, by number */
            uint32_t given; /* bytes of the line in progress that were given back already */
        } client;
    };
};
_Static_assert(sizeof(struct echo_state) <= PROFILE_STATE_SIZE, "the state fits");

/* What word number `at` adds to a hash: the product of its halves, each with a key of its own (the
 * NH hash of UMAC, RFC 4418). A sum: no word waits for the one before, and compilers take several
 * at a time. */
static inline uint64_t hash_word(uint32_t at, uint64_t word)
{
    uint32_t low = (uint32_t)word + at * 0x9E3779B9U;
    uint32_t high = (uint32_t)(word >> 32) + at * 0x85EBCA6BU + 0xC2B2AE35U;
    return (uint64_t)low * high;
}

/* Whole words, from a place where one begins. Returns the bytes taken. */
static size_t hash_words(struct echo_hash *hash, const uint8_t *data, size_t size)
{
    uint32_t count = (uint32_t)(size / 8);
    uint32_t first = hash->size / 8;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t word;
        memcpy(&word, data + (size_t)i * 8, 8);
        sum += hash_word(first + i, word);
    }
    hash->value += sum;
    hash->size += count * 8;
    return (size_t)count * 8;
}

static void hash_add(struct echo_hash *hash, const uint8_t *data, size_t size)
{
    while (size > 0) {
        if (hash->size % 8 == 0 && size >= 8) {
            size_t taken = hash_words(hash, data, size);
            data += taken;
            size -= taken;
            continue;
        }
        hash->word |= (uint64_t)*data << hash->size % 8 * 8;
        hash->size++;
        data++;
        size--;
        if (hash->size % 8 == 0) {
            hash->value += hash_word(hash->size / 8 - 1, hash->word);
            hash->word = 0;
        }
    }
}

static bool hash_equal(const struct echo_hash *a, const struct echo_hash *b)
{
    return a->size == b->size && a->value == b->value && a->word == b->word;
}

/* ---- What the peer says ---- */

static uint32_t echo_size(const struct profile *profile, const struct dialogue *dialogue,
                          enum dialogue_kind kind, uint32_t number)
{
    (void)profile;
    if (dialogue->role == TRACE_ROLE_CLIENT) {
        const struct echo_state *state = (const struct echo_state *)dialogue;
        const struct store *store = store_of(dialogue->ordinal);
        if (kind != DIALOGUE_ORDINARY || store == NULL) {
            return 0;
        }
        /* Without a whole line, what came of the next one: an echo may answer at once. */
        return number <= dialogue->answered ? state->client.lines[number % ECHO_LINES_MAX]
                                            : store_used(store);
    }
    switch (kind) {
    case DIALOGUE_ORDINARY:
        return ECHO_SIZE;
    case DIALOGUE_LARGE:
        return ECHO_LARGE_SIZE;
    default:
        return 0;
    }
}

static const uint8_t *echo_span(const struct profile *profile, const struct dialogue *dialogue,
                                enum dialogue_kind kind, uint32_t number, uint32_t offset,
                                uint8_t scratch[DIALOGUE_SCRATCH], size_t *ret_size)
{
    if (dialogue->role == TRACE_ROLE_CLIENT) {
        return store_at(store_of(dialogue->ordinal), offset, ret_size);
    }
    uint64_t filling = (uint64_t)dialogue->ordinal * 331 + (uint64_t)number * 37;
    if (offset < ECHO_HEAD || kind == DIALOGUE_ORDINARY) {
        memcpy(scratch, kind == DIALOGUE_LARGE ? "L000-000000 " : "R000-000000 ", ECHO_HEAD);
        dialogue_digits(scratch + 1, 3, dialogue->ordinal);
        dialogue_digits(scratch + 5, 6, number);
        *ret_size = ECHO_HEAD - offset;
        if (kind == DIALOGUE_ORDINARY) { /* all of it at once */
            size_t piece = 0;
            memcpy(scratch + ECHO_HEAD, pattern_at(filling + ECHO_HEAD, &piece),
                   ECHO_SIZE - ECHO_HEAD - 1);
            scratch[ECHO_SIZE - 1] = '\n';
            *ret_size = ECHO_SIZE - offset;
        }
        return scratch + offset;
    }
    uint32_t whole = echo_size(profile, dialogue, kind, number);
    if (offset == whole - 1) {
        scratch[0] = '\n';
        *ret_size = 1;
        return scratch;
    }
    const uint8_t *span = pattern_at(filling + offset, ret_size);
    if (*ret_size > whole - 1 - offset) {
        *ret_size = whole - 1 - offset;
    }
    return span;
}

static void echo_complete(const struct profile *profile, struct dialogue *dialogue,
                          enum dialogue_kind kind, struct profile_sink *sink)
{
    (void)profile;
    (void)kind;
    if (dialogue->role == TRACE_ROLE_SERVER) {
        profile_report(sink, TRACE_DIALOGUE_REQUEST_SENT, dialogue->sent, 0);
        return;
    }
    struct echo_state *state = (struct echo_state *)dialogue;
    struct store *store = store_of(dialogue->ordinal);
    if (dialogue->sent <= dialogue->answered) {
        store->tail += state->client.lines[dialogue->sent % ECHO_LINES_MAX];
        profile_report(sink, TRACE_DIALOGUE_RESPONSE_SENT, dialogue->sent, 0);
    } else {
        /* A piece of a line that is not yet whole: the line goes on behind it. */
        state->client.given += store_used(store);
        store->tail = store->head;
        dialogue->sent--;
    }
}

/* Stray bytes towards a server are a message of their own: they come back too. */
static void echo_stray(const struct profile *profile, struct dialogue *dialogue,
                       const uint8_t *data, size_t size, struct profile_sink *sink)
{
    struct echo_state *state = (struct echo_state *)dialogue;
    if (dialogue->role == TRACE_ROLE_CLIENT) {
        dialogue_leave(dialogue, sink);
        return;
    }
    bool reading_it = dialogue->answered == dialogue->sent;
    bool full = (uint8_t)(state->server.stray_sent - state->server.stray_read) >= ECHO_STRAYS_MAX;
    if (full) {
        /* No room for one more run: it joins the last one, if nothing stands between. */
        if (dialogue->sent_at > 0 || dialogue_kind_of(dialogue, dialogue->sent) != DIALOGUE_STRAY ||
            reading_it) {
            dialogue_leave(dialogue, sink);
            return;
        }
        hash_add(&state->server.strays[(uint8_t)(state->server.stray_sent - 1) % ECHO_STRAYS_MAX],
                 data, size);
        return;
    }
    struct echo_hash *run = &state->server.strays[state->server.stray_sent % ECHO_STRAYS_MAX];
    *run = (struct echo_hash){0};
    if (dialogue->sent_at > 0) {
        /* The message that was in progress will not be finished: its bytes belong to this run. What
         * of them came back already was compared as it came. */
        enum dialogue_kind kind = dialogue_kind_now(dialogue);
        uint8_t scratch[DIALOGUE_SCRATCH];
        struct echo_hash *sides[2] = {run, reading_it ? &state->server.read : NULL};
        uint32_t sizes[2] = {dialogue->sent_at, dialogue->read_at};
        if (reading_it) {
            state->server.read = (struct echo_hash){0};
        }
        for (unsigned side = 0; side < 2 && sides[side] != NULL; side++) {
            for (uint32_t at = 0; at < sizes[side];) {
                size_t piece = 0;
                const uint8_t *span =
                    echo_span(profile, dialogue, kind, dialogue->sent + 1, at, scratch, &piece);
                piece = piece < sizes[side] - at ? piece : sizes[side] - at;
                hash_add(sides[side], span, piece);
                at += (uint32_t)piece;
            }
        }
    } else if (reading_it) {
        state->server.read = (struct echo_hash){0};
    }
    hash_add(run, data, size);
    state->server.stray_sent++;
    dialogue->sent++;
    dialogue->sent_at = 0;
    dialogue->alive = DIALOGUE_ALIVE_ALL;
    dialogue_book(dialogue, dialogue->sent, DIALOGUE_STRAY);
    profile_report(sink, TRACE_DIALOGUE_REQUEST_SENT, dialogue->sent, 0);
}

static const struct dialogue_speech echo_speech = {echo_size, echo_span, echo_complete, echo_stray};

/* ---- What the target says ---- */

static void echo_answer_done(struct echo_state *state, struct profile_sink *sink)
{
    struct dialogue *dialogue = &state->dialogue;
    dialogue->answered++;
    dialogue->read_at = 0;
    state->server.read = (struct echo_hash){0};
    profile_report(sink, TRACE_DIALOGUE_RESPONSE_COMPLETE, dialogue->answered, 0);
}

/* One piece of the answer to message `answered + 1`. Returns the bytes taken; 0 after a wrong one.
 */
static size_t echo_answer(const struct profile *profile, struct echo_state *state,
                          const uint8_t *data, size_t size, struct profile_sink *sink)
{
    struct dialogue *dialogue = &state->dialogue;
    uint32_t number = dialogue->answered + 1;
    bool sent = dialogue->answered < dialogue->sent;
    enum dialogue_kind kind =
        sent ? dialogue_kind_of(dialogue, number) : dialogue_kind_now(dialogue);
    uint32_t whole = dialogue->sent_at;
    struct echo_hash *run = &state->server.strays[state->server.stray_read % ECHO_STRAYS_MAX];
    if (sent) {
        whole = kind == DIALOGUE_STRAY ? run->size : echo_size(profile, dialogue, kind, number);
    }
    size_t wanted = whole - dialogue->read_at < size ? whole - dialogue->read_at : size;
    if (wanted == 0) {
        dialogue_wrong(dialogue, 0, sink); /* the target says what nobody said to it */
        return 0;
    }
    if (dialogue->read_at == 0) {
        profile_report(sink, TRACE_DIALOGUE_RESPONSE_BEGUN, number, 0);
    }
    if (kind == DIALOGUE_STRAY) {
        hash_add(&state->server.read, data, wanted);
        if (dialogue->read_at + wanted == whole && !hash_equal(run, &state->server.read)) {
            dialogue->read_total -=
                dialogue->read_at; /* somewhere in this run: its start is what is known */
            dialogue_wrong(dialogue, 0, sink);
            return 0;
        }
    } else {
        size_t good = dialogue_match(profile, &echo_speech, dialogue, kind, number,
                                     dialogue->read_at, data, wanted);
        if (good < wanted) {
            dialogue_wrong(dialogue, good, sink);
            return 0;
        }
    }
    dialogue->read_at += (uint32_t)wanted;
    dialogue->read_total += (uint32_t)wanted;
    if (sent && dialogue->read_at == whole) {
        state->server.stray_read = (uint8_t)(state->server.stray_read + (kind == DIALOGUE_STRAY));
        echo_answer_done(state, sink);
    }
    return wanted;
}

/* A client's bytes: lines, kept until they were given back. */
static void echo_question(struct echo_state *state, const uint8_t *data, size_t size,
                          struct profile_sink *sink)
{
    struct dialogue *dialogue = &state->dialogue;
    struct store *store = store_of(dialogue->ordinal);
    if (store == NULL || !store_put(store, data, size)) {
        dialogue_leave(dialogue, sink);
        return;
    }
    while (size > 0) {
        if (dialogue->answered - dialogue->sent >= ECHO_LINES_MAX) {
            dialogue_leave(dialogue, sink);
            return;
        }
        if (dialogue->read_at == 0) {
            profile_report(sink, TRACE_DIALOGUE_REQUEST_BEGUN, (int64_t)dialogue->answered + 1, 0);
        }
        const uint8_t *newline = memchr(data, '\n', size);
        size_t taken = newline == NULL ? size : (size_t)(newline - data) + 1;
        dialogue->read_at += (uint32_t)taken;
        dialogue->read_total += (uint32_t)taken;
        if (newline != NULL) {
            dialogue->answered++;
            state->client.lines[dialogue->answered % ECHO_LINES_MAX] =
                dialogue->read_at - state->client.given;
            state->client.given = 0;
            dialogue->read_at = 0;
            profile_report(sink, TRACE_DIALOGUE_REQUEST_COMPLETE, dialogue->answered, 0);
        }
        data += taken;
        size -= taken;
    }
}

/* ---- The profile ---- */

static void echo_begin(const struct profile *profile, struct profile_state *state,
                       enum trace_role role, uint32_t ordinal)
{
    (void)profile;
    struct echo_state *echo = (struct echo_state *)state;
    dialogue_begin(&echo->dialogue, role, ordinal);
    if (role == TRACE_ROLE_CLIENT) {
        store_begin(ordinal);
        echo->client.given = 0;
    } else {
        echo->server.read = (struct echo_hash){0};
        echo->server.stray_sent = 0;
        echo->server.stray_read = 0;
    }
}

static size_t echo_payload(const struct profile *profile, const struct profile_state *state,
                           enum scenario_payload payload, uint32_t from, uint32_t to,
                           uint8_t *buffer, size_t size)
{
    return dialogue_payload(profile, &echo_speech, (const struct dialogue *)state, payload, from,
                            to, buffer, size);
}

/* Towards a server a large message depends on nothing but its connection and number. */
static const uint8_t *echo_lasting(const struct profile *profile, const struct profile_state *state,
                                   enum scenario_payload payload, uint32_t from, uint32_t to,
                                   size_t *ret_size)
{
    const struct dialogue *dialogue = (const struct dialogue *)state;
    return dialogue->role == TRACE_ROLE_CLIENT
               ? NULL
               : dialogue_lasting(profile, &echo_speech, dialogue, payload, from, to, ret_size);
}

static void echo_sent(const struct profile *profile, struct profile_state *state,
                      const uint8_t *data, size_t size, struct profile_sink *sink)
{
    dialogue_sent(profile, &echo_speech, (struct dialogue *)state, data, size, sink);
}

static void echo_received(const struct profile *profile, struct profile_state *state,
                          const uint8_t *data, size_t size, struct profile_sink *sink)
{
    struct echo_state *echo = (struct echo_state *)state;
    if (echo->dialogue.wrong || echo->dialogue.unpredictable) {
        return;
    }
    if (echo->dialogue.role == TRACE_ROLE_CLIENT) {
        echo_question(echo, data, size, sink);
        return;
    }
    while (size > 0) {
        size_t taken = echo_answer(profile, echo, data, size, sink);
        if (taken == 0) {
            return;
        }
        data += taken;
        size -= taken;
    }
}

static void echo_ended(const struct profile *profile, struct profile_state *state,
                       struct profile_sink *sink)
{
    (void)profile;
    (void)state;
    (void)sink;
}

const struct profile profile_echo = {
    .name = "echo",
    .title = "every byte comes back (RFC 862); a client sends lines and waits for each",
    .promises = TRACE_PERSISTENT | TRACE_HALF_CLOSE_ANSWERED | TRACE_CONCURRENT |
                TRACE_IDLE_TIMEOUT | TRACE_CLOSES_AFTER_EOF | TRACE_FIXED_PORT,
    .begin = echo_begin,
    .payload = echo_payload,
    .sent = echo_sent,
    .received = echo_received,
    .ended = echo_ended,
    .lasting = echo_lasting,
};
