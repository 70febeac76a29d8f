/* Descriptors of every process: what each number is, which of them share a description, what
 * happens to them at fork and exec. A number that was opened unseen is looked up when it is first
 * used. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/tracer_internal.h"

/* ---- Descriptions ---- */

static bool is_watched(enum trace_file kind)
{
    return kind == TRACE_FILE_LISTENER || kind == TRACE_FILE_EPOLL || kind == TRACE_FILE_PIPE ||
           kind == TRACE_FILE_EVENTFD || kind == TRACE_FILE_TIMERFD ||
           kind == TRACE_FILE_SIGNALFD || kind == TRACE_FILE_SOCKET;
}

struct tracer_file *tracer_file_new(enum trace_file kind, bool nonblock)
{
    struct tracer_file *file = calloc(1, sizeof *file);
    if (file != NULL) {
        file->kind = kind;
        file->nonblock = nonblock;
        file->watched = is_watched(kind);
        file->tcp = kind == TRACE_FILE_SOCKET || kind == TRACE_FILE_LISTENER;
    }
    return file;
}

void tracer_file_drop(struct tracer_file *file)
{
    assert(file->refs > 0);
    if (--file->refs == 0) {
        tracer_items_forget(file);
        free(file);
    }
}

/* ---- Looking up ---- */

int tracer_files_borrow(const struct tracer_process *process, int fd)
{
    return (int)syscall(SYS_pidfd_getfd, process->pidfd, fd, 0);
}

