/* What a segment costs on the held wire beside plain loopback: one byte to and fro between two
 * scripted sockets, collected, delivered and sampled, and the same calls on a pair of loopback
 * sockets. Helper of sockspec-bench.
 *
 *   bench_live_net ROUNDS   "loopback|wire nanoseconds-per-exchange", "segments per-exchange",
 *                           "ours|open|reset nanoseconds": of a segment beyond loopback's calls, of
 *                           opening and ending a connection, of a reset; medians of rounds taken in
 *                           turn. Exit status 77 where namespaces are refused. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench_util.h"
#include "linux/net.h"

enum { PORT = 7000, BACKLOG = 8, EXCHANGES = 2000, OPENS = 50, ROUNDS_MAX = 1024, SKIPPED = 77 };

struct ends {
    int target;
    int peer;
};

static void settle(struct linux_net *net)
{
    do {
        (void)linux_net_collect(net);
    } while (linux_net_deliver(net));
}

static struct ends wire_open(struct linux_net *net, int listener)
{
    struct ends ends = {.peer = linux_net_socket(net, TRACE_HOST_PEER)};
    (void)linux_net_connect(net, ends.peer, PORT);
    settle(net);
    ends.target = linux_net_accept(net, listener);
    bench_must(ends.target >= 0, "accept on the wire");
    return ends;
}

static int wire_listen(struct linux_net *net)
{
    int listener = linux_net_socket(net, TRACE_HOST_TARGET);
    bench_must(linux_net_bind(net, listener, PORT) == 0 &&
                   linux_net_listen(net, listener, BACKLOG) == 0,
               "listen on the wire");
    return listener;
}

static void wire_pass(struct linux_net *net, int from, int to)
{
    char byte = 'x';
    bench_must(linux_net_send(net, from, &byte, 1, 0) == 1, "send on the wire");
    settle(net);
    bench_must(linux_net_recv(net, to, &byte, 1, 0) == 1, "recv from the wire");
}

static double wire_exchange_ns(struct linux_net *net, struct trace *trace, struct ends ends)
{
    double before = bench_now_ns();
    for (int i = 0; i < EXCHANGES; i++) {
        trace_clear(trace);
        wire_pass(net, ends.peer, ends.target);
        wire_pass(net, ends.target, ends.peer);
    }
    return (bench_now_ns() - before) / EXCHANGES;
}

static struct ends loopback_open(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct ends ends = {.peer = socket(AF_INET, SOCK_STREAM, 0)};
    bench_must(bind(listener, (struct sockaddr *)&name, size) == 0 && listen(listener, 1) == 0 &&
                   getsockname(listener, (struct sockaddr *)&name, &size) == 0 &&
                   connect(ends.peer, (struct sockaddr *)&name, size) == 0,
               "connect on loopback");
    ends.target = accept(listener, NULL, NULL);
    bench_must(ends.target >= 0, "accept on loopback");
    close(listener);
    return ends;
}

static void loopback_pass(int from, int to)
{
    char byte = 'x';
    bench_must(send(from, &byte, 1, 0) == 1 && recv(to, &byte, 1, 0) == 1, "loopback");
}

static double loopback_exchange_ns(struct ends ends)
{
    double before = bench_now_ns();
    for (int i = 0; i < EXCHANGES; i++) {
        loopback_pass(ends.peer, ends.target);
        loopback_pass(ends.target, ends.peer);
    }
    return (bench_now_ns() - before) / EXCHANGES;
}

/* Segments of one exchange, acknowledgments included: with the wire held they can be counted. */
static unsigned count_segments(struct linux_net *net, struct ends ends)
{
    unsigned count = 0;
    char byte = 'x';
    int from[] = {ends.peer, ends.target};
    for (unsigned i = 0; i < 2; i++) {
        bench_must(linux_net_send(net, from[i], &byte, 1, 0) == 1, "send");
        for (unsigned passed = 1; passed > 0;) {
            passed = linux_net_count(net, WORLD_TO_TARGET) + linux_net_count(net, WORLD_TO_PEER);
            count += passed;
            (void)linux_net_deliver(net);
        }
        bench_must(linux_net_recv(net, from[1 - i], &byte, 1, 0) == 1, "recv");
    }
    return count;
}

static double open_ns(struct linux_net *net, struct trace *trace)
{
    linux_net_reset(net, trace);
    int listener = wire_listen(net);
    double before = bench_now_ns();
    for (int i = 0; i < OPENS; i++) {
        struct ends ends = wire_open(net, listener);
        (void)linux_net_close(net, ends.peer);
        settle(net);
        (void)linux_net_close(net, ends.target);
        settle(net);
    }
    return (bench_now_ns() - before) / OPENS;
}

static double reset_ns(struct linux_net *net, struct trace *trace)
{
    double before = bench_now_ns();
    trace_clear(trace);
    linux_net_reset(net, trace);
    return bench_now_ns() - before;
}

int main(int argc, char **argv)
{
    static double wire[ROUNDS_MAX];
    static double loopback[ROUNDS_MAX];
    static double opens[ROUNDS_MAX];
    static double resets[ROUNDS_MAX];
    int rounds = argc > 1 ? atoi(argv[1]) : 1;
    struct status_detail detail = {""};
    struct trace trace;
    struct linux_net *net;
    bench_must(rounds >= 1 && rounds <= ROUNDS_MAX, "between 1 and 1024 rounds");
    bench_must(trace_init(&trace, TRACE_EVENTS_MAX) == STATUS_OK, "a trace");
    struct ends plain = loopback_open();
    double before = bench_now_ns();
    if (linux_net_new(false, &net, &detail) != STATUS_OK) {
        (void)fprintf(stderr, "bench_live_net: %s\n", detail.text);
        return SKIPPED;
    }
    double made = bench_now_ns() - before;
    unsigned segments = 0;
    for (int i = 0; i < rounds; i++) {
        trace_clear(&trace);
        opens[i] = open_ns(net, &trace);
        resets[i] = reset_ns(net, &trace);
        struct ends ends = wire_open(net, wire_listen(net));
        segments = count_segments(net, ends);
        wire[i] = wire_exchange_ns(net, &trace, ends);
        loopback[i] = loopback_exchange_ns(plain);
    }
    double wire_ns = bench_median(wire, (unsigned)rounds);
    double loopback_ns = bench_median(loopback, (unsigned)rounds);
    printf("loopback %.1f\nwire %.1f\nsegments %u\nours %.1f\nopen %.1f\nreset %.1f\nnew %.1f\n",
           loopback_ns, wire_ns, segments, (wire_ns - loopback_ns) / segments,
           bench_median(opens, (unsigned)rounds), bench_median(resets, (unsigned)rounds), made);
    linux_net_free(net);
    trace_done(&trace);
    return 0;
}
