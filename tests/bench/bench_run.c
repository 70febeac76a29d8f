/* One linked target in a model, played over a corpus again and again: how long its runs take, part
 * by part, and where the processor is meanwhile. Helper of sockspec-bench.
 *
 * bench_run list FOLDER: a line per input: steps with an effect, events, file.
 * bench_run time FOLDER MS: nanoseconds per run of decode, engine (with decode), all (with
 * judging). bench_run sample FOLDER MS OUT: OUT has an address in this executable for each sample
 * of the processor. bench_run play FOLDER N: N runs inside bench_play_all, for a tool that counts
 * instructions. bench_run digest FOLDER N: a hash of the trace and the verdicts of each of N
 * mutated inputs, to show that a change changed nothing. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

#include "bench_subject.h"
#include "bench_util.h"
#include "fuzz/fuzz.h"
#include "fuzz/stats.h"
#include "scenario/code.h"

enum { INPUT_MAX = 1 << 16, SAMPLES_MAX = 1 << 18, SAMPLE_NS = 200000 };

struct input {
    const char *name;
    uint8_t *data;
    size_t size;
};

struct corpus {
    struct input *inputs;
    unsigned count;
};

enum part { PART_DECODE, PART_ENGINE, PART_ALL, PART_COUNT };
static const char *const part_names[PART_COUNT] = {"decode", "engine", "all"};

static struct bench_subject subject;
static struct scenario scenario;
static struct engine_result result;

static void load(struct input *input, const char *path)
{
    static uint8_t buffer[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    bench_must(file != NULL, path);
    input->size = fread(buffer, 1, sizeof buffer, file);
    (void)fclose(file);
    input->data = malloc(input->size + 1);
    bench_must(input->data != NULL, "memory");
    memcpy(input->data, buffer, input->size);
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static struct corpus load_folder(const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_input, alphasort);
    bench_must(count > 0, "an empty corpus");
    struct corpus corpus = {.inputs = calloc((size_t)count, sizeof *corpus.inputs),
                            .count = (unsigned)count};
    bench_must(corpus.inputs != NULL, "memory");
    for (unsigned i = 0; i < corpus.count; i++) {
        char path[PATH_MAX];
        (void)snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        corpus.inputs[i].name = entries[i]->d_name;
        load(&corpus.inputs[i], path);
    }
    return corpus;
}

static void play(const struct input *input, enum part part)
{
    scenario_decode(input->data, input->size, &scenario);
    if (part >= PART_ENGINE) {
        bench_play(&subject, &scenario, &result);
    }
    if (part >= PART_ALL) {
        bench_judge(&subject);
    }
}

static void list(const struct corpus *corpus)
{
    for (unsigned i = 0; i < corpus->count; i++) {
        play(&corpus->inputs[i], PART_ALL);
        (void)printf("%u %u %s\n", result.steps_effective, subject.trace.count,
                     corpus->inputs[i].name);
    }
}

/* Whole passes over the corpus, so that every measurement is of the same runs. */
static double time_pass(const struct corpus *corpus, enum part part)
{
    double start = bench_cpu_ns();
    for (unsigned i = 0; i < corpus->count; i++) {
        play(&corpus->inputs[i], part);
    }
    return (bench_cpu_ns() - start) / corpus->count;
}

/* The parts in turn, pass by pass, and the median of each: whatever else the machine does falls on
 * all of them. */
static void time_parts(const struct corpus *corpus, double ms)
{
    enum { PASSES_MAX = 4096 };
    static double times[PART_COUNT][PASSES_MAX];
    unsigned passes = 0;
    double end = bench_now_ns() + ms * 1e6;
    while (passes < 3 || (bench_now_ns() < end && passes < PASSES_MAX)) {
        for (unsigned part = 0; part < PART_COUNT; part++) {
            times[part][passes] = time_pass(corpus, (enum part)part);
        }
        passes++;
    }
    for (unsigned part = 0; part < PART_COUNT; part++) {
        (void)printf("%s %.0f\n", part_names[part], bench_median(times[part], passes));
    }
}

static uintptr_t samples[SAMPLES_MAX];
static volatile unsigned sample_count;
extern char __executable_start;
extern char etext;

static int is_ours(uintptr_t address)
{
    return address >= (uintptr_t)&__executable_start && address < (uintptr_t)&etext;
}

/* A leaf of the C library (memmove, memcmp) counts for whoever called it: its return address is on
 * top. */
