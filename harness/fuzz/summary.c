/* campaign.json: what a campaign did, for programs. docs/how-to/campaigns.md describes the form. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "fuzz/finding.h"
#include "fuzz/place.h"

enum { SUMMARY_VERSION = 1 };

enum status place_target(const struct place *place, char name[TRACE_NAME_MAX],
                         struct status_detail *detail)
{
    char path[PATH_MAX];
    enum status status = place_path(place, path, detail, "campaign.json");
    if (status != STATUS_OK) {
        return status;
    }
    if (access(path, F_OK) != 0) {
        return status_fail(detail, STATUS_NOT_FOUND, "%s: %s", path, strerror(errno));
    }
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    const char *target = json_string_value(json_object_get(root, "target"));
    if (target == NULL) {
        status = status_fail(detail, STATUS_SYNTAX, "%s:%d: %s", path, error.line,
                             root == NULL ? error.text : "\"target\": expected a name");
    } else {
        (void)snprintf(name, TRACE_NAME_MAX, "%s", target);
    }
    json_decref(root);
    return status;
}

/* Those that say something, and those that could have. */
static json_t *rules_json(const struct fuzz_campaign_result *result)
{
    const struct fuzz_stats *total = &result->total;
    json_t *rules = json_array();
    for (unsigned rule = 0; rule < FINDING_RULE_COUNT; rule++) {
        bool applies = rule < ORACLE_RULE_COUNT && fuzz_campaign_applies(result, rule);
        if (applies || total->kept[rule] + total->broken[rule] > 0) {
            (void)json_array_append_new(
                rules,
                json_pack("{s:s, s:I, s:I, s:I}", "rule", finding_rule_id(rule), "kept",
                          (json_int_t)total->kept[rule], "broken", (json_int_t)total->broken[rule],
                          "first_broken", (json_int_t)total->first_broken[rule]));
        }
    }
    return rules;
}

static json_t *findings_json(const struct fuzz_campaign_result *result)
{
    json_t *findings = json_array();
    for (uint32_t i = 0; i < result->found_count; i++) {
        const struct fuzz_found *found = &result->found[i];
        const char *dash = strrchr(found->name, '-');
        size_t length = dash == NULL ? strlen(found->name) : (size_t)(dash - found->name);
        char folder[96];
        (void)snprintf(folder, sizeof(folder), "findings/%s", found->name);
        (void)json_array_append_new(findings,
                                    json_pack("{s:s%, s:s, s:s}", "rule", found->name, length,
                                              "folder", folder, "line", found->line));
    }
    return findings;
}

enum status place_summary(const struct place *place, const struct fuzz_campaign_options *options,
                          const struct fuzz_campaign_result *result, struct status_detail *detail)
{
    const struct fuzz_stats *total = &result->total;
    double runs = total->runs > 0 ? (double)total->runs : 1.0;
    json_t *root = json_pack(
        "{s:i, s:s, s:s, s:i, s:I, s:f, s:b, s:I, s:I, s:I, s:f, s:i, s:I, s:i, s:o, s:o}",
        "version", SUMMARY_VERSION, "target", options->target, "engine",
        fuzz_engine_word(options->engine), "jobs", (int)options->jobs, "seed",
        (json_int_t)options->seed, "seconds", (double)result->elapsed_ms / 1000.0, "interrupted",
        (int)result->interrupted, "executions", (json_int_t)total->runs, "effective_steps",
        (json_int_t)total->effective, "established", (json_int_t)total->established,
        "established_share", (double)total->established / runs, "state_pairs", (int)total->pairs,
        "broken_runs", (json_int_t)total->broken_runs, "restarts", (int)result->restarts, "rules",
        rules_json(result), "findings", findings_json(result));
    if (root == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "no memory for campaign.json");
    }
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_decref(root);
    if (text == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "no memory for campaign.json");
    }
    char from[PATH_MAX];
    char to[PATH_MAX];
    enum status status = place_save(place, ".campaign.json", text, strlen(text), detail);
    free(text);
    if (status == STATUS_OK) {
        status = place_path(place, from, detail, ".campaign.json");
    }
    if (status == STATUS_OK) {
        status = place_path(place, to, detail, "campaign.json");
    }
    if (status == STATUS_OK && rename(from, to) != 0) {
        status = status_fail(detail, STATUS_IO, "%s: %s", to, strerror(errno));
    }
    return status;
}
