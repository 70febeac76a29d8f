/* Commands in the live world: found, described to the suite, given what they find at their start.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/live.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/check.h"
#include "cli/scratch.h"
#include "linux/linux.h"
#include "sockspec/sockspec.h"

enum {
    LIVE_CPU_LIMIT_MS =
        30000,            /* CPU time of ours in one play: to follow a target that never rests */
    LIVE_SPARE_MS = 60000 /* asleep beyond what the limits of the manifest allow */
};

/* One player's command: only its working folder differs. */
struct live_player {
    const struct live *live;
    struct world_target target;
    struct linux_command command;
    bool ipv6;
    char folder[PATH_MAX]; /* a new one for each case; empty: none */
};

struct live {
    const struct cli_options *options;
    struct subject_command description;
    struct cli_judged judged;
    char program[PATH_MAX];
    char folder[PATH_MAX];      /* working folder; empty: ours */
    struct cli_scratch scratch; /* holds the players' new folders */
    int input[2];               /* the pipe that is its standard input; -1: none */
    struct live_player players[SUITE_PLAYERS_MAX];
};

/* ---- Finding the program ---- */

static bool is_program(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode) && access(path, X_OK) == 0;
}

/* A word without a slash is looked up in PATH. */
static bool find_in_path(const char *word, char path[PATH_MAX])
{
    const char *folders = getenv("PATH");
    for (const char *at = folders != NULL ? folders : "/usr/local/bin:/usr/bin:/bin"; at != NULL;) {
        size_t size = strcspn(at, ":");
        char found[PATH_MAX];
        int length = snprintf(found, sizeof(found), "%.*s/%s", size > 0 ? (int)size : 1,
                              size > 0 ? at : ".", word);
        if (length < (int)sizeof(found) && is_program(found) && realpath(found, path) != NULL) {
            /* Its own name stays: programs look at what they were called. */
            (void)(found[0] == '/' && snprintf(path, PATH_MAX, "%s", found));
            return true;
        }
        at = at[size] == ':' ? at + size + 1 : NULL;
    }
    return false;
}

static enum status find_program(const char *word, const char *folder, char path[PATH_MAX],
                                struct status_detail *detail)
{
    char place[PATH_MAX];
    if (strchr(word, '/') == NULL) {
        return find_in_path(word, path)
                   ? STATUS_OK
                   : status_fail(detail, STATUS_USAGE, "no program '%s' in PATH", word);
    }
    bool beside = folder != NULL && strncmp(word, "./", 2) == 0;
    (void)snprintf(place, sizeof(place), "%s%s%s", beside ? folder : "", beside ? "/" : "",
                   beside ? word + 2 : word);
    if (realpath(place, path) == NULL) {
        return status_fail(detail, STATUS_USAGE, "%s: %s", place, strerror(errno));
    }
    return is_program(path)
               ? STATUS_OK
               : status_fail(detail, STATUS_USAGE, "%s is not an executable file", place);
}

/* ---- The subject ---- */

/* The working folder: the manifest's own, or what it says, seen from there. */
static enum status find_folder(struct live *live, const struct manifest *manifest,
                               struct status_detail *detail)
{
    char storage[MANIFEST_TEXT_MAX];
    char place[PATH_MAX];
    struct stat about;
    const char *base = manifest_folder(manifest, storage);
    if (manifest->folder[0] == '\0' &&
        (live->description.manifest == NULL || live->description.linked)) {
        return STATUS_OK;
    }
    bool whole = manifest->folder[0] == '/';
    (void)snprintf(place, sizeof(place), "%s%s%s", whole ? "" : base, whole ? "" : "/",
                   manifest->folder);
    if (realpath(place, live->folder) == NULL || stat(live->folder, &about) != 0 ||
        !S_ISDIR(about.st_mode)) {
        return status_fail(detail, STATUS_USAGE, "%s: [target] folder: %s is no folder",
                           manifest->path, place);
    }
    return STATUS_OK;
}

static enum status open_input(struct live *live, enum manifest_input input,
                              struct status_detail *detail)
{
    if (input == MANIFEST_INPUT_NONE) {
        return STATUS_OK;
    }
    if (pipe2(live->input, O_CLOEXEC) < 0) {
        return status_fail(detail, STATUS_ENVIRONMENT, "a pipe: %s", strerror(errno));
    }
    if (input == MANIFEST_INPUT_EMPTY) {
        (void)close(live->input[1]);
        live->input[1] = -1;
    }
    return STATUS_OK;
}

