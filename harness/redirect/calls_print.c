/* Redirected calls: printing to the program's own stdout and stderr, diagnostics and the system
 * log. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"
#include "redirect/calls.h"
#include "redirect/task.h"

/* The variables of the C library that programs may name; ours for each program. */
char *sockspec_call_program_invocation_name0, *sockspec_call_program_invocation_name1;
char *sockspec_call_program_invocation_short_name0, *sockspec_call_program_invocation_short_name1;
void (*sockspec_call_error_print_progname0)(void);
void (*sockspec_call_error_print_progname1)(void);
unsigned sockspec_call_error_message_count0, sockspec_call_error_message_count1;
int sockspec_call_error_one_per_line0, sockspec_call_error_one_per_line1;

/* A stream of the running program; NULL while none runs. */
static FILE *standard(int fd)
{
    return redirect_task == NULL ? NULL : redirect_task->streams.standard[fd].file;
}

/* The parts of a line, written at once unless it is very long. */
static void write_line(FILE *file, const char *const *parts, unsigned count)
{
    char line[1024];
    size_t used = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t size = strlen(parts[i]);
        if (size > sizeof line - used) {
            (void)fwrite(line, 1, used, file);
            (void)fwrite(parts[i], 1, size, file);
            used = 0;
            continue;
        }
        bytes_copy(line + used, parts[i], size);
        used += size;
    }
    (void)fwrite(line, 1, used, file);
}

static const char *program_name(void)
{
    return redirect_task->argc > 0 ? redirect_task->argv[0] : "";
}

int sockspec_call_vprintf(const char *format, va_list arguments)
{
    FILE *file = standard(STDOUT_FILENO);
    return file == NULL ? 0 : vfprintf(file, format, arguments);
}

int sockspec_call_printf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = sockspec_call_vprintf(format, arguments);
    va_end(arguments);
    return result;
}

int sockspec_call___vprintf_chk(int flag, const char *format, va_list arguments)
{
    (void)flag;
    return sockspec_call_vprintf(format, arguments);
}

int sockspec_call___printf_chk(int flag, const char *format, ...)
{
    (void)flag;
    va_list arguments;
    va_start(arguments, format);
    int result = sockspec_call_vprintf(format, arguments);
    va_end(arguments);
    return result;
}

int sockspec_call_puts(const char *text)
{
    FILE *file = standard(STDOUT_FILENO);
    if (file == NULL) {
        return 0;
    }
    return fputs(text, file) < 0 || fputc('\n', file) == EOF ? EOF : (int)(strlen(text) + 1);
}

int sockspec_call_putchar(int character)
{
    FILE *file = standard(STDOUT_FILENO);
    return file == NULL ? character : fputc(character, file);
}

int sockspec_call_putchar_unlocked(int character)
{
    return sockspec_call_putchar(character);
}

/* One formatted message, "name: text: strerror\n", written at once as the C library does on stderr.
 */
static void complain(const char *prefix, const char *separator, const char *format,
                     va_list arguments, const int *error)
{
    FILE *file = standard(STDERR_FILENO);
    char text[1024];
    int saved = errno;
    if (file == NULL) {
        return;
    }
    text[0] = '\0';
    if (format != NULL) {
        (void)vsnprintf(text, sizeof text, format, arguments);
    }
    const char *colon = error != NULL && format != NULL ? ": " : "";
    (void)fprintf(file, "%s%s%s%s%s\n", prefix, separator, text, colon,
                  error == NULL ? "" : strerror(*error));
    errno = saved;
}

static void complain_plain(const char *prefix, const char *separator, const int *error,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));
static void complain_plain(const char *prefix, const char *separator, const int *error,
                           const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(prefix, separator, format, arguments, error);
    va_end(arguments);
}

/* Programs complain at every want of descriptors, and fprintf would take longer than the call that
 * failed. */
void sockspec_call_perror(const char *text)
{
    int error = errno;
    FILE *file = standard(STDERR_FILENO);
    if (file != NULL) {
        bool named = text != NULL && text[0] != '\0';
        const char *parts[] = {named ? text : "", named ? ": " : "", strerror(error), "\n"};
        write_line(file, parts, sizeof parts / sizeof parts[0]);
    }
    errno = error;
}

void sockspec_call_psignal(int number, const char *text)
{
    bool named = text != NULL && text[0] != '\0';
    if (redirect_task != NULL) {
        complain_plain(named ? text : "", named ? ": " : "", NULL, "%s", strsignal(number));
    }
}

void sockspec_call_vwarn(const char *format, va_list arguments)
{
    int error = errno;
    if (redirect_task != NULL) {
        complain(program_name(), ": ", format, arguments, &error);
    }
}

