/* The command fuzz: options, the progress line, and the summary of a campaign. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/fuzz.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/targets.h"
#include "fuzz/campaign.h"
#include "fuzz/finding.h"
#include "sockspec/sockspec.h"

enum {
    LINE_MS = 1000,        /* between two progress lines on a terminal */
    PLAIN_LINE_MS = 10000, /* elsewhere */
    LINE_MAX_CHARS = 160,
    RARELY = 1000 /* a rule that was kept less often is marked */
};

/* ---- Progress ---- */

struct progress_line {
    bool terminal;
    bool shown; /* an unfinished line stands on the terminal */
};

static void clear_line(struct progress_line *line)
{
    if (line->shown) {
        (void)fputs("\r\033[K", stderr);
        line->shown = false;
    }
}

static void on_news(void *context, enum fuzz_news news, const struct fuzz_progress *progress,
                    const char *text)
{
    struct progress_line *line = context;
    clear_line(line);
    if (news == FUZZ_NEWS_FINDING) {
        (void)fprintf(stderr, "finding: %s\n", text);
        return;
    }
    if (news == FUZZ_NEWS_NOTICE) {
        (void)fprintf(stderr, "note: %s\n", text);
        return;
    }
    char words[LINE_MAX_CHARS];
    (void)snprintf(words, sizeof(words),
                   "%" PRId64 " s  %" PRIu64 " runs  %.0f/s  %" PRIu32 " state pairs  %" PRIu32
                   " findings  %" PRIu32 " processes",
                   progress->elapsed_ms / 1000, progress->total->runs, progress->runs_per_s,
                   progress->total->pairs, progress->findings, progress->jobs);
    (void)fprintf(stderr, line->terminal ? "%s" : "%s\n", words);
    line->shown = line->terminal;
    (void)fflush(stderr);
}

/* ---- Summary ---- */

static void print_rules(const struct fuzz_campaign_result *result)
{
    const struct fuzz_stats *total = &result->total;
    (void)printf("\n%-8s %14s %14s\n", "rule", "kept in runs", "broken in runs");
    for (unsigned rule = 0; rule < FINDING_RULE_COUNT; rule++) {
        bool of_oracle = rule < ORACLE_RULE_COUNT;
        if (total->broken[rule] == 0 && (!of_oracle || !fuzz_campaign_applies(result, rule))) {
            continue;
        }
        (void)printf("%-8s %14" PRIu64 " %14" PRIu64 "%s\n", finding_rule_id(rule),
                     total->kept[rule], total->broken[rule],
                     of_oracle && total->kept[rule] < RARELY ? "  rarely kept" : "");
    }
}

static void print_summary(const struct fuzz_campaign_options *options,
                          const struct fuzz_campaign_result *result)
{
    const struct fuzz_stats *total = &result->total;
    double runs = total->runs > 0 ? (double)total->runs : 1.0;
    (void)printf("%s with %s: %" PRIu64 " runs, %" PRIu64 " s now%s\n", options->target,
                 fuzz_engine_word(options->engine), total->runs,
                 (uint64_t)result->elapsed_ms / 1000, result->interrupted ? " (interrupted)" : "");
    (void)printf("%.1f %% of the runs reached an established connection, %.1f steps had an effect "
                 "in each, %" PRIu32 " state pairs were seen\n",
                 100.0 * (double)total->established / runs, (double)total->effective / runs,
                 total->pairs);
    print_rules(result);
    if (total->expected > 0) {
        (void)printf("\nEXPECTED: %" PRIu64 " runs broke nothing but what the manifest knows\n",
                     total->expected);
    }
    if (result->found_count == 0) {
        (void)printf("\nno findings\n");
        return;
    }
    (void)printf("\n%" PRIu32 " finding%s in %s/findings:\n", result->found_count,
                 result->found_count == 1 ? "" : "s", options->out);
    for (uint32_t i = 0; i < result->found_count; i++) {
        (void)printf("  %s\n    %s/findings/%s/report.txt\n", result->found[i].line, options->out,
                     result->found[i].name);
    }
}

