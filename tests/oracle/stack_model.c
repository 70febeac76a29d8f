/* The model as the stack that is judged. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "model/model.h"
#include "oracle/stack_play.h"

struct world *stack_play_world(void)
{
    struct status_detail detail = {""};
    struct model *model = NULL;
    assert_ok(model_new(NULL, &model, &detail), &detail);
    return model_world(model);
}
