/* The tables of names: enums of the trace, bits of the kernel interface, fields by kind of event.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/form.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define COUNT_OF(array) ((unsigned)(sizeof(array) / sizeof *(array)))

#define TEXT2(name, text) (text),
#define TEXT3(name, text, family) (text),
#define NAME2(name, text) #name,

static const char *const kind_texts[] = {TRACE_KIND_TABLE(TEXT2)};
static const char *const call_texts[] = {TRACE_CALL_TABLE(TEXT3)};
static const char *const phase_texts[] = {TRACE_PHASE_TABLE(TEXT2)};
static const char *const file_texts[] = {TRACE_FILE_TABLE(TEXT2)};
static const char *const fate_texts[] = {TRACE_FATE_TABLE(TEXT2)};
static const char *const dialogue_texts[] = {TRACE_DIALOGUE_TABLE(TEXT2)};
static const char *const peer_texts[] = {TRACE_PEER_TABLE(TEXT2)};
static const char *const noop_texts[] = {TRACE_NOOP_TABLE(TEXT2)};
static const char *const noop_ids[] = {TRACE_NOOP_TABLE(NAME2)};
static const char *const exit_texts[] = {TRACE_EXIT_TABLE(TEXT2)};
static const char *const process_texts[] = {TRACE_PROCESS_TABLE(TEXT2)};
static const char *const bytes_texts[] = {TRACE_BYTES_TABLE(TEXT2)};
static const char *const thread_texts[] = {TRACE_THREAD_TABLE(TEXT2)};
static const char *const wait_texts[] = {TRACE_WAIT_TABLE(TEXT2)};
static const char *const state_texts[] = {TCP_STATE_TABLE(TEXT2)};
static const char *const event_texts[] = {TCP_EVENT_TABLE(TEXT2)};
static const char *const segment_texts[] = {SCENARIO_SEGMENT_TABLE(TEXT2)};
static const char *const host_texts[] = {"target", "peer"};
static const char *const role_texts[] = {"server", "client", "pair", "stack"};
static const char *const rules_texts[] = {"linux", "posix"};
static const char *const disposition_texts[] = {"ignored", "handled", "killed", "blocked"};

#define VERB_PEER(word) "peer " word
#define VERB_WIRE(word) "wire " word
#define VERB_KERNEL(word) "kernel " word
#define VERB_TIME(word) "time " word
#define VERB_TARGET(word) "target " word
#define VERB_APP(word) "app " word
#define VERB_TEXT(name, actor, word) VERB_##actor(word),
static const char *const verb_texts[] = {SCENARIO_VERB_TABLE(VERB_TEXT)};

/* clang-format off */
#define SIGNAL_TABLE(X)                                                              \
    X(HUP) X(INT) X(QUIT) X(ILL) X(TRAP) X(ABRT) X(BUS) X(FPE) X(KILL) X(USR1)       \
    X(SEGV) X(USR2) X(PIPE) X(ALRM) X(TERM) X(CHLD) X(CONT) X(STOP) X(TSTP) X(TTIN)  \
    X(TTOU) X(URG) X(XCPU) X(XFSZ) X(VTALRM) X(PROF) X(WINCH) X(IO) X(PWR) X(SYS)
/* clang-format on */
#define SIGNAL_TEXT(name) [SIG##name] = "SIG" #name,
static const char *const signal_texts[] = {SIGNAL_TABLE(SIGNAL_TEXT)};

static const char *const observer_texts[] = {"calls", "states", "wire", "descriptors", "heap",
                                             "bytes", "exit",   "cpu",  "processes",   "threads"};
static const uint64_t observer_bits[] = {
    TRACE_SEES_CALLS,     TRACE_SEES_STATES, TRACE_SEES_WIRE, TRACE_SEES_DESCRIPTORS,
    TRACE_SEES_HEAP,      TRACE_SEES_BYTES,  TRACE_SEES_EXIT, TRACE_SEES_CPU,
    TRACE_SEES_PROCESSES, TRACE_SEES_THREADS};

static const char *const promise_texts[] = {"persistent", "half-close answered", "speaks first",
                                            "concurrent", "idle timeout",        "closes after EOF",
                                            "fixed port"};
static const uint64_t promise_bits[] = {
    TRACE_PERSISTENT,   TRACE_HALF_CLOSE_ANSWERED, TRACE_TARGET_SPEAKS_FIRST, TRACE_CONCURRENT,
    TRACE_IDLE_TIMEOUT, TRACE_CLOSES_AFTER_EOF,    TRACE_FIXED_PORT};

