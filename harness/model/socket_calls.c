/* The calls of programs on sockets. Each ends in exactly one CALL event. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/net.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
    SIN6_SIZE_MIN = 24 /* sockaddr_in6 without its scope (RFC 2133), which Linux still takes */
};

/* ---- Addresses ---- */

static const uint8_t mapped_prefix[12] = {[10] = 0xFF, [11] = 0xFF};

static int parse_in6(struct model_net *net, const struct model_socket *socket,
                     const struct sockaddr *address, socklen_t size, struct net_name *ret_name)
{
    struct sockaddr_in6 in6 = {0};
    if (size < SIN6_SIZE_MIN) {
        return -EINVAL;
    }
    memcpy(&in6, address, size < sizeof in6 ? size : sizeof in6);
    if (in6.sin6_family != AF_INET6) {
        return -EAFNOSUPPORT;
    }
    const uint8_t *bytes = in6.sin6_addr.s6_addr;
    bool mapped = memcmp(bytes, mapped_prefix, sizeof mapped_prefix) == 0;
    if (mapped && socket->options.v6only) {
        return -ENETUNREACH;
    }
    ret_name->address =
        mapped ? net_address_intern(net, false, bytes + 12) : net_address_intern(net, true, bytes);
    ret_name->port = ntohs(in6.sin6_port);
    return 0;
}

/* 0 with `address` NET_NONE where no route leads. */
static int parse_name(struct model_net *net, const struct model_socket *socket,
                      const struct sockaddr *address, socklen_t size, bool binds,
                      struct net_name *ret_name)
{
    if (socket->v6) {
        return parse_in6(net, socket, address, size, ret_name);
    }
    struct sockaddr_in in;
    if (size < sizeof in) {
        return -EINVAL;
    }
    memcpy(&in, address, sizeof in);
    bool unspecified = binds && in.sin_family == AF_UNSPEC && in.sin_addr.s_addr == INADDR_ANY;
    if (in.sin_family != AF_INET && !unspecified) {
        return -EAFNOSUPPORT;
    }
    uint8_t bytes[4];
    memcpy(bytes, &in.sin_addr, sizeof bytes);
    ret_name->address = net_address_intern(net, false, bytes);
    ret_name->port = ntohs(in.sin_port);
    return 0;
}

/* Copies a name out, cut to what the caller has room for; tells its true length. */
static int write_name(const struct model_net *net, bool v6, struct net_name name,
                      struct sockaddr *address, socklen_t *size)
{
    struct sockaddr_storage storage = {0};
    const struct net_address *row = &net->addresses[name.address];
    socklen_t whole;
    if (v6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&storage;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(name.port);
        if (row->v6) {
            memcpy(in6->sin6_addr.s6_addr, row->bytes, 16);
        } else {
            memcpy(in6->sin6_addr.s6_addr, mapped_prefix, sizeof mapped_prefix);
            memcpy(in6->sin6_addr.s6_addr + 12, row->bytes, 4);
        }
        whole = sizeof *in6;
    } else {
        struct sockaddr_in *in = (struct sockaddr_in *)(void *)&storage;
        in->sin_family = AF_INET;
        in->sin_port = htons(name.port);
        memcpy(&in->sin_addr, row->bytes, 4);
        whole = sizeof *in;
    }
    if ((int)*size < 0) {
        return -EINVAL;
    }
    memcpy(address, &storage, *size < whole ? *size : whole);
    *size = whole;
    return 0;
}

static int port_of(const struct sockaddr *address, socklen_t size)
{
    struct sockaddr_in in; /* the port of sockaddr_in6 stands at the same place */
    if (address == NULL || size < offsetof(struct sockaddr_in, sin_addr)) {
        return 0;
    }
    memcpy(&in, address, offsetof(struct sockaddr_in, sin_addr));
    return ntohs(in.sin_port);
}

/* ---- What every call begins and ends with ---- */

/* The socket behind `fd`, held until `leave`; else *ret_result is the answer and NULL is returned.
 */
static struct model_socket *enter(struct model *model, enum trace_call call, int fd,
                                  int64_t *ret_result)
{
    model_call_enter(model, call, fd);
    struct model_file *file = model_fd_file(model, fd);
    if (file == NULL) {
        *ret_result = -EBADF;
        return NULL;
    }
    if (file->ops != &socket_ops && file->ops != &listener_ops) {
        *ret_result = -ENOTSOCK;
        return NULL;
    }
    model_call_hold(model, file);
    return socket_of(file);
}

