/* Hand-written traces: the reader. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mini.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { LINES_MAX = 4096, LINE_MAX_SIZE = 160, DEPTH_MAX = 8 };

struct word {
    const char *text;
    int64_t value;
};

static const struct word words[] = {
    {"IN", EPOLLIN},
    {"OUT", EPOLLOUT},
    {"ERR", EPOLLERR},
    {"HUP", EPOLLHUP},
    {"RDHUP", EPOLLRDHUP},
    {"NVAL", 0x20},
    {"ET", EPOLLET},
    {"NONBLOCK", O_NONBLOCK},
    {"CLOEXEC", SOCK_CLOEXEC},
    {"PEEK", MSG_PEEK},
    {"OOB", MSG_OOB},
    {"WR", SHUT_WR},
    {"RDWR", SHUT_RDWR},
    {"SETFL", F_SETFL},
    {"ADD", EPOLL_CTL_ADD},
    {"DEL", EPOLL_CTL_DEL},
    {"REUSEADDR", (SOL_SOCKET << 16) | SO_REUSEADDR},
    {"ERROR", (SOL_SOCKET << 16) | SO_ERROR},
    {"LINGER", (SOL_SOCKET << 16) | SO_LINGER},
    {"OOBINLINE", (SOL_SOCKET << 16) | SO_OOBINLINE},
    {"HANDLED", TRACE_SIGNAL_HANDLED},
    {"KILLED", TRACE_SIGNAL_KILLED},
};

static const struct word errors[] = {
    {"EAGAIN", EAGAIN},
    {"EINTR", EINTR},
    {"EBADF", EBADF},
    {"ENOMEM", ENOMEM},
    {"EMFILE", EMFILE},
    {"ENOBUFS", ENOBUFS},
    {"EPIPE", EPIPE},
    {"EINVAL", EINVAL},
    {"ECONNRESET", ECONNRESET},
    {"ECONNREFUSED", ECONNREFUSED},
    {"EALREADY", EALREADY},
    {"EISCONN", EISCONN},
    {"EADDRINUSE", EADDRINUSE},
    {"EINPROGRESS", EINPROGRESS},
    {"ECONNABORTED", ECONNABORTED},
    {"EADDRNOTAVAIL", EADDRNOTAVAIL},
};

static bool find(const struct word *table, size_t count, const char *text, int64_t *ret_value)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].text, text) == 0) {
            *ret_value = table[i].value;
            return true;
        }
    }
    return false;
}

/* "IN|HUP", "-1", "4096". */
static bool number(const char *text, int64_t *ret_value)
{
    char copy[64];
    (void)snprintf(copy, sizeof copy, "%s", text);
    int64_t sum = 0;
    for (char *part = strtok(copy, "|"); part != NULL; part = strtok(NULL, "|")) {
        char *end;
        int64_t value = strtoll(part, &end, 10);
        if (*end != '\0' && !find(words, sizeof words / sizeof words[0], part, &value)) {
            return false;
        }
        sum |= value;
    }
    *ret_value = sum;
    return true;
}

/* "request-sent" against "request sent". */
static bool same(const char *text, const char *name)
{
    for (; *text != '\0' && *name != '\0'; text++, name++) {
        if (*text != *name && !(*text == '-' && *name == ' ')) {
            return false;
        }
    }
    return *text == *name;
}

#define LOOK_UP(count, name_of)                                                                    \
    for (unsigned i = 0; i < (unsigned)(count); i++) {                                             \
        if (same(text, name_of)) {                                                                 \
            return (int)i;                                                                         \
        }                                                                                          \
    }                                                                                              \
    return -1

static int find_kind(const char *text)
{
    LOOK_UP(TRACE_KIND_COUNT, trace_kind_name((enum trace_kind)i));
}
static int find_call(const char *text)
{
    LOOK_UP(TRACE_CALL_COUNT, trace_call_name((enum trace_call)i));
}
static int find_phase(const char *text)
{
    LOOK_UP(TRACE_PHASE_COUNT, trace_phase_name((enum trace_phase)i));
}
static int find_file(const char *text)
{
    LOOK_UP(TRACE_FILE_COUNT, trace_file_name((enum trace_file)i));
}
static int find_say(const char *text)
{
    LOOK_UP(TRACE_DIALOGUE_COUNT, trace_dialogue_name((enum trace_dialogue)i));
}
static int find_peer(const char *text)
{
    LOOK_UP(TRACE_PEER_COUNT, trace_peer_name((enum trace_peer)i));
}
static int find_exit(const char *text)
{
    LOOK_UP(TRACE_EXIT_COUNT, trace_exit_name((enum trace_exit)i));
}
static int find_state(const char *text)
{
    LOOK_UP(TCP_STATE_COUNT, tcp_state_name((enum tcp_state)i));
}
static int find_event(const char *text)
{
    LOOK_UP(TCP_EVENT_COUNT, tcp_event_name((enum tcp_event)i));
}
static int find_number(const char *text)
{
    return atoi(text);
}
static int find_verb(const char *text)
{
#define VERB(name, actor, word) {#name, SCENARIO_##name},
    static const struct word verbs[] = {SCENARIO_VERB_TABLE(VERB)};
#undef VERB
    int64_t value = -1;
    return find(verbs, sizeof verbs / sizeof verbs[0], text, &value) ? (int)value : -1;
}

