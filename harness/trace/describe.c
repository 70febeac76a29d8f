/* Events in words. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/describe.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "trace/form.h"

/* A line in a buffer of fixed size; what does not fit is cut. */
struct words {
    char *at;
    char *end; /* one past the last byte */
};

static struct words words_start(char *buffer, size_t size)
{
    assert(size > 0);
    buffer[0] = '\0';
    return (struct words){buffer, buffer + size};
}

static void words_add(struct words *words, const char *format, ...) STATUS_PRINTF(2, 3);
static void words_add(struct words *words, const char *format, ...)
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

static void add_bits(struct words *words, const struct trace_names *names, int64_t value)
{
    uint64_t rest = (uint64_t)value;
    const char *bar = "";
    for (unsigned i = 0; i < names->count; i++) {
        if ((rest & names->bits[i]) != 0) {
            words_add(words, "%s%s", bar, names->texts[i]);
            rest &= ~names->bits[i];
            bar = "|";
        }
    }
    if (rest != 0 || value == 0) {
        words_add(words, rest != 0 ? "%s0x%" PRIx64 : "%s%" PRIu64, bar, rest);
    }
}

const char *trace_describe_poll(int64_t bits, char *buffer, size_t size)
{
    struct words words = words_start(buffer, size);
    add_bits(&words, &trace_names_poll, bits);
    return buffer;
}

static void add_span(struct words *words, int64_t us)
{
    if (us < 0) {
        words_add(words, "for ever");
    } else if (us % 1000000 == 0) {
        words_add(words, "%" PRId64 " s", us / 1000000);
    } else if (us % 1000 == 0) {
        words_add(words, "%" PRId64 " ms", us / 1000);
    } else {
        words_add(words, "%" PRId64 ".%03d ms", us / 1000, (int)(us % 1000));
    }
}

const char *trace_describe_span(int64_t us, char *buffer, size_t size)
{
    struct words words = words_start(buffer, size);
    add_span(&words, us);
    return buffer;
}

struct option_name {
    int level;
    int option;
    const char *text;
};

#define OPTION(level, name)                                                                        \
    {                                                                                              \
        level, name, #name                                                                         \
    }
static const struct option_name option_names[] = {
    OPTION(SOL_SOCKET, SO_REUSEADDR),      OPTION(SOL_SOCKET, SO_REUSEPORT),
    OPTION(SOL_SOCKET, SO_LINGER),         OPTION(SOL_SOCKET, SO_ERROR),
    OPTION(SOL_SOCKET, SO_KEEPALIVE),      OPTION(SOL_SOCKET, SO_RCVTIMEO),
    OPTION(SOL_SOCKET, SO_SNDTIMEO),       OPTION(SOL_SOCKET, SO_RCVBUF),
    OPTION(SOL_SOCKET, SO_SNDBUF),         OPTION(SOL_SOCKET, SO_TYPE),
    OPTION(SOL_SOCKET, SO_ACCEPTCONN),     OPTION(SOL_SOCKET, SO_OOBINLINE),
    OPTION(SOL_SOCKET, SO_BROADCAST),      OPTION(SOL_SOCKET, SO_RCVLOWAT),
    OPTION(IPPROTO_TCP, TCP_NODELAY),      OPTION(IPPROTO_TCP, TCP_CORK),
    OPTION(IPPROTO_TCP, TCP_KEEPIDLE),     OPTION(IPPROTO_TCP, TCP_KEEPINTVL),
    OPTION(IPPROTO_TCP, TCP_KEEPCNT),      OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT),
    OPTION(IPPROTO_TCP, TCP_DEFER_ACCEPT), OPTION(IPPROTO_TCP, TCP_INFO),
    OPTION(IPPROTO_TCP, TCP_SYNCNT),       OPTION(IPPROTO_TCP, TCP_MAXSEG),
    OPTION(IPPROTO_TCP, TCP_QUICKACK),     OPTION(IPPROTO_IPV6, IPV6_V6ONLY),
};
#undef OPTION

/* `packed` is level << 16 | name. */
static void add_option(struct words *words, int64_t packed)
{
    for (size_t i = 0; i < sizeof option_names / sizeof *option_names; i++) {
        if (packed == ((int64_t)option_names[i].level << 16 | option_names[i].option)) {
            words_add(words, "%s", option_names[i].text);
            return;
        }
    }
    words_add(words, "%" PRId64 ":%" PRId64, packed >> 16, packed & 0xFFFF);
}

