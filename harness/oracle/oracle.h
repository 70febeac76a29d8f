/* The oracle: which lifecycle rules a recorded run kept and which it broke. It reads traces,
 * nothing else: one pass per judgement, no allocation in it. One oracle belongs to one thread and
 * is used again and again. The table of rules is oracle_rules; the texts for people are in
 * explain.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_ORACLE_ORACLE_H
#define SOCKSPEC_ORACLE_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/grade.h"
#include "base/status.h"
#include "oracle/rule_ids.h"
#include "trace/trace.h"

enum {
    ORACLE_EVIDENCE_MAX = 4,       /* events that prove one verdict */
    ORACLE_CONNECTIONS_MAX = 8192, /* connections of one trace */
    ORACLE_DESCRIPTORS_MAX = 4096, /* descriptor numbers 0 … 4095 */
    ORACLE_DETAIL_MAX = 1024       /* a buffer that holds every detail text */
};

#define ORACLE_RULE_ENUM(area, number) ORACLE_##area##_##number,
#define ORACLE_RULE_ONE(area, number) +1
enum oracle_rule_index { ORACLE_RULE_IDS(ORACLE_RULE_ENUM) ORACLE_RULE_COUNT };
enum { ORACLE_PROGRAM_RULES = 0 ORACLE_PROGRAM_RULE_IDS(ORACLE_RULE_ONE) }; /* these come first */
#undef ORACLE_RULE_ENUM
#undef ORACLE_RULE_ONE
enum { ORACLE_WORDS = 3 }; /* of a set of rules: a bit per rule */
_Static_assert((int)ORACLE_RULE_COUNT <= (int)ORACLE_WORDS * 64, "sets of rules have room for all");
_Static_assert((int)ORACLE_PROGRAM_RULES <= 128, "those of programs are in the first two words");

/* Which kind of program, or whether a stack, a rule binds: a bit per role. */
enum oracle_binds {
    ORACLE_SERVER = 1 << TRACE_ROLE_SERVER,
    ORACLE_CLIENT = 1 << TRACE_ROLE_CLIENT,
    ORACLE_BOTH = ORACLE_SERVER | ORACLE_CLIENT,
    ORACLE_STACK = 1 << TRACE_ROLE_STACK
};

/* X(NAME, "text", "what it means") */
#define ORACLE_LEVEL_TABLE(X)                                                                      \
    X(MUST, "MUST", "the text makes anything else undefined or wrong")                             \
    X(SHOULD, "SHOULD", "the text recommends it")                                                  \
    X(GOOD, "GOOD", "good practice, or the cure of a well-known class of bugs")                    \
    X(CHOICE, "CHOICE", "the texts and Linux differ: the rule set says what is allowed")           \
    X(LINUX, "LINUX", "what Linux does where the texts say nothing: the rule set linux alone")
#define ORACLE_LEVEL_ENUM(name, text, meaning) ORACLE_LEVEL_##name,
enum oracle_level { ORACLE_LEVEL_TABLE(ORACLE_LEVEL_ENUM) ORACLE_LEVEL_COUNT };
#undef ORACLE_LEVEL_ENUM

enum oracle_outcome { ORACLE_NOT_APPLICABLE, ORACLE_KEPT, ORACLE_BROKEN, ORACLE_OUTCOME_COUNT };

struct oracle;

/* One rule. The masks say which events reach on_event: of four kinds by what they are about, of the
 * others by kind, and CALL apart by whether the call failed. on_end sees the whole run. */
