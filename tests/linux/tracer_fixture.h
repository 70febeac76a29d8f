/* A play of tracer_actor under the tracer of the live world, and what its trace holds. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_LINUX_TRACER_FIXTURE_H
#define SOCKSPEC_TESTS_LINUX_TRACER_FIXTURE_H

#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <seccomp.h>

#include "linux/tracer.h"

enum { EVENTS = 1 << 17 };

struct play {
    struct linux_tracer *tracer;
    struct trace trace;
    uint32_t entered; /* families that on_enter was told of */
    int sent;         /* signal that on_enter sends; 0: none */
    unsigned unused;
    enum trace_noop reason;
    int output;
};

static inline void on_enter(void *context, enum scenario_call family)
{
    struct play *play = context;
    play->entered |= 1U << family;
    if (play->sent != 0) {
        assert_int_equal(linux_tracer_signal(play->tracer, play->sent, false), 0);
    }
}

/* Connections are known by nothing but their ports here. */
static inline uint32_t conn_of(void *context, uint16_t local_port, uint16_t remote_port)
{
    (void)context;
    return local_port != 0 && remote_port != 0 ? 1 : 0;
}

static inline int set_up(void **state)
{
    struct play *play = calloc(1, sizeof *play);
    struct linux_tracer_hooks hooks = {.context = play, .on_enter = on_enter, .conn = conn_of};
    struct status_detail detail = {.text = ""};
    assert_non_null(play);
    assert_ok(trace_init(&play->trace, EVENTS), &detail);
    assert_ok(linux_tracer_new(&hooks, &play->tracer, &detail), &detail);
    play->output = open("/dev/null", O_WRONLY | O_CLOEXEC);
    *state = play;
    return 0;
}

static inline int tear_down(void **state)
{
    struct play *play = *state;
    linux_tracer_free(play->tracer);
    trace_done(&play->trace);
    (void)close(play->output);
    free(play);
    return 0;
}

static inline void need_ptrace(const struct play *play)
{
    const char *reason = "";
    if ((linux_tracer_observers(play->tracer, &reason) & TRACE_SEES_CALLS) == 0) {
        print_message("skipped: %s\n", reason);
        skip();
    }
}

/* What `begin` leaves out is as usual. */
static inline void start_as(struct play *play, const char *program, const char *name,
                            struct linux_tracer_start begin)
{
    struct status_detail detail = {.text = ""};
    char *argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)name, NULL};
    begin.argv = argv;
    begin.namespace_fd = -1;
    begin.input = -1;
    begin.output = play->output;
    begin.stop_signal = SIGTERM;
    need_ptrace(play);
    assert_ok(linux_tracer_start(play->tracer, &begin, &play->trace, &detail), &detail);
}

static inline void start_with(struct play *play, const char *program, const char *name,
                              uint64_t calls_max, int64_t cpu_max_us)
{
    start_as(play, program, name,
             (struct linux_tracer_start){.calls_max = calls_max, .cpu_max_us = cpu_max_us});
}

static inline void start(struct play *play, const char *name)
{
    start_with(play, ACTOR, name, 0, 0);
}

enum end { ENDED, ASLEEP, SPINS };

/* Until something of it can be told. */
static inline enum end go(struct play *play)
{
    for (;;) {
        enum linux_turn turn = linux_tracer_turn(play->tracer);
        if (turn == LINUX_TURN_ENDED) {
            return ENDED;
        }
        if (linux_tracer_spins(play->tracer)) {
            return SPINS;
        }
        if (turn == LINUX_TURN_NOTHING) {
            if (linux_tracer_asleep(play->tracer) && linux_tracer_nap_us(play->tracer) < 0) {
                linux_tracer_rests(play->tracer);
                return ASLEEP;
            }
            (void)sched_yield();
        }
    }
}

/* The n-th event (from 0) of this kind that says `what`; NULL. */
static inline const struct trace_event *find(const struct play *play, enum trace_kind kind,
                                             int what, unsigned n)
{
    for (uint32_t i = 0; i < play->trace.count; i++) {
        const struct trace_event *event = &play->trace.events[i];
        if (event->kind == kind && event->what == what && n-- == 0) {
            return event;
        }
    }
    return NULL;
}

static inline const struct trace_event *need(const struct play *play, enum trace_kind kind,
                                             int what, unsigned n)
{
    const struct trace_event *event = find(play, kind, what, n);
    assert_non_null(event);
    return event;
}

static inline const struct trace_event *call_of(const struct play *play, enum trace_call call,
                                                unsigned n)
{
    return need(play, TRACE_CALL, (int)call, n);
}

static inline unsigned count_of(const struct play *play, enum trace_kind kind, int what)
{
    unsigned n = 0;
    while (find(play, kind, what, n) != NULL) {
        n++;
    }
    return n;
}

static inline void expect_exit(const struct play *play, enum trace_exit how, int result)
{
    const struct trace_event *event = &play->trace.events[play->trace.count - 1];
    assert_int_equal(event->kind, TRACE_EXIT);
    assert_int_equal(event->what, how);
    assert_int_equal(event->result, result);
}

static inline void play_to_end(struct play *play, const char *name, int status)
{
    start(play, name);
    assert_int_equal(go(play), ENDED);
    expect_exit(play, TRACE_EXIT_RETURNED, status);
}

#endif
