/* Events in words. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/describe.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "trace/form.h"
#include "trace/option.h"

/* A line in a buffer of fixed size; what does not fit is cut. */
struct phrase {
    char *at;
    char *end; /* one past the last byte */
};

static struct phrase phrase_start(char *buffer, size_t size)
{
    assert(size > 0);
    buffer[0] = '\0';
    return (struct phrase){buffer, buffer + size};
}

static void phrase_add(struct phrase *words, const char *format, ...) STATUS_PRINTF(2, 3);
static void phrase_add(struct phrase *words, const char *format, ...)
{
    size_t room = (size_t)(words->end - words->at);
    va_list args;
    va_start(args, format);
    int size = vsnprintf(words->at, room, format, args);
    va_end(args);
    if (size > 0) {
        words->at += (size_t)size < room ? (size_t)size : room - 1;
    }
}

static void add_bits(struct phrase *words, const struct trace_names *names, int64_t value)
{
    uint64_t rest = (uint64_t)value;
    const char *bar = "";
    for (unsigned i = 0; i < names->count; i++) {
        if ((rest & names->bits[i]) != 0) {
            phrase_add(words, "%s%s", bar, names->texts[i]);
            rest &= ~names->bits[i];
            bar = "|";
        }
    }
    if (rest != 0 || value == 0) {
        phrase_add(words, rest != 0 ? "%s0x%" PRIx64 : "%s%" PRIu64, bar, rest);
    }
}

const char *trace_describe_poll(int64_t bits, char *buffer, size_t size)
{
    struct phrase words = phrase_start(buffer, size);
    add_bits(&words, &trace_names_poll, bits);
    return buffer;
}

static void add_span(struct phrase *words, int64_t us)
{
    if (us < 0) {
        phrase_add(words, "for ever");
    } else if (us % 1000000 == 0) {
        phrase_add(words, "%" PRId64 " s", us / 1000000);
    } else if (us % 1000 == 0) {
        phrase_add(words, "%" PRId64 " ms", us / 1000);
    } else {
        phrase_add(words, "%" PRId64 ".%03d ms", us / 1000, (int)(us % 1000));
    }
}

const char *trace_describe_span(int64_t us, char *buffer, size_t size)
{
    struct phrase words = phrase_start(buffer, size);
    add_span(&words, us);
    return buffer;
}

static void add_option(struct phrase *words, int64_t packed)
{
    const char *name = trace_option_name(packed);
    if (name != NULL) {
        phrase_add(words, "%s", name);
    } else {
        phrase_add(words, "%" PRId64 ":%" PRId64, packed >> 16, packed & 0xFFFF);
    }
}

static void add_fcntl(struct phrase *words, int64_t command, int64_t argument)
{
    switch (command) {
    case F_GETFL:
        phrase_add(words, "F_GETFL");
        break;
    case F_SETFL:
        phrase_add(words, "F_SETFL, ");
        add_bits(words, &trace_names_open, argument);
        break;
    case F_GETFD:
        phrase_add(words, "F_GETFD");
        break;
    case F_SETFD:
        phrase_add(words, "F_SETFD, %s", argument == FD_CLOEXEC ? "FD_CLOEXEC" : "0");
        break;
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        phrase_add(words, "%s, %" PRId64, command == F_DUPFD ? "F_DUPFD" : "F_DUPFD_CLOEXEC",
                   argument);
        break;
    default:
        phrase_add(words, "%" PRId64 ", %" PRId64, command, argument);
        break;
    }
}

static void add_ioctl(struct phrase *words, int64_t request, int64_t value)
{
    if (request == FIONBIO) {
        phrase_add(words, "FIONBIO, %" PRId64, value);
    } else if (request == FIONREAD) {
        phrase_add(words, "FIONREAD");
    } else {
        phrase_add(words, "0x%" PRIx64, (uint64_t)request);
    }
}

