/* The program that the tests of the tracer run: its first argument says which short play it acts.
 * A wrong turn ends it with status 99. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void need(int good)
{
    if (!good) {
        _exit(99);
    }
}

/* Both ends of a TCP connection over loopback. */
static void connect_both(int *ret_near, int *ret_far)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t size = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int near = socket(AF_INET, SOCK_STREAM, 0);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    need(bind(listener, (struct sockaddr *)&name, sizeof name) == 0 && listen(listener, 7) == 0 &&
         getsockname(listener, (struct sockaddr *)&name, &size) == 0 &&
         connect(near, (struct sockaddr *)&name, sizeof name) == 0);
    *ret_near = near;
    *ret_far = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    need(*ret_far >= 0 && close(listener) == 0);
}

static void on_signal(int number)
{
    (void)number;
}

static void handle(int number, int flags)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    need(sigaction(number, &action, NULL) == 0);
}

static int act_status(void)
{
    return 7;
}

static int act_crash(void)
{
    raise(SIGSEGV);
    return 0;
}

static __attribute__((noreturn)) int act_abort(void)
{
    abort();
}

static int act_pipe(void)
{
    char text[16];
    int ends[2];
    need(pipe2(ends, O_CLOEXEC) == 0 && write(ends[1], "hello", 5) == 5 &&
         read(ends[0], text, sizeof text) == 5);
    need(write(1, "out\n", 4) == 4 && close(ends[0]) == 0 && close(ends[1]) == 0);
    return close(200) == -1 && errno == EBADF ? 0 : 99;
}

static int act_socket(void)
{
    char text[16];
    int near, far;
    connect_both(&near, &far);
    need(recv(far, text, sizeof text, 0) == -1 && errno == EAGAIN);
    need(send(near, "hello", 5, MSG_NOSIGNAL) == 5 && recv(far, text, sizeof text, 0) == 5);
    need(shutdown(near, SHUT_WR) == 0 && read(far, text, sizeof text) == 0);
    return close(near) == 0 && close(far) == 0 ? 0 : 99;
}

static int act_short(void)
{
    char a[4], b[16];
    int near, far;
    connect_both(&near, &far);
    need(fcntl(near, F_SETFL, O_NONBLOCK) == 0);
    need(send(near, "0123456789", 10, 0) == 10);
    struct iovec parts[2] = {{a, sizeof a}, {b, sizeof b}};
    ssize_t first = readv(far, parts, 2);
    need(parts[1].iov_len == sizeof b);
    ssize_t second = recv(far, b, sizeof b, 0);
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    need(send(near, "0123456789", 10, 0) == 10);
    ssize_t third = recvmsg(far, &message, 0);
    need(parts[1].iov_len == sizeof b && message.msg_iovlen == 2);
    return (int)(first * 16 + second * 4 + third); /* 0 to 255 with the faults of the test */
}

/* Receives what came with its FIN: without blocking, and with. */
static int act_short_ended(void)
{
    char data[16];
    ssize_t received[2];
    for (int i = 0; i < 2; i++) {
        int near, far;
        connect_both(&near, &far);
        need(i == 0 || fcntl(far, F_SETFL, 0) == 0);
        need(send(near, "0123456789", 10, 0) == 10 && shutdown(near, SHUT_WR) == 0);
        struct pollfd end = {.fd = far, .events = POLLRDHUP};
        need(poll(&end, 1, -1) == 1);
        received[i] = recv(far, data, sizeof data, 0);
    }
    return (int)(received[0] * 16 + received[1]);
}

/* What epoll_ctl answers once a signal came: to what needs no memory, and to what does. */
static int act_watches(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(0);
    int near, far;
    connect_both(&near, &far);
    (void)signal(SIGUSR1, on_signal);
    need(epoll_ctl(epoll, EPOLL_CTL_ADD, near, &event) == 0 && pause() == -1);
    need(epoll_ctl(epoll, EPOLL_CTL_MOD, near, &event) == 0);
    need(epoll_ctl(epoll, EPOLL_CTL_ADD, near, &event) == -1 && errno == EEXIST);
    need(epoll_ctl(epoll, EPOLL_CTL_DEL, near, NULL) == 0);
    int error = epoll_ctl(epoll, EPOLL_CTL_ADD, far, &event) == 0 ? 0 : errno;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, far, &event) == 0 ? error : 99;
}

static int act_accept(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t size = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int near = socket(AF_INET, SOCK_STREAM, 0);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    need(bind(listener, (struct sockaddr *)&name, sizeof name) == 0 && listen(listener, 7) == 0 &&
         getsockname(listener, (struct sockaddr *)&name, &size) == 0 &&
         connect(near, (struct sockaddr *)&name, sizeof name) == 0);
    int error = accept(listener, NULL, NULL) < 0 ? errno : 0;
    return accept(listener, NULL, NULL) >= 0 ? error : 99;
}

