/* What all profiles share: the messages that the peer speaks, their kinds, and how the bytes that
 * left are recognised again. Internal to suite/. No allocation; the state lives in the engine's
 * storage.
 *
 * The peer's side is a sequence of numbered messages. Every message of a number can be of several
 * kinds, and bytes alone say which one it is: while a message is in progress, `alive` holds the
 * kinds that its bytes so far agree with. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_DIALOGUE_H
#define SOCKSPEC_SUITE_DIALOGUE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "world/profile.h"

enum dialogue_kind {
    DIALOGUE_ORDINARY, /* request, or the answer to one */
    DIALOGUE_LARGE,    /* has a large answer, or is one */
    DIALOGUE_LAST,     /* the target must close after it */
    DIALOGUE_STRAY,    /* bytes that belong to no message */
    DIALOGUE_KIND_COUNT
};

enum {
    DIALOGUE_PENDING_MAX = 256, /* messages sent and not yet answered, of one connection */
    DIALOGUE_SCRATCH = 1024, /* bytes of a message that must be put together, rather than copied */
    DIALOGUE_KEPT = 4,       /* large messages that are kept whole, and their bytes */
    DIALOGUE_KEPT_SIZE = 1 << 17,
    DIALOGUE_KEPT_WORTH = 1 << 15, /* shorter parts of one are rather put together */
    DIALOGUE_ALIVE_ALL = 1 << DIALOGUE_ORDINARY | 1 << DIALOGUE_LARGE | 1 << DIALOGUE_LAST
};

/* The start of every profile's state. */
struct dialogue {
    uint32_t ordinal; /* of the connection */
    uint32_t sent;    /* messages that left the peer whole */
    uint32_t sent_at; /* bytes of the message in progress that left */
    uint32_t
        answered; /* messages of the target that came whole: answers, or (client target) requests */
    uint32_t read_at;    /* bytes of the target's message in progress that came */
    uint32_t read_total; /* bytes of the target, modulo 2^32: offsets for RESPONSE_WRONG */
    uint8_t role;        /* enum trace_role of the target */
    uint8_t alive;       /* kinds that the message in progress may be of */
    bool unpredictable;  /* the peer left the protocol, or the target took leave of it rightfully */
    bool wrong;          /* the target's bytes were wrong: nothing more is read into them */
    bool last_sent;
    uint8_t kinds[DIALOGUE_PENDING_MAX / 4]; /* two bits each, by number modulo the maximum */
};

/* How a profile speaks. */
struct dialogue_speech {
    /* Bytes of the peer's message `number` (from 1) if it is of `kind`; 0: there is none. */
    uint32_t (*size)(const struct profile *profile, const struct dialogue *dialogue,
                     enum dialogue_kind kind, uint32_t number);
    /* Some bytes of that message from `offset`, which is inside it: in `scratch` or in constant
     * storage. */
    const uint8_t *(*span)(const struct profile *profile, const struct dialogue *dialogue,
                           enum dialogue_kind kind, uint32_t number, uint32_t offset,
                           uint8_t scratch[DIALOGUE_SCRATCH], size_t *ret_size);
    /* The message in progress is whole. Its kind and number are already booked. */
    void (*complete)(const struct profile *profile, struct dialogue *dialogue,
                     enum dialogue_kind kind, struct profile_sink *sink);
    /* Bytes that belong to no message left the peer, after `dialogue->sent_at` bytes of one that
     * will not be finished. NULL: the peer has left the protocol. */
    void (*stray)(const struct profile *profile, struct dialogue *dialogue, const uint8_t *data,
                  size_t size, struct profile_sink *sink);
};

void dialogue_begin(struct dialogue *dialogue, enum trace_role role, uint32_t ordinal);

/* The members of struct profile, for a profile that speaks so. The large message of a connection
 * and number must be the same in every play where `lasting` is set. */
size_t dialogue_payload(const struct profile *profile, const struct dialogue_speech *speech,
                        const struct dialogue *dialogue, enum scenario_payload payload,
                        uint32_t from, uint32_t to, uint8_t *buffer, size_t size);
const uint8_t *dialogue_lasting(const struct profile *profile, const struct dialogue_speech *speech,
                                const struct dialogue *dialogue, enum scenario_payload payload,
                                uint32_t from, uint32_t to, size_t *ret_size);
void dialogue_sent(const struct profile *profile, const struct dialogue_speech *speech,
                   struct dialogue *dialogue, const uint8_t *data, size_t size,
                   struct profile_sink *sink);

/* How many of these bytes agree with the message from `offset` on: `size`, or the rest of the
 * message, or less where they differ. */
size_t dialogue_match(const struct profile *profile, const struct dialogue_speech *speech,
                      const struct dialogue *dialogue, enum dialogue_kind kind, uint32_t number,
                      uint32_t offset, const uint8_t *data, size_t size);

/* Reports UNPREDICTABLE, once. */
void dialogue_leave(struct dialogue *dialogue, struct profile_sink *sink);

/* Reports that the target's byte at `skip` bytes past those read so far is wrong: RESPONSE_WRONG,
 * or REQUEST_WRONG of a client. Once. */
void dialogue_wrong(struct dialogue *dialogue, size_t skip, struct profile_sink *sink);

/* Kind of a message that was sent whole and is not yet forgotten. */
static inline enum dialogue_kind dialogue_kind_of(const struct dialogue *dialogue, uint32_t number)
{
    uint32_t place = number % DIALOGUE_PENDING_MAX;
    return (enum dialogue_kind)(dialogue->kinds[place / 4] >> (place % 4 * 2) & 3U);
}

static inline void dialogue_book(struct dialogue *dialogue, uint32_t number,
                                 enum dialogue_kind kind)
{
    uint32_t place = number % DIALOGUE_PENDING_MAX;
    unsigned shift = place % 4 * 2;
    uint8_t rest = (uint8_t)(dialogue->kinds[place / 4] & ~(3U << shift));
    dialogue->kinds[place / 4] = (uint8_t)(rest | (unsigned)kind << shift);
}

/* The kind that the message in progress is taken for: the plainest that its bytes allow. */
static inline enum dialogue_kind dialogue_kind_now(const struct dialogue *dialogue)
{
    assert(dialogue->alive != 0);
    return (enum dialogue_kind)__builtin_ctz(dialogue->alive);
}

/* Writes `value` as exactly `digits` decimal digits, the higher ones cut off. */
static inline void dialogue_digits(uint8_t *at, unsigned digits, uint32_t value)
{
    if (value < 10) { /* nearly always: no division */
        memset(at, '0', digits);
        at[digits - 1] = (uint8_t)('0' + value);
        return;
    }
    while (digits-- > 0) {
        at[digits] = (uint8_t)('0' + value % 10U);
        value /= 10U;
    }
}

#endif
