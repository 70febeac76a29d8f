/* Ways past the observers: asynchronous I/O, in which the kernel reads and writes without a call
 * that could be followed. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/aio_abi.h>

#include "linux/tracer_internal.h"

enum { REQUESTS_MAX = 1024 }; /* of one call that are looked at */

/* io_uring(7) does not exist here: programs that can do without it go on as before it was there. */
void tracer_enter_io_uring(struct linux_tracer *tracer, struct tracer_thread *thread,
                           struct tracer_call *call)
{
    tracer->asked |= LINUX_ASKED_URING;
    call->answer = -ENOSYS;
    call->skipped = tracer_call_skip(thread, call->answer);
}

/* Whether one of the requests of an io_submit(2) is about a TCP socket. */
static bool is_about_sockets(struct linux_tracer *tracer, const struct tracer_thread *thread,
                             const struct tracer_call *call)
{
    uint64_t count = call->args[1] < REQUESTS_MAX ? call->args[1] : REQUESTS_MAX;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t address = 0;
        struct iocb request;
        if (!tracer_peek(thread, call->args[2] + i * sizeof address, &address, sizeof address) ||
            !tracer_peek(thread, address, &request, sizeof request)) {
            return false;
        }
        const struct tracer_file *file =
            tracer_files_get(tracer, thread->process, (int)request.aio_fildes);
        if (file != NULL && file->tcp) {
            return true;
        }
    }
    return false;
}

/* Files go this way in many a program, and do not matter; from where a socket does, calls are no
 * longer seen. */
void tracer_enter_io_submit(struct linux_tracer *tracer, struct tracer_thread *thread,
                            struct tracer_call *call)
{
    if (is_about_sockets(tracer, thread, call)) {
        tracer->asked |= LINUX_ASKED_AIO;
        tracer->trace->header.observers &= ~(uint32_t)TRACE_SEES_CALLS;
    }
}