void sockspec_call_vwarnx(const char *format, va_list arguments)
{
    if (redirect_task != NULL) {
        complain(program_name(), ": ", format, arguments, NULL);
    }
}

void sockspec_call_warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    sockspec_call_vwarn(format, arguments);
    va_end(arguments);
}

void sockspec_call_warnx(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    sockspec_call_vwarnx(format, arguments);
    va_end(arguments);
}

void sockspec_call_verr(int status, const char *format, va_list arguments)
{
    sockspec_call_vwarn(format, arguments);
    sockspec_call_exit(status);
}

void sockspec_call_verrx(int status, const char *format, va_list arguments)
{
    sockspec_call_vwarnx(format, arguments);
    sockspec_call_exit(status);
}

void sockspec_call_err(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    sockspec_call_verr(status, format, arguments);
    va_end(arguments);
}

void sockspec_call_errx(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    sockspec_call_verrx(status, format, arguments);
    va_end(arguments);
}

/* error(3) flushes stdout first and exits only for a status other than 0. */
static void report(int status, int error, const char *place, const char *format, va_list arguments)
{
    if (redirect_task == NULL) {
        return;
    }
    (void)redirect_streams_flush(&redirect_task->streams);
    char prefix[512];
    (void)snprintf(prefix, sizeof prefix, "%s:%s", program_name(), place);
    complain(prefix, " ", format, arguments, error == 0 ? NULL : &error);
    unsigned *count = redirect_task->slot == 0 ? &sockspec_call_error_message_count0
                                               : &sockspec_call_error_message_count1;
    (*count)++;
    if (status != 0) {
        sockspec_call_exit(status);
    }
}

void sockspec_call_error(int status, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report(status, error, "", format, arguments);
    va_end(arguments);
}

void sockspec_call_error_at_line(int status, int error, const char *file, unsigned line,
                                 const char *format, ...)
{
    char place[256];
    (void)snprintf(place, sizeof place, "%s:%u:", file, line);
    va_list arguments;
    va_start(arguments, format);
    report(status, error, place, format, arguments);
    va_end(arguments);
}

/* dprintf: formatted in one piece, written in one call where it fits the descriptor. */
int sockspec_call_vdprintf(int fd, const char *format, va_list arguments)
{
    char *text = NULL;
    int size = vasprintf(&text, format, arguments);
    if (size < 0) {
        return -1;
    }
    for (int done = 0; done < size;) {
        ssize_t put = sockspec_call_write(fd, text + done, (size_t)(size - done));
        if (put < 0) {
            size = -1;
            break;
        }
        done += (int)put;
    }
    free(text);
    return size;
}

int sockspec_call_dprintf(int fd, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = sockspec_call_vdprintf(fd, format, arguments);
    va_end(arguments);
    return result;
}

int sockspec_call___vdprintf_chk(int fd, int flag, const char *format, va_list arguments)
{
    (void)flag;
    return sockspec_call_vdprintf(fd, format, arguments);
}

int sockspec_call___dprintf_chk(int fd, int flag, const char *format, ...)
{
    (void)flag;
    va_list arguments;
    va_start(arguments, format);
    int result = sockspec_call_vdprintf(fd, format, arguments);
    va_end(arguments);
    return result;
}

/* The system log is a socket of the C library that no world of ours has: its messages go to stderr.
 */
void sockspec_call_openlog(const char *name, int option, int facility)
{
    (void)name, (void)option, (void)facility;
}

void sockspec_call_closelog(void) {}

int sockspec_call_setlogmask(int mask)
{
    if (redirect_task == NULL) {
        return 0;
    }
    int old = redirect_task->log_mask;
    redirect_task->log_mask = mask != 0 ? mask : old;
    return old;
}

void sockspec_call_vsyslog(int priority, const char *format, va_list arguments)
{
    if (redirect_task != NULL && (redirect_task->log_mask & LOG_MASK(LOG_PRI(priority))) != 0) {
        complain("syslog", ": ", format, arguments, NULL);
    }
}

void sockspec_call_syslog(int priority, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    sockspec_call_vsyslog(priority, format, arguments);
    va_end(arguments);
}

void sockspec_call___vsyslog_chk(int priority, int flag, const char *format, va_list arguments)
{
    (void)flag;
    sockspec_call_vsyslog(priority, format, arguments);
}

void sockspec_call___syslog_chk(int priority, int flag, const char *format, ...)
{
    (void)flag;
    va_list arguments;
    va_start(arguments, format);
    sockspec_call_vsyslog(priority, format, arguments);
    va_end(arguments);
}
