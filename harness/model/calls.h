/* The sockets API as the model answers it. Every function does what the Linux call of its name does
 * and returns its result, or -errno. They act for the running program (model_task_begin), trace one
 * CALL each, may block (then the world's loop runs inside them) and may end the program (then they
 * do not return). */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_MODEL_CALLS_H
#define SOCKSPEC_MODEL_CALLS_H

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>

#include "model/model.h"

/* Sockets: socket_calls.c and friends. */
int model_sys_socket(struct model *model, int domain, int type, int protocol);
int model_sys_socketpair(struct model *model, int domain, int type, int protocol, int fds[2]);
int model_sys_bind(struct model *model, int fd, const struct sockaddr *address, socklen_t size);
int model_sys_listen(struct model *model, int fd, int backlog);
/* `call` is TRACE_CALL_ACCEPT or TRACE_CALL_ACCEPT4. */
int model_sys_accept(struct model *model, enum trace_call call, int fd, struct sockaddr *address,
                     socklen_t *size, int flags);
int model_sys_connect(struct model *model, int fd, const struct sockaddr *address, socklen_t size);
int model_sys_shutdown(struct model *model, int fd, int how);
int model_sys_setsockopt(struct model *model, int fd, int level, int name, const void *value,
                         socklen_t size);
int model_sys_getsockopt(struct model *model, int fd, int level, int name, void *value,
                         socklen_t *size);
int model_sys_getsockname(struct model *model, int fd, struct sockaddr *address, socklen_t *size);
int model_sys_getpeername(struct model *model, int fd, struct sockaddr *address, socklen_t *size);
int model_sys_sockatmark(struct model *model, int fd);

/* Data, on any descriptor: `call` says which function it was (read, recv, readv, …, write, send,
 * …); one mechanism for all of them. `message` carries iov, control and, for recv, where the
 * address goes. */
int64_t model_sys_recv(struct model *model, enum trace_call call, int fd, struct msghdr *message,
                       int flags);
int64_t model_sys_send(struct model *model, enum trace_call call, int fd,
                       const struct msghdr *message, int flags);
int64_t model_sys_sendfile(struct model *model, int out, int in, off_t *offset, size_t count);

/* Descriptors. */
int model_sys_close(struct model *model, int fd);
int model_sys_dup(struct model *model, enum trace_call call, int fd, int wanted,
                  int flags); /* DUP, DUP2, DUP3 */
int model_sys_fcntl(struct model *model, int fd, int command, long argument);
int model_sys_ioctl(struct model *model, int fd, unsigned long request, void *argument);
int model_sys_pipe(struct model *model, int fds[2], int flags);
int model_sys_eventfd(struct model *model, unsigned value, int flags);
int model_sys_timerfd_create(struct model *model, int clock, int flags);
int model_sys_timerfd_settime(struct model *model, int fd, int flags,
                              const struct itimerspec *value, struct itimerspec *old);
int model_sys_signalfd(struct model *model, int fd, const sigset_t *mask, int flags);
/* A file that the target opens: the real descriptor `real` (of ours, above 4095) enters the table
 * as the lowest free number; it is closed with it. -EMFILE leaves `real` to the caller. */
int model_sys_adopt(struct model *model, int real, int flags);
/* The real descriptor behind a number of kind FILE; -EBADF, -EINVAL for others. */
int model_real(const struct model *model, int fd);
/* Whether `fd` is open in the running program's table, and as what (TRACE_FILE_…, or -1). */
int model_kind(const struct model *model, int fd);
int model_sys_fstat(struct model *model, int fd, struct stat *ret_stat);

/* Waiting. Times in microseconds, -1 for ever. `mask`: signal mask while it sleeps, or NULL. */
int model_sys_poll(struct model *model, enum trace_call call, struct pollfd *fds, nfds_t count,
                   int64_t timeout_us, const sigset_t *mask);
