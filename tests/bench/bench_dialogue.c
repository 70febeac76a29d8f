/* The same dialogue with the same server: once in the model, with its trace, judged and put back;
 * once over the real 127.0.0.1, where the server's main runs in a thread of this process and the
 * peer in another. Helper of sockspec-bench.
 *
 *   bench_dialogue SCENARIO ROUNDS   nanoseconds per dialogue, medians of rounds taken in
 * turn: "model", "loopback" (one server for all), "loopback-started" (a server for each) */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench_subject.h"
#include "bench_util.h"
#include "common/signals.h"
#include "fuzz/stats.h"
#include "scenario/text.h"

enum { MODEL_RUNS = 2000, LOOPBACK_RUNS = 200, ROUNDS_MAX = 1024, REQUEST = 32 };

enum side { SIDE_MODEL, SIDE_LOOPBACK, SIDE_STARTED, SIDE_COUNT };
static const char *const side_names[SIDE_COUNT] = {"model", "loopback", "loopback-started"};

/* The main of the same server, the very same object files, whose calls reach the real kernel. */
int bench_server_main(int argc, char **argv);

static struct bench_subject subject;
static struct scenario_text text;

/* ---- The real server ---- */

static char port_text[8];
static struct sockaddr_in address = {.sin_family = AF_INET};
static pthread_t server;

/* One that nobody listens on; it can be bound again at once. */
static void choose_port(void)
{
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bench_must(fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
                   getsockname(fd, (struct sockaddr *)&address, &length) == 0,
               "a free port");
    (void)close(fd);
    (void)snprintf(port_text, sizeof port_text, "%u", ntohs(address.sin_port));
}

static void *serve(void *unused)
{
    (void)unused;
    char *argv[] = {(char *)"server", (char *)"--host", (char *)"127.0.0.1",
                    (char *)"--port", port_text,        NULL};
    signals_stop = 0;
    optind = 0;
    bench_must(bench_server_main(5, argv) == 0, "the server");
    return NULL;
}

static void start(void)
{
    bench_must(pthread_create(&server, NULL, serve, NULL) == 0, "a thread");
}

static void stop(void)
{
    bench_must(pthread_kill(server, SIGTERM) == 0 && pthread_join(server, NULL) == 0, "stopping");
}

/* ---- The real peer ---- */

/* A server that was just started may not listen yet. */
static int connect_real(void)
{
    for (;;) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bench_must(fd >= 0, "socket");
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) {
            return fd;
        }
        bench_must(errno == ECONNREFUSED, "connect");
        (void)close(fd);
        (void)sched_yield();
    }
}

static void exchange(int fd)
{
    static const char request[REQUEST] = "R000-000000 0123456789abcdefghi\n";
    char answer[REQUEST];
    bench_must(send(fd, request, REQUEST, MSG_NOSIGNAL) == REQUEST, "send");
    for (ssize_t have = 0; have < REQUEST;) {
        ssize_t got = recv(fd, answer + have, (size_t)(REQUEST - have), 0);
        bench_must(got > 0, "recv");
        have += got;
    }
    bench_must(memcmp(request, answer, REQUEST) == 0, "the answer");
}

static void expect_end(int fd)
{
    char byte;
    bench_must(recv(fd, &byte, 1, 0) == 0, "the end of the stream");
}

/* What the scenario's peers do, step for step. */
static void talk(const struct scenario *scenario)
{
    int fds[SCENARIO_SOCKETS_MAX];
    for (unsigned i = 0; i < scenario->count; i++) {
        const struct scenario_step *step = &scenario->steps[i];
        switch (step->verb) {
        case SCENARIO_PEER_CONNECT:
            fds[step->id] = connect_real();
            break;
        case SCENARIO_PEER_SEND:
            exchange(fds[step->id]);
            break;
        case SCENARIO_PEER_SHUTDOWN:
            (void)shutdown(fds[step->id], SHUT_WR);
            expect_end(fds[step->id]);
            (void)close(fds[step->id]);
            break;
        case SCENARIO_PEER_CLOSE:
            (void)close(fds[step->id]);
            break;
        default:
            bench_must(false, "a step of the dialogue that a real peer does not do");
        }
    }
}

/* ---- Measuring ---- */

static double time_model(void)
{
    struct engine_result result;
    double begin = bench_now_ns();
    for (unsigned i = 0; i < MODEL_RUNS; i++) {
        bench_play(&subject, &text.scenario, &result);
        (void)bench_judge(&subject);
    }
    double each = (bench_now_ns() - begin) / MODEL_RUNS;
    bench_must(result.steps_noop == 0 && result.connections == 2, "the dialogue in the model");
    return each;
}

static double time_loopback(void)
{
    start();
    talk(&text.scenario);
    double begin = bench_now_ns();
    for (unsigned i = 0; i < LOOPBACK_RUNS; i++) {
        talk(&text.scenario);
    }
    double each = (bench_now_ns() - begin) / LOOPBACK_RUNS;
    stop();
    return each;
}

static double time_started(void)
{
    double begin = bench_now_ns();
    for (unsigned i = 0; i < LOOPBACK_RUNS; i++) {
        start();
        talk(&text.scenario);
        stop();
    }
    return (bench_now_ns() - begin) / LOOPBACK_RUNS;
}

static void read_scenario(const char *path)
{
    static char buffer[1 << 16];
    struct status_detail detail = {""};
    FILE *file = fopen(path, "r");
    bench_must(file != NULL, path);
    size_t size = fread(buffer, 1, sizeof buffer, file);
    (void)fclose(file);
    bench_must(scenario_parse(path, buffer, size, &text, &detail) == STATUS_OK, detail.text);
}

int main(int argc, char **argv)
{
    static double (*const measure[SIDE_COUNT])(void) = {time_model, time_loopback, time_started};
    static double times[SIDE_COUNT][ROUNDS_MAX];
    static uint8_t counters[FUZZ_COUNTERS];
    bench_must(argc == 3, "usage: bench_dialogue SCENARIO ROUNDS");
    unsigned rounds = (unsigned)strtoul(argv[2], NULL, 10);
    bench_must(rounds > 0 && rounds <= ROUNDS_MAX, "rounds");
    choose_port();
    read_scenario(argv[1]);
    bench_open(&subject, counters);
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned side = 0; side < SIDE_COUNT; side++) {
            times[side][round] = measure[side]();
        }
    }
    for (unsigned side = 0; side < SIDE_COUNT; side++) {
        (void)printf("%s %.0f\n", side_names[side], bench_median(times[side], rounds));
    }
    return 0;
}
