/* One judgement: dispatches the events of a trace to the rules that subscribed to them, and grades.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "oracle/stack.h"

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
        free(oracle->stack);
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
    if (verdict->outcome >= outcome) {
        return NULL;
    }
    verdict->outcome = (uint8_t)outcome;
    return verdict;
}

static void set_kept(struct oracle *oracle, unsigned rule)
{
    oracle->judging->kept[rule / 64] |= (uint64_t)1 << (rule % 64);
    if (oracle_rules[rule].when_kept != 0) {
        oracle->watch.when[rule] = oracle_rules[rule].when_kept;
    }
}

void oracle_keep(struct oracle *oracle, unsigned rule, const struct oracle_evidence *evidence)
{
    struct oracle_verdict *verdict = report(oracle, rule, ORACLE_KEPT);
    if (verdict != NULL) {
        set_kept(oracle, rule);
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
        set_kept(oracle, rule);
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
    oracle->watch.when[rule] = FACTS_NEVER;
    oracle->judging->kept[rule / 64] &= ~((uint64_t)1 << (rule % 64));
    verdict->note = note;
    set_evidence(verdict, evidence);
    bool fail = row->fail || row->level == ORACLE_LEVEL_MUST;
    /* What needed an answer that Linux never gives is no failure there. */
    bool soft = facts->at_posix_fault != 0 && oracle->trace->header.rules == TRACE_RULES_LINUX;
    verdict->by_posix_fault = fail && soft;
    verdict->grade = fail && !soft ? GRADE_FAIL : GRADE_WARN;
}

/* ---- Judging ---- */

/* The slot of an event: of most kinds the kind itself, of some by what it is about, of a call also
 * by whether it failed. From a table: a switch costs a missed jump per event. */
static inline unsigned slot_of(const struct trace_event *event)
{
    static const struct {
        uint8_t base;
        uint8_t whats;
        uint8_t failed;
    } shapes[TRACE_KIND_COUNT] = {
        [TRACE_CALL] = {ORACLE_SLOT_DONE, TRACE_CALL_COUNT, ORACLE_SLOT_FAILED - ORACLE_SLOT_DONE},
        [TRACE_PHASE] = {ORACLE_SLOT_PHASE, TRACE_PHASE_COUNT, 0},
        [TRACE_DIALOGUE] = {ORACLE_SLOT_SAYS, TRACE_DIALOGUE_COUNT, 0},
        [TRACE_PEER] = {ORACLE_SLOT_PEER, TRACE_PEER_COUNT, 0},
    };
    unsigned slot = event->what < shapes[event->kind].whats ? shapes[event->kind].base + event->what
                                                            : event->kind;
    return slot + (event->err != 0 ? shapes[event->kind].failed : 0);
}
_Static_assert(ORACLE_SLOTS <= UINT8_MAX, "the table of shapes holds bytes");

/* What may concern a rule at this event. */
static inline uint32_t live_at(const struct facts *facts, const struct trace_event *event)
{
    uint32_t live = (uint32_t)event->fd < ORACLE_DESCRIPTORS_MAX ? facts->fds[event->fd].live
                                                                 : (uint32_t)FACTS_NO_FD;
    return live | facts->live | ((uint32_t)event->b & FACTS_OUT_OF_BAND);
}
_Static_assert((int)FACTS_OUT_OF_BAND == (int)MSG_OOB, "the bit is taken from the flags");

/* Calls the rules of a slot that may have something to say, and returns what they still wait for.
 */
static uint32_t tell_rules(struct oracle *oracle, const struct oracle_plan *plan,
                           const struct oracle_slot *slot, const struct trace_event *event,
                           uint32_t index, uint32_t live)
{
    const uint32_t *when = oracle->watch.when;
    const uint32_t force = slot->force;
    uint32_t left = force;
    const uint8_t *end = &plan->call[slot->end];
    for (const uint8_t *call = &plan->call[slot->first]; call < end; call++) {
        unsigned rule = *call;
        if (((when[rule] | force) & live) != 0) {
            oracle_rules[rule].on_event(oracle, rule, event, index);
        }
        left |= when[rule];
    }
    return left;
}

