/* Scenario after scenario on both worlds, in as many processes as asked for; what differs is made
 * small and shown. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diff.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/stack.h"
#include "cli/stacks.h"
#include "diff/cover.h"
#include "diff/diff.h"
#include "diff/generate.h"
#include "diff/slow.h"
#include "scenario/text.h"
#include "sockspec/sockspec.h"
#include "stack/stack.h"
#include "suite/cases.h"
#include "suite/stack_case.h"
#include "trace/describe.h"
#include "trace/ladder.h"
#include "trace/output.h"

enum {
    STEPS_MIN = 25, /* of a scenario, so that 20 have an effect on average */
    STEPS_MAX = 45,
    AGAIN = 2,       /* plays in which a difference must come again to be made small */
    SHOWN_MAX = 100, /* differences that are kept where --out asks for them */
    COLUMN = 100,    /* of a ladder */
    PATH = 4096
};

/* What all processes count together. */
struct counts {
    atomic_ullong scenarios;
    atomic_ullong steps; /* with an effect, on the world that chooses */
    atomic_ullong differences;
    atomic_ullong passing; /* that did not come again */
    atomic_ullong cpu_ns[DIFF_WORLDS];
    atomic_ullong uses[DIFF_CHOICE_COUNT];
    struct diff_cover cover[DIFF_WORLDS];
    atomic_bool stop;
    atomic_bool interrupted;
    atomic_flag failed; /* a process has said why it could not go on */
};

struct job {
    const struct cli_options *options;
    struct counts *counts;
    char names[2][16]; /* of the worlds */
    unsigned index;
    int64_t until_ms; /* 0: no limit */
    bool progress;    /* a line of the terminal says how far it is */
    struct world *worlds[DIFF_WORLDS];
    struct diff *diff;
};

static struct counts *interrupted; /* for the handler */

static void on_interrupt(int number)
{
    (void)number;
    atomic_store(&interrupted->interrupted, true);
    atomic_store(&interrupted->stop, true);
}

/* It wakes who waits for the processes. */
static void on_tick(int number)
{
    (void)number;
}

static int64_t now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- How far it is ---- */

enum { TICK_S = 1 };

static void progress_clear(const struct job *job)
{
    if (job->progress) {
        (void)fputs("\r\033[K", stderr);
    }
}

static void progress_draw(const struct job *job)
{
    if (job->progress) {
        (void)fprintf(stderr, "\r\033[K%llu of %llu scenarios, %llu differences",
                      atomic_load(&job->counts->scenarios),
                      (unsigned long long)job->options->count_number,
                      atomic_load(&job->counts->differences));
    }
}

static void progress_begin(struct job *job)
{
    const struct itimerval each = {.it_interval.tv_sec = TICK_S, .it_value.tv_sec = TICK_S};
    struct sigaction action = {.sa_handler = on_tick};
    job->progress = isatty(STDERR_FILENO) != 0;
    if (job->progress) {
        (void)sigaction(SIGALRM, &action, NULL);
        (void)setitimer(ITIMER_REAL, &each, NULL); /* which no child inherits */
    }
}

static void progress_end(struct job *job)
{
    const struct itimerval never = {{0}, {0}};
    if (job->progress) {
        (void)setitimer(ITIMER_REAL, &never, NULL);
        progress_clear(job);
        job->progress = false;
    }
}

/* ---- Telling a difference ---- */

static void tell_event(FILE *out, const char *who, const struct diff_form *form, uint32_t at)
{
    char text[2 * TRACE_DESCRIBE_MAX];
    (void)fprintf(out, "  %-6s %s\n", who, diff_form_describe(form, at, text, sizeof text));
}

static char *ladder_text(const struct trace *trace, const struct scenario *scenario)
{
    struct status_detail detail;
    struct ladder_options options = {.rows_max = LADDER_SCAN_MAX, .scenario = scenario};
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (stream != NULL) {
        struct trace_output output = trace_output_stream(stream);
        enum status status = ladder_print(trace, &options, &output, &detail);
        (void)status; /* a picture that cannot be drawn is left empty */
        (void)fclose(stream);
    }
    return text;
}

