/* The peer's side of a dialogue: cutting messages into payloads and recognising them as they leave.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/dialogue.h"

#include "suite/pattern.h"

void dialogue_leave(struct dialogue *dialogue, struct profile_sink *sink)
{
    if (!dialogue->unpredictable) {
        dialogue->unpredictable = true;
        profile_report(sink, TRACE_DIALOGUE_UNPREDICTABLE, dialogue->sent + 1, dialogue->sent_at);
    }
}

void dialogue_wrong(struct dialogue *dialogue, size_t skip, struct profile_sink *sink)
{
    if (dialogue->wrong) {
        return;
    }
    dialogue->wrong = true;
    profile_report(sink,
                   dialogue->role == TRACE_ROLE_CLIENT ? TRACE_DIALOGUE_REQUEST_WRONG
                                                       : TRACE_DIALOGUE_RESPONSE_WRONG,
                   (int64_t)dialogue->answered + 1, (int64_t)dialogue->read_total + (int64_t)skip);
}

size_t dialogue_match(const struct profile *profile, const struct dialogue_speech *speech,
                      const struct dialogue *dialogue, enum dialogue_kind kind, uint32_t number,
                      uint32_t offset, const uint8_t *data, size_t size)
{
    uint8_t scratch[DIALOGUE_SCRATCH];
    uint32_t whole = speech->size(profile, dialogue, kind, number);
    size_t left = offset < whole ? whole - offset : 0;
    size_t wanted = size < left ? size : left;
    size_t matched = 0;
    while (matched < wanted) {
        size_t piece = 0;
        const uint8_t *span = speech->span(profile, dialogue, kind, number,
                                           offset + (uint32_t)matched, scratch, &piece);
        assert(piece > 0);
        piece = piece < wanted - matched ? piece : wanted - matched;
        size_t same = bytes_match(span, data + matched, piece);
        matched += same;
        if (same < piece) {
            return matched;
        }
    }
    return matched;
}

static size_t message_copy(const struct profile *profile, const struct dialogue_speech *speech,
                           const struct dialogue *dialogue, enum dialogue_kind kind, uint32_t from,
                           uint32_t to, uint8_t *buffer, size_t size)
{
    uint8_t scratch[DIALOGUE_SCRATCH];
    uint32_t number = dialogue->sent + 1;
    uint32_t whole = speech->size(profile, dialogue, kind, number);
    to = to < whole ? to : whole;
    size_t wanted = from < to ? to - from : 0;
    wanted = wanted < size ? wanted : size;
    size_t copied = 0;
    while (copied < wanted) {
        size_t piece = 0;
        const uint8_t *span =
            speech->span(profile, dialogue, kind, number, from + (uint32_t)copied, scratch, &piece);
        assert(piece > 0);
        piece = piece < wanted - copied ? piece : wanted - copied;
        bytes_copy(buffer + copied, span, piece);
        copied += piece;
    }
    return copied;
}

/* Filling of capital letters: no message of any profile starts so. */
static size_t fill_copy(uint32_t count, uint8_t *buffer, size_t size)
{
    size_t wanted = count < size ? count : size;
    for (size_t copied = 0; copied < wanted;) {
        size_t piece = 0;
        const uint8_t *span = pattern_at(copied, &piece);
        piece = piece < wanted - copied ? piece : wanted - copied;
        for (size_t i = 0; i < piece; i++) {
            buffer[copied + i] = (uint8_t)(span[i] & 0xDF);
        }
        copied += piece;
    }
    return wanted;
}

/* The part of a message that a payload stands for. */
struct part {
    enum dialogue_kind kind;
    uint32_t from;
    uint32_t to;
};