static const char *const flag_texts[] = {"sampled", "faulted", "edge", "inherited", "nonblock"};
static const uint64_t flag_bits[] = {TRACE_SAMPLED, TRACE_FAULTED, TRACE_EDGE, TRACE_INHERITED,
                                     TRACE_NONBLOCK};

static const char *const poll_texts[] = {"IN",    "PRI",       "OUT",    "ERR",     "HUP",
                                         "NVAL",  "RDNORM",    "RDBAND", "WRNORM",  "WRBAND",
                                         "RDHUP", "EXCLUSIVE", "WAKEUP", "ONESHOT", "ET"};
static const uint64_t poll_bits[] = {POLLIN,      POLLPRI,      POLLOUT,    POLLERR,
                                     POLLHUP,     POLLNVAL,     POLLRDNORM, POLLRDBAND,
                                     POLLWRNORM,  POLLWRBAND,   POLLRDHUP,  EPOLLEXCLUSIVE,
                                     EPOLLWAKEUP, EPOLLONESHOT, EPOLLET};

static const char *const message_texts[] = {"MSG_OOB",     "MSG_PEEK",     "MSG_DONTWAIT",
                                            "MSG_WAITALL", "MSG_NOSIGNAL", "MSG_MORE",
                                            "MSG_TRUNC",   "MSG_ERRQUEUE", "MSG_CMSG_CLOEXEC"};
static const uint64_t message_bits[] = {MSG_OOB,     MSG_PEEK,     MSG_DONTWAIT,
                                        MSG_WAITALL, MSG_NOSIGNAL, MSG_MORE,
                                        MSG_TRUNC,   MSG_ERRQUEUE, MSG_CMSG_CLOEXEC};

static const char *const open_texts[] = {"O_NONBLOCK", "O_CLOEXEC"};
static const uint64_t open_bits[] = {O_NONBLOCK, O_CLOEXEC};

#define ENUM_NAMES(array)                                                                          \
    {                                                                                              \
        .texts = (array), .count = COUNT_OF(array)                                                 \
    }
#define BIT_NAMES(name)                                                                            \
    {                                                                                              \
        .texts = name##_texts, .bits = name##_bits, .count = COUNT_OF(name##_bits)                 \
    }

const struct trace_names trace_names_kind = ENUM_NAMES(kind_texts);
const struct trace_names trace_names_host = ENUM_NAMES(host_texts);
const struct trace_names trace_names_call = ENUM_NAMES(call_texts);
const struct trace_names trace_names_role = ENUM_NAMES(role_texts);
const struct trace_names trace_names_rules = ENUM_NAMES(rules_texts);
const struct trace_names trace_names_signal = ENUM_NAMES(signal_texts);
const struct trace_names trace_names_verb = ENUM_NAMES(verb_texts);
const struct trace_names trace_names_disposition = ENUM_NAMES(disposition_texts);
const struct trace_names trace_names_noop = ENUM_NAMES(noop_ids);
const struct trace_names trace_names_observer = BIT_NAMES(observer);
const struct trace_names trace_names_promise = BIT_NAMES(promise);
const struct trace_names trace_names_flag = BIT_NAMES(flag);
const struct trace_names trace_names_poll = BIT_NAMES(poll);
const struct trace_names trace_names_message = BIT_NAMES(message);
const struct trace_names trace_names_open = BIT_NAMES(open);

static const struct trace_names phase_names = ENUM_NAMES(phase_texts);
static const struct trace_names file_names = ENUM_NAMES(file_texts);
static const struct trace_names fate_names = ENUM_NAMES(fate_texts);
static const struct trace_names dialogue_names = ENUM_NAMES(dialogue_texts);
static const struct trace_names peer_names = ENUM_NAMES(peer_texts);
static const struct trace_names exit_names = ENUM_NAMES(exit_texts);
static const struct trace_names process_names = ENUM_NAMES(process_texts);
static const struct trace_names bytes_names = ENUM_NAMES(bytes_texts);
static const struct trace_names thread_names = ENUM_NAMES(thread_texts);
static const struct trace_names wait_names = ENUM_NAMES(wait_texts);
static const struct trace_names state_names = ENUM_NAMES(state_texts);
static const struct trace_names event_names = ENUM_NAMES(event_texts);
static const struct trace_names segment_names = ENUM_NAMES(segment_texts);