static int64_t leave(struct model *model, struct model_socket *socket, enum trace_call call, int fd,
                     uint32_t conn, int64_t result, int64_t a, int64_t b)
{
    if (socket != NULL) {
        io_file_drop(model, &socket->file);
    }
    return model_call_leave(model, call, fd, conn, result, a, b);
}

static int fault(struct model *model, enum trace_call call, int fd, uint32_t conn)
{
    return model->faults_armed == 0 ? 0 : model_fault_take(model, call, fd, conn, false, NULL);
}

static uint32_t conn_of(const struct model_socket *socket)
{
    return socket != NULL ? socket->file.conn : 0;
}

/* ---- socket, bind, listen ---- */

/* socket(2): what is not a TCP socket. 0 when it is one. */
static int check_kind(int domain, int type, int protocol)
{
    int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (kind < 0 || kind > SOCK_PACKET) {
        return -EINVAL;
    }
    if (domain != AF_INET && domain != AF_INET6) {
        return -EAFNOSUPPORT;
    }
    if (kind == SOCK_STREAM) {
        return protocol == 0 || protocol == IPPROTO_TCP ? 0 : -EPROTONOSUPPORT;
    }
    if (kind != SOCK_DGRAM) {
        return kind == SOCK_RAW ? -EPROTONOSUPPORT : -ESOCKTNOSUPPORT;
    }
    return protocol == 0 || protocol == IPPROTO_UDP ? -EAFNOSUPPORT : -EPROTONOSUPPORT;
}

static uint32_t file_flags(int flags)
{
    return (uint32_t)O_RDWR | ((flags & SOCK_NONBLOCK) != 0 ? (uint32_t)O_NONBLOCK : 0);
}

static uint32_t descriptor_flags(int flags)
{
    return (flags & SOCK_CLOEXEC) != 0 ? FD_CLOEXEC : 0;
}

static int new_socket(struct model *model, int domain, int type)
{
    int error = fault(model, TRACE_CALL_SOCKET, -1, 0);
    if (error < 0) {
        return error;
    }
    if (!model_fd_available(model)) {
        return -EMFILE;
    }
    struct model_socket *socket = net_socket_new(model, model->current->host, domain == AF_INET6);
    if (socket == NULL) {
        return -ENFILE;
    }
    socket->file.status_flags = file_flags(type);
    int fd = model_fd_install(model, &socket->file, descriptor_flags(type), 0);
    if (fd < 0) {
        net_socket_free(model, socket);
    }
    return fd;
}

int model_sys_socket(struct model *model, int domain, int type, int protocol)
{
    model_call_enter(model, TRACE_CALL_SOCKET, -1);
    int result = check_kind(domain, type, protocol);
    if (result == -EAFNOSUPPORT && (domain == AF_UNIX || domain == AF_INET || domain == AF_INET6)) {
        model_sys_unsupported(model, TRACE_CALL_SOCKET, type, domain, false);
    }
    if (result == 0) {
        result = new_socket(model, domain, type);
    }
    return (int)model_call_leave(model, TRACE_CALL_SOCKET, result, 0, result, type, domain);
}

static int do_bind(struct model *model, struct model_socket *socket, const struct sockaddr *address,
                   socklen_t size, int fd)
{
    struct net_name name = {0};
    if (address == NULL) {
        return -EFAULT;
    }
    int result = parse_name(model->net, socket, address, size, true, &name);
    if (result < 0) {
        return result == -ENETUNREACH ? -EINVAL : result;
    }
    if (name.address == NET_NONE ||
        !net_address_is_local(model->net, name.address, socket_host(socket))) {
        return -EADDRNOTAVAIL;
    }
    result = fault(model, TRACE_CALL_BIND, fd, socket->file.conn);
    return result < 0 ? result : socket_bind(model, socket, name);
}

int model_sys_bind(struct model *model, int fd, const struct sockaddr *address, socklen_t size)
{
    int64_t result = 0;
    struct model_socket *socket = enter(model, TRACE_CALL_BIND, fd, &result);
    int domain = 0;
    if (socket != NULL) {
        domain = socket->v6 ? AF_INET6 : AF_INET;
        result = do_bind(model, socket, address, size, fd);
    }
    return (int)leave(model, socket, TRACE_CALL_BIND, fd, conn_of(socket), result,
                      port_of(address, size), domain);
}

int model_sys_listen(struct model *model, int fd, int backlog)
{
    int64_t result = 0;
    struct model_socket *socket = enter(model, TRACE_CALL_LISTEN, fd, &result);
    if (socket != NULL) {
        result = fault(model, TRACE_CALL_LISTEN, fd, socket->file.conn);
        if (result == 0) {
            result = socket_listen(model, socket, backlog);
        }
    }
    return (int)leave(model, socket, TRACE_CALL_LISTEN, fd, conn_of(socket), result, backlog, 0);
}

