/* Stacks as what a session judges. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stack.h"

#include <stdlib.h>
#include <string.h>

#include "cli/check.h"
#include "cli/many.h"
#include "cli/stacks.h"
#include "linux/linux.h"
#include "model/model.h"
#include "sockspec/sockspec.h"
#include "stack/stack.h"

enum {
    STACK_CPU_MS = 30000,  /* CPU time of ours in one play: hours of a clock are many messages */
    STACK_SLEEP_MS = 60000 /* asleep: an instance of an adapter has limits of its own */
};

bool cli_stack_is_built_in(const char *name)
{
    return strcmp(name, "model") == 0 || strcmp(name, "linux") == 0;
}

enum status cli_stack_open(const char *name, bool slow, struct world **ret_world,
                           struct status_detail *detail)
{
    if (!cli_stack_is_built_in(name)) {
        return status_fail(detail, STATUS_USAGE, "there is no stack '%s'; expected model or linux",
                           name);
    }
    if (strcmp(name, "linux") == 0) {
        const struct linux_setup setup = {.slow = slow, .kernel_timers = slow};
        return linux_world_new(&setup, ret_world, detail);
    }
    struct model *model = NULL;
    enum status status = model_new(NULL, &model, detail);
    if (status == STATUS_OK) {
        *ret_world = model_world(model);
    }
    return status;
}

/* What a session is told of a stack. */
struct judged_stack {
    const struct cli_options *options;
    struct cli_stack stack;
};

static enum status stack_subject(void *context, struct subject *subject,
                                 struct status_detail *detail)
{
    const struct judged_stack *judged = context;
    const struct cli_stack *stack = &judged->stack;
    return subject_open_stack(
        subject,
        &(struct subject_stack){.name = stack->name,
                                .manifest = stack->manifest[0] != '\0' ? stack->manifest : NULL,
                                .adapter = stack->path[0] != '\0',
                                .emulated = stack->about.emulated,
                                .absent = stack->about.absent},
        detail);
}

/* Called in the child that plays. */
static enum status open_world(void *context, struct world **ret_world, struct status_detail *detail)
{
    const struct judged_stack *judged = context;
    const struct cli_stack *stack = &judged->stack;
    return stack->path[0] != '\0'
               ? stack_world_new(stack->path, ret_world, detail)
               : cli_stack_open(stack->name, judged->options->slow, ret_world, detail);
}

static enum status stack_player(void *context, struct subject *subject, unsigned index,
                                struct player_setup *setup, struct status_detail *detail)
{
    (void)subject;
    (void)index;
    (void)detail;
    setup->target = NULL;
    setup->open = open_world;
    setup->context = context;
    setup->limits = (struct player_limits){.cpu_ms = STACK_CPU_MS,
                                           .asleep_ms = STACK_SLEEP_MS,
                                           .real_time = true,
                                           .no_memory_limit = true};
    /* an instance has one of its own */ /* whose sockets are not ours */
    return STATUS_OK;
}

static int run_all(const struct cli_options *options)
{
    struct cli_stack *stacks = calloc(CLI_STACKS_MAX, sizeof(*stacks));
    const char *names[CLI_STACKS_MAX];
    if (stacks == NULL) {
        return cli_error(options, "out of memory");
    }
    int count = cli_stacks_all(options, stacks);
    for (int i = 0; i < count; i++) {
        names[i] = stacks[i].name;
    }
    int code = count < 0 ? SOCKSPEC_EXIT_USAGE : cli_many_stacks(options, names, count);
    free(stacks);
    return code;
}

int cli_stack(const struct cli_options *options)
{
    const char *name = options->stack != NULL   ? options->stack
                       : options->world != NULL ? options->world
                                                : "model";
    if (options->command == CLI_CHECK && options->operand_count + options->given_count > 0) {
        return cli_usage(options, "check takes --stack or a TARGET, not both ('%s')",
                         options->operand_count > 0 ? options->operands[0] : options->given[0]);
    }
    if (options->command == CLI_CHECK && strcmp(name, "all") == 0) {
        return run_all(options);
    }
    struct judged_stack *context = calloc(1, sizeof(*context));
    if (context == NULL) {
        return cli_error(options, "out of memory");
    }
    context->options = options;
    int code = cli_stacks_find(options, name, &context->stack);
    if (code == 0) {
        const struct cli_judged judged = {.world = name,
                                          .stack = name,
                                          .targets = options->targets,
                                          .players = 1,
                                          .context = context,
                                          .subject = stack_subject,
                                          .player = stack_player};
        code = cli_session_run(options, &judged);
    }
    free(context);
    return code;
}
