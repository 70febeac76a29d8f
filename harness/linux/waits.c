/* poll, select and epoll: what they ask, how long they wait, and the READY events of what they
 * reported. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>

#include "linux/tracer_internal.h"

enum {
    REPORTED_MAX = 1024, /* descriptors of one wait that are traced */
    IN = 0,
    OUT,
    EXCEPT,
    SETS,
    WORD_BITS = 64,
    SET_WORDS_MAX = 1024 /* 65536 descriptors */
};

static void trace_ready(struct linux_tracer *tracer, struct tracer_process *process, int fd,
                        int64_t asked, int64_t got)
{
    const struct tracer_file *file = tracer_files_get(tracer, process, fd);
    struct trace_event *event = tracer_event(tracer, TRACE_READY);
    event->fd = tracer_number(process, fd);
    event->conn = file != NULL ? file->conn : 0;
    event->a = asked;
    event->b = got;
}

/* ---- Times ---- */

int64_t tracer_timespec_us(const struct tracer_thread *thread, uint64_t address)
{
    struct timespec time;
    if (!tracer_peek(thread, address, &time, sizeof time)) {
        return -1;
    }
    return time.tv_sec > INT64_MAX / 2000000 ? INT64_MAX / 4
                                             : time.tv_sec * 1000000 + (time.tv_nsec + 999) / 1000;
}

int64_t tracer_timeval_us(const struct tracer_thread *thread, uint64_t address)
{
    int64_t time[2];
    if (!tracer_peek(thread, address, time, sizeof time)) {
        return -1;
    }
    return time[0] > INT64_MAX / 2000000 ? INT64_MAX / 4 : time[0] * 1000000 + time[1];
}

static int64_t milliseconds_us(uint64_t argument)
{
    int timeout = (int)argument;
    return timeout < 0 ? -1 : (int64_t)timeout * 1000;
}

/* ---- poll ---- */

void tracer_enter_poll(struct linux_tracer *tracer, struct tracer_thread *thread,
                       struct tracer_call *call)
{
    (void)tracer;
    call->traced = true;
    call->timeout_us = call->row->nr == SYS_poll ? milliseconds_us(call->args[2])
                                                 : tracer_timespec_us(thread, call->args[2]);
    call->a = (uint32_t)call->args[1];
    call->b = call->timeout_us;
}

void tracer_report_poll(struct linux_tracer *tracer, struct tracer_thread *thread,
                        struct tracer_call *call, int64_t result)
{
    struct pollfd fds[REPORTED_MAX];
    uint64_t count = (uint32_t)call->args[1];
    count = count < REPORTED_MAX ? count : REPORTED_MAX;
    if (result <= 0 || !tracer_peek(thread, call->args[0], fds, count * sizeof fds[0])) {
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (fds[i].revents != 0) {
            trace_ready(tracer, thread->process, fds[i].fd, (uint16_t)fds[i].events,
                        (uint16_t)fds[i].revents);
        }
    }
}

/* ---- select ---- */

static const uint32_t set_asks[SETS] = {[IN] = POLLIN, [OUT] = POLLOUT, [EXCEPT] = POLLPRI};

void tracer_enter_select(struct linux_tracer *tracer, struct tracer_thread *thread,
                         struct tracer_call *call)
{
    (void)tracer;
    int count = (int)call->args[0];
    uint32_t words = count > 0 ? ((uint32_t)count + WORD_BITS - 1) / WORD_BITS : 0;
    bool p_form = call->row->nr == SYS_pselect6;
    call->traced = true;
    /* libc's select() is pselect6 without a mask where the kernel has both. */
    call->what = p_form && call->args[5] != 0 ? TRACE_CALL_PSELECT : TRACE_CALL_SELECT;
    call->timeout_us = p_form ? tracer_timespec_us(thread, call->args[4])
                              : tracer_timeval_us(thread, call->args[4]);
    call->a = count;
    call->b = call->timeout_us;
    words = words < SET_WORDS_MAX ? words : SET_WORDS_MAX;
    call->sets = words != 0 ? calloc((size_t)words * SETS, sizeof *call->sets) : NULL;
    call->set_words = call->sets != NULL ? words : 0;
    for (uint32_t set = 0; set < SETS && call->set_words != 0; set++) {
        if (!tracer_peek(thread, call->args[1 + set], call->sets + (size_t)set * words,
                         words * sizeof *call->sets)) {
            memset(call->sets + (size_t)set * words, 0, words * sizeof *call->sets);
        }
    }
}

/* The descriptors of one word of the sets. */
static void report_word(struct linux_tracer *tracer, struct tracer_thread *thread,
                        const struct tracer_call *call, uint32_t word, const uint64_t got[SETS])
{
    for (uint64_t any = got[IN] | got[OUT] | got[EXCEPT]; any != 0; any &= any - 1) {
        uint64_t bit = any & -any;
        uint32_t asks = 0;
        uint32_t has = 0;
        for (uint32_t set = 0; set < SETS; set++) {
            asks |= (call->sets[set * call->set_words + word] & bit) != 0 ? set_asks[set] : 0;
            has |= (got[set] & bit) != 0 ? set_asks[set] : 0;
        }
        trace_ready(tracer, thread->process, (int)word * WORD_BITS + __builtin_ctzll(any), asks,
                    has);
    }
}