/* Both pictures beside one another; what differs is marked. */
static void tell_side_by_side(FILE *out, const char *left, const char *right)
{
    while (*left != '\0' || *right != '\0') {
        int left_size = (int)strcspn(left, "\n");
        int right_size = (int)strcspn(right, "\n");
        bool same = left_size == right_size && memcmp(left, right, (size_t)left_size) == 0;
        (void)fprintf(out, "%-*.*s %c %.*s\n", COLUMN, left_size, left, same ? '|' : '#',
                      right_size, right);
        left += left_size + (left[left_size] == '\n');
        right += right_size + (right[right_size] == '\n');
    }
}

/* The command that plays it again, as it was made up. */
static void tell_again(FILE *out, const struct job *job, uint64_t number)
{
    (void)fprintf(out, "replay: sockspec diff --worlds %s,%s%s --seed %llu --from %llu --count 1\n",
                  job->names[0], job->names[1], job->options->slow ? " --slow" : "",
                  (unsigned long long)job->options->seed_number, (unsigned long long)number);
}

static void save_scenario(const struct job *job, FILE *out, const char *text, uint64_t number,
                          const char *suffix)
{
    char path[PATH];
    (void)snprintf(path, sizeof path, "%s/%llu%s.scenario", job->options->out,
                   (unsigned long long)number, suffix);
    FILE *file = fopen(path, "we");
    if (file != NULL) {
        (void)fprintf(file, "title \"the worlds differ\"\nrole stack\n\n%s", text);
        (void)fclose(file);
        (void)fprintf(out, "written: %s\n", path);
    } else {
        (void)cli_error(job->options, "%s: cannot be written: %s", path, strerror(errno));
    }
}

/* What is being told, as text, and the scenario's steps. */
struct telling {
    FILE *out;
    char *text;
    size_t size;
    char *steps;
};

static void telling_begin(const struct job *job, const struct scenario *scenario,
                          struct telling *ret_telling)
{
    struct telling *telling = ret_telling;
    size_t length = 0;
    *telling = (struct telling){.steps = malloc(SCENARIO_PRINT_MAX)};
    telling->out = open_memstream(&telling->text, &telling->size);
    if (telling->out == NULL || telling->steps == NULL ||
        scenario_print(scenario, telling->steps, SCENARIO_PRINT_MAX, &length) != STATUS_OK) {
        (void)fprintf(stderr, "%s: out of memory\n", job->options->program);
        _exit(SOCKSPEC_EXIT_ERROR);
    }
}

/* All at once: other processes tell as well. */
static void telling_end(const struct job *job, struct telling *telling)
{
    (void)fclose(telling->out);
    progress_clear(job);
    (void)fwrite(telling->text, 1, strlen(telling->text), stdout);
    (void)fflush(stdout);
    free(telling->text);
    free(telling->steps);
}

static void tell_events(FILE *out, const struct job *job, uint32_t at)
{
    tell_event(out, job->names[0], diff_form(job->diff, DIFF_TOLD), at);
    tell_event(out, job->names[1], diff_form(job->diff, DIFF_CHOOSES), at);
}

/* The last play of `job->diff` is that of the small scenario. */
static void tell(const struct job *job, const struct scenario *scenario, uint64_t number,
                 uint32_t at)
{
    struct telling telling;
    telling_begin(job, scenario, &telling);
    (void)fprintf(telling.out, "\nscenario %llu: the worlds differ\n\n",
                  (unsigned long long)number);
    tell_events(telling.out, job, at);
    (void)fprintf(telling.out, "\nrole stack\n\n%s\n", telling.steps);
    tell_again(telling.out, job, number);
    if (job->options->out != NULL) {
        save_scenario(job, telling.out, telling.steps, number, "");
    } else {
        (void)fputc('\n', telling.out);
        char *left = ladder_text(diff_trace(job->diff, DIFF_TOLD), scenario);
        char *right = ladder_text(diff_trace(job->diff, DIFF_CHOOSES), scenario);
        (void)fprintf(telling.out, "%-*s   %s\n", COLUMN, job->names[0], job->names[1]);
        tell_side_by_side(telling.out, left, right);
        free(left);
        free(right);
    }
    telling_end(job, &telling);
}