/* False: there is nothing to say. */
static bool part_of(const struct dialogue *dialogue, enum scenario_payload payload, uint32_t from,
                    uint32_t to, struct part *ret_part)
{
    if (dialogue->role == TRACE_ROLE_SERVER &&
        dialogue->sent - dialogue->answered >= DIALOGUE_PENDING_MAX - 2) {
        return false;
    }
    uint32_t at = dialogue->sent_at;
    enum dialogue_kind now = at > 0 ? dialogue_kind_now(dialogue) : DIALOGUE_ORDINARY;
    switch (payload) {
    case SCENARIO_PAYLOAD_REQUEST:
    case SCENARIO_PAYLOAD_RESPONSE:
        *ret_part = (struct part){DIALOGUE_ORDINARY, from, to};
        return true;
    case SCENARIO_PAYLOAD_LARGE:
        *ret_part = (struct part){DIALOGUE_LARGE, from, to};
        return true;
    case SCENARIO_PAYLOAD_LAST:
        *ret_part = (struct part){DIALOGUE_LAST, 0, SCENARIO_ALL};
        return true;
    case SCENARIO_PAYLOAD_NEXT:
        *ret_part = (struct part){now, at, from < SCENARIO_ALL - at ? at + from : SCENARIO_ALL};
        return true;
    case SCENARIO_PAYLOAD_REST:
        *ret_part = (struct part){now, at, SCENARIO_ALL};
        return true;
    default:
        return false;
    }
}

size_t dialogue_payload(const struct profile *profile, const struct dialogue_speech *speech,
                        const struct dialogue *dialogue, enum scenario_payload payload,
                        uint32_t from, uint32_t to, uint8_t *buffer, size_t size)
{
    struct part part;
    if (payload == SCENARIO_PAYLOAD_FILL) {
        return fill_copy(from, buffer, size);
    }
    return part_of(dialogue, payload, from, to, &part)
               ? message_copy(profile, speech, dialogue, part.kind, part.from, part.to, buffer,
                              size)
               : 0;
}

/* ---- Large messages, kept from play to play: putting one together takes longer than all else that
 * is done with it ---- */

struct kept {
    const struct profile *profile; /* NULL: free */
    uint32_t ordinal;
    uint32_t number;
    bool in_use; /* by this play: segments may refer to it */
    uint8_t bytes[DIALOGUE_KEPT_SIZE];
};

static struct kept kept[DIALOGUE_KEPT];
static unsigned kept_turn; /* where the search for one to replace begins */

static void kept_release(void)
{
    for (unsigned i = 0; i < DIALOGUE_KEPT; i++) {
        kept[i].in_use = false;
    }
}

static struct kept *kept_find(const struct profile *profile, const struct dialogue *dialogue,
                              uint32_t number)
{
    for (unsigned i = 0; i < DIALOGUE_KEPT; i++) {
        if (kept[i].profile == profile && kept[i].ordinal == dialogue->ordinal &&
            kept[i].number == number) {
            return &kept[i];
        }
    }
    return NULL;
}

/* NULL: the play uses all of them. */
static struct kept *kept_make(const struct profile *profile, const struct dialogue_speech *speech,
                              const struct dialogue *dialogue, uint32_t number, uint32_t size)
{
    unsigned looked = 0;
    while (looked < DIALOGUE_KEPT && kept[kept_turn % DIALOGUE_KEPT].in_use) {
        looked++;
        kept_turn++;
    }
    if (looked == DIALOGUE_KEPT) {
        return NULL;
    }
    struct kept *place = &kept[kept_turn++ % DIALOGUE_KEPT];
    place->profile = profile;
    place->ordinal = dialogue->ordinal;
    place->number = number;
    (void)message_copy(profile, speech, dialogue, DIALOGUE_LARGE, 0, size, place->bytes, size);
    return place;
}

const uint8_t *dialogue_lasting(const struct profile *profile, const struct dialogue_speech *speech,
                                const struct dialogue *dialogue, enum scenario_payload payload,
                                uint32_t from, uint32_t to, size_t *ret_size)
{
    struct part part;
    if (!part_of(dialogue, payload, from, to, &part) || part.kind != DIALOGUE_LARGE) {
        return NULL;
    }
    uint32_t number = dialogue->sent + 1;
    uint32_t size = speech->size(profile, dialogue, DIALOGUE_LARGE, number);
    uint32_t end = part.to < size ? part.to : size;
    if (size > DIALOGUE_KEPT_SIZE || part.from > end || end - part.from < DIALOGUE_KEPT_WORTH) {
        return NULL;
    }
    struct kept *found = kept_find(profile, dialogue, number);
    if (found == NULL) {
        found = kept_make(profile, speech, dialogue, number, size);
    }
    if (found == NULL) {
        return NULL;
    }
    found->in_use = true;
    *ret_size = end - part.from;
    return found->bytes + part.from;
}

