/* What the sinks share: places, and making any bytes presentable. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "report/sink.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "trace/utf8.h"

enum status report_output_open(struct report_output *output, const struct report_place *place,
                               struct status_detail *detail)
{
    assert((place->path == NULL) != (place->stream == NULL));
    *output = (struct report_output){.stream = place->stream};
    if (place->path == NULL) {
        return STATUS_OK;
    }
    enum status status = trace_save_open(&output->file, place->path, detail);
    if (status == STATUS_OK) {
        output->is_file = true;
        output->stream = output->file.stream;
    }
    return status;
}

static const char *output_name(const struct report_output *output)
{
    return output->is_file ? output->file.path : "output";
}

enum status report_output_write(struct report_output *output, const struct trace_text *text,
                                struct status_detail *detail)
{
    if (text->failed != STATUS_OK) {
        return status_fail(detail, text->failed, "%s: a text is too large", output_name(output));
    }
    if (text->size == 0) {
        return STATUS_OK;
    }
    struct trace_output to = trace_output_stream(output->stream);
    enum status status = to.write(to.context, text->data, text->size, detail);
    return status == STATUS_OK ? status : status_wrap(detail, status, "%s", output_name(output));
}

enum status report_output_commit(struct report_output *output, struct status_detail *detail)
{
    enum status status = STATUS_OK;
    if (output->is_file) {
        status = trace_save_commit(&output->file, detail);
    } else {
        errno = 0;
        if (fflush(output->stream) != 0 || ferror(output->stream) != 0) {
            status = status_fail(detail, STATUS_IO, "output: cannot write: %s",
                                 errno != 0 ? strerror(errno) : "an earlier write failed");
        }
    }
    *output = (struct report_output){0};
    return status;
}

void report_output_abandon(struct report_output *output)
{
    if (output->is_file) {
        trace_save_abandon(&output->file);
    }
    *output = (struct report_output){0};
}

/* Characters that are well-formed and yet not for showing: C1 controls and the two non-characters
 * that XML 1.0 leaves out of Char (section 2.2). */
static bool is_hidden(const char *at, size_t length)
{
    const unsigned char *byte = (const unsigned char *)at;
    if (length == 1) {
        return byte[0] < 0x20 || byte[0] == 0x7F;
    }
    bool control = length == 2 && byte[0] == 0xC2 && byte[1] < 0xA0;
    bool none = length == 3 && byte[0] == 0xEF && byte[1] == 0xBF && byte[2] >= 0xBE;
    return control || none;
}

void report_add_clean(struct trace_text *out, const char *text, enum report_clean how)
{
    size_t size = text != NULL ? strlen(text) : 0;
    for (size_t at = 0; at < size;) {
        size_t run = at;
        size_t length = 0;
        while (run < size && (length = trace_utf8_length(text + run, size - run)) > 0 &&
               !is_hidden(text + run, length)) {
            run += length;
        }
        trace_text_add(out, text + at, run - at);
        at = run;
        if (at == size) {
            break;
        }
        if (text[at] == '\n' || text[at] == '\t') {
            trace_text_add(out, how == REPORT_CLEAN_LINES ? text + at : " ", 1);
        } else {
            trace_text_print(out, "\\x%02x", (unsigned)(unsigned char)text[at]);
        }
        at++;
    }
}
