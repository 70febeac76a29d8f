/* Descriptors and open file descriptions: numbers, sharing, dup, fcntl, close. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "model/io.h"

enum { WORDS = MODEL_DESCRIPTORS_MAX / 64 };

/* ---- Numbers -----------------------------------------------------------------------------------
 */

/* The lowest free number >= from and below the limit, or -1. */
static int number_free(const struct model_process *process, int from)
{
    int word = from / 64;
    uint64_t bits = 0;
    if (word < process->free_hint) {
        word = process->free_hint;
        bits = word < WORDS ? process->free_map[word] : 0;
    } else {
        bits = process->free_map[word] & (~UINT64_C(0) << (from % 64));
    }
    while (bits == 0) {
        if (++word >= WORDS) {
            return -1;
        }
        bits = process->free_map[word];
    }
    int number = word * 64 + __builtin_ctzll(bits);
    return number < process->limit ? number : -1;
}

static void number_take(struct model_process *process, int fd)
{
    process->free_map[fd / 64] &= ~(UINT64_C(1) << (fd % 64));
    while (process->free_hint < WORDS - 1 && process->free_map[process->free_hint] == 0) {
        process->free_hint++;
    }
    if (fd >= process->slots_high) {
        process->slots_high = fd + 1;
    }
}

static void number_give(struct model_process *process, int fd)
{
    process->free_map[fd / 64] |= UINT64_C(1) << (fd % 64);
    if (fd / 64 < process->free_hint) {
        process->free_hint = fd / 64;
    }
}

void io_number_reserve(struct model_process *process, int *reserved)
{
    int fd = number_free(process, 0);
    if (fd >= 0) {
        number_take(process, fd);
        *reserved = fd + 1;
    }
}

void io_number_return(struct model_process *process, int *reserved)
{
    if (*reserved != 0) {
        number_give(process, *reserved - 1);
        *reserved = 0;
    }
}

void io_process_reset(struct model_process *process, enum trace_host host)
{
    /* Words that were never taken from are still full. */
    for (int word = 0; word * 64 < process->slots_high; word++) {
        process->free_map[word] = ~UINT64_C(0);
    }
    for (int fd = 0; fd < process->slots_high; fd++) {
        process->slots[fd] = (struct model_slot){0};
    }
    process->free_hint = 0;
    process->slots_high = 0;
    process->open_count = 0;
    process->limit = MODEL_DESCRIPTORS_MAX;
    process->running = false;
    process->failing = false;
    process->host = host;
}

