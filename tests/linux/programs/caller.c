/* The program that makes one call of each kind, for the tests of faults: `caller CALL:STATE`. The
 * call is made where it can answer at once, on what is non-blocking (`ready`) or not (`blocking`),
 * or where it must wait (`waits`), with a handler that interrupts. It ends with what the call
 * answered: its result, or the errno. A wrong turn ends it with status 255. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SIZE = 40, QUEUE_FILLERS = 3 }; /* bytes of a transfer; connections that fill a queue of 0 */

static char buffer[SIZE];
static struct sockaddr_in name = {.sin_family = AF_INET};
static const socklen_t name_size = sizeof name;
static int listener;
static int fd; /* what the call is made on */
static bool waits;

static void need(bool good)
{
    if (!good) {
        _exit(255);
    }
}

static void on_signal(int number)
{
    (void)number;
}

/* ---- Where calls are made ---- */

static void listen_on(int queue)
{
    socklen_t size = sizeof name;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    need(bind(listener, (struct sockaddr *)&name, sizeof name) == 0 &&
         listen(listener, queue) == 0 &&
         getsockname(listener, (struct sockaddr *)&name, &size) == 0);
}

/* A connection; its far end has sent what can be read. */
static void connection(void)
{
    listen_on(7);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    need(connect(fd, (struct sockaddr *)&name, name_size) == 0);
    int far = accept(listener, NULL, NULL);
    need(far >= 0 && (waits || send(far, buffer, SIZE, 0) == SIZE));
}

/* A listener with a connection in its queue. */
static void queue(void)
{
    listen_on(7);
    int near = socket(AF_INET, SOCK_STREAM, 0);
    need(waits || connect(near, (struct sockaddr *)&name, name_size) == 0);
    fd = listener;
}

/* A socket, and a listener for it that answers no more where it has to wait. */
static void address(void)
{
    listen_on(0);
    for (int i = 0; waits && i < QUEUE_FILLERS; i++) {
        int filler = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        need(connect(filler, (struct sockaddr *)&name, name_size) != 0 && errno == EINPROGRESS);
    }
    fd = socket(AF_INET, SOCK_STREAM, 0);
}

/* A connection that takes bytes; where the call has to wait, one that is not there yet: a buffer
 * that is full may have room by then. */
static void taker(void)
{
    if (!waits) {
        connection();
        return;
    }
    address();
    need(fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
         connect(fd, (struct sockaddr *)&name, name_size) != 0 && errno == EINPROGRESS &&
         fcntl(fd, F_SETFL, 0) == 0);
}

/* ---- The calls ---- */

static struct iovec vector[2] = {{buffer, SIZE / 2}, {buffer + SIZE / 2, SIZE / 2}};
static struct msghdr message = {.msg_iov = vector, .msg_iovlen = 2};

static ssize_t call_read(void)
{
    return read(fd, buffer, SIZE);
}

static ssize_t call_readv(void)
{
    return readv(fd, vector, 2);
}

static ssize_t call_preadv2(void)
{
    return preadv2(fd, vector, 2, -1, 0);
}

static ssize_t call_recv(void)
{
    return recv(fd, buffer, SIZE, 0);
}

static ssize_t call_recvfrom(void)
{
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    return recvfrom(fd, buffer, SIZE, 0, (struct sockaddr *)&from, &size);
}

static ssize_t call_recvmsg(void)
{
    return recvmsg(fd, &message, 0);
}

static ssize_t call_recvmmsg(void)
{
    struct mmsghdr one = {.msg_hdr = message};
    int count = recvmmsg(fd, &one, 1, 0, NULL);
    return count < 0 ? -1 : (ssize_t)one.msg_len;
}

static ssize_t call_write(void)
{
    return write(fd, buffer, SIZE);
}

static ssize_t call_writev(void)
{
    return writev(fd, vector, 2);
}

static ssize_t call_pwritev2(void)
{
    return pwritev2(fd, vector, 2, -1, 0);
}

static ssize_t call_send(void)
{
    return send(fd, buffer, SIZE, 0);
}

static ssize_t call_sendto(void)
{
    return sendto(fd, buffer, SIZE, 0, (struct sockaddr *)&name, name_size);
}

static ssize_t call_sendmsg(void)
{
    return sendmsg(fd, &message, 0);
}

static ssize_t call_sendmmsg(void)
{
    struct mmsghdr one = {.msg_hdr = message};
    int count = sendmmsg(fd, &one, 1, 0);
    return count < 0 ? -1 : (ssize_t)one.msg_len;
}

