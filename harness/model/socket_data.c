/* Bytes in and out of a connection: recv and send, urgent data, what waits and what does not. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/net.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/bytes.h"

/* ---- A place in an iovec
 * ------------------------------------------------------------------------------ */

struct cursor {
    const struct iovec *iov;
    size_t left; /* vectors, this one included */
    size_t at;   /* in this one */
};

static struct cursor cursor_at(const struct socket_io *io, size_t offset)
{
    struct cursor cursor = {.iov = io->iov, .left = io->count};
    while (cursor.left > 0 && offset >= cursor.iov->iov_len) {
        offset -= cursor.iov->iov_len;
        cursor.iov++;
        cursor.left--;
    }
    cursor.at = offset;
    return cursor;
}

/* Where the next `size` bytes lie when they lie together, which they nearly always do, else NULL.
 */
static inline uint8_t *cursor_whole(struct cursor *cursor, size_t size)
{
    if (cursor->left == 0 || size > cursor->iov->iov_len - cursor->at) {
        return NULL;
    }
    uint8_t *data = (uint8_t *)cursor->iov->iov_base + cursor->at;
    cursor->at += size;
    return data;
}

/* The next piece of at most `size` bytes; its length, 0 at the end. */
static size_t cursor_next(struct cursor *cursor, size_t size, uint8_t **ret_data)
{
    while (cursor->left > 0 && cursor->at == cursor->iov->iov_len) {
        cursor->iov++;
        cursor->left--;
        cursor->at = 0;
    }
    if (cursor->left == 0) {
        return 0;
    }
    size_t room = cursor->iov->iov_len - cursor->at;
    *ret_data = (uint8_t *)cursor->iov->iov_base + cursor->at;
    size = size < room ? size : room;
    cursor->at += size;
    return size;
}

/* Rarely: bytes that do not lie together. */
static __attribute__((noinline)) void scatter(struct cursor *cursor, const uint8_t *data,
                                              size_t size)
{
    while (size > 0) {
        uint8_t *to = NULL;
        size_t piece = cursor_next(cursor, size, &to);
        assert(piece > 0);
        bytes_copy(to, data, piece);
        data += piece;
        size -= piece;
    }
}

static __attribute__((noinline)) void gather(struct cursor *cursor, uint8_t *data, size_t size)
{
    while (size > 0) {
        uint8_t *from = NULL;
        size_t piece = cursor_next(cursor, size, &from);
        assert(piece > 0);
        bytes_copy(data, from, piece);
        data += piece;
        size -= piece;
    }
}

static inline void copy_out(struct cursor *cursor, const uint8_t *data, size_t size)
{
    uint8_t *to = cursor_whole(cursor, size);
    if (__builtin_expect(to != NULL, 1)) {
        bytes_copy(to, data, size);
    } else {
        scatter(cursor, data, size);
    }
}

static inline void copy_in(struct cursor *cursor, uint8_t *data, size_t size)
{
    const uint8_t *from = cursor_whole(cursor, size);
    if (__builtin_expect(from != NULL, 1)) {
        bytes_copy(data, from, size);
    } else {
        gather(cursor, data, size);
    }
}

/* ---- Receiving
 * ------------------------------------------------------------------------------------------ */

bool socket_at_mark(const struct model_socket *socket)
{
    return socket->urgent != NET_URGENT_NONE && socket->urgent_seq == socket->recv_seq;
}

uint32_t socket_readable_bytes(const struct model_socket *socket)
{
    if (socket->urgent != NET_URGENT_NONE && !socket->options.oobinline &&
        socket->urgent_seq - socket->recv_seq < socket->recv_used) {
        return socket->urgent_seq - socket->recv_seq;
    }
    return socket->recv_used;
}