static void add_epoll_ctl(struct phrase *words, const struct trace_event *event)
{
    static const char *const operations[] = {"?", "ADD", "DEL", "MOD"};
    unsigned operation = (unsigned)(event->a & 0xFF);
    phrase_add(words, "%" PRId64 ", %s, %d", event->a >> 8,
               operations[operation < 4 ? operation : 0], event->fd);
    if (operation != EPOLL_CTL_DEL) {
        phrase_add(words, ", ");
        add_bits(words, &trace_names_poll, event->b);
    }
}

static void add_wait(struct phrase *words, const struct trace_event *event)
{
    bool epoll = event->what == TRACE_CALL_EPOLL_WAIT || event->what == TRACE_CALL_EPOLL_PWAIT;
    if (epoll && event->fd >= 0) {
        phrase_add(words, "%d", event->fd);
    } else {
        phrase_add(words, "%" PRId64 " fd%s", event->a, event->a == 1 ? "" : "s");
    }
    if (event->b >= 0) {
        phrase_add(words, ", ");
        add_span(words, event->b);
    }
}

static void add_sigaction(struct phrase *words, const struct trace_event *event)
{
    static const char *const handlings[] = {"default", "ignored", "handler"};
    const char *name = trace_names_text(&trace_names_signal, event->a);
    unsigned handling = (unsigned)(event->b & 0xFF);
    phrase_add(words, "%s, %s%s", name != NULL ? name : "?",
               handling < 3 ? handlings[handling] : "?",
               (event->b & 0x100) != 0 ? "|SA_RESTART" : "");
}

/* "5" and what follows it, or nothing in front where the call has no descriptor. */
static void add_fd(struct phrase *words, const struct trace_event *event)
{
    if (event->fd >= 0) {
        phrase_add(words, "%d", event->fd);
    }
}

static void add_transfer(struct phrase *words, const struct trace_event *event)
{
    phrase_add(words, "%d, %" PRId64, event->fd, event->a);
    int64_t shown = event->b & ~(int64_t)MSG_NOSIGNAL;
    if (shown != 0) {
        phrase_add(words, ", ");
        add_bits(words, &trace_names_message, shown);
    }
}

static void add_arguments(struct phrase *words, const struct trace_event *event)
{
    static const char *const hows[] = {"SHUT_RD", "SHUT_WR", "SHUT_RDWR"};
    switch (trace_call_family((enum trace_call)event->what)) {
    case SCENARIO_CALL_RECV:
    case SCENARIO_CALL_SEND:
        add_transfer(words, event);
        return;
    case SCENARIO_CALL_WAIT:
        add_wait(words, event);
        return;
    case SCENARIO_CALL_OPTION:
        phrase_add(words, "%d, ", event->fd);
        add_option(words, event->a);
        phrase_add(words, ", %" PRId64, event->b);
        return;
    case SCENARIO_CALL_BIND:
    case SCENARIO_CALL_CONNECT:
        phrase_add(words, "%d, port %" PRId64, event->fd, event->a);
        return;
    case SCENARIO_CALL_LISTEN:
        phrase_add(words, "%d, %" PRId64, event->fd, event->a);
        return;
    case SCENARIO_CALL_SHUTDOWN:
        phrase_add(words, "%d, %s", event->fd,
                   event->a >= 0 && event->a < 3 ? hows[event->a] : "?");
        return;
    case SCENARIO_CALL_SLEEP:
        if (event->what == TRACE_CALL_SLEEP) {
            add_span(words, event->a);
        }
        return;
    default:
        break;
    }
    switch (event->what) {
    case TRACE_CALL_FCNTL:
        phrase_add(words, "%d, ", event->fd);
        add_fcntl(words, event->a, event->b);
        break;
    case TRACE_CALL_IOCTL:
        phrase_add(words, "%d, ", event->fd);
        add_ioctl(words, event->a, event->b);
        break;
    case TRACE_CALL_EPOLL_CTL:
        add_epoll_ctl(words, event);
        break;
    case TRACE_CALL_DUP2:
    case TRACE_CALL_DUP3:
        phrase_add(words, "%d, %" PRId64, event->fd, event->a);
        break;
    case TRACE_CALL_SIGACTION:
        add_sigaction(words, event);
        break;
    case TRACE_CALL_EXIT:
        phrase_add(words, "%" PRId64, event->a);
        break;
    default:
        /* A call that makes a descriptor carries it in its result. */
        if (trace_call_family((enum trace_call)event->what) != SCENARIO_CALL_SOCKET) {
            add_fd(words, event);
        }
        break;
    }
}

