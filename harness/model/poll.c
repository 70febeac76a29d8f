/* poll and select: one look at every descriptor asked for, again whenever something changed.
 * poll(2), select(2) */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "model/io.h"

static void trace_ready(struct model *model, int fd, int64_t asked, int64_t got)
{
    const struct model_file *file = model_fd_file(model, fd);
    struct trace_event *event = trace_add(model->trace, TRACE_READY, model->current->host);
    event->fd = fd;
    event->conn = file != NULL ? file->conn : 0;
    event->a = asked;
    event->b = got;
}

/* Sleeps under the mask of the p-form: 0 ready, -ETIMEDOUT, or the error to answer. */
static int wait_for(struct model *model, enum trace_call call, model_condition condition,
                    void *argument, int64_t timeout_us, const sigset_t *mask)
{
    if (model->current->failing) {
        return -EBADF;
    }
    int error = model_fault_take(model, call, -1, 0, false, NULL);
    if (error != 0) {
        return error;
    }
    io_signal_mask_set(model, mask);
    int result = model_sleep(model, call, -1, 0, condition, argument, timeout_us, 0);
    io_signal_mask_set(model, NULL);
    return result;
}

/* Whether a look could find anything that the last one did not: nearly all that happens while a
 * program sleeps makes none of its files ready. */
static bool look_again(const struct model *model, uint64_t *seen)
{
    bool again = *seen != model->readiness;
    *seen = model->readiness;
    return again;
}

enum { NEVER_LOOKED = -1 }; /* as uint64_t: no count reaches it */

/* ---- poll --------------------------------------------------------------------------------------
 */

struct poll_wait {
    struct pollfd *fds;
    nfds_t count;
    int ready;
    uint64_t seen; /* see look_again */
};

static bool poll_look(struct model *model, void *argument)
{
    struct poll_wait *wait = argument;
    if (!look_again(model, &wait->seen)) {
        return wait->ready > 0;
    }
    wait->ready = 0;
    for (nfds_t i = 0; i < wait->count; i++) {
        struct pollfd *fd = &wait->fds[i];
        fd->revents = 0;
        if (fd->fd < 0) {
            continue;
        }
        struct model_file *file = model_fd_file(model, fd->fd);
        uint32_t asked = (uint16_t)fd->events | POLLERR | POLLHUP;
        fd->revents = file != NULL ? (short)(io_file_poll(model, file) & asked) : (short)POLLNVAL;
        wait->ready += fd->revents != 0;
    }
    return wait->ready > 0;
}

int model_sys_poll(struct model *model, enum trace_call call, struct pollfd *fds, nfds_t count,
                   int64_t timeout_us, const sigset_t *mask)
{
    struct poll_wait wait = {.fds = fds, .count = count, .seen = (uint64_t)NEVER_LOOKED};
    model_call_enter(model, call, -1);
    int64_t result = count > MODEL_DESCRIPTORS_MAX ? -EINVAL
                     : fds == NULL && count > 0
                         ? -EFAULT
                         : wait_for(model, call, poll_look, &wait, timeout_us, mask);
    result = result == 0 ? wait.ready : result == -ETIMEDOUT ? 0 : result;
    (void)model_call_leave(model, call, -1, 0, result, (int64_t)count, timeout_us);
    for (nfds_t i = 0; result > 0 && i < count; i++) {
        if (fds[i].revents != 0) {
            trace_ready(model, fds[i].fd, (uint16_t)fds[i].events, (uint16_t)fds[i].revents);
        }
    }
    return (int)result;
}

/* ---- select ------------------------------------------------------------------------------------
 */

enum {
    IN,
    OUT,
    EXCEPT,
    SETS,
    WORD_BITS = 8 * sizeof(unsigned long),
    WORDS = FD_SETSIZE / (8 * sizeof(unsigned long))
};

/* select(2), "Correspondence between select() and poll() notifications". */
static const uint32_t set_bits[SETS] = {
    [IN] = POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
    [OUT] = POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR,
    [EXCEPT] = POLLPRI,
};
static const uint32_t set_asks[SETS] = {[IN] = POLLIN, [OUT] = POLLOUT, [EXCEPT] = POLLPRI};

struct select_wait {
    int count; /* one past the highest descriptor */
    unsigned long asked[SETS][WORDS];
    unsigned long got[SETS][WORDS];
    int ready;
    uint64_t seen; /* see look_again */
    bool bad;      /* a descriptor is not open */
};