/* ---- Options ---- */

/* Where this program lies, for the replay commands of findings. */
static const char *own_path(char path[CLI_PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", path, CLI_PATH_MAX - 1);
    if (length <= 0) {
        return NULL;
    }
    path[length] = '\0';
    return path;
}

static int run(const struct cli_options *options, const struct fuzz_campaign_options *campaign,
               struct progress_line *line)
{
    struct fuzz_campaign_result *result = calloc(1, sizeof(*result));
    struct status_detail detail = {""};
    if (result == NULL) {
        return cli_error(options, "out of memory");
    }
    enum status status = fuzz_campaign_run(campaign, result, &detail);
    clear_line(line);
    int code = result->found_count > 0 ? SOCKSPEC_EXIT_FAILED : SOCKSPEC_EXIT_OK;
    if (result->elapsed_ms > 0) {
        print_summary(campaign, result);
    }
    if (status != STATUS_OK) {
        code = status == STATUS_NOT_FOUND || status == STATUS_USAGE || status == STATUS_SYNTAX
                   ? cli_usage(options, "%s", detail.text)
                   : cli_error(options, "%s", detail.text);
    }
    fuzz_campaign_done(result);
    free(result);
    return code;
}

int cli_fuzz(int argc, char **argv)
{
    struct cli_options options;
    char targets[CLI_PATH_MAX];
    char self[CLI_PATH_MAX];
    char out[CLI_TARGET_NAME_MAX + 8];
    if (!cli_options_parse(&options, "sockspec", CLI_FUZZ, argc, argv)) {
        return SOCKSPEC_EXIT_USAGE;
    }
    if (options.help) {
        cli_command_help(stdout, CLI_FUZZ);
        return SOCKSPEC_EXIT_OK;
    }
    if (options.operand_count != 1) {
        return cli_usage(&options, "fuzz takes the name of one target");
    }
    if (options.world != NULL && strcmp(options.world, "model") != 0) {
        return cli_usage(&options, "fuzzing plays in the model alone");
    }
    if (!cli_targets_folder(&options, targets)) {
        return cli_error(&options, "where the targets lie cannot be told: give --targets DIR");
    }
    enum cli_target_kind kind;
    char found[CLI_PATH_MAX];
    int missing = cli_targets_find(&options, options.operands[0], &kind, found);
    if (missing != 0) {
        return missing;
    }
    if (kind == CLI_TARGET_FOLDER) {
        return cli_usage(&options, "%s is a command: fuzzing needs a linked target", found);
    }
    struct progress_line line = {.terminal = isatty(STDERR_FILENO) != 0};
    struct fuzz_campaign_options campaign = {
        .target = options.operands[0],
        .targets = targets,
        .engine = options.engine == NULL ? FUZZ_ENGINE_LIBFUZZER : fuzz_engine_find(options.engine),
        .runs = options.runs_number,
        .jobs = options.jobs_number,
        .out = options.out,
        .seeds = !options.no_seeds,
        .corpus = options.corpus,
        .seed = options.seed != NULL ? options.seed_number : 1,
        .command = own_path(self),
        .progress_ms = line.terminal ? LINE_MS : PLAIN_LINE_MS,
        .stop = cli_catch_interrupts(),
        .tell = on_news,
        .context = &line,
    };
    if (options.time != NULL && !cli_read_time(options.time, &campaign.time_ms)) {
        return cli_usage(&options, "--time: found '%s', expected 500ms, 90s, 10m or 8h",
                         options.time);
    }
    if (campaign.out == NULL) {
        (void)snprintf(out, sizeof(out), "fuzz-%.*s", CLI_TARGET_NAME_MAX, campaign.target);
        campaign.out = out;
    }
    return run(&options, &campaign, &line);
}
