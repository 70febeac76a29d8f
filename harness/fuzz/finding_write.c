/* The folder of a finding: what it holds, and how it appears at once. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/words.h"
#include "fuzz/finding.h"
#include "scenario/code.h"
#include "scenario/text.h"
#include "trace/jsonl.h"
#include "trace/ladder.h"
#include "trace/output.h"

#define FILE_SCENARIO "found.scenario"
#define FILE_TRACE "trace.jsonl"
#define FILE_REPORT "report.txt"
#define FILE_REPLAY "replay.sh"
#define FILE_FIRST "first.bin"
#define PENDING ".pending-"

static const char *const files[] = {FILE_SCENARIO, FILE_TRACE, FILE_REPORT, FILE_REPLAY,
                                    FILE_FIRST};
enum { FILE_COUNT = sizeof(files) / sizeof(files[0]) };

/* ---- Texts ---- */

/* The command line that plays the scenario of the finding `name` again. */
static void print_replay(const struct finding_place *place, const char *name,
                         const struct trace *trace, struct trace_text *text)
{
    static const char hole[] = "{scenario}";
    char path[PATH_MAX];
    char quoted[2 * PATH_MAX] = "";
    (void)snprintf(path, sizeof(path), "%s/%s/" FILE_SCENARIO, place->folder, name);
    words_quote(quoted, sizeof(quoted), path);
    const char *command = place->replay;
    const char *at = command == NULL ? NULL : strstr(command, hole);
    if (at == NULL) {
        trace_text_print(text, "sockspec replay %s --target %s", quoted, trace->header.target);
        return;
    }
    trace_text_add(text, command, (size_t)(at - command));
    trace_text_print(text, "%s%s", quoted, at + strlen(hole));
}

static void print_ladder(const struct finding *finding, const struct trace *trace,
                         const struct scenario *scenario, struct trace_text *text)
{
    struct ladder_options options = {
        .highlights = finding->events, .highlight_count = finding->count, .scenario = scenario};
    struct trace_output output = trace_output_text(text);
    if (ladder_print(trace, &options, &output, NULL) != STATUS_OK) {
        trace_text_print(text, "(no memory for the ladder)\n");
    }
}

static void print_steps(const struct scenario *scenario, struct trace_text *text)
{
    char *steps = malloc(SCENARIO_PRINT_MAX);
    size_t length = 0;
    if (steps != NULL &&
        scenario_print(scenario, steps, SCENARIO_PRINT_MAX, &length) == STATUS_OK) {
        trace_text_add(text, steps, length);
    }
    free(steps);
}

static const char *title_of(unsigned rule)
{
    switch (rule) {
    case FINDING_RULE_CRASH:
        return "The program does not crash.";
    case FINDING_RULE_HANG:
        return "The program does not hang.";
    case FINDING_RULE_EXIT:
        return "A server runs until it is asked to stop.";
    default:
        return oracle_rules[rule].title;
    }
}

void finding_describe(const struct finding_place *place, const struct finding *finding,
                      const struct trace *trace, const struct scenario *scenario,
                      struct trace_text *text)
{
    char name[FINDING_NAME_MAX];
    finding_name(finding->rule, finding->key, name);
    bool known = finding->rule < ORACLE_RULE_COUNT;
    trace_text_print(text, "%s %s  %s\n\n", grade_name(finding->grade),
                     finding_rule_id(finding->rule), title_of(finding->rule));
    trace_text_print(text, "target    %s\nhappened  %s\n", trace->header.target, finding->detail);
    if (known) {
        trace_text_print(text, "clause    %s\n", oracle_rules[finding->rule].cite);
    }
    trace_text_print(text, "\nscenario (%u steps)\n", scenario->count);
    print_steps(scenario, text);
    trace_text_print(text, "\n");
    print_ladder(finding, trace, scenario, text);
    if (finding->output != NULL && finding->output[0] != '\0') {
        trace_text_print(text, "\nthe process wrote\n%s\n", finding->output);
    }
    if (place->folder != NULL) {
        trace_text_print(text, "\nreplay    ");
        print_replay(place, name, trace, text);
        trace_text_print(text, "\n");
    }
}

static void add_header(struct scenario_text *text, const char *key, bool quoted, const char *format,
                       ...) STATUS_PRINTF(4, 5);
static void add_header(struct scenario_text *text, const char *key, bool quoted, const char *format,
                       ...)
{
    struct scenario_header *header = &text->headers[text->header_count++];
    va_list arguments;
    *header = (struct scenario_header){.quoted = quoted, .line = text->header_count};
    (void)snprintf(header->key, sizeof(header->key), "%s", key);
    va_start(arguments, format);
    (void)vsnprintf(header->value, sizeof(header->value), format, arguments);
    va_end(arguments);
}