_Static_assert(COUNT_OF(host_texts) == TRACE_HOST_COUNT, "one text per host");
_Static_assert(COUNT_OF(role_texts) == TRACE_ROLE_COUNT, "one text per role");
_Static_assert(COUNT_OF(rules_texts) == TRACE_RULES_COUNT, "one text per rule set");
_Static_assert(COUNT_OF(observer_texts) == COUNT_OF(observer_bits), "one text per observer");
_Static_assert(COUNT_OF(promise_texts) == COUNT_OF(promise_bits), "one text per promise");
_Static_assert(COUNT_OF(flag_texts) == COUNT_OF(flag_bits), "one text per flag");
_Static_assert(COUNT_OF(poll_texts) == COUNT_OF(poll_bits), "one text per poll bit");
_Static_assert(COUNT_OF(message_texts) == COUNT_OF(message_bits), "one text per MSG_ flag");

static const struct trace_form kind_forms[TRACE_KIND_COUNT] = {
    [TRACE_PHASE] = {.what = {"phase", &phase_names}, .a = {"fds", NULL}, .b = {"heap", NULL}},
    [TRACE_CALL] = {.what = {"call", &trace_names_call}},
    [TRACE_BLOCK] = {.what = {"call", &trace_names_call},
                     .a = {"timeout_us", NULL},
                     .b = {"other_threads", NULL}},
    [TRACE_READY] = {.a = {"asked", &trace_names_poll}, .b = {"got", &trace_names_poll}},
    [TRACE_FD_OPEN] = {.what = {"file", &file_names},
                       .a = {"open_flags", &trace_names_open},
                       .b = {"open_now", NULL}},
    [TRACE_FD_CLOSE] = {.what = {"file", &file_names},
                        .a = {"last", NULL},
                        .b = {"open_now", NULL}},
    [TRACE_STATE] = {.what = {"state", &state_names},
                     .a = {"from", &state_names},
                     .b = {"by", &event_names}},
    [TRACE_SEGMENT] = {.what = {"segment", &segment_names},
                       .result = {"fate", &fate_names},
                       .a = {"seq", NULL},
                       .b = {"bytes", NULL}},
    [TRACE_DIALOGUE] = {.what = {"dialogue", &dialogue_names},
                        .a = {"message", NULL},
                        .b = {"offset", NULL}},
    [TRACE_PEER] = {.what = {"did", &peer_names}, .fd = {"peer", NULL}, .a = {"bytes", NULL}},
    [TRACE_STEP] = {.what = {"verb", &trace_names_verb}, .fd = {"id", NULL}, .a = {"index", NULL}},
    [TRACE_NOOP] = {.what = {"verb", &trace_names_verb},
                    .fd = {"id", NULL},
                    .a = {"index", NULL},
                    .b = {"reason", &trace_names_noop}},
    [TRACE_FAULT] = {.what = {"call", &trace_names_call},
                     .a = {"limit", NULL},
                     .b = {"posix_only", NULL}},
    [TRACE_TIME] = {.a = {"us", NULL}},
    [TRACE_SIGNAL] = {.what = {"signal", &trace_names_signal},
                      .a = {"disposition", &trace_names_disposition},
                      .b = {"by_kernel", NULL}},
    [TRACE_HEAP] = {.result = {"dialogues", NULL}, .a = {"blocks", NULL}, .b = {"bytes", NULL}},
    [TRACE_SPIN] = {.what = {"call", &trace_names_call}, .a = {"calls", NULL}},
    [TRACE_EXIT] = {.what = {"how", &exit_names}, .a = {"fds", NULL}, .b = {"heap", NULL}},
    [TRACE_PROCESS] = {.what = {"child", &process_names},
                       .result = {"process", NULL},
                       .a = {"nth", NULL},
                       .b = {"listeners", NULL}},
    [TRACE_BYTES] = {.what = {"compared", &bytes_names},
                     .result = {"count", NULL},
                     .a = {"offset", NULL},
                     .b = {"hash", NULL}},
    [TRACE_THREAD] = {.what = {"thread", &thread_names},
                      .result = {"held_by", NULL},
                      .a = {"number", NULL},
                      .b = {"for", &wait_names}},
    [TRACE_OUTPUT] = {.a = {"bytes", NULL}},
    [TRACE_UNSUPPORTED] = {.what = {"call", &trace_names_call}, .result = {"ends_run", NULL}},
};

struct call_form {
    struct trace_field a;
    struct trace_field b;
};

#define LENGTH_AND_FLAGS                                                                           \
    {                                                                                              \
        {"length", NULL},                                                                          \
        {                                                                                          \
            "msg_flags", &trace_names_message                                                      \
        }                                                                                          \
    }