const char *trace_describe_call(const struct trace_event *event, char *buffer, size_t size)
{
    struct phrase words = phrase_start(buffer, size);
    phrase_add(&words, "%s(", trace_call_name((enum trace_call)event->what));
    if (event->kind == TRACE_BLOCK) {
        add_fd(&words, event);
        phrase_add(&words, ") ...");
        return buffer;
    }
    add_arguments(&words, event);
    phrase_add(&words, ") = %" PRId64, event->result);
    if (event->err != 0) {
        phrase_add(&words, " %s", trace_errno_name(event->err));
    }
    return buffer;
}

const char *trace_describe_segment(const struct trace_event *event, char *buffer, size_t size)
{
    static const char *const texts[SCENARIO_SEGMENT_COUNT] = {
        "segment", "SYN", "SYN+ACK", "ACK", "data", "FIN", "RST", "urgent"};
    struct phrase words = phrase_start(buffer, size);
    phrase_add(&words, "%s", event->what < SCENARIO_SEGMENT_COUNT ? texts[event->what] : "?");
    if (event->b > 0) {
        phrase_add(&words, " %" PRId64, event->b);
    }
    if (event->what == SCENARIO_SEGMENT_DATA && event->a > 0) {
        phrase_add(&words, " @%" PRId64, event->a);
    }
    return buffer;
}

static const char *verb_text(unsigned verb)
{
    const char *text = trace_names_text(&trace_names_verb, (int64_t)verb);
    return text != NULL ? text : "?";
}

static void add_step(struct phrase *words, const struct trace_event *event)
{
    const char *verb = verb_text(event->what);
    const char *word = strchr(verb, ' ');
    phrase_add(words, "step %" PRId64 ": ", event->a);
    if (event->fd > 0 && word != NULL) {
        phrase_add(words, "%.*s %d%s", (int)(word - verb), verb, event->fd, word);
    } else {
        phrase_add(words, "%s", verb);
    }
    if (event->kind == TRACE_NOOP) {
        phrase_add(words, " had no effect: %s", trace_noop_name((enum trace_noop)event->b));
    }
}

static void add_fault(struct phrase *words, const struct trace_event *event)
{
    if (event->what == TRACE_CALL_NONE) {
        phrase_add(words, "ICMP about descriptor %d: destination unreachable, code %" PRId64,
                   event->fd, event->a);
        return;
    }
    phrase_add(words, "fault: %s", trace_call_name((enum trace_call)event->what));
    if (event->fd >= 0) {
        phrase_add(words, "(%d)", event->fd);
    }
    if (event->err != 0) {
        phrase_add(words, " fails with %s", trace_errno_name(event->err));
    } else {
        phrase_add(words, " takes at most %" PRId64 " byte%s", event->a, event->a == 1 ? "" : "s");
    }
    if (event->b == 1) {
        phrase_add(words, " (allowed by POSIX only)");
    }
}

static void add_signal(struct phrase *words, const struct trace_event *event)
{
    const char *name = trace_names_text(&trace_names_signal, event->what);
    const char *how = trace_names_text(&trace_names_disposition, event->a);
    phrase_add(words, "signal %s%s: %s", name != NULL ? name : "?",
               event->b == 1 ? " from the kernel" : "", how != NULL ? how : "?");
}

