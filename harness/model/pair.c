/* Pairs of UNIX sockets, as programs use them to wake their own event loop or another thread.
 * socketpair(2), unix(7) */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "model/io.h"

enum {
    SHUT_IN = 1,          /* nothing more comes: read ends */
    SHUT_OUT = 2,         /* nothing more goes: EPIPE */
    PAIR_BUFFER = 212992, /* net.core.wmem_default, as getsockopt tells it */
    /* Linux wakes whoever waits, for whatever bits. */
    STATE_CHANGE = POLLIN | POLLRDNORM | POLLRDHUP | POLLHUP | POLLOUT | POLLWRNORM
};

struct io_pair {
    struct model_file ends[2];
    struct io_ring to[2];               /* what that end has not read */
    uint8_t marks[2][IO_RING_SIZE / 8]; /* a bit for each byte there: the last one of a send */
    uint8_t shut[2];
    bool open[2];
    bool reset[2];        /* the other end was closed over bytes that it had not read */
    struct io_pair *next; /* free list */
};

static const struct model_file_ops pair_ops[2];

enum status io_pairs_new(struct model_io *io)
{
    io->pairs = calloc(IO_PAIRS_MAX, sizeof *io->pairs);
    return io->pairs != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

void io_pairs_free(struct model_io *io)
{
    free(io->pairs);
}

void io_pairs_reset(struct model *model)
{
    model->io->pairs_free = NULL;
    model->io->pairs_used = 0;
}

static int end_of(const struct model_file *file)
{
    return file->ops == &pair_ops[1];
}

static struct io_pair *pair_of(struct model_file *file)
{
    return (struct io_pair *)(void *)((char *)(file - end_of(file)) -
                                      offsetof(struct io_pair, ends));
}

/* unix(7) calls a socket writable while less than a quarter of its buffer is under way. */
static bool writable(const struct io_pair *pair, int end)
{
    return pair->to[!end].used <= IO_RING_SIZE / 4;
}

static uint32_t pair_poll(struct model *model, struct model_file *file)
{
    const struct io_pair *pair = pair_of(file);
    int end = end_of(file);
    bool ended = (pair->shut[end] & SHUT_IN) != 0;
    (void)model;
    return (pair->to[end].used > 0 || ended ? POLLIN | POLLRDNORM : 0U) | (ended ? POLLRDHUP : 0U) |
           (pair->shut[end] == (SHUT_IN | SHUT_OUT) ? POLLHUP : 0U) |
           (pair->reset[end] ? POLLERR : 0U) |
           (writable(pair, end) ? POLLOUT | POLLWRNORM | POLLWRBAND : 0U);
}

struct pair_wait {
    const struct io_pair *pair;
    int end;
};

static bool has_news(struct model *model, void *argument)
{
    const struct pair_wait *wait = argument;
    (void)model;
    return wait->pair->to[wait->end].used > 0 || wait->pair->reset[wait->end] ||
           (wait->pair->shut[wait->end] & SHUT_IN) != 0;
}

static bool has_room(struct model *model, void *argument)
{
    const struct pair_wait *wait = argument;
    (void)model;
    return io_ring_room(&wait->pair->to[!wait->end]) > 0 ||
           (wait->pair->shut[wait->end] & SHUT_OUT) != 0;
}

/* Puts `count` bytes, the last of them marked, on their way to `end`. */
static void put(struct io_pair *pair, int end, const struct msghdr *message, size_t offset,
                size_t count)
{
    struct io_ring *ring = &pair->to[end];
    io_ring_put(ring, message, offset, count);
    size_t last = (ring->at + ring->used - 1U) % IO_RING_SIZE;
    pair->marks[end][last / 8] |= (uint8_t)(1U << last % 8);
}

/* Drops what `end` has read. Whether a send was read to its end: then Linux tells its sender of
 * room, whether or not it had run out of it. */
static bool drop(struct io_pair *pair, int end, size_t count)
{
    struct io_ring *ring = &pair->to[end];
    bool ended = false;
    for (size_t i = 0; i < count; i++) {
        size_t at = (ring->at + i) % IO_RING_SIZE;
        uint8_t bit = (uint8_t)(1U << at % 8);
        ended = ended || (pair->marks[end][at / 8] & bit) != 0;
        pair->marks[end][at / 8] &= (uint8_t)~bit;
    }
    io_ring_drop(ring, count);
    return ended;
}

/* Takes what lies there, up to `size` bytes. */
static size_t take(struct model *model, struct io_pair *pair, int end, struct msghdr *message,
                   size_t done, size_t size, bool stays)
{
    size_t count = size < pair->to[end].used ? size : pair->to[end].used;
    io_ring_look(&pair->to[end], message, done, count);
    if (!stays && drop(pair, end, count) && writable(pair, !end) && pair->open[!end]) {
        model_file_notify(model, &pair->ends[!end], POLLOUT | POLLWRNORM | POLLWRBAND);
    }
    return count;
}

static int64_t pair_recv(struct model *model, struct model_file *file, enum trace_call call, int fd,
                         struct msghdr *message, int flags)
{
    struct io_pair *pair = pair_of(file);
    struct pair_wait wait = {.pair = pair, .end = end_of(file)};
    size_t size = model_message_size(message);
    size_t done = 0;
    message->msg_namelen = 0;
    message->msg_controllen = 0;
    if (size == 0 && (call == TRACE_CALL_READ || call == TRACE_CALL_READV)) {
        return 0; /* recv(2) of nothing waits for something */
    }
    do {
        if (pair->to[wait.end].used > 0) {
            done +=
                take(model, pair, wait.end, message, done, size - done, (flags & MSG_PEEK) != 0);
            if (size == 0 || (flags & (MSG_WAITALL | MSG_PEEK)) != MSG_WAITALL) {
                break;
            }
            continue;
        }
        if (pair->reset[wait.end]) {
            pair->reset[wait.end] = false;
            return done > 0 ? (int64_t)done : -ECONNRESET;
        }
        if ((pair->shut[wait.end] & SHUT_IN) != 0) {
            break;
        }
        if ((file->status_flags & O_NONBLOCK) != 0 || (flags & MSG_DONTWAIT) != 0) {
            return done > 0 ? (int64_t)done : -EAGAIN;
        }
        int error = model_sleep(model, call, fd, 0, has_news, &wait, -1, MODEL_SLEEP_RESTARTS);
        if (error != 0) {
            return done > 0 ? (int64_t)done : error;
        }
    } while (done < size || size == 0);
    return (int64_t)done;
}

static int64_t pair_send(struct model *model, struct model_file *file, enum trace_call call, int fd,
                         const struct msghdr *message, int flags)
{
    struct io_pair *pair = pair_of(file);
    struct pair_wait wait = {.pair = pair, .end = end_of(file)};
    size_t size = model_message_size(message);
    size_t done = 0;
    if ((flags & MSG_OOB) != 0) {
        return -EOPNOTSUPP;
    }
    do {
        if ((pair->shut[wait.end] & SHUT_OUT) != 0) {
            if (done == 0 && (flags & MSG_NOSIGNAL) == 0) {
                model_raise_sigpipe(model);
            }
            return done > 0 ? (int64_t)done : -EPIPE;
        }
        size_t room = io_ring_room(&pair->to[!wait.end]);
        if (room == 0) {
            if ((file->status_flags & O_NONBLOCK) != 0 || (flags & MSG_DONTWAIT) != 0) {
                return done > 0 ? (int64_t)done : -EAGAIN;
            }
            int error = model_sleep(model, call, fd, 0, has_room, &wait, -1, MODEL_SLEEP_RESTARTS);
            if (error != 0) {
                return done > 0 ? (int64_t)done : error;
            }
            continue;
        }
        size_t count = size - done < room ? size - done : room;
        if (count > 0) {
            put(pair, !wait.end, message, done, count);
            done += count;
            model_file_notify(model, &pair->ends[!wait.end], POLLIN | POLLRDNORM);
        }
    } while (done < size);
    return (int64_t)done;
}

static int pair_ioctl(struct model *model, struct model_file *file, unsigned long request,
                      void *argument)
{
    (void)model;
    if (request != FIONREAD) {
        return -ENOTTY;
    }
    *(int *)argument = (int)pair_of(file)->to[end_of(file)].used;
    return 0;
}

/* `end` neither reads nor writes any more, as far as `bits` says; the other end learns of it. */
static void shut(struct model *model, struct io_pair *pair, int end, unsigned bits)
{
    unsigned mirrored =
        ((bits & SHUT_IN) != 0 ? SHUT_OUT : 0U) | ((bits & SHUT_OUT) != 0 ? SHUT_IN : 0U);
    pair->shut[end] |= (uint8_t)bits;
    pair->shut[!end] |= (uint8_t)mirrored;
    if (pair->open[!end]) {
        model_file_notify(model, &pair->ends[!end], STATE_CHANGE);
    }
}

static void pair_release(struct model *model, struct model_file *file)
{
    struct io_pair *pair = pair_of(file);
    int end = end_of(file);
    pair->open[end] = false;
    if (!pair->open[!end]) {
        pair->next = model->io->pairs_free;
        model->io->pairs_free = pair;
        return;
    }
    pair->reset[!end] = pair->to[end].used > 0;
    pair->shut[!end] = SHUT_IN | SHUT_OUT;
    shut(model, pair, end, SHUT_IN | SHUT_OUT);
}

#define PAIR_OPS                                                                                   \
    {                                                                                              \
        .kind = TRACE_FILE_OTHER, .socket = true, .poll = pair_poll, .recv = pair_recv,            \
        .send = pair_send, .ioctl = pair_ioctl, .release = pair_release,                           \
    }
/* One for each end, so that a file knows which it is. */
static const struct model_file_ops pair_ops[2] = {PAIR_OPS, PAIR_OPS};
#undef PAIR_OPS

/* ---- Calls ---- */

static struct io_pair *pair_new(struct model_io *io, int type)
{
    struct io_pair *pair = io->pairs_free;
    if (pair != NULL) {
        io->pairs_free = pair->next;
    } else if (io->pairs_used < IO_PAIRS_MAX) {
        pair = &io->pairs[io->pairs_used++];
    } else {
        return NULL;
    }
    uint32_t status_flags = (uint32_t)O_RDWR | ((type & SOCK_NONBLOCK) != 0 ? O_NONBLOCK : 0U);
    for (int end = 0; end < 2; end++) {
        pair->ends[end] = (struct model_file){.ops = &pair_ops[end], .status_flags = status_flags};
        pair->to[end].at = 0;
        pair->to[end].used = 0;
        memset(pair->marks[end], 0, sizeof pair->marks[end]);
        pair->shut[end] = 0;
        pair->open[end] = true;
        pair->reset[end] = false;
    }
    return pair;
}

static int pair_open(struct model *model, int type, int fds[2])
{
    int error = model_fault_take(model, TRACE_CALL_SOCKETPAIR, -1, 0, false, NULL);
    if (error != 0) {
        return error;
    }
    struct io_pair *pair = pair_new(model->io, type);
    if (pair == NULL) {
        return -ENFILE;
    }
    uint32_t descriptor_flags = (type & SOCK_CLOEXEC) != 0 ? FD_CLOEXEC : 0;
    int first = model_fd_install(model, &pair->ends[0], descriptor_flags, 0);
    int second = first < 0 ? first : model_fd_install(model, &pair->ends[1], descriptor_flags, 0);
    if (second < 0) {
        pair->open[1] = false;
        if (first >= 0) {
            (void)io_slot_close(model, model->current, first, true);
        } else {
            pair_release(model, &pair->ends[0]);
        }
        return second;
    }
    fds[0] = first;
    fds[1] = second;
    return 0;
}

int model_sys_socketpair(struct model *model, int domain, int type, int protocol, int fds[2])
{
    model_call_enter(model, TRACE_CALL_SOCKETPAIR, -1);
    int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    int result = -EPROTONOSUPPORT;
    if (domain != AF_UNIX) {
        result = domain == AF_INET || domain == AF_INET6 ? -EOPNOTSUPP : -EAFNOSUPPORT;
    } else if (kind == SOCK_DGRAM || kind == SOCK_SEQPACKET) {
        result = -EAFNOSUPPORT;
        model_sys_unsupported(model, TRACE_CALL_SOCKETPAIR, type, domain, false);
    } else if (kind == SOCK_STREAM && (protocol == 0 || protocol == AF_UNIX)) {
        result = fds == NULL ? -EFAULT : pair_open(model, type, fds);
    }
    return (int)model_call_leave(model, TRACE_CALL_SOCKETPAIR, -1, 0, result, type, domain);
}

static struct model_file *pair_file(const struct model *model, int fd)
{
    struct model_file *file = model_fd_file(model, fd);
    bool is_one = file != NULL && (file->ops == &pair_ops[0] || file->ops == &pair_ops[1]);
    return is_one ? file : NULL;
}

int io_pair_shutdown(struct model *model, int fd, int how)
{
    static const uint8_t bits[] = {
        [SHUT_RD] = SHUT_IN, [SHUT_WR] = SHUT_OUT, [SHUT_RDWR] = SHUT_IN | SHUT_OUT};
    struct model_file *file = pair_file(model, fd);
    if (file == NULL) {
        return -ENOTSOCK;
    }
    if (how < SHUT_RD || how > SHUT_RDWR) {
        return -EINVAL;
    }
    model_file_notify(model, file, STATE_CHANGE);
    shut(model, pair_of(file), end_of(file), bits[how]);
    return 0;
}

int io_pair_option_set(struct model *model, int fd, int level, int name)
{
    (void)name;
    if (pair_file(model, fd) == NULL) {
        return -ENOTSOCK;
    }
    return level == SOL_SOCKET ? 0 : -EOPNOTSUPP;
}

int io_pair_option_get(struct model *model, int fd, int level, int name, void *value,
                       socklen_t *size)
{
    struct model_file *file = pair_file(model, fd);
    int answer = 0;
    if (file == NULL) {
        return -ENOTSOCK;
    }
    if (level != SOL_SOCKET) {
        return -EOPNOTSUPP;
    }
    if (value == NULL || size == NULL) {
        return -EFAULT;
    }
    struct io_pair *pair = pair_of(file);
    if (name == SO_ERROR) {
        answer = pair->reset[end_of(file)] ? ECONNRESET : 0;
        pair->reset[end_of(file)] = false;
    } else {
        answer = name == SO_TYPE                          ? SOCK_STREAM
                 : name == SO_DOMAIN                      ? AF_UNIX
                 : name == SO_SNDBUF || name == SO_RCVBUF ? PAIR_BUFFER
                                                          : 0;
    }
    *size = *size < sizeof answer ? *size : (socklen_t)sizeof answer;
    memcpy(value, &answer, *size);
    return 0;
}

int io_pair_name(struct model *model, int fd, struct sockaddr *address, socklen_t *size)
{
    sa_family_t family = AF_UNIX;
    if (pair_file(model, fd) == NULL) {
        return -ENOTSOCK;
    }
    if (address == NULL || size == NULL) {
        return -EFAULT;
    }
    memcpy(address, &family, *size < sizeof family ? *size : sizeof family);
    *size = sizeof family;
    return 0;
}
