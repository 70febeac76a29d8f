/* Random programs on sockets run on the model and on the real kernel: both must answer the same,
 * call by call, and show the same readiness and state of every socket after each. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"
#include "model/net_kernel.h"

enum { SOCKETS_MAX = 10, STEPS = 40, LOG_MAX = 1 << 17, SEEDS = 20 };

struct play {
    uint64_t seed;
    size_t used;
    char log[LOG_MAX];
};

struct walk {
    struct nk *k;
    struct play *play;
    struct random random;
    int fds[SOCKETS_MAX];
    int count;
    int listener;
    int port;
    int nobody; /* a port where nobody listens */
};

static void note(struct walk *walk, const char *what, int64_t a, int64_t b)
{
    struct play *play = walk->play;
    int size = snprintf(play->log + play->used, sizeof play->log - play->used, "%s %lld %lld\n",
                        what, (long long)a, (long long)b);
    assert_true(size > 0 && (size_t)size < sizeof play->log - play->used);
    play->used += (size_t)size;
}

/* On a real kernel an acknowledgment may be delayed; this makes it go out. */
static void hurry(struct walk *walk)
{
    for (int round = 0; walk->k->model == NULL && round < 2; round++) {
        for (int i = 0; i < walk->count; i++) {
            (void)nk_set(walk->k, walk->fds[i], IPPROTO_TCP, TCP_QUICKACK, 1);
        }
        nk_settle(walk->k);
    }
}

static void look(struct walk *walk)
{
    hurry(walk);
    for (int i = 0; i < walk->count; i++) {
        note(walk, "  at", i, nk_poll(walk->k, walk->fds[i]));
        int state = nk_state(walk->k, walk->fds[i]);
        /* The peer may be a connection that nobody accepted yet: its ACK cannot be hurried. */
        state = state == NK_FIN_WAIT1 ? NK_FIN_WAIT2 : state;
        note(walk, "  state", state, nk_peer(walk->k, walk->fds[i]) >= 0);
    }
}

static void add(struct walk *walk, int fd)
{
    if (fd < 0) {
        return;
    }
    if (walk->count == SOCKETS_MAX) {
        nk_linger(walk->k, fd, 0, 0);
        (void)nk_close(walk->k, fd);
        return;
    }
    nk_nonblock(walk->k, fd);
    walk->fds[walk->count++] = fd;
}

static void transfer(struct walk *walk, int fd)
{
    char data[512];
    size_t size = 1 + random_below(&walk->random, 60);
    static const int flags[] = {0, 0, 0, MSG_PEEK, MSG_WAITALL, MSG_OOB};
    int flag = flags[random_below(&walk->random, 6)];
    memset(data, 'a' + (int)size % 26, sizeof data);
    if (random_below(&walk->random, 2) == 0) {
        note(walk, "send", nk_send(walk->k, fd, data, size, flag & MSG_OOB), flag);
        return;
    }
    int64_t got = nk_recv(walk->k, fd, data, size, flag);
    note(walk, "recv", got, flag);
    for (int64_t i = 0; i < got; i++) {
        note(walk, "   byte", data[i], 0);
    }
}

static void give_up(struct walk *walk, int index)
{
    int fd = walk->fds[index];
    if (random_below(&walk->random, 3) == 0) {
        nk_linger(walk->k, fd, 1, 0);
    }
    note(walk, "close", nk_close(walk->k, fd), index);
    if (fd == walk->listener) {
        walk->listener = -1;
    }
    walk->fds[index] = walk->fds[--walk->count];
}

/* Options and names: a fresh socket too, on the listener's port or a free one. */
static void settle_names(struct walk *walk, int fd)
{
    struct nk *k = walk->k;
    int value = (int)random_below(&walk->random, 3);
    switch (random_below(&walk->random, 6)) {
    case 0:
        note(walk, "inline", nk_set(k, fd, SOL_SOCKET, SO_OOBINLINE, value), value);
        break;
    case 1:
        note(walk, "lowat", nk_set(k, fd, SOL_SOCKET, SO_RCVLOWAT, value * 20), value);
        break;
    case 2:
        note(walk, "reuse", nk_set(k, fd, SOL_SOCKET, SO_REUSEADDR, value), value);
        break;
    case 3:
        note(walk, "bind", nk_bind(k, fd, value == 0 ? 0 : walk->port), value);
        break;
    case 4:
        note(walk, "bound", nk_port(k, fd) > 0, nk_get(k, fd, SOL_SOCKET, SO_ACCEPTCONN));
        break;
    default:
        fd = nk_socket(k, AF_INET, SOCK_NONBLOCK);
        note(walk, "socket", nk_set(k, fd, SOL_SOCKET, SO_REUSEADDR, value), value);
        add(walk, fd);
        break;
    }
}

