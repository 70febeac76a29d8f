/* Encoding and decoding steps, driven by the verb table. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/code.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

enum {
    HEAD_VERB = 0x3F,
    HEAD_PLACED = 0x40,
    HEAD_ID = 0x80,
    PAYLOAD_WHAT = 0x0F,
    PAYLOAD_PUSH = 0x10,
    PAYLOAD_REPEAT = 0x20, /* a repeat follows */
    PAYLOAD_SLICE = 0x40   /* the two ends of a slice follow; an end of 0: open */
};

_Static_assert(SCENARIO_VERB_COUNT <= HEAD_VERB + 1, "a verb fits into its bits");
_Static_assert(SCENARIO_PAYLOAD_COUNT <= PAYLOAD_WHAT + 1, "a payload fits into its bits");

/* A number of a step: most take one byte. */
static uint32_t get_number(struct bytes_reader *reader)
{
    uint64_t value = bytes_get_varint(reader);
    return value < SCENARIO_ALL ? (uint32_t)value : SCENARIO_ALL - 1;
}

static void get_payload(struct bytes_reader *reader, struct scenario *scenario,
                        struct scenario_step *step)
{
    uint8_t head = bytes_get_u8(reader);
    step->what = head & PAYLOAD_WHAT;
    step->kind = (head & PAYLOAD_PUSH) != 0;
    step->repeat = (head & PAYLOAD_REPEAT) != 0 ? bytes_get_u8(reader) : 1;
    step->what = step->what < SCENARIO_PAYLOAD_COUNT
                     ? step->what
                     : (uint8_t)(step->what % SCENARIO_PAYLOAD_COUNT);
    if (step->what == SCENARIO_PAYLOAD_LITERAL) {
        uint64_t size = bytes_get_varint(reader);
        size_t left = bytes_left(reader);
        size_t room = (size_t)SCENARIO_LITERAL_MAX - scenario->literal_used;
        size = size < left ? size : left;
        size = size < room ? size : room;
        step->literal_size = (uint16_t)size;
        if (size > 0) {
            step->literal_at = scenario->literal_used;
            memcpy(scenario->literal + step->literal_at, reader->at, (size_t)size);
            reader->at += size;
            scenario->literal_used = (uint16_t)(scenario->literal_used + size);
        }
    } else if (scenario_payload_counts(step->what)) {
        step->from = get_number(reader);
    } else if ((head & PAYLOAD_SLICE) != 0) {
        step->from = get_number(reader);
        step->to = get_number(reader);
    }
}

static void get_fields(struct bytes_reader *reader, const struct scenario_verb_row *row,
                       struct scenario_step *step)
{
    uint32_t fields = row->fields;
    if ((fields & (SCENARIO_USES_DIRECTION | SCENARIO_USES_HOW | SCENARIO_USES_CALL |
                   SCENARIO_USES_SIGNAL | SCENARIO_USES_SOCKOPT)) != 0) {
        step->what = bytes_get_u8(reader);
    }
    if ((fields & (SCENARIO_USES_SEGMENT | SCENARIO_USES_ERRNO | SCENARIO_USES_WORDS)) != 0) {
        step->kind = bytes_get_u8(reader);
    }
    if ((fields & SCENARIO_USES_REPEAT) != 0) {
        step->repeat = bytes_get_u8(reader);
    }
    if ((fields & (SCENARIO_USES_NUMBER | SCENARIO_USES_OPTION)) != 0) {
        step->from = get_number(reader);
        if (row->all_word != NULL) {
            step->from = step->from == 0 ? SCENARIO_ALL : step->from - 1;
        }
    }
    if ((fields & SCENARIO_USES_OPTION2) != 0) {
        step->to = get_number(reader);
    }
}

