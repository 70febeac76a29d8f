/* A world of recorded answers: a target that is a list of calls and sleeps, sockets that answer
 * what the test laid down, and a log of the operations that the engine used. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_WORLD_FAKE_WORLD_H
#define SOCKSPEC_TESTS_WORLD_FAKE_WORLD_H

#include "world/world.h"

enum {
    FAKE_RUNS_MAX = 3,
    FAKE_ACTIONS_MAX = 16,
    FAKE_SENDS_MAX = 16,
    FAKE_FAULTS_MAX = 8,
    FAKE_TEXT_MAX = 2048
};

/* What the target does next: a call of a family (enum scenario_call), or one of these. After the
 * last action it sleeps until it is stopped. */
enum fake_action {
    FAKE_NOTHING = 0,                 /* the list ends */
    FAKE_SLEEP = SCENARIO_CALL_COUNT, /* one on_idle */
    FAKE_WRITABLE,                    /* scripted socket 0 becomes ready */
    FAKE_EXIT                         /* it ends of itself */
};

struct fake_world {
    struct world world;
    /* Laid down by the test. */
    uint8_t actions[FAKE_RUNS_MAX][FAKE_ACTIONS_MAX]; /* of each run */
    int64_t sends[FAKE_SENDS_MAX]; /* the answers to send, in order; 0: it takes everything */
    int arm_answer;                /* to fault_arm */
    uint32_t struck;               /* bits: steps whose faults struck */
    bool stops_short;              /* the time of the drain does not pass */
    int64_t connects_at_us;        /* a client: when it makes its connection; 0: never */
    /* What the engine did. */
    uint32_t runs;
    char log[FAKE_TEXT_MAX];   /* operations in order, each followed by a blank */
    char taken[FAKE_TEXT_MAX]; /* the bytes that send took, `|` behind each send */
    /* Inside. */
    struct trace *trace;
    uint32_t sends_used;
    int sockets;                      /* made so far */
    int listener;                     /* of the peer's; -1: none */
    int64_t now_us;                   /* what passed by advance and run_on */
    uint32_t ready;                   /* bits: scripted sockets that changed */
    uint16_t faults[FAKE_FAULTS_MAX]; /* steps that armed one */
    uint32_t fault_count;
};

/* Lays the operations into a zeroed struct. */
void fake_world_init(struct fake_world *fake);

#endif
