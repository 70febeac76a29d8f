/* The main of every NAME_check: the options of `sockspec check`, and replay and shrink on the same
 * program, which lives in the model. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/check.h"
#include "model/model.h"
#include "redirect/program.h"
#include "sockspec/sockspec.h"

/* What the program writes goes to the child's own output, which is captured. */
static void write_through(void *context, int fd, const void *data, size_t size)
{
    (void)context;
    (void)!write(fd, data, size);
}

/* Makes the model with the linked program in it; called in the child that plays. */
static enum status open_model(void *context, struct world **ret_world, struct status_detail *detail)
{
    const struct sockspec_program *program = context;
    struct redirect *redirect = NULL;
    struct model *model = NULL;
    enum status status = redirect_new(program, &redirect, detail);
    if (status != STATUS_OK) {
        return status;
    }
    status = model_new(redirect_runner(redirect), &model, detail);
    if (status != STATUS_OK) {
        redirect_free(redirect);
        return status;
    }
    redirect_bind(redirect, model);
    model_set_console(model, write_through, NULL);
    *ret_world = model_world(model);
    return STATUS_OK;
}

static enum status linked_subject(void *context, struct subject *subject,
                                  struct status_detail *detail)
{
    return subject_open(subject, context, detail);
}

static enum status linked_player(void *context, struct subject *subject, unsigned index,
                                 struct player_setup *setup, struct status_detail *detail)
{
    (void)subject;
    (void)index;
    (void)detail;
    setup->open = open_model;
    setup->context = context;
    return STATUS_OK;
}

/* The folder that a replay command names; NULL: it needs none. */
static const char *folder_of_replays(char self[512])
{
    const char *given = getenv(CLI_REPLAY_VARIABLE);
    if (given != NULL) {
        return given[0] != '\0' ? given : NULL;
    }
    ssize_t length = readlink("/proc/self/exe", self, 511);
    if (length <= 0) {
        return NULL;
    }
    self[length] = '\0';
    char *slash = strrchr(self, '/');
    slash[slash == self ? 1 : 0] = '\0';
    return self;
}

/* What a replay command calls the target: the name of its check. */
static void name_of_target(const struct sockspec_program *program, char name[256])
{
    (void)snprintf(name, 256, "%s%s%s", program->name, program->peer != NULL ? "-with-" : "",
                   program->peer != NULL ? program->peer->name : "");
}

int sockspec_check_main(int argc, char **argv, const struct sockspec_program *program)
{
    static const char *const words[] = {"check", "replay", "shrink"};
    enum cli_command command = CLI_CHECK;
    for (unsigned i = 0; i < 3 && argc > 1; i++) {
        if (strcmp(argv[1], words[i]) == 0) {
            command = cli_command_find(words[i]);
            argv++;
            argc--;
            break;
        }
    }
    char name[128];
    (void)snprintf(name, sizeof(name), "sockspec (%s)", program->name);
    struct cli_options options;
    if (!cli_options_parse(&options, name, command, argc, argv)) {
        return SOCKSPEC_EXIT_USAGE;
    }
    if (options.help) {
        cli_command_help(stdout, command);
        return SOCKSPEC_EXIT_OK;
    }
    options.operand_count += options.given_count; /* behind a `--` there are operands too */
    if (command == CLI_CHECK && options.operand_count > 0) {
        return cli_usage(&options, "'%s': this executable checks %s alone", options.operands[0],
                         program->name);
    }
    if (options.world != NULL && strcmp(options.world, "linux") == 0) {
        return cli_error(&options,
                         "this executable has the model only: try `sockspec %s%s %s "
                         "--world linux`",
                         cli_command_word(command), command == CLI_CHECK ? "" : " … --target",
                         program->name);
    }
    char self[512];
    char target[256];
    name_of_target(program, target);
    struct cli_judged judged = {
        .world = "model",
        .target = target,
        .targets = folder_of_replays(self),
        .players = 1,
        .context = (void *)program,
        .subject = linked_subject,
        .player = linked_player,
    };
    return cli_session_run(&options, &judged);
}
