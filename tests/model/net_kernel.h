/* The sockets API twice: the model's and the real kernel's. A script written against it runs on
 * both; results are those of the call, or -errno. Both ends live in the one program that runs. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_MODEL_NET_KERNEL_H
#define SOCKSPEC_TESTS_MODEL_NET_KERNEL_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "model/fake_program.h"

/* TCP_INFO's numbers (net/tcp_states.h). */
enum {
    NK_ESTABLISHED = 1,
    NK_SYN_SENT,
    NK_SYN_RECV,
    NK_FIN_WAIT1,
    NK_FIN_WAIT2,
    NK_TIME_WAIT,
    NK_CLOSE,
    NK_CLOSE_WAIT,
    NK_LAST_ACK,
    NK_LISTEN,
    NK_CLOSING
};

/* Poll bits without those that say the same twice. */
enum {
    NK_IN = POLLIN,
    NK_OUT = POLLOUT,
    NK_PRI = POLLPRI,
    NK_ERR = POLLERR,
    NK_HUP = POLLHUP,
    NK_RDHUP = POLLRDHUP,
    NK_RESET = POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP
};

struct nk {
    struct model *model; /* NULL: the real kernel */
    struct fake *fake;
    void *context;
};

static inline int64_t nk_real(int64_t result)
{
    return result < 0 ? -errno : result;
}

/* What is in flight arrives. */
static inline void nk_settle(struct nk *k)
{
    if (k->model != NULL) {
        k->fake->world->ops->deliver(k->fake->world);
    } else {
        usleep(300); /* loopback delivers at once, but for a busy machine */
    }
}

static inline int nk_socket(struct nk *k, int domain, int flags)
{
    return (int)(k->model != NULL ? model_sys_socket(k->model, domain, SOCK_STREAM | flags, 0)
                                  : nk_real(socket(domain, SOCK_STREAM | flags, 0)));
}

static inline int nk_close(struct nk *k, int fd)
{
    int result = (int)(k->model != NULL ? model_sys_close(k->model, fd) : nk_real(close(fd)));
    nk_settle(k);
    return result;
}

static inline int nk_dup(struct nk *k, int fd)
{
    return (int)(k->model != NULL ? model_sys_dup(k->model, TRACE_CALL_DUP, fd, -1, 0)
                                  : nk_real(dup(fd)));
}

static inline struct sockaddr_in nk_address(uint32_t host, int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(host), .sin_port = htons((uint16_t)port)};
}

static inline int nk_bind_raw(struct nk *k, int fd, const void *address, socklen_t size)
{
    return (int)(k->model != NULL ? model_sys_bind(k->model, fd, address, size)
                                  : nk_real(bind(fd, address, size)));
}

static inline int nk_bind_host(struct nk *k, int fd, uint32_t host, int port)
{
    struct sockaddr_in in = nk_address(host, port);
    return nk_bind_raw(k, fd, &in, sizeof in);
}

static inline int nk_bind(struct nk *k, int fd, int port)
{
    return nk_bind_host(k, fd, INADDR_LOOPBACK, port);
}

static inline int nk_connect_raw(struct nk *k, int fd, const void *address, socklen_t size)
{
    int result = (int)(k->model != NULL ? model_sys_connect(k->model, fd, address, size)
                                        : nk_real(connect(fd, address, size)));
    nk_settle(k);
    return result;
}

static inline int nk_connect(struct nk *k, int fd, int port)
{
    struct sockaddr_in in = nk_address(INADDR_LOOPBACK, port);
    return nk_connect_raw(k, fd, &in, sizeof in);
}

static inline int nk_listen(struct nk *k, int fd, int backlog)
{
    return (int)(k->model != NULL ? model_sys_listen(k->model, fd, backlog)
                                  : nk_real(listen(fd, backlog)));
}

static inline int nk_accept_flags(struct nk *k, int fd, int flags)
{
    return (int)(k->model != NULL
                     ? model_sys_accept(k->model, TRACE_CALL_ACCEPT4, fd, NULL, NULL, flags)
                     : nk_real(accept4(fd, NULL, NULL, flags)));
}