static void add_fcntl(struct words *words, int64_t command, int64_t argument)
{
    switch (command) {
    case F_GETFL:
        words_add(words, "F_GETFL");
        break;
    case F_SETFL:
        words_add(words, "F_SETFL, ");
        add_bits(words, &trace_names_open, argument);
        break;
    case F_GETFD:
        words_add(words, "F_GETFD");
        break;
    case F_SETFD:
        words_add(words, "F_SETFD, %s", argument == FD_CLOEXEC ? "FD_CLOEXEC" : "0");
        break;
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        words_add(words, "%s, %" PRId64, command == F_DUPFD ? "F_DUPFD" : "F_DUPFD_CLOEXEC",
                  argument);
        break;
    default:
        words_add(words, "%" PRId64 ", %" PRId64, command, argument);
        break;
    }
}

static void add_ioctl(struct words *words, int64_t request, int64_t value)
{
    if (request == FIONBIO) {
        words_add(words, "FIONBIO, %" PRId64, value);
    } else if (request == FIONREAD) {
        words_add(words, "FIONREAD");
    } else {
        words_add(words, "0x%" PRIx64, (uint64_t)request);
    }
}

static void add_epoll_ctl(struct words *words, const struct trace_event *event)
{
    static const char *const operations[] = {"?", "ADD", "DEL", "MOD"};
    unsigned operation = (unsigned)(event->a & 0xFF);
    words_add(words, "%" PRId64 ", %s, %d", event->a >> 8,
              operations[operation < 4 ? operation : 0], event->fd);
    if (operation != EPOLL_CTL_DEL) {
        words_add(words, ", ");
        add_bits(words, &trace_names_poll, event->b);
    }
}

static void add_wait(struct words *words, const struct trace_event *event)
{
    bool epoll = event->what == TRACE_CALL_EPOLL_WAIT || event->what == TRACE_CALL_EPOLL_PWAIT;
    if (epoll && event->fd >= 0) {
        words_add(words, "%d", event->fd);
    } else {
        words_add(words, "%" PRId64 " fd%s", event->a, event->a == 1 ? "" : "s");
    }
    if (event->b >= 0) {
        words_add(words, ", ");
        add_span(words, event->b);
    }
}

static void add_sigaction(struct words *words, const struct trace_event *event)
{
    static const char *const handlings[] = {"default", "ignored", "handler"};
    const char *name = trace_names_text(&trace_names_signal, event->a);
    unsigned handling = (unsigned)(event->b & 0xFF);
    words_add(words, "%s, %s%s", name != NULL ? name : "?",
              handling < 3 ? handlings[handling] : "?",
              (event->b & 0x100) != 0 ? "|SA_RESTART" : "");
}

/* "5" and what follows it, or nothing in front where the call has no descriptor. */
static void add_fd(struct words *words, const struct trace_event *event)
{
    if (event->fd >= 0) {
        words_add(words, "%d", event->fd);
    }
}

static void add_transfer(struct words *words, const struct trace_event *event)
{
    words_add(words, "%d, %" PRId64, event->fd, event->a);
    int64_t shown = event->b & ~(int64_t)MSG_NOSIGNAL;
    if (shown != 0) {
        words_add(words, ", ");
        add_bits(words, &trace_names_message, shown);
    }
}

static void add_arguments(struct words *words, const struct trace_event *event)
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
        words_add(words, "%d, ", event->fd);
        add_option(words, event->a);
        words_add(words, ", %" PRId64, event->b);
        return;
    case SCENARIO_CALL_BIND:
    case SCENARIO_CALL_CONNECT:
        words_add(words, "%d, port %" PRId64, event->fd, event->a);
        return;
    case SCENARIO_CALL_LISTEN:
        words_add(words, "%d, %" PRId64, event->fd, event->a);
        return;
    case SCENARIO_CALL_SHUTDOWN:
        words_add(words, "%d, %s", event->fd, event->a >= 0 && event->a < 3 ? hows[event->a] : "?");
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
        words_add(words, "%d, ", event->fd);
        add_fcntl(words, event->a, event->b);
        break;
    case TRACE_CALL_IOCTL:
        words_add(words, "%d, ", event->fd);
        add_ioctl(words, event->a, event->b);
        break;
    case TRACE_CALL_EPOLL_CTL:
        add_epoll_ctl(words, event);
        break;
    case TRACE_CALL_DUP2:
    case TRACE_CALL_DUP3:
        words_add(words, "%d, %" PRId64, event->fd, event->a);
        break;
    case TRACE_CALL_SIGACTION:
        add_sigaction(words, event);
        break;
    case TRACE_CALL_EXIT:
        words_add(words, "%" PRId64, event->a);
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
    struct words words = words_start(buffer, size);
    words_add(&words, "%s(", trace_call_name((enum trace_call)event->what));
    if (event->kind == TRACE_BLOCK) {
        add_fd(&words, event);
        words_add(&words, ") ...");
        return buffer;
    }
    add_arguments(&words, event);
    words_add(&words, ") = %" PRId64, event->result);
    if (event->err != 0) {
        words_add(&words, " %s", trace_errno_name(event->err));
    }
    return buffer;
}

