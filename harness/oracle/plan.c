/* Plans: which rules a kind of run needs, and which events each of them is told. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "oracle/facts.h"

/* Kinds of events that come often enough for a rule to be asked whether they may concern it. */
enum { FREQUENT = 1U << TRACE_BLOCK | 1U << TRACE_READY | 1U << TRACE_STEP };

static bool wants_call(const struct oracle_rule *row, uint32_t families, unsigned call)
{
    return (families >> facts_family(call) & 1U) != 0 &&
           (row->calls == 0 || (row->calls >> call & 1U) != 0);
}

/* The kind of event that comes to a slot. */
static enum trace_kind kind_of(unsigned slot)
{
    if (slot < TRACE_KIND_COUNT) {
        return (enum trace_kind)slot;
    }
    return slot >= ORACLE_SLOT_PEER    ? TRACE_PEER
           : slot >= ORACLE_SLOT_SAYS  ? TRACE_DIALOGUE
           : slot >= ORACLE_SLOT_PHASE ? TRACE_PHASE
                                       : TRACE_CALL;
}

/* Whether the rule wants the events of a slot. */
static bool wants(const struct oracle_rule *row, unsigned slot)
{
    if (slot >= ORACLE_SLOT_PEER) {
        return (row->peers >> (slot - ORACLE_SLOT_PEER) & 1U) != 0;
    }
    if (slot >= ORACLE_SLOT_SAYS) {
        return (row->says >> (slot - ORACLE_SLOT_SAYS) & 1U) != 0;
    }
    if (slot >= ORACLE_SLOT_PHASE) {
        return (row->phases >> (slot - ORACLE_SLOT_PHASE) & 1U) != 0;
    }
    if (slot >= ORACLE_SLOT_FAILED) {
        return wants_call(row, row->calls_failed, slot - ORACLE_SLOT_FAILED);
    }
    if (slot >= ORACLE_SLOT_DONE) {
        return wants_call(row, row->calls_done, slot - ORACLE_SLOT_DONE);
    }
    return (row->kinds >> slot & 1U) != 0;
}

static bool is_frequent(unsigned slot)
{
    return slot < TRACE_KIND_COUNT ? (FREQUENT >> slot & 1U) != 0
                                   : slot < ORACLE_SLOT_PHASE || slot >= ORACLE_SLOT_SAYS;
}

/* How the facts take the events of a slot. */
static facts_take *taker_of(unsigned slot, bool *ret_own)
{
    facts_take *take = facts_take_kind(kind_of(slot), ret_own);
    if (kind_of(slot) != TRACE_CALL || slot == TRACE_CALL) {
        return take;
    }
    bool failed = slot >= ORACLE_SLOT_FAILED;
    return facts_take_call(slot - (failed ? ORACLE_SLOT_FAILED : ORACLE_SLOT_DONE), failed);
}

/* Which rules each slot calls, and what they wait for. */
static void subscribe(struct oracle_plan *plan, const uint64_t judged[ORACLE_WORDS])
{
    uint16_t count = 0;
    for (unsigned number = 0; number < ORACLE_SLOTS; number++) {
        struct oracle_slot *slot = &plan->slot[number];
        slot->take = taker_of(number, &slot->own);
        slot->first = count;
        slot->force = is_frequent(number) ? 0 : UINT32_MAX;
        for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
            if (oracle_has(judged, rule) && wants(&oracle_rules[rule], number)) {
                assert(count < ORACLE_CALLS_MAX);
                plan->call[count++] = (uint8_t)rule;
                plan->live[number] |= plan->when[rule] | slot->force;
            }
        }
        slot->end = count;
    }
    for (unsigned kind = 0; kind < TRACE_KIND_COUNT; kind++) {
        if ((FACTS_PLAIN >> kind & 1U) != 0 && plan->live[kind] == 0) {
            plan->plain |= 1U << kind;
        }
    }
}

/* The reason of a SKIP where this observer, and perhaps another, was not present. */
static const char *why_unseen(uint32_t absent)
{
    static const struct {
        uint32_t observer;
        const char *reason;
    } reasons[] = {
        {TRACE_SEES_CALLS, "calls were not seen, which it needs"},
        {TRACE_SEES_STATES, "states of endpoints were not seen, which it needs"},
        {TRACE_SEES_WIRE, "segments were not seen, which it needs"},
        {TRACE_SEES_DESCRIPTORS, "descriptors were not seen, which it needs"},
        {TRACE_SEES_HEAP, "the heap was not seen, which it needs"},
        {TRACE_SEES_BYTES, "the peer's bytes were not seen, which it needs"},
        {TRACE_SEES_EXIT, "exits were not seen, which it needs"},
        {TRACE_SEES_CPU, "CPU time was not seen, which it needs"},
        {TRACE_SEES_THREADS, "threads were not seen, which it needs"},
    };
    for (unsigned i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if ((absent & reasons[i].observer) != 0) {
            return reasons[i].reason;
        }
    }
    return "processes were not seen, which it needs: only a live run shows them";
}

/* Why a rule is not judged in such runs, NULL when it is. */
static const char *why_skipped(const struct oracle_rule *row, const struct oracle_plan *plan)
{
    if ((row->binds >> plan->role & 1U) == 0) {
        return "it does not bind this kind of program";
    }
    if (!row->decidable) {
        return row->reason;
    }
    uint32_t absent = row->observers & ~plan->observers;
    if (absent != 0) {
        return why_unseen(absent);
    }
    if ((row->promises & ~plan->promises) != 0) {
        return "the profile does not promise what it is about";
    }
    return NULL;
}

void oracle_plan_make(struct oracle_plan *plan, const struct trace_header *header,
                      enum trace_role role, enum trace_host host)
{
    if (plan->valid && plan->role == role && plan->observers == header->observers &&
        plan->promises == header->promises) {
        return;
    }
    memset(plan, 0, sizeof *plan);
    plan->valid = true;
    plan->role = role;
    plan->observers = header->observers;
    plan->promises = header->promises;
    uint64_t judged[ORACLE_WORDS] = {0};
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        const struct oracle_rule *row = &oracle_rules[rule];
        const char *skipped = why_skipped(row, plan);
        plan->when[rule] = row->when != 0 ? row->when : FACTS_ALWAYS;
        plan->initial[rule] = (struct oracle_verdict){.rule = (uint8_t)rule,
                                                      .outcome = ORACLE_NOT_APPLICABLE,
                                                      .grade = GRADE_SKIP,
                                                      .host = (uint8_t)host,
                                                      .note = skipped};
        if (skipped == NULL) {
            plan->initial[rule].note = "nothing that it is about happened";
            judged[rule / 64] |= (uint64_t)1 << (rule % 64);
            if (row->on_end != NULL) {
                plan->end[plan->ends++] = (uint8_t)rule;
            }
        }
    }
    subscribe(plan, judged);
}
