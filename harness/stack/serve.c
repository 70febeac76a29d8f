/* The main of every executable that sockspec_add_stack makes: an instance of the stack, asked by
 * the world through a socket. A stack that cannot be put back lives in a child, anew after each
 * reset. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockspec/sockspec.h"
#include "sockspec/stack.h"
#include "stack/protocol.h"

#define ADDRESS_SPACE (4ULL << 30) /* of one instance */

static struct serving {
    int channel;
    struct sockspec_stack_host host;
    uint8_t data[STACK_DATA_MAX]; /* of the request */
    uint8_t back[STACK_DATA_MAX]; /* of the reply */
    uint32_t back_size;
} serving;

/* ---- Messages ---- */

/* False: the world is gone. */
static bool read_all(void *data, size_t size)
{
    uint8_t *at = data;
    while (size > 0) {
        ssize_t got = read(serving.channel, at, size);
        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            return false;
        }
        at += got > 0 ? got : 0;
        size -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* Header and data in one piece: whoever dies does so between two messages. */
static void put_reply(enum stack_reply_kind kind, int64_t result, const void *data, size_t size)
{
    struct stack_reply reply = {.kind = kind, .size = (uint32_t)size, .result = result};
    struct iovec parts[2] = {{&reply, sizeof(reply)}, {(void *)(uintptr_t)data, size}};
    struct iovec *part = parts;
    while (part < parts + 2) {
        ssize_t written = writev(serving.channel, part, (int)(parts + 2 - part));
        if (written < 0 && errno != EINTR) {
            _exit(0); /* the world is gone */
        }
        size_t left = written > 0 ? (size_t)written : 0;
        while (part < parts + 2 && left >= part->iov_len) {
            left -= part->iov_len;
            part++;
        }
        if (part < parts + 2) {
            part->iov_base = (uint8_t *)part->iov_base + left;
            part->iov_len -= left;
        }
    }
}

static void on_output(const void *packet, size_t size)
{
    put_reply(STACK_OUTPUT, 0, packet, size <= STACK_DATA_MAX ? size : STACK_DATA_MAX);
}

/* ---- What is asked ---- */

typedef int64_t (*answer_function)(const struct stack_request *request);

static int64_t answer_reset(const struct stack_request *request)
{
    struct stack_reset reset;
    (void)request;
    memcpy(&reset, serving.data, sizeof(reset));
    serving.host = (struct sockspec_stack_host){
        .prefix = reset.prefix, .seed = reset.seed, .on_output = on_output};
    memcpy(serving.host.address, reset.address, sizeof(reset.address));
    memcpy(serving.host.other, reset.other, sizeof(reset.other));
    int result = sockspec_stack.reset(&serving.host);
    return result < 0 ? result : getpid();
}
static int64_t answer_inject(const struct stack_request *request)
{
    sockspec_stack.inject(serving.data, request->size);
    return 0;
}
static int64_t answer_advance(const struct stack_request *request)
{
    return sockspec_stack.advance((uint32_t)request->a);
}
static int64_t answer_state(const struct stack_request *request)
{
    return sockspec_stack.state((uint16_t)request->a, (uint16_t)request->b);
}
static int64_t answer_ports(const struct stack_request *request)
{
    uint16_t local = 0;
    uint16_t remote = 0;
    sockspec_stack.ports(request->s, &local, &remote);
    return (int64_t)local << 16 | remote;
}
static int64_t answer_socket(const struct stack_request *request)
{
    (void)request;
    return sockspec_stack.socket();
}
static int64_t answer_bind(const struct stack_request *request)
{
    return sockspec_stack.bind(request->s, (uint16_t)request->a);
}
static int64_t answer_listen(const struct stack_request *request)
{
    return sockspec_stack.listen(request->s, (int)request->a);
}
static int64_t answer_accept(const struct stack_request *request)
{
    return sockspec_stack.accept(request->s);
}
static int64_t answer_connect(const struct stack_request *request)
{
    return sockspec_stack.connect(request->s, (uint16_t)request->a, request->b != 0);
}
static int64_t answer_disconnect(const struct stack_request *request)
{
    return sockspec_stack.disconnect(request->s);
}
static int64_t answer_send(const struct stack_request *request)
{
    return sockspec_stack.send(request->s, serving.data, request->size, (int)request->a);
}
static int64_t answer_recv(const struct stack_request *request)
{
    size_t size = request->b < STACK_DATA_MAX ? (size_t)request->b : STACK_DATA_MAX;
    int64_t result = sockspec_stack.recv(request->s, serving.back, size, (int)request->a);
    /* What is claimed beyond the buffer is for the world to notice, not to be read. */
    serving.back_size = result > 0 ? (uint32_t)((size_t)result < size ? (size_t)result : size) : 0;
    return result;
}
static int64_t answer_shutdown(const struct stack_request *request)
{
    return sockspec_stack.shutdown(request->s, (int)request->a);
}
static int64_t answer_close(const struct stack_request *request)
{
    return sockspec_stack.close(request->s);
}
static int64_t answer_abort(const struct stack_request *request)
{
    return sockspec_stack.abort(request->s);
}
static int64_t answer_poll(const struct stack_request *request)
{
    return sockspec_stack.poll(request->s);
}
static int64_t answer_dup(const struct stack_request *request)
{
    return sockspec_stack.dup(request->s);
}
static int64_t answer_names(const struct stack_request *request)
{
    struct sockspec_stack_name name = {{0}, 0};
    int result = sockspec_stack.names(request->s, request->a != 0, &name);
    memcpy(serving.back, &name, sizeof(name));
    serving.back_size = sizeof(name);
    return result;
}
static int64_t answer_flags(const struct stack_request *request)
{
    return sockspec_stack.flags(request->s, request->a != 0);
}
static int64_t answer_setsockopt(const struct stack_request *request)
{
    return sockspec_stack.setsockopt(request->s, (int)request->a, (int)request->b, serving.data,
                                     request->size);
}
static int64_t answer_getsockopt(const struct stack_request *request)
{
    size_t size = request->size;
    int result = sockspec_stack.getsockopt(request->s, (int)request->a, (int)request->b,
                                           serving.back, &size);
    serving.back_size = (uint32_t)(size < request->size ? size : request->size);
    return result;
}

/* Each with the function of the adapter that it needs. */
static const struct {
    answer_function answer;
    size_t needs; /* where the pointer lies in struct sockspec_stack */
} answers[STACK_REQUEST_COUNT] = {
#define ANSWER(name, member)                                                                       \
    [STACK_##name] = {answer_##member, offsetof(struct sockspec_stack, member)},
    ANSWER(RESET, reset) ANSWER(INJECT, inject) ANSWER(ADVANCE, advance) ANSWER(STATE, state)
        ANSWER(PORTS, ports) ANSWER(SOCKET, socket) ANSWER(BIND, bind) ANSWER(LISTEN, listen)
            ANSWER(ACCEPT, accept) ANSWER(CONNECT, connect) ANSWER(DISCONNECT, disconnect)
                ANSWER(SEND, send) ANSWER(RECV, recv) ANSWER(SHUTDOWN, shutdown)
                    ANSWER(CLOSE, close) ANSWER(ABORT, abort) ANSWER(POLL, poll) ANSWER(DUP, dup)
                        ANSWER(NAMES, names) ANSWER(FLAGS, flags) ANSWER(SETSOCKOPT, setsockopt)
                            ANSWER(GETSOCKOPT, getsockopt)
#undef ANSWER
};

static bool has(enum stack_request_kind kind)
{
    void (*function)(void) = NULL;
    memcpy(&function, (const char *)&sockspec_stack + answers[kind].needs, sizeof(function));
    return function != NULL;
}

/* ---- Serving ---- */

/* Whether the next request is a reset; also when the world is gone. */
static bool reset_comes(void)
{
    struct stack_request request;
    ssize_t got = 0;
    do {
        got = recv(serving.channel, &request, sizeof(request), MSG_PEEK | MSG_WAITALL);
    } while (got < 0 && errno == EINTR);
    return got != (ssize_t)sizeof(request) || request.kind == STACK_RESET;
}

/* Answers requests until the world is gone or the stack is to begin anew and cannot. */
static void serve(void)
{
    bool begun = false;
    while (sockspec_stack.resets || !begun || !reset_comes()) {
        struct stack_request request;
        if (!read_all(&request, sizeof(request)) || request.size > STACK_DATA_MAX ||
            request.kind >= STACK_REQUEST_COUNT || !read_all(serving.data, request.size)) {
            return;
        }
        begun = true;
        serving.back_size = 0;
        int64_t result = has((enum stack_request_kind)request.kind)
                             ? answers[request.kind].answer(&request)
                             : -ENOSYS;
        put_reply(STACK_RESULT, result, serving.back, serving.back_size);
    }
}

/* Present where AddressSanitizer is: it reserves more address space than any limit would allow. */
extern void __asan_init(void) __attribute__((weak));

/* A stack that forgets to free ends its case and not the machine. */
static void limit_memory(void)
{
    const struct rlimit space = {ADDRESS_SPACE, ADDRESS_SPACE};
    const struct rlimit core = {0, 0};
    if (__asan_init == NULL) {
        (void)setrlimit(RLIMIT_AS, &space);
    }
    (void)setrlimit(RLIMIT_CORE, &core);
}

/* A child that ended in time left the next request where it was, or the world is gone; one that
 * ended in the middle of a call owes an answer, and nobody asks anything further. */
static bool owes_answer(void)
{
    char byte;
    return recv(serving.channel, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* Children serve one after the other; that one died is told. */
static int serve_in_children(void)
{
    for (;;) {
        char byte;
        if (recv(serving.channel, &byte, 1, MSG_PEEK) <= 0) {
            return SOCKSPEC_EXIT_OK; /* the world is gone */
        }
        (void)fflush(NULL);
        pid_t child = fork();
        if (child < 0) {
            return SOCKSPEC_EXIT_ERROR;
        }
        if (child == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            limit_memory();
            serve();
            _exit(0);
        }
        int status = 0;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        if (status != 0 || owes_answer()) {
            put_reply(STACK_DIED, status, NULL, 0);
        }
    }
}

/* The function that an operation needs; those of the host itself are needed always. */
static const struct {
    const char *word;
    int operation; /* -1: always */
    enum stack_request_kind kind;
} needed[] = {
    {"reset", -1, STACK_RESET},
    {"inject", -1, STACK_INJECT},
    {"advance", -1, STACK_ADVANCE},
    {"state", -1, STACK_STATE},
    {"ports", -1, STACK_PORTS},
#define NEEDED(name)                                                                               \
    {                                                                                              \
#name, SOCKSPEC_STACK_##name, STACK_##name                                                 \
    }
    NEEDED(SOCKET),
    NEEDED(BIND),
    NEEDED(LISTEN),
    NEEDED(ACCEPT),
    NEEDED(CONNECT),
    NEEDED(DISCONNECT),
    NEEDED(SEND),
    NEEDED(RECV),
    NEEDED(SHUTDOWN),
    NEEDED(CLOSE),
    NEEDED(ABORT),
    NEEDED(POLL),
    NEEDED(DUP),
    NEEDED(NAMES),
    NEEDED(FLAGS),
#undef NEEDED
};

static int describe(void)
{
    static const char *const support[] = {"absent", "emulated", "native"};
    static const char *const words[] = {
#define WORD(name, word) word,
        SOCKSPEC_STACK_OPERATIONS(WORD)
#undef WORD
    };
    (void)printf("name = %s\nversion = %s\n", sockspec_stack.name, sockspec_stack.version);
    for (unsigned i = 0; i < SOCKSPEC_STACK_OPERATION_COUNT; i++) {
        (void)printf("%s = %s\n", words[i], support[sockspec_stack.operations[i] % 3]);
    }
    for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        int operation = needed[i].operation;
        bool declared =
            operation < 0 || sockspec_stack.operations[operation] != SOCKSPEC_STACK_ABSENT;
        if (declared && !has(needed[i].kind)) {
            (void)printf("problem = it has no function %s\n",
                         operation < 0 ? needed[i].word : words[operation]);
        }
    }
    return SOCKSPEC_EXIT_OK;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], STACK_DESCRIBE_ARGUMENT) == 0) {
        return describe();
    }
    if (argc != 3 || strcmp(argv[1], STACK_SERVE_ARGUMENT) != 0) {
        (void)fprintf(stderr, "%s holds the stack %s: judge it with `sockspec check --stack %s`\n",
                      argv[0], sockspec_stack.version, sockspec_stack.name);
        return SOCKSPEC_EXIT_USAGE;
    }
    serving.channel = (int)strtol(argv[2], NULL, 10);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    return serve_in_children();
}
