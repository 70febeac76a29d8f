/* What the tests of the world of stacks share: a world over one executable, with its trace. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_STACK_FIXTURE_H
#define SOCKSPEC_TESTS_STACK_FIXTURE_H

#include <stdlib.h>

#include "stack/stack.h"
#include "test.h"

enum { FIXTURE_EVENTS = 1 << 16, FIXTURE_PORT = 7000 };

struct fixture {
    struct world *world;
    const struct world_ops *ops;
    struct trace trace;
};

static inline void fixture_open(struct fixture *f, const char *path)
{
    struct status_detail detail = {""};
    assert_int_equal(trace_init(&f->trace, FIXTURE_EVENTS), STATUS_OK);
    assert_int_equal(stack_world_new(path, &f->world, &detail), STATUS_OK);
    f->ops = f->world->ops;
    trace_clear(&f->trace);
    f->ops->reset(f->world, &f->trace, 1);
}

static inline void fixture_close(struct fixture *f)
{
    f->ops->free(f->world);
    trace_done(&f->trace);
}

#endif
