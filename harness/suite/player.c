/* The child that plays and the parent that watches it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/player.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PLAYER_DESCRIPTOR_MIN = 4096, /* numbers below belong to the target during a run */
    PLAYER_DESCRIPTORS = 8192
};
#define PLAYER_ADDRESS_SPACE                                                                       \
    (1ULL << 30) /* that a target may add to what is there when it starts */

/* Present where AddressSanitizer is: it reserves more address space than any limit would allow. */
extern void __asan_init(void) __attribute__((weak));

/* What parent and child share. */
struct shared {
    struct trace trace;
    struct scenario scenario;
    struct engine_result result;
    enum status status;
    struct status_detail detail;
    char absent[PLAYER_ABSENT_MAX];
    struct trace_event events[TRACE_EVENTS_MAX];
};

/* How the play in progress stands. */
enum watch_state { WATCH_PLAYING, WATCH_OVER, WATCH_DIED, WATCH_HANGS };

/* The watch over the child during a play. The limits are far beyond what any play needs and count
 * only the child's own time, so that a slow or busy machine changes no verdict. */
struct watch {
    enum watch_state state;
    clockid_t cpu; /* the child's */
    bool has_cpu;
    int64_t cpu_end_ms; /* of its clock: then it hangs */
    int64_t asleep_ms;  /* so far at a stretch */
    int64_t asleep_limit_ms;
    int64_t looked_ms; /* when it was last looked at */
};

struct player {
    struct player_setup setup;
    struct shared *shared;
    pid_t child; /* 0: none */
    int channel; /* to it: a byte asks for a play, a byte says that it rests or is over */
    int output;  /* what it writes to stdout and stderr */
    bool hung;   /* a play was ended for it */
    bool rests;  /* it said so */
    struct watch watch;
};

/* ---- The child ---- */

/* What it says over its channel. */
enum { SAY_RESTS = 'r', SAY_WORKS = 'w', SAY_OVER = 'p' };

static void child_rests(void *context, bool rests)
{
    const char byte = rests ? SAY_RESTS : SAY_WORKS;
    (void)send(*(const int *)context, &byte, 1, MSG_NOSIGNAL);
}

static void child_play(struct player *player, const struct world *world, struct engine *engine,
                       int channel)
{
    struct shared *shared = player->shared;
    shared->trace.header.observers = world->ops->observers;
    struct engine_play play = {
        .target = player->setup.target,
        .profile = player->setup.profile,
        .trace = &shared->trace,
        .seed = shared->trace.header.seed,
        .on_rest = child_rests,
        .context = &channel,
    };
    shared->status = engine_run(engine, &play, &shared->scenario, &shared->result, &shared->detail);
}

/* After each play: some things are known to be absent once the target asked for them. */
static void child_note_absent(struct shared *shared, struct world *world)
{
    const char *absent = world->ops->absent != NULL ? world->ops->absent(world) : NULL;
    (void)snprintf(shared->absent, sizeof(shared->absent), "%s", absent != NULL ? absent : "");
}

static void child_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < PLAYER_DESCRIPTORS) {
        limit.rlim_cur = limit.rlim_max < PLAYER_DESCRIPTORS ? limit.rlim_max : PLAYER_DESCRIPTORS;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void child_memory_limit(const struct player_limits *limits)
{
    unsigned long pages = 0;
    FILE *statm = limits->no_memory_limit ? NULL : fopen("/proc/self/statm", "re");
    if (statm != NULL && __asan_init == NULL && fscanf(statm, "%lu", &pages) == 1) {
        rlim_t most = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + PLAYER_ADDRESS_SPACE;
        struct rlimit space = {most, most};
        (void)setrlimit(RLIMIT_AS, &space);
    }
    if (statm != NULL) {
        (void)fclose(statm);
    }
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
}

/* What the target would see of ours is out of its way: its output is captured, our descriptors are
 * high. */
static int child_descriptors(const struct player *player, int channel)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(player->output, STDOUT_FILENO);
    (void)dup2(player->output, STDERR_FILENO);
    (void)close(null);
    int high = fcntl(channel, F_DUPFD_CLOEXEC, PLAYER_DESCRIPTOR_MIN);
    if (high < 0) {
        return channel;
    }
    (void)close(channel);
    return high;
}

/* What the parent catches to end in order ends a child at once. */
static void child_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (signal(numbers[i], SIG_DFL) == SIG_IGN) {
            (void)signal(numbers[i], SIG_IGN);
        }
    }
}