static void add_exit(struct phrase *words, const struct trace_event *event)
{
    phrase_add(words, "the target %s", trace_exit_name((enum trace_exit)event->what));
    if (event->what == TRACE_EXIT_CRASHED && event->result < 0) {
        phrase_add(words, " with status %" PRIu64, -(uint64_t)event->result);
    } else if (event->what == TRACE_EXIT_SIGNALLED || event->what == TRACE_EXIT_CRASHED) {
        const char *name = trace_names_text(&trace_names_signal, event->result);
        phrase_add(words, " (%s)", name != NULL ? name : "no signal");
    } else if (event->what == TRACE_EXIT_RETURNED || event->what == TRACE_EXIT_STOPPED_BY_HANDLER) {
        phrase_add(words, " with status %" PRId64, event->result);
    }
    phrase_add(words, ", holding %" PRId64 " descriptors and %" PRId64 " heap blocks", event->a,
               event->b);
}

static void add_peer(struct phrase *words, const struct trace_event *event)
{
    phrase_add(words, "peer");
    if (event->fd > 0) {
        phrase_add(words, " %d", event->fd);
    }
    phrase_add(words, " %s", trace_peer_name((enum trace_peer)event->what));
    if (event->what == TRACE_PEER_SENT || event->what == TRACE_PEER_READ) {
        phrase_add(words, " %" PRId64, event->a);
    }
    if (event->err != 0) {
        phrase_add(words, " %s", trace_errno_name(event->err));
    }
}

static const char *host_text(unsigned host)
{
    const char *text = trace_names_text(&trace_names_host, (int64_t)host);
    return text != NULL ? text : "?";
}

static void add_state(struct phrase *words, const struct trace_event *event)
{
    phrase_add(words, "%s: %s -> %s (%s)", host_text(event->host), trace_state_text(event->a),
               trace_state_text(event->what),
               trace_state_sampled(event) ? "seen" : trace_event_text(event->b));
}

static void add_dialogue(struct phrase *words, const struct trace_event *event)
{
    phrase_add(words, "%s", trace_dialogue_name((enum trace_dialogue)event->what));
    if (event->a > 0) {
        phrase_add(words, ", message %" PRId64, event->a);
    }
    if (event->what == TRACE_DIALOGUE_RESPONSE_WRONG ||
        event->what == TRACE_DIALOGUE_REQUEST_WRONG) {
        phrase_add(words, " at byte %" PRId64, event->b);
    }
}

static void add_phase(struct phrase *words, const struct trace_event *event)
{
    static const char *const texts[TRACE_PHASE_COUNT] = {
        [TRACE_PHASE_STARTED] = "the target starts",
        [TRACE_PHASE_READY] = "the target is ready",
        [TRACE_PHASE_PLAYED] = "all steps are played; the peers close",
        [TRACE_PHASE_QUIET] = "quiet: what is held now is held for ever",
        [TRACE_PHASE_BROKEN_OFF] =
            "the clock can run on no further: what is held now may yet be let go",
        [TRACE_PHASE_STOPPING] = "the target is asked to stop",
        [TRACE_PHASE_ENDED] = "the end"};
    phrase_add(words, "%s", event->what < TRACE_PHASE_COUNT ? texts[event->what] : "?");
    if (event->a > 0 || event->b > 0) {
        phrase_add(words, " (%" PRId64 " descriptors, ", event->a);
        if (event->b == 0 && event->result > 0) {
            phrase_add(words, "%" PRId64 " KiB of memory)", event->result / 1024);
        } else {
            phrase_add(words, "%" PRId64 " heap blocks)", event->b);
        }
    }
}

static void add_file(struct phrase *words, const struct trace_event *event)
{
    const char *file = trace_file_name((enum trace_file)event->what);
    if (event->kind == TRACE_FD_OPEN) {
        phrase_add(words, "descriptor %d (%s) opened, %" PRId64 " open now", event->fd, file,
                   event->b);
    } else {
        phrase_add(words, "descriptor %d (%s) closed%s, %" PRId64 " open now", event->fd, file,
                   event->a == 1 ? "" : " (a copy stays)", event->b);
    }
}

static void add_segment(struct phrase *words, const struct trace_event *event)
{
    char segment[TRACE_DESCRIBE_MAX];
    phrase_add(words, "%s's %s %s", host_text(event->host),
               trace_describe_segment(event, segment, sizeof segment),
               trace_fate_name((enum trace_fate)event->result));
}