static ssize_t call_sendfile(void)
{
    int file = memfd_create("file", 0);
    need(file >= 0 && write(file, buffer, SIZE) == SIZE && lseek(file, 0, SEEK_SET) == 0);
    return sendfile(fd, file, NULL, SIZE);
}

static ssize_t call_splice_in(void)
{
    int ends[2];
    need(pipe(ends) == 0);
    return splice(fd, NULL, ends[1], NULL, SIZE, 0);
}

static ssize_t call_splice_out(void)
{
    int ends[2];
    need(pipe(ends) == 0 && write(ends[1], buffer, SIZE) == SIZE);
    return splice(ends[0], NULL, fd, NULL, SIZE, 0);
}

static ssize_t call_accept(void)
{
    return syscall(SYS_accept, fd, NULL, NULL) < 0 ? -1 : 1;
}

static ssize_t call_accept4(void)
{
    return accept4(fd, NULL, NULL, SOCK_CLOEXEC) < 0 ? -1 : 1;
}

static ssize_t call_connect(void)
{
    return connect(fd, (struct sockaddr *)&name, name_size) < 0 ? -1 : 1;
}

static ssize_t call_poll(void)
{
    struct pollfd look = {.fd = fd, .events = POLLIN};
    return syscall(SYS_poll, &look, 1, -1);
}

static ssize_t call_ppoll(void)
{
    struct pollfd look = {.fd = fd, .events = POLLIN};
    return ppoll(&look, 1, NULL, NULL);
}

static ssize_t call_select(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    return syscall(SYS_select, fd + 1, &set, NULL, NULL, NULL);
}

static ssize_t call_pselect(void)
{
    fd_set set;
    sigset_t none;
    (void)sigemptyset(&none);
    FD_ZERO(&set);
    FD_SET(fd, &set);
    return pselect(fd + 1, &set, NULL, NULL, NULL, &none);
}

static int watch(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(0);
    need(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    return epoll;
}

static ssize_t call_epoll_wait(void)
{
    struct epoll_event event;
    return syscall(SYS_epoll_wait, watch(), &event, 1, -1);
}

static ssize_t call_epoll_pwait(void)
{
    struct epoll_event event;
    return epoll_pwait(watch(), &event, 1, -1, NULL);
}

static ssize_t call_epoll_pwait2(void)
{
    struct epoll_event event;
    return syscall(SYS_epoll_pwait2, watch(), &event, 1, NULL, NULL, 0);
}

static const struct {
    const char *name;
    void (*prepare)(void);
    ssize_t (*make)(void);
} calls[] = {
    {"read", connection, call_read},
    {"readv", connection, call_readv},
    {"preadv2", connection, call_preadv2},
    {"recv", connection, call_recv},
    {"recvfrom", connection, call_recvfrom},
    {"recvmsg", connection, call_recvmsg},
    {"recvmmsg", connection, call_recvmmsg},
    {"splice-in", connection, call_splice_in},
    {"write", taker, call_write},
    {"writev", taker, call_writev},
    {"pwritev2", taker, call_pwritev2},
    {"send", taker, call_send},
    {"sendto", taker, call_sendto},
    {"sendmsg", taker, call_sendmsg},
    {"sendmmsg", taker, call_sendmmsg},
    {"sendfile", taker, call_sendfile},
    {"splice-out", taker, call_splice_out},
    {"accept", queue, call_accept},
    {"accept4", queue, call_accept4},
    {"connect", address, call_connect},
    {"poll", connection, call_poll},
    {"ppoll", connection, call_ppoll},
    {"select", connection, call_select},
    {"pselect", connection, call_pselect},
    {"epoll_wait", connection, call_epoll_wait},
    {"epoll_pwait", connection, call_epoll_pwait},
    {"epoll_pwait2", connection, call_epoll_pwait2},
};

int main(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = on_signal};
    need(argc == 2 && sigaction(SIGUSR1, &action, NULL) == 0);
    const char *state = strchr(argv[1], ':');
    need(state != NULL);
    size_t size = (size_t)(state - argv[1]);
    waits = strcmp(state, ":waits") == 0;
    for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (strlen(calls[i].name) == size && strncmp(argv[1], calls[i].name, size) == 0) {
            calls[i].prepare();
            need(strcmp(state, ":ready") != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
            (void)pause(); /* until the fault is armed */
            errno = 0;
            ssize_t result = calls[i].make();
            _exit(result >= 0 ? (int)result : errno);
        }
    }
    return 255;
}
