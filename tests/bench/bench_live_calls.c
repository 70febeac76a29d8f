/* What a traced call costs: a program sends one byte to itself over loopback and receives it, as it
 * is and under the tracer of the live world, in its network and with its look at the wire at each
 * call, on one processor. Time of processors, the program's and the tracer's together: the two take
 * turns, so on a machine that does nothing else it is the time that passes. Helper of
 * sockspec-bench.
 *
 *   bench_live_calls ROUNDS   "plain|traced nanoseconds-per-call", "ours nanoseconds": medians of
 *                             rounds taken in turn. Exit status 77 where namespaces or ptrace are
 *                             refused.
 *   bench_live_calls act      is the program; prints its own nanoseconds per call. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_util.h"
#include "linux/net.h"
#include "linux/tracer.h"

enum { EXCHANGES = 2000, CALLS = 2 * EXCHANGES, ROUNDS_MAX = 1024, SKIPPED = 77 };

/* ---- The program ---- */

static int act(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int near = socket(AF_INET, SOCK_STREAM, 0);
    bench_must(bind(listener, (struct sockaddr *)&name, size) == 0 && listen(listener, 1) == 0 &&
                   getsockname(listener, (struct sockaddr *)&name, &size) == 0 &&
                   connect(near, (struct sockaddr *)&name, size) == 0,
               "connect on loopback");
    int far = accept(listener, NULL, NULL);
    double before = bench_cpu_ns();
    for (int i = 0; i < EXCHANGES; i++) {
        char byte = 'x';
        bench_must(send(near, &byte, 1, 0) == 1 && recv(far, &byte, 1, 0) == 1, "loopback");
    }
    printf("%.1f\n", (bench_cpu_ns() - before) / CALLS);
    return 0;
}

/* ---- The measurement ---- */

static double read_ns(int fd)
{
    char text[64] = "";
    bench_must(read(fd, text, sizeof text - 1) > 0, "the program tells its time");
    return strtod(text, NULL);
}

static double plain_ns(const char *self)
{
    int channel[2];
    bench_must(pipe2(channel, O_CLOEXEC) == 0, "a pipe");
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(channel[1], STDOUT_FILENO);
        (void)execl(self, self, "act", (char *)NULL);
        _exit(1);
    }
    (void)close(channel[1]);
    double ns = read_ns(channel[0]);
    (void)close(channel[0]);
    (void)waitpid(pid, NULL, 0);
    return ns;
}

static void look_at_the_wire(void *context, enum scenario_call family, uint32_t conn)
{
    (void)family;
    (void)conn;
    (void)linux_net_collect(context);
}

static double traced_ns(struct linux_tracer *tracer, const struct linux_net *net,
                        struct trace *trace, const char *self)
{
    int channel[2];
    struct status_detail detail = {""};
    char *argv[] = {(char *)(uintptr_t)self, (char *)(uintptr_t) "act", NULL};
    bench_must(pipe2(channel, O_CLOEXEC) == 0, "a pipe");
    struct linux_tracer_start start = {.argv = argv,
                                       .namespace_fd = linux_net_namespace(net, TRACE_HOST_TARGET),
                                       .input = -1,
                                       .output = channel[1],
                                       .stop_signal = SIGTERM};
    trace_clear(trace);
    bench_must(linux_tracer_start(tracer, &start, trace, &detail) == STATUS_OK, detail.text);
    double before = bench_cpu_ns();
    for (enum linux_turn turn; (turn = linux_tracer_turn(tracer)) != LINUX_TURN_ENDED;) {
        if (turn == LINUX_TURN_NOTHING) {
            struct pollfd stop = {.fd = linux_tracer_descriptor(tracer), .events = POLLIN};
            (void)poll(&stop, 1, -1);
        }
    }
    double ours = (bench_cpu_ns() - before) / CALLS;
    linux_tracer_end(tracer, TRACE_EXIT_JUMPED);
    (void)close(channel[1]);
    double ns = read_ns(channel[0]) + ours;
    (void)close(channel[0]);
    return ns;
}

int main(int argc, char **argv)
{
    static double plain[ROUNDS_MAX];
    static double traced[ROUNDS_MAX];
    struct status_detail detail = {""};
    struct trace trace;
    struct linux_net *net = NULL;
    struct linux_tracer *tracer = NULL;
    const char *reason = "";
    if (argc > 1 && strcmp(argv[1], "act") == 0) {
        return act();
    }
    linux_tracer_share_processor(); /* as the live world does */
    int rounds = argc > 1 ? atoi(argv[1]) : 1;
    bench_must(rounds >= 1 && rounds <= ROUNDS_MAX, "between 1 and 1024 rounds");
    bench_must(trace_init(&trace, TRACE_EVENTS_MAX) == STATUS_OK, "a trace");
    if (linux_net_new(false, &net, &detail) != STATUS_OK) {
        (void)fprintf(stderr, "bench_live_calls: %s\n", detail.text);
        return SKIPPED;
    }
    linux_net_reset(net, &trace);
    struct linux_tracer_hooks hooks = {.context = net, .before_events = look_at_the_wire};
    bench_must(linux_tracer_new(&hooks, &tracer, &detail) == STATUS_OK, detail.text);
    if ((linux_tracer_observers(tracer, &reason) & TRACE_SEES_CALLS) == 0) {
        (void)fprintf(stderr, "bench_live_calls: %s\n", reason);
        return SKIPPED;
    }
    for (int i = 0; i < rounds; i++) {
        plain[i] = plain_ns(argv[0]);
        traced[i] = traced_ns(tracer, net, &trace, argv[0]);
    }
    double plain_one = bench_median(plain, (unsigned)rounds);
    double traced_one = bench_median(traced, (unsigned)rounds);
    printf("plain %.1f\ntraced %.1f\nours %.1f\n", plain_one, traced_one, traced_one - plain_one);
    linux_tracer_free(tracer);
    linux_net_free(net);
    trace_done(&trace);
    return 0;
}
