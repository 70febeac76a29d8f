/* Printing the matrix. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/matrix.h"

#include <string.h>

#include "base/grade.h"
#include "oracle/oracle.h"
#include "suite/run.h"

/* From what matters most to what matters least. */
static const enum grade order[] = {GRADE_ERROR, GRADE_FAIL, GRADE_WARN, GRADE_EXPECTED,
                                   GRADE_INFO,  GRADE_PASS, GRADE_SKIP};
enum { ORDERED = sizeof(order) / sizeof(order[0]) };

/* The worst grade of a rule; an empty string where it has none. */
static const char *worst(const json_t *report, const char *rule, int *ret_count)
{
    int counts[ORDERED] = {0};
    size_t index = 0;
    const json_t *verdict = NULL;
    json_array_foreach(json_object_get(report, "verdicts"), index, verdict)
    {
        const char *its = json_string_value(json_object_get(verdict, "rule"));
        const char *grade = json_string_value(json_object_get(verdict, "grade"));
        for (unsigned i = 0; i < ORDERED && its != NULL && grade != NULL; i++) {
            counts[i] += strcmp(its, rule) == 0 && strcmp(grade, grade_name(order[i])) == 0;
        }
    }
    for (unsigned i = 0; i < ORDERED; i++) {
        if (counts[i] > 0) {
            *ret_count = counts[i];
            return grade_name(order[i]);
        }
    }
    return "";
}

static void print_row(FILE *out, const struct matrix_column *columns, int count, const char *rule)
{
    bool any = false;
    for (int i = 0; i < count; i++) {
        int times = 0;
        any = any || worst(columns[i].report, rule, &times)[0] != '\0';
    }
    if (!any) {
        return;
    }
    (void)fprintf(out, "%-8s", rule);
    for (int i = 0; i < count; i++) {
        int times = 0;
        const char *grade = worst(columns[i].report, rule, &times);
        char cell[32] = "-";
        if (columns[i].report == NULL) {
            (void)snprintf(cell, sizeof(cell), "ERROR");
        } else if (grade[0] != '\0') {
            (void)snprintf(cell, sizeof(cell), "%s %d", grade, times);
        }
        (void)fprintf(out, "  %-12s", cell);
    }
    (void)fputc('\n', out);
}

void matrix_print(FILE *out, const struct matrix_column *columns, int count)
{
    static const char *const own[] = {SUITE_RULE_CASE, SUITE_RULE_CRASH, SUITE_RULE_HANG};
    (void)fprintf(out, "%-8s", "rule");
    for (int i = 0; i < count; i++) {
        (void)fprintf(out, "  %-12s", columns[i].name);
    }
    (void)fputc('\n', out);
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        print_row(out, columns, count, oracle_rules[rule].id);
    }
    for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        print_row(out, columns, count, own[i]);
    }
}