static inline int nk_accept(struct nk *k, int fd)
{
    return nk_accept_flags(k, fd, 0);
}

static inline int nk_shutdown(struct nk *k, int fd, int how)
{
    int result = (int)(k->model != NULL ? model_sys_shutdown(k->model, fd, how)
                                        : nk_real(shutdown(fd, how)));
    nk_settle(k);
    return result;
}

/* The port of the own name, or of the peer's; -errno. */
static inline int nk_name(struct nk *k, int fd, bool peer, struct sockaddr_storage *ret_name)
{
    socklen_t size = sizeof *ret_name;
    struct sockaddr *name = (struct sockaddr *)(void *)ret_name;
    int result;
    if (k->model != NULL) {
        result = peer ? model_sys_getpeername(k->model, fd, name, &size)
                      : model_sys_getsockname(k->model, fd, name, &size);
    } else {
        result = (int)nk_real(peer ? getpeername(fd, name, &size) : getsockname(fd, name, &size));
    }
    return result < 0 ? result : ntohs(((struct sockaddr_in *)(void *)ret_name)->sin_port);
}

static inline int nk_port(struct nk *k, int fd)
{
    struct sockaddr_storage name;
    return nk_name(k, fd, false, &name);
}

static inline int nk_peer(struct nk *k, int fd)
{
    struct sockaddr_storage name;
    return nk_name(k, fd, true, &name);
}

/* Non-blocking. */
static inline int64_t nk_recv(struct nk *k, int fd, void *data, size_t size, int flags)
{
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    flags |= MSG_DONTWAIT;
    int64_t result = k->model != NULL
                         ? model_sys_recv(k->model, TRACE_CALL_RECV, fd, &message, flags)
                         : nk_real(recv(fd, data, size, flags));
    nk_settle(k);
    return result;
}

/* What recv gives, as text: the bytes, "" at the end; the name of an error otherwise. */
static inline const char *nk_text(struct nk *k, int fd, int flags)
{
    static char text[256];
    int64_t got = nk_recv(k, fd, text, sizeof text - 1, flags);
    if (got < 0) {
        return trace_errno_name((int)-got);
    }
    text[got] = '\0';
    return text;
}

static inline int64_t nk_send(struct nk *k, int fd, const char *data, size_t size, int flags)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    flags |= MSG_DONTWAIT | MSG_NOSIGNAL;
    int64_t result = k->model != NULL
                         ? model_sys_send(k->model, TRACE_CALL_SEND, fd, &message, flags)
                         : nk_real(send(fd, data, size, flags));
    nk_settle(k);
    return result;
}

static inline int64_t nk_say(struct nk *k, int fd, const char *text)
{
    return nk_send(k, fd, text, strlen(text), 0);
}

static inline int nk_poll(struct nk *k, int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP};
    if (k->model != NULL) {
        (void)model_sys_poll(k->model, TRACE_CALL_POLL, &one, 1, 0, NULL);
    } else {
        (void)poll(&one, 1, 0);
    }
    return one.revents;
}

static inline int nk_set_raw(struct nk *k, int fd, int level, int name, const void *value,
                             socklen_t size)
{
    return (int)(k->model != NULL ? model_sys_setsockopt(k->model, fd, level, name, value, size)
                                  : nk_real(setsockopt(fd, level, name, value, size)));
}

static inline int nk_set(struct nk *k, int fd, int level, int name, int value)
{
    return nk_set_raw(k, fd, level, name, &value, sizeof value);
}

static inline int nk_get_raw(struct nk *k, int fd, int level, int name, void *value,
                             socklen_t *size)
{
    return (int)(k->model != NULL ? model_sys_getsockopt(k->model, fd, level, name, value, size)
                                  : nk_real(getsockopt(fd, level, name, value, size)));
}

static inline int nk_get(struct nk *k, int fd, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof value;
    int result = nk_get_raw(k, fd, level, name, &value, &size);
    return result < 0 ? result : value;
}

static inline int nk_error(struct nk *k, int fd)
{
    return nk_get(k, fd, SOL_SOCKET, SO_ERROR);
}

