/* Texts of the status codes and the handling of details. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STATUS_TEXT(name, text) [STATUS_##name] = (text),
static const char *const texts[] = {STATUS_TABLE(STATUS_TEXT)};
#undef STATUS_TEXT
_Static_assert(sizeof texts / sizeof *texts == STATUS_COUNT, "one text per status");

const char *status_text(enum status status)
{
    return (unsigned)status < STATUS_COUNT ? texts[status] : "unknown status";
}

enum status status_fail(struct status_detail *detail, enum status status, const char *format, ...)
{
    assert(status != STATUS_OK);
    if (detail != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(detail->text, sizeof detail->text, format, args);
        va_end(args);
    }
    return status;
}

enum status status_wrap(struct status_detail *detail, enum status status, const char *format, ...)
{
    if (detail == NULL || status == STATUS_OK) {
        return status;
    }
    struct status_detail old = *detail;
    va_list args;
    va_start(args, format);
    int prefix = vsnprintf(detail->text, sizeof detail->text, format, args);
    va_end(args);
    size_t used = prefix < 0 ? 0 : (size_t)prefix;
    for (const char *part = ": "; *part != '\0' && used + 1 < sizeof detail->text; part++) {
        detail->text[used++] = *part;
    }
    for (const char *part = old.text; *part != '\0' && used + 1 < sizeof detail->text; part++) {
        detail->text[used++] = *part;
    }
    detail->text[used < sizeof detail->text ? used : sizeof detail->text - 1] = '\0';
    return status;
}