/* The last play of `job->diff` showed a difference that may not come again. */
static struct telling tell_passing(const struct job *job, const struct scenario *scenario,
                                   uint64_t number, uint32_t at)
{
    struct telling telling;
    telling_begin(job, scenario, &telling);
    (void)fprintf(telling.out, "\nscenario %llu: the worlds differed once, and then no more\n\n",
                  (unsigned long long)number);
    tell_events(telling.out, job, at);
    tell_again(telling.out, job, number);
    return telling;
}

static void telling_drop(struct telling *telling)
{
    (void)fclose(telling->out);
    free(telling->text);
    free(telling->steps);
}

/* ---- One process ---- */

static void count_difference(const struct job *job)
{
    unsigned long long before = atomic_fetch_add(&job->counts->differences, 1);
    if (job->options->out == NULL || before + 1 >= SHOWN_MAX) {
        atomic_store(&job->counts->stop, true);
    }
}

/* Whether the difference that the last play showed at event `at` comes again; told where not. */
static enum status come_again(struct job *job, const struct scenario *scenario, uint64_t number,
                              uint32_t at, bool *ret_again, struct status_detail *detail)
{
    struct telling telling = tell_passing(job, scenario, number, at);
    struct diff_result result = {0};
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < AGAIN && status == STATUS_OK && !result.same; i++) {
        status = diff_play(job->diff, scenario, job->options->seed_number, &result, detail);
    }
    *ret_again = !result.same;
    if (status != STATUS_OK || !result.same) {
        telling_drop(&telling);
        return status;
    }
    if (job->options->out != NULL) {
        save_scenario(job, telling.out, telling.steps, number, ".once");
    }
    telling_end(job, &telling);
    atomic_fetch_add(&job->counts->passing, 1);
    if (!job->options->slow) { /* where time passes, Linux measures it itself */
        count_difference(job);
    }
    return status;
}

static enum status differ(struct job *job, struct scenario *scenario, uint64_t number, uint32_t at,
                          struct status_detail *detail)
{
    uint64_t seed = job->options->seed_number;
    struct diff_result result = {.at = at};
    bool again = false;
    enum status status = come_again(job, scenario, number, at, &again, detail);
    if (status != STATUS_OK || !again) {
        return status;
    }
    if (!job->options->slow) { /* or it would take hours of real time */
        status = diff_shrink(job->diff, scenario, seed, detail);
        status =
            status == STATUS_OK ? diff_play(job->diff, scenario, seed, &result, detail) : status;
    }
    if (status == STATUS_OK) {
        tell(job, scenario, number, result.at);
        count_difference(job);
    }
    return status;
}

/* The generator of scenario `number` of this seed. */
static struct random random_of(uint64_t seed, uint64_t number)
{
    struct random random = {.state = seed + number * 0xD1342543DE82EF95U};
    random.state = random_next(&random);
    return random;
}

/* Scenario `number`. One that takes real time is made up until it does not depend on a few
 * milliseconds of it. */
static enum status make_up(struct job *job, uint64_t number, struct scenario *ret_scenario,
                           struct status_detail *detail)
{
    const struct diff_shape shape = {.steps_min = STEPS_MIN, .steps_max = STEPS_MAX};
    uint64_t seed = job->options->seed_number;
    struct random random = random_of(seed, number);
    enum status status = STATUS_OK;
    bool steady = !job->options->slow;
    if (steady) {
        diff_generate(ret_scenario, &random, &shape);
    }
    while (!steady && status == STATUS_OK) {
        diff_generate_slow(ret_scenario, &random);
        status = diff_is_steady(job->diff, ret_scenario, seed, &steady, detail);
    }
    return status;
}