/* The connection comes when SIGUSR2 was sent. */
static void *connect_later(void *argument)
{
    sigset_t set;
    int number = 0;
    int near = socket(AF_INET, SOCK_STREAM, 0);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR2);
    need(sigwait(&set, &number) == 0 && connect(near, argument, sizeof(struct sockaddr_in)) == 0);
    return NULL;
}

static int act_accept_later(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t size = sizeof name;
    pthread_t thread = 0;
    sigset_t set;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR2);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    need(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0 &&
         bind(listener, (struct sockaddr *)&name, sizeof name) == 0 && listen(listener, 7) == 0 &&
         getsockname(listener, (struct sockaddr *)&name, &size) == 0 &&
         pthread_create(&thread, NULL, connect_later, &name) == 0);
    int error = accept(listener, NULL, NULL) < 0 ? errno : 0;
    need(error == 0 || accept(listener, NULL, NULL) >= 0);
    return pthread_join(thread, NULL) == 0 ? error : 99;
}

static void *thread_main(void *argument)
{
    return write(*(int *)argument, "t", 1) == 1 ? argument : NULL;
}

static int act_threads(void)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    int ends[2];
    char text[THREADS];
    need(pipe(ends) == 0);
    for (int i = 0; i < THREADS; i++) {
        need(pthread_create(&threads[i], NULL, thread_main, &ends[1]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;
        need(pthread_join(threads[i], &result) == 0 && result != NULL);
    }
    return read(ends[0], text, sizeof text) == THREADS ? 0 : 99;
}

/* One number, closed here and at once given to the other thread. */
static void *reuse_main(void *argument)
{
    for (int i = 0; i < 400; i++) {
        int fd = dup(*(int *)argument);
        need(fd >= 0 && close(fd) == 0);
    }
    return argument;
}

static int act_reuse(void)
{
    pthread_t threads[2];
    int ends[2];
    need(pipe(ends) == 0);
    for (int i = 0; i < 2; i++) {
        need(pthread_create(&threads[i], NULL, reuse_main, &ends[i]) == 0);
    }
    return pthread_join(threads[0], NULL) == 0 && pthread_join(threads[1], NULL) == 0 ? 0 : 99;
}

enum { TURNS = 16, COMPUTER = 200, TALKER = 100 };

/* Long beside a call, short beside the ten milliseconds that are waited for. */
static void compute(void)
{
    for (volatile int i = 0; i < 100000; i++) {
    }
}

static void *compute_and_call(void *done)
{
    for (int i = 0; i < TURNS; i++) {
        compute();
        need(close(COMPUTER) == -1);
    }
    atomic_store((atomic_bool *)done, true);
    return done;
}

/* Two threads make calls, and one of them computes before each. */
static int act_turns(void)
{
    pthread_t thread;
    atomic_bool done = false;
    need(pthread_create(&thread, NULL, compute_and_call, &done) == 0);
    for (int i = 0; i < TURNS; i++) {
        need(close(TALKER) == -1);
    }
    return pthread_join(thread, NULL);
}

/* One thread looks without a call whether the other is through with its own. */
static int act_looks(void)
{
    pthread_t thread;
    atomic_bool done = false;
    need(pthread_create(&thread, NULL, compute_and_call, &done) == 0);
    while (!atomic_load(&done)) {
    }
    return pthread_join(thread, NULL);
}

/* Linux's own asynchronous I/O, by its calls: reads a byte. */
static int read_with_aio(int fd)
{
    char byte = 0;
    aio_context_t context = 0;
    struct io_event done;
    struct iocb request = {.aio_lio_opcode = IOCB_CMD_PREAD,
                           .aio_fildes = (unsigned)fd,
                           .aio_buf = (uintptr_t)&byte,
                           .aio_nbytes = 1};
    struct iocb *requests[] = {&request};
    need(syscall(SYS_io_setup, 1, &context) == 0 &&
         syscall(SYS_io_submit, context, 1L, requests) == 1 &&
         syscall(SYS_io_getevents, context, 1L, 1L, &done, NULL) == 1);
    return done.res == 1 ? 0 : 99;
}

static int act_aio(void)
{
    int near, far;
    connect_both(&near, &far);
    need(fcntl(far, F_SETFL, 0) == 0 && send(near, "x", 1, 0) == 1);
    return read_with_aio(far);
}

static int act_aio_of_a_file(void)
{
    return read_with_aio(open("/proc/self/exe", O_RDONLY));
}

static int act_fork(void)
{
    int ends[2];
    char text;
    int status = 0;
    need(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(write(ends[1], "c", 1) == 1 && close(ends[0]) == 0 ? 5 : 99);
    }
    need(read(ends[0], &text, 1) == 1 && waitpid(pid, &status, 0) == pid);
    return WEXITSTATUS(status);
}

static int act_orphan(void)
{
    if (fork() == 0) {
        for (;;) {
            pause();
        }
    }
    return 0;
}

static __attribute__((noreturn)) int act_family(void)
{
    (void)fork();
    for (;;) {
        pause();
    }
}

static int act_stop(void)
{
    handle(SIGTERM, 0);
    need(pause() == -1 && errno == EINTR);
    return 3;
}

/* Sends a byte when SIGUSR2 tells it to. */
static void *send_when_told(void *argument)
{
    int near, far;
    int number;
    connect_both(&near, &far);
    need(sigwait(argument, &number) == 0 && send(near, "t", 1, 0) == 1);
    for (;;) {
        pause();
    }
    return NULL;
}

static int act_stop_beside_thread(void)
{
    pthread_t thread;
    sigset_t told;
    handle(SIGTERM, 0);
    need(sigemptyset(&told) == 0 && sigaddset(&told, SIGUSR2) == 0 &&
         pthread_sigmask(SIG_BLOCK, &told, NULL) == 0 &&
         pthread_create(&thread, NULL, send_when_told, &told) == 0);
    need(pause() == -1 && errno == EINTR);
    return 3;
}

/* In the background by two forks, as daemon(3) has it and more. */
static int act_daemon(void)
{
    if (fork() != 0) {
        return 0;
    }
    (void)setsid();
    if (fork() != 0) {
        _exit(0);
    }
    return act_stop();
}

static int act_exec(void)
{
    int near, far;
    char *arguments[] = {"actor", "status", NULL};
    connect_both(&near, &far);
    need(fcntl(near, F_SETFD, FD_CLOEXEC) == 0);
    (void)execv("/proc/self/exe", arguments);
    return 99;
}

static int act_interrupted(void)
{
    char text;
    int ends[2];
    handle(SIGUSR1, 0);
    need(pipe(ends) == 0);
    struct pollfd fd = {.fd = ends[0], .events = POLLIN};
    need(poll(&fd, 1, -1) == -1 && errno == EINTR);
    need(write(ends[1], "x", 1) == 1);
    return read(ends[0], &text, 1) == 1 ? 0 : 99;
}

/* recv is begun again after a handler with SA_RESTART. */
static int act_restarted(void)
{
    char text;
    int near, far;
    handle(SIGUSR1, SA_RESTART);
    connect_both(&near, &far);
    return (int)recv(near, &text, 1, 0);
}

/* Sleeps shortly, twice, before it does what is to be seen. */
static __attribute__((noreturn)) int act_nap(void)
{
    struct timespec nap = {.tv_nsec = 2000000};
    (void)nanosleep(&nap, NULL);
    (void)poll(NULL, 0, 2);
    act_pipe();
    for (;;) {
        pause();
    }
}

/* Has nothing to do but to sleep shortly, again and again. */
static __attribute__((noreturn)) int act_naps(void)
{
    struct timespec nap = {.tv_nsec = 2000000};
    for (;;) {
        (void)nanosleep(&nap, NULL);
    }
}

/* A grandchild that nobody waited for when its parent ended, and a child that it does not wait for
 * itself. */
static __attribute__((noreturn)) int act_unreaped(void)
{
    siginfo_t info;
    pid_t child = fork();
    if (child == 0) {
        pid_t grandchild = fork();
        need(grandchild >= 0);
        if (grandchild == 0) {
            _exit(0);
        }
        need(waitid(P_PID, (id_t)grandchild, &info, WEXITED | WNOWAIT) == 0);
        _exit(0);
    }
    need(child > 0 && waitpid(child, NULL, 0) == child);
    child = fork();
    if (child == 0) {
        _exit(0);
    }
    need(child > 0 && waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
    for (;;) {
        pause();
    }
}

/* Ends at SIGUSR2, but looks a few times first whether others are done. */
static int act_leaves(void)
{
    struct timespec nap = {.tv_nsec = 10000000};
    handle(SIGUSR2, 0);
    pause();
    for (int i = 0; i < 6; i++) {
        (void)nanosleep(&nap, NULL);
    }
    return 0;
}

/* Asks for much at SIGUSR2, and sleeps on. */
static __attribute__((noreturn)) int act_grow(void)
{
    enum { GROWN = 1 << 20, PIECES = 64 };
    static char *volatile kept[PIECES];
    handle(SIGUSR2, 0);
    pause();
    for (size_t i = 0; i < PIECES; i++) {
        kept[i] = malloc(GROWN / PIECES);
        memset(kept[i], 1, GROWN / PIECES);
    }
    for (;;) {
        pause();
    }
}

/* Has made code: a page of it is enough. */
static __attribute__((noreturn)) int act_code(void)
{
    need(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
         MAP_FAILED);
    for (;;) {
        pause();
    }
}

static __attribute__((noreturn)) int act_sleep(void)
{
    for (;;) {
        pause();
    }
}

static __attribute__((noreturn)) int act_busy(void)
{
    for (volatile unsigned i = 0;; i++) {
    }
}

static __attribute__((noreturn)) int act_spin(void)
{
    int ends[2];
    need(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
    for (;;) {
        struct pollfd fd = {.fd = ends[0], .events = POLLIN};
        need(poll(&fd, 1, -1) == 1);
    }
}

/* Much that nothing comes of, none of it told again soon: looks that find nothing, numbers that are
 * not open. */
static int act_searches(void)
{
    int ends[2];
    need(pipe(ends) == 0);
    for (int i = 0; i < 2000; i++) {
        struct pollfd fd = {.fd = ends[0], .events = POLLIN};
        need(poll(&fd, 1, 0) == 0 && close(100 + i % 300) != 0);
    }
    return 0;
}

static int act_timeout(void)
{
    return poll(NULL, 0, 1000000) == 0 ? 0 : 99;
}

static int act_timer(void)
{
    struct itimerspec value = {.it_value = {.tv_sec = 1000}};
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = 42};
    int epoll = epoll_create1(0);
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    need(timerfd_settime(timer, 0, &value, NULL) == 0 &&
         epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event) == 0);
    return epoll_wait(epoll, &event, 1, -1);
}

static __attribute__((noreturn)) int act_alarm(void)
{
    (void)alarm(1000);
    act_sleep();
}

static int act_epoll(void)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = 42};
    int ends[2];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    need(pipe(ends) == 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0 &&
         write(ends[1], "x", 1) == 1);
    return epoll_wait(epoll, &event, 1, -1) == 1 ? 0 : 99;
}

