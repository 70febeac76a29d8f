/* The world's side of an instance: its process and what is said to it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "stack/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 100 };

const char *stack_request_word(enum stack_request_kind kind)
{
    static const char *const words[STACK_REQUEST_COUNT] = {
#define WORD(name, word) [STACK_##name] = word,
        STACK_REQUEST_TABLE(WORD)
#undef WORD
    };
    return (unsigned)kind < STACK_REQUEST_COUNT ? words[kind] : "?";
}

/* ---- Life ---- */

enum status stack_instance_init(struct stack_instance *instance, const char *path,
                                struct status_detail *detail)
{
    instance->path = path;
    instance->channel = -1;
    instance->packets = malloc(sizeof(*instance->packets) * STACK_PACKETS_MAX);
    return instance->packets != NULL
               ? STATUS_OK
               : status_fail(detail, STATUS_NO_MEMORY, "no memory for packets");
}

static void stop(struct stack_instance *instance)
{
    if (instance->channel >= 0) {
        (void)close(instance->channel);
        instance->channel = -1;
    }
    if (instance->keeper > 0) {
        (void)kill(instance->keeper, SIGKILL); /* its child goes with it */
        while (waitpid(instance->keeper, NULL, 0) < 0 && errno == EINTR) {
        }
        instance->keeper = 0;
    }
    instance->process = 0;
}

void stack_instance_done(struct stack_instance *instance)
{
    stop(instance);
    free(instance->packets);
    instance->packets = NULL;
}

static __attribute__((noreturn)) void become(const char *path, int channel)
{
    char number[16];
    (void)snprintf(number, sizeof(number), "%d", channel);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)fcntl(channel, F_SETFD, 0);
    (void)execl(path, path, STACK_SERVE_ARGUMENT, number, (char *)NULL);
    _exit(127);
}

static void start(struct stack_instance *instance)
{
    int ends[2];
    instance->health = STACK_GONE;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        return;
    }
    (void)fflush(NULL);
    pid_t keeper = fork();
    if (keeper == 0) {
        become(instance->path, ends[1]);
    }
    (void)close(ends[1]);
    if (keeper < 0) {
        (void)close(ends[0]);
        return;
    }
    instance->keeper = keeper;
    instance->channel = ends[0];
    instance->health = STACK_LIVES;
}

/* ---- The watch over a call ---- */

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct watch {
    clockid_t cpu;
    bool has_cpu;
    int64_t cpu_end_ms;
    int64_t asleep_ms;
    int64_t waited_ms;
};

static void watch_begin(struct watch *watch, pid_t process)
{
    *watch = (struct watch){0};
    watch->has_cpu = process > 0 && clock_getcpuclockid(process, &watch->cpu) == 0;
    watch->cpu_end_ms = watch->has_cpu ? clock_ms(watch->cpu) + STACK_CPU_LIMIT_MS : 0;
}

/* Whether a process sleeps in the kernel: one that waits for a processor does not. */
static bool is_asleep(pid_t process)
{
    char path[64];
    char line[512] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)process);
    FILE *stat = fopen(path, "re");
    if (stat == NULL) {
        return false;
    }
    size_t size = fread(line, 1, sizeof(line) - 1, stat);
    (void)fclose(stat);
    line[size] = '\0';
    const char *behind_name = strrchr(line, ')');
    return behind_name != NULL && strncmp(behind_name, ") S", 3) == 0;
}

/* Called every LOOK_MS of a call that does not return. The process of a new instance is not known
 * before its first answer. */
static bool watch_hangs(struct watch *watch, pid_t process)
{
    watch->waited_ms += LOOK_MS;
    watch->asleep_ms = process > 0 && is_asleep(process) ? watch->asleep_ms + LOOK_MS : 0;
    if (process == 0) {
        return watch->waited_ms >= STACK_START_LIMIT_MS;
    }
    return watch->asleep_ms >= STACK_ASLEEP_LIMIT_MS ||
           (watch->has_cpu && clock_ms(watch->cpu) >= watch->cpu_end_ms);
}

/* Waits for something to read. False: it hangs, and is no more. */
static bool wait_for_answer(struct stack_instance *instance)
{
    struct watch watch;
    bool watching = false;
    for (;;) {
        struct pollfd channel = {.fd = instance->channel, .events = POLLIN};
        int ready = poll(&channel, 1, LOOK_MS);
        if (ready > 0) {
            return true;
        }
        if (!watching) {
            watch_begin(&watch, instance->process);
            watching = true;
        } else if (ready == 0 && watch_hangs(&watch, instance->process)) {
            instance->health = STACK_HUNG;
            return false;
        }
    }
}