/* ---- accept
 * ---------------------------------------------------------------------------------------------------------
 */

static bool accept_may_go_on(struct model *model, void *argument)
{
    const struct model_socket *socket = argument;
    (void)model;
    return socket->accept_count > 0 || socket->tcp.state != TCP_LISTEN;
}

/* inet_csk_wait_for_connect of Linux. 0: a connection is queued. */
static int wait_for_connection(struct model *model, struct model_socket *socket,
                               enum trace_call call, int fd)
{
    int64_t timeout_us = socket->options.rcvtimeo_us;
    while (socket->tcp.state == TCP_LISTEN && socket->accept_count == 0) {
        if ((socket->file.status_flags & O_NONBLOCK) != 0) {
            return -EAGAIN;
        }
        if (!model_fd_reserve(model)) {
            return -EMFILE;
        }
        int slept = model_sleep(model, call, fd, 0, accept_may_go_on, socket,
                                timeout_us == 0 ? -1 : timeout_us,
                                timeout_us == 0 ? MODEL_SLEEP_RESTARTS : 0);
        if (slept < 0) {
            return slept == -ETIMEDOUT ? -EAGAIN : slept;
        }
    }
    return socket->tcp.state == TCP_LISTEN ? 0 : -EINVAL;
}

static int do_accept(struct model *model, struct model_socket *socket, enum trace_call call, int fd,
                     int flags, struct model_socket **ret_child)
{
    if ((flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0) {
        return -EINVAL;
    }
    if (!model_fd_available(model)) {
        return -EMFILE;
    }
    int result = wait_for_connection(model, socket, call, fd);
    if (result == 0) {
        result = fault(model, call, fd, socket->accept_first->file.conn);
    }
    if (result == 0 && !model_fd_reserved(model) && !model_fd_available(model)) {
        result = -EMFILE;
    }
    if (result < 0) {
        model_fd_unreserve(model);
        return result;
    }
    struct model_socket *child = socket_accept_take(model, socket);
    child->file.status_flags = file_flags(flags);
    *ret_child = child;
    return model_fd_install(model, &child->file, descriptor_flags(flags), child->file.conn);
}

int model_sys_accept(struct model *model, enum trace_call call, int fd, struct sockaddr *address,
                     socklen_t *size, int flags)
{
    int64_t result = 0;
    struct model_socket *child = NULL;
    struct model_socket *socket = enter(model, call, fd, &result);
    if (socket != NULL) {
        result = do_accept(model, socket, call, fd, flags, &child);
    }
    if (result >= 0 && address != NULL && size != NULL) {
        (void)write_name(model->net, child->v6, child->remote, address, size);
    }
    return (int)leave(model, socket, call, fd, conn_of(child), result, flags, 0);
}

/* ---- connect
 * ----------------------------------------------------------------------------------------------------------
 */

static bool handshake_is_over(struct model *model, void *argument)
{
    const struct model_socket *socket = argument;
    (void)model;
    return socket->tcp.state != TCP_SYN_SENT && socket->tcp.state != TCP_SYN_RECEIVED;
}

static int start_connect(struct model *model, struct model_socket *socket,
                         const struct sockaddr *address, socklen_t size, int fd)
{
    struct net_name name = {0};
    if (socket_state(socket) != TCP_CLOSED) {
        return -EISCONN;
    }
    int result = parse_name(model->net, socket, address, size, false, &name);
    if (result < 0) {
        return result;
    }
    if (name.address == NET_NONE) {
        return -ENETUNREACH;
    }
    result = fault(model, TRACE_CALL_CONNECT, fd, 0);
    if (result == 0) {
        result = socket_connect_start(model, socket, name);
    }
    if (result == 0) {
        socket->open = NET_CONNECTING;
    }
    return result;
}

int socket_connect_end(struct model *model, struct model_socket *socket)
{
    if (socket_state(socket) != TCP_CLOSED) {
        socket->open = NET_CONNECTED;
        return 0;
    }
    int error = socket_take_error(socket);
    socket->open = NET_UNCONNECTED;
    socket_disconnect(model, socket);
    return error != 0 ? -error : -ECONNABORTED;
}

/* __inet_stream_connect of Linux. */
static int do_connect(struct model *model, struct model_socket *socket,
                      const struct sockaddr *address, socklen_t size, int fd)
{
    sa_family_t family = 0;
    if (address == NULL) {
        return -EFAULT;
    }
    if (size < sizeof family) {
        return -EINVAL;
    }
    memcpy(&family, address, sizeof family);
    if (family == AF_UNSPEC) {
        socket_disconnect(model, socket);
        socket->open = NET_UNCONNECTED;
        return 0;
    }
    int result = -EALREADY;
    if (socket->open == NET_CONNECTED || socket->open == NET_DISCONNECTING) {
        return socket->open == NET_CONNECTED ? -EISCONN : -EINVAL;
    }
    if (socket->open == NET_UNCONNECTED) {
        result = start_connect(model, socket, address, size, fd);
        if (result < 0) {
            return result;
        }
        result = -EINPROGRESS;
    }
    if (!handshake_is_over(model, socket)) {
        int64_t timeout_us = socket->options.sndtimeo_us;
        if ((socket->file.status_flags & O_NONBLOCK) != 0) {
            return result;
        }
        int slept = model_sleep(model, TRACE_CALL_CONNECT, fd, socket->file.conn, handshake_is_over,
                                socket, timeout_us == 0 ? -1 : timeout_us,
                                timeout_us == 0 ? MODEL_SLEEP_RESTARTS : 0);
        if (slept < 0) {
            return slept == -ETIMEDOUT ? result : slept;
        }
    }
    return socket_connect_end(model, socket);
}

int model_sys_connect(struct model *model, int fd, const struct sockaddr *address, socklen_t size)
{
    int64_t result = 0;
    int domain = 0;
    struct model_socket *socket = enter(model, TRACE_CALL_CONNECT, fd, &result);
    if (socket != NULL) {
        domain = socket->v6 ? AF_INET6 : AF_INET;
        result = do_connect(model, socket, address, size, fd);
    }
    return (int)leave(model, socket, TRACE_CALL_CONNECT, fd, conn_of(socket), result,
                      port_of(address, size), domain);
}

/* ---- shutdown, options, names ---- */

int model_sys_shutdown(struct model *model, int fd, int how)
{
    int64_t result = 0;
    struct model_socket *socket = enter(model, TRACE_CALL_SHUTDOWN, fd, &result);
    if (socket != NULL) {
        result = fault(model, TRACE_CALL_SHUTDOWN, fd, socket->file.conn);
        if (result == 0) {
            result = socket_shutdown(model, socket, how);
        }
    } else if (result == -ENOTSOCK) {
        result = io_pair_shutdown(model, fd, how);
    }
    return (int)leave(model, socket, TRACE_CALL_SHUTDOWN, fd, conn_of(socket), result, how, 0);
}

/* The value of an option as a CALL event shows it. */
static int64_t option_value(int level, int name, const void *value, socklen_t size)
{
    int64_t pair[2] = {0};
    int first[2] = {0};
    if (value == NULL) {
        return 0;
    }
    if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO)) {
        memcpy(pair, value, size < sizeof pair ? size : sizeof pair);
        return pair[0] * 1000000 + pair[1];
    }
    memcpy(first, value, size < sizeof first ? size : sizeof first);
    if (level == SOL_SOCKET && name == SO_LINGER) {
        return (int64_t)(first[0] != 0) | (int64_t)first[1] << 32;
    }
    return first[0];
}