static void slot_fill(struct model *model, struct model_process *process, int fd,
                      struct model_file *file, uint32_t descriptor_flags, uint32_t conn,
                      uint8_t trace_flags)
{
    assert(process->slots[fd].file == NULL);
    number_take(process, fd);
    process->open_count++;
    process->slots[fd] = (struct model_slot){.file = file, .descriptor_flags = descriptor_flags};
    file->refs++;
    struct trace_event *event = trace_add(model->trace, TRACE_FD_OPEN, process->host);
    event->what = (uint8_t)file->ops->kind;
    event->flags = trace_flags;
    event->fd = fd;
    event->conn = conn;
    event->a =
        (file->status_flags & O_NONBLOCK) | ((descriptor_flags & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0);
    event->b = process->open_count;
    model_changed(model);
    model->readiness++;
}

int model_fd_install(struct model *model, struct model_file *file, uint32_t descriptor_flags,
                     uint32_t conn)
{
    struct model_process *process = model->current;
    int fd = process->failing ? -1 : model->io->call.reserved - 1;
    io_number_return(process, &model->io->call.reserved);
    if (fd < 0 && !process->failing) {
        fd = number_free(process, 0);
    }
    if (fd < 0) {
        return -EMFILE;
    }
    file->host = (uint8_t)process->host;
    slot_fill(model, process, fd, file, descriptor_flags, conn, 0);
    return fd;
}

bool model_fd_available(const struct model *model)
{
    return !model->current->failing && number_free(model->current, 0) >= 0;
}

bool model_fd_reserve(struct model *model)
{
    if (model->io->call.reserved == 0) {
        io_number_reserve(model->current, &model->io->call.reserved);
    }
    return model->io->call.reserved != 0;
}

bool model_fd_reserved(const struct model *model)
{
    return model->io->call.reserved != 0 && !model->current->failing;
}

void model_fd_unreserve(struct model *model)
{
    io_number_return(model->current, &model->io->call.reserved);
}

int model_kind(const struct model *model, int fd)
{
    if ((unsigned)fd >= MODEL_DESCRIPTORS_MAX || model->current->slots[fd].file == NULL) {
        return -1;
    }
    return (int)model->current->slots[fd].file->ops->kind;
}

/* ---- Closing -----------------------------------------------------------------------------------
 */

static void file_release(struct model *model, struct model_file *file)
{
    if (file->items != NULL) {
        io_epoll_forget(model, file);
    }
    file->ops->release(model, file);
}

bool io_slot_close(struct model *model, struct model_process *process, int fd, bool traced)
{
    struct model_file *file = process->slots[fd].file;
    assert(file != NULL && file->refs > 0);
    process->slots[fd] = (struct model_slot){0};
    number_give(process, fd);
    process->open_count--;
    bool last = --file->refs == 0;
    if (traced) {
        struct trace_event *event = trace_add(model->trace, TRACE_FD_CLOSE, process->host);
        event->what = (uint8_t)file->ops->kind;
        event->fd = fd;
        event->conn = file->conn;
        event->a = last;
        event->b = process->open_count;
    }
    model_changed(model);
    model->readiness++;
    if (!last) {
        return false;
    }
    if (process->host == TRACE_HOST_TARGET && file->conn != 0) {
        model->io->dialogues++;
    }
    file_release(model, file);
    return true;
}

void io_file_dropped(struct model *model, struct model_file *file)
{
    file_release(model, file);
}

void io_files_close_all(struct model *model, struct model_process *process)
{
    for (int fd = 0; fd < process->slots_high; fd++) {
        if (process->slots[fd].file != NULL) {
            (void)io_slot_close(model, process, fd, false);
        }
    }
}

int model_sys_close(struct model *model, int fd)
{
    model_call_enter(model, TRACE_CALL_CLOSE, fd);
    struct model_process *process = model->current;
    if ((unsigned)fd >= MODEL_DESCRIPTORS_MAX || process->slots[fd].file == NULL) {
        return (int)model_call_leave(model, TRACE_CALL_CLOSE, fd, 0, -EBADF, 0, 0);
    }
    uint32_t conn = process->slots[fd].file->conn;
    int error = model_fault_take(model, TRACE_CALL_CLOSE, fd, conn, false, NULL);
    /* close(2): whatever it answers, the number is free afterwards. */
    bool last = io_slot_close(model, process, fd, true);
    return (int)model_call_leave(model, TRACE_CALL_CLOSE, fd, conn, error, last, 0);
}

/* ---- Sharing -----------------------------------------------------------------------------------
 */

static int dup_to_lowest(struct model *model, struct model_file *file, int from, uint32_t flags)
{
    struct model_process *process = model->current;
    int fd = from < MODEL_DESCRIPTORS_MAX ? number_free(process, from) : -1;
    if (fd < 0) {
        return -EMFILE;
    }
    slot_fill(model, process, fd, file, flags, file->conn, 0);
    return fd;
}

static int dup_to_wanted(struct model *model, enum trace_call call, int fd, int wanted, int flags)
{
    struct model_process *process = model->current;
    struct model_file *file = process->slots[fd].file;
    if (wanted < 0 || wanted >= process->limit) {
        return -EBADF;
    }
    if (fd == wanted) {
        return call == TRACE_CALL_DUP3 ? -EINVAL : wanted;
    }
    if (process->slots[wanted].file == NULL &&
        (process->free_map[wanted / 64] >> (wanted % 64) & 1U) == 0) {
        return -EBUSY; /* another thread sleeps in accept() and has taken it */
    }
    /* The old file may be the last reference to what `file` is not: keep `file` alive while it
     * goes. */
    file->refs++;
    if (process->slots[wanted].file != NULL) {
        (void)io_slot_close(model, process, wanted, true);
    }
    slot_fill(model, process, wanted, file, (flags & O_CLOEXEC) != 0 ? FD_CLOEXEC : 0, file->conn,
              0);
    file->refs--;
    return wanted;
}

int model_sys_dup(struct model *model, enum trace_call call, int fd, int wanted, int flags)
{
    model_call_enter(model, call, fd);
    struct model_file *file = model_fd_file(model, fd);
    int64_t result = 0;
    if (file == NULL) {
        result = -EBADF;
    } else if ((flags & ~O_CLOEXEC) != 0) {
        result = -EINVAL;
    } else if ((result = model_fault_take(model, call, fd, file->conn, false, NULL)) == 0) {
        result = call == TRACE_CALL_DUP ? dup_to_lowest(model, file, 0, 0)
                                        : dup_to_wanted(model, call, fd, wanted, flags);
    }
    return (int)model_call_leave(model, call, fd, file != NULL ? file->conn : 0, result, wanted, 0);
}

/* ---- Flags -------------------------------------------------------------------------------------
 */

static int64_t fcntl_known(struct model *model, int fd, struct model_file *file, int command,
                           long argument)
{
    const uint32_t settable = O_NONBLOCK | O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME;
    struct model_slot *slot = &model->current->slots[fd];
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        if (argument < 0 || argument >= model->current->limit) {
            return -EINVAL;
        }
        return dup_to_lowest(model, file, (int)argument,
                             command == F_DUPFD_CLOEXEC ? FD_CLOEXEC : 0);
    case F_GETFD:
        return (int64_t)slot->descriptor_flags;
    case F_SETFD:
        slot->descriptor_flags = (uint32_t)argument & FD_CLOEXEC;
        return 0;
    case F_GETFL:
        return (int64_t)file->status_flags;
    case F_SETFL:
        file->status_flags = (file->status_flags & ~settable) | ((uint32_t)argument & settable);
        if (file->ops == &io_real_ops) {
            (void)fcntl(io_object(file)->real.real, F_SETFL, argument);
        }
        return 0;
    case F_GETOWN:
    case F_SETOWN:
        return 0;
    case F_GETPIPE_SZ:
    case F_SETPIPE_SZ:
        return file->ops->kind == TRACE_FILE_PIPE ? IO_RING_SIZE : -EBADF;
    default:
        if (file->ops == &io_real_ops) {
            int result = fcntl(io_object(file)->real.real, command, argument);
            return result < 0 ? -errno : result;
        }
        return -EINVAL;
    }
}