static enum status play_number(struct job *job, uint64_t number, struct status_detail *detail)
{
    struct scenario scenario;
    struct diff_result result = {0};
    enum status status = make_up(job, number, &scenario, detail);
    status = status == STATUS_OK
                 ? diff_play(job->diff, &scenario, job->options->seed_number, &result, detail)
                 : status;
    if (status != STATUS_OK) {
        return status;
    }
    atomic_fetch_add(&job->counts->scenarios, 1);
    if (job->options->states != NULL) {
        for (unsigned i = 0; i < DIFF_WORLDS; i++) {
            diff_cover_add(&job->counts->cover[i], diff_trace(job->diff, i));
        }
    }
    atomic_fetch_add(&job->counts->steps, result.steps_effective);
    for (unsigned i = 0; i < DIFF_WORLDS; i++) {
        atomic_fetch_add(&job->counts->cpu_ns[i], (unsigned long long)result.cpu_ns[i]);
    }
    return result.same ? STATUS_OK : differ(job, &scenario, number, result.at, detail);
}

static enum status open_job(struct job *job, struct status_detail *detail)
{
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < DIFF_WORLDS && status == STATUS_OK; i++) {
        status = cli_stack_open(job->names[i], job->options->slow, &job->worlds[i], detail);
    }
    status = status == STATUS_OK
                 ? diff_new(job->worlds[DIFF_TOLD], job->worlds[DIFF_CHOOSES], &job->diff, detail)
                 : status;
    if (status == STATUS_OK && job->options->slow) {
        diff_with_time(job->diff);
    }
    return status;
}

static int run_job(struct job *job)
{
    struct status_detail detail = {""};
    enum status status = open_job(job, &detail);
    uint64_t number = job->options->from_number + job->index;
    uint64_t end = job->options->from_number + job->options->count_number;
    while (status == STATUS_OK && number < end && !atomic_load(&job->counts->stop) &&
           (job->until_ms == 0 || now_ms() < job->until_ms)) {
        status = play_number(job, number, &detail);
        number += job->options->jobs_number;
    }
    for (unsigned i = 0; job->diff != NULL && i < DIFF_CHOICE_COUNT; i++) {
        atomic_fetch_add(&job->counts->uses[i], diff_uses(job->diff)[i]);
    }
    diff_free(job->diff);
    for (unsigned i = 0; i < DIFF_WORLDS; i++) {
        if (job->worlds[i] != NULL) {
            job->worlds[i]->ops->free(job->worlds[i]);
        }
    }
    if (status == STATUS_OK) {
        return 0;
    }
    /* What keeps one process from playing keeps them all: it is said once. */
    return atomic_flag_test_and_set(&job->counts->failed)
               ? SOCKSPEC_EXIT_ERROR
               : cli_status(job->options, status, &detail);
}

/* ---- All of them ---- */

static void tell_counts(const struct cli_options *options, struct counts *counts,
                        const struct job *job, int64_t ms)
{
    unsigned long long scenarios = atomic_load(&counts->scenarios);
    unsigned long long steps = atomic_load(&counts->steps);
    double each = scenarios > 0 ? (double)scenarios : 1;
    unsigned long long differences = atomic_load(&counts->differences);
    (void)printf("\n%llu scenario%s from seed %llu, %.1f steps with effect on average, %llu "
                 "difference%s (%llu did not come again), in %.1f s\n",
                 scenarios, scenarios == 1 ? "" : "s", (unsigned long long)options->seed_number,
                 (double)steps / each, differences, differences == 1 ? "" : "s",
                 (unsigned long long)atomic_load(&counts->passing), (double)ms / 1000);
    for (unsigned i = 0; i < DIFF_WORLDS; i++) {
        double seconds = (double)atomic_load(&counts->cpu_ns[i]) / 1e9;
        (void)printf("%-6s %.0f scenarios in a second of CPU time\n", job->names[i],
                     seconds > 0 ? (double)scenarios / seconds : 0);
    }
    (void)printf("choices of %s:\n", job->names[DIFF_CHOOSES]);
    for (unsigned i = 0; i < DIFF_CHOICE_COUNT; i++) {
        (void)printf("%12llu  %s\n", (unsigned long long)atomic_load(&counts->uses[i]),
                     diff_choice_text((enum diff_choice)i));
    }
}