static void add_ready(struct phrase *words, const struct trace_event *event)
{
    phrase_add(words, "descriptor %d ready: ", event->fd);
    add_bits(words, &trace_names_poll, event->b);
}

static void add_call(struct phrase *words, const struct trace_event *event)
{
    char call[TRACE_DESCRIBE_MAX];
    phrase_add(words, "%s", trace_describe_call(event, call, sizeof call));
}

static void add_time(struct phrase *words, const struct trace_event *event)
{
    add_span(words, event->a);
    phrase_add(words, " pass");
}

static void add_other(struct phrase *words, const struct trace_event *event)
{
    switch (event->kind) {
    case TRACE_HEAP:
        phrase_add(words,
                   "heap at rest: %" PRId64 " blocks, %" PRId64 " bytes after %" PRId64
                   " dialogues",
                   event->a, event->b, event->result);
        break;
    case TRACE_SPIN:
        phrase_add(words, "spinning: %" PRId64 " calls of %s", event->a,
                   trace_call_name((enum trace_call)event->what));
        if (event->fd >= 0) {
            phrase_add(words, "(%d)", event->fd);
        }
        phrase_add(words, " while nothing changes");
        break;
    case TRACE_PROCESS:
        phrase_add(words, "child %" PRId64 " (process %" PRId64 "): %s", event->a, event->result,
                   trace_process_name((enum trace_process)event->what));
        break;
    case TRACE_BYTES:
        phrase_add(words, "descriptor %d: %" PRId64 " bytes from offset %" PRId64 ", %s", event->fd,
                   event->result, event->a, trace_bytes_name((enum trace_bytes)event->what));
        break;
    case TRACE_THREAD:
        phrase_add(words, "thread %" PRId64 " %s", event->a,
                   trace_thread_name((enum trace_thread)event->what));
        if (event->what == TRACE_THREAD_WAITS) {
            phrase_add(words, " for a %s", trace_wait_name((enum trace_wait)event->b));
            if (event->result >= 0) {
                phrase_add(words, " that thread %" PRId64 " has", event->result);
            }
        }
        break;
    case TRACE_OUTPUT:
        phrase_add(words, "the target writes %" PRId64 " bytes to descriptor %d", event->a,
                   event->fd);
        break;
    case TRACE_UNSUPPORTED:
        phrase_add(words, "%s is not supported here (%" PRId64 ", %" PRId64 ")%s",
                   trace_call_name((enum trace_call)event->what), event->a, event->b,
                   event->result == 1 ? "; the run ends" : "");
        break;
    case TRACE_OVERFLOW:
        phrase_add(words, "the trace is full; the run ends");
        break;
    default:
        phrase_add(words, "%s", trace_kind_name((enum trace_kind)event->kind));
        break;
    }
}

const char *trace_describe(const struct trace_event *event, char *buffer, size_t size)
{
    static void (*const adders[TRACE_KIND_COUNT])(struct phrase *, const struct trace_event *) = {
        [TRACE_PHASE] = add_phase, [TRACE_CALL] = add_call,       [TRACE_BLOCK] = add_call,
        [TRACE_READY] = add_ready, [TRACE_FD_OPEN] = add_file,    [TRACE_FD_CLOSE] = add_file,
        [TRACE_STATE] = add_state, [TRACE_SEGMENT] = add_segment, [TRACE_DIALOGUE] = add_dialogue,
        [TRACE_PEER] = add_peer,   [TRACE_STEP] = add_step,       [TRACE_NOOP] = add_step,
        [TRACE_FAULT] = add_fault, [TRACE_TIME] = add_time,       [TRACE_SIGNAL] = add_signal,
        [TRACE_EXIT] = add_exit,
    };
    struct phrase words = phrase_start(buffer, size);
    if (event->kind < TRACE_KIND_COUNT && adders[event->kind] != NULL) {
        adders[event->kind](&words, event);
    } else {
        add_other(&words, event);
    }
    return buffer;
}