static bool is_tcp(int borrowed)
{
    int type = 0;
    int domain = 0;
    int protocol = 0;
    socklen_t size = sizeof type;
    return getsockopt(borrowed, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
           getsockopt(borrowed, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
           (domain == AF_INET || domain == AF_INET6) &&
           getsockopt(borrowed, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
           (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
}

static enum trace_file kind_of(const struct tracer_process *process, int fd, int borrowed)
{
    static const struct {
        const char *text;
        enum trace_file kind;
    } links[] = {
        {"pipe:", TRACE_FILE_PIPE},
        {"anon_inode:[eventpoll]", TRACE_FILE_EPOLL},
        {"anon_inode:[eventfd]", TRACE_FILE_EVENTFD},
        {"anon_inode:[timerfd]", TRACE_FILE_TIMERFD},
        {"anon_inode:[signalfd]", TRACE_FILE_SIGNALFD},
        {"/", TRACE_FILE_FILE},
    };
    char path[64];
    char link[64];
    (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)process->pid, fd);
    ssize_t size = readlink(path, link, sizeof link - 1);
    link[size > 0 ? size : 0] = '\0';
    if (strncmp(link, "socket:", 7) == 0 && borrowed >= 0 && is_tcp(borrowed)) {
        int listens = 0;
        socklen_t length = sizeof listens;
        (void)getsockopt(borrowed, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length);
        return listens != 0 ? TRACE_FILE_LISTENER : TRACE_FILE_SOCKET;
    }
    for (unsigned i = 0; i < sizeof links / sizeof links[0]; i++) {
        if (strncmp(link, links[i].text, strlen(links[i].text)) == 0) {
            return links[i].kind;
        }
    }
    return TRACE_FILE_OTHER;
}

static bool has_cloexec(const struct tracer_process *process, int fd)
{
    char path[64];
    char text[256];
    (void)snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)process->pid, fd);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = file >= 0 ? read(file, text, sizeof text - 1) : 0;
    if (file >= 0) {
        (void)close(file);
    }
    text[size > 0 ? size : 0] = '\0';
    const char *flags = strstr(text, "flags:");
    return flags != NULL && (strtoul(flags + 6, NULL, 8) & O_CLOEXEC) != 0;
}

static uint16_t port_of(const struct sockaddr_storage *name)
{
    /* Ports of IPv4 and IPv6 stand at the same place. */
    if (name->ss_family != AF_INET && name->ss_family != AF_INET6) {
        return 0;
    }
    return ntohs(((const struct sockaddr_in *)(const void *)name)->sin_port);
}

void tracer_files_connect(struct linux_tracer *tracer, struct tracer_process *process, int fd,
                          struct tracer_file *file)
{
    if (file->conn != 0 || file->kind != TRACE_FILE_SOCKET || tracer->hooks.conn == NULL) {
        return;
    }
    int borrowed = tracer_files_borrow(process, fd);
    if (borrowed < 0) {
        return;
    }
    struct sockaddr_storage local = {0};
    struct sockaddr_storage remote = {0};
    socklen_t local_size = sizeof local;
    /* SO_PEERNAME also answers before and after a connection, where getpeername does not; it
     * refuses more room than the name takes. */
    if (getsockname(borrowed, (struct sockaddr *)&local, &local_size) == 0) {
        socklen_t remote_size = local_size;
        if (getsockopt(borrowed, SOL_SOCKET, SO_PEERNAME, &remote, &remote_size) == 0) {
            file->conn =
                tracer->hooks.conn(tracer->hooks.context, port_of(&local), port_of(&remote));
        }
    }
    (void)close(borrowed);
}

static struct tracer_file *resolve(struct linux_tracer *tracer, struct tracer_process *process,
                                   int fd)
{
    int borrowed = tracer_files_borrow(process, fd);
    if (borrowed < 0) {
        return NULL;
    }
    int flags = fcntl(borrowed, F_GETFL);
    struct tracer_file *file =
        tracer_file_new(kind_of(process, fd, borrowed), flags >= 0 && (flags & O_NONBLOCK) != 0);
    (void)close(borrowed);
    if (file == NULL) {
        return NULL;
    }
    tracer_files_connect(tracer, process, fd, file);
    tracer_files_open(tracer, process, fd, file, has_cloexec(process, fd), 0);
    struct tracer_slot *slot = tracer_files_slot(process, fd);
    return slot != NULL ? slot->file : NULL;
}

struct tracer_slot *tracer_files_slot(const struct tracer_process *process, int fd)
{
    return fd >= 0 && fd < process->slots_size ? &process->slots[fd] : NULL;
}

struct tracer_file *tracer_files_get(struct linux_tracer *tracer, struct tracer_process *process,
                                     int fd)
{
    const struct tracer_slot *slot = tracer_files_slot(process, fd);
    if (slot != NULL && slot->file != NULL) {
        return slot->file;
    }
    return fd < 0 ? NULL : resolve(tracer, process, fd);
}

int tracer_files_open_count(const struct linux_tracer *tracer)
{
    int count = 0;
    for (const struct tracer_process *process = tracer->processes; process != NULL;
         process = process->next) {
        count += process->open_count;
    }
    return count;
}

/* ---- Numbers ---- */

static bool slots_grow(struct tracer_process *process, int fd)
{
    if (fd < process->slots_size) {
        return true;
    }
    if (fd >= TRACER_FDS_MAX) {
        return false;
    }
    int size = process->slots_size != 0 ? process->slots_size : 64;
    while (size <= fd) {
        size *= 2;
    }
    struct tracer_slot *slots = realloc(process->slots, (size_t)size * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    memset(slots + process->slots_size, 0, (size_t)(size - process->slots_size) * sizeof *slots);
    process->slots = slots;
    process->slots_size = size;
    return true;
}

void tracer_files_open(struct linux_tracer *tracer, struct tracer_process *process, int fd,
                       struct tracer_file *file, bool cloexec, uint8_t flags)
{
    if (file == NULL) {
        return;
    }
    file->refs++;
    if (fd < 0 || !slots_grow(process, fd)) {
        tracer_file_drop(file);
        return;
    }
    if (process->slots[fd].file != NULL) { /* its close is still to be seen, or went unseen */
        (void)tracer_files_close(tracer, process, fd);
    }
    process->slots[fd] = (struct tracer_slot){
        .file = file, .cloexec = cloexec, .inherited = (flags & TRACE_INHERITED) != 0};
    file->slots++;
    process->open_count++;
    struct trace_event *event = tracer_event(tracer, TRACE_FD_OPEN);
    event->what = (uint8_t)file->kind;
    event->flags = flags;
    event->fd = tracer_number(process, fd);
    event->conn = file->conn;
    event->a = (file->nonblock ? O_NONBLOCK : 0) | (cloexec ? O_CLOEXEC : 0);
    event->b = tracer_files_open_count(tracer);
}

static bool slot_close(struct linux_tracer *tracer, struct tracer_process *process, int fd,
                       bool traced)
{
    struct tracer_slot *slot = &process->slots[fd];
    struct tracer_file *file = slot->file;
    assert(file != NULL && file->slots > 0);
    *slot = (struct tracer_slot){.was_other = !file->watched};
    process->open_count--;
    bool last = --file->slots == 0;
    if (traced) {
        struct trace_event *event = tracer_event(tracer, TRACE_FD_CLOSE);
        event->what = (uint8_t)file->kind;
        event->fd = tracer_number(process, fd);
        event->conn = file->conn;
        event->a = last;
        event->b = tracer_files_open_count(tracer);
    }
    if (last) {
        /* epoll(7): registrations go with the last descriptor. */
        tracer_items_forget(file);
    }
    tracer_file_drop(file);
    return last;
}

bool tracer_files_close(struct linux_tracer *tracer, struct tracer_process *process, int fd)
{
    const struct tracer_slot *slot = tracer_files_slot(process, fd);
    return slot != NULL && slot->file != NULL && slot_close(tracer, process, fd, true);
}

void tracer_files_close_all(struct linux_tracer *tracer, struct tracer_process *process,
                            bool traced)
{
    for (int fd = 0; fd < process->slots_size; fd++) {
        if (process->slots[fd].file != NULL) {
            (void)slot_close(tracer, process, fd, traced);
        }
    }
}

/* ---- Start, fork, exec ---- */

void tracer_files_start(struct linux_tracer *tracer, struct tracer_process *process)
{
    for (int fd = 0; fd < 3; fd++) {
        tracer_files_open(tracer, process, fd, tracer_file_new(TRACE_FILE_CONSOLE, false), false,
                          TRACE_INHERITED);
    }
}

void tracer_files_copy(struct linux_tracer *tracer, struct tracer_process *from,
                       struct tracer_process *to)
{
    for (int fd = 0; fd < from->slots_size; fd++) {
        const struct tracer_slot *slot = &from->slots[fd];
        if (slot->file != NULL) {
            tracer_files_open(tracer, to, fd, slot->file, slot->cloexec,
                              slot->inherited ? TRACE_INHERITED : 0);
        }
    }
}

void tracer_files_exec(struct linux_tracer *tracer, struct tracer_process *process)
{
    for (int fd = 0; fd < process->slots_size; fd++) {
        if (process->slots[fd].file != NULL && process->slots[fd].cloexec) {
            (void)slot_close(tracer, process, fd, true);
        }
    }
}