/* The scenario as a case of the suite would stand there. */
static enum status print_scenario(const struct finding *finding, const struct trace *trace,
                                  const struct scenario *scenario, struct trace_text *ret_text,
                                  struct status_detail *detail)
{
    static const char *const roles[] = {[TRACE_ROLE_SERVER] = "server",
                                        [TRACE_ROLE_CLIENT] = "client",
                                        [TRACE_ROLE_PAIR] = "pair",
                                        [TRACE_ROLE_STACK] = "stack"};
    struct scenario_text *text = calloc(1, sizeof(*text));
    char *buffer = malloc(SCENARIO_PRINT_TEXT_MAX);
    size_t length = 0;
    enum status status = STATUS_NO_MEMORY;
    if (text != NULL && buffer != NULL) {
        scenario_copy(&text->scenario, scenario);
        add_header(text, "title", true, "%.90s breaks %s", trace->header.target,
                   finding_rule_id(finding->rule));
        add_header(text, "role", false, "%s", roles[trace->header.role]);
        if (finding->rule < ORACLE_RULE_COUNT) {
            add_header(text, "rules", false, "%s", finding_rule_id(finding->rule));
        }
        add_header(text, "seed", false, "%llu", (unsigned long long)trace->header.seed);
        status = scenario_print_text(text, buffer, SCENARIO_PRINT_TEXT_MAX, &length);
    }
    if (status == STATUS_OK) {
        trace_text_add(ret_text, buffer, length);
    } else {
        status = status_fail(detail, status, "no memory for a finding");
    }
    free(buffer);
    free(text);
    return status;
}

/* ---- Files ---- */

static enum status save_bytes(const char *folder, const char *name, const void *data, size_t size,
                              mode_t mode, struct status_detail *detail)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) {
        return status_fail(detail, STATUS_IO, "%s: the name is too long", folder);
    }
    errno = 0;
    FILE *file = fopen(path, "wbe");
    bool written = file != NULL && fwrite(data, 1, size, file) == size && fflush(file) == 0;
    int error = errno;
    if (file != NULL) {
        (void)fchmod(fileno(file), mode);
        if (fclose(file) != 0 && written) {
            written = false;
            error = errno;
        }
    }
    return written ? STATUS_OK : status_fail(detail, STATUS_IO, "%s: %s", path, strerror(error));
}

static enum status save_text(const char *folder, const char *name, const struct trace_text *text,
                             mode_t mode, struct status_detail *detail)
{
    if (text->failed != STATUS_OK) {
        return status_fail(detail, text->failed, "no memory for a finding");
    }
    return save_bytes(folder, name, text->data, text->size, mode, detail);
}

static void remove_folder(const char *folder)
{
    char path[PATH_MAX];
    for (unsigned i = 0; i < FILE_COUNT; i++) {
        if (snprintf(path, sizeof path, "%s/%s", folder, files[i]) < (int)sizeof path) {
            (void)unlink(path);
        }
    }
    (void)rmdir(folder);
}

static enum status save_files(const struct finding_place *place, const char *folder,
                              const char *name, const struct finding *finding,
                              const struct trace *trace, const struct scenario *small,
                              const struct scenario *first, struct status_detail *detail)
{
    struct trace_text scenario = {0};
    struct trace_text report = {0};
    struct trace_text replay = {0};
    char path[PATH_MAX];
    static uint8_t input[SCENARIO_CODE_MAX]; /* one process writes one finding at a time */
    size_t input_size = scenario_encode(first, input, sizeof(input));
    finding_describe(place, finding, trace, small, &report);
    trace_text_print(&replay, "#!/bin/sh\n");
    print_replay(place, name, trace, &replay);
    trace_text_print(&replay, "\n");
    enum status status = print_scenario(finding, trace, small, &scenario, detail);
    if (status == STATUS_OK) {
        status = save_text(folder, FILE_SCENARIO, &scenario, 0644, detail);
    }
    if (status == STATUS_OK) {
        status = save_text(folder, FILE_REPORT, &report, 0644, detail);
    }
    if (status == STATUS_OK) {
        status = save_text(folder, FILE_REPLAY, &replay, 0755, detail);
    }
    if (status == STATUS_OK) {
        status = save_bytes(folder, FILE_FIRST, input, input_size, 0644, detail);
    }
    if (status == STATUS_OK) {
        (void)snprintf(path, sizeof path, "%.*s/" FILE_TRACE, (int)sizeof(path) - 32, folder);
        status = trace_jsonl_save(trace, path, detail);
    }
    trace_text_free(&scenario);
    trace_text_free(&report);
    trace_text_free(&replay);
    return status;
}