/* The events from `index` up to `end`. */
static void judge_events(struct oracle *oracle, const struct oracle_plan *plan, uint32_t index,
                         uint32_t end)
{
    struct facts *facts = &oracle->facts;
    const struct trace_event *event = &oracle->trace->events[index];
    for (; index < end; index++, event++) {
        if ((plan->plain >> (event->kind & 31U) & 1U) != 0) {
            plan->slot[event->kind].take(facts, event, index + 1);
            continue;
        }
        if (event->kind >= TRACE_KIND_COUNT) {
            continue;
        }
        unsigned number = slot_of(event);
        const struct oracle_slot *slot = &plan->slot[number];
        if (slot->own && event->host != facts->host) {
            continue;
        }
        uint32_t wanted = oracle->watch.live[number];
        if (wanted != 0) {
            uint32_t live = live_at(facts, event);
            if ((live & wanted) != 0) {
                oracle->watch.live[number] = tell_rules(oracle, plan, slot, event, index, live);
            }
        }
        if (slot->own) {
            facts_begin_event(facts);
        }
        slot->take(facts, event, index + 1);
    }
}

/* The first event from which on a silence may be too long for some rule. Time never goes back. */
static uint32_t first_late(const struct trace *trace)
{
    int64_t limit = trace->header.idle_limit_us;
    int64_t late_us = limit < FACTS_PATIENCE_US ? limit : FACTS_PATIENCE_US;
    uint32_t low = 0;
    uint32_t high = trace->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (trace->events[middle].time_us >= late_us) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* An event that no table has room for. */
static enum status past_limit(const struct trace *trace, struct status_detail *detail)
{
    uint32_t index = 0;
    while (trace->events[index].conn <= ORACLE_CONNECTIONS_MAX &&
           trace->events[index].fd < ORACLE_DESCRIPTORS_MAX) {
        index++;
        assert(index < trace->count);
    }
    return status_fail(detail, STATUS_LIMIT,
                       "event %u: connection %u or descriptor %d is past the oracle's limits",
                       index, trace->events[index].conn, trace->events[index].fd);
}

static enum status judge_host(struct oracle *oracle, enum trace_role role, enum trace_host host,
                              struct status_detail *detail)
{
    const struct trace_header *header = &oracle->trace->header;
    struct oracle_plan *plan = &oracle->plan[host];
    struct facts *facts = &oracle->facts;
    oracle_plan_make(plan, header, role, host);
    /* Those of stacks are never touched here: they are copied once. */
    bool *whole = &oracle->whole[oracle->judging - oracle->judgement];
    memcpy(oracle->judging->verdicts, plan->initial,
           (*whole ? ORACLE_PROGRAM_RULES : ORACLE_RULE_COUNT) * sizeof plan->initial[0]);
    *whole = true;
    memset(oracle->judging->kept, 0, sizeof oracle->judging->kept);
    memset(oracle->judging->broken, 0, sizeof oracle->judging->broken);
    memcpy(oracle->watch.when, plan->when, sizeof plan->when);
    memcpy(oracle->watch.live, plan->live, sizeof plan->live);
    facts_clear(facts);
    facts->role = role;
    facts->host = host;
    facts->end = oracle->trace->events + oracle->trace->count;
    facts->promises = header->promises;
    facts->observers = header->observers;
    int64_t part = header->idle_limit_us / FACTS_PATIENCE_PART;
    facts->patience_us = part > 0 ? part : FACTS_PATIENCE_US;
    uint32_t late = first_late(oracle->trace);
    judge_events(oracle, plan, 0, late);
    facts->live |= FACTS_LATE;
    judge_events(oracle, plan, late, oracle->trace->count);
    if (facts->past_limit) {
        return past_limit(oracle->trace, detail);
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
    for (unsigned rule = 0; rule < ORACLE_PROGRAM_RULES; rule++) {
        struct oracle_verdict *mine = &into->verdicts[rule];
        const struct oracle_verdict *theirs = &from->verdicts[rule];
        bool binds_only_theirs = (oracle_rules[rule].binds & ORACLE_SERVER) == 0;
        if (theirs->outcome > mine->outcome || binds_only_theirs) {
            *mine = *theirs;
        }
    }
    for (unsigned word = 0; word < ORACLE_WORDS; word++) {
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
    if (role == TRACE_ROLE_STACK) {
        enum status judged = oracle_stack_judge(oracle, detail);
        oracle->whole[0] = false;
        if (judged == STATUS_OK) {
            *ret_judgement = oracle->judging;
        }
        return judged;
    }
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