/* ---- Messages ---- */

static bool read_all(struct stack_instance *instance, void *data, size_t size)
{
    uint8_t *at = data;
    while (size > 0) {
        ssize_t got = recv(instance->channel, at, size, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (!wait_for_answer(instance)) {
                return false;
            }
            continue;
        }
        if (got <= 0) {
            instance->health = STACK_GONE;
            return false;
        }
        at += got;
        size -= (size_t)got;
    }
    return true;
}

static bool skip_rest(struct stack_instance *instance, size_t size)
{
    uint8_t scratch[512];
    while (size > 0) {
        size_t part = size < sizeof(scratch) ? size : sizeof(scratch);
        if (!read_all(instance, scratch, part)) {
            return false;
        }
        size -= part;
    }
    return true;
}

static bool write_request(struct stack_instance *instance, const struct stack_question *question)
{
    struct stack_request request = {.kind = question->kind,
                                    .s = question->s,
                                    .a = question->a,
                                    .b = question->b,
                                    .size = (uint32_t)question->size};
    struct iovec parts[2] = {{&request, sizeof(request)},
                             {(void *)(uintptr_t)question->data, question->size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    size_t left = sizeof(request) + question->size;
    while (left > 0) {
        ssize_t sent = sendmsg(instance->channel, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            instance->health = STACK_GONE;
            return false;
        }
        left -= (size_t)sent;
        for (size_t taken = (size_t)sent; taken > 0;) {
            struct iovec *part = message.msg_iov;
            size_t step = taken < part->iov_len ? taken : part->iov_len;
            part->iov_base = (uint8_t *)part->iov_base + step;
            part->iov_len -= step;
            taken -= step;
            if (part->iov_len == 0 && message.msg_iovlen > 1) {
                message.msg_iov++;
                message.msg_iovlen--;
            }
        }
    }
    return true;
}

static bool keep_packet(struct stack_instance *instance, size_t size)
{
    if (instance->count == STACK_PACKETS_MAX) {
        instance->health = STACK_FLOODS;
        return false;
    }
    uint32_t slot = (instance->first + instance->count) % STACK_PACKETS_MAX;
    struct stack_packet *packet = &instance->packets[slot];
    size_t kept = size < STACK_PACKET_ROOM ? size : STACK_PACKET_ROOM;
    packet->size = (uint32_t)size;
    instance->count++;
    return read_all(instance, packet->bytes, kept) && skip_rest(instance, size - kept);
}

static bool read_result(struct stack_instance *instance, struct stack_question *question,
                        int64_t *ret_result)
{
    struct stack_reply reply;
    while (read_all(instance, &reply, sizeof(reply))) {
        if (reply.kind == STACK_OUTPUT) {
            if (!keep_packet(instance, reply.size)) {
                return false;
            }
            continue;
        }
        if (reply.kind == STACK_DIED) {
            instance->health = STACK_CRASHED;
            instance->wait_status = (int)reply.result;
            return false;
        }
        size_t kept = reply.size < question->back_room ? reply.size : question->back_room;
        question->back_size = reply.size;
        *ret_result = reply.result;
        return read_all(instance, question->back, kept) && skip_rest(instance, reply.size - kept);
    }
    return false;
}

int64_t stack_instance_ask(struct stack_instance *instance, struct stack_question *question)
{
    int64_t result = -EIO;
    question->back_size = 0;
    if (question->kind == STACK_RESET) {
        if (instance->health != STACK_LIVES || instance->keeper == 0) {
            stop(instance);
            start(instance);
        }
        instance->process = 0;
        instance->first = 0;
        instance->count = 0;
    }
    if (instance->health != STACK_LIVES) {
        return -EIO;
    }
    if (question->kind != STACK_ADVANCE && question->kind != STACK_STATE &&
        question->kind != STACK_PORTS) {
        instance->asked++;
    }
    if (!write_request(instance, question) || !read_result(instance, question, &result)) {
        instance->dead_in = question->kind;
        stop(instance);
        return -EIO;
    }
    if (question->kind == STACK_RESET && result > 0) {
        instance->process = (pid_t)result;
    }
    return result;
}

const struct stack_packet *stack_instance_take(struct stack_instance *instance)
{
    if (instance->count == 0) {
        return NULL;
    }
    const struct stack_packet *packet = &instance->packets[instance->first];
    instance->first = (instance->first + 1) % STACK_PACKETS_MAX;
    instance->count--;
    return packet;
}