int model_sys_setsockopt(struct model *model, int fd, int level, int name, const void *value,
                         socklen_t size)
{
    int64_t result = 0;
    struct model_socket *socket = enter(model, TRACE_CALL_SETSOCKOPT, fd, &result);
    if (socket != NULL) {
        result = fault(model, TRACE_CALL_SETSOCKOPT, fd, socket->file.conn);
        if (result == 0) {
            result = option_set(model, socket, level, name, value, size);
        }
    } else if (result == -ENOTSOCK) {
        result = io_pair_option_set(model, fd, level, name);
    }
    return (int)leave(model, socket, TRACE_CALL_SETSOCKOPT, fd, conn_of(socket), result,
                      (int64_t)level << 16 | name, option_value(level, name, value, size));
}

int model_sys_getsockopt(struct model *model, int fd, int level, int name, void *value,
                         socklen_t *size)
{
    int64_t result = 0;
    struct model_socket *socket = enter(model, TRACE_CALL_GETSOCKOPT, fd, &result);
    if (socket != NULL) {
        result = fault(model, TRACE_CALL_GETSOCKOPT, fd, socket->file.conn);
        if (result == 0) {
            result = value == NULL || size == NULL
                         ? -EFAULT
                         : option_get(model, socket, level, name, value, size);
        }
    } else if (result == -ENOTSOCK) {
        result = io_pair_option_get(model, fd, level, name, value, size);
    }
    int64_t got = result == 0 ? option_value(level, name, value, *size) : 0;
    return (int)leave(model, socket, TRACE_CALL_GETSOCKOPT, fd, conn_of(socket), result,
                      (int64_t)level << 16 | name, got);
}

