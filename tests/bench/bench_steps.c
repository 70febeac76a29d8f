/* What a step costs with 1, 10, 100 and 1,000 connections open, through scripted sockets on both
 * hosts. A step: the next connection in turn sends 16 bytes, the other end reads them. Helper of
 * sockspec-bench.
 *
 *   bench_steps ROUNDS   "connections nanoseconds-per-step", medians of rounds taken in turn */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "bench_util.h"
#include "model/model.h"

enum {
    PORT = 8080,
    BACKLOG = 1024,
    STEPS = 20000, /* of one measurement; a multiple of each number of connections */
    SIZES = 4,
    CONNECTIONS_MAX = 1000,
    ROUNDS_MAX = 1024,
    TEXT = 16
};

static const int sizes[SIZES] = {1, 10, 100, CONNECTIONS_MAX};

struct connections {
    int clients[CONNECTIONS_MAX];
    int servers[CONNECTIONS_MAX];
    int count;
};

static void drain(struct world *world, enum trace_host host)
{
    while (world->ops->next_ready(world, host) >= 0) {
    }
}

static void open_all(struct world *world, struct connections *ret_connections, int count)
{
    const struct world_ops *ops = world->ops;
    int listener = ops->socket(world, TRACE_HOST_TARGET);
    bench_must(ops->bind(world, listener, PORT) == 0 && ops->listen(world, listener, BACKLOG) == 0,
               "listen");
    for (int i = 0; i < count; i++) {
        ret_connections->clients[i] = ops->socket(world, TRACE_HOST_PEER);
        (void)ops->connect(world, ret_connections->clients[i], PORT);
        ops->deliver(world);
        ret_connections->servers[i] = ops->accept(world, listener);
        bench_must(ret_connections->servers[i] >= 0, "accept");
    }
    ret_connections->count = count;
    drain(world, TRACE_HOST_TARGET);
    drain(world, TRACE_HOST_PEER);
}

/* The trace is emptied now and then, as a run would begin anew. */
static void step(struct world *world, struct trace *trace, const struct connections *connections,
                 int at)
{
    const struct world_ops *ops = world->ops;
    char buffer[TEXT] = "step";
    bench_must(ops->send(world, connections->clients[at], buffer, TEXT, 0) == TEXT, "send");
    ops->deliver(world);
    bench_must(ops->recv(world, connections->servers[at], buffer, TEXT, 0) == TEXT, "recv");
    drain(world, TRACE_HOST_TARGET);
    drain(world, TRACE_HOST_PEER);
    if (trace->count > trace->capacity / 2) {
        trace->count = 0;
    }
}

static double measure(struct world *world, struct trace *trace, int count)
{
    static struct connections connections;
    world->ops->reset(world, trace, 1);
    open_all(world, &connections, count);
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        step(world, trace, &connections, i % count);
    }
    double start = bench_cpu_ns();
    for (int i = 0; i < STEPS; i++) {
        step(world, trace, &connections, i % count);
    }
    return (bench_cpu_ns() - start) / STEPS;
}

int main(int argc, char **argv)
{
    enum { EVENTS = 1 << 12 };
    static double times[SIZES][ROUNDS_MAX];
    struct status_detail detail = {""};
    struct model *model = NULL;
    struct trace trace = {0};
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    bench_must(rounds > 0 && rounds <= ROUNDS_MAX, "usage: bench_steps ROUNDS");
    bench_must(model_new(NULL, &model, &detail) == STATUS_OK, detail.text);
    bench_must(trace_init(&trace, EVENTS) == STATUS_OK, "memory");
    struct world *world = model_world(model);
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < SIZES; i++) {
            times[i][round] = measure(world, &trace, sizes[i]);
        }
    }
    for (unsigned i = 0; i < SIZES; i++) {
        (void)printf("%d %.1f\n", sizes[i], bench_median(times[i], rounds));
    }
    world->ops->free(world);
    trace_done(&trace);
    return 0;
}
