/* Running several checks and merging what they report. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/many.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/check.h"
#include "cli/interrupt.h"
#include "cli/matrix.h"
#include "cli/scratch.h"
#include "cli/targets.h"
#include "sockspec/sockspec.h"
#include "trace/output.h"

enum { MANY_ARGUMENTS_MAX = 64 };

static const char *const nothing_left_out[] = {"targets", "target", "jobs", NULL};
static const char *const merged_left_out[] = {"targets", "target", "jobs", "json",
                                              "junit",   "stack",  NULL};

/* What the check must say so that its replay commands find it. */
static void tell_replay_targets(const struct cli_options *options)
{
    (void)setenv(CLI_REPLAY_VARIABLE, options->targets != NULL ? options->targets : "", 1);
}

int cli_one(const struct cli_options *options, enum cli_command command, const char *path,
            const char *operand)
{
    const char *argv[MANY_ARGUMENTS_MAX] = {path, cli_command_word(command)};
    int argc =
        cli_options_forward(options, command, nothing_left_out, argv, 2, MANY_ARGUMENTS_MAX - 3);
    if (argc < 0) {
        return cli_usage(options, "too many options");
    }
    if (operand != NULL) {
        argv[argc++] = "--";
        argv[argc++] = operand;
    }
    argv[argc] = NULL;
    tell_replay_targets(options);
    (void)fflush(NULL);
    (void)execv(path, (char *const *)(void *)argv);
    return cli_error(options, "%s: %s", path, strerror(errno));
}

/* One of several checks. What it prints goes to a memory file, its reports to a folder for the
 * moment. */
struct job {
    char path[CLI_PATH_MAX]; /* what is started: NAME_check, or else sockspec itself */
    bool live;               /* a command */
    bool stack;
    char json[CLI_SCRATCH_MAX + 32];
    char junit[CLI_SCRATCH_MAX + 32];
    const char *name;
    pid_t child; /* 0: not started */
    int out;
    int code;
    bool over;
};

/* What sockspec itself is told of a job. Returns the new count of arguments. */
static int add_job(const struct cli_options *options, const struct job *job, const char **argv,
                   int argc)
{
    if (options->targets != NULL) {
        argv[argc++] = "--targets";
        argv[argc++] = options->targets;
    }
    argv[argc++] = job->stack ? "--stack" : "--jobs";
    argv[argc++] = job->stack ? job->name : "1"; /* several already share the processors */
    if (!job->stack) {
        argv[argc++] = job->name;
    }
    return argc;
}