int model_sys_getsockname(struct model *model, int fd, struct sockaddr *address, socklen_t *size)
{
    int64_t result = 0;
    int64_t port = 0;
    struct model_socket *socket = enter(model, TRACE_CALL_GETSOCKNAME, fd, &result);
    if (socket != NULL) {
        port = socket->local.port;
        result = address == NULL || size == NULL
                     ? -EFAULT
                     : write_name(model->net, socket->v6, socket->local, address, size);
    } else if (result == -ENOTSOCK) {
        result = io_pair_name(model, fd, address, size);
    }
    return (int)leave(model, socket, TRACE_CALL_GETSOCKNAME, fd, conn_of(socket), result, port, 0);
}

int model_sys_getpeername(struct model *model, int fd, struct sockaddr *address, socklen_t *size)
{
    int64_t result = 0;
    int64_t port = 0;
    struct model_socket *socket = enter(model, TRACE_CALL_GETPEERNAME, fd, &result);
    if (socket != NULL) {
        enum tcp_state state = socket_state(socket);
        if (state == TCP_CLOSED || state == TCP_SYN_SENT || state == TCP_LISTEN) {
            result = -ENOTCONN;
        } else if (address == NULL || size == NULL) {
            result = -EFAULT;
        } else {
            port = socket->remote.port;
            result = write_name(model->net, socket->v6, socket->remote, address, size);
        }
    } else if (result == -ENOTSOCK) {
        result = io_pair_name(model, fd, address, size);
    }
    return (int)leave(model, socket, TRACE_CALL_GETPEERNAME, fd, conn_of(socket), result, port, 0);
}

int model_sys_sockatmark(struct model *model, int fd)
{
    int64_t result = 0;
    struct model_socket *socket = enter(model, TRACE_CALL_SOCKATMARK, fd, &result);
    if (socket != NULL) {
        result = socket_at_mark(socket) ? 1 : 0;
    } else if (result == -ENOTSOCK) {
        result = -ENOTTY;
    }
    return (int)leave(model, socket, TRACE_CALL_SOCKATMARK, fd, conn_of(socket), result, 0, 0);
}

/* ---- What descriptors of sockets can do ---- */

static int socket_ioctl(struct model *model, struct model_file *file, unsigned long request,
                        void *argument)
{
    const struct model_socket *socket = socket_of(file);
    int value = 0;
    (void)model;
    switch (request) {
    case FIONREAD:
        if (socket->tcp.state == TCP_LISTEN) {
            return -EINVAL;
        }
        value = (int)socket_readable_bytes(socket);
        break;
    case SIOCATMARK:
        value = socket_at_mark(socket) ? 1 : 0;
        break;
    case TIOCOUTQ:
        if (socket->tcp.state == TCP_LISTEN) {
            return -EINVAL;
        }
        value = (int)socket_send_used(socket);
        break;
    default:
        return -ENOTTY;
    }
    memcpy(argument, &value, sizeof value);
    return 0;
}

static bool linger_is_over(struct model *model, void *argument)
{
    const struct model_socket *socket = argument;
    enum tcp_state state = (enum tcp_state)socket->tcp.state;
    (void)model;
    return state != TCP_FIN_WAIT_1 && state != TCP_CLOSING && state != TCP_LAST_ACK;
}

/* close(2) with SO_LINGER waits, O_NONBLOCK or not, until all is acknowledged
 * (sk_stream_wait_close); not while its program exits. */
static void socket_release(struct model *model, struct model_file *file)
{
    struct model_socket *socket = socket_of(file);
    socket_close_begin(model, socket);
    bool lingers = socket->options.linger && socket->options.linger_s > 0;
    if (lingers && model->current != NULL && model->current->running &&
        !linger_is_over(model, socket)) {
        (void)model_sleep(model, TRACE_CALL_CLOSE, -1, file->conn, linger_is_over, socket,
                          socket->options.linger_s * INT64_C(1000000), 0);
    }
    socket_close_end(model, socket);
}

const struct model_file_ops socket_ops = {.kind = TRACE_FILE_SOCKET,
                                          .socket = true,
                                          .poll = socket_poll,
                                          .recv = socket_recv,
                                          .send = socket_send,
                                          .ioctl = socket_ioctl,
                                          .release = socket_release};

const struct model_file_ops listener_ops = {.kind = TRACE_FILE_LISTENER,
                                            .socket = true,
                                            .poll = socket_poll,
                                            .recv = socket_recv,
                                            .send = socket_send,
                                            .ioctl = socket_ioctl,
                                            .release = socket_release};