#define PORT_AND_DOMAIN                                                                            \
    {                                                                                              \
        {"port", NULL},                                                                            \
        {                                                                                          \
            "domain", NULL                                                                         \
        }                                                                                          \
    }
#define COUNT_AND_TIMEOUT                                                                          \
    {                                                                                              \
        {"watched", NULL},                                                                         \
        {                                                                                          \
            "timeout_us", NULL                                                                     \
        }                                                                                          \
    }

static const struct call_form call_forms[TRACE_CALL_COUNT] = {
    [TRACE_CALL_SOCKET] = {{"type", NULL}, {"domain", NULL}},
    [TRACE_CALL_SOCKETPAIR] = {{"type", NULL}, {"domain", NULL}},
    [TRACE_CALL_BIND] = PORT_AND_DOMAIN,
    [TRACE_CALL_CONNECT] = PORT_AND_DOMAIN,
    [TRACE_CALL_LISTEN] = {{"backlog", NULL}, {NULL, NULL}},
    [TRACE_CALL_ACCEPT] = {{"accept_flags", NULL}, {"address", NULL}},
    [TRACE_CALL_ACCEPT4] = {{"accept_flags", NULL}, {NULL, NULL}},
    [TRACE_CALL_RECV] = LENGTH_AND_FLAGS,
    [TRACE_CALL_RECVFROM] = LENGTH_AND_FLAGS,
    [TRACE_CALL_RECVMSG] = LENGTH_AND_FLAGS,
    [TRACE_CALL_READ] = LENGTH_AND_FLAGS,
    [TRACE_CALL_READV] = LENGTH_AND_FLAGS,
    [TRACE_CALL_SEND] = LENGTH_AND_FLAGS,
    [TRACE_CALL_SENDTO] = LENGTH_AND_FLAGS,
    [TRACE_CALL_SENDMSG] = LENGTH_AND_FLAGS,
    [TRACE_CALL_WRITE] = LENGTH_AND_FLAGS,
    [TRACE_CALL_WRITEV] = LENGTH_AND_FLAGS,
    [TRACE_CALL_SENDFILE] = LENGTH_AND_FLAGS,
    [TRACE_CALL_POLL] = COUNT_AND_TIMEOUT,
    [TRACE_CALL_PPOLL] = COUNT_AND_TIMEOUT,
    [TRACE_CALL_SELECT] = COUNT_AND_TIMEOUT,
    [TRACE_CALL_PSELECT] = COUNT_AND_TIMEOUT,
    [TRACE_CALL_EPOLL_WAIT] = COUNT_AND_TIMEOUT,
    [TRACE_CALL_EPOLL_PWAIT] = COUNT_AND_TIMEOUT,
    [TRACE_CALL_SLEEP] = {{"us", NULL}, {NULL, NULL}},
    [TRACE_CALL_SHUTDOWN] = {{"how", NULL}, {NULL, NULL}},
    [TRACE_CALL_CLOSE] = {{"last", NULL}, {NULL, NULL}},
    [TRACE_CALL_SETSOCKOPT] = {{"option", NULL}, {"value", NULL}},
    [TRACE_CALL_GETSOCKOPT] = {{"option", NULL}, {"value", NULL}},
    [TRACE_CALL_GETSOCKNAME] = {{"port", NULL}, {"place", NULL}},
    [TRACE_CALL_GETPEERNAME] = {{"port", NULL}, {"place", NULL}},
    [TRACE_CALL_FCNTL] = {{"command", NULL}, {"argument", NULL}},
    [TRACE_CALL_IOCTL] = {{"request", NULL}, {"value", NULL}},
    [TRACE_CALL_EPOLL_CTL] = {{"operation", NULL}, {"events", &trace_names_poll}},
    [TRACE_CALL_DUP] = {{"wanted", NULL}, {NULL, NULL}},
    [TRACE_CALL_DUP2] = {{"wanted", NULL}, {NULL, NULL}},
    [TRACE_CALL_DUP3] = {{"wanted", NULL}, {NULL, NULL}},
    [TRACE_CALL_SIGACTION] = {{"signal", &trace_names_signal}, {"handling", NULL}},
    [TRACE_CALL_EXIT] = {{"status", NULL}, {NULL, NULL}},
    [TRACE_CALL_FORK] = {{"nth", NULL}, {NULL, NULL}},
    [TRACE_CALL_EXEC] = {{"process", NULL}, {NULL, NULL}},
};