static __attribute__((noreturn)) void print_and_abort(const struct finding_place *place,
                                                      const struct finding *finding,
                                                      const struct trace *trace,
                                                      const struct scenario *scenario)
{
    struct trace_text report = {0};
    finding_describe(place, finding, trace, scenario, &report);
    (void)fputs("\n", stderr);
    (void)fwrite(report.data, 1, report.size, stderr);
    (void)fflush(stderr);
    abort();
}

static enum status make_path(char path[PATH_MAX], const char *folder, const char *prefix,
                             const char *name, bool own, struct status_detail *detail)
{
    char suffix[32] = "";
    if (own) {
        (void)snprintf(suffix, sizeof suffix, ".%ld", (long)getpid());
    }
    return snprintf(path, PATH_MAX, "%s/%s%s%s", folder, prefix, name, suffix) < PATH_MAX
               ? STATUS_OK
               : status_fail(detail, STATUS_IO, "%s: the name is too long", folder);
}

/* Writes the folder under a name of its own and moves it to `final`. */
static enum status write_folder(const struct finding_place *place, const struct finding *finding,
                                const struct trace *trace, const struct scenario *small,
                                const struct scenario *first, const char *final, bool *ret_new,
                                struct status_detail *detail)
{
    char name[FINDING_NAME_MAX];
    char temporary[PATH_MAX];
    finding_name(finding->rule, finding->key, name);
    enum status status = make_path(temporary, place->folder, ".new-", name, true, detail);
    if (status != STATUS_OK) {
        return status;
    }
    if (mkdir(temporary, 0777) != 0 && errno != EEXIST) {
        return status_fail(detail, STATUS_IO, "%s: %s", temporary, strerror(errno));
    }
    status = save_files(place, temporary, name, finding, trace, small, first, detail);
    bool fresh = status == STATUS_OK && rename(temporary, final) == 0;
    if (status == STATUS_OK && !fresh && errno != EEXIST && errno != ENOTEMPTY) {
        status = status_fail(detail, STATUS_IO, "%s: %s", final, strerror(errno));
    }
    if (!fresh) {
        remove_folder(temporary);
    }
    *ret_new = fresh;
    return status;
}

enum status finding_write(const struct finding_place *place, const struct finding *finding,
                          const struct trace *trace, const struct scenario *small,
                          const struct scenario *first, bool *ret_new, struct status_detail *detail)
{
    char name[FINDING_NAME_MAX];
    char final[PATH_MAX];
    if (place->folder == NULL) {
        print_and_abort(place, finding, trace, small);
    }
    finding_name(finding->rule, finding->key, name);
    enum status status = make_path(final, place->folder, "", name, false, detail);
    return status != STATUS_OK
               ? status
               : write_folder(place, finding, trace, small, first, final, ret_new, detail);
}

/* ---- Pending ---- */

enum status finding_write_pending(const struct finding_place *place, const struct finding *finding,
                                  const struct trace *trace, const struct scenario *scenario,
                                  struct status_detail *detail)
{
    char name[FINDING_NAME_MAX];
    char pending[PATH_MAX];
    bool fresh = false;
    if (place->folder == NULL) {
        return STATUS_OK;
    }
    finding_name(finding->rule, finding->key, name);
    enum status status = make_path(pending, place->folder, PENDING, name, true, detail);
    return status != STATUS_OK
               ? status
               : write_folder(place, finding, trace, scenario, scenario, pending, &fresh, detail);
}

void finding_drop_pending(const struct finding_place *place, const struct finding *finding)
{
    char name[FINDING_NAME_MAX];
    char pending[PATH_MAX];
    finding_name(finding->rule, finding->key, name);
    if (place->folder != NULL &&
        make_path(pending, place->folder, PENDING, name, true, NULL) == STATUS_OK) {
        remove_folder(pending);
    }
}

/* Moves ".pending-NAME.PID" to "NAME" where the process is gone. */
static bool take_one(const char *folder, const char *entry)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    const char *name = entry + strlen(PENDING);
    const char *dot = strrchr(name, '.');
    long pid = dot == NULL ? 0 : strtol(dot + 1, NULL, 10);
    if (pid <= 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH ||
        snprintf(from, sizeof from, "%s/%s", folder, entry) >= (int)sizeof from ||
        snprintf(to, sizeof to, "%s/%.*s", folder, (int)(dot - name), name) >= (int)sizeof to) {
        return false;
    }
    if (rename(from, to) == 0) {
        return true;
    }
    remove_folder(from);
    return false;
}

unsigned finding_take_pending(const char *folder)
{
    unsigned count = 0;
    DIR *directory = opendir(folder);
    for (const struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        if (strncmp(entry->d_name, PENDING, strlen(PENDING)) == 0) {
            count += take_one(folder, entry->d_name);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return count;
}