/* The reader passed `count` bytes of the first segment. */
static inline void consume(struct model *model, struct model_socket *socket, uint32_t count)
{
    struct net_segment *first = socket->recv_first;
    first->offset = (uint16_t)(first->offset + count);
    first->tcp.length = (uint16_t)(first->tcp.length - count);
    socket->recv_used -= count;
    socket->recv_seq += count;
    if (first->tcp.length == 0) {
        socket->recv_first = first->next;
        if (first->next == NULL) {
            socket->recv_last = NULL;
        }
        net_segment_free(model->net, first);
    }
    if (socket->urgent != NET_URGENT_NONE && tcp_after(socket->recv_seq, socket->urgent_seq)) {
        socket->urgent = NET_URGENT_NONE;
    }
}

/* Bytes of a run of `length` from `seq` on that one recv may take: it stops before the mark, and at
 * the mark itself the urgent byte is stepped over (tcp_recvmsg_locked of Linux). */
static uint32_t until_mark(const struct model_socket *socket, uint32_t seq, uint32_t length,
                           bool *ret_skip)
{
    *ret_skip = false;
    if (socket->urgent == NET_URGENT_NONE || socket->urgent_seq - seq >= length) {
        return length;
    }
    if (socket->urgent_seq != seq) {
        return socket->urgent_seq - seq;
    }
    *ret_skip = !socket->options.oobinline;
    return length;
}

/* MSG_PEEK: as recv would, and everything stays. */
static size_t peek_some(const struct model_socket *socket, const struct socket_io *io)
{
    struct cursor cursor = cursor_at(io, 0);
    uint32_t seq = socket->recv_seq;
    size_t done = 0;
    for (const struct net_segment *at = socket->recv_first; at != NULL && done < io->size;
         at = at->next) {
        uint32_t offset = 0;
        while (offset < at->tcp.length && done < io->size) {
            bool skip;
            if (done > 0 && socket->urgent != NET_URGENT_NONE && socket->urgent_seq == seq) {
                return done;
            }
            uint32_t length = until_mark(socket, seq, at->tcp.length - offset, &skip);
            if (skip) {
                offset++;
                seq++;
                length--;
            }
            if (length > io->size - done) {
                length = (uint32_t)(io->size - done);
            }
            copy_out(&cursor, at->chunk->bytes + at->offset + offset, length);
            offset += length;
            seq += length;
            done += length;
        }
    }
    return done;
}

size_t socket_recv_some(struct model *model, struct model_socket *socket,
                        const struct socket_io *io, size_t done)
{
    if ((io->flags & MSG_PEEK) != 0) {
        return done == 0 ? peek_some(socket, io) : 0;
    }
    struct cursor cursor = cursor_at(io, done);
    size_t before = done;
    bool moved = false;
    while (socket->recv_first != NULL && done < io->size) {
        struct net_segment *first = socket->recv_first;
        bool skip;
        if (done > 0 && socket_at_mark(socket)) {
            break;
        }
        uint32_t length = until_mark(socket, socket->recv_seq, first->tcp.length, &skip);
        moved = true;
        if (skip) {
            consume(model, socket, 1);
            continue;
        }
        if (length > io->size - done) {
            length = (uint32_t)(io->size - done);
        }
        if ((io->flags & MSG_TRUNC) == 0) {
            copy_out(&cursor, first->chunk->bytes + first->offset, length);
        }
        consume(model, socket, length);
        done += length;
    }
    if (moved) {
        /* With the last byte a reader takes the FIN behind it (found_fin_ok of Linux). */
        if (socket->ends > 0 && socket->recv_used == 0) {
            socket->ends--;
        }
        socket_room(model, socket);
    }
    return done - before;
}

int64_t socket_recv_urgent(struct model_socket *socket, const struct socket_io *io)
{
    if (socket->options.oobinline || socket->urgent == NET_URGENT_NONE ||
        socket->urgent == NET_URGENT_READ) {
        return -EINVAL;
    }
    if (socket_state(socket) == TCP_CLOSED && !socket->done) {
        return -ENOTCONN;
    }
    if (socket->urgent == NET_URGENT_THERE) {
        if (io->size == 0) {
            /* It counts as read all the same (tcp_recv_urg of Linux). */
            socket->urgent = (io->flags & MSG_PEEK) == 0 ? NET_URGENT_READ : socket->urgent;
            return 0;
        }
        struct cursor cursor = cursor_at(io, 0);
        copy_out(&cursor, &socket->urgent_byte, 1);
        if ((io->flags & MSG_PEEK) == 0) {
            socket->urgent = NET_URGENT_READ;
        }
        return 1;
    }
    bool over = socket_state(socket) == TCP_CLOSED || (socket->shut & NET_SHUT_RECV) != 0;
    return over ? 0 : -EAGAIN;
}

