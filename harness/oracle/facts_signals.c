/* Inside the common pass: what a signal means to the program that it comes to. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/epoll.h>

#include "oracle/facts_tables.h"

/* Whether a server that nothing else had asked to ends well by itself after this signal, which may
 * mean a stop to this program. */
static bool ends_after(const struct facts *facts, const struct trace_event *signal)
{
    const struct trace_event *event = signal + 1;
    while (event < facts->end && event->kind != TRACE_EXIT &&
           (event->kind != TRACE_PHASE || event->what != TRACE_PHASE_STOPPING)) {
        event++;
    }
    return facts->role == TRACE_ROLE_SERVER && event < facts->end && event->kind == TRACE_EXIT &&
           event->what == TRACE_EXIT_RETURNED && event->result == 0;
}

/* Whether a server gives its listener up, closed or taken from those that it watches, before it
 * sleeps again: it restarts itself, or stops, and what it drops now it drops for that. */
static bool leaves_listener_after(struct facts *facts, const struct trace_event *signal)
{
    const struct trace_event *event = signal + 1;
    bool leaves = false;
    while (!leaves && event < facts->end && event->kind != TRACE_BLOCK) {
        bool removal = event->kind == TRACE_CALL && event->what == TRACE_CALL_EPOLL_CTL &&
                       (event->a & 0xFF) == EPOLL_CTL_DEL;
        const struct facts_fd *record =
            removal || event->kind == TRACE_FD_CLOSE ? facts_fd(facts, event->fd) : NULL;
        leaves = record != NULL && record->open && record->listener;
        event++;
    }
    return facts->role == TRACE_ROLE_SERVER && leaves;
}

void facts_take_signal(struct facts *facts, const struct trace_event *event, uint32_t at)
{
    bool stops = event->what == SIGTERM || event->what == SIGINT || event->what == SIGQUIT;
    bool user = event->what == SIGUSR1 || event->what == SIGUSR2; /* what they mean, it decides */
    bool asks =
        stops || event->what == SIGHUP; /* which may also mean: read the configuration again */
    /* Nobody asks a program to stop with SIGABRT: abort(3), an assertion of its own. */
    bool kills = event->a == TRACE_SIGNAL_KILLED && event->b == 0 && event->what != SIGABRT;
    /* What is blocked is taken elsewhere: by signalfd(2), sigwait(3), a wait with another mask. */
    bool comes = event->a == TRACE_SIGNAL_HANDLED || event->a == TRACE_SIGNAL_BLOCKED;
    if ((comes && asks) || kills) {
        /* The engine's own, at the end, excuses nothing: all was quiet before. One that a step sent
         * may have been blocked until now. */
        bool at_end = facts->at_phase[TRACE_PHASE_STOPPING] > facts->at_phase[TRACE_PHASE_PLAYED];
        facts->stopping = true;
        facts->at_stop_signal = facts->played && at_end ? facts->at_stop_signal : at;
        facts->at_stop_handled =
            event->a == TRACE_SIGNAL_HANDLED && stops ? at : facts->at_stop_handled;
        facts->live |= event->a == TRACE_SIGNAL_BLOCKED ? 0 : FACTS_STOP_HANDLED;
    } else if (comes && user && (ends_after(facts, event) || leaves_listener_after(facts, event))) {
        facts->stopping = true;
        facts->at_stop_signal = at;
    }
    if (event->a == TRACE_SIGNAL_IGNORED && facts->at_phase[TRACE_PHASE_STOPPING] != 0) {
        facts->at_stop_ignored = at;
        facts->live |= FACTS_STOP_HANDLED;
    }
    if (event->what == SIGALRM) {
        facts->at_alarm = at;
    }
    if (user) {
        facts->at_user_signal = at;
        if (facts->at_first_user == 0) {
            facts->at_first_user = at;
            facts->held_at_user = facts_held(facts);
        }
    }
}