static void step(struct walk *walk)
{
    struct nk *k = walk->k;
    uint32_t choice = random_below(&walk->random, 27);
    int index = walk->count > 0 ? (int)random_below(&walk->random, (uint32_t)walk->count) : 0;
    int fd = walk->count > 0 ? walk->fds[index] : -1;
    if (choice < 3 || fd < 0) {
        int port = random_below(&walk->random, 8) == 0 ? walk->nobody : walk->port;
        fd = nk_socket(k, AF_INET, SOCK_NONBLOCK);
        note(walk, "connect", nk_connect(k, fd, port), 0);
        add(walk, fd);
    } else if (choice < 6) {
        fd = walk->listener >= 0 ? walk->listener : fd;
        int got = nk_accept(k, fd);
        note(walk, "accept", got >= 0 ? 0 : got, 0);
        add(walk, got);
    } else if (choice < 14) {
        transfer(walk, fd);
    } else if (choice < 16) {
        int how = (int)random_below(&walk->random, 4);
        note(walk, "shutdown", nk_shutdown(k, fd, how), how);
    } else if (choice == 16) {
        give_up(walk, index);
    } else if (choice == 17) {
        note(walk, "error", nk_error(k, fd), 0);
    } else if (choice == 18 && nk_port(k, fd) != walk->port) {
        /* A socket that connects to itself has a test of its own. */
        note(walk, "connect again", nk_connect(k, fd, walk->port), 0);
    } else if (choice == 19) {
        int got = nk_dup(k, fd);
        note(walk, "dup", got >= 0, 0);
        add(walk, got);
    } else if (choice == 20 || choice == 18) {
        note(walk, "ioctl", nk_ioctl(k, fd, FIONREAD), nk_ioctl(k, fd, SIOCATMARK));
    } else if (choice < 25) {
        settle_names(walk, fd);
    } else {
        struct sockaddr none = {.sa_family = AF_UNSPEC};
        if (random_below(&walk->random, 3) == 0 && fd != walk->listener) {
            note(walk, "dissolve", nk_connect_raw(k, fd, &none, sizeof none), 0);
        } else {
            note(walk, "listen", nk_listen(k, fd, 2), 0);
        }
    }
}

static void random_program(struct nk *k)
{
    struct play *play = k->context;
    struct walk walk = {.k = k, .play = play, .random = {.state = play->seed}};
    int closed = nk_listener(k, 1);
    walk.nobody = nk_port(k, closed);
    (void)nk_close(k, closed);
    walk.listener = nk_listener(k, 2);
    walk.port = nk_port(k, walk.listener);
    add(&walk, walk.listener);
    for (int i = 0; i < STEPS; i++) {
        step(&walk);
        look(&walk);
    }
    while (walk.count > 0) {
        (void)nk_close(k, walk.fds[--walk.count]);
    }
}

static void same_on_both(uint64_t seed)
{
    static struct play model;
    static struct play linux_play;
    model.seed = linux_play.seed = seed;
    model.used = linux_play.used = 0;
    nk_on_model(random_program, &model);
    nk_on_linux(random_program, &linux_play);
    size_t same = 0;
    while (same < model.used && same < linux_play.used && model.log[same] == linux_play.log[same]) {
        same++;
    }
    if (model.used == linux_play.used && same == model.used) {
        return;
    }
    size_t from = same;
    for (int lines = 0; from > 0 && lines < 40; from--) {
        lines += model.log[from - 1] == '\n';
    }
    model.log[model.used] = '\0';
    linux_play.log[linux_play.used] = '\0';
    print_error("seed %llu, after\n%.*s\nthe model says\n%.160s\nLinux says\n%.160s\n",
                (unsigned long long)seed, (int)(same - from), model.log + from, model.log + same,
                linux_play.log + same);
    fail();
}

static void random_programs_see_the_same(void **state)
{
    const char *first = getenv("SOCKSPEC_TWIN_SEED");
    uint64_t seed = first != NULL ? strtoull(first, NULL, 10) : 1;
    (void)state;
    if (!nk_linux_usable()) {
        skip();
    }
    for (uint64_t i = 0; i < SEEDS; i++) {
        same_on_both(seed + i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_programs_see_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
