/* Scripted sockets as those of a process: calls that wait, signals, descriptors that are none,
 * death.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "linux/net_internal.h"

enum { LOOK_MS = 1 /* between two looks at the wire while a call waits */ };

/* ---- Signals ---- */

static sigset_t pipe_signal(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    return set;
}

/* A blocked signal waits to be counted, also where it is ignored (signal(7)). */
void linux_scripted_begin_apps(struct linux_net *net)
{
    if (!net->apps) {
        sigset_t set = pipe_signal();
        net->apps = pthread_sigmask(SIG_BLOCK, &set, &net->mask) == 0;
    }
}

/* Whether a SIGPIPE waits for the calling thread; it is taken. */
static bool take_pipe_signal(void)
{
    sigset_t set = pipe_signal();
    const struct timespec at_once = {0};
    return sigtimedwait(&set, NULL, &at_once) == SIGPIPE;
}

static void set_cookies(struct linux_net *net, enum trace_host host, bool on)
{
    linux_namespace_enter(&net->spaces, host);
    net->cookies[host] = linux_link_sysctl("ipv4/tcp_syncookies", on ? "2" : "0") && on;
    linux_namespace_leave(&net->spaces);
}

void linux_net_app_cookies(struct linux_net *net, enum trace_host host)
{
    set_cookies(net, host, true);
}

void linux_scripted_end_apps(struct linux_net *net)
{
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        if (net->cookies[host]) {
            set_cookies(net, (enum trace_host)host, false);
        }
    }
    if (net->apps) {
        (void)take_pipe_signal();
        (void)pthread_sigmask(SIG_SETMASK, &net->mask, NULL);
        net->apps = false;
    }
}

bool linux_net_app_piped(struct linux_net *net)
{
    return net->apps && take_pipe_signal();
}

/* ---- Calls that wait ---- */

/* A call of a thread of its own, so that the wire can go on meanwhile. */
struct waiting {
    struct world_blocking *call;
    int fd;
    int done; /* an eventfd, readable once it came back */
    int64_t result;
};

static ssize_t call_once(const struct waiting *waiting)
{
    const struct world_blocking *call = waiting->call;
    return call->family == SCENARIO_CALL_RECV   ? recv(waiting->fd, call->data, call->size, 0)
           : call->family == SCENARIO_CALL_SEND ? send(waiting->fd, call->data, call->size, 0)
                                                : close(waiting->fd);
}

static void *make_call(void *argument)
{
    struct waiting *waiting = argument;
    struct world_blocking *call = waiting->call;
    ssize_t result = call_once(waiting);
    /* Under a time limit Linux also says so where our process was stopped and goes on (signal(7)).
     */
    while (result < 0 && errno == EINTR && !call->interrupt &&
           call->family != SCENARIO_CALL_CLOSE) {
        result = call_once(waiting);
    }
    waiting->result = result < 0 ? -errno : result;
    call->ret_piped = take_pipe_signal();
    (void)eventfd_write(waiting->done, 1);
    return NULL;
}

static void on_interrupt(int number)
{
    (void)number;
}