static enum status live_subject(void *context, struct subject *subject,
                                struct status_detail *detail)
{
    struct live *live = context;
    enum status status = subject_open_command(subject, &live->description, detail);
    if (status != STATUS_OK) {
        return status;
    }
    const struct manifest *manifest = &subject->manifest;
    char storage[MANIFEST_TEXT_MAX];
    const char *folder = live->description.argc == 0 ? manifest_folder(manifest, storage) : NULL;
    status = find_program(subject->arguments.argv[0], folder, live->program, detail);
    if (status != STATUS_OK && folder != NULL) {
        return status_wrap(detail, status, "%s: [target] command", manifest->path);
    }
    status = status != STATUS_OK ? status : find_folder(live, manifest, detail);
    status = status != STATUS_OK ? status : open_input(live, manifest->input, detail);
    if (status == STATUS_OK && manifest->fresh) {
        status = cli_scratch_make(&live->scratch, detail);
    }
    subject->arguments.argv[0] = live->program;
    return status;
}

/* ---- Players ---- */

/* Called in the child that plays. */
static enum status open_linux(void *context, struct world **ret_world, struct status_detail *detail)
{
    const struct live_player *player = context;
    const struct linux_setup setup = {.slow = player->live->options->slow, .v6 = player->ipv6};
    return linux_world_new(&setup, ret_world, detail);
}

/* Before a play: an empty working folder. */
static enum status renew_folder(void *context, struct status_detail *detail)
{
    const struct live_player *player = context;
    if (player->folder[0] == '\0') {
        return STATUS_OK;
    }
    cli_scratch_remove(player->folder);
    return mkdir(player->folder, 0755) == 0
               ? STATUS_OK
               : status_fail(detail, STATUS_ENVIRONMENT, "%s: %s", player->folder, strerror(errno));
}

static enum status live_player(void *context, struct subject *subject, unsigned index,
                               struct player_setup *setup, struct status_detail *detail)
{
    struct live *live = context;
    struct live_player *player = &live->players[index];
    const struct manifest *manifest = &subject->manifest;
    player->live = live;
    player->ipv6 = manifest->ipv6;
    player->folder[0] = '\0';
    if (live->scratch.path[0] != '\0' &&
        (size_t)snprintf(player->folder, sizeof(player->folder), "%s/%u", live->scratch.path,
                         index) >= sizeof(player->folder)) {
        return status_fail(detail, STATUS_LIMIT, "%s: too long a name", live->scratch.path);
    }
    const char *folder = player->folder[0] != '\0' ? player->folder : live->folder;
    /* The player leads our standard output to where what is written is kept. */
    player->command = (struct linux_command){
        .environment = subject->environment.argc > 0 ? subject->environment.argv : NULL,
        .folder = folder[0] != '\0' ? folder : NULL,
        .input = live->input[0],
        .output = STDOUT_FILENO,
        .start_limit_us = manifest->start_limit_us,
        .stop_limit_us = manifest->stop_limit_us,
    };
    player->target = subject->target;
    player->target.program = &player->command;
    setup->target = &player->target;
    setup->open = open_linux;
    setup->before = renew_folder;
    setup->context = player;
    setup->limits = (struct player_limits){
        .cpu_ms = LIVE_CPU_LIMIT_MS,
        .asleep_ms =
            (uint32_t)((manifest->start_limit_us + manifest->stop_limit_us) / 1000) + LIVE_SPARE_MS,
        .real_time = true,
        .no_memory_limit = true,
    };
    return STATUS_OK;
}

/* ---- Running ---- */

/* Cases at once for each processor: a play delivers before all else on its processor, so many more
 * would leave no time for other work, nor for the targets' own patience. */
enum { PLAYERS_PER_PROCESSOR = 4, RESTING_PER_PROCESSOR = 6 };

/* How many players there are, and how many of them work at the same time: where a target takes its
 * time to end, others play meanwhile, unless one case at a time was asked for. */
static void choose_players(const struct cli_options *options, struct cli_judged *judged)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned jobs = options->jobs != NULL ? options->jobs_number : (unsigned)processors;
    judged->players = 1;
    judged->at_once = 1;
    if (options->command != CLI_CHECK || processors < 1) {
        return;
    }
    unsigned most = processors < SUITE_PLAYERS_MAX / PLAYERS_PER_PROCESSOR
                        ? (unsigned)processors * PLAYERS_PER_PROCESSOR
                        : SUITE_PLAYERS_MAX;
    if (jobs > most && options->jobs != NULL) {
        (void)fprintf(stderr, "%s: --jobs %u: %u cases at once, as there are %ld processors\n",
                      options->program, jobs, most, processors);
    }
    judged->at_once = jobs < most ? jobs : most;
    unsigned all = judged->at_once + (unsigned)processors * RESTING_PER_PROCESSOR;
    all = all < SUITE_PLAYERS_MAX ? all : SUITE_PLAYERS_MAX;
    judged->players = options->jobs != NULL && jobs == 1 ? 1 : all;
}