struct oracle_rule {
    const char *id;    /* "FDH-01": for ever */
    const char *title; /* the rule in one sentence */
    uint8_t binds;     /* enum oracle_binds */
    uint8_t level;     /* enum oracle_level */
    bool fail;         /* broken is FAIL although the level is not MUST */
    bool decidable;    /* a trace can decide it */
    const char *cite;  /* where it stands */
    const char *why;   /* what goes wrong without it, and in which real programs */
    const char
        *observed; /* how a trace shows it; for an undecidable rule: what would have to be seen */
    const char *reason;    /* undecidable: why no trace shows it; else NULL */
    uint32_t observers;    /* enum trace_observer: without one of them the grade is SKIP */
    uint32_t promises;     /* enum trace_promise: all must be made, or the rule does not apply */
    uint32_t kinds;        /* bits (1 << enum trace_kind) of kinds that have no mask of their own */
    uint32_t phases;       /* PHASE: bits (1 << enum trace_phase) */
    uint32_t says;         /* DIALOGUE: bits (1 << enum trace_dialogue) */
    uint32_t peers;        /* PEER: bits (1 << enum trace_peer) */
    uint32_t calls_done;   /* bits (1 << enum scenario_call): calls that succeeded */
    uint32_t calls_failed; /* the same: calls with an errno */
    uint64_t calls; /* of these families only such calls: bits (1 << enum trace_call); 0: all */
    uint32_t when;  /* frequent events reach it only while one of these holds (enum facts_live in
                       facts.h); 0: always */
    uint32_t when_kept; /* the same once it was kept; 0: as before */
    void (*on_event)(struct oracle *oracle, unsigned rule, const struct trace_event *event,
                     uint32_t index);
    void (*on_end)(struct oracle *oracle, unsigned rule);
    uint32_t stack_kinds; /* the same for a stack: bits (1 << enum trace_kind) */
    uint64_t stack_calls; /* CALL: bits (1 << enum trace_call) */
    bool stack_at_end;
    void (*on_stack)(struct oracle *oracle, unsigned rule, const struct trace_event *event,
                     uint32_t index); /* of either host; `event` is NULL at the end of the run */
};

extern const struct oracle_rule oracle_rules[ORACLE_RULE_COUNT];

struct oracle_verdict {
    uint8_t rule;           /* enum oracle_rule_index */
    uint8_t outcome;        /* enum oracle_outcome */
    uint8_t grade;          /* enum grade: PASS, FAIL, WARN, INFO or SKIP */
    uint8_t count;          /* events in use */
    uint8_t host;           /* enum trace_host: whose program was judged */
    uint8_t by_posix_fault; /* softened: it needed a fault that Linux never produces */
    uint32_t conn;          /* connection, 0 none */
    uint32_t events[ORACLE_EVIDENCE_MAX]; /* indexes into the trace, rising */
    const char *note;                     /* what happened, in fixed words; the reason of a SKIP */
};

/* One judgement; lives in the oracle until the next one. */
struct oracle_judgement {
    struct oracle_verdict verdicts[ORACLE_RULE_COUNT];
    uint64_t kept[ORACLE_WORDS];
    uint64_t broken[ORACLE_WORDS];
};

/* Errors: STATUS_NO_MEMORY. */
enum status oracle_new(struct oracle **ret_oracle, struct status_detail *detail) STATUS_MUST_USE;
void oracle_free(struct oracle *oracle);

/* Judges a finished trace; its events stay as they are. In pair mode the program on the target's
 * host is judged as a server, the one on the peer's host as a client, and of two verdicts on one
 * rule the worse one stands. Of role stack both hosts are judged, as ends of one implementation.
 * Errors: STATUS_LIMIT (more connections or higher descriptors than the tables hold). */
enum status oracle_judge(struct oracle *oracle, const struct trace *trace,
                         const struct oracle_judgement **ret_judgement,
                         struct status_detail *detail) STATUS_MUST_USE;

static inline bool oracle_has(const uint64_t set[ORACLE_WORDS], unsigned rule)
{
    return (set[rule / 64] >> (rule % 64) & 1U) != 0;
}

/* Writes the detail of a verdict on `trace` into `buffer` (truncated to fit, always terminated):
 * the note, the connection, and the events that prove it. Returns `buffer`. */
const char *oracle_detail(const struct oracle_verdict *verdict, const struct trace *trace,
                          char *buffer, size_t size);

/* The index of a rule by its ID, ORACLE_RULE_COUNT when there is none. */
unsigned oracle_find(const char *id);
const char *oracle_level_name(enum oracle_level level);
const char *oracle_binds_name(unsigned binds);

#endif