const char *trace_describe_segment(const struct trace_event *event, char *buffer, size_t size)
{
    static const char *const texts[SCENARIO_SEGMENT_COUNT] = {
        "segment", "SYN", "SYN+ACK", "ACK", "data", "FIN", "RST", "urgent"};
    struct words words = words_start(buffer, size);
    words_add(&words, "%s", event->what < SCENARIO_SEGMENT_COUNT ? texts[event->what] : "?");
    if (event->b > 0) {
        words_add(&words, " %" PRId64, event->b);
    }
    if (event->what == SCENARIO_SEGMENT_DATA && event->a > 0) {
        words_add(&words, " @%" PRId64, event->a);
    }
    return buffer;
}

static const char *verb_text(unsigned verb)
{
    const char *text = trace_names_text(&trace_names_verb, (int64_t)verb);
    return text != NULL ? text : "?";
}

static void add_step(struct words *words, const struct trace_event *event)
{
    const char *verb = verb_text(event->what);
    const char *word = strchr(verb, ' ');
    words_add(words, "step %" PRId64 ": ", event->a);
    if (event->fd > 0 && word != NULL) {
        words_add(words, "%.*s %d%s", (int)(word - verb), verb, event->fd, word);
    } else {
        words_add(words, "%s", verb);
    }
    if (event->kind == TRACE_NOOP) {
        words_add(words, " had no effect: %s", trace_noop_name((enum trace_noop)event->b));
    }
}

static void add_fault(struct words *words, const struct trace_event *event)
{
    words_add(words, "fault: %s", trace_call_name((enum trace_call)event->what));
    if (event->fd >= 0) {
        words_add(words, "(%d)", event->fd);
    }
    if (event->err != 0) {
        words_add(words, " fails with %s", trace_errno_name(event->err));
    } else {
        words_add(words, " takes at most %" PRId64 " byte%s", event->a, event->a == 1 ? "" : "s");
    }
    if (event->b == 1) {
        words_add(words, " (allowed by POSIX only)");
    }
}

static void add_signal(struct words *words, const struct trace_event *event)
{
    const char *name = trace_names_text(&trace_names_signal, event->what);
    const char *how = trace_names_text(&trace_names_disposition, event->a);
    words_add(words, "signal %s%s: %s", name != NULL ? name : "?",
              event->b == 1 ? " from the kernel" : "", how != NULL ? how : "?");
}

static void add_exit(struct words *words, const struct trace_event *event)
{
    words_add(words, "the target %s", trace_exit_name((enum trace_exit)event->what));
    if (event->what == TRACE_EXIT_SIGNALLED || event->what == TRACE_EXIT_CRASHED) {
        const char *name = trace_names_text(&trace_names_signal, event->result);
        words_add(words, " (%s)", name != NULL ? name : "no signal");
    } else if (event->what == TRACE_EXIT_RETURNED || event->what == TRACE_EXIT_STOPPED_BY_HANDLER) {
        words_add(words, " with status %" PRId64, event->result);
    }
    words_add(words, ", holding %" PRId64 " descriptors and %" PRId64 " heap blocks", event->a,
              event->b);
}

static void add_peer(struct words *words, const struct trace_event *event)
{
    words_add(words, "peer");
    if (event->fd > 0) {
        words_add(words, " %d", event->fd);
    }
    words_add(words, " %s", trace_peer_name((enum trace_peer)event->what));
    if (event->what == TRACE_PEER_SENT || event->what == TRACE_PEER_READ) {
        words_add(words, " %" PRId64, event->a);
    }
    if (event->err != 0) {
        words_add(words, " %s", trace_errno_name(event->err));
    }
}

static const char *host_text(unsigned host)
{
    const char *text = trace_names_text(&trace_names_host, (int64_t)host);
    return text != NULL ? text : "?";
}

static void add_state(struct words *words, const struct trace_event *event)
{
    words_add(words, "%s: %s -> %s (%s)", host_text(event->host),
              tcp_state_name((enum tcp_state)event->a), tcp_state_name((enum tcp_state)event->what),
              tcp_event_name((enum tcp_event)event->b));
}

