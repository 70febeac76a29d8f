/* One judgement: dispatches the events of a trace to the rules that subscribed to them, and grades.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "oracle/facts.h"

enum status oracle_new(struct oracle **ret_oracle, struct status_detail *detail)
{
    assert(ret_oracle != NULL);
    struct oracle *oracle = calloc(1, sizeof *oracle);
    struct facts_conn *conns = calloc(ORACLE_CONNECTIONS_MAX + 1, sizeof *conns);
    struct facts_fd *fds = calloc(ORACLE_DESCRIPTORS_MAX, sizeof *fds);
    if (oracle == NULL || conns == NULL || fds == NULL) {
        free(fds);
        free(conns);
        free(oracle);
        return status_fail(detail, STATUS_NO_MEMORY, "no memory for the oracle");
    }
    oracle->facts.conns = conns;
    oracle->facts.fds = fds;
    *ret_oracle = oracle;
    return STATUS_OK;
}

void oracle_free(struct oracle *oracle)
{
    if (oracle != NULL) {
        free(oracle->facts.conns);
        free(oracle->facts.fds);
        free(oracle);
    }
}

/* ---- Reports ---- */

static void set_evidence(struct oracle_verdict *verdict, const struct oracle_evidence *evidence)
{
    verdict->conn = evidence->conn;
    verdict->count = 0;
    for (unsigned i = 0; i < ORACLE_EVIDENCE_MAX; i++) {
        if (evidence->at[i] == 0) {
            continue;
        }
        uint32_t index = evidence->at[i] - 1;
        unsigned place = verdict->count;
        bool twice = false;
        for (unsigned k = 0; k < verdict->count; k++) {
            twice |= verdict->events[k] == index;
        }
        if (twice) {
            continue;
        }
        while (place > 0 && verdict->events[place - 1] > index) {
            verdict->events[place] = verdict->events[place - 1];
            place--;
        }
        verdict->events[place] = index;
        verdict->count++;
    }
}

/* The verdict to fill, NULL when an earlier report stands. */
static struct oracle_verdict *report(struct oracle *oracle, unsigned rule,
                                     enum oracle_outcome outcome)
{
    assert(rule < ORACLE_RULE_COUNT);
    struct oracle_verdict *verdict = &oracle->judging->verdicts[rule];
    if (verdict->outcome > outcome) {
        return NULL;
    }
    bool first = verdict->outcome < outcome;
    verdict->outcome = (uint8_t)outcome;
    if (first) {
        verdict->times = 0;
    }
    verdict->times = (uint16_t)(verdict->times < UINT16_MAX ? verdict->times + 1 : UINT16_MAX);
    return first ? verdict : NULL;
}

void oracle_keep(struct oracle *oracle, unsigned rule, const struct oracle_evidence *evidence)
{
    struct oracle_verdict *verdict = report(oracle, rule, ORACLE_KEPT);
    if (verdict != NULL) {
        oracle->judging->kept[rule / 64] |= (uint64_t)1 << (rule % 64);
        verdict->grade = GRADE_PASS;
        verdict->note = NULL;
        set_evidence(verdict, evidence);
    }
}

void oracle_inform(struct oracle *oracle, unsigned rule, const char *note,
                   const struct oracle_evidence *evidence)
{
    struct oracle_verdict *verdict = report(oracle, rule, ORACLE_KEPT);
    if (verdict != NULL) {
        oracle->judging->kept[rule / 64] |= (uint64_t)1 << (rule % 64);
        verdict->grade = GRADE_INFO;
        verdict->note = note;
        set_evidence(verdict, evidence);
    }
}

void oracle_break(struct oracle *oracle, unsigned rule, const char *note,
                  const struct oracle_evidence *evidence)
{
    struct oracle_verdict *verdict = report(oracle, rule, ORACLE_BROKEN);
    if (verdict == NULL) {
        return;
    }
    const struct oracle_rule *row = &oracle_rules[rule];
    const struct facts *facts = &oracle->facts;
    oracle->judging->broken[rule / 64] |= (uint64_t)1 << (rule % 64);
    oracle->judging->kept[rule / 64] &= ~((uint64_t)1 << (rule % 64));
    verdict->note = note;
    set_evidence(verdict, evidence);
    bool fail = row->fail || row->level == ORACLE_LEVEL_MUST;
    /* What needed an answer that Linux never gives is no failure there. */
    bool soft = facts->at_posix_fault != 0 && oracle->trace->header.rules == TRACE_RULES_LINUX;
    verdict->by_posix_fault = fail && soft;
    verdict->grade = fail && !soft ? GRADE_FAIL : GRADE_WARN;
}