static int act_select(void)
{
    struct timeval limit = {.tv_sec = 5};
    fd_set set;
    int ends[2];
    need(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    return select(ends[0] + 1, &set, NULL, NULL, &limit) == 1 ? 0 : 99;
}

static int act_descriptors(void)
{
    handle(SIGUSR2, 0);
    pause();
    int count = 0;
    while (dup(0) >= 0) {
        count++;
    }
    return errno == EMFILE ? count : 99;
}

static int act_limited(void)
{
    need(socket(AF_INET, SOCK_STREAM, 0) >= 0);
    int count = 0;
    while (dup(0) >= 0) {
        count++;
    }
    return errno == EMFILE ? count : 99;
}

static int act_sigpipe(void)
{
    int ends[2];
    need(pipe(ends) == 0 && close(ends[0]) == 0);
    return (int)write(ends[1], "x", 1);
}

static int act_calls(void)
{
    char text = 'x';
    int near, far;
    connect_both(&near, &far);
    for (int i = 0; i < 20000; i++) {
        need(send(near, &text, 1, 0) == 1 && recv(far, &text, 1, 0) == 1);
    }
    return 0;
}

static const struct {
    const char *name;
    int (*act)(void);
} plays[] = {
    {"status", act_status},
    {"crash", act_crash},
    {"abort", act_abort},
    {"pipe", act_pipe},
    {"socket", act_socket},
    {"short", act_short},
    {"accept", act_accept},
    {"accept-later", act_accept_later},
    {"threads", act_threads},
    {"fork", act_fork},
    {"orphan", act_orphan},
    {"daemon", act_daemon},
    {"exec", act_exec},
    {"interrupted", act_interrupted},
    {"restarted", act_restarted},
    {"stop", act_stop},
    {"sleep", act_sleep},
    {"nap", act_nap},
    {"naps", act_naps},
    {"grow", act_grow},
    {"code", act_code},
    {"busy", act_busy},
    {"spin", act_spin},
    {"searches", act_searches},
    {"timeout", act_timeout},
    {"timer", act_timer},
    {"alarm", act_alarm},
    {"epoll", act_epoll},
    {"select", act_select},
    {"descriptors", act_descriptors},
    {"sigpipe", act_sigpipe},
    {"limited", act_limited},
    {"calls", act_calls},
    {"stop-beside-thread", act_stop_beside_thread},
    {"reuse", act_reuse},
    {"leaves", act_leaves},
    {"unreaped", act_unreaped},
    {"short-ended", act_short_ended},
    {"watches", act_watches},
    {"turns", act_turns},
    {"looks", act_looks},
    {"aio", act_aio},
    {"aio-file", act_aio_of_a_file},
    {"family", act_family},
};

int main(int argc, char **argv)
{
    for (unsigned i = 0; argc > 1 && i < sizeof plays / sizeof plays[0]; i++) {
        if (strcmp(argv[1], plays[i].name) == 0) {
            return plays[i].act();
        }
    }
    return 99;
}