static int run_jobs(const struct cli_options *options, struct job *job)
{
    int code = 0;
    for (unsigned i = 0; i < options->jobs_number; i++) {
        job->index = i;
        (void)fflush(stdout);
        pid_t child = fork();
        if (child < 0) {
            code = cli_error(options, "fork: %s", strerror(errno));
            atomic_store(&job->counts->stop, true);
            break;
        }
        if (child == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            int failed = run_job(job);
            (void)fflush(stdout);
            _exit(failed);
        }
    }
    int how = 0;
    progress_begin(job);
    for (pid_t child; (child = wait(&how)) > 0 || errno == EINTR;) {
        progress_draw(job);
        if (child > 0 && (!WIFEXITED(how) || WEXITSTATUS(how) != 0)) {
            code = WIFEXITED(how) ? WEXITSTATUS(how) : SOCKSPEC_EXIT_ERROR;
            atomic_store(&job->counts->stop, true);
            if (!WIFEXITED(how)) {
                (void)cli_error(options, "a process ended by signal %d", WTERMSIG(how));
            }
        }
    }
    progress_end(job);
    return code;
}

/* ---- The state space ---- */

static bool can_play(const struct scenario *scenario, const struct cli_stack *stack)
{
    for (uint16_t i = 0; i < scenario->count; i++) {
        if ((stack_case_step_needs(&scenario->steps[i]) & stack->about.absent) != 0) {
            return false;
        }
    }
    return true;
}

/* What the cases of the stack suite exercise on a stack. */
static enum status cover_suite(const struct cli_options *options, const struct cli_stack *stack,
                               struct diff_cover *cover, struct status_detail *detail)
{
    struct cases cases = {0};
    struct world *world = NULL;
    struct diff *diff = NULL;
    enum status status = cases_load(NULL, &cases, detail);
    if (status == STATUS_OK) {
        status = stack->path[0] != '\0'
                     ? stack_world_new(stack->path, &world, detail)
                     : cli_stack_open(stack->name, options->slow, &world, detail);
    }
    status = status == STATUS_OK ? diff_new(world, world, &diff, detail) : status;
    for (uint32_t i = 0; status == STATUS_OK && i < cases.count; i++) {
        const struct suite_case *the_case = &cases.cases[i];
        if (the_case->roles == 1U << TRACE_ROLE_STACK && can_play(&the_case->scenario, stack)) {
            status = diff_play_told(diff, &the_case->scenario, 1, detail);
            diff_cover_add(cover, diff_trace(diff, DIFF_TOLD));
        }
    }
    diff_free(diff);
    if (world != NULL) {
        world->ops->free(world);
    }
    cases_done(&cases);
    return status;
}

static enum status save_states(const struct cli_options *options, const struct job *job,
                               const struct diff_cover_column *columns, unsigned count,
                               struct status_detail *detail)
{
    struct trace_save file = {0};
    char how[256];
    char from[32] = "";
    if (options->from_number > 0) {
        (void)snprintf(from, sizeof from, " --from %llu", (unsigned long long)options->from_number);
    }
    (void)snprintf(
        how, sizeof how,
        "Written by `sockspec diff --worlds %s,%s --seed %llu%s%s --count %llu --states FILE`; "
        "what is made up is that many scenarios.\n",
        job->names[DIFF_TOLD], job->names[DIFF_CHOOSES], (unsigned long long)options->seed_number,
        from, options->slow ? " --slow" : "",
        (unsigned long long)atomic_load(&job->counts->scenarios));
    enum status status = trace_save_open(&file, options->states, detail);
    if (status == STATUS_OK) {
        struct trace_output output = trace_output_stream(file.stream);
        status = diff_cover_write(columns, count, how, &output, detail);
        status = status == STATUS_OK ? trace_save_commit(&file, detail) : status;
    }
    trace_save_abandon(&file);
    return status;
}