/* ---- Plans ---- */

static void subscribe(struct oracle_plan *plan, unsigned slot, unsigned rule)
{
    plan->slot[slot][plan->count[slot]++] = (struct oracle_call){oracle_rules[rule].on_event, rule};
}

static void subscribe_mask(struct oracle_plan *plan, unsigned base, unsigned count, uint32_t mask,
                           unsigned rule)
{
    for (unsigned what = 0; what < count; what++) {
        if ((mask >> what & 1U) != 0) {
            subscribe(plan, base + what, rule);
        }
    }
}

static void subscribe_all(struct oracle_plan *plan, unsigned rule)
{
    const struct oracle_rule *row = &oracle_rules[rule];
    if (row->on_event != NULL) {
        subscribe_mask(plan, 0, TRACE_KIND_COUNT, row->kinds, rule);
        subscribe_mask(plan, ORACLE_SLOT_DONE, SCENARIO_CALL_COUNT, row->calls_done, rule);
        subscribe_mask(plan, ORACLE_SLOT_FAILED, SCENARIO_CALL_COUNT, row->calls_failed, rule);
        subscribe_mask(plan, ORACLE_SLOT_PHASE, TRACE_PHASE_COUNT, row->phases, rule);
        subscribe_mask(plan, ORACLE_SLOT_SAYS, TRACE_DIALOGUE_COUNT, row->says, rule);
        subscribe_mask(plan, ORACLE_SLOT_PEER, TRACE_PEER_COUNT, row->peers, rule);
    }
    if (row->on_end != NULL) {
        plan->end[plan->ends++] = (uint8_t)rule;
    }
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
    if ((row->observers & ~plan->observers) != 0) {
        return "an observer that it needs was not present";
    }
    if ((row->promises & ~plan->promises) != 0) {
        return "the profile does not promise what it is about";
    }
    return NULL;
}

static void make_plan(struct oracle_plan *plan, const struct trace_header *header,
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
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        const char *skipped = why_skipped(&oracle_rules[rule], plan);
        plan->initial[rule] = (struct oracle_verdict){.rule = (uint8_t)rule,
                                                      .outcome = ORACLE_NOT_APPLICABLE,
                                                      .grade = GRADE_SKIP,
                                                      .host = (uint8_t)host,
                                                      .note = skipped};
        if (skipped == NULL) {
            plan->initial[rule].note = "nothing that it is about happened";
            subscribe_all(plan, rule);
        }
    }
}

/* ---- Judging ---- */

/* Events that belong to the program on the other host are not shown to rules about this one. */
static inline bool concerns(const struct facts *facts, const struct trace_event *event)
{
    const uint32_t anyone = 1U << TRACE_STATE | 1U << TRACE_SEGMENT | 1U << TRACE_DIALOGUE |
                            1U << TRACE_PEER | 1U << TRACE_STEP | 1U << TRACE_NOOP |
                            1U << TRACE_PHASE | 1U << TRACE_TIME;
    return event->host == facts->host || (event->kind < 32 && (anyone >> event->kind & 1U) != 0);
}

/* The slot of an event, from a table: a switch costs a missed jump per event. */
static inline unsigned slot_of(const struct trace_event *event)
{
    static const uint8_t base[256] = {
        [TRACE_PHASE] = ORACLE_SLOT_PHASE, [TRACE_DIALOGUE] = ORACLE_SLOT_SAYS,
        [TRACE_PEER] = ORACLE_SLOT_PEER,   [TRACE_BLOCK] = TRACE_BLOCK,
        [TRACE_READY] = TRACE_READY,       [TRACE_STATE] = TRACE_STATE,
        [TRACE_STEP] = TRACE_STEP,         [TRACE_SIGNAL] = TRACE_SIGNAL,
        [TRACE_SPIN] = TRACE_SPIN,         [TRACE_EXIT] = TRACE_EXIT,
        [TRACE_FD_OPEN] = TRACE_FD_OPEN,   [TRACE_FD_CLOSE] = TRACE_FD_CLOSE,
        [TRACE_SEGMENT] = TRACE_SEGMENT,   [TRACE_FAULT] = TRACE_FAULT,
        [TRACE_TIME] = TRACE_TIME,         [TRACE_HEAP] = TRACE_HEAP,
    };
    static const uint8_t mask[256] = {[TRACE_PHASE] = ORACLE_WHATS - 1,
                                      [TRACE_DIALOGUE] = ORACLE_WHATS - 1,
                                      [TRACE_PEER] = ORACLE_WHATS - 1};
    if (event->kind == TRACE_CALL) {
        return (event->err != 0 ? ORACLE_SLOT_FAILED : ORACLE_SLOT_DONE) +
               facts_family(event->what);
    }
    return base[event->kind] + (event->what & mask[event->kind]);
}
_Static_assert(ORACLE_SLOTS <= UINT8_MAX, "the table of slots holds bytes");