static void on_sample(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    const ucontext_t *at = context;
    uintptr_t address = (uintptr_t)at->uc_mcontext.gregs[REG_RIP];
    if (!is_ours(address)) {
        memcpy(&address, (const void *)at->uc_mcontext.gregs[REG_RSP], sizeof address);
    }
    if (sample_count < SAMPLES_MAX) {
        samples[sample_count++] = is_ours(address) ? address - (uintptr_t)&__executable_start : 0;
    }
}

static void sample(const struct corpus *corpus, double ms, const char *path)
{
    struct sigaction action = {.sa_sigaction = on_sample, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGPROF};
    struct itimerspec every = {{0, SAMPLE_NS}, {0, SAMPLE_NS}};
    timer_t timer;
    bench_must(sigaction(SIGPROF, &action, NULL) == 0 &&
                   timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 &&
                   timer_settime(timer, 0, &every, NULL) == 0,
               "the sampling timer");
    for (double end = bench_now_ns() + ms * 1e6; bench_now_ns() < end;) {
        (void)time_pass(corpus, PART_ALL);
    }
    (void)timer_delete(timer);
    FILE *file = fopen(path, "w");
    bench_must(file != NULL, path);
    for (unsigned i = 0; i < sample_count; i++) {
        (void)fprintf(file, "0x%lx\n", (unsigned long)samples[i]);
    }
    bench_must(fclose(file) == 0, path);
}

void bench_play_all(const struct corpus *corpus, unsigned long runs);
__attribute__((noinline)) void bench_play_all(const struct corpus *corpus, unsigned long runs)
{
    for (unsigned long i = 0; i < runs; i++) {
        play(&corpus->inputs[i % corpus->count], PART_ALL);
    }
}

/* FNV-1a. */
static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* Of the last run. Verdicts without their padding and the address of the note. */
static uint64_t hash_run(const struct oracle_judgement *judgement)
{
    const struct trace *trace = &subject.trace;
    uint64_t hash = hash_bytes(UINT64_C(0xcbf29ce484222325), &result, sizeof result);
    hash = hash_bytes(hash, trace->events, trace->count * sizeof trace->events[0]);
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        const struct oracle_verdict *verdict = &judgement->verdicts[rule];
        hash = hash_bytes(hash, verdict, offsetof(struct oracle_verdict, conn));
        hash = hash_bytes(hash, &verdict->conn, sizeof verdict->conn);
        hash = hash_bytes(hash, verdict->events, verdict->count * sizeof verdict->events[0]);
        hash = hash_bytes(hash, verdict->note, verdict->note != NULL ? strlen(verdict->note) : 0);
    }
    return hash;
}

/* Inputs as the fuzzer would make them, each from one of the corpus by a few mutations. */
static void digest(const struct corpus *corpus, unsigned long runs)
{
    enum { MUTATIONS_MAX = 4 };
    static uint8_t data[INPUT_MAX];
    for (unsigned long i = 0; i < runs; i++) {
        const struct input *from = &corpus->inputs[i % corpus->count];
        struct input input = {.data = data, .size = from->size};
        memcpy(data, from->data, from->size);
        for (unsigned k = 0; k < i % MUTATIONS_MAX; k++) {
            input.size = fuzz_mutate(data, input.size, sizeof data, i * MUTATIONS_MAX + k,
                                     fuzz_role(subject.subject.manifest.role));
        }
        play(&input, PART_ENGINE);
        (void)printf("%lu %016llx\n", i, (unsigned long long)hash_run(bench_judge(&subject)));
    }
}

int main(int argc, char **argv)
{
    static uint8_t counters[FUZZ_COUNTERS];
    bench_must(argc >= 3, "usage: bench_run list|time|sample|play|digest FOLDER …");
    const char *what = argv[1];
    struct corpus corpus = load_folder(argv[2]);
    bench_open(&subject, counters);
    if (strcmp(what, "list") == 0) {
        list(&corpus);
    } else if (strcmp(what, "time") == 0 && argc > 3) {
        time_parts(&corpus, strtod(argv[3], NULL));
    } else if (strcmp(what, "sample") == 0 && argc > 4) {
        sample(&corpus, strtod(argv[3], NULL), argv[4]);
    } else if (strcmp(what, "play") == 0 && argc > 3) {
        bench_play_all(&corpus, strtoul(argv[3], NULL, 10));
    } else if (strcmp(what, "digest") == 0 && argc > 3) {
        digest(&corpus, strtoul(argv[3], NULL, 10));
    }
    return 0;
}