/* A column of each stack's suite, then of each world's made-up scenarios. */
static int write_states(const struct cli_options *options, const struct job *job)
{
    struct status_detail detail = {""};
    struct diff_cover_column columns[DIFF_COVER_COLUMNS_MAX];
    char titles[DIFF_COVER_COLUMNS_MAX][STACK_NAME_MAX + 16];
    struct cli_stack *stacks = calloc(CLI_STACKS_MAX, sizeof *stacks);
    struct diff_cover *suites = calloc(DIFF_COVER_COLUMNS_MAX, sizeof *suites);
    unsigned count = 0;
    enum status status = stacks != NULL && suites != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    int found = status == STATUS_OK ? cli_stacks_all(options, stacks) : 0;
    for (int i = 0;
         i < found && status == STATUS_OK && count < DIFF_COVER_COLUMNS_MAX - (unsigned)DIFF_WORLDS;
         i++) {
        if (stacks[i].problem[0] == '\0') {
            status = cover_suite(options, &stacks[i], &suites[count], &detail);
            (void)snprintf(titles[count], sizeof titles[count], "suite, %s", stacks[i].name);
            columns[count] = (struct diff_cover_column){titles[count], &suites[count]};
            count++;
        }
    }
    for (unsigned i = 0; i < DIFF_WORLDS; i++, count++) {
        (void)snprintf(titles[count], sizeof titles[count], "made up, %s", job->names[i]);
        columns[count] = (struct diff_cover_column){titles[count], &job->counts->cover[i]};
    }
    status = status == STATUS_OK ? save_states(options, job, columns, count, &detail) : status;
    free(suites);
    free(stacks);
    return status == STATUS_OK ? 0 : cli_status(options, status, &detail);
}

static int take_worlds(const struct cli_options *options, struct job *job)
{
    const char *worlds = options->worlds != NULL ? options->worlds : "model,linux";
    const char *comma = strchr(worlds, ',');
    if (comma == NULL || (size_t)(comma - worlds) >= sizeof job->names[0] ||
        strlen(comma + 1) >= sizeof job->names[1]) {
        return cli_usage(options, "--worlds: found '%s', expected two of them, as in model,linux",
                         worlds);
    }
    (void)snprintf(job->names[0], sizeof job->names[0], "%.*s", (int)(comma - worlds), worlds);
    (void)snprintf(job->names[1], sizeof job->names[1], "%s", comma + 1);
    for (unsigned i = 0; i < DIFF_WORLDS; i++) {
        if (!cli_stack_is_built_in(job->names[i])) {
            return cli_usage(options, "--worlds: there is no world '%s'; expected model or linux",
                             job->names[i]);
        }
    }
    return 0;
}

int cli_diff(const struct cli_options *options)
{
    struct job job = {.options = options};
    int code = take_worlds(options, &job);
    if (code != 0) {
        return code;
    }
    int64_t time_ms = 0;
    if (options->time != NULL && !cli_read_time(options->time, &time_ms)) {
        return cli_usage(options, "--time: found '%s', expected 500ms, 90s, 10m or 8h",
                         options->time);
    }
    if (options->operand_count > 0) {
        return cli_usage(options, "diff takes no operand ('%s')", options->operands[0]);
    }
    if (options->out != NULL && mkdir(options->out, 0777) < 0 && errno != EEXIST) {
        return cli_usage(options, "--out: %s: %s", options->out, strerror(errno));
    }
    job.counts =
        mmap(NULL, sizeof *job.counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (job.counts == MAP_FAILED) {
        return cli_error(options, "out of memory");
    }
    struct sigaction action = {.sa_handler = on_interrupt};
    interrupted = job.counts;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    int64_t start = now_ms();
    job.until_ms = time_ms > 0 ? start + time_ms : 0;
    code = run_jobs(options, &job);
    if (code == 0 || atomic_load(&job.counts->scenarios) > 0) {
        tell_counts(options, job.counts, &job, now_ms() - start);
    }
    if (code == 0 && options->states != NULL) {
        code = write_states(options, &job);
    }
    if (code == 0) {
        bool differ = atomic_load(&job.counts->differences) > 0;
        bool cut = atomic_load(&job.counts->interrupted);
        code = differ ? SOCKSPEC_EXIT_FAILED : cut ? SOCKSPEC_EXIT_ERROR : 0;
    }
    (void)munmap(job.counts, sizeof *job.counts);
    return code;
}
