/* One linked target in a model, played over a corpus again and again: how long its runs take, part
 * by part, and where the processor is meanwhile. Helper of sockspec-bench.
 *
 *   bench_run list FILE…            a line per input: "effective events file"
 *   bench_run time MS FILE…         "part nanoseconds-per-run" for decode, engine (with decode),
 * all (with judging) bench_run sample MS OUT FILE…   one line per sample of the processor to OUT:
 * the address in this executable bench_run play N FILE…          N runs, for a tool that counts
 * instructions */
/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#include "bench_subject.h"
#include "bench_util.h"
#include "fuzz/stats.h"
#include "scenario/code.h"

enum { INPUT_MAX = 1 << 16, SAMPLES_MAX = 1 << 18, SAMPLE_US = 500 };

struct input {
    const char *path;
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

static void load(struct input *input)
{
    static uint8_t buffer[INPUT_MAX];
    FILE *file = fopen(input->path, "rb");
    bench_must(file != NULL, input->path);
    input->size = fread(buffer, 1, sizeof buffer, file);
    (void)fclose(file);
    input->data = malloc(input->size + 1);
    bench_must(input->data != NULL, "memory");
    memcpy(input->data, buffer, input->size);
}

static struct corpus load_all(char **paths, int count)
{
    bench_must(count > 0, "no inputs");
    struct corpus corpus = {.inputs = calloc((size_t)count, sizeof *corpus.inputs),
                            .count = (unsigned)count};
    bench_must(corpus.inputs != NULL, "memory");
    for (unsigned i = 0; i < corpus.count; i++) {
        corpus.inputs[i].path = paths[i];
        load(&corpus.inputs[i]);
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
                     corpus->inputs[i].path);
    }
}

/* Whole passes over the corpus, so that every measurement is of the same runs. */
static double time_pass(const struct corpus *corpus, enum part part)
{
    double start = bench_now_ns();
    for (unsigned i = 0; i < corpus->count; i++) {
        play(&corpus->inputs[i], part);
    }
    return (bench_now_ns() - start) / corpus->count;
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
    struct itimerval every = {{0, SAMPLE_US}, {0, SAMPLE_US}};
    bench_must(sigaction(SIGPROF, &action, NULL) == 0 && setitimer(ITIMER_PROF, &every, NULL) == 0,
               "the profiling timer");
    for (double end = bench_now_ns() + ms * 1e6; bench_now_ns() < end;) {
        (void)time_pass(corpus, PART_ALL);
    }
    every = (struct itimerval){{0, 0}, {0, 0}};
    (void)setitimer(ITIMER_PROF, &every, NULL);
    FILE *file = fopen(path, "w");
    bench_must(file != NULL, path);
    for (unsigned i = 0; i < sample_count; i++) {
        (void)fprintf(file, "0x%lx\n", (unsigned long)samples[i]);
    }
    bench_must(fclose(file) == 0, path);
}

int main(int argc, char **argv)
{
    static uint8_t counters[FUZZ_COUNTERS];
    bench_must(argc >= 3, "usage: bench_run list|time|sample|play …");
    const char *what = argv[1];
    int skip = strcmp(what, "list") == 0 ? 2 : strcmp(what, "sample") == 0 ? 4 : 3;
    bench_must(argc > skip, "no inputs");
    struct corpus corpus = load_all(argv + skip, argc - skip);
    bench_open(&subject, counters);
    if (skip == 2) {
        list(&corpus);
    } else if (skip == 4) {
        sample(&corpus, strtod(argv[2], NULL), argv[3]);
    } else if (strcmp(what, "time") == 0) {
        time_parts(&corpus, strtod(argv[2], NULL));
    } else {
        unsigned long runs = strtoul(argv[2], NULL, 10);
        for (unsigned long i = 0; i < runs; i++) {
            play(&corpus.inputs[i % corpus.count], PART_ALL);
        }
    }
    return 0;
}
