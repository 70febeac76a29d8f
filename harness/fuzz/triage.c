/* Playing an input that ended a process, and telling crashes apart. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/triage.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <xxhash.h>

#include "scenario/code.h"
#include "scenario/shrink.h"

/* ---- Keys ---- */

/* Frames of ours and of the sanitizer stand above the program's own. */
static bool is_ours(const char *frame)
{
    static const char *const prefixes[] = {"__asan",    "__interceptor", "__sanitizer",
                                           "sockspec_", "redirect_",     "__ubsan"};
    for (unsigned i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(frame, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* The name in "    #0 0x55 in name file:line", or "+0x12" of "(binary+0x12)" without symbols. */
static bool read_frame(const char *line, char frame[TRIAGE_FRAME_MAX])
{
    const char *end = line + strcspn(line, "\n");
    const char *at = strstr(line, " in ");
    size_t size = 0;
    if (at != NULL && at < end) {
        at += 4;
        size = strcspn(at, " \n");
    } else {
        at = strchr(line, '+');
        if (at == NULL || at >= end) {
            return false;
        }
        size = strcspn(at, ")\n");
    }
    size = size < TRIAGE_FRAME_MAX - 1 ? size : TRIAGE_FRAME_MAX - 1;
    memcpy(frame, at, size);
    frame[size] = '\0';
    return size > 0;
}

static uint64_t hash(uint64_t seed, const char *text, size_t size)
{
    return XXH3_64bits_withSeed(text, size, seed);
}

uint64_t triage_key(const char *report, int signal, int code, uint64_t fallback)
{
    static const char summary[] = "SUMMARY: ";
    static const char main_prefix[] = "sockspec_target";
    const char *error = strstr(report, "==ERROR: ");
    const char *last = strstr(report, summary);
    if (error == NULL && last != NULL) {
        /* Of a long report only the end is kept; it says kind, place and function again. */
        return hash(0, last, strcspn(last, "\n"));
    }
    if (error == NULL) {
        int parts[2] = {signal, code};
        return XXH3_64bits_withSeed(parts, sizeof(parts), fallback);
    }
    error += strlen("==ERROR: ");
    const char *kind = strstr(error, ": ");
    kind = kind == NULL ? error : kind + 2;
    uint64_t key = hash(0, kind, strcspn(kind, " \n"));
    unsigned frames = 0;
    const char *line = strstr(kind, "\n    #0 ");
    while (line != NULL && frames < TRIAGE_FRAMES && strncmp(line, "\n    #", 6) == 0) {
        char frame[TRIAGE_FRAME_MAX];
        bool named = read_frame(line + 1, frame);
        if (named && strncmp(frame, main_prefix, strlen(main_prefix)) == 0) {
            break; /* below the program's main there is only us */
        }
        if (named && !is_ours(frame)) {
            key = hash(key, frame, strlen(frame));
            frames++;
        }
        line = strchr(line + 1, '\n');
    }
    return key;
}

/* ---- Playing ---- */

struct triage {
    const struct triage_setup *setup;
    struct player *player;
    struct trace_header header;
    const struct trace *trace;
    struct player_outcome outcome;
    struct finding finding; /* of the last play */
};

static enum status play(struct triage *triage, const struct scenario *scenario, bool *ret_ended,
                        struct status_detail *detail)
{
    enum status status = player_play(triage->player, scenario, &triage->header, &triage->trace,
                                     &triage->outcome, detail);
    struct finding *finding = &triage->finding;
    *ret_ended = status == STATUS_OK && finding_of_end(triage->trace, finding);
    if (!*ret_ended || triage->outcome.end == PLAYER_PLAYED) {
        return status;
    }
    const struct player_outcome *outcome = &triage->outcome;
    if (outcome->end == PLAYER_CRASHED) {
        finding->key = triage_key(outcome->output, outcome->signal, outcome->code, finding->key);
        (void)snprintf(finding->detail, sizeof(finding->detail),
                       outcome->signal != 0 ? "the program crashed: signal %d (%s)"
                                            : "the program ended its process with status %d%s",
                       outcome->signal != 0 ? outcome->signal : outcome->code,
                       outcome->signal != 0 ? strsignal(outcome->signal) : "");
    }
    finding->output = outcome->output;
    return status;
}

/* Candidates count when the process ends in the same way: the same key. */
static enum status shrink(struct triage *triage, struct scenario *scenario,
                          struct status_detail *detail)
{
    uint64_t key = triage->finding.key;
    struct scenario_shrinker *shrinker = malloc(sizeof *shrinker);
    struct scenario *candidate = malloc(sizeof *candidate);
    enum status status = STATUS_OK;
    if (shrinker == NULL || candidate == NULL) {
        status = status_fail(detail, STATUS_NO_MEMORY, "no memory to shrink a finding");
        goto out;
    }
    scenario_shrink_init(shrinker, scenario);
    for (unsigned plays = 0; plays < TRIAGE_PLAYS_MAX && status == STATUS_OK &&
                             scenario_shrink_next(shrinker, candidate);
         plays++) {
        bool ended = false;
        status = play(triage, candidate, &ended, detail);
        if (ended && triage->finding.key == key) {
            scenario_shrink_accept(shrinker);
        }
    }
    scenario_copy(scenario, &shrinker->best);
out:
    free(shrinker);
    free(candidate);
    return status;
}

static enum status load(const char *path, struct scenario *scenario, struct status_detail *detail)
{
    static uint8_t data[SCENARIO_CODE_MAX];
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return status_fail(detail, STATUS_IO, "%s: %s", path, strerror(errno));
    }
    size_t size = fread(data, 1, sizeof(data), file);
    (void)fclose(file);
    scenario_decode(data, size, scenario);
    return STATUS_OK;
}

static bool is_known(const struct triage *triage)
{
    const struct finding_place *place = &triage->setup->place;
    const struct finding *finding = &triage->finding;
    char name[FINDING_NAME_MAX];
    char path[4096];
    struct stat info;
    if (manifest_known(&triage->setup->subject->manifest, "fuzz", finding_rule_id(finding->rule)) !=
        NULL) {
        return true;
    }
    finding_name(finding->rule, finding->key, name);
    return place->folder != NULL &&
           snprintf(path, sizeof path, "%s/%s", place->folder, name) < (int)sizeof path &&
           stat(path, &info) == 0;
}

static enum status judge(struct triage *triage, const struct scenario *first,
                         struct scenario *small, enum triage_result *ret_result,
                         struct status_detail *detail)
{
    bool ended = false;
    enum status status = play(triage, first, &ended, detail);
    if (status != STATUS_OK || !ended) {
        *ret_result = TRIAGE_LOST;
        return status;
    }
    if (is_known(triage)) {
        *ret_result = TRIAGE_KNOWN;
        return STATUS_OK;
    }
    scenario_copy(small, first);
    status = shrink(triage, small, detail);
    if (status == STATUS_OK) {
        status = play(triage, small, &ended, detail);
    }
    if (status == STATUS_OK && !ended) {
        /* It does not end every time: what was found first stands. */
        scenario_copy(small, first);
        status = play(triage, small, &ended, detail);
    }
    bool fresh = false;
    if (status == STATUS_OK && ended) {
        status = finding_write(&triage->setup->place, &triage->finding, triage->trace, small, first,
                               &fresh, detail);
    }
    *ret_result = !ended ? TRIAGE_LOST : fresh ? TRIAGE_ADDED : TRIAGE_KNOWN;
    return status;
}

enum status triage_input(const struct triage_setup *setup, const char *path,
                         enum triage_result *ret_result, struct status_detail *detail)
{
    struct triage *triage = calloc(1, sizeof *triage);
    struct scenario *first = malloc(sizeof *first);
    struct scenario *small = malloc(sizeof *small);
    enum status status = STATUS_NO_MEMORY;
    if (triage == NULL || first == NULL || small == NULL) {
        status = status_fail(detail, STATUS_NO_MEMORY, "no memory for triage");
        goto out;
    }
    triage->setup = setup;
    /* What the model sees; a world is made in the child alone. */
    triage->header =
        subject_header(setup->subject, TRACE_SEES_CALLS | TRACE_SEES_STATES | TRACE_SEES_WIRE |
                                           TRACE_SEES_DESCRIPTORS | TRACE_SEES_HEAP |
                                           TRACE_SEES_BYTES | TRACE_SEES_EXIT);
    struct player_setup player = {.target = &setup->subject->target,
                                  .v6 = setup->subject->manifest.ipv6,
                                  .profile = setup->subject->profile,
                                  .open = setup->open,
                                  .context = setup->context,
                                  .limits = {.cpu_ms = TRIAGE_CPU_LIMIT_MS}};
    status = load(path, first, detail);
    if (status == STATUS_OK) {
        status = player_new(&player, &triage->player, detail);
    }
    if (status == STATUS_OK) {
        status = judge(triage, first, small, ret_result, detail);
    }
out:
    if (triage != NULL) {
        player_free(triage->player);
    }
    free(small);
    free(first);
    free(triage);
    return status;
}