void tracer_report_select(struct linux_tracer *tracer, struct tracer_thread *thread,
                          struct tracer_call *call, int64_t result)
{
    for (uint32_t word = 0; result > 0 && word < call->set_words; word++) {
        uint64_t got[SETS] = {0};
        for (uint32_t set = 0; set < SETS; set++) {
            uint64_t asked = call->sets[set * call->set_words + word];
            uint64_t address = call->args[1 + set];
            if (asked != 0 &&
                tracer_peek(thread, address + word * sizeof asked, &got[set], sizeof got[set])) {
                got[set] &= asked;
            }
        }
        report_word(tracer, thread, call, word, got);
    }
}

/* ---- epoll ---- */

static struct tracer_item **link_to(struct tracer_item *item)
{
    struct tracer_item **link = &item->file->items;
    while (*link != item) {
        link = &(*link)->file_next;
    }
    return link;
}

static void item_free(struct tracer_item *item)
{
    *link_to(item) = item->file_next;
    HASH_DEL(item->epoll->registry, item);
    free(item);
}

void tracer_items_forget(struct tracer_file *file)
{
    while (file->items != NULL) {
        item_free(file->items);
    }
    while (file->registry != NULL) {
        item_free(file->registry);
    }
}

static struct tracer_item *item_find(const struct tracer_file *epoll,
                                     const struct tracer_file *file, int fd)
{
    struct tracer_item *item = file->items;
    while (item != NULL && (item->epoll != epoll || item->fd != fd)) {
        item = item->file_next;
    }
    return item;
}

void tracer_enter_epoll_ctl(struct linux_tracer *tracer, struct tracer_thread *thread,
                            struct tracer_call *call)
{
    struct epoll_event event = {0};
    int op = (int)call->args[1];
    call->fd = (int)call->args[2];
    call->file = tracer_files_get(tracer, thread->process, call->fd);
    if (op != EPOLL_CTL_DEL) {
        (void)tracer_peek(thread, call->args[3], &event, sizeof event);
    }
    call->traced = true;
    call->a = op | (int64_t)tracer_number(thread->process, (int)call->args[0]) << 8;
    call->b = event.events;
}

bool tracer_epoll_adds(struct linux_tracer *tracer, const struct tracer_thread *thread,
                       const struct tracer_call *call)
{
    const struct tracer_file *epoll = tracer_files_get(tracer, thread->process, (int)call->args[0]);
    return (int)call->args[1] == EPOLL_CTL_ADD && epoll != NULL && call->file != NULL &&
           item_find(epoll, call->file, call->fd) == NULL;
}

void tracer_leave_epoll_ctl(struct linux_tracer *tracer, struct tracer_thread *thread,
                            struct tracer_call *call, int64_t *result)
{
    struct tracer_file *epoll = tracer_files_get(tracer, thread->process, (int)call->args[0]);
    struct epoll_event event = {0};
    int op = (int)call->args[1];
    if (*result != 0 || epoll == NULL || call->file == NULL || call->file->slots == 0) {
        return;
    }
    struct tracer_item *item = item_find(epoll, call->file, call->fd);
    if (item != NULL) {
        item_free(item);
    }
    if (op == EPOLL_CTL_DEL || !tracer_peek(thread, call->args[3], &event, sizeof event) ||
        (item = calloc(1, sizeof *item)) == NULL) {
        return;
    }
    *item = (struct tracer_item){.epoll = epoll,
                                 .file = call->file,
                                 .file_next = call->file->items,
                                 .data = event.data.u64,
                                 .events = event.events,
                                 .number = tracer_number(thread->process, call->fd),
                                 .fd = call->fd};
    call->file->items = item;
    HASH_ADD(hh, epoll->registry, data, sizeof item->data, item);
}

void tracer_enter_epoll_wait(struct linux_tracer *tracer, struct tracer_thread *thread,
                             struct tracer_call *call)
{
    call->fd = (int)call->args[0];
    call->file = tracer_files_get(tracer, thread->process, call->fd);
    call->traced = true;
    call->timeout_us = call->row->nr == SYS_epoll_pwait2 ? tracer_timespec_us(thread, call->args[3])
                                                         : milliseconds_us(call->args[3]);
    call->a = (int)call->args[2];
    call->b = call->timeout_us;
}

void tracer_report_epoll(struct linux_tracer *tracer, struct tracer_thread *thread,
                         struct tracer_call *call, int64_t result)
{
    struct epoll_event events[REPORTED_MAX];
    int64_t count = result < REPORTED_MAX ? result : REPORTED_MAX;
    if (result <= 0 || call->file == NULL ||
        !tracer_peek(thread, call->args[1], events, (size_t)count * sizeof events[0])) {
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        struct tracer_item *item = NULL;
        uint64_t data = events[i].data.u64;
        HASH_FIND(hh, call->file->registry, &data, sizeof data, item);
        struct trace_event *event = tracer_event(tracer, TRACE_READY);
        event->b = events[i].events;
        if (item != NULL) {
            event->fd = item->number;
            event->conn = item->file->conn;
            event->a = item->events & 0xffff & ~(uint32_t)(EPOLLERR | EPOLLHUP);
            event->flags = (item->events & EPOLLET) != 0 ? (uint8_t)TRACE_EDGE : 0;
        }
    }
}