static __attribute__((noreturn)) void child_main(struct player *player, int channel)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    child_signals();
    child_descriptor_limit();
    channel = child_descriptors(player, channel);
    struct shared *shared = player->shared;
    struct world *world = NULL;
    struct engine *engine = NULL;
    struct status_detail refused = {""};
    enum status status = player->setup.open(player->setup.context, &world, &refused);
    if (status == STATUS_OK && world->ops->speak_v6 != NULL) {
        world->ops->speak_v6(world, player->setup.v6);
    }
    if (status == STATUS_OK) {
        status = engine_new(world, &engine, &refused);
    }
    child_memory_limit(&player->setup.limits); /* from here on memory is the target's affair */
    char byte = 0;
    while (recv(channel, &byte, 1, 0) == 1) {
        if (status == STATUS_OK) {
            child_play(player, world, engine, channel);
            child_note_absent(shared, world);
        } else {
            shared->status = status_fail(&shared->detail, status, "%s", refused.text);
        }
        byte = SAY_OVER;
        if (send(channel, &byte, 1, MSG_NOSIGNAL) != 1) {
            break;
        }
    }
    /* Neither atexit handlers nor leak checks: the target's own were done when its run ended. */
    _exit(0);
}

/* ---- The parent ---- */

static enum status child_start(struct player *player, struct status_detail *detail)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        return status_fail(detail, STATUS_ENVIRONMENT, "socketpair: %s", strerror(errno));
    }
    (void)fflush(NULL); /* or the child would write what is buffered a second time */
    pid_t child = fork();
    if (child < 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return status_fail(detail, STATUS_ENVIRONMENT, "fork: %s", strerror(errno));
    }
    if (child == 0) {
        (void)close(ends[0]);
        child_main(player, ends[1]);
    }
    (void)close(ends[1]);
    player->child = child;
    player->channel = ends[0];
    return STATUS_OK;
}

/* Waits for the child's end and returns its wait status. */
static int child_reap(struct player *player)
{
    int status = 0;
    while (waitpid(player->child, &status, 0) < 0 && errno == EINTR) {
    }
    (void)close(player->channel);
    player->child = 0;
    player->channel = -1;
    return status;
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Whether a thread sleeps in the kernel, as /proc tells: one that only waits for a processor does
 * not. */
static bool is_asleep(int process, const char *thread)
{
    char path[64];
    char line[512] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%.20s/stat", process, thread);
    FILE *stat = fopen(path, "re");
    if (stat == NULL) {
        return true; /* it has ended meanwhile */
    }
    size_t size = fread(line, 1, sizeof(line) - 1, stat);
    (void)fclose(stat);
    line[size] = '\0';
    const char *behind_name = strrchr(line, ')');
    return behind_name != NULL &&
           (behind_name[1] == ' ' && (behind_name[2] == 'S' || behind_name[2] == 'D'));
}

/* Whether all threads of the child are asleep: those of the target take turns. */
static bool child_is_asleep(const struct player *player)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)player->child);
    DIR *threads = opendir(path);
    bool asleep = threads != NULL;
    const struct dirent *entry = NULL;
    while (asleep && (entry = readdir(threads)) != NULL) {
        asleep = entry->d_name[0] == '.' || is_asleep((int)player->child, entry->d_name);
    }
    if (threads != NULL) {
        (void)closedir(threads);
    }
    return asleep;
}

/* How long the child may be asleep in the play that stands in the shared memory. */
static int64_t asleep_limit_ms(const struct player *player)
{
    const struct player_limits *limits = &player->setup.limits;
    const struct scenario *scenario = &player->shared->scenario;
    int64_t limit = limits->asleep_ms != 0 ? limits->asleep_ms : PLAYER_ASLEEP_LIMIT_MS;
    if (!limits->real_time) {
        return limit;
    }
    limit += player->shared->trace.header.idle_limit_us / 1000;
    uint32_t repeats = player->shared->trace.header.repeats;
    int64_t steps = 0;
    for (unsigned i = 0; i < scenario->count; i++) {
        bool passes = scenario->steps[i].verb == SCENARIO_TIME_ADVANCE;
        steps += passes ? scenario->steps[i].from : 0;
    }
    return limit + steps * (repeats > 0 ? repeats : 1);
}