static int64_t monotonic_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Serves the wire until the call came back, and interrupts it if it shall be. */
static void serve(struct linux_net *net, const struct waiting *waiting, pthread_t thread)
{
    struct pollfd polls[LINUX_NET_FDS_MAX + 1] = {{.fd = waiting->done, .events = POLLIN}};
    int fds[LINUX_NET_FDS_MAX];
    int count = linux_net_descriptors(net, fds);
    for (int i = 0; i < count; i++) {
        polls[1 + i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    struct trace *trace = net->wire.trace;
    int64_t behind_us = monotonic_us() - trace->now_us;
    for (;;) {
        trace->now_us = monotonic_us() - behind_us;
        do {
            (void)linux_net_collect(net);
        } while (linux_net_deliver(net));
        (void)poll(polls, (nfds_t)count + 1, LOOK_MS);
        if ((polls[0].revents & POLLIN) != 0) {
            trace->now_us = monotonic_us() - behind_us;
            return;
        }
        /* One that came before it waited changed nothing: it comes again. */
        if (waiting->call->interrupt) {
            (void)pthread_kill(thread, SIGUSR1);
        }
    }
}

static int64_t wait_for_call(struct linux_net *net, struct waiting *waiting)
{
    /* Without SA_RESTART. */
    const struct sigaction handled = {.sa_handler = on_interrupt};
    struct sigaction before;
    pthread_t thread;
    waiting->done = eventfd(0, EFD_CLOEXEC);
    if (waiting->done < 0 || sigaction(SIGUSR1, &handled, &before) != 0) {
        close(waiting->done);
        return -EIO;
    }
    if (pthread_create(&thread, NULL, make_call, waiting) == 0) {
        serve(net, waiting, thread);
        (void)pthread_join(thread, NULL);
    } else {
        waiting->result = -EIO;
    }
    (void)sigaction(SIGUSR1, &before, NULL);
    close(waiting->done);
    return waiting->result;
}

int64_t linux_net_app_blocking(struct linux_net *net, int s, struct world_blocking *call)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
    if (socket == NULL) {
        return -EBADF;
    }
    const struct net_scripted before = *socket;
    struct waiting waiting = {.call = call, .fd = socket->fd};
    bool closes = call->family == SCENARIO_CALL_CLOSE;
    if (!closes && !before.blocking) {
        (void)fcntl(before.fd, F_SETFL, O_RDWR);
    }
    int64_t began_us = net->wire.trace->now_us;
    int64_t result = wait_for_call(net, &waiting);
    trace_add(net->wire.trace, TRACE_TIME, TRACE_HOST_TARGET)->a =
        net->wire.trace->now_us - began_us;
    if (closes) {
        if (linux_scripted_forget(net, s)) {
            linux_scripted_closed(net, &before);
        }
        return result;
    }
    if (!before.blocking) {
        (void)fcntl(before.fd, F_SETFL, O_RDWR | O_NONBLOCK);
    }
    bool part = call->family == SCENARIO_CALL_SEND && result >= 0 && (size_t)result < call->size;
    call->ret_interrupted = call->interrupt && (result == -EINTR || part);
    (void)linux_net_collect(net);
    return result;
}

/* ---- Descriptors that are none ---- */

static int call_on(int fd, enum scenario_call family)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    char byte = 0;
    int value = 0;
    socklen_t value_size = sizeof value;
    ssize_t result = -1;
    switch (family) {
    case SCENARIO_CALL_BIND:
        result = bind(fd, (struct sockaddr *)&name, size);
        break;
    case SCENARIO_CALL_LISTEN:
        result = listen(fd, 1);
        break;
    case SCENARIO_CALL_ACCEPT:
        result = accept4(fd, (struct sockaddr *)&name, &size, SOCK_CLOEXEC);
        break;
    case SCENARIO_CALL_CONNECT:
        result = connect(fd, (struct sockaddr *)&name, size);
        break;
    case SCENARIO_CALL_RECV:
        result = recv(fd, &byte, sizeof byte, 0);
        break;
    case SCENARIO_CALL_SEND:
        result = send(fd, &byte, sizeof byte, MSG_NOSIGNAL);
        break;
    case SCENARIO_CALL_SHUTDOWN:
        result = shutdown(fd, SHUT_WR);
        break;
    case SCENARIO_CALL_OPTION:
        result = getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &value_size);
        break;
    default:
        result = close(fd);
        break;
    }
    return result < 0 ? -errno : 0;
}

int linux_net_app_misuse(const struct linux_net *net, enum scenario_call family, bool file,
                         int *ret_fd)
{
    int fd = fcntl(net->null, F_DUPFD_CLOEXEC, net->base);
    if (fd < 0) {
        return -errno;
    }
    if (!file) {
        close(fd);
    }
    *ret_fd = fd - net->base;
    int result = call_on(fd, family);
    if (file) {
        close(fd);
    }
    return result;
}

/* ---- Death ---- */

/* A process that has nothing but its copies of our descriptors. */
static pid_t heir(void)
{
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            (void)pause();
        }
    }
    return child;
}

void linux_net_app_die(struct linux_net *net, enum trace_host host)
{
    static struct net_scripted gone[LINUX_NET_SOCKETS_MAX];
    uint32_t count = 0;
    pid_t child = heir();
    for (uint32_t s = net->scripted_used; s-- > 0;) {
        const struct net_scripted *socket = linux_scripted_at(net, (int)s);
        if (socket != NULL && socket->app && socket->host == (uint8_t)host) {
            const struct net_scripted before = *socket;
            close(before.fd); /* not the last: the heir has it too */
            if (linux_scripted_forget(net, (int)s)) {
                gone[count++] = before;
            }
        }
    }
    if (child > 0) {
        (void)kill(child, SIGKILL);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        linux_scripted_closed(net, &gone[i]);
    }
}

/* ---- ICMP ---- */

int linux_net_app_unreachable(struct linux_net *net, int s, uint8_t code)
{
    const struct net_scripted *socket = linux_scripted_at(net, s);
    return socket == NULL || linux_net_is_shared()
               ? -ENOTCONN
               : packet_wire_unreachable(&net->wire, socket->conn, (enum trace_host)socket->host,
                                         code);
}