int socket_recv_empty(struct model_socket *socket, int flags)
{
    if (socket->done) {
        if (socket->ends > 0 && (flags & MSG_PEEK) == 0) {
            socket->ends--;
        }
        return 0;
    }
    if (socket->error != 0) {
        return -socket_take_error(socket);
    }
    if ((socket->shut & NET_SHUT_RECV) != 0) {
        return 0;
    }
    return socket_state(socket) == TCP_CLOSED ? -ENOTCONN : 1;
}

/* What a receive that sleeps waits for. */
struct recv_wait {
    const struct model_socket *socket;
    uint32_t passed; /* bytes that are there, but not for it: MSG_PEEK passes over an urgent one */
};

static bool recv_may_go_on(struct model *model, void *argument)
{
    const struct recv_wait *wait = argument;
    const struct model_socket *socket = wait->socket;
    (void)model;
    return (socket->recv_used > 0 && socket->recv_used != wait->passed) || socket->error != 0 ||
           socket->done || (socket->shut & NET_SHUT_RECV) != 0 ||
           socket_state(socket) == TCP_CLOSED;
}

/* More than what was there is wanted (MSG_WAITALL, SO_RCVLOWAT). */
static bool recv_is_over(const struct model_socket *socket)
{
    return socket->error != 0 || (socket->shut & NET_SHUT_RECV) != 0 ||
           socket_state(socket) == TCP_CLOSED;
}

static bool nonblocking(const struct model_file *file, int flags)
{
    return (file->status_flags & O_NONBLOCK) != 0 || (flags & MSG_DONTWAIT) != 0;
}

struct socket_sleep {
    enum trace_call call;
    int fd;
    model_condition condition;
    void *argument;     /* of the condition */
    int64_t timeout_us; /* of the socket; 0: none */
};

static int sleep_for(struct model *model, const struct model_socket *socket,
                     const struct socket_sleep *sleep)
{
    /* A call under a socket timeout is never restarted (signal(7)). */
    unsigned flags = sleep->timeout_us == 0 ? MODEL_SLEEP_RESTARTS : 0;
    int result =
        model_sleep(model, sleep->call, sleep->fd, socket->file.conn, sleep->condition,
                    sleep->argument, sleep->timeout_us == 0 ? -1 : sleep->timeout_us, flags);
    return result == -ETIMEDOUT ? -EAGAIN : result;
}

static int64_t recv_stream(struct model *model, struct model_socket *socket, enum trace_call call,
                           int fd, struct socket_io *io)
{
    size_t lowat = (size_t)socket->options.rcvlowat;
    size_t target = (io->flags & MSG_WAITALL) != 0 ? io->size : lowat;
    target = target < io->size ? target : io->size;
    target = target > 0 ? target : 1;
    bool waits = !nonblocking(&socket->file, io->flags);
    bool struck = false;
    size_t done = 0;
    for (;;) {
        if (socket->recv_used > 0) {
            if (!struck) {
                size_t limit = io->size;
                int error = model_fault_take(model, call, fd, socket->file.conn, true, &limit);
                if (error < 0) {
                    return error;
                }
                struck = true;
                target = limit < target ? limit : target;
                io->size = limit;
            }
            done += socket_recv_some(model, socket, io, done);
            if (done >= target || io->size == 0 || (io->flags & MSG_PEEK) != 0) {
                if (done > 0 || io->size == 0) {
                    return (int64_t)done;
                }
            }
        }
        if (done > 0) {
            if (recv_is_over(socket) || !waits || socket_at_mark(socket)) {
                return (int64_t)done;
            }
        } else {
            int empty = socket_recv_empty(socket, io->flags);
            if (empty <= 0) {
                return empty;
            }
            if (!waits) {
                return -EAGAIN;
            }
        }
        struct recv_wait wait = {.socket = socket, .passed = socket->recv_used};
        struct socket_sleep sleep = {call, fd, recv_may_go_on, &wait, socket->options.rcvtimeo_us};
        int slept = sleep_for(model, socket, &sleep);
        if (slept < 0) {
            return done > 0 ? (int64_t)done : slept;
        }
    }
}