/* What was written is kept in memory: a target that does not stop writing must not fill it. */
static void output_bound(const struct player *player)
{
    struct stat about;
    if (fstat(player->output, &about) == 0 && about.st_size > PLAYER_WRITTEN_MAX &&
        ftruncate(player->output, 0) == 0) {
        (void)lseek(player->output, 0, SEEK_SET);
    }
}

static void watch_begin(struct player *player)
{
    const struct player_limits *limits = &player->setup.limits;
    int64_t cpu_limit = limits->cpu_ms != 0 ? limits->cpu_ms : PLAYER_CPU_LIMIT_MS;
    /* A program that hung once will do so again: less patience then. */
    cpu_limit = player->hung ? cpu_limit / 4 : cpu_limit;
    struct watch *watch = &player->watch;
    *watch = (struct watch){.asleep_limit_ms = asleep_limit_ms(player),
                            .looked_ms = clock_ms(CLOCK_MONOTONIC)};
    watch->has_cpu = clock_getcpuclockid(player->child, &watch->cpu) == 0;
    watch->cpu_end_ms = watch->has_cpu ? clock_ms(watch->cpu) + cpu_limit : 0;
}

/* Looks after a child that has played for a while without saying anything. */
static enum watch_state watch_look(struct player *player)
{
    struct watch *watch = &player->watch;
    int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
    if (now_ms - watch->looked_ms < PLAYER_POLL_MS) {
        return WATCH_PLAYING;
    }
    watch->looked_ms = now_ms;
    output_bound(player);
    watch->asleep_ms = child_is_asleep(player) ? watch->asleep_ms + PLAYER_POLL_MS : 0;
    bool spins = watch->has_cpu && clock_ms(watch->cpu) >= watch->cpu_end_ms;
    return spins || watch->asleep_ms >= watch->asleep_limit_ms ? WATCH_HANGS : WATCH_PLAYING;
}

/* The end of the captured output: a sanitizer's report from its first line, where there is one. */
static void output_read(const struct player *player, char output[PLAYER_OUTPUT_MAX])
{
    enum { LOOK = 16 * PLAYER_OUTPUT_MAX }; /* a report is longer than what is kept of it */
    off_t size = lseek(player->output, 0, SEEK_END);
    off_t from = size > LOOK ? size - LOOK : 0;
    char *text = size > 0 ? malloc(LOOK + 1) : NULL;
    output[0] = '\0';
    if (text == NULL) {
        return;
    }
    ssize_t got = pread(player->output, text, LOOK, from);
    text[got > 0 ? got : 0] = '\0';
    const char *report = strstr(text, "==ERROR: ");
    while (report != NULL && report > text && report[-1] != '\n') {
        report--;
    }
    size_t length = strlen(text);
    const char *shown = report != NULL               ? report
                        : length < PLAYER_OUTPUT_MAX ? text
                                                     : text + length - (PLAYER_OUTPUT_MAX - 1);
    (void)snprintf(output, PLAYER_OUTPUT_MAX, "%s", shown);
    free(text);
}

/* Completes the record of a play that was cut short. */
static void play_cut(struct player *player, bool hung, int wait_status,
                     struct player_outcome *outcome)
{
    struct trace *trace = &player->shared->trace;
    if (trace->count >= trace->capacity) {
        trace->count = trace->capacity - 1;
    }
    outcome->end = hung ? PLAYER_HUNG : PLAYER_CRASHED;
    outcome->signal = WIFSIGNALED(wait_status) && !hung ? WTERMSIG(wait_status) : 0;
    outcome->code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 0;
    struct trace_event *event = trace_add(trace, TRACE_EXIT, TRACE_HOST_TARGET);
    event->what = hung ? TRACE_EXIT_HUNG : TRACE_EXIT_CRASHED;
    event->result = outcome->signal != 0 ? outcome->signal : -outcome->code;
}