int model_sys_fcntl(struct model *model, int fd, int command, long argument)
{
    model_call_enter(model, TRACE_CALL_FCNTL, fd);
    struct model_file *file = model_fd_file(model, fd);
    int64_t result = -EBADF;
    uint32_t conn = 0;
    if (file != NULL) {
        conn = file->conn;
        result = command == F_DUPFD || command == F_DUPFD_CLOEXEC
                     ? model_fault_take(model, TRACE_CALL_FCNTL, fd, conn, false, NULL)
                     : 0;
        if (result == 0) {
            result = fcntl_known(model, fd, file, command, argument);
        }
    }
    return (int)model_call_leave(model, TRACE_CALL_FCNTL, fd, conn, result, command, argument);
}

int model_sys_ioctl(struct model *model, int fd, unsigned long request, void *argument)
{
    model_call_enter(model, TRACE_CALL_IOCTL, fd);
    struct model_file *file = model_fd_file(model, fd);
    int64_t result = 0;
    int64_t value = 0;
    if (file == NULL) {
        result = -EBADF;
    } else if (request == FIONBIO) {
        int on = 0;
        memcpy(&on, argument, sizeof on);
        value = on;
        file->status_flags =
            on != 0 ? file->status_flags | O_NONBLOCK : file->status_flags & ~(uint32_t)O_NONBLOCK;
    } else if (request == FIOCLEX || request == FIONCLEX) {
        model->current->slots[fd].descriptor_flags = request == FIOCLEX ? FD_CLOEXEC : 0;
    } else {
        result =
            file->ops->ioctl != NULL ? file->ops->ioctl(model, file, request, argument) : -ENOTTY;
        if (result >= 0 && request == FIONREAD) {
            int count = 0;
            memcpy(&count, argument, sizeof count);
            value = count;
        }
    }
    return (int)model_call_leave(model, TRACE_CALL_IOCTL, fd, file != NULL ? file->conn : 0, result,
                                 (int64_t)request, value);
}

