/* How long the model takes, through scripted sockets on both hosts: a whole dialogue, and a step
 * with 1 to 1000 connections open. Prints; judges nothing. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "model/model.h"

enum { PORT = 8080, DIALOGUES = 200000, STEPS = 400000, CONNECTIONS_MAX = 1000 };

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void must(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "bench_net: %s\n", what);
        exit(3);
    }
}

/* connect, accept, three exchanges of 16 bytes, four-way close. */
static void dialogue(struct world *world, const struct world_ops *ops, int listener)
{
    static const char text[16] = "0123456789abcde";
    char buffer[64];
    int client = ops->socket(world, TRACE_HOST_PEER);
    (void)ops->connect(world, client, PORT);
    ops->deliver(world);
    int server = ops->accept(world, listener);
    must(server >= 0, "accept");
    for (int i = 0; i < 3; i++) {
        must(ops->send(world, client, text, sizeof text, 0) == sizeof text, "request");
        ops->deliver(world);
        must(ops->recv(world, server, buffer, sizeof buffer, 0) == sizeof text, "request read");
        must(ops->send(world, server, text, sizeof text, 0) == sizeof text, "response");
        ops->deliver(world);
        must(ops->recv(world, client, buffer, sizeof buffer, 0) == sizeof text, "response read");
    }
    ops->close(world, client);
    ops->deliver(world);
    must(ops->recv(world, server, buffer, sizeof buffer, 0) == 0, "end of stream");
    ops->close(world, server);
    ops->deliver(world);
    while (ops->next_ready(world, TRACE_HOST_PEER) >= 0 ||
           ops->next_ready(world, TRACE_HOST_TARGET) >= 0) {
    }
}

static int listen_here(struct world *world, const struct world_ops *ops)
{
    int listener = ops->socket(world, TRACE_HOST_TARGET);
    must(ops->bind(world, listener, PORT) == 0 && ops->listen(world, listener, 1024) == 0,
         "listen");
    return listener;
}

static void bench_dialogues(struct world *world, const struct world_ops *ops, struct trace *trace)
{
    double start = now_ns();
    for (int i = 0; i < DIALOGUES; i++) {
        ops->reset(world, trace, (uint64_t)i);
        dialogue(world, ops, listen_here(world, ops));
    }
    double each = (now_ns() - start) / DIALOGUES;
    printf("dialogue with reset and listen: %.0f ns (%u events)\n", each, trace->count);
    ops->reset(world, trace, 1);
    int listener = listen_here(world, ops);
    start = now_ns();
    for (int i = 0; i < DIALOGUES; i++) {
        dialogue(world, ops, listener);
        if (trace->count > trace->capacity / 2) {
            trace->count = 0;
        }
    }
    printf("dialogue: %.0f ns\n", (now_ns() - start) / DIALOGUES);
}

/* A step: one connection, in turn, sends 16 bytes, the other end reads them. */
static double bench_steps(struct world *world, const struct world_ops *ops, struct trace *trace,
                          int connections)
{
    static int clients[CONNECTIONS_MAX];
    static int servers[CONNECTIONS_MAX];
    char buffer[64] = "step";
    ops->reset(world, trace, 7);
    int listener = listen_here(world, ops);
    for (int i = 0; i < connections; i++) {
        clients[i] = ops->socket(world, TRACE_HOST_PEER);
        (void)ops->connect(world, clients[i], PORT);
        ops->deliver(world);
        servers[i] = ops->accept(world, listener);
        must(servers[i] >= 0, "accept");
    }
    double start = now_ns();
    for (int i = 0; i < STEPS; i++) {
        int at = i % connections;
        must(ops->send(world, clients[at], buffer, 16, 0) == 16, "send");
        ops->deliver(world);
        must(ops->recv(world, servers[at], buffer, sizeof buffer, 0) == 16, "recv");
        while (ops->next_ready(world, TRACE_HOST_TARGET) >= 0) {
        }
        trace->count = 0;
    }
    return (now_ns() - start) / STEPS;
}

int main(void)
{
    struct status_detail detail = {{0}};
    struct model *model = NULL;
    struct trace trace = {0};
    must(model_new(NULL, &model, &detail) == STATUS_OK, detail.text);
    must(trace_init(&trace, 4096) == STATUS_OK, "trace");
    struct world *world = model_world(model);
    bench_dialogues(world, world->ops, &trace);
    double base = 0;
    for (int connections = 1; connections <= CONNECTIONS_MAX; connections *= 10) {
        double each = bench_steps(world, world->ops, &trace, connections);
        base = connections == 10 ? each : base;
        printf("step with %4d connections: %.0f ns%s", connections, each,
               connections < 100 ? "\n" : "");
        if (connections >= 100) {
            printf(" (%.2f of that with 10)\n", each / base);
        }
    }
    world->ops->free(world);
    trace_done(&trace);
    return 0;
}