static void add_dialogue(struct words *words, const struct trace_event *event)
{
    words_add(words, "%s", trace_dialogue_name((enum trace_dialogue)event->what));
    if (event->a > 0) {
        words_add(words, ", message %" PRId64, event->a);
    }
    if (event->what == TRACE_DIALOGUE_RESPONSE_WRONG ||
        event->what == TRACE_DIALOGUE_REQUEST_WRONG) {
        words_add(words, " at byte %" PRId64, event->b);
    }
}

static void add_phase(struct words *words, const struct trace_event *event)
{
    static const char *const texts[TRACE_PHASE_COUNT] = {"the target starts",
                                                         "the target is ready",
                                                         "all steps are played; the peers close",
                                                         "quiet: what is held now is held for ever",
                                                         "the target is asked to stop",
                                                         "the end"};
    words_add(words, "%s", event->what < TRACE_PHASE_COUNT ? texts[event->what] : "?");
    if (event->a > 0 || event->b > 0) {
        words_add(words, " (%" PRId64 " descriptors, %" PRId64 " heap blocks)", event->a, event->b);
    }
}

static void add_file(struct words *words, const struct trace_event *event)
{
    const char *file = trace_file_name((enum trace_file)event->what);
    if (event->kind == TRACE_FD_OPEN) {
        words_add(words, "descriptor %d (%s) opened, %" PRId64 " open now", event->fd, file,
                  event->b);
    } else {
        words_add(words, "descriptor %d (%s) closed%s, %" PRId64 " open now", event->fd, file,
                  event->a == 1 ? "" : " (a copy stays)", event->b);
    }
}

static void add_segment(struct words *words, const struct trace_event *event)
{
    char segment[TRACE_DESCRIBE_MAX];
    words_add(words, "%s's %s %s", host_text(event->host),
              trace_describe_segment(event, segment, sizeof segment),
              trace_fate_name((enum trace_fate)event->result));
}

static void add_ready(struct words *words, const struct trace_event *event)
{
    words_add(words, "descriptor %d ready: ", event->fd);
    add_bits(words, &trace_names_poll, event->b);
}

static void add_call(struct words *words, const struct trace_event *event)
{
    char call[TRACE_DESCRIBE_MAX];
    words_add(words, "%s", trace_describe_call(event, call, sizeof call));
}

static void add_time(struct words *words, const struct trace_event *event)
{
    add_span(words, event->a);
    words_add(words, " pass");
}

static void add_other(struct words *words, const struct trace_event *event)
{
    switch (event->kind) {
    case TRACE_HEAP:
        words_add(words,
                  "heap at rest: %" PRId64 " blocks, %" PRId64 " bytes after %" PRId64 " dialogues",
                  event->a, event->b, event->result);
        break;
    case TRACE_SPIN:
        words_add(words, "spinning: %" PRId64 " calls of %s", event->a,
                  trace_call_name((enum trace_call)event->what));
        if (event->fd >= 0) {
            words_add(words, "(%d)", event->fd);
        }
        words_add(words, " while nothing changes");
        break;
    case TRACE_OUTPUT:
        words_add(words, "the target writes %" PRId64 " bytes to descriptor %d", event->a,
                  event->fd);
        break;
    case TRACE_UNSUPPORTED:
        words_add(words, "%s is not supported here (%" PRId64 ", %" PRId64 ")%s",
                  trace_call_name((enum trace_call)event->what), event->a, event->b,
                  event->result == 1 ? "; the run ends" : "");
        break;
    case TRACE_OVERFLOW:
        words_add(words, "the trace is full; the run ends");
        break;
    default:
        words_add(words, "%s", trace_kind_name((enum trace_kind)event->kind));
        break;
    }
}

const char *trace_describe(const struct trace_event *event, char *buffer, size_t size)
{
    static void (*const adders[TRACE_KIND_COUNT])(struct words *, const struct trace_event *) = {
        [TRACE_PHASE] = add_phase, [TRACE_CALL] = add_call,       [TRACE_BLOCK] = add_call,
        [TRACE_READY] = add_ready, [TRACE_FD_OPEN] = add_file,    [TRACE_FD_CLOSE] = add_file,
        [TRACE_STATE] = add_state, [TRACE_SEGMENT] = add_segment, [TRACE_DIALOGUE] = add_dialogue,
        [TRACE_PEER] = add_peer,   [TRACE_STEP] = add_step,       [TRACE_NOOP] = add_step,
        [TRACE_FAULT] = add_fault, [TRACE_TIME] = add_time,       [TRACE_SIGNAL] = add_signal,
        [TRACE_EXIT] = add_exit,
    };
    struct words words = words_start(buffer, size);
    if (event->kind < TRACE_KIND_COUNT && adders[event->kind] != NULL) {
        adders[event->kind](&words, event);
    } else {
        add_other(&words, event);
    }
    return buffer;
}