int model_sys_fstat(struct model *model, int fd, struct stat *ret_stat)
{
    static const mode_t modes[TRACE_FILE_COUNT] = {
        [TRACE_FILE_OTHER] = 0600,
        [TRACE_FILE_EPOLL] = 0600,
        [TRACE_FILE_PIPE] = S_IFIFO | 0600,
        [TRACE_FILE_EVENTFD] = 0600,
        [TRACE_FILE_TIMERFD] = 0600,
        [TRACE_FILE_SIGNALFD] = 0600,
        [TRACE_FILE_CONSOLE] = S_IFCHR | 0620,
    };
    model_call_enter(model, TRACE_CALL_FSTAT, fd);
    struct model_file *file = model_fd_file(model, fd);
    int64_t result = 0;
    if (file == NULL) {
        result = -EBADF;
    } else if (file->ops == &io_real_ops) {
        result = fstat(io_object(file)->real.real, ret_stat) < 0 ? -errno : 0;
    } else {
        *ret_stat =
            (struct stat){.st_mode = file->ops->socket ? S_IFSOCK | 0777 : modes[file->ops->kind],
                          .st_nlink = 1,
                          .st_blksize = 4096};
    }
    return (int)model_call_leave(model, TRACE_CALL_FSTAT, fd, file != NULL ? file->conn : 0, result,
                                 0, 0);
}

/* ---- Objects -----------------------------------------------------------------------------------
 */

struct io_object *io_object_new(struct model *model, const struct model_file_ops *ops,
                                uint32_t status_flags)
{
    struct model_io *io = model->io;
    struct io_object *object = io->objects_free;
    if (object != NULL) {
        io->objects_free = object->next;
    } else if (io->objects_used < IO_OBJECTS_MAX) {
        object = &io->objects[io->objects_used++];
    } else {
        return NULL;
    }
    object->file = (struct model_file){.ops = ops, .status_flags = status_flags};
    object->next = NULL;
    return object;
}

void io_object_free(struct model *model, struct io_object *object)
{
    object->file.ops = NULL;
    object->next = model->io->objects_free;
    model->io->objects_free = object;
}

int io_object_install(struct model *model, struct io_object *object, uint32_t descriptor_flags)
{
    int fd = model_fd_install(model, &object->file, descriptor_flags, 0);
    if (fd < 0) {
        object->file.ops->release(model, &object->file);
    }
    return fd;
}

void io_files_open_consoles(struct model *model, struct model_process *process)
{
    for (int fd = 0; fd < 3; fd++) {
        struct io_object *console = &model->io->consoles[process->host][fd];
        console->file = (struct model_file){.ops = &io_console_ops,
                                            .status_flags = fd == 0 ? O_RDONLY : O_WRONLY,
                                            .host = (uint8_t)process->host};
        console->console = fd;
        slot_fill(model, process, fd, &console->file, 0, 0, TRACE_INHERITED);
    }
}

void io_files_reset(struct model *model)
{
    struct model_io *io = model->io;
    /* Real descriptors are the only thing that a reset must give back one by one. */
    for (uint32_t i = 0; i < io->objects_used; i++) {
        if (io->objects[i].file.ops == &io_real_ops) {
            (void)close(io->objects[i].real.real);
        }
    }
    io->objects_used = 0;
    io->objects_free = NULL;
}
