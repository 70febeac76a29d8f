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
/* alarm/setitimer(ITIMER_REAL): first expiry and interval; returns what was left of the old one. */
int64_t model_sys_alarm(struct model *model, int64_t first_us, int64_t interval_us);
int model_sys_raise(struct model *model, int number); /* raise, kill(getpid()) */
/* A disposition or mask changed: traces it; pending signals that are no longer blocked are
 * delivered. */
void model_sys_sigaction(struct model *model, int number, unsigned disposition);
void model_sys_sigmask_changed(struct model *model);

/* Something that the model does not have. `fatal`: ends the run (EXIT unsupported); otherwise it is
 * only traced. */
void model_sys_unsupported(struct model *model, enum trace_call call, int64_t a, int64_t b,
                           bool fatal);

#endif