/* Whether these are bytes of the very message, so that they need not be compared with it. */
static bool kept_holds(const struct profile *profile, const struct dialogue *dialogue,
                       uint32_t number, const uint8_t *data)
{
    const struct kept *found = kept_find(profile, dialogue, number);
    return found != NULL && data == found->bytes + dialogue->sent_at;
}

void dialogue_begin(struct dialogue *dialogue, enum trace_role role, uint32_t ordinal)
{
    /* The ring of kinds needs no clearing: what was not booked is never asked for. */
    memset(dialogue, 0, offsetof(struct dialogue, kinds));
    if (ordinal == 0) { /* a new play */
        kept_release();
    }
    dialogue->ordinal = ordinal;
    dialogue->role = (uint8_t)role;
    dialogue->alive = DIALOGUE_ALIVE_ALL;
}

/* Takes what these bytes add to the message in progress. Returns how many were taken; 0: they do
 * not continue it. */
static size_t message_continue(const struct profile *profile, const struct dialogue_speech *speech,
                               struct dialogue *dialogue, const uint8_t *data, size_t size,
                               struct profile_sink *sink)
{
    uint32_t number = dialogue->sent + 1;
    uint8_t alive = 0;
    enum dialogue_kind whole = DIALOGUE_KIND_COUNT;
    size_t taken = size;
    for (unsigned kind = 0; kind < DIALOGUE_STRAY; kind++) {
        if ((dialogue->alive >> kind & 1U) == 0) {
            continue;
        }
        uint32_t left = speech->size(profile, dialogue, (enum dialogue_kind)kind, number);
        left = left > dialogue->sent_at ? left - dialogue->sent_at : 0;
        size_t wanted = left < size ? left : size;
        bool same = kind == DIALOGUE_LARGE && kept_holds(profile, dialogue, number, data);
        if (wanted == 0 ||
            (!same && dialogue_match(profile, speech, dialogue, (enum dialogue_kind)kind, number,
                                     dialogue->sent_at, data, size) < wanted)) {
            continue;
        }
        alive = (uint8_t)(alive | 1U << kind);
        if (wanted == left) { /* a whole message: the plainest kind it can be is what it is */
            whole = (enum dialogue_kind)kind;
            taken = wanted;
            break;
        }
    }
    if (alive == 0) {
        return 0;
    }
    dialogue->alive = alive;
    dialogue->sent_at += (uint32_t)taken;
    if (whole != DIALOGUE_KIND_COUNT) {
        dialogue->sent = number;
        dialogue->sent_at = 0;
        dialogue->alive = DIALOGUE_ALIVE_ALL;
        dialogue_book(dialogue, number, whole);
        speech->complete(profile, dialogue, whole, sink);
    }
    return taken;
}

void dialogue_sent(const struct profile *profile, const struct dialogue_speech *speech,
                   struct dialogue *dialogue, const uint8_t *data, size_t size,
                   struct profile_sink *sink)
{
    while (size > 0 && !dialogue->unpredictable) {
        if (dialogue->role == TRACE_ROLE_SERVER &&
            dialogue->sent - dialogue->answered >= DIALOGUE_PENDING_MAX - 1) {
            dialogue_leave(dialogue, sink);
            return;
        }
        size_t taken = message_continue(profile, speech, dialogue, data, size, sink);
        if (taken == 0) {
            if (speech->stray == NULL) {
                dialogue_leave(dialogue, sink);
            } else {
                speech->stray(profile, dialogue, data, size, sink);
            }
            return;
        }
        data += taken;
        size -= taken;
    }
}
