/* Tests of the network through scripted sockets: one world, both hosts driven by the test. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_MODEL_NET_SCRIPT_H
#define SOCKSPEC_TESTS_MODEL_NET_SCRIPT_H

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "model/model.h"
#include "test.h"

enum { NS_PORT = 8080, NS_SECOND = 1000000 };

struct ns {
    struct model *model;
    struct world *world;
    const struct world_ops *ops;
    struct trace trace;
};

static inline int ns_setup(void **state)
{
    struct ns *ns = calloc(1, sizeof *ns);
    struct status_detail detail = {{0}};
    assert_non_null(ns);
    assert_ok(trace_init(&ns->trace, 1 << 17), &detail);
    assert_ok(model_new(NULL, &ns->model, &detail), &detail);
    ns->world = model_world(ns->model);
    ns->ops = ns->world->ops;
    ns->ops->reset(ns->world, &ns->trace, 1);
    *state = ns;
    return 0;
}

static inline int ns_teardown(void **state)
{
    struct ns *ns = *state;
    ns->ops->free(ns->world);
    trace_done(&ns->trace);
    free(ns);
    return 0;
}

static inline void ns_deliver(struct ns *ns)
{
    ns->ops->deliver(ns->world);
}

/* The clock runs on by `us`; timers fire, what they send arrives. */
static inline void ns_wait(struct ns *ns, int64_t us)
{
    (void)ns->ops->advance(ns->world, us, 1000);
    ns->ops->settle(ns->world);
}

static inline int ns_socket(struct ns *ns, enum trace_host host)
{
    int s = ns->ops->socket(ns->world, host);
    assert_true(s >= 0);
    return s;
}

/* A listener on the target's host. */
static inline int ns_listener(struct ns *ns, int backlog)
{
    int s = ns_socket(ns, TRACE_HOST_TARGET);
    assert_int_equal(0, ns->ops->bind(ns->world, s, NS_PORT));
    assert_int_equal(0, ns->ops->listen(ns->world, s, backlog));
    return s;
}

/* A connection attempt from the peer's host; nothing is delivered yet. */
static inline int ns_connect(struct ns *ns)
{
    int s = ns_socket(ns, TRACE_HOST_PEER);
    assert_int_equal(-EINPROGRESS, ns->ops->connect(ns->world, s, NS_PORT));
    return s;
}

struct ns_ends {
    int listener;
    int client; /* on the peer's host */
    int server; /* on the target's host */
};

static inline struct ns_ends ns_pair(struct ns *ns)
{
    struct ns_ends ends = {.listener = ns_listener(ns, 16)};
    ends.client = ns_connect(ns);
    ns_deliver(ns);
    ends.server = ns->ops->accept(ns->world, ends.listener);
    assert_true(ends.server >= 0);
    assert_int_equal(TCP_ESTABLISHED, ns->ops->state(ns->world, ends.client));
    return ends;
}

static inline int64_t ns_send(struct ns *ns, int s, const char *text)
{
    return ns->ops->send(ns->world, s, text, strlen(text), 0);
}

/* What can be read, as text, or the error's name. */
static inline const char *ns_text(struct ns *ns, int s)
{
    static char text[4096];
    int64_t got = ns->ops->recv(ns->world, s, text, sizeof text - 1, 0);
    if (got < 0) {
        return trace_errno_name((int)-got);
    }
    text[got] = '\0';
    return text;
}

static inline enum tcp_state ns_state(struct ns *ns, int s)
{
    return ns->ops->state(ns->world, s);
}

static inline int ns_error(struct ns *ns, int s)
{
    int error = 0;
    assert_int_equal(0, ns->ops->getsockopt(ns->world, s, WORLD_OPTION_ERROR, &error));
    return error;
}

/* Times (us) of the segments of a kind and fate since `from`; how many. */
static inline int ns_segments(const struct ns *ns, uint32_t from, enum scenario_segment kind,
                              enum trace_fate fate, int64_t *ret_times, int max)
{
    int count = 0;
    for (uint32_t i = from; i < ns->trace.count; i++) {
        const struct trace_event *event = &ns->trace.events[i];
        if (event->kind == TRACE_SEGMENT && event->what == kind && event->result == (int64_t)fate) {
            if (ret_times != NULL && count < max) {
                ret_times[count] = event->time_us;
            }
            count++;
        }
    }
    return count;
}

/* Whether an end of the target's or peer's host moved so. */
static inline bool ns_moved(const struct ns *ns, enum trace_host host, enum tcp_state from,
                            enum tcp_state to)
{
    for (uint32_t i = 0; i < ns->trace.count; i++) {
        const struct trace_event *event = &ns->trace.events[i];
        if (event->kind == TRACE_STATE && event->host == host && event->what == to &&
            event->a == (int64_t)from) {
            return true;
        }
    }
    return false;
}

#endif
