/* A script of descriptor calls that runs on the model and on the real kernel and writes down what
 * it saw. Both must write the same. Descriptors are named by letters of the script's own, since
 * their numbers differ. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_MODEL_TWIN_H
#define SOCKSPEC_TESTS_MODEL_TWIN_H

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "model/fake_program.h"

enum { TWIN_LOG_MAX = 1 << 16 };

struct twin {
    struct model *model; /* NULL: the real kernel */
    uint64_t seed;
    size_t used;
    char log[TWIN_LOG_MAX];
};

typedef void (*twin_script)(struct twin *twin);

static inline void twin_note(struct twin *twin, const char *what, int64_t value)
{
    int size = snprintf(twin->log + twin->used, sizeof twin->log - twin->used, "%s %lld\n", what,
                        (long long)value);
    assert_true(size > 0 && (size_t)size < sizeof twin->log - twin->used);
    twin->used += (size_t)size;
}

static inline int64_t twin_result(int64_t result)
{
    return result < 0 ? -errno : result;
}

static inline int twin_pipe(struct twin *twin, int fds[2], int flags)
{
    return (int)(twin->model != NULL ? model_sys_pipe(twin->model, fds, flags)
                                     : twin_result(pipe2(fds, flags)));
}

static inline int twin_eventfd(struct twin *twin, unsigned value, int flags)
{
    return (int)(twin->model != NULL ? model_sys_eventfd(twin->model, value, flags)
                                     : twin_result(eventfd(value, flags)));
}

static inline int twin_epoll(struct twin *twin)
{
    return (int)(twin->model != NULL ? model_sys_epoll_create(twin->model, 0)
                                     : twin_result(epoll_create1(0)));
}

static inline int64_t twin_read(struct twin *twin, int fd, void *data, size_t size)
{
    return twin->model != NULL ? fake_read(twin->model, fd, data, size)
                               : twin_result(read(fd, data, size));
}

static inline int64_t twin_write(struct twin *twin, int fd, const void *data, size_t size)
{
    return twin->model != NULL ? fake_write(twin->model, fd, data, size)
                               : twin_result(write(fd, data, size));
}

static inline int twin_close(struct twin *twin, int fd)
{
    return (int)(twin->model != NULL ? model_sys_close(twin->model, fd) : twin_result(close(fd)));
}

static inline int twin_dup(struct twin *twin, int fd)
{
    return (int)(twin->model != NULL ? model_sys_dup(twin->model, TRACE_CALL_DUP, fd, -1, 0)
                                     : twin_result(dup(fd)));
}

static inline int twin_ctl(struct twin *twin, int epfd, int op, int fd, uint32_t events,
                           uint32_t name)
{
    struct epoll_event event = {.events = events, .data.u32 = name};
    return (int)(twin->model != NULL ? model_sys_epoll_ctl(twin->model, epfd, op, fd, &event)
                                     : twin_result(epoll_ctl(epfd, op, fd, &event)));
}

/* Waits without sleeping and notes every report, in order. */
static inline void twin_wait(struct twin *twin, int epfd, int max)
{
    struct epoll_event events[16];
    int count = (int)(twin->model != NULL ? model_sys_epoll_wait(twin->model, TRACE_CALL_EPOLL_WAIT,
                                                                 epfd, events, max, 0, NULL)
                                          : twin_result(epoll_wait(epfd, events, max, 0)));
    twin_note(twin, "epoll_wait", count);
    for (int i = 0; i < count; i++) {
        twin_note(twin, "  data", events[i].data.u32);
        twin_note(twin, "  events", events[i].events);
    }
}

static inline void twin_poll(struct twin *twin, int fd, short asked)
{
    struct pollfd one = {.fd = fd, .events = asked};
    int count =
        (int)(twin->model != NULL ? model_sys_poll(twin->model, TRACE_CALL_POLL, &one, 1, 0, NULL)
                                  : twin_result(poll(&one, 1, 0)));
    twin_note(twin, "poll", count);
    twin_note(twin, "  revents", one.revents);
}

struct twin_play {
    twin_script script;
    struct twin twin;
};

static inline int twin_main(struct fake *fake, struct model *model)
{
    struct twin_play *play = fake->context;
    play->twin.model = model;
    play->script(&play->twin);
    return 0;
}

/* Runs the script on both kernels with the same seed and compares what they wrote. */
static inline void twin_assert_same(struct fake *fake, twin_script script, uint64_t seed)
{
    struct twin_play *model = calloc(1, sizeof *model);
    struct twin_play *linux_play = calloc(1, sizeof *linux_play);
    assert_true(model != NULL && linux_play != NULL);
    model->script = script;
    model->twin.seed = seed;
    linux_play->twin.seed = seed;
    fake->context = model;
    fake->world->ops->reset(fake->world, &fake->trace, seed);
    trace_clear(&fake->trace);
    (void)fake_play(fake, twin_main);
    script(&linux_play->twin);
    assert_true(model->twin.used > 0);
    const char *ours = model->twin.log;
    const char *theirs = linux_play->twin.log;
    size_t same = 0;
    while (ours[same] != '\0' && ours[same] == theirs[same]) {
        same++;
    }
    bool agree = ours[same] == theirs[same];
    if (!agree) {
        size_t from = same > 400 ? same - 400 : 0;
        print_error("seed %llu, after\n%.*s\nthe model says\n%.60s\nLinux says\n%.60s\n",
                    (unsigned long long)seed, (int)(same - from), ours + from, ours + same,
                    theirs + same);
    }
    free(model);
    free(linux_play);
    assert_true(agree);
}

#endif