/* How the second word of an event is read, by kind; no entry: it has none. */
static int (*const finders[TRACE_KIND_COUNT])(const char *) = {
    [TRACE_PHASE] = find_phase,   [TRACE_CALL] = find_call,     [TRACE_BLOCK] = find_call,
    [TRACE_FD_OPEN] = find_file,  [TRACE_FD_CLOSE] = find_file, [TRACE_STATE] = find_state,
    [TRACE_DIALOGUE] = find_say,  [TRACE_PEER] = find_peer,     [TRACE_STEP] = find_verb,
    [TRACE_FAULT] = find_call,    [TRACE_SPIN] = find_call,     [TRACE_EXIT] = find_exit,
    [TRACE_SIGNAL] = find_number,
};

static bool apply_word(struct trace_event *event, const char *text)
{
    int64_t value = 0;
    if (text[0] == 'c' && text[1] >= '0' && text[1] <= '9') {
        event->conn = (uint32_t)atoi(text + 1);
    } else if (strncmp(text, "a=", 2) == 0) {
        return number(text + 2, &event->a);
    } else if (strncmp(text, "b=", 2) == 0) {
        return number(text + 2, &event->b);
    } else if (strncmp(text, "by=", 3) == 0) {
        event->b = find_event(text + 3);
        return event->b >= 0;
    } else if (text[0] == '=') {
        return number(text + 1, &event->result);
    } else if (text[0] == '!') {
        event->result = -1;
        bool found = find(errors, sizeof errors / sizeof errors[0], text + 1, &value);
        event->err = (int32_t)value;
        return found;
    } else if (strcmp(text, "nb") == 0) {
        event->flags |= TRACE_NONBLOCK;
    } else if (strcmp(text, "edge") == 0) {
        event->flags |= TRACE_EDGE;
    } else if (strcmp(text, "inherited") == 0) {
        event->flags |= TRACE_INHERITED;
    } else if (strcmp(text, "target") == 0 || strcmp(text, "peer") == 0) {
        event->host = text[0] == 'p' ? TRACE_HOST_PEER : TRACE_HOST_TARGET;
    } else {
        bool ok = number(text, &value);
        event->fd = (int32_t)value;
        return ok;
    }
    return true;
}

static bool add_event(struct trace *trace, char *line)
{
    char *kind_word = strtok(line, " \t\n");
    char *next = strtok(NULL, " \t\n");
    if (strcmp(kind_word, "time") == 0) {
        trace->now_us += (next != NULL ? atoi(next) : 0) * INT64_C(1000);
        trace_add(trace, TRACE_TIME, TRACE_HOST_TARGET)->a = trace->now_us;
        return next != NULL;
    }
    int kind = strcmp(kind_word, "say") == 0 ? TRACE_DIALOGUE : find_kind(kind_word);
    if (kind < 0) {
        return false;
    }
    bool peer = kind == TRACE_DIALOGUE || kind == TRACE_PEER || kind == TRACE_STEP;
    struct trace_event *event =
        trace_add(trace, (enum trace_kind)kind, peer ? TRACE_HOST_PEER : TRACE_HOST_TARGET);
    if (finders[kind] != NULL) {
        int what = next != NULL ? finders[kind](next) : -1;
        if (what < 0) {
            return false;
        }
        event->what = (uint8_t)what;
        next = strtok(NULL, " \t\n");
    }
    char *rest[16];
    size_t count = 0;
    for (; next != NULL && count < 16; next = strtok(NULL, " \t\n")) {
        rest[count++] = next;
    }
    for (size_t i = 0; i < count; i++) {
        if (!apply_word(event, rest[i])) {
            return false;
        }
    }
    return true;
}

/* ---- The file ---- */

struct text {
    unsigned count;
    char lines[LINES_MAX][LINE_MAX_SIZE];
};

static bool add_block(struct trace *trace, const struct text *text, unsigned from, unsigned depth,
                      unsigned *ret_bad);