static inline void dispatch(struct oracle *oracle, const struct oracle_plan *plan,
                            const struct trace_event *event, uint32_t index)
{
    unsigned slot = slot_of(event);
    unsigned count = plan->count[slot];
    if (count == 0 || !concerns(&oracle->facts, event)) {
        return;
    }
    const struct oracle_call *call = plan->slot[slot];
    for (const struct oracle_call *end = call + count; call < end; call++) {
        call->on_event(oracle, call->rule, event, index);
    }
}

static enum status judge_host(struct oracle *oracle, enum trace_role role, enum trace_host host,
                              struct status_detail *detail)
{
    const struct trace *trace = oracle->trace;
    struct oracle_plan *plan = &oracle->plan[host];
    struct facts *facts = &oracle->facts;
    make_plan(plan, &trace->header, role, host);
    memcpy(oracle->judging->verdicts, plan->initial, sizeof plan->initial);
    memset(oracle->judging->kept, 0, sizeof oracle->judging->kept);
    memset(oracle->judging->broken, 0, sizeof oracle->judging->broken);
    facts_clear(facts);
    facts->role = role;
    facts->host = host;
    facts->promises = trace->header.promises;
    int64_t part = trace->header.idle_limit_us / FACTS_PATIENCE_PART;
    facts->patience_us = part > 0 ? part : FACTS_PATIENCE_US;
    for (uint32_t index = 0; index < trace->count; index++) {
        const struct trace_event *event = &trace->events[index];
        dispatch(oracle, plan, event, index);
        if (!facts_take(facts, event, index)) {
            return status_fail(
                detail, STATUS_LIMIT,
                "event %u: connection %u or descriptor %d is past the oracle's limits", index,
                event->conn, event->fd);
        }
    }
    facts->ended = true;
    for (unsigned i = 0; i < plan->ends; i++) {
        oracle_rules[plan->end[i]].on_end(oracle, plan->end[i]);
    }
    return STATUS_OK;
}

/* Pair mode: of two verdicts on one rule, broken beats kept beats neither. */
static void merge(struct oracle_judgement *into, const struct oracle_judgement *from)
{
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        struct oracle_verdict *mine = &into->verdicts[rule];
        const struct oracle_verdict *theirs = &from->verdicts[rule];
        bool binds_only_theirs = (oracle_rules[rule].binds & ORACLE_SERVER) == 0;
        if (theirs->outcome > mine->outcome || binds_only_theirs) {
            *mine = *theirs;
        }
    }
    for (unsigned word = 0; word < 2; word++) {
        into->broken[word] |= from->broken[word];
        into->kept[word] = (into->kept[word] | from->kept[word]) & ~into->broken[word];
    }
}

enum status oracle_judge(struct oracle *oracle, const struct trace *trace,
                         const struct oracle_judgement **ret_judgement,
                         struct status_detail *detail)
{
    assert(oracle != NULL && trace != NULL && ret_judgement != NULL);
    enum trace_role role = trace->header.role;
    oracle->trace = trace;
    oracle->judging = &oracle->judgement[0];
    enum status status = judge_host(oracle, role == TRACE_ROLE_PAIR ? TRACE_ROLE_SERVER : role,
                                    TRACE_HOST_TARGET, detail);
    if (status == STATUS_OK && role == TRACE_ROLE_PAIR) {
        oracle->judging = &oracle->judgement[1];
        status = judge_host(oracle, TRACE_ROLE_CLIENT, TRACE_HOST_PEER, detail);
        if (status == STATUS_OK) {
            merge(&oracle->judgement[0], &oracle->judgement[1]);
        }
    }
    if (status == STATUS_OK) {
        *ret_judgement = &oracle->judgement[0];
    }
    return status;
}
