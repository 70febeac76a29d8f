/* Judging a stack: both hosts at once, the rules that bind stacks, facts of their own. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "oracle/stack.h"

void oracle_stack_verdict(struct oracle *oracle, unsigned rule, bool good, const char *note,
                          uint32_t conn, uint32_t at, uint32_t also)
{
    if (good) {
        oracle_keep(oracle, rule, EVIDENCE(conn, at, also));
    } else {
        oracle_break(oracle, rule, note, EVIDENCE(conn, at, also));
    }
}

/* Why a rule is not judged in this run, NULL when it is. */
static const char *why_skipped(const struct oracle_rule *row, const struct trace_header *header)
{
    if ((row->binds & ORACLE_STACK) == 0) {
        return "it does not bind a stack";
    }
    if (row->on_stack == NULL) {
        return row->reason;
    }
    if (row->level == ORACLE_LEVEL_LINUX && header->rules != TRACE_RULES_LINUX) {
        return "the texts say nothing of it: judged under the rule set linux";
    }
    if ((row->observers & ~header->observers) != 0) {
        return "what it needs was not seen";
    }
    return NULL;
}

/* Fills in the verdicts, and the rules that are judged. Returns how many. */
static unsigned begin(struct oracle *oracle, uint8_t judged[ORACLE_RULE_COUNT])
{
    struct oracle_judgement *judgement = oracle->judging;
    unsigned count = 0;
    memset(judgement->kept, 0, sizeof judgement->kept);
    memset(judgement->broken, 0, sizeof judgement->broken);
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        const char *skipped = why_skipped(&oracle_rules[rule], &oracle->trace->header);
        judgement->verdicts[rule] = (struct oracle_verdict){
            .rule = (uint8_t)rule,
            .outcome = ORACLE_NOT_APPLICABLE,
            .grade = GRADE_SKIP,
            .note = skipped != NULL ? skipped : "nothing that it is about happened"};
        if (skipped == NULL) {
            judged[count++] = (uint8_t)rule;
        }
    }
    return count;
}

static bool wants(const struct oracle_rule *row, const struct trace_event *event)
{
    /* A step without effect, as one in two directions of which one has none, ends the one before.
     */
    unsigned kind = event->kind == TRACE_NOOP ? TRACE_STEP : event->kind;
    return (row->stack_kinds >> kind & 1U) != 0 ||
           (event->kind == TRACE_CALL && event->what < TRACE_CALL_COUNT &&
            (row->stack_calls >> event->what & 1U) != 0);
}

enum status oracle_stack_judge(struct oracle *oracle, struct status_detail *detail)
{
    uint8_t judged[ORACLE_RULE_COUNT];
    if (oracle->stack == NULL) {
        oracle->stack = calloc(1, sizeof *oracle->stack);
        if (oracle->stack == NULL) {
            return status_fail(detail, STATUS_NO_MEMORY, "no memory for the oracle");
        }
    }
    struct stack *stack = oracle->stack;
    const struct trace *trace = oracle->trace;
    unsigned count = begin(oracle, judged);
    facts_stack_clear(stack);
    facts_clear(&oracle->facts);
    for (uint32_t index = 0; index < trace->count; index++) {
        const struct trace_event *event = &trace->events[index];
        if (event->kind >= TRACE_KIND_COUNT || event->host >= TRACE_HOST_COUNT) {
            continue;
        }
        for (unsigned i = 0; i < count; i++) {
            const struct oracle_rule *row = &oracle_rules[judged[i]];
            if (wants(row, event)) {
                row->on_stack(oracle, judged[i], event, index);
            }
        }
        facts_stack_take(stack, event, index + 1);
        if (stack->past_limit) {
            return status_fail(
                detail, STATUS_LIMIT,
                "event %u: connection %u or descriptor %d is past the oracle's limits", index,
                event->conn, event->fd);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (oracle_rules[judged[i]].stack_at_end) {
            oracle_rules[judged[i]].on_stack(oracle, judged[i], NULL, trace->count);
        }
    }
    return STATUS_OK;
}

/* ---- What was lost ---- */

/* Whether what this host lost has not come again although a minute went by, the longest time
 * between two tries that RFC 6298 2.5 is sure of, and its end still is there. */
static bool is_missing(const struct oracle *oracle, const struct stack_conn *conn,
                       enum trace_host host)
{
    enum { MINUTE_US = 60000000 };
    const struct stack *stack = oracle->stack;
    const struct stack_end *end = &conn->end[host];
    const struct stack_end *other = &conn->end[TRACE_HOST_COUNT - 1 - host];
    if (end->at_missing == 0 || end->state == TCP_CLOSED || stack->held || conn->own ||
        conn->injected || end->at_rst_came != 0 || end->at_rst_sent != 0) {
        return false;
    }
    bool there = end->missing == SCENARIO_SEGMENT_SYN   ? other->at_syn_arrived != 0
                 : end->missing == SCENARIO_SEGMENT_FIN ? other->other_fin >= 0
                                                        : other->arrived >= end->missing_to - 1;
    return !there && stack->now_us - oracle_event(oracle, end->at_missing)->time_us >= MINUTE_US;
}

void oracle_stack_judge_missing(struct oracle *oracle, unsigned rule, uint32_t kinds,
                                const char *note)
{
    const struct stack *stack = oracle->stack;
    for (uint32_t i = 1; i <= stack->conns_used; i++) {
        for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
            const struct stack_end *end = &stack->conn[i].end[host];
            if ((kinds >> end->missing & 1U) != 0 &&
                is_missing(oracle, &stack->conn[i], (enum trace_host)host)) {
                oracle_break(oracle, rule, note, EVIDENCE(i, end->at_missing));
            }
        }
    }
}