void scenario_decode(const uint8_t *data, size_t size, struct scenario *ret_scenario)
{
    scenario_clear(ret_scenario);
    if (size == 0) {
        return;
    }
    struct bytes_reader reader = {data + 1, data + size};
    unsigned count = 0;
    while (bytes_left(&reader) > 0 && count < SCENARIO_STEPS_MAX) {
        struct scenario_step *step = &ret_scenario->steps[count++];
        memset(step, 0, sizeof(*step));
        uint8_t head = bytes_get_u8(&reader);
        step->verb = head & HEAD_VERB;
        if (step->verb >= SCENARIO_VERB_COUNT) {
            step->verb = (uint8_t)(step->verb % SCENARIO_VERB_COUNT);
        }
        if ((head & HEAD_PLACED) != 0) {
            step->place_call = bytes_get_u8(&reader);
            step->place_nth = bytes_get_u8(&reader);
        }
        const struct scenario_verb_row *row = &scenario_verbs[step->verb];
        if ((head & HEAD_ID) != 0 && (row->fields & SCENARIO_USES_ID) != 0) {
            step->id = bytes_get_u8(&reader);
        }
        if ((row->fields & SCENARIO_USES_PAYLOAD) != 0) {
            get_payload(&reader, ret_scenario, step);
        } else {
            get_fields(&reader, row, step);
        }
        scenario_step_reduce(step);
    }
    ret_scenario->count = (uint16_t)count;
}

static void put_payload(struct bytes_writer *writer, const struct scenario *scenario,
                        const struct scenario_step *step)
{
    bool sliced =
        scenario_payload_slices(step->what) && (step->from != 0 || step->to != SCENARIO_ALL);
    bytes_put_u8(writer, (uint8_t)(step->what | (step->kind != 0 ? PAYLOAD_PUSH : 0) |
                                   (step->repeat != 1 ? PAYLOAD_REPEAT : 0) |
                                   (sliced ? PAYLOAD_SLICE : 0)));
    if (step->repeat != 1) {
        bytes_put_u8(writer, (uint8_t)step->repeat);
    }
    if (step->what == SCENARIO_PAYLOAD_LITERAL) {
        bytes_put_varint(writer, step->literal_size);
        bytes_put(writer, scenario->literal + step->literal_at, step->literal_size);
    } else if (scenario_payload_counts(step->what)) {
        bytes_put_varint(writer, step->from);
    } else if (sliced) {
        bytes_put_varint(writer, step->from);
        bytes_put_varint(writer, step->to == SCENARIO_ALL ? 0 : step->to);
    }
}

static void put_fields(struct bytes_writer *writer, const struct scenario_verb_row *row,
                       const struct scenario_step *step)
{
    uint32_t fields = row->fields;
    if ((fields & (SCENARIO_USES_DIRECTION | SCENARIO_USES_HOW | SCENARIO_USES_CALL |
                   SCENARIO_USES_SIGNAL | SCENARIO_USES_SOCKOPT)) != 0) {
        bytes_put_u8(writer, step->what);
    }
    if ((fields & (SCENARIO_USES_SEGMENT | SCENARIO_USES_ERRNO | SCENARIO_USES_WORDS)) != 0) {
        bytes_put_u8(writer, step->kind);
    }
    if ((fields & SCENARIO_USES_REPEAT) != 0) {
        bytes_put_u8(writer, (uint8_t)step->repeat);
    }
    if ((fields & (SCENARIO_USES_NUMBER | SCENARIO_USES_OPTION)) != 0) {
        /* SCENARIO_ALL is written as 0, every number as one more than it is. */
        bytes_put_varint(writer, row->all_word != NULL ? step->from + 1U : step->from);
    }
    if ((fields & SCENARIO_USES_OPTION2) != 0) {
        bytes_put_varint(writer, step->to);
    }
}

size_t scenario_encode(const struct scenario *scenario, uint8_t *data, size_t size)
{
    assert(scenario->count <= SCENARIO_STEPS_MAX);
    struct bytes_writer writer = {data, data + size, false};
    bytes_put_u8(&writer, SCENARIO_CODE_VERSION);
    uint8_t *whole = writer.at;
    for (unsigned i = 0; i < scenario->count; i++) {
        const struct scenario_step *step = &scenario->steps[i];
        const struct scenario_verb_row *row = &scenario_verbs[step->verb];
        bool placed = step->place_call != SCENARIO_CALL_NONE;
        bytes_put_u8(&writer, (uint8_t)(step->verb | (placed ? HEAD_PLACED : 0) |
                                        (step->id != 0 ? HEAD_ID : 0)));
        if (placed) {
            bytes_put_u8(&writer, step->place_call);
            bytes_put_u8(&writer, step->place_nth);
        }
        if (step->id != 0) {
            bytes_put_u8(&writer, step->id);
        }
        if ((row->fields & SCENARIO_USES_PAYLOAD) != 0) {
            put_payload(&writer, scenario, step);
        } else {
            put_fields(&writer, row, step);
        }
        if (writer.overflow) {
            break;
        }
        whole = writer.at;
    }
    return (size_t)(whole - data);
}