/* Which sets ask for the descriptor, as poll bits. */
static uint32_t select_asked(const struct select_wait *wait, int word, unsigned long bit)
{
    uint32_t asked = 0;
    for (int set = 0; set < SETS; set++) {
        asked |= (wait->asked[set][word] & bit) != 0 ? set_asks[set] : 0;
    }
    return asked;
}

static void select_look_at(struct model *model, struct select_wait *wait, int word,
                           unsigned long bit, int fd)
{
    struct model_file *file = model_fd_file(model, fd);
    if (file == NULL) {
        wait->bad = true;
        return;
    }
    uint32_t bits = io_file_poll(model, file);
    for (int set = 0; set < SETS; set++) {
        if ((wait->asked[set][word] & bit) != 0 && (bits & set_bits[set]) != 0) {
            wait->got[set][word] |= bit;
            wait->ready++;
        }
    }
}

static bool select_look(struct model *model, void *argument)
{
    struct select_wait *wait = argument;
    if (!look_again(model, &wait->seen)) {
        return wait->bad || wait->ready > 0;
    }
    memset(wait->got, 0, sizeof wait->got);
    wait->ready = 0;
    for (int word = 0; word * (int)WORD_BITS < wait->count; word++) {
        unsigned long any =
            wait->asked[IN][word] | wait->asked[OUT][word] | wait->asked[EXCEPT][word];
        for (; any != 0; any &= any - 1) {
            int bit = __builtin_ctzl(any);
            select_look_at(model, wait, word, 1UL << bit, word * (int)WORD_BITS + bit);
        }
    }
    return wait->bad || wait->ready > 0;
}

/* The descriptors of a set below `count`. fd_set is an array of longs in this ABI. */
static void select_load(struct select_wait *wait, int set, const fd_set *from)
{
    if (from == NULL) {
        return;
    }
    memcpy(wait->asked[set], from, sizeof wait->asked[set]);
    for (int word = 0; word < (int)WORDS; word++) {
        int low = word * (int)WORD_BITS;
        if (low >= wait->count) {
            wait->asked[set][word] = 0;
        } else if (wait->count - low < (int)WORD_BITS) {
            wait->asked[set][word] &= (1UL << (wait->count - low)) - 1;
        }
    }
}

static void select_trace(struct model *model, const struct select_wait *wait)
{
    for (int word = 0; word * (int)WORD_BITS < wait->count; word++) {
        unsigned long any = wait->got[IN][word] | wait->got[OUT][word] | wait->got[EXCEPT][word];
        for (; any != 0; any &= any - 1) {
            unsigned long bit = any & -any;
            uint32_t got = 0;
            for (int set = 0; set < SETS; set++) {
                got |= (wait->got[set][word] & bit) != 0 ? set_asks[set] : 0;
            }
            trace_ready(model, word * (int)WORD_BITS + __builtin_ctzl(any),
                        select_asked(wait, word, bit), got);
        }
    }
}

int model_sys_select(struct model *model, enum trace_call call, int count, fd_set *in, fd_set *out,
                     fd_set *except, int64_t timeout_us, const sigset_t *mask)
{
    struct select_wait wait = {.count = count < FD_SETSIZE ? count : FD_SETSIZE,
                               .seen = (uint64_t)NEVER_LOOKED};
    fd_set *const sets[SETS] = {[IN] = in, [OUT] = out, [EXCEPT] = except};
    model_call_enter(model, call, -1);
    int64_t result = -EINVAL;
    if (count >= 0) {
        for (int set = 0; set < SETS; set++) {
            select_load(&wait, set, sets[set]);
        }
        result = wait_for(model, call, select_look, &wait, timeout_us, mask);
        result = wait.bad ? -EBADF : result == 0 ? wait.ready : result == -ETIMEDOUT ? 0 : result;
    }
    /* On an error the sets are left as they were. */
    for (int set = 0; result >= 0 && set < SETS; set++) {
        if (sets[set] != NULL) {
            memcpy(sets[set], wait.got[set],
                   (size_t)(wait.count + (int)WORD_BITS - 1) / WORD_BITS * sizeof(long));
        }
    }
    (void)model_call_leave(model, call, -1, 0, result, count, timeout_us);
    if (result > 0) {
        select_trace(model, &wait);
    }
    return (int)result;
}
