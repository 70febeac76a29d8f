/* A trace of a scripted play in the form in which two worlds are compared: what a kernel is free to
 * choose (choices.h) is left out or brought to one form, all else stands as it was traced. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_DIFF_FORM_H
#define SOCKSPEC_DIFF_FORM_H

#include "diff/choices.h"
#include "trace/trace.h"

enum {
    DIFF_EVENTS_MAX = 8192,
    DIFF_PORTS_MAX = 64,
    DIFF_ENDS_MAX = 64,
    DIFF_CONNS_MAX = 256,
    DIFF_FDS_MAX = 64
};

/* A port that the kernel gave, and to whom: what is given back may be given again. */
struct diff_port {
    uint16_t port;
    uint16_t conn;   /* 0: none yet */
    uint32_t socket; /* the socket, or the listener that it came from */
};

struct diff_form {
    bool by_end;     /* what happens while a scenario lets time pass is put in order by connection
                        and end: which of two ends' timers runs out first is no matter of theirs */
    uint32_t passed; /* index of the first event that time brought; UINT32_MAX: it brought none */
    uint32_t count;
    struct trace_event events[DIFF_EVENTS_MAX];
    uint32_t sources[DIFF_EVENTS_MAX]; /* index of each in its trace */
    uint32_t port_count;
    struct diff_port ports[DIFF_PORTS_MAX]; /* as they came up */
    uint32_t sockets;                       /* that were made so far */
    uint32_t made[DIFF_FDS_MAX];            /* which of them each descriptor stands for */
    uint32_t recovers;             /* index of the first event where bytes were sent again with
                                      no time between, or of a change of state right before;
                                      UINT32_MAX: none */
    bool refuses[DIFF_EVENTS_MAX]; /* it is an RST while a program reads: it answers a window
                                      update, which may as well not have been sent */
    bool reads;                    /* the step is a program's reading */
    bool waits;                    /* the step is a call that waits */
    int64_t sent[DIFF_ENDS_MAX][TRACE_HOST_COUNT]; /* sequence number after the last that it sent */
    uint32_t takes; /* segments that the step may still take from the wire by their places */
    bool timed;     /* time passed so far */
    bool own[DIFF_CONNS_MAX]; /* connections of a host with itself: only their calls are compared */
    uint16_t numbers[DIFF_CONNS_MAX]; /* of all others, counted without those */
    uint64_t set_sndbuf; /* descriptors, as bits, for which the scenario set the option */
    uint64_t set_rcvbuf;
    uint64_t sndbuf_begun[DIFF_CONNS_MAX]; /* the same, when the connection began; 0 for none */
    uint64_t rcvbuf_begun[DIFF_CONNS_MAX];
};

/* `by_end` is set by the caller, all else is written. `scenario` is what was played; NULL: none of
 * its steps connects a host with itself. Adds to `uses` how often each choice was met. */
void diff_form_take(struct diff_form *ret_form, const struct trace *trace,
                    const struct scenario *scenario, uint64_t uses[DIFF_CHOICE_COUNT]);

/* Index of the first event in which they differ, or at which one of them ends; UINT32_MAX: they are
 * equal. */
uint32_t diff_form_compare(const struct diff_form *a, const struct diff_form *b);

/* Event `at` in words, on one line: whose it is, what it says, and its numbers; behind the last one
 * that nothing more comes. Returns `buffer`. */
const char *diff_form_describe(const struct diff_form *form, uint32_t at, char *buffer,
                               size_t size);

#endif
