/* What a kernel may answer besides success: which call, which error or a short transfer, under
 * which precondition, and whether Linux does it or only POSIX allows it. Both worlds put faults in
 * from this table; how a precondition is judged is theirs. Constant data. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_WORLD_FAULT_TABLE_H
#define SOCKSPEC_WORLD_FAULT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "scenario/scenario.h"
#include "trace/trace.h"

enum fault_when {
    FAULT_ALWAYS,
    FAULT_READABLE,      /* something to accept or to read is there */
    FAULT_READABLE_OPEN, /* something to read is there, and what else the program was told of the
                            stream leaves it open that more comes: it blocks, or no FIN came */
    FAULT_READABLE_NONBLOCK, /* FAULT_READABLE, and the descriptor (or the call) is non-blocking */
    FAULT_WRITABLE_NONBLOCK,
    FAULT_BLOCKING, /* the descriptor is not O_NONBLOCK */
    FAULT_SHORT,    /* the transfer may be short: it never waits, or not for ever */
    FAULT_SLEEPS,   /* the call sleeps and a handler interrupts it */
    FAULT_HANDLED   /* a handler runs */
};

struct fault_row {
    enum scenario_call family;
    int error; /* errno; 0: a short transfer */
    uint64_t
        calls; /* bit (1 << enum trace_call) of those that may answer so, 0: all of the family */
    enum fault_when when;
    bool posix_only;    /* Linux never does this */
    const char *source; /* where it stands */
};

/* NULL where no kernel answers so. */
const struct fault_row *world_fault_row(enum scenario_call family, int error);

#endif