int model_sys_select(struct model *model, enum trace_call call, int count, fd_set *in, fd_set *out,
                     fd_set *except, int64_t timeout_us, const sigset_t *mask);
int model_sys_epoll_create(struct model *model, int flags);
int model_sys_epoll_ctl(struct model *model, int epfd, int op, int fd, struct epoll_event *event);
int model_sys_epoll_wait(struct model *model, enum trace_call call, int epfd,
                         struct epoll_event *events, int max, int64_t timeout_us,
                         const sigset_t *mask);
/* Sleeps; returns 0, or -EINTR with what is left in `ret_left_us` (may be NULL). pause(): us = -1.
 */
int model_sys_sleep(struct model *model, int64_t us, int64_t *ret_left_us);

/* Time and signals. */
int64_t model_sys_clock_us(struct model *model,
                           clockid_t clock); /* virtual; REALTIME has an offset */
/* The same, asked by us rather than by the program: no call. */
int64_t model_clock_us(const struct model *model, clockid_t clock);
/* alarm/setitimer(ITIMER_REAL): first expiry and interval; returns what was left of the old one. */
int64_t model_sys_alarm(struct model *model, int64_t first_us, int64_t interval_us);
int model_sys_raise(struct model *model, int number); /* raise: to the running thread */
int model_sys_kill(struct model *model, int number);  /* kill(getpid()): to any thread */
int model_sys_thread_kill(struct model *model, unsigned thread, int number); /* pthread_kill */
/* Takes a pending signal of the mask: its number, -EAGAIN after the timeout, -EINTR. */
int model_sys_sigwait(struct model *model, const sigset_t *mask, int64_t timeout_us);
/* A disposition or mask changed: traces it; pending signals that are no longer blocked are
 * delivered. */
void model_sys_sigaction(struct model *model, int number, unsigned disposition);
void model_sys_sigmask_changed(struct model *model);

/* Threads (thread.c). The one that runs main has number 0. */
/* The number of a new thread of the running program, which begins when the runner is told to switch
 * to it, or -EAGAIN. */
int model_sys_thread_create(struct model *model);
/* The running thread ends: it calls nothing more. Tells who has the baton from here on; the runner
 * hands it over. `forgotten`: as if model_thread_forget followed. */
void model_sys_thread_end(struct model *model, bool forgotten, unsigned *ret_task,
                          unsigned *ret_thread);
/* The other program of a pair has ended, on whatever thread: tells which thread of the one at
 * `host` has the baton from here on; the runner hands it over. */
unsigned model_thread_go_on(struct model *model, enum trace_host host);
/* The number of a thread that has ended may be given out again. */
void model_thread_forget(struct model *model, unsigned thread);
/* The condition of a wait: called whenever something changed, on any thread's stack. */
typedef bool (*model_thread_condition)(struct model *model, void *argument);
struct model_wait {
    enum trace_wait what;
    int holder; /* number of the thread that has it, -1 nobody in particular */
};
/* Sleeps until another thread of the program has made the condition true: 0; -ETIMEDOUT; -EINTR
 * where a handler without SA_RESTART ran (waits other than for a semaphore: sleep again). Ends the
 * run when no thread is left that could do so. */
int model_thread_wait(struct model *model, struct model_wait wait, model_thread_condition condition,
                      void *argument, int64_t timeout_us);
/* A place where another thread may run, though the call asks nothing of the kernel. */
void model_thread_point(struct model *model);
/* sched_yield: another thread runs if one can. Counts as a call. */
void model_sys_yield(struct model *model);
/* The kernel's choice among `count` threads that wait; a wait for a condition that ends by itself.
 */
uint32_t model_thread_choose(struct model *model, uint32_t count);
bool model_thread_spurious(struct model *model);

/* Something that the model does not have. `fatal`: ends the run (EXIT unsupported); otherwise it is
 * only traced. */
void model_sys_unsupported(struct model *model, enum trace_call call, int64_t a, int64_t b,
                           bool fatal);

#endif