int64_t socket_recv(struct model *model, struct model_file *file, enum trace_call call, int fd,
                    struct msghdr *message, int flags)
{
    struct model_socket *socket = socket_of(file);
    struct socket_io io = {.iov = message->msg_iov,
                           .count = message->msg_iovlen,
                           .size = model_message_size(message),
                           .flags = flags};
    message->msg_namelen = 0;
    message->msg_controllen = 0;
    message->msg_flags = 0;
    if (socket->tcp.state == TCP_LISTEN) {
        return -ENOTCONN;
    }
    if (io.size == 0 && (call == TRACE_CALL_READ || call == TRACE_CALL_READV)) {
        return 0;
    }
    if ((flags & MSG_ERRQUEUE) != 0) {
        return -EAGAIN;
    }
    if ((flags & MSG_OOB) != 0) {
        int64_t result = socket_recv_urgent(socket, &io);
        message->msg_flags = result > 0 ? MSG_OOB : 0;
        return result;
    }
    return recv_stream(model, socket, call, fd, &io);
}

/* ---- Sending
 * -----------------------------------------------------------------------------------------------
 */

int64_t socket_send_some(struct model *model, struct model_socket *socket,
                         const struct socket_io *io, size_t done, size_t limit)
{
    struct model_net *net = model->net;
    struct cursor cursor = cursor_at(io, done);
    size_t size = io->size - done;
    size = size < limit ? size : limit;
    if (!socket->app) {
        uint32_t used = socket_send_used(socket);
        size_t room = used < socket->send_room ? socket->send_room - used : 0;
        size = size < room ? size : room;
    }
    size_t left = size;
    size_t most = net->strict ? socket->mss : NET_CHUNK_DATA;
    if (socket->push && socket->tcp.snd_nxt == socket->send_end) {
        socket->push = false;
    }
    while (left > 0) {
        struct net_chunk *last = socket->send_last;
        /* What was sent is never added to: the next bytes begin a segment of their own. */
        bool sent = net->strict && socket->tcp.snd_nxt == socket->send_end && left == size;
        if (last == NULL || last->used >= most || sent) {
            struct net_chunk *chunk = net_chunk_new(net);
            if (chunk == NULL) {
                break;
            }
            chunk->seq = socket->send_end;
            chunk->begins = socket->app && (last == NULL || sent);
            socket->send_extra += chunk->begins ? NET_SKB : 0;
            if (last == NULL) {
                socket->send_first = chunk;
                socket->send_at = chunk;
                socket->send_kept = chunk->seq;
            } else {
                last->next = chunk;
            }
            socket->send_last = last = chunk;
        }
        size_t piece = most - last->used;
        piece = piece < left ? piece : left;
        const uint8_t *whole =
            io->lasts && piece == NET_CHUNK_DATA ? cursor_whole(&cursor, piece) : NULL;
        if (whole != NULL) {
            last->bytes = whole;
        } else {
            copy_in(&cursor, last->data + last->used, piece);
        }
        last->used = (uint16_t)(last->used + piece);
        socket->send_end += (uint32_t)piece;
        left -= piece;
    }
    if (left == size && size > 0) {
        return -ENOBUFS;
    }
    if ((io->flags & MSG_OOB) != 0 && done + (size - left) == io->size && size > left) {
        socket->send_urgent = socket->send_end - 1;
        socket->urgent_to_send = true;
    }
    socket_output(model, socket);
    return (int64_t)(size - left);
}

