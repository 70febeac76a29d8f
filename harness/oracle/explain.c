/* The rules in words. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle/explain.h"

#include <assert.h>
#include <string.h>

#include "oracle/oracle.h"

enum { LINE = 96 };

static void put(const struct oracle_writer *writer, const char *text)
{
    writer->write(writer->context, text, strlen(text));
}

/* `text` after a label, wrapped and indented to stand beside it. */
static void put_field(const struct oracle_writer *writer, const char *label, const char *text)
{
    enum { INDENT = 10 };
    size_t column = strlen(label);
    put(writer, label);
    for (; column < INDENT; column++) {
        put(writer, " ");
    }
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (column > INDENT && column + 1 + word > LINE) {
            put(writer, "\n          ");
            column = INDENT;
        } else if (column > INDENT) {
            put(writer, " ");
            column++;
        }
        writer->write(writer->context, text, word);
        column += word;
        text += word;
        text += strspn(text, " ");
    }
    put(writer, "\n");
}

/* What a broken rule is graded. */
static const char *grade_text(const struct oracle_rule *row)
{
    return row->fail || row->level == ORACLE_LEVEL_MUST ? "FAIL when broken" : "WARN when broken";
}

void oracle_explain(unsigned rule, const struct oracle_writer *writer)
{
    assert(rule < ORACLE_RULE_COUNT);
    const struct oracle_rule *row = &oracle_rules[rule];
    put_field(writer, row->id, row->title);
    put(writer, "\nlevel     ");
    put(writer, oracle_level_name(row->level));
    put(writer, row->decidable ? ", " : "");
    put(writer, row->decidable ? grade_text(row) : "");
    put(writer, "\nbinds     ");
    put(writer, oracle_binds_name(row->binds));
    put(writer, "\n");
    put_field(writer, "clause", row->cite);
    put_field(writer, "why", row->why);
    put_field(writer, "observed", row->observed);
    if (row->decidable) {
        put_field(writer, "decided", "from any trace that its observers were present for");
    } else {
        put_field(writer, "decided", "by no trace of the model:");
        put_field(writer, "", row->reason);
    }
}

/* Titles of the areas, by the letters before the number. */
static const struct {
    const char *prefix;
    const char *title;
} areas[] = {
    {"CRE", "Creation: socket, bind, listen, connect"},
    {"ACC", "Accept"},
    {"DAT", "Data transmission"},
    {"HCL", "Half-close"},
    {"CLO", "Graceful close"},
    {"RST", "Abrupt close"},
    {"TWT", "TIME-WAIT"},
    {"ERR", "Errors"},
    {"RDY", "Readiness"},
    {"TMO", "Timeouts"},
    {"BKL", "Backlog"},
    {"FDH", "Descriptors and heap"},
};

static void put_item(const struct oracle_writer *writer, const char *label, const char *text)
{
    put(writer, "- ");
    put(writer, label);
    put(writer, ": ");
    put(writer, text);
    put(writer, "\n");
}

static void put_rule(const struct oracle_writer *writer, const struct oracle_rule *row)
{
    put(writer, "\n### ");
    put(writer, row->id);
    put(writer, "\n\n");
    put(writer, row->title);
    put(writer, "\n\n- Level: ");
    put(writer, oracle_level_name(row->level));
    put(writer, row->decidable ? ", " : "");
    put(writer, row->decidable ? grade_text(row) : "");
    put(writer, "\n");
    put_item(writer, "Binds", oracle_binds_name(row->binds));
    put_item(writer, "Clause", row->cite);
    put_item(writer, "Why it matters", row->why);
    put_item(writer, "Observed", row->observed);
    if (!row->decidable) {
        put_item(writer, "Not decided by a trace of the model", row->reason);
    }
}

void oracle_reference(const struct oracle_writer *writer)
{
    put(writer, "# Rules\n\n"
                "Generated from the table in `harness/oracle/table.c`; change it there.\n\n"
                "A broken rule is FAIL where its level is MUST or where it loses data, kills the "
                "process, leaks or\n"
                "spins, and WARN elsewhere. What needed a fault that Linux never produces is at "
                "most WARN under the\n"
                "rule set `linux`. A rule whose observers were absent, or that nothing in the run "
                "is about, is SKIP.\n");
    for (size_t area = 0; area < sizeof areas / sizeof areas[0]; area++) {
        put(writer, "\n## ");
        put(writer, areas[area].title);
        put(writer, "\n");
        for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
            if (strncmp(oracle_rules[rule].id, areas[area].prefix, 3) == 0) {
                put_rule(writer, &oracle_rules[rule]);
            }
        }
    }
}