static int job_start(const struct cli_options *options, struct job *job)
{
    const char *argv[MANY_ARGUMENTS_MAX] = {job->path, "check"};
    int argc =
        cli_options_forward(options, CLI_CHECK, merged_left_out, argv, 2, MANY_ARGUMENTS_MAX - 10);
    if (argc < 0) {
        return cli_usage(options, "too many options");
    }
    if (job->live || job->stack) {
        argc = add_job(options, job, argv, argc);
    }
    job->out = memfd_create("sockspec-check", MFD_CLOEXEC);
    if (job->out < 0) {
        return cli_error(options, "a memory file: %s", strerror(errno));
    }
    if (options->json != NULL || job->stack) { /* the matrix is made of it */
        argv[argc++] = "--json";
        argv[argc++] = job->json;
    }
    if (options->junit != NULL) {
        argv[argc++] = "--junit";
        argv[argc++] = job->junit;
    }
    argv[argc] = NULL;
    (void)fflush(NULL);
    pid_t self = getpid();
    job->child = fork();
    if (job->child < 0) {
        return cli_error(options, "fork: %s", strerror(errno));
    }
    if (job->child == 0) {
        /* It ends with us, however we end. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != self) {
            _exit(SOCKSPEC_EXIT_ERROR);
        }
        (void)dup2(job->out, STDOUT_FILENO);
        (void)execv(job->path, (char *const *)(void *)argv);
        _exit(SOCKSPEC_EXIT_ERROR);
    }
    return 0;
}

/* Waits until one of them is over. Returns how many are, 0 when a signal came first: it is passed
 * on, and each reports what it has. */
static unsigned job_wait(struct job *jobs, int count)
{
    int status = 0;
    pid_t child = wait(&status);
    for (int i = 0; i < count; i++) {
        if (child < 0 && !jobs[i].over) {
            (void)kill(jobs[i].child, SIGINT);
        } else if (jobs[i].child == child) {
            jobs[i].over = true;
            jobs[i].code = WIFEXITED(status) ? WEXITSTATUS(status) : SOCKSPEC_EXIT_ERROR;
        }
    }
    return child > 0 ? 1 : 0;
}

/* The whole of a file, ended by NUL; NULL when it is not there or memory is short. */
static char *file_read(int fd, size_t *ret_size)
{
    off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    if (end < 0) {
        return NULL;
    }
    size_t size = end > 0 ? (size_t)end : 0;
    char *text = malloc(size + 1);
    if (text != NULL) {
        ssize_t got = pread(fd, text, size, 0);
        *ret_size = got > 0 ? (size_t)got : 0;
        text[*ret_size] = '\0';
    }
    return text;
}

static char *path_read(const char *path, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = file_read(fd, ret_size);
    if (fd >= 0) {
        (void)close(fd);
    }
    return text;
}

static void print_output(const struct job *job, bool tap, int number)
{
    size_t size = 0;
    char *text = file_read(job->out, &size);
    if (text != NULL && !tap) {
        (void)fwrite(text, 1, size, stdout);
    } else if (text != NULL) {
        /* TAP 14: a subtest is indented by four, and its result follows. */
        (void)printf("# Subtest: %s\n", job->name);
        char *rest = NULL;
        for (char *line = strtok_r(text, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
            if (strncmp(line, "TAP version", 11) != 0) {
                (void)printf("    %s\n", line);
            }
        }
        bool good = job->code == SOCKSPEC_EXIT_OK || job->code == SOCKSPEC_EXIT_SKIPPED;
        (void)printf("%s %d - %s%s\n", good ? "ok" : "not ok", number, job->name,
                     job->code == SOCKSPEC_EXIT_SKIPPED ? " # SKIP everything was skipped" : "");
    }
    free(text);
}

/* ---- Merging ---- */

static json_t *report_of(const struct job *job)
{
    size_t size = 0;
    char *text = path_read(job->json, &size);
    json_t *report = text != NULL ? json_loadb(text, size, 0, NULL) : NULL;
    free(text);
    return report;
}

static enum status merge_json(const struct job *jobs, int count, FILE *out)
{
    json_t *root = json_object();
    json_t *targets = json_array();
    json_t *verdicts = json_array();
    char names[1024] = "";
    for (int i = 0; i < count; i++) {
        json_t *one = report_of(&jobs[i]);
        if (one == NULL) {
            continue; /* the check could not report: its exit code says so */
        }
        size_t index = 0;
        json_t *verdict = NULL;
        json_array_foreach(json_object_get(one, "verdicts"), index, verdict)
        {
            json_t *copy = json_copy(verdict);
            (void)json_object_set(copy, "target", json_object_get(one, "target"));
            (void)json_array_append_new(verdicts, copy);
        }
        size_t used = strlen(names);
        (void)snprintf(names + used, sizeof(names) - used, "%s%s", used > 0 ? " " : "",
                       jobs[i].name);
        (void)json_object_set(root, "format", json_object_get(one, "format"));
        (void)json_object_set(root, "version", json_object_get(one, "version"));
        (void)json_object_set(root, "world", json_object_get(one, "world"));
        (void)json_array_append_new(targets, one);
    }
    (void)json_object_set_new(root, "target", json_string(names));
    (void)json_object_set_new(root, "verdicts", verdicts);
    (void)json_object_set_new(root, "targets", targets);
    int failed = json_dumpf(root, out, JSON_INDENT(1));
    (void)fputc('\n', out);
    json_decref(root);
    return failed == 0 ? STATUS_OK : STATUS_IO;
}

static enum status merge_junit(const struct job *jobs, int count, FILE *out)
{
    (void)fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"sockspec\">\n",
                out);
    for (int i = 0; i < count; i++) {
        size_t size = 0;
        char *text = path_read(jobs[i].junit, &size);
        const char *start = text != NULL ? strstr(text, "<testsuite ") : NULL;
        char *end = text != NULL ? strstr(text, "</testsuites>") : NULL;
        if (start != NULL && end != NULL) {
            *end = '\0';
            (void)fprintf(out, " %s", start);
        }
        free(text);
    }
    (void)fputs("</testsuites>\n", out);
    return ferror(out) ? STATUS_IO : STATUS_OK;
}

/* A merged report: opened before anything runs, written at the end. */
struct merged {
    const char *path; /* NULL: not wanted */
    struct trace_save file;
};

static int merged_open(const struct cli_options *options, struct merged *merged)
{
    struct status_detail detail = {""};
    if (merged->path == NULL || strcmp(merged->path, "-") == 0) {
        return 0;
    }
    enum status status = trace_save_open(&merged->file, merged->path, &detail);
    return status == STATUS_OK ? 0 : cli_status(options, status, &detail);
}

static int merged_write(const struct cli_options *options, struct merged *merged,
                        const struct job *jobs, int count,
                        enum status (*merge)(const struct job *, int, FILE *))
{
    struct status_detail detail = {""};
    if (merged->path == NULL) {
        return 0;
    }
    bool is_stdout = merged->file.stream == NULL;
    enum status status = merge(jobs, count, is_stdout ? stdout : merged->file.stream);
    if (status != STATUS_OK) {
        status = status_fail(&detail, status, "%s: cannot be written", merged->path);
    } else if (!is_stdout) {
        status = trace_save_commit(&merged->file, &detail);
    }
    return status == STATUS_OK ? 0 : cli_status(options, status, &detail);
}

/* FAIL beats ERROR, ERROR beats success, and only when all were skipped the whole is. */
static int worst(const struct job *jobs, int count)
{
    static const int order[] = {SOCKSPEC_EXIT_FAILED, SOCKSPEC_EXIT_ERROR, SOCKSPEC_EXIT_USAGE,
                                SOCKSPEC_EXIT_OK};
    for (unsigned o = 0; o < sizeof(order) / sizeof(order[0]); o++) {
        for (int i = 0; i < count; i++) {
            if (jobs[i].code == order[o]) {
                return order[o];
            }
        }
    }
    return SOCKSPEC_EXIT_SKIPPED;
}

/* A matrix says what there is to say of a stack that was judged. */
static bool is_printed(const struct cli_options *options, const struct job *job)
{
    return !job->stack || options->tap || options->verbose || job->code == SOCKSPEC_EXIT_ERROR;
}

static int run_jobs(const struct cli_options *options, struct job *jobs, int count, bool quiet)
{
    const volatile sig_atomic_t *stopped = cli_catch_interrupts();
    int started = 0;
    int printed = 0;
    int code = 0;
    unsigned running = 0;
    if (options->tap && !quiet) {
        (void)printf("TAP version 14\n1..%d\n", count);
    }
    while (printed < count && code == 0) {
        while (started < count && running < options->jobs_number && code == 0 && *stopped == 0) {
            code = job_start(options, &jobs[started++]);
            running++;
        }
        if (printed == started) {
            break; /* interrupted, and all that ran has ended */
        }
        if (code == 0 && !jobs[printed].over) {
            running -= job_wait(jobs, started);
        }
        for (; printed < started && jobs[printed].over; printed++) {
            if (!quiet && is_printed(options, &jobs[printed])) {
                print_output(&jobs[printed], options->tap, printed + 1);
                (void)fflush(stdout);
            }
        }
    }
    if (code == 0 && *stopped != 0) {
        if (options->tap && !quiet) {
            (void)printf("Bail out! interrupted\n");
        }
        (void)cli_error(options, "interrupted: %d of %d were not begun", count - started, count);
    }
    return code;
}

/* Finds what a job runs. */
static int job_prepare(const struct cli_options *options, struct job *job)
{
    enum cli_target_kind kind = CLI_TARGET_LINKED;
    int code = job->stack ? 0 : cli_targets_find(options, job->name, &kind, job->path);
    job->live = kind != CLI_TARGET_LINKED ||
                (options->world != NULL && strcmp(options->world, "linux") == 0);
    ssize_t size = code == 0 && (job->live || job->stack)
                       ? readlink("/proc/self/exe", job->path, sizeof(job->path) - 1)
                       : 0;
    if (size < 0) {
        return cli_error(options, "/proc/self/exe: %s", strerror(errno));
    }
    if (size > 0) {
        job->path[size] = '\0';
    }
    return code;
}

/* Prepares every job, in a new folder for the moment. */
static int jobs_prepare(const struct cli_options *options, struct job *jobs, int count,
                        struct cli_scratch *scratch)
{
    struct status_detail detail = {""};
    int code = 0;
    for (int i = 0; i < count && code == 0; i++) {
        code = job_prepare(options, &jobs[i]);
    }
    if (code != 0) {
        return code;
    }
    enum status status = cli_scratch_make(scratch, &detail);
    if (status != STATUS_OK) {
        return cli_status(options, status, &detail);
    }
    for (int i = 0; i < count; i++) {
        (void)snprintf(jobs[i].json, sizeof(jobs[i].json), "%s/%d.json", scratch->path, i);
        (void)snprintf(jobs[i].junit, sizeof(jobs[i].junit), "%s/%d.xml", scratch->path, i);
    }
    return 0;
}

static void jobs_done(struct job *jobs, int count, struct cli_scratch *scratch)
{
    for (int i = 0; i < count; i++) {
        if (jobs[i].child > 0 && !jobs[i].over) {
            (void)waitpid(jobs[i].child, NULL, 0);
        }
        if (jobs[i].child != 0) {
            (void)close(jobs[i].out);
        }
    }
    cli_scratch_done(scratch);
    free(jobs);
}

static int print_matrix(const struct cli_options *options, const struct job *jobs, int count)
{
    struct matrix_column *columns = calloc((size_t)count, sizeof(*columns));
    if (columns == NULL) {
        return cli_error(options, "out of memory");
    }
    for (int i = 0; i < count; i++) {
        columns[i] = (struct matrix_column){jobs[i].name, report_of(&jobs[i])};
    }
    matrix_print(stdout, columns, count);
    for (int i = 0; i < count; i++) {
        json_decref((json_t *)(uintptr_t)columns[i].report);
    }
    free(columns);
    return 0;
}

/* Whether the options go together. */
static int refuse(const struct cli_options *options)
{
    bool json_out = options->json != NULL && strcmp(options->json, "-") == 0;
    bool junit_out = options->junit != NULL && strcmp(options->junit, "-") == 0;
    if ((int)json_out + (int)junit_out + (int)options->tap > 1) {
        return cli_usage(options, "only one form can go to stdout");
    }
    if (options->trace != NULL || options->pcapng != NULL) {
        return cli_usage(options, "--%s needs a single TARGET",
                         options->trace != NULL ? "trace" : "pcapng");
    }
    return 0;
}

/* Takes the jobs. */
static int many(const struct cli_options *options, struct job *jobs, int count)
{
    struct merged json = {.path = options->json};
    struct merged junit = {.path = options->junit};
    bool quiet = (options->json != NULL && strcmp(options->json, "-") == 0) ||
                 (options->junit != NULL && strcmp(options->junit, "-") == 0);
    struct cli_scratch scratch = {.held = -1};
    int code = jobs_prepare(options, jobs, count, &scratch);
    code = code != 0 ? code : merged_open(options, &json);
    code = code != 0 ? code : merged_open(options, &junit);
    if (code == 0) {
        tell_replay_targets(options);
        code = run_jobs(options, jobs, count, quiet);
    }
    if (code == 0 && jobs[0].stack && !quiet && !options->tap) {
        code = print_matrix(options, jobs, count);
    }
    if (code == 0) {
        code = cli_interrupted_code(worst(jobs, count));
        int unwritten = merged_write(options, &json, jobs, count, merge_json);
        int unwritten_too = merged_write(options, &junit, jobs, count, merge_junit);
        code = code == 0 ? unwritten : code;
        code = code == 0 ? unwritten_too : code;
    }
    trace_save_abandon(&json.file);
    trace_save_abandon(&junit.file);
    jobs_done(jobs, count, &scratch);
    return code;
}

/* A job per name. */
static int many_named(const struct cli_options *options, const char *const *names, int count,
                      bool stacks)
{
    int refused = refuse(options);
    struct job *jobs = refused == 0 ? calloc((size_t)count, sizeof(*jobs)) : NULL;
    if (jobs == NULL) {
        return refused != 0 ? refused : cli_error(options, "out of memory");
    }
    for (int i = 0; i < count; i++) {
        jobs[i] = (struct job){.name = names[i], .stack = stacks, .out = -1};
    }
    return many(options, jobs, count);
}

int cli_many(const struct cli_options *options)
{
    return many_named(options, (const char *const *)options->operands, options->operand_count,
                      false);
}

int cli_many_stacks(const struct cli_options *options, const char *const *names, int count)
{
    return many_named(options, names, count, true);
}