static bool send_may_go_on(struct model *model, void *argument)
{
    const struct model_socket *socket = argument;
    (void)model;
    return socket->error != 0 || (socket->shut & NET_SHUT_SEND) != 0 ||
           socket_state(socket) == TCP_CLOSED || socket_writable(socket);
}

static bool connect_is_over(struct model *model, void *argument)
{
    const struct model_socket *socket = argument;
    (void)model;
    return socket->error != 0 ||
           (socket->tcp.state != TCP_SYN_SENT && socket->tcp.state != TCP_SYN_RECEIVED);
}

/* sk_stream_error of Linux: a pending error comes first; only EPIPE raises the signal. */
static int64_t send_error(struct model *model, struct model_socket *socket, int flags)
{
    int error = socket_take_error(socket);
    error = error != 0 ? error : EPIPE;
    if (error == EPIPE && (flags & MSG_NOSIGNAL) == 0) {
        model_raise_sigpipe(model);
    }
    return -error;
}

/* sk_stream_wait_connect of Linux. 0: it may send. */
static int64_t wait_until_open(struct model *model, struct model_socket *socket,
                               enum trace_call call, int fd, int flags)
{
    while (socket->tcp.state != TCP_ESTABLISHED && socket->tcp.state != TCP_CLOSE_WAIT) {
        if (socket->error != 0 ||
            (socket->tcp.state != TCP_SYN_SENT && socket->tcp.state != TCP_SYN_RECEIVED)) {
            return send_error(model, socket, flags);
        }
        if (nonblocking(&socket->file, flags)) {
            return -EAGAIN;
        }
        struct socket_sleep sleep = {call, fd, connect_is_over, socket,
                                     socket->options.sndtimeo_us};
        int slept = sleep_for(model, socket, &sleep);
        if (slept < 0) {
            return slept;
        }
    }
    return 0;
}

static int64_t send_stream(struct model *model, struct model_socket *socket, enum trace_call call,
                           int fd, const struct socket_io *io)
{
    bool waits = !nonblocking(&socket->file, io->flags);
    bool may_be_short = !waits || socket->options.sndtimeo_us != 0;
    bool struck = false;
    size_t limit = io->size;
    size_t done = 0;
    for (;;) {
        if (socket->error != 0 || (socket->shut & NET_SHUT_SEND) != 0) {
            return done > 0 ? (int64_t)done : send_error(model, socket, io->flags);
        }
        if (done == limit) {
            return (int64_t)done;
        }
        bool room = socket_send_used(socket) < socket->send_room;
        if (room && !struck) {
            int error = model_fault_take(model, call, fd, socket->file.conn, may_be_short, &limit);
            if (error < 0) {
                return error;
            }
            struck = true;
        }
        int64_t sent = room ? socket_send_some(model, socket, io, done, limit - done) : 0;
        if (sent < 0) {
            return done > 0 ? (int64_t)done : sent;
        }
        done += (size_t)sent;
        if (done == limit) {
            return (int64_t)done;
        }
        socket->no_space = true;
        if (!waits) {
            return done > 0 ? (int64_t)done : -EAGAIN;
        }
        struct socket_sleep sleep = {call, fd, send_may_go_on, socket, socket->options.sndtimeo_us};
        int slept = sleep_for(model, socket, &sleep);
        if (slept < 0) {
            return done > 0 ? (int64_t)done : slept;
        }
    }
}

int64_t socket_send(struct model *model, struct model_file *file, enum trace_call call, int fd,
                    const struct msghdr *message, int flags)
{
    struct model_socket *socket = socket_of(file);
    struct socket_io io = {.iov = message->msg_iov,
                           .count = message->msg_iovlen,
                           .size = model_message_size(message),
                           .flags = flags};
    if ((flags & MSG_FASTOPEN) != 0) {
        model_sys_unsupported(model, call, fd, flags, false);
        return -EOPNOTSUPP;
    }
    int64_t ready = wait_until_open(model, socket, call, fd, flags);
    return ready < 0 ? ready : send_stream(model, socket, call, fd, &io);
}