enum status player_new(const struct player_setup *setup, struct player **ret_player,
                       struct status_detail *detail)
{
    struct player *player = calloc(1, sizeof(*player));
    if (player == NULL) {
        return status_fail(detail, STATUS_NO_MEMORY, "a player");
    }
    player->setup = *setup;
    player->channel = -1;
    player->output = memfd_create("sockspec-output", MFD_CLOEXEC);
    player->shared = mmap(NULL, sizeof(*player->shared), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (player->shared == MAP_FAILED || player->output < 0) {
        player->shared = player->shared == MAP_FAILED ? NULL : player->shared;
        player_free(player);
        return status_fail(detail, STATUS_NO_MEMORY, "shared memory for a trace: %s",
                           strerror(errno));
    }
    player->shared->trace.events = player->shared->events;
    player->shared->trace.capacity = TRACE_EVENTS_MAX;
    *ret_player = player;
    return STATUS_OK;
}

void player_free(struct player *player)
{
    if (player == NULL) {
        return;
    }
    if (player->child > 0) {
        (void)kill(player->child, SIGKILL);
        (void)child_reap(player);
    }
    if (player->output >= 0) {
        (void)close(player->output);
    }
    if (player->shared != NULL) {
        (void)munmap(player->shared, sizeof(*player->shared));
    }
    free(player);
}

enum status player_begin(struct player *player, const struct scenario *scenario,
                         const struct trace_header *header, struct status_detail *detail)
{
    struct shared *shared = player->shared;
    trace_clear(&shared->trace);
    shared->trace.header = *header;
    scenario_copy(&shared->scenario, scenario);
    shared->detail.text[0] = '\0';
    enum status status = STATUS_OK;
    if (ftruncate(player->output, 0) < 0 || lseek(player->output, 0, SEEK_SET) < 0) {
        status =
            status_fail(detail, STATUS_ENVIRONMENT, "the captured output: %s", strerror(errno));
    }
    if (status == STATUS_OK && player->setup.before != NULL) {
        status = player->setup.before(player->setup.context, detail);
    }
    if (status == STATUS_OK && player->child == 0) {
        status = child_start(player, detail);
    }
    if (status != STATUS_OK) {
        return status;
    }
    watch_begin(player);
    char byte = SAY_OVER;
    player->rests = false;
    bool asked = send(player->channel, &byte, 1, MSG_NOSIGNAL) == 1;
    player->watch.state = asked ? WATCH_PLAYING : WATCH_DIED;
    return STATUS_OK;
}

int player_descriptor(const struct player *player)
{
    return player->channel;
}

bool player_look(struct player *player)
{
    struct watch *watch = &player->watch;
    char byte = 0;
    ssize_t got =
        watch->state == WATCH_PLAYING ? recv(player->channel, &byte, 1, MSG_DONTWAIT) : -1;
    if (got == 1 && (byte == SAY_RESTS || byte == SAY_WORKS)) {
        player->rests = byte == SAY_RESTS;
    } else if (got == 1) {
        watch->state = WATCH_OVER;
    } else if (got == 0 ||
               (got < 0 && watch->state == WATCH_PLAYING && errno != EAGAIN && errno != EINTR)) {
        watch->state = WATCH_DIED;
    } else if (watch->state == WATCH_PLAYING) {
        watch->state = watch_look(player);
    }
    return watch->state != WATCH_PLAYING;
}

bool player_rests(const struct player *player)
{
    return player->rests;
}

enum status player_end(struct player *player, const struct trace **ret_trace,
                       struct player_outcome *ret_outcome, struct status_detail *detail)
{
    struct shared *shared = player->shared;
    bool hangs = player->watch.state == WATCH_HANGS;
    assert(player->watch.state != WATCH_PLAYING);
    memset(ret_outcome, 0, offsetof(struct player_outcome, output));
    output_read(player, ret_outcome->output);
    memcpy(ret_outcome->absent, shared->absent, sizeof(ret_outcome->absent));
    *ret_trace = &shared->trace;
    if (player->watch.state == WATCH_OVER) {
        ret_outcome->result = shared->result;
        return shared->status == STATUS_OK
                   ? STATUS_OK
                   : status_fail(detail, shared->status, "%s", shared->detail.text);
    }
    if (hangs) {
        player->hung = true;
        (void)kill(player->child, SIGKILL);
    }
    play_cut(player, hangs, child_reap(player), ret_outcome);
    return STATUS_OK;
}

enum status player_play(struct player *player, const struct scenario *scenario,
                        const struct trace_header *header, const struct trace **ret_trace,
                        struct player_outcome *ret_outcome, struct status_detail *detail)
{
    enum status status = player_begin(player, scenario, header, detail);
    if (status != STATUS_OK) {
        ret_outcome->output[0] = '\0';
        ret_outcome->absent[0] = '\0';
        return status;
    }
    do {
        struct pollfd channel = {.fd = player_descriptor(player), .events = POLLIN};
        (void)poll(&channel, 1, PLAYER_POLL_MS);
    } while (!player_look(player));
    return player_end(player, ret_trace, ret_outcome, detail);
}
