/* Verdicts as one JSON object. docs/reference/json.md describes it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdlib.h>

#include "report/sink.h"

enum { JSON_FORMAT_VERSION = 1 };

struct json_sink {
    struct report_sink sink;
    struct report_output output;
    json_t *root;
    json_t *verdicts; /* borrowed from root */
    json_t *notices;  /* borrowed from root */
    bool failed;      /* memory ran out on the way */
};

/* Sets a key to a cleaned string; NULL leaves it out. */
static void set_text(struct json_sink *json, json_t *object, const char *key, const char *value)
{
    if (value == NULL) {
        return;
    }
    struct trace_text text = {0};
    trace_text_add(&text, "", 0);
    report_add_clean(&text, value, REPORT_CLEAN_LINES);
    bool set = text.failed == STATUS_OK &&
               json_object_set_new(object, key, json_stringn(text.data, text.size)) == 0;
    json->failed |= !set;
    trace_text_free(&text);
}

static void set_number(struct json_sink *json, json_t *object, const char *key, int64_t value)
{
    json->failed |= json_object_set_new(object, key, json_integer(value)) != 0;
}

/* Appends a new object to a list and returns it, borrowed; NULL when memory ran out. */
static json_t *append_object(struct json_sink *json, json_t *list)
{
    json_t *object = json_object();
    if (object == NULL || json_array_append_new(list, object) != 0) {
        json->failed = true;
        return NULL;
    }
    return object;
}

static enum status json_status(const struct json_sink *json, struct status_detail *detail)
{
    return json->failed ? status_fail(detail, STATUS_NO_MEMORY, "out of memory for JSON")
                        : STATUS_OK;
}

static enum status json_begin(struct report_sink *sink, const struct report_target *target,
                              struct status_detail *detail)
{
    struct json_sink *json = (struct json_sink *)sink;
    set_number(json, json->root, "format", JSON_FORMAT_VERSION);
    set_text(json, json->root, "version", target->version);
    set_text(json, json->root, "target", target->name);
    set_text(json, json->root, "world", target->world);
    set_text(json, json->root, "role", target->role);
    set_text(json, json->root, "profile", target->profile);
    json->verdicts = json_array();
    json->notices = json_array();
    json->failed |= json_object_set_new(json->root, "verdicts", json->verdicts) != 0;
    json->failed |= json_object_set_new(json->root, "notices", json->notices) != 0;
    return json_status(json, detail);
}

static enum status json_case(struct report_sink *sink, const struct report_case *test_case,
                             struct status_detail *detail)
{
    (void)test_case;
    return json_status((struct json_sink *)sink, detail);
}

static void add_events(struct json_sink *json, json_t *object, const struct report_verdict *verdict)
{
    json_t *events = json_array();
    if (json_object_set_new(object, "events", events) != 0) {
        json->failed = true;
        return;
    }
    for (uint32_t i = 0; i < verdict->event_count; i++) {
        json_t *event = append_object(json, events);
        if (event != NULL) {
            set_number(json, event, "index", verdict->events[i].index);
            set_text(json, event, "text", verdict->events[i].text);
        }
    }
}

static enum status json_verdict(struct report_sink *sink, const struct report_case *test_case,
                                const struct report_verdict *verdict, struct status_detail *detail)
{
    struct json_sink *json = (struct json_sink *)sink;
    json_t *object = append_object(json, json->verdicts);
    if (object != NULL) {
        set_text(json, object, "case", test_case->name);
        set_text(json, object, "rule", verdict->rule);
        set_text(json, object, "grade", grade_name(verdict->grade));
        set_text(json, object, "title", verdict->title != NULL ? verdict->title : "");
        set_text(json, object, "detail", verdict->detail != NULL ? verdict->detail : "");
        set_text(json, object, "replay", verdict->replay != NULL ? verdict->replay : "");
        add_events(json, object, verdict);
        set_text(json, object, "ladder", verdict->ladder);
        set_text(json, object, "scenario", verdict->scenario);
        if (verdict->duration_us >= 0) {
            set_number(json, object, "duration_us", verdict->duration_us);
        }
    }
    return json_status(json, detail);
}

static enum status json_notice(struct report_sink *sink, const char *text,
                               struct status_detail *detail)
{
    struct json_sink *json = (struct json_sink *)sink;
    json_t *object = append_object(json, json->notices);
    if (object != NULL) {
        set_text(json, object, "text", text);
    }
    return json_status(json, detail);
}

static enum status json_end(struct report_sink *sink, const struct report_summary *summary,
                            struct status_detail *detail)
{
    struct json_sink *json = (struct json_sink *)sink;
    json_t *object = json_object();
    json->failed |= json_object_set_new(json->root, "summary", object) != 0;
    if (object != NULL) {
        set_number(json, object, "cases", summary->cases);
        for (unsigned i = 0; i < GRADE_COUNT; i++) {
            set_number(json, object, grade_name((enum grade)i), summary->counts.of[i]);
        }
        set_number(json, object, "exit", grade_exit_code(&summary->counts));
        if (summary->duration_us >= 0) {
            set_number(json, object, "duration_us", summary->duration_us);
        }
    }
    struct trace_text text = {0};
    char *dump = json->failed ? NULL : json_dumps(json->root, JSON_INDENT(1));
    json->failed |= dump == NULL;
    enum status status = json_status(json, detail);
    if (status == STATUS_OK) {
        trace_text_print(&text, "%s\n", dump);
        status = report_output_write(&json->output, &text, detail);
    }
    if (status == STATUS_OK) {
        status = report_output_commit(&json->output, detail);
    }
    trace_text_free(&text);
    free(dump);
    return status;
}

static void json_free(struct report_sink *sink)
{
    struct json_sink *json = (struct json_sink *)sink;
    report_output_abandon(&json->output);
    json_decref(json->root);
    free(json);
}

static const struct report_sink_operations json_operations = {.begin = json_begin,
                                                              .case_begin = json_case,
                                                              .verdict = json_verdict,
                                                              .case_end = json_case,
                                                              .notice = json_notice,
                                                              .end = json_end,
                                                              .free = json_free};

enum status report_json_new(const struct report_place *place, struct report_sink **ret_sink,
                            struct status_detail *detail)
{
    struct json_sink *json = calloc(1, sizeof *json);
    json_t *root = json_object();
    if (json == NULL || root == NULL) {
        free(json);
        json_decref(root);
        return status_fail(detail, STATUS_NO_MEMORY, "out of memory for JSON");
    }
    json->sink.operations = &json_operations;
    json->root = root;
    enum status status = report_output_open(&json->output, place, detail);
    if (status != STATUS_OK) {
        json_free(&json->sink);
        return status;
    }
    *ret_sink = &json->sink;
    return STATUS_OK;
}
