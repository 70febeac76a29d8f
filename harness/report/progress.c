/* How far a run is, on a line of a terminal that goes away before anything else is written there.
 * It is added before the sinks that write to the same terminal. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "report/sink.h"

struct progress_sink {
    struct report_sink sink;
    FILE *terminal;
    uint32_t cases; /* that will be run */
    uint32_t told;
};

static void clear_line(const struct progress_sink *to)
{
    (void)fputs("\r\033[K", to->terminal);
    (void)fflush(to->terminal);
}

static void draw_line(const struct progress_sink *to)
{
    (void)fprintf(to->terminal, "\r\033[K%" PRIu32 " of %" PRIu32 " cases", to->told, to->cases);
    (void)fflush(to->terminal);
}

static enum status progress_begin(struct report_sink *sink, const struct report_target *target,
                                  struct status_detail *detail)
{
    struct progress_sink *to = (struct progress_sink *)sink;
    (void)detail;
    to->cases = target->cases;
    return STATUS_OK;
}

static enum status progress_case_begin(struct report_sink *sink,
                                       const struct report_case *test_case,
                                       struct status_detail *detail)
{
    (void)test_case;
    (void)detail;
    clear_line((struct progress_sink *)sink);
    return STATUS_OK;
}

static enum status progress_verdict(struct report_sink *sink, const struct report_case *test_case,
                                    const struct report_verdict *verdict,
                                    struct status_detail *detail)
{
    (void)sink;
    (void)test_case;
    (void)verdict;
    (void)detail;
    return STATUS_OK;
}

static enum status progress_case_end(struct report_sink *sink, const struct report_case *test_case,
                                     struct status_detail *detail)
{
    struct progress_sink *to = (struct progress_sink *)sink;
    (void)test_case;
    (void)detail;
    to->told++;
    draw_line(to);
    return STATUS_OK;
}

static enum status progress_notice(struct report_sink *sink, const char *text,
                                   struct status_detail *detail)
{
    (void)text;
    (void)detail;
    clear_line((struct progress_sink *)sink);
    return STATUS_OK;
}

static enum status progress_end(struct report_sink *sink, const struct report_summary *summary,
                                struct status_detail *detail)
{
    (void)summary;
    (void)detail;
    clear_line((struct progress_sink *)sink);
    return STATUS_OK;
}

static void progress_free(struct report_sink *sink)
{
    free(sink);
}

static const struct report_sink_operations progress_operations = {.begin = progress_begin,
                                                                  .case_begin = progress_case_begin,
                                                                  .verdict = progress_verdict,
                                                                  .case_end = progress_case_end,
                                                                  .notice = progress_notice,
                                                                  .end = progress_end,
                                                                  .free = progress_free};

enum status report_progress_new(FILE *terminal, struct report_sink **ret_sink,
                                struct status_detail *detail)
{
    struct progress_sink *to = calloc(1, sizeof *to);
    if (to == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "out of memory for the report");
    }
    to->sink.operations = &progress_operations;
    to->terminal = terminal;
    *ret_sink = &to->sink;
    return STATUS_OK;
}
