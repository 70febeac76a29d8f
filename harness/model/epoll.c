/* epoll: registrations, ready lists, level- and edge-triggered reports. epoll(7), epoll_ctl(2),
 * epoll_wait(2) An item is queued when its file is notified; a wait looks at queued items only, so
 * its cost does not grow with the number of registrations. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "model/io.h"

enum {
    PRIVATE = (int)(EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP),
    ALWAYS = (int)(EPOLLERR | EPOLLHUP), /* reported whether asked for or not */
    EXCLUSIVE_ALLOWED =
        (int)(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)
};

struct epoll_item {
    struct io_object *epoll;
    struct model_file *file;
    int fd; /* the number that was registered; the file may live on under another */
    bool queued;
    bool exclusive;
    uint32_t
        events; /* asked, with EPOLLET and its like; 0 but for those: disarmed by EPOLLONESHOT */
    epoll_data_t data;
    struct epoll_item *file_next, *file_previous; /* of the same file */
    struct epoll_item *epoll_next,
        *epoll_previous; /* of the same epoll; epoll_next also: free list */
    struct epoll_item *ready_next, *ready_previous;
};

/* ---- Pools -------------------------------------------------------------------------------------
 */

enum status io_epoll_new(struct model_io *io)
{
    io->items = calloc(IO_ITEMS_MAX, sizeof *io->items);
    return io->items != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

void io_epoll_free(struct model_io *io)
{
    free(io->items);
}

void io_epoll_reset(struct model *model)
{
    model->io->items_free = NULL;
    model->io->items_used = 0;
}

static struct epoll_item *item_new(struct model_io *io)
{
    struct epoll_item *item = io->items_free;
    if (item != NULL) {
        io->items_free = item->epoll_next;
    } else if (io->items_used < IO_ITEMS_MAX) {
        item = &io->items[io->items_used++];
    }
    return item;
}

/* ---- Ready lists -------------------------------------------------------------------------------
 */

static void ready_append(struct epoll_item *item)
{
    struct io_object *epoll = item->epoll;
    assert(!item->queued);
    item->queued = true;
    item->ready_next = NULL;
    item->ready_previous = epoll->epoll.ready_last;
    if (epoll->epoll.ready_last != NULL) {
        epoll->epoll.ready_last->ready_next = item;
    } else {
        epoll->epoll.ready_first = item;
    }
    epoll->epoll.ready_last = item;
    epoll->epoll.ready_count++;
}

static void ready_remove(struct epoll_item *item)
{
    struct io_object *epoll = item->epoll;
    if (!item->queued) {
        return;
    }
    item->queued = false;
    if (item->ready_previous != NULL) {
        item->ready_previous->ready_next = item->ready_next;
    } else {
        epoll->epoll.ready_first = item->ready_next;
    }
    if (item->ready_next != NULL) {
        item->ready_next->ready_previous = item->ready_previous;
    } else {
        epoll->epoll.ready_last = item->ready_previous;
    }
    epoll->epoll.ready_count--;
}

/* What the item would report now. */
static uint32_t item_events(struct model *model, const struct epoll_item *item)
{
    if ((item->events & ~(uint32_t)PRIVATE) == 0) {
        return 0;
    }
    return io_file_poll(model, item->file) & item->events & ~(uint32_t)PRIVATE;
}

static void notify_items(struct model *model, struct epoll_item *first, uint32_t bits);

static void item_wake(struct model *model, struct epoll_item *item, uint32_t bits)
{
    if ((item->events & ~(uint32_t)PRIVATE) == 0 || (bits & item->events) == 0) {
        return;
    }
    if (!item->queued) {
        ready_append(item);
    }
    /* An epoll descriptor is itself readable: nesting. The depth is bounded by epoll_ctl. */
    if (item->epoll->file.items != NULL) {
        notify_items(model, item->epoll->file.items, POLLIN);
    }
}

static void notify_items(struct model *model, struct epoll_item *first, uint32_t bits)
{
    bool exclusive = false;
    for (struct epoll_item *item = first; item != NULL; item = item->file_next) {
        if (item->exclusive) {
            exclusive = true;
        } else {
            item_wake(model, item, bits);
        }
    }
    /* EPOLLEXCLUSIVE: one of the waiting instances is woken; where none waits all of them remember.
     */
    for (struct epoll_item *item = exclusive ? first : NULL; item != NULL; item = item->file_next) {
        if (item->exclusive) {
            item_wake(model, item, bits);
            if (item->epoll->epoll.waiters > 0) {
                break;
            }
        }
    }
}

void model_file_notify(struct model *model, struct model_file *file, uint32_t bits)
{
    model_changed(model);
    model->readiness++;
    if (file->items != NULL) {
        notify_items(model, file->items, bits);
    }
}

/* Drops queued items that have nothing to report; true when one that has is in front. */
static bool ready_settle(struct model *model, struct io_object *epoll)
{
    struct epoll_item *item;
    while ((item = epoll->epoll.ready_first) != NULL) {
        if (item_events(model, item) != 0) {
            return true;
        }
        ready_remove(item);
    }
    return false;
}

/* ---- Registrations -----------------------------------------------------------------------------
 */

static void item_free(struct model *model, struct epoll_item *item)
{
    ready_remove(item);
    if (item->file_previous != NULL) {
        item->file_previous->file_next = item->file_next;
    } else {
        item->file->items = item->file_next;
    }
    if (item->file_next != NULL) {
        item->file_next->file_previous = item->file_previous;
    }
    if (item->epoll_previous != NULL) {
        item->epoll_previous->epoll_next = item->epoll_next;
    } else {
        item->epoll->epoll.items = item->epoll_next;
    }
    if (item->epoll_next != NULL) {
        item->epoll_next->epoll_previous = item->epoll_previous;
    }
    item->epoll_next = model->io->items_free;
    model->io->items_free = item;
}

void io_epoll_forget(struct model *model, struct model_file *file)
{
    while (file->items != NULL) {
        item_free(model, file->items);
    }
}

/* The registration of (number, file) in the instance. A file has as many items as registrations:
 * mostly one. */
static struct epoll_item *item_find(const struct io_object *epoll, const struct model_file *file,
                                    int fd)
{
    struct epoll_item *item = file->items;
    while (item != NULL && (item->epoll != epoll || item->fd != fd)) {
        item = item->file_next;
    }
    return item;
}

static uint32_t epoll_poll(struct model *model, struct model_file *file)
{
    return ready_settle(model, io_object(file)) ? POLLIN : 0;
}

static void epoll_release(struct model *model, struct model_file *file)
{
    struct io_object *epoll = io_object(file);
    while (epoll->epoll.items != NULL) {
        item_free(model, epoll->epoll.items);
    }
    io_object_free(model, epoll);
}

static const struct model_file_ops epoll_ops = {
    .kind = TRACE_FILE_EPOLL, .poll = epoll_poll, .release = epoll_release};

static struct io_object *instance_new(struct model *model)
{
    struct io_object *epoll = io_object_new(model, &epoll_ops, O_RDWR);
    if (epoll != NULL) {
        epoll->epoll.items = NULL;
        epoll->epoll.ready_first = NULL;
        epoll->epoll.ready_last = NULL;
        epoll->epoll.ready_count = 0;
        epoll->epoll.waiters = 0;
    }
    return epoll;
}

int model_sys_epoll_create(struct model *model, int flags)
{
    model_call_enter(model, TRACE_CALL_EPOLL_CREATE, -1);
    int64_t result = (flags & ~EPOLL_CLOEXEC) != 0
                         ? -EINVAL
                         : model_fault_take(model, TRACE_CALL_EPOLL_CREATE, -1, 0, false, NULL);
    if (result == 0) {
        struct io_object *epoll = instance_new(model);
        result = epoll != NULL ? io_object_install(model, epoll,
                                                   (flags & EPOLL_CLOEXEC) != 0 ? FD_CLOEXEC : 0)
                               : -ENFILE;
    }
    return (int)model_call_leave(model, TRACE_CALL_EPOLL_CREATE, -1, 0, result, flags, 0);
}

/* Whether `from` watches `to`, directly or through others, or is nested too deeply to tell. */
static bool reaches(const struct io_object *from, const struct io_object *to, int depth)
{
    if (from == to || depth == 0) {
        return true;
    }
    for (const struct epoll_item *item = from->epoll.items; item != NULL; item = item->epoll_next) {
        if (item->file->ops == &epoll_ops && reaches(io_object(item->file), to, depth - 1)) {
            return true;
        }
    }
    return false;
}

static int item_add(struct model *model, struct io_object *epoll, struct model_file *file, int fd,
                    const struct epoll_event *event)
{
    bool exclusive = (event->events & EPOLLEXCLUSIVE) != 0;
    bool nested = file->ops == &epoll_ops;
    if (exclusive && (nested || (event->events & ~(uint32_t)EXCLUSIVE_ALLOWED) != 0)) {
        return -EINVAL;
    }
    if (nested && reaches(io_object(file), epoll, IO_EPOLL_NESTING_MAX)) {
        return -ELOOP;
    }
    int error = model_fault_take(model, TRACE_CALL_EPOLL_CTL, fd, file->conn, false, NULL);
    if (error != 0) {
        return error;
    }
    struct epoll_item *item = item_new(model->io);
    if (item == NULL) {
        return -ENOSPC;
    }
    *item = (struct epoll_item){.epoll = epoll,
                                .file = file,
                                .fd = fd,
                                .exclusive = exclusive,
                                .events = event->events | ALWAYS,
                                .data = event->data,
                                .file_next = file->items,
                                .epoll_next = epoll->epoll.items};
    if (file->items != NULL) {
        file->items->file_previous = item;
    }
    if (epoll->epoll.items != NULL) {
        epoll->epoll.items->epoll_previous = item;
    }
    file->items = item;
    epoll->epoll.items = item;
    return 0;
}

static int control(struct model *model, struct io_object *epoll, int op, struct model_file *file,
                   int fd, const struct epoll_event *event)
{
    struct epoll_item *item = item_find(epoll, file, fd);
    if (op == EPOLL_CTL_ADD && item != NULL) {
        return -EEXIST;
    }
    if (op != EPOLL_CTL_ADD && item == NULL) {
        return -ENOENT;
    }
    if (op == EPOLL_CTL_DEL) {
        item_free(model, item);
        return 0;
    }
    if (op == EPOLL_CTL_MOD) {
        if (item->exclusive || (event->events & EPOLLEXCLUSIVE) != 0) {
            return -EINVAL;
        }
        item->events = event->events | ALWAYS;
        item->data = event->data;
    } else {
        int error = item_add(model, epoll, file, fd, event);
        if (error != 0) {
            return error;
        }
        item = file->items;
    }
    uint32_t now = item_events(model, item);
    if (now != 0 && !item->queued) {
        item_wake(model, item, now);
    }
    return 0;
}

static int control_checked(struct model *model, int epfd, int op, int fd,
                           const struct epoll_event *event)
{
    struct model_file *instance = model_fd_file(model, epfd);
    struct model_file *file = model_fd_file(model, fd);
    if (instance == NULL || file == NULL) {
        return -EBADF;
    }
    /* epoll_ctl(2): regular files cannot be watched. */
    if (file->ops == &io_real_ops) {
        return -EPERM;
    }
    if (instance->ops != &epoll_ops || instance == file || op < EPOLL_CTL_ADD ||
        op > EPOLL_CTL_MOD) {
        return -EINVAL;
    }
    if (op != EPOLL_CTL_DEL && event == NULL) {
        return -EFAULT;
    }
    return control(model, io_object(instance), op, file, fd, event);
}

int model_sys_epoll_ctl(struct model *model, int epfd, int op, int fd, struct epoll_event *event)
{
    model_call_enter(model, TRACE_CALL_EPOLL_CTL, fd);
    const struct model_file *file = model_fd_file(model, fd);
    uint32_t conn = file != NULL ? file->conn : 0;
    int result = control_checked(model, epfd, op, fd, event);
    uint32_t events = op != EPOLL_CTL_DEL && event != NULL ? event->events : 0;
    return (int)model_call_leave(model, TRACE_CALL_EPOLL_CTL, fd, conn, result,
                                 op | (int64_t)epfd << 8, events);
}

/* ---- Waiting -----------------------------------------------------------------------------------
 */

/* A copy: a handler that runs before the report is traced may close what it is about. */
struct report {
    epoll_data_t data;
    int fd;
    uint32_t conn;
    uint32_t asked;
    uint32_t got;
};

/* Takes what is ready, at most `max`: what is reported and level-triggered goes to the end of the
 * list, so that no descriptor starves the others (epoll(7), "Starvation"). */
static int collect(struct model *model, struct io_object *epoll, struct report *reports, int max)
{
    int count = 0;
    for (uint32_t left = epoll->epoll.ready_count; left > 0 && count < max; left--) {
        struct epoll_item *item = epoll->epoll.ready_first;
        ready_remove(item);
        uint32_t got = item_events(model, item);
        if (got == 0) {
            continue;
        }
        reports[count++] = (struct report){.data = item->data,
                                           .fd = item->fd,
                                           .conn = item->file->conn,
                                           .asked = item->events,
                                           .got = got};
        if ((item->events & EPOLLONESHOT) != 0) {
            item->events &= (uint32_t)PRIVATE;
        } else if ((item->events & EPOLLET) == 0) {
            ready_append(item);
        }
    }
    return count;
}

/* The kernel's order of ready descriptors is nobody's promise: the scenario chooses it. */
static void permute(const struct model *model, struct report *reports, int count)
{
    struct random random = {.state = model->order};
    for (int i = count - 1; i > 0; i--) {
        int j = (int)random_below(&random, (uint32_t)i + 1);
        struct report swapped = reports[i];
        reports[i] = reports[j];
        reports[j] = swapped;
    }
}

/* With more ready than fit, the order also chooses which are reported. */
static void rotate(const struct model *model, struct io_object *epoll)
{
    uint32_t turns = epoll->epoll.ready_count > 1 ? model->order % epoll->epoll.ready_count : 0;
    for (; turns > 0; turns--) {
        struct epoll_item *item = epoll->epoll.ready_first;
        ready_remove(item);
        ready_append(item);
    }
}

static bool epoll_ready(struct model *model, void *argument)
{
    return ready_settle(model, argument);
}

static int wait_ready(struct model *model, enum trace_call call, int epfd, struct io_object *epoll,
                      int64_t timeout_us)
{
    model_call_hold(model, &epoll->file);
    epoll->epoll.waiters++;
    int result = model_sleep(model, call, epfd, 0, epoll_ready, epoll, timeout_us, 0);
    epoll->epoll.waiters--;
    io_file_drop(model, &epoll->file);
    return result;
}

enum { REPORTS_MAX = 1024 }; /* reported by one epoll_wait; more than that wait for the next */

static int64_t epoll_wait_checked(struct model *model, enum trace_call call, int epfd,
                                  struct report *reports, int max, int64_t timeout_us)
{
    struct model_file *file = model_fd_file(model, epfd);
    if (max <= 0) {
        return -EINVAL;
    }
    if (file == NULL) {
        return -EBADF;
    }
    if (file->ops != &epoll_ops) {
        return -EINVAL;
    }
    int error = model_fault_take(model, call, epfd, 0, false, NULL);
    if (error == 0) {
        error = wait_ready(model, call, epfd, io_object(file), timeout_us);
    }
    if (error != 0) {
        return error == -ETIMEDOUT ? 0 : error;
    }
    if (model->order != 0) {
        rotate(model, io_object(file));
    }
    int count = collect(model, io_object(file), reports, max < REPORTS_MAX ? max : REPORTS_MAX);
    if (model->order != 0 && count > 1) {
        permute(model, reports, count);
    }
    return count;
}

int model_sys_epoll_wait(struct model *model, enum trace_call call, int epfd,
                         struct epoll_event *events, int max, int64_t timeout_us,
                         const sigset_t *mask)
{
    struct report reports[REPORTS_MAX];
    io_call_enter(model, call, epfd);
    io_signal_mask_set(model, mask);
    int64_t count =
        events == NULL ? -EFAULT : epoll_wait_checked(model, call, epfd, reports, max, timeout_us);
    io_signal_mask_set(model, NULL);
    for (int64_t i = 0; i < count; i++) {
        events[i].events = reports[i].got;
        events[i].data = reports[i].data;
    }
    (void)io_call_leave(model, call, epfd, 0, count, max, timeout_us);
    for (int64_t i = 0; i < count; i++) {
        struct trace_event *event = trace_add(model->trace, TRACE_READY, model->current->host);
        event->fd = reports[i].fd;
        event->conn = reports[i].conn;
        event->a = reports[i].asked & 0xffff & ~(uint32_t)ALWAYS;
        event->b = reports[i].got;
        event->flags = (reports[i].asked & EPOLLET) != 0 ? (uint8_t)TRACE_EDGE : 0;
    }
    return (int)count;
}

/* ---- Scripted programs ------------------------------------------------------------------------
 */

struct io_object *io_epoll_make(struct model *model)
{
    return instance_new(model);
}

int io_epoll_control(struct model *model, struct io_object *epoll, int op, struct model_file *file,
                     int fd, uint32_t events)
{
    const struct epoll_event event = {.events = events, .data.fd = fd};
    return control(model, epoll, op, file, fd, &event);
}

int io_epoll_take(struct model *model, struct io_object *epoll, struct model_ready *ready, int max)
{
    struct report reports[REPORTS_MAX];
    int count = collect(model, epoll, reports, max < REPORTS_MAX ? max : REPORTS_MAX);
    for (int i = 0; i < count; i++) {
        ready[i] = (struct model_ready){
            .fd = reports[i].fd, .asked = reports[i].asked, .got = reports[i].got};
    }
    return count;
}