static inline int nk_state(struct nk *k, int fd)
{
    uint8_t state = 0;
    socklen_t size = 1;
    int result = nk_get_raw(k, fd, IPPROTO_TCP, TCP_INFO, &state, &size);
    return result < 0 ? result : state;
}

/* The state once it is `wanted`: on a real kernel an acknowledgment may be delayed. */
static inline int nk_state_until(struct nk *k, int fd, int wanted)
{
    int state = nk_state(k, fd);
    for (int tries = 0; k->model == NULL && state != wanted && tries < 300; tries++) {
        nk_settle(k);
        state = nk_state(k, fd);
    }
    return state;
}

static inline void nk_linger(struct nk *k, int fd, int on, int seconds)
{
    struct linger linger = {.l_onoff = on, .l_linger = seconds};
    assert_int_equal(0, nk_set_raw(k, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}

static inline void nk_nonblock(struct nk *k, int fd)
{
    if (k->model != NULL) {
        assert_int_equal(0, model_sys_fcntl(k->model, fd, F_SETFL, O_RDWR | O_NONBLOCK));
    } else {
        assert_int_equal(0, fcntl(fd, F_SETFL, O_NONBLOCK));
    }
}

static inline int nk_ioctl(struct nk *k, int fd, unsigned long request)
{
    int value = -1;
    int result = (int)(k->model != NULL ? model_sys_ioctl(k->model, fd, request, &value)
                                        : nk_real(ioctl(fd, request, &value)));
    return result < 0 ? result : value;
}

/* ---- Shorthands --------------------------------------------------------------------------------
 */

/* A listener on a free port of the loopback address. */
static inline int nk_listener(struct nk *k, int backlog)
{
    int fd = nk_socket(k, AF_INET, 0);
    assert_true(fd >= 0);
    assert_int_equal(0, nk_bind(k, fd, 0));
    assert_int_equal(0, nk_listen(k, fd, backlog));
    return fd;
}

/* A connection attempt that has gone as far as it can. */
static inline int nk_client(struct nk *k, int port)
{
    int fd = nk_socket(k, AF_INET, SOCK_NONBLOCK);
    assert_true(fd >= 0);
    (void)nk_connect(k, fd, port);
    return fd;
}

struct nk_pair {
    int listener;
    int client;
    int server;
};

static inline struct nk_pair nk_connected(struct nk *k, int listener)
{
    struct nk_pair pair = {.listener = listener};
    pair.client = nk_client(k, nk_port(k, listener));
    pair.server = nk_accept(k, listener);
    assert_true(pair.server >= 0);
    return pair;
}

static inline struct nk_pair nk_pair(struct nk *k)
{
    return nk_connected(k, nk_listener(k, 5));
}

static inline int nk_main(struct fake *fake, struct model *model);

typedef void (*nk_script)(struct nk *k);

struct nk_run {
    nk_script script;
    void *context;
};

static inline int nk_main(struct fake *fake, struct model *model)
{
    struct nk_run *run = fake->context;
    struct nk k = {.model = model, .fake = fake, .context = run->context};
    run->script(&k);
    return 0;
}

/* Runs a script on the model: a fresh one, seed 1. */
static inline void nk_on_model(nk_script script, void *context)
{
    struct fake *fake = fake_new();
    struct nk_run run = {.script = script, .context = context};
    fake->context = &run;
    assert_int_equal(TRACE_EXIT_RETURNED, fake_play(fake, nk_main).what);
    fake_free(fake);
}

/* Runs a script on the real kernel and closes what it left open. */
static inline void nk_on_linux(nk_script script, void *context)
{
    struct nk k = {.context = context};
    int first = dup(0);
    assert_true(first >= 0);
    close(first);
    script(&k);
    for (int fd = first; fd < first + 64; fd++) {
        (void)close(fd);
    }
}

/* Whether the real kernel lets us use loopback TCP here. */
static inline bool nk_linux_usable(void)
{
    struct sockaddr_in in = nk_address(INADDR_LOOPBACK, 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool usable =
        fd >= 0 && bind(fd, (struct sockaddr *)(void *)&in, sizeof in) == 0 && listen(fd, 1) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return usable;
}

#endif