static void field_default(struct trace_field *field, const char *key)
{
    if (field->key == NULL) {
        field->key = key;
    }
}

struct trace_form trace_form_of(enum trace_kind kind, unsigned what)
{
    struct trace_form form = {0};
    if ((unsigned)kind < TRACE_KIND_COUNT) {
        form = kind_forms[kind];
    }
    if (kind == TRACE_CALL && what < TRACE_CALL_COUNT) {
        form.a = call_forms[what].a;
        form.b = call_forms[what].b;
    }
    field_default(&form.what, "what");
    field_default(&form.fd, "fd");
    field_default(&form.result, "result");
    field_default(&form.a, "a");
    field_default(&form.b, "b");
    return form;
}

const char *trace_names_text(const struct trace_names *names, int64_t value)
{
    if (names->bits != NULL) {
        for (unsigned i = 0; i < names->count; i++) {
            if (names->bits[i] == (uint64_t)value) {
                return names->texts[i];
            }
        }
        return NULL;
    }
    return value >= 0 && value < (int64_t)names->count ? names->texts[value] : NULL;
}

bool trace_names_find(const struct trace_names *names, const char *text, int64_t *ret_value)
{
    for (unsigned i = 0; i < names->count; i++) {
        if (names->texts[i] != NULL && strcmp(names->texts[i], text) == 0) {
            *ret_value = names->bits != NULL ? (int64_t)names->bits[i] : (int64_t)i;
            return true;
        }
    }
    return false;
}

static const char *name_or_mark(const struct trace_names *names, unsigned value)
{
    const char *text = trace_names_text(names, (int64_t)value);
    return text != NULL ? text : "?";
}

const char *trace_kind_name(enum trace_kind kind)
{
    return name_or_mark(&trace_names_kind, (unsigned)kind);
}

const char *trace_call_name(enum trace_call call)
{
    return name_or_mark(&trace_names_call, (unsigned)call);
}

enum scenario_call trace_call_family(enum trace_call call)
{
#define FAMILY(name, text, family) SCENARIO_CALL_##family,
    static const uint8_t families[] = {TRACE_CALL_TABLE(FAMILY)};
#undef FAMILY
    return (unsigned)call < TRACE_CALL_COUNT ? (enum scenario_call)families[call]
                                             : SCENARIO_CALL_NONE;
}

const char *trace_phase_name(enum trace_phase phase)
{
    return name_or_mark(&phase_names, (unsigned)phase);
}

const char *trace_file_name(enum trace_file file)
{
    return name_or_mark(&file_names, (unsigned)file);
}

const char *trace_fate_name(enum trace_fate fate)
{
    return name_or_mark(&fate_names, (unsigned)fate);
}

const char *trace_dialogue_name(enum trace_dialogue what)
{
    return name_or_mark(&dialogue_names, (unsigned)what);
}

const char *trace_peer_name(enum trace_peer what)
{
    return name_or_mark(&peer_names, (unsigned)what);
}

const char *trace_noop_name(enum trace_noop reason)
{
    return (unsigned)reason < TRACE_NOOP_COUNT ? noop_texts[reason] : "?";
}

const char *trace_exit_name(enum trace_exit how)
{
    return name_or_mark(&exit_names, (unsigned)how);
}

const char *trace_process_name(enum trace_process what)
{
    return name_or_mark(&process_names, (unsigned)what);
}

const char *trace_bytes_name(enum trace_bytes what)
{
    return name_or_mark(&bytes_names, (unsigned)what);
}

const char *trace_thread_name(enum trace_thread what)
{
    return name_or_mark(&thread_names, (unsigned)what);
}

const char *trace_wait_name(enum trace_wait what)
{
    return name_or_mark(&wait_names, (unsigned)what);
}

const char *trace_state_text(int64_t state)
{
    const char *text = trace_names_text(&state_names, state);
    return text != NULL ? text : "?";
}

const char *trace_event_text(int64_t event)
{
    const char *text = trace_names_text(&event_names, event);
    return text != NULL ? text : "?";
}

const char *trace_errno_name(int error)
{
    const char *name = error > 0 ? strerrorname_np(error) : NULL;
    return name != NULL ? name : "E?";
}

bool trace_errno_find(const char *name, int32_t *ret_error)
{
    /* Linux numbers end at 133; the bound only ends the search. */
    for (int error = 1; error < 200; error++) {
        const char *known = strerrorname_np(error);
        if (known != NULL && strcmp(known, name) == 0) {
            *ret_error = error;
            return true;
        }
    }
    return false;
}