static struct live *live_new(const struct cli_options *options)
{
    struct live *live = calloc(1, sizeof(*live));
    if (live == NULL) {
        return NULL;
    }
    live->options = options;
    live->input[0] = -1;
    live->input[1] = -1;
    live->description = (struct subject_command){.name = options->name,
                                                 .profile = options->profile,
                                                 .role = options->role,
                                                 .port = options->port,
                                                 .ipv6 = options->ipv6,
                                                 .host = linux_world_host};
    live->judged = (struct cli_judged){
        .world = "linux", .context = live, .subject = live_subject, .player = live_player};
    choose_players(options, &live->judged);
    if (linux_world_choose_network(options->ipv6, &live->description.free_port)) {
        live->judged.players = 1; /* one network has the port once */
    }
    return live;
}

static int live_run(struct live *live)
{
    int code = cli_session_run(live->options, &live->judged);
    for (unsigned end = 0; end < 2; end++) {
        if (live->input[end] >= 0) {
            (void)close(live->input[end]);
        }
    }
    cli_scratch_done(&live->scratch);
    free(live);
    return code;
}

int cli_live_command(const struct cli_options *options)
{
    if (options->world != NULL && strcmp(options->world, "linux") != 0) {
        return cli_usage(options, "a COMMAND runs in the world linux, not in the %s",
                         options->world);
    }
    if (options->given_count == 0) {
        return cli_usage(options, "there is no COMMAND behind --");
    }
    if (options->profile == NULL && options->setting_count == 0) {
        return cli_usage(options, "a COMMAND needs --profile: how to talk to it, one of "
                                  "`sockspec list profiles`");
    }
    struct live *live = live_new(options);
    if (live == NULL) {
        return cli_error(options, "out of memory");
    }
    live->description.settings = options->settings;
    live->description.setting_count = options->setting_count;
    live->description.argc = options->given_count;
    live->description.argv = (const char *const *)options->given;
    live->judged.command = (const char *const *)options->given;
    live->judged.command_count = options->given_count;
    return live_run(live);
}

/* A program of a build: what the build says of it stands in for a manifest's command. */
static int run_built(struct live *live, const char *name, const char *path)
{
    const struct cli_options *options = live->options;
    char program[CLI_PATH_MAX];
    const char *argv[MANIFEST_ARGUMENTS_MAX + 1] = {program};
    struct cli_built built;
    int code = 0;
    (void)snprintf(program, sizeof(program), "%s", path);
    char *end = strrchr(program, '/') + 1 + strlen(name);
    *end = '\0'; /* NAME, not NAME_check */
    if (!cli_built_read(path, &built)) {
        code = cli_usage(options, "%s.target.ini: the build left none", program);
    } else if (strcmp(built.role, "pair") == 0) {
        code = cli_usage(options, "%s is a pair: two programs run in the model only", name);
    } else if (!is_program(program)) {
        code = cli_usage(options, "%s: the plain program is not there: build the target %s",
                         program, name);
    }
    if (code != 0) {
        cli_built_done(&built);
        free(live);
        return code;
    }
    for (int i = 0; i < built.argc && i < MANIFEST_ARGUMENTS_MAX; i++) {
        argv[i + 1] = built.argv[i];
    }
    live->description.manifest = built.manifest[0] != '\0' ? built.manifest : NULL;
    live->description.name = options->name != NULL ? options->name : name;
    live->description.profile = built.profile[0] != '\0' ? built.profile : NULL;
    live->description.role = built.role;
    live->description.linked = true;
    live->description.argc = built.argc + 1;
    live->description.argv = argv;
    code = live_run(live);
    cli_built_done(&built);
    return code;
}

int cli_live_target(const struct cli_options *options, const char *name, enum cli_target_kind kind,
                    const char *path)
{
    if (options->world != NULL && strcmp(options->world, "linux") != 0) {
        return cli_usage(options, "%s runs as a process: in the world linux, not in the %s", name,
                         options->world);
    }
    struct live *live = live_new(options);
    if (live == NULL) {
        return cli_error(options, "out of memory");
    }
    live->judged.target = name;
    live->judged.targets = options->targets;
    if (kind != CLI_TARGET_FOLDER) {
        return run_built(live, name, path);
    }
    live->description.manifest = path;
    return live_run(live);
}