static bool add_line(struct trace *trace, const struct text *text, const char *line, unsigned depth,
                     unsigned *ret_bad)
{
    char copy[LINE_MAX_SIZE];
    (void)snprintf(copy, sizeof copy, "%s", line);
    char name[LINE_MAX_SIZE];
    if (sscanf(copy, " use %s", name) != 1) {
        return add_event(trace, copy);
    }
    for (unsigned i = 0; i < text->count; i++) {
        char found[LINE_MAX_SIZE];
        if (sscanf(text->lines[i], "def %s", found) == 1 && strcmp(found, name) == 0) {
            return depth < DEPTH_MAX && add_block(trace, text, i + 1, depth + 1, ret_bad);
        }
    }
    return false;
}

/* The indented lines from `from` on. */
static bool add_block(struct trace *trace, const struct text *text, unsigned from, unsigned depth,
                      unsigned *ret_bad)
{
    for (unsigned i = from; i < text->count; i++) {
        const char *line = text->lines[i];
        if (line[0] != ' ') {
            if (line[0] == 'd' || line[0] == 'r') {
                break;
            }
            continue;
        }
        if (!add_line(trace, text, line, depth, ret_bad)) {
            *ret_bad = depth == 0 || *ret_bad == 0 ? i + 1 : *ret_bad;
            return false;
        }
    }
    return true;
}

static void begin_case(struct mini_case *entry, char *line)
{
    struct trace_header *header = &entry->trace.header;
    header->role = TRACE_ROLE_SERVER;
    header->observers = 0x1FF;
    header->promises = TRACE_PERSISTENT | TRACE_HALF_CLOSE_ANSWERED | TRACE_CONCURRENT |
                       TRACE_IDLE_TIMEOUT | TRACE_CLOSES_AFTER_EOF | TRACE_FIXED_PORT;
    header->idle_limit_us = 120000000;
    entry->grade = GRADE_COUNT;
    (void)strtok(line, " \n");
    (void)snprintf(entry->id, sizeof entry->id, "%s", strtok(NULL, " \n"));
    for (char *word = strtok(NULL, " \n"); word != NULL; word = strtok(NULL, " \n")) {
        if (strcmp(word, "keeps") == 0 || strcmp(word, "informs") == 0) {
            entry->outcome = ORACLE_KEPT;
            entry->grade = word[0] == 'i' ? GRADE_INFO : GRADE_PASS;
        } else if (strcmp(word, "breaks") == 0) {
            entry->outcome = ORACLE_BROKEN;
        } else if (strcmp(word, "client") == 0) {
            header->role = TRACE_ROLE_CLIENT;
        } else if (strcmp(word, "hand-written") == 0) {
            entry->marked = true;
        }
    }
}

static bool read_text(const char *path, struct text *ret_text)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    char line[LINE_MAX_SIZE];
    while (ret_text->count < LINES_MAX && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "#\n")] = '\0';
        bool blank = line[strspn(line, " \t")] == '\0';
        (void)snprintf(ret_text->lines[ret_text->count++], LINE_MAX_SIZE, "%s", blank ? "" : line);
    }
    (void)fclose(file);
    return true;
}

bool mini_read(const char *path, struct mini_file *ret_file)
{
    static struct text text;
    memset(&text, 0, sizeof text);
    memset(ret_file, 0, sizeof *ret_file);
    if (!read_text(path, &text)) {
        (void)snprintf(ret_file->error, sizeof ret_file->error, "%s: cannot be read", path);
        return false;
    }
    for (unsigned i = 0; i < text.count && ret_file->count < MINI_CASES_MAX; i++) {
        if (strncmp(text.lines[i], "rule ", 5) != 0) {
            continue;
        }
        struct mini_case *entry = &ret_file->cases[ret_file->count++];
        unsigned bad = 0;
        char copy[LINE_MAX_SIZE];
        (void)snprintf(copy, sizeof copy, "%s", text.lines[i]);
        if (trace_init(&entry->trace, 4096) != STATUS_OK) {
            (void)snprintf(ret_file->error, sizeof ret_file->error, "no memory");
            return false;
        }
        begin_case(entry, copy);
        if (!entry->marked) {
            (void)snprintf(ret_file->error, sizeof ret_file->error,
                           "%s:%u: not marked hand-written", path, i + 1);
            return false;
        }
        if (!add_block(&entry->trace, &text, i + 1, 0, &bad)) {
            (void)snprintf(ret_file->error, sizeof ret_file->error, "%s:%u: not understood: %.100s",
                           path, bad, bad > 0 ? text.lines[bad - 1] : "");
            return false;
        }
    }
    return true;
}

void mini_done(struct mini_file *file)
{
    for (unsigned i = 0; i < file->count; i++) {
        trace_done(&file->cases[i].trace);
    }
}
